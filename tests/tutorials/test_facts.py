"""Every fact in ``facts.toml`` is shown by the chapter that it names, in a run of that chapter."""

import ast
import tomllib
from pathlib import Path

import chapters
import pytest
from chapters import CHAPTERS, Chapter

FACTS = tomllib.loads(Path(__file__).with_name("facts.toml").read_text(encoding="utf-8"))["fact"]
PATHS = {path.stem: path for path in CHAPTERS}
STATEMENTS_OF_THE_SOURCES = range(1, 111)


def statements(code: str) -> set[str]:
    """Write every statement, on whatever level, in Python's own normal form."""
    return {
        ast.unparse(node)
        for node in ast.walk(ast.parse(code))
        if isinstance(node, ast.stmt) and not hasattr(node, "body")
    }


@pytest.mark.parametrize(
    "fact", FACTS, ids=[f"{fact['chapter']}: {fact['said']}" for fact in FACTS]
)
def test_fact_is_shown(fact: dict) -> None:
    path = PATHS[fact["chapter"]]
    run = chapters.run(path)
    assert run.error == ""
    found = statements(Chapter.read(path).code)
    proofs = [ast.unparse(ast.parse(line)) for line in fact.get("code", [])]
    assert [proof for proof in proofs if proof not in found] == []
    assert [line for line in fact.get("prints", []) if line not in run.output] == []
    text = " ".join(Chapter.read(path).text.split())
    assert [phrase for phrase in fact.get("text", []) if phrase not in text] == []
    assert proofs or fact.get("prints") or fact["text"]


def test_no_fact_is_listed_twice() -> None:
    said = [(fact["said"], fact["chapter"]) for fact in FACTS]
    assert len(set(said)) == len(said)


@pytest.mark.parametrize("stem", sorted(PATHS))
def test_every_chapter_that_teaches_a_fact_can_be_told_apart(stem: str) -> None:
    # A fact that names a chapter which was renamed would fail above. Only the quickstart has none: it
    # shows what the others explain.
    named = {fact["chapter"] for fact in FACTS}
    assert stem in named or stem == "01_quickstart"


def test_chapters_of_all_tracks_have_different_names() -> None:
    assert len(PATHS) == len(CHAPTERS)


def numbers(source: int | list[int]) -> list[int]:
    return source if isinstance(source, list) else [source]


def test_no_statement_of_the_sources_got_lost() -> None:
    covered = {number for fact in FACTS for number in numbers(fact.get("source", []))}
    assert sorted(set(STATEMENTS_OF_THE_SOURCES) - covered) == []
    assert covered <= set(STATEMENTS_OF_THE_SOURCES)
