"""Every member of the overload families, with the type that it must give."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from functools import partial
from typing import Protocol, assert_type

from weft import Debounce, Derived, Entity, Field, Node, choose, counter, derive, entries, field, items


class Clock(Protocol):
    """A service."""


class Numbers(Entity):
    """Something of each type, to wire."""

    a: Field[int] = field(default=1)
    b: Field[str] = field(default="")
    c: Field[bytes] = field(default=b"")
    d: Field[float] = field(default=0.0)
    e: Field[bool] = field(default=False)
    many = items(str)
    keyed = entries(int, str)
    total = counter()


N = Numbers


def plain_1(a: int, *, clock: Clock, scale: int = 1) -> complex:
    return 1j


async def waits_1(a: int, *, clock: Clock, scale: int = 1) -> complex:
    return 1j


async def streams_1(a: int, *, clock: Clock, scale: int = 1) -> AsyncIterator[complex]:
    yield 1j


def plain_2(a: int, b: str, *, clock: Clock, scale: int = 1) -> complex:
    return 1j


async def waits_2(a: int, b: str, *, clock: Clock, scale: int = 1) -> complex:
    return 1j


async def streams_2(a: int, b: str, *, clock: Clock, scale: int = 1) -> AsyncIterator[complex]:
    yield 1j


def plain_3(a: int, b: str, c: bytes, *, clock: Clock, scale: int = 1) -> complex:
    return 1j


async def waits_3(a: int, b: str, c: bytes, *, clock: Clock, scale: int = 1) -> complex:
    return 1j


async def streams_3(a: int, b: str, c: bytes, *, clock: Clock, scale: int = 1) -> AsyncIterator[complex]:
    yield 1j


def plain_4(a: int, b: str, c: bytes, d: float, *, clock: Clock, scale: int = 1) -> complex:
    return 1j


async def waits_4(a: int, b: str, c: bytes, d: float, *, clock: Clock, scale: int = 1) -> complex:
    return 1j


async def streams_4(a: int, b: str, c: bytes, d: float, *, clock: Clock, scale: int = 1) -> AsyncIterator[complex]:
    yield 1j


def plain_5(a: int, b: str, c: bytes, d: float, e: bool, *, clock: Clock, scale: int = 1) -> complex:
    return 1j


async def waits_5(a: int, b: str, c: bytes, d: float, e: bool, *, clock: Clock, scale: int = 1) -> complex:
    return 1j


async def streams_5(
    a: int, b: str, c: bytes, d: float, e: bool, *, clock: Clock, scale: int = 1
) -> AsyncIterator[complex]:
    yield 1j


def plain_last1(last: complex, a: int, *, clock: Clock, scale: int = 1) -> complex:
    return 1j


async def waits_last1(last: complex, a: int, *, clock: Clock, scale: int = 1) -> complex:
    return 1j


async def streams_last1(last: complex, a: int, *, clock: Clock, scale: int = 1) -> AsyncIterator[complex]:
    yield 1j


def plain_last2(last: complex, a: int, b: str, *, clock: Clock, scale: int = 1) -> complex:
    return 1j


async def waits_last2(last: complex, a: int, b: str, *, clock: Clock, scale: int = 1) -> complex:
    return 1j


async def streams_last2(last: complex, a: int, b: str, *, clock: Clock, scale: int = 1) -> AsyncIterator[complex]:
    yield 1j


def plain_last3(last: complex, a: int, b: str, c: bytes, *, clock: Clock, scale: int = 1) -> complex:
    return 1j


async def waits_last3(last: complex, a: int, b: str, c: bytes, *, clock: Clock, scale: int = 1) -> complex:
    return 1j


async def streams_last3(
    last: complex, a: int, b: str, c: bytes, *, clock: Clock, scale: int = 1
) -> AsyncIterator[complex]:
    yield 1j


def plain_last4(last: complex, a: int, b: str, c: bytes, d: float, *, clock: Clock, scale: int = 1) -> complex:
    return 1j


async def waits_last4(last: complex, a: int, b: str, c: bytes, d: float, *, clock: Clock, scale: int = 1) -> complex:
    return 1j


async def streams_last4(
    last: complex, a: int, b: str, c: bytes, d: float, *, clock: Clock, scale: int = 1
) -> AsyncIterator[complex]:
    yield 1j


def plain_last5(last: complex, a: int, b: str, c: bytes, d: float, e: bool, *, clock: Clock, scale: int = 1) -> complex:
    return 1j


async def waits_last5(
    last: complex, a: int, b: str, c: bytes, d: float, e: bool, *, clock: Clock, scale: int = 1
) -> complex:
    return 1j


async def streams_last5(
    last: complex, a: int, b: str, c: bytes, d: float, e: bool, *, clock: Clock, scale: int = 1
) -> AsyncIterator[complex]:
    yield 1j


def plain_of0(one: str, *, clock: Clock, scale: int = 1) -> complex:
    return 1j


async def waits_of0(one: str, *, clock: Clock, scale: int = 1) -> complex:
    return 1j


async def streams_of0(one: str, *, clock: Clock, scale: int = 1) -> AsyncIterator[complex]:
    yield 1j


def plain_of1(one: str, a: int, *, clock: Clock, scale: int = 1) -> complex:
    return 1j


async def waits_of1(one: str, a: int, *, clock: Clock, scale: int = 1) -> complex:
    return 1j


async def streams_of1(one: str, a: int, *, clock: Clock, scale: int = 1) -> AsyncIterator[complex]:
    yield 1j


def plain_of2(one: str, a: int, b: str, *, clock: Clock, scale: int = 1) -> complex:
    return 1j


async def waits_of2(one: str, a: int, b: str, *, clock: Clock, scale: int = 1) -> complex:
    return 1j


async def streams_of2(one: str, a: int, b: str, *, clock: Clock, scale: int = 1) -> AsyncIterator[complex]:
    yield 1j


def plain_pair0(key: int, one: str, *, clock: Clock, scale: int = 1) -> complex:
    return 1j


async def waits_pair0(key: int, one: str, *, clock: Clock, scale: int = 1) -> complex:
    return 1j


async def streams_pair0(key: int, one: str, *, clock: Clock, scale: int = 1) -> AsyncIterator[complex]:
    yield 1j


def plain_pair1(key: int, one: str, a: int, *, clock: Clock, scale: int = 1) -> complex:
    return 1j


async def waits_pair1(key: int, one: str, a: int, *, clock: Clock, scale: int = 1) -> complex:
    return 1j


async def streams_pair1(key: int, one: str, a: int, *, clock: Clock, scale: int = 1) -> AsyncIterator[complex]:
    yield 1j


def plain_pair2(key: int, one: str, a: int, b: str, *, clock: Clock, scale: int = 1) -> complex:
    return 1j


async def waits_pair2(key: int, one: str, a: int, b: str, *, clock: Clock, scale: int = 1) -> complex:
    return 1j


async def streams_pair2(key: int, one: str, a: int, b: str, *, clock: Clock, scale: int = 1) -> AsyncIterator[complex]:
    yield 1j


def is_long(text: str) -> bool:
    return len(text) > 3


def size(text: str) -> int:
    return len(text)


def joined(one: str, other: str) -> str:
    return one + other


def flag(number: int) -> bool:
    return number > 0


def derives() -> None:
    assert_type(derive(plain_1, N.a), Derived[complex])
    assert_type(derive(waits_1, N.a), Derived[complex])
    assert_type(derive(streams_1, N.a), Derived[complex])
    assert_type(derive(plain_2, N.a, N.b), Derived[complex])
    assert_type(derive(waits_2, N.a, N.b), Derived[complex])
    assert_type(derive(streams_2, N.a, N.b), Derived[complex])
    assert_type(derive(plain_3, N.a, N.b, N.c), Derived[complex])
    assert_type(derive(waits_3, N.a, N.b, N.c), Derived[complex])
    assert_type(derive(streams_3, N.a, N.b, N.c), Derived[complex])
    assert_type(derive(plain_4, N.a, N.b, N.c, N.d), Derived[complex])
    assert_type(derive(waits_4, N.a, N.b, N.c, N.d), Derived[complex])
    assert_type(derive(streams_4, N.a, N.b, N.c, N.d), Derived[complex])
    assert_type(derive(plain_5, N.a, N.b, N.c, N.d, N.e), Derived[complex])
    assert_type(derive(waits_5, N.a, N.b, N.c, N.d, N.e), Derived[complex])
    assert_type(derive(streams_5, N.a, N.b, N.c, N.d, N.e), Derived[complex])
    assert_type(derive(plain_last1, N.a, initial=0j), Derived[complex])
    assert_type(derive(waits_last1, N.a, initial=0j), Derived[complex])
    assert_type(derive(streams_last1, N.a, initial=0j), Derived[complex])
    assert_type(derive(plain_last2, N.a, N.b, initial=0j), Derived[complex])
    assert_type(derive(waits_last2, N.a, N.b, initial=0j), Derived[complex])
    assert_type(derive(streams_last2, N.a, N.b, initial=0j), Derived[complex])
    assert_type(derive(plain_last3, N.a, N.b, N.c, initial=0j), Derived[complex])
    assert_type(derive(waits_last3, N.a, N.b, N.c, initial=0j), Derived[complex])
    assert_type(derive(streams_last3, N.a, N.b, N.c, initial=0j), Derived[complex])
    assert_type(derive(plain_last4, N.a, N.b, N.c, N.d, initial=0j), Derived[complex])
    assert_type(derive(waits_last4, N.a, N.b, N.c, N.d, initial=0j), Derived[complex])
    assert_type(derive(streams_last4, N.a, N.b, N.c, N.d, initial=0j), Derived[complex])
    assert_type(derive(plain_last5, N.a, N.b, N.c, N.d, N.e, initial=0j), Derived[complex])
    assert_type(derive(waits_last5, N.a, N.b, N.c, N.d, N.e, initial=0j), Derived[complex])
    assert_type(derive(streams_last5, N.a, N.b, N.c, N.d, N.e, initial=0j), Derived[complex])
    assert_type(derive(partial(plain_2, scale=3), N.a, N.b), Derived[complex])
    assert_type(derive(partial(plain_last1, scale=3), N.a, initial=0j), Derived[complex])
    assert_type(derive(partial(waits_2, scale=3), N.a, N.b), Derived[complex])
    assert_type(derive(partial(waits_last1, scale=3), N.a, initial=0j), Derived[complex])
    assert_type(derive(partial(streams_2, scale=3), N.a, N.b), Derived[complex])
    assert_type(derive(partial(streams_last1, scale=3), N.a, initial=0j), Derived[complex])
    assert_type(derive(plain_1, N.a, eager=True, timeout_s=3, was="old", runner="thread"), Derived[complex])
    assert_type(derive(plain_1, N.a, restart=True, debounce=Debounce(quiet_s=1, at_most_s=2)), Derived[complex])
    assert_type(derive(plain_1, N.total), Derived[complex])


def eaches() -> None:
    assert_type(N.many.each(plain_of0), Derived[tuple[complex, ...]])
    assert_type(N.keyed.each(plain_pair0), Derived[Mapping[int, complex]])
    assert_type(N.many.each(waits_of0), Derived[tuple[complex, ...]])
    assert_type(N.keyed.each(waits_pair0), Derived[Mapping[int, complex]])
    assert_type(N.many.each(streams_of0), Derived[tuple[complex, ...]])
    assert_type(N.keyed.each(streams_pair0), Derived[Mapping[int, complex]])
    assert_type(N.many.each(plain_of1, N.a), Derived[tuple[complex, ...]])
    assert_type(N.keyed.each(plain_pair1, N.a), Derived[Mapping[int, complex]])
    assert_type(N.many.each(waits_of1, N.a), Derived[tuple[complex, ...]])
    assert_type(N.keyed.each(waits_pair1, N.a), Derived[Mapping[int, complex]])
    assert_type(N.many.each(streams_of1, N.a), Derived[tuple[complex, ...]])
    assert_type(N.keyed.each(streams_pair1, N.a), Derived[Mapping[int, complex]])
    assert_type(N.many.each(plain_of2, N.a, N.b), Derived[tuple[complex, ...]])
    assert_type(N.keyed.each(plain_pair2, N.a, N.b), Derived[Mapping[int, complex]])
    assert_type(N.many.each(waits_of2, N.a, N.b), Derived[tuple[complex, ...]])
    assert_type(N.keyed.each(waits_pair2, N.a, N.b), Derived[Mapping[int, complex]])
    assert_type(N.many.each(streams_of2, N.a, N.b), Derived[tuple[complex, ...]])
    assert_type(N.keyed.each(streams_pair2, N.a, N.b), Derived[Mapping[int, complex]])
    assert_type(N.many.each(partial(plain_of1, scale=3), N.a), Derived[tuple[complex, ...]])
    assert_type(N.keyed.each(partial(plain_pair1, scale=3), N.a), Derived[Mapping[int, complex]])
    assert_type(N.many.each(partial(waits_of1, scale=3), N.a), Derived[tuple[complex, ...]])
    assert_type(N.keyed.each(partial(waits_pair1, scale=3), N.a), Derived[Mapping[int, complex]])
    assert_type(N.many.each(partial(streams_of1, scale=3), N.a), Derived[tuple[complex, ...]])
    assert_type(N.keyed.each(partial(streams_pair1, scale=3), N.a), Derived[Mapping[int, complex]])
    assert_type(N.many.each(plain_of0, eager=True), Derived[tuple[complex, ...]])


def wholes() -> None:
    assert_type(N.many.group(size), Derived[Mapping[int, tuple[str, ...]]])
    assert_type(N.many.filter(is_long), Derived[tuple[str, ...]])
    assert_type(N.many.order(size), Derived[tuple[str, ...]])
    assert_type(N.many.count(), Derived[int])
    assert_type(N.keyed.count(), Derived[int])
    assert_type(N.many.reduce(joined, ""), Derived[str])
    assert_type(choose(derive(flag, N.a), N.b, N.b), Derived[str])


def mixed(test: Node[bool], one: Node[Sequence[int]], other: Node[str]) -> None:
    assert_type(choose(test, one, other), Derived[Sequence[int] | str])
