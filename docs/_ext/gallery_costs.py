"""What each chapter costs, shown to those who write, and a budget that it must not exceed by far.

The time on a clock depends on what else a machine does. So the budget is for processor seconds, of all
threads and of the processes that a chapter started. List both :func:`start` and :func:`scraper` in
sphinx-gallery's configuration, and set ``gallery_budget``.
"""

import json
import os
from pathlib import Path
from typing import Any

from gallery_stamp import galleries
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError
from sphinx.util import logging
from sphinx.util.typing import ExtensionMetadata

logger = logging.getLogger(__name__)

# Machines differ, and the same one does from hour to hour: up to three times has been seen.
BY_FAR = 5
_started = 0.0


def _processor_seconds() -> float:
    return sum(os.times()[:4])  # of this process and its children, in user and system mode


def start(gallery_conf: dict[str, Any], fname: object, when: str) -> None:
    """Note when a chapter begins."""
    global _started
    if when == "before":
        _started = _processor_seconds()


def scraper(block: Any, block_vars: dict[str, Any], gallery_conf: dict[str, Any]) -> str:
    """Keep what a chapter has cost up to the end of this cell; there is no picture to show."""
    kept = Path(block_vars["target_file"]).with_suffix(".processor.json")
    kept.write_text(json.dumps(round(_processor_seconds() - _started, 2)), encoding="utf-8")
    return ""


def costs(app: Sphinx) -> list[tuple[str, float, float]]:
    """List the chapters with their seconds on the clock and processor seconds, the dearest first."""
    found = []
    for _, pages in galleries(app):
        for kept in pages.rglob("*.processor.json"):
            page = kept.name.removesuffix(".processor.json")
            clock = kept.with_name(f"{page}.cost.json")  # sphinx-gallery's own
            if clock.is_file():
                seconds = json.loads(clock.read_text("utf-8"))["time"]
                name = kept.with_name(page).relative_to(pages).as_posix()
                found.append((name, seconds, json.loads(kept.read_text("utf-8"))))
    return sorted(found, key=lambda cost: -cost[2])


def report(app: Sphinx, exception: Exception | None) -> None:
    """Show the costs of the chapters that were executed, and fail where one is far too dear.

    Raises
    ------
    sphinx.errors.ExtensionError
        If a chapter takes more than five times the budget.
    """
    budget = app.config.gallery_budget
    conf = app.config.sphinx_gallery_conf
    executed = {Path(path).stem for path in conf["passing_examples"]}
    every = costs(app)
    shown = [cost for cost in every if Path(cost[0]).name in executed]
    if shown:
        logger.info("what the chapters cost, in processor seconds (and seconds on the clock):")
        for name, clock, processor in shown:
            over = f"  more than the budget of {budget} s" if processor > budget else ""
            logger.info("  %6.1f  (%5.1f)  %s%s", processor, clock, name, over)
        total = sum(processor for *_, processor in shown)
        logger.info("  %6.1f           together", total)
    too_dear = [
        f"{name}: {processor:.0f} s" for name, _, processor in every if processor > BY_FAR * budget
    ]
    if too_dear and exception is None:
        raise ExtensionError(
            f"a chapter may cost {budget} processor seconds, and these need more than {BY_FAR} times "
            f"as many: {', '.join(too_dear)}. Train for fewer steps, or on fewer images."
        )


def setup(app: Sphinx) -> ExtensionMetadata:
    """Register ``gallery_budget``, in seconds, and the report at the end of a build."""
    app.add_config_value("gallery_budget", 15, "", types=frozenset({int}))
    app.connect("build-finished", report, priority=950)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
