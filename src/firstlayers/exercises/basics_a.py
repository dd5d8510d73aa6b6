"""Exercises, for now in parts."""

import math
from itertools import islice

import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import Dataset

from firstlayers.exercises.observation import attempt, calls, freeze
from firstlayers.exercises.registry import Exercise, Slip, add

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
