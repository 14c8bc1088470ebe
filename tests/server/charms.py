"""Types that the tests of the live server use: quick nodes, one that waits to be let on, one that streams."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Sequence

from tests.until import LIMIT_S
from weft import Entity, Field, derive, field, items

GATE = threading.Event()
"""What slow operations wait for."""
WORDS: list[str] = []
"""What a stream says, word by word, as tests append to it; "." ends it."""


def double(number: int) -> int:
    return number * 2


def triple(number: int) -> int:
    if number < 0:
        raise ValueError(f"{number} is negative")
    return number * 3


def total(left: int, right: int) -> int:
    return left + right


def length(word: str) -> int:
    return len(word)


def letters(word: str) -> Sequence[str]:
    return [letter * 2 for letter in dict.fromkeys(word)]


async def patient(number: int) -> int:
    for _ in range(int(LIMIT_S * 200)):
        if GATE.is_set():
            return number + 1000
        await asyncio.sleep(0.005)
    raise TimeoutError("nobody let it on")


async def tell(number: int) -> AsyncIterator[str]:
    said = 0
    for _ in range(int(LIMIT_S * 200)):
        if len(WORDS) > said:
            said = len(WORDS)
            yield " ".join(WORDS)
            if WORDS[-1] == ".":
                return
        await asyncio.sleep(0.005)
    raise TimeoutError("nobody said a word")


class Sum(Entity):
    number: Field[int] = field(default=1)
    twice = derive(double, number)
    thrice = derive(triple, number)
    both = derive(total, twice, thrice)


class Wordlist(Entity):
    words = items(str)
    lengths = words.each(length)


class Spelt(Entity):
    word: Field[str] = field(default="")
    letters = derive(letters, word)
    lengths = letters.each(length)


class Slow(Entity):
    number: Field[int] = field(default=1)
    late = derive(patient, number)
    later = derive(double, late)


class Story(Entity):
    number: Field[int] = field(default=1)
    tale = derive(tell, number)
    size = derive(length, tale)


TYPES = (Sum, Wordlist, Spelt, Slow, Story)
