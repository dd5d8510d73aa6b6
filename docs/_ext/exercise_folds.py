"""Under every exercise of a page: hints to unfold, and the course's answer with what it earns.

A chapter's script holds only the stub, so that page, script and notebook are the same text. While
the site is built, sphinx-gallery has executed the stub, and this module adds the directive
``exercise-folds`` under its output. The folds are ``<details>`` elements: they work with the
keyboard and without a script.

What the course's answer earns is found out by :func:`scraper`, in the process that executes the chapter;
list it among sphinx-gallery's image scrapers. Where it did not run, the page's own process finds out.

The directive ``exercise-index`` lists all exercises by chapter, and ``exercise-verdict`` shows what is
said of a typical wrong answer.
"""

from __future__ import annotations

import inspect
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError
from sphinx.util.docutils import SphinxDirective
from sphinx.util.typing import ExtensionMetadata

if TYPE_CHECKING:
    from firstlayers.exercises.registry import Exercise

CELL = ".. GENERATED FROM PYTHON SOURCE LINES"
STUB = re.compile(r"^ *@exercise\n *(?:def|class) (\w+)\b", re.MULTILINE)


def scraper(block: Any, block_vars: dict[str, Any], gallery_conf: dict[str, Any]) -> str:
    """Keep the verdicts on the course's answers to a cell's exercises; there is no picture to show.

    Parameters
    ----------
    block : sphinx_gallery.py_source_parser.Block
        A cell that was executed.
    block_vars : dict
        ``"target_file"`` is the copy of the chapter's script.
    gallery_conf : dict
        Not used.
    """
    # Here, because it imports PyTorch, which a build without a changed chapter does without.
    from firstlayers.exercises.registry import find

    page = Path(block_vars["target_file"])
    for name in STUB.findall(block.content):
        if found := find(name):  # where there is none, the page's directive says so
            verdicts = json.dumps(_verdicts(page) | {name: _earned(found)}, ensure_ascii=False)
            _kept_verdicts(page).write_text(verdicts, encoding="utf-8")
    return ""


def _earned(exercise: Exercise) -> dict[str, str]:
    """Say what the checker says of the course's answer."""
    from firstlayers.exercises.judging import judge

    verdict = judge(exercise, exercise.reference, isolated=False)
    return {"state": verdict.state, "text": verdict.text}


def _kept_verdicts(page: Path) -> Path:
    return page.with_suffix(".verdicts.json")


def _verdicts(page: Path) -> dict[str, dict[str, str]]:
    kept = _kept_verdicts(page)
    verdicts: dict[str, dict[str, str]] = (
        json.loads(kept.read_text("utf-8")) if kept.exists() else {}
    )
    return verdicts


def add_folds(text: str) -> str:
    """Put the directive under every cell that holds an exercise.

    Parameters
    ----------
    text : str
        A page as sphinx-gallery wrote it.

    Returns
    -------
    str
        The page with the directives.
    """
    start, *cells = re.split(rf"(?=^{re.escape(CELL)})", text, flags=re.MULTILINE)
    for place, cell in enumerate(cells):
        names = STUB.findall(cell)
        if names:
            folds = "".join(f".. exercise-folds:: {name}\n\n" for name in names)
            end = re.search(r"^\.\. _sphx_glr_download_", cell, re.MULTILINE)
            at = end.start() if end else len(cell)
            cells[place] = f"{cell[:at].rstrip()}\n\n{folds}{cell[at:]}"
    return start + "".join(cells)


class Fold(nodes.General, nodes.Element):  # type: ignore[misc]  # docutils has no types
    """Something to unfold; the attribute ``title`` is always visible."""


class ExerciseFolds(SphinxDirective):
    """Hints and the course's answer, each folded."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Make the folds of the exercise that is named."""
        from firstlayers.exercises.registry import find

        found = find(self.arguments[0])
        if found is None:
            raise ExtensionError(f"{self.env.docname}: no exercise asks for {self.arguments[0]}")
        if not self.env.docname.endswith(found.chapter):
            raise ExtensionError(
                f"{self.env.docname}: the exercise {found.name} belongs to {found.chapter}"
            )
        kept = _verdicts(Path(self.env.doc2path(self.env.docname)))
        verdict = kept.get(found.name) or _earned(found)
        if verdict["state"] != "right":
            raise ExtensionError(f"the course's answer is wrong: {verdict['text']}")
        source = inspect.getsource(found.reference).rstrip()
        code = nodes.literal_block(source, source, language="python")
        folds = [
            Fold("", nodes.paragraph(text=hint), title=title)
            for title, hint in zip(
                ("Hint: the idea", "Hint: the shapes", "Hint: nearly the code"),
                found.hints,
                strict=True,
            )
        ]
        last = Fold("", code, _block_of(verdict["text"]), title="The course's answer")
        return [nodes.container("", *folds, last, classes=["fl-folds"])]


class ExerciseVerdict(SphinxDirective):
    """What the checker says of a wrong answer: the name of an exercise, and of one of its slips."""

    required_arguments = 1
    final_argument_whitespace = True

    def run(self) -> list[nodes.Node]:
        """Make the block that shows it."""
        from firstlayers.exercises.judging import judge
        from firstlayers.exercises.registry import find

        name, _, title = self.arguments[0].partition(" ")
        found = find(name)
        slips = [slip for slip in found.slips if slip.name == title] if found else []
        if found is None or not slips:
            raise ExtensionError(f"{self.env.docname}: no exercise {name} with the slip {title!r}")
        return [_block_of(judge(found, slips[0].answer, isolated=False).text)]


class ExerciseIndex(SphinxDirective):
    """A list of all exercises, chapter by chapter, with what each asks for."""

    option_spec = {"folder": directives.unchanged}  # noqa: RUF012  # docutils' own form

    def run(self) -> list[nodes.Node]:
        """Make the list."""
        from firstlayers.exercises import registry

        for path in Path(registry.__file__).parent.glob("*.py"):
            self.env.note_dependency(path)
        folder = self.options.get("folder", "tutorials")
        known = registry.exercises()
        source = []
        for chapter in dict.fromkeys(exercise.chapter for exercise in known):
            source += [f"* :doc:`/{folder}/{chapter}`", ""]
            source += [
                f"  * `{exercise.name} <{folder}/{chapter}.html#exercise-"
                f"{nodes.make_id(exercise.name)}>`__: "
                f"``{_signature(exercise.reference)}``"
                for exercise in known
                if exercise.chapter == chapter
            ]
            source.append("")
        return self.parse_text_to_nodes("\n".join(source))


def _block_of(verdict: str) -> nodes.Node:
    """Make the block that shows what the checker prints."""
    block = nodes.literal_block(verdict, verdict, language="none")
    return nodes.container("", block, classes=["fl-verdict"])


def _signature(answer: object) -> str:
    line = next(
        line
        for line in inspect.getsource(answer).splitlines()  # type: ignore[arg-type]
        if line.startswith(("def ", "class "))
    )
    return line.removeprefix("def ").removesuffix(":")


def _on_source_read(app: Sphinx, docname: str, source: list[str]) -> None:
    if "@exercise" in source[0] and CELL in source[0]:
        source[0] = add_folds(source[0])


def _visit_fold(translator: nodes.NodeVisitor, node: Fold) -> None:
    title = translator.encode(node["title"])
    translator.body.append(f'<details class="fl-fold"><summary>{title}</summary>\n')


def _depart_fold(translator: nodes.NodeVisitor, node: Fold) -> None:
    translator.body.append("</details>\n")


def _show(translator: nodes.NodeVisitor, node: Fold) -> None:
    """Elsewhere than in HTML there is nothing to unfold: the content stands there."""


def setup(app: Sphinx) -> ExtensionMetadata:
    """Register the directives and the hook that puts them in."""
    app.add_node(Fold, html=(_visit_fold, _depart_fold), text=(_show, _show))
    app.add_directive("exercise-folds", ExerciseFolds)
    app.add_directive("exercise-index", ExerciseIndex)
    app.add_directive("exercise-verdict", ExerciseVerdict)
    app.connect("source-read", _on_source_read)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
