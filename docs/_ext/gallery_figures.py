"""The pictures of a chapter's figures, for light and for dark pages, with alt text.

List it as an extension, and :func:`scraper` in sphinx-gallery's configuration instead of its own::

    image_scrapers=("gallery_figures.scraper",)

A figure's alt text is its label, ``fig.get_label()``. A figure with a gid is also copied to
``images/<gid>.png`` and ``images/<gid>_dark.png``, names that other pages can rely on.
What changes on dark pages, and how to prevent it: see :mod:`dark_figures`.
"""

import os
import re
import shutil
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
from dark_figures import recolor_for_dark_page
from matplotlib.figure import Figure
from sphinx.application import Sphinx
from sphinx.util import logging
from sphinx.util.typing import ExtensionMetadata

logger = logging.getLogger(__name__)

# Left in the page of a figure that is not described. A warning would not do: it would be lost in a
# process that executes chapters, and not come again while the chapter stays as it is.
_UNDESCRIBED = ".. undescribed figure: "
CSS_DPI = 96  # CSS defines 1 in = 96 px.


def scraper(block: Any, block_vars: dict[str, Any], gallery_conf: dict[str, Any]) -> str:
    """Save all open figures and close them.

    Parameters
    ----------
    block : sphinx_gallery.py_source_parser.Block
        The cell that drew the figures.
    block_vars : dict
        ``"image_path_iterator"`` gives the paths to save to, ``"src_file"`` is the chapter.
    gallery_conf : dict
        sphinx-gallery's configuration; ``"src_dir"`` is the folder of Sphinx's sources.

    Returns
    -------
    str
        Two ``image`` directives a figure, in the order in which the figures were made.
    """
    rst = ""
    for number in plt.get_fignums():
        figure = plt.figure(number)
        light = Path(next(block_vars["image_path_iterator"]))
        dark = light.with_stem(f"{light.stem}_dark")
        # On one line, because it becomes the value of a directive's option.
        alt = " ".join(str(figure.get_label()).split())
        if not alt:
            rst += f"\n{_UNDESCRIBED}{block_vars['src_file']}:{block.lineno}\n"
            alt = _titles(figure)
        _save(figure, light)
        figure.set_layout_engine("none")  # all is in its place: it need not be found again
        recolor_for_dark_page(figure)
        _save(figure, dark)
        if name := figure.get_gid():
            shutil.copyfile(light, light.with_name(f"{name}.png"))
            shutil.copyfile(dark, light.with_name(f"{name}_dark.png"))
        # Without a unit these become attributes of <img>, from which the browser keeps the place
        # free before the picture is there. With "px" they would become its style.
        width, height = (round(inches * CSS_DPI) for inches in figure.get_size_inches())
        for path, page in ((light, "light"), (dark, "dark")):
            uri = Path(os.path.relpath(path, gallery_conf["src_dir"])).as_posix()
            rst += (
                f"\n.. image:: /{uri}\n   :alt: {alt}\n   :class: only-{page} fl-figure\n"
                f"   :loading: lazy\n   :width: {width}\n   :height: {height}\n"
            )
    plt.close("all")
    return rst


def _save(figure: Figure, path: Path) -> None:
    # Twice the displayed size, for sharp screens. The program's name would hold matplotlib's
    # version, so that equal pictures would be different files. Packed quickly: pages show WebP files.
    figure.savefig(
        path, dpi=2 * CSS_DPI, transparent=True,
        metadata={"Software": None}, pil_kwargs={"compress_level": 1},
    )  # fmt: skip


def _titles(figure: Figure) -> str:
    """Say what titles and axis labels say, for a figure that says nothing of itself."""
    parts = [figure.get_suptitle()]
    for axes in figure.axes:
        parts += [axes.get_title("left"), axes.get_title("center"), axes.get_title("right")]
        parts += [axes.get_xlabel(), axes.get_ylabel()]
    return ", ".join(" ".join(part.split()) for part in parts if part.strip()) or "A figure"


def _warn(app: Sphinx) -> None:
    folders = app.config.sphinx_gallery_conf["gallery_dirs"]
    for folder in folders if isinstance(folders, list) else [folders]:
        for page in sorted(Path(app.srcdir, folder).rglob("*.rst")):
            text = page.read_text(encoding="utf-8")
            for place in re.findall(rf"^ *{re.escape(_UNDESCRIBED)}(.+)$", text, re.MULTILINE):
                logger.warning(
                    "figure without alt text: call plotting.describe(fig, ...)", location=place
                )


def setup(app: Sphinx) -> ExtensionMetadata:
    """Look for figures without a description when the gallery (at 500, the default) is generated."""
    app.connect("builder-inited", _warn, priority=600)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
