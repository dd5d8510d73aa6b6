"""
Stack your network with Sequential
==================================

You will write the network 784-128-64-10 without a class, reach each of its layers by number and by
name, and see that three ways to write it are one network.

**In this chapter you learn**

* to write a chain of layers with ``nn.Sequential``, as a list and with names,
* to reach a layer by its index or its name, and to cut a network in two,
* what the parameters are called in each form, and how to carry them from one to another,
* to keep the sizes in variables, and get other networks from the same lines,
* when a ``Sequential`` is enough, and when you need a class.

**You need** the network as a class from :doc:`04_modules`.
**Time:** 15 minutes.
"""

# %%
# The sizes in variables
# ----------------------
#
# The network takes 784 numbers and gives 10: the data decide that. How many units lie between, you
# decide. Such a number is a *hyperparameter*. Give it a name and write it once, so that you can
# change it in one place.

from collections import OrderedDict

import matplotlib.pyplot as plt
import torch
from torch import nn

from firstlayers import data, models, plotting, training

plotting.use_style()

train_set, _ = data.load_dataset()
all_images, all_labels = data.as_tensors(
    train_set, mean=0.5, std=0.5
)  # (N, 1, 28, 28), (N,)
loader = data.make_loader(all_images, all_labels, 64, shuffle=True, seed=0)
images, labels = next(iter(loader))  # (64, 1, 28, 28), (64,)
features = images.flatten(1)  # (64, 784)

input_size = 28 * 28
hidden_sizes = [128, 64]
output_size = 10

# %%
# As a list
# ---------
#
# :class:`torch.nn.Sequential` takes layers and runs them in order: what comes out of one goes into
# the next. No class, no ``forward``.

torch.manual_seed(0)
plain = nn.Sequential(
    nn.Linear(input_size, hidden_sizes[0]),
    nn.ReLU(),
    nn.Linear(hidden_sizes[0], hidden_sizes[1]),
    nn.ReLU(),
    nn.Linear(hidden_sizes[1], output_size),
)
print(plain)

logits = plain(features)  # (64, 10)
print(tuple(features.shape), "→", tuple(logits.shape))

# %%
# "In order" can be checked. A ``for`` loop visits the layers, and does what the network does.

values = features  # (64, 784)
for layer in plain:
    values = layer(values)

assert torch.equal(values, logits)

# %%
# The network ends with logits, as the course's network does. Some put a softmax behind them. It is
# one more layer; the star hands over the five that are there. :doc:`07_losses` says why the network
# for training goes without.

with_softmax = nn.Sequential(*plain, nn.Softmax(dim=1))
probabilities = with_softmax(features).detach()  # (64, 10)
torch.testing.assert_close(probabilities, torch.softmax(logits, dim=1).detach())
torch.testing.assert_close(probabilities.sum(dim=1), torch.ones(64))

# %%
# With names
# ----------
#
# The numbers in front of the printed layers are their names. You can give them better ones: hand
# over a single :class:`collections.OrderedDict`, whose keys are the names. Each must be different.

named = nn.Sequential(
    OrderedDict(
        [
            ("fc1", nn.Linear(input_size, hidden_sizes[0])),
            ("relu1", nn.ReLU()),
            ("fc2", nn.Linear(hidden_sizes[0], hidden_sizes[1])),
            ("relu2", nn.ReLU()),
            ("fc3", nn.Linear(hidden_sizes[1], output_size)),
        ]
    )
)
print(named)

# %%
# By index and by name
# --------------------
#
# **Predict, then run.** A layer with a name is an attribute, as in a class. Does its index still
# work?

print("plain[0]: ", plain[0])
print("named[0]: ", named[0])
print("named.fc1:", named.fc1)
print("its weight:", tuple(named[0].weight.shape))
print("a corner:  ", named.fc1.weight[0, :3].detach())

assert named[0] is named.fc1
assert named[-1] is named.fc3

# %%
# It does: names come on top. Their advantage shows when the network changes. Put a ``Flatten`` in
# front, so that it takes images, and every index moves by one. The names stay.

takes_images = nn.Sequential(nn.Flatten(), *plain)
print("index 0:", takes_images[0])

named_takes_images = nn.Sequential(
    OrderedDict([("flatten", nn.Flatten()), *named.named_children()])
)
print("fc1:    ", named_takes_images.fc1)

torch.testing.assert_close(takes_images(images), plain(features))
assert named_takes_images.fc1 is named.fc1

# %%
# Three forms, one network
# ------------------------
#
# The third form is the class, and the course has it in its package: ``models.Network``. So that
# there is something to see in its weights, we train it first. (``fit`` is the training loop that
# you will write in :doc:`09_train`. It gets 1,400 images here, enough for a look.)

torch.manual_seed(0)
network = models.Network()
few_loader = data.make_loader(
    all_images[:1400], all_labels[:1400], 64, shuffle=True, seed=0
)
optimizer = torch.optim.SGD(network.parameters(), lr=0.1)
history = training.fit(network, few_loader, optimizer=optimizer, epochs=15)
print(f"loss: from {history.train_loss[0]:.2f} to {history.train_loss[-1]:.2f}")
print(network)

# %%
# Each form keeps its parameters under its own names. ``state_dict()`` holds them.

forms = {"class": network, "names": named, "list": plain}
keys = {form: list(model.state_dict()) for form, model in forms.items()}
for row in zip(*keys.values(), strict=True):
    print("".join(f"{key:12}" for key in row))

assert keys["class"] == keys["names"]
assert keys["list"] == [f"{k}.{kind}" for k in (0, 2, 4) for kind in ("weight", "bias")]

# %%
# In the list, 1 and 3 are missing: these are the ReLUs, which have no parameters.
#
# **Predict, then run.** ``load_state_dict`` copies parameters by their names. Which of the two
# Sequentials takes those of the class?

print("names:", named.load_state_dict(network.state_dict()))
try:
    plain.load_state_dict(network.state_dict())
except RuntimeError as error:
    print("list: RuntimeError:", error)

# %%
# The one whose names agree. For the list, the same tensors need other names. Their order is the
# same, so pair them up.

renamed = dict(zip(plain.state_dict(), network.state_dict().values(), strict=True))
print("list: ", plain.load_state_dict(renamed))

with torch.no_grad():
    by_class = network(features)  # (64, 10)
    by_name = named(features)  # (64, 10)
    by_list = plain(features)  # (64, 10)
agree = (by_name - by_class).abs().max() < 1e-6 > (by_list - by_class).abs().max()
print("the logits of all three agree to 1e-6:", agree.item())

torch.testing.assert_close(by_name, by_class, rtol=0, atol=1e-6)
torch.testing.assert_close(by_list, by_class, rtol=0, atol=1e-6)

# %%
# Three ways to write it, one network. Here are the weights of eight hidden units as pictures,
# those with the largest weights. The noise is from the start; what stands out of it was learned.

strongest = plain[0].weight.norm(dim=1).topk(8).indices  # (8,)
assert torch.equal(plain[0].weight[strongest], network.fc1.weight[strongest])

names = [f"unit {unit}" for unit in strongest.tolist()]
fig = plotting.show_weights(plain[0].weight[strongest], names)
plt.show()

# %%
# An image on its way
# -------------------
#
# Since the layers can be visited one by one, an image can be watched on its way. Each square below
# is a unit: red is positive, blue is negative, white is zero. (Each linear layer has its own scale,
# and shares it with its ReLU.)

values = features[:1]  # (1, 784)
stages = {}
with torch.no_grad():
    for name, layer in named.named_children():
        values = layer(values)
        stages[name] = values[0]

probabilities = torch.softmax(stages["fc3"], dim=0)  # (10,)

fig, axes = plt.subplots(1, 7, figsize=(7, 2.3), width_ratios=[16, 8, 8, 4, 4, 1.6, 14])
axes[0].imshow(images[0, 0].numpy())
axes[0].set_title("image", fontsize=10, loc="center")
rows = {"fc1": 16, "relu1": 16, "fc2": 16, "relu2": 16, "fc3": 10}
for ax, (name, count) in zip(axes[1:], rows.items(), strict=False):
    limit = stages[name.replace("relu", "fc")].abs().max().item()
    table = stages[name].reshape(count, -1).numpy()
    ax.imshow(table, cmap="RdBu_r", vmin=-limit, vmax=limit, aspect="auto")
    ax.set_title(name, fontsize=10, loc="center")
for ax in axes[:6]:
    ax.set(xticks=[], yticks=[])
    ax.set_box_aspect(1 if ax is axes[0] else None)
    ax.spines[:].set_visible(True)
axes[5].set_yticks(range(10), train_set.classes, fontsize=8)
axes[5].tick_params(length=0)
axes[6].barh(range(10), probabilities.numpy(), height=0.7)
axes[6].set(xlim=(0, 1), ylim=(9.5, -0.5), yticks=[], xticks=[0, 1])
axes[6].set_title("softmax", fontsize=10, loc="center")
plotting.describe(
    fig,
    "An image, and what comes out of each layer as a block of colored squares that gets "
    "narrower: 128 after fc1, red and blue; the same after ReLU, "
    f"{(stages['relu1'] == 0).sum()} of them white; 64 after fc2; the same after ReLU, "
    f"{(stages['relu2'] == 0).sum()} of them white; ten logits; and ten bars with the "
    f"probabilities, of which class {train_set.classes[probabilities.argmax()]} has "
    f"{probabilities.max():.0%}.",
)
plt.show()

# %%
# A slice of a ``Sequential`` is a ``Sequential``, with the same layers in it. So you can cut the
# network in two, and look at what passes there: 64 numbers for each image.

front, back = named[:4], named[4:]
middle = front(features)  # (64, 64)
print(front)
assert torch.equal(back(middle), named(features))
assert front.fc1 is named.fc1

# %%
# What do these 64 units respond to? We send all the images through the front part, and take the
# mean over each class. In a row you see what a class looks like to the last layer. Each column is
# divided by its largest mean, so that units of all strengths can be compared. (If a column is all
# white, its unit is 0 for every image.)

with torch.no_grad():
    activations = front(all_images.flatten(1))  # (N, 64)
means = [activations[all_labels == k].mean(dim=0) for k in range(10)]
class_means = torch.stack(means)  # (10, 64)
favorite = class_means.argmax(dim=0)  # (64,)
order = favorite.argsort(stable=True)  # (64,)

strong = class_means > class_means.amax(dim=0) / 2  # (10, 64)
several = (strong.sum(dim=0) > 1).sum().item()
print(f"units that respond at least half as much to another class: {several} of 64")

shares = class_means / class_means.amax(dim=0).clamp(min=1e-6)  # (10, 64)
fig, ax = plt.subplots(figsize=(7, 2.7))
shown = ax.imshow(shares[:, order].numpy(), cmap="Blues", vmin=0, aspect="auto")
ax.set_yticks(range(10), train_set.classes, fontsize=8)
ax.set(xlabel="the 64 units, sorted by their favorite class", xticks=[], ylabel="class")
ax.set_title("Mean activation after relu2, as a share of the unit's highest")
ax.tick_params(length=0)
ax.spines[:].set_visible(False)
bar = fig.colorbar(shown, ax=ax, pad=0.02)
bar.outline.set_visible(False)
plotting.describe(
    fig,
    "A table of ten rows, the classes, and 64 columns, the units after the second ReLU. "
    "Darker cells are higher means, as shares of the column's highest. The columns are "
    "sorted by their favorite class, so the darkest cells form a staircase, with others "
    "beside it: "
    f"{several} units respond at least half as much to another class.",
)
plt.show()

# %%
# Other sizes, the same lines
# ---------------------------
#
# With the sizes in variables, a function makes the network of any two sizes.
#
# **Predict, then run.** Four times as many units in both hidden layers: does the network get four
# times as many parameters?


def build(hidden1, hidden2):
    return nn.Sequential(
        nn.Linear(input_size, hidden1),
        nn.ReLU(),
        nn.Linear(hidden1, hidden2),
        nn.ReLU(),
        nn.Linear(hidden2, output_size),
    )


counts = {}
for sizes in [(32, 16), (128, 64), (512, 256)]:
    layers = [layer for layer in build(*sizes) if isinstance(layer, nn.Linear)]
    counts[sizes] = [sum(p.numel() for p in layer.parameters()) for layer in layers]
    print(f"784-{sizes[0]}-{sizes[1]}-10: {sum(counts[sizes]):,} parameters")
growth = sum(counts[512, 256]) / sum(counts[128, 64])
print(f"four times the units, {growth:.1f} times the parameters")

assert sum(counts[128, 64]) == sum(p.numel() for p in network.parameters()) == 109_386
assert sum(counts[512, 256]) > 4 * sum(counts[128, 64])
assert 512 * 256 == 16 * (128 * 64)

# %%
# More than that. The weights between the hidden layers are a product of *both* sizes, so they grow
# sixteenfold. The first layer has only one size that grows.

fig, ax = plt.subplots(figsize=(7, 2.1))
names = [f"784-{first}-{second}-10" for first, second in counts]
left = torch.zeros(3)  # (3,)
tones = [plotting.BLUE, plotting.ORANGE, plotting.GREEN]
for k, color in enumerate(tones):
    width = torch.tensor([layers[k] for layers in counts.values()])  # (3,)
    ax.barh(names, width, left=left, color=color, label=f"linear layer {k + 1}")
    left = left + width
ax.bar_label(ax.containers[-1], [f"{n:,.0f}" for n in left.tolist()], padding=4)
ax.invert_yaxis()
ax.set(xlim=(0, 640_000), xticks=[], title="Where the parameters are")
ax.spines[["bottom", "left"]].set_visible(False)
ax.tick_params(length=0)
ax.legend(fontsize=8, loc="upper right")
plotting.describe(
    fig,
    "Three bars for networks of three sizes, divided by layer. The first linear layer "
    "has most of the parameters in all of them. "
    + " ".join(
        f"{name}: {total:,.0f} in all."
        for name, total in zip(names, left.tolist(), strict=True)
    ),
)
plt.show()

# %%
# Which size is best is a question for images that the network has not seen. :doc:`09_train` asks
# it.
#
# When a Sequential, when a class?
# --------------------------------
#
# A ``Sequential`` is a chain: one input, one output, each layer sees only the one before. As soon
# as the data take another way, you write a class. A common case is a *skip connection*: what goes
# into a layer is added to what comes out.


class Skip(nn.Module):
    def __init__(self, size):
        super().__init__()
        self.layer = nn.Linear(size, size)

    def forward(self, values):
        return values + torch.relu(self.layer(values))  # (batch, size)


fig, axes = plt.subplots(1, 2, figsize=(7, 1.4))
look = {"arrowstyle": "-|>", "color": plotting.GRAY, "lw": 1.6, "mutation_scale": 12}
for ax, title in zip(axes, ["A chain", "With a skip connection"], strict=True):
    ax.set(xlim=(0, 6.6), ylim=(-0.4, 1.2), title=title)
    ax.set_axis_off()
    last = [(4.4, 6.5)] if title == "A chain" else [(4.4, 5.15), (5.45, 6.5)]
    for start, end in [(0, 1.1), (2.55, 3.15), *last]:
        ax.annotate("", xy=(end, 0), xytext=(start, 0), arrowprops=look)
    for place, name in [(1.85, "Linear"), (3.8, "ReLU")]:
        box = {"boxstyle": "round,pad=0.4", "fc": "none", "ec": plotting.BLUE, "lw": 2}
        ax.text(place, 0, name, ha="center", va="center", bbox=box)
over = look | {"connectionstyle": "arc3,rad=-0.3"}
axes[1].annotate("", xy=(5.3, 0.2), xytext=(0.4, 0), arrowprops=over)
axes[1].text(5.3, 0, "+", ha="center", va="center", fontsize=16)
plotting.describe(
    fig,
    "Two drawings. A chain: an arrow leads through a box Linear and a box ReLU. With a "
    "skip connection: the same, and a second arrow leads over both boxes to a plus sign "
    "behind them.",
)
plt.show()

# %%
# The two mix well, because a class of yours is a layer like any other.

mixed = nn.Sequential(nn.Linear(784, 64), nn.ReLU(), Skip(64), nn.Linear(64, 10))
print(mixed)
print([name for name, parameter in mixed.named_parameters()])
assert mixed(features).shape == (64, 10)

# %%
# Common mistakes
# ---------------
#
# **A name that appears twice.** A dictionary holds a key once, so the second layer takes the first
# one's place. We ask for five layers.

layers = OrderedDict(
    [
        ("fc1", nn.Linear(784, 128)),
        ("relu", nn.ReLU()),
        ("fc2", nn.Linear(128, 64)),
        ("relu", nn.ReLU()),
        ("fc3", nn.Linear(64, 10)),
    ]
)
dropped = nn.Sequential(layers)
print(dropped)
print("layers:", len(dropped), "· output:", tuple(dropped(features).shape))
assert len(dropped) == 4

# %%
# Four came, and nobody complained. ``fc2`` and ``fc3`` follow each other without a ReLU between
# them, and two linear layers in a row are no more than one (:doc:`../1_basics/07_layers`). Count
# the layers with ``len``.
#
# **A plain dictionary, or a list.** Only an ``OrderedDict`` brings names, and layers in a list need
# a star: ``nn.Sequential(*layers)``.

for wrong in [{"fc1": nn.Linear(784, 10)}, [nn.Linear(784, 10)]]:
    try:
        nn.Sequential(wrong)
    except TypeError as error:
        print("TypeError:", error)

# %%
# **A function in the chain.** ``torch.relu`` is a function. A ``Sequential`` holds modules.

try:
    nn.Sequential(nn.Linear(784, 10), torch.relu)
except TypeError as error:
    print("TypeError:", error)

# %%
# **A dot in a name.** Dots separate the parts of a path, as in ``fc1.weight``.

try:
    nn.Sequential(OrderedDict([("fc.1", nn.Linear(784, 10))]))
except KeyError as error:
    print("KeyError:", error)

# %%
# **Sizes that do not fit.** They are noticed when data come, not before.

misfit = nn.Sequential(nn.Linear(784, 128), nn.ReLU(), nn.Linear(64, 10))
try:
    misfit(features)
except RuntimeError as error:
    print("RuntimeError:", error)

# %%
# Your turn
# ---------
#
# Write your answer into the cell below an exercise, and run it: ``@exercise`` checks it and prints
# what it finds, and the page goes on with the course's version until yours is right.
# ``hint("sequential_named")`` and ``solution("sequential_named")`` help.
#
# **Your turn: sequential_named.** Write a function ``sequential_named()`` that returns a
# ``Sequential`` for 784-128-64-10, with the names ``fc1``, ``relu1``, ``fc2``, ``relu2``,
# ``output`` and ``softmax``. Features of shape (batch, 784) go in, probabilities of shape
# (batch, 10) come out.

from firstlayers.exercises import exercise, hint, progress, solution


@exercise
def sequential_named():
    """Return a Sequential for 784-128-64-10 with named layers and a softmax."""
    ...  # your code here


# %%
# **Your turn: all_but_last.** Write a function ``all_but_last(model)``. It takes a ``Sequential``,
# and returns one with all of its layers but the last. The layers must be the same objects, so that
# both share their parameters, and the one you were given must stay as it was. One layer may stand
# in two places, as a ReLU sometimes does.


@exercise
def all_but_last(model):
    """Return a Sequential of the layers of a Sequential but the last, sharing them."""
    ...  # your code here


# %%
# Recap
# -----
#
# * ``nn.Sequential`` runs layers in order: a network without a class.
# * Layers have an index, and with an ``OrderedDict`` a name, too. Each name must be different.
# * Class, names and list are one network: with the same parameters they give the same logits.
# * ``state_dict`` names the parameters by the path to them, so the keys differ between forms.
# * Sizes are hyperparameters: write each once, in a variable.
# * A chain needs no class. Anything else does, and the two mix.
#
# **Next:** :doc:`07_losses` measures how wrong the network's answers are, which is the first half
# of training.
#
# **Further reading:** :class:`torch.nn.Sequential`, :class:`torch.nn.Module`. Skip connections made
# networks of 152 layers possible: He and others, `Deep residual learning for image recognition
# <https://arxiv.org/abs/1512.03385>`__.
