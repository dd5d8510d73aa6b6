"""What the page "Data" says is what the package does."""

import inspect
import re
import shlex
from pathlib import Path

import pytest

from firstlayers import download
from firstlayers.__main__ import main
from firstlayers.data import DATASETS, Digits

PAGE = (Path(__file__).parents[2] / "docs" / "data.rst").read_text(encoding="utf-8")
WORDS = {1: "once", 2: "twice", 3: "three times", 4: "four times"}


def test_waiting_times_and_tries_are_right() -> None:
    assert set(re.findall(r"(\d+) seconds", PAGE)) == {f"{download.TIMEOUT:g}"}
    assert f"is tried {WORDS[len(download.PAUSES)]}" in PAGE


def test_counts_are_right() -> None:
    for train, counts in (
        (True, ["1,442", "60,000", "60,000"]),
        (False, ["355", "10,000", "10,000"]),
    ):
        assert f"{len(Digits(train=train)):,}" == counts[0]
        part = "Training" if train else "Test"
        rows = r"\n".join(rf"     - {count}" for count in counts)
        assert re.search(rf"   \* - {part} images\n{rows}\n", PAGE)
    for name in DATASETS:
        assert f"``{name}``" in PAGE


def test_size_on_the_disk_is_right() -> None:
    size = sum(size for size, _ in download.MNIST_FILES.values())
    assert f"- {size / 1e6:.0f} MB\n" in PAGE


def test_files_and_folders_have_their_names() -> None:
    for file in (*download.FILES, download.SUMS, "MNIST", "FashionMNIST", "raw.damaged"):
        assert file in PAGE


def test_messages_in_the_table_are_those_of_the_package() -> None:
    table = PAGE.split("- What to do\n")[1].split("Faster than image by image")[0]
    told = re.findall(r"^   \* - (.*)$", table, re.MULTILINE)
    source = inspect.getsource(download)
    phrases = [phrase for line in told for phrase in re.split(r", or |: ", line)]
    assert len(told) == 7
    system = ("404 Not Found", "No space left on device", "Permission denied", "Read-only file")
    for phrase in phrases:
        words = re.sub(r"answered 403 Forbidden", "answered {error.code} {error.reason}", phrase)
        words = words.replace("more of the file after 15 seconds", "{waiting_for}")
        words = words.removesuffix(" …")
        assert words in source or phrase.startswith(system), phrase


@pytest.mark.parametrize("command", sorted(set(re.findall(r"\$ python -m firstlayers (.*)", PAGE))))
def test_commands_exist(command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(chosen: object) -> int:
        return 42

    monkeypatch.setattr("firstlayers.__main__._download", stop)
    monkeypatch.setattr("firstlayers.__main__._datasets", stop)
    assert main(shlex.split(command)) == 42
