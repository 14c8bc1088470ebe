"""Where something was last told that a node is made from: by that it is seen, without a value, that nothing changed.

Knows nothing of results.
Invariant: between two positions at which it says the same, with no definition or service in between, a node is made
from the same.
Source: version stamps of incremental builds, taken over all inputs.
"""

from __future__ import annotations

from collections.abc import Sequence

from weft.graph import target_of
from weft.past.as_of import AsOf
from weft.past.index import last_within, within
from weft.past.known import NotKept
from weft.slot import Ok

_NOWHERE: Sequence[int] = ()


class ToldBefore:
    """What was told up to the position of `as_of`, by what was made from it."""

    def __init__(self, as_of: AsOf) -> None:
        self._as_of = as_of
        self._last: dict[tuple[str, str], int] = {}

    def last(self, entity: str, name: str) -> int:
        """The last position up to here at which something was told that a node is made from. A name that some of it
        had before is not looked for: whoever asks knows that no definition came since."""
        begun: set[tuple[str, str]] = set()
        stack = [(entity, name)]
        while stack:
            place = stack[-1]
            if place in self._last:
                stack.pop()
                continue
            needs = self._needs(*place)
            missing = [one for one in needs or () if one not in self._last]
            if missing and begun.isdisjoint(missing):
                begun.add(place)
                stack.extend(missing)
                continue
            # What is not known, or goes in a circle, may have changed at any time.
            last = self._as_of.position if needs is None or missing else self._last_said(*place)
            self._last[place] = max([last, *(self._last[one] for one in needs or () if not missing)])
        return self._last[entity, name]

    def since(self, entity: str, name: str, after: int) -> list[int]:
        """The positions behind `after`, up to here, at which something was told that a node is made from, or that may
        have changed how: ascending."""
        index, stack, seen = self._as_of.index, [(entity, name)], {(entity, name)}
        found = {
            *within(index.disturbed, after, self._as_of.position),
            *within(index.erased_told, after, self._as_of.position),
        }
        while stack:
            place = stack.pop()
            for said in self._said(*place):
                found.update(within(said, after, self._as_of.position))
            new = [one for one in self._needs(*place) or () if one not in seen]
            seen.update(new)
            stack.extend(new)
        return sorted(found)

    def _last_said(self, entity: str, name: str) -> int:
        return max(last_within(said, 0, self._as_of.position) for said in self._said(entity, name))

    def _said(self, entity: str, name: str) -> list[Sequence[int]]:
        """Where something was told to a node."""
        spec, index = self._as_of.node(entity, name), self._as_of.index
        if spec is not None and not spec.is_told:
            return [index.retried.get((entity, name), _NOWHERE)]
        said = [index.told.get((entity, name), _NOWHERE)]
        return [*said, index.told.get((entity, ""), _NOWHERE)] if spec is not None and spec.kind == "fold" else said

    def _needs(self, entity: str, name: str) -> list[tuple[str, str]] | None:
        """What a node was made from; None where that is not known."""
        spec = self._as_of.node(entity, name)
        if spec is None:
            return None
        needs: list[tuple[str, str]] = []
        for entry in spec.inputs:
            if not entry.ref:
                needs.append((entity, entry.node))
                continue
            needs.append((entity, entry.ref))
            pointed = self._as_of.outcome(entity, entry.ref)
            target = target_of(pointed) if isinstance(pointed, Ok) else None
            if isinstance(pointed, NotKept):
                return None
            if target is not None:
                needs.append((target[0], entry.node or target[1]))
        return needs
