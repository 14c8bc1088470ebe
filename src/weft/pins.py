"""Pins: that a type's definition stays in force, whatever other code a program brings.

A program whose definition differs from a pinned one opens the space for reading, and says why. The pin is told: it is
in the log with who said so and when, and so is its end. It holds what is in force, so it names no more than a type.

Knows nothing of how programs open spaces. Invariant: while a type is pinned its definition in force is the same.
Source: version pins of package managers; Kubernetes' paused rollouts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, NamedTuple

from weft.content import Plain
from weft.errors import WeftError
from weft.spelling import nearest
from weft.store import NEWEST, Key, Row, entry_at

if TYPE_CHECKING:
    from weft.ledger import Ledger
    from weft.spec import TypeSpec

PINNED = "pinned"
"""The kind of the record that says that a type is pinned, or is so no longer."""


class Pin(NamedTuple):
    """A type that is pinned: since which position, who said so, when, and why."""

    position: int
    actor: str
    time: str
    why: str


class DefinitionPinned(WeftError):
    """The definition of {type} is pinned at position {position}, by {actor}{said}, and this program's is another one.
    Open the space with the pinned code, or let go of the pin: `weft pin SPACE {type} --off`."""

    exit_code = 4
    type: str
    position: int
    actor: str
    said: str


class NothingToPin(WeftError):
    """The space has no type {type}: {nearest}"""

    exit_code = 2
    type: str
    nearest: str


class PinnedByEngine(WeftError):
    """Only the engine of a space pins a definition, and another program is that, or none is. Have that program call
    space.pin(…), or close it and open the space with engine=True. Nothing was changed."""

    exit_code = 4


def pin_row(said: Mapping[str, Plain], position: int) -> tuple[Key, Row | None]:
    """The row, among those of the newest records, that a record of this kind leaves."""
    return _key(str(said["type"])), (position,) if said["is_pinned"] else None


def put_pin(engine: Ledger, name: str, *, is_pinned: bool, actor: str, why: str) -> bool:
    """Pin a type or let go of it, as part of the open batch; returns whether that changed anything. Raises
    `NothingToPin`."""
    refuse_unknown(engine, [name])
    if (engine.row(NEWEST, _key(name)) is not None) == is_pinned:
        return False
    said: dict[str, Plain] = {"type": name, "is_pinned": is_pinned, "actor": actor, "why": why, "time": engine.now()}
    engine.cut = engine.record(PINNED, said).position
    engine.batch.put(NEWEST, *pin_row(said, engine.cut))
    return True


def refuse_unknown(engine: Ledger, names: Iterable[str]) -> None:
    """Raise `NothingToPin` for the first of these that is no type of the space."""
    for name in names:
        if name not in engine.in_force:
            raise NothingToPin(type=name, nearest=nearest(name, list(engine.in_force)))


def pins(engine: Ledger) -> dict[str, Pin]:
    """Every type that is pinned, by name."""
    found: dict[str, Pin] = {}
    for name in engine.in_force:
        row = engine.row(NEWEST, _key(name))
        entry = entry_at(engine.store, row[0]) if row is not None and isinstance(row[0], int) else None
        if entry is not None:
            found[name] = Pin(entry.position, *(str(entry.said[each]) for each in ("actor", "time", "why")))
    return found


def refuse_pinned(engine: Ledger, specs: Iterable[TypeSpec]) -> None:
    """Raise `DefinitionPinned` for the first of these that differs from a pinned one."""
    held = pins(engine)
    for spec in specs:
        pin = held.get(spec.name)
        if pin is not None and engine.in_force[spec.name].content() != spec.content():
            said = f": {pin.why}" if pin.why else ""
            raise DefinitionPinned(type=spec.name, position=pin.position, actor=pin.actor, said=said)


def _key(name: str) -> Key:
    return (f"{PINNED} {name}",)
