"""What chapters cost is shown, and one that is far too dear fails the build."""

import re

import pytest
from mini_gallery import MiniGallery

WORK = """
import time
end = time.process_time() + {seconds}
while time.process_time() < end:
    pass
"""


@pytest.fixture
def gallery(mini_gallery: MiniGallery) -> MiniGallery:
    mini_gallery.configure(
        ("gallery_costs",),
        "gallery_budget = 2",
        image_scrapers=("matplotlib", "gallery_costs.scraper"),
        reset_modules=("gallery_costs.start",),
    )
    return mini_gallery


def shown(output: str) -> dict[str, tuple[float, float]]:
    found = re.findall(r"^ +([\d.]+)  \( *([\d.]+)\)  (\S+)", output, re.MULTILINE)
    return {name: (float(processor), float(clock)) for processor, clock, name in found}


def test_costs_of_executed_chapters_are_shown_the_dearest_first(gallery: MiniGallery) -> None:
    gallery.write("01_cheap", "import time\ntime.sleep(3)")
    gallery.write("02_dear", WORK.format(seconds=2.6))
    status, output = gallery.build()
    assert status == 0, output
    costs = shown(output)
    assert list(costs) == ["basics/02_dear", "basics/01_cheap"]
    assert costs["basics/02_dear"][0] >= 2.6
    assert costs["basics/01_cheap"][0] < 2  # waiting costs nothing
    assert costs["basics/01_cheap"][1] >= 3
    assert re.search(r"02_dear  more than the budget of 2 s$", output, re.MULTILINE)
    assert not re.search(r"01_cheap  more", output)
    assert shown(gallery.build()[1]) == {}  # nothing was executed


def test_chapter_that_is_far_too_dear_fails_this_build_and_the_next(gallery: MiniGallery) -> None:
    gallery.write("01_far_too_dear", WORK.format(seconds=10.2))
    for _ in range(2):
        status, output = gallery.build()
        assert status != 0
        assert re.search(r"basics/01_far_too_dear: \d+ s\. Train for fewer steps", output)


def test_processes_that_a_chapter_starts_count(gallery: MiniGallery) -> None:
    work = WORK.format(seconds=1.2).strip().replace("\n", "\\n")
    gallery.write(
        "01_starts", f"import subprocess, sys\nsubprocess.run([sys.executable, '-c', '''{work}'''])"
    )
    assert shown(gallery.build()[1])["basics/01_starts"][0] >= 1.2
