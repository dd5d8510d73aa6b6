"""
Ask which way to turn each weight
=================================

You will ask PyTorch how the loss changes with each number in the network, look at the answer as
pictures, compute part of it yourself, and take one step with it.

**In this chapter you learn**

* what ``backward()`` computes, and where it puts it,
* why the gradient of a first-layer weight looks like an image,
* what a weight gets from a pixel that is the same in all images,
* to take one step of SGD by hand, equal to that of :class:`torch.optim.SGD`,
* how far one step may go.

**You need** the network from :doc:`05_initialization` and the cross-entropy from :doc:`07_losses`.
How PyTorch finds gradients is told from the beginning in :doc:`../1_basics/09_autograd`.
**Time:** 20 minutes.
"""

# %%
# One slope for each entry
# ------------------------
#
# A *gradient* says how fast a result changes when a number that went into it changes. Start with
# something small: take a tensor, square it, take the mean. ``requires_grad=True`` asks PyTorch to
# take notes on the way, and ``backward()`` goes through these notes from the end to the beginning.

import copy

import matplotlib.pyplot as plt
import torch
from torch import nn

from firstlayers import data, models, plotting

plotting.use_style()

torch.manual_seed(7)
x = torch.randn(2, 2, requires_grad=True)  # (2, 2)
y = x**2  # (2, 2)
z = y.mean()
print("notes:", type(y.grad_fn).__name__, "and", type(z.grad_fn).__name__)

z.backward()
print(x.grad)
print((x / 2).detach())

# %%
# The gradient is :math:`x / 2`, it seems, and some tutorials leave it at that. But the square
# contributes :math:`2x`, and the mean over :math:`n` entries divides by :math:`n`.
#
# **Predict, then run.** For which of these four sizes is :math:`x / 2` right?

fig, ax = plt.subplots(figsize=(7, 2.9))
for n in (2, 4, 6, 16):
    x = torch.linspace(-2, 2, n, requires_grad=True)  # (n,)
    (x**2).mean().backward()
    half = torch.allclose(x.grad, x / 2)
    print(f"{n:2} entries: 2x/n is right, x/2 is {'right' if half else 'wrong'}")
    torch.testing.assert_close(x.grad, 2 * x.detach() / n)
    assert half == (n == 4)
    ax.plot(x.detach(), x.grad, "o-", lw=1, ms=5, label=f"{n} entries")
ax.plot([-2, 2], [-1, 1], color=plotting.GRAY, ls="--", lw=3, zorder=0, label="x / 2")
ax.set(xlabel="entry x", ylabel="gradient", xlim=(-2.2, 3.6), xticks=range(-2, 3))
ax.set_title("The gradient of mean(x²) is 2x / n")
ax.legend(loc="center right")
plotting.describe(
    fig,
    "The gradient of the mean of x squared over the entry x: four straight lines "
    "through 0, for 2, 4, 6 and 16 entries. The more entries, the flatter the line. "
    "Only the line for 4 entries lies on the dashed line x / 2.",
)
plt.show()

# %%
# The gradient of the loss
# ------------------------
#
# The network works the same way, with more numbers. The parameters ask for gradients by themselves.
# Here are a batch, the network and the loss.

train_set, _ = data.load_dataset()
all_images, all_labels = data.as_tensors(
    train_set, mean=0.5, std=0.5
)  # (N, 1, 28, 28), (N,)
loader = data.make_loader(all_images, all_labels, 64, shuffle=True, seed=0)
images, labels = next(iter(loader))  # (64, 1, 28, 28), (64,)
features = images.flatten(1)  # (64, 784)

torch.manual_seed(0)
model = models.Network()
loss_fn = nn.CrossEntropyLoss()
loss = loss_fn(model(images), labels)

note = loss.grad_fn
for _ in range(3):
    print(type(note).__name__)
    note = note.next_functions[0][0]

# %%
# These are PyTorch's last three notes, the latest first: negative log-likelihood, log-softmax, and
# the linear layer ``fc3`` (``addmm`` adds a product of matrices). So cross-entropy *is* LogSoftmax
# with NLLLoss, as :doc:`07_losses` showed. Now go backward.

print("before:", model.fc1.weight.grad)
assert all(parameter.grad is None for parameter in model.parameters())

loss.backward()

for name, parameter in model.named_parameters():
    size = parameter.grad.norm().item()
    print(f"{name:11} gradient {tuple(parameter.grad.shape)!s:10} length {size:.3f}")
    assert parameter.grad.shape == parameter.shape

total = sum(parameter.numel() for parameter in model.parameters())
print(f"slopes: {total:,}")
assert total == 109_386

# %%
# Each parameter has got a gradient of its own shape: one slope for each number. It is the gradient
# **of the loss with respect to the parameters**. (You may read it the other way round.) To see what
# that means, take the weight of ``fc3`` with the steepest slope, raise and lower it by 0.01, and
# divide the change of the loss by the change of the weight.

gradient = model.fc3.weight.grad  # (10, 64)
place = divmod(gradient.abs().argmax().item(), 64)


def loss_with(change):
    changed = copy.deepcopy(model)
    with torch.no_grad():
        changed.fc3.weight[place] += change
        return loss_fn(changed(images), labels).item()


measured = (loss_with(0.01) - loss_with(-0.01)) / 0.02
print(f"slope by backward(): {gradient[place].item():+.5f}")
print(f"measured:            {measured:+.5f}")
assert abs(measured / gradient[place].item() - 1) < 0.02

# %%
# A gradient is a picture
# -----------------------
#
# A unit of ``fc1`` has 784 weights, one for each pixel, so the gradient of its weights is a
# picture. What is on it? Take a single image first. The loss depends on the unit's weighted sum,
# with some slope; ``retain_grad()`` keeps it for us. And the sum depends on the weight of a pixel
# with the slope *pixel*. The chain rule multiplies the two.


def backward(images, labels):
    """Compute the gradients; return those of fc1's weights and of its weighted sums."""
    model.zero_grad()
    sums = model.fc1(images.flatten(1))  # (batch, 128)
    sums.retain_grad()
    logits = model.fc3(torch.relu(model.fc2(torch.relu(sums))))  # (batch, 10)
    loss_fn(logits, labels).backward()
    return model.fc1.weight.grad.clone(), sums.grad


of_one, slopes = backward(images[:1], labels[:1])  # (128, 784), (1, 128)
for unit in range(128):
    torch.testing.assert_close(of_one[unit], slopes[0, unit] * features[0])

off = model.fc1(features[0]) <= 0  # (128,)
print(f"units that are off for this image: {off.sum().item()} of 128")
assert torch.all(of_one[off] == 0)

# %%
# So for one image, the gradient of a unit *is* the image, times a number. Units that are off get 0,
# because there ReLU is flat.
#
# In a batch, every image contributes such a picture with its own number, and they add up. (The
# mean's 1/64 is already in the numbers.) We check it for one unit and one pixel.

of_batch, slopes = backward(images, labels)  # (128, 784), (64, 128)
unit = of_batch.norm(dim=1).argmax()
for pixel in (0, 300, 406, 500):
    contributions = slopes[:, unit] * features[:, pixel]  # (64,)
    torch.testing.assert_close(contributions.sum(), of_batch[unit, pixel])

# %%
# First the seven units with the largest gradient for one image, then for the whole batch.

fig = plt.figure(figsize=(7, 3.4))
heading = {"x": 0.01, "ha": "left", "fontsize": 11, "fontweight": "bold"}
tables = {"Gradients from one image": of_one, "From the batch of 64": of_batch}
for part, (title, table) in zip(fig.subfigures(2, 1), tables.items(), strict=True):
    top = table.norm(dim=1).topk(7).indices  # (7,)
    part.suptitle(title, **heading)
    plotting.show_weights(table[top], [f"unit {k}" for k in top.tolist()], fig=part)
plotting.describe(
    fig,
    "Two rows of seven pictures. Above, seven times the same image, in red on blue or "
    "in blue on red, stronger or paler. Below, from the batch, seven different blurred "
    "pictures, sums of many images, with an even color along the border.",
)
plt.show()

# %%
# A step goes *against* the gradient. Where a picture is blue, the weight will grow.
#
# The border
# ----------
#
# Along the border, each picture has one even color. Many pixels there are black in all 64 images,
# and black is -1 here (:doc:`01_look_at_digits`).
#
# **Predict, then run.** How do the gradients for all these pixels compare? And what will they be if
# black is 0?

black = (features == -1).all(dim=0)  # (784,)
print(f"black in the whole batch: {black.sum().item()} of 784 pixels")

columns = of_batch[:, black]  # (128, black)
torch.testing.assert_close(columns, columns[:, :1].expand_as(columns))
torch.testing.assert_close(columns[:, 0], -model.fc1.bias.grad)

zero_one, _ = backward((images + 1) / 2, labels)  # (128, 784), (64, 128)
print("largest gradient there, black is -1:", f"{columns.abs().max():.4f}")
print("largest gradient there, black is 0: ", zero_one[:, black].abs().max().item())
assert columns.abs().max() > 0.001
assert torch.all(zero_one[:, black] == 0)

# %%
# The pixel is a factor in every contribution. Where it is -1 for every image, the sum is the same
# for all such pixels: minus the gradient of the bias. These weights act as more biases. Where the
# pixel is 0, nothing arrives, and these weights never move (:doc:`../1_basics/08_parameters` shows
# what that leaves behind). Here are the seven units with the largest gradient in that case.

top = zero_one.norm(dim=1).topk(7).indices  # (7,)
fig = plt.figure(figsize=(7, 1.8))
fig.suptitle("From the batch, with pixels from 0 to 1", **heading)
plotting.show_weights(zero_one[top], [f"unit {k}" for k in top.tolist()], fig=fig)
plotting.describe(
    fig,
    "The gradients of seven units, computed with pixels from 0 to 1. Now the border is "
    "white, and only the places where images have ink are colored.",
)
plt.show()

# %%
# One step by hand
# ----------------
#
# Gradient descent subtracts from each parameter its gradient, times the *learning rate*. We
# do it under ``no_grad``, so that PyTorch does not take the change for a part of the network.
# Beside it, :class:`torch.optim.SGD` does its step on a copy.

learning_rate = 0.01
by_hand, by_optimizer = copy.deepcopy(model), copy.deepcopy(model)
optimizer = torch.optim.SGD(by_optimizer.parameters(), lr=learning_rate)
for network in (by_hand, by_optimizer):
    network.zero_grad()
    loss_fn(network(images), labels).backward()

with torch.no_grad():
    for parameter in by_hand.parameters():
        parameter -= learning_rate * parameter.grad
optimizer.step()

pairs = zip(by_hand.parameters(), by_optimizer.parameters(), strict=True)
for ours, theirs in pairs:
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-6)
print("by hand and by the optimizer: equal to within 1e-6")

loss_after = loss_fn(by_hand(images), labels)
print(f"loss before: {loss.item():.4f}")
print(f"loss after:  {loss_after.item():.4f}")
assert loss_after < loss

# %%
# How far?
# --------
#
# One step, and the loss of this batch is a little lower. The slope even promised how much lower:
# the learning rate times the squared length of the gradient. (Each number moves by the learning
# rate times its slope. That lowers the loss by this move times the slope once more. Add them up.)
#
# **Predict, then run.** Does a step ten times as large gain ten times as much? And one a thousand
# times as large?

model.zero_grad()
loss_fn(model(images), labels).backward()
gradients = [parameter.grad.clone() for parameter in model.parameters()]
length = sum(gradient.square().sum() for gradient in gradients).sqrt().item()


def loss_at(direction, distance):
    moved = copy.deepcopy(model)
    with torch.no_grad():
        for parameter, part in zip(moved.parameters(), direction, strict=True):
            parameter += distance * part
        return loss_fn(moved(images), labels).item()


downhill = [-gradient for gradient in gradients]
rates = torch.logspace(-3, 1, 60).tolist()
reached = [loss_at(downhill, rate) for rate in rates]
promised = [loss.item() - rate * length**2 for rate in rates]
for rate in (0.01, 0.1, 1, 10):
    gain = loss.item() - loss_at(downhill, rate)
    print(f"learning rate {rate:5}: promised {rate * length**2:8.4f}, got {gain:+9.4f}")

best = rates[reached.index(min(reached))]
fig, ax = plt.subplots(figsize=(7, 3))
ax.plot(rates, reached, color=plotting.BLUE, label="loss after one step")
ax.plot(rates, promised, color=plotting.ORANGE, ls="--", label="promised by the slope")
ax.axhline(loss.item(), color=plotting.GRAY, lw=1, label="loss before")
ax.plot(best, min(reached), "o", color=plotting.GREEN, ms=8, label="lowest")
ax.set(xscale="log", ylim=(1.8, 3.4), xlabel="learning rate", ylabel="loss")
ax.set_xticks([0.001, 0.01, 0.1, 1, 10], ["0.001", "0.01", "0.1", "1", "10"])
ax.set_title("One step, of many sizes")
ax.legend(loc="upper left")
plotting.describe(
    fig,
    "The loss after one step over the learning rate, from 0.001 to 10. It follows the "
    "dashed promise of the slope for small steps, is lowest for a learning rate of "
    f"{best:.2f}, and shoots up beyond, far above the loss before the step.",
)
plt.show()

small = loss.item() - loss_at(downhill, 0.01)
assert abs(small / (0.01 * length**2) - 1) < 0.1
assert loss_at(downhill, 10) > loss.item()
assert 0.01 < best < 10

# %%
# A small step gets what was promised. A larger one gets less, and a very large one makes the loss
# worse than before: a gradient is right *here*. (Training takes many steps, on many batches. Which
# learning rate is good for it, :doc:`09_train` finds out by trying.)
#
# Is the gradient better than any other direction? We walk the same distance uphill, and in twenty
# random directions.

torch.manual_seed(0)
distances = torch.linspace(0, 0.2, 11).tolist()
ways = {"downhill": [part / length for part in downhill]}
ways["uphill"] = [-part for part in ways["downhill"]]
for number in range(20):
    parts = [torch.randn_like(part) for part in downhill]
    norm = sum(part.square().sum() for part in parts).sqrt()
    ways[f"random {number}"] = [part / norm for part in parts]

looks = {"downhill": plotting.GREEN, "uphill": plotting.RED}
changes = {}
fig, ax = plt.subplots(figsize=(7, 2.9))
for name, direction in ways.items():
    curve = [loss_at(direction, distance) for distance in distances]
    changes[name] = curve[-1] - curve[0]
    known = name in looks
    color, width = looks.get(name, plotting.GRAY), 2.5 if known else 1
    label = name if known else "random" if name == "random 0" else None
    ax.plot(distances, curve, color=color, lw=width, label=label)
ax.set(xlabel="distance from the start", ylabel="loss")
ax.set_title("The same distance in 22 directions")
ax.legend(loc="upper left")
plotting.describe(
    fig,
    "The loss along 22 directions from the same start. Downhill it falls, uphill it "
    "rises, and the twenty random directions lie together as one flat gray line "
    "between the two.",
)
plt.show()

by_chance = [abs(change) for name, change in changes.items() if name not in looks]
print(f"downhill {changes['downhill']:+.4f}, uphill {changes['uphill']:+.4f}")
print(f"the best of 20 random directions gains less than {max(by_chance):.4f}")
assert changes["downhill"] < 0 < changes["uphill"]
assert max(by_chance) < 0.1 * -changes["downhill"]

# %%
# In a space of so many dimensions, a direction drawn at random is nearly level. Whoever trained by
# trying directions would wait very long.
#
# Common mistakes
# ---------------
#
# **Forgetting to clear.** ``backward()`` adds to what stands in ``.grad``. The second time, the sum
# is twice the gradient. ``zero_grad()`` sets it back to ``None``.

model.zero_grad()
for _ in range(2):
    loss_fn(model(images), labels).backward()
torch.testing.assert_close(model.fc1.weight.grad, 2 * of_batch)

model.zero_grad()
assert model.fc1.weight.grad is None

# %%
# **A step before** ``backward()``. There is no gradient yet. (In the clinic: :ref:`error-none`.)

try:
    model.fc1.bias - learning_rate * model.fc1.bias.grad
except TypeError as error:
    print("TypeError:", error)

# %%
# ``item()`` **too early.** It gives a plain number, and a plain number has no notes.

try:
    loss_fn(model(images), labels).item().backward()
except AttributeError as error:
    print("AttributeError:", error)

# %%
# **No notes were taken.** Under ``no_grad`` there is nothing to go back through. (In the clinic:
# :ref:`error-no-grad`.)

with torch.no_grad():
    loss = loss_fn(model(images), labels)
try:
    loss.backward()
except RuntimeError as error:
    print("RuntimeError:", error)

# %%
# **A loss for each image.** ``backward()`` starts from one number. Take the mean first.

losses = nn.CrossEntropyLoss(reduction="none")(model(images), labels)  # (64,)
try:
    losses.backward()
except RuntimeError as error:
    print("RuntimeError:", error)
losses.mean().backward()
torch.testing.assert_close(model.fc1.weight.grad, of_batch)

# %%
# **A new tensor instead of a step.** ``parameter = parameter - …`` makes a new tensor and calls it
# ``parameter``. The network keeps its old one, and nobody complains.


def step_to_nowhere(network):
    with torch.no_grad():
        for parameter in network.parameters():
            parameter = parameter - learning_rate * parameter.grad


weight_before = model.fc1.weight.detach().clone()  # (128, 784)
step_to_nowhere(model)
print("has the network changed?", not torch.equal(model.fc1.weight, weight_before))
assert torch.equal(model.fc1.weight, weight_before)

# %%
# Your turn
# ---------
#
# Write your answer into the cell below an exercise, and run it: ``@exercise`` checks it and prints
# what it finds, and the page goes on with the course's version until yours is right.
# ``hint("weight_grad")`` and ``solution("weight_grad")`` help.
#
# **Your turn: weight_grad.** Write a function ``weight_grad(features, logits_grad)``. It takes the
# features that went into an ``nn.Linear``, of shape (N, in), and the gradient of the loss with
# respect to its outputs, of shape (N, out). It returns the gradient of the loss with respect to its
# weight, of shape (out, in), without ``backward()``.

from firstlayers.exercises import exercise, hint, progress, solution


@exercise
def weight_grad(features, logits_grad):
    """(N, in) features, (N, out) gradient -> (out, in) gradient of the weight."""
    ...  # your code here


# %%
# **Your turn: fresh_gradients.** Write a function ``fresh_gradients(model, images, labels)`` that
# returns a dictionary from the name of each parameter to the gradient of the mean cross-entropy,
# whatever stands in ``.grad`` before. What stands there must be the same afterward: a tensor with
# the same numbers, or ``None``. The model returns logits.


@exercise
def fresh_gradients(model, images, labels):
    """Name -> gradient of the mean cross-entropy; what stands in .grad stays."""
    ...  # your code here


# %%
# Recap
# -----
#
# * ``backward()`` gives each parameter the gradient of the loss with respect to it: one slope for
#   each number, in ``.grad``.
# * A first-layer gradient is a sum of images, each with its own factor.
# * Pixels that are the same in the whole batch give equal gradients, and none at all if they are 0.
# * A step subtracts the learning rate times the gradient, under ``no_grad``. That is all that SGD
#   does.
# * The slope is right nearby. Too large a step makes the loss worse.
#
# **Next:** :doc:`09_train` takes thousands of such steps.
#
# **Further reading:** :meth:`torch.Tensor.backward`, :class:`torch.optim.SGD`, the module
# :mod:`torch.autograd`. The paper that made it known: Rumelhart, Hinton and Williams, `Learning
# representations by back-propagating errors <https://doi.org/10.1038/323533a0>`__.
