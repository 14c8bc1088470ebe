"""Operations that say they are pure: some are, some count how often they were called, some change what they are given.

They stand at the top level of a module, so that another process finds them.
"""

from __future__ import annotations

import asyncio
import itertools
import os
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from dataclasses import field as field_of
from typing import Protocol

from weft import Blob, Entity, Field, State, derive, field, op
from weft.call import Limits

calls = itertools.count()
"""Another number each time: what no pure operation looks at."""
whims = itertools.count()
"""Of one operation alone, so that each two calls of it differ."""
WORDS = frozenset({"warp", "weft", "shuttle", "loom", "heddle", "reed", "treadle", "bobbin", "twill", "satin"})


@op(pure=True)
def doubled(n: int) -> int:
    return 2 * n


@op(pure=True, version=3)
def counted(n: int) -> dict[str, list[int]]:
    return {"same": [n], "numbers": [n, next(calls)]}


@op(pure=True)
async def counted_async(n: int) -> int:
    await asyncio.sleep(0)
    return n + next(calls)


@op(pure=True)
async def counted_stream(n: int) -> AsyncIterator[int]:
    yield n
    yield n + next(calls)


@op(pure=True)
async def settling_stream(n: int) -> AsyncIterator[int]:
    yield next(calls)
    yield n


@op(pure=True, runner="process")
def counted_apart(n: int) -> int:
    return n + int.from_bytes(os.urandom(6))  # two calls may be of two processes, each with a count of its own


@op(pure=True, runner="thread")
def counted_thread(n: int) -> int:
    return n + next(calls)


@op(pure=True)
def added(last: int, n: int) -> int:
    return last + n


@op(pure=True)
def seen(state: State[int]) -> str:
    return type(state).__name__


def not_pure(n: int) -> int:
    return n + next(calls)


@op(pure=True)
def whimsical(n: int) -> int:
    if next(whims) % 2:
        raise ValueError("not this time")
    return n


@op(pure=True)
def moody(n: int) -> int:
    raise ValueError(f"no {next(calls)}")


@op(pure=True)
def refusing(n: int) -> int:
    raise ValueError(f"never {n}")


@op(pure=True)
def as_set(n: int) -> frozenset[str]:
    return frozenset(sorted(WORDS, reverse=bool(next(calls) % 2)))


@op(pure=True)
def as_mapping(n: int) -> dict[str, int]:
    return dict.fromkeys(sorted(WORDS, reverse=bool(next(calls) % 2)), n)


@op(pure=True)
def in_set_order(n: int) -> list[str]:
    return list(WORDS)


@op(pure=True)
def by_process(n: int) -> int:
    return os.getpid()


@op(pure=True)
def grown(xs: list[int]) -> int:
    xs.append(0)
    return len(xs)


@op(pure=True, runner="process")
def grown_apart(xs: list[int]) -> int:
    xs.append(0)
    return len(xs)


@op(pure=True)
async def grown_async(xs: list[int]) -> int:
    xs.append(0)
    return len(xs)


@op(pure=True)
async def grown_stream(xs: list[int]) -> AsyncIterator[int]:
    xs.append(0)
    yield len(xs)


@op(pure=True)
def spoilt(xs: list[int]) -> int:
    xs.append("no number")  # type: ignore[arg-type]
    raise ValueError("and it failed")


@op(pure=True)
def size(photo: Blob) -> int:
    return len(photo.bytes())


@op(pure=True, runner="process")
def size_apart(photo: Blob) -> int:
    return len(photo.bytes())


class Oracle(Protocol):
    def ask(self, n: int, /) -> int: ...


@dataclass
class Told:
    """A service that says this of itself, and counts how often it was asked."""

    deterministic: bool = True
    cost: str = "free"
    effect: str = "none"
    runner: str | None = None
    limits: Limits = field_of(default_factory=lambda: Limits(concurrency=1))
    asked: int = 0

    def ask(self, n: int, /) -> int:
        self.asked += 1
        return 10 * n

    def recipe(self) -> tuple[str, Mapping[str, object]]:
        return "tests.purity.operations:Told", {"deterministic": self.deterministic}


@op(pure=True)
def asked(n: int, *, oracle: Oracle) -> int:
    return oracle.ask(n)


class Silent:
    """A service that says nothing of itself."""

    asked = 0

    def ask(self, n: int, /) -> int:
        self.asked += 1
        return 10 * n


class Bench(Entity):
    """Every operation, over one number and one list."""

    n: Field[int] = field(default=1)
    xs: Field[list[int]] = field(default=[])
    photo: Field[Blob] = field(default=Blob.from_bytes(b"a photo"))
    doubled = derive(doubled, n)
    counted = derive(counted, n)
    counted_async = derive(counted_async, n)
    counted_stream = derive(counted_stream, n)
    settling_stream = derive(settling_stream, n)
    counted_apart = derive(counted_apart, n)
    counted_thread = derive(counted_thread, n)
    added = derive(added, n, initial=0)
    seen = derive(seen, added.state)
    not_pure = derive(not_pure, n)
    whimsical = derive(whimsical, n)
    moody = derive(moody, n)
    refusing = derive(refusing, n)
    as_set = derive(as_set, n)
    as_mapping = derive(as_mapping, n)
    in_set_order = derive(in_set_order, n)
    by_process = derive(by_process, n)
    grown = derive(grown, xs)
    grown_apart = derive(grown_apart, xs)
    grown_async = derive(grown_async, xs)
    grown_stream = derive(grown_stream, xs)
    spoilt = derive(spoilt, xs)
    size = derive(size, photo)
    size_apart = derive(size_apart, photo)
    asked = derive(asked, n)
