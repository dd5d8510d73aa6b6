"""Links from a chapter's words to the glossary: the first use of each term on the page.

Chapters are written without markup for this, so that they read well as scripts and as notebooks.
Here, when a page is written, the first occurrence of each term of the glossary in running text becomes
a link to its definition: singular or plural, with a small or a capital letter. Headings, code, links
and the opening words of callouts are left alone, and so is a term's own page.

Where an everyday word is also a term ("class", "step"), the configuration value ``glossary_uses``
says by a regular expression which occurrences are meant.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.typing import ExtensionMetadata

_NOT_PROSE = (
    nodes.literal,
    nodes.math,
    nodes.reference,
    nodes.table,
)


def pattern_of(term: str, uses: dict[str, str]) -> re.Pattern[str]:
    """Make the regular expression that finds uses of a term.

    Parameters
    ----------
    term : str
        The term as the glossary has it.
    uses : dict of str to str
        What to look for instead, for some terms.

    Returns
    -------
    re.Pattern
        It matches whole words: the term, its plural, and both with a capital letter.
    """
    if term in uses:
        return re.compile(uses[term])
    first, rest = term[0], re.escape(term[1:])
    ends = r"(?:es|s)?"
    if rest.endswith("y"):
        rest, ends = rest[:-1], "(?:y|ies)"
    elif rest.endswith("x"):
        rest, ends = rest[:-1], "(?:x|ces|xes)"
    elif rest.endswith("is"):
        rest, ends = rest[:-2], "(?:is|es)"
    return re.compile(rf"(?<![\w.-])[{first.lower()}{first.upper()}]{rest}{ends}(?![\w-])")


def link_first_uses(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Go through the running text of a page that the configuration names."""
    if app.builder.format != "html" or not re.match(app.config.glossary_pages, docname):
        return
    uris = {
        name: f"{app.builder.get_relative_uri(docname, page)}#{anchor}"
        for name, _, kind, page, anchor, _ in app.env.domains.standard_domain.get_objects()
        if kind == "term" and page != docname
    }
    # Longer terms first: "learning rate" before "rate".
    left = {
        term: pattern_of(term, app.config.glossary_uses)
        for term in sorted(uris, key=len, reverse=True)
    }
    for text in list(_prose(doctree)):
        _link(text, left, uris)


def _prose(doctree: nodes.document) -> Iterator[nodes.Text]:
    """Give the pieces of running text, in the order of the page."""
    for text in doctree.findall(nodes.Text):
        opening = isinstance(text.parent, nodes.strong) and text.parent.parent[0] is text.parent
        parents = []
        node: nodes.Element | None = text.parent
        while node is not None:
            parents.append(node)
            node = node.parent
        in_paragraph = any(isinstance(parent, nodes.paragraph) for parent in parents)
        if (
            in_paragraph
            and not opening
            and not any(isinstance(parent, _NOT_PROSE) for parent in parents)
        ):
            yield text


def _link(text: nodes.Text, left: dict[str, re.Pattern[str]], uris: dict[str, str]) -> None:
    """Replace a text by pieces of it and links, and cross off the terms that were found."""
    words = str(text)
    found: list[tuple[int, int, str]] = []
    for term, pattern in left.items():
        for match in pattern.finditer(words):
            if all(match.end() <= start or end <= match.start() for start, end, _ in found):
                found.append((*match.span(), term))
                break
    pieces: list[nodes.Node] = []
    place = 0
    for start, end, term in sorted(found):
        del left[term]
        link = nodes.reference("", words[start:end], internal=True, refuri=uris[term])
        link["classes"].append("fl-term")
        pieces += [nodes.Text(words[place:start]), link]
        place = end
    if pieces:
        text.parent.replace(text, [*pieces, nodes.Text(words[place:])])


def setup(app: Sphinx) -> ExtensionMetadata:
    """Register the links and their two configuration values."""
    app.add_config_value("glossary_pages", "$^", "env", types=frozenset({str}))
    app.add_config_value("glossary_uses", {}, "env", types=frozenset({dict}))
    app.connect("doctree-resolved", link_first_uses)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
