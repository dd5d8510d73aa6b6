"""Say of an answer whether it is right and, if not, where it goes wrong.

The order is: not attempted, right, a slip with a name, and then the general questions, from the
crudest to the finest: did it end, did it raise, did anything come back, of what type, shape, dtype
and device, with numbers that are numbers, with the input left alone, with a gradient, and where the
values are off most.
"""

import dis
import math
import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

import numpy as np
from torch import nn

from firstlayers.error_index import Entry, entry_of
from firstlayers.exercises.isolation import observe, observe_here
from firstlayers.exercises.observation import Array, Observation, Raised, Thing, same
from firstlayers.exercises.registry import Answer, Exercise, Slip

__all__ = ["Verdict", "is_same", "judge", "judge_observed", "observation_of", "reference_of"]

WIDTH = 88
MOST_LINES = 5
GOES_ON = "The page goes on with the course's version."


@dataclass(frozen=True)
class Verdict:
    """What is said of an answer."""

    state: Literal["right", "wrong", "not attempted"]
    title: str
    """What it is, in a few words: the name of a slip, for instance."""
    text: str
    """At most five lines."""


def judge(exercise: Exercise, answer: Answer, *, isolated: bool = True) -> Verdict:
    """Judge an answer by what it does.

    Parameters
    ----------
    exercise : Exercise
        The exercise.
    answer : callable
        The learner's function or class.
    isolated : bool
        Whether the answer is kept from harming the session. Only answers that are known to be
        harmless may do without.

    Returns
    -------
    Verdict
        What to say.
    """
    # The course's answer first: what PyTorch imports only when it is used, it then imports here, and
    # not on the learner's time.
    reference_of(exercise)
    observation = (observe if isolated else observe_here)(answer, exercise.cases)
    return judge_observed(exercise, answer, observation)


def judge_observed(exercise: Exercise, answer: Answer, observation: Observation) -> Verdict:
    """Judge an answer by what was seen of it."""
    expected = reference_of(exercise)
    if is_same(exercise, observation, expected):
        note = ""
        if observation.seeded:
            note = (
                "One thing: it sets PyTorch's seed, so whatever draws random numbers after it "
                "draws the same ones each time."
            )
        return _verdict(exercise, "right", "right", f"right on {exercise.checked}.", note)
    if _does_nothing(answer) and any(
        is_same(exercise, observation, seen) for seen in _untouched(exercise)
    ):
        return _verdict(exercise, "not attempted", "not attempted", f"not attempted yet. {GOES_ON}")
    entry = _entry_for(exercise, observation, expected)
    slip = _slip_of(exercise, observation)
    if slip is not None:
        # What is said of a slip is said whole, even if there is no room for more.
        verdict = _wrong(exercise, slip.name, slip.message, observation, entry)
        return verdict or _cut(exercise, slip.name, slip.message, observation)
    return _cut(exercise, *_explain(exercise, observation, expected), observation, entry)


def _verdict(
    exercise: Exercise,
    state: Literal["right", "wrong", "not attempted"],
    title: str,
    first: str,
    *more: str,
) -> Verdict:
    mark = {"right": "✔", "wrong": "✘", "not attempted": "○"}[state]
    lines = textwrap.wrap(f"{mark} {exercise.name}: {first}", WIDTH, subsequent_indent="  ")
    for paragraph in more:
        lines += textwrap.wrap(
            paragraph, WIDTH, initial_indent="  ", subsequent_indent="  ", break_long_words=True
        )
    return Verdict(state, title, "\n".join(lines))


def _wrong(
    exercise: Exercise,
    title: str,
    message: str,
    observation: Observation,
    entry: Entry | None = None,
) -> Verdict | None:
    """Say what is wrong, if there is room for it."""
    last = [f'hint("{exercise.name}") shows more']
    if entry is not None:
        last.append(f'see "{entry.heading}" in the clinic\'s error messages')
    last.append("the page goes on with the course's version.")
    notes = []
    if observation.printed > 20:
        notes.append(f"(It printed {observation.printed:,} lines while it was checked.)")
    verdict = _verdict(exercise, "wrong", title, f"{title}. {message}", *notes, " · ".join(last))
    return verdict if verdict.text.count("\n") < MOST_LINES else None


def _cut(
    exercise: Exercise,
    title: str,
    message: str,
    observation: Observation,
    entry: Entry | None = None,
) -> Verdict:
    """Say what is wrong, with as much of the message as there is room for."""
    for words in range(len(message), 0, -1):
        shorter = message if words == len(message) else message[:words].rstrip() + " …"
        verdict = _wrong(exercise, title, shorter, observation, entry)
        if verdict is not None:
            return verdict
    raise AssertionError("a verdict without a message has at most five lines")


# Comparing


@cache
def reference_of(exercise: Exercise) -> Observation:
    """Observe the course's own answer, once."""
    return observe_here(exercise.reference, exercise.cases)


def is_same(exercise: Exercise, got: Observation, wanted: Observation) -> bool:
    """Tell whether an answer did what another one did, and nothing else."""
    return (
        not got.stopped
        and got.changed == wanted.changed
        and same(wanted.seen, got.seen, exercise.rtol, exercise.atol)
    )


@cache
def observation_of(exercise: Exercise, answer: Answer) -> Observation:
    """Observe an answer that is known, a slip for instance, once."""
    return observe_here(answer, exercise.cases)


def _slip_of(exercise: Exercise, observation: Observation) -> Slip | None:
    for slip in exercise.slips:
        if is_same(exercise, observation, observation_of(exercise, slip.answer)):
            return slip
    return None


def _returns_nothing(*args: object, **kwargs: object) -> None:
    return None


def _returns_dots(*args: object, **kwargs: object) -> object:
    return ...


def _is_not_there(*args: object, **kwargs: object) -> object:
    raise NotImplementedError


def _untouched(exercise: Exercise) -> list[Observation]:
    stubs = (
        [_returns_nothing, _returns_dots, _is_not_there]
        if exercise.stub is None
        else [exercise.stub]
    )
    return [observation_of(exercise, stub) for stub in stubs]


EMPTY = {
    "CACHE", "COPY_FREE_VARS", "LOAD_COMMON_CONSTANT", "LOAD_CONST", "MAKE_CELL", "NOP", "POP_TOP",
    "RESUME", "RETURN_CONST", "RETURN_VALUE",
}  # fmt: skip
"""The instructions of a function that returns a constant."""


def _does_nothing(answer: Answer) -> bool:
    """Tell an empty function from one that computes something and forgets to return it."""
    code = getattr(answer, "__code__", None)
    if code is None or "NotImplementedError" in code.co_names:
        return True  # a class: the comparison with its stub decides
    return {instruction.opname for instruction in dis.get_instructions(code)} <= EMPTY


# Explaining


def _entry_for(exercise: Exercise, observation: Observation, expected: Observation) -> Entry | None:
    """Find what the clinic says of an error that the answer raised, where it first goes wrong."""
    for label, wanted in expected.seen.items():
        got = observation.seen.get(label)
        if not same(wanted, got, exercise.rtol, exercise.atol):
            return next((entry_of(raised.message) for raised in _unwanted(wanted, got)), None)
    return None


def _unwanted(wanted: Any, got: Any) -> Iterator[Raised]:
    """Go through the errors that were raised where none should be."""
    if isinstance(got, Raised) and not isinstance(wanted, Raised):
        yield got
    elif isinstance(wanted, dict) and isinstance(got, dict):
        for key, value in got.items():
            yield from _unwanted(wanted.get(key), value)
    elif isinstance(wanted, list) and isinstance(got, list):
        for one, other in zip(wanted, got, strict=False):
            yield from _unwanted(one, other)


def _explain(
    exercise: Exercise, observation: Observation, expected: Observation
) -> tuple[str, str]:
    if observation.stopped == "time":
        return "does not end", (
            "It was stopped after a few seconds. Is there a loop whose condition never "
            "becomes false, or something that waits?"
        )
    if observation.stopped == "crash":
        return "ended Python", (
            "It ended the whole Python process, which was one made for this check; your session is "
            "as it was. Return a result instead of ending the program."
        )
    for label, wanted in expected.seen.items():
        got = observation.seen.get(label)
        if not same(wanted, got, exercise.rtol, exercise.atol):
            found = _difference(exercise, wanted, got, "")
            if found is not None:
                seen_on = f" (Tried with: {label}.)" if len(expected.seen) > 1 else ""
                return found[0], found[1] + seen_on
    changes = _list(observation.changed[:3])
    return "changes more than it should", (
        f"The result is right, but afterwards this is different for everything that runs later: "
        f"{changes}. (It was put back.)"
    )


def _list(names: list[str]) -> str:
    return names[0] if len(names) == 1 else ", ".join(names[:-1]) + " and " + names[-1]


def _difference(exercise: Exercise, wanted: Any, got: Any, where: str) -> tuple[str, str] | None:
    """Find the first difference, and say it in words."""
    if same(wanted, got, exercise.rtol, exercise.atol):
        return None
    if isinstance(got, Raised) and not isinstance(wanted, Raised):
        return _say_raised(exercise, got)
    if isinstance(wanted, Raised):
        if isinstance(got, Raised):
            line = f" in “{got.line}”" if got.line else ""
            return "raises another error", f"It should raise {wanted.type}, not {got.type}{line}."
        return "raises nothing", f"It should raise {wanted.type} here, and raises nothing."
    if isinstance(wanted, dict) and isinstance(got, dict):
        # What came out may be wrong because the input was changed.
        for key in sorted(wanted, key=lambda key: key != "input changed"):
            found = _difference(exercise, wanted[key], got.get(key), key)
            if found is not None:
                return found
        return (
            "more than asked for",
            f"{_name(where)} has {_list([str(k) for k in got if k not in wanted])} too.",
        )
    if where == "input changed":
        return "changes its input", (
            "It changes the tensor that it was given, and whoever called it still needs that one. "
            "In place work: names that end in an underscore, *= and -= and the like, and x[...] = y."
        )
    if where == "gradient":
        if got is None:
            return "gradient cut off", (
                "The values are right, but autograd cannot follow them back to the input. Something "
                "on the way leaves PyTorch: item(), numpy(), detach(), or a new tensor of numbers."
            )
        return _say_gradient(exercise, wanted, got)
    if got is None:
        return (
            "nothing came back",
            f"Instead of {_the(where)} there is None. Is there a return at the end of {_function(exercise)}?",
        )
    if isinstance(wanted, list) and isinstance(got, list):
        if len(wanted) != len(got):
            return (
                "length",
                f"{_name(where)} should have {len(wanted)} entries, not {len(got)}.",
            )
        for place, (one, other) in enumerate(zip(wanted, got, strict=True)):
            found = _difference(exercise, one, other, f"entry {place} of {_the(where)}")
            if found is not None:
                return found
    if isinstance(wanted, Array) and isinstance(got, Array):
        return _say_array(exercise, wanted, got, where)
    if _kind(wanted) != _kind(got) and not (type(wanted) is float and type(got) is int):
        return (
            "type",
            f"{_name(where)} should be {_kind(wanted)}, not {_kind(got)}.{_cure(wanted, got)}",
        )
    return "value", f"{_name(where)} should be {_show(wanted)}, not {_show(got)}."


def _function(exercise: Exercise) -> str:
    return "each method" if isinstance(exercise.reference, type) else "the function"


def _the(where: str) -> str:
    return where if where.startswith("entry ") else f"the {where or 'result'}"


def _name(where: str) -> str:
    the = _the(where)
    return the[:1].upper() + the[1:]


def _say_raised(exercise: Exercise, got: Raised) -> tuple[str, str]:
    line = f" in “{got.line}”" if got.line else ""
    message = textwrap.shorten(re.sub(r"\x1b\[[0-9;]*m", "", got.message), 200, placeholder=" …")
    if got.type == "MemoryError" or "allocate memory" in message:
        return (
            "too much memory",
            f"It asks for more memory than an answer needs{line}. What is the largest shape in it?",
        )
    if got.type == "RecursionError":
        return (
            "calls itself without end",
            f"It raised RecursionError{line}: nothing stops it from calling itself.",
        )
    if got.type in ("SystemExit", "KeyboardInterrupt"):
        return "ends the program", f"It raised {got.type}{line}. Return a result instead."
    if got.type == "NotImplementedError" and not message:
        return "only begun", f"A part of it still raises NotImplementedError{line}."
    return f"it raised {got.type}", f"{message or 'There is no message'}{line}."


def _say_gradient(exercise: Exercise, wanted: Any, got: Any) -> tuple[str, str]:
    if isinstance(got, Raised):
        return (
            "gradient",
            f"Asked for the gradient, it raised {got.type}: {' '.join(got.message.split())}",
        )
    for one, other in zip(wanted or [], got, strict=False):
        if isinstance(other, Array) and np.isnan(other.values).any() > np.isnan(one.values).any():
            return "gradient is nan", (
                "The values are right, but the gradient is nan in places. Where does infinity "
                "divide infinity on the way back?"
            )
    return (
        "gradient",
        "The values are right, but the gradient is another one. Is a part of it hidden from autograd?",
    )


def _say_array(exercise: Exercise, wanted: Array, got: Array, where: str) -> tuple[str, str]:
    name = _name(where)
    if wanted.values.shape != got.values.shape:
        axes = ""
        if where in ("", "result") and len(exercise.axes) == wanted.values.ndim:
            axes = f", that is ({', '.join(exercise.axes)}{',' if len(exercise.axes) == 1 else ''})"
        turned = got.values.ndim == 2 and got.values.shape == wanted.values.shape[::-1]
        cure = " The two axes are swapped." if turned else ""
        return "shape", (
            f"{name} should have the shape {wanted.values.shape}{axes}, not {got.values.shape}.{cure}"
        )
    if wanted.dtype != got.dtype:
        return "dtype", f"{name} should be {wanted.dtype}, not {got.dtype}."
    if wanted.device != got.device:
        return "device", f"{name} should be on {wanted.device}, not on {got.device}."
    one, other = wanted.values.astype(np.float64), got.values.astype(np.float64)
    if not np.isfinite(other).all() and np.isfinite(one).all():
        place = _place(~np.isfinite(other))
        return "not a number" if np.isnan(other[place]) else "infinity", (
            f"In {_the(where)}, the number{_at(place)} is {other[place]}. Expected is {one[place]:.4g}."
        )
    off = np.nan_to_num(np.abs(one - other), nan=math.inf)
    place = _place(off == off.max())
    got_there, expected_there = _apart(other[place], one[place])
    return "value", (
        f"In {_the(where)}, the number{_at(place)} is {got_there}, and should be {expected_there}."
        f"{_relation(one, other)}"
    )


def _place(where: Any) -> tuple[int, ...]:
    return tuple(int(index) for index in np.argwhere(where)[0])


def _at(place: tuple[int, ...]) -> str:
    return f" at [{', '.join(str(index) for index in place)}]" if place else ""


def _apart(one: float, other: float) -> tuple[str, str]:
    """Write two numbers with as many digits as it takes to tell them apart."""
    for digits in (4, 6, 9):
        texts = f"{one:.{digits}g}", f"{other:.{digits}g}"
        if texts[0] != texts[1]:
            break
    return texts


def _relation(one: Any, other: Any) -> str:
    """Say how two arrays belong together, where that is plain to see."""
    if one.size < 2:
        return ""
    if one.ndim == 2 and one.shape[0] == one.shape[1] and np.allclose(other, one.T, rtol=1e-3):
        return " The two axes are swapped."
    largest = np.abs(one).argmax()
    ratio = other.flat[largest] / one.flat[largest] if one.flat[largest] else 0.0
    if abs(ratio - 1) > 1e-2 and ratio and np.allclose(other, ratio * one, rtol=1e-3, atol=1e-6):
        if abs(ratio + 1) < 1e-3:
            return " Every sign is the other way round."
        return f" Every number is {ratio:.4g} times what it should be."
    shift = (other - one).flat[0]
    if abs(shift) > 1e-3 and np.allclose(other - one, shift, rtol=1e-3):
        return f" Every number is off by {shift:.4g}."
    if one.ndim == 2 and np.allclose(one.sum(axis=1), 1, atol=1e-3):
        sums = other.sum(axis=1)
        if not np.allclose(sums, 1, atol=1e-3):
            return f" Each row should sum to 1; the first sums to {sums[0]:.4g}."
    return ""


def _show(value: Any) -> str:
    text = f"{value:.6g}" if isinstance(value, float) else repr(value)
    return text if len(text) <= 60 else text[:57] + "…"


def _kind(value: Any) -> str:
    if isinstance(value, Array):
        return f"a tensor of shape {value.values.shape}"
    if isinstance(value, Thing):
        return f"of type {value.type}"
    names: dict[type, str] = {
        bool: "True or False", int: "a whole number (int)", float: "a number (float)", str: "a text",
        list: "a list or tuple", dict: "a dictionary", type(None): "None",
    }  # fmt: skip
    return names[type(value)]


def _cure(wanted: Any, got: Any) -> str:
    if isinstance(wanted, (int, float)) and isinstance(got, Array) and got.values.size == 1:
        return " A tensor of one number becomes one with item()."
    if isinstance(got, Thing) and got.type == "ellipsis":
        return " There are still the three dots."
    if isinstance(got, Thing) and hasattr(nn, got.type) and not isinstance(wanted, Thing):
        return " Was a module made, but not called?"
    if (
        isinstance(wanted, Array)
        and isinstance(got, list)
        and len(got) == 2
        and all(isinstance(item, Array) for item in got)
    ):
        return " Functions such as max(dim=1) give two tensors: the values, and where they are."
    return ""
