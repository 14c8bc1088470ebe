"""Which cut a slot computes at: the newest, the one its siblings hold, or the newest at which all it needs is known.

While nothing is under way every slot computes at the newest cut, and nothing here is asked. Once a call is under way,
its group holds its cut: every member computes that one, whatever changes meanwhile. Who is done with it may run again
at a newer one if that is short against the slowest; when all are done the next is chosen, the newest by then. So
siblings that are slow meet once in the time of the slowest. Who is in no group takes what is known.

Knows nothing of records or runners. All of it is memory: an engine that begins anew chooses anew.
Invariant: a group holds at most one cut, and only while one of its members has not done it and still can.
Source: barriers of stream processors (Chandy and Lamport's snapshots), held by those that are joined and no others.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from weft.graph import Graph, Reader, Slot, Source, ToldNode, Whole
from weft.held.group import edges_above, group_around
from weft.held.shown import Reading, Shown
from weft.slot import Ok, SlotKey

WAIT_S_MIN = 0.001
"""A member that waits for the slowest looks again no sooner: less a clock might not tell apart."""
_SWEPT_AT = 64


class Hold:
    """A cut that a group computes."""

    __slots__ = ("cut", "is_over", "left", "slowest", "undone")

    def __init__(self, cut: int, undone: dict[Slot, None]) -> None:
        self.cut, self.undone = cut, undone
        self.left: dict[Whole, int] = {}
        """How many slots of a collection are not done."""
        self.slowest: Slot | None = None
        self.is_over = False


class Timer:
    """Whose time passes: seconds, and how to be told later to look at a slot again."""

    __slots__ = ("clock", "later")

    def __init__(self) -> None:
        self.clock: Callable[[], float] = lambda: 0.0
        self.later: Callable[[float, SlotKey], None] = lambda delay_s, key: None


class Choice(NamedTuple):
    """At which cut to compute; `reading`: what the inputs were then, None for what they are now."""

    cut: int
    reading: Reading | None = None


class Cuts:
    """The held cuts of one graph. How long calls take by the timer decides who may run again meanwhile."""

    def __init__(self, graph: Graph, timer: Timer) -> None:
        self.graph, self.shown, self.timer = graph, Shown(graph), timer
        self.took_s: dict[SlotKey, float] = {}
        self.passed: set[Slot] = set()
        """Under way, while what they read skipped cuts: what they come to is not known to hold on."""
        self._began_s: dict[Slot, float] = {}
        self._by: dict[Slot, Hold] = {}
        self._over: dict[Reader, Hold] = {}
        self._stands: dict[Reader, int] = {}
        """What is not current, with the pinned cut that it shows, or that its group did last: readers may compute
        there."""
        self._sweep_at = _SWEPT_AT
        self._asked_again: set[Slot] = set()

    def forget(self) -> None:
        """Nothing is under way: whatever is due computes at the newest cut."""
        waiting = [slot for slot, hold in self._by.items() if slot.due is not None]
        self.shown.forget()
        for kept in (self._began_s, self._by, self._over, self._stands):
            kept.clear()
        self.passed.clear()
        self._asked_again.clear()
        self.graph.released.clear()
        for slot in waiting:
            self.graph.offer(slot)

    # ---- choosing ----
    def choose(self, slot: Slot, head: int) -> Choice | None:
        """Where to compute now; None: not yet, it will be offered again. Asked only while a cut is pinned."""
        while self.graph.released:
            self.lose(self.graph.released.pop())
        code = slot.spec.code
        if code is not None and code.policy is not None and code.policy.restart and not slot.blocking:
            hold = self._by.get(slot)
            if hold is not None and hold.cut != head:
                self.lose(slot)
            return Choice(head)
        found = self._settling(slot, head) if slot.due is not None else None
        # What reads a state, or partial values, is computed provisionally while those are not settled.
        return Choice(head) if found is None and slot.pending and not slot.blocking else found

    def _settling(self, slot: Slot, head: int) -> Choice | None:
        hold = self._by.get(slot)
        if hold is None and slot.pending:
            hold = self._hold_at(slot, head)
        if hold is not None and slot in hold.undone:
            found = self._held(slot, hold, head)
            if found is not None or slot in hold.undone:
                return found
        if hold is not None and not hold.is_over and not self._is_short(slot, hold):
            return None
        return self._newest(slot) if slot.pending else Choice(head)

    def _held(self, slot: Slot, hold: Hold, head: int) -> Choice | None:
        if hold.cut == head and not slot.pending:
            return Choice(head)
        is_newer = slot.result is not None and slot.result.at > hold.cut
        reading = None if is_newer else self._reading(slot, hold.cut)
        if reading is not None:
            return Choice(hold.cut, reading)
        if is_newer or not self._may_come(slot, hold):
            self._done(slot, hold)
        return None

    def _reading(self, slot: Slot, cut: int) -> Reading | None:
        if slot.spec.kind != "choose":
            return self.shown.reading(slot, cut)
        found = self.shown.reading(slot, cut, is_test=True)
        # Its branch is the one that is picked by what the test shows: of an older value nothing says which it was.
        return None if found is None or found.is_past else found

    def _may_come(self, slot: Slot, hold: Hold) -> bool:
        """Whether an input of its is still to be computed at the held cut."""
        for edge in slot.edges:
            source = edge.source
            if isinstance(source, Whole):
                if hold.left.get(source) or source.base in hold.undone:
                    return True
            elif source in hold.undone:
                return True
        return False

    def _newest(self, slot: Slot) -> Choice | None:
        """The newest cut at which all that it needs is known."""
        assert slot.due is not None
        result = slot.result
        least = slot.due.first
        if result is not None:
            least = max(least, result.at + isinstance(result.outcome, Ok))
        cuts: set[int] = set()
        for edge in slot.edges:
            if not (isinstance(edge.source, ToldNode) or edge.source.current):
                cuts |= self.shown.cuts_of(edge.source)
                cuts.add(self._stands.get(edge.source, 0))
        for cut in sorted(cuts, reverse=True):
            if cut < least:
                break
            reading = self._reading(slot, cut) if self.shown.is_pinned(cut) else None
            if reading is not None:
                return Choice(cut, reading)
        return None

    # ---- holding ----
    def begin(self, slot: Slot, cut: int, head: int) -> None:
        """A call for this slot is sent, and will take its time."""
        self.shown.pin(cut)
        self._began_s[slot] = self.timer.clock()
        self.passed.discard(slot)
        if slot not in self._by:
            self._hold_at(slot, head)

    def end(self, slot: Slot | None, cut: int) -> None:
        """That call is over, and what it came to is settled."""
        if slot is not None and (began_s := self._began_s.pop(slot, None)) is not None:
            self.took_s[slot.key] = self.timer.clock() - began_s
        self.shown.unpin(cut)

    def _hold_at(self, slot: Slot, head: int) -> Hold | None:
        """The hold of a slot's group, begun if there is none; None for a slot in no group."""
        hold = self._above(slot)
        if hold is None:
            group = group_around(slot)
            if not group.members:
                return None
            held = {id(one): one for node in (*group.members, *group.joints) if (one := self._of(node)) is not None}
            if not held:
                hold = self._begin(head, group.members)
            else:
                # Groups that are joined from now on: the newest of their cuts is held by all.
                hold = max(held.values(), key=lambda one: one.cut)
                for other in held.values():
                    if other is not hold:
                        self._join(hold, other)
            self._over.update(dict.fromkeys(group.joints, hold))
        if slot not in self._by:
            self._by[slot] = hold
            self._ask(slot, hold)
        return hold

    def _of(self, node: Reader) -> Hold | None:
        return self._over.get(node) or (self._by.get(node) if isinstance(node, Slot) else None)

    def _begin(self, cut: int, members: dict[Slot, None]) -> Hold:
        hold = Hold(cut, dict(members))
        self.shown.pin(cut)
        for member in members:
            self._by[member] = hold
            self._count(member, hold, 1)
        return hold

    def _join(self, hold: Hold, other: Hold) -> None:
        mine = [slot for slot, one in self._by.items() if one is other]
        for reader in [reader for reader, one in self._over.items() if one is other]:
            self._over[reader] = hold
        other.is_over = True
        self.shown.unpin(other.cut)
        for slot in mine:
            self._by[slot] = hold
            self._ask(slot, hold)

    def _ask(self, slot: Slot, hold: Hold) -> None:
        """A slot that has come to a group computes its cut too, if it has something to do there."""
        if slot not in hold.undone and self.graph.first(slot) <= hold.cut:
            hold.undone[slot] = None
            self._count(slot, hold, 1)

    def branch(self, choice: Slot, cut: int) -> Reading | None:
        """What a `choose` reads at a cut, now that its branch is picked; None where that is still to come."""
        hold = self._by.get(choice)
        if hold is not None and hold.cut == cut:
            self._take_in(choice, hold)
        return self.shown.reading(choice, cut)

    def waits(self, slot: Slot, *, is_stuck: bool) -> None:
        """It was to compute what is held, and does not: it is stuck, or an input is not there."""
        hold = self._by.get(slot)
        if hold is not None and slot in hold.undone and (is_stuck or not self._may_come(slot, hold)):
            self._done(slot, hold)

    def _take_in(self, choice: Slot, hold: Hold) -> None:
        """What its branch needs is computed at the held cut too."""
        stack: list[Source] = [edge.source for edge in choice.edges]
        seen: set[Source] = set()
        while stack:
            source = stack.pop()
            if isinstance(source, ToldNode) or source.current or source in seen:
                continue
            seen.add(source)
            stack.extend(edge.source for edge in source.edges)
            if isinstance(source, Slot) and source not in self._by:
                self._by[source] = hold
                self._ask(source, hold)

    def _count(self, slot: Slot, hold: Hold, by: int) -> None:
        for edge in slot.readers.get("", ()):
            if isinstance(edge.reader, Whole):
                hold.left[edge.reader] = hold.left.get(edge.reader, 0) + by

    def _above(self, slot: Slot) -> Hold | None:
        """The hold of a group that it belongs to by who reads it."""
        seen: set[Source] = {slot}
        todo: list[Source] = [slot]
        while todo:
            for edge in edges_above(todo.pop()):
                reader = edge.reader
                hold = self._of(reader)
                if hold is not None:
                    return hold
                if reader not in seen:
                    seen.add(reader)
                    todo.append(reader)
        return None

    # ---- who is done ----
    def settled(self, slot: Slot, at: int) -> None:
        """It has a result: those who read it may compute at that cut, and it may have done what is held."""
        self._stand(slot, at)
        hold = self._by.get(slot)
        if hold is not None and slot in hold.undone and self.graph.first(slot) > hold.cut:
            self._done(slot, hold)
        else:
            self._tell_above(slot)

    def _stand(self, slot: Slot, at: int) -> None:
        is_shown = not slot.current and slot.result is not None and slot.result.at == at
        self._pin(slot, at if is_shown and self.shown.is_pinned(at) else None)

    def _pin(self, node: Reader, cut: int | None) -> None:
        before = self._stands.pop(node, None)
        if cut is not None:
            self._stands[node] = cut
            self.shown.pin(cut)
        if before is not None:
            self.shown.unpin(before)
        if len(self._stands) > self._sweep_at:
            for one in [one for one in self._stands if one.current or not one.demand]:
                self.shown.unpin(self._stands.pop(one))
            self._sweep_at = max(_SWEPT_AT, 2 * len(self._stands))

    def lose(self, slot: Slot) -> None:
        """It cannot compute what is held, and nobody waits for it."""
        hold = self._by.get(slot)
        if hold is not None and slot in hold.undone:
            self._done(slot, hold)

    def _done(self, slot: Slot, hold: Hold) -> None:
        """A member has done the held cut, or cannot do it any more."""
        todo = [slot]
        while todo:
            slot = todo.pop()
            if slot not in hold.undone:
                continue
            del hold.undone[slot]
            self._count(slot, hold, -1)
            todo.extend(self._tell_above(slot))
        if not hold.undone:
            self._end(hold)

    def _tell_above(self, slot: Slot) -> list[Slot]:
        """Whoever reads it looks again. Returns those of its group that have thereby done what is held, or cannot."""
        told: list[Slot] = []
        seen: set[Source] = {slot}
        todo: list[Source] = [slot]
        while todo:
            for edge in edges_above(todo.pop()):
                reader = edge.reader
                if reader in seen:
                    continue
                seen.add(reader)
                if isinstance(reader, Whole):
                    hold = self._over.get(reader)
                    if hold is None or not hold.left.get(reader):
                        todo.append(reader)
                elif reader.due is not None:
                    self.graph.offer(reader)
                else:
                    todo.append(reader)
                    hold = self._by.get(reader)
                    if hold is not None and reader in hold.undone and not self._may_come(reader, hold):
                        told.append(reader)
        return told

    def _end(self, hold: Hold) -> None:
        if hold.is_over:
            return
        hold.is_over = True
        for reader in [reader for reader, one in self._over.items() if one is hold]:
            del self._over[reader]
            if not reader.current:
                self._pin(reader, hold.cut)
        for slot in [slot for slot, one in self._by.items() if one is hold]:
            del self._by[slot]
            if slot.due is not None:
                self.graph.offer(slot)
        self.shown.unpin(hold.cut)

    # ---- meanwhile ----
    def _is_short(self, slot: Slot, hold: Hold) -> bool:
        """Whether a member that is done may run again before the others are: if it takes at most half of what the
        slowest is still expected to take. One that takes longer than it did is expected to take as long again."""
        took_s = self.took_s.get(slot.key)
        if took_s is None:
            return True
        slowest = self._slowest(hold)
        if slowest is None:
            return False
        elapsed_s, expected_s = self.timer.clock() - self._began_s[slowest], self.took_s.get(slowest.key, 0.0)
        if 2 * took_s <= abs(expected_s - elapsed_s):
            return True
        if slot not in self._asked_again:
            self._asked_again.add(slot)
            self.timer.later(max(expected_s + 2 * took_s - elapsed_s, WAIT_S_MIN), slot.key)
        return False

    def wake(self, slot: Slot) -> None:
        """The slowest takes longer than was expected: it may ask for another look again."""
        self._asked_again.discard(slot)

    def _slowest(self, hold: Hold) -> Slot | None:
        if hold.slowest not in hold.undone or hold.slowest not in self._began_s:
            under_way = [slot for slot in hold.undone if slot in self._began_s]
            ends = {slot: self._began_s[slot] + self.took_s.get(slot.key, 1e9) for slot in under_way}
            hold.slowest = max(under_way, key=ends.__getitem__, default=None)
        return hold.slowest

    # ---- what skipped cuts ----
    def skipped(self, slot: Slot, at: int) -> None:
        """A slot settled at `at`, and is not known to have been right at cuts before it: nor is who reads it."""
        seen: set[Source] = {slot}
        todo: list[Source] = [slot]
        while todo:
            for edges in todo.pop().readers.values():
                for edge in edges:
                    reader = edge.reader
                    if reader in seen:
                        continue
                    seen.add(reader)
                    if isinstance(reader, Slot):
                        if reader.due is not None:
                            self.passed.add(reader)
                            continue
                        self.shown.skip(reader, at)
                    todo.append(reader)
