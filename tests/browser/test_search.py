"""The search finds what readers look for: a concept, a name of the API, words of an error message."""

import re
from collections.abc import Callable
from urllib.parse import quote

import found
import pytest
from built import soup
from playwright.sync_api import Page, expect
from visit import Visit

from firstlayers.error_index import CHAPTER

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


CLINIC = f"tutorials/{CHAPTER}.html"
# As readers paste them: with the type or without, with other numbers than the page's, broken, or whole.
MESSAGES = {
    "RuntimeError: mat1 and mat2 shapes cannot be multiplied (32x784 and 100x10)": "error-mat1",
    "mat1 and mat2 shapes cannot be multiplied": "error-mat1",
    "RuntimeError: The size of tensor a (7) must match the size of tensor b (32) at non-singleton "
    "dimension 2": "error-sizes",
    "RuntimeError: shape '[32, 3072]' is invalid for input of size 49152": "error-invalid-shape",
    "view size is not compatible with input tensor's size and stride (at least one dimension spans "
    "across two contiguous subspaces). Use .reshape(...) instead.": "error-view",
    "Dimension out of range (expected to be in range of [-3, 2], but got 3)": "error-dimension",
    "IndexError: index 60000 is out of bounds for dimension 0 with size 60000": "error-index",
    "Given groups=1, weight of size [16, 1, 5, 5], expected input[8, 3, 32, 32] to have 1 channels, "
    "but got 3 channels instead": "error-channels",
    "ValueError: Expected input batch_size (512) to match target batch_size (32).": "error-batch-size",
    "IndexError: Target 12 is out of bounds.": "error-target",
    "RuntimeError: mat1 and mat2 must have the same dtype, but got Half and Float": "error-dtype",
    "RuntimeError: Expected all tensors to be on the same device, but found at least two devices, "
    "cuda:0 and cpu!": "error-device",
    "does not require grad": "error-no-grad",
    "RuntimeError: Trying to backward through the graph a second time (or directly access saved "
    "tensors after they have already been freed).": "error-second-time",
    "one of the variables needed for gradient computation has been modified by an inplace operation: "
    "[torch.cuda.FloatTensor [32, 100]], which is output 0 of ReluBackward0, is at version 3; expected "
    "version 2 instead.": "error-inplace",
    "RuntimeError: Can\u2019t call numpy() on Tensor that requires grad.": "error-numpy",
    "AttributeError: 'NoneType' object has no attribute 'data'": "error-none",
    "stack expects each tensor to be equal size, but got [3, 480, 640] at entry 0 and [3, 427, 640] at "
    "entry 7": "error-stack",
    "RuntimeError: Error(s) in loading state_dict for ResNet: Unexpected key(s) in state_dict: "
    '"fc.weight", "fc.bias".': "error-keys",
    "size mismatch for fc.weight: copying a param with shape torch.Size([1000, 512]) from checkpoint, "
    "the shape in current model is torch.Size([10, 512]).": "error-size-mismatch",
    "_pickle.UnpicklingError: Weights only load failed. This file can still be loaded": (
        "error-weights-only"
    ),
}  # fmt: skip


def links(page: Page) -> list[str]:
    """Return where all results lead."""
    first_results(page, 1)
    all_links = page.locator("#search-results ul.search > li > a").all()
    return [link.get_attribute("href") or "" for link in all_links]


def label_of(link: str) -> str:
    """Return the label of the clinic's entry that a link leads to."""
    name, _, anchor = link.partition("#")
    section = soup(name).find("section", id=anchor) if name == CLINIC else None
    target = section.find("span", id=re.compile("^error-"), recursive=False) if section else None
    return str(target["id"]) if target else ""


@pytest.mark.parametrize("message", MESSAGES)
def test_a_message_leads_to_its_entry_in_the_clinic(
    message: str, open_page: Callable[..., Page]
) -> None:
    label = label_of(links(open_page(f"search.html?q={quote(message)}"))[0])
    found.note("search", message, place=1 if label == MESSAGES[message] else "none")
    assert label == MESSAGES[message]


def test_chapters_that_show_the_same_message_are_found_below_it(
    open_page: Callable[..., Page],
) -> None:
    page = open_page(f"search.html?q={quote(next(iter(MESSAGES)))}")
    assert "tutorials/1_basics/07_layers.html#common-mistakes" in links(page)[1:]


@pytest.mark.parametrize(
    ("message", "place"),
    [
        ("TypeError: list is not a Module subclass", "2_digits/06_sequential"),
        ("RuntimeError: result type Float can't be cast to the desired output type Byte", "1_basics/02_tensors"),
    ],
)  # fmt: skip
def test_a_message_that_the_clinic_lacks_leads_to_the_chapter_that_shows_it(
    message: str, place: str, open_page: Callable[..., Page]
) -> None:
    results = links(open_page(f"search.html?q={quote(message)}"))
    assert results[0] == f"tutorials/{place}.html#common-mistakes"


def test_a_whole_traceback_can_be_pasted(open_page: Callable[..., Page]) -> None:
    page = open_page("install.html")
    page.keyboard.press("Control+k")
    page.keyboard.insert_text(
        'Traceback (most recent call last):\n  File "train.py", line 21, in <module>\n'
        "    loss.backward()\nRuntimeError: grad can be implicitly created only for scalar outputs\n"
    )
    page.keyboard.press("Enter")
    page.wait_for_url("**/search.html?q=Traceback*")
    assert label_of(links(page)[0]) == "error-scalar-outputs"


def test_a_message_is_found_in_a_folder_too(unpacked: str, open_page: Callable[..., Page]) -> None:
    message = next(iter(MESSAGES))
    page = open_page(f"{unpacked}search.html?q={quote(message)}")
    assert label_of(links(page)[0]) == MESSAGES[message]


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
