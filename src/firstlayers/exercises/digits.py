"""The exercises of the track "From a matrix to a digit reader".

One block an exercise: the course's answer, whose source learners can read, and below it what an answer
is asked, wrong answers that have a name, further right ones, and hints.
"""

import copy
import math
from collections import OrderedDict

import torch
from torch import nn
from torch.nn import functional as F

from firstlayers.exercises.observation import Thing, attempt, calls, freeze, same
from firstlayers.exercises.registry import Exercise, Slip, add

# 01_look_at_digits


def class_means(images, labels, classes):
    """(N, 1, height, width) images, (N,) labels -> (classes, height, width) means."""
    means = torch.zeros(classes, *images.shape[2:])  # (classes, height, width)
    for k in range(classes):
        members = images[labels == k]  # (n, 1, height, width)
        if len(members) > 0:
            means[k] = members.mean(dim=(0, 1))  # over images and channel
    return means


def _zeros_for(images, classes):
    return torch.zeros(classes, *images.shape[2:])


def _of_each_class(images, labels, classes, reduce):
    means = _zeros_for(images, classes)
    for k in range(classes):
        if (labels == k).any():
            means[k] = reduce(images[labels == k][:, 0])
    return means


def _size_typed_in(images, labels, classes):
    means = torch.zeros(classes, 28, 28)
    for k in range(classes):
        if (labels == k).any():
            means[k] = images[labels == k].mean(dim=0)[0]
    return means


def _as_many_as_the_labels_say(images, labels, classes):
    return class_means(images, labels, int(labels.max()) + 1)


def _by_products(images, labels, classes):
    members = F.one_hot(labels, classes).float()  # (N, classes)
    sums = members.T @ images.flatten(1)  # (classes, height · width)
    means = sums / members.sum(dim=0).clamp(min=1)[:, None]
    return means.reshape(classes, *images.shape[2:])


def _by_adding_up(images, labels, classes):
    sums = _zeros_for(images, classes).index_add(0, labels, images.squeeze(1))
    counts = torch.bincount(labels, minlength=classes)
    counts[counts == 0] = 1
    return sums / counts.reshape(-1, 1, 1)


add(
    Exercise(
        name="class_means",
        chapter="2_digits/01_look_at_digits",
        reference=class_means,
        axes=("classes", "height", "width"),
        checked="4 batches, among them two without some of the classes",
        cases=calls(
            {
                "9 images of 3 classes": lambda: (
                    torch.randn(9, 1, 28, 28),
                    torch.tensor([2, 0, 1, 1, 0, 2, 2, 2, 0]),
                    3,
                ),
                "a batch without the classes 1 and 4": lambda: (
                    torch.randn(6, 1, 28, 28),
                    torch.tensor([3, 0, 2, 2, 0, 3]),
                    5,
                ),
                "images of 5 by 7 pixels": lambda: (
                    torch.randn(4, 1, 5, 7),
                    torch.tensor([1, 0, 1, 1]),
                    2,
                ),
                "one image": lambda: (torch.randn(1, 1, 6, 6), torch.tensor([2]), 4),
            }
        ),
        slips=(
            Slip(
                "mean of nothing",
                lambda images, labels, classes: torch.stack(
                    [images[labels == k].mean(dim=0)[0] for k in range(classes)]
                ),
                "Right where each class has an image. A class without one has the mean nan: its sum is "
                "0, its number is 0, and 0/0 is not a number. What shall stand there, and when?",
            ),
            Slip(
                "empty classes left out",
                lambda images, labels, classes: torch.stack(
                    [images[labels == k].mean(dim=0)[0] for k in labels.unique()]
                ),
                "Only classes that occur get a mean, and so class 2 comes in the place of class 1 if "
                "there is no 1. Row k should belong to class k, whatever the batch holds.",
            ),
            Slip(
                "classes counted by the labels",
                _as_many_as_the_labels_say,
                "The number of rows comes from the largest label. If the last class has no image, its "
                "row is missing. How many classes there are was given to you.",
            ),
            Slip(
                "channel axis kept",
                lambda images, labels, classes: class_means(images, labels, classes)[:, None],
                "The values are right, but the shape is (classes, 1, height, width). A mean image is "
                "asked for without the axis of its one channel.",
            ),
            Slip(
                "sum instead of mean",
                lambda images, labels, classes: _of_each_class(
                    images, labels, classes, lambda members: members.sum(dim=0)
                ),
                "The images of a class are added up, but not divided by their number. A class with more "
                "images gets larger values.",
            ),
            Slip(
                "divided by all",
                lambda images, labels, classes: _of_each_class(
                    images, labels, classes, lambda members: members.sum(dim=0) / len(labels)
                ),
                "The sum of a class is divided by the number of all images in the batch. How many "
                "images are in this sum?",
            ),
            Slip(
                "pixels averaged, too",
                lambda images, labels, classes: torch.stack(
                    [
                        images[labels == k].mean() if (labels == k).any() else torch.zeros(())
                        for k in range(classes)
                    ]
                ),
                "For each class one single number comes out: the mean over all its images and over all "
                "their pixels. Only the axis of the images shall disappear.",
            ),
            Slip(
                "size typed in",
                _size_typed_in,
                "Right for 28 by 28 pixels, and an error for 5 by 7. The number 28 stands in the code. "
                "Where does it stand in the images, too?",
            ),
        ),
        variants=(
            _by_products,
            _by_adding_up,
            lambda images, labels, classes: torch.stack(
                [
                    (
                        images[labels == k].squeeze(1).mean(dim=0)
                        if (labels == k).any()
                        else torch.zeros_like(images[0, 0])
                    )
                    for k in range(classes)
                ]
            ),
        ),
        hints=(
            "Begin with a tensor of zeros for all classes. Then go through the classes, and fill in a "
            "mean wherever there is an image to take the mean of.",
            "labels == k has the shape (N,) and picks images of shape (n, 1, height, width). Their mean "
            "over the images is (1, height, width); the axis of the channel has to go, too.",
            "means = torch.zeros(classes, *images.shape[2:]), then a loop over range(classes) with "
            "members = images[labels == k], and an if that asks for len(members).",
        ),
    )
)


def scale_pixels(raw):
    """(N, 28, 28) uint8 pixels -> (N, 1, 28, 28) float32 pixels from -1 to 1."""
    images = raw.unsqueeze(1).float() / 255  # (N, 1, 28, 28), from 0 to 1
    return (images - 0.5) / 0.5


def _raw_images(count):
    return (torch.randint(0, 256, (count, 28, 28), dtype=torch.uint8),)


def _black_and_white():
    raw = torch.zeros(2, 28, 28, dtype=torch.uint8)
    raw[1] = 255
    return (raw,)


add(
    Exercise(
        name="scale_pixels",
        chapter="2_digits/01_look_at_digits",
        reference=scale_pixels,
        axes=("N", "1", "28", "28"),
        checked="4 batches, among them one image, and a black one beside a white one",
        cases=calls(
            {
                "a black and a white image": _black_and_white,
                "5 images": lambda: _raw_images(5),
                "28 images": lambda: _raw_images(28),
                "one image": lambda: _raw_images(1),
            }
        ),
        slips=(
            Slip(
                "from 0 to 1",
                lambda raw: raw[:, None] / 255,
                "The pixels go from 0 to 1: that is what ToDtype does with scale=True. The last of the "
                "three steps is missing.",
            ),
            Slip(
                "not divided by 255",
                lambda raw: (raw[:, None] - 0.5) / 0.5,
                "A white pixel becomes 509. (x - 0.5) / 0.5 brings 0 … 1 to -1 … 1, and raw pixels go "
                "up to 255. Which step comes before it?",
            ),
            Slip(
                "multiplied instead of divided",
                lambda raw: (raw[:, None] / 255 - 0.5) * 0.5,
                "The pixels go from -0.25 to 0.25. After 0.5 is subtracted, they go from -0.5 to 0.5, and "
                "this range should become twice as wide. Multiplied by 0.5 it is half as wide.",
            ),
            Slip(
                "mean 0 and spread 1",
                lambda raw: ((raw.float() - raw.float().mean()) / raw.float().std())[:, None],
                "The numbers come from the images themselves: now they have mean 0 and standard deviation "
                "1. Asked for is a range: 0 becomes -1 and 255 becomes 1 in any batch.",
            ),
            Slip(
                "divided by 256",
                lambda raw: (raw[:, None] / 256 - 0.5) / 0.5,
                "White becomes 0.992 and not 1. There are 256 different values, but the largest of them "
                "is 255, because they begin with 0.",
            ),
            Slip(
                "multiplied by half",
                lambda raw: raw[:, None] / 255 * 0.5,
                "White becomes 0.5, and black stays 0. Normalize does not multiply by 0.5: what does "
                "it subtract, and what does it divide by?",
            ),
            Slip(
                "parentheses missing",
                lambda raw: raw[:, None] / 255 - 0.5 / 0.5,
                "The pixels go from -1 to 0. Without parentheses 0.5 / 0.5 is computed first, and "
                "only this 1 is subtracted.",
            ),
            Slip(
                "only shifted",
                lambda raw: raw[:, None] / 255 - 0.5,
                "The pixels go from -0.5 to 0.5: the middle is right, and the range is half as wide as "
                "it should be.",
            ),
            Slip(
                "wrapped around",
                lambda raw: (2 * raw[:, None] - 255) / 255,
                "uint8 has no number below 0 and none above 255: what leaves this range comes in again "
                "at the other end. Make fractions of the pixels before you compute with them.",
            ),
            Slip(
                "no channel",
                lambda raw: (raw / 255 - 0.5) / 0.5,
                "The values are right, but the shape is still (N, 28, 28). A gray image has one channel, "
                "and its axis stands behind that of the batch.",
            ),
            Slip(
                "channel last",
                lambda raw: (raw[..., None] / 255 - 0.5) / 0.5,
                "The shape is (N, 28, 28, 1). imshow has the channel last, PyTorch has it before the "
                "rows.",
            ),
            Slip(
                "channel before the batch",
                lambda raw: (raw[None] / 255 - 0.5) / 0.5,
                "Right for one image. For more, the shape is (1, N, 28, 28): that would be a single "
                "image with N channels. At which place does the new axis belong?",
            ),
        ),
        variants=(
            lambda raw: raw[:, None] / 127.5 - 1,
            lambda raw: (raw.to(torch.float32).reshape(-1, 1, 28, 28) - 127.5) / 127.5,
            lambda raw: torch.stack([(image / 255 * 2 - 1)[None] for image in raw]),
        ),
        hints=(
            "Three steps, as in the transform of this chapter: fractions from 0 to 1, then (x - 0.5) / "
            "0.5, and an axis for the one channel.",
            "(N, 28, 28) gets an axis of size 1 at place 1. The type becomes float32, best before any "
            "arithmetic.",
            "raw.unsqueeze(1) has the shape (N, 1, 28, 28), .float() makes float32 of it. Divide by 255, "
            "subtract 0.5, and divide by 0.5; mind the parentheses.",
        ),
    )
)

# 02_by_hand


def flatten(images):
    """(N, 1, 28, 28) images -> (N, 784) features, a row for each image."""
    return images.flatten(1)


add(
    Exercise(
        name="flatten",
        chapter="2_digits/02_by_hand",
        reference=flatten,
        axes=("N", "784"),
        checked="4 batches: 64 images, 27, 10 and one",
        cases=calls(
            {
                "64 images": lambda: (torch.randn(64, 1, 28, 28),),
                "10 images": lambda: (torch.randn(10, 1, 28, 28),),
                "27 images": lambda: (torch.randn(27, 1, 28, 28),),
                "one image": lambda: (torch.randn(1, 1, 28, 28),),
            },
            gradient=True,
        ),
        slips=(
            Slip(
                "batch size typed in",
                lambda images: images.view(64, 784),
                "Right for 64 images, and a RuntimeError for 10. The last batch of a loader has fewer. "
                "Which number need not be typed, because the images know it?",
            ),
            Slip(
                "batch flattened, too",
                lambda images: images.flatten(),
                "All images are laid into one long row, and nobody knows where one ends. The first axis, "
                "that of the batch, must stay. From which axis on shall it be flattened?",
            ),
            Slip(
                "channel axis kept",
                lambda images: images.flatten(2),
                "The shape is (N, 1, 784): rows and columns are one axis now, and the channel stayed. "
                "All that belongs to one image shall be in one row.",
            ),
            Slip(
                "pixels transposed",
                lambda images: images.transpose(2, 3).flatten(1),
                "The shape is right, but each image lies on its side: its columns come one after another. "
                "The order of the rows shall stay.",
            ),
            Slip(
                "pixels of several images mixed",
                lambda images: images.reshape(784, -1).T,
                "The shape is right, but a row has pixels of several images. reshape keeps the order of "
                "all numbers, and cuts it anew: which axis must come first?",
            ),
            Slip(
                "one image falls apart",
                lambda images: images.squeeze().flatten(1),
                "Right for many images. With one image, squeeze() drops the axis of the batch as well, "
                "and its 28 rows pass for 28 images.",
            ),
            Slip(
                "the caller's images changed",
                lambda images: images.resize_(len(images), 784),
                "The result is right, but the caller's images have this shape now, too. The underscore "
                "says so: resize_ works in place. What gives a new tensor?",
            ),
        ),
        variants=(
            lambda images: images.reshape(len(images), -1),
            lambda images: images.view(images.shape[0], 28 * 28),
            lambda images: torch.stack([image.ravel() for image in images]),
            nn.Flatten(),
        ),
        hints=(
            "The axis of the batch stays, and all other axes become one. The number of images is "
            "not a number to type.",
            "(N, 1, 28, 28) becomes (N, 784), and 1 · 28 · 28 is 784. Row i holds the pixels of image i, "
            "from the top left to the bottom right.",
            "flatten has an argument: the first axis that is taken in. Axis 0 is the batch. (reshape "
            "with len(images) and -1 does it, too.)",
        ),
    )
)


def mlp_forward(features, w1, b1, w2, b2):
    """(N, 784) features -> (N, 10) logits, over a hidden layer with a sigmoid."""
    hidden = torch.sigmoid(features @ w1 + b1)  # (N, 256)
    return hidden @ w2 + b2


def _network(count, n_in, n_hidden, n_out):
    return (
        torch.randn(count, n_in),
        torch.randn(n_in, n_hidden) / n_in**0.5,
        torch.randn(n_hidden),
        torch.randn(n_hidden, n_out) / n_hidden**0.5,
        torch.randn(n_out),
    )


add(
    Exercise(
        name="mlp_forward",
        chapter="2_digits/02_by_hand",
        reference=mlp_forward,
        axes=("N", "10"),
        checked="4 batches and 3 networks, among them one with square matrices",
        cases=calls(
            {
                "5 images": lambda: _network(5, 784, 256, 10),
                "one image": lambda: _network(1, 784, 256, 10),
                "a small network": lambda: _network(7, 6, 4, 3),
                "square matrices": lambda: _network(5, 5, 5, 5),
            },
            gradient=True,
        ),
        slips=(
            Slip(
                "activation on the output",
                lambda features, w1, b1, w2, b2: torch.sigmoid(
                    torch.sigmoid(features @ w1 + b1) @ w2 + b2
                ),
                "All results lie between 0 and 1: there is a sigmoid at the output, too. A softmax "
                "behind it could not get past 0.232. What comes after the output?",
            ),
            Slip(
                "activation on the output only",
                lambda features, w1, b1, w2, b2: torch.sigmoid((features @ w1 + b1) @ w2 + b2),
                "The sigmoid stands behind the output and not behind the hidden layer. Between two "
                "matrices without an activation function nothing happens that one could not do.",
            ),
            Slip(
                "no hidden activation",
                lambda features, w1, b1, w2, b2: (features @ w1 + b1) @ w2 + b2,
                "There is nothing between the two matrices, and so they are no more than a single one. "
                "Which function was asked for there?",
            ),
            Slip(
                "softmax too early",
                lambda features, w1, b1, w2, b2: torch.softmax(
                    torch.sigmoid(features @ w1 + b1) @ w2 + b2, dim=1
                ),
                "Each row sums to 1: these are probabilities. Logits were asked for, and the softmax "
                "comes after them, outside this function.",
            ),
            Slip(
                "ReLU in the hidden layer",
                lambda features, w1, b1, w2, b2: torch.relu(features @ w1 + b1) @ w2 + b2,
                "The sums are right, but the hidden units end with a ReLU. The network of this chapter "
                "has another function there.",
            ),
            Slip(
                "no bias",
                lambda features, w1, b1, w2, b2: torch.sigmoid(features @ w1) @ w2,
                "The matrices are right, but nothing is added to the sums. Each layer has a bias: which "
                "arguments were not used?",
            ),
            Slip(
                "no bias in the hidden layer",
                lambda features, w1, b1, w2, b2: torch.sigmoid(features @ w1) @ w2 + b2,
                "One bias arrives, that of the output. The hidden layer has one, too, and it belongs to "
                "its sums.",
            ),
            Slip(
                "no bias at the output",
                lambda features, w1, b1, w2, b2: torch.sigmoid(features @ w1 + b1) @ w2,
                "One bias arrives, that of the hidden layer. All logits of a class are off by the same "
                "number: what is missing at the end?",
            ),
            Slip(
                "bias after the sigmoid",
                lambda features, w1, b1, w2, b2: (torch.sigmoid(features @ w1) + b1) @ w2 + b2,
                "The first bias is added to what the sigmoid made. It belongs to the sum, and the "
                "sigmoid sees the sum with its bias.",
            ),
        ),
        variants=(
            lambda features, w1, b1, w2, b2: F.linear(
                F.linear(features, w1.T, b1).sigmoid(), w2.T, b2
            ),
            lambda features, w1, b1, w2, b2: torch.addmm(
                b2, 1 / (1 + torch.exp(-torch.addmm(b1, features, w1))), w2
            ),
            lambda features, w1, b1, w2, b2: torch.stack(
                [torch.sigmoid(row @ w1 + b1) @ w2 + b2 for row in features]
            ),
        ),
        hints=(
            "Two layers, each a product with a matrix and a bias. The first is followed by a sigmoid, "
            "and what comes out of it goes into the second.",
            "(N, 784) @ (784, 256) gives (N, 256), and the bias of shape (256,) is added to every row. "
            "(N, 256) @ (256, 10) gives (N, 10).",
            "hidden is torch.sigmoid(…) of features @ w1, with b1 added inside. The logits are hidden "
            "@ w2, with b2 added, and that is what is returned.",
        ),
    )
)

# 03_softmax


def softmax(logits):
    """(N, classes) logits -> (N, classes) probabilities."""
    shifted = logits - logits.max(dim=1, keepdim=True).values  # (N, classes)
    weights = shifted.exp()  # (N, classes)
    return weights / weights.sum(dim=1, keepdim=True)


def _by_batch(logits):
    weights = (logits - logits.max(dim=0, keepdim=True).values).exp()
    return weights / weights.sum(dim=0, keepdim=True)


add(
    Exercise(
        name="softmax",
        chapter="2_digits/03_softmax",
        reference=softmax,
        axes=("N", "classes"),
        checked="4 batches, among them a square one and logits of ±1000",
        cases=calls(
            {
                "5 images and 3 classes": lambda: (torch.randn(5, 3),),
                "as many images as classes": lambda: (3 * torch.randn(4, 4),),
                "logits of ±1000": lambda: (
                    torch.tensor([[1000.0, 999, -1000], [-1000, -1001, -999]]),
                ),
                "one image": lambda: (torch.randn(1, 10),),
            },
            gradient=True,
        ),
        slips=(
            Slip(
                "overflow",
                lambda logits: logits.exp() / logits.exp().sum(dim=1, keepdim=True),
                "Right on small numbers, but softmax([[1000., 999.]]) gives nan: exp(x) leaves float32 "
                "above 88.72. Softmax does not change when one number is subtracted from a whole row: "
                "which one helps?",
            ),
            Slip(
                "summed over the batch",
                _by_batch,
                "Every column sums to 1. A column is one class of all images; the probabilities of "
                "one image stand in a row. Which axis shall disappear in the sum?",
            ),
            Slip(
                "no keepdim",
                lambda logits: (
                    (logits - logits.max(dim=1, keepdim=True).values).exp()
                    / (logits - logits.max(dim=1, keepdim=True).values).exp().sum(dim=1)
                ),
                "The sum has the shape (N,) and is laid along the classes. With as many images as "
                "classes this goes wrong without a word. Keep the axis that the sum removes.",
            ),
            Slip(
                "one sum for all",
                lambda logits: (
                    (logits - logits.max(dim=1, keepdim=True).values).exp()
                    / (logits - logits.max(dim=1, keepdim=True).values).exp().sum()
                ),
                "All numbers of the batch together sum to 1. Each image needs a sum of its own: "
                "over which axis?",
            ),
            Slip(
                "one maximum for all",
                lambda logits: (
                    (logits - logits.max()).exp()
                    / (logits - logits.max()).exp().sum(dim=1, keepdim=True)
                ),
                "Right while the rows are alike. But where one row is far below the largest number of "
                "the batch, all its exponentials are 0, and 0/0 is nan. Each row has a maximum.",
            ),
            Slip(
                "log-softmax",
                lambda logits: torch.log_softmax(logits, dim=1),
                "These are the logarithms of the probabilities: they are negative. One step is missing, "
                "or one too many is there.",
            ),
        ),
        variants=(
            lambda logits: torch.softmax(logits, dim=1),
            lambda logits: (logits - logits.logsumexp(dim=1, keepdim=True)).exp(),
            lambda logits: torch.stack(
                [(row - row.max()).exp() / (row - row.max()).exp().sum() for row in logits]
            ),
        ),
        hints=(
            "Exponentials are positive, and divided by their sum they sum to 1. Before that, subtract "
            "from each row its largest number: the result stays the same, and nothing overflows.",
            "The maximum and the sum are taken over the classes, one for each image. With keepdim=True "
            "they have the shape (N, 1), and subtracting and dividing broadcast over the row.",
            "shifted = logits - logits.max(dim=1, keepdim=True).values, then shifted.exp(), and at last "
            "the division by its own sum over dim=1.",
        ),
    )
)


def soften(logits, temperature):
    """(N, classes) logits -> (N, classes) probabilities at a temperature."""
    return torch.softmax(logits / temperature, dim=1)


def _plain(logits):
    return logits.exp() / logits.exp().sum(dim=1, keepdim=True)


def _by_hand(logits, temperature):
    colder = logits / temperature
    powers = (colder - colder.amax(dim=1, keepdim=True)).exp()
    return powers / powers.sum(dim=1, keepdim=True)


add(
    Exercise(
        name="soften",
        chapter="2_digits/03_softmax",
        reference=soften,
        axes=("N", "classes"),
        checked="5 batches, among them a square one and logits of ±1000",
        cases=calls(
            {
                "temperature 2": lambda: (2 * torch.randn(5, 3), 2),
                "temperature 0.5, as many images as classes": lambda: (torch.randn(4, 4), 0.5),
                "temperature 1": lambda: (torch.randn(3, 10), 1.0),
                "logits of ±1000 at temperature 4": lambda: (
                    torch.tensor([[1000.0, 996, -1000], [-1000, -1004, -992]]),
                    4.0,
                ),
                "one image": lambda: (3 * torch.randn(1, 10), 10.0),
            },
            gradient=True,
        ),
        slips=(
            Slip(
                "temperature without effect",
                lambda logits, temperature: torch.softmax(logits, dim=1),
                "All temperatures give what temperature 1 gives. Was it left out, or added or "
                "subtracted? Softmax ignores a shift, but not a scale.",
            ),
            Slip(
                "multiplied",
                lambda logits, temperature: torch.softmax(logits * temperature, dim=1),
                "A high temperature makes the answer sharper here. It should make it more even: do the "
                "differences between the logits have to grow or to shrink?",
            ),
            Slip(
                "divided afterwards",
                lambda logits, temperature: torch.softmax(logits, dim=1) / temperature,
                "At temperature 2 each row sums to 0.5. These are no probabilities: the scale "
                "belongs to the logits, before anything is raised to a power.",
            ),
            Slip(
                "softmax twice",
                lambda logits, temperature: torch.softmax(
                    torch.softmax(logits, dim=1) / temperature, dim=1
                ),
                "Even temperature 1 changes the answer: softmax was taken of probabilities. They "
                "lie between 0 and 1 and hardly differ. What should be scaled instead?",
            ),
            Slip(
                "sum not 1",
                lambda logits, temperature: torch.softmax(logits, dim=1) ** (1 / temperature),
                "Probabilities to the power of 1/T are in the right proportion to one another, but "
                "their row sums to 1 only for T = 1. What would mend that, or come earlier?",
            ),
            Slip(
                "over the batch",
                lambda logits, temperature: torch.softmax(logits / temperature, dim=0),
                "Every column sums to 1. The probabilities of one image stand in a row: over which "
                "axis is the sum taken?",
            ),
            Slip(
                "overflow",
                lambda logits, temperature: _plain(logits / temperature),
                "Right on small logits, and nan for those of ±1000: at temperature 4 they are still "
                "±250, and exp leaves float32 above 88.72. This chapter has a cure.",
            ),
        ),
        variants=(
            _by_hand,
            lambda logits, temperature: torch.stack(
                [F.softmax(row / temperature, dim=-1) for row in logits]
            ),
            lambda logits, temperature: F.log_softmax(logits * (1 / temperature), dim=-1).exp(),
        ),
        hints=(
            "A temperature changes the differences between the logits, and softmax does the rest. "
            "Nothing else has to be done.",
            "Logits of shape (N, classes) stay so when each of them is divided by the same number. "
            "Softmax then works on the classes, axis 1.",
            "It is one line: torch.softmax of the logits divided by the temperature, and its dim.",
        ),
    )
)

# 04_modules


class Network(nn.Module):
    """(batch, 784) features -> (batch, 10) probabilities, over 128 and 64 units."""

    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(784, 128)
        self.fc2 = nn.Linear(128, 64)
        self.fc3 = nn.Linear(64, 10)

    def forward(self, features):
        hidden = torch.relu(self.fc1(features))  # (batch, 128)
        hidden = torch.relu(self.fc2(hidden))  # (batch, 64)
        return torch.softmax(self.fc3(hidden), dim=1)  # (batch, 10)


class _Untouched(nn.Module):
    def __init__(self):
        super().__init__()

    def forward(self, features): ...


class _Logits(Network):
    def forward(self, features):
        return self.fc3(torch.relu(self.fc2(torch.relu(self.fc1(features)))))


class _LogSoftmax(_Logits):
    def forward(self, features):
        return torch.log_softmax(super().forward(features), dim=1)


class _SigmoidOutput(_Logits):
    def forward(self, features):
        return torch.sigmoid(super().forward(features))


class _ReluOutput(_Logits):
    def forward(self, features):
        return torch.softmax(torch.relu(super().forward(features)), dim=1)


class _OverTheBatch(_Logits):
    def forward(self, features):
        return torch.softmax(super().forward(features), dim=0)


class _SigmoidInside(Network):
    def forward(self, features):
        hidden = torch.sigmoid(self.fc2(torch.sigmoid(self.fc1(features))))
        return torch.softmax(self.fc3(hidden), dim=1)


class _NoActivation(Network):
    def forward(self, features):
        return torch.softmax(self.fc3(self.fc2(self.fc1(features))), dim=1)


class _OnlyTheFirst(Network):
    def forward(self, features):
        return torch.softmax(self.fc3(self.fc2(torch.relu(self.fc1(features)))), dim=1)


class _OnlyTheSecond(Network):
    def forward(self, features):
        return torch.softmax(self.fc3(torch.relu(self.fc2(self.fc1(features)))), dim=1)


class _SizesOfTheComment(Network):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(784, 256)
        self.fc2 = nn.Linear(256, 64)


class _SizesSwapped(Network):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(784, 64)
        self.fc2 = nn.Linear(64, 128)
        self.fc3 = nn.Linear(128, 10)


class _SizesThatDoNotFit(Network):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(128, 784)
        self.fc2 = nn.Linear(64, 128)
        self.fc3 = nn.Linear(10, 64)


class _NoSuper(Network):
    def __init__(self):
        self.fc1 = nn.Linear(784, 128)


class _NoModule:
    def __init__(self):
        self.fc1 = nn.Linear(784, 128)
        self.fc2 = nn.Linear(128, 64)
        self.fc3 = nn.Linear(64, 10)

    def forward(self, features):
        return Network.forward(self, features)


class _NamesOfTheChapter(nn.Module):
    def __init__(self):
        super().__init__()
        self.hidden1 = nn.Linear(784, 128)
        self.hidden2 = nn.Linear(128, 64)
        self.output = nn.Linear(64, 10)

    def forward(self, features):
        hidden = torch.relu(self.hidden2(torch.relu(self.hidden1(features))))
        return torch.softmax(self.output(hidden), dim=1)


class _MadeInForward(nn.Module):
    def forward(self, features):
        return Network()(features)


class _InAList(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = [nn.Linear(784, 128), nn.Linear(128, 64), nn.Linear(64, 10)]

    def forward(self, features):
        first, second, third = self.layers
        hidden = torch.relu(second(torch.relu(first(features))))
        return torch.softmax(third(hidden), dim=1)


class _WithModules(nn.Module):
    def __init__(self):
        super().__init__()
        self.softmax = nn.Softmax(dim=-1)
        self.relu = nn.ReLU()
        self.fc3 = nn.Linear(64, 10)
        self.fc2 = nn.Linear(128, 64)
        self.fc1 = nn.Linear(784, 128)

    def forward(self, features):
        hidden = self.relu(self.fc2(self.relu(self.fc1(features))))
        return self.softmax(self.fc3(hidden))


class _WithFunctions(nn.Module):
    def __init__(self):
        super().__init__()
        sizes = [784, 128, 64, 10]
        for number in (1, 2, 3):
            self.add_module(f"fc{number}", nn.Linear(*sizes[number - 1 : number + 1]))

    def forward(self, features):
        for layer in (self.fc1, self.fc2):
            features = layer(features).clamp(min=0)
        return F.softmax(self.fc3(features), dim=1)


SHAPES = {name: tuple(parameter.shape) for name, parameter in Network().named_parameters()}


def _fill_by_size(model):
    """Give every parameter numbers that depend on its shape, not on its name or place."""
    for parameter in model.parameters():
        random = torch.Generator().manual_seed(parameter.numel())
        values = torch.randn(parameter.shape, generator=random)
        spread = (2 / parameter.shape[-1]) ** 0.5 if parameter.ndim == 2 else 0.5
        parameter.data = spread * values


def _look_at_network(count):
    def look(answer):
        try:
            model = answer()
        except AttributeError as error:
            if "Module.__init__()" not in str(error):
                raise
            return {"first part": "after super().__init__()"}
        if not isinstance(model, nn.Module):
            return {"network": f"of type {type(model).__name__}, without nn.Module"}
        shapes = {name: tuple(values.shape) for name, values in model.named_parameters()}
        layers = sorted({name.rpartition(".")[0] for name in shapes})
        seen = {"layers with parameters": ", ".join(layers) or "none"}
        for name in SHAPES:
            seen[f"shape of {name}"] = str(shapes.get(name, "none"))
        if layers == ["fc1", "fc2", "fc3"] and shapes != SHAPES:
            return seen  # of another network the numbers cannot be compared
        _fill_by_size(model)
        features = torch.randn(count, 784)
        probabilities = attempt(lambda: model(features))
        if not shapes:  # its random numbers are its own
            again = attempt(lambda: model(features))
            seen["same probabilities in a second call"] = not isinstance(
                probabilities, torch.Tensor
            ) or torch.equal(probabilities, again)
            seen["probabilities"] = None if probabilities is None else "without parameters"
            return seen
        seen["probabilities"] = freeze(probabilities)
        if isinstance(probabilities, torch.Tensor) and probabilities.requires_grad:
            # Each number counts differently, because the sum of all of them is constant.
            weights = torch.linspace(1, 2, probabilities.numel()).reshape(probabilities.shape)
            (probabilities * weights).sum().backward()
        seen["number of parameters that get a gradient"] = sum(
            parameter.grad is not None for parameter in model.parameters()
        )
        return seen

    return look


add(
    Exercise(
        name="network_class",
        chapter="2_digits/04_modules",
        reference=Network,
        axes=("batch", "10"),
        checked="batches of 64, 10 and 1, with weights of ours",
        cases={
            "64 images": _look_at_network(64),
            "10 images": _look_at_network(10),
            "one image": _look_at_network(1),
        },
        slips=(
            Slip(
                "ReLU on the output",
                _ReluOutput,
                "Many probabilities of an image are exactly alike: a ReLU before the softmax has made all "
                "negative logits 0. ReLU follows the first two layers only.",
            ),
            Slip(
                "sigmoid inside",
                _SigmoidInside,
                "The layers are right, but the hidden units end with a sigmoid, as in the network of "
                "this chapter. Another function was asked for.",
            ),
            Slip(
                "no activation",
                _NoActivation,
                "Nothing stands between the three layers, so together they are no more than one. "
                "Which function follows which of them?",
            ),
            Slip(
                "only one ReLU",
                _OnlyTheFirst,
                "The first layer has its ReLU, the second has none. So the last two layers, one after the "
                "other, do no more than a single one.",
            ),
            Slip(
                "no ReLU after the first",
                _OnlyTheSecond,
                "The second layer has its ReLU, the first has none. So the first two layers, one after "
                "the other, do no more than a single one.",
            ),
            Slip(
                "softmax over the batch",
                _OverTheBatch,
                "Every column sums to 1, and one image alone gets 1 for each class. The ten classes of "
                "one image shall share a total of 1: which axis is that?",
            ),
            Slip(
                "logits",
                _Logits,
                "Some numbers are negative: these are logits. Later the course's network returns them, "
                "too, but this one shall end with probabilities. What makes them?",
            ),
            Slip(
                "log-softmax",
                _LogSoftmax,
                "No number is above 0: these are logarithms of probabilities. Some losses want them, "
                "but probabilities were asked for.",
            ),
            Slip(
                "sigmoid on the output",
                _SigmoidOutput,
                "All numbers lie between 0 and 1, but a row does not sum to 1. Sigmoid asks each output "
                "yes or no. What asks: which one of the ten?",
            ),
            Slip(
                "256 units",
                _SizesOfTheComment,
                "fc1 has 256 outputs here, as the hidden layer of this chapter. In the picture above "
                "the exercise there is another number.",
            ),
            Slip(
                "sizes swapped",
                _SizesSwapped,
                "This is 784-64-128-10. The sizes of the two hidden layers are in the wrong order: which "
                "comes first in the picture?",
            ),
            Slip(
                "outputs before inputs",
                _SizesThatDoNotFit,
                "The weight of fc1 is (784, 128). nn.Linear takes the number of inputs first, and keeps "
                "its weight the other way round. How many inputs has fc1?",
            ),
            Slip(
                "no super().__init__()",
                _NoSuper,
                "The first layer arrives before nn.Module has set up its bookkeeping, and that is an "
                "AttributeError. Which call comes first in __init__?",
            ),
            Slip(
                "not an nn.Module",
                _NoModule,
                "The class inherits from nothing. So nobody finds its parameters, and the network cannot "
                "be called. What stands in parentheses behind its name?",
            ),
            Slip(
                "other names",
                _NamesOfTheChapter,
                "It computes the right thing, but its layers have other names. A file with weights "
                "finds its parameters by name, so names are agreed on: see the task.",
            ),
            Slip(
                "layers made in forward",
                _MadeInForward,
                "The network has no parameters, and each call gives another answer: it makes its layers "
                "anew, with fresh random weights. Where are they made once?",
            ),
            Slip(
                "layers in a Python list",
                _InAList,
                "The network has no parameters that training could find. A module finds layers that "
                "are its own attributes; it does not look into a list. Each needs a name.",
            ),
        ),
        variants=(_WithModules, _WithFunctions),
        stub=_Untouched,
        hints=(
            "As in this chapter: what has parameters is made in __init__, after the call of the same "
            "method of nn.Module, and forward sends the features through it. There is one layer more than before.",
            "(batch, 784) becomes (batch, 128), then (batch, 64), and at last (batch, 10). The inputs of "
            "a layer are the outputs of the one before. The softmax runs over axis 1.",
            "self.fc1 = nn.Linear(784, 128), and fc2 and fc3 in the same way. In forward, torch.relu "
            "around fc1 and fc2, and torch.softmax with dim=1 around fc3.",
        ),
    )
)


def copy_weights(model, w1, b1, w2, b2):
    """Copy (in, out) matrices and (out,) biases into model.hidden and model.output."""
    with torch.no_grad():
        model.hidden.weight.copy_(w1.T)
        model.hidden.bias.copy_(b1)
        model.output.weight.copy_(w2.T)
        model.output.bias.copy_(b2)


class _HiddenAndOutput(nn.Module):
    def __init__(self, n_in, n_hidden, n_out):
        super().__init__()
        self.hidden = nn.Linear(n_in, n_hidden)
        self.output = nn.Linear(n_hidden, n_out)

    def forward(self, features):
        return self.output(torch.sigmoid(self.hidden(features)))


def _refused(call):
    """Name the two ways in which PyTorch refuses to have a parameter changed."""
    try:
        call()
    except (RuntimeError, TypeError) as error:
        if "a leaf Variable that requires grad" in str(error):
            return "changed in place while autograd watches"
        if "as parameter" in str(error):
            return "a tensor in the place of a parameter"
        raise
    return ""


def _look_at_copies(n_in, n_hidden, n_out):
    def look(answer):
        model = _HiddenAndOutput(n_in, n_hidden, n_out)
        held = dict(model.named_parameters())  # as an optimizer holds them
        matrices = [
            torch.randn(n_in, n_hidden),
            torch.randn(n_hidden),
            torch.randn(n_hidden, n_out),
            torch.randn(n_out),
        ]
        given = freeze(matrices)
        refused = _refused(lambda: answer(model, *matrices))
        if refused:
            return {"numbers": refused}
        seen = {
            f"{kind} of the {layer} layer": freeze(getattr(getattr(model, layer), kind))
            for layer in ("hidden", "output")
            for kind in ("weight", "bias")
        }
        now = dict(model.named_parameters())
        seen["matrices afterwards"] = (
            "as given" if same(given, freeze(matrices), 0, 0) else "changed"
        )
        seen["list of new parameters"] = [name for name in held if now.get(name) is not held[name]]
        seen["list of frozen parameters"] = [
            name for name, parameter in now.items() if not parameter.requires_grad
        ]
        before = freeze(matrices)
        # A step of training: do the caller's matrices move, too?
        with torch.no_grad():
            for parameter in model.parameters():
                attempt(lambda parameter=parameter: parameter.add_(1))
        seen["list of matrices that training changes"] = [
            name
            for name, one, other in zip(
                ("w1", "b1", "w2", "b2"), before, freeze(matrices), strict=True
            )
            if (one.values != other.values).any()
        ]
        return seen

    return look


def _copied(model, w1, b1, w2, b2):
    with torch.no_grad():
        model.hidden.weight.copy_(w1)
        model.hidden.bias.copy_(b1)
        model.output.weight.copy_(w2)
        model.output.bias.copy_(b2)


def _without_no_grad(model, w1, b1, w2, b2):
    model.hidden.weight.copy_(w1.T)


def _tensor_assigned(model, w1, b1, w2, b2):
    model.hidden.weight = w1.T


def _new_parameters(model, w1, b1, w2, b2):
    model.hidden.weight = nn.Parameter(w1.T.clone())
    model.hidden.bias = nn.Parameter(b1.clone())
    model.output.weight = nn.Parameter(w2.T.clone())
    model.output.bias = nn.Parameter(b2.clone())


def _new_parameters_that_share(model, w1, b1, w2, b2):
    model.hidden.weight, model.hidden.bias = nn.Parameter(w1.T), nn.Parameter(b1)
    model.output.weight, model.output.bias = nn.Parameter(w2.T), nn.Parameter(b2)


def _shared(model, w1, b1, w2, b2):
    model.hidden.weight.data, model.hidden.bias.data = w1.T, b1
    model.output.weight.data, model.output.bias.data = w2.T, b2


def _reshaped(model, w1, b1, w2, b2):
    w1 = w1.reshape(model.hidden.weight.shape)
    w2 = w2.reshape(model.output.weight.shape)
    _copied(model, w1, b1, w2, b2)


def _biases_forgotten(model, w1, b1, w2, b2):
    copy_weights(model, w1, model.hidden.bias, w2, model.output.bias)


def _only_the_hidden_layer(model, w1, b1, w2, b2):
    copy_weights(model, w1, b1, model.output.weight.T, model.output.bias)


def _frozen(model, w1, b1, w2, b2):
    model.requires_grad_(False)
    copy_weights(model, w1, b1, w2, b2)


def _the_other_way(model, w1, b1, w2, b2):
    with torch.no_grad():
        w1.copy_(model.hidden.weight.T)
        b1.copy_(model.hidden.bias)
        w2.copy_(model.output.weight.T)
        b2.copy_(model.output.bias)


def _names_rebound(model, w1, b1, w2, b2):
    weight = model.hidden.weight
    weight = w1.T
    assert weight.shape == w1.T.shape


def _by_state_dict(model, w1, b1, w2, b2):
    model.load_state_dict(
        {"hidden.weight": w1.T, "hidden.bias": b1, "output.weight": w2.T, "output.bias": b2}
    )


def _layer_by_layer(model, w1, b1, w2, b2):
    for layer, weight, bias in [(model.hidden, w1, b1), (model.output, w2, b2)]:
        layer.weight.data[:] = weight.T
        layer.bias.data[:] = bias


def _through_detached(model, w1, b1, w2, b2):
    for parameter, values in zip(model.parameters(), (w1.T, b1, w2.T, b2), strict=True):
        parameter.detach().copy_(values)


add(
    Exercise(
        name="copy_weights",
        chapter="2_digits/04_modules",
        reference=copy_weights,
        checked="3 networks, among them one with square matrices, and after a step of training",
        cases={
            "square matrices": _look_at_copies(4, 4, 4),
            "a network 6-4-3": _look_at_copies(6, 4, 3),
            "a network 3-7-2": _look_at_copies(3, 7, 2),
        },
        slips=(
            Slip(
                "no transpose",
                _copied,
                "Square matrices go in the wrong way round without a word, others with a RuntimeError. "
                "Your matrices have the inputs first; how does nn.Linear keep its weight?",
            ),
            Slip(
                "reshaped instead of transposed",
                _reshaped,
                "The shapes fit, but the numbers are in other places: reshape keeps the order in memory "
                "and cuts it anew. Columns should become rows.",
            ),
            Slip(
                "recorded by autograd",
                _without_no_grad,
                "A parameter that can be trained must not be changed in place while autograd watches, "
                "and that is a RuntimeError. What switches autograd off for a few lines?",
            ),
            Slip(
                "a tensor assigned",
                _tensor_assigned,
                "A module refuses a plain tensor under the name of a parameter, with a TypeError. The "
                "parameter shall stay, and only its numbers shall change.",
            ),
            Slip(
                "new parameters",
                _new_parameters,
                "The numbers are right, but they are in new parameters. An optimizer made before still "
                "holds the old ones, and would train those. How do numbers get into the old ones?",
            ),
            Slip(
                "new parameters that share memory",
                _new_parameters_that_share,
                "The parameters are new ones, so an optimizer made before holds others. And they use the "
                "memory of your matrices: training would change those, too.",
            ),
            Slip(
                "memory shared",
                _shared,
                "The numbers are right until training begins: then your matrices change, too, because "
                "model and matrices use the same memory. What copies instead?",
            ),
            Slip(
                "biases forgotten",
                _biases_forgotten,
                "Both weights are right, and both biases still have the random numbers they were made "
                "with. They go in as they are.",
            ),
            Slip(
                "only the hidden layer",
                _only_the_hidden_layer,
                "The hidden layer has its numbers, and the output layer still the random ones it was "
                "made with. Four tensors were given.",
            ),
            Slip(
                "parameters frozen",
                _frozen,
                "The numbers are right, but the parameters are frozen: no gradient will arrive, and no "
                "training change them. Was requires_grad switched off, and not on again?",
            ),
            Slip(
                "copied the other way",
                _the_other_way,
                "The model is as it was, and your matrices have the numbers of the model. The tensor "
                "before the point is the one that is written into.",
            ),
            Slip(
                "only a name changed",
                _names_rebound,
                "The model is as it was. `weight = …` gives the name to another tensor, and the "
                "parameter behind it does not notice. Which method writes into it?",
            ),
        ),
        variants=(_by_state_dict, _layer_by_layer, _through_detached),
        hints=(
            "The parameters stay, and their numbers are overwritten. The chapter does it by name; a "
            "tensor also has a method of its own for it, with an underscore at its end.",
            "The weight of a linear layer has the shape (out, in), your matrices have (in, out), so they "
            "go in transposed. A bias has the shape (out,) in both.",
            "Inside with torch.no_grad(): call copy_ on weight and bias of model.hidden and of "
            "model.output, with .T for the matrices. Or load_state_dict, as the chapter does.",
        ),
    )
)

# 05_initialization


def he_std(layer):
    """Linear layer -> the standard deviation of its weights by He's rule, a float."""
    return (2 / layer.in_features) ** 0.5


def _measured(layer):
    nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
    return layer.weight.std().item()


def _look_at_std(n_in, n_out):
    def look(answer):
        layer = nn.Linear(n_in, n_out)
        before = freeze(list(layer.parameters()))
        result = freeze(answer(layer))
        after = freeze(list(layer.parameters()))
        changed = any((a.values != b.values).any() for a, b in zip(before, after, strict=True))
        if changed:
            return {"layer": "changed"}  # with random numbers, which need not be compared
        return {"result": result, "layer": "as it was"}

    return look


add(
    Exercise(
        name="he_std",
        chapter="2_digits/05_initialization",
        reference=he_std,
        checked="4 layers, among them one with as many outputs as inputs",
        cases={
            "784 inputs, 128 outputs": _look_at_std(784, 128),
            "as many outputs as inputs": _look_at_std(50, 50),
            "3 inputs, 100 outputs": _look_at_std(3, 100),
            "one input": _look_at_std(1, 4),
        },
        slips=(
            Slip(
                "outputs counted",
                lambda layer: math.sqrt(2 / layer.out_features),
                "Right where there are as many outputs as inputs. Else it is not: how many products does "
                "one unit add up?",
            ),
            Slip(
                "variance",
                lambda layer: 2 / layer.in_features,
                "This is the square of what was asked for, the variance. A standard deviation has the "
                "size of the weights themselves.",
            ),
            Slip(
                "Xavier",
                lambda layer: math.sqrt(2 / (layer.in_features + layer.out_features)),
                "Inputs and outputs are counted together: that is Xavier's compromise, made for tanh. "
                "What does He's rule count?",
            ),
            Slip(
                "ReLU's factor forgotten",
                lambda layer: math.sqrt(1 / layer.in_features),
                "Every result is too small by the same factor. 1/√n keeps the sums level; but ReLU "
                "halves their mean square. What makes up for it?",
            ),
            Slip(
                "factor outside the root",
                lambda layer: 2 / math.sqrt(layer.in_features),
                "Every result is too large by the same factor. ReLU halves the mean *square*: is it the "
                "weight or its square that has to be doubled?",
            ),
            Slip(
                "bound of a uniform distribution",
                lambda layer: math.sqrt(6 / layer.in_features),
                "This is where the weights end if they are spread evenly by He's rule. Their standard "
                "deviation is smaller, by the factor √3.",
            ),
            Slip(
                "784 typed in",
                lambda layer: math.sqrt(2 / 784),
                "Every layer gets 0.0505, which is right for fc1. The number of inputs differs from layer "
                "to layer, and each layer knows its own.",
            ),
            Slip(
                "upside down",
                lambda layer: math.sqrt(layer.in_features / 2),
                "With more inputs it grows. But the more products a unit adds up, the smaller each weight "
                "has to be.",
            ),
            Slip(
                "a tensor",
                lambda layer: torch.sqrt(torch.tensor(2 / layer.in_features)),
                "The value is right, but it is a tensor with one number in it. Asked for is Python's own "
                "kind of number.",
            ),
            Slip(
                "spread of the present weights",
                lambda layer: layer.weight.std().item(),
                "This is how far the present weights spread, as PyTorch has drawn them. He's rule says "
                "how far they should; it needs the size of the layer and no weights.",
            ),
            Slip(
                "drawn and measured",
                _measured,
                "The layer has new weights now, and their measured spread is off by a few percent. The "
                "rule is a formula: nothing has to be drawn for it.",
            ),
        ),
        variants=(
            lambda layer: math.sqrt(2 / layer.weight.shape[1]),
            lambda layer: nn.init.calculate_gain("relu") / layer.in_features**0.5,
            lambda layer: torch.tensor(2 / layer.weight.size(1)).sqrt().item(),
        ),
        hints=(
            "He's rule is a formula in this chapter, with one number that the layer knows. Which "
            "number is it, and how does a linear layer name it?",
            "A layer of 784 inputs and 128 outputs gives 0.0505, a number without a shape. The "
            "outputs do not matter.",
            "The root of 2 divided by layer.in_features: ** 0.5 takes it, and the result is a Python number.",
        ),
    )
)


def init_in_place(layer):
    """Fill the weight of a linear layer from N(0, 0.01), and its bias with zeros."""
    nn.init.normal_(layer.weight, mean=0.0, std=0.01)
    nn.init.zeros_(layer.bias)


def _rounded(value, expected, tolerance=1e-3):
    """Make random numbers of one distribution alike, and those of another different."""
    value = value.item()
    return expected if abs(value - expected) < tolerance else float(f"{value:.1g}")


def _look_at_start(n_in, n_out):
    def look(answer):
        layer = nn.Linear(n_in, n_out)
        weight, bias = layer.weight, layer.bias
        refused = _refused(lambda: answer(layer))
        if refused:
            return {"numbers": refused}
        values = layer.weight.detach()
        inside = (values.abs() < 0.01).float().mean().item()
        attempt(lambda: layer(torch.ones(1, n_in)).sum().backward())
        return {
            "standard deviation of the weights": _rounded(values.std(), 0.01),
            "mean of the weights": _rounded(values.mean(), 0.0, 0.1 * max(0.01, values.std())),
            "spread between the units": _rounded(values.std(dim=0).mean(), 0.01),
            # 0.7 for a normal distribution with the standard deviation 0.01
            "fraction of weights between -0.01 and 0.01": round(inside, 1),
            "standard deviation of the biases": round(layer.bias.detach().std().item(), 2),
            "number of biases that are not 0": layer.bias.detach().count_nonzero().item(),
            "weight the same parameter as before": layer.weight is weight,
            "bias the same parameter as before": layer.bias is bias,
            "gradient for the weight": layer.weight.grad is not None,
            "gradient for the bias": layer.bias.grad is not None,
        }

    return look


def _spread_left(layer):
    nn.init.normal_(layer.weight)
    nn.init.zeros_(layer.bias)


def _swapped(layer):
    nn.init.zeros_(layer.weight)
    nn.init.normal_(layer.bias, std=0.01)


def _bias_left(layer):
    nn.init.normal_(layer.weight, std=0.01)


def _bias_drawn(layer):
    nn.init.normal_(layer.weight, std=0.01)
    nn.init.normal_(layer.bias, std=0.01)


def _weight_left(layer):
    nn.init.zeros_(layer.bias)


def _frozen_afterwards(layer):
    init_in_place(layer)
    layer.requires_grad_(False)


def _weight_frozen(layer):
    init_in_place(layer)
    layer.weight.requires_grad_(False)


def _weight_assigned(layer):
    layer.weight = 0.01 * torch.randn(layer.weight.shape)
    layer.bias = torch.zeros(layer.bias.shape)


def _parameters_replaced(layer):
    layer.weight = nn.Parameter(0.01 * torch.randn(layer.weight.shape))
    layer.bias = nn.Parameter(torch.zeros(layer.bias.shape))


def _watched_by_autograd(layer):
    layer.weight.normal_(0, 0.01)
    layer.bias.zero_()


def _variance_given(layer):
    nn.init.normal_(layer.weight, std=0.1)
    nn.init.zeros_(layer.bias)


def _spread_evenly(layer):
    nn.init.uniform_(layer.weight, -0.01, 0.01)
    nn.init.zeros_(layer.bias)


def _nothing_random(layer):
    nn.init.constant_(layer.weight, 0.01)
    nn.init.zeros_(layer.bias)


def _all_zero(layer):
    nn.init.zeros_(layer.weight)
    nn.init.zeros_(layer.bias)


def _another_layer(layer):
    layer = nn.Linear(layer.in_features, layer.out_features)
    init_in_place(layer)


def _under_no_grad(layer):
    with torch.no_grad():
        layer.weight.normal_(0, 0.01)
        layer.bias.zero_()


def _numbers_copied(layer):
    with torch.no_grad():
        layer.weight.copy_(0.01 * torch.randn(layer.weight.shape))
        layer.bias.fill_(0)


def _by_data(layer):
    layer.weight.data = torch.randn_like(layer.weight).mul(0.01)
    layer.bias.data.mul_(0)


add(
    Exercise(
        name="init_in_place",
        chapter="2_digits/05_initialization",
        reference=init_in_place,
        checked="2 layers: spread, mean and form of the weights, the bias, and a gradient for both",
        cases={
            "300 inputs, 200 outputs": _look_at_start(300, 200),
            "150 inputs, 400 outputs": _look_at_start(150, 400),
        },
        slips=(
            Slip(
                "spread left at 1",
                _spread_left,
                "The weights have a standard deviation of about 1. That is what normal_ takes if nothing "
                "else is said. Its first number is the mean; what does the second in N(0, 0.01) say?",
            ),
            Slip(
                "weight and bias swapped",
                _swapped,
                "All weights are 0, and the biases are random. Units without weights all see the same, "
                "whatever the image. It should be the other way round.",
            ),
            Slip(
                "bias left",
                _bias_left,
                "The weights are right. The bias still has the random numbers that PyTorch gave it when "
                "the layer was made.",
            ),
            Slip(
                "bias drawn, too",
                _bias_drawn,
                "The weights are right, but the biases were drawn at random as well. The weights "
                "make the units different already; what shall the biases be?",
            ),
            Slip(
                "weight left",
                _weight_left,
                "The bias is right. The weights are still those that PyTorch drew when the layer was "
                "made.",
            ),
            Slip(
                "frozen",
                _frozen_afterwards,
                "The numbers are right, but no gradient arrives: requires_grad was switched off, and "
                "nothing will ever train this layer.",
            ),
            Slip(
                "weight frozen",
                _weight_frozen,
                "The numbers are right, but the weight gets no gradient, and only the bias would be "
                "trained. What switched it off?",
            ),
            Slip(
                "a tensor assigned",
                _weight_assigned,
                "A layer refuses a plain tensor under the name of a parameter, with a TypeError. The "
                "parameter shall stay where it is, and be filled.",
            ),
            Slip(
                "new parameters",
                _parameters_replaced,
                "The numbers are right, but they are in new parameters. An optimizer made before still "
                "holds the old ones. What fills those?",
            ),
            Slip(
                "recorded by autograd",
                _watched_by_autograd,
                "A parameter that can be trained must not be changed in place while autograd watches, "
                "and that is a RuntimeError. nn.init takes care of it; what else does?",
            ),
            Slip(
                "0.01 taken for the variance",
                _variance_given,
                "The weights have a standard deviation of about 0.1, and so a variance of 0.01. In this "
                "course, as in PyTorch's normal_, 0.01 is the standard deviation.",
            ),
            Slip(
                "spread evenly",
                _spread_evenly,
                "All weights lie between -0.01 and 0.01, each as likely as any other. Of normally "
                "distributed ones about a third lie outside. What does the N stand for?",
            ),
            Slip(
                "all zero",
                _all_zero,
                "Weights and biases are all 0. For the biases that is asked for. But units that start "
                "alike stay alike, so the weights have to differ: how were they to be drawn?",
            ),
            Slip(
                "layer as it was",
                _another_layer,
                "The layer that was given has not changed at all. Was another one filled, or a copy? Its "
                "own weight and bias are to be written into.",
            ),
            Slip(
                "all alike",
                _nothing_random,
                "Every weight is the same number. Units that start alike stay alike, and all of them do the work of "
                "one: the weights have to be drawn at random.",
            ),
        ),
        variants=(_under_no_grad, _numbers_copied, _by_data),
        hints=(
            "The module nn.init has a function for each of the two: one draws from a normal "
            "distribution, one fills with zeros. Both work in place.",
            "layer.weight has the shape (out, in), and layer.bias (out,). Both stay the same objects; "
            "only the numbers in them change. 0.01 is the standard deviation.",
            "nn.init.normal_ takes the weight and std=0.01, and nn.init.zeros_ takes the bias. Nothing "
            "has to be returned.",
        ),
    )
)


# 06_sequential


def sequential_named():
    """Return a Sequential for 784-128-64-10 with named layers and a softmax."""
    layers = OrderedDict()
    layers["fc1"] = nn.Linear(784, 128)
    layers["relu1"] = nn.ReLU()
    layers["fc2"] = nn.Linear(128, 64)
    layers["relu2"] = nn.ReLU()
    layers["output"] = nn.Linear(64, 10)
    layers["softmax"] = nn.Softmax(dim=1)
    return nn.Sequential(layers)


_SIX = ("fc1", "relu1", "fc2", "relu2", "output", "softmax")


def _six_layers(names=_SIX, *, last=None, activation=nn.ReLU):
    layers = [nn.Linear(784, 128), activation(), nn.Linear(128, 64), activation()]
    layers += [nn.Linear(64, 10), nn.Softmax(dim=1) if last is None else last]
    return OrderedDict(zip(names, layers, strict=False))  # where there are fewer names: the first


def _look_at_named(answer):
    network = answer()
    if not isinstance(network, nn.Sequential):
        return {"result": freeze(network)}
    found = {
        "result": Thing("Sequential"),
        "names of the layers": ", ".join(network._modules),
    }
    for name, parameter in network.named_parameters():
        found[f"shape of {name}"] = str(tuple(parameter.shape))
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.copy_(torch.randn(parameter.shape) / 8)
    network.eval()
    for count in (5, 10):
        features = torch.randn(count, 784)
        found[f"probabilities of {count} images"] = attempt(lambda f=features: freeze(network(f)))
    return found


def _one_relu_twice():
    relu = nn.ReLU()
    return nn.Sequential(_six_layers(activation=lambda: relu))


def _named_one_by_one():
    network = nn.Sequential()
    network.add_module("fc1", nn.Linear(28 * 28, 128))
    network.add_module("relu1", nn.ReLU(inplace=True))
    network.add_module("fc2", nn.Linear(128, 64))
    network.add_module("relu2", nn.ReLU(inplace=True))
    network.add_module("output", nn.Linear(64, 10))
    network.add_module("softmax", nn.Softmax(-1))
    return network


add(
    Exercise(
        name="sequential_named",
        chapter="2_digits/06_sequential",
        reference=sequential_named,
        checked="its names, its parameters' shapes, and the probabilities of 15 images",
        cases={"the network": _look_at_named},
        slips=(
            Slip(
                "unnamed",
                lambda: nn.Sequential(*_six_layers().values()),
                "The layers are called 0 to 5: a Sequential numbers layers that come one by one. What "
                "did the chapter hand over instead, so that each layer had a name?",
            ),
            Slip(
                "a key used twice",
                lambda: nn.Sequential(
                    _six_layers(("fc1", "relu1", "fc2", "relu1", "output", "softmax"))
                ),
                "Six entries went in and five layers came out. A dictionary holds each key once, and "
                "relu1 is there twice. So nothing stands between fc2 and output now.",
            ),
            Slip(
                "one name for both ReLUs",
                lambda: nn.Sequential(
                    _six_layers(("fc1", "relu", "fc2", "relu", "output", "softmax"))
                ),
                "Six entries went in and five layers came out: the second relu took the place of the "
                "first. Compare your keys with the six names that are asked for.",
            ),
            Slip(
                "softmax over the batch",
                lambda: nn.Sequential(_six_layers(last=nn.Softmax(dim=0))),
                "Every column sums to 1. A column is one class of all images, but the probabilities of "
                "one image stand in a row. Which axis has the classes?",
            ),
            Slip(
                "log-softmax",
                lambda: nn.Sequential(_six_layers(last=nn.LogSoftmax(dim=1))),
                "All numbers are negative: these are the logarithms of the probabilities. There is a "
                "layer with a shorter name.",
            ),
            Slip(
                "no softmax",
                lambda: nn.Sequential(_six_layers(_SIX[:5])),
                "These are logits: a row does not sum to 1, and some numbers are negative. Of the six "
                "layers the last one is missing.",
            ),
            Slip(
                "fc3 instead of output",
                lambda: nn.Sequential(
                    _six_layers(("fc1", "relu1", "fc2", "relu2", "fc3", "softmax"))
                ),
                "The network is right, but its third linear layer is called fc3, as in the chapter. "
                "Here another name is asked for. Whoever loads its parameters looks for that one.",
            ),
            Slip(
                "sigmoid",
                lambda: nn.Sequential(_six_layers(activation=nn.Sigmoid)),
                "Names and shapes are right, the probabilities are not. Something called relu1 and "
                "relu2 lets negative numbers through as positive ones. Which layers stand there?",
            ),
            Slip(
                "dictionary returned",
                _six_layers,
                "The dictionary has all names and layers, but it is no network: it cannot be called "
                "with features. Who takes such a dictionary and runs its layers in order?",
            ),
        ),
        variants=(
            lambda: nn.Sequential(_six_layers()),
            _one_relu_twice,
            _named_one_by_one,
        ),
        hints=(
            "A Sequential takes names for its layers from an OrderedDict, which it gets as its only "
            "argument. Each key may appear once.",
            "784-128-64-10 are three linear layers: 784 to 128, 128 to 64, 64 to 10. A ReLU stands "
            "behind the first two, and the softmax, over the classes, behind the third: six entries.",
            'nn.Sequential(OrderedDict([("fc1", nn.Linear(784, 128)), ("relu1", nn.ReLU()), …, '
            '("softmax", nn.Softmax(dim=1))])), and len() of it should be 6.',
        ),
    )
)


def all_but_last(model):
    """Return a Sequential of the layers of a Sequential but the last, sharing them."""
    return model[:-1]


def _three_models():
    relu = nn.ReLU()
    return {
        "five layers": nn.Sequential(
            nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 4), nn.Dropout(0.5), nn.Linear(4, 4)
        ),
        "three layers, with names": nn.Sequential(
            OrderedDict(fc1=nn.Linear(3, 4), relu=nn.ReLU(), output=nn.Linear(4, 2))
        ),
        "one ReLU in two places": nn.Sequential(
            nn.Linear(3, 3), relu, nn.Linear(3, 3), relu, nn.Linear(3, 3), nn.Softmax(dim=1)
        ),
        "a Sequential inside": nn.Sequential(
            nn.Sequential(nn.Linear(3, 4), nn.ReLU()), nn.Linear(4, 3), nn.ReLU()
        ),
    }


def _look_at_front(label):
    def look(answer):
        model = _three_models()[label].eval()
        features = torch.randn(4, 3)
        layers = list(model)
        front = answer(model)
        after = {
            "number of layers of the model you were given": len(model),
            "outputs of the model you were given": attempt(lambda: freeze(model(features))),
        }
        if not isinstance(front, nn.Sequential):
            return {"result": freeze(front), **after}
        found = {
            "result": Thing("Sequential"),
            "places of its layers in the model": ", ".join(
                next((str(k) for k, other in enumerate(layers) if layer is other), "not there")
                for layer in front
            ),
            "outputs": attempt(lambda: freeze(front(features))),
            **after,
        }
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.mul_(0.5)
        found["outputs after the model was trained on"] = attempt(lambda: freeze(front(features)))
        return found

    return look


def _cut_in_place(model):
    del model[-1]
    return model


def _identity_at_the_end(model):
    model[-1] = nn.Identity()
    return model


def _front_by_append(model):
    front = nn.Sequential()
    for place, layer in enumerate(model):
        if place < len(model) - 1:
            front.append(layer)
    return front


add(
    Exercise(
        name="all_but_last",
        chapter="2_digits/06_sequential",
        reference=all_but_last,
        checked="4 models, among them one with names and one that uses a ReLU twice",
        cases={label: _look_at_front(label) for label in _three_models()},
        slips=(
            Slip(
                "a copy",
                lambda model: copy.deepcopy(model[:-1]),
                "The outputs are right, but these are copies of the layers. When the model is trained "
                "on, they stay as they were. How do you get at the layers themselves?",
            ),
            Slip(
                "last layer taken from the model",
                _cut_in_place,
                "The model that was given has lost its last layer, and whoever gave it still needs "
                "that. A new Sequential can hold the same layers.",
            ),
            Slip(
                "last layer replaced in the model",
                _identity_at_the_end,
                "The last layer does nothing now, but it is still there, and in the model that was "
                "given its old one is gone. Which object should be new here, and which ones not?",
            ),
            Slip(
                "a fixed number",
                lambda model: model[:4],
                "Right for a model of five layers. How many layers there are differs from model to "
                "model. How do you count from the end?",
            ),
            Slip(
                "only the last",
                lambda model: model[-1:],
                "This is the last layer alone: the one that should be left out. On which side of the "
                "colon does the place stand at which a slice ends?",
            ),
            Slip(
                "first left out",
                lambda model: model[1:],
                "The first layer is missing, and the last is still there. On which side of the colon "
                "does the place stand at which a slice ends?",
            ),
            Slip(
                "two cut off",
                lambda model: model[:-2],
                "One layer too many is gone. The place behind the colon is the first one that a slice "
                "leaves out, and -1 is the last.",
            ),
            Slip(
                "a list",
                lambda model: list(model)[:-1],
                "These are the right layers, in a list, and a list cannot be called with features. In "
                "what do layers run in order?",
            ),
            Slip(
                "a layer in two places lost",
                lambda model: nn.Sequential(*list(model.children())[:-1]),
                "Right while all layers are different objects. But children() names each object once: "
                "of a ReLU that stands in two places, the second place is lost. What else gives the "
                "layers, place by place?",
            ),
            Slip(
                "one inside the other",
                lambda model: nn.Sequential(model[:-1]),
                "This is a Sequential with a single layer, and that layer is a Sequential with the "
                "right ones. One of the two is enough.",
            ),
            Slip(
                "modules() for children",
                lambda model: nn.Sequential(*list(model.modules())[:-1]),
                "The model itself is among the layers now: modules() gives the model, then everything "
                "in it at any depth. Only the layers of the outermost Sequential are wanted.",
            ),
            Slip(
                "the model itself",
                lambda model: model,
                "The last layer is still there: this is the whole model. If a layer was cut off, the "
                "result of that was not returned.",
            ),
        ),
        variants=(
            lambda model: nn.Sequential(*list(model)[:-1]),
            lambda model: nn.Sequential(OrderedDict(list(model._modules.items())[:-1])),
            _front_by_append,
        ),
        hints=(
            "A Sequential can be cut like a list, and what comes out is a Sequential that holds the "
            "very same layers.",
            "Of n layers, those at the places 0 to n - 2 are wanted. Counted from the end, the place "
            "that is left out is -1, whatever n is.",
            "A slice is written model[start:stop], the layer at stop not included, and without a start "
            "it begins at the first.",
        ),
    )
)


# 07_losses


def cross_entropy(logits, labels):
    """(N, classes) logits, (N,) labels -> () mean cross-entropy."""
    shifted = logits - logits.max(dim=1, keepdim=True).values  # (N, classes)
    log_sums = shifted.exp().sum(dim=1).log()  # (N,)
    return (log_sums - shifted[torch.arange(len(labels)), labels]).mean()


def _picked(numbers, labels):
    return numbers[torch.arange(len(labels)), labels]


add(
    Exercise(
        name="cross_entropy",
        chapter="2_digits/07_losses",
        reference=cross_entropy,
        checked="4 batches, among them a square one and logits of ±1000",
        cases=calls(
            {
                "5 images and 3 classes": lambda: (
                    torch.randn(5, 3),
                    torch.tensor([2, 0, 1, 1, 2]),
                ),
                "as many images as classes": lambda: (
                    3 * torch.randn(4, 4),
                    torch.tensor([1, 3, 3, 0]),
                ),
                "logits of ±1000": lambda: (
                    torch.tensor([[1000.0, 999, -1000], [-1000, -1001, -999], [1000, -1000, 0]]),
                    torch.tensor([1, 2, 1]),
                ),
                "one image": lambda: (torch.randn(1, 10), torch.tensor([7])),
            },
            gradient=True,
        ),
        slips=(
            Slip(
                "softmax first",
                lambda logits, labels: F.cross_entropy(torch.softmax(logits, dim=1), labels),
                "The softmax was taken twice. Cross-entropy starts from logits and does it itself, so "
                "even a sure and right answer costs something here.",
            ),
            Slip(
                "log of softmax",
                lambda logits, labels: -_picked(torch.softmax(logits, dim=1), labels).log().mean(),
                "Right on small numbers. But far behind the largest logit, float32 rounds a "
                "probability to 0, and the logarithm of 0 is minus infinity. What is the logarithm "
                "of the fraction, written as a difference?",
            ),
            Slip(
                "overflow",
                lambda logits, labels: (
                    logits.exp().sum(dim=1).log() - _picked(logits, labels)
                ).mean(),
                "Right on small numbers. But exp(x) leaves float32 above 88.72. The loss does not "
                "change when one number is subtracted from a whole row: which one helps?",
            ),
            Slip(
                "subtracted in one place only",
                lambda logits, labels: (
                    (logits - logits.amax(dim=1, keepdim=True)).exp().sum(dim=1).log()
                    - _picked(logits, labels)
                ).mean(),
                "Off by the mean of the largest logits, and often below 0. In a difference of two "
                "parts, what is subtracted from the logits must be subtracted in both.",
            ),
            Slip(
                "one maximum for all",
                lambda logits, labels: (
                    (logits - logits.max()).exp().sum(dim=1).log()
                    - _picked(logits - logits.max(), labels)
                ).mean(),
                "Right while the rows are alike. But where one row is far below the largest number of "
                "the batch, all its exponentials are 0, and the logarithm of 0 is minus infinity. "
                "Each row has a maximum.",
            ),
            Slip(
                "log forgotten",
                lambda logits, labels: -_picked(torch.softmax(logits, dim=1), labels).mean(),
                "This lies between -1 and 0: minus the mean probability of the true classes. A loss of "
                "0 is the best there is, and sure and wrong has no upper end. Which step is missing?",
            ),
            Slip(
                "sign forgotten",
                lambda logits, labels: -F.cross_entropy(logits, labels),
                "This is never above 0, and grows where the answers get better. A loss should get "
                "smaller then.",
            ),
            Slip(
                "nll of logits",
                lambda logits, labels: -_picked(logits, labels).mean(),
                "This is minus the mean logit of the true classes. The other classes play no part, "
                "and they have to: a logit says nothing without those beside it.",
            ),
            Slip(
                "sum",
                lambda logits, labels: F.cross_entropy(logits, labels, reduction="sum"),
                "Right for one image. For N of them it is N times too large: the losses were added up. "
                "The mean is asked for.",
            ),
            Slip(
                "one loss for each image",
                lambda logits, labels: F.cross_entropy(logits, labels, reduction="none"),
                "These are N right losses, one for each image. One step is missing, which makes one "
                "number of them.",
            ),
            Slip(
                "summed over the batch",
                lambda logits, labels: -_picked(F.log_softmax(logits, dim=0), labels).mean(),
                "Every column was made to probabilities. A column is one class of all images; the "
                "classes of one image stand in a row. Which axis shall disappear in the sum?",
            ),
            Slip(
                "every row with every label",
                lambda logits, labels: -F.log_softmax(logits, dim=1)[:, labels].mean(),
                "[:, labels] takes the columns of all labels from every row, (N, N) numbers. Of each "
                "row only its own label counts. What has to stand in the place of the colon?",
            ),
            Slip(
                "rows instead of classes",
                lambda logits, labels: -F.log_softmax(logits, dim=1)[labels].mean(),
                "[labels] takes whole rows: the row 7 for a label 7. A label says which column, and "
                "which row it belongs to has to be said as well.",
            ),
            Slip(
                "mean over everything",
                lambda logits, labels: (
                    F.cross_entropy(logits, labels, reduction="sum") / logits.numel()
                ),
                "Too small by one factor, the number of classes. Where all but the true class are set "
                "to 0, the zeros still count in a mean. By what should be divided?",
            ),
        ),
        variants=(
            F.cross_entropy,
            lambda logits, labels: (logits.logsumexp(dim=1) - _picked(logits, labels)).mean(),
            lambda logits, labels: -F.log_softmax(logits, dim=1).gather(1, labels[:, None]).mean(),
            lambda logits, labels: (
                sum(
                    torch.logsumexp(row, dim=0) - row[label]
                    for row, label in zip(logits, labels, strict=True)
                )
                / len(labels)
            ),
        ),
        hints=(
            "The logarithm of the softmax is a difference: the logit, minus the logarithm of the sum "
            "of the exponentials. Subtract the largest logit of its row from each one first.",
            "The largest logit of each row has the shape (N, 1) with keepdim=True. The logarithms of "
            "the sums have the shape (N,), and so have the true logits, one from each row. Then the "
            "mean.",
            "shifted = logits - logits.max(dim=1, keepdim=True).values, and the true ones are "
            "shifted[torch.arange(N), labels]. Subtract them from the logarithms of the sums of "
            "shifted.exp() over dim=1.",
        ),
    )
)


def probs_from_log(log_probabilities):
    """(N, classes) log-probabilities -> (N, classes) probabilities."""
    if log_probabilities.max() > 0:
        raise ValueError("log-probabilities are never above 0")
    return log_probabilities.exp()


def _look_at_refusal(numbers):
    def look(answer):
        result = attempt(lambda: answer(torch.tensor(numbers)))
        if isinstance(result, Exception):
            result = Thing("error, not raised")
        return {"numbers above 0": freeze(result)}

    return look


def _probs_or_zeros(log_probabilities):
    if (log_probabilities > 0).any():
        raise ValueError
    return torch.pow(torch.tensor(math.e), log_probabilities)


def _probs_by_softmax(log_probabilities):
    for row in log_probabilities.tolist():
        for number in row:
            if not number <= 0:
                raise ValueError(f"{number} is no logarithm of a probability")
    return torch.softmax(log_probabilities, dim=1)


def _checked_too_strictly(log_probabilities):
    if log_probabilities.max() >= 0:
        raise ValueError
    return log_probabilities.exp()


def _checked_for_all(log_probabilities):
    if (log_probabilities > 0).all():
        raise ValueError
    return log_probabilities.exp()


def _after_check(compute):
    def answer(log_probabilities):
        if log_probabilities.max() > 0:
            raise ValueError
        return compute(log_probabilities)

    return answer


add(
    Exercise(
        name="probs_from_log",
        chapter="2_digits/07_losses",
        reference=probs_from_log,
        axes=("N", "classes"),
        checked="4 batches of log-probabilities, and 3 of other numbers",
        cases=calls(
            {
                "5 images and 3 classes": lambda: (torch.randn(5, 3).log_softmax(dim=1),),
                "as many images as classes": lambda: (torch.randn(4, 4).log_softmax(dim=1),),
                "one image": lambda: (torch.randn(1, 10).log_softmax(dim=1),),
                "an answer that is quite sure": lambda: (
                    torch.tensor([[0.0, -math.inf, -200], [-math.inf, 0, -300]]),
                ),
            }
        )
        | {
            "logits": _look_at_refusal([[2.0, -1.0, 0.5], [-3.0, -2.0, -1.0]]),
            "one logit above 0 at the end": _look_at_refusal([[-2.0, -1.0], [-1.0, 0.1]]),
            "probabilities": _look_at_refusal([[0.2, 0.8], [0.5, 0.5]]),
        },
        slips=(
            Slip(
                "log-probabilities returned",
                _after_check(lambda log_probabilities: log_probabilities),
                "These are the log-probabilities themselves: they are negative. Which function undoes "
                "a logarithm?",
            ),
            Slip(
                "softmax of the exponentials",
                _after_check(lambda log_probabilities: log_probabilities.exp().softmax(dim=1)),
                "Each row sums to 1, but the numbers lie too close together. After the first step they "
                "were probabilities already, and a softmax flattens those.",
            ),
            Slip(
                "softmax again, not checked",
                lambda log_probabilities: log_probabilities.exp().softmax(dim=1),
                "Each row sums to 1, but the numbers lie too close together: after the first step they "
                "were probabilities already. And numbers above 0 have to be refused.",
            ),
            Slip(
                "not checked",
                torch.exp,
                "The probabilities are right. But numbers above 0 are no log-probabilities, and what "
                "comes out of them is no probability. They have to be refused with an error.",
            ),
            Slip(
                "not checked, by softmax",
                lambda log_probabilities: log_probabilities.softmax(dim=1),
                "The probabilities are right. But softmax turns anything into rows that sum to 1, so "
                "nobody notices logits. Numbers above 0 have to be refused with an error.",
            ),
            Slip(
                "0 refused",
                _checked_too_strictly,
                "An image of which the network is quite sure has the probability 1, and the logarithm "
                "of 1 is 0. That one is still allowed.",
            ),
            Slip(
                "refused only if all are above 0",
                _checked_for_all,
                "Numbers of which some are above 0 pass. One of them is enough to know that these are "
                "no log-probabilities. For how many of them does your condition ask?",
            ),
            Slip(
                "logarithm of the logarithm",
                _after_check(torch.log),
                "This gives nan: the logarithm was taken once more, and negative numbers have none. "
                "Which function goes the other way?",
            ),
            Slip(
                "no minus in front",
                _after_check(lambda log_probabilities: (-log_probabilities).exp()),
                "These are 1 divided by the probabilities, all of them 1 or more. The sign was changed "
                "on the way. NLLLoss does that, but the way back does not need it.",
            ),
        ),
        variants=(
            _probs_or_zeros,
            _probs_by_softmax,
            _after_check(lambda log_probabilities: math.e**log_probabilities),
        ),
        hints=(
            "The exponential undoes the logarithm. A probability is at most 1: what does that say of "
            "its logarithm?",
            "Every number is computed by itself, so the shape (N, classes) stays. The check asks only "
            "for the largest number of all.",
            "if log_probabilities.max() is above 0: raise ValueError with a message. Else return what "
            "the method exp() gives.",
        ),
    )
)


# 08_gradients


def weight_grad(features, logits_grad):
    """(N, in) features, (N, out) gradient -> (out, in) gradient of the weight."""
    return logits_grad.transpose(0, 1) @ features  # (out, N) @ (N, in)


add(
    Exercise(
        name="weight_grad",
        chapter="2_digits/08_gradients",
        reference=weight_grad,
        axes=("out", "in"),
        checked="4 batches, among them a square one and one of a single image",
        cases=calls(
            {
                "5 images, 3 features, 4 outputs": lambda: (torch.randn(5, 3), torch.randn(5, 4)),
                "as many images as features and outputs": lambda: (
                    torch.randn(4, 4),
                    torch.randn(4, 4),
                ),
                "one image": lambda: (torch.randn(1, 3), torch.randn(1, 2)),
                "a pixel that is 0 in every image": lambda: (
                    torch.tensor([[0.0, 1, 2], [0, 3, -1]]),
                    torch.tensor([[1.0, -2], [0.5, 4]]),
                ),
            }
        ),
        slips=(
            Slip(
                "(in, out)",
                lambda features, logits_grad: features.T @ logits_grad,
                "The numbers are right, but turned: (in, out). nn.Linear keeps its weight as "
                "(out, in), one row for each output. Which of the two has to give the rows?",
            ),
            Slip(
                "no transpose",
                lambda features, logits_grad: logits_grad @ features,
                "With as many images as outputs and features it goes wrong without a word, and else "
                "the shapes do not fit. The sum has to run over the images: which axis is theirs, "
                "in each of the two?",
            ),
            Slip(
                "mean over the batch",
                lambda features, logits_grad: logits_grad.T @ features / len(features),
                "Divided by the number of images, where a sum is right. If the loss is a mean, that "
                "division is in the gradient of the outputs already.",
            ),
            Slip(
                "summed before multiplied",
                lambda features, logits_grad: torch.outer(
                    logits_grad.sum(dim=0), features.sum(dim=0)
                ),
                "Right for one image. In a batch, every image has a number of its own for its own "
                "picture. Here both were added up first, and then multiplied.",
            ),
            Slip(
                "one picture for each image",
                lambda features, logits_grad: logits_grad[:, :, None] * features[:, None, :],
                "These are the contributions of the images one by one, of shape (N, out, in). What "
                "happens to the contributions of all images of a batch?",
            ),
            Slip(
                "first image only",
                lambda features, logits_grad: torch.outer(logits_grad[0], features[0]),
                "This is what the first image contributes. Every other image of the batch contributes "
                "too, with its own numbers.",
            ),
            Slip(
                "other sign",
                lambda features, logits_grad: -(logits_grad.T @ features),
                "Every sign is the other way round. The gradient itself is asked for; it is the step "
                "that goes against it.",
            ),
        ),
        variants=(
            lambda features, logits_grad: logits_grad.T @ features,
            lambda features, logits_grad: torch.einsum("no,ni->oi", logits_grad, features),
            lambda features, logits_grad: (logits_grad[:, :, None] * features[:, None, :]).sum(
                dim=0
            ),
            lambda features, logits_grad: sum(
                torch.outer(grad, image) for grad, image in zip(logits_grad, features, strict=True)
            ),
        ),
        hints=(
            "An image contributes to the weights of an output its features, times the gradient with "
            "respect to that output. The contributions of all images are added.",
            "For one image it is (out, 1) times (1, in), which gives (out, in). The sum over the "
            "images of such products is one product of matrices: (out, N) with (N, in).",
            "Transpose the gradient of the outputs, so that its images lie along the second axis. "
            "Then multiply with @ by the features.",
        ),
    )
)


def fresh_gradients(model, images, labels):
    """Name -> gradient of the mean cross-entropy; what stands in .grad stays."""
    kept = {name: parameter.grad for name, parameter in model.named_parameters()}
    model.zero_grad()  # sets .grad to None; the kept tensors stay as they are
    nn.functional.cross_entropy(model(images), labels).backward()
    fresh = {}
    for name, parameter in model.named_parameters():
        fresh[name] = parameter.grad
        parameter.grad = kept[name]
    return fresh


def _small_model():
    return nn.Sequential(
        OrderedDict(
            flatten=nn.Flatten(), fc1=nn.Linear(4, 3), relu=nn.ReLU(), output=nn.Linear(3, 3)
        )
    )


def _by_name(words, result):
    if not isinstance(result, dict):
        return {"result": freeze(result)}
    if not all(isinstance(name, str) for name in result):
        return {"result": Thing("dict, with other keys than names")}
    return {"result": {}} | {f"{words} {name}": freeze(result[name]) for name in sorted(result)}


def _look_at_fresh(before):
    def look(answer):
        model = _small_model()
        images, labels = torch.randn(5, 1, 2, 2), torch.tensor([0, 1, 2, 1, 1])
        if before != "nothing":
            for number, parameter in enumerate(model.parameters()):
                if before == "everywhere" or number % 2:
                    parameter.grad = torch.randn(parameter.shape)
        weights = freeze(dict(model.named_parameters()))
        result = answer(model, images, labels)
        found = _by_name("gradient of", result)
        for name, parameter in model.named_parameters():
            found[f".grad of {name} afterward"] = freeze(parameter.grad)
        found["weights changed"] = not same(weights, freeze(dict(model.named_parameters())), 0, 0)
        if before == "everywhere":
            again = answer(model, images, labels)
            found |= _by_name("second time: gradient of", again)
        return found

    return look


def _fresh(
    *,
    loss=F.cross_entropy,
    clear=lambda model: model.zero_grad(),
    keep=lambda grad: grad,
    restore=True,
    clear_after=False,
    take=lambda grad: grad,
):
    def gradients(model, images, labels):
        kept = {name: keep(p.grad) for name, p in model.named_parameters()}
        clear(model)
        loss(model(images), labels).backward()
        fresh = {name: take(p.grad) for name, p in model.named_parameters()}
        for name, p in model.named_parameters():
            if restore:
                p.grad = kept[name]
            elif clear_after:
                p.grad = None
        return fresh

    return gradients


def _fresh_from_a_copy(model, images, labels):
    twin = copy.deepcopy(model)
    twin.zero_grad()
    nn.CrossEntropyLoss()(twin(images), labels).backward()
    return {name: parameter.grad for name, parameter in twin.named_parameters()}


def _fresh_by_autograd(model, images, labels):
    named = dict(model.named_parameters())
    loss = F.nll_loss(F.log_softmax(model(images), dim=1), labels)
    return dict(zip(named, torch.autograd.grad(loss, list(named.values())), strict=True))


def _fresh_as_a_list(model, images, labels):
    return list(_fresh_by_autograd(model, images, labels).values())


def _cloned(grad):
    return None if grad is None else grad.clone()


def _zeroed_in_place(model):
    model.zero_grad(set_to_none=False)


add(
    Exercise(
        name="fresh_gradients",
        chapter="2_digits/08_gradients",
        reference=fresh_gradients,
        checked="a network without gradients, one with old ones, and one with both",
        cases={
            "a network without gradients": _look_at_fresh("nothing"),
            "a network with old gradients": _look_at_fresh("everywhere"),
            "old gradients for the biases only": _look_at_fresh("biases"),
        },
        slips=(
            Slip(
                "added to the old ones",
                _fresh(clear=lambda model: None, restore=False, take=lambda grad: grad.clone()),
                "Right where nothing stood in .grad. But backward() adds to what stands there, so the "
                "old gradients are in the result, and the new ones were left behind.",
            ),
            Slip(
                "never cleared",
                _fresh(keep=_cloned, clear=lambda model: None, take=lambda grad: grad.clone()),
                "Right where nothing stood in .grad, and what stood there came back. But backward() "
                "adds to it, so the old gradients are in the result. What has to happen before it?",
            ),
            Slip(
                "kept by name only",
                _fresh(clear=lambda model: None, take=lambda grad: grad.clone()),
                "The old gradients got a second name, but stayed in .grad, and backward() added the "
                "new ones to them there. So the kept ones changed as well. What must come between?",
            ),
            Slip(
                "left in .grad",
                _fresh(restore=False, take=lambda grad: grad.clone()),
                "The result is right, but the new gradients stand in .grad now, where others stood "
                "before. Whoever put those there still needs them.",
            ),
            Slip(
                "cleared afterward",
                _fresh(restore=False, clear_after=True),
                "The result is right, but afterward .grad is empty: the gradients that stood there "
                "are gone. Where can they wait meanwhile?",
            ),
            Slip(
                "set to zero in place",
                _fresh(clear=_zeroed_in_place, take=lambda grad: grad.clone()),
                "The old gradients were kept, but not as a copy. Filled with zeros in place, the kept "
                "tensors are zeros, too, and then filled by backward(). What gives a tensor with a "
                "memory of its own?",
            ),
            Slip(
                "sum of the losses",
                _fresh(
                    loss=lambda logits, labels: F.cross_entropy(logits, labels, reduction="sum")
                ),
                "All gradients are too large by one factor, the number of images. The mean of the "
                "losses is asked for.",
            ),
            Slip(
                "softmax first",
                _fresh(loss=lambda logits, labels: F.cross_entropy(logits.softmax(dim=1), labels)),
                "The gradients are far too small. Cross-entropy takes logits and does the softmax "
                "itself. What did it get here?",
            ),
            Slip(
                "no names",
                _fresh_as_a_list,
                "The gradients are right, in a list. In a dictionary, each stands under the name of "
                "its parameter. Which method of a model gives the two together?",
            ),
        ),
        variants=(
            _fresh_from_a_copy,
            _fresh_by_autograd,
            _fresh(
                clear=_zeroed_in_place,
                keep=_cloned,
                take=lambda grad: grad.clone(),
            ),
        ),
        hints=(
            "backward() adds to .grad, and zero_grad() lets go of what stood there. So whatever stood "
            "there must be kept under another name, and put back at the end. Or let a copy do it all.",
            "named_parameters() gives pairs of a name and a parameter. Its gradient has the shape of "
            "the parameter, or is None where there was none yet. None has to come back as well.",
            "kept = {name: parameter.grad for …}, then zero_grad(), the loss, backward(). At last, for "
            "every parameter: take .grad into your dictionary, and set .grad to what was kept.",
        ),
    )
)


# 09_train


def mean_loss(losses, sizes):
    """Mean losses of batches, and their sizes -> the mean loss over all images."""
    total = 0.0
    for batch, loss in enumerate(losses):
        total += loss * sizes[batch]
    return total / sum(sizes)


def _weighted_sum(losses, sizes):
    return sum(loss * size for loss, size in zip(losses, sizes, strict=True))


add(
    Exercise(
        name="mean_loss",
        chapter="2_digits/09_train",
        reference=mean_loss,
        checked="5 pairs of lists, among them one with a smaller last batch",
        cases=calls(
            {
                "batches of 64, 64 and 2 images": lambda: ([0.5, 0.25, 3.0], [64, 64, 2]),
                "batches of one size": lambda: ([2.25, 1.5, 1.0, 0.75], [32, 32, 32, 32]),
                "one batch": lambda: ([0.125], [10]),
                "batches of one image": lambda: ([0.5, 1.25, 4.0], [1, 1, 1]),
                "a small batch in front": lambda: ([4.0, 0.5], [1, 15]),
            }
        ),
        slips=(
            Slip(
                "mean of batch means",
                lambda losses, sizes: sum(losses) / len(losses),
                "Right while all batches have one size. In a smaller last batch, an image counts more "
                "than the others. What do you know of a batch besides its mean?",
            ),
            Slip(
                "divided by the number of batches",
                lambda losses, sizes: _weighted_sum(losses, sizes) / len(losses),
                "Far too large: the losses of all images together are divided by the number of "
                "batches. By what must a sum over images be divided?",
            ),
            Slip(
                "means not multiplied",
                lambda losses, sizes: sum(losses) / sum(sizes),
                "Far too small: the mean of a batch stands for one image here, and then all images "
                "are counted. How large is the sum that a batch's mean was made from?",
            ),
            Slip(
                "not divided",
                lambda losses, sizes: _weighted_sum(losses, sizes),
                "This is the sum of the losses of all images. It grows with their number. One step is "
                "missing.",
            ),
            Slip(
                "only the last batch",
                lambda losses, sizes: losses[-1],
                "This is the mean of the last batch alone. What the batches before it had has been "
                "overwritten, or left out.",
            ),
            Slip(
                "overwritten",
                lambda losses, sizes: losses[-1] * sizes[-1] / sum(sizes),
                "Only the last batch is in the sum: each batch has taken the place of the one before "
                "it. Is the new part added to the total, or does it become the total?",
            ),
            Slip(
                "returned in the loop",
                lambda losses, sizes: losses[0] * sizes[0] / sum(sizes),
                "Only the first batch is in the sum. How far is the return indented? In the loop, it "
                "ends the function in the first round.",
            ),
            Slip(
                "a tensor",
                lambda losses, sizes: torch.tensor(_weighted_sum(losses, sizes) / sum(sizes)),
                "The number is right, but it comes in a tensor. A Python number is asked for, as a "
                "list of losses is made of. Which method of a tensor gives it?",
            ),
            Slip(
                "divided twice",
                lambda losses, sizes: _weighted_sum(losses, sizes) / sum(sizes) / len(losses),
                "Right for a single batch. The sum over images is divided by the number of images, "
                "and then once more by the number of batches. One of them is too many.",
            ),
            Slip(
                "divided by the largest size",
                lambda losses, sizes: _weighted_sum(losses, sizes) / (max(sizes) * len(sizes)),
                "Right while all batches have one size. It divides as if every batch were full. "
                "How many images are there in truth?",
            ),
            Slip(
                "sizes divide",
                lambda losses, sizes: sum(
                    loss / size for loss, size in zip(losses, sizes, strict=True)
                ),
                "The losses of a batch are divided by its size, but they are a mean: that was done "
                "already. To weight a mean, undo it.",
            ),
        ),
        variants=(
            lambda losses, sizes: _weighted_sum(losses, sizes) / sum(sizes),
            lambda losses, sizes: (
                torch.tensor(losses) @ torch.tensor(sizes).float() / sum(sizes)
            ).item(),
            lambda losses, sizes: sum(
                loss * size / sum(sizes) for loss, size in zip(losses, sizes, strict=True)
            ),
        ),
        hints=(
            "A mean is a sum divided by a number. The sum of a batch can be had again from its mean "
            "and its size. Then add up all sums.",
            "Two lists of equal length go in, one number comes out. The mean and the size of a batch "
            "stand at the same place; zip, or a number that counts, brings them together.",
            "In the loop, add to a total the loss times the size of its batch. After the loop, divide "
            "the total by the sum of the sizes.",
        ),
    )
)


def early_stop(valid_losses, patience):
    """Validation losses -> the best epoch, until patience epochs brought no better."""
    best = 0
    for epoch, loss in enumerate(valid_losses):
        if loss < valid_losses[best]:
            best = epoch
        if epoch - best == patience:
            break
    return best


def _stops(
    *,
    better=lambda loss, lowest, before: loss < lowest,
    reset=True,
    extra=0,
    result=lambda best, epoch, losses: best,
):
    def early_stop(valid_losses, patience):
        best, waited, epoch = 0, 0, 0
        for epoch in range(1, len(valid_losses)):
            if better(valid_losses[epoch], valid_losses[best], valid_losses[epoch - 1]):
                waited = 0 if reset else waited
                if valid_losses[epoch] <= valid_losses[best]:
                    best = epoch
            else:
                waited += 1
                if waited == patience + extra:
                    break
        return result(best, epoch, valid_losses)

    return early_stop


def _back_from_the_stop(valid_losses, patience):
    return max(
        _stops(result=lambda best, epoch, losses: epoch)(valid_losses, patience) - patience, 0
    )


def _stops_too_early(valid_losses, patience):
    best = 0
    for epoch, loss in enumerate(valid_losses):
        if loss < valid_losses[best]:
            best = epoch
        elif epoch - best >= patience - 1:
            break
    return best


def _stops_counting_down(valid_losses, patience):
    lowest, at, left = math.inf, -1, patience
    for epoch, loss in enumerate(valid_losses):
        left = patience if loss < lowest else left - 1
        if loss < lowest:
            lowest, at = loss, epoch
        if left == 0:
            return at
    return at


def _stops_by_search(valid_losses, patience):
    epoch = 0
    while True:
        following = valid_losses[epoch + 1 : epoch + 1 + patience]
        better = [k for k, loss in enumerate(following) if loss < valid_losses[epoch]]
        if not better:
            return epoch
        epoch += 1 + better[0]


add(
    Exercise(
        name="early_stop",
        chapter="2_digits/09_train",
        reference=early_stop,
        checked="10 lists of losses, among them plateaus and a list of one epoch",
        cases=calls(
            {
                "a lower loss after the stop": lambda: ([5.0, 4, 3, 3.5, 3.6, 3.7, 1], 3),
                "a lower loss just in time": lambda: ([5.0, 4, 4.5, 4.6, 3, 6], 3),
                "several short waits": lambda: ([5.0, 4, 4.5, 3, 3.5, 2], 2),
                "losses that come down from a peak": lambda: ([3.0, 5, 4.5, 4, 2], 3),
                "the same loss again and again": lambda: ([3.0, 2, 2, 2, 1], 2),
                "a loss that only falls": lambda: ([4.0, 3, 2, 1], 1),
                "a loss that only rises": lambda: ([1.0, 2, 3, 4, 5, 6, 0.5], 4),
                "one epoch": lambda: ([2.0], 3),
                "an end before the patience is over": lambda: ([2.0, 2, 3, 3], 9),
                "a patience of 1": lambda: ([2.0, 1, 1.5, 0.5], 1),
            }
        ),
        slips=(
            Slip(
                "lowest of all",
                lambda valid_losses, patience: valid_losses.index(min(valid_losses)),
                "This is the lowest loss of the whole list. But after the stop nobody trains any more, "
                "so a lower loss further on is never seen. The patience plays no part yet.",
            ),
            Slip(
                "epoch of the stop",
                _stops(result=lambda best, epoch, losses: epoch),
                "This is the epoch in which training stops. By then the network has got worse for a "
                "while. Which epoch's network do you want to keep?",
            ),
            Slip(
                "no patience",
                lambda valid_losses, patience: _stops()(valid_losses, 1),
                "It stops at the first epoch that is not better. Losses go up and down a little, so "
                "it should wait. The second argument says how long.",
            ),
            Slip(
                "never reset",
                _stops(reset=False),
                "Epochs without improvement are counted over the whole training here. They have to "
                "come in a row. What must happen to the count when the loss is lower than ever?",
            ),
            Slip(
                "compared with the epoch before",
                _stops(better=lambda loss, lowest, before: loss < before),
                "A loss that comes down from a peak counts as better here. But it is better only if it "
                "is below every loss so far. With which one must it be compared?",
            ),
            Slip(
                "an equal loss counts as better",
                _stops(better=lambda loss, lowest, before: loss <= lowest),
                "A loss that stays the same is taken as an improvement, so a plateau never ends. A new "
                "lowest loss is below the old one. Which sign compares?",
            ),
            Slip(
                "one epoch too patient",
                _stops(extra=1),
                "It waits one epoch longer than it should: with a patience of 1, the first epoch "
                "without improvement is the last. Does your comparison include the patience itself?",
            ),
            Slip(
                "one epoch too impatient",
                _stops_too_early,
                "It stops one epoch too early: a loss that was lower just in time is not seen. After "
                "how many epochs without improvement should it stop?",
            ),
            Slip(
                "counted from 1",
                _stops(result=lambda best, epoch, losses: best + 1),
                "The right epoch, counted from 1. The first one shall have the number 0, so that "
                "valid_losses[result] is its loss.",
            ),
            Slip(
                "the loss instead of the epoch",
                _stops(result=lambda best, epoch, losses: losses[best]),
                "This is the lowest loss itself. Asked for is when it was reached: the number of the "
                "epoch.",
            ),
            Slip(
                "patience counted back from the stop",
                _back_from_the_stop,
                "Right if training was stopped. But where the list ends before the patience is over, "
                "the best epoch is not that far back. Can you note it when it comes?",
            ),
        ),
        variants=(_stops(), _stops_counting_down, _stops_by_search),
        hints=(
            "Go through the epochs in order, and remember the best one so far. How long ago it was says "
            "how long nothing has improved.",
            "A list and a whole number go in, a whole number comes out: the place of a loss in the "
            "list. Stop when the distance from the best epoch to this one reaches the patience.",
            "for epoch, loss in enumerate(valid_losses): a loss below valid_losses[best] makes best = "
            "epoch. If epoch - best has reached patience, break. Return best after the loop.",
        ),
    )
)


# 10_predict


def predict_one(model, image):
    """(1, 28, 28) image -> its class as an int, and the probability as a float."""
    model.eval()
    with torch.inference_mode():
        logits = model(image[None])  # (1, classes)
    probability, predicted = torch.softmax(logits, dim=1).max(dim=1)  # (1,), (1,)
    return predicted.item(), probability.item()


class _NoteTaker(nn.Module):
    """Passes on what it gets, and writes down whether autograd takes notes."""

    def __init__(self):
        super().__init__()
        self.notes = []

    def forward(self, values):
        self.notes.append(torch.is_grad_enabled())
        return values


def _model_for_rows():
    return nn.Sequential(nn.Flatten(), nn.Dropout(0.5), nn.Linear(784, 4), _NoteTaker())


def _model_for_images():
    return nn.Sequential(
        *(nn.BatchNorm2d(1), nn.Conv2d(1, 2, 5, stride=4), nn.Flatten(), nn.Dropout(0.5)),
        *(nn.Linear(72, 3), _NoteTaker()),
    )


def _look_at_prediction(make_model, *, already_in_eval=False):
    def look(answer):
        model = make_model().train(not already_in_eval)
        hits = []
        model.register_forward_hook(lambda *_: hits.append(1))
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.mul_(2)
        image = torch.rand(1, 28, 28) * 2 - 1
        before = freeze(image)
        result = answer(model, image)
        parts = (
            {
                "result": ["class", "probability"],
                "class": freeze(result[0]),
                "probability": freeze(result[1]),
            }
            if isinstance(result, (tuple, list)) and len(result) == 2
            else {"result": freeze(result)}
        )
        return {
            "shape of the image afterward": str(tuple(image.shape)),
            "input changed": not same(before, freeze(image), 0, 0),
            **parts,
            "hooks of the model used": len(hits) > 0,
            "gradients tracked": any(model[-1].notes),
        }

    return look


def _predict(
    *,
    evaluate=lambda model: model.eval(),
    notes=torch.no_grad,
    ask=lambda model, image: model(image.unsqueeze(0)),
    probabilities=lambda logits: logits.softmax(dim=1),
    end=lambda top: (top.indices.item(), top.values.item()),
):
    def predict_one(model, image):
        evaluate(model)
        with notes():
            logits = ask(model, image)
        return end(probabilities(logits).max(dim=1))

    return predict_one


def _predict_two_ways(model, image):
    model.eval()
    with torch.no_grad():
        logits = model(image[None])
    return logits.argmax().item(), logits.softmax(dim=0).max().item()


def _predict_by_list(model, image):
    was_training = model.training
    model.train(False)
    with torch.no_grad():
        row = model(image.reshape(1, 1, 28, 28)).flatten().tolist()
    model.train(was_training)
    weights = [math.exp(logit - max(row)) for logit in row]
    return row.index(max(row)), max(weights) / sum(weights)


add(
    Exercise(
        name="predict_one",
        chapter="2_digits/10_predict",
        reference=predict_one,
        checked="3 models, among them one with dropout and batch norm in training mode",
        cases={
            "a network with dropout": _look_at_prediction(_model_for_rows),
            "a network with batch norm": _look_at_prediction(_model_for_images),
            "a network that is in eval mode": _look_at_prediction(
                _model_for_rows, already_in_eval=True
            ),
        },
        slips=(
            Slip(
                "no eval mode",
                _predict(evaluate=lambda model: None),
                "The model came in training mode, and was asked in it. Its dropout then drops inputs "
                "at random, and another call gives another answer. Who tells the layers?",
            ),
            Slip(
                "gradients tracked",
                _predict(notes=torch.enable_grad),
                "The answer is right, but autograd took notes while the model computed. eval() does "
                "not change that. What tells autograd that nobody will ask for a gradient?",
            ),
            Slip(
                "forward called",
                _predict(ask=lambda model, image: model.forward(image[None])),
                "The answer is right, but model.forward(…) passes by the hooks that others have set "
                "on the model. How is a model called otherwise?",
            ),
            Slip(
                "caller's image resized",
                _predict(ask=lambda model, image: model(image.resize_(1, 784))),
                "The image that was given has the shape (1, 784) afterward: a name that ends in an "
                "underscore works in place. And networks that look at images cannot use a row. What "
                "makes a new view?",
            ),
            Slip(
                "caller's image with one axis more",
                _predict(ask=lambda model, image: model(image.unsqueeze_(0))),
                "The answer is right, but the image that was given has four axes afterward. A name "
                "that ends in an underscore works in place. What gives a new view instead?",
            ),
            Slip(
                "softmax over a batch of one",
                _predict(probabilities=lambda logits: logits.softmax(dim=0)),
                "Every class has the probability 1, and the class is always 0. The batch has one "
                "image, so over the batch each number is alone. Which axis has the classes?",
            ),
            Slip(
                "probability of 1",
                _predict_two_ways,
                "The class is right, but its probability is 1, whatever the logits are. The batch has "
                "one image, so over the batch each number is alone. Which axis has the classes?",
            ),
            Slip(
                "logit returned",
                _predict(probabilities=lambda logits: logits),
                "The class is right, but beside it stands its logit. Logits are not limited to 0 and "
                "1. What makes probabilities of them?",
            ),
            Slip(
                "softmax twice",
                _predict(probabilities=lambda logits: logits.softmax(dim=1).softmax(dim=1)),
                "The class is right, its probability too close to the others. A second softmax "
                "flattens what the first one gave.",
            ),
            Slip(
                "exp of the logit",
                _predict(probabilities=lambda logits: logits.exp()),
                "The class is right. But exp() alone makes probabilities of log-probabilities, and "
                "these are logits: their exponentials do not sum to 1.",
            ),
            Slip(
                "tensors returned",
                _predict(end=lambda top: (top.indices[0], top.values[0])),
                "The two numbers are right, but they come as tensors. A Python int and a float are "
                "asked for. Which method takes the number out of a tensor?",
            ),
            Slip(
                "order of the two",
                _predict(end=lambda top: (top.values.item(), top.indices.item())),
                "The two results have changed places: max gives the values first, and then where they "
                "are. The class is asked for first.",
            ),
            Slip(
                "no batch axis",
                _predict(ask=lambda model, image: model(image)),
                "Right for a network that flattens at once. Others need to know which axis is the "
                "batch. A network takes (batch, 1, 28, 28): how does one image become a batch of one?",
            ),
        ),
        variants=(_predict(), _predict(notes=torch.inference_mode), _predict_by_list),
        hints=(
            "Two lines come before every prediction, one for the layers and one for autograd. Then the "
            "image needs a batch around it, without being changed itself.",
            "(1, 28, 28) becomes (1, 1, 28, 28) by image[None]. The logits have the shape (1, "
            "classes), and the softmax runs over the classes.",
            "model.eval(), then in inference_mode the logits of model(image[None]). The softmax over "
            "dim=1, max(dim=1) for the values and indices, and item() of both.",
        ),
    )
)


def confusion_matrix(labels, predictions, count):
    """(N,) labels and predictions -> (count, count) how often which for which."""
    matrix = torch.zeros(count, count, dtype=torch.int64)
    for image in range(len(labels)):
        matrix[labels[image], predictions[image]] += 1
    return matrix


def _counted_pairs(labels, predictions, count):
    return (labels * count + predictions).bincount(minlength=count * count).view(count, count)


def _each_pair_once(labels, predictions, count):
    matrix = torch.zeros(count, count, dtype=torch.int64)
    matrix[labels, predictions] += 1
    return matrix


def _only_classes_that_occur(labels, predictions, count):
    return _counted_pairs(labels, predictions, int(max(labels.max(), predictions.max())) + 1)


def _only_mistakes(labels, predictions, count):
    return _counted_pairs(labels, predictions, count).fill_diagonal_(0)


def _confusion_in_float(labels, predictions, count):
    return _counted_pairs(labels, predictions, count).float()


def _confusion_by_index_put(labels, predictions, count):
    matrix = torch.zeros(count, count, dtype=torch.int64)
    ones = torch.ones(len(labels), dtype=torch.int64)
    return matrix.index_put_((labels, predictions), ones, accumulate=True)


def _confusion_by_masks(labels, predictions, count):
    rows = [
        [((labels == true) & (predictions == taken)).sum() for taken in range(count)]
        for true in range(count)
    ]
    return torch.tensor(rows)


add(
    Exercise(
        name="confusion_matrix",
        chapter="2_digits/10_predict",
        reference=confusion_matrix,
        axes=("count", "count"),
        checked="4 batches, among them one in which a class is missing",
        cases=calls(
            {
                "8 images and 3 classes": lambda: (
                    torch.tensor([0, 0, 1, 1, 1, 2, 2, 0]),
                    torch.tensor([0, 1, 1, 1, 2, 0, 2, 1]),
                    3,
                ),
                "a class that is missing": lambda: (
                    torch.tensor([0, 2, 2, 1, 0]),
                    torch.tensor([2, 2, 2, 0, 2]),
                    4,
                ),
                "one image": lambda: (torch.tensor([1]), torch.tensor([0]), 2),
                "100 images": lambda: (
                    torch.randint(10, (100,)),
                    torch.randint(10, (100,)),
                    10,
                ),
            }
        ),
        slips=(
            Slip(
                "transposed",
                lambda labels, predictions, count: _counted_pairs(predictions, labels, count),
                "Rows and columns are swapped: here a row is what the network said. The row should be "
                "the true class. Which of the two indices comes first?",
            ),
            Slip(
                "each pair once",
                _each_pair_once,
                "No number is above 1: a pair that is there several times is written again, and not "
                "counted. (Two tensors as an index write each place once, too.) How can each image "
                "add a 1 of its own?",
            ),
            Slip(
                "one row for all",
                lambda labels, predictions, count: predictions.bincount(minlength=count).repeat(
                    count, 1
                ),
                "All rows are the same: each image was counted in every row. If the rows came from "
                "[[0] * count] * count, they are one and the same list. The label says which row.",
            ),
            Slip(
                "classes that do not occur",
                _only_classes_that_occur,
                "Right where the last class occurs. The largest number in the batch does not tell "
                "how many classes there are. What does?",
            ),
            Slip(
                "float",
                _confusion_in_float,
                "The counts are right, but they are float32: torch.zeros makes that, unless it is "
                "told otherwise. Counts are whole numbers.",
            ),
            Slip(
                "fractions",
                lambda labels, predictions, count: (
                    _counted_pairs(labels, predictions, count)
                    / _counted_pairs(labels, predictions, count).sum(dim=1, keepdim=True)
                ),
                "Each row was divided by its sum, and a class that is missing gives nan. The counts "
                "themselves are asked for.",
            ),
            Slip(
                "fractions of all",
                lambda labels, predictions, count: (
                    _counted_pairs(labels, predictions, count) / len(labels)
                ),
                "All numbers together sum to 1. The counts themselves are asked for: they sum to the "
                "number of images.",
            ),
            Slip(
                "only mistakes",
                _only_mistakes,
                "The diagonal is empty. There stand the hits: how often a class was taken for itself. "
                "They are counted like all other pairs.",
            ),
            Slip(
                "only hits",
                lambda labels, predictions, count: (
                    labels[labels == predictions].bincount(minlength=count).diag()
                ),
                "Everything beside the diagonal is 0. The mistakes are counted, too: each in the row "
                "of its label and the column of its prediction.",
            ),
            Slip(
                "only the last image",
                lambda labels, predictions, count: _counted_pairs(
                    labels[-1:], predictions[-1:], count
                ),
                "A single 1 stands in the matrix, that of the last image. Is the matrix made anew for "
                "each image? Then what was counted before is lost.",
            ),
            Slip(
                "only the first image",
                lambda labels, predictions, count: _counted_pairs(
                    labels[:1], predictions[:1], count
                ),
                "A single 1 stands in the matrix, that of the first image. How far is the return "
                "indented? In the loop, it ends the function in the first round.",
            ),
        ),
        variants=(
            _counted_pairs,
            _confusion_by_index_put,
            _confusion_by_masks,
            lambda labels, predictions, count: (
                F.one_hot(labels, count).T @ F.one_hot(predictions, count)
            ),
        ),
        hints=(
            "Begin with a table of zeros. Each image adds 1 in one place, and its label and its "
            "prediction say in which.",
            "The table has the shape (count, count) and the type int64. The label is the row, the "
            "prediction the column.",
            "torch.zeros(count, count, dtype=torch.int64), and for each image of a loop: add 1 to the "
            "entry [its label, its prediction].",
        ),
    )
)


def top_k(probabilities, k):
    """(N, classes) -> the k highest probabilities and their classes, both (N, k)."""
    order = probabilities.argsort(dim=1, descending=True)  # (N, classes)
    classes = order[:, :k]  # (N, k)
    return probabilities.gather(1, classes), classes


def _one_by_one(probabilities, k):
    remaining = probabilities.clone()
    values, places = [], []
    for _ in range(k):
        top = remaining.max(dim=1)
        values.append(top.values)
        places.append(top.indices)
        remaining[torch.arange(len(probabilities)), top.indices] = -1
    return torch.stack(values, dim=1), torch.stack(places, dim=1)


def _row_by_row(probabilities, k):
    found = [
        sorted(((value, place) for place, value in enumerate(row)), reverse=True)[:k]
        for row in probabilities.tolist()
    ]
    values, places = torch.tensor(found, dtype=torch.float64).unbind(dim=2)
    return values.float(), places.long()


def _sorted(*, dim=1, descending=True, part=lambda table, k: table[:, :k]):
    def top_k(probabilities, k):
        values, classes = probabilities.sort(dim=dim, descending=descending)
        return part(values, k), part(classes, k)

    return top_k


def _every_row_with_every(probabilities, k):
    classes = probabilities.argsort(dim=1, descending=True)[:, :k]
    return probabilities[:, classes], classes


def _rows_by_classes(probabilities, k):
    classes = probabilities.argsort(dim=1, descending=True)[:, :k]
    return probabilities[classes], classes


def _shares_among_k(probabilities, k):
    values, classes = probabilities.topk(k, dim=1)
    return values / values.sum(dim=1, keepdim=True), classes


add(
    Exercise(
        name="top_k",
        chapter="2_digits/10_predict",
        reference=top_k,
        checked="4 batches, among them one of one image and a k of all classes",
        cases=calls(
            {
                "5 images, 4 classes, k of 2": lambda: (torch.randn(5, 4).softmax(dim=1), 2),
                "as many images as classes, k of 3": lambda: (torch.randn(4, 4).softmax(dim=1), 3),
                "one image": lambda: (torch.randn(1, 10).softmax(dim=1), 1),
                "a k of all classes": lambda: (torch.randn(6, 3).softmax(dim=1), 3),
            }
        ),
        slips=(
            Slip(
                "lowest first",
                _sorted(descending=False),
                "These are the least probable classes. A sort goes upward unless it is told otherwise.",
            ),
            Slip(
                "highest last",
                _sorted(descending=False, part=lambda table, k: table[:, -k:]),
                "The right k are there, but in the other order: the most probable one stands last. "
                "Which way does the sort go?",
            ),
            Slip(
                "over the batch",
                _sorted(dim=0),
                "Every column was sorted: this compares the images with each other, class by class. "
                "The classes of one image stand in a row. Which axis is that?",
            ),
            Slip(
                "all of them",
                _sorted(part=lambda table, k: table),
                "Everything is sorted the right way, but all classes are there. Only the first k of "
                "each row are asked for.",
            ),
            Slip(
                "k images",
                _sorted(part=lambda table, k: table[:k]),
                "The first k rows were taken, and rows are images. All images should stay, with k "
                "classes each. What has to come before the comma of the index?",
            ),
            Slip(
                "one class only",
                _sorted(part=lambda table, k: table[:, k - 1]),
                "A single number for each image came back: the one in place k of the order. All "
                "places before it are asked for as well. What does a colon change in an index?",
            ),
            Slip(
                "classes first",
                lambda probabilities, k: probabilities.topk(k, dim=1)[::-1],
                "Both results are right, but they have changed places: the probabilities come first, "
                "and then the classes.",
            ),
            Slip(
                "every row with every class",
                _every_row_with_every,
                "The probabilities have the shape (N, N, k): every row was asked for the classes of "
                "every image. Each row needs its own k only. Which function picks along an axis?",
            ),
            Slip(
                "rows indexed by classes",
                _rows_by_classes,
                "An index without a comma picks rows, and rows are images. But your numbers are "
                "classes: places within a row. Which function picks along an axis?",
            ),
            Slip(
                "shares among the k",
                _shares_among_k,
                "The classes are right, but the probabilities of the k sum to 1 here. Those that the "
                "network gave are asked for, and they leave something for the others.",
            ),
            Slip(
                "classes alone",
                lambda probabilities, k: probabilities.topk(k, dim=1).indices,
                "The classes are right, but they come alone. Their probabilities are asked for, too, "
                "and come first.",
            ),
            Slip(
                "the most probable only",
                lambda probabilities, k: probabilities.max(dim=1),
                "These are the maximum of each row and its place: a single class for each image, and "
                "an axis less. k of them are asked for. What puts all classes in order?",
            ),
            Slip(
                "classes missing",
                lambda probabilities, k: probabilities.topk(k, dim=1).values,
                "The probabilities are right, but they come alone. It should be said, too, which "
                "classes they belong to.",
            ),
        ),
        variants=(
            lambda probabilities, k: torch.topk(probabilities, k, dim=1),
            _one_by_one,
            _row_by_row,
            _sorted(),
        ),
        hints=(
            "Sort the classes of each image by their probability, the highest first. What stands in the "
            "first k places is the answer.",
            "argsort over dim=1 gives the places, of shape (N, classes), and [:, :k] the first k of "
            "each row. gather takes values along an axis at such places.",
            "probabilities.sort(dim=1, descending=True) gives two tensors at once, the sorted values "
            "and where they stood. Take [:, :k] of both.",
        ),
    )
)


# 11_draw_a_digit


def crop(image):
    """(height, width) image -> the smallest part of it that holds all ink."""
    ink = image > 0  # (height, width)
    rows = ink.any(dim=1).nonzero().flatten()  # the places of rows with ink
    columns = ink.any(dim=0).nonzero().flatten()  # the places of columns with ink
    return image[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def _drawn(*rows):
    """Make an image of uint8 from text: a dot is black, and 9 is brightest."""
    pixels = [[28 * int(pixel) for pixel in row.replace(".", "0")] for row in rows]
    return torch.tensor(pixels, dtype=torch.uint8)


def _blot(height, width, rows, columns):
    """Make an image of uint8 with random ink in some rows and columns."""
    image = torch.zeros(height, width, dtype=torch.uint8)
    image[rows, columns] = torch.randint(1, 256, image[rows, columns].shape, dtype=torch.uint8)
    return image


_DRAWINGS = {
    "a high image in uint8": lambda: (
        _drawn(
            ".......",
            "....1..",
            "...85..",
            ".......",
            "...9.6.",
            "...8.6.",
            ".2.....",
            ".......",
            ".......",
        ),
    ),
    "a wide image in float32": lambda: (
        _drawn(
            "...........",
            "..2......1.",
            "..78..97...",
            "......4....",
            "...........",
        )
        / 252,
    ),
    "a square image in uint8": lambda: (
        _drawn(
            "........",
            "........",
            "........",
            ".....82.",
            ".....96.",
            ".....18.",
            "......4.",
            "........",
        ),
    ),
    "a square image in float32": lambda: (
        _drawn(
            ".....",
            ".92..",
            ".28..",
            ".1.7.",
            ".....",
        )
        / 252,
    ),
    "a single pixel": lambda: (
        _drawn(
            "......",
            "......",
            "....6.",
            "......",
        ),
    ),
    "ink at every border": lambda: (
        _drawn(
            "12.",
            "975",
            ".78",
            ".3.",
        )
        / 252,
    ),
    "28 by 28 pixels": lambda: (_blot(28, 28, slice(3, 20), slice(11, 19)),),
}
"""What the exercises on drawings are asked."""


def _crop(
    *,
    ink=lambda image: image > 0,
    part=lambda image, top, bottom, left, right: image[top:bottom, left:right],
):
    """Crop from top and left to before bottom and right."""

    def crop(image):
        rows, columns = torch.where(ink(image))
        top, bottom = int(rows.min()), int(rows.max()) + 1
        left, right = int(columns.min()), int(columns.max()) + 1
        return part(image, top, bottom, left, right)

    return crop


def _without_gaps(image):
    ink = image > 0
    return image[ink.any(dim=1)][:, ink.any(dim=0)]


def _as_many_as_have_ink(image):
    ink = image > 0
    height, width = ink.any(dim=1).sum(), ink.any(dim=0).sum()
    top, left = ink.any(dim=1).int().argmax(), ink.any(dim=0).int().argmax()
    return image[top : top + height, left : left + width]


def _full_rows_and_columns(image):
    ink = image > 0
    rows, columns = ink.all(dim=1).nonzero()[:, 0], ink.all(dim=0).nonzero()[:, 0]
    return image[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def _from_first_to_last_pixel(image):
    places = image.nonzero()
    (top, left), (bottom, right) = places[0], places[-1]
    return image[top : bottom + 1, left : right + 1]


def _square_part(image, top, bottom, left, right):
    side = max(bottom - top, right - left)
    return image[top : top + side, left : left + side]


def _one_pair_of_bounds(image, top, bottom, left, right):
    first, last = min(top, left), max(bottom, right)
    return image[first:last, first:last]


def _margins_counted_from_the_end(image, top, bottom, left, right):
    height, width = image.shape
    return image[top : -(height - bottom), left : -(width - right)]


def _crop_after_blackening(image):
    image[image > 0] = 1
    return _crop()(image)


def _peeled(image):
    while not image[0].any():
        image = image[1:]
    while not image[-1].any():
        image = image[:-1]
    while not image[:, 0].any():
        image = image[:, 1:]
    while not image[:, -1].any():
        image = image[:, :-1]
    return image


def _crop_by_running_sums(image):
    for dim in (1, 0):
        ink = image.sum(dim=dim)
        before = ink.cumsum(0) > 0
        after = ink.flip(0).cumsum(0).flip(0) > 0
        image = image[before & after] if dim == 1 else image[:, before & after]
    return image


def _crop_by_places(image):
    places = torch.argwhere(image > 0)
    top, left = places.min(dim=0).values.tolist()
    bottom, right = places.max(dim=0).values.tolist()
    return image[top : bottom + 1, left : right + 1].clone()


def _crop_by_lists(image):
    rows = [row for row in range(image.shape[0]) if image[row].max() > 0]
    columns = [column for column in range(image.shape[1]) if image[:, column].max() > 0]
    return image.narrow(0, rows[0], rows[-1] - rows[0] + 1).narrow(
        1, columns[0], columns[-1] - columns[0] + 1
    )


add(
    Exercise(
        name="crop",
        chapter="2_digits/11_draw_a_digit",
        reference=crop,
        axes=("rows", "columns"),
        checked="7 images, among them a single pixel and one with ink at every border",
        cases=calls(_DRAWINGS),
        slips=(
            Slip(
                "last row and column lost",
                _crop(part=lambda image, t, b, le, r: image[t : b - 1, le : r - 1]),
                "One row at the bottom and one column at the right are missing, and they have ink. A "
                "slice stops before the number behind its colon. What has to be there instead?",
            ),
            Slip(
                "a row and a column too many",
                _crop(part=lambda image, t, b, le, r: image[t : b + 1, le : r + 1]),
                "Below the ink there is still an empty row, and at the right an empty column, unless "
                "the image ends there. How far behind the last ink does the slice have to stop?",
            ),
            Slip(
                "rows only",
                _crop(part=lambda image, t, b, le, r: image[t:b]),
                "Above and below everything is right. But at the left and the right all columns are "
                "still there, empty ones as well. The columns have bounds of their own.",
            ),
            Slip(
                "columns only",
                _crop(part=lambda image, t, b, le, r: image[:, le:r]),
                "At the left and the right everything is right. But above and below all rows are still "
                "there, empty ones as well. The rows have bounds of their own.",
            ),
            Slip(
                "top and left only",
                _crop(part=lambda image, t, b, le, r: image[t:, le:]),
                "The part begins in the right place, but it reaches to the end of the image. Where is "
                "the last ink in each direction?",
            ),
            Slip(
                "bottom and right only",
                _crop(part=lambda image, t, b, le, r: image[:b, :r]),
                "The part ends in the right place, but it begins with the image. Where is the first "
                "ink in each direction?",
            ),
            Slip(
                "gaps closed",
                _without_gaps,
                "Empty rows and columns inside the drawing are gone as well, and its parts moved "
                "together. A mask as an index keeps only what is True. What lies between the first and "
                "the last ink shall stay.",
            ),
            Slip(
                "two masks in one index",
                lambda image: image[(image > 0).any(dim=1), (image > 0).any(dim=0)],
                "Two masks in one index go in pairs: the first True of one with the first of the other. "
                "That picks single pixels, or raises an IndexError where one has more. What takes all "
                "that lies between two places?",
            ),
            Slip(
                "as many rows as have ink",
                _as_many_as_have_ink,
                "Right for a drawing without gaps. Each empty row or column inside makes the part one "
                "too small: how many have ink does not tell where the last of them is.",
            ),
            Slip(
                "size as the end",
                _crop(part=lambda image, t, b, le, r: image[t : b - t, le : r - le]),
                "Behind the colons stands how large the part is. A slice wants to know where it ends, "
                "counted from the border of the image. The two agree only if it begins at 0.",
            ),
            Slip(
                "margins counted from the end",
                _crop(part=_margins_counted_from_the_end),
                "Right where rows below and columns at the right are empty. With ink at the border "
                "none has to go, but -0 is 0, and a slice that ends at 0 holds nothing. Count from "
                "the front.",
            ),
            Slip(
                "first and last pixel",
                _from_first_to_last_pixel,
                "The rows are right. But the first pixel of the list is the first in the top row, and "
                "others may lie further to the left. The columns need a smallest and a largest place "
                "of their own.",
            ),
            Slip(
                "rows and columns swapped",
                _crop(part=lambda image, t, b, le, r: image[le:r, t:b]),
                "The rows are cut with the bounds of the columns, and the columns with those of the "
                "rows. That is silent where they are the same. Which axis does any(dim=0) take away?",
            ),
            Slip(
                "one pair of bounds",
                _crop(part=_one_pair_of_bounds),
                "Rows and columns are cut at the same places: at the smallest and the largest of all. "
                "But ink can begin at one row and at quite another column. Keep them apart.",
            ),
            Slip(
                "a square",
                _crop(part=_square_part),
                "The longer side was taken for both directions, so that along the shorter one empty "
                "pixels are left. The smallest part is asked for, whatever its shape.",
            ),
            Slip(
                "transposed",
                _crop(part=lambda image, t, b, le, r: image[t:b, le:r].T),
                "The right part, but it lies on its side: its rows have become columns. The order of "
                "the axes shall stay.",
            ),
            Slip(
                "all instead of any",
                _full_rows_and_columns,
                "Only rows and columns that are full of ink were looked for. Most drawings have none, "
                "and then there is no first one. How much ink has a row to have?",
            ),
            Slip(
                "brighter than the mean",
                _crop(ink=lambda image: image > image.float().mean()),
                "Faint pixels at the edge were cut off: only what is brighter than the mean counted as "
                "ink. Gray is ink, too, as the edge of a stroke is.",
            ),
            Slip(
                "brighter than half",
                _crop(ink=lambda image: image > image.max() / 2),
                "Faint pixels at the edge were cut off: only what is brighter than half of the maximum "
                "counted as ink. Gray is ink, too, as the edge of a stroke is.",
            ),
            Slip(
                "a threshold of 0.5",
                _crop(ink=lambda image: image > 0.5),
                "Right on uint8, but in float32 white is 1, and pixels up to 0.5 were cut off. Gray is "
                "ink, too. Above which number does it begin in both?",
            ),
            Slip(
                "gray lost in float32",
                _crop(ink=lambda image: image.int() > 0),
                "Right on uint8, but in float32 white is 1, and everything below 1 was taken for empty. "
                "(As a whole number, 0.9 is 0.) Gray is ink, too. Where does it begin?",
            ),
            Slip(
                "pixels in a row",
                lambda image: image[image > 0],
                "The pixels with ink came back in one long row, and nobody knows where they were. A "
                "mask of two axes as an index does that. What cuts a rectangle?",
            ),
            Slip(
                "the bounds",
                _crop(part=lambda image, t, b, le, r: (t, b - 1, le, r - 1)),
                "These are the right bounds: the first and last row, the first and last column. Now cut "
                "that part out of the image, and return it.",
            ),
            Slip(
                "a mask",
                _crop(part=lambda image, t, b, le, r: image[t:b, le:r] > 0),
                "The right part, but it says only where there is ink, and the shades of gray are gone. "
                "The mask tells where to cut. What shall be cut?",
            ),
            Slip(
                "the whole image",
                lambda image: image,
                "The image came back as it was. The empty rows above and below the ink and the empty "
                "columns beside it should be gone.",
            ),
            Slip(
                "the caller's image changed",
                _crop_after_blackening,
                "All ink became 1, in the result and in the caller's image: image[…] = 1 writes into "
                "what was given. A comparison makes a new tensor, and leaves the image as it is.",
            ),
        ),
        variants=(
            _crop(),
            _peeled,
            _crop_by_running_sums,
            _crop_by_places,
            _crop_by_lists,
            _crop(ink=lambda image: image != 0),
        ),
        hints=(
            "Look for the first and the last row with any ink, and then for the first and the last "
            "column. What lies between them stays, whether it is empty or not.",
            "image > 0 has the shape (height, width). any over the columns leaves a yes or no for each "
            "row, of shape (height,), and nonzero() turns that into the places of the rows with ink.",
            "(image > 0).any(dim=1).nonzero() for the rows, and the same with dim=0 for the columns. "
            "Then one slice for each axis, from the first place to the last, and that one included.",
        ),
    )
)


def center_of_mass(image):
    """(height, width) image -> row and column of its center of mass, as two floats."""
    height, width = image.shape
    mass = image.sum()
    row = (image.sum(dim=1) * torch.arange(height)).sum() / mass
    column = (image.sum(dim=0) * torch.arange(width)).sum() / mass
    return row.item(), column.item()


def _center(*, weights=lambda image: image, end=lambda image, row, column: (row, column)):
    """Average the places, each weighted, and let ``end`` make the result of them."""

    def center_of_mass(image):
        weighed = weights(image).double()
        rows, columns = weighed.nonzero(as_tuple=True)
        weighed = weighed[rows, columns]
        row, column = ((weighed * places).sum() / weighed.sum() for places in (rows, columns))
        return end(image, row.item(), column.item())

    return center_of_mass


def _scaled(scale):
    """Multiply both places by a number that depends on the image."""
    return _center(
        end=lambda image, row, column: (row * scale(image).item(), column * scale(image).item())
    )


def _counted(place_of):
    """Look at the numbers of the rows, and then of the columns, that have ink."""

    def center_of_mass(image):
        ink = image > 0
        return tuple(place_of(ink.any(dim=dim).nonzero().double()).item() for dim in (1, 0))

    return center_of_mass


def _brightest_pixel(image):
    row, column = divmod(int(image.argmax()), image.shape[1])
    return float(row), float(column)


def _one_place_for_all(image):
    pixels = image.flatten().double()
    return ((pixels * torch.arange(len(pixels))).sum() / pixels.sum()).item()


def _sums_along_the_wrong_axis(image):
    height, width = image.shape
    row = (image.sum(dim=0) * torch.arange(height)).sum() / image.sum()
    column = (image.sum(dim=1) * torch.arange(width)).sum() / image.sum()
    return row.item(), column.item()


def _places_along_the_last_axis(image):
    height, width = image.shape
    row = (image * torch.arange(height)).sum() / image.sum()
    column = (image * torch.arange(width)).sum() / image.sum()
    return row.item(), column.item()


def _every_row_with_every_place(image):
    height, width = image.shape
    row = (image.sum(dim=1, keepdim=True) * torch.arange(height)).sum() / image.sum()
    column = (image.sum(dim=0, keepdim=True) * torch.arange(width)).sum() / image.sum()
    return row.item(), column.item()


def _products_that_overflow(image):
    row = sum((image[row] * row).sum() for row in range(image.shape[0]))
    column = sum((image[:, column] * column).sum() for column in range(image.shape[1]))
    return (row / image.sum()).item(), (column / image.sum()).item()


def _sums_that_overflow(image):
    mass = row_sum = column_sum = 0
    for row in range(image.shape[0]):
        for column in range(image.shape[1]):
            mass += image[row, column]
            row_sum += image[row, column] * row
            column_sum += image[row, column] * column
    return (row_sum / mass).item(), (column_sum / mass).item()


def _products_with_floats(image):
    height, width = image.shape
    row = image.sum(dim=1) @ torch.arange(height).float() / image.sum()
    column = image.sum(dim=0) @ torch.arange(width).float() / image.sum()
    return row.item(), column.item()


def _products_with_whole_numbers(image):
    height, width = image.shape
    row = image.sum(dim=1) @ torch.arange(height) / image.sum()
    column = image.sum(dim=0) @ torch.arange(width) / image.sum()
    return row.item(), column.item()


def _image_divided_in_place(image):
    image /= image.sum()
    row = (image.sum(dim=1) * torch.arange(len(image))).sum()
    column = (image.sum(dim=0) * torch.arange(image.shape[1])).sum()
    return row.item(), column.item()


def _center_by_loops(image):
    pixels = [
        (brightness, row, column)
        for row, line in enumerate(image.tolist())
        for column, brightness in enumerate(line)
    ]
    mass = sum(brightness for brightness, _, _ in pixels)
    return (
        sum(brightness * row for brightness, row, _ in pixels) / mass,
        sum(brightness * column for brightness, _, column in pixels) / mass,
    )


def _center_by_grids(image):
    weights = image.double() / image.sum()
    rows, columns = torch.meshgrid(*map(torch.arange, image.shape), indexing="ij")
    return (weights * rows).sum().item(), (weights * columns).sum().item()


def _center_by_products(image):
    weights = image.float() / image.sum()
    height, width = image.shape
    row = torch.arange(height).float() @ weights @ torch.ones(width)
    column = torch.ones(height) @ weights @ torch.arange(width).float()
    return row.item(), column.item()


def _center_by_einsum(image):
    weights = image.float() / image.sum()
    row = torch.einsum("rc,r->", weights, torch.arange(image.shape[0]).float())
    column = torch.einsum("rc,c->", weights, torch.arange(image.shape[1]).float())
    return float(row), float(column)


def _center_by_places(image):
    places = image.nonzero()  # (pixels with ink, 2)
    weights = image[image > 0].float()  # (pixels with ink,)
    return (weights @ places.float() / weights.sum()).tolist()


add(
    Exercise(
        name="center_of_mass",
        chapter="2_digits/11_draw_a_digit",
        reference=center_of_mass,
        checked="7 images, in uint8 and in float32, among them a single pixel",
        cases=calls(_DRAWINGS),
        slips=(
            Slip(
                "row and column swapped",
                _center(end=lambda image, row, column: (column, row)),
                "Both numbers are right, but they have changed places. An image is indexed by its row "
                "first, and the row is asked for first.",
            ),
            Slip(
                "sums along the wrong axis",
                _sums_along_the_wrong_axis,
                "On a square image, row and column are swapped. On others the shapes do not fit: "
                "sum(dim=0) adds up the rows, and leaves a number for each column. Which one leaves a "
                "number for each row?",
            ),
            Slip(
                "places along the last axis",
                _places_along_the_last_axis,
                "On a square image, both numbers are the column. On others the shapes do not fit. A "
                "tensor of one axis lies along the last axis of an image. How do you stand it up?",
            ),
            Slip(
                "every row with every place",
                _every_row_with_every_place,
                "The column is right. For the row, sums of shape (height, 1) meet places of shape "
                "(height,), and make a table of (height, height): each sum times each place. Is that "
                "axis of length 1 needed?",
            ),
            Slip(
                "all ink counts the same",
                _center(weights=lambda image: image > 0),
                "Right where all ink is equally bright. Here a faint pixel pulls as much as a white "
                "one. How bright a pixel is should say how much its place counts.",
            ),
            Slip(
                "all rows count the same",
                _counted(lambda places: places.mean()),
                "This is the mean of all rows that have ink, and the same for columns. A row with a "
                "single faint pixel counts as much as one full of white. How much ink is in each?",
            ),
            Slip(
                "middle of the bounding box",
                _counted(lambda places: (places.min() + places.max()) / 2),
                "This is halfway between the first and the last ink. The center of mass lies closer to "
                "where most of the ink is. Every pixel has to take part.",
            ),
            Slip(
                "middle of the image",
                lambda image: ((image.shape[0] - 1) / 2, (image.shape[1] - 1) / 2),
                "This is the middle of the image, and it is the same whatever is drawn. Where the ink "
                "is has to take part.",
            ),
            Slip(
                "half of height and width",
                lambda image: (image.shape[0] / 2, image.shape[1] / 2),
                "Half of the height and half of the width are the same whatever is drawn. Where the "
                "ink is has to take part.",
            ),
            Slip(
                "brightest pixel",
                _brightest_pixel,
                "This is the place of the brightest pixel. All others with ink count, too, each as "
                "much as it is bright.",
            ),
            Slip(
                "fullest row and column",
                lambda image: tuple(float(image.sum(dim=dim).argmax()) for dim in (1, 0)),
                "These are the row and the column with the most ink. All others with ink count, too, "
                "each as much as there is in it. A mean lies between them.",
            ),
            Slip(
                "not divided",
                _scaled(lambda image: image.sum()),
                "These are sums: each place times its brightness. Twice as bright, and they are twice "
                "as large. By what do they have to be divided, so that a mean comes out?",
            ),
            Slip(
                "divided by the number of pixels",
                _scaled(lambda image: image.double().mean()),
                "The sums are right, but they were divided by the number of all pixels. In a weighted "
                "mean it is the weights that count: how much brightness is there in all?",
            ),
            Slip(
                "divided by the number of bright pixels",
                _scaled(lambda image: image[image > 0].double().mean()),
                "The sums are right, but they were divided by the number of pixels with ink. In a "
                "weighted mean it is the weights that count: how much brightness is there in all?",
            ),
            Slip(
                "divided by the maximum",
                _scaled(lambda image: image.double().sum() / image.max()),
                "The sums are right, but they were divided by the brightest pixel. In a weighted mean "
                "the weights sum to 1. What makes that of them?",
            ),
            Slip(
                "places from 1",
                _center(end=lambda image, row, column: (row + 1, column + 1)),
                "Both numbers are too large by 1: the first row was counted as 1. Places count from 0 "
                "here, as they do in an index.",
            ),
            Slip(
                "parts of the sides",
                _center(
                    end=lambda image, row, column: (row / image.shape[0], column / image.shape[1])
                ),
                "Both numbers lie between 0 and 1: they were divided by height and width. Places are "
                "asked for, counted in pixels.",
            ),
            Slip(
                "counted from the middle",
                _center(
                    end=lambda image, row, column: (
                        row - (image.shape[0] - 1) / 2,
                        column - (image.shape[1] - 1) / 2,
                    )
                ),
                "This says how far the center of mass is from the middle of the image. The place "
                "itself is asked for: counted from the top left pixel, which is at 0 and 0.",
            ),
            Slip(
                "counted from the first ink",
                lambda image: _center()(_crop()(image)),
                "Right within the part that holds the ink. But in the image, that part seldom begins at "
                "0 and 0. Empty pixels weigh nothing, so there is no need to cut them off.",
            ),
            Slip(
                "rounded",
                _center(end=lambda image, row, column: (float(round(row)), float(round(column)))),
                "These are the nearest whole numbers. A center of mass lies between pixels, almost "
                "always. Leave what stands behind the point.",
            ),
            Slip(
                "cut to whole numbers",
                _center(end=lambda image, row, column: (float(int(row)), float(int(column)))),
                "What stands behind the point is gone: // and int() cut it off. A center of mass lies "
                "between pixels, almost always.",
            ),
            Slip(
                "overflow in uint8",
                _products_that_overflow,
                "Right on float32. But uint8 ends at 255 and begins again at 0: 200 · 2 gives 144 "
                "there. A Python number beside a tensor does not change its type. Which type has room?",
            ),
            Slip(
                "overflow in every sum",
                _sums_that_overflow,
                "Right on float32. But uint8 ends at 255 and begins again at 0: 200 + 100 gives 44 "
                "there. The sums of your loop stay in the type of the pixels. Which type has room?",
            ),
            Slip(
                "uint8 refused",
                _products_with_floats,
                "Right on float32, and a RuntimeError on uint8: its sums are whole numbers, and @ wants "
                "the same type on both sides. What makes floats of the pixels first?",
            ),
            Slip(
                "float32 refused",
                _products_with_whole_numbers,
                "Right on uint8, and a RuntimeError on float32: @ wants the same type on both sides, "
                "and torch.arange counts in whole numbers. What makes floats of them?",
            ),
            Slip(
                "image divided in place",
                _image_divided_in_place,
                "The values are right on float32, but /= writes into the caller's image. uint8 has no "
                "room for fractions, so there it is a RuntimeError. What makes a new tensor?",
            ),
            Slip(
                "tensors returned",
                _center(end=lambda image, row, column: (torch.tensor(row), torch.tensor(column))),
                "The two numbers are right, but they come as tensors. Two Python floats are asked for. "
                "Which method takes the number out of a tensor?",
            ),
            Slip(
                "one tensor",
                _center(end=lambda image, row, column: torch.tensor([row, column])),
                "Both numbers are right, but they come in one tensor. Two Python floats are asked for. "
                "Which method makes Python numbers of a tensor?",
            ),
            Slip(
                "one number",
                _one_place_for_all,
                "A single number came back: the pixels were laid into one row, and counted through. In "
                "an image a place is two numbers, and each has a mean of its own.",
            ),
        ),
        variants=(
            _center(),
            _center_by_loops,
            _center_by_grids,
            _center_by_products,
            _center_by_einsum,
            _center_by_places,
        ),
        hints=(
            "It is a mean of places in which a bright pixel counts more. Multiply each place by the "
            "brightness there, add all up, and divide by all of the brightness.",
            "All pixels in a row have the same row, so its sum is enough: image.sum(dim=1), of shape "
            "(height,), and as many places. For the column, sum over the other axis.",
            "image.sum(dim=1) times torch.arange(height), then the sum of that, divided by image.sum(), "
            "and item(). The same with dim=0 and the width.",
        ),
    )
)
