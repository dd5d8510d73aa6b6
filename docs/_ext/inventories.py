"""Inventories: links from names in code and prose to the libraries' documentation, no request.

intersphinx reads lists of names (``objects.inv``) that it would otherwise download. This module
writes them into the build folder: PyTorch's from `pytorch_names`, and short ones for Python,
NumPy, matplotlib and scikit-learn. sphinx-gallery's links in code blocks use the same lists.
"""

from __future__ import annotations

import builtins
import hashlib
import pkgutil
import platform
import re
import zlib
from collections.abc import Iterable, Iterator
from importlib.metadata import version
from inspect import isclass
from pathlib import Path
from typing import NamedTuple

from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.util.typing import ExtensionMetadata

SITES = {
    "torch": "https://docs.pytorch.org/docs/stable/",
    "torchvision": "https://docs.pytorch.org/vision/stable/",
    "python": "https://docs.python.org/3/",
    "numpy": "https://numpy.org/doc/stable/",
    "matplotlib": "https://matplotlib.org/stable/",
    "sklearn": "https://scikit-learn.org/stable/",
}
DISTRIBUTIONS = ("torch", "torchvision", "numpy", "matplotlib", "scikit-learn")

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
    os.replace pathlib.Path time.perf_counter typing.Any
"""
_NUMPY = ("numpy.array", "numpy.asarray", "numpy.ndarray")
_SCIKIT_LEARN = ("sklearn.datasets.load_digits", "sklearn.metrics.confusion_matrix")
_MATPLOTLIB = (
    "matplotlib.pyplot",
    "matplotlib.axes.Axes",
    "matplotlib.figure.Figure",
    "matplotlib.figure.SubFigure",
)


class Entry(NamedTuple):
    """One line of an inventory: a name, its role in the py domain, and its address."""

    name: str
    role: str
    address: str


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


def libraries(words: set[str]) -> dict[str, list[Entry]]:
    """List the names to link to, for each library of `SITES`.

    Parameters
    ----------
    words : set of str
        The words of the project's sources: of the large libraries only names that end in one of
        them are listed.

    Returns
    -------
    dict of str to list of Entry
        Addresses are relative to the library's site.
    """
    from pytorch_names import torch_names, torchvision_names  # takes seconds, see _provide

    return {
        "torch": torch_names(words),
        "torchvision": torchvision_names(words),
        "python": list(_python_names()),
        "numpy": [_entry(name, f"reference/generated/{name}") for name in _NUMPY],
        "matplotlib": list(_matplotlib_names(words)),
        "sklearn": [_entry(name, f"modules/generated/{name}") for name in _SCIKIT_LEARN],
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


def _state(words: set[str]) -> str:
    """Return a checksum of all that the inventories are made from."""
    code = [Path(__file__).with_name(f"{name}.py") for name in ("inventories", "pytorch_names")]
    versions = [platform.python_version(), *map(version, DISTRIBUTIONS)]
    parts = [*sorted(words), *versions, *(path.read_text(encoding="utf-8") for path in code)]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _provide(app: Sphinx, config: Config) -> None:
    folder = app.doctreedir / "inventories"
    words = words_in(config.inventory_sources, app.confdir)
    # Importing PyTorch takes longer than all the rest of a build in which nothing changed.
    state_file, state = folder / "state", _state(words)
    if not state_file.exists() or state_file.read_text(encoding="utf-8") != state:
        folder.mkdir(parents=True, exist_ok=True)
        for project, entries in libraries(words).items():
            (folder / f"{project}.inv").write_bytes(inventory(project, entries))
        state_file.write_text(state, encoding="utf-8")
    for project, site in SITES.items():
        config.intersphinx_mapping[project] = (site, str(folder / f"{project}.inv"))


def setup(app: Sphinx) -> ExtensionMetadata:
    """Write the inventories before intersphinx (which is loaded here) checks its configuration."""
    app.setup_extension("sphinx.ext.intersphinx")
    app.add_config_value("inventory_sources", (), "", types=frozenset({list, tuple}))
    app.connect("config-inited", _provide, priority=700)  # intersphinx: 800
    return {"parallel_read_safe": True, "parallel_write_safe": True}
