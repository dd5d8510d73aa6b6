"""A chapter as a notebook and as a script that runs wherever it is downloaded.

Both hold the chapter's own cells, unchanged. In front of them stands one more, which installs the
course's package where it is missing: see `install_cell`. The text of a notebook is what Sphinx made
of the chapter's text, see `notebook_markdown`. It has no outputs, and nothing in it depends on the
machine that made it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from docutils import nodes
from notebook_markdown import LinkResolver, Markdown
from sphinx.errors import ExtensionError
from sphinx_gallery.py_source_parser import remove_config_comments, split_code_and_text_blocks
from tracks import end_of_first_text

_CELL = "GENERATED FROM PYTHON SOURCE LINES"
_OF_THE_PAGE_ONLY = {"sphx-glr-download-link-note", "sphx-glr-footer"}


def install_cell(version: str, requires: list[str], site: str) -> str:
    """Return the code that installs the course's package where it is missing or too old.

    The package is taken from a wheel beside the notebook, from one in the folder above, or from the
    course's site, in this order; never from a package index, where its name is not ours. What it
    needs comes from the index as usual, and only if it is missing.

    Parameters
    ----------
    version : str
        The oldest version that will do, such as ``"0.3.0"``.
    requires : list of str
        What the package needs, as requirements for pip.
    site : str
        The address of the page with the link to the wheel, or the empty string where the site has
        no public address.

    Returns
    -------
    str
        Python code, without a line break at its end.
    """
    numbers = tuple(int(number) for number in re.findall(r"\d+", version)[:3])
    needs = "".join(f'        "{requirement}",\n' for requirement in requires)
    sites = f', "{site}"' if site else ""
    source = f"the course's zip file from {site}" if site else "the course's zip file"
    return f'''\
# @title Run this first: it installs the course's package where it is missing or too old
def install_firstlayers():
    import importlib.metadata, os, re, subprocess, sys

    try:
        installed = importlib.metadata.version("firstlayers")
    except importlib.metadata.PackageNotFoundError:
        installed = ""
    if tuple(map(int, re.findall(r"\\d+", installed)[:3])) >= {numbers}:
        return

    def pip_install(*what):
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--retries=1", *what]
        return subprocess.run(pip, capture_output=True, text=True)

    print("Installing what the course needs. Where PyTorch is missing, this takes minutes ...")
    result = pip_install(
{needs}    )
    # The package itself comes from a file beside this one, or in the folder above{", or from" if site else "."}
    {"# the course's site; " if site else "# "}never from a package index, where this name is not the course's.
    here = os.path.dirname(globals().get("__file__", "")) or "."
    places = [here, os.path.join(here, ".."){sites}]
    for place in places if result.returncode == 0 else []:
        result = pip_install("--no-index", f"--find-links={{place}}", "firstlayers>={version}")
        if result.returncode == 0:
            importlib.invalidate_caches()  # Python looks again, and finds what is new
            return
    raise RuntimeError(
        f"{{result.stderr}}\\nThe course's package could not be installed; pip says why, above. "
        "Put the file firstlayers-*.whl beside this one and try again: it is in "
        "{source}."
    )


install_firstlayers()'''


def script(chapter: Path, install: str) -> str:
    """Return a chapter's script with the install cell behind its first text.

    Parameters
    ----------
    chapter : pathlib.Path
        The chapter's own script.
    install : str
        The code to put in.

    Returns
    -------
    str
        Python code.
    """
    lines = chapter.read_text(encoding="utf-8").splitlines(keepends=True)
    end = end_of_first_text(lines)
    return f"{''.join(lines[:end])}\n{install}\n{''.join(lines[end:])}"


def notebook(
    chapter: Path, page: nodes.document, install: str, link: LinkResolver, pictures: Path
) -> str:
    """Return a chapter as a notebook in Jupyter's format 4.5.

    Parameters
    ----------
    chapter : pathlib.Path
        The chapter's script.
    page : docutils.nodes.document
        Its page, with all references resolved.
    install : str
        The code of the first cell.
    link, pictures
        See `notebook_markdown.Markdown`.

    Returns
    -------
    str
        JSON.
    """
    _, blocks = split_code_and_text_blocks(str(chapter))
    cells = list(_cells_of(page))
    if len(cells) != len(blocks):
        raise ExtensionError(f"{chapter}: {len(blocks)} cells, but {len(cells)} on its page")
    markdown = Markdown(link, pictures)
    made = [_cell("code", install)]
    # Only its first line shows, which says what it does: in Jupyter and VS Code, and in Colab.
    made[0]["metadata"] = {"cellView": "form", "jupyter": {"source_hidden": True}}
    for block, content in zip(blocks, cells, strict=True):
        if block.type == "code":
            made.append(_cell("code", remove_config_comments(block.content).strip()))
            continue
        parts = []
        for node, level in content:
            if isinstance(node, nodes.title):
                parts.append(markdown.heading(node, level))
            elif text := markdown.blocks([node]):
                parts.append(text)
        made.append(_cell("markdown", "\n\n".join(parts)))
    for number, cell in enumerate(made):
        cell["id"] = f"{chapter.stem}-{number:02}".replace("_", "-")[:64]
    contents = {
        "cells": made,
        "metadata": {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        },
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    return json.dumps(contents, indent=1, ensure_ascii=False) + "\n"


def _cell(kind: str, source: str) -> dict[str, Any]:
    cell: dict[str, Any] = {"cell_type": kind, "id": "", "metadata": {}}
    if kind == "code":
        cell |= {"execution_count": None, "outputs": []}
    return cell | {"source": source.splitlines(keepends=True)}


def _cells_of(page: nodes.document) -> Iterator[list[tuple[nodes.Node, int]]]:
    """Split a page where sphinx-gallery marked the beginning of a cell."""
    cell: list[tuple[nodes.Node, int]] = []
    for node, level in _flow(page, 0):
        if isinstance(node, nodes.comment) and node.astext().startswith(_CELL):
            yield cell
            cell = []
        else:
            cell.append((node, level))
    yield cell


def _flow(parent: nodes.Element, level: int) -> Iterator[tuple[nodes.Node, int]]:
    """Go through a page from top to bottom: sections open, everything else whole."""
    for node in parent.children:
        if isinstance(node, nodes.section):
            yield from _flow(node, level + 1)
        elif not _OF_THE_PAGE_ONLY.intersection(node.get("classes", ())):
            yield node, level
