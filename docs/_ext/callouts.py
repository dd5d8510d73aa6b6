"""Callouts: paragraphs that open with a known bold phrase become styled boxes on the page.

Chapters are scripts that also become notebooks, so their text keeps to plain reST. A paragraph
such as ``**Predict, then run.** What shape ...`` reads well as Markdown, and this module wraps it
in ``<div class="fl-callout fl-predict">`` for HTML. What follows the paragraph stays outside.
"""

from __future__ import annotations

from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.transforms import SphinxTransform
from sphinx.util.typing import ExtensionMetadata


class Callouts(SphinxTransform):
    """Wrap the paragraphs whose bold opening is listed in the config value ``callouts``.

    ``**Your turn: name.**`` also gets the anchor ``exercise-name`` (class, dash, name), where
    "exercise" is the class that ``callouts`` gives to "Your turn".
    """

    # Late in the reading phase: substitutions are in place, and a repeated anchor is still
    # reported with its source line.
    default_priority = 850

    def apply(self, **kwargs: Any) -> None:
        """Wrap every matching paragraph of the document."""
        for paragraph in list(self.document.findall(nodes.paragraph)):
            if not paragraph.children or not isinstance(paragraph[0], nodes.strong):
                continue
            phrase, _, name = paragraph[0].astext().removesuffix(".").partition(":")
            css = self.config.callouts.get(phrase.strip())
            if css is None:
                continue
            callout = nodes.container(classes=["fl-callout", f"fl-{css}"])
            callout.source, callout.line = paragraph.source, paragraph.line
            if name.strip():
                callout["ids"].append(nodes.make_id(f"{css}-{name}"))
                self.document.set_id(callout)  # warns when the page has this anchor already
            paragraph.replace_self(callout)
            callout += paragraph


def setup(app: Sphinx) -> ExtensionMetadata:
    """Register the transform and its config value ``callouts``."""
    app.add_config_value("callouts", {}, "env", types=frozenset({dict}))
    app.add_transform(Callouts)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
