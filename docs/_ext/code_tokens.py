"""Code that is in the page as tokens, with one node for each stretch without a link.

For its links, sphinx-gallery makes an element of every token, and whatever walks through the page
afterwards, each transform and the writer, walks through all of them: half of the time that a page
takes. Here a token is a text that knows its HTML, which is made ten times as fast. And when the links
are there, what lies between two of them becomes one such text.
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
from sphinx_gallery import _doctree_links
from sphinx_gallery._doctree_links import code_links_block


class Tokens(nodes.Text):  # type: ignore[misc]  # docutils has no types
    """The text of one or more tokens, and the HTML that shows it.

    Attributes
    ----------
    html : str
        The HTML.
    kind : str
        Pygments' class of a single token, such as ``"n"`` for a name; empty for none, and for more.
    """

    html: str
    kind: str

    @classmethod
    def one(cls, kind: str, text: str) -> Tokens:
        """Make a token of a class."""
        token = cls(text)
        token.kind = kind
        token.html = escape(text, quote=False)
        if kind:
            token.html = f'<span class="{kind}">{token.html}</span>'
        return token

    @classmethod
    def joined(cls, tokens: Iterable[Tokens]) -> Tokens:
        """Make one of several."""
        tokens = list(tokens)
        made = cls("".join(tokens))
        made.kind = ""
        made.html = "".join(token.html for token in tokens)
        return made


def _token_node(kind: Any, text: str) -> Tokens:
    """Stand in for sphinx-gallery's function of this name."""
    return Tokens.one(_doctree_links._pygments_class(kind), text)


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
            yield Tokens.joined(group)


def _visit(translator: Any, node: Tokens) -> None:
    translator.body.append(node.html)


def _depart(translator: Any, node: Tokens) -> None:
    pass


def setup(app: Sphinx) -> ExtensionMetadata:
    """Register the node and the transform, and have sphinx-gallery make such tokens."""
    app.add_node(Tokens, html=(_visit, _depart))
    app.add_post_transform(JoinTokens)
    _doctree_links._token_node = _token_node
    return {"parallel_read_safe": True, "parallel_write_safe": True}
