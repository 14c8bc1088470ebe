"""Following a space over a wire that is cut: nothing is missed, and nothing is told twice."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest

from tests.server.charms import GATE, WORDS, Story
from tests.server.serving import user
from tests.server.whole import Counted, Whole, whole
from tests.until import LIMIT_S, until
from weft.remote import Following, LiveOver
from weft.remote.following import NewDelta, Standing, Told
from weft.remote.patience import Patience
from weft.server.client_state import ChannelState, ClientState
from weft.server.frames import Completed, Delta, Error, Partial, Presence, Snapshot

SOON = Patience(0.0, 0.0)


@pytest.fixture(scope="module")
def server() -> Iterator[Whole]:
    with whole() as served:
        yield served


def following(server: Whole, user: str = "ann", state: ClientState | None = None, **more: Any) -> Following:
    url, headers = f"{server.base.replace('http', 'ws')}/live/home", {"Authorization": f"Bearer key of {user}"}
    return Following(url, headers, state, is_near=True, **{"patience": SOON, **more})


def at(position: int) -> ClientState:
    return ClientState({"space": ChannelState(position, position)})


def deltas(told: list[Told]) -> list[Delta]:
    return [one.delta for one in told if isinstance(one, NewDelta)]


def completed(told: list[Told]) -> list[int]:
    return [one.traversal for one in told if isinstance(one, Completed)]


def positions(server: Whole, after: int, upto: int) -> list[int]:
    """Those of the log that a client is to be told of, each once."""
    with server.space.subscribe(after=after) as log:
        return [one.position for one in log.present() if one.position <= upto]


def collected(live: Following, is_so: Callable[[list[Told]], object]) -> list[Told]:
    """What is told until that is so."""
    told: list[Told] = []
    while not is_so(told):
        found = live.next(LIMIT_S)
        assert found is not None
        told.append(found)
    return told


def stands_so(live: Following, status: str, attempt: int) -> bool:
    return (live.standing.status, live.standing.attempt) == (status, attempt)


def preview(live: Following, node: str) -> str:
    known = live.state.channels.get("space")
    return known.nodes[node].preview if known is not None and node in known.nodes else ""


def test_a_snapshot_first_and_then_what_follows(server: Whole) -> None:
    entity = server.space.create(Counted, number=3)
    with following(server) as live:
        live.open(entity.id)
        live.subscribe("space")
        live.until(lambda: preview(live, f"{entity.id}.doubled") == "6", LIMIT_S)
        entity.number = 4
        told = server.space.seen
        heard = collected(live, lambda heard: told in completed(heard))

        assert preview(live, f"{entity.id}.doubled") == "8"
        assert [one.type for one in deltas(heard) if one.node.startswith(f"{entity.id}.doubled")] == ["node.settled"]
        assert live.standing.status == "open"


@pytest.mark.parametrize("each", [0, 1, 2])
def test_each_delta_once_where_each_connection_lives_for_so_many_frames(server: Whole, each: int) -> None:
    entity = server.space.create(Counted, number=5)
    began = server.space.position
    with following(server, state=at(began)) as live:
        live.open(entity.id)
        live.subscribe("space")
        server.wire.each = each or 1
        server.wire.is_half = True
        server.wire.frames = each
        told, cuts = [], server.wire.cuts
        for number in range(50, 54):
            entity.number = number
            told.append(server.space.seen)
        heard = collected(live, lambda heard: set(told) <= set(completed(heard)))
        server.wire.each = server.wire.frames = None

        assert server.wire.cuts > cuts
        end = live.state.channels["space"].position
        assert [one.position for one in deltas(heard)] == positions(server, began, end)
        assert [one for one in completed(heard) if one in told] == told
        assert len(set(completed(heard))) == len(completed(heard))


def test_one_goes_on_where_another_ended(server: Whole) -> None:
    entity = server.space.create(Counted, number=1)
    with following(server) as first:
        first.subscribe("space", after=0)
        heard = first.until(lambda: "space" in first.state.channels and
                            first.state.channels["space"].position >= server.space.position, LIMIT_S)  # fmt: skip
    entity.number = 2
    with following(server, state=first.state) as second:
        second.subscribe("space")
        more = second.until(lambda: second.state.channels["space"].position >= server.space.position, LIMIT_S)

        found = [one.position for one in deltas([*heard, *more])]
        assert found == positions(server, 0, server.space.position)


def test_what_is_held_is_what_was_told_also_within_a_frame(server: Whole) -> None:
    whole = positions(server, 0, server.space.position)
    state, found = ClientState(), list[int]()
    while len(found) < len(whole):
        with following(server, state=state) as live:
            live.subscribe("space", after=0)
            for _ in range(20):
                if len(found) == len(whole):
                    break
                told = live.next(LIMIT_S)
                found += [told.delta.position] if isinstance(told, NewDelta) else []
                assert isinstance(told, Completed) or live.state.channels["space"].position >= found[-1]
            state = live.state

    assert found[: len(whole)] == whole


def test_views_are_opened_anew_and_counted(server: Whole) -> None:
    entity = server.space.create(Counted, number=8)
    views = server.live.spaces["home"].views

    def looked_at() -> set[str]:
        return {one for mine in list(views._open.values()) for one in mine}

    with following(server) as live:
        live.subscribe("space")
        live.open(entity.id)
        live.open(entity.id)
        live.until(lambda: preview(live, f"{entity.id}.doubled") == "16", LIMIT_S)
        server.wire.cut()
        until(lambda: entity.id not in looked_at())
        entity.number = 9
        live.until(lambda: preview(live, f"{entity.id}.doubled") == "18", LIMIT_S)

        live.close(entity.id)
        live.show("space", "still here")
        collected(live, lambda heard: any(isinstance(one, Presence) for one in heard))
        assert entity.id in looked_at()
        live.close(entity.id)
        live.close(entity.id)
        until(lambda: entity.id not in looked_at())


def test_who_is_let_in_no_longer_is_told_so_and_tries_again_when_told_to(server: Whole) -> None:
    server.guard.put("dora", user("dora"))
    with following(server, "dora") as live:
        live.subscribe("space")
        live.until(lambda: live.state.channels, LIMIT_S)
        server.guard.put("dora", None)
        for _ in range(2):
            with pytest.raises(LiveOver, match=r"\(4401\).*nobody has this key"):
                live.until(lambda: False, LIMIT_S)
        assert live.standing.status == "over"
        assert live.state.channels

        server.guard.put("dora", user("dora"))
        live.reconnect_now()
        server.space.create(Counted)
        collected(live, deltas)  # what was there on its return may be told before it
        assert live.standing == Standing("open")


def test_who_may_do_less_holds_nothing_of_before(server: Whole) -> None:
    server.guard.put("emil", user("emil"))
    with following(server, "emil") as live:
        live.subscribe("space")
        live.until(lambda: live.state.channels, LIMIT_S)
        server.guard.put("emil", user("emil", "read", entities=frozenset()))
        with pytest.raises(LiveOver, match="4403"):
            live.until(lambda: False, LIMIT_S)
        assert live.state == ClientState()


def test_what_is_refused_is_told_and_not_asked_for_again(server: Whole) -> None:
    with following(server) as live:
        live.subscribe("entity:nobody")
        live.open("nobody")
        heard = collected(live, lambda heard: len(heard) == 2)
        assert [(one.error, one.about) for one in heard if isinstance(one, Error)] == [
            ("UnknownChannel", "nobody"), ("UnknownChannel", "entity:nobody"),
        ]  # fmt: skip
        server.wire.cut()
        live.subscribe("space")
        heard = collected(live, lambda heard: any(isinstance(one, Snapshot) for one in heard))
        assert not [one for one in heard if isinstance(one, Error)]


def test_a_log_that_ends_before_what_was_seen_is_begun_with_anew(server: Whole) -> None:
    with following(server, state=at(1 << 40)) as live:
        live.subscribe("space")
        heard = collected(live, lambda heard: any(isinstance(one, Snapshot) for one in heard))

        assert [one.error for one in heard if isinstance(one, Error)] == ["WrongPosition"]
        assert live.state.channels["space"].position <= server.space.position


def test_with_more_open_than_it_may_ask_about_it_begins_with_a_snapshot(server: Whole) -> None:
    crowded = ClientState({"space": ChannelState(2, 2, {}, tuple(range(1001)))})
    with following(server, state=crowded) as live:
        live.subscribe("space")
        assert isinstance(live.next(LIMIT_S), Snapshot)


def test_streams_are_shown_as_they_grow_and_not_where_they_are_paused(server: Whole) -> None:
    GATE.set()
    WORDS[:] = ["once"]
    story = server.space.create(Story)
    channel = f"entity:{story.id}"
    with following(server) as live:
        live.subscribe(channel)
        live.open(story.id)
        parts = collected(live, lambda heard: any(isinstance(one, Partial) for one in heard))
        assert [one.value for one in parts if isinstance(one, Partial)] == ["once"]
        live.pause(channel)
        live.play(channel)
        WORDS.append(".")
        live.until(lambda: f"{story.id}.tale" in live.state.channels[channel].nodes, LIMIT_S)
        assert live.state.partials == {}
        live.unsubscribe(channel)
        assert live.state.channels == {}


def test_it_comes_again_without_an_end_and_ever_more_seldom(server: Whole) -> None:
    waits: list[float] = []
    now = 0.0

    def wait(seconds: float) -> None:
        nonlocal now
        waits.append(seconds)
        now += seconds
        server.wire.is_down = len(waits) < 80

    server.wire.is_down = True
    patience = Patience(0.5, 30.0, chance=lambda: 1.0)
    with following(server, patience=patience, wait=wait, now_s=lambda: now) as live:
        live.subscribe("space")
        assert isinstance(live.next(), Snapshot)

    assert waits[:8] == [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0]
    assert len(waits) == 80
    assert set(waits[6:]) == {30.0}


def test_somebody_who_waits_no_longer_than_that_is_given_nothing(server: Whole) -> None:
    server.wire.is_down = True
    with following(server, patience=Patience(60.0, 60.0, chance=lambda: 1.0)) as live:
        live.subscribe("space")
        assert live.next(0.05) is None
        with pytest.raises(TimeoutError, match="0 other things"):
            live.until(lambda: live.state.channels, 0.05)
        server.wire.is_down = False
        live.reconnect_now()
        assert isinstance(live.next(LIMIT_S), Snapshot)
        live.until(lambda: True)


def test_it_is_stopped_from_another_thread_also_while_it_waits(server: Whole) -> None:
    for is_down in (False, True):
        server.wire.is_down = is_down
        live = following(server, patience=Patience(600.0, 600.0, chance=lambda: 1.0))
        heard: list[Told] = []
        thread = threading.Thread(target=partial(heard.extend, live))
        thread.start()
        begun = ("waiting", 1) if is_down else ("open", 0)
        until(partial(stands_so, live, *begun))
        live.stop()
        thread.join(LIMIT_S)
        assert not thread.is_alive()
        assert (live.standing.status, live.standing.why, heard) == ("over", "stopped", [])
    server.wire.is_down = False


def test_it_says_no_more_at_once_than_the_server_takes(server: Whole) -> None:
    entities = [server.space.create(Counted, number=number).id for number in range(70)]
    waits: list[float] = []
    now = 0.0

    def wait(seconds: float) -> None:
        nonlocal now
        waits.append(seconds)
        now += seconds

    with following(server, wait=wait, now_s=lambda: now) as live:
        for entity in entities:
            live.open(entity)
        live.subscribe("space")
        live.until(lambda: all(preview(live, f"{one}.doubled") for one in entities))

        assert waits
        assert live.standing.status == "open"
