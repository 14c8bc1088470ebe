"""Unions: the kind of values that are of one of several kinds.

Knows nothing of where unions come from.
Invariant: every plain value that a union dumps is loaded by the same member that dumped it.
Source: tagged unions as in msgspec; tags only where the plain forms cannot tell.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from weft.content import Plain
from weft.value.kind import EVERY_FORM, FORMS, TAG, Kind, Misfit, unfit


def union_kind(name: str, members: tuple[Kind, ...]) -> Kind:
    """One of several kinds. Members whose plain values could be taken for each other's carry a tag; a value from before
    the union was widened has none, and is given to the first member that it fits."""
    tagged = to_be_tagged(members)
    # The order of a union's members is no part of its identity, so what is tried first must not depend on it.
    ordered = tuple(sorted(members, key=lambda kind: (kind.same is not None, kind.forms == EVERY_FORM, kind.tag)))
    by_tag = {member.tag: member for member in tagged}
    chosen: dict[type, tuple[Kind, ...]] = {}

    def pick(value: Any) -> tuple[Kind, Plain]:
        cls = type(value)
        if (found := chosen.get(cls)) is None:
            found = chosen[cls] = _candidates(cls, ordered)
        return _first_fit(found, value, name)

    def dump(value: Any) -> Plain:
        member, plain = pick(value)
        if member not in tagged:
            return plain
        if member.keys is not None and isinstance(plain, dict):
            return {TAG: member.tag, **plain}
        return {TAG: member.tag, "value": plain}

    def load(plain: Plain) -> object:
        if tagged and isinstance(plain, dict) and TAG in plain:
            tag = plain[TAG]
            member = by_tag.get(tag) if isinstance(tag, str) else None
            if member is None:
                raise Misfit(f"a value tagged {tag!r}", wanted=name)
            return member.load(plain if member.keys is not None else plain.get("value"))
        return _first_load(_fitting(plain, ordered), plain, name)

    return Kind(
        name, frozenset().union(*(member.forms for member in members)),
        tuple(cls for member in members for cls in member.classes), dump, load,
        stand_ins=tuple(cls for member in members for cls in member.stand_ins),
        parts=members, inside=lambda value: ((pick(value)[0], value),), members=members,
    )  # fmt: skip


def _candidates(cls: type, members: tuple[Kind, ...]) -> tuple[Kind, ...]:
    """The members that a value of this class may belong to: by its own class, by a base, by what stands in."""
    exact = [member for member in members if cls in member.classes]
    near = [member for member in members if issubclass(cls, member.classes)]
    far = [member for member in members if issubclass(cls, member.stand_ins)]
    return tuple(dict.fromkeys(exact + near + far))


def _fitting(plain: Plain, members: tuple[Kind, ...]) -> list[Kind]:
    """The members whose plain values have this form; first those that know all its keys."""
    form = FORMS[type(plain)]
    fitting = [member for member in members if form in member.forms]
    if len(fitting) > 1 and isinstance(plain, dict):
        keys = plain.keys()
        fitting.sort(key=lambda member: member.keys is None or not keys <= member.keys)
    return fitting


def to_be_tagged(members: tuple[Kind, ...]) -> frozenset[Kind]:
    """The members of a union whose plain values say which one they are of."""
    alike = {one for one in members for other in members if one is not other and one.forms & other.forms}
    # A tag sits in a map; once there are any, a map without one must not be possible.
    return frozenset(alike | {one for one in members if alike and "map" in one.forms})


def _first_fit(candidates: Sequence[Kind], value: object, name: str) -> tuple[Kind, Plain]:
    own: list[Misfit] = []
    for member in candidates:
        try:
            return member, member.dump(value)
        except Misfit as misfit:
            if len(candidates) == 1 or type(value) in member.classes:
                own.append(misfit)
    # What the one member has to say that it is meant to be of; among several nobody knows.
    raise own[0] if len(own) == 1 else unfit(value, name)


def _first_load(candidates: Sequence[Kind], plain: Plain, name: str) -> object:
    for member in candidates:
        try:
            return member.load(plain)
        except Misfit:
            if len(candidates) == 1:
                raise
    raise unfit(plain, name)
