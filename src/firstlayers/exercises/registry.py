"""What an exercise is, and where all of them are listed.

An exercise is data plus small pure functions: what to call, a right answer, and wrong answers that
have a name. The modules ``basics``, ``digits``, ``further`` and ``clinic`` hold one block for each.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from importlib import import_module
from typing import Any

__all__ = ["Exercise", "Slip", "add", "exercises", "find", "similar"]

Answer = Callable[..., Any]
Case = Callable[[Answer], object]
TRACKS = ("basics", "digits", "further", "clinic")


@dataclass(frozen=True, eq=False)
class Slip:
    """A typical wrong answer, recognized by what it does."""

    name: str
    """A few words that name the slip: ``overflow``."""
    answer: Answer
    """The wrong answer itself, as code."""
    message: str
    """What happens, where, why, and what to think about; never the answer."""


@dataclass(frozen=True, eq=False)
class Exercise:
    """A task, how an answer is looked at, and answers of which it is known what they are."""

    name: str
    """What the learner calls it: ``hint(name)``."""
    chapter: str
    """The chapter in which it stands: ``2_digits/03_softmax``."""
    reference: Answer
    """The course's answer: a function or class whose source can be shown."""
    checked: str
    """On what it was found right: the verdict says "right on" and these words."""
    cases: Mapping[str, Case]
    """What is looked at. Each case has a label, takes the answer, uses it, and returns what there
    is to compare: numbers, texts, tensors, and lists, tuples and dicts of them."""
    slips: tuple[Slip, ...]
    """Wrong answers that have a name."""
    variants: tuple[Answer, ...]
    """Further right answers."""
    hints: tuple[str, str, str]
    """The idea, the shape, and nearly the code."""
    stub: Answer | None = None
    """The answer before anybody worked on it, where that is not a function returning nothing."""
    axes: tuple[str, ...] = ()
    """The names of the result's axes: ``("N", "classes")``."""
    rtol: float = 1e-4
    atol: float = 1e-5

    @property
    def answer_name(self) -> str:
        """The name of the function or class that is asked for."""
        return str(self.reference.__name__)


_exercises: dict[str, Exercise] = {}


def add(exercise: Exercise) -> None:
    """List one more exercise.

    Parameters
    ----------
    exercise : Exercise
        The exercise.

    Raises
    ------
    ValueError
        If its name, or the name of its answer, is taken.
    """
    for other in _exercises.values():
        if {exercise.name, exercise.answer_name} & {other.name, other.answer_name}:
            raise ValueError(f"{exercise.name}: the exercise {other.name} has this name already")
    _exercises[exercise.name] = exercise


def exercises() -> list[Exercise]:
    """List all exercises in reading order.

    Returns
    -------
    list of Exercise
        All of them.
    """
    for track in TRACKS:
        import_module(f"firstlayers.exercises.{track}")
    return sorted(_exercises.values(), key=lambda exercise: exercise.chapter)  # stable


def find(name: str) -> Exercise | None:
    """Look an exercise up by its own name, or by that of the function or class it asks for.

    Parameters
    ----------
    name : str
        ``dataset_class``, or ``TensorImages``.

    Returns
    -------
    Exercise or None
        The exercise, if there is one.
    """
    for exercise in exercises():
        if name in (exercise.name, exercise.answer_name):
            return exercise
    return None


def similar(name: str) -> list[str]:
    """List names of exercises that look like a name that was mistyped.

    Parameters
    ----------
    name : str
        What was typed.

    Returns
    -------
    list of str
        At most three names, the most similar first.
    """
    names = {
        name: exercise.name
        for exercise in exercises()
        for name in (exercise.name, exercise.answer_name)
    }
    found = get_close_matches(name, names, n=3, cutoff=0.5)
    return list(dict.fromkeys(names[match] for match in found))
