"""Every exercise knows its right and its wrong answers, and says so in a few lines."""

import inspect
import re
from functools import cache
from itertools import combinations

from answers import ALL, IMPORTS, every_exercise, every_slip

from firstlayers.exercises.judging import Verdict, is_same, judge, observation_of
from firstlayers.exercises.registry import Exercise, Slip, find

LINES = 5


@cache
def verdict(exercise: Exercise, answer: object) -> Verdict:
    return judge(exercise, answer, isolated=False)


def plain(code: str) -> str:
    """Code without its spaces and comments."""
    return re.sub(r"\s+", "", re.sub(r"#.*", "", code))


@every_exercise
def test_the_course_s_own_answer_is_right(exercise: Exercise) -> None:
    assert verdict(exercise, exercise.reference).state == "right"


@every_exercise
def test_every_variant_is_right(exercise: Exercise) -> None:
    assert len(exercise.variants) >= 2
    for number, variant in enumerate(exercise.variants):
        assert (number, verdict(exercise, variant).text) == (
            number,
            verdict(exercise, exercise.reference).text,
        )


@every_slip
def test_slip_is_recognized_by_what_it_does(exercise: Exercise, slip: Slip) -> None:
    found = verdict(exercise, slip.answer)
    assert (found.state, found.title) == ("wrong", slip.name)


@every_exercise
def test_no_two_slips_look_alike(exercise: Exercise) -> None:
    assert len(exercise.slips) >= 2
    assert len({slip.name for slip in exercise.slips}) == len(exercise.slips)
    seen = [(slip.name, observation_of(exercise, slip.answer)) for slip in exercise.slips]
    alike = [
        (a, b) for (a, one), (b, other) in combinations(seen, 2) if is_same(exercise, one, other)
    ]
    assert alike == []


@every_exercise
def test_untouched_stub_is_not_attempted(exercise: Exercise) -> None:
    found = verdict(exercise, exercise.stub or (lambda *args: ...))
    assert found.state == "not attempted"
    assert found.text == (
        f"○ {exercise.name}: not attempted yet. The page goes on with the course's version."
    )


@every_slip
def test_verdict_is_short_and_shown_whole(exercise: Exercise, slip: Slip) -> None:
    lines = verdict(exercise, slip.answer).text.splitlines()
    assert len(lines) <= LINES
    assert max(map(len, lines)) <= 88
    assert " ".join(slip.message.split()) in " ".join(" ".join(lines).split())


@every_slip
def test_message_does_not_give_the_answer_away(exercise: Exercise, slip: Slip) -> None:
    source = inspect.getsource(exercise.reference)
    body = source.split('"""')[2] if '"""' in source else source.partition("\n")[2]
    steps = [plain(line) for line in body.splitlines() if len(plain(line)) > 14]
    assert [step for step in steps if step in plain(slip.message)] == []


@every_slip
def test_links_in_messages_lead_to_exercises(exercise: Exercise, slip: Slip) -> None:
    text = verdict(exercise, slip.answer).text
    names = re.findall(r'(?:hint|solution)\("(\w+)"', text)
    assert names == [exercise.name]
    assert all(find(name) is exercise for name in names)


@every_exercise
def test_there_are_three_hints_that_grow(exercise: Exercise) -> None:
    assert len(exercise.hints) == len(set(exercise.hints)) == 3
    assert all(30 <= len(hint) <= 360 for hint in exercise.hints)
    first = plain(exercise.hints[0])
    source = inspect.getsource(exercise.reference)
    assert [
        line for line in source.splitlines() if len(plain(line)) > 14 and plain(line) in first
    ] == []


@every_exercise
def test_solution_can_be_read(exercise: Exercise) -> None:
    source = inspect.getsource(exercise.reference)
    assert inspect.getdoc(exercise.reference)
    assert max(map(len, source.splitlines())) <= 88
    # It stands alone: it uses PyTorch and Python, and nothing of this module.
    namespace: dict[str, object] = {}
    exec(f"{IMPORTS}\n{source}", namespace)
    assert verdict(exercise, namespace[exercise.answer_name]).state == "right"


def test_there_are_exercises() -> None:
    assert len(ALL) >= 1
