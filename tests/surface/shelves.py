"""A small type that the tests of the public surface share, and operations that can be held."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Sequence
from typing import Protocol

from weft import Entity, Field, counter, derive, field, items


class Gate(Protocol):
    """A service that lets a call go on when it is opened."""

    def wait(self) -> None: ...


class Bar:
    """A gate of one test."""

    deterministic, cost = True, "free"

    def __init__(self) -> None:
        self.opened = threading.Event()
        self.entered = threading.Event()

    def wait(self) -> None:
        self.entered.set()
        self.opened.wait(30)


def total(numbers: Sequence[int]) -> int:
    return sum(numbers)


def doubled(number: int) -> int:
    return number * 2


def held(number: int, *, gate: Gate) -> int:
    gate.wait()
    return number


async def never(number: int) -> int:
    await asyncio.Event().wait()
    return number


async def steps(count: int) -> AsyncIterator[int]:
    for step in range(1, count + 1):
        yield step


class Tally(Entity):
    start: Field[int] = field(default=0)
    numbers = items(int)
    clicks = counter()
    sum = derive(total, numbers)
    double = derive(doubled, start)
    each_double = numbers.each(doubled)
    count = numbers.count()
    held = derive(held, start)
    never = derive(never, start)
    streamed = derive(steps, start)
