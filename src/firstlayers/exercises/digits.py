"""The exercises of the track "From a matrix to a digit reader".

One block an exercise: the course's answer, whose source learners can read, and below it what the
answer is asked, wrong answers that have a name, further right ones, and hints.
"""

import torch

from firstlayers.exercises.observation import calls
from firstlayers.exercises.registry import Exercise, Slip, add

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
