"""Elements: values whose occurrences in lists have an identity, by a declared key.

Knows nothing of how ids are assigned and kept.
Invariant: an element class is frozen, so a value's key never changes under its id.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import TypeVar, dataclass_transform

from weft.spelling import nearest

T = TypeVar("T")


@dataclass_transform(frozen_default=True)
def element(*, key: str, id: str | None = None) -> Callable[[type[T]], type[T]]:
    """Make a frozen dataclass whose field `key` says which element of a list is which.

    The key names one element within one list. What is found again under its key keeps its id, and with it all
    references to it. `id` names a field of text, empty by default, in which operations are given the elements' ids,
    and in which they give them back.
    """

    def declare(kind: type[T]) -> type[T]:
        if "__dataclass_params__" in kind.__dict__ and "__setattr__" in kind.__dict__:
            raise TypeError(
                f"{kind.__name__} is a frozen dataclass already: @element makes it one, leave @dataclass out"
            )
        made = dataclass(frozen=True)(kind)
        names = [one.name for one in fields(made)]  # type: ignore[arg-type]
        if key not in names:
            raise TypeError(f"{kind.__name__} has no field {key!r} to be its key: {nearest(key, names)}")
        if id is not None and (id == key or getattr(made, id, None) != ""):
            raise TypeError(f'{kind.__name__} has no field {id}: str = "" beside its key, to hold its elements\' ids')
        made.__weft_key__, made.__weft_id__ = key, id or ""  # type: ignore[attr-defined]
        return made

    return declare


def key_of(kind: object) -> str | None:
    """The declared key of an element class; None for any other type."""
    found = getattr(kind, "__weft_key__", None) if isinstance(kind, type) else None
    return found if isinstance(found, str) else None


def id_field_of(kind: object) -> str:
    """The field of an element class that holds ids; empty where none does."""
    return str(getattr(kind, "__weft_id__", "")) if isinstance(kind, type) else ""
