"""Files that sphinx-gallery generated from chapters that are gone.

sphinx-gallery forgets a renamed or deleted chapter, but leaves its page behind. Sphinx would still
read it, and warn that it is in no table of contents.
"""

import filecmp
import re
from contextlib import suppress
from pathlib import Path


def remove_leftovers(chapters_dir: Path, gallery_dir: Path) -> bool:
    """Delete what was generated from chapters that no longer exist.

    Parameters
    ----------
    chapters_dir : pathlib.Path
        The folder of the chapters, or of folders of chapters.
    gallery_dir : pathlib.Path
        The folder that sphinx-gallery generates from it. Nothing outside is touched.

    Returns
    -------
    bool
        Whether there was any such chapter.
    """
    found = False
    for section in (gallery_dir, *gallery_dir.glob("*")):
        source = chapters_dir / section.relative_to(gallery_dir)
        # sphinx-gallery copies a chapter beside its page: a copy without an original is left over.
        stems = [copy.stem for copy in section.glob("*.py") if not (source / copy.name).exists()]
        gone = [stem for stem in stems if (section / f"{stem}.rst").exists()]
        for stem in gone:
            _remove_chapter(section, stem)
        if gone and not source.is_dir():
            _remove_section(section)
        found = found or bool(gone)
    return found


def _remove_chapter(section: Path, stem: str) -> None:
    name = re.escape(stem)
    page = re.compile(
        rf"{name}\.(py|py\.md5|rst|ipynb|zip|(codeobj|cost|processor|verdicts)\.json|data\.js)"
    )
    image = re.compile(rf"sphx_glr_{name}_(\d{{3,}}(_dark)?|thumb)\.\w+")
    for path in section.glob("*"):
        if page.fullmatch(path.name):
            path.unlink()
    images = section / "images"
    for path in [path for path in images.rglob("*") if image.fullmatch(path.name)]:
        # A figure with a name of its own was copied, see gallery_figures.
        for named in images.glob("*.png"):
            if not named.name.startswith("sphx_glr_") and filecmp.cmp(path, named, shallow=False):
                named.unlink()
        path.unlink()


def _remove_section(section: Path) -> None:
    for name in ("index.rst", "sg_execution_times.rst"):
        (section / name).unlink(missing_ok=True)
    for folder in (section / "images/thumb", section / "images", section):
        with suppress(OSError):  # Not empty or not there: nothing of ours.
            folder.rmdir()
