"""Types: what each declares, and the JSON Schemas of what its entities are told.

Knows nothing of entities. Invariant: what fits a schema here is taken when it is told; but where no schema can be made
anything is let through, and checked then.
Source: JSON Schema, from which forms are made.
"""

from __future__ import annotations

import re
from types import NoneType
from typing import Any, get_args, get_origin

from weft.blob import Blob
from weft.dag_json import json_of
from weft.declare import nodes_of
from weft.desk import TypeNotGiven
from weft.engine import Engine
from weft.entity import Entity, inputs_of_kind
from weft.errors import Unencodable, WeftError
from weft.form.schema import NoSchema, schema_of
from weft.handle import NOTHING
from weft.server.method import Call, Json, Method
from weft.server.schemas import FLAG, LIST, MAP, NAME, SPACE, STRING, TEXT, closed, listed, open_object
from weft.spec import NodeSpec, TypeSpec
from weft.spelling import nearest
from weft.store import KIND
from weft.told import Field, Fold
from weft.value.annotation import is_union

BLOB: Json = {
    "type": "object", "title": "Blob", "format": "blob",
    "properties": {
        "blob": {"type": "object", "properties": {"/": {"type": "string"}}, "required": ["/"]},
        "media": {"type": "string"}, "size": {"type": "integer"},
    },
    "required": ["blob", "media", "size"], "additionalProperties": False,
}  # fmt: skip
"""A blob that was uploaded, as the answer to that says it."""
REFERENCE: Json = {
    "type": "object", "title": "Reference", "format": "reference",
    "properties": {"entity": {"type": "string"}, "node": {"type": "string"}, "element": {"type": "string"}},
    "required": ["entity"], "additionalProperties": False,
}  # fmt: skip


_SENTENCE = re.compile(r"(?<=[.!?])\s")


class UnknownType(WeftError, KeyError):
    """There is no type {name!r} in this space: {nearest}"""

    name: str
    nearest: str


def type_in(engine: Engine, name: str) -> TypeSpec:
    """The type of this name, as it is in force. Raises `UnknownType`."""
    found = engine.in_force.get(name)
    if found is None:
        raise UnknownType(name=name, nearest=nearest(name, engine.in_force))
    return found


def _portrait(call: Call, engine: Engine, spec: TypeSpec) -> Json:
    kind = call.space.kind_named(spec.name)
    return {
        "name": spec.name,
        "entities": sum(call.may(str(key[2])) for key, _ in engine.rows(KIND, (spec.name,))),
        "is_known": kind is not None,
        "doc": _said_of(kind),
        "nodes": [_node(kind, node) for node in spec.nodes.values()],
        "flows": [flow.name for flow in spec.flows],
    }


def _said_of(kind: type[Entity] | None) -> str:
    """The first sentence of what a type says of itself; nothing where it says nothing, or its code is not here."""
    said = kind.__dict__.get("__doc__") if kind is not None else None
    words = " ".join((said or "").partition("\n\n")[0].split())
    return _SENTENCE.split(words, maxsplit=1)[0]


def _node(kind: type[Entity] | None, node: NodeSpec) -> Json:
    said: Json = {"name": node.name, "kind": node.kind, "type": node.type_text, "told": node.is_told}
    if node.target:
        said["target"] = node.target
    if node.inputs:
        said["reads"] = sorted({entry.ref or entry.node for entry in node.inputs})
    if not node.is_told or node.kind == "flow":
        return said
    if kind is not None and isinstance(fold := nodes_of(kind).get(node.name), Fold):
        said["events"] = [{"event": event.__name__, "schema": schema_or_any(event)} for event, _ in fold.handlers]
    if kind is not None and (told := inputs_of_kind(kind).get(node.name)) is not None:
        said["at_creation"] = True
        said["required"] = not isinstance(told, Field) or told.default is NOTHING
        return said | {"schema": _schema(node) | _default(node, told)}
    return said | {"schema": _schema(node)}


def _default(node: NodeSpec, told: object) -> Json:
    """The value of a field that is told none, where it can be said as JSON."""
    if not isinstance(told, Field) or told.default is NOTHING or node.code is None:
        return {}
    try:
        return {"default": json_of(node.code.shape.to_plain(told.default))}
    except Unencodable:
        return {}


def _schema(node: NodeSpec) -> Json:
    """Of what a field is told; of a collection, of one thing in it."""
    if node.kind == "ref":
        return REFERENCE
    shape = node.code.shape if node.code is not None else None
    if shape is None:
        return {}
    annotation = shape.annotation
    arguments: tuple[object, ...] = getattr(annotation, "__args__", ())
    if node.kind == "items" and arguments:
        annotation = arguments[0]
    elif node.kind == "entries" and len(arguments) > 1:
        annotation = arguments[1]
    return schema_or_any(annotation)


def schema_or_any(annotation: object) -> Json:
    """The schema of a type; that of anything, where none can be made."""
    if annotation is Blob:
        return BLOB
    if is_union(annotation) and set(get_args(annotation)) == {Blob, NoneType}:
        return {"anyOf": [BLOB, {"type": "null"}]}
    if get_origin(annotation) is tuple and get_args(annotation) == (Blob, ...):
        return {"type": "array", "items": BLOB}
    try:
        found: dict[str, Any] = {**schema_of(annotation)}
    except NoSchema:
        return {}
    found.pop("$schema")
    return found


def _find(call: Call) -> Json:
    with call.space.view() as engine:
        return {"types": [_portrait(call, engine, spec) for spec in engine.in_force.values()]}


def _get(call: Call) -> Json:
    with call.space.view() as engine:
        return _portrait(call, engine, type_in(engine, call.given["type"]))


def _pin(call: Call) -> Json:
    """What `weft pin` says, in the program that computes."""
    with call.space.view() as engine:
        name = type_in(engine, call.given["type"]).name
    kind = call.space.kind_named(name)
    if kind is None:
        raise TypeNotGiven(entity="that would be computed", type=name)
    act = call.space.pin if call.method.name == "pin" else call.space.unpin
    act(kind, why=call.given.get("why", ""), by=call.caller.user)
    found = call.space.pins().get(name)
    return {"type": name, "pinned": None if found is None else found._asdict()}


_NODE = open_object(
    {"schema": MAP, "required": FLAG, "at_creation": FLAG, "reads": LIST, "events": LIST},
    name=STRING, kind=STRING, type=STRING,
)  # fmt: skip
_GIVEN = open_object(
    {"doc": STRING},
    name=STRING, entities={"type": "integer"}, is_known=FLAG, nodes=listed(_NODE), flows=LIST
)  # fmt: skip
TYPES = (
    Method(
        service="types", name="find", http="GET", path="/spaces/{space}/types", act=_find, capability="read",
        summary="The types of a space, each with its nodes, and the schemas of what they are told.",
        reach="found", given=SPACE, gives=open_object(types=listed(_GIVEN)),
    ),
    Method(
        service="types", name="get", http="GET", path="/spaces/{space}/types/{type}", act=_get, capability="read",
        summary="One type. `is_known`: whether this server has its code, so that entities of it can be created.",
        reach="found", given={**SPACE, "type": NAME}, gives=_GIVEN,
    ),
    *(
        Method(
            service="types", name=name, http="POST", path=f"/spaces/{{space}}/types/{{type}}/{name}", act=_pin,
            capability="administer", changes=True, summary=summary, given={**SPACE, "type": NAME, "why": TEXT},
            gives=closed(type=STRING, pinned={"anyOf": [MAP, {"type": "null"}]}),
        )
        for name, summary in (
            ("pin", "Keep the definition that is in force, whatever other code a program brings."),
            ("unpin", "Let another definition take its place again."),
        )
    ),
)  # fmt: skip
