"""Time how long a learner waits for a verdict, exercise by exercise.

    nox -s bench -- exercises
    nox -s bench -- exercises softmax linear

Each exercise is checked as `@exercise` does it, in a process of its own where the platform has that: the
course's answer, which is right, and its first slip, which is compared with the slips before it is named.
Nothing is kept. Each is checked once to import and to fill the caches, and then several times; the median
counts. What the process of its own costs is the ratio to the same check without it.
"""

import argparse
import statistics
import sys

from _measure import median_seconds

from firstlayers.exercises.judging import judge
from firstlayers.exercises.registry import exercises
from firstlayers.progress import progress_bar


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("names", nargs="*", help="which exercises (default: all)")
    parser.add_argument("--repeat", type=int, default=5, help="how often (default: 5)")
    chosen = parser.parse_args()
    known = {exercise.name: exercise for exercise in exercises()}
    unknown = [name for name in chosen.names if name not in known]
    if unknown:
        sys.exit(f"no exercise is called {', '.join(unknown)}; there are {', '.join(known)}")
    right, wrong, here = {}, {}, {}
    for name in progress_bar(chosen.names or list(known), unit="exercise"):
        exercise = known[name]
        slip = exercise.slips[0].answer
        right[name] = median_seconds(lambda e=exercise: judge(e, e.reference), chosen.repeat)
        wrong[name] = median_seconds(lambda e=exercise, s=slip: judge(e, s), chosen.repeat)
        here[name] = median_seconds(
            lambda e=exercise: judge(e, e.reference, isolated=False), chosen.repeat
        )
    print(f"{'exercise':20} {'right answer':>13} {'a slip':>9} {'without a process':>18}")
    middle = [statistics.median(times.values()) for times in (right, wrong, here)]
    for name, *times in [
        *((name, right[name], wrong[name], here[name]) for name in list(right)),
        ("median", *middle),
    ]:
        print("{:20} {:10.0f} ms {:6.0f} ms {:15.0f} ms".format(name, *(1000 * t for t in times)))
    print(f"a process of its own takes {middle[0] / middle[2]:.1f} times as long")


if __name__ == "__main__":
    main()
