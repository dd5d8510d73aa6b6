"""The policy of a page: it allows what the page does, by check sums, and nothing else."""

import base64
import hashlib
import re
from pathlib import Path

import pytest
from content_policy import policy_for, with_policy
from mini_site import MiniSite


def check_sum(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def directives(policy: str) -> dict[str, list[str]]:
    parts = [directive.split() for directive in policy.split("; ")]
    return {name: sources for name, *sources in parts}


@pytest.fixture
def site(tmp_path: Path) -> MiniSite:
    # The theme of this project: Sphinx's basic one has attributes named style.
    conf = "html_theme = 'pydata_sphinx_theme'\nhtml_use_index = False"
    return MiniSite(tmp_path / "site", "content_policy", conf=conf)


def test_scripts_and_styles_of_the_page_are_allowed_by_their_check_sums() -> None:
    page = (
        "<script>one()</script><script src='two.js'></script><style>p { color: red }</style>"
        "<script data-x='1'>\n  three('a &amp; b')\n</script><script>one()</script>"
    )
    found = directives(policy_for(page))
    three = "\n  three('a &amp; b')\n"  # no entities in a script
    assert found["script-src"] == ["'self'", check_sum("one()"), check_sum(three)]
    assert found["style-src"] == ["'self'", check_sum("p { color: red }")]


def test_nothing_is_unsafe_and_what_is_not_named_is_forbidden() -> None:
    policy = policy_for("<script>one()</script>")
    assert "unsafe" not in policy
    assert "http" not in policy
    assert directives(policy)["default-src"] == ["'none'"]


def test_every_page_has_the_policy_once_before_its_scripts(site: MiniSite) -> None:
    site.build()
    site.write("other.rst", ":orphan:\n\nOther\n=====\n")
    status, output = site.build()  # index is not written again
    assert status == 0, output
    for name in ("index", "other", "search"):
        page = site.page(name)
        assert page.count("Content-Security-Policy") == 1
        assert page.index("Content-Security-Policy") < page.index("<script")
        (policy,) = re.findall(r'Security-Policy" content="([^"]*)"', page)
        assert policy == policy_for(page)


def test_a_page_is_changed_only_once() -> None:
    page = '<head><meta charset="utf-8"><script>one()</script>'
    assert with_policy(with_policy(page)) == with_policy(page) != page
    assert with_policy("no page") == "no page"


def test_attribute_that_the_policy_forbids_fails_the_build(site: MiniSite) -> None:
    site.write(
        "index.rst", "Site\n====\n\n.. raw:: html\n\n   <p class=x style='color: red'>A</p>\n"
    )
    status, output = site.build()
    assert status != 0
    assert "index.html: <p class=x style='color: red'>" in output


def test_the_word_style_in_text_and_code_is_no_attribute(site: MiniSite) -> None:
    site.write(
        "index.rst", 'Site\n====\n\nA style="x" and ``<p style="x">``.\n\n::\n\n   <p style="y">\n'
    )
    status, output = site.build()
    assert status == 0, output


def test_it_can_be_left_out_for_a_server_that_adds_scripts(site: MiniSite) -> None:
    assert site.build("-D", "content_policy=0")[0] == 0
    assert "Content-Security-Policy" not in site.page()
