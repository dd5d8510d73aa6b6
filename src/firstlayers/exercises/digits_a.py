"""Exercises, for now in parts."""

import math

import torch
from torch import nn
from torch.nn import functional as F

from firstlayers.exercises.observation import attempt, calls, freeze, same
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
    return math.sqrt(2 / layer.in_features)


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
            lambda layer: (2 / layer.weight.shape[1]) ** 0.5,
            lambda layer: nn.init.calculate_gain("relu") / layer.in_features**0.5,
            lambda layer: torch.tensor(2 / layer.weight.size(1)).sqrt().item(),
        ),
        hints=(
            "He's rule is a formula in this chapter, with one number that the layer knows. Which "
            "number is it, and how does a linear layer name it?",
            "A layer of 784 inputs and 128 outputs gives 0.0505, a number without a shape. The "
            "outputs do not matter.",
            "The root of 2 divided by layer.in_features. math.sqrt or ** 0.5 make a Python number.",
        ),
    )
)


def init_in_place(layer):
    """Fill the weight of a linear layer from N(0, 0.01), and its bias with zeros."""
    nn.init.normal_(layer.weight, mean=0.0, std=0.01)
    nn.init.zeros_(layer.bias)


def _rounded(value, expected):
    """Make random numbers of one distribution alike, and those of another different."""
    value = value.item()
    return expected if abs(value - expected) < 5e-4 else float(f"{value:.1g}")


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
            "spread between the units": _rounded(values.std(dim=0).mean(), 0.01),
            "mean of the weights": _rounded(values.mean(), 0.0),
            "standard deviation of the weights": _rounded(values.std(), 0.01),
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


def _mean_moved(layer):
    nn.init.normal_(layer.weight, 0.01)
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
                "else is said. What does the second number in N(0, 0.01) say?",
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
                "mean moved",
                _mean_moved,
                "The mean of the weights is about 0.01, and their standard deviation 1. The first number "
                "after the tensor is the mean. Which is the second?",
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
