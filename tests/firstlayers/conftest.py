"""Keep the tests apart: figures are drawn off screen and closed, and no setting leaks in."""

import sys
from collections.abc import Iterator
from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt
import pytest

sys.path.insert(0, str(Path(__file__).parent))  # for idx_files


@pytest.fixture(autouse=True)
def off_screen() -> Iterator[None]:
    """Draw without a display; afterwards close all figures and put the style back."""
    mpl.use("Agg")
    with mpl.rc_context():
        yield
    plt.close("all")


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forget which data set the user or CI asked for."""
    monkeypatch.delenv("FIRSTLAYERS_DATASET", raising=False)
    monkeypatch.delenv("FIRSTLAYERS_DATA", raising=False)
