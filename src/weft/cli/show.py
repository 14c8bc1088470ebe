"""`weft show`: what a space holds; of one entity, every field and node, and how each stands.

Knows nothing of the types' code: values are shown as they are kept.
Invariant: nothing is computed, and nothing is written.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import TYPE_CHECKING

import click

from weft.cli import terminal
from weft.cli.flow_lines import flow_lines, flow_plain, standing_text, state_of
from weft.cli.opening import SPACE, reading
from weft.cli.plain import Named, line_of
from weft.dag_json import json_of

if TYPE_CHECKING:
    from weft.content import Plain
    from weft.engine import Engine
    from weft.graph import Source
    from weft.spec import TypeSpec
    from weft.store import Holder

_ENTITIES_MAX = 20
_ELEMENTS_MAX = 12
_PREVIEW_CHARS = 100
_PREVIEWED_BYTES_MAX = 4096


@click.command("show")
@click.argument("space", type=SPACE)
@click.argument("words", metavar="[ENTITY]", nargs=-1)
@click.option("--json", "as_json", is_flag=True, help="As one JSON object, everything in full.")
def command(space: str, words: tuple[str, ...], as_json: bool) -> None:
    """What SPACE holds: its types and entities; with ENTITY, its fields and nodes, and how each stands.

    ENTITY is the beginning of an id, a name, or a type: of a type that has several entities all are listed. Under a
    list whose elements have ids stand those that went into another (aliases), those that are gone and may come back,
    and what to look at: merges, splits, what was not clear. The code of the types is not needed.
    """
    from weft.cli.again import next_step, roots_in
    from weft.cli.place import find_entity, of_type

    entity = " ".join(words)
    with reading(space) as opened, opened.view() as engine:
        if not entity:
            holder = engine.store.holder()
            found = {"space": opened.path, **space_plain(engine)}
            found["engine"] = None if holder is None else {"pid": holder.pid, "host": holder.host}
            lines: Iterator[str] = _space_lines(space, found, holder)
        elif len(of_type(engine, entity)) > 1:
            found = type_plain(engine, entity, engine.in_force[entity])
            lines = _type_lines(found, entities_max=None)
        else:
            id = find_entity(engine, entity)
            found = entity_plain(engine, id)
            lines = chain(entity_lines(named(engine, found)), next_step(space, roots_in(engine, [id])))
    if as_json:
        terminal.say_json(json_of(found))
        return
    for line in lines:
        terminal.say(line)


# What there is, as plain values ------------------------------------------------------------------------------------


def space_plain(engine: Engine) -> dict[str, Plain]:
    """Types with their nodes, and entities by type in order of creation."""
    types: list[Plain] = [type_plain(engine, name, spec) for name, spec in engine.in_force.items()]
    return {"position": engine.position, "types": types}


def type_plain(engine: Engine, name: str, spec: TypeSpec) -> dict[str, Plain]:
    """A type with its nodes, and its entities in order of creation, each with the beginning of what it holds."""
    from weft.cli.place import of_type
    from weft.why.naming import name_of

    nodes: list[Plain] = [
        {"name": node.name, "kind": node.kind, "type": node.type_text} for node in spec.nodes.values()
    ]
    entities: list[Plain] = [
        {"id": id, "name": name_of(engine, id), "preview": _preview(engine, id)} for id in of_type(engine, name)
    ]
    return {"name": name, "nodes": nodes, "entities": entities}


def _preview(engine: Engine, id: str) -> str:
    """What an entity holds, on a line: its name is said beside it, and what is empty or large is left out."""
    from weft.content import decode
    from weft.slot import Ok
    from weft.why.naming import NAMING

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
            value = named_value(engine, value)
            line = line_of(value)
            said.append(f"{name}: {{{line}}}" if isinstance(value, dict) else f"{name}: {line}")
            length += len(said[-1])
        if length > _PREVIEW_CHARS:
            break
    return terminal.shortened(", ".join(said), _PREVIEW_CHARS)


def entity_plain(engine: Engine, id: str) -> dict[str, Plain]:
    """An entity with the state of each node."""
    thing = engine.graph.thing(id)
    assert thing is not None
    nodes: list[Plain] = [
        node_plain(node) | _elements_plain(engine, node) | flow_plain(engine, node) for node in thing.nodes.values()
    ]
    return {"id": id, "type": thing.type.name, "created": thing.created, "nodes": nodes}


def named(engine: Engine, found: dict[str, Plain]) -> dict[str, Plain]:
    """The same for people: each reference is what it leads to, described."""
    return {name: named_value(engine, value) for name, value in found.items()}


def named_value(engine: Engine, value: Plain) -> Plain:
    """A value, in which each reference is what it leads to, described."""
    from weft.subscription import reference_text
    from weft.why.naming import described

    if isinstance(value, list):
        return [named_value(engine, one) for one in value]
    if not isinstance(value, dict):
        return value
    reference = reference_text(value)
    return Named(described(engine, reference)) if reference else named(engine, value)


def node_plain(node: Source) -> dict[str, Plain]:
    """A node: its kind, how it stands, its value or why there is none; of an `each`, its elements."""
    from weft.graph import Whole

    said: dict[str, Plain] = {"name": node.spec.name, "kind": node.spec.kind, "type": node.spec.type_text}
    if isinstance(node, Whole):
        said |= _standing(node)
        said["elements"] = [{"id": id, **_standing(node.slots[id])} for id in node.element_ids() if id in node.slots]
        return said
    return said | _standing(node)


def _elements_plain(engine: Engine, node: Source) -> dict[str, Plain]:
    """The ids of a list's elements, those that are aliases or gone among them, and what to look at."""
    from weft.graph import Slot
    from weft.identity import is_keyed
    from weft.matching.telling import known_lines, known_plain

    known = engine.elements(node.key) if isinstance(node, Slot) and is_keyed(node) else []
    if not known:
        return {}
    return {"ids": [known_plain(one) for one in known], "identity": [*known_lines(known)]}


def _standing(node: Source) -> dict[str, Plain]:
    from weft.graph import Slot, ToldNode
    from weft.slot import Err, Gone, Ok

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
    from weft.content import decode
    from weft.graph import Whole

    code = node.spec.code
    if code is None:
        return decode(encoded)
    shape = (code.whole or code.shape) if isinstance(node, Whole) else code.shape
    return shape.to_plain(shape.decode(encoded))


# For people ----------------------------------------------------------------------------------------------------------


def _space_lines(space: str, found: dict[str, Plain], holder: Holder | None) -> Iterator[str]:
    width = terminal.width()
    types = found["types"]
    assert isinstance(types, list)
    yield from terminal.wrapped(f"{space} at position {found['position']!s}", width, hanging="  ")
    by = "nobody computes it now" if holder is None else f"computed by process {holder.pid} on {holder.host}"
    yield terminal.faint(by)
    for each in types:
        assert isinstance(each, dict)
        yield ""
        yield from _type_lines(each, entities_max=_ENTITIES_MAX)
    if not types:
        yield "there are no types in it yet"


def _type_lines(found: dict[str, Plain], *, entities_max: int | None) -> Iterator[str]:
    width, entities, nodes = terminal.width(), found["entities"], found["nodes"]
    assert isinstance(entities, list)
    assert isinstance(nodes, list)
    yield terminal.strong(str(found["name"])) + f"  {_counted(len(entities), 'entity', 'entities')}"
    for node in nodes:
        assert isinstance(node, dict)
        yield terminal.shortened(f"  {node['name']!s:<14} {node['kind']!s:<8} {node['type']!s}", width)
    for one in entities[:entities_max]:
        assert isinstance(one, dict)
        said = "  ".join(str(part) for part in (str(one["id"])[:8], one["name"], one["preview"]) if part)
        yield terminal.shortened(f"  {said}", width)
    if entities_max is not None and len(entities) > entities_max:
        yield f"  … and {len(entities) - entities_max} more: name the type to see them all"


def entity_lines(found: dict[str, Plain]) -> Iterator[str]:
    """An entity and its nodes, a few lines each."""
    width, nodes = terminal.width(), found["nodes"]
    assert isinstance(nodes, list)
    yield terminal.strong(f"{found['type']!s} {found['id']!s}") + f"  created at {found['created']!s}"
    for node in nodes:
        assert isinstance(node, dict)
        yield from _node_lines(node, width)


def _node_lines(node: dict[str, Plain], width: int) -> Iterator[str]:
    state = state_of(node)
    shown = terminal.alarming(state) if state == "failed" else terminal.faint(state)
    yield f"{terminal.strong(str(node['name']))}  {node['kind']!s}, {shown}"
    yield from flow_lines(node, width)
    if "run" in node:
        return
    elements = node.get("elements")
    if isinstance(elements, list):
        for one in elements[:_ELEMENTS_MAX]:
            assert isinstance(one, dict)
            yield terminal.shortened(f"  {str(one['id'])[:8]}  {_said(one)}", width)
        if len(elements) > _ELEMENTS_MAX:
            yield f"  … and {len(elements) - _ELEMENTS_MAX} more"
        return
    value = node.get("value")
    if isinstance(value, list) and value:
        for each in value[:_ELEMENTS_MAX]:
            yield terminal.shortened("  " + line_of(each), width)
        if len(value) > _ELEMENTS_MAX:
            yield f"  … and {len(value) - _ELEMENTS_MAX} more"
    else:
        yield from _value_lines(node, width)
    noted = node.get("identity")
    if isinstance(noted, list):
        yield from (
            part for line in noted for part in terminal.wrapped(f"- {line!s}", width, indent="  ", hanging="    ")
        )


def _value_lines(node: dict[str, Plain], width: int) -> Iterator[str]:
    if node.get("value") in ([], {}, "", None) and "error" not in node:
        return
    if "value" in node or "error" in node:
        yield from list(terminal.wrapped(_said(node), width, indent="  "))[:_ELEMENTS_MAX]
    if "last" in node:
        yield terminal.shortened("  last good: " + line_of(node["last"]), width)


def _said(node: dict[str, Plain]) -> str:
    if "error" in node:
        from weft.slot import short_places

        return short_places(str(node["error"]), {})
    return line_of(node["value"]) if "value" in node else str(node["state"])


def _counted(count: int, one: str, many: str) -> str:
    return f"{count} {one if count == 1 else many}"
