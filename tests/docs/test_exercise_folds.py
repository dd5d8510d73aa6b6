"""Under each exercise of a page stand its hints and the course's answer, folded."""

import json
import re
import sys
from pathlib import Path

import pytest
from mini_gallery import MiniGallery

from firstlayers.exercises.registry import exercises, find

sys.path.insert(0, str(Path(__file__).parents[2] / "docs" / "_ext"))
from exercise_folds import add_folds

STUB = """
from firstlayers.exercises import exercise


@exercise
def softmax(logits):
    \"\"\"(N, classes) logits -> (N, classes) probabilities.\"\"\"
    ...


# %%
# Recap
# -----
# That was all.

print("end")
"""


@pytest.fixture
def gallery(mini_gallery: MiniGallery) -> MiniGallery:
    section = mini_gallery.chapters / "2_digits"
    section.mkdir()
    (section / "GALLERY_HEADER.rst").write_text("Digits\n------\n", encoding="utf-8")
    mini_gallery.configure(("exercise_folds",))
    return mini_gallery


def page(gallery: MiniGallery, name: str, section: str = "2_digits") -> str:
    return (gallery.docs / "_build" / "course" / section / f"{name}.html").read_text(
        encoding="utf-8"
    )


def test_folds_stand_between_the_stub_s_output_and_the_next_text(gallery: MiniGallery) -> None:
    gallery.write("03_softmax", STUB, "2_digits")
    status, said = gallery.build()
    assert status == 0, said
    html = page(gallery, "03_softmax")
    places = [
        html.index(text)
        for text in ("not attempted yet", "fl-fold", "✔ softmax: right", "That was all")
    ]
    assert places == sorted(places)
    assert html.count('<details class="fl-fold"><summary>') == 4
    assert html.count("</details>") == 4
    exercise = find("softmax")
    for hint in exercise.hints:
        assert hint.split(":")[0][:40] in html
    # The answer is shown as code, and only inside a fold.
    assert "shifted" not in re.sub(r"<details.*?</details>", "", html, flags=re.DOTALL)


def test_verdict_may_come_from_the_process_that_executes_the_chapter(gallery: MiniGallery) -> None:
    gallery.configure(("exercise_folds",), image_scrapers=("exercise_folds.scraper",))
    gallery.write("03_softmax", STUB, "2_digits")
    status, said = gallery.build()
    assert status == 0, said
    kept = gallery.docs / "course" / "2_digits" / "03_softmax.verdicts.json"
    verdicts = json.loads(kept.read_text(encoding="utf-8"))
    assert verdicts["softmax"]["state"] == "right"
    assert verdicts["softmax"]["text"].partition("\n")[0] in page(gallery, "03_softmax")
    verdicts["softmax"] = {"state": "wrong", "text": "so it is"}
    kept.write_text(json.dumps(verdicts), encoding="utf-8")
    status, said = gallery.build("-E")
    assert status != 0
    assert "the course's answer is wrong: so it is" in said


def test_page_without_exercises_stays_as_it_is() -> None:
    text = "Title\n=====\n\n.. GENERATED FROM PYTHON SOURCE LINES 1-2\n\n.. code-block:: Python\n\n    x = 1\n"
    assert add_folds(text) == text


def test_last_cell_of_a_page_keeps_its_download_links_behind_the_folds() -> None:
    text = (
        ".. GENERATED FROM PYTHON SOURCE LINES 1-2\n\n.. code-block:: Python\n\n"
        "    @exercise\n    def softmax(logits):\n        ...\n\n\n.. _sphx_glr_download_x:\n\nrest\n"
    )
    assert ".. exercise-folds:: softmax\n\n.. _sphx_glr_download_x:" in add_folds(text)


@pytest.mark.parametrize(
    ("name", "stub", "complaint"),
    [
        ("03_softmax", STUB.replace("softmax", "sofmax"), "no exercise asks for sofmax"),
        ("04_other", STUB, "the exercise softmax belongs to 2_digits/03_softmax"),
    ],
)
def test_wrong_place_or_name_stops_the_build(
    gallery: MiniGallery, name: str, stub: str, complaint: str
) -> None:
    gallery.write(name, stub, "2_digits")
    status, said = gallery.build()
    assert status != 0
    assert complaint in said


def test_index_lists_every_exercise_with_its_link(gallery: MiniGallery) -> None:
    (gallery.docs / "exercises.rst").write_text(
        "Exercises\n=========\n\n.. exercise-index::\n   :folder: course\n", encoding="utf-8"
    )
    for chapter in {e.chapter for e in exercises()}:
        section, _, name = chapter.partition("/")
        if not (gallery.chapters / section).is_dir():
            (gallery.chapters / section).mkdir()
            (gallery.chapters / section / "GALLERY_HEADER.rst").write_text(
                "S\n-\n", encoding="utf-8"
            )
        gallery.write(name, "x = 1", section)
    index = gallery.docs / "index.rst"
    index.write_text(index.read_text(encoding="utf-8") + "   exercises\n", encoding="utf-8")
    gallery.build()
    html = (gallery.docs / "_build" / "exercises.html").read_text(encoding="utf-8")
    for exercise in exercises():
        anchor = f"exercise-{exercise.name.replace('_', '-')}"
        assert f'href="course/{exercise.chapter}.html#{anchor}"' in html
    assert "softmax(logits)" in html


def test_verdict_on_a_slip_can_be_shown(gallery: MiniGallery) -> None:
    index = gallery.docs / "index.rst"
    index.write_text(
        index.read_text(encoding="utf-8") + "\n.. exercise-verdict:: softmax overflow\n",
        encoding="utf-8",
    )
    gallery.build()
    assert "✘ softmax: overflow." in (gallery.docs / "_build" / "index.html").read_text(
        encoding="utf-8"
    )
    index.write_text("Site\n====\n\n.. exercise-verdict:: softmax no such slip\n", encoding="utf-8")
    status, said = gallery.build()
    assert status != 0
    assert "with the slip 'no such slip'" in said
