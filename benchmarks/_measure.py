"""Time something, and keep what a benchmark measured, with the machine, the versions and the date.

A record is a file of JSON in ``docs/measured``, with tables as they are shown, and figures beside it.
"""

import json
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from matplotlib.figure import Figure

DOCS = Path(__file__).parents[1] / "docs"
FOLDER = DOCS / "measured"
CSS_DPI = 96  # CSS defines 1 in = 96 px


def median_seconds(call: Callable[[], object], repeat: int) -> float:
    """Call a function once for nothing, and then several times; return the median of their times."""
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


def keep(
    name: str,
    tables: list[dict[str, Any]],
    figures: dict[str, Figure],
    seconds: float,
    folder: Path = FOLDER,
) -> None:
    """Write a record, with its figures for light and dark pages, over the last one of this name."""
    folder.mkdir(exist_ok=True)
    record = {
        "date": date.today().isoformat(),
        "machine": f"{_processor()}, {os.cpu_count()} cores, {torch.get_num_threads()} threads used",
        "versions": {
            "Python": platform.python_version(),
            **{package: version(package) for package in ("torch", "torchvision")},
        },
        "seconds": round(seconds),
        "tables": tables,
        "figures": [_save(folder / f"{name}_{part}", figure) for part, figure in figures.items()],
    }
    path = folder / f"{name}.json"
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


def _processor() -> str:
    if Path("/proc/cpuinfo").exists():
        for line in Path("/proc/cpuinfo").read_text("utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
