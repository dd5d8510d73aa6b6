"""A doctor for small classifiers: what looks wrong, why that usually is so, and what helps.

    >>> from firstlayers import diagnose

It runs one training step on a copy of the model and asks some forty questions about it. Each is a
function: it gets what was observed (``firstlayers.examination``), and returns a sentence with what it
measured if that looks wrong, and nothing if not.
"""

import math
import textwrap
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from firstlayers.error_index import CHAPTER, entry_of
from firstlayers.examination import (
    STEPS,
    WEIGHTED,
    Examination,
    attributes,
    difference,
    in_range,
    is_one_hot,
    is_plain,
    layer,
)

__all__ = ["Diagnosis", "Finding", "diagnose"]

WIDTH = 88  # characters of a line, as in the code of chapters


@dataclass(frozen=True)
class Finding:
    """One thing that looks wrong."""

    name: str
    """What it is called: ``softmax on the output``."""
    measured: str
    """One sentence with what was measured."""
    cause: str
    """Where it usually comes from."""
    cure: str
    """What helps."""
    see: str
    """The chapter and the heading in it that explain it:
    ``4_clinic/01_common_mistakes#softmax-before-crossentropyloss``."""

    def __str__(self) -> str:
        parts = [
            ("✘ ", f"{self.name}: {self.measured}"),
            ("  ", f"Usual cause: {self.cause}"),
            ("  ", f"Cure: {self.cure}"),
            ("  ", f"See {self.see}"),
        ]
        lines = (
            textwrap.fill(text, WIDTH, initial_indent=start, subsequent_indent="  ")
            for start, text in parts
        )
        return "\n".join(lines)


@dataclass(frozen=True, repr=False)
class Diagnosis:
    """What :func:`firstlayers.diagnose` found. It prints as a short text."""

    findings: tuple[Finding, ...]
    """What looks wrong, in the order in which to mend it."""
    checks: int
    """How many checks were made."""
    waiting: int
    """How many could not be made, because the model did not get that far."""

    @property
    def names(self) -> list[str]:
        """The names of the findings."""
        return [finding.name for finding in self.findings]

    def __str__(self) -> str:
        made = f"{self.checks} checks"
        if self.waiting:
            made += f", {self.waiting} more not possible"
        if not self.findings:
            return f"nothing looks wrong ({made})"
        count = len(self.findings)
        head = f"{count} thing{'s look' if count > 1 else ' looks'} wrong ({made})"
        return "\n".join([head, *map(str, self.findings)])

    __repr__ = __str__  # for the last line of a notebook's cell


@dataclass(frozen=True)
class Check:
    """One question, and what to say if the answer looks wrong."""

    name: str
    measure: Callable[[Examination], str | None]
    cause: str
    cure: str
    see: str
    needs: tuple[str, ...]
    """What must have been observed: attributes of the examination."""
    unless: tuple[str, ...]
    """Earlier findings that would explain this one."""
    asked: Callable[[Examination], bool]
    """Whether the caller wants to know."""


CHECKS: list[Check] = []
MISTAKES = "4_clinic/01_common_mistakes"
MESSAGES = CHAPTER


def check(
    name: str,
    *,
    cause: str,
    cure: str,
    see: str,
    needs: tuple[str, ...] = (),
    unless: tuple[str, ...] = (),
    asked: Callable[[Examination], bool] = lambda seen: True,
) -> Callable[[Callable[[Examination], str | None]], Callable[[Examination], str | None]]:
    """Add a function to the list of checks. They are made in the order of this file."""
    if see.startswith("#"):
        see = f"{MESSAGES if see.startswith('#error-') else MISTAKES}{see}"

    def add(
        measure: Callable[[Examination], str | None],
    ) -> Callable[[Examination], str | None]:
        CHECKS.append(Check(name, measure, cause, cure, see, needs, unless, asked))
        return measure

    return add


def diagnose(
    model: nn.Module,
    images: Tensor,
    labels: Tensor,
    *,
    training: bool | None = None,
    optimizer: Optimizer | None = None,
) -> Diagnosis:
    """Run one training step on a copy of a classifier, and say what looks wrong.

    The classifier is one that is trained with the cross-entropy. Model, optimizer, images, labels
    and random numbers stay exactly as they are. Hooks of the model are called, as in any call.

    What cannot be seen in one step on a few images is not found: a test set that takes part in a
    decision, a ``zero_grad()`` that is missing in your loop, overfitting.

    Parameters
    ----------
    model : torch.nn.Module
        The model, trained or not.
    images : torch.Tensor
        At least two images, shape (N, ...), as they are given to the model; 64 training images are a
        good choice. Of more than 128, the first 128 are taken.
    labels : torch.Tensor
        Their labels, N of them, as they are given to the loss.
    training : bool, optional
        What you are about to do: ``True`` to train, ``False`` to predict. The model is then asked
        whether it is in the right mode. By default, its mode is not judged.
    optimizer : torch.optim.Optimizer, optional
        What is to train the model. It is then asked whether it holds the model's parameters, and
        whether its learning rate suits.

    Returns
    -------
    firstlayers.diagnosis.Diagnosis
        The findings. Printed, it says ``nothing looks wrong`` if there are none.

    Raises
    ------
    TypeError
        If something is of another kind than said above.
    ValueError
        If there are fewer than two images, or not one label for each.

    Examples
    --------
    >>> model = nn.Sequential(nn.Flatten(), nn.Linear(784, 10), nn.Softmax(dim=1))
    >>> images, labels = torch.rand(64, 1, 28, 28), torch.randint(10, (64,))
    >>> diagnose(model, images, labels).names
    ['softmax on the output']
    """
    _check_arguments(model, images, labels, training, optimizer)
    seen = Examination(model, images, labels, optimizer, training)
    findings: dict[str, Finding] = {}
    asked = [question for question in CHECKS if question.asked(seen)]
    possible = [
        question for question in asked if all(hasattr(seen, need) for need in question.needs)
    ]
    for question in possible:
        if not findings.keys() & set(question.unless):
            measured = question.measure(seen)
            if measured:
                findings[question.name] = Finding(
                    question.name, measured, question.cause, question.cure, _see(question, measured)
                )
    return Diagnosis(tuple(findings.values()), len(possible), len(asked) - len(possible))


def _see(question: Check, measured: str) -> str:
    """Say where a finding is explained; a message of PyTorch's has an entry of its own."""
    entry = entry_of(measured) if question.see == MESSAGES else None
    return f"{MESSAGES}#{entry.label}" if entry is not None else question.see


def _check_arguments(
    model: object, images: Any, labels: Any, training: object, optimizer: object
) -> None:
    if not isinstance(model, nn.Module):
        made = " itself, not its class: add parentheses" if isinstance(model, type) else ""
        raise TypeError(f"model must be a torch.nn.Module{made}, got {model!r:.80}")
    for name, value in (("images", images), ("labels", labels)):
        if not isinstance(value, Tensor):
            raise TypeError(
                f"{name} must be a tensor, got {type(value).__name__}: take one batch out of the "
                "loader, images, labels = next(iter(loader)), or torch.as_tensor of an array"
            )
        if not is_plain(value):
            raise TypeError(
                f"{name} must be plain numbers, got a tensor that is sparse, complex or on the device "
                "meta"
            )
    if images.ndim < 2 or len(images) < 2 or not images.numel():
        raise ValueError(
            f"images must be at least two, images first, got the shape {tuple(images.shape)}: "
            "64 training images are a good choice"
        )
    if labels.ndim == 0 or len(labels) != len(images) or not labels.numel():
        raise ValueError(
            f"there must be one label for each of the {len(images)} images, got labels of shape "
            f"{tuple(labels.shape)}"
        )
    if not isinstance(training, bool | None):
        raise TypeError(f"training must be True, False or None, got {training!r}")
    if optimizer is not None and not isinstance(optimizer, Optimizer):
        raise TypeError(
            f"optimizer must be a torch.optim.Optimizer, got {type(optimizer).__name__}"
        )


# What goes in


@check(
    "super().__init__() forgotten",
    cause="an __init__ of your own takes the place of that of nn.Module.",
    cure="super().__init__() as its first line.",
    see="#error-init",
)
def super_init_forgotten(seen: Examination) -> str | None:
    """Look for what nn.Module's own __init__ sets up."""
    if seen.is_set_up:
        return None
    return f"{type(seen.given).__name__} has nothing of what nn.Module's __init__ sets up."


@check(
    "a method of nn.Module overwritten",
    cause="a method called train, or an attribute called modules, parameters or children.",
    cure="give it another name: PyTorch calls its own by these.",
    see="#error-init",
)
def method_overwritten(seen: Examination) -> str | None:
    """Compare attributes and methods with those that every module has."""
    found = list(dict.fromkeys(seen.overwritten))
    return f"the model has {_list(found)} of its own." if found else None


@check(
    "the model cannot be copied",
    cause="an attribute that is a file or a lock, or a lazy layer not yet called.",
    cure="keep it outside of the model, or call the model once. Then ask again.",
    see=MESSAGES,
)
def cannot_be_copied(seen: Examination) -> str | None:
    """Pass on what Python said."""
    return seen.uncopied or None


@check(
    "two devices",
    cause="one of them was moved and the other was not.",
    cure="images.to(device), model.to(device); in the model, parameters and buffers.",
    see="#two-devices",
    needs=("model",),
)
def two_devices(seen: Examination) -> str | None:
    """Compare devices, where PyTorch refused the images; a model may move them itself."""
    labels_are_elsewhere = (
        hasattr(seen, "logits") and seen.logits.device != seen.given_labels.device
    )
    if not (seen.refused or seen.stopped or labels_are_elsewhere):
        return None
    kinds = {
        "the images": {str(seen.given_images.device)},
        "the labels": {str(seen.given_labels.device)},
        "the parameters": {str(p.device) for p in seen.model.parameters()},
        "the buffers": {str(b.device) for b in seen.model.buffers()},
    }
    found = {name: " and ".join(sorted(where)) for name, where in kinds.items() if where}
    if len(set(found.values())) < 2:
        return None
    return f"{', '.join(f'{name} are on {where}' for name, where in found.items())}."


@check(
    "images are whole numbers",
    cause="these are raw pixels; weights are float32, and the two do not mix.",
    cure="scale them: v2.ToDtype(torch.float32, scale=True), or images.float() / 255.",
    see="#pixels-from-0-to-255",
)
def images_are_whole_numbers(seen: Examination) -> str | None:
    """Look at the dtype, where PyTorch refused the images; a model may convert them itself."""
    given = seen.given_images
    if not (seen.refused or seen.stopped) or given.is_floating_point():
        return None
    return f"the images are {_dtype(given)}, from {given.min().item()} to {given.max().item()}."


@check(
    "two dtypes",
    cause="NumPy's numbers are float64, PyTorch's are float32.",
    cure="images.float(), and model.float() for what is float64 in the model.",
    see="#surprises-of-dtype",
    needs=("model",),
    unless=("images are whole numbers",),
)
def two_dtypes(seen: Examination) -> str | None:
    """Compare dtypes, where PyTorch refused the images."""
    if not (seen.refused or seen.stopped):
        return None
    of_model = sorted({_dtype(p) for p in seen.parameters.values() if p.is_floating_point()})
    if {_dtype(seen.given_images)} == set(of_model) or not of_model:
        return None
    return f"the images are {_dtype(seen.given_images)}, the parameters {' and '.join(of_model)}."


@check(
    "the forward pass stops",
    cause="PyTorch's own message names the operation that cannot go on.",
    cure="print shapes, layer by layer, until one is not what you meant.",
    see=MESSAGES,
    unless=("two devices", "two dtypes"),
)
def forward_stops(seen: Examination) -> str | None:
    """Pass on what PyTorch said."""
    return f"{seen.stopped}" if seen.stopped else None


@check(
    "images changed in place",
    cause="in forward, an operation ending in an underscore, +=, or inplace=True.",
    cure="compute a new tensor: images = images - mean, images.reshape(...), nn.ReLU().",
    see="#images-changed-in-place",
    needs=("changed",),
)
def images_changed(seen: Examination) -> str | None:
    """Compare the images that were handed over with their originals."""
    if not seen.changed:
        return None
    changed = f"{seen.changed:.0%} of its pixels" if seen.changed <= 1 else "the shape"
    return f"the forward pass changed {changed} in the tensor that was handed to the model."


@check(
    "pixels not normalized",
    cause="raw pixels go from 0 to 255. Or they were divided by 255 twice.",
    cure="bring them to 0 to 1, or to the training images' mean 0 and std 1.",
    see="#pixels-from-0-to-255",
    needs=("logits",),
    unless=("images are whole numbers",),
)
def pixels_not_normalized(seen: Examination) -> str | None:
    """Measure the size of what reaches the first weights.

    On the bundled digits, the root mean square is 0.34 for pixels from 0 to 1, 0.9 from -1 to 1, and
    1.0 if standardized. The course's network learns with SGD and a learning rate of 0.1 from 0.34 to
    2.7, and stays at guessing from 5.4 on; with 0.03 and less it learns ten times slower or not at
    all.
    """
    if not seen.images.isfinite().all():
        return None
    first = next((call for call in seen.calls if isinstance(call.module, WEIGHTED)), None)
    rms = first.rms if first else seen.images.float().square().mean().sqrt().item()
    if math.isnan(rms) or 0.02 < rms < 5:
        return None
    low, high = seen.images.min().item(), seen.images.max().item()
    return (
        f"the pixels go from {low:.4g} to {high:.4g}, and the first layer with weights gets numbers "
        f"of size {rms:.3g} (root mean square), where about 1 is right."
    )


# Labels


@check(
    "one-hot labels",
    cause="other libraries want them; cross_entropy takes the number of the class.",
    cure="labels.argmax(dim=1), or take the transform away that makes them.",
    see="#error-class-probabilities",
)
def one_hot_labels(seen: Examination) -> str | None:
    """Look for rows that are a 1 among zeros."""
    if not is_one_hot(seen.given_labels):
        return None
    shape = tuple(seen.given_labels.shape)
    return f"the labels have the shape {shape}, and each row is one 1 among zeros."


@check(
    "wrong shape of labels",
    cause="a column of a table keeps its axis, and broadcasts in comparisons.",
    cure="labels.squeeze(1), or labels.flatten(): one number an image.",
    see="#labels-of-shape-n-1",
    unless=("one-hot labels",),
)
def wrong_shape_of_labels(seen: Examination) -> str | None:
    """Expect (N,), or probabilities (N, C), which cross_entropy takes as well."""
    labels = seen.given_labels
    if labels.ndim == 1:
        return None
    if labels.ndim == 2 and labels.shape[1] > 1 and labels.is_floating_point():
        fits = not hasattr(seen, "logits") or labels.shape == seen.logits.shape
        if fits and (labels.sum(dim=1) - 1).abs().max() < 1e-3:
            return None
    return f"the labels have the shape {tuple(labels.shape)} instead of ({len(labels)},)."


@check(
    "labels are no class numbers",
    cause="they were read with the pixels, or came from NumPy.",
    cure="labels.long(), which is int64.",
    see="#error-target-dtype",
    unless=("one-hot labels",),
)
def labels_are_no_class_numbers(seen: Examination) -> str | None:
    """Expect int64, or uint8, which cross_entropy takes as well."""
    labels = seen.given_labels
    if labels.dtype in (torch.int64, torch.uint8) or (labels.ndim == 2 and labels.shape[1] > 1):
        return None
    return f"the labels are {_dtype(labels)}, such as {labels.flatten()[0].item()}, not int64."


@check(
    "labels out of range",
    cause="labels that count from 1, or a last layer with too few outputs.",
    cure="count classes from 0, and give the last layer one output for each of them.",
    see="#error-target",
    needs=("logits", "classes"),
)
def labels_out_of_range(seen: Examination) -> str | None:
    """Compare the labels with the number of outputs."""
    count = seen.logits.shape[1]
    if in_range(seen.classes, count):
        return None
    return (
        f"the labels go from {seen.classes.min()} to {seen.classes.max()}, and the model's {count} "
        f"outputs stand for 0 to {count - 1}."
    )


@check(
    "labels in order",
    cause="a loader without shuffle, over images that are sorted by class.",
    cure="DataLoader(train_set, batch_size=64, shuffle=True).",
    see="#a-loader-without-shuffle",
    needs=("classes",),
)
def labels_in_order(seen: Examination) -> str | None:
    """Look for sorted labels; 16 labels of 10 classes come sorted once in five billion times."""
    count = len(seen.classes)
    if count < 16 or (seen.classes.diff() < 0).any():
        return None
    different = len(set(seen.classes.tolist()))
    return f"the {count} labels never go down, from first to last, over {different} classes."


# The model's parts


@check(
    "layers not registered",
    cause="a plain Python list or dictionary, where the model does not look.",
    cure="nn.ModuleList([...]), nn.ModuleDict({...}), or nn.Sequential.",
    see="#layers-in-a-python-list",
    needs=("model",),
)
def layers_not_registered(seen: Examination) -> str | None:
    """Look for modules in attributes that the model does not know."""
    known = set(seen.model.modules())
    found = {
        place: sum(parameter.numel() for parameter in module.parameters())
        for place, module in attributes(seen.model)
        if isinstance(module, nn.Module) and module not in known
    }
    found = {place: count for place, count in found.items() if count}
    if not found:
        return None
    return (
        f"the model does not know {_list(found)}, and so none of the {sum(found.values()):,} "
        "parameters there."
    )


@check(
    "a tensor instead of a parameter",
    cause="modules register nn.Parameter; tensors are not learned, moved or saved.",
    cure="nn.Parameter for what is learned, register_buffer for what is not.",
    see="#a-tensor-instead-of-a-parameter",
    needs=("logits", "plain"),
    unless=("layers not registered",),
)
def tensor_instead_of_parameter(seen: Examination) -> str | None:
    """Look for tensors on which the output depends, in attributes and elsewhere in the graph."""
    strangers = [f"a tensor of shape {tuple(leaf.shape)}" for leaf in seen.strangers()]
    found = [*seen.plain, *strangers]
    return (
        f"the output depends on {_list(found)}, which the model did not register."
        if found
        else None
    )


@check(
    "frozen parameters",
    cause="requires_grad_(False). If you meant that for these: good.",
    cure="requires_grad_(True) for what shall learn.",
    see="#parameters-without-a-gradient",
    needs=("model",),
    asked=lambda seen: seen.training is not False,
)
def frozen_parameters(seen: Examination) -> str | None:
    """Look at requires_grad."""
    frozen = [name for name, p in seen.parameters.items() if not p.requires_grad]
    total = len(seen.parameters)
    return f"{len(frozen)} of {total} parameters never change: {_list(frozen)}." if frozen else None


@check(
    "linear layers in a row",
    cause="a forgotten activation function. Two such layers are no more than one.",
    cure="put nn.ReLU() between them.",
    see="1_basics/05_neurons#why-layers-need-one-in-between",
    needs=("logits",),
)
def linear_layers_in_a_row(seen: Examination) -> str | None:
    """Follow the graph from each linear layer back to the one before."""
    found = [
        f"{first.layer} and {second.layer}"
        for first, second in seen.pairs_of_linear_layers()
        if isinstance(first.module, nn.Linear) and isinstance(second.module, nn.Linear)
        # A bottleneck is narrower than both ends: it saves weights, and one layer cannot do the same.
        if first.module.out_features >= min(first.module.in_features, second.module.out_features)
    ]
    return f"between {_list(found)} there is no activation function." if found else None


# Numbers that are none


@check(
    "nan or inf",
    cause="a learning rate that was too high, a logarithm of 0, or a division by 0.",
    cure="start anew with a lower rate; let cross_entropy and softmax take the logarithms.",
    see="#a-learning-rate-too-high-and-too-low",
    needs=("begun",),
)
def nan_or_inf(seen: Examination) -> str | None:
    """Find the first place, from the images to the gradients."""
    if seen.given_images.is_floating_point() and _bad(seen.given_images):
        return f"{_bad(seen.given_images)} pixels of the images are nan or inf."
    # Buffers may be masks with -inf, but batch norm's may not.
    running = {n: b for n, b in seen.given.named_buffers() if "running" in n}
    for name, tensor in {**seen.begun, **running}.items():
        if not tensor.is_meta and _bad(tensor):
            return f"{_bad(tensor)} of {tensor.numel():,} numbers in {name} are nan or inf."
    for call in seen.calls:
        if not call.finite:
            where = f"comes out of {call.layer}" if call.name else "is in the output"
            return f"images and weights are finite, and nan or inf {where}."
    for name, gradient in getattr(seen, "gradients", {}).items():
        if gradient is not None and _bad(gradient):
            return f"the loss is {seen.loss:.3f}, and {_bad(gradient)} gradients in {name} are nan."
    return None


# What comes out


@check(
    "output is no tensor of floats",
    cause="a forgotten return, several results, or class numbers for logits.",
    cure="return the logits, and nothing else; argmax comes after the model.",
    see="#error-none",
    needs=("output",),
    unless=("the forward pass stops",),
)
def output_is_no_tensor(seen: Examination) -> str | None:
    """Look at the type and the dtype."""
    output = seen.output
    if isinstance(output, Tensor) and output.is_floating_point():
        return None
    what = f"a tensor of {_dtype(output)}" if isinstance(output, Tensor) else type(output).__name__
    return f"the model returns {what}, where logits are expected."


@check(
    "wrong output shape",
    cause="unsqueeze, squeeze, flatten(0), or a wrong reshape.",
    cure="return one row an image, one column a class; flatten(1) keeps images apart.",
    see="#error-batch-size",
    needs=("output",),
    unless=("output is no tensor of floats",),
)
def wrong_output_shape(seen: Examination) -> str | None:
    """Expect (N, C)."""
    if not isinstance(seen.output, Tensor):
        return None
    shape, count = tuple(seen.output.shape), len(seen.images)
    if len(shape) == 2 and shape[0] == count:
        return None
    return f"for {count} images, the output has the shape {shape} instead of ({count}, classes)."


@check(
    "softmax on the output",
    cause="a softmax at the end; cross_entropy applies one itself.",
    cure="return logits; take softmax where you want to read probabilities.",
    see="#softmax-before-crossentropyloss",
    needs=("logits",),
    unless=("nan or inf",),
)
def softmax_on_the_output(seen: Examination) -> str | None:
    """Look for rows that sum to 1. Log-probabilities do no harm: log-softmax changes them not."""
    logits = seen.logits.detach()
    if not _sum_to_one(logits, dim=1) or logits.shape[1] < 2:
        return None
    count, classes = logits.shape
    lowest = math.log(math.e + classes - 1) - 1  # for a 1 at the true class and 0 elsewhere
    return f"all {count} rows sum to 1, and so no loss is below {lowest:.4f}."


@check(
    "softmax over the batch",
    cause="softmax with dim=0, or without dim: it compares images, not classes.",
    cure="return logits; where you need probabilities, softmax(dim=1).",
    see="#softmax-over-the-wrong-axis",
    needs=("logits",),
    unless=("nan or inf", "softmax on the output"),
)
def softmax_over_the_batch(seen: Examination) -> str | None:
    """Look for columns that sum to 1, of probabilities or of log-probabilities."""
    logits = seen.logits.detach()
    for values in (logits, logits.exp()):
        if _sum_to_one(values, dim=0):
            return f"all {values.shape[1]} columns sum to 1, over the images."
    return None


def _ends_with(kind: str, seen: Examination) -> str | None:
    if seen.last_operation != kind:
        return None
    low, high = seen.logits.min().item(), seen.logits.max().item()
    return f"{kind.lower()} is the last operation, and the logits go from {low:.3f} to {high:.3f}."


@check(
    "sigmoid on the output",
    cause="an activation function after the last layer; softmax needs more room.",
    cure="end with the linear layer.",
    see="#relu-on-the-logits",
    needs=("logits",),
    unless=("nan or inf",),
)
def sigmoid_on_the_output(seen: Examination) -> str | None:
    """Look at the last operation."""
    return _ends_with("Sigmoid", seen)


@check(
    "tanh on the output",
    cause="an activation function after the last layer; softmax needs more room.",
    cure="end with the linear layer.",
    see="#relu-on-the-logits",
    needs=("logits",),
    unless=("nan or inf",),
)
def tanh_on_the_output(seen: Examination) -> str | None:
    """Look at the last operation."""
    return _ends_with("Tanh", seen)


@check(
    "ReLU on the output",
    cause="an activation function after the last layer; 0 gets no gradient.",
    cure="end with the linear layer.",
    see="#relu-on-the-logits",
    needs=("logits",),
    unless=(
        "nan or inf",
        "softmax on the output",
        "softmax over the batch",
        "sigmoid on the output",
    ),
)
def relu_on_the_output(seen: Examination) -> str | None:
    """Look for a ReLU as the last operation, or for logits of exactly 0 and none below."""
    logits = seen.logits.detach()
    zeros = (logits == 0).float().mean().item()
    by_hand = logits.min() == 0 and difference(logits, logits[:1].expand_as(logits)) > 0
    if not by_hand and _ends_with("Relu", seen) is None:
        return None
    return f"no logit is negative, and {zeros:.0%} of them are exactly 0."


@check(
    "all weights alike",
    cause="weights that were all set to the same number, such as 0.",
    cure="draw them at random, as PyTorch does or nn.init.kaiming_normal_.",
    see="#all-weights-alike",
    needs=("gradients",),
    unless=("nan or inf",),
)
def all_weights_alike(seen: Examination) -> str | None:
    """Look for layers whose units have the same weights and the same gradients, now and for ever.

    The weights alone do not tell: a last layer of zeros is a sound beginning, because its gradients
    differ.
    """
    found = []
    for name, module in seen.model.named_modules():
        weight = f"{name}.weight".lstrip(".")
        gradient = seen.gradients.get(weight)
        if not isinstance(module, WEIGHTED) or gradient is None or len(gradient) < 2:
            continue
        if _rows_are_equal(seen.begun[weight]) and _rows_are_equal(gradient):
            found.append(layer(name, module))
    return f"all units of {_list(found)} have the same weights and gradients." if found else None


@check(
    "dead ReLUs",
    cause="a step with too high a learning rate, or a large negative bias.",
    cure="start anew with a lower rate; nn.LeakyReLU keeps a slope everywhere.",
    see="#dead-relus",
    needs=("logits",),
    unless=("nan or inf", "all weights alike", "pixels not normalized"),
)
def dead_relus(seen: Examination) -> str | None:
    """Count units that are 0 for all images, in the first layer where they are nearly all.

    In 27 kinds of healthy networks, with 4 to 64 images, at most 77 % of a layer were.
    """
    for units in seen.units:
        if units.kind == "Relu":
            dead = (units.rows <= 0).all(dim=0)
            if dead.float().mean() > 0.9:
                return f"in {units.place}, {dead.sum()} of {len(dead)} units are 0 for all images."
    return None


@check(
    "saturated units",
    cause="weights, inputs or a learning rate that are too large.",
    cure="Xavier's initialization, nn.init.xavier_uniform_; normalized inputs; ReLU.",
    see="#saturated-units",
    needs=("logits",),
    unless=("nan or inf", "pixels not normalized"),
)
def saturated_units(seen: Examination) -> str | None:
    """Count outputs of sigmoid and tanh where the slope is below 3 % of its maximum.

    Weights from N(0, 1) before 784 pixels make it 87 %. In healthy networks, trained or not, it was
    at most 22 %, and 36 % in one of four sigmoid layers that hardly learned.
    """
    for units in seen.units:
        if units.kind in ("Sigmoid", "Tanh"):
            slope = 1 - units.rows**2
            if units.kind == "Sigmoid":
                slope = 4 * units.rows * (1 - units.rows)
            part = (slope < 0.03).float().mean().item()
            if part > 0.45:
                return f"in {units.place}, {part:.0%} of the outputs lie where the curve is flat."
    return None


@check(
    "same output for all images",
    cause="on the way, the images are multiplied by 0, or overwritten.",
    cure="look at the layers one by one, images first: see where rows become equal.",
    see="#all-weights-alike",
    needs=("logits",),
    unless=("nan or inf", "all weights alike", "dead ReLUs", "wrong output shape"),
)
def same_output(seen: Examination) -> str | None:
    """Compare rows. Untrained, four sigmoid layers still spread them by a part in 10,000."""
    if difference(seen.images[1:], seen.images[:-1]) == 0:
        return None
    spread = difference(seen.logits, seen.logits[:1].expand_as(seen.logits))
    if spread > 1e-6:
        return None
    return f"the rows for {len(seen.logits)} different images differ by no more than {spread:.0e}."


@check(
    "loss far above ln C",
    cause="weights too large at the start, a diverged training, or shuffled labels.",
    cure="initialize as PyTorch does; then look at some images with their labels.",
    see="#weights-too-large-at-the-start",
    needs=("loss",),
    unless=("nan or inf", "pixels not normalized", "wrong output shape"),
)
def loss_far_above(seen: Examination) -> str | None:
    """Compare loss and accuracy with guessing.

    Untrained, He's weights on standardized pixels gave up to 6.1 for ten classes and four images,
    PyTorch's own up to 2.5. A trained network may pay that for rare mistakes: it is mostly right.
    """
    classes = seen.logits.shape[1]
    right = (seen.logits.argmax(dim=1) == seen.classes.to(seen.logits.device)).float().mean().item()
    if classes < 2 or seen.loss < 4 * math.log(classes) or right > 0.5:
        return None
    times_he = {  # He's standard deviation is √(2 / inputs)
        name: (weight.square().mean() * weight[0].numel() / 2).sqrt().item()
        for name, weight in seen.begun.items()
        if weight.ndim > 1 and weight.numel()
    }
    largest = max(times_he, key=lambda name: times_he[name], default="")
    told = f" {largest} is {times_he[largest]:.1f} times the size of He's." if largest else ""
    return (
        f"the loss is {seen.loss:.2f} and {right:.0%} are right; guessing costs ln {classes} = "
        f"{math.log(classes):.2f}.{told}"
    )


# Gradients and steps


@check(
    "the backward pass stops",
    cause="PyTorch's own message; often something was overwritten in place.",
    cure="replace operations in place, such as += and relu_, by new tensors.",
    see=MESSAGES,
    needs=("logits",),
    unless=("labels are no class numbers", "wrong shape of labels"),
)
def backward_stops(seen: Examination) -> str | None:
    """Pass on what PyTorch said."""
    return seen.backward_stopped or None


@check(
    "unused parameters",
    cause="a part that was made in __init__ and is not called in forward.",
    cure="call it, or remove it.",
    see="#parameters-without-a-gradient",
    needs=("matters",),
)
def unused_parameters(seen: Examination) -> str | None:
    """Look for parameters without a gradient that do not matter for the output, either."""
    found = [name for name, matters in seen.matters.items() if not matters]
    return f"changing {_list(found)} changes no output." if found else None


@check(
    "gradient cut off",
    cause="detach(), .data, .item(), no_grad() or argmax on the way.",
    cure="keep tensors in one chain from the parameters to the loss.",
    see="#parameters-without-a-gradient",
    needs=("matters",),
)
def gradient_cut_off(seen: Examination) -> str | None:
    """Look for parameters without a gradient that do matter for the output."""
    found = [name for name, matters in seen.matters.items() if matters]
    return (
        f"changing {_list(found)} changes the output, but no gradient arrives." if found else None
    )


@check(
    "no step lowers the loss",
    cause="gradients that are 0, or wrong: edits through .data, your own backward.",
    cure="torch.autograd.gradcheck compares gradients with finite differences.",
    see="#edits-through-data",
    needs=("small_steps",),
    unless=(
        "nan or inf",
        "all weights alike",
        "dead ReLUs",
        "gradient cut off",
        "frozen parameters",
        "layers not registered",
        "a tensor instead of a parameter",
        "same output for all images",
        "ReLU on the output",
        "saturated units",
    ),
)
def no_step_lowers(seen: Examination) -> str | None:
    """Look at steps that should take 10 %, 1 %, 0.1 % and 0.01 % off the loss."""
    loss = seen.loss.item()
    if loss < 1e-3 or min(seen.small_steps) < loss:  # below, float32 hardly has room to fall
        return None
    return f"the loss is {loss:.6f}; after smaller and smaller steps, {min(seen.small_steps):.6f}."


# Evaluation mode


@check(
    "random in evaluation mode",
    cause="F.dropout without training=self.training stays on.",
    cure="use nn.Dropout, which eval() turns off, or pass training=self.training.",
    see="#a-forgotten-eval",
    needs=("in_eval", "in_eval_again"),
    unless=("nan or inf",),
)
def random_in_evaluation(seen: Examination) -> str | None:
    """Call twice after eval()."""
    apart = difference(seen.in_eval, seen.in_eval_again)
    return _by(apart, "after eval(), the outputs of two calls differ")


@check(
    "one batch size only",
    cause="a batch size typed into forward, view(64, 784), or a bare squeeze().",
    cure="images.flatten(1), reshape(len(images), -1), squeeze(1).",
    see=MESSAGES,
    needs=("in_eval",),
)
def one_batch_size_only(seen: Examination) -> str | None:
    """Call with a single image."""
    if seen.fails_alone:
        return f"{len(seen.images)} images pass, one alone does not: {seen.fails_alone}"
    if not hasattr(seen, "alone"):
        return f"{len(seen.images)} images give a row each; one alone gives another shape."
    return None


@check(
    "images influence each other",
    cause="a view of a permuted tensor, or a mean over dim 0.",
    cure="keep axis 0 for the images; use permute, then reshape only the axes after it.",
    see="#a-view-of-a-permuted-tensor",
    needs=("in_eval", "alone"),
    unless=("nan or inf", "softmax over the batch", "random in evaluation mode"),
)
def images_influence_each_other(seen: Examination) -> str | None:
    """Compare an image's output with that of the same image alone."""
    apart = difference(seen.in_eval[:1], seen.alone)
    return _by(apart, "after eval(), the first image's output alone and in the batch differ")


@check(
    "evaluation mode in training",
    cause="eval() was called for a measurement, and train() not after it.",
    cure="model.train() before each epoch.",
    see="#a-forgotten-train",
    needs=("logits", "as_it_is"),
    unless=("nan or inf",),
    asked=lambda seen: seen.training is True,
)
def evaluation_mode_in_training(seen: Examination) -> str | None:
    """Compare the model as it is with the model after train()."""
    if seen.given.training:
        return None
    apart = difference(seen.as_it_is, seen.logits)
    return _by(apart, "model.training is False, and its outputs differ from those after train()")


@check(
    "training mode in prediction",
    cause="eval() was not called, and dropout or batch norm act as in training.",
    cure="model.eval() before you predict.",
    see="#a-forgotten-eval",
    needs=("in_eval", "as_it_is"),
    unless=("nan or inf", "random in evaluation mode"),
    asked=lambda seen: seen.training is False,
)
def training_mode_in_prediction(seen: Examination) -> str | None:
    """Compare the model as it is with the model after eval()."""
    apart = difference(seen.as_it_is, seen.in_eval)
    return _by(apart, "the model's outputs differ from those after eval()")


# The optimizer


def _has_optimizer(seen: Examination) -> bool:
    return seen.given_optimizer is not None


def _groups(seen: Examination) -> list[dict[str, Any]]:
    return seen.given_optimizer.param_groups if seen.given_optimizer is not None else []


@check(
    "stale optimizer",
    cause="the model, or a part of it, was made anew after the optimizer.",
    cure="make the optimizer last: torch.optim.SGD(model.parameters(), lr=0.1).",
    see="#a-stale-optimizer",
    asked=_has_optimizer,
)
def stale_optimizer(seen: Examination) -> str | None:
    """Compare what the optimizer holds with the model's parameters."""
    held = {id(p) for group in _groups(seen) for p in group["params"]}
    pairs = [(name, p) for name, p in seen.given.named_parameters() if p.requires_grad]
    missing = [name for name, p in pairs if id(p) not in held]
    if not missing:
        return None
    held_too = len(pairs) - len(missing)
    return f"it holds {held_too} of {len(pairs)} parameters to learn. Missing: {_list(missing)}."


@check(
    "learning rate too high",
    cause="a rate for another optimizer: Adam wants a hundredth of what SGD wants.",
    cure="divide it by 10 until the loss falls.",
    see="#a-learning-rate-too-high-and-too-low",
    needs=("loss", "trained"),
    unless=("nan or inf", "pixels not normalized", "loss far above ln C"),
    asked=_has_optimizer,
)
def learning_rate_too_high(seen: Examination) -> str | None:
    """Look at five steps on the same images.

    Rates that train well may begin with a jump: Adam with 0.01 went up to 17 for ten classes, which is
    7 times where it began. With 0.1 most networks of the course went above 20 times.
    """
    start, worst = seen.trained[0], max(seen.trained, key=lambda loss: (math.isnan(loss), loss))
    if worst <= 10 * max(start, math.log(max(2, seen.logits.shape[1]))):
        return None
    return (
        f"with lr={_rate(seen)}, {STEPS} steps on the same images took the loss from {start:.3g} up "
        f"to {worst:.3g}."
    )


@check(
    "learning rate too low",
    cause="a rate for another optimizer, or a scheduler that begins near 0.",
    cure="multiply it by 10 until the loss falls within an epoch.",
    see="#a-learning-rate-too-high-and-too-low",
    needs=("loss", "trained", "moved"),
    unless=(
        "nan or inf",
        "all weights alike",
        "dead ReLUs",
        "gradient cut off",
        "same output for all images",
        "no step lowers the loss",
        "stale optimizer",
        "frozen parameters",
    ),
    asked=_has_optimizer,
)
def learning_rate_too_low(seen: Examination) -> str | None:
    """See how far five steps move the weights of a network that has not learned yet.

    In 14 kinds of networks, SGD with 0.01 and Adam with 0.001 moved at least one weight matrix by a
    thousandth of its size or more, and Adam with 1e-6 by at most 0.00026.
    """
    if seen.loss < 0.5 * math.log(max(2, seen.logits.shape[1])) or not seen.moved < 3e-4:
        return None
    return (
        f"with lr={_rate(seen)}, {STEPS} steps moved no weight matrix by more than {seen.moved:.1e} "
        "of its size."
    )


# In words


def _dtype(tensor: Tensor) -> str:
    return str(tensor.dtype).removeprefix("torch.")


def _list(names: Iterable[str], shown: int = 3) -> str:
    names = list(names)
    more = [f"{len(names) - shown} more"] if len(names) > shown else []
    *first, last = [*names[:shown], *more]
    return f"{', '.join(first)} and {last}" if first else last


def _by(apart: float, sentence: str) -> str | None:
    """Finish a sentence about two outputs that differ; below 1 %, a GPU may round differently."""
    return f"{sentence} by up to {apart:.0%} of the largest logit." if apart > 0.01 else None


def _rate(seen: Examination) -> str:
    rates = {f"{float(group['lr']):g}" for group in _groups(seen)}
    return ", ".join(sorted(rates))


# Small measurements


def _bad(tensor: Tensor) -> int:
    return int((~tensor.isfinite()).sum())


def _sum_to_one(values: Tensor, dim: int) -> bool:
    return bool((values >= 0).all() and ((values.sum(dim=dim) - 1).abs() < 1e-3).all())


def _rows_are_equal(matrix: Tensor) -> bool:
    rows = matrix.detach().flatten(1)
    if not rows.numel():
        return False
    # The order in which a sum is taken changes its last digits.
    return bool(((rows - rows[:1]).abs() <= 1e-5 * rows.abs().max()).all())
