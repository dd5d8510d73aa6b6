"""Chapters are executed side by side, and nothing that a build promises gets lost by that."""

import multiprocessing
import os
import re
import subprocess
import sys
from pathlib import Path

import gallery_jobs
import pytest
from mini_gallery import MiniGallery

FIGURE = "import matplotlib.pyplot as plt\n\nplt.plot([1, 2])\nplt.show()\n"


class Gallery(MiniGallery):
    """A miniature gallery whose chapters say which process executes them."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.who = root / "who.txt"
        self.say_who = (
            "import os\nfrom pathlib import Path\n\n"
            f"Path({str(self.who)!r}).open('a').write(f'{{os.getpid()}} ')\n"
        )
        self.modules = root / "modules"
        self.modules.mkdir()
        self.builder = 0  # the process of the last build
        self.set()
        for name in ("01_first", "02_second", "03_third"):
            self.write(name, self.say_who)

    def set(self, other: str = "") -> None:
        """Set the values of the extension."""
        self.configure(
            ("gallery_figures", "gallery_jobs", "gallery_stamp", "offline"),
            f"gallery_jobs = 2\n{other}",
            image_scrapers=("gallery_figures.scraper",),
            reset_modules=("matplotlib", "offline.guard_worker"),
        )

    def build(self, *options: str) -> tuple[int, str]:
        """Build in a process of its own: what it forks from would stay in this one, for other tests."""
        path = os.pathsep.join([str(self.modules), str(Path(gallery_jobs.__file__).parent)])
        command = [sys.executable, "-m", "sphinx", "-W", "-n", "--no-color", *options]
        with subprocess.Popen(
            [*command, str(self.docs), str(self.docs / "_build")],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            env={**os.environ, "PYTHONPATH": path},
        ) as build:
            output, _ = build.communicate()
        self.builder = build.pid
        return build.returncode, output

    def processes(self, *options: str) -> list[str]:
        """Build, and return which processes executed chapters."""
        self.who.write_text("")
        status, output = self.build(*options)
        assert status == 0, output
        return self.who.read_text().split()


@pytest.fixture
def gallery(tmp_path: Path) -> Gallery:
    return Gallery(tmp_path)


def test_only_as_many_processes_as_chapters_that_have_to_be_executed(gallery: Gallery) -> None:
    first = gallery.processes()
    assert len(first) == 3
    this = gallery.processes("-D", "gallery_jobs=1", "-E")
    assert this == []  # nothing changed
    for name in ("01_first", "02_second"):
        gallery.write(name, gallery.say_who + "print(1)")
    assert len(gallery.processes()) == 2
    gallery.write("03_third", gallery.say_who + "print(2)")
    processes = gallery.processes()
    assert processes == [str(gallery.builder)]  # one chapter is not worth another process


@pytest.mark.skipif(
    "forkserver" not in multiprocessing.get_all_start_methods(), reason="Windows cannot fork"
)
def test_processes_come_from_one_that_has_imported_what_chapters_do(
    gallery: Gallery, tmp_path: Path
) -> None:
    module = gallery.modules / "imported.py"
    module.write_text("import os\n\nBY = os.getpid()\n", encoding="utf-8")
    gallery.set('gallery_imports = ["imported"]')
    code = (
        "import os\nimport time\nfrom pathlib import Path\n\nimport imported\n\n"
        "Path({!r}).write_text(f'{{imported.BY}} {{os.getppid()}} {{os.getpid()}}')\n"
        "time.sleep(1)"
    )
    names = ("01_first", "02_second", "03_third")
    for name in names:
        gallery.write(name, code.format(str(tmp_path / name)))
    status, output = gallery.build()
    assert status == 0, output
    said = [(tmp_path / name).read_text().split() for name in names]
    importers, parents, processes = (set(each) for each in zip(*said, strict=True))
    assert len(processes) == 2
    assert importers == parents
    assert len(parents) == 1
    assert str(gallery.builder) not in parents


def test_what_cannot_be_imported_ends_the_build(gallery: Gallery) -> None:
    gallery.set('gallery_imports = ["no_such_module"]')
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
