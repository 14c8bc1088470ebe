"""Lineage: which results of others were made from what goes, by what each of them says that it was given.

A slot is not lost for good: what it showed at a cut was made from what goes, or not, and a result that was given only
what it showed at another cut has nothing to do with it. Where a record does not say at which moment it looked (the
state of a node, a value that was streaming, its own last value), all that the place ever showed counts.

Knows nothing of bytes, or of what becomes of a result.
Invariant: a result whose inputs, and theirs in turn, are none of what goes is never said to be made from it.
Source: provenance (why-provenance) turned forward.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from typing import TypeAlias, cast

from weft.content import Cid, Link, Plain, decode
from weft.engine import Engine
from weft.slot import SlotKey
from weft.spec import InputSpec, Mode
from weft.store import ENTITY

SOFT = ("state", "partials")
"""How an input is read where its record does not say what was seen of it."""

Said: TypeAlias = "dict[str, Plain]"


class _Shown:
    """What one slot that showed some of it came to: from which cut on, and whether that goes; the same by content."""

    def __init__(self) -> None:
        self.cuts: list[tuple[int, bool]] = []
        self.contents: dict[Cid, bool] = {}
        """Whether the newest result with this content goes."""

    def goes_at(self, cut: int) -> bool:
        """Whether what was shown at a cut goes."""
        found = bisect_right(self.cuts, (cut, True))
        return found > 0 and self.cuts[found - 1][1]


class Lineage:
    """What is known of entities that were given some of what is forgotten, the log read up to some position."""

    def __init__(self, engine: Engine, what: str) -> None:
        self.what = what
        self.entities: set[str] = {what}
        """Itself, and those that were given some of it."""
        self.calls: set[Cid] = set()
        """Keys of the calls of others that were given some of it."""
        self._engine = engine
        self._nodes: dict[tuple[str, str], dict[str, _Shown]] = {}
        """Of nodes with results that go, the slots that had one, by element."""
        self._own: set[tuple[str, str]] = set()
        """Nodes (type, name) that are given their own last value, by some definition so far."""
        self._soft: set[tuple[str, str]] = set()
        """Nodes whose records do not say what they saw, by some definition so far."""

    def define(self, said: Said) -> None:
        """Remember what a definition says of how its nodes read; what was renamed is followed."""
        kind, nodes, renamed = str(said["name"]), cast("list[list[Plain]]", said["nodes"]), said.get("renamed")
        for name, node in cast("list[tuple[str, Said]]", nodes):
            inputs = [InputSpec(*entry) for entry in cast("list[tuple[str, Mode, str]]", node.get("inputs") or [])]
            self._own |= {(kind, name)} if "initial" in node else set()
            self._soft |= {(kind, name)} if any(entry.mode in SOFT for entry in inputs) else set()
        names = cast("dict[str, str]", renamed or {})
        for (entity, old), slots in [one for one in self._nodes.items() if one[0][1] in names]:
            if self._type(entity) == kind:
                self._nodes[entity, names[old]] = slots

    def take(self, slot: SlotKey, said: Said, *, goes: bool) -> None:
        """Remember a result, as the next one of the log. Only slots that had one that goes are kept."""
        if goes:
            self.entities.add(slot.entity)
            shown = self._nodes.setdefault(slot[:2], {}).setdefault(slot.element, _Shown())
        elif (found := self._nodes.get(slot[:2], {}).get(slot.element)) is not None:
            shown = found
        else:
            return
        insort(shown.cuts, (cast("int", said["at"]), goes))
        if (content := content_of(said.get("outcome"))) is not None:
            shown.contents[content] = goes

    def gave(self, slot: SlotKey, said: Said) -> bool:
        """Whether a result was made from some of it."""
        if "found" in said:
            key = said.get("key")
            return isinstance(key, Link) and key.cid in self.calls
        listed, cut = said.get("inputs"), said.get("at")
        inputs = [entry for entry in listed if isinstance(entry, list)] if isinstance(listed, list) else []
        if any(entry[0] == self.what for entry in inputs):
            return True
        place = self._type(slot.entity), slot.node
        if "how" in said and place in self._own and slot.element in self._nodes.get(slot[:2], ()):
            return True
        is_soft = place in self._soft or names_by_value(said)
        return any(self._is_of(entry, cast("int", cut), is_soft=is_soft) for entry in inputs)

    def carries(self, slot: SlotKey, said: Said) -> bool:
        """Whether a result that was not made from it has one beside it that was: the last good value."""
        content = content_of(said.get("last"))
        shown = self._nodes.get(slot[:2], {}).get(slot.element)
        return content is not None and shown is not None and content in shown.contents

    def _is_of(self, entry: list[Plain], cut: int, *, is_soft: bool) -> bool:
        """Whether an input showed some of it, when it was looked at."""
        entity, node, element, given = str(entry[0]), str(entry[1]), str(entry[2]), entry[3]
        slots = self._nodes.get((entity, node))
        if slots is None or is_soft:
            return slots is not None
        own = slots.get(element)
        if own is not None and isinstance(given, Link) and own.contents.get(given.cid, False):
            return True
        # An element is one of a list that was made as a whole, or has a slot of its own; a whole shows all of those.
        seen = slots.values() if not element else [slots[one] for one in (element, "") if one in slots]
        return any(shown.goes_at(cut) for shown in seen)

    def _type(self, entity: str) -> str:
        row = self._engine.row(ENTITY, (entity,))
        return str(row[0]) if row is not None else ""


def content_of(outcome: Plain) -> Cid | None:
    """The content id of a value as records hold it; None where it is none."""
    found = outcome.get("ok") if isinstance(outcome, dict) else None
    return found.cid if isinstance(found, Link) else None


def names_by_value(said: Said) -> bool:
    """Whether what a call key was made of holds a value itself: a frame, or an error's message."""
    preimage = said.get("preimage")
    names = decode(preimage) if isinstance(preimage, bytes) and preimage else []
    inputs = names[-1] if isinstance(names, list) and names else []
    return isinstance(inputs, list) and not all(isinstance(name, Link) for name in inputs)
