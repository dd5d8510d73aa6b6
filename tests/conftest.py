"""What all tests share: a server process that imports once, and a word on the real MNIST."""

import multiprocessing
import os
from pathlib import Path

import pytest

# Read before a test's fixture removes it.
REAL_DATA = os.environ.get("FIRSTLAYERS_DATA")

# The record of exercises of whoever runs the tests is not touched.
os.environ["FIRSTLAYERS_PROGRESS"] = ""

# Tests that run something in a process of its own fork it from a server, where the platform has one.
# There is one such server for all of them. Importing PyTorch takes longer than most of what they do.
if "forkserver" in multiprocessing.get_all_start_methods():
    multiprocessing.get_context("forkserver").set_forkserver_preload(
        [
            "torch",
            "torch._dynamo",
            "matplotlib.pyplot",
            "firstlayers.data",
            "firstlayers.plotting",
        ]
    )


# Readers of the built site: a session of nox builds it for them, and says where it is.
BUILT_BY_A_SESSION = {
    "downloads": "FIRSTLAYERS_TEST_SITE",
    "browser": "FIRSTLAYERS_TEST_BROWSER_SITE",
}
collect_ignore = [folder for folder, site in BUILT_BY_A_SESSION.items() if site not in os.environ]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keep together what shares something that is made once: a file, and all that run chapters."""
    if config.pluginmanager.hasplugin("xdist"):
        for item in items:
            together = item.path.parent.name == "tutorials"
            group = item.path.parent if together else item.path
            item.add_marker(pytest.mark.xdist_group(str(group)))


@pytest.fixture
def real_mnist(request: pytest.FixtureRequest) -> Path:
    """The folder that holds the real MNIST; without one, the test is skipped."""
    if not (REAL_DATA and Path(REAL_DATA, "MNIST", "raw").is_dir()):
        pytest.skip("FIRSTLAYERS_DATA names no folder that holds MNIST")
    request.node.user_properties.append(("real", "MNIST"))
    return Path(REAL_DATA)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how many tests saw the real MNIST, so that its absence does not go unnoticed."""
    passed = terminalreporter.stats.get("passed", [])
    count = sum(("real", "MNIST") in report.user_properties for report in passed)
    terminalreporter.write_line(f"tests that passed on the real MNIST: {count}")
