"""Strokes become images, and images take the form of MNIST's."""

import pytest
import torch
from torch.nn import functional as F

from firstlayers import data
from firstlayers.drawing import BOX, GRID, INK, SIDE, Stroke, draw_digit, prepare, rasterize


def drawings(count: int, seed: int = 0) -> list[list[Stroke]]:
    generator = torch.Generator().manual_seed(seed)
    return [draw_digit(number % 10, generator) for number in range(count)]


# Rasterizing


def test_a_dot_is_a_disc_as_large_as_the_pen() -> None:
    image = rasterize([Stroke([(0.5, 0.5)], width=0.25)])
    assert image.shape == (GRID, GRID)
    assert image.dtype == torch.uint8
    area = image.double().sum() / 255
    assert area == pytest.approx(torch.pi * (0.125 * GRID) ** 2, rel=0.01)
    assert torch.equal(image, image.T)
    assert torch.equal(image, image.flip(0))


def test_a_line_has_the_pen_s_width_and_round_ends() -> None:
    image = rasterize([Stroke([(0.25, 0.5), (0.75, 0.5)], width=0.125)])
    assert image[:, GRID // 2].double().sum() / 255 == pytest.approx(0.125 * GRID, abs=0.1)
    length = image[GRID // 2].double().sum() / 255
    assert length == pytest.approx((0.5 + 0.125) * GRID, abs=1)


def test_what_is_drawn_twice_is_no_brighter() -> None:
    stroke = Stroke([(0.1, 0.2), (0.9, 0.7)])
    assert torch.equal(rasterize([stroke, stroke]), rasterize([stroke]))


def test_order_of_pen_and_eraser_counts() -> None:
    pen = Stroke([(0.2, 0.5), (0.8, 0.5)])
    eraser = Stroke([(0.5, 0.2), (0.5, 0.8)], width=0.2, erase=True)
    after = rasterize([pen, eraser])
    assert after[GRID // 2, GRID // 2] == 0
    assert after[GRID // 2, GRID // 4] == 255
    assert torch.equal(rasterize([eraser, pen]), rasterize([pen]))


def test_a_stroke_may_leave_the_square() -> None:
    inside = rasterize([Stroke([(0.5, -3), (0.5, 4)], width=0.1)])
    assert (inside[:, GRID // 2] == 255).all()
    assert not rasterize([Stroke([(-1, -1), (-0.5, 2)])]).any()
    assert not rasterize([Stroke([(2, 2)])]).any()


def test_no_strokes_are_a_black_image_and_a_stroke_without_points_is_an_error() -> None:
    assert not rasterize([]).any()
    with pytest.raises(ValueError, match="at least one point"):
        rasterize([Stroke([])])


# Preparing


@pytest.mark.parametrize("strokes", drawings(30))
def test_a_drawing_fits_the_box_and_its_mass_is_in_the_middle(strokes: list[Stroke]) -> None:
    image = rasterize(strokes)
    steps = prepare(image)
    assert steps is not None
    cropped, scaled, centered = steps
    assert (cropped >= INK).any(0)[[0, -1]].all()
    assert (cropped >= INK).any(1)[[0, -1]].all()
    assert cropped.sum() >= 0.99 * image.sum()  # only faint edges are lost
    assert max(scaled.shape) == BOX
    ratio = cropped.shape[0] / cropped.shape[1]
    wanted = (BOX, BOX / ratio) if ratio > 1 else (BOX * ratio, BOX)
    assert torch.tensor(scaled.shape) == pytest.approx(torch.tensor(wanted), abs=0.5001)
    assert centered.shape == (SIDE, SIDE)
    assert centered.sum() == scaled.sum()
    for axis in (0, 1):
        line = centered.sum(1 - axis)
        middle = (line * torch.arange(SIDE)).sum() / line.sum()
        assert SIDE / 2 - 1 < middle <= SIDE / 2


def test_scaling_is_the_mean_of_what_a_pixel_covers() -> None:
    # 40 x 40 to 20 x 20: the mean of each block of four.
    image = torch.randint(INK, 256, (40, 40), generator=torch.Generator().manual_seed(0))
    steps = prepare(image.to(torch.uint8))
    assert steps is not None
    means = F.avg_pool2d(image[None, None].double(), 2)[0, 0]
    assert torch.equal(steps.scaled, (means + 0.5).floor().to(torch.uint8))


@pytest.mark.parametrize("size", [(3, 7), (28, 28), (50, 11), (1, 1), (1, 112), (112, 1)])
def test_brightness_is_kept_on_average(size: tuple[int, int]) -> None:
    image = torch.randint(INK, 256, size, generator=torch.Generator().manual_seed(1))
    steps = prepare(image.to(torch.uint8))
    assert steps is not None
    means = [pixels.double().mean().item() for pixels in (steps.scaled, image)]
    assert means[0] == pytest.approx(means[1], abs=0.6)


def test_size_and_place_of_a_drawing_hardly_matter() -> None:
    strokes = drawings(3)[2]
    moved = [
        Stroke([(x / 2, y / 2 + 0.4) for x, y in stroke.points], stroke.width / 2)
        for stroke in strokes
    ]
    one, other = prepare(rasterize(strokes)), prepare(rasterize(moved))
    assert one is not None
    assert other is not None
    difference = one.centered.double() - other.centered.double()
    assert difference.abs().mean() < 8


def test_larger_pixels_change_nothing() -> None:
    images, _ = data.as_tensors(data.load_dataset("digits")[1])
    for image in (255 * images[:50, 0]).round().to(torch.uint8):
        one = prepare(image)
        other = prepare(image.repeat_interleave(4, 0).repeat_interleave(4, 1))
        assert one is not None
        assert other is not None
        assert torch.equal(one.scaled, other.scaled)
        assert torch.equal(one.centered, other.centered)


def test_nothing_drawn_is_none_and_other_images_are_errors() -> None:
    assert prepare(torch.zeros(GRID, GRID, dtype=torch.uint8)) is None
    assert prepare(torch.full((28, 28), INK - 1, dtype=torch.uint8)) is None
    with pytest.raises(TypeError, match="from 0 to 255"):
        prepare(torch.rand(28, 28))
    with pytest.raises(ValueError, match=r"\(1, 28, 28\)"):
        prepare(torch.zeros(1, 28, 28, dtype=torch.uint8))


# Drawing digits


def test_the_same_state_gives_the_same_drawing_and_another_state_another() -> None:
    assert drawings(10) == drawings(10)
    assert drawings(10) != drawings(10, seed=1)


def test_drawings_differ_in_size_place_and_width_and_stay_inside() -> None:
    many = drawings(200)
    widths = [strokes[0].width for strokes in many]
    assert min(widths) < 0.04
    assert max(widths) > 0.09
    images = torch.stack([rasterize(strokes) for strokes in many])
    rows = torch.tensor([int((image >= INK).any(1).sum()) for image in images])
    assert rows.min() < 0.45 * GRID
    assert rows.max() > 0.8 * GRID
    points = torch.tensor([p for strokes in many for s in strokes for p in s.points])
    assert points.min() > -0.02
    assert points.max() < 1.02
    middles = images.double().mean(1) @ torch.arange(GRID, dtype=torch.float64)
    middles /= images.double().mean(1).sum(1)
    assert middles.min() < 0.4 * GRID
    assert middles.max() > 0.6 * GRID


def test_only_digits_can_be_drawn() -> None:
    with pytest.raises(ValueError, match="from 0 to 9, but got 10"):
        draw_digit(10, torch.Generator())
