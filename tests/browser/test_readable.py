"""Lines, tables, code and outputs are made for reading, on a wide screen and on a phone."""

from collections.abc import Callable

import pytest
from built import CHAPTER, CHAPTERS, GALLERY
from clipboard import pasted
from playwright.sync_api import Page
from visit import wait_until

# How many characters stand on the full lines of each paragraph, on average.
LINES = """() => [...document.querySelectorAll("article p, article li > p, article dd > p")]
  .filter(p => p.checkVisibility())
  .map(p => {
    const range = document.createRange();
    range.selectNodeContents(p);
    const tops = new Set([...range.getClientRects()].map(box => Math.round(box.bottom / 8)));
    return [p.textContent.trim().length, tops.size, p.textContent.slice(0, 60)];
  })
  .filter(([, lines]) => lines >= 4)
  .map(([length, lines, text]) => [length / (lines - 0.3), text])"""


CODE = "div.highlight-Python, div.highlight-python, div.highlight-pycon, div.highlight-console"
WITHOUT_BUTTON = """selector => [...document.querySelectorAll(selector)].filter(
  block => block.querySelectorAll("button.copybtn").length !== 1).map(block => block.outerHTML)"""


@pytest.mark.parametrize("name", [*CHAPTERS, "data.html", "contributing.html"])
def test_lines_are_short_and_code_can_be_copied(name: str, open_page: Callable[..., Page]) -> None:
    page = open_page(name, width=1600)
    lines = page.evaluate(LINES)
    assert lines
    assert [line for line in lines if line[0] > 92] == []
    wait_until(page, "!!document.querySelector('button.copybtn')")
    assert page.evaluate(WITHOUT_BUTTON, CODE) == []
    outputs = page.locator(".sphx-glr-script-out button.copybtn, .fl-verdict button.copybtn")
    assert outputs.count() == 0


def test_a_button_copies_the_commands_without_prompts(open_page: Callable[..., Page]) -> None:
    page = open_page("contributing.html")
    block = page.locator("div.highlight-console").first
    shown = block.locator("pre").inner_text()
    assert shown.startswith("$ ")
    block.hover()
    block.locator("button.copybtn").click()
    copied = pasted(page)
    assert copied.splitlines() == [line.removeprefix("$ ") for line in shown.strip().splitlines()]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_outputs_look_other_than_code(theme: str, open_page: Callable[..., Page]) -> None:
    page = open_page(CHAPTER, theme=theme)
    looks = "pre => [getComputedStyle(pre).backgroundColor, getComputedStyle(pre).borderLeftWidth]"
    code = page.locator("div.highlight-Python pre").first.evaluate(looks)
    output = page.locator(".sphx-glr-script-out pre").first.evaluate(looks)
    assert code[0] != output[0]
    assert code[1] != output[1]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_shapes_stand_out_among_comments(theme: str, open_page: Callable[..., Page]) -> None:
    page = open_page("tutorials/2_digits/02_by_hand.html", theme=theme)
    shape = page.locator("div.highlight-Python .cs").first
    assert shape.inner_text().startswith("# (")
    comment = page.locator("div.highlight-Python .c1").first
    looks = "span => [getComputedStyle(span).color, getComputedStyle(span).fontWeight]"
    (color, weight), (plain_color, plain_weight) = shape.evaluate(looks), comment.evaluate(looks)
    assert color != plain_color
    assert weight != plain_weight


@pytest.mark.parametrize("width", [1280, 360])
def test_the_report_template_has_page_and_steps(width: int, open_page: Callable[..., Page]) -> None:
    page = open_page(GALLERY, width=width)
    link = page.locator(".fl-feedback a").last
    assert "issues/new" in (link.get_attribute("href") or "")
