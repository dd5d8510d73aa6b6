"""A learner's way through a notebook, in a real Jupyter kernel."""

import json
import os
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from sphinx_gallery.gen_gallery import DEFAULT_GALLERY_CONF
from sphinx_gallery.notebook import jupyter_notebook
from sphinx_gallery.py_source_parser import split_code_and_text_blocks

from firstlayers.exercises.registry import exercises

FIRST = """
import torch
from firstlayers.exercises import exercise, hint, progress, solution
"""
STUB = """
@exercise
def softmax(logits):
    ...  # your code here
"""
OVERFLOWS = """
@exercise
def softmax(logits):
    return logits.exp() / logits.exp().sum(dim=1, keepdim=True)
"""
LOOPS = """
@exercise
def softmax(logits):
    while True:
        print("still computing")
"""
MISSPELLED = """
@exercise
def softmax(logits):
    largest = logits.maximum(dim=1)
    return logits - largest
"""
RIGHT = """
@exercise
def softmax(logits):
    shifted = logits - logits.amax(dim=1, keepdim=True)
    return shifted.exp() / shifted.exp().sum(dim=1, keepdim=True)
"""
USE = "print(softmax(torch.tensor([[0.0, 0.0, 1000.0]])).tolist(), softmax.__module__)"
CELLS = [
    FIRST, STUB, USE, OVERFLOWS, USE, 'hint("softmax")', LOOPS, MISSPELLED, "progress()", RIGHT,
    USE, 'solution("softmax")', "progress()", "print(torch.get_default_dtype(), torch.get_num_threads() >= 1)",
]  # fmt: skip


def chapter() -> nbformat.NotebookNode:
    """The chapter as a notebook, made as the site makes it."""
    script = Path(__file__).parents[3] / "tutorials" / "2_digits" / "03_softmax.py"
    _, blocks = split_code_and_text_blocks(script)
    made = jupyter_notebook(blocks, DEFAULT_GALLERY_CONF, str(script.parent))
    return nbformat.reads(json.dumps(made), as_version=4)


def text_of(cell: nbformat.NotebookNode) -> str:
    return "".join(output.get("text", "") for output in cell.get("outputs", []))


@pytest.fixture(scope="module")
def printed(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Run the whole chapter, then the learner's cells; return what each of those printed."""
    folder = tmp_path_factory.mktemp("learner")
    notebook = chapter()
    untouched = len(notebook.cells)
    notebook.cells += [nbformat.v4.new_code_cell(cell) for cell in CELLS]
    environment = {
        **os.environ,
        "FIRSTLAYERS_PROGRESS": str(folder / "progress.json"),
        "IPYTHONDIR": str(folder),
        "JUPYTER_RUNTIME_DIR": str(folder),
    }
    client = NotebookClient(notebook, timeout=120, kernel_name="python3")
    client.execute(env=environment, cwd=str(folder))
    assert sorted(path.name for path in Path(folder).glob("progress*")) == [
        "progress.json",
        "progress.lock",
    ]
    shipped = [text_of(cell) for cell in notebook.cells[:untouched]]
    assert "○ softmax: not attempted yet. The page goes on with the course's version.\n" in shipped
    assert "○ soften: not attempted yet. The page goes on with the course's version.\n" in shipped
    return [text_of(cell) for cell in notebook.cells[untouched:]]


def test_untouched_stub_lets_the_notebook_go_on(printed: list[str]) -> None:
    assert printed[1].startswith("○ softmax: not attempted yet.")
    assert printed[2] == "[[0.0, 0.0, 1.0]] firstlayers.exercises.digits\n"


def test_wrong_answers_are_told_apart(printed: list[str]) -> None:
    assert printed[3].startswith("✘ softmax: overflow.")
    assert printed[4] == printed[2]
    assert printed[6].startswith("✘ softmax: does not end.")
    assert "still computing" not in printed[6]
    assert printed[7].startswith("✘ softmax: it raised TypeError")
    # The line of the notebook's own cell.
    assert "“largest = logits.maximum(dim=1)”" in " ".join(printed[7].split())


def test_hint_and_solution_need_no_network(printed: list[str]) -> None:
    assert printed[5].startswith("Hint 1 of 3: ")
    assert printed[11].startswith("def softmax(logits):")


def test_right_answer_takes_the_place_of_the_course_s(printed: list[str]) -> None:
    assert printed[9].startswith("✔ softmax: right on ")
    assert printed[10] == "[[0.0, 0.0, 1.0]] __main__\n"


def test_progress_is_kept(printed: list[str]) -> None:
    count = len(exercises())
    assert printed[8].startswith(f"0 of {count} exercises are done.")
    assert "✘ softmax" in printed[8]
    assert printed[12].startswith(f"1 of {count} exercises are done.")
    assert "✔ softmax" in printed[12]


def test_session_is_as_it_was(printed: list[str]) -> None:
    assert printed[13] == "torch.float32 True\n"
