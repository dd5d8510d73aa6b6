"""Readers of the built site: they download, and run what they got somewhere else.

These tests need a site that was built for an address on this machine, and an environment that has
PyTorch but not the course's package. The session ``nox -s notebooks`` makes both, and names them in
the environment variables ``FIRSTLAYERS_TEST_SITE``, ``FIRSTLAYERS_SITE_URL`` and
``FIRSTLAYERS_TEST_READER``.
"""

import functools
import http.server
import os
import subprocess
import sys
import threading
import zipfile
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import platformdirs
import pytest

sys.path.insert(0, str(Path(__file__).parent))

from served import ADDRESS, SITE, get

READER = Path(os.environ["FIRSTLAYERS_TEST_READER"]).absolute()

# A reader's Python: it may speak to this machine only, and without the site not even to that one's port.
GUARD = """
import sys

allowed = {allowed!r}

def only_this_machine(event, arguments):
    if event in ("socket.connect", "socket.sendto") and isinstance(arguments[1], tuple):
        host, port = arguments[1][:2]
        if host not in ("127.0.0.1", "::1", "localhost") or (port == {port} and not allowed):
            raise OSError(f"no network here: {{host}} port {{port}}")
    if event == "socket.getaddrinfo" and arguments[0] not in ("127.0.0.1", "::1", "localhost", None):
        raise OSError(f"no network here: {{arguments[0]}}")

sys.addaudithook(only_this_machine)
"""


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Serves files without a word."""

    def log_message(self, *args: object) -> None:
        """Say nothing."""


def pytest_configure(config: pytest.Config) -> None:
    """Serve the site, once for all processes that run tests."""
    if hasattr(config, "workerinput"):
        return
    handler = functools.partial(Quiet, directory=str(SITE))
    port = urlsplit(ADDRESS).port
    server = http.server.ThreadingHTTPServer(("127.0.0.1", port or 80), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    config.add_cleanup(server.server_close)
    config.add_cleanup(server.shutdown)  # the last one goes first


@pytest.fixture
def python(tmp_path: Path) -> Callable[..., Path]:
    """Make a fresh environment that has all of the reader's packages, and return its interpreter.

    Whatever is installed in it stays in it.
    """

    def make(*, site: bool) -> Path:
        folder = tmp_path / "environment"
        subprocess.run(
            [READER / "bin" / "python", "-m", "venv", "--without-pip", folder], check=True
        )
        (theirs,) = READER.glob("lib/python*/site-packages")
        (ours,) = folder.glob("lib/python*/site-packages")
        (ours / "reader.pth").write_text(f"{theirs}\n", encoding="utf-8")
        guard = GUARD.format(allowed=site, port=urlsplit(ADDRESS).port)
        (ours / "sitecustomize.py").write_text(guard, encoding="utf-8")
        return folder / "bin" / "python"

    return make


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """Environment variables of a reader: nothing of ours, one thread.

    One chapter shows which data sets are at hand: the reader has those of whoever built the site.
    """
    home = tmp_path / "home"
    home.mkdir()
    data = os.environ.get("FIRSTLAYERS_DATA") or platformdirs.user_cache_path("firstlayers")
    kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
    return {
        **kept,
        "FIRSTLAYERS_DATA": str(data),
        "HOME": str(home),
        "OMP_NUM_THREADS": "1",
        "PYTHONHASHSEED": "0",
        "XDG_CACHE_HOME": str(READER / "cache"),  # matplotlib looks for fonts only once
    }


@pytest.fixture(scope="session")
def box(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the course in a box, downloaded and unpacked."""
    folder = tmp_path_factory.mktemp("box")
    path = folder / "first-layers.zip"
    path.write_bytes(get("downloads/first-layers.zip"))
    with zipfile.ZipFile(path) as packed:
        packed.extractall(folder)
    return folder / "first-layers"
