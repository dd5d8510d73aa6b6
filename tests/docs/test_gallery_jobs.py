"""Chapters are executed side by side, and nothing that a build promises gets lost by that."""

import re
from pathlib import Path

import pytest
from mini_gallery import MiniGallery

SAY_WHO = """
import os
from pathlib import Path
Path(os.environ["WHO"]).open("a").write(f"{os.getpid()} ")
"""
FIGURE = "import matplotlib.pyplot as plt\n\nplt.plot([1, 2])\nplt.show()\n"


class Gallery(MiniGallery):
    """A miniature gallery whose chapters say which process executes them."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.who = root / "who.txt"
        self.set()
        for name in ("01_first", "02_second", "03_third"):
            self.write(name, SAY_WHO)

    def set(self, other: str = "") -> None:
        """Set the values of the extension."""
        self.configure(
            ("gallery_figures", "gallery_jobs", "gallery_stamp", "offline"),
            f"gallery_jobs = 2\n{other}",
            image_scrapers=("gallery_figures.scraper",),
            reset_modules=("matplotlib", "offline.guard_worker"),
        )

    def processes(self, *options: str) -> list[str]:
        """Build, and return which processes executed chapters."""
        self.who.write_text("")
        status, output = self.build(*options)
        assert status == 0, output
        return self.who.read_text().split()


@pytest.fixture
def gallery(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Gallery:
    gallery = Gallery(tmp_path)
    monkeypatch.setenv("WHO", str(gallery.who))
    return gallery


def test_only_as_many_processes_as_chapters_that_have_to_be_executed(gallery: Gallery) -> None:
    first = gallery.processes()
    assert len(first) == 3
    this = gallery.processes("-D", "gallery_jobs=1", "-E")
    assert this == []  # nothing changed
    for name in ("01_first", "02_second"):
        gallery.write(name, SAY_WHO + "print(1)")
    assert len(gallery.processes()) == 2
    gallery.write("03_third", SAY_WHO + "print(2)")
    here = gallery.processes()
    assert len(here) == 1
    assert here[0] not in first  # one chapter is not worth another process
    gallery.write("03_third", SAY_WHO + "print(3)")
    assert gallery.processes() == here


def test_processes_have_imported_what_chapters_do(gallery: Gallery, tmp_path: Path) -> None:
    gallery.set('gallery_imports = ["wave"]')
    code = (
        "import sys\nimport time\nfrom pathlib import Path\n\n"
        "Path({}).write_text(str('wave' in sys.modules))\ntime.sleep(1)"
    )
    names = ("01_first", "02_second", "03_third")
    for name in names:
        gallery.write(name, code.format(repr(str(tmp_path / name))))
    status, output = gallery.build()
    assert status == 0, output
    # Not in every process: this import is so short that one of them may do it twice.
    assert "True" in [(tmp_path / name).read_text() for name in names]
    gallery.set('gallery_imports = ["no_such_module"]')
    for name in ("01_first", "02_second"):
        gallery.write(name, SAY_WHO + "print(3)")
    status, output = gallery.build()
    assert status != 0
    assert "No module named 'no_such_module'" in output


def test_chapters_that_take_long_come_first_and_pages_keep_their_order(gallery: Gallery) -> None:
    gallery.set('gallery_first = ["basics/03_third"]')
    for name in ("01_first", "02_second"):
        gallery.write(name, "import time\n\ntime.sleep(2)")
    status, output = gallery.build()
    assert status == 0, output
    assert re.findall(r"executing chapters\.\.\. \[ *\d+%\] (\S+)", output)[0] == "basics/03_third"
    index = (gallery.section / "index.rst").read_text("utf-8")
    places = [
        index.index(f"/course/basics/{name}") for name in ("01_first", "02_second", "03_third")
    ]
    assert places == sorted(places)


def test_chapter_that_fails_in_another_process_fails_the_build(gallery: Gallery) -> None:
    gallery.write("02_second", "raise ValueError('on purpose')")
    for _ in range(2):
        status, output = gallery.build("--keep-going")
        assert status != 0
        assert "ValueError: on purpose" in output


def test_figure_without_a_description_fails_the_build_in_another_process_too(
    gallery: Gallery,
) -> None:
    gallery.write("02_second", FIGURE)
    status, output = gallery.build("--keep-going")
    assert status != 0
    assert "02_second.py:5: WARNING: figure without alt text" in output


def test_other_processes_may_not_leave_this_machine_either(gallery: Gallery) -> None:
    for name in ("01_first", "02_second"):
        gallery.write(name, 'import socket\nsocket.getaddrinfo("example.com", 80)')
    status, output = gallery.build("--keep-going")
    assert status != 0
    assert output.count("RuntimeError: the build tried to contact 'example.com'") >= 2
