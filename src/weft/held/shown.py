"""What nodes showed at a cut that is still being worked at, kept from the moment that they show something else.

A cut is pinned while somebody computes at it, or may. Pins are made at the newest cut only, and everything that changes
afterwards is kept first: so at a pinned cut all can be read that was told, and each computed value that was known.

Knows nothing of who pins a cut, or why.
Invariant: what is given for a cut is what the node showed, and was known to be right, at that very cut.
Source: copy-on-write snapshots; multi-version reads of databases, kept as long as a reader has them.
"""

from __future__ import annotations

from bisect import bisect_left
from copy import copy
from dataclasses import replace
from typing import NamedTuple, TypeAlias

from weft.graph import Edge, Graph, Slot, Source, ToldNode, Whole, number_of
from weft.reduce import EntriesCell, ItemsCell
from weft.slot import Result
from weft.tree import Grown

_SWEPT_AT = 64


class Past(NamedTuple):
    """What a node showed at the cuts from `since` to before `until`, as a node that never changes."""

    since: int
    until: int
    node: Source


Kept: TypeAlias = "Source | tuple[Whole, str]"
"""A node; or the slot that a collection had for an element before it was dropped."""


class Reading(NamedTuple):
    """A slot's edges, leading to what its inputs showed at a cut."""

    edges: list[Edge]
    is_past: bool
    """Whether one of them shows something else by now, or did in between."""


class Shown:
    """The pinned cuts of one graph, and what was shown at them."""

    def __init__(self, graph: Graph) -> None:
        self.graph, self.pins = graph, graph.pins
        self._counts: dict[int, int] = {}
        self._past: dict[Kept, list[Past]] = {}
        self._since: dict[Slot, int] = {}
        """From which cut on a value is right that stands from an earlier one, where what it needs skipped cuts."""
        self._sweep_at = _SWEPT_AT

    # ---- pins ----
    def pin(self, cut: int) -> None:
        """Keep what is shown at this cut. It is the newest, or pinned already."""
        if cut not in self._counts:
            assert not self.pins or cut > self.pins[-1], "what was shown at an older cut is lost already"
            self._counts[cut] = 0
            self.pins.append(cut)
        self._counts[cut] += 1

    def unpin(self, cut: int) -> None:
        """One need of it less."""
        if cut in self._counts:
            self._counts[cut] -= 1
            if not self._counts[cut]:
                del self._counts[cut]
                del self.pins[bisect_left(self.pins, cut)]

    def is_pinned(self, cut: int) -> bool:
        """Whether all that was told can be read as of this cut."""
        return cut in self._counts

    def forget(self) -> None:
        """Nobody computes: nothing is kept any more."""
        self._counts.clear()
        self.pins.clear()
        self._past.clear()
        self._since.clear()

    # ---- keeping ----
    def keep_told(self, node: ToldNode, position: int) -> None:
        """It is about to change, by the record at `position`."""
        kept = self._past.get(node)
        last = kept[-1].until if kept else 0
        if self.pins and last <= self.pins[-1]:
            self._keep(node, Past(last, position, _frozen_told(node)))

    def keep_slot(self, slot: Slot, at: int, dropped_from: Whole | None = None) -> None:
        """It is about to show something else, that holds from `at` on."""
        if slot.result is None:
            return
        since, until = self._known_from(slot, slot.result), min(at, self.graph.first(slot))
        if self._has_pin(since, until):
            kept: Kept = slot if dropped_from is None else (dropped_from, slot.key.element)
            self._keep(kept, Past(since, until, _frozen_slot(slot)))

    def _keep(self, kept: Kept, past: Past) -> None:
        had = [one for one in self._past.get(kept, ()) if self._has_pin(one.since, one.until)]
        self._past[kept] = [*had, past]
        if len(self._past) > self._sweep_at:
            self._sweep()

    def _sweep(self) -> None:
        for kept, pasts in list(self._past.items()):
            left = [one for one in pasts if self._has_pin(one.since, one.until)]
            if left:
                self._past[kept] = left
            else:
                del self._past[kept]
        self._sweep_at = max(_SWEPT_AT, 2 * len(self._past))

    def _has_pin(self, since: int, until: int) -> bool:
        place = bisect_left(self.pins, since)
        return place < len(self.pins) and self.pins[place] < until

    def _known_from(self, slot: Slot, result: Result) -> int:
        return max(result.at, self._since.get(slot, 0))

    def skip(self, slot: Slot, at: int) -> None:
        """A slot's value is known from `at` on; what it had to be before is not, as what it needs skipped cuts."""
        self._since[slot] = max(at, self._since.get(slot, 0))

    def settle(self, slot: Slot) -> None:
        """It has a result of its own: what was skipped before says nothing of it."""
        self._since.pop(slot, None)

    # ---- reading ----
    def at(self, source: Source, cut: int) -> tuple[Source | None, bool]:
        """What a node showed at a pinned cut, and whether that is past; None where it is not known, or was not there.
        O(members) for a collection."""
        if isinstance(source, Whole):
            return self._whole_at(source, cut)
        if isinstance(source, Slot):
            result = source.result
            if (
                result is not None
                and self._known_from(source, result) <= cut
                and (source.current or self.graph.first(source) > cut)
            ):
                return (source if source.current else _frozen_slot(source)), False
        elif source.thing.created > cut:
            return None, False
        found = self._past_at(source, cut)
        if found is not None:
            return found, True
        return (source if isinstance(source, ToldNode) else None), False

    def _past_at(self, kept: Kept, cut: int) -> Source | None:
        return next((one.node for one in self._past.get(kept, ()) if one.since <= cut < one.until), None)

    def _whole_at(self, whole: Whole, cut: int) -> tuple[Source | None, bool]:
        node: Source = whole
        while isinstance(node, Whole):
            edge = node.edge_by[""]
            if edge.since > cut:
                return None, False
            node = edge.source
        base, is_past = self.at(node, cut)
        if base is None:
            return None, False
        view = Whole(whole.thing, whole.spec)
        view.edge_by[""] = Edge(base, view, mode="plain", element="", since=0, number=0)
        for element in base.element_ids():
            past = self._past_at((whole, element), cut)
            slot = whole.slots.get(element)
            shown, is_older = (past, True) if past is not None else self.at(slot, cut) if slot else (None, False)
            if not isinstance(shown, Slot):
                return None, False
            view.slots[element] = shown
            is_past = is_past or is_older
        return view, is_past

    def reading(self, slot: Slot, cut: int, *, is_test: bool = False) -> Reading | None:
        """What a slot would be given at a pinned cut; None where that is not known, or it was wired otherwise.
        `is_test`: of a `choose`, what says which branch it reads."""
        if slot.thing.created > cut:
            return None
        edges: list[Edge] = []
        is_past = False
        for edge in slot.edges:
            source = edge.source
            if is_test and number_of(edge):
                continue
            if edge.since > cut:
                return None
            shown, is_older = self.at(source, cut)
            if shown is None or (is_older and isinstance(source, ToldNode) and source.spec.kind == "ref"):
                return None
            if slot.spec.kind == "each" and edge.input == 0 and edge.element and shown.member(edge.element) is None:
                return None  # its element was not there then
            if shown is not source:
                edge = Edge(shown, slot, mode=edge.mode, element=edge.element, since=edge.since, number=edge.input)
            edges.append(edge)
            is_past = is_past or is_older
        return Reading(edges, is_past)

    def cuts_of(self, source: Source) -> set[int]:
        """The cuts from which on something is known of a node."""
        if isinstance(source, Whole):
            return {cut for edge in source.unsettled for cut in self.cuts_of(edge.source)}
        found = {one.since for one in self._past.get(source, ())} if isinstance(source, Slot) else set()
        if isinstance(source, Slot) and source.result is not None:
            found.add(self._known_from(source, source.result))
        return found


def _frozen_told(node: ToldNode) -> ToldNode:
    cell = copy(node.cell)
    if isinstance(cell, ItemsCell):
        cell = replace(cell, items=dict(cell.items), order=list(cell.order), _grown=Grown())
    elif isinstance(cell, EntriesCell):
        cell.keys, cell.values = dict(cell.keys), {element: copy(one) for element, one in cell.values.items()}
    return ToldNode(node.thing, node.spec, cell)


def _frozen_slot(slot: Slot) -> Slot:
    frozen = Slot(slot.thing, slot.spec, slot.key)
    frozen.result, frozen.last = slot.result, slot.last
    return frozen
