"""Every chapter runs, says the right shapes, and has the parts that a chapter has."""

import ast
import os
import re
import sys
from pathlib import Path

import chapters
import pytest
from chapters import CHAPTERS, TUTORIALS, Chapter

DOCS = TUTORIALS.parent / "docs"
# PIL is Pillow, which torchvision's own data sets and transforms open and take.
MAY_IMPORT = {"torch", "torchvision", "matplotlib", "numpy", "PIL", "firstlayers"} | set(
    sys.stdlib_module_names
)

every_chapter = pytest.mark.parametrize(
    "path", CHAPTERS, ids=[f"{path.parent.name}/{path.stem}" for path in CHAPTERS]
)


@pytest.fixture
def chapter(path: Path) -> Chapter:
    return Chapter.read(path)


def bullets(text: str) -> list[str]:
    """The items of the first list in a text."""
    lines = text.splitlines()
    starts = [number for number, line in enumerate(lines) if re.match(r"\* ", line)]
    if not starts:
        return []
    items = []
    for line in lines[starts[0] :]:
        if re.match(r"\* ", line):
            items.append(line)
        elif line.strip() and not line.startswith(" "):
            break
    return items


def test_there_are_chapters() -> None:
    assert CHAPTERS


# Running it


@every_chapter
def test_chapter_runs_without_a_warning(path: Path) -> None:
    assert chapters.run(path).error == ""


def ran(path: Path) -> chapters.Run:
    run = chapters.run(path)
    if run.error:
        pytest.skip("the chapter does not run to its end")
    return run


@every_chapter
@pytest.mark.skipif(
    os.environ.get("FIRSTLAYERS_DATASET", "digits") != "digits",
    reason="the promise is for the bundled digits",
)
def test_chapter_is_quick(path: Path) -> None:
    # Promised are 15 s on two cores. Machines differ, so twice as much is accepted.
    assert ran(path).cpu_seconds < 2 * (2 * 15)


@every_chapter
def test_shape_comments_are_right_and_complete(path: Path) -> None:
    assert ran(path).problems == []


@every_chapter
def test_numbers_in_the_prose_are_in_the_output_or_the_code(chapter: Chapter) -> None:
    assert chapter.unexplained_numbers(ran(chapter.path).output) == []


# Its anatomy


@every_chapter
def test_chapter_begins_with_a_title_and_one_sentence_of_promise(chapter: Chapter) -> None:
    title, promise, *_ = re.split(r"\n\s*\n", chapter.texts[0].strip())
    assert re.fullmatch(r"\S[^\n]*\n={3,}", title)
    assert promise.endswith(".")
    assert len(re.findall(r"[.!?](?:\s|$)", promise)) == 1


@every_chapter
def test_chapter_has_three_to_five_objectives(chapter: Chapter) -> None:
    marker = "**In this chapter you learn**"
    assert chapter.texts[0].count(marker) == 1
    assert 3 <= len(bullets(chapter.texts[0].split(marker)[1])) <= 5


@every_chapter
def test_chapter_says_what_is_needed_and_how_long_it_takes(chapter: Chapter) -> None:
    assert "**You need**" in chapter.texts[0]
    minutes = re.findall(r"\*\*Time:\*\* (\d+) minutes", chapter.texts[0])
    assert len(minutes) == 1
    assert 10 <= int(minutes[0]) <= 25


@every_chapter
@pytest.mark.parametrize("section", ["Common mistakes", "Your turn", "Recap"])
def test_chapter_has_the_section(chapter: Chapter, section: str) -> None:
    assert section in chapter.sections


@every_chapter
def test_chapter_has_two_exercises_with_different_names(chapter: Chapter) -> None:
    names = re.findall(r"\*\*Your turn: (\w+)\.\*\*", chapter.text)
    assert len(names) >= 2
    assert len(set(names)) == len(names)
    assert chapter.text.count("**Your turn") == len(names)


@every_chapter
def test_recap_has_four_to_six_points(chapter: Chapter) -> None:
    assert 4 <= len(bullets(chapter.sections["Recap"])) <= 6


@every_chapter
def test_reader_is_asked_to_predict_at_least_twice(chapter: Chapter) -> None:
    assert chapter.text.count("**Predict, then run.**") >= 2


@every_chapter
def test_chapter_ends_with_further_reading(chapter: Chapter) -> None:
    assert "**Further reading" in chapter.texts[-1]


@every_chapter
def test_chapter_has_at_least_900_words_of_prose(chapter: Chapter) -> None:
    words = re.findall(r"[A-Za-z][\w'-]*", chapter.prose)
    assert len(words) >= 900


@every_chapter
def test_chapter_shows_at_least_three_figures(chapter: Chapter) -> None:
    assert len(re.findall(r"\bplt\.show\(\)", chapter.code)) >= 3


@every_chapter
def test_chapter_imports_no_other_file(chapter: Chapter) -> None:
    imported = set()
    for node in ast.walk(ast.parse(chapter.code)):
        if isinstance(node, ast.Import):
            imported |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "a relative import"
            imported.add(str(node.module).split(".")[0])
    beside = {path.stem for path in chapter.path.parent.glob("*.py")}
    assert imported - MAY_IMPORT == set()
    assert imported & beside == set()


@every_chapter
def test_chapter_uses_what_it_imports(chapter: Chapter) -> None:
    tree = ast.parse(chapter.code)
    imported = {
        (alias.asname or alias.name).split(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, (ast.Import, ast.ImportFrom))
        if getattr(node, "module", "") != "firstlayers.exercises"  # for cells that a learner adds
        for alias in node.names
    }
    assert imported - {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)} == set()


def is_page(target: str, section: Path) -> bool:
    """Tell whether ``:doc:`` finds a page: one in docs, a chapter or a list of chapters."""
    inside = target.startswith("/")
    page = Path(target[1:]) if inside else Path("tutorials", section.name, target)
    parts: list[str] = []
    for part in page.parts:
        if part == "..":
            parts.pop()
        else:
            parts.append(part)
    page = Path(*parts)
    if page.parts[0] != "tutorials":  # there, all pages are generated
        return any((DOCS / page).with_suffix(suffix).is_file() for suffix in (".rst", ".md"))
    source = TUTORIALS.joinpath(*page.parts[1:])
    if page.name == "index":
        return (source.parent / "GALLERY_HEADER.rst").is_file()
    return source.with_suffix(".py").is_file()


@every_chapter
def test_links_to_pages_lead_somewhere(chapter: Chapter) -> None:
    found = re.findall(r":doc:`(?:[^`<]*<([^`>]+)>|([^`]+))`", chapter.text)
    targets = [inside or whole for inside, whole in found]
    assert [target for target in targets if not is_page(target, chapter.path.parent)] == []


@every_chapter
def test_links_to_sections_of_other_chapters_lead_somewhere(chapter: Chapter) -> None:
    labels = {
        label
        for path in CHAPTERS
        for label in re.findall(r"^\.\. _([\w-]+):$", Chapter.read(path).text, re.MULTILINE)
    }
    found = re.findall(r":ref:`(?:[^`<]*<([^`>]+)>|([^`]+))`", chapter.text)
    assert {inside or whole for inside, whole in found} - labels == set()


@every_chapter
def test_no_text_block_is_cut_off_by_an_empty_line(chapter: Chapter) -> None:
    # The rest would stand on the page as a comment in the code, headings and all.
    assert re.findall(r"^#\s*[-=*]{2,}.*", chapter.code, re.MULTILINE) == []
