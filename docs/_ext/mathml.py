"""Formulas as native MathML: no script and no request.

The renderer behind ``:math:`` and ``.. math::``: `mathml_core` translates the LaTeX, and
`mathml_font`, which this extension loads, provides the font.
"""

from __future__ import annotations

import html

from docutils import nodes
from mathml_core import translate
from sphinx.application import Sphinx
from sphinx.locale import _
from sphinx.util import logging
from sphinx.util.math import get_node_equation_number
from sphinx.util.typing import ExtensionMetadata
from sphinx.writers.html5 import HTML5Translator

logger = logging.getLogger(__name__)


def latex_of(node: nodes.math | nodes.math_block) -> tuple[str, bool]:
    r"""Return a node's LaTeX, and whether it is a display formula.

    As in Sphinx's own renderers, a blank line separates equations that are aligned with each
    other, and a display formula with ``\\`` may leave out the environment.
    """
    if isinstance(node, nodes.math):
        return node.astext(), False
    parts = [part.strip() for part in node.astext().split("\n\n") if part.strip()]
    if node.get("no-wrap", node.get("nowrap", False)):
        return node.astext(), True
    if len(parts) > 1:
        return r"\begin{split}" + r" \\ ".join(parts) + r"\end{split}", True
    text = "".join(parts)
    if r"\\" in text and r"\begin{" not in text:
        text = rf"\begin{{split}}{text}\end{{split}}"
    return text, True


def _append_formula(writer: HTML5Translator, node: nodes.math | nodes.math_block) -> None:
    latex, display = latex_of(node)
    try:
        writer.body.append(translate(latex, display).markup)
    except ValueError as error:
        logger.warning("formula %r: %s", latex, error, location=node, type="mathml")
        writer.body.append(f"<code>{html.escape(latex)}</code>")


def visit_math(self: HTML5Translator, node: nodes.math) -> None:
    """Write an inline formula."""
    self.body.append(self.starttag(node, "span", "", CLASS="math notranslate nohighlight"))
    _append_formula(self, node)
    self.body.append("</span>")
    raise nodes.SkipNode


def visit_math_block(self: HTML5Translator, node: nodes.math_block) -> None:
    """Write a display formula with its number and permalink."""
    self.body.append(self.starttag(node, "div", CLASS="math notranslate nohighlight"))
    if node["number"]:
        self.body.append(f'<span class="eqno">({get_node_equation_number(self, node)})')
        self.add_permalink_ref(node, _("Link to this equation"))
        self.body.append("</span>")
    _append_formula(self, node)
    self.body.append("</div>\n")
    raise nodes.SkipNode


def setup(app: Sphinx) -> ExtensionMetadata:
    """Register the renderer for ``html_math_renderer = "mathml"``, and load its font."""
    app.add_html_math_renderer("mathml", (visit_math, None), (visit_math_block, None))
    app.setup_extension("mathml_font")
    return {"parallel_read_safe": True, "parallel_write_safe": True}
