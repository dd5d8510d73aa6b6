"""What the tests found, kept from all processes, and shown as one table at the end."""

import json
import os
from collections import defaultdict
from pathlib import Path
from typing import Any

FOLDER = Path(os.environ["FIRSTLAYERS_TEST_PROGRAMS"]).absolute() / "found"


def note(what: str, page: str, **values: Any) -> None:
    """Keep something that was counted or measured on a page; the last word counts."""
    name = f"{what}-{page}-{values.get('width', '')}".replace("/", "_")
    FOLDER.mkdir(parents=True, exist_ok=True)
    text = json.dumps({"what": what, "page": page, **values})
    (FOLDER / f"{name}.json").write_text(text, encoding="utf-8")


def table() -> str:
    """Sum up what was kept."""
    kept: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for path in sorted(FOLDER.glob("*.json")):
        entry = json.loads(path.read_text("utf-8"))
        kept[entry["what"]].append(entry)
    rows = [("what", "found"), ("---", "---")]
    if visits := kept["visit"]:
        pages = {entry["page"] for entry in visits}
        rows += [
            ("pages visited, light and dark, 1280 and 360 px", str(len(pages))),
            ("axe: violations", _sum_of_rules(visits)),
            ("requests to other hosts", _sum(visits, "foreign")),
            ("errors and warnings in the console", _sum(visits, "complaints")),
            ("pages wider than the screen", _sum(visits, "overflow")),
            ("largest layout shift", f"{max(entry['shift'] for entry in visits):.4f}"),
        ]
    for entry in kept["html"]:
        rows.append((f"Nu HTML checker: errors on {entry['pages']} pages", str(entry["errors"])))
    for entry in kept["links"]:
        rows.append((f"internal links: broken of {entry['links']}", str(entry["broken"])))
    for entry in kept["search"]:
        rows.append((f"search: place of the page for “{entry['page']}”", str(entry["place"])))
    for entry in kept["lighthouse"]:
        scores = " / ".join(str(entry["scores"][name]) for name in entry["scores"])
        runs = f" ({entry['runs']} runs)" if entry["runs"] > 3 else ""
        rows.append((f"Lighthouse, {' / '.join(entry['scores'])}: {entry['page']}", scores + runs))
    for entry in kept["drawn"]:
        rows.append((f"read right: {entry['page']}", f"{entry['right']} of {entry['of']}"))
    for entry in kept["answered"]:
        rows.append((f"median: {entry['page']}", f"{entry['ms']} ms"))
    for entry in kept["scribbled"]:
        grown = f"memory {entry['kb']:+} kB after {entry['strokes']} strokes"
        rows.append((f"scribbling: {entry['page']}", grown))
    for entry in kept["weights"]:
        rows.append((f"weights of the drawn digits' network: {entry['page']}", f"{entry['kb']} kB"))
    for entry in kept["weight"]:
        rows.append(
            (
                f"KB transferred: {entry['page']}",
                f"{entry['page_kb']:.0f} and {entry['figures_kb']:.0f} of figures",
            )
        )
    return "\n".join(f"| {left} | {right} |" for left, right in rows)


def _sum(entries: list[dict[str, Any]], name: str) -> str:
    return str(sum(len(entry[name]) for entry in entries))


def _sum_of_rules(entries: list[dict[str, Any]]) -> str:
    pages: dict[str, set[str]] = defaultdict(set)
    for entry in entries:
        for rule in entry["violations"]:
            pages[rule].add(entry["page"])
    found = ", ".join(f"{rule} on {len(where)} pages" for rule, where in sorted(pages.items()))
    return found or "0"
