"""What an answer does, written down so that two answers can be compared.

An answer is used in several *cases*. What each of them gives is frozen: tensors become arrays with
their dtype and device, exceptions become their type and message. The frozen form holds nothing of
the answer's own, so it can be sent from one process to another.
"""

import linecache
import math
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from textwrap import shorten
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from firstlayers.exercises.registry import Answer, Case

__all__ = ["Array", "Observation", "Raised", "Thing", "attempt", "calls", "freeze", "same"]

SEED = 20261125
"""What the random numbers of every case start from."""

OURS = str(Path(__file__).parent)


@dataclass(frozen=True)
class Array:
    """A tensor, frozen."""

    dtype: str
    device: str
    values: NDArray[Any]


@dataclass(frozen=True)
class Raised:
    """An exception, frozen."""

    type: str
    message: str = field(compare=False)
    line: str = field(compare=False)
    """The last line of the learner's own code on the way to it, or nothing."""


@dataclass(frozen=True)
class Thing:
    """Something else, of which only the type is compared."""

    type: str


@dataclass
class Observation:
    """All that was seen of an answer."""

    seen: dict[str, Any] = field(default_factory=dict)
    """For every case what it gave, frozen."""
    changed: list[str] = field(default_factory=list)
    """What the answer left changed for everything that runs after it."""
    seeded: bool = False
    """Whether it set PyTorch's seed."""
    printed: int = 0
    """How many lines it printed."""
    first_line: str = ""
    """The first of them."""
    stopped: str = ""
    """Why the check was ended, if it was: ``time``, ``memory`` or ``crash``."""


def freeze(value: object) -> Any:
    """Write a value down in a form that does not change any more.

    Parameters
    ----------
    value : object
        Anything.

    Returns
    -------
    object
        None, a bool, number or text as it is; an `Array` for a tensor; a `Raised` for an exception;
        lists for lists and tuples, dicts for dicts, each frozen inside; a `Thing` for all else.
    """
    if value is None or type(value) in (bool, int, float, str, Array, Raised, Thing):
        return value
    if isinstance(value, BaseException):
        return _freeze_exception(value)
    if isinstance(value, np.generic):
        return value.item()  # NumPy's numbers work wherever Python's do
    if isinstance(value, Tensor):
        plain = torch.zeros(value.shape) if value.is_meta else value.detach().cpu()
        if plain.layout != torch.strided or plain.dtype in (torch.bfloat16,):
            plain = plain.to_dense().float()
        dtype = str(value.dtype).removeprefix("torch.")
        return Array(dtype, value.device.type, plain.resolve_conj().numpy().copy())
    if isinstance(value, (list, tuple)):
        return [freeze(item) for item in value]
    if isinstance(value, dict):
        return {str(key): freeze(item) for key, item in value.items()}
    return Thing(type(value).__name__)


def _freeze_exception(error: BaseException) -> Raised:
    line = ""
    for frame in traceback.extract_tb(error.__traceback__):
        if frame.filename.startswith(OURS) or "site-packages" in frame.filename:
            continue
        line = frame.line or linecache.getline(frame.filename, frame.lineno or 0)
    return Raised(type(error).__name__, str(error), shorten(line, 64, placeholder=" …"))


def same(one: Any, other: Any, rtol: float, atol: float) -> bool:
    """Compare two frozen values.

    Parameters
    ----------
    one, other : object
        What :func:`freeze` returned. Where the first has a float, a whole number will do.
    rtol, atol : float
        How far two floating point numbers may be apart, as in :func:`numpy.allclose`. Nan is the
        same as nan.

    Returns
    -------
    bool
        Whether they are the same, in type, shape, dtype and values.
    """
    if isinstance(one, Array) and isinstance(other, Array):
        return (
            (one.dtype, one.device, one.values.shape)
            == (other.dtype, other.device, other.values.shape)
        ) and bool(np.allclose(one.values, other.values, rtol=rtol, atol=atol, equal_nan=True))
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(
            same(a, b, rtol, atol) for a, b in zip(one, other, strict=True)
        )
    if isinstance(one, dict) and isinstance(other, dict):
        return list(one) == list(other) and all(
            same(one[key], other[key], rtol, atol) for key in one
        )
    if isinstance(one, float) and type(other) in (int, float):
        return math.isclose(one, other, rel_tol=rtol, abs_tol=atol) or (
            math.isnan(one) and math.isnan(other)
        )
    return bool(type(one) is type(other) and one == other)


def attempt(function: Callable[[], object]) -> object:
    """Call a function; an exception is a result, too.

    Parameters
    ----------
    function : callable
        Takes nothing.

    Returns
    -------
    object
        What it returned, or a `Raised`.
    """
    try:
        return function()
    except Exception as error:  # noqa: BLE001  # whatever it raises is its result
        return _freeze_exception(error)


def calls(
    inputs: Mapping[str, Callable[[], tuple[Any, ...]]], *, gradient: bool = False
) -> dict[str, Case]:
    """Make the cases of an exercise whose answer is a function that is called.

    Parameters
    ----------
    inputs : mapping of str to callable
        For each label a function that makes the arguments. Random numbers are seeded before it.
    gradient : bool
        Whether the gradient of the result with respect to the floating point tensors is looked at,
        too, and so whether autograd can follow the answer.

    Returns
    -------
    dict of str to callable
        The cases. Each gives the ``result``, whether an ``input changed``, and the ``gradient``.
    """
    return {label: _call(make, gradient) for label, make in inputs.items()}


def _call(make: Callable[[], tuple[Any, ...]], gradient: bool) -> Case:
    def look(answer: Answer) -> dict[str, object]:
        arguments = make()
        before, again = freeze(arguments), _copies(arguments)
        record: dict[str, object] = {"result": freeze(answer(*arguments))}
        record["input changed"] = not same(before, freeze(arguments), 0, 0)
        if gradient:
            record["gradient"] = attempt(lambda: _gradient(answer, again))
        return record

    return look


def _copies(value: Any) -> Any:
    if isinstance(value, Tensor):
        return value.detach().clone()
    if isinstance(value, (list, tuple)):
        return [_copies(item) for item in value]
    return value


def _gradient(answer: Answer, arguments: list[Any]) -> list[Tensor | None] | None:
    leaves = [
        a.requires_grad_() for a in arguments if isinstance(a, Tensor) and a.is_floating_point()
    ]
    result = answer(*arguments)
    if not isinstance(result, Tensor) or not result.requires_grad:
        return None
    # Each number of the result counts differently, so that no two gradients cancel.
    weights = torch.linspace(0.5, 1.5, result.numel(), dtype=result.dtype).reshape(result.shape)
    return list(torch.autograd.grad((result * weights).sum(), leaves, allow_unused=True))
