"""Time the site's build, and weigh its pages.

    nox -s bench -- site_builds                    # twenty minutes on two cores
    nox -s bench -- site_builds growth             # only how the cost grows; or builds, or weights
    nox -s bench -- site_builds --keep             # writes docs/measured/site_builds.json and so on

Everything is built in a copy of the project, in a temporary folder, with the bundled digits. A cold build
starts with nothing but the installed packages, so it executes every chapter. For the growth, copies of one
track become further tracks: their chapters are executed like any other.
"""

import argparse
import gzip
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import _measure as measure
from bs4 import BeautifulSoup

ROOT = Path(__file__).parents[1]
COPIED_TRACK = "3_further"
CHANGED = "1_basics/06_build_model.py"


class Site:
    """A copy of the project that is built."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for part in ("docs", "tutorials", "src", "tests"):
            shutil.copytree(ROOT / part, folder / part, ignore=_generated)
        for file in (path for path in ROOT.glob("*") if path.is_file()):
            shutil.copy(file, folder)
        self.html = folder / "docs" / "_build" / "html"

    def build(self, *options: str) -> float:
        """Build, and return the seconds that it took."""
        docs = self.folder / "docs"
        doctrees = docs / "_build" / "doctrees"
        command = [sys.executable, "-m", "sphinx", "-nq", "-d", doctrees, *options, docs, self.html]
        told = {name: value for name, value in os.environ.items() if "FIRSTLAYERS" not in name}
        started = time.perf_counter()
        done = subprocess.run(command, check=False, capture_output=True, text=True, env=told)
        taken = time.perf_counter() - started
        if done.returncode:
            sys.exit(f"the site was not built:\n{done.stdout}{done.stderr}")
        return taken

    def clean(self) -> None:
        """Leave nothing of what was built."""
        for folder in ("_build", "tutorials"):
            shutil.rmtree(self.folder / "docs" / folder, ignore_errors=True)

    def copy_track(self, number: int) -> None:
        """Make one more track of the copied one's chapters."""
        # An exercise belongs to the chapter whose page has a name that ends like this.
        copy = self.folder / "tutorials" / f"{number}{COPIED_TRACK}"
        shutil.copytree(self.folder / "tutorials" / COPIED_TRACK, copy)

    def tracks(self) -> list[Path]:
        """List the folders of the tracks."""
        return list((self.folder / "tutorials").glob("[0-9]*_*"))

    def chapters(self) -> int:
        """Count the chapters."""
        return sum(len(list(track.glob("[0-9]*_*.py"))) for track in self.tracks())


def _generated(folder: str, names: list[str]) -> list[str]:
    found = ["__pycache__", "_build"]
    return [*found, "tutorials"] if Path(folder) == ROOT / "docs" else found


def builds(site: Site) -> dict[str, Any]:
    """Compare a cold build with those in which little or nothing changed, and one process with several."""
    rows: list[list[object]] = []
    count = site.chapters()
    site.clean()
    rows.append(["cold, in one process", count, f"{site.build('-D', 'gallery_jobs=1'):.0f}"])
    site.clean()
    rows.append(["cold, on all cores", count, f"{site.build():.0f}"])
    rows.append(["nothing changed", 0, f"{site.build():.1f}"])
    chapter = site.folder / "tutorials" / CHANGED
    chapter.write_text(chapter.read_text("utf-8") + "\n# A change.\n", "utf-8")
    rows.append(["one chapter changed", 1, f"{site.build():.1f}"])
    return measure.table("Building the site", ["build", "chapters executed", "seconds"], rows)


def growth(site: Site) -> dict[str, Any]:
    """Time cold builds with one track alone, and with one and three copies of it."""
    for track in site.tracks():
        if track.name != COPIED_TRACK:
            shutil.rmtree(track)
    rows: list[list[object]] = []
    first = 0.0
    for copies, wanted in (("once", 1), ("twice", 2), ("four times", 4)):
        for number in range(len(site.tracks()), wanted):
            site.copy_track(number)
        site.clean()
        taken = site.build()
        first = first or taken
        count = site.chapters()
        rows.append([copies, count, f"{taken:.0f}", f"{taken / count:.1f}", f"{taken / first:.2f}"])
    header = ["the same chapters", "chapters", "seconds", "seconds a chapter", "times the first"]
    return measure.table(f"How a cold build grows: the chapters of {COPIED_TRACK} alone", header, rows)  # fmt: skip


def weights(site: Site) -> dict[str, Any]:
    """Weigh pages as they go over the wire: text compressed, figures at the size for a sharp screen."""
    if not site.html.exists():
        site.build()
    kinds: dict[str, list[Path]] = {
        "home": [site.html / "index.html"],
        "chapters": sorted(site.html.glob("tutorials/*/[0-9]*_*.html")),
        "API": sorted(site.html.glob("api/*.html")),
    }
    rows: list[list[object]] = []
    for kind, pages in kinds.items():
        parts = [weigh(page) for page in pages]
        cells = []
        for part in ("html", "others", "figures"):
            sizes = [weight[part] / 1000 for weight in parts]
            cells.append(f"{statistics.median(sizes):.0f} (at most {max(sizes):.0f})")
        rows.append([kind, len(pages), *cells])
    header = ["page", "pages", "HTML, kB", "style sheets, scripts and fonts, kB", "figures of one theme, kB"]  # fmt: skip
    return measure.table("What a page weighs: the median, and the heaviest", header, rows)


def weigh(page: Path) -> dict[str, int]:
    html = page.read_bytes()
    soup = BeautifulSoup(html, "html.parser")
    others = {tag["href"] for tag in soup.select("link[rel=stylesheet], link[rel=preload]")}
    others |= {tag["src"] for tag in soup.select("script[src]")}
    figures = {
        tag["srcset"].split()[0]
        for tag in soup.select("picture > source")
        if "only-dark" not in tag.find_next("img").get("class", [])
    }
    found = {"html": len(gzip.compress(html)), "others": 0, "figures": 0}
    for kind, addresses in (("others", others), ("figures", figures)):
        for address in addresses:
            file = page.parent / address.partition("?")[0]
            packed = file.suffix in (".webp", ".woff2")
            data = file.read_bytes()
            found[kind] += len(data) if packed else len(gzip.compress(data))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parts = {"builds": builds, "weights": weights, "growth": growth}
    parser.add_argument(
        "part", nargs="?", choices=parts, help="what to measure (default: all, each with a record)"
    )
    measure.add_keep(parser)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        site = Site(Path(folder, "project"))
        for name in [chosen.part] if chosen.part else parts:
            with measure.Record(f"site_{name}", chosen.keep) as record:
                record.add(parts[name](site))


if __name__ == "__main__":
    main()
