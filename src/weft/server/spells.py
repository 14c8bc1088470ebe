"""Spells: the types whose references fit what was picked, so that they can be cast on it.

A reference fits by its type, as where it is told: an element of a list by the list's, an entity by its own. Where code
is not here, names are compared.

Knows nothing of how entities are created. Invariant: what is offered is taken by `entities.create`, once the rest that
the type requires is given.
Source: drag and drop by type; menus of actions that apply.
"""

from __future__ import annotations

import typing

from weft.declare import nodes_of
from weft.engine import Engine
from weft.entity import Entity, inputs_of_kind
from weft.graph import Source
from weft.handle import NOTHING
from weft.server.entities import thing_in
from weft.server.method import Call, Json, Method
from weft.server.schemas import ENTITY, LIST, NAME, POSITION, STRING, closed, listed, open_object
from weft.server.values import node_in
from weft.space import Space
from weft.spec import NodeSpec, TypeSpec
from weft.told import Field


def _find(call: Call) -> Json:
    space = call.space
    with space.view() as engine:
        given: object
        if "node" in call.given:
            found = node_in(engine, call)
            given, name = _element_of(found), _element_name(found)
        else:
            thing = thing_in(engine, call.given["entity"])
            given, name = space.kind_named(thing.type.name), thing.type.name
        spells = [*_spells(space, engine, given, name)]
        return {"entity": call.given["entity"], "spells": spells, "position": engine.position}


def _element_of(found: Source) -> object:
    """The type of what a list holds; None where it is not known, or where this is no list."""
    code = found.spec.code
    if code is None or found.spec.sort == "plain":
        return None
    shape = code.element if code.element is not None else code.shape
    return typing.get_origin(shape.annotation) or shape.annotation


def _element_name(found: Source) -> str:
    """The same by name: `Topic` of `tuple[Topic, ...]`."""
    _, _, inside = found.spec.type_text.partition("[")
    return inside.rpartition("]")[0].removesuffix(", ...").rpartition(", ")[2]


def _spells(space: Space, engine: Engine, given: object, name: str) -> typing.Iterator[Json]:
    for spec in engine.in_force.values():
        kind = space.kind_named(spec.name)
        if kind is None:
            continue
        declared = inputs_of_kind(kind)
        refs = [one.name for one in spec.nodes.values() if one.kind == "ref" and one.name in declared]
        fits = [ref for ref in refs if _fits(kind, spec.nodes[ref], given, name)]
        if fits:
            yield {"type": spec.name, "fits": fits, "needs": [*_needs(kind, spec, fits)]}


def _fits(kind: type[Entity], ref: NodeSpec, given: object, name: str) -> bool:
    wanted = getattr(nodes_of(kind)[ref.name], "kind", None)
    if isinstance(given, type) and isinstance(wanted, type):
        return issubclass(given, wanted)
    return bool(name) and ref.target == name


def _needs(kind: type[Entity], spec: TypeSpec, fits: list[str]) -> typing.Iterator[str]:
    """What else must be told at creation."""
    for name, told in inputs_of_kind(kind).items():
        is_required = not isinstance(told, Field) or told.default is NOTHING
        if is_required and name not in fits and name in spec.nodes:
            yield name


_SPELL = open_object(type=STRING, fits=LIST, needs=LIST)
SPELLS = (
    Method(
        service="spells", name="find", http="GET", path="/spaces/{space}/entities/{entity}/spells", act=_find,
        capability="read", reach="entity", given={**ENTITY, "node": NAME},
        summary="The types with a reference that fits an entity, or an element of one of its lists; `fits`: which "
        "references.", gives=closed(entity=STRING, spells=listed(_SPELL), position=POSITION),
    ),
)  # fmt: skip
