"""Findable: what search engines and messengers are told of a page."""

import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from bs4 import BeautifulSoup
from findable import CARD, ICON, LENGTH, draw_card, draw_icon
from mini_site import MiniSite
from PIL import Image

BASE = "https://course.example/layers"
LOGO = Path(__file__).parents[2] / "docs" / "_static" / "logo.svg"


@pytest.fixture
def site(tmp_path: Path) -> MiniSite:
    site = MiniSite(
        tmp_path / "site",
        "findable",
        conf=f"""
html_title = "Layers"
html_favicon = "logo.svg"
html_baseurl = {BASE!r}
findable_title = "Layers: a course"
findable_picture = "home.png"
findable_descriptions = {{"genindex": "All names."}}
""",
    )
    (site.root / "logo.svg").write_bytes(LOGO.read_bytes())
    Image.new("RGBA", (300, 100), (255, 0, 0, 255)).save(site.root / "home.png")
    site.write("index.rst", 'A "title" & more\n================\n\nOne & "two" words.\n')
    return site


def meta(page: str) -> dict[str, str]:
    """Return what a page's head says, by name."""
    tags = BeautifulSoup(page, "html.parser").select("meta[content]")
    return {str(tag.get("name") or tag.get("property")): str(tag["content"]) for tag in tags}


def test_a_page_describes_itself(site: MiniSite) -> None:
    status, output = site.build()
    assert status == 0, output
    assert meta(site.page())["description"] == "One & “two” words."
    assert meta(site.page("genindex"))["description"] == "All names."


LONG = "A sentence of a good length, which says what the page is about and for whom it is."


@pytest.mark.parametrize(
    ("text", "description"),
    [
        (f".. note::\n\n   Not this.\n\n* nor this\n\n{LONG}\n\nNor this.", LONG),
        ("Short.\n\nAnd *emphasized* :sup:`too`.\nLine.", "Short. And emphasized too. Line."),
        (f"{LONG} {'Then much more follows ' * 9}.", LONG),
    ],
)
def test_a_description_is_the_first_sentences(site: MiniSite, text: str, description: str) -> None:
    site.write("index.rst", f"T\n=\n\n{text}\n")
    assert site.build()[0] == 0
    assert meta(site.page())["description"] == description


def test_a_long_sentence_is_cut_at_a_word(site: MiniSite) -> None:
    site.write("index.rst", f"T\n=\n\n{'seven, ' * 100}\n")
    assert site.build()[0] == 0
    description = meta(site.page())["description"]
    assert len(description) <= LENGTH
    assert description.endswith("seven…")


def test_messengers_get_a_title_a_text_and_a_picture(site: MiniSite) -> None:
    assert site.build()[0] == 0
    said = meta(site.page())
    assert said["og:title"] == "A “title” & more"
    assert said["og:description"] == said["description"]
    assert said["og:url"] == f"{BASE}/index.html"
    assert said["og:image"].startswith(f"{BASE}/_images/")
    assert said["og:image:alt"]
    with Image.open(site.html / said["og:image"].removeprefix(BASE + "/")) as card:
        assert card.size == CARD == (int(said["og:image:width"]), int(said["og:image:height"]))
        assert (255, 0, 0) in {color for _, color in card.convert("RGB").getcolors(1 << 20) or ()}


def test_the_sitemap_lists_what_is_to_be_found(site: MiniSite) -> None:
    site.write("404.rst", ":orphan:\n\nNot here\n========\n\nGone.\n")
    site.write("folder/page.rst", ":orphan:\n\nPage\n====\n\nText.\n")
    for _ in range(2):  # the second time, no page is written
        assert site.build()[0] == 0
        found = [e.text for e in ET.parse(site.html / "sitemap.xml").iter() if e.text.strip()]  # type: ignore[union-attr]
        assert found == [f"{BASE}/folder/page.html", f"{BASE}/index.html"]
    assert f"Sitemap: {BASE}/sitemap.xml" in (site.html / "robots.txt").read_text("utf-8")
    for name in ("404", "search", "genindex"):
        assert meta(site.page(name))["robots"] == "noindex"
        assert 'rel="canonical"' not in site.page(name)
    assert f'<link rel="canonical" href="{BASE}/index.html"' in site.page()


def test_without_a_public_address_nothing_is_said_about_it(site: MiniSite) -> None:
    assert site.build("-Dhtml_baseurl=")[0] == 0
    assert not any(name.startswith("og:") for name in meta(site.page()))
    assert not (site.html / "sitemap.xml").exists()
    assert not (site.html / "robots.txt").exists()
    assert meta(site.page())["description"]


def test_a_long_title_stays_on_the_card(tmp_path: Path) -> None:
    Image.new("RGBA", (900, 300), (0, 0, 255, 255)).save(tmp_path / "figure.png")
    draw_card("Words that go on and on " * 4, "T", tmp_path / "figure.png", tmp_path / "card.png")
    with Image.open(tmp_path / "card.png") as card:
        margin = card.convert("L").crop((CARD[0] - 50, 20, *CARD))
        assert margin.getextrema() == (255, 255)


def test_the_icon_has_the_colors_of_the_logo(tmp_path: Path) -> None:
    draw_icon(LOGO, tmp_path / "icon.png")
    with Image.open(tmp_path / "icon.png") as icon:
        assert icon.size == (ICON, ICON)
        scale = ICON / 64
        for (x, y), color in {(52, 32): "d9730d", (32, 10): "2f7fd3", (12, 48): "7d858f"}.items():
            assert icon.convert("RGB").getpixel((x * scale, y * scale)) == tuple(
                bytes.fromhex(color)
            )
