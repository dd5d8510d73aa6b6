"""A link on every page to a report about it, where the repository's address is configured.

It opens an issue with the form ``.github/ISSUE_TEMPLATE/page.yml``, in which the page is filled in.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from downloads import repository_of
from sphinx.application import Sphinx
from sphinx.util.typing import ExtensionMetadata

FORM = "page.yml"


def report_address(repository: str, page: str, title: str) -> str:
    """Return the address of a report's form.

    Parameters
    ----------
    repository : str
        The repository on GitHub, as ``owner/name``.
    page : str
        The page that the report is about.
    title : str
        What the page is called.

    Returns
    -------
    str
        The address, with the form's first field filled in.
    """
    fields = {"template": FORM, "title": f"{title}: ", "page": page}
    return f"https://github.com/{repository}/issues/new?{urlencode(fields)}"


def _add_link(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: object
) -> None:
    repository = repository_of(app.config.course_repository)
    if repository and doctree is not None:
        site = app.config.html_baseurl.rstrip("/")
        page = f"{site}/{pagename}.html" if site else pagename
        title = app.env.titles[pagename].astext()
        context["feedback_address"] = report_address(repository, page, title)


def setup(app: Sphinx) -> ExtensionMetadata:
    """Register what gives the address to the templates."""
    app.setup_extension("downloads")  # which knows the repository
    app.connect("html-page-context", _add_link)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
