"""What the doctor says leads to a heading of a chapter."""

import re

import pytest
from chapters import TUTORIALS, Chapter
from docutils import nodes

from firstlayers.diagnosis import CHECKS


def anchors(chapter: Chapter) -> set[str]:
    """The anchors that docutils makes of a chapter's headings, and those that stand above them."""
    plain = (re.sub(r":\w+:`([^`<]*)[^`]*`|[`*]", r"\1", title) for title in chapter.sections)
    named = re.findall(r"^\.\. _([\w-]+):$", chapter.text, re.MULTILINE)
    return {nodes.make_id(title) for title in [*plain, *named]}


@pytest.mark.parametrize("link", sorted({check.see for check in CHECKS}))
def test_finding_leads_to_a_heading(link: str) -> None:
    page, _, anchor = link.partition("#")
    path = TUTORIALS / f"{page}.py"
    assert path.is_file()
    if anchor:
        assert anchor in anchors(Chapter.read(path))
