"""One style sheet: what no page can use goes, what any page or script names stays."""

import io
import re
from importlib.metadata import distribution
from pathlib import Path

import pytest
from fontTools.ttLib import TTFont
from mini_site import MiniSite
from site_style import (
    lean_css,
    names_in_page,
    names_in_script,
    subset_icons,
    without_rules_on,
    without_unused_variables,
)

NAMES = {"p", "a", "html", "note", "main"}


@pytest.mark.parametrize(
    "rule",
    [
        "p{color:red}",
        "*{color:red}",
        ".note>a:hover::before{color:red}",
        "#main a:not(.unknown){color:red}",
        'html[data-theme="dark"] .note{color:red}',
        "p:is(.note,.unknown){color:red}",
        "[class*=unknown]{color:red}",
        "@media print{p{color:red}}",
        "@font-face {src:url(a.woff2)}",
        '.note::after{content:"a, b; c } d"}',
    ],
)
def test_rules_for_what_is_there_stay(rule: str) -> None:
    assert lean_css(f"/* why */ {rule}", NAMES).replace("\n", "") == rule


@pytest.mark.parametrize(
    "rule",
    [
        "table{color:red}",
        ".unknown{color:red}",
        ".note.unknown{color:red}",
        "#unknown{color:red}",
        "p:where(.unknown){color:red}",
        "@media print{.unknown{color:red}}",
        "@supports (display:grid){@media print{.unknown{color:red}}}",
    ],
)
def test_rules_for_what_is_nowhere_go(rule: str) -> None:
    assert lean_css(rule, NAMES) == ""


def test_of_several_selectors_those_that_match_stay() -> None:
    assert lean_css("p, .unknown, a.note{color:red}", NAMES) == "p,a.note{color:red}\n"


def test_importance_and_variables_stay() -> None:
    rule = "p{--fl-a:1px;color:red!important}\n"
    assert lean_css(rule, NAMES) == rule


@pytest.mark.parametrize("quote", ["", '"', "'"])
def test_relative_addresses_still_lead_to_their_files(quote: str) -> None:
    rule = f"p{{background:url({quote}../img/a.png{quote})}}"
    moved = lean_css(rule, NAMES, "_static/vendor", "_static/styles")
    assert re.findall(r"""url\(["']?([^"')]+)""", moved) == ["../img/a.png"]
    moved = lean_css(rule, NAMES, "_static", "_static/styles")
    assert re.findall(r"""url\(["']?([^"')]+)""", moved) == ["../../img/a.png"]


def test_addresses_with_a_scheme_are_left_alone() -> None:
    rule = 'p{background:url("data:image/svg+xml,%3Csvg/%3E")}'
    assert lean_css(rule, NAMES, "a", "b").strip() == rule


def test_variables_that_nothing_reads_go_and_what_only_they_read() -> None:
    css = 'p{--a:var(--b);--b:"x;y";--c:1;--d:2;color:var(--c)}\na{--a:1}\n'
    assert without_unused_variables(css, {"--d"}) == "p{--c:1;--d:2;color:var(--c)}\n"


def test_no_rule_is_left_that_looks_at_an_attribute() -> None:
    css = 'p[tabindex="-1"]:focus{a:b}\np{content:"[tabindex]"}\na{color:red}\n'
    assert without_rules_on(["tabindex"], css) == 'p{content:"[tabindex]"}\na{color:red}\n'
    assert without_rules_on([], css) == css


def test_names_are_found_in_pages_and_scripts() -> None:
    page = '<html data-x="no"><p class="one two" id="three">four</p></html>'
    assert names_in_page(page) == {"html", "p", "one", "two", "three"}
    script = """e.classList.add("open"), d.querySelector('.menu > a'), f(`<i class="x-y">`)"""
    assert {"open", "menu", "a", "i", "x-y"} <= names_in_script(script)


def test_a_font_of_icons_keeps_those_that_are_shown() -> None:
    theme = distribution("pydata-sphinx-theme")
    (path,) = (file for file in theme.files or () if file.name == "fa-solid-900.woff2")
    font = Path(str(theme.locate_file(path))).read_bytes()
    small = subset_icons(font, r'.sun::before{content:"\f185"}')
    assert small is not None
    assert set(TTFont(io.BytesIO(small)).getBestCmap()) == {0xF185}
    assert len(small) < len(font) / 50
    assert subset_icons(font, 'p{content:"\\ffff"}') is None


def test_a_site_links_to_one_sheet_that_has_its_rules(tmp_path: Path) -> None:
    site = MiniSite(tmp_path, "site_style", conf=CONF)
    site.write("_static/own.css", ".lead{color:red}\n.nowhere{color:blue}\n")
    site.write("_static/early.css", ".lead{color:green}\n")
    site.write("_static/apart.css", "p{}")
    site.write("_templates/layout.html", LAYOUT)
    site.write("index.rst", "Site\n====\n\n.. rst-class:: lead\n\nText.\n")
    status, output = site.build()
    assert status == 0, output
    page = site.page()
    sheets = re.findall(r'<link rel="stylesheet"[^>]*href="([^"?]+)', page)
    assert sheets == ["_static/styles/site.css", "_static/apart.css"]
    css = (site.html / sheets[0]).read_text("utf-8")
    assert css.index(".lead{color:green}") < css.index(".lead{color:red}")
    assert "nowhere" not in css
    assert not (site.html / "_static" / "own.css").exists()
    # A second build, in which no page changed, gives the same.
    assert site.build()[0] == 0
    assert (site.html / sheets[0]).read_text("utf-8") == css


CONF = """
html_static_path = ["_static"]
templates_path = ["_templates"]
html_css_files = ["own.css", "apart.css", ("early.css", {"priority": 100})]
site_style_apart = ["_static/apart.css"]
"""

LAYOUT = """{%- extends "basic/layout.html" %}
{%- block css %}
<link rel="stylesheet" href="{{ pathto(site_style, 1) }}" />
{{- css() }}
{%- endblock %}
"""
