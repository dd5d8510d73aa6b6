"""
Find out why a network does not learn
=====================================

You will meet thirty mistakes, almost all of which raise no error, each beside its cure and with a
number or a picture that tells the two apart.

**In this chapter you learn**

* to go from a symptom to the few mistakes that cause it,
* to *measure* a suspicion in two or three lines, before you change anything,
* what each of thirty mistakes looks like while it happens, and why,
* to cure each of them, and to see that it is cured.

**You need** the training loop, from :doc:`../1_basics/10_training`. All else is linked where it is
used.
**Time:** 25 minutes. You need not read it in order, nor at once.
"""

# %%
# Common mistakes
# ---------------
#
# Begin with what you see. On the right is what to look at first.
#
# .. list-table::
#    :header-rows: 1
#    :widths: auto
#
#    * - What you see
#      - What it may be
#    * - The loss stays near ln 10, and the accuracy near one tenth.
#      - `A learning rate too high, and too low`_, `Dead ReLUs`_, `Pixels from 0 to 255`_, `All
#        weights alike`_, `A stale optimizer`_
#    * - The loss falls, but not below 1.4612.
#      - `Softmax before CrossEntropyLoss`_
#    * - The loss falls and climbs again, or is nan.
#      - `No zero_grad`_, `A forgotten train()`_, `A learning rate too high, and too low`_
#    * - The first loss is far above ln 10.
#      - `Weights too large at the start`_, `Pixels from 0 to 255`_
#    * - It learns, but slowly or badly.
#      - `Saturated units`_, `Parameters without a gradient`_, `Layers in a Python list`_, `Weights
#        too large at the start`_
#    * - Some classes are never answered.
#      - `ReLU on the logits`_, `A loader without shuffle`_
#    * - The training loss is fine, and the accuracy is near one tenth.
#      - `Labels of shape (N, 1)`_, `A view of a permuted tensor`_, `A loader without shuffle`_
#    * - Training is good, and what comes later is not.
#      - `A forgotten eval()`_, `Layers in a Python list`_, `Validation on the test set`_, `Test
#        images in the statistics`_
#    * - The same question gets another answer each time.
#      - `A forgotten eval()`_, `Seeds that do not hold`_
#    * - Numbers that cannot be: probabilities all 1, rows that do not sum to 1.
#      - `Softmax over the wrong axis`_, `A division that broadcasts wrongly`_
#    * - An image looks wrong: stripes, dark spots, or more noise each time.
#      - `A view of a permuted tensor`_, `Surprises of dtype`_, `Images changed in place`_
#    * - Two ways to compute the loss of an epoch disagree.
#      - `The mean of batch means`_
#    * - Memory fills up, batch after batch.
#      - `A loss kept with its graph`_
#    * - Something does not happen, or a gradient is not what it should be.
#      - `A tensor instead of a Parameter`_, `forward called by name`_, `Edits through .data`_
#    * - It stops, and the message names two devices.
#      - `Two devices`_
#
# What all entries share
# ----------------------
#
# There are 1,000 images to learn from and 400 for validation, a small network, and the plain loop
# of :doc:`../1_basics/10_training`. In every comparison the network, its start and the order of the
# images are the same, and one thing differs.

import math
import random
import weakref

import matplotlib.pyplot as plt
import torch
from torch import nn
from torch.nn import functional as F

from firstlayers import data, plotting, training

plotting.use_style()

train_set, test_set = data.load_dataset()
count = len(train_set)
shares = (1000 / count, 400 / count, 1 - 1400 / count)
train_part, valid_part, _ = data.split(train_set, shares)
images, labels = data.as_tensors(train_part)  # (1000, 1, 28, 28), (1000,)
valid_images, valid_labels = data.as_tensors(valid_part)  # (400, 1, 28, 28), (400,)
test_images, test_labels = data.as_tensors(test_set)  # (N, 1, 28, 28), (N,)


def make_network(*last, hidden=64, activation=nn.ReLU, seed=0):
    """784 inputs, hidden units, 10 logits, and whatever shall come last."""
    torch.manual_seed(seed)
    first, second = nn.Linear(784, hidden), nn.Linear(hidden, 10)
    return nn.Sequential(nn.Flatten(), first, activation(), second, *last)


def batches_of(images, labels, batch_size=50, shuffle=True):
    return data.make_loader(images, labels, batch_size, shuffle=shuffle, seed=0)


def train(network, lr=0.1, epochs=15, batches=None):
    """Train a network, and return the loss of every step."""
    optimizer = torch.optim.SGD(network.parameters(), lr=lr)
    batches = batches or batches_of(images, labels)
    losses = []
    network.train()
    for _ in range(epochs):
        for batch, batch_labels in batches:
            optimizer.zero_grad()
            loss = F.cross_entropy(network(batch), batch_labels)
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
    return losses


def accuracy(network, images=valid_images, labels=valid_labels):
    return training.evaluate(network, [(images, labels)]).accuracy


def compare(what, broken, mended, form=".1%"):
    print(f"{what:26} broken {broken:{form}}   mended {mended:{form}}")


# %%
# Two more helpers. The first takes the mean loss of the last epoch, which has 20 steps. The second
# draws the losses of two runs.


def end_of(losses):
    return sum(losses[-20:]) / 20


def side_by_side(ax, broken, mended, title, top=3.0):
    for losses, color, name in [
        (broken, plotting.RED, "broken"),
        (mended, plotting.BLUE, "mended"),
    ]:
        ax.plot(losses, color=color, lw=1, label=name)
    ax.set(xlabel="step", ylabel="loss", title=title, ylim=(0, top))
    ax.legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=2, borderaxespad=0.2)


good = make_network()
good_losses = train(good)
ln10 = math.log(10)
print(f"ln 10 = {ln10:.4f}; the first loss of a healthy run: {good_losses[0]:.4f}")
print(f"after 15 epochs: loss {end_of(good_losses):.3f}, accuracy {accuracy(good):.1%}")

assert abs(good_losses[0] - ln10) < 0.2
assert accuracy(good) > 0.7

# %%
# This is what health looks like: a first loss near :math:`\ln 10`, since an untrained network gives
# each of ten classes about a tenth, and then a fall.
#
# The loss and what goes into it
# ------------------------------
#
# .. _clinic-softmax-before-loss:
#
# Softmax before CrossEntropyLoss
# ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
#
# **Symptom:** the loss falls slowly, and stops far above 0. **Measure:** what would a perfect
# answer cost, with probability 1 for the true class and 0 for the others?
#
# **Predict, then run.** If the softmax stands in the network, how small can the loss become?

perfect = F.one_hot(torch.tensor([3]), 10).float()  # (1, 10), after the softmax
floor = F.cross_entropy(perfect, torch.tensor([3])).item()

softmaxed = make_network(nn.Softmax(dim=1))
broken = train(softmaxed)
print(f"a perfect answer costs {floor:.4f}, and the lowest loss was {min(broken):.4f}")
compare("validation accuracy", accuracy(softmaxed), accuracy(good))

fig, ax = plt.subplots(figsize=(6.4, 2.8))
side_by_side(ax, broken, good_losses, "One softmax too many")
ax.axhline(floor, color=plotting.GRAY, ls="--", lw=1.5)
words = ax.annotate(f"the floor, {floor:.4f}", (300, floor - 0.1), color=plotting.GRAY)
words.set(ha="right", va="top")
plotting.describe(
    fig,
    f"Two losses over {len(broken)} steps. The mended one falls to "
    f"{end_of(good_losses):.2f}. The broken one falls slowly to {end_of(broken):.2f} and "
    f"stays above a dashed line at {floor:.4f}.",
)
plt.show()

assert abs(floor - (math.log(math.e + 9) - 1)) < 1e-5
assert min(broken) > floor > end_of(good_losses)
assert accuracy(good) > accuracy(softmaxed) + 0.05

# %%
# **Cause:** the loss function applies a softmax itself. The second one gets numbers between 0 and
# 1, which are too close together for it: the best that it can say costs :math:`\ln(\mathrm{e} + 9)
# - 1 = 1.4612`. **Cure:** the network returns logits. Apply softmax where you want to *read*
# probabilities. More: :doc:`../2_digits/07_losses`.
#
# .. _clinic-relu-on-logits:
#
# ReLU on the logits
# ~~~~~~~~~~~~~~~~~~
#
# **Symptom:** some classes are never answered. **Measure:** the accuracy of each class by itself,
# or how many classes are answered at all. A single start may be lucky, so we try five.


def answers(network):
    with torch.no_grad():
        return network(valid_images).argmax(dim=1)  # (400,)


starts = range(1, 6)
rectified = [make_network(nn.ReLU(), seed=seed) for seed in starts]
plain = [make_network(seed=seed) for seed in starts]
for network in rectified + plain:
    train(network, epochs=5)

accuracies = [sum(map(accuracy, five)) / 5 for five in (rectified, plain)]
answered = [[len(answers(n).unique()) for n in five] for five in (rectified, plain)]
worst = min(range(5), key=answered[0].__getitem__)
compare("mean accuracy", *accuracies)
print("classes answered:", answered[0], "of 10, and", answered[1], "without the ReLU")

fig, axes = plt.subplots(1, 2, figsize=(7, 2.5), sharey=True)
bars = []
for ax, network, color, title in [
    (axes[0], rectified[worst], plotting.RED, "ReLU on the logits"),
    (axes[1], plain[worst], plotting.BLUE, "Plain logits"),
]:
    hits = answers(network) == valid_labels  # (400,)
    shares = [hits[valid_labels == k].float().mean().item() for k in range(10)]
    bars.append(sum(share > 0 for share in shares))
    ax.bar(range(10), shares, color=color)
    ax.set(title=title, xlabel="class", xticks=range(10), ylim=(0, 1))
axes[0].yaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
axes[0].set_ylabel("right")
plotting.describe(
    fig,
    "Ten bars, one a class, for the share of its images that is answered right. Left, "
    f"with a ReLU on the logits, only {bars[0]} bars are there, and the others "
    f"have no height. Right, without it, {bars[1]} bars are there.",
)
plt.show()

assert min(answered[0]) < 10
assert accuracies[1] > accuracies[0] + 0.05

# %%
# **Cause:** a logit that is negative for all images becomes 0, and ReLU has no slope there. That
# class can never come back. **Cure:** no activation function after the last layer. More:
# :doc:`../1_basics/05_neurons`.
#
# .. _clinic-softmax-axis:
#
# Softmax over the wrong axis
# ~~~~~~~~~~~~~~~~~~~~~~~~~~~
#
# **Symptom:** all probabilities are 1, or those of one image depend on the others in its batch.
# **Measure:** the sum over the classes. It must be 1 for every image.

with torch.no_grad():
    logits = good(valid_images[:64])  # (64, 10)
rows = logits[:, None]  # (64, 1, 10), from images in rows

certain = torch.softmax(rows, dim=1)  # (64, 1, 10)
shared = torch.softmax(logits, dim=0)  # (64, 10)
mended_probabilities = torch.softmax(rows, dim=-1)  # (64, 1, 10)
for name, wrong in {"dim=1": certain, "dim=0": shared}.items():
    sums = wrong.sum(dim=-1).flatten()[:4]  # (4,)
    print(
        f"{name}, shape {tuple(wrong.shape)}: sums {[round(s, 2) for s in sums.tolist()]}"
    )

assert torch.equal(certain, torch.ones(64, 1, 10))
assert not torch.allclose(shared.sum(dim=1), torch.ones(64), atol=0.1)
torch.testing.assert_close(mended_probabilities.sum(dim=-1), torch.ones(64, 1))

# %%
# **Cause:** ``dim`` names the axis whose numbers share the 1. On an axis of length one, a number is
# alone and gets it all. With ``dim=0`` the images of the batch share each class. **Cure:** the
# classes are on the last axis, so ``dim=-1`` is right in both shapes. More:
# :doc:`../2_digits/03_softmax`.
#
# .. _clinic-label-column:
#
# Labels of shape (N, 1)
# ~~~~~~~~~~~~~~~~~~~~~~
#
# **Symptom:** the training loss is fine, and the accuracy is near one tenth. **Measure:** the shape
# of what you take the mean of.

column = valid_labels[:, None]  # (400, 1), as some files store them
predictions = answers(good)  # (400,)
pairs = predictions == column  # (400, 400)
matches = predictions == column.squeeze(1)  # (400,)
compare("accuracy", pairs.float().mean().item(), matches.float().mean().item())
print(f"comparisons: {pairs.numel():,} instead of {matches.numel():,}")

numbers = valid_labels.float()  # (400,), a prediction that is right to the last digit
mixed_loss = (numbers - column).square().mean().item()
true_loss = (numbers - column.squeeze(1)).square().mean().item()
print(f"squared error of a perfect prediction: {mixed_loss:.1f} instead of {true_loss}")

order = valid_labels.argsort(stable=True)[::8]  # (50,), sorted by class
fig, ax = plt.subplots(figsize=(3.6, 3.4))
ax.imshow(pairs[order][:, order].numpy(), cmap="Blues", vmax=2)
ax.plot(range(50), range(50), ".", color=plotting.ORANGE, ms=4)
ax.set(xlabel="prediction of image", ylabel="label of image", title="Compared with all")
plotting.describe(
    fig,
    "A square of 50 by 50 comparisons, sorted by class. Where prediction and label "
    "agree it is blue: about ten blocks along the diagonal. The comparisons that were "
    "meant, each image with itself, are the dots on the diagonal.",
)
plt.show()

assert pairs.float().mean() < 0.2
assert mixed_loss > 1
assert matches.float().mean() == accuracy(good)
assert true_loss == 0

# %%
# **Cause:** (400,) and (400, 1) broadcast to (400, 400): each prediction is compared with every
# label, and a tenth of those agree by chance. Only the orange dots were meant. **Cure:**
# ``labels.squeeze(1)`` where the data come in. (``cross_entropy`` refuses such labels, as
# :doc:`../2_digits/07_losses` shows. A line of your own does not.) More:
# :doc:`../2_digits/10_predict`.
#
# .. _clinic-division:
#
# A division that broadcasts wrongly
# ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
#
# **Symptom:** rows that should sum to 1 do not. **Measure:** the sums again. Ten images of ten
# classes are the dangerous case, because the table is square.

table = logits[:10].exp()  # (10, 10)
divided = table / table.sum(dim=1)  # (10, 10)
kept = table / table.sum(dim=1, keepdim=True)  # (10, 10)
compare("largest sum of a row", divided.sum(dim=1).max(), kept.sum(dim=1).max(), ".2f")

try:
    logits.exp() / logits.exp().sum(dim=1)
except RuntimeError as error:
    print("with 64 images, RuntimeError:", error)

assert (divided.sum(dim=1) - 1).abs().max() > 0.1
torch.testing.assert_close(kept.sum(dim=1), torch.ones(10))

# %%
# **Cause:** shapes are matched from the right, so (10,) is taken for one number a *column*. With 64
# images you get an error, and with ten you get wrong numbers. **Cure:** ``keepdim=True``, which
# leaves the sums as a column, (10, 1). Test with sizes that all differ. More:
# :doc:`../1_basics/02_tensors`.
#
# The loop
# --------
#
# .. _clinic-no-zero-grad:
#
# No zero_grad
# ~~~~~~~~~~~~
#
# **Symptom:** the loss falls, even fast, and then climbs and stays bad. **Measure:** the length of
# the gradient, step after step.


def run(clear):
    network = make_network()
    optimizer = torch.optim.SGD(network.parameters(), lr=0.3)
    batches = batches_of(images, labels)
    losses, lengths = [], []
    for _ in range(15):
        for batch, batch_labels in batches:
            if clear:
                optimizer.zero_grad()
            loss = F.cross_entropy(network(batch), batch_labels)
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
            lengths.append(network[3].weight.grad.norm().item())
    return accuracy(network), losses, lengths


(never, losses, lengths), (each, good_run, short) = run(clear=False), run(clear=True)
compare("validation accuracy", never, each)
compare("length of the gradient", end_of(lengths), end_of(short), ".2f")

fig, axes = plt.subplots(1, 2, figsize=(7, 2.6))
side_by_side(axes[0], losses, good_run, "Loss", top=8)
axes[1].plot(lengths, color=plotting.RED, lw=1)
axes[1].plot(short, color=plotting.BLUE, lw=1)
axes[1].set(xlabel="step", title="Length of the gradient", yscale="log")
plotting.describe(
    fig,
    f"Two pictures over {len(losses)} steps. Left, the loss: mended it falls to "
    f"{end_of(good_run):.2f}, broken it falls, climbs, and ends at {end_of(losses):.1f}. "
    f"Right, the length of the last layer's gradient on a logarithmic scale: mended "
    f"near {end_of(short):.1f}, broken near {end_of(lengths):.0f}.",
)
plt.show()

assert never < 0.5
assert end_of(lengths) > 5 * end_of(short)
assert each > never + 0.3

# %%
# **Cause:** ``backward()`` *adds* to ``.grad``, so each step follows the sum of all gradients so
# far. **Cure:** ``optimizer.zero_grad()`` in each step, before ``backward()``. More:
# :doc:`../1_basics/09_autograd`.
#
# .. _clinic-stale-optimizer:
#
# A stale optimizer
# ~~~~~~~~~~~~~~~~~
#
# **Symptom:** the loss wanders around its first value. **Measure:** has any weight moved after ten
# steps?


def moved_by(optimizer, network):
    before = [parameter.detach().clone() for parameter in network.parameters()]
    for _ in range(10):
        optimizer.zero_grad()
        F.cross_entropy(network(images[:50]), labels[:50]).backward()
        optimizer.step()
    pairs = zip(before, network.parameters(), strict=True)
    return sum(not torch.equal(old, new) for old, new in pairs)


network = make_network(seed=0)
stale = torch.optim.SGD(network.parameters(), lr=0.1)
network = make_network(seed=1)  # "let me start again"
never_moved = moved_by(stale, network)
fresh = torch.optim.SGD(network.parameters(), lr=0.1)
all_moved = moved_by(fresh, network)
compare("parameters that moved", never_moved, all_moved, "d")

assert never_moved == 0
assert all_moved == 4

# %%
# **Cause:** an optimizer holds the parameters that it was given. Those of the first network are
# still there, and nobody uses them. **Cure:** make the network and its optimizer in the same cell.
# More: :doc:`../2_digits/09_train`.
#
# .. _clinic-learning-rate:
#
# A learning rate too high, and too low
# ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
#
# **Symptom:** the loss stays near :math:`\ln 10`, at either end. **Measure:** the loss after a few
# epochs, over learning rates that are far apart.
#
# **Predict, then run.** Over which range of learning rates does this network learn: a factor of 2,
# of 10, of 100?

rates = [10 ** (k / 2) for k in range(-8, 3)]
runs = [train(make_network(), lr=rate, epochs=5) for rate in rates]
after_five = list(map(end_of, runs))
best = min(range(len(rates)), key=after_five.__getitem__)
for place in (0, best, -1):
    print(f"learning rate {rates[place]:7.4f}: loss {after_five[place]:.3f}", end=", ")
    print(f"highest on the way {max(runs[place]):.2f}")

fig, ax = plt.subplots(figsize=(6.4, 2.8))
ax.axhline(ln10, color=plotting.GRAY, ls="--", lw=1.5)
ax.annotate("ln 10", (rates[0], ln10 + 0.08), color=plotting.GRAY)
ax.plot(rates, after_five, "o-", ms=5)
ax.plot(rates[best], after_five[best], "o", ms=9, color=plotting.GREEN)
ax.set(xscale="log", xlabel="learning rate", ylabel="loss after five epochs")
ax.set(title="Too low, right, too high", ylim=(0, 3))
plotting.describe(
    fig,
    f"The loss after five epochs over eleven learning rates from {rates[0]:.4f} to "
    f"{rates[-1]:.0f}. It begins at ln 10, goes down into a valley with its lowest point "
    f"{after_five[best]:.2f} at {rates[best]:.2f}, and jumps back up at the right.",
)
plt.show()

assert min(after_five[0], after_five[-1]) > 2
assert max(runs[0]) < 2.5 < max(runs[-1])
assert after_five[best] < 1
assert 0 < best < len(rates) - 1

# %%
# **Cause:** too low, and it would take forever; too high, and each step lands on the other side of
# the valley, higher up. In the end the two look alike. The highest loss on the way tells them
# apart: a flat line, or a jump. **Cure:** try powers of ten, and take one a little left of the
# lowest point, because the cliff is on the right. More: :doc:`../1_basics/10_training`.
#
# .. _clinic-forgotten-train:
#
# A forgotten train()
# ~~~~~~~~~~~~~~~~~~~
#
# **Symptom:** a network with batch normalization or dropout trains well for one epoch, until you
# evaluate it. **Measure:** print ``network.training`` inside the loop, or count what the
# normalization has seen.


def make_normed():
    torch.manual_seed(0)
    layers = [nn.Flatten()]
    for inputs in (784, 64, 64):
        layers += [nn.Linear(inputs, 64), nn.BatchNorm1d(64), nn.ReLU()]
    return nn.Sequential(*layers, nn.Linear(64, 10))


def epochs_of(network, back_to_training):
    optimizer = torch.optim.SGD(network.parameters(), lr=0.3)
    batches = batches_of(images, labels)
    for _ in range(5):
        if back_to_training:
            network.train()
        for batch, batch_labels in batches:
            optimizer.zero_grad()
            loss = F.cross_entropy(network(batch), batch_labels)
            loss.backward()
            optimizer.step()
        network.eval()
        print(f"{loss.item():8.3f}", end=" ")
    print(f"  batches seen: {network[2].num_batches_tracked}")
    return accuracy(network)


print("last loss of each epoch, broken and mended:")
stuck = epochs_of(make_normed(), back_to_training=False)
free = epochs_of(normed := make_normed(), back_to_training=True)
compare("validation accuracy", stuck, free)

assert stuck < 0.2
assert free > 0.7
assert normed[2].num_batches_tracked == 5 * 20

# %%
# **Cause:** ``eval()`` lasts until somebody calls ``train()``. From the second epoch on, the
# network normalized by the mean and spread of the first. The weights moved on, those numbers did
# not, and nothing held the values in place any more. **Cure:** ``network.train()`` at the beginning
# of *every* epoch. More: :doc:`../1_basics/10_training`.
#
# .. _clinic-kept-graph:
#
# A loss kept with its graph
# ~~~~~~~~~~~~~~~~~~~~~~~~~~
#
# **Symptom:** memory fills up, batch after batch. **Measure:** PyTorch can tell you what it keeps
# for the backward pass. Whatever is kept goes through ``Note``, and is counted as long as it lives.

alive = weakref.WeakSet()


class Note:
    def __init__(self, tensor):
        self.tensor = tensor.detach()
        alive.add(self)


def megabytes_kept():
    storages = [note.tensor.untyped_storage() for note in alive]
    return sum({s.data_ptr(): s.nbytes() for s in storages}.values()) / 1e6


def sum_of_losses(as_number, learn):
    network, total, kept = make_network(), 0, []
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1)
    with torch.autograd.graph.saved_tensors_hooks(Note, lambda note: note.tensor):
        for batch, batch_labels in batches_of(images, labels):
            loss = F.cross_entropy(network(batch), batch_labels)
            if learn:
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
            total += loss.item() if as_number else loss
            kept.append(megabytes_kept())
    return kept


grows = sum_of_losses(as_number=False, learn=False)
stays = sum_of_losses(as_number=True, learn=False)
trains = sum_of_losses(as_number=False, learn=True)
compare("megabytes kept", grows[-1], stays[-1], ".2f")
print(f"megabytes kept after each backward(), broken as well: {max(trains)}")

fig, ax = plt.subplots(figsize=(6.4, 2.6))
batch_numbers = range(1, len(grows) + 1)
ax.plot(batch_numbers, grows, "o-", ms=4, color=plotting.RED, label="total += loss")
ax.plot(batch_numbers, stays, "o-", ms=4, label="total += loss.item()")
ax.set(xlabel="batch", ylabel="megabytes kept", title="What a sum can hold on to")
ax.set_ylim(0, 1.1 * grows[-1])
ax.xaxis.get_major_locator().set_params(integer=True)
ax.legend()
plotting.describe(
    fig,
    f"The megabytes that are kept, over {len(grows)} batches. With total += loss a "
    f"straight line climbs to {grows[-1]:.1f}. With loss.item() it stays at "
    f"{stays[-1]:.1f}.",
)
plt.show()

assert grows[-1] > 5 * grows[0]
assert max(trains) == 0
assert stays[-1] == stays[0]

# %%
# **Cause:** ``total += loss`` makes ``total`` a tensor whose notes lead to every batch so far. It
# is worst in a validation loop without ``no_grad()``, shown here. In training, ``backward()``
# throws the large tensors away, and only small notes pile up. **Cure:** ``loss.item()``, and
# ``torch.no_grad()`` or ``inference_mode()`` where nothing is learned. More:
# :doc:`../1_basics/09_autograd`.
#
# The model
# ---------
#
# .. _clinic-python-list:
#
# Layers in a Python list
# ~~~~~~~~~~~~~~~~~~~~~~~
#
# **Symptom:** it learns less than it should, and after loading it knows nothing. **Measure:** count
# the parameters.


class Stack(nn.Module):
    def __init__(self, holder, seed):
        super().__init__()
        torch.manual_seed(seed)
        self.hidden = holder([nn.Linear(784, 64)])
        self.last = nn.Linear(64, 10)

    def forward(self, images):
        features = torch.relu(self.hidden[0](images.flatten(1)))  # (batch, 64)
        return self.last(features)  # (batch, 10)


stacks = [Stack(list, seed=0), Stack(nn.ModuleList, seed=0)]
reloaded = [Stack(list, seed=1), Stack(nn.ModuleList, seed=1)]
for stack, fresh in zip(stacks, reloaded, strict=True):
    train(stack)
    fresh.load_state_dict(stack.state_dict())

counts = [sum(p.numel() for p in stack.parameters()) for stack in stacks]
compare("parameters", *counts, ",")
compare("accuracy after training", *map(accuracy, stacks))
compare("accuracy after loading", *map(accuracy, reloaded))

assert counts[0] == 650
assert accuracy(reloaded[0]) < accuracy(stacks[0]) - 0.3
assert counts[1] == 50_890
assert accuracy(reloaded[1]) == accuracy(stacks[1])

# %%
# **Cause:** a module notices modules and parameters among its attributes. It does not look into a
# list. So the first layer is neither trained nor saved, and the last one makes the best of its
# random numbers. **Cure:** :class:`torch.nn.ModuleList`. More: :doc:`../1_basics/08_parameters`.
#
# .. _clinic-plain-tensor:
#
# A tensor instead of a Parameter
# ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
#
# **Symptom:** a number that should be learned stays as it was. **Measure:** is its name among
# ``named_parameters()``?


class Scaled(nn.Module):
    def __init__(self, scale):
        super().__init__()
        self.network = make_network()
        self.scale = scale

    def forward(self, images):
        return self.scale * self.network(images)  # (batch, 10)


for scale in (torch.ones(10, requires_grad=True), nn.Parameter(torch.ones(10))):
    scaled = Scaled(scale)
    train(scaled, epochs=1)
    learned = not torch.equal(scale, torch.ones(10))
    found = "scale" in dict(scaled.named_parameters())
    saved = "scale" in scaled.state_dict()
    moves = scaled.to("meta").scale.is_meta
    name = type(scale).__name__
    print(
        f"{name:9} named: {found}, learned: {learned}, saved: {saved}, moved: {moves}"
    )
    assert found == learned == saved == moves == (name == "Parameter")

# %%
# **Cause:** to a module a plain tensor is any attribute. The optimizer does not get it, ``to`` does
# not move it, and ``state_dict`` does not save it, not even with ``requires_grad=True``. **Cure:**
# ``nn.Parameter`` for what is learned, ``register_buffer`` for what is not. More:
# :doc:`../1_basics/08_parameters`.
#
# .. _clinic-no-gradient:
#
# Parameters without a gradient
# ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
#
# **Symptom:** it learns, but less than it should. **Measure:** after one ``backward()``, list the
# parameters whose ``.grad`` is still ``None``.


class Cut(nn.Module):
    def __init__(self, cut):
        super().__init__()
        torch.manual_seed(0)
        self.hidden, self.last = nn.Linear(784, 64), nn.Linear(64, 10)
        self.cut = cut

    def forward(self, images):
        features = torch.relu(self.hidden(images.flatten(1)))  # (batch, 64)
        if self.cut:
            features = features.detach()  # (batch, 64), left from some experiment
        return self.last(features)  # (batch, 10)


def without_gradient(network):
    F.cross_entropy(network(images[:50]), labels[:50]).backward()
    return [name for name, p in network.named_parameters() if p.grad is None]


cut_nets = [Cut(True), Cut(False)]
missing = [without_gradient(network) for network in cut_nets]
print("without a gradient:", missing[0], "and, mended,", missing[1])
cut_ends = [end_of(train(network)) for network in cut_nets]
compare("training loss", *cut_ends, ".3f")

assert missing[0] == ["hidden.weight", "hidden.bias"]
assert cut_ends[0] > cut_ends[1]
assert missing[1] == []

# %%
# **Cause:** the way back to these parameters is cut: by ``detach()``, by ``no_grad()``, by a detour
# over NumPy or ``.item()``, or because ``forward`` does not use the layer at all. **Cure:** look
# for the cut between the loss and the first name in the list. More: :doc:`../1_basics/09_autograd`.
#
# .. _clinic-data-edit:
#
# Edits through .data
# ~~~~~~~~~~~~~~~~~~~
#
# **Symptom:** a gradient that is wrong, without a word. **Measure:** compute it by hand for one
# weight. The loss is :math:`w^2`, its gradient :math:`2w`, and :math:`w` is 1 when the loss is
# computed.
#
# **Predict, then run.** The weight is set to 10 between the loss and ``backward()``. Which gradient
# comes out?


def gradient_after(edit):
    weight = nn.Parameter(torch.ones(1))
    loss = (weight**2).sum()
    edit(weight)
    loss.backward()
    return weight.grad.item()


def through_data(weight):
    weight.data.mul_(10)


def in_the_open(weight):
    with torch.no_grad():
        weight.mul_(10)


print("through .data:  gradient", gradient_after(through_data), "instead of 2.0")
try:
    gradient_after(in_the_open)
    noticed = False
except RuntimeError as error:
    noticed = True
    print("under no_grad:  RuntimeError:", str(error).partition(": [")[0])

assert gradient_after(through_data) == 20
assert noticed
assert gradient_after(lambda weight: None) == 2

# %%
# **Cause:** autograd computes :math:`2w` from the :math:`w` that it finds, and ``.data`` hides the
# change from it. **Cure:** edit under ``torch.no_grad()`` or with ``nn.init``, and after
# ``backward()``. Then a slip is an error. More: :doc:`../1_basics/08_parameters`.
#
# .. _clinic-forward-by-name:
#
# forward called by name
# ~~~~~~~~~~~~~~~~~~~~~~
#
# **Symptom:** something attached to the network does not happen: a record stays empty, a
# measurement is missing. **Measure:** count the calls of a hook.

calls = []
handle = good.register_forward_hook(lambda *arguments: calls.append(1))
by_name = good.forward(valid_images)  # (400, 10)
after_name = len(calls)
by_call = good(valid_images)  # (400, 10)
handle.remove()
compare("calls of the hook", after_name, len(calls), "d")

assert torch.equal(by_name, by_call)
assert after_name == 0
assert len(calls) == 1

# %%
# **Cause:** the numbers are the same, but the hooks are called by ``network(…)``, not by
# ``forward``. Tools that watch or change layers, such as PyTorch's own ``torch.nn.utils.prune``,
# work through hooks. **Cure:** call the network. More: :doc:`../1_basics/06_build_model`.
#
# The start
# ---------
#
# .. _clinic-large-weights:
#
# Weights too large at the start
# ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
#
# **Symptom:** the first loss is far above :math:`\ln 10`. **Measure:** the first loss, and how sure
# the untrained network is.


def drawn_by_randn(network):
    for layer in (network[1], network[3]):
        nn.init.normal_(layer.weight)
    return network


def first_loss_and_sureness(network):
    with torch.no_grad():
        logits = network(images)  # (1000, 10)
    loss = F.cross_entropy(logits, labels).item()
    return loss, torch.softmax(logits, dim=1).amax(dim=1).mean().item()


large = drawn_by_randn(make_network())
large_start = first_loss_and_sureness(large)
usual_start = first_loss_and_sureness(make_network())
train(large)
compare("first loss", large_start[0], usual_start[0], ".2f")
compare("mean largest probability", large_start[1], usual_start[1], ".2f")
compare("accuracy after 15 epochs", accuracy(large), accuracy(good))

assert large_start[0] > 5 * ln10
assert large_start[1] > 0.8
assert abs(usual_start[0] - ln10) < 0.2
assert accuracy(good) > accuracy(large)

# %%
# **Cause:** each sum over 784 inputs with weights of size 1 is large, and the next layer makes it
# larger. The network is sure of nonsense, and the first steps are spent on undoing that. **Cure:**
# PyTorch's own start, or one of the rules in ``nn.init``. More:
# :doc:`../2_digits/05_initialization`.
#
# .. _clinic-weights-alike:
#
# All weights alike
# ~~~~~~~~~~~~~~~~~
#
# **Symptom:** a network with many units does what a network with one unit does. **Measure:** the
# largest difference between the weights of two units. A picture shows it, too. Here are two
# networks with eight hidden units (tanh this time), one of them started with the same number
# everywhere.

alike, different = [make_network(hidden=8, activation=nn.Tanh) for _ in range(2)]
for parameter in alike.parameters():
    nn.init.constant_(parameter, 0.01 if parameter.ndim == 2 else 0)
ends = [end_of(train(network, lr=0.3)) for network in (alike, different)]
gaps = []
fig = plt.figure(figsize=(7, 2.9))
for part, network, title in zip(
    fig.subfigures(2, 1),
    (alike, different),
    ("All weights alike at the start", "Random at the start"),
    strict=True,
):
    weight = network[1].weight.detach()  # (8, 784)
    gaps.append((weight - weight[0]).abs().max().item())
    plotting.show_weights(weight, fig=part)
    part.suptitle(title, fontsize=10, fontweight="bold", x=0.02, ha="left")
compare("training loss", *ends, ".3f")
compare("largest difference", *gaps, ".5f")
plotting.describe(
    fig,
    "The trained weights of eight hidden units as pictures, in two rows. Above, all "
    "weights alike at the start: eight times the same picture. Below, random at the "
    "start: eight pictures that differ.",
)
plt.show()

zeros = make_network()
for parameter in zeros.parameters():
    nn.init.zeros_(parameter)
print(f"with zeros everywhere and ReLU: loss {end_of(train(zeros, epochs=5)):.3f}")

assert gaps[0] < 1e-4
assert [bool(p.any()) for p in zeros.parameters()] == [False, False, False, True]
assert accuracy(alike) < 0.6
assert gaps[1] > 0.05
assert ends[1] < ends[0] - 0.3

# %%
# **Cause:** units with equal weights compute the same and get the same gradient, so they stay equal
# forever. With zeros it is worse: through a weight of 0 no gradient comes back at all, and with
# ReLU only the last biases learn. **Cure:** random weights. Zeros are fine for biases. More:
# :doc:`../2_digits/05_initialization`.
#
# .. _clinic-saturated-units:
#
# Saturated units
# ~~~~~~~~~~~~~~~
#
# **Symptom:** a network with sigmoid or tanh learns slowly. **Measure:** a histogram of what its
# hidden units say.


def hidden_values(network, images=images):
    with torch.no_grad():
        return network[:3](images)  # (1000, hidden)


steep = drawn_by_randn(make_network(activation=nn.Sigmoid))
gentle = make_network(activation=nn.Sigmoid)
values = [hidden_values(network) for network in (steep, gentle)]
saturated = [((v < 0.01) | (v > 0.99)).float().mean().item() for v in values]
slopes = [(v * (1 - v)).mean().item() for v in values]  # the derivative of the sigmoid
compare("saturated", *saturated, ".0%")
compare("mean slope", *slopes, ".3f")

fig, axes = plt.subplots(1, 2, figsize=(7, 2.4), sharey=True)
for ax, v, color, title in [
    (axes[0], values[0], plotting.RED, "Weights from randn"),
    (axes[1], values[1], plotting.BLUE, "PyTorch's own start"),
]:
    share = torch.full((v.numel(),), 1 / v.numel())  # (n,), so that the bars sum to 1
    ax.hist(v.flatten(), bins=25, range=(0, 1), weights=share, color=color)
    ax.set(xlabel="value of a hidden unit", title=title)
axes[0].yaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
plotting.describe(
    fig,
    "Two histograms of the values of sigmoid units before training. Left, weights from "
    f"randn: nearly all values are at 0 or at 1, and {saturated[0]:.0%} count as "
    "saturated. Right, PyTorch's own start: one hill around one half.",
)
plt.show()

assert saturated[0] > 0.4
assert slopes[0] < 0.1
assert saturated[1] < 0.05
assert slopes[1] > 0.2

# %%
# **Cause:** far from 0 the sigmoid is flat. A slope near 0 is multiplied into every gradient on its
# way to the layers in front. **Cure:** smaller weights at the start, standardized inputs, or ReLU.
# More: :doc:`../1_basics/05_neurons`.
#
# .. _clinic-dead-relus:
#
# Dead ReLUs
# ~~~~~~~~~~
#
# **Symptom:** the loss jumps at the start, comes back to about :math:`\ln 10`, and then hardly
# moves, not even with a better learning rate. **Measure:** which units are 0 for *every* image?

burnt, healthy = make_network(seed=2), make_network(seed=2)
train(burnt, lr=10, epochs=1)
train(healthy, lr=0.1, epochs=1)
activities = [hidden_values(network) for network in (burnt, healthy)]
dead = [(a == 0).all(dim=0).float().mean().item() for a in activities]
compare("dead units", *dead, ".0%")
ends = [end_of(train(network)) for network in (burnt, healthy)]
compare("loss, 15 epochs later", *ends, ".3f")

fig, axes = plt.subplots(2, 1, figsize=(6.4, 3.4), sharex=True)
for ax, activity, title in zip(
    axes, activities, ("Burnt by a learning rate of 10", "Healthy"), strict=True
):
    ax.imshow(
        (activity[:40] > 0).numpy(), cmap="Blues", vmin=0, vmax=1.4, aspect="auto"
    )
    ax.set(title=title, ylabel="image")
axes[1].set_xlabel("hidden unit")
plotting.describe(
    fig,
    "Which of 64 hidden units, from left to right, answer to which of 40 images, from "
    f"top to bottom; blue is not 0. Above, after a learning rate of 10: {dead[0]:.0%} of "
    "the columns are empty. Below, the healthy network: blue in a pattern that differs "
    "from image to image.",
)
plt.show()

assert dead[0] > 0.8
assert ends[0] > 1.2
assert dead[1] < 0.3
assert ends[1] < 1

# %%
# **Cause:** one step was so large that the sums of these units are negative for all images. There
# ReLU is 0 and has no slope, so no gradient can bring them back. **Cure:** start again, with a
# smaller learning rate. More: :doc:`../1_basics/05_neurons`.
#
# The data
# --------
#
# .. _clinic-raw-pixels:
#
# Pixels from 0 to 255
# ~~~~~~~~~~~~~~~~~~~~
#
# **Symptom:** the first loss is far above :math:`\ln 10`, and then nothing moves. **Measure:** the
# range of a batch.

raw = images * 255  # (1000, 1, 28, 28), as .float() leaves them
from_raw = make_network()
raw_losses = train(from_raw, batches=batches_of(raw, labels))
raw_accuracy = accuracy(from_raw, valid_images * 255)
raw_dead = (hidden_values(from_raw, raw) == 0).all(dim=0).float().mean().item()
compare("largest pixel", raw.max(), images.max(), ".0f")
compare("first loss", raw_losses[0], good_losses[0], ".2f")
compare("last loss", end_of(raw_losses), end_of(good_losses), ".2f")
compare("validation accuracy", raw_accuracy, accuracy(good))
print(f"units that are 0 for every image now: {raw_dead:.0%}")

assert raw_losses[0] > 2 * ln10
assert raw_accuracy < 0.6
assert raw_dead > 0.7
assert accuracy(good) > raw_accuracy + 0.2

# %%
# **Cause:** inputs that are 255 times as large make sums, and gradients of the first layer, that
# are 255 times as large. The learning rate is far too high for them, and the first steps kill the
# units (`Dead ReLUs`_). **Cure:** scale to 0 to 1 in one place, for training and for all that comes
# later. More: :doc:`../1_basics/04_transforms`.
#
# .. _clinic-no-shuffle:
#
# A loader without shuffle
# ~~~~~~~~~~~~~~~~~~~~~~~~
#
# **Symptom:** the training loss looks wonderful most of the time, and the validation accuracy does
# not. **Measure:** the labels of one batch. Files often lie in folders, one a class, and so come in
# the order of their classes.

# sphinx_gallery_thumbnail_number = 10
by_class = labels.argsort(stable=True)  # (1000,)
in_order = batches_of(images[by_class], labels[by_class], batch_size=10, shuffle=False)
shuffled = batches_of(images[by_class], labels[by_class], batch_size=10, shuffle=True)
kinds = [len(next(iter(batches))[1].unique()) for batches in (in_order, shuffled)]

forgetful, mixed = make_network(), make_network()
saw = train(forgetful, epochs=3, batches=in_order)
falls = train(mixed, epochs=3, batches=shuffled)
compare("classes in the first batch", *kinds, "d")
compare("validation accuracy", accuracy(forgetful), accuracy(mixed))

fig, ax = plt.subplots(figsize=(6.4, 2.8))
side_by_side(ax, saw, falls, "Class after class", top=9)
plotting.describe(
    fig,
    "Two losses over three epochs. Shuffled, it falls evenly. In the order of the classes "
    "it is a saw: near 0 within a class, and a tooth up to "
    f"{max(saw[20:]):.0f} whenever a new class begins.",
)
plt.show()

assert kinds[0] == 1
assert max(saw[20:]) > 1.5 * max(falls[20:])
assert kinds[1] > 3
assert accuracy(mixed) > accuracy(forgetful) + 0.1

# %%
# **Cause:** for a while there is only one right answer, so the network learns to give it always,
# and forgets the others. **Cure:** ``shuffle=True`` for training. (Validation needs none.) More:
# :doc:`../1_basics/03_data`.
#
# .. _clinic-changed-in-place:
#
# Images changed in place
# ~~~~~~~~~~~~~~~~~~~~~~~
#
# **Symptom:** an image that you show after the training looks worse than before. **Measure:**
# compare the data set with a copy of itself, some epochs later. Here, every epoch adds a little
# noise to the batches, as augmentation.

fig, axes = plt.subplots(2, 6, figsize=(7, 2.6))
spreads = []
for row, in_place in zip(axes, (True, False), strict=True):
    torch.manual_seed(0)
    mine = images[:100].clone()  # (100, 1, 28, 28)
    for epoch in range(26):
        for batch in mine.split(50):
            noise = 0.15 * torch.randn(batch.shape)  # (50, 1, 28, 28)
            if in_place:
                batch += noise
            else:
                batch = batch + noise  # (50, 1, 28, 28)
        if epoch % 5 == 0:
            row[epoch // 5].imshow(batch[0, 0].numpy(), cmap="gray", vmin=-1, vmax=2)
    row[0].set_ylabel("batch += noise" if in_place else "batch + noise")
    spreads.append((mine - images[:100]).std().item())
for place, ax in enumerate(axes.flat):
    ax.set(xticks=[], yticks=[])
    ax.spines[:].set_visible(False)
    if place < 6:
        ax.set_title(f"epoch {5 * place + 1}", loc="center", fontsize=9)
compare("noise in the data set", *spreads, ".3f")
plotting.describe(
    fig,
    "The same image after 1, 6, 11, 16, 21 and 26 epochs, twice. Above, with batch += "
    "noise, it drowns in noise. Below, with batch + noise, it is equally noisy each time "
    "and can be read.",
)
plt.show()

assert spreads[0] > 0.6
assert spreads[1] == 0

# %%
# **Cause:** ``+=``, and every method that ends in an underscore, writes into the memory that is
# there. A slice, a ``split`` and ``data[i]`` in a data set of your own are views of it.
# **Cure:** ``batch = batch + noise`` makes a new tensor, and ``clone()`` makes a copy first. More:
# :doc:`../1_basics/02_tensors`.
#
# .. _clinic-permuted-view:
#
# A view of a permuted tensor
# ~~~~~~~~~~~~~~~~~~~~~~~~~~~
#
# **Symptom:** the shapes are right, and the accuracy is near one tenth. **Measure:** look at an
# image. Some files have the images on the *last* axis, and a new shape was meant to move them.

stored = valid_images[:, 0].permute(1, 2, 0).contiguous()  # (28, 28, 400), as in a file
reshaped = stored.reshape(400, 1, 28, 28)  # (400, 1, 28, 28)
permuted = stored.permute(2, 0, 1)[:, None]  # (400, 1, 28, 28)
compare("accuracy", accuracy(good, reshaped), accuracy(good, permuted))

fig = plt.figure(figsize=(7, 1.4))
ways = {"reshape(400, 1, 28, 28)": reshaped, "permute(2, 0, 1)": permuted}
for part, (title, tried) in zip(fig.subfigures(1, 2), ways.items(), strict=True):
    plotting.show_images(tried[206:210], columns=4, fig=part)
    part.suptitle(title, fontsize=10, fontweight="bold", x=0.02, ha="left")
plotting.describe(
    fig,
    "Eight pictures. Left, four after reshape: nothing but short stripes and dots. "
    "Right, four after permute: the images as they are.",
)
plt.show()

try:
    permuted.view(400, 784)
except RuntimeError as error:
    print("RuntimeError:", error)

assert accuracy(good, reshaped) < 0.4
assert torch.equal(permuted, valid_images)
assert torch.equal(permuted.flatten(1), valid_images.flatten(1))

# %%
# **Cause:** ``reshape`` and ``view`` keep the order of the numbers in memory and cut it anew.
# ``permute`` changes which axis is which. Afterwards the numbers no longer lie in the order of the
# axes, so a ``view`` of a permuted tensor is an error, and ``reshape`` or ``flatten`` make a copy.
# **Cure:** ``permute`` to move an axis, and then look. More: :doc:`../1_basics/02_tensors`.
#
# .. _clinic-dtype:
#
# Surprises of dtype
# ~~~~~~~~~~~~~~~~~~
#
# **Symptom:** dark spots where an image is brightest. **Measure:** ``tensor.dtype``, before you
# compute.

whole = train_part.dataset.data[train_part.indices[0]]  # (28, 28), uint8
brighter = whole + 100  # (28, 28), still uint8
clamped = (whole.float() + 100).clamp(max=255)  # (28, 28)
bright = whole > 200  # (28, 28)
compare("where it is brightest", brighter[bright].min(), clamped[bright].min(), ".0f")
print("255 + 1 as uint8:", torch.tensor(255, dtype=torch.uint8).add(1).item())

fig, axes = plt.subplots(1, 3, figsize=(5.6, 2))
titles = ["uint8", "uint8, + 100", "float, + 100"]
for ax, picture, title in zip(axes, (whole, brighter, clamped), titles, strict=True):
    ax.imshow(picture.numpy(), cmap="gray", vmin=0, vmax=255)
    ax.set_title(title, loc="center", fontsize=10)
    ax.set_axis_off()
plotting.describe(
    fig,
    "An image three times: as it is; brightened as uint8, where what was brightest is "
    "dark now; brightened as float, where it is white.",
)
plt.show()

try:
    nn.Linear(784, 10)(torch.zeros(1, 784, dtype=torch.float64))
except RuntimeError as error:
    print("float64 from NumPy, RuntimeError:", error)

assert (brighter[bright] < 100).all()
assert (clamped[bright] == 255).all()

# %%
# **Cause:** ``uint8`` holds 0 to 255, and what is larger begins at 0 again. Numbers with decimals
# that come from NumPy are ``float64``, and weights are ``float32``; there at least you get an
# error. **Cure:** convert once, where the data come in: ``.float()``, or ``ToDtype`` with
# ``scale=True``. More: :doc:`../1_basics/02_tensors`.
#
# .. _clinic-two-devices:
#
# Two devices
# ~~~~~~~~~~~
#
# **Symptom:** it stops, and the message names two devices. **Measure:** ``.device`` of both. You
# can provoke it without a GPU: the device ``meta`` has shapes, but no numbers.

elsewhere = make_network().to("meta")
try:
    elsewhere(images[:50])
    refused = False
except RuntimeError as error:
    refused = True
    print("RuntimeError:", error)

device = next(elsewhere.parameters()).device
batch = images[:50]  # (50, 1, 28, 28)
batch.to(device)  # does nothing to batch
still_here = batch.device.type
batch = batch.to(device)  # (50, 1, 28, 28)
print("network:", device, "· batch before:", still_here, "· after:", batch.device)

assert refused
assert still_here == "cpu"
assert elsewhere(batch).device == device

# %%
# **Cause:** a module's ``to`` moves the module itself. A tensor's ``to`` returns a new tensor, and
# whoever forgets ``batch =`` keeps the old one. With a GPU the message is of the same kind, and
# names ``cuda:0`` and ``cpu``. **Cure:** one name ``device``, and each batch goes there in the
# loop. More: :doc:`../1_basics/06_build_model`.
#
# Measuring
# ---------
#
# .. _clinic-forgotten-eval:
#
# A forgotten eval()
# ~~~~~~~~~~~~~~~~~~
#
# **Symptom:** the same network gets another accuracy each time, and a lower one. **Measure:** ask
# twice, or print ``network.training``.

torch.manual_seed(0)
dropping = nn.Sequential(
    nn.Flatten(),
    nn.Linear(784, 64),
    nn.BatchNorm1d(64),
    nn.ReLU(),
    nn.Dropout(0.5),
    nn.Linear(64, 10),
)
train(dropping, epochs=8)


def ask(network, times=10):
    with torch.no_grad():
        hits = [answers(network) == valid_labels for _ in range(times)]
    return [h.float().mean().item() for h in hits]


seen_before = int(dropping[2].num_batches_tracked)
noisy = ask(dropping)  # still in training mode
learned_from = int(dropping[2].num_batches_tracked) - seen_before
steady = ask(dropping.eval())
compare("lowest of ten answers", min(noisy), min(steady))
compare("highest of ten answers", max(noisy), max(steady))
print("batches of validation images that the normalization took in:", learned_from)

assert len(set(noisy)) > 1
assert learned_from == 10
assert len(set(steady)) == 1
assert sum(steady) > sum(noisy)

# %%
# **Cause:** in training mode dropout throws away half of the values, at random. Batch normalization
# uses the mean of the batch in hand and even remembers it, so the validation images change the
# network. ``no_grad()`` prevents neither. **Cure:** ``network.eval()`` before you measure, and
# ``train()`` afterwards. More: :doc:`../1_basics/10_training`.
#
# .. _clinic-mean-of-means:
#
# The mean of batch means
# ~~~~~~~~~~~~~~~~~~~~~~~
#
# **Symptom:** the loss of an epoch depends on the batch size. **Measure:** compute it once over all
# images. The worst image comes last here, in a batch of its own.

with torch.no_grad():
    each_loss = F.cross_entropy(
        good(valid_images), valid_labels, reduction="none"
    )  # (400,)
    in_turn = each_loss.sort().values  # (400,)
parts = in_turn.split(57)  # seven batches of 57, and one of 1
mean_of_means = sum(part.mean().item() for part in parts) / len(parts)
weighted = sum(part.mean().item() * len(part) for part in parts) / len(in_turn)
print("sizes of the batches:", [len(part) for part in parts])
compare("loss", mean_of_means, weighted, ".4f")

assert mean_of_means > 1.2 * each_loss.mean().item()
assert abs(weighted - each_loss.mean().item()) < 1e-5

# %%
# **Cause:** each batch counted the same, so the one image in the last batch counted as much as 57
# others. **Cure:** times ``len(labels)``, and in the end divided by the number of images. More:
# :doc:`../1_basics/10_training`.
#
# .. _clinic-test-statistics:
#
# Test images in the statistics
# ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
#
# **Symptom:** the test result is good, and new images are not read as well. **Measure:** let the
# labels be coin flips. Then there is nothing to learn, and whatever is better than one half is a
# leak. Here we choose those 20 of 2,000 random numbers that differ most between the two classes.


def accuracy_on_noise(all_may_choose):
    rights = []
    for seed in range(20):
        generator = torch.Generator().manual_seed(seed)
        values = torch.randn(80, 2000, generator=generator)  # 40 to train, 40 to test
        sides = 2.0 * torch.randint(2, (80,), generator=generator) - 1
        known = slice(80 if all_may_choose else 40)
        means = (values[known] * sides[known, None]).mean(dim=0)
        chosen = means.abs().topk(20).indices
        learned = (values[:40, chosen] * sides[:40, None]).mean(dim=0)
        scores = values[40:, chosen] @ learned
        rights.append(((scores > 0) == (sides[40:] > 0)).float().mean().item())
    return sum(rights) / len(rights)


leaked, honest = accuracy_on_noise(True), accuracy_on_noise(False)
compare("coin flips guessed right", leaked, honest, ".0%")
print(
    f"mean pixel: training images {images.mean():.4f}, test images {test_images.mean():.4f}"
)

assert leaked > 0.8
assert abs(honest - 0.5) < 0.1

# %%
# **Cause:** the numbers were chosen with the test examples, so they fit those as well. With a mean
# and a standard deviation of all pixels the leak is tiny, as the last line suggests, and it is the
# same mistake: the test images have to be as unknown as those that come later. **Cure:** split
# first. Whatever is computed from data is computed from the training part. More:
# :doc:`../1_basics/04_transforms`.
#
# .. _clinic-validation-on-test:
#
# Validation on the test set
# ~~~~~~~~~~~~~~~~~~~~~~~~~~
#
# **Symptom:** the result cannot be repeated on new images. **Measure:** choose the best of many
# networks by one half of the test images, and look how it does on the other half. Here are 200
# networks: the good one, each time with a little noise on its weights. So none of them is meant to
# be better than the others.
#
# **Predict, then run.** The best of 200 is some points better than their mean. How much of that is
# left on the other half?

half = min(len(test_images) // 2, 1000)
parts = [slice(0, min(half, 170)), slice(half, 2 * half)]
weights, varied, points = good.state_dict(), make_network(), []
torch.manual_seed(0)
for _ in range(200):
    varied.load_state_dict(
        {k: w + 0.03 * torch.randn(w.shape) for k, w in weights.items()}
    )
    points.append([accuracy(varied, test_images[p], test_labels[p]) for p in parts])

best = max(points)  # by the first half
means = [sum(column) / len(points) for column in zip(*points, strict=True)]
gains = [part - mean for part, mean in zip(best, means, strict=True)]
print(
    f"the chosen one: {best[0]:.1%} on the images that chose it, {best[1]:.1%} on others"
)
compare("gain by choosing", *gains, "+.1%")

fig, ax = plt.subplots(figsize=(4.8, 3.4))
ax.plot(*zip(*points, strict=True), "o", ms=6, alpha=0.3, mec="none")
ax.plot(*best, "o", ms=9, color=plotting.RED)
ax.annotate("chosen", best, (8, 6), textcoords="offset points", color=plotting.RED)
ax.axvline(means[0], color=plotting.GRAY, ls="--", lw=1)
ax.axhline(means[1], color=plotting.GRAY, ls="--", lw=1)
for axis in (ax.xaxis, ax.yaxis):
    axis.set_major_formatter(lambda value, _: f"{value:.0%}")
ax.set(xlabel="on the half that chooses", ylabel="on the other half")
ax.set_title("The best of 200")
plotting.describe(
    fig,
    "A cloud of 200 dots: the accuracy of each network on the half of the test images "
    "that chooses, to the right, and on the other half, upward. The chosen one lies at "
    f"the right edge, {gains[0]:+.1%} from the mean, and upward {gains[1]:+.1%}.",
)
plt.show()

assert gains[0] > 0.01
assert gains[1] < gains[0]

# %%
# **Cause:** the highest of many numbers is partly luck, and the luck belongs to the images that
# were asked. **Cure:** choose with validation images, and ask the test images once, at the very
# end. More: :doc:`../1_basics/10_training`.
#
# .. _clinic-seeds:
#
# Seeds that do not hold
# ~~~~~~~~~~~~~~~~~~~~~~
#
# **Symptom:** the seed is set, and the numbers differ all the same. **Measure:** run it twice, the
# second time with one more random number drawn on the way, as a line for debugging would do.


def start_of_a_run(extra, generator=None):
    torch.manual_seed(0)
    if extra:
        torch.rand(1)
    return torch.randperm(1000, generator=generator)[:3].tolist()


def own_generator():
    return torch.Generator().manual_seed(0)


from_global = [start_of_a_run(extra) for extra in (False, True)]
from_own = [start_of_a_run(extra, own_generator()) for extra in (False, True)]
print("first images, one seed for all:", *from_global)
print("first images, own generator:   ", *from_own)

pythons, all_three = [], []
for _ in range(2):
    torch.manual_seed(0)
    pythons.append(random.random())
for _ in range(2):
    with training.deterministic(seed=0):
        all_three.append(random.random())
print("Python's own numbers repeat, by torch.manual_seed:", pythons[0] == pythons[1])
print("by training.deterministic:", all_three[0] == all_three[1])

assert from_global[0] != from_global[1]
assert pythons[0] != pythons[1]
assert from_own[0] == from_own[1]
assert all_three[0] == all_three[1]

# %%
# **Cause:** all that draws from one generator shares one row of numbers, and whoever takes one more
# shifts the others. Python and NumPy have generators of their own, which PyTorch's seed does not
# reach. **Cure:** a ``torch.Generator`` for each purpose, above all for the loader. The course's
# ``training.deterministic`` seeds all three. More: :doc:`../1_basics/03_data`.
#
# Your turn
# ---------
#
# Write your answer into the cell below an exercise, and run it: ``@exercise`` checks it and prints
# what it finds, and the page goes on with the course's version until yours is right.
# ``hint("mended_epoch")`` and ``solution("mended_epoch")`` help.
#
# Here is a patient. This function goes once through images with pixels from 0 to 255 and returns
# the mean loss. It runs without a complaint, and three of the mistakes above are in it.


def sick_epoch(network, images, labels, optimizer):
    network.train()
    total = 0.0
    for start in range(0, len(labels), 32):
        batch = images[start : start + 32]  # (batch, 1, 28, 28)
        batch /= 255
        batch_labels = labels[start : start + 32]  # (batch,)
        probabilities = network(batch).softmax(dim=1)  # (batch, 10)
        loss = F.cross_entropy(probabilities, batch_labels)
        loss.backward()
        optimizer.step()
        total += loss.item() * len(batch_labels)
    return total / len(labels)


patient = make_network()
optimizer = torch.optim.SGD(patient.parameters(), lr=0.1)
mine = images * 255  # (1000, 1, 28, 28)
for _ in range(10):
    loss = sick_epoch(patient, mine, labels, optimizer)
print(f"after ten epochs: loss {loss:.3f}, accuracy {accuracy(patient):.1%}")

assert accuracy(patient) < accuracy(good) - 0.1

# %%
# **Your turn: mended_epoch.** Write the function again, without its three mistakes:
# ``mended_epoch(network, images, labels, optimizer)``. It takes one step a batch of 32, in the
# order in which the images lie, and returns the mean loss over all images. After it the caller's
# images are what they were.

from firstlayers.exercises import exercise, hint, progress, solution


@exercise
def mended_epoch(network, images, labels, optimizer):
    """Take one step a batch of 32, and return the mean loss over all images."""
    ...  # your code here


# %%
# **Your turn: standardize_split.** Write a function ``standardize_split(train_images,
# test_images)`` that returns both, standardized: one mean is subtracted, and what is left is
# divided by one standard deviation. The question is whose. The images are (N, 1, 28, 28) and (M, 1,
# 28, 28), and stay as they are.


@exercise
def standardize_split(train_images, test_images):
    """Two sets of images -> both, standardized as training and test images."""
    ...  # your code here


# %%
# Recap
# -----
#
# * Most mistakes raise no error. They show in a number, if you look at it: the first loss, the range
#   of a batch, the sum of a row, the parameters that moved.
# * Know what health looks like. An untrained network of ten classes has a loss near
#   :math:`\ln 10`.
# * Change one thing, with the same seed, and compare two runs.
# * Shapes that fit are not yet right: broadcasting, ``reshape`` and ``dim`` fit too often.
# * What is measured on data that took part in a decision flatters you.
#
# **Next:** :doc:`02_error_messages` is about the other kind: the mistakes that do stop, and what
# their messages mean.
#
# **Further reading:** :class:`torch.nn.CrossEntropyLoss` on logits, :meth:`torch.nn.Module.eval` on
# the two modes, :meth:`torch.nn.Module.register_forward_hook` on hooks, and PyTorch's page on
# `reproducibility <https://docs.pytorch.org/docs/stable/notes/randomness.html>`__. What the
# course's own functions do about these mistakes stands in :func:`firstlayers.training.train_epoch`
# and :func:`firstlayers.training.evaluate`. A well-known list of this kind is Karpathy's `recipe
# for training neural networks <https://karpathy.github.io/2019/04/25/recipe/>`__.
