"""Prints at the end how many programs were killed at each point."""

from __future__ import annotations

import pytest

from tests.kill import tally


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """One line for each point."""
    if tally.lines():
        terminalreporter.section("programs killed")
        for line in tally.lines():
            terminalreporter.write_line(line)
