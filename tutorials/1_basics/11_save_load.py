"""
Save a network and go on later
==============================

You will write a trained network to a file, get it back to the last bit, and interrupt a training
run that, once resumed, ends with exactly the weights it would have had without the break.

**In this chapter you learn**

* what a ``state_dict`` holds, to save it, and to load it into a new network,
* why a file is loaded with ``weights_only=True``, and why ``eval()`` comes before measuring,
* to load on another device, and to keep the best epoch,
* to save a checkpoint from which training goes on as if nothing had happened,
* to write a file so that it survives a crash, and to notice when it is damaged.

**You need** the network of :doc:`06_build_model`, what parameters and buffers are, from
:doc:`08_parameters`, and the training loop of :doc:`10_training`.
**Time:** 25 minutes.
"""

# %%
# A network worth keeping
# -----------------------
#
# We train the network of this track for a few epochs, on 1,000 images. This chapter stays on the
# processor (``cpu``), and on one thread of it: then all numbers are added up in the same order each
# time, and we can compare to the last bit.

import contextlib
import copy
import io
import os
import pickle
import subprocess
import sys
import tempfile
import textwrap
import zipfile
from pathlib import Path

import matplotlib.pyplot as plt
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import Subset

from firstlayers import checkpoints, data, plotting, training
from firstlayers.models import NeuralNetwork

plotting.use_style()
torch.set_num_threads(1)
torch.manual_seed(0)

train_set, _ = data.load_dataset()
train_part, valid_part = data.split(train_set, (0.8, 0.2))
some = Subset(train_part, range(1000))
images, labels = data.as_tensors(some)  # (1000, 1, 28, 28), (1000,)
few_valid = Subset(valid_part, range(min(1000, len(valid_part))))
valid_images, valid_labels = data.as_tensors(few_valid)  # (V, 1, 28, 28), (V,)
train_loader = data.make_loader(images, labels, shuffle=True, seed=0)
valid_loader = data.make_loader(valid_images, valid_labels, batch_size=1000)

model = NeuralNetwork()
optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
training.fit(model, train_loader, optimizer=optimizer, epochs=6)
accuracy = training.evaluate(model, valid_loader).accuracy
print(f"right on the validation images: {accuracy:.1%}")

# %%
# What there is to save
# ---------------------
#
# What a network has learned is its numbers. :meth:`torch.nn.Module.state_dict` gives them as a
# dictionary, from names to tensors: all parameters, and the buffers, if it has any.

state = model.state_dict()
for name, tensor in state.items():
    print(f"{name:28} {tuple(tensor.shape)!s:11} {tensor.dtype}")

assert list(state) == [name for name, parameter in model.named_parameters()]

# %%
# The class is not in it, nor the code of ``forward``. To load these numbers, you need the class
# again. :func:`torch.save` writes them to a file. Each is a ``float32`` and takes four bytes.
#
# **Predict, then run.** How large will the file be?

temporary = tempfile.TemporaryDirectory()
folder = Path(temporary.name)
path = folder / "network.pt"
torch.save(state, path)

count = sum(tensor.numel() for tensor in state.values())
size = path.stat().st_size
print(f"{count:,} numbers · 4 bytes = {4 * count:,} bytes")
print(f"the file has {size:,} bytes, {size / (4 * count) - 1:.1%} more")

assert 4 * count < size < 1.01 * 4 * count

# %%
# The rest is names, shapes and the like. The file is an ordinary zip archive with one record for
# each tensor, so Python can look inside. Here it is, drawn to scale.

with zipfile.ZipFile(path) as archive:
    sizes = {record.filename: record.file_size for record in archive.infolist()}
records = {name.split("/")[-1]: n for name, n in sizes.items() if "/data/" in name}
print("records:", records)

fig, ax = plt.subplots(figsize=(7, 1.5))
start = 0
for tensor in state.values():
    ax.barh(0, tensor.nbytes, left=start, color=plotting.BLUE, ec="white", lw=0.5)
    middle = start + tensor.nbytes / 2
    words = f"{' × '.join(map(str, tensor.shape))}\n{tensor.nbytes:,}"
    if tensor.nbytes > 1_000_000:
        inside = ax.text(middle, 0, words, color="white", fontweight="bold")
        inside.set(ha="center", va="center", gid="keep-color")
    elif tensor.ndim == 2:
        line = {"arrowstyle": "-", "color": plotting.GRAY}
        where = {"xytext": (-14, 12), "textcoords": "offset points", "ha": "center"}
        ax.annotate(words, (middle, 0.4), arrowprops=line, **where)
    start += tensor.nbytes
ax.set(ylim=(-0.45, 1.35), xlim=(0, 1.01 * start))
ax.set_title("What the file is made of: shapes and bytes")
ax.set_axis_off()
plotting.describe(
    fig,
    "A bar drawn to scale, the bytes of the file. The weights of the first layer take "
    f"{records['0'] / size:.0%}, those of the second {records['2'] / size:.0%}, those "
    "of the last are a narrow strip. The biases between them are too thin to see.",
)
plt.show()

# %%
# Load it
# -------
#
# Make a new network. It starts with random numbers of its own, so it must be filled.
# ``load_state_dict`` copies the numbers from the file into its parameters.

loaded = NeuralNetwork()
random_weight = loaded.linear_relu_stack[0].weight.detach().clone()  # (512, 784)
with torch.no_grad():
    random_logits = loaded(valid_images)  # (V, 10)

answer = loaded.load_state_dict(torch.load(path, weights_only=True))
print(answer)

for name, tensor in loaded.state_dict().items():
    assert torch.equal(tensor, state[name])

# %%
# All six tensors are equal, each number to the last bit. The pictures show the weights of seven
# units of the first layer: as they were saved, as the new network drew them at random (mind the
# scale), and as they are now.

weight = state["linear_relu_stack.0.weight"]  # (512, 784)
units = weight.norm(dim=1).topk(7).indices  # (7,)
loaded_weight = loaded.linear_relu_stack[0].weight.detach()  # (512, 784)

heading = {"x": 0.01, "ha": "left", "fontsize": 11, "fontweight": "bold"}
rows = {
    "Saved": weight,
    "A new network": random_weight,
    "The new network after loading": loaded_weight,
}
fig = plt.figure(figsize=(7, 4))
for part, (name, pictures) in zip(fig.subfigures(3, 1), rows.items(), strict=True):
    part.suptitle(name, **heading)
    plotting.show_weights(pictures[units], fig=part)
plotting.describe(
    fig,
    "Three rows of seven pictures, the weights of the same seven units. The first row, "
    "of the saved network, shows red and blue strokes. The second, of a new network, "
    "shows noise without strokes. The third, after loading, is like the first.",
)
plt.show()

# %%
# Equal weights give equal answers. Each dot is one logit of one validation image.

with torch.no_grad():
    logits = model(valid_images)  # (V, 10)
    loaded_logits = loaded(valid_images)  # (V, 10)
assert torch.equal(loaded_logits, logits)

fig, axes = plt.subplots(1, 2, figsize=(7, 3.1), sharex=True, sharey=True)
pairs = {"Before loading": random_logits, "After loading": loaded_logits}
for ax, (title, values) in zip(axes, pairs.items(), strict=True):
    ax.scatter(logits[:200], values[:200], s=4, color=plotting.BLUE)
    ax.set(title=title, xlabel="logit of the saved network")
    ax.set_aspect("equal")
axes[0].set_ylabel("logit of the new network")
plotting.describe(
    fig,
    "Two scatter plots of logits, the new network against the saved one. Before "
    "loading, the dots form a flat band near zero. After loading, all lie on the "
    "diagonal.",
)
plt.show()

# %%
# ``eval()`` before you measure
# -----------------------------
#
# One thing is not in the file: whether the network is in training mode. A new one always is.

print("training mode after loading:", loaded.training)

# %%
# Our network does not care. Others do, as :doc:`10_training` showed with dropout. Batch
# normalization goes further. It subtracts the mean of the batch and divides by its standard
# deviation. While training it also keeps running means of both in buffers, and outside of training
# it uses those. Here is a small network with it, trained, saved and loaded.


def make_normed():
    return nn.Sequential(
        nn.Flatten(),
        nn.Linear(784, 64),
        nn.BatchNorm1d(64),
        nn.ReLU(),
        nn.Linear(64, 10),
    )


normed = make_normed()
optimizer = torch.optim.SGD(normed.parameters(), lr=0.1)
training.fit(normed, train_loader, optimizer=optimizer, epochs=2)
normed_path = folder / "normed.pt"
torch.save(normed.state_dict(), normed_path)


def load_normed():
    network = make_normed()
    network.load_state_dict(torch.load(normed_path, weights_only=True))
    return network


# %%
# **Predict, then run.** We only ask it about the validation images, without ``eval()``, and train
# nothing. What has changed in the network afterwards?


def changed(network):
    saved = torch.load(normed_path, weights_only=True)
    now = network.state_dict()
    return [name for name in saved if not torch.equal(now[name], saved[name])]


for network in (load_normed().eval(), load_normed()):
    with torch.no_grad():
        network(valid_images)
    print(f"training mode {network.training!s:5} changed: {changed(network)}")

assert changed(network) == ["2.running_mean", "2.running_var", "2.num_batches_tracked"]

# %%
# Its buffers moved: it is no longer the network that you saved. So load, call ``eval()``, and then
# predict. (``training.evaluate`` calls ``eval()`` for you.)
#
# Names and shapes must fit
# -------------------------
#
# ``load_state_dict`` is strict. If a name is missing, or there is one too many, it says which. In
# this dictionary, one tensor has another name. (The function ``tell`` keeps messages short.) (In
# the clinic: :ref:`error-keys`.)


def tell(error):
    """Print an error, without our folder's name, and of long messages what matters."""
    name, text = type(error).__name__, str(error).replace(f"{folder}{os.sep}", "")
    text = text.split("WeightsUnpickler error: ")[-1].split(" Please use")[0]
    for line in f"{name}: {text}".replace("\t", "  ").splitlines():
        print(textwrap.fill(line, 86, subsequent_indent="    ", break_on_hyphens=False))


renamed = dict(state)
renamed["last_bias"] = renamed.pop("linear_relu_stack.4.bias")
try:
    NeuralNetwork().load_state_dict(renamed)
except RuntimeError as error:
    tell(error)

# %%
# And all shapes must agree. We load into a network that has 20 outputs. (In the clinic:
# :ref:`error-size-mismatch`.)

wider = NeuralNetwork()
wider.linear_relu_stack[4] = nn.Linear(512, 20)
try:
    wider.load_state_dict(state)
except RuntimeError as error:
    tell(error)

first = wider.linear_relu_stack[0].weight  # (512, 784)
print("first layer was loaded all the same:", torch.equal(first, weight))
assert torch.equal(first, weight)

# %%
# Mind the last line. What fits was copied before the error came, so the network is half loaded now.
# Do not go on with it.
#
# Numbers, not programs
# ---------------------
#
# ``torch.save`` writes the bytes of the tensors as they are. All that is around them goes through
# Python's module ``pickle``. A pickle is a small program: it may name any function that Python
# finds, and have it called while the file is read. Here is a harmless one.


class Surprise:
    def __reduce__(self):
        return print, ("this was printed by the file",)


content = pickle.dumps(Surprise())
pickle.loads(content)

# %%
# We only asked to read it. Instead of ``print``, it could have been a function that deletes your
# files. So :func:`torch.load` has the argument ``weights_only=True``, the default since
# PyTorch 2.6. It reads tensors, numbers, strings, lists, dictionaries and little else.

surprise_path = folder / "surprise.pt"
torch.save({"weights": torch.zeros(3), "note": Surprise()}, surprise_path)

printed = io.StringIO()
with contextlib.redirect_stdout(printed):
    try:
        torch.load(surprise_path, weights_only=True)
    except pickle.UnpicklingError as error:
        refusal = error
tell(refusal)
print("printed by the file:", repr(printed.getvalue()))

assert printed.getvalue() == ""

# %%
# The same happens to a whole network. ``torch.save(model, path)`` works, and older texts recommend
# it. The file then asks for classes by their names.

whole_path = folder / "whole_network.pt"
torch.save(model, whole_path)
try:
    torch.load(whole_path, weights_only=True)
except pickle.UnpicklingError as error:
    tell(error)

names = torch.serialization.get_unsafe_globals_in_checkpoint(whole_path)
print(*sorted(names), sep="\n")

# %%
# It holds the *names*, not the code. If the class is gone, or has another name or place, nobody can
# read the file any more, not even with ``weights_only=False``.


class MyNetwork(NeuralNetwork):
    pass


torch.save(MyNetwork(), whole_path)
del MyNetwork
try:
    torch.load(whole_path, weights_only=False)
except AttributeError as error:
    print("AttributeError:", str(error).split(" on ")[0])

# %%
# So save the ``state_dict``. And where a text tells you to set ``weights_only=False``, ask yourself
# whether you would run a program by the author of the file. (More advice that has aged:
# :doc:`../4_clinic/03_old_snippets`.)
#
# Another device
# --------------
#
# A file remembers on which device each tensor was, and asks for it again. Let us make a file that
# comes from a machine with a GPU by Intel, ``xpu``: in ours, we put that name in place of ``cpu``.

foreign_path = folder / "foreign.pt"
foreign_path.write_bytes(path.read_bytes().replace(b"cpu", b"xpu", 1))
try:
    torch.load(foreign_path, weights_only=True)
except RuntimeError as error:
    tell(error)

found = torch.load(foreign_path, map_location="cpu", weights_only=True)
assert torch.equal(found["linear_relu_stack.0.weight"], weight)

# %%
# The message says it: with ``map_location`` you decide where the tensors go. The device ``meta`` has
# shapes and no numbers.

for location in ("cpu", "meta"):
    found = torch.load(path, map_location=location, weights_only=True)
    tensor = found["linear_relu_stack.4.bias"]  # (10,)
    print(f"{location:4}: {tuple(tensor.shape)}, on {tensor.device}")

# %%
# ``load_state_dict`` then copies the numbers to wherever the network is. With ``assign=True`` it
# copies nothing: the loaded tensors themselves become the parameters. So the network needs no
# numbers before, and can be made on ``meta``, without drawing any.

with torch.device("meta"):
    empty = NeuralNetwork()
print("made on:  ", empty.linear_relu_stack[0].weight.device)

old = empty.linear_relu_stack[0].weight  # (512, 784)
empty.load_state_dict(torch.load(path, weights_only=True), assign=True)
print("loaded on:", empty.linear_relu_stack[0].weight.device)

assert torch.equal(empty(valid_images), model(valid_images))
assert empty.linear_relu_stack[0].weight is not old

# %%
# The last line is the price: these are new parameters, and an optimizer that was made before would
# change the old ones. Make it afterwards.
#
# Keep the best epoch
# -------------------
#
# The last epoch need not be the best. So keep the weights of the epoch with the lowest validation
# loss. As in :doc:`10_training`, we train on only 100 images, so that the network overfits, and
# keep the best in two ways.
#
# **Predict, then run.** One of the two does not work. Which?

torch.manual_seed(0)
model = NeuralNetwork()
optimizer = torch.optim.SGD(model.parameters(), lr=0.03, momentum=0.9)
few_loader = data.make_loader(
    images[:100], labels[:100], batch_size=20, shuffle=True, seed=0
)

losses = []
for _ in range(40):
    training.train_epoch(model, few_loader, optimizer)
    losses.append(training.evaluate(model, valid_loader).loss)
    if losses[-1] == min(losses):
        one_way = model.state_dict()
        other_way = copy.deepcopy(model.state_dict())

results = []
for kept in (one_way, other_way):
    network = NeuralNetwork()
    network.load_state_dict(kept)
    results.append(training.evaluate(network, valid_loader).loss)

print(f"lowest validation loss: {min(losses):.4f}, the last: {losses[-1]:.4f}")
print(f"model.state_dict():                {results[0]:.4f}")
print(f"copy.deepcopy(model.state_dict()): {results[1]:.4f}")

# %%
# A ``state_dict`` is no copy. Its tensors are the parameters' own memory, and change along with
# every step. Copy it, or write it to a file at once.

best = losses.index(min(losses))
assert results == [losses[-1], losses[best]]
assert one_way["linear_relu_stack.0.bias"].data_ptr() == (
    model.linear_relu_stack[0].bias.data_ptr()
)

fig, ax = plt.subplots(figsize=(6.4, 3))
epochs = range(1, len(losses) + 1)
ax.plot(epochs, losses, color=plotting.GRAY, label="validation loss")
ax.axhline(min(losses), color=plotting.GREEN, ls="--", lw=1)
ax.plot(best + 1, results[1], "o", ms=9, color=plotting.GREEN, label="deepcopy")
ax.plot(len(losses), results[0], "X", ms=10, color=plotting.RED, label="no copy")
ax.set(xlabel="epoch", ylabel="loss", title="What was kept of the best epoch")
ax.legend()
plotting.describe(
    fig,
    f"The validation loss over {len(losses)} epochs, lowest in epoch {best + 1} with "
    f"{min(losses):.3f}. A dot there marks what the copy kept. A cross at the end, at "
    f"{results[0]:.3f}, above the dashed line through the dot, marks what was kept "
    "without a copy: the last epoch.",
)
plt.show()

# %%
# A checkpoint
# ------------
#
# To *go on* with a run you need more than weights. An optimizer with momentum remembers its last
# moves. A scheduler knows how far it is. And random numbers decide on the order of the batches, and
# on dropout. Here is a run with all of these, made anew by a function.

EPOCHS = 8


def new_run(seed=0):
    torch.manual_seed(seed)
    model = NeuralNetwork()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=EPOCHS)
    loader = data.make_loader(images, labels, shuffle=True, seed=seed)
    return model, optimizer, scheduler, loader


def train(run, epochs):
    model, optimizer, scheduler, loader = run
    how = {"optimizer": optimizer, "scheduler": scheduler, "epochs": epochs}
    return training.fit(model, loader, **how).train_loss


run = new_run()
first_losses = train(run, 3)
model, optimizer, scheduler, loader = run
momentum = optimizer.state_dict()["state"][0]["momentum_buffer"]  # (512, 784)

print("a parameter's momentum:", tuple(momentum.shape))
print("the scheduler's epoch: ", scheduler.state_dict()["last_epoch"])
print("the loader's generator:", tuple(loader.generator.get_state().shape), "bytes")

# %%
# These objects have states of their own. All go into one dictionary, which is called a
# *checkpoint*, and into one file. Save between two epochs, when the loader is done with its order.

checkpoint = {
    "epoch": 3,
    "model": model.state_dict(),
    "optimizer": optimizer.state_dict(),
    "scheduler": scheduler.state_dict(),
    "order": loader.generator.get_state(),
    "random": torch.get_rng_state(),
}
checkpoint_path = folder / "checkpoint.pt"
torch.save(checkpoint, checkpoint_path)

# %%
# The momentum has one number for each parameter. Adam keeps two. That shows in the sizes.

adam = torch.optim.Adam(model.parameters())
F.cross_entropy(model(images[:64]), labels[:64]).backward()
adam.step()
adam_path = folder / "adam.pt"
torch.save({"model": model.state_dict(), "optimizer": adam.state_dict()}, adam_path)

kinds = ["network", "checkpoint, momentum", "checkpoint, Adam"]
files = [path, checkpoint_path, adam_path]
megabytes = [file.stat().st_size / 1e6 for file in files]
fig, ax = plt.subplots(figsize=(7, 1.8))
bars = ax.barh(kinds, megabytes, color=plotting.BLUE)
ax.bar_label(bars, [f"{n:.2f} MB" for n in megabytes], padding=4)
for n in range(1, 4):
    ax.axvline(4e-6 * n * count, color=plotting.ORANGE, ls="--", lw=1.5)
ax.set(xlim=(0, 1.15 * max(megabytes)), xticks=[])
ax.set_title("One, two and three times the weights (dashed)")
ax.invert_yaxis()
ax.spines[["bottom", "left"]].set_visible(False)
ax.tick_params(length=0)
plotting.describe(
    fig,
    "Three bars of file sizes: "
    + ", ".join(f"{k} {n:.2f} MB" for k, n in zip(kinds, megabytes, strict=True))
    + ". Dashed lines at one, two and three times the size of the weights meet the "
    "ends of the bars.",
)
plt.show()

for times, file in enumerate(files, 1):
    assert 0.98 < file.stat().st_size / (4 * times * count) < 1.02

# %%
# Interrupted and resumed
# -----------------------
#
# The first run goes through eight epochs without a break. The second was interrupted after three:
# all that is left of it is the file. We make everything anew, with another seed, as on another day,
# and put the states back.

whole = new_run()
whole_losses = train(whole, EPOCHS)
whole_weights = list(whole[0].parameters())


def resume(forget=None):
    run = new_run(seed=1)
    model, optimizer, scheduler, loader = run
    saved = torch.load(checkpoint_path, weights_only=True)
    model.load_state_dict(saved["model"])
    if forget == "momentum":
        saved["optimizer"]["state"] = {}
    optimizer.load_state_dict(saved["optimizer"])
    scheduler.load_state_dict(saved["scheduler"])
    if forget != "order":
        loader.generator.set_state(saved["order"])
    torch.set_rng_state(saved["random"])
    return run, train(run, EPOCHS - saved["epoch"])


resumed, resumed_losses = resume()
for ours, expected in zip(resumed[0].parameters(), whole_weights, strict=True):
    assert torch.equal(ours, expected)
assert first_losses + resumed_losses == whole_losses
print("losses of epochs 4 to 8")
print("uninterrupted:", *(f"{loss:.8f}" for loss in whole_losses[3:]))
print("resumed:      ", *(f"{loss:.8f}" for loss in resumed_losses))

# %%
# Not close: *equal*, every weight and every loss, to the last bit.
#
# **Predict, then run.** What if we forget the momentum? Or the state of the generator that shuffles?
# Weights, learning rate and schedule are put back in both cases.

curves, distances = {}, {}
for forget in (None, "momentum", "order"):
    name = f"{forget} forgotten" if forget else "resumed"
    other, curves[name] = resume(forget)
    squares = [
        (a - b).square().sum()
        for a, b in zip(other[0].parameters(), whole_weights, strict=True)
    ]
    distances[name] = torch.stack(squares).sum().sqrt().item()
    print(f"{name:18} distance of the weights: {distances[name]:.3f}")

assert distances["resumed"] == 0
assert min(distances["momentum forgotten"], distances["order forgotten"]) > 0.1

# %%
# Now in pictures: the training loss, and how far the final weights are from the uninterrupted
# run's.

colors = [plotting.BLUE, plotting.RED, plotting.PURPLE]
fig, (left, right) = plt.subplots(1, 2, figsize=(7, 3.1), width_ratios=[1.5, 1])
left.plot(range(1, 9), whole_losses, color=plotting.GRAY, lw=6, alpha=0.5)
left.plot(
    1, whole_losses[0], color=plotting.GRAY, lw=6, alpha=0.5, label="uninterrupted"
)
for (name, curve), color in zip(curves.items(), colors, strict=True):
    left.plot(range(4, 9), curve, "o-", color=color, ms=4, lw=1.5, label=name)
left.axvline(3.5, color=plotting.GRAY, ls="--", lw=1)
left.set(xlabel="epoch", title="Training loss", yscale="log")
left.legend(fontsize=8)
bars = right.bar(range(3), distances.values(), color=colors)
right.bar_label(bars, [f"{n:.2f}" for n in distances.values()], padding=2)
right.set_xticks(range(3), [name.replace(" ", "\n") for name in distances], fontsize=8)
right.set(title="Distance of the weights", ylim=(0, 1.2 * max(distances.values())))
plotting.describe(
    fig,
    "Left, the training loss over eight epochs on a logarithmic scale, with a dashed "
    "line after the third. The dots of the resumed run lie on the thick curve of the "
    "uninterrupted one; the curves with forgotten momentum or order part from it. "
    "Right, the distance of the final weights: "
    + ", ".join(f"{name} {n:.2f}" for name, n in distances.items())
    + ".",
)
plt.show()

# %%
# Nothing warns you: each of the two is a decent run, but another one. If results must be compared,
# or a mistake be found, that matters.
#
# The course's package has this in two functions. They also save Python's and NumPy's random
# numbers, and they refuse to resume with a part left out. Everything comes back, the next random
# number included.

run = new_run()
model, optimizer, scheduler, loader = run
history = training.History(train_loss=train(run, 3))
parts = {"optimizer": optimizer, "scheduler": scheduler, "generator": loader.generator}
checkpoints.save_checkpoint(checkpoint_path, model, **parts, epoch=3, history=history)
next_number = torch.rand(1)  # (1,)

run = new_run(seed=1)
model, optimizer, scheduler, loader = run
parts = {"optimizer": optimizer, "scheduler": scheduler, "generator": loader.generator}
found = checkpoints.load_checkpoint(checkpoint_path, model, **parts)
assert torch.equal(torch.rand(1), next_number)

last_losses = train(run, EPOCHS - found.epoch)
assert found.history.train_loss + last_losses == whole_losses
for ours, expected in zip(model.parameters(), whole_weights, strict=True):
    assert torch.equal(ours, expected)
print(f"resumed after epoch {found.epoch}, and again every weight is equal")

try:  # without the generator
    checkpoints.load_checkpoint(checkpoint_path, *run[:3])
except checkpoints.CheckpointError as error:
    tell(error)

# %%
# .. note::
#    On a GPU, some operations add up in an order of their own, and then even two uninterrupted runs
#    differ. See :func:`torch.use_deterministic_algorithms`.
#
# A crash while writing
# ---------------------
#
# Machines lose power, and jobs are ended from outside. What if that happens while the file is being
# written? We start another Python process that puts a new checkpoint in the place of an old one, in
# two ways. At some point it waits, and there we kill it.
#
# **Predict, then run.** After which kills can the file be read, and which epoch is in it?

new_path = folder / "new.pt"
checkpoints.save_checkpoint(new_path, model, **parts, epoch=EPOCHS)

script = """
import os, sys, time
new, target, way, share = sys.argv[1:]
content = open(new, "rb").read()
cut = int(float(share) * len(content))
place = target if way == "directly" else target + ".part"
with open(place, "wb") as file:
    file.write(content[:cut])
    file.flush()
    print("waiting", flush=True)
    time.sleep(60)
    file.write(content[cut:])
    os.fsync(file.fileno())
if way == "beside":
    os.replace(place, target)
"""


def kill_while_writing(way, share):
    target = folder / "last.pt"
    target.write_bytes(checkpoint_path.read_bytes())
    command = [sys.executable, "-c", script, new_path, target, way, str(share)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "waiting\n"
        process.kill()
    return target


shares = [0, 0.25, 0.5, 0.75, 1]
megabytes = {"directly": [], "beside": []}
unreadable = []
for way, heights in megabytes.items():
    for share in shares:
        target = kill_while_writing(way, share)
        heights.append(target.stat().st_size / 1e6)
        print(f"{way:8} killed after {share:4.0%}: {heights[-1]:.2f} MB, ", end="")
        try:
            print("epoch", torch.load(target, weights_only=True)["epoch"])
        except (EOFError, RuntimeError) as error:
            print("cannot be read,", type(error).__name__)
            unreadable.append((100 * share, heights[-1]))

# %%
# Written *directly*, the old file is gone with the first byte, and until the last one there is
# nothing to load. Written *beside* it, under another name, the old file lies there untouched. Only
# the complete new file gets its name: :func:`os.replace` exchanges the two in one go.

fig, ax = plt.subplots(figsize=(6.4, 2.9))
for way, color in (("beside", plotting.GREEN), ("directly", plotting.RED)):
    percent = [100 * share for share in shares]
    ax.plot(percent, megabytes[way], "o-", color=color, label=f"written {way}")
ax.plot(
    *zip(*unreadable, strict=True), "X", ms=11, color=plotting.RED, label="unreadable"
)
ax.set(
    xlabel="percent of the new file written when killed", ylabel="MB", ylim=(-0.4, 7.6)
)
ax.set_title("What is found under the name afterwards")
ax.legend(loc="upper left", ncols=3)
plotting.describe(
    fig,
    "The size of the file that is found after the kill, over the share of the new one "
    f"that had been written. Written beside, it is {megabytes['beside'][0]:.2f} MB, "
    "the old file, at all times. Written directly, it grows from 0 in a straight line, "
    "and crosses on that line say that it cannot be read until it is complete.",
)
plt.show()

old_size = checkpoint_path.stat().st_size / 1e6
assert megabytes["beside"] == [old_size] * len(shares)
assert megabytes["directly"][0] == 0

# %%
# ``save_checkpoint`` writes beside. Like the script, it renames only what ``os.fsync`` has brought
# from the memory to the disk.
#
# Damaged, or of another kind
# ---------------------------
#
# A file may also be damaged on a disk, or on its way to you. We change a single bit, in the largest
# bias of the last layer.
#
# **Predict, then run.** Will ``torch.load`` notice?

good = torch.load(new_path, weights_only=True)["states"]["model"]
biases = good["linear_relu_stack.4.bias"]  # (10,)
content = bytearray(new_path.read_bytes())
place = content.index(biases.numpy().tobytes()) + 4 * biases.argmax().item()
content[place + 3] ^= 0b0100_0000  # ^ turns one bit over, here of the exponent
damaged_path = folder / "damaged.pt"
damaged_path.write_bytes(content)

damaged = torch.load(damaged_path, weights_only=True)["states"]["model"]
for name, numbers in {"good": good, "damaged": damaged}.items():
    network = NeuralNetwork()
    network.load_state_dict(numbers)
    largest = numbers["linear_relu_stack.4.bias"].max().item()
    accuracy = training.evaluate(network, valid_loader).accuracy
    answers = network(valid_images).argmax(dim=1).unique()  # (answers,)
    print(f"{name}: largest bias {largest:.4g}, accuracy {accuracy:.1%}", end=", ")
    print(f"different answers: {len(answers)}")

assert len(answers) == 1

# %%
# It read the file without a word, and now the network gives one and the same answer to every image.
# There are check sums in the file, but ``torch.load`` does not compare them. ``load_checkpoint``
# does.

try:
    checkpoints.load_checkpoint(damaged_path, model)
except checkpoints.CheckpointError as error:
    tell(error)

# %%
# And a checkpoint of another architecture is told by names and shapes. Whatever the reason, nothing
# in your network has been changed then.

before = copy.deepcopy(normed.state_dict())
try:
    checkpoints.load_checkpoint(checkpoint_path, normed)
except checkpoints.CheckpointError as error:
    tell(error)

assert all(torch.equal(before[name], t) for name, t in normed.state_dict().items())

# %%
# Without the class
# -----------------
#
# To load a file as we did so far, you need your class. ``torch.export.export`` writes down the
# computation itself, so that it can be loaded without the class, or compiled for a program in C++.
# For other tools there is the format ONNX, which ``torch.onnx.export`` writes with the help of a
# package ``onnx``. (We only want to predict, so ``load_checkpoint`` gets the network alone, and
# touches nothing else.)

network = NeuralNetwork()
checkpoints.load_checkpoint(new_path, network)
network.eval()

any_batch = ({0: torch.export.Dim.DYNAMIC},)  # dimension 0 may have any length
exported = torch.export.export(network, (images[:2],), dynamic_shapes=any_batch)
torch.export.save(exported, folder / "network.pt2")

program = torch.export.load(folder / "network.pt2").module()
assert torch.equal(program(valid_images), network(valid_images))
steps = [node.name for node in exported.graph.nodes if node.op == "call_function"]
print("the computation:", " → ".join(steps))

# %%
# Common mistakes
# ---------------
#
# **A path instead of a dictionary.** Two steps are needed: read the file, then load the state.

try:
    NeuralNetwork().load_state_dict("network.pt")
except TypeError as error:
    print("TypeError:", error)

# %%
# **The answer instead of the network.** ``load_state_dict`` changes the network in place. What it
# returns is a report.

network = NeuralNetwork().load_state_dict(state)
try:
    network(valid_images)
except TypeError as error:
    print("TypeError:", error)

# %%
# **No** ``eval()``. With batch normalization and a single image, you are lucky: there is an error.
# (In the clinic: :ref:`error-one-value`.)

try:
    load_normed()(valid_images[:1])
except ValueError as error:
    tell(error)

# %%
# **strict=False to silence an error.** Some programs save names with a prefix. Not strict, nothing
# fits, nothing is loaded, and nothing complains.

prefixed = {f"module.{name}": tensor for name, tensor in state.items()}
network = NeuralNetwork()
report = network.load_state_dict(prefixed, strict=False)
loaded_count = len(state) - len(report.missing_keys)
print(f"loaded: {loaded_count} of {len(state)} tensors")
assert loaded_count == 0

# %%
# **A small part of a large tensor.** A slice shares the memory of the whole, and ``torch.save``
# writes the whole. ``clone()`` first.

sizes = []
for tensor in (images[:1], images[:1].clone()):
    torch.save(tensor, folder / "part.pt")
    sizes.append((folder / "part.pt").stat().st_size)
    print(f"shape {tuple(tensor.shape)}: {sizes[-1]:,} bytes")
assert sizes[0] > images.nbytes > 100 * sizes[1]

# %%
# **An optimizer of another network.** As in :doc:`10_training`, you run the cell that makes the
# network once more, and the optimizer belongs to the one before. ``save_checkpoint`` notices.

model = NeuralNetwork()
try:
    checkpoints.save_checkpoint(checkpoint_path, model, optimizer)
except checkpoints.CheckpointError as error:
    tell(error)

temporary.cleanup()

# %%
# Your turn
# ---------
#
# Write your answer into the cell below an exercise, and run it: ``@exercise`` checks it and prints
# what it finds, and the page goes on with the course's version until yours is right.
# ``hint("save_load")`` and ``solution("save_load")`` help.
#
# **Your turn: save_load.** Write a function ``save_load(model, path)``. It saves the model's
# weights and buffers to the file, makes a new model of the same class, which needs no arguments,
# loads the file into it, and returns it ready to predict. Images of shape (batch, 1, 28, 28) must
# get the same logits, of shape (batch, 10), from both in evaluation mode. The file must be readable
# with ``weights_only=True``.

from firstlayers.exercises import exercise, hint, progress, solution


@exercise
def save_load(model, path):
    """Save weights and buffers, and load them into a new model, ready to predict."""
    ...  # your code here


# %%
# **Your turn: resume_training.** Write a function ``resume_training(path, model, optimizer, loader,
# epochs)``. The file holds a dictionary with ``"epoch"``, the number of epochs that are done, and
# ``"model"``, ``"optimizer"`` and ``"order"``, the state of ``loader.generator``. Put the last
# three back, train with the cross-entropy until ``epochs`` epochs are done in all, and return the
# list of the mean training losses of the epochs that were left. The loader gives images of shape
# (batch, 1, 28, 28) and labels of shape (batch,). A file that could run a program must be refused,
# with PyTorch's own error.


@exercise
def resume_training(path, model, optimizer, loader, epochs):
    """Put a run back where it was, train the epochs left, and return their losses."""
    ...  # your code here


# %%
# Recap
# -----
#
# * Save ``model.state_dict()``, not the model. It holds the numbers, four bytes each; the class
#   stays in your code.
# * Load with ``weights_only=True`` and ``map_location``, then ``load_state_dict``, then ``eval()``.
# * A ``state_dict`` is no copy: ``copy.deepcopy`` keeps the best epoch.
# * A checkpoint also holds optimizer, scheduler, epoch and random numbers. Then a resumed run ends
#   with exactly the same weights.
# * Write beside the old file and rename. Check what you read before you use it.
#
# **Next:** The track ends here. You began with a classifier on one page, in :doc:`01_quickstart`,
# and took it apart: tensors, data, transforms, neurons, layers, parameters, gradients. Then you put
# it together again, trained it, measured it, and learned to keep it. Now run the chapters once more
# with the environment variable ``FIRSTLAYERS_DATASET=mnist``: how much of what you saw holds for
# 70,000 images of another kind?
#
# **Further reading:** :func:`torch.save`, :func:`torch.load`,
# :meth:`torch.nn.Module.load_state_dict`, :meth:`torch.optim.Optimizer.load_state_dict`. PyTorch's
# pages on `what is in a file <https://docs.pytorch.org/docs/stable/notes/serialization.html>`__, `on
# repeatable runs <https://docs.pytorch.org/docs/stable/notes/randomness.html>`__ and on
# `torch.export <https://docs.pytorch.org/docs/stable/export.html>`__. Python's page on `pickle
# <https://docs.python.org/3/library/pickle.html>`__ begins with a warning.
