"""The type that two programs share."""

from __future__ import annotations

from dataclasses import dataclass

from tests.stories.operations import checked, doubled
from weft import Entity, Field, derive, field, fold, items


@dataclass(frozen=True)
class Added:
    """An event: so much was added."""

    amount: int


def at_most_ten(total: int, added: Added) -> int:
    if total + added.amount > 10:
        raise ValueError("too much")
    return total + added.amount


class Shared(Entity):
    """What both programs see."""

    x: Field[int] = field(default=1)
    xs = items(int)
    total = fold(0).on(Added, at_most_ten)
    double = derive(doubled, x)
    fourfold = derive(doubled, double)
    check = derive(checked, x)
    doubles = xs.each(doubled)
