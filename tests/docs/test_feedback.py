"""The link to a report: it knows the page, and is there only where the repository is known."""

import re
from html import unescape
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import feedback
from mini_site import MiniSite

ROOT = Path(__file__).parents[2]
CONF = """
templates_path = ["_templates"]
course_repository = {repository!r}
html_baseurl = {site!r}
sphinx_gallery_conf = {{"gallery_dirs": "tutorials", "examples_dirs": "../tutorials"}}
"""


def built(folder: Path, repository: str, site: str = "") -> str:
    mini = MiniSite(folder / "site", conf=CONF.format(repository=repository, site=site))
    mini.write(
        "_templates/feedback-link.html",
        (ROOT / "docs/_templates/feedback-link.html").read_text("utf-8"),
    )
    layout = '{% extends "!layout.html" %}{% block footer %}{% include "feedback-link.html" %}{% endblock %}'
    mini.write("_templates/layout.html", layout)
    # Only the link: the extension `downloads` makes files that this site has no chapters for.
    mini.write(
        "link.py",
        "import feedback\n\ndef setup(app):\n    app.add_config_value('course_repository', '', 'html')\n    app.connect('html-page-context', feedback._add_link)\n",
    )
    conf = (mini.root / "conf.py").read_text("utf-8")
    mini.write(
        "conf.py",
        f"import sys\nsys.path.insert(0, {str(mini.root)!r})\n{conf}\nextensions = ['link']\n",
    )
    status, output = mini.build()
    assert status == 0, output
    return mini.page()


def test_the_link_opens_the_form_with_the_page_filled_in(tmp_path: Path) -> None:
    page = built(tmp_path, "https://github.com/owner/name", "https://owner.github.io/name/")
    (address,) = re.findall(r'<a href="(https://github[^"]*)"', page)
    parts = urlsplit(unescape(address))
    assert parts.path == "/owner/name/issues/new"
    fields = parse_qs(parts.query)
    assert fields["page"] == ["https://owner.github.io/name/index.html"]
    assert fields["title"] == ["Site: "]


def test_without_a_public_address_the_page_is_named(tmp_path: Path) -> None:
    address = unescape(
        re.findall(r'href="(https://github[^"]*)"', built(tmp_path, "owner/name"))[0]
    )
    assert parse_qs(urlsplit(address).query)["page"] == ["index"]


def test_without_a_repository_there_is_no_link(tmp_path: Path) -> None:
    page = built(tmp_path, "", "https://owner.github.io/name/")
    assert "issues/new" not in page
    assert "fl-feedback" not in page


def test_the_form_has_the_fields_that_are_asked_for() -> None:
    form = (ROOT / ".github" / "ISSUE_TEMPLATE" / feedback.FORM).read_text("utf-8")
    assert re.findall(r"^ +id: (\w+)$", form, re.MULTILINE) == ["page", "step", "expected", "seen"]
