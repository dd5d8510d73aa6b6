"""Plain code: elements that change nothing are gone, and what is seen stays the same."""

from pathlib import Path

from bs4 import BeautifulSoup
from mini_site import MiniSite
from plain_code import plain_classes, unwrap

CSS = """
.light .highlight { background: #ffffff; color: #080808 }
.light .highlight .n { color: #080808 } /* Name */
.light .highlight .p { color: #080808 } /* Punctuation */
.light .highlight .k { color: #6730C5 } /* Keyword */
.light .highlight .gs { font-weight: bold } /* Strong */
.light .highlight .b { color: #080808; font-weight: bold }
.dark .highlight { background: #000000; color: #f8f8f2 }
.dark .highlight .n { color: #f8f8f2 } /* Name */
.dark .highlight .p { color: #ff0000 } /* Punctuation */
"""


def test_a_class_is_plain_if_each_style_gives_it_the_color_of_text() -> None:
    assert plain_classes(CSS) == {"n"}
    assert plain_classes("") == set()


def test_only_plain_elements_are_unwrapped() -> None:
    page = '<pre><a href="#"><span class="n">x</span></a> <span class="k">if</span></pre>'
    assert unwrap(page, {"n"}) == '<pre><a href="#">x</a> <span class="k">if</span></pre>'
    assert unwrap(page, set()) == page


def test_a_page_reads_the_same(tmp_path: Path) -> None:
    code = 'def f(x):\n    return {"a": x < 1, "b": [x, "<&>"]}  # why'
    pages = []
    for extension in ((), ("plain_code",)):
        site = MiniSite(tmp_path / str(len(extension)), *extension)
        site.write(
            "index.rst", "T\n=\n\n.. code-block:: python\n\n   " + code.replace("\n", "\n   ")
        )
        for _ in range(2):
            status, output = site.build("-Dpygments_style=a11y-high-contrast-light")
            assert status == 0, output
        pages.append(BeautifulSoup(site.page(), "html.parser").select_one("pre"))
    plain, lean = pages
    assert plain is not None
    assert lean is not None
    assert lean.get_text() == plain.get_text() == code + "\n"
    assert len(lean.select("span")) < 0.6 * len(plain.select("span"))
    assert lean.select_one(".k") is not None
