"""Readers of the built site, in a real browser.

The session ``nox -s browser`` builds the site for an address on this machine, installs the programs,
finds a Chromium, and names all of them in the environment variables that :mod:`built` reads.
"""

import shutil
import sys
import threading
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

sys.path.insert(0, str(Path(__file__).parent))

import found
from built import ADDRESS, CHROMIUM, SITE
from pages_server import PagesServer
from visit import FLAGS, Visit


def pytest_configure(config: pytest.Config) -> None:
    """Serve the site, once for all processes that run tests."""
    if hasattr(config, "workerinput"):
        return
    server = PagesServer(SITE, urlsplit(ADDRESS).port or 80)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    config.add_cleanup(server.server_close)
    config.add_cleanup(server.shutdown)  # the last one goes first


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Show what was found, and keep it in a file that can be cited."""
    text = found.table()
    path = found.FOLDER.parent / "found.md"
    path.write_text(f"{text}\n", encoding="utf-8")
    terminalreporter.section("what was found")
    terminalreporter.write_line(text)
    terminalreporter.write_line(f"(also in {path})")


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """Start the browser, once for all tests of a process."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def visit(chromium: Browser) -> Iterator[Callable[..., Visit]]:
    """Open pages of the site as a reader who was never there; see :class:`visit.Visit`."""
    visits = []

    def open_page(page: str, **options: object) -> Visit:
        visits.append(Visit(chromium, page, **options))
        return visits[-1]

    yield open_page
    for each in visits:
        each.close()


@pytest.fixture
def open_page(visit: Callable[..., Visit]) -> Iterator[Callable[..., Page]]:
    """Open pages, and see at the end that none complained or asked another host."""
    visits = []

    def open_page(page: str, **options: object) -> Page:
        visits.append(visit(page, **options))
        return visits[-1].page

    yield open_page
    for each in visits:
        assert each.complaints == []
        assert each.foreign == []


@pytest.fixture(scope="session")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return the address of a copy of the site that was packed and unpacked elsewhere."""
    folder = tmp_path_factory.mktemp("a reader's folder")
    packed = shutil.make_archive(str(folder / "site"), "zip", SITE)
    with zipfile.ZipFile(packed) as archive:
        archive.extractall(folder / "site")
    return (folder / "site").as_uri() + "/"
