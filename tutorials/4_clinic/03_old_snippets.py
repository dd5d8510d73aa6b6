"""
Repair lines from older tutorials
=================================

You will run lines that people still copy, exactly as they were written, see what each of them does
today, and learn what to write in its place.

**In this chapter you learn**

* to tell lines that fail, that warn, that mislead, and that are merely longer than they need be,
* what to write today, with a test that it is right,
* why the quiet ones are those to look for,
* to run old lines with every warning on record,
* which repairs make it worse.

**You need** tensors, gradients and the training loop, from :doc:`the first track
</tutorials/1_basics/index>`. Nothing here has to be read in order: look for your line in the list of
this page's headings.
**Time:** 25 minutes.
"""

# %%
# Four things can happen
# ----------------------
#
# PyTorch has been growing for many years, and so have the texts about it. A line that was right
# once can meet one of four fates.
#
# * It **fails**. There is an error. You know at once.
# * It **warns**. It runs, and PyTorch says that something is old. You know, if you read it.
# * It **misleads**. It runs without a word, and does not do what it promises. Nobody tells you.
# * It is **fine**. It does what the new line does, in more words.
#
# Nobody has to believe us which is which. The old lines stand here as text, letter by letter, and
# the function ``today`` runs them with the names that this page has. All warnings are caught and
# printed. (Some of PyTorch's come only once in a program; ``set_warn_always`` asks for every one.)

import copy
import importlib.metadata
import io
import re
import struct
import tempfile
import textwrap
import warnings
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

import matplotlib.pyplot as plt
import torch
import torchvision
from PIL import Image
from torch import nn
from torch.nn import functional as F
from torch.optim.lr_scheduler import ExponentialLR
from torch.utils.data import DataLoader, Subset, TensorDataset
from torchvision import datasets, models
from torchvision.transforms import v2

from firstlayers import data, plotting

plotting.use_style()


@dataclass
class Old:
    """What old lines did: the names that they left, their error, their warnings."""

    names: dict
    error: Exception | None
    warned: list


def short(message):
    """The beginning of a message, in lines that fit."""
    text = re.sub(r"\x1b\[\d*m|\(Triggered internally.*", "", str(message))
    text = textwrap.shorten(text, 190, placeholder=" …")
    return textwrap.fill(text, 88, subsequent_indent="    ", break_long_words=False)


def today(source, **names):
    """Run old lines as they stand, and print what is said about them."""
    names = {**globals(), **names}
    error, before = None, torch.is_warn_always_enabled()
    torch.set_warn_always(True)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            exec(textwrap.dedent(source), names)
        except Exception as raised:
            error = raised
    torch.set_warn_always(before)
    warned = list(dict.fromkeys(f"{w.category.__name__}: {w.message}" for w in caught))
    for message in warned:
        print(short(message))
    if error is not None:
        print(short(f"{type(error).__name__}: {error}"))
    elif not warned:
        print("no error, no warning")
    return Old(names, error, warned)


# %%
# What fails or warns shows itself. Of the others, only a comparison can tell which they are. So in
# each cell below, the new lines follow the old ones, under ``# Write:``. We compare what both give,
# and file the verdict.

verdicts = {}


def verdict(line, old, same=False):
    """Say which of the four it is; ``same``: does it give what the new lines give?"""
    if old.error is not None:
        word, why = "fails", ""
    elif old.warned:
        word = "warns"
        why = ", and gives the same" if same else ", and gives something else"
    else:
        word = "fine" if same else "misleads"
        why = ": it gives the same" if same else ": it gives something else"
    print(f"→ {word}{why}")
    verdicts[line] = word, same
    return word


# %%
# The old lines need something to work on: images, and a small network that has learned a little.

torch.manual_seed(0)
train_set, _ = data.load_dataset()
few = Subset(train_set, range(1000))
loader = DataLoader(TensorDataset(*data.as_tensors(few)), batch_size=64)

model = nn.Sequential(nn.Linear(784, 64), nn.ReLU(), nn.Linear(64, 10))
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
for _ in range(4):
    for images, labels in loader:
        optimizer.zero_grad()
        F.cross_entropy(model(images.flatten(1)), labels).backward()
        optimizer.step()

images, labels = next(iter(loader))  # (64, 1, 28, 28), (64,)
features = images.flatten(1)  # (64, 784)
with torch.no_grad():
    right = (model(features).argmax(dim=1) == labels).float().mean().item()
print(f"right on a batch that it has seen: {right:.0%}")

assert right > 0.5

# %%
# Tensors and gradients
# ---------------------
#
# ``Variable(x)``
# ~~~~~~~~~~~~~~~
#
# In the first years, only what was wrapped in a ``Variable`` could have a gradient. Today each
# tensor can, as :doc:`../1_basics/09_autograd` tells, and the wrapper hands back an ordinary one.
# Leave it away.

x = torch.rand(3, 4)  # (3, 4)
old = today("""
    from torch.autograd import Variable
    wrapped = Variable(x)
    """)

assert type(old.names["wrapped"]) is torch.Tensor
assert verdict("Variable(x)", old, same=old.names["wrapped"].equal(x)) == "fine"

# %%
# ``volatile=True``
# ~~~~~~~~~~~~~~~~~
#
# It told autograd to take no notes. The argument is still accepted, and has no effect: your
# predictions take notes again. Write ``torch.no_grad()``, or ``torch.inference_mode()``, as
# :doc:`../2_digits/10_predict` does.

old = today("""
    from torch.autograd import Variable
    logits = model(Variable(features, volatile=True))
    """)

# Write:
with torch.no_grad():
    logits = model(features)  # (64, 10)

print("notes taken:", old.names["logits"].requires_grad, "and", logits.requires_grad)
same = old.names["logits"].requires_grad == logits.requires_grad
assert verdict("volatile=True", old, same=same) == "warns"
assert not same

# %%
# ``loss.data[0]``
# ~~~~~~~~~~~~~~~~
#
# A loss used to be a vector with one entry. Now it is a single number, of shape ``()``, and there
# is no entry to ask for. ``item()`` makes one of Python's numbers of it
# (:doc:`../1_basics/02_tensors`).

loss = F.cross_entropy(model(features), labels)
old = today("""
    running_loss = 0.0
    running_loss += loss.data[0]
    """)

# Write:
running_loss = 0.0
running_loss += loss.item()

print("now:", type(running_loss).__name__)
assert running_loss == loss.detach().numpy()
assert verdict("loss.data[0]", old) == "fails"

# %%
# ``w.data.mul_(10)``
# ~~~~~~~~~~~~~~~~~~~
#
# ``.data`` was the way to the numbers inside a ``Variable``, and it still is a way past autograd.
# The loss below is :math:`w^2`, with :math:`w = 1`, so its gradient is :math:`2w = 2`. But before
# ``backward()``, somebody changes ``w``.
#
# **Predict, then run.** Which gradient comes out, and will there be a message?

old = today("""
    w = torch.tensor(1.0, requires_grad=True)
    loss = w**2
    w.data.mul_(10)
    loss.backward()
    """)

# Write:
w = torch.tensor(1.0, requires_grad=True)
loss = w**2
loss.backward()
with torch.no_grad():
    w.mul_(10)

wrong_slope, slope = old.names["w"].grad.item(), w.grad.item()
print(f"gradient {wrong_slope:g} instead of {slope:g}")
assert (wrong_slope, slope) == (20, 2)
assert verdict("w.data.mul_(10)", old, same=wrong_slope == slope) == "misleads"

# %%
# Not a word, and ten times the slope. In the picture, both are drawn through the point where the
# loss was computed.

around = torch.linspace(-1.4, 3.2, 200)  # (200,)
fig, ax = plt.subplots(figsize=(5.6, 3))
ax.plot(around, around**2, color=plotting.BLUE, label="the loss, $w^2$")
for steep, color, name in [
    (wrong_slope, plotting.RED, "after an edit through .data"),
    (slope, plotting.GREEN, "the right gradient"),
]:
    ax.plot(around, 1 + steep * (around - 1), "--", color=color, label=name)
ax.plot(1, 1, "o", color=plotting.BLUE)
ax.set(xlim=(-1.4, 3.2), ylim=(-1.5, 9), xlabel="w", ylabel="loss")
ax.set_title(f"Slope {wrong_slope:g} where there is slope {slope:g}")
ax.legend(loc="upper left", bbox_to_anchor=(1, 1))
plotting.describe(
    fig,
    "The parabola of w squared with a dot at w = 1. Through the dot go two dashed "
    f"lines. The green one, of slope {slope:g}, touches the parabola. The red one, of "
    f"slope {wrong_slope:g}, cuts through it almost upright.",
)
plt.show()

# %%
# Under ``no_grad()``, PyTorch counts the changes. Made too early, this one is an error at
# ``backward()``, and :doc:`../1_basics/08_parameters` shows its message. To fill a parameter with
# numbers, write ``nn.init.zeros_(layer.weight)`` and the like, not ``layer.weight.data.fill_(0)``.
#
# ``torch.Tensor(3)``
# ~~~~~~~~~~~~~~~~~~~
#
# With a capital letter, it is the class. Called with a number, it makes so many entries, and in
# them stands whatever was in the memory. Called with a list, it makes floats of everything. The
# function with a small letter, :func:`torch.tensor`, takes you at your word
# (:doc:`../1_basics/02_tensors`).

old = today("""
    number = torch.Tensor(3)
    classes = torch.Tensor([1, 2])
    """)

# Write:
number = torch.tensor(3)
classes = torch.tensor([1, 2])  # (2,)

print("old shape:", tuple(old.names["number"].shape), old.names["classes"].dtype)
print("new shape:", tuple(number.shape), classes.dtype)
assert old.names["number"].shape == (3,)
assert number == 3
assert (old.names["classes"].dtype, classes.dtype) == (torch.float32, torch.int64)
same = old.names["number"].shape == number.shape
assert verdict("torch.Tensor(3)", old, same=same) == "misleads"

# %%
# ``type(x) == torch.FloatTensor``
# ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
#
# The type used to name the kind of numbers. Now every tensor is a ``torch.Tensor``, and its
# ``dtype`` says what is in it (:doc:`../1_basics/02_tensors`). An assertion without words fails
# without words.

old = today("assert type(x) == torch.FloatTensor")

# Write:
assert x.dtype == torch.float32
assert verdict("type(x) == torch.FloatTensor", old) == "fails"

# %%
# ``weight.numpy()``
# ~~~~~~~~~~~~~~~~~~
#
# To look at weights, many texts hand them to NumPy or Matplotlib. NumPy cannot take notes, so
# PyTorch refuses, and names the cure: ``detach()``, explained in :doc:`../1_basics/09_autograd`.

weight = model[0].weight  # (64, 784)
old = today("pixels = weight.numpy()")

# Write:
pixels = weight.detach().numpy()  # (64, 784)

assert pixels.shape == weight.shape
assert verdict("weight.numpy()", old) == "fails"

# %%
# ``F.sigmoid(x)``
# ~~~~~~~~~~~~~~~~
#
# Many texts call it deprecated. Ask PyTorch. (What a sigmoid is for:
# :doc:`../1_basics/05_neurons`.)

old = today("hidden = F.sigmoid(x)")

# Write:
hidden = torch.sigmoid(x)  # (3, 4)

assert old.warned == []
same = old.names["hidden"].equal(hidden)
assert verdict("F.sigmoid(x)", old, same=same) == "fine"

# %%
# Both give the same, and neither complains. ``torch.sigmoid`` is the usual name.
#
# ``F.softmax(x)``
# ~~~~~~~~~~~~~~~~
#
# Without ``dim``, PyTorch guesses an axis. The guess depends on how many there are. For logits of
# shape (64, 10) it is the classes, for (1, 64, 10) it is something else. Always say ``dim``
# (:doc:`../1_basics/07_layers`).

old = today("""
    of_two_axes = F.softmax(logits)
    of_three_axes = F.softmax(logits[None])
    """)

# Write:
of_two_axes = F.softmax(logits, dim=-1)  # (64, 10)
of_three_axes = F.softmax(logits[None], dim=-1)  # (1, 64, 10)

same_for_two = old.names["of_two_axes"].equal(of_two_axes)
same_for_three = old.names["of_three_axes"].equal(of_three_axes)
print(f"the classes? two axes: {same_for_two}, three axes: {same_for_three}")
assert same_for_two
assert not same_for_three
assert verdict("F.softmax(x)", old, same=same_for_three) == "warns"

# %%
# Data
# ----
#
# ``dataiter.next()``
# ~~~~~~~~~~~~~~~~~~~
#
# The most copied of all, it opens many a notebook. Iterators of loaders have no such method, and
# Python's function ``next`` asks any iterator (:doc:`../1_basics/03_data`).

old = today("""
    dataiter = iter(loader)
    images, labels = dataiter.next()
    """)

# Write:
dataiter = iter(loader)
images, labels = next(dataiter)

assert images.shape == (64, 1, 28, 28)
assert verdict("dataiter.next()", old) == "fails"

# %%
# ``transforms.ToTensor()``
# ~~~~~~~~~~~~~~~~~~~~~~~~~
#
# The first generation of torchvision's transforms is still there, and does not warn. The second,
# ``v2``, says its two steps one by one: make a tensor of the picture, then scale it
# (:doc:`../1_basics/04_transforms`).

picture = v2.functional.to_pil_image(train_set.data[0])
old = today("""
    from torchvision import transforms
    image = transforms.ToTensor()(picture)
    """)

# Write:
to_image = v2.Compose([v2.ToImage(), v2.ToDtype(torch.float32, scale=True)])
image = to_image(picture)  # (1, 28, 28)

same = torch.allclose(old.names["image"], image)
assert verdict("transforms.ToTensor()", old, same=same) == "fine"

# %%
# ``Normalize`` with three means
# ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
#
# It comes from programs for color images, which have three channels. Gray images have one channel,
# so they need one mean (:doc:`../1_basics/04_transforms`).

old = today("""
    from torchvision import transforms
    transform = transforms.Compose(
        [
            transforms.ToTensor(),
            transforms.Normalize((0.5, 0.5, 0.5), (0.5, 0.5, 0.5)),
        ]
    )
    image = transform(picture)
    """)

# Write:
normalize = v2.Normalize((0.5,), (0.5,))
assert normalize(image).shape == (1, 28, 28)
assert verdict("Normalize with three means", old) == "fails"

tripled = v2.Normalize((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))(image)  # (3, 28, 28)
print("the second generation, without a word:", tuple(tripled.shape))

# %%
# Be glad of the error. In ``v2``, the same line makes three channels of one.
#
# ``transforms.Scale(14)``
# ~~~~~~~~~~~~~~~~~~~~~~~~
#
# It changed the size of pictures, while its name sounds like a change of their numbers. Look for
# ``Resize`` instead, and for ``RandomResizedCrop`` where you find ``RandomSizedCrop``. More of
# their kind are in :doc:`../1_basics/04_transforms`.

old = today("""
    from torchvision import transforms
    small = transforms.Scale(14)(picture)
    """)

# Write:
small = v2.Resize((14, 14))(picture)

assert small.size == (14, 14)
assert verdict("transforms.Scale(14)", old) == "fails"

# %%
# ``train_set.train_data``
# ~~~~~~~~~~~~~~~~~~~~~~~~
#
# There were ``train_data``, ``train_labels``, ``test_data`` and ``test_labels``. Now there are
# ``data`` and ``targets`` (:doc:`../2_digits/01_look_at_digits`). To try it without a download, we
# put 64 of our images into files as torchvision's class ``MNIST`` wants them.

temporary = tempfile.TemporaryDirectory()
folder = Path(temporary.name)
raw = folder / "MNIST" / "raw"
raw.mkdir(parents=True)
for part in ("train", "t10k"):
    pixels = train_set.data[:64]  # (64, 28, 28)
    classes = train_set.targets[:64].to(torch.uint8)  # (64,)
    head = struct.pack(">4i", 2051, 64, 28, 28)
    (raw / f"{part}-images-idx3-ubyte").write_bytes(head + pixels.numpy().tobytes())
    head = struct.pack(">2i", 2049, 64)
    (raw / f"{part}-labels-idx1-ubyte").write_bytes(head + classes.numpy().tobytes())

tiny_set = datasets.MNIST(folder, train=True)
old = today(
    "pixels, classes = train_set.train_data, train_set.train_labels",
    train_set=tiny_set,
)

# Write:
pixels, classes = tiny_set.data, tiny_set.targets  # (64, 28, 28), (64,)

assert pixels.equal(train_set.data[:64])
same = old.names["pixels"].equal(pixels) and old.names["classes"].equal(classes)
assert verdict("train_set.train_data", old, same=same) == "warns"
assert same

# %%
# ``pixels /= 255``
# ~~~~~~~~~~~~~~~~~
#
# Raw pixels are whole numbers, ``uint8``. In place, a fraction would have to fit where a whole
# number is. Without the ``=`` sign a new tensor of floats is made, and your data set stays as it
# was. On changes in place: :doc:`../1_basics/02_tensors`.

old = today("pixels /= 255", pixels=pixels.clone())

# Write:
scaled = pixels / 255  # (64, 28, 28)

assert scaled.dtype == torch.float32
assert scaled.max() <= 1
assert verdict("pixels /= 255", old) == "fails"

# %%
# ``images.view(64, 784)``
# ~~~~~~~~~~~~~~~~~~~~~~~~
#
# It works for batch after batch, until the last, which is smaller (:doc:`../1_basics/03_data`).

old = today("""
    for images, labels in loader:
        rows = images.view(64, 784)
    """)

# Write:
for batch, _ in loader:
    rows = batch.flatten(1)  # (batch, 784)
    assert rows.shape == (len(batch), 784)

print(f"it had come to a batch of {len(old.names['images'])} images")
assert len(old.names["images"]) < 64
assert verdict("images.view(64, 784)", old) == "fails"

# %%
# ``images.resize_(64, 1, 784)``
# ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
#
# Another way to lay images in rows. It has two sides. The underscore says that it happens in place:
# whoever still needs the images as pictures has lost them. And each row stands in an axis of its
# own.
#
# **Predict, then run.** The network answers with shape (64, 1, 10). Which probabilities does
# ``Softmax(dim=1)`` give the ten classes?

mine = images.clone()  # (64, 1, 28, 28)
old = today(
    """
    images.resize_(64, 1, 784)
    probabilities = nn.Softmax(dim=1)(model(images))
    """,
    images=mine,
)

# Write:
with torch.no_grad():
    probabilities = model(images.flatten(1)).softmax(dim=1)  # (64, 10)

wrong = old.names["probabilities"].detach().squeeze(1)  # (64, 10)
print("my images now:", tuple(mine.shape))
print(f"probabilities from {wrong.min():g} to {wrong.max():g}")
assert mine.shape == (64, 1, 784)
assert wrong.equal(torch.ones(64, 10))
torch.testing.assert_close(probabilities.sum(dim=1), torch.ones(64))
same = torch.allclose(wrong, probabilities)
assert verdict("images.resize_(64, 1, 784)", old, same=same) == "misleads"

# %%
# Ten classes, and each of them is certain. A number alone on its axis has nobody to share with
# (:doc:`../1_basics/07_layers`). And what ``resize_`` does to the caller's images is told in
# :doc:`../2_digits/05_initialization`.

fig, axes = plt.subplots(1, 3, figsize=(7, 2.4), width_ratios=[0.8, 1, 1])
axes[0].imshow(images[0, 0].numpy())
axes[0].set_axis_off()
axes[0].set_title("The image")
both = {
    "resize_, softmax(dim=1)": wrong[0],
    "flatten(1), softmax(dim=1)": probabilities[0],
}
for ax, (name, values), color in zip(
    axes[1:], both.items(), [plotting.RED, plotting.GREEN], strict=True
):
    ax.bar(range(10), values.numpy(), color=color)
    ax.set(xticks=range(10), ylim=(0, 1.05), xlabel="class")
    ax.set_title(f"{name}\nsum: {values.sum():.1f}", fontsize=9)
axes[1].set_ylabel("probability")
plotting.describe(
    fig,
    "An image, and beside it two bar charts over ten classes. After resize_, all ten "
    f"bars reach 1, and their sum is {wrong[0].sum():.0f}. After flatten, the highest "
    f"bar is class {probabilities[0].argmax()} with {probabilities[0].max():.0%}, and "
    "all ten sum to 1.",
)
plt.show()

# %%
# Models
# ------
#
# ``super(Network, self).__init__()``
# ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
#
# It is how Python 2 wanted it. It still works, as long as the name in it is that of the class. Copy
# such a class and give it a name of your own, and it fails. ``super().__init__()`` needs no name
# (:doc:`../1_basics/06_build_model`).

old = today("""
    class Network(nn.Module):
        def __init__(self):
            super(Network, self).__init__()
            self.output = nn.Linear(784, 10)

    network = Network()
    """)


# Write:
class Network(nn.Module):
    def __init__(self):
        super().__init__()
        self.output = nn.Linear(784, 10)


same = str(old.names["network"]) == str(Network())
assert verdict("super(Network, self).__init__()", old, same=same) == "fine"

renamed = today("""
    class MyNetwork(nn.Module):
        def __init__(self):
            super(Network, self).__init__()

    network = MyNetwork()
    """)
assert isinstance(renamed.error, TypeError)

# %%
# ``model.forward(x)``
# ~~~~~~~~~~~~~~~~~~~~
#
# The numbers are the same. But hooks, functions that others attach to a module, are passed over.
# Call the model itself: ``model(x)`` (:doc:`../1_basics/06_build_model`).

heard = []
hook = model.register_forward_hook(lambda *_: heard.append("hook"))
old = today("logits = model.forward(x)", x=features)
heard_before = len(heard)

# Write:
model(features)
heard_now = len(heard) - heard_before
hook.remove()

print(f"hooks called: {heard_before}, and with model(x): {heard_now}")
assert (heard_before, heard_now) == (0, 1)
same = heard_before == heard_now
assert verdict("model.forward(x)", old, same=same) == "misleads"

# %%
# ``Softmax`` before ``CrossEntropyLoss``
# ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
#
# The loss applies softmax itself. With another one before it, it runs, trains, and learns less
# (:doc:`../2_digits/07_losses` shows why, :doc:`01_common_mistakes` what it costs). Here we hand it
# perfect answers, a thousand for the true class and zero for the others.

perfect = 1000.0 * F.one_hot(labels, 10)  # (64, 10)
old = today("""
    probabilities = nn.Softmax(dim=1)(perfect)
    loss = nn.CrossEntropyLoss()(probabilities, labels)
    """)

# Write:
loss = nn.CrossEntropyLoss()(perfect, labels)

print(f"loss of perfect answers: {old.names['loss']:.4f}, and now {loss:.4f}")
assert old.names["loss"] > 1.46
assert loss == 0
same = torch.allclose(old.names["loss"], loss)
assert verdict("Softmax before CrossEntropyLoss", old, same=same) == "misleads"

# %%
# ``nn.init.xavier_uniform``
# ~~~~~~~~~~~~~~~~~~~~~~~~~~
#
# What works in place ends in an underscore. These two once did not, and the old names still work.
# (:doc:`../2_digits/05_initialization` compares ways to begin.)

layer = nn.Linear(784, 10)
torch.manual_seed(0)
old = today("""
    nn.init.xavier_uniform(layer.weight)
    torch.nn.utils.clip_grad_norm(layer.parameters(), 1.0)
    """)
old_weight = layer.weight.detach().clone()  # (10, 784)

torch.manual_seed(0)
# Write:
nn.init.xavier_uniform_(layer.weight)
torch.nn.utils.clip_grad_norm_(layer.parameters(), 1.0)

same = layer.weight.equal(old_weight)
assert verdict("nn.init.xavier_uniform", old, same=same) == "warns"
assert same

# %%
# ``pretrained=True``
# ~~~~~~~~~~~~~~~~~~~
#
# *Which* weights? There are several by now, so you name them. Both lines would download them. To try
# it without a network, we put a function of our own where torchvision fetches weights. It writes
# down which ones were asked for. (How weights get into a network: :doc:`../1_basics/11_save_load`.)

asked_for = []


def give_some(weights, **options):
    asked_for.append(str(weights))
    torch.manual_seed(0)
    return models.resnet18(weights=None).state_dict()


with mock.patch.object(models.WeightsEnum, "get_state_dict", give_some):
    old = today("network = models.resnet18(pretrained=True)")
    # Write:
    network = models.resnet18(weights=models.ResNet18_Weights.IMAGENET1K_V1)

print("asked for:", *asked_for, sep="\n  ")
same = asked_for[0] == asked_for[1]
assert network.fc.weight.equal(old.names["network"].fc.weight)
assert verdict("pretrained=True", old, same=same) == "warns"
assert same

# %%
# Training
# --------
#
# ``size_average=False``
# ~~~~~~~~~~~~~~~~~~~~~~
#
# Two arguments, ``size_average`` and ``reduce``, became one: ``reduction`` is ``"mean"``, ``"sum"``
# or ``"none"``. What a sum does to the learning rate is told in :doc:`../2_digits/07_losses`.

logits = model(features)
old = today("loss = nn.CrossEntropyLoss(size_average=False)(logits, labels)")

# Write:
loss = nn.CrossEntropyLoss(reduction="sum")(logits, labels)

same = old.names["loss"].equal(loss)
assert verdict("size_average=False", old, same=same) == "warns"
assert same

# %%
# ``scheduler.step()`` first
# ~~~~~~~~~~~~~~~~~~~~~~~~~~
#
# Old loops began each epoch with the scheduler. Today the first learning rate is there as soon as
# the scheduler is made, and ``step()`` goes on to the next one. So it comes last
# (:doc:`../1_basics/10_training`).
#
# **Predict, then run.** The rate starts at 0.1 and is halved each time. With which rate does the old
# loop take its first step?


def fresh():
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.1)
    return optimizer, ExponentialLR(optimizer, gamma=0.5)


optimizer, scheduler = fresh()
old = today("""
    rates = []
    for epoch in range(5):
        scheduler.step()
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
    """)

# Write:
optimizer, scheduler = fresh()
rates = []
for _ in range(5):
    rates.append(optimizer.param_groups[0]["lr"])
    optimizer.step()
    scheduler.step()

old_rates = old.names["rates"]
print(f"first steps: {old_rates[0]}, and now {rates[0]}")
assert (old_rates[0], rates[0]) == (0.05, 0.1)
assert verdict("scheduler.step() first", old, same=old_rates == rates) == "warns"
assert old_rates != rates

# %%
# The whole schedule comes one epoch too early, and its first rate is never used.

fig, ax = plt.subplots(figsize=(5.6, 2.8))
epochs = range(1, 6)
ax.step(epochs, rates, "o-", where="mid", color=plotting.GREEN, label="optimizer first")
ax.step(
    epochs, old_rates, "o--", where="mid", color=plotting.RED, label="scheduler first"
)
ax.set(xticks=epochs, ylim=(0, 0.11), xlabel="epoch", ylabel="learning rate")
ax.set_title("The rate that each epoch is trained with")
ax.legend()
plotting.describe(
    fig,
    "Learning rates over five epochs, two falling stairs. With the optimizer first "
    f"they begin at {rates[0]}, with the scheduler first at {old_rates[0]}. The "
    "second is the first one, shifted to the left by one epoch.",
)
plt.show()

# %%
# ``zero_grad()``, and then ``grad``
# ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
#
# Cleared gradients used to be tensors full of zeros, and loops added them up or printed them. Now
# they are ``None`` (:doc:`../1_basics/09_autograd`). Skip those, or ask for zeros.

optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
loss = F.cross_entropy(model(features), labels)
loss.backward()
old = today("""
    optimizer.zero_grad()
    size = sum(parameter.grad.norm() for parameter in model.parameters())
    """)

assert weight.grad is None
F.cross_entropy(model(features), labels).backward()
# Write:
optimizer.zero_grad(set_to_none=False)
size = sum(p.grad.norm() for p in model.parameters() if p.grad is not None)

assert size == 0
assert verdict("zero_grad(), and then grad", old) == "fails"

# %%
# ``torch.no_grad()`` on a line of its own
# ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
#
# It is meant for a ``with``, or as a decorator (:doc:`../1_basics/09_autograd`). By itself it makes
# an object, and nobody enters it. The other half of the pair, ``with torch.no_grad:``, at least
# fails.

old = today("""
    torch.no_grad()
    logits = model(features)
    """)

# Write:
with torch.no_grad():
    logits = model(features)

same = old.names["logits"].requires_grad == logits.requires_grad
assert not logits.requires_grad
assert verdict("torch.no_grad() on a line of its own", old, same=same) == "misleads"

half = today("""
    with torch.no_grad:
        logits = model(features)
    """)
assert isinstance(half.error, TypeError)

# %%
# ``torch.max(outputs.data, 1)``
# ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
#
# It gives the largest logit and its place, and the first is thrown away. ``argmax`` gives the
# place, which is the class (:doc:`../1_basics/06_build_model`).

old = today("_, predicted = torch.max(outputs.data, 1)", outputs=logits)

# Write:
predicted = logits.argmax(dim=1)  # (64,)

same = old.names["predicted"].equal(predicted)
assert verdict("torch.max(outputs.data, 1)", old, same=same) == "fine"

# %%
# Saving
# ------
#
# ``torch.save(model, path)``
# ~~~~~~~~~~~~~~~~~~~~~~~~~~~
#
# Writing the whole network works. Reading it does not: such a file names classes and functions to
# be called, and a file from somebody else could name any. Save the numbers, and build the network
# from its class (:doc:`../1_basics/11_save_load`).

path = folder / "network.pt"
old = today("""
    torch.save(model, path)
    loaded = torch.load(path)
    """)

# Write:
torch.save(model.state_dict(), path)
loaded = nn.Sequential(nn.Linear(784, 64), nn.ReLU(), nn.Linear(64, 10))
loaded.load_state_dict(torch.load(path, weights_only=True))

with torch.no_grad():
    assert loaded(features).equal(model(features))
assert verdict("torch.save(model, path)", old) == "fails"

# %%
# Devices
# -------
#
# What these lines do depends on your machine. The page shows the one that it was made on.

print("an accelerator here:", torch.accelerator.is_available())

# %%
# ``model.cuda()``
# ~~~~~~~~~~~~~~~~
#
# It needs a GPU by NVIDIA, and fails where there is none. Ask once which device there is, and send
# everything to that one (:doc:`../1_basics/06_build_model`).

old = today("model.cuda()", model=copy.deepcopy(model))

# Write:
if torch.accelerator.is_available():
    device = torch.accelerator.current_accelerator()
else:
    device = torch.device("cpu")
network = copy.deepcopy(model).to(device)

with_cuda = torch.cuda.is_available()
assert network[0].weight.device.type == device.type
assert verdict("model.cuda()", old, same=with_cuda) == (
    "fine" if with_cuda else "fails"
)

# %%
# ``images.to(device)`` on its own
# ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
#
# A *model* moves where it stands. A *tensor* stays, and you get a copy
# (:doc:`../1_basics/02_tensors`). So the result needs a name. (The device ``meta`` is everywhere.
# It has shapes and no numbers.)

old = today("images.to(device)", device="meta")

# Write:
moved = images.to("meta")  # (64, 1, 28, 28)

print("images:", images.device, "· moved:", moved.device)
same = images.device == moved.device
assert verdict("images.to(device) on its own", old, same=same) == "misleads"

# %%
# ``cuda.is_available()``, else ``cpu``
# ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
#
# Fine, if all you ever use is NVIDIA's. On a Mac, whose accelerator is called ``mps``, it says
# ``cpu``, and the faster half of the machine sleeps. ``torch.accelerator`` finds whichever there is
# (:doc:`../1_basics/06_build_model`).

old = today("""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    """)

print("old:", old.names["device"], "· new:", device)
same = old.names["device"].type == device.type
word = verdict("cuda.is_available(), else cpu", old, same=same)
assert word == ("fine" if same else "misleads")

# %%
# ``cuda.amp.autocast()``
# ~~~~~~~~~~~~~~~~~~~~~~~
#
# Under ``autocast``, products of matrices are computed with shorter numbers (about dtypes:
# :doc:`../1_basics/02_tensors`). The old name is for NVIDIA only. Where there is no such GPU, it
# switches itself off. The new one is told the device.

old = today("""
    with torch.cuda.amp.autocast():
        logits = model(features)
    """)

# Write:
with torch.autocast(features.device.type):
    logits = model(features)

print("old:", old.names["logits"].dtype, "· new:", logits.dtype)
assert logits.dtype == torch.bfloat16
same = old.names["logits"].dtype == logits.dtype
assert verdict("cuda.amp.autocast()", old, same=same) == "warns"

# %%
# More, a line each
# -----------------
#
# These need no words. Below each old line stands what is said about it, and the new line, whose
# value is compared with the old one. First, tensors.


def hold_against(line, new_line, expected):
    """Run an old line and a new one, compare their values, and file the verdict."""
    print(line)
    old = today(f"value = {line}")
    value = eval(new_line)  # a warning would stop this page
    same = old.error is None and are_same(old.names["value"], value)
    verdict(line, old, same=same)
    print(f"  write: {new_line}\n")
    assert verdicts[line] == expected


def are_same(value, other):
    if isinstance(value, torch.Tensor):
        return value.shape == other.shape and torch.allclose(value, other)
    return value is other or value == other


failed, equal, different = ("fails", False), ("warns", True), ("warns", False)
fine = ("fine", True)

x = torch.rand(3, 4)
square = x @ x.T  # (3, 3)
hold_against("x.type(torch.FloatTensor)", "x.to(torch.float32)", fine)
hold_against("torch.tensor(x)", "x.clone()", equal)
hold_against("torch.range(0, 5)", "torch.arange(6.0)", equal)
hold_against(
    "torch.set_default_tensor_type(torch.FloatTensor)",
    "torch.set_default_dtype(torch.float32)",
    equal,
)

# %%
# And two that fail. (What masks are for: :doc:`../1_basics/02_tensors`.)

hold_against("1 - (x > 0.5)", "~(x > 0.5)", failed)
hold_against("torch.symeig(square)[0]", "torch.linalg.eigh(square)[0]", failed)

# %%
# Layers, and what else works on a network.

hold_against("F.tanh(x)", "torch.tanh(x)", fine)
hold_against("model.train(False)", "model.eval()", fine)
hold_against(
    "F.upsample(images, scale_factor=2)",
    "F.interpolate(images, scale_factor=2)",
    equal,
)
hold_against(
    "nn.init.constant(layer.bias, 0)", "nn.init.constant_(layer.bias, 0)", equal
)
hold_against("scheduler.get_lr()", "scheduler.get_last_lr()", different)

# %%
# Images on their way to the network.

hold_against("v2.ToTensor()(picture)", "to_image(picture)", equal)
hold_against(
    "torchvision.transforms.RandomSizedCrop(28)", "v2.RandomResizedCrop(28)", failed
)
hold_against(
    "next(iter(DataLoader(few, 64, pin_memory=True)))[0]",
    "next(iter(DataLoader(few, 64)))[0]",
    fine if torch.accelerator.is_available() else equal,
)
assert isinstance(picture, Image.Image)  # of Pillow
file = str(folder / "digit.png")
picture.save(file)
hold_against(
    "torchvision.io.decode_image(file)",
    "v2.functional.pil_to_tensor(Image.open(file))",
    equal if "DEPRECATED" in torchvision.io.decode_image.__doc__ else fine,
)

# %%
# (``pin_memory=True`` is for copies to an accelerator. It is fine where there is one. And
# ``decode_image`` is fine in a torchvision that is older than its warning says.)
#
# What became of them
# -------------------
#
# All verdicts of this run, from the loudest to the quietest.
#
# **Predict, then run.** Which of the four is the largest group?

colors = {
    "fails": plotting.RED,
    "warns": plotting.ORANGE,
    "misleads": plotting.PURPLE,
    "fine": plotting.GREEN,
}
groups = {
    word: [line for line, (given, _) in verdicts.items() if given == word]
    for word in colors
}
for word, lines in groups.items():
    print(f"{word} ({len(lines)})")
    whole = " · ".join(line.replace(" ", "\N{NO-BREAK SPACE}") for line in lines)
    print(
        textwrap.indent(textwrap.fill(whole, 84), "  ").replace(
            "\N{NO-BREAK SPACE}", " "
        )
    )

assert sum(map(len, groups.values())) == len(verdicts)

# %%
# The picture shows how many there are of each, and who tells you. A purple frame marks what warns
# and gives something else, too.

who = {
    "fails": "the error tells you",
    "warns": "a line of text tells you",
    "misleads": "nobody tells you",
    "fine": "nothing to tell",
}
changed = [line for line in groups["warns"] if not verdicts[line][1]]
groups["warns"].sort(key=lambda line: line not in changed)
fig, ax = plt.subplots(figsize=(7, 2.5))
for row, (word, lines) in enumerate(groups.items()):
    ax.scatter(range(len(lines)), [row] * len(lines), s=130, marker="s", c=colors[word])
    ax.text(len(lines) - 0.3, row, f"{len(lines)}: {who[word]}", va="center")
framed = range(len(changed)), [1] * len(changed)
ax.scatter(*framed, s=130, marker="s", c=colors["misleads"])
ax.scatter(*framed, s=40, marker="s", c=colors["warns"])
ax.set_yticks(range(4), groups)
ax.set(ylim=(3.5, -0.5), xlim=(-0.7, max(map(len, groups.values())) + 7))
ax.set_xticks([])
ax.spines[["bottom", "left"]].set_visible(False)
ax.tick_params(left=False)
ax.set_title(f"What {len(verdicts)} old lines do today")
counts = ", ".join(f"{word} {len(lines)}" for word, lines in groups.items())
plotting.describe(
    fig,
    f"Four rows of squares, one square for each old line of this page: {counts}. The "
    f"first {len(changed)} of those that warn have a purple frame.",
)
plt.show()

print(f"of {len(groups['warns'])} that warn, {len(changed)} give something else")
assert len(changed) >= 3

# %%
# A line that fails costs you a minute. A line that misleads can cost you a week, because nothing
# points to it. It takes a comparison to find those: print a shape, a sum, a range, and ask whether
# it is what you expect.
#
# Common mistakes
# ---------------
#
# These are the mistakes of those who repair.
#
# **The warning is silenced.** The filter that hides an old name hides every other warning, too.
# Below, targets have a shape of their own, and the loss compares each prediction with each target.
# PyTorch would have said so.

predictions, targets = torch.rand(64), torch.rand(64, 1)  # (64,), (64, 1)
with warnings.catch_warnings(record=True) as caught:
    warnings.filterwarnings("ignore")
    silent_loss = nn.MSELoss()(predictions, targets)

told = today("loss = nn.MSELoss()(predictions, targets)")
right_loss = nn.MSELoss()(predictions, targets[:, 0])

print(f"{len(caught)} warnings, loss {silent_loss:.3f}; right is {right_loss:.3f}")
assert caught == []
assert len(told.warned) == 1
assert not torch.allclose(silent_loss, right_loss)

# %%
# **An old version is pinned.** It brings the old lines back, and everything else goes back as well,
# because packages are made for each other. Look at what the torchvision beside you asks for.

needed = [
    need
    for need in importlib.metadata.requires("torchvision")
    if need.startswith("torch")
]
print("torchvision", torchvision.__version__.split("+")[0], "needs", *needed)
print(
    "torch itself needs Python", importlib.metadata.metadata("torch")["Requires-Python"]
)
assert needed

# %%
# **Two generations are mixed.** ``ToTensor`` scales to the range from 0 to 1. Older still are lines
# that divide by 255 by hand. With both of them, all images are nearly black. Nothing fails, and the
# network guesses.

with torch.no_grad():
    dark = features / 255  # (64, 784)
    right_dark = (model(dark).argmax(dim=1) == labels).float().mean().item()

print(f"largest pixel: {features.max():.3f}, divided twice: {dark.max():.4f}")
print(f"right: {right:.0%}, divided twice: {right_dark:.0%}")
assert dark.max() < 0.004
assert right_dark < right

# %%
# **A cure is copied, and not tried.** "Leave away the ``[0]``" is what you read about
# ``loss.data[0]``, and from there it is a small step to adding up the loss itself. The sum then
# holds on to the notes of every batch.


def count_notes(result):
    found, waiting = set(), [result.grad_fn]
    while waiting:
        note = waiting.pop()
        if note is not None and note not in found:
            found.add(note)
            waiting += [earlier for earlier, _ in note.next_functions]
    return len(found)


running_loss = 0.0
for number, (batch, batch_labels) in enumerate(loader, 1):
    running_loss += F.cross_entropy(model(batch.flatten(1)), batch_labels)
    if number in (1, 2, len(loader)):
        print(f"batch {number:2}: the sum holds {count_notes(running_loss)} notes")

assert running_loss.requires_grad
assert count_notes(running_loss) > 5 * len(loader)

# %%
# **The guard is switched off.** ``weights_only=False`` is the answer that is found most quickly for
# the error of :func:`torch.load`. Then the file may call what it likes.


class Surprise:
    def __reduce__(self):
        return print, ("this was printed by the file",)


file = io.BytesIO()
torch.save({"weights": torch.zeros(3), "note": Surprise()}, file)
file.seek(0)
torch.load(file, weights_only=False)
file.seek(0)
guarded = today("torch.load(file, weights_only=True)")
assert guarded.error is not None

temporary.cleanup()

# %%
# Your turn
# ---------
#
# Write your answer into the cell below an exercise, and run it: ``@exercise`` checks it and prints
# what it finds, and the page goes on with the course's version until yours is right.
# ``hint("modern_step")`` and ``solution("modern_step")`` help.
#
# **Your turn: modern_step.** Here is a training step of long ago:
#
# .. code-block:: python
#
#    scheduler.step()
#    images, labels = Variable(images), Variable(labels)
#    for parameter in model.parameters():
#        parameter.grad.data.zero_()
#    loss = nn.CrossEntropyLoss()(model.forward(images), labels)
#    loss.backward()
#    torch.nn.utils.clip_grad_norm(model.parameters(), 1.0)
#    optimizer.step()
#    return loss.data[0]
#
# Write it new: a function ``modern_step(model, optimizer, scheduler, images, labels)``. It takes
# one step on one batch, in which the gradients of all parameters together have a norm of at most 1,
# and returns the loss as a number. The first call trains with the rate that the scheduler was made
# with.

from firstlayers.exercises import exercise, hint, progress, solution


@exercise
def modern_step(model, optimizer, scheduler, images, labels):
    """Take one step on one batch, gradients clipped to norm 1 -> the loss, a float."""
    ...  # your code here


# %%
# **Your turn: modern_transform.** And here is a transform:
#
# .. code-block:: python
#
#    transforms.Compose(
#        [
#            transforms.Scale(28),
#            transforms.ToTensor(),
#            transforms.Normalize((0.5, 0.5, 0.5), (0.5, 0.5, 0.5)),
#        ]
#    )
#
# Write a function ``modern_transform()`` that returns its like of today. It takes a gray picture of
# the library PIL, of any height and width, and gives a ``float32`` tensor of shape (1, 28, 28),
# black at -1 and white at 1, without a warning.


@exercise
def modern_transform():
    """-> a transform: a gray picture of any size to (1, 28, 28), from -1 to 1."""
    ...  # your code here


# %%
# Recap
# -----
#
# * An old line fails, warns, misleads or is merely longer. Run it with all warnings on record, and
#   compare it with the new line: then you know.
# * What fails is the cheapest. Most of what misleads is about shapes, about ``.data``, or about a
#   result that nobody keeps.
# * A name may look old and be fine. Ask the version that you have, not the text that you read.
# * Repair the line. Do not silence the warning, pin the version, or switch off the guard.
# * A repair is done when a test says so.
#
# **Next:** this is the last page of the course. You began with a block of numbers, and you have
# built networks, trained them, looked inside, and put right what others got wrong. Keep :doc:`the
# mistakes <01_common_mistakes>` and :doc:`the messages <02_error_messages>` at hand. If you want to
# go over it all once more, :doc:`../1_basics/01_quickstart` now takes you five minutes. And then:
# take images that nobody has prepared for you, and teach a network to read them. Farewell!
#
# **Further reading:** most of the changes to tensors came at once, and the `migration guide of
# PyTorch 0.4 <https://pytorch.org/blog/pytorch-0_4_0-migration-guide/>`__ tells them one by one. On
# warnings, Python's module `warnings <https://docs.python.org/3/library/warnings.html>`__. On
# today's lines: :func:`torch.load`, :class:`torch.no_grad`, :class:`torch.autocast`,
# :mod:`torch.accelerator`, and the module :mod:`torchvision.transforms.v2`.
