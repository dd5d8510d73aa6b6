"""The clinic's entries on error messages: each message is the one of today's PyTorch.

The chapter prints whatever PyTorch says. If that is not what its text explains any more, a test here
says which entry has to be read again.
"""

import ast
import itertools
import re
from dataclasses import dataclass
from functools import cache

import chapters
import pytest
from chapters import TUTORIALS, Chapter

from firstlayers.error_index import CHAPTER, ENTRIES, Entry, entry_of

PATH = TUTORIALS / f"{CHAPTER}.py"
every_entry = pytest.mark.parametrize("entry", ENTRIES, ids=[entry.label for entry in ENTRIES])


@dataclass
class Section:
    """What stands between one heading of the chapter and the next."""

    label: str
    heading: str
    lines: range
    """In the script, counted from 1."""


@cache
def sections() -> list[Section]:
    lines = PATH.read_text(encoding="utf-8").splitlines()
    found = []
    label = ""
    for number, line in enumerate(lines):
        if target := re.fullmatch(r"# \.\. _([\w-]+):", line):
            label = target[1]
        elif re.fullmatch(r"# [-~]{3,}", line):
            heading = lines[number - 1].removeprefix("# ").replace("``", "")
            found.append(Section(label, heading, range(number + 1, len(lines) + 1)))
            label = ""
    for this, following in itertools.pairwise(found):
        this.lines = range(this.lines.start, following.lines.start)
    return found


def section_of(entry: Entry) -> Section:
    return next(section for section in sections() if section.label == entry.label)


def messages_of(entry: Entry) -> list[str]:
    """What the cells of an entry printed of errors, each on one line."""
    run = chapters.run(PATH)
    assert run.error == ""
    lines = section_of(entry).lines
    printed = [" ".join(text.split()) for line, text in run.printed.items() if line in lines]
    return [text for text in printed if re.match(r"\w+(Error|Exception): ", text)]


def complaint(entry: Entry, message: str) -> str:
    """Say which entry to read again, or nothing if the message is as it was."""
    if re.search(entry.pattern, message, re.IGNORECASE):
        return ""
    return (
        f"PyTorch now says “{message}”; reread the entry “{entry.heading}” in {CHAPTER}, and if it is "
        "still true, mend its pattern in src/firstlayers/error_index.py"
    )


@every_entry
def test_message_is_the_one_that_its_entry_explains(entry: Entry) -> None:
    messages = messages_of(entry)
    assert messages, f"the entry “{entry.heading}” provokes no message"
    assert [said for message in messages if (said := complaint(entry, message))] == []


def test_a_message_with_other_words_is_complained_about() -> None:
    said = complaint(ENTRIES[0], "RuntimeError: the inner sizes 28 and 784 differ")
    assert said.startswith("PyTorch now says “RuntimeError: the inner sizes")
    assert f"reread the entry “{ENTRIES[0].heading}” in 4_clinic/02_error_messages" in said


@every_entry
def test_message_belongs_to_no_other_entry(entry: Entry) -> None:
    assert [entry_of(message) for message in messages_of(entry)] == [entry] * len(
        messages_of(entry)
    )


@every_entry
def test_numbers_are_the_reader_s_own(entry: Entry) -> None:
    # But for the 2 in "mat2", and 0 and 1, as in "0D or 1D target".
    for message in messages_of(entry):
        assert (
            entry_of(re.sub(r"(?<!mat)(?<![.\d])([2-9]|\d\d+)(?![.\d])", "7391", message)) is entry
        )


@every_entry
def test_heading_leads_to_its_own_entry(entry: Entry) -> None:
    assert entry_of(entry.heading) is entry


def test_chapter_has_the_entries_of_the_index_and_no_others() -> None:
    labeled = [(section.label, section.heading) for section in sections() if section.label]
    assert labeled == [(entry.label, entry.heading) for entry in ENTRIES]
    assert len(labeled) >= 25


@every_entry
def test_entry_says_what_it_means_where_it_comes_from_and_shows_a_cure(entry: Entry) -> None:
    lines = section_of(entry).lines
    text = "\n".join(PATH.read_text(encoding="utf-8").splitlines()[lines.start : lines.stop - 1])
    places = [text.index(words) for words in ("**It says:**", "**It comes from**", "**Cure:**")]
    assert places == sorted(places)
    statements = ast.parse(PATH.read_text(encoding="utf-8")).body
    assert [
        node
        for node in statements
        if node.lineno in lines and re.match(r"assert |torch.testing.assert_", ast.unparse(node))
    ], "nothing shows that the cure works"


def test_chapter_does_not_insist_on_any_wording() -> None:
    # The page shows what PyTorch says. That it is what the text explains is a matter for this file.
    asserted = [
        ast.unparse(node.test)
        for node in ast.walk(ast.parse(Chapter.read(PATH).code))
        if isinstance(node, ast.Assert)
    ]
    assert [test for test in asserted if re.search(r"\berror\b|message", test)] == []
