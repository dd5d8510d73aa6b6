"""The search finds an error where it is shown, and a name where it is used most."""

import html
import json
import re
from collections.abc import Sequence
from pathlib import Path

import pytest
from mini_site import MiniSite
from search_entries import errors_in, names_in

from firstlayers.error_index import ENTRIES, Entry

PAGE = """
{title}
==============

Here
----

.. code-block:: Python

{code}

.. rst-class:: sphx-glr-script-out

 .. code-block:: none

    {output}
"""


@pytest.fixture
def site(tmp_path: Path) -> MiniSite:
    site = MiniSite(tmp_path / "site", "search_entries")
    site.write("index.rst", "Site\n====\n\n.. toctree::\n\n   a\n   b\n")
    write(site, "a", 1, "RuntimeError: size mismatch; got 2 (2x3 and 4x5)")
    write(site, "b", 3, "no error")
    return site


def write(site: MiniSite, name: str, times: int, output: str) -> None:
    code = "   nn.Linear(1, 1)\n" * times
    site.write(f"{name}.rst", PAGE.format(title=f"Page {name}", code=code, output=output))


def entries(site: MiniSite) -> dict[str, list[tuple[str, str]]]:
    """Return what the search knows, as (page, anchor) for each entry."""
    status, output = site.build()
    assert status == 0, output
    text = (site.html / "searchindex.js").read_text("utf-8")
    index = json.loads(re.sub(r"^Search\.setIndex\((.*)\)$", r"\1", text, flags=re.DOTALL))
    names = index["docnames"]
    return {
        entry: [(names[page], anchor) for page, anchor, _ in places]
        for entry, places in index["indexentries"].items()
    }


def test_an_error_leads_to_the_section_that_shows_it(site: MiniSite) -> None:
    assert entries(site)["size mismatch, got 2"] == [("a", "here")]


def test_a_name_leads_to_the_page_that_uses_it_most(site: MiniSite) -> None:
    found = entries(site)
    assert found["nn.linear"] == found["linear"] == [("b", "")]


def test_a_page_that_is_gone_counts_no_more(site: MiniSite) -> None:
    entries(site)
    write(site, "a", 5, "no error")
    write(site, "b", 0, "no error")
    assert entries(site)["nn.linear"] == [("a", "")]


def test_messages_are_found_in_outputs() -> None:
    text = "a line\nRuntimeError: mat1 and mat2 (here) cannot\nKeyError: 'x'\nNo Error: but: text"
    assert errors_in(text) == ["mat1 and mat2 (here) cannot", "'x'"]


def test_a_name_leads_to_the_page_that_is_named_after_it(site: MiniSite) -> None:
    write(site, "01_linear", 1, "no error")
    site.write("index.rst", "Site\n====\n\n.. toctree::\n\n   a\n   b\n   01_linear\n")
    assert entries(site)["nn.linear"] == [("01_linear", "")]


def test_names_behind_a_dot_are_counted() -> None:
    counts = names_in("loss = F.cross_entropy(model(x), y)\nmodel(x).sum().item()\na = 1.5\n")
    assert counts == {"cross_entropy": 1, "F.cross_entropy": 1, "sum": 1, "item": 1}


def test_pages_show_no_trace(site: MiniSite) -> None:
    entries(site)
    assert "size mismatch, got 2" not in site.page("a")
    assert "size mismatch" not in site.page("genindex")


# Whole messages


@pytest.fixture
def clinic(site: MiniSite) -> MiniSite:
    """A site with a page of entries, and another page that shows one of their messages."""
    with (site.root / "conf.py").open("a", encoding="utf-8") as conf:
        conf.write("\nsearch_clinic = 'clinic'\n")
        conf.write("html_static_path = ['_static']\n")
    site.write("_static/search_messages.js", "")
    site.write("index.rst", "Site\n====\n\n.. toctree::\n\n   a\n   b\n   clinic\n")
    write(site, "a", 1, "RuntimeError: mm: mat1 and mat2 shapes cannot be multiplied (2x3 and 4x5)")
    write_clinic(site, ENTRIES)
    return site


def write_clinic(site: MiniSite, entries: Sequence[Entry]) -> None:
    """Write a page in which each entry shows its heading as a message, but for the last section."""
    output = ".. rst-class:: sphx-glr-script-out\n\n .. code-block:: none\n\n    RuntimeError: "
    sections = [
        f".. _{entry.label}:\n\n{entry.heading}\n{'-' * 80}\n\n{output}{entry.heading}\n"
        for entry in entries
    ]
    last = f"Other things\n------------\n\n{output}something else\n"
    site.write("clinic.rst", "\n".join(["Clinic\n======\n", *sections, last]))


def test_the_search_page_gets_the_table_of_messages(clinic: MiniSite) -> None:
    entries(clinic)
    text = (clinic.html / "_static" / "error_messages.js").read_text("utf-8")
    table = json.loads(text.removeprefix("const errorMessages = ").rstrip(";\n"))
    assert table["page"] == "clinic"
    assert [entry["patterns"] for entry in table["entries"]] == [
        [entry.pattern, *entry.also] for entry in ENTRIES
    ]
    page = clinic.page("clinic")
    for entry in table["entries"]:
        assert f'<section id="{entry["anchor"]}">' in page
        assert entry["title"] in html.unescape(page)
    scripts = re.findall(r'<script src="_static/(\w+\.js)', clinic.page("search"))
    assert scripts.index("error_messages.js") < scripts.index("search_messages.js")
    assert scripts.index("search_messages.js") < scripts.index("searchtools.js")
    assert "error_messages" not in clinic.page("a")


def test_titles_are_as_the_search_knows_them(clinic: MiniSite) -> None:
    # It finds an entry by its title, in which quotation marks may have become round ones.
    entries(clinic)
    text = (clinic.html / "searchindex.js").read_text("utf-8")
    index = json.loads(re.sub(r"^Search\.setIndex\((.*)\)$", r"\1", text, flags=re.DOTALL))
    text = (clinic.html / "_static" / "error_messages.js").read_text("utf-8")
    table = json.loads(text.removeprefix("const errorMessages = ").rstrip(";\n"))
    page = index["docnames"].index("clinic")
    for entry in table["entries"]:
        assert [page, entry["anchor"]] in index["alltitles"][entry["title"]]


def test_an_entry_is_found_by_its_heading_and_other_pages_by_what_they_show(
    clinic: MiniSite,
) -> None:
    found = entries(clinic)
    assert found["mm: mat1 and mat2 shapes cannot be multiplied"] == [("a", "here")]
    assert "mat1 and mat2 shapes cannot be multiplied" not in found
    assert found["something else"] == [("clinic", "other-things")]


def test_an_entry_that_the_page_lacks_stops_the_build(clinic: MiniSite) -> None:
    write_clinic(clinic, ENTRIES[1:])
    status, output = clinic.build()
    assert status != 0
    assert f"clinic: there is no section with the label {ENTRIES[0].label}" in output


def test_a_site_without_the_page_has_no_table(site: MiniSite) -> None:
    entries(site)
    assert "error_messages" not in site.page("search")
