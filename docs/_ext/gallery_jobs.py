"""Chapters executed side by side, in as many processes as there are cores.

A chapter uses one thread, see :mod:`gallery_reset`, so on two cores two chapters take as long as one.
sphinx-gallery itself would go from one folder of chapters to the next, and at the end of each, cores
would wait for its last chapter. So all chapters that have to be executed are so before it begins,
those that take longest first, and sphinx-gallery is given what came out.

PyTorch takes seconds to import. So a single process does that while Sphinx still prepares, and those
that execute chapters are forked from it, with all that is there by then. There are no more of them than
chapters that have to be executed, and none where that is a single one.
"""

import multiprocessing
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor, as_completed
from importlib import import_module
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

from gallery_stamp import galleries
from joblib import cpu_count
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.util.display import status_iterator
from sphinx.util.typing import ExtensionMetadata
from sphinx_gallery import gen_rst
from sphinx_gallery.gen_rst import executable_script, generate_file_rst
from sphinx_gallery.utils import get_md5sum

_ready: WeakKeyDictionary[Sphinx, Future[ProcessPoolExecutor]] = WeakKeyDictionary()


def to_execute(app: Sphinx) -> list[tuple[Path, Path]]:
    """List the chapters that changed since they were executed, or never were.

    Returns
    -------
    list of (pathlib.Path, pathlib.Path)
        Each chapter, and the folder of its page.
    """
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
                found.append((path, check_sum.parent))
    return found


def begin(app: Sphinx, config: Config) -> None:
    """Start the processes, with what chapters import, while this one goes on."""
    count = _how_many(app, to_execute(app))
    if config.plot_gallery in (True, "True", "1") and count:
        thread = ThreadPoolExecutor(1)
        _ready[app] = thread.submit(_start, app, count)
        thread.shutdown(wait=False)  # it still does what it was given


def _how_many(app: Sphinx, chapters: list[tuple[Path, Path]]) -> int:
    count = min(_most(app), len(chapters))
    return count if count > 1 else 0


def _most(app: Sphinx) -> int:
    jobs: int = app.config.gallery_jobs
    return min(jobs or cpu_count(), 61)  # Windows cannot wait for more


def _start(app: Sphinx, count: int) -> ProcessPoolExecutor:
    method = "forkserver"
    if method in multiprocessing.get_all_start_methods():
        multiprocessing.set_forkserver_preload(app.config.gallery_imports)
    else:
        method = "spawn"  # on Windows, where each of them imports for itself
    # A process is started where none is idle, up to this number.
    pool = ProcessPoolExecutor(_most(app), multiprocessing.get_context(method))
    for done in [pool.submit(_import, app.config.gallery_imports) for _ in range(count)]:
        done.result()  # what cannot be imported is an error only here
    return pool


def _import(names: list[str]) -> None:
    for name in names:
        import_module(name)


def execute(app: Sphinx) -> None:
    """Execute the chapters in the processes, and hand over what came out."""
    made = {}
    chapters = to_execute(app)
    if count := _how_many(
        app, chapters
    ):  # maybe now for the first time: the stamp was compared meanwhile
        ready = _ready.pop(app, None)
        pool = ready.result() if ready else _start(app, count)
        made = dict(
            status_iterator(
                _results(app, pool, chapters),
                "executing chapters... ",
                length=len(chapters),
                stringify_func=lambda result: f"{result[0].parent.name}/{result[0].stem}",
            )
        )

    def generate(name: str, target_dir: str, src_dir: str, conf: dict[str, Any]) -> Any:
        return made.pop(Path(src_dir, name).resolve(), None) or generate_file_rst(
            name, target_dir, src_dir, conf
        )

    gen_rst.generate_file_rst = generate


def _results(
    app: Sphinx, pool: ProcessPoolExecutor, chapters: list[tuple[Path, Path]]
) -> Iterator[tuple[Path, Any]]:
    first = {name: place for place, name in enumerate(app.config.gallery_first)}
    chapters = sorted(
        chapters, key=lambda c: first.get(f"{c[0].parent.name}/{c[0].stem}", len(first))
    )
    conf = app.config.sphinx_gallery_conf
    for _, pages in chapters:
        (pages / "images" / "thumb").mkdir(parents=True, exist_ok=True)
    waiting = [pool.submit(_execute, path, pages, conf) for path, pages in chapters]
    try:
        for done in as_completed(waiting):
            yield done.result()
    except BaseException:  # also where somebody interrupts the build
        for process in multiprocessing.active_children():
            process.terminate()  # or they would go on with what they were given last
        raise
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _execute(path: Path, pages: Path, conf: dict[str, Any]) -> tuple[Path, Any]:
    return path, generate_file_rst(path.name, str(pages), str(path.parent), conf)


def setup(app: Sphinx) -> ExtensionMetadata:
    """Register the values, and both steps.

    ``gallery_jobs`` is how many processes, 0 for as many as cores. ``gallery_imports`` lists modules
    that chapters import, ``gallery_first`` the chapters that take longest, as ``"folder/name"``.
    """
    app.add_config_value("gallery_jobs", 0, "", types=frozenset({int}))
    app.add_config_value("gallery_imports", [], "", types=frozenset({list, tuple}))
    app.add_config_value("gallery_first", [], "", types=frozenset({list, tuple}))
    # At 700, the names of other projects are read, which takes seconds.
    app.connect("config-inited", begin, priority=600)
    # sphinx-gallery begins at 500, the default.
    app.connect("builder-inited", execute, priority=490)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
