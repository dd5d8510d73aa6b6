"""What ``nox -s bench`` measured and kept, as tables and figures with machine, versions and date.

``.. measured:: training`` shows ``measured/training.json``, and its figures below the tables. No number of
it is typed anywhere: the benchmark writes the file, see ``benchmarks/_measure.py``.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError
from sphinx.util.docutils import SphinxDirective
from sphinx.util.typing import ExtensionMetadata


class Measured(SphinxDirective):
    """The record with the name that is given."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Read the record, and make a table of each of its tables."""
        path = Path(self.env.srcdir, "measured", f"{self.arguments[0]}.json")
        self.env.note_dependency(path)
        if not path.is_file():
            raise ExtensionError(f"{self.get_location()}: there is no file {path}")
        found = json.loads(path.read_text(encoding="utf-8"))
        versions = ", ".join(f"{name} {number}" for name, number in found["versions"].items())
        seconds = found["seconds"]
        length = f"{seconds} seconds" if seconds < 100 else f"{seconds / 60:.0f} minutes"
        words = f"Measured on {found['date']} in {length}: {found['machine']}; {versions}."
        made: list[nodes.Node] = [nodes.paragraph("", words)]
        for each in found["tables"]:
            made += _table(each)
        for figure in found["figures"]:
            made += self._pictures(figure)
        return made

    def _pictures(self, figure: dict[str, Any]) -> list[nodes.Node]:
        source = []
        for name, page in ((figure["name"], "light"), (f"{figure['name']}_dark", "dark")):
            source += [
                f".. image:: /measured/{name}.png",
                f"   :alt: {figure['alt']}",
                f"   :class: only-{page} fl-figure",
                "   :loading: lazy",
                f"   :width: {figure['width']}",
                f"   :height: {figure['height']}",
                "",
            ]
        return self.parse_text_to_nodes("\n".join(source))


def _table(found: dict[str, Any]) -> list[nodes.Node]:
    columns = len(found["header"])
    group = nodes.tgroup("", *(nodes.colspec(colwidth=1) for _ in range(columns)), cols=columns)
    group += nodes.thead("", _row(found["header"]))
    group += nodes.tbody("", *(_row(row) for row in found["rows"]))
    title = nodes.title("", found["caption"])
    return [nodes.table("", title, group, classes=["fl-measured"])]


def _row(cells: list[str]) -> nodes.row:
    return nodes.row("", *(nodes.entry("", nodes.paragraph("", cell)) for cell in cells))


def setup(app: Sphinx) -> ExtensionMetadata:
    """Register the directive."""
    app.add_directive("measured", Measured)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
