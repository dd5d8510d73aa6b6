"""Which entry of the clinic's chapter on error messages explains a message.

The chapter ``4_clinic/02_error_messages`` provokes each of these messages. This table is what a verdict
on an exercise, the site's search and the tests know them by. It imports nothing, so that a build of the
site can read it without PyTorch.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

__all__ = ["CHAPTER", "ENTRIES", "Entry", "entry_of"]

CHAPTER = "4_clinic/02_error_messages"


@dataclass(frozen=True)
class Entry:
    """One entry of the chapter."""

    label: str
    """The name of the entry in links, ``error-`` and a word."""
    heading: str
    """The entry's heading, without markup."""
    pattern: str
    """What today's message looks like, as a regular expression without the reader's own numbers.
    Python and JavaScript both read it, and neither minds capitals."""
    also: Sequence[str] = field(default=())
    """Other words for the same: of older versions, of a GPU, or of a neighboring function. The
    chapter does not provoke them."""


# The first one that fits counts, so what is more special comes first.
ENTRIES = (
    # Shapes
    Entry(
        "error-mat1",
        "mat1 and mat2 shapes cannot be multiplied",
        r"mat1 and mat2 shapes cannot be multiplied",
        also=[
            r"size mismatch, m1",
            r"size mismatch, got input",
            r"mat1 dim 1 must match mat2 dim 0",
        ],
    ),
    Entry(
        "error-sizes",
        "The size of tensor a must match the size of tensor b",
        r"size of tensor a \(\d+\) must match the size of tensor b",
        also=[r"size of tensor a must match", r"expanded size of the tensor \(\d+\) must match"],
    ),
    Entry(
        "error-invalid-shape",
        "shape is invalid for input of size",
        r"shape .?\[.*\].? is invalid for input of size",
        also=[r"shape is invalid for input of size"],
    ),
    Entry(
        "error-view",
        "view size is not compatible with input tensor's size and stride",
        r"view size is not compatible with input tensor.s size and stride",
    ),
    Entry("error-dimension", "Dimension out of range", r"dimension out of range"),
    Entry(
        "error-index",
        "index is out of bounds for dimension",
        r"index -?\d+ is out of bounds for (dimension|axis)",
        also=[r"index is out of bounds for dimension", r"\bindex out of range\b"],
    ),
    Entry(
        "error-channels",
        "expected input to have 1 channels, but got 3 channels",
        r"expected input\[.*\] to have \d+ channels, but got \d+ channels",
        also=[r"expected input to have \d+ channels"],
    ),
    # Labels and the loss
    Entry(
        "error-multi-target",
        "0D or 1D target tensor expected, multi-target not supported",
        r"multi-target not supported",
        also=[r"multilabel-target not supported", r"0D or 1D target tensor expected"],
    ),
    Entry(
        "error-batch-size",
        "Expected input batch_size to match target batch_size",
        r"expected input batch_size \(\d+\) to match target batch_size",
        also=[r"expected input batch_size to match target"],
    ),
    Entry(
        "error-target",
        "Target is out of bounds",
        r"target -?\d+ is out of bounds",
        also=[r"target is out of bounds", r"Assertion .t >= 0 && t < n_classes. failed"],
    ),
    Entry(
        "error-target-dtype",
        "expected target dtype to be Long or Byte",
        r"expected target dtype to be Long",
        also=[r"expected scalar type Long but found"],
    ),
    Entry(
        "error-class-probabilities",
        "Expected floating point type for target with class probabilities",
        r"expected floating point type for target with class probabilities",
    ),
    # Numbers and devices
    Entry(
        "error-dtype",
        "mat1 and mat2 must have the same dtype",
        r"mat1 and mat2 must have the same dtype",
        also=[
            r"expected m1 and m2 to have the same dtype",
            r"expected scalar type \w+ but found",
            r"input type \(((unsigned )?char|double|long( long)?|float)\) and bias type",
        ],
    ),
    Entry(
        "error-not-implemented",
        "not implemented for 'Long'",
        r"not implemented for .?(Long|Int|Byte|Char|Short|Bool)\b",
        also=[r"could not infer output dtype. Input dtype must be either a floating point"],
    ),
    Entry(
        "error-ambiguous",
        "Boolean value of Tensor with more than one value is ambiguous",
        r"boolean value of tensor with more than one value is ambiguous",
    ),
    Entry(
        "error-scalar",
        "a Tensor cannot be converted to Scalar",
        r"a tensor with \d+ elements cannot be converted to scalar",
        also=[
            r"a tensor cannot be converted to scalar",
            r"only one element tensors can be converted to Python scalars",
        ],
    ),
    Entry(
        "error-device",
        "Tensor is not on the expected device",
        r"tensor on device \S+ is not on the expected device",
        also=[
            r"expected all tensors to be on the same device",
            r"tensor is not on the expected device",
            r"input type \(torch\.\S+\) and weight type \(torch\.\S+\) should be the same",
        ],
    ),
    # Gradients
    Entry(
        "error-no-grad",
        "element 0 of tensors does not require grad",
        r"element \d+ of tensors does not require grad",
        also=[r"does not require grad\b"],
    ),
    Entry(
        "error-scalar-outputs",
        "grad can be implicitly created only for scalar outputs",
        r"grad can be implicitly created only for scalar outputs",
    ),
    Entry(
        "error-second-time",
        "Trying to backward through the graph a second time",
        r"trying to backward through the graph a second time",
    ),
    Entry(
        "error-leaf",
        "a leaf Variable that requires grad is being used in an in-place operation",
        r"a leaf variable that requires grad is being used in an in-place operation",
        also=[r"a leaf variable that requires grad has been used in an in-place operation"],
    ),
    Entry(
        "error-inplace",
        "modified by an inplace operation",
        r"modified by an inplace operation",
        also=[r"variables needed for gradient computation"],
    ),
    Entry(
        "error-numpy",
        "Can't call numpy() on Tensor that requires grad",
        r"can.t call numpy\(\) on (tensor|variable) that requires grad",
    ),
    Entry(
        "error-none",
        "'NoneType' object has no attribute",
        r".NoneType.? object has no attribute",
        also=[r"unsupported operand type.*NoneType"],
    ),
    # Modules and optimizers
    Entry(
        "error-init",
        "cannot assign module before Module.__init__() call",
        r"cannot assign (module|parameters?) before Module\.__init__\(\) call",
    ),
    Entry(
        "error-empty-list",
        "optimizer got an empty parameter list",
        r"optimizer got an empty parameter list",
    ),
    Entry(
        "error-non-leaf", "can't optimize a non-leaf Tensor", r"can.t optimize a non-leaf tensor"
    ),
    Entry(
        "error-one-value",
        "Expected more than 1 value per channel when training",
        r"expected more than 1 value per channel when training",
    ),
    # Data
    Entry(
        "error-stack",
        "stack expects each tensor to be equal size",
        r"stack expects each tensor to be equal size",
        also=[r"each element in list of batch should be of equal size"],
    ),
    Entry(
        "error-collate",
        "batch must contain tensors, numpy arrays, numbers, dicts or lists",
        r"batch must contain tensors, numpy arrays, numbers, dicts or lists",
    ),
    Entry(
        "error-num-samples",
        "num_samples should be a positive integer value",
        r"num_samples should be a positive integer value",
    ),
    Entry("error-not-found", "Dataset not found", r"dataset not found"),
    Entry(
        "error-float-tensor",
        "Input tensor should be a float tensor",
        r"input tensor should be a float tensor",
    ),
    # Saved models
    Entry(
        "error-keys", "Missing key(s) in state_dict", r"(missing|unexpected) key\(s\) in state_dict"
    ),
    Entry(
        "error-size-mismatch",
        "size mismatch, copying a param from checkpoint",
        r"size mismatch for \S+ copying a param with shape",
        also=[r"copying a param with shape", r"size mismatch, copying a param from checkpoint"],
    ),
    Entry("error-weights-only", "Weights only load failed", r"weights only load failed"),
)


def entry_of(message: str) -> Entry | None:
    """Find the entry that explains a message.

    Parameters
    ----------
    message : str
        A message, with or without the type of the error in front, or a whole traceback.

    Returns
    -------
    Entry or None
        The entry, if there is one.
    """
    words = " ".join(message.split())
    for entry in ENTRIES:
        for pattern in (entry.pattern, *entry.also):
            if re.search(pattern, words, re.IGNORECASE):
                return entry
    return None
