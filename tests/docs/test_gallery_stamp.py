"""Which chapters are executed again, and what is left of chapters that are gone."""

from pathlib import Path

import pytest
from mini_gallery import MiniGallery

LOG_NAME = """
import os
from pathlib import Path
with Path(os.environ["EXECUTED"]).open("a") as log:
    log.write("NAME ")
"""
CHANGED = "all chapters are executed again"


class StampedGallery(MiniGallery):
    """A miniature gallery of two chapters that say when they are executed."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.log = root / "executed.txt"
        self.package = root / "package"
        self.package.mkdir()
        (self.package / "models.py").write_text("width = 16\n")
        self.configure(
            ("gallery_stamp",),
            "gallery_stamp_paths = ['../package', 'conf.py']",
            doc_module=("collections",),
            backreferences_dir="api",
        )
        for name in ("01_first", "02_second"):
            self.write(name)

    def write(self, name: str, code: str = "", section: str = "basics") -> Path:
        return super().write(name, LOG_NAME.replace("NAME", name) + code, section)

    def executed_by_build(self, *options: str) -> list[str]:
        """Build, and return which chapters that executed."""
        self.log.write_text("")
        status, self.said = self.build(*options)
        assert status == 0, self.said
        return self.log.read_text().split()


@pytest.fixture
def gallery(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StampedGallery:
    monkeypatch.delenv("FIRSTLAYERS_DATASET", raising=False)
    gallery = StampedGallery(tmp_path)
    monkeypatch.setenv("EXECUTED", str(gallery.log))
    assert gallery.executed_by_build() == ["01_first", "02_second"]
    assert CHANGED not in gallery.said  # There was nothing to execute "again".
    return gallery


def test_unchanged_build_executes_nothing_and_reads_no_page(gallery: StampedGallery) -> None:
    assert gallery.executed_by_build() == []
    assert "0 added, 0 changed, 0 removed" in gallery.said


def test_edited_chapter_is_executed_alone(gallery: StampedGallery) -> None:
    gallery.write("02_second", "print('edited')")
    assert gallery.executed_by_build() == ["02_second"]
    assert CHANGED not in gallery.said


def test_changed_package_executes_all_once(gallery: StampedGallery) -> None:
    (gallery.package / "models.py").write_text("width = 32\n")
    assert gallery.executed_by_build() == ["01_first", "02_second"]
    assert gallery.said.count(CHANGED) == 1
    assert "[config changed" not in gallery.said
    assert gallery.executed_by_build() == []


def test_compiled_files_of_the_package_do_not_count(gallery: StampedGallery) -> None:
    (gallery.package / "__pycache__").mkdir()
    (gallery.package / "__pycache__" / "models.pyc").write_bytes(b"compiled")
    assert gallery.executed_by_build() == []


def test_changed_dataset_executes_all(
    gallery: StampedGallery, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FIRSTLAYERS_DATASET", "digits")
    assert gallery.executed_by_build() == []
    monkeypatch.setenv("FIRSTLAYERS_DATASET", "mnist")
    assert gallery.executed_by_build() == ["01_first", "02_second"]


def test_another_data_set_on_this_machine_executes_all(
    gallery: StampedGallery, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("FIRSTLAYERS_DATA", str(tmp_path / "data"))
    gallery.executed_by_build()
    (tmp_path / "data" / "FashionMNIST" / "raw").mkdir(parents=True)
    assert gallery.executed_by_build() == ["01_first", "02_second"]
    assert gallery.executed_by_build() == []


def test_change_is_kept_for_the_next_build_that_executes(gallery: StampedGallery) -> None:
    page = gallery.section / "01_first.rst"
    with_outputs = page.read_text()
    (gallery.package / "models.py").write_text("width = 32\n")
    assert gallery.executed_by_build("-D", "plot_gallery=0") == []
    assert page.read_text() == with_outputs
    assert gallery.executed_by_build() == ["01_first", "02_second"]


def test_interrupted_build_goes_on_where_it_stopped(gallery: StampedGallery) -> None:
    (gallery.package / "models.py").write_text("width = 32\n")
    chapter = gallery.write("02_second", "raise KeyboardInterrupt")
    assert gallery.build()[0] != 0
    chapter.write_text(chapter.read_text().replace("raise KeyboardInterrupt", ""))
    assert gallery.executed_by_build() == ["02_second"]


def test_undoing_a_failing_edit_executes_the_chapter_again(gallery: StampedGallery) -> None:
    gallery.write("02_second", "raise ValueError('typo')")
    assert gallery.build()[0] != 0
    gallery.write("02_second")
    assert gallery.executed_by_build() == ["02_second"]
    assert "typo" not in (gallery.section / "02_second.rst").read_text()


def test_missing_path_is_named(gallery: StampedGallery) -> None:
    gallery.configure(("gallery_stamp",), "gallery_stamp_paths = ['../pakage']")
    status, said = gallery.build()
    assert status != 0
    assert "gallery_stamp_paths: '../pakage' does not exist" in said


def test_deleted_chapter_leaves_nothing_behind(gallery: StampedGallery) -> None:
    # The chapter has a picture and is linked from an API page. Another's name begins like its.
    plot = "import matplotlib.pyplot as plt\nplt.plot()"
    chapter = gallery.write("02_second", f"import collections\ncollections.Counter()\n{plot}")
    gallery.write("02_second_look", plot)
    assert gallery.executed_by_build() == ["02_second", "02_second_look"]
    images = gallery.section / "images"
    (images / "line.png").write_bytes((images / "sphx_glr_02_second_001.png").read_bytes())
    (images / "sphx_glr_02_second_001_dark.png").touch()
    (gallery.section / "02_second.txt").touch()
    before = {path.name for path in gallery.section.rglob("*")}
    links = gallery.docs / "api" / "collections.Counter.examples"
    assert "basics/02_second`" in links.read_text()

    chapter.unlink()
    assert gallery.executed_by_build() == []
    assert not links.exists()
    assert before - {path.name for path in gallery.section.rglob("*")} == {
        "02_second.codeobj.json",
        "02_second.cost.json",
        "02_second.ipynb",
        "02_second.py",
        "02_second.py.md5",
        "02_second.rst",
        "02_second.zip",
        "line.png",
        "sphx_glr_02_second_001.png",
        "sphx_glr_02_second_001_dark.png",
        "sphx_glr_02_second_thumb.png",
    }


def test_deleted_section_leaves_nothing_behind(gallery: StampedGallery) -> None:
    section = gallery.chapters / "further"
    section.mkdir()
    header = section / "GALLERY_HEADER.rst"
    header.write_text("Further\n=======\n")
    chapter = gallery.write("03_third", section="further")
    assert gallery.executed_by_build() == ["03_third"]
    assert (gallery.docs / "course" / "further" / "index.rst").exists()

    chapter.unlink()
    header.unlink()
    section.rmdir()
    assert gallery.executed_by_build() == []
    assert not (gallery.docs / "course" / "further").exists()
