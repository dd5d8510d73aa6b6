"""Shapes in comments stand out: ``# (64, 10)`` gets a token of its own, and so a color of its own.

Pygments calls it a special comment, with the class ``cs``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from pygments.lexers.python import PythonLexer
from pygments.token import Comment
from sphinx.application import Sphinx
from sphinx.util.typing import ExtensionMetadata

_ENTRY = r"(?:[A-Za-z_]\w*|\d+)"
_SHAPE = rf"\((?:{_ENTRY}(?:, {_ENTRY})+|{_ENTRY},)?\)"
_SHAPES = re.compile(rf"# {_SHAPE}(?:, {_SHAPE})*")


class PythonWithShapes(PythonLexer):  # type: ignore[misc]  # Pygments has no types
    """Python, in which the shapes at the start of a comment are told from its other words."""

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


def setup(app: Sphinx) -> ExtensionMetadata:
    """Highlight Python with it, under both names that pages use."""
    for name in ("python", "Python"):
        app.add_lexer(name, PythonWithShapes)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
