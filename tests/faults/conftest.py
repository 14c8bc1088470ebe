"""Prints at the end how often each fault was made, and what it came to."""

from __future__ import annotations

import pytest

from tests.faults import counts


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """One line for each fault."""
    if counts.lines():
        terminalreporter.section("faults")
        for line in counts.lines():
            terminalreporter.write_line(line)
