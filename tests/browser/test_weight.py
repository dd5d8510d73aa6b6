"""How many bytes a page brings along."""

from collections.abc import Callable

import found
import pytest
from built import API, CHAPTERS, GALLERY, HOME
from visit import Visit

LIMIT_KB = 350
TRANSFERRED = """() => performance.getEntries()
  .filter(entry => ["navigation", "resource"].includes(entry.entryType))
  .map(entry => [entry.name, entry.transferSize / 1000])"""


@pytest.mark.parametrize("page", [HOME, GALLERY, API, *CHAPTERS])
def test_a_page_is_light(page: str, visit: Callable[..., Visit]) -> None:
    seen = visit(page, width=360, height=740, device_scale_factor=2)
    seen.page.wait_for_load_state("networkidle")
    seen.read_to_the_end()
    parts = {name: size for name, size in seen.page.evaluate(TRANSFERRED)}
    figures = {name: size for name, size in parts.items() if "/_images/" in name}
    rest = {name: size for name, size in parts.items() if name not in figures}
    found.note("weight", page, page_kb=sum(rest.values()), figures_kb=sum(figures.values()))
    heaviest = sorted(rest.items(), key=lambda part: -part[1])
    assert sum(rest.values()) <= LIMIT_KB, heaviest[:8]
