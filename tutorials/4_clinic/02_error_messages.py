"""
Read an error message
=====================

You will find the message that stopped you, read in plain words what it says, and see its cure run.

**In this chapter you learn**

* to read a traceback from its end, and to find the last line in it that is yours,
* what the messages say that stop beginners most often, and what they mean,
* where each of them usually comes from, and a cure that works,
* why a cure that only makes the message go away is none.

**You need** nothing in particular: each entry says where to read more. Most of the words are
explained in :doc:`../1_basics/02_tensors`, and most of the code in :doc:`../1_basics/10_training`.
**Time:** 25 minutes for all of it, or two with a message in your hand.
"""

# %%
# Start at the end
# ----------------
#
# When Python gives up, it prints a *traceback*: all calls that had begun and were not finished.
# Beginners read it from its first line. That is the line farthest from the error. Here is a small
# program with a mistake in it. We run it, and print what Python says, with shorter paths.

import contextlib
import mmap
import pickle
import re
import runpy
import tempfile
import textwrap
import traceback
from collections import Counter
from io import BytesIO
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset
from torchvision import datasets
from torchvision.transforms import v2

from firstlayers import data, plotting

plotting.use_style()

program = """\
import torch
from torch import nn

model = nn.Sequential(
    nn.Flatten(),
    nn.Linear(784, 512),
    nn.ReLU(),
    nn.Linear(256, 10),
)


def train_step(images):
    logits = model(images)


def train(batches):
    for images in batches:
        train_step(images)


train([torch.rand(64, 1, 28, 28)])
"""

temporary = tempfile.TemporaryDirectory()
folder = Path(temporary.name)
(folder / "train.py").write_text(program)
try:
    runpy.run_path(str(folder / "train.py"))
except RuntimeError as error:
    calls = traceback.extract_tb(error.__traceback__)
    last_line = f"RuntimeError: {error}"

yours = [call for call in calls if Path(call.filename).name == "train.py"]
calls = calls[calls.index(yours[0]) :]  # without those that have started the program
print("Traceback (most recent call last):")
for call in calls:
    path = Path(call.filename).as_posix()
    path = re.sub(".*/site-packages/", "…/", path.removeprefix(f"{folder.as_posix()}/"))
    print(f'  File "{path}", line {call.lineno}, in {call.name}')
    print(f"    {call.line}")
print(last_line)

# %%
# Three steps, from the bottom up:
#
# #. **The last line says what.** A type, a colon, and the message. Read it whole.
# #. **The last line that is yours says where.** Go up until the file's name is one of yours. What
#    stands below belongs to PyTorch, and is very rarely at fault.
# #. **Ask what the two have to do with each other.** Which tensor in my line has the shape that the
#    message speaks of?

print("what: ", last_line)
print("where:", yours[-1].line)

fig, ax = plt.subplots(figsize=(7, 3.6))
for depth, call in enumerate(calls):
    color = plotting.GRAY
    if call in yours:
        color = plotting.ORANGE if call is yours[-1] else plotting.BLUE
    ax.barh(-depth, 6.5, left=0.35 * depth, height=0.72, color=color, alpha=0.22)
    ax.barh(-depth, 0.09, left=0.35 * depth, height=0.72, color=color)
    words = f"{Path(call.filename).name}   {call.line}"
    ax.text(0.35 * depth + 0.2, -depth, words, va="center", fontsize=8.5)
end = 0.35 * len(calls)
ax.text(end, -len(calls), last_line, va="center", fontsize=8.5, color=plotting.RED)
here = -(len(yours) - 1)
ax.annotate(
    "the last line\nthat is yours",
    (0.35 * -here + 6.55, here),
    (9.6, here + 1.2),
    va="center",
    ha="center",
    fontsize=9,
    color=plotting.ORANGE,
    arrowprops={"arrowstyle": "->", "color": plotting.ORANGE},
)
ax.set(xlim=(0, 10.8), ylim=(-len(calls) - 0.6, 0.6))
ax.set_axis_off()
ax.set_title("Each call begins another one, and the deepest one fails")
plotting.describe(
    fig,
    f"A staircase of {len(calls)} bars from the upper left to the lower right, one for "
    f"each line of the traceback. The first {len(yours)} are lines of train.py, and the "
    "last of these, orange, is marked: the last line that is yours. The others, gray, "
    "are PyTorch's own. Below the last one stands the error message, in red.",
)
plt.show()

# %%
# Here the message speaks of 64x512 and 256x10. Your line is ``logits = model(images)``, so two of
# the model's layers do not fit: one gives 512 numbers, and the next one wants 256. The mistake was
# made much earlier in the file, where the model was built. *Your last line is where it was noticed,
# not always where it was made.*
#
# How to find your message
# ------------------------
#
# Paste it into the search field of this site, with your own numbers: the search knows every entry
# of this page. Without the site, look for the words that do not depend on your numbers.
#
# All messages below come from PyTorch itself, while this page is made. This function makes
# something fail, and prints the last line of its traceback, broken where it is long.

found = Counter()
KINDS = (
    RuntimeError,
    ValueError,
    TypeError,
    IndexError,
    AttributeError,
    pickle.UnpicklingError,
)


def message_of(call, most=8):
    try:
        call()
    except KINDS as error:
        kind = type(error).__name__
        message = re.sub(r"\x1b\[[0-9;]*m", "", f"{kind}: {error}").strip()
    else:
        raise AssertionError("nothing failed")
    found[kind] += 1
    lines = []
    for line in message.expandtabs(2).splitlines():
        lines += textwrap.wrap(line, 86, break_on_hyphens=False)
    print("\n".join([*lines[:most], "…"] if len(lines) > most else lines))


# What the entries work with: a batch that looks like digits, its labels, and a layer.
torch.manual_seed(0)
images = torch.rand(64, 1, 28, 28)  # (64, 1, 28, 28)
labels = torch.randint(10, (64,))  # (64,)
layer = nn.Linear(784, 10)
logits = layer(images.flatten(1))  # (64, 10)

# %%
# Shapes
# ------
#
# Most messages are about shapes. Then ``print(x.shape)`` in front of your last line is worth more
# than an hour of thought.
#
# .. _error-mat1:
#
# mat1 and mat2 shapes cannot be multiplied
# ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~

message_of(lambda: layer(images))

# %%
# **It says:** a matrix product does not work out. Of an (n, k) and a (k, m) matrix, the two inner
# sizes must be equal. ``mat1`` is what goes into the layer, ``mat2`` its weights. (``mm`` or
# ``addmm`` in front is PyTorch's name for the product.)
#
# **It comes from** images that were not flattened, as here: the layer takes the last axis for its
# inputs, and lumps all others together. Or from a layer that does not fit the one before it, or
# from a forgotten transpose.
#
# **Cure:** look at the inner sizes, 28 and 784. Which of the two is right? More in
# :doc:`../1_basics/07_layers`.

print(tuple(layer(images.flatten(1)).shape))
assert layer(images.flatten(1)).shape == (64, 10)

# %%
# As a picture: the right product, and the one from above.


def draw_product(ax, first, second):
    """Draw two matrices side by side; their inner sizes are green or red."""
    (rows, inner), (needed, columns) = first, second
    fits = inner == needed
    length = {size: 0.33 * size**0.32 for size in (*first, *second)}
    gap, color = 0.75, plotting.GREEN if fits else plotting.RED
    for left, (height, width), tint in (
        (0.0, first, plotting.BLUE),
        (length[inner] + gap, second, plotting.PURPLE),
    ):
        high, wide = length[height], length[width]
        ax.add_patch(plt.Rectangle((left, -high), wide, high, fc=tint, alpha=0.2))
        ax.add_patch(plt.Rectangle((left, -high), wide, high, fc="none", ec=tint))
    ax.plot([0, length[inner]], [0.07, 0.07], color=color, lw=3)
    side = length[inner] + gap - 0.09
    ax.plot([side, side], [-length[needed], 0], color=color, lw=3)
    ax.text(length[inner] / 2, 0.16, inner, ha="center", color=color, weight="bold")
    ax.text(
        side - 0.08,
        -length[needed] / 2,
        needed,
        ha="right",
        va="center",
        color=color,
        weight="bold",
    )
    ax.text(0.08, -length[rows] / 2, rows, va="center")
    middle = side + 0.09 + length[columns] / 2
    ax.text(middle, -length[needed] - 0.13, columns, ha="center", va="top")
    ax.set(xlim=(-0.15, 5.2), ylim=(-4.0, 0.6), aspect="equal")
    ax.set_axis_off()
    ax.set_title("the inner sizes are equal" if fits else "the inner sizes differ")


fig, axes = plt.subplots(1, 2, figsize=(7, 2.9))
draw_product(axes[0], (64, 784), (784, 10))
draw_product(axes[1], (1792, 28), (784, 10))
plotting.describe(
    fig,
    "Two matrix products, each drawn as two rectangles with their sizes. Left, 64 by 784 "
    "and 784 by 10: the inner sizes, 784 and 784, are green. Right, 1792 by 28 and 784 "
    "by 10: the inner sizes, 28 and 784, are red.",
)
plt.show()

# %%
# .. _error-sizes:
#
# The size of tensor a must match the size of tensor b
# ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
#
# We want to divide each row by its sum.

exponentials = logits.exp()  # (64, 10)
message_of(lambda: exponentials / exponentials.sum(dim=1))

# %%
# **It says:** two shapes do not fit together for ``+``, ``*``, ``/`` and the like. Write them below
# each other, so that they end together. In each column, the sizes must be equal, or one of them 1.
# The *non-singleton dimension* in the message is the column that fails.
#
# **It comes from** an axis that a sum or mean took away, from labels or targets of another shape
# than the output, and from ``*`` where ``@`` was meant.
#
# **Cure:** keep the axis, with size 1.

shares = exponentials / exponentials.sum(dim=1, keepdim=True)  # (64, 10)
torch.testing.assert_close(shares.sum(dim=1), torch.ones(64))
print("each row sums to 1:", tuple(shares.shape))

# %%
# **Predict, then run.** Four pairs of shapes: (64, 10) with (64,), with (64, 1), with (10,) and with
# (64, 9). Which of them fit?

pairs = [((64, 10), (64,)), ((64, 10), (64, 1)), ((64, 10), (10,)), ((64, 10), (64, 9))]
fig, axes = plt.subplots(1, 4, figsize=(7, 1.9))
fitting = []
for ax, pair in zip(axes, pairs, strict=True):
    columns = list(
        zip(*([None] * (2 - len(shape)) + [*shape] for shape in pair), strict=True)
    )
    fits = [None in sizes or 1 in sizes or len({*sizes}) == 1 for sizes in columns]
    fitting.append(all(fits))
    for x, (sizes, good) in enumerate(zip(columns, fits, strict=True)):
        color = plotting.GREEN if good else plotting.RED
        for y, size in enumerate(sizes):
            style = {"ec": color, "fc": color, "lw": 1.5}
            if size is None:
                style |= {"ls": ":", "fc": "none"}
            square = plt.Rectangle((x, -y), 0.86, 0.8, alpha=0.25, **style)
            ax.add_patch(square)
            ax.text(x + 0.43, 0.4 - y, size or "", ha="center", va="center")
    ax.set(xlim=(-0.1, 2), ylim=(-1.1, 0.9), aspect="equal")
    ax.set_axis_off()
    ax.set_title("fits" if all(fits) else "does not fit", loc="center", fontsize=10)
plotting.describe(
    fig,
    "Four pairs of shapes, written below each other and aligned at their ends. "
    + " ".join(
        f"{first} and {second}: {'fits' if good else 'does not fit'}."
        for (first, second), good in zip(pairs, fitting, strict=True)
    )
    + " Columns that fit are green, the others red; what is missing is dotted.",
)
plt.show()

for (first, second), fits in zip(pairs, fitting, strict=True):
    try:
        torch.broadcast_shapes(first, second)
    except RuntimeError:
        assert not fits
    else:
        assert fits

# %%
# Mind the square: (10, 10) and (10,) fit, and each *column* would be divided by the sum of a row,
# without a word. More in :doc:`../1_basics/02_tensors`.
#
# .. _error-invalid-shape:
#
# shape is invalid for input of size
# ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
#
# The last batch of an epoch is often smaller than the others.

last_batch = images[:50]  # (50, 1, 28, 28)
message_of(lambda: last_batch.view(64, 784))

# %%
# **It says:** a new shape must hold exactly as many numbers as there are. The product of the sizes
# in the message is what you asked for, the last number is what there is.
#
# **It comes from** a batch size that is typed into the code, or from images of another size.
#
# **Cure:** let the batch be as large as it is. More in :doc:`../1_basics/03_data`.

print(tuple(last_batch.flatten(1).shape))
assert torch.equal(last_batch.flatten(1), last_batch.view(-1, 784))

# %%
# .. _error-view:
#
# view size is not compatible with input tensor's size and stride
# ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~

turned = images.transpose(2, 3)  # (64, 1, 28, 28)
message_of(lambda: turned.view(64, 784))

# %%
# **It says:** ``view`` never copies a number. It can only read the memory in its order, and after
# ``transpose`` or ``permute`` the order is another one.
#
# **It comes from** ``view`` after ``transpose``, ``permute`` or ``.T``.
#
# **Cure:** ``flatten`` or ``reshape``, which copy where they must. But first ask if the new order
# is what you want: ``transpose`` has exchanged rows and columns of each image. See *A view of a
# permuted tensor* in :doc:`01_common_mistakes`.

rows = turned.flatten(1)  # (64, 784)
print(tuple(rows.shape))
assert torch.equal(rows[0].view(28, 28), images[0, 0].T)

# %%
# .. _error-dimension:
#
# Dimension out of range
# ~~~~~~~~~~~~~~~~~~~~~~

one_image = logits[0]  # (10,)
message_of(lambda: one_image.argmax(dim=1))

# %%
# **It says:** you named an axis that this tensor does not have. The axes of a tensor with one axis
# are 0, or -1 if you count from the end.
#
# **It comes from** a single image without its batch axis, or from ``squeeze()``, which removes the
# batch axis when the batch has one image.
#
# **Cure:** say ``dim=-1``, the last one, or give the image a batch of its own.

print(one_image.argmax(dim=-1).item(), one_image.unsqueeze(0).argmax(dim=1).item())
assert one_image.argmax(dim=-1) == logits.argmax(dim=1)[0]

# %%
# .. _error-index:
#
# index is out of bounds for dimension
# ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~

message_of(lambda: images[64])

# %%
# **It says:** you asked for an entry behind the end. Python counts from 0, so the last of 64 is
# number 63.
#
# **It comes from** counting from 1, from a list of places that belongs to a longer data set, or
# from ``__len__`` of your own data set, if it promises too many.
#
# **Cure:** ``-1`` is the last one, however many there are.

assert torch.equal(images[-1], images[63])
print("the last one:", tuple(images[-1].shape))

# %%
# .. _error-channels:
#
# expected input to have 1 channels, but got 3 channels
# ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~

convolution = nn.Conv2d(1, 8, kernel_size=3)
in_color = torch.rand(64, 3, 28, 28)  # (64, 3, 28, 28)
message_of(lambda: convolution(in_color))

# %%
# **It says:** a convolution was made for images with so many channels, and gets others. In the
# weight, the second number is the channels it wants. Of the input, it takes the second, too.
#
# **It comes from** color images in a network for gray ones, or the other way round. If the message
# says *got 28 channels*, the channels come last, as in NumPy and Matplotlib.
#
# **Cure:** make the images fit the network, or the network fit the images.

gray = v2.functional.rgb_to_grayscale(in_color)  # (64, 1, 28, 28)
print(tuple(gray.shape), "→", tuple(convolution(gray).shape))

channels_last = in_color.permute(0, 2, 3, 1)  # (64, 28, 28, 3)
channels_first = channels_last.permute(0, 3, 1, 2)  # (64, 3, 28, 28)
assert torch.equal(channels_first, in_color)
assert nn.Conv2d(3, 8, kernel_size=3)(channels_first).shape == convolution(gray).shape

# %%
# Labels and the loss
# -------------------
#
# ``cross_entropy`` wants logits of shape (N, classes) and, of each example, the number of its
# class, as whole numbers of shape (N,). Everything else gets one of these messages.
#
# .. _error-multi-target:
#
# 0D or 1D target tensor expected, multi-target not supported
# ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~

column = labels[:, None]  # (64, 1)
message_of(lambda: F.cross_entropy(logits, column))

# %%
# **It says:** the labels should be one number an example, and have an axis too many.
#
# **It comes from** labels read as a column of a table, or from one-hot labels in ``nll_loss``.
# Elsewhere, such labels give no message: compared with labels of shape (N,), they make a table of
# (N, N). See *Labels of shape (N, 1)* in :doc:`01_common_mistakes`.
#
# **Cure:** take the axis away, and only this one.

loss = F.cross_entropy(logits, column.squeeze(1))
print(f"{loss.item():.4f}")
assert loss == F.cross_entropy(logits, labels)
assert (labels == column).shape == (64, 64)

# %%
# .. _error-batch-size:
#
# Expected input batch_size to match target batch_size
# ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
#
# Color images, and somebody has flattened them for a layer with 784 inputs.

all_rows = in_color.reshape(-1, 784)  # (192, 784)
message_of(lambda: F.cross_entropy(layer(all_rows), labels))

# %%
# **It says:** there are as many rows of logits as the first number says, and as many labels as the
# second. Each row needs one label.
#
# **It comes from** a ``reshape(-1, …)`` that makes more rows than there are images, as here: each
# color became an image. Or images and labels come from two different batches.
#
# **Cure:** name the axes that you flatten, and leave the first one alone.

per_image = in_color.flatten(1)  # (64, 2352)
print(f"{tuple(all_rows.shape)} was wrong, {tuple(per_image.shape)} is right")
F.cross_entropy(nn.Linear(per_image.shape[1], 10)(per_image), labels)
assert len(per_image) == len(labels)

# %%
# .. _error-target:
#
# Target is out of bounds
# ~~~~~~~~~~~~~~~~~~~~~~~

from_one = labels + 1  # (64,)
message_of(lambda: F.cross_entropy(logits, from_one))

# %%
# **It says:** a label names a class for which there is no logit. With ten logits, the classes are
# numbered from 0 to 9.
#
# **It comes from** labels that count from 1, or from a last layer with too few outputs.
#
# **Cure:** look at the smallest and the largest label.

print("from", from_one.min().item(), "to", from_one.max().item())
assert F.cross_entropy(logits, from_one - 1) == F.cross_entropy(logits, labels)

# %%
# .. _error-target-dtype:
#
# expected target dtype to be Long or Byte
# ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~

with_point = labels.float()  # (64,)
message_of(lambda: F.cross_entropy(logits, with_point))

# %%
# **It says:** numbers of classes are whole numbers, and these are not. ``Long`` is what messages
# call ``int64``, ``Byte`` is ``uint8``, ``Float`` is ``float32`` and ``Double`` is ``float64``.
#
# **It comes from** labels read from a file with other numbers, or converted together with the
# images.
#
# **Cure:** ``long()``.

loss = F.cross_entropy(logits, with_point.long())
print(with_point.dtype, "→", with_point.long().dtype)
assert loss == F.cross_entropy(logits, labels)

# %%
# .. _error-class-probabilities:
#
# Expected floating point type for target with class probabilities
# ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~

one_hot = F.one_hot(labels, 10)  # (64, 10)
message_of(lambda: F.cross_entropy(logits, one_hot))

# %%
# **It says:** the target has the shape of the logits, so PyTorch takes it for probabilities, and
# those are no whole numbers.
#
# **It comes from** one-hot labels, which ``cross_entropy`` does not need.
#
# **Cure:** give the labels as they were. More in :doc:`../1_basics/04_transforms`.

plain = F.cross_entropy(logits, one_hot.argmax(dim=1))
print(f"from numbers {plain.item():.4f}, from probabilities", end=" ")
print(f"{F.cross_entropy(logits, one_hot.float()).item():.4f}")
torch.testing.assert_close(plain, F.cross_entropy(logits, one_hot.float()))

# %%
# Numbers and devices
# -------------------
#
# .. _error-dtype:
#
# mat1 and mat2 must have the same dtype
# ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~

from_numpy = torch.from_numpy(np.random.default_rng(0).random((64, 784)))  # (64, 784)
message_of(lambda: layer(from_numpy))

as_bytes = torch.full((64, 784), 255, dtype=torch.uint8)  # (64, 784)
message_of(lambda: layer(as_bytes))

# %%
# **It says:** a layer and what goes into it are numbers of different kinds. Weights are ``float32``,
# which messages call ``Float``.
#
# **It comes from** NumPy, which computes in ``float64``, here called ``Double``. ``Byte`` means
# that the pixels are still whole numbers from 0 to 255.
#
# **Cure:** ``float()``. Pixels have to be scaled, too. See *Surprises of dtype* in
# :doc:`01_common_mistakes`.

print(from_numpy.dtype, "→", layer(from_numpy.float()).dtype)
print(as_bytes.dtype, "→", layer(as_bytes.float() / 255).dtype)
assert layer(from_numpy.float()).dtype == layer.weight.dtype

# %%
# .. _error-not-implemented:
#
# not implemented for 'Long'
# ~~~~~~~~~~~~~~~~~~~~~~~~~~

whole = torch.tensor([3, 1, 2])  # (3,)
message_of(lambda: whole.softmax(dim=0))

# %%
# **It says:** this operation does not exist for whole numbers. The long name in front is the
# function inside PyTorch, and you may ignore it.
#
# **It comes from** numbers typed without a decimal point, or from pixels or labels where
# activations were meant.
#
# **Cure:** type ``3.0``, or convert.

print(whole.float().softmax(dim=0))
assert whole.float().softmax(dim=0).sum().isclose(torch.tensor(1.0))

# %%
# .. _error-ambiguous:
#
# Boolean value of Tensor with more than one value is ambiguous
# ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~

guesses = logits.argmax(dim=1)  # (64,)


def is_it_right():
    if guesses == labels:
        print("right")


message_of(is_it_right)

# %%
# **It says:** ``if`` wants one yes or no, and got one for each entry.
#
# **It comes from** ``if``, ``while``, ``and``, ``or`` and ``not`` with a whole tensor, and from
# ``nn.CrossEntropyLoss(logits, labels)``, where the loss should have been made first and called
# then.
#
# **Cure:** say what you mean by it: all of them, any of them, or how many.

right = guesses == labels  # (64,)
print(f"all: {right.all()} · any: {right.any()} · how many: {right.sum()}")
message_of(lambda: nn.CrossEntropyLoss(logits, labels))
assert nn.CrossEntropyLoss()(logits, labels) == F.cross_entropy(logits, labels)

# %%
# .. _error-scalar:
#
# a Tensor cannot be converted to Scalar
# ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~

losses = F.cross_entropy(logits, labels, reduction="none")  # (64,)
message_of(lambda: losses.item())

# %%
# **It says:** ``item()`` makes a Python number of a tensor with one entry, and there are more.
#
# **It comes from** a loss without a mean, as here, or from a prediction for a whole batch.
#
# **Cure:** reduce it to one number first, or ask for a list of all.

print(f"mean {losses.mean().item():.4f}, and {len(losses.tolist())} numbers in a list")
torch.testing.assert_close(losses.mean(), F.cross_entropy(logits, labels))

# %%
# .. _error-device:
#
# Tensor is not on the expected device
# ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
#
# This page is made without a GPU. But PyTorch has a device called ``meta``, whose tensors have
# shapes and no numbers, and it minds where tensors are, too.

elsewhere = torch.rand(64, 784, device="meta")  # (64, 784)
message_of(lambda: images.flatten(1) + elsewhere)

# %%
# With a GPU, most operations use other words, and name the devices, such as ``cuda:0`` and ``cpu``.
# We cannot make them say it here, but PyTorch's library can be searched for the sentence:

library = (Path(torch.__file__).parent / "lib").glob("*torch_cpu*")
largest = max(library, key=lambda path: path.stat().st_size)
sentence = b"Expected all tensors to be on the same device"
with (
    largest.open("rb") as file,
    mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as all_of_it,
):
    place = all_of_it.find(sentence)
    print(
        all_of_it[place : place + len(sentence)].decode() if place >= 0 else "not there"
    )

# %%
# **It says:** two tensors meet, and lie in different memories.
#
# **It comes from** a model that was moved to the GPU and a batch that was not. ``model.to(device)``
# moves the model itself. ``batch.to(device)`` returns a copy, which needs a name.
#
# **Cure:** move every batch when it comes. See *Two devices* in :doc:`01_common_mistakes`.

device = "meta"
batch = torch.rand(64, 784)  # (64, 784)
batch.to(device)
print("without a name:", batch.device)
batch = batch.to(device)
print("with a name:   ", batch.device, "· sum of the two:", (batch + elsewhere).device)
assert batch.device == elsewhere.device

# %%
# Gradients
# ---------
#
# Each of these is explained at length in :doc:`../1_basics/09_autograd`.
#
# .. _error-no-grad:
#
# element 0 of tensors does not require grad
# ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~

with torch.no_grad():
    loss = F.cross_entropy(layer(images.flatten(1)), labels)
message_of(loss.backward)

# %%
# **It says:** nothing was recorded on the way to this loss, so there is no way back.
#
# **It comes from** a loss computed under ``no_grad``, from ``detach()``, ``item()`` or NumPy
# between model and loss, from ``argmax``, which has no slope, or from a model whose parameters are
# all frozen.
#
# **Cure:** go backward from the loss through your code, and ask each tensor for its ``grad_fn``.
# Where it is ``None``, the record ends.

print("before:", loss.grad_fn)
loss = F.cross_entropy(layer(images.flatten(1)), labels)
print("after: ", type(loss.grad_fn).__name__)
loss.backward()
assert layer.weight.grad is not None

# %%
# .. _error-scalar-outputs:
#
# grad can be implicitly created only for scalar outputs
# ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~

losses = F.cross_entropy(layer(images.flatten(1)), labels, reduction="none")  # (64,)
message_of(losses.backward)

# %%
# **It says:** ``backward()`` starts from one number, a *scalar*, and this is a whole tensor of them.
#
# **It comes from** a loss without a mean, or from ``logits.backward()``.
#
# **Cure:** ``mean()`` or ``sum()``, whichever you want to make small.

layer.zero_grad()
losses.mean().backward()
print("gradient:", tuple(layer.weight.grad.shape))
assert layer.weight.grad.abs().sum() > 0

# %%
# .. _error-second-time:
#
# Trying to backward through the graph a second time
# ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~

x = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)  # (3,)
squared = x**2  # (3,)
total = squared.sum()


def kept():
    """What the step "to the power of 2" still knows of its input."""
    try:
        return squared.grad_fn._saved_self.tolist()
    except RuntimeError:
        return "nothing"


before = kept()
total.backward()
after = kept()
message_of(total.backward)

# %%
# **It says:** ``backward()`` frees what the forward pass had saved, to give the memory back. A
# second time, it is missing.
#
# **It comes from** two calls of ``backward()`` for one forward pass, from a loss that is collected
# over several steps (``total += loss``), or from a hidden state that goes on into the next batch.
#
# **Cure:** compute the forward pass again, add two losses and go backward once, or cut the old
# record off with ``detach()``. ``retain_graph=True`` keeps what was saved, and the memory.

x.grad = None
(x**2).sum().backward()
print("computed again, the gradient is", x.grad.tolist())
assert x.grad.tolist() == [2.0, 4.0, 6.0]

# %%
# Here is what the step ``x ** 2`` had saved, before and after the first call.

fig, axes = plt.subplots(1, 2, figsize=(7, 1.9))
for ax, title, saved in (
    (axes[0], "before backward()", before),
    (axes[1], "after backward()", after),
):
    freed = saved == "nothing"
    for place, words in enumerate(("x", "x ** 2", "sum")):
        box = {"boxstyle": "round,pad=0.45", "fc": "none", "ec": plotting.BLUE}
        ax.text(1.5 * place, 0, words, ha="center", va="center", bbox=box)
    for place in (0, 1):
        arrow = {"arrowstyle": "->", "color": plotting.GRAY}
        ax.annotate(
            "", (1.5 * place + 1.02, 0), (1.5 * place + 0.42, 0), arrowprops=arrow
        )
    color = plotting.RED if freed else plotting.GREEN
    note = {"boxstyle": "square,pad=0.4", "fc": "none", "ec": color}
    note |= {"ls": ":" if freed else "-"}
    ax.text(
        1.5, -1.15, f"saved: {saved}", ha="center", color=color, bbox=note, fontsize=9
    )
    ax.plot([1.5, 1.5], [-0.42, -0.78], color=color, ls=":" if freed else "-", lw=1.2)
    ax.set(xlim=(-0.5, 3.6), ylim=(-1.5, 0.6), title=title)
    ax.set_axis_off()
plotting.describe(
    fig,
    "The computation x, x ** 2, sum, drawn twice as three boxes. Below x ** 2 hangs a "
    f"note. Before backward() it holds {before}, in green. After it, it holds {after}, "
    "with a red, dotted frame.",
)
plt.show()

assert (before, after) == (x.tolist(), "nothing")

# %%
# **Predict, then run.** Does the same happen with ``x + 1`` in place of ``x ** 2``?

x.grad = None
total = (x + 1).sum()
total.backward()
total.backward()
print("no message, and the gradient is", x.grad.tolist())
assert x.grad.tolist() == [2.0, 2.0, 2.0]

# %%
# The slope of ``x + 1`` is 1, whatever ``x`` is, so nothing had to be saved and nothing is missing.
# The second call went through, and the gradient is twice as large as it should be. Be glad about
# the message where you get it.
#
# .. _error-leaf:
#
# a leaf Variable that requires grad is being used in an in-place operation
# ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~


def step():
    layer.weight -= 0.1 * layer.weight.grad


message_of(step)

# %%
# **It says:** a parameter is changed in place while autograd takes notes. (*Leaf* means that it was
# not computed from others. *Variable* is an old word for a tensor.)
#
# **It comes from** a training step or an initialization written by hand.
#
# **Cure:** ``no_grad`` around it. Or use an optimizer, which does the same.

old = layer.weight.clone()  # (10, 784)
with torch.no_grad():
    layer.weight -= 0.1 * layer.weight.grad
torch.testing.assert_close(layer.weight, old - 0.1 * layer.weight.grad)
print("largest change:", f"{(layer.weight - old).abs().max().item():.1e}")

# %%
# .. _error-inplace:
#
# modified by an inplace operation
# ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~

hidden = torch.sigmoid(x)  # (3,)
hidden += 1
message_of(hidden.sum().backward)

# %%
# **It says:** autograd had saved a tensor for the way back, and somebody has written over it since.
# The *version* counts the changes. The message also names the step that had saved it: here it is
# the result of a sigmoid.
#
# **It comes from** ``+=``, ``*=``, ``x[0] = …`` and functions that end in an underscore, on
# something that a later step computed with; also from an optimizer's step between a forward pass
# and its ``backward()``.
#
# **Cure:** make a new tensor in place of changing the old one. See *Images changed in place* in
# :doc:`01_common_mistakes`.

x.grad = None
hidden = torch.sigmoid(x)  # (3,)
hidden = hidden + 1  # (3,)
hidden.sum().backward()
slope = torch.sigmoid(x) * (1 - torch.sigmoid(x))  # (3,)
print("gradient:", x.grad)
torch.testing.assert_close(x.grad, slope)

# %%
# .. _error-numpy:
#
# Can't call numpy() on Tensor that requires grad
# ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~

message_of(lambda: layer.weight.numpy())

# %%
# **It says:** NumPy takes no notes, so what it computed would be lost for autograd. PyTorch wants
# you to say that you know.
#
# **It comes from** plotting or printing weights, logits or losses.
#
# **Cure:** ``detach()`` first. If the tensor is on a GPU, ``cpu()`` as well. For predictions,
# compute them under ``inference_mode`` in the first place.

weights = layer.weight.detach().numpy()  # (10, 784)
print(type(weights).__name__, weights.shape)
assert np.array_equal(weights, layer.weight.tolist())

# %%
# .. _error-none:
#
# 'NoneType' object has no attribute
# ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~

fresh = nn.Linear(784, 10)
message_of(lambda: fresh.weight.grad.norm())

# %%
# **It says:** where you expected a tensor, there is ``None``, that is, nothing. The name behind the
# word *attribute* leads you to the place.
#
# **It comes from** a gradient before the first ``backward()`` or after ``zero_grad()``, from a
# parameter that has no part in the loss, or from a ``forward`` without ``return``.
#
# **Cure:** first the loss, then ``backward()``, then look. See *Parameters without a gradient* in
# :doc:`01_common_mistakes`.

F.cross_entropy(fresh(images.flatten(1)), labels).backward()
print(f"after backward(): {fresh.weight.grad.norm().item():.4f}")
fresh.zero_grad()
assert fresh.weight.grad is None

# %%
# Modules and optimizers
# ----------------------
#
# .. _error-init:
#
# cannot assign module before ``Module.__init__()`` call
# ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~


class Forgetful(nn.Module):
    def __init__(self):
        self.output = nn.Linear(784, 10)


message_of(Forgetful)

# %%
# **It says:** the list of a module's layers is made by ``nn.Module`` itself, and that has not had
# its turn yet.
#
# **It comes from** an ``__init__`` without ``super().__init__()``, or with that line too late.
#
# **Cure:** make it the first line. More in :doc:`../1_basics/06_build_model`.


class Reminded(nn.Module):
    def __init__(self):
        super().__init__()
        self.output = nn.Linear(784, 10)


print([name for name, _ in Reminded().named_parameters()])
assert len(list(Reminded().parameters())) == 2

# %%
# .. _error-empty-list:
#
# optimizer got an empty parameter list
# ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~


class InList(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = [nn.Linear(784, 512), nn.Linear(512, 10)]


message_of(lambda: torch.optim.SGD(InList().parameters(), lr=0.1))

# %%
# **It says:** the model has nothing to train.
#
# **It comes from** layers in a plain Python list, which a module does not look into. Or the
# parameters were there, and are used up: ``model.parameters()`` can be gone through only once.
#
# **Cure:** ``nn.ModuleList`` or ``nn.Sequential``. See *Layers in a Python list* in
# :doc:`01_common_mistakes`: with one more layer outside of the list, there is no message.


class InModuleList(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleList([nn.Linear(784, 512), nn.Linear(512, 10)])


optimizer = torch.optim.SGD(InModuleList().parameters(), lr=0.1)
print("tensors to train:", len(optimizer.param_groups[0]["params"]))

parameters = InModuleList().parameters()
count = sum(parameter.numel() for parameter in parameters)
print(f"counted {count:,} parameters, and then:")
message_of(lambda: torch.optim.SGD(parameters, lr=0.1))
assert len(optimizer.param_groups[0]["params"]) == 4

# %%
# .. _error-non-leaf:
#
# can't optimize a non-leaf Tensor
# ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~

weight = torch.randn(784, 10, requires_grad=True) * 0.01  # (784, 10)
message_of(lambda: torch.optim.SGD([weight], lr=0.1))

# %%
# **It says:** this tensor is a result, here of a multiplication. An optimizer changes what stands
# at the beginning of a computation, the leaves.
#
# **It comes from** ``requires_grad=True`` *before* a multiplication or ``to(device)``.
#
# **Cure:** first all that makes the tensor, then ``requires_grad_()``.

weight = (torch.randn(784, 10) * 0.01).requires_grad_()  # (784, 10)
optimizer = torch.optim.SGD([weight], lr=0.1)
print("leaf:", weight.is_leaf)
assert weight.is_leaf
assert not weight.to("meta").is_leaf

# %%
# .. _error-one-value:
#
# Expected more than 1 value per channel when training
# ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~

normalized = nn.Sequential(nn.Flatten(), nn.Linear(784, 10), nn.BatchNorm1d(10))
message_of(lambda: normalized(images[:1]))

# %%
# **It says:** while training, batch normalization computes the mean and the standard deviation of
# a batch, and a batch of one image has no deviation.
#
# **It comes from** a prediction without ``eval()``, or from a last batch with a single image.
#
# **Cure:** ``eval()`` before a prediction. For training, ``drop_last=True`` in the data loader.

normalized.eval()
print("one image:", tuple(normalized(images[:1]).shape))

loader = DataLoader(TensorDataset(images[:33]), batch_size=32, drop_last=True)
assert [len(batch) for (batch,) in loader] == [32]

# %%
# Data
# ----
#
# .. _error-stack:
#
# stack expects each tensor to be equal size
# ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~

unequal = [torch.rand(1, 28, 28), torch.rand(1, 32, 32)]
message_of(lambda: next(iter(DataLoader(unequal, batch_size=2))))

# %%
# **It says:** the data loader wants to put items together into one block, and they have different
# shapes.
#
# **It comes from** photos of various sizes, from some images with color and some without, or from
# texts and lists of different lengths.
#
# **Cure:** a transform that brings all to one size, in the data set.

resized = [v2.Resize((28, 28))(image) for image in unequal]
together = next(iter(DataLoader(resized, batch_size=2)))  # (2, 1, 28, 28)
print(tuple(together.shape))
assert together.shape == (2, 1, 28, 28)

# %%
# .. _error-collate:
#
# batch must contain tensors, numpy arrays, numbers, dicts or lists
# ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~

message_of(lambda: next(iter(DataLoader(data.Digits(train=True), batch_size=64))))

# %%
# **It says:** the data loader got items that it cannot put together. The last word says of which
# type they are.
#
# **It comes from** a data set without a transform, whose images are still those of the library PIL.
# If the type is ``NoneType``, your ``__getitem__`` lacks a ``return``.
#
# **Cure:** give the data set a transform that makes tensors. More in
# :doc:`../1_basics/04_transforms`.

to_tensor = v2.Compose([v2.ToImage(), v2.ToDtype(torch.float32, scale=True)])
digits = data.Digits(train=True, transform=to_tensor)
digit_images, digit_labels = next(
    iter(DataLoader(digits, batch_size=64))
)  # (64, 1, 28, 28), (64,)
print(tuple(digit_images.shape), digit_images.dtype)
assert digit_images.shape == images.shape

# %%
# .. _error-num-samples:
#
# num_samples should be a positive integer value
# ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~

(folder / "seven.PNG").touch()
files = sorted(folder.glob("*.jpg"))
message_of(lambda: DataLoader(files, shuffle=True))

# %%
# **It says:** the data set is empty, so there is nothing to shuffle. (Without ``shuffle`` there is no
# message, and a training that takes no step.)
#
# **It comes from** a wrong folder, another ending of the files' names, or a filter that leaves
# nothing.
#
# **Cure:** count before you go on, and say what is wrong in words of your own.

files = [path for path in folder.iterdir() if path.suffix.lower() == ".png"]
print("files:", len(files))
assert list(DataLoader([])) == []
assert len(DataLoader(files, shuffle=True)) == 1

# %%
# .. _error-not-found:
#
# Dataset not found
# ~~~~~~~~~~~~~~~~~
#
# Two images and two labels, in the files that MNIST comes in: a head of a few numbers, and then the
# pixels.

raw = folder / "MNIST" / "raw"
raw.mkdir(parents=True)
for part in ("train", "t10k"):
    head = np.array([2051, 2, 28, 28], dtype=">i4").tobytes()
    (raw / f"{part}-images-idx3-ubyte").write_bytes(head + bytes(2 * 28 * 28))
    head = np.array([2049, 2], dtype=">i4").tobytes()
    (raw / f"{part}-labels-idx1-ubyte").write_bytes(head + bytes([7, 3]))

message_of(lambda: datasets.MNIST(folder / "MNIST"))

# %%
# **It says:** the files are not where torchvision looks for them.
#
# **It comes from** a data set that was never downloaded, from a program that was started in another
# folder than last time, or from a path that is one level too deep, as here.
#
# **Cure:** ``download=True``, which does nothing where the files are there already. Or the right
# folder: the one that *contains* ``MNIST``.

found_again = datasets.MNIST(folder, download=True)
print("labels:", [label for _, label in found_again])
assert len(found_again) == 2

# %%
# .. _error-float-tensor:
#
# Input tensor should be a float tensor
# ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~

pixels = torch.randint(256, (1, 28, 28), dtype=torch.uint8)  # (1, 28, 28)
normalize = v2.Normalize((0.5,), (0.5,))
message_of(lambda: normalize(pixels))

# %%
# **It says:** ``Normalize`` subtracts and divides, and for whole numbers there is no result.
#
# **It comes from** a ``Compose`` in which the conversion is missing, or comes too late.
#
# **Cure:** convert and scale first.

prepared = v2.Compose([v2.ToDtype(torch.float32, scale=True), normalize])(
    pixels
)  # (1, 28, 28)
print(f"from {prepared.min().item():+.2f} to {prepared.max().item():+.2f}")
assert prepared.abs().max() <= 1

# %%
# Saved models
# ------------
#
# More on all three in :doc:`../1_basics/11_save_load`.
#
# .. _error-keys:
#
# Missing key(s) in state_dict
# ~~~~~~~~~~~~~~~~~~~~~~~~~~~~
#
# The model was saved while it was wrapped for training on several GPUs.

state = nn.DataParallel(nn.Linear(784, 10)).state_dict()
message_of(lambda: nn.Linear(784, 10).load_state_dict(state))

# %%
# **It says:** the names in the file and the names in the model are not the same. *Missing* are
# those that the model has and the file has not, *unexpected* the other way round.
#
# **It comes from** a prefix, as here, from a class that was changed since, or from the file of
# another model.
#
# **Cure:** compare the two lists in the message. A prefix can be taken off. ``strict=False`` would
# silence the message, and load nothing.

without = {name.removeprefix("module."): tensor for name, tensor in state.items()}
print(nn.Linear(784, 10).load_state_dict(without))

saved_weight = without["weight"].cpu()  # (10, 784)
loaded = nn.Linear(784, 10)
loaded.load_state_dict(state, strict=False)
assert not torch.equal(loaded.weight, saved_weight)
loaded.load_state_dict(without)
assert torch.equal(loaded.weight, saved_weight)

# %%
# .. _error-size-mismatch:
#
# size mismatch, copying a param from checkpoint
# ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~

message_of(lambda: nn.Linear(784, 26).load_state_dict(layer.state_dict()))

# %%
# **It says:** the names fit, and the sizes do not. The first shape is the file's, the second the
# model's.
#
# **It comes from** another number of hidden units or classes than when the file was made.
#
# **Cure:** build the model with the numbers it was saved with. They can be read off the file.

outputs, inputs = layer.state_dict()["weight"].shape
rebuilt = nn.Linear(inputs, outputs)
print(rebuilt, rebuilt.load_state_dict(layer.state_dict()))
assert torch.equal(rebuilt.weight, layer.weight)

# %%
# .. _error-weights-only:
#
# Weights only load failed
# ~~~~~~~~~~~~~~~~~~~~~~~~

file = BytesIO()
torch.save(layer, file)
file.seek(0)
message_of(lambda: torch.load(file), most=4)

# %%
# **It says:** the file holds more than tensors: here a whole model, that is, the name of a class
# that Python is to run. PyTorch refuses, because such a file can run anything.
#
# **It comes from** ``torch.save(model, …)``, and from older files.
#
# **Cure:** save the ``state_dict``. The message also names ``weights_only=False``: only for a file
# that you made yourself.

file = BytesIO()
torch.save(layer.state_dict(), file)
file.seek(0)
print(list(torch.load(file)))
file.seek(0)
assert torch.equal(torch.load(file)["weight"], layer.weight)
temporary.cleanup()

# %%
# What the type says
# ------------------
#
# In front of the colon stands the type of the error. Let us count those of this page.

fig, ax = plt.subplots(figsize=(6.4, 2.6))
kinds = found.most_common()[::-1]
ax.barh([kind for kind, _ in kinds], [count for _, count in kinds], color=plotting.BLUE)
for y, (_, count) in enumerate(kinds):
    ax.text(count + 0.2, y, count, va="center", fontsize=9)
ax.set(xlabel="messages on this page", title="The type alone says little")
plotting.describe(
    fig,
    "Bars for the types of the errors on this page: "
    + ", ".join(f"{kind} {count}" for kind, count in found.most_common())
    + ".",
)
plt.show()

most_common, count = found.most_common(1)[0]
print(f"{count} of {found.total()} are a {most_common}.")
assert count > found.total() / 2

# %%
# So "I get a RuntimeError" tells nobody anything. When you ask somebody for help, give the last line
# whole, your own last line, and the shapes in it.
#
# Common mistakes
# ---------------
#
# These are mistakes in reading a message.
#
# **A cure that only silences.** Photos come as (64, 28, 28, 3), with the channels last, and the
# convolution complains. ``view`` gives them the shape that it wants. There is no message any more,
# and all is well?

tint = torch.tensor([1.0, 0.6, 0.1])  # (3,)
stored = digit_images.permute(0, 2, 3, 1) * tint  # (64, 28, 28, 3)
for_colors = nn.Conv2d(3, 8, kernel_size=3)
message_of(lambda: for_colors(stored))

silenced = stored.view(64, 3, 28, 28)  # (64, 3, 28, 28)
cured = stored.permute(0, 3, 1, 2)  # (64, 3, 28, 28)
print("same shape:", for_colors(silenced).shape == for_colors(cured).shape)

fig, axes = plt.subplots(2, 4, figsize=(6, 3.1))
for row, title, result in ((axes[0], "view", silenced), (axes[1], "permute", cured)):
    for ax, image in zip(row, result, strict=False):
        ax.imshow(image.permute(1, 2, 0).numpy())
        ax.set_axis_off()
    row[0].set_title(title)
plotting.describe(
    fig,
    "Two rows of four images. Above, after view, each is a pattern of green, blue and red "
    "dots. Below, after permute, each is an orange image of what was stored.",
)
plt.show()
assert silenced.shape == cured.shape
assert not torch.equal(silenced, cured)
assert torch.equal(cured[:, 0], digit_images[:, 0])

# %%
# What goes into the network is no digit any more. It would train, badly, and never say why. Change
# what is *wrong*, not what the message names: here the order of the axes, which is a matter for
# ``permute``.
#
# **A net under everything.** ``suppress``, or ``try`` with ``except``, around a training step makes
# every message go away, and the training with it.

steps = 0
for start in range(0, 64, 16):
    with contextlib.suppress(Exception):  # never do this
        F.cross_entropy(layer(images[start : start + 16]), labels[start : start + 16])
        steps += 1
print(f"the loop has ended without a message, after {steps} steps")
assert steps == 0

# %%
# **The type without the message.** Even ``except RuntimeError`` catches most of what the figure
# above counts. If you must catch one, look into its text, and let all others through.
#
# **A message from a GPU, taken at its word.** (We cannot show it here, without one.) A GPU computes
# while Python is further on already, so the line that the traceback names may be a later one. Run
# the same batch on the CPU: there each line waits for its result, and messages are often clearer.
# An impossible label, for example, is named with its number, as in :ref:`error-target`.
#
# **No message, so it is right.** Whatever runs and does not learn is in
# :doc:`01_common_mistakes`.
#
# Your turn
# ---------
#
# Write your answer into the cell below an exercise, and run it: ``@exercise`` checks it and prints
# what it finds, and the page goes on with the course's version until yours is right.
# ``hint("broadcast_shape")`` and ``solution("broadcast_shape")`` help.
#
# **Your turn: broadcast_shape.** Will two tensors fit, and what comes out? Write a function
# ``broadcast_shape(first, second)`` that takes two shapes, tuples of whole numbers, and returns the
# shape of the sum of two such tensors as a tuple. If they do not fit, it returns ``None``.

from firstlayers.exercises import exercise, hint, progress, solution


@exercise
def broadcast_shape(first, second):
    """Two shapes -> the shape of a sum of such tensors, or None if they do not fit."""
    ...  # your code here


# %%
# **Your turn: last_line.** Write a function ``last_line(text)`` that takes the text of a whole
# traceback and returns two texts: the type of the error and its message. From
# ``_pickle.UnpicklingError: invalid load key`` it takes ``UnpicklingError`` and ``invalid load
# key``. Some errors have no message: then it is the empty text. All messages here have one line.


@exercise
def last_line(text):
    """The text of a traceback -> the error's type, and its message."""
    ...  # your code here


# %%
# Recap
# -----
#
# * The last line says what, and the last line of your own says where it was noticed.
# * The numbers in a message are your shapes: put them beside your line.
# * ``Float``, ``Double``, ``Long`` and ``Byte`` are ``float32``, ``float64``, ``int64`` and
#   ``uint8``.
# * A message about gradients is about notes that were not taken, thrown away, or written over.
# * A cure shows in the result. What only makes the message go away is none.
#
# **Next:** :doc:`03_old_snippets` repairs lines from older tutorials. For what runs and does not
# learn, look into :doc:`01_common_mistakes`.
#
# **Further reading:** Python's own chapter on `errors and exceptions
# <https://docs.python.org/3/tutorial/errors.html>`__, :class:`torch.autograd.set_detect_anomaly`,
# which finds the step behind a message about gradients, and PyTorch's
# `frequently asked questions <https://docs.pytorch.org/docs/stable/notes/faq.html>`__.
