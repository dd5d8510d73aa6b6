"""Say at the end how many tests saw the real MNIST, so that its absence does not go unnoticed."""

import pytest


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    passed = terminalreporter.stats.get("passed", [])
    count = sum(("real", "MNIST") in report.user_properties for report in passed)
    terminalreporter.write_line(f"tests that passed on the real MNIST: {count}")
