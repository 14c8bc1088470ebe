"""Small operations that the reactive cases wire."""

from __future__ import annotations

from collections.abc import Mapping, Sequence


def inc(a: int) -> int:
    return a + 1


def double(a: int) -> int:
    return a * 2


def negate(a: int) -> int:
    return -a


def sign(a: int) -> int:
    return (a > 0) - (a < 0)


def is_even(a: int) -> bool:
    return a % 2 == 0


def add(a: int, b: int) -> int:
    return a + b


def subtract(a: int, b: int) -> int:
    return a - b


def add_three(a: int, b: int, c: int) -> int:
    return a + b + c


def total(values: Sequence[int]) -> int:
    return sum(values)


def keyed_total(values: Mapping[str, int]) -> int:
    return sum(values.values())


def shout(word: str) -> str:
    return word.upper()


def positive(a: int) -> int:
    if a < 0:
        raise ValueError(f"{a} is negative")
    return a
