"""The files that readers take along: notebooks, scripts, zip files and the wheel."""

import ast
import hashlib
import re
import zipfile
from pathlib import Path

import nbformat
import pytest
from bs4 import BeautifulSoup
from downloads import repository_of
from mini_gallery import MiniGallery
from notebooks import install_cell
from sphinx.errors import ConfigError

EXTENSIONS = ("downloads",)
CONF = "html_math_renderer = 'mathml'\nhtml_theme = 'basic'\ntemplates_path = ['_templates']\n"
PYPROJECT = """
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "firstlayers"
version = "0.3.0"
requires-python = ">=3.11"
dependencies = ["torch>=2.9", "tqdm"]
"""
CHAPTER = '''"""
Softmax
=======

You will see it. **It** *sums* to 1, see :doc:`02_next` and :doc:`/notebooks`.

.. note::

   A note with :math:`x_i`.
"""

# %%
# A part
# ------
#
# * one
# * two

print("hello")

# %%
# Inside
# ~~~~~~
#
# Text.

print("again")
'''
NEXT = '"""\nNext\n====\n\nWords.\n"""\n\nprint("next")\n'


@pytest.fixture
def course(mini_gallery: MiniGallery) -> MiniGallery:
    """A course of two chapters, with a package beside it."""
    root = mini_gallery.docs.parent
    (root / "pyproject.toml").write_text(PYPROJECT, encoding="utf-8")
    (root / "LICENSE").write_text("Free.\n", encoding="utf-8")
    package = root / "src" / "firstlayers"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text('"""Shared."""\n', encoding="utf-8")
    (mini_gallery.docs / "_templates").mkdir()
    readme = "Begin with {wheel}.\n\n{site}\n\n{chapters}\n"
    (mini_gallery.docs / "_templates" / "box_readme.md").write_text(readme, encoding="utf-8")
    page = "Notebooks\n=========\n\n.. course-downloads::\n"
    (mini_gallery.docs / "notebooks.rst").write_text(page, encoding="utf-8")
    index = "Site\n====\n\n.. toctree::\n\n   course/index\n   notebooks\n"
    (mini_gallery.docs / "index.rst").write_text(index, encoding="utf-8")
    for name, text in (("01_softmax", CHAPTER), ("02_next", NEXT)):
        (mini_gallery.chapters / "basics" / f"{name}.py").write_text(text, encoding="utf-8")
    configure(mini_gallery)
    return mini_gallery


def configure(course: MiniGallery, other: str = "") -> None:
    """Write the project's settings."""
    course.configure(
        (*EXTENSIONS, "mathml"), CONF + other, notebook_extensions=set(), doc_module=()
    )


def built(course: MiniGallery, *options: str) -> Path:
    """Build strictly, and return the site's folder."""
    status, output = course.build(*options)
    assert status == 0, output
    return course.docs / "_build"


def text_of(path: Path) -> str:
    """Return all text cells of a notebook."""
    notebook = nbformat.read(path, as_version=4)
    return "\n\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")


def test_a_chapter_becomes_a_valid_notebook_beside_its_page(course: MiniGallery) -> None:
    path = built(course) / "course" / "basics" / "01_softmax.ipynb"
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook, relax_add_props=False)
    kinds = [cell.cell_type for cell in notebook.cells]
    assert kinds == ["code", "markdown", "markdown", "code", "markdown", "code"]
    assert [cell.source for cell in notebook.cells[3::2]] == ['print("hello")', 'print("again")']
    assert notebook.cells[1].source == (
        "# Softmax\n\nYou will see it. **It** *sums* to 1, see [Next](02_next.ipynb) and Notebooks.\n\n"
        "> **Note**\n>\n> A note with $x_i$."
    )
    assert notebook.cells[2].source == "## A part\n\n* one\n* two"
    assert notebook.cells[4].source == "### Inside\n\nText."


def test_a_script_is_the_chapter_with_one_more_cell(course: MiniGallery) -> None:
    text = (built(course) / "course" / "basics" / "01_softmax.py").read_text("utf-8")
    install = install_cell("0.3.0", ["torch>=2.9", "tqdm"], "")
    assert text.replace(f"\n{install}\n", "") == CHAPTER
    assert isinstance(ast.parse(text).body[1], ast.FunctionDef)


def test_links_lead_to_the_site_where_it_has_an_address(course: MiniGallery) -> None:
    configure(course, "html_baseurl = 'https://example.org/first'\n")
    site = built(course)
    text = text_of(site / "course" / "basics" / "01_softmax.ipynb")
    assert "[Next](https://example.org/first/course/basics/02_next.html)" in text
    assert "[Notebooks](https://example.org/first/notebooks.html)" in text
    with zipfile.ZipFile(site / "downloads" / "first-layers.zip") as packed:
        boxed = packed.read("first-layers/basics/01_softmax.ipynb").decode()
        readme = packed.read("first-layers/README.md").decode()
    assert "[Next](02_next.ipynb)" in boxed
    assert "[Notebooks](https://example.org/first/notebooks.html)" in boxed
    assert "https://example.org/first/" in readme
    assert '"https://example.org/first/notebooks.html"]' in boxed.replace('\\"', '"')


def test_the_zip_file_holds_all_in_reading_order(course: MiniGallery) -> None:
    site = built(course)
    with zipfile.ZipFile(site / "downloads" / "first-layers.zip") as packed:
        assert packed.testzip() is None
        assert [name.removeprefix("first-layers/") for name in packed.namelist()] == [
            "README.md",
            "LICENSE",
            "firstlayers-0.3.0-py3-none-any.whl",
            "basics/01_softmax.ipynb",
            "basics/01_softmax.py",
            "basics/02_next.ipynb",
            "basics/02_next.py",
        ]
        assert all(info.external_attr >> 16 == 0o644 for info in packed.infolist())
        readme = packed.read("first-layers/README.md").decode()
    assert "Begin with firstlayers-0.3.0-py3-none-any.whl." in readme
    assert "* [Softmax](basics/01_softmax.ipynb)\n* [Next](basics/02_next.ipynb)" in readme
    course_zip = (site / "downloads" / "first-layers.zip").read_bytes()
    track_zip = (site / "downloads" / "first-layers-basics.zip").read_bytes()
    assert len(course_zip) >= len(track_zip)  # there is only one track


def test_the_same_source_gives_the_same_files(tmp_path: Path, course: MiniGallery) -> None:
    first = built(course)
    before = {path.name: path.read_bytes() for path in (first / "downloads").iterdir()}
    built(course, "-E", "-a")
    after = {path.name: path.read_bytes() for path in (first / "downloads").iterdir()}
    assert before == after
    assert len(before) == 3


def test_the_page_links_to_the_wheel_with_its_check_sum(course: MiniGallery) -> None:
    for text in ('"""Shared."""\n', '"""Shared, and changed."""\n'):
        (course.docs.parent / "src/firstlayers/__init__.py").write_text(text, encoding="utf-8")
        site = built(course)
        page = BeautifulSoup((site / "notebooks.html").read_text("utf-8"), "html.parser")
        (link,) = [a["href"] for a in page.select("a") if ".whl" in a.get("href", "")]
        path, _, check_sum = link.partition("#sha256=")
        assert hashlib.sha256((site / path).read_bytes()).hexdigest() == check_sum
        with zipfile.ZipFile(site / path) as wheel:
            assert wheel.read("firstlayers/__init__.py").decode() == text


def test_a_chapter_that_is_gone_is_in_no_zip_file(course: MiniGallery) -> None:
    site = built(course)
    (course.chapters / "basics" / "02_next.py").unlink()
    text = CHAPTER.replace(" :doc:`02_next` and", "")
    (course.chapters / "basics" / "01_softmax.py").write_text(text, encoding="utf-8")
    course.configure(
        (*EXTENSIONS, "mathml", "gallery_stamp"), CONF, notebook_extensions=set(), doc_module=()
    )
    built(course)
    with zipfile.ZipFile(site / "downloads" / "first-layers.zip") as packed:
        assert not [name for name in packed.namelist() if "02_next" in name]


def test_pages_offer_our_files_and_not_the_gallery_s(course: MiniGallery) -> None:
    (course.docs / "_templates" / "page.html").write_text(
        "{% extends '!page.html' %}{% block body %}{{ super() }}"
        "{% for item in course_downloads %}<a class=mine href='{{ pathto(item.file, 1) }}'></a>{% endfor %}"
        "{% for item in course_launchers %}<a class=launch href='{{ item.url }}'></a>{% endfor %}"
        "{% endblock %}"
    )
    site = built(course)
    page = BeautifulSoup((site / "course/basics/01_softmax.html").read_text("utf-8"), "html.parser")
    assert [a["href"] for a in page.select("a.mine")] == [
        "01_softmax.ipynb",
        "01_softmax.py",
        "../../downloads/first-layers-basics.zip",
        "../../downloads/first-layers.zip",
    ]
    for link in page.select("a.mine"):
        assert (site / "course" / "basics" / link["href"]).is_file()
    assert not page.select("[class*=sphx-glr-download]")
    assert not page.select("a.launch")
    track = BeautifulSoup((site / "course/basics/index.html").read_text("utf-8"), "html.parser")
    assert len(track.select("a.mine")) == 2


@pytest.mark.parametrize(
    ("other", "launchers"),
    [
        ("html_baseurl = 'https://example.org/'\n", 0),
        ("course_repository = 'https://github.com/owner/name'\n", 0),
        ("html_baseurl = 'https://example.org/'\ncourse_repository = 'owner/name'\n", 2),
    ],
)
def test_launch_links_need_an_address_and_a_repository(
    course: MiniGallery, other: str, launchers: int
) -> None:
    configure(course, other)
    (course.docs / "_templates" / "page.html").write_text(
        "{% extends '!page.html' %}{% block body %}"
        "{% for item in course_launchers %}<a href='{{ item.url }}'></a>{% endfor %}{% endblock %}"
    )
    page = (built(course) / "course/basics/01_softmax.html").read_text("utf-8")
    colab = (
        "colab.research.google.com/github/owner/name/blob/gh-pages/course/basics/01_softmax.ipynb"
    )
    binder = (
        "mybinder.org/v2/gh/owner/name/HEAD?urlpath=lab/tree/first-layers/basics/01_softmax.ipynb"
    )
    assert [colab in page, binder in page] == [launchers == 2] * 2
    with zipfile.ZipFile(course.docs / "_build" / "downloads" / "first-layers.zip") as packed:
        # Binder unpacks this file where it starts.
        assert binder.partition("lab/tree/")[2] in packed.namelist()


@pytest.mark.parametrize(
    "address", ["https://github.com/owner/na.me", "owner/na.me", "owner/na.me/"]
)
def test_a_repository_is_named_by_its_address_or_its_name(address: str) -> None:
    assert repository_of(address) == "owner/na.me"


def test_another_kind_of_address_is_refused() -> None:
    with pytest.raises(ConfigError, match="FIRSTLAYERS_REPOSITORY should look like"):
        repository_of("https://example.org/owner/name")


def test_what_a_notebook_cannot_show_stops_the_build(course: MiniGallery) -> None:
    text = NEXT.replace("Words.", "Words.\n\n.. raw:: html\n\n   <b>x</b>")
    (course.chapters / "basics" / "02_next.py").write_text(text, encoding="utf-8")
    status, output = course.build()
    assert status != 0
    assert "a notebook cannot show <raw>" in output
    assert "02_next" in output


def test_other_builders_make_no_downloads(course: MiniGallery) -> None:
    status, output = course.build("-b", "text")
    assert status == 0, output
    assert not list((course.docs / "_build").rglob("*.ipynb"))


def test_the_first_cell_is_short_and_depends_on_nothing_that_must_be_installed() -> None:
    code = install_cell("0.10.2", ["torch>=2.9"], "https://example.org/notebooks.html")
    tree = ast.parse(code)
    imported = {
        alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.Import)
        for alias in node.names
    }
    assert imported == {"importlib.metadata", "os", "re", "subprocess", "sys"}
    assert max(map(len, code.splitlines())) <= 100
    assert "(0, 10, 2)" in code
    names = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    assert names == {"install_firstlayers"}
    (asked,) = re.findall(r"pip_install\((.*firstlayers.*)\)", code)
    assert asked.startswith('"--no-index"')  # in an index, that name is somebody else's
