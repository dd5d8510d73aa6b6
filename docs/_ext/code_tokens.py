"""Code that is in the page as tokens, with one node for each stretch without a link.

For its links, sphinx-gallery makes a node of every token. Whatever walks through the page afterwards,
each transform and the writer, walks through all of them: half of the time that a page takes. So when
the links are made, what lies between them becomes a text that knows its HTML.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from html import escape
from itertools import groupby
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util.typing import ExtensionMetadata
from sphinx_gallery._doctree_links import code_links_block


class Tokens(nodes.Text):  # type: ignore[misc]  # docutils has no types
    """The text of some tokens, and the HTML that shows it."""

    html: str

    @classmethod
    def of(cls, tokens: Iterable[nodes.Node]) -> Tokens:
        """Join tokens: texts, and inlines with one class each."""
        texts, html = [], []
        for token in tokens:
            texts.append(token.astext())
            html.append(escape(texts[-1], quote=False))
            if isinstance(token, nodes.inline):
                html[-1] = f'<span class="{" ".join(token["classes"])}">{html[-1]}</span>'
        joined = cls("".join(texts))
        joined.html = "".join(html)
        return joined


class JoinTokens(SphinxPostTransform):
    """Join the tokens between two links."""

    # Behind method_links (6) and shape_colors (7), before all else that walks through pages.
    default_priority = 8
    formats = ("html",)

    def run(self, **kwargs: Any) -> None:
        """Go through the blocks of code that sphinx-gallery has split."""
        # Found first: the blocks change while they are gone through.
        for block in list(self.document.findall(code_links_block)):
            block[:] = list(_joined(block.children))


def _joined(children: list[nodes.Node]) -> Iterator[nodes.Node]:
    for is_link, group in groupby(children, lambda node: isinstance(node, nodes.reference)):
        if is_link:
            yield from group
        else:
            yield Tokens.of(group)


def _visit(translator: Any, node: Tokens) -> None:
    translator.body.append(node.html)


def _depart(translator: Any, node: Tokens) -> None:
    pass


def setup(app: Sphinx) -> ExtensionMetadata:
    """Register the node and the transform."""
    app.add_node(Tokens, html=(_visit, _depart))
    app.add_post_transform(JoinTokens)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
