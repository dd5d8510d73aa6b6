"""
Let PyTorch compute the gradients
=================================

You will compute a gradient by hand, get the same numbers from PyTorch, see how it finds them, and
be able to say of any line of code whether it takes part.

**In this chapter you learn**

* to get a gradient by the chain rule, and by ``backward()``,
* what a gradient says, and how to check that it is right,
* to read the graph that PyTorch records: leaves, ``grad_fn``, ``.grad``,
* what ``backward()`` does where there is more than one output,
* to choose between ``no_grad``, ``inference_mode``, ``detach`` and ``requires_grad_(False)``.

**You need** a neuron and its sigmoid, from :doc:`05_neurons`, and what a parameter is, from
:doc:`08_parameters`.
**Time:** 25 minutes.
"""

# %%
# One neuron, by hand
# -------------------
#
# A neuron with a single input: the weight ``w``, the bias ``b``, and a sigmoid. Its answer ``a``
# should be ``y``, and the loss is the square of what is missing.

import math
import textwrap
import warnings

import matplotlib.pyplot as plt
import torch
from torch import nn
from torch.autograd.gradcheck import GradcheckError
from torch.nn import functional as F

from firstlayers import data, models, plotting, training

torch.manual_seed(0)
plotting.use_style()

x, y = 2.0, 1.0
w, b = 0.5, -0.4

z = w * x + b
a = 1 / (1 + math.exp(-z))
loss = (a - y) ** 2

print(f"z = {z:.4f}, a = {a:.4f}, loss = {loss:.4f}")

# %%
# How does the loss change when ``w`` changes? The loss depends on ``a``, ``a`` on ``z``, and ``z``
# on ``w``. The *chain rule* says: multiply the derivatives of the single steps.
#
# .. math::
#
#    \frac{\mathrm{d} L}{\mathrm{d} w}
#    = \frac{\mathrm{d} L}{\mathrm{d} a} \cdot \frac{\mathrm{d} a}{\mathrm{d} z}
#    \cdot \frac{\mathrm{d} z}{\mathrm{d} w}
#    = 2 (a - y) \cdot a (1 - a) \cdot x
#
# We begin at the loss and go backward, one factor at a time.

by_hand = {"a": 2 * (a - y)}
by_hand["z"] = by_hand["a"] * a * (1 - a)
by_hand["w"] = by_hand["z"] * x
by_hand["b"] = by_hand["z"] * 1

print(f"loss to a: factor {2 * (a - y):+.4f}, so far {by_hand['a']:+.4f}")
print(f"a to z:    factor {a * (1 - a):+.4f}, so far {by_hand['z']:+.4f}")
print(f"z to w:    factor {x:+.4f}, so far {by_hand['w']:+.4f}")
print(f"z to b:    factor {1:+.4f}, so far {by_hand['b']:+.4f}")

# %%
# The result for ``z`` served twice, for ``w`` and for ``b``. In a network of many layers, this is
# what makes going backward cheap.
#
# The same by PyTorch
# -------------------
#
# Now with tensors. ``requires_grad=True`` says: I will want the gradient for this one. Then come
# the same three steps, and ``backward()`` on the loss. The results land in ``.grad``.
# (``retain_grad()`` makes PyTorch keep those of ``z`` and ``a``, too. Usually it throws them away.)

x, y = torch.tensor(2.0), torch.tensor(1.0)
w = torch.tensor(0.5, requires_grad=True)
b = torch.tensor(-0.4, requires_grad=True)

z = w * x + b
a = torch.sigmoid(z)
loss = (a - y) ** 2

z.retain_grad()
a.retain_grad()
print("w.grad before backward():", w.grad)
loss.backward()
print("w.grad after backward(): ", w.grad)

# %%
# Side by side:

print("    by hand   autograd")
for name, tensor in {"a": a, "z": z, "w": w, "b": b}.items():
    print(f"{name}  {by_hand[name]:+.5f}   {tensor.grad.item():+.5f}")
    assert math.isclose(by_hand[name], tensor.grad.item(), rel_tol=1e-5)

# %%
# *Autograd* is the part of PyTorch that does this. It gives the chain rule's numbers, no
# approximation.
#
# What a gradient says
# --------------------
#
# It says how fast the loss changes when ``w`` does: the slope of the curve at this place.
#
# **Predict, then run.** We raise ``w`` by 0.1. By how much will the loss change, about?


def loss_at(weight):
    with torch.no_grad():
        return (torch.sigmoid(weight * x + b) - y) ** 2


moved = loss_at(w + 0.1) - loss_at(w)
print(f"promised: {w.grad.item() * 0.1:+.4f}")
print(f"measured: {moved.item():+.4f}")

# %%
# Nearly 0.1 times the gradient. Now move to both sides, and divide by the distance. This is called
# a *finite difference*. The less we move, the nearer it comes to the gradient.

errors = []
for h in (1, 0.1, 0.01):
    slope = ((loss_at(w + h) - loss_at(w - h)) / (2 * h)).item()
    errors.append(abs(slope - w.grad.item()))
    print(f"w ± {h:<4}: change of the loss / change of w = {slope:+.4f}")

print(f"gradient:                                     {w.grad.item():+.4f}")
print(f"upside down: change of w / change of the loss = {1 / slope:+.4f}")

assert errors == sorted(errors, reverse=True)
assert errors[-1] < 1e-4

# %%
# The last line is what "the gradient of the parameters with respect to the loss" would be. You may
# read that phrase, but it is the wrong way round: it is the gradient **of the loss with respect to
# the parameters**.
#
# It is negative, so the loss falls as ``w`` grows. From near, the curve and its tangent are one
# line. From afar they part: a gradient is right *here*.

here, level, slope = w.item(), loss.item(), w.grad.item()

fig, axes = plt.subplots(1, 2, figsize=(7, 3))
for ax, reach, title in zip(axes, [2.5, 0.05], ["From afar", "From near"], strict=True):
    weights = torch.linspace(here - reach, here + reach, 101)  # (101,)
    tangent = level + slope * (weights - here)  # (101,)
    ax.plot(weights, loss_at(weights), color=plotting.BLUE, lw=3, label="loss")
    ax.plot(weights, tangent, color=plotting.ORANGE, ls="--", label="tangent")
    ax.plot(here, level, "o", color=plotting.ORANGE, ms=8)
    ax.set(xlabel="weight w", title=title, xlim=(here - reach, here + reach))
axes[0].set(ylabel="loss", ylim=(-0.15, 1))
axes[0].legend()
plotting.describe(
    fig,
    "The loss as a curve over the weight, falling from left to right, with its tangent "
    f"at w = {here}, whose slope is {slope:.3f}. From afar, the curve bends away from "
    "the tangent on both sides. From near, the two can hardly be told apart.",
)
plt.show()

# %%
# The graph that PyTorch records
# ------------------------------
#
# While it computes forward, PyTorch notes each step: which function it was, and where its inputs
# came from. These notes are the *computation graph*. Each result holds its own note in ``grad_fn``.
# Let us compute once more, with a name for every step.

u = w * x
z = u + b
a = torch.sigmoid(z)
e = a - y
loss = e**2

note = loss.grad_fn
print("note of loss:", type(note).__name__)
print("one step back:", [type(earlier).__name__ for earlier, _ in note.next_functions])

assert note.next_functions[0][0] is e.grad_fn

# %%
# ``next_functions`` leads one step back: from the note of ``loss`` to that of ``e``. A small
# function can walk the whole way.


def walk(node, depth=0):
    print("    " * depth + type(node).__name__)
    for earlier, _ in node.next_functions:
        if earlier is not None:
            walk(earlier, depth + 1)


walk(loss.grad_fn)

# %%
# The way ends twice, in ``AccumulateGrad``: there ``backward()`` puts what it has found into
# ``.grad``, for ``w`` and for ``b``. Nothing leads to ``x`` and ``y``. They did not ask.
#
# Now go backward, and keep the gradient of every step. Then follow the notes once more, and collect
# the result and the inputs of each.

steps = {"u": u, "z": z, "a": a, "e": e, "loss": loss}
for tensor in steps.values():
    tensor.retain_grad()
w.grad = b.grad = None
loss.backward()

result_of = {tensor.grad_fn: (name, tensor) for name, tensor in steps.items()}
unrecorded = {"MulBackward0": ("x", x), "SubBackward0": ("y", y)}


def inputs_of(node):
    inputs = []
    for earlier, _ in node.next_functions:
        if earlier is None:
            inputs.append(unrecorded[type(node).__name__])
        elif earlier in result_of:
            inputs.append(result_of[earlier])
        else:
            leaf = earlier.variable  # where AccumulateGrad adds
            inputs.append(("w" if leaf is w else "b", leaf))
    return inputs


chain, node = [], loss.grad_fn
while node in result_of:
    chain.append((type(node).__name__, result_of[node], inputs_of(node)))
    node = node.next_functions[0][0]

for kind, (name, _), inputs in chain:
    print(f"{kind:17} makes {name:4} of {' and '.join(name for name, _ in inputs)}")

# %%
# That is enough to draw it: in blue the value of each step, in orange the gradient of the loss with
# respect to it. The purple number above a box is its own derivative, by formula. (σ is the
# sigmoid.)

symbols = {"Mul": "×", "Add": "+", "Sigmoid": "σ", "Sub": "−", "Pow": "( )²"}
slope_a, slope_e = (a * (1 - a)).item(), (2 * e).item()
slopes = {"Mul": x.item(), "Add": 1, "Sigmoid": slope_a, "Sub": 1, "Pow": slope_e}


def arrow(ax, start, end, name, tensor):
    style = {"arrowstyle": "-|>", "color": plotting.GRAY, "shrinkA": 0, "shrinkB": 0}
    ax.annotate("", end, start, arrowprops=style)
    if start[1] == end[1]:
        left, heights, align = (start[0] + end[0]) / 2, [0.5, 0.13, -0.4], "center"
    else:
        left, heights, align = start[0] + 0.1, [-0.7, -1.1, -1.5], "left"
    words = [name, f"{tensor.item():.3f}", "no gradient"]
    colors = [None, plotting.BLUE, plotting.GRAY]
    if tensor.grad is not None:
        words[2], colors[2] = f"{tensor.grad.item():.3f}", plotting.ORANGE
    for low, word, color in zip(heights, words, colors, strict=True):
        word = word.replace("-", "−")
        text = ax.text(left, low, word, ha=align, color=color, fontsize=9)
        text.set_fontweight("bold" if word == name else "normal")
    return f"{name} {words[1]}, {words[2]}"


fig, ax = plt.subplots(figsize=(7, 2.2))
spoken = [arrow(ax, (5.25, 0), (5.95, 0), "loss", loss)]
for column, (kind, (_, output), inputs) in zip(range(5, 0, -1), chain, strict=True):
    kind = kind.removesuffix("Backward0")
    box = {"boxstyle": "round,pad=0.45", "fc": "none", "ec": plotting.GRAY}
    ax.text(column, 0, symbols[kind], ha="center", va="center", bbox=box)
    factor = f"{slopes[kind]:.3f}".replace("-", "−").replace(".000", "")
    ax.text(column, 0.5, factor, ha="center", color=plotting.PURPLE, fontsize=9)
    torch.testing.assert_close(inputs[0][1].grad, output.grad * slopes[kind])
    spoken.append(arrow(ax, (column - 0.8, 0), (column - 0.25, 0), *inputs[0]))
    for extra in inputs[1:]:
        spoken.append(arrow(ax, (column, -1.6), (column, -0.42), *extra))
ax.set(xlim=(0.1, 6), ylim=(-1.7, 0.8))
ax.set_axis_off()
ax.set_title("Values go forward, gradients come back")
plotting.describe(
    fig,
    "The computation as five boxes joined by arrows from left to right: times, plus, "
    "sigmoid, minus, square. On each arrow stand a value and, below it, a gradient. From "
    f"the loss back: {'; '.join(spoken)}.",
)
plt.show()

for name, grad in by_hand.items():
    tensor = {"w": w, "b": b, **steps}[name]
    assert math.isclose(tensor.grad.item(), grad, rel_tol=1e-5)

# %%
# Read the blue numbers from left to right: the *forward pass*. Read the orange ones from right to
# left: the *backward pass*. It starts with 1, since the loss changes as fast as itself, and at each
# box it multiplies by the purple number. That is the chain rule.
#
# Leaves
# ------
#
# The tensors that all others are computed from are called *leaves*.
#
# **Predict, then run.** Which of our nine tensors are leaves, and which require a gradient?

print(f"{'':6}{'is_leaf':9}{'requires_grad':15}grad_fn")
for name, tensor in {"x": x, "y": y, "w": w, "b": b, **steps}.items():
    note = "None" if tensor.grad_fn is None else type(tensor.grad_fn).__name__
    print(f"{name:6}{tensor.is_leaf!s:9}{tensor.requires_grad!s:15}{note}")
    assert tensor.is_leaf == (tensor.grad_fn is None)

assert (x * y).is_leaf
assert not (x * y).requires_grad

# %%
# A leaf is a tensor without a note. Most leaves are tensors that you made. (A result counts as one,
# too, if nothing was recorded, such as ``x * y``.) If one input requires a gradient, so does the
# result. ``backward()`` fills the ``.grad`` of leaves that asked for it. For other tensors you need
# ``retain_grad()``.
#
# Gradients add up
# ----------------
#
# ``backward()`` never replaces what stands in ``.grad``. It adds.

w.grad = None
for call in (1, 2, 3):
    loss = (torch.sigmoid(w * x + b) - y) ** 2
    loss.backward()
    print(f"after {call}: {w.grad.item():+.4f}")

assert math.isclose(w.grad.item(), 3 * by_hand["w"], rel_tol=1e-5)

# %%
# The sum is calculus. If a tensor is used twice, the loss depends on it in two ways, and their
# contributions must be added. In ``w * w`` each factor contributes ``w``:

w.grad = None
(w * w).backward()
print(w.grad.item(), "=", w.item(), "+", w.item())

assert w.grad == 2 * w

# %%
# Between two training steps you do not want a sum. ``w.grad = None`` forgets it. An optimizer's
# ``zero_grad()`` does that for all its parameters.
#
# One number for each entry
# -------------------------
#
# Weights come as matrices. The loss is still one number, and each entry has a slope of its own, so
# the gradient has the shape of the tensor. Many tutorials take the mean of :math:`x^2` over four
# entries for an example, and say that the gradient is :math:`x / 2`.
#
# **Predict, then run.** Is it still, with six entries?


def rounded(tensor):
    return [round(number, 4) for number in tensor.flatten().tolist()]


for rows, columns in [(2, 2), (2, 3)]:
    n = rows * columns
    entries = torch.arange(1.0, n + 1).reshape(rows, columns)  # (rows, columns)
    entries.requires_grad_()
    (entries**2).mean().backward()
    print(f"{n} entries, gradient {rounded(entries.grad)}")
    for name, rule in {"x / 2": entries / 2, "2 x / n": 2 * entries / n}.items():
        right = torch.allclose(rule, entries.grad)
        print(f"    {name:8}", rounded(rule), "right" if right else "wrong")
        assert right == (name == "2 x / n" or n == 4)

# %%
# The square contributes :math:`2x`, and the mean divides by :math:`n`. So it is :math:`2x / n`, and
# only for four entries does that happen to be :math:`x / 2`.
#
# Our network has six parameter tensors, and one ``backward()`` gives each its gradient.

train_set, test_set = data.load_dataset()
images, labels = data.as_tensors(train_set)  # (N, 1, 28, 28), (N,)
model = models.NeuralNetwork()

assert all(parameter.grad is None for parameter in model.parameters())
loss = F.cross_entropy(model(images[:64]), labels[:64])
loss.backward()
print("note of the loss:", type(loss.grad_fn).__name__)
for name, parameter in model.named_parameters():
    print(f"{name:28} gradient {tuple(parameter.grad.shape)}")
    assert parameter.grad.shape == parameter.shape

# %%
# More than one output
# --------------------
#
# What is the gradient of a softmax? It has several outputs, and here PyTorch refuses.

logits = torch.tensor([1.0, 0.5, 0.0, -0.5, 1.5], requires_grad=True)  # (5,)
probabilities = logits.softmax(dim=0)  # (5,)
try:
    probabilities.backward()
except RuntimeError as error:
    print("RuntimeError:", error)

# %%
# Each of five outputs has a slope for each of five inputs. That is a matrix, the *Jacobian*
# :math:`J`: row :math:`i` is the gradient of output :math:`i`.


def softmax(logits):
    return logits.softmax(dim=0)


jacobian = torch.autograd.functional.jacobian(softmax, logits)  # (5, 5)
print("sums of the columns:", [f"{abs(total):.4f}" for total in jacobian.sum(dim=0)])

assert torch.allclose(jacobian, torch.func.jacrev(softmax)(logits))
assert torch.allclose(jacobian.sum(dim=0), torch.zeros(5), atol=1e-6)

# %%
# What does ``backward()`` want, then? A vector :math:`v` with one number for each output: how much
# that output counts. Then it computes :math:`v J`, the *vector-Jacobian product*.

v = torch.tensor([1.0, 0.0, -1.0, 0.0, 2.0])  # (5,)
probabilities.backward(v)

print("backward(v):", rounded(logits.grad))
print("v @ J:      ", rounded(v @ jacobian))
assert torch.allclose(logits.grad, v @ jacobian, atol=1e-6)

# %%
# Each row of :math:`J` is multiplied by its number in :math:`v`, on the left, and the columns are
# added up, below.

product = logits.grad.reshape(1, 5)  # (1, 5)
ratios = {"width_ratios": [1, 5], "height_ratios": [5, 1]}
fig, axes = plt.subplots(2, 2, figsize=(6, 4.4), **ratios)
axes[1, 0].set_axis_off()
shown = [axes[0, 0], axes[0, 1], axes[1, 1]]
tables = [v.reshape(5, 1), jacobian, product]
for ax, table, title in zip(shown, tables, ["v", "Jacobian J", "v J"], strict=True):
    limit = table.abs().max().item()
    ax.imshow(table.numpy(), cmap="RdBu_r", vmin=-limit, vmax=limit, aspect="auto")
    ax.set(xticks=[], yticks=[])
    ax.set_title(title, loc="center")
    ax.spines[:].set_visible(False)
    for row, values in enumerate(table.tolist()):
        for column, value in enumerate(values):
            number = f"{value:+.2f}".replace("-", "−") if value else "0"
            words = ax.text(column, row, number, ha="center", va="center")
            words.set_color("white" if abs(value) > 0.6 * limit else "black")
            words.set_gid("keep-color")
axes[0, 0].set(ylabel="output", yticks=range(5))
axes[1, 1].set(xlabel="input", xticks=range(5))
for ax in shown:
    ax.tick_params(length=0)
diagonal = jacobian.diagonal()  # (5,)
plotting.describe(
    fig,
    "The Jacobian of a softmax as a table of 5 by 5 colored numbers. The diagonal is "
    f"red, from {diagonal.min():+.2f} to {diagonal.max():+.2f}; all others are blue, "
    "below zero. On its left stands the vector v as a column, below it the product "
    f"v J as a row: {', '.join(f'{value:+.2f}' for value in product[0].tolist())}.",
)
plt.show()

assert (diagonal > 0).all()
assert (jacobian < 0).sum() == 20

# %%
# The red diagonal says: raise a logit, and its own probability rises. The blue rest says: all
# others fall. Together they stay 1, so each column sums to 0.
#
# ``backward()`` never builds this matrix, it computes only the product. For a batch of 64 images,
# the first layer of our network has 64 · 512 outputs and 64 · 784 inputs.

print(f"entries of that Jacobian: {64 * 512 * 64 * 784:,}")

# %%
# And for a loss? There is one output, and it counts once, so :math:`v` is 1.

w.grad = None
(w * x).backward()
without_v = w.grad.item()
w.grad = None
(w * x).backward(torch.tensor(1.0))
print("backward():", without_v, "· backward(1):", w.grad.item())

assert w.grad == without_v

# %%
# Softmax, then cross-entropy
# ---------------------------
#
# The cross-entropy (:doc:`06_build_model`) is :math:`-\ln p_t`, where :math:`t` is the true class.
# Only :math:`p_t` counts, with the slope :math:`-1 / p_t`. This is our :math:`v`. Its product with
# the Jacobian is plain:
#
# .. math:: \frac{\partial L}{\partial z} = p - \text{one-hot}(t)

true_class = torch.tensor(1)
logits.grad = None
F.cross_entropy(logits, true_class).backward()

p = probabilities.detach()  # (5,)
one_hot = F.one_hot(true_class, 5).float()  # (5,)
v = -one_hot / p  # (5,)

print("autograd:   ", rounded(logits.grad))
print("v @ J:      ", rounded(v @ jacobian))
print("p - one_hot:", rounded(p - one_hot))
assert torch.allclose(logits.grad, v @ jacobian, atol=1e-6)
assert torch.allclose(logits.grad, p - one_hot, atol=1e-6)

# %%
# The gradient is the error itself: what the network said, minus what it should have said.

fig, axes = plt.subplots(1, 3, figsize=(7, 2.6), sharey=True)
bars = [p, one_hot, p - one_hot]
titles = ["Said: p", "True: one-hot", "Gradient: p − one-hot"]
colors = [[plotting.BLUE] * 5, [plotting.GREEN] * 5, [plotting.ORANGE] * 5]
for ax, values, title, color in zip(axes, bars, titles, colors, strict=True):
    ax.bar(range(5), values.numpy(), color=color)
    ax.axhline(0, color=plotting.GRAY, lw=1)
    ax.set(title=title, xlabel="class", xticks=range(5))
    ax.spines["bottom"].set_visible(False)
    ax.tick_params(axis="x", length=0)
plotting.describe(
    fig,
    "Three bar charts over five classes: the probabilities; the true class, 1 at class "
    "1 and 0 elsewhere; and the gradient, their difference, which is "
    f"{logits.grad[1]:.2f} at class 1 and positive for the four others.",
)
plt.show()

# %%
# A step against it raises the true class's logit and lowers the others, each as much as it is
# wrong.
#
# Four ways to leave autograd out
# -------------------------------
#
# Notes take time and memory, and where nothing is learned nobody needs them. There are four ways to
# go without, and they are not the same. Each function here returns the product ``w * x``, and the
# result that one would go on with.


def as_usual(w):
    product = w * x
    return product, product


def under_no_grad(w):
    with torch.no_grad():
        product = w * x
    return product, product


def under_inference_mode(w):
    with torch.inference_mode():
        product = w * x
    return product, product


def detached(w):
    product = w * x
    return product, product.detach()


def frozen(w):
    w.requires_grad_(False)
    product = w * x
    return product, product


# %%
# We put six questions to each of them.
#
# **Predict, then run.** After which of the four does ``w`` keep its value in the rest of the
# program, however long you train?


def ask(way):
    w = torch.tensor(0.5, requires_grad=True)
    product, result = way(w)
    recorded = product.grad_fn is not None
    requires_grad = result.requires_grad
    other = torch.tensor(3.0, requires_grad=True)
    try:  # a later graph, with another leaf in it
        (result * other).backward()
        usable = other.grad is not None
    except RuntimeError:
        usable = False
    learns = w.grad is not None
    shares = result is not product and result.data_ptr() == product.data_ptr()
    w.grad = None  # and now, the rest of the program
    (w * other).backward()
    return [recorded, requires_grad, learns, usable, shares, w.grad is None]


answers = {
    "as usual": ask(as_usual),
    "no_grad": ask(under_no_grad),
    "inference_mode": ask(under_inference_mode),
    "detach()": ask(detached),
    "requires_grad_(False)": ask(frozen),
}

yes, no = True, False
assert answers["as usual"] == [yes, yes, yes, yes, no, no]
assert answers["no_grad"] == [no, no, no, yes, no, no]
assert answers["inference_mode"] == [no, no, no, no, no, no]
assert answers["detach()"] == [yes, no, no, yes, yes, no]
assert answers["requires_grad_(False)"] == [no, no, no, yes, no, yes]

# %%
# As a table:

questions = [
    "w * x is\nrecorded",
    "result\nrequires\na gradient",
    "w learns\nthrough\nresult",
    "a later\ngraph may\nuse result",
    "memory is\nshared\nwith w * x",
    "w is\nfrozen from\nnow on",
]
fig, ax = plt.subplots(figsize=(7, 2.9))
for row, found in enumerate(answers.values()):
    for column, answer in enumerate(found):
        color, marker = (plotting.BLUE, "o") if answer else (plotting.GRAY, "x")
        ax.scatter(column - 0.15, row, s=70, lw=2, color=color, marker=marker)
        ax.text(column + 0.05, row, "yes" if answer else "no", va="center")
ax.set_xticks(range(6), questions, fontsize=8.5)
ax.set_yticks(range(5), answers)
ax.set(xlim=(-0.5, 5.5), ylim=(4.5, -0.5))
ax.xaxis.tick_top()
ax.spines[:].set_visible(False)
ax.tick_params(length=0)
plotting.describe(
    fig,
    "A table of five ways to compute w * x, and six questions: "
    + ", ".join(question.replace("\n", " ") for question in questions)
    + ". "
    + " ".join(
        f"{way}: {', '.join('yes' if answer else 'no' for answer in found)}."
        for way, found in answers.items()
    ),
)
plt.show()

# %%
# Each has its use:
#
# * ``no_grad``: to change parameters, or to compute without notes.
# * ``inference_mode``: for predictions. It is stricter: its results must stay out of training.
# * ``detach()``: to cut one result off, to look at it, or to stop the gradient there.
# * ``requires_grad_(False)``: to freeze a parameter. It is the only one that does.
#
# You may read that ``detach()`` gives the same result as ``no_grad``. The numbers are the same. But
# up to ``detach()`` the graph is recorded, with all that ``backward()`` would need. We count what
# PyTorch keeps for a batch of 64 images.


def numbers_kept(compute):
    kept = []

    def keep(tensor):  # PyTorch calls it for each tensor that it keeps
        kept.append(tensor.numel())
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        output = compute(images[:64])  # (64, 10)
    return sum(kept), output.requires_grad


counts = {
    "model(images)": numbers_kept(model),
    "model(images).detach()": numbers_kept(lambda batch: model(batch).detach()),
    "model(images) under no_grad": numbers_kept(torch.no_grad()(model)),
}
for name, (count, requires_grad) in counts.items():
    print(f"{name:28} keeps {count:>9,} numbers, requires a gradient: {requires_grad}")

assert counts["model(images)"][0] == counts["model(images).detach()"][0] > 0
assert counts["model(images) under no_grad"][0] == 0

# %%
# And you can still go backward from before the cut. Under ``no_grad`` there is no way back.

product, result = detached(w)
w.grad = None
product.backward()
print("before the cut:", w.grad)

product, result = under_no_grad(w)
try:
    product.backward()
except RuntimeError as error:
    print("RuntimeError:", error)

# %%
# The "no" for ``inference_mode`` in the fourth column is this error:

product, result = under_inference_mode(w)
try:
    result * w
except RuntimeError as error:
    print(textwrap.fill(f"RuntimeError: {error}", 86))

assert (result + w).requires_grad

# %%
# To go backward through a product, PyTorch keeps both factors. A sum keeps neither, and so the last
# line of the cell gets through.
#
# Downhill with two numbers
# -------------------------
#
# Now we can learn without an optimizer: go against the gradient, step by step. With only two
# numbers, the loss can be drawn as a landscape.


def height(point):
    x, y = point
    return (x**2 + y - 11) ** 2 + (x + y**2 - 7) ** 2


def go_downhill(start, learning_rate=0.01, steps=80, clear=True):
    point = torch.tensor(start, requires_grad=True)  # (2,)
    path = [point.detach().clone()]
    for _ in range(steps):
        height(point).backward()
        with torch.no_grad():
            point -= learning_rate * point.grad
        if clear:
            point.grad = None
        path.append(point.detach().clone())
    return torch.stack(path)  # (places, 2)


starts = [(0.0, 0.0), (-0.5, 0.5), (-1.0, -1.0), (0.5, -1.5)]
paths = [go_downhill(start) for start in starts]
for path in paths:
    first, last = path[0], path[-1]  # (2,), (2,)
    print(f"from ({first[0]:+.1f}, {first[1]:+.1f})", end=" ")
    print(f"to ({last[0]:+.3f}, {last[1]:+.3f}):", end=" ")
    print(f"height {height(first):.1f}, then {height(last):.3f}")
    assert height(last) < 1e-3

ends = torch.stack([path[-1] for path in paths])  # (4, 2)
assert torch.pdist(ends).min() > 1

# %%
# Each line of the map joins points of equal height. The numbers say how high.

axis = torch.linspace(-5, 5, 201)  # (201,)
grid_x, grid_y = torch.meshgrid(axis, axis, indexing="xy")  # (201, 201), (201, 201)
heights = height((grid_x, grid_y))  # (201, 201)

fig, ax = plt.subplots(figsize=(5, 4.6))
levels = [2, 10, 25, 50, 90, 140, 200, 300, 450]
lines = ax.contour(axis, axis, heights, levels, colors=plotting.GRAY, linewidths=0.8)
places = [(0, 2), (0.3, 0.9), (0, -3), (0, -4), (-2, 3.6), (-4.2, -2.9), (0, 4.7)]
ax.clabel(lines, manual=places, fontsize=7)
colors = [plotting.BLUE, plotting.ORANGE, plotting.GREEN, plotting.PURPLE]
for path, color in zip(paths, colors, strict=True):
    ax.plot(path[:, 0], path[:, 1], "o-", color=color, lw=1.5, ms=3)
    ax.plot(*path[0], "o", color=color, ms=9)
ax.set(aspect="equal", xlabel="first number", ylabel="second number")
ax.set_title("Four starts, four valleys")
plotting.describe(
    fig,
    "A map with contour lines and four valleys. Four paths of dots start near the "
    "middle, cross the contour lines nearly at right angles, and end each in another "
    "valley, with shorter and shorter steps.",
)
plt.show()

# %%
# The gradient points straight uphill, at right angles to the lines, and we go the other way. In the
# valley the steps get shorter by themselves, since the gradient does. And which valley you reach
# depends on where you start.
#
# Which pixels matter?
# --------------------
#
# Any tensor may ask for its gradient, the input image, too. We train a small network for a moment
# (the settings are explained in :doc:`10_training`) and freeze it: this time, the network stays as
# it is.

classifier = nn.Sequential(
    nn.Flatten(), nn.Linear(28 * 28, 64), nn.ReLU(), nn.Linear(64, 10)
)
loader = data.make_loader(images[:2000], labels[:2000], 64, shuffle=True, seed=0)
optimizer = torch.optim.SGD(
    classifier.parameters(), lr=0.05, momentum=0.9, weight_decay=0.01
)
training.fit(classifier, loader, optimizer=optimizer, epochs=10)
classifier.zero_grad()
classifier.requires_grad_(False)

test_images, test_labels = data.as_tensors(test_set)  # (M, 1, 28, 28), (M,)
test_images = test_images[:300]  # (300, 1, 28, 28)
test_labels = test_labels[:300]  # (300,)


def input_gradient(images, labels):
    images = images.clone().requires_grad_()
    # the sum, not the mean: so each image has the gradient of its own loss
    loss = F.cross_entropy(classifier(images), labels, reduction="sum")
    loss.backward()
    return images.grad


gradients = input_gradient(test_images, test_labels)  # (300, 1, 28, 28)

assert all(parameter.grad is None for parameter in classifier.parameters())

# %%
# The gradient has the shape of the images, so it is a picture. Red: more ink here raises the loss.
# Blue: more ink here lowers it. In the third row, each pixel has moved by 0.1 uphill, which is to
# say in the direction of its gradient's sign.

uphill = (test_images + 0.1 * gradients.sign()).clamp(0, 1)  # (300, 1, 28, 28)
answers_before = classifier(test_images).argmax(dim=1)  # (300,)
answers_after = classifier(uphill).argmax(dim=1)  # (300,)
hits = answers_before == test_labels  # (300,)
shown = hits.nonzero().flatten()[:7].tolist()

fig, axes = plt.subplots(3, 7, figsize=(7, 3.7))
for above, middle, below, place in zip(*axes, shown, strict=True):
    picture = gradients[place, 0]  # (28, 28)
    limit = picture.abs().max().item()
    above.imshow(test_images[place, 0].numpy(), vmin=0, vmax=1)
    middle.imshow(picture.numpy(), cmap="RdBu_r", vmin=-limit, vmax=limit)
    below.imshow(uphill[place, 0].numpy(), vmin=0, vmax=1)
    for ax, answer in [(above, answers_before[place]), (below, answers_after[place])]:
        wrong = answer != test_labels[place]
        ax.set_title(test_set.classes[answer], loc="center", fontsize=9, pad=3)
        ax.title.set_fontweight("normal")
        if wrong:
            ax.title.set_color(plotting.RED)
for ax, name in zip(axes[:, 0], ["image", "gradient", "moved"], strict=True):
    ax.set_ylabel(name)
for ax in axes.flat:
    ax.set(xticks=[], yticks=[])
    ax.spines[:].set_visible(False)
fooled = int((answers_after[shown] != test_labels[shown]).sum())
plotting.describe(
    fig,
    "Seven images, each with its gradient below: red and blue spots on and around the "
    "shape, and pale where it matters little. In the third row, moved uphill, the "
    f"images look a little dirtier to the eye, and {fooled} of the 7 are now taken for "
    "another class.",
)
plt.show()

# %%
# Above each image stands the network's answer, in red where it is wrong. Does the gradient know
# more than chance? Move every pixel by the same 0.1, up or down by the toss of a coin.

coins = torch.randint(0, 2, test_images.shape) * 2.0 - 1  # (300, 1, 28, 28)
by_chance = (test_images + 0.1 * coins).clamp(0, 1)  # (300, 1, 28, 28)
downhill = (test_images - 0.1 * gradients.sign()).clamp(0, 1)  # (300, 1, 28, 28)

rates = {}
for name, inputs in {
    "as they are": test_images,
    "by chance": by_chance,
    "uphill": uphill,
    "downhill": downhill,
}.items():
    found = classifier(inputs).argmax(dim=1) == test_labels  # (300,)
    rates[name] = found.float().mean().item()
    print(f"{name:12} {rates[name]:.1%} right")

assert rates["uphill"] < 0.75 * rates["by chance"]
assert rates["downhill"] >= rates["as they are"]

# %%
# Chance does little. The gradient finds what hurts, and what helps.
#
# Check a gradient
# ----------------
#
# Autograd knows the derivatives of PyTorch's functions. You can write a function with a
# ``backward`` of your own, and get it wrong. It receives the gradient of the loss with respect to
# its output, and multiplies it by its derivative. Here it is right, and once the factor 2 is
# forgotten.


class Square(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x**2

    @staticmethod
    def backward(ctx, gradient):
        (x,) = ctx.saved_tensors
        return gradient * 2 * x


class FactorForgotten(Square):
    @staticmethod
    def backward(ctx, gradient):
        (x,) = ctx.saved_tensors
        return gradient * x


point = torch.tensor([0.5, -1.0, 2.0], dtype=torch.float64, requires_grad=True)  # (3,)
print("right:", torch.autograd.gradcheck(Square.apply, (point,)))
try:
    torch.autograd.gradcheck(FactorForgotten.apply, (point,))
except GradcheckError as error:
    print("GradcheckError:", str(error).strip())

# %%
# :func:`torch.autograd.gradcheck` moves each input a little, as we did with ``w``. The *numerical*
# Jacobian is measured like that, the *analytical* one comes from ``backward``. It wants
# ``float64``, because a small change needs many digits to be seen.

for dtype in (torch.float32, torch.float64):
    number = torch.tensor(0.7, dtype=dtype)
    measured = ((number + 1e-6) ** 2 - (number - 1e-6) ** 2) / 2e-6
    print(f"{dtype}: slope of x² at 0.7 measured as {measured.item():.6f}")

# %%
# Common mistakes
# ---------------
#
# **Nothing requires a gradient.** Then nothing was recorded. (In the clinic: :ref:`error-no-grad`.)

try:
    torch.tensor([1.0, 2.0]).sum().backward()
except RuntimeError as error:
    print("RuntimeError:", error)

# %%
# **Whole numbers.** They cannot move a little. Write ``1.0``.

try:
    torch.tensor([1, 2], requires_grad=True)
except RuntimeError as error:
    print("RuntimeError:", error)

# %%
# **A second** ``backward()``. The first one throws away the values that it needed. Compute the loss
# again, or keep them with ``retain_graph=True``. (In the clinic: :ref:`error-second-time`.)

loss = (w * x) ** 2
loss.backward()
try:
    loss.backward()
except RuntimeError as error:
    message = str(error).partition(". ")[0]
    print(textwrap.fill(f"RuntimeError: {message}", 86))

w.grad = None
loss = (w * x) ** 2
loss.backward(retain_graph=True)
once = w.grad.item()
loss.backward()
print("once:", once, "· twice:", w.grad.item())

assert w.grad == 2 * once

# %%
# **In place on a leaf.** Changed by a recorded step, it would be a leaf no longer. That is what the
# ``no_grad`` in ``go_downhill`` is for. (In the clinic: :ref:`error-leaf`.)

try:
    w -= 0.1 * w.grad
except RuntimeError as error:
    print("RuntimeError:", error)

# %%
# **A new tensor in place of the leaf.** Without ``-=`` there is no error. But ``new`` is no leaf,
# and ``backward()`` leaves its ``.grad`` empty. PyTorch warns when you look.

new = w - 0.1 * w.grad
((new * x) ** 2).backward()
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    print("grad:", new.grad)

print(f"{caught[0].category.__name__}:", str(caught[0].message).partition(". Its")[0])
assert len(caught) == 1

# %%
# **A value is changed that is still needed.** The derivative of the sigmoid is computed from its
# result. PyTorch counts the changes of each tensor and notices. ``a = a + 1`` makes a new tensor
# and leaves the old one as it was. (In the clinic: :ref:`error-inplace`.)

a = torch.sigmoid(w * x)
a += 1
try:
    a.backward()
except RuntimeError as error:
    message = str(error).partition(" Hint")[0]
    print(textwrap.fill(f"RuntimeError: {message}", 86))

a = torch.sigmoid(w * x)
a = a + 1
a.backward()

# %%
# **From a tensor with notes to NumPy.** NumPy cannot record. The message names the cure. (In the
# clinic: :ref:`error-numpy`.)

try:
    w.numpy()
except RuntimeError as error:
    print("RuntimeError:", error)

print(w.detach().numpy())

# %%
# **Forgetting to clear.** No error, and a wrong direction. Here is the way downhill once more,
# without ``point.grad = None``.

never_cleared = go_downhill(starts[0], steps=40, clear=False)  # (41, 2)
cleared_heights = [height(point).item() for point in paths[0][:41]]
wrong_heights = [height(point).item() for point in never_cleared]

fig, ax = plt.subplots(figsize=(6.4, 2.6))
ax.plot(cleared_heights, label="cleared")
ax.plot(wrong_heights, color=plotting.RED, label="never cleared")
ax.set(xlabel="step", ylabel="height", title="No way to the bottom")
ax.set_ylim(0, 1.3 * max(wrong_heights))
ax.legend(loc="upper right", ncols=2)
plotting.describe(
    fig,
    "The height over 40 steps. With cleared gradients it falls to 0 within a few steps "
    "and stays there. Without, it goes up and down to the end.",
)
plt.show()

assert cleared_heights[-1] < 1e-3
assert max(wrong_heights[-20:]) > 10

# %%
# Your turn
# ---------
#
# Write your answer into the cell below an exercise, and run it: ``@exercise`` checks it and prints
# what it finds, and the page goes on with the course's version until yours is right.
# ``hint("grad_by_hand")`` and ``solution("grad_by_hand")`` help.
#
# **Your turn: grad_by_hand.** Write a function ``grad_by_hand(x)`` that returns the gradient of
# ``(x ** 2).mean()`` with respect to ``x``. ``x`` may have any shape, and the result has the same.
# While your function is checked, autograd is switched off.

from firstlayers.exercises import exercise, hint, progress, solution


@exercise
def grad_by_hand(x):
    """The gradient of (x ** 2).mean() with respect to x, of any shape."""
    ...  # your code here


# %%
# **Your turn: softmax_ce_grad.** Write a function ``softmax_ce_grad(logits, labels)`` that returns
# the gradient of the *mean* cross-entropy with respect to the logits, again without autograd.
# Logits of shape (N, classes) and labels of shape (N,) go in, and the result has the shape (N,
# classes).


@exercise
def softmax_ce_grad(logits, labels):
    """(N, classes) logits, (N,) labels -> (N, classes) gradient of the mean loss."""
    ...  # your code here


# %%
# **Your turn: detach_or_not.** Sometimes a target is itself computed by a network, which is not to
# learn from it. Write a function ``fixed_target_loss(answers, targets)`` for two tensors of one
# shape. It returns the mean of their squared differences, as a tensor of shape (). The gradient
# must reach ``answers`` but not ``targets``, and afterwards both must be as they were.


@exercise
def fixed_target_loss(answers, targets):
    """Mean squared difference whose gradient reaches the answers only."""
    ...  # your code here


# %%
# Recap
# -----
#
# * A gradient is the slope of the loss with respect to a tensor, one number for each entry. The
#   chain rule multiplies the slopes of the single steps, from the loss backward.
# * PyTorch records the steps that start from a tensor with ``requires_grad``. ``backward()`` walks
#   them back and *adds* to ``.grad`` of the leaves.
# * From several outputs, ``backward(v)`` computes :math:`v J`. From a loss, :math:`v` is 1.
# * ``no_grad`` and ``inference_mode`` record nothing, ``detach()`` cuts a recorded graph, and only
#   ``requires_grad_(False)`` freezes.
# * A finite difference checks a gradient; ``gradcheck`` does it for you, in ``float64``.
#
# **Next:** :doc:`10_training` uses gradients to train the network.
#
# **Further reading:** the module :mod:`torch.autograd`, :class:`torch.no_grad`,
# :class:`torch.inference_mode`, :class:`torch.autograd.Function`. In general: Baydin, Pearlmutter,
# Radul and Siskind, `Automatic differentiation in machine learning: a survey
# <https://jmlr.org/papers/v18/17-468.html>`__. On gradients of images: Simonyan, Vedaldi and
# Zisserman, `Deep inside convolutional networks <https://arxiv.org/abs/1312.6034>`__, and
# Goodfellow, Shlens and Szegedy, `Explaining and harnessing adversarial examples
# <https://arxiv.org/abs/1412.6572>`__.
