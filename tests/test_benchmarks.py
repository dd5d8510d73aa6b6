"""The benchmarks run, measure all that they say, and say what is missing. Nothing here is timed."""

import gzip
import importlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from firstlayers.data import as_tensors, load_dataset, make_loader
from firstlayers.training import train_epoch

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


def run(name: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(BENCHMARKS / f"{name}.py"), *arguments]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=120, check=False,
        env=os.environ | environment,
    )  # fmt: skip


def test_data_compares_three_ways() -> None:
    done = run("data", "digits", "--repeat", "1")
    assert done.returncode == 0, done.stderr
    for way in ("image by image", "make_loader", "bare slices"):
        assert re.search(
            rf"^  {way} +\d+\.\d+ s a pass +[\d,]+ images a second$", done.stdout, re.MULTILINE
        )
    assert re.search(r"make_loader has \d+ times the throughput of image by image", done.stdout)
    assert re.search(r"make_loader takes \d+\.\d times as long as bare slices", done.stdout)


def test_data_says_how_to_get_what_is_missing(tmp_path: Path) -> None:
    done = run("data", FIRSTLAYERS_DATA=str(tmp_path))
    assert done.returncode == 1
    assert f"python -m firstlayers download mnist --root {tmp_path}" in done.stderr


def test_exercises_are_timed_one_by_one() -> None:
    done = run("exercises", "softmax", "--repeat", "1")
    assert done.returncode == 0, done.stderr
    for name in ("softmax", "median"):
        assert re.search(rf"^{name} +\d+ ms +\d+ ms +\d+ ms$", done.stdout, re.MULTILINE)
    assert re.search(r"a process of its own takes \d+\.\d times as long", done.stdout)


def test_exercises_say_which_there_are() -> None:
    done = run("exercises", "sofmax")
    assert done.returncode == 1
    assert "no exercise is called sofmax; there are" in done.stderr


def test_training_is_compared_with_the_source_and_the_floor(tmp_path: Path) -> None:
    done = run(
        "training",
        "digits",
        "--repeat",
        "1",
        "--no-compile",
        "--keep",
        str(tmp_path),
        OMP_NUM_THREADS="1",
    )
    assert done.returncode == 0, done.stderr
    for line in (
        r"the source: image by image +[\d.]+ +[\d,]+ +1.0$",
        r"ours: train_epoch +[\d.]+ +[\d,]+ +[\d.]+$",
        r"this network's formulas, without autograd +[\d.]+ +[\d,]+ +[\d.]+$",
        r"92\.5% ",
        r"512 +[\d.]+ +[\d.]+ +[\d.]+$",
        r"AdamW, fused +[\d.]+$",
    ):
        assert re.search(rf"^  {line}", done.stdout, re.MULTILINE), line
    found = json.loads((tmp_path / "training.json").read_text("utf-8"))
    assert len(found["tables"]) == 5
    for each in found["tables"]:
        assert all(len(row) == len(each["header"]) for row in each["rows"])
    for figure in found["figures"]:
        assert figure["alt"]
        assert (tmp_path / f"{figure['name']}.png").stat().st_size > 10_000
        assert (tmp_path / f"{figure['name']}_dark.png").stat().st_size > 10_000


def test_an_epoch_by_hand_gives_the_weights_of_train_epoch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    training = importlib.import_module("training")
    images, labels = as_tensors(load_dataset("digits")[0], mean=0.5, std=0.5)
    by_hand, usual = training.fresh(), training.fresh()
    start = by_hand.fc1.weight.clone()
    for _ in range(3):
        training.epoch_by_hand(by_hand, make_loader(images, labels, shuffle=True, seed=0), 0.01)
        optimizer = torch.optim.SGD(usual.parameters(), 0.01)
        train_epoch(usual, make_loader(images, labels, shuffle=True, seed=0), optimizer)
    assert not torch.allclose(by_hand.fc1.weight, start, atol=1e-3)
    for ours, theirs in zip(by_hand.parameters(), usual.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=0)


@pytest.mark.skipif(torch.accelerator.is_available(), reason="this machine has an accelerator")
def test_accelerator_says_that_there_is_none() -> None:
    done = run("accelerator")
    assert done.returncode == 1
    assert "no accelerator on this machine" in done.stderr


PAGE = """
<link rel="stylesheet" href="style.css?v=1"><script src="page.js"></script>
<picture><source srcset="curve-2x.webp 80w, curve.webp 40w"><img class="only-light"></picture>
<picture><source srcset="dark-2x.webp 80w"><img class="only-dark"></picture>
"""


def test_site_weighs_what_a_page_loads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    site = importlib.import_module("site_builds")
    (tmp_path / "index.html").write_text(PAGE)
    for name, size in {
        "style.css": 5000,
        "page.js": 3000,
        "curve-2x.webp": 700,
        "curve.webp": 300,
        "dark-2x.webp": 900,
    }.items():
        (tmp_path / name).write_bytes(b"x" * size)
    weight = site.weigh(tmp_path / "index.html")
    assert weight["figures"] == 700
    assert weight["html"] == len(gzip.compress(PAGE.encode()))
    assert 50 < weight["others"] < 200  # compressed
