"""Elements that a matcher tells apart: which ids each list had, by what the log says was decided.

What is recorded with a list is held against matching it once more, with all that is known of its elements from the log
before: so an engine that lost a row, or a decision, and went on without it is found out.

Knows nothing of engines or stores. Invariant: what is known of a list changes only by one that was accepted.
Source: record linkage with recorded decisions; event sourcing.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from typing import NamedTuple

from weft.content import Plain, decode, encode
from weft.matching import Similar
from weft.matching.assignment import Rule, assign, assignment_of_plain, next_known
from weft.matching.known import Known
from weft.testing.computed import Computed
from weft.testing.rule import RuleBroken, require

RULE = Rule("name", "", (Similar("name", "books"),))


class Listed(NamedTuple):
    """A list as it was accepted: from which cut on, what it holds, the ids of that, and what went into what."""

    at: int
    elements: list[Plain]
    ids: tuple[str, ...]
    aliases: Mapping[str, str]


class KnownElements:
    """Of one list, all that there was."""

    def __init__(self) -> None:
        self.known: dict[str, Known] = {}
        self._lists: list[Listed] = []

    def read(self, result: Computed) -> None:
        """Take in a list that was made; raises `RuleBroken` where its ids do not follow from what was before."""
        elements, ids = result.value, tuple(result.elements)
        assert isinstance(elements, list)
        require(len(set(ids)) == len(elements), "L14", f"{result.slot} has {len(elements)} elements, and {ids}")
        before = [self.known[id] for id in sorted(self.known)]
        found = None
        if result.match is None:
            shown = self._lists[-1].ids if self._lists else ()
            require(
                ids == shown, "L14", f"{result.slot} shows {ids} at {result.position} by no decision, after {shown}"
            )
        else:
            found = assign(
                result.slot,
                RULE,
                elements,
                before,
                accepted_by="/".join(map(str, (result.at, *result.attempt))),
                at=result.at,
            )
            said = assignment_of_plain(result.match)
            if said != found or said.ids != ids:
                raise RuleBroken(rule="L14", what=f"{result.slot} at {result.position} is matched {said}, not {found}")
        if result.superseded:
            return
        shown_now = [(id, encode(_name(one)), encode(one)) for id, one in zip(ids, elements, strict=True)]
        self.known |= {one.id: one for one in next_known(before, shown_now, found)}
        aliases = {one.id: one.alias for one in self.known.values() if one.alias}
        self._lists.append(Listed(result.at, elements, ids, aliases))

    def forget(self) -> None:
        """The node is not there any more."""
        self.known.clear()
        self._lists.clear()

    def at(self, cut: int, elements: list[Plain]) -> Listed | None:
        """The list as of a cut; None where another, or none, was accepted last by then."""
        place = bisect_right(self._lists, cut, key=lambda one: one.at)
        found = self._lists[place - 1] if place else None
        return found if found is not None and found.elements == elements else None

    def id_of(self, name: str) -> str | None:
        """The id of what went by that name last, if anything did."""
        named = [one for one in self.known.values() if decode(one.key) == name]
        return max(named, key=lambda one: (one.is_alive, one.id)).id if named else None


def heir_of(id: str, aliases: Mapping[str, str]) -> str:
    """What stands for an element: itself, or what it went into, however often."""
    seen = {""}
    while id in aliases and id not in seen:
        seen.add(id)
        id = aliases[id]
    return id


def _name(element: Plain) -> Plain:
    assert isinstance(element, dict)
    return element["name"]
