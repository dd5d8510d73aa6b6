"""
Watch a network learn
=====================

You will record what goes on inside a network while its loss falls, look at it in stills, and play
it back at your own pace.

**In this chapter you learn**

* what to record during training, and at which steps,
* to record without changing what is recorded,
* how weights turn from noise into pictures, and which layer moves most,
* that single images change their minds more often than the accuracy tells,
* to show many frames so that they can be compared, and so that nobody is made dizzy.

**You need** the training loop, from :doc:`../1_basics/10_training`, and first-layer weights as
pictures, from :doc:`../2_digits/05_initialization`.
**Time:** 20 minutes.
"""

# %%
# Which steps to keep
# -------------------
#
# A loss curve is one number for each step. Behind it, more than a hundred thousand numbers change.
# To see some of them move, we keep copies: *frames*. Not one for each step, because most would look
# the same. In a training, much happens early and little late, so the frames should lie close
# together at the start, and far apart at the end. Powers do that: from one to the next, the step
# grows by the same factor.

import base64

import matplotlib.pyplot as plt
import torch
from torch import nn
from torch.nn import functional as F

from firstlayers import data, models, plotting

plotting.use_style()

LAST_STEP = 400
kept_steps = sorted({0} | {round(LAST_STEP ** (k / 38)) for k in range(39)})
print(len(kept_steps), "frames:", *kept_steps)

assert kept_steps[0] == 0
assert kept_steps[-1] == LAST_STEP

# %%
# Step 0 is there by hand: no power of anything is 0, and the untrained network is the one frame
# that all others are compared with. The set keeps each number once, where rounding gave it twice.
#
# The recorder
# ------------
#
# Here are the data and the training, 400 steps of SGD with momentum. Before a step that is to be
# kept, the loop calls ``record``. What is recorded: all weights, and the probabilities that the
# network gives to test images, always the same ones. (Nothing is chosen by them here, so we may
# look.)

train_set, test_set = data.load_dataset()
images, labels = data.as_tensors(train_set, mean=0.5, std=0.5)  # (N, 1, 28, 28), (N,)
all_test_images, all_test_labels = data.as_tensors(
    test_set, mean=0.5, std=0.5
)  # (M, 1, 28, 28), (M,)
test_images = all_test_images[:500]  # (count, 1, 28, 28)
test_labels = all_test_labels[:500]  # (count,)
classes = test_set.classes


def batches():
    """Give batches without end, in an order that the seed decides."""
    loader = data.make_loader(images, labels, 64, shuffle=True, seed=0)
    while True:
        yield from loader


def train(record=None, last_step=LAST_STEP):
    torch.manual_seed(0)
    model = models.Network()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.03, momentum=0.9)
    losses = []
    for step, (batch, batch_labels) in enumerate(batches()):
        if record is not None and step in kept_steps:
            record(model)
        if step == last_step:
            return model, losses
        loss = F.cross_entropy(model(batch), batch_labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())


frames, frame_probabilities = [], []


def record(model):
    frames.append({name: p.detach().clone() for name, p in model.named_parameters()})
    with torch.inference_mode():
        logits = model(test_images)  # (count, 10)
    frame_probabilities.append(F.softmax(logits, dim=1))


model, losses = train(record)
probabilities = torch.stack(frame_probabilities)  # (frames, count, 10)
answers = probabilities.argmax(dim=2)  # (frames, count)
accuracies = (answers == test_labels).float().mean(dim=1)  # (frames,)
steps = torch.tensor(kept_steps)  # (frames,)

for frame in range(0, len(frames), 5):
    print(f"step {kept_steps[frame]:3}: {accuracies[frame]:.1%} right")

print(f"step {kept_steps[-1]}: {accuracies[-1]:.1%} right")
assert len(frames) == len(kept_steps)
assert accuracies[-1] > 0.7

# %%
# A thermometer must not warm what it measures. Train once more without the recorder, as far as
# frame 20, and compare:

undisturbed, _ = train(last_step=kept_steps[20])
same = all(
    torch.equal(parameter, frames[20][name])
    for name, parameter in undisturbed.named_parameters()
)
print(f"the same weights at step {kept_steps[20]}, recorded or not: {same}")
assert same

# %%
# Not nearly the same: equal in every bit. The recorder copies, looks at images under
# :class:`torch.inference_mode`, and leaves everything else alone.
#
# **Predict, then run.** From the first accuracy to the last, after how many of the 400 steps is
# half of the way made?

halfway = (accuracies[0] + accuracies[-1]) / 2
first_above = int((accuracies >= halfway).float().argmax())
print(f"{accuracies[first_above]:.1%} are right at step {kept_steps[first_above]}.")
print(f"That is {kept_steps[first_above] / LAST_STEP:.1%} of all steps.")
assert kept_steps[first_above] < 0.15 * LAST_STEP

fig, axes = plt.subplots(1, 2, figsize=(7, 2.7), sharey=True)
for ax, scale in zip(axes, ("linear", "symlog"), strict=True):
    ax.plot(steps, accuracies, "o-", lw=1, ms=3.5, color=plotting.BLUE)
    ax.axhline(halfway, color=plotting.GRAY, lw=1, ls="--")
    ax.set(xlabel="step", ylim=(0, 1), title=f"{scale} axis")
axes[0].set(ylabel="accuracy", title="Steps side by side")
axes[1].set_xscale("symlog", linthresh=1)
ticks = [0, 1, 10, 100, LAST_STEP]
axes[1].set_xticks(ticks, [str(tick) for tick in ticks])
axes[1].set(xlim=(-0.1, 1.15 * LAST_STEP), title="Frames side by side")
plotting.describe(
    fig,
    "The accuracy of each frame over the step, twice. With steps side by side, the "
    "dots crowd at the left, where the curve shoots up. On an axis of powers, they "
    "lie evenly. A dashed line marks half of the way, which is made at step "
    f"{kept_steps[first_above]}.",
)
plt.show()

# %%
# Left, you see when it happens. Right, you see *what* happens: the axis gives each frame the same
# room.
#
# From noise to pictures
# ----------------------
#
# A unit of ``fc1`` has a weight for each pixel, so its weights are a picture. Of the 128 units, we
# take the six that went the farthest, and show each at eight of our frames. Red weights are
# positive, blue ones are negative.

first_layer = torch.stack(
    [frame["fc1.weight"] for frame in frames]
)  # (frames, 128, 784)
distance = (first_layer[-1] - first_layer[0]).norm(dim=1)  # (128,)
units = distance.argsort(descending=True, stable=True)[:6]  # (6,)
weights = first_layer[:, units]  # (frames, 6, 784)
bound = weights.abs().max().item()


def nearest_frame(step):
    return int((steps - step).abs().argmin())


stills = [nearest_frame(step) for step in (0, 3, 10, 20, 40, 80, 160, LAST_STEP)]


def filmstrip(weights, units, bound_of, title):
    """Draw a row for each unit and a column for each still."""
    height = 0.85 * len(units) + 0.5
    fig, axes = plt.subplots(
        len(units), len(stills), figsize=(7, height), squeeze=False
    )
    for row, unit in enumerate(units):
        for column, frame in enumerate(stills):
            ax = axes[row, column]
            picture = weights[frame, row].view(28, 28)  # (28, 28)
            bound = bound_of(frame)
            ax.imshow(picture.numpy(), cmap="RdBu_r", vmin=-bound, vmax=bound)
            ax.set(xticks=[], yticks=[])
            ax.spines[:].set_visible(False)
            if row == 0:
                step = f"step {kept_steps[frame]}"
                ax.set_title(step, fontsize=9, loc="center", fontweight="normal")
        axes[row, 0].set_ylabel(f"unit {unit}", fontsize=9)
    fig.suptitle(title, x=0.01, ha="left", fontsize=11, fontweight="bold")
    return fig


fig = filmstrip(
    weights, units.tolist(), lambda frame: bound, "Six units at eight steps"
)
plotting.describe(
    fig,
    "A table of 48 small pictures: six units in rows, eight steps in columns. At "
    "step 0 all are nearly white, with faint noise. From about the middle on, red "
    "and blue patches appear in the center, smooth and different for each unit, and "
    "grow stronger to the end.",
)
plt.show()

# %%
# Nobody drew these patches. Each is a sum of gradients, and each gradient is a sum of images, as
# :doc:`../2_digits/08_gradients` showed. A unit ends up asking a question: more ink here than
# there?
#
# How far does each layer go? We measure the distance from the start, as a part of the weights'
# length at the start.
#
# **Predict, then run.** The first layer has most of the weights. Which of the three moves the
# farthest in this measure?

moved = {}
for name in ("fc1", "fc2", "fc3"):
    layer = torch.stack(
        [frame[f"{name}.weight"].flatten() for frame in frames]
    )  # (frames, n)
    moved[name] = (layer - layer[0]).norm(dim=1) / layer[0].norm()
    print(f"{name}: {layer.shape[1]:7,} weights, moved by {moved[name][-1]:.0%}")

fig, ax = plt.subplots(figsize=(6.4, 2.9))
for name, parts in moved.items():
    ax.plot(steps, parts, label=name)
ax.set_xscale("symlog", linthresh=1)
ax.set_xticks(ticks, [str(tick) for tick in ticks])
ax.set(xlabel="step", ylabel="distance / length at the start", ylim=(0, None))
ax.set_title("How far the weights are from their start")
ax.legend()
plotting.describe(
    fig,
    "The distance of each layer's weights from their start over the step. All three "
    "stay near 0 for the first steps and then rise. At the end: "
    + ", ".join(f"{name} {parts[-1]:.0%}" for name, parts in moved.items())
    + ".",
)
plt.show()

assert all(parts[-1] > 0.1 for parts in moved.values())
farthest = max(moved, key=lambda name: moved[name][-1])
print("the farthest:", farthest)

# %%
# How many weights a layer has says nothing about how far they go. And no layer stays near what it
# began with (:doc:`../2_digits/05_initialization`).
#
# Images change their minds
# -------------------------
#
# The accuracy is a mean over all images. What do single ones do? Count how often the answer to
# each of them changed from one frame to the next.

changes = (answers[1:] != answers[:-1]).sum(dim=0)  # (count,)
was_right = (answers == test_labels).any(dim=0)  # (count,)
lost = was_right & (answers[-1] != test_labels)  # (count,)
print(f"changes of the answer: {changes.float().mean():.1f} on average, ", end="")
print(f"from {changes.min()} to {changes.max()}")
print(f"right in some frame, and wrong in the last: {lost.sum()} of {len(lost)} images")
assert changes.max() > changes.min()

# %%
# We look at six: three with few changes, each of another class, and the three with the most. Time
# goes from left to right, one column a frame. The darker, the more probable.

by_changes = changes.argsort(stable=True)  # (count,)
steady = {}
for place in by_changes.tolist():
    steady.setdefault(int(test_labels[place]), place)  # the first of its class
chosen = torch.tensor([*list(steady.values())[:3], *by_changes[-3:].tolist()])  # (6,)


def counted(number):
    return f"{number} change" if number == 1 else f"{number} changes"


fig = plt.figure(figsize=(7, 4.6))
for part, place in zip(fig.subfigures(2, 3).flat, chosen.tolist(), strict=True):
    upper, ax = part.subplots(2, 1, height_ratios=[1, 2.1])
    upper.imshow(test_images[place, 0].numpy(), cmap="gray")
    upper.set_axis_off()
    true = classes[test_labels[place]]
    upper.set_title(f"{true}: {counted(changes[place])}", loc="center", fontsize=10)
    table = probabilities[:, place].T  # (10, frames)
    ax.imshow(table.numpy(), cmap="Blues", vmin=0, vmax=1, aspect="auto")
    ax.set_yticks(range(10), classes, fontsize=6.5)
    ax.set_xticks([nearest_frame(tick) for tick in ticks[1:]], ticks[1:], fontsize=7)
    ax.set_xlabel("step", fontsize=8, labelpad=1)
plotting.describe(
    fig,
    "Six images, each above a table of ten classes in rows and all frames in "
    "columns, darker where more probable. In the upper three, one row soon turns "
    "dark and stays so. In the lower three, several rows are dark by turns. Labels "
    "and changes: "
    + "; ".join(
        f"{classes[test_labels[k]]}, {counted(changes[k])}" for k in chosen.tolist()
    )
    + ".",
)
plt.show()

# %%
# At first all rows are equally pale: the untrained network has no opinion. Its first opinions are
# about all images at once, and only then do the images part ways.
#
# How many different answers does it give in each frame, to all test images together?

for step in (0, 1, 3, 10, 40, LAST_STEP):
    frame = nearest_frame(step)
    counts = answers[frame].bincount(minlength=10)  # (10,)
    top = counts.argmax()
    print(
        f"step {kept_steps[frame]:3}: {int((counts > 0).sum()):2} different, ", end=""
    )
    print(f"most often {classes[top]}: {counts[top] / len(test_labels):.0%}")

# %%
# Hand it to the page
# -------------------
#
# Stills are good for comparing. To see how one turns into the next, you want to move through them.
# We hand the frames over to this page, as small as we can: each weight becomes a byte. **One**
# bound serves all frames and all units, and 0 becomes the byte 128, so that white stays white.


def as_bytes(weights, bound):
    return (128 + 127 * weights / bound).round().to(torch.uint8)


def as_text(whole):
    return base64.b64encode(bytes(whole.flatten().tolist())).decode("ascii")


as_whole = as_bytes(weights, bound)  # (frames, 6, 784)
back = (as_whole.float() - 128) / 127 * bound  # (frames, 6, 784)
print(f"largest weight {bound:.3f}, largest error {(back - weights).abs().max():.4f}")
assert (back - weights).abs().max() <= 0.5 * bound / 127 + 1e-6

brightness = (
    (127.5 * (test_images[chosen] + 1)).round().to(torch.uint8)
)  # (6, 1, 28, 28)
for_the_page = {
    "steps": kept_steps,
    "accuracies": [round(accuracy, 4) for accuracy in accuracies.tolist()],
    "count": len(test_labels),
    "units": units.tolist(),
    "bound": bound,
    "weights": [as_text(frame) for frame in as_whole],
    "images": [as_text(image) for image in brightness],
    "labels": test_labels[chosen].tolist(),
    "classes": list(classes),
    "scores": [
        [[round(p, 4) for p in row] for row in frame]
        for frame in probabilities[:, chosen].tolist()
    ],
}
letters = sum(map(len, for_the_page["weights"]))
print(f"{as_whole.numel():,} weights in {letters:,} letters")
assert letters < 280_000

# %%
# What moves by itself draws the eye away from the text, and makes some readers ill. So nothing
# moves here until you press *Play*, and *Pause* stops it. With the slider you set the pace
# yourself: drag it, or use the arrow keys. If your system asks for reduced motion, there is no
# Play, and you go from frame to frame.
#
# .. interactive:: watch
#
# Choose *change since the start*, and the noise of the beginning is gone: what is left is only what
# was learned. Go slowly from step 5 to step 30. There the first patches come up, and the answers
# make up their minds.
#
# Common mistakes
# ---------------
#
# **Recording without a copy.** ``detach()`` gives a tensor that shares its memory with the weights.
# The list grows, and in the end all frames are the last one.

careless = []
train(
    lambda model: careless.append(model.fc1.weight.detach()), last_step=kept_steps[10]
)
all_alike = all(torch.equal(careless[0], frame) for frame in careless)
print(f"{len(careless)} frames, all alike: {all_alike}")
assert all_alike
assert not torch.equal(first_layer[0], first_layer[10])

# %%
# **A scale for each frame.** Most plotting functions stretch what they get from its smallest to its
# largest number. Then the noise of step 0 looks as strong as what was learned later, and the strips
# below no longer say that weights grow.

fig = filmstrip(
    weights[:, :2],
    units[:2].tolist(),
    lambda frame: weights[frame, :2].abs().max().item(),
    "A scale for each frame: not to be compared",
)
plotting.describe(
    fig,
    "Two of the six units at the same eight steps, each picture stretched to its own "
    "largest weight. Now the noise of step 0 is as red and blue as the patches of "
    "the last step.",
)
plt.show()

smallest, largest = (weights[frame].abs().max().item() for frame in (0, -1))
print(f"largest weight at step 0: {smallest:.3f}, at step {LAST_STEP}: {largest:.3f}")
assert largest > 3 * smallest

# %%
# **Recording with the graph.** Outside of ``no_grad`` or ``inference_mode``, what you keep holds on
# to all notes for ``backward()``, and to the memory they take. PyTorch tells you only when you want
# to plot it.

kept = model(test_images)  # (count, 10)
try:
    kept.numpy()
except RuntimeError as error:
    print("RuntimeError:", error)

# %%
# **Leaving the model in evaluation mode.** A recorder that calls ``eval()`` must call ``train()``
# after it. Ours has no dropout and no batch normalization, so it needs neither. This one does:

with_dropout = nn.Sequential(nn.Flatten(), nn.Linear(784, 10), nn.Dropout(0.5))
with_dropout.eval()
with torch.inference_mode():
    with_dropout(test_images)  # (count, 10)

print("training goes on with dropout:", with_dropout.training)
assert not with_dropout.training

# %%
# **A frame for each step.** It costs more than it shows.

one_frame = sum(p.numel() * p.element_size() for p in frames[-1].values())
print(f"{one_frame:,} bytes a frame")
for count in (len(kept_steps), LAST_STEP + 1):
    print(f"{count} frames: {one_frame * count / 1e6:,.0f} MB")

# %%
# Your turn
# ---------
#
# Write your answer into the cell below an exercise, and run it: ``@exercise`` checks it and prints
# what it finds, and the page goes on with the course's version until yours is right.
# ``hint("moving_average")`` and ``solution("moving_average")`` help.
#
# **Your turn: moving_average.** The loss of a batch jumps up and down, because each batch is
# another one. Write a function ``moving_average(losses, width)`` that smooths it: the mean of each
# loss and of the ``width - 1`` losses before it. At the start, where there are fewer, take the mean
# of those that there are. Losses and result have the shape (steps,).

from firstlayers.exercises import exercise, hint, progress, solution


@exercise
def moving_average(losses, width):
    """(steps,) losses -> (steps,) means of each and of up to width - 1 before it."""
    ...  # your code here


# %%
# Whoever wrote it, here it is at work:

fig, ax = plt.subplots(figsize=(6.4, 2.7))
smooth = moving_average(torch.tensor(losses), 20)  # (400,)
ax.plot(losses, color=plotting.GRAY, lw=0.7, label="each batch")
ax.plot(smooth, color=plotting.ORANGE, label="moving average, width 20")
ax.set(
    xlabel="step",
    ylabel="loss",
    ylim=(0, None),
    title="The loss, and its moving average",
)
ax.legend()
plotting.describe(
    fig,
    "The loss of each batch over the step, a thin jagged line that falls from about "
    f"{losses[0]:.1f}, and a smooth line that follows a little later and ends at "
    f"{smooth[-1]:.2f}.",
)
plt.show()

# %%
# **Your turn: settled_at.** When has an image made up its mind? Write a function
# ``settled_at(answers)``. The answers are classes, of the shape (frames, images). Return for each
# image the number of the frame from which on its answer stays what it is in the last frame. Frames
# are counted from 0, and the result has the shape (images,).


@exercise
def settled_at(answers):
    """(frames, images) answers -> (images,) frames from which they stay as they end."""
    ...  # your code here


# %%
# It tells what the accuracy does not:

settled = steps[settled_at(answers)]  # (count,)
for part in (0.25, 0.5, 0.75, 0.95):
    by_step = settled.float().quantile(part).item()
    print(f"{part:.0%} of the images have settled by step {by_step:.0f}")

# %%
# Recap
# -----
#
# * Frames at powers of a step show a training evenly. Add step 0.
# * A recorder copies, and changes nothing: the weights are equal in every bit without it.
# * First-layer weights turn from noise into patches. Compare them on one color scale, with white at
#   0.
# * A rising accuracy hides images that change their minds, some of them for the worse.
# * Nothing should move before a reader asks for it, and stills say most of it.
#
# **Next:** go back to any chapter with a training in it, and record it.
#
# **Further reading:** Matplotlib's `FuncAnimation
# <https://matplotlib.org/stable/api/_as_gen/matplotlib.animation.FuncAnimation.html>`__ makes films
# of figures. On what first layers and later ones learn, and when: Zeiler and Fergus, `Visualizing
# and understanding convolutional networks <https://arxiv.org/abs/1311.2901>`__, section 4.
