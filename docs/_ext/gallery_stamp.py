"""A stamp that tells when all chapters have to be executed again.

sphinx-gallery executes a chapter again only if that chapter's own file changed. What chapters print
also depends on the package, the configuration, the locked versions and the data set. This extension
keeps a stamp of those beside the generated gallery. If it differs, sphinx-gallery's check sums are
deleted, and so every chapter runs. What is left over from renamed or deleted chapters is deleted
too, see :mod:`gallery_leftovers`.
"""

import hashlib
import os
import platform
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import platformdirs
from gallery_leftovers import remove_leftovers
from sphinx.application import Sphinx
from sphinx.errors import ConfigError
from sphinx.util import logging

logger = logging.getLogger(__name__)


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the configuration value and the check."""
    # The empty string: a change of this value alone is no reason to read any page again.
    app.add_config_value("gallery_stamp_paths", [], "", types=frozenset({list, tuple}))
    # sphinx-gallery completes its configuration at priority 10 and generates at 500, the default.
    app.connect("builder-inited", prepare_gallery, priority=100)
    app.connect("build-finished", forget_failed_chapters)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def prepare_gallery(app: Sphinx) -> None:
    """Delete leftovers, and the check sums too if the stamp is not the one of the last build."""
    conf = app.config.sphinx_gallery_conf
    pairs = galleries(app)
    for chapters_dir, gallery_dir in pairs:
        if remove_leftovers(chapters_dir, gallery_dir) and conf["backreferences_dir"]:
            # They may link to a removed page; sphinx-gallery writes those still needed every time.
            for links in (Path(app.srcdir) / conf["backreferences_dir"]).glob("*.examples"):
                links.unlink()
    if not conf["plot_gallery"]:
        return  # Nothing will run, so the next build that runs chapters must still see the change.
    stamp = stamp_of(Path(app.confdir), app.config.gallery_stamp_paths)
    stamp_file = pairs[0][1] / ".stamp"
    if stamp_file.is_file() and stamp_file.read_text(encoding="utf-8") == stamp:
        return
    check_sums = [path for _, gallery_dir in pairs for path in gallery_dir.rglob("*.py.md5")]
    for path in check_sums:
        path.unlink()
    if check_sums:
        logger.info(
            "the package, the configuration or the data set changed: "
            "all chapters are executed again"
        )
    # Now, not at the end: an interrupted build goes on where it stopped.
    stamp_file.parent.mkdir(parents=True, exist_ok=True)
    stamp_file.write_text(stamp, encoding="utf-8")


def forget_failed_chapters(app: Sphinx, exception: Exception | None) -> None:
    """Delete the check sums of chapters that failed: the next build must run them."""
    failed = app.config.sphinx_gallery_conf["failing_examples"]
    for chapters_dir, gallery_dir in galleries(app):
        for chapter in map(Path, failed):
            if chapter.is_relative_to(chapters_dir):
                check_sum = gallery_dir / f"{chapter.relative_to(chapters_dir)}.md5"
                check_sum.unlink(missing_ok=True)


def stamp_of(confdir: Path, paths: list[str]) -> str:
    """Return a SHA-256 of all that can change a chapter's output, except the chapter itself.

    Parameters
    ----------
    confdir : pathlib.Path
        The folder that `paths` are relative to.
    paths : list of str
        Files, and folders with everything in them. ``__pycache__`` is skipped.

    Returns
    -------
    str
        64 hexadecimal digits.

    Raises
    ------
    sphinx.errors.ConfigError
        If one of `paths` does not exist.
    """
    dataset = os.environ.get("FIRSTLAYERS_DATASET") or "digits"
    lines = [f"{dataset}, Python {platform.python_version()}, torch {version('torch')}"]
    # One chapter shows every data set that is on this machine. (As firstlayers.download.data_folder,
    # whose import takes seconds that a build in which nothing changed need not spend.)
    folder = os.environ.get("FIRSTLAYERS_DATA") or platformdirs.user_cache_path("firstlayers")
    lines += [str(path.parent.name) for path in sorted(Path(folder).expanduser().glob("*/raw"))]
    for name in paths:
        if not (confdir / name).exists():
            raise ConfigError(f"gallery_stamp_paths: {name!r} does not exist in {confdir}")
        for file in _files(confdir / name):
            digest = hashlib.sha256(file.read_bytes()).hexdigest()
            lines.append(f"{Path(os.path.relpath(file, confdir)).as_posix()} {digest}")
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _files(path: Path) -> Iterator[Path]:
    if path.is_file():
        yield path
    for file in sorted(path.rglob("*")):
        if file.is_file() and "__pycache__" not in file.parts:
            yield file


def galleries(app: Sphinx) -> list[tuple[Path, Path]]:
    """Pair each folder of chapters with the folder that its pages are generated in.

    Parameters
    ----------
    app : sphinx.application.Sphinx
        The application, with sphinx-gallery among its extensions.

    Returns
    -------
    list of (pathlib.Path, pathlib.Path)
        Absolute, without "..", since sphinx-gallery names failed chapters without it.
    """
    conf = app.config.sphinx_gallery_conf
    columns = [conf["examples_dirs"], conf["gallery_dirs"]]
    columns = [column if isinstance(column, list) else [column] for column in columns]
    rows = zip(*columns, strict=False)
    return [((app.srcdir / a).resolve(), (app.srcdir / b).resolve()) for a, b in rows]
