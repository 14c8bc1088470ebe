"""Numbered lines forget an input. Checkers say so in words, once `deprecated` is switched on."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Protocol

from weft import Entity, Field, derive, entries, field, items


class Plain(Protocol):
    """A service."""


def add(one: int, other: int) -> int:
    return one + other


async def add_service(one: int, service: Plain) -> int:
    return one


async def stream(last: int, one: int, other: int) -> AsyncIterator[int]:
    yield last


def cut(text: str, length: int) -> str:
    return text[:length]


def name(key: int, text: str, length: int) -> str:
    return f"{key}{text}"[:length]


def keyword(one: int, *, service: Plain, scale: int = 1) -> int:
    return one


class Sums(Entity):
    start: Field[int] = field(default=0)
    many = items(str)
    keyed = entries(int, str)

    fine = derive(keyword, start)
    both = derive(add, start, fine)
    chain = derive(stream, start, both, initial=0)
    all_cut = many.each(cut, start)
    named = keyed.each(name, start)

    one = derive(add, start)  # 1 another number
    two = derive(add_service, start)  # 2 a service that is not keyword-only
    three = derive(stream, start, initial=0)  # 3 another number beside its own last value
    four = many.each(cut)  # 4 a length
    five = keyed.each(name)  # 5 a length
