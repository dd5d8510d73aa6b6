"""Exercises that check themselves and say what went wrong.

    >>> from firstlayers.exercises import exercise, hint, progress, solution

Write ``@exercise`` above your answer. It is checked where it stands, and the verdict is printed. The
name then stands for your own version if it is right, and for the course's if it is not, so that
everything below goes on.
"""

import inspect
import textwrap
from typing import TypeVar

from firstlayers.exercises import record
from firstlayers.exercises.judging import judge
from firstlayers.exercises.registry import exercises, find, similar

__all__ = ["exercise", "hint", "progress", "solution"]

T = TypeVar("T")


def exercise(answer: T) -> T:
    """Check an answer, and print what is found in at most five lines.

    Used as a decorator, ``@exercise``. It never raises. The answer is used in a process of its own
    where the platform allows it, and is stopped after a few seconds.

    Parameters
    ----------
    answer : function or class
        The learner's answer. Its name says which exercise it belongs to.

    Returns
    -------
    function or class
        The answer if it is right, and else the course's own.
    """
    name = getattr(answer, "__name__", type(answer).__name__)
    found = find(name)
    if found is None:
        print(_unknown(name))
        return answer
    try:
        verdict = judge(found, answer)  # type: ignore[arg-type]
    except Exception as error:  # noqa: BLE001  # a fault of the checker must not stop a page
        print(f"{name} could not be checked: {type(error).__name__}: {error}")
        return answer
    print(verdict.text)
    if verdict.state != "not attempted":
        trouble = record.note(found.name, verdict.state)
        if trouble:
            print(f"  ({trouble})")
    return answer if verdict.state == "right" else found.reference  # type: ignore[return-value]


def hint(name: str, n: int = 1) -> None:
    """Print a hint: first the idea, then the shape, then nearly the code.

    Parameters
    ----------
    name : str
        The exercise.
    n : int
        Which hint, 1 to 3.
    """
    found = find(name)
    if found is None:
        print(_unknown(name))
        return
    if n not in (1, 2, 3):
        print(f'{found.name} has the hints 1, 2 and 3. Its answer: solution("{found.name}")')
        return
    text = f"Hint {n} of 3: {found.hints[n - 1]}"
    print(textwrap.fill(text, 88, subsequent_indent="  ", break_on_hyphens=False))
    more = f'hint("{found.name}", {n + 1})' if n < 3 else f'solution("{found.name}")'
    print(f"  There is more: {more}")


def solution(name: str) -> None:
    """Print the course's own answer. It is one of several that are right.

    Parameters
    ----------
    name : str
        The exercise.
    """
    found = find(name)
    print(_unknown(name) if found is None else inspect.getsource(found.reference).rstrip())


def progress() -> None:
    """Print which exercises are done, chapter by chapter.

    The record is one small file in your own data folder. Nothing is ever sent anywhere. The
    environment variable ``FIRSTLAYERS_PROGRESS`` names another file; empty, nothing is kept.
    """
    states = record.states()
    known = exercises()
    done = [item for item in known if states.get(item.name) == "right"]
    print(f"{len(done)} of {len(known)} exercises are done.")
    for chapter in dict.fromkeys(item.chapter for item in known):
        marks = {"right": "✔", "wrong": "✘"}
        names = [
            f"{marks.get(states.get(item.name, ''), '○')} {item.name}"
            for item in known
            if item.chapter == chapter
        ]
        print(f"  {chapter:<28} {'   '.join(names)}")
    path = record.record_file()
    print("Nothing is kept." if path is None else "✔ right   ✘ attempted   ○ not yet")


def _unknown(name: str) -> str:
    close = similar(name)
    meant = f" Did you mean {' or '.join(close)}?" if close else " progress() lists them all."
    return f"No exercise is called {name}.{meant}"
