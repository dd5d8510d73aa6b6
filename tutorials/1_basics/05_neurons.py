"""
Work out what a neuron computes
===============================

You will compute a neuron by hand, move the place where it switches on, put many of them into a
layer, and see why two layers need something between them.

**In this chapter you learn**

* to compute a neuron, for three inputs and for the 784 pixels of an image,
* what its weights decide, and what its bias decides,
* what a layer is: many neurons with the same inputs, in one matrix product,
* the activation functions, their slopes, and where each is used,
* what a network cannot do without them, and how a neuron saturates or dies.

**You need** shapes, ``@`` and broadcasting from :doc:`02_tensors`, and standardized images from
:doc:`04_transforms`.
**Time:** 25 minutes.
"""

# %%
# One neuron, three inputs
# ------------------------
#
# A *neuron*, or *unit*, takes some numbers and returns one. It has a *weight* for each input, and
# one *bias*. It multiplies each input by its weight, adds up the products, adds the bias, and puts
# the sum through an *activation function* :math:`f`:
#
# .. math:: y = f(w_1 x_1 + w_2 x_2 + \dots + w_n x_n + b)
#
# The idea came from nerve cells, in 1943, but a unit is this formula and no more, and a network of
# units does not mimic a brain.

import itertools
import warnings
from collections import Counter

import matplotlib.pyplot as plt
import torch
import torchvision
from torch import nn
from torch.nn import functional as F

from firstlayers import data, plotting

torch.manual_seed(0)
plotting.use_style()

inputs = torch.tensor([1.0, 0.5, 2.0])  # (3,)
weights = torch.tensor([0.6, -0.4, 0.3])  # (3,)
bias = torch.tensor(-0.5)

products = inputs * weights  # (3,)
total = products.sum() + bias
output = torch.sigmoid(total)

print("products:", [round(product, 2) for product in products.tolist()])
print(f"their sum {products.sum().item():.2f}, with the bias {total.item():.2f}")
print(f"after the activation function: {output.item():.4f}")

# %%
# The activation function here is the *sigmoid*, which turns any number into one between 0 and 1.
# This is the same neuron as a drawing.

fig, ax = plt.subplots(figsize=(7, 3))
ax.set(xlim=(-1.4, 9.1), ylim=(-1.5, 2.9), aspect="equal")
ax.set_axis_off()


def arrow(start, end, color):
    look = {"arrowstyle": "-|>", "color": color, "lw": 1.6, "mutation_scale": 12}
    look |= {"shrinkA": 0, "shrinkB": 0}
    ax.annotate("", xy=end, xytext=start, arrowprops=look)


for k, (y, place, turn) in enumerate([(2, 1.73, -25), (0.5, 0.58, 0), (-1, -0.3, 25)]):
    ax.scatter(0, y, s=170, color=plotting.GRAY)
    words = f"$x_{k + 1} = {inputs[k].item():g}$"
    ax.text(-0.3, y, words, ha="right", va="center")
    arrow((0.28, y), (3.06, 0.72 - 0.22 * k), plotting.BLUE)
    words = f"$w_{k + 1} = {weights[k].item():.1f}$"
    look = {"ha": "center", "va": "bottom", "color": plotting.BLUE, "rotation": turn}
    ax.text(1.35, place, words, **look, rotation_mode="anchor")
for center, sign in [(3.6, "Σ"), (6.2, "")]:
    ax.add_patch(plt.Circle((center, 0.5), 0.52, fill=False, ec=plotting.BLUE, lw=2))
    ax.text(center, 0.47, sign, ha="center", va="center", fontsize=15)
curve = torch.linspace(-6, 6, 60)  # (60,)
ax.plot(6.2 + curve / 18, 0.2 + 0.6 * torch.sigmoid(curve), color=plotting.BLUE)
arrow((3.6, -0.85), (3.6, -0.04), plotting.PURPLE)
ax.text(3.6, -0.95, f"bias $b = {bias.item():.1f}$", ha="center", va="top")
arrow((4.14, 0.5), (5.66, 0.5), plotting.GRAY)
ax.text(4.9, 0.6, f"$z = {total.item():.1f}$", ha="center", va="bottom")
arrow((6.74, 0.5), (7.95, 0.5), plotting.GRAY)
ax.scatter(8.2, 0.5, s=170, color=plotting.ORANGE)
ax.text(8.2, 0.12, f"$y = {output.item():.2f}$", ha="center", va="top")
names = {0: "inputs", 3.6: "weighted sum", 6.2: "activation\nfunction", 8.2: "output"}
for place, name in names.items():
    ax.text(place, 2.85, name, ha="center", va="top", fontweight="bold")
plotting.describe(
    fig,
    "A neuron as a drawing. From three inputs, 1, 0.5 and 2, arrows lead to a circle "
    "with a sum sign; on them stand the weights 0.6, -0.4 and 0.3. A fourth arrow "
    f"brings the bias, {bias.item()}. The sum z = {total.item():.1f} goes into a "
    "circle with an S-shaped curve, the activation function, and out comes "
    f"y = {output.item():.2f}.",
)
plt.show()

# %%
# ``@`` multiplies two vectors pair by pair and adds up, so a neuron is one line.

torch.testing.assert_close(torch.sigmoid(inputs @ weights + bias), output)

# %%
# The bias is added once
# ----------------------
#
# Some texts write :math:`\sum_i (w_i x_i + b)`, with the bias inside the sum.
#
# **Predict, then run.** Our neuron has three inputs. How large is the difference, and is the output
# still above one half?

inside = (inputs * weights + bias).sum()
print(f"bias added once:    sum {total.item():+.2f}, output {output.item():.3f}")
print(f"bias inside:        sum {inside.item():+.2f}, ", end="")
print(f"output {torch.sigmoid(inside).item():.3f}")
print(f"the bias counts     {((inside - products.sum()) / bias).item():.0f} times")

torch.testing.assert_close(inside, products.sum() + 3 * bias)
assert inside < 0 < total

# %%
# Inside the sum, the bias is added n times, once for each input.
#
# 784 inputs: an image
# --------------------
#
# A unit that looks at an image has a weight for each pixel, so its weights can be drawn as an
# image, too. Let us choose them by hand: the mean image of class 8 minus the mean image of class 3,
# divided by its length, so that the sums stay small. Red is positive, blue is negative.

train_set, _ = data.load_dataset()
images, labels = data.as_tensors(train_set)  # (N, 1, 28, 28), (N,)
features = images.flatten(1)  # (N, 784)
first, second = (train_set.classes[k] for k in (3, 8))

mean_first = features[labels == 3].mean(dim=0)  # (784,)
mean_second = features[labels == 8].mean(dim=0)  # (784,)
weight = mean_second - mean_first  # (784,)
weight = weight / weight.norm()

fig, axes = plt.subplots(1, 3, figsize=(7, 2.5))
for ax, picture in zip(axes, [mean_second, mean_first], strict=False):
    ax.imshow(picture.reshape(28, 28).numpy(), vmin=0, vmax=1)
limit = weight.abs().max().item()
shown = axes[2].imshow(weight.reshape(28, 28).numpy(), cmap="RdBu_r")
shown.set_clim(-limit, limit)
titles = [f"mean of class {second}", f"mean of class {first}", "weights"]
for ax, title, sign in zip(axes, titles, ["−", "→", ""], strict=True):
    ax.set_title(title, loc="center", fontsize=10)
    ax.set(xticks=[], yticks=[])
    ax.spines[:].set_visible(True)
    ax.text(1.05, 0.45, sign, transform=ax.transAxes, fontsize=18)
fig.colorbar(shown, ax=axes, shrink=0.8, pad=0.03).outline.set_visible(False)
plotting.describe(
    fig,
    f"The blurred mean image of class {second}, minus that of class {first}, gives the "
    "weights: red where the first is brighter, blue where the second "
    "is, white where they agree.",
)
plt.show()

# %%
# Now the sum for one image of class 8: pixel by pixel in a loop, then with ``@``.

image = features[labels == 8][0]  # (784,)
bias = torch.tensor(-0.5)

total = 0.0
for pixel in range(784):
    total += weight[pixel].item() * image[pixel].item()
total += bias.item()

print(f"by the loop: {total:+.4f}")
print(f"by @:        {(image @ weight + bias).item():+.4f}")
inside = (image * weight + bias).sum()
times = (inside - image @ weight) / bias
print(f"bias inside: {inside.item():+.4f}, it counts {times.item():.0f} times")

torch.testing.assert_close(torch.tensor(total), image @ weight + bias)
torch.testing.assert_close(inside, image @ weight + 784 * bias)

# %%
# The last line is the mistake again: 784 times the bias is -392, and it drowns the image.
#
# The bias shifts where a unit switches on
# ----------------------------------------
#
# A sigmoid passes one half where the sum is 0. With one input this is where :math:`w x + b = 0`, at
# :math:`x = -b/w`, the switching point. The bias moves it, and the curve keeps its shape. The
# weight decides how steep the curve is, and which way it goes.

for w, b in [(1.0, -2.0), (1.0, 2.0), (4.0, -2.0), (-1.0, 2.0)]:
    switch = -b / w
    value = torch.sigmoid(torch.tensor(w * switch + b)).item()
    print(f"w = {w:+.0f}, b = {b:+.0f}: output {value} at x = {switch:+.1f}")
    assert value == 0.5

x = torch.linspace(-6, 6, 241)  # (241,)
cases = [
    ("The bias moves the switch", [(1, 2), (1, 0), (1, -2)]),
    ("The weight turns and stretches", [(4, 0), (1, 0), (-1, 0)]),
]
fig, axes = plt.subplots(1, 2, figsize=(7, 3), sharey=True)
for ax, (title, pairs) in zip(axes, cases, strict=True):
    for (w, b), style in zip(pairs, ["-", "--", "-."], strict=True):
        ax.plot(x, torch.sigmoid(w * x + b), ls=style, label=f"w = {w}, b = {b}")
        ax.plot(-b / w, 0.5, "o", color=ax.lines[-1].get_color())
    ax.axhline(0.5, color=plotting.GRAY, lw=1, zorder=0)
    ax.set(title=title, xlabel="input x", ylim=(-0.03, 1.42), yticks=[0, 0.5, 1])
    ax.legend(fontsize=8, loc="upper left", ncols=2)
axes[0].set_ylabel("output y")
plotting.describe(
    fig,
    "Sigmoid curves of a unit with one input, each with a dot where it passes one "
    "half. Left, three biases: the same curve, shifted, with its dot at -2, 0 and 2. "
    "Right, three weights: steep, gentle, and falling instead of rising, all with "
    "their dot at 0.",
)
plt.show()

# %%
# With two inputs, every point of a plane is a pair of inputs, and the unit switches on a *line*,
# where :math:`w_1 x_1 + w_2 x_2 + b = 0`. Draw the weights as an arrow. The line is at right angles
# to it, and its distance from the origin is :math:`|b| / |w|`, where :math:`|w|` is the length of
# the arrow.

w, b = torch.tensor([0.75, 0.5]), torch.tensor(-0.6)  # (2,), ()
foot = -b * w / (w @ w)  # (2,), the point of the line that is nearest to the origin
along = torch.tensor([-w[1], w[0]])  # (2,), the direction of the line

points = foot + torch.linspace(-3, 3, 7)[:, None] * along  # (7, 2)
print(f"largest sum on the line:  {(points @ w + b).abs().max().item():.4f}")
print(f"distance from the origin: {foot.norm():.4f}")
print(f"|b| / |w|:                {b.abs() / w.norm():.4f}")

torch.testing.assert_close(points @ w + b, torch.zeros(7))
torch.testing.assert_close(foot.norm(), b.abs() / w.norm())
assert along @ w == 0

# %%
# **Remember.** The weights decide the direction of the line, the bias its distance.

left = [(w, torch.tensor(b)) for b in (1.8, -0.6, -2.4)]
turned = [torch.tensor(pair) for pair in [(0.75, 0.5), (-0.5, 0.75), (0.4, -0.8)]]
right = [(w, torch.tensor(-1.0)) for w in turned]
titles = ["Same weights, three biases", "Same bias, three directions"]
colors = [plotting.BLUE, plotting.ORANGE, plotting.GREEN]

fig, axes = plt.subplots(1, 2, figsize=(7, 4.2), sharey=True)
for ax, units, title in zip(axes, [left, right], titles, strict=True):
    for (w, b), color in zip(units, colors, strict=True):
        foot = -b * w / (w @ w)  # (2,)
        along = torch.tensor([-w[1], w[0]])  # (2,)
        ends = torch.stack([foot - 7 * along, foot + 7 * along])  # (2, 2)
        label = f"b = {b:.1f}" if units is left else f"w = ({w[0]:g}, {w[1]:g})"
        ax.plot(*ends.T, color=color, label=label)
        ax.plot([0, foot[0]], [0, foot[1]], ":", color=color, lw=1.5)
        tip = foot + w  # (2,)
        look = {"arrowstyle": "-|>", "color": color, "lw": 2, "mutation_scale": 14}
        look |= {"shrinkA": 0, "shrinkB": 0}
        ax.annotate("", xy=tip.tolist(), xytext=foot.tolist(), arrowprops=look)
    ax.plot(0, 0, "+", color=plotting.GRAY, ms=10, mew=2)
    ax.set(title=title, xlabel="input 1", xlim=(-4, 4), ylim=(-4, 4), aspect="equal")
    ax.set(xticks=range(-4, 5, 2), yticks=range(-4, 5, 2))
    look = {"fontsize": 8, "ncols": 3, "columnspacing": 1, "handlelength": 1.2}
    ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.17), **look)
axes[0].set_ylabel("input 2")
plotting.describe(
    fig,
    "Two planes with the switching lines of units with two inputs. Left, three "
    "parallel lines with the same arrow of weights at right angles to them; each bias "
    "has its own distance from the origin, drawn dotted. Right, three lines in three "
    "directions, each at right angles to its arrow.",
)
plt.show()

# %%
# The arrow points to the side where the unit is on. With 784 inputs, the line becomes a plane in
# 784 dimensions.
#
# A bias is learned
# -----------------
#
# Which bias suits our unit for images? It should give 1 for class 8 and 0 for class 3. A *loss* is
# a number that says how far from this it is, over all images of the two classes. The *slope* of the
# loss says how fast it grows when the bias grows. We move the bias against the slope, again and
# again. (:doc:`09_autograd` tells how PyTorch finds slopes, and calls them gradients.)

chosen = (labels == 3) | (labels == 8)  # (N,)
sums = features[chosen] @ weight  # (M,)
targets = (labels[chosen] == 8).float()  # (M,)


def learn_bias(activation):
    bias = torch.zeros((), requires_grad=True)
    for _ in range(400):
        loss = F.binary_cross_entropy(activation(sums + bias), targets)
        bias.grad = None  # forget the last slope
        loss.backward()  # puts the slope into bias.grad
        with torch.no_grad():
            bias -= 4 * bias.grad
    return bias.detach()  # the number alone, for plain arithmetic


def fraction_right(bias):
    return ((sums + bias > 0) == targets.bool()).float().mean().item()


learned = learn_bias(torch.sigmoid)
for name, b in [("no bias", torch.tensor(0.0)), ("learned", learned)]:
    print(f"{name}: b = {b.item():+.2f}, right: {fraction_right(b):.1%}")

# %%
# Each image is one number now, its weighted sum. The unit is on to the right of -b.

fig, ax = plt.subplots(figsize=(7, 2.9))
ends = (sums.min().item(), sums.max().item())
for target, color, name in [(0, plotting.BLUE, first), (1, plotting.ORANGE, second)]:
    values = sums[targets == target].numpy()
    ax.hist(values, bins=50, range=ends, color=color, alpha=0.75, label=f"class {name}")
for b, style, name in [(torch.tensor(0.0), ":", "no"), (learned, "--", "learned")]:
    words = f"{name} bias: on from {0.0 - b.item():.2f}"
    ax.axvline(-b.item(), ymax=0.75, color=plotting.GRAY, ls=style, label=words)
ax.set(xlabel="weighted sum, without the bias", ylabel="images", yticks=[])
ax.set_title("The bias puts the switch between the classes")
ax.set_ylim(top=1.4 * ax.get_ylim()[1])
ax.legend(fontsize=8, loc="upper left", ncols=2)
plotting.describe(
    fig,
    f"Two histograms of the weighted sums of images, class {first} left and class "
    f"{second} right, overlapping. Without a bias the unit switches on at 0; with the "
    f"learned bias at {-learned.item():.2f}, between the two hills.",
)
plt.show()

# %%
# A bias is learned, like a weight, and then it is the same for every image. You may read that it is
# the difference between the output and the intended output. Let us compute that difference.

outputs = torch.sigmoid(sums + learned)  # (M,)
difference = (targets - outputs).mean().item()
print(f"learned bias:                    {learned.item():+.4f}")
print(f"intended minus output, the mean: {abs(difference):.4f}")

assert abs(difference) < 0.005
assert abs(learned) > 10 * abs(difference)

# %%
# It is zero now, on average, and the bias is not.
#
# Does an output near 1 say that the input was important? It says that the sum is large. With a bias
# of 5, a unit is on for an image that is all black.

black = torch.zeros(784)  # (784,)
on_for_nothing = torch.sigmoid(black @ weight + 5)
print(f"output for a black image: {on_for_nothing.item():.4f}")
assert on_for_nothing > 0.99

# %%
# A layer: many units, the same inputs
# ------------------------------------
#
# Units that share their inputs form a *layer*. Each has its own weights and its own bias. Put the
# weights into the rows of a matrix :math:`W` and the biases into a vector, and one matrix product
# computes all units for a whole batch:
#
# .. math:: \mathbf{y} = f(\mathbf{x} W^\mathsf{T} + \mathbf{b})
#
# Here are four units with three inputs, and a batch of two. A unit keeps its color: its weights are
# a column of the transpose :math:`W^\mathsf{T}`, and its sums a column of the result.

colors = [plotting.BLUE, plotting.ORANGE, plotting.GREEN, plotting.PURPLE]
fig, ax = plt.subplots(figsize=(7, 2.1))
ax.set(xlim=(-1.2, 24.2), ylim=(-1.7, 5.2), aspect="equal")
ax.set_axis_off()
for unit, color in enumerate(colors):
    for number in range(3):
        heights = [2.6 - 1.3 * number, 3.25 - 1.3 * unit]
        ax.plot([0, 3.6], heights, color=color, lw=1.2, zorder=1)
    ax.scatter(3.6, 3.25 - 1.3 * unit, s=110, color=color, zorder=2)
ax.scatter([0] * 3, [2.6, 1.3, 0], s=110, color=plotting.GRAY, zorder=2)
ax.text(0.1, 4.2, "3 inputs", ha="center", fontsize=9)
ax.text(3.6, 4.2, "4 units", ha="center", fontsize=9)

blocks = [
    (6.0, 2, [plotting.GRAY] * 3, r"$\mathbf{x}$", "(2, 3)", "@"),
    (10.0, 3, colors, r"$W^\mathsf{T}$", "(3, 4)", "+"),
    (15.0, 1, colors, r"$\mathbf{b}$", "(4,)", "="),
    (20.0, 2, colors, r"$\mathbf{x} W^\mathsf{T} + \mathbf{b}$", "(2, 4)", ""),
]
for left, rows, block_colors, name, shape, sign in blocks:
    bottom = 1.3 - rows / 2
    for column, color in enumerate(block_colors):
        for row in range(rows):
            corner = (left + column + 0.06, bottom + row + 0.06)
            ax.add_patch(plt.Rectangle(corner, 0.88, 0.88, color=color, lw=0))
    middle, end = left + len(block_colors) / 2, left + len(block_colors) + 0.5
    ax.text(middle, 3.4, name, ha="center", va="bottom", fontsize=12)
    ax.text(middle, bottom - 0.25, shape, ha="center", va="top", fontsize=9)
    ax.text(end, 1.3, sign, ha="center", va="center", fontsize=12)
plotting.describe(
    fig,
    "Left, three inputs joined to four units in four colors. Right, the same as "
    "blocks of cells: x of shape (2, 3), times W transposed of shape (3, 4), plus b "
    "of shape (4,), gives a result of shape (2, 4). The columns of the last three "
    "have the colors of the units.",
)
plt.show()

# %%
# :class:`torch.nn.Linear` is such a layer without the :math:`f`. We compute the units one by one,
# all at once, and compare.

layer = nn.Linear(3, 4)
weight, bias = layer.weight.detach(), layer.bias.detach()  # (4, 3), (4,)
batch = torch.randn(2, 3)  # (2, 3)

units = [batch @ weight[unit] + bias[unit] for unit in range(4)]
one_by_one = torch.stack(units, dim=1)  # (2, 4)
at_once = batch @ weight.T + bias  # (2, 4)

torch.testing.assert_close(one_by_one, layer(batch).detach())
torch.testing.assert_close(at_once, layer(batch).detach())
for name, tensor in layer.named_parameters():
    print(f"{name:6} {tuple(tensor.shape)}")

# %%
# Weight and bias are two tensors, not one. :doc:`07_layers` says more about this layer.
#
# **Predict, then run.** Three inputs, four units in the middle, two at the end: this network is
# often drawn as nine circles. How many of them compute something?

network = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))
computing = 0
for part in network.children():
    shapes = [tuple(tensor.shape) for tensor in part.parameters()]
    print(f"{part}: {shapes}")
    computing += part.bias.numel() if isinstance(part, nn.Linear) else 0
print("units with a bias:", computing)

assert computing == 4 + 2
assert all(isinstance(module, nn.Module) for module in network.modules())

# %%
# Six: the four *hidden units* in the middle and the two *output units*. The three *input units*
# hold the values that come in, and compute nothing. (A layer is a *module*, and so is the network:
# modules contain modules.)
#
# Activation functions
# --------------------
#
# Four functions to know:
#
# .. math:: \text{step}(x) = \begin{cases} 1 & \text{if } x > 0 \\ 0 & \text{otherwise} \end{cases}
#
# .. math:: \text{sigmoid}(x) = \frac{1}{1 + e^{-x}}
#
# .. math:: \tanh(x) = \frac{e^x - e^{-x}}{e^x + e^{-x}}
#
# .. math:: \text{ReLU}(x) = \max(0, x)
#
# Learning follows slopes, so we ask PyTorch for two things, the values and the slopes.


def step(x):
    return (1 + x.sign()) / 2  # exactly at 0 it is one half, which does no harm


def value_and_slope(function, x):
    x = x.clone().requires_grad_()
    values = function(x)
    # Each value depends on its own x only, so the sum has the same slope there.
    values.sum().backward()
    return values.detach(), x.grad


functions = {
    "step": step,
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "ReLU": torch.relu,
}
x = torch.linspace(-5, 5, 400)  # (400,)

fig, axes = plt.subplots(2, 4, figsize=(7, 3.6), sharex=True, sharey="row")
for (above, below), (name, function) in zip(axes.T, functions.items(), strict=True):
    values, slopes = value_and_slope(function, x)  # (400,), (400,)
    above.plot(x, values, color=plotting.BLUE)
    below.plot(x, slopes, color=plotting.ORANGE)
    above.set(title=name, ylim=(-1.3, 2.3), yticks=[-1, 0, 1, 2])
    below.set(ylim=(-0.08, 1.15), yticks=[0, 0.25, 1], xticks=[-4, 0, 4], xlabel="x")
    for ax in (above, below):
        ax.grid(axis="y")
axes[0, 0].set_ylabel("value")
axes[1, 0].set_ylabel("slope")
plotting.describe(
    fig,
    "Four functions, and below each its slope. The step jumps from 0 to 1, and its "
    "slope is 0 everywhere. The sigmoid rises from 0 to 1 with a slope of at most "
    "0.25, tanh from -1 to 1 with a slope of at most 1; both slopes are near 0 far "
    "out. ReLU is 0 on the left and x on the right, with slopes 0 and 1.",
)
plt.show()

# %%
# In a unit, the function gets the sum :math:`w x + b`. So weight and bias do to each of the four
# what they did to the sigmoid: the bias moves it, the weight turns and stretches it.

x = torch.linspace(-4, 4, 321)  # (321,)
fig, axes = plt.subplots(1, 4, figsize=(7, 2.2), sharex=True, sharey=True)
for ax, (name, function) in zip(axes, functions.items(), strict=True):
    for w, b, style in [(1, 0, "--"), (2, -4, "-"), (-1, -2, ":")]:
        ax.plot(x, function(w * x + b), ls=style, lw=1.8, label=f"w = {w}, b = {b}")
    ax.set(title=name, xlabel="input x", xticks=[-4, -2, 0, 2, 4], ylim=(-1.3, 2.3))
axes[0].set_ylabel("output y")
lines = axes[0].lines
fig.legend(handles=lines, loc="outside lower center", ncols=3, fontsize=8)
plotting.describe(
    fig,
    "The four functions of w x + b, each for three pairs of a weight and a bias. With a "
    "weight of 2 and a bias of -4 each stands at 2 instead of 0, and all but the step "
    "are steeper. With a weight of -1 and a bias of -2 each stands at -2, turned around.",
)
plt.show()

for name, function in functions.items():
    at_switch = function(torch.tensor([2.0 * 2 - 4, -1.0 * -2 - 2]))  # (2,)
    print(f"{name:8} where the sum is 0: {at_switch.tolist()}")
    assert torch.equal(at_switch, function(torch.zeros(2)))

# %%
# .. interactive:: neuron
#
# Move only the bias, then only the weight. Then take another function, and look at the dashed line,
# where the sum is 0: it stays.
#
# **Predict, then run.** Which of the four still have a slope at x = 10? And at x = -10?

places = torch.tensor([-10.0, -2.0, 0.0, 2.0, 10.0])  # (5,)
print("slope at", "".join(f"{place:9g}" for place in places.tolist()))
for name, function in functions.items():
    slopes = value_and_slope(function, places)[1]  # (5,)
    print(f"{name:8}", "".join(f"{slope:9.2g}" for slope in slopes.tolist()))

far_out = torch.tensor([-10.0, 10.0])  # (2,)
for function, steepest in [(torch.sigmoid, 0.25), (torch.tanh, 1.0)]:
    assert value_and_slope(function, places)[1].max() == steepest
    assert value_and_slope(function, far_out)[1].max() < 1e-4

# %%
# Far out, sigmoid and tanh *saturate*: they are nearly flat, and a unit there hardly learns. ReLU
# is flat on the left only.
#
# You may read that any function will do, as long as it is not linear. The step is not linear. Let
# our unit for images learn its bias once more, with the step in place of the sigmoid.

bias = learn_bias(step)
print(f"bias after learning with the step:    {bias.item():+.2f}")
print(f"bias after learning with the sigmoid: {learned.item():+.2f}")

assert bias == 0
assert not value_and_slope(step, x)[1].any()

# %%
# It did not move. A slope of 0 says that no change makes any difference. An activation function
# needs a useful slope, and so the step, which the perceptron of 1958 had, is history.
#
# ReLU has two younger relatives, which are smooth. SiLU is x times sigmoid(x). GELU is x times the
# probability that a number drawn by ``torch.randn`` is smaller than x.

x = torch.linspace(-5, 3, 400)  # (400,)
fig, axes = plt.subplots(1, 2, figsize=(7, 2.8))
relatives = {"ReLU": torch.relu, "GELU": F.gelu, "SiLU": F.silu}
for (name, function), style in zip(relatives.items(), ["--", "-", "-."], strict=True):
    for ax, numbers in zip(axes, value_and_slope(function, x), strict=True):
        ax.plot(x, numbers, ls=style, label=name)
for ax, title in zip(axes, ["Value", "Slope"], strict=True):
    ax.set(title=title, xlabel="x")
    ax.grid(axis="y")
axes[0].legend()
plotting.describe(
    fig,
    "ReLU, GELU and SiLU, values left and slopes right. GELU and SiLU follow ReLU far "
    "out, but run smoothly below zero near the origin. Their slopes rise smoothly "
    "where that of ReLU jumps from 0 to 1.",
)
plt.show()

torch.testing.assert_close(F.silu(x), x * torch.sigmoid(x))
torch.testing.assert_close(F.gelu(x), x * torch.special.ndtr(x))

# %%
# Where is each used?
#
# * *ReLU*: in hidden layers, the default for networks like ours and for convolutional ones.
# * *GELU*, *SiLU*: in hidden layers of transformers and other newer networks.
# * *tanh*: in recurrent networks, and where values on both sides of 0 are wanted.
# * *sigmoid*: on an output that answers yes or no, and as a gate, a factor between 0 and 1.
#
# (Convolutional networks are made for images, recurrent ones for sequences, transformers for text
# and much else.)
#
# "ReLU, almost exclusively", many texts say. Let us count in five well-known networks. The two
# transformers are ``vit_b_16`` and ``swin_t``, the others are convolutional. (On the device
# ``meta``, a network has shapes but no numbers, and costs nothing.)

used = {}
for name in ["resnet18", "vgg11", "vit_b_16", "swin_t", "efficientnet_b0"]:
    with torch.device("meta"):
        parts = torchvision.models.get_model(name).modules()
    counts = Counter(type(part).__name__ for part in parts)
    kinds = ["ReLU", "GELU", "SiLU", "Sigmoid"]
    used[name] = {kind: counts[kind] for kind in kinds if counts[kind]}
    print(f"{name:16}", used[name])
print("nn.RNN, recurrent:", nn.RNN(2, 3).nonlinearity)

assert list(used["resnet18"]) == list(used["vgg11"]) == ["ReLU"]
assert list(used["vit_b_16"]) == list(used["swin_t"]) == ["GELU"]
assert "SiLU" in used["efficientnet_b0"]

# %%
# These are hidden layers. On the *output*, the question decides. A sigmoid looks at one number
# alone: its value may be read as the probability of *one* class, yes or no. Softmax looks at all of
# them: its values are the probabilities of one class of many.

logits = torch.tensor([2.0, 1.0, -1.0])  # (3,)
yes_or_no = torch.sigmoid(logits)  # (3,)
one_of_three = torch.softmax(logits, dim=0)  # (3,)
print(f"sigmoid: {yes_or_no.numpy().round(3)}, sum {yes_or_no.sum():.3f}")
print(f"softmax: {one_of_three.numpy().round(3)}, sum {one_of_three.sum():.3f}")

two = torch.stack([logits, torch.zeros(3)])  # (2, 3)
torch.testing.assert_close(torch.softmax(two, dim=0)[0], yes_or_no)

# %%
# (The last line: a sigmoid is a softmax with two logits, of which the other is always 0.)
#
# Take the ready-made functions
# -----------------------------
#
# Why not type the formulas in? Nearly everywhere they are right. Look at x = -100.


def typed_sigmoid(x):
    return 1 / (1 + torch.exp(-x))


def typed_tanh(x):
    return (torch.exp(x) - torch.exp(-x)) / (torch.exp(x) + torch.exp(-x))


torch.testing.assert_close(typed_sigmoid(x), torch.sigmoid(x))
torch.testing.assert_close(typed_tanh(x), torch.tanh(x))

far = torch.tensor([-100.0])  # (1,)
for function in (typed_sigmoid, torch.sigmoid, typed_tanh, torch.tanh):
    value, slope = value_and_slope(function, far)  # (1,), (1,)
    name = function.__name__
    print(f"{name:14} value {value.item():4.0f}, slope {slope.item():4.0f}")

assert value_and_slope(typed_sigmoid, far)[0] == 0
assert value_and_slope(typed_sigmoid, far)[1].isnan()
assert value_and_slope(torch.sigmoid, far)[1] == 0
assert typed_tanh(-far).isnan()
assert torch.tanh(-far) == 1

# %%
# :math:`e^{100}` is too large for ``float32`` and becomes infinite. Infinity divided by infinity,
# or times zero, is *nan*, "not a number", and a parameter that learns from it becomes nan, too.
#
# There is a second name, ``F.sigmoid``. It was deprecated once. Today it is the same, without a
# warning.

with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    same = torch.equal(F.sigmoid(x), torch.sigmoid(x))
print(f"equal: {same}, warnings: {len(caught)}")
assert same
assert not caught

# %%
# What they do to real numbers
# ----------------------------
#
# 64 units with random weights look at 1,000 standardized images. Here are their sums, before and
# after each activation function.

standardized = (features[:1000] - features.mean()) / features.std()  # (1000, 784)
random_weight = 2 * torch.randn(64, 784) / 784**0.5  # (64, 784)
before = standardized @ random_weight.T  # (1000, 64)

shown = {"before": lambda z: z} | functions | {"GELU": F.gelu}
tones = [plotting.GRAY, *[plotting.BLUE] * 5]
fig, axes = plt.subplots(2, 3, figsize=(7, 3.7))
for ax, (name, function), color in zip(axes.flat, shown.items(), tones, strict=True):
    after = function(before)  # (1000, 64)
    ends = (-1.2, 1.2) if name in ("step", "sigmoid", "tanh") else (-6, 6)
    ax.hist(after.flatten().numpy(), bins=60, range=ends, color=color)
    ax.set(title=name, yticks=[])
    ax.spines["left"].set_visible(False)
fig.supxlabel("value", fontsize=10)
plotting.describe(
    fig,
    "Six histograms of the same numbers. Before, a hill around 0. After step, two bars "
    "at 0 and 1. After sigmoid, everything lies between 0 and 1. After tanh, most "
    "values are pressed against -1 and 1. After ReLU, the left half stands as one tall "
    "bar at 0. GELU is like ReLU, with a few values just below 0.",
)
plt.show()

print(f"mean after sigmoid {torch.sigmoid(before).mean():+.2f}, ", end="")
print(f"after tanh {torch.tanh(before).mean():+.2f}")
print(f"zeros after ReLU: {(torch.relu(before) == 0).float().mean():.0%}")
assert torch.tanh(before).mean().abs() < 0.2 < torch.sigmoid(before).mean()

# %%
# After the sigmoid, all values are positive. Tanh leaves them on both sides of 0.
#
# Why layers need one in between
# ------------------------------
#
# Here are 400 points in a plane, a disc and a ring around it. A network has to tell them apart. It
# has two inputs and one output. First we give it 16 hidden units and no activation function, then
# only four, with ReLU or tanh. (The loop is that of :doc:`01_quickstart`, with a loss for two
# classes.)


def draw_rings(count):
    half = count // 2
    radius = torch.cat([torch.rand(half).sqrt(), 1.7 + 0.6 * torch.rand(half)])
    angle = 2 * torch.pi * torch.rand(count)  # (count,)
    points = torch.stack([radius * angle.cos(), radius * angle.sin()], dim=1)
    return points, (torch.arange(count) >= half).float()


def train_on_rings(model, points, targets):
    optimizer = torch.optim.Adam(model.parameters(), lr=0.05)
    for _ in range(400):
        logits = model(points)[:, 0]  # (count,)
        loss = F.binary_cross_entropy_with_logits(logits, targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return ((model(points)[:, 0] > 0) == targets.bool()).float().mean().item()


torch.manual_seed(0)
points, targets = draw_rings(400)  # (400, 2), (400,)
models = {
    "two linear layers": nn.Sequential(nn.Linear(2, 16), nn.Linear(16, 1)),
    "with ReLU": nn.Sequential(nn.Linear(2, 4), nn.ReLU(), nn.Linear(4, 1)),
    "with tanh": nn.Sequential(nn.Linear(2, 4), nn.Tanh(), nn.Linear(4, 1)),
}
rights = {name: train_on_rings(m, points, targets) for name, m in models.items()}
for name, right in rights.items():
    print(f"{name:18} right: {right:.1%}")

assert rights["two linear layers"] < 0.75
assert min(rights["with ReLU"], rights["with tanh"]) > 0.95

# %%
# The pale color is what the network answers there. On the gray lines, its hidden units switch.

side = torch.linspace(-2.6, 2.6, 201)  # (201,)
grid = torch.cartesian_prod(side, side)  # (40401, 2)
colors = [plotting.BLUE, plotting.ORANGE]

fig, axes = plt.subplots(1, 3, figsize=(7, 3.1), sharey=True)
for ax, (name, model) in zip(axes, models.items(), strict=True):
    with torch.no_grad():
        answer = model(grid).reshape(201, 201).T  # (201, 201)
        hidden = model[0](grid).T.reshape(-1, 201, 201).mT  # (hidden, 201, 201)
    ax.contourf(side, side, answer > 0, levels=[-1, 0.5, 2], colors=colors, alpha=0.2)
    for unit in hidden if len(model) > 2 else []:
        ax.contour(side, side, unit, levels=[0], colors=plotting.GRAY, linewidths=1)
    for target, color in enumerate(colors):
        ax.scatter(*points[targets == target].T, s=3, color=color)
    ax.set_title(f"{name}\n{rights[name]:.0%} right", fontsize=10)
    ax.set(xticks=[-2, 0, 2], yticks=[-2, 0, 2], xlabel="input 1", aspect="equal")
axes[0].set_ylabel("input 2")
plotting.describe(
    fig,
    "A blue disc of points inside an orange ring, three times. Two linear layers "
    f"divide the plane by one straight line, {rights['two linear layers']:.0%} right. "
    "With ReLU, a polygon encloses the disc; with tanh, another closed shape: "
    f"{rights['with ReLU']:.0%} and {rights['with tanh']:.0%} right.",
)
plt.show()

# %%
# Two linear layers draw a straight line, because together they *are* one linear layer, with
# :math:`W = W_2 W_1` and :math:`\mathbf{b} = W_2 \mathbf{b}_1 + \mathbf{b}_2`. (:doc:`07_layers`
# says why.)

one, other = models["two linear layers"]
collapsed = nn.Linear(2, 1)
with torch.no_grad():
    collapsed.weight.copy_(other.weight @ one.weight)
    collapsed.bias.copy_(other.weight @ one.bias + other.bias)

expected = models["two linear layers"](grid)  # (40401, 1)
torch.testing.assert_close(collapsed(grid), expected)
for name, model in [("two layers", models["two linear layers"]), ("one", collapsed)]:
    count = sum(parameter.numel() for parameter in model.parameters())
    print(f"{name:10}: {count} parameters")

# %%
# 65 numbers do no more than 3. Would more training help? Let us try all lines, in 360 directions
# and at 200 distances, and keep the best.

angle = torch.linspace(0, 2 * torch.pi, 361)[:-1]  # (360,)
directions = torch.stack([angle.cos(), angle.sin()])  # (2, 360)
distances = torch.linspace(-2.5, 2.5, 200)  # (200,)
sides = (points @ directions)[..., None] > distances  # (400, 360, 200)
hits = (sides == targets.bool()[:, None, None]).float().mean(dim=0)  # (360, 200)
print(f"the best of {hits.numel():,} lines: {hits.max().item():.1%} right")

assert rights["two linear layers"] <= hits.max() < 0.8

# %%
# Nor would more data. An error that stays, however much data there is, is what a statistician calls
# a *bias*. That is another thing with the same name.

linear = nn.Sequential(nn.Linear(2, 16), nn.Linear(16, 1))
with_more_data = train_on_rings(linear, *draw_rings(4000))
print(f"ten times the points: {with_more_data:.1%} right")
assert with_more_data < 0.75

# %%
# Dead units
# ----------
#
# If the sum of a ReLU unit is negative for *every* image, its output is always 0, and so is its
# slope. The unit is *dead*. We ask 64 hidden units on how many images they are on: untrained, after
# five steps with a sensible learning rate, and after five that are far too long. Red dots are dead
# units.

few, few_labels = features[:2000], labels[:2000]  # (n, 784), (n,)
loader = data.make_loader(few, few_labels, batch_size=64, shuffle=True, seed=0)


def make_model(*after, seed=0):
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(784, 64), nn.ReLU(), nn.Linear(64, 10), *after)


def train(model, learning_rate, steps):
    optimizer = torch.optim.SGD(model.parameters(), lr=learning_rate)
    passes = itertools.chain.from_iterable(itertools.repeat(loader))  # endless
    for batch, batch_labels in itertools.islice(passes, steps):
        loss = F.cross_entropy(model(batch), batch_labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return model


def activity(model):
    hidden = model[:2](few)  # (n, 64)
    return (hidden > 0).float().mean(dim=0)


untrained = make_model()
sensible = train(make_model(), learning_rate=0.1, steps=5)
too_long = train(make_model(), learning_rate=2, steps=5)
cases = {
    "untrained": untrained,
    "learning rate 0.1": sensible,
    "learning rate 2": too_long,
}
dead = {name: (activity(model) == 0).sum().item() for name, model in cases.items()}

fig, axes = plt.subplots(1, 3, figsize=(7, 2.8), sharey=True)
for ax, (name, model) in zip(axes, cases.items(), strict=True):
    on = activity(model).sort(descending=True).values  # (64,)
    ax.bar(range(64), on.numpy(), width=1, color=plotting.BLUE)
    count = dead[name]
    ax.plot(range(64 - count, 64), [0.02] * count, ".", color=plotting.RED, ms=4)
    ax.set_title(f"{name}\n{count} dead", fontsize=10)
    ax.set(xlabel="units, sorted", xticks=[0, 32, 64])
axes[0].set(ylabel="images on which it is on", ylim=(0, 1.05))
axes[0].yaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
plotting.describe(
    fig,
    "Three charts with a bar for each of 64 hidden units: the fraction of images on "
    "which it is on, sorted. "
    + " ".join(f"{name}: {count} units are dead." for name, count in dead.items()),
)
plt.show()

assert dead["learning rate 2"] > dead["untrained"] + 5

# %%
# Do the dead ones come back if we go on for 100 steps with the sensible learning rate?

is_dead = activity(too_long) == 0  # (64,)
weight_before = too_long[0].weight.detach().clone()  # (64, 784)
train(too_long, learning_rate=0.1, steps=100)
moved = (too_long[0].weight != weight_before).any(dim=1)  # (64,)
print(f"dead units: {is_dead.sum()}; whose weights moved: {moved[is_dead].sum()}")

assert not moved[is_dead].any()
assert (activity(too_long)[is_dead] == 0).all()

# %%
# None does, because no weight of theirs ever moves. The cure is a smaller learning rate from the
# start.
#
# Common mistakes
# ---------------
#
# **The bias inside the sum**, now in a layer. The shape is right, and each bias counts three times.

layer = nn.Linear(3, 4)
wrong = (batch[:, None] * layer.weight + layer.bias[:, None]).sum(dim=2)  # (2, 4)
excess = (wrong - layer(batch)).detach()  # (2, 4)

print("too much:", excess[0].numpy().round(3))
print("bias:    ", layer.bias.detach().numpy().round(3))
torch.testing.assert_close(excess, 2 * layer.bias.detach().expand(2, 4))

# %%
# **No activation function between two layers.** Nothing complains. But there is a test: if all is
# linear, the output for the mean of two images is the mean of their outputs.

forgotten = nn.Sequential(nn.Linear(784, 64), nn.Linear(64, 10))
a, b = features[0], features[1]  # (784,), (784,)
for name, model in [("forgotten", forgotten), ("with ReLU", untrained)]:
    with torch.no_grad():
        gap = model((a + b) / 2) - (model(a) + model(b)) / 2  # (10,)
    print(f"{name}: {gap.abs().max().item():.5f}")
    assert (gap.abs().max() < 1e-5) == (name == "forgotten")

# %%
# **A sigmoid on the output, before softmax.** Softmax lives on differences, and between 0 and 1
# there is little room for them. Here are the most and the least that one of ten classes can get.

highest, lowest = torch.zeros(10), torch.ones(10)  # (10,), (10,)
highest[0], lowest[0] = 1, 0
most, least = (torch.softmax(row, dim=0)[0].item() for row in (highest, lowest))
print(f"most: {most:.3f}, least: {least:.3f}")

sure = torch.sigmoid(100 * torch.randn(1000, 10))  # (1000, 10)
squeezed = torch.softmax(sure, dim=1)  # (1000, 10)
assert least - 1e-6 < squeezed.min() < squeezed.max() < most + 1e-6

# %%
# It is stuck between 0.039 and 0.232, however sure the network is.
#
# **A ReLU on the logits.** A logit that is negative for all images is dead, too, and its class is
# never learned. We train for 150 steps, from three starts. (The clinic draws it class by class:
# :ref:`clinic-relu-on-logits`.)


def learned_by(model):
    train(model, learning_rate=0.1, steps=150)
    with torch.no_grad():
        predictions = model(few).argmax(dim=1)  # (n,)
    right = (predictions == few_labels).float().mean().item()
    return right, len(predictions.unique())


totals = Counter()
for seed in (1, 2, 3):
    for name, after in [("logits", []), ("ReLU on them", [nn.ReLU()])]:
        right, answers = learned_by(make_model(*after, seed=seed))
        print(f"start {seed}, {name:13} {right:.1%} right, {answers} classes answered")
        totals[name] += right
assert totals["ReLU on them"] < totals["logits"] - 0.2

# %%
# **Saturated units.** Weights from ``torch.randn`` are far too large for 784 inputs.
# (:doc:`08_parameters` shows how ``nn.Linear`` draws its own, and the clinic what a histogram of
# such units looks like: :ref:`clinic-saturated-units`.)

for name, scale in [("randn", 1.0), ("nn.Linear's size", (3 * 784) ** -0.5)]:
    z = standardized @ (scale * torch.randn(64, 784)).T  # (1000, 64)
    values, slopes = value_and_slope(torch.sigmoid, z)  # (1000, 64), (1000, 64)
    saturated = ((values < 0.01) | (values > 0.99)).float().mean()
    print(f"{name:17} standard deviation of the sums {z.std():5.2f}, ", end="")
    print(f"saturated {saturated:.0%}, mean slope {slopes.mean():.3f}")
    assert (saturated > 0.7) == (name == "randn")

# %%
# **A module where a function was meant.** ``nn.ReLU(x)`` computes nothing: it *makes* a module.
# Write ``torch.relu(x)``, or ``nn.ReLU()(x)``.

try:
    layer(nn.ReLU(batch))
except TypeError as error:
    print("TypeError:", error)

# %%
# **A comparison in place of an activation function.** PyTorch follows no slope through ``x > 0``.
# (In the clinic: :ref:`error-no-grad`.)

try:
    (layer(batch) > 0).float().sum().backward()
except RuntimeError as error:
    print("RuntimeError:", error)

# %%
# **An underscore too many.** ``torch.relu_`` writes its result into its input.

x = torch.tensor([-1.0, 2.0])  # (2,)
torch.relu(x)
print("after relu: ", x.tolist())
torch.relu_(x)
print("after relu_:", x.tolist())

# %%
# Your turn
# ---------
#
# Write your answer into the cell below an exercise, and run it: ``@exercise`` checks it and prints
# what it finds, and the page goes on with the course's version until yours is right.
# ``hint("neuron")`` and ``solution("neuron")`` help.
#
# **Your turn: neuron.** Write a function ``neuron(x, w, b)`` for one unit with a sigmoid at its
# end. ``x`` has the shape (batch, n), ``w`` (n,), and ``b`` (). The result has the shape (batch,).

from firstlayers.exercises import exercise, hint, progress, solution


@exercise
def neuron(x, w, b):
    """(batch, n) inputs, (n,) weights, () bias -> (batch,) outputs."""
    ...  # your code here


# %%
# **Your turn: relu.** Write a function ``relu(x)`` without calling PyTorch's. ``x`` may have any
# shape, and the result has the same shape. Values and slopes must be right, and ``x`` itself must
# not change.


@exercise
def relu(x):
    """Any shape -> the same shape, with 0 in place of negative numbers."""
    ...  # your code here


# %%
# **Your turn: sigmoid.** Write a function ``sigmoid(x)`` for any shape, without calling PyTorch's
# sigmoid. At -100, too, its value and its slope must be right.


@exercise
def sigmoid(x):
    """Any shape -> the same shape, between 0 and 1."""
    ...  # your code here


# %%
# **Your turn: dead_units.** Write a function ``dead_units(hidden)``. ``hidden`` are the outputs of
# a ReLU layer, of shape (images, units). Return, as a Python integer, how many units are 0 for
# every image.


@exercise
def dead_units(hidden):
    """(images, units) outputs of a ReLU -> how many units are always 0."""
    ...  # your code here


# %%
# Recap
# -----
#
# * A unit computes :math:`y = f(\sum_i w_i x_i + b)`; the bias is added once.
# * The weights decide in which direction a unit looks, the bias where it switches on.
# * A layer is many units with the same inputs: :math:`\mathbf{x} W^\mathsf{T} + \mathbf{b}`. Input
#   units compute nothing.
# * An activation function needs a useful slope. The step has none. Sigmoid and tanh lose theirs far
#   out, ReLU on the left, and there units die.
# * Without one in between, two linear layers are one, and draw a straight line.
# * In hidden layers ReLU is a good default. Before softmax there is none.
#
# **Next:** :doc:`06_build_model` builds a network of such layers.
#
# **Further reading:** :class:`torch.nn.Linear`, :class:`torch.nn.Sigmoid`, :class:`torch.nn.Tanh`,
# :class:`torch.nn.ReLU`, :class:`torch.nn.GELU`, :class:`torch.nn.SiLU`. The first neuron:
# McCulloch and Pitts, `A logical calculus of the ideas immanent in nervous activity
# <https://doi.org/10.1007/BF02478259>`__. The step that learned: Rosenblatt, `The perceptron
# <https://doi.org/10.1037/h0042519>`__. The young ones: Hendrycks and Gimpel, `Gaussian error
# linear units <https://arxiv.org/abs/1606.08415>`__, and Shazeer, `GLU variants improve transformer
# <https://arxiv.org/abs/2002.05202>`__.
