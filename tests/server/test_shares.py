"""Threads and waits are shared: whoever calls for what takes long, or waits for much, holds up nobody else."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from starlette.requests import ClientDisconnect

from tests.server.conftest import SETTINGS
from tests.server.house import GATE, Client, Keys, everything
from tests.server.serving import running
from tests.until import LIMIT_S, until
from weft import Space
from weft.content import Plain
from weft.past import difference, history
from weft.past.as_of import AsOf
from weft.server.app import make_app, make_rest
from weft.server.caller import Caller
from weft.server.method import Call, Json, Later, Method
from weft.server.refusals import TooManyCalls
from weft.server.rest import Rest
from weft.server.schemas import MAP
from weft.server.services import SERVICES
from weft.server.shares import Shares
from weft.server.waits import Waits
from weft.settlement import Settlement

ENTITIES = "/api/spaces/home/entities"


@contextmanager
def shares(*, line_max: int = 2) -> Iterator[tuple[Shares, threading.Event]]:
    """Four threads, of which each has one; and what lets go of those who wait for it."""
    gate = threading.Event()
    with ThreadPoolExecutor(4) as pool:
        try:
            yield Shares(pool, at_work_max=1, line_max=line_max), gate
        finally:
            gate.set()


def test_who_has_their_share_waits_in_line_and_others_go_on() -> None:
    done: list[int] = []
    with shares() as (shared, gate):

        def act(n: int) -> None:
            assert gate.wait(LIMIT_S)
            done.append(n)

        anns = [shared.submit("ann", partial(act, n)) for n in range(3)]
        with pytest.raises(TooManyCalls):
            shared.submit("ann", partial(act, 3))
        anns.append(shared.submit("ann", partial(act, 4), is_begun=True))
        assert anns[1].cancel()

        assert shared.submit("ben", lambda: "done").result(LIMIT_S) == "done"
        assert not done
        gate.set()
        for one in (anns[0], anns[2], anns[3]):
            one.result(LIMIT_S)
        assert shared.submit("ann", lambda: "again").result(LIMIT_S) == "again"

    assert done == [0, 2, 4]


def test_what_fails_in_a_share_fails_for_its_caller_alone() -> None:
    def fails() -> None:
        raise ValueError("no")

    with shares() as (shared, gate):
        gate.set()
        failed = shared.submit("ann", fails)
        with pytest.raises(ValueError, match="no"):
            failed.result(LIMIT_S)
        assert shared.submit("ann", lambda: 1).result(LIMIT_S) == 1


def test_who_waits_in_line_when_the_server_ends_is_let_go_of() -> None:
    with shares() as (shared, gate):
        begun = threading.Event()

        def hold() -> bool:
            begun.set()
            return gate.wait(LIMIT_S)

        first = shared.submit("ann", hold)
        waits = shared.submit("ann", lambda: True)
        assert begun.wait(LIMIT_S)
        shared.close()

        with pytest.raises(CancelledError):
            waits.result(LIMIT_S)
        gate.set()
        assert first.result(LIMIT_S)
        with pytest.raises(CancelledError):
            shared.submit("ann", lambda: True).result(LIMIT_S)


def rows(act: Callable[[Call], Json]) -> list[Method]:
    """One that holds a thread, one that does so and looks far, and one that is done at once."""
    return [
        Method(
            service=name, name="find", http="GET", path=f"/{name}", act=does, capability="read", gives=MAP,
            looks_far=name == "far", summary="For tests.",
        )
        for name, does in (("holds", act), ("far", act), ("quick", lambda _: {"quick": True}))
    ]  # fmt: skip


@pytest.mark.parametrize(("path", "at_work_max", "anns_own"), [("/api/holds", 2, 429), ("/api/far", 1, 200)])
def test_one_user_holds_up_themselves_and_what_looks_far_not_even_them(
    path: str, at_work_max: int, anns_own: int
) -> None:
    gate, at_work = threading.Event(), list[int]()

    def hold(_: Call) -> Json:
        at_work.append(1)
        assert gate.wait(LIMIT_S)
        return {}

    settings = replace(SETTINGS, threads=4, user_threads=2, user_line_max=0, far_threads=2, far_line_max=1)
    app = make_app({}, Keys(everything("ann"), everything("ben")), settings, table=rows(hold))
    ann, ben = Client(app, "ann"), Client(app, "ben")
    with ThreadPoolExecutor(2) as callers:
        held = [callers.submit(ann.get, path) for _ in range(2)]
        try:
            until(lambda: len(at_work) == at_work_max)
            assert (ann.get("/api/quick").status_code, ben.get("/api/quick").status_code) == (anns_own, 200)
            assert len(at_work) == at_work_max
        finally:
            gate.set()

        assert [one.result().status_code for one in held] == [200, 200]


def test_what_may_look_at_a_whole_log_is_done_beside_the_rest() -> None:
    assert {row.title for row in SERVICES if row.looks_far} == {"branches.create", "diff.find", "values.history"}


def test_no_more_is_compared_than_is_asked_for_and_may_be_read(
    client: Client, known: Callable[[Caller], Caller], monkeypatch: pytest.MonkeyPatch
) -> None:
    made = [client.post(ENTITIES, json={"type": "Sheet", "fields": {"n": n}}).json() for n in range(20)]
    compared, before = list[str](), difference._compared

    def counted(*given: Any, **named: Any) -> Iterator[difference.Difference]:
        compared.append(given[3][0])
        return before(*given, **named)

    monkeypatch.setattr(difference, "_compared", counted)
    asks = {"before": 0, "after": client.get("/api/spaces/home").json()["position"], "limit": 1}
    first = client.get("/api/spaces/home/diff", params=asks).json()
    known(everything("ben", [made[-1]["id"]]))

    assert (len(first["differences"]), first["more"], len(compared) < 10) == (1, True, True)
    compared.clear()
    assert Client(client.app, "ben").get("/api/spaces/home/diff", params=asks).json()["more"] is True
    assert {*compared} == {made[-1]["id"]}


def test_no_more_of_a_history_is_read_than_is_asked_for(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    path = f"{ENTITIES}/{client.post(ENTITIES, json={'type': 'Sheet', 'fields': {'n': 0}}).json()['id']}"
    for n in range(1, 10):
        client.patch(path, json={"set": {"n": n}})
    read, before = list[int](), history._said

    def counted(as_of: AsOf, position: int) -> Mapping[str, Plain]:
        read.append(position)
        return before(as_of, position)

    monkeypatch.setattr(history, "_said", counted)

    found = client.get(f"{path}/nodes/n/history", params={"limit": 1}).json()

    assert (len(found["moments"]), len(read), found["next"]) == (1, 2, read[1])


# Waits -------------------------------------------------------------------------------------------------------------


def late_path(client: Client, wait_s: int = 60) -> str:
    """What comes when the gate is opened."""
    made = client.post(ENTITIES, json={"type": "Late", "fields": {"n": 7}}).json()
    return f"{ENTITIES}/{made['id']}/nodes/came?wait_s={wait_s}"


def resting(space: Space, guard: Keys, *, waits_max: int) -> tuple[Rest, Client]:
    """A server where each may wait for one thing, and ann's client of it."""
    rest = make_rest({"home": space}, guard, replace(SETTINGS, user_waits_max=1, waits_max=waits_max))
    return rest, Client(make_app({"home": space}, guard, rest=rest))


def test_one_user_takes_no_more_than_their_waits(space: Space, guard: Keys, known: Callable[[Caller], Caller]) -> None:
    rest, ann = resting(space, guard, waits_max=2)
    known(everything("ben"))
    known(everything("eve"))
    path = late_path(ann)
    with ThreadPoolExecutor(2) as callers:
        first = callers.submit(ann.get, path)
        until(lambda: rest.waiting == 1)
        assert ann.get(path).status_code == 429
        second = callers.submit(Client(ann.app, "ben").get, path)
        until(lambda: rest.waiting == 2)
        assert Client(ann.app, "eve").get(path).status_code == 429
        GATE.set()
        assert [first.result().json()["value"], second.result().json()["value"]] == [7, 7]

    assert rest.waiting == 0
    assert ann.get(path).status_code == 200


def test_who_left_waits_no_longer(space: Space, guard: Keys) -> None:
    rest, ann = resting(space, guard, waits_max=2)
    path = late_path(ann)
    with running(ann.app) as (port, _):
        with socket.create_connection(("127.0.0.1", port)) as taken:
            taken.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ann\r\n\r\n".encode())
            until(lambda: rest.waiting == 1)
        until(lambda: rest.waiting == 0)
        assert not GATE.is_set()


@pytest.mark.parametrize("has_left", [True, False])
def test_what_is_waited_for_is_let_go_of_with_who_waits_and_not_when_their_time_is_over(has_left: bool) -> None:
    settlement: Settlement = Future()
    answer = Later([settlement], 60 if has_left else 0, lambda _: {})
    waits = Waits(1, 1)

    async def left() -> None:
        assert waits.count == 1
        if not has_left:
            await asyncio.Event().wait()

    async def wait() -> None:
        await waits.wait("ann", answer, left)

    if has_left:
        with pytest.raises(ClientDisconnect):
            asyncio.run(wait())
    else:
        asyncio.run(wait())
    assert (settlement.cancelled(), waits.count) == (has_left, 0)
