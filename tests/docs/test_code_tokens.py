"""Code with one node for each stretch without a link shows and links the same as before."""

import re
from typing import TYPE_CHECKING

from bs4 import BeautifulSoup, Tag

if TYPE_CHECKING:
    from conftest import MiniGallery

CODE = '''import os

path = os.path.join("a<b>", 'c & "d"')  # (64, 10) of <these>
text = """two
lines"""
print(path, os.sep, text)'''


def blocks(gallery: "MiniGallery", *extensions: str) -> list[Tag]:
    gallery.configure(("inventories", *extensions))
    gallery.write("chapter", CODE)
    status, output = gallery.build()
    assert status == 0, output
    page = (gallery.html / "chapter.html").read_text("utf-8")
    return list(BeautifulSoup(page, "html.parser").select("div.highlight > pre"))


def test_a_page_is_the_same(mini_gallery: "MiniGallery") -> None:
    before = blocks(mini_gallery)
    after = blocks(mini_gallery, "code_tokens")
    assert after == before
    (code,) = (block for block in after if "import" in block.get_text())
    assert code.get_text() == f"{CODE}\n"
    assert "os.sep" in {link.get_text() for link in code.select("a")}


def test_words_of_code_are_found(mini_gallery: "MiniGallery") -> None:
    found = []
    for extensions in ((), ("code_tokens",)):
        blocks(mini_gallery, *extensions)
        index = next(mini_gallery.html.parents[1].rglob("searchindex.js")).read_text("utf-8")
        found.append(set(re.findall(r"\w+", index)))
    assert found[0] == found[1]
    assert "line" in found[0]
