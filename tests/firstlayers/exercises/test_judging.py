"""The general questions behind the slips that have a name, each a sentence."""

import contextlib
import io
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from firstlayers.error_index import ENTRIES, Entry
from firstlayers.exercises import exercise, hint, progress, record, solution
from firstlayers.exercises.judging import judge
from firstlayers.exercises.observation import Array, Raised, Thing, attempt, calls, freeze, same
from firstlayers.exercises.registry import Exercise, Slip, add, exercises, find, similar


def table(numbers: torch.Tensor) -> torch.Tensor:
    """(rows, columns) -> (rows, columns), each doubled."""
    return numbers * 2


def make(reference: object = table, **changes: object) -> Exercise:
    given = {
        "name": "table",
        "chapter": "none",
        "reference": reference,
        "checked": "two tables",
        "axes": ("rows", "columns"),
        "cases": calls(
            {"2 rows": lambda: (torch.rand(2, 3),), "a square": lambda: (torch.rand(3, 3),)},
            gradient=True,
        ),
        "slips": (),
        "variants": (),
        "hints": ("a", "b", "c"),
    }
    return Exercise(**{**given, **changes})


def said(answer: object, **changes: object) -> str:
    return " ".join(judge(make(**changes), answer, isolated=False).text.split())


def forgets_return(numbers):
    numbers * 2


def misspells(numbers):
    return numbers.multiply_by(2)


SENTENCES = {
    "nothing came back": (forgets_return, "Instead of the result there is None. Is there a return at the end"),
    "it raised AttributeError": (misspells, "no attribute 'multiply_by' in “return numbers.multiply_by(2)”"),
    "type": (lambda x: (x * 2).tolist(), "should be a tensor of shape (2, 3), not a list or tuple"),
    "shape": (lambda x: x.T * 2, "shape (2, 3), that is (rows, columns), not (3, 2). The two axes are swapped."),
    "dtype": (lambda x: (x * 2).double(), "should be float32, not float64"),
    "device": (lambda x: (x * 2).to("meta"), "should be on cpu, not on meta"),
    "not a number": (lambda x: x * math.nan, "the number at [0, 0] is nan. Expected is"),
    "infinity": (lambda x: x * math.inf, "the number at [0, 0] is inf. Expected is"),
    "changes its input": (lambda x: x.mul_(2), "It changes the tensor that it was given"),
    "gradient cut off": (lambda x: torch.tensor((x * 2).tolist()), "autograd cannot follow them back"),
    "gradient": (lambda x: x + x.detach(), "the gradient is another one"),
    "gradient is nan": (lambda x: 2 * x + 0 * (x * 0).sqrt(), "the gradient is nan in places"),
}  # fmt: skip


@pytest.mark.parametrize("title", SENTENCES)
def test_general_question_has_its_sentence(title: str) -> None:
    answer, sentence = SENTENCES[title]
    assert judge(make(), answer, isolated=False).title == title
    assert sentence in said(answer)


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (lambda x: x * 6, "Every number is 3 times what it should be."),
        (lambda x: x * -2, "Every sign is the other way round."),
        (lambda x: x * 2 + 5, "Every number is off by 5."),
        (lambda x: x * 2 if len(x) == 2 else x.T * 2, "The two axes are swapped."),
        (lambda x: x * 2 + torch.eye(*x.shape), ""),
        (lambda x: x * 2.001, ""),
    ],
)  # fmt: skip
def test_plain_relation_is_said(answer: object, sentence: str) -> None:
    text = said(answer)
    assert "In the result, the number at [" in text
    assert sentence in text
    assert bool(sentence) == ("Every " in text or "swapped" in text)


def test_numbers_that_hardly_differ_are_written_with_enough_digits() -> None:
    assert "is 2.002, and should be 2." in said(
        lambda x: torch.ones_like(x) * 2.002, reference=lambda x: torch.ones_like(x) * 2
    )
    assert "is 2.0005, and should be 2." in said(
        lambda x: torch.ones_like(x) * 2.0005, reference=lambda x: torch.ones_like(x) * 2
    )


@pytest.mark.parametrize(
    ("answer", "title"), [(lambda: {}[3], "raises another error"), (lambda: 3, "raises nothing")]
)
def test_error_that_is_asked_for_is_compared(answer: object, title: str) -> None:
    cases = {"behind the end": lambda call: attempt(call)}
    found = judge(make(lambda: "abc"[3:][0], cases=cases), answer, isolated=False)
    assert found.title == title
    assert "should raise IndexError" in found.text


def test_rows_that_should_sum_to_1_are_noticed() -> None:
    text = said(lambda x: torch.sigmoid(x), reference=lambda x: torch.softmax(x, dim=1))
    assert "Each row should sum to 1; the first sums to" in text


def test_label_of_the_case_is_said_where_there_are_several() -> None:
    answer = lambda x: x * 2 if len(x) == 2 else x
    assert "(Tried with: a square.)" in said(answer)


@pytest.mark.parametrize(
    ("wanted", "got", "sentence"),
    [
        (3, 4, "should be 3, not 4"),
        (0.5, torch.tensor(0.5), "A tensor of one number becomes one with item()."),
        (0.5, True, "should be a number (float), not True or False"),
        (0.5, 0, "should be 0.5, not 0"),
        (3, 3.0, "should be a whole number (int), not a number (float)"),
        ([1, 2], [1], "should have 2 entries, not 1"),
        ([1, 2], [1, 3], "Entry 1 of the result should be 2, not 3"),
        ({"a": 1}, {"a": 2}, "The a should be 1, not 2"),
        ("x", "y", "should be 'x', not 'y'"),
        (1, ..., "There are still the three dots."),
        (torch.zeros(2), torch.zeros(2, 2).max(dim=1), "give two tensors"),
        (1, nn.ReLU(), "not of type ReLU. Was a module made, but not called?"),
    ],
)
def test_values_of_all_kinds_are_compared(wanted: object, got: object, sentence: str) -> None:
    def reference() -> object:
        return wanted

    def answer() -> object:
        return [got][0]

    cases = {"a call": lambda call: freeze(call())}
    assert sentence in said(answer, reference=reference, cases=cases)


def test_whole_number_where_a_number_is_asked_for_is_fine() -> None:
    cases = {"a call": lambda call: freeze(call())}
    assert judge(make(lambda: 1.0, cases=cases), lambda: 1, isolated=False).state == "right"
    assert same(1.0, 1, 0, 0)
    assert same(math.nan, math.nan, 0, 0)
    assert same(0.5, freeze(np.float64(0.5)), 0, 0)
    assert same(2, freeze(np.int64(2)), 0, 0)
    assert not same(1, 1.0, 0, 0)
    assert same((freeze((1, 2))), [1, 2], 0, 0)


def test_frozen_things_do_not_change_any_more() -> None:
    tensor = torch.zeros(2)
    frozen = freeze({"a": [tensor, None, "text"], "b": nn.ReLU()})
    tensor.add_(1)
    assert np.array_equal(frozen["a"][0].values, [0, 0])
    assert frozen["b"] == Thing("ReLU")
    assert isinstance(freeze(torch.zeros(2, dtype=torch.bfloat16)), Array)
    assert freeze(torch.zeros(2, device="meta")).device == "meta"
    assert isinstance(attempt(lambda: 1 / 0), Raised)


def test_line_at_fault_is_named_even_where_the_message_is_long() -> None:
    def answer(x: object) -> None:
        raise ValueError("\x1b[1mmany\x1b[0m words " * 100)

    text = said(answer)
    assert "\x1b" not in text
    assert "in “raise ValueError(" in text


def test_long_message_is_cut_to_five_lines() -> None:
    def answer(x: object) -> None:
        raise ValueError("many words " * 100)

    text = judge(make(), answer, isolated=False).text
    assert len(text.splitlines()) == 5
    assert "…" in text


def test_error_that_the_clinic_explains_is_looked_up_there() -> None:
    entry = 'see "mat1 and mat2 shapes cannot be multiplied" in the clinic\'s error messages'
    text = judge(make(), lambda x: x @ x, isolated=False).text
    assert len(text.splitlines()) <= 5
    joined = " ".join(text.split())
    assert f'hint("table") shows more · {entry} · the page goes on' in joined
    assert "it raised RuntimeError. mm: mat1 and mat2 shapes cannot be multiplied (2x3" in joined


@pytest.mark.parametrize("entry", ENTRIES, ids=[entry.label for entry in ENTRIES])
def test_entry_is_named_however_long_the_message_is(entry: Entry) -> None:
    def answer(numbers: torch.Tensor) -> torch.Tensor:
        print("\n" * 30)
        raise RuntimeError(f"{entry.heading} {'and so on ' * 40}")

    text = judge(make(), answer, isolated=False).text
    assert len(text.splitlines()) == 5
    assert f'see "{entry.heading}" in the clinic' in " ".join(text.split())


def test_error_of_which_the_clinic_knows_nothing_is_not_looked_up() -> None:
    assert "clinic" not in said(misspells)
    assert "clinic" not in said(forgets_return)


def test_error_in_the_gradient_is_looked_up_too() -> None:
    def answer(numbers: torch.Tensor) -> torch.Tensor:
        powers = numbers.exp()
        result = powers.log() * 2
        powers.mul_(1)  # autograd still needs it as it was
        return result

    text = said(answer)
    assert "it raised RuntimeError. one of the variables needed for gradient" in text
    assert 'see "modified by an inplace operation" in the clinic' in text


def test_what_is_said_of_a_slip_is_not_cut_for_a_reference() -> None:
    shapes = lambda x: x @ x
    short = Slip("product", shapes, "This multiplies matrices.")
    long = Slip("product", shapes, "It is a product of matrices. " * 10)
    in_short = judge(make(slips=(short,)), shapes, isolated=False).text
    in_long = judge(make(slips=(long,)), shapes, isolated=False).text
    assert 'see "mat1' in in_short
    assert "clinic" not in in_long
    assert long.message.strip() in " ".join(in_long.split())


def test_error_is_looked_up_only_where_it_is_what_is_said() -> None:
    # Wrong in the first case, and an error in the second.
    assert "clinic" not in said(lambda x: x * 3 if len(x) == 2 else torch.zeros(2) + torch.zeros(3))


def test_named_slip_comes_before_the_general_question() -> None:
    slip = Slip("halved", lambda x: x / 2, "Everything is too small.")
    found = judge(make(slips=(slip,)), lambda x: x * 0.5, isolated=False)
    assert (found.title, "Everything is too small." in found.text) == ("halved", True)


def test_answer_of_nothing_counts_as_not_attempted_and_forgotten_return_does_not() -> None:
    def raises(x: object) -> None:
        raise NotImplementedError

    for untouched in (lambda x: ..., lambda x: None, raises):
        assert judge(make(), untouched, isolated=False).state == "not attempted"
    assert judge(make(), forgets_return, isolated=False).state == "wrong"


def test_class_is_compared_with_its_stub() -> None:
    class Stub(nn.Module):
        def forward(self, x): ...

    class Begun(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.Linear(3, 3)

        def forward(self, x): ...

    class Right(nn.Module):
        def forward(self, x):
            return 2 * x

    cases = {
        "a batch": lambda made: {
            "parameters": len(list(made().parameters())),
            "output": freeze(made()(torch.ones(2, 3))),
        }
    }
    whole = make(Right, cases=cases, stub=Stub)
    assert judge(whole, Stub, isolated=False).state == "not attempted"
    assert judge(whole, Begun, isolated=False).state == "wrong"
    assert judge(whole, Right, isolated=False).state == "right"


def test_class_may_name_itself_before_its_name_is_bound(capsys: pytest.CaptureFixture[str]) -> None:
    source = """
from firstlayers.exercises.judging import judge
class Doubles(Base):
    def __init__(self):
        super(Doubles, self).__init__()
    def __call__(self, x):
        return 2 * x
result = check(Doubles)
"""
    cases = {"a number": lambda made: made()(2)}
    whole = make(type("Doubles", (), {"__call__": lambda self, x: 2 * x}), cases=cases)
    space = {"Base": object, "check": lambda answer: judge(whole, answer, isolated=False).state}
    exec(
        source.replace("class Doubles", "@keep\nclass Doubles"),
        {**space, "keep": lambda c: [space.update(r=space["check"](c)), c][1]},
    )
    assert space["r"] == "right"


# The registry


def test_names_are_unique() -> None:
    with pytest.raises(ValueError, match="has this name already"):
        add(make(find("softmax").reference, name="another"))
    with pytest.raises(ValueError, match="has this name already"):
        add(make(name="softmax"))


def test_exercises_are_in_reading_order() -> None:
    chapters = [item.chapter for item in exercises()]
    assert chapters == sorted(chapters)


def test_mistyped_name_is_helped(capsys: pytest.CaptureFixture[str]) -> None:
    assert similar("sofmax")[0] == "softmax"
    for call in (hint, solution):
        call("sofmax")
        assert "Did you mean softmax" in capsys.readouterr().out
    hint("zzzzzz")
    assert "progress() lists them all" in capsys.readouterr().out


def test_hints_and_solution_are_printed(capsys: pytest.CaptureFixture[str]) -> None:
    for n in (1, 2, 3):
        hint("softmax", n)
        text = capsys.readouterr().out
        assert text.startswith(f"Hint {n} of 3: ")
        assert ("solution(" in text) == (n == 3)
    hint("softmax", 4)
    assert "hints 1, 2 and 3" in capsys.readouterr().out
    solution("softmax")
    assert capsys.readouterr().out.startswith("def softmax(logits):")


# The record


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "new folder" / "progress.json"
    monkeypatch.setenv("FIRSTLAYERS_PROGRESS", str(path))
    return path


def quietly(answer: object) -> str:
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        exercise(answer)
    return printed.getvalue()


def named(answer: object) -> object:
    answer.__name__ = "softmax"
    return answer


def test_what_was_right_once_stays_right(kept: Path, capsys: pytest.CaptureFixture[str]) -> None:
    progress()
    assert "0 of " in capsys.readouterr().out
    quietly(named(lambda logits: logits))
    assert record.states() == {"softmax": "wrong"}
    quietly(named(lambda logits: torch.softmax(logits, dim=1)))
    assert record.states() == {"softmax": "right"}
    quietly(named(lambda logits: logits))
    quietly(named(lambda logits: ...))
    assert record.states() == {"softmax": "right"}
    progress()
    assert "✔ softmax" in capsys.readouterr().out
    assert sorted(path.name for path in kept.parent.iterdir()) in (
        ["progress.json", "progress.lock"],
        ["progress.json"],
    )


def test_stub_leaves_no_record(kept: Path) -> None:
    quietly(named(lambda logits: ...))
    assert not kept.exists()


@pytest.mark.parametrize("text", ["{", "[]", '"text"', "\x00", '{"softmax": 3}'])
def test_damaged_record_is_set_aside(kept: Path, text: str) -> None:
    kept.parent.mkdir()
    kept.write_text(text, encoding="utf-8")
    assert record.states() == {}
    assert record.note("softmax", "right") == ""
    assert record.states() == {"softmax": "right"}
    if len(text) > 2:
        assert kept.with_suffix(".damaged").read_text(encoding="utf-8") == text


def test_record_that_cannot_be_kept_is_mentioned_and_nothing_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("FIRSTLAYERS_PROGRESS", str(tmp_path / "file" / "progress.json"))
    text = quietly(named(lambda logits: logits))
    assert "your progress could not be kept" in text


def test_without_a_record_nothing_is_kept(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FIRSTLAYERS_PROGRESS", "")
    quietly(named(lambda logits: logits))
    assert record.record_file() is None
    progress()
    assert "Nothing is kept." in capsys.readouterr().out


def test_record_lies_in_the_user_s_own_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FIRSTLAYERS_PROGRESS")
    assert record.record_file().name == "progress.json"
    assert "firstlayers" in str(record.record_file())
