"""
Turn ten numbers into probabilities
===================================

You will write softmax yourself, break it with a large number, and mend it so that it gives
probabilities for numbers of any size.

**In this chapter you learn**

* to compute softmax by hand, for one image and for a batch,
* which axis disappears in a sum, and how a lost axis gives wrong numbers without an error,
* why the formula as written breaks down, and how subtracting the largest logit mends it,
* what softmax ignores, what it keeps, and what a temperature does,
* why an untrained network may be unsure, or very sure, of what it does not know.

**You need** the network from :doc:`02_by_hand`, and sums along an axis from
:doc:`../1_basics/02_tensors`.
**Time:** 20 minutes.
"""

# %%
# Ten numbers are no probabilities
# --------------------------------
#
# The last chapter built a network of two random matrices, with a sigmoid σ in between:
#
# .. math:: \mathbf{h} = \sigma(\mathbf{x} W_1 + \mathbf{b}_1), \qquad
#           \mathbf{z} = \mathbf{h} W_2 + \mathbf{b}_2
#
# Here it is again, in four lines. Out come the *logits* :math:`\mathbf{z}`, ten for each image.

import math

import matplotlib.pyplot as plt
import torch
from torch import nn

from firstlayers import data, plotting

plotting.use_style()

train_set, test_set = data.load_dataset()
all_images, all_labels = data.as_tensors(
    train_set, mean=0.5, std=0.5
)  # (N, 1, 28, 28), (N,)
loader = data.make_loader(all_images, all_labels, 64, shuffle=True, seed=0)
images, labels = next(iter(loader))  # (64, 1, 28, 28), (64,)
features = images.flatten(1)  # (64, 784)

torch.manual_seed(7)
w1, b1 = torch.randn(784, 256), torch.randn(256)  # (784, 256), (256,)
w2, b2 = torch.randn(256, 10), torch.randn(10)  # (256, 10), (10,)
logits = torch.sigmoid(features @ w1 + b1) @ w2 + b2  # (64, 10)

print("logits of the first image:", [round(z, 1) for z in logits[0].tolist()])
print(f"their sum: {logits[0].sum().item():.1f}")
assert logits[0].min() < 0

# %%
# Some are negative, and they sum to nothing in particular. Probabilities must not be negative, and
# must sum to 1.
#
# Raise e to their power, and divide by the sum
# ---------------------------------------------
#
# *Softmax* does this in two steps. With :math:`K` classes, the probability of class :math:`i` is
#
# .. math:: p_i = \frac{\mathrm{e}^{z_i}}{\sum_{k=1}^{K} \mathrm{e}^{z_k}},
#           \qquad \sum_{i=1}^{K} p_i = 1
#
# Four small logits show both steps. The power makes every number positive. The division makes them
# sum to 1.

four = torch.tensor([2.0, 1.0, 0.0, -1.0])  # (4,)
powers = four.exp()  # (4,)
shares = powers / powers.sum()  # (4,)

fig, axes = plt.subplots(1, 3, figsize=(7, 2.6))
titles = ["Logits", "e to their power", "Divided by the sum"]
colors = [plotting.GRAY, plotting.ORANGE, plotting.BLUE]
for ax, values, title, color in zip(
    axes, [four, powers, shares], titles, colors, strict=True
):
    bars = ax.bar(range(4), values.numpy(), color=color)
    ax.bar_label(bars, fmt="{:.2f}", fontsize=8, padding=2)
    ax.axhline(0, color=plotting.GRAY, lw=1)
    ax.set(title=title, xlabel="class", xticks=range(4))
    ax.margins(y=0.15)
plotting.describe(
    fig,
    "Three times four bars. The logits fall in equal steps from 2 to -1. Their powers "
    f"are all positive and fall from {powers[0]:.2f} to {powers[3]:.2f}, each about a "
    f"third of the one before. The shares look the same, from {shares[0]:.2f} to "
    f"{shares[3]:.2f}, and sum to 1.",
)
plt.show()

# %%
# Each logit is the one before minus 1, and each probability is the one before divided by e. That is
# what softmax makes of logits: a *difference* becomes a *factor*.

print(
    "ratios of neighbors:", [round(r, 4) for r in (shares[:-1] / shares[1:]).tolist()]
)
torch.testing.assert_close(shares[:-1] / shares[1:], torch.full((3,), math.e))

# %%
# A batch: which axis disappears?
# -------------------------------
#
# Now all 64 images. Each needs a sum of its own ten powers. You may read that ``dim=0`` sums across
# the rows and ``dim=1`` across the columns. It is easier to remember that **dim names the axis that
# disappears.**

powers = logits.exp()  # (64, 10)
print("sum(dim=0):", tuple(powers.sum(dim=0).shape), "the images are gone")
print("sum(dim=1):", tuple(powers.sum(dim=1).shape), "the classes are gone")

assert powers.sum(dim=0).shape == (10,)
assert powers.sum(dim=1).shape == (64,)
torch.testing.assert_close(powers.sum(dim=1)[5], powers[5].sum())

# %%
# One sum for each image: that is ``dim=1``.
#
# **Predict, then run.** The powers are (64, 10), the sums (64,). Can you divide one by the other?

try:
    powers / powers.sum(dim=1)
except RuntimeError as error:
    print("RuntimeError:", error)

# %%
# :doc:`Broadcasting <../1_basics/02_tensors>` compares shapes from the right: 10 classes meet 64
# sums. The sums need to be a column of shape (64, 1). ``view(-1, 1)`` makes one. ``keepdim=True``
# is better: the axis does not disappear in the first place, but stays with length 1.

column = powers.sum(dim=1, keepdim=True)  # (64, 1)
assert torch.equal(column, powers.sum(dim=1).view(-1, 1))


def plain_softmax(logits):
    powers = logits.exp()  # (batch, classes)
    return powers / powers.sum(dim=1, keepdim=True)  # (batch, classes)


probabilities = plain_softmax(logits)  # (64, 10)
sums = probabilities.sum(dim=1)  # (64,)
print(tuple(probabilities.shape), sums[:8])
print(f"sums that are exactly 1: {(sums == 1).sum()} of {len(sums)}")

assert (sums - 1).abs().max() < 1e-6
assert (sums != 1).any()

# %%
# The first eight are printed as 1.0000, and yet not all of the 64 are 1: float32 rounds in about
# the seventh digit. So do not test a sum of probabilities with ``==``. Allow a tolerance, for
# example one millionth. The same holds when you compare your function with PyTorch's.

torch.testing.assert_close(
    probabilities, torch.softmax(logits, dim=1), rtol=0, atol=1e-6
)
print("the same as torch.softmax, to within 1e-6")

# %%
# Without an error, and wrong
# ---------------------------
#
# That error was good luck. Take only ten images, and (10, 10) can be divided by (10,).
#
# **Predict, then run.** What does entry [0, 3] get divided by, without ``keepdim``?

ten = logits[:10].exp()  # (10, 10)
silent = ten / ten.sum(dim=1)  # (10, 10)
right = ten / ten.sum(dim=1, keepdim=True)  # (10, 10)

torch.testing.assert_close(silent[0, 3], ten[0, 3] / ten[3].sum())
torch.testing.assert_close(right[0, 3], ten[0, 3] / ten[0].sum())
print(f"the largest 'probability': {silent.max().item():,.2f}")
assert torch.allclose(right.sum(dim=1), torch.ones(10))
assert not torch.allclose(silent.sum(dim=1), torch.ones(10))

# %%
# By the sum of image 3. And so image 0 borrows a sum from each of the ten images. What the rows sum
# to shows how bad that is (the scale is logarithmic).

fig, ax = plt.subplots(figsize=(7, 2.8))
for table, color, name in [
    (silent, plotting.RED, "ten / ten.sum(dim=1)"),
    (right, plotting.GREEN, "ten / ten.sum(dim=1, keepdim=True)"),
]:
    ax.plot(range(10), table.sum(dim=1), "o", color=color, label=name)
ax.axhline(1, color=plotting.GRAY, lw=1, zorder=0)
ax.set(yscale="log", xlabel="image", ylabel="sum of its row", xticks=range(10))
ax.set_title("Rows of probabilities should sum to 1", pad=26)
ax.legend(fontsize=8, ncols=2, loc="lower left", bbox_to_anchor=(-0.02, 0.98))
ax.grid(axis="y")
low, high = silent.sum(dim=1).min().item(), silent.sum(dim=1).max().item()
plotting.describe(
    fig,
    "Two dots for each of ten images show what its row sums to, on a logarithmic "
    "scale. With keepdim=True all dots lie at 1. Without it they are scattered from "
    f"{low:.1g} to {high:.1g}.",
)
plt.show()

# %%
# With 64 images you get an error, with ten you get numbers. So try a function on batches of several
# sizes, and write ``keepdim=True``. (:doc:`../1_basics/02_tensors` draws what is divided by what.)
#
# What softmax keeps, and what it ignores
# ---------------------------------------
#
# "It squeezes numbers between 0 and 1" is true, but says little. These three say more.
#
# * Each probability is above 0 and below 1, and reaches neither, until the computer rounds.
# * It keeps the order: a larger logit has a larger probability.
# * It ignores a *shift*. Add the same number to all logits of a row, and nothing changes, because
#   all differences stay.

ordered = probabilities.gather(1, logits.argsort(dim=1))  # (64, 10), by rising logit
assert (ordered.diff(dim=1) >= 0).all()
print("falls while the logit rises:", (ordered.diff(dim=1) < 0).sum().item(), "times")

for shift in (-30.0, 5.0, 30.0):
    moved = plain_softmax(logits + shift)  # (64, 10)
    torch.testing.assert_close(moved, probabilities, rtol=0, atol=1e-5)
    print(f"shifted by {shift:+.0f}: the same probabilities")

rounded = torch.softmax(torch.tensor([0.0, 200.0]), dim=0)  # (2,)
print("softmax of 0 and 200, rounded:", rounded.tolist())
assert rounded.tolist() == [0, 1]

# %%
# As a formula, the factor :math:`\mathrm{e}^{c}` cancels:
#
# .. math::
#
#    \frac{\mathrm{e}^{z_i + c}}{\sum_k \mathrm{e}^{z_k + c}}
#    = \frac{\mathrm{e}^{c}\, \mathrm{e}^{z_i}}{\mathrm{e}^{c} \sum_k \mathrm{e}^{z_k}} = p_i
#
# Too large for a float
# ---------------------
#
# That is mathematics. A float32 has an end.
#
# **Predict, then run.** Two equal logits should share: one half each, whatever they are. What will
# our function say for 88, 89, -103 and -104?

for value in (0.0, 88.0, 89.0, -103.0, -104.0):
    pair = torch.full((1, 2), value)  # (1, 2)
    power = pair.exp()[0, 0].item()
    print(f"{value:6.0f}: power {power:.3g}, softmax {plain_softmax(pair)[0].tolist()}")

largest = torch.finfo(torch.float32).max
print(f"the largest float32 is {largest:.3g}, e to the power {math.log(largest):.2f}")
assert plain_softmax(torch.full((1, 2), 88.0)).tolist() == [[0.5, 0.5]]
assert plain_softmax(torch.full((1, 2), 89.0)).isnan().all()
assert plain_softmax(torch.full((1, 2), -104.0)).isnan().all()

# %%
# Above 88.72 the power is ``inf``, and ``inf / inf`` is ``nan``, *not a number*. At -104 all powers
# are rounded to 0, and 0 / 0 is ``nan``, too. With more classes it breaks even earlier, because the
# sum is larger than each of its parts, and this time nothing warns you:

crowd = plain_softmax(torch.full((1, 10), 87.0))  # (1, 10)
print("ten logits of 87:", crowd[0].tolist())
assert not crowd.any()

# %%
# Subtract the largest
# --------------------
#
# Since a shift changes nothing, choose a good one: for each row, subtract its largest logit. Then
# the largest power is :math:`\mathrm{e}^0 = 1` and none is above, so nothing overflows. The sum is
# at least 1, so it is never 0.


def softmax(logits):
    shifted = logits - logits.amax(dim=1, keepdim=True)  # (batch, classes)
    powers = shifted.exp()  # (batch, classes)
    return powers / powers.sum(dim=1, keepdim=True)  # (batch, classes)


huge = torch.tensor([[1000.0, 1001.0], [-1000.0, -1001.0], [1000.0, -1000.0]])  # (3, 2)
print("plain:", plain_softmax(huge).tolist())
print("ours: ", [[round(p, 4) for p in row] for row in softmax(huge).tolist()])

for some in (logits, logits[:10], 50 * logits, huge):
    expected = torch.softmax(some, dim=1)  # (n, K)
    torch.testing.assert_close(softmax(some), expected, rtol=0, atol=1e-6)

# %%
# These are the tests that a softmax should pass: the shape, the sums, and logits of ±1000.
# :func:`torch.softmax` subtracts the largest in the same way.
#
# The picture takes the pair :math:`(c, c + 1)`. Whatever :math:`c` is, the first of the two should
# get the same probability.

c = torch.linspace(-120, 100, 2201)  # (2201,)
pairs = torch.stack([c, c + 1], dim=1)  # (2201, 2)
plain, safe = plain_softmax(pairs)[:, 0], softmax(pairs)[:, 0]  # (2201,), (2201,)
lost = plain_softmax(pairs).isnan().any(dim=1)  # (2201,)

fig, ax = plt.subplots(figsize=(7, 2.9))
ax.plot(c, safe, color=plotting.BLUE, lw=6, alpha=0.4, label="largest subtracted")
ax.plot(c[~lost], plain[~lost], color=plotting.ORANGE, lw=1.5, label="plain formula")
for side, name in [(c < 0, "nan"), (c > 0, None)]:
    gone = c[lost & side]  # (n,)
    ax.plot(gone, torch.zeros_like(gone), color=plotting.RED, lw=6, label=name)
ax.set(xlabel="c", ylabel="probability", ylim=(-0.03, 0.7))
ax.set_title("Softmax of c and c + 1: the probability of the first")
ax.legend(fontsize=8, ncols=3, loc="upper center")
plotting.describe(
    fig,
    f"With the largest subtracted, the probability is {safe[0]:.3f} for every c from "
    "-120 to 100, a level line. The plain formula agrees in the middle. Below about "
    "-100 it jumps up and down and then becomes nan; near 88 it drops to 0 and becomes "
    "nan.",
)
plt.show()

ends = c[lost & (c < 0)].max().item(), c[lost & (c > 0)].min().item()
print(f"nan up to c = {ends[0]:.1f}, and from c = {ends[1]:.1f} on")
assert (safe - safe[0]).abs().max() < 1e-4

# %%
# On its way to -104 the plain formula does not just stop: it is wrong before, because the smallest
# floats have few digits left.
#
# Temperature
# -----------
#
# Softmax ignores a shift, but not a *scale*. Divide all logits by a number :math:`T`, called the
# temperature. A small :math:`T` makes the differences larger, so that the largest takes nearly all.
# A large :math:`T` makes them smaller, so that all get the same. Gray lines mark :math:`T = 1` and
# one quarter.

temperatures = torch.logspace(-1, 2, 200)  # (200,)
by_temperature = softmax(four / temperatures[:, None])  # (200, 4)

fig, ax = plt.subplots(figsize=(7, 3))
for k, style in enumerate(["-", "--", "-.", ":"]):
    label = f"logit {four[k].item():g}"
    ax.plot(temperatures, by_temperature[:, k], style, label=label)
ax.axhline(1 / 4, color=plotting.GRAY, lw=1, zorder=0)
ax.axvline(1, color=plotting.GRAY, lw=1, zorder=0)
ax.set(xscale="log", xlabel="temperature T", ylabel="probability")
ax.set_xticks([0.1, 1, 10, 100], ["0.1", "1", "10", "100"])
ax.set_title("Cold: the largest takes all. Hot: all get the same")
ax.legend(loc="upper right")
plotting.describe(
    fig,
    "Four curves, the probabilities of the logits 2, 1, 0 and -1 as the temperature "
    "rises from 0.1 to 100. At 0.1 the first is at 1 and the others at 0. They never "
    "cross, and come together at one quarter.",
)
plt.show()

torch.testing.assert_close(
    by_temperature[0], torch.tensor([1.0, 0, 0, 0]), rtol=0, atol=1e-4
)
assert (by_temperature[-1] - 1 / 4).abs().max() < 0.01
assert (by_temperature.argmax(dim=1) == 0).all()

# %%
# The choice stays the same at every temperature. Only how sure it looks is changed.
#
# .. interactive:: softmax
#
# Raise all four logits by the same amount, and compare: the probabilities are what they were. Then
# heat up and cool down, and see which class stays the largest.
#
# How sure is a network that has learned nothing?
# -----------------------------------------------
#
# In :doc:`02_by_hand`, on one batch, weights from ``randn`` gave a network that is very sure. Here
# is its answer for one image.

fig = plotting.view_classify(
    images[0], softmax(logits)[0], train_set.classes, label=labels[0].item()
)
plt.show()

# %%
# One image proves nothing, and one batch little. So take all of the training images, and three
# networks of the same shape: ours, ours with all its numbers divided by 100, and one with the first
# values that PyTorch's own layers draw (:doc:`04_modules`; ``Sequential`` runs them in order). For
# each we ask for the mean of the largest probability, how often the network is right, and the mean
# of :math:`-\ln p` of the true class. That last number is the loss of :doc:`07_losses`.
#
# **Predict, then run.** Which of the two will PyTorch's own first values be like, the sure network
# or the undecided one? And which of the three is right most often?

all_features = all_images.flatten(1)  # (N, 784)


def by_hand(scale):
    hidden = torch.sigmoid(all_features @ (scale * w1) + scale * b1)  # (N, 256)
    return hidden @ (scale * w2) + scale * b2  # (N, 10)


torch.manual_seed(7)
layers = nn.Sequential(nn.Linear(784, 256), nn.Sigmoid(), nn.Linear(256, 10))
with torch.no_grad():  # no notes for training
    networks = {
        "randn": by_hand(scale=1.0),
        "randn / 100": by_hand(scale=0.01),
        "PyTorch": layers(all_features),
    }

tops, losses = {}, {}
for name, outputs in networks.items():
    answers = softmax(outputs)  # (N, 10)
    tops[name], chosen = answers.max(dim=1)  # (N,), (N,)
    right = (chosen == all_labels).float().mean().item()
    true_class = answers[torch.arange(len(answers)), all_labels]  # (N,)
    losses[name] = -true_class.log().mean().item()
    print(
        f"{name:11}: sure of {tops[name].mean().item():.3f}, right {right:.1%}, ",
        end="",
    )
    print(f"loss {losses[name]:.2f}, spread of logits {outputs.std().item():.2f}")
print(f"ln 10 = {math.log(10):.2f}")

assert tops["randn"].mean() > 0.7
assert tops["PyTorch"].mean() < 0.3
assert tops["randn / 100"].mean() < 0.13
assert abs(losses["randn / 100"] - math.log(10)) < 0.05
assert losses["randn"] > 5

# %%
# With weights from ``randn`` the logits lie far apart, each step of 1 is a factor e, and one class
# takes nearly all. The network is right as rarely as a blind guess, and very sure of it. With
# *small* weights the logits are nearly equal, and so are the probabilities: about one tenth each,
# and a loss near ln 10. PyTorch's first values come close to that.

fig, ax = plt.subplots(figsize=(7, 2.9))
for name, color in zip(
    tops, [plotting.RED, plotting.BLUE, plotting.ORANGE], strict=True
):
    weight = torch.full_like(
        tops[name], 1 / len(tops[name])
    )  # (N,), fractions of all images
    ax.hist(
        tops[name],
        bins=60,
        range=(0, 1),
        weights=weight,
        color=color,
        alpha=0.7,
        label=name,
    )
ax.axvline(0.1, color=plotting.GRAY, ls="--", lw=1, label="one tenth")
ax.set(xlabel="largest probability", ylabel="fraction of images", xlim=(0, 1.02))
ax.set_title("Sure of nothing, and sure without a reason")
ax.legend(loc="upper center")
plotting.describe(
    fig,
    "Histograms of the largest probability over all training images. With weights "
    "divided by 100 all images stand in one bar just above one tenth, with PyTorch's "
    f"first values near {tops['PyTorch'].mean():.2f}. With randn weights they are "
    f"spread out and crowd near 1, with a mean of {tops['randn'].mean():.2f}.",
)
plt.show()

# %%
# **Remember.** A probability from softmax says how far apart the logits are. Whether it can be
# trusted depends on what the network has learned.
#
# Common mistakes
# ---------------
#
# **One maximum for the whole batch.** ``logits.max()`` looks like the same trick. A row that lies
# far below the largest of all rows then has only zeros.

rows = torch.tensor([[1.0, 2.0], [501.0, 502.0]])  # (2, 2)
for largest in (rows.max(), rows.amax(dim=1, keepdim=True)):
    print(tuple(largest.shape), plain_softmax(rows - largest).tolist())

assert plain_softmax(rows - rows.max())[0].isnan().all()
torch.testing.assert_close(softmax(rows)[0], softmax(rows)[1])

# %%
# **Over the images instead of the classes.** ``dim=0`` runs without complaint, too. Then each
# *column* sums to 1, and the images share a class among them. (:doc:`../1_basics/07_layers` shows
# both as tables.) No ``dim`` at all is an error.

over_images = torch.softmax(logits, dim=0)  # (64, 10)
torch.testing.assert_close(over_images.sum(dim=0), torch.ones(10))
print(
    "row sums with dim=0:", [round(s, 3) for s in over_images.sum(dim=1)[:5].tolist()]
)

try:
    torch.softmax(logits)
except TypeError as error:
    print("TypeError:", error)

# %%
# **Whole numbers.** Powers of e are not whole, so softmax wants floats. (In the clinic:
# :ref:`error-not-implemented`.)

try:
    torch.softmax(torch.tensor([1, 2, 3]), dim=0)
except NotImplementedError as error:
    print("NotImplementedError:", error)

# %%
# **A function with only a comment in it.** To Python a comment is nothing, and a function needs at
# least one statement. While you think about what to write, put ``...`` there.

stub = """
def softmax(logits):
    # your code here
"""
try:
    compile(stub, "stub", "exec")
except IndentationError as error:
    print("IndentationError:", error)

with_dots = compile(stub + "    ...", "stub", "exec")
print("with three dots:", type(with_dots).__name__)

# %%
# Your turn
# ---------
#
# Write your answer into the cell below an exercise, and run it: ``@exercise`` checks it and prints
# what it finds, and the page goes on with the course's version until yours is right.
# ``hint("softmax")`` and ``solution("softmax")`` help.
#
# **Your turn: softmax.** Without looking above, write a function ``softmax(logits)`` that takes
# logits of shape (N, classes) and returns probabilities of shape (N, classes). It must be right for
# any N, and for logits of ±1000.

from firstlayers.exercises import exercise, hint, progress, solution


@exercise
def softmax(logits):
    """(N, classes) logits -> (N, classes) probabilities."""
    ...  # your code here


# %%
# **Your turn: soften.** Write a function ``soften(logits, temperature)``. It takes logits of shape
# (N, classes) and a positive number, and returns the probabilities at that temperature, of shape
# (N, classes). It must be right for logits of ±1000, too.


@exercise
def soften(logits, temperature):
    """(N, classes) logits -> (N, classes) probabilities at a temperature."""
    ...  # your code here


# %%
# Recap
# -----
#
# * Softmax raises e to the power of each logit, and divides by the sum over the classes.
# * ``dim`` names the axis that disappears. ``keepdim=True`` keeps it, and the division is right.
# * Only differences between logits count: one more is a factor e.
# * So subtract the largest of each row first. Without that, softmax is ``nan`` where a logit is
#   89 or more, or where all are -104 or less.
# * A low temperature makes the answer sharp, a high one makes it even. The order stays.
# * Untrained is near one tenth each only if the weights are small.
#
# **Next:** :doc:`04_modules` writes this network as a class, with PyTorch's own layers.
#
# **Further reading:** :func:`torch.softmax`, :class:`torch.nn.Softmax`, :func:`torch.logsumexp`. On
# rounding: P. Blanchard, D. J. Higham and N. J. Higham,
# `Accurately computing the log-sum-exp and softmax functions
# <https://doi.org/10.1093/imanum/draa038>`__, 2021.
