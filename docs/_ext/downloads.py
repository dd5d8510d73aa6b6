"""What readers can take with them: each chapter, each track, and the whole course in a box.

Beside the page of every chapter lie its notebook and its script, ``06_build_model.ipynb`` and ``.py``.
The folder ``downloads`` holds a zip file of each track and one of the course: notebooks and scripts in
reading order, the wheel of the package, built from this very source, and how to begin. The wheel also
lies there by itself, and the directive ``course-downloads`` links to it: pip, told to look for it on
that page, finds it and compares its check sum.

In a zip file, chapters link to each other. By themselves, they link to the site, if it has an address.

Where the site's address and its repository on GitHub are configured, there are also links that open a
chapter at Colab and at Binder.
"""

from __future__ import annotations

import hashlib
import posixpath
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from docutils import nodes
from notebooks import install_cell, notebook, script
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.errors import ConfigError, ExtensionError
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective
from sphinx.util.typing import ExtensionMetadata

logger = logging.getLogger(__name__)

COURSE = "first-layers"
FOLDER = "downloads"
EARLIEST = (1980, 1, 1, 0, 0, 0)  # the first moment that the format of zip files knows
# sphinx-gallery offers its own files above and below a chapter.
_ABOVE = re.compile(r"^\.\. only:: html\n\n {4}\.\. note::\n {8}:class: sphx-glr-download-link-note\n"
                    r"(?:\n| {8}.*\n)+", re.MULTILINE)  # fmt: skip
_BELOW = re.compile(r"^\.\. _sphx_glr_download_.*\Z", re.MULTILINE | re.DOTALL)


class Track(NamedTuple):
    """A folder of chapters, with the names of their pages in reading order."""

    name: str
    chapters: list[str]


class Downloads:
    """Makes the files of one build.

    Parameters
    ----------
    app : sphinx.application.Sphinx
        The application, whose environment knows the chapters.
    """

    def __init__(self, app: Sphinx) -> None:
        self.app = app
        self.project = Path(app.confdir).parent
        self.site = app.config.html_baseurl.rstrip("/") + "/" if app.config.html_baseurl else ""
        # By the name of the site's folder: two sites made from the same pages may have two addresses.
        self.kept = Path(app.doctreedir) / "downloads" / Path(app.outdir).name
        self.gallery = _only(app.config.sphinx_gallery_conf["gallery_dirs"])
        self.sources = Path(
            app.srcdir, _only(app.config.sphinx_gallery_conf["examples_dirs"])
        ).resolve()

    # -- The package -------------------------------------------------------------------------------

    def build_wheel(self) -> Path:
        """Build the wheel; the same source gives the same bytes."""
        made = self.kept / "wheel"
        shutil.rmtree(made, ignore_errors=True)
        command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(made)]
        result = subprocess.run(
            command, cwd=self.project, capture_output=True, text=True, check=False
        )
        if result.returncode:
            raise ExtensionError(f"the package's wheel could not be built: {result.stderr}")
        return self.wheel()

    def wheel(self) -> Path:
        """Return the wheel that was built."""
        (path,) = (self.kept / "wheel").glob("*.whl")
        return path

    def wheel_address(self) -> str:
        """Return the wheel's address relative to the site, with the check sum that pip compares."""
        path = self.wheel()
        return f"{FOLDER}/{path.name}#sha256={hashlib.sha256(path.read_bytes()).hexdigest()}"

    # -- Chapters ----------------------------------------------------------------------------------

    def tracks(self) -> list[Track]:
        """List the tracks that have chapters."""
        found: dict[str, list[str]] = {}
        for docname in sorted(self.app.env.found_docs):
            match = re.fullmatch(rf"{re.escape(self.gallery)}/(\w+)/(\d\d_\w+)", docname)
            if match:
                found.setdefault(match[1], []).append(docname)
        return [Track(name, chapters) for name, chapters in found.items()]

    def is_chapter(self, docname: str) -> bool:
        """Tell whether a page is one of a chapter."""
        return any(docname in track.chapters for track in self.tracks())

    def link(self, docname: str, address: str, *, boxed: bool) -> str | None:
        """Return where a link of a chapter's page leads to from its notebook.

        Parameters
        ----------
        docname : str
            The page of the chapter.
        address : str
            The link's address on that page.
        boxed : bool
            Whether the notebook lies among the others, in a zip file.

        Returns
        -------
        str or None
            None, if it leads nowhere without the site, and that has no public address.
        """
        if urlsplit(address).scheme:
            return address
        path, _, anchor = address.partition("#")
        page = posixpath.normpath(posixpath.join(posixpath.dirname(docname), path))
        target = page.removesuffix(".html")
        if (boxed or not self.site) and self.is_chapter(target):
            return f"{posixpath.relpath(target, posixpath.dirname(docname))}.ipynb"
        if not self.site:
            return None
        return f"{self.site}{page}{f'#{anchor}' if anchor else ''}"

    def write_chapter(self, docname: str, page: nodes.document) -> None:
        """Write a chapter's notebook, by itself and for the zip files, and its script."""
        settings = tomllib.loads((self.project / "pyproject.toml").read_text("utf-8"))
        requires = settings["project"]["dependencies"]
        site = f"{self.site}notebooks.html" if self.site else ""
        version = self.wheel().name.split("-")[1]
        install = install_cell(version, requires, site)
        name = docname.removeprefix(f"{self.gallery}/")
        chapter = self.sources / f"{name}.py"
        as_script = script(chapter, install)
        beside_page = Path(self.app.outdir, docname)
        boxed = self.kept / "chapters" / name
        for path, is_boxed in ((beside_page, False), (boxed, True)):
            path.parent.mkdir(parents=True, exist_ok=True)
            text = notebook(
                chapter,
                page,
                install,
                lambda address, is_boxed=is_boxed: self.link(docname, address, boxed=is_boxed),  # type: ignore[misc]
                Path(self.app.srcdir),
            )
            path.with_suffix(".ipynb").write_text(text, encoding="utf-8")
            path.with_suffix(".py").write_text(as_script, encoding="utf-8")

    # -- Zip files ---------------------------------------------------------------------------------

    def write_zips(self) -> None:
        """Write the zip files of the tracks and of the course, and the wheel beside them."""
        folder = Path(self.app.outdir, FOLDER)
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        shutil.copyfile(self.wheel(), folder / self.wheel().name)
        tracks = self.tracks()
        for track in tracks:
            self._write_zip(folder / f"{COURSE}-{track.name}.zip", [track])
        self._write_zip(folder / f"{COURSE}.zip", tracks)

    def _write_zip(self, path: Path, tracks: list[Track]) -> None:
        wheel = self.wheel()
        readme = self._readme(wheel.name, tracks)
        contents = {
            "README.md": readme.encode(),
            "LICENSE": (self.project / "LICENSE").read_bytes(),
            wheel.name: wheel.read_bytes(),
        }
        for track in tracks:
            for docname in track.chapters:
                name = docname.removeprefix(f"{self.gallery}/")
                for suffix in (".ipynb", ".py"):
                    file = (self.kept / "chapters" / name).with_suffix(suffix)
                    contents[f"{name}{suffix}"] = file.read_bytes()
        with zipfile.ZipFile(path, "w") as packed:
            for name, content in contents.items():
                info = zipfile.ZipInfo(f"{COURSE}/{name}", EARLIEST)
                info.create_system = 3  # Unix, wherever it is built: the next line is for it
                info.external_attr = 0o644 << 16  # readable by all once unpacked
                packed.writestr(info, content, zipfile.ZIP_DEFLATED)

    def _readme(self, wheel: str, tracks: list[Track]) -> str:
        lines = []
        for track in tracks:
            lines += ["", f"### {self._title(f'{self.gallery}/{track.name}/index')}", ""]
            for docname in track.chapters:
                name = docname.removeprefix(f"{self.gallery}/")
                lines.append(f"* [{self._title(docname)}]({name}.ipynb)")
        site = f"With the outputs and all figures, they are at {self.site}" if self.site else ""
        template = Path(self.app.confdir, "_templates", "box_readme.md").read_text("utf-8")
        text = template.format(wheel=wheel, chapters="\n".join(lines).strip(), site=site)
        return re.sub(r"\n{3,}", "\n\n", text)

    def _title(self, docname: str) -> str:
        return str(self.app.env.titles[docname].astext())

    # -- Links on the pages ------------------------------------------------------------------------

    def links(self, docname: str) -> list[dict[str, str]]:
        """List what a chapter's page, or a track's, offers: label and address, relative to the site."""
        match = re.fullmatch(rf"{re.escape(self.gallery)}/(\w+)/(index|\d\d_\w+)", docname)
        if match is None:
            return []
        track, stem = match.groups()
        found = []
        if stem != "index":
            found += [
                {"label": "Notebook", "kind": ".ipynb", "file": f"{docname}.ipynb"},
                {"label": "Script", "kind": ".py", "file": f"{docname}.py"},
            ]
        found += [
            {"label": "This track", "kind": ".zip", "file": f"{FOLDER}/{COURSE}-{track}.zip"},
            {"label": "Whole course", "kind": ".zip", "file": f"{FOLDER}/{COURSE}.zip"},
        ]
        return found

    def as_list(self, docname: str) -> nodes.bullet_list:
        """List the zip files and the wheel, with links from a page."""
        entries = [(f"{FOLDER}/{COURSE}.zip", "The whole course")]
        for track in self.tracks():
            title = self._title(f"{self.gallery}/{track.name}/index")
            entries.append((f"{FOLDER}/{COURSE}-{track.name}.zip", title))
        entries.append((self.wheel_address(), "The package by itself"))
        listed = nodes.bullet_list()
        for address, label in entries:
            path = posixpath.relpath(address, posixpath.dirname(docname) or ".")
            name = posixpath.basename(urlsplit(address).path)
            link = nodes.reference("", label, internal=False, refuri=path)
            listed += nodes.list_item("", nodes.paragraph("", "", link, nodes.Text(f" ({name})")))
        return listed

    def launchers(self, docname: str) -> list[dict[str, str]]:
        """List where a chapter can be opened on somebody else's computer."""
        repository = repository_of(self.app.config.course_repository)
        if not (self.site and repository and self.is_chapter(docname)):
            return []
        branch = self.app.config.course_pages_branch
        name = docname.removeprefix(f"{self.gallery}/")
        return [
            {
                "label": "Open in Colab",
                "url": "https://colab.research.google.com/github/"
                f"{repository}/blob/{branch}/{docname}.ipynb",
            },
            {
                "label": "Open in Binder",
                "url": f"https://mybinder.org/v2/gh/{repository}/HEAD"
                f"?urlpath=lab/tree/{COURSE}/{name}.ipynb",
            },
        ]


class DownloadList(nodes.General, nodes.Element):  # type: ignore[misc]  # docutils has no types
    """Stands for the list until all chapters are known and the wheel is built."""


class CourseDownloads(SphinxDirective):
    """A list of the zip files and of the wheel."""

    def run(self) -> list[nodes.Node]:
        """Mark the place."""
        self.env.metadata[self.env.docname]["course_downloads"] = True
        return [DownloadList()]


def repository_of(address: str) -> str:
    """Return ``owner/name`` of a repository on GitHub, or the empty string for an empty address.

    Raises
    ------
    sphinx.errors.ConfigError
        If the address is one of neither kind.
    """
    if not address:
        return ""
    match = re.fullmatch(r"(?:https://github\.com/)?([\w.-]+/[\w.-]+?)(?:\.git|/)?", address)
    if match is None:
        raise ConfigError(
            f"FIRSTLAYERS_REPOSITORY should look like https://github.com/owner/name, not {address!r}"
        )
    return match[1]


def _only(paths: str | list[str]) -> str:
    return paths if isinstance(paths, str) else paths[0]


def _build_wheel(app: Sphinx) -> None:
    if app.builder.format == "html":
        Downloads(app).build_wheel()


def _pages_with_the_list(app: Sphinx, env: BuildEnvironment) -> list[str]:
    """Have them written again: the list holds the wheel's check sum."""
    return [docname for docname, found in env.metadata.items() if "course_downloads" in found]


def _without_own_downloads(app: Sphinx, docname: str, source: list[str]) -> None:
    if _BELOW.search(source[0]):
        source[0] = _BELOW.sub("", _ABOVE.sub("", source[0]))


def _fill_lists(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    for place in list(doctree.findall(DownloadList)):
        html = app.builder.format == "html"
        place.replace_self(Downloads(app).as_list(docname) if html else [])


def _write_chapter(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    if app.builder.format == "html" and (downloads := Downloads(app)).is_chapter(docname):
        downloads.write_chapter(docname, doctree)


def _add_links(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: object
) -> None:
    downloads = Downloads(app)
    context["course_downloads"] = downloads.links(pagename)
    context["course_launchers"] = downloads.launchers(pagename)


def _write_zips(app: Sphinx, exception: Exception | None) -> None:
    if exception is None and app.builder.format == "html":
        Downloads(app).write_zips()


def setup(app: Sphinx) -> ExtensionMetadata:
    """Register the files, the links to them, and the directive."""
    app.add_config_value("course_repository", "", "html", types=frozenset({str}))
    app.add_config_value("course_pages_branch", "gh-pages", "html", types=frozenset({str}))
    app.add_node(DownloadList)
    app.add_directive("course-downloads", CourseDownloads)
    app.connect("builder-inited", _build_wheel, priority=80)
    app.connect("env-updated", _pages_with_the_list)
    app.connect("source-read", _without_own_downloads)
    app.connect("doctree-resolved", _fill_lists)
    # After the extensions that add links to the text.
    app.connect("doctree-resolved", _write_chapter, priority=900)
    app.connect("html-page-context", _add_links)
    app.connect("build-finished", _write_zips)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
