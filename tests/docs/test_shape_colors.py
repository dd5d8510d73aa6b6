"""Shapes at the start of a comment are special comments; everything else stays as it was."""

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from mini_site import MiniSite
from pygments.lexers.python import PythonLexer
from pygments.token import Comment
from shape_colors import PythonWithShapes

if TYPE_CHECKING:
    from mini_gallery import MiniGallery


def comments_in(code: str) -> list[tuple[object, str]]:
    return [token for token in PythonWithShapes().get_tokens(code) if token[0] in Comment]


@pytest.mark.parametrize(
    ("comment", "shapes", "words"),
    [
        ("# (64, 10)", "# (64, 10)", ""),
        ("# (64, 1, 28, 28), (64,)", "# (64, 1, 28, 28), (64,)", ""),
        ("# (N, 784), one row an image", "# (N, 784)", ", one row an image"),
        ("# () a number", "# ()", " a number"),
    ],
)
def test_shapes_are_told_from_words(comment: str, shapes: str, words: str) -> None:
    found = comments_in(f"x = f(y)  {comment}\n")
    assert found[0] == (Comment.Special, shapes)
    assert found[1:] == ([(Comment.Single, words)] if words else [])


@pytest.mark.parametrize("comment", ["# (see below)", "# f(64, 10)", "#(64, 10)", "# (64 10)"])
def test_other_comments_stay(comment: str) -> None:
    assert comments_in(f"x = 1  {comment}\n") == [(Comment.Single, comment)]


def test_no_character_is_lost() -> None:
    code = Path(__file__).read_text("utf-8")
    assert "".join(text for _, text in PythonWithShapes().get_tokens(code)) == "".join(
        text for _, text in PythonLexer().get_tokens(code)
    )


@pytest.mark.parametrize("name", ["python", "Python"])
def test_pages_mark_them(name: str, tmp_path: Path) -> None:
    site = MiniSite(tmp_path / "site", "shape_colors")
    site.write("index.rst", f"Site\n====\n\n.. code-block:: {name}\n\n   x = 1  # (64, 10)\n")
    status, output = site.build()
    assert status == 0, output
    assert '<span class="cs"># (64, 10)</span>' in site.page()


def test_chapters_mark_them(mini_gallery: "MiniGallery") -> None:
    mini_gallery.configure(("shape_colors",))
    mini_gallery.write(
        "chapter", "import os\n\nx = os.sep  # (64, 10), one row an image\ny = 1  # one"
    )
    status, output = mini_gallery.build()
    assert status == 0, output
    page = (mini_gallery.html / "chapter.html").read_text("utf-8")
    assert '<span class="cs"># (64, 10)</span><span class="c1">, one row an image</span>' in page
    assert '<span class="c1"># one</span>' in page
