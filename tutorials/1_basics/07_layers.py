"""
Follow an image through the layers
==================================

You will send three images through one layer at a time, look at the numbers before and after it, and
be able to say of any layer what shape goes in, what shape comes out, and what happens in between.

**In this chapter you learn**

* what ``Flatten``, ``Linear``, ``ReLU`` and ``Softmax`` do to the numbers, checked by hand,
* to tell the shape that leaves a layer from the shape that enters it,
* to stack layers with ``Sequential``, and to reach each one by its index or its name,
* what happens when one layer stands in two places,
* which ``dim`` softmax needs, and how a wrong one goes unnoticed.

**You need** units and their weights from :doc:`05_neurons`, and a network as a class, logits, and a
first idea of softmax from :doc:`06_build_model`.
**Time:** 25 minutes.
"""

# %%
# Three images
# ------------
#
# A network is a chain of layers, and each layer turns one tensor into another. (In PyTorch the
# activation function is a layer of its own, and so is ``Flatten``.) If you know what each layer
# does, you know what the network does. So we take one layer at a time, and we send the same three
# images through all of them.

import warnings
from collections import OrderedDict

import matplotlib.pyplot as plt
import torch
from torch import nn
from torch.utils.data import DataLoader

from firstlayers import data, models, plotting

torch.manual_seed(0)
plotting.use_style()

train_set, test_set = data.load_dataset()
loader = DataLoader(train_set, batch_size=64)
batch, batch_labels = next(iter(loader))  # (64, 1, 28, 28), (64,)
images, labels = batch[:3], batch_labels[:3]  # (3, 1, 28, 28), (3,)

fig = plotting.show_images(images, [train_set.classes[label] for label in labels])
plt.show()

# %%
# Three images, 1 channel, 28 rows, 28 columns. We also keep the whole batch of 64 for later. This
# chapter stays on the ``cpu``: for three images no accelerator is needed.
#
# Flatten: lay the rows side by side
# ----------------------------------
#
# :class:`torch.nn.Flatten` turns each image into one long row of numbers.

flatten = nn.Flatten()
features = flatten(images)  # (3, 784)
print(f"{tuple(images.shape)} → {tuple(features.shape)}")

# %%
# First comes row 0 of the image, then row 1 behind it, and so on. The pixel in row ``r`` and column
# ``c`` therefore arrives at position ``28 * r + c``. We check it for every pixel of every image.

for r in range(28):
    for c in range(28):
        assert torch.equal(features[:, 28 * r + c], images[:, 0, r, c])

# %%
# Here is the first image, and beside it its 784 values. One row of pixels is marked in both. You
# would hardly recognize the image from the line, but no value is lost: folded back, it is the same
# image.

assert torch.equal(features.reshape(3, 1, 28, 28), images)

row = int(images[0, 0].sum(dim=1).argmax())
places = range(28 * row, 28 * row + 28)

fig, (left, right) = plt.subplots(1, 2, width_ratios=[1, 3], figsize=(7, 2.4))
left.imshow(images[0, 0].numpy())
left.axhspan(row - 0.5, row + 0.5, color=plotting.ORANGE, alpha=0.6, lw=0)
left.set_axis_off()
left.set_title("Before: 28 × 28")
right.plot(features[0].numpy(), color=plotting.BLUE, lw=0.8)
marked = features[0, places].numpy()
right.plot(places, marked, color=plotting.ORANGE, label=f"row {row} of the image")
right.set(xlabel="position", ylabel="pixel value", ylim=(-0.05, 1.3))
right.set_title("After: 784 in a row")
right.legend(loc="upper right")
plotting.describe(
    fig,
    "Left, an image with one row of pixels marked in orange. Right, its 784 pixel "
    f"values as one long line of peaks. The marked row {row} is the short orange "
    f"stretch from position {places[0]} to {places[-1]}.",
)
plt.show()

# %%
# Why did the 3 stay? ``nn.Flatten`` keeps dimension 0, the one that counts the images, and lays
# everything behind it side by side. The method :meth:`torch.Tensor.flatten` does the same if you
# tell it where to start.

assert torch.equal(features, images.flatten(start_dim=1))

for shape in [(64, 1, 28, 28), (64, 28, 28), (1, 28, 28), (28, 28)]:
    print(f"{shape!s:16} → {tuple(flatten(torch.zeros(shape)).shape)}")

# %%
# The last two lines are single images. (1, 28, 28) comes out right, because its channel passes for
# a batch of one. (28, 28) does not change at all: its 28 rows pass for 28 images.
#
# Not a single number was copied, by the way. ``features`` is a view (:doc:`02_tensors`): it begins
# at the same place in memory, and only the shape is new.

print("same memory:", features.data_ptr() == images.data_ptr())
assert features.data_ptr() == images.data_ptr()

# %%
# Linear: every input to every output
# -----------------------------------
#
# :class:`torch.nn.Linear` is told two sizes: how many numbers come in for each image, and how many
# should come out. This one makes 20 numbers of 784.

layer1 = nn.Linear(in_features=28 * 28, out_features=20)
hidden = layer1(features)  # (3, 20)
print(f"{tuple(features.shape)} → {tuple(hidden.shape)}")

# %%
# Inside are the *weight* and the *bias* that you know from :doc:`05_neurons`. Their first values
# are random.
#
# **Predict, then run.** The layer goes from 784 to 20. Is its weight (784, 20) or (20, 784)?

print(f"weight: {tuple(layer1.weight.shape)}")
print(f"bias:   {tuple(layer1.bias.shape)}")

# %%
# The weight is (out, in): **one row for each output unit**, with one number for each input. Let us
# follow unit 0 for the first image: 784 products, their sum, and the bias once.

products = features[0] * layer1.weight[0]  # (784,)
number = products.sum() + layer1.bias[0]

print(f"sum of the products: {products.sum().item():+.4f}")
print(f"bias of unit 0:      {layer1.bias[0].item():+.4f}")
print(f"together:            {number.item():+.4f}")
print(f"hidden[0, 0]:        {hidden[0, 0].item():+.4f}")

torch.testing.assert_close(number, hidden[0, 0])

# %%
# A row of 784 weights is as long as a flattened image, so it can be folded back into a picture. Red
# weights are positive, blue ones negative. Where the image is black, the product is zero, whatever
# the weight: a dark pixel has no say.
#
# (``detach()`` gives the plain numbers, without the notes that PyTorch takes for training.
# :doc:`09_autograd` is about these notes.)

weights = layer1.weight[0].detach().reshape(28, 28)  # (28, 28)
pictures = [images[0, 0], weights, products.detach().reshape(28, 28)]
titles, signs = ["image", "weights of unit 0", "products"], ["×", "=", ""]
limit = weights.abs().max().item()

fig, axes = plt.subplots(1, 3, figsize=(7, 2.5))
for ax, picture, title, sign in zip(axes, pictures, titles, signs, strict=True):
    if title == "image":
        ax.imshow(picture.numpy())
    else:
        shown = ax.imshow(picture.numpy(), cmap="RdBu_r", vmin=-limit, vmax=limit)
    ax.set_title(title, loc="center")
    ax.set(xticks=[], yticks=[])
    ax.spines[:].set_visible(True)
    ax.text(1.05, 0.45, sign, transform=ax.transAxes, fontsize=18)
fig.colorbar(shown, ax=axes, shrink=0.8, pad=0.03).outline.set_visible(False)
plotting.describe(
    fig,
    "Three pictures of 28 by 28: the image, times the weights of unit 0, which look "
    "like red and blue noise, give the products. The products show that noise inside "
    "the bright shape, and are zero elsewhere. They sum to "
    f"{products.sum().item():+.3f}.",
)
plt.show()

# %%
# All units and all images at once are a matrix product. The weight has to be transposed for it, so
# that (3, 784) meets (784, 20):
#
# .. math:: y = x W^\mathsf{T} + b

by_hand = features @ layer1.weight.T + layer1.bias  # (3, 20)

print("largest difference:", (by_hand - hidden).abs().max().item())
torch.testing.assert_close(by_hand, hidden)

# %%
# The bias of shape (20,) is added to each of the three rows: it is *broadcast*. And why
# ``assert_close`` instead of ``torch.equal``? Two ways to add up 784 numbers may differ in the last
# digits.
#
# A linear layer works on the last axis
# -------------------------------------
#
# You may have read that the input must be one vector for each image. It need not be.
#
# **Predict, then run.** ``Flatten(start_dim=2)`` leaves a batch of shape (64, 1, 784). What does
# ``layer1`` make of it?

rows = nn.Flatten(start_dim=2)(batch)  # (64, 1, 784)
print(f"{tuple(rows.shape)} → {tuple(layer1(rows).shape)}")

for shape in [(784,), (3, 784), (2, 5, 784), (4, 3, 2, 784)]:
    print(f"{shape} → {tuple(layer1(torch.zeros(shape)).shape)}")

# %%
# **Remember.** ``Linear`` acts on the **last axis**, which must have ``in_features`` entries, and
# replaces it by ``out_features``. All axes in front stay as they are, however many there may be.
# Every row is treated alike, and none knows of the others:

torch.testing.assert_close(layer1(rows)[5, 0], layer1(rows[5, 0]))

# %%
# ReLU: negative numbers become zero
# ----------------------------------
#
# :class:`torch.nn.ReLU` looks at each number alone. A positive number passes, a negative one
# becomes zero: :math:`\max(0, x)`.

relu = nn.ReLU()
activated = relu(hidden)  # (3, 20)
print(f"{tuple(hidden.shape)} → {tuple(activated.shape)}")
print("zeros before:", (hidden == 0).sum().item())
print("zeros after: ", (activated == 0).sum().item())

assert torch.equal(activated, hidden.clamp(min=0))
assert len(list(relu.parameters())) == 0

# %%
# The shape stays, and there is nothing to learn in it: no weight, no bias. In the picture each
# image is a row and each hidden unit a column. All that was blue is gone, all that was red is
# unchanged.

limit = hidden.abs().max().item()
fig, axes = plt.subplots(2, 1, figsize=(7, 2.8), sharex=True)
tables, titles = [hidden, activated], ["Before ReLU", "After"]
for ax, values, title in zip(axes, tables, titles, strict=True):
    numbers = values.detach().numpy()
    shown = ax.imshow(numbers, cmap="RdBu_r", vmin=-limit, vmax=limit, aspect="auto")
    ax.set(title=title, yticks=range(3), ylabel="image")
    ax.spines[:].set_visible(True)
axes[1].set(xticks=range(20), xlabel="hidden unit")
fig.colorbar(shown, ax=axes, pad=0.02).outline.set_visible(False)
plotting.describe(
    fig,
    "Two tables of three rows, one an image, and twenty columns, one a hidden unit. "
    "Above, red and blue cells for positive and negative values; below, the blue "
    f"cells have turned white: {(activated == 0).sum().item()} of 60 values are zero.",
)
plt.show()

# %%
# Without ReLU, two layers are one
# --------------------------------
#
# Is so little worth a layer of its own? In :doc:`05_neurons` a network without it could only draw a
# straight line. Here is why. If we put the formula of one linear layer into that of the next, we
# get
#
# .. math::
#
#    (x W_1^\mathsf{T} + b_1) W_2^\mathsf{T} + b_2
#    = x (W_2 W_1)^\mathsf{T} + (W_2 b_1 + b_2),
#
# and that is a single linear layer with the weight :math:`W_2 W_1`.

layer2 = nn.Linear(20, 10)

weight = layer2.weight @ layer1.weight  # (10, 784)
bias = layer2.weight @ layer1.bias + layer2.bias  # (10,)
as_one = features @ weight.T + bias  # (3, 10)

without_relu = layer2(layer1(features))  # (3, 10)
with_relu = layer2(relu(layer1(features)))  # (3, 10)
print("difference without ReLU:", (without_relu - as_one).abs().max().item())
print("difference with ReLU:   ", (with_relu - as_one).abs().max().item())

torch.testing.assert_close(without_relu, as_one)
assert not torch.allclose(with_relu, as_one, atol=1e-3)

# %%
# The first difference is rounding, the second one is real. You can see what is lost. We walk in a
# straight line from the first image to the second, and on beyond both, with 401 stops. At each stop
# we ask for three of the ten outputs.

steps = torch.linspace(-1.5, 2.5, 401)  # (401,)
walk = features[0] + steps[:, None] * (features[1] - features[0])  # (401, 784)
straight = layer2(layer1(walk)).detach()  # (401, 10)
bent = layer2(relu(layer1(walk))).detach()  # (401, 10)

fig, axes = plt.subplots(1, 2, figsize=(7, 2.8), sharey=True)
titles = ["Two linear layers", "With a ReLU between"]
for ax, outputs, title in zip(axes, [straight, bent], titles, strict=True):
    names = ["output 0", "output 1", "output 2"]
    ax.plot(steps.numpy(), outputs[:, :3].numpy(), label=names)
    ax.set(title=title, xticks=[0, 1], xticklabels=["first\nimage", "second\nimage"])
    ax.grid(axis="x")
axes[0].set(ylabel="output")
axes[1].legend(fontsize=8)
plotting.describe(
    fig,
    "Three outputs along a walk through two images. Left, with two linear layers: "
    "three straight lines. Right, with a ReLU between the layers: three lines with "
    "several bends.",
)
plt.show()

# %%
# Each bend is a place where a hidden unit passes through zero, and ReLU switches it on or off. That
# can be checked: wherever no unit switches, three neighboring points must lie on a straight line.
# (``diff`` subtracts neighbors. If it gives the same number twice, a second ``diff`` gives 0.)

on = layer1(walk) > 0  # (401, 20)
switches = on[1:] != on[:-1]  # (400, 20)
quiet = ~switches.any(dim=1)  # (400,)
unbroken = quiet[1:] & quiet[:-1]  # (399,)
bend = bent.diff(dim=0).diff(dim=0).abs().amax(dim=1)  # (399,)

print("units that switch on the way:", switches.sum().item())
print("largest bend anywhere:       ", bend.max().item())
print("where no unit switches:      ", bend[unbroken].max().item())

assert bend[unbroken].max() < 1e-5 < bend.max()

# %%
# Without bends, a network stays a straight line, however many layers it has. With enough of them,
# it can come as near as you like to any continuous curve. (That is a theorem; the last paper in
# *Further reading* proves it.)
#
# Sequential: one after the other
# -------------------------------
#
# :class:`torch.nn.Sequential` takes layers and runs them in order. The output of one is the input
# of the next.

network = nn.Sequential(flatten, layer1, relu, layer2)
logits = network(images)  # (3, 10)

print(network)
assert torch.equal(logits, layer2(relu(layer1(flatten(images)))))

# %%
# Printed in front of each layer is its name, and here the name is a number. You reach a layer by
# its index, as in a list. A slice of it is again a network that you can call.

print("index 1:   ", network[1])
print("last:      ", network[-1])
print("length:    ", len(network))
print("first three:", tuple(network[:3](images).shape))

assert network[1] is layer1
assert torch.equal(network[:3](images), activated)

# %%
# Numbers say little, and they shift when you put a layer in between. With an
# :class:`collections.OrderedDict` each layer gets a name of your own. Then it is an attribute, and
# the index still works.

named = nn.Sequential(
    OrderedDict(
        [
            ("flatten", nn.Flatten()),
            ("hidden", nn.Linear(28 * 28, 20)),
            ("relu", nn.ReLU()),
            ("output", nn.Linear(20, 10)),
        ]
    )
)
print(named)
assert named.hidden is named[1]

# %%
# Now the network of :doc:`06_build_model`. It has a ``Flatten``, and then a ``Sequential`` called
# ``linear_relu_stack``. A ``for`` loop visits the layers one by one, so we can watch the numbers on
# their way. A small function keeps what comes out of each.


def values_by_layer(model, images):
    values = model.flatten(images)  # (batch, 784)
    stages = [("input", values)]
    for layer in model.linear_relu_stack:
        values = layer(values)
        stages.append((type(layer).__name__, values))
    return stages


model = models.NeuralNetwork()
with torch.no_grad():
    stages = values_by_layer(model, batch)
    assert torch.equal(stages[-1][1], model(batch))

for name, values in stages:
    low, high = values.min().item(), values.max().item()
    print(f"{name:7} {tuple(values.shape)!s:9} from {low:+.2f} to {high:+.2f}")

# %%
# (Under ``torch.no_grad()`` PyTorch takes no notes for training.) We sent the whole batch this
# time, so that there is enough for histograms, one for each stage. All have the same value axis.
# Look for two things. A ReLU turns the left half of the hill into one tall bar at zero. And the
# hill gets narrower from layer to layer.

limit = max(values.abs().max().item() for name, values in stages)
colors = {"input": plotting.GRAY, "Linear": plotting.BLUE, "ReLU": plotting.ORANGE}

fig, axes = plt.subplots(2, 3, figsize=(7, 3.6), sharex=True)
for position, (ax, (name, values)) in enumerate(zip(axes.flat, stages, strict=True)):
    numbers = values.flatten().numpy()
    ax.hist(numbers, bins=81, range=(-limit, limit), color=colors[name])
    ax.set_title(name if name == "input" else f"{position - 1}: {name}")
    ax.set_yticks([])
    ax.spines["left"].set_visible(False)
fig.supxlabel("value", fontsize=10)
spreads = [f"{values.std():.2f}" for name, values in stages if name == "Linear"]
plotting.describe(
    fig,
    "Six histograms on one scale, from the input to the logits. After each Linear the "
    "values form a hill around zero; after each ReLU its negative half stands as one "
    "tall bar at zero. The hills get narrower: their standard deviations are "
    f"{', '.join(spreads)}.",
)
plt.show()

# %%
# One layer in two places
# -----------------------
#
# A ``Sequential`` makes no copy of the layers you give it. Let us build a second network that uses
# ``layer1`` again, with a new output layer. Then we change ``layer1`` in the *second* network.
#
# **Predict, then run.** Does the first network notice?

second_network = nn.Sequential(nn.Flatten(), layer1, nn.ReLU(), nn.Linear(20, 10))
assert second_network[1] is network[1]

before = network(images)  # (3, 10)
with torch.no_grad():
    second_network[1].bias += 1
after = network(images)  # (3, 10)

print("the first network's logits moved by up to", (after - before).abs().max().item())
assert not torch.allclose(before, after)

# %%
# It does: there is only one ``layer1``, and two networks lead through it. To get a layer with the
# same numbers that goes its own way, copy it with :func:`copy.deepcopy`.
#
# One network, too, may use a layer twice. That is a legitimate design, called *weight sharing*. The
# printed form shows two lines, but there is one set of parameters: 20 · 20 weights and 20 biases,
# counted once.

shared = nn.Linear(20, 20)
twice = nn.Sequential(shared, nn.ReLU(), shared)

print(twice)
print("parameters:", [name for name, parameter in twice.named_parameters()])
print("numbers:   ", sum(parameter.numel() for parameter in twice.parameters()))

assert twice[0] is twice[2]
assert sum(parameter.numel() for parameter in twice.parameters()) == 420

# %%
# Softmax: from logits to probabilities
# -------------------------------------
#
# :class:`torch.nn.Softmax` makes probabilities of logits. It raises e to the power of each logit,
# and divides by the sum along one axis:
#
# .. math:: p_k = \frac{e^{z_k}}{\sum_j e^{z_j}}

softmax = nn.Softmax(dim=1)
probabilities = softmax(logits)  # (3, 10)
by_hand = logits.exp() / logits.exp().sum(dim=1, keepdim=True)  # (3, 10)

print("sum for each image:", probabilities.sum(dim=1).tolist())
torch.testing.assert_close(probabilities, by_hand)

# %%
# The sums are 1, but for rounding. The bars below show the first image. What counts are the
# differences between the logits: a small difference gives nearly equal probabilities. If we make
# all the logits ten times as large, the order stays the same, and the largest takes much more.

sharper = softmax(10 * logits)  # (3, 10)
assert torch.equal(sharper.argsort(dim=1), logits.argsort(dim=1))

fig, axes = plt.subplots(1, 3, figsize=(7, 2.7))
bars = [logits[0], probabilities[0], sharper[0]]
titles = ["Logits", "Softmax", "… of 10 × logits"]
colors = [plotting.GRAY, plotting.BLUE, plotting.ORANGE]
for ax, values, title, color in zip(axes, bars, titles, colors, strict=True):
    ax.bar(range(10), values.detach().numpy(), color=color)
    ax.set(title=title, xticks=range(0, 10, 3), xlabel="class")
axes[0].axhline(0, color=plotting.GRAY, lw=1)
axes[1].set(ylim=(0, 1), ylabel="probability")
axes[2].set(ylim=(0, 1))
plotting.describe(
    fig,
    "Three times ten bars, one a class, for one image: the logits; their softmax, all "
    f"between {probabilities[0].min():.2f} and {probabilities[0].max():.2f}; and the "
    "softmax of ten times the logits, in the same order, but between "
    f"{sharper[0].min():.2f} and {sharper[0].max():.2f}.",
)
plt.show()

# %%
# As mathematics, each probability lies strictly between 0 and 1, in the *open* interval (0, 1): it
# comes near to both ends and reaches neither. A computer rounds, and then it does reach them.

far_apart = torch.tensor([0.0, 20.0, 200.0])  # (3,)
print(torch.softmax(far_apart[:2], dim=0).tolist())
print(torch.softmax(far_apart, dim=0).tolist())

# %%
# Which dim?
# ----------
#
# ``dim`` names the axis *along which* the results sum to 1. It is the axis that disappears when you
# take the sum. Our logits are (3, 10), images by classes, and both choices run without complaint.
# (We take the logits times ten again, because the picture below has more contrast then.)

over_classes = nn.Softmax(dim=1)(10 * logits).detach()  # (3, 10)
over_images = nn.Softmax(dim=0)(10 * logits).detach()  # (3, 10)

print(f"dim=1: {tuple(over_classes.sum(dim=1).shape)} sums, one for each image")
print(f"dim=0: {tuple(over_images.sum(dim=0).shape)} sums, one for each class")

torch.testing.assert_close(over_classes.sum(dim=1), torch.ones(3))
torch.testing.assert_close(over_images.sum(dim=0), torch.ones(10))

# %%
# The numbers on the right and below are the sums of rows and columns. With ``dim=1`` each row sums
# to 1: each image has its own ten probabilities. With ``dim=0`` each column does. Then the three
# images share out every class among them, and the answer for one image depends on the other two.
# For a classifier that is never what you want.

fig, axes = plt.subplots(2, 1, figsize=(7, 4.2))
for ax, table, dim in zip(axes, [over_classes, over_images], [1, 0], strict=True):
    ax.imshow(table.numpy(), cmap="Blues", vmin=0, vmax=1, aspect="auto")
    for image in range(3):
        for k in range(10):
            value = table[image, k].item()
            color = "white" if value > 0.6 else "black"
            ax.text(k, image, f"{value:.2f}", ha="center", va="center", color=color)
    ax.yaxis.tick_right()
    ax.set_yticks(range(3), [f"{total:.2f}" for total in table.sum(dim=1)])
    ax.set_xticks(range(10), [f"{total:.2f}" for total in table.sum(dim=0)])
    ax.set_title(f"dim={dim}: each {'row' if dim else 'column'} sums to 1")
    ax.set_ylabel("images")
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
axes[1].set_xlabel("classes, with the sum of each column")
plotting.describe(
    fig,
    "Two tables of probabilities, three rows of images by ten columns of classes, "
    "with the sums of rows and columns. Above, softmax with dim=1: the three row sums "
    "are 1.00. Below, with dim=0: the ten column sums are 1.00, and the row sums are "
    "not.",
)
plt.show()

# %%
# Take the third image away, and ask again about the first two. With ``dim=1`` nothing changes for
# them. With ``dim=0`` it does.

without_third = 10 * logits[:2]  # (2, 10)
same_with_dim_1 = torch.allclose(nn.Softmax(dim=1)(without_third), over_classes[:2])
same_with_dim_0 = torch.allclose(nn.Softmax(dim=0)(without_third), over_images[:2])

print("dim=1, same probabilities:", same_with_dim_1)
print("dim=0, same probabilities:", same_with_dim_0)
assert same_with_dim_1
assert not same_with_dim_0

# %%
# **Remember.** For logits of shape (batch, classes), ``dim=1`` and ``dim=-1`` name the same axis.
# If there may be more axes in front, count from the end: ``dim=-1`` is the classes wherever they
# come last.
#
# Common mistakes
# ---------------
#
# **The image is not flattened.** ``Linear`` looks at the last axis, and finds 28 where it wants
# 784. All axes in front are lumped together in the message: 84 is 3 · 1 · 28 rows. (``addmm`` is
# PyTorch's name for a matrix product with something added, here the bias.) (In the clinic:
# :ref:`error-mat1`.)

try:
    layer1(images)
except RuntimeError as error:
    print("RuntimeError:", error)

# %%
# **The transpose is forgotten** when the product is written by hand. With 784 inputs and 20 outputs
# PyTorch objects.

try:
    features @ layer1.weight + layer1.bias
except RuntimeError as error:
    print("RuntimeError:", error)

# %%
# With as many inputs as outputs, it does not. The shapes fit either way, and the numbers are wrong.

square = nn.Linear(20, 20)
wrong = activated @ square.weight + square.bias  # (3, 20)

print("shape as expected:", wrong.shape == square(activated).shape)
print("numbers as expected:", torch.allclose(wrong, square(activated)))
assert not torch.allclose(wrong, square(activated))

# %%
# **A** ``view`` **of numbers that do not lie in order.** :doc:`02_tensors` shows it with a table;
# images do it, too. After ``transpose`` the columns of each image come first, and no new shape can
# read the memory in that order. ``flatten`` and ``reshape`` copy the numbers where they must. (In
# the clinic: :ref:`error-view`.)

turned = images.transpose(2, 3)  # (3, 1, 28, 28)
print("contiguous:", turned.is_contiguous())
try:
    turned.view(3, 784)
except RuntimeError as error:
    print("RuntimeError:", error)

turned_features = turned.flatten(1)  # (3, 784)
print("copied:", turned_features.data_ptr() != images.data_ptr())
assert turned_features.data_ptr() != images.data_ptr()

# %%
# **A name that appears twice in an** ``OrderedDict``. A dictionary holds each key once, so the
# second layer takes the place of the first. Nobody complains. We ask for two hidden layers with a
# ReLU after each.

layers = OrderedDict(
    [
        ("hidden1", nn.Linear(784, 64)),
        ("relu", nn.ReLU()),
        ("hidden2", nn.Linear(64, 64)),
        ("relu", nn.ReLU()),
        ("output", nn.Linear(64, 10)),
    ]
)
print(nn.Sequential(layers))
assert len(layers) == 4

# %%
# Five entries went in, four came out. Between ``hidden2`` and ``output`` stands nothing now, so
# these two are one linear layer in disguise. Names must be unique: ``relu1``, ``relu2``.
#
# **Softmax over an axis of length one.** The batch comes as (64, 1, 784), as some older tutorials
# have it, and the logits are (64, 1, 10).
#
# **Predict, then run.** What does ``Softmax(dim=1)`` make of them?

rows_logits = layer2(relu(layer1(rows)))  # (64, 1, 10)
certain = nn.Softmax(dim=1)(rows_logits)  # (64, 1, 10)

print("smallest:", certain.min().item(), "· largest:", certain.max().item())
assert torch.equal(certain, torch.ones(64, 1, 10))

# %%
# Every class of every image gets probability 1. A number that is alone on its axis shares with
# nobody, so it gets everything. The same would happen with ``dim=0`` and a single image. The
# classes are on axis 2 here, and ``dim=-1`` finds them. In the clinic: :ref:`clinic-softmax-axis`.

right_axis = nn.Softmax(dim=-1)(rows_logits)  # (64, 1, 10)
torch.testing.assert_close(right_axis.sum(dim=-1), torch.ones(64, 1))

# %%
# **No dim at all.** PyTorch guesses one, and warns. The guess depends on the number of axes. For
# (64, 10) it happens to be the classes.

with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    of_two_axes = nn.Softmax()(rows_logits[:, 0])  # (64, 10)
    of_three_axes = nn.Softmax()(rows_logits)  # (64, 1, 10)

print("UserWarning:", caught[0].message)
for result in (of_two_axes, of_three_axes):
    for dim in range(result.ndim):
        if torch.allclose(result.sum(dim), torch.tensor(1.0)):
            print(f"{tuple(result.shape)}: the sums over dim {dim} are 1")

# %%
# With three axes the guess is dim 0: the whole batch shares each class. Always say which ``dim``
# you mean.
#
# Your turn
# ---------
#
# Write your answer into the cell below an exercise, and run it: ``@exercise`` checks it and prints
# what it finds, and the page goes on with the course's version until yours is right.
# ``hint("linear")`` and ``solution("linear")`` help.
#
# **Your turn: linear.** Write a function ``linear(features, weight, bias)`` that computes what
# :class:`torch.nn.Linear` computes, without calling it. ``features`` has the shape (..., in),
# ``weight`` (out, in), and ``bias`` (out,). The result has the shape (..., out), for any number of
# axes in front.

from firstlayers.exercises import exercise, hint, progress, solution


@exercise
def linear(features, weight, bias):
    """(..., in) features, (out, in) weight, (out,) bias -> (..., out)."""
    ...  # your code here


# %%
# **Your turn: name_the_layers.** Write a function ``name_the_layers()`` that returns a
# ``Sequential`` for 784-128-64-10 with named layers, in this order: ``flatten``, ``fc1``,
# ``relu1``, ``fc2``, ``relu2``, ``output``. Images of shape (batch, 1, 28, 28) go in, logits of
# shape (batch, 10) come out. Check that none of the layers got lost.


@exercise
def name_the_layers():
    """Return a Sequential for 784-128-64-10 with a name for each layer."""
    ...  # your code here


# %%
# Recap
# -----
#
# * ``Flatten`` keeps dimension 0 and lays the rest side by side: (3, 1, 28, 28) becomes (3, 784).
# * ``Linear`` computes :math:`x W^\mathsf{T} + b` on the last axis; its weight is (out, in).
# * ``ReLU`` turns negative numbers into zero. Without it, two linear layers are one.
# * ``Sequential`` runs layers in order, by index or by unique names, and it shares the layers it is
#   given.
# * ``Softmax(dim=...)`` names the axis along which the results sum to 1: the one of the classes.
#
# **Next:** :doc:`08_parameters` looks at the numbers inside the layers: how many there are, where
# they come from, and how to change them.
#
# **Further reading:** :class:`torch.nn.Flatten`, :class:`torch.nn.Linear`, :class:`torch.nn.ReLU`,
# :class:`torch.nn.Sequential`, :class:`torch.nn.Softmax`. Why ReLU serves well: Glorot, Bordes and
# Bengio, `Deep sparse rectifier neural networks
# <https://proceedings.mlr.press/v15/glorot11a.html>`__. That bends are enough: Leshno and others,
# `Multilayer feedforward networks with a nonpolynomial activation function can approximate any
# function <https://doi.org/10.1016/S0893-6080(05)80131-5>`__.
