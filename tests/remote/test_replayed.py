"""Replays from what was recorded: every value, and no call of an operation."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.server.whole import CALLS, Agreed, Counted, Whole, whole
from tests.until import LIMIT_S, until
from weft.remote import Recorded, Remote, batch_of
from weft.server.client_state import ClientState, apply
from weft.server.frames import Snapshot


@pytest.fixture(scope="module")
def server() -> Iterator[Whole]:
    with whole() as served:
        yield served


@pytest.fixture(scope="module")
def remote(server: Whole) -> Iterator[Remote]:
    with Remote(server.straight, "key of ann") as made:
        yield made


def values(told: list[Recorded], node: str) -> list[object]:
    return [one.value for one in told if one.delta.node == node and one.has_value]


def test_a_replay_tells_every_value_that_was_recorded_and_calls_nothing(server: Whole, remote: Remote) -> None:
    space = server.space
    entity = space.create(Counted, number=11)
    space.watch(entity.lengths)
    edits = []
    for number in (11, 12, -1, 13):
        entity.number = number
        edits.append(space.seen)
        space.wait_settled(timeout_s=LIMIT_S)
    calls = CALLS.copy()

    told = list(remote.replay("home"))

    assert values(told, f"{entity.id}.doubled") == [22, 24, 26]
    assert values(told, f"{entity.id}.digits") == [["22"], ["22", "44"], ["22", "66"]]
    lengths = [one for one in told if one.delta.node.startswith(f"{entity.id}.lengths[")]
    assert [one.value for one in lengths if one.has_value] == [2] * len([one for one in lengths if one.has_value])
    assert len([one for one in lengths if one.has_value]) >= 3
    assert [one.delta.preview for one in told if one.delta.node == f"{entity.id}.doubled" and not one.has_value] == [
        "ValueError: -1 is negative"
    ]
    assert [one.delta.position for one in told] == sorted({one.delta.position for one in told})

    second = list(remote.replay("home", traversal=edits[1]))
    assert {one.delta.traversal for one in second} == {edits[1]}
    assert second[0].intents == ([entity.id, "number", "set", 12],)
    assert values(second, f"{entity.id}.doubled") == [24]
    part = remote.replay("home", after=edits[1] - 1, until=edits[1])
    assert [one.delta.position for one in part] == [edits[1]]
    assert calls == CALLS, "nothing was called for it"


def test_the_same_apply_makes_of_it_what_was_there_live(server: Whole, remote: Remote) -> None:
    state = ClientState()
    for one in remote.replay("home", values=False):
        state = apply(state, batch_of(state, "space", [one.delta]))
    with remote.live("home") as live:
        live.subscribe("space")
        live.until(lambda: "space" in live.state.channels, LIMIT_S)

        assert state.channels["space"].nodes == live.state.channels["space"].nodes
        assert isinstance(apply(state, Snapshot("space", 0, 0, {})), ClientState)


def test_a_run_is_replayed_by_what_its_steps_came_to(server: Whole, remote: Remote) -> None:
    entity = server.space.create(Counted, number=5, state="submitted")
    until(lambda: any(one.entity == entity.id for one in server.space.questions()))
    (question,) = [one for one in server.space.questions() if one.entity == entity.id]
    server.space.answer(question, Agreed(yes=True))
    assert entity.approve.wait(timeout_s=LIMIT_S) == "approved"

    told = [intent[2:] for one in remote.replay("home", run=question.run) for intent in one.intents]

    assert [verb for verb, *_ in told] == ["fire", "begin", "step", "answer", "done", "end"]
    assert told[-1][-1] == "approved"


def test_what_was_erased_since_is_told_without_its_values(server: Whole, remote: Remote) -> None:
    entity = server.space.create(Counted, number=21)
    server.space.watch(entity.doubled)
    server.space.wait_settled(timeout_s=LIMIT_S)
    began = server.space.position
    remote.call("entities.remove", {"space": "home", "entity": entity.id, "why": "asked for"})

    told = list(remote.replay("home", after=0))

    assert values(told, f"{entity.id}.doubled") == []
    assert told[-1].delta.position > began
