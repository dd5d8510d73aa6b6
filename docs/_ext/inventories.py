"""Inventories: links from names in code and prose to the libraries' documentation, no request.

intersphinx reads lists of names (``objects.inv``) that it would otherwise download. This module
writes them into the build folder: PyTorch's from `pytorch_names`, and short ones for Python,
NumPy, matplotlib and scikit-learn. sphinx-gallery's links in code blocks use the same lists.
"""

from __future__ import annotations

import builtins
import pkgutil
import re
import zlib
from collections.abc import Iterable, Iterator
from inspect import isclass
from pathlib import Path

from pytorch_names import TORCH, TORCHVISION, Entry, torch_names, torchvision_names
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.util.typing import ExtensionMetadata

# Python's names by the page of its library reference.
_BUILTINS = {
    "constants": "None True False",
    "exceptions": "AssertionError AttributeError Exception FileNotFoundError IndexError KeyError "
    "NotImplementedError OSError RuntimeError StopIteration TypeError UserWarning ValueError",
    "functions": "bool enumerate float int isinstance iter len max min next object print repr "
    "super zip",
    "stdtypes": "bytes dict list range set str tuple",
}
_STANDARD_LIBRARY = """
    collections.Counter collections.OrderedDict collections.abc.Callable collections.abc.Iterable
    collections.abc.Iterator collections.abc.Mapping collections.abc.Sequence copy.deepcopy
    dataclasses.dataclass functools.partial math.exp math.log math.prod math.sqrt os.PathLike
    pathlib.Path time.perf_counter typing.Any
"""
_NUMPY = ("numpy.array", "numpy.asarray", "numpy.ndarray")
_SCIKIT_LEARN = ("sklearn.datasets.load_digits", "sklearn.metrics.confusion_matrix")
_MATPLOTLIB = (
    "matplotlib.pyplot",
    "matplotlib.axes.Axes",
    "matplotlib.figure.Figure",
    "matplotlib.figure.SubFigure",
)


def _entry(name: str, page: str) -> Entry:
    owner, member = map(pkgutil.resolve_name, (name.rpartition(".")[0], name))
    role = "class" if isclass(member) else "method" if isclass(owner) else "function"
    return Entry(name, role, f"{page}.html#{name}")


def _python_names() -> Iterator[Entry]:
    special = {"constants": "data", "exceptions": "exception"}
    for page, names in _BUILTINS.items():
        for name in names.split():
            role = "class" if isclass(getattr(builtins, name)) else "function"
            yield Entry(name, special.get(page, role), f"library/{page}.html#{name}")
    for name in _STANDARD_LIBRARY.split():
        yield _entry(name, f"library/{name.rpartition('.')[0]}")


def _matplotlib_names(words: set[str]) -> Iterator[Entry]:
    for namespace in _MATPLOTLIB:
        owner, module = pkgutil.resolve_name(namespace), namespace
        if isclass(owner):
            yield _entry(namespace, f"api/_as_gen/{namespace}")
            module = namespace.rpartition(".")[0]
        for name in sorted(words.intersection(dir(owner))):
            # Imported functions and inherited methods have no page under this name.
            member = getattr(owner, name)
            home = getattr(member, "__module__", None) or ""
            if home.startswith(module) and callable(member) and not isclass(member):
                yield _entry(f"{namespace}.{name}", f"api/_as_gen/{namespace}.{name}")


def libraries(words: set[str]) -> dict[str, tuple[str, list[Entry]]]:
    """List the names to link to, for each library.

    Parameters
    ----------
    words : set of str
        The words of the project's sources: of the large libraries only names that end in one of
        them are listed.

    Returns
    -------
    dict of str to (str, list of Entry)
        The address of each library's documentation, and its names.
    """
    return {
        "torch": (TORCH, torch_names(words)),
        "torchvision": (TORCHVISION, torchvision_names(words)),
        "python": ("https://docs.python.org/3/", list(_python_names())),
        "numpy": (
            "https://numpy.org/doc/stable/",
            [_entry(name, f"reference/generated/{name}") for name in _NUMPY],
        ),
        "matplotlib": ("https://matplotlib.org/stable/", list(_matplotlib_names(words))),
        "sklearn": (
            "https://scikit-learn.org/stable/",
            [_entry(name, f"modules/generated/{name}") for name in _SCIKIT_LEARN],
        ),
    }


def inventory(project: str, entries: Iterable[Entry]) -> bytes:
    """Write entries in Sphinx's inventory format, version 2."""
    lines = "".join(f"{name} py:{role} 1 {address} -\n" for name, role, address in entries)
    head = f"# Sphinx inventory version 2\n# Project: {project}\n# Version: stable\n"
    head += "# The remainder of this file is compressed using zlib.\n"
    return head.encode() + zlib.compress(lines.encode(), 9)


def words_in(sources: Iterable[str], folder: Path) -> set[str]:
    """Collect the words of the files that match glob patterns relative to a folder."""
    words: set[str] = set()
    for pattern in sources:
        for path in folder.glob(pattern):
            words.update(re.findall(r"[A-Za-z_]\w*", path.read_text(encoding="utf-8")))
    return words


def _provide(app: Sphinx, config: Config) -> None:
    for project, (site, entries) in libraries(
        words_in(config.inventory_sources, app.confdir)
    ).items():
        path = app.doctreedir / "inventories" / f"{project}.inv"
        content = inventory(project, entries)
        if not path.exists() or path.read_bytes() != content:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        config.intersphinx_mapping[project] = (site, str(path))


def setup(app: Sphinx) -> ExtensionMetadata:
    """Write the inventories before intersphinx (which is loaded here) checks its configuration."""
    app.setup_extension("sphinx.ext.intersphinx")
    app.add_config_value("inventory_sources", (), "", types=frozenset({list, tuple}))
    app.connect("config-inited", _provide, priority=700)  # intersphinx: 800
    return {"parallel_read_safe": True, "parallel_write_safe": True}
