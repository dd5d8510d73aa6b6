"""``python -m firstlayers``."""

import subprocess
import sys
from pathlib import Path

import pytest
from bad_server import serve, status
from idx_files import compress_all, write_dataset
from torchvision.datasets import MNIST

from firstlayers.__main__ import main
from firstlayers.exercises.registry import find


def test_download_brings_a_data_set_and_says_where(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    resources = compress_all(write_dataset(tmp_path / "original"), tmp_path / "served")
    monkeypatch.setattr(MNIST, "resources", resources)
    root = tmp_path / "my data"
    with serve(tmp_path / "served") as server:
        monkeypatch.setattr(MNIST, "mirrors", [server.address])
        assert main(["download", "mnist", "--root", str(root)]) == 0
    output = capsys.readouterr().out.splitlines()
    raw = root / "MNIST" / "raw"
    assert output == [
        f"mnist: 20 training and 10 test images, 0.0 MB, verified, in {raw}",
        f"So that the chapters find it, set FIRSTLAYERS_DATA='{root}'",
    ]
    # Where the chapters look anyway, no more need be said.
    monkeypatch.setenv("FIRSTLAYERS_DATA", str(root))
    assert main(["download", "mnist"]) == 0
    assert capsys.readouterr().out.splitlines() == output[:1]


def test_failed_download_says_what_to_do_and_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    compress_all(write_dataset(tmp_path / "original"), tmp_path / "served")
    with serve(tmp_path / "served") as server:
        server.misbehave = status(403)
        monkeypatch.setattr(MNIST, "mirrors", [server.address])
        assert main(["download", "mnist", "--root", str(tmp_path / "new")]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert f"{server.host} answered 403 Forbidden" in captured.err
    assert "Three ways on:" in captured.err


def test_datasets_lists_what_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    raw = write_dataset(tmp_path)
    size = sum(path.stat().st_size for path in raw.iterdir())
    assert main(["datasets", "--root", str(tmp_path)]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "digits         bundled with scikit-learn, needs no network",
        "mnist          complete, but nothing to verify it by",
        f"               {size / 1e6:.1f} MB in {raw}",
        "fashion-mnist  not there",
        f"               to bring it: python -m firstlayers download fashion-mnist --root {tmp_path}",
    ]
    (raw / "t10k-labels-idx1-ubyte").write_bytes(b"")
    monkeypatch.setenv("FIRSTLAYERS_DATA", str(tmp_path))
    assert main(["datasets"]) == 0
    assert "mnist          " + str(raw / "t10k-labels-idx1-ubyte") in capsys.readouterr().out


@pytest.mark.parametrize("arguments", [[], ["download"], ["download", "cifar"], ["fetch"]])
def test_wrong_use_is_explained(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    assert "usage: python -m firstlayers" in capsys.readouterr().err


def test_it_is_a_command() -> None:
    command = [sys.executable, "-m", "firstlayers", "datasets"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    assert done.stdout.startswith("digits ")


# What the checker sees


def test_probe_shows_what_is_seen_of_the_course_s_answer_and_of_every_slip(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["probe", "softmax"]) == 0
    out = capsys.readouterr().out
    course, *slips = out.split("\nSlip: ")
    assert course.splitlines()[0] == "5 images and 3 classes:"
    assert "≠" not in course
    assert "✔ softmax: right on " in course
    assert [text.partition("\n")[0] for text in slips] == [s.name for s in find("softmax").slips]
    for text in slips:
        name = text.partition("\n")[0]
        assert f"✘ softmax: {name}." in text
        assert "≠ result: " in text
        assert "expected: float32" in text


def test_probe_looks_at_an_answer_in_a_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "answer.py"
    file.write_text(
        "import torch\ndef softmax(logits):\n"
        "    torch.manual_seed(0)\n    print('a line')\n    return torch.zeros_like(logits)\n",
        encoding="utf-8",
    )
    assert main(["probe", "softmax", str(file)]) == 0
    out = capsys.readouterr().out
    assert "≠ result: float32 (5, 3) [0, 0, 0, 0, 0, 0, …]" in out
    assert "≠ gradient: None" in out
    assert "\nseeded: True\nprinted: 8\n" in out
    assert "✘ softmax: value." in out


def test_probe_says_what_is_missing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["probe", "sofmax"]) == 1
    assert capsys.readouterr().err.startswith("No exercise is called sofmax: softmax")
    empty = tmp_path / "empty.py"
    empty.touch()
    assert main(["probe", "softmax", str(empty)]) == 1
    assert "defines no softmax" in capsys.readouterr().err
