"""What the search should find first: where an error message is shown, and where a name is at home.

Sphinx's search ranks by titles and index entries, and treats all other words alike. So the pages get
index entries, for the search only:

* every error that a chapter prints, ``RuntimeError: mat1 and mat2 ...``, without the numbers in
  parentheses at its end, which are the reader's own;
* every name behind a dot in the code of chapters, ``nn.CrossEntropyLoss`` or ``model.state_dict``, in
  the chapter that is named after it, or else in the one that uses it most.

Readers paste whole messages, with numbers of their own, which no index entry contains. So the search page
gets the table :data:`firstlayers.error_index.ENTRIES`, and the script ``search_messages.js`` beside it: what
one of its patterns fits is looked for by the heading of the clinic's entry, and that comes first.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.errors import ExtensionError
from sphinx.util.typing import ExtensionMetadata

from firstlayers import error_index

_ERROR = re.compile(r"^\w*(?:Error|Exception|Warning): (.+?)(?: \([^()]*\))?$", re.MULTILINE)
_NAME = re.compile(r"(?:\b(\w+)|[)\]])\.([A-Za-z]\w+)")
_MODULES = {"torch", "nn", "F", "optim", "data", "models", "plotting", "training", "checkpoints"}
TABLE = "error_messages.js"
_LENGTH = 120  # characters of a message: more than anybody types


def errors_in(text: str) -> list[str]:
    """Return the messages of the errors that an output shows."""
    return [message[:_LENGTH] for message in _ERROR.findall(text)]


def names_in(code: str) -> Counter[str]:
    """Count the names behind a dot, those of modules also with what is before it."""
    counts: Counter[str] = Counter()
    for before, name in _NAME.findall(code):
        counts[name] += 1
        if before in _MODULES:
            counts[f"{before}.{name}"] += 1
    return counts


def _is_output(block: nodes.literal_block) -> bool:
    return "sphx-glr-script-out" in {*block["classes"], *block.parent.get("classes", ())}


def _count_names(app: Sphinx, doctree: nodes.document) -> None:
    counts: Counter[str] = Counter()
    for block in doctree.findall(nodes.literal_block):
        if block.get("language", "").lower() == "python":
            counts += names_in(block.astext())
    app.env.metadata[app.env.current_document.docname]["names_in_code"] = counts


def _counts(env: BuildEnvironment) -> dict[str, Counter[str]]:
    return {
        docname: found["names_in_code"]
        for docname, found in env.metadata.items()
        if "names_in_code" in found
    }


def _home_of(name: str, counts: dict[str, Counter[str]]) -> str:
    """Return the page named after a name, or that uses it most; of several, the first to be read."""
    last = name.rpartition(".")[2].lower()
    using = [docname for docname in counts if counts[docname][name]]
    return min(using, key=lambda page: (not page.endswith(f"_{last}"), -counts[page][name], page))


def _add_entries(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    if app.builder.format != "html":
        return
    found = []
    for block in filter(_is_output, doctree.findall(nodes.literal_block)):
        section = block.parent
        while section is not None and not isinstance(section, nodes.section):
            section = section.parent
        anchor = section["ids"][0] if section is not None else ""
        found += [
            (message, anchor)
            for message in errors_in(block.astext())
            # In the clinic, the entry's heading is found.
            if docname != app.config.search_clinic or not error_index.entry_of(message)
        ]
    found += [(words, "") for words in app.config.search_homes.get(docname, ())]
    counts = _counts(app.env)
    names = counts.get(docname, Counter())
    found += [(name, "") for name in sorted(names) if _home_of(name, counts) == docname]
    # Semicolons separate the parts of an entry.
    entries = [("single", text.replace(";", ","), anchor, "main", None) for text, anchor in found]
    if entries:
        doctree.insert(0, addnodes.index(entries=entries))


def message_table(env: BuildEnvironment, page: str) -> dict[str, Any]:
    """Say where the search finds which message.

    Parameters
    ----------
    env : sphinx.environment.BuildEnvironment
        The environment, which knows the page.
    page : str
        The name of the page with the entries.

    Returns
    -------
    dict
        The ``page``, and for each of its ``entries`` the ``patterns``, the ``title`` and the ``anchor``.
    """
    sections = {
        label: section
        for section in env.get_doctree(page).findall(nodes.section)
        for label in section["ids"]
    }
    entries = []
    for entry in error_index.ENTRIES:
        if entry.label not in sections:
            raise ExtensionError(f"{page}: there is no section with the label {entry.label}")
        section = sections[entry.label]
        entries.append(
            {
                "patterns": [entry.pattern, *entry.also],
                "title": section[0].astext(),
                "anchor": section["ids"][0],
            }
        )
    return {"page": page, "entries": entries}


def _add_table(
    app: Sphinx, pagename: str, _template: str, _context: object, _doctree: object
) -> None:
    page = app.config.search_clinic
    if pagename == "search" and page in app.env.found_docs:
        table = json.dumps(message_table(app.env, page), ensure_ascii=False, indent=1)
        path = Path(app.outdir, "_static", TABLE)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"const errorMessages = {table};\n", encoding="utf-8")
        app.add_js_file(TABLE)
        app.add_js_file("search_messages.js")


def setup(app: Sphinx) -> ExtensionMetadata:
    """Register what counts the names, and what adds the entries to a page."""
    app.add_config_value(
        "search_clinic", f"tutorials/{error_index.CHAPTER}", "env", types=frozenset({str})
    )
    app.connect("html-page-context", _add_table)
    app.add_config_value("search_homes", {}, "env", types=frozenset({dict}))
    app.connect("doctree-read", _count_names)
    app.connect("doctree-resolved", _add_entries)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
