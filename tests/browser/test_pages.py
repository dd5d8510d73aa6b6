"""Every page, in both themes, on a wide and on a narrow screen."""

from collections.abc import Callable

import found
import pytest
from axe import AXE, run_axe
from built import API, CHAPTERS, GALLERY, HOME, PAGES
from visit import CUT_OFF, TOO_WIDE, Visit

# What a theme decides: colors, and which of two figures is seen.
OF_A_THEME = ["cat.color", "cat.text-alternatives"]
# A chapter's code is thousands of colored words. Within a block, words of one class look alike: the
# first of each is looked at, and the others become plain text.
THIN_OUT = """() => {
  for (const code of document.querySelectorAll(".highlight pre")) {
    const seen = new Set();
    for (const word of code.querySelectorAll("span")) {
      const look = word.className + (word.closest("a") ? " in a link" : "");
      if (word.className && !seen.has(look)) seen.add(look);
      else word.replaceWith(...word.childNodes);
    }
    code.normalize();
  }
}"""
WITHOUT_SIZE = """() => [...document.images].filter(
  image => !image.hasAttribute("width") || !image.hasAttribute("height")).map(i => i.outerHTML)"""
TRANSFERRED = """() => performance.getEntries()
  .filter(entry => ["navigation", "resource"].includes(entry.entryType))
  .map(entry => [entry.name, entry.transferSize / 1000])"""
LIMIT_KB = 350  # of a page without its own figures
SHIFT_LIMIT = 0.01  # as browsers measure it; 0.1 is called good
UNFOLD = "() => document.querySelectorAll('details').forEach(fold => fold.open = true)"


@pytest.mark.parametrize(("width", "first"), [(1280, "light"), (360, "dark")])
@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_for_everyone(
    name: str, width: int, first: str, visit: Callable[..., Visit]
) -> None:
    seen = visit(name, width=width, theme=first)
    page = seen.page
    seen.read_to_the_end()
    shift, shifted = page.evaluate("() => [window.layoutShift, window.shifted]")
    parts = dict(page.evaluate(TRANSFERRED))
    figures = sum(size for address, size in parts.items() if "/_images/" in address)
    data = sum(size for address, size in parts.items() if "/_data/" in address)  # see test_draw
    rest = sum(parts.values()) - figures - data
    problems = {
        "images without a size": page.evaluate(WITHOUT_SIZE),
        "shifted": shifted if shift >= SHIFT_LIMIT else [],
        "too heavy": sorted(parts.items(), key=lambda part: -part[1]) if rest > LIMIT_KB else [],
    }
    page.evaluate(UNFOLD)
    overflow = page.evaluate(TOO_WIDE)
    problems |= {"wider than the screen": overflow, "cut off": page.evaluate(CUT_OFF)}
    page.evaluate(AXE)
    page.evaluate(THIN_OUT)
    second = "dark" if first == "light" else "light"
    violations: dict[str, list[str]] = {}
    for theme, categories in ((first, None), (second, OF_A_THEME)):
        for rule, where in run_axe(page, theme, categories).items():
            violations.setdefault(rule, []).extend(f"{theme}: {html}" for html in where)
    problems |= {"axe": violations, "console": seen.complaints, "other hosts": seen.foreign}
    found.note(
        "visit", name, width=width, violations=sorted(violations), foreign=seen.foreign,
        complaints=seen.complaints, overflow=overflow, shift=shift,
    )  # fmt: skip
    if width == 360 and name in (HOME, GALLERY, API, *CHAPTERS):
        found.note("weight", name, page_kb=rest, figures_kb=figures)
    assert {what: where for what, where in problems.items() if where} == {}


def test_the_rules_that_are_on(visit: Callable[..., Visit]) -> None:
    """Say which rules are off: those of level AAA only."""
    page = visit(PAGES[0]).page
    page.evaluate(AXE)
    rules = page.evaluate("() => axe.getRules().map(({ruleId, tags}) => [ruleId, tags])")
    off = {
        name
        for name, tags in rules
        if any(tag.endswith("aaa") or tag in ("deprecated", "obsolete") for tag in tags)
    }
    assert len(rules) - len(off) > 80
    assert {name for name in off if "contrast" in name} == {"color-contrast-enhanced"}
