"""A server that answers as GitHub Pages does: texts are compressed, and what is missing has a page."""

import functools
import gzip
import http.server
from http import HTTPStatus
from pathlib import Path

TEXTS = {".html", ".css", ".js", ".svg", ".json", ".xml", ".txt", ".ipynb", ".py", ".ttf", ".inv"}


@functools.lru_cache(maxsize=512)
def compressed(path: Path, modified: float) -> bytes:
    """Compress a file once, as long as it stays as it was."""
    return gzip.compress(path.read_bytes(), compresslevel=6, mtime=0)


class PagesHandler(http.server.SimpleHTTPRequestHandler):
    """Serves files without a word."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Answer with a file, or with the page that says that there is none."""
        path = Path(self.translate_path(self.path))
        if path.is_dir():
            path /= "index.html"
        status = HTTPStatus.OK
        if not path.is_file():
            status, path = HTTPStatus.NOT_FOUND, Path(self.directory, "404.html")
        content = path.read_bytes()
        self.send_response(status)
        if path.suffix in TEXTS and "gzip" in self.headers.get("Accept-Encoding", ""):
            content = compressed(path, path.stat().st_mtime)
            self.send_header("Content-Encoding", "gzip")
        self.send_header("Vary", "Accept-Encoding")
        kind = self.guess_type(path)
        charset = "; charset=utf-8" if kind.startswith("text/") else ""
        self.send_header("Content-Type", f"{kind}{charset}")
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Cache-Control", "max-age=600")
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *args: object) -> None:
        """Say nothing."""


class PagesServer(http.server.ThreadingHTTPServer):
    """Serves a folder on this machine."""

    def __init__(self, folder: Path, port: int = 0) -> None:
        super().__init__(
            ("127.0.0.1", port), functools.partial(PagesHandler, directory=str(folder))
        )

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: a browser that is closed drops its connections."""
