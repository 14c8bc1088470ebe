"""A space with all kinds of fields, and clients of a server that serves it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from starlette.types import ASGIApp

import weft
from tests.server.house import GATE, Client, Keys, Late, Pointer, Sheet, everything
from weft import Space
from weft.server.app import make_app
from weft.server.bounds import Settings
from weft.server.caller import Caller

SETTINGS = Settings(calls_per_s=1e6, calls_burst=1e6)


@pytest.fixture
def space() -> Iterator[Space]:
    """In memory."""
    GATE.clear()
    with weft.open(types=[Sheet, Pointer, Late]) as opened:
        yield opened
        GATE.set()


@pytest.fixture
def guard() -> Keys:
    """It knows ann, who may do everything."""
    return Keys(everything("ann"))


@pytest.fixture
def app(space: Space, guard: Keys) -> ASGIApp:
    """It serves the space as `home`."""
    return make_app({"home": space}, guard, SETTINGS)


@pytest.fixture
def client(app: ASGIApp) -> Client:
    """Ann's."""
    return Client(app)


@pytest.fixture
def known(guard: Keys) -> Callable[[Caller], Caller]:
    """Have the guard know another caller."""

    def let_in(caller: Caller) -> Caller:
        guard.callers[caller.user] = caller
        guard.changes += 1
        return caller

    return let_in
