"""Without JavaScript, without motion, and on paper."""

import re
import unicodedata
from collections.abc import Callable
from io import BytesIO

import pytest
from built import API, CHAPTER, GALLERY, HOME, KINDS, soup
from playwright.sync_api import Page, expect
from pypdf import PdfReader

MOVING = """() => [...document.querySelectorAll("*")].flatMap(element =>
  [null, "::before", "::after"].flatMap(part => {
    const style = getComputedStyle(element, part);
    const lasts = value => value.split(",").some(time => parseFloat(time) > 0.01);
    const moves = lasts(style.transitionDuration) && style.transitionProperty !== "none"
      || style.animationName !== "none" && lasts(style.animationDuration)
      || style.scrollBehavior === "smooth";
    return moves ? [element.tagName + "." + element.className + (part ?? "")] : [];
  }))"""


@pytest.mark.parametrize("name", [*KINDS, "search.html?q=loss"])
def test_nothing_moves_for_who_asks_for_it(name: str, open_page: Callable[..., Page]) -> None:
    page = open_page(name, reduced_motion="reduce")
    assert page.evaluate(MOVING) == []


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 360])
def test_a_chapter_reads_without_javascript(
    theme: str, width: int, open_page: Callable[..., Page]
) -> None:
    page = open_page(CHAPTER, theme=theme, width=width, java_script_enabled=False)
    article = page.locator("article")
    expect(article.locator("h1")).to_be_visible()
    figures = article.locator("img").count()
    assert figures
    assert article.locator("img:visible").count() == figures // 2
    # Without a script, the page is light for everybody.
    assert article.locator("img.only-light:visible").count() == figures // 2
    formula = page.locator("math").first
    expect(formula).to_be_visible()
    fold = page.locator("details.fl-fold").first
    fold.locator("summary").click()
    expect(fold.locator("p, pre").first).to_be_visible()
    menu = page.locator("button.dropdown-toggle:visible")
    expect(page.locator("button:visible")).to_have_count(menu.count())
    if menu.count():
        menu.click()
        expect(page.locator(".dropdown-menu a:visible").first).to_be_visible()
    # The way to other pages: the bar of chapters, and at the end the next one.
    page.locator(".fl-chapter-bar a").nth(1).click()
    page.wait_for_url(re.compile("01_quickstart.html$"))
    page.locator("a.right-next").click()
    page.wait_for_url(re.compile("02_tensors.html$"))


@pytest.mark.parametrize("name", [HOME, API, GALLERY])
def test_other_pages_read_without_javascript(name: str, open_page: Callable[..., Page]) -> None:
    page = open_page(name, java_script_enabled=False, theme="dark")
    expect(page.locator("h1")).to_be_visible()
    assert page.locator("main a:visible").count() > 3


def test_a_chapter_prints_whole(open_page: Callable[..., Page]) -> None:
    page = open_page(CHAPTER, theme="light")
    page.wait_for_load_state("networkidle")
    paper = PdfReader(BytesIO(page.pdf(format="A4")))
    words = " ".join(sheet.extract_text() for sheet in paper.pages).split()
    text = unicodedata.normalize("NFKC", " ".join(words))  # two letters in one, as in "fi"
    article = soup(CHAPTER).find("article")
    headings = [
        " ".join(h.get_text(" ", strip=True).rstrip("#").split())
        for h in article.find_all(["h1", "h2"])
    ]
    squeezed = text.replace(" ", "")
    assert [h for h in headings if h.replace(" ", "") not in squeezed] == []
    # What is folded on the screen, and the last words of the page.
    for fold in article.select("details.fl-fold"):
        last = fold.get_text(" ", strip=True).split()[-1]
        assert last in text
    last = "".join(article.find_all(["p", "li"])[-1].get_text().split())
    assert last in squeezed
    for screen_only in ("Skip to main content", "On this page", "Section Navigation", "Search"):
        assert screen_only.replace(" ", "") not in squeezed


def test_paper_is_white_for_readers_of_dark_pages(open_page: Callable[..., Page]) -> None:
    page = open_page(CHAPTER, theme="dark")
    page.emulate_media(media="print", color_scheme="dark")
    color = page.evaluate("() => getComputedStyle(document.querySelector('article p')).color")
    assert max(map(int, re.findall(r"\d+", color)[:3])) < 110, color
    assert page.locator("article img.only-dark:visible").count() == 0
    assert page.locator("article img.only-light:visible").count() > 0
