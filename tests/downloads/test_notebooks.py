"""All notebooks of the built site are valid, and say and hold what the pages do."""

import ast
import json
import re
import zipfile
from io import BytesIO
from pathlib import Path
from typing import Any

import nbconvert
import nbformat
import pytest
from bs4 import BeautifulSoup
from page import article_of, cells_of_notebook, cells_of_page, structure_of
from served import ADDRESS, CHAPTERS, SITE, get

REST = {
    "a role": r":[\w:.-]+:`",
    "a directive": r"^\s*\.\. \S",
    "an option": r"^\s*:[\w-]+:\s",
    "a literal": r"``",
    "a link": r"`_|>`|__\b$",
    "a substitution": r"\|\w+\|(?!.*\|)",
    "an underlined heading": r"^(=|-|~|\^){3,}$",
}


def read(docname: str) -> Any:
    """Return a notebook as downloaded."""
    return nbformat.reads(get(f"{docname}.ipynb").decode(), as_version=4)


@pytest.mark.parametrize("docname", CHAPTERS)
def test_a_notebook_is_valid_and_of_no_machine(docname: str) -> None:
    text = get(f"{docname}.ipynb").decode()
    raw = json.loads(text)
    assert (raw["nbformat"], raw["nbformat_minor"]) == (4, 5)
    nbformat.validate(nbformat.from_dict(raw), relax_add_props=False)
    ids = [cell["id"] for cell in raw["cells"]]
    assert len(set(ids)) == len(ids)
    assert raw["metadata"]["language_info"] == {"name": "python"}
    assert raw["metadata"]["kernelspec"]["name"] == "python3"
    assert not any(cell.get("outputs") or cell.get("execution_count") for cell in raw["cells"])
    assert raw["cells"][0]["cell_type"] == "code"
    assert "install_firstlayers()" in "".join(raw["cells"][0]["source"])


@pytest.mark.parametrize("docname", CHAPTERS)
def test_nothing_of_rest_is_left_in_a_notebook(docname: str) -> None:
    for cell in read(docname).cells:
        if cell.cell_type != "markdown":
            continue
        # Code in the text may look like anything; a fence or backticks stand around it.
        text = re.sub(r"^( *)(`{3,}).*?^\1\2$", "", cell.source, flags=re.MULTILINE | re.DOTALL)
        assert "```" not in text
        prose = re.sub(r"(`+)(?!`).+?(?<!`)\1(?!`)", "CODE", text)
        prose = re.sub(r"\$\$.*?\$\$|\$[^$\n]+\$", "FORMULA", prose, flags=re.DOTALL)
        for what, pattern in REST.items():
            found = re.search(pattern, prose, re.MULTILINE)
            assert not found, (
                f"{what}: {found and prose[max(0, found.start() - 60) : found.end() + 40]!r}"
            )


@pytest.mark.parametrize("docname", CHAPTERS)
def test_page_script_and_notebook_have_identical_code_cells(docname: str) -> None:
    in_notebook = [cell.code for cell in cells_of_notebook(read(docname))]
    assert in_notebook == [cell.code for cell in cells_of_page(get(f"{docname}.html").decode())]
    script = get(f"{docname}.py").decode()
    statements = [ast.dump(statement) for statement in ast.parse(script).body]
    install = "".join(read(docname).cells[0].source)
    both = "\n\n".join([install, *in_notebook])
    assert statements[1:] == [ast.dump(statement) for statement in ast.parse(both).body]
    for code in in_notebook:
        assert code in script
    original = Path("tutorials", docname.removeprefix("tutorials/")).with_suffix(".py")
    assert script.replace(f"\n{install}\n", "", 1) == original.read_text("utf-8")


@pytest.mark.parametrize("docname", CHAPTERS)
def test_the_box_holds_the_code_that_pages_offer(docname: str, box: Path) -> None:
    path = box / docname.removeprefix("tutorials/")
    assert path.with_suffix(".py").read_bytes() == get(f"{docname}.py")
    packed = nbformat.read(path.with_suffix(".ipynb"), as_version=4)
    codes = [
        [cell.source for cell in notebook.cells if cell.cell_type == "code"]
        for notebook in (packed, read(docname))
    ]
    assert codes[0] == codes[1]


@pytest.mark.parametrize("docname", CHAPTERS)
def test_a_notebook_has_the_structure_of_its_page(docname: str) -> None:
    exporter = nbconvert.HTMLExporter(template_name="basic")
    exporter.exclude_anchor_links = True
    notebook = read(docname)
    html, _ = exporter.from_notebook_node(notebook)
    converted = BeautifulSoup(html, "html.parser")
    for part in converted.select(".jp-CodeCell, .code_cell"):
        part.decompose()
    text = "\n\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    without_code = re.sub(r"(`+)(?!`).+?(?<!`)\1(?!`)", "", text, flags=re.DOTALL)
    formulas = len(re.findall(r"\$\$.+?\$\$|(?<!\\)\$[^$]+\$", without_code, re.DOTALL))
    article = article_of(get(f"{docname}.html").decode())
    on_page = structure_of(article, formulas=len(article.select(".math")))
    in_notebook = structure_of(converted, formulas=formulas)
    assert in_notebook == on_page
    assert on_page.headings


@pytest.mark.parametrize("docname", CHAPTERS)
def test_links_of_a_notebook_lead_to_the_site(docname: str) -> None:
    text = "\n".join(cell.source for cell in read(docname).cells if cell.cell_type == "markdown")
    links = re.findall(r"\]\(([^)\s]+)\)", text)
    assert links
    for link in links:
        assert link.startswith(("https://", ADDRESS)), link
        if link.startswith(ADDRESS):
            path, _, anchor = link.removeprefix(ADDRESS).partition("#")
            page = BeautifulSoup((SITE / path).read_text("utf-8"), "html.parser")
            assert not anchor or page.find(id=anchor) is not None, link


def test_links_in_the_box_lead_to_its_other_notebooks() -> None:
    with zipfile.ZipFile(BytesIO(get("downloads/first-layers.zip"))) as packed:
        names = {name.removeprefix("first-layers/") for name in packed.namelist()}
        readme = packed.read("first-layers/README.md").decode()
        linked = re.findall(r"\]\(([^)\s]+)\)", readme)
        notebooks = sorted(name for name in names if name.endswith(".ipynb"))
        assert linked == notebooks
        found = 0
        for name in notebooks:
            notebook = json.loads(packed.read(f"first-layers/{name}"))
            text = "".join(
                "".join(c["source"]) for c in notebook["cells"] if c["cell_type"] == "markdown"
            )
            for link in re.findall(r"\]\(((?!https?:|data:)[^)\s]+)\)", text):
                assert Path(name, "..", link).resolve().relative_to(Path.cwd()).as_posix() in names
                found += 1
        assert found > len(notebooks)


def test_the_boxes_hold_everything_in_reading_order() -> None:
    with zipfile.ZipFile(BytesIO(get("downloads/first-layers.zip"))) as packed:
        names = packed.namelist()
    expected = [
        f"first-layers/{docname.removeprefix('tutorials/')}{suffix}"
        for docname in CHAPTERS
        for suffix in (".ipynb", ".py")
    ]
    assert names[3:] == expected
    assert names[0] == "first-layers/README.md"
    assert names[2].endswith(".whl")
    for track in sorted({docname.split("/")[1] for docname in CHAPTERS}):
        with zipfile.ZipFile(BytesIO(get(f"downloads/first-layers-{track}.zip"))) as packed:
            wanted = [name for name in expected if f"/{track}/" in name]
            assert packed.namelist() == [*names[:3], *wanted]
