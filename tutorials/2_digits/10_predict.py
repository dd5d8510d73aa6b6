"""
Predict, and look at what went wrong
====================================

You will let the finished network read the test images, say how often it is right and how certain
that is, and look at its worst mistakes and at what each of its outputs is looking for.

**In this chapter you learn**

* to predict properly: ``eval()``, ``inference_mode()``, and what each of them is for,
* to turn log-probabilities into probabilities with ``.exp()``,
* to read a confusion matrix, and to find the mistakes that the network was sure of,
* to ask a network what raises each of its outputs, and to draw the answer,
* what an accuracy does not promise.

**You need** the recipe of :doc:`09_train`, and logits and log-probabilities from
:doc:`07_losses`.
**Time:** 20 minutes.
"""

# %%
# The recipe once more
# --------------------
#
# :doc:`09_train` found that momentum and a falling learning rate help. ``training.fit`` from the
# course's package runs the same loop, so that training takes a few lines. It steps the scheduler
# once after each epoch. All choices are made, so all training images take part.

import matplotlib.pyplot as plt
import torch
from torch import nn
from torch.nn import functional as F
from torchvision.transforms.v2 import InterpolationMode
from torchvision.transforms.v2 import functional as transforms

from firstlayers import data, models, plotting, training

plotting.use_style()
train_set, test_set = data.load_dataset()
classes = train_set.classes
images, labels = data.as_tensors(train_set, mean=0.5, std=0.5)  # (N, 1, 28, 28), (N,)
test_images, test_labels = data.as_tensors(
    test_set, mean=0.5, std=0.5
)  # (M, 1, 28, 28), (M,)
loader = data.make_loader(images, labels, 64, shuffle=True, seed=0)
test_loader = data.make_loader(test_images, test_labels, 1000)

torch.manual_seed(0)
model = models.Network()
untrained_logits, _ = training.predict(model, test_loader)  # (M, 10), (M,)

# %%
# About 1,500 steps will do, and at least six epochs.

epochs = max(6, 1500 // len(loader))
optimizer = torch.optim.SGD(model.parameters(), lr=0.03, momentum=0.9)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=epochs)
history = training.fit(
    model, loader, optimizer=optimizer, epochs=epochs, scheduler=scheduler
)

print(f"{epochs} epochs of {len(loader)} steps")
print(f"training loss: first epoch {history.train_loss[0]:.3f}", end=", ")
print(f"last epoch {history.train_loss[-1]:.4f}")

assert history.train_loss[-1] < history.train_loss[0] / 3

# %%
# Predict
# -------
#
# Two lines stand before every prediction, and they do different things. ``model.eval()`` tells the
# *layers* that this is no training. ``torch.inference_mode()`` tells *autograd* to take no notes.

model.eval()
with torch.inference_mode():
    logits = model(test_images)  # (M, 10)

print("notes taken in inference_mode():", logits.requires_grad)
print("notes taken with eval() alone:  ", model(test_images[:1]).requires_grad)

assert not logits.requires_grad
assert model(test_images[:1]).requires_grad
assert torch.equal(model(test_images).detach(), logits)

# %%
# The numbers are the same with notes and without. So why does ``eval()`` matter? In our network it
# changes nothing. But put :class:`torch.nn.Dropout` in front, which drops half of the pixels at
# random while training, and ask each way twice.

with_dropout = nn.Sequential(nn.Dropout(0.5), model)
torch.manual_seed(0)
with torch.inference_mode():
    with_dropout.train()
    one, two = with_dropout(test_images), with_dropout(test_images)  # (M, 10), (M, 10)
    with_dropout.eval()
    three, four = (
        with_dropout(test_images),
        with_dropout(test_images),
    )  # (M, 10), (M, 10)

print("train(): twice the same answer:", torch.equal(one, two))
print("eval():  twice the same answer:", torch.equal(three, four))

assert not torch.equal(one, two)
assert torch.equal(three, four)
assert torch.equal(three, logits)

# %%
# Without ``eval()`` such a network answers by chance, and no message tells you. So write both lines
# each time. ``training.predict`` does both, batch by batch, and afterwards puts each layer back
# into its mode.

by_package, _ = training.predict(model, test_loader)  # (M, 10), (M,)
torch.testing.assert_close(by_package, logits, rtol=1e-4, atol=1e-4)

# %%
# From log-probabilities to probabilities
# ---------------------------------------
#
# Our network returns logits, and softmax makes probabilities of them. Many networks return
# *log-probabilities* instead, because they end with ``LogSoftmax`` (:doc:`07_losses`). To get
# probabilities from those, take the exponential.
#
# **Predict, then run.** You will also see ``softmax`` applied to log-probabilities. Can that be
# right?

probabilities = F.softmax(logits, dim=1)  # (M, 10)
log_probabilities = F.log_softmax(logits, dim=1)  # (M, 10)

by_exp = log_probabilities.exp()  # (M, 10)
by_softmax = F.softmax(log_probabilities, dim=1)  # (M, 10)
twice = F.softmax(by_exp, dim=1)  # (M, 10)
print("exp of log-probabilities: largest of image 0", f"{by_exp[0].max():.4f}")
print("softmax of them:          largest of image 0", f"{by_softmax[0].max():.4f}")
print("softmax of probabilities: largest of image 0", f"{twice[0].max():.4f}")

torch.testing.assert_close(by_exp, probabilities, rtol=0, atol=1e-5)
torch.testing.assert_close(by_softmax, by_exp, rtol=0, atol=1e-5)
assert twice.max() < 0.2320

# %%
# It gives the same, but by luck: softmax takes the exponential and divides by the sum, and the sum
# of probabilities is already 1. It hides what you mean. And with the same habit on probabilities,
# nothing is ever surer than 0.232. Write ``.exp()`` for log-probabilities, and softmax for logits.
#
# Now the answer to one image, before and after training, with its label to compare.

image = test_images[0]  # (1, 28, 28)
label = test_labels[0].item()
before = F.softmax(untrained_logits[0], dim=0)  # (10,)
after = probabilities[0]  # (10,)

fig = plt.figure(figsize=(5.6, 5.2))
upper, lower = fig.subfigures(2, 1)
plotting.view_classify(image, before, classes, label=label, fig=upper)
plotting.view_classify(image, after, classes, label=label, fig=lower)
upper.suptitle("before training", x=0.02, ha="left", color=plotting.GRAY)
lower.suptitle("after training", x=0.02, ha="left", color=plotting.GRAY)
plotting.describe(
    fig, f"Before training: {upper.get_label()} After training: {lower.get_label()}"
)
plt.show()

# %%
# How good is it?
# ---------------
#
# One image is an anecdote. The accuracy counts them all, and the standard error says how far
# another set of test images might have led us elsewhere (:doc:`../1_basics/10_training`).

confidences, predictions = probabilities.max(dim=1)  # (M,), (M,)
right = predictions == test_labels  # (M,)
count = len(right)
accuracy = right.float().mean().item()
error = (accuracy * (1 - accuracy) / count) ** 0.5

print(f"Of {count:,} test images the network names {right.sum():,} correctly:")
print(f"{accuracy:.2%}, give or take {200 * error:.2f} points (two standard errors).")

at_least = {"Digits": 0.95, "MNIST": 0.97, "FashionMNIST": 0.85}
assert accuracy >= at_least[type(train_set).__name__]

# %%
# Which class is taken for which? In the *confusion matrix*, each row is a true class and each
# column a predicted one. The hits lie on the diagonal.

fig = plotting.plot_confusion(test_labels, predictions, classes)
plt.show()

# %%
# Each row, divided by its sum, gives the accuracy of one class. They differ, and each of them is
# less certain than the whole, because it rests on a tenth of the images.

by_class = torch.stack(
    [right[test_labels == k].float().mean() for k in range(10)]
)  # (10,)
of_class = test_labels.bincount(minlength=10)  # (10,)
for words, k in [("hardest", by_class.argmin()), ("easiest", by_class.argmax())]:
    p, n = by_class[k].item(), of_class[k].item()
    margin = 200 * (p * (1 - p) / n) ** 0.5
    print(f"{words} class: {classes[k]}, {p:.1%} of {n:,}, give or take {margin:.1f}")

assert abs((by_class * of_class).sum() / count - accuracy) < 1e-5

# %%
# (Where a class has no mistake at all, the formula says "give or take nothing". Do not believe it:
# it needs some mistakes to work with.)
#
# The worst mistakes
# ------------------
#
# The mistakes to learn from are those that the network was sure of. Here are at most ten, the
# surest first. Above each image stand the answer and its probability, below them the label.

wrong = torch.nonzero(~right).flatten()  # (W,)
surest = wrong[confidences[wrong].argsort(descending=True)][:10]  # (S,)
captions = []
for place in surest.tolist():
    answer, truth = classes[predictions[place]], classes[test_labels[place]]
    p = confidences[place].item()
    sure = ">99.9%" if p > 0.9995 else f"{p:.1%}"
    between = ": " if len(answer) == 1 else "\n"
    captions.append(f"{answer}{between}{sure}\nnot {truth}")
print(f"{len(wrong)} mistakes, {len(surest)} shown")

fig = plotting.show_images(test_images[surest], captions, columns=5)
plotting.describe(
    fig,
    f"The {len(surest)} test images that the network got wrong with the highest "
    "probability: " + "; ".join(words.replace("\n", ", ") for words in captions) + ".",
)
plt.show()

# %%
# Would you have read them right? Some you would, and some are doubtful for people, too. A high
# probability is no promise. But is it worth anything?
#
# **Predict, then run.** If you let the network answer only the half of the images that it is surest
# of, how many mistakes remain?

order = confidences.argsort(descending=True)  # (M,)
surer, less_sure = right[order[: count // 2]], right[order[count // 2 :]]  # (H,), (L,)
print(f"surer half:     {(~surer).sum()} mistakes in {len(surer):,}")
print(f"less sure half: {(~less_sure).sum()} mistakes in {len(less_sure):,}")

assert (~surer).sum() < (~less_sure).sum()

# %%
# By far most mistakes lie in the other half. To leave the doubtful images to a person is often the
# best use of a probability.
#
# What each output looks for
# --------------------------
#
# We can ask the network. Take an image, and the gradient of one *logit* with respect to the
# *pixels*. It says how much brighter pixels would raise that output. For one image this is exact
# nearby: between two ReLU kinks the network is linear in the pixels. Which pixels matter differs
# from image to image, so we average over many. And since a rise of all ten logits changes no
# probability, we take each logit's lead over the mean of the ten.

asked = images[:1000].clone().requires_grad_()  # (1000, 1, 28, 28)
asked_logits = model(asked)  # (1000, 10)
lead = asked_logits - asked_logits.mean(dim=1, keepdim=True)  # (1000, 10)
gradients = [
    torch.autograd.grad(lead[:, k].sum(), asked, retain_graph=True)[0]
    for k in range(10)
]
pulls = torch.stack(gradients).mean(dim=(1, 2)).flatten(1)  # (10, 784)

# %%
# Check it: a faint copy of picture *k* on top of all images should raise the lead of class *k*.

with torch.inference_mode():
    for k in range(10):
        moved = model(asked + 0.02 * pulls[k].view(28, 28))  # (1000, 10)
        new_lead = moved[:, k] - moved.mean(dim=1)  # (1000,)
        assert new_lead.mean() > lead[:, k].mean()

fig = plotting.show_weights(pulls, classes, columns=5)
plotting.describe(
    fig,
    "For each of the ten classes, a picture of 28 by 28 pixels: red where a brighter "
    "pixel raises the class's lead, blue where it lowers it, on average over 1,000 "
    "images. The strong colors lie where images have ink; they form blots and strokes.",
)
plt.show()

# %%
# Red says "ink here speaks for this class", blue says "against it". Much of a class is recognized
# by what must *not* be there. Only the average is shown. No single image is judged by it.
#
# The other way round: which image would please an output most? Start from black, and change the
# *pixels* by gradient steps so that the loss for the wanted class falls. The weights stay as they
# are. A light blur every fourth step keeps single pixels from running away.

kernel = torch.tensor([[1.0, 2, 1], [2, 4, 2], [1, 2, 1]]) / 16  # (3, 3)
dreams = torch.full((10, 1, 28, 28), -1.0, requires_grad=True)  # (10, 1, 28, 28)
wanted = torch.arange(10)  # (10,)
pixel_optimizer = torch.optim.Adam([dreams], lr=0.05)
for step in range(200):
    pixel_optimizer.zero_grad()
    F.cross_entropy(model(dreams), wanted, reduction="sum").backward()
    pixel_optimizer.step()
    with torch.no_grad():
        dreams.clamp_(-1, 1)
        if step % 4 == 0 and step < 190:
            padded = F.pad(dreams, (1, 1, 1, 1), value=-1.0)  # (10, 1, 30, 30)
            dreams.copy_(F.conv2d(padded, kernel[None, None]))

with torch.inference_mode():
    sure = F.softmax(model(dreams), dim=1)[wanted, wanted]  # (10,)
print(f"the network is at least {sure.min():.1%} sure of each")
assert sure.min() > 0.9

captions = [f"{name}\n{p:.1%}" for name, p in zip(classes, sure, strict=True)]
fig = plotting.show_images(dreams, captions, columns=5)
plotting.describe(
    fig,
    "Ten blurred gray images that were made to please the network, one for each class. "
    f"It is at least {sure.min():.1%} sure of each. They are blots and "
    "strokes on noisy ground, far from real examples.",
)
plt.show()

# %%
# You may recognize a part here and there. But would you call them examples of their class?
# The network would, and it is nearly certain. It has learned what tells its ten classes apart on
# the training images. It has never learned what an image of any class must look like.
#
# What the number does not promise
# --------------------------------
#
# The accuracy holds for images like the test images. Turn them, step by step, and compare the
# accuracy with the mean confidence. (:doc:`../1_basics/01_quickstart` shifts and inverts them.)

angles = list(range(0, 91, 15))
hits, claims = [], []
some, some_labels = test_images[:1000], test_labels[:1000]  # (S, 1, 28, 28), (S,)
for angle in angles:
    turned = transforms.rotate(
        some, angle, interpolation=InterpolationMode.BILINEAR, fill=-1.0
    )  # (S, 1, 28, 28)
    with torch.inference_mode():
        top = F.softmax(model(turned), dim=1).max(dim=1)
    hits.append((top.indices == some_labels).float().mean().item())
    claims.append(top.values.mean().item())

fig, ax = plt.subplots(figsize=(6.4, 3))
ax.plot(angles, claims, "o-", color=plotting.ORANGE, label="mean confidence")
ax.plot(angles, hits, "o-", label="accuracy")
ax.yaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
ax.set(ylim=(0, 1.05), xticks=angles, xlabel="degrees turned", title="Turned images")
ax.legend(loc="lower left")
plotting.describe(
    fig,
    f"Two curves over the angle from 0 to 90 degrees. The accuracy falls from "
    f"{hits[0]:.0%} to {hits[-1]:.0%}. The mean confidence ends at {claims[-1]:.0%}, "
    "far above it.",
)
plt.show()

assert hits[-1] < hits[0] - 0.3
assert claims[-1] > hits[-1] + 0.2

# %%
# What the network says of its own certainty does not warn you. Before you use it on other images,
# measure it on some of those.
#
# Common mistakes
# ---------------
#
# **Other pixels than in training.** The network learned with pixels from -1 to 1. Give it the same
# images with pixels from 0 to 1, and nothing complains.

forgotten, _ = data.as_tensors(test_set)  # (M, 1, 28, 28), (M,)
with torch.inference_mode():
    gray = model(forgotten).argmax(dim=1)  # (M,)
print(f"pixels from -1 to 1: {accuracy:.1%}")
print(f"pixels from 0 to 1:  {(gray == test_labels).float().mean():.1%}")

assert (gray == test_labels).float().mean() < accuracy

# %%
# Keep what happens to the pixels in one place, and use it for training and for prediction.
#
# **Training on what came out of** ``inference_mode()``. Its tensors can never take part in a
# backward pass. Where you will need that later, use ``torch.no_grad()``. It takes no notes either,
# and its tensors remain ordinary ones.

with torch.inference_mode():
    features = model.fc1(test_images[:64].flatten(1))  # (64, 128)
with torch.no_grad():
    usable = model.fc1(test_images[:64].flatten(1))  # (64, 128)

try:
    model.fc2(features)
except RuntimeError as error:
    print("RuntimeError:", error)

assert model.fc2(usable).requires_grad
assert torch.equal(features, usable)

# %%
# **Reading probabilities off logits.** Logits do not sum to 1 and may be negative. The course's
# picture refuses them.

try:
    plotting.view_classify(image, logits[0], classes)
except ValueError as error:
    print("ValueError:", error)

# %%
# **A label of its own shape.** Predictions have the shape (N,). If the labels come as (N, 1), the
# comparison broadcasts to all pairs, and the "accuracy" is near one tenth whatever the network can
# do. The clinic draws all those pairs: :ref:`clinic-label-column`.

column = test_labels[:300, None]  # (300, 1)
pairs = predictions[:300] == column  # (300, 300)
matched = predictions[:300] == test_labels[:300]  # (300,)
print(f"{tuple(pairs.shape)}: {pairs.float().mean():.1%}", end=" ")
print(f"instead of {matched.float().mean():.1%}")

assert pairs.float().mean() < 0.2

# %%
# Your turn
# ---------
#
# Write your answer into the cell below an exercise, and run it: ``@exercise`` checks it and prints
# what it finds, and the page goes on with the course's version until yours is right.
# ``hint("predict_one")`` and ``solution("predict_one")`` help.
#
# **Your turn: predict_one.** Write a function ``predict_one(model, image)``. The model takes batches
# of shape (batch, 1, 28, 28) and returns logits. It may have dropout, and it may come in training
# mode. The image has the shape (1, 28, 28). Return the predicted class as a Python ``int`` and its
# probability as a Python ``float``. No gradients are tracked, and the caller's image stays as it
# is.

from firstlayers.exercises import exercise, hint, progress, solution


@exercise
def predict_one(model, image):
    """(1, 28, 28) image -> its class as an int, and the probability as a float."""
    ...  # your code here


# %%
# **Your turn: confusion_matrix.** Write a function ``confusion_matrix(labels, predictions, count)``.
# Labels and predictions have the shape (N,), and ``count`` is the number of classes. It returns a
# tensor of shape (count, count) and type ``int64``: how often the class of the row was taken for
# the class of the column.


@exercise
def confusion_matrix(labels, predictions, count):
    """(N,) labels and predictions -> (count, count) how often which for which."""
    ...  # your code here


# %%
# **Your turn: top_k.** Write a function ``top_k(probabilities, k)`` without :func:`torch.topk`.
# Probabilities of shape (N, classes) go in. Out come two tensors of shape (N, k): the ``k`` highest
# probabilities of each image, the highest first, and the classes that they belong to.


@exercise
def top_k(probabilities, k):
    """(N, classes) -> the k highest probabilities and their classes, both (N, k)."""
    ...  # your code here


# %%
# Recap
# -----
#
# * ``eval()`` is for the layers, ``inference_mode()`` is for autograd. Write both before a
#   prediction.
# * Softmax for logits, ``.exp()`` for log-probabilities, nothing for probabilities.
# * An accuracy comes with the number of images and a standard error. A confusion matrix says what
#   was taken for what.
# * Mistakes made with a high probability happen, but they are rarer than the others.
# * A gradient with respect to the pixels shows what raises an output.
# * The number holds for images like the test images, with pixels prepared as in training.
#
# You started this track with two random matrices. What reads the images now is the same arithmetic,
# with weights that it found itself.
#
# **Next:** in :doc:`11_draw_a_digit`, the images come from you. And
# :doc:`../1_basics/11_save_load` keeps a network in a file.
#
# **Further reading:** :class:`torch.inference_mode`, :meth:`torch.nn.Module.eval`. On pictures of
# what a class looks for: Simonyan, Vedaldi and Zisserman, `Deep inside convolutional networks
# <https://arxiv.org/abs/1312.6034>`__. On images that fool a network: Nguyen, Yosinski and Clune,
# `Deep neural networks are easily fooled <https://arxiv.org/abs/1412.1897>`__.
