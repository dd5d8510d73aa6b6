"""Pictures: WebP files that show the same, offered where they are smaller, and cards for two themes."""

import os
from pathlib import Path

import numpy as np
import pytest
from bs4 import BeautifulSoup
from mini_gallery import MiniGallery
from pictures import CARD, make_card, make_figure, webp_files
from PIL import Image

CHAPTER = """
import matplotlib.pyplot as plt

fig, ax = plt.subplots(figsize=(5, 3), label="A line that rises.")
ax.plot([1, 2, 4])
fig.text(0.5, 0.5, "text")
plt.show()
"""


@pytest.fixture
def png(tmp_path: Path) -> Path:
    """A picture of noise below a transparent band, 80 x 40 pixels."""
    pixels = np.random.default_rng(0).integers(0, 256, (40, 80, 4), dtype=np.uint8)
    pixels[:10, :, 3] = 0
    path = tmp_path / "figure.png"
    Image.fromarray(pixels).save(path)
    return path


def test_the_large_file_shows_the_same_as_the_figure(png: Path) -> None:
    make_figure(png)
    with Image.open(png) as before, Image.open(webp_files(png)[0]) as after:
        seen = np.asarray(before) * (np.asarray(before)[..., 3:] > 0)
        assert (np.asarray(after) * (np.asarray(after)[..., 3:] > 0) == seen).all()


def test_the_small_file_is_half_as_large_and_there_only_if_it_is_less(
    tmp_path: Path, png: Path
) -> None:
    make_figure(png)  # noise: the smaller picture is the smaller file
    with Image.open(webp_files(png)[1]) as small:
        assert small.size == (40, 20)
    # Squares of one color: with half the pixels there is no less to say.
    squares = np.kron(np.arange(50).reshape(5, 10) % 7 * 36, np.ones((9, 9))).astype(np.uint8)
    path = tmp_path / "squares.png"
    Image.fromarray(squares).save(path)
    webp_files(path)[1].write_bytes(b"of an earlier build")
    make_figure(path)
    assert [file.exists() for file in webp_files(path)] == [True, False]


def test_a_card_has_its_size_and_the_figure_in_its_middle(png: Path) -> None:
    make_card(png, png.with_stem("card"))
    with Image.open(webp_files(png.with_stem("card"))[0]) as card:
        assert card.size == (2 * CARD[0], 2 * CARD[1])
        left, top, right, bottom = card.getchannel("A").getbbox() or ()
        assert (left, right) == (0, card.width) or (top, bottom) == (0, card.height)
        assert abs(left + right - card.width) <= 2


@pytest.fixture
def built(mini_gallery: MiniGallery) -> MiniGallery:
    """A gallery with one chapter that draws one figure."""
    mini_gallery.configure(("pictures",), image_scrapers=("gallery_figures.scraper",))
    mini_gallery.write("line", CHAPTER)
    return mini_gallery


def test_a_page_offers_webp_and_says_each_size(built: MiniGallery) -> None:
    status, output = built.build()
    assert status == 0, output
    page = BeautifulSoup((built.html / "line.html").read_text("utf-8"), "html.parser")
    images = page.select("img.fl-figure")
    assert len(images) == 2  # light and dark
    for image in images:
        assert (image["width"], image["height"]) == ("480", "288")
        assert image["loading"] == "lazy"
        assert image.parent is not None
        (source,) = image.parent.select("source")
        assert source["type"] == "image/webp"
        for candidate in source["srcset"].split(", "):
            name, width = candidate.split()
            with Image.open(built.html / name) as picture:
                assert f"{picture.width}w" == width
        assert (built.html / image["src"]).exists()


def test_a_card_is_there_for_light_and_for_dark_pages(built: MiniGallery) -> None:
    assert built.build()[0] == 0
    page = BeautifulSoup((built.html / "index.html").read_text("utf-8"), "html.parser")
    cards = page.select(".sphx-glr-thumbcontainer img")
    assert [card["class"] for card in cards] == [["only-light"], ["only-dark"]]
    pixels = []
    for card in cards:
        assert (card["width"], card["height"]) == tuple(map(str, CARD))
        name = card.parent.select_one("source")["srcset"].split()[0]  # type: ignore[union-attr,index]
        with Image.open(built.html / name) as picture:
            pixels.append(np.asarray(picture.convert("RGBA")))
    ink = [p[p[..., 3] > 200][:, :3].mean() for p in pixels]
    assert ink[0] < 128 < ink[1]  # dark on light, light on dark


def test_a_figure_that_was_drawn_again_is_packed_again(built: MiniGallery) -> None:
    assert built.build()[0] == 0
    image = built.html.parents[1] / "_images" / "sphx_glr_line_001-2x.webp"
    before = image.read_bytes()
    built.write("line", CHAPTER.replace("4]", "9]"))
    assert built.build()[0] == 0
    assert image.read_bytes() != before


def test_a_figure_that_did_not_change_is_not_packed_again(built: MiniGallery) -> None:
    assert built.build()[0] == 0
    figure = webp_files(built.section / "images" / "sphx_glr_line_001.png")[0]
    times = figure.stat().st_mtime_ns
    assert built.build()[0] == 0
    assert figure.stat().st_mtime_ns == times
    os.utime(figure, ns=(0, 0))
    assert built.build()[0] == 0
    assert figure.stat().st_mtime_ns > 0
