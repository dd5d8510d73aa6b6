"""
Quickstart: your first working network
======================================

You will teach a network to tell ten kinds of small images apart, save it, load it again, and say in
a sentence that others can trust how often it is right.

**In this chapter you learn**

* what it takes from images to answers: data, network, training, test, saving, prediction,
* to write the five lines that train every network,
* to see whether training is done,
* to say how good the result is, and what that number does not promise,
* which chapter explains each part in full.

**You need** Python and, to run the cells yourself, the course's package (:doc:`/install`). Every
new word is explained in half a sentence, with a link to the chapter that explains it fully. The
cells that draw are long; you may skip their code.
**Time:** 20 minutes.
"""

# %%
# Data: images, and what they show
# --------------------------------
#
# We want a program that says what is on an image. Rules for that are hard to write down. But a
# network can learn from images of which the answer is known. The course's package,
# ``firstlayers``, brings some.

import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import torch
from torch.nn import functional as F

from firstlayers import data, plotting
from firstlayers.models import NeuralNetwork

torch.manual_seed(0)
plotting.use_style()

train_set, test_set = data.load_dataset()
classes = train_set.classes
print(f"{len(train_set):,} images to learn from, {len(test_set):,} for the test")
print("classes:", ", ".join(classes))

# %%
# Each image belongs to one of ten *classes*, and its *label* says to which, as a number from 0
# to 9. (``manual_seed`` makes the random numbers the same whenever this page is run.)
#
# A network computes with *tensors*, blocks of numbers with a shape (:doc:`02_tensors`). So we turn
# all images into one tensor, with a number for each pixel, from 0 for black to 1 for white
# (:doc:`04_transforms`).
#
# Before that, the images are divided into three sets. The network learns from the *training set*.
# The *validation set* is for us: to watch, and to decide. The *test set* is kept for a single
# question at the end. :doc:`03_data` says why it takes three.

train_part, valid_part = data.split(train_set, (0.8, 0.2), seed=0)
train_images, train_labels = data.as_tensors(train_part)  # (N, 1, 28, 28), (N,)
valid_images, valid_labels = data.as_tensors(valid_part)  # (V, 1, 28, 28), (V,)
test_images, test_labels = data.as_tensors(test_set)  # (M, 1, 28, 28), (M,)

print("training:  ", tuple(train_images.shape))
print("validation:", tuple(valid_images.shape))
print("test:      ", tuple(test_images.shape))

# %%
# Read a shape from left to right: so many images, 1 channel each (gray), 28 rows, 28 columns. Here
# are the first 16, with their labels as words.

names = [classes[label] for label in train_labels[:16]]
fig = plotting.show_images(train_images[:16], names)
plt.show()

# %%
# A network
# ---------
#
# A *network* is a function with very many adjustable numbers, its *parameters*. Ours takes the
# 28 · 28 = 784 pixels of an image, computes 512 numbers from them, then 512 others from those, and
# at last ten: one for each class. Below, a circle, called a *unit*, is one of these numbers (most
# are left out), and each line has a parameter. :doc:`05_neurons` says what one circle does,
# :doc:`06_build_model` writes this network out, and :doc:`07_layers` explains ``Linear`` and
# ``ReLU``. Until then we import it.

model = NeuralNetwork()
print(f"{sum(parameter.numel() for parameter in model.parameters()):,} parameters")

fig = plotting.draw_layers(
    [784, 512, 512, 10], ["Linear, then ReLU", "Linear, then ReLU", "Linear"]
)
plt.show()

# %%
# The ten numbers are called *logits*: the larger one is, the more the network leans toward that
# class. The class with the largest is its answer, and ``argmax(dim=1)`` finds it for each image.
#
# Two numbers say how good the answers are. The *accuracy* is the fraction that is right. The *loss*
# says how wrong the network is, and counts how sure it was of that: small is good. Ours is called
# *cross-entropy*. We need both often, so they get a function. (``item()`` makes a Python number
# of a tensor.)


def measure(model, images, labels):
    model.eval()
    with torch.inference_mode():
        logits = model(images)  # (batch, 10)
    loss = F.cross_entropy(logits, labels).item()
    accuracy = (logits.argmax(dim=1) == labels).float().mean().item()
    return loss, accuracy


# %%
# (``eval()`` and ``inference_mode()`` tell PyTorch that we only measure here, and do not train;
# :doc:`10_training` has more on them. ``train()``, below, takes ``eval()`` back.)
#
# **Predict, then run.** All parameters are random numbers so far. Which fraction of the
# validation images will the network get right?

loss_before, accuracy_before = measure(model, valid_images, valid_labels)
print(f"untrained: loss {loss_before:.3f}, accuracy {accuracy_before:.1%}")
print(f"ln 10:          {torch.tensor(10.0).log().item():.3f}")

assert abs(loss_before - 2.303) < 0.1
assert accuracy_before < 0.3

# %%
# It guesses: one class in ten, so about one tenth, give or take some luck. A guess among ten
# classes costs a loss of ln 10, and :doc:`06_build_model` shows where that number comes from.
#
# Train it
# --------
#
# Training goes in *steps*. A step looks at a *batch*, which is a handful of images, here 64, and
# changes all parameters a little so that the loss of this batch gets smaller. When all training
# images have been used once, an *epoch* is over, and the next one begins. Three objects help:
#
# * the *loader* hands out the batches, in a new random order in each epoch (:doc:`03_data`),
# * the *optimizer* changes the parameters; its *learning rate* ``lr`` says how far a step goes, and
#   its *momentum* keeps some of the direction of the steps before,
# * the *scheduler* makes the steps shorter toward the end, so that the network comes to rest.
#
# How many epochs? A small data set has few steps in an epoch and needs many epochs. We plan about
# 500 steps, and at least five epochs.

loader = data.make_loader(
    train_images, train_labels, batch_size=64, shuffle=True, seed=0
)
epochs = max(5, 500 // len(loader))
optimizer = torch.optim.SGD(model.parameters(), lr=0.03, momentum=0.9)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=epochs)
print(f"{epochs} epochs of {len(loader)} steps")

# %%
# And this is training: two loops, with five lines at their heart.

step_losses = []
valid_losses, valid_accuracies = [loss_before], [accuracy_before]

for _ in range(epochs):
    model.train()
    for images, labels in loader:
        optimizer.zero_grad()  # forget what the last step computed
        logits = model(images)  # (batch, 10), the network's answers
        loss = F.cross_entropy(logits, labels)  # how wrong are they?
        loss.backward()  # which way does each parameter make it worse?
        optimizer.step()  # move each parameter a little the other way
        step_losses.append(loss.item())
    scheduler.step()

    valid_loss, valid_accuracy = measure(model, valid_images, valid_labels)
    valid_losses.append(valid_loss)
    valid_accuracies.append(valid_accuracy)

print(f"loss of the first batch: {step_losses[0]:.3f}")
print(f"loss of the last batch:  {step_losses[-1]:.3f}")

# %%
# How ``backward()`` knows which way is the story of :doc:`09_autograd`. :doc:`10_training` takes
# the five lines apart, and shows that ``training.fit`` from the course's package runs these same
# loops in one call.
#
# Is it done?
# -----------
#
# Many first examples stop while the loss is still falling, and say nothing about it. So we look.

ends = [epoch * len(loader) for epoch in range(epochs + 1)]

fig, (left, right) = plt.subplots(1, 2, figsize=(7, 3))
steps = range(1, len(step_losses) + 1)
left.plot(steps, step_losses, lw=0.7, alpha=0.6, label="training, each batch")
left.plot(ends, valid_losses, "o-", ms=3, label="validation, each epoch")
left.set(xlabel="step", title="Loss", ylim=(0, 2.5))
left.legend()
right.plot(range(epochs + 1), valid_accuracies, "o-", ms=3, color=plotting.ORANGE)
right.axhline(0.1, color=plotting.GRAY, ls="--", lw=1.5, label="guessing")
right.yaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
right.set(xlabel="epoch", title="Validation accuracy", ylim=(0, 1.03))
right.xaxis.get_major_locator().set_params(integer=True)
right.legend(loc="center right")
plotting.describe(
    fig,
    f"Left, the loss over {len(step_losses):,} steps. It falls steeply at first and is "
    f"level at the end; on the validation images it goes from {valid_losses[0]:.2f} to "
    f"{valid_losses[-1]:.2f}. Right, the validation accuracy over {epochs} epochs: it "
    f"climbs from {valid_accuracies[0]:.0%} to {valid_accuracies[-1]:.1%}, most of the "
    "way at once.",
)
plt.show()

# %%
# Steep at first, then level: that is what a finished training looks like. As a number: how much of
# its whole fall did the validation loss do in the last epoch?


def last_part(losses):
    return abs(losses[-2] - losses[-1]) / (losses[0] - losses[-1])


print(f"validation loss: from {valid_losses[0]:.3f} to {valid_losses[-1]:.3f}")
print(f"of this, in the last epoch: {last_part(valid_losses):.2%}")
print(f"validation accuracy in the end: {valid_accuracies[-1]:.1%}")

train_loss, train_accuracy = measure(model, train_images, train_labels)
print(f"on the training images: loss {train_loss:.3f}, accuracy {train_accuracy:.1%}")

assert last_part(valid_losses) < 0.03

# %%
# Almost nothing. Two things bring a loss to rest: there is little left to learn, or the steps have
# become short, as the scheduler made them. The last line says how much was left. Change ``epochs``
# and see whether more of them bring more.
#
# How good is it?
# ---------------
#
# We chose the learning rate so that the *validation* images came out well, and so their number may
# flatter us. The network has not learned from the test images. Now we ask them, once, and keep the
# answers.
#
# **Predict, then run.** Will the network do better or worse on them than on its training images?

model.eval()
with torch.inference_mode():
    test_logits = model(test_images)  # (M, 10)

predictions = test_logits.argmax(dim=1)  # (M,)
right = predictions == test_labels  # (M,)
accuracy = right.float().mean().item()


def give_or_take(accuracy, count):
    return f"give or take {200 * (accuracy * (1 - accuracy) / count) ** 0.5:.1f} points"


count = len(right)
print(f"Of {count:,} images that the network had never seen, it names {right.sum():,}")
print(f"correctly: {accuracy:.1%}, {give_or_take(accuracy, count)}.")
print()
print(f"training images:   {train_accuracy:.1%}")
valid_accuracy, valid_count = valid_accuracies[-1], len(valid_labels)
print(f"validation images: {valid_accuracy:.1%}, ", end="")
print(give_or_take(valid_accuracy, valid_count))

at_least = {"Digits": 0.95, "MNIST": 0.97, "FashionMNIST": 0.85}
assert accuracy >= at_least[type(train_set).__name__]
assert train_accuracy > accuracy

# %%
# Other test images of the same kind would have given another number. The *standard error* says how
# far off a number like ours usually is. "Give or take" is two of them: in about 95 of 100 such
# tests the truth is within this range. :doc:`10_training` checks the formula. The validation number
# has a range of its own, so do not read much into the difference between the two.
#
# Is this good? Compare it with what you get without a network. You could guess, or always name the
# most frequent class. Or you could take the mean of all training images of each class, and see to
# which of these ten a new image is nearest.

most_frequent = train_labels.bincount().argmax()
means = [train_images[train_labels == k].mean(dim=0) for k in range(10)]
mean_images = torch.stack(means)  # (10, 1, 28, 28)
distances = torch.cdist(test_images.flatten(1), mean_images.flatten(1))  # (M, 10)
nearest = distances.argmin(dim=1)  # (M,)

ways = {
    "guessing": 1 / 10,
    "always the most frequent class": (test_labels == most_frequent).float().mean(),
    "the nearest mean image": (nearest == test_labels).float().mean(),
    "our network": accuracy,
}
ways = {name: float(value) for name, value in ways.items()}

fig, ax = plt.subplots(figsize=(7, 2.2))
colors = [plotting.GRAY] * 3 + [plotting.BLUE]
bars = ax.barh(list(ways), list(ways.values()), color=colors)
ax.bar_label(bars, [f"{value:.1%}" for value in ways.values()], padding=4)
ax.invert_yaxis()
ax.set(title="Right answers on the test images", xlim=(0, 1.12), xticks=[])
ax.spines[["bottom", "left"]].set_visible(False)
ax.tick_params(length=0)
plotting.describe(
    fig,
    "Four bars, the fraction of right answers on the test images: "
    + "; ".join(f"{name}, {value:.1%}" for name, value in ways.items())
    + ".",
)
plt.show()

assert ways["our network"] > ways["the nearest mean image"]

# %%
# The mean images have learned something, too. What counts is how much less often the network errs.

errors = [1 - ways["the nearest mean image"], 1 - accuracy]
print(f"errors: {errors[0]:.1%} with mean images, {errors[1]:.1%} with the network")

# %%
# Look at the answers
# -------------------
#
# *Softmax* turns the logits into *probabilities*: positive numbers that sum to 1 for each image
# (:doc:`07_layers`). We call the probability of the network's answer its *confidence*. Above are
# the first eight test images. Below are the eight hardest, in which the true class got the smallest
# probability. The title of each is the answer. The bar below shows the confidence: green for right,
# red for wrong. Under a wrong answer stands "not", and the true class.

probabilities = F.softmax(test_logits, dim=1)  # (M, 10)
confidences = probabilities.max(dim=1).values  # (M,)
of_the_truth = probabilities[torch.arange(count), test_labels]  # (M,)
hardest = of_the_truth.argsort()[:8]  # (8,)

fig, axes = plt.subplots(2, 8, figsize=(7, 3.3))
for ax, place in zip(axes.flat, [*range(8), *hardest.tolist()], strict=True):
    color = plotting.GREEN if right[place] else plotting.RED
    confidence = confidences[place].item()
    ax.imshow(test_images[place, 0].numpy(), extent=(0, 1, 0, 1))
    ax.barh(-0.14, confidence, height=0.12, color=color)
    ax.barh(-0.14, 1, height=0.12, color=plotting.GRAY, alpha=0.3, zorder=0)
    ax.set(xlim=(0, 1), ylim=(-0.2, 1))
    ax.set_axis_off()
    ax.set_title(classes[predictions[place]], loc="center", fontsize=9, color=color)
    words = ">99%" if confidence > 0.995 else f"{confidence:.0%}"
    if not right[place]:
        words += f"\nnot {classes[test_labels[place]]}"
    ax.text(0.5, -0.26, words, ha="center", va="top", fontsize=8)
wrong = [place for place in hardest.tolist() if not right[place]]
plotting.describe(
    fig,
    "Two rows of eight test images, each titled with the network's answer, with a bar "
    "for its confidence. Above are the first eight, with "
    f"{right[:8].sum()} right answers. Below are the eight hardest; "
    f"{len(wrong)} answers are wrong there: "
    + ", ".join(
        f"{classes[predictions[place]]} for {classes[test_labels[place]]}"
        for place in wrong
    )
    + ".",
)
plt.show()

# %%
# Would you have known them all? :doc:`10_training` looks closer at the mistakes.
#
# What is the confidence worth?
# -----------------------------
#
# Where the network claims 90 %, it should be right in nine cases of ten. That can be checked. We
# sort the test answers by confidence into bins: 90 to 100 %, 80 to 90 %, and so on, and count how
# many of each bin are right. If the confidence is honest, the bars end on the dashed line, the mean
# confidence in each bin.

bins = (10 * confidences).long().clamp(max=9)  # (M,)
in_bin = bins.bincount(minlength=10)  # (10,)
right_in_bin = bins[right].bincount(minlength=10)  # (10,)

confidence_in_bin = bins.bincount(confidences, minlength=10) / in_bin  # (10,)
shown = range(int(bins.min()), 10)

fig, ax = plt.subplots(figsize=(7, 3.2))
for b in shown:
    n = in_bin[b].item()
    fraction = right_in_bin[b].item() / max(n, 1)
    ax.bar(b, fraction, 0.8, color=plotting.BLUE, alpha=1 if n >= 30 else 0.35)
filled = [b for b in shown if in_bin[b] > 0]
claims = confidence_in_bin[filled]  # (B,)
ax.plot(filled, claims, "o--", color=plotting.ORANGE, label="claimed, on average")
ticks = [f"{10 * b}–{10 * b + 10}%\n{in_bin[b]:,}" for b in shown]
ax.set_xticks(shown, ticks, fontsize=8)
ax.yaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
ax.set(ylim=(0, 1.05), ylabel="right answers", title="As often right as it claims?")
ax.set_xlabel("confidence, and number of test images (faint: fewer than 30)")
ax.tick_params(axis="x", length=0)
ax.legend(loc="lower right", bbox_to_anchor=(1, 0.98), borderpad=0)
described = [
    f"{10 * b} to {10 * b + 10} percent, {right_in_bin[b]:,} of {in_bin[b]:,}"
    for b in filled
]
plotting.describe(
    fig,
    "A bar for each bin of confidence, as high as the fraction of right answers in it, "
    "and a dashed line, the mean confidence in each bin. Right answers by bin: "
    + "; ".join(described)
    + ".",
)
plt.show()

# %%
# Most images are in the last bin. The others hold fewer, and a bar of few images is high or low by
# chance. So let us look at the last bin, at the others together, and at all.


def compare(name, chosen):
    claimed, was_right = confidences[chosen], right[chosen].float()  # (C,), (C,)
    gap = claimed - was_right  # (C,)
    mean, uncertainty = gap.mean().item(), 2 * gap.std().item() / len(gap) ** 0.5
    verdict = "surer than it should be" if mean > 0 else "less sure than it could be"
    if abs(mean) < uncertainty:
        verdict = "the difference may be chance"
    hits = chosen.logical_and(right).sum().item()
    print(f"{name}: {len(gap):,} answers, {hits:,} right, {len(gap) - hits:,} wrong")
    print(f"    claimed {claimed.mean():.2%}, right {was_right.mean():.2%}: {verdict}")


sure = confidences >= 0.9  # (M,)
compare("confidence 90 to 100 %", sure)
compare("confidence below 90 %", ~sure)
compare("all", confidences > 0)
assert right[sure].float().mean() > right[~sure].float().mean()

# %%
# So the confidence is of use: with a high one, an answer is more often right than with a low one.
# But it is no guarantee. Measure it before you rely on it.
#
# Save it, and load it
# --------------------
#
# When Python ends, the network is gone. What is worth keeping are its parameters: ``state_dict()``
# gives them with their names. The class itself stays in your code. So we save to a file, make a new
# network, and load the parameters into it.

with tempfile.TemporaryDirectory() as folder:
    path = Path(folder, "weights.pt")
    torch.save(model.state_dict(), path)
    state = torch.load(path, weights_only=True)

restored = NeuralNetwork().eval()
accuracy_new = measure(restored, valid_images, valid_labels)[1]
print(restored.load_state_dict(state))
accuracy_loaded = measure(restored, valid_images, valid_labels)[1]

print(f"new network:      {accuracy_new:.1%} of the validation images")
print(f"with the weights: {accuracy_loaded:.1%}")
print(f"the trained one:  {valid_accuracy:.1%}")

with torch.inference_mode():
    assert torch.equal(restored(test_images), test_logits)

# %%
# The ``assert`` is stricter: every logit of every test image is the same to the last bit.
# (``weights_only=True`` refuses anything but plain data, since a file from a stranger could contain
# a program. :doc:`11_save_load` shows it.)
#
# Ask about one image
# -------------------
#
# A network takes batches. A single image of shape (1, 28, 28) becomes a batch of one with
# ``unsqueeze(0)``, which puts an axis of length 1 in front. We take the test image whose answer was
# given with the lowest confidence.

place = int(confidences.argmin())
image = test_images[place]  # (1, 28, 28)
label = int(test_labels[place])
batch = image.unsqueeze(0)  # (1, 1, 28, 28)

with torch.inference_mode():
    answer = F.softmax(restored(batch), dim=1)[0]  # (10,)

print(f"{tuple(image.shape)} → {tuple(batch.shape)} → {tuple(answer.shape)}")
fig = plotting.view_classify(image, answer, classes, label=label)
plt.show()

# %%
# What the number does not promise
# --------------------------------
#
# The accuracy holds for images made like these: gray, 28 × 28 pixels, centered, bright on black.
# We change the validation images in ways that would not trouble you at all.
#
# **Predict, then run.** Once they are shifted by four pixels to the right, and once black and white
# are exchanged. How many will the network still get right?

versions = {
    "as they are": valid_images,
    "4 pixels to the right": F.pad(valid_images, (4, -4)),  # left, right
    "black and white exchanged": 1 - valid_images,
}
results = {}

fig = plt.figure(figsize=(7, 4.1))
rows = fig.subfigures(3, 1)
for row, (name, changed) in zip(rows, versions.items(), strict=True):
    with torch.inference_mode():
        top = F.softmax(model(changed), dim=1).max(dim=1)
    hits = (top.indices == valid_labels).float().mean().item()
    claimed = top.values.mean().item()
    results[name] = f"right {hits:.1%}, mean confidence {claimed:.1%}"
    plotting.show_images(changed[:8], fig=row)
    row.suptitle(f"{name}: {results[name]}", x=0.01, ha="left", fontsize=10)
    for ax in row.axes:
        ax.add_patch(plt.Rectangle((-0.5, -0.5), 28, 28, fill=False, ec=plotting.GRAY))
    if name != "as they are":
        assert hits < valid_accuracy - 0.2
        assert claimed > hits + 0.2
plotting.describe(
    fig,
    "Three rows with the same eight validation images. "
    + "; ".join(f"{name}: {result}" for name, result in results.items())
    + ".",
)
plt.show()

# %%
# To you they are the same images. To the network each pixel is an input of its own, and it has
# never met such numbers there. Look at its confidence as well: it claims far more than it gets
# right, so do not expect a warning. If your images will come from a phone, measure on images from a
# phone. (Augmentation, in :doc:`04_transforms`, can teach a network not to mind.)
#
# Common mistakes
# ---------------
#
# **Stopping too early.** The same network, five epochs on 1,000 of the images, without momentum
# and scheduler. The loss falls. Is that a success?

torch.manual_seed(0)
early = NeuralNetwork()
few_loader = data.make_loader(
    train_images[:1000], train_labels[:1000], batch_size=64, shuffle=True, seed=0
)
optimizer = torch.optim.SGD(early.parameters(), lr=0.05)
early_losses = [measure(early, valid_images, valid_labels)[0]]
for _ in range(5):
    early.train()
    for images, labels in few_loader:
        optimizer.zero_grad()
        F.cross_entropy(early(images), labels).backward()
        optimizer.step()
    early_loss, early_accuracy = measure(early, valid_images, valid_labels)
    early_losses.append(early_loss)

print(f"accuracy {early_accuracy:.1%}; of the whole fall of the loss, ", end="")
print(f"the last epoch did {last_part(early_losses):.0%}")
assert last_part(early_losses) > 0.1

# %%
# Here are the validation losses of both networks.

fig, ax = plt.subplots(figsize=(6.4, 2.8))
ax.plot(range(6), early_losses, "o-", ms=4, color=plotting.RED, label="stopped early")
ax.plot(range(epochs + 1), valid_losses, "o-", ms=4, label="come to rest")
ax.set(ylim=(0, 2.5), xlabel="epoch", ylabel="loss", title="Finished, and not")
ax.xaxis.get_major_locator().set_params(integer=True)
ax.legend(loc="center right")
plotting.describe(
    fig,
    f"Two validation losses. The one that was stopped early goes down a slope from "
    f"{early_losses[0]:.2f} to {early_losses[-1]:.2f} and ends on it after 5 epochs. "
    f"The other drops at once and is level at {valid_losses[-1]:.2f} in the end.",
)
plt.show()

# %%
# The red curve ends on a slope. Its accuracy tells you when somebody stopped, and not what this
# network can do.
#
# **Asking the training images.** The network was changed until it got these very images right. So
# their accuracy is higher, and cannot tell what the network will do with others.

print(f"wrong on training images: {1 - train_accuracy:.2%}", end=", ")
print(f"on test images: {1 - accuracy:.2%}")
assert 1 - train_accuracy < 1 - accuracy

# %%
# **Logits taken for probabilities.** Logits can be negative, and they do not sum to 1. The course's
# plot refuses them.

try:
    plotting.view_classify(test_images[0], test_logits[0], classes)
except ValueError as error:
    print("ValueError:", error)

# %%
# Comparing the logits of two images does not complain, and misleads. Image A has the larger logit,
# but the network is surer of image B: what counts is how far the largest is ahead of the others.

tops = test_logits.max(dim=1).values  # (M,)
a = int(torch.where(confidences < 0.95, tops, -torch.inf).argmax())
b = int(torch.where(confidences > 0.95, tops, torch.inf).argmin())
for name, place in [("A", a), ("B", b)]:
    first, second = test_logits[place].topk(2).values.tolist()
    print(f"image {name}: largest logit {first:.2f}, next {second:.2f}", end=", ")
    print(f"probability {confidences[place]:.2f}")

assert tops[a] > tops[b]
assert confidences[a] < confidences[b]

# %%
# **An image of another size.** The network has exactly 784 inputs. An image of 32 × 32 pixels has
# 1,024. Bring it to the right size first. (In the clinic: :ref:`error-mat1`.)

large = F.interpolate(batch, size=(32, 32))  # (1, 1, 32, 32)
try:
    model(large)
except RuntimeError as error:
    print("RuntimeError:", error)

print("resized:", tuple(model(F.interpolate(large, size=(28, 28))).shape))

# %%
# **Words as labels.** A tensor holds numbers. Words need a place in the list of classes, and that
# place is the label.

words = [classes[label] for label in test_labels[:5]]
try:
    torch.tensor(words)
except ValueError as error:
    print("ValueError:", error)

places = torch.tensor([classes.index(word) for word in words])  # (5,)
print(words, "→", places.tolist())
assert torch.equal(places, test_labels[:5])

# %%
# Your turn
# ---------
#
# Write your answer into the cell below an exercise, and run it: ``@exercise`` checks it and prints
# what it finds, and the page goes on with the course's version until yours is right.
# ``hint("classify")`` and ``solution("classify")`` help.
#
# **Your turn: classify.** Write a function ``classify(model, images, classes)``. It takes a network,
# images of shape (N, 1, 28, 28), and the list of the names of all classes. It returns the names of
# the predicted classes, as a list of N strings. Like ``measure``, it first tells the network that
# it is only asked.

from firstlayers.exercises import exercise, hint, progress, solution


@exercise
def classify(model, images, classes):
    """(N, 1, 28, 28) images -> the names of N predicted classes."""
    ...  # your code here


# %%
# **Your turn: error_rate.** Write a function ``error_rate(predictions, labels)``. Both are tensors of
# shape (N,). It returns the fraction that is wrong, between 0 and 1, as a Python number.


@exercise
def error_rate(predictions, labels):
    """(N,) predictions, (N,) labels -> the fraction that is wrong."""
    ...  # your code here


# %%
# Recap
# -----
#
# * Images become a tensor, and are divided into training, validation and test images.
# * A network turns each image into ten logits; the largest is its answer.
# * Training repeats five lines, batch by batch and epoch by epoch, until the loss has come to rest.
# * Ask the test images once. Say how many there are, how certain the number is, and what guessing
#   gives.
# * The number holds for images made like these, and a confidence is no guarantee.
# * Save the ``state_dict``, and load it into a new network.
#
# Each of the next chapters opens a part of this page:
#
# * :doc:`02_tensors`: blocks of numbers, and how to compute with them,
# * :doc:`03_data`: data sets, loaders, and the three sets,
# * :doc:`04_transforms`: from a picture to numbers between 0 and 1,
# * :doc:`05_neurons`: what a single circle of the network computes,
# * :doc:`06_build_model`: the class ``NeuralNetwork``, its logits, and GPUs,
# * :doc:`07_layers`: ``Linear``, ``ReLU`` and softmax, one at a time,
# * :doc:`08_parameters`: the numbers that training changes,
# * :doc:`09_autograd`: how ``backward()`` knows the way,
# * :doc:`10_training`: the five lines, and how to choose a learning rate,
# * :doc:`11_save_load`: the ``state_dict``, files, and going on where you stopped.
#
# **Next:** :doc:`02_tensors` shows what you can do with a block of numbers.
#
# **Further reading:** :mod:`torch.nn`, :class:`torch.optim.SGD`,
# :func:`torch.nn.functional.cross_entropy`, :func:`torch.save`. On what a confidence is worth: Guo,
# Pleiss, Sun and Weinberger, `On calibration of modern neural networks
# <https://arxiv.org/abs/1706.04599>`__.
