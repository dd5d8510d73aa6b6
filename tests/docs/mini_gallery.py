"""A miniature sphinx-gallery project, to test the site's own extensions with real builds."""

import contextlib
import io
import warnings
from pathlib import Path
from typing import Any

from sphinx.cmd.build import build_main


class MiniGallery:
    """A Sphinx project with one section of chapters, ``basics``, built in this process."""

    def __init__(self, root: Path) -> None:
        self.docs = root / "docs"
        self.chapters = root / "tutorials"
        self.section = self.docs / "course" / "basics"
        self.html = self.docs / "_build" / "course" / "basics"
        (self.chapters / "basics").mkdir(parents=True)
        self.docs.mkdir()
        for folder in (self.chapters, self.chapters / "basics"):
            (folder / "GALLERY_HEADER.rst").write_text("Chapters\n========\n", encoding="utf-8")
        index = "Site\n====\n\n.. toctree::\n\n   course/index\n"
        (self.docs / "index.rst").write_text(index, encoding="utf-8")
        self.configure()

    def configure(
        self, extensions: tuple[str, ...] = (), other: str = "", **gallery_conf: Any
    ) -> None:
        """Write ``conf.py``; `gallery_conf` adds to sphinx-gallery's configuration."""
        gallery_conf = {
            "examples_dirs": "../tutorials",
            "gallery_dirs": "course",
            "filename_pattern": ".py",
            "within_subsection_order": "FileNameSortKey",
            "reset_modules": ("matplotlib",),
            "write_computation_times": False,
            **gallery_conf,
        }
        lines = (
            f"extensions = {['sphinx_gallery.gen_gallery', *extensions]!r}",
            "html_theme = 'basic'",
            "exclude_patterns = ['_build']",
            f"sphinx_gallery_conf = {gallery_conf!r}",
            other,
        )
        (self.docs / "conf.py").write_text("\n".join(lines), encoding="utf-8")

    def write(self, name: str, code: str, section: str = "basics") -> Path:
        """Write the chapter `name`, a title followed by one cell of `code`; return its path."""
        path = self.chapters / section / f"{name}.py"
        path.write_text(f'"""\n{name}\n{"=" * len(name)}\n"""\n\n{code}\n', encoding="utf-8")
        return path

    def build(self, *options: str) -> tuple[int, str]:
        """Build strictly; return the exit status and all that Sphinx said."""
        output = io.StringIO()
        with (
            contextlib.redirect_stdout(output),
            contextlib.redirect_stderr(output),
            # As in a fresh process: pytest's own filters would hide what the build does.
            warnings.catch_warnings(),
        ):
            warnings.resetwarnings()
            warnings.simplefilter("ignore", DeprecationWarning)
            status = build_main(
                ["-W", "-n", "--no-color", *options, str(self.docs), str(self.docs / "_build")]
            )
        return status, output.getvalue()
