"""Time something, and keep what a benchmark measured, with the machine, the versions and the date.

A record is a file of JSON in ``docs/measured``, with tables as they are shown, and figures beside it.
"""

import argparse
import json
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable, Mapping
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import Any, Self

import torch
from matplotlib.figure import Figure

from firstlayers.progress import progress_bar

DOCS = Path(__file__).parents[1] / "docs"
FOLDER = DOCS / "measured"
CSS_DPI = 96  # CSS defines 1 in = 96 px


def median_seconds(call: Callable[[], object], repeat: int, warm_up: int = 1) -> float:
    """Call a function once for nothing, and then several times; return the median of their times."""
    for _ in range(warm_up):
        call()
    times = []
    for _ in range(repeat):
        started = time.perf_counter()
        call()
        times.append(time.perf_counter() - started)
    return statistics.median(times)


def table(caption: str, header: list[str], rows: list[list[object]]) -> dict[str, Any]:
    """Make a table: everything as text, as it is shown."""
    return {"caption": caption, "header": header, "rows": [[str(c) for c in r] for r in rows]}


def show(found: dict[str, Any]) -> None:
    """Print a table."""
    rows = [found["header"], *found["rows"]]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    print(f"\n{found['caption']}")
    for first, *others in rows:
        cells = [cell.rjust(width) for cell, width in zip(others, widths[1:], strict=True)]
        print("  " + "   ".join([first.ljust(widths[0]), *cells]).rstrip())


def medians_in_turn(
    calls: Mapping[str, Callable[[], object]], rounds: int, each: int
) -> dict[str, float]:
    """Time several things in turn, since a machine has better and worse moments.

    Each is called once for nothing. Then, in each round, every one of them gets its turn of so many
    calls. Returns the medians of the rounds' medians, by name.
    """
    for call in calls.values():
        call()
    times: dict[str, list[float]] = {name: [] for name in calls}
    for _ in progress_bar(range(rounds), unit="round"):
        for name, call in calls.items():
            times[name].append(median_seconds(call, each, warm_up=0))
    return {name: statistics.median(found) for name, found in times.items()}


def add_keep(parser: argparse.ArgumentParser) -> None:
    """Let a benchmark be asked to keep what it measures."""
    parser.add_argument(
        "--keep", nargs="?", type=Path, const=FOLDER, metavar="FOLDER",
        help="write what was measured to a file (default: into docs/measured)",
    )  # fmt: skip


class Record:
    """What a benchmark measures: shown as it comes, and kept at its end, if there is a folder for it.

    A record has figures for light and for dark pages. It replaces the last one of its name.
    """

    def __init__(self, name: str, folder: Path | None) -> None:
        self.name, self.folder = name, folder
        self.tables: list[dict[str, Any]] = []
        self.figures: dict[str, Figure] = {}
        self.started = time.perf_counter()

    def add(self, found: dict[str, Any]) -> None:
        """Show a table, and take it down."""
        show(found)
        self.tables.append(found)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        if self.folder is None or kind is not None:
            return
        self.folder.mkdir(exist_ok=True)
        figures = [
            _save(self.folder / f"{self.name}_{part}", figure)
            for part, figure in self.figures.items()
        ]
        record = {
            "date": date.today().isoformat(),
            "machine": _machine(),
            "versions": {
                "Python": platform.python_version(),
                **{package: version(package) for package in ("torch", "torchvision")},
            },
            "seconds": round(time.perf_counter() - self.started),
            "tables": self.tables,
            "figures": figures,
        }
        path = self.folder / f"{self.name}.json"
        path.write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        print(f"\nkept in {path}")


def _save(path: Path, figure: Figure) -> dict[str, Any]:
    """Save a figure as the site's own are: at twice its size, transparent, in two colorings."""
    sys.path.insert(0, str(DOCS / "_ext"))
    from dark_figures import recolor_for_dark_page

    size = {"width": figure.get_figwidth(), "height": figure.get_figheight()}
    for ending in ("", "_dark"):
        if ending:
            recolor_for_dark_page(figure)
        file = path.with_name(f"{path.name}{ending}.png")
        figure.savefig(file, dpi=2 * CSS_DPI, transparent=True, metadata={"Software": None})
    pixels = {side: round(inches * CSS_DPI) for side, inches in size.items()}
    return {"name": path.name, "alt": str(figure.get_label()), **pixels}


def _machine() -> str:
    words = f"{_processor()}, {os.cpu_count()} cores, {torch.get_num_threads()} threads used"
    if torch.cuda.is_available():
        words += f", {torch.cuda.get_device_name()}"
    return words


def _processor() -> str:
    if Path("/proc/cpuinfo").exists():
        for line in Path("/proc/cpuinfo").read_text("utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
