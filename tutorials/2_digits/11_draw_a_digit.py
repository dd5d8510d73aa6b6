"""
Draw a digit, and see what the network makes of it
==================================================

You will train a network that reads drawings, take it apart into four short functions, and then draw
digits with your own hand and watch it answer on this very page.

**In this chapter you learn**

* why a network that reads test images well can fail on your own drawings,
* to bring a drawing into the form of the training images: crop, scale, center,
* to widen a small training set with turns, slants and other strokes,
* to export weights, and to compute with them without PyTorch,
* to ask what speaks for an answer, and why even a scribble gets one.

**You need** the trained network of :doc:`10_predict`, and augmentation from
:doc:`../1_basics/04_transforms`.
**Time:** 25 minutes.
"""

# %%
# Drawings are other images
# -------------------------
#
# :doc:`10_predict` ended with a warning: the accuracy holds for images like the test images. Now
# somebody else brings the images: you. On a screen, people draw with lines of one width, thin or
# thick, small or large, and not always in the middle.
#
# To measure something, we need many drawings with labels. ``drawing.draw_digit`` makes them, as
# strokes of a pen, from a few forms of each digit, all by chance: size, place, slant, width of the
# pen and a little bend. No image of a data set has a part in it. ``drawing.rasterize`` turns strokes
# into an image of 112 by 112 pixels with whole numbers from 0 to 255.

import base64
import hashlib

import matplotlib.pyplot as plt
import torch
from torch.nn import functional as F

from firstlayers import data, drawing, models, plotting

plotting.use_style()
generator = torch.Generator().manual_seed(0)
drawn_labels = torch.arange(10).repeat(30)  # (300,)
all_strokes = [drawing.draw_digit(int(k), generator) for k in drawn_labels]
drawings = torch.stack([drawing.rasterize(s) for s in all_strokes])  # (300, 112, 112)

print(f"{len(drawings)} drawings; the first: {len(all_strokes[0])} stroke of", end=" ")
print(f"{len(all_strokes[0][0].points)} points, {all_strokes[0][0].width} wide")

fig = plotting.show_images(drawings[:20], columns=10)
plotting.describe(
    fig,
    "Twenty drawings, the digits 0 to 9 twice, in white on black: of different sizes, "
    "in different places, upright or slanted, with thin and with thick lines.",
)
plt.show()

# %%
# Here is the network of the last chapter, trained in a hurry on the images as they are. We shrink
# the drawings to 28 by 28 pixels, so that they fit, and ask it.
#
# **Predict, then run.** On the test images it is right nearly always. How often on the drawings?

train_set, test_set = data.load_dataset()
classes = train_set.classes
dataset_name = type(train_set).__name__
reads_digits = dataset_name != "FashionMNIST"  # else drawings of digits have no class
images, labels = data.as_tensors(train_set)  # (N, 1, 28, 28), (N,)
test_images, test_labels = data.as_tensors(test_set)  # (M, 1, 28, 28), (M,)
images, labels = images[:12_000], labels[:12_000]  # (N, 1, 28, 28), (N,)
test_images, test_labels = (
    test_images[:2000],
    test_labels[:2000],
)  # (M, 1, 28, 28), (M,)


def to_input(pixels):
    """Brightness from 0 to 1 -> from -1 to 1, what our network has always got."""
    return (pixels - 0.5) / 0.5


def accuracy(model, pixels, truth):
    """How often a model is right on images of shape (N, 1, 28, 28)."""
    model.eval()
    with torch.inference_mode():
        predictions = model(to_input(pixels)).argmax(dim=1)  # (N,)
    return (predictions == truth).float().mean().item()


def train(model, make_images, rounds):
    """Train with new images in each round, three times over each of them."""
    steps = 3 * rounds * -(-len(labels) // 64)
    optimizer = torch.optim.AdamW(model.parameters(), weight_decay=0.01, fused=True)
    scheduler = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, max_lr=0.005, total_steps=steps
    )
    model.train()
    for _ in range(rounds):
        round_images = to_input(make_images())  # (N, 1, 28, 28)
        for _ in range(3):
            for batch in torch.randperm(len(labels)).split(64):
                optimizer.zero_grad()
                loss = F.cross_entropy(model(round_images[batch]), labels[batch])
                loss.backward()
                optimizer.step()
                scheduler.step()


torch.manual_seed(0)
plain = models.Network()
rounds = max(15, 45_000 // len(labels))
train(plain, lambda: images, rounds // 4)

shrunk = F.avg_pool2d(drawings[:, None] / 255, 4)  # (300, 1, 28, 28)
found = {"images as they are, drawings shrunk": accuracy(plain, shrunk, drawn_labels)}
print(f"test images: {accuracy(plain, test_images, test_labels):.1%}")
print(f"drawings:    {found['images as they are, drawings shrunk']:.1%}")

# %%
# A network knows the images that it was trained on: a digit that fills its frame, with its weight in
# the middle, made of strokes of about one width. Your drawing, small and in a corner, is none of
# these. There are two ways to mend that, and we go both: make drawings more like the training images,
# and make the training images more like drawings.
#
# Crop, scale, center
# -------------------
#
# MNIST's own images were made from larger scans in three steps, and we do the same to everything
# that our network is to see.
#
# 1. *Crop*: keep the smallest part that holds all ink.
# 2. *Scale* it, its proportions kept, so that its longer side has 20 pixels.
# 3. Put its *center of mass* into the middle of 28 by 28 black pixels.
#
# Step by step, for one drawing. Ink is what has a brightness of at least 32.

image = drawings[2]  # (112, 112)
ink = image >= drawing.INK  # (112, 112)
rows = ink.any(dim=1).nonzero().flatten()  # (R,)
columns = ink.any(dim=0).nonzero().flatten()  # (C,)
cropped = image[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]  # (height, width)

height, width = cropped.shape
print(f"crop: {height} rows and {width} columns are left of {len(image)}")

# %%
# To scale means to average: each new pixel is the mean of the part that it covers. The new rows are
# weighted sums of the old rows, and so are the columns. So this is a product with one matrix from
# the left and one from the right.


def overlaps(new, old):
    """(new, old): which share of each old row every new row consists of."""
    edges = torch.linspace(0, old, new + 1)  # (edges,)
    starts, ends = edges[:-1, None], edges[1:, None]  # (new, 1), (new, 1)
    places = torch.arange(old)  # (old,)
    covered = torch.minimum(ends, places + 1) - torch.maximum(starts, places)
    return covered.clamp(min=0) * new / old  # (new, old)


new_height = max(1, round(20 * height / max(height, width)))
new_width = max(1, round(20 * width / max(height, width)))
from_left = overlaps(new_height, height)  # (new_height, height)
from_right = overlaps(new_width, width).T  # (width, new_width)
scaled = from_left @ cropped.float() @ from_right  # (new_height, new_width)

print(f"scale: from {height} x {width} to {new_height} x {new_width}")
print(f"mean brightness before and after: {cropped.float().mean():.2f}", end=", ")
print(f"{scaled.mean():.2f}")

torch.testing.assert_close(from_left.sum(dim=1), torch.ones(new_height))
torch.testing.assert_close(scaled.mean(), cropped.float().mean(), rtol=1e-4, atol=0)

# %%
# The center of mass is the mean place of the pixels, each weighted with its brightness. It should
# come to row 14 and column 14.

mass = scaled.sum()
middle_row = (scaled.sum(dim=1) * torch.arange(new_height)).sum() / mass  # ()
middle_column = (scaled.sum(dim=0) * torch.arange(new_width)).sum() / mass  # ()
top = int((14 - middle_row).floor().clamp(0, 28 - new_height))
left = int((14 - middle_column).floor().clamp(0, 28 - new_width))
centered = torch.zeros(28, 28)  # (28, 28)
centered[top : top + new_height, left : left + new_width] = scaled

print(f"center of mass: row {middle_row:.2f}, column {middle_column:.2f}", end="; ")
print(f"so the corner goes to row {top}, column {left}")

fig = plt.figure(figsize=(7, 2.1))
titles = ["drawn", "1. cropped", "2. scaled", "3. centered"]
pictures = [image, cropped, scaled, centered]
for part, title, picture in zip(fig.subfigures(1, 4), titles, pictures, strict=True):
    plotting.show_images(
        picture, [f"{title}\n{len(picture)} x {len(picture[0])}"], fig=part
    )
plotting.describe(
    fig,
    f"A drawing in four steps: as drawn, {len(image)} by {len(image)} pixels; cropped to "
    f"{height} by {width}; scaled to {new_height} by {new_width}; and in the middle of "
    "28 by 28 pixels.",
)
plt.show()

# %%
# ``drawing.prepare`` does these steps with whole numbers only. Whole numbers come out the same on
# every machine and in every language, and you will soon see why that matters here.

steps = drawing.prepare(image)
assert torch.equal(steps.cropped, cropped)
assert (steps.centered - centered).abs().max() <= 0.5  # rounded to whole numbers


def prepare_all(pixels):
    """(N, height, width) uint8 -> (N, 1, 28, 28), brightness from 0 to 1."""
    prepared = [drawing.prepare(image).centered for image in pixels]
    return torch.stack(prepared)[:, None] / 255  # (N, 1, 28, 28)


def to_bytes(pixels):
    """(N, 1, 28, 28) from 0 to 1 -> (N, 28, 28) whole numbers from 0 to 255."""
    return (255 * pixels[:, 0]).round().to(torch.uint8)


train_pixels = prepare_all(to_bytes(images))  # (N, 1, 28, 28)
test_pixels = prepare_all(to_bytes(test_images))  # (M, 1, 28, 28)
drawn_pixels = prepare_all(drawings)  # (300, 1, 28, 28)

# %%
# Training images get the same preparation: what counts is that both are treated alike. Train again.

torch.manual_seed(0)
prepared = models.Network()
train(prepared, lambda: train_pixels, rounds // 4)
found["both prepared"] = accuracy(prepared, drawn_pixels, drawn_labels)
for words, hits in found.items():
    print(f"{words:<36}{hits:.1%} of the drawings")

if reads_digits:
    assert found["both prepared"] > found["images as they are, drawings shrunk"] + 0.05

# %%
# A large step, for something that no gradient had a part in. Not enough yet.
#
# Training images that could be drawings
# --------------------------------------
#
# What is left are differences of hand: slants, proportions, thin and thick pens. In
# :doc:`../1_basics/04_transforms` you made many images out of one with random turns and shifts.
# ``RandomAffine`` gives a batch one and the same change, so here is our own, with a change for
# each image. It moves the place that each new pixel is taken from: by a matrix for turn, slant and
# proportions, and by a smooth random bend. And it changes the stroke: what a pixel has in common
# with its surroundings is taken away, which leaves a thinner line, and then a random threshold and
# contrast make it bolder or fainter.

surroundings = F.avg_pool2d(train_pixels, 7, stride=1, padding=3)  # (N, 1, 28, 28)


def vary():
    """All training images, each as another hand with another pen might have drawn it."""
    count = len(train_pixels)

    def between(low, high):
        return low + (high - low) * torch.rand(count, 1, 1, 1)  # (N, 1, 1, 1)

    thin = (train_pixels - between(0, 0.9) * surroundings).clamp(
        min=0
    )  # (N, 1, 28, 28)
    thin = thin / thin.amax(dim=(2, 3), keepdim=True)  # (N, 1, 28, 28)

    turn, slant = between(-0.2, 0.2), between(-0.5, 0.5)  # (N, 1, 1, 1), (N, 1, 1, 1)
    across, down = between(0.8, 1.6), between(0.85, 1.2)  # (N, 1, 1, 1), (N, 1, 1, 1)
    to_x = [turn.cos() * across, (slant - turn.sin()) * down, between(-0.12, 0.12)]
    to_y = [turn.sin() * across, turn.cos() * down, between(-0.12, 0.12)]
    matrices = torch.cat(to_x + to_y, dim=1).view(count, 2, 3)  # (N, 2, 3)
    places = F.affine_grid(matrices, thin.shape, align_corners=False)  # (N, 28, 28, 2)
    bend = F.interpolate(
        0.06 * torch.randn(count, 2, 4, 4), 28, mode="bicubic", align_corners=True
    )  # (N, 2, 28, 28)
    places = places + bend.permute(0, 2, 3, 1)  # (N, 28, 28, 2)
    moved = F.grid_sample(thin, places, align_corners=False)  # (N, 1, 28, 28)

    threshold, contrast = (
        between(0.15, 0.6),
        between(2, 8),
    )  # (N, 1, 1, 1), (N, 1, 1, 1)
    return ((moved - threshold) * contrast + 0.5).clamp(0, 1)  # (N, 1, 28, 28)


torch.manual_seed(0)
variants = [vary() for _ in range(7)]
five = torch.stack([train_pixels, *variants])[:, :5].transpose(
    0, 1
)  # (5, 8, 1, 28, 28)
titles = ["original", *[f"variant {n}" for n in range(1, 8)], *[""] * 32]
fig = plotting.show_images(five.flatten(0, 1), titles)
plotting.describe(
    fig,
    "Five training images, each beside seven variants: turned, slanted, narrower or "
    "wider, a little bent, with thinner or thicker lines.",
)
plt.show()

assert variants[0].min() >= 0
assert variants[0].max() <= 1
assert not torch.equal(variants[0], variants[1])

# %%
# Each row is one image. Would you still read each variant as the same? The label has to stay true.
#
# **Predict, then run.** Now the network trains on variants only, new ones in each round, and never
# sees an image as it was. Does that cost accuracy on the test images?

torch.manual_seed(0)
model = models.Network()
train(model, vary, rounds)
found["both prepared, and variants"] = accuracy(model, drawn_pixels, drawn_labels)
for words, hits in found.items():
    print(f"{words:<36}{hits:.1%} of the drawings")
print(f"test images, before: {accuracy(prepared, test_pixels, test_labels):.1%}")
print(f"test images, now:    {accuracy(model, test_pixels, test_labels):.1%}")

at_least = {"Digits": 0.9, "MNIST": 0.95, "FashionMNIST": 0}[dataset_name]
assert found["both prepared, and variants"] >= at_least
assert accuracy(model, test_pixels, test_labels) > (0.95 if reads_digits else 0.6)

# %%
# Nobody showed the network a drawing. It was only shown what does *not* matter.
#
# What became of each digit? This is the table that a promise should come with.

with torch.inference_mode():
    logits = model(to_input(drawn_pixels))  # (300, 10)
    predictions = logits.argmax(dim=1)  # (300,)
right = predictions == drawn_labels  # (300,)

print("drawn   read right   taken for")
for k in range(10):
    of_k = drawn_labels == k  # (300,)
    others = predictions[of_k & ~right].unique().tolist()
    print(f"{k:>5}   {right[of_k].sum():>4} of {of_k.sum()}   ", end="")
    print(", ".join(classes[other] for other in others))
print(f"  all   {right.sum():>4} of {len(right)}, {right.float().mean():.1%}")

fig = plotting.plot_confusion(drawn_labels, predictions, classes)
plt.show()

# %%
# Drawings by a program are one thing, and yours are another. You will be the judge.
#
# The network without PyTorch
# ---------------------------
#
# What does a browser need to do the same? The weights, and four short functions. First, the weights.
# To save space, we round each to a multiple of 1/4096 and keep it as a whole number of 16 bits.

SCALE = 4096


def to_whole(numbers):
    whole = (numbers * SCALE).round()
    assert whole.abs().max() < 2**15  # or it would not fit into 16 bits
    return whole.to(torch.int16)


weights = model.state_dict()
layers, exported, every_byte = [], [], b""
for name in ("fc1", "fc2", "fc3"):
    both = [to_whole(weights[f"{name}.{kind}"]) for kind in ("weight", "bias")]
    layers.append([whole / SCALE for whole in both])
    contents = [whole.numpy().tobytes() for whole in both]
    every_byte += b"".join(contents)
    as_text = [base64.b64encode(content).decode("ascii") for content in contents]
    exported.append(dict(zip(("weight", "bias"), as_text, strict=True)))
checksum = hashlib.sha256(every_byte).hexdigest()

count = sum(p.numel() for p in model.parameters())
print(f"{count:,} numbers, {len(every_byte):,} bytes, SHA-256 {checksum[:16]}…")
assert len(every_byte) == 2 * count

# %%
# And now what :doc:`02_by_hand` began: a matrix, a bias and a function, three times. Here are one
# image, a vector of 784 numbers, and the whole network.


def linear(x, weight, bias):
    return weight @ x + bias


def relu(x):
    return x.clamp(min=0)


def softmax(logits):
    e = torch.exp(logits - logits.max())
    return e / e.sum()


def forward(pixels, layers):
    fc1, fc2, fc3 = layers
    x = (pixels / 255 - 0.5) / 0.5
    hidden1 = relu(linear(x, *fc1))
    hidden2 = relu(linear(hidden1, *fc2))
    logits = linear(hidden2, *fc3)
    return (
        hidden1,
        hidden2,
        logits,
        softmax(logits),
    )


# %%
# Is it the same network? And what did rounding cost?

agree, largest = 0, 0.0
for place in range(200):
    pixels = 255 * test_pixels[place].flatten()  # (784,)
    by_hand = forward(pixels, layers)[2]  # (10,)
    with torch.inference_mode():
        by_model = model(to_input(test_pixels[place]))[0]  # (10,)
    agree += int(by_hand.argmax() == by_model.argmax())
    largest = max(largest, (by_hand - by_model).abs().max().item())
print(f"the same answer for {agree} of {place + 1} test images")
print(f"largest difference of a logit: {largest:.4f}")
assert agree == 200
assert largest < 0.05

# %%
# Beside it, the same in JavaScript, the language of browsers. It has no matrices, so ``linear`` says
# itself what ``@`` does: for each unit, multiply and add. This is all that runs on this page below.
#
# .. beside:: forward network.js
#
# From here on our model has the rounded weights, too, so that what we measure is what the page
# computes. The last dictionary hands them over to the page, with a few test images to begin with.
# Only whole numbers go through the preparation, so both languages agree on every pixel. The course's
# tests hold them to that, and the logits to a ten-thousandth.

rounded = {}
for n, (weight, bias) in enumerate(layers, start=1):
    rounded |= {f"fc{n}.weight": weight, f"fc{n}.bias": bias}
model.load_state_dict(rounded)
test_accuracy = accuracy(model, test_pixels, test_labels)
drawn_accuracy = accuracy(model, drawn_pixels, drawn_labels)
about = (
    f"The network of this build, weights {checksum[:8]}: right on {test_accuracy:.1%} of "
    f"{len(test_labels):,} test images and {drawn_accuracy:.1%} of {len(drawings)} drawings."
)
samples = [
    [
        base64.b64encode(bytes(image.flatten().tolist())).decode("ascii")
        for image in some
    ]
    for some in (to_bytes(test_images[test_labels == k][:4]) for k in range(10))
]
for_the_page = {
    "about": about,
    "classes": classes,
    "accuracy": test_accuracy,
    "drawings": drawn_accuracy,
    "scale": SCALE,
    "layers": exported,
    "sha256": checksum,
    "samples": samples,
}
print(about)

# %%
# Your turn with the pen
# ----------------------
#
# First, all steps in one picture for one of our drawings. What you see below it, under your own
# hand, is the same.


def show_reading(strokes):
    """Draw a drawing, its preparation, the hidden units and the ten probabilities."""
    image = drawing.rasterize(strokes)  # (112, 112)
    steps = drawing.prepare(image)
    pixels = steps.centered.flatten().float()  # (784,)
    hidden1, hidden2, _, probabilities = forward(pixels, layers)
    fig = plt.figure(figsize=(4.4, 5.2))
    upper, lower = fig.subfigures(2, 1, height_ratios=[1.1, 1])
    axes = upper.subplots(2, 3)
    pictures = {
        "drawn": image,
        "cropped": steps.cropped,
        "scaled": steps.scaled,
        "centered": steps.centered,
        "hidden layer 1": hidden1.view(8, 16),
        "hidden layer 2": hidden2.view(4, 16),
    }
    for ax, (title, picture) in zip(axes.flat, pictures.items(), strict=True):
        ax.imshow(picture.numpy(), cmap="gray")
        ax.set_title(title, loc="center", fontsize=9, fontweight="normal")
        ax.set_axis_off()
    best = int(probabilities.argmax())
    ax = lower.subplots()
    ax.barh(range(10), probabilities.numpy(), color=plotting.BLUE, height=0.75)
    ax.set(yticks=range(10), ylim=(9.5, -0.5), xlim=(0, 1), xlabel="probability")
    ax.set_yticks(range(10), classes)
    ax.set_title(f"{classes[best]}: {probabilities[best]:.1%}")
    plotting.describe(
        fig,
        "Six small pictures and ten bars. The pictures: a drawing, cropped, scaled, "
        "centered, and the hidden layers as gray squares, of which some are bright. The "
        f"longest bar is {classes[best]} with {probabilities[best]:.1%}.",
    )
    return fig


fig = show_reading(all_strokes[8])
plotting.describe(fig, fig.get_label(), name="home-drawing")
plt.show()

# %%
# Now draw. Mouse, finger, pen and keyboard will do. Try a 7 with a bar and one without, a 4 that is
# open and one that is closed, a very small digit in a corner. Take the eraser to a test image, and
# find the stroke that turns it into another digit for the network.
#
# .. interactive:: draw
#
# What speaks for it
# ------------------
#
# The last of the small pictures above says *why*. Take the lead of the answer over the mean of all
# ten logits, and its gradient with respect to the pixels, as in :doc:`10_predict`. Brightness times
# gradient says how far the ink of each pixel moves the lead. Red ink speaks for the answer, and blue
# ink against it.

strokes = all_strokes[4]
pixels = (
    drawing.prepare(drawing.rasterize(strokes)).centered.flatten().float()
)  # (784,)
pixels.requires_grad_()
logits = forward(pixels, layers)[2]  # (10,)
answer = int(logits.argmax())
lead = logits[answer] - logits.mean()
lead.backward()
contributions = (pixels.grad * pixels).detach()  # (784,)

bound = contributions.abs().max().item()
fig, (left, right_ax) = plt.subplots(1, 2, figsize=(5, 2.5))
left.imshow(pixels.detach().view(28, 28).numpy(), cmap="gray")
left.set_title(f"read as {classes[answer]}", loc="center")
right_ax.imshow(
    contributions.view(28, 28).numpy(), cmap="RdBu_r", vmin=-bound, vmax=bound
)
right_ax.set_title("what speaks for it", loc="center")
for ax in (left, right_ax):
    ax.set_axis_off()
plotting.describe(
    fig,
    f"Left, a drawing that is read as {classes[answer]}. Right, its ink in colors: red "
    "where it speaks for the answer, blue where it speaks against it.",
)
plt.show()

# %%
# Ink is only half of the story. Where a stroke is *missing*, nothing is multiplied with the gradient,
# and the picture stays white, however much the network counts on that place to be black. So is the
# sum of all contributions, plus what a black image gets, the lead? While no unit switches on or off,
# yes. Let us see how far that carries.

with torch.inference_mode():
    empty_logits = forward(torch.zeros(784), layers)[2]  # (10,)
of_black = (empty_logits[answer] - empty_logits.mean()).item()
print(f"lead of the drawing:                    {lead.item():+.2f}")
print(f"lead of black, plus all contributions:  {of_black + contributions.sum():+.2f}")

# %%
# Not the same number: between black and the drawing, hidden units have switched. The picture holds
# for this drawing and small changes of it.
#
# A scribble gets an answer, too
# ------------------------------
#
# **Predict, then run.** Here are scribbles: random points, joined. How sure of its answer is the
# network, on average, where there is no right answer at all?


def scribble(generator):
    """A line through 4 to 12 random points."""
    points = 4 + int(8 * torch.rand((), generator=generator))
    return [
        drawing.Stroke(
            (0.1 + 0.8 * torch.rand(points, 2, generator=generator)).tolist()
        )
    ]


scribbles = torch.stack(
    [drawing.rasterize(scribble(generator)) for _ in range(200)]
)  # (200, 112, 112)
scribble_pixels = prepare_all(scribbles)  # (200, 1, 28, 28)
with torch.inference_mode():
    sure_of_scribbles = F.softmax(model(to_input(scribble_pixels)), dim=1).amax(
        dim=1
    )  # (200,)
    sure_of_drawings = F.softmax(model(to_input(drawn_pixels)), dim=1).amax(
        dim=1
    )  # (300,)
print(f"mean of the largest probability, drawings:  {sure_of_drawings.mean():.1%}")
print(f"mean of the largest probability, scribbles: {sure_of_scribbles.mean():.1%}")
print(f"scribbles with more than 90 %: {(sure_of_scribbles > 0.9).float().mean():.1%}")

surest = sure_of_scribbles.argsort(descending=True)[:8]  # (8,)
with torch.inference_mode():
    answers = model(to_input(scribble_pixels[surest])).argmax(dim=1)  # (8,)
captions = [
    f"{classes[k]}\n{'>99.9%' if p > 0.9995 else f'{p:.1%}'}"
    for k, p in zip(answers, sure_of_scribbles[surest], strict=True)
]
fig = plotting.show_images(scribbles[surest], captions)
plotting.describe(
    fig,
    "Eight scribbles with the network's answers and their probabilities: "
    + "; ".join(caption.replace("\n", ", ") for caption in captions)
    + ".",
)
plt.show()

assert sure_of_scribbles.amax() > 0.9

# %%
# It has no choice. Softmax shares out 100 % among ten classes, and "none of these" is not among them.
# The network never saw a scribble, so nothing in training told it to hesitate there. What it learned
# is which *side* of some borders an image lies on, and a scribble may lie far out on one side. A high
# probability says "rather this than the nine others", and not "this is a digit".
#
# And where nothing is drawn? A network would answer to that, too. Asking it is a mistake that is ours
# to prevent: ``prepare`` returns ``None``, and the page says so.

nothing = torch.zeros(112, 112, dtype=torch.uint8)  # (112, 112)
print("prepare(nothing):", drawing.prepare(nothing))
with torch.inference_mode():
    to_black = F.softmax(empty_logits, dim=0)  # (10,)
print(f"asked all the same, it says {classes[to_black.argmax()]}: {to_black.max():.1%}")

assert drawing.prepare(nothing) is None

# %%
# Common mistakes
# ---------------
#
# Each of these has made somebody's demo answer nonsense. **Black on white.** Paint programs draw so,
# and the network was trained on the opposite.

inverted = 1 - drawn_pixels  # (300, 1, 28, 28)
print(f"white on black: {accuracy(model, drawn_pixels, drawn_labels):.1%}")
print(f"black on white: {accuracy(model, inverted, drawn_labels):.1%}")

if reads_digits:
    assert accuracy(model, inverted, drawn_labels) < 0.5

# %%
# **Bytes instead of numbers from 0 to 1.** PyTorch refuses bytes, which is kind of it. Converted to
# floats, but not divided by 255, they go through, and then the answer may be wrong and very sure.

whole = to_bytes(drawn_pixels)[:, None]  # (300, 1, 28, 28)
try:
    model(whole)
except RuntimeError as error:
    print("RuntimeError:", error)

not_divided = accuracy(model, whole.float(), drawn_labels)
print(f"not divided by 255: {not_divided:.1%} right instead of", end=" ")
print(f"{accuracy(model, drawn_pixels, drawn_labels):.1%}")

# %%
# **The middle of the frame instead of the center of mass.** A 7 has its weight at the top, so the
# two differ. How much do a few pixels matter?

for shift in (0, 1, 2, 4):
    shifted = drawn_pixels.roll(shift, dims=3)  # (300, 1, 28, 28)
    print(f"moved by {shift} pixels: {accuracy(model, shifted, drawn_labels):.1%}")

if reads_digits:
    assert accuracy(model, drawn_pixels.roll(4, dims=3), drawn_labels) < at_least

# %%
# **Other steps in the program than in training.** Each of the above is a case of it. The cure is one
# function that prepares the images for both, and where that is impossible, as here with two
# languages, a test that compares them pixel by pixel.
#
# Your turn
# ---------
#
# Write your answer into the cell below an exercise, and run it: ``@exercise`` checks it and prints
# what it finds, and the page goes on with the course's version until yours is right.
# ``hint("crop")`` and ``solution("crop")`` help.
#
# **Your turn: crop.** Write a function ``crop(image)``. The image has the shape (height, width), and
# ink is every pixel above zero; there is at least one. Return the smallest part of the image that
# holds all ink, as a tensor.

from firstlayers.exercises import exercise, hint, progress, solution


@exercise
def crop(image):
    """(height, width) image -> the smallest part of it that holds all ink."""
    ...  # your code here


# %%
# **Your turn: center_of_mass.** Write a function ``center_of_mass(image)``. It returns the row and
# the column of the center of mass, as two floats: the mean place of the pixels, each weighted with
# its brightness. Rows and columns are counted from 0. The image may hold floats or bytes.


@exercise
def center_of_mass(image):
    """(height, width) image -> row and column of its center of mass, as two floats."""
    ...  # your code here


# %%
# Recap
# -----
#
# * A network reads images like those that it was trained on. Drawings have to be brought into their
#   form: cropped, scaled, centered.
# * Training on random variants teaches what does not matter. It turned a small set of blurred images
#   into a reader of drawings.
# * A trained network is a list of numbers and four short functions. Any language can compute it.
# * Brightness times gradient shows what speaks for one answer.
# * Softmax shares out 100 % among the classes it has. It cannot say "none of these".
#
# This is the end of the track. You began with two random matrices, and you know by now what each of
# the numbers on this page stands for.
#
# **Next:** :doc:`../1_basics/11_save_load` keeps a network in a file.
#
# **Further reading:** on how MNIST was made, section III of LeCun, Bottou, Bengio and Haffner,
# `Gradient-based learning applied to document recognition <https://doi.org/10.1109/5.726791>`__. On
# bending images: Simard, Steinkraus and Platt, `Best practices for convolutional neural networks
# applied to visual document analysis <https://doi.org/10.1109/ICDAR.2003.1227801>`__. The functions
# :func:`torch.nn.functional.affine_grid` and :func:`torch.nn.functional.grid_sample`.
