"""Seconds of a simulated machine: inputs that change at a pace, nodes that take their time, and a diary of both."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise

from weft import Entity
from weft.content import encode
from weft.folding import event_id, event_plain
from weft.home import Home
from weft.slot import Ok
from weft.space import Space
from weft.store import entries_of
from weft.testing.late_runner import Lateness
from weft.testing.machine import Machine

PROMPT = Lateness(delay_s_max=0.0, prompt=1.0, twice=0.0, breaks=0.0, outlives=0.0)


async def slow(x: int, *, takes_s: float) -> int:
    """`x`, after a while."""
    await asyncio.sleep(takes_s)
    return x


def taking(takes_s: float) -> Callable[[int], Awaitable[int]]:
    """An operation that takes so long."""
    return partial(slow, takes_s=takes_s)


@dataclass
class Diary:
    """What came of some seconds: of each node when it settled, at which cut, and with which value."""

    settled: dict[str, list[tuple[float, int, object]]] = field(default_factory=dict)
    marks: list[tuple[float, int]] = field(default_factory=list)
    cuts: list[tuple[float, int]] = field(default_factory=list)
    calls: dict[str, int] = field(default_factory=dict)

    def gap_s(self, node: str) -> float:
        """The longest time without a new settled value, from the beginning to the end of the story."""
        times = [0.0, *(when for when, _, _ in self.settled.get(node, ())), self.cuts[-1][0]]
        return max(b - a for a, b in pairwise(times))

    def values(self, node: str) -> list[object]:
        """What it came to, in order."""
        return [value for _, _, value in self.settled.get(node, ())]


def is_one_number(values: Iterable[object]) -> bool:
    """Whether each value, a list of the numbers that it is made of, is made of one alone."""
    return {bytes(value) if isinstance(value, bytes) else value for value in values} <= ONE


ONE = {encode([number]) for number in range(2000)}
Change = Callable[[int], list[list[object]]]


def sets_x(second: int) -> list[list[object]]:
    """x is another number each second."""
    return [["e", "x", "set", second]]


def story(
    kind: type[Entity],
    watched: tuple[str, ...],
    seconds: int,
    *,
    change: Change = sets_x,
    every_s: float = 1.0,
    seed: int | str = 1,
    machine: Machine | None = None,
    before: Change | None = None,
) -> Diary:
    """Change something every so often, and note what settles when."""
    machine = machine or Machine(seed, lateness=PROMPT)
    diary = Diary()

    async def program(machine: Machine) -> None:
        async with machine.open((kind,)) as space:
            await _tell(space, "made", [["e", "", "create", kind.__name__], *(before(0) if before else [])])
            home = space._host
            assert isinstance(home, Home)
            for node in watched:
                home.watch(("e", node, ""))
            began_s = machine.loop.time()
            read = 0
            for second in range(1, round(seconds / every_s) + 1):
                await _tell(space, f"change {second}", change(second))
                until = began_s + second * every_s
                while machine.loop.time() < until:
                    await asyncio.sleep(min(0.25, until - machine.loop.time()))
                    read = _note(space, diary, machine.loop.time() - began_s, read)
                with space.view() as engine:
                    diary.cuts.append((until - began_s, engine.cut))
                    diary.marks.append((until - began_s, engine.settled_mark()))

    machine.run(program)
    return diary


async def _tell(space: Space, name: str, intents: list[list[object]]) -> None:
    home = space._host
    assert isinstance(home, Home)
    said = event_plain(event_id("ann", name), intents, actor="ann", base=home.engine.cut, time="2026-01-01T00:00:00Z")  # type: ignore[arg-type]
    await home.tell_async(said)


def _note(space: Space, diary: Diary, now_s: float, read: int) -> int:
    with space.view() as engine:
        for entry in entries_of(engine.store, read):
            if entry.kind != "result" or "superseded" in entry.said:
                continue
            key = entry.said["slot"]
            assert isinstance(key, list)
            node, element = str(key[1]), str(key[2])
            outcome = engine.outcome_of(entry.said["outcome"])
            value = outcome.encoded if isinstance(outcome, Ok) else outcome
            name = f"{node}[{element}]" if element else node
            diary.settled.setdefault(name, []).append((now_s, int(entry.said["at"]), value))  # type: ignore[arg-type]
            if entry.said["how"] == "ran":
                diary.calls[name] = diary.calls.get(name, 0) + 1
        return engine.head.position
