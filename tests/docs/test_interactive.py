"""Parts of a page that readers operate: their HTML and scripts, and the data that chapters hand over."""

import re
from pathlib import Path

import pytest
from bs4 import BeautifulSoup
from docutils import nodes
from interactive import HANDED_OVER, Interactive, kept_data, scraper, source_of
from mini_gallery import MiniGallery
from mini_site import MiniSite
from notebook_markdown import Markdown
from sphinx.errors import ExtensionError

PART = (
    '<!-- scripts: shared.js {name}.js -->\n<section class="fl-interactive" id="{name}" hidden>'
    '<a href="{{data}}">&amp;</a></section>\n'
)


@pytest.fixture
def site(tmp_path: Path) -> MiniSite:
    """A site with two things to operate, and three pages: none, one and both of them."""
    site = MiniSite(tmp_path / "docs", "interactive", conf="html_static_path = ['_static']")
    for name in ("ball", "wheel"):
        site.write(f"_interactive/{name}.html", PART.format(name=name))
        site.write(f"_static/interactive/{name}.js", f'"use strict";\n\nconst {name} = 1;\n')
    site.write("_static/interactive/shared.js", '"use strict";\n')
    site.write(
        "index.rst", "Site\n====\n\nNothing.\n\n.. toctree::\n\n   course/one\n   course/both\n"
    )
    site.write("course/one.rst", "One\n===\n\nBefore.\n\n.. interactive:: ball\n\nAfter.\n")
    site.write("course/both.rst", "Both\n====\n\n.. interactive:: ball\n.. interactive:: wheel\n")
    return site


def scripts_in(page: str) -> list[str]:
    return re.findall(r'<script[^>]*src="[^"]*/interactive/(\w+\.js)', page)


def test_a_page_has_the_html_where_it_was_asked_for(site: MiniSite) -> None:
    status, said = site.build()
    assert status == 0, said
    page = site.page("course/one")
    parts = ["Before.", '<section class="fl-interactive" id="ball" hidden>', "&amp;", "After."]
    assert [page.count(part) for part in parts] == [1] * 4
    assert sorted(parts, key=page.index) == parts
    assert "<!-- scripts" not in page


def test_scripts_are_on_the_pages_that_use_them_and_each_once(site: MiniSite) -> None:
    assert site.build()[0] == 0
    assert scripts_in(site.page()) == []
    assert scripts_in(site.page("course/one")) == ["shared.js", "ball.js"]
    assert scripts_in(site.page("course/both")) == ["shared.js", "ball.js", "wheel.js"]
    assert (site.html / "_static" / "interactive" / "ball.js").is_file()


@pytest.mark.parametrize("what", ["_interactive/ball.html", "_static/interactive/ball.js"])
def test_pages_are_made_again_when_a_part_of_theirs_changes(site: MiniSite, what: str) -> None:
    site.build()
    text = (site.root / what).read_text(encoding="utf-8")
    site.write(what, f"{text}// changed\n")
    assert "0 added, 2 changed, 0 removed" in site.build()[1]  # the page without it is left alone
    assert "0 added, 0 changed, 0 removed" in site.build()[1]


@pytest.mark.parametrize(
    ("page", "complaint"),
    [
        (".. interactive:: bell", r"course.one\.rst:4: there is no file .*_interactive.bell\.html"),
        (".. interactive:: bare", r"bare\.html: the first line should be <!-- scripts: … -->"),
        (".. interactive:: lone", r"course.one\.rst:4: there is no file .*interactive.lone\.js"),
        (".. beside:: twice ball.js", r"one\.py: no function twice"),
        (".. beside:: once bell.js", r"course.one\.rst:4: there is no file .*interactive.bell\.js"),
    ],
)
def test_what_is_missing_is_named(site: MiniSite, page: str, complaint: str) -> None:
    site.write("_interactive/bare.html", "<p>no scripts</p>\n")
    site.write("_interactive/lone.html", "<!-- scripts: lone.js -->\n<p></p>\n")
    site.write("course/one.py", "def once(x):\n    return x\n")
    site.write("course/one.rst", f"One\n===\n\n{page}\n")
    status, said = site.build()
    assert status != 0
    assert re.search(complaint, said.replace("\n", " ")), said


def test_text_has_nothing_to_operate(site: MiniSite) -> None:
    status, said = site.build("-b", "text")
    assert status == 0, said
    text = (site.html / "course" / "one.txt").read_text(encoding="utf-8")
    assert text.split() == ["One", "***", "Before.", "After."]
    assert not (site.html / "_data").exists()


def test_a_notebook_says_that_there_is_something_to_try() -> None:
    node = Interactive("", html="<b>x</b>", name="ball", scripts=["ball.js"])
    text = Markdown(str, Path()).blocks([nodes.paragraph("", "Before."), node])
    assert text == "Before.\n\n*On this chapter's page, there is something to try here.*"


# Data


def test_what_a_chapter_hands_over_is_kept_and_then_gone(tmp_path: Path) -> None:
    variables = {HANDED_OVER: {"weights": [[0.5, -1]], "name": "é"}, "other": 1}
    cell = {"example_globals": variables, "target_file": str(tmp_path / "chapter.py")}
    assert scraper(None, cell, {}) == ""
    assert variables == {"other": 1}
    script = kept_data(tmp_path / "chapter.py").read_text(encoding="utf-8")
    assert script == 'const forThePage = {"weights":[[0.5,-1]],"name":"é"};\n'
    # The next cell hands nothing over, and what the first one did stays.
    assert scraper(None, cell, {}) == ""
    assert kept_data(tmp_path / "chapter.py").read_text(encoding="utf-8") == script


def test_a_cell_that_hands_nothing_over_leaves_no_file(tmp_path: Path) -> None:
    scraper(None, {"example_globals": {}, "target_file": str(tmp_path / "chapter.py")}, {})
    assert list(tmp_path.iterdir()) == []


CHAPTER = f"""
{HANDED_OVER} = {{"answer": 42}}

# %%
# .. interactive:: ball

print("{HANDED_OVER}" in globals())
"""


def test_data_of_a_chapter_comes_to_its_page(mini_gallery: MiniGallery) -> None:
    mini_gallery.configure(
        ("interactive",), "html_static_path = ['_static']", image_scrapers=("interactive.scraper",)
    )
    for folder in ("_interactive", "_static/interactive"):
        (mini_gallery.docs / folder).mkdir(parents=True)
    part = mini_gallery.docs / "_interactive" / "ball.html"
    part.write_text(PART.format(name="ball"), encoding="utf-8")
    for name in ("shared", "ball"):
        script = mini_gallery.docs / "_static" / "interactive" / f"{name}.js"
        script.write_text('"use strict";\n', encoding="utf-8")
    mini_gallery.write("quiet", "print('nothing')")
    mini_gallery.write("loud", CHAPTER)
    status, said = mini_gallery.build()
    assert status == 0, said
    page = mini_gallery.html / "loud.html"
    text = BeautifulSoup(page.read_text(encoding="utf-8"), "html.parser")
    assert text.select_one(".sphx-glr-script-out pre").get_text().strip() == "False"
    address = text.select_one("#ball a")["href"]
    assert address == "../../_data/course-basics-loud.js"
    data = (page.parent / str(address)).read_text(encoding="utf-8")
    assert data == 'const forThePage = {"answer":42};\n'
    kept = mini_gallery.docs / "_build" / "_data"
    assert [path.name for path in kept.iterdir()] == ["course-basics-loud.js"]


# Code beside code

PYTHON = '''import torch


def unrelated(x):
    return 0


# %%
# Text.


def half(x):
    """Divide by two."""
    return x / 2  # (3,)


def quarter(x):
    return half(half(x))


value = quarter(8)

# %%
# quarter is called here only.

print(quarter(2))
'''


def test_a_function_brings_those_before_it_in_its_cell(tmp_path: Path) -> None:
    path = tmp_path / "chapter.py"
    path.write_text(PYTHON, encoding="utf-8")
    source = source_of("quarter", path)
    cell = PYTHON.split("# Text.")[1].split("value = ")[0]
    assert re.sub(r"\n+", "\n", source).strip() == re.sub(r"\n+", "\n", cell).strip()
    with pytest.raises(ExtensionError, match=r"chapter\.py: no function value"):
        source_of("value", path)


def test_a_function_stands_beside_a_script(site: MiniSite) -> None:
    site.write("course/one.py", PYTHON)
    site.write("course/one.rst", "One\n===\n\n.. beside:: quarter ball.js\n")
    status, said = site.build()
    assert status == 0, said
    page = BeautifulSoup(site.page("course/one"), "html.parser")
    columns = page.select("div.fl-beside > div")
    python, javascript = [column.get_text().strip() for column in columns]
    assert python.startswith("def half(x):")
    assert python.endswith("return half(half(x))")
    assert javascript == "const ball = 1;"  # without its first lines
    assert columns[0].select_one(".highlight-python")
    assert columns[1].select_one(".highlight-javascript")
