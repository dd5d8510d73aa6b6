"""The text of a page as Markdown, for the cells of a notebook.

The source is what Sphinx made of the text, not the text itself: roles have become links, terms point
to the glossary, and nothing of reST's own syntax can be left. What Markdown cannot show, or what
nobody has asked for yet, stops the build with the name of the construct.
"""

from __future__ import annotations

import base64
import html
import mimetypes
import re
from collections.abc import Callable
from pathlib import Path

from docutils import nodes
from mathml import latex_of
from sphinx import addnodes
from sphinx.errors import ExtensionError

LinkResolver = Callable[[str], str | None]

# What would be Markdown or the start of a formula within a line. An underscore is one only at the
# edge of a word, and an angle bracket where HTML could begin.
_SPECIAL = re.compile(r"[\\`*\[\]$|]|(?<![^\W_])_|_(?![^\W_])|<(?=[\w/!?])|&(?=#?\w+;)")
# What would begin a list, a heading, a quotation or a rule at the start of a paragraph.
_OPENING = re.compile(r"^(\d*)(?=[-+>#]|~~~|===|[.)]\s)")

_ADMONITIONS = {
    nodes.attention: "Attention",
    nodes.caution: "Caution",
    nodes.danger: "Danger",
    nodes.error: "Error",
    nodes.hint: "Hint",
    nodes.important: "Important",
    nodes.note: "Note",
    nodes.tip: "Tip",
    nodes.warning: "Warning",
    addnodes.seealso: "See also",
}
_SILENT = (
    nodes.comment,
    addnodes.index,
    nodes.meta,
    nodes.substitution_definition,
    nodes.target,
)
_TRANSPARENT = (nodes.container, nodes.compound, addnodes.only, nodes.figure, nodes.legend)


class Markdown:
    """Writes nodes of a resolved page as Markdown.

    Parameters
    ----------
    link : callable
        Given the address of a reference as the page has it, returns the address for the notebook,
        or None where there is nothing to link to: then only the words are left.
    pictures : pathlib.Path
        The folder that the addresses of pictures are relative to. They are put into the text, since
        a notebook is one file.
    """

    def __init__(self, link: LinkResolver, pictures: Path) -> None:
        self._link = link
        self._pictures = pictures

    def blocks(self, found: list[nodes.Node]) -> str:
        """Return paragraphs, lists, tables and so on, with empty lines between them."""
        return "\n\n".join(text for node in found if (text := self._block(node)))

    def heading(self, title: nodes.title, level: int) -> str:
        """Return a heading."""
        return f"{'#' * level} {self._inlines(title)}"

    # -- Blocks ------------------------------------------------------------------------------------

    def _block(self, node: nodes.Node) -> str:
        for kind, name in _ADMONITIONS.items():
            if isinstance(node, kind):
                return _quote(f"**{name}**\n\n{self.blocks(node.children)}")
        match node:
            case _ if isinstance(node, _SILENT):
                return ""
            case nodes.paragraph():
                return _OPENING.sub(r"\1\\", self._inlines(node))
            case nodes.math_block():
                latex, _ = latex_of(node)
                # A notebook's MathJax numbers its formulas itself, and "split" belongs in one of those.
                latex = latex.replace("{split}", "{aligned}").strip()
                return f"$$\n{latex}\n$$"
            case nodes.literal_block() | nodes.doctest_block():
                return _fence(node.astext(), node.get("language", ""))
            case nodes.bullet_list() | nodes.enumerated_list():
                return self._list(node)
            case nodes.definition_list():
                return "\n\n".join(self._definition(item) for item in node.children)
            case nodes.table():
                return self._table(node)
            case nodes.image():
                return self._image(node)
            case nodes.caption() | nodes.rubric():
                return f"*{self._inlines(node)}*"
            case nodes.block_quote():
                return _quote(self.blocks(node.children))
            case nodes.admonition():
                title, *rest = node.children
                return _quote(f"**{self._inlines(title)}**\n\n{self.blocks(rest)}")
            case nodes.line_block():
                return "  \n".join(self._inlines(line) for line in node.children)
            case nodes.transition():
                return "---"
            case _ if type(node).__name__ in ("Fold", "dropdown_main"):
                return self._fold(node)
            case _ if node.tagname == "code_links_block":  # sphinx-gallery's, with linked names
                return _fence(node.astext(), "python")
            case _ if type(node).__name__ == "Interactive":
                return "*On this chapter's page, there is something to try here.*"
            case _ if isinstance(node, _TRANSPARENT):
                return self.blocks(node.children)
        raise ExtensionError(
            f"{_place(node)}: a notebook cannot show <{node.tagname}> ({node.astext()[:60]!r}); "
            "write it as paragraphs, lists, tables, notes, code, formulas or folds"
        )

    def _list(self, node: nodes.Element) -> str:
        items = []
        number = int(node.get("start", 1))
        # One line an item, unless an item is more than a paragraph or a list.
        loose = any(sum(isinstance(c, nodes.paragraph) for c in item) > 1 for item in node.children)
        for item in node.children:
            mark = "* "
            if isinstance(node, nodes.enumerated_list):
                mark, number = f"{number}. ", number + 1
            parts = [text for child in item.children if (text := self._block(child))]
            simple = all(isinstance(c, (nodes.paragraph, nodes.bullet_list)) for c in item.children)
            text = ("\n" if simple and not loose else "\n\n").join(parts)
            items.append(mark + text.replace("\n", "\n" + " " * len(mark)).rstrip(" "))
        text = ("\n\n" if loose else "\n").join(items)
        return re.sub(r"^ +$", "", text, flags=re.MULTILINE)

    def _definition(self, item: nodes.Element) -> str:
        terms = [self._inlines(child) for child in item.children if isinstance(child, nodes.term)]
        body = [child for child in item.children if isinstance(child, nodes.definition)]
        return f"**{', '.join(terms)}**\n\n" + _quote(self.blocks(body[0].children))

    def _table(self, node: nodes.table) -> str:
        rows = list(node.findall(nodes.row))
        if any("morecols" in entry or "morerows" in entry for r in rows for entry in r.children):
            raise ExtensionError(f"{_place(node)}: a notebook's table has no merged cells")
        lines = [f"| {' | '.join(map(self._cell, row.children))} |" for row in rows]
        if not isinstance(rows[0].parent, nodes.thead):  # Markdown has no table without a head
            lines.insert(0, "|" + "   |" * len(rows[0].children))
        lines.insert(1, "|" + " --- |" * len(rows[0].children))
        title = "".join(f"*{self._inlines(t)}*\n\n" for t in node.findall(nodes.title))
        return title + "\n".join(lines)

    def _cell(self, entry: nodes.Element) -> str:
        for child in entry.children:
            if not isinstance(child, nodes.paragraph):
                raise ExtensionError(
                    f"{_place(entry)}: a cell of a notebook's table holds paragraphs, "
                    f"not <{child.tagname}>"
                )
        for code in entry.findall(nodes.literal):
            code["in_table"] = True
        return "<br>".join(self._inlines(child) for child in entry.children)

    def _fold(self, node: nodes.Element) -> str:
        title, children = node.get("title", ""), list(node.children)
        if children and type(children[0]).__name__ == "dropdown_title":
            # The extension sphinx_design puts an icon and a marker beside the words.
            title = children.pop(0).astext().strip()
        body = self.blocks(children)
        return f"<details>\n<summary>{html.escape(title)}</summary>\n\n{body}\n\n</details>"

    def _image(self, node: nodes.image) -> str:
        address = node["uri"]
        path = self._pictures / address
        kind = mimetypes.guess_type(path.name)[0]
        data = base64.b64encode(path.read_bytes()).decode("ascii")
        return f"![{_escape(node.get('alt', ''))}](data:{kind};base64,{data})"

    # -- Within a line -----------------------------------------------------------------------------

    def _inlines(self, node: nodes.Node) -> str:
        return "".join(self._inline(child) for child in node.children)

    def _inline(self, node: nodes.Node) -> str:
        match node:
            case nodes.Text():
                # A line of the source may begin with what would be a list in Markdown.
                return _escape(node.astext()).replace("\n", " ")
            case nodes.math():
                return f"${' '.join(node.astext().split())}$"  # on one line, for the same reason
            case nodes.literal():
                if "|" in node.astext() and node.get("in_table"):  # it would end the cell
                    return f"<code>{html.escape(node.astext()).replace('|', '&#124;')}</code>"
                return _code(node.astext())
            case nodes.strong():
                return f"**{self._inlines(node)}**"
            case nodes.emphasis() | nodes.title_reference():
                return f"*{self._inlines(node)}*"
            case nodes.reference():
                words = self._inlines(node)
                address = self._link(node["refuri"]) if "refuri" in node else None
                return f"[{words}]({address})" if address else words
            case nodes.subscript():
                return f"<sub>{self._inlines(node)}</sub>"
            case nodes.superscript():
                return f"<sup>{self._inlines(node)}</sup>"
            case nodes.image():
                return self._image(node)
            case nodes.inline() | nodes.abbreviation() | nodes.generated():
                return self._inlines(node)
            case _ if isinstance(node, _SILENT):
                return ""
        raise ExtensionError(
            f"{_place(node)}: a notebook cannot show <{node.tagname}> within a line "
            f"({node.astext()[:60]!r})"
        )


def _escape(text: str) -> str:
    return _SPECIAL.sub(lambda match: "\\" + match[0], text)


def _code(text: str) -> str:
    """Mark code; more backticks than it contains hold it together."""
    text = " ".join(text.split("\n"))
    ticks = "`" * (1 + max((len(run) for run in re.findall("`+", text)), default=0))
    space = " " if text.startswith("`") or text.endswith("`") else ""
    return f"{ticks}{space}{text}{space}{ticks}"


def _fence(code: str, language: str) -> str:
    ticks = "`" * max(3, 1 + max((len(run) for run in re.findall("`+", code)), default=0))
    language = {"none": "text", "default": "python"}.get(language.lower(), language.lower())
    return f"{ticks}{language}\n{code.rstrip()}\n{ticks}"


def _quote(text: str) -> str:
    return "\n".join(f"> {line}".rstrip() for line in text.split("\n"))


def _place(node: nodes.Node) -> str:
    while node is not None:
        if getattr(node, "source", None):
            return f"{node.source}:{node.line}"
        node = node.parent
    return "unknown place"
