"""Types that the tests of the page use: all kinds of fields, values that fail, stream and wait, a flow that asks."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from dataclasses import field as given
from datetime import date, datetime
from enum import Enum
from typing import Annotated

from msgspec import Meta

from tests.until import LIMIT_S
from weft import Blob, Entity, Field, Ref, Run, counter, derive, entries, field, fold, items, on, ref, text

BROKEN = threading.Event()
"""While it is set, `weigh` fails."""
GATE = threading.Event()
"""What `late` waits for."""
WORDS: list[str] = []
"""What `story` says, word by word, as tests append to it; "." ends it."""


class Mood(Enum):
    """How a plant stands."""

    WELL = "well"
    THIRSTY = "thirsty"


@dataclass(frozen=True)
class Pot:
    """What it grows in."""

    width_cm: Annotated[float, Meta(gt=0)]
    """Across the top."""
    is_glazed: bool = False


@dataclass(frozen=True)
class Bed:
    """A place outside."""

    row: int


@dataclass(frozen=True)
class Leaf:
    """One leaf."""

    colour: str
    length_cm: float


@dataclass(frozen=True)
class Advice:
    """What to do for it."""

    water: bool
    note: str = ""
    days: Annotated[int, Meta(ge=1, le=30)] = 7
    tags: tuple[str, ...] = given(default=())


@dataclass(frozen=True)
class Verdict:
    """Whether it shall be."""

    yes: bool


@dataclass(frozen=True)
class Seen:
    """Somebody looked at it."""

    by: str


def weigh(height_cm: int) -> float:
    if BROKEN.is_set() or height_cm < 0:
        raise ValueError(f"the scale shows nothing for {height_cm} cm")
    return height_cm * 1.5


def describe(name: str, height_cm: int) -> str:
    return f"# {name}\n\nIt is **{height_cm} cm** high, and [known](https://example.org/plants).\n\n- green\n- alive\n"


def leaves(height_cm: int) -> Sequence[Leaf]:
    return [Leaf(("green", "yellow")[n % 2], 2.5 + n) for n in range(max(0, height_cm // 10))]


def size_of(photo: Blob) -> int:
    if photo.media_type == "text/plain":
        raise ValueError("bad light")
    return photo.size_bytes


def first(photos: Sequence[Blob]) -> Blob | None:
    return photos[0] if photos else None


def seen(state: list[str], event: Seen) -> list[str]:
    return [*state, event.by]


async def story(name: str) -> AsyncIterator[str]:
    said = 0
    for _ in range(int(LIMIT_S * 200)):
        if len(WORDS) > said:
            said = len(WORDS)
            yield " ".join(WORDS)
            if WORDS[-1] == ".":
                return
        await asyncio.sleep(0.005)


async def patient(number: int) -> int:
    for _ in range(int(LIMIT_S * 200)):
        if GATE.is_set():
            return number + 1000
        await asyncio.sleep(0.005)
    raise TimeoutError("nobody opened the gate")


class Plant(Entity):
    """All kinds of fields."""

    name: Field[str] = field()
    height_cm: Field[int] = field(default=10)
    mood: Field[Mood] = field(default=Mood.WELL)
    is_outside: Field[bool] = field(default=False)
    place: Field[Pot | Bed | None] = field(default=None)
    bought: Field[date | None] = field(default=None)
    watered: Field[datetime | None] = field(default=None)
    notes = text()
    names = items(str)
    photos = items(Blob)
    prices = entries(str, int)
    waterings = counter()
    visits = fold(list[str]()).on(Seen, seen)
    state: Field[str] = field(default="new")
    weight = derive(weigh, height_cm)
    about = derive(describe, name, height_cm)
    leaves = derive(leaves, height_cm)
    portrait = derive(first, photos)
    sizes = photos.each(size_of)

    @on(state.becomes("ill"))
    async def care(self, run: Run) -> str:
        """A flow that asks."""
        said = await run.ask("What shall be done for it?", Advice, about=self.name)
        return said.note

    @on(state.becomes("dead"))
    async def bury(self, run: Run) -> str:
        """A flow that asks for no more than yes or no."""
        return "buried" if (await run.ask("Shall it be buried?", Verdict)).yes else "kept"


class PhotoAlbum(Entity):
    """Several pictures. More is said here.

    And here.
    """

    name: Field[str] = field()
    pages: Field[tuple[Blob, ...]] = field(default=())


class Friend(Entity):
    """Refers to another."""

    of: Ref[Plant] = ref()
    since: Field[int] = field(default=2020)


class Slow(Entity):
    """A value that waits until `GATE` is open."""

    number: Field[int] = field(default=1)
    photo: Field[Blob | None] = field(default=None)
    late = derive(patient, number)


class Tale(Entity):
    """A value that streams."""

    name: Field[str] = field(default="A tale")
    told = derive(story, name)


TYPES = (Plant, PhotoAlbum, Friend, Slow, Tale)
