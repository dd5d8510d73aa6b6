"""
Find out where the time goes
============================

You will measure what an epoch spends its time on, remove what is in the way, and know how far your
training is from the fastest that your machine allows.

**In this chapter you learn**

* to time code so that the number means something,
* to ask a profiler where the time goes, instead of guessing,
* to fetch whole batches at once, and what that changes,
* to choose a batch size and an optimizer with their cost in view,
* to compare with a floor, and what a GPU would change.

**You need** the training loop of :doc:`../1_basics/10_training` and the data sets of
:doc:`../1_basics/03_data`.
**Time:** 20 minutes.
"""

# %%
# A loop that is everywhere
# -------------------------
#
# Here is the training loop of most tutorials. Each image is taken by itself, through two transforms,
# and a ``DataLoader`` stacks 64 of them. In every step the loss is read as a number. The loop is
# right. How fast is it?

import cProfile
import pstats
import statistics
import time

import matplotlib.pyplot as plt
import torch
from torch.nn import functional as F
from torch.optim import SGD, AdamW
from torch.utils.data import DataLoader
from torchvision.transforms import v2

from firstlayers import data, models, plotting, training

plotting.use_style()
to_tensor = v2.Compose([v2.ToImage(), v2.ToDtype(torch.float32, scale=True)])
normalize = v2.Normalize([0.5], [0.5])
one_by_one, _ = data.load_dataset(transform=v2.Compose([to_tensor, normalize]))
one_by_one = torch.utils.data.Subset(one_by_one, range(1024))
slow_loader = DataLoader(one_by_one, batch_size=64, shuffle=True)


def usual_epoch(model, loader, optimizer):
    running_loss = 0.0
    for images, labels in loader:
        optimizer.zero_grad()
        loss = F.cross_entropy(model(images), labels)
        loss.backward()
        optimizer.step()
        running_loss += loss.item()
    return running_loss / len(loader)


# %%
# To time it, take care of three things. The *first* run pays for things that happen once: memory is
# requested, code is loaded, caches are filled. So there is a run that does not count. A machine does
# other things, too, so one number is an accident: run it several times, and take the *median*. And
# stop the time with ``time.perf_counter``, which never goes back, as a clock on the wall may.


def median_seconds(function, repeats=5):
    """Call a function several times; return how long it takes, as a rule."""
    function()  # does not count
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


torch.manual_seed(0)
model = models.Network()
optimizer = SGD(model.parameters(), lr=0.01)
usual = median_seconds(lambda: usual_epoch(model, slow_loader, optimizer), repeats=3)
print(f"1,024 images, one epoch: {usual:.3f} s, {1024 / usual:,.0f} images per second")

# %%
# Is that much or little? A number alone does not say. So take it apart.
#
# **Predict, then run.** The network has about 109,000 parameters, and each step computes a gradient
# for each of them. Which part of an epoch takes longer: to fetch the images, or to learn from them?


def only_fetch():
    for _images, _labels in slow_loader:
        pass


batches = list(slow_loader)
fetching = median_seconds(only_fetch, repeats=3)
learning = median_seconds(lambda: usual_epoch(model, batches, optimizer))
print(f"to fetch the batches:    {fetching:.3f} s")
print(f"to learn from them:      {learning:.3f} s")
print(f"fetching is {fetching / (fetching + learning):.0%} of both")

fig, ax = plt.subplots(figsize=(6.4, 1.8))
ax.barh(["an epoch"], [fetching], color=plotting.ORANGE, label="fetch")
ax.barh(["an epoch"], [learning], left=[fetching], label="learn")
ax.set(xlabel="seconds")
fig.legend(loc="outside upper center", ncols=2)
plotting.describe(
    fig,
    f"A bar of two parts: fetching the batches, {fetching:.3f} seconds, and learning "
    f"from them, {learning:.3f} seconds. The first is much longer.",
)
plt.show()

# %%
# Nearly all of it is spent before the network sees anything. To make the network smaller, or to buy
# a faster processor for it, would hardly be noticed.
#
# Ask a profiler
# --------------
#
# A profiler counts how often each function is called, and how long it takes. Python brings one
# along, ``cProfile``. It slows everything down, so read the *shares*, not the seconds.

with cProfile.Profile() as profiler:
    only_fetch()
stats = pstats.Stats(profiler)

rows = []
for (_file, _line, name), (_, calls, own, *_others) in stats.stats.items():
    rows.append((own / stats.total_tt, calls, name))
rows.sort(reverse=True)
print("share   calls   function")
for share, calls, name in rows[:8]:
    print(f"{share:5.1%} {calls:7,}   {name[:60]}")

calls_of = stats.total_calls
print(f"all calls: {calls_of:,}, for each image {calls_of / 1024:.0f}")

assert calls_of > 50 * 1024

# %%
# No single function is to blame. There are simply very many calls: for each image, the same
# picture object is made, turned into an array, into a tensor, scaled, shifted, divided, stacked.
# Each call costs about the same, whether it is for 784 numbers or for a million.
#
# Convert once, fetch whole batches
# ---------------------------------
#
# The cure follows from that: do the same to *all* images at once, before training, and fetch a batch
# with *one* index. ``data.as_tensors`` and ``data.make_loader`` do that, as the course always has.

images, labels = data.as_tensors(
    data.load_dataset()[0], mean=0.5, std=0.5
)  # (N, 1, 28, 28), (N,)
images, labels = images[:1024], labels[:1024]  # (1024, 1, 28, 28), (1024,)
fast_loader = data.make_loader(images, labels, 64, shuffle=True)

torch.testing.assert_close(one_by_one[0][0], images[0])


def only_fetch_batches():
    for _images, _labels in fast_loader:
        pass


fetching_batches = median_seconds(only_fetch_batches)
ours = median_seconds(lambda: training.train_epoch(model, fast_loader, optimizer))
print(f"fetch, image by image: {1000 * fetching:7.1f} ms")
print(f"fetch, whole batches:  {1000 * fetching_batches:7.1f} ms")
print(f"an epoch, before:      {1000 * usual:7.1f} ms")
print(f"an epoch, now:         {1000 * ours:7.1f} ms, {usual / ours:.1f} times as fast")

with cProfile.Profile() as profiler:
    only_fetch_batches()
calls_now = pstats.Stats(profiler).total_calls
print(f"calls of functions, before: {calls_of:,}; now: {calls_now:,}")

assert calls_of > 20 * calls_now

# %%
# The images are the same, and so is the mathematics. It costs memory instead: all images as floats.

megabytes = images.numel() * images.element_size() / 1e6
print(f"{len(images):,} images take {megabytes:.1f} MB, and 60,000 take", end=" ")
print(f"{60_000 * megabytes / len(images):.0f} MB")

# %%
# Where that is too much, because images are large, they have to be fetched one by one. Then let other
# processes do it while the network learns: ``DataLoader(..., num_workers=4)``. For images as small as
# ours, handing them from process to process takes longer than the work itself.
#
# How large a batch?
# ------------------
#
# A step has costs that do not depend on the batch: calls from Python, and a new value for each
# parameter. In a larger batch, more images share them.
#
# **Predict, then run.** From 16 images in a batch to 1,024: is an epoch 64 times as fast?

sizes = [16, 32, 64, 128, 256, 512, 1024]
seconds = []
for size in sizes:
    loader = data.make_loader(images, labels, size, shuffle=True)
    seconds.append(
        median_seconds(
            lambda loader=loader: training.train_epoch(model, loader, optimizer)
        )
    )
    print(f"batch size {size:5}: {len(loader):3} steps, {1000 * seconds[-1]:6.1f} ms")

rates = [1024 / taken for taken in seconds]
fig, ax = plt.subplots(figsize=(6, 2.8))
ax.plot(sizes, rates, "o-")
ax.set(xscale="log", xlabel="batch size", title="Images per second", ylim=(0, None))
ax.set_xticks(sizes, [str(size) for size in sizes])
ax.yaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
ax.minorticks_off()
plotting.describe(
    fig,
    f"A curve of images per second over the batch size. It rises from {rates[0]:,.0f} at "
    f"16 to {rates[-1]:,.0f} at 1,024, steeply first and then less.",
)
plt.show()

# %%
# It is faster, but by less: soon most of the time is spent on the mathematics, which no batch size
# makes less. And a larger batch is not free: there are fewer steps in an epoch, so the weights move
# less often. Faster epochs are no use if you need more of them. What counts is the time to an
# accuracy, and for that the learning rate has to grow with the batch.
#
# What a step is made of
# ----------------------
#
# How fast could a step be at best? Its heart are matrix products: three forward, and backward one for
# each weight and one for each hidden layer's values. Nobody gets around those. So time them alone.
# That is our *floor*.

size = 512
some, some_labels = images[:size], labels[:size]  # (512, 1, 28, 28), (512,)
layers = [model.fc1, model.fc2, model.fc3]
weights = [layer.weight.detach() for layer in layers]
values = [torch.randn(size, layer.in_features) for layer in layers]
gradients = [torch.randn(size, layer.out_features) for layer in layers]


def products():
    for number, (weight, value, gradient) in enumerate(
        zip(weights, values, gradients, strict=True)
    ):
        value @ weight.T  # forward
        gradient.T @ value  # the gradient of the weight
        if number > 0:
            gradient @ weight  # the gradient of the layer's input


def step_with(optimizer):
    optimizer.zero_grad()
    F.cross_entropy(model(some), some_labels).backward()
    optimizer.step()


floor = median_seconds(products, repeats=30)
kinds = {
    "SGD": SGD(model.parameters(), lr=0.01),
    "AdamW, one by one": AdamW(model.parameters(), foreach=False),
    "AdamW, fused": AdamW(model.parameters(), fused=True),
}
steps = {
    name: median_seconds(lambda kind=kind: step_with(kind), repeats=30)
    for name, kind in kinds.items()
}
print(f"matrix products alone: {1000 * floor:.2f} ms")
for name, taken in steps.items():
    print(
        f"a step, {name:18} {1000 * taken:.2f} ms, {taken / floor:.1f} times the floor"
    )

fig, ax = plt.subplots(figsize=(6.4, 2.2))
names = ["matrix products alone", *steps]
bars = [1000 * taken for taken in (floor, *steps.values())]
ax.barh(names, bars, color=[plotting.GRAY, *[plotting.BLUE] * 3], height=0.7)
ax.invert_yaxis()
ax.set(xlabel="milliseconds", title="A step of 512 images")
plotting.describe(
    fig,
    "Four bars, milliseconds for 512 images: the matrix products alone, and whole steps "
    "with SGD, AdamW one parameter at a time, and AdamW fused. All steps are longer than "
    "the products, by less than some times.",
)
plt.show()

# %%
# The rest is what surrounds the products: activations, softmax, the loss, the new weights. AdamW keeps
# two more numbers for each parameter. *Fused* means that all of its arithmetic is one pass over them.
# If you are within twice the floor, you are done: look for better mathematics, not for faster code.
# (``torch.compile`` may get a bit closer. It needs a C++ compiler and many seconds before the first
# step, which a network as small as ours does not win back.)
#
# Fewer steps
# -----------
#
# The best way to save time is to need fewer steps. Here are the usual loop and a better recipe: larger
# batches, AdamW, and a learning rate that rises and falls again. Both get the same number of images.

test_images, test_labels = data.as_tensors(
    data.load_dataset()[1], mean=0.5, std=0.5
)  # (M, 1, 28, 28), (M,)
test_images, test_labels = (
    test_images[:2000],
    test_labels[:2000],
)  # (M, 1, 28, 28), (M,)


def accuracy(model):
    with torch.inference_mode():
        return (model(test_images).argmax(dim=1) == test_labels).float().mean().item()


epochs = 12
torch.manual_seed(0)
usual_model = models.Network()
usual_optimizer = SGD(usual_model.parameters(), lr=0.01)
curves = {"SGD, batch size 64": [], "AdamW and OneCycleLR, batch size 64": []}
for _ in range(epochs):
    training.train_epoch(usual_model, fast_loader, usual_optimizer)
    curves["SGD, batch size 64"].append(accuracy(usual_model))

torch.manual_seed(0)
better_model = models.Network()
better_optimizer = AdamW(better_model.parameters(), fused=True)
scheduler = torch.optim.lr_scheduler.OneCycleLR(
    better_optimizer, max_lr=0.005, total_steps=epochs * len(fast_loader)
)
for _ in range(epochs):
    for batch, batch_labels in fast_loader:
        better_optimizer.zero_grad()
        F.cross_entropy(better_model(batch), batch_labels).backward()
        better_optimizer.step()
        scheduler.step()
    curves["AdamW and OneCycleLR, batch size 64"].append(accuracy(better_model))

fig, ax = plt.subplots(figsize=(6.4, 2.8))
for name, curve in curves.items():
    ax.plot(range(1, epochs + 1), curve, "o-", label=name)
    print(f"{name:37} after {epochs} epochs: {curve[-1]:.1%}")
ax.yaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
ax.set(xlabel="epoch", title="Accuracy on test images", ylim=(0, 1.02))
ax.legend(loc="lower right")
plotting.describe(
    fig,
    "Two curves of the accuracy on test images over twelve epochs. With SGD and a "
    f"learning rate of 0.01 it ends at {curves['SGD, batch size 64'][-1]:.0%}; with AdamW "
    "and OneCycleLR it is higher from the start and ends at "
    f"{curves['AdamW and OneCycleLR, batch size 64'][-1]:.0%}.",
)
plt.show()

usual_curve, better_curve = curves.values()
assert better_curve[-1] > usual_curve[-1]

# %%
# The gains multiply: faster epochs, and fewer of them.
#
# What a GPU would change
# -----------------------
#
# A GPU does matrix products many times as fast. But it waits for data, and each call from Python
# costs as much as before. For small networks the calls are what is left, so a small network may be
# no faster there. Two things are different when you measure. Work is handed over, and the call
# returns *before* it is done: wait for it before you stop the time. And ``.item()`` waits for all of
# it, each time.

if torch.accelerator.is_available():
    device = torch.accelerator.current_accelerator()
    a = torch.ones(2048, 2048, device=device)

    def waited():
        a @ a
        torch.accelerator.synchronize()

    print(
        f"{device}: product handed over {1e6 * median_seconds(lambda: a @ a):.0f} µs",
        end=", ",
    )
    print(f"done after {1e6 * median_seconds(waited):.0f} µs")
else:
    print(
        "no accelerator here: the processor computes, and calls return when they are done"
    )

# %%
# ``training.train_epoch`` adds the losses up on the device and reads one number at the end of the
# epoch. The data belong on the device as well, if they fit: ``as_tensors(..., device=device)``.
#
# Common mistakes
# ---------------
#
# **To count the first run.** It pays for what happens once.


def first_and_later(function):
    start = time.perf_counter()
    function()
    first = time.perf_counter() - start
    return first, median_seconds(function)


def in_a_new_size():
    return torch.linalg.svd(torch.randn(40, 40))


first, later = first_and_later(in_a_new_size)
print(f"first call {1e6 * first:,.0f} µs, later ones {1e6 * later:,.0f} µs")

# %%
# **To compare one run with one run.** Here is the same function, timed twenty times.

times = []
for _ in range(20):
    start = time.perf_counter()
    products()
    times.append(1000 * (time.perf_counter() - start))
print(f"shortest {min(times):.2f} ms, longest {max(times):.2f} ms: the same code")

# %%
# **To make faster what takes no time.** The share decides. If fetching is nine tenths of an epoch, a
# network that is twice as fast saves one twentieth.

share = 0.9
for factor in (2, 10, 1000):
    print(
        f"learning {factor:>4} times as fast: {1 / (share + (1 - share) / factor):.2f}",
        end="",
    )
    print(" times as fast in all")

# %%
# (This is *Amdahl's law*.)
#
# Your turn
# ---------
#
# Write your answer into the cell below an exercise, and run it: ``@exercise`` checks it and prints
# what it finds, and the page goes on with the course's version until yours is right.
# ``hint("median_time")`` and ``solution("median_time")`` help.
#
# **Your turn: median_time.** Write a function ``median_time(function, clock, repeats)``. ``clock()``
# returns the time in seconds. Call ``function()`` once without timing it, and then ``repeats`` times
# with it, and return the median of these times. ``repeats`` is odd.

from firstlayers.exercises import exercise, hint, progress, solution


@exercise
def median_time(function, clock, repeats):
    """A function, a clock, how many calls -> their median time in seconds."""
    ...  # your code here


# %%
# **Your turn: whole_batches.** Write a generator ``whole_batches(images, labels, batch_size,
# generator)``. It yields pairs of images and labels, ``batch_size`` at a time, in a random order that
# is drawn with ``generator``, and fetches each batch with one index. The last batch may be smaller.
# Every image comes once, with its own label.


@exercise
def whole_batches(images, labels, batch_size, generator):
    """(N, ...) images, (N,) labels -> shuffled batches of both, by one index."""
    ...  # your code here


# %%
# Recap
# -----
#
# * Time with a run that does not count, several that do, and their median.
# * First ask where the time goes. Make faster what takes the time.
# * Many small calls are slow, a few large ones are fast: convert once, fetch whole batches.
# * A floor says when to stop. Within twice the matrix products, code is no longer the problem.
# * A better recipe needs fewer steps, and that multiplies with all else.
#
# **Next:** :doc:`02_scale` lets two processes share the work of a step.
#
# **Further reading:** `the profiler of PyTorch <https://docs.pytorch.org/docs/stable/profiler.html>`__,
# :class:`torch.utils.data.DataLoader`, :class:`torch.optim.lr_scheduler.OneCycleLR`. On batch sizes and
# learning rates: Goyal and others, `Accurate, large minibatch SGD
# <https://arxiv.org/abs/1706.02677>`__.
