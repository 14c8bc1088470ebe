"""The fixtures of what clients hold, made by a real run: each frame, and the state behind it.

`python -m tests.server.fixture_run` writes them; a test compares.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

from tests.reactive.operations import double
from tests.server.charms import length, triple
from tests.server.lines import frames_of
from tests.server.serving import Keys, user
from weft import Entity, Field, derive, field, items
from weft.definition import compiled_types
from weft.server.client_state import ClientState, FrameMissing, apply, news
from weft.server.frames import (
    Batch,
    Completed,
    Delta,
    Error,
    Heartbeat,
    NodeState,
    Partial,
    Presence,
    ServerFrame,
    Shown,
    Snapshot,
    States,
    Sub,
    encode_frame,
    parse_server_frame,
)
from weft.server.live import Live
from weft.space import Space
from weft.stores.memory import MemoryStore

FIXTURE = Path(__file__).parent / "fixtures" / "client_state.json"
LIMIT_S = 30.0
AT = "2026-01-01T00:00:00.000000Z"


class Chain(Entity):
    """Nodes in a row, so that they settle in one order."""

    number: Field[int] = field(default=1)
    twice = derive(double, number)
    thrice = derive(triple, twice)


class Words(Entity):
    """A list, of which an element is computed at a time."""

    words = items(str)
    lengths = words.each(length)


def fixture_text() -> str:
    """What the file holds."""
    about = (
        "Applied in this order to an empty state, each frame leads to the state beside it, and what of it was not "
        "known before is its news. `steps` are of a real run; each of the `rules` begins with an empty state, and "
        "where frames are missing says behind which position."
    )
    rules = [{"rule": rule, "steps": _steps(frames)} for rule, frames in _rules()]
    said = {"about": about, "steps": _steps(asyncio.run(_frames())), "rules": rules}
    return json.dumps(said, indent=1, ensure_ascii=False) + "\n"


def _steps(frames: Iterable[ServerFrame]) -> list[dict[str, object]]:
    state, steps = ClientState(), list[dict[str, object]]()
    for frame in frames:
        step: dict[str, object] = {"frame": json.loads(encode_frame(frame))}
        step["news"] = json.loads(msgspec.json.encode(news(state, frame)))
        try:
            state = apply(state, frame)
        except FrameMissing as why:
            step["missing"] = why.position
        steps.append(step | {"state": json.loads(msgspec.json.encode(state))})
    return steps


def _opened() -> Space:
    numbers = (f"{number:032x}" for number in range(1000))
    return Space(
        MemoryStore(), compiled_types([Chain, Words]), services={}, actor="ann",
        now=lambda: AT, new_id=lambda: next(numbers),
    )  # fmt: skip


async def _frames() -> list[ServerFrame]:
    """What somebody is told who comes, goes, comes back, and is told some of it twice."""
    with _opened() as space:
        chain, words = await asyncio.to_thread(_begin, space)
        frames = await _told(space, Sub("space"))
        position = space.position
        await asyncio.to_thread(_go_on, space, chain, words)
        frames += await _told(space, Sub("space", position))
        frames += await _told(space, Sub("space", position - 2))
        own = f"entity:{words.id}"
        frames += await _told(space, Sub(own, 0))
        head = space.position
        frames += _volatile(chain.id, own, head)
        await asyncio.to_thread(words.words.remove, "three")
        frames += await _told(space, Sub("space", head))
        frames += await _told(space, Sub(own))
    return [parse_server_frame(encode_frame(one)) for one in frames]


def _begin(space: Space) -> tuple[Chain, Words]:
    with space.edit(once="begin"):
        chain, words = space.create(Chain), space.create(Words)
    space.watch(chain.thrice, words.lengths)
    space.wait_settled(timeout_s=LIMIT_S)
    return chain, words


def _go_on(space: Space, chain: Chain, words: Words) -> None:
    chain.number = 4
    space.wait_settled(timeout_s=LIMIT_S)
    words.words.add("three")
    space.wait_settled(timeout_s=LIMIT_S)
    chain.number = -1
    space.wait_settled(timeout_s=LIMIT_S)


def _rules() -> Iterator[tuple[str, list[ServerFrame]]]:
    """What a run comes to seldom, or only where something goes wrong on the way."""
    shown, other = Shown(2, 2, "node.settled", "c", "1"), Shown(4, 4, "node.settled", "d", "2")
    begun, settled = Delta(4, 4, "e.m", "traversal.started", by="ann"), Delta(5, 4, "e.n", "node.settled", "d", "", "2")
    snapshot = Snapshot("space", 3, 3, {"e.n": shown}, (3, 2))
    yield "a frame behind one that is missing changes nothing", [
        snapshot, Batch("space", 4, 6, (Delta(6, 4, "e.n", "node.settled"),)), Batch("space", 3, 5, (begun, settled)),
    ]  # fmt: skip
    yield "a frame that overlaps is taken as far as it is new", [
        snapshot, Batch("space", 3, 4, (begun,)), Batch("space", 2, 5, (begun, settled)),
        Batch("space", 3, 4, (begun,)),
    ]  # fmt: skip
    yield "what a snapshot holds already is told and not shown", [
        Snapshot("space", 3, 5, {"e.n": other}),
        Batch("space", 3, 6, (begun, settled, Delta(6, 4, "e.k", "node.reused"))),
    ]  # fmt: skip
    yield "an older snapshot is none", [
        Snapshot("space", 5, 5, {"e.n": other}), snapshot, Snapshot("space", 5, 5, {}), Snapshot("space", 4, 6, {}),
    ]  # fmt: skip
    yield "a channel begins where its first batch does", [Batch("space", 3, 5, (begun, settled))]
    yield "what is completed was open, and once", [
        Completed("space", 4, 5), Batch("space", 3, 5, (begun, settled)), Completed("space", 4, 5, {"e.n": "d"}),
        Completed("space", 4, 5), Completed("entity:e", 4, 5),
    ]  # fmt: skip
    yield "a partial value gives way to what settled behind it", [
        snapshot, Partial("e.n", 4, 1, "so", "so"), Partial("e.k", 4, 2, "far", "far"),
        Batch("space", 3, 5, (begun, settled)), Partial("e.n", 4, 3, "late"), Partial("e.n", 5, 3, "anew"),
        Snapshot("space", 6, 6, {}), Partial("e.n", 6, 3, "no news"), Partial("e.n", 6, 4, "news"),
    ]  # fmt: skip
    yield "what is removed shows nothing; what was superseded, and what is impure, changes nothing", [
        snapshot,
        Batch("space", 3, 5, (Delta(4, 4, "e.n", "node.superseded", "x"), Delta(5, 4, "e.n", "node.impure"))),
        Batch("space", 5, 6, (Delta(6, 4, "e.n", "node.failed", preview="ValueError: no"),)),
        Batch("space", 6, 7, (Delta(7, 7, "e.n", "node.removed"),)),
    ]  # fmt: skip
    yield "a heartbeat moves channels that are known, and only on", [
        Heartbeat({"space": 9}), snapshot, Heartbeat({"space": 9, "entity:e": 9}), Heartbeat({"space": 4}),
    ]  # fmt: skip
    yield "who is there is replaced", [
        Presence("space", {"1": ("ann", None), "2": ("ben", [1])}), Presence("space", {"2": ("ben", {"at": "x"})}),
    ]  # fmt: skip


async def _told(space: Space, said: Sub) -> list[ServerFrame]:
    async with Live({"shelf": space}, Keys(ann=user("ann"))) as live:
        return await frames_of(live, said)


def _volatile(entity: str, channel: str, head: int) -> Iterator[ServerFrame]:
    node = f"{entity}.twice"
    yield Partial(node, head, 1, "'so far'", "so far")
    yield Partial(node, head, 2, "'so far so good'", "so far so good")
    yield Partial(node, head, 1, "'so far'", "so far")
    yield Partial(node, 1, 3, "'of before'", "of before")
    late, waits = NodeState("node.started", AT), NodeState("node.waiting", AT, needs=(node,))
    yield States(channel, 2, {node: late})
    yield States(channel, 3, {node: NodeState("node.queued", AT), f"{entity}.thrice": waits}, is_whole=True)
    yield States("space", 3, {f"{entity}.approve[r1]": NodeState("run.paused", AT, "it waits for x")}, is_whole=True)
    yield States(channel, 5, {node: late})
    yield States(channel, 4, {node: None})
    yield States(channel, 6, {node: None, f"{entity}.gone": None})
    yield States(channel, 8, {node: late}, is_whole=True)
    yield States(channel, 7, {}, is_whole=True)
    yield Presence(channel, {"0123": ("ann", {"at": "lengths"})})
    yield Presence(channel, {})
    yield Heartbeat({"space": head, channel: head})
    yield Error("UnknownChannel", 'There is no channel "all" here.', "all")


if __name__ == "__main__":
    FIXTURE.write_text(fixture_text(), encoding="utf-8")
