"""What search engines and messengers show of a page: description, card, canonical address, sitemap.

Every page describes itself with its first sentences. Where the site's public address is known
(``html_baseurl``), pages also get OpenGraph tags with a picture, chapters one with their own figure,
and the site a ``sitemap.xml``. Icons for home screens are drawn from the logo.
"""

from __future__ import annotations

import html
import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from docutils import nodes
from matplotlib import font_manager
from PIL import Image, ImageDraw, ImageFont
from sphinx.application import Sphinx
from sphinx.util.typing import ExtensionMetadata

LENGTH = 160  # of a description, in characters: search engines show about as much
CARD = (1200, 630)  # pixels
ICON = 180  # pixels
_UNLISTED = ("404", "search", "genindex", "py-modindex")
_INK, _MUTED, _PAPER, _ACCENT = "#1b2733", "#55606b", "#f4f6f8", "#d9730d"


def description_of(doctree: nodes.document) -> str:
    """Return the first sentences of a page, without notes, and cut at a word."""
    text = ""
    for paragraph in doctree.findall(nodes.paragraph):
        parents = (nodes.Admonition, nodes.topic, nodes.Sequential, nodes.entry, nodes.raw)
        if any(isinstance(node, parents) for node in _above(paragraph)):
            continue
        text = f"{text} {' '.join(paragraph.astext().split())}".strip()
        if len(text) > LENGTH // 2:
            break
    if len(text) <= LENGTH:
        return text
    sentences = re.match(rf".{{{LENGTH // 2},{LENGTH - 1}}}[.?!](?= )", text)
    return sentences[0] if sentences else text[: LENGTH - 1].rsplit(" ", 1)[0].rstrip(",;:") + "…"


def _above(node: nodes.Node) -> Iterator[nodes.Node]:
    while node := node.parent:
        yield node


def draw_card(title: str, track: str, figure: Path, path: Path) -> None:
    """Draw the picture that stands beside a link: a title above one of the page's figures.

    Parameters
    ----------
    title, track : str
        What is written, large and small.
    figure : pathlib.Path
        A picture with a transparent background, as the gallery saves them.
    path : pathlib.Path
        Where the PNG file goes.
    """
    card = Image.new("RGB", CARD, "#ffffff")
    draw = ImageDraw.Draw(card)
    draw.rectangle((0, 0, CARD[0], 14), fill=_ACCENT)
    draw.text((60, 52), f"First Layers   {track}", fill=_MUTED, font=_font(28))
    large = _font(52, bold=True)
    lines = [""]
    for word in title.split():
        longer = f"{lines[-1]} {word}".strip()
        lines[-1:] = [longer] if large.getlength(longer) <= CARD[0] - 120 else [lines[-1], word]
    draw.multiline_text((60, 96), "\n".join(lines), fill=_INK, font=large, spacing=10)
    top = 110 + 66 * len(lines)
    with Image.open(figure) as opened:
        picture = opened.convert("RGBA")
        picture.thumbnail((CARD[0] - 120, CARD[1] - top - 40), Image.Resampling.LANCZOS)
        left = (CARD[0] - picture.width) // 2
        card.paste(picture, (left, top + (CARD[1] - top - 40 - picture.height) // 2), picture)
    path.parent.mkdir(parents=True, exist_ok=True)
    card.quantize(128).save(path, optimize=True)


def _font(size: int, *, bold: bool = False) -> ImageFont.FreeTypeFont:
    name = font_manager.FontProperties(weight="bold" if bold else "normal")  # matplotlib's own
    return ImageFont.truetype(font_manager.findfont(name), size)


def draw_icon(logo: Path, path: Path) -> None:
    """Draw the logo's lines and circles as a PNG file, on a ground of their own."""
    root = ET.parse(logo).getroot()
    scale = 4 * ICON / float(root.attrib["viewBox"].split()[2])  # drawn larger, for smooth edges
    icon = Image.new("RGB", (4 * ICON, 4 * ICON), _PAPER)
    draw = ImageDraw.Draw(icon)
    for group in (*root, root):
        for shape in group:
            kind = shape.tag.partition("}")[2]
            color = {**group.attrib, **shape.attrib}
            if kind == "path":
                numbers = [scale * float(n) for n in re.findall(r"[\d.]+", shape.attrib["d"])]
                for i in range(0, len(numbers), 4):
                    draw.line(numbers[i : i + 4], fill=color["stroke"], width=round(2 * scale))
            elif kind == "circle":
                x, y, radius = (scale * float(shape.attrib[name]) for name in ("cx", "cy", "r"))
                box = (x - radius, y - radius, x + radius, y + radius)
                draw.ellipse(box, fill=color["fill"])
    path.parent.mkdir(parents=True, exist_ok=True)
    icon.resize((ICON, ICON), Image.Resampling.LANCZOS).save(path, optimize=True)


def _describe(
    app: Sphinx,
    pagename: str,
    _template: str,
    context: dict[str, Any],
    doctree: nodes.document | None,
) -> None:
    tags = []
    title = html.unescape(re.sub("<[^>]+>", "", context.get("title") or app.config.html_title))
    description = app.config.findable_descriptions.get(pagename) or (
        description_of(doctree) if doctree else ""
    )
    if description:
        tags.append(("name", "description", description))
    if pagename in _UNLISTED:
        tags.append(("name", "robots", "noindex"))
        context.pop("pageurl", None)
    elif base := app.config.html_baseurl:
        base = base.rstrip("/") + "/"
        picture, says = _card(app, pagename, title)
        tags += [
            ("property", "og:type", "website" if pagename == "index" else "article"),
            ("property", "og:site_name", app.config.html_title),
            ("property", "og:title", title),
            ("property", "og:description", description),
            ("property", "og:url", base + app.builder.get_target_uri(pagename)),
            ("property", "og:image", base + picture),
            ("property", "og:image:alt", says),
            ("property", "og:image:width", str(CARD[0])),
            ("property", "og:image:height", str(CARD[1])),
            ("name", "twitter:card", "summary_large_image"),
        ]
    context["metatags"] = context.get("metatags", "") + "".join(
        f'\n    <meta {kind}="{name}" content="{html.escape(value)}" />'
        for kind, name, value in tags
    )


def _card(app: Sphinx, pagename: str, title: str) -> tuple[str, str]:
    """Draw a page's card; pages without a figure share the home page's."""
    source = Path(app.srcdir, pagename)
    figure = source.parent / "images" / f"sphx_glr_{source.name}_001.png"
    track = ""
    if figure.exists():
        track = app.env.titles[f"{pagename.rpartition('/')[0]}/index"].astext()
        name = pagename.rpartition("tutorials/")[2].replace("/", "-")
        says = f"{title}: a figure of this chapter."
    else:
        figure, name = Path(app.srcdir, app.config.findable_picture), "home"
        title, says = app.config.findable_title, app.config.findable_title
    path = f"{app.builder.imagedir}/cards/{name}.png"
    target = Path(app.outdir, path)
    if not target.exists() or target.stat().st_mtime < figure.stat().st_mtime:
        draw_card(title, track, figure, target)
    return path, says


def _finish(app: Sphinx, exception: Exception | None) -> None:
    if exception or app.builder.format != "html":
        return
    out = Path(app.outdir)
    draw_icon(Path(app.confdir, app.config.html_favicon), out / "_static" / "icon.png")
    if base := app.config.html_baseurl.rstrip("/"):
        sheet = ET.Element("urlset", xmlns="http://www.sitemaps.org/schemas/sitemap/0.9")
        for name in sorted(set(app.env.found_docs) - set(_UNLISTED)):
            address = ET.SubElement(ET.SubElement(sheet, "url"), "loc")
            address.text = f"{base}/{app.builder.get_target_uri(name)}"
        ET.indent(sheet)
        ET.ElementTree(sheet).write(out / "sitemap.xml", "utf-8", xml_declaration=True)
        robots = f"User-agent: *\nAllow: /\nSitemap: {base}/sitemap.xml\n"
        (out / "robots.txt").write_text(robots, "utf-8")


def setup(app: Sphinx) -> ExtensionMetadata:
    """Describe the pages; see the configuration for what only the site can know."""
    app.add_config_value("findable_title", "", "html", types=frozenset({str}))
    app.add_config_value("findable_picture", "", "html", types=frozenset({str}))
    app.add_config_value("findable_descriptions", {}, "html", types=frozenset({dict}))
    app.connect("html-page-context", _describe)
    app.connect("build-finished", _finish)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
