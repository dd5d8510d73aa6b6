"""Zip files without the time of the build, so that the same chapters give the same files.

sphinx-gallery packs each chapter's script and notebook into a zip file, with the time at which
they were written. This extension packs them again before they are copied into the site.
"""

import zipfile
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx

EARLIEST = (1980, 1, 1, 0, 0, 0)  # the first moment that the format knows


def setup(app: Sphinx) -> dict[str, Any]:
    """Run after sphinx-gallery has generated, at the default priority of 500."""
    app.connect("builder-inited", repack_all, priority=600)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def repack_all(app: Sphinx) -> None:
    """Repack every zip file below the gallery's folders."""
    folders = app.config.sphinx_gallery_conf["gallery_dirs"]
    for folder in [folders] if isinstance(folders, str) else folders:
        for path in (app.srcdir / folder).rglob("*.zip"):
            repack(path)


def repack(path: Path) -> None:
    """Write a zip file again with the same contents, sorted by name and without times.

    Parameters
    ----------
    path : pathlib.Path
        The zip file. It stays untouched if it has no times already.
    """
    with zipfile.ZipFile(path) as packed:
        if all(info.date_time == EARLIEST for info in packed.infolist()):
            return
        contents = {name: packed.read(name) for name in sorted(packed.namelist())}
    with zipfile.ZipFile(path, "w") as packed:
        for name, content in contents.items():
            info = zipfile.ZipInfo(name, EARLIEST)
            info.external_attr = 0o644 << 16  # readable by all once unpacked
            packed.writestr(info, content, zipfile.ZIP_DEFLATED)
