"""The space that is killed: a garden, whose nodes use every kind of field, runner and edge.

Each operation writes down the content id of what it will return before it works, so that a test can tell from outside
what was called, in whichever process, and whether something was called that the log had a result of already. Values
hold their inputs, so two calls have one value only if they are one call.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar

from weft import Blob, Entity, Field, Ref, Retry, counter, derive, element, entries, field, fold, items, op, ref, text
from weft.content import Plain, cid_text, content_id
from weft.value import shape_of

T = TypeVar("T")
CALLS = "WEFT_TEST_CALLS"
"""Names the file in which calls are written down."""


def noted(operation: str, value: T, kind: object = None) -> T:
    """Write down that `operation` was called, and will return this (of `kind`, where its type does not say it)."""
    path = os.environ.get(CALLS)
    if path:
        name = cid_text(content_id(shape_of(kind or type(value)).encode(value)))
        append(path, f"{operation} {os.getpid()} {name}")
    return value


def append(path: str, line: str) -> None:
    """One line in one write, so that no process tears another's."""
    file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        os.write(file, (line + "\n").encode())
    finally:
        os.close(file)


@dataclass(frozen=True)
class Rain:
    litres: int


@element(key="name")
class Bed:
    """Plants with one first letter."""

    name: str
    plants: tuple[str, ...]
    season: int


class Teller(Protocol):
    """What stands for a model: slow, and asked over the loop."""

    async def tell(self, words: str) -> str: ...


class SlowTeller:
    """Takes its time."""

    cost = "paid"

    def fingerprint(self) -> Mapping[str, Plain]:
        return {"name": "slow teller", "version": "1"}

    async def tell(self, words: str) -> str:
        await asyncio.sleep(0.004)
        return f"told {words}"


def fall(heard: tuple[int, ...], rain: Rain) -> tuple[int, ...]:
    if rain.litres < 0:
        raise ValueError("rain falls down")
    return (*heard, rain.litres)


@op(runner="thread")
def grow(seed: str) -> str:
    time.sleep(0.002)
    return noted("grow", f"grown {seed}")


def plan(grown: tuple[str, ...], season: int) -> tuple[Bed, ...]:
    names = sorted({plant.split()[1][0] for plant in grown})
    beds = tuple(Bed(name, tuple(p for p in grown if p.split()[1][0] == name), season) for name in names)
    return noted("plan", beds, tuple[Bed, ...])


@op(runner="process")
def draw(place: str, season: int) -> Blob:
    return noted("draw", picture(f"{place} in {season}"))


def look(photo: Blob, place: str) -> str:
    return noted("look", f"{place}: {photo.size_bytes} bytes, {photo.bytes()[:12]!r}")


async def describe(beds: tuple[Bed, ...], place: str, *, teller: Teller) -> str:
    words = f"{place}: {', '.join(f'{bed.name}{bed.season}/{len(bed.plants)}' for bed in beds)}"
    noted("describe", f"told {words}")
    return await teller.tell(words)


async def narrate(story: str, diary: str) -> AsyncIterator[str]:
    whole = noted("narrate", f"once: {story}; {diary}. The end.")
    for share in (3, 2):
        await asyncio.sleep(0.002)
        yield whole[: len(whole) // share]
    await asyncio.sleep(0.002)
    yield whole


def sum_up(tale: str) -> str:
    return noted("sum_up", f"in short: {tale}")


def stumble(place: str, season: int) -> str:
    """Fails the first time that it is called for a season."""
    value = f"{place} after stumbling in {season}"
    path = os.environ.get(CALLS)
    first = cid_text(content_id(shape_of(str).encode(value)))
    has_stumbled = path is None or any(first in line for line in Path(path).read_text().splitlines())
    noted("stumble", value)
    if not has_stumbled:
        raise OSError("a stone")
    return value


def tell_legend(place: str, season: int, visits: int, heard: tuple[int, ...], notes: Mapping[str, str]) -> str:
    """Too long to stand in a record."""
    value = f"{place} {season} {visits} {heard} {sorted(notes.items())} "
    return noted("tell_legend", value * (70_000 // len(value)))


def visit(bed: Bed, season: int, name: str) -> str:
    return noted("visit", f"{name} saw {bed.name} ({', '.join(bed.plants)}) in season {season}")


def picture(words: str, size_bytes: int = 40_000) -> Blob:
    """A photo of these words."""
    return Blob.from_bytes(words.encode().ljust(size_bytes, b"."), media_type="image/x-words")


NO_RAIN: tuple[int, ...] = ()


class Garden(Entity):
    place: Field[str] = field()
    season: Field[int] = field(default=1)
    seeds = items(str)
    photos = items(Blob)
    notes = entries(str, str)
    visits = counter()
    diary = text()
    heard = fold(NO_RAIN).on(Rain, fall)

    grown = seeds.each(grow, eager=True)
    looked = photos.each(look, place, eager=True)
    beds = derive(plan, grown, season, eager=True)
    drawn = derive(draw, place, season, eager=True)
    story = derive(describe, beds, place, eager=True)
    tale = derive(narrate, story, diary, eager=True)
    short = derive(sum_up, tale.partials, eager=True)
    stumbled = derive(stumble, place, season, eager=True, retry=Retry(4, delay_s=0.002))
    legend = derive(tell_legend, place, season, visits, heard, notes, eager=True)


class Visitor(Entity):
    name: Field[str] = field()
    bed: Ref[Bed] = ref()
    garden: Ref[Garden] = ref()
    seen = derive(visit, bed, garden.at(Garden.season), name, eager=True)


TYPES = (Garden, Visitor)
OPERATIONS = {
    "grown": "grow",
    "looked": "look",
    "beds": "plan",
    "drawn": "draw",
    "story": "describe",
    "tale": "narrate",
    "short": "sum_up",
    "stumbled": "stumble",
    "legend": "tell_legend",
    "seen": "visit",
}
"""Which operation computes which node."""
