"""What one who follows says to a server, word by word: the other end is this test."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from weft.remote import Following
from weft.server.frames import Batch, Completed, Delta, Error, Heartbeat, Snapshot, encode_frame

SNAPSHOT = Snapshot("space", 3, 3, {}, (2,))
BEGUN = Delta(4, 4, "e.n", "traversal.started")
BATCH = Batch("space", 3, 5, (BEGUN,))


class Faked:
    """A server's end."""

    def __init__(self) -> None:
        self.said: list[dict[str, Any]] = []
        self.frames: list[Any] = []
        self.now_s = 0.0

    def send(self, text: str) -> None:
        self.said.append(json.loads(text))

    def recv(self, timeout: float | None = None) -> str:
        if not self.frames:
            raise TimeoutError
        return encode_frame(self.frames.pop(0))

    def ops(self) -> list[str]:
        return [one["op"] for one in self.said]


@pytest.fixture
def faked(monkeypatch: pytest.MonkeyPatch) -> Faked:
    made = Faked()

    @contextmanager
    def connect(url: str, **_: object) -> Iterator[Faked]:
        yield made

    monkeypatch.setattr("websockets.sync.client.connect", connect)
    return made


def told(faked: Faked, live: Following, *frames: Any) -> list[Any]:
    """What is told once all of these were heard."""
    faked.frames += frames
    found = []
    while (one := live.next(0.0)) is not None or faked.frames:
        found += [one] if one is not None else []
    return found


@pytest.fixture
def live(faked: Faked) -> Iterator[Following]:
    with Following("ws://x", {}, now_s=lambda: faked.now_s) as one:
        yield one


def test_what_is_looked_at_is_said_before_what_is_subscribed_to_and_what_is_paused_first(
    faked: Faked, live: Following
) -> None:
    live.subscribe("space")
    live.subscribe("entity:e", after=0)
    live.open("e")
    live.pause("space")
    live.show("space", {"at": "e"})
    assert told(faked, live) == []

    assert faked.said == [
        {"op": "sub", "channel": "space"},
        {"op": "pause", "channel": "space"},
        {"op": "presence", "channel": "space", "shown": {"at": "e"}},
        {"op": "open", "entity": "e"},
        {"op": "sub", "channel": "entity:e", "from": 0},
    ]


def test_each_heartbeat_is_answered_and_a_server_that_has_much_to_tell_hears_of_it_too(
    faked: Faked, live: Following
) -> None:
    told(faked, live, Heartbeat({}))
    assert faked.said == [{"op": "ping"}]

    for _ in range(10):
        faked.now_s += 9.0
        told(faked, live, SNAPSHOT)
    assert faked.ops() == ["ping"] * 4


def test_frames_that_are_missing_are_asked_for_again(faked: Faked, live: Following) -> None:
    live.subscribe("space")
    found = told(faked, live, SNAPSHOT, Batch("space", 4, 6, ()), BATCH)

    assert faked.said[1:] == [{"op": "sub", "channel": "space", "from": 3, "open": [2]}]
    assert [getattr(one, "delta", None) for one in found] == [None, BEGUN]


def test_what_comes_twice_is_told_once(faked: Faked, live: Following) -> None:
    live.subscribe("space")
    done = Completed("space", 4, 5)
    found = told(faked, live, SNAPSHOT, BATCH, BATCH, done, done, SNAPSHOT)

    assert [type(one).__name__ for one in found] == ["Snapshot", "NewDelta", "Completed"]


def test_what_still_comes_of_a_channel_that_was_left_is_not_told(faked: Faked, live: Following) -> None:
    live.subscribe("space")
    told(faked, live, SNAPSHOT)
    live.unsubscribe("space")

    assert told(faked, live, BATCH) == []
    assert live.state.channels == {}
    assert faked.ops() == ["sub", "unsub"]


def test_what_is_left_of_a_frame_is_not_told_of_a_channel_that_was_left(faked: Faked, live: Following) -> None:
    live.subscribe("space")
    told(faked, live)
    faked.frames += [SNAPSHOT, Batch("space", 3, 6, (BEGUN, Delta(5, 4, "e.n", "node.settled")))]
    assert isinstance(live.next(0.0), Snapshot)
    assert live.next(0.0) is not None
    assert live.state.channels["space"].position == 4
    live.unsubscribe("space")

    assert live.next(0.0) is None
    assert live.state.channels == {}


def test_a_view_that_was_refused_is_not_asked_for_again_and_not_closed(faked: Faked, live: Following) -> None:
    live.open("no")
    (found,) = told(faked, live, Error("UnknownChannel", "no such", "no"))
    live.close("no")

    assert isinstance(found, Error)
    assert faked.ops() == ["open"]
