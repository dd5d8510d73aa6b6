"""Callouts: known bold openings become boxes, everything else stays as it was."""

import re
from pathlib import Path

import pytest
from mini_site import MiniSite

CALLOUTS = {"Predict, then run": "predict", "Your turn": "exercise", "Why?": "why"}
PAGE = """
Site
====

**Predict, then run.** What shape has ``logits``?

- a list after it

**Your turn: two layers.** Write it.

**Your turn.** Without a name.

**Why?** Because.

**Bold** but not listed.

Not at the start: **Why?**
"""


@pytest.fixture
def site(tmp_path: Path) -> MiniSite:
    site = MiniSite(tmp_path / "site", "callouts", conf=f"callouts = {CALLOUTS!r}")
    site.write("index.rst", PAGE)
    return site


def test_known_phrases_become_boxes_around_their_paragraph_only(site: MiniSite) -> None:
    status, output = site.build()
    assert status == 0, output
    boxes = re.findall(r'<div class="[^"]*fl-callout fl-(\w+)[^"]*"', site.page())
    assert boxes == ["predict", "exercise", "exercise", "why"]
    box = re.search(r'<div class="[^"]*fl-predict.*?</div>', site.page(), re.DOTALL)
    assert box is not None
    assert "<strong>Predict, then run.</strong>" in box[0]
    assert "a list after it" not in box[0]


def test_named_exercise_has_an_anchor(site: MiniSite) -> None:
    site.build()
    assert re.findall(r'id="(exercise[^"]*)"', site.page()) == ["exercise-two-layers"]


def test_repeated_name_is_reported(site: MiniSite) -> None:
    site.write("index.rst", PAGE + "\n**Your turn: two layers.** Again.\n")
    status, output = site.build()
    assert status != 0
    assert 'Duplicate ID: "exercise-two-layers"' in output


def test_without_configuration_nothing_changes(tmp_path: Path) -> None:
    site = MiniSite(tmp_path / "site", "callouts")
    site.write("index.rst", PAGE)
    assert site.build()[0] == 0
    assert "fl-callout" not in site.page()
