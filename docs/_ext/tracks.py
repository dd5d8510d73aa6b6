"""What the site knows of the chapters: a bar on each of their pages, and a map of each track.

All of it is read from the chapters' own scripts: the order from their file names, and title, promise,
minutes and what they build on from their first text block. The *bar* is a list of links from chapter
to chapter; a template shows it. The *map* is a table; the directive ``chapter-map`` puts it on a
track's first page.
"""

from __future__ import annotations

import ast
import re
import tokenize
from pathlib import Path
from typing import Any, NamedTuple

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.errors import ExtensionError
from sphinx.util.docutils import SphinxDirective
from sphinx.util.typing import ExtensionMetadata


class Chapter(NamedTuple):
    """What a chapter says of itself."""

    stem: str
    title: str
    promise: str
    minutes: int
    builds_on: list[str]


class Link(NamedTuple):
    """One entry of the bar."""

    label: str
    docname: str
    is_current: bool


def end_of_first_text(lines: list[str]) -> int:
    """Say at which of a chapter's lines its first text ends, 0 where it does not start with one.

    To read a few tokens takes a hundredth of the time that it takes to parse all of a chapter.
    """
    around = (tokenize.COMMENT, tokenize.ENCODING, tokenize.NEWLINE, tokenize.NL)
    for token in tokenize.generate_tokens(iter(lines).__next__):
        if token.type not in around:
            return token.end[0] if token.type == tokenize.STRING else 0
    return 0


def read_chapter(path: Path) -> Chapter:
    """Read the first text block of a chapter.

    Parameters
    ----------
    path : pathlib.Path
        The script.

    Returns
    -------
    Chapter
        What it says of itself.

    Raises
    ------
    sphinx.errors.ExtensionError
        If it does not say its title, its promise and its minutes.
    """
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    text = ast.get_docstring(ast.parse("".join(lines[: end_of_first_text(lines)]))) or ""
    head = re.match(r"(?P<title>\S[^\n]*)\n={3,}\n\n(?P<promise>(?:\S[^\n]*\n)+)", text)
    minutes = re.search(r"\*\*Time:\*\* (\d+) minutes", text)
    if head is None or minutes is None:
        raise ExtensionError(
            f"{path}: the first text block lacks a title, a promise or its minutes"
        )
    needs = text.partition("**You need**")[2].partition("**Time:**")[0]
    return Chapter(
        path.stem,
        head["title"],
        " ".join(head["promise"].split()),
        int(minutes[1]),
        re.findall(r":doc:`(\d\d_\w+)`", needs),
    )


def label_of(stem: str, labels: dict[str, str]) -> str:
    """Make a short name of a chapter's file name: ``06_build_model`` becomes "Build model"."""
    name = stem[3:]
    return labels.get(name) or name.replace("_", " ").capitalize()


def _only(paths: str | list[str]) -> str:
    """Return the one gallery's path: sphinx-gallery makes a list of what was a string."""
    return paths if isinstance(paths, str) else paths[0]


def _chapters_of(srcdir: Path, config: Config, track: str) -> list[Path]:
    folder = Path(srcdir, _only(config.sphinx_gallery_conf["examples_dirs"]), track)
    return sorted(folder.glob("[0-9][0-9]_*.py"))


def bar_of(app: Sphinx, pagename: str) -> list[Link]:
    """List the chapters beside a page: nothing for pages that belong to no track."""
    gallery = re.escape(Path(_only(app.config.sphinx_gallery_conf["gallery_dirs"])).name)
    match = re.fullmatch(rf"{gallery}/(\w+)/(index|\d\d_\w+)", pagename)
    if match is None:
        return []
    section = pagename.rpartition("/")[0]
    stems = ["index", *(path.stem for path in _chapters_of(app.srcdir, app.config, match[1]))]
    labels = app.config.chapter_labels
    return [
        Link(
            "Intro" if stem == "index" else label_of(stem, labels),
            f"{section}/{stem}",
            stem == match[2],
        )
        for stem in stems
    ]


class ChapterMap(SphinxDirective):
    """A table of a track's chapters: what one learns, how long it takes, what it builds on."""

    def run(self) -> list[nodes.Node]:
        """Make the table for the track whose page this is."""
        section = self.env.current_document.docname.rpartition("/")[0]
        paths = _chapters_of(self.env.srcdir, self.config, section.rpartition("/")[2])
        if not paths:
            return []  # sphinx-gallery repeats the text of each track's page on its first page
        for path in paths:
            self.env.note_dependency(path)
        chapters = [read_chapter(path) for path in paths]
        labels = self.config.chapter_labels
        total = sum(chapter.minutes for chapter in chapters)
        hours = f"{total // 60} h {total % 60:02} min"
        source = [
            f"{len(chapters)} chapters, {hours} of reading:",
            "",
            ".. list-table::",
            "   :header-rows: 1",
            "   :class: fl-map",
            "",
            "   * - Chapter",
            "     - What you will be able to do",
            "     - Min",
        ]
        # Where each chapter stands by itself, there is nothing to say.
        related = any(chapter.builds_on for chapter in chapters)
        source += ["     - Builds on"] * related
        for chapter in chapters:
            links = [f":doc:`{label_of(stem, labels)} <{stem}>`" for stem in chapter.builds_on]
            source += [
                f"   * - :doc:`{chapter.title} <{chapter.stem}>`",
                f"     - {chapter.promise}",
                f"     - {chapter.minutes}",
            ]
            source += [f"     - {', '.join(links)}"] * related
        return self.parse_text_to_nodes("\n".join(source))


def _add_bar(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: object
) -> None:
    context["chapter_bar"] = bar_of(app, pagename)


def setup(app: Sphinx) -> ExtensionMetadata:
    """Register the directive, the bar, and ``chapter_labels`` for names that file names lack."""
    app.add_config_value("chapter_labels", {}, "html", types=frozenset({dict}))
    app.add_directive("chapter-map", ChapterMap)
    app.connect("html-page-context", _add_bar)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
