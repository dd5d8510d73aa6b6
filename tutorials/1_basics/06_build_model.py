"""
Build a neural network
======================

You will write a network as a Python class, ask it what it sees in an image, and find out why
a network that has learned nothing still has an opinion.

**In this chapter you learn**

* to choose the device that a network computes on,
* to write a network as a class: what belongs in ``__init__``, and what belongs in ``forward``,
* why you call ``model(images)`` and never ``model.forward(images)``,
* to read its answer: from logits to probabilities to a class,
* what to expect of a network before any training, in numbers.

**You need** Python classes, batches of images from :doc:`03_data`, and what a layer of neurons
computes, from :doc:`05_neurons`.
**Time:** 20 minutes.
"""

# %%
# Some images to look at
# ----------------------
#
# A network turns numbers into numbers, so let us first see the numbers that go in. The course
# brings three data sets behind one call, and the smallest is used where you ask for nothing else.

import matplotlib.pyplot as plt
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader

from firstlayers import data, diagnose, plotting

torch.manual_seed(0)
plotting.use_style()

train_set, test_set = data.load_dataset()
loader = DataLoader(train_set, batch_size=64, shuffle=True)
images, labels = next(iter(loader))  # (64, 1, 28, 28), (64,)

print(f"{images.shape = }")
print(f"{labels.shape = }")

# %%
# A *batch* of 64 images. Read the shape from left to right: 64 images, 1 channel each (gray, so
# there is just one), 28 rows, 28 columns. Beside the images come 64 labels, one for each image.

fig = plotting.show_images(
    images[:16], [train_set.classes[label] for label in labels[:16]]
)
plt.show()

# %%
# Choose a device
# ---------------
#
# A *device* is where tensors live and where the arithmetic happens: the processor (``cpu``), or an
# accelerator such as a GPU, if the machine has one. This line works on every machine, whatever
# brand its accelerator is.

if torch.accelerator.is_available():
    device = torch.accelerator.current_accelerator()
else:
    device = torch.device("cpu")

print(f"This page was computed on: {device}")

# %%
# The question ``is_available()`` comes first for a reason. ``current_accelerator()`` alone names
# the kind of accelerator that your PyTorch was *built* for, even where there is none.

print("built for:", torch.accelerator.current_accelerator())
print("there is one:", torch.accelerator.is_available())

# %%
# Write the class
# ---------------
#
# This is the network we are going to write. Each of the 784 pixels is an input. Two hidden layers
# of 512 units follow, and then ten outputs, one for each class.

fig = plotting.draw_layers(
    [784, 512, 512, 10], ["Linear, then ReLU", "Linear, then ReLU", "Linear"]
)
plt.show()

# %%
# In PyTorch a network is a class with two methods:
#
# * ``__init__`` makes the parts, once,
# * ``forward`` says how data flows through them, each time.
#
# The class inherits from :class:`torch.nn.Module`, which does the bookkeeping: it finds all parts
# and all their parameters (:doc:`08_parameters`), moves them between devices, and gives them out
# for saving (:doc:`11_save_load`).


class NeuralNetwork(nn.Module):
    def __init__(self):
        super().__init__()
        self.flatten = nn.Flatten()
        self.linear_relu_stack = nn.Sequential(
            nn.Linear(28 * 28, 512),
            nn.ReLU(),
            nn.Linear(512, 512),
            nn.ReLU(),
            nn.Linear(512, 10),
        )

    def forward(self, images):
        features = self.flatten(images)  # (batch, 784)
        logits = self.linear_relu_stack(features)  # (batch, 10)
        return logits


# %%
# Line by line:
#
# * ``super().__init__()`` sets up the bookkeeping. It must come before the first part.
# * :class:`torch.nn.Flatten` lays the rows of each image side by side: (1, 28, 28) becomes (784,).
# * :class:`torch.nn.Linear` connects every input with every output, each connection with a weight.
# * :class:`torch.nn.ReLU` replaces negative numbers by zero. Without something like it, the three
#   linear layers would be no more than one, as :doc:`05_neurons` showed.
# * :class:`torch.nn.Sequential` runs its parts in order.
#
# :doc:`07_layers` takes each of these apart. Here we only put them together.
#
# Make one, and send it to the device. Printing it shows its parts under the names you gave them.

model = NeuralNetwork().to(device)
print(model)

# %%
# Call it
# -------
#
# A network is used like a function. Data has to be on the same device as the network, so the
# images move too.

logits = model(images.to(device))  # (64, 10)
print(f"{logits.shape = }")
print(logits[0].detach())  # detach: without PyTorch's notes for learning

# %%
# Ten numbers for each image, one for each class. They are called *logits*: any real numbers, and
# the larger the number, the more the network leans toward that class.
#
# The two axes are easily mixed up. **Dimension 0 counts the images, dimension 1 the classes.** If
# that is right, then half as many images give half as many rows, and the ten columns stay.

assert model(images[:32].to(device)).shape == (32, 10)

# %%
# From logits to a class
# ----------------------
#
# *Softmax* turns ten logits into ten probabilities: positive, and summing to 1, up to rounding.
# (:doc:`07_layers` computes it by hand.) Which dimension must sum to 1? The one that counts the
# classes, ``dim=1``: each image has its own ten probabilities.

probabilities = F.softmax(logits, dim=1)  # (64, 10)
print("smallest:", probabilities.min().item())
print("sums of the first three rows:", probabilities.sum(dim=1)[:3].tolist())

# %%
# The network's choice is the class with the largest probability. :meth:`torch.Tensor.argmax` gives
# its place.
#
# **Predict, then run.** Softmax changes all numbers. Can it change which of them is the largest?

predictions = probabilities.argmax(dim=1)  # (64,)
print("from the probabilities:", predictions[:12].tolist())
print("from the logits:       ", logits.argmax(dim=1)[:12].tolist())

assert torch.equal(predictions, logits.argmax(dim=1))

# %%
# It cannot: softmax keeps the order. For the choice alone you need no softmax, and that is one
# reason why the class above ends with logits. The other reason comes with training: the loss
# function wants logits, too (:doc:`10_training`).

fig = plotting.view_classify(
    images[0], probabilities[0], train_set.classes, label=labels[0].item()
)
plt.show()

# %%
# A guess before any training
# ---------------------------
#
# **Predict, then run.** The weights are still random. How often will the network be right, and how
# sure will it be?

accuracy = (predictions == labels.to(device)).float().mean()
surest = probabilities.max(dim=1).values  # (64,)
print(
    f"right: {accuracy:.1%} of {len(labels)} images; blind guessing gives {1 / 10:.0%}"
)
print(f"probability of its first choice: {surest.mean():.3f} on average")

# %%
# It knows nothing, and it is honest about it: all ten classes get about a tenth. The picture shows,
# for each class, the range of probabilities over the 64 images.

by_class = probabilities.detach().cpu()  # (64, 10)
least, most = by_class.amin(dim=0), by_class.amax(dim=0)  # (10,), (10,)

fig, ax = plt.subplots()
ax.bar(range(10), (most - least).numpy(), bottom=least.numpy(), color=plotting.BLUE)
ax.axhline(0.1, color=plotting.ORANGE, linestyle="--", label="one tenth")
ax.set(
    ylim=(0, 0.2),
    xticks=range(10),
    xlabel="class",
    ylabel="probability",
    title="Untrained: every class is alike",
)
ax.legend()
plotting.describe(
    fig,
    "Ten bars, one a class, show the range of its probability over 64 images. All of "
    "them lie close to the dashed line at one tenth, whatever the image.",
)
plt.show()

# %%
# There is one number worth remembering from this. Training measures the network by its *loss*,
# the *cross-entropy*: minus the logarithm of the probability that the true class got. If every
# class gets one tenth, that is :math:`-\ln \tfrac{1}{10} = \ln 10`.

loss = F.cross_entropy(logits, labels.to(device))
print(f"loss of the untrained network: {loss.item():.3f}")
print(f"ln 10:                         {torch.log(torch.tensor(10.0)).item():.3f}")

assert abs(loss.item() - 2.3026) < 0.1

# %%
# **Remember.** A classifier for ten classes starts with a loss near ln 10. If yours starts far
# above, something is wrong before the first step: the inputs are not scaled, as you saw in
# :doc:`04_transforms`, or the weights are too large.
#
# The course brings a doctor that knows such signs. :func:`firstlayers.diagnose` takes a
# copy of your network through one training step, and says in plain words what looks wrong. Your own
# network stays as it is.

diagnosis = diagnose(model, images.to(device), labels.to(device))
print(diagnosis)

assert not diagnosis.findings

# %%
# Healthy. Remember that line for the day when a network of yours does not learn.
#
# Even an image of pure noise gets an answer. A network has no way to say "this is none of the ten":
# its ten probabilities always sum to 1, so one of them must be the largest.

noise = torch.rand(1, 1, 28, 28)  # (1, 1, 28, 28)
noise_probabilities = F.softmax(model(noise.to(device)), dim=1)  # (1, 10)
print("predicted class of pure noise:", noise_probabilities.argmax(dim=1).item())

fig = plotting.view_classify(noise[0], noise_probabilities[0], train_set.classes)
plt.show()

# %%
# Why ``model(images)`` and not ``model.forward(images)``?
# --------------------------------------------------------
#
# Both compute the same numbers. But calling the model does more than ``forward``: it also runs the
# *hooks*, functions that somebody has attached in order to watch or change what flows through.
# Tools that time each layer, or look at what comes out of it, work with hooks. Let us attach one
# and count.

calls = []
handle = model.register_forward_hook(
    lambda module, inputs, output: calls.append(output.shape)
)

by_call = model(images.to(device))  # (64, 10)
print("hook calls after model(images):        ", len(calls))
by_forward = model.forward(images.to(device))  # (64, 10)
print("hook calls after model.forward(images):", len(calls))
handle.remove()

assert len(calls) == 1
assert torch.equal(by_call, by_forward)

# %%
# The second call went past the hook, and nothing told us.
#
# Common mistakes
# ---------------
#
# **Forgetting** ``super().__init__()``. The bookkeeping is not there yet when the first part
# arrives. (In the clinic: :ref:`error-init`.)


class WithoutSuper(nn.Module):
    def __init__(self):
        self.flatten = nn.Flatten()


try:
    WithoutSuper()
except AttributeError as error:
    print("AttributeError:", error)

# %%
# **A misspelled** ``forward``. The class can be made. It fails when it is called.


class Misspelled(nn.Module):
    def forwards(self, images):
        return images


try:
    Misspelled()(images)
except NotImplementedError as error:
    print("NotImplementedError:", error)

# %%
# **One image without its batch.** ``nn.Flatten`` keeps dimension 0, because it expects the batch
# there. An image of shape (28, 28) then looks like 28 examples of 28 numbers. A slice,
# ``images[:1]``, makes a batch of one.

try:
    model(images[0, 0].to(device))
except RuntimeError as error:
    print("RuntimeError:", error)

one_image = images[:1]  # (1, 1, 28, 28)
assert model(one_image.to(device)).shape == (1, 10)

# %%
# **Raw pixels.** Images often come as whole numbers from 0 to 255, of type ``uint8``, while the
# weights are of type ``float32``. Our data set converted them for us (:doc:`04_transforms`).

raw = train_set.data[:64]  # (64, 28, 28)
try:
    model(raw.to(device))
except RuntimeError as error:
    print("RuntimeError:", error)

print("raw:", raw.dtype, "· from the loader:", images.dtype)

# %%
# **Model and data on different devices.** You can provoke this without a GPU: the device ``meta``
# has shapes but no numbers, and is good for just such questions. (In the clinic:
# :ref:`error-device` and :ref:`clinic-two-devices`.)

try:
    NeuralNetwork().to("meta")(images)
except RuntimeError as error:
    print("RuntimeError:", error)

# %%
# Your turn
# ---------
#
# Write your answer into the cell below an exercise, and run it: ``@exercise`` checks it and prints
# what it finds, and the page goes on with the course's version until yours is right.
# ``hint("my_network")`` and ``solution("my_network")`` help.
#
# **Your turn: my_network.** Write a class ``MyNetwork`` with one hidden layer of 64 units, so
# 784-64-10, with a ReLU in between. Images of shape (batch, 1, 28, 28) go in, logits of shape
# (batch, 10) come out. Do not put a softmax at its end.

from firstlayers.exercises import exercise, hint, progress, solution


@exercise
class MyNetwork(nn.Module):
    """(batch, 1, 28, 28) images -> (batch, 10) logits, over 64 hidden units."""

    def __init__(self):
        super().__init__()
        ...  # your code here

    def forward(self, images):
        # your code here
        ...


# %%
# **Your turn: predict_classes.** Write a function ``predict_classes(model, images)``. It takes a
# network and images of shape (batch, 1, 28, 28), and returns the predicted classes as a tensor of
# shape (batch,), ``int64``. The images may be on another device than the network, so bring them
# there: ``next(model.parameters()).device`` says where it is.


@exercise
def predict_classes(model, images):
    """(batch, 1, 28, 28) images -> (batch,) predicted classes, int64."""
    ...  # your code here


# %%
# Recap
# -----
#
# * A network is a class: parts in ``__init__``, the flow of data in ``forward``.
# * Network and data must be on the same device, with the same dtype.
# * The output has one row for each image and one column for each class. They are logits.
# * Softmax over ``dim=1`` makes probabilities of them, ``argmax`` makes a class.
# * Call ``model(images)``. ``model.forward(images)`` skips the hooks.
# * Untrained, it gives every class about a tenth, and its loss is about ln 10.
#
# This network is used in the whole track. So that the next chapters need not write it again, it is
# in the course's package, and it is the same one, part for part:

from firstlayers import models

assert str(models.NeuralNetwork()) == str(model)

# %%
# **Next:** :doc:`07_layers` sends three images through this network one layer at a time.
#
# **Further reading:** :class:`torch.nn.Module`, and the module :mod:`torch.accelerator`.
