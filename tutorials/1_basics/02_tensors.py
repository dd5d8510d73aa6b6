"""
Compute with tensors
====================

You will make tensors, take them apart, put them together and compute with them, and you will tell
from the shapes alone what an operation does, and when it goes wrong without a word.

**In this chapter you learn**

* to read a shape, and to get any part of a tensor: a row, a corner, all that fulfills a condition,
* what a dtype can hold, and what happens where it cannot,
* to tell ``*`` from ``@``, and a new shape from a new order,
* which axis ``dim`` names, and which shapes fit together,
* which tensors share their memory, so that a change of one is a change of the other.

**You need** Python's lists, loops and functions. What all this is good for, you see in
:doc:`01_quickstart`.
**Time:** 25 minutes.
"""

# %%
# A number, a row, an image, a batch
# ----------------------------------
#
# A *tensor* is a block of numbers with a *shape*. Here are the first 64 images of a data set, with
# their *labels*: for each image the number of its class.

from itertools import pairwise

import matplotlib.pyplot as plt
import numpy as np
import torch
from torch import nn

from firstlayers import data, plotting

torch.manual_seed(0)
plotting.use_style()

train_set, _ = data.load_dataset()
pixels = train_set.data[:64]  # (64, 28, 28), raw, as whole numbers
labels = train_set.targets[:64]  # (64,)

print(f"{pixels.shape = }")
print(f"{labels.shape = }")

# %%
# 64 images, 28 rows, 28 columns. Each place in the shape is an *axis*, also called a *dimension*,
# counted from 0: axis 0 counts the images, axis 1 the rows, axis 2 the columns. An index takes one
# axis away, from the left. (``ndim`` counts the axes, ``numel`` the numbers. A ``torch.Size`` is a
# kind of tuple.)

column = int(pixels[0, 14].argmax())  # the place of the largest number in this row
parts = [pixels, pixels[0], pixels[0, 14], pixels[0, 14, column]]
for part in parts:
    print(f"{part.ndim = }, {part.numel() = :6,}, {part.shape = }")

# %%
# Four tensors, each a part of the one before.

fig, axes = plt.subplots(1, 4, figsize=(7, 2.3))
for k in (4, 3, 2, 1, 0):
    place = (5 * k, 28 + 5 * k, 28 - 5 * k, -5 * k)
    axes[0].imshow(pixels[k].numpy(), extent=place, vmin=0, vmax=255)
    corner = (5 * k, -5 * k)
    axes[0].add_patch(plt.Rectangle(corner, 28, 28, fill=False, ec=plotting.GRAY))
axes[0].set(xlim=(-1, 50), ylim=(29, -22))
axes[1].imshow(pixels[0].numpy(), vmin=0, vmax=255)
axes[2].imshow(pixels[0, 14:15].numpy(), vmin=0, vmax=255, extent=(0, 28, 16, 12))
axes[2].set_ylim(28, 0)
pixel = pixels[0, 14:15, column : column + 1]  # (1, 1)
axes[3].imshow(pixel.numpy(), vmin=0, vmax=255, extent=(9, 19, 19, 9))
axes[3].set(xlim=(0, 28), ylim=(28, 0))
number = axes[3].text(14, 14, pixel.item(), ha="center", va="center", gid="keep-color")
number.set_color("black" if parts[3] > 127 else "white")
frame = {"fill": False, "ec": plotting.ORANGE, "lw": 2}
axes[1].add_patch(plt.Rectangle((-0.5, 13.5), 28, 1, **frame))
axes[2].add_patch(plt.Rectangle((column, 12), 1, 4, **frame))
axes[3].add_patch(plt.Rectangle((9, 9), 10, 10, **frame))
codes = ["pixels", "pixels[0]", "pixels[0, 14]", f"pixels[0, 14, {column}]"]
for ax, code, part in zip(axes, codes, parts, strict=True):
    ax.set_axis_off()
    ax.set_title(code, loc="center", family="monospace", fontsize=8)
    words = ax.text(0.5, -0.08, tuple(part.shape), transform=ax.transAxes)
    words.set(ha="center", va="top")
plotting.describe(
    fig,
    "Four pictures. A pile of images, shape (64, 28, 28). One of them, shape (28, 28), "
    "with row 14 framed. This row as a strip of 28 pixels, shape (28,), with column "
    f"{column} framed. This pixel, {parts[3].item()}, shape ().",
)
plt.show()

# %%
# The last one has the empty shape, and is a tensor still. ``item()`` makes a Python number of it,
# ``tolist()`` a list of a larger one. Besides its shape, a tensor has a *dtype*, the kind of its
# numbers, and a *device*, the place where they are kept.

print(parts[3], "→", parts[3].item())
print("labels:", labels[:12].tolist())
print(f"{pixels.dtype = }, {pixels.device = }, {pixels.nbytes = :,}")

# %%
# Make tensors
# ------------
#
# From a list, full of zeros or ones, or counting.

print(torch.tensor([[1, 2, 3], [4, 5, 6]]))
print(torch.zeros(2, 3))
print(torch.ones(3))
print(torch.arange(6))
print(torch.arange(0, 1, 0.25))
print(torch.linspace(0, 1, 5))

# %%
# ``arange`` stops before its end, as ``range`` does. ``linspace`` includes it, and is told how many
# numbers you want. ``zeros_like(x)`` takes over shape, dtype and device of ``x``. So does
# ``ones_like``.

empty = torch.zeros_like(pixels)  # (64, 28, 28)
assert (empty.dtype, empty.device) == (pixels.dtype, pixels.device)

# %%
# ``rand`` draws random numbers between 0 and 1. A *seed* decides which ones.
#
# **Predict, then run.** Which of these four draws are alike?

torch.manual_seed(7)
first, second = torch.rand(3), torch.rand(3)  # (3,), (3,)
torch.manual_seed(7)
third = torch.rand(3)  # (3,)
own = torch.Generator().manual_seed(7)
fourth = torch.rand(3, generator=own)  # (3,)

for draw in (first, second, third, fourth):
    print(draw)

assert torch.equal(first, third)
assert torch.equal(first, fourth)
assert not torch.equal(first, second)

# %%
# After the same seed come the same numbers. A *generator* is a source of your own, from which
# nothing else draws.
#
# Of a large tensor, ``print`` leaves out the middle, and it rounds to four digits.

print(torch.linspace(0, 1, 1001))

# %%
# The kind of numbers: dtype
# --------------------------
#
# All numbers in a tensor are of one kind. You will meet these four. A number in the name says how
# many bits each takes.

bright = pixels > 127  # (64, 28, 28)
images = pixels / 255  # (64, 28, 28)
kinds = {"raw pixels": pixels, "yes or no": bright, "labels": labels, "images": images}
for name, tensor in kinds.items():
    low, high = tensor.min().item(), tensor.max().item()
    bits = 8 * tensor.element_size()
    print(f"{name:10}  {tensor.dtype!s:13}  {bits:2} bits, from {low} to {high}")

# %%
# Networks compute with ``float32``. ``x.to(torch.float32)``, or shorter ``x.float()``, converts.
# Where tensors of two kinds meet, the later one in this order wins: bool, uint8, int64, float32,
# float64.

as_float64 = images[0].double()  # (28, 28)
chain = [bright[0], pixels[0], torch.arange(28), images[0], as_float64]
for one, other in pairwise(chain):
    print(f"{one.dtype} + {other.dtype} → {(one + other).dtype}")

# %%
# ``/`` always leaves the whole numbers. ``//`` stays among them, and rounds down.

sevens = torch.tensor([7, -7])  # (2,)
print(sevens / 2, sevens // 2)

# %%
# A whole number, plain or in a tensor of shape (), takes the kind of the other tensor:
# ``pixels + 100`` is still ``uint8``, which ends at 255.
#
# **Predict, then run.** We make a white pixel brighter. What is 255 + 100?

white = torch.tensor([255], dtype=torch.uint8)  # (1,)
print(white + 100)
assert (white + 100).item() == (255 + 100) % 256 == 99
assert (pixels + 100).dtype == (pixels + torch.tensor(100)).dtype == torch.uint8

# %%
# It starts again at 0, without a warning. What was bright turns dark. So convert first. Then
# ``clamp`` can cut off what is too large.

image = pixels[0]  # (28, 28)
versions = {
    "image": image,
    "image + 100": image + 100,
    "(image.float() + 100)\n.clamp(max=255)": (image.float() + 100).clamp(max=255),
}
fig, axes = plt.subplots(1, 3, figsize=(6, 2.6))
for ax, (code, version) in zip(axes, versions.items(), strict=True):
    ax.imshow(version.numpy(), vmin=0, vmax=255)
    ax.set_axis_off()
    ax.set_title(code, loc="center", family="monospace", fontsize=9)
wrapped = (image + 100 < image).sum().item()
print(f"pixels that became darker: {wrapped}")
plotting.describe(
    fig,
    "An image three times. As it is. With 100 added as uint8: the black has become "
    f"gray, and {wrapped} bright pixels are darker than before. With 100 added as "
    "float32 and cut off at 255: no pixel is darker than before.",
)
plt.show()

# %%
# Where they are kept: device
# ---------------------------
#
# Tensors are made in the memory of the ``cpu``. ``to`` copies them to an *accelerator* such as a
# GPU, if there is one. Tensors that meet must be on the same device; :doc:`06_build_model` shows
# the error.

if torch.accelerator.is_available():
    device = torch.accelerator.current_accelerator()
else:
    device = torch.device("cpu")

moved = images.to(device)  # (64, 28, 28)
print("made on:", images.device)
assert moved.device.type == device.type
assert torch.equal(moved.cpu(), images)

# %%
# Take a part
# -----------
#
# In the brackets stands one thing for each axis, and you may leave out the last ones:
#
# * a number takes one entry, and the axis is gone; ``-1`` is the last entry,
# * a slice ``start:stop:step`` takes several, and the axis stays; ``:`` takes all,
# * a list takes the entries it names,
# * a tensor of ``bool``, a *mask*, takes the entries where it is true. If it covers all axes, they
#   come in one long row.
#
# To see what is taken, we index a table of numbered places.

image = images[0]  # (28, 28)
places = torch.arange(28 * 28).reshape(28, 28)  # (28, 28)
taken = {
    "image[14]": places[14],
    "image[:, 14]": places[:, 14],
    "image[:8, -8:]": places[:8, -8:],
    "image[::2, ::2]": places[::2, ::2],
    "image[[3, 14, 15]]": places[[3, 14, 15]],
    "image[image > 0.5]": places[image > 0.5],
}

fig, axes = plt.subplots(2, 3, figsize=(6.4, 5.2))
for ax, (code, part) in zip(axes.flat, taken.items(), strict=True):
    is_taken = torch.isin(places, part)  # (28, 28)
    ax.imshow(image.numpy())
    ax.imshow(np.ones((28, 28)), cmap="Oranges", vmin=0, vmax=1.8, alpha=0.7 * is_taken)
    ax.set_title(code, loc="center", family="monospace", fontsize=9)
    ax.set_xlabel(f"shape {tuple(part.shape)}")
    ax.set(xticks=[], yticks=[])
    ax.spines[:].set_visible(False)
plotting.describe(
    fig,
    "Six times the same image, with the pixels that an index takes in orange: a row; a "
    "column; the upper right corner; every second pixel of every second row; three "
    "rows; and all bright pixels. Their shapes are "
    + ", ".join(str(tuple(part.shape)) for part in taken.values())
    + ".",
)
plt.show()

assert torch.equal(image[-1], image[27])
assert image[14].shape == (28,)
assert image[14:15].shape == (1, 28)
assert (image[image > 0.5] > 0.5).all()

# %%
# A mask may cover only the first axis. Which images have the same label as the first one?

alike = images[labels == labels[0]]  # (n, 28, 28)
name = train_set.classes[labels[0]]
print(f"{len(alike)} of {len(images)} images are of class {name!r}")

# %%
# Two lists, or two tensors of whole numbers, are read in pairs. Here that is row 0 with column 3,
# row 1 with column 0, row 2 with column 1.

table = torch.arange(12).reshape(3, 4)  # (3, 4)
print(table)
print(table[[0, 1, 2], [3, 0, 1]])

# %%
# Put together
# ------------
#
# ``cat`` makes an axis longer. ``stack`` makes a new axis, in which its tensors are counted. To
# make a batch of images is to stack them.

one, other = images[0], images[1]  # (28, 28), (28, 28)
longer = torch.cat([one, other])  # (56, 28)
wider = torch.cat([one, other], dim=1)  # (28, 56)
stacked = torch.stack([one, other])  # (2, 28, 28)
assert torch.equal(stacked[1], other)

fig, axes = plt.subplots(1, 3, figsize=(6.4, 2.7), width_ratios=[0.7, 1.4, 1])
axes[0].imshow(longer.numpy())
axes[1].imshow(wider.numpy())
for k in (1, 0):
    axes[2].imshow(stacked[k].numpy(), extent=(8 * k, 28 + 8 * k, 28 - 8 * k, -8 * k))
    corner = (8 * k, -8 * k)
    axes[2].add_patch(plt.Rectangle(corner, 28, 28, fill=False, ec=plotting.GRAY))
axes[2].set(xlim=(-1, 37), ylim=(29, -9))
codes = ["cat(…)", "cat(…, dim=1)", "stack(…)"]
for ax, code, result in zip(axes, codes, [longer, wider, stacked], strict=True):
    ax.set_axis_off()
    ax.set_title(f"{code}\n{tuple(result.shape)}", loc="center", fontsize=9)
plotting.describe(
    fig,
    "Two images, put together in three ways: one above the other, shape (56, 28); side "
    "by side, shape (28, 56); one behind the other, shape (2, 28, 28).",
)
plt.show()

# %%
# Two kinds of multiplication
# ---------------------------
#
# ``+``, ``-``, ``*``, ``/``, ``**`` and comparisons work *elementwise*: each number meets the one
# in the same place. ``@`` is the matrix product.

a = torch.tensor([[1, 2], [3, 4]])  # (2, 2)
b = torch.tensor([[10, 20], [30, 40]])  # (2, 2)
print("a * b:", (a * b).tolist())
print("a @ b:", (a @ b).tolist())

# %%
# With ``@``, a row on the left meets a column on the right: their numbers are multiplied in pairs
# and added up. The upper left number is 1 · 10 + 2 · 30.

assert (a @ b)[0, 0] == 1 * 10 + 2 * 30 == 70

# %%
# The picture says who meets whom. In the lower line, each result has the colors of its row and its
# column. (You may skip the two functions. They draw this picture and the next ones.)

COLORS = [plotting.BLUE, plotting.ORANGE, plotting.GREEN, plotting.PURPLE]
COLORS += [plotting.RED, plotting.GRAY]


def canvas(width, height, cell=0.34):
    fig, ax = plt.subplots(figsize=(width * cell, height * cell))  # in inches
    ax.set(xlim=(0, width), ylim=(height, 0), aspect="equal")
    ax.set_axis_off()
    return fig, ax


def draw_table(ax, x, y, numbers, colors, title="", filled=True, form="{}"):
    numbers, colors = torch.atleast_2d(numbers, colors)
    for r, row in enumerate(numbers.tolist()):
        for c, number in enumerate(row):
            color = COLORS[colors[r, c]]
            inside = color if filled else "none"
            box = plt.Rectangle((x + c, y + r), 0.9, 0.9, fc=inside, ec=color, lw=1.5)
            ax.add_patch(box)
            words = ax.text(x + c + 0.45, y + r + 0.47, form.format(number))
            words.set(ha="center", va="center")
            if filled:
                words.set(color="black", gid="keep-color")
    ax.text(x, y - 0.25, title, family="monospace", fontsize=9)


by_row = torch.tensor([[0, 0], [1, 1]])  # (2, 2)
by_column = torch.tensor([[2, 3], [2, 3]])  # (2, 2)
by_place = torch.arange(4).reshape(2, 2)  # (2, 2)

fig, ax = canvas(9.2, 6.2, cell=0.5)
for x, numbers, title in [(0.1, a, "a"), (3.6, b, "b"), (7.1, a * b, "a * b")]:
    draw_table(ax, x, 0.7, numbers, by_place, title)
draw_table(ax, 0.1, 4, a, by_row, "a")
draw_table(ax, 3.6, 4, b, by_column, "b")
draw_table(ax, 7.1, 4, a @ b, by_column, "a @ b")
for r in range(2):
    for c in range(2):
        left_half = plt.Rectangle((7.1 + c, 4 + r), 0.43, 0.9, lw=1.5)
        ax.add_patch(left_half).set_color(COLORS[by_row[r, c]])
for y, sign in [(1.7, "*"), (5, "@")]:
    ax.text(2.8, y, sign, ha="center", va="center", fontsize=14)
    ax.text(6.3, y, "=", ha="center", va="center", fontsize=14)
plotting.describe(
    fig,
    "Above, a * b: each of four places has a color of its own, the same in a, in b and "
    "in the result. Below, a @ b: the rows of a are blue and orange, the columns of b "
    "green and purple, and each result is half in the color of its row, half in that "
    "of its column.",
)
plt.show()

# %%
# So for ``@`` the inner sizes must be equal, and they disappear: (64, 784) @ (784, 10) is (64, 10).
# That is how ten numbers are made of every image. Older code writes ``torch.mm``.

features = images.flatten(1)  # (64, 784)
weight = torch.rand(784, 10)  # (784, 10)
scores = features @ weight  # (64, 10)
assert torch.equal(scores, torch.mm(features, weight))

# %%
# dim names the axis that disappears
# ----------------------------------
#
# ``sum``, ``mean``, ``max`` and others make fewer numbers of many. Such an operation is a
# *reduction*, and ``dim`` says along which axis it goes. Some texts say that ``dim=0`` sums "across
# the rows". Which way is that?
#
# **Predict, then run.** ``table`` has the shape (3, 4). What shape has ``table.sum(dim=0)``?

print("table.sum()     ", table.sum())
print("table.sum(dim=0)", table.sum(dim=0))
print("table.sum(dim=1)", table.sum(dim=1))

# %%
# **Remember.** ``dim`` names the axis that disappears, however many axes there are. With
# ``keepdim=True`` it stays, with size 1.
#
# In the picture, each color is added up.

for dim in range(images.ndim):
    left = [size for axis, size in enumerate(images.shape) if axis != dim]
    assert images.sum(dim=dim).shape == tuple(left)

row_color = torch.arange(3)[:, None].expand(3, 4)  # (3, 4)
column_color = torch.arange(4).expand(3, 4)  # (3, 4)

fig, ax = canvas(19.5, 6.3)
draw_table(ax, 0.2, 1, table, column_color, "table")
draw_table(ax, 0.2, 5.2, table.sum(dim=0), column_color[0], "sum(dim=0): (4,)")
draw_table(ax, 7.2, 1, table, row_color, "table")
column_sums = table.sum(dim=1, keepdim=True)  # (3, 1)
title = "keepdim=True: (3, 1)"
draw_table(ax, 13.2, 1, column_sums, row_color[:, :1], title)
draw_table(ax, 13.2, 5.2, table.sum(dim=1), row_color[:, 0], "sum(dim=1): (3,)")
for x, y, arrow in [(5, 3, "↓"), (12.1, 2.5, "→"), (12.1, 5.7, "→")]:
    ax.text(x, y, arrow, ha="center", va="center", fontsize=14)
plotting.describe(
    fig,
    "Left, a table of three rows and four columns, each column in one color, and below "
    "it the four sums with dim=0, one for each column. Right, the same table with each "
    "row in one color, and the three sums with dim=1, one for each row: as a flat row "
    "of three, and with keepdim=True as a column.",
)
plt.show()

# %%
# On images: ``dim=0`` makes the mean image of a batch. A pair of axes gives one number an image.
# ``max`` with a ``dim`` returns two tensors: the largest numbers and their places. ``argmax``
# returns the places alone.

print("mean image:", tuple(images.mean(dim=0).shape))
print("brightness:", tuple(images.mean(dim=(1, 2)).shape))

largest, where = scores.max(dim=1)  # (64,), (64,)
assert torch.equal(where, scores.argmax(dim=1))

# %%
# Broadcasting
# ------------
#
# Elementwise arithmetic wants equal shapes, or shapes that can be made equal. Write them one below
# the other, so that they end at the same place on the right. In each column the sizes must be
# equal, or one of them is 1, or missing. Where it is 1 or missing, the numbers are repeated. This
# is called *broadcasting*.

row = torch.tensor([10, 20, 30, 40])  # (4,)
column = torch.tensor([[10], [20], [30]])  # (3, 1)
three = torch.tensor([10, 20, 30])  # (3,)

print((table + row).shape, (table + column).shape)
try:
    table + three
except RuntimeError as error:
    print("RuntimeError:", error)

# %%
# Left are the two shapes. Filled are the numbers that exist. The framed ones are repeated, and take
# no memory.

fig, ax = canvas(20, 12.6)
gray = torch.full((3, 4), 5)  # (3, 4)
additions = [
    (0.9, row, column_color, column_color[0], "table + row", "3  4\n   4"),
    (5.1, column, row_color, row_color[:, :1], "table + column", "3  4\n3  1"),
]
for y, operand, colors, own_colors, title, shapes in additions:
    ax.text(0, y + 1.5, shapes, family="monospace", fontsize=12, va="center")
    draw_table(ax, 3, y, table, gray, title)
    draw_table(ax, 8.5, y, operand.expand(3, 4), colors, filled=False)
    draw_table(ax, 8.5, y, operand, own_colors)
    draw_table(ax, 14, y, table + operand, colors)
y = 9.3
ax.text(0, y + 1.5, "3  4\n   3", family="monospace", fontsize=12, va="center")
draw_table(ax, 3, y, table, gray, "table + three")
draw_table(ax, 8.5, y, three, torch.full((3,), 4))
ax.text(11.97, y + 0.5, "?", ha="center", va="center", fontsize=14, color=COLORS[4])
ax.text(14, y + 0.5, "4 is not 3: RuntimeError", va="center", color=COLORS[4])
for y in (0.9, 5.1, 9.3):
    ax.text(7.7, y + 1.5, "+", ha="center", va="center", fontsize=14)
for y in (0.9, 5.1):
    ax.text(13.2, y + 1.5, "=", ha="center", va="center", fontsize=14)
plotting.describe(
    fig,
    "Three additions of colored tables. A row of four numbers is repeated downward for "
    "the three rows of the table. A column of three numbers is repeated to the right "
    "for its four columns. A row of three numbers does not fit four columns, and "
    "raises an error.",
)
plt.show()

# expand repeats without a copy: no more bytes than before
assert row.expand(3, 4).untyped_storage().nbytes() == row.nbytes

# %%
# In this way ten numbers of shape (10,), or (1, 10), are added to each of 64 rows of scores.
# (``None`` as an index makes a new axis of size 1.)

bias = torch.rand(10)  # (10,)
assert torch.equal(scores + bias, scores + bias[None])
assert bias[None].shape == (1, 10)

# %%
# When broadcasting goes wrong without a word
# -------------------------------------------
#
# We want to divide each row of ``scores`` by its sum. The sums have the shape (64,).

totals = scores.sum(dim=1)  # (64,)
try:
    scores / totals
except RuntimeError as error:
    print("RuntimeError:", error)

# %%
# 10 is not 64, and you are told so. It is often said that you always are.
#
# **Predict, then run.** We take ten images only. The shapes are (10, 10) and (10,). What happens,
# and what do the rows sum to?

ten = scores[:10]  # (10, 10)
silent = ten / ten.sum(dim=1)  # (10, 10)
right = ten / ten.sum(dim=1, keepdim=True)  # (10, 10)

print("without keepdim:", silent.sum(dim=1)[:6])
print("with keepdim:   ", right.sum(dim=1)[:6])
assert torch.allclose(right.sum(dim=1), torch.ones(10))
assert not torch.allclose(silent.sum(dim=1), torch.ones(10))

for n in (1, 9, 10, 64):
    some = scores[:n]  # (n, 10)
    shares = some / some.sum(dim=1, keepdim=True)  # (n, 10)
    assert torch.allclose(shares.sum(dim=1), torch.ones(n))

# %%
# No error, and wrong numbers. The flat row of sums is repeated downward, so the first *column* is
# divided by the sum of the first *row*. Here is a table of three by three. The color says which row
# a sum comes from.

small = torch.tensor([[1, 1, 2], [2, 1, 2], [3, 2, 4]])  # (3, 3)
colors = torch.arange(3)[:, None].expand(3, 3)  # (3, 3)
flat, kept = small.sum(dim=1), small.sum(dim=1, keepdim=True)  # (3,), (3, 1)

fig, ax = canvas(16.5, 4.2, cell=0.42)
draw_table(ax, 0.2, 1, small, colors, "small")
draw_table(ax, 5, 1, flat.expand(3, 3), colors.T, "sum(dim=1)", form="÷ {}")
title = "sum(dim=1, keepdim=True)"
draw_table(ax, 10, 1, kept.expand(3, 3), colors, title, form="÷ {}")
plotting.describe(
    fig,
    "A table with three rows in three colors, and twice what its numbers are divided "
    "by. Without keepdim the colors stand in columns: each row is divided by three "
    "different sums. With keepdim=True they stand in rows, as in the table.",
)
plt.show()

# %%
# **Remember.** Where you compute with the result of a reduction along rows, use ``keepdim=True``.
# It is right for every size.
#
# A new shape
# -----------
#
# The next table runs lines of code that are given as text (``eval`` does that), and prints the
# shapes that come out.


def show_shapes(lines):
    for line, words in lines.items():
        print(f"{line:38}{tuple(eval(line).shape)!s:17}{words}")


show_shapes(
    {
        "images": "",
        "images.reshape(64, 784)": "as many numbers, a new shape",
        "images.reshape(64, -1)": "-1: whatever is left",
        "images.flatten(1)": "axes 1 and up become one",
        "features.unflatten(1, (28, 28))": "and back",
        "images.unsqueeze(1)": "a new axis of size 1",
        "images.unsqueeze(1).squeeze(1)": "and gone again",
        "images.transpose(0, 2)": "two axes change places",
        "images.permute(1, 2, 0)": "all axes in a new order",
        "table.T": "a table's transpose",
    }
)

# %%
# ``reshape`` and ``permute`` are often confused. ``reshape`` keeps the order in which the numbers
# are read, ``permute`` changes it. We want one sheet with eight rows of eight images.
#
# **Predict, then run.** Both results below have the shape (224, 224). Which one is the sheet?

one_step = images.reshape(224, 224)  # (224, 224)
grid = images.reshape(8, 8, 28, 28)  # (8, 8, 28, 28), sheet row and column, row, column
in_order = grid.permute(0, 2, 1, 3)  # (8, 28, 8, 28)
sheet = in_order.reshape(224, 224)  # (224, 224)

fig, axes = plt.subplots(1, 2, figsize=(7, 3.9))
axes[0].imshow(one_step.numpy())
axes[0].set_title("reshape alone", loc="center")
axes[1].imshow(sheet.numpy())
axes[1].set_title("reshape, permute, reshape", loc="center")
for ax in axes:
    ax.set_axis_off()
plotting.describe(
    fig,
    "Two pictures of 224 by 224 pixels made of the same numbers. With reshape alone, "
    "fragments of rows lie side by side, and no image can be recognized. With permute "
    "in between, it is a sheet of eight by eight images.",
)
plt.show()

assert torch.equal(sheet[:28, 28:56], images[1])
assert torch.equal(one_step[0], images[0, :8].flatten())

# %%
# Left, the first line is made of eight rows of *one* image.
#
# What lies in memory
# -------------------
#
# In memory, a tensor is one long row of numbers. Shape and *strides* say how to read it. The
# strides of ``table`` are (4, 1): one row down is four numbers on, one column to the right is one
# number on. A transpose or a slice is the same memory, read with other strides or from another
# start. Such a tensor is called a *view*.

numbers = torch.arange(12)  # (12,)
table = numbers.reshape(3, 4)  # (3, 4)
for r in range(3):
    for c in range(4):
        assert table[r, c] == numbers[4 * r + 1 * c]

views = {
    "table": table,
    "table.T": table.T,
    "table[:, 1:3]": table[:, 1:3],
    "table.reshape(4, 3)": table.reshape(4, 3),
}
memory = numbers.untyped_storage().data_ptr()  # the address where they begin
for code, view in views.items():
    print(f"{code:20} strides {view.stride()}, ", end="")
    print(f"starts at {view.storage_offset()}, ", end="")
    print("same memory:", view.untyped_storage().data_ptr() == memory)

# %%
# In each table the color is that of the place in memory.

fig, ax = canvas(20, 9.6)
memory_color = torch.arange(3).repeat_interleave(4)  # (12,)
draw_table(ax, 4, 1, numbers, memory_color, "in memory")
folded = memory_color.reshape(3, 4)  # (3, 4)
color_views = [folded, folded.T, folded[:, 1:3], folded.reshape(4, 3)]
for x, (code, view), colors in zip(
    [0.2, 6.2, 10.6, 15], views.items(), color_views, strict=True
):
    draw_table(ax, x, 4, view, colors, code)
    down, right = view.stride()
    ax.text(x, 8.2, f"down: +{down}\nright: +{right}", fontsize=9, va="top")
plotting.describe(
    fig,
    "Above, twelve numbers in one row of memory, the first four blue, the next orange, "
    "the last green. Below, four tables that read them. In table the colors are rows, "
    "in its transpose they are columns, the slice has two numbers of each color, and "
    "in the table of four rows by three the colors run on from row to row.",
)
plt.show()

# %%
# ``table.T`` is not *contiguous*: its numbers do not lie in the order in which you read them.
# ``view`` is a ``reshape`` that never copies. Here it cannot, and raises an error;
# ``reshape`` makes a copy then.

print("contiguous:", table.is_contiguous(), table.T.is_contiguous())
try:
    table.T.view(12)
except RuntimeError as error:
    print("RuntimeError:", error)

copied = table.T.reshape(12)  # (12,)
assert copied.untyped_storage().data_ptr() != memory

# %%
# Views share, copies do not
# --------------------------
#
# **Predict, then run.** Five tensors come from the same twelve numbers. We change one number in
# ``second_row``. In which of the others does it change?

second_row = table[1]  # (4,)
by_list = table[[1]]  # (1, 4)
cloned = table[1].clone()  # (4,)
second_row[0] = 100

print("numbers:", numbers.tolist())
print("table:  ", table.tolist())
print("by_list:", by_list.tolist())
print("cloned: ", cloned.tolist())
assert numbers[4] == table[1, 0] == 100
assert by_list[0, 0] == cloned[0] == 4
assert table[table > 3].untyped_storage().data_ptr() != memory

# %%
# Numbers and slices as an index give views, lists and masks give copies, and ``clone`` always
# copies. If you mean to change a part and keep the whole, clone it.
#
# An underscore at the end of a name says *in place*: where ``add`` makes a new tensor, ``add_``
# writes into the old one. So do ``+=`` and ``/=``. A function that does so changes the tensor of
# its caller.


def brighten(images):
    images += 0.5
    return images


mine = images[:2].clone()  # (2, 28, 28)
result = brighten(mine)  # (2, 28, 28)
assert result is mine
assert torch.equal(mine, images[:2] + 0.5)

assert mine.add_(1) is mine
assert mine.add(1) is not mine

# %%
# ``images = images + 0.5`` would have made a new tensor. A line from older code goes further, and
# changes the caller's *shape*. It even cuts numbers off, if you ask for fewer. (What such a shape
# can do to a network is in :doc:`07_layers`.)


def old_way(images):
    return images.resize_(64, 1, 784)  # (64, 1, 784)


mine = images.clone()  # (64, 28, 28)
old_way(mine)
print("the caller's tensor:", tuple(mine.shape))
print("after resize_(3):   ", tuple(mine.resize_(3).shape))

# %%
# Change in place only what is yours alone. There is one more reason: what you overwrite may be
# needed later, when a network learns, as :doc:`08_parameters` shows.
#
# To NumPy and back
# -----------------
#
# ``from_numpy`` and ``numpy()`` do not copy either. Tensor and array are two names for one memory.
# ``torch.tensor`` copies.

array = np.array([1.0, 2.0, 3.0])  # (3,)
shared = torch.from_numpy(array)  # (3,)
separate = torch.tensor(array)  # (3,)
array[0] = 100
shared.numpy()[1] = 200

print(array, shared.tolist(), separate.tolist())
assert shared.tolist() == array.tolist() == [100, 200, 3]

# %%
# NumPy computes with ``float64``, and the tensor takes that over. The numbers in a layer
# (:doc:`07_layers`) are ``float32``. ``+`` would mix the two, as above. A layer does not, and its
# error has other names for them, *Double* and *Float*.

layer = nn.Linear(3, 2)
try:
    layer(shared)
except RuntimeError as error:
    print("RuntimeError:", error)

print(shared.dtype, "→", layer(shared.float()).dtype)

# %%
# Equal, or nearly so
# -------------------
#
# A computer keeps only some digits of a number, so two ways to one result may differ in the last.
# You may know this from Python. ``float32`` has fewer digits, and gets it right here by luck.

print("Python: ", 0.1 + 0.2 == 0.3)
for dtype in (torch.float64, torch.float32):
    x, y, z = torch.tensor([0.1, 0.2, 0.3], dtype=dtype)
    print(f"{dtype}: {x + y == z}")

# %%
# The course divides pixels by 255 in another way than we did above: it multiplies by 1/255.

theirs = torch.stack([train_set[i][0][0] for i in range(64)])  # (64, 28, 28)
print("all equal: ", torch.equal(images, theirs))
print("all close: ", torch.allclose(images, theirs))
print("largest difference:", (images - theirs).abs().max().item())
torch.testing.assert_close(images, theirs)

# %%
# Printing hides such differences. These rows were divided by their sums. Are all sums exactly 1?

sums = (scores / scores.sum(dim=1, keepdim=True)).sum(dim=1)  # (64,)
print(sums[:8])
print("all exactly 1:", (sums == 1).all().item())
assert torch.allclose(sums, torch.ones(64))

# %%
# Ask whether numbers are close, not whether they are equal. ``allclose`` answers yes or no.
# ``assert_close`` is silent if all is well. If not, it says where and by how much.

try:
    torch.testing.assert_close(images, images + 0.001)
except AssertionError as error:
    print("AssertionError:", error)

# %%
# A dozen to know by heart
# ------------------------
#
# These come up every day.

show_shapes(
    {
        "images[0]": "one of many",
        "images[labels == labels[0]]": "those that fulfill a condition",
        "images.flatten(1)": "each image as one row",
        "images.unsqueeze(1)": "a new axis of size 1",
        "torch.stack([images[0], images[1]])": "together, along a new axis",
        "torch.cat([images, images])": "together, along axis 0",
        "features @ weight": "rows meet columns",
        "images.mean(dim=0)": "axis 0 disappears",
        "scores.sum(dim=1, keepdim=True)": "axis 1 stays, with size 1",
        "scores.argmax(dim=1)": "the place of each row's largest",
        "labels.float()": "another dtype",
        "images[0].clone()": "a copy with its own memory",
    }
)

# %%
# Common mistakes
# ---------------
#
# ``*`` **where** ``@`` **was meant.** Usually the shapes do not fit, and you are told. With square
# tables, both run. (In the clinic: :ref:`error-sizes`.)

try:
    features * weight
except RuntimeError as error:
    print("RuntimeError:", error)

print("same result:", torch.equal(a * b, a @ b))

# %%
# **Sizes that do not meet.** Between the two shapes in the message, look at the inner sizes. (In
# the clinic: :ref:`error-mat1`.)

try:
    features @ weight.T
except RuntimeError as error:
    print("RuntimeError:", error)

# %%
# **Fractions in place into whole numbers.** A tensor cannot change its dtype in place.
# (In messages ``uint8`` is called Byte, and ``int64`` Long.)

try:
    pixels /= 255
except RuntimeError as error:
    print("RuntimeError:", error)

# %%
# **The mean of whole numbers.** It would need a fraction, and you have to say which kind.

try:
    labels.mean()
except RuntimeError as error:
    print(f"{type(error).__name__}:", error)

print(labels.float().mean().item())

# %%
# **Many numbers where one is wanted**: ``item()``, and ``if`` as well. Say ``all()`` or ``any()``.
# (In the clinic: :ref:`error-scalar`, :ref:`error-ambiguous`.)

for question in (labels.item, (labels > 3).__bool__):
    try:
        question()
    except RuntimeError as error:
        print("RuntimeError:", error)

print("any:", (labels > 3).any().item(), "· all:", (labels > 3).all().item())

# %%
# ``squeeze()`` **without a number** removes *every* axis of size 1, the batch of one image, too.

single = images[:1].unsqueeze(1)  # (1, 1, 28, 28)
print(tuple(single.squeeze().shape), "instead of", tuple(single.squeeze(1).shape))

# %%
# ``torch.Tensor`` **with a capital T.** Of 3 it makes three numbers that are whatever the memory
# held, and of whole numbers fractions. Write ``torch.tensor``.

print(tuple(torch.Tensor(3).shape), "instead of", tuple(torch.tensor(3).shape))
print(torch.Tensor([3]).dtype, "instead of", torch.tensor([3]).dtype)

# %%
# Your turn
# ---------
#
# Write your answer into the cell below an exercise, and run it: ``@exercise`` checks it and prints
# what it finds, and the page goes on with the course's version until yours is right.
# ``hint("center_rows")`` and ``solution("center_rows")`` help.
#
# **Your turn: center_rows.** Write a function ``center_rows(table)``. A tensor of shape
# (rows, columns), ``float32``, goes in. Out comes a new tensor of the same shape, in which the mean
# of its row was subtracted from each number. It must be right for a square table, too.

from firstlayers.exercises import exercise, hint, progress, solution


@exercise
def center_rows(table):
    """(rows, columns) -> (rows, columns), each row with the mean 0."""
    ...  # your code here


# %%
# **Your turn: pick_true.** Write a function ``pick_true(probabilities, labels)``. Probabilities of
# shape (N, classes) and labels of shape (N,), ``int64``, go in. Out comes, as a tensor of shape
# (N,), the probability that each row gives to its own label.


@exercise
def pick_true(probabilities, labels):
    """(N, classes) probabilities, (N,) labels -> (N,) those of the labels."""
    ...  # your code here


# %%
# Recap
# -----
#
# * A tensor has a shape, a dtype and a device. Print them before you look for any other cause.
# * A number as index takes an axis away; so does ``dim`` in a reduction, unless ``keepdim=True``.
# * ``*`` meets place by place, ``@`` rows and columns.
# * Broadcasting aligns shapes on the right. For a square table it can be wrong without a word.
# * ``reshape`` keeps the order of the numbers, ``permute`` changes it.
# * Views share memory, and so do tensor and NumPy array. ``clone`` before you change.
#
# **Next:** :doc:`03_data` makes batches of images, in an order that you can repeat.
#
# **Further reading:** :class:`torch.Tensor`, :func:`torch.cat`, :func:`torch.stack`,
# :meth:`torch.Tensor.view`, :meth:`torch.Tensor.stride`, and PyTorch's own rules of `broadcasting
# <https://docs.pytorch.org/docs/stable/notes/broadcasting.html>`__. Where views, strides and
# broadcasting come from: Harris and others, `Array programming with NumPy
# <https://doi.org/10.1038/s41586-020-2649-2>`__.
