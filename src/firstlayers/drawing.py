"""Drawings: strokes of a pen, and the way from them to what a network reads.

A drawing is a list of strokes on a square that reaches from 0 to 1, x to the right and y downwards.
The steps from there to a network's input are those of MNIST (LeCun, Bottou, Bengio and Haffner,
"Gradient-based learning applied to document recognition", 1998, section III.A): crop, scale to
20 x 20 pixels with the sides' ratio kept, and put the center of mass into the middle of 28 x 28.

The site computes the same in JavaScript, and its tests ask for the same pixels. So brightness is a
whole number from 0 to 255 after every step, and sums and quotients are those of whole numbers.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

__all__ = ["GRID", "Steps", "Stroke", "draw_digit", "prepare", "rasterize"]

GRID = 112
"""Pixels along a side of the image that strokes are drawn into."""

INK = 32
"""How bright a pixel is, from 0 to 255, to count as part of the drawing when it is cropped."""

BOX, SIDE = 20, 28  # MNIST's: the box that holds a digit, and the image around it


@dataclass(frozen=True)
class Stroke:
    """One movement of the pen, or of the eraser.

    Attributes
    ----------
    points : sequence of (float, float)
        Where it goes, x and y, from 0 to 1. One point makes a dot.
    width : float
        How wide it is, as a part of the square's side.
    erase : bool
        Whether it takes brightness away.
    """

    points: Sequence[tuple[float, float]]
    width: float = 0.08
    erase: bool = False


class Steps(NamedTuple):
    """A drawing after each step; ``uint8``, from 0 to 255, white on black.

    Attributes
    ----------
    cropped : torch.Tensor
        The part with ink, shape ``(height, width)``.
    scaled : torch.Tensor
        That part, with a longer side of 20 pixels.
    centered : torch.Tensor
        Shape ``(28, 28)``, what the network gets.
    """

    cropped: Tensor
    scaled: Tensor
    centered: Tensor


def rasterize(strokes: Sequence[Stroke]) -> Tensor:
    """Draw strokes into an image.

    A pixel's brightness is the part of it, about, that lies under the pen: 1 where its center is
    at least half a pixel inside the stroke, 0 where it is half a pixel outside, and in between
    what the distance says. Where strokes overlap, the brighter one is seen.

    Parameters
    ----------
    strokes : sequence of Stroke
        In the order in which they are drawn.

    Returns
    -------
    torch.Tensor
        Shape ``(112, 112)``, ``uint8``: 0 where nothing is, 255 under the pen.

    Raises
    ------
    ValueError
        If a stroke has no points.
    """
    image = torch.zeros(GRID, GRID, dtype=torch.float64)
    centers = torch.arange(GRID, dtype=torch.float64) + 0.5
    for stroke in strokes:
        if not len(stroke.points):
            raise ValueError("a stroke needs at least one point")
        points = [(GRID * px, GRID * py) for px, py in stroke.points]
        reach = stroke.width * GRID / 2 + 0.5
        starts = points[:1] + points[:-1]  # the first piece is a dot
        for (ax, ay), (bx, by) in zip(starts, points, strict=True):
            rows, columns = _near(ay, by, reach), _near(ax, bx, reach)  # the rest stays as it is
            y, x = centers[rows, None], centers[None, columns]  # (rows, 1), (1, columns)
            dx, dy = bx - ax, by - ay
            length = dx * dx + dy * dy
            along = ((x - ax) * dx + (y - ay) * dy) / length if length else torch.zeros_like(x + y)
            along = along.clamp(0, 1)
            off_x, off_y = x - (ax + along * dx), y - (ay + along * dy)
            distance = (off_x * off_x + off_y * off_y).sqrt()
            ink = ((reach - distance).clamp(0, 1) * 255 + 0.5).floor()
            part = image[rows, columns]
            image[rows, columns] = (
                torch.minimum(part, 255 - ink) if stroke.erase else torch.maximum(part, ink)
            )
    return image.to(torch.uint8)


def _near(a: float, b: float, reach: float) -> slice:
    """Return the rows, or columns, from `a` to `b` and as far around them as the pen reaches."""
    return slice(max(math.floor(min(a, b) - reach), 0), max(math.ceil(max(a, b) + reach), 0))


def prepare(image: Tensor) -> Steps | None:
    """Bring a drawing, or any image of a digit, into the form of MNIST's images.

    Parameters
    ----------
    image : torch.Tensor
        Shape ``(height, width)``, ``uint8``, a bright digit on black.

    Returns
    -------
    Steps or None
        The image after each step, or None if nothing in it is as bright as ink.

    Raises
    ------
    TypeError
        If the image is not ``uint8``.
    ValueError
        If it does not have two dimensions.
    """
    if image.dtype != torch.uint8:
        raise TypeError(f"expected whole numbers from 0 to 255, uint8, but got {image.dtype}")
    if image.dim() != 2:
        raise ValueError(f"expected one image, (height, width), but got {tuple(image.shape)}")
    ink = image >= INK
    rows, columns = ink.any(1).nonzero().flatten(), ink.any(0).nonzero().flatten()
    if not len(rows):
        return None
    cropped = image[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    height, width = cropped.shape
    longer = max(height, width)
    # Half is rounded up: (2 a + b) // (2 b) is a / b, rounded.
    new_height, new_width = (
        max(1, (2 * BOX * side + longer) // (2 * longer)) for side in (height, width)
    )
    # Each new pixel is the mean of the part that it covers: two matrix products.
    sums = _overlaps(new_height, height) @ cropped.long() @ _overlaps(new_width, width).T
    scaled = (2 * sums + height * width) // (2 * height * width)
    mass = scaled.sum()
    middle = [
        (SIDE // 2 * mass - (scaled.sum(1 - axis) * torch.arange(scaled.shape[axis])).sum()) // mass
        for axis in (0, 1)
    ]
    top, left = (
        min(max(int(at), 0), SIDE - side) for at, side in zip(middle, scaled.shape, strict=True)
    )
    centered = torch.zeros(SIDE, SIDE, dtype=torch.uint8)
    centered[top : top + new_height, left : left + new_width] = scaled.to(torch.uint8)
    return Steps(cropped, scaled.to(torch.uint8), centered)


def _overlaps(new: int, old: int) -> Tensor:
    """Return how much of each old pixel each new one covers, in units of 1/new of an old pixel.

    Every row has the sum `old`.
    """
    new_starts, old_starts = old * torch.arange(new)[:, None], new * torch.arange(old)[None, :]
    ends = torch.minimum(new_starts + old, old_starts + new)
    return (ends - torch.maximum(new_starts, old_starts)).clamp(min=0)


Path = list[tuple[float, float]]


def draw_digit(digit: int, generator: torch.Generator) -> list[Stroke]:
    """Draw a digit, as somebody might with a pen or a finger.

    Each digit has one to three forms, made of lines and arcs. A drawing of it is one of them, bent a
    little, turned by up to 8 degrees, slanted, stretched, of any size from a third of the square on,
    at any place in it, with a thin or a thick pen. No image of a data set has a part in it, so a
    network that was trained with such images can be tested with drawings.

    Parameters
    ----------
    digit : int
        From 0 to 9.
    generator : torch.Generator
        What is random is taken from it: the same state gives the same drawing.

    Returns
    -------
    list of Stroke
        One stroke or two.

    Raises
    ------
    ValueError
        If `digit` is none.
    """
    if digit not in range(10):
        raise ValueError(f"expected a digit from 0 to 9, but got {digit!r}")

    def between(low: float, high: float) -> float:
        return low + (high - low) * torch.rand((), generator=generator, dtype=torch.float64).item()

    forms = _FORMS[digit]
    form = forms[int(between(0, len(forms)))]
    size, width = between(0.35, 0.85), between(0.03, 0.1)
    stretch, slant, turn = between(0.75, 1.1), between(-0.15, 0.3), math.radians(between(-8, 8))
    bend, phase = between(0, 0.03), between(0, 2 * math.pi)
    room = (1 - size) / 2
    shift_x, shift_y = between(-room, room), between(-room, room)
    strokes = []
    for path in form:
        points = []
        for px, py in path:
            x = px - 0.5 + bend * math.sin(5 * py + phase)
            y = py - 0.5 + bend * math.cos(5 * px + phase)
            x = stretch * x - slant * y
            x, y = x * math.cos(turn) - y * math.sin(turn), x * math.sin(turn) + y * math.cos(turn)
            # Rounded, because the last digits of a sine depend on the machine.
            points.append((round(0.5 + size * x + shift_x, 4), round(0.5 + size * y + shift_y, 4)))
        strokes.append(Stroke(points, round(width, 4)))
    return strokes


def _arc(x: float, y: float, width: float, height: float, start: float, end: float) -> Path:
    """Return points on a part of an ellipse: 0 degrees is right, 90 is down."""
    steps = max(2, round(abs(end - start) / 12))
    angles = [math.radians(start + (end - start) * i / steps) for i in range(steps + 1)]
    return [(x + width * math.cos(a), y + height * math.sin(a)) for a in angles]


_FORMS: dict[int, list[list[Path]]] = {
    0: [[_arc(0.5, 0.5, 0.31, 0.45, -90, 275)], [_arc(0.5, 0.5, 0.24, 0.45, -60, 300)]],
    1: [[[(0.5, 0.05), (0.5, 0.95)]], [[(0.32, 0.28), (0.54, 0.05), (0.52, 0.95)]]],
    2: [
        [[*_arc(0.48, 0.3, 0.28, 0.25, 190, 395), (0.2, 0.93), (0.8, 0.92)]],
        [[*_arc(0.48, 0.32, 0.25, 0.27, 200, 410), (0.2, 0.9), (0.5, 0.88), (0.82, 0.95)]],
    ],
    3: [
        [[*_arc(0.45, 0.28, 0.27, 0.23, 205, 445), *_arc(0.45, 0.72, 0.31, 0.24, 275, 510)]],
        [[(0.22, 0.08), (0.72, 0.08), (0.45, 0.42), *_arc(0.45, 0.68, 0.3, 0.26, 275, 510)]],
    ],
    4: [
        [[(0.58, 0.05), (0.15, 0.63), (0.85, 0.63)], [(0.62, 0.35), (0.6, 0.95)]],
        [[(0.25, 0.08), (0.2, 0.52), (0.8, 0.5)], [(0.72, 0.05), (0.66, 0.95)]],
    ],
    5: [
        [[(0.78, 0.08), (0.3, 0.08), (0.27, 0.46), *_arc(0.47, 0.68, 0.29, 0.27, 235, 500)]],
        [
            [(0.32, 0.08), (0.27, 0.46), *_arc(0.47, 0.68, 0.29, 0.27, 235, 500)],
            [(0.32, 0.08), (0.78, 0.06)],
        ],
    ],
    6: [
        [
            [
                (0.66, 0.05),
                (0.45, 0.2),
                (0.3, 0.42),
                (0.24, 0.65),
                *_arc(0.5, 0.7, 0.26, 0.25, 180, -175),
            ]
        ]
    ],
    7: [
        [[(0.2, 0.08), (0.8, 0.08), (0.42, 0.95)]],
        [[(0.2, 0.1), (0.8, 0.08), (0.42, 0.95)], [(0.3, 0.52), (0.74, 0.5)]],
    ],
    8: [[[*_arc(0.5, 0.28, 0.22, 0.22, 90, 450), *_arc(0.5, 0.73, 0.27, 0.23, 270, -90)]]],
    9: [
        [[*_arc(0.48, 0.3, 0.25, 0.25, 0, -360), (0.72, 0.55), (0.66, 0.95)]],
        [[*_arc(0.48, 0.3, 0.25, 0.25, 0, -360), *_arc(0.43, 0.55, 0.3, 0.4, -20, 120)]],
    ],
}
