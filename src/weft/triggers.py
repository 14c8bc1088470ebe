"""Triggers: which flows a change of an entity fires.

What an event changed, and what a node came to, is held against what each flow of the entity's type waits for. A firing
is named by its flow, its entity and the record that fired it, and is told in the same transaction as that: so there is
no moment at which one is there without the other, and the past fires nothing, neither on replay nor for a new trigger.

Knows nothing of runs, guards and who may fire.
Invariant: one record fires a flow of an entity once at most.
Source: triggers on transition tables; the transactional outbox.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from weft.content import Cid, Plain, content_id, encode
from weft.flow_spec import ChangeSpec, Firing, FlowSpec
from weft.folding import Folding
from weft.graph import Slot, Thing, ToldNode
from weft.slot import Ok, Outcome


class _Seen(NamedTuple):
    """What one node of an entity changed from and to: content ids, None for what is not there."""

    node: str
    before: Cid | None
    after: Cid | None
    is_default: bool = False
    """Whether it is told of an entity that is new itself, which says it by default."""

    @property
    def is_real(self) -> bool:
        return self.before != self.after


def fired_by_event(folding: Folding, intents: list[Plain]) -> list[Firing]:
    """What the event that was folded, and said this, fires, in the order in which its entities were told."""
    created = set(folding.created)
    seen: dict[Thing, list[_Seen]] = {thing: [] for thing in folding.created if thing.type.flows}
    defaults = _defaults(intents) if seen else frozenset()
    for node, changes in folding.changes.items():
        if node.thing.type.flows:
            is_new = node.thing in created
            changed = [change for change in changes.values() if is_new or change.before != change.after]
            if changed:
                told = _seen_told(node, changed[0].before, is_new=is_new)
                is_default = (node.thing.id, node.spec.name) in defaults
                seen.setdefault(node.thing, []).append(told._replace(is_default=is_default))
    cause = folding.told.position
    fired = [
        Firing(thing.id, flow.name, cause)
        for thing, changes in seen.items()
        for flow in _fired(thing.type.flows, changes, is_created=thing in created)
    ]
    new = [(thing.id, flow.name) for thing in folding.created for flow in thing.type.flows if flow.schedules]
    return fired + [Firing(*place, cause, is_new=True) for place in new]


def _defaults(intents: list[Plain]) -> frozenset[tuple[Plain, Plain]]:
    """The fields that an event which creates tells once, as their type says by default; what it says of one of them
    after that was said by somebody."""
    told, named = Counter[tuple[Plain, Plain]](), set[tuple[Plain, Plain]]()
    for intent in intents:
        match intent:
            case [entity, _, "create", _, [*names]]:
                named |= {(entity, name) for name in names}
            case [entity, node, *_]:
                told[entity, node] += 1
    return frozenset(place for place in named if told[place] == 1)


def _seen_told(node: ToldNode, before: Cid | None, *, is_new: bool) -> _Seen:
    now = _content(node.outcome())
    if is_new:
        return _Seen(node.spec.name, None, now)
    # Of a collection each element changed from something; the whole was another before.
    is_whole = node.spec.kind in ("field", "ref")
    return _Seen(node.spec.name, before if is_whole else None, now)


def fired_by_result(slot: Slot, old: Outcome | None, new: Outcome, cause: int) -> list[Firing]:
    """What a node fires by what it settles on."""
    if slot.key.element or not isinstance(new, Ok):
        return []
    seen = _Seen(slot.key.node, _content(old), new.content)
    flows = _fired(slot.thing.type.flows, [seen], is_created=False)
    return [Firing(slot.thing.id, flow.name, cause) for flow in flows]


def _fired(flows: Iterable[FlowSpec], changes: list[_Seen], *, is_created: bool) -> Iterator[FlowSpec]:
    for flow in flows:
        if any(_fires(awaited, changes, is_created=is_created) for awaited in flow.when):
            yield flow


def _fires(awaited: ChangeSpec, changes: list[_Seen], *, is_created: bool) -> bool:
    if awaited.kind in ("created", "scheduled"):
        return is_created and awaited.kind == "created"
    found = [seen for seen in changes if seen.node == awaited.node and seen.is_real and seen.after is not None]
    if awaited.kind == "becomes":
        wanted = content_id(encode(awaited.value))
        return any(seen.after == wanted for seen in found)
    return any(not seen.is_default for seen in found)


def _content(outcome: Outcome | None) -> Cid | None:
    return outcome.content if isinstance(outcome, Ok) else None
