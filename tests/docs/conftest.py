"""Make the site's own extensions importable, and give their tests a miniature gallery."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from mini_gallery import MiniGallery

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))
sys.path.insert(0, str(HERE.parents[1] / "docs" / "_ext"))


@pytest.fixture
def mini_gallery(tmp_path: Path) -> "MiniGallery":
    """An empty miniature gallery in a folder of its own."""
    from mini_gallery import MiniGallery

    return MiniGallery(tmp_path)
