"""Finding the reasons: from a value down to operations, versions, services, people and positions.

Everything is read from what was kept when the value was made: the record of the result, what its call key was made of,
and the events that told its inputs. Nothing is computed again, and nothing is guessed.

Knows nothing of how reasons are shown, or how to run anything.
Invariant: every reason names positions or content ids that can be looked up.
Source: provenance in databases (why-provenance), build systems' explain commands.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import cast

from weft.content import Cid, Link, Plain, decode
from weft.engine import Engine
from weft.erased import erased_entity
from weft.graph import Slot, Source, ToldNode, Whole
from weft.slot import Err, Gone, Ok, Outcome, SlotKey
from weft.spent import parse_spent
from weft.store import ALTERNATIVE, STATE, NoBlob, entries_of, entry_at
from weft.subscription import intent_text, plain_text, shortened
from weft.why.matching import match_of
from weft.why.naming import May, anybody, described
from weft.why.reason import Alternative, CallMade, Edit, Failure, Input, Place, Reason, Reasons, Shown
from weft.why.runs import run_behind
from weft.why.services import Services

REASONS_MAX = 100
SIBLINGS_MAX = 12
LOOKED_BACK_MAX = 2_000
"""How many of the newest positions are looked through for results that were superseded."""


def reasons(
    engine: Engine, entity: str, node: str, element: str = "", *, reasons_max: int = REASONS_MAX, may: May = anybody
) -> Reasons:
    """Why a place shows what it shows: the nearest reasons, breadth first, each place once. `may`: of which entities
    values and runs may tell; whoever asks sees to the places themselves."""
    root = (entity, node, element)
    finding = _Finding(engine, may)
    found: dict[Place, Reason] = {}
    waiting: deque[tuple[Place, int]] = deque([(root, engine.cut)])
    named = {root}
    while waiting and len(found) < reasons_max:
        place, cut = waiting.popleft()
        reason = found[place] = finding.reason(place, cut)
        for input in reason.inputs:
            if input.place not in named:
                named.add(input.place)
                waiting.append((input.place, reason.cut))
    more = len(waiting)
    looked_back_to = finding.add_superseded(found)
    return Reasons(root, engine.head.position, found, more, looked_back_to)


def shown_of(engine: Engine, outcome: Outcome, may: May = anybody) -> Shown:
    """What an outcome shows, for people and programs; what is referred to is described."""
    match outcome:
        case Ok(content, encoded):
            return Shown("value", shortened(described(engine, plain_text(decode(encoded)), may), 120), content, encoded)
        case Err(kind, message):
            return Shown("failed", f"failed: {kind}: {message}")
        case Gone(why):
            return Shown("absent", f"absent: {why}")


class _Finding:
    """The reading of one explanation."""

    def __init__(self, engine: Engine, may: May) -> None:
        self.engine, self.may = engine, may
        self.services = Services(engine)

    def reason(self, place: Place, cut: int) -> Reason:
        """What is known of one place. `cut`: that of its first reader."""
        found = self.engine.node(place[0], place[1])
        if found is None:
            erased = erased_entity(self.engine, place[0])
            said = "not there" if erased is None else f"erased at {erased.position}, by {erased.actor}"
            return Reason(place, self._type(place), "missing", Shown("absent", said))
        if isinstance(found, ToldNode):
            return self._told(found, place, cut)
        if isinstance(found, Whole):
            slot = found.slots.get(place[2])
            return self._computed(slot, place) if slot is not None else self._whole(found, place)
        return self._computed(found, place)

    def _shown(self, outcome: Outcome) -> Shown:
        return shown_of(self.engine, outcome, self.may)

    def _type(self, place: Place) -> str:
        thing = self.engine.graph.thing(place[0])
        return thing.type.name if thing is not None else "?"

    # ---- what people told ----
    def _told(self, node: ToldNode, place: Place, cut: int) -> Reason:
        entity, name, element = place
        member = node.member(element) if element else None
        value = Ok(member.content, member.encoded) if member is not None else node.outcome()
        if element and member is None:
            value = Gone("it is not there any more")
        rows = [(key, row) for key, row in self.engine.rows(STATE, (entity, name)) if not element or key[2] == element]
        positions = sorted({row[1] for _, row in rows if isinstance(row[1], int)})
        edits = tuple(self._edit(position, place, cut) for position in positions[:SIBLINGS_MAX])
        return Reason(
            place,
            node.thing.type.name,
            "told",
            self._shown(value),
            cut,
            edits=edits,
            edits_more=max(0, len(positions) - SIBLINGS_MAX),
            standing=() if positions else ("as declared: nothing was told",),
            alternatives=tuple(_told_beside(node, element)),
        )

    def _edit(self, position: int, place: Place, cut: int) -> Edit:
        said = self._payload(position)
        actor, time, base = (str(said.get(name, "?")) for name in ("actor", "time", "base"))
        intents, cause = said.get("intents"), said.get("cause")
        words = [
            intent_text(intent)
            for intent in (intents if isinstance(intents, list) else ())
            if isinstance(intent, list) and intent[0] == place[0] and intent[1] in (place[1], "")
        ]
        causing = cause if isinstance(cause, int) else 0
        run = run_behind(self.engine, position, said, self.may)
        return Edit(position, actor, time, base, tuple(words[:SIBLINGS_MAX]), causing, position > cut, run)

    def _payload(self, position: int) -> Mapping[str, Plain]:
        entry = entry_at(self.engine.store, position)
        return entry.said if entry is not None else {}

    # ---- what was computed ----
    def _computed(self, slot: Slot, place: Place) -> Reason:
        outcome = slot.outcome()
        is_member = bool(place[2]) and not slot.key.element
        if is_member:
            member = slot.member(place[2])
            outcome = Ok(member.content, member.encoded) if member is not None else Gone("it is not there any more")
        result = slot.result
        reason = Reason(place, slot.thing.type.name, "computed", self._shown(outcome), self.engine.cut)
        if result is None:
            inputs = tuple(Input(edge.place) for edge in slot.edges)
            refs = [entry.ref for entry in slot.spec.inputs if entry.ref and self.engine.is_lost(slot.thing, entry.ref)]
            lost = tuple(f"what {ref} points to was erased" for ref in refs)
            return _with_inputs(replace(reason, standing=("not computed yet", *lost)), inputs)
        said = self._payload(result.position)
        took = said.get("took_us")
        full = replace(
            reason,
            cut=result.at,
            position=result.position,
            how=str(said.get("how", "recorded")),
            took_us=took if isinstance(took, int) else None,
            spent=parse_spent(said.get("spent")),
            standing=tuple(_standing(slot)),
            call=self._call(slot, result.call_key),
            called=result.call_key,
            alternatives=tuple(self._same_call(result.call_key)),
            match=match_of(self.engine, slot, place),
            failure=_failure(self.engine, slot, self.may) if not is_member else None,
        )
        return _with_inputs(full, tuple(self._inputs(said)))

    def _inputs(self, said: Mapping[str, Plain]) -> Iterator[Input]:
        listed = said.get("inputs")
        for entry in listed if isinstance(listed, list) else ():
            assert isinstance(entry, list)
            place = (str(entry[0]), str(entry[1]), str(entry[2]))
            given = entry[3].cid if isinstance(entry[3], Link) else None
            shown = self._content(place)
            yield Input(place, given, is_shown=given == shown)

    def _content(self, place: Place) -> Cid | None:
        found: Source | None = self.engine.node(*place[:2])
        if isinstance(found, Whole) and place[2]:
            found = found.slots.get(place[2])
        if found is None:
            return None
        member = found.member(place[2]) if place[2] and not (isinstance(found, Slot) and found.key.element) else None
        if member is not None:
            return member.content
        outcome = found.outcome()
        return outcome.content if isinstance(outcome, Ok) else None

    def _call(self, slot: Slot, key: Cid | None) -> CallMade | None:
        """What the call's key says, else what the definition in force says of the operation."""
        preimage = self.engine.preimage(key) if key is not None else None
        if key is None:
            return None
        operation = slot.spec.operation
        if not preimage:
            return CallMade(operation.name, operation.version, None, (), key) if operation is not None else None
        name, version, settings, services, _ = cast("list[Plain]", decode(preimage))
        names = dict(operation.services) if operation is not None else {}
        used = tuple(
            self.services.use(str(pair[0]), names.get(str(pair[0]), ""), pair[1])
            for pair in cast("list[list[Plain]]", services)
        )
        return CallMade(str(name), str(version), settings, used, key)

    def _same_call(self, key: Cid | None) -> Iterator[Alternative]:
        for (_, position), (value,) in self.engine.rows(ALTERNATIVE, (key,)) if key is not None else ():
            assert isinstance(value, bytes) and isinstance(position, int)
            found, said = self._payload(position).get("found"), decode(value)
            reason = "" if found is None else "made again, as its operation is declared pure"
            if found == "changed input" and isinstance(said, dict):
                yield Alternative("changed input", position, str(said.get("message")), reason=reason)
            else:
                yield self._alternative("same call", position, said, reason)

    def _alternative(self, kind: str, position: int, outcome: Plain, reason: str = "") -> Alternative:
        try:
            shown = self._shown(self.engine.outcome_of(outcome))
        except NoBlob as lost:
            shown = Shown("absent", f"not kept: {lost}")
        return Alternative(kind, position, shown.text, shown.content, reason=reason)  # type: ignore[arg-type]

    def _whole(self, whole: Whole, place: Place) -> Reason:
        if place[2]:
            return Reason(place, whole.thing.type.name, "computed", Shown("absent", "absent: it is not there any more"))
        ids = whole.element_ids()
        source = whole.source
        inputs = tuple(Input((place[0], place[1], id)) for id in ids)
        shown = Shown("elements", f"{len(ids)} element{'' if len(ids) == 1 else 's'}, one call each")
        over, of = str(SlotKey(source.thing.id, source.spec.name)), source.thing.type.name
        reason = Reason(place, self._type(place), "elements", shown, self.engine.cut, over=over, over_type=of)
        return _with_inputs(reason, inputs)

    # ---- what was superseded ----
    def add_superseded(self, found: dict[Place, Reason]) -> int:
        """Give each slot's reason the results that lost against what it shows, or showed lately; returns the position
        behind which the log was looked through."""
        places = {place for place, reason in found.items() if reason.position}
        if not places:
            return 0
        back_to = max(0, self.engine.head.position - LOOKED_BACK_MAX)
        lost: dict[Place, list[Alternative]] = {}
        for entry in entries_of(self.engine.store, back_to, until=self.engine.head.position):
            said = entry.said if entry.kind == "result" else None
            if not said or "superseded" not in said:
                continue
            entity, node, element = (str(part) for part in cast("list[Plain]", said["slot"]))
            if (entity, node, element) in places:
                one = self._alternative("superseded", entry.position, said["outcome"], str(said["superseded"]))
                lost.setdefault((entity, node, element), []).append(one)
        for place, alternatives in lost.items():
            kept = (*found[place].alternatives, *alternatives[-SIBLINGS_MAX:])
            found[place] = replace(found[place], alternatives=kept)
        return back_to


def _with_inputs(reason: Reason, inputs: tuple[Input, ...]) -> Reason:
    """The reason with the inputs that are named, and how many are not."""
    return replace(reason, inputs=inputs[:SIBLINGS_MAX], inputs_more=max(0, len(inputs) - SIBLINGS_MAX))


def _told_beside(node: ToldNode, element: str) -> Iterator[Alternative]:
    """Values that lost to one their author had not seen: of a field, or of each key of entries."""
    values: Mapping[str, object] = getattr(node.cell, "values", {})
    cells = [(node.cell, "")] if not values else [(cell, id) for id, cell in values.items() if element in ("", id)]
    for cell, _ in cells:
        for value, position, actor in getattr(cell, "others", ()):
            yield Alternative("told", position, plain_text(value), actor=actor)


def _standing(slot: Slot) -> Iterator[str]:
    if slot.due is not None:
        yield f"older than its inputs from position {slot.due.first} on: it is due"
    elif not slot.current:
        yield "older than its inputs: something it is made from is due"


def _failure(engine: Engine, slot: Slot, may: May) -> Failure | None:
    outcome = slot.outcome()
    if not isinstance(outcome, Err):
        return None
    last = shown_of(engine, slot.last, may).text if slot.last is not None else ""
    return Failure(
        outcome.kind, outcome.message, outcome.where, outcome.origin, outcome.tries, is_final=outcome.final, last=last
    )
