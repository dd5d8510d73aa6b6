"""The search finds what readers look for: a concept, a name of the API, words of an error message."""

from collections.abc import Callable

import found
import pytest
from built import soup
from playwright.sync_api import Page, expect
from visit import Visit

WANTED = [
    ("softmax", "tutorials/2_digits/03_softmax.html"),
    ("learning rate", "tutorials/1_basics/10_training.html"),
    ("autograd", "tutorials/1_basics/09_autograd.html"),
    ("state_dict", "tutorials/1_basics/11_save_load.html"),
    ("CrossEntropyLoss", "tutorials/2_digits/07_losses.html"),
    ("train_epoch", "api/training.html"),
    ("nn.Linear", "tutorials/1_basics/07_layers.html"),
    ("make_loader", "api/data.html"),
]


def first_results(page: Page, count: int) -> list[str]:
    """Return the first pages that the search page shows."""
    expect(page.locator("#search-results .search-summary")).not_to_be_empty(timeout=10_000)
    links = page.locator("#search-results ul.search > li > a")
    found = [link.get_attribute("href") or "" for link in links.all()]
    pages = [link.partition("#")[0].partition("?")[0].lstrip("./") for link in found]
    return list(dict.fromkeys(pages))[:count]


@pytest.mark.parametrize(("words", "page"), WANTED)
def test_the_right_page_is_among_the_first_three(
    words: str, page: str, open_page: Callable[..., Page]
) -> None:
    results = first_results(open_page(f"search.html?q={words}"), 20)
    found.note("search", words, place=results.index(page) + 1 if page in results else "none")
    assert page in results[:3]


MESSAGES = [
    "mat1 and mat2 shapes cannot be multiplied",
    "view size is not compatible with input tensor's size and stride",
    "element 0 of tensors does not require grad and does not have a grad_fn",
]


@pytest.mark.parametrize("message", MESSAGES)
def test_a_message_leads_to_the_sections_that_show_it(
    message: str, open_page: Callable[..., Page]
) -> None:
    page = open_page(f"search.html?q={message}")
    assert first_results(page, 1)
    link = page.locator("#search-results ul.search > li > a").first.get_attribute("href") or ""
    name, _, anchor = link.partition("#")
    section = soup(name).find(id=anchor)
    found.note("search", message, place=1 if section and message in section.get_text() else "none")
    assert section is not None
    assert message in section.get_text()


def test_the_dialog_leads_to_the_results(open_page: Callable[..., Page]) -> None:
    page = open_page("install.html")
    page.keyboard.press("Control+k")
    page.keyboard.type("softmax")
    page.keyboard.press("Enter")
    page.wait_for_url("**/search.html?q=softmax")
    assert "tutorials/2_digits/03_softmax.html" in first_results(page, 3)


def test_nothing_found_is_said(open_page: Callable[..., Page]) -> None:
    page = open_page("search.html?q=qwxyzzy")
    expect(page.locator("#search-results .search-summary")).to_contain_text("did not match")


def test_a_page_that_is_not_there_offers_to_search(visit: Callable[..., Visit]) -> None:
    page = visit("tutorials/of_another_time.html").page
    field = page.locator("main form.bd-search input")
    expect(field).to_be_visible()
    field.fill("softmax")
    field.press("Enter")
    page.wait_for_url("**/search.html?q=softmax")
    assert "tutorials/2_digits/03_softmax.html" in first_results(page, 3)
