"""L13: whatever the shape of a group, and however slow its members, settled values keep coming, each of one cut."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from functools import partial
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.pressure.pace import story
from weft import Entity, Field, derive, field
from weft.content import encode


async def read(x: int, *, takes_s: float) -> list[int]:
    """The number that was told, as the cuts that a value is made of."""
    await asyncio.sleep(takes_s)
    return [x]


async def follow(a: list[int], *, takes_s: float) -> list[int]:
    await asyncio.sleep(takes_s)
    return a


async def meet(a: list[int], b: list[int], *, takes_s: float) -> list[int]:
    await asyncio.sleep(takes_s)
    return sorted({*a, *b})


def mix(a: list[int], x: int) -> list[int]:
    return sorted({*a, x})


@dataclass(frozen=True)
class Shape:
    """Of each node what it reads (earlier ones, or x and y where it reads none) and how long it takes."""

    nodes: tuple[tuple[tuple[int, ...], float], ...]

    def path_s(self) -> float:
        """How long it takes from a change to the last node, at best."""
        ends: list[float] = []
        for reads, takes_s in self.nodes:
            ends.append(takes_s + max((ends[read] for read in reads), default=0.0))
        return max(ends)

    def entity(self) -> type[Entity]:
        """A type of this shape: `n0` and so on, and `all`, which reads the last two and the field itself."""
        body: dict[str, Any] = {"__module__": __name__, "__annotations__": {"x": Field[int], "y": Field[int]}}
        body |= {"x": field(default=0), "y": field(default=0)}
        for number, (reads, takes_s) in enumerate(self.nodes):
            inputs = [body[f"n{one}"] for one in reads] or [body["xy"[number % 2]]]
            function = read if not reads else follow if len(reads) == 1 else meet
            body[f"n{number}"] = derive(partial(function, takes_s=takes_s), *inputs)
        last = len(self.nodes) - 1
        body["pair"] = derive(partial(meet, takes_s=0.0), body[f"n{last - 1}"], body[f"n{last}"])
        body["all"] = derive(mix, body["pair"], body["x"])
        return type("Shape", (Entity,), body)


@st.composite
def shapes(draw: st.DrawFn) -> Shape:
    nodes: list[tuple[tuple[int, ...], float]] = []
    for number in range(draw(st.integers(2, 6))):
        reads = draw(st.lists(st.sampled_from(range(number)), max_size=min(2, number), unique=True)) if number else []
        nodes.append((tuple(reads), draw(st.sampled_from((0.0, 0.5, 1.0, 2.0, 3.0, 5.0, 7.0, 8.0)))))
    return Shape(tuple(nodes))


@settings(max_examples=25, deadline=None, derandomize=True, database=None)
@given(shapes())
def test_settled_values_keep_coming_and_never_mix_cuts(shape: Shape) -> None:
    path_s = shape.path_s()

    diary = story(
        shape.entity(),
        ("all",),
        round(8 * path_s) + 12,
        change=lambda now: [["e", "x", "set", now], ["e", "y", "set", now]],
    )

    # A round takes the longest way through the group; who ran meanwhile may end half of that later.
    assert diary.gap_s("all") <= 1.5 * path_s + 1.5, shape
    one = {encode([second]) for second in range(1000)}
    assert set(diary.values("all")) <= one, shape
    assert [mark for _, mark in diary.marks] == sorted(mark for _, mark in diary.marks)
    behind = [at for _, at, _ in diary.settled["all"]]
    assert behind == sorted(set(behind))
