"""Every notebook and every script of the built site runs where a reader put it.

What lies in the box is what the pages offer, cell by cell and byte by byte (see ``test_notebooks``). So
each chapter runs from start to end twice, as a notebook alone and as a script in the box, and the first
chapter of each track also the other way round.
"""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest
from bs4 import BeautifulSoup
from page import Shown, cells_of_notebook, cells_of_page, lines_of
from served import CHAPTERS, get

MINUTES = 10 * 60
FIRST_OF_TRACKS = sorted({name.rpartition("/")[0]: name for name in reversed(CHAPTERS)}.values())
MEASURES_TIME = ("tutorials/3_further/01_speed",)  # what it prints depends on the moment

EXECUTE = """
import sys, nbclient, nbformat
notebook = nbformat.read(sys.argv[1], as_version=4)
nbclient.NotebookClient(notebook, timeout=600, kernel_name="python3").execute()
nbformat.write(notebook, sys.argv[2])
"""


def download(docname: str, suffix: str, folder: Path) -> Path:
    """Follow the link on a chapter's page, as a reader does."""
    page = BeautifulSoup(get(f"{docname}.html"), "html.parser")
    links = [a["href"] for a in page.select(".fl-downloads a[download]")]
    (name,) = {link for link in links if link.endswith(suffix)}
    assert "/" not in name
    folder.mkdir()
    path = folder / name
    path.write_bytes(get(f"{docname.rpartition('/')[0]}/{name}"))
    return path


def run(command: list[object], folder: Path, environment: dict[str, str]) -> str:
    """Run a reader's command; return what it printed."""
    result = subprocess.run(
        [str(part) for part in command],
        cwd=folder,
        check=False,
        env=environment,
        capture_output=True,
        text=True,
        timeout=MINUTES,
    )
    assert result.returncode == 0, result.stderr[-4000:]
    return result.stdout


def run_script(path: Path, docname: str, interpreter: Path, environment: dict[str, str]) -> None:
    """Run a script as a reader does; compare what it prints with the built page."""
    windowless = {**environment, "MPLBACKEND": "Agg"}  # no screen, no windows
    first, *lines = lines_of(run([interpreter, path.name], path.parent, windowless))
    assert first.startswith("Installing what the course needs")
    on_page = cells_of_page(get(f"{docname}.html").decode())
    expected = [line for cell in on_page for line in lines_of(cell.text)]
    assert len(lines) == len(expected)
    if docname not in MEASURES_TIME:
        assert lines == expected


def assert_nothing_else_is_shown(notebook: nbformat.NotebookNode) -> None:
    """Look for what only a notebook would show: warnings, in red, and values of last lines."""
    outputs = [out for cell in notebook.cells for out in cell.get("outputs", [])]
    red = "".join(out["text"] for out in outputs if out.get("name") == "stderr")
    assert "Warning" not in red, red
    # What a page shows is printed. A cell that ends with a value would show it in a notebook only.
    values = [out["data"]["text/plain"] for out in outputs if out.output_type == "execute_result"]
    assert not values


def assert_as_on_the_page(cells: list[Shown], docname: str) -> None:
    """Compare cells with those of the built page: code, printed text, number of figures."""
    on_page = cells_of_page(get(f"{docname}.html").decode())
    assert len(cells) == len(on_page)
    for cell, shown in zip(cells, on_page, strict=True):
        assert cell.code == shown.code
        said, expected = lines_of(cell.text), lines_of(shown.text)
        assert len(said) == len(expected), cell.code
        if docname not in MEASURES_TIME:
            assert said == expected, cell.code
        assert cell.figures == shown.figures, cell.code


def run_notebook(
    path: Path, docname: str, interpreter: Path, environment: dict[str, str], ran: Path
) -> None:
    """Run a notebook as a reader does; compare what it shows with the built page."""
    run([interpreter, "-c", EXECUTE, path.name, ran], path.parent, environment)
    notebook = nbformat.read(ran, as_version=4)
    assert "Installing what the course needs" in notebook.cells[0].outputs[0]["text"]
    assert_nothing_else_is_shown(notebook)
    assert_as_on_the_page(cells_of_notebook(notebook), docname)


@pytest.mark.parametrize("docname", CHAPTERS)
def test_a_notebook_by_itself_installs_the_package_from_the_site_and_runs(
    docname: str, tmp_path: Path, python: Callable[..., Path], environment: dict[str, str]
) -> None:
    path = download(docname, ".ipynb", tmp_path / "empty")
    run_notebook(path, docname, python(site=True), environment, tmp_path / "ran.ipynb")


@pytest.mark.parametrize("docname", CHAPTERS)
def test_a_script_in_the_box_runs_without_any_network(
    docname: str,
    box: Path,
    python: Callable[..., Path],
    environment: dict[str, str],
) -> None:
    path = (box / docname.removeprefix("tutorials/")).with_suffix(".py")
    run_script(path, docname, python(site=False), environment)


@pytest.mark.parametrize("docname", FIRST_OF_TRACKS)
def test_a_notebook_in_the_box_runs_without_any_network(
    docname: str,
    box: Path,
    tmp_path: Path,
    python: Callable[..., Path],
    environment: dict[str, str],
) -> None:
    path = (box / docname.removeprefix("tutorials/")).with_suffix(".ipynb")
    run_notebook(path, docname, python(site=False), environment, tmp_path / "ran.ipynb")


@pytest.mark.parametrize("docname", FIRST_OF_TRACKS)
def test_a_script_runs_from_an_empty_folder(
    docname: str, tmp_path: Path, python: Callable[..., Path], environment: dict[str, str]
) -> None:
    path = download(docname, ".py", tmp_path / "empty")
    run_script(path, docname, python(site=True), environment)


def test_without_the_site_and_the_box_the_first_cell_says_what_to_do(
    tmp_path: Path, python: Callable[..., Path], environment: dict[str, str]
) -> None:
    path = download(CHAPTERS[0], ".py", tmp_path / "empty")
    result = subprocess.run(
        [python(site=False), path.name],
        cwd=path.parent,
        check=False,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert result.returncode == 1
    assert "Put the file firstlayers-*.whl beside this one" in result.stderr
    assert "notebooks.html" in result.stderr


def test_a_package_that_is_too_old_is_replaced(
    tmp_path: Path, python: Callable[..., Path], environment: dict[str, str], box: Path
) -> None:
    interpreter = python(site=True)
    (packages,) = interpreter.parents[1].glob("lib/python*/site-packages")
    old = packages / "firstlayers-0.0.1.dist-info"
    old.mkdir()
    metadata = "Metadata-Version: 2.4\nName: firstlayers\nVersion: 0.0.1\n"
    contents = {"METADATA": metadata, "INSTALLER": "pip", "RECORD": ""}
    contents["RECORD"] = "".join(f"{old.name}/{name},,\n" for name in contents)
    for name, text in contents.items():
        (old / name).write_text(text, encoding="utf-8")
    notebook = json.loads(next((box / "1_basics").glob("01_*.ipynb")).read_text("utf-8"))
    cell = tmp_path / "first_cell.py"
    cell.write_text("".join(notebook["cells"][0]["source"]), encoding="utf-8")
    run([interpreter, cell], tmp_path, environment)
    (wheel,) = box.glob("*.whl")
    version = "import importlib.metadata as m; print(m.version('firstlayers'))"
    assert (
        run([interpreter, "-c", version], tmp_path, environment).strip() == wheel.name.split("-")[1]
    )
