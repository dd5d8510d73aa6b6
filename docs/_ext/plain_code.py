"""Code without tags that change nothing.

Pygments puts every name, bracket and blank into an element of its own, most of which look like the
text around them. They are half of all elements of a chapter's page, and browsers have to lay out each.
After an HTML build, those whose class has the color of plain text in each of the styles are unwrapped.
"""

from __future__ import annotations

import re
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.util.typing import ExtensionMetadata

_RULE = re.compile(r"^(\S*)\s*\.highlight (?:\.(\w+) )?\{([^}]*)\}", re.MULTILINE)
_COLOR = re.compile(r"(?<![-\w])color:\s*(#\w+)")


def plain_classes(css: str) -> set[str]:
    """Return the classes of tokens that no style shows in a way of its own.

    Parameters
    ----------
    css : str
        What Pygments writes, for one style or more: each has a selector before ``.highlight``.
    """
    rules = _RULE.findall(css)
    base = {style: _COLOR.findall(body) for style, token, body in rules if not token}
    plain: set[str] = set()
    special: set[str] = set()
    for style, token, body in rules:
        if token:
            only_color = re.fullmatch(r"\s*color:\s*(#\w+)\s*;?\s*", body)
            same = only_color and [only_color[1]] == base.get(style)
            (plain if same else special).add(token)
    return plain - special


def unwrap(page: str, classes: set[str]) -> str:
    """Take the text of such tokens out of their elements."""
    names = "|".join(sorted(classes))
    return re.sub(rf'<span class="(?:{names})">([^<]*)</span>', r"\1", page) if names else page


def _unwrap_all(app: Sphinx, exception: Exception | None) -> None:
    if exception or app.builder.format != "html":
        return
    out = Path(app.outdir)
    classes = plain_classes((out / "_static" / "pygments.css").read_text("utf-8"))
    for path in out.rglob("*.html"):
        page = path.read_text("utf-8")
        if (plain := unwrap(page, classes)) != page:
            path.write_text(plain, "utf-8")


def setup(app: Sphinx) -> ExtensionMetadata:
    """Unwrap when sphinx-gallery is done: it finds names to link by these elements."""
    app.connect("build-finished", _unwrap_all, priority=600)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
