"""Chapters executed side by side, in as many processes as there are cores.

A chapter uses one thread, see :mod:`gallery_reset`, so on two cores two chapters take as long as one.
sphinx-gallery hands them to processes of joblib, one folder of chapters after the other. Each process
takes seconds to start, because it imports PyTorch. So there are no more of them than chapters that
have to be executed, and none where that is a single one; and they start while Sphinx still prepares.
In each folder, the chapters that take longest are executed first. Otherwise one of them may be left
to the end, when the other cores have nothing more to do.
"""

from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

from gallery_stamp import galleries
from joblib import Parallel, cpu_count, delayed
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.util.typing import ExtensionMetadata
from sphinx_gallery import gen_rst
from sphinx_gallery.gen_rst import _split_parallel, executable_script
from sphinx_gallery.utils import get_md5sum

_ready: WeakKeyDictionary[Sphinx, Iterator[None]] = WeakKeyDictionary()


def to_execute(app: Sphinx) -> list[str]:
    """List the chapters that changed since they were executed, or never were."""
    conf = app.config.sphinx_gallery_conf
    if not conf["plot_gallery"]:
        return []
    found = []
    for chapters, pages in galleries(app):
        for path in sorted(chapters.rglob("*.py")):
            check_sum = pages / f"{path.relative_to(chapters)}.md5"
            if executable_script(str(path), conf) and not (
                check_sum.is_file() and check_sum.read_text() == get_md5sum(path, mode="t")
            ):
                found.append(str(path))
    return found


def jobs(app: Sphinx) -> int:
    """Return how many processes are worth it."""
    cores: int = app.config.gallery_jobs or cpu_count()
    return min(cores, len(to_execute(app)))


def begin(app: Sphinx, config: Config) -> None:
    """Start the processes, and have them import what chapters do while this one goes on."""
    if config.plot_gallery in (True, "True", "1") and (count := jobs(app)) > 1:
        # joblib keeps them: sphinx-gallery will be given the same ones.
        each = Parallel(count, backend="loky", return_as="generator_unordered")
        _ready[app] = each(delayed(_import)(config.gallery_imports) for _ in range(count))


def _import(names: list[str]) -> None:
    for name in names:
        import_module(name)


def choose(app: Sphinx) -> None:
    """Tell sphinx-gallery how many processes to use, once they are ready."""
    for _ in _ready.pop(app, ()):
        pass
    count = jobs(app)
    app.config.sphinx_gallery_conf["parallel"] = count if count > 1 else False


def in_order(app: Sphinx) -> None:
    """Have the chapters of `gallery_first` executed first, so that none is left alone in the end."""
    first = {name: place for place, name in enumerate(app.config.gallery_first)}

    def split(names: list[str], folder: str, conf: dict[str, Any]) -> tuple[list[str], list[str]]:
        alone, side_by_side = _split_parallel(names, folder, conf)
        return alone, sorted(
            side_by_side,
            key=lambda name: first.get(f"{Path(folder).name}/{Path(name).stem}", len(first)),
        )

    # What it asks for the chapters that must not run side by side. Pages keep their order.
    gen_rst._split_parallel = split


def setup(app: Sphinx) -> ExtensionMetadata:
    """Register the values, and all of this before chapters run (at 500, behind ``builder-inited``).

    ``gallery_jobs`` is how many processes, 0 for as many as cores. ``gallery_imports`` lists modules
    that chapters import, ``gallery_first`` the chapters that take longest, as ``"folder/name"``.
    """
    app.add_config_value("gallery_jobs", 0, "", types=frozenset({int}))
    app.add_config_value("gallery_imports", [], "", types=frozenset({list, tuple}))
    app.add_config_value("gallery_first", [], "", types=frozenset({list, tuple}))
    app.connect(
        "config-inited", begin, priority=600
    )  # the names of other projects take seconds, at 700
    app.connect("builder-inited", choose, priority=200)
    app.connect("builder-inited", in_order, priority=200)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
