"""Figures come out for light and dark pages, with their alt text."""

from html.parser import HTMLParser
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pytest
from mini_gallery import MiniGallery

PLOT = """
import matplotlib.pyplot as plt
fig, ax = plt.subplots(figsize=(5, 3), layout="constrained")
ax.plot([0, 1], [0, 1], color="tab:orange", linewidth=4)
ax.set_title("Loss", color="black")
"""


@pytest.fixture
def gallery(mini_gallery: MiniGallery) -> MiniGallery:
    mini_gallery.configure(("gallery_figures",), image_scrapers=("gallery_figures.scraper",))
    return mini_gallery


class Figures(HTMLParser):
    """The attributes of a page's figures."""

    def __init__(self, page: Path) -> None:
        super().__init__()
        self.found: list[dict[str, str | None]] = []
        self.feed(page.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "img" and "fl-figure" in (dict(attrs).get("class") or ""):
            self.found.append(dict(attrs))

    handle_startendtag = handle_starttag


def built(gallery: MiniGallery, code: str) -> list[dict[str, str | None]]:
    gallery.write("01_plot", code)
    status, log = gallery.build()
    assert status == 0, log
    return Figures(gallery.html / "01_plot.html").found


@pytest.mark.parametrize(
    "alt",
    [
        'A "quoted" <b> & 5 * 3 \\ x_i — é',
        "*a* `b` |c| d_ :ref:`e` \\*f",
        "- 1. Loss: falls, from 2.3 to 0.1; 100 % of <img> 'digits'",
        ":alt: .. note:: &amp; ::",
    ],
)
def test_alt_text_is_the_label_exactly(gallery: MiniGallery, alt: str) -> None:
    light, dark = built(gallery, f"{PLOT}fig.set_label({alt!r})")
    assert light["alt"] == alt
    assert dark["alt"] == alt


def test_lines_of_alt_text_are_joined(gallery: MiniGallery) -> None:
    light, _ = built(gallery, f"{PLOT}fig.set_label('Loss falls\\n\\n   quickly.')")
    assert light["alt"] == "Loss falls quickly."


def test_both_variants_are_shown_at_half_their_pixels(gallery: MiniGallery) -> None:
    light, dark = built(gallery, f"{PLOT}fig.set_label('Loss falls.')")
    assert light["class"] == "only-light fl-figure"
    assert dark["class"] == "only-dark fl-figure"
    for shown in (light, dark):
        assert shown["loading"] == "lazy"
        assert (shown["width"], shown["height"]) == ("480", "288")
        assert shown["src"]
        pixels = plt.imread(gallery.html / shown["src"])
        assert pixels.shape == (3 * 192, 5 * 192, 4)
        assert pixels[0, 0, 3] == 0  # transparent


def test_dark_variant_inverts_ink_and_keeps_colors(gallery: MiniGallery) -> None:
    built(gallery, f"{PLOT}fig.set_label('Loss falls.')")
    images = gallery.section / "images"
    light = plt.imread(images / "sphx_glr_01_plot_001.png")
    dark = plt.imread(images / "sphx_glr_01_plot_001_dark.png")
    opaque = light[..., 3] == 1
    assert np.array_equal(opaque, dark[..., 3] == 1)
    orange = opaque & (np.ptp(light[..., :3], axis=-1) > 0.5)
    assert orange.sum() > 1000
    assert np.allclose(dark[orange], light[orange])
    title = np.zeros_like(opaque)
    title[:50] = opaque[:50]
    assert title.sum() > 50
    assert np.all(light[title][:, :3] == 0)
    assert np.all(dark[title][:, :3] == 1)


def test_figures_of_a_cell_follow_each_other(gallery: MiniGallery) -> None:
    code = f"{PLOT}fig.set_label('First.')\n{PLOT}fig.set_label('Second.')"
    assert [figure["alt"] for figure in built(gallery, code)] == ["First."] * 2 + ["Second."] * 2
    assert plt.get_fignums() == []
    thumbnail = gallery.section / "images" / "thumb" / "sphx_glr_01_plot_thumb.png"
    assert plt.imread(thumbnail).std() > 0


def test_named_figure_is_copied_under_its_name(gallery: MiniGallery) -> None:
    built(gallery, f"{PLOT}fig.set_label('Loss falls.')\nfig.set_gid('loss')")
    images = gallery.section / "images"
    for ending in ("", "_dark"):
        numbered = images / f"sphx_glr_01_plot_001{ending}.png"
        assert (images / f"loss{ending}.png").read_bytes() == numbered.read_bytes()


def test_picture_is_the_same_file_each_time(gallery: MiniGallery) -> None:
    built(gallery, f"{PLOT}fig.set_label('Loss falls.')")
    pictures = sorted((gallery.section / "images").glob("*.png"))
    first = [picture.read_bytes() for picture in pictures]
    (gallery.section / "01_plot.py.md5").unlink()
    built(gallery, f"{PLOT}fig.set_label('Loss falls.')")
    assert [picture.read_bytes() for picture in pictures] == first
    assert not any(b"atplotlib" in picture for picture in first)


def test_figure_without_alt_text_fails_the_strict_build(gallery: MiniGallery) -> None:
    gallery.write("01_plot", f"{PLOT}ax.set_xlabel('epoch')")
    status, log = gallery.build()
    assert status != 0
    assert "01_plot.py:5: WARNING: figure without alt text: call plotting.describe(fig," in log
    assert {figure["alt"] for figure in Figures(gallery.html / "01_plot.html").found} == {
        "Loss, epoch"
    }


def test_figure_without_alt_text_fails_the_next_build_too(mini_gallery: MiniGallery) -> None:
    mini_gallery.configure(
        extensions=("gallery_figures", "gallery_stamp"), image_scrapers=("gallery_figures.scraper",)
    )
    mini_gallery.write("silent", "import matplotlib.pyplot as plt\n\nplt.plot([1, 2])\nplt.show()")
    for _ in range(2):
        status, output = mini_gallery.build("--keep-going")
        assert status == 1
        assert "figure without alt text" in output
