"""Chapters executed side by side, in as many processes as there are cores.

A chapter uses one thread, see :mod:`gallery_reset`, so on two cores two chapters take as long as one.
sphinx-gallery itself would go from one folder of chapters to the next, and at the end of each, cores
would wait for its last chapter. So all chapters that have to be executed are so before it begins,
those that take longest first, and sphinx-gallery is given what came out.

A process takes seconds to start, because it imports PyTorch. So there are no more of them than chapters
that have to be executed, and none where that is a single one; and they start while Sphinx still
prepares.
"""

from concurrent.futures import Future, ThreadPoolExecutor
from importlib import import_module
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

from gallery_stamp import galleries
from joblib import Parallel, cpu_count, delayed
from joblib.externals.loky import get_reusable_executor
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.util.display import status_iterator
from sphinx.util.typing import ExtensionMetadata
from sphinx_gallery import gen_rst
from sphinx_gallery.gen_rst import executable_script, generate_file_rst
from sphinx_gallery.utils import get_md5sum

_ready: WeakKeyDictionary[Sphinx, Future[Any]] = WeakKeyDictionary()


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
    """Start the processes, and have them import what chapters do while this one goes on."""
    count = min(config.gallery_jobs or cpu_count(), len(to_execute(app)))
    if config.plot_gallery in (True, "True", "1") and count > 1:
        # joblib keeps them for the next call.
        each = [delayed(_import)(config.gallery_imports)] * count
        pool = ThreadPoolExecutor(1)
        _ready[app] = pool.submit(Parallel(count, "loky"), each)
        pool.shutdown(wait=False)  # it still does what it was given


def _import(names: list[str]) -> None:
    for name in names:
        import_module(name)


def execute(app: Sphinx) -> None:
    """Execute the chapters in the processes, and hand over what came out."""
    if ready := _ready.pop(app, None):
        ready.result()
    conf = app.config.sphinx_gallery_conf
    first = {name: place for place, name in enumerate(app.config.gallery_first)}
    chapters = sorted(
        to_execute(app), key=lambda c: first.get(f"{c[0].parent.name}/{c[0].stem}", len(first))
    )
    count = min(app.config.gallery_jobs or cpu_count(), len(chapters))
    made = {}
    if count > 1:
        for _, pages in chapters:
            (pages / "images" / "thumb").mkdir(parents=True, exist_ok=True)
        each = Parallel(count, "loky", "generator_unordered", pre_dispatch="n_jobs", batch_size=1)
        results = each(delayed(_execute)(path, pages, conf) for path, pages in chapters)
        made = dict(
            status_iterator(
                results,
                "executing chapters... ",
                length=len(chapters),
                stringify_func=lambda result: f"{result[0].parent.name}/{result[0].stem}",
            )
        )
        # They have nothing more to do. To end takes seconds: while this process goes on, not at its end.
        get_reusable_executor(reuse=True).shutdown(wait=False)

    def generate(name: str, target_dir: str, src_dir: str, conf: dict[str, Any]) -> Any:
        return made.pop(Path(src_dir, name).resolve(), None) or generate_file_rst(
            name, target_dir, src_dir, conf
        )

    gen_rst.generate_file_rst = generate


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
