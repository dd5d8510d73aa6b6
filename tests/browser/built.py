"""The built site that the tests visit, and the programs that look at it."""

import functools
import json
import os
from pathlib import Path
from typing import Any

from bs4 import BeautifulSoup

SITE = Path(os.environ["FIRSTLAYERS_TEST_BROWSER_SITE"]).absolute()
ADDRESS = os.environ["FIRSTLAYERS_SITE_URL"]
PROGRAMS = Path(os.environ["FIRSTLAYERS_TEST_PROGRAMS"]).absolute() / "node_modules"
CHROMIUM = os.environ["FIRSTLAYERS_CHROMIUM"]

PAGES = sorted(
    path.relative_to(SITE).as_posix()
    for path in SITE.rglob("*.html")
    if path.relative_to(SITE).parts[0] != "_static"  # templates of the theme
)
CHAPTERS = [page for page in PAGES if Path(page).match("tutorials/*/[0-9][0-9]_*.html")]

HOME = "index.html"
CHAPTER = "tutorials/1_basics/10_training.html"
API = "api/training.html"
GALLERY = "tutorials/1_basics/index.html"
KINDS = (HOME, CHAPTER, API, GALLERY)  # one page of each kind


@functools.lru_cache(maxsize=128)
def soup(page: str) -> BeautifulSoup:
    """Return a page as it was written, parsed; not to be changed."""
    return BeautifulSoup((SITE / page).read_text("utf-8"), "html.parser")


def handed_over_by(script: str) -> dict[str, Any]:
    """Return what a chapter handed over to its page, from the script that the page loads."""
    text = (SITE / script).read_text("utf-8")
    return dict(json.loads(text.removeprefix("const forThePage = ").rstrip(";\n")))
