"""The font of the formulas: STIX Two Math, cut down to the characters that the site uses.

The font comes from the installed ``ziamath`` package (SIL Open Font License); fontTools cuts it.
Its MATH table stays, so that braces, roots and sums stretch. Pages without a formula load nothing.
"""

from __future__ import annotations

import io
import zlib
from collections.abc import Set as AbstractSet
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

from docutils import nodes
from fontTools import subset
from mathml import latex_of
from mathml_core import translate
from sphinx.application import Sphinx
from sphinx.builders import Builder
from sphinx.environment import BuildEnvironment
from sphinx.environment.collectors import EnvironmentCollector
from sphinx.util.typing import ExtensionMetadata

_CSS = """\
@font-face {{
  font-family: "STIX Two Math";
  src: url("mathml.woff2?v={version:08x}") format("woff2");
  font-display: swap;
}}
math {{ font-family: "STIX Two Math", math; font-size: 1.08em; }}
math[display="block"] {{ font-size: 1.15em; }}
div.math {{ flex-direction: row; overflow: auto hidden; padding-block: 0.2em; }}
div.math > math {{ flex: 1 0 auto; }}
div.math > .eqno {{ order: 1; }}
span.math {{ display: inline; overflow: visible; }}
math mtd[columnalign="left"] {{ text-align: left; }}
math mtd[columnalign="right"] {{ text-align: right; }}
math mtable[columnspacing] > mtr > mtd {{ padding: 0.35em 0; }}
"""


def subset_font(characters: AbstractSet[str]) -> bytes:
    """Cut the font down to some characters and to what they stretch to.

    Parameters
    ----------
    characters : set of str
        Single characters.

    Returns
    -------
    bytes
        A WOFF2 file that depends on `characters` and the installed packages only.
    """
    options = subset.Options(flavor="woff2", hinting=False, recalc_timestamp=False)
    options.layout_features = ["ccmp", "dtls", "mark", "mkmk", "ssty"]
    options.name_IDs = [0, 1, 2, 3, 4, 5, 6, 13, 14]  # 13 and 14 are the font's license
    # Located without an import, which would load a whole formula renderer.
    source = Path(str(distribution("ziamath").locate_file("ziamath/fonts/STIXTwoMath-Regular.ttf")))
    subsetter = subset.Subsetter(options)
    subsetter.populate(text="".join(sorted(characters)))
    target = io.BytesIO()
    with subset.load_font(source, options) as font:
        subsetter.subset(font)
        subset.save_font(font, target, options)
    return target.getvalue()


def _characters(env: BuildEnvironment) -> dict[str, frozenset[str]]:
    found: dict[str, frozenset[str]] = env.__dict__.setdefault("mathml_characters", {})
    return found


class FormulaCharacters(EnvironmentCollector):
    """Keep the formulas' characters per document, so that incremental builds stay right."""

    def clear_doc(self, app: Sphinx, env: BuildEnvironment, docname: str) -> None:
        """Forget a document that is read again, or gone."""
        _characters(env).pop(docname, None)

    def merge_other(
        self,
        app: Sphinx,
        env: BuildEnvironment,
        docnames: AbstractSet[str],
        other: BuildEnvironment,
    ) -> None:
        """Take over what another reading process collected."""
        found = _characters(other)
        _characters(env).update({name: found[name] for name in docnames if name in found})

    def process_doc(self, app: Sphinx, doctree: nodes.document) -> None:
        """Collect from a document that was just read."""
        characters: set[str] = set()
        for kind in (nodes.math, nodes.math_block):
            for node in doctree.findall(kind):
                try:
                    characters |= translate(*latex_of(node)).characters
                except ValueError:
                    continue  # the page's writer warns, and knows the place
        if characters:
            _characters(app.env)[app.env.current_document.docname] = frozenset(characters)


def _write_font(app: Sphinx, builder: Builder) -> None:
    # Before the pages, because Sphinx puts the style sheet's checksum into each page's link.
    characters = frozenset[str]().union(*_characters(app.env).values())
    if builder.format != "html" or not characters:
        return
    font = subset_font(characters)
    folder = app.outdir / "_static"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "mathml.woff2").write_bytes(font)
    style = _CSS.format(version=zlib.crc32(font))  # the version makes browsers fetch a new font
    (folder / "mathml.css").write_text(style, encoding="utf-8")


def _link_style(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: object
) -> None:
    if context.get("has_maths_elements"):
        app.add_css_file("mathml.css")


def setup(app: Sphinx) -> ExtensionMetadata:
    """Collect the characters while reading; write font and style sheet before the pages."""
    app.add_env_collector(FormulaCharacters)
    app.connect("write-started", _write_font)
    app.connect("html-page-context", _link_style)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
