"""A program of node for all tests here, and a server for each."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import weft
from tests.server.charms import GATE, TYPES, WORDS
from tests.server.feathers.people import Driver, Served, served
from tests.server.serving import Keys, user
from weft import Space


@pytest.fixture(scope="session")
def driver() -> Iterator[Driver]:
    """Real clients of Feathers."""
    found = Driver()
    yield found
    found.stop()


@pytest.fixture
def guard() -> Keys:
    """It knows ann and ben, who may do everything."""
    return Keys(ann=user("ann"), ben=user("ben"))


@pytest.fixture
def shelf() -> Iterator[Space]:
    """In memory."""
    GATE.clear()
    WORDS.clear()
    with weft.open(types=TYPES) as opened:
        yield opened
        GATE.set()
        WORDS.append(".")


@pytest.fixture
def server(shelf: Space, guard: Keys) -> Iterator[Served]:
    """It serves the space as `shelf`."""
    with served(shelf, guard) as found:
        yield found
