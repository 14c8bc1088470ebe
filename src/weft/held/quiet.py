"""Quiet: for how long the inputs of nodes that are debounced have not changed.

Knows nothing of calls.
Invariant: nobody waits longer than `at_most_s` after the first change that no call has answered.
Source: debounced inputs of user interfaces, with a bound, so that what never rests is still computed.
"""

from __future__ import annotations

from msgspec import Struct

from weft.graph import Slot
from weft.held.cuts import Timer
from weft.policy import Policy


class _Changes(Struct):
    first_s: float
    last_s: float
    newest: int
    is_armed: bool = False


class Quiet:
    """What changed when, of slots that wait."""

    def __init__(self) -> None:
        self._changes: dict[Slot, _Changes] = {}

    def note(self, slot: Slot, now_s: float) -> None:
        """Something a slot reads may have changed."""
        assert slot.due is not None
        known = self._changes.get(slot)
        if known is None:
            self._changes[slot] = _Changes(now_s, now_s, slot.due.last)
        elif known.newest != slot.due.last:
            known.last_s, known.newest = now_s, slot.due.last

    def may_begin(self, slot: Slot, policy: Policy, timer: Timer) -> bool:
        """Whether a call may begin, and what changed so far is answered; else it is looked at again when it may."""
        debounce, now_s = policy.debounce, timer.clock()
        if debounce is None:
            return True
        self.note(slot, now_s)
        changes = self._changes[slot]
        left_s = min(changes.last_s + debounce.quiet_s, changes.first_s + debounce.at_most_s) - now_s
        if left_s <= 0:
            del self._changes[slot]
        elif not changes.is_armed:  # one alarm at a time is enough
            changes.is_armed = True
            timer.later(left_s, slot.key)
        return left_s <= 0

    def wake(self, slot: Slot) -> None:
        """That alarm went off."""
        if slot in self._changes:
            self._changes[slot].is_armed = False
