"""With the keyboard alone: everything is reached, operated, and seen while it has the focus."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from built import API, CHAPTER, GALLERY, HOME
from clipboard import pasted
from playwright.sync_api import Page, expect
from visit import wait_until

SHORT = "tutorials/2_digits/10_predict.html"  # a chapter with fewer links in its code than others

# What has the focus: what it is, whether it can be seen, and what shows that it has it.
FOCUSED = """async () => {
  await new Promise(requestAnimationFrame);  // by then, the page has scrolled there
  const element = document.activeElement;
  if (!element || element === document.body) return null;
  // A link that covers a whole card shows on the card that it has the focus.
  const card = element.closest(".sd-card, .sphx-glr-thumbcontainer");
  const shown = card || element;
  const style = getComputedStyle(shown);
  const box = shown.getClientRects()[0] || shown.getBoundingClientRect();  // of its first line
  const x = Math.min(Math.max(box.x + Math.min(box.width, 40) / 2, 0), innerWidth - 1);
  const y = Math.min(Math.max(box.y + Math.min(box.height, 40) / 2, 0), innerHeight - 1);
  // A copy button that is not shown covers nothing.
  const above = document.elementsFromPoint(x, y).find(
    found => getComputedStyle(found.closest("button") || found).opacity !== "0");
  return {
    name: (element.getAttribute("aria-label") || element.innerText || element.className)
      .trim().slice(0, 60),
    tag: element.tagName,
    html: element.outerHTML.slice(0, 160),
    marked: style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2,
    seen: box.width > 0 && box.bottom > 0 && box.top < innerHeight
      && !!above && (shown.contains(above) || above.contains(shown)),
  };
}"""


def stops(page: Page, most: int = 1500) -> Iterator[dict[str, Any]]:
    """Press the tabulator key until the page is through, and yield what has the focus."""
    for _ in range(most):
        page.keyboard.press("Tab")
        stop = page.evaluate(FOCUSED)
        if stop is None:
            return
        yield stop
    raise AssertionError(f"the focus never leaves the page: {stop}")


def tab_to(page: Page, selector: str) -> None:
    """Press the tabulator key until something has the focus."""
    for _ in range(1500):
        page.keyboard.press("Tab")
        if page.evaluate("s => document.activeElement.matches(s)", selector):
            return
    raise AssertionError(f"the keyboard does not reach {selector}")


@pytest.mark.parametrize(("width", "theme"), [(1280, "light"), (360, "dark")])
@pytest.mark.parametrize("name", [HOME, SHORT, API, GALLERY, "search.html?q=loss"])
def test_whatever_has_the_focus_is_seen_and_marked(
    name: str, width: int, theme: str, open_page: Callable[..., Page]
) -> None:
    page = open_page(name, width=width, theme=theme, reduced_motion="reduce")
    page.wait_for_load_state("networkidle")
    page.evaluate("() => document.activeElement.blur()")
    seen = list(stops(page))
    assert len(seen) > 10
    assert [stop["html"] for stop in seen if not stop["marked"]] == []
    assert [stop["html"] for stop in seen if not stop["seen"]] == []
    assert [stop["html"] for stop in seen if not stop["name"]] == []


def test_the_first_stop_skips_to_the_text(open_page: Callable[..., Page]) -> None:
    page = open_page(CHAPTER)
    page.keyboard.press("Tab")
    expect(page.locator("#pst-skip-link a")).to_be_focused()
    expect(page.locator("#pst-skip-link a")).to_be_in_viewport()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("() => document.activeElement.closest('main') !== null")


@pytest.mark.parametrize("width", [1280, 360])
def test_the_search_opens_and_closes(width: int, open_page: Callable[..., Page]) -> None:
    page = open_page(CHAPTER, width=width)
    tab_to(page, ".search-button__button")
    page.keyboard.press("Enter")
    field = page.locator("#pst-search-dialog input")
    expect(field).to_be_focused()
    page.keyboard.press("Escape")
    expect(field).to_be_hidden()
    expect(page.locator(".search-button__button:focus")).to_have_count(1)


def test_the_theme_can_be_chosen_and_is_kept(open_page: Callable[..., Page]) -> None:
    page = open_page(CHAPTER, theme="light")
    for wanted in ("dark", "light"):
        tab_to(page, ".theme-switch-button")
        page.keyboard.press("Enter")
        for _ in range(6):
            page.keyboard.press("ArrowDown")
            if page.evaluate("() => document.activeElement.dataset.mode") == wanted:
                break
        page.keyboard.press("Enter")
        wait_until(page, f"document.documentElement.dataset.theme === '{wanted}'")
        page.reload()
        wait_until(page, f"document.documentElement.dataset.theme === '{wanted}'")


def test_folds_open_and_close(open_page: Callable[..., Page]) -> None:
    page = open_page(SHORT)
    tab_to(page, "details.fl-fold > summary")
    fold = page.locator("details.fl-fold").first
    page.keyboard.press("Enter")
    expect(fold).to_have_attribute("open", "")
    page.keyboard.press("Space")
    expect(fold).not_to_have_attribute("open", "")


def test_code_can_be_copied(open_page: Callable[..., Page]) -> None:
    page = open_page(CHAPTER)
    tab_to(page, "button.copybtn")
    code = page.evaluate(
        "() => document.activeElement.closest('.highlight').querySelector('pre').innerText"
    )
    page.keyboard.press("Enter")
    assert pasted(page).strip() == code.strip()


def test_wide_code_scrolls(open_page: Callable[..., Page]) -> None:
    page = open_page(CHAPTER, width=360, reduced_motion="reduce")
    wait_until(page, "document.querySelector('pre').tabIndex === 0")
    tab_to(page, "pre")
    before, room = page.evaluate(
        "() => [document.activeElement.scrollLeft, "
        "document.activeElement.scrollWidth - document.activeElement.clientWidth]"
    )
    assert (before, room > 0) == (0, True)
    page.keyboard.press("ArrowRight")
    wait_until(page, "document.activeElement.scrollLeft > 0")


@pytest.mark.parametrize("which", ["primary", "secondary"])
def test_the_side_bars_of_a_small_screen(which: str, open_page: Callable[..., Page]) -> None:
    page = open_page(CHAPTER, width=360, reduced_motion="reduce")
    tab_to(page, f".{which}-toggle")
    page.keyboard.press("Enter")
    bar = page.locator(f"#pst-{which}-sidebar-modal")
    expect(bar).to_be_visible()
    expect(page.locator(f".{which}-toggle")).to_have_attribute("aria-expanded", "true")
    page.keyboard.press("Tab")
    stop = page.evaluate(FOCUSED)
    assert stop["marked"], stop
    assert page.evaluate(f"() => !!document.activeElement.closest('#pst-{which}-sidebar-modal')")
    page.keyboard.press("Escape")
    expect(bar).to_be_hidden()
    expect(page.locator(f".{which}-toggle")).to_be_focused()


def test_a_chapter_leads_to_the_next(open_page: Callable[..., Page]) -> None:
    page = open_page("tutorials/1_basics/06_build_model.html")
    tab_to(page, "a.right-next")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(r"07_layers\.html$"))
