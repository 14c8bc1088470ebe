"""For pytest: calls of operations that are declared pure are made twice in every test, and what differs fails it.

    pytest_plugins = ["weft.testing.pytest_twice"]      # in conftest.py; or: pytest -p weft.testing.pytest_twice

In pytest's settings `weft_twice_apart = true` has the second execution in a worker process. A test that is marked
`weft_once` is left alone. The last lines of a run say what was made twice, and what was not, and why.

Knows nothing of how calls are made.
Invariant: a test that fails by itself fails as it does without this.
Source: pytest's own warnings plugin.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator

import pytest

from weft.testing.twice import twice

APART = "weft_twice_apart"
ONCE = "weft_once"

_made_twice = pytest.StashKey[Counter[str]]()
_made_once = pytest.StashKey[dict[str, str]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """What can be said in pytest's settings."""
    parser.addini(APART, "make the second execution of pure operations in a worker process", type="bool", default=False)


def pytest_configure(config: pytest.Config) -> None:
    """Make the mark known."""
    config.addinivalue_line("markers", f"{ONCE}: calls of pure operations are made once, as outside of tests")
    config.stash[_made_twice], config.stash[_made_once] = Counter(), {}


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """Run the test with calls made twice; what was found fails it."""
    if item.get_closest_marker(ONCE) is not None:
        return (yield)
    with twice(apart=bool(item.config.getini(APART))) as book:
        try:
            outcome = yield
        finally:
            item.config.stash[_made_twice].update(book.made_twice)
            item.config.stash[_made_once].update(book.made_once)
    return outcome


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say what was made twice."""
    made = config.stash[_made_twice]
    once = {name: why for name, why in config.stash[_made_once].items() if name not in made}
    if made or once:
        operations = "1 pure operation" if len(made) == 1 else f"{len(made)} pure operations"
        terminalreporter.write_line(f"weft: calls made twice: {sum(made.values())}, of {operations}")
    for name, why in sorted(once.items()):
        terminalreporter.write_line(f"weft: {name} was made once: {why}")
