"""What readers operate in chapters: it computes what PyTorch computes, and everyone can operate it."""

import math
import random
import re
from collections.abc import Callable
from typing import Any

import pytest
import torch
from axe import AXE, run_axe
from built import soup
from playwright.sync_api import Locator, Page, expect
from visit import CUT_OFF, TOO_WIDE, wait_until

PAGES = {
    "neuron": "tutorials/1_basics/05_neurons.html",
    "softmax": "tutorials/2_digits/03_softmax.html",
    "bowl": "tutorials/1_basics/10_training.html",
}
FUNCTIONS = {
    "step": lambda z: (1 + z.sign()) / 2,
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "ReLU": torch.relu,
}
START = {  # of each, the first lines that it says
    "neuron": ["w · x + b = 1.5 · 2 + (-1) = 2", "y = sigmoid(2) = 0.8808"],
    "softmax": ["Probabilities: 0.6439, 0.2369, 0.0871, 0.0321", "Their sum: 1.0000"],
    "bowl": ["Factor: 1 - 2 · 0.10 = 0.80"],
}
# Moves a slider as a hand does: the value, and then the event.
MOVE = """(input, value) => {
  input.value = value;
  input.dispatchEvent(new Event("input", {bubbles: true}));
}"""
every_companion = pytest.mark.parametrize("name", PAGES)


def exactly(*numbers: float) -> torch.Tensor:
    return torch.tensor(numbers, dtype=torch.float64)


class Companion:
    """One experiment on its page."""

    def __init__(self, page: Page, name: str) -> None:
        self.page = page
        self.part = page.locator(f"#interactive-{name}")

    def slider(self, name: str) -> Locator:
        return self.part.locator(f"input[name={name}]")

    def move(self, **values: float) -> None:
        for name, value in values.items():
            self.slider(name.replace("_", "-")).evaluate(MOVE, value)

    @property
    def text(self) -> str:
        return self.part.locator(".fl-says").text_content() or ""

    @property
    def lines(self) -> list[str]:
        """Its lines, with hyphens in place of the signs that are read aloud."""
        return self.text.replace("\N{MINUS SIGN}", "-").split("\n")

    @property
    def numbers(self) -> list[list[float]]:
        """The numbers of each line."""
        number = r"-?\d+(?:\.\d+)?(?:e[-+]?\d+)?"
        return [[float(text) for text in re.findall(number, line)] for line in self.lines]


@pytest.fixture
def companion(open_page: Callable[..., Page]) -> Callable[..., Companion]:
    def open_companion(name: str, start: str = "", **options: Any) -> Companion:
        return Companion(open_page(start + PAGES[name], **options), name)

    return open_companion


# What it computes


def quarters(count: int, seed: int) -> list[tuple[float, ...]]:
    """Weights, biases and inputs: the corners of what the sliders allow, the middle, and some more."""
    corners = [(w, b, x) for w in (-4, 4) for b in (-4, 4) for x in (-4, 4)]
    values = random.Random(seed)
    others = [tuple(values.randint(-16, 16) / 4 for _ in range(3)) for _ in range(count)]
    return [*corners, (0, 0, 0), (0, -4, 4), (2, -4, 2), *others]


def test_a_neuron_says_what_pytorch_computes(companion: Callable[..., Companion]) -> None:
    neuron = companion("neuron")
    for name, function in FUNCTIONS.items():
        neuron.part.get_by_label(name, exact=True).check()
        for w, b, x in quarters(40, seed=len(name)):
            neuron.move(weight=w, bias=b, input=x)
            total = w * x + b
            output = function(exactly(total)).item()
            sums, outputs, zero = neuron.numbers
            assert sums == [w, x, b, total]
            assert outputs[0] == total
            assert abs(outputs[1] - output) <= 0.5e-4 + 1e-9
            assert f"= {name}(" in neuron.lines[1]
            assert zero == ([b] if w == 0 else [0, pytest.approx(-b / w, rel=1e-3)])


def test_neuron_is_the_function_of_pytorch(companion: Callable[..., Companion]) -> None:
    page = companion("neuron").page
    for name, function in FUNCTIONS.items():
        for x, w, b in [(-1000, 1, 0), (1000, 1, 0), (0, 3, 0), (0.3, -7, 2), (1e-9, 1, 0)]:
            found = page.evaluate("([x, w, b, name]) => neuron(x, w, b, name)", [x, w, b, name])
            assert found == pytest.approx(function(exactly(w * x + b)).item(), abs=1e-6)


def test_softmax_says_what_pytorch_computes(companion: Callable[..., Companion]) -> None:
    softmax = companion("softmax")
    values = random.Random(0)
    extremes = [(-5, 5, 5, -5, -20), (5, 5, 5, 5, 40), (-5, 5, -5, 5, 40), (5, -5, 0, 0, -20)]
    others = [[values.randint(-20, 20) / 4 for _ in range(4)] for _ in range(36)]
    for *logits, position in [*extremes, *([*some, values.randint(-20, 40)] for some in others)]:
        softmax.move(**{f"logit_{k}": logit for k, logit in enumerate(logits)})
        softmax.move(temperature=position)
        temperature = 10 ** (position / 20)
        expected = torch.softmax(exactly(*logits) / temperature, dim=0)
        shown, sums, largest = softmax.numbers
        assert (exactly(*shown) - expected).abs().max() <= 0.5e-4 + 1e-9
        assert sums == [1]
        assert largest == [k for k in range(4) if logits[k] == max(logits)]
        bars = softmax.part.locator(".fl-number").all_text_contents()
        assert [float(text) for text in bars] == shown
        widths = softmax.part.locator("rect:not(.fl-room)").evaluate_all(
            "bars => bars.map(bar => bar.width.baseVal.value)"
        )
        assert widths == pytest.approx((200 * expected).tolist(), abs=0.01)
        said = softmax.slider("temperature").get_attribute("aria-valuetext")
        assert float(said or "") == pytest.approx(temperature, rel=5e-3)


@pytest.mark.parametrize(
    "logits",
    [
        [1000, 1001, -1000, 0],
        [-1000, -1001, -1002, -1003],
        [1000, 1000, 1000, 1000],
        [0.1, -0.2, 0.3],
        [700, 710, 720],
        [5],
    ],
)
@pytest.mark.parametrize("temperature", [0.1, 1, 7.5, 100])
def test_softmax_is_the_function_of_pytorch(
    logits: list[float], temperature: float, companion: Callable[..., Companion]
) -> None:
    page = companion("softmax").page
    found = page.evaluate("([logits, t]) => softmax(logits, t)", [logits, temperature])
    expected = torch.softmax(exactly(*logits) / temperature, dim=0)
    torch.testing.assert_close(exactly(*found), expected, rtol=0, atol=1e-6)


def descend(start: float, learning_rate: float, steps: int) -> list[float]:
    """Gradient descent on w², with autograd and an optimizer."""
    w = exactly(start).requires_grad_()
    optimizer = torch.optim.SGD([w], lr=learning_rate)
    places = [start]
    for _ in range(steps):
        optimizer.zero_grad()
        w.square().sum().backward()
        optimizer.step()
        places.append(w.item())
    return places


def test_the_bowl_says_what_pytorch_computes(companion: Callable[..., Companion]) -> None:
    bowl = companion("bowl")
    verdicts = {}
    for rate in [*(k / 100 for k in range(1, 121, 3)), 0.05, 0.06, 0.5, 0.99, 1.0, 1.01, 1.2]:
        bowl.move(rate=rate)
        places = descend(2, rate, 20)
        factor, (steps, w), (loss,), _ = bowl.numbers
        assert factor == [1, 2, rate, pytest.approx(1 - 2 * rate)]
        assert steps == 20
        assert w == pytest.approx(places[-1], rel=1e-3, abs=1e-12)
        assert loss == pytest.approx(places[-1] ** 2, rel=1e-3, abs=1e-24)
        verdicts[rate] = bowl.lines[3]
        away, change = abs(places[-1]), abs(places[-1]) - abs(places[-2])
        jumps = places[1] < 0
        assert ("diverges" in verdicts[rate]) == (change > 0)
        assert ("back and forth" in verdicts[rate]) == (change == 0 and away == 2)
        assert ("Side to side" in verdicts[rate]) == (jumps and change < 0)
        assert ("after one step" in verdicts[rate]) == (places[1] == 0)
        assert ("Too low" in verdicts[rate]) == (not jumps and away > 0.2)
    assert len(set(verdicts.values())) == 6


@pytest.mark.parametrize("rate", [0.01, 0.37, 0.5, 0.99, 1.0, 1.2])
def test_descend_takes_the_steps_of_pytorch(
    rate: float, companion: Callable[..., Companion]
) -> None:
    page = companion("bowl").page
    found = page.evaluate("rate => descend(2, rate, 20)", rate)
    torch.testing.assert_close(
        exactly(*found), exactly(*descend(2, rate, 20)), rtol=1e-9, atol=1e-9
    )


# What is drawn


def test_the_dot_of_the_neuron_lies_on_its_curve(companion: Callable[..., Companion]) -> None:
    neuron = companion("neuron")
    dot, curve = neuron.part.locator(".fl-dot"), neuron.part.locator(".fl-line")
    for name in FUNCTIONS:
        neuron.part.get_by_label(name, exact=True).check()
        for x in (-3.75, -1, 0.25, 1):
            neuron.move(input=x)
            here = [float(dot.get_attribute(side) or "") for side in ("cx", "cy")]
            points = re.findall(r"([-\d.]+),([-\d.]+)", curve.get_attribute("d") or "")
            apart = min(math.dist(here, map(float, point)) for point in points)
            assert apart < 0.02
    neuron.move(weight=4, bias=4, input=4)
    expect(dot).to_have_class("fl-dot fl-outside")


def test_the_bowl_has_a_dot_for_each_step(companion: Callable[..., Companion]) -> None:
    bowl = companion("bowl")
    bowl.move(rate=1.05)
    assert bowl.part.locator(".fl-dot").count() == 21
    gone = sum(abs(w) > 3 for w in descend(2, 1.05, 20))
    assert bowl.part.locator(".fl-outside").count() == gone


# Who operates it, and how


@every_companion
def test_the_keyboard_operates_every_control(
    name: str, companion: Callable[..., Companion]
) -> None:
    each = companion(name)
    page = each.page
    each.slider(each.part.locator("input").first.get_attribute("name") or "").focus()
    sliders = each.part.locator("[type=range]").count()
    seen = [each.lines]
    for _ in range(sliders):
        assert page.evaluate("() => getComputedStyle(document.activeElement).outlineWidth") == "3px"
        for key in ("Home", "ArrowRight", "End", "PageDown"):
            page.keyboard.press(key)
            seen.append(each.lines)
        page.keyboard.press("Tab")
    assert len(set(map(str, seen))) > 2 * sliders
    radios = each.part.locator("[type=radio]").count()
    for _ in range(radios - 1):
        before = each.lines
        page.keyboard.press("ArrowDown")
        assert each.lines != before
    if radios:
        page.keyboard.press("Tab")
    expect(each.part.get_by_role("button", name="Start again")).to_be_focused()
    page.keyboard.press("Enter")
    assert each.lines[: len(START[name])] == START[name]


@every_companion
def test_it_starts_again(name: str, companion: Callable[..., Companion]) -> None:
    each = companion(name)
    lines, drawn = each.lines, each.part.locator("svg").first.inner_html()
    assert lines[: len(START[name])] == START[name]
    each.move(
        **{"neuron": {"bias": 3}, "softmax": {"temperature": 40}, "bowl": {"rate": 1.2}}[name]
    )
    if name == "neuron":
        each.part.get_by_label("tanh").check()
    assert each.lines != lines
    each.part.get_by_role("button", name="Start again").click()
    assert each.lines == lines
    assert each.part.locator("svg").first.inner_html() == drawn


@every_companion
def test_what_is_read_aloud_waits_until_the_hand_rests(
    name: str, companion: Callable[..., Companion]
) -> None:
    each = companion(name)
    status = each.part.get_by_role("status")
    expect(status).to_have_text(each.text)
    each.page.evaluate(
        """name => {
          const status = document.querySelector(`#interactive-${name} [role=status]`);
          window.said = [];
          new MutationObserver(() => said.push(status.textContent)).observe(status, {childList: true});
        }""",
        name,
    )
    slider = each.part.locator("[type=range]").first
    low = float(slider.get_attribute("min") or "")
    for k in range(20):
        slider.evaluate(MOVE, low + k * 0.05)
    wait_until(each.page, "said.length > 0")
    each.page.wait_for_timeout(400)
    assert each.page.evaluate("said") == [each.text]


@every_companion
def test_without_javascript_a_sentence_says_where_to_look(
    name: str, companion: Callable[..., Companion]
) -> None:
    each = companion(name, java_script_enabled=False)
    expect(each.part).to_be_hidden()
    sentence = each.page.locator(".fl-interactive-without")
    expect(sentence).to_be_visible()
    expect(sentence).to_contain_text("figure above shows the same")
    # The figure is really there, in the cell before.
    found = soup(PAGES[name]).find(id=f"interactive-{name}")
    assert "fl-figure" in found.find_previous("img")["class"]


@every_companion
def test_it_works_from_a_folder(
    name: str, unpacked: str, companion: Callable[..., Companion]
) -> None:
    each = companion(name, unpacked)
    assert each.lines[: len(START[name])] == START[name]
    before = each.lines
    each.part.locator("[type=range]").first.press("ArrowRight")
    assert each.lines != before


@every_companion
@pytest.mark.parametrize("width", [1280, 360])
def test_nothing_moves_and_nothing_overflows(
    name: str, width: int, companion: Callable[..., Companion]
) -> None:
    each = companion(name, width=width)
    page = each.page
    box = each.part.bounding_box()
    for slider in each.part.locator("[type=range]").all():
        low, high = (float(slider.get_attribute(end) or "") for end in ("min", "max"))
        for k in range(25):
            slider.evaluate(MOVE, low + (high - low) * k / 24)
            now = each.part.bounding_box()
            assert now == pytest.approx(box, abs=0.5)  # lines have heights of halves and quarters
    assert page.evaluate(TOO_WIDE) == page.evaluate(CUT_OFF) == []
    inside = each.part.evaluate(
        """part => [...part.querySelectorAll("*")]
          .filter(each => !each.closest("svg svg, .visually-hidden"))
          .filter(each => each.getBoundingClientRect().right > part.getBoundingClientRect().right)
          .map(each => each.outerHTML.slice(0, 100))"""
    )
    assert inside == []


@every_companion
def test_a_finger_hits_every_control(name: str, companion: Callable[..., Companion]) -> None:
    each = companion(name, width=360, has_touch=True)
    for target in each.part.locator("[type=range], label:has(input), button").all():
        box = target.bounding_box()
        assert box is not None
        assert min(box["width"], box["height"]) >= 24


@every_companion
def test_axe_finds_nothing(name: str, companion: Callable[..., Companion]) -> None:
    each = companion(name)
    each.page.evaluate(AXE)
    # Only this part of the page; test_pages looks at all of it.
    each.part.evaluate(
        """part => {
          const title = document.querySelector("h1");
          document.querySelector("article").replaceChildren(title, part);
        }"""
    )
    for theme in ("light", "dark"):
        assert run_axe(each.page, theme) == {}


@every_companion
def test_every_control_has_a_name(name: str, companion: Callable[..., Companion]) -> None:
    each = companion(name)
    controls = each.part.locator("input, button")
    names = controls.evaluate_all(
        "all => all.map(one => one.labels?.[0]?.innerText.trim() || one.innerText)"
    )
    assert all(names)
    assert len(set(names)) == len(names)
    expect(each.part).to_have_role("region")
    expect(each.part).to_have_accessible_name(re.compile("^Try it: "))
