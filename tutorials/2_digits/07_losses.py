"""
Measure how wrong an answer is
==============================

You will compute the loss of a network by hand, get the same number from PyTorch in three ways, and
see what one softmax too many costs.

**In this chapter you learn**

* to compute the cross-entropy by hand, for one image and for a batch,
* why the loss of an untrained network is near ln 10,
* which images cost a network the most,
* to tell logits, log-probabilities and probabilities apart, and which loss wants which,
* what happens if a softmax stands before ``CrossEntropyLoss``.

**You need** softmax from :doc:`03_softmax`, and ``Sequential`` from :doc:`06_sequential`.
**Time:** 20 minutes.
"""

# %%
# One number for a batch of answers
# ---------------------------------
#
# A network can only get better if somebody says how wrong it is, in one number. That number is the
# *loss*. We need images, and a network like that of the last chapter, which returns *logits*.
# ``data.split`` puts some of the training images aside. From these *validation images* the network
# does not learn, so they show how it does on images it has not seen (:doc:`../1_basics/03_data`).

import math

import matplotlib.pyplot as plt
import torch
from torch import nn
from torch.nn import functional as F

from firstlayers import data, plotting

plotting.use_style()

train_set, _ = data.load_dataset()
train_part, valid_part = data.split(train_set)
train_images, train_labels = data.as_tensors(
    train_part, mean=0.5, std=0.5
)  # (N, 1, 28, 28), (N,)
valid_images, valid_labels = data.as_tensors(
    valid_part, mean=0.5, std=0.5
)  # (M, 1, 28, 28), (M,)
loader = data.make_loader(train_images, train_labels, 64, shuffle=True, seed=0)


def make_model(*at_the_end, seed=0):
    torch.manual_seed(seed)  # the same seed, the same first weights
    return nn.Sequential(
        nn.Linear(784, 128),
        nn.ReLU(),
        nn.Linear(128, 64),
        nn.ReLU(),
        nn.Linear(64, 10),
        *at_the_end,
    )


images, labels = next(iter(loader))  # (64, 1, 28, 28), (64,)
features = images.flatten(1)  # (64, 784)
assert torch.equal(features, images.view(images.shape[0], -1))

model = make_model()
loss_fn = nn.CrossEntropyLoss()

logits = model(features)  # (64, 10)
loss = loss_fn(logits, labels)  # ()
print(f"loss of the untrained network: {loss.item():.4f}")

# %%
# ``view(images.shape[0], -1)``, which you will meet elsewhere, is ``flatten(1)`` in other words. It
# asks the batch for its size, so a smaller last batch works, too.
#
# :class:`torch.nn.CrossEntropyLoss` takes the logits and the labels, which are class numbers of
# type ``int64``. So where does the number come from?
#
# By hand
# -------
#
# Softmax turns the logits of one image into probabilities. Of these, only one counts: the
# probability :math:`p_y` of the true class :math:`y`. Its loss is :math:`-\ln p_y`, the
# *cross-entropy*. For a batch it is the mean:
#
# .. math:: L = -\frac{1}{N} \sum_{n=1}^{N} \ln p_{n, y_n}

probabilities = torch.softmax(logits, dim=1)  # (64, 10)
p_true = probabilities[torch.arange(64), labels]  # (64,)
costs = -p_true.log()  # (64,)

print(f"first image: label {labels[0].item()}, p = {p_true[0].item():.4f}", end=", ")
print(f"-ln p = {costs[0].item():.4f}")
print(f"mean of 64 by hand: {costs.mean().item():.4f}")

assert p_true[0] == probabilities[0, labels[0]]
torch.testing.assert_close(costs.mean(), loss, rtol=0, atol=1e-6)
print("the same as nn.CrossEntropyLoss, to within 1e-6")

# %%
# ``probabilities[torch.arange(64), labels]`` takes from each row the entry that its label names.
#
# Why it begins near ln 10
# ------------------------
#
# **Predict, then run.** If a network gives all classes the same logit, what is its loss? Does it
# matter which logit?

for classes in (2, 10, 100, 1000):
    same = torch.full((1, classes), 7.0)  # (1, K)
    its_loss = loss_fn(same, torch.tensor([0])).item()
    print(f"{classes:4} classes: {its_loss:.4f} = ln {classes}")
    assert abs(its_loss - math.log(classes)) < 1e-5

assert abs(loss.item() - math.log(10)) < 0.1

# %%
# Every class gets one of :math:`K` equal parts, and :math:`-\ln \tfrac{1}{K} = \ln K`. So an
# untrained network for ten classes begins near 2.3026, as long as its logits lie close together. In
# :doc:`03_softmax` they lay far apart for weights from ``randn``, and the loss was far above.
#
# What a probability costs
# ------------------------
#
# The loss is meant for learning, so let the network learn a little: 400 steps. A step looks at 64
# images, drawn at random, and changes the weights slightly, so that the loss of these images falls.
# :doc:`08_gradients` and :doc:`09_train` are about how; for now it is a function.


def train(model, loss_fn, seed=0, steps=400):
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
    draw = torch.Generator().manual_seed(seed)  # the same seed, the same batches
    losses = []
    for _ in range(steps):
        chosen = torch.randint(len(train_labels), (64,), generator=draw)  # (64,)
        outputs = model(train_images[chosen].flatten(1))  # (64, 10)
        loss = loss_fn(outputs, train_labels[chosen])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


train_losses = train(model, loss_fn)

with torch.no_grad():  # from here on we only look
    valid_logits = model(valid_images.flatten(1))  # (M, 10)
valid_loss = loss_fn(valid_logits, valid_labels).item()
print(f"first ten steps: {sum(train_losses[:10]) / 10:.3f}", end=", ")
print(f"last ten: {sum(train_losses[-10:]) / 10:.3f}")
print(f"validation images, which it did not see: {valid_loss:.3f}")
assert valid_loss < 0.6

# %%
# Now draw the loss over the probability of the true class, with a dot for each of 200 validation
# images: the trained network in orange, and in gray the one without any training.

with torch.no_grad():
    before = make_model()(valid_images.flatten(1))  # (M, 10)

fig, ax = plt.subplots(figsize=(7, 3.2))
curve = torch.logspace(-4, 0, 300)  # (300,)
ax.plot(curve, -curve.log(), color=plotting.BLUE, zorder=1)
some = torch.arange(200)  # (200,)
for outputs, color, name in [
    (valid_logits, plotting.ORANGE, "after training"),
    (before, plotting.GRAY, "before"),
]:
    p = outputs.softmax(dim=1)[some, valid_labels[:200]]  # (200,)
    ax.scatter(p, -p.log(), s=16, color=color, label=name, zorder=2)
for point in (0.01, 0.1, 0.5):
    cost = -math.log(point)
    words = f"{point} costs {cost:.2f}"
    ax.annotate(words, (point, cost), xytext=(point + 0.03, cost + 0.25))
ax.set(xlabel="probability of the true class", ylabel="loss of the image")
ax.set(ylim=(-0.3, 8), title="What a probability costs")
ax.legend(loc="upper right")
plotting.describe(
    fig,
    "The curve of minus ln p falls steeply from 4.61 at p = 0.01 over 2.30 at 0.1 and "
    "0.69 at 0.5 to 0 at 1. Before training all images lie together on it, between p = "
    f"{p.min():.2f} and {p.max():.2f}. After training most crowd at p = 1, and a "
    "few are spread along the steep part.",
)
plt.show()

# %%
# If the true class gets everything, the loss is 0. Half of it costs little. But each time the
# probability is divided by ten, :math:`\ln 10` is *added*, without an end. So the loss punishes
# most where the network was sure and wrong.
#
# The loss of each image
# ----------------------
#
# With ``reduction="none"`` you get the losses before the mean is taken. Sort them.
#
# **Predict, then run.** Which share of the whole loss comes from the worst tenth of the images?

each = F.cross_entropy(valid_logits, valid_labels, reduction="none")  # (M,)
order = each.argsort(stable=True)  # (M,), the lowest loss first
worst_tenth = order[-(len(order) // 10) :]  # (n,)

print(f"share of the worst tenth: {(each[worst_tenth].sum() / each.sum()).item():.0%}")
torch.testing.assert_close(each.mean(), loss_fn(valid_logits, valid_labels))

# %%
# Above are the eight images with the lowest loss, below the eight with the highest, each with its
# label and its loss.

shown = torch.cat([order[:8], order[-8:]])  # (16,)
titles = [
    f"{train_set.classes[valid_labels[i]]}\n{abs(each[i].item()):.4f}" for i in shown
]
fig = plotting.show_images(valid_images[shown], titles)
plt.show()

# %%
# Above, the network is sure and right. Below, it is sure of something else, or undecided. Look at
# each: would you have known the label? If so, only the network is at a loss. If not, perhaps nobody
# could know.
#
# Three kinds of numbers, three names
# -----------------------------------
#
# * **Logits** are what the network returns: any real numbers.
# * **Probabilities** are their softmax: between 0 and 1, with the sum 1.
# * **Log-probabilities** are the logarithms of these: never above 0.
#
# Softmax followed by ``log`` can be written as one step. It subtracts one number from the row:
#
# .. math:: \ln p_i = z_i - \ln \sum_k \mathrm{e}^{z_k}
#
# Here is the image with the highest loss in all three.

worst = valid_logits[order[-1]]  # (10,)
three = {
    "logits": worst,
    "log-probabilities": F.log_softmax(worst, dim=0),
    "probabilities": F.softmax(worst, dim=0),
}
for name, values in three.items():
    low, high = values.min().item(), values.max().item()
    print(f"{name:17} from {low:7.2f} to {high:6.2f}, sum {values.sum().item():8.2f}")

log_p = three["log-probabilities"]  # (10,)
torch.testing.assert_close(log_p, worst - worst.logsumexp(dim=0), rtol=0, atol=1e-5)
assert log_p.max() <= 0

fig, axes = plt.subplots(1, 3, figsize=(7, 2.6))
colors = [plotting.GRAY] * 10
colors[valid_labels[order[-1]]] = plotting.ORANGE
for ax, (name, values) in zip(axes, three.items(), strict=True):
    ax.bar(range(10), values.numpy(), color=colors)
    ax.axhline(0, color=plotting.GRAY, lw=1)
    ax.set(title=name.capitalize(), xlabel="class", xticks=range(10))
axes[2].set_ylim(0, 1)
plotting.describe(
    fig,
    "Three times ten bars for one image, the true class in orange. The logits are "
    "positive and negative. The log-probabilities hang down from 0, the same bars "
    f"shifted by {worst.logsumexp(dim=0).item():.1f}. Of the probabilities, the true "
    f"class has {three['probabilities'][valid_labels[order[-1]]].item():.4f}.",
)
plt.show()

# %%
# From log-probabilities, ``exp()`` leads back to probabilities. You may meet ``softmax`` there
# instead. It gives the same, but only because the powers sum to 1 already. Applied to
# *probabilities*, a second softmax flattens them.

p = three["probabilities"]  # (10,)
torch.testing.assert_close(log_p.exp(), p, rtol=0, atol=1e-6)
torch.testing.assert_close(torch.softmax(log_p, dim=0), p, rtol=0, atol=1e-6)
print(f"exp of log-probabilities: largest {log_p.exp().max().item():.3f}")
print(f"softmax of probabilities: largest {torch.softmax(p, dim=0).max().item():.3f}")
assert torch.softmax(p, dim=0).max() < 0.24

# %%
# LogSoftmax and NLLLoss: the same in two parts
# ---------------------------------------------
#
# Some programs end the network with :class:`torch.nn.LogSoftmax` and use
# :class:`torch.nn.NLLLoss`, the *negative log-likelihood*. It is said to be better, or more
# convenient. It is the same computation, cut in two: ``NLLLoss`` only picks the true class, changes
# the sign and takes the mean. We compare the gradients, too. They say how the loss changes with
# each weight (:doc:`08_gradients`), and training follows them.

log_model = make_model(nn.LogSoftmax(dim=1))
log_probabilities = log_model(features)  # (64, 10)
picked = -log_probabilities[torch.arange(64), labels].mean()
nll = nn.NLLLoss()(log_probabilities, labels)

torch.testing.assert_close(picked, nll, rtol=0, atol=1e-6)
torch.testing.assert_close(nll, loss, rtol=0, atol=1e-6)
print(f"CrossEntropyLoss of logits:   {loss.item():.4f}")
print(f"NLLLoss of log-probabilities: {nll.item():.4f}")

model_again = make_model()
loss_fn(model_again(features), labels).backward()
nll.backward()
for ours, theirs in zip(model_again.parameters(), log_model.parameters(), strict=True):
    torch.testing.assert_close(ours.grad, theirs.grad, rtol=0, atol=1e-6)
print("and all gradients agree to within 1e-6")

# %%
# So the network would learn the same. Today most networks return logits. What matters is that the
# loss gets the numbers it wants, and neither of the two checks that.
#
# **Predict, then run.** Three kinds of numbers, two losses. Which of the six results are right?

losses_of = {"CrossEntropyLoss": nn.CrossEntropyLoss(), "NLLLoss": nn.NLLLoss()}
results = {}
for kind, values in [
    ("logits", valid_logits),
    ("log-probabilities", F.log_softmax(valid_logits, dim=1)),
    ("probabilities", F.softmax(valid_logits, dim=1)),
]:
    for name, function in losses_of.items():
        results[kind, name] = function(values, valid_labels).item()
        good = math.isclose(results[kind, name], valid_loss, rel_tol=1e-4)
        print(f"{kind:17} into {name:16}: {results[kind, name]:8.4f}", end="")
        print("  right" if good else "")

wanted = results["logits", "CrossEntropyLoss"]
assert abs(results["log-probabilities", "NLLLoss"] - wanted) < 1e-6
assert abs(results["log-probabilities", "CrossEntropyLoss"] - wanted) < 1e-6
assert results["logits", "NLLLoss"] < 0
assert results["probabilities", "NLLLoss"] < 0

# %%
# Three. A negative loss is easy to notice: minus a logarithm of a probability is never below 0. The
# dangerous one is the loss that is only too large, probabilities into ``CrossEntropyLoss``. We come
# to it in a moment.
#
# Never take the logarithm of a softmax
# -------------------------------------
#
# In mathematics it is the same as ``log_softmax``. In float32 a small probability is rounded to 0,
# and the logarithm of 0 is minus infinity. Take two classes, and let the true one lie behind by a
# growing gap. Its loss should be very nearly the gap.

gap = torch.linspace(0, 120, 1201, requires_grad=True)  # (1201,)
pairs = torch.stack([-gap, torch.zeros(1201)], dim=1)  # (1201, 2)
in_two = -torch.softmax(pairs, dim=1)[:, 0].log()  # (1201,)
in_one = -F.log_softmax(pairs, dim=1)[:, 0]  # (1201,)
# The next chapter is about how PyTorch finds such slopes.
slope_in_two = torch.autograd.grad(in_two.sum(), gap, retain_graph=True)[0]  # (1201,)
slope_in_one = torch.autograd.grad(in_one.sum(), gap)[0]  # (1201,)

for name, values, slope in [
    ("two", in_two, slope_in_two),
    ("one", in_one, slope_in_one),
]:
    print(f"in {name}: at a gap of 110 the loss is {values[1100].item():.1f}", end=", ")
    print(f"its slope {slope[1100].item():.1f}")
assert in_two[1100].isinf()
assert slope_in_two[1100].isnan()
assert abs(in_one[1100] - 110) < 1e-3
assert slope_in_one[1100] == 1

# %%
# A slope of ``nan`` is worse than one bad number: the next step of training would turn weights into
# ``nan``. The picture shows where the two ways part.

x, exact = gap.detach(), in_one.detach()  # (1201,), (1201,)
typed = in_two.detach()  # (1201,)
gone = typed.isinf()  # (1201,)
top = torch.full_like(x[gone], 118)  # (n,)
fig, ax = plt.subplots(figsize=(7, 2.9))
ax.plot(x, exact, color=plotting.BLUE, lw=6, alpha=0.4, label="log_softmax")
ax.plot(x[~gone], typed[~gone], color=plotting.ORANGE, label="softmax, then log")
ax.plot(x[gone], top, color=plotting.RED, lw=6, label="infinite")
ax.set(xlabel="how far the true class lies behind", ylabel="loss of the image")
ax.set(xlim=(92, 114), ylim=(90, 120), title="Up stairs, and then to infinity")
ax.legend(loc="upper left")
plotting.describe(
    fig,
    "The loss over the gap of the logits, from 92 to 114. With log_softmax it is a "
    "straight line. Softmax and then log follows the line up to about 100, goes up in "
    f"stairs, and is infinite from a gap of {x[gone].min().item():.0f} on.",
)
plt.show()

# %%
# One softmax too many
# --------------------
#
# ``CrossEntropyLoss`` contains a softmax. If the network ends with one, too, there are two in a
# row, and the second sees numbers between 0 and 1. The best that a network can then return is 1 for
# the true class and 0 for the nine others, and the loss of that is
#
# .. math::
#
#    -\ln \frac{\mathrm{e}^{1}}{\mathrm{e}^{1} + 9\, \mathrm{e}^{0}} = \ln(\mathrm{e} + 9) - 1
#
# The worst is 1 for a wrong class. It costs exactly 1 more.

floor = math.log(math.e + 9) - 1
perfect = torch.eye(10)  # (10, 10), a row for each class
best = loss_fn(perfect, torch.arange(10)).item()
worst_case = loss_fn(perfect.roll(1, dims=0), torch.arange(10)).item()
print(f"lowest possible loss:  {best:.4f}, by the formula {floor:.4f}")
print(f"highest possible loss: {worst_case:.4f}")

assert abs(floor - 1.4612) < 1e-4
assert abs(best - floor) < 1e-6
assert abs(worst_case - (floor + 1)) < 1e-6

# %%
# It cannot get to 0. That would only be a number, but there is more. The network learns from the
# *slope*: by how much does the loss change when a logit does? Let nine logits be 0 and move the
# true one.

true_logit = torch.linspace(-10, 10, 401, requires_grad=True)  # (401,)
rows = torch.cat([true_logit[:, None], torch.zeros(401, 9)], dim=1)  # (401, 10)
zeros = torch.zeros(401, dtype=torch.int64)  # (401,), the true class is class 0
once = F.cross_entropy(rows, zeros, reduction="none")  # (401,)
twice = F.cross_entropy(rows.softmax(dim=1), zeros, reduction="none")  # (401,)
slope_once = torch.autograd.grad(once.sum(), true_logit, retain_graph=True)[0]  # (401,)
slope_twice = torch.autograd.grad(twice.sum(), true_logit)[0]  # (401,)

print("slope where the network is sure and wrong")
print(f"logits into the loss:        {slope_once[0].item():.5f}")
print(f"probabilities into the loss: {slope_twice[0].item():.5f}")
assert slope_once[0] < -0.99
assert slope_twice[0].abs() < 1e-3

x = true_logit.detach()  # (401,)
fig, axes = plt.subplots(1, 2, figsize=(7, 3))
for ax, pair, title in [
    (axes[0], (once, twice), "Loss"),
    (axes[1], (slope_once, slope_twice), "Slope"),
]:
    names = ["logits into the loss", "probabilities"]
    for values, name, color in zip(
        pair, names, [plotting.BLUE, plotting.ORANGE], strict=True
    ):
        ax.plot(x, values.detach(), color=color, label=name)
    ax.set(title=title, xlabel="logit of the true class")
axes[0].axhline(floor, color=plotting.RED, ls="--", lw=1.5, label=f"floor {floor:.4f}")
axes[0].set_ylim(0, 12.5)
axes[0].legend(fontsize=8, loc="upper right")
plotting.describe(
    fig,
    "Left, the loss as the logit of the true class goes from -10 to 10. With logits it "
    "falls in a straight line from 12 and bends to 0. With probabilities it is nearly "
    f"level at {twice[0].item():.2f}, then at the floor, {floor:.4f}. Right, the slope: "
    "with logits -1 for wrong answers and 0 for right ones; with probabilities 0 at "
    "both ends and a small dip between.",
)
plt.show()

# %%
# With logits, the slope is near -1 as long as the answer is wrong, and goes to 0 when it is right.
# With probabilities it is flat at *both* ends. Where the network is sure and wrong, it hardly
# learns.
#
# **Predict, then run.** The same first weights, the same batches, 400 steps. How much does the
# second softmax cost? A single run may be lucky, so we take three starts.


def compare(seed):
    plain, doubled = make_model(seed=seed), make_model(nn.Softmax(dim=1), seed=seed)
    for ours, theirs in zip(plain.parameters(), doubled.parameters(), strict=True):
        assert torch.equal(ours, theirs)
    found = {}
    for name, network in [("logits", plain), ("probabilities", doubled)]:
        losses = torch.tensor(train(network, loss_fn, seed))  # (400,)
        with torch.no_grad():
            outputs = network(valid_images.flatten(1))  # (M, 10)
        choices = outputs.argmax(dim=1)  # (M,)
        accuracy = (choices == valid_labels).float().mean().item()
        found[name] = losses, accuracy
        print(f"start {seed}, {name:13}: right {accuracy:.1%}", end=", ")
        print(f"classes never chosen: {10 - len(choices.unique())}")
        unchosen = ~torch.isin(valid_labels, choices)  # (M,)
        if unchosen.any():
            answers = outputs if name == "probabilities" else outputs.softmax(dim=1)
            p_true = answers[unchosen, valid_labels[unchosen]].mean().item()
            print(f"         their images: p = {p_true:.4f} for the true class")
    return found


runs = [compare(seed) for seed in (0, 1, 2)]
accuracies = {
    name: sum(run[name][1] for run in runs) / len(runs)
    for name in ("logits", "probabilities")
}
for name, accuracy in accuracies.items():
    print(f"{name:13} into the loss: right {accuracy:.1%} on average")

assert accuracies["logits"] > accuracies["probabilities"] + 0.04
assert min(run["probabilities"][0].min() for run in runs) > floor - 1e-6
assert max(run["logits"][0][-100:].mean() for run in runs) < 0.6

# %%
# (The accuracy is that on the validation images.) The loss of single batches jumps about, so each
# point of the curves is a mean over 20 steps.

fig, ax = plt.subplots(figsize=(7, 2.9))
for name, color in [("logits", plotting.BLUE), ("probabilities", plotting.ORANGE)]:
    for run in runs:
        means = run[name][0].reshape(-1, 20).mean(dim=1)  # (20,)
        label = f"{name} into the loss" if run is runs[0] else None
        ax.plot(range(10, 400, 20), means, color=color, lw=1.5, label=label)
ax.axhline(floor, color=plotting.RED, ls="--", lw=1.5, label=f"floor {floor:.4f}")
ax.set(xlabel="step", ylabel="training loss", ylim=(0, 3), xlim=(0, 400))
ax.set_title("The same networks, the same images")
ax.legend(fontsize=8, ncols=3, loc="upper right")
ends = {
    name: sum(run[name][0][-100:].mean().item() for run in runs) / 3
    for name in accuracies
}
plotting.describe(
    fig,
    "Training losses over 400 steps, three starts each. With logits they fall at once "
    f"and end near {ends['logits']:.2f}. With probabilities they stay at 2.3 at first, "
    f"and end near {ends['probabilities']:.2f}, above the dashed floor at {floor:.4f}.",
)
plt.show()

# %%
# The second softmax makes the start slow, and some classes may never be chosen at all. Their images
# give the true class far less than one tenth: they are stuck on the flat left side of the figure
# before this one. How large the damage is depends on the start. And nothing complains. If
# your loss stays above 1.4612, look for a softmax. (:doc:`../1_basics/10_training` meets it in
# another network.)
#
# **Remember.** The network returns logits, and the loss applies the softmax. Apply it yourself when
# you want to *look* at probabilities.
#
# Common mistakes
# ---------------
#
# **The loss is made, not called.** :class:`torch.nn.CrossEntropyLoss` is a class. It has to be made
# first, with empty parentheses, and then called. Otherwise the logits are taken for settings. The
# message does not help much. (In the clinic: :ref:`error-ambiguous`.)

try:
    nn.CrossEntropyLoss(logits, labels)
except RuntimeError as error:
    print("RuntimeError:", error)

torch.testing.assert_close(
    nn.CrossEntropyLoss()(logits, labels), F.cross_entropy(logits, labels)
)

# %%
# **The arguments are swapped.** First what the network says, then what is true. Here the labels end
# up in ``log_softmax``, which wants floats.

try:
    loss_fn(labels, logits)
except NotImplementedError as error:
    print("NotImplementedError:", error)

# %%
# **Labels as a column.** Labels are (64,), one number an image. (64, 1) is taken for something
# else. (In the clinic: :ref:`error-multi-target`. The error is luck: there is none in
# :ref:`clinic-label-column`.)

try:
    loss_fn(logits, labels.unsqueeze(1))
except RuntimeError as error:
    print("RuntimeError:", error)

# %%
# **The sum instead of the mean.** Nothing is wrong with it, but the loss then depends on how many
# images are in the batch, and with it how far a step of training goes.

for count in (16, 32, 64):
    some, some_labels = logits[:count], labels[:count]  # (n, 10), (n,)
    total = F.cross_entropy(some, some_labels, reduction="sum").item()
    mean = F.cross_entropy(some, some_labels).item()
    print(f"{count} images: sum {total:6.2f}, mean {mean:.2f}")
    assert abs(total / count - mean) < 1e-5

# %%
# Your turn
# ---------
#
# Write your answer into the cell below an exercise, and run it: ``@exercise`` checks it and prints
# what it finds, and the page goes on with the course's version until yours is right.
# ``hint("cross_entropy")`` and ``solution("cross_entropy")`` help.
#
# **Your turn: cross_entropy.** Write a function ``cross_entropy(logits, labels)`` without PyTorch's
# losses. Logits of shape (N, classes) and labels of shape (N,) go in, the mean loss of shape ()
# comes out. It must be right for logits of ±1000: subtract the largest, and do not take the
# logarithm of a probability.

from firstlayers.exercises import exercise, hint, progress, solution


@exercise
def cross_entropy(logits, labels):
    """(N, classes) logits, (N,) labels -> () mean cross-entropy."""
    ...  # your code here


# %%
# **Your turn: probs_from_log.** Write a function ``probs_from_log(log_probabilities)``. It takes
# log-probabilities of shape (N, classes) and returns the probabilities, of the same shape. No loss
# checks what it gets, so let your function do it: if any number is above 0, these are no
# log-probabilities, and it raises a ``ValueError``.


@exercise
def probs_from_log(log_probabilities):
    """(N, classes) log-probabilities -> (N, classes) probabilities."""
    ...  # your code here


# %%
# Recap
# -----
#
# * The cross-entropy is minus the logarithm of the probability of the true class, averaged.
# * With ten equal probabilities it is ln 10. A network should begin near that.
# * It has no upper end: sure and wrong costs most.
# * ``CrossEntropyLoss`` of logits is ``NLLLoss`` of log-probabilities, gradients and all.
# * ``exp()`` makes probabilities of log-probabilities; ``log_softmax`` is safe where ``log`` of a
#   softmax is not.
# * A softmax before ``CrossEntropyLoss`` keeps the loss above 1.4612, and teaches less.
#
# **Next:** :doc:`08_gradients` asks which way each weight should move, so that the loss falls.
#
# **Further reading:** :class:`torch.nn.CrossEntropyLoss`, :class:`torch.nn.NLLLoss`,
# :func:`torch.nn.functional.log_softmax`, :func:`torch.logsumexp`. On what the logarithm of a
# probability measures: C. E. Shannon, *A Mathematical Theory of Communication*, 1948.
