"""Why a value is what it is: from the value down to operations, versions, services, people and positions.

Everything said here is read from what was kept when the value was made: the record of the result, what its call key was
made of, and the events that told its inputs. Nothing is computed again, and nothing is guessed.

Knows nothing of how to run anything. Invariant: every line names a position or a content id that can be looked up.
Source: provenance in databases (why-provenance), build systems' explain commands.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from weft.content import Cid, Link, Plain, cid_text, decode
from weft.engine import Engine
from weft.graph import Slot, Source, ToldNode, Whole
from weft.identity import is_keyed
from weft.matching.telling import decision_text, flag_text
from weft.slot import Err, Gone, Ok, SlotKey
from weft.store import SERVICE, STATE, entry_at
from weft.subscription import plain_text, shortened

LINES_MAX = 400
SIBLINGS_MAX = 12


@dataclass(slots=True)
class Reason:
    """One node of the explanation: what it is, what is said of it, and what it was made from."""

    title: str
    lines: list[str] = field(default_factory=list)
    inputs: list[tuple[str, str, str]] = field(default_factory=list)
    cut: int = 0
    """The cut that its inputs were taken at."""
    facts: dict[str, Plain] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Step:
    """One step of an explanation: how deep below what was asked, of which place, and what is said of it. A repeated
    one was said above, and is only named.

    `facts` is for programs, each where it is known. Of what was computed: the `cut` that it was computed for, the
    `position` of its record, the `operation` and its `version`. Of what was told: `told_at`, positions, and `by`, who
    told each."""

    depth: int
    place: tuple[str, str, str]
    title: str
    lines: tuple[str, ...] = ()
    is_repeated: bool = False
    facts: Mapping[str, Plain] = field(default_factory=dict)


def explain(engine: Engine, entity: str, node: str, element: str = "") -> str:
    """The explanation as indented text. What was said above is named, not said again."""
    lines: list[str] = []
    for step in reasons(engine, entity, node, element):
        indent = "  " * step.depth
        lines.append(f"{indent}{step.title}" + (" (see above)" if step.is_repeated else ""))
        lines.extend(f"{indent}  {line}" for line in step.lines)
    return "\n".join(lines)


def reasons(engine: Engine, entity: str, node: str, element: str = "") -> Iterator[Step]:
    """The explanation step by step: a value, then each value that it was made from, as far as a page goes."""
    said = 0
    seen: set[tuple[str, str, str]] = set()
    stack: list[tuple[int, tuple[str, str, str], int]] = [(0, (entity, node, element), engine.cut)]
    while stack and said < LINES_MAX:
        depth, place, cut = stack.pop()
        reason = _reason(engine, place, cut)
        if place in seen:
            said += 1
            yield Step(depth, place, reason.title, is_repeated=True, facts=reason.facts)
            continue
        seen.add(place)
        said += 1 + len(reason.lines)
        yield Step(depth, place, reason.title, tuple(reason.lines), facts=reason.facts)
        stack.extend((depth + 1, above, reason.cut) for above in reversed(reason.inputs))
    if stack:
        yield Step(0, ("", "", ""), f"… {len(stack)} more inputs")


def _reason(engine: Engine, place: tuple[str, str, str], cut: int) -> Reason:
    found = engine.node(place[0], place[1])
    if found is None:
        return Reason(_title(engine, place) + ": not there")
    if isinstance(found, ToldNode):
        return _told(engine, found, place, cut)
    if isinstance(found, Whole):
        slot = found.slots.get(place[2])
        return _computed(engine, slot, place) if slot is not None else _whole(engine, found, place)
    return _computed(engine, found, place)


def _title(engine: Engine, place: tuple[str, str, str]) -> str:
    thing = engine.graph.thing(place[0])
    name = thing.type.name if thing is not None else "?"
    return f"{name} {place[0][:8]}.{place[1]}" + (f"[{place[2][:12]}]" if place[2] else "")


def _value_text(outcome: object) -> str:
    match outcome:
        case Ok(_, encoded):
            return shortened(plain_text(decode(encoded)), 120)
        case Err(kind, message):
            return f"failed: {kind}: {message}"
        case Gone(why):
            return f"absent: {why}"
    return "?"


# What people told ----------------------------------------------------------------------------------------------------


def _told(engine: Engine, node: ToldNode, place: tuple[str, str, str], cut: int) -> Reason:
    entity, name, element = place
    member = node.member(element) if element else None
    value = Ok(member.content, member.encoded) if member is not None else node.outcome()
    reason = Reason(f"{_title(engine, place)} = {_value_text(value)}")
    rows = [(key, row) for key, row in engine.rows(STATE, (entity, name)) if not element or key[2] == element]
    positions = sorted({row[1] for _, row in rows if isinstance(row[1], int)})
    shown = positions[:SIBLINGS_MAX]
    events = [_payload(engine, position) for position in shown]
    reason.facts = {"told_at": [*shown], "by": [str(said.get("actor", "?")) for said in events]}
    for position, said in zip(shown, events, strict=True):
        later = "" if position <= cut else f", after the cut at {cut}: what is above was made from what was told before"
        reason.lines.append(f"told at {position} {_event_text(said)}{later}")
    if len(positions) > SIBLINGS_MAX:
        reason.lines.append(f"and at {len(positions) - SIBLINGS_MAX} later positions")
    if not positions:
        reason.lines.append("as declared: nothing was told")
    reason.lines.extend(_alternatives(node))
    return reason


def _event_text(said: dict[str, Plain]) -> str:
    actor, time, base = (str(said.get(name, "?")) for name in ("actor", "time", "base"))
    return f"by {actor}, {time}, having seen up to {base}"


def _alternatives(node: ToldNode) -> Iterator[str]:
    for value, position, actor in getattr(node.cell, "others", ()):
        yield f"told at the same time, and not seen by the author: {plain_text(value)} by {actor} at {position}"


# What was computed ---------------------------------------------------------------------------------------------------


def _computed(engine: Engine, slot: Slot, place: tuple[str, str, str]) -> Reason:
    value: object = slot.outcome()
    if place[2] and not slot.key.element:
        member = slot.member(place[2])
        value = Ok(member.content, member.encoded) if member is not None else Gone("it is not there any more")
    result = slot.result
    reason = Reason(
        f"{_title(engine, place)} = {_value_text(value)}", cut=result.at if result is not None else engine.cut
    )
    if result is None:
        reason.lines.append("not computed yet")
        return reason
    said = _payload(engine, result.position)
    reason.lines.append(_how(said, result.at, result.position))
    reason.lines.extend(_standing(slot))
    reason.facts = {"cut": result.at, "position": result.position}
    called = _called(engine, slot, result.call_key)
    if called is not None:
        reason.facts |= {"operation": called[0], "version": called[1]}
    reason.lines.extend(_operation(engine, slot, result.call_key))
    if place[2] and not slot.key.element:
        reason.lines.extend(_assigned(engine, slot, place[2]))
    inputs = said.get("inputs")
    for entry in inputs if isinstance(inputs, list) else ():
        assert isinstance(entry, list)
        reason.inputs.append((str(entry[0]), str(entry[1]), str(entry[2])))
    return reason


def _assigned(engine: Engine, slot: Slot, element: str) -> Iterator[str]:
    """How an element came by its id, or what it went into, and what to look at."""
    key = slot.spec.key or "content"
    known = next((one for one in engine.elements(slot.key) if one.id == element), None) if is_keyed(slot) else None
    if known is None:
        yield f"the element's id was assigned by its {key}"
        return
    yield f"it went into {known.alias[:12]}, which is read in its place" if known.alias else decision_text(known, key)
    yield from (f"it {flag_text(flag)}" for flag in known.flags)


def _payload(engine: Engine, position: int) -> dict[str, Plain]:
    found = entry_at(engine.store, position)
    return found.said if found is not None else {}


def _how(said: dict[str, Plain], at: int, position: int) -> str:
    took = said.get("took_us")
    verb = {
        "ran": "computed",
        "reused": "taken over without a call: the same call was made before",
        "built in": "computed by a built-in rule",
        "passed on": "passed on from an input",
    }.get(str(said.get("how")), "recorded")
    return f"{verb} for the cut at {at}, recorded at {position}" + (
        f", in {took / 1000:.1f} ms" if isinstance(took, int) else ""
    )


def _standing(slot: Slot) -> Iterator[str]:
    if slot.due is not None:
        yield f"older than its inputs from position {slot.due.first} on: it is due"
    elif not slot.current:
        yield "older than its inputs: something it is made from is due"
    if isinstance(slot.outcome(), Err) and slot.last is not None:
        yield f"the last good value was {_value_text(slot.last)}"


def _called(engine: Engine, slot: Slot, key: Cid | None) -> tuple[str, str] | None:
    """The operation and its version: what the call's key says, else what the definition in force says."""
    preimage = engine.preimage(key) if key is not None else None
    if preimage is not None:
        said = decode(preimage)
        assert isinstance(said, list)
        return str(said[0]), str(said[1])
    operation = slot.spec.operation
    return (operation.name, operation.version) if operation is not None else None


def _operation(engine: Engine, slot: Slot, key: Cid | None) -> Iterator[str]:
    if key is None:
        return
    preimage = engine.preimage(key)
    if preimage is None:
        yield f"call {cid_text(key)[:20]}…"
        if slot.spec.operation is not None:
            yield f"by {slot.spec.operation.name}, version {slot.spec.operation.version}"
        return
    said = decode(preimage)
    assert isinstance(said, list)
    name, version, settings, services, _ = said
    yield "by " + str(name) + ", version " + str(version) + (f", with {plain_text(settings)}" if settings else "")
    for pair in services if isinstance(services, list) else ():
        assert isinstance(pair, list)
        parameter, fingerprint = str(pair[0]), pair[1]
        yield f"with the service {parameter}: {_service(engine, slot, parameter, fingerprint)}"
    yield f"call {cid_text(key)[:20]}…"


def _service(engine: Engine, slot: Slot, parameter: str, fingerprint: Plain) -> str:
    names = dict(slot.spec.operation.services) if slot.spec.operation is not None else {}
    row = engine.row(SERVICE, (names.get(parameter, ""),))
    if row is not None and isinstance(row[1], bytes) and isinstance(fingerprint, Link):
        from weft.content import content_id

        if content_id(row[1]) == fingerprint.cid:
            return plain_text(decode(row[1]))
        for record in engine.store.records():
            said = record.content() if record.kind == "service" else {}
            from weft.content import encode

            if said and content_id(encode(said["fingerprint"])) == fingerprint.cid:
                return f"{plain_text(said['fingerprint'])} (another one is in force now)"
    return "none" if fingerprint is None else plain_text(fingerprint)


def _whole(engine: Engine, whole: Whole, place: tuple[str, str, str]) -> Reason:
    ids = whole.element_ids()
    reason = Reason(f"{_title(engine, place)}: {len(ids)} elements, one call each", cut=engine.cut)
    source: Source = whole.source
    reason.inputs.extend((place[0], place[1], id) for id in ids[:SIBLINGS_MAX])
    if len(ids) > SIBLINGS_MAX:
        reason.lines.append(f"of which {SIBLINGS_MAX} are shown")
    key = SlotKey(source.thing.id, source.spec.name)
    reason.lines.append(f"over {key}")
    return reason
