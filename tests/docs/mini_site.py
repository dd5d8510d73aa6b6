"""A miniature Sphinx project, to test the site's own extensions with real, strict builds."""

import contextlib
import io
from pathlib import Path

from sphinx.cmd.build import build_main


class MiniSite:
    """A project with one page, ``index``, to start with; built in this process."""

    def __init__(self, root: Path, *extensions: str, conf: str = "") -> None:
        self.root = root
        self.html = root / "_build" / "html"
        root.mkdir(exist_ok=True)
        head = f"extensions = {list(extensions)!r}\nhtml_theme = 'basic'\n"
        self.write("conf.py", f"{head}exclude_patterns = ['_build', 'tutorials']\n{conf}\n")
        self.write("index.rst", "Site\n====\n")

    def write(self, name: str, text: str) -> None:
        """Write a source file of the project."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def build(self, *options: str) -> tuple[int, str]:
        """Build strictly; return the exit status and all that Sphinx said."""
        output = io.StringIO()
        arguments = ["-n", "-W", "--keep-going", "--no-color", *options]
        folders = [f"-d{self.root / '_build' / 'doctrees'}", str(self.root), str(self.html)]
        with contextlib.redirect_stdout(output), contextlib.redirect_stderr(output):
            status = build_main([*arguments, *folders])
        return status, output.getvalue()

    def page(self, name: str = "index") -> str:
        """Return a built page."""
        return (self.html / f"{name}.html").read_text(encoding="utf-8")
