"""What the project's own files promise each other."""

import importlib
import re
import tomllib
from pathlib import Path

import pytest

import firstlayers

ROOT = Path(__file__).parents[1]
LOCK = (ROOT / "requirements.lock").read_text(encoding="utf-8")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def locked_names() -> set[str]:
    return set(re.findall(r"^([a-z0-9][a-z0-9._-]*)==", LOCK, re.MULTILINE))


def test_lock_names_no_host() -> None:
    assert "://" not in LOCK
    assert not re.search(r"index-url|find-links", LOCK)


def test_every_locked_package_has_hashes() -> None:
    entries = re.findall(r"^\S+==.*(?:\n    --hash=.*)*", LOCK, re.MULTILINE)
    assert len(entries) > 50
    assert [entry for entry in entries if "--hash=sha256:" not in entry] == []


def test_lock_holds_what_the_package_and_its_groups_ask_for() -> None:
    groups = PROJECT["dependency-groups"].values()
    asked = [*PROJECT["project"]["dependencies"], *(name for group in groups for name in group)]
    names = {re.split(r"[^A-Za-z0-9._-]", name)[0] for name in asked if isinstance(name, str)}
    assert names <= locked_names()


def test_torch_2_13_0_is_never_installed() -> None:
    assert any("!=2.13.0" in name for name in PROJECT["project"]["dependencies"])
    assert "\ntorch==2.13.0 " not in LOCK


@pytest.mark.parametrize("file", ["CITATION.cff", "CHANGELOG.md", "pyproject.toml"])
def test_every_file_names_the_same_version(file: str) -> None:
    text = (ROOT / file).read_text(encoding="utf-8")
    found = re.search(r"^(?:version(?:: | = \")|## )(\d+\.\d+\.\d+)", text, re.MULTILINE)
    assert found is not None
    assert found[1] == firstlayers.__version__


@pytest.mark.parametrize("session", ["docs", "tests"])
def test_readme_has_one_command_that_does_all_its_set_up(session: str) -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    command = f'    python3 -m pip install "nox[uv]" && python3 -m nox -s {session}\n'
    assert readme.count(command) == 1


@pytest.mark.parametrize(
    "module",
    ["checkpoints", "data", "diagnosis", "distributed", "models", "plotting", "training"],
)
def test_every_public_name_is_in_the_api_reference(module: str) -> None:
    page = (ROOT / "docs" / "api" / f"{module}.rst").read_text(encoding="utf-8")
    documented = re.findall(
        r"^\.\. auto(?:class|data|exception|function):: (\w+)$", page, re.MULTILINE
    )
    public = importlib.import_module(f"firstlayers.{module}").__all__
    assert sorted(documented) == sorted(public)


def test_every_public_name_of_the_exercises_is_in_the_api_reference() -> None:
    page = (ROOT / "docs" / "api" / "exercises.rst").read_text(encoding="utf-8")
    own, _, _ = page.partition("For contributors")
    documented = re.findall(r"^\.\. autofunction:: (\w+)$", own, re.MULTILINE)
    assert sorted(documented) == sorted(importlib.import_module("firstlayers.exercises").__all__)
