"""The exercises of the track "The clinic".

One block an exercise: the course's answer, whose source learners can read, and below it what an answer
is asked, wrong answers that have a name, further right ones, and hints.
"""

import itertools
import re
import warnings

import torch
from torch import nn
from torch.nn import functional as F

from firstlayers.exercises.observation import calls, freeze, same
from firstlayers.exercises.registry import Exercise, Slip, add

# 01_common_mistakes


def mended_epoch(network, images, labels, optimizer):
    """Take one step a batch of 32, and return the mean loss over all images."""
    network.train()
    total = 0.0
    for start in range(0, len(labels), 32):
        batch = images[start : start + 32] / 255  # (batch, 1, 28, 28), a new tensor
        batch_labels = labels[start : start + 32]  # (batch,)
        optimizer.zero_grad()
        loss = F.cross_entropy(network(batch), batch_labels)
        loss.backward()
        optimizer.step()
        total += loss.item() * len(batch_labels)
    return total / len(labels)


def _treated(
    *,
    in_place=False,
    softmax=False,
    cleared="before",
    mode=True,
    scale=255,
    loss_of=F.cross_entropy,
    add=lambda loss, batch: loss.item() * batch,
    end=lambda total, images, batches, last: total / images,
    order=lambda count: torch.arange(count),
    batches=lambda order: order.split(32),
):
    """An epoch with some of the mistakes left in it, or with others."""

    def mended_epoch(network, images, labels, optimizer):
        if mode:
            network.train()
        total, count, loss = 0, 0, None
        for places in batches(order(len(labels))):
            if in_place:
                images[places] /= scale
                batch = images[places]
            else:
                batch = images[places] / scale
            outputs = network(batch)
            loss = loss_of(outputs.softmax(dim=1) if softmax else outputs, labels[places])
            if cleared == "before":
                optimizer.zero_grad()
            loss.backward()
            if cleared == "between":
                optimizer.zero_grad()
            optimizer.step()
            total = total + add(loss, len(places))
            count += 1
        return end(total, len(labels), count, loss)

    return mended_epoch


def _all_scaled_first(network, images, labels, optimizer):
    network.train()
    losses = []
    for batch, batch_labels in zip(
        torch.split(images.clone().div_(255), 32), labels.split(32), strict=True
    ):
        each = F.nll_loss(
            network(batch).log_softmax(dim=1).log_softmax(dim=1), batch_labels, reduction="none"
        )
        network.zero_grad()
        each.mean().backward()
        optimizer.step()
        losses += each.tolist()
    return sum(losses) / len(losses)


def _look_at_patient(count, epochs, make_optimizer):
    def look(answer):
        # The tanh notices how large the pixels are, the normalization which mode it is in.
        network = nn.Sequential(
            nn.Flatten(), nn.Linear(784, 12), nn.Tanh(), nn.BatchNorm1d(12), nn.Linear(12, 10)
        ).eval()
        optimizer = make_optimizer(network.parameters())
        images = 255 * torch.rand(count, 1, 28, 28)
        labels = torch.arange(count) * 7 % 10
        before = freeze(images)
        # Something was computed before, and its gradients are still there.
        F.cross_entropy(network(images[:3] / 255), labels[:3]).backward()
        start = network[1].weight.detach().clone()
        losses = []
        for _ in range(epochs):
            loss = answer(network, images, labels, optimizer)
            asks = isinstance(loss, torch.Tensor) and loss.requires_grad
            losses.append("a tensor with its whole graph" if asks else freeze(loss))
        return {
            "mean loss": losses if epochs > 1 else losses[0],
            "the caller's images are what they were": same(before, freeze(images), 1e-5, 0),
            "weights have moved": not torch.equal(start, network[1].weight),
            "last layer's weight": freeze(network[4].weight),
            "running mean of the batch normalization": freeze(network[3].running_mean),
        }

    return look


add(
    Exercise(
        name="mended_epoch",
        chapter="4_clinic/01_common_mistakes",
        reference=mended_epoch,
        checked="3 epochs with a smaller last batch, two optimizers, and old gradients at the start",
        cases={
            "70 images": _look_at_patient(70, 1, lambda p: torch.optim.SGD(p, lr=0.05)),
            "40 images, two epochs with momentum": _look_at_patient(
                40, 2, lambda p: torch.optim.SGD(p, lr=0.02, momentum=0.9)
            ),
        },
        slips=(
            Slip(
                "nothing mended yet",
                _treated(in_place=True, softmax=True, cleared="never"),
                "All three are still there. Look at what happens to the caller's images, at what goes "
                "into the loss, and at what backward() finds in .grad.",
            ),
            Slip(
                "in place, and never cleared",
                _treated(in_place=True, cleared="never"),
                "One is mended, two are left: the caller's images are changed, and each step follows "
                "the gradients of all batches so far.",
            ),
            Slip(
                "in place, and softmax",
                _treated(in_place=True, softmax=True),
                "One is mended, two are left: the caller's images are changed, and what goes into the "
                "loss has been through a softmax.",
            ),
            Slip(
                "softmax, and never cleared",
                _treated(softmax=True, cleared="never"),
                "One is mended, two are left: what goes into the loss has been through a softmax, and "
                "each step follows the gradients of all batches so far.",
            ),
            Slip(
                "changed in place",
                _treated(in_place=True),
                "Two are mended. The third: after the epoch the caller's images are 255 times darker, "
                "and the next epoch divides once more. A slice is a view. How do you get a new tensor?",
            ),
            Slip(
                "softmax before the loss",
                _treated(softmax=True),
                "Two are mended. The third is in what goes into the loss: cross_entropy applies a "
                "softmax itself. What does it want to be given?",
            ),
            Slip(
                "never cleared",
                _treated(cleared="never"),
                "Two are mended. The third is a line that is missing: backward() adds to what stands in "
                ".grad, and old gradients were there when the epoch began.",
            ),
            Slip(
                "cleared between backward and step",
                _treated(cleared="between"),
                "No weight has moved. Each gradient is computed and thrown away before the step could "
                "use it. When are the old ones in nobody's way, and the new ones not there yet?",
            ),
            Slip(
                "not scaled",
                _treated(scale=1),
                "The caller's images stay as they are, because nothing divides them any more. The "
                "network still wants pixels from 0 to 1.",
            ),
            Slip(
                "no train mode",
                _treated(mode=False),
                "The network came in evaluation mode and stayed in it. The first line of the sick "
                "function was healthy.",
            ),
            Slip(
                "graph kept",
                _treated(add=lambda loss, batch: loss * batch),
                "The mean loss comes as a tensor with the notes of every batch behind it. That is a "
                "mistake the sick function did not have. How does a tensor become a number?",
            ),
            Slip(
                "mean of batch means",
                _treated(
                    add=lambda loss, batch: loss.item(),
                    end=lambda total, images, batches, last: total / batches,
                ),
                "The training is right, the number is not: each batch counts the same, also the last, "
                "which has fewer images. The sick function did this part well.",
            ),
            Slip(
                "last batch's loss",
                _treated(end=lambda total, images, batches, last: last.item()),
                "The training is right, but the number is the loss of the last batch alone. Asked for "
                "is the mean over all images.",
            ),
            Slip(
                "not divided",
                _treated(end=lambda total, images, batches, last: total),
                "The training is right, but the number is a sum over all images. What turns it into "
                "their mean?",
            ),
            Slip(
                "nll_loss on logits",
                _treated(loss_of=F.nll_loss),
                "nll_loss wants log-probabilities and was given logits, so the loss can fall below 0. "
                "Which loss takes logits?",
            ),
            Slip(
                "shuffled",
                _treated(order=lambda count: torch.randperm(count)),
                "The images were shuffled. As a rule that is a good idea. Here the batches shall come "
                "in the order in which the images lie.",
            ),
            Slip(
                "last batch dropped",
                _treated(
                    batches=lambda order: [b for b in order.split(32) if len(b) == 32],
                    end=lambda total, images, batches, last: total / (32 * batches),
                ),
                "The last batch, which has fewer than 32 images, is left out. Every image should be "
                "learned from once an epoch.",
            ),
            Slip(
                "one batch of all",
                _treated(batches=lambda order: [order]),
                "All images went through in one batch, so the epoch has a single step. Asked for is a "
                "step for every 32 of them.",
            ),
        ),
        variants=(
            _treated(),
            _all_scaled_first,
            _treated(loss_of=lambda logits, labels: F.nll_loss(logits.log_softmax(1), labels)),
        ),
        hints=(
            "Go through the function line by line and ask: whose memory is written to? What does this "
            "function want to be given? What is left over from the round before?",
            "One mistake is an operator that writes in place, one is a function applied twice, and one is "
            "a line that is not there. Mode, order and bookkeeping are right.",
            "Write batch / 255 into a new tensor, give cross_entropy what the network returns, and call "
            "optimizer.zero_grad() in each round before backward().",
        ),
    )
)


def standardize_split(train_images, test_images):
    """Two sets of images -> both, standardized as training and test images."""
    mean, std = train_images.mean(), train_images.std()
    return (train_images - mean) / std, (test_images - mean) / std


def _standardized(
    of_train,
    of_test=None,
    change=lambda images, mean, std: (images - mean) / std,
    end=lambda train, test: (train, test),
):
    """Standardize both by what two functions of them say: mean and standard deviation."""

    def standardize_split(train_images, test_images):
        statistics = of_train(train_images, test_images)
        for_test = statistics if of_test is None else of_test(train_images, test_images)
        return end(change(train_images, *statistics), change(test_images, *for_test))

    return standardize_split


def _of_first(first, second):
    return first.mean(), first.std()


def _of_second(first, second):
    return second.mean(), second.std()


def _of_both(first, second):
    together = torch.cat([first, second])
    return together.mean(), together.std()


def _image_by_image(first, second):
    return tuple(
        torch.stack([(image - image.mean()) / image.std() for image in images])
        for images in (first, second)
    )


def _in_place(first, second):
    mean, std = first.mean(), first.std()
    return first.sub_(mean).div_(std), second.sub_(mean).div_(std)


def _by_var_mean(first, second):
    variance, mean = torch.var_mean(first, correction=0)
    return [(images - mean) * variance.rsqrt() for images in (first, second)]


add(
    Exercise(
        name="standardize_split",
        chapter="4_clinic/01_common_mistakes",
        reference=standardize_split,
        checked="4 pairs of sets, among them one with a single test image",
        cases=calls(
            {
                "test images brighter": lambda: (
                    0.4 * torch.rand(12, 1, 28, 28),
                    0.3 + 0.6 * torch.rand(7, 1, 28, 28),
                ),
                "as many of each": lambda: (
                    torch.rand(9, 1, 28, 28) ** 2,
                    torch.rand(9, 1, 28, 28) ** 3,
                ),
                "a single test image": lambda: (
                    torch.rand(10, 1, 28, 28),
                    0.5 * torch.rand(1, 1, 28, 28),
                ),
                "pixels from 0 to 255": lambda: (
                    255 * torch.rand(8, 1, 28, 28),
                    200 * torch.rand(5, 1, 28, 28),
                ),
            }
        ),
        slips=(
            Slip(
                "statistics of both",
                _standardized(_of_both),
                "Mean and standard deviation were computed over all images, so the test images took "
                "part. To the training they have to be unknown.",
            ),
            Slip(
                "each by its own",
                _standardized(_of_first, _of_second),
                "Each set was standardized by its own numbers. The network then sees test images that "
                "were brightened or darkened to look like the training images. Whose numbers are known "
                "before the first test image comes?",
            ),
            Slip(
                "the test set's",
                _standardized(_of_second),
                "Both were standardized by the numbers of the test images. It is the other way round.",
            ),
            Slip(
                "the test set's spread",
                _standardized(_of_first, lambda a, b: (a.mean(), b.std())),
                "The mean is right, and the test images were divided by their own standard deviation. "
                "Both numbers come from the same images.",
            ),
            Slip(
                "the test set's mean",
                _standardized(_of_first, lambda a, b: (b.mean(), a.std())),
                "The standard deviation is right, and from the test images their own mean was "
                "subtracted. Both numbers come from the same images.",
            ),
            Slip(
                "each image by its own",
                _image_by_image,
                "Each image was standardized by its own mean and spread. Then a dark one and a bright "
                "one look alike. Asked for is one mean and one standard deviation.",
            ),
            Slip(
                "each pixel by its own",
                _standardized(lambda a, b: (a.mean(dim=0), a.std(dim=0))),
                "Each pixel has a mean and a spread of its own here. Where a pixel is black in all "
                "images, that divides by 0. Asked for is one number for all pixels.",
            ),
            Slip(
                "only the training images",
                _standardized(_of_first, lambda a, b: (0, 1)),
                "The test images came back as they were. They go through the same network, so they "
                "need the same treatment. By which numbers?",
            ),
            Slip(
                "swapped",
                _standardized(_of_first, end=lambda train, test: (test, train)),
                "The values are right, and the order is not: first come the training images.",
            ),
            Slip(
                "variance",
                _standardized(_of_first, change=lambda x, mean, std: (x - mean) / std**2),
                "It was divided by the variance. The standard deviation is its square root, which is "
                "what std() gives.",
            ),
            Slip(
                "parentheses",
                _standardized(_of_first, change=lambda x, mean, std: x - mean / std),
                "Only the mean was divided. Python divides before it subtracts, unless you say what "
                "belongs together.",
            ),
            Slip(
                "not divided",
                _standardized(_of_first, change=lambda x, mean, std: x - mean),
                "The mean was subtracted, and that was all. Standardized numbers have a spread of 1, "
                "too.",
            ),
            Slip(
                "not centered",
                _standardized(_of_first, change=lambda x, mean, std: x / std),
                "They were divided by the standard deviation, and that was all. Standardized numbers "
                "lie around 0, too.",
            ),
            Slip(
                "from 0 to 1",
                _standardized(
                    lambda a, b: (a.min(), a.max()),
                    change=lambda x, low, high: (x - low) / (high - low),
                ),
                "This brings the pixels into the range from 0 to 1, which is called scaling. To "
                "standardize uses the mean and the standard deviation.",
            ),
            Slip(
                "changed in place",
                _in_place,
                "The result is right, but the caller's images are changed with it. Methods that end in "
                "an underscore, and -= and /=, write into the old tensor.",
            ),
            Slip(
                "all in one",
                _standardized(_of_first, end=lambda train, test: torch.cat([train, test])),
                "One tensor came back, with all images in it. Asked for are two: the training images "
                "and the test images.",
            ),
            Slip(
                "only the test images returned",
                _standardized(_of_first, end=lambda train, test: test),
                "Only the test images came back. A function can return both, with a comma in between.",
            ),
        ),
        variants=(
            _standardized(_of_first),
            _by_var_mean,
            lambda a, b: tuple((torch.cat([a, b]) - a.mean()).div(a.std()).split([len(a), len(b)])),
        ),
        hints=(
            "When the network is used one day, its images come one at a time, and nobody knows their mean. "
            "So all images have to be treated by numbers that were known when it was trained.",
            "Two numbers without a shape are enough: the mean and the standard deviation of all pixels of "
            "one of the two sets. Both sets are treated by them.",
            "mean is train_images.mean(), and std is train_images.std(). Subtract and divide, once for each "
            "set, and return the two results, the training images first.",
        ),
    )
)


# 02_error_messages


def broadcast_shape(first, second):
    """Two shapes -> the shape of a sum of such tensors, or None if they do not fit."""
    axes = max(len(first), len(second))
    first = (1,) * (axes - len(first)) + tuple(first)
    second = (1,) * (axes - len(second)) + tuple(second)
    result = []
    for one, other in zip(first, second, strict=True):
        if one != other and 1 not in (one, other):
            return None
        result.append(other if one == 1 else one)
    return tuple(result)


def _look_at_shape(first, second):
    return lambda answer: freeze(answer(first, second))


def _broadcast(
    *,
    align=lambda shape, axes: (1,) * (axes - len(shape)) + tuple(shape),
    fits=lambda one, other: one == other or 1 in (one, other),
    pick=max,
    where=slice(None),
    wrong=None,
    give=lambda result, first, second: result,
):
    def broadcast_shape(first, second):
        axes = max(len(first), len(second))
        pairs = [*zip(align(first, axes), align(second, axes), strict=False)]
        if not all(fits(one, other) for one, other in pairs[where]):
            return wrong
        return give(tuple(pick(one, other) for one, other in pairs), first, second)

    return broadcast_shape


def _from_the_end(first, second):
    pairs = itertools.zip_longest(reversed(first), reversed(second), fillvalue=1)
    result = ()
    for one, other in pairs:
        if one != other and one != 1 and other != 1:
            return None
        result = (max(one, other), *result)
    return result


def _ask_torch(first, second):
    try:
        return tuple(torch.broadcast_shapes(first, second))
    except RuntimeError:
        return None


def _add_tensors_without_numbers(first, second):
    try:
        return (torch.empty(first, device="meta") + torch.empty(second, device="meta")).shape
    except RuntimeError:
        return None


def _common_axes_only(first, second):
    result = []
    for one, other in zip(reversed(first), reversed(second), strict=False):
        if one != other and 1 not in (one, other):
            return None
        result.insert(0, max(one, other))
    return tuple(result)


def _equal_lengths_only(first, second):
    return _from_the_end(first, second) if len(first) == len(second) else None


def _product_shape(first, second):
    return (*first[:-1], *second[1:]) if first and second and first[-1] == second[0] else None


_SHAPES = (
    ((64, 10), (64, 1)),
    ((64, 10), (64,)),
    ((64, 10), (10,)),
    ((10,), (64, 10)),
    ((64, 10), (64, 9)),
    ((10, 10), (10,)),
    ((3, 4), (4, 3)),
    ((3, 1, 5), (4, 1)),
    ((2, 5, 3), (3, 5, 3)),
    ((64, 1, 28, 28), (1, 28)),
    ((6, 3), (2, 3)),
    ((), (5,)),
)


add(
    Exercise(
        name="broadcast_shape",
        chapter="4_clinic/02_error_messages",
        reference=broadcast_shape,
        checked=f"{len(_SHAPES)} pairs of shapes, five of which do not fit",
        cases={f"{first} and {second}": _look_at_shape(first, second) for first, second in _SHAPES},
        slips=(
            Slip(
                "aligned at the start",
                _broadcast(align=lambda shape, axes: tuple(shape) + (1,) * (axes - len(shape))),
                "The shapes are compared from their first axis on. They are aligned at their ends: the "
                "last axis meets the last one. Where do missing axes belong then?",
            ),
            Slip(
                "as many axes wanted",
                _equal_lengths_only,
                "Shapes with different numbers of axes are refused. (64, 10) and (10,) fit, though. "
                "What size may an axis be taken to have that is not there?",
            ),
            Slip(
                "1 does not stretch",
                _broadcast(fits=lambda one, other: one == other),
                "Only equal sizes are accepted. There is one size that fits every other one.",
            ),
            Slip(
                "everything fits",
                _broadcast(fits=lambda one, other: True),
                "Nothing is ever refused: of two sizes, the larger one is taken. When is there no "
                "result?",
            ),
            Slip(
                "last axis only",
                _broadcast(where=slice(-1, None)),
                "Only the last sizes are compared. (2, 5, 3) and (3, 5, 3) fail at an earlier axis.",
            ),
            Slip(
                "first axis only",
                _broadcast(where=slice(0, 1)),
                "Only the first sizes are compared, after alignment. A later axis can fail, too.",
            ),
            Slip(
                "leading axes lost",
                _common_axes_only,
                "The axes that only one of the two has are missing in the result. They stay as they are.",
            ),
            Slip(
                "yes or no",
                _broadcast(give=lambda result, first, second: True, wrong=False),
                "It says whether they fit. Asked for is the shape that comes out, and None only where "
                "nothing does.",
            ),
            Slip(
                "the first one's shape",
                _broadcast(give=lambda result, first, second: tuple(first)),
                "It gives the first shape back. But the second one may be the larger, or both may "
                "stretch, each along another axis.",
            ),
            Slip(
                "the smaller size",
                _broadcast(pick=min),
                "Of two sizes the smaller one was taken. An axis of size 1 is stretched, so which one "
                "is left?",
            ),
            Slip(
                "matrix product",
                _product_shape,
                "This is the rule for @: inner sizes are equal, and vanish. Here the tensors are added, "
                "entry by entry.",
            ),
            Slip(
                "multiples fit",
                _broadcast(fits=lambda one, other: max(one, other) % min(one, other) == 0),
                "Sizes are accepted when one is a multiple of the other. PyTorch repeats an axis only if "
                "it has a certain size.",
            ),
            Slip(
                "0 for no shape",
                _broadcast(wrong=()),
                "Where the two do not fit, it returns (), which is the shape of a single number. Asked "
                "for is None.",
            ),
            Slip(
                "error not caught",
                lambda first, second: tuple(torch.broadcast_shapes(first, second)),
                "PyTorch was asked, and that is fine. But if two shapes do not fit, its error comes "
                "through. What should the function do with it?",
            ),
        ),
        variants=(_broadcast(), _from_the_end, _ask_torch, _add_tensors_without_numbers),
        hints=(
            "Write the two shapes below each other, so that they end together. Then look at each column "
            "by itself.",
            "Two tuples go in, and a tuple as long as the longer one comes out. Put as many ones in front "
            "of the shorter one as it lacks; then every column has two sizes.",
            "(1,) * (axes - len(shape)) + shape makes both equally long. In each pair, the sizes must be "
            "equal or one of them 1, else return None. The result has the other one's size.",
        ),
    )
)


def last_line(text):
    """The text of a traceback -> the error's type, and its message."""
    line = text.strip().splitlines()[-1]
    kind, _, message = line.partition(": ")
    return kind.rpartition(".")[2], message


_TRACEBACK = """\
Traceback (most recent call last):
  File "train.py", line 21, in <module>
    train(batches)
  File "train.py", line 14, in train
    {code}
"""

_TRACEBACKS = {
    "a message about shapes": _TRACEBACK.format(code="logits = model(images)")
    + "RuntimeError: addmm: mat1 and mat2 shapes cannot be multiplied (64x512 and 256x10)\n",
    "a message with colons": _TRACEBACK.format(code="loss.backward()")
    + "RuntimeError: modified by an inplace operation: [torch.FloatTensor [3]] is at version 1. "
    "Hint: enable anomaly detection",
    "a type with the name of its module": _TRACEBACK.format(code="state = torch.load(path)")
    + "_pickle.UnpicklingError: invalid load key, '<'.\n",
    "an error without a message": _TRACEBACK.format(code="state = torch.load(path)") + "EOFError\n",
    "a dot in the message": _TRACEBACK.format(code='print(state["fc.weight"])')
    + "KeyError: 'fc.weight'\n",
    "an error while another one was handled": _TRACEBACK.format(code="images.view(64, 784)")
    + "RuntimeError: shape '[64, 784]' is invalid for input of size 39200\n\n"
    "During handling of the above exception, another exception occurred:\n\n"
    + _TRACEBACK.format(code="print(image.shape)")
    + "NameError: name 'image' is not defined\n",
    "a line of code with an error's name in it": _TRACEBACK.format(
        code='raise ValueError("TypeError: no")'
    )
    + "ValueError: TypeError: no\n",
    "empty lines at the end": _TRACEBACK.format(code="images[64]")
    + "IndexError: index 64 is out of bounds for dimension 0 with size 64\n\n\n",
}


def _look_at_text(text):
    return lambda answer: freeze(answer(text))


def _reads(
    *,
    line=lambda text: text.strip().splitlines()[-1],
    split=lambda line: line.partition(": ")[::2],
    kind=lambda kind: kind.rpartition(".")[2],
    give=lambda kind, message: (kind, message),
):
    def last_line(text):
        parts = split(line(text))
        return give(kind(parts[0]), parts[1])

    return last_line


def _first_error_line(text):
    return next(line for line in text.splitlines() if re.match(r"[\w.]*Error", line))


def _any_line_with_an_error(text):
    return next(line.strip() for line in text.splitlines() if "Error" in line)


def _read_backward(text):
    for line in reversed(text.splitlines()):
        if line.strip():
            found = re.fullmatch(r"(?:\w+\.)*(\w+)(?:: (.*))?", line)
            return found[1], found[2] or ""
    return None


def _read_by_split(text):
    name, *message = text.rstrip().split("\n")[-1].split(": ", 1)
    return [name.split(".")[-1], "".join(message)]


add(
    Exercise(
        name="last_line",
        chapter="4_clinic/02_error_messages",
        reference=last_line,
        checked=f"{len(_TRACEBACKS)} tracebacks, among them one with two errors",
        cases={label: _look_at_text(text) for label, text in _TRACEBACKS.items()},
        slips=(
            Slip(
                "first line",
                _reads(line=lambda text: text.splitlines()[0]),
                "This is the first line, which is the same in every traceback. Where does it say what "
                "happened?",
            ),
            Slip(
                "cut at the second colon",
                _reads(split=lambda line: (*line.split(": "), "")[:2]),
                "A message can have colons of its own, and all that comes after its first one is "
                "missing. How often should the line be split?",
            ),
            Slip(
                "cut at the last colon",
                _reads(split=lambda line: line.rsplit(": ", 1) if ": " in line else (line, "")),
                "The line was split at its last colon, and a part of the message went to the type. "
                "Which colon parts the two?",
            ),
            Slip(
                "module kept",
                _reads(kind=lambda kind: kind),
                "Some types come with the name of their module in front, as _pickle.UnpicklingError "
                "does. Only what is behind the last dot is asked for.",
            ),
            Slip(
                "last dot of the line",
                _reads(line=lambda text: text.strip().splitlines()[-1].rpartition(".")[2]),
                "The whole line was cut at its last dot, and a message may have dots, too. Which part "
                "of the line should be cut?",
            ),
            Slip(
                "the first error",
                _reads(line=_first_error_line),
                "Where two errors stand in one traceback, this is the first. The program stopped at "
                "another one.",
            ),
            Slip(
                "a line of code",
                _reads(line=_any_line_with_an_error),
                "The first line with an error's name in it was taken. That can be a line of code. Where "
                "does the error itself always stand?",
            ),
            Slip(
                "empty line",
                _reads(line=lambda text: text.split("\n")[-1]),
                "The text may end with a line break, and then the last line is empty. What should be "
                "done to the text first?",
            ),
            Slip(
                "a blank before the message",
                _reads(split=lambda line: line.partition(":")[::2]),
                "The message begins with a blank. The colon and the blank behind it belong together.",
            ),
            Slip(
                "exchanged",
                _reads(give=lambda kind, message: (message, kind)),
                "Both are there, but in the wrong order: first the type, then the message.",
            ),
            Slip(
                "message only",
                _reads(give=lambda kind, message: message),
                "This is the message alone. The type is asked for, too: return both.",
            ),
            Slip(
                "one text",
                _reads(give=lambda kind, message: f"{kind}: {message}" if message else kind),
                "Type and message came back as one text. Two are asked for.",
            ),
            Slip(
                "a message wanted",
                _reads(split=lambda line: line.split(": ", 1)),
                "Some errors have no message, and then there is nothing behind a colon to take. What "
                "should stand for it?",
            ),
            Slip(
                "the line of code",
                _reads(line=lambda text: text.strip().splitlines()[-2].strip()),
                "This is the line before the last one: your code. It says where. What happened stands "
                "below it.",
            ),
        ),
        variants=(_reads(), _read_backward, _read_by_split),
        hints=(
            "Of the whole text you need one line only. Take away the empty space at the end of the text, "
            "then take the last line.",
            "A text goes in, and two texts come out. The first colon with a blank behind it stands "
            "between the type and the message; where there is none, the message is empty.",
            "line.partition(': ') gives three parts, also where there is no colon. Of the type, "
            "rpartition('.') gives what is behind the last dot.",
        ),
    )
)


# 03_old_snippets


def modern_step(model, optimizer, scheduler, images, labels):
    """Take one step on one batch, gradients clipped to norm 1 -> the loss, a float."""
    optimizer.zero_grad()
    loss = F.cross_entropy(model(images), labels)
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    scheduler.step()
    return loss.item()


def _look_at_steps(sizes, *, steep, steps=3):
    def look(answer):
        inputs, outputs = sizes
        model = nn.Sequential(nn.Flatten(), nn.Linear(inputs, outputs))
        hits = []
        model.register_forward_hook(lambda *_: hits.append(1))
        optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
        scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=2, gamma=0.1)
        images, labels = torch.rand(9, inputs) * steep, torch.arange(9) % outputs
        before = freeze([images, labels])
        for parameter in model.parameters():
            parameter.grad = torch.full_like(parameter, 0.25)  # left by somebody else
        losses, rates = [], []
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            for _ in range(steps):
                losses.append(answer(model, optimizer, scheduler, images, labels))
                rates.append(optimizer.param_groups[0]["lr"])
        return {
            "result": freeze(losses[0]),
            "input changed": not same(before, freeze([images, labels]), 0, 0),
            "losses of all steps": freeze(losses),
            "learning rates after each step": freeze(rates),
            "weight afterward": freeze(model[1].weight),
            "bias afterward": freeze(model[1].bias),
            "hooks of the model used": len(hits) > 0,
            "warnings": len({str(warning.message) for warning in caught}),
        }

    return look


def _clip(model):
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)


def _no_clip(model):
    pass


def _step(
    *,
    first=lambda scheduler: None,
    clear=lambda optimizer: optimizer.zero_grad(),
    loss_of=lambda model, images, labels: F.cross_entropy(model(images), labels),
    clip=_clip,
    move=lambda optimizer: optimizer.step(),
    last=lambda scheduler: scheduler.step(),
    result=lambda loss: loss.item(),
):
    def modern_step(model, optimizer, scheduler, images, labels):
        first(scheduler)
        clear(optimizer)
        loss = loss_of(model, images, labels)
        loss.backward()
        clip(model)
        move(optimizer)
        last(scheduler)
        return result(loss)

    return modern_step


def _clip_by_hand(model):
    gradients = [parameter.grad for parameter in model.parameters()]
    size = torch.cat([gradient.flatten() for gradient in gradients]).norm()
    for gradient in gradients:
        gradient /= size.clamp(min=1.0)


def _to_length_one(model):
    gradients = [parameter.grad for parameter in model.parameters()]
    size = torch.cat([gradient.flatten() for gradient in gradients]).norm()
    for gradient in gradients:
        gradient /= size


def _each_by_itself(model):
    for parameter in model.parameters():
        nn.utils.clip_grad_norm_([parameter], 1.0)


def _cleared_at_the_end(model, optimizer, scheduler, images, labels):
    optimizer.zero_grad(set_to_none=False)
    loss = nn.CrossEntropyLoss()(model(images), labels)
    loss.backward()
    _clip_by_hand(model)
    optimizer.step()
    optimizer.zero_grad()
    scheduler.step()
    return float(loss.detach())


def _by_autograd_grad(model, optimizer, scheduler, images, labels):
    loss = F.nll_loss(model(images).log_softmax(dim=1), labels)
    gradients = torch.autograd.grad(loss, list(model.parameters()))
    for parameter, gradient in zip(model.parameters(), gradients, strict=True):
        parameter.grad = gradient
    _clip(model)
    optimizer.step()
    scheduler.step()
    return loss.item()


add(
    Exercise(
        name="modern_step",
        chapter="4_clinic/03_old_snippets",
        reference=modern_step,
        checked="3 models, each for three steps, with steep and with flat gradients",
        cases={
            "a steep loss": _look_at_steps((12, 4), steep=30.0),
            "a flat loss": _look_at_steps((6, 3), steep=0.3),
            "one step on a steep loss": _look_at_steps((20, 5), steep=50.0, steps=1),
        },
        slips=(
            Slip(
                "scheduler first",
                _step(first=lambda scheduler: scheduler.step(), last=lambda scheduler: None),
                "The scheduler went on before the optimizer had used its rate, so the first rate of the "
                "schedule is lost, and PyTorch warns. Who has to move first?",
            ),
            Slip(
                "scheduler forgotten",
                _step(last=lambda scheduler: None),
                "The learning rate never changes: nobody tells the scheduler that a step is done.",
            ),
            Slip(
                "not clipped",
                _step(clip=_no_clip),
                "Right where the gradients are small. Where they are large, the step is too long: they "
                "were not clipped, or at the wrong time. Between which two lines are they there, and not "
                "yet used?",
            ),
            Slip(
                "each entry clipped",
                _step(clip=lambda model: nn.utils.clip_grad_value_(model.parameters(), 1.0)),
                "Every entry of a gradient was cut off at 1 by itself, which changes the direction. The "
                "norm of all of them together is meant.",
            ),
            Slip(
                "each parameter by itself",
                _step(clip=_each_by_itself),
                "Each parameter's gradient was brought to norm 1 by itself. Weight and bias together may "
                "then be longer. Over how many parameters is the norm taken?",
            ),
            Slip(
                "always norm 1",
                _step(clip=_to_length_one),
                "Small gradients were stretched until their norm was 1. Clipping shortens what is too "
                "long, and leaves alone what is short.",
            ),
            Slip(
                "old name",
                _step(clip=lambda model: nn.utils.clip_grad_norm(model.parameters(), 1.0)),
                "All numbers are right, and there is a warning: a function was called by its old name. "
                "How do names end that work in place?",
            ),
            Slip(
                "gradients not cleared",
                _step(clear=lambda optimizer: None),
                "Old gradients were still there, and backward() adds to them. What has to happen before "
                "it?",
            ),
            Slip(
                "cleared before the step",
                _step(clip=lambda model: model.zero_grad()),
                "The gradients were cleared between backward() and step(), so the optimizer finds none "
                "and the weights stay. When is it time to clear?",
            ),
            Slip(
                "no step",
                _step(move=lambda optimizer: None),
                "The weights stay what they were: nobody asked the optimizer to move them.",
            ),
            Slip(
                "forward called",
                _step(
                    loss_of=lambda model, images, labels: F.cross_entropy(
                        model.forward(images), labels
                    )
                ),
                "All numbers are right, but the hooks that others have set on the model were passed over. "
                "How is a model called otherwise?",
            ),
            Slip(
                "softmax first",
                _step(
                    loss_of=lambda model, images, labels: F.cross_entropy(
                        model(images).softmax(dim=1), labels
                    )
                ),
                "There is a softmax before the loss, and the loss has one of its own. What should it be "
                "given?",
            ),
            Slip(
                "loss as a tensor",
                _step(result=lambda loss: loss),
                "The loss came back as a tensor of shape (). What makes one of Python's numbers of it, "
                "with no notes attached?",
            ),
            Slip(
                "item not called",
                _step(result=lambda loss: loss.item),
                "A method came back, because it was named and not called. What is missing behind it?",
            ),
        ),
        variants=(
            _step(),
            _step(clip=_clip_by_hand),
            _cleared_at_the_end,
            _by_autograd_grad,
        ),
        hints=(
            "Go through the old lines one by one. Three only change their names, one goes away, and one "
            "moves to another place.",
            "The wrapper goes away. The scheduler moves behind the optimizer. The gradients are clipped "
            "when they are there and not yet used. The loss has the shape (), and a float is asked for.",
            "zero_grad(), the loss of model(images), backward(), the clipping function whose name ends in "
            "an underscore, optimizer.step(), scheduler.step(), and at last item().",
        ),
    )
)


# Imported where it is used: torchvision brings PyTorch's compiler along, which takes seconds, and most
# sessions have no use for it.


def modern_transform():
    """-> a transform: a gray picture of any size to (1, 28, 28), from -1 to 1."""
    from torchvision.transforms import v2

    return v2.Compose(
        [
            v2.Resize((28, 28)),
            v2.ToImage(),
            v2.ToDtype(torch.float32, scale=True),
            v2.Normalize((0.5,), (0.5,)),
        ]
    )


def _picture(height, width):
    """Make a gray picture with a bright corner, a dark one, and a slope in between."""
    from torchvision.transforms import v2

    rows, columns = torch.arange(height)[:, None], torch.arange(width)
    pixels = 255 * (rows + 2 * columns) / (height + 2 * width - 3)
    return v2.functional.to_pil_image(pixels.round().to(torch.uint8))


def _look_at_transform(height, width):
    def look(answer):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            transform = answer()
            result = transform(_picture(height, width)) if callable(transform) else transform
        return {
            "result": freeze(result),
            "warnings": len({str(warning.message) for warning in caught}),
        }

    return look


def _parts(
    *, size=(28, 28), resize="Resize", scale=True, statistics=((0.5,), (0.5,)), composed=True
):
    def modern_transform():
        from torchvision.transforms import v2

        parts = [
            getattr(v2, resize)(size),
            v2.ToImage(),
            v2.ToDtype(torch.float32, scale=scale),
            v2.Normalize(*statistics),
        ]
        return v2.Compose(parts) if composed else parts

    return modern_transform


def _with_an_old_name():
    from torchvision.transforms import v2

    return v2.Compose([v2.Resize((28, 28)), v2.ToTensor(), v2.Normalize((0.5,), (0.5,))])


def _without_normalize():
    from torchvision.transforms import v2

    return v2.Compose([v2.Resize((28, 28)), v2.ToImage(), v2.ToDtype(torch.float32, scale=True)])


def _without_resize():
    from torchvision.transforms import v2

    return v2.Compose(
        [v2.ToImage(), v2.ToDtype(torch.float32, scale=True), v2.Normalize((0.5,), (0.5,))]
    )


def _first_generation():
    from torchvision import transforms

    return transforms.Compose(
        [
            transforms.Resize((28, 28)),
            transforms.ToTensor(),
            transforms.Normalize((0.5,), (0.5,)),
        ]
    )


def _by_functions():
    from torchvision.transforms import v2

    def transform(picture):
        pixels = v2.functional.pil_to_tensor(picture) / 255
        return v2.functional.resize(pixels, [28, 28], antialias=True) * 2 - 1

    return transform


def _image_first():
    from torchvision.transforms import v2

    return v2.Compose(
        [
            v2.ToImage(),
            v2.ToDtype(torch.float32, scale=True),
            v2.Normalize((0.5,), (0.5,)),
            v2.Resize((28, 28)),
        ]
    )


add(
    Exercise(
        name="modern_transform",
        chapter="4_clinic/03_old_snippets",
        reference=modern_transform,
        checked="4 pictures, among them two that are not square",
        cases={
            "28 by 28": _look_at_transform(28, 28),
            "56 by 56": _look_at_transform(56, 56),
            "40 by 60": _look_at_transform(40, 60),
            "20 by 14": _look_at_transform(20, 14),
        },
        slips=(
            Slip(
                "three means",
                _parts(statistics=((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))),
                "The image has three channels now, all alike, because three means were given. How many "
                "channels does a gray image have?",
            ),
            Slip(
                "short side only",
                _parts(size=28),
                "Right for square pictures. A single number is the length of the shorter side, and the "
                "longer one follows in proportion. What has to be given so that both are 28?",
            ),
            Slip(
                "cut out",
                _parts(resize="CenterCrop"),
                "The middle of the picture was cut out, and the rest is lost. The whole picture should be "
                "made smaller or larger.",
            ),
            Slip(
                "size left",
                _without_resize,
                "The pictures keep their sizes. The first of the old lines brought them all to one size, "
                "and it has another name today.",
            ),
            Slip(
                "old name",
                _with_an_old_name,
                "All numbers are right, and there is a warning: one part is called by its old name. Two "
                "have taken its place, one that makes an image and one that changes the dtype.",
            ),
            Slip(
                "not scaled",
                _parts(scale=False),
                "The largest number is 509: the pixels became floats, but still went from 0 to 255. Which "
                "argument brings them into the range from 0 to 1?",
            ),
            Slip(
                "from 0 to 1",
                _without_normalize,
                "Black is at 0. It should be at -1. What subtracts a mean and divides by a standard "
                "deviation?",
            ),
            Slip(
                "not divided",
                _parts(statistics=((0.5,), (1.0,))),
                "The numbers go from -0.5 to 0.5. The mean is subtracted, and they are still to be "
                "divided by what makes them twice as large.",
            ),
            Slip(
                "statistics of MNIST",
                _parts(statistics=((0.1307,), (0.3081,))),
                "These are the mean and the standard deviation of MNIST. A good choice elsewhere, but the "
                "old lines had other numbers.",
            ),
            Slip(
                "parts without Compose",
                _parts(composed=False),
                "A list of parts came back, and nobody can call a list. What puts parts in a row, so that "
                "each gets what the one before it gave?",
            ),
        ),
        variants=(
            _by_functions,
            _first_generation,
            _image_first,
        ),
        hints=(
            "Of the three old parts, one has a new name, one became two parts, and one has too many "
            "numbers for a gray image.",
            "A gray image has one channel, so one mean and one standard deviation. The size is a pair, "
            "(height, width), or else only the shorter side is 28.",
            "v2.Compose of a list: Resize to a pair, ToImage, ToDtype to float32 with scale=True, and "
            "Normalize with (0.5,) twice.",
        ),
        atol=0.03,  # a picture and a tensor are resized with another rounding
    )
)
