"""What a built page shows, and what a notebook does: cells, headings, lists and figures."""

import re
from dataclasses import dataclass, field
from typing import Any

from bs4 import BeautifulSoup, Tag


@dataclass
class Shown:
    """A code cell with what came out of it."""

    code: str
    text: str = ""
    figures: int = 0


@dataclass
class Structure:
    """What can be counted in a text."""

    headings: list[str] = field(default_factory=list)
    items: int = 0
    ordered: int = 0
    rows: int = 0
    formulas: int = 0
    bold: list[str] = field(default_factory=list)
    code_blocks: list[str] = field(default_factory=list)
    quotes: int = 0


def article_of(html: str) -> Tag:
    """Return the text of a built page, without what belongs to the page only."""
    article = BeautifulSoup(html, "html.parser").select_one("article.bd-article")
    assert article is not None
    # Hints and answers are folded under an exercise; a notebook asks for them: hint("softmax"). And
    # what is operated in the browser is not there.
    for part in article.select(".fl-folds, .fl-interactive, .headerlink, .fl-downloads"):
        part.decompose()
    return article


def cells_of_page(html: str) -> list[Shown]:
    """List the code cells of a built page."""
    cells: list[Shown] = []
    for part in article_of(html).select("div.highlight-Python, div.sphx-glr-script-out, img"):
        classes = part.get("class", [])
        if "highlight-Python" in classes:
            cells.append(Shown(part.get_text().strip()))
        elif "sphx-glr-script-out" in classes:
            cells[-1].text += part.get_text()
        elif "only-light" in classes:
            cells[-1].figures += 1
    return cells


def cells_of_notebook(notebook: Any) -> list[Shown]:
    """List the code cells of an executed notebook, but for the one that installs."""
    cells = []
    for cell in notebook.cells[1:]:
        if cell.cell_type == "code":
            outputs = cell.get("outputs", [])
            texts = [out["text"] for out in outputs if out.get("name") == "stdout"]
            pictures = [out for out in outputs if "image/png" in out.get("data", {})]
            cells.append(Shown(cell.source.strip(), "".join(texts), len(pictures)))
    return cells


def lines_of(text: str) -> list[str]:
    """Return the lines that are not empty, without blanks at their ends, and as a page has them."""
    return [line.expandtabs().rstrip() for line in text.splitlines() if line.strip()]


def structure_of(article: Tag, *, formulas: int) -> Structure:
    """Count what a text holds."""
    headings = [re.sub(r"\s+", " ", h.get_text()).strip("¶ ") for h in article.select("h1, h2, h3")]
    blocks = [
        pre.get_text().strip()
        for pre in article.select("pre")
        if not pre.find_parent(class_=re.compile("script-out|output|highlight-Python"))
    ]
    # On the page, the name of a note is no bold word but a title.
    bold = "strong:not(blockquote > p:first-child > strong:only-child)"
    return Structure(
        headings,
        len(article.select("ul > li")),
        len(article.select("ol > li")),
        len(article.select("tr")),
        formulas,
        [" ".join(b.get_text().split()) for b in article.select(bold)],
        blocks,
        len(article.select("blockquote, .admonition")),
    )
