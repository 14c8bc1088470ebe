"""Runs that cannot go on in this program: whoever waits for one is told why, and it goes on where it can."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import pytest

import weft
from tests.until import until
from weft import Entity, Run, on, op
from weft.attempt import NotOffered
from weft.driving.held_runs import CodeChanged, HeldRuns, NotHere, ServiceNotHere
from weft.testing.virtual_time import NotAtRest, VirtualTime

WAIT_S = 30.0


class Loud(Protocol):
    """Says things loudly."""

    def shout(self, text: str) -> str: ...


class Horn:
    def shout(self, text: str) -> str:
        return text.upper()


@op()
def shouted(text: str, *, loud: Loud) -> str:
    return loud.shout(text)


class Given(Entity):
    @on(Entity.created)
    async def greet(self, run: Run, *, loud: Loud) -> str:
        return loud.shout("hello")


class Calls(Entity):
    @on(Entity.created)
    async def greet(self, run: Run) -> str:
        return await run.call(shouted, "hello")


@pytest.mark.parametrize(("kind", "why"), [(Given, "nobody offers"), (Calls, "Loud")])
def test_who_waits_for_a_run_without_its_service_is_told(kind: Any, why: str, tmp_path: Path) -> None:
    path = str(tmp_path / "space.weft")
    with weft.open(path, types=[kind]) as space:
        one = space.create(kind)
        with pytest.raises(NotOffered, match=why):
            one.greet.wait(WAIT_S)

    with weft.open(path, types=[kind], services={Loud: Horn()}) as space:
        assert space.find(kind)[0].greet.wait(WAIT_S) == "HELLO"


def held(space: weft.Space) -> HeldRuns:
    driver: Any = space._host._pump.runs  # type: ignore[union-attr]
    runs: HeldRuns = driver._runs
    return runs


def asked_of(space: weft.Space, one: Any, do: Callable[[HeldRuns, Any, Any], object]) -> None:
    """Ask what holds runs for the newest of an entity, between two turns."""
    with space.view() as engine:
        cell: Any = engine.node(one.id, "greet")
        (run,) = cell.cell.runs
        do(held(space), (one.id, "greet", run), cell.cell.runs[run])


def test_what_keeps_a_run_from_going_on_has_a_name(tmp_path: Path) -> None:
    with weft.open(str(tmp_path / "space.weft"), types=[Given], services={Loud: Horn()}) as space:
        one = space.create(Given)
        assert one.greet.wait(WAIT_S) == "HELLO"

        def offers_nothing(runs: HeldRuns, id: Any, row: Any) -> None:
            runs._services = {}
            runs.begin(id)

        def knows_no_type(runs: HeldRuns, id: Any, row: Any) -> None:
            space._host.kinds.clear()
            runs.begin(id)

        def began_otherwise(runs: HeldRuns, id: Any, row: Any) -> None:
            row.version = "h1"
            runs.of(id, row)

        with pytest.raises(ServiceNotHere, match="Loud"):
            asked_of(space, one, offers_nothing)
        with pytest.raises(CodeChanged, match=r"Given\.greet began with another version of its code \(h1"):
            asked_of(space, one, began_otherwise)
        with pytest.raises(NotHere, match="without the code of Given"):
            asked_of(space, one, knows_no_type)


def test_why_a_run_cannot_go_on_is_logged_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR, "weft"), weft.open(str(tmp_path / "space.weft"), types=[Given]) as space:
        space.create(Given)
        until(lambda: bool(caplog.messages))
        space.create(Given)
        until(lambda: len(caplog.messages) == 2)

    assert all("nobody offers" in message for message in caplog.messages)


def test_virtual_time_says_what_is_not_at_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("weft.testing.virtual_time.REST_S", 0.2)
    time = VirtualTime()
    with time.open(types=[Calls]) as space:
        space.create(Calls)
        with pytest.raises(NotAtRest, match=r"call of .*\.greet"):
            time.rest(space)
