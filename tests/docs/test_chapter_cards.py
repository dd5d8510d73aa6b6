"""Cards of chapters: a link with a text, attributes that HTML knows, and no id twice."""

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mini_gallery import MiniGallery


def test_cards_are_links_with_a_text(mini_gallery: "MiniGallery") -> None:
    mini_gallery.configure(("chapter_cards",))
    mini_gallery.write("one_chapter", "print(1)")
    status, output = mini_gallery.build()
    assert status == 0, output
    for page in (mini_gallery.html / "index.html", mini_gallery.html.parent / "index.html"):
        text = page.read_text(encoding="utf-8")
        (card,) = re.findall(r'<div class="sphx-glr-thumbcontainer".*?</div>', text, re.DOTALL)
        assert " tooltip=" not in card
        assert re.search(r"<a [^>]*>\s*<span[^>]*>one_chapter</span></a>", card)
        assert "sphx-glr-thumbnail-title" not in text
        assert "sg-tag-list" not in text


def test_without_it_the_id_is_there_twice(mini_gallery: "MiniGallery") -> None:
    mini_gallery.write("one_chapter", "print(1)")
    mini_gallery.build()
    text = (mini_gallery.html.parent / "index.html").read_text(encoding="utf-8")
    assert "sg-tag-list" in text
    assert "sphx-glr-thumbnail-title" in text
