import ast
from importlib import import_module
from importlib.metadata import version
from pathlib import Path

import pytest

import firstlayers

PACKAGE = Path(firstlayers.__file__).parent
MODULES = sorted(path.stem for path in PACKAGE.glob("[a-z]*.py"))


def imported_from_package(module: str) -> set[str]:
    tree = ast.parse((PACKAGE / f"{module}.py").read_text(encoding="utf-8"))
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
            names.add(str(node.module))
    return {name.split(".")[1] for name in names if name.startswith("firstlayers.")}


def test_version_is_that_of_the_installed_package() -> None:
    assert firstlayers.__version__ == version("firstlayers")


def test_package_says_that_it_is_typed() -> None:
    assert (PACKAGE / "py.typed").is_file()


@pytest.mark.parametrize("module", MODULES)
def test_public_names_exist_and_are_sorted(module: str) -> None:
    found = import_module(f"firstlayers.{module}")
    assert all(hasattr(found, name) for name in found.__all__)
    assert sorted(found.__all__) == list(found.__all__)


@pytest.mark.parametrize("module", MODULES)
def test_public_functions_and_classes_have_docstrings(module: str) -> None:
    found = import_module(f"firstlayers.{module}")
    public = [getattr(found, name) for name in found.__all__]
    assert all(thing.__doc__ for thing in public if callable(thing))


@pytest.mark.parametrize(
    ("module", "strangers"),
    [
        ("checkpoints", {"data", "download", "models", "plotting", "training"}),
        ("data", {"checkpoints", "models", "training", "plotting"}),
        ("diagnosis", {"checkpoints", "data", "download", "models", "plotting", "training"}),
        ("distributed", {"checkpoints", "data", "download", "models", "plotting", "training"}),
        ("download", {"data", "models", "training", "plotting"}),
        ("examination", {"checkpoints", "data", "diagnosis", "models", "plotting", "training"}),
        ("history", set(MODULES)),
        ("models", {"data", "download", "progress", "training", "plotting"}),
        ("plotting", {"data", "download", "models"}),
        ("random_states", set(MODULES)),
        ("progress", {"data", "download", "models", "training", "plotting"}),
        ("training", {"data", "download", "models", "plotting"}),
    ],
)
def test_arrows_between_modules_point_one_way(module: str, strangers: set[str]) -> None:
    assert not imported_from_package(module) & strangers
