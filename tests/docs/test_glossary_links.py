"""The first use of a term on a page leads to the glossary."""

import re
import sys
from pathlib import Path

import pytest
from mini_site import MiniSite

sys.path.insert(0, str(Path(__file__).parents[2] / "docs" / "_ext"))
from glossary_links import pattern_of

GLOSSARY = """
Glossary
========

.. glossary::

   batch
      Several examples. An epoch has many.

   epoch
      One pass.

   learning rate
      A number.

   rate
      Another number.

   class
      A kind of thing.

   probabilities
      Numbers.
"""
PAGE = """
A page about an epoch
=====================

**An epoch.** Before it, ``batch`` is code. See `batches <https://example.org/>`__.
Each *batch* counts, and two batches or a Batch do, too; so do subbatches.

* A Python class has a learning rate, and a rate.
* One of ten classes after two epochs.

.. code-block:: python

   epoch = 1

.. raw:: html

   <p class="raw">an epoch</p>
"""


@pytest.fixture
def site(tmp_path: Path) -> MiniSite:
    conf = "glossary_pages = 'chapters/'\nglossary_uses = {'class': '(?<=ten )classes'}"
    site = MiniSite(tmp_path / "site", "glossary_links", conf=conf)
    site.write("glossary.rst", GLOSSARY)
    site.write("chapters/one.rst", PAGE)
    site.write("elsewhere.rst", PAGE)
    toc = "Site\n====\n\n.. toctree::\n\n   glossary\n   chapters/one\n   elsewhere"
    site.write("index.rst", f"{toc}\n")
    status, said = site.build()
    assert status == 0, said
    return site


def links(page: str) -> list[tuple[str, str]]:
    return re.findall(r'<a class="fl-term[^"]*" href="([^"]*)">([^<]*)</a>', page)


def test_first_use_of_each_term_is_linked(site: MiniSite) -> None:
    assert links(site.page("chapters/one")) == [
        ("../glossary.html#term-batch", "batch"),
        ("../glossary.html#term-learning-rate", "learning rate"),
        ("../glossary.html#term-rate", "rate"),
        ("../glossary.html#term-class", "classes"),
        ("../glossary.html#term-epoch", "epochs"),
    ]


def test_text_is_what_it_was(site: MiniSite) -> None:
    plain = re.sub(r"<[^>]+>", "", site.page("chapters/one"))
    assert "Each batch counts, and two batches or a Batch do, too; so do subbatches." in plain
    assert "A Python class has a learning rate, and a rate." in plain


def test_heading_code_and_raw_html_are_left_alone(site: MiniSite) -> None:
    page = site.page("chapters/one")
    assert re.search(r"<h1>A page about an epoch<", page)
    assert '<p class="raw">an epoch</p>' in page
    assert "fl-term" not in page.partition("highlight-python")[2].partition("</div>")[0]


def test_other_pages_are_left_alone(site: MiniSite) -> None:
    assert links(site.page("elsewhere")) == []
    assert links(site.page("glossary")) == []


@pytest.mark.parametrize(
    ("term", "found", "not_found"),
    [
        ("batch", ["batch", "batches", "Batch", "Batches"], ["subbatch", "batched", "mini-batch"]),
        ("axis", ["axis", "axes"], ["axisymmetric"]),
        ("confusion matrix", ["confusion matrix", "Confusion matrices"], ["matrix"]),
        ("accuracy", ["accuracy", "accuracies"], ["inaccuracy"]),
        ("ReLU", ["ReLU", "ReLUs"], ["nn.ReLU", "LeakyReLU"]),
        ("loss", ["loss", "losses"], ["gloss", "lossless"]),
    ],
)
def test_plural_and_capital_are_found(term: str, found: list[str], not_found: list[str]) -> None:
    pattern = pattern_of(term, {})
    assert all(re.fullmatch(pattern, word) for word in found)
    assert not any(pattern.search(word) for word in not_found)
