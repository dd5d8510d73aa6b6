"""
Compute a network by hand
=========================

You will compute the answer of a network with two layers from nothing but tensors, and measure what
random weights do to the numbers on their way.

**In this chapter you learn**

* to flatten images of any batch, and which ways of doing it fail,
* to compute both layers with ``@``, and how the bias reaches every image,
* to measure saturation, and why weights from ``torch.randn`` cause it,
* why there is no sigmoid at the output, and what it would cost.

**You need** ``@`` and broadcasting from :doc:`../1_basics/02_tensors`, and the images of
:doc:`01_look_at_digits`.
**Time:** 20 minutes.
"""

# %%
# The plan
# --------
#
# * Each image becomes one row of 784 numbers, its *features*.
# * A *hidden layer* of 256 units makes 256 numbers of them, and a sigmoid brings each between 0 and
#   1.
# * An *output layer* makes ten numbers of those, one for each class. Nothing comes after it.

import matplotlib.pyplot as plt
import torch
from torch import nn
from torch.nn import functional as F

from firstlayers import data, plotting

plotting.use_style()

fig = plotting.draw_layers(
    [784, 256, 10], ["@ w1 + b1, then sigmoid", "@ w2 + b2, then nothing"]
)
plt.show()

# %%
# Every unit of a layer is connected to every number before it, so the network is *fully connected*.
# Each connection has a weight, and each unit a bias. That is a lot of numbers:

connections = [784 * 256, 256 * 10]
units = [256, 10]
print(f"{connections[0]:,} + {connections[1]:,} weights, ", end="")
print(f"{units[0]} + {units[1]} biases: {sum(connections) + sum(units):,} numbers")

# %%
# The ten numbers at the end are *logits*. :doc:`03_softmax` makes probabilities of them, a
# distribution over the ten classes. With more layers, which is all that "deep" means, keeping these
# matrices by hand gets tedious, and :mod:`torch.nn` helps from :doc:`04_modules` on.
#
# Flatten the images
# ------------------
#
# The first thing that is drawn at random is the batch, so a seed is needed here already.
# ``make_loader`` has a place for it.

train_set, _ = data.load_dataset()
all_images, all_labels = data.as_tensors(
    train_set, mean=0.5, std=0.5
)  # (N, 1, 28, 28), (N,)
loader = data.make_loader(all_images, all_labels, 64, shuffle=True, seed=0)
images, labels = next(iter(loader))  # (64, 1, 28, 28), (64,)

features = images.flatten(1)  # (64, 784)
print(f"{tuple(images.shape)} → {tuple(features.shape)}; 28 · 28 = {28 * 28}")

# %%
# ``flatten(1)`` leaves axis 0 alone and makes one axis of all others. You will meet three other
# spellings. On this batch all four agree. (-1 means: whatever is left.)

for same in [
    images.view(images.shape[0], -1),
    images.reshape(len(images), 784),
    nn.Flatten()(images),
]:
    assert torch.equal(same, features)
print("four spellings, one result")

# %%
# They differ elsewhere. ``view`` never copies, so it refuses images that do not lie in memory row
# by row, such as turned ones. ``reshape`` and ``flatten`` copy where they must. ``nn.Flatten`` is
# ``flatten(1)`` as a layer.

turned = images.transpose(2, 3)  # (64, 1, 28, 28)
try:
    turned.view(64, 784)
except RuntimeError as error:
    print("RuntimeError:", error)
assert turned.flatten(1).shape == (64, 784)

# %%
# Must the input of a network be one vector for each image, then? It must have 784 numbers along its
# *last* axis. Any axes in front are kept, by ``@`` and by :class:`torch.nn.Linear` alike. We
# flatten only because our images spread their 784 numbers over two axes.

rows = images.flatten(2)  # (64, 1, 784)
print(
    tuple((rows @ torch.zeros(784, 256)).shape), tuple(nn.Linear(784, 256)(rows).shape)
)
assert nn.Linear(784, 256)(rows).shape == (64, 1, 256)

# %%
# Random matrices
# ---------------
#
# The weights of a layer form a matrix with a row for each input and a column for each unit. Many
# by-hand networks take them from ``torch.randn``, which draws numbers with mean 0 and standard
# deviation 1. Let us do the same, and watch.

torch.manual_seed(7)
w1, b1 = torch.randn(784, 256), torch.randn(256)  # (784, 256), (256,)
w2, b2 = torch.randn(256, 10), torch.randn(10)  # (256, 10), (10,)

sums = features @ w1 + b1  # (64, 256)
print(f"{tuple(features.shape)} @ {tuple(w1.shape)} + {tuple(b1.shape)}", end="")
print(f" → {tuple(sums.shape)}")

# %%
# Every number in the result belongs to one image and one unit. It is the sum of 784 products, and
# the bias. Check one:

image, unit = 3, 5
by_hand = (features[image] * w1[:, unit]).sum() + b1[unit]
print(f"by hand {by_hand.item():.3f}, by @ {sums[image, unit].item():.3f}")
torch.testing.assert_close(by_hand, sums[image, unit], rtol=0, atol=1e-3)

# %%
# There are 256 biases, and 64 · 256 sums. Broadcasting adds the biases to each of the 64 rows.
# Older code gives them the shape (1, 256), and writes ``torch.mm`` for ``@``. It is all the same.

copies = b1.expand(64, 256)  # (64, 256), without using more memory
for same in [
    features @ w1 + copies,
    torch.mm(features, w1) + b1.reshape(1, 256),
    torch.addmm(b1, features, w1),
]:
    torch.testing.assert_close(same, sums, rtol=0, atol=1e-3)
print("three more spellings, one result")

# %%
# The activation function
# -----------------------
#
# The sigmoid brings any number into the range from 0 to 1: :math:`1 / (1 + \mathrm{e}^{-x})`.


def activation(x):
    return 1 / (1 + torch.exp(-x))


hidden = activation(sums)  # (64, 256)
print(f"{tuple(hidden.shape)}, from {hidden.min():.3f} to {hidden.max():.3f}")
torch.testing.assert_close(hidden, torch.sigmoid(sums), rtol=0, atol=1e-6)

# %%
# The values are those of :func:`torch.sigmoid`. The slopes, which training needs, are not:
# :math:`\mathrm{e}^{100}` is too large for ``float32``, and the slope at -100 becomes nan, "not a
# number". (:doc:`../1_basics/05_neurons` has more on this.) We use the ready-made one. In the cell,
# ``backward`` computes the slope and leaves it in ``grad``: :doc:`../1_basics/09_autograd`.

for function in (activation, torch.sigmoid):
    x = torch.tensor([-100.0], requires_grad=True)  # (1,)
    value = function(x)  # (1,)
    value.backward()
    print(f"{function.__name__:10} value {value.item()}, slope {x.grad.item()}")
    assert value == 0
    assert x.grad.isnan() == (function is activation)

# %%
# The whole way
# -------------
#
# The second layer is the first one again, with other sizes and without an activation function.

hidden = torch.sigmoid(features @ w1 + b1)
logits = hidden @ w2 + b2  # (64, 10)
print(f"{tuple(hidden.shape)} @ {tuple(w2.shape)} + {tuple(b2.shape)}", end="")
print(f" → {tuple(logits.shape)}")

# %%
# That is the network: two lines. Here are all its numbers as pictures, each tensor to scale. (What
# is one row high or ten columns wide is drawn larger.) The first arrow is the sigmoid. Where two
# tensors meet at ``@``, the width of the left one is the height of the right one, and that number
# disappears.

chain = [
    ("features", features, "gray", (-1, 1), "@"),
    ("w1", w1, "RdBu_r", (-2, 2), "+"),
    ("b1", b1[None], "RdBu_r", (-2, 2), "→"),
    ("hidden", hidden, "gray", (0, 1), "@"),
    ("w2", w2, "RdBu_r", (-2, 2), "+"),
    ("b2", b2[None], "RdBu_r", (-2, 2), "→"),
    ("logits", logits, "RdBu_r", (-15, 15), ""),
]
fig, ax = plt.subplots(figsize=(7, 2.9))
left = 0
for name, tensor, cmap, ends, sign in chain:
    height, width = tensor.shape
    span = max(width, 24)  # ten columns would be too narrow to see
    tall = max(height, 12)
    place = (left, left + span, -tall / 2, tall / 2)
    ax.imshow(tensor.numpy(), cmap=cmap, extent=place, clim=ends)
    shape = tuple(tensor.squeeze(0).shape)
    words = f"{name}\n{shape}"
    on_axes = {"transform": ax.transData, "ha": "center"}
    fig.text(left + span / 2, -tall / 2 - 25, words, va="top", fontsize=9, **on_axes)
    gap = 130 if span > 100 else 190
    fig.text(left + span + gap / 2, 0, sign, va="center", fontsize=13, **on_axes)
    left += span + gap
ax.set(xlim=(-20, left - 80), ylim=(-560, 400), aspect="equal")
ax.set_axis_off()
plotting.describe(
    fig,
    "Seven tensors in a row, drawn to scale as pictures of their numbers: features "
    "(64, 784) @ w1 (784, 256) + b1 (256,) gives hidden (64, 256); this @ w2 (256, 10) "
    "+ b2 (10,) gives logits (64, 10). The features are a wide band, w1 a tall block "
    "of noise, and the logits a narrow strip with 64 rows.",
)
plt.show()

# %%
# A comment that says a shape can be wrong, and code that was copied often carries the comments of
# the program it came from. In this course, every shape comment is compared with the real shape
# whenever the chapter is tested. You can do it with ``assert``.

assert features.shape == (64, 784)
assert hidden.shape == (64, 256)
assert logits.shape == (64, 10)

# %%
# How large are the sums?
# -----------------------
#
# **Predict, then run.** The pixels lie between -1 and 1, the weights are mostly between -2 and 2.
# How large is a typical sum of 784 products? And what does the sigmoid make of it?

saturated = (hidden < 0.01) | (hidden > 0.99)  # (64, 256)
edge = torch.logit(torch.tensor(0.99)).item()  # the sigmoid of it is 0.99
print(f"standard deviation of the sums: {sums.std():.1f}")
inside = (sums.abs() < edge).float().mean()
print(f"sums between -{edge:.1f} and {edge:.1f}: {inside:.1%}")
print(f"saturated, below 0.01 or above 0.99: {saturated.float().mean():.1%}")
assert saturated.float().mean() > 0.7

fig, axes = plt.subplots(1, 2, figsize=(7, 2.9))
axes[0].hist(sums.flatten().numpy(), bins=80, color=plotting.BLUE)
axes[0].axvspan(-edge, edge, color=plotting.GREEN, alpha=0.25, lw=0)
axes[0].set(title="Sums", xlabel="value", yticks=[])
axes[1].hist(hidden.flatten().numpy(), bins=100, color=plotting.ORANGE)
axes[1].set(title=f"After the sigmoid: {saturated.float().mean():.0%} saturated")
axes[1].set(xlabel="value", yticks=[])
for ax in axes:
    ax.spines["left"].set_visible(False)
plotting.describe(
    fig,
    "Left, the histogram of the sums, a wide hill around 0 with a standard deviation "
    f"of {sums.std():.0f}. A narrow green band marks the sums whose sigmoid is between "
    "0.01 and 0.99. Right, the values after the sigmoid: two tall bars at 0 and 1, "
    f"almost nothing between them, {saturated.float().mean():.0%} saturated.",
)
plt.show()

# %%
# Only in the green band, from -4.6 to 4.6, has the sigmoid a noticeable slope. Outside it is flat:
# the unit is *saturated*, and hardly learns (:doc:`../1_basics/05_neurons` measures the slopes).
#
# Why are the sums so large? Each weight has the variance 1, the square of its standard deviation.
# Multiplied by a pixel x, it has the variance :math:`x^2`, and variances of independent numbers add
# up. So the sums of an image have the standard deviation :math:`\sqrt{x_1^2 + \dots + x_{784}^2}`,
# the length of its row. Many pixels are -1 and none is outside -1 … 1, so the length is not far
# below :math:`\sqrt{784} = 28`.

lengths = features.norm(dim=1)  # (64,)
spreads = (features @ w1).std(dim=1)  # (64,)
print(f"mean length of a row of features:  {lengths.mean():.1f}")
print(f"mean standard deviation of its sums: {spreads.mean():.1f}")
print(f"with the bias:                       {sums.std(dim=1).mean():.1f}")
assert abs(spreads.mean() / lengths.mean() - 1) < 0.1
assert 20 < lengths.mean() < 28

# %%
# The bias hardly matters here. The cure is in the reason: divide the weights by
# :math:`\sqrt{784} = 28`, and the sums become 28 times as small, with a standard deviation a little
# below 1. :doc:`05_initialization` takes this further. Here is what the 256 hidden units say to
# one image, as 16 × 16 pixels.

scaled_hidden = torch.sigmoid(features @ (w1 / 784**0.5))  # (64, 256)

fig, axes = plt.subplots(1, 3, figsize=(7, 2.7))
pictures = [images[0, 0], hidden[0].reshape(16, 16), scaled_hidden[0].reshape(16, 16)]
titles = ["the image", "hidden, w1", "hidden, w1 / √784"]
for ax, picture, title in zip(axes, pictures, titles, strict=True):
    shown = ax.imshow(picture.numpy(), vmin=0 if len(picture) == 16 else -1, vmax=1)
    ax.set_title(title, loc="center", fontsize=10)
    ax.set(xticks=[], yticks=[])
    ax.spines[:].set_visible(True)
bar = fig.colorbar(shown, ax=axes[1:], shrink=0.85, pad=0.02, ticks=[0, 0.5, 1])
bar.outline.set_visible(False)
middle = (scaled_hidden[0] - 0.5).abs() < 0.4  # (256,)
plotting.describe(
    fig,
    "An image, and twice the activations of the 256 hidden units for it as 16 by 16 "
    "pixels. With weights from randn nearly every pixel is black or white. With "
    f"weights divided by the root of 784, {middle.float().mean():.0%} of them are "
    "gray, between 0.1 and 0.9.",
)
plt.show()

assert middle.float().mean() > 0.9

# %%
# The picture in the middle is almost nothing but yes and no. On the right there are shades, and
# each can still move either way. (The order of the units means nothing, so no shape is to be
# expected.)
#
# 640 numbers
# -----------
#
# ``print(logits)`` would show 640 numbers, and nobody reads those. As a picture, with a column for
# each image, they tell something.

limit = logits.abs().max().item()
fig, ax = plt.subplots(figsize=(7, 2.5))
shown = ax.imshow(
    logits.T.numpy(), cmap="RdBu_r", vmin=-limit, vmax=limit, aspect="auto"
)
ax.set_yticks(range(10), train_set.classes, fontsize=8)
ax.set(xlabel="image", ylabel="class", title="The logits of 64 images")
ax.tick_params(length=0)
fig.colorbar(shown, pad=0.02, label="logit").outline.set_visible(False)
favorite = logits.argmax(dim=1).mode().values.item()
times = (logits.argmax(dim=1) == favorite).sum().item()
plotting.describe(
    fig,
    "A table of colors, ten classes by 64 images. Some rows are stripes, high or low "
    f"for nearly all images. Class {train_set.classes[favorite]} is the largest for "
    f"{times} of 64.",
)
plt.show()

print(f"one class is the first choice for {times} of {len(logits)} images")
print(f"standard deviation of a row, over the images: {logits.std(dim=0).mean():.1f}")
print(f"and of the logits as a whole:                 {logits.std():.1f}")

# %%
# Where a stripe runs through the picture, the answer comes from the random weights, not from the
# image. All images share much of their dark background, and so much of each sum.
#
# Is it at least undecided?
# -------------------------
#
# An untrained network knows nothing. "So it gives each class roughly the same probability", many
# texts go on. The ready-made :func:`torch.softmax` turns logits into probabilities; the next
# chapter builds it. We compare ``randn`` weights with weights a hundred times as small, and no
# biases.
#
# **Predict, then run.** How large is the largest of the ten probabilities, on average?

small_hidden = torch.sigmoid(features @ (0.01 * w1))  # (64, 256)
small_logits = small_hidden @ (0.01 * w2)  # (64, 10)
tops, losses = {}, {}
for name, numbers in [("randn", logits), ("0.01 · randn", small_logits)]:
    tops[name] = torch.softmax(numbers, dim=1).amax(dim=1).mean().item()
    losses[name] = F.cross_entropy(numbers, labels).item()
    print(f"{name:13} largest probability {tops[name]:.3f}, loss {losses[name]:.3f}")
print(f"ten equal ones: largest probability 0.100, loss {torch.tensor(10.0).log():.3f}")

assert tops["randn"] > 0.7
assert tops["0.01 · randn"] < 0.12
assert abs(losses["0.01 · randn"] - 2.3026) < 0.05
assert losses["randn"] > 6

# %%
# The first network knows nothing, and is sure all the same. The *loss* says how dearly it pays: it
# is minus the logarithm of the probability that the true class got (:doc:`07_losses`). Where all
# ten are alike, it is ln 10. It is the *small* weights that make a network undecided, not the lack
# of training.
#
# A sigmoid at the output
# -----------------------
#
# Many by-hand networks apply their activation function to the output, too, and nothing complains.
# But then the ten outputs lie between 0 and 1, and softmax has little to work with.
#
# **Predict, then run.** Softmax raises e to the power of each output, and divides by the sum. How
# near to 0 and to 1 can it get? The extremes are one output of 0 beside nine of 1, and one of 1
# beside nine of 0.

one_low = torch.ones(10)  # (10,)
one_low[0] = 0
one_high = 1 - one_low  # (10,)
lowest = torch.softmax(one_low, dim=0)[0]
highest = torch.softmax(one_high, dim=0)[0]
print(f"lowest:  1 / (1 + 9e) = {lowest.item():.3f}")
print(f"highest: e / (e + 9)  = {highest.item():.3f}")
print(f"loss, if the true class always got the highest: {-highest.log().item():.4f}")

e = torch.tensor(1.0).exp()
torch.testing.assert_close(lowest, 1 / (1 + 9 * e))
torch.testing.assert_close(highest, e / (e + 9))

squashed = torch.softmax(torch.sigmoid(logits), dim=1)  # (64, 10)
assert squashed.min() >= lowest
assert squashed.max() <= highest

# %%
# No training can get past these bounds. The best of all networks would still give the true class
# less than a quarter. Here is one image, three times.

answers = {
    "randn": torch.softmax(logits, dim=1),
    "randn,\nsigmoid at the output": squashed,
    "0.01 · randn": torch.softmax(small_logits, dim=1),
}
fig, axes = plt.subplots(1, 3, figsize=(7, 2.8), sharey=True)
colors = [plotting.BLUE, plotting.RED, plotting.GREEN]
for ax, (name, table), color in zip(axes, answers.items(), colors, strict=True):
    ax.bar(range(10), table[0].numpy(), color=color)
    ax.set_title(name, fontsize=10)
    ax.set(xlabel="class", xticks=range(0, 10, 3), ylim=(0, 1.05))
for bound in (lowest.item(), highest.item()):
    axes[1].axhline(bound, color=plotting.GRAY, ls="--", lw=1)
axes[0].set_ylabel("probability")
plotting.describe(
    fig,
    "Ten bars, one a class, for one image, three times. With randn weights the "
    f"largest is {answers['randn'][0].max():.2f}. With a sigmoid at the output all "
    f"lie between two dashed lines, {lowest.item():.3f} and {highest.item():.3f}. "
    "With small weights all are near one tenth.",
)
plt.show()

# %%
# The choice suffers, too. Large logits all end up near 1, and then two classes are hardly told
# apart. We count the images whose two best classes differ by less than 0.01.

for name, numbers in [("logits", logits), ("after a sigmoid", torch.sigmoid(logits))]:
    best = numbers.topk(2, dim=1).values  # (64, 2)
    close = (best[:, 0] - best[:, 1] < 0.01).sum().item()
    print(f"{name:16} the two best are closer than 0.01: {close} of {len(numbers)}")
assert close > 10

# %%
# **Remember.** Hidden layers have an activation function. Between the logits of a classifier and
# softmax there is none.
#
# Common mistakes
# ---------------
#
# **The batch size typed in.** ``images.view(64, 784)`` works in every turn of the loop but the
# last, where fewer images are left. (In the clinic: :ref:`error-invalid-shape`.)

for images, labels in loader:
    features = images.flatten(1)  # (batch, 784)
    assert len(features) == len(labels)
try:
    images.view(64, 784)
except RuntimeError as error:
    print("RuntimeError:", error)
print("flatten(1):", tuple(features.shape))

assert features.shape == (len(images), 784)

# %%
# **The seed comes too late.** ``torch.manual_seed`` after the batch was drawn repeats the weights,
# but the images are others each time, and so is every number computed from them.


def first_number(seed_first):
    if seed_first:
        torch.manual_seed(7)
    own = data.make_loader(all_images, all_labels, 64, shuffle=True)
    images, _ = next(iter(own))
    if not seed_first:
        torch.manual_seed(7)
    weights = torch.randn(784, 256)
    return (images.flatten(1) @ weights)[0, 0].item()


for seed_first in (False, True):
    numbers = [first_number(seed_first) for _ in range(2)]
    same = numbers[0] == numbers[1]
    print(f"seed {'first' if seed_first else 'late'}: the same: {same}")
    assert same == seed_first

# %%
# **Units and inputs swapped.** PyTorch's own layers keep their weights the other way round, (256,
# 784), and old code gets mixed up with new. The message names both shapes. (``features`` still
# holds the last, smaller batch.)

try:
    features @ torch.randn(256, 784)
except RuntimeError as error:
    print("RuntimeError:", error)

# %%
# **A star for the product.** ``*`` multiplies entry by entry, and wants shapes that fit so. (In the
# clinic: :ref:`error-sizes`.)

try:
    features * w1
except RuntimeError as error:
    print("RuntimeError:", error)

# %%
# Your turn
# ---------
#
# Write your answer into the cell below an exercise, and run it: ``@exercise`` checks it and prints
# what it finds, and the page goes on with the course's version until yours is right.
# ``hint("flatten")`` and ``solution("flatten")`` help.
#
# **Your turn: flatten.** Write a function ``flatten(images)`` that brings images of shape
# (N, 1, 28, 28), for any N, to the shape (N, 784). The caller's images keep their shape.

from firstlayers.exercises import exercise, hint, progress, solution


@exercise
def flatten(images):
    """(N, 1, 28, 28) images -> (N, 784) features, a row for each image."""
    ...  # your code here


# %%
# **Your turn: mlp_forward.** Write a function ``mlp_forward(features, w1, b1, w2, b2)`` that
# returns the logits of shape (N, 10). The features have the shape (N, 784), and the weights and
# biases those of this chapter; other sizes that fit together must do as well. Put a sigmoid after
# the hidden layer, and nothing after the output.


@exercise
def mlp_forward(features, w1, b1, w2, b2):
    """(N, 784) features -> (N, 10) logits, over a hidden layer with a sigmoid."""
    ...  # your code here


# %%
# Recap
# -----
#
# * ``images.flatten(1)`` makes a row of each image, for any number of images.
# * A layer is ``features @ w + b``: the bias of shape (units,) is added to every row.
# * With weights of standard deviation 1, the sums are as large as the row is long, and most
#   sigmoids are saturated. Small weights keep them where they can learn.
# * Such a network is very sure and knows nothing. With small weights all classes are nearly alike.
# * Nothing comes between the logits and softmax. With a sigmoid there, softmax stays between 0.039
#   and 0.232.
# * Seed first, then draw.
#
# **Next:** :doc:`03_softmax` makes probabilities of logits, by hand, and survives large numbers.
#
# **Further reading:** :func:`torch.matmul`, :func:`torch.addmm`, :func:`torch.flatten`,
# :func:`torch.sigmoid`. What saturation does to training: Glorot and Bengio, `Understanding the
# difficulty of training deep feedforward neural networks
# <https://proceedings.mlr.press/v9/glorot10a.html>`__.
