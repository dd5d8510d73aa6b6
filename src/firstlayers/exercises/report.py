"""Show what the checker sees of an answer, for those who write exercises."""

from typing import Any

from firstlayers.exercises.isolation import observe
from firstlayers.exercises.judging import judge_observed, reference_of
from firstlayers.exercises.observation import Array, Raised, same
from firstlayers.exercises.registry import Answer, Exercise

__all__ = ["report"]


def report(exercise: Exercise, answer: Answer) -> str:
    """Write down what every case of an exercise sees of an answer.

    Parameters
    ----------
    exercise : Exercise
        The exercise.
    answer : callable
        A function or a class.

    Returns
    -------
    str
        For every case what was seen, where it differs what is expected, and the verdict.
    """
    expected = reference_of(exercise)
    observation = observe(answer, exercise.cases)
    lines = []
    for label, wanted in expected.seen.items():
        lines.append(f"{label}:")
        lines += _compare(
            exercise, wanted, observation.seen.get(label, "(not reached)"), "result", 1
        )
    for name in ("changed", "seeded", "printed", "stopped"):
        if getattr(observation, name):
            lines.append(f"{name}: {getattr(observation, name)}")
    lines.append(judge_observed(exercise, answer, observation).text)
    return "\n".join(lines)


def _compare(exercise: Exercise, wanted: Any, got: Any, name: str, depth: int) -> list[str]:
    if isinstance(wanted, dict) and isinstance(got, dict):
        names = list(dict.fromkeys([*wanted, *got]))
        return [
            line
            for key in names
            for line in _compare(exercise, wanted.get(key), got.get(key), key, depth + 1)
        ]
    equal = same(wanted, got, exercise.rtol, exercise.atol)
    start = "  " * depth + f"{'=' if equal else '≠'} {name}: "
    lines = [start + _short(got)]
    if not equal:
        lines.append(" " * (len(start) - 10) + f"expected: {_short(wanted)}")
    return lines


def _short(value: Any) -> str:
    if isinstance(value, Array):
        numbers = ", ".join(f"{number:.4g}" for number in value.values.flat[:6])
        more = ", …" if value.values.size > 6 else ""
        return f"{value.dtype} {value.values.shape} [{numbers}{more}]"
    if isinstance(value, Raised):
        return f"{value.type}: {' '.join(value.message.split())[:80]}"
    if isinstance(value, list):
        return f"[{', '.join(_short(item) for item in value[:6])}{', …' if len(value) > 6 else ''}]"
    return repr(value) if not isinstance(value, float) else f"{value:.6g}"
