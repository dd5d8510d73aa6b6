"""Shapes in comments stand out: ``# (64, 10)`` gets a token of its own, and so a color of its own.

Pygments calls it a special comment, with the class ``cs``. The code of chapters is split into tokens by
sphinx-gallery, so that names become links; there, a transform does the same.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from code_tokens import Tokens
from docutils import nodes
from pygments.lexers.python import PythonLexer
from pygments.token import Comment
from sphinx.application import Sphinx
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util.typing import ExtensionMetadata
from sphinx_gallery._doctree_links import code_links_block

_ENTRY = r"(?:[A-Za-z_]\w*|\d+)"
_SHAPE = rf"\((?:{_ENTRY}(?:, {_ENTRY})+|{_ENTRY},)?\)"
_SHAPES = re.compile(rf"# {_SHAPE}(?:, {_SHAPE})*")


class PythonWithShapes(PythonLexer):  # type: ignore[misc]  # Pygments has no types
    """Python, in which the shapes at the start of a comment are told from its other words."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"stripnl": False, **options})  # as Sphinx has it

    def get_tokens_unprocessed(self, text: str, *args: Any) -> Iterator[tuple[int, Any, str]]:
        """Split the tokens of comments that start with shapes."""
        for at, kind, value in super().get_tokens_unprocessed(text, *args):
            shapes = _SHAPES.match(value) if kind is Comment.Single else None
            if shapes is None:
                yield at, kind, value
                continue
            yield at, Comment.Special, shapes[0]
            if rest := value[shapes.end() :]:
                yield at + shapes.end(), kind, rest


class ShapesInTokens(SphinxPostTransform):
    """Do the same where code is in the page as tokens already."""

    default_priority = 7  # sphinx-gallery's CodeLinksTransform has 5
    formats = ("html",)

    def run(self, **kwargs: Any) -> None:
        """Go through all comments."""
        for block in list(self.document.findall(code_links_block)):
            block[:] = [part for token in block.children for part in _split(token)]


def _split(token: nodes.Node) -> Iterator[nodes.Node]:
    """Split a comment that starts with shapes, which is its text, into these and the rest."""
    shapes = _SHAPES.match(token) if isinstance(token, Tokens) and token.kind == "c1" else None
    if shapes is None:
        yield token
        return
    yield Tokens.one("cs", shapes[0])
    if rest := token[shapes.end() :]:
        yield Tokens.one("c1", rest)


def setup(app: Sphinx) -> ExtensionMetadata:
    """Register the transform, and the lexer under both names that pages use."""
    app.setup_extension("code_tokens")
    app.add_post_transform(ShapesInTokens)
    for name in ("python", "Python"):
        app.add_lexer(name, PythonWithShapes)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
