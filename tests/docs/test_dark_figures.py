"""What is recolored for dark pages, and what is not."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from dark_figures import recolor_for_dark_page
from matplotlib.colors import to_hex
from matplotlib.patches import Rectangle


def test_every_gray_is_inverted_and_no_color_changes() -> None:
    fig, ax = plt.subplots()
    black_line, blue_line = (ax.plot([0, 1], color=c, marker="o")[0] for c in ("black", "C0"))
    (gray_bar,) = ax.bar([0], [1], color="0.9", alpha=0.5)
    (blue_bar,) = ax.bar([1], [1], color="C0")
    dots = ax.scatter([0, 1], [0, 1], c=["black", "C1"], edgecolors="face")
    values = ax.scatter([0, 1], [0, 1], c=[0.0, 1.0], cmap="gray")
    arrow = ax.annotate("here", (0, 0), (0.5, 0.9), arrowprops={"color": "black"})
    on_gray, on_blue = ax.text(0, 0.5, "a"), ax.text(1, 0.5, "b")
    pale_box = ax.add_patch(Rectangle((2, 0), 1, 1, color="#dbeafe"))
    on_pale = ax.text(2.5, 0.5, "pale")
    boxed = ax.text(0.5, 0.2, "c", bbox={"facecolor": "C2"})
    legend = ax.legend([black_line], ["loss"])
    legend.get_frame().set_facecolor("white")
    fig.canvas.draw()
    recolor_for_dark_page(fig)

    dark_page_ink = [
        black_line.get_color(),
        black_line.get_markerfacecolor(),
        dots.get_facecolor()[0],
        dots.get_edgecolor()[0],
        arrow.arrow_patch.get_facecolor(),
        on_gray.get_color(),
        on_pale.get_color(),
        ax.spines["left"].get_edgecolor(),
        ax.xaxis.get_ticklabels()[0].get_color(),
        legend.get_texts()[0].get_color(),
    ]
    assert {to_hex(color) for color in dark_page_ink} == {"#ffffff"}
    assert to_hex(legend.get_frame().get_facecolor()) == "#191919"
    assert to_hex(gray_bar.get_facecolor(), keep_alpha=True) == "#30303080"
    assert gray_bar.get_edgecolor()[3] == 0
    assert max(pale_box.get_facecolor()[:3]) < 0.4
    assert {to_hex(c) for c in (blue_line.get_color(), blue_bar.get_facecolor())} == {"#1f77b4"}
    assert to_hex(dots.get_facecolor()[1]) == to_hex("C1")
    assert to_hex(values.get_facecolor()[0]) == "#000000"
    assert {to_hex(text.get_color()) for text in (on_blue, boxed)} == {"#000000"}
    plt.close(fig)


@pytest.mark.parametrize("draw", ["imshow", "pcolormesh"])
def test_what_lies_on_an_image_stays(draw: str) -> None:
    fig, ax = plt.subplots()
    getattr(ax, draw)(np.eye(2), cmap="Blues")
    number = ax.text(0.5, 0.5, "7", color="black")
    beside = ax.text(0.5, -0.3, "beside", color="black", transform=ax.transAxes)
    frame = ax.add_patch(Rectangle((0, 0), 1, 1, edgecolor="black", fill=False))
    title = ax.set_title("Confusions", color="black")
    fig.canvas.draw()
    recolor_for_dark_page(fig)
    assert to_hex(number.get_color()) == to_hex(frame.get_edgecolor()) == "#000000"
    assert to_hex(title.get_color()) == to_hex(beside.get_color()) == "#ffffff"
    plt.close(fig)


def test_artist_can_keep_its_color() -> None:
    fig, (left, right) = plt.subplots(1, 2)
    left.set_title("kept", color="black").set_gid("keep-color")
    right.set_gid("keep-color")
    fig.canvas.draw()
    recolor_for_dark_page(fig)
    assert left.title.get_color() == "black"
    assert to_hex(left.spines["left"].get_edgecolor()) == "#ffffff"
    assert to_hex(right.spines["left"].get_edgecolor()) == "#000000"
    plt.close(fig)
