"""The fixtures of what clients hold, made by a real run: each frame, and the state behind it.

`python -m tests.server.fixture_run` writes them; a test compares.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import msgspec

from tests.reactive.operations import double
from tests.server.charms import length, triple
from tests.server.lines import frames_of
from tests.server.serving import Keys, user
from weft import Entity, Field, derive, field, items
from weft.definition import compiled_types
from weft.server.client_state import ClientState, apply
from weft.server.frames import (
    Error,
    Heartbeat,
    NodeState,
    Partial,
    Presence,
    ServerFrame,
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
    state, steps = ClientState(), []
    for frame in asyncio.run(_frames()):
        state = apply(state, frame)
        steps.append({"frame": json.loads(encode_frame(frame)), "state": msgspec.to_builtins(state)})
    about = "Applied in this order to an empty state, each frame leads to the state beside it."
    return json.dumps({"about": about, "steps": steps}, indent=1, ensure_ascii=False) + "\n"


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
