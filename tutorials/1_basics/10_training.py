"""
Train a neural network
======================

You will take the network of the earlier chapters from guessing to reading, watch every number that
moves on the way, and say in the end how good it is, in a sentence that others can trust.

**In this chapter you learn**

* to say in one number how wrong a network is: the *loss*,
* to take a training step apart into its five lines, and what each of them changes,
* to write the epoch and its validation yourself,
* to read curves: a learning rate that is too low or too high, and overfitting,
* to choose settings with validation images, and to ask the test images once.

**You need** the network of :doc:`06_build_model`, its parameters from :doc:`08_parameters`, and
gradients, from :doc:`09_autograd`.
**Time:** 25 minutes.
"""

# %%
# What we want: one number
# ------------------------
#
# Here is an untrained network, and 64 images of which we know the labels. ``as_tensors`` turns the
# whole training set into two tensors, once, so that no image has to be converted again and again.
# The network and what it is asked go to the same device, as in :doc:`06_build_model`.

import copy

import matplotlib.pyplot as plt
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Subset, TensorDataset

from firstlayers import data, diagnose, plotting, training
from firstlayers.models import NeuralNetwork

plotting.use_style()
if torch.accelerator.is_available():
    device = torch.accelerator.current_accelerator()
else:
    device = torch.device("cpu")

torch.manual_seed(0)
model = NeuralNetwork().to(device)
train_set, test_set = data.load_dataset()
all_images, all_labels = data.as_tensors(train_set)  # (N, 1, 28, 28), (N,)
images = all_images[:64].to(device)  # (64, 1, 28, 28)
labels = all_labels[:64].to(device)  # (64,)

# %%
# A network gives each image ten probabilities. Of these, one matters here: the probability of the
# true class. We want it to be close to 1. The *cross-entropy* is minus its natural logarithm, as
# :doc:`06_build_model` said. Let us compute it by hand for the first image, and then with PyTorch's
# function.

logits = model(images)  # (64, 10)
probabilities = F.softmax(logits, dim=1)  # (64, 10)
label = labels[0]

by_hand = -torch.log(probabilities[0, label])
print(f"probability of the true class: {probabilities[0, label].item():.4f}")
print(f"cross-entropy by hand:         {by_hand.item():.4f}")
print(f"F.cross_entropy:               {F.cross_entropy(logits[0], label).item():.4f}")

assert torch.isclose(by_hand, F.cross_entropy(logits[0], label))

# %%
# Look at what went into :func:`torch.nn.functional.cross_entropy`: the *logits*, and the label as a
# whole number. It applies the softmax itself. For a batch it gives the mean over the images.

true_probabilities = probabilities[torch.arange(64), labels]  # (64,)
loss = F.cross_entropy(logits, labels)
print(f"mean of the 64 by hand: {-torch.log(true_probabilities).mean().item():.4f}")
print(f"F.cross_entropy:        {loss.item():.4f}")

assert torch.isclose(loss, -torch.log(true_probabilities).mean())

# %%
# ``probabilities[torch.arange(64), labels]`` takes from each row the column that its label names.
#
# The picture shows how much a probability costs. Each orange dot is one of the 64 images.

fig, ax = plt.subplots(figsize=(6.4, 3.2))
axis = torch.linspace(0.006, 1, 400)  # (400,)
ax.plot(axis, -torch.log(axis), color=plotting.BLUE)
dots = true_probabilities.detach().cpu()  # (64,)
ax.scatter(dots, -torch.log(dots), color=plotting.ORANGE, s=14, zorder=3)
for probability, words, shift in [
    (0.01, "almost ruled out", (12, -4)),
    (0.1, "no idea", (12, 4)),
    (0.9, "nearly sure", (-60, 22)),
]:
    cost = -torch.log(torch.tensor(probability)).item()
    ax.plot(probability, cost, "o", color=plotting.BLUE)
    words = f"{words}: {probability} costs {cost:.2f}"
    ax.annotate(words, (probability, cost), xytext=shift, textcoords="offset points")
ax.set(xlabel="probability of the true class", ylabel="loss")
ax.set_title("What a probability costs")
plotting.describe(
    fig,
    "The curve of minus the logarithm of p: it falls steeply from 4.61 at one "
    "hundredth over 2.30 at one tenth to 0 at p = 1. The dots of the 64 images all lie "
    f"together on the curve, between p = {dots.min():.2f} and p = {dots.max():.2f}.",
)
plt.show()

# %%
# An untrained network gives every class about a tenth. So all dots lie together, and the loss
# starts near :math:`-\ln \tfrac{1}{10} = \ln 10 = 2.303`. A network that is sure and right would
# have a loss near 0. One that is sure and wrong pays far more than one that admits having no idea.

assert abs(loss.item() - torch.log(torch.tensor(10.0)).item()) < 0.1

# %%
# Where the gradient points
# -------------------------
#
# We want a smaller loss, and 669,706 parameters may be changed. Which way should each of them go?
# That is what the *gradient* says. As in :doc:`09_autograd`, ``backward()`` computes it for all
# parameters at once and puts it into their ``.grad``.
#
# **Predict, then run.** What will ``backward()`` have changed in the weights?

last = model.linear_relu_stack[-1]
weight = last.weight  # (10, 512)
before = weight.detach().clone()  # (10, 512)

print("gradient before backward():", weight.grad)
loss.backward()
print("gradient after backward(): ", tuple(weight.grad.shape), weight.grad.dtype)
print("the weights are unchanged: ", torch.equal(weight, before))

assert torch.equal(weight, before)
assert sum(parameter.numel() for parameter in model.parameters()) == 669_706

# %%
# Nothing: the weights are what they were. There is now a gradient, of the same shape as the
# weights. Each entry says how fast the loss grows when that one weight grows. A finite difference
# checks it, here for the first bias of the last layer.


def loss_with_bias_moved(by):
    moved = copy.deepcopy(model)
    with torch.no_grad():
        moved.linear_relu_stack[-1].bias[0] += by
        return F.cross_entropy(moved(images), labels).item()


slope = (loss_with_bias_moved(+0.05) - loss_with_bias_moved(-0.05)) / 0.1
print(f"measured: {slope:+.5f}")
print(f"gradient: {last.bias.grad[0].item():+.5f}")

assert abs(slope - last.bias.grad[0].item()) < 1e-4

# %%
# If the gradient of a parameter is positive, the parameter should become smaller, and the other way
# round. So we move all parameters *against* their gradients: ``distance`` times the gradient is
# subtracted. How far should we go? Let us try many distances on copies of the network, and look at
# the loss and the accuracy of our 64 images.


def after_moving(distance):
    moved = copy.deepcopy(model)
    with torch.no_grad():
        pairs = zip(moved.parameters(), model.parameters(), strict=True)
        for parameter, original in pairs:
            parameter -= distance * original.grad
        logits = moved(images)  # (64, 10)
        right = logits.argmax(dim=1) == labels  # (64,)
        return F.cross_entropy(logits, labels).item(), right.float().mean().item()


distances = torch.linspace(0, 12, 61)  # (61,)
losses, accuracies = zip(*map(after_moving, distances.tolist()), strict=True)

# %%
# The dashed line is what the gradient promises. Its slope is minus the sum of all squared entries
# of the gradient.

fig, (left, right) = plt.subplots(1, 2, figsize=(7, 3))
steepness = sum(p.grad.square().sum().item() for p in model.parameters())
promise = losses[0] - distances * steepness  # (61,)
left.plot(distances, losses)
left.plot(distances, promise, color=plotting.GRAY, ls="--", lw=1.5)
left.set(xlabel="distance moved", title="Loss: a slope to follow")
left.set_ylim(min(losses) - 0.2, max(losses) + 0.1)
right.plot(distances, accuracies, color=plotting.ORANGE, drawstyle="steps-mid")
right.yaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
right.set(ylim=(0, None), xlabel="distance moved", title="Accuracy: stairs")
lowest = min(losses)
plotting.describe(
    fig,
    f"Two curves over the distance moved. The loss starts at {losses[0]:.2f} along the "
    f"dashed slope, reaches {lowest:.2f} at {distances[losses.index(lowest)]:.1f}, and "
    f"ends at {losses[-1]:.2f}. The accuracy goes up and down in stairs.",
)
plt.show()

# %%
# Three things to see:
#
# * At the start the loss follows the promise. The gradient is right *here*, and less right farther
#   away. So we take a short step, compute a new gradient, and take the next step.
# * Too long a step makes things worse.
# * The accuracy is a staircase. Between two stairs it is level and has no slope to follow. That is
#   why networks are trained on the loss, and the accuracy is only looked at.
#
# One step, taken apart
# ---------------------
#
# An *optimizer* takes the steps. It is made once, from the parameters that it is to change. The
# plainest is :class:`torch.optim.SGD`, for stochastic gradient descent. *Stochastic*, because each
# gradient comes from a random batch and not from all images. Its *learning rate* ``lr`` is what the
# picture called distance: each parameter becomes ``parameter - lr * gradient``.

learning_rate = 0.1
optimizer = torch.optim.SGD(model.parameters(), lr=learning_rate)
optimizer.step()

assert torch.allclose(weight, before - learning_rate * weight.grad)

loss_after = F.cross_entropy(model(images), labels)
print(f"loss of this batch before the step: {loss.item():.4f}")
print(f"loss of this batch after the step:  {loss_after.item():.4f}")

assert loss_after < loss

# %%
# For the next step we need the gradient at the new place, so ``backward()`` is called again, while
# the old gradient still stands in ``.grad``. You know from :doc:`09_autograd` what it does then.
#
# **Predict, then run.** We clear the gradient, and call ``backward()`` on the same loss, computed
# twice. How will the size of the gradient change from the first call to the second?

optimizer.zero_grad()
print("gradient after zero_grad():", weight.grad)

F.cross_entropy(model(images), labels).backward()
once = weight.grad.clone()  # (10, 512)
F.cross_entropy(model(images), labels).backward()
print(f"size of the gradient: {once.norm():.4f}, then {weight.grad.norm():.4f}")

assert torch.allclose(weight.grad, 2 * once)

# %%
# It doubles. That is of use when a batch is too large for the memory: you add up the gradients of
# its parts and take one step. In all other cases the old gradients must go first. Now we have the
# five lines of every training loop, in their order:

optimizer.zero_grad()  # forget the old gradients
logits = model(images)  # (64, 10), the forward pass
loss = F.cross_entropy(logits, labels)  # how wrong is it?
loss.backward()  # in which direction does each parameter make it worse?
optimizer.step()  # move each parameter a little

# %%
# **Remember.** Clear, forward, loss, backward, step.
#
# Three parts of the data
# -----------------------
#
# A network can learn its images by heart; under *Overfitting* you will see it happen. So we divide
# the data as in :doc:`03_data`: the network learns from the *training set*, you make your decisions
# with the *validation set*, and the *test set* says at the end how good the result is.

whole = TensorDataset(all_images, all_labels)
train_part, valid_part = data.split(whole, (0.8, 0.2), seed=0)
test_part = TensorDataset(*data.as_tensors(test_set))

assert not set(train_part.indices) & set(valid_part.indices)

# %%
# A :class:`torch.utils.data.TensorDataset` pairs each image with its label, and the parts of a
# split are lists of places in it. The images exist once.

fig, ax = plt.subplots(figsize=(7, 1.1))
parts = [("training", train_part), ("validation", valid_part), ("test", test_part)]
colors = [plotting.BLUE, plotting.ORANGE, plotting.GREEN]
start = 0
for (name, part), color in zip(parts, colors, strict=True):
    ax.barh(0, len(part), left=start, color=color, edgecolor="none")
    words = ax.text(start + len(part) / 2, 0, f"{name}\n{len(part):,}")
    words.set(ha="center", va="center", color="white", fontweight="bold", fontsize=9)
    words.set_gid("keep-color")
    start += len(part)
ax.set_xlim(0, start)
ax.set_axis_off()
sizes = ", ".join(f"{len(part):,} {name} images" for name, part in parts)
plotting.describe(fig, f"A bar in three parts, drawn to scale: {sizes}.")
plt.show()

# %%
# This chapter trains many networks, to compare them. For that, 1,000 of the training images and at
# most 1,000 of the validation images will do. All of them come back for the final run.

few = Subset(whole, train_part.indices[:1000])
few_valid = Subset(whole, valid_part.indices[:1000])
few_loader = DataLoader(few, batch_size=64, shuffle=True)
few_valid_loader = DataLoader(few_valid, batch_size=500)

print("batch sizes:", [len(labels) for images, labels in few_loader])

# %%
# The training loader shuffles, so that each epoch brings other batches. The validation loader need
# not: a mean does not depend on the order. The last batch is smaller, because 1000 is 15 · 64 + 40.
# That will matter in a moment.
#
# The epoch
# ---------
#
# An *epoch* is one pass over the training images. Here it is, with the five lines at its heart.


def train_one_epoch(model, loader, optimizer):
    model.train()
    total, count = 0.0, 0
    for images, labels in loader:
        images = images.to(device)  # (batch, 1, 28, 28)
        labels = labels.to(device)  # (batch,)
        optimizer.zero_grad()
        logits = model(images)  # (batch, 10)
        loss = F.cross_entropy(logits, labels)
        loss.backward()
        optimizer.step()
        total += loss.item() * len(labels)
        count += len(labels)
    return total / count


torch.manual_seed(0)
model = NeuralNetwork().to(device)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
first_loss = train_one_epoch(model, few_loader, optimizer)
print(f"mean loss in the first epoch: {first_loss:.4f}")

# %%
# Around the five lines there is bookkeeping. ``model.train()`` comes in a moment. ``loss.item()``
# is the loss as a Python number, without the notes that PyTorch takes for ``backward()``. But why
# is it multiplied by ``len(labels)``?
#
# ``loss`` is the mean over a batch. The mean of these means would be right if all batches had one
# size. The last batch has 40 images, and each of them would count more than one of the other 960.


def mean_losses(batch_size):
    """The mean of the batch means, and the mean weighted by the batch sizes."""
    losses, sizes = [], []
    with torch.inference_mode():
        for images, labels in DataLoader(few, batch_size=batch_size):
            loss = F.cross_entropy(model(images.to(device)), labels.to(device))
            losses.append(loss.item())
            sizes.append(len(labels))
    total = sum(loss * size for loss, size in zip(losses, sizes, strict=True))
    return sum(losses) / len(losses), total / sum(sizes)


for batch_size in (1000, 64, 999):
    plain, weighted = mean_losses(batch_size)
    print(f"batch size {batch_size:4}: plain {plain:.5f}, weighted {weighted:.5f}")

assert abs(weighted - mean_losses(1000)[0]) < 1e-4

# %%
# The same network, the same images, and only the weighted mean does not care how they fell into
# batches. With batches of 64 the plain mean is off by little. In the last line a single image
# counts as much as the 999 others.
#
# Measure without learning
# ------------------------
#
# Validation is the same loop without ``backward`` and ``step``. Two lines are new.


def evaluate(model, loader):
    model.eval()
    total, right, count = 0.0, 0, 0
    with torch.inference_mode():
        for images, labels in loader:
            images = images.to(device)  # (batch, 1, 28, 28)
            labels = labels.to(device)  # (batch,)
            logits = model(images)  # (batch, 10)
            total += F.cross_entropy(logits, labels).item() * len(labels)
            right += (logits.argmax(dim=1) == labels).sum().item()
            count += len(labels)
    return total / count, right / count


loss, accuracy = evaluate(model, few_valid_loader)
print(f"validation loss {loss:.4f}, accuracy {accuracy:.1%}")

# %%
# Under ``torch.inference_mode()`` PyTorch takes no notes, as :doc:`09_autograd` showed.
# ``model.eval()`` is another thing: it tells the *layers* that this is no training. The two do not
# replace each other.

model.eval()
print("eval() alone, notes are taken:", model(images).requires_grad)
with torch.inference_mode():
    print("in inference_mode():          ", model(images).requires_grad)

# %%
# What do the layers do with the news? In our network, nothing.

with torch.inference_mode():
    in_eval_mode = model.eval()(images)  # (64, 10)
    in_train_mode = model.train()(images)  # (64, 10)

assert torch.equal(in_eval_mode, in_train_mode)

# %%
# But some layers behave differently while training. :class:`torch.nn.Dropout` sets half of its
# inputs to zero, at random, in order to make a network less dependent on single units. Outside of
# training it must let everything through. (Batch normalization is the other well-known case:
# :doc:`11_save_load` shows it.)

with_dropout = nn.Sequential(
    nn.Flatten(), nn.Linear(784, 512), nn.ReLU(), nn.Dropout(0.5), nn.Linear(512, 10)
).to(device)
optimizer = torch.optim.SGD(with_dropout.parameters(), lr=0.1)
for _ in range(5):
    train_one_epoch(with_dropout, few_loader, optimizer)

valid_images, valid_labels = few_valid[:]  # (V, 1, 28, 28), (V,)
valid_images, valid_labels = valid_images.to(device), valid_labels.to(device)

with torch.inference_mode():
    for change_mode in (with_dropout.train, with_dropout.eval):
        change_mode()
        answers = [with_dropout(valid_images) for _ in range(3)]
        accuracies = [
            f"{(answer.argmax(dim=1) == valid_labels).float().mean():.1%}"
            for answer in answers
        ]
        same = torch.equal(answers[0], answers[1])
        print(
            f"{change_mode.__name__}():",
            "same" if same else "other",
            "answer,",
            end=" ",
        )
        print("accuracy of three runs:", *accuracies)

assert same

# %%
# In training mode the same question gets another answer each time, and usually a worse one. If you
# forget ``eval()``, you measure that. So make it a habit, with every network: ``train()`` at the
# start of an epoch, ``eval()`` before you measure or predict.
#
# Many epochs
# -----------
#
# Now the loop around the loops. ``training.History`` is a record with a few empty lists.

torch.manual_seed(0)
model = NeuralNetwork().to(device)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
first_run = training.History()

for epoch in range(10):
    train_loss = train_one_epoch(model, few_loader, optimizer)
    valid_loss, valid_accuracy = evaluate(model, few_valid_loader)
    first_run.train_loss.append(train_loss)
    first_run.valid_loss.append(valid_loss)
    first_run.valid_accuracy.append(valid_accuracy)
    print(f"epoch {epoch + 1:2}: training loss {train_loss:.3f}", end=", ")
    print(f"validation loss {valid_loss:.3f}, accuracy {valid_accuracy:.1%}")

assert first_run.valid_loss[-1] < first_run.valid_loss[0]

# %%
# It learns. Numbers in columns are hard to read, curves are not.

fig = plotting.plot_history(first_run)
plt.show()

# %%
# Both losses fall, and the validation accuracy rises: what the network learns from the training
# images holds for others, too. The curves need not be smooth. And the validation loss may lie below
# the training loss at first. There is no magic in that: the training loss is collected *during* the
# epoch, from the first, still clumsy step on, and the validation loss is measured after the last.
#
# The course's package has these loops too. ``training.fit`` runs them and keeps the record. From
# the same seed it must give the same numbers. Three epochs show that it does.

torch.manual_seed(0)
model = NeuralNetwork().to(device)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
fitted = training.fit(
    model, few_loader, few_valid_loader, optimizer=optimizer, epochs=3
)

print("loop, training losses:  ", first_run.train_loss[:3])
print("fit, training losses:   ", fitted.train_loss)
print("loop, validation losses:", first_run.valid_loss[:3])
print("fit, validation losses: ", fitted.valid_loss)

for mine, theirs in [
    (first_run.train_loss, fitted.train_loss),
    (first_run.valid_loss, fitted.valid_loss),
    (first_run.valid_accuracy, fitted.valid_accuracy),
]:
    assert all(abs(a - b) < 1e-4 for a, b in zip(mine, theirs, strict=False))

# %%
# They agree but for the last digits, which depend on the order of the additions. From here on,
# ``fit`` does the work wherever this plain loop is all we need. In a terminal and in a notebook it
# shows a progress bar with the loss. This page was made without one.
#
# Four learning rates
# -------------------
#
# The learning rate is the setting that matters most. We try four of them, each ten times the one
# before. To see what happens from step to step, the function below keeps the loss of every batch.


def try_out(optimizer_class, epochs=3, **settings):
    """Train on the few images; return each step's loss, and the validation accuracy."""
    torch.manual_seed(0)
    model = NeuralNetwork().to(device).train()
    optimizer = optimizer_class(model.parameters(), **settings)
    losses = []
    for _ in range(epochs):
        for images, labels in few_loader:
            optimizer.zero_grad()
            loss = F.cross_entropy(model(images.to(device)), labels.to(device))
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
    return losses, evaluate(model, few_valid_loader)[1]


sgd = {lr: try_out(torch.optim.SGD, lr=lr) for lr in [0.01, 0.1, 1, 10]}
for lr, (losses, accuracy) in sgd.items():
    print(
        f"lr {lr:<4}: last loss {losses[-1]:.3f}, highest {max(losses):.3g}", end=", "
    )
    print(f"validation accuracy {accuracy:.1%}")

# %%
# All four start with the same weights and see the same batches, because ``try_out`` sets the seed.
# Mind the scales: the third picture has a logarithmic one.

reference = sgd[0.1][0]
steps = range(1, len(reference) + 1)
fig, axes = plt.subplots(1, 3, figsize=(7, 2.9))
for ax, title, rates in [
    (axes[0], "Too low", {0.01: plotting.GREEN}),
    (axes[1], "Too high", {1: plotting.ORANGE}),
    (axes[2], "Far too high", {10: plotting.RED}),
]:
    for lr, color in rates.items():
        ax.plot(steps, sgd[lr][0], color=color, label=f"lr = {lr}", lw=1.5)
    ax.plot(steps, reference, color=plotting.BLUE, label="lr = 0.1", lw=1.5)
    ax.set(xlabel="step", title=title)
    ax.legend(fontsize=8, handlelength=1.2)
axes[0].set(ylim=(0, 3.4), ylabel="loss of the batch")
axes[1].set_ylim(bottom=0)
axes[2].set_yscale("log")
plotting.describe(
    fig,
    f"Three pictures of the loss over {len(steps)} steps, each with the rate of 0.1, "
    f"which ends at {reference[-1]:.2f}. Too low: the curve of 0.01 ends at "
    f"{sgd[0.01][0][-1]:.2f}. Too high: the curve of 1 jumps, as high as "
    f"{max(sgd[1][0]):.1f}. Far too high: the curve of 10 shoots up to "
    f"{max(sgd[10][0]):.0e} and ends at {sgd[10][0][-1]:.1f}.",
)
plt.show()

# %%
# How to read such curves:
#
# * **Too low:** the loss falls evenly and hardly at all. Nothing is broken, but it would take very
#   long.
# * **Good:** it falls, with some noise from batch to batch.
# * **Too high:** it jumps about. Now and then it is ahead, but it does not settle.
# * **Far too high:** each step overshoots by more than the one before, and the loss explodes. What
#   is left of the network guesses, or its loss is ``nan``, not a number.
#
# Why do steps overshoot? One weight and the loss :math:`w^2` are enough to see it. This loss is a
# bowl with its bottom at 0, and its slope at w is 2w. A step makes :math:`w - \text{lr} \cdot 2w` of w,
# so it multiplies w by :math:`1 - 2 \, \text{lr}`, always by the same number.
#
# **Predict, then run.** We take twenty steps from w = 2, with autograd. Which of these four learning
# rates come closer to 0, and which of them jump across it?


def descend(start, learning_rate, steps):
    w = torch.tensor(start, requires_grad=True)
    places = [start]
    for _ in range(steps):
        w.grad = None
        w.square().backward()
        with torch.no_grad():
            w -= learning_rate * w.grad
        places.append(w.item())
    return places


descents = {lr: descend(2.0, lr, steps=20) for lr in [0.05, 0.4, 0.95, 1.05]}
for lr, places in descents.items():
    print(f"lr {lr:<4}: factor {1 - 2 * lr:+.1f}, w = 2.00", end="")
    print("".join(f", {w:+.2f}" for w in places[1:4]), end="")
    print(f" ... {places[-1]:+.3g}, loss {places[-1] ** 2:.3g}")
    path = torch.tensor(places)  # (21,)
    torch.testing.assert_close(path[1:], (1 - 2 * lr) * path[:-1])

print("lr 1   : w =", ", ".join(f"{w:+.2f}" for w in descend(2.0, 1.0, steps=4)))

fig, axes = plt.subplots(1, 4, figsize=(7, 2.6), sharex=True, sharey=True)
bowl = torch.linspace(-3, 3, 121)  # (121,)
words = ["too low", "good", "side to side", "farther each time"]
for ax, (lr, places), title in zip(axes, descents.items(), words, strict=True):
    ax.plot(bowl, bowl.square(), color=plotting.BLUE)
    heights = [w**2 for w in places]
    ax.plot(places, heights, "o-", color=plotting.ORANGE, lw=0.8, ms=3.5)
    ax.set(xlim=(-3.1, 3.1), ylim=(-0.4, 9), xticks=[-2, 0, 2], xlabel="weight w")
    ax.set_title(f"lr = {lr}\n{title}", fontsize=10)
axes[0].set_ylabel("loss")
plotting.describe(
    fig,
    "Four times the bowl of w squared, with twenty steps as dots that are joined, from "
    "w = 2 on. With 0.05 the dots creep down the right side, and do not reach the "
    "bottom. With 0.4 they are there after a few steps. With 0.95 they jump from side "
    "to side, and lower each time. With 1.05 they jump higher each time, and leave the "
    "picture.",
)
plt.show()

assert 0.2 < descents[0.05][-1] < 0.3
assert 0 < descents[0.4][-1] < 1e-6
for lr in (0.95, 1.05):
    path = torch.tensor(descents[lr])  # (21,)
    assert (path[1:] * path[:-1] < 0).all()
assert abs(descents[0.95][-1]) < 0.3
assert abs(descents[1.05][-1]) > 10

# %%
# The factor says it all. Between 0 and 1, w comes closer from one side. Between -1 and 0 it jumps
# across the bottom and still comes closer. Below -1 each jump ends farther out. A network has no
# bowl as simple as this, but its curves above tell the same story.
#
# .. interactive:: bowl
#
# Find the learning rate that is at the bottom after one step, and the one that goes back and forth
# forever. Then go one hundredth farther.
#
# **Remember.** When a network does not learn, try a learning rate ten times lower and one ten times
# higher before you change anything else.
#
# Overfitting
# -----------
#
# **Predict, then run.** We train long, and on only 100 images. What will happen to the training
# loss, and what to the validation loss?

torch.manual_seed(0)
model = NeuralNetwork().to(device)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
hundred_loader = DataLoader(Subset(few, range(100)), batch_size=20, shuffle=True)
overfit = training.fit(
    model, hundred_loader, few_valid_loader, optimizer=optimizer, epochs=50
)

best_epoch = min(range(len(overfit)), key=overfit.valid_loss.__getitem__)
hundred_loss, hundred_accuracy = evaluate(model, hundred_loader)
print(f"on the 100 images:    loss {hundred_loss:.4f}, accuracy {hundred_accuracy:.1%}")
print(f"on validation images: loss {overfit.valid_loss[-1]:.4f}", end=", ")
print(f"accuracy {overfit.valid_accuracy[-1]:.1%}")
lowest = overfit.valid_loss[best_epoch]
print(f"lowest validation loss: {lowest:.4f}, in epoch {best_epoch + 1}")

# %%
# The dot marks the epoch with the lowest validation loss.

fig, ax = plt.subplots(figsize=(6.4, 3.2))
epochs = range(1, len(overfit) + 1)
ax.plot(epochs, overfit.train_loss, label="training, 100 images")
ax.plot(epochs, overfit.valid_loss, label="validation")
ax.plot(best_epoch + 1, lowest, "o", color=plotting.ORANGE)
ax.set(ylim=(0, None), xlabel="epoch", ylabel="loss", title="Learned by heart")
ax.legend()
plotting.describe(
    fig,
    f"Two curves over {len(overfit)} epochs. The training loss falls to "
    f"{overfit.train_loss[-1]:.3f}. The validation loss falls to {lowest:.2f} in epoch "
    f"{best_epoch + 1} and is {overfit.valid_loss[-1]:.2f} at the end, far above.",
)
plt.show()

# %%
# On its 100 images the network makes no mistake, or hardly one: it has enough parameters to know
# each of them by heart. On others the loss has stopped falling, or rises again, while the training
# loss goes on toward zero. That is *overfitting*, and you see it only because you kept images
# aside.
#
# What helps? More images, above all: with 1,000 of them the same network got farther.

print(f"trained on  100 images: validation accuracy {overfit.valid_accuracy[-1]:.1%}")
print(f"trained on 1000 images: validation accuracy {first_run.valid_accuracy[-1]:.1%}")

# %%
# If there are no more images, stop when the validation loss no longer falls: *early stopping*.
# (:doc:`11_save_load` keeps the weights of the best epoch.) Dropout can narrow the gap too, and so
# can *weight decay*, which pulls all weights toward zero (``weight_decay`` of the optimizer).
#
# Better steps
# ------------
#
# Plain SGD looks only at the newest gradient. Two other optimizers are used widely. Both remember
# something.
#
# * **Momentum** (``SGD(..., momentum=0.9)``) moves by the newest gradient plus nine tenths of the
#   last move. Where gradients agree, the steps grow, up to ten times. Where they point to and fro,
#   they cancel out.
# * **Adam** (:class:`torch.optim.Adam`) divides each parameter's step by the usual size of its
#   gradient. Where gradients agree, a parameter moves by about ``lr``, be they large or tiny.
#
# Watch this on a single number whose gradient never changes, with ``lr=0.01`` for all.


def step_lengths(optimizer_class, gradient, **settings):
    number = torch.zeros((), requires_grad=True)
    optimizer = optimizer_class([number], lr=0.01, **settings)
    lengths = []
    for _ in range(60):
        before = number.item()
        number.grad = torch.tensor(gradient)
        optimizer.step()
        lengths.append(before - number.item())
    return [f"{lengths[step - 1]:.5f}" for step in (1, 2, 3, 60)]


print("steps                  1st, 2nd, 3rd, 60th")
print("SGD, gradient 1:      ", *step_lengths(torch.optim.SGD, 1.0))
print("momentum, gradient 1: ", *step_lengths(torch.optim.SGD, 1.0, momentum=0.9))
print("Adam, gradient 1:     ", *step_lengths(torch.optim.Adam, 1.0))
print("Adam, gradient 0.001: ", *step_lengths(torch.optim.Adam, 0.001))

# %%
# Since the same ``lr`` means different things to them, it would not be fair to compare them at one
# learning rate. Each gets a row of them. Everything else stays: the first weights, the batches, the
# number of steps.

kinds = {
    "SGD": (torch.optim.SGD, {}),
    "momentum": (torch.optim.SGD, {"momentum": 0.9}),
    "Adam": (torch.optim.Adam, {}),
}
tried = {("SGD", lr): result for lr, result in sgd.items()}  # done above
for name, rates in [("momentum", [0.01, 0.1, 1]), ("Adam", [0.0001, 0.001, 0.01, 0.1])]:
    optimizer_class, settings = kinds[name]
    for lr in rates:
        tried[name, lr] = try_out(optimizer_class, lr=lr, **settings)

for (name, lr), (_, accuracy) in tried.items():
    print(f"{name:8} lr {lr:<6} validation accuracy {accuracy:6.1%}")

# %%
# On the left, every trial is a dot. On the right, the losses of the best one of each optimizer,
# averaged over eight steps.

names = {"SGD": plotting.BLUE, "momentum": plotting.ORANGE, "Adam": plotting.GREEN}
fig, (left, right) = plt.subplots(1, 2, figsize=(7, 3.2))
summary = []
for name, color in names.items():
    accuracies = {lr: trial[1] for (which, lr), trial in tried.items() if which == name}
    left.plot(accuracies.keys(), accuracies.values(), "o-", color=color, label=name)
    best_lr = max(accuracies, key=accuracies.get)
    losses = torch.tensor(tried[name, best_lr][0])  # (48,)
    smooth = losses.unfold(0, 8, 1).mean(dim=1)  # (41,)
    right.plot(range(8, 49), smooth, color=color, label=f"{name}, lr {best_lr}")
    summary.append(f"{name} {accuracies[best_lr]:.1%} at {best_lr}")
left.yaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
left.set(xscale="log", ylim=(0, 1), xlabel="learning rate", title="Validation accuracy")
right.set(ylim=(0, 3.2), xlabel="step", title="Training loss, the best of each")
left.legend(loc="center left", bbox_to_anchor=(0, 0.45), fontsize=9)
right.legend(loc="upper right", fontsize=9)
plotting.describe(
    fig,
    "Left: validation accuracy over the learning rate, a hill for each optimizer. The "
    f"tops: {', '.join(summary)}. Right: the training loss of these three over "
    f"{len(steps)} steps.",
)
plt.show()

# %%
# Each optimizer has its own range of good rates, and a cliff at the upper end of it. In these few
# steps, momentum and Adam get farther than plain SGD. Which of the two is ahead depends on the
# data, and where tops lie close together, on luck.
#
# A learning rate that changes
# ----------------------------
#
# Large steps are good on the way, and small steps at the goal. A *scheduler* changes the learning
# rate while you train. :class:`torch.optim.lr_scheduler.CosineAnnealingLR` lowers it along half a
# cosine wave. ``fit`` calls ``scheduler.step()`` after each epoch.


def fit_few(scheduled, make_model=NeuralNetwork, epochs=8):
    torch.manual_seed(0)
    model = make_model().to(device)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    cosine = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=epochs)
    scheduler = cosine if scheduled else None
    how = {"optimizer": optimizer, "epochs": epochs, "scheduler": scheduler}
    return training.fit(model, few_loader, few_valid_loader, **how)


constant = fit_few(scheduled=False)
cosine = fit_few(scheduled=True)

fig, axes = plt.subplots(1, 3, figsize=(7, 2.8))
for record, name in [(constant, "constant"), (cosine, "cosine")]:
    epochs = range(1, len(record) + 1)
    axes[0].plot(epochs, record.learning_rate, label=name)
    axes[1].plot(epochs, record.train_loss, label=name)
    axes[2].plot(epochs, record.valid_loss, label=name)
axes[0].set(title="Learning rate", ylim=(0, None))
axes[1].set(title="Training loss", ylim=(0, 1))
axes[2].set(title="Validation loss", ylim=(0, 1))
axes[0].legend(loc="lower left")
for ax in axes:
    ax.set_xlabel("epoch")
    ax.xaxis.get_major_locator().set_params(integer=True)
plotting.describe(
    fig,
    "Three pictures over the epochs, with a constant and a cosine learning rate. The "
    f"learning rate stays at 0.1, or falls to {cosine.learning_rate[-1]:.3f}. The "
    f"training loss ends at {constant.train_loss[-1]:.3f} and "
    f"{cosine.train_loss[-1]:.3f}, the validation loss at "
    f"{constant.valid_loss[-1]:.3f} and {cosine.valid_loss[-1]:.3f}.",
)
plt.show()

# %%
# With the constant rate the curves may go up and down to the end, and where they stop is partly
# luck. With the falling rate the network comes to rest.
#
# The real run
# ------------
#
# Now we know enough to train on all training images. Which optimizer, and which learning rate? We
# do not choose by taste. The validation images choose.

chosen_name, chosen_lr = max(tried, key=lambda trial: tried[trial][1])
print(f"best on the validation images: {chosen_name}, learning rate {chosen_lr}")

# %%
# And how many epochs? A network learns in steps. An epoch of a small data set has few steps, so it
# takes many epochs; a large data set takes few. So we plan in steps: about 300 of them, six times as
# many as in the trials, but never fewer than three epochs.

train_loader = DataLoader(train_part, batch_size=64, shuffle=True)
valid_loader = DataLoader(valid_part, batch_size=1000)
epochs = max(3, 300 // len(train_loader))
print(f"{epochs} epochs of {len(train_loader)} steps")

torch.manual_seed(0)
model = NeuralNetwork().to(device)
optimizer_class, settings = kinds[chosen_name]
optimizer = optimizer_class(model.parameters(), lr=chosen_lr, **settings)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=epochs)
how = {"optimizer": optimizer, "epochs": epochs, "scheduler": scheduler}
history = training.fit(model, train_loader, valid_loader, **how)

fig = plotting.plot_history(history)
plotting.describe(fig, fig.get_label(), name="home-curves")
plt.show()

# %%
# All decisions are made. Now, once, we open the test set. ``training.predict`` goes through a
# loader as ``evaluate`` does, and gives us the logits themselves.

test_loader = DataLoader(test_part, batch_size=1000)
test_logits, test_labels = training.predict(model, test_loader)  # (M, 10), (M,)
probabilities = F.softmax(test_logits, dim=1).cpu()  # (M, 10)
test_labels = test_labels.cpu()  # (M,)
confidences, predictions = probabilities.max(dim=1)  # (M,), (M,)
right = predictions == test_labels  # (M,)


def standard_error(accuracy, count):
    return (accuracy * (1 - accuracy) / count) ** 0.5


count = len(right)
accuracy = right.float().mean().item()
error = standard_error(accuracy, count)
print(f"Of {count:,} test images, which had no part in training or in any choice,")
print(f"the network names {right.sum():,} correctly: {accuracy:.1%},")
print(f"give or take {200 * error:.1f} points (two standard errors).")

assert accuracy > 0.8

# %%
# Why "give or take"? Other test images of the same kind would have given another number. For hits
# that are counted, statistics knows by how much: with the accuracy :math:`p` on :math:`n` images,
# the *standard error* is :math:`\sqrt{p (1 - p) / n}`, and about 95 of 100 such measurements fall
# within two of them. Check the formula: draw new test sets out of ours, with repetition, 500 times.

drawn = torch.randint(count, (500, count))  # (500, M)
accuracies = right[drawn].float().mean(dim=1)  # (500,)
print(f"standard error by the formula:  {error:.4f}")
print(f"spread of the drawn accuracies: {accuracies.std():.4f}")

# %%
# So if a friend's network is better than yours by less than that, nobody knows whose is better. The
# validation accuracy is only that certain, too, and the two need not agree more closely.

valid_accuracy, valid_count = history.valid_accuracy[-1], len(valid_part)
valid_error = standard_error(valid_accuracy, valid_count)
print(f"test:       {accuracy:.1%}, give or take {200 * error:.1f} points")
print(f"validation: {valid_accuracy:.1%}, give or take {200 * valid_error:.1f} points")

# %%
# And the number holds for images made as these were: small, centered, white on black. It promises
# nothing about others. (The bundled digits do not say who wrote them, so some writers are in all
# three parts. Digits by a new writer may be harder.)
#
# Look at the answers
# -------------------
#
# The accuracy says how often, but not what. Here are the first 14 test images, and two that the
# network got wrong without being very sure. Above each stand its answer and the probability.

mistakes = torch.nonzero(~right).flatten()  # (W,)
mistakes = mistakes[confidences[mistakes].argsort(descending=True)]  # (W,)


def caption(place):
    answer = test_set.classes[predictions[place]]
    chance = ">99%" if confidences[place] > 0.995 else f"{confidences[place]:.0%}"
    words = f"{answer}: {chance}" if len(answer) == 1 else f"{answer}\n{chance}"
    if not right[place]:
        words += f"\nnot {test_set.classes[test_labels[place]]}"
    return words


def show_answers(places, columns):
    pictures = test_part[places][0]  # (places, 1, 28, 28)
    captions = [caption(place) for place in places]
    fig = plotting.show_images(pictures, captions, columns=columns)
    wrong = []
    for ax, place, words in zip(fig.axes, places, captions, strict=False):
        if not right[place]:
            ax.title.set_color(plotting.RED)
            frame = plt.Rectangle((0, 0), 27, 27, fill=False, ec=plotting.RED, lw=4)
            ax.add_patch(frame)
            wrong.append(words.replace("\n", ", "))
    text = f"{len(places)} test images, each with the network's answer and probability."
    text += f" Framed in red, because wrong: {'; '.join(wrong)}."
    return plotting.describe(fig, text)


fig = show_answers([*range(14), *mistakes[-2:].tolist()], columns=4)
plotting.describe(fig, fig.get_label(), name="home-predictions")
plt.show()

# %%
# The mistakes to learn from are those that the network was sure of. The surest come first.

print(len(mistakes), "mistakes")
fig = show_answers(mistakes[:6].tolist(), columns=6)
plt.show()

# %%
# Would you have known? Some are hard for a person, too. Others are not. A high probability is no
# promise: it says how strongly the network leans, and training rewarded it for leaning far.
#
# Which classes are mixed up? In a *confusion matrix* each row is a true class and each column a
# predicted one. The hits lie on the diagonal, and all else is a mistake.

fig = plotting.plot_confusion(test_labels, predictions, test_set.classes)
plt.show()

# %%
# After such a look you may want to change something and ask the test set again. Do not. That would
# be a choice, and choices belong to the validation images. Draw the same pictures for those.
#
# Common mistakes
# ---------------
#
# **No** ``zero_grad()``. The gradients of all steps pile up, and no message tells you. This
# optimizer is the SGD of our first run, with a ``zero_grad`` that does nothing.


class NeverCleared(torch.optim.SGD):
    def zero_grad(self, set_to_none=True):
        pass


torch.manual_seed(0)
model = NeuralNetwork().to(device)
optimizer = NeverCleared(model.parameters(), lr=0.1)
forgotten = training.fit(
    model, few_loader, few_valid_loader, optimizer=optimizer, epochs=len(first_run)
)

# %%
# How do the validation accuracies of the two runs compare?

fig, ax = plt.subplots(figsize=(6.4, 2.8))
epochs = range(1, len(first_run) + 1)
ax.plot(epochs, first_run.valid_accuracy, label="cleared before each step")
ax.plot(epochs, forgotten.valid_accuracy, color=plotting.RED, label="never cleared")
ax.yaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
ax.set(ylim=(0, 1.25), yticks=[0, 0.5, 1], xlabel="epoch", title="Validation accuracy")
ax.legend(loc="upper left", ncols=2)
plotting.describe(
    fig,
    f"The validation accuracy over {len(first_run)} epochs. With cleared gradients it "
    f"ends at {first_run.valid_accuracy[-1]:.1%}. Without, it ends at "
    f"{forgotten.valid_accuracy[-1]:.1%}.",
)
plt.show()

# %%
# The trap is in the beginning: it looks fine, even fast. Each step follows the sum of all gradients
# so far, like momentum without a brake. Then it overshoots, and what has piled up drives it on. In
# the clinic the length of that sum is measured: :ref:`clinic-no-zero-grad`.
#
# **Softmax before the loss.** ``cross_entropy`` applies softmax itself. If the network ends with
# one, there are two in a row. The second gets numbers between 0 and 1, which are too close together
# for it: even a perfect answer, 1 for the true class and 0 for the nine others, costs a lot.

perfect = F.one_hot(torch.tensor([3]), 10).float()  # (1, 10)
floor = F.cross_entropy(perfect, torch.tensor([3])).item()
print(f"the lowest possible loss: {floor:.4f}")

assert abs(floor - 1.4612) < 1e-4


def with_softmax():
    return nn.Sequential(NeuralNetwork(), nn.Softmax(dim=1))


twice = fit_few(scheduled=False, make_model=with_softmax)
for name, record in [("logits", constant), ("softmax", twice)]:
    print(f"{name:7} into the loss: validation accuracy", end=" ")
    print(f"{record.valid_accuracy[-1]:.1%}, training loss {record.train_loss[-1]:.3f}")

# %%
# The training losses of the two:

fig, ax = plt.subplots(figsize=(6.4, 3))
epochs = range(1, len(twice) + 1)
ax.plot(epochs, constant.train_loss, label="logits into the loss")
ax.plot(epochs, twice.train_loss, label="softmax into the loss")
ax.axhline(floor, color=plotting.RED, ls="--", lw=1.5, label=f"the floor, {floor:.4f}")
ax.set(xlabel="epoch", ylabel="training loss", title="One softmax too many")
ax.set_ylim(0, 3)
ax.legend(loc="upper center", ncols=3, fontsize=9)
plotting.describe(
    fig,
    f"Two training losses over {len(twice)} epochs. With logits it falls to "
    f"{constant.train_loss[-1]:.2f}. With softmax it is at {twice.train_loss[-1]:.2f} "
    f"in the end, above the dashed floor at {floor:.4f}.",
)
plt.show()

# %%
# It learns, slowly and less well, and that makes this mistake hard to find. If your loss refuses to
# fall below 1.4612, look for a softmax. In the clinic: :ref:`clinic-softmax-before-loss`.
#
# **An optimizer of another network.** In a notebook, you run the cell that makes the network once
# more, but not the cell that makes the optimizer. It still moves the parameters of the old network.

model = NeuralNetwork().to(device)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
model = NeuralNetwork().to(device)

losses = []
for _ in range(4):
    optimizer.zero_grad()
    loss = F.cross_entropy(model(images), labels)
    loss.backward()
    optimizer.step()
    losses.append(loss.item())
print(losses)

assert len(set(losses)) == 1

# %%
# Not a digit moves. In a real run, where each batch is another, you would see a loss that wanders a
# little around its first value and never falls.
#
# Neither of the last two mistakes raises an error. But the doctor from :doc:`06_build_model` sees
# both, if you show it the optimizer, too.

softmaxed = diagnose(with_softmax().to(device), images, labels)
left_behind = diagnose(model, images, labels, optimizer=optimizer)
print(f"{softmaxed}\n\n{left_behind}")

assert softmaxed.names == ["softmax on the output"]
assert left_behind.names == ["stale optimizer"]

# %%
# **Labels of the wrong kind.** Labels are class numbers, of type ``int64``. Floating-point numbers
# will not do, nor will *one-hot* rows of whole numbers. (In the clinic: :ref:`error-target-dtype`,
# :ref:`error-class-probabilities`.)

logits = model(images)  # (64, 10)
one_hot = F.one_hot(labels, 10)  # (64, 10)

for wrong_labels in (labels.float(), one_hot):
    try:
        F.cross_entropy(logits, wrong_labels)
    except RuntimeError as error:
        print("RuntimeError:", error)

# %%
# The second message speaks of class probabilities: rows of *floats* are accepted, for labels that
# are themselves uncertain. For plain classes they only take memory, as :doc:`04_transforms` showed.
#
# **A loss that is not one number.** ``backward()`` asks how *one* number changes. With
# ``reduction="none"`` you have 64 of them. Take their mean first. (In the clinic:
# :ref:`error-scalar-outputs`.)

try:
    F.cross_entropy(model(images), labels, reduction="none").backward()
except RuntimeError as error:
    print("RuntimeError:", error)

# %%
# **The same loss twice.** Each step needs a forward pass of its own: :doc:`09_autograd` shows the
# error of a second ``backward()``.
#
# **No** ``eval()``. You have seen it above, with dropout: the same image, another answer each time.
# In the clinic: :ref:`clinic-forgotten-eval`, and its counterpart, :ref:`clinic-forgotten-train`.
#
# Your turn
# ---------
#
# Write your answer into the cell below an exercise, and run it: ``@exercise`` checks it and prints
# what it finds, and the page goes on with the course's version until yours is right.
# ``hint("sgd_step")`` and ``solution("sgd_step")`` help.
#
# **Your turn: sgd_step.** Write a function ``sgd_step(parameters, learning_rate)``. It gets
# parameters that have their gradients, of any shapes, in a list or as ``model.parameters()`` gives
# them. It moves each of them in place by the rule of plain SGD, then clears the gradients, and
# returns nothing. PyTorch must take no notes of the move.

from firstlayers.exercises import exercise, hint, progress, solution


@exercise
def sgd_step(parameters, learning_rate):
    """Move each parameter in place against its gradient, and clear the gradients."""
    ...  # your code here


# %%
# **Your turn: momentum_step.** Write a function ``momentum_step(parameters, moves, learning_rate,
# momentum)``. ``moves`` is a list with one tensor for each parameter, of the same shape and zero at
# first. A move becomes ``momentum`` times itself plus the gradient, in place. The parameter then
# goes ``learning_rate`` times the new move downhill, in place, and its gradient is cleared.


@exercise
def momentum_step(parameters, moves, learning_rate, momentum):
    """Update each move in place, go that way, and clear the gradients."""
    ...  # your code here


# %%
# **Your turn: train_epoch.** Write a function ``train_epoch(model, loader, optimizer)``, without
# looking above. The loader gives images of shape (batch, 1, 28, 28) and labels of shape (batch,),
# and its last batch may be smaller. They are on the model's device already. Train on each batch
# with the cross-entropy, one step a batch, and return the mean loss over all images, as a Python
# number.


@exercise
def train_epoch(model, loader, optimizer):
    """Take one step a batch, and return the mean loss over all images."""
    ...  # your code here


# %%
# **Your turn: accuracy.** Write a function ``accuracy(model, loader)``. It returns the fraction of
# images whose class is predicted right, between 0 and 1, as a Python number. The model may have
# dropout, the last batch may be smaller, and again everything is on one device.


@exercise
def accuracy(model, loader):
    """The fraction of images whose class is predicted right, between 0 and 1."""
    ...  # your code here


# %%
# Recap
# -----
#
# * The loss is one number that says how wrong: cross-entropy on logits, near ln 10 at the start.
# * A step is five lines: clear, forward, loss, backward, step. ``backward()`` adds, so clear first.
# * Call ``train()`` before an epoch, ``eval()`` and ``inference_mode()`` before you measure.
# * The learning rate matters most. Curves show whether it is too low, good or too high, and whether
#   the network learns by heart.
# * Validation images choose, test images are asked once, and the answer has a standard error.
#
# **Next:** :doc:`11_save_load` keeps what the network has learned.
#
# **Further reading:** :class:`torch.nn.CrossEntropyLoss`, the module :mod:`torch.optim`. The
# papers: `stochastic approximation, where SGD comes from
# <https://doi.org/10.1214/aoms/1177729586>`__, `momentum
# <https://proceedings.mlr.press/v28/sutskever13.html>`__, `Adam
# <https://arxiv.org/abs/1412.6980>`__, `cosine learning rates <https://arxiv.org/abs/1608.03983>`__
# and `dropout <https://jmlr.org/papers/v15/srivastava14a.html>`__.
