"""Stories of live spaces, over real sockets."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path

import httpx
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

import weft
from tests.server.charms import GATE, TYPES, Slow, Spelt, Sum
from tests.server.serving import Client, Keys, Served, served, user
from tests.until import LIMIT_S
from weft import Entity, Space
from weft.content import cid_text
from weft.server.client_state import ClientState, apply
from weft.server.ending import STRANGER, UNKNOWN_SPACE
from weft.server.frames import Batch, Completed, Delta, Heartbeat, ServerFrame, Shown, parse_server_frame
from weft.server.refusals import ForeignOrigin
from weft.server.settings import LiveSettings
from weft.slot import Ok


def shown(space: Space, entity: Entity, node: str) -> str:
    """The content id of what a node shows."""
    with space.view() as engine:
        found = engine.node(entity.id, node)
        assert found is not None
        outcome = found.outcome()
        assert isinstance(outcome, Ok)
        return cid_text(outcome.content)


def test_whoever_looks_at_an_entity_is_told_what_it_comes_to_and_when_that_is_all() -> None:
    with weft.open(types=TYPES) as space, served(space) as server, server.client() as ann:
        sum_ = space.create(Sum, number=2)
        ann.say("open", entity=sum_.id)
        ann.say("sub", channel="space")
        ann.until(lambda: ann.state.channels and f"{sum_.id}.both" in ann.state.channels["space"].nodes)

        sum_.number = 5
        told = space.seen
        ann.until(lambda: told in {one.traversal for one in ann.completed})

        (done,) = [one for one in ann.completed if one.traversal == told]
        assert done.nodes == {f"{sum_.id}.{node}": shown(space, sum_, node) for node in ("twice", "thrice", "both")}
        nodes = ann.state.channels["space"].nodes
        assert {node: nodes[node].content_id for node in done.nodes} == done.nodes
        assert nodes[f"{sum_.id}.both"].preview == "25"


def test_one_who_comes_late_holds_what_one_who_was_there_holds() -> None:
    with weft.open(types=TYPES) as space, served(space) as server, server.client() as ann:
        numbers = space.create(Sum, number=2)
        ann.say("open", entity=numbers.id)
        ann.say("sub", channel="space", **{"from": 0})
        ann.until(lambda: shows(ann, f"{numbers.id}.both"))
        numbers.number = 9
        ann.until(lambda: space.seen in {one.traversal for one in ann.completed})
        with server.client("ben") as ben:
            ben.say("sub", channel="space")
            ben.until(lambda: "space" in ben.state.channels)

            assert ben.state.channels["space"].nodes == ann.state.channels["space"].nodes
            assert ben.deltas == []


def test_a_stalled_socket_stops_nobody() -> None:
    settings = LiveSettings(window_deltas=64, batch_deltas=64)
    with weft.open(types=TYPES) as space, served(space, settings=settings) as server:
        spelt = space.create(Spelt)
        with server.client() as ann, server.client("ben") as ben:
            for one in (ann, ben):
                one.say("sub", channel="space", **{"from": 0})
            for number in range(20):
                with space.edit():
                    spelt.word = f"{number}"
                ann.until(lambda: ann.state.channels and ann.state.channels["space"].position == space.position)

            ben.until(lambda: ben.state.channels and ben.state.channels["space"].position == space.position)
            assert ben.deltas == ann.deltas


def test_somebody_who_is_let_in_no_longer_is_told_nothing_more() -> None:
    guard = Keys(ann=user("ann"), ben=user("ben"))
    with weft.open(types=TYPES) as space, served(space, guard) as server:
        numbers = space.create(Sum)
        with server.client() as ann, server.client("ben") as ben:
            for one in (ann, ben):
                one.say("open", entity=numbers.id)
                one.say("sub", channel="space")
                one.until(partial(shows, one, f"{numbers.id}.both"))
            guard.put("ann", None)
            edit = space.position
            numbers.number = 77
            ben.until(lambda: nodes_of(ben)[f"{numbers.id}.twice"].preview == "154")

            code, reason = ann.closed()
            assert code == STRANGER
            assert "nobody has this key" in reason
            assert not [one for one in ann.deltas if one.position > edit]
            with pytest.raises(ConnectionClosed), server.client() as anew:
                anew.next()


def test_two_users_see_what_each_may() -> None:
    guard = Keys(ann=user("ann"), ben=user("ben", "read", entities=frozenset({"nothing yet"})))
    with weft.open(types=TYPES) as space, served(space, guard) as server:
        mine, other = space.create(Sum), space.create(Sum)
        guard.put("ben", user("ben", "read", entities=frozenset({mine.id})))
        with server.client() as ann, server.client("ben") as ben:
            for entity in (mine, other):
                ann.say("open", entity=entity.id)
            ann.say("sub", channel="space")
            ben.say("sub", channel="space")
            ben.say("sub", channel=f"entity:{other.id}")
            assert ben.error().error == "Denied"
            mine.number, other.number = 5, 6
            ann.until(lambda: {f"{mine.id}.both", f"{other.id}.both"} <= nodes_of(ann).keys())
            ben.until(lambda: f"{mine.id}.both" in nodes_of(ben))

            assert other.id not in "".join(one for one in ben.texts if '"error"' not in one)


def test_a_client_goes_on_where_it_was_with_another_server_on_the_same_file(tmp_path: Path) -> None:
    path = str(tmp_path / "shelf.weft")
    GATE.clear()
    with weft.open(path, types=TYPES) as space, served(space) as server:
        slow, numbers = space.create(Slow), space.create(Sum)
        with server.client() as ann:
            for entity in (slow, numbers):
                ann.say("open", entity=entity.id)
            ann.say("sub", channel="space", **{"from": 0})
            ann.until(lambda: shows(ann, f"{numbers.id}.both"))
            slow.number = 4
            edit = space.seen
            ann.until(lambda: edit in ann.state.channels["space"].open if ann.state.channels else False)
            server.stop()
            assert ann.closed()[0] in (1012, 1001)
            held, before = ann.state, list(ann.deltas)
    assert edit in held.channels["space"].open

    with weft.open(path, types=TYPES) as space, served(space) as server, server.client(state=held) as ann:
        anew = space.get(Sum, numbers.id)
        anew.number = 8
        known = held.channels["space"]
        for id in (slow.id, numbers.id):
            ann.say("open", entity=id)
        ann.say("sub", channel="space", open=list(known.open), **{"from": known.position})
        GATE.set()
        ann.until(lambda: not ann.state.channels["space"].open and f"{slow.id}.later" in nodes_of(ann))
        ann.until(lambda: ann.state.channels["space"].position == space.position)

        assert [one.traversal for one in ann.completed].count(edit) == 1
        positions = [one.position for one in [*before, *ann.deltas]]
        assert positions == sorted(set(positions))
        assert [*before, *ann.deltas] == everything(server)


def test_strangers_are_turned_away_before_anything_is_read() -> None:
    with weft.open(types=TYPES) as space, served(space) as server:
        with server.client("nobody") as nobody:
            with suppress(ConnectionClosed):
                nobody.say("sub", channel="space")
            assert nobody.closed()[0] == STRANGER
            assert nobody.frames == []
        with server.client(space="another") as lost:
            assert lost.closed()[0] == UNKNOWN_SPACE
        for origin in ("https://evil.example", "null"):
            with pytest.raises(InvalidStatus, match="403") as refused:
                server.client(origin=origin)
            said = json.loads(refused.value.response.body or b"{}")
            assert (said["className"], said["data"]["error"]) == ("forbidden", "ForeignOrigin")
        with server.client(origin="http://127.0.0.1") as ann:
            ann.say("ping", is_asking=True)
            assert isinstance(ann.next(), Heartbeat)
        url = f"http://127.0.0.1:{server.port}/live/shelf/events"
        assert httpx.get(url).status_code == 401
        assert httpx.get(url, headers={"Authorization": "Bearer key of nobody"}).status_code == 401
        for named in ({"Origin": "null"}, {"Host": "evil.example"}):
            assert httpx.get(url, headers={"Authorization": "Bearer key of ann", **named}).status_code == 403


def test_server_sent_events_are_the_same_frames_and_go_on_behind_the_last_event() -> None:
    with weft.open(types=TYPES) as space, served(space) as server, server.client() as ann:
        numbers = space.create(Sum)
        ann.say("open", entity=numbers.id)
        ann.say("sub", channel="space", **{"from": 0})
        ann.until(lambda: ann.completed)
        first = events(server, {"from": "0"}, lambda got: isinstance(got[-1][1], Completed))
        numbers.number = 6
        ann.until(lambda: len(ann.completed) == 2)
        last = first[0][0]
        assert last.split(";")[0] == str(folded_position(first))
        later = events(
            server, {}, lambda got: sum(isinstance(one, Completed) for _, one in got) == 2, {"Last-Event-ID": last}
        )

        state = ClientState()
        for _, frame in [first[0], *later]:
            state = apply(state, frame)
        assert state.channels == ann.state.channels


def test_server_sent_events_say_what_is_wrong() -> None:
    with weft.open(types=TYPES) as space, served(space) as server:
        url = f"http://127.0.0.1:{server.port}/live/shelf/events"

        def answer(query: str, **headers: str) -> tuple[int, str]:
            said = httpx.get(f"{url}?{query}", headers={"Authorization": "Bearer key of ann", **headers})
            return said.status_code, said.json()["data"]["error"]

        assert answer("channel=all") == (404, "UnknownChannel")
        assert answer("from=12345") == (400, "WrongPosition")
        assert answer("from=one") == (400, "BadFrame")
        assert answer("from=1,2") == (400, "BadFrame")
        assert answer("", **{"Last-Event-ID": "x;y"}) == (400, "BadFrame")
        assert answer("view=nobody") == (404, "UnknownChannel")
        lost = httpx.get(url.replace("shelf", "another"), headers={"Authorization": "Bearer key of ann"})
        assert (lost.status_code, lost.json()["data"]["error"]) == (404, "UnknownSpace")


def test_no_other_page_opens_a_view_by_what_a_browser_sends_for_it() -> None:
    guard = Keys(ann=user("ann"))
    guard.callers["cookie"] = user("ann")
    with weft.open(types=TYPES) as space, served(space, guard) as server:
        sum_ = space.create(Sum, number=2)
        url = f"http://127.0.0.1:{server.port}/live/shelf/events"

        def answer(site: str | None, **headers: str) -> int:
            said = {"Cookie": "weft_session=cookie", **headers} | ({} if site is None else {"Sec-Fetch-Site": site})
            with httpx.stream("GET", url, params={"view": sum_.id}, headers=said, timeout=LIMIT_S) as listening:
                if listening.status_code == 403:
                    assert json.loads(listening.read())["data"]["error"] == ForeignOrigin.__name__
                return listening.status_code

        assert [answer(site) for site in ("same-site", "cross-site", "odd")] == [403, 403, 403]
        assert not server.live.spaces["shelf"].views._held
        assert [answer(site) for site in ("same-origin", "none", None)] == [200, 200, 200]
        assert answer("cross-site", Authorization="Bearer key of ann") == 200
        assert answer("same-site", Origin="http://127.0.0.1") == 200


def nodes_of(client: Client) -> Mapping[str, Shown]:
    known = client.state.channels.get("space")
    return known.nodes if known is not None else {}


def shows(client: Client, node: str) -> bool:
    return node in nodes_of(client)


def everything(server: Served) -> list[Delta]:
    """All deltas from the beginning, as a new client gets them."""
    with server.client() as anew:
        head = server.live.spaces["shelf"].space.position
        anew.say("sub", channel="space", **{"from": 0})
        anew.until(lambda: anew.state.channels and anew.state.channels["space"].position >= head)
        return anew.deltas


def events(
    server: Served,
    query: dict[str, str],
    is_all: Callable[[list[tuple[str, ServerFrame]]], bool],
    headers: dict[str, str] | None = None,
) -> list[tuple[str, ServerFrame]]:
    """Server-sent events, each with its id."""
    found: list[tuple[str, ServerFrame]] = []
    id = ""
    named = {"Cookie": 'weft_session="key of ann"', **(headers or {})}
    url = f"http://127.0.0.1:{server.port}/live/shelf/events"
    with httpx.stream("GET", url, params={"channel": "space", **query}, headers=named, timeout=LIMIT_S) as answer:
        assert answer.headers["content-type"] == "text/event-stream"
        for said in answer.iter_lines():
            kind, _, value = said.partition(": ")
            if kind == "id":
                id = value
            elif kind == "data":
                found.append((id, parse_server_frame(value)))
                if is_all(found):
                    break
    return found


def folded_position(got: list[tuple[str, ServerFrame]]) -> int:
    frame = got[0][1]
    assert isinstance(frame, Batch)
    return frame.position
