"""Cards of chapters, as sphinx-gallery writes them, made fit for everybody.

A card's only link has its text hidden, because the title stands below it, out of the link. Screen
readers then have nothing to say, and the link itself nothing to show. Here the title goes, the link's
text stays, and the style sheet stretches it over the card. Attributes that HTML does not know become
ones that it does, and the list of tags, which repeats an id on nested pages and is empty, is left out.
"""

from __future__ import annotations

import re
from typing import Any

from docutils import nodes
from sphinx.transforms import SphinxTransform
from sphinx.util.typing import ExtensionMetadata

_TAGS = "<div id='sg-tag-list' class='sphx-glr-tag-list'></div>"
_TOOLTIP = re.compile(r'(<div class="sphx-glr-thumbcontainer"[^>]*) tooltip="([^"]*)"')
_TITLE = re.compile(r'\s*<div class="sphx-glr-thumbnail-title">.*?</div>', re.DOTALL)


class ChapterCards(SphinxTransform):
    """Mend the pieces of HTML that sphinx-gallery put between the parts of a card."""

    default_priority = 850

    def apply(self, **kwargs: Any) -> None:
        """Go through all pieces of HTML of a page."""
        for piece in list(self.document.findall(nodes.raw)):
            if "sphx-glr-" not in piece.astext() and "sg-tag-list" not in piece.astext():
                continue
            text = piece.astext().replace(_TAGS, "")
            text = _TITLE.sub("", _TOOLTIP.sub(r'\1 title="\2"', text))
            if text.strip():
                piece.replace_self(nodes.raw("", text, format=piece["format"]))
            else:
                piece.parent.remove(piece)


def setup(app: Any) -> ExtensionMetadata:
    """Register the transform."""
    app.add_transform(ChapterCards)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
