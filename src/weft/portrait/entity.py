"""Entities, with the state and the value of each node; and their previews, on a line.

Knows nothing of the types' code: values are given as they are kept.
Invariant: nothing is computed, and nothing is written.
"""

from __future__ import annotations

from weft.brief import brief, reference_text
from weft.content import Plain, decode
from weft.engine import Engine
from weft.graph import Slot, Source, ToldNode, Whole
from weft.identity import is_keyed
from weft.matching.telling import known_lines, known_plain
from weft.portrait.flow import flow_plain, standing_text
from weft.portrait.line import Named
from weft.slot import Err, Gone, Ok
from weft.why.naming import NAMING, May, anybody, described

_PREVIEWED_BYTES_MAX = 4096


def entity_plain(engine: Engine, id: str) -> dict[str, Plain]:
    """An entity with the state of each node."""
    thing = engine.graph.thing(id)
    assert thing is not None
    nodes: list[Plain] = [
        node_plain(node) | _elements_plain(engine, node) | flow_plain(engine, node) for node in thing.nodes.values()
    ]
    return {"id": id, "type": thing.type.name, "created": thing.created, "nodes": nodes}


def named(engine: Engine, found: dict[str, Plain], may: May = anybody) -> dict[str, Plain]:
    """The same for people: each reference is what it leads to, described."""
    return {name: named_value(engine, value, may) for name, value in found.items()}


def named_value(engine: Engine, value: Plain, may: May = anybody) -> Plain:
    """A value, in which each reference is what it leads to, described."""
    if isinstance(value, list):
        return [named_value(engine, one, may) for one in value]
    if not isinstance(value, dict):
        return value
    reference = reference_text(value)
    return Named(described(engine, reference, may)) if reference else named(engine, value, may)


def node_plain(node: Source) -> dict[str, Plain]:
    """A node: its kind, how it stands, its value or why there is none; of an `each`, its elements."""
    said: dict[str, Plain] = {"name": node.spec.name, "kind": node.spec.kind, "type": node.spec.type_text}
    if isinstance(node, Whole):
        said |= _standing(node)
        said["elements"] = [{"id": id, **_standing(node.slots[id])} for id in node.element_ids() if id in node.slots]
        return said
    return said | _standing(node)


def _elements_plain(engine: Engine, node: Source) -> dict[str, Plain]:
    """The ids of a list's elements, those that are aliases or gone among them, and what to look at."""
    known = engine.elements(node.key) if isinstance(node, Slot) and is_keyed(node) else []
    if not known:
        return {}
    return {"ids": [known_plain(one) for one in known], "identity": [*known_lines(known)]}


def _standing(node: Source) -> dict[str, Plain]:
    outcome = node.outcome()
    last = node.last if isinstance(node, Slot) else None
    said: dict[str, Plain] = {}
    match outcome:
        case Ok():
            said = {"state": "settled", "value": _ordered(node, outcome.encoded)}
        case Err():
            said = {"state": "failed", "error": f"{outcome.kind}: {outcome.message}"}
            if outcome.origin:
                said["origin"] = outcome.origin
        case Gone():
            said = {"state": "absent"}
    if isinstance(node, ToldNode):
        said["state"] = "told" if isinstance(outcome, Ok) else "absent"
        return said
    if last is not None and not isinstance(outcome, Ok):
        said["last"] = _ordered(node, last.encoded)
    if not node.current:
        said["state"] = "due"
    return said


def _ordered(node: Source, encoded: bytes) -> Plain:
    """A value as it is kept; where its code is known, the fields of classes in the order of their declaration."""
    code = node.spec.code
    if code is None:
        return decode(encoded)
    shape = (code.whole or code.shape) if isinstance(node, Whole) else code.shape
    return shape.to_plain(shape.decode(encoded))


def preview_of(engine: Engine, id: str, chars: int, may: May = anybody) -> str:
    """What an entity holds, on a line: its name is said beside it, and what is empty or large is left out. It ends with
    what begins within so many characters, and is cut by whoever shows it. `may`: of which others it may tell."""
    thing, said, length = engine.graph.thing(id), [], 0
    assert thing is not None
    for name, node in thing.nodes.items():
        outcome = node.outcome() if name not in NAMING else None
        if not isinstance(outcome, Ok) or len(outcome.encoded) > _PREVIEWED_BYTES_MAX:
            continue
        value = decode(outcome.encoded)
        run = flow_plain(engine, node).get("run")
        if isinstance(run, dict):
            said.append(f"{name}: {standing_text(run)}")
            length += len(said[-1])
        elif value not in (None, "", [], {}):
            value = named_value(engine, value, may)
            said.append(f"{name}: {brief(value)}")
            length += len(said[-1])
        if length > chars:
            break
    return ", ".join(said)
