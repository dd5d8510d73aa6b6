"""Pages show what a benchmark kept, as it stands in the file."""

import json
from pathlib import Path

import pytest
from bs4 import BeautifulSoup
from mini_site import MiniSite
from PIL import Image

RECORD = {
    "date": "2026-11-27",
    "machine": "A processor, 2 cores",
    "versions": {"Python": "3.11.7", "torch": "2.15.0"},
    "seconds": 125,
    "tables": [
        {
            "caption": "An epoch",
            "header": ["loop", "seconds"],
            "rows": [["the source", "15.56"], ["ours", "1.04"]],
        }
    ],
    "figures": [{"name": "training_sizes", "alt": "A curve.", "width": 40, "height": 20}],
}


@pytest.fixture
def site(tmp_path: Path) -> MiniSite:
    site = MiniSite(tmp_path / "site", "measured")
    site.write("index.rst", "Site\n====\n\n.. measured:: training\n")
    site.write("measured/training.json", json.dumps(RECORD))
    for name in ("training_sizes", "training_sizes_dark"):
        Image.new("RGB", (80, 40)).save(site.root / "measured" / f"{name}.png")
    return site


def page(site: MiniSite) -> BeautifulSoup:
    status, output = site.build()
    assert status == 0, output
    return BeautifulSoup(site.page(), "html.parser")


def test_tables_and_figures_are_shown_with_machine_versions_and_date(site: MiniSite) -> None:
    shown = page(site)
    assert "Measured on 2026-11-27 in 2 minutes: A processor, 2 cores; Python 3.11.7, torch 2.15.0." in (
        shown.get_text()
    )  # fmt: skip
    rows = [[cell.get_text(strip=True) for cell in row.select("th, td")] for row in shown("tr")]
    table = RECORD["tables"][0]
    assert rows == [table["header"], *table["rows"]]
    assert [image["alt"] for image in shown("img")] == ["A curve."] * 2
    assert ["only-dark" in image["class"] for image in shown("img")] == [False, True]


def test_page_is_read_again_when_the_record_changes(site: MiniSite) -> None:
    page(site)
    site.write("measured/training.json", json.dumps(RECORD).replace("15.56", "14.99"))
    assert "14.99" in page(site).get_text()


def test_record_that_is_not_there_ends_the_build(site: MiniSite) -> None:
    site.write("index.rst", "Site\n====\n\n.. measured:: nothing\n")
    status, output = site.build()
    assert status != 0
    assert "nothing.json" in output
