"""
Write your network as a module
==============================

You will write the network of your own matrices as a PyTorch class, put your matrices into it, and
see that it gives the same probabilities.

**In this chapter you learn**

* to write a network as a class, and what each of its lines is for,
* how ``nn.Linear`` stores its weight, and how to put a matrix of your own into it,
* the functional form, and which parts can take it,
* to choose an activation function for the hidden layer, and one for the output.

**You need** the network of :doc:`02_by_hand` and softmax from :doc:`03_softmax`.
**Time:** 20 minutes.
"""

# %%
# The network so far
# ------------------
#
# Here is your network again, from the pixels to the probabilities, in nothing but matrices. They
# are those of :doc:`02_by_hand`, divided by the square root of the number of inputs, so that the
# hidden units do not saturate.

import warnings

import matplotlib.pyplot as plt
import torch
import torchvision
from torch import nn
from torch.nn import functional as F

from firstlayers import data, models, plotting, training

plotting.use_style()

train_set, _ = data.load_dataset()
all_images, all_labels = data.as_tensors(
    train_set, mean=0.5, std=0.5
)  # (N, 1, 28, 28), (N,)
loader = data.make_loader(all_images, all_labels, 64, shuffle=True, seed=0)
images, labels = next(iter(loader))  # (64, 1, 28, 28), (64,)
features = images.flatten(1)  # (64, 784)

torch.manual_seed(7)
w1, b1 = torch.randn(784, 256), torch.randn(256)  # (784, 256), (256,)
w2, b2 = torch.randn(256, 10), torch.randn(10)  # (256, 10), (10,)
w1, b1 = w1 / 784**0.5, b1 / 784**0.5
w2, b2 = w2 / 256**0.5, b2 / 256**0.5

hidden = torch.sigmoid(features @ w1 + b1)  # (64, 256)
by_hand = torch.softmax(hidden @ w2 + b2, dim=1)  # (64, 10)
print("probabilities:", tuple(by_hand.shape))

# %%
# Two layers, four tensors. You made each of them, with a shape that fits its neighbors, and you
# carry it along wherever the network goes. A network with many layers is called *deep*.
#
# **Predict, then run.** ``resnet50`` is a well-known deep network. How many tensors would you have
# to make for it by hand? (On the device ``meta`` it has shapes, but no numbers.)

with torch.device("meta"):
    deep = torchvision.models.resnet50()
tensors = list(deep.parameters())
print(f"{len(tensors)} tensors, {sum(t.numel() for t in tensors):,} numbers")

assert len(tensors) == 161

# %%
# Nobody wants to carry these by hand. The package :mod:`torch.nn` does it for you.
#
# The same network as a class
# ---------------------------


class Network(nn.Module):
    def __init__(self):
        super().__init__()
        self.hidden = nn.Linear(784, 256)
        self.output = nn.Linear(256, 10)
        self.sigmoid = nn.Sigmoid()
        self.softmax = nn.Softmax(dim=1)

    def forward(self, features):
        hidden = self.sigmoid(self.hidden(features))  # (batch, 256)
        logits = self.output(hidden)  # (batch, 10)
        return self.softmax(logits)  # (batch, 10)


# %%
# Line by line:
#
# * ``class Network(nn.Module)``: your class inherits from :class:`torch.nn.Module`, PyTorch's class
#   for parts of networks and for whole networks.
# * ``super().__init__()`` sets up the module's bookkeeping, which will note each part. It comes
#   before the first part.
# * ``nn.Linear(784, 256)`` makes a layer with 784 inputs and 256 outputs. Its weight and its bias
#   are in it: they stand for ``w1`` and ``b1``.
# * ``nn.Linear(256, 10)`` stands for ``w2`` and ``b2``.
# * ``nn.Sigmoid()`` and ``nn.Softmax(dim=1)`` are modules, too, with nothing to learn in them.
#   Softmax makes each row sum to 1 along dimension 1, the ten classes of one image.
# * ``forward`` takes the features and sends them through the parts. You do not call it yourself:
#   ``model(features)`` does, and runs the hooks, too (:doc:`../1_basics/06_build_model`).
#
# Make one, and print it.

torch.manual_seed(0)
model = Network()
print(model)

# %%
# **Predict, then run.** The module has four parts. How many tensors does it keep track of, and what
# are they called?

for name, parameter in model.named_parameters():
    print(f"{name:13} {tuple(parameter.shape)}")

assert len(list(model.parameters())) == 4

# %%
# Four, under the names that you gave to the layers. Did you have to inherit for that? To compute,
# no: the first cell did without. You inherit so that all parameters are found, for training, for
# saving, for moving to a GPU. :doc:`../1_basics/08_parameters` shows what is found and what is not.
#
# The numbers in it were drawn when the layers were made. With 784 inputs they lie between
# :math:`-1/\sqrt{784}` and :math:`1/\sqrt{784}`; :doc:`05_initialization` is about such choices.

largest = model.hidden.weight.abs().max().item()
print(f"1 / √784 = {784**-0.5:.4f}, largest weight {largest:.4f}")
assert 0.99 * 784**-0.5 < largest <= 784**-0.5

own = model(features).detach()  # (64, 10), without the notes for training
torch.testing.assert_close(own.sum(dim=1), torch.ones(64))

# %%
# Put your matrices into it
# -------------------------
#
# Look at the list above once more: ``hidden.weight`` is (256, 784), and your ``w1`` is (784, 256).
# You wrote :math:`x W + b`. ``Linear`` keeps one *row* for each unit, and computes
#
# .. math:: y = x W^\mathsf{T} + b

by_formula = features @ model.hidden.weight.T + model.hidden.bias  # (64, 256)
torch.testing.assert_close(model.hidden(features), by_formula)

try:
    features @ model.hidden.weight + model.hidden.bias
except RuntimeError as error:
    print("RuntimeError:", error)

# %%
# So your matrices go in transposed. :meth:`~torch.nn.Module.load_state_dict` copies tensors into
# the parameters by their names.

mine = {
    "hidden.weight": w1.T,
    "hidden.bias": b1,
    "output.weight": w2.T,
    "output.bias": b2,
}
print(model.load_state_dict(mine))

# %%
# Here is one corner of both, four units and six pixels. The numbers of one unit are framed: a
# column of your matrix, a row of the layer's weight.

corner = w1[400:406, :4]  # (6, 4)
turned = model.hidden.weight[:4, 400:406].detach()  # (4, 6)
assert torch.equal(turned, corner.T)

fig, axes = plt.subplots(1, 2, figsize=(7, 2.9), width_ratios=[4, 6])
names = ["w1, (784, 256)", "model.hidden.weight, (256, 784)"]
for ax, table, name in zip(axes, [corner, turned], names, strict=True):
    ax.imshow(table.numpy(), cmap="RdBu_r", vmin=-0.2, vmax=0.2, aspect="auto")
    for row, numbers in enumerate(table.tolist()):
        for column, number in enumerate(numbers):
            look = {"ha": "center", "va": "center", "fontsize": 8, "color": "black"}
            ax.text(column, row, f"{number:+.3f}", gid="keep-color", **look)
    ax.set_title(name, fontsize=10)
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
axes[0].set(xlabel="unit", ylabel="pixel", xticks=range(4))
axes[0].set_yticks(range(6), range(400, 406))
axes[1].set(xlabel="pixel", ylabel="unit", yticks=range(4))
axes[1].set_xticks(range(6), range(400, 406))
frame = {"fill": False, "ec": plotting.ORANGE, "lw": 3, "clip_on": False}
axes[0].add_patch(plt.Rectangle((0.5, -0.5), 1, 6, **frame))
axes[1].add_patch(plt.Rectangle((-0.5, 0.5), 6, 1, **frame))
plotting.describe(
    fig,
    "Two tables of the same 24 numbers, in shades of red and blue. Left, a corner of w1 "
    "with six rows for pixels and four columns for units; the column of unit 1 is "
    "framed. Right, the corner of the layer's weight: four rows for units and six "
    "columns for pixels; there, unit 1 is a framed row.",
)
plt.show()

# %%
# **Predict, then run.** Do the module and your matrices give the same 640 probabilities now?

probabilities = model(features).detach()  # (64, 10)
difference = (probabilities - by_hand).abs().max().item()
print("class and matrices agree to 1e-6:", difference < 1e-6)

torch.testing.assert_close(probabilities, by_hand, rtol=0, atol=1e-6)
assert (own - by_hand).abs().max() > 0.01

# %%
# They do. (The last digits may differ, because two ways to add up 784 numbers round differently.)
# Below is the first image, and the probabilities from your matrices, from the module as it was
# made, and from the module with your matrices in it.

fig, axes = plt.subplots(1, 4, figsize=(7, 2.2), width_ratios=[1, 1.25, 1.25, 1.25])
axes[0].imshow(images[0, 0].numpy())
axes[0].set_axis_off()
top = 1.15 * max(by_hand[0].max(), own[0].max()).item()
answers = {
    "your matrices": (by_hand, plotting.GRAY),
    "module, as made": (own, plotting.ORANGE),
    "module, with yours": (probabilities, plotting.BLUE),
}
for ax, (name, (answer, color)) in zip(axes[1:], answers.items(), strict=True):
    ax.bar(range(10), answer[0].numpy(), color=color)
    ax.set_title(name, fontsize=9)
    ax.set(xlabel="class", xticks=range(0, 10, 3), ylim=(0, top))
    ax.tick_params(labelleft=ax is axes[1])
axes[1].set_ylabel("probability")
plotting.describe(
    fig,
    "An image, and three charts of ten bars with the probabilities of its classes. The "
    "bars of your matrices and those of the module that holds your matrices are the "
    "same. The module with its own random numbers gives other bars.",
)
plt.show()

# %%
# The functional form
# -------------------
#
# Sigmoid and softmax have no parameters, so there is nothing to keep track of. You may use them as
# plain functions: :func:`torch.sigmoid`, and :func:`torch.nn.functional.softmax` from the module
# that everybody imports as ``F``.


class FunctionalNetwork(nn.Module):
    def __init__(self):
        super().__init__()
        self.hidden = nn.Linear(784, 256)
        self.output = nn.Linear(256, 10)

    def forward(self, features):
        hidden = torch.sigmoid(self.hidden(features))  # (batch, 256)
        return F.softmax(self.output(hidden), dim=1)  # (batch, 10)


functional = FunctionalNetwork()
print(functional)
print(functional.load_state_dict(model.state_dict()))
torch.testing.assert_close(functional(features), model(features), rtol=0, atol=1e-6)

# %%
# The same parameters under the same names, and the same probabilities. What is printed is shorter:
# ``print`` shows what ``__init__`` made, not what ``forward`` does. Both forms are common. The rule
# is: what has parameters is made in ``__init__``, the rest is a matter of taste.
#
# There is ``F.sigmoid``, too. It was deprecated for a while and warned. Today it is a plain
# function again; ``torch.sigmoid`` is the usual name.

with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    same = torch.equal(F.sigmoid(features), torch.sigmoid(features))
print(f"the same numbers: {same}, warnings: {len(caught)}")
assert same
assert not caught

# %%
# What is free, and what is not
# -----------------------------
#
# The parts can have any names, and be made in any order. In ``forward`` the order is what gets
# computed. And ``forward`` is plain Python: beside calling parts, it may measure, decide, or print.


class Free(nn.Module):
    def __init__(self):
        super().__init__()
        self.second = nn.Linear(256, 10)
        self.first = nn.Linear(784, 256)

    def forward(self, features):
        hidden = torch.sigmoid(self.first(features))  # (batch, 256)
        print(f"hidden units on average: {hidden.mean():.2f}")
        return F.softmax(self.second(hidden), dim=1)  # (batch, 10)


free = Free()
free.first.load_state_dict(model.hidden.state_dict())
free.second.load_state_dict(model.output.state_dict())
print(free)
torch.testing.assert_close(free(features), model(features), rtol=0, atol=1e-6)

# %%
# An activation function for the hidden layer
# -------------------------------------------
#
# So far it was the sigmoid. *Tanh* runs from -1 to 1, and *ReLU* replaces negative numbers by zero.
# The dots are the sums of your 256 hidden units for the first image, and what each function makes
# of them.

sums = model.hidden(features[:1])[0].detach()  # (256,)
functions = {"sigmoid": torch.sigmoid, "tanh": torch.tanh, "ReLU": torch.relu}
colors = dict(
    zip(functions, [plotting.GREEN, plotting.ORANGE, plotting.BLUE], strict=True)
)
x = torch.linspace(-3.5, 3.5, 200)  # (200,)

fig, axes = plt.subplots(1, 3, figsize=(7, 2.6), sharey=True)
for ax, (name, function) in zip(axes, functions.items(), strict=True):
    ax.plot(x, function(x), color=plotting.GRAY, lw=1)
    ax.scatter(sums, function(sums), s=22, color=colors[name], alpha=0.5, lw=0)
    ax.set(title=name, xlabel="sum", xlim=(-3.5, 3.5), ylim=(-1.2, 3))
    ax.grid(axis="y")
axes[0].set_ylabel("hidden unit")
plotting.describe(
    fig,
    "Three curves with dots for 256 hidden units of one image. Sigmoid lifts all of them "
    f"between 0 and 1. Tanh puts them between -1 and 1. ReLU puts {(sums < 0).sum()} "
    f"of them at 0, and leaves {(sums > 0).sum()} as they are.",
)
plt.show()

# %%
# You may read that any function will do that is not linear. It also needs a slope that training can
# follow. A step, 1 above zero and 0 below, has none: the hidden layer gets no gradient, and cannot
# learn. The cell asks for that gradient with ``backward``, which :doc:`08_gradients` explains. (Nor
# will a polynomial do for everything: see *Further reading*.)


def compute_gradient(activation):
    logits = model.output(activation(model.hidden(features)))  # (64, 10)
    model.zero_grad()
    F.cross_entropy(logits, labels).backward()
    return model.hidden.weight.grad


print("step:   ", compute_gradient(lambda sums: (sums > 0).float()))
print("sigmoid:", tuple(compute_gradient(torch.sigmoid).shape))
assert compute_gradient(lambda sums: (sums > 0).float()) is None

# %%
# ReLU trains faster, it is often said. Let us measure. Three networks start from the same weights,
# with three activation functions, and see 1,400 images ten times. (``fit`` is the training loop
# that you will write in :doc:`09_train`. It wants logits, so there is no softmax at the end here.)


class OneHidden(nn.Module):
    def __init__(self, activation):
        super().__init__()
        self.hidden = nn.Linear(784, 256)
        self.output = nn.Linear(256, 10)
        self.activation = activation

    def forward(self, features):
        return self.output(self.activation(self.hidden(features)))  # (batch, 10)


few = all_images[:1400].flatten(1)  # (1400, 784)
losses = {}
for name, activation in functions.items():
    torch.manual_seed(0)
    learner = OneHidden(activation)
    few_loader = data.make_loader(few, all_labels[:1400], 64, shuffle=True, seed=0)
    optimizer = torch.optim.SGD(learner.parameters(), lr=0.1)
    losses[name] = training.fit(
        learner, few_loader, optimizer=optimizer, epochs=10
    ).train_loss
    print(f"{name:7} loss in the last epoch: {losses[name][-1]:.2f}")

fig, ax = plt.subplots(figsize=(7, 2.8))
for (name, values), style in zip(losses.items(), ["-.", "--", "-"], strict=True):
    ax.plot(range(1, 11), values, ls=style, color=colors[name], label=name)
ax.set(xlabel="epoch", ylabel="training loss", ylim=(0, None), xticks=range(1, 11))
ax.set_title("The same network with three activation functions")
ax.grid(axis="y")
ax.legend()
plotting.describe(
    fig,
    "The training loss over ten epochs. The curves of ReLU and tanh fall quickly and "
    "lie close together. The sigmoid's falls far more slowly. The last losses: "
    + ", ".join(f"{name} {values[-1]:.2f}" for name, values in losses.items())
    + ".",
)
plt.show()

assert max(losses["ReLU"][-1], losses["tanh"][-1]) < losses["sigmoid"][-1]

# %%
# Faster than the sigmoid, yes, but here tanh keeps up. ReLU is a sound default for networks like
# ours. That it is used "almost exclusively" is no longer so. Here is a transformer, a younger kind
# of network, with GELU. :doc:`../1_basics/05_neurons` shows all of these functions with their
# slopes.

with torch.device("meta"):
    transformer = torchvision.models.vit_b_16()
kinds = {type(part) for part in transformer.modules()}
print(f"vit_b_16: GELU {nn.GELU in kinds}, ReLU {nn.ReLU in kinds}")
assert nn.GELU in kinds
assert nn.ReLU not in kinds

# %%
# An activation function for the output
# -------------------------------------
#
# A sigmoid *before* softmax does harm, as :doc:`02_by_hand` showed. *Instead of* softmax it has its
# use. Both give numbers between 0 and 1, and they answer different questions. Softmax
# asks *which one of these?*, so its answers share a total of 1. Sigmoid asks *yes or no?* of each
# output on its own. Say that an image shows two things at once, and two logits are high.

two_things = torch.tensor([4.0, 3.5, -2.0, -3.0])  # (4,)
which_one = torch.softmax(two_things, dim=0)  # (4,)
yes_or_no = torch.sigmoid(two_things)  # (4,)
print(f"sum of softmax {which_one.sum():.2f}, of sigmoid {yes_or_no.sum():.2f}")

fig, axes = plt.subplots(1, 2, figsize=(7, 2.3), sharey=True)
bars = [("softmax: which one?", which_one), ("sigmoid: yes or no?", yes_or_no)]
for ax, (title, values) in zip(axes, bars, strict=True):
    shown = ax.bar(range(4), values.numpy(), color=plotting.BLUE)
    ax.bar_label(shown, [f"{value:.2f}" for value in values.tolist()], padding=2)
    ax.set(title=title, xlabel="output", xticks=range(4), ylim=(0, 1.15))
    ax.set_yticks([0, 0.5, 1])
axes[0].set_ylabel("probability")
plotting.describe(
    fig,
    "Four outputs, two of them with high logits. Softmax divides a total of 1 between "
    f"the two: {which_one[0]:.2f} and {which_one[1]:.2f}. Sigmoid says yes to both: "
    f"{yes_or_no[0]:.2f} and {yes_or_no[1]:.2f}.",
)
plt.show()

torch.testing.assert_close(which_one.sum(), torch.tensor(1.0))
assert which_one.max() < 0.7
assert (yes_or_no[:2] > 0.95).all()

# %%
# Each of our images has one label, so ours is the first question.
#
# Common mistakes
# ---------------
#
# **No** ``super().__init__()``. There is no bookkeeping yet that could note a part. (In the clinic:
# :ref:`error-init`.)


class WithoutSuper(nn.Module):
    def __init__(self):
        self.hidden = nn.Linear(784, 256)


try:
    WithoutSuper()
except AttributeError as error:
    print("AttributeError:", error)

# %%
# **The wrong order.** The output layer expects 256 numbers and gets 784.

try:
    model.hidden(model.output(features))
except RuntimeError as error:
    print("RuntimeError:", error)

# %%
# **The transpose is forgotten.** The shapes tell you, unless the matrix is square
# (:doc:`../1_basics/07_layers` shows that case).

try:
    model.load_state_dict(mine | {"hidden.weight": w1})
except RuntimeError as error:
    print("RuntimeError:", error)

# %%
# **Softmax without its** ``dim``. PyTorch guesses one, and warns. Name it.

with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    F.softmax(features)
print("UserWarning:", caught[0].message)

# %%
# **Softmax twice.** The network applies it, and then you do, too. Nothing complains, and the rows
# still sum to 1. But even a network that is certain comes out uncertain:
# 0.232 is the bound of :doc:`02_by_hand` again.

certain = torch.eye(10)  # (10, 10), each row is sure of one class
twice = torch.softmax(certain, dim=1)  # (10, 10)
print(f"1 becomes {twice.max():.3f}, 0 becomes {twice.min():.3f}")
torch.testing.assert_close(twice.sum(dim=1), torch.ones(10))
assert twice.max() < 0.24

# %%
# The loss function that classifiers are trained with applies softmax itself, so a softmax in the
# network makes two. **From the next chapter on, the course's network returns logits**, and softmax
# comes after it where probabilities are wanted. :doc:`07_losses` shows what the other way costs.
#
# Your turn
# ---------
#
# Write your answer into the cell below an exercise, and run it: ``@exercise`` checks it and prints
# what it finds, and the page goes on with the course's version until yours is right.
# ``hint("network_class")`` and ``solution("network_class")`` help.
#
# The first exercise is a network with two hidden layers, 784-128-64-10. Three linear layers lie in
# the three gaps.

fig = plotting.draw_layers(
    [784, 128, 64, 10], ["fc1, ReLU", "fc2, ReLU", "fc3, softmax"]
)
plt.show()

# %%
# **Your turn: network_class.** Write it as a class ``Network``. Its linear layers are called
# ``fc1``, ``fc2`` and ``fc3``, after their type: *fully connected*. ReLU follows the first two,
# softmax over the classes the last. Features of shape (batch, 784) go in, probabilities of shape
# (batch, 10) come out. If you note sizes in comments, check them: ``fc1`` has 128 outputs.

from firstlayers.exercises import exercise, hint, progress, solution


@exercise
class Network(nn.Module):
    """(batch, 784) features -> (batch, 10) probabilities, over 128 and 64 units."""

    def __init__(self):
        super().__init__()
        ...  # your code here

    def forward(self, features):
        # your code here
        ...


# %%
# **Your turn: copy_weights.** Write a function ``copy_weights(model, w1, b1, w2, b2)``. It copies
# matrices of shape (in, out), and biases of shape (out,), into ``model.hidden`` and
# ``model.output``, and returns nothing. The parameters must stay the same objects, because an
# optimizer may hold them. And when they are trained later, your matrices must not change.


@exercise
def copy_weights(model, w1, b1, w2, b2):
    """Copy (in, out) matrices and (out,) biases into model.hidden and model.output."""
    ...  # your code here


# %%
# The next chapter does not wait for your solution. It uses the course's version, whose forward pass
# ends with the logits.

course_network = models.Network()
print(course_network)
logits = course_network(features)  # (64, 10)
print("smallest logit below 0:", logits.min().item() < 0)
assert not torch.allclose(logits.sum(dim=1), torch.ones(64), atol=0.01)

# %%
# Recap
# -----
#
# * A module is a class: parts in ``__init__``, after ``super().__init__()``; the computation in
#   ``forward``.
# * It keeps track of its parameters by name, and ``load_state_dict`` copies others into them.
# * ``nn.Linear`` computes :math:`x W^\mathsf{T} + b`, so a matrix of shape (in, out) goes in
#   transposed.
# * What has no parameters may be a function: ``torch.sigmoid``, ``F.softmax(..., dim=1)``.
# * Hidden layers: ReLU is a sound default. Output: softmax for one of many, sigmoid for yes or no.
#
# **Next:** :doc:`05_initialization` looks at the weights before training, and chooses better ones.
#
# **Further reading:** :class:`torch.nn.Module`, :class:`torch.nn.Linear`,
# :class:`torch.nn.Softmax`, :func:`torch.nn.functional.softmax`. Why no polynomial will do: Leshno
# and others, `Multilayer feedforward networks with a nonpolynomial activation function can
# approximate any function <https://doi.org/10.1016/S0893-6080(05)80131-5>`__.
