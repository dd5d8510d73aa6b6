"""``python -m firstlayers``."""

import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from bad_server import serve, status
from idx_files import compress_all, write_dataset
from torchvision.datasets import MNIST

from firstlayers import models
from firstlayers.__main__ import main
from firstlayers.checkpoints import load_checkpoint, save_checkpoint
from firstlayers.data import load_dataset
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


# Training

QUICK = shlex.split("train --dataset digits --device cpu --model Network --epochs 3 --threads 1")


@pytest.fixture
def threads_put_back() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def weights(path: Path) -> dict[str, torch.Tensor]:
    model = models.Network()
    load_checkpoint(path, model)
    return model.state_dict()


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return all(torch.equal(value, other[name]) for name, value in one.items())


def python_examples(text: str) -> list[list[str]]:
    return [
        shlex.split(words)
        for words in re.findall(r"^ +python -m firstlayers (train.*)$", text, re.MULTILINE)
    ]


@pytest.fixture(scope="module")
def help_text() -> str:
    command = [sys.executable, "-m", "firstlayers", "train", "--help"]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout


@pytest.mark.usefixtures("threads_put_back")
def test_every_example_of_the_help_runs(
    help_text: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)  # the second one goes on with what the first has saved
    examples = python_examples(help_text)
    assert len(examples) == 4
    torch.set_num_threads(1)
    for example in examples:
        assert main(example) == 0
        captured = capsys.readouterr()
        assert re.search(r"^Test accuracy: \d\d\.\d\d% ± ", captured.out, re.MULTILINE), example
        assert captured.err == ""
    assert [path.name for path in tmp_path.iterdir()] == ["digits.pt"]


def test_help_fits_a_terminal(help_text: str) -> None:
    long = [line for line in help_text.splitlines() if len(line) > 80 and "python -m" not in line]
    assert long == []


@pytest.mark.usefixtures("threads_put_back")
def test_training_ends_with_a_table_and_a_file_that_is_used_as_it_says(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "new folder" / "run.pt"
    assert main([*QUICK, "--patience", "3", "--save", str(path)]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    lines = out.splitlines()
    assert lines[0] == ("digits: 1,154 images to learn from, 288 to validate on, 355 to test with")
    assert lines[1] == "Network: 109,386 parameters, on cpu"
    assert lines[3].split("  ") == [
        "epoch", "train loss", "valid loss", "valid accuracy", "learning rate"
    ]  # fmt: skip
    model = models.Network()
    history = load_checkpoint(path, model).history
    assert [line.split()[:5] for line in lines[4:7]] == [
        [str(epoch), f"{train:.4f}", f"{valid:.4f}", f"{accuracy:.2%}", f"{rate:.3g}"]
        for epoch, (train, valid, accuracy, rate) in enumerate(
            zip(
                history.train_loss,
                history.valid_loss,
                history.valid_accuracy,
                history.learning_rate,
                strict=True,
            ),
            start=1,
        )
    ]
    assert [line.endswith("  best, kept") for line in lines[4:7]] == [False, False, True]
    told, _, usage = out.partition("To use it:\n")
    assert f"Saved in {path}. " in told
    names: dict[str, torch.nn.Module] = {}
    exec("\n".join(line.strip() for line in usage.splitlines()), names)
    _, test_set = load_dataset("digits")
    with torch.inference_mode():
        right = names["model"](test_set.data.float() / 255).argmax(1) == test_set.targets
    accuracy = right.double().mean().item()
    error = (accuracy * (1 - accuracy) / 355) ** 0.5
    assert f"Test accuracy: {accuracy:.2%} ± {error:.2%} (one standard error, 355 images)" in told


@pytest.mark.usefixtures("threads_put_back")
def test_same_seed_gives_the_same_weights_and_another_one_others(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, more in {
        "a": ["--deterministic"],
        "b": ["--deterministic"],
        "c": ["--deterministic", "--seed", "1"],
    }.items():
        assert main([*QUICK, *more, "--save", str(tmp_path / name)]) == 0
    assert same(weights(tmp_path / "a"), weights(tmp_path / "b"))
    assert not same(weights(tmp_path / "a"), weights(tmp_path / "c"))
    assert not torch.are_deterministic_algorithms_enabled()


@pytest.mark.parametrize("more", [["--patience", "0"], ["--resume"], ["--model", "Big"],
    ["--learning-rate", "-1"], ["--clip-norm", "nan"], ["--seed", "x"], ["--batch-size", "1.5"]])  # fmt: skip
def test_wrong_options_of_train_are_explained(
    more: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["train", *more])
    assert caught.value.code == 2
    usage, _, message = capsys.readouterr().err.partition("python -m firstlayers train: error: ")
    assert usage.startswith("usage: python -m firstlayers train")
    assert more[0] in message


@pytest.mark.usefixtures("threads_put_back")
def test_what_cannot_be_done_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main([*QUICK, "--save", "run.pt"]) == 0
    before = Path("run.pt").read_bytes()
    save_checkpoint("other.pt", models.Network())
    Path("damaged.pt").write_bytes(before[:-100])
    Path("file").touch()
    capsys.readouterr()
    for more, message in {
        "--save run.pt": "run.pt is there already: add --resume to go on with it, or choose",
        "--save run.pt --resume --seed 1 --batch-size 9": "run.pt holds another run (batch size "
        "256 in the file, 9 now; seed 0 in the file, 1 now): give the same options, or another file.",
        "--save other.pt --resume": "other.pt was not saved by this command",
        "--save damaged.pt --resume": "damaged.pt is damaged",
        "--save .": ". is a folder: give --save the name of a file.",
        "--save file/run.pt": "file: File exists.",
        "--device warp": "There is no device 'warp' on this machine, only cpu",
        "--device meta": "There is no device 'meta' on this machine, only cpu",
        "--dataset mnist --data-root .": "mnist is not in",
        "--learning-rate 1e9 --optimizer sgd": "The loss is no longer a number: take a smaller",
    }.items():
        assert main([*QUICK, *more.split()]) == 1, more
        err = capsys.readouterr().err
        assert message in err
        assert "Traceback" not in err
    assert Path("run.pt").read_bytes() == before


@pytest.mark.usefixtures("threads_put_back")
def test_ctrl_c_leaves_the_last_checkpoint_and_says_how_to_go_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "run.pt"
    words = [*QUICK, "--epochs", "40", "--save", str(path)]
    run = subprocess.Popen(
        [sys.executable, "-m", "firstlayers", *words], stderr=subprocess.PIPE, text=True
    )
    deadline = time.monotonic() + 60
    while not path.exists() and run.poll() is None and time.monotonic() < deadline:
        time.sleep(0.02)
    run.send_signal(signal.SIGINT)
    _, err = run.communicate(timeout=60)
    assert run.returncode == 130
    assert err == (
        f"\nInterrupted. {path} has all epochs that were done. To go on, give the same command with "
        "--resume.\n"
    )
    assert main([*words, "--resume"]) == 0
    assert f"Going on with {path} after " in capsys.readouterr().out
    assert main([*words[:-1], str(tmp_path / "whole.pt")]) == 0
    assert same(weights(path), weights(tmp_path / "whole.pt"))
    assert sorted(file.name for file in tmp_path.iterdir()) == ["run.pt", "whole.pt"]


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
