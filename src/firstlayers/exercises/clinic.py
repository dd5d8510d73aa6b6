"""The exercises of the track "The clinic".

One block an exercise: the course's answer, whose source learners can read, and below it what an answer
is asked, wrong answers that have a name, further right ones, and hints.
"""

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


# 03_old_snippets
