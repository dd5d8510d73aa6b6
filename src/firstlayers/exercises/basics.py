"""The exercises of the track "Learn the basics".

One block an exercise: the course's answer, whose source learners can read, and below it what an answer
is asked, wrong answers that have a name, further right ones, and hints.
"""

import math
import tempfile
import zipfile
from collections import OrderedDict
from itertools import islice, pairwise
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset, TensorDataset

from firstlayers.exercises.observation import Raised, Thing, attempt, calls, freeze, same
from firstlayers.exercises.registry import Exercise, Slip, add
from firstlayers.models import NeuralNetwork

# 01_quickstart


def classify(model, images, classes):
    """(N, 1, 28, 28) images -> the names of N predicted classes."""
    model.eval()
    with torch.inference_mode():
        logits = model(images)  # (N, 10)
    return [classes[place] for place in logits.argmax(dim=1)]


NAMES = ["rose", "lily", "tulip", "daisy", "iris", "aster", "lotus", "poppy", "violet", "clover"]


def _small_network(*after):
    return nn.Sequential(nn.Flatten(), nn.Linear(28 * 28, 10), *after)


def _network_with_a_memory():
    # It normalizes by numbers that it has learned, or in training by those of the batch.
    norm = nn.BatchNorm1d(10)
    norm.running_mean = 2 * torch.randn(10)
    return _small_network(norm)


def _classes_of(model, images):
    model.eval()
    return model(images).argmax(dim=1)


add(
    Exercise(
        name="classify",
        chapter="1_basics/01_quickstart",
        reference=classify,
        checked="4 batches, among them one image, and a network that was in training",
        cases=calls(
            {
                "6 images": lambda: (_small_network(), torch.randn(6, 1, 28, 28), NAMES),
                "as many images as classes": lambda: (
                    _small_network(),
                    torch.randn(10, 1, 28, 28),
                    NAMES[::-1],
                ),
                "a network that was in training": lambda: (
                    _network_with_a_memory().train(),
                    torch.randn(7, 1, 28, 28),
                    NAMES,
                ),
                "one image": lambda: (_small_network(), torch.randn(1, 1, 28, 28), NAMES),
            }
        ),
        slips=(
            Slip(
                "numbers instead of names",
                lambda model, images, classes: _classes_of(model, images).tolist(),
                "These are the places of the largest logits. A reader wants words, and the list "
                "of classes has one at each place.",
            ),
            Slip(
                "a tensor of numbers",
                lambda model, images, classes: _classes_of(model, images),
                "A tensor can hold the places of the largest logits, but no words. Which "
                "list has the words, and what comes out for one place after the other?",
            ),
            Slip(
                "largest over the images",
                lambda model, images, classes: [
                    classes[min(place, 9)] for place in model.eval()(images).argmax(dim=0)
                ],
                "For 6 images there are 10 answers: for each class the image that fits it best. "
                "Wanted is for each image its class. Which axis of the logits has the classes?",
            ),
            Slip(
                "not in evaluation mode",
                lambda model, images, classes: [
                    classes[place] for place in model(images).argmax(dim=1)
                ],
                "Right while the network computes the same in training and afterwards. Some layers "
                "do not: in training their answer for one image depends on the others. What did "
                "measure() do first?",
            ),
            Slip(
                "smallest logit",
                lambda model, images, classes: [
                    classes[place] for place in model.eval()(images).argmin(dim=1)
                ],
                "For each image this is the class that the network finds least likely. Does it lean "
                "toward a class with a large logit or with a small one?",
            ),
            Slip(
                "one word for all",
                lambda model, images, classes: ", ".join(
                    classes[place] for place in _classes_of(model, images)
                ),
                "All names stand in one text. Whoever asks for the third needs a list, with "
                "one text for each image.",
            ),
        ),
        variants=(
            lambda model, images, classes: [
                classes[int(F.softmax(model.eval()(image[None]), dim=1).argmax())]
                for image in images
            ],
            lambda model, images, classes: [
                classes[place] for place in model.eval()(images).max(dim=1).indices.tolist()
            ],
            lambda model, images, classes: list(
                map(classes.__getitem__, model.eval()(images).detach().numpy().argmax(axis=1))
            ),
        ),
        hints=(
            "Three steps: put the network into the mode for measuring, let it compute the logits of all "
            "images at once, and look up for each image the name of its largest logit.",
            "The logits have the shape (N, 10). argmax over the classes gives N places, and each place "
            "is an index into the list of 10 names. The result is a list of N texts.",
            "Begin as measure() does, with model.eval() and inference_mode(). Then "
            "places = logits.argmax(dim=1), and a list comprehension with classes[place].",
        ),
    )
)


def error_rate(predictions, labels):
    """(N,) predictions, (N,) labels -> the fraction that is wrong."""
    return (predictions != labels).float().mean().item()


add(
    Exercise(
        name="error_rate",
        chapter="1_basics/01_quickstart",
        reference=error_rate,
        checked="4 batches, among them all right, all wrong, and one image",
        cases=calls(
            {
                "8 images, of which 3 are wrong": lambda: (
                    torch.tensor([3, 1, 4, 1, 5, 9, 2, 6]),
                    torch.tensor([3, 1, 4, 9, 5, 0, 2, 8]),
                ),
                "5 images, all right": lambda: (torch.arange(5), torch.arange(5)),
                "4 images, all wrong": lambda: (torch.arange(4), torch.tensor([9, 8, 7, 6])),
                "one image": lambda: (torch.tensor([7]), torch.tensor([1])),
            }
        ),
        slips=(
            Slip(
                "accuracy",
                lambda predictions, labels: (predictions == labels).float().mean().item(),
                "With all answers right it gives 1. That is the fraction that is right. Which "
                "images shall be counted here?",
            ),
            Slip(
                "count",
                lambda predictions, labels: (predictions != labels).sum().item(),
                "This is how many are wrong: 3 of 8 gives 3. It would be more for more images. A "
                "fraction lies between 0 and 1.",
            ),
            Slip(
                "percent",
                lambda predictions, labels: 100 * (predictions != labels).float().mean().item(),
                "All wrong gives 100. As a fraction, all is 1; percent are made when it is printed, "
                "with :.1% for instance.",
            ),
            Slip(
                "still a tensor",
                lambda predictions, labels: (predictions != labels).float().mean(),
                "The value is right, but it is a tensor with one number in it. Python's own "
                "numbers can be put into a file or compared without PyTorch. What did measure() do?",
            ),
            Slip(
                "distance counted",
                lambda predictions, labels: (predictions - labels).abs().float().mean().item(),
                "A 9 for a 1 counts eight times here, and a 2 for a 1 once. Labels are names, not "
                "amounts: an answer is right or wrong, and nothing in between.",
            ),
            Slip(
                "one image counted",
                lambda predictions, labels: float(bool((predictions != labels).any())),
                "It says 1 as soon as one image is wrong, and 0 if none is. Wanted is which part of "
                "all images is wrong.",
            ),
        ),
        variants=(
            lambda predictions, labels: 1 - (predictions == labels).float().mean().item(),
            lambda predictions, labels: (predictions != labels).sum().item() / len(labels),
            lambda predictions, labels: (
                sum(int(one) != int(other) for one, other in zip(predictions, labels, strict=True))
                / len(labels)
            ),
        ),
        hints=(
            "Compare the two tensors: that gives True or False for each image. The fraction of True is "
            "the mean, when True counts as 1 and False as 0.",
            "Predictions and labels have the shape (N,), and so has their comparison. Its mean is a "
            "tensor of shape (); item() makes a Python number of it.",
            "predictions != labels is a tensor of True and False. It has no mean: .float() comes first, "
            "then .mean(), then .item().",
        ),
    )
)

# 02_tensors


def center_rows(table):
    """(rows, columns) -> (rows, columns), each row with the mean 0."""
    return table - table.mean(dim=1, keepdim=True)


add(
    Exercise(
        name="center_rows",
        chapter="1_basics/02_tensors",
        reference=center_rows,
        axes=("rows", "columns"),
        checked="4 tables, among them a square one and one with a single row",
        cases=calls(
            {
                "3 rows and 5 columns": lambda: (torch.randn(3, 5) + 2,),
                "a square table": lambda: (torch.randn(4, 4) - 3,),
                "one row": lambda: (torch.randn(1, 6) + 1,),
                "rows of very different size": lambda: (
                    torch.tensor([[1000.0, 1002], [-3, -5], [0, 1]]),
                ),
            },
        ),
        slips=(
            Slip(
                "no keepdim",
                lambda table: table - table.mean(dim=1),
                "The means have the shape (rows,) and are laid along the columns. With 3 rows and 5 columns "
                "that is an error, in a square table it is wrong without a word. What keeps the axis?",
            ),
            Slip(
                "columns instead of rows",
                lambda table: table - table.mean(dim=0, keepdim=True),
                "Now every column has the mean 0, and the rows have not. dim names the axis that "
                "disappears: which one is it, if one number is left for each row?",
            ),
            Slip(
                "one mean for all",
                lambda table: table - table.mean(),
                "The mean of the whole table is 0, but that of a single row is not. Each row needs a "
                "mean of its own.",
            ),
            Slip(
                "sum instead of mean",
                lambda table: table - table.sum(dim=1, keepdim=True),
                "The sum of its row was subtracted from each number. That is as many means as there are "
                "columns, and it is too much.",
            ),
            Slip(
                "only the means",
                lambda table: table.mean(dim=1, keepdim=True),
                "These are the means of the rows. They are a step on the way: what shall happen with "
                "the mean and each number of its row?",
            ),
            Slip(
                "changed in place",
                lambda table: table.sub_(table.mean(dim=1, keepdim=True)),
                "The result is right, but the caller's own table was changed with it. -= and names "
                "with an underscore at the end write into the old tensor. How do you get a new one?",
            ),
        ),
        variants=(
            lambda table: table - table.mean(dim=1)[:, None],
            lambda table: torch.stack([row - row.mean() for row in table]),
            lambda table: (table.T - table.mean(dim=1)).T,
        ),
        hints=(
            "First the mean of each row, then a subtraction. Broadcasting repeats the means, and it has "
            "to repeat them along the rows.",
            "The table has the shape (rows, columns). The means need the shape (rows, 1), so that each "
            "of them meets all numbers of its own row.",
            "table.mean has an argument dim, here 1, and keepdim=True keeps that axis with size 1. "
            "Then subtract it from table.",
        ),
    )
)


def pick_true(probabilities, labels):
    """(N, classes) probabilities, (N,) labels -> (N,) those of the labels."""
    rows = torch.arange(probabilities.shape[0])  # (N,)
    return probabilities[rows, labels]


def _probabilities(n, classes):
    return F.softmax(torch.randn(n, classes), dim=1)


add(
    Exercise(
        name="pick_true",
        chapter="1_basics/02_tensors",
        reference=pick_true,
        axes=("N",),
        checked="4 batches, among them a square one and one row",
        cases=calls(
            {
                "6 rows and 3 classes": lambda: (
                    _probabilities(6, 3),
                    torch.tensor([2, 0, 1, 1, 0, 2]),
                ),
                "as many rows as classes": lambda: (
                    _probabilities(4, 4),
                    torch.tensor([3, 3, 0, 2]),
                ),
                "2 rows and 10 classes": lambda: (_probabilities(2, 10), torch.tensor([9, 5])),
                "one row": lambda: (_probabilities(1, 5), torch.tensor([3])),
            },
        ),
        slips=(
            Slip(
                "rows chosen by labels",
                lambda probabilities, labels: probabilities[labels],
                "The labels were used as row numbers: label 2 fetches the third row, with all its "
                "classes. A label is the number of a column. Which row belongs to it?",
            ),
            Slip(
                "every row with every label",
                lambda probabilities, labels: probabilities[:, labels],
                "The colon takes all rows for each label, so N by N numbers come out. Wanted is the "
                "first row with the first label, the second with the second. What goes instead of it?",
            ),
            Slip(
                "axis kept",
                lambda probabilities, labels: probabilities.gather(1, labels[:, None]),
                "The numbers are right, but they stand in a column: the shape is (N, 1). Take the axis "
                "of size 1 away, or arithmetic with shape (N,) becomes N by N.",
            ),
            Slip(
                "batch of one lost",
                lambda probabilities, labels: probabilities.gather(
                    1, labels[:, None].clone()
                ).squeeze(),
                "Right for many rows. For one row the result has the shape () instead of (1,): "
                "squeeze() without a number removes every axis of size 1.",
            ),
            Slip(
                "the largest",
                lambda probabilities, labels: probabilities.max(dim=1).values,
                "This is the largest probability of each row, whatever its label says. Where the "
                "network errs, the label has another one.",
            ),
            Slip(
                "columns by row number",
                lambda probabilities, labels: probabilities[labels, torch.arange(len(labels))],
                "The two indices are swapped: labels choose the rows here, and the places in the batch "
                "choose the columns. In [row, column] the row comes first.",
            ),
            Slip(
                "a list of numbers",
                lambda probabilities, labels: [
                    float(row[label]) for row, label in zip(probabilities, labels, strict=True)
                ],
                "The numbers are right, but they stand in a Python list. A tensor of shape (N,) is "
                "wanted, one that can be computed with.",
            ),
        ),
        variants=(
            lambda probabilities, labels: probabilities.gather(1, labels[:, None]).squeeze(1),
            lambda probabilities, labels: torch.stack(
                [row[label] for row, label in zip(probabilities, labels, strict=True)]
            ),
            lambda probabilities, labels: (
                probabilities * F.one_hot(labels, probabilities.shape[1])
            ).sum(dim=1),
        ),
        hints=(
            "A tensor can be indexed with two tensors at once, one for the rows and one for the columns. "
            "They are gone through side by side, like two lists with zip.",
            "Both indices have the shape (N,): the row numbers 0, 1, 2, … and the labels. The result has "
            "the shape (N,), too.",
            "The row numbers are torch.arange(len(labels)). Then probabilities[…, …] with the row "
            "numbers first and the labels second.",
        ),
    )
)

# 03_data


def batch_sizes(n, batch_size):
    """List the sizes of all batches that a loader makes of n examples."""
    full, rest = divmod(n, batch_size)
    sizes = [batch_size] * full
    if rest > 0:
        sizes.append(rest)
    return sizes


add(
    Exercise(
        name="batch_sizes",
        chapter="1_basics/03_data",
        reference=batch_sizes,
        checked="6 pairs of numbers, with and without a rest",
        cases=calls(
            {
                "1000 examples in batches of 64": lambda: (1000, 64),
                "12 examples in batches of 4": lambda: (12, 4),
                "65 examples in batches of 64": lambda: (65, 64),
                "3 examples in batches of 64": lambda: (3, 64),
                "5 examples in batches of 1": lambda: (5, 1),
                "no examples": lambda: (0, 8),
            }
        ),
        slips=(
            Slip(
                "last batch dropped",
                lambda n, batch_size: [batch_size] * (n // batch_size),
                "Of 1000 examples 40 are missing: the last batch, which is not full. A loader drops it "
                "only if you tell it to. What is left over after the full batches?",
            ),
            Slip(
                "last batch padded",
                lambda n, batch_size: [batch_size] * math.ceil(n / batch_size),
                "Every batch is full, and together they have 1024 examples where there are only 1000. A "
                "loader invents none: how many are left for the last batch?",
            ),
            Slip(
                "empty last batch",
                lambda n, batch_size: [batch_size] * (n // batch_size) + [n % batch_size],
                "Right where something is left over. 12 examples in batches of 4 get a fourth batch, "
                "with nothing in it. When is there no further batch?",
            ),
            Slip(
                "number of batches",
                lambda n, batch_size: math.ceil(n / batch_size),
                "This is how many batches there are, the len() of the loader. Wanted is a list with "
                "the size of each of them.",
            ),
            Slip(
                "beginnings instead of sizes",
                lambda n, batch_size: list(range(0, n, batch_size)),
                "These are the places at which the batches begin. The size of a batch is the distance to "
                "the next beginning, or to the end.",
            ),
            Slip(
                "rest first",
                lambda n, batch_size: [
                    size for size in [n % batch_size] + [batch_size] * (n // batch_size) if size
                ],
                "The sizes are right, but the small batch comes first. A loader takes full batches as "
                "long as it can: where does the rest stay?",
            ),
        ),
        variants=(
            lambda n, batch_size: [min(batch_size, n - start) for start in range(0, n, batch_size)],
            lambda n, batch_size: [
                len(part) for part in torch.arange(n).split(batch_size) if len(part)
            ],
            lambda n, batch_size: (
                [batch_size] * (n // batch_size) + [n % batch_size] * (n % batch_size > 0)
            ),
        ),
        hints=(
            "Count the full batches, then look at what is left over. If nothing is, there is no further "
            "batch.",
            "The result is a list of whole numbers, and their sum is n. n // batch_size of them are "
            "batch_size; at most one, the last, is smaller.",
            "divmod(n, batch_size) gives the number of full batches and the rest. [64] * 3 is the list "
            "[64, 64, 64]. Append the rest if it is more than 0.",
        ),
    )
)


class TensorImages(Dataset):
    """Images (N, 28, 28) and labels (N,): pairs of a (28, 28) image and an int."""

    def __init__(self, images, labels, transform=None):
        self.images = images
        self.labels = labels
        self.transform = transform

    def __len__(self):
        return len(self.images)

    def __getitem__(self, index):
        image = self.images[index]  # (28, 28)
        if self.transform is not None:
            image = self.transform(image)
        return image, int(self.labels[index])


class _UntouchedImages(Dataset):
    def __init__(self, images, labels, transform=None): ...

    def __len__(self): ...

    def __getitem__(self, index): ...


class _LengthOfOneImage(TensorImages):
    def __len__(self):
        return len(self.images[0])


class _EverythingReturned(TensorImages):
    def __getitem__(self, index):
        images = self.images if self.transform is None else self.transform(self.images)
        return images, self.labels


class _TransformForgotten(TensorImages):
    def __getitem__(self, index):
        return self.images[index], int(self.labels[index])


class _LabelForgotten(TensorImages):
    def __getitem__(self, index):
        return super().__getitem__(index)[0]


class _LabelIsTensor(TensorImages):
    def __getitem__(self, index):
        return super().__getitem__(index)[0], self.labels[index]


class _AlwaysTransformed(TensorImages):
    def __getitem__(self, index):
        return self.transform(self.images[index]), int(self.labels[index])


class _TransformedAtOnce(_TransformForgotten):
    def __init__(self, images, labels, transform=None):
        super().__init__(images if transform is None else transform(images), labels)


class _NoEnd(TensorImages):
    def __getitem__(self, index):
        return super().__getitem__(index % len(self.images))


class _WrongError(TensorImages):
    def __getitem__(self, index):
        if index >= len(self.images):
            raise KeyError(index)
        return super().__getitem__(index)


def _data_set_of(n, transform, dtype=torch.float32):
    def look(answer):
        images = (255 * torch.rand(n, 28, 28)).to(dtype)
        labels = torch.randint(0, 10, (n,))
        before = freeze([images, labels])
        chosen = () if transform is None else (transform,)
        dataset = answer(images, labels, *chosen)
        seen = {
            "length": attempt(lambda: len(dataset)),
            "first item": freeze(attempt(lambda: dataset[0])),
            "last item": freeze(attempt(lambda: dataset[n - 1])),
            "item behind the last": freeze(attempt(lambda: dataset[n])),
            "list of labels in a loop": freeze(
                attempt(lambda: [item[1] for item in islice(dataset, n + 2)])
            ),
        }
        after = freeze([images, labels])
        changed = any((a.values != b.values).any() for a, b in zip(before, after, strict=True))
        return seen | {"input changed": bool(changed)}

    return look


add(
    Exercise(
        name="dataset_class",
        chapter="1_basics/03_data",
        reference=TensorImages,
        checked="3 data sets, with and without a transform, up to the item behind the last",
        cases={
            "5 images without a transform": _data_set_of(5, None),
            "3 images of whole numbers": _data_set_of(3, None, torch.uint8),
            "7 images with a transform": _data_set_of(
                7, lambda image: image.flip(0) / 255 - image.mean()
            ),
        },
        slips=(
            Slip(
                "length of one image",
                _LengthOfOneImage,
                "len() is 28 for 5 images: the rows of one image were counted. A data set's length "
                "is the number of its items.",
            ),
            Slip(
                "everything returned",
                _EverythingReturned,
                "Every item is the whole block of images with all labels, and a loop over it never "
                "ends. What is the index for?",
            ),
            Slip(
                "transform forgotten",
                _TransformForgotten,
                "Right without a transform. With one, the images come out as they went in: it is kept, "
                "perhaps, but nobody calls it when an item is fetched.",
            ),
            Slip(
                "label forgotten",
                _LabelForgotten,
                "An item is an image alone. For learning, the label has to come with it: an item is a "
                "pair.",
            ),
            Slip(
                "label is a tensor",
                _LabelIsTensor,
                "The label is a tensor of shape (), because an index into a tensor gives a tensor. "
                "Asked for is a Python number. How do you make one?",
            ),
            Slip(
                "transform always called",
                _AlwaysTransformed,
                "Right with a transform. Without one, self.transform is None, and calling None "
                "raises a TypeError. What has to be asked first?",
            ),
            Slip(
                "transformed all at once",
                _TransformedAtOnce,
                "The transform got all images together, of shape (N, 28, 28). It is meant for a single "
                "image, at the moment it is fetched: this one flips an image upside down, not the list.",
            ),
            Slip(
                "no end",
                _NoEnd,
                "Behind the last item it begins again at the first, so a loop over it never ends. "
                "What tells a loop that there is no further item?",
            ),
            Slip(
                "another error at the end",
                _WrongError,
                "Behind the last item it raises a KeyError, as a dictionary does. A for loop takes only "
                "one kind of error for the end, and lists and tensors raise it by themselves.",
            ),
        ),
        variants=(
            type(
                "WithPairs",
                (),
                {
                    "__init__": lambda self, images, labels, transform=None: setattr(
                        self,
                        "pairs",
                        [
                            (transform(image) if transform else image, label)
                            for image, label in zip(images, labels.tolist(), strict=True)
                        ],
                    ),
                    "__len__": lambda self: len(self.pairs),
                    "__getitem__": lambda self, index: self.pairs[index],
                },
            ),
            type(
                "WithIdentity",
                (Dataset,),
                {
                    "__init__": lambda self, images, labels, transform=None: self.__dict__.update(
                        x=images, y=labels, change=transform or nn.Identity()
                    ),
                    "__len__": lambda self: self.y.shape[0],
                    "__getitem__": lambda self, i: (self.change(self.x[i]), self.y[i].item()),
                },
            ),
        ),
        stub=_UntouchedImages,
        hints=(
            "A data set owes three things: a length, an item for each index, and an IndexError behind "
            "the last. Keep what you are given in __init__; a tensor raises the IndexError by itself.",
            "images has the shape (N, 28, 28), so images[index] has (28, 28), and len(images) is N. "
            "labels[index] is a tensor of shape (), and becomes a Python number with int().",
            "In __getitem__: image = self.images[index]; if self.transform is not None, then "
            "image = self.transform(image); at the end, return the image and the label as a pair.",
        ),
    )
)

# 04_transforms


def normalize(images, mean, std):
    """(N, 1, 28, 28) images -> the same shape, mean subtracted, divided by std."""
    return (images - mean) / std


add(
    Exercise(
        name="normalize",
        chapter="1_basics/04_transforms",
        reference=normalize,
        axes=("N", "1", "28", "28"),
        checked="4 batches with different pairs of mean and std",
        cases=calls(
            {
                "mean 0.2, std 0.3": lambda: (torch.rand(5, 1, 28, 28), 0.2, 0.3),
                "mean 0.5, std 0.5": lambda: (torch.rand(3, 1, 28, 28), 0.5, 0.5),
                "mean 0.1, std 2": lambda: (torch.rand(2, 1, 28, 28), 0.1, 2),
                "one image": lambda: (torch.rand(1, 1, 28, 28), 0.1307, 0.3081),
            },
        ),
        slips=(
            Slip(
                "multiplied by one half",
                lambda images, mean, std: images * 0.5,
                "Black stays at 0, so nothing was subtracted, and mean and std are not used. "
                "With mean 0.5 and std 0.5, black becomes -1: by which two steps?",
            ),
            Slip(
                "one half typed in",
                lambda images, mean, std: (images - 0.5) / 0.5,
                "Right for mean 0.5 and std 0.5, and for no others. The two numbers are arguments: "
                "each data set has its own.",
            ),
            Slip(
                "parentheses",
                lambda images, mean, std: images - mean / std,
                "Only the mean was divided. Python divides before it subtracts, unless you say "
                "what belongs together.",
            ),
            Slip(
                "divided by the variance",
                lambda images, mean, std: (images - mean) / std**2,
                "It was divided by std twice. std is the standard deviation already; its square is "
                "the variance.",
            ),
            Slip(
                "inverse",
                lambda images, mean, std: images * std + mean,
                "This is the way back: it makes pictures of normalized numbers. On the way there, "
                "which comes first, and is it added or subtracted?",
            ),
            Slip(
                "multiplied by std",
                lambda images, mean, std: (images - mean) * std,
                "The first step is right. In the second, a small std should make the numbers spread "
                "wider; here it pushes them together.",
            ),
            Slip(
                "its own statistics",
                lambda images, mean, std: (images - images.mean()) / images.std(),
                "Mean and std were computed anew from the batch, and the two given numbers not used. "
                "So the same image would come out differently in another batch.",
            ),
            Slip(
                "changed in place",
                lambda images, mean, std: images.sub_(mean).div_(std),
                "The result is right, but the caller's images have been normalized with it, and a "
                "second call would do it twice. -= and /= write into the old tensor.",
            ),
        ),
        variants=(
            lambda images, mean, std: images / std - mean / std,
            lambda images, mean, std: images.sub(mean).div(std),
            lambda images, mean, std: torch.stack([(image - mean) * (1 / std) for image in images]),
        ),
        hints=(
            "Two steps for every pixel: subtract one number, divide by another. Broadcasting does it for "
            "all pixels at once.",
            "mean and std are plain numbers, so the shape (N, 1, 28, 28) stays as it is in both steps.",
            "images - mean is the first step. It needs parentheses around it, before std comes in.",
        ),
    )
)


def denormalize(images, mean, std):
    """(N, 1, 28, 28) normalized images -> the same shape, pixels from 0 to 1."""
    return images * std + mean


def _normalized(n, mean, std):
    return (torch.rand(n, 1, 28, 28) - mean) / std, mean, std


add(
    Exercise(
        name="denormalize",
        chapter="1_basics/04_transforms",
        reference=denormalize,
        axes=("N", "1", "28", "28"),
        checked="4 batches with different pairs of mean and std",
        cases=calls(
            {
                "mean 0.2, std 0.3": lambda: _normalized(5, 0.2, 0.3),
                "mean 0.5, std 0.5": lambda: _normalized(3, 0.5, 0.5),
                "mean 0.1, std 2": lambda: _normalized(2, 0.1, 2),
                "one image": lambda: _normalized(1, 0.1307, 0.3081),
            },
        ),
        slips=(
            Slip(
                "normalized once more",
                lambda images, mean, std: (images - mean) / std,
                "The images were normalized a second time. Undoing takes the opposite of each step: "
                "what undoes a division, and what a subtraction?",
            ),
            Slip(
                "wrong order",
                lambda images, mean, std: (images + mean) * std,
                "Both opposite steps are there, in the same order as on the way out. What was done "
                "last is undone first, like shoes and socks.",
            ),
            Slip(
                "mean subtracted",
                lambda images, mean, std: images * std - mean,
                "The multiplication is right. But the mean was subtracted a second time: all pixels "
                "are too dark by twice the mean.",
            ),
            Slip(
                "divided by std",
                lambda images, mean, std: images / std + mean,
                "The mean is back in its place. But it was divided by std a second time, where the "
                "first division was to be undone.",
            ),
            Slip(
                "changed in place",
                lambda images, mean, std: images.mul_(std).add_(mean),
                "The result is right, but the images that were given are changed, too. A network that "
                "gets them afterwards sees other numbers. *= and += write into the old tensor.",
            ),
            Slip(
                "stretched from 0 to 1",
                lambda images, mean, std: (images - images.min()) / (images.max() - images.min()),
                "The smallest number became 0 and the largest 1, whatever they had been: that is what "
                "imshow does unless told otherwise. mean and std are not used.",
            ),
        ),
        variants=(
            lambda images, mean, std: (images + mean / std) * std,
            lambda images, mean, std: (images * std + mean).clamp(0, 1),
            lambda images, mean, std: images.clone().mul_(std).add_(mean),
        ),
        hints=(
            "Normalizing has two steps. Each is undone by its opposite, and the last one comes first.",
            "mean and std are plain numbers: the shape (N, 1, 28, 28) stays. Make a new tensor, because "
            "the one you are given belongs to the caller.",
            "From y = (x - mean) / std follows y · std = x - mean. One more step, and x stands alone. "
            "Without -=, *= and the like, the result is a new tensor.",
        ),
    )
)


def one_hot(labels, classes):
    """(N,) labels -> (N, classes), 1 at the label and 0 elsewhere."""
    hot = torch.zeros(len(labels), classes)  # (N, classes)
    hot[torch.arange(len(labels)), labels] = 1
    return hot


def _labels_as_values(labels, classes):
    return F.one_hot(labels, classes).float() * labels[:, None]


def _every_row_hot(labels, classes):
    hot = torch.zeros(len(labels), classes)
    hot[:, labels] = 1
    return hot


def _labels_as_rows(labels, classes):
    hot = torch.zeros(len(labels), classes)
    hot[labels] = 1
    return hot


add(
    Exercise(
        name="one_hot",
        chapter="1_basics/04_transforms",
        reference=one_hot,
        axes=("N", "classes"),
        checked="4 batches, among them a square one and one without the last classes",
        cases=calls(
            {
                "6 labels and 4 classes": lambda: (torch.tensor([3, 0, 2, 1, 0, 3]), 4),
                "as many labels as classes": lambda: (torch.tensor([2, 2, 0, 3]), 4),
                "labels without the last classes": lambda: (torch.tensor([1, 0, 2]), 10),
                "one label": lambda: (torch.tensor([4]), 5),
            }
        ),
        slips=(
            Slip(
                "int64",
                lambda labels, classes: F.one_hot(labels, classes),
                "The places are right, but the numbers are whole, int64. The loss cannot use them: "
                "it said so in the chapter. Which dtype does it want?",
            ),
            Slip(
                "True and False",
                lambda labels, classes: labels[:, None] == torch.arange(classes),
                "The places are right. But a comparison gives True and False, and no loss computes with "
                "those. One more step makes numbers of them.",
            ),
            Slip(
                "too few classes",
                lambda labels, classes: torch.eye(int(labels.max()) + 1)[labels],
                "Right while the batch has the last class. Without it, columns are missing. How many "
                "there are is what the argument classes says, not the largest label.",
            ),
            Slip(
                "transposed",
                lambda labels, classes: F.one_hot(labels, classes).float().T,
                "The rows are classes and the columns are images. With as many labels as classes this "
                "goes wrong without a word. What should one row tell?",
            ),
            Slip(
                "every row with every label",
                _every_row_hot,
                "All rows are alike: each has a 1 at the labels of all images. The colon takes every "
                "row for each label. Which row belongs to which label?",
            ),
            Slip(
                "labels used as rows",
                _labels_as_rows,
                "With one index alone, the labels choose whole rows. A label is the number of a column, "
                "and the place in the batch is that of the row: both are needed.",
            ),
            Slip(
                "label written in",
                _labels_as_values,
                "In each row stands the label itself, and for label 0 nothing at all. One-hot says "
                "where, not how much: the number is the same for each class.",
            ),
            Slip(
                "counted from 1",
                lambda labels, classes: torch.eye(classes)[labels - 1],
                "Every 1 stands one place too far to the left. The classes are counted from 0: label 0 "
                "belongs to the first column.",
            ),
        ),
        variants=(
            lambda labels, classes: torch.eye(classes)[labels],
            lambda labels, classes: (labels[:, None] == torch.arange(classes)).float(),
            lambda labels, classes: torch.zeros(len(labels), classes).scatter(
                1, labels[:, None], 1.0
            ),
            lambda labels, classes: torch.tensor(
                [[float(k == label) for k in range(classes)] for label in labels.tolist()]
            ),
        ),
        hints=(
            "Begin with zeros everywhere, and write a 1 into each row, into the column that the label "
            "names. Or compare each label with all class numbers.",
            "The zeros have the shape (N, classes). Two indices of shape (N,), the row numbers and the "
            "labels, name one place in each row.",
            "torch.zeros(len(labels), classes) has the right dtype. An assignment of 1 to it at "
            "[torch.arange(len(labels)), labels] writes one number into each row.",
        ),
    )
)

# 05_neurons


def neuron(x, w, b):
    """(batch, n) inputs, (n,) weights, () bias -> (batch,) outputs."""
    return torch.sigmoid(x @ w + b)


def _for_neuron(batch, n):
    return torch.randn(batch, n), torch.randn(n), torch.tensor(0.7)


add(
    Exercise(
        name="neuron",
        chapter="1_basics/05_neurons",
        reference=neuron,
        axes=("batch",),
        checked="4 batches, among them a square one and one example",
        cases=calls(
            {
                "5 examples of 3 numbers": lambda: _for_neuron(5, 3),
                "as many examples as numbers": lambda: _for_neuron(4, 4),
                "2 examples of 6 numbers": lambda: _for_neuron(2, 6),
                "one example": lambda: _for_neuron(1, 3),
            },
        ),
        slips=(
            Slip(
                "elementwise without a sum",
                lambda x, w, b: torch.sigmoid(x * w + b),
                "There is an output for each input, (batch, n) in all. * multiplies pair by pair "
                "and stops there; a unit adds its products up to one number.",
            ),
            Slip(
                "bias inside the sum",
                lambda x, w, b: torch.sigmoid((x * w + b).sum(dim=1)),
                "The bias was added to each product, so it counts n times. How often does it stand in "
                "the formula of a unit?",
            ),
            Slip(
                "summed over the whole batch",
                lambda x, w, b: torch.sigmoid((x * w).sum() + b),
                "One number came out for all examples together: sum() without dim adds up "
                "everything. Each example has a sum of its own.",
            ),
            Slip(
                "summed over the examples",
                lambda x, w, b: torch.sigmoid((x * w).sum(dim=0) + b),
                "The examples were added up, and a number for each input is left. Which axis has the "
                "inputs, and so disappears in the sum?",
            ),
            Slip(
                "no activation",
                lambda x, w, b: x @ w + b,
                "This is the weighted sum: it has numbers below 0 and above 1. At the end of this unit "
                "stands a sigmoid.",
            ),
            Slip(
                "no bias",
                lambda x, w, b: torch.sigmoid(x @ w),
                "The bias does not come in. With all inputs at 0, the unit would always give one half, "
                "wherever it should switch on.",
            ),
            Slip(
                "bias outside the sigmoid",
                lambda x, w, b: torch.sigmoid(x @ w) + b,
                "Some outputs are larger than 1, and no sigmoid gives those. The bias belongs to the "
                "sum: it shifts where the unit switches on.",
            ),
            Slip(
                "ReLU at the end",
                lambda x, w, b: torch.relu(x @ w + b),
                "The weighted sum is right. But ReLU stands at the end of it: negative sums become 0 and "
                "others can be above 1. Which function was asked for?",
            ),
        ),
        variants=(
            lambda x, w, b: torch.sigmoid((x * w).sum(dim=1) + b),
            lambda x, w, b: 1 / (1 + torch.exp(-(x @ w + b))),
            lambda x, w, b: torch.stack([torch.sigmoid((row * w).sum() + b) for row in x]),
        ),
        hints=(
            "Three steps: multiply each input by its weight and add up, add the bias once, and send the "
            "sum through the sigmoid.",
            "x has the shape (batch, n) and w has (n,). The axis n disappears in the sum, and (batch,) is "
            "left. The bias of shape () is added to each of them.",
            "x @ w multiplies pair by pair and adds up, for all examples at once. Then + b, and "
            "torch.sigmoid around the whole.",
        ),
    )
)


def relu(x):
    """Any shape -> the same shape, with 0 in place of negative numbers."""
    return x.clamp(min=0)


def _relu_in_place(x):
    x[x < 0] = 0
    return x


def _relu_with_if(x):
    if x > 0:
        return x
    return 0


_FOR_ACTIVATION = {
    "7 numbers": lambda: (3 * torch.randn(7),),
    "a table": lambda: (torch.randn(3, 4),),
    "three axes": lambda: (torch.randn(2, 3, 2),),
    "one negative number": lambda: (torch.tensor(-2.5),),
    "one positive number": lambda: (torch.tensor(0.5),),
}

add(
    Exercise(
        name="relu",
        chapter="1_basics/05_neurons",
        reference=relu,
        checked="shapes from () to three axes, ±1000, and 0",
        cases=calls(
            _FOR_ACTIVATION | {"±1000": lambda: (torch.tensor([-1000.0, 1000]),)}, gradient=True
        )
        | calls({"0": lambda: (torch.tensor([0.0, -1, 1]),)}),
        slips=(
            Slip(
                "changed its input",
                _relu_in_place,
                "The result is right, but x itself has lost its negative numbers. An assignment to a part "
                "of a tensor writes into the tensor. Who else may still need x?",
            ),
            Slip(
                "absolute value",
                lambda x: x.abs(),
                "-2.5 became 2.5. ReLU has no sign to turn: on the left of 0 it is flat.",
            ),
            Slip(
                "step",
                lambda x: (x > 0).float(),
                "Each positive number became 1, and autograd finds no slope. That is the step "
                "function. What does ReLU do with 0.5?",
            ),
            Slip(
                "leaky",
                lambda x: torch.where(x > 0, x, 0.01 * x),
                "On the left a small part of the number is left over, -1000 becomes -10. "
                "That is a leaky ReLU. The plain one lets nothing through there.",
            ),
            Slip(
                "the other half",
                lambda x: x.clamp(max=0),
                "The negative numbers are left, and the positive ones are 0. It should be the other "
                "way round: a limit below, and none above.",
            ),
            Slip(
                "one question for many numbers",
                _relu_with_if,
                "if and Python's max want one True or False, but x > 0 is a whole tensor of "
                "them. Look for an operation that treats each number by itself.",
            ),
            Slip(
                "negative numbers left out",
                lambda x: x[x > 0],
                "The negative numbers are gone, and the result has another shape. They should stay in "
                "their places, as zeros.",
            ),
        ),
        variants=(
            lambda x: torch.where(x > 0, x, 0.0),
            lambda x: x * (x > 0),
            lambda x: torch.maximum(x, torch.zeros_like(x)),
            lambda x: (x + x.abs()) / 2,
            lambda x: F.relu(x),
        ),
        hints=(
            "Each number is compared with 0, and the larger of the two is the result. Look for something "
            "that does so with all numbers of a tensor at once, and makes a new one.",
            "The result has the shape of x, whatever that is. Nothing is summed or taken out.",
            "clamp(max=255) cuts off what is above 255. It has another argument, min. Or multiply x by "
            "the mask x > 0, in which True counts as 1.",
        ),
    )
)


def sigmoid(x):
    """Any shape -> the same shape, between 0 and 1."""
    two = torch.stack([x, torch.zeros_like(x)])  # (2, ...): x, and always 0
    return torch.softmax(two, dim=0)[0]


def _both_branches(x):
    return torch.where(x >= 0, 1 / (1 + torch.exp(-x)), torch.exp(x) / (1 + torch.exp(x)))


def _sigmoid_of_a_number(x):
    return 1 / (1 + math.exp(-x))


add(
    Exercise(
        name="sigmoid",
        chapter="1_basics/05_neurons",
        reference=sigmoid,
        checked="shapes from () to three axes and ±100, values and slopes",
        cases=calls(
            _FOR_ACTIVATION | {"±100": lambda: (torch.tensor([[100.0, -100], [-100, 1]]),)},
            gradient=True,
        )
        | calls({"0": lambda: (torch.tensor([0.0, -1, 1]),)}),
        slips=(
            Slip(
                "slope is nan",
                lambda x: 1 / (1 + torch.exp(-x)),
                "All values are right. But at -100 the slope is nan: exp(100) is infinite in float32, and "
                "on the way back infinity meets zero. Tanh and softmax do not have this trouble.",
            ),
            Slip(
                "slope is nan on both sides",
                _both_branches,
                "All values are right, but at 100 and at -100 the slope is nan: on the way back, infinity "
                "meets zero. Is there a where()? It computes both halves, and infinity in the one "
                "not picked still reaches the slope.",
            ),
            Slip(
                "sign",
                lambda x: 1 / (1 + torch.exp(x)),
                "It falls where it should rise: a large x gives 0. Look at the exponent in the "
                "formula.",
            ),
            Slip(
                "exp(x) / (1 + exp(x))",
                lambda x: torch.exp(x) / (1 + torch.exp(x)),
                "Right on small numbers, but at 100 it gives nan: exp(100) is infinite in float32, and "
                "infinity was divided by infinity.",
            ),
            Slip(
                "tanh",
                lambda x: torch.tanh(x),
                "It reaches from -1 to 1, and 0 becomes 0. That is tanh. The two are relatives: a "
                "sigmoid is a tanh that was stretched, shifted and made half as high.",
            ),
            Slip(
                "no 1 in the denominator",
                lambda x: 1 / torch.exp(-x),
                "At 0 it gives 1, and for large x more than 1. One term of the formula is missing.",
            ),
            Slip(
                "a function for one number",
                _sigmoid_of_a_number,
                "math.exp takes a single number. x may be a whole tensor, and autograd has to follow "
                "it: PyTorch has functions that do both.",
            ),
            Slip(
                "softmax of all",
                lambda x: torch.softmax(x, dim=-1),
                "The numbers share a sum of 1 along the last axis. A sigmoid looks at each number alone; "
                "for softmax, its rival is always a 0.",
            ),
        ),
        variants=(
            lambda x: (1 + torch.tanh(x / 2)) / 2,
            lambda x: torch.exp(-F.softplus(-x)),
            lambda x: 1 / (1 + torch.exp(-x.clamp(min=-80))),
            lambda x: torch.special.expit(x),
        ),
        hints=(
            "The formula with exp is right in its values, but not in its slope far out. Two other "
            "functions of the chapter stay finite there, and sigmoid can be made of either.",
            "The result has the shape of x. A sigmoid is a softmax of the two logits x and 0; torch.stack "
            "makes (2, …) of them. And it is a tanh, from half the x, moved between 0 and 1.",
            "With softmax: stack x and torch.zeros_like(x), take the softmax with dim=0, then [0]. With "
            "tanh: torch.tanh(x / 2) lies between -1 and 1; add 1 and halve it.",
        ),
    )
)


def dead_units(hidden):
    """(images, units) outputs of a ReLU -> how many units are always 0."""
    return (hidden == 0).all(dim=0).sum().item()


def _hidden(images, units, dead=(), dark=()):
    hidden = torch.randn(images, units).relu()
    hidden[0] = torch.rand(units) + 0.1  # no unit is dead by chance
    hidden[:, 0] = torch.rand(images) + 0.1  # and no image dark
    hidden[:, list(dead)] = 0
    hidden[list(dark)] = 0
    return (hidden,)


def _barely_alive():
    hidden = torch.zeros(6, 4)
    hidden[3, 1] = 1e-4
    return (hidden,)


add(
    Exercise(
        name="dead_units",
        chapter="1_basics/05_neurons",
        reference=dead_units,
        checked="5 tables, among them a square one, one without dead units, and one image",
        cases=calls(
            {
                "8 images and 5 units": lambda: _hidden(8, 5, dead=[1, 4], dark=[6]),
                "as many images as units": lambda: _hidden(6, 6, dead=[2, 3, 5], dark=[1]),
                "no dead unit": lambda: _hidden(7, 4, dark=[3, 5]),
                "a unit that is on once": _barely_alive,
                "one image": lambda: (torch.tensor([[0.0, 0.3, 0, 0]]),),
            }
        ),
        slips=(
            Slip(
                "zeros counted",
                lambda hidden: (hidden == 0).sum().item(),
                "This counts zeros, one by one. A unit that is off for one image is not "
                "dead: it would have to be off for every one.",
            ),
            Slip(
                "any instead of all",
                lambda hidden: (hidden == 0).any(dim=0).sum().item(),
                "Each unit was counted that is 0 for at least one image. Most healthy units are. Which "
                "word says that it holds for every image?",
            ),
            Slip(
                "images counted",
                lambda hidden: (hidden == 0).all(dim=1).sum().item(),
                "It was counted on how many images no unit is on. Here the images should "
                "disappear, and a yes or no for each unit remain.",
            ),
            Slip(
                "living units counted",
                lambda hidden: (hidden > 0).any(dim=0).sum().item(),
                "These are the units that are on for some image: the living ones. The others were asked "
                "for.",
            ),
            Slip(
                "still a tensor",
                lambda hidden: (hidden == 0).all(dim=0).sum(),
                "The number is right, but it is inside a tensor of shape (). Asked for is an "
                "integer of Python's own.",
            ),
            Slip(
                "a list of yes and no",
                lambda hidden: (hidden == 0).all(dim=0),
                "This says of each unit whether it is dead, and that is right. How many are there? True "
                "counts as 1.",
            ),
            Slip(
                "fraction",
                lambda hidden: (hidden == 0).all(dim=0).float().mean().item(),
                "This is the part of the units that is dead, between 0 and 1. Asked for is how many "
                "they are.",
            ),
        ),
        variants=(
            lambda hidden: int((hidden.max(dim=0).values == 0).sum()),
            lambda hidden: int((hidden.sum(dim=0) == 0).sum()),
            lambda hidden: sum(not bool((column > 0).any()) for column in hidden.T),
        ),
        hints=(
            "First a yes or no for every number: is it 0? Then one for every unit: is it 0 on all images? "
            "At last, count.",
            "hidden has the shape (images, units). The axis of the images disappears when you ask whether "
            "all are 0; units yes-or-no answers are left, and their sum is the number.",
            "hidden == 0 gives True and False. all() has an argument dim, here that of the images. Then "
            "sum(), and item() makes a Python number of it.",
        ),
    )
)

# 06_build_model


class MyNetwork(nn.Module):
    """(batch, 1, 28, 28) images -> (batch, 10) logits, over 64 hidden units."""

    def __init__(self):
        super().__init__()
        self.flatten = nn.Flatten()
        self.hidden = nn.Linear(28 * 28, 64)
        self.output = nn.Linear(64, 10)

    def forward(self, images):
        features = self.flatten(images)  # (batch, 784)
        hidden = torch.relu(self.hidden(features))  # (batch, 64)
        return self.output(hidden)  # (batch, 10)


class _UntouchedNetwork(nn.Module):
    def __init__(self):
        super().__init__()

    def forward(self, images): ...


class _NoActivation(MyNetwork):
    def forward(self, images):
        return self.output(self.hidden(images.flatten(1)))


class _ActivationOnTheOutput(MyNetwork):
    def forward(self, images):
        return torch.relu(super().forward(images))


class _OnlyOnTheOutput(_NoActivation):
    def forward(self, images):
        return torch.relu(super().forward(images))


class _SigmoidInside(MyNetwork):
    def forward(self, images):
        return self.output(torch.sigmoid(self.hidden(images.flatten(1))))


class _SoftmaxAtTheEnd(MyNetwork):
    def forward(self, images):
        return torch.softmax(super().forward(images), dim=1)


class _LogSoftmaxAtTheEnd(MyNetwork):
    def forward(self, images):
        return torch.log_softmax(super().forward(images), dim=1)


class _BatchSizeTypedIn(MyNetwork):
    def forward(self, images):
        return super().forward(images.reshape(64, 28 * 28))


class _MadeInForward(nn.Module):
    def forward(self, images):
        return MyNetwork()(images)


class _InAList(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = [nn.Flatten(), nn.Linear(28 * 28, 64), nn.ReLU(), nn.Linear(64, 10)]

    def forward(self, images):
        for layer in self.layers:
            images = layer(images)
        return images


class _TwoHiddenLayers(nn.Module):
    def __init__(self):
        super().__init__()
        self.stack = nn.Sequential(
            nn.Flatten(),
            nn.Linear(28 * 28, 64),
            nn.ReLU(),
            nn.Linear(64, 64),
            nn.ReLU(),
            nn.Linear(64, 10),
        )

    def forward(self, images):
        return self.stack(images)


class _NoHiddenLayer(nn.Module):
    def __init__(self):
        super().__init__()
        self.stack = nn.Sequential(nn.Flatten(), nn.Linear(28 * 28, 10))

    def forward(self, images):
        return self.stack(images)


class _AsWideAsTheChapter(nn.Module):
    def __init__(self):
        super().__init__()
        self.stack = nn.Sequential(
            nn.Flatten(), nn.Linear(28 * 28, 512), nn.ReLU(), nn.Linear(512, 10)
        )

    def forward(self, images):
        return self.stack(images)


class _WithoutSuper(nn.Module):
    def __init__(self):
        self.layer = nn.Linear(28 * 28, 64)


class _NoModule:
    def __init__(self):
        self.layer = nn.Linear(28 * 28, 64)


class _InSequential(nn.Module):
    def __init__(self):
        super().__init__()
        self.parts = nn.Sequential(
            nn.Flatten(), nn.Linear(28 * 28, 64), nn.ReLU(), nn.Linear(64, 10)
        )

    def forward(self, images):
        return self.parts(images)


class _ByHand(nn.Module):
    def __init__(self):
        super().__init__()
        self.b2, self.w2 = nn.Parameter(torch.zeros(10)), nn.Parameter(torch.randn(64, 10))
        self.b1, self.w1 = nn.Parameter(torch.zeros(64)), nn.Parameter(torch.randn(784, 64))

    def forward(self, images):
        hidden = images.reshape(len(images), -1) @ self.w1 + self.b1
        return hidden.clamp(min=0) @ self.w2 + self.b2


PARAMETERS = 784 * 64 + 64 + 64 * 10 + 10


def _fill(model):
    """Give every parameter numbers that depend on its size, not on its name or place."""
    for parameter in model.parameters():
        shape = tuple(parameter.shape)
        turned = len(shape) == 2 and shape[0] > shape[1]  # (inputs, outputs)
        random = torch.Generator().manual_seed(parameter.numel())
        values = torch.randn(shape[::-1] if turned else shape, generator=random)
        parameter.data = 0.1 * (values.T.contiguous() if turned else values)


def _network_on(batch):
    def look(answer):
        images = torch.rand(batch, 1, 28, 28)
        try:
            model = answer()
        except AttributeError as error:
            if "Module.__init__()" not in str(error):
                raise
            return {"parts": "before super().__init__()"}
        if not isinstance(model, nn.Module):
            return {"parts": "not in an nn.Module"}
        count = sum(parameter.numel() for parameter in model.parameters())
        _fill(model)
        first = attempt(lambda: model(images))
        if count != PARAMETERS:
            # Of another network only the shape can be compared, and whether it stays the same.
            again = attempt(lambda: model(images))
            stays = isinstance(first, torch.Tensor) and isinstance(again, torch.Tensor)
            shape = list(first.shape) if isinstance(first, torch.Tensor) else freeze(first)
            return {
                "number of parameters": count,
                "logits": shape,
                "same logits in a second call": stays and torch.equal(first, again),
            }
        seen = {"number of parameters": count, "logits": freeze(first)}
        if isinstance(first, torch.Tensor):
            attempt(lambda: first.sum().backward())
            seen["number of parameters that get a gradient"] = sum(
                parameter.numel() for parameter in model.parameters() if parameter.grad is not None
            )
        return seen

    return look


add(
    Exercise(
        name="my_network",
        chapter="1_basics/06_build_model",
        reference=MyNetwork,
        axes=("batch", "10"),
        checked="batches of 64, 3 and 1 images, with parameters of ours",
        cases={
            "64 images": _network_on(64),
            "3 images": _network_on(3),
            "one image": _network_on(1),
        },
        slips=(
            Slip(
                "no activation",
                _NoActivation,
                "Between the two layers stands nothing, so together they are no more than one. Which "
                "function was asked for, and behind which of the layers?",
            ),
            Slip(
                "ReLU on the output",
                _ActivationOnTheOutput,
                "No logit is below 0: there is a ReLU behind the last layer, too. A class that the "
                "network finds unlikely needs a negative number.",
            ),
            Slip(
                "ReLU in the wrong place",
                _OnlyOnTheOutput,
                "The ReLU stands behind the last layer. There it cuts the logits off, and between "
                "the two layers, where it is needed, there is none.",
            ),
            Slip(
                "sigmoid inside",
                _SigmoidInside,
                "The layers are right, but the hidden units end with a sigmoid. Another function was "
                "asked for.",
            ),
            Slip(
                "softmax at the end",
                _SoftmaxAtTheEnd,
                "Each row sums to 1: these are probabilities. The loss function wants logits, and would "
                "take a softmax of the softmax.",
            ),
            Slip(
                "log-softmax at the end",
                _LogSoftmaxAtTheEnd,
                "No number is above 0: these are logarithms of probabilities. The loss function takes "
                "them itself. What comes out of the last layer is what is wanted.",
            ),
            Slip(
                "batch size typed in",
                _BatchSizeTypedIn,
                "Right for 64 images, and a RuntimeError for 3. The last batch of a loader is smaller. "
                "How is an image laid out without a word on how many there are?",
            ),
            Slip(
                "layers made in forward",
                _MadeInForward,
                "The network has no parameters, and two calls give two answers: in each call the layers "
                "are made anew, with fresh random weights. Where are parts made once?",
            ),
            Slip(
                "layers in a Python list",
                _InAList,
                "The network has no parameters that training could find. A module finds parts that "
                "are its own attributes; it does not look into a plain list. Which container is a part?",
            ),
            Slip(
                "two hidden layers",
                _TwoHiddenLayers,
                "There are 55,050 parameters, as in 784-64-64-10. One hidden layer was asked for: "
                "how many layers have parameters then?",
            ),
            Slip(
                "no hidden layer",
                _NoHiddenLayer,
                "There are 7,850 parameters, as in 784-10: each pixel goes straight to the classes. "
                "Where do the 64 hidden units come in?",
            ),
            Slip(
                "as wide as the chapter's",
                _AsWideAsTheChapter,
                "There are 407,050 parameters, as in 784-512-10. The hidden layer should be smaller, "
                "and its size stands in two places.",
            ),
            Slip(
                "no super().__init__()",
                _WithoutSuper,
                "The first part arrives before nn.Module has begun its bookkeeping, and that is an "
                "AttributeError. Which call comes first in __init__?",
            ),
            Slip(
                "not an nn.Module",
                _NoModule,
                "The class inherits from nothing. Then nobody finds its parameters, and it cannot be "
                "called. What stands in the parentheses behind a network's name?",
            ),
        ),
        variants=(_InSequential, _ByHand),
        stub=_UntouchedNetwork,
        hints=(
            "As in the chapter: the parts are made in __init__, once, and forward sends the images "
            "through them. There are two layers with parameters, and a ReLU between them.",
            "(batch, 1, 28, 28) becomes (batch, 784), then (batch, 64), and at last (batch, 10). One size "
            "comes out of the first linear layer and goes into the second.",
            "nn.Sequential with nn.Flatten(), a linear layer from 28 * 28 to 64, nn.ReLU() and a linear "
            "layer from 64 to 10 is all that __init__ needs after super().__init__().",
        ),
    )
)


def predict_classes(model, images):
    """(batch, 1, 28, 28) images -> (batch,) predicted classes, int64."""
    device = next(model.parameters()).device
    logits = model(images.to(device))  # (batch, 10)
    return logits.argmax(dim=1)


def _logits_there(model, images):
    return model(images.to(next(model.parameters()).device))


class _Elsewhere(nn.Module):
    # The device meta has shapes but no numbers: it stands for a GPU. So the logits are known.
    def __init__(self, logits):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(10, 28 * 28, device="meta"))
        self.logits = logits
        self.next = 0

    def forward(self, images):
        if images.device != self.weight.device:
            raise RuntimeError(
                f"the network is on {self.weight.device}, and the images are on {images.device}"
            )
        places = (self.next + torch.arange(len(images))) % len(self.logits)
        self.next += len(images)
        return self.logits[places]


def _with_a_hook(answer):
    model, seen = _small_network(), []
    model.register_forward_hook(lambda *arguments: seen.append("a call"))
    result = answer(model, torch.randn(4, 1, 28, 28))
    return {"result": result, "hook's note": "it was run" if seen else "it was not run"}


add(
    Exercise(
        name="predict_classes",
        chapter="1_basics/06_build_model",
        reference=predict_classes,
        axes=("batch",),
        checked="5 batches, among them one image, a network with a hook, and one on another device",
        cases=calls(
            {
                "6 images": lambda: (_small_network(), torch.randn(6, 1, 28, 28)),
                "as many images as classes": lambda: (
                    _small_network(),
                    torch.randn(10, 1, 28, 28),
                ),
                "one image": lambda: (_small_network(), torch.randn(1, 1, 28, 28)),
            }
        )
        | {"a network with a hook": _with_a_hook}
        | calls(
            {
                "a network on another device": lambda: (
                    _Elsewhere(torch.randn(3, 10)),
                    torch.rand(3, 1, 28, 28),
                )
            }
        ),
        slips=(
            Slip(
                "images left where they are",
                lambda model, images: model(images).argmax(dim=1),
                "Right while both are on one device. A network on another one cannot take "
                "these images and raises an error. Where is it, and how do the images get there?",
            ),
            Slip(
                "largest over the images",
                lambda model, images: _logits_there(model, images).argmax(dim=0),
                "Ten numbers come out, however many images go in: for each class the image that fits it "
                "best. Which dimension counts the classes?",
            ),
            Slip(
                "one place for all",
                lambda model, images: _logits_there(model, images).argmax(),
                "Without dim, argmax looks for the largest of all numbers, and gives one place for the "
                "whole batch. Each image has a largest of its own.",
            ),
            Slip(
                "axis kept",
                lambda model, images: _logits_there(model, images).argmax(dim=1, keepdim=True),
                "The classes are right, but the shape is (batch, 1). Compared with labels of shape "
                "(batch,), broadcasting would make a table of batch by batch.",
            ),
            Slip(
                "the logit itself",
                lambda model, images: _logits_there(model, images).max(dim=1).values.detach(),
                "This is how large the largest logit is. Asked for is at which place it stands: that "
                "is the class.",
            ),
            Slip(
                "probabilities",
                lambda model, images: torch.softmax(_logits_there(model, images), dim=1).detach(),
                "Ten probabilities for each image are no decision yet. Which of them is the largest?",
            ),
            Slip(
                "logits",
                lambda model, images: _logits_there(model, images).detach(),
                "These are the logits, ten for each image. One whole number for each was asked "
                "for: the place of the largest.",
            ),
            Slip(
                "forward called",
                lambda model, images: model.forward(
                    images.to(next(model.parameters()).device)
                ).argmax(dim=1),
                "The classes are right. But somebody had attached a hook to the network, and it was not "
                "run: model.forward goes past it. How is a network called?",
            ),
            Slip(
                "smallest logit",
                lambda model, images: _logits_there(model, images).argmin(dim=1),
                "These are the classes that the network finds least likely. Does it lean toward "
                "a large logit or toward a small one?",
            ),
        ),
        variants=(
            lambda model, images: (
                torch.softmax(_logits_there(model, images), dim=1).max(dim=1).indices
            ),
            lambda model, images: torch.cat(
                [_logits_there(model, image[None]).argmax(dim=1) for image in images]
            ),
            lambda model, images: (
                _logits_there(model, images).sort(dim=1, descending=True).indices[:, 0]
            ),
        ),
        hints=(
            "Bring the images to the network, call it, and take for each image the place of its largest "
            "logit. Softmax keeps the order, so it is not needed.",
            "The logits have the shape (batch, 10). The dimension of the classes disappears in argmax, and "
            "(batch,) whole numbers are left.",
            "All parameters of a network are on its device: next(model.parameters()).device says which "
            "that is. images.to(device) brings the images there.",
        ),
    )
)


# 07_layers


def linear(features, weight, bias):
    """(..., in) features, (out, in) weight, (out,) bias -> (..., out)."""
    return features @ weight.T + bias


def _only_for_tables(features, weight, bias):
    return torch.mm(features, weight.T) + bias


add(
    Exercise(
        name="linear",
        chapter="1_basics/07_layers",
        reference=linear,
        checked="4 shapes, among them a square weight and two axes in front",
        cases=calls(
            {
                "3 images, 5 inputs, 4 units": lambda: (
                    torch.randn(3, 5),
                    torch.randn(4, 5),
                    torch.randn(4),
                ),
                "as many images as inputs and units": lambda: (
                    torch.randn(4, 4),
                    torch.randn(4, 4),
                    torch.randn(4),
                ),
                "a single row": lambda: (torch.randn(5), torch.randn(3, 5), torch.randn(3)),
                "two axes in front": lambda: (
                    torch.randn(2, 3, 5),
                    torch.randn(4, 5),
                    torch.randn(4),
                ),
            },
            gradient=True,
        ),
        slips=(
            Slip(
                "no transpose",
                lambda features, weight, bias: features @ weight + bias,
                "A row of the weight holds the weights of one unit, but the product runs down its "
                "columns. With as many inputs as units it goes wrong without a word. How do rows "
                "become columns?",
            ),
            Slip(
                "weight first",
                lambda features, weight, bias: weight @ features + bias,
                "Right for a single row, as in the formula Wx + b. In a batch each image is a row, "
                "and weight @ features multiplies along the axis of the images. Which one has to "
                "stand in front?",
            ),
            Slip(
                "images in columns",
                lambda features, weight, bias: (
                    weight @ features.mT + bias[:, None]
                    if features.ndim > 1
                    else weight @ features + bias
                ),
                "The numbers are right, but each image has become a column: units come first, then "
                "images. The result should be (..., out), with each image where it was.",
            ),
            Slip(
                "no bias",
                lambda features, weight, bias: features @ weight.T,
                "Each unit is off by the same number in every row: its bias. One of the three "
                "arguments plays no part yet.",
            ),
            Slip(
                "only for tables",
                _only_for_tables,
                "Right for features of shape (N, in), but for a single row of shape (in,) and for "
                "more axes in front it raises an error. Which product of two tensors takes any "
                "number of axes in front?",
            ),
        ),
        variants=(
            F.linear,
            lambda features, weight, bias: torch.einsum("...i,oi->...o", features, weight) + bias,
            lambda features, weight, bias: (features[..., None, :] * weight).sum(dim=-1) + bias,
        ),
        hints=(
            "Each unit multiplies every feature by its own weight, adds up the products, and adds its "
            "bias once. A matrix product does that for all units and all images.",
            "(..., in) has to meet (in, out), but the weight is (out, in): it has to be transposed. "
            "The product is (..., out), and the bias of shape (out,) broadcasts.",
            "features @ weight.T is the product, for any number of axes in front. Then add the bias.",
        ),
    )
)


def name_the_layers():
    """Return a Sequential for 784-128-64-10 with a name for each layer."""
    layers = OrderedDict()
    layers["flatten"] = nn.Flatten()
    layers["fc1"] = nn.Linear(784, 128)
    layers["relu1"] = nn.ReLU()
    layers["fc2"] = nn.Linear(128, 64)
    layers["relu2"] = nn.ReLU()
    layers["output"] = nn.Linear(64, 10)
    return nn.Sequential(layers)


def _named_layers(*names, more=()):
    layers = [nn.Flatten(), nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 64), nn.ReLU()]
    return OrderedDict(zip(names, [*layers, nn.Linear(64, 10), *more], strict=True))


def _look_at_network(answer):
    network = answer()
    if not isinstance(network, nn.Sequential):
        return {"result": freeze(network)}
    found = {
        "result": Thing("Sequential"),
        "names of the layers": list(network._modules),
        "shapes of the parameters": {
            name: list(parameter.shape) for name, parameter in network.named_parameters()
        },
    }
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.copy_(torch.randn(parameter.shape) / 8)
    network.eval()
    images = torch.randn(5, 1, 28, 28)
    found["logits"] = attempt(lambda: freeze(network(images)))
    return found


def _one_relu_for_both():
    relu = nn.ReLU()
    layers = [nn.Flatten(), nn.Linear(784, 128), relu, nn.Linear(128, 64), relu, nn.Linear(64, 10)]
    names = ["flatten", "fc1", "relu1", "fc2", "relu2", "output"]
    return nn.Sequential(OrderedDict(zip(names, layers, strict=True)))


def _one_after_the_other():
    network = nn.Sequential()
    network.add_module("flatten", nn.Flatten(start_dim=1))
    network.add_module("fc1", nn.Linear(28 * 28, 128))
    network.add_module("relu1", nn.ReLU(inplace=True))
    network.add_module("fc2", nn.Linear(128, 64))
    network.add_module("relu2", nn.ReLU(inplace=True))
    network.add_module("output", nn.Linear(64, 10))
    return network


add(
    Exercise(
        name="name_the_layers",
        chapter="1_basics/07_layers",
        reference=name_the_layers,
        checked="its names, its parameters' shapes, and the logits of 5 images",
        cases={"the network": _look_at_network},
        slips=(
            Slip(
                "unnamed",
                lambda: nn.Sequential(*_named_layers(*"012345").values()),
                "The layers are called 0 to 5: Sequential gives numbers to layers that come without "
                "names. In what did the chapter hand over a name together with each layer?",
            ),
            Slip(
                "relu1 twice",
                lambda: nn.Sequential(
                    _named_layers("flatten", "fc1", "relu1", "fc2", "relu1", "output")
                ),
                "Six entries went in and five layers came out. A dictionary holds each key once, and "
                "relu1 is there twice. So nothing stands between fc2 and output now.",
            ),
            Slip(
                "both ReLUs called relu",
                lambda: nn.Sequential(
                    _named_layers("flatten", "fc1", "relu", "fc2", "relu", "output")
                ),
                "Six entries went in and five layers came out: a dictionary holds each key once, so "
                "the second relu took the first one's place. Compare your names with the six asked "
                "for.",
            ),
            Slip(
                "softmax at the end",
                lambda: nn.Sequential(
                    _named_layers(
                        *("flatten", "fc1", "relu1", "fc2", "relu2", "output", "softmax"),
                        more=[nn.Softmax(dim=1)],
                    )
                ),
                "The rows of the result sum to 1: these are probabilities. Logits are asked for, the "
                "plain numbers. Which layer is one too many?",
            ),
            Slip(
                "dictionary returned",
                lambda: _named_layers("flatten", "fc1", "relu1", "fc2", "relu2", "output"),
                "The dictionary has all names and layers, but it is no network: it cannot be called "
                "with images. Who takes such a dictionary and runs its layers in order?",
            ),
        ),
        variants=(_one_relu_for_both, _one_after_the_other),
        hints=(
            "A Sequential takes names for its layers from an OrderedDict, which it gets as its only "
            "argument. Each key may appear once.",
            "784-128-64-10 are three linear layers: 784 to 128, 128 to 64, 64 to 10. With Flatten in "
            "front and a ReLU behind the first two, there are six entries.",
            'nn.Sequential(OrderedDict([("flatten", nn.Flatten()), ("fc1", nn.Linear(784, 128)), …])), '
            "and len() of it should be 6.",
        ),
    )
)

# 08_parameters


class Layers(nn.Module):
    """Linear layers of the given sizes, with a ReLU after each but the last."""

    def __init__(self, sizes):
        super().__init__()
        self.layers = nn.ModuleList()
        for place in range(len(sizes) - 1):
            self.layers.append(nn.Linear(sizes[place], sizes[place + 1]))

    def forward(self, features):
        for layer in self.layers[:-1]:
            features = layer(features).relu()
        return self.layers[-1](features)


class _UntouchedLayers(nn.Module):
    def __init__(self, sizes):
        super().__init__()

    def forward(self, features): ...


class _LayersInAList(nn.Module):
    def __init__(self, sizes):
        super().__init__()
        self.layers = [nn.Linear(*pair) for pair in pairwise(sizes)]

    def forward(self, features):
        for layer in self.layers[:-1]:
            features = layer(features).relu()
        return self.layers[-1](features)


class _LayersMadeInForward(nn.Module):
    def __init__(self, sizes):
        super().__init__()
        self.sizes = sizes

    def forward(self, features):
        for n_in, n_out in pairwise(self.sizes[:-1]):
            features = nn.Linear(n_in, n_out)(features).relu()
        return nn.Linear(*self.sizes[-2:])(features)


class _ThreeLayers(nn.Module):
    def __init__(self, sizes):
        super().__init__()
        self.first = nn.Linear(sizes[0], sizes[1])
        self.second = nn.Linear(sizes[1], sizes[2])
        self.third = nn.Linear(sizes[2], sizes[3])

    def forward(self, features):
        return self.third(self.second(self.first(features).relu()).relu())


class _LayersBySequential(nn.Module):
    def __init__(self, sizes):
        super().__init__()
        layers = []
        for n_in, n_out in pairwise(sizes):
            layers += [nn.Linear(n_in, n_out), nn.ReLU()]
        self.stack = nn.Sequential(*self.chosen(layers))

    def chosen(self, layers):
        return layers[:-1]

    def forward(self, features):
        return self.stack(features)


class _ReluBehindTheLast(_LayersBySequential):
    def chosen(self, layers):
        return layers


class _NoRelu(_LayersBySequential):
    def chosen(self, layers):
        return layers[::2]


class _LayersAsAttributes(nn.Module):
    def __init__(self, sizes):
        super().__init__()
        self.count = len(sizes) - 1
        for place in range(self.count):
            setattr(self, f"layer{place}", nn.Linear(sizes[place], sizes[place + 1]))

    def forward(self, features):
        for place in range(self.count):
            if place > 0:
                features = F.relu(features)
            features = getattr(self, f"layer{place}")(features)
        return features


class _LayersInADictionary(nn.Module):
    def __init__(self, sizes):
        super().__init__()
        self.layers = nn.ModuleDict()
        for place in range(len(sizes) - 2, -1, -1):
            self.layers[str(place)] = nn.Linear(sizes[place], sizes[place + 1])

    def forward(self, features):
        features = self.layers["0"](features)
        for place in range(1, len(self.layers)):
            features = self.layers[str(place)](features.clamp(min=0))
        return features


def _look_at_layers(*sizes):
    def look(answer):
        network = answer(list(sizes))
        if not isinstance(network, nn.Module):
            return {"result": freeze(network)}
        parameters = sorted(network.parameters(), key=lambda parameter: tuple(parameter.shape))
        shapes = [list(parameter.shape) for parameter in parameters]
        features = torch.randn(6, sizes[0])
        with torch.no_grad():
            for parameter in parameters:  # by shape, so in whatever order they were made
                parameter.copy_(torch.randn(parameter.shape))
            once, again = network(features), network(features)
        found = {
            "result": Thing("Module"),
            "shapes of the parameters that an optimizer finds": shapes,
        }
        if not isinstance(once, torch.Tensor) or shapes == sorted(_shapes(sizes)):
            found["logits"] = freeze(once)
        if isinstance(once, torch.Tensor):
            found["same answer twice"] = torch.equal(once, again)
        return found

    return look


def _shapes(sizes):
    weights = [[n_out, n_in] for n_in, n_out in pairwise(sizes)]
    return weights + [[n_out] for n_out in sizes[1:]]


add(
    Exercise(
        name="register_layers",
        chapter="1_basics/08_parameters",
        reference=Layers,
        checked="4 lists of sizes, the shortest for a single layer",
        cases={
            "the sizes [7, 5, 4, 3]": _look_at_layers(7, 5, 4, 3),
            "a single layer, [4, 3]": _look_at_layers(4, 3),
            "two layers, [6, 5, 2]": _look_at_layers(6, 5, 2),
            "five layers, [9, 8, 7, 6, 5, 4]": _look_at_layers(9, 8, 7, 6, 5, 4),
        },
        slips=(
            Slip(
                "layers in a Python list",
                _LayersInAList,
                "It computes an answer, but an optimizer finds no parameter in it. A module keeps track "
                "of modules that are its attributes, and does not look into a Python list. Which list "
                "is a module itself?",
            ),
            Slip(
                "layers made in forward",
                _LayersMadeInForward,
                "The same features get another answer each time, and there is no parameter: forward "
                "makes new layers with new random numbers in every call. Where are layers made once?",
            ),
            Slip(
                "ReLU behind the last layer",
                _ReluBehindTheLast,
                "No logit is below zero: the last layer has a ReLU, too. How do you tell in the loop "
                "that a layer is the last one?",
            ),
            Slip(
                "no ReLU",
                _NoRelu,
                "All layers are there, and nothing between them. Without a ReLU they are together one "
                "linear layer, however many there are.",
            ),
            Slip(
                "three layers, whatever the list",
                _ThreeLayers,
                "Right for four sizes, which make three layers. A longer list loses its last layers, "
                "and a shorter one gives an IndexError. How do you make one layer for each pair of "
                "neighbors?",
            ),
        ),
        variants=(_LayersBySequential, _LayersAsAttributes, _LayersInADictionary),
        hints=(
            "One linear layer for each pair of neighbors in the list, made in __init__. Keep them where "
            "the module sees them; a Python list is no such place.",
            "From n sizes come n - 1 layers, and n - 2 of them are followed by a ReLU. ModuleList "
            "behaves like a list, and has len(), slices and append().",
            "In __init__ begin with an empty nn.ModuleList and append an nn.Linear in a loop, from "
            "sizes[place] to sizes[place + 1]. In forward loop over layers[:-1] with relu(), then call layers[-1].",
        ),
        stub=_UntouchedLayers,
        axes=("batch", "classes"),
    )
)


def count_trainable(model):
    """Count the numbers of a network that training may change."""
    count = 0
    for parameter in model.parameters():
        if parameter.requires_grad:
            count += parameter.numel()
    return count


class _WithBuffer(nn.Module):
    """Subtracts a mean that it keeps in a buffer, then goes through a linear layer."""

    def __init__(self, n_in, n_out):
        super().__init__()
        self.register_buffer("mean", torch.zeros(n_in))
        self.layer = nn.Linear(n_in, n_out)

    def forward(self, features):
        return self.layer(features - self.mean)


def _partly_frozen():
    network = nn.Sequential(nn.Linear(7, 5), nn.ReLU(), nn.Linear(5, 4), nn.Linear(4, 3))
    network[0].requires_grad_(False)
    network[2].bias.requires_grad_(False)
    return network


def _with_one_layer_twice():
    layer = nn.Linear(4, 4)
    return nn.Sequential(nn.Linear(6, 4), layer, nn.ReLU(), layer)


def _by_layer(model):
    return sum(
        parameter.numel()
        for module in model.modules()
        for parameter in module.parameters(recurse=False)
        if parameter.requires_grad
    )


add(
    Exercise(
        name="count_trainable",
        chapter="1_basics/08_parameters",
        reference=count_trainable,
        checked="5 networks, among them frozen ones and one with a buffer",
        cases=calls(
            {
                "a network": lambda: (nn.Sequential(nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, 3)),),
                "a network in a network, with a buffer": lambda: (
                    nn.Sequential(nn.Flatten(), nn.Sequential(_WithBuffer(6, 5), nn.ReLU())),
                ),
                "a network with frozen parameters": lambda: (_partly_frozen(),),
                "a layer in two places": lambda: (_with_one_layer_twice(),),
                "a network that is frozen as a whole": lambda: (
                    nn.Linear(3, 2).requires_grad_(False),
                ),
            }
        ),
        slips=(
            Slip(
                "tensors counted",
                lambda model: len([p for p in model.parameters() if p.requires_grad]),
                "This is how many tensors may change: one for each weight and each bias. A weight of "
                "shape (5, 6) holds 30 numbers. Which method of a tensor counts them?",
            ),
            Slip(
                "all tensors counted",
                lambda model: len(list(model.parameters())),
                "This is how many tensors there are, frozen ones included. A weight of shape (5, 6) is "
                "one tensor and holds 30 numbers. And which of the tensors may change?",
            ),
            Slip(
                "frozen counted",
                lambda model: sum(p.numel() for p in model.parameters()),
                "Right as long as nothing is frozen. A frozen parameter is still in parameters(), but "
                "training leaves it as it is. By what do you tell it from the others?",
            ),
            Slip(
                "buffers counted",
                lambda model: (
                    sum(p.numel() for p in model.parameters() if p.requires_grad)
                    + sum(buffer.numel() for buffer in model.buffers())
                ),
                "Too many where the network has a buffer. Buffers are saved with a network and moved "
                "with it, but training does not change them.",
            ),
            Slip(
                "all that is saved",
                lambda model: sum(tensor.numel() for tensor in model.state_dict().values()),
                "The state_dict holds everything that is saved: buffers, frozen parameters, and a layer "
                "that stands in two places twice. Which method of a module lists only what can learn?",
            ),
            Slip(
                "weights only",
                lambda model: sum(
                    p.numel()
                    for name, p in model.named_parameters()
                    if p.requires_grad and name.endswith("weight")
                ),
                "The biases are missing. A linear layer with 5 outputs has 5 more numbers than its "
                "weight, and they are trained, too.",
            ),
            Slip(
                "nothing may change",
                lambda model: sum(
                    tensor.numel() for tensor in model.state_dict().values() if tensor.requires_grad
                ),
                "It finds nothing, and gives 0 for every network. Tensors in a state_dict never require "
                "a gradient, whatever the parameters do. Ask the parameters themselves.",
            ),
        ),
        variants=(
            _by_layer,
            lambda model: sum(
                p.numel() for p in filter(lambda p: p.requires_grad, model.parameters())
            ),
            lambda model: int(
                sum(
                    torch.tensor(p.shape).prod()
                    for _, p in model.named_parameters()
                    if p.requires_grad
                )
            ),
        ),
        hints=(
            "Go through the parameters, leave out those that are frozen, and add up how many numbers "
            "each of the others holds. Buffers are not among the parameters.",
            "parameters() gives tensors of any shape. numel() counts the numbers in one of them, and "
            "requires_grad says whether it is trained.",
            "A sum of p.numel() over model.parameters(), only for those p whose requires_grad is True.",
        ),
    )
)

# 09_autograd


def _without_autograd(cases):
    """The same cases, in which autograd takes no notes; an answer that needs them says so."""

    def without(case):
        def look(answer):
            with torch.no_grad():
                try:
                    return case(answer)
                except RuntimeError as error:
                    if "does not require grad" in str(error):
                        return "only with autograd"
                    raise

        return look

    return {label: without(case) for label, case in cases.items()}


def grad_by_hand(x):
    """The gradient of (x ** 2).mean() with respect to x, of any shape."""
    return 2 * x / x.numel()


def _mean_square_by_autograd(x):
    x = x.clone().requires_grad_()
    (x**2).mean().backward()
    return x.grad


add(
    Exercise(
        name="grad_by_hand",
        chapter="1_basics/09_autograd",
        reference=grad_by_hand,
        checked="6 shapes, from a single number to three axes",
        cases=_without_autograd(
            calls(
                {
                    "2 rows and 3 columns": lambda: (torch.randn(2, 3),),
                    "2 rows and 2 columns": lambda: (torch.randn(2, 2),),
                    "a row of 5": lambda: (torch.randn(1, 5),),
                    "5 numbers": lambda: (torch.randn(5),),
                    "three axes": lambda: (torch.randn(4, 2, 3),),
                    "one number in a vector": lambda: (torch.tensor([-3.0]),),
                }
            )
        ),
        slips=(
            Slip(
                "mean forgotten",
                lambda x: 2 * x,
                "This is the gradient of the sum. The mean divides by something, and so does its "
                "gradient. By what, for a tensor of any shape?",
            ),
            Slip(
                "divided by rows",
                lambda x: 2 * x / len(x),
                "Right for a vector. But len(x) of a table counts only its rows, and the mean is taken "
                "over all entries.",
            ),
            Slip(
                "the 2 forgotten",
                lambda x: x / x.numel(),
                "Every number is half of what it should be. The mean is in it, but the square is not: "
                "what is the slope of the square of x at x = 3?",
            ),
            Slip(
                "right for four entries only",
                lambda x: x / 2,
                "This is the x / 2 of many tutorials: right where x has four entries, as 2 rows of 2 "
                "have, and wrong for any other number. Where did their 2 and their 4 come from?",
            ),
            Slip(
                "the loss itself",
                lambda x: (x**2).mean(),
                "This is the mean of the squares, one number. The gradient says how that number changes "
                "with each entry of x, so it has the shape of x.",
            ),
            Slip(
                "by autograd",
                _mean_square_by_autograd,
                "It leaves the work to backward(), and here autograd is switched off. Go back by hand: "
                "the mean is one step, the square another. What does each contribute?",
            ),
        ),
        variants=(
            lambda x: x * (2 / x.numel()),
            lambda x: (x + x) / torch.ones_like(x).sum(),
            lambda x: torch.stack(
                [2 * number / len(x.flatten()) for number in x.flatten()]
            ).reshape(x.shape),
        ),
        hints=(
            "Two steps lie between x and the loss: each entry is squared, and then the mean is taken. "
            "The chain rule multiplies their two derivatives.",
            "The result has the shape of x. Every entry contributes through its own square, and the "
            "mean divides by the number of entries, x.numel(), whatever the shape.",
            "The square contributes 2 * x, and the mean contributes 1 / n, where n counts all entries "
            "of x. Multiply them.",
        ),
    )
)


def softmax_ce_grad(logits, labels):
    """(N, classes) logits, (N,) labels -> (N, classes) gradient of the mean loss."""
    probabilities = torch.softmax(logits, dim=1)  # (N, classes)
    one_hot = F.one_hot(labels, logits.shape[1])  # (N, classes)
    return (probabilities - one_hot) / len(labels)


def _error(logits, labels):
    return torch.softmax(logits, dim=1) - F.one_hot(labels, logits.shape[1])


def _cross_entropy_by_autograd(logits, labels):
    logits = logits.clone().requires_grad_()
    F.cross_entropy(logits, labels).backward()
    return logits.grad


def _subtracted_in_place(logits, labels):
    gradient = torch.exp(logits - logits.logsumexp(dim=1, keepdim=True))
    gradient[torch.arange(len(labels)), labels] -= 1
    return gradient / gradient.shape[0]


def _subtracted_in_every_row(logits, labels):
    gradient = torch.softmax(logits, dim=1)
    gradient[:, labels] -= 1
    return gradient / len(labels)


def _row_by_row(logits, labels):
    rows = []
    for row, label in zip(logits, labels, strict=True):
        row = torch.softmax(row, dim=0)
        target = torch.zeros(len(row))
        target[label] = 1
        rows.append(row - target)
    return torch.stack(rows) / len(rows)


add(
    Exercise(
        name="softmax_ce_grad",
        chapter="1_basics/09_autograd",
        reference=softmax_ce_grad,
        checked="5 batches, among them a square one and logits of ±1000",
        cases=_without_autograd(
            calls(
                {
                    "5 images and 3 classes": lambda: (
                        torch.randn(5, 3),
                        torch.tensor([2, 0, 1, 1, 2]),
                    ),
                    "as many images as classes": lambda: (
                        2 * torch.randn(4, 4),
                        torch.tensor([3, 3, 0, 1]),
                    ),
                    "a last class that no image has": lambda: (
                        torch.randn(3, 6),
                        torch.tensor([0, 3, 1]),
                    ),
                    "logits of ±1000": lambda: (
                        torch.tensor([[1000.0, 999, -1000], [-1000, -1001, -999]]),
                        torch.tensor([0, 2]),
                    ),
                    "one image": lambda: (torch.randn(1, 10), torch.tensor([7])),
                }
            )
        ),
        slips=(
            Slip(
                "mean over the batch forgotten",
                _error,
                "Right for a batch of one. The loss is the mean over the images, so each of them counts "
                "only for its share. With 5 images, all numbers here are 5 times too large.",
            ),
            Slip(
                "sign",
                lambda logits, labels: -_error(logits, labels) / len(labels),
                "Every sign is the other way round. A larger logit of the true class makes the loss "
                "smaller: is its slope positive or negative?",
            ),
            Slip(
                "no softmax",
                lambda logits, labels: (logits - F.one_hot(labels, logits.shape[1])) / len(labels),
                "Each row of the gradient should sum to 0, and here it does not. The error is the "
                "difference of two probabilities, and logits are none yet.",
            ),
            Slip(
                "mean over everything",
                lambda logits, labels: _error(logits, labels) / logits.numel(),
                "Divided by all entries. But the loss of a batch is a mean over its images, "
                "and each image has one loss, however many classes there are.",
            ),
            Slip(
                "overflow",
                lambda logits, labels: (
                    (
                        logits.exp() / logits.exp().sum(dim=1, keepdim=True)
                        - F.one_hot(labels, logits.shape[1])
                    )
                    / len(labels)
                ),
                "Right on small numbers, but logits of ±1000 give nan: their exponentials leave float32, "
                "or are all 0. PyTorch's own softmax is safe, and so is yours if you subtract "
                "something first.",
            ),
            Slip(
                "softmax over the batch",
                lambda logits, labels: (
                    (torch.softmax(logits, dim=0) - F.one_hot(labels, logits.shape[1]))
                    / len(labels)
                ),
                "The probabilities of one class sum to 1 over the images here. It should be those of "
                "one image, over the classes. Which axis is that?",
            ),
            Slip(
                "every label in every row",
                _subtracted_in_every_row,
                "A colon takes all rows, so 1 is subtracted from every row at every label of the batch. "
                "Each row has only one label of its own: how did the course pick those?",
            ),
            Slip(
                "number of classes guessed",
                lambda logits, labels: (
                    (torch.softmax(logits, dim=1) - F.one_hot(labels)) / len(labels)
                ),
                "It breaks off where no image has the last class: F.one_hot alone makes as many columns as "
                "the largest label asks for. How many classes there are, the logits know.",
            ),
            Slip(
                "by autograd",
                _cross_entropy_by_autograd,
                "It leaves the work to backward(), and here autograd is switched off. The chapter has a "
                "formula for one image. What does the mean over N images add to it?",
            ),
        ),
        variants=(_subtracted_in_place, _row_by_row),
        hints=(
            "For one image the gradient is the error itself: what the network said, minus what it "
            "should have said. The mean over the images makes each of them count less.",
            "Probabilities and one-hot rows both have the shape (N, classes), softmax goes over the "
            "classes, and F.one_hot wants to know how many classes there are.",
            "torch.softmax(logits, dim=1), minus F.one_hot(labels, number of classes), and at last the "
            "division by the number of images.",
        ),
        axes=("N", "classes"),
    )
)


def fixed_target_loss(answers, targets):
    """Mean squared difference whose gradient reaches the answers only."""
    return ((answers - targets.detach()) ** 2).mean()


def _under_no_grad(answers, targets):
    with torch.no_grad():
        return ((answers - targets) ** 2).mean()


def _targets_frozen(answers, targets):
    targets.requires_grad_(False)
    return ((answers - targets) ** 2).mean()


def _target_copied(answers, targets):
    with torch.no_grad():
        fixed = targets.clone()
    return F.mse_loss(answers, fixed)


def _look_at_loss(make):
    def look(answer):
        leaves, answers, targets = make()
        before = freeze([answers, targets])
        found = {"loss": freeze(answer(answers, targets))}
        found["input changed"] = not same(before, freeze([answers, targets]), 0, 0)
        found["question whether the targets still ask for a gradient"] = targets.requires_grad
        leaves, answers, targets = make()
        loss = answer(answers, targets)
        for name, leaf in leaves.items():
            found[f"gradient of {name}"] = _gradient_of(loss, leaf)
        return found

    return look


def _gradient_of(loss, leaf):
    """The gradient, or None where there is none or nothing but zeros."""
    if not isinstance(loss, torch.Tensor) or loss.ndim > 0:
        return None
    if not loss.requires_grad or not leaf.requires_grad:
        return None
    (gradient,) = torch.autograd.grad(loss, leaf, retain_graph=True, allow_unused=True)
    return None if gradient is None or not gradient.any() else freeze(gradient)


def _tensors_of_their_own():
    answers, targets = (torch.linspace(-1, k, 6).reshape(2, 3).requires_grad_() for k in (1, 2.5))
    return {"the answers": answers, "the targets": targets}, answers, targets


def _results_of_two_networks():
    weight, other_weight = (torch.tensor([[0.5, k]], requires_grad=True) for k in (-1.0, 2.0))
    inputs = torch.linspace(-1, 2, 10).reshape(5, 2)
    return (
        {"the network that answers": weight, "the network that makes the targets": other_weight},
        inputs @ weight.T,
        inputs.flip(0) @ other_weight.T,
    )


def _results_of_one_network():
    weight = torch.tensor([0.5, -2.0], requires_grad=True)
    inputs = torch.linspace(-1, 2, 8).reshape(4, 2)
    return {"the network": weight}, inputs @ weight, 3 * inputs.flip(0) @ weight


add(
    Exercise(
        name="detach_or_not",
        chapter="1_basics/09_autograd",
        reference=fixed_target_loss,
        checked="targets of their own, of a second network, and of the same network",
        cases={
            "targets of another network": _look_at_loss(_results_of_two_networks),
            "answers and targets of one network": _look_at_loss(_results_of_one_network),
            "targets that are leaves": _look_at_loss(_tensors_of_their_own),
        },
        slips=(
            Slip(
                "nothing detached",
                lambda answers, targets: ((answers - targets) ** 2).mean(),
                "The loss is right, but its gradient also reaches whatever made the targets. Training "
                "would then pull the targets toward the answers. Cut that way, and only that.",
            ),
            Slip(
                "answers detached",
                lambda answers, targets: ((answers.detach() - targets) ** 2).mean(),
                "The loss is right, but its gradient reaches the targets, and the answers get none. "
                "Which of the two shall move toward the other?",
            ),
            Slip(
                "everything cut off",
                _under_no_grad,
                "The loss is right, but nothing leads back from it, neither to the targets nor to the "
                "answers, and backward() would raise an error. How much of the graph has to be left?",
            ),
            Slip(
                "frozen for good",
                _targets_frozen,
                "It freezes a tensor that belongs to somebody else: a leaf asks for no gradient from "
                "now on, and for a computed tensor this raises an error. What cuts only in this loss?",
            ),
            Slip(
                "detached in place",
                lambda answers, targets: ((answers - targets.detach_()) ** 2).mean(),
                "The loss and its gradient are right, but the underscore works in place: the targets "
                "themselves have lost their past, for everybody who still needs them.",
            ),
            Slip(
                "sum instead of mean",
                lambda answers, targets: ((answers - targets.detach()) ** 2).sum(),
                "The cut is right. But the loss grows with the number of answers: it is the sum of the "
                "squares, where their mean is asked for.",
            ),
            Slip(
                "no square",
                lambda answers, targets: (answers - targets.detach()).abs().mean(),
                "The cut is right, but this is the mean of the distances, without their squares.",
            ),
        ),
        variants=(
            _target_copied,
            lambda answers, targets: F.mse_loss(answers, targets.detach()),
            lambda answers, targets: (answers - targets.detach()).square().sum() / answers.numel(),
        ),
        hints=(
            "The loss must remember where the answers come from, and forget where the targets come "
            "from. Of the four ways to leave autograd out, one cuts at a single tensor.",
            "Answers and targets have the same shape, and the result has the shape (). Its value is "
            "the same with and without the cut; only the way back differs.",
            "targets.detach() has the same numbers and no past. Subtract it from the answers, square, "
            "and take the mean.",
        ),
    )
)

# 10_training


def sgd_step(parameters, learning_rate):
    """Move each parameter in place against its gradient, and clear the gradients."""
    with torch.no_grad():
        for parameter in parameters:
            parameter -= learning_rate * parameter.grad
            parameter.grad.zero_()


def _moved_by(change, clear=True):
    """A step that adds ``change(gradient, learning_rate)``."""

    def step(parameters, learning_rate):
        with torch.no_grad():
            for parameter in parameters:
                parameter += change(parameter.grad, learning_rate)
                if clear:
                    parameter.grad = None

    return step


def _name_rebound(parameters, learning_rate):
    with torch.no_grad():
        for parameter in parameters:
            parameter = parameter - learning_rate * parameter.grad
            parameter.grad = None


def _recorded(parameters, learning_rate):
    for parameter in parameters:
        parameter -= learning_rate * parameter.grad
        parameter.grad = None


def _cleared_in_a_second_loop(parameters, learning_rate):
    with torch.no_grad():
        for parameter in parameters:
            parameter -= learning_rate * parameter.grad
        for parameter in parameters:
            parameter.grad = None


def _cleared_first(parameters, learning_rate):
    with torch.no_grad():
        for parameter in parameters:
            parameter.grad.zero_()
            parameter -= learning_rate * parameter.grad


def _by_the_optimizer(parameters, learning_rate):
    optimizer = torch.optim.SGD(parameters, lr=learning_rate)
    optimizer.step()
    optimizer.zero_grad()


def _by_copy(parameters, learning_rate):
    for parameter in list(parameters):
        with torch.no_grad():
            parameter.copy_(parameter - parameter.grad * learning_rate)
        parameter.grad = None


def _by_data(parameters, learning_rate):
    for parameter in parameters:
        parameter.data.add_(parameter.grad, alpha=-learning_rate)
        parameter.grad.data.zero_()


def _left(gradient):
    """What is left of a gradient: nothing, where it is None or all zeros."""
    return "nothing" if gradient is None or not gradient.any() else freeze(gradient)


def _leaves(parameters):
    return sum(parameter.is_leaf and parameter.requires_grad for parameter in parameters)


def _look_at_steps(make, learning_rate, *, generator=False):
    """Take two steps, each after a backward() at the place that was reached."""

    def look(answer):
        parameters, compute_loss = make()
        found = {}
        for step in ("one step", "two steps"):
            compute_loss().backward()
            given = (parameter for parameter in parameters) if generator else parameters
            try:
                answer(given, learning_rate)
            except RuntimeError as error:
                if "a leaf Variable" in str(error):
                    return "notes were taken of a move in place"
                raise
            found[f"parameters after {step}"] = freeze(parameters)
            found[f"number of leaves that ask for a gradient after {step}"] = _leaves(parameters)
            if _leaves(parameters) < len(parameters):
                return found
            found[f"leftover of the gradients after {step}"] = [_left(p.grad) for p in parameters]
        return found

    return look


def _three_parameters():
    shapes = [(3, 2), (2, 2), ()]
    parameters = [nn.Parameter(torch.randn(shape)) for shape in shapes]
    return parameters, lambda: sum((p**2 + 3 * p).sum() for p in parameters)


def _parameters_of_a_layer():
    layer = nn.Linear(4, 3)
    features, labels = torch.randn(5, 4), torch.tensor([0, 2, 1, 1, 2])
    return list(layer.parameters()), lambda: F.cross_entropy(layer(features), labels)


add(
    Exercise(
        name="sgd_step",
        chapter="1_basics/10_training",
        reference=sgd_step,
        checked="2 steps each of a list and of a generator of parameters",
        cases={
            "a list of three parameters": _look_at_steps(_three_parameters, 0.1),
            "a layer's parameters()": _look_at_steps(_parameters_of_a_layer, 0.5, generator=True),
        },
        slips=(
            Slip(
                "gradient not cleared",
                _moved_by(lambda gradient, lr: -lr * gradient, clear=False),
                "The first step is right. But its gradient is left over, and the next backward() adds "
                "to it, so the second step goes along the sum of both.",
            ),
            Slip(
                "name rebound",
                _name_rebound,
                "No parameter has moved. A line such as parameter = parameter - … makes a new tensor and "
                "gives it the name; the network keeps the old one. What changes a tensor where it is?",
            ),
            Slip(
                "ascent",
                _moved_by(lambda gradient, lr: lr * gradient),
                "Each parameter moves by the right distance in the wrong direction: the gradient points "
                "where the loss grows. Which way is down?",
            ),
            Slip(
                "outside no_grad",
                _recorded,
                "PyTorch refuses: the move would be noted as a part of the computation, and a leaf that "
                "is changed by a noted step is a leaf no longer. Where are no notes taken?",
            ),
            Slip(
                "no learning rate",
                _moved_by(lambda gradient, lr: -gradient),
                "The direction is right, but each step is as long as the gradient itself. One argument "
                "of the function has no effect.",
            ),
            Slip(
                "divided by the learning rate",
                _moved_by(lambda gradient, lr: -gradient / lr),
                "The direction is right, but a smaller learning rate makes a longer step here. It "
                "should be the other way round.",
            ),
            Slip(
                "cleared without a move",
                _cleared_first,
                "The gradients are gone, and no parameter has moved. Were they cleared before they were "
                "used? Or did the result of the subtraction go into a new tensor?",
            ),
            Slip(
                "second loop finds nothing",
                _cleared_in_a_second_loop,
                "Right for a list. But model.parameters() gives its parameters only once, and the "
                "second loop over them finds none, so their gradients are not cleared.",
            ),
        ),
        variants=(_by_the_optimizer, _by_copy, _by_data),
        hints=(
            "A loop over the parameters. Each moves in place against its gradient, and has no use for "
            "the gradient afterwards. All of it happens where PyTorch takes no notes.",
            "A parameter and its .grad have the same shape, whatever it is. So one line moves all its "
            "entries, and another clears all their slopes.",
            "with torch.no_grad(): for each parameter subtract learning_rate * parameter.grad with -=, "
            "then set parameter.grad to None.",
        ),
    )
)


def momentum_step(parameters, moves, learning_rate, momentum):
    """Update each move in place, go that way, and clear the gradients."""
    with torch.no_grad():
        for parameter, move in zip(parameters, moves, strict=True):
            move.mul_(momentum).add_(parameter.grad)
            parameter -= learning_rate * move
            parameter.grad = None


def _with_momentum(update, *, clear=True):
    """A step along ``update(move, gradient, learning rate, momentum)``."""

    def step(parameters, moves, learning_rate, momentum):
        with torch.no_grad():
            for parameter, move in zip(parameters, moves, strict=True):
                move.copy_(update(move, parameter.grad, learning_rate, momentum))
                parameter -= learning_rate * move
                if clear:
                    parameter.grad = None

    return step


def _move_forgotten(parameters, moves, learning_rate, momentum):
    with torch.no_grad():
        for parameter, move in zip(parameters, moves, strict=True):
            move = momentum * move + parameter.grad
            parameter -= learning_rate * move
            parameter.grad = None


def _move_with_learning_rate(parameters, moves, learning_rate, momentum):
    with torch.no_grad():
        for parameter, move in zip(parameters, moves, strict=True):
            move.copy_(momentum * move + learning_rate * parameter.grad)
            parameter -= move
            parameter.grad = None


def _moved_before_the_update(parameters, moves, learning_rate, momentum):
    with torch.no_grad():
        for parameter, move in zip(parameters, moves, strict=True):
            parameter -= learning_rate * move
            move.copy_(momentum * move + parameter.grad)
            parameter.grad = None


def _momentum_recorded(parameters, moves, learning_rate, momentum):
    for parameter, move in zip(parameters, moves, strict=True):
        move.mul_(momentum).add_(parameter.grad)
        parameter -= learning_rate * move
        parameter.grad = None


def _momentum_uphill(parameters, moves, learning_rate, momentum):
    with torch.no_grad():
        for parameter, move in zip(parameters, moves, strict=True):
            move.mul_(momentum).add_(parameter.grad)
            parameter += learning_rate * move
            parameter.grad = None


def _moves_replaced(parameters, moves, learning_rate, momentum):
    for parameter, move in zip(list(parameters), moves, strict=True):
        move *= momentum
        move += parameter.grad
        parameter.data -= learning_rate * move
        parameter.grad.zero_()


def _look_at_momentum(answer):
    parameters, compute_loss = _three_parameters()
    moves = [torch.zeros_like(parameter) for parameter in parameters]
    found = {}
    # The learning rate changes on the way, as a scheduler does it.
    for step, learning_rate in {"one step": 0.1, "two steps": 0.1, "three steps": 0.02}.items():
        compute_loss().backward()
        try:
            answer(parameters, moves, learning_rate, 0.9)
        except RuntimeError as error:
            if "a leaf Variable" in str(error):
                return "notes were taken of a move in place"
            raise
        found[f"parameters after {step}"] = freeze(parameters)
        found[f"number of leaves that ask for a gradient after {step}"] = _leaves(parameters)
        if _leaves(parameters) < len(parameters):
            return found
        found[f"moves after {step}"] = freeze(moves)
        found[f"leftover of the gradients after {step}"] = [_left(p.grad) for p in parameters]
    return found


add(
    Exercise(
        name="momentum_step",
        chapter="1_basics/10_training",
        reference=momentum_step,
        checked="3 steps with three parameters and a learning rate that changes",
        cases={"three steps": _look_at_momentum},
        slips=(
            Slip(
                "move not kept",
                _move_forgotten,
                "The first step is right, the second remembers nothing: the moves in the list are still "
                "zero. move = … only gives a new tensor that name. What writes into the old one?",
            ),
            Slip(
                "plain SGD",
                _with_momentum(lambda move, gradient, lr, momentum: gradient),
                "Each step follows the newest gradient alone. Where do nine tenths of the last move come "
                "in?",
            ),
            Slip(
                "mean instead of sum",
                _with_momentum(
                    lambda move, gradient, lr, momentum: momentum * move + (1 - momentum) * gradient
                ),
                "This weighs the gradient with 1 - momentum, so the first step is a tenth of what it "
                "should be. Here the newest gradient counts in full.",
            ),
            Slip(
                "momentum on the gradient",
                _with_momentum(lambda move, gradient, lr, momentum: move + momentum * gradient),
                "The last move is kept in full and the gradient is cut, so the moves never die down. "
                "Which of the two is to lose a tenth?",
            ),
            Slip(
                "learning rate inside the move",
                _move_with_learning_rate,
                "It comes to the same as long as the learning rate stays. But where it changes, old moves "
                "keep the rate of their own time. The moves should hold gradients only.",
            ),
            Slip(
                "outside no_grad",
                _momentum_recorded,
                "PyTorch refuses: a move in place would be noted as a part of the computation, and a leaf "
                "that is changed by a noted step is a leaf no longer. Where are no notes taken?",
            ),
            Slip(
                "ascent",
                _momentum_uphill,
                "The moves are right, but the parameters follow them uphill: a gradient points where the "
                "loss grows.",
            ),
            Slip(
                "moved before the update",
                _moved_before_the_update,
                "The first step moves nothing, and every other one comes a step too late: it goes along "
                "the old move before the new gradient is in it.",
            ),
            Slip(
                "gradient not cleared",
                _with_momentum(
                    lambda move, gradient, lr, momentum: momentum * move + gradient, clear=False
                ),
                "The first step is right. But its gradient is left over, and the next backward() adds to "
                "it. What is to be remembered is in the moves already.",
            ),
        ),
        variants=(
            _moves_replaced,
            _with_momentum(lambda move, gradient, lr, momentum: momentum * move + gradient),
        ),
        hints=(
            "Three things for each parameter: its move becomes momentum times the old one plus the newest "
            "gradient, the parameter goes that way, and the gradient is cleared.",
            "A parameter, its gradient and its move have one shape. Go through both lists together with "
            "zip, under no_grad, and change moves and parameters in place.",
            "move *= momentum, then move += parameter.grad, then subtract learning_rate * move from the "
            "parameter with -=, and set parameter.grad to None.",
        ),
    )
)


def train_epoch(model, loader, optimizer):
    """Take one step a batch, and return the mean loss over all images."""
    model.train()
    total, count = 0.0, 0
    for images, labels in loader:
        optimizer.zero_grad()
        logits = model(images)  # (batch, 10)
        loss = F.cross_entropy(logits, labels)
        loss.backward()
        optimizer.step()
        total += loss.item() * len(labels)
        count += len(labels)
    return total / count


def _epoch(
    order="clear forward backward step",
    *,
    before=(),
    mode=True,
    add=lambda loss, batch: loss.item() * batch,
    end=lambda total, images, batches, last: total / images,
    loss_of=F.cross_entropy,
    batches_at_most=1000,
):
    """An epoch with its parts in some order, and other bookkeeping."""

    def train(model, loader, optimizer):
        if mode:
            model.train()
        if "clear" in before:
            optimizer.zero_grad()
        total, images_seen, batches, loss = 0, 0, 0, None
        for images, labels in loader:
            for part in order.split():
                if part == "clear":
                    optimizer.zero_grad()
                elif part == "forward":
                    loss = loss_of(model(images), labels)
                elif part == "backward":
                    loss.backward()
                else:
                    optimizer.step()
            total = total + add(loss, len(labels))
            images_seen += len(labels)
            batches += 1
            if batches == batches_at_most:
                break
        return end(total, images_seen, batches, loss)

    return train


def _epoch_with_a_list(model, loader, optimizer):
    model.train()
    losses = []
    for images, labels in loader:
        loss_of_each = F.cross_entropy(model(images), labels, reduction="none")
        model.zero_grad()
        loss_of_each.mean().backward()
        optimizer.step()
        losses += loss_of_each.tolist()
    return sum(losses) / len(losses)


def _epoch_cleared_at_the_end(model, loader, optimizer):
    loss_function = nn.CrossEntropyLoss()
    model.train(True)
    optimizer.zero_grad()
    total = torch.zeros(())
    for images, labels in loader:
        loss = loss_function(model(images), labels)
        loss.backward()
        total += loss.detach() * images.shape[0]
        optimizer.step()
        optimizer.zero_grad()
    return (total / len(loader.dataset)).item()


def _watch_first_step(model, optimizer):
    """Note what the very first step of an optimizer finds."""
    seen = {"backward": False, "first step": "no step"}

    def note_backward(gradient):
        seen["backward"] = True

    def note_step(*_):
        if seen["first step"] == "no step":
            gradients = [parameter.grad for parameter in model.parameters()]
            if any(gradient is not None and gradient.any() for gradient in gradients):
                seen["first step"] = "gradients"
            else:
                seen["first step"] = "cleared gradients" if seen["backward"] else "none yet"

    last = list(model.parameters())[-1]
    handles = [last.register_hook(note_backward), optimizer.register_step_pre_hook(note_step)]
    return seen, handles


def _images_and_labels(count):
    images = torch.rand(count, 1, 28, 28)
    labels = torch.arange(count) * 7 % 10
    return images, labels


def _network_with_norm():
    return nn.Sequential(nn.Flatten(), nn.BatchNorm1d(28 * 28), nn.Linear(28 * 28, 10))


def _look_at_epochs(count, batch_size, make_optimizer, epochs):
    def look(answer):
        images, labels = _images_and_labels(count)
        loader = DataLoader(TensorDataset(images, labels), batch_size=batch_size)
        model = _network_with_norm().eval()
        optimizer = make_optimizer(model.parameters())
        # Something was computed before, and its gradients are still there.
        F.cross_entropy(model(images[:3]), labels[:3]).backward()
        seen, handles = _watch_first_step(model, optimizer)
        start = model[-1].weight.detach().clone()
        losses, weights = [], []
        for _ in range(epochs):
            try:
                loss = answer(model, loader, optimizer)
            except RuntimeError as error:
                if "modified by an inplace operation" in str(error):
                    return "weights were changed between the forward pass and backward()"
                raise
            asks = isinstance(loss, torch.Tensor) and loss.requires_grad
            losses.append("a tensor with its whole graph" if asks else freeze(loss))
            weights.append(freeze(model[-1].weight))
        for handle in handles:
            handle.remove()
        return {
            "mean loss": losses if epochs > 1 else losses[0],
            "weights have moved": not torch.equal(start, model[-1].weight),
            "last layer's weight after the epoch": weights if epochs > 1 else weights[0],
            "running mean of the batch normalization": freeze(model[1].running_mean),
            "what the first step found": (
                seen["first step"] if seen["backward"] else "never any gradient"
            ),
        }

    return look


add(
    Exercise(
        name="train_epoch",
        chapter="1_basics/10_training",
        reference=train_epoch,
        checked="3 epochs with a smaller last batch, two optimizers, and old gradients at the start",
        cases={
            "batches of 4, 4 and 2 images": _look_at_epochs(
                10, 4, lambda parameters: torch.optim.SGD(parameters, lr=0.05), 1
            ),
            "two epochs with momentum": _look_at_epochs(
                8, 5, lambda parameters: torch.optim.SGD(parameters, lr=0.02, momentum=0.9), 2
            ),
        },
        slips=(
            Slip(
                "never cleared",
                _epoch("forward backward step"),
                "No message, and a wrong direction: backward() adds to what stands in .grad, so each "
                "step follows the gradients of all batches so far, and old ones from before. Which line "
                "forgets them?",
            ),
            Slip(
                "cleared once",
                _epoch("forward backward step", before=["clear"]),
                "The first batch is right. From the second on, backward() adds to the gradients of the "
                "batches before it. How often must the gradients be cleared?",
            ),
            Slip(
                "cleared between backward and step",
                _epoch("forward backward clear step"),
                "No weight has moved. Each gradient is computed and forgotten before the step could "
                "use it. When are the old gradients in nobody's way any more, and the new ones not there "
                "yet?",
            ),
            Slip(
                "step before backward",
                _epoch("clear forward step backward"),
                "No weight has moved. When the step is taken, the gradients are cleared and the new ones "
                "not computed yet; then they come, and are cleared again.",
            ),
            Slip(
                "one batch late",
                _epoch("step clear forward backward"),
                "Each step follows the gradient of the batch before, and the first one a gradient from "
                "long ago. The last batch gets no step at all. What has to be known before a step?",
            ),
            Slip(
                "step between forward and backward",
                _epoch("forward step clear backward"),
                "PyTorch refuses: the step changes weights in place, and backward() still needs them as "
                "they were in the forward pass. Which of the two lines has to wait for the other?",
            ),
            Slip(
                "no step",
                _epoch("clear forward backward"),
                "Losses and gradients are computed, and no weight has moved. backward() only says in "
                "which direction to go. Who goes?",
            ),
            Slip(
                "no backward",
                _epoch("clear forward step"),
                "No weight has moved: the optimizer takes its steps, but nobody computed the gradients "
                "that it should follow.",
            ),
            Slip(
                "mean of batch means",
                _epoch(
                    add=lambda loss, batch: loss.item(),
                    end=lambda total, images, batches, last: total / batches,
                ),
                "The training is right, the number is not: it is the mean of the batch means. An image "
                "of a small last batch counts more than others then. What does each mean have to be "
                "weighted with?",
            ),
            Slip(
                "last batch's loss",
                _epoch(end=lambda total, images, batches, last: last.item()),
                "The training is right, but the number is the loss of the last batch alone. It should be "
                "the mean over all images of the epoch.",
            ),
            Slip(
                "divided twice",
                _epoch(add=lambda loss, batch: loss.item()),
                "The training is right, and the number is too small by about the batch size: a batch's "
                "loss is a mean already, and then the sum is divided by the number of all images.",
            ),
            Slip(
                "not divided",
                _epoch(end=lambda total, images, batches, last: total),
                "The training is right, but the number is the sum of the losses of all images, and "
                "grows with their number. How do you get their mean?",
            ),
            Slip(
                "no train mode",
                _epoch(mode=False),
                "The model came in evaluation mode and stayed in it, so its batch normalization "
                "did not look at the batch. An epoch begins with telling the layers that this is training.",
            ),
            Slip(
                "graph kept",
                _epoch(add=lambda loss, batch: loss * batch),
                "The number comes as a tensor with all the notes of its computation. As long as the sum "
                "lives, so do the notes of every batch. How does a tensor become a Python number?",
            ),
            Slip(
                "only the first batch",
                _epoch(batches_at_most=1),
                "One step was taken, and the other batches were never seen. How far is the return "
                "indented? In the loop, it ends the function in the first round.",
            ),
            Slip(
                "loss after the step",
                _epoch("clear forward backward step forward"),
                "The number is the loss after each step, when the network has just learned from these "
                "very images. What you need is at hand before: no batch has to be asked twice.",
            ),
            Slip(
                "trained on the sum",
                _epoch(
                    loss_of=lambda logits, labels: F.cross_entropy(logits, labels, reduction="sum"),
                    add=lambda loss, batch: loss.item(),
                ),
                "Each step is too long: the gradient of a sum over the batch is as many times larger as "
                "the batch has images. Train on the mean, and do the bookkeeping separately.",
            ),
            Slip(
                "softmax before the loss",
                _epoch(
                    loss_of=lambda logits, labels: F.cross_entropy(logits.softmax(dim=1), labels)
                ),
                "The losses are off from the first batch on. cross_entropy applies softmax itself, so "
                "there are two in a row, and the network learns slowly. What does it want to be given?",
            ),
        ),
        variants=(
            _epoch_with_a_list,
            _epoch_cleared_at_the_end,
            _epoch("forward clear backward step"),
        ),
        hints=(
            "Training mode, then for each batch the five lines: clear, forward, loss, backward, step. "
            "Beside them, keep a sum of the losses and a count of the images.",
            "A batch's loss is a mean over len(labels) images. Times that number it is their sum. Divide "
            "the sum of all by the count of all images, at the very end.",
            "zero_grad(), logits, F.cross_entropy, backward(), step(); then total += loss.item() * "
            "len(labels) and count += len(labels). After the loop, return total / count.",
        ),
    )
)


def accuracy(model, loader):
    """The fraction of images whose class is predicted right, between 0 and 1."""
    model.eval()
    right, count = 0, 0
    with torch.inference_mode():
        for images, labels in loader:
            predictions = model(images).argmax(dim=1)  # (batch,)
            right += (predictions == labels).sum().item()
            count += len(labels)
    return right / count


def _accuracy(
    *,
    mode=True,
    predict=lambda logits: logits.argmax(dim=1),
    end=lambda hits, images: sum(hits) / sum(images),
    batches_at_most=1000,
):
    def measure(model, loader):
        if mode:
            model.eval()
        hits, images_seen = [], []
        with torch.no_grad():
            for images, labels in loader:
                hits.append((predict(model(images)) == labels).sum().item())
                images_seen.append(len(labels))
                if len(hits) == batches_at_most:
                    break
        return end(hits, images_seen)

    return measure


def _accuracy_of_all_at_once(model, loader):
    batches = list(loader)
    images = torch.cat([images for images, _ in batches])
    labels = torch.cat([labels for _, labels in batches])
    model.eval()
    return (F.softmax(model(images), dim=1).max(dim=1).indices == labels).float().mean().item()


def _accuracy_by_means(model, loader):
    model.train(False)
    total = 0
    for images, labels in loader:
        right = torch.eq(model(images).detach().argmax(-1), labels)
        total += right.double().mean().item() * images.shape[0]
    return total / len(loader.dataset)


class _Fixed(nn.Module):
    """Gives logits that can be told: they stand in the first 10 pixels of an image."""

    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(()))
        self.register_buffer("calls", torch.zeros(()))

    def forward(self, images):
        logits = self.scale * images.flatten(1)[:, :10]
        if self.training:
            self.calls += 1
            return logits.flip(1)  # another answer, and one that can be foretold
        return logits


def _look_at_accuracy(count, batch_size, right):
    def look(answer):
        images, labels = _images_and_labels(count)
        images.flatten(1)[torch.arange(right), labels[:right]] += 2
        for place in range(right, count):
            images.flatten(1)[place, (labels[place] + 1 + place % 3) % 10] += 2
        loader = DataLoader(TensorDataset(images, labels), batch_size=batch_size)
        model = _Fixed().train()
        result = answer(model, loader)
        return {
            "result": freeze(result),
            "questions asked in training mode": int(model.calls),
        }

    return look


add(
    Exercise(
        name="accuracy",
        chapter="1_basics/10_training",
        reference=accuracy,
        checked="4 loaders, among them one whose last batch is smaller",
        cases={
            "batches of 4, 4 and 2 images": _look_at_accuracy(10, 4, right=8),
            "as many images as classes": _look_at_accuracy(20, 10, right=13),
            "no image right": _look_at_accuracy(7, 3, right=0),
            "one batch, all right": _look_at_accuracy(5, 5, right=5),
        },
        slips=(
            Slip(
                "no eval mode",
                _accuracy(mode=False),
                "The model came in training mode, and was measured in it. A layer such as dropout then "
                "gives another answer than the network that you will use. What has to come before the "
                "loop?",
            ),
            Slip(
                "mean of batch accuracies",
                _accuracy(
                    end=lambda hits, images: (
                        sum(h / n for h, n in zip(hits, images, strict=True)) / len(hits)
                    )
                ),
                "Right while all batches have one size. In a smaller last batch, an image counts more "
                "than the others. What can you count over all batches, and divide only at the end?",
            ),
            Slip(
                "count",
                _accuracy(end=lambda hits, images: sum(hits)),
                "This is how many images are right, not which part of them. It says little unless one "
                "knows how many were asked.",
            ),
            Slip(
                "argmax over the batch",
                _accuracy(predict=lambda logits: logits.argmax(dim=0)),
                "For each class this finds the image with the largest logit. Where a batch has as many "
                "images as classes nobody complains, and else the shapes do not fit. Which axis has the "
                "classes?",
            ),
            Slip(
                "one answer for a whole batch",
                _accuracy(predict=lambda logits: logits.argmax()),
                "argmax without an axis looks for one place in the whole table, so all images of a batch "
                "get the same answer, and it need not be a class. Over which axis do you want to look?",
            ),
            Slip(
                "percent",
                _accuracy(end=lambda hits, images: 100 * sum(hits) / sum(images)),
                "These are percent. A fraction lies between 0 and 1; :.1% shows it as percent when it is "
                "printed.",
            ),
            Slip(
                "error rate",
                _accuracy(end=lambda hits, images: 1 - sum(hits) / sum(images)),
                "This is the fraction that is wrong. Together with the accuracy it makes 1.",
            ),
            Slip(
                "only the first batch",
                _accuracy(batches_at_most=1),
                "Only the first batch was asked. How far is the return indented? In the loop, it ends "
                "the function in the first round.",
            ),
            Slip(
                "only the last batch",
                _accuracy(end=lambda hits, images: hits[-1] / images[-1]),
                "This is the accuracy of the last batch alone. What was counted in the batches before it "
                "has been overwritten or left out.",
            ),
            Slip(
                "divided by the number of batches",
                _accuracy(end=lambda hits, images: sum(hits) / len(images)),
                "The hits of all images are divided by the number of batches: this is how many are right "
                "in a batch on average. By what must a count of images be divided?",
            ),
        ),
        variants=(_accuracy_of_all_at_once, _accuracy_by_means),
        hints=(
            "Measuring changes nothing: evaluation mode, and no notes for gradients. Then count the hits "
            "and the images of all batches, and divide once.",
            "Logits of shape (batch, 10) give predictions of shape (batch,) by an argmax over the "
            "classes. Compared with the labels, they give (batch,) times True or False.",
            "model.eval(), then with torch.inference_mode(): right += (predictions == labels).sum().item() "
            "for every batch, and count += len(labels). At last right / count.",
        ),
    )
)

# 11_save_load


def save_load(model, path):
    """Save weights and buffers, and load them into a new model, ready to predict."""
    torch.save(model.state_dict(), path)
    loaded = type(model)()
    loaded.load_state_dict(torch.load(path, weights_only=True))
    return loaded.eval()


class _Reader(nn.Module):
    def __init__(self):
        super().__init__()
        self.flatten = nn.Flatten()
        self.norm = nn.BatchNorm1d(28 * 28)
        self.output = nn.Linear(28 * 28, 10)

    def forward(self, images):
        return self.output(self.norm(self.flatten(images)))


class _OtherReader(nn.Module):
    def __init__(self):
        super().__init__()
        self.stack = nn.Sequential(nn.Flatten(), nn.Linear(28 * 28, 6), nn.ReLU(), nn.Linear(6, 10))

    def forward(self, images):
        return self.stack(images)


def _saved_and_loaded(
    *,
    content=lambda model: model.state_dict(),
    load=lambda new, model, saved: new.load_state_dict(saved),
    end=lambda new, report: new.eval(),
):
    def save_and_load(model, path):
        torch.save(content(model), path)
        saved = torch.load(path, weights_only=True)
        new = type(model)()
        report = load(new, model, saved)
        return end(new, report)

    return save_and_load


def _original_returned(model, path):
    torch.save(model.state_dict(), path)
    model.load_state_dict(torch.load(path, weights_only=True))
    return model.eval()


def _whole_module_pickled(model, path):
    torch.save(model, path)
    return torch.load(path, weights_only=False).eval()


def _no_file(model, path):
    loaded = type(model)()
    loaded.load_state_dict(model.state_dict())
    return loaded.eval()


def _class_typed_in(model, path):
    torch.save(model.state_dict(), path)
    loaded = NeuralNetwork()
    loaded.load_state_dict(torch.load(path, weights_only=True))
    return loaded.eval()


def _saved_in_a_dictionary(model, path):
    torch.save({"model": {name: t.clone() for name, t in model.state_dict().items()}}, str(path))
    loaded = model.__class__()
    loaded.load_state_dict(torch.load(path, map_location="cpu", weights_only=True)["model"])
    loaded.train(False)
    return loaded


def _assigned(model, path):
    with Path(path).open("wb") as file:
        torch.save(dict(model.state_dict()), file)
    with torch.device("meta"):
        loaded = type(model)()
    loaded.load_state_dict(torch.load(path), assign=True)
    return loaded.eval()


def _look_at_saving(make):
    def look(answer):
        model = make().train()
        images = torch.rand(5, 1, 28, 28)
        with torch.no_grad():
            for _ in range(3):
                model(3 * torch.rand(4, 1, 28, 28) - 1)  # moves the buffers, if there are any
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "network.pt"
            try:
                loaded = answer(model, path)
            except RuntimeError as error:
                words = str(error)
                if (
                    "loading state_dict for" in words
                    and f"for {type(model).__name__}:" not in words
                ):
                    return "numbers were loaded into a model of another class"
                raise
            if not isinstance(loaded, nn.Module):
                return {"result": freeze(loaded)}
            in_file = _what_is_in(path)
        found = {
            "result": Thing(type(loaded).__name__),
            "returned model": "the one that was given" if loaded is model else "a new one",
            "file": in_file,
            "training mode of the new model": loaded.training,
        }
        model.eval()
        with torch.no_grad():
            logits, loaded_logits = model(images), attempt(lambda: loaded(images))
            found["logits"] = freeze(loaded_logits)
            if loaded is not model and isinstance(loaded_logits, torch.Tensor):
                found["logits like the first model's"] = torch.allclose(logits, loaded_logits)
                for tensor in model.state_dict().values():
                    tensor.zero_()
                found["logits after the first model was changed"] = freeze(loaded(images))
        return found

    return look


def _what_is_in(path):
    if not path.exists():
        return "missing"
    try:
        torch.load(path, weights_only=True)
    except Exception:  # noqa: BLE001  # whatever is wrong with it
        if not zipfile.is_zipfile(path):
            return "not written by torch.save"
        return "not to be read with weights_only=True"
    return "numbers"


_CASES_OF_SAVING = {
    "a network with batch normalization": _look_at_saving(_Reader),
    "a network without buffers": _look_at_saving(_OtherReader),
}

add(
    Exercise(
        name="save_load",
        chapter="1_basics/11_save_load",
        reference=save_load,
        checked="2 classes, one of them with the buffers of a batch normalization",
        cases=_CASES_OF_SAVING,
        slips=(
            Slip(
                "no eval",
                _saved_and_loaded(end=lambda new, report: new),
                "All numbers are loaded, but a new model is in training mode. With batch normalization "
                "its answers depend on the whole batch then, and its buffers move. Which call is "
                "missing?",
            ),
            Slip(
                "parameters without buffers",
                _saved_and_loaded(
                    content=lambda model: dict(model.named_parameters()),
                    load=lambda new, model, saved: new.load_state_dict(saved, strict=False),
                ),
                "The parameters are there, the buffers are not: batch normalization keeps its running "
                "means in them. Which dictionary of a model holds both? With it, strict=False has nothing "
                "to hide.",
            ),
            Slip(
                "the original returned",
                _original_returned,
                "What comes back is the model that was given, so nobody knows whether the file is any "
                "good. Fill a second model of the same class from the file.",
            ),
            Slip(
                "loaded into nothing",
                _saved_and_loaded(load=lambda new, model, saved: None),
                "The new model still has the random numbers that it was made with. torch.load only reads "
                "the file. Who copies what was read into the model?",
            ),
            Slip(
                "the report returned",
                _saved_and_loaded(end=lambda new, report: report),
                "What came back is the report of load_state_dict, “All keys matched”. It changes the "
                "model in place; the model has to be returned.",
            ),
            Slip(
                "the dictionary returned",
                lambda model, path: (
                    torch.save(model.state_dict(), path),
                    torch.load(path, weights_only=True),
                )[1],
                "These are the numbers, in a dictionary. They cannot be called with images: the code of "
                "forward is in the class, not in the file. What do they have to be put into?",
            ),
            Slip(
                "whole module pickled",
                _whole_module_pickled,
                "The file cannot be read with weights_only=True: it asks for classes by their names. "
                "If one gets another name, nobody can read it any more. What is there to save besides "
                "the module itself?",
            ),
            Slip(
                "file refused",
                lambda model, path: (torch.save(model, path), torch.load(path))[1].eval(),
                "torch.load refuses the file, because it holds more than numbers: a whole model, or a "
                "method whose parentheses are missing. What holds the numbers and nothing else?",
            ),
            Slip(
                "class typed in",
                _class_typed_in,
                "The numbers do not fit: they were loaded into a model of a certain class, and the one that "
                "was given is of another. How do you get the class of whatever model is given?",
            ),
            Slip(
                "no file",
                _no_file,
                "The new model is right, but it got its numbers straight from the old one. After the "
                "program has ended, nothing is left: under the path there is no file.",
            ),
        ),
        variants=(_saved_in_a_dictionary, _assigned),
        hints=(
            "Save the numbers, not the model. Make a new model of the same class, fill it with what you "
            "read from the file, and put it into the mode for predicting.",
            "type(model)() makes a new model. The state_dict holds parameters and buffers by their names, "
            "and goes to the file as it is.",
            "torch.save(model.state_dict(), path), a new model, its load_state_dict with what "
            "torch.load(path, weights_only=True) gives, eval(), and return that model.",
        ),
    )
)


def resume_training(path, model, optimizer, loader, epochs):
    """Put a run back where it was, train the epochs left, and return their losses."""
    saved = torch.load(path, weights_only=True)
    model.load_state_dict(saved["model"])
    optimizer.load_state_dict(saved["optimizer"])
    loader.generator.set_state(saved["order"])
    model.train()
    losses = []
    for _ in range(saved["epoch"], epochs):
        total, count = 0.0, 0
        for images, labels in loader:
            optimizer.zero_grad()
            loss = F.cross_entropy(model(images), labels)
            loss.backward()
            optimizer.step()
            total += loss.item() * len(labels)
            count += len(labels)
        losses.append(total / count)
    return losses


def _resumed(
    *forgotten,
    epochs_left=lambda saved, epochs: epochs - saved["epoch"],
    train=train_epoch,
    end=lambda losses: losses,
    weights_only=True,
):
    def resume(path, model, optimizer, loader, epochs):
        saved = torch.load(path, weights_only=weights_only)
        if "order" not in forgotten:
            loader.generator.set_state(saved["order"])
        if "optimizer" not in forgotten:
            optimizer.load_state_dict(saved["optimizer"])
        if "model" not in forgotten:
            model.load_state_dict(saved["model"])
        left = epochs_left(saved, epochs)
        return end([train(model, loader, optimizer) for _ in range(left)])

    return resume


def _resumed_with_while(path, model, optimizer, loader, epochs):
    saved = torch.load(path)
    for part, name in ((model, "model"), (optimizer, "optimizer")):
        part.load_state_dict(saved[name])
    loader.generator.set_state(saved["order"])
    epoch, losses = saved["epoch"], []
    while epoch < epochs:
        losses.append(_epoch_with_a_list(model, loader, optimizer))
        epoch += 1
    return losses


def _run(seed, learning_rate):
    torch.manual_seed(seed)
    model = nn.Sequential(nn.Flatten(), nn.BatchNorm1d(28 * 28), nn.Linear(28 * 28, 10))
    optimizer = torch.optim.SGD(model.parameters(), lr=learning_rate, momentum=0.9)
    order = torch.Generator().manual_seed(seed)
    images = torch.linspace(0, 50, 7840).sin().reshape(10, 1, 28, 28)
    labels = torch.arange(10) * 7 % 10
    loader = DataLoader(TensorDataset(images, labels), batch_size=4, shuffle=True, generator=order)
    return model, optimizer, loader


def _look_at_resuming(done, epochs):
    def look(answer):
        model, optimizer, loader = _run(seed=3, learning_rate=0.01)
        for _ in range(done):
            train_epoch(model, loader, optimizer)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "checkpoint.pt"
            checkpoint = {
                "epoch": done,
                "model": model.state_dict(),
                "optimizer": optimizer.state_dict(),
                "order": loader.generator.get_state(),
            }
            torch.save(checkpoint, path)
            model, optimizer, loader = _run(seed=4, learning_rate=0.03)
            model.eval()
            losses = freeze(answer(path, model, optimizer, loader, epochs))
        moves = [state.get("momentum_buffer") for state in optimizer.state.values()]
        return {
            "result": losses,
            "last weight of the model": freeze(model[-1].weight),
            "running mean of the batch normalization": freeze(model[1].running_mean),
            "learning rate": optimizer.param_groups[0]["lr"],
            "momentum of the optimizer": freeze(moves[-1] if moves else None),
            "order of the next epoch": torch.randperm(10, generator=loader.generator).tolist(),
        }

    return look


class _Surprise:
    """Calls a function while it is read from a file; this one is harmless."""

    def __reduce__(self):
        return print, ("this was printed by the file",)


def _look_at_a_foreign_file(answer):
    model, optimizer, loader = _run(seed=3, learning_rate=0.01)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "checkpoint.pt"
        checkpoint = {
            "epoch": 1,
            "model": model.state_dict(),
            "optimizer": optimizer.state_dict(),
            "order": loader.generator.get_state(),
            "note": _Surprise(),
        }
        torch.save(checkpoint, path)
        result = attempt(lambda: answer(path, model, optimizer, loader, 1))
    refused = isinstance(result, Raised) and result.type == "UnpicklingError"
    return {"a program in the file is refused": refused}


add(
    Exercise(
        name="resume_training",
        chapter="1_basics/11_save_load",
        reference=resume_training,
        checked="2 checkpoints, with two epochs left and none, and on a file to be refused",
        cases={
            "one of three epochs done": _look_at_resuming(1, 3),
            "all epochs done": _look_at_resuming(2, 2),
            "a file with a program in it": _look_at_a_foreign_file,
        },
        slips=(
            Slip(
                "momentum forgotten",
                _resumed("optimizer"),
                "Weights and order are back, but the optimizer begins anew, without the moves that it "
                "remembered and with its own learning rate. The run goes on, and it is another one.",
            ),
            Slip(
                "order forgotten",
                _resumed("order"),
                "Weights and momentum are back, but the images come in another order than they would have "
                "come without the break. Who shuffles them, and where is its state kept?",
            ),
            Slip(
                "weights forgotten",
                _resumed("model"),
                "The model trains on from its own random weights, with the momentum of another network. "
                "One part of the file was not put back.",
            ),
            Slip(
                "all epochs once more",
                _resumed(epochs_left=lambda saved, epochs: epochs),
                "The epochs before the break are trained a second time, so there are more in all than "
                "asked for. How many are done, according to the file?",
            ),
            Slip(
                "one epoch too many",
                _resumed(epochs_left=lambda saved, epochs: epochs - saved["epoch"] + 1),
                "Everything is put back, but one epoch too many is trained. If the file says 2 and "
                "3 are asked for in all, how many are left?",
            ),
            Slip(
                "one epoch too few",
                _resumed(epochs_left=lambda saved, epochs: epochs - saved["epoch"] - 1),
                "Everything is put back, but the last epoch is missing. If the file says 2 and 3 are "
                "asked for in all, how many are left?",
            ),
            Slip(
                "only the last loss",
                _resumed(end=lambda losses: losses[-1] if losses else None),
                "The training is right, but only the loss of the last epoch comes back. A list is asked "
                "for, with one number for each epoch that was trained here.",
            ),
            Slip(
                "programs are run",
                _resumed(weights_only=False),
                "Everything is put back, but with weights_only=False. A file may hold a program then, and "
                "it runs while the file is read. A checkpoint needs tensors, numbers and dictionaries.",
            ),
            Slip(
                "no train mode",
                _resumed(train=_epoch(mode=False)),
                "Everything is put back, but the model came in evaluation mode and trained in it. Its mode is "
                "in no file: what does an epoch begin with?",
            ),
            Slip(
                "not trained on",
                _resumed(epochs_left=lambda saved, epochs: 0),
                "Everything is put back, and there it ends: no epoch was trained. A loop over the epochs "
                "that are left is missing, or it has no round.",
            ),
        ),
        variants=(_resumed(), _resumed_with_while),
        hints=(
            "Four things come back: where the run was, what the network knows, what the optimizer "
            "remembers, and how the loader will shuffle. Then only the missing epochs are trained.",
            "model and optimizer have load_state_dict; a generator has set_state. If 2 of 5 epochs are "
            "done, the list has 3 numbers; if all are done, it is empty.",
            "After saved = torch.load(path, weights_only=True) and the three states, loop over "
            'range(saved["epoch"], epochs), train one epoch each time, and append its mean loss.',
        ),
    )
)
