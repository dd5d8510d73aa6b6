"""Keep the tests apart: figures are drawn off screen and closed, and no setting leaks in."""

import sys
from collections.abc import Iterator
from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt
import pytest
from torchvision.datasets import MNIST, FashionMNIST

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


@pytest.fixture(autouse=True)
def no_foreign_host(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no test ask a real mirror: nobody listens at this address."""
    for kind in (MNIST, FashionMNIST):
        monkeypatch.setattr(kind, "mirrors", ["http://127.0.0.1:9/"])
    monkeypatch.setenv("no_proxy", "127.0.0.1")
