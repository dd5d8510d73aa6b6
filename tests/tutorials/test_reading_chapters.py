"""Chapters are read, and run, as the tests of the chapters expect."""

import sys
from pathlib import Path

import chapters
import pytest
from chapters import Chapter

SCRIPT = '''
"""
Do a thing
==========

You will do it. See :doc:`the other <02_other>` and https://example.org/2.75.

* one
"""

# %%
# First part
# ----------
#
# The learning rate is 0.1, and :math:`x = 0.25`, and ``y = 0.35``. PyTorch 2.9 is needed.
#
# .. math::
#
#    y = 0.45
#
# It was right for 91.5 % of 1,442 images, 40 percent more.

learning_rate = 0.1
# A comment says 6.5.
print(f"{0.915:.1%} of 1,442")

# %%
# Second part
# -----------
#
# It ends with 3.75.

print("last")
'''.lstrip()


def write(folder: Path, script: str) -> Path:
    path = folder / "01_chapter.py"
    path.write_text(script, encoding="utf-8")
    return path


def test_sections_are_found_by_their_headings(tmp_path: Path) -> None:
    chapter = Chapter.read(write(tmp_path, SCRIPT))
    assert list(chapter.sections) == ["Do a thing", "First part", "Second part"]
    assert chapter.sections["Second part"] == "It ends with 3.75."
    assert len(chapter.texts) == 3


def test_prose_has_no_formula_code_address_or_markup(tmp_path: Path) -> None:
    prose = Chapter.read(write(tmp_path, SCRIPT)).prose
    assert "See the other  and " in prose
    for left_out in ("example.org", "02_other", "==", "--", "0.25", "0.35", "0.45", "`", "print"):
        assert left_out not in prose
    assert "It was right" in prose


def test_decimals_and_percentages_in_prose_and_comments_are_found(tmp_path: Path) -> None:
    numbers = Chapter.read(write(tmp_path, SCRIPT)).typed_numbers()
    assert numbers == ["0.1", "91.5 %", "40 percent", "3.75", "6.5"]


def test_numbers_that_neither_output_nor_code_confirm_are_reported(tmp_path: Path) -> None:
    chapter = Chapter.read(write(tmp_path, SCRIPT))
    assert chapter.unexplained_numbers("91.5% of 1,442\n") == ["40 percent", "3.75", "6.5"]
    # A number in the code confirms a percentage, and so does a printed percentage; other printed
    # numbers do not.
    assert "91.5 %" not in chapter.unexplained_numbers("")
    assert chapter.unexplained_numbers("40 3.75 6.50") == ["40 percent"]


def test_a_chapter_runs_as_main_and_its_output_is_kept(tmp_path: Path) -> None:
    script = 'print(__name__)\nimport sys\nassert sys.modules["__main__"].__file__ == __file__\n'
    result = chapters.run(write(tmp_path, SCRIPT + script))
    assert result.error == ""
    assert result.output == "91.5% of 1,442\nlast\n__main__\n"
    assert result.problems == []
    assert 0 < result.cpu_seconds < 30


@pytest.mark.parametrize(
    ("code", "what"),
    [
        ("1 / 0", "ZeroDivisionError"),
        ("import warnings\nwarnings.warn('look here')", "UserWarning: look here"),
        ("import sys\nsys.exit()", "SystemExit"),
        ("import os\nos._exit(3)", "the process ended with exit code 3"),
        ("x = (", "SyntaxError"),
    ],
)
def test_what_ends_a_chapter_early_is_reported(tmp_path: Path, code: str, what: str) -> None:
    path = write(tmp_path, f"{SCRIPT}\n{code}\n")
    error = chapters.run(path).error
    assert what in error


def test_a_chapter_that_does_not_end_is_stopped(tmp_path: Path) -> None:
    path = write(tmp_path, SCRIPT + "while True:\n    pass\n")
    result = chapters.run(path, timeout=2)
    assert result.error == "the chapter did not end within 2 seconds"


def test_showing_a_figure_is_no_warning(tmp_path: Path) -> None:
    code = "import matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.show()\n"
    assert chapters.run(write(tmp_path, SCRIPT + code)).error == ""


def test_what_one_chapter_changes_the_next_does_not_see(tmp_path: Path) -> None:
    for folder in ("first", "second"):
        (tmp_path / folder).mkdir()
    change = (
        "import torch\ntorch.set_default_dtype(torch.float64)\nimport os\nos.environ['X_Y'] = '1'\n"
    )
    look = "import torch, os\nprint(torch.get_default_dtype(), 'X_Y' in os.environ)\n"
    assert chapters.run(write(tmp_path / "first", SCRIPT + change)).error == ""
    assert "torch.float32 False" in chapters.run(write(tmp_path / "second", SCRIPT + look)).output
    assert "__shape_comments__" not in vars(sys.modules["__main__"])


def test_shape_problems_are_reported(tmp_path: Path) -> None:
    path = write(tmp_path, "import torch\nx = torch.ones(2)  # (3,)\n")
    assert chapters.run(path).problems == [
        "line 2: x: the shape is (2,), but the comment says (3,)"
    ]
