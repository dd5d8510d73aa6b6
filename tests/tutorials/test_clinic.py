"""Every mistake of the clinic has a symptom, a measurement, a cause and a cure, and both are asserted."""

import ast
import re
from dataclasses import dataclass
from pathlib import Path

import pytest
from chapters import TUTORIALS, Chapter

PATH = TUTORIALS / "4_clinic" / "01_common_mistakes.py"
PARTS = ("Symptom", "Measure", "Cause", "Cure")


@dataclass
class Entry:
    """What stands under one of the smaller headings, up to the next one."""

    title: str
    label: str
    text: str
    code: str


def entries(path: Path = PATH) -> list[Entry]:
    from sphinx_gallery.py_source_parser import split_code_and_text_blocks

    _, blocks = split_code_and_text_blocks(path)
    found: list[Entry] = []
    inside = False
    heading = re.compile(
        r"^(?:\.\. _(?P<label>[\w-]+):\n\n)?(?P<title>\S.*)\n(?P<line>-{3,}|~{3,})$", re.MULTILINE
    )
    for block in blocks:
        if block.type == "code":
            if inside:
                found[-1].code += block.content
            continue
        matches = list(heading.finditer(block.content))
        before = block.content[: matches[0].start() if matches else None]
        if inside:
            found[-1].text += before
        ends = [match.start() for match in matches[1:]] + [len(block.content)]
        for match, end in zip(matches, ends if matches else [], strict=True):
            inside = match["line"].startswith("~")
            body = block.content[match.end() : end]
            if inside:
                found.append(Entry(match["title"], match["label"] or "", body, ""))
    return found


ENTRIES = entries()
every_entry = pytest.mark.parametrize("entry", ENTRIES, ids=[entry.title for entry in ENTRIES])


def test_there_are_as_many_entries_as_the_page_says() -> None:
    assert len(ENTRIES) == 30
    assert "thirty mistakes" in Chapter.read(PATH).texts[0]


def test_no_label_stands_twice() -> None:
    assert len({entry.label for entry in ENTRIES}) == len(ENTRIES)


@every_entry
def test_entry_has_its_four_parts_in_order(entry: Entry) -> None:
    assert re.findall(r"\*\*(\w+):\*\*", entry.text) == list(PARTS)


@every_entry
def test_entry_can_be_linked_to(entry: Entry) -> None:
    assert re.fullmatch(r"clinic-[a-z-]+", entry.label)


@every_entry
def test_entry_ends_with_a_link_to_a_chapter(entry: Entry) -> None:
    assert re.search(r"More:\s+:doc:`\.\./[\w/]+`\.\s*\Z", entry.text)


@every_entry
def test_symptom_and_cure_are_asserted(entry: Entry) -> None:
    asserted = [
        node
        for node in ast.walk(ast.parse(entry.code))
        if isinstance(node, ast.Assert)
        or (isinstance(node, ast.Call) and ast.unparse(node.func) == "torch.testing.assert_close")
    ]
    assert len(asserted) >= 2 or any(
        isinstance(loop, ast.For) and any(isinstance(node, ast.Assert) for node in loop.body)
        for loop in ast.parse(entry.code).body
    )


@every_entry
def test_entry_is_short(entry: Entry) -> None:
    words = re.findall(r"[A-Za-z][\w'-]*", entry.text)
    assert len(words) <= 190


@every_entry
def test_some_symptom_leads_to_the_entry(entry: Entry) -> None:
    section = Chapter.read(PATH).sections["Common mistakes"]
    table = " ".join(section.partition("What all entries share")[0].split())
    assert f"`{entry.title}`_" in table
