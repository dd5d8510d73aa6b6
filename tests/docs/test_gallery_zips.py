"""Downloads are the same files for the same chapters, whenever they were built."""

import os
import stat
import zipfile
from pathlib import Path

from mini_gallery import MiniGallery


def test_a_chapter_built_at_another_time_is_packed_into_the_same_bytes(tmp_path: Path) -> None:
    packed = []
    for day in (1, 2):
        gallery = MiniGallery(tmp_path / str(day))
        gallery.configure(extensions=("gallery_zips",))
        chapter = gallery.write("hello", 'print("hello")')
        os.utime(chapter, (day * 1e8, day * 1e8))
        assert gallery.build()[0] == 0
        (download,) = (gallery.docs / "_build").rglob("hello.zip")
        packed.append(download.read_bytes())
    assert packed[0] == packed[1]


def test_the_packed_files_are_whole_and_readable(mini_gallery: MiniGallery) -> None:
    mini_gallery.configure(extensions=("gallery_zips",))
    chapter = mini_gallery.write("hello", 'print("hello")')
    assert mini_gallery.build()[0] == 0
    (download,) = (mini_gallery.docs / "_build").rglob("hello.zip")
    with zipfile.ZipFile(download) as packed:
        assert packed.testzip() is None
        assert packed.namelist() == ["hello.ipynb", "hello.py"]
        assert packed.read("hello.py") == chapter.read_bytes()
        assert all(info.external_attr >> 16 & stat.S_IRUSR for info in packed.infolist())


def test_a_second_build_leaves_the_files_untouched(mini_gallery: MiniGallery) -> None:
    mini_gallery.configure(extensions=("gallery_zips",))
    mini_gallery.write("hello", 'print("hello")')
    assert mini_gallery.build()[0] == 0
    packed = mini_gallery.section / "hello.zip"
    before = packed.stat().st_mtime_ns
    assert mini_gallery.build()[0] == 0
    assert packed.stat().st_mtime_ns == before
