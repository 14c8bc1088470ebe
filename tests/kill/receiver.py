"""A receiver of effects that is outside of the space: a file at whose end each try is noted, synced before it answers.

It outlives whoever is killed, and knows every try by the key that it came with. A line is one write, so a kill leaves
it whole or absent.

Knows nothing of flows. Invariant: what it has answered is in the file.
Source: the receivers of payment services, which keep their idempotency keys.
"""

from __future__ import annotations

import os
from collections import defaultdict
from pathlib import Path
from typing import NamedTuple


class Try(NamedTuple):
    """One try of an effect, as it came in."""

    effect: str
    number: int
    key: str


def receive(path: str, one: Try) -> None:
    """Note a try, durably."""
    file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        os.write(file, f"{one.effect} {one.number} {one.key}\n".encode())
        os.fsync(file)
    finally:
        os.close(file)


def received(path: str) -> list[Try]:
    """Every try, in the order in which they came."""
    lines = Path(path).read_text().splitlines() if Path(path).exists() else []
    words = [line.split(" ") for line in lines]
    return [Try(effect, int(number), key) for effect, number, key in words]


def keys_of(tries: list[Try]) -> dict[tuple[str, int], list[str]]:
    """The keys that each effect was tried with, one for each try."""
    found: dict[tuple[str, int], list[str]] = defaultdict(list)
    for one in tries:
        found[one.effect, one.number].append(one.key)
    return found
