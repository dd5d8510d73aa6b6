"""The bar of chapters and the map of a track say what the chapters' scripts say."""

import re
import sys
from pathlib import Path

import pytest
from mini_gallery import MiniGallery
from sphinx.errors import ExtensionError

sys.path.insert(0, str(Path(__file__).parents[2] / "docs" / "_ext"))
from tracks import label_of, read_chapter

CHAPTER = '''"""
{title}
{line}

You will do {what},
and more.

**In this chapter you learn**

* nothing.

**You need** {needs}.
**Time:** {minutes} minutes.
"""

print(1)
'''
TEMPLATES = Path(__file__).parents[2] / "docs" / "_templates"
BAR = (
    '{%- extends "!layout.html" %}{% block header %}{% include "chapter-bar.html" %}{% endblock %}'
)


def write(gallery: MiniGallery, stem: str, title: str, minutes: int, needs: str = "Python") -> Path:
    path = gallery.chapters / "basics" / f"{stem}.py"
    text = CHAPTER.format(
        title=title, line="=" * len(title), what=stem, needs=needs, minutes=minutes
    )
    path.write_text(text, encoding="utf-8")
    return path


@pytest.fixture
def gallery(mini_gallery: MiniGallery) -> MiniGallery:
    templates = mini_gallery.docs / "_templates"
    templates.mkdir()
    (templates / "layout.html").write_text(BAR, encoding="utf-8")
    bar = (TEMPLATES / "chapter-bar.html").read_text(encoding="utf-8")
    (templates / "chapter-bar.html").write_text(bar, encoding="utf-8")
    mini_gallery.configure(
        ("tracks",),
        "templates_path = ['_templates']\nchapter_labels = {'save_load': 'Save & load'}",
    )
    header = mini_gallery.chapters / "basics" / "GALLERY_HEADER.rst"
    header.write_text("Basics\n------\n\n.. chapter-map::\n", encoding="utf-8")
    write(mini_gallery, "01_quickstart", "Start quickly", 10)
    write(mini_gallery, "02_build_model", "Build it", 25, ":doc:`01_quickstart`, and patience")
    needs = ":doc:`02_build_model`, and\nwhat is in :doc:`01_quickstart`"
    write(mini_gallery, "03_save_load", "Keep it", 30, needs)
    return mini_gallery


def page(gallery: MiniGallery, name: str) -> str:
    return (gallery.html / f"{name}.html").read_text(encoding="utf-8")


def bar(gallery: MiniGallery, name: str) -> list[tuple[str, str]]:
    nav = re.search(r'<nav class="fl-chapter-bar".*?</nav>', page(gallery, name), re.DOTALL)
    assert nav is not None
    return re.findall(r'<a href="([^"]*)"[^>]*>([^<]*)</a>', nav[0])


def test_bar_leads_to_every_chapter_and_marks_the_one_you_read(gallery: MiniGallery) -> None:
    status, said = gallery.build()
    assert status == 0, said
    assert bar(gallery, "02_build_model") == [
        ("index.html", "Intro"),
        ("01_quickstart.html", "Quickstart"),
        ("#", "Build model"),
        ("03_save_load.html", "Save &amp; load"),
    ]
    assert bar(gallery, "index")[0] == ("#", "Intro")
    assert page(gallery, "03_save_load").count('aria-current="page">Save') == 1
    # Pages outside of a track have none.
    home = (gallery.html.parents[1] / "index.html").read_text(encoding="utf-8")
    assert "fl-chapter-bar" not in home


def test_map_tells_promise_minutes_and_what_a_chapter_builds_on(gallery: MiniGallery) -> None:
    status, said = gallery.build()
    assert status == 0, said
    index = page(gallery, "index")
    assert "3 chapters, 1 h 05 min of reading" in index
    rows = [
        re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", row)).strip()
        for row in re.findall(r"<tr class=\"row-.*?</tr>", index, re.DOTALL)
    ]
    assert rows[1:] == [
        "Start quickly You will do 01_quickstart, and more. 10",
        "Build it You will do 02_build_model, and more. 25 Quickstart",
        "Keep it You will do 03_save_load, and more. 30 Build model , Quickstart",
    ]


def test_map_follows_a_change_of_a_chapter(gallery: MiniGallery) -> None:
    gallery.build()
    write(gallery, "01_quickstart", "Start even quicker", 15)
    status, said = gallery.build()
    assert status == 0, said
    assert "Start even quicker" in page(gallery, "index")
    assert "1 h 10 min" in page(gallery, "index")


def test_chapter_that_does_not_say_its_minutes_is_named(tmp_path: Path) -> None:
    path = tmp_path / "01_silent.py"
    path.write_text('"""\nSilent\n======\n\nYou will hear nothing.\n"""\n', encoding="utf-8")
    with pytest.raises(ExtensionError, match=r"01_silent\.py: the first text block lacks"):
        read_chapter(path)


def test_labels_are_read_off_file_names() -> None:
    assert label_of("06_build_model", {}) == "Build model"
    assert label_of("11_save_load", {"save_load": "Save & load"}) == "Save & load"
