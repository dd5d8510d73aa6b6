"""One style sheet for the whole site, with only the rules that some page can use.

The theme, Bootstrap, Font Awesome, sphinx-design and sphinx-gallery bring 500 kB of style sheets in
ten files, and hold up a page's first paint until all have come. After an HTML build, what the pages
name (and what the scripts may add) is collected, every rule for something else is dropped, and the
rest becomes ``_static/styles/site.css``. Icon fonts are cut down to the icons that are left.
"""

from __future__ import annotations

import io
import logging
import posixpath
import re
import zlib
from collections.abc import Iterable, Iterator
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

import tinycss2
from fontTools import subset
from fontTools.ttLib import TTFont
from sphinx.application import Sphinx
from sphinx.util.typing import ExtensionMetadata

SHEET = "_static/styles/site.css"
_GROUPS = {"media", "supports", "layer", "container"}
_TAG = re.compile(r"<([a-z][\w-]*)")
_ATTRIBUTE = re.compile(r'\s(?:class|id)="([^"]*)"')
_STRING = re.compile(r"""(["'`])((?:\\.|(?!\1).)*)\1""")
_WORD = re.compile(r"[A-Za-z_][\w-]*")
_IMPORT = re.compile(r"""@import\s+["']([^"':]+)["']\s*;""")
_SCRIPT = re.compile(r'<script[^>]*\ssrc="(?:[^"?]*/)?([^"?/]+)')
_VARIABLE = re.compile(r"--[\w-]+")
_VERSION = re.compile(r"\?(?:digest|v)=\w+$")

logging.getLogger("fontTools").setLevel(logging.WARNING)  # the theme's colors turn all on

# The sheets that all pages share, in their order. (Pages are written in every build, search.html.)
_sheets: WeakKeyDictionary[Sphinx, list[str]] = WeakKeyDictionary()


def names_in_page(page: str) -> set[str]:
    """Return the elements, classes and ids that stand in a page."""
    names = set(_TAG.findall(page))
    for values in _ATTRIBUTE.findall(page):
        names.update(values.split())
    return names


def names_in_script(script: str) -> set[str]:
    """Return every word in a script's strings: what it may look for, or add to a page."""
    return {word for _, text in _STRING.findall(script) for word in _WORD.findall(text)}


def lean_css(css: str, names: AbstractSet[str], folder: str = "", to: str = "") -> str:
    """Drop the rules whose selectors need an element, a class or an id that is not there.

    Parameters
    ----------
    css : str
        A style sheet.
    names : set of str
        Elements, classes and ids.
    folder, to : str, optional
        Where the sheet lies and where its rules go, by which relative addresses are rewritten.

    Returns
    -------
    str
        The rules that are left, without comments.
    """
    rules = tinycss2.parse_stylesheet(css, skip_comments=True, skip_whitespace=True)
    return "".join(_lean_rules(rules, names, folder, to))


def _lean_rules(
    rules: Iterable[Any], names: AbstractSet[str], folder: str, to: str
) -> Iterator[str]:
    for rule in rules:
        if rule.type == "qualified-rule":
            kept = [s for s in _split(rule.prelude) if _may_match(s, names)]
            if kept:
                selectors = ",".join(_text(selector) for selector in kept)
                yield f"{selectors}{{{_declarations(rule.content, folder, to)}}}\n"
        elif rule.type == "at-rule":
            keyword = rule.lower_at_keyword
            prelude = _text(rule.prelude)
            if rule.content is None:
                if keyword == "layer":
                    yield f"@{keyword} {prelude};\n"  # the rest, charset and import, is done here
            elif keyword in _GROUPS:
                inner = tinycss2.parse_rule_list(
                    rule.content, skip_comments=True, skip_whitespace=True
                )
                if body := "".join(_lean_rules(inner, names, folder, to)):
                    yield f"@{keyword} {prelude}{{\n{body}}}\n"
            elif keyword in ("font-face", "page"):
                yield f"@{keyword} {prelude}{{{_declarations(rule.content, folder, to)}}}\n"
            else:  # keyframes, which hold rules of another kind
                yield f"@{keyword} {prelude}{{{_text(rule.content)}}}\n"
        elif rule.type == "error":
            raise ValueError(f"style sheet in {folder}: {rule.message}")


def _split(tokens: Iterable[Any]) -> list[list[Any]]:
    """Split at commas."""
    parts: list[list[Any]] = [[]]
    for token in tokens:
        if token == ",":
            parts.append([])
        else:
            parts[-1].append(token)
    return parts


def _may_match(selector: list[Any], names: AbstractSet[str]) -> bool:
    before = None
    for token in selector:
        if token.type == "ident":
            # After a colon it is a state; a star or a dot is handled here, too.
            needed = token.value if before == "." else token.lower_value
            if before != ":" and needed not in names:
                return False
        elif (token.type == "hash" and token.value not in names) or (
            token.type == "function"
            and token.lower_name in ("is", "where", "has")
            and not any(_may_match(s, names) for s in _split(token.arguments))
        ):
            return False
        before = token
    return True


def _declarations(content: list[Any], folder: str, to: str) -> str:
    parsed = tinycss2.parse_blocks_contents(content, skip_comments=True, skip_whitespace=True)
    lines = []
    for declaration in parsed:
        if declaration.type != "declaration":  # a browser skips it, too
            continue
        value = _text(_moved(declaration.value, folder, to))
        lines.append(f"{declaration.name}:{value}{'!important' if declaration.important else ''}")
    return ";".join(lines)


def _moved(tokens: list[Any], folder: str, to: str) -> list[Any]:
    for token in tokens:
        if token.type == "url":
            _move(token, "url({})", folder, to)
        elif token.type == "function" and token.lower_name == "url":
            for part in token.arguments:
                if part.type == "string":
                    _move(part, '"{}"', folder, to)
    return tokens


def _move(token: Any, form: str, folder: str, to: str) -> None:
    if not re.match(r"[a-z]+:|[/#]", token.value):
        token.value = posixpath.relpath(posixpath.join(folder or ".", token.value), to or ".")
        token.representation = form.format(token.value)


def _text(tokens: list[Any]) -> str:
    return re.sub(r"\s+", " ", tinycss2.serialize(tokens)).strip()


def without_rules_on(attributes: Iterable[str], css: str) -> str:
    """Drop the rules whose selectors look at one of these attributes."""
    named = tuple(f"[{name}" for name in attributes)
    lines = css.splitlines(keepends=True)
    return "".join(ln for ln in lines if not any(n in ln.partition("{")[0] for n in named))


def without_unused_variables(css: str, names: AbstractSet[str] = frozenset()) -> str:
    """Drop the variables that no other rule reads, and that are not among `names`."""
    # A value ends at a semicolon or brace that is not inside of a string or an address.
    value = r"""(?:"[^"]*"|'[^']*'|url\([^)"']*\)|[^;}"'])*"""
    while True:
        read = set(re.findall(r"var\(\s*(--[\w-]+)", css)) | names
        defined = set(re.findall(r"[{;](--[\w-]+):", css))
        if defined <= read:
            return css
        css = re.sub(
            rf"(?<=[{{;])(--[\w-]+):{value};?",
            lambda found, read=read: found[0] if found[1] in read else "",  # type: ignore[misc]
            css,
        )
        css = re.sub(r"[^{}\n]*\{\}\n?", "", css)


def subset_icons(font: bytes, css: str) -> bytes | None:
    r"""Cut a font of icons down to those that a style sheet shows.

    Parameters
    ----------
    font : bytes
        A WOFF2 file.
    css : str
        A style sheet that names icons by their code, as in ``content: "\f185"``.

    Returns
    -------
    bytes or None
        A WOFF2 file, or None if the font has none of the icons.
    """
    codes = {int(code, 16) for code in re.findall(r"\\([0-9a-fA-F]{2,6})", css)}
    codes |= {ord(character) for character in css if "\ue000" <= character <= "\uf8ff"}
    loaded = TTFont(io.BytesIO(font), recalcTimestamp=False)
    codes &= set(loaded.getBestCmap())
    if not codes:
        return None
    options = subset.Options(flavor="woff2", hinting=False, recalc_timestamp=False)
    options.layout_features = []
    cutter = subset.Subsetter(options)
    cutter.populate(unicodes=codes)
    cutter.subset(loaded)
    loaded.flavor = "woff2"
    out = io.BytesIO()
    loaded.save(out, reorderTables=False)
    return out.getvalue()


def _one_sheet(
    app: Sphinx, pagename: str, _template: str, context: dict[str, Any], _doctree: object
) -> None:
    """Link to the one sheet in place of those that all pages share."""
    # As Sphinx orders them, later: what comes last wins.
    own = sorted(context["css_files"], key=lambda css: getattr(css, "priority", 500))
    shared = [css for css in own if _path(css) not in app.config.site_style_apart]
    context["css_files"] = [css for css in own if css not in shared]
    sheets = [*app.config.site_style_first, *map(_path, shared)]
    known = _sheets[app]
    known += [sheet for sheet in sheets if sheet not in known]


def _path(css: Any) -> str:
    name = _VERSION.sub("", str(getattr(css, "filename", css)))
    return name if name.startswith("_static/") else f"_static/{name}"


def _start(app: Sphinx) -> None:
    _sheets[app] = []
    version = 0
    for path in sorted((Path(app.confdir) / "_static").glob("*.css")):
        version = zlib.crc32(path.read_bytes(), version)
    app.config.html_context["site_style"] = f"{SHEET}?v={version:08x}"


def _with_imports(out: Path, sheets: Iterable[str]) -> Iterator[str]:
    for sheet in sheets:
        for name in _IMPORT.findall((out / sheet).read_text("utf-8")):
            yield posixpath.normpath(posixpath.join(posixpath.dirname(sheet), name))
        yield sheet


def _delete_unused_scripts(folder: Path, pages: Iterable[str]) -> None:
    loaded = {name for page in pages for name in _SCRIPT.findall(page)}
    for path in folder.rglob("*.js"):
        if path.name not in loaded:
            path.unlink()
    for path in folder.rglob("*.js.map"):  # where its script's source was
        path.unlink()


def _write(app: Sphinx, exception: Exception | None) -> None:
    if exception or app.builder.format != "html":
        return
    out = Path(app.outdir)
    pages = [path.read_text("utf-8") for path in out.rglob("*.html")]
    _delete_unused_scripts(out / "_static", pages)
    scripts = [path.read_text("utf-8") for path in (out / "_static").rglob("*.js")]
    names = set().union(*map(names_in_page, pages), *map(names_in_script, scripts))
    variables = {name for text in (*pages, *scripts) for name in _VARIABLE.findall(text)}
    css = ""
    for sheet in _with_imports(out, _sheets[app]):
        source = (out / sheet).read_text("utf-8")
        css += lean_css(source, names, posixpath.dirname(sheet), posixpath.dirname(SHEET))
        (out / sheet).unlink()
        (out / f"{sheet}.map").unlink(missing_ok=True)
    css = without_rules_on(app.config.site_style_without, css)
    css = without_unused_variables(css, variables)
    for face, address in re.findall(r'(@font-face \{.*?url\("?([^)"]+\.woff2).*?\}\n)', css):
        font = out / posixpath.normpath(posixpath.join(posixpath.dirname(SHEET), address))
        if icons := subset_icons(font.read_bytes(), css.replace(face, "")):
            font.write_bytes(icons)
        else:
            css = css.replace(face, "")
            font.unlink()
    (out / SHEET).parent.mkdir(parents=True, exist_ok=True)
    (out / SHEET).write_text(css, "utf-8")


def setup(app: Sphinx) -> ExtensionMetadata:
    """Join the style sheets of all pages.

    ``site_style_first`` names those that the theme's template links to itself, and
    ``site_style_apart`` those that only some pages load. ``site_style_without`` names attributes
    that no rule may depend on, because scripts set them many times.
    """
    app.add_config_value("site_style_without", [], "html", types=frozenset({list}))
    app.add_config_value("site_style_first", [], "html", types=frozenset({list}))
    app.add_config_value("site_style_apart", [], "html", types=frozenset({list}))
    app.connect("builder-inited", _start)
    app.connect("html-page-context", _one_sheet, priority=900)
    app.connect("build-finished", _write, priority=700)  # before the pages are checked
    return {"parallel_read_safe": True, "parallel_write_safe": True}
