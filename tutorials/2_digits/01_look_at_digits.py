"""
Look at the images first
========================

You will look at the images of this track as pictures and as numbers, so that you know what goes
into a network before you build one.

**In this chapter you learn**

* to load both parts of a data set, and to take an image and a batch out of them,
* to read an image as a table of numbers, and to bring the numbers into the range from -1 to 1,
* to see many images at once, and to count how many of them each class has,
* what a class looks like on average, and how far that alone gets you.

**You need** Python, and tensors with their shapes, from :doc:`../1_basics/02_tensors`.
**Time:** 15 minutes.
"""

# %%
# Two parts, two calls
# --------------------
#
# In this track you build a network that looks at an image and names its class. It does not read
# text: each image shows one single thing, and the answer is one of ten classes.
#
# Images to learn from are the *training set*, images to be asked about later are the *test set*.
# Each call of :class:`torchvision.datasets.MNIST` makes one of the two parts, and ``train=True`` or
# ``train=False`` says which. The course's ``load_dataset`` makes both calls for you.

import importlib
from urllib.parse import urlsplit

import matplotlib.pyplot as plt
import torch
import torchvision
from torch.utils.data import DataLoader
from torchvision.transforms import v2

from firstlayers import data, plotting

plotting.use_style()

train_set, test_set = data.load_dataset()
for part in (train_set, test_set):
    print(f"{type(part).__name__}(train={part.train}): {len(part):,} images")

assert train_set.train
assert not test_set.train

# %%
# The images that this page uses by default come with a package that is already installed. MNIST,
# larger and better known, has to be downloaded once. Older texts show a download from its author's
# site. That site refuses today, and torchvision asks a mirror first, a place with the same files:

addresses = torchvision.datasets.MNIST.mirrors
print("asked in this order:", [urlsplit(address).netloc for address in addresses])

# %%
# :doc:`../1_basics/03_data` says more about data sets, and how to make your own.
#
# An image is a table of numbers
# ------------------------------
#
# ``data`` holds the raw pixels of all images, ``targets`` their *labels*, the numbers of their
# classes. Each pixel is a whole number from 0, black, to 255, white.

raw = train_set.data[0]  # (28, 28)
label = train_set.targets[0].item()
name = train_set.classes[label]

print(f"shape {tuple(raw.shape)}, so {raw.numel()} numbers, {raw.dtype}")
print(f"from {raw.min().item()} to {raw.max().item()}; label {label}, class {name!r}")
assert raw.numel() == 28 * 28 == 784

# %%
# Here is the image with every number in its place. Rows and columns at the edge that are all black
# are left out. Squint, and you see the picture. A network gets the numbers.

rows = (raw > 0).any(dim=1).nonzero()[:, 0]  # (R,)
columns = (raw > 0).any(dim=0).nonzero()[:, 0]  # (C,)
top, bottom = rows.min().item(), rows.max().item()
left, right = columns.min().item(), columns.max().item()

fig, ax = plt.subplots(figsize=(7, 7 * (bottom - top + 2) / (right - left + 2)))
ax.imshow(raw.numpy(), vmin=0, vmax=255)
size = min(9, 170 / (right - left + 1))
for row in range(top, bottom + 1):
    for column in range(left, right + 1):
        value = raw[row, column].item()
        words = ax.text(column, row, value, fontsize=size, ha="center", va="center")
        words.set(color="black" if value > 110 else "white", gid="keep-color")
ax.set(xlim=(left - 0.5, right + 0.5), ylim=(bottom + 0.5, top - 0.5))
ax.set(xticks=range(left, right + 1, 2), yticks=range(top, bottom + 1, 2))
ax.set(xlabel="column", ylabel="row", title=f"Label {label}, class {name!r}")
plotting.describe(
    fig,
    f"A gray image of class {name}, much enlarged, from row {top} to {bottom} and from "
    f"column {left} to {right}. Each pixel carries its number: 0 where it is black, up "
    f"to {raw.max().item()} where it is bright.",
)
plt.show()

# %%
# From 0 … 255 to -1 … 1
# ----------------------
#
# A network wants smaller numbers, of type ``float32``. A *transform* makes them, in three steps:
# ``ToImage`` makes a tensor of the picture, ``ToDtype`` with ``scale=True`` brings its numbers into
# the range from 0 to 1, and ``Normalize`` moves them on. (Older code has ``transforms.ToTensor()``
# for the first two; :doc:`../1_basics/04_transforms` compares them.)
#
# **Predict, then run.** ``Normalize((0.5,), (0.5,))`` has a mean and a standard deviation, each
# 0.5. (A standard deviation says how far numbers typically lie from their mean.) What becomes of a
# black pixel, 0, and of a white one, 1?

transform = v2.Compose(
    [
        v2.ToImage(),
        v2.ToDtype(torch.float32, scale=True),
        v2.Normalize((0.5,), (0.5,)),
    ]
)
train_set, test_set = data.load_dataset(transform=transform)
image = train_set[0][0]  # (1, 28, 28)
print(f"{tuple(image.shape)}, {image.dtype}, ", end="")
print(f"from {image.min().item():.2f} to {image.max().item():.2f}")

between = torch.tensor([0.0, 0.25, 0.5, 1.0]).reshape(4, 1, 1, 1)  # (4, 1, 1, 1)
moved = v2.Normalize((0.5,), (0.5,))(between)  # (4, 1, 1, 1)
print(between.flatten().tolist(), "→", moved.flatten().tolist())

assert torch.equal(moved, (between - 0.5) / 0.5)
assert not torch.allclose(moved, between * 0.5)

# %%
# It subtracts the mean and divides by the standard deviation, :math:`(x - 0.5) / 0.5`. You may read
# that it multiplies by 0.5, or that the data are "normalized" now. Neither is true: with 0.5 twice,
# the range from 0 to 1 becomes the range from -1 to 1, and no more.

x = torch.linspace(0, 1, 101)  # (101,)
pixels = train_set.data.float() / 255  # (N, 28, 28)
after = (pixels - 0.5) / 0.5  # (N, 28, 28)

fig, axes = plt.subplots(1, 2, figsize=(7, 2.9))
axes[0].plot(x, (x - 0.5) / 0.5, label="(x − 0.5) / 0.5: Normalize")
axes[0].plot(x, x * 0.5, ls="--", color=plotting.RED, label="x · 0.5: often said")
axes[0].set(xlabel="pixel before", ylabel="pixel after", yticks=[-1, 0, 1])
axes[0].set(title="What it computes", ylim=(-1.1, 2.1))
axes[0].legend(loc="upper left", fontsize=8)
axes[0].grid(axis="y")
axes[1].hist(after[:1000].flatten().numpy(), bins=40, log=True)
axes[1].axvline(after.mean().item(), color=plotting.ORANGE, ls="--")
axes[1].set(xlabel="pixel after", ylabel="pixels, logarithmic", yticks=[])
axes[1].minorticks_off()
axes[1].set_title(f"Mean {after.mean():.2f}, std {after.std():.2f}")
plotting.describe(
    fig,
    "Left, two lines over pixels from 0 to 1. Normalize goes from -1 up to 1, x times "
    "0.5 from 0 to one half. Right, a histogram of pixels after Normalize, from -1 to "
    f"1, most of them at -1. A dashed line marks their mean, {after.mean():.2f}.",
)
plt.show()

assert abs(after.mean()) > 0.1
assert abs(after.std() - 1) > 0.1

# %%
# The mean, the dashed line on the right, is not 0, and the standard deviation is not 1. For that,
# the two numbers must come from the data. This track takes 0.5 all the same: every data set is then
# treated alike, and a black pixel is exactly -1, which will be worth knowing in
# :doc:`08_gradients`.
#
# A color image has three *channels*, red, green and blue, each with its own mean and its own
# standard deviation. Here is one pixel. (Our gray images have one channel.)

pixel = torch.tensor([0.2, 0.5, 1.0]).reshape(3, 1, 1)  # (3, 1, 1)
means, stds = (0.5, 0.4, 0.6), (0.5, 0.2, 0.4)
rgb = v2.Normalize(means, stds)(pixel)  # (3, 1, 1)
print("red, green, blue:", [round(value, 4) for value in rgb.flatten().tolist()])

by_hand = (pixel[:, 0, 0] - torch.tensor(means)) / torch.tensor(stds)  # (3,)
torch.testing.assert_close(rgb[:, 0, 0], by_hand)

# %%
# A transform runs each time you take an image. ``data.as_tensors`` does the same work once for all
# images, and the result is equal to the last bit. The rest of the track begins with this line.

all_images, all_labels = data.as_tensors(
    train_set, mean=0.5, std=0.5
)  # (N, 1, 28, 28), (N,)
assert torch.equal(all_images[0], image)

# %%
# Take a batch
# ------------
#
# A network looks at many images at once, a *batch*. A :class:`torch.utils.data.DataLoader` makes
# batches, in a new random order in each pass. Its own generator of random numbers, with a seed to
# start from, gives you the same orders whenever you run the page. ``iter`` begins a pass, ``next``
# takes one batch out of it.

generator = torch.Generator().manual_seed(0)
loader = DataLoader(train_set, batch_size=64, shuffle=True, generator=generator)
batches = iter(loader)
images, labels = next(batches)  # (64, 1, 28, 28), (64,)

print(type(images).__name__)
print(images.shape)
print(labels.shape)

# %%
# Three lines that print, three lines of output. (Some pages show a fourth, which no line of their
# code printed: it is left over from an earlier run. Trust what you run.)
#
# Read the shape: 64 images, 1 channel, 28 rows, 28 columns. To show them, undo the last step of the
# transform: multiply by the standard deviation, add the mean. ``squeeze`` drops the axis of length
# 1, because ``imshow`` wants rows and columns.

shown = images * 0.5 + 0.5  # (64, 1, 28, 28)
names = [train_set.classes[label] for label in labels]

fig, ax = plt.subplots(figsize=(3.6, 3))
picture = ax.imshow(shown[1].numpy().squeeze(), cmap="gray", vmin=0, vmax=1)
ax.set_title(f"Label {labels[1].item()}, class {names[1]!r}", fontsize=10)
ax.set(xlabel="column", ylabel="row", xticks=range(0, 28, 9), yticks=range(0, 28, 9))
bar = fig.colorbar(picture, ticks=[0, 0.5, 1], shrink=0.95)
bar.outline.set_visible(False)
plotting.describe(
    fig,
    f"Image 1 of the batch, of class {names[1]}, in gray levels from black for 0 to "
    "white for 1, with rows and columns numbered.",
)
plt.show()

torch.testing.assert_close(shown.amin(), torch.tensor(0.0))
torch.testing.assert_close((shown - 0.5) / 0.5, images)

# %%
# A pass over all batches is a ``for`` loop. Each turn brings many images and many labels, hence the
# plural names. (``data.make_loader`` takes its batches out of the tensors above, which is faster.)
#
# **Predict, then run.** Is the shape (64, 1, 28, 28) in every turn? The second line of output is
# for 60,000 images, as MNIST has them.

fast_loader = data.make_loader(all_images, all_labels, 64, shuffle=True, seed=0)
sizes = []
for images, labels in fast_loader:
    assert len(images) == len(labels)
    sizes.append(len(images))

for n in (len(train_set), 60_000):
    full, rest = divmod(n, 64)
    print(f"{n:,} = {full} · 64 + {rest}: {full + (rest > 0)} batches")
print("the last batch here:", tuple(images.shape))

assert sizes[-1] == len(images) == len(train_set) - 64 * (len(sizes) - 1)
assert 60_000 == 937 * 64 + 32

# %%
# No: the last batch has what is left. Never type 64 into code that works on a batch; ask
# ``len(images)``.
#
# Is the order new each time? We begin two passes, and compare their first batches. They hold other
# images.

first, _ = next(iter(fast_loader))  # (64, 1, 28, 28), (64,)
second, _ = next(iter(fast_loader))  # (64, 1, 28, 28), (64,)
print("two passes begin alike:", torch.equal(first, second))
assert not torch.equal(first, second)

# %%
# Many images at once
# -------------------
#
# One image tells you little about a class. Here are the first twelve of each, a class to a row.
# Look along a row: what do all of them share, and what differs? Which images would *you* get wrong?

shelves = []
for k in range(10):
    members = all_images[all_labels == k][:12, 0]  # (12, 28, 28)
    shelves.append(torch.cat(list(members), dim=1))
sheet = torch.cat(shelves)  # (280, 336)

fig, ax = plt.subplots(figsize=(7, 5.6))
ax.imshow(sheet.numpy())
ax.set_yticks(range(14, 280, 28), train_set.classes)
ax.set(xticks=[], ylabel="class")
ax.tick_params(length=0)
ax.spines[:].set_visible(False)
plotting.describe(
    fig,
    "Ten rows of twelve gray images, a class to a row: "
    f"{', '.join(train_set.classes)}. The images of a row are alike, but no two are "
    "the same.",
)
plt.show()

# %%
# How many of each?
# -----------------
#
# If nine of ten images were of one class, a network that always names this class would be right
# nine times out of ten, and useless. So count. The bars are the share of each class in the whole
# training set. Each dot is its share in one batch of 64.

counts = all_labels.bincount(minlength=10)  # (10,)
per_batch = [labels.bincount(minlength=10) / 64 for _, labels in fast_loader]
some = torch.stack(per_batch[:20])  # (20, 10)
print("images of each class:", counts.tolist())
print(f"the largest class: {counts.max() / counts.sum():.1%} of all images")
times = (some.amax(dim=1) / some.amin(dim=1)).median().item()
print(f"in a typical batch, its largest class has {times:.1f} times its smallest")
assert counts.min() > 0.7 * counts.max()
assert times > 2

fig, ax = plt.subplots(figsize=(7, 3.6))
ax.barh(range(10), (counts / counts.sum()).numpy(), color=plotting.BLUE, alpha=0.45)
for k in range(10):
    dots = ax.plot(some[:, k], [k] * 20, "o", ms=4, color=plotting.ORANGE, alpha=0.6)
dots[0].set_label("one batch of 64")
ax.axvline(0.1, color=plotting.GRAY, ls="--", lw=1, label="one tenth")
ax.set_yticks(range(10), train_set.classes)
ax.invert_yaxis()
ax.xaxis.set_major_formatter(lambda share, _: f"{share:.0%}")
ax.set_xticks([0, 0.05, 0.1, 0.15, 0.2])
ax.set(
    xlabel="share of the images", ylabel="class", title="Even overall, not in a batch"
)
ax.legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=2, fontsize=8)
plotting.describe(
    fig,
    "Ten bars, the share of each class in the training set, from "
    f"{counts.min() / counts.sum():.1%} to {counts.max() / counts.sum():.1%}. Around "
    "the end of each bar, twenty dots for its share in single batches, spread from "
    f"{some.min():.0%} to {some.max():.0%}.",
)
plt.show()

# %%
# No class is rare. A single batch is another matter: it shows some classes far more often than
# others, and the next batch shows others.
#
# The mean image of a class
# -------------------------
#
# Add up all images of a class, pixel by pixel, and divide by their number. What all of them share
# stays sharp, and what differs becomes a blur.

by_class = [all_images[all_labels == k] for k in range(10)]
class_means = torch.stack([part.mean(dim=0)[0] for part in by_class])  # (10, 28, 28)
print(f"{tuple(class_means.shape)}: one mean image for each class")

fig = plotting.show_images(class_means, train_set.classes, columns=5)
plotting.describe(
    fig,
    f"Ten blurred gray images, the mean of each class: {', '.join(train_set.classes)}. "
    "They are sharp where the images of a class agree.",
)
plt.show()

# %%
# What sets a class apart? Subtract the mean of *all* images. Red pixels are brighter in this class
# than in general, blue ones darker.

differences = class_means - all_images.mean(dim=0)  # (10, 28, 28)
fig = plotting.show_weights(differences.flatten(1), train_set.classes, columns=5)
plotting.describe(
    fig,
    "Ten pictures, one a class: its mean image minus the mean of all images. Red marks "
    "pixels that are brighter in this class than in general, blue those that are "
    "darker, white those that tell nothing.",
)
plt.show()

# %%
# This is already enough for a first reader of images: name the class whose mean image is nearest.
# The distance is the square root of the sum of squared differences, over 784 pixels.
#
# **Predict, then run.** Naming classes blindly is right for one image in ten. How often will the
# nearest mean be right, on images that had no part in the means?

test_images, test_labels = data.as_tensors(
    test_set, mean=0.5, std=0.5
)  # (M, 1, 28, 28), (M,)
distances = torch.cdist(test_images.flatten(1), class_means.flatten(1))  # (M, 10)
nearest = distances.argmin(dim=1)  # (M,)
accuracy = (nearest == test_labels).float().mean().item()
print(f"right: {accuracy:.1%} of {len(test_labels):,} test images")
assert accuracy > 0.5

# %%
# Remember this number. It took one mean for each class and no network, so a network has to do
# better to be worth its trouble. (No choice on this page was made by looking at the test images, so
# it was fair to ask them.)
#
# Common mistakes
# ---------------
#
# **The old** ``dataiter.next()``. The method is gone from PyTorch's iterators. ``next(dataiter)``
# does what it did. There are more such lines in :doc:`../4_clinic/03_old_snippets`.

dataiter = iter(fast_loader)
try:
    dataiter.next()
except AttributeError as error:
    print("AttributeError:", error)

images, labels = next(dataiter)
assert len(images) == 64

# %%
# **Lines that belong to a notebook.** ``%matplotlib inline`` is a command to Jupyter, and Python
# does not know it. Notebooks show figures without it today, and scripts need ``plt.show()``.

for line in ["%matplotlib inline", "%config InlineBackend.figure_format = 'retina'"]:
    try:
        compile(line, "script.py", "exec")
    except SyntaxError as error:
        print(f"SyntaxError: {error.msg}: {line}")

# %%
# **An import of somebody's own file.** Some courses say ``import helper`` for a file of theirs that
# lies beside the notebook. Without that file the first cell fails. All that this course imports is
# installed with it.

try:
    importlib.import_module("helper")
except ModuleNotFoundError as error:
    print("ModuleNotFoundError:", error)

# %%
# **An image with its channel.** ``imshow`` takes (28, 28), and for color (28, 28, 3), with the
# channel last. PyTorch has the channel first.

try:
    plt.imshow(shown[1].numpy())
except TypeError as error:
    print("TypeError:", error)
plt.close()

# %%
# **A new pass in every turn.** ``next(iter(loader))`` is fine for one batch. In a loop, it begins
# again and again. Without ``shuffle`` you see the first batch only, for ever.

in_order = data.make_loader(all_images, all_labels, 64)
looked_at = [next(iter(in_order))[1] for turn in range(3)]
print(
    "three times the same batch:", all(torch.equal(looked_at[0], b) for b in looked_at)
)
assert torch.equal(looked_at[0], looked_at[2])

# %%
# Your turn
# ---------
#
# Write your answer into the cell below an exercise, and run it: ``@exercise`` checks it and prints
# what it finds, and the page goes on with the course's version until yours is right.
# ``hint("class_means")`` and ``solution("class_means")`` help.
#
# **Your turn: class_means.** Write a function ``class_means(images, labels, classes)`` that returns
# the mean image of each class. Images of shape (N, 1, height, width), labels of shape (N,) and the
# number of classes go in, and a tensor of shape (classes, height, width) comes out. The two lines
# of this chapter do not suffice: a batch may lack a class, and then its image shall be all zeros.

from firstlayers.exercises import exercise, hint, progress, solution


@exercise
def class_means(images, labels, classes):
    """(N, 1, height, width) images, (N,) labels -> (classes, height, width) means."""
    ...  # your code here


# %%
# **Your turn: scale_pixels.** Write a function ``scale_pixels(raw)`` that takes raw images of shape
# (N, 28, 28), ``uint8``, and returns images of shape (N, 1, 28, 28), ``float32``, with 0 at -1 and
# 255 at 1.


@exercise
def scale_pixels(raw):
    """(N, 28, 28) uint8 pixels -> (N, 1, 28, 28) float32 pixels from -1 to 1."""
    ...  # your code here


# %%
# Recap
# -----
#
# * A data set has two parts, made by two calls. A network learns from one, and is asked about the
#   other.
# * An image is a table of 28 × 28 numbers, and a batch has the shape (batch, 1, 28, 28). The last
#   batch is smaller.
# * ``Normalize((0.5,), (0.5,))`` computes (x - 0.5) / 0.5, from -1 to 1. It does not make the mean
#   0.
# * Look at many images, and count the classes, before you compute anything from them.
# * The nearest mean image is a first reader of images, and a number to beat.
#
# **Next:** :doc:`02_by_hand` computes a network's answer with nothing but matrix products.
#
# **Further reading:** :class:`torch.utils.data.DataLoader`,
# :class:`torchvision.transforms.v2.Normalize`, :class:`torchvision.datasets.MNIST`. What
# can be found out by looking, before any model: Tukey, *Exploratory Data Analysis*, 1977.
