"""
Train with two processes
========================

You will let two processes train one network, each with half of every batch, and see that what they
get is what one process gets.

**In this chapter you learn**

* what processes that train together tell each other, and why that is enough,
* how much each process has to count where their shares of a batch differ in size,
* to write a training that ``torchrun`` starts twice, and to check its result,
* to start the course's own command in this way, also on several machines,
* when it is worth it, and what usually goes wrong.

**You need** gradients from :doc:`../1_basics/09_autograd`, the training loop from
:doc:`../1_basics/10_training`, and files with weights from :doc:`../1_basics/11_save_load`.
**Time:** 25 minutes.
"""

# %%
# The mean of two means
# ---------------------
#
# Some trainings take too long for one machine. Then several processes share the work: each has a
# copy of the network, computes the gradient of *its share* of the batch, and then all take the same
# step. What do they have to tell each other for that? To find out, we need no second process yet.
# We take 1,067 images, and a function that returns the gradient of all parameters as one vector.

import contextlib
import copy
import inspect
import io
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import matplotlib.pyplot as plt
import torch
from torch import distributed, nn
from torch.nn import functional as F
from torch.nn.parallel import DistributedDataParallel
from torch.optim import SGD, AdamW
from torch.utils.data import DistributedSampler
from torch.utils.flop_counter import FlopCounterMode

from firstlayers import checkpoints, data, models, plotting
from firstlayers.__main__ import main
from firstlayers.distributed import ShareOfBatches, share_weight

plotting.use_style()
images, labels = data.as_tensors(data.load_dataset()[0])  # (N, 1, 28, 28), (N,)
images, labels = images[:1067], labels[:1067]  # (1067, 1, 28, 28), (1067,)


def gradient(model, images, labels):
    """Return the gradient of the mean loss, for all parameters in one vector."""
    loss = F.cross_entropy(model(images), labels)
    parts = torch.autograd.grad(loss, list(model.parameters()))
    return torch.cat([part.flatten() for part in parts])  # (parameters,)


torch.manual_seed(0)
model = models.Network()
batch, batch_labels = images[:64], labels[:64]  # (64, 1, 28, 28), (64,)
whole = gradient(model, batch, batch_labels)  # (109386,)
first = gradient(model, batch[:32], batch_labels[:32])  # (109386,)
second = gradient(model, batch[32:], batch_labels[32:])  # (109386,)

# %%
# **Predict, then run.** The loss of a batch is the mean over its 64 images. How do you get its
# gradient from those of the two halves: is it their sum, or their mean? And is it the same in every
# bit?

mean = (first + second) / 2  # (109386,)
print(f"first half and second half differ by {(first - second).abs().max():.0e}")
print(
    f"their sum and the whole batch,    by {(first + second - whole).abs().max():.0e}"
)
print(f"their mean and the whole batch,   by {(mean - whole).abs().max():.0e}")
print("the same in every bit:", torch.equal(mean, whole))
assert (mean - whole).abs().max() < 1e-7
assert (first - second).abs().max() > 1e-3

# %%
# It is the mean. A gradient of a mean is a mean of gradients, because derivatives of sums are sums.
# Only the last digits differ, because the numbers were added up in another order. So all that the
# processes have to exchange are gradients. No image goes from one to the other.
#
# Here is a piece of these vectors: the gradient of one unit of the first layer, which has one
# number for each pixel. It is the unit about which the two halves agree least.


def unit_pictures(vector):
    """Take the first layer's weights out of a vector, one picture for each unit."""
    return vector[: 128 * 784].view(128, 28, 28)


apart_by_unit = unit_pictures(first - second).flatten(1).norm(dim=1)  # (128,)
unit = apart_by_unit.argmax().item()
shown = {
    "first half": first,
    "second half": second,
    "mean of both": mean,
    "whole batch": whole,
}
bound = max(unit_pictures(vector)[unit].abs().max().item() for vector in shown.values())
fig, axes = plt.subplots(1, 4, figsize=(7, 2.2))
for ax, (title, vector) in zip(axes, shown.items(), strict=True):
    picture = unit_pictures(vector)[unit]  # (28, 28)
    ax.imshow(picture.numpy(), cmap="RdBu_r", vmin=-bound, vmax=bound)
    ax.set_title(title, loc="center", fontsize=10)
    ax.set(xticks=[], yticks=[])
plotting.describe(
    fig,
    f"The gradient of unit {unit}'s weights as four pictures in red and blue. Those of "
    "the first and of the second half of the batch differ from each other. Their mean "
    "and that of the whole batch look the same.",
)
plt.show()

# %%
# Shares that differ in size
# --------------------------
#
# 1,067 images make 16 batches of 64, and a last one of 43. Nobody can halve that. One process gets
# 22 images and the other 21.
#
# **Predict, then run.** Is the mean of the two gradients still that of the whole batch?

last, last_labels = images[1024:], labels[1024:]  # (43, 1, 28, 28), (43,)
whole = gradient(model, last, last_labels)  # (109386,)


def two_shares(size):
    """Cut the last batch into its first images and the rest; return both gradients."""
    return (
        gradient(model, last[:size], last_labels[:size]),
        gradient(model, last[size:], last_labels[size:]),
    )


def off_by(vector):
    """How far a vector is from the whole batch's gradient, as a part of its length."""
    return ((vector - whole).norm() / whole.norm()).item()


first, second = two_shares(22)  # (109386,), (109386,)
plain = (first + second) / 2  # (109386,)
weighted = (22 * first + 21 * second) / 43  # (109386,)
print(f"plain mean:                 off by {off_by(plain):.1%}")
print(f"each weighted by its size:  off by {off_by(weighted):.5%}")
assert off_by(plain) > 0.001
assert off_by(weighted) < 1e-6

# %%
# Not quite. In the plain mean, each image of the smaller share counts a bit more than one of the
# larger share. With 22 and 21 that is a small mistake. How large does it get?

sizes = range(22, 43)
plain_off, weighted_off = [], []
for size in sizes:
    large, small = two_shares(size)  # (109386,), (109386,)
    plain_off.append(off_by((large + small) / 2))
    weighted_off.append(off_by((size * large + (43 - size) * small) / 43))

fig, ax = plt.subplots(figsize=(6.4, 2.9))
ax.plot(sizes, plain_off, "o-", color=plotting.RED, label="plain mean")
ax.plot(sizes, weighted_off, "o-", color=plotting.GREEN, label="weighted by size")
ax.set(yscale="log", ylim=(1e-8, 10), xlabel="images of 43 in the larger share")
ax.set(ylabel="error / length", xticks=[22, 26, 30, 34, 38, 42])
ax.set_title("How far the mean of two gradients is off")
ax.legend(loc="center right")
plotting.describe(
    fig,
    "Two curves on a logarithmic axis over the size of the larger share, 22 to 42. The "
    f"plain mean is off by {plain_off[0]:.1%} of the gradient's length at the left, and "
    f"by {plain_off[-1]:.0%} at the right. Weighted by size, it is off by less than a "
    "millionth everywhere.",
)
plt.show()

assert plain_off[-1] > 10 * plain_off[0]
assert max(weighted_off) < 1e-6

# %%
# The tool that averages, PyTorch's ``DistributedDataParallel``, takes the plain mean. So each
# process has to put its weight in *before*: it multiplies its loss, and with it its gradient, by
# the size of its share over the mean size of all shares.

counts = torch.tensor([22.0, 21.0])  # (2,)
weights = counts / counts.mean()  # (2,)
print("weights:", [round(weight, 4) for weight in weights.tolist()])
plain_of_weighted = (weights[0] * first + weights[1] * second) / 2  # (109386,)
print(f"plain mean of the weighted gradients: off by {off_by(plain_of_weighted):.5%}")
assert off_by(plain_of_weighted) < 1e-6

# %%
# ``share_weight`` in ``firstlayers.distributed`` computes this number. A process knows only the
# size of its own share, so the function adds up the sizes of all processes first. And if a last
# batch has a single image? Then one share is empty, and the mean over nothing is no number.

nothing = F.cross_entropy(model(images[:0]), labels[:0])  # ()
print("mean loss of no images:", nothing.item())
print("sum of their logits:   ", model(images[:0]).sum().item())
assert nothing.isnan()

# %%
# The process must take part in the step all the same, because the other one waits for its
# gradients. So ``training.train_epoch`` takes the sum in this case: a zero, with a gradient of
# zeros.
#
# Two processes
# -------------
#
# Now for real. This is what each process does. It is nearly the loop that you know:


def train_together():
    print("Here is a worker.", flush=True)
    distributed.init_process_group("gloo")  # finds the others
    rank = distributed.get_rank()  # this one's number, from 0
    images, labels = torch.load("examples.pt", weights_only=True)

    torch.manual_seed(0)  # the first weights are those of one process
    model = models.Network()
    shared = DistributedDataParallel(model)
    optimizer = SGD(model.parameters(), lr=0.1)
    seen, seconds = [], []
    for places in ShareOfBatches(labels, 64):  # its share of each batch
        start = time.perf_counter()
        optimizer.zero_grad()
        loss = F.cross_entropy(shared(images[places]), labels[places])
        weight = share_weight(len(places), loss.device)
        (weight * loss).backward()  # and here the gradients are averaged
        optimizer.step()
        seconds.append(time.perf_counter() - start)
        seen.append(places)

    # For us to look at: what this process has seen, and what came out.
    notes = {"seen": seen, "loss": loss.item(), "weight": weight.item()}
    notes |= {"seconds": seconds, "gradients": [p.grad for p in model.parameters()]}
    torch.save(notes, f"notes_{rank}.pt")
    if rank == 0:
        torch.save(model.state_dict(), "two.pt")
        torch.save(shared.state_dict(), "wrapper.pt")  # a mistake, see below
        print("Worker 0 has saved the weights.")
    distributed.destroy_process_group()


# %%
# Four things are new:
#
# * ``init_process_group`` connects the processes. ``gloo`` does so for processors. For GPUs you
#   would write ``nccl``.
# * ``ShareOfBatches`` gives a process its places of every batch. All processes know the same random
#   order, because all of them make it from the same seed.
# * ``DistributedDataParallel`` is a wrapper around the network. At the start it sends the weights
#   of process 0 to the others. From then on, ``backward`` averages the gradients over all
#   processes: as soon as some of them are ready, while the others are still being computed.
# * Process 0 alone saves the weights.
#
# The processes need a script of their own: the imports, this function, and a call. What they do
# after it is for later: they call the course's own command with these options. (To start Python and
# import PyTorch in each process takes longer than all that they compute. So we start them once.) We
# write the script into a temporary folder, with the images beside it.

COMMAND = ["train", "--dataset", "digits", "--model", "Network", "--epochs", "2"]
COMMAND += ["--optimizer", "sgd", "--batch-size", "64", "--device", "cpu"]
COMMAND += ["--save", "run.pt"]

SCRIPT = f"""\
import sys
import time

import torch
from torch import distributed
from torch.nn import functional as F
from torch.nn.parallel import DistributedDataParallel
from torch.optim import SGD

from firstlayers import models
from firstlayers.__main__ import main
from firstlayers.distributed import ShareOfBatches, share_weight


{inspect.getsource(train_together)}

if __name__ == "__main__":
    train_together()
    sys.exit(main({COMMAND}))
"""

temporary = tempfile.TemporaryDirectory()
folder = Path(temporary.name)
(folder / "train_together.py").write_text(SCRIPT, encoding="utf-8")
torch.save((images, labels), folder / "examples.pt")

# %%
# A process's number is called its *rank*, and the number of processes is the *world size*. A
# process finds both in its environment variables, because ``torchrun`` has set them. In a terminal
# you would type:
#
# .. code-block:: console
#
#    $ torchrun --standalone --nproc-per-node 2 train_together.py
#
# ``--standalone`` means that all of them are on this machine. ``torchrun`` is a short name for the
# module ``torch.distributed.run``. We start that from here, and read later what it has printed.


assert distributed.is_available(), "This PyTorch cannot connect processes."
launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
launcher += ["--local-addr", "localhost", "--nproc-per-node", "2"]
environment = {**os.environ, "PYTHONUTF8": "1"}
environment["OMP_NUM_THREADS"] = "1"  # so they do not get into each other's way
environment["USE_LIBUV"] = "0"  # on Windows, PyTorch comes without it
environment.pop("PYTHONWARNINGS", None)  # ours are strict
run = subprocess.Popen(
    [*launcher, "train_together.py"],
    cwd=folder,
    env=environment,
    encoding="utf-8",
    stdout=subprocess.PIPE,
    stderr=subprocess.PIPE,
)

# %%
# Most of the time they will import PyTorch. Meanwhile, one process does the same: this one, with
# whole batches. The wrapper and the weight are gone.

torch.manual_seed(0)
alone = models.Network()
optimizer = SGD(alone.parameters(), lr=0.1)
order = []
for places in ShareOfBatches(labels, 64):
    optimizer.zero_grad()
    F.cross_entropy(alone(images[places]), labels[places]).backward()
    optimizer.step()
    order.append(places)

# %%
# **Predict, then run.** Both processes go through all steps. Which of these will be the same in
# both of them: the images, the loss, the gradient after ``backward``?

try:
    output, complaints = run.communicate(timeout=500)  # waits for their end
finally:
    run.terminate()  # where it has not ended; it ends its processes, too
if run.returncode != 0:
    raise RuntimeError(f"the processes failed:\n{output}\n{complaints}")

lines = output.splitlines()
end = lines.index("Worker 0 has saved the weights.") + 1
printed, printed_by_command = lines[:end], lines[end:]
print(*printed, sep="\n")
notes = [
    torch.load(folder / f"notes_{rank}.pt", weights_only=True) for rank in range(2)
]
for rank, note in enumerate(notes):
    *_, last_share = note["seen"]
    in_all = sum(map(len, note["seen"]))
    print(f"process {rank}: {in_all} images in {len(note['seen'])} steps; ", end="")
    print(f"in the last {len(last_share)}, weight {note['weight']:.4f}, ", end="")
    print(f"loss {note['loss']:.4f}")

gradients = [torch.cat([g.flatten() for g in note["gradients"]]) for note in notes]
print("gradients after backward, equal in every bit:", torch.equal(*gradients))
assert torch.equal(*gradients)
assert notes[0]["loss"] != notes[1]["loss"]

# %%
# Each had its own images and its own loss, and after ``backward`` both had the same gradient. So
# both took the same step, and their weights stayed alike without ever being compared. Are they also
# those of the one process?

by_two = torch.load(folder / "two.pt", weights_only=True)
start_weights = model.state_dict()
for name, by_one in alone.state_dict().items():
    moved = (by_one - start_weights[name]).abs().max()
    apart = (by_one - by_two[name]).abs().max()
    print(f"{name}: moved by up to {moved:.3f}, apart by up to {apart:.0e}")
    assert apart < 1e-6
    assert moved > 10_000 * apart

# %%
# They are. What lies between them is less than a ten-thousandth of the way that they have gone. And
# who had which image? Here are all places of all steps, in the order in which one process takes
# them.

worker_of = {}
for rank, note in enumerate(notes):
    for places in note["seen"]:
        worker_of |= dict.fromkeys(places, rank)

fig, ax = plt.subplots(figsize=(7, 2.8))
for rank, color in enumerate([plotting.BLUE, plotting.ORANGE]):
    cells = [
        (column, step)
        for step, places in enumerate(order, 1)
        for column, place in enumerate(places, 1)
        if worker_of[place] == rank
    ]
    ax.scatter(*zip(*cells, strict=True), s=18, marker="s", color=color)
ax.set(xlabel="place in the batch", ylabel="step", xlim=(0, 65), ylim=(18, 0))
ax.set(xticks=[1, 16, 32, 48, 64], yticks=[1, 8, 17])
ax.set_title("Images of process 0 (blue) and of process 1 (orange)")
plotting.describe(
    fig,
    "A table of 17 steps in rows and 64 places of a batch in columns. Blue and orange "
    "take turns in each row, from the first place to the last. The last row ends after "
    "43 places.",
)
plt.show()

seen = [place for note in notes for places in note["seen"] for place in places]
print("every image once:", sorted(seen) == list(range(1067)))
assert sorted(seen) == list(range(1067))

# %%
# The course's own command
# ------------------------
#
# ``python -m firstlayers train`` trains a network of this course, and it does all of the above when
# ``torchrun`` starts it:
#
# .. code-block:: console
#
#    $ torchrun --nproc-per-node 2 -m firstlayers train --save two.pt
#
# Our two processes have called the same, with options that see to it that the run is short, with
# SGD, and on the processor even where there is a GPU. It has printed this. (We leave out the line
# that says how long it took, because it is different each time.)


def without_time(lines):
    return [line for line in lines if not line.startswith("Time:")]


printed_by_two = without_time(printed_by_command)
print(*printed_by_two, sep="\n")

# %%
# **Predict, then run.** Now one process, with the same words. Which of these lines will be
# different?

folder_of_one = Path(tempfile.mkdtemp(dir=folder))
with contextlib.chdir(folder_of_one), contextlib.redirect_stdout(io.StringIO()) as out:
    status = main(COMMAND)

printed_by_one = without_time(out.getvalue().splitlines())
for line in printed_by_one:
    if line not in printed_by_two:
        print("different:", line)

saved_by_one, saved_by_two = models.Network(), models.Network()
checkpoints.load_checkpoint(folder_of_one / "run.pt", saved_by_one)
checkpoints.load_checkpoint(folder / "run.pt", saved_by_two)
pairs = zip(saved_by_one.parameters(), saved_by_two.parameters(), strict=True)
apart = max((a - b).abs().max().item() for a, b in pairs)
print(f"weights in the two files: apart by up to {apart:.0e}")

assert status == 0
assert apart < 1e-6
assert len(set(printed_by_one) - set(printed_by_two)) == 1
assert sum("Test accuracy" in line for line in printed_by_two) == 1

# %%
# Only the line that says how many they were. The batch size is that of all processes together, so
# the same options mean the same training, with any number of them. And everything was printed once:
# process 0 alone downloads, validates, tests, prints and saves, while the others wait.
#
# What if a process dies in the middle, because memory runs out, or a machine fails? Then
# ``torchrun`` ends the others, which cannot go on without it. With ``--max-restarts 3`` it starts
# all of them again, at most three times. With ``--resume`` they then go on from the file, which is
# saved after each epoch:
#
# .. code-block:: console
#
#    $ torchrun --nproc-per-node 2 --max-restarts 3 \
#          -m firstlayers train --save two.pt --resume
#
# On several machines, which ``torchrun`` calls *nodes*, type the same on each of them. ``HOST`` is
# the name of the one where they meet, and the file must be on a disk that all of them see:
#
# .. code-block:: console
#
#    $ torchrun --nnodes 2 --nproc-per-node 8 \
#          --rdzv-backend c10d --rdzv-endpoint HOST:29400 \
#          -m firstlayers train --save /shared/two.pt --resume
#
# :doc:`/api/distributed` says more. These two were not run for this page. But the course's tests do
# so: they kill a process in the middle of a training, they start three processes on two nodes, and
# each time they compare the weights with those of one process.
#
# Where they part
# ---------------
#
# The weights were those of one process, but for rounding. In a long training, each step starts from
# weights that already differ in their last digits. Do these differences stay small? We need no
# second process to see it. One network gets whole batches, its twin gets the mean of two halves,
# and we look at the largest difference of their weights after each step.


def drift(optimizer_class, learning_rate, dtype, steps=100):
    """Train twins with whole and with halved batches; return how far they are apart."""
    torch.manual_seed(0)
    twins = [models.Network().to(dtype)]
    twins.append(copy.deepcopy(twins[0]))
    optimizers = [optimizer_class(t.parameters(), lr=learning_rate) for t in twins]
    sampler, apart, epoch = ShareOfBatches(labels, 64), [], 0
    inputs = images.to(dtype)
    while len(apart) < steps:
        sampler.set_epoch(epoch)
        epoch += 1
        for places in sampler:
            cuts = [places], [places[0::2], places[1::2]]
            for twin, optimizer, shares in zip(twins, optimizers, cuts, strict=True):
                optimizer.zero_grad()
                for share in shares:  # gradients add up
                    loss = F.cross_entropy(twin(inputs[share]), labels[share])
                    (loss * len(share) / len(places)).backward()
                optimizer.step()
            pairs = zip(*(twin.parameters() for twin in twins), strict=True)
            apart.append(max((a - b).abs().max().item() for a, b in pairs))
    return apart[:steps], twins


runs = {
    "AdamW": (AdamW, 0.003, torch.float32),
    "SGD": (SGD, 0.1, torch.float32),
    "AdamW, float64": (AdamW, 0.003, torch.float64),
}
curves, twins_of = {}, {}
for name, settings in runs.items():
    curves[name], twins_of[name] = drift(*settings)

fig, ax = plt.subplots(figsize=(6.4, 3.1))
colors = [plotting.ORANGE, plotting.BLUE, plotting.GRAY]
for (name, curve), color in zip(curves.items(), colors, strict=True):
    ax.plot(range(1, len(curve) + 1), curve, color=color, label=name)
    ax.annotate(name, (len(curve), curve[-1]), (5, 0), textcoords="offset points")
ax.set(yscale="log", xlabel="step", xlim=(0, 130), xticks=range(0, 101, 25))
ax.set_title("Largest difference of the weights, whole or halved batches")
plotting.describe(
    fig,
    "Three curves on a logarithmic axis over 100 steps. SGD in float32 begins near a "
    f"hundred-millionth and rises to {curves['SGD'][-1]:.0e}. AdamW in float32 is far "
    f"above it from the first step on, and ends at {curves['AdamW'][-1]:.0e}. AdamW in "
    f"float64 stays far below both, at {curves['AdamW, float64'][-1]:.0e}.",
)
plt.show()

assert curves["SGD"][-1] > 3 * curves["SGD"][0]
assert curves["AdamW"][-1] > 5 * curves["SGD"][-1]
assert curves["AdamW"][-1] > 1e6 * curves["AdamW, float64"][-1]

# %%
# With plain SGD they grow, and slowly. AdamW divides every gradient by its own usual size
# (:doc:`../1_basics/10_training`), so that small ones count as much as large ones, and with them
# their rounding. The gray curve shows that nothing but rounding is at work: the same training with
# twice as many digits stays more than a million times as close. Two machines that add up in another
# order may part in the same way. Is the network any worse for it?

test_images, test_labels = data.as_tensors(
    data.load_dataset()[1]
)  # (M, 1, 28, 28), (M,)
for name in ("SGD", "AdamW"):
    for twin, kind in zip(twins_of[name], ("whole", "halved"), strict=True):
        with torch.inference_mode():
            right = twin(test_images).argmax(dim=1) == test_labels  # (M,)
        print(f"{name:5} with {kind:6} batches: {right.float().mean():.1%} right")

# %%
# So to know whether your code is right, compare the weights after a short run with SGD. To know
# whether a training is good, compare accuracies.
#
# Is it worth it?
# ---------------
#
# What does it cost? In every step, each process sends all of its gradients, and receives as many.
# What does it gain? Each process computes only its share. PyTorch can count both.

network_bytes = sum(p.numel() * p.element_size() for p in models.Network().parameters())
print(f"gradients of Network: {network_bytes:,} bytes in each step")


def operations(model, count):
    """Count the additions and multiplications of a step with so many images."""
    with FlopCounterMode(display=False) as counter:
        logits = model(images[:count])
        F.cross_entropy(logits, labels[:count]).backward()
    return counter.get_total_flops()


for count in (64, 32):
    counted = operations(models.Network(), count)
    print(f"a step with {count} images: {counted:12,} operations")

# %%
# With half of the images, each process computes half as much. But it sends just as many bytes,
# however few its images are. So what counts are the operations *for each byte sent*. More images
# for each process help. Does a larger network help, too?
#
# **Predict, then run.** ``NeuralNetwork`` has six times as many parameters as ``Network``. Will a
# process do more operations for each byte that it sends?

convolutions = nn.Sequential(
    *(nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
    *(nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
    *(nn.Flatten(), nn.Linear(32 * 7 * 7, 10)),
)
networks = {
    "with convolutions": convolutions,
    "NeuralNetwork": models.NeuralNetwork(),
    "Network": models.Network(),
}
images_each = [8, 16, 32, 64, 128]
per_byte = {}
for name, network in networks.items():
    sent = sum(p.numel() * p.element_size() for p in network.parameters())
    per_byte[name] = [operations(network, count) / sent for count in images_each]
    print(f"{name:17}: {sent:9,} bytes, ", end="")
    print(f"{per_byte[name][2]:5.0f} operations for each, with 32 images")

fig, ax = plt.subplots(figsize=(6.4, 3))
for name, line in per_byte.items():
    ax.plot(images_each, line, "o-", label=name)
ax.set(xscale="log", yscale="log", xlabel="images in the share of a process")
ax.set_xticks(images_each, [str(count) for count in images_each])
ax.minorticks_off()
ax.set_title("Operations for each byte that is sent")
ax.legend()
plotting.describe(
    fig,
    "Three rising straight lines on logarithmic axes, over the images in the share of "
    "a process. Network and NeuralNetwork lie close together; the network with "
    f"convolutions lies {per_byte['with convolutions'][2] / per_byte['Network'][2]:.0f}"
    " times as high as Network.",
)
plt.show()

pairs = zip(per_byte["NeuralNetwork"], per_byte["Network"], strict=True)
ratio = [large / small for large, small in pairs]
assert all(1 < value < 1.5 for value in ratio)
assert per_byte["with convolutions"][2] > 20 * per_byte["Network"][2]

# %%
# Hardly. More parameters are more work, and as many more bytes. In a linear layer, each image uses
# each weight once. What helps are layers that use their weights many times for each image. A
# *convolution* is one: it moves a few weights over all places of the image. (This course has no
# chapter on it.)
#
# Besides, a step is more than its operations. Some of its costs do not depend on the batch
# (:doc:`01_speed`), and on top come sending and waiting. For a network as small as ours, this is
# usually more than what is saved. (Our worker has noted the seconds of its steps. To see what it is
# on your machine, compare the middle one of ``sorted(notes[0]["seconds"])`` with a step of one
# process.) Several processes are for steps that take long, with large networks and large batches, on
# machines with fast lines between them.
#
# Common mistakes
# ---------------
#
# **To start it without torchrun.** Then nothing says who this process is.

try:
    distributed.init_process_group("gloo")
except ValueError as error:
    print("ValueError:", error)

# %%
# **To let everybody print and save.** Our worker printed one line before it asked for its rank:

for line in sorted(set(printed)):
    print(f"{printed.count(line)} ×", line)

assert printed.count("Here is a worker.") == 2

# %%
# With eight processes it would be there eight times. That is only a nuisance. But processes that
# write the same file at the same time can spoil it. So ask ``if rank == 0`` before either.
#
# **To save the wrapper.** ``DistributedDataParallel`` is a module that has the network inside,
# under the name ``module``. So its ``state_dict`` has other names. Worker 0 has saved that one,
# too:

wrapped = torch.load(folder / "wrapper.pt", weights_only=True)
print(list(wrapped)[:2])
try:
    models.Network().load_state_dict(wrapped)
except RuntimeError as error:
    print("RuntimeError:", str(error).partition(",")[0], "…")

# %%
# Save ``shared.module.state_dict()``, or keep a name for the network itself, as our worker does.
#
# **To think that a DistributedSampler divides the images.** It is PyTorch's usual way to do so. But
# it makes all shares of the same size, and where the images do not suffice, it repeats some. Here
# it gives 11 of them to two processes.

shares = [list(DistributedSampler(range(11), 2, rank, seed=0)) for rank in range(2)]
for rank, share in enumerate(shares):
    print(f"process {rank}: {share}")

both = sorted(shares[0] + shares[1])
twice = {place for place in both if both.count(place) > 1}
print(f"{len(both)} places, twice among them: {twice}")
assert len(both) == 12
assert len(twice) == 1

# %%
# For training, an image that comes twice hardly matters. (Only do not expect the result of one
# process.) But an accuracy that is measured in this way counts some images twice. Let process 0
# measure alone.
#
# **To forget set_epoch.** The order comes from the seed and the epoch's number. A sampler that is
# not told the number gives the same order in every epoch.

sampler = DistributedSampler(range(8), 1, 0, seed=0)
orders = [list(sampler) for epoch in range(2)]
print("not told:", *orders)
assert orders[0] == orders[1]

orders = []
for epoch in range(2):
    sampler.set_epoch(epoch)
    orders.append(list(sampler))
print("told:    ", *orders)
assert orders[0] != orders[1]

# %%
# Our ``ShareOfBatches`` wants to be told, too. ``training.fit`` does it.
#
# **To overlook whose batch size it is.** Many programs give a batch size for *each process*. If
# two processes take 64 images each, the step is that of a batch of 128, and there are half as many
# steps in an epoch. So one process with batches of 128 shows what comes out.


def loss_after_training(batch_size, learning_rate):
    torch.manual_seed(0)
    model = models.Network()
    optimizer = SGD(model.parameters(), lr=learning_rate)
    sampler = ShareOfBatches(labels, batch_size)
    for epoch in range(4):
        sampler.set_epoch(epoch)
        for places in sampler:
            optimizer.zero_grad()
            F.cross_entropy(model(images[places]), labels[places]).backward()
            optimizer.step()
    loss = F.cross_entropy(model(images), labels).item()
    print(f"batches of {batch_size:3}, learning rate {learning_rate}: ", end="")
    print(f"{4 * len(sampler)} steps, loss {loss:.2f}")
    return loss


usual = loss_after_training(64, 0.1)
twice_as_large = loss_after_training(128, 0.1)
with_larger_steps = loss_after_training(128, 0.2)
assert usual < twice_as_large
assert with_larger_steps < twice_as_large

# %%
# With half of the steps, it has learned less. A larger learning rate makes up for it, up to a point.
# Our command makes it simpler: its batch size is that of all processes together.
#
# Your turn
# ---------
#
# Write your answer into the cell below an exercise, and run it: ``@exercise`` checks it and prints
# what it finds, and the page goes on with the course's version until yours is right.
# ``hint("share_of_batch")`` and ``solution("share_of_batch")`` help.
#
# **Your turn: share_of_batch.** Write a function ``share_of_batch(batch, rank, world_size)``.
# ``batch`` is a list of places. Return the list of those that process ``rank`` takes, one of
# ``world_size`` processes that are counted from 0. Together they must take every place once, and no
# process may take two more than another. Where the batch has fewer places than there are processes,
# some lists are empty.

from firstlayers.exercises import exercise, hint, progress, solution


@exercise
def share_of_batch(batch, rank, world_size):
    """A list of places -> the list of those that one of the processes takes."""
    ...  # your code here


# %%
# **Your turn: average_gradients.** Write a function ``average_gradients(gradients, counts)``.
# ``gradients`` is a list of tensors of the same shape, one from each process: the gradient of the
# mean loss of its share. ``counts`` is a list of whole numbers, how many images each share had.
# Return the gradient of the mean loss over all images, as a new tensor of the same shape. A count
# may be 0; the gradient of that process is all zeros then.


@exercise
def average_gradients(gradients, counts):
    """One gradient and one count from each process -> the whole batch's gradient."""
    ...  # your code here


# %%
# Whoever wrote it, let it put the three shares of the last batch together:

parts = [share_of_batch(list(range(1024, 1067)), rank, 3) for rank in range(3)]
from_three = [gradient(model, images[part], labels[part]) for part in parts]
together = average_gradients(from_three, [len(part) for part in parts])  # (109386,)
print("shares:", [len(part) for part in parts])
print(f"off by {off_by(together):.5%}")
assert off_by(together) < 1e-6

temporary.cleanup()

# %%
# Recap
# -----
#
# * The gradient of a batch is the mean of its shares' gradients, each weighted by its size. It is
#   all that processes have to exchange.
# * ``torchrun`` starts the same script several times, ``init_process_group`` connects the
#   processes, and ``DistributedDataParallel`` averages in ``backward``.
# * Check it: a few steps with SGD give the weights of one process, but for rounding. Long runs
#   part, and are as good.
# * Process 0 alone prints, measures and saves, and it saves the network, not the wrapper.
# * It is worth it where a step computes much for each byte that it sends.
#
# **Next:** :doc:`03_autograd_in_sixty_lines` opens up what ``backward`` does.
#
# **Further reading:** :doc:`/api/distributed`, :class:`torch.nn.parallel.DistributedDataParallel`,
# and `torchrun <https://docs.pytorch.org/docs/stable/elastic/run.html>`__. How the averaging hides
# behind ``backward``: Li and others, `PyTorch distributed <https://arxiv.org/abs/2006.15704>`__. On
# large batches and the learning rate: Goyal and others, `Accurate, large minibatch SGD
# <https://arxiv.org/abs/1706.02677>`__.
