"""Pictures as browsers want them: WebP in two sizes, chapter cards for light and for dark pages.

A chapter's figures and its card are PNG files, which any program can open. Beside each, this writes
WebP files without loss, at the size shown and at twice that for sharp screens. Pages offer both, and
say each picture's width and height, so that nothing moves when it arrives.
"""

from __future__ import annotations

import io
import posixpath
import shutil
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import quote
from weakref import WeakKeyDictionary

from docutils import nodes
from joblib import cpu_count
from PIL import Image
from sphinx.application import Sphinx
from sphinx.builders import Builder
from sphinx.util.typing import ExtensionMetadata
from sphinx_gallery.py_source_parser import extract_file_config

CARD = (280, 158)  # the size that a chapter's card is shown at, in CSS pixels

# The pictures whose WebP files are being made.
_in_work: WeakKeyDictionary[Builder, dict[Path, Future[None]]] = WeakKeyDictionary()


def webp_files(png: Path) -> tuple[Path, Path]:
    """Return where the WebP files of a picture lie: of twice the size shown, and of that size.

    The second is there only where it is the smaller file. Enlarged pixels of digits, for instance,
    are packed best at a size at which they have sharp edges.
    """
    folder = png.parent / "webp"
    return folder / f"{png.stem}-2x.webp", folder / f"{png.stem}.webp"


def make_figure(png: Path) -> None:
    """Write the WebP files of a figure, which was saved at twice the size shown."""
    with Image.open(png) as image:
        _save(image, image.reduce(2), png)


def make_card(figure: Path, card: Path) -> None:
    """Write the WebP files of a chapter's card from one of its figures."""
    width, height = CARD
    with Image.open(figure) as image:
        _save(_fitted(image, (2 * width, 2 * height)), _fitted(image, (width, height)), card)


def _fitted(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    canvas = Image.new("RGBA", size, (0, 0, 0, 0))
    scale = min(size[0] / image.width, size[1] / image.height)
    inner = image.convert("RGBA").resize(
        (round(image.width * scale), round(image.height * scale)), Image.Resampling.LANCZOS
    )
    canvas.paste(inner, ((size[0] - inner.width) // 2, (size[1] - inner.height) // 2))
    return canvas


def _save(large: Image.Image, small: Image.Image, png: Path) -> None:
    packed = []
    for image in (large, small):
        buffer = io.BytesIO()
        image.save(buffer, "WEBP", lossless=True, quality=50, method=1)  # more takes longer
        packed.append(buffer.getvalue())
    first, second = webp_files(png)
    first.parent.mkdir(exist_ok=True)
    first.write_bytes(packed[0])
    second.unlink(missing_ok=True)
    if len(packed[1]) < 0.9 * len(packed[0]):
        second.write_bytes(packed[1])


def _outdated(source: Path, png: Path) -> bool:
    made = webp_files(png)[0]
    return not made.exists() or made.stat().st_mtime_ns < source.stat().st_mtime_ns


def _tasks(app: Sphinx) -> Iterator[tuple[Path, Callable[..., None], tuple[Path, ...]]]:
    conf = app.config.sphinx_gallery_conf
    folders = sorted(Path(app.srcdir, conf["gallery_dirs"]).glob("**/images"))
    for images in folders:  # cards first: the first pages that are written have some
        for thumb in sorted((images / "thumb").glob("sphx_glr_*_thumb.png")):
            for card, figure in _cards(images, thumb):
                if figure.exists() and _outdated(figure, card):
                    yield card, make_card, (figure, card)
    for images in folders:
        for png in sorted(images.glob("*.png")):
            if _outdated(png, png):
                yield png, make_figure, (png,)


def _cards(images: Path, thumb: Path) -> Iterable[tuple[Path, Path]]:
    """Pair a chapter's card, light and dark, with the figure that is shown on it."""
    stem = thumb.name.removesuffix("_thumb.png")
    chapter = images.parent / f"{stem.removeprefix('sphx_glr_')}.py"
    number = extract_file_config(chapter.read_text("utf-8")).get("thumbnail_number", 1)
    for theme in ("", "_dark"):
        yield thumb.with_stem(f"{thumb.stem}{theme}"), images / f"{stem}_{number:03}{theme}.png"


def _begin(app: Sphinx) -> None:
    """Write the files beside the pages: Pillow works outside of Python's lock."""
    if app.builder.format == "html":
        pool = ThreadPoolExecutor(cpu_count())
        _in_work[app.builder] = {png: pool.submit(make, *paths) for png, make, paths in _tasks(app)}
        pool.shutdown(wait=False)  # it still does what it was given


def _wait(app: Sphinx, *_: object) -> None:
    for done in _in_work.pop(app.builder, {}).values():
        done.result()


def _is_card(png: Path) -> bool:
    return png.parent.name == "thumb"


def _files(builder: Builder, uri: str) -> list[dict[Path, str]]:
    """Return where a picture's WebP files lie, and their names among the site's images.

    A card has those for light and those for dark pages, any other picture one kind.
    """
    png = Path(builder.srcdir, uri)
    name = posixpath.splitext(builder.images.get(uri, ""))[0]
    kinds = ("", "_dark") if _is_card(png) else ("",)
    found = []
    for kind in kinds if name else ():
        stem = f"{png.stem}{kind}"
        picture = png.with_stem(stem)
        if made := _in_work.get(builder, {}).get(picture):
            made.result()
        files = [path for path in webp_files(picture) if path.exists()]
        if files:
            names = [f"{name}{kind}{path.stem.removeprefix(stem)}.webp" for path in files]
            found.append(dict(zip(files, names, strict=True)))
    return found


def _visit_image(translator: Any, node: nodes.image) -> None:
    builder = translator.builder
    if _is_card(Path(node["uri"])):
        node["loading"] = "lazy"
        node["width"], node["height"] = map(str, CARD)
    shown = _files(builder, node["uri"])
    if not shown:
        type(translator).visit_image(translator, node)
    for files, theme in zip(shown, ("light", "dark"), strict=False):
        variant = node.deepcopy()
        if len(shown) > 1:
            variant["classes"].append(f"only-{theme}")
        if "width" not in variant:  # a figure on a page that is not its chapter's
            with Image.open(next(iter(files))) as image:
                variant["width"], variant["height"] = (str(round(n / 2)) for n in image.size)
        type(translator).visit_image(translator, variant)
        source = _source(builder.imgpath, list(files.values()), int(variant["width"]))
        translator.body.append(f"<picture>{source}{translator.body.pop()}</picture>")


def _source(folder: str, names: list[str], width: int) -> str:
    widths = (2 * width, width)
    candidates = [f"{folder}/{quote(n)} {w}w" for n, w in zip(names, widths, strict=False)]
    return (
        f'<source type="image/webp" srcset="{", ".join(candidates)}" '
        f'sizes="(max-width: {width}px) 100vw, {width}px" />'
    )


def _depart_image(translator: Any, node: nodes.image) -> None:
    type(translator).depart_image(translator, node)


def _copy(app: Sphinx, exception: Exception | None) -> None:
    if exception or app.builder.format != "html":
        return
    for uri in app.builder.images:  # those of the pages that were written
        for files in _files(app.builder, uri):
            for source, name in files.items():
                shutil.copyfile(source, app.outdir / app.builder.imagedir / name)


def setup(app: Sphinx) -> ExtensionMetadata:
    """Write the files once the gallery is there, refer to them, and copy those referred to."""
    app.add_node(nodes.image, override=True, html=(_visit_image, _depart_image))
    app.connect("builder-inited", _begin, priority=600)  # the gallery is made at 500
    app.connect("build-finished", _wait, priority=100)  # also where no page has to be written
    app.connect("build-finished", _copy)
    return {"parallel_read_safe": True, "parallel_write_safe": False}
