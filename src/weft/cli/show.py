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
from weft.cli.flow_lines import flow_lines, state_of
from weft.cli.opening import SPACE, reading
from weft.dag_json import json_of
from weft.portrait.line import line_of

if TYPE_CHECKING:
    from weft.content import Plain
    from weft.engine import Engine
    from weft.spec import TypeSpec
    from weft.store import Holder

_ENTITIES_MAX = 20
_ELEMENTS_MAX = 12
_PREVIEW_CHARS = 100


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
    from weft.portrait.entity import entity_plain, named

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
    from weft.portrait.entity import preview_of
    from weft.why.naming import name_of

    def preview(id: str) -> str:
        return terminal.shortened(preview_of(engine, id, _PREVIEW_CHARS), _PREVIEW_CHARS)

    nodes: list[Plain] = [
        {"name": node.name, "kind": node.kind, "type": node.type_text} for node in spec.nodes.values()
    ]
    entities: list[Plain] = [
        {"id": id, "name": name_of(engine, id), "preview": preview(id)} for id in of_type(engine, name)
    ]
    return {"name": name, "nodes": nodes, "entities": entities}


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
