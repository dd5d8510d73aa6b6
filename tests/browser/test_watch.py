"""A training that was recorded, played back in the page: by itself when asked, and frame by frame."""

import base64
import re
from collections.abc import Callable
from typing import Any

import pytest
from axe import AXE, run_axe
from built import SITE, handed_over_by, soup
from playwright.sync_api import Locator, Page, expect
from visit import CUT_OFF, PIXELS, TOO_WIDE, wait_until

WATCH = "tutorials/3_further/04_watch_it_learn.html"
FRAMES = "_data/tutorials-3_further-04_watch_it_learn.js"
LOADED = "() => !document.querySelector('#watch-frame').disabled"
MOVE = """(input, value) => {
  input.value = value;
  input.dispatchEvent(new Event("input", {bubbles: true}));
}"""


@pytest.fixture(scope="session")
def handed_over() -> dict[str, Any]:
    """What the chapter handed over to its page."""
    return handed_over_by(FRAMES)


@pytest.fixture
def watch(open_page: Callable[..., Page]) -> Callable[..., Page]:
    """Open the page at the player, with the frames loaded."""

    def open_at_the_player(start: str = "", **options: Any) -> Page:
        page = open_page(start + WATCH, **options)
        player(page).evaluate("part => part.scrollIntoView({block: 'center'})")
        wait_until(page, LOADED)
        return page

    return open_at_the_player


def player(page: Page) -> Locator:
    return page.locator("#interactive-watch")


def slider(page: Page) -> Locator:
    return page.locator("#watch-frame")


def play(page: Page) -> Locator:
    return page.locator(".fl-watch-play")


def frame(page: Page) -> int:
    return int(slider(page).input_value())


def says(page: Page) -> str:
    return player(page).locator(".fl-says").inner_text()


def captions(page: Page, of: str) -> list[str]:
    return page.locator(f".fl-watch-{of} figcaption").all_text_contents()


# What it shows


def test_the_data_are_small() -> None:
    assert (SITE / FRAMES).stat().st_size < 300_000


def test_numbers_are_those_that_the_chapter_handed_over(
    watch: Callable[..., Page], handed_over: dict[str, Any]
) -> None:
    page = watch()
    last = len(handed_over["steps"]) - 1
    assert captions(page, "units") == [f"unit {unit}" for unit in handed_over["units"]]
    for at in (0, 1, last // 2, last):
        slider(page).evaluate(MOVE, at)
        step, accuracy = handed_over["steps"][at], handed_over["accuracies"][at]
        right = re.fullmatch(
            rf"Step {step} of {handed_over['steps'][-1]}: ([\d.]+)% of "
            rf"{handed_over['count']} test images are right\.",
            says(page),
        )
        assert right is not None
        assert float(right[1]) == pytest.approx(100 * accuracy, abs=0.051)
        expect(slider(page)).to_have_attribute("aria-valuetext", f"step {step}")
        rows = zip(
            captions(page, "images"), handed_over["scores"][at], handed_over["labels"], strict=True
        )
        for caption, scores, label in rows:
            best = scores.index(max(scores))
            words, _, number = caption.removesuffix("%").rpartition(", ")
            names = [handed_over["classes"][k] for k in (label, best)]
            assert words == "label {}, answer {}".format(*names)
            assert float(number) == pytest.approx(100 * max(scores), abs=0.051)
        heights = page.locator(".fl-watch-images rect").evaluate_all(
            "bars => bars.map(bar => bar.height.baseVal.value)"
        )
        expected = [36 * p for scores in handed_over["scores"][at] for p in scores]
        assert heights == pytest.approx(expected, abs=1e-3)


def test_weights_are_painted_in_red_and_blue(
    watch: Callable[..., Page], handed_over: dict[str, Any]
) -> None:
    page = watch()
    first, *_, last = (base64.b64decode(text) for text in handed_over["weights"])
    start = [[*first[784 * k : 784 * k + 784]] for k in range(6)]
    end = [[*last[784 * k : 784 * k + 784]] for k in range(6)]
    for view in ("weights", "change since the start"):
        page.get_by_label(view).check()
        for k, canvas in enumerate(page.locator(".fl-watch-units canvas").all()):
            data = canvas.evaluate(PIXELS)
            zeros = [128] * 784 if view == "weights" else start[k]
            for pixel, (now, zero) in enumerate(zip(end[k], zeros, strict=True)):
                red, _, blue, opacity = data[4 * pixel : 4 * pixel + 4]
                size = min(1, abs(now - zero) / 127)
                assert opacity == pytest.approx(255 * size**0.7, abs=1)
                if opacity > 100:
                    assert (red > blue) == (now > zero)
        # The start itself has not changed since the start.
        slider(page).evaluate(MOVE, 0)
        opacities = page.locator(".fl-watch-units canvas").first.evaluate(PIXELS)[3::4]
        assert any(opacities) == (view == "weights")
        slider(page).evaluate(MOVE, len(handed_over["steps"]) - 1)


def test_images_are_those_of_the_chapter(
    watch: Callable[..., Page], handed_over: dict[str, Any]
) -> None:
    page = watch()
    for canvas, text in zip(
        page.locator(".fl-watch-images canvas").all(), handed_over["images"], strict=True
    ):
        assert canvas.evaluate(PIXELS)[::4] == [*base64.b64decode(text)]


# Playing


def test_nothing_moves_before_it_is_asked_to(watch: Callable[..., Page]) -> None:
    page = watch()
    before = frame(page), says(page)
    page.wait_for_timeout(1000)
    assert (frame(page), says(page)) == before
    expect(play(page)).to_have_text("Play")


def test_it_plays_to_the_end_and_stops(watch: Callable[..., Page]) -> None:
    page = watch()
    last = int(slider(page).get_attribute("max") or "")
    assert frame(page) == last
    play(page).click()  # at the end: from the start on
    expect(play(page)).to_have_text("Pause")
    wait_until(page, "() => +document.querySelector('#watch-frame').value > 1")
    assert frame(page) < last
    slider(page).evaluate(f"input => {{ input.value = {last - 2}; }}")
    expect(play(page)).to_have_text("Play", timeout=5000)
    assert frame(page) == last
    page.wait_for_timeout(600)
    assert frame(page) == last


@pytest.mark.parametrize("how", ["button", "slider", "step", "keyboard"])
def test_whoever_takes_over_pauses_it(how: str, watch: Callable[..., Page]) -> None:
    page = watch()
    play(page).click()
    wait_until(page, "() => +document.querySelector('#watch-frame').value > 1")
    match how:
        case "button":
            play(page).click()
        case "slider":
            slider(page).evaluate(MOVE, 5)
        case "step":
            page.locator(".fl-watch-on").click()
        case "keyboard":
            slider(page).press("ArrowRight")
    expect(play(page)).to_have_text("Play")
    at = frame(page)
    page.wait_for_timeout(700)
    assert frame(page) == at


def test_what_is_read_aloud_waits_until_it_rests(watch: Callable[..., Page]) -> None:
    page = watch()
    status = player(page).get_by_role("status")
    expect(status).to_have_text(says(page))
    page.evaluate(
        """() => {
          const status = document.querySelector("#interactive-watch [role=status]");
          window.said = [];
          new MutationObserver(() => said.push(status.textContent)).observe(status, {childList: true});
        }"""
    )
    play(page).click()
    page.wait_for_timeout(1500)
    assert page.evaluate("said") == []
    play(page).click()
    wait_until(page, "said.length > 0")
    page.wait_for_timeout(400)
    assert page.evaluate("said") == [says(page)]


# Who operates it, and how


def test_the_keyboard_operates_every_control(watch: Callable[..., Page]) -> None:
    page = watch()
    slider(page).focus()
    last = frame(page)
    page.keyboard.press("ArrowLeft")
    assert frame(page) == last - 1
    page.keyboard.press("Home")
    assert frame(page) == 0
    page.keyboard.press("Tab")
    expect(play(page)).to_be_focused()
    page.keyboard.press("Space")
    expect(play(page)).to_have_text("Pause")
    page.keyboard.press("Space")
    expect(play(page)).to_have_text("Play")
    at = frame(page)
    page.keyboard.press("Tab")  # at the start there is no way back, and the button is left out
    if at:
        expect(page.locator(".fl-watch-back")).to_be_focused()
        page.keyboard.press("Tab")
    expect(page.locator(".fl-watch-on")).to_be_focused()
    page.keyboard.press("Enter")
    assert frame(page) == at + 1
    page.keyboard.press("Tab")
    expect(page.get_by_label("weights", exact=True)).to_be_focused()
    page.keyboard.press("ArrowRight")
    expect(page.get_by_label("change since the start")).to_be_checked()


def test_with_reduced_motion_it_goes_by_hand_only(watch: Callable[..., Page]) -> None:
    page = watch(reduced_motion="reduce")
    expect(play(page)).to_be_hidden()
    expect(page.locator(".fl-watch-calm")).to_be_visible()
    at = frame(page)
    page.locator(".fl-watch-back").click()
    assert frame(page) == at - 1
    page.wait_for_timeout(700)
    assert frame(page) == at - 1


def test_the_wish_for_less_motion_is_heard_while_it_plays(watch: Callable[..., Page]) -> None:
    page = watch()
    expect(page.locator(".fl-watch-calm")).to_be_hidden()
    play(page).click()
    page.emulate_media(reduced_motion="reduce")
    expect(play(page)).to_be_hidden()
    at = frame(page)
    page.wait_for_timeout(700)
    assert frame(page) == at


def test_without_javascript_the_stills_are_there(open_page: Callable[..., Page]) -> None:
    page = open_page(WATCH, java_script_enabled=False)
    expect(player(page)).to_be_hidden()
    sentence = page.locator(".fl-interactive-without")
    expect(sentence).to_be_visible()
    expect(sentence).to_contain_text("figures above show the same in stills")
    stills = soup(WATCH).find(id="interactive-watch").find_all_previous("img", class_="fl-figure")
    assert any("six units in rows, eight steps" in image["alt"] for image in stills)


def test_it_works_from_a_folder(unpacked: str, watch: Callable[..., Page]) -> None:
    page = watch(unpacked)
    before = says(page)
    slider(page).press("ArrowLeft")
    assert says(page) != before


def test_frames_that_do_not_come_are_told(open_page: Callable[..., Page]) -> None:
    page = open_page("index.html")
    page.route(f"**/{FRAMES}", lambda route: route.fulfill(body="", content_type="text/javascript"))
    page.goto(page.url.replace("index.html", WATCH))
    player(page).scroll_into_view_if_needed()
    expect(player(page).locator(".fl-says")).to_have_text(
        re.compile("^The frames could not be loaded")
    )
    expect(play(page)).to_be_disabled()


@pytest.mark.parametrize("width", [1280, 360])
def test_nothing_overflows_and_nothing_jumps(width: int, watch: Callable[..., Page]) -> None:
    page = watch(width=width)
    box = player(page).bounding_box()
    for at in range(int(slider(page).get_attribute("max") or "") + 1):
        slider(page).evaluate(MOVE, at)
        assert player(page).bounding_box() == pytest.approx(box, abs=0.5)
    assert page.evaluate(TOO_WIDE) == page.evaluate(CUT_OFF) == []
    for target in player(page).locator("[type=range], label:has(input), button").all():
        target_box = target.bounding_box()
        assert target_box is not None
        assert min(target_box["width"], target_box["height"]) >= 24


def test_axe_finds_nothing(watch: Callable[..., Page]) -> None:
    page = watch()
    page.evaluate(AXE)
    player(page).evaluate(
        """part => {
          const title = document.querySelector("h1");
          document.querySelector("article").replaceChildren(title, part);
        }"""
    )
    for theme in ("light", "dark"):
        assert run_axe(page, theme) == {}
    expect(player(page)).to_have_role("region")
    expect(player(page)).to_have_accessible_name(re.compile("^Try it: "))
