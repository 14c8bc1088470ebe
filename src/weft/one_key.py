"""Which key types have values that differ, and that Python takes for one key of a dict: 1, 1.0 and True.

Knows nothing of nodes, or of how values are kept. Invariant: a type of which nothing is said has no union in which two
members share such a value, nor does a tuple of it.
Source: Python's rule that equal numbers have equal hashes, whatever their classes.
"""

from __future__ import annotations

import typing
from decimal import Decimal

from weft.value.annotation import alias_target, bare, is_alias, is_class, is_union

_EQUAL: tuple[tuple[type, ...], ...] = ((int, float, Decimal), (str,), (bytes,))
"""Classes, their own subclasses among them, whose values may equal each other."""


def taken_for_one(key_type: object) -> tuple[object, ...]:
    """Members of a union in this key type of which values may be equal; empty where there are none."""
    waiting, known = [key_type], list[object]()
    while waiting:
        members = _members(waiting.pop())
        if members in known:  # a type that holds itself
            continue
        known.append(members)
        for one in members:
            if typing.get_origin(one) is not typing.Literal:
                waiting.extend(typing.get_args(one))
            elif len(set(typing.get_args(one))) < len(typing.get_args(one)):
                return typing.get_args(one)
        for equal in _EQUAL:
            found = tuple(one for one in members if _may_be(one, equal))
            if len(found) > 1:
                return found
    return ()


def _members(annotation: object) -> list[object]:
    """What a type may be, unions and aliases taken apart."""
    waiting, found = [annotation], list[object]()
    known: list[object] = []
    while waiting:
        one = bare(waiting.pop(0))
        if one in known:
            continue
        known.append(one)
        if is_alias(one):
            waiting.insert(0, alias_target(one))
        elif is_union(one):
            waiting[:0] = typing.get_args(one)
        else:
            found.append(one)
    return found


def _may_be(one: object, equal: tuple[type, ...]) -> bool:
    if typing.get_origin(one) is typing.Literal:
        return any(isinstance(value, equal) for value in typing.get_args(one))
    return is_class(one) and issubclass(one, equal)
