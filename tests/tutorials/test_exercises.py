"""Every exercise stands in one chapter, untouched; with the course's answer in its place it is right."""

import ast
import inspect
import re
import textwrap
from pathlib import Path

import chapters
import pytest
from chapters import CHAPTERS, Chapter

from firstlayers.exercises.registry import Exercise, exercises, find

ALL = exercises()
TRACKS = ("1_basics", "2_digits", "3_further", "4_clinic")
WITH_EXERCISES = [path for path in CHAPTERS if path.parent.name in TRACKS]
every_chapter = pytest.mark.parametrize(
    "path", WITH_EXERCISES, ids=[f"{path.parent.name}/{path.stem}" for path in WITH_EXERCISES]
)
every_exercise = pytest.mark.parametrize("exercise", ALL, ids=[e.name for e in ALL])


def stubs(chapter: Chapter) -> dict[str, ast.FunctionDef | ast.ClassDef]:
    """The functions and classes of a chapter that carry ``@exercise``."""
    return {
        node.name: node
        for node in ast.walk(ast.parse(chapter.code))
        if isinstance(node, (ast.FunctionDef, ast.ClassDef))
        and [ast.unparse(decorator) for decorator in node.decorator_list] == ["exercise"]
    }


def of(path: Path) -> list[Exercise]:
    return [e for e in ALL if e.chapter == f"{path.parent.name}/{path.stem}"]


@every_chapter
def test_chapter_holds_the_exercises_that_the_registry_says(path: Path) -> None:
    chapter = Chapter.read(path)
    expected = {e.answer_name: e.name for e in of(path)}
    assert len(expected) >= 2
    assert sorted(stubs(chapter)) == sorted(expected)
    assert re.findall(r"\*\*Your turn: (\w+)\.\*\*", chapter.text) == [
        expected[name] for name in stubs(chapter)
    ]


@every_chapter
def test_untouched_chapter_says_so_and_runs_to_its_end(path: Path) -> None:
    run = chapters.run(path)
    assert run.error == ""
    for exercise in of(path):
        assert f"○ {exercise.name}: not attempted yet. The page goes on" in run.output


@every_exercise
def test_exercise_is_asked_for_once(exercise: Exercise) -> None:
    places = [path for path in CHAPTERS if exercise.answer_name in stubs(Chapter.read(path))]
    assert [f"{path.parent.name}/{path.stem}" for path in places] == [exercise.chapter]


@every_exercise
def test_stub_has_the_answer_s_signature_and_a_docstring(exercise: Exercise) -> None:
    path = chapters.TUTORIALS / f"{exercise.chapter}.py"
    stub = stubs(Chapter.read(path))[exercise.answer_name]
    answer = ast.parse(inspect.getsource(exercise.reference)).body[0]
    assert type(stub) is type(answer)
    assert ast.get_docstring(stub) == ast.get_docstring(answer)
    assert signatures(stub) == signatures(answer)


def signatures(node: ast.AST) -> dict[str, str]:
    return {
        part.name: ast.unparse(part.args)
        for part in ast.walk(node)
        if isinstance(part, ast.FunctionDef) and not re.fullmatch(r"_[a-z].*", part.name)
    }


@every_chapter
def test_with_the_course_s_answers_all_are_right(
    path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # The learner's way: the chapter's own imports, and the answer under @exercise.
    chapter = Chapter.read(path)
    imports = [
        ast.unparse(node)
        for node in ast.parse(chapter.code).body
        if isinstance(node, (ast.Import, ast.ImportFrom))
    ]
    namespace: dict[str, object] = {"__name__": "__main__"}
    exec("\n".join(imports), namespace)
    capsys.readouterr()
    for exercise in of(path):
        source = inspect.getsource(exercise.reference)
        exec(f"@exercise\n{textwrap.dedent(source)}", namespace)
        said = " ".join(capsys.readouterr().out.split())
        assert said == f"✔ {exercise.name}: right on {exercise.checked}."
        # The name stands for the learner's own version, not for the course's.
        assert namespace[exercise.answer_name] is not exercise.reference


@every_exercise
def test_exercise_can_be_found_by_both_of_its_names(exercise: Exercise) -> None:
    assert find(exercise.name) is find(exercise.answer_name) is exercise
