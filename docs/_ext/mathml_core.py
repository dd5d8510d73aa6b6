"""LaTeX to MathML Core, which is what browsers implement.

latex2mathml translates; this module fits its output to browsers, which know no ``mathvariant`` but
"normal", and to TeX's spacing and limits. What is wrong or unknown is an error instead of a
picture of it.
"""

from __future__ import annotations

import html
import re
import unicodedata
from functools import cache
from typing import NamedTuple
from xml.etree.ElementTree import Element, tostring

from latex2mathml.converter import Converter

_STYLED_LETTER = re.compile(
    r"MATHEMATICAL (BOLD ITALIC|BOLD|ITALIC|DOUBLE-STRUCK|SANS-SERIF|MONOSPACE)"
    r" (?!ITALIC|BOLD|SCRIPT|FRAKTUR)"
)
# (style, plain character) -> the character of that style, from Unicode's own names.
_ALPHABET: dict[tuple[str, str], str] = {
    (match[1].lower().replace(" ", "-"), chr(int(unicodedata.decomposition(char)[7:], 16))): char
    for char in map(chr, range(0x1D400, 0x1D800))
    if (match := _STYLED_LETTER.match(unicodedata.name(char, "")))
} | {("italic", "h"): "\N{PLANCK CONSTANT}"}
# latex2mathml has one alignment environment without numbers; numbers are Sphinx's affair.
_ALIGNMENT = re.compile(r"\\(begin|end)\{(?:aligned|align\*?)\}")
_CHILDREN = dict.fromkeys(("mfrac", "mroot", "msub", "msup", "mover", "munder"), 2)
_CHILDREN |= {"msubsup": 3, "munderover": 3}
_LIMITS = {"msub": "munder", "msup": "mover", "msubsup": "munderover"}
# latex2mathml marks these symbols, and function names such as "softmax", as operators.
_ORDINARY = frozenset("∂∇∞∅/|\N{DOWN TACK}\N{DOUBLE VERTICAL LINE}")
_PRIMES = {"\N{PRIME}", "\N{DOUBLE PRIME}", "\N{TRIPLE PRIME}"}
_ACCENTS = {
    "^": "\N{MODIFIER LETTER CIRCUMFLEX ACCENT}",
    "~": "\N{SMALL TILDE}",
    "¯": "¯",
    "˙": "˙",
}


class Formula(NamedTuple):
    """A translated formula and the characters its font needs."""

    markup: str
    characters: frozenset[str]


@cache  # each formula is asked for twice: for its characters, and for its markup
def translate(latex: str, display: bool = False) -> Formula:
    """Translate LaTeX to MathML.

    Parameters
    ----------
    latex : str
        A formula in LaTeX's math mode; kept as the ``alttext`` of the result.
    display : bool, default False
        Whether the formula stands on a line of its own.

    Returns
    -------
    Formula
        The ``<math>`` element as text, and the characters to draw it with.

    Raises
    ------
    ValueError
        If the LaTeX is unfinished, or uses a command that latex2mathml does not know.
    """
    if r"\operatorname*" in latex:  # would be drawn as "* name"
        raise ValueError(r"no \operatorname*: write \argmax, \argmin, \max, \min or \lim")
    try:
        converter = Converter(display="block" if display else "inline")
        math = converter.convert_to_element(_ALIGNMENT.sub(r"\\\1{split}", latex))
    except Exception as error:  # latex2mathml's errors share no class, and carry no text
        raise ValueError(f"{type(error).__name__} {error}".strip()) from error
    math.set("alttext", latex)
    for element in math.iter():
        if len(element) != _CHILDREN.get(element.tag, len(element)):
            raise ValueError(f"<{element.tag}> is incomplete: an argument or brace is missing")
        _fit_text(element)
    for element in math.iter():
        _fit_scripts(element)
        _space_functions(element)
    # A root's sign is in no text, and a hyphen is drawn as a minus sign.
    characters = set("".join(math.itertext())) | {" ", "√", "\N{MINUS SIGN}"}
    for element in math.iter("mi"):  # a browser draws a lone letter in italics
        if element.get("mathvariant") != "normal":
            characters.add(_ALPHABET.get(("italic", element.text or ""), " "))
    return Formula(tostring(math, encoding="unicode"), frozenset(characters))


def _fit_text(element: Element) -> None:
    """Resolve character references and styles; tell symbols and functions from operators."""
    raw = element.text or ""
    element.text = text = html.unescape(raw)
    if text.startswith("\\") and len(text) > 1:
        raise ValueError(f"unknown command {text}")
    if raw == "&":
        raise ValueError("& outside of a matrix, cases or aligned environment")
    style = element.attrib.pop("mathvariant", "normal")
    if element.tag in ("mi", "mn", "mtext"):
        element.text = "".join(_ALPHABET.get((style, char), char) for char in text)
    is_name = text in _ORDINARY or (len(text) > 1 and text[0].isalpha())
    if element.tag == "mo" and is_name and "fence" not in element.attrib:  # a fence stretches
        element.tag = "mi"
        element.attrib.pop("stretchy", None)  # of operators only
    # Only \mathrm writes a plain letter as a character reference: it is to stay upright.
    if element.tag == "mi" and (text in _ORDINARY or (raw != text and text.isascii())):
        element.set("mathvariant", "normal")


def _fit_scripts(element: Element) -> None:
    """Put limits where TeX puts them, and accents and primes close to their letter."""
    first, *others = element if element.tag in _CHILDREN else [Element("none")]
    if element.tag in _LIMITS and first.text and _takes_limits(first):
        # With movable limits, a browser sets them below in display style and beside elsewhere.
        element.tag, first.tag = _LIMITS[element.tag], "mo"
        first.attrib |= {"movablelimits": "true", "lspace": "0", "rspace": "0.167em"}
    elif element.tag == "mover" and others[0].text in _ACCENTS:
        element.set("accent", "true")
        others[0].text = _ACCENTS[others[0].text]
    elif element.tag == "msup" and others[0].text in _PRIMES:
        element.tag = "mrow"  # the font's primes are raised already


def _takes_limits(base: Element) -> bool:
    name = (base.text or "").replace("\u2009", " ").replace("\u2006", " ")
    return name in ("∑", "∏", "max", "min", "sup", "inf", "lim", "arg max", "arg min")


def _space_functions(row: Element) -> None:
    """Put TeX's thin space between a function's name and an argument without parentheses."""
    if row.tag in _CHILDREN:  # no row: each child has a place of its own
        return
    for i in range(len(row) - 2, -1, -1):
        base = row[i][0] if row[i].tag in _CHILDREN else row[i]
        if base.tag == "mi" and len(base.text or "") > 1 and row[i + 1].tag not in ("mo", "mspace"):
            row.insert(i + 1, Element("mspace", width="0.167em"))
