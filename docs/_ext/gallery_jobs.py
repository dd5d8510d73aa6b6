"""Chapters executed side by side, in as many processes as there are cores.

A chapter uses one thread, see :mod:`gallery_reset`, so on two cores two chapters take as long as one.
sphinx-gallery hands them to processes of joblib, one folder of chapters after the other. Each process
takes seconds to start, because it imports PyTorch. So there are no more of them than chapters that
have to be executed, and none where that is a single one.
"""

from gallery_stamp import galleries
from joblib import cpu_count
from sphinx.application import Sphinx
from sphinx.util.typing import ExtensionMetadata
from sphinx_gallery.gen_rst import executable_script
from sphinx_gallery.utils import get_md5sum


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


def choose(app: Sphinx) -> None:
    """Tell sphinx-gallery how many processes to use."""
    jobs = min(app.config.gallery_jobs or cpu_count(), len(to_execute(app)))
    app.config.sphinx_gallery_conf["parallel"] = jobs if jobs > 1 else False


def setup(app: Sphinx) -> ExtensionMetadata:
    """Register ``gallery_jobs``, 0 for all cores, and the choice, before chapters run (at 500)."""
    app.add_config_value("gallery_jobs", 0, "", types=frozenset({int}))
    app.connect("builder-inited", choose, priority=200)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
