"""Formulas: MathML that browsers draw, and a font that holds just its characters."""

import io
import re
import unicodedata
from pathlib import Path
from xml.etree import ElementTree

import pytest
from fontTools.ttLib import TTFont
from mathml_core import translate
from mathml_font import subset_font
from mini_site import MiniSite

CONF = "html_math_renderer = 'mathml'"
PAGE = r"""
Site
====

Inline :math:`y = x W^\top + b`, and numbered, :eq:`softmax`:

.. math:: \operatorname{softmax}(z)_i = \frac{e^{z_i}}{\sum_{j=1}^{n} e^{z_j}}
   :label: softmax

.. math::

   \operatorname{ReLU}(x) = \begin{cases} 0 & \text{if } x < 0 \\ x & \text{otherwise} \end{cases}

.. math::

   a &= b + c \\
     &= d
"""


@pytest.fixture
def site(tmp_path: Path) -> MiniSite:
    site = MiniSite(tmp_path / "site", "mathml", conf=CONF)
    site.write("index.rst", PAGE)
    return site


def formulas(page: str) -> list[ElementTree.Element]:
    return [ElementTree.fromstring(text) for text in re.findall(r"<math.*?</math>", page)]


def tags(latex: str, display: bool = False) -> list[str]:
    math = ElementTree.fromstring(translate(latex, display).markup)
    return [element.tag.rpartition("}")[2] for element in math.iter()]


def texts(latex: str) -> list[str]:
    return [text for text in ElementTree.fromstring(translate(latex).markup).itertext()]


def test_page_holds_mathml_with_its_latex_as_text(site: MiniSite) -> None:
    status, output = site.build()
    assert status == 0, output
    found = formulas(site.page())
    assert [math.get("display") for math in found] == ["inline", "block", "block", "block"]
    assert found[0].get("alttext") == r"y = x W^\top + b"
    assert "mathjax" not in site.page().lower()


def test_numbered_equation_has_number_anchor_and_references(site: MiniSite) -> None:
    site.build()
    page = site.page()
    assert '<div class="math notranslate nohighlight" id="equation-softmax">' in page
    assert '<span class="eqno">(1)<a class="headerlink" href="#equation-softmax"' in page
    assert 'href="#equation-softmax">(1)</a>' in page


@pytest.mark.parametrize(
    "latex",
    [
        r"\begin{aligned} a &= b \\ &= c \end{aligned}",
        r"\begin{align} a &= b \\ &= c \end{align}",
        r"\begin{pmatrix} 1 & 2 \\ 3 & 4 \end{pmatrix}",
        r"\begin{bmatrix} 1 & 2 \\ 3 & 4 \end{bmatrix}",
        r"\begin{cases} 0 & x < 0 \\ x & \text{otherwise} \end{cases}",
    ],
)
def test_environments_become_tables_of_two_rows(latex: str) -> None:
    assert tags(latex, display=True).count("mtable") == 1
    assert tags(latex, display=True).count("mtr") == 2
    assert "&" not in "".join(texts(latex))
    assert "(1)" not in texts(latex)


@pytest.mark.parametrize(
    ("latex", "expected"),
    [
        (r"\boldsymbol{\theta}", "𝜽"),
        (r"\mathbf{W}", "\N{MATHEMATICAL BOLD CAPITAL W}"),
        (r"\mathbf{12}", "\N{MATHEMATICAL BOLD DIGIT ONE}\N{MATHEMATICAL BOLD DIGIT TWO}"),
        (r"\mathbb{R}", "\N{DOUBLE-STRUCK CAPITAL R}"),
        (r"a < b", "a<b"),
    ],
)
def test_styles_are_characters_because_browsers_know_no_mathvariant(
    latex: str, expected: str
) -> None:
    assert "".join(texts(latex)) == expected
    assert "mathvariant" not in translate(latex).markup


@pytest.mark.parametrize(
    ("latex", "tag"),
    [
        (r"\sum_{i=1}^n x_i", "munderover"),
        (r"\max_j z_j", "munder"),
        (r"\argmax_j z_j", "munder"),
        (r"\int_0^1 x", "msubsup"),
        (r"\hat{y}", "mover"),
    ],
)
def test_limits_are_where_tex_puts_them(latex: str, tag: str) -> None:
    assert tag in tags(latex)


def test_primes_are_not_raised_twice() -> None:
    assert "msup" not in tags("f'(x)")
    assert "msup" in tags("x^2")


@pytest.mark.parametrize(
    ("latex", "spaces"), [(r"\ln 10", 1), (r"\log p", 1), (r"\exp(x)", 0), (r"\ln^2 x", 1)]
)
def test_function_and_argument_are_apart(latex: str, spaces: int) -> None:
    assert tags(latex).count("mspace") == spaces


def test_bars_neither_stretch_nor_stand_apart() -> None:
    assert "<mo" not in translate(r"\lVert x \rVert_2").markup
    assert "<mo" in translate(r"\left| \frac{a}{b} \right|").markup


def test_upright_letter_stays_upright() -> None:
    assert '<mi mathvariant="normal">d</mi><mi>x</mi>' in translate(r"\mathrm{d} x").markup


@pytest.mark.parametrize(
    ("latex", "complaint"),
    [
        (r"\frac{1}", "incomplete"),
        (r"\left( x", "ExtraLeftOrMissingRightError"),
        (r"\nosuchcommand{x}", r"unknown command \nosuchcommand"),
        (r"a & b", "& outside of a matrix"),
        (r"\operatorname*{argmax}_j z", r"write \argmax"),
    ],
)
def test_wrong_latex_is_a_warning_that_names_the_place(
    latex: str, complaint: str, site: MiniSite
) -> None:
    site.write("index.rst", f"Site\n====\n\nText.\n\n.. math:: {latex}\n")
    status, output = site.build()
    assert status != 0
    assert re.search(r"index\.rst:6: WARNING: formula .*" + re.escape(complaint), output)


def italics(letters: str) -> set[str]:
    return {unicodedata.lookup(f"MATHEMATICAL ITALIC {case(x)} {x}") for x in letters}


def case(letter: str) -> str:
    return "CAPITAL" if letter.isupper() else "SMALL"


def font_characters(font: bytes) -> set[str]:
    return {chr(code) for code in TTFont(io.BytesIO(font)).getBestCmap()}


def test_font_holds_the_formulas_characters_and_stretches(site: MiniSite) -> None:
    site.build()
    font = (site.html / "_static" / "mathml.woff2").read_bytes()
    assert font[:4] == b"wOF2"
    assert len(font) < 60_000
    characters = font_characters(font)
    assert {"=", "+", "∑", "{", "√", "\N{MINUS SIGN}"} | italics("xW") <= characters
    assert not ({"∫"} | italics("q")) & characters
    tables = TTFont(io.BytesIO(font))
    variants = tables["MATH"].table.MathVariants.VertGlyphCoverage.glyphs
    assert tables.getBestCmap()[ord("{")] in variants


def test_font_has_the_same_bytes_every_time() -> None:
    characters = frozenset("∑{xyz")
    assert subset_font(characters) == subset_font(characters)


def test_only_pages_with_formulas_load_the_font(site: MiniSite) -> None:
    site.write("index.rst", PAGE + "\n.. toctree::\n\n   plain\n")
    site.write("plain.rst", "Plain\n=====\n")
    assert site.build()[0] == 0
    css = (site.html / "_static" / "mathml.css").read_text(encoding="utf-8")
    assert "mathml.css" in site.page()
    assert "mathml.css" not in site.page("plain")
    assert "font-display: swap" in css
    assert re.search(r'url\("mathml\.woff2\?v=[0-9a-f]{8}"\)', css)


def test_site_without_formulas_has_no_font(site: MiniSite) -> None:
    site.write("index.rst", "Site\n====\n")
    assert site.build()[0] == 0
    assert not (site.html / "_static" / "mathml.woff2").exists()


def test_incremental_build_follows_the_formulas(site: MiniSite) -> None:
    site.write("index.rst", PAGE + "\n.. toctree::\n\n   other\n")
    site.write("other.rst", "Other\n=====\n\n:math:`q`\n")
    font = site.html / "_static" / "mathml.woff2"
    site.build()
    assert {"∑"} | italics("q") <= font_characters(font.read_bytes())
    site.write("other.rst", "Other\n=====\n\n:math:`\\int v`\n")
    site.build()
    characters = font_characters(font.read_bytes())
    assert {"∫", "∑"} | italics("v") <= characters
    assert not italics("q") & characters
    site.write("other.rst", "Other\n=====\n")
    site.build()
    assert not {"∫"} & font_characters(font.read_bytes())


def test_parallel_reading_collects_from_all_pages(site: MiniSite) -> None:
    pages = [f"page{i}" for i in range(6)]
    site.write("index.rst", "Site\n====\n\n.. toctree::\n\n" + "".join(f"   {p}\n" for p in pages))
    for page, letter in zip(pages, "pqrstu", strict=True):
        site.write(f"{page}.rst", f"Page\n====\n\n:math:`{letter}`\n")
    status, output = site.build("-j2")
    assert status == 0, output
    assert italics("pqrstu") <= font_characters((site.html / "_static/mathml.woff2").read_bytes())


def test_a_bar_that_became_a_letter_has_no_attribute_of_operators() -> None:
    assert '<mi mathvariant="normal">|</mi>' in translate("|w|").markup
