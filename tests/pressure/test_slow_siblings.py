"""Inputs that change every second, under nodes that take many: what reads them settles as often as the slowest can."""

from __future__ import annotations

import pytest

from tests.pressure.pace import is_one_number, story, taking
from weft import Entity, Field, derive, field


def same(*values: int) -> list[int]:
    return sorted(set(values))


def two(a: int, b: int) -> list[int]:
    return same(a, b)


def three(a: int, b: int, c: int) -> list[int]:
    return same(a, b, c)


class Two(Entity):
    x: Field[int] = field(default=0)
    a = derive(taking(30), x)
    b = derive(taking(29), x)
    both = derive(two, a, b)


class WithQuick(Entity):
    x: Field[int] = field(default=0)
    a = derive(taking(30), x)
    b = derive(taking(29), x)
    c = derive(taking(1), x)
    all = derive(three, a, b, c)


class Mixed(Entity):
    x: Field[int] = field(default=0)
    a = derive(taking(30), x)
    b = derive(taking(13), x)
    c = derive(taking(7), x)
    all = derive(three, a, b, c)


@pytest.mark.parametrize(("kind", "node"), [(Two, "both"), (WithQuick, "all"), (Mixed, "all")])
def test_slow_siblings_settle_together_as_often_as_the_slowest_can(kind: type[Entity], node: str) -> None:
    diary = story(kind, (node,), 310)

    assert len(diary.settled[node]) >= 10
    assert diary.gap_s(node) <= 31
    assert is_one_number(diary.values(node))
