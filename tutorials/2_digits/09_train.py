"""
Train the network, then make it better
======================================

You will train the network for five epochs with the plainest loop there is, measure what it can do
with images it has never seen, and then make it better, one measured change at a time.

**In this chapter you learn**

* to write the training loop and its running loss, and to say what that number is the mean of,
* what training images, validation images and test images are each asked,
* to change one thing at a time, and to compare the changes fairly,
* what a learning rate, momentum, Adam, pixels and a wider layer each do here,
* to recognize two silent mistakes: gradients never cleared, and an optimizer of another network.

**You need** the loss of :doc:`07_losses` and the gradients of :doc:`08_gradients`.
:doc:`../1_basics/10_training` takes the training step apart more slowly.
**Time:** 20 minutes.
"""

# %%
# Everything the loop needs
# -------------------------
#
# Images, a network, a loss function, an optimizer. As in the whole track, the pixels lie between
# -1 and 1 (:doc:`01_look_at_digits`), and the network 784-128-64-10 returns logits, which
# ``CrossEntropyLoss`` wants (:doc:`07_losses`).

import matplotlib.pyplot as plt
import torch
from torch import nn
from torch.nn import functional as F

from firstlayers import data, models, plotting

plotting.use_style()
train_set, test_set = data.load_dataset()
classes = train_set.classes
images, labels = data.as_tensors(train_set, mean=0.5, std=0.5)  # (N, 1, 28, 28), (N,)
loader = data.make_loader(images, labels, 64, shuffle=True, seed=0)

torch.manual_seed(0)
model = models.Network()
loss_fn = nn.CrossEntropyLoss()
optimizer = torch.optim.SGD(model.parameters(), lr=0.01)

# %%
# How long will we train? A network learns in steps, one a batch. Five epochs of MNIST's 60,000
# images are nearly 4,700 steps. A small data set gives as many if it is gone through more often.
# So that the same happens with every data set, one *round* is as many epochs as it takes to show
# about 60,000 images. On MNIST, a round is an epoch.

passes = max(1, round(60_000 / len(images)))
print(f"{len(images):,} images, {len(loader)} batches")
print(f"5 rounds of {passes} · {len(loader)} steps: {5 * passes * len(loader):,} steps")

assert 4600 < 5 * passes * len(loader) < 5000

# %%
# Before it learns, let us keep what it says about a test image. We want to compare later.

test_images, test_labels = data.as_tensors(
    test_set, mean=0.5, std=0.5
)  # (M, 1, 28, 28), (M,)
with torch.inference_mode():
    untrained = F.softmax(model(test_images[:1]), dim=1)[0]  # (10,)

# %%
# The loop
# --------
#
# The heart is five lines: clear the old gradients, forward, loss, backward, step. The rest keeps
# the books. The *running loss* adds up the losses of the batches, and at the end of the round it is
# divided by their number. The second sum gives every image the same weight.
#
# **Predict, then run.** Where will the loss of the very first batch be?

running_losses, image_means, step_losses = [], [], []
for number in range(5):
    running_loss, image_sum, image_count = 0.0, 0.0, 0
    for _ in range(passes):
        for batch_images, batch_labels in loader:
            optimizer.zero_grad()
            logits = model(batch_images)  # (batch, 10)
            loss = loss_fn(logits, batch_labels)
            loss.backward()
            optimizer.step()

            step_losses.append(loss.item())
            running_loss += step_losses[-1]
            image_sum += step_losses[-1] * len(batch_labels)
            image_count += len(batch_labels)
    running_losses.append(running_loss / (passes * len(loader)))
    image_means.append(image_sum / image_count)
    print(f"round {number + 1}: mean of batches {running_losses[-1]:.4f}", end=", ")
    print(f"mean of images {image_means[-1]:.4f}")

print(f"loss of the first batch: {step_losses[0]:.3f}")

assert abs(step_losses[0] - 2.303) < 0.1
assert running_losses == sorted(running_losses, reverse=True)

# %%
# The first loss is near ln 10, as for every network that knows nothing yet. Then the loss falls, in
# every round. Note the name ``batch_images``. A loop over ``images, labels`` would have replaced the
# whole training set by its last batch.

assert len(images) == len(train_set) > len(batch_images)

# %%
# Each thin line below is the loss of one batch, each orange bar the mean of a round.

steps = range(1, len(step_losses) + 1)
ends = [(number + 1) * passes * len(loader) for number in range(5)]
fig, ax = plt.subplots(figsize=(7, 2.9))
ax.plot(steps, step_losses, lw=0.5, alpha=0.55, label="one batch")
ax.hlines(
    running_losses,
    [end - ends[0] for end in ends],
    ends,
    color=plotting.ORANGE,
    label="mean of a round",
)
ax.set(xlabel="step", ylabel="loss", title="Five rounds of plain SGD", ylim=(0, 2.5))
ax.legend(loc="upper right")
plotting.describe(
    fig,
    f"The loss over {len(step_losses):,} steps: a band of thin lines that starts at "
    f"{step_losses[0]:.1f}, falls steeply and then slowly. A bar for each of the five rounds: "
    + ", ".join(f"{value:.3f}" for value in running_losses)
    + ".",
)
plt.show()

# %%
# Mean of what?
# -------------
#
# ``running_loss / len(loader)`` is often called the epoch's loss. It is a mean of batch means. The
# last batch is smaller, so each image in it counts more than the others. Let the network stand
# still for a moment, and compare both means with the loss of all images at once.

losses, sizes = [], []
with torch.inference_mode():
    for batch_images, batch_labels in data.make_loader(images, labels, 64):
        losses.append(loss_fn(model(batch_images), batch_labels).item())
        sizes.append(len(batch_labels))
    at_once = loss_fn(model(images), labels).item()

of_batches = sum(losses) / len(losses)
of_images = sum(x * n for x, n in zip(losses, sizes, strict=True)) / sum(sizes)
print(f"batches of {sizes[0]}, the last one of {sizes[-1]}")
print(f"an image of the last batch counts {sizes[0] / sizes[-1]:.2f} times as much")
print(f"mean of batches {of_batches:.7f}")
print(f"mean of images  {of_images:.7f}")
print(f"all at once     {at_once:.7f}")

assert sizes[-1] < sizes[0]
assert abs(of_images - at_once) < 1e-5
assert of_batches != of_images

# %%
# The error is small here, because the batches are many. It is wrong all the same, and one
# multiplication by ``len(batch_labels)`` puts it right.
#
# Images it has never seen
# ------------------------
#
# A loss on training images is no answer to the question that matters: how many *other* images does
# it read? For this the test set was kept aside. We ask it once for each finished network, and take
# no decision by the answer. (:doc:`../1_basics/10_training` explains the standard error; *give or
# take* means two of them.)


def accuracy_of(model, images, labels):
    model.eval()
    with torch.inference_mode():
        return (model(images).argmax(dim=1) == labels).float().mean().item()


def give_or_take(accuracy, count):
    return 2 * (accuracy * (1 - accuracy) / count) ** 0.5


plain_accuracy = accuracy_of(model, test_images, test_labels)
margin = give_or_take(plain_accuracy, len(test_labels))
print(f"{len(test_labels):,} test images: {plain_accuracy:.2%} right", end=", ")
print(f"give or take {100 * margin:.2f} points")

assert plain_accuracy > 0.75

# %%
# Far more than the tenth that guessing would give. Here is the same image before and after.

with torch.inference_mode():
    trained = F.softmax(model(test_images[:1]), dim=1)[0]  # (10,)

fig = plt.figure(figsize=(5.6, 5.2))
upper, lower = fig.subfigures(2, 1)
image = test_images[0]  # (1, 28, 28)
label = test_labels[0].item()
plotting.view_classify(image, untrained, classes, label=label, fig=upper)
plotting.view_classify(image, trained, classes, label=label, fig=lower)
upper.suptitle("before training", x=0.02, ha="left", color=plotting.GRAY)
lower.suptitle("after five rounds", x=0.02, ha="left", color=plotting.GRAY)
plotting.describe(
    fig,
    f"Before training: {upper.get_label()} After five rounds: {lower.get_label()}",
)
plt.show()

# %%
# Make it better
# --------------
#
# What would you change? There are many ideas, so we try some. To compare them, we need an answer
# for each one, and then we *choose* by the answers. Test images must not choose: whoever takes the
# best of many on the test set reports its luck, too. So we set a fifth of the training images
# aside, the *validation images*, and no trial learns from them.

train_part, valid_part = data.split(train_set, (0.8, 0.2), seed=0)
part_images, part_labels = data.as_tensors(
    train_part, mean=0.5, std=0.5
)  # (T, 1, 28, 28), (T,)
valid_images, valid_labels = data.as_tensors(
    valid_part, mean=0.5, std=0.5
)  # (V, 1, 28, 28), (V,)
print(f"{len(part_labels):,} images to learn from, {len(valid_labels):,} to choose by")

assert not set(train_part.indices) & set(valid_part.indices)

# %%
# Now the loop as a function, with everything that we want to change as an argument. All trials
# start from the same seed, take the same number of steps, and differ in one thing. Ten times on
# the way they are measured on ``check``, if there is one.


def train(
    images,
    labels,
    steps,
    check=None,
    *,
    make_model=models.Network,
    optimizer_class=torch.optim.SGD,
    lr=0.01,
    falling=False,
    **settings,
):
    torch.manual_seed(0)
    model = make_model()
    optimizer = optimizer_class(model.parameters(), lr=lr, **settings)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=steps)
    loader = data.make_loader(images, labels, 64, shuffle=True, seed=0)
    losses, checks = [], []
    while len(losses) < steps:
        for batch_images, batch_labels in loader:
            model.train()
            optimizer.zero_grad()
            loss = F.cross_entropy(model(batch_images), batch_labels)
            loss.backward()
            optimizer.step()
            if falling:
                scheduler.step()
            losses.append(loss.item())
            if check is not None and len(losses) % (steps // 10) == 0:
                checks.append(measure(model, *check))
            if len(losses) == steps:
                break
    return model, losses, checks


def measure(model, images, labels):
    model.eval()
    with torch.inference_mode():
        logits = model(images)  # (batch, 10)
    right = (logits.argmax(dim=1) == labels).float().mean().item()
    return F.cross_entropy(logits, labels).item(), right


# %%
# Five changes, each to the recipe above:
#
# * ten times the **learning rate**,
# * **momentum**: the step keeps nine tenths of the one before (:doc:`../1_basics/10_training`),
# * **Adam**, an optimizer that gives each parameter a step length of its own,
# * **pixels between 0 and 1** instead of -1 and 1,
# * **a wider layer**: 256 units instead of 128 behind the pixels.
#
# The trials are short, 600 steps each. To see who gets ahead, that will do.


def wide_network():
    return nn.Sequential(
        nn.Flatten(),
        nn.Linear(784, 256),
        nn.ReLU(),
        nn.Linear(256, 64),
        nn.ReLU(),
        nn.Linear(64, 10),
    )


recipes = {
    "as before": {},
    "learning rate 0.1": {"lr": 0.1},
    "momentum 0.9": {"momentum": 0.9},
    "Adam, 0.001": {"optimizer_class": torch.optim.Adam, "lr": 0.001},
    "pixels 0 to 1": {},
    "256 units": {"make_model": wide_network},
}

# %%
# **Predict, then run.** Four of these are said to help. Which one will help most, and will one of
# the five do harm?

trial_steps = 600
trials = {}
print(f"validation, {trial_steps} steps      loss   accuracy")
for name, recipe in recipes.items():
    shift = (lambda x: (x + 1) / 2) if name == "pixels 0 to 1" else (lambda x: x)
    check = shift(valid_images), valid_labels
    _, _, checks = train(shift(part_images), part_labels, trial_steps, check, **recipe)
    trials[name] = checks
    print(f"{name:20} {checks[-1][0]:10.4f} {checks[-1][1]:9.2%}")

margin = give_or_take(trials["as before"][-1][1], len(valid_labels))
print(
    f"accuracies of {len(valid_labels):,} images: give or take {100 * margin:.1f} points"
)

best = min(trials, key=lambda name: trials[name][-1][0])
print("lowest validation loss:", best)

assert trials["pixels 0 to 1"][-1][0] > trials["as before"][-1][0]
assert trials["momentum 0.9"][-1][0] < trials["as before"][-1][0]

# %%
# Momentum helps a lot, and pixels between 0 and 1 do harm: with so small a learning rate, smaller
# inputs mean a slower start. Compare the other lines with the margin below them before you believe
# in a difference. We choose by the loss. It is the finer measure: an accuracy moves only when an
# answer flips.
#
# A second round, on top of the best change: the learning rate starts three times as high and
# falls to 0 along a cosine. Long steps first, then short ones to come to rest.

second = dict(recipes[best])
second |= {"lr": 3 * second.get("lr", 0.01), "falling": True}
name = f"{best}, falling rate"
recipes[name] = second
_, _, trials[name] = train(
    part_images,
    part_labels,
    trial_steps,
    (valid_images, valid_labels),
    **second,
)
for kept in (best, name):
    loss, accuracy = trials[kept][-1]
    print(f"{kept:26} loss {loss:.4f}, accuracy {accuracy:.2%}")

chosen = min(trials, key=lambda name: trials[name][-1][0])
print("chosen:", chosen)

# %%
# All trials on one page. On the left, how the validation accuracy grows; on the right, the
# validation loss at the end.

fig, (left, right) = plt.subplots(1, 2, figsize=(7, 3.4), width_ratios=[1, 1.05])
at = [(k + 1) * trial_steps // 10 for k in range(10)]
order = sorted(trials, key=lambda name: trials[name][-1][0])
special = {"as before": plotting.ORANGE, chosen: plotting.BLUE}
for name in reversed(order):
    color = special.get(name, plotting.GRAY)
    accuracies = [accuracy for _, accuracy in trials[name]]
    left.plot(at, accuracies, color=color, lw=2 if name in special else 1)
left.yaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
left.set(xlabel="step", title="Validation accuracy", ylim=(0, 1.03))
finals = [trials[name][-1][0] for name in order]
colors = [special.get(name, plotting.GRAY) for name in order]
bars = right.barh(order, finals, color=colors)
right.bar_label(bars, [f"{value:.3f}" for value in finals], padding=3, fontsize=8)
right.invert_yaxis()
right.set(title="Validation loss", xlim=(0, 1.2 * max(finals)), xticks=[])
right.spines[["bottom", "left"]].set_visible(False)
right.tick_params(length=0, labelsize=8)
plotting.describe(
    fig,
    f"Left, {len(trials)} curves of the validation accuracy over {at[-1]} steps, with the "
    "old recipe in orange and the chosen one in blue. Right, the validation losses in the "
    "end, the best first: "
    + "; ".join(
        f"{name} {value:.3f}" for name, value in zip(order, finals, strict=True)
    )
    + ".",
)
plt.show()

# %%
# The curves also say when to stop. As long as the validation loss falls, training helps. When it
# has not improved for several looks, more steps teach the network its own images by heart. To stop
# there is called *early stopping*. Had any of our trials reached that point?

for name, checks in trials.items():
    losses = [loss for loss, _ in checks]
    print(f"{name:26} lowest at look {losses.index(min(losses)) + 1} of {len(losses)}")

# %%
# The better network
# ------------------
#
# The choice is made. So the chosen recipe gets all training images, the validation images
# included, but only three quarters of the steps that the first network had.

final_steps = 3 * len(step_losses) // 4
final_model, final_losses, _ = train(images, labels, final_steps, **recipes[chosen])

better_accuracy = accuracy_of(final_model, test_images, test_labels)
for name, accuracy in [("first", plain_accuracy), ("better", better_accuracy)]:
    wrong = round((1 - accuracy) * len(test_labels))
    margin = give_or_take(accuracy, len(test_labels))
    print(
        f"{name:6} network: {accuracy:.2%} right, give or take {100 * margin:.2f}",
        end="",
    )
    print(f" points; {wrong} of {len(test_labels):,} wrong")

at_least = {"Digits": 0.95, "MNIST": 0.97, "FashionMNIST": 0.85}
assert better_accuracy >= at_least[type(train_set).__name__]
assert len(final_losses) == final_steps < len(step_losses)

# %%
# Two finished networks, two questions to the test set, and no choice hung on either answer. The
# training losses of both, each point a mean over fifty steps:


def smooth(losses):
    return torch.tensor(losses).unfold(0, 50, 50).mean(dim=1)


fig, ax = plt.subplots(figsize=(7, 2.9))
curves = [
    ("as before", smooth(step_losses), plotting.ORANGE),
    (chosen, smooth(final_losses), plotting.BLUE),
]
for name, curve, color in curves:
    ax.plot(50 * torch.arange(1, len(curve) + 1), curve, color=color, label=name)
ax.set(yscale="log", xlabel="step", ylabel="loss", title="Fewer steps, a lower loss")
ax.legend()
plotting.describe(
    fig,
    f"Two training losses on a logarithmic scale. That of the first recipe ends after "
    f"{len(step_losses):,} steps at {curves[0][1][-1]:.3f}, that of the chosen one "
    f"after {final_steps:,} far below it, at {curves[1][1][-1]:.4f}.",
)
plt.show()

assert curves[1][1][-1] < curves[0][1][-1]

# %%
# Common mistakes
# ---------------
#
# **No** ``zero_grad()``. ``backward()`` adds to the gradients that are there (:doc:`08_gradients`).
# It looks like a detail. Here is the first recipe with that one line missing, for as many steps as
# a trial had.

torch.manual_seed(0)
forgetful = models.Network()
optimizer = torch.optim.SGD(forgetful.parameters(), lr=0.01)
part_loader = data.make_loader(part_images, part_labels, 64, shuffle=True, seed=0)
never_cleared = []
while len(never_cleared) < trial_steps:
    for batch_images, batch_labels in part_loader:
        loss = loss_fn(forgetful(batch_images), batch_labels)
        loss.backward()
        optimizer.step()
        never_cleared.append(loss.item())

forgetful_accuracy = accuracy_of(forgetful, valid_images, valid_labels)
print(f"with zero_grad:    {trials['as before'][-1][1]:.1%} of the validation images")
print(f"without zero_grad: {forgetful_accuracy:.1%}, and guessing gives {1 / 10:.0%}")

assert forgetful_accuracy < 0.3

# %%
# It is no better than a guess.

fig, ax = plt.subplots(figsize=(7, 2.7))
ax.plot(never_cleared[:trial_steps], color=plotting.RED, lw=0.8, label="never cleared")
ax.plot(step_losses[:trial_steps], lw=0.8, label="cleared before each step")
ax.set(xlabel="step", ylabel="loss", ylim=(0, 6), title="One line missing")
ax.legend(loc="upper right", ncols=2)
early = sum(never_cleared[40:60]) / 20
plotting.describe(
    fig,
    f"Two losses over {trial_steps} steps. The one with cleared gradients falls "
    f"steadily. The other falls faster at first, to about {early:.1f} after 50 steps, "
    "and then climbs back to where it began, or higher.",
)
plt.show()

# %%
# At first it even looks faster. Then the old gradients, which never fade, drive it past every goal.
#
# **A stale optimizer.** An optimizer holds the parameters that it was given. If you make the network
# once more, it still moves those of the old one, which nobody uses any longer. No message appears.

model = models.Network()
optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
model = models.Network()  # the optimizer does not know this one
before = model.fc1.weight.detach().clone()  # (128, 784)

for _ in range(10):
    optimizer.zero_grad()
    loss_fn(model(batch_images), batch_labels).backward()
    optimizer.step()

held = {id(parameter) for parameter in optimizer.param_groups[0]["params"]}
shared = sum(id(parameter) in held for parameter in model.parameters())
print(f"parameters of the new network that the optimizer holds: {shared}")

assert torch.equal(model.fc1.weight, before)
assert shared == 0

# %%
# After ten steps not one weight has moved. Make the network and its optimizer in the same cell. In
# the clinic: :ref:`clinic-stale-optimizer`.
#
# **A generator that is used up.** ``parameters()`` can be gone through once. Whoever counts with it
# first leaves nothing to the optimizer. Here at least there is an error. (In the clinic:
# :ref:`error-empty-list`.)

parameters = model.parameters()
print(f"{sum(parameter.numel() for parameter in parameters):,} parameters")
try:
    torch.optim.SGD(parameters, lr=0.01)
except ValueError as error:
    print("ValueError:", error)

# %%
# **A scheduler that goes on too long.** ``T_max`` of the cosine is the number of its steps. After
# that the learning rate does not stay at 0. It climbs again.

optimizer = torch.optim.SGD(model.parameters(), lr=0.03)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=5)
rates = []
for _ in range(10):
    optimizer.step()
    scheduler.step()
    rates.append(scheduler.get_last_lr()[0])
print([f"{rate:.3f}" for rate in rates])

assert rates[4] < 1e-6 < rates[9]

# %%
# Your turn
# ---------
#
# Write your answer into the cell below an exercise, and run it: ``@exercise`` checks it and prints
# what it finds, and the page goes on with the course's version until yours is right.
# ``hint("mean_loss")`` and ``solution("mean_loss")`` help.
#
# **Your turn: mean_loss.** Write a function ``mean_loss(losses, sizes)``. It gets two lists of equal
# length: the mean loss of each batch, and how many images it had. It returns the mean loss over all
# images, as a Python number.

from firstlayers.exercises import exercise, hint, progress, solution


@exercise
def mean_loss(losses, sizes):
    """Mean losses of batches, and their sizes -> the mean loss over all images."""
    ...  # your code here


# %%
# **Your turn: early_stop.** Write a function ``early_stop(valid_losses, patience)``. It gets the
# validation loss after each epoch, as a list. Training stops as soon as ``patience`` epochs in a
# row have brought no new lowest loss; one that is only as low as the lowest is not new. It returns
# the epoch with the lowest loss until then, counted from 0.


@exercise
def early_stop(valid_losses, patience):
    """Validation losses -> the best epoch, until patience epochs brought no better."""
    ...  # your code here


# %%
# Recap
# -----
#
# * The loop is five lines, and the loss it reports is a mean: weight it by the batch sizes.
# * Training images teach, validation images choose, test images are asked once for a finished
#   network.
# * Change one thing at a time, with the same steps and the same seed, and mind the margin.
# * Here momentum helped a lot, and pixels between 0 and 1 did harm. Measure it for your own data.
# * Without ``zero_grad()`` the network ends up guessing. With a stale optimizer it does not move.
#
# **Next:** :doc:`10_predict` looks at what the better network says, and where it is wrong.
#
# **Further reading:** :class:`torch.optim.SGD`, :class:`torch.optim.Adam`,
# :class:`torch.optim.lr_scheduler.CosineAnnealingLR`. Why the size and the center of the inputs
# matter: LeCun, Bottou, Orr and Müller, `Efficient BackProp
# <https://doi.org/10.1007/978-3-642-35289-8_3>`__.
