"""What reST becomes in a notebook's text cells."""

import re
from pathlib import Path

import pytest
from bs4 import BeautifulSoup
from docutils import nodes
from docutils.core import publish_doctree
from nbconvert.filters import markdown2html
from notebook_markdown import Markdown
from sphinx.errors import ExtensionError


def markdown(rest: str, pictures: Path = Path()) -> str:
    """Convert text without Sphinx's own roles; every link stays as it is."""
    page = publish_doctree(rest, settings_overrides={"report_level": 5, "halt_level": 5})
    for message in list(page.findall(nodes.system_message)):
        message.parent.remove(message)  # as Sphinx does with remarks
    content = [node for node in page.children if not isinstance(node, nodes.title)]
    return Markdown(lambda address: address, pictures).blocks(content)


def shown(rest: str) -> BeautifulSoup:
    """Convert text, and show it as Jupyter does."""
    return BeautifulSoup(markdown2html(markdown(rest)), "html.parser")


@pytest.mark.parametrize(
    "text",
    [
        "a * b * c and 2 ** 3 ** 4",
        "snake_case, _private, dunder __init__ and trailing_",
        "if a < b > c, <b>not bold</b>, &amp; as written",
        "costs $5 and $6",
        "[brackets](and parentheses), ![no image](x)",
        r"back\slash and \* star",
        "1. not a list",
        "2) not a list either",
        "+ plus, - minus",
        "# no heading",
        "~~~ no fence",
        "a | b",
    ],
)
def test_words_stay_as_they_are(text: str) -> None:
    paragraph = nodes.paragraph("", text)
    page = BeautifulSoup(markdown2html(Markdown(str, Path()).blocks([paragraph])), "html.parser")
    assert page.get_text().strip() == text
    assert [tag.name for tag in page.find_all()] == ["p"]


def test_a_line_of_the_source_cannot_begin_a_list() -> None:
    page = shown("The logits are 3\n- 2 = 1 and\n1. nothing else.")
    assert [tag.name for tag in page.find_all()] == ["p"]
    assert page.get_text().strip() == "The logits are 3 - 2 = 1 and 1. nothing else."


@pytest.mark.parametrize("code", ["x", "a`b", "``", "`a`", "a_b*c", "$x$", "<b>", "a | b", r"\n"])
def test_code_within_a_line_is_shown_as_it_is(code: str) -> None:
    page = Markdown(str, Path()).blocks([nodes.paragraph("", "", nodes.literal("", code))])
    assert BeautifulSoup(markdown2html(page), "html.parser").code.get_text() == code


def test_nested_lists_keep_their_items() -> None:
    page = shown(
        "* one\n\n  * inner\n  * second\n\n* two\n\n1. first\n2. second\n\n   more of it\n"
    )
    assert [
        len(found.find_all("li", recursive=False)) for found in page.find_all(["ul", "ol"])
    ] == [2, 2, 2]
    assert [p.get_text() for p in page.ol.find_all("p")] == ["first", "second", "more of it"]


def test_a_list_goes_on_counting_where_it_should() -> None:
    assert markdown("3. three\n4. four") == "3. three\n4. four"


def test_code_in_a_list_stays_in_its_item() -> None:
    page = shown("* before::\n\n     x = 1\n\n  after\n* next\n")
    assert "x = 1" in page.li.pre.get_text()
    assert "after" in page.li.get_text()
    assert len(page.find_all("li")) == 2


@pytest.mark.parametrize("kind", ["note", "warning", "tip", "important"])
def test_a_note_becomes_a_quotation_with_its_name(kind: str) -> None:
    page = shown(f".. {kind}:: Read this.\n\n   * an item\n\n   And *that*.")
    assert page.blockquote.strong.get_text() == kind.capitalize()
    assert page.blockquote.em.get_text() == "that"
    assert len(page.blockquote.find_all("li")) == 1


def test_a_table_keeps_rows_and_cells_even_with_bars_in_it() -> None:
    rest = (
        ".. list-table::\n   :header-rows: 1\n\n   * - layer\n     - shape\n"
        "   * - ``a | b``\n     - *(64, 10)*\n   * - \n     - x | y\n"
    )
    page = shown(rest)
    rows = [[cell.get_text() for cell in row.find_all(["th", "td"])] for row in page.find_all("tr")]
    assert rows == [["layer", "shape"], ["a | b", "(64, 10)"], ["", "x | y"]]


def test_a_table_without_a_head_gets_an_empty_one() -> None:
    page = shown("== ==\n1  2\n3  4\n== ==")
    rows = [[cell.get_text() for cell in row.find_all(["th", "td"])] for row in page.find_all("tr")]
    assert rows == [["", ""], ["1", "2"], ["3", "4"]]


def test_formulas_are_between_dollars() -> None:
    assert markdown(r"with :math:`x_i^2`") == "with $x_i^2$"
    assert markdown("with :math:`x\n- 1`") == "with $x - 1$"  # and no list begins
    assert markdown(".. math:: a &= b \\\\\n          c &= d").startswith(
        "$$\n\\begin{aligned}a &= b"
    )


def test_code_blocks_name_their_language_and_may_hold_fences() -> None:
    block = nodes.literal_block("x = 1", "x = 1", language="Python")
    assert Markdown(str, Path()).blocks([block]) == "```python\nx = 1\n```"
    assert markdown("::\n\n  ```\n  inner\n  ```").startswith("````")


def test_a_picture_is_put_into_the_text(tmp_path: Path) -> None:
    (tmp_path / "dot.png").write_bytes(b"\x89PNG")
    text = markdown(".. figure:: dot.png\n   :alt: A [dot]\n\n   Its caption", tmp_path)
    assert text == "![A \\[dot\\]](data:image/png;base64,iVBORw==)\n\n*Its caption*"


def test_links_that_lead_nowhere_leave_their_words() -> None:
    page = publish_doctree("See `the page <page.html>`__ and `this <https://example.org>`__.")
    link = {"page.html": None}
    text = Markdown(lambda address: link.get(address, address), Path()).blocks(page.children)
    assert text == "See the page and [this](https://example.org)."


def test_a_fold_is_one_in_a_notebook_too() -> None:
    class Fold(nodes.General, nodes.Element):
        pass

    fold = Fold("", nodes.paragraph("", "the *answer*"), title="Why <this>?")
    text = Markdown(str, Path()).blocks([fold])
    assert (
        text == "<details>\n<summary>Why &lt;this&gt;?</summary>\n\nthe \\*answer\\*\n\n</details>"
    )


@pytest.mark.parametrize(
    ("rest", "construct"),
    [
        (".. raw:: html\n\n   <b>x</b>", "raw"),
        (".. parsed-literal::\n\n   *x*", None),
        ("a footnote [#a]_\n\n.. [#a] text", "footnote"),
        (".. list-table::\n\n   * - * item\n", "bullet_list"),
    ],
)
def test_what_a_notebook_cannot_show_is_named(rest: str, construct: str | None) -> None:
    if construct is None:
        assert "x" in markdown(rest)
        return
    with pytest.raises(ExtensionError, match=f"notebook.*{re.escape(construct)}"):
        markdown(rest)
