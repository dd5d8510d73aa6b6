"""A build with a data set that is not there stops at once, and says why."""

import sys
from pathlib import Path

import pytest
from mini_gallery import MiniGallery

sys.path.insert(0, str(Path(__file__).parents[1] / "firstlayers"))
from idx_files import write_dataset
from torchvision.datasets import MNIST

CHAPTER = """
from firstlayers.data import load_dataset
print(type(load_dataset()[0]).__name__, len(load_dataset()[0]), "images")
"""


@pytest.fixture
def gallery(
    mini_gallery: MiniGallery, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> MiniGallery:
    monkeypatch.setenv("FIRSTLAYERS_DATA", str(tmp_path / "data"))
    monkeypatch.setattr(MNIST, "mirrors", ["http://127.0.0.1:9/"])
    mini_gallery.configure(("gallery_dataset",))
    mini_gallery.write("01_chapter", CHAPTER)
    return mini_gallery


def page(gallery: MiniGallery) -> str:
    return (gallery.html / "01_chapter.html").read_text(encoding="utf-8")


def test_data_set_that_cannot_be_had_stops_the_build(
    gallery: MiniGallery, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FIRSTLAYERS_DATASET", "mnist")
    status, said = gallery.build()
    assert status != 0
    assert "127.0.0.1:9 could not be reached" in said
    assert "Three ways on:" in said
    assert not (gallery.section / "01_chapter.rst").exists()  # no chapter was executed
    assert "The data set is not there!" in said


def test_data_set_that_is_there_is_used(
    gallery: MiniGallery, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    write_dataset(tmp_path / "data")
    monkeypatch.setenv("FIRSTLAYERS_DATASET", "mnist")
    status, said = gallery.build()
    assert status == 0, said
    assert "MNIST 20 images" in page(gallery)


def test_unknown_name_stops_the_build(
    gallery: MiniGallery, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FIRSTLAYERS_DATASET", "cifar")
    status, said = gallery.build()
    assert status != 0
    assert "There is no data set 'cifar': choose one of digits, mnist, fashion-mnist" in said


@pytest.mark.parametrize("name", ["digits", ""])
def test_bundled_digits_need_nothing(
    gallery: MiniGallery, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv("FIRSTLAYERS_DATASET", name)
    status, said = gallery.build()
    assert status == 0, said
    assert "Digits 1442 images" in page(gallery)
