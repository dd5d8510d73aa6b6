"""
Prepare images for a network
============================

You will turn pictures into numbers that a network can take, say what each step does to them, and
make many training images out of one.

**In this chapter you learn**

* to turn a picture into a tensor, step by step, and to check type, shape and range on the way,
* what ``Normalize`` does, what it is good for, and where its two numbers come from,
* to show a normalized picture as it was,
* to augment training images at random, and why no others,
* when a transform runs, and why labels need none.

**You need** data sets and loaders, from :doc:`03_data`.
**Time:** 25 minutes.
"""

# %%
# What comes out of a data set
# ----------------------------
#
# A *transform* is a function that a data set calls on each image before it hands the image out. The
# course's data sets have one built in. To see what was there before, we ask for a transform that
# does nothing.

import textwrap
import warnings

import matplotlib.pyplot as plt
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Subset
from torchvision import transforms as v1
from torchvision.transforms import v2

from firstlayers import data, plotting

torch.manual_seed(0)
plotting.use_style()


def leave_alone(image):
    return image


raw_set, _ = data.load_dataset(transform=leave_alone)
picture, label = raw_set[0]

print(type(picture))
print("size:", picture.size, "· mode:", picture.mode)
print("darkest and brightest pixel:", picture.getextrema())

# %%
# A picture of PIL, Python's library for images. Mode ``L`` means one gray value for each pixel, a
# whole number from 0 (black) to 255 (white). A network multiplies and adds tensors. This is none,
# and a layer of a network refuses it.

try:
    nn.Linear(28 * 28, 10)(picture)
except TypeError as error:
    print("TypeError:", error)

# %%
# From a picture to a tensor
# --------------------------
#
# The transforms are in :mod:`torchvision.transforms.v2`. Each is an object that you call like a
# function. ``ToImage`` makes a tensor of the picture. A small function tells us what we have.


def tell(name, tensor):
    kind, dtype = type(tensor).__name__, str(tensor.dtype)
    low, high = tensor.min().item(), tensor.max().item()
    print(f"{name}: {kind}, {dtype}, {tuple(tensor.shape)}, {low:.4g} to {high:.4g}")


image = v2.ToImage()(picture)  # (1, 28, 28)
tell("after ToImage", image)

assert isinstance(image, torch.Tensor)

# %%
# The shape is 1 channel, 28 rows, 28 columns. The type ``Image`` is a tensor that remembers that it
# is a picture. The numbers are still whole, of type ``uint8``. Weights are ``float32``, so that is
# what we need. ``ToDtype`` converts.
#
# **Predict, then run.** It has a switch, ``scale``. We try both positions. How large is the largest
# number in each?

unscaled = v2.ToDtype(torch.float32)(image)  # (1, 28, 28)
scaled = v2.ToDtype(torch.float32, scale=True)(image)  # (1, 28, 28)
tell("without scale", unscaled)
tell("scale=True   ", scaled)

assert torch.equal(unscaled, image.float())
torch.testing.assert_close(scaled, image.float() / 255)

# %%
# Without it, only the type changes. With ``scale=True`` the numbers are also divided by 255, the
# largest that ``uint8`` can hold, so they lie between 0 and 1.
#
# ``Compose`` makes one transform of several. They run from top to bottom, each on the result of the
# one above.

to_float = v2.Compose([v2.ToImage(), v2.ToDtype(torch.float32, scale=True)])

assert torch.equal(to_float(picture), scaled)

# %%
# The course's default does the same, and then ``ToPureTensor`` takes off the type ``Image``. The
# numbers stay.

train_set, test_set = data.load_dataset()
tell("ours   ", to_float(picture))
tell("default", train_set[0][0])

assert torch.equal(train_set[0][0], to_float(picture))

# %%
# Here are 6 by 6 pixels of the picture with their numbers, before and after, around the brightest
# place of a row in the middle.

brightest = int(image[0, 14].argmax())
top, left = 11, min(max(brightest - 3, 0), 22)
rows, columns = slice(top, top + 6), slice(left, left + 6)
tables = [image[0, rows, columns], scaled[0, rows, columns]]

fig, axes = plt.subplots(1, 3, figsize=(7, 2.7))
axes[0].imshow(image[0].numpy(), vmin=0, vmax=255)
frame = plt.Rectangle((left - 0.5, top - 0.5), 6, 6, fill=False)
frame.set(edgecolor=plotting.ORANGE, lw=2)
axes[0].add_patch(frame)
formats = ["{:.0f}", "{:.2f}"]
for ax, table, form, top_value in zip(axes[1:], tables, formats, [255, 1], strict=True):
    ax.imshow(table.numpy(), vmin=0, vmax=top_value)
    for row in range(6):
        for column in range(6):
            value = table[row, column].item()
            words = ax.text(column, row, form.format(value), fontsize=8)
            words.set(ha="center", va="center", gid="keep-color")
            words.set_color("black" if value > 0.5 * top_value else "white")
titles = ["The picture", "uint8, 0 to 255", "float32, 0 to 1"]
for ax, title in zip(axes, titles, strict=True):
    ax.set_title(title, loc="center")
    ax.set_axis_off()
plotting.describe(
    fig,
    "An image with an orange frame around 6 by 6 of its pixels. Beside it, these "
    "pixels with their numbers written on them, twice: as whole numbers up to "
    f"{tables[0].max().item()}, and divided by 255, up to {tables[1].max():.2f}. The "
    "gray levels look the same.",
)
plt.show()

# %%
# ToTensor, in older code
# -----------------------
#
# Much code still says ``transforms.ToTensor()``, the older, single transform for both steps. It
# works, and its numbers are the same up to the last digit: the old one divides by 255, the new one
# multiplies by 1/255. (What else has another name today: :doc:`../4_clinic/03_old_snippets`.)

old = v1.ToTensor()(picture)  # (1, 28, 28)
print("largest difference:", (old - scaled).abs().max().item())

assert torch.equal(old, image.float() / 255)
assert torch.equal(scaled, image.float() * (1 / 255))
torch.testing.assert_close(old, train_set[0][0])

# %%
# In ``v2`` the name exists only to send you on:

with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    v2.ToTensor()

message = f"{caught[0].category.__name__}: {caught[0].message}"
print(textwrap.fill(message, width=80))
assert len(caught) == 1

# %%
# Normalize
# ---------
#
# ``Normalize(mean, std)`` subtracts a number and divides by another:
#
# .. math:: \frac{x - \text{mean}}{\text{std}}
#
# Both have one entry for each channel; gray images have one. Many tutorials have
# ``Normalize((0.5,), (0.5,))``, and say that it normalizes the data, or that it computes
# ``x * 0.5``. Let us see, with all training images in one tensor, by ``as_tensors`` from
# :doc:`03_data`.
#
# **Predict, then run.** The pixels lie between 0 and 1. Where do they lie afterwards? Is the mean
# then 0, and the standard deviation 1?

images, labels = data.as_tensors(train_set)  # (N, 1, 28, 28), (N,)
halves = v2.Normalize((0.5,), (0.5,))(images)  # (N, 1, 28, 28)

tell("before", images)
tell("after ", halves)
print(f"mean {halves.mean():.3f}, standard deviation {halves.std():.3f}")
print("a black pixel becomes", halves[images == 0][0].item())

assert torch.equal(halves, (images - 0.5) / 0.5)
assert not torch.allclose(halves, images * 0.5)
assert abs(halves.mean()) > 0.1
assert abs(halves.std() - 1) > 0.1

# %%
# It stretches the range from [0, 1] to [-1, 1], and that is all. (``x * 0.5`` would leave black at
# 0.) For a mean of 0 and a standard deviation of 1, the two numbers have to come from the data.

mean, std = images.mean().item(), images.std().item()
standardize = v2.Normalize((mean,), (std,))
standardized = standardize(images)  # (N, 1, 28, 28)

print(f"the training images: mean {mean:.4f}, standard deviation {std:.4f}")
print(f"standardized:        mean {standardized.mean():.4f}, ", end="")
print(f"standard deviation {standardized.std():.4f}")

assert abs(standardized.mean()) < 1e-3
assert abs(standardized.std() - 1) < 1e-3

# %%
# This is called *standardizing*. Here is the same image three times, on one scale of grays. Below
# it are the pixel values of 1,000 training images, with the mean as a dashed line, and a band that
# reaches one standard deviation to either side.

versions = {
    "0 to 1": images,
    "(x - 0.5) / 0.5": halves,
    "standardized": standardized,
}
low, high = halves.min().item(), standardized.max().item()

fig, axes = plt.subplots(2, 3, figsize=(7, 4.2), height_ratios=[1.25, 1], sharex="row")
for (above, below), (name, values) in zip(axes.T, versions.items(), strict=True):
    shown = above.imshow(values[0, 0].numpy(), vmin=low, vmax=high)
    above.set_title(name, loc="center")
    above.set_axis_off()
    below.hist(values[:1000].flatten().numpy(), bins=40, log=True)
    center, spread = values.mean().item(), values.std().item()
    band = below.axvspan(center - spread, center + spread, color=plotting.ORANGE)
    band.set(alpha=0.25, zorder=0, lw=0)
    below.axvline(center, color=plotting.ORANGE, ls="--")
    below.set(xlabel="value", xticks=range(-1, 3), yticks=[])
    below.minorticks_off()
    below.spines["left"].set_visible(False)
bar = fig.colorbar(shown, ax=axes[0], shrink=0.9, pad=0.03)
bar.outline.set_visible(False)
plotting.describe(
    fig,
    "Three times the same image on one gray scale, and three histograms. From 0 to 1, "
    f"the mean is {images.mean():.2f}. After (x - 0.5) / 0.5, the values reach from -1 "
    f"to 1 with a mean of {halves.mean():.2f}. Standardized, they reach from "
    f"{standardized.min():.2f} to {standardized.max():.2f} around a mean of 0. The "
    "shape of the histogram is the same each time.",
)
plt.show()

# %%
# (The heights are logarithmic, or black would dwarf all the rest.) The shape of the histogram
# stays. Only its place and its width change.
#
# Whose mean?
# -----------
#
# The two numbers come from the training set. The test set stands for images that nobody has seen
# yet, so it has no say in how images are prepared. It gets the *same two numbers*: what was black
# in training must be the same number later. The mean of the test set is then close to 0, but not 0.

test_images, test_labels = data.as_tensors(test_set)  # (M, 1, 28, 28), (M,)
standardized_test = standardize(test_images)  # (M, 1, 28, 28)
print(f"test images: mean {standardized_test.mean():+.4f}, ", end="")
print(f"standard deviation {standardized_test.std():.4f}")

assert abs(standardized_test.mean()) < 0.1

# %%
# Two numbers are copied from program to program, 0.1307 and 0.3081. They are the mean and the
# standard deviation of MNIST's training images, and of no others.

copied = v2.Normalize((0.1307,), (0.3081,))(images)  # (N, 1, 28, 28)
is_mnist = type(train_set).__name__ == "MNIST"

print("are these images MNIST?", "yes" if is_mnist else "no")
print(f"mean {copied.mean():+.4f}, standard deviation {copied.std():.4f}")

if is_mnist:
    assert (round(mean, 4), round(std, 4)) == (0.1307, 0.3081)

# %%
# What it is good for
# -------------------
#
# We train one small network on three versions of the same images. All else is alike: the first
# weights, the batches, the number of steps, the learning rate. (:doc:`06_build_model` and
# :doc:`10_training` explain the code. All you need here: the *loss* says how wrong the network is,
# and the *learning rate* how long its steps are.)


def train(inputs, learning_rate, steps=100):
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Flatten(), nn.Linear(28 * 28, 64), nn.ReLU(), nn.Linear(64, 10)
    )
    optimizer = torch.optim.SGD(model.parameters(), lr=learning_rate)
    losses = []
    for _ in range(steps):
        chosen = torch.randint(len(inputs), (64,))
        loss = F.cross_entropy(model(inputs[chosen]), labels[chosen])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return model, losses


versions = {"0 to 255": images * 255, "0 to 1": images, "standardized": standardized}
curves = {name: train(inputs, 0.01)[1] for name, inputs in versions.items()}

# %%
# One learning rate may suit one version and not another. To be fair, we try seven, and note the
# mean loss of the last 20 steps.


def final_loss(losses):
    return sum(losses[-20:]) / 20


learning_rates = [10**power for power in range(-6, 1)]
finals = {
    name: [final_loss(train(inputs, rate)[1]) for rate in learning_rates]
    for name, inputs in versions.items()
}
for name, losses in curves.items():
    best = learning_rates[finals[name].index(min(finals[name]))]
    print(f"{name:12} first loss {losses[0]:6.3f}, at 0.01 ", end="")
    print(f"last {final_loss(losses):.3f}; best rate {best:g}: {min(finals[name]):.3f}")

# %%
# Left, the loss at the learning rate 0.01. Right, how far each learning rate came.

colors = [plotting.RED, plotting.ORANGE, plotting.BLUE]
fig, (left_ax, right_ax) = plt.subplots(1, 2, figsize=(7, 3))
for (name, losses), color in zip(curves.items(), colors, strict=True):
    left_ax.plot(losses, color=color, label=name, lw=1.5)
    right_ax.plot(learning_rates, finals[name], color=color, marker="o", label=name)
left_ax.set(yscale="log", xlabel="step", ylabel="loss", title="One learning rate")
left_ax.yaxis.set_major_formatter("{x:,g}")
left_ax.minorticks_off()
right_ax.set(xscale="log", xlabel="learning rate", ylabel="loss after 100 steps")
right_ax.set(ylim=(0, 4), title="Many learning rates")
left_ax.legend(fontsize=8)
right_ax.grid(axis="y")
plotting.describe(
    fig,
    "Left, three loss curves over 100 steps. Raw pixels start at "
    f"{curves['0 to 255'][0]:.0f}, the other two near 2.3; standardized falls the "
    f"fastest, to {final_loss(curves['standardized']):.2f}. Right, the loss reached "
    "over the learning rate, three curves with one valley each: that of the raw pixels "
    "lies far to the left of the other two, at a much smaller learning rate.",
)
plt.show()

# %%
# This is what it shows, on any of the course's data sets:
#
# * With raw pixels, the first loss is far above 2.303. That is ln 10, what a network pays that
#   gives ten classes the same chance (:doc:`06_build_model` shows why). With the other two, the
#   first loss is close to it.
# * At the learning rate 0.01, standardized images come the farthest in the same number of steps.
# * Raw pixels can be learned from, too. But their best learning rate is far smaller than that of
#   the other two. The learning rates that you meet in other people's code are meant for scaled
#   inputs.

first_losses = {name: losses[0] for name, losses in curves.items()}
best_rates = {
    name: learning_rates[values.index(min(values))] for name, values in finals.items()
}
ln10 = torch.log(torch.tensor(10.0)).item()
print(f"ln 10 = {ln10:.3f}")

assert first_losses["0 to 255"] > 3 * ln10
assert abs(first_losses["0 to 1"] - ln10) < 0.3
assert abs(first_losses["standardized"] - ln10) < 0.3
assert final_loss(curves["standardized"]) == min(map(final_loss, curves.values()))
assert 9 * best_rates["0 to 255"] < best_rates["0 to 1"]
assert 9 * best_rates["0 to 255"] < best_rates["standardized"]

# %%
# Show a picture as it was
# ------------------------
#
# Draw a normalized image with ``imshow``, and you see no difference. Unless told otherwise, it
# makes the smallest number black and the largest white, whatever they are. Only with fixed ends,
# ``vmin`` and ``vmax``, do you see the change. To get the picture back, undo the steps in reverse
# order: multiply by std, then add mean.

normalized = standardized[0, 0]  # (28, 28)
restored = normalized * std + mean  # (28, 28)
torch.testing.assert_close(restored, images[0, 0])

fixed = {"vmin": 0, "vmax": 1}
pictures = [
    ("original\nfrom 0 to 1", images[0, 0], fixed),
    ("normalized\nends not given", normalized, {}),
    ("normalized\nfrom 0 to 1", normalized, fixed),
    ("de-normalized\nfrom 0 to 1", restored, fixed),
]
fig, axes = plt.subplots(1, 4, figsize=(7, 2.3))
for ax, (name, values, ends) in zip(axes, pictures, strict=True):
    shown = ax.imshow(values.numpy(), **ends)
    ax.set_title(name, loc="center", fontsize=10, fontweight="normal")
    ax.set_axis_off()
    blackest, whitest = shown.get_clim()
    print(f"{name.split()[0]:13} black is {blackest:+.2f}, white is {whitest:+.2f}")
plotting.describe(
    fig,
    "Four times the same image. Drawn without fixed ends, the normalized image looks "
    "like the original. Drawn from 0 to 1, its grays are lost: bright areas are all "
    "white, dark ones all black. De-normalized, it looks like the original again.",
)
plt.show()

# %%
# Augmentation: many images out of one
# ------------------------------------
#
# Turn a picture by a few degrees, and its label is still right. For a network it is a new example.
# To make such variants at random is called *augmentation*. ``RandomAffine`` turns, shifts and
# resizes. ``BILINEAR`` says how to compute pixels that fall between the old ones.

bilinear = v2.InterpolationMode.BILINEAR
vary = v2.RandomAffine(
    degrees=15, translate=(0.1, 0.1), scale=(0.8, 1.1), interpolation=bilinear
)
augmentation = v2.Compose(
    [v2.ToImage(), vary, v2.ToDtype(torch.float32, scale=True), v2.ToPureTensor()]
)
augmented_set, _ = data.load_dataset(transform=augmentation)

# %%
# So there are two data sets of the same images, one with augmentation, one without. We ask the one
# with augmentation for the *same* item 15 times.

variants = [augmented_set[0][0] for _ in range(15)]
titles = ["original"] + [f"draw {number}" for number in range(1, 16)]

fig = plotting.show_images(torch.stack([train_set[0][0], *variants]), titles)
plotting.describe(
    fig,
    "The original image and 15 variants of it, each turned, shifted and resized a "
    "little differently.",
)
plt.show()

assert not torch.equal(variants[0], variants[1])
assert augmented_set[0][1] == train_set[0][1]

# %%
# Each time, another picture, and always the same label. The numbers come from PyTorch's random
# generator. With the same seed you get the same variant.

torch.manual_seed(7)
once = augmented_set[0][0]  # (1, 28, 28)
torch.manual_seed(7)
again = augmented_set[0][0]  # (1, 28, 28)

assert torch.equal(once, again)

# %%
# Here are 300 draws of this one image. Their mean shows where its parts may come to lie. Resizing
# changes how much of the image is bright, so the mean of the pixels varies, too.

many = torch.stack([augmented_set[0][0] for _ in range(300)])  # (300, 1, 28, 28)
pixel_means = many.mean(dim=(1, 2, 3))  # (300,)
original_mean = train_set[0][0].mean().item()

fig, axes = plt.subplots(1, 3, figsize=(7, 2.4), width_ratios=[1, 1, 1.6])
pictures = [train_set[0][0][0], many.mean(dim=0)[0]]
titles = ["The original", "Mean of 300 draws"]
for ax, values, title in zip(axes, pictures, titles, strict=False):
    ax.imshow(values.numpy(), vmin=0, vmax=1)
    ax.set_title(title, loc="center")
    ax.set_axis_off()
axes[2].hist(pixel_means.numpy(), bins=25)
axes[2].axvline(original_mean, color=plotting.ORANGE, ls="--", label="the original")
axes[2].set(xlabel="mean of all pixels", ylabel="draws")
axes[2].set_ylim(top=1.35 * axes[2].get_ylim()[1])
axes[2].set_title("Each draw differs", loc="center")
axes[2].legend(fontsize=8)
plotting.describe(
    fig,
    "An image, the blurred mean of 300 of its variants, and a histogram of the mean "
    f"pixel of each variant, from {pixel_means.min():.3f} to {pixel_means.max():.3f}. "
    f"A dashed line marks the original at {original_mean:.3f}.",
)
plt.show()

assert len(pixel_means.unique()) > 250

# %%
# This is what a network sees of eight images in three epochs.

eight = images[:8]  # (8, 1, 28, 28)
epochs = [torch.stack([augmented_set[i][0] for i in range(8)]) for _ in range(3)]

fig = plt.figure(figsize=(7, 4.3))
names = ["The images", "Epoch 1", "Epoch 2", "Epoch 3"]
heading = {"x": 0.01, "ha": "left", "fontsize": 10, "fontweight": "bold"}
parts = zip(fig.subfigures(4, 1), names, [eight, *epochs], strict=True)
for part, name, shown_images in parts:
    part.suptitle(name, **heading)
    plotting.show_images(shown_images, fig=part)
plotting.describe(
    fig,
    "Four rows of eight images: the images as they are, and below, what augmentation "
    "makes of them in three epochs. Each image is turned, shifted and resized, each "
    "time by other amounts, independently of its neighbors.",
)
plt.show()

# %%
# The label must stay true
# ------------------------
#
# Which changes are allowed? Here is one image of each of eight classes, and the same in a mirror.

firsts = [int((labels == k).nonzero()[0]) for k in range(8)]
upright = images[firsts]  # (8, 1, 28, 28)
mirrored = v2.functional.horizontal_flip(upright)  # (8, 1, 28, 28)

fig = plt.figure(figsize=(7, 2))
above, below = fig.subfigures(2, 1, height_ratios=[1.25, 1])
plotting.show_images(upright, train_set.classes[:8], fig=above)
plotting.show_images(mirrored, fig=below)
plotting.describe(
    fig,
    f"One image of each of the classes {', '.join(train_set.classes[:8])}, and below "
    "each its mirror image.",
)
plt.show()

assert torch.equal(mirrored, upright.flip(dims=[3]))

# %%
# Ask of each picture in the lower row: *would I still give it this label?* A shirt in a mirror is a
# shirt. Many digits in a mirror are no digits any more, and a 6 on its head is a 9. The classes
# decide which transforms are allowed. PyTorch cannot know, and keeps the old label whatever comes
# out.
#
# Only the training images
# ------------------------
#
# Augmentation is for the training set. Validation and test images say how good the network is on
# images as they *are*, and they should say the same whenever they are asked. To cut off a
# validation part, take the two parts from the two data sets, with places that do not overlap.

order = torch.randperm(len(train_set)).tolist()  # all places, shuffled
valid_part = Subset(train_set, order[:200])
train_part = Subset(augmented_set, order[200:])

print("training image, asked twice, the same:  ", end=" ")
print(torch.equal(train_part[0][0], train_part[0][0]))
print("validation image, asked twice, the same:", end=" ")
print(torch.equal(valid_part[0][0], valid_part[0][0]))

assert not set(valid_part.indices) & set(train_part.indices)
assert not torch.equal(train_part[0][0], train_part[0][0])
assert torch.equal(valid_part[0][0], valid_part[0][0])

# %%
# Does augmentation help? That depends on the data and on how many images you have. The validation
# images tell, and :doc:`10_training` shows how to ask them.
#
# When does a transform run?
# --------------------------
#
# Let us count. This transform does what ``to_float`` does and keeps a record of its calls.


class Counting:
    def __init__(self, transform):
        self.transform = transform
        self.calls = 0

    def __call__(self, image):
        self.calls += 1
        return self.transform(image)


# %%
# **Predict, then run.** A data set, 1,000 images of it in a loader, three epochs. When is the
# transform called, and how often in the end?

counting = Counting(to_float)
counted_set, _ = data.load_dataset(transform=counting)
loader = DataLoader(Subset(counted_set, range(1000)), batch_size=64)
print("data set and loader made:", counting.calls)
for epoch in range(1, 4):
    for _ in loader:
        pass
    print(f"after epoch {epoch}:          ", counting.calls)

assert counting.calls == 3 * 1000

# %%
# It runs whenever an image is fetched, in ``__getitem__``, and again in each epoch. For
# augmentation that is just right. For conversion it is the same work again and again, image by
# image.
#
# The alternative: convert all images once, before training. ``as_tensors`` gives one tensor that
# holds exactly what the default transform gives. It calls no transform at all.

before = counting.calls
images, labels = data.as_tensors(counted_set)  # (N, 1, 28, 28), (N,)
assert counting.calls == before

for i in range(1000):
    assert torch.equal(images[i], train_set[i][0])
print(f"{images.dtype}, {tuple(images[0].shape)}, {images.nbytes:,} bytes in memory")

# %%
# Transforms of a whole batch
# ---------------------------
#
# The transforms of ``v2`` take a batch as well. ``Normalize`` looks at each number alone, so it
# gives the same as image by image.

batch = images[:64]  # (64, 1, 28, 28)
one_by_one = torch.stack([standardize(image) for image in batch])  # (64, 1, 28, 28)

assert torch.equal(standardize(batch), one_by_one)

# %%
# **Predict, then run.** Now a random transform. We make a batch of eight copies of one image, and
# ``RandomRotation`` turns it. Will the eight still be alike?

turn = v2.RandomRotation(60, interpolation=bilinear)
copies = images[:1].repeat(8, 1, 1, 1)  # (8, 1, 28, 28)
turned = turn(copies)  # (8, 1, 28, 28)
turned_alone = torch.stack([turn(image) for image in copies])  # (8, 1, 28, 28)

print("as a batch:   ", len(turned.unique(dim=0)), "different images")
print("one at a time:", len(turned_alone.unique(dim=0)), "different images")

assert len(turned.unique(dim=0)) == 1
assert len(turned_alone.unique(dim=0)) == 8

# %%
# A call draws its random numbers **once**, however many images it is given. In the middle row, all
# eight images are turned by the same angle.

torch.manual_seed(29)
whole = turn(eight)  # (8, 1, 28, 28)
alone = torch.stack([turn(image) for image in eight])  # (8, 1, 28, 28)

fig = plt.figure(figsize=(7, 3.3))
names = ["The images", "One call for the batch", "One call for each image"]
parts = zip(fig.subfigures(3, 1), names, [eight, whole, alone], strict=True)
for part, name, shown_images in parts:
    part.suptitle(name, **heading)
    plotting.show_images(shown_images, fig=part)
plotting.describe(
    fig,
    "Three rows of eight images. In the second, after one call for the batch, all are "
    "turned by the same angle. In the third, after one call for each, every image is "
    "turned by an angle of its own.",
)
plt.show()

# %%
# In a data set each image gets its own call, and all is well. Think of it when you augment batches
# yourself.
#
# Labels need no transform
# ------------------------
#
# A data set has a place for a second function, ``target_transform``, for the labels. Often it is
# used to make them *one-hot*: as many numbers as classes, 1 at the place of the label, 0 elsewhere.

hot_set, _ = data.load_dataset()
hot_set.target_transform = lambda label: F.one_hot(torch.tensor(label), 10)
print("label:  ", train_set[0][1])
print("one-hot:", hot_set[0][1].tolist())

assert hot_set[0][1].argmax() == train_set[0][1]

# %%
# The loss for classifiers, :class:`torch.nn.CrossEntropyLoss`, takes the label as it is, a whole
# number. One-hot labels give the same loss, up to the last digit, if you make them ``float32``
# first. (The logits here are random.)

logits = torch.randn(64, 10)  # (64, 10)
batch_labels = labels[:64]  # (64,)
hot = F.one_hot(batch_labels, 10)  # (64, 10)
loss_fn = nn.CrossEntropyLoss()

print(f"class indices: loss {loss_fn(logits, batch_labels):.6f}", end="")
print(f" from {batch_labels.numel()} numbers")
print(f"one-hot:       loss {loss_fn(logits, hot.float()):.6f}", end="")
print(f" from {hot.numel()} numbers")

torch.testing.assert_close(loss_fn(logits, batch_labels), loss_fn(logits, hot.float()))
assert hot.numel() == 10 * batch_labels.numel()

# %%
# Ten times the numbers for the same result. And as ``one_hot`` makes them, they do not even fit:

print(hot.dtype)
try:
    loss_fn(logits, hot)
except RuntimeError as error:
    print("RuntimeError:", error)

# %%
# *Target* is the loss's word for the labels. One that has the shape of the logits is taken for
# *probabilities*. Leave plain labels as they are.
#
# Common mistakes
# ---------------
#
# **No transform.** The data set gives out pictures, and the loader cannot make a batch of them, as
# in :doc:`03_data`.

try:
    next(iter(DataLoader(raw_set, batch_size=64)))
except TypeError as error:
    print("TypeError:", error)

# %%
# **Whole numbers into a network.** The attribute ``data`` holds the pixels as they are, and no
# transform has seen them. (In the clinic: :ref:`error-dtype`.)

layer = nn.Linear(28 * 28, 10)
raw = train_set.data[:64].flatten(1)  # (64, 784)
try:
    layer(raw)
except RuntimeError as error:
    print("RuntimeError:", error)

# %%
# **The forgotten** ``scale``. With ``.float()``, or ``ToDtype`` without ``scale=True``, nothing
# complains any more. But the numbers are 255 times as large, and so is what the first layer makes
# of them. Print the range of a batch before you train. What such a training looks like is shown in
# the clinic: :ref:`clinic-raw-pixels`.

with torch.no_grad():  # we only look, nothing is learned
    from_raw = layer(raw.float()) - layer.bias  # (64, 10)
    from_scaled = layer(batch.flatten(1)) - layer.bias  # (64, 10)
print(f"raw.float(): {raw.min().item()} to {raw.max().item()}")
print(f"typical output: {from_raw.std():.2f} instead of {from_scaled.std():.2f}")

torch.testing.assert_close(from_raw, 255 * from_scaled, rtol=1e-3, atol=1e-2)

# %%
# **The wrong order.** ``Normalize`` wants floating point tensors, and says so. (In the clinic:
# :ref:`error-float-tensor`.)

for early in [
    v2.Compose([standardize, v2.ToImage()]),
    v2.Compose([v2.ToImage(), standardize, v2.ToDtype(torch.float32, scale=True)]),
]:
    try:
        early(picture)
    except TypeError as error:
        print("TypeError:", error)

# %%
# ``ToDtype`` says nothing. It leaves alone what is no tensor. With ``ToImage`` after it, the result
# is whole numbers.

swapped = v2.Compose([v2.ToDtype(torch.float32, scale=True), v2.ToImage()])
tell("swapped", swapped(picture))

assert swapped(picture).dtype == torch.uint8

# %%
# **Augmentation after** ``Normalize``. A turned picture has new corners, filled with 0. Before
# ``Normalize``, 0 is black. After it, 0 is the mean, a gray.

right_order = standardize(v2.functional.rotate(images[0], 30))  # (1, 28, 28)
wrong_order = v2.functional.rotate(standardized[0], 30)  # (1, 28, 28)
print(f"black is {standardized.min():.2f}; the corner, right order: ", end="")
print(f"{right_order[0, 0, 0]:.2f}, wrong order: {wrong_order[0, 0, 0]:.2f}")

fig, axes = plt.subplots(1, 2, figsize=(4.4, 2.6))
pictures = [right_order[0], wrong_order[0]]
titles = ["Turn, then normalize", "Normalize, then turn"]
for ax, values, title in zip(axes, pictures, titles, strict=True):
    ax.imshow(values.numpy(), vmin=low, vmax=high)
    ax.set_title(title, loc="center", fontsize=10)
    ax.set_axis_off()
plotting.describe(
    fig,
    "A turned image, twice. Turned before Normalize, its corners are as dark as its "
    "background. Turned after it, the corners are visible as lighter triangles.",
)
plt.show()

assert wrong_order[0, 0, 0] == 0
assert right_order[0, 0, 0] == standardized.min()

# %%
# **Normalized twice**, in the data set and again in the training loop. Mean and standard deviation
# tell.

twice = standardize(standardize(images))  # (N, 1, 28, 28)
print(f"once:  mean {standardized.mean():+.2f}, std {standardized.std():.2f}")
print(f"twice: mean {twice.mean():+.2f}, std {twice.std():.2f}")

assert abs(twice.std() - 1 / std) < 0.01

# %%
# **Three means for one channel**, copied from a program for color images. Without a word, a gray
# image comes out with three channels.

tripled = v2.Normalize((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))(images[0])  # (3, 28, 28)
print(tuple(images[0].shape), "→", tuple(tripled.shape))

# %%
# **The statistics of a batch.** Every batch has others. Normalized by them, the same image becomes
# other numbers in other company.

chosen = torch.randperm(len(images))[: 3 * 64]  # (192,)
batches = images[chosen].split(64)
print(f"training set: mean {mean:.4f}, std {std:.4f}")
for some in batches:
    print(f"a batch:      mean {some.mean():.4f}, std {some.std():.4f}")

assert len({some.mean().item() for some in batches}) == 3

# %%
# The same goes for the statistics of the test set, and they would use images that are meant to be
# unknown. In the clinic: :ref:`clinic-test-statistics`.
#
# **Augmented test images.** We train the small network on standardized images. Then we ask four
# times about the same 300 test images, first as they are, then with augmentation.

model, _ = train(standardized, 0.1)


def accuracy(images):
    with torch.no_grad():
        predictions = model(standardize(images)).argmax(dim=1)  # (batch,)
    return (predictions == test_labels[:300]).float().mean().item()


few_tests = test_images[:300]  # (300, 1, 28, 28)
print(f"as they are: {accuracy(few_tests):.1%}")
answers = []
for _ in range(3):
    changed = torch.stack([vary(image) for image in few_tests])  # (300, 1, 28, 28)
    answers.append(accuracy(changed))
    print(f"augmented:   {answers[-1]:.1%}")

assert len(set(answers)) > 1
assert max(answers) < accuracy(few_tests)

# %%
# The last three differ, though the network is the same. And they are lower: they are about images
# that are not the test images, and that the network has never met in training.
#
# **One-hot without the number of classes.** ``one_hot`` then counts up to the largest label that it
# meets, and a batch may lack the last ones.

few = torch.tensor([0, 2, 1])  # (3,)
print(tuple(F.one_hot(few).shape), "instead of", tuple(F.one_hot(few, 10).shape))

assert F.one_hot(few).shape == (3, 3)

# %%
# Your turn
# ---------
#
# Write your answer into the cell below an exercise, and run it: ``@exercise`` checks it and prints
# what it finds, and the page goes on with the course's version until yours is right.
# ``hint("normalize")`` and ``solution("normalize")`` help.
#
# **Your turn: normalize.** Write a function ``normalize(images, mean, std)`` that normalizes a
# batch of images of shape (N, 1, 28, 28) by two given numbers, without calling ``v2.Normalize``. The
# result is a new tensor of the same shape.

from firstlayers.exercises import exercise, hint, progress, solution


@exercise
def normalize(images, mean, std):
    """(N, 1, 28, 28) images -> the same shape, mean subtracted, divided by std."""
    ...  # your code here


# %%
# **Your turn: denormalize.** Write a function ``denormalize(images, mean, std)`` that undoes it:
# normalized images of shape (N, 1, 28, 28) go in, and images of the same shape with their pixels
# between 0 and 1 come out. It must not change the images it is given.


@exercise
def denormalize(images, mean, std):
    """(N, 1, 28, 28) normalized images -> the same shape, pixels from 0 to 1."""
    ...  # your code here


# %%
# **Your turn: one_hot.** Write a function ``one_hot(labels, classes)``, without calling
# ``F.one_hot``. Labels of shape (N,), ``int64``, and the number of classes go in, and a tensor of
# shape (N, classes), ``float32``, comes out.


@exercise
def one_hot(labels, classes):
    """(N,) labels -> (N, classes), 1 at the label and 0 elsewhere."""
    ...  # your code here


# %%
# Recap
# -----
#
# * ``ToImage``, then ``ToDtype(torch.float32, scale=True)``: a picture becomes a tensor of shape
#   (1, 28, 28) with numbers between 0 and 1.
# * ``Normalize`` computes (x - mean) / std. With the training set's own two numbers the mean
#   becomes 0 and the standard deviation 1, and the usual learning rates fit.
# * To show a normalized picture, multiply by std and add mean, and fix both ends of the gray scale.
# * Augmentation is random, keeps the label true, and is for training images only.
# * A transform runs each time an image is fetched. A random one that gets a batch draws once.
# * Labels stay whole numbers: ``CrossEntropyLoss`` wants class indices.
#
# **Next:** :doc:`05_neurons` looks at what a network computes from such numbers.
#
# **Further reading:** the module :mod:`torchvision.transforms.v2`,
# :class:`torchvision.transforms.v2.Normalize`, :class:`torchvision.transforms.v2.RandomAffine`,
# :class:`torch.nn.CrossEntropyLoss`. Why inputs should have mean 0 and similar variances: LeCun,
# Bottou, Orr and Müller, `Efficient BackProp <https://doi.org/10.1007/3-540-49430-8_2>`__.
