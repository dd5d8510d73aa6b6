"""
Feed a network with data
========================

You will look into the data sets of this course, make one of your own from a folder of pictures, and
get batches from it that a network can take, in a shuffled order that you can repeat.

**In this chapter you learn**

* what a data set is: a length, and an item for each index,
* to write one yourself, and why a loop over it ends,
* to let a ``DataLoader`` make batches: their sizes, their order, their seed, their workers,
* to fetch whole batches at once,
* what training, validation and test images are for, and how to keep them apart.

**You need** Python classes, and tensors with their shapes, from :doc:`02_tensors`.
**Time:** 25 minutes.
"""

# %%
# A data set answers two questions
# --------------------------------
#
# How many examples are there? And which is number 0, number 1, number 2? In Python these are
# ``len(train_set)`` and ``train_set[0]``, so a data set is an object with two methods, ``__len__``
# and ``__getitem__``. ``load_dataset`` gives you two such objects.

import csv
import itertools
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path
from urllib.parse import urlsplit

import matplotlib.pyplot as plt
import torch
import torchvision
from PIL import Image
from torch.utils.data import DataLoader, Dataset, Subset, default_collate, random_split
from torchvision.transforms import v2

from firstlayers import data, plotting

torch.manual_seed(0)
plotting.use_style()

train_set, test_set = data.load_dataset()
item = train_set[0]
image = item[0]  # (1, 28, 28)
label = item[1]

print(f"{len(train_set) = :,}")
print(f"item:  a {type(item).__name__} of {len(item)}")
print(f"image: a {type(image).__name__}, {tuple(image.shape)}, {image.dtype}, ", end="")
print(f"from {image.min().item():.2f} to {image.max().item():.2f}")
print(f"label: an {type(label).__name__}, {label}; ", end="")
print(f"train_set.classes[{label}] is {train_set.classes[label]!r}")

# %%
# An item is a pair: an image, and its *label*, the number of its class. The image has one channel
# (gray), 28 rows and 28 columns. Left is the whole image; right are 64 of its pixels with the
# numbers that a network would see.

# Of all windows of 8 x 8 pixels, the one with the most contrast.
windows = image[0].unfold(0, 8, 1).unfold(1, 8, 1)  # (21, 21, 8, 8)
top, left = divmod(int(windows.flatten(2).std(dim=2).argmax()), 21)
region = windows[top, left]  # (8, 8)

fig, axes = plt.subplots(1, 2, width_ratios=[1, 1.25], figsize=(7, 3.4))
axes[0].imshow(image[0].numpy())
corner = (left - 0.5, top - 0.5)
axes[0].add_patch(plt.Rectangle(corner, 8, 8, fill=False, lw=2, ec=plotting.ORANGE))
axes[0].set_title(f"Label {label}, class {train_set.classes[label]!r}")
axes[1].imshow(region.numpy(), extent=(left - 0.5, left + 7.5, top + 7.5, top - 0.5))
for r in range(8):
    for c in range(8):
        value = region[r, c].item()
        color = "black" if value > 0.5 else "white"
        words = axes[1].text(left + c, top + r, f"{value:.2f}", color=color, fontsize=8)
        words.set(ha="center", va="center", gid="keep-color")
axes[1].set(title="The marked pixels", xlabel="column", ylabel="row")
axes[1].set(xticks=range(left, left + 8), yticks=range(top, top + 8))
plotting.describe(
    fig,
    f"Left, a gray image of class {train_set.classes[label]} with a square of 8 by 8 "
    f"pixels marked, from row {top} and column {left} on. Right, this square enlarged, "
    "with a number on each pixel: near 0 where it is black, near 1 where it is white.",
)
plt.show()

# %%
# One call of a class such as torchvision's ``MNIST`` gives you *one* part, and ``train=True`` or
# ``train=False`` says which. Many texts make the first call, and then speak of training and test
# data. ``load_dataset`` makes both. We also count the test images that occur among the training
# images: a question that the network has seen before is no test.

for part in (train_set, test_set):
    print(f"{type(part).__name__}(train={part.train}): {len(part):,} images")

seen = {pixels.numpy().tobytes() for pixels in train_set.data}
repeated = sum(pixels.numpy().tobytes() in seen for pixels in test_set.data)
print("test images that are also training images:", repeated)

# %%
# ``data`` and ``targets`` hold all images and all labels of a part, raw, which is to say as whole
# numbers.

print(f"data:    {tuple(train_set.data.shape)}, {train_set.data.dtype}")
print(f"targets: {tuple(train_set.targets.shape)}, {train_set.targets.dtype}")

# %%
# With them we can ask the first question to any new data: how many examples does each class have?
# If one were rare, a network might be right most of the time and never have learned it.
# (``bincount`` counts how often each number occurs.)

counts = [part.targets.bincount(minlength=10) for part in (train_set, test_set)]

fig, axes = plt.subplots(1, 2, figsize=(7, 3), sharey=True)
titles, colors = ["Training images", "Test images"], [plotting.BLUE, plotting.GREEN]
for ax, count, title, color in zip(axes, counts, titles, colors, strict=True):
    bars = ax.barh(train_set.classes, count.numpy(), color=color)
    ax.bar_label(bars, [f"{n:,}" for n in count.tolist()], padding=3, fontsize=8)
    ax.set_title(f"{title}: {count.sum():,}")
    ax.set(xlim=(0, 1.2 * count.max().item()), xticks=[])
    ax.spines[["bottom", "left"]].set_visible(False)
    ax.tick_params(length=0)
axes[0].invert_yaxis()
axes[0].set_ylabel("class")
plotting.describe(
    fig,
    "Two bar charts with a bar for each of the ten classes. A class has from "
    f"{counts[0].min():,} to {counts[0].max():,} training images, and from "
    f"{counts[1].min():,} to {counts[1].max():,} test images.",
)
plt.show()

# %%
# Three data sets behind one call
# -------------------------------
#
# The course knows three data sets by name. All have images of one shape, and ten classes, so you
# can change one for another. Which ones are on this machine?

found = {}
print(f"{'name':14}{'training':>9}{'test':>9}  classes")
for name in data.DATASETS:
    try:
        found[name] = data.load_dataset(name, download=False)
    except data.DatasetUnavailable:
        print(f"{name:14} not here; to bring it: python -m firstlayers download {name}")
        continue
    train, test = found[name]
    names = train.classes
    print(f"{name:14}{len(train):9,}{len(test):9,}  ", end="")
    print(f"{len(names)}, from {names[0]!r} to {names[-1]!r}")

# %%
# ``digits`` is bundled with scikit-learn and needs no internet. Its images have 8 × 8 pixels,
# and the course enlarges them to 28 × 28. That is why they look blurred. ``mnist`` is another
# set of handwritten digits, more of them, and sharper. ``fashion-mnist`` has clothes.

heights = [1.35 if name in found else 0.55 for name in data.DATASETS]
fig = plt.figure(figsize=(7, sum(heights)))
rows = fig.subfigures(len(heights), 1, height_ratios=heights)
for name, row in zip(data.DATASETS, rows, strict=True):
    row.suptitle(name, x=0.01, ha="left", fontsize=11, fontweight="bold")
    if name in found:
        train = found[name][0]
        plotting.show_images(
            train.data[:8], [train.classes[k] for k in train.targets[:8]], fig=row
        )
    else:
        command = f"python -m firstlayers download {name}"
        row.text(0.01, 0.2, f"not on this machine; to bring it:  {command}")
absent = [name for name in data.DATASETS if name not in found]
plotting.describe(
    fig,
    f"A row of eight gray images for each data set on this machine: {', '.join(found)}. "
    + (f"Not on this machine: {', '.join(absent)}." if absent else "All are here."),
)
plt.show()

# %%
# Where do the files come from? ``load_dataset`` looks into a folder of yours, compares checksums,
# and downloads only what is missing or damaged, unless you say ``download=False``. It asks the
# addresses that torchvision knows, in this order:

for name in ("MNIST", "FashionMNIST"):
    mirrors = getattr(torchvision.datasets, name).mirrors
    print(f"{name}: {', '.join(urlsplit(address).netloc for address in mirrors)}")

# %%
# MNIST comes from a mirror. The author's own site, the second address, is the one in the output of
# older texts. It refuses to hand out the files today.
#
# If a data set cannot be had, you get an error that names the ways on. More is on the page
# :doc:`/data`.

try:
    data.load_dataset("mnist", root="no-such-folder", download=False)
except data.DatasetUnavailable as error:
    for line in str(error).splitlines():
        print(textwrap.fill(line, 86, subsequent_indent="    ", break_on_hyphens=False))

# %%
# Write your own data set
# -----------------------
#
# Your own data will most likely be a folder of image files with a list of labels. Let us make such
# a folder: 60 drawings of three shapes, and a text file ``labels.csv``.


def draw(shape, size, down, right):
    y = torch.arange(28.0)[:, None] - down  # (28, 1)
    x = torch.arange(28.0) - right  # (28,)
    if shape == "circle":
        inside = x**2 + y**2 < size**2  # (28, 28)
    elif shape == "square":
        inside = torch.maximum(x.abs(), y.abs()) < 0.9 * size  # (28, 28)
    else:
        inside = (y < size) & (2 * x.abs() < y + size)  # (28, 28)
    return 255 * inside.to(torch.uint8)[None]  # (1, 28, 28)


folder = tempfile.TemporaryDirectory()
lines = ["file,label"]
for number in range(60):
    shape = ["circle", "square", "triangle"][number % 3]
    size = torch.randint(5, 10, ()).item()
    down, right = torch.randint(10, 18, (2,)).tolist()
    file = f"{number:02}.png"
    picture = v2.functional.to_pil_image(draw(shape, size, down, right))
    picture.save(Path(folder.name, file))
    lines.append(f"{file},{shape}")
Path(folder.name, "labels.csv").write_text("\n".join(lines))

print(*lines[:4], "…", sep="\n")

# %%
# The class reads the list when it is made, and an image only when you ask for it. So the folder may
# be far larger than your memory. Pillow, which comes with torchvision, opens the file, and
# ``pil_to_tensor`` makes a tensor of the picture. A *transform* is any function that takes an image
# and returns what you want instead (:doc:`04_transforms`).


class LabeledImages(Dataset):
    def __init__(self, folder, transform=None):
        self.folder = Path(folder)
        with Path(folder, "labels.csv").open(newline="") as file:
            self.rows = list(csv.DictReader(file))
        self.classes = sorted({row["label"] for row in self.rows})
        self.transform = transform

    def __len__(self):
        return len(self.rows)

    def __getitem__(self, index):
        row = self.rows[index]
        with Image.open(self.folder / row["file"]) as picture:
            image = v2.functional.pil_to_tensor(picture)  # (1, 28, 28)
        if self.transform is not None:
            image = self.transform(image)
        return image, self.classes.index(row["label"])


raw_shapes = LabeledImages(folder.name)
shapes = LabeledImages(folder.name, transform=v2.ToDtype(torch.float32, scale=True))

print("classes:", shapes.classes)
for dataset in (raw_shapes, shapes):
    image, label = dataset[1]
    print(f"{len(dataset)} items; item 1: label {label}, ", end="")
    print(f"image {tuple(image.shape)}, {image.dtype}, up to {image.max().item()}")

# %%
# Files hold whole numbers from 0 to 255; the transform makes numbers between 0 and 1 of them, as a
# network wants them. Whatever has the two methods fits into a :class:`torch.utils.data.DataLoader`,
# and that makes batches.

loader = DataLoader(shapes, batch_size=16, shuffle=True)
images, labels = next(iter(loader))  # (16, 1, 28, 28), (16,)
print(f"{images.shape = }, {labels.dtype = }")

fig = plotting.show_images(images, [shapes.classes[label] for label in labels])
plt.show()

folder.cleanup()

# %%
# If each class has a folder of its own, you need not write a class:
# :class:`torchvision.datasets.ImageFolder` is made for that.
#
# Why does a loop end?
# --------------------
#
# ``for item in dataset`` works, too. But we wrote no method for it, and ``for`` does not ask for
# the length.
#
# **Predict, then run.** This data set has three items. For which indices will the loop ask?


class Letters(Dataset):
    def __init__(self):
        self.asked = []

    def __len__(self):
        return 3

    def __getitem__(self, index):
        self.asked.append(index)
        return "abc"[index]


letters = Letters()
print("items:", [letter for letter in letters])
print("asked:", letters.asked)

assert not hasattr(letters, "__iter__")
assert letters.asked == [0, 1, 2, 3]

# %%
# It counts up until it gets an ``IndexError``. That is the third thing a data set owes you:
# **behind its last item it raises an IndexError.** Strings, lists and tensors do so by themselves,
# and our data sets pass it on.

for dataset in (letters, shapes, train_set):
    try:
        dataset[len(dataset)]
    except IndexError as error:
        print("IndexError:", error)

# %%
# A loader makes batches
# ----------------------
#
# Back to the course's images. The first 1,000 will do here, and a :class:`torch.utils.data.Subset`
# holds them: a data set again, that looks up its items in another one.
#
# ``iter(loader)`` begins a pass, and ``next`` takes a batch from it. Each batch is many images and
# many labels, so give them names in the plural.

few = Subset(train_set, range(1000))
loader = DataLoader(few, batch_size=64)

batches = iter(loader)
images, labels = next(batches)  # (64, 1, 28, 28), (64,)
print(f"{images.shape = }")
print(f"{labels.shape = }")

assert torch.equal(images[5], few[5][0])

# %%
# Is every batch (64, 1, 28, 28)? 64 does not divide 1,000, so no. ``len(loader)`` is the number of
# batches, and the last one holds what is left.

sizes = [len(labels) for images, labels in loader]
print(f"{len(loader)} batches, {sum(sizes):,} images; the last batch has {sizes[-1]}")
assert len(sizes) == len(loader) == 16
assert 1000 == 15 * 64 + 40

fig, ax = plt.subplots(figsize=(7, 2.2))
colors = [plotting.BLUE] * (len(sizes) - 1) + [plotting.ORANGE]
bars = ax.bar(range(len(sizes)), sizes, color=colors)
ax.bar_label(bars, sizes, fontsize=8, padding=2)
ax.set(xlabel="batch", ylabel="images", ylim=(0, 76), yticks=[0, 32, 64])
ax.set_xticks(range(len(sizes)))
ax.set_title("The last batch is smaller")
plotting.describe(
    fig, f"Sixteen bars, one a batch: fifteen of height 64, the last of {sizes[-1]}."
)
plt.show()

# %%
# **Predict, then run.** MNIST has 60,000 training images. How many batches of 64 are that, and how
# large is the last? For this question the images are not needed: a plain ``range`` has a length
# and items, so a loader takes it as a data set. (``drop_last=True`` leaves out a last batch that is
# not full.)

loader = DataLoader(range(60_000), batch_size=64)
last = list(loader)[-1]  # (32,)
print(f"{len(loader)} batches, the last has {len(last)}")

for n in (60_000, len(train_set), len(test_set)):
    full, rest = divmod(n, 64)
    print(f"{n:,} = {full} · 64 + {rest}")

without_last = DataLoader(range(60_000), batch_size=64, drop_last=True)
print(f"with drop_last=True: {len(without_last)} batches")
assert (len(loader), len(last), len(without_last)) == (938, 32, 937)

# %%
# **Remember.** Never type a batch size into the code that uses a batch: ask ``len(images)``.
#
# Shuffle, and get the same order again
# -------------------------------------
#
# With ``shuffle=True`` each pass has a new order. We seed the random numbers, make two passes, seed
# again, and make a third.


def one_pass(loader):
    return [batch.tolist() for batch in loader]


loader = DataLoader(range(12), batch_size=4, shuffle=True)
torch.manual_seed(0)
first, second = one_pass(loader), one_pass(loader)
torch.manual_seed(0)
third = one_pass(loader)
print("first: ", first)
print("second:", second)
print("third: ", third)

assert first == third != second
assert sorted(itertools.chain(*second)) == list(range(12))

# %%
# The same seed gives the same order. But this seed belongs to the whole program. One more random
# number drawn anywhere, and the order is another one. A *generator* of its own makes the loader
# independent of the rest.

torch.manual_seed(0)
torch.rand(1)
print("one number drawn before:", one_pass(loader) == first)


def make_seeded():
    own = torch.Generator().manual_seed(0)
    return DataLoader(range(12), batch_size=4, shuffle=True, generator=own)


seeded = make_seeded()
its_first, its_second = one_pass(seeded), one_pass(seeded)
torch.rand(1000)
print("with its own generator: ", one_pass(make_seeded()) == its_first)

assert one_pass(make_seeded()) == its_first != its_second

# %%
# Why shuffle at all? Many data sets come sorted by class. Here are our 1,000 images, sorted on
# purpose, with and without shuffling: each column is a batch, each row a class.

by_class = train_set.targets[:1000].argsort(stable=True)  # (1000,)
sorted_set = Subset(train_set, by_class.tolist())

mixes = []
for shuffle in (False, True):
    loader = DataLoader(sorted_set, batch_size=64, shuffle=shuffle)
    counts = [labels.bincount(minlength=10) for images, labels in loader]
    mixes.append(torch.stack(counts, dim=1))
    print(f"shuffle={shuffle}: classes in the first batch: {(counts[0] > 0).sum()}")

# %%
# Without shuffling, a network would see almost nothing but one class for a while, then the next
# one, and each step would pull it toward that class alone.

fig, axes = plt.subplots(1, 2, figsize=(7, 3.1), sharey=True)
for ax, mix, title in zip(axes, mixes, ["Sorted", "Shuffled"], strict=True):
    shown = ax.imshow(mix.numpy(), cmap="Blues", vmin=0, vmax=64, aspect="auto")
    ax.set(title=title, xlabel="batch", xticks=range(0, 16, 5))
    ax.spines[:].set_visible(True)
axes[0].set_yticks(range(10), train_set.classes)
axes[0].set_ylabel("class")
bar = fig.colorbar(shown, ax=axes, pad=0.02, ticks=[0, 32, 64], label="images")
bar.outline.set_visible(False)
most = [mix[:, :-1].max().item() for mix in mixes]
plotting.describe(
    fig,
    "Two tables of ten classes by sixteen batches; the darker a cell, the more images "
    "of that class are in that batch. Sorted: a staircase of dark cells, up to "
    f"{most[0]} images of one class in a batch. Shuffled: all cells are pale, with at "
    f"most {most[1]} images of one class in a batch of 64.",
)
plt.show()

# %%
# Workers load ahead
# ------------------
#
# So far the loader works while the network waits. With ``num_workers=2`` it starts two more
# processes, programs that run beside yours, which open and convert the next images in the meantime.
# This pays where an item takes long, such as a large photo from a file.
#
# How does Python start a process? On Windows and macOS it starts a new Python, which first runs
# *your script again* to know your classes. The method is called ``spawn``, and Linux does something
# similar from Python 3.14 on. If the script then starts a process in its turn, there is no end to
# it, and so Python refuses. Look at a script of three lines.


def run_script(text):
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder, "script.py")
        script.write_text(text)
        command = [sys.executable, str(script)]
        return subprocess.run(
            command, capture_output=True, text=True, timeout=120, check=False
        )


result = run_script("""
from multiprocessing import get_context
print("this file runs as", __name__, flush=True)
get_context("spawn").Process(target=print, args=["hello"]).start()
""")
print(result.stdout, end="")
print("RuntimeError:", result.stderr.split("RuntimeError:")[1].strip())

# %%
# The file ran twice, under two names, and nobody said hello. The message has the cure in it: what
# starts processes must stand behind ``if __name__ == "__main__":``, which is true in the first run
# only. A loader with workers starts them in just this way. Here is one that is guarded. Each of its
# items is the number of the process that loaded it.

result = run_script("""
import os
from torch.utils.data import DataLoader, Dataset

print("this file runs as", __name__, flush=True)

class WhoLoads(Dataset):
    def __len__(self):
        return 8

    def __getitem__(self, index):
        return os.getpid()

def main():
    loader = DataLoader(
        WhoLoads(), batch_size=2, num_workers=1, multiprocessing_context="spawn"
    )
    loaded_by = [process for batch in loader for process in batch.tolist()]
    print("items:", len(loaded_by))
    print("loaded by the main process:", loaded_by.count(os.getpid()))
    print("number of other processes: ", len(set(loaded_by) - {os.getpid()}))

if __name__ == "__main__":
    main()
""")
print(result.stdout, end="")
assert result.returncode == 0, result.stderr

# %%
# The worker ran this file, too, and stopped at the guard. Then it loaded all the items. In a
# notebook there is no script to run again, and a worker of this kind cannot find a class that you
# wrote in a cell: put the class into a file of its own and import it.
#
# The fast way: whole batches
# ---------------------------
#
# Our images need no workers, because they fit into memory. What takes time is that each one is
# converted from raw pixels by itself, and again in each epoch. ``as_tensors`` converts all of them
# once, and ``make_loader`` takes whole batches out of the result. With the same seed they come in
# the same order as those of a loader that asks for one image after the other.

images, labels = data.as_tensors(few)  # (1000, 1, 28, 28), (1000,)
fast_loader = data.make_loader(images, labels, batch_size=64, shuffle=True, seed=0)


def same_batches(one, other):
    return all(
        torch.equal(a, b)
        for batches in zip(one, other, strict=True)
        for a, b in zip(*batches, strict=True)
    )


own = torch.Generator().manual_seed(0)
slow_loader = DataLoader(few, batch_size=64, shuffle=True, generator=own)
assert same_batches(fast_loader, slow_loader)

in_order = data.make_loader(images, labels, batch_size=64)
assert same_batches(in_order, DataLoader(few, batch_size=64))
print(f"the same {len(fast_loader)} batches, to the last bit, shuffled and in order")

# %%
# How? If a data set has a method ``__getitems__``, with an *s*, a loader asks it for a whole list
# of indices at a time. A tensor can be asked like that, too: ``images[[7, 2, 9]]`` are three
# images. Usually a function, ``collate_fn``, stacks the items; if you give none, it is
# ``default_collate``. Here nothing is left to be stacked, and it returns what it gets. This is all
# of it, with a counter.


class WholeBatches(Dataset):
    def __init__(self, images, labels):
        self.images, self.labels = images, labels
        self.calls = 0

    def __len__(self):
        return len(self.images)

    def __getitems__(self, indices):
        self.calls += 1
        return self.images[indices], self.labels[indices]


whole = WholeBatches(images, labels)
own = torch.Generator().manual_seed(0)
written_out = DataLoader(
    whole, batch_size=64, shuffle=True, generator=own, collate_fn=lambda batch: batch
)
fast_loader = data.make_loader(images, labels, batch_size=64, shuffle=True, seed=0)
assert same_batches(written_out, fast_loader)

# %%
# **Predict, then run.** We count the calls of the usual loader, too. How often does each of them
# ask its data set in one epoch of 1,000 images?


class Counted(Dataset):
    def __init__(self, dataset):
        self.dataset = dataset
        self.calls = 0

    def __len__(self):
        return len(self.dataset)

    def __getitem__(self, index):
        self.calls += 1
        return self.dataset[index]


one_by_one = Counted(few)
list(DataLoader(one_by_one, batch_size=64, shuffle=True))
print("item by item: ", one_by_one.calls, "calls of __getitem__")
print("whole batches:", whole.calls, "calls of __getitems__")
assert (one_by_one.calls, whole.calls) == (1000, 16)

# %%
# What that means in time depends on your machine: the page :doc:`/data` says how to measure it. The
# price is memory, and that random changes to the images, as in :doc:`04_transforms`, have to be
# made to the batch.
#
# Training, validation, test
# --------------------------
#
# A network can learn its images by heart (:doc:`10_training` shows one that does), so its quality
# shows only on others. You need others for two purposes, and so there are three parts:
#
# * The *training set*: the network learns from it.
# * The *validation set*: you decide with it, how many epochs, say, or which of two networks.
# * The *test set*: it says how good the result is, once, at the end. It picks nothing. If you chose
#   what does best on it, its number would flatter you.
#
# Data sets seldom bring a validation set, so we cut one off the training set. A quick way is
# :func:`torch.utils.data.random_split`. The course has ``data.split``, which gives each class its
# share in each part; such a split is called *stratified*. We cut a fifth off a small set, in both
# ways. The bars should reach the blue marks, as well as whole images can.

small = Subset(train_set, range(200))
by_chance = random_split(small, [0.8, 0.2], generator=torch.Generator().manual_seed(0))
by_share = data.split(small, (0.8, 0.2), seed=0)
assert len(by_chance[1]) == len(by_share[1]) == 40

all_counts = train_set.targets[:200].bincount(minlength=10)  # (10,)
fig, axes = plt.subplots(1, 2, figsize=(7, 3.2), sharex=True, sharey=True)
ways = {"random_split": by_chance[1], "data.split": by_share[1]}
gaps = {}
for ax, (title, part) in zip(axes, ways.items(), strict=True):
    found_labels = torch.tensor([label for image, label in part])  # (40,)
    count = found_labels.bincount(minlength=10)  # (10,)
    gaps[title] = (count - 0.2 * all_counts).abs().max().item()
    ax.barh(train_set.classes, count.numpy(), color=plotting.ORANGE)
    mark = {"color": plotting.BLUE, "ms": 12, "mew": 3, "label": "a fifth"}
    ax.plot(0.2 * all_counts, range(10), "|", **mark)
    ax.set(title=title, xlabel="validation images")
axes[0].invert_yaxis()
axes[0].set_ylabel("class")
axes[1].legend(loc="lower right", bbox_to_anchor=(1, 0.97))
plotting.describe(
    fig,
    "Two bar charts of how many of 40 validation images each class has, with a mark "
    "at a fifth of the class. With random_split the bars miss the marks by up to "
    f"{gaps['random_split']:.1f} images; with data.split by up to "
    f"{gaps['data.split']:.1f}.",
)
plt.show()

assert gaps["data.split"] <= 1
assert gaps["data.split"] < gaps["random_split"]

# %%
# Now with all images. The same seed gives the same division, on your machine as on any other, and
# no image is in two parts.

train_part, valid_part = data.split(train_set, (0.8, 0.2), seed=0)
for name, part in [("train", train_part), ("valid", valid_part), ("test", test_set)]:
    print(f"{name:6}{len(part):7,} images")

assert not set(train_part.indices) & set(valid_part.indices)
assert len(train_part) + len(valid_part) == len(train_set)
assert data.split(train_set, (0.8, 0.2), seed=0)[1].indices == valid_part.indices
assert data.split(train_set, (0.8, 0.2), seed=1)[1].indices != valid_part.indices

# %%
# Common mistakes
# ---------------
#
# **An old line:** ``dataiter.next()``. The method is gone, the function ``next`` is what you want.
# (:doc:`../4_clinic/03_old_snippets` collects such lines.)

loader = DataLoader(few, batch_size=64)
dataiter = iter(loader)
try:
    dataiter.next()
except AttributeError as error:
    print("AttributeError:", error)

images, labels = next(dataiter)  # (64, 1, 28, 28), (64,)

# %%
# **The batch size in the code.** ``view(64, 784)`` works for batch after batch, and fails on the
# last one. ``flatten(1)`` lays each image in a row, however many there are. (In the clinic:
# :ref:`error-invalid-shape`.)

images, labels = list(loader)[-1]  # (40, 1, 28, 28), (40,)
try:
    images.view(64, 784)
except RuntimeError as error:
    print("RuntimeError:", error)

print(f"{tuple(images.shape)} → {tuple(images.flatten(1).shape)}")

# %%
# **The seed comes too late.** In the first function below, the batch is drawn already when the seed
# is set, so it depends on what the program did before. We call both functions on two days, and no
# two days begin alike. In the clinic: :ref:`clinic-seeds`.

loader = DataLoader(range(1000), batch_size=5, shuffle=True)


def seed_too_late():
    batch = next(iter(loader))  # (5,)
    torch.manual_seed(7)
    return batch.tolist()


def seed_first():
    torch.manual_seed(7)
    return next(iter(loader)).tolist()


for function in (seed_too_late, seed_first):
    for day in (1, 2):
        torch.manual_seed(day)
        print(f"{function.__name__:14} day {day}: {function()}")

# %%
# **The transform is forgotten.** Without one, torchvision's data sets and the course's ``Digits``
# give images of the library PIL, and a loader does not know how to stack those. (In the clinic:
# :ref:`error-collate`.)

try:
    next(iter(DataLoader(data.Digits(train=True), batch_size=64)))
except TypeError as error:
    print("TypeError:", error)

# %%
# **Items of unequal size.** A batch is one block of numbers, so all its items need one shape: lists
# of labels as well as images. (In the clinic: :ref:`error-stack`.)

unequal = [([1, 2], [3]), (torch.zeros(28, 28), torch.zeros(32, 32))]
for items in unequal:
    try:
        default_collate(list(items))
    except RuntimeError as error:
        print("RuntimeError:", error)

# %%
# **A wrong length.** One too many, and the loader asks for an item that is not there. One too few,
# and the last item is never seen, without a word.


class ThreeLetters(Dataset):
    def __init__(self, length):
        self.length = length

    def __len__(self):
        return self.length

    def __getitem__(self, index):
        return "abc"[index]


print(list(DataLoader(ThreeLetters(2), batch_size=2)))
try:
    list(DataLoader(ThreeLetters(4), batch_size=2))
except IndexError as error:
    print("IndexError:", error)

# %%
# **The wrong error at the end.** A dictionary raises a ``KeyError``, and that ends no loop. Worse
# is an item for every index: the loop would never end. We stop it after seven.


class FromDictionary(Dataset):
    def __getitem__(self, index):
        return {0: "a", 1: "b", 2: "c"}[index]


class Endless(Dataset):
    def __getitem__(self, index):
        return "abc"[index % 3]


try:
    print(list(FromDictionary()))
except KeyError as error:
    print("KeyError:", error)

print(list(itertools.islice(Endless(), 7)))

# %%
# Your turn
# ---------
#
# Write your answer into the cell below an exercise, and run it: ``@exercise`` checks it and prints
# what it finds, and the page goes on with the course's version until yours is right.
# ``hint("batch_sizes")`` and ``solution("batch_sizes")`` help.
#
# **Your turn: batch_sizes.** Write a function ``batch_sizes(n, batch_size)`` that returns the list
# of the sizes of all batches that a ``DataLoader`` makes of ``n`` examples, without making a
# loader. For 1000 and 64 that is fifteen times 64, then 40. It must be right also where nothing is
# left over.

from firstlayers.exercises import exercise, hint, progress, solution


@exercise
def batch_sizes(n, batch_size):
    """List the sizes of all batches that a loader makes of n examples."""
    ...  # your code here


# %%
# **Your turn: dataset_class.** Write a class ``TensorImages`` that is made with images of shape
# (N, 28, 28), labels of shape (N,) and, if you like, a transform. An item is the pair of one image
# of shape (28, 28), transformed if there is a transform, and its label as an ``int``. Its length is
# N, and behind its last item it raises an ``IndexError``.


@exercise
class TensorImages(Dataset):
    """Images (N, 28, 28) and labels (N,): pairs of a (28, 28) image and an int."""

    def __init__(self, images, labels, transform=None):
        # your code here
        ...

    def __len__(self):
        # your code here
        ...

    def __getitem__(self, index):
        # your code here
        ...


# %%
# Recap
# -----
#
# * A data set has a length and an item for each index; behind the last it raises an
#   ``IndexError``.
# * A ``DataLoader`` makes batches; the last one is smaller, so ask ``len(images)``.
# * Shuffle the training images. Seed before you draw, best with a generator for the loader.
# * Workers are processes that run your script again: guard it with ``__name__ == "__main__"``.
# * What fits into memory is converted once with ``as_tensors`` and comes in whole batches.
# * Train on one part, decide with another, and ask the test set at the end.
#
# **Next:** :doc:`04_transforms` changes images on their way to the network. How a network uses them
# is told in :doc:`06_build_model` and :doc:`10_training`.
#
# **Further reading:** :class:`torch.utils.data.Dataset`, the module :mod:`torch.utils.data`. On the
# two data sets: LeCun, Bottou, Bengio and Haffner, `Gradient-based learning applied to document
# recognition <https://doi.org/10.1109/5.726791>`__, and Xiao, Rasul and Vollgraf, `Fashion-MNIST: a
# novel image dataset for benchmarking machine learning algorithms
# <https://arxiv.org/abs/1708.07747>`__.
