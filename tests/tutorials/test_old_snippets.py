"""Every old line of the clinic is run, judged by what it does, and held against its new one."""

import ast
import re
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import chapters
import pytest
import torch

PATH = chapters.TUTORIALS / "4_clinic" / "03_old_snippets.py"
WORDS = {"fails", "warns", "misleads", "fine"}


@dataclass(frozen=True)
class Entry:
    """A heading of the third level, with the text and the code below it."""

    heading: str
    text: str
    code: str

    def calls(self, function: str) -> list[ast.Call]:
        return [
            node
            for node in ast.walk(ast.parse(self.code))
            if isinstance(node, ast.Call) and ast.unparse(node.func) == function
        ]

    @property
    def title(self) -> str:
        return self.heading.replace("``", "")

    @property
    def old_lines(self) -> list[str]:
        return [ast.literal_eval(call.args[0]) for call in self.calls("today")]


def entries() -> list[Entry]:
    from sphinx_gallery.py_source_parser import split_code_and_text_blocks

    heading = re.compile(r"^(\S.*)\n([=~-])\2{2,}$", re.MULTILINE)
    found: list[Entry] = []
    current: tuple[str, str, str] | None = None

    def close() -> None:
        if current is not None:
            found.append(Entry(*current))

    for block in split_code_and_text_blocks(PATH)[1]:
        if block.type == "code":
            if current is not None:
                current = (*current[:2], current[2] + "\n" + block.content)
            continue
        before, *parts = heading.split(block.content)
        if current is not None:
            current = (current[0], current[1] + "\n" + before, current[2])
        for title, mark, body in zip(parts[::3], parts[1::3], parts[2::3], strict=True):
            close()
            current = (title, body, "") if mark == "~" else None
    close()
    return found


ENTRIES = entries()
every_entry = pytest.mark.parametrize("entry", ENTRIES, ids=[entry.title for entry in ENTRIES])


def test_there_are_many_entries_with_different_headings() -> None:
    assert len(ENTRIES) >= 26
    assert len({entry.title for entry in ENTRIES}) == len(ENTRIES)


@every_entry
def test_verdict_is_filed_under_the_heading_and_asserted(entry: Entry) -> None:
    (call,) = entry.calls("verdict")
    assert ast.literal_eval(call.args[0]) == entry.title
    asserted = [
        ast.unparse(node)
        for node in ast.walk(ast.parse(entry.code))
        if isinstance(node, ast.Assert)
        and any(
            isinstance(part, ast.Constant) and part.value in WORDS for part in ast.walk(node.test)
        )
    ]
    assert len(asserted) == 1


@every_entry
def test_new_lines_are_tested_as_well(entry: Entry) -> None:
    """By an assertion of their own, or in the comparison with what the old ones gave."""
    asserted = [node for node in ast.walk(ast.parse(entry.code)) if isinstance(node, ast.Assert)]
    (call,) = entry.calls("verdict")
    compared = any(keyword.arg == "same" for keyword in call.keywords)
    assert compared or len(asserted) >= 2


@every_entry
def test_code_in_the_heading_is_in_the_lines_that_are_run(entry: Entry) -> None:
    lines = with_one_name("\n".join(entry.old_lines))
    shown = re.findall("``(.+?)``", entry.heading)
    assert shown
    assert [part for part in shown if with_one_name(part) not in lines] == []


def with_one_name(lines: str) -> str:
    """Call tensors x, since a heading does not know which one it will be."""
    return re.sub(r"\b(?:features|logits)\b", "x", lines)


@every_entry
def test_entry_leads_to_the_chapter_that_explains_it(entry: Entry) -> None:
    assert ":doc:`" in entry.text


def test_all_four_verdicts_are_given_and_counted() -> None:
    run = chapters.run(PATH)
    assert run.error == ""
    given = re.findall(r"^→ (\w+)", run.output, re.MULTILINE)
    assert set(given) == WORDS
    counted = dict(re.findall(r"^(\w+) \((\d+)\)$", run.output, re.MULTILINE))
    assert counted == {word: str(given.count(word)) for word in WORDS}
    assert len(given) >= len(ENTRIES)


# The judge itself


@pytest.fixture
def judge() -> dict[str, Any]:
    """The chapter's own functions, without the rest of the chapter."""
    tree = ast.parse(chapters.Chapter.read(PATH).code)
    wanted = [
        node
        for node in tree.body
        if isinstance(node, (ast.Import, ast.ImportFrom))
        or getattr(node, "name", "") in {"Old", "short", "today", "verdict"}
        or ast.unparse(node) == "verdicts = {}"
    ]
    namespace: dict[str, Any] = {"__name__": __name__}
    exec(compile(ast.Module(wanted, []), str(PATH), "exec"), namespace)
    return namespace


@pytest.mark.parametrize(
    ("source", "same", "word"),
    [
        ("1 / 0", True, "fails"),
        ("import warnings\nwarnings.warn('old')\n1 / 0", True, "fails"),
        ("import warnings\nwarnings.warn('old')", True, "warns"),
        ("import warnings\nwarnings.warn('old', DeprecationWarning)", False, "warns"),
        ("y = 1", False, "misleads"),
        ("y = 1", True, "fine"),
    ],
)
def test_verdict_follows_from_the_run(
    judge: dict[str, Any], source: str, same: bool, word: str
) -> None:
    assert judge["verdict"]("a line", judge["today"](source), same=same) == word
    assert judge["verdicts"] == {"a line": (word, same)}


def test_a_warning_that_comes_once_in_a_program_comes_every_time(
    judge: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    source = "torch.set_default_tensor_type(torch.FloatTensor)"
    for _ in range(2):
        assert len(judge["today"](source).warned) == 1
    assert capsys.readouterr().out.count("UserWarning: ") == 2


def test_old_lines_leave_nothing_behind(judge: dict[str, Any]) -> None:
    today: Callable[..., Any] = judge["today"]
    before = list(warnings.filters), torch.is_warn_always_enabled(), set(judge)
    old = today(
        """
        import warnings
        warnings.simplefilter("ignore")
        y = given + 1
        1 / 0
        """,
        given=1,
    )
    assert (list(warnings.filters), torch.is_warn_always_enabled(), set(judge)) == before
    assert old.names["y"] == 2
    assert isinstance(old.error, ZeroDivisionError)


def test_message_is_short_and_without_colors(judge: dict[str, Any]) -> None:
    said = judge["short"](f"Error: \x1b[1mloud\x1b[0m {'word ' * 99}")
    assert said.startswith("Error: loud word")
    assert said.endswith("…")
    assert max(map(len, said.splitlines())) <= 88
