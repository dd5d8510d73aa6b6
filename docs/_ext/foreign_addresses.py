"""Foreign addresses: what a built site makes a browser fetch from another host.

Pages and style sheets are parsed, not run. Links that a reader may follow do not count.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

_FOREIGN = re.compile(r"\s*(?:(?:https?|wss?|ftp):)?//", re.IGNORECASE)
_FOREIGN_IN_SRCSET = re.compile(r"(?:^|[\s,])((?:https?:)?//[^\s,]+)", re.IGNORECASE)
_FOREIGN_IN_CSS = re.compile(
    r"""(?:\burl\(\s*["']?|@import\s+["'])\s*((?:https?:)?//[^"')\s]+)""", re.IGNORECASE
)
# Parsing a page takes 50 ms, and this search 1 ms: it passes only pages that may hold something.
_SUSPECT = re.compile(
    r"""\b(?:src|srcset|imagesrcset|poster|data|style)\s*=\s*(?:"[^"]*//|'[^']*//|[^\s"'>]*//)|"""
    r"""<(?:link(?![^>]*\brel="canonical")|base|image|use|feimage)\b[^>]*//|<style""",
    re.IGNORECASE,
)
_CSS_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
# Attributes whose address a browser fetches on its own, by element.
_FETCHED: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("script", "img", "iframe", "frame", "audio", "source"), ("src",)),
    **dict.fromkeys(("track", "embed", "input"), ("src",)),
    **dict.fromkeys(("image", "use", "feimage"), ("href", "xlink:href")),
    "video": ("src", "poster"),
    "object": ("data",),
    "link": ("href",),
    "base": ("href",),
}
# <link> relations that only say something about the page; all others make the browser connect.
_SILENT_RELATIONS = "alternate author canonical help index license next prev search"


class _FetchedAddresses(HTMLParser):
    """Collect the foreign addresses that a browser fetches for a page."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=False)  # faster, and text is of no interest
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if not value or "//" not in value:
                continue
            if name == "style":
                self.found += _FOREIGN_IN_CSS.findall(value)
            elif name in ("srcset", "imagesrcset"):
                self.found += _FOREIGN_IN_SRCSET.findall(value)
            elif name in _FETCHED.get(tag, ()) and _FOREIGN.match(value):
                relations = (dict(attrs).get("rel") or "").lower().split()
                if tag != "link" or not set(relations) <= set(_SILENT_RELATIONS.split()):
                    self.found.append(value.strip())

    def handle_data(self, data: str) -> None:
        if self.cdata_elem == "style":
            self.found += _FOREIGN_IN_CSS.findall(_CSS_COMMENT.sub("", data))


def foreign_addresses(outdir: Path) -> Iterator[tuple[Path, str]]:
    """Yield what the pages and style sheets below a folder load from other hosts.

    Parameters
    ----------
    outdir : Path
        The folder of a built site.

    Yields
    ------
    tuple[Path, str]
        The file, relative to `outdir`, and the address that a browser would fetch for it.
    """
    for path in sorted(outdir.rglob("*.html")):
        page = path.read_text(encoding="utf-8")
        if _SUSPECT.search(page):
            parser = _FetchedAddresses()
            parser.feed(page)
            parser.close()
            yield from ((path.relative_to(outdir), address) for address in parser.found)
    for path in sorted(outdir.rglob("*.css")):
        css = _CSS_COMMENT.sub("", path.read_text(encoding="utf-8"))
        yield from ((path.relative_to(outdir), url) for url in _FOREIGN_IN_CSS.findall(css))
