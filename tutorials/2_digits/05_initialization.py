"""
Choose the first weights
========================

You will choose the numbers that a network starts from, measure what each choice does to an image on
its way through the layers, and watch which networks can learn.

**In this chapter you learn**

* to look at a network's first weights, and to put in your own,
* how large weights must be, so that the numbers neither die out nor explode,
* what a start from zeros, from ``randn``, from Xavier's and from He's rule does, measured,
* why no two units may start alike,
* what to expect of a forward pass before any training.

**You need** the network as a class from :doc:`04_modules`, saturated units from :doc:`02_by_hand`,
and softmax from :doc:`03_softmax`.
**Time:** 20 minutes.
"""

# %%
# The network
# -----------
#
# From here on the track uses the network that you wrote at the end of :doc:`04_modules`, with the
# layers ``fc1``, ``fc2`` and ``fc3``. It is in the course's package, with one change: it returns
# *logits*. Softmax is applied outside, where you want probabilities.

from itertools import chain, islice, repeat

import matplotlib.pyplot as plt
import torch
from torch import nn
from torch.nn import functional as F

from firstlayers import data, models, plotting

plotting.use_style()

train_set, _ = data.load_dataset()
all_images, all_labels = data.as_tensors(
    train_set, mean=0.5, std=0.5
)  # (N, 1, 28, 28), (N,)
loader = data.make_loader(all_images, all_labels, 64, shuffle=True, seed=0)
images, labels = next(iter(loader))  # (64, 1, 28, 28), (64,)
features = images.flatten(1)  # (64, 784)

torch.manual_seed(0)
model = models.Network()
print(model)

# %%
# Look at the first weights
# -------------------------
#
# PyTorch has drawn them already.

print(model.fc1.weight)

# %%
# The printed tensor calls itself a *parameter*: a tensor that training may change. (Older texts
# call it a ``Variable``; :doc:`../1_basics/08_parameters` tells that story.) All values lie within
# :math:`\pm 1/\sqrt{n}`, where :math:`n` is the number of inputs, and so do the biases.

for name, layer in model.named_children():
    bound = layer.in_features**-0.5
    largest = layer.weight.abs().max().item()
    print(
        f"{name}: {layer.in_features} inputs, bound {bound:.4f}, largest {largest:.4f}"
    )
    assert 0.98 * bound < largest <= bound
    assert layer.bias.abs().max() <= bound

assert isinstance(model.fc1.weight, nn.Parameter)

# %%
# Put in your own
# ---------------
#
# The functions of :mod:`torch.nn.init` fill a tensor *in place*, as the underscore at the end of
# their names says. ``fc1.weight`` stays the same object, and it stays trainable.

layer = nn.Linear(784, 128)
weight_before = layer.weight  # (128, 784)
nn.init.zeros_(layer.bias)
nn.init.normal_(layer.weight, std=0.01)

print(f"spread of the weights: {layer.weight.std().item():.4f}")
assert abs(layer.weight.std() - 0.01) < 0.0002
assert not layer.bias.any()
assert layer.weight is weight_before
assert layer.weight.requires_grad

# %%
# This is N(0, 0.01), which you meet in many notebooks: normally distributed around 0, with a
# standard deviation of 0.01. But why 0.01?
#
# How large should they be?
# -------------------------
#
# A unit adds up :math:`n` products. If the weights are drawn independently around 0 with the
# standard deviation :math:`\sigma`, then the mean of the squared sums is
#
# .. math:: \overline{z^2} = n \, \sigma^2 \, \overline{x^2}
#
# (We compare mean squares, not standard deviations, because pixels have no mean of 0.)

torch.manual_seed(0)
for std in (0.01, 784**-0.5, 1.0):
    weight = std * torch.randn(5000, 784)  # (5000, 784)
    sums = features @ weight.T  # (64, 5000)
    measured = sums.square().mean().item()
    promised = 784 * std**2 * features.square().mean().item()
    print(f"std {std:.4f}: promised {promised:9.3f}, measured {measured:9.3f}")
    assert abs(measured / promised - 1) < 0.15

# %%
# So :math:`\sigma = 1/\sqrt{n}` hands the numbers on in the size in which they came. Two rules
# follow from it:
#
# * *He's rule*: ReLU sets about half of the sums to 0 and so halves the mean square. To make up for
#   it, :math:`\sigma = \sqrt{2 / n_\text{in}}`.
# * *Xavier's rule*: to learn, a network also sends numbers the other way, the gradients
#   (:doc:`08_gradients`). There each is a sum of :math:`n_\text{out}` products. As a compromise,
#   :math:`\sigma = \sqrt{2 / (n_\text{in} + n_\text{out})}`. It was made for tanh.
#
# Both are in ``nn.init``. Kaiming is He's first name, and PyTorch's name for the rule.


def he_(weight):
    nn.init.kaiming_normal_(weight, nonlinearity="relu")


rules = {he_: (2 / 784) ** 0.5, nn.init.xavier_normal_: (2 / (784 + 128)) ** 0.5}
for fill, std in rules.items():
    fill(layer.weight)
    print(f"{fill.__name__:15} {layer.weight.std().item():.4f}, by formula {std:.4f}")
    assert abs(layer.weight.std() / std - 1) < 0.02

# %%
# Here are six ways to start. ``start`` fills the weights of every linear layer and sets the biases
# to 0. For PyTorch's own it does nothing.

ways = {
    "zeros": nn.init.zeros_,
    "N(0, 0.01)": lambda weight: nn.init.normal_(weight, std=0.01),
    "PyTorch's own": None,
    "Xavier": nn.init.xavier_normal_,
    "He": he_,
    "randn": nn.init.normal_,
}


def start(network, way):
    for module in network.modules():
        if isinstance(module, nn.Linear) and ways[way] is not None:
            ways[way](module.weight)
            nn.init.zeros_(module.bias)
    return network


# %%
# Layer by layer
# --------------
#
# We send the batch through our network and note the size of the numbers after each layer. (Size
# means the root of the mean square.)


def size(values):
    return values.square().mean().sqrt().item()


print(f"{'start':15}{'images':>9}{'fc1':>9}{'fc2':>9}{'logits':>9}")
untrained = {}
for way in ways:
    torch.manual_seed(0)
    network = untrained[way] = start(models.Network(), way)
    with torch.no_grad():  # no notes for training
        first = torch.relu(network.fc1(features))  # (64, 128)
        second = torch.relu(network.fc2(first))  # (64, 64)
        logits = network.fc3(second)  # (64, 10)
    stages = [size(values) for values in (features, first, second, logits)]
    print(f"{way:15}" + "".join(f"{number:9.3g}" for number in stages))
    assert torch.equal(logits, network(images))

# %%
# Three layers are few, so we stack ten.
#
# **Predict, then run.** With which of these starts do the numbers stay level through ten layers?


def stack(activation, layers):
    parts, n_in = [], 784
    for _ in range(layers):
        parts += [nn.Linear(n_in, 256), activation()]
        n_in = 256
    return nn.Sequential(*parts)


def outputs(network, activation):
    values, found = features, []
    with torch.no_grad():
        for part in network:
            values = part(values)
            if isinstance(part, activation):
                found.append(values)
    return found


colors = [plotting.GRAY, plotting.PURPLE, plotting.BLUE, plotting.ORANGE]
colors = dict(zip(ways, [*colors, plotting.GREEN, plotting.RED], strict=True))
ends = {}
fig, ax = plt.subplots(figsize=(7, 3.4))
for way in list(ways)[1:]:
    torch.manual_seed(0)
    found = outputs(start(stack(nn.ReLU, 10), way), nn.ReLU)
    sizes = [size(values) for values in (features, *found)]
    ends[way] = sizes[-1]
    ax.plot(range(11), sizes, "o-", ms=4, color=colors[way], label=way)
    down = -10 if way == "PyTorch's own" else 0
    look = {"textcoords": "offset points", "va": "center", "fontsize": 9}
    ax.annotate(way, (10, sizes[-1]), (8, down), **look)
ax.set(yscale="log", xlabel="layer", ylabel="size of the numbers", xticks=range(11))
ax.set(xlim=(0, 12), title="Ten ReLU layers: only He's rule stays level")
ax.set_xticks(range(11), ["input", *range(1, 11)])
plotting.describe(
    fig,
    "The size of the numbers after each of ten ReLU layers, on a logarithmic axis. After "
    "the last layer: "
    + "; ".join(f"{way} {number:.2g}" for way, number in ends.items())
    + ". Only the line for He's rule stays level.",
)
plt.show()

assert 0.3 < ends["He"] / size(features) < 3
assert ends["N(0, 0.01)"] < 1e-6
assert max(ends["PyTorch's own"], ends["Xavier"]) < 0.2 * ends["He"]
assert ends["randn"] > 1e6

# %%
# Zeros are missing, because a logarithmic axis has no place for them. And 0.01 is too small here:
# each layer shrinks the numbers to about a tenth. (With one hidden layer you get away with it, as
# you will see below.) Xavier's rule leaves out ReLU's factor of two, and PyTorch's own weights are
# smaller still. Its line levels off, but what is level there comes from the biases, which are 0 in
# all other starts. Without them, it sinks on.

way = "PyTorch's own"
torch.manual_seed(0)
own = stack(nn.ReLU, 10)
for layer in own[::2]:
    nn.init.zeros_(layer.bias)

end = size(outputs(own, nn.ReLU)[-1])
print(f"after ten layers, with biases: {ends[way]:.2g}, without: {end:.2g}")
assert end < 0.05 * ends[way]

# %%
# Where units saturate
# --------------------
#
# Tanh keeps all numbers between -1 and 1, so nothing can explode. Instead, units *saturate*: near
# the ends tanh is flat, and a unit there hardly learns. Five layers, four starts; above each
# histogram stands how many outputs lie within 0.01 of an end.

shown = ["N(0, 0.01)", "PyTorch's own", "Xavier", "randn"]
saturated = {}
fig, axes = plt.subplots(4, 5, figsize=(7, 5.2), sharex=True)
for row, way in zip(axes, shown, strict=True):
    torch.manual_seed(0)
    found = outputs(start(stack(nn.Tanh, 5), way), nn.Tanh)
    saturated[way] = [(values.abs() > 0.99).float().mean().item() for values in found]
    for ax, values, fraction in zip(row, found, saturated[way], strict=True):
        ax.hist(values.flatten().numpy(), bins=41, range=(-1, 1), color=colors[way])
        ax.set_title(
            f"{fraction:.0%} saturated", fontsize=8, fontweight="normal", pad=3
        )
        ax.set(yticks=[], xticks=[-1, 0, 1])
        ax.spines["left"].set_visible(False)
    row[0].set_ylabel(way)
for number, ax in enumerate(axes[-1], 1):
    ax.set_xlabel(f"layer {number}")
plotting.describe(
    fig,
    "Histograms of the outputs of five tanh layers for four starts. With N(0, 0.01) they "
    "shrink to a spike at 0, with PyTorch's own to a narrow hill. With Xavier the hill "
    "stays wide. With randn nearly everything stands at -1 and 1: in the fifth layer "
    f"{saturated['randn'][-1]:.0%} are saturated.",
)
plt.show()

assert min(saturated["randn"]) > 0.8
assert max(saturated["Xavier"]) < 0.1
assert max(saturated["N(0, 0.01)"]) == max(saturated["PyTorch's own"]) == 0

# %%
# Why not all zero?
# -----------------
#
# In our network, zeros stop nearly everything. All hidden units give 0, so the weights after them
# have no effect; and the last weights are 0, so nothing in front of them has an effect either. Only
# the ten biases at the end get a gradient. (``backward()`` asks for it, as :doc:`08_gradients`
# explains. Training moves nothing whose gradient is 0.)

loss = F.cross_entropy(untrained["zeros"](images), labels)
loss.backward()
moving = [n for n, p in untrained["zeros"].named_parameters() if p.grad.any()]
print("have a gradient:", moving)
assert moving == ["fc3.bias"]

# %%
# You could blame ReLU. So take the sigmoid network of :doc:`02_by_hand`, whose hidden units give
# 0.5, not 0, when their weights are 0. We train it for 200 steps, once from zeros and once from
# N(0, 0.01). What a step does is the subject of :doc:`08_gradients` and :doc:`09_train`; here we
# only watch. Before every step we note what the 256 hidden units make of the same image.
#
# **Predict, then run.** Do the units of the zero network move? And do they ever differ?


def train(network, steps, learning_rate, note):
    optimizer = torch.optim.SGD(network.parameters(), lr=learning_rate)
    loader = data.make_loader(all_images, all_labels, 64, shuffle=True, seed=0)
    for images, labels in islice(chain.from_iterable(repeat(loader)), steps):
        with torch.no_grad():
            note(network)
        optimizer.zero_grad()
        F.cross_entropy(network(images), labels).backward()
        optimizer.step()


hidden_units, right = {}, {}
for way in ("zeros", "N(0, 0.01)"):
    torch.manual_seed(0)
    layers = [nn.Flatten(), nn.Linear(784, 256), nn.Sigmoid(), nn.Linear(256, 10)]
    network = start(nn.Sequential(*layers), way)
    notes = []
    train(network, 200, 0.1, lambda net, notes=notes: notes.append(net[:3](images[:1])))
    hidden_units[way] = torch.cat(notes)
    right[way] = (network(all_images).argmax(dim=1) == all_labels).float().mean()
    spread = hidden_units[way][-1].max() - hidden_units[way][-1].min()
    print(f"{way:11} units differ by up to {spread.item():.4f}, ", end="")
    print(f"right on the training images: {right[way].item():.1%}")

fig, axes = plt.subplots(1, 2, figsize=(7, 2.9), sharey=True)
titles = ["From zeros: one line", "From N(0, 0.01): 256 lines"]
for ax, way, title in zip(axes, hidden_units, titles, strict=True):
    ax.plot(hidden_units[way], color=colors[way], lw=0.5)
    ax.set(title=title, xlabel="step", ylim=(0, 1))
axes[0].lines[0].set_linewidth(2)
axes[0].set_ylabel("output of a hidden unit")
plotting.describe(
    fig,
    "The outputs of 256 sigmoid units for one image over 200 steps. From zeros, all of "
    "them are one single line that sinks from 0.5. From N(0, 0.01) they are 256 "
    "different lines, which spread out.",
)
plt.show()

units = hidden_units["zeros"]  # (200, 256)
assert (units - units[:, :1]).abs().max() < 1e-6
assert (units[-1] - units[0]).abs().max() > 0.1
assert right["zeros"] < right["N(0, 0.01)"] - 0.2

# %%
# They move, and they stay one line. Units with the same weights in front and behind give the same
# output, get the same gradient and take the same step, forever. 256 units do the work of one. It is
# not the zero that hurts, it is being *alike*. Random weights make units different. Biases may be
# zero, as they were on the right.
#
# A forward pass before training
# ------------------------------
#
# Back to our network. If each of ten classes gets one tenth, the cross-entropy is :math:`\ln 10`
# (:doc:`07_losses`), and about one answer in ten is right. We ask all six networks about 1,000
# images.

ln10 = torch.log(torch.tensor(10.0)).item()
losses, surest, right = {}, {}, {}
print(f"{'start':15}{'loss':>9}{'surest':>9}{'right':>9}")
for way, network in untrained.items():
    with torch.no_grad():
        logits = network(all_images[:1000])  # (1000, 10)
    losses[way] = F.cross_entropy(logits, all_labels[:1000]).item()
    surest[way] = torch.softmax(logits, dim=1).amax(dim=1).mean().item()
    hits = logits.argmax(dim=1) == all_labels[:1000]  # (1000,)
    right[way] = hits.float().mean().item()
    print(f"{way:15}{losses[way]:9.3f}{surest[way]:9.3f}{right[way]:9.1%}")
print(f"{'ln 10':15}{ln10:9.3f}")

assert abs(losses["zeros"] - ln10) < 1e-5
assert abs(losses["PyTorch's own"] - ln10) < 0.1
assert surest["PyTorch's own"] < 0.15
assert surest["randn"] > 0.9
assert losses["randn"] > 100 * ln10
assert max(right.values()) < 0.35

# %%
# "Surest" is the mean of the largest probability. So *an untrained network gives all classes about
# the same* is true of small weights, and of PyTorch's own. It is false for ``randn``, whose network
# is sure of itself and wrong. (Four rows agree in the last column: they drew the same random
# numbers in other sizes. Without biases, size changes how sure a ReLU network is, and not what it
# answers.)

fig, ax = plt.subplots(figsize=(7, 2.7))
for place, way in enumerate(ways):
    ax.plot([ln10, losses[way]], [place, place], color=colors[way], lw=3)
    ax.plot(losses[way], place, "o", color=colors[way], ms=8)
    look = {"textcoords": "offset points", "va": "center"}
    ax.annotate(f"{losses[way]:.4g}", (losses[way], place), (10, 0), **look)
ax.axvline(ln10, color=plotting.GRAY, ls="--", lw=1.5)
ax.set_yticks(range(6), ways)
ax.set(xscale="log", xlim=(1.8, 4000), ylim=(5.6, -1.3), xlabel="loss")
ax.set_xticks([2, 5, 10, 100, 1000], ["2", "5", "10", "100", "1000"])
ax.text(ln10 * 1.06, -0.9, "ln 10", va="center", fontsize=9)
ax.minorticks_off()
ax.set_title("The loss of the untrained network")
plotting.describe(
    fig,
    "The loss of the untrained network for six starts, on a logarithmic axis, with a "
    "dashed line at ln 10: "
    + "; ".join(f"{way} {loss:.4g}" for way, loss in losses.items())
    + ".",
)
plt.show()

# %%
# One image, with PyTorch's own weights. Many notebooks bring a function called ``view_classify``
# that reshapes the caller's image and draws it in false colors. This one leaves it as it is, draws
# gray as gray, and its bars always run from 0 to 1.

image = images[0]  # (1, 28, 28)
image_before = image.clone()  # (1, 28, 28)
probabilities = torch.softmax(untrained["PyTorch's own"](image), dim=1)  # (1, 10)

fig = plotting.view_classify(
    image, probabilities[0], train_set.classes, label=labels[0].item()
)
plt.show()

picture, bars = fig.axes
assert image.shape == (1, 28, 28)
assert torch.equal(image, image_before)
assert picture.images[0].get_cmap().name == "gray"
assert bars.get_xlim() == (0, 1)

# %%
# It has no idea, and says so.
#
# What a good start is worth
# --------------------------
#
# All six now learn for 200 steps with the learning rate 0.01, from the same batches. Every tenth
# step we compute the loss of the same 500 images.

curves = {}
for way, network in untrained.items():
    curve = curves[way] = []

    def note(network, curve=curve):
        if len(curve) % 10 == 0:
            loss = F.cross_entropy(network(all_images[:500]), all_labels[:500])
            curve.append(loss.item())
        else:
            curve.append(curve[-1])

    train(network, 200, 0.01, note)
    print(f"{way:15}{curve[0]:9.3f} → {curve[-1]:.3f}")

fig, ax = plt.subplots(figsize=(7, 3.2))
for way, curve in curves.items():
    width = 5 if way == "zeros" else 2  # another line lies on it
    ax.plot(range(0, 200, 10), curve[::10], color=colors[way], lw=width, label=way)
ax.axhline(ln10, color=plotting.GRAY, ls="--", lw=1)
ax.set(ylim=(0, 4), xlabel="step", ylabel="loss", title="Six starts, the same steps")
ax.legend(ncols=3, loc="upper right", fontsize=9)
plotting.describe(
    fig,
    "The loss of six networks over 200 steps. Zeros and N(0, 0.01) stay on the dashed "
    "line at ln 10. PyTorch's own falls slowly at first. Xavier and He fall at once. "
    "Randn comes from far above the picture and stays high.",
)
plt.show()

assert abs(curves["zeros"][-1] - ln10) < 0.05
assert abs(curves["N(0, 0.01)"][-1] - ln10) < 0.15
assert max(curves["He"][-1], curves["Xavier"][-1]) < curves["PyTorch's own"][-1]
assert curves["PyTorch's own"][-1] < curves["zeros"][-1] - 0.1
assert curves["randn"][-1] > 2 * max(curves["He"][-1], curves["Xavier"][-1])

# %%
# The same network and the same steps: only the start differs. We keep PyTorch's own for the rest of
# the track, since it is what you get when you ask for nothing. It only needs larger steps.

torch.manual_seed(0)
network = models.Network()
train(network, 200, 0.1, lambda network: None)
loss = F.cross_entropy(network(all_images[:500]), all_labels[:500]).item()
print(f"PyTorch's own, learning rate 0.1: {loss:.3f}")
assert loss < 0.6 * curves["PyTorch's own"][-1]

# %%
# Common mistakes
# ---------------
#
# **Calling** ``forward``. It computes the same numbers, but it skips the *hooks*, functions that
# somebody attached in order to watch (:doc:`../1_basics/06_build_model`).

calls = []
handle = model.register_forward_hook(lambda *arguments: calls.append(1))
by_forward = model.forward(images)  # (64, 10)
print("hook calls after model.forward(images):", len(calls))
by_call = model(images)  # (64, 10)
print("hook calls after model(images):        ", len(calls))
handle.remove()

assert torch.equal(by_forward, by_call)
assert len(calls) == 1

# %%
# ``resize_`` **to flatten a batch.** Its underscore is a warning: it changes the caller's tensor.
# And it never complains. Ask for too few numbers, and the rest is gone; ask for too many, and you
# read memory that nobody has filled. ``reshape`` refuses.


def flatten_carelessly(batch):
    return batch.resize_(64, 1, 784)


mine = images.clone()  # (64, 1, 28, 28)
flatten_carelessly(mine)
print("my images are now:", tuple(mine.shape))
assert mine.shape == (64, 1, 784)
assert mine.resize_(32, 784).numel() == images.numel() // 2
assert mine.resize_(65, 784).numel() > images.numel()

try:
    images.reshape(65, 784)
except RuntimeError as error:
    print("RuntimeError:", error)

# %%
# **An axis too many, then softmax.** A linear layer takes (64, 1, 784), too, since it works on the
# last axis. Its logits are (64, 1, 10). Now ``dim=1`` is the axis of length 1, and one number alone
# always gets the probability 1.

rows = images.flatten(2)  # (64, 1, 784)
with torch.no_grad():
    logits = model.fc3(torch.relu(model.fc2(torch.relu(model.fc1(rows)))))
certain = nn.Softmax(dim=1)(logits)  # (64, 1, 10)
honest = nn.Softmax(dim=1)(logits.squeeze(1))  # (64, 10)

print("dim=1 of (64, 1, 10):", certain[0, 0].tolist())
assert torch.all(certain == 1)
torch.testing.assert_close(honest.sum(dim=1), torch.ones(64))
torch.testing.assert_close(honest, nn.Softmax(dim=-1)(logits).squeeze(1))

# %%
# Ten classes, each of them certain, for every image, and no error.

fig, axes = plt.subplots(1, 2, figsize=(7, 2.4), sharey=True)
titles = ["Logits (64, 1, 10)", "Logits (64, 10)"]
bars = [(certain[0, 0], plotting.RED), (honest[0], plotting.BLUE)]
for ax, (values, color), title in zip(axes, bars, titles, strict=True):
    ax.bar(range(10), values.numpy(), color=color)
    ax.set(title=title, xlabel="class", xticks=range(10), ylim=(0, 1.05))
axes[0].set_ylabel("Softmax(dim=1)")
plotting.describe(
    fig,
    "What Softmax(dim=1) makes of the logits of one image. Left, of shape (64, 1, 10): "
    "ten bars, all at 1. Right, the same logits in the shape (64, 10): ten bars near "
    "one tenth.",
)
plt.show()

# %%
# A look at the sum would have told, and ``view_classify`` takes that look:

try:
    plotting.view_classify(images[0], certain[0, 0])
except ValueError as error:
    print("ValueError:", error)

# %%
# **Editing through** ``.data``. You find ``weight.data.normal_(std=0.01)`` in many notebooks. It
# works, but it is hidden from PyTorch. Here the weight is 1 when the loss is computed, so the
# gradient of :math:`w^2` should be 2.

weight = nn.Parameter(torch.ones(1))  # (1,)
loss = (weight**2).sum()
weight.data.mul_(10)
loss.backward()
print("gradient:", weight.grad.item())
assert weight.grad == 20

# %%
# Silently wrong. Under :class:`torch.no_grad` the same slip is an error, and without either of them
# a parameter cannot be changed in place at all. (The functions of ``nn.init`` see to ``no_grad``
# themselves.) In the clinic: :ref:`clinic-data-edit`.

weight = nn.Parameter(torch.ones(1))  # (1,)
loss = (weight**2).sum()
with torch.no_grad():
    weight.mul_(10)
try:
    loss.backward()
except RuntimeError as error:
    print("RuntimeError:", str(error).partition(": [")[0])

try:
    weight.normal_(std=0.01)
except RuntimeError as error:
    print("RuntimeError:", error)

# %%
# **He's rule for a bias.** The rule counts inputs and outputs, and a bias has no such two axes. Set
# it to zero.

try:
    nn.init.kaiming_normal_(model.fc1.bias)
except ValueError as error:
    print("ValueError:", error)

# %%
# Your turn
# ---------
#
# Write your answer into the cell below an exercise, and run it: ``@exercise`` checks it and prints
# what it finds, and the page goes on with the course's version until yours is right.
# ``hint("he_std")`` and ``solution("he_std")`` help.
#
# **Your turn: he_std.** Write a function ``he_std(layer)`` that takes an ``nn.Linear`` and returns
# the standard deviation that He's rule gives its weights, as a Python number. The layer stays as it
# is.

from firstlayers.exercises import exercise, hint, progress, solution


@exercise
def he_std(layer):
    """Linear layer -> the standard deviation of its weights by He's rule, a float."""
    ...  # your code here


# %%
# **Your turn: init_in_place.** Write a function ``init_in_place(layer)`` that fills the weight of
# an ``nn.Linear`` from N(0, 0.01) and its bias with zeros. It works in place and returns nothing,
# and the layer must still be trainable.


@exercise
def init_in_place(layer):
    """Fill the weight of a linear layer from N(0, 0.01), and its bias with zeros."""
    ...  # your code here


# %%
# Recap
# -----
#
# * ``nn.init`` fills parameters in place. Leave ``.data`` alone.
# * A sum of :math:`n` products grows with :math:`n`. Weights of the size :math:`1/\sqrt{n}` keep
#   the numbers level, and for ReLU it is He's :math:`\sqrt{2/n}`.
# * Too small, and the numbers die out from layer to layer. Too large, and they explode, or the
#   units saturate.
# * Units that start alike stay alike. That is why weights are random.
# * Before training, expect a loss near :math:`\ln 10` and one right answer in ten.
#
# **Next:** :doc:`06_sequential` writes the same network without a class.
#
# **Further reading:** the module :mod:`torch.nn.init`. Glorot and Bengio, `Understanding the
# difficulty of training deep feedforward neural networks
# <https://proceedings.mlr.press/v9/glorot10a.html>`__ (Xavier is Glorot's first name), and He and
# others, `Delving deep into rectifiers <https://arxiv.org/abs/1502.01852>`__.
