"""What a log says of operations: those of which one call gave two values, or did what a pure one does not do.

A call comes to two results when it was made twice at one time, or again by a check; the first stands, and a row beside
it holds the other. So this costs a look at those rows, and at the entry of each.

Knows nothing of how anything is computed.
Invariant: nothing is made again, and nothing is written.
Source: lint, for what has happened.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import cast

from weft.content import Cid, Plain, decode
from weft.engine import Engine
from weft.purity.difference import first_difference
from weft.slot import Ok, SlotKey
from weft.store import ALTERNATIVE, ENTITY, NoBlob, entry_at


@dataclass(frozen=True, slots=True)
class Seen:
    """One call that showed something: at which place and position, what was found, and where the two differ first."""

    type: str
    slot: SlotKey
    position: int
    found: str
    path: str
    first: str
    again: str


@dataclass(slots=True)
class Impure:
    """An operation in one version, and its calls that showed something. `is_pure`: it is declared so, as a check has
    it; else nobody has promised anything. `services`: what its calls ask."""

    operation: str
    version: str
    is_pure: bool = False
    is_in_force: bool = False
    services: tuple[str, ...] = ()
    calls: set[Cid] = field(default_factory=set)
    seen: list[Seen] = field(default_factory=list)

    @property
    def found(self) -> tuple[str, ...]:
        """What was found, each kind once."""
        return tuple(dict.fromkeys(each.found for each in self.seen))


def impure_in(engine: Engine) -> list[Impure]:
    """Every operation of which the log shows it, those declared pure first, then by name and version. O(alternative
    rows)."""
    found: dict[tuple[str, str], Impure] = {}
    in_force = {
        (node.operation.name, node.operation.version)
        for spec in engine.in_force.values()
        for node in spec.nodes.values()
        if node.operation is not None
    }
    for (key, position), (value,) in engine.rows(ALTERNATIVE):
        assert isinstance(key, bytes) and isinstance(position, int) and isinstance(value, bytes)
        entry = entry_at(engine.store, position)
        said = entry.said if entry is not None else {}
        named = _named(engine, Cid(key), said)
        seen = _seen(engine, Cid(key), position, said, decode(value)) if named is not None else None
        if named is None or seen is None:
            continue
        name, version, services = named
        one = found.setdefault((name, version), Impure(name, version, is_in_force=(name, version) in in_force))
        one.is_pure = one.is_pure or "found" in said
        one.services = services or one.services
        one.calls.add(Cid(key))
        one.seen.append(seen)
    return sorted(found.values(), key=lambda one: (not one.is_pure, one.operation, one.version))


def _named(engine: Engine, key: Cid, said: Mapping[str, Plain]) -> tuple[str, str, tuple[str, ...]] | None:
    """The operation of a call, its version, and the services that it was given; None where the log does not say, as of
    a call with no first value: a list whose elements could not be told apart stands beside none."""
    preimage = engine.preimage(key)
    if preimage:
        name, version, _, services, _ = cast("list[Plain]", decode(preimage))
        asked = tuple(str(pair[0]) for pair in cast("list[list[Plain]]", services) if pair[1] is not None)
        return str(name), str(version), asked
    operation = said.get("operation")
    return (str(operation[0]), str(operation[1]), ()) if isinstance(operation, list) else None


def _seen(engine: Engine, key: Cid, position: int, said: Mapping[str, Plain], other: Plain) -> Seen | None:
    slot = said.get("slot")
    if not isinstance(slot, list):
        return None  # it was erased
    place = SlotKey(*(str(part) for part in slot))
    row = engine.row(ENTITY, (place.entity,))
    kind = str(row[0]) if row is not None else "?"
    if "found" in said:
        first, again = (str(text) for text in cast("list[Plain]", said["shown"]))
        return Seen(kind, place, position, str(said["found"]), str(said["path"]), first, again)
    try:
        known, also = engine.recall(key), engine.outcome_of(other)
    except NoBlob:
        return None
    assert known is not None and isinstance(also, Ok), "what the key was made of is kept with the first value"
    difference = first_difference(decode(known.encoded), decode(also.encoded))
    if difference is None:
        return None
    return Seen(kind, place, position, "two values", difference.path, difference.one, difference.other)


def plain_of(one: Impure) -> dict[str, object]:
    """An operation as one JSON object."""
    return {
        "operation": one.operation,
        "version": one.version,
        "declared_pure": one.is_pure,
        "in_force": one.is_in_force,
        "services": list(one.services),
        "calls": len(one.calls),
        "seen": [
            {
                "place": list(each.slot), "type": each.type, "position": each.position, "found": each.found,
                "path": each.path, "first": each.first, "again": each.again,
            }
            for each in one.seen
        ],
    }  # fmt: skip
