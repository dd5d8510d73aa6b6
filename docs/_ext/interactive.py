"""Parts of a page that readers operate: drawn, moved and computed in the browser.

``.. interactive:: neuron`` puts the HTML of ``_interactive/neuron.html`` into the page, and its scripts,
which the first line of that file lists, are loaded with the page. They lie in ``_static/interactive``.
Without JavaScript the style sheet leaves it out, so that the chapter's own figures are what there is to
see; what is in its ``<noscript>`` says so.

``.. beside:: forward network.js`` shows a function of the chapter and, beside it, a script.

A chapter hands numbers over in a dictionary called ``for_the_page``. :func:`scraper` keeps it in a script
of its own, which pages load when they need it: browsers forbid to fetch data from a folder, but not to
load scripts.
"""

from __future__ import annotations

import ast
import json
import re
import shutil
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError
from sphinx.util.docutils import SphinxDirective
from sphinx.util.osutil import relative_uri
from sphinx.util.typing import ExtensionMetadata

HANDED_OVER = "for_the_page"
DATA = "_data"  # the folder of the site that holds what chapters handed over
_SCRIPTS = re.compile(r"<!-- scripts: (.*?) -->\n")


def scraper(block: Any, block_vars: dict[str, Any], gallery_conf: dict[str, Any]) -> str:
    """Keep what a chapter hands over, as a script beside its page.

    Parameters
    ----------
    block : sphinx_gallery.py_source_parser.Block
        A cell that was executed.
    block_vars : dict
        ``"example_globals"`` holds the chapter's variables, ``"target_file"`` is the copy of its script.
    gallery_conf : dict
        Not used.

    Returns
    -------
    str
        Nothing: there is no picture to show.
    """
    data = block_vars["example_globals"].pop(HANDED_OVER, None)
    if data is not None:
        text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
        kept_data(Path(block_vars["target_file"])).write_text(
            f"const forThePage = {text};\n", encoding="utf-8"
        )
    return ""


def kept_data(page: Path) -> Path:
    """Return where a chapter's data lies among Sphinx's sources."""
    return page.with_suffix(".data.js")


def source_of(function: str, script: Path) -> str:
    """Return the source of a function of a script, and of the functions in the same cell before it.

    Raises
    ------
    sphinx.errors.ExtensionError
        If there is none.
    """
    text = script.read_text(encoding="utf-8")
    for cell in re.split(r"^# %%\n", text, flags=re.MULTILINE):
        defined = [node for node in ast.parse(cell).body if isinstance(node, ast.FunctionDef)]
        if function in [node.name for node in defined]:
            lines = cell.splitlines()  # whole ones, with the shapes in comments at their ends
            return "\n\n".join(
                "\n".join(lines[node.lineno - 1 : node.end_lineno]) for node in defined
            )
    raise ExtensionError(f"{script}: no function {function}")


def _read(directive: SphinxDirective, path: Path) -> str:
    """Read a file that the page depends on."""
    directive.env.note_dependency(path)
    if not path.is_file():
        raise ExtensionError(f"{directive.get_location()}: there is no file {path}")
    return path.read_text(encoding="utf-8")


class Interactive(nodes.General, nodes.Element):  # type: ignore[misc]  # docutils has no types
    """HTML with an attribute ``name``, and the names of its ``scripts``."""


class InteractiveDirective(SphinxDirective):
    """Put something to operate into the page."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Read its HTML."""
        docs = Path(self.env.srcdir)
        path = docs / "_interactive" / f"{self.arguments[0]}.html"
        source = _read(self, path)
        scripts = _SCRIPTS.match(source)
        if scripts is None:
            raise ExtensionError(f"{path}: the first line should be <!-- scripts: … -->")
        node = Interactive("", html=source[scripts.end() :], name=self.arguments[0])
        node["scripts"] = scripts[1].split()
        for name in node["scripts"]:  # the page names their check sums
            _read(self, docs / "_static" / "interactive" / name)
        return [node]


class Beside(SphinxDirective):
    """Show a function of the chapter beside a script."""

    required_arguments = 2

    def run(self) -> list[nodes.Node]:
        """Make the two blocks of code."""
        function, name = self.arguments
        docs = Path(self.env.srcdir)
        chapter = docs / f"{self.env.docname}.py"
        _read(self, chapter)
        script = _read(self, docs / "_static" / "interactive" / name)
        parts = {
            "python": source_of(function, chapter),
            "javascript": script.partition("\n\n")[2].rstrip(),
        }
        blocks = [nodes.literal_block(text, text, language=kind) for kind, text in parts.items()]
        columns = [nodes.container("", block) for block in blocks]
        return [nodes.container("", *columns, classes=["fl-beside"])]


def _visit(translator: Any, node: Interactive) -> None:
    builder, page = translator.builder, translator.docnames[-1]
    here = builder.get_target_uri(page)
    data = relative_uri(here, f"{DATA}/{page.replace('/', '-')}.js")
    translator.body.append(node["html"].replace("{data}", data))
    raise nodes.SkipNode


def _skip(translator: nodes.NodeVisitor, node: Interactive) -> None:
    """Elsewhere than in HTML there is nothing to operate."""
    raise nodes.SkipNode


def _add_scripts(
    app: Sphinx, _pagename: str, _template: str, _context: object, doctree: nodes.document | None
) -> None:
    found = doctree.findall(Interactive) if doctree else ()
    # Each once, also where two parts of a page share it: to run it twice would be an error.
    for name in dict.fromkeys(name for node in found for name in node["scripts"]):
        app.add_js_file(f"interactive/{name}")


def _copy_data(app: Sphinx, exception: Exception | None) -> None:
    if exception or app.builder.format != "html":
        return
    for page in sorted(app.env.found_docs):
        kept = kept_data(Path(app.srcdir, f"{page}.rst"))
        if kept.exists():
            target = Path(app.outdir, DATA, f"{page.replace('/', '-')}.js")
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(kept, target)


def setup(app: Sphinx) -> ExtensionMetadata:
    """Register the directives, and what brings scripts and data to the pages."""
    app.add_node(Interactive, html=(_visit, None), text=(_skip, None))
    app.add_directive("interactive", InteractiveDirective)
    app.add_directive("beside", Beside)
    app.connect("html-page-context", _add_scripts)
    app.connect("build-finished", _copy_data)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
