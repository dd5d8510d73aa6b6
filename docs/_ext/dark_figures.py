"""A figure's colors, turned into those for a dark page.

Every gray is turned into its light or dark counterpart: the ink of texts, axes, ticks, grids,
arrows and legend frames, and of black, gray or white lines and areas. Colors stay. So does what
lies on an image or on a colored area, such as the numbers in the cells of a confusion matrix.

Where that guess is wrong, ``artist.set_gid("keep-color")`` keeps an artist, and everything inside
it, as it is.
"""

import colorsys
from collections.abc import Iterator, Sequence
from typing import Any

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.collections import Collection, QuadMesh
from matplotlib.colors import to_rgba, to_rgba_array
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.spines import Spine
from matplotlib.text import Annotation, Text

# Highest minus lowest of red, green and blue (0 to 1) up to which a color counts as a gray.
GRAY_SPREAD = 0.16

_COLOR_PROPERTIES: dict[type[Artist], tuple[str, ...]] = {
    Text: ("color",),
    Line2D: ("color", "markerfacecolor", "markeredgecolor"),
    Patch: ("facecolor", "edgecolor"),
    Collection: ("facecolor", "edgecolor"),
}


def recolor_for_dark_page(figure: Figure) -> None:
    """Invert the lightness of every gray in a figure, in place.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        A figure that was drawn or saved before: what lies on a colored area is known only then.
    """
    # A list, because what lies on what is to be judged by the colors before any is changed.
    for artist in list(_artists_to_recolor(figure)):
        names = next((n for kind, n in _COLOR_PROPERTIES.items() if isinstance(artist, kind)), ())
        if isinstance(artist, Collection) and artist.get_array() is not None:
            continue  # Its colors stand for numbers.
        # All are read before one is set, because a marker's color may follow its line's. (The methods
        # are called by name: matplotlib's setp looks through all of an artist's for each color.)
        before = {name: to_rgba_array(getattr(artist, f"get_{name}")()).tolist() for name in names}
        for name, colors in before.items():
            if any(map(_is_gray, colors)):
                after = [_invert(color) if _is_gray(color) else color for color in colors]
                set_color = getattr(artist, f"set_{name}")
                set_color(after if isinstance(artist, Collection) else after[0])


def _artists_to_recolor(artist: Artist) -> Iterator[Artist]:
    if artist.get_gid() == "keep-color" or not artist.get_visible():
        return
    if not _lies_on_color(artist):
        yield artist
    children = _children(artist)
    if isinstance(artist, Text) and (box := artist.get_bbox_patch()):
        children = [*children, box]
    if isinstance(artist, Annotation) and artist.arrow_patch and not _has_image(artist.axes):
        children = [*children, artist.arrow_patch]  # In an image, it points at something in there.
    for child in children:
        yield from _artists_to_recolor(child)


def _children(artist: Artist) -> list[Artist]:
    """List what is drawn with an artist. Many axes of this course show an image and nothing around it."""
    if isinstance(artist, Axis):
        # get_children() would find out once more where its ticks are, as drawing has done already.
        return [artist.label, artist.offsetText, *artist.majorTicks, *artist.minorTicks]
    children: list[Artist] = artist.get_children()
    if isinstance(artist, Axes) and not artist.axison:
        return [child for child in children if not isinstance(child, Axis | Spine)]
    return children


def _lies_on_color(artist: Artist) -> bool:
    if isinstance(artist, Text) and (box := artist.get_bbox_patch()):
        return _is_colored(box.get_facecolor())
    axes = artist.axes
    if not isinstance(axes, Axes):
        return False  # A figure's own artist. (What a figure calls axes is a list.)
    contents = _contents(axes, type(artist))
    if not any(artist is content for content in contents):
        return False  # Titles, ticks and legends lie outside or have an area of their own.
    if not isinstance(artist, Text):
        return _has_image(axes)
    extent = artist.get_window_extent()
    center = (extent.x0 + extent.width / 2, extent.y0 + extent.height / 2)
    if _has_image(axes) and axes.bbox.contains(*center):
        return True
    areas = (patch for patch in axes.patches if _is_colored(patch.get_facecolor()))
    return any(area.get_window_extent().contains(*center) for area in areas)


def _contents(axes: Axes, kind: type[Artist]) -> Sequence[Artist]:
    for base, name in ((Text, "texts"), (Line2D, "lines"), (Patch, "patches")):
        if issubclass(kind, base):
            contents: Sequence[Artist] = getattr(axes, name)
            return contents
    return axes.collections if issubclass(kind, Collection) else ()


def _has_image(axes: Any) -> bool:
    return isinstance(axes, Axes) and bool(
        axes.images or any(isinstance(mesh, QuadMesh) for mesh in axes.collections)
    )


def _is_colored(color: Any) -> bool:
    *rgb, alpha = to_rgba(color)
    return alpha > 0 and max(rgb) - min(rgb) >= GRAY_SPREAD


def _is_gray(rgba: Sequence[float]) -> bool:
    *rgb, alpha = rgba
    return alpha > 0 and max(rgb) - min(rgb) < GRAY_SPREAD


def _invert(rgba: Sequence[float]) -> tuple[float, ...]:
    *rgb, alpha = rgba
    hue, lightness, saturation = colorsys.rgb_to_hls(*rgb)
    # White becomes the page's near-black rather than black, so that boxes do not look like holes.
    return (*colorsys.hls_to_rgb(hue, 1 - 0.9 * lightness, saturation), alpha)
