"""A Content-Security-Policy for every page: it loads from its own site only, and runs no foreign word.

A page's own short scripts and styles are allowed by their check sums, which are computed after an HTML
build, so nothing needs ``unsafe-inline`` or ``unsafe-eval``. An attribute ``style`` would need it: a page
that has one fails the build. The policy stands in a ``<meta>`` element, because the site is plain files:
it holds on any server, and without one.

``sphinx-autobuild`` adds a script to the pages that it serves. For it, set ``content_policy`` to false.
"""

from __future__ import annotations

import base64
import hashlib
import re
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.errors import ExtensionError
from sphinx.util.typing import ExtensionMetadata

_SCRIPT = re.compile(r"<script\b([^>]*)>(.*?)</script>", re.DOTALL | re.IGNORECASE)
_STYLE = re.compile(r"<style\b[^>]*>(.*?)</style>", re.DOTALL | re.IGNORECASE)
_STYLED = re.compile(r"<[a-z][\w-]*(?:\s[^<>]*)?\sstyle=[^>]*>", re.IGNORECASE)
_CHARSET = re.compile(r"<meta charset=[^>]*>")
_META = '<meta http-equiv="Content-Security-Policy" content="'


def policy_for(page: str) -> str:
    """Return the policy that allows what a page does, and nothing else.

    Parameters
    ----------
    page : str
        The HTML of the page.

    Returns
    -------
    str
        Directives, separated by semicolons.
    """
    scripts = [text for attributes, text in _SCRIPT.findall(page) if not _has_source(attributes)]
    directives = {
        "default-src": ["'none'"],
        "script-src": ["'self'", *_check_sums(scripts)],
        "style-src": ["'self'", *_check_sums(_STYLE.findall(page))],
        "img-src": ["'self'", "data:"],
        "font-src": ["'self'"],
        "connect-src": ["'self'"],
        "form-action": ["'self'"],
        "base-uri": ["'none'"],
    }
    return "; ".join(f"{name} {' '.join(sources)}" for name, sources in directives.items())


def with_policy(page: str) -> str:
    """Return a page with its policy, before anything that the policy is about."""
    charset = _CHARSET.search(page)
    if charset is None or _META in page:
        return page  # no page of Sphinx's, or not written again since the last build
    return f'{page[: charset.end()]}\n    {_META}{policy_for(page)}">{page[charset.end() :]}'


def _has_source(attributes: str) -> bool:
    return re.search(r"\bsrc\s*=", attributes) is not None


def _check_sums(texts: list[str]) -> list[str]:
    digests = [hashlib.sha256(text.encode()).digest() for text in dict.fromkeys(texts)]
    return [f"'sha256-{base64.b64encode(digest).decode()}'" for digest in digests]


def _add_policies(app: Sphinx, exception: Exception | None) -> None:
    if exception is not None or app.builder.format != "html" or not app.config.content_policy:
        return
    styled = []
    for path in sorted(Path(app.outdir).rglob("*.html")):
        before = path.read_bytes()
        page = with_policy(before.decode())
        styled += [f"  {path.relative_to(app.outdir)}: {tag}" for tag in _STYLED.findall(page)]
        if page.encode() != before:
            path.write_bytes(page.encode())
    if styled:
        raise ExtensionError("\n".join(["the policy forbids attributes named style:", *styled]))


def setup(app: Sphinx) -> ExtensionMetadata:
    """Register ``content_policy``, and what adds the policies once the pages are as they will be."""
    app.add_config_value("content_policy", True, "html", types=frozenset({bool, int}))
    app.connect("build-finished", _add_policies, priority=850)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
