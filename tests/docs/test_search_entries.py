"""The search finds an error where it is shown, and a name where it is used most."""

import json
import re
from pathlib import Path

import pytest
from mini_site import MiniSite
from search_entries import errors_in, names_in

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
