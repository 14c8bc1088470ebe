"""What callers tell entities: JSON, read by the types of the fields, and staged in the edit that is open.

Each place of it is read as its field's type says. Of a type whose code this server has not, fields can be set and
counters added to, by plain values. References are named by ids.

Knows nothing of callers, or of how edits become durable.
Invariant: what does not fit its field is refused by `Unfit…` errors before anything is told.
Source: the intents of the log; JSON Merge Patch, for what is simply set.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Protocol

from weft.collection import is_element_id
from weft.dag_json import plain_of_json
from weft.declare import Node, nodes_of
from weft.desk import TypeNotGiven
from weft.edit import field_of
from weft.entity import Entity, inputs_of_kind
from weft.errors import Undecodable, Unencodable, WeftError
from weft.glance import shape_in
from weft.handle import Seat
from weft.space import Space
from weft.spec import NodeSpec, TypeSpec
from weft.told import Fold, LiveRef, Target
from weft.value import shape_of

Json = dict[str, Any]


class Mentioned(Protocol):
    """What whoever tells may mention: what is mentioned is shown by what they tell of."""

    def entity(self, id: str) -> None:
        """Raises for one that they must not refer to."""
        ...

    def contents(self, said: Any) -> None:
        """Raises for a value in JSON that names content which they must not name."""
        ...


class UnfitTelling(WeftError, ValueError):
    """{place} cannot be told that: {why}. `types.get` says what it is told."""

    place: str
    why: str

    @property
    def places(self) -> tuple[tuple[str, str], ...]:
        """The field, without its type, for forms; nothing where it is no field."""
        _, dot, name = self.place.partition(".")
        return ((name, self.why),) if dot else ()


_PLACE: Json = {"type": "integer", "minimum": 0, "maximum": 1 << 53}
_MORE: Json = {"type": "integer", "minimum": -(1 << 63), "maximum": (1 << 63) - 1}
_RANGE = {"start": _PLACE, "stop": _PLACE}
VERBS: Json = {
    "set": {"type": "object", "additionalProperties": {}},
    "add": {"type": "object", "additionalProperties": {"type": "array"}},
    "remove": {"type": "object", "additionalProperties": {"type": "array"}},
    "move": {"type": "object", "additionalProperties": {
        "type": "object", "properties": {"item": {}, "before": {}}, "required": ["item"],
        "additionalProperties": False,
    }},
    "increment": {"type": "object", "additionalProperties": _MORE},
    "put": {"type": "object", "additionalProperties": {"type": "object"}},
    "drop": {"type": "object", "additionalProperties": {"type": "array"}},
    "edit": {"type": "object", "additionalProperties": {"type": "array", "items": {
        "type": "object",
        "properties": {
            "verb": {"enum": ["insert", "delete", "replace"]}, "text": {"type": "string"},
            "at": _PLACE, **_RANGE,
        },
        "required": ["verb"], "additionalProperties": False,
    }}},
    "tell": {"type": "array", "items": {
        "type": "object", "properties": {"event": {"type": "string"}, "value": {}}, "required": ["event"],
        "additionalProperties": False,
    }},
}  # fmt: skip
"""What may be told at once, by verb: each an object by the names of fields; of `tell`, a list of events."""
AT_CREATION = ("add", "put", "increment", "edit", "tell")
"""Those that may be said of an entity in the moment of its creation, beside its fields."""
WITHOUT_CODE = ("set", "increment")
"""Those that may be said of a type whose code this server has not: what is told is kept as it is."""
_KINDS = {"field": ("set",), "ref": ("set",), "items": ("add", "remove", "move"), "counter": ("increment",)}
_KINDS |= {"entries": ("put", "drop"), "text": ("edit",)}
_TEXT = {"insert": ("at", "text"), "delete": ("start", "stop"), "replace": ("start", "stop", "text")}


def inputs(space: Space, kind: type[Entity], fields: Mapping[str, Any], mentioned: Mentioned) -> dict[str, object]:
    """What a type is told at creation. Raises `UnfitTelling`."""
    spec, declared = space.declared(kind), inputs_of_kind(kind)
    found: dict[str, object] = {}
    for name, said in fields.items():
        with _told(f"{kind.__name__}.{name}"):
            mentioned.contents(said)
            # What is no input stays as it was said: the class refuses it, in words of its own.
            found[name] = _value(space, spec.nodes[name], said, mentioned) if name in declared else said
            if isinstance(target := found[name], Target):
                found[name] = LiveRef[object](Seat(space.desk, target.entity), target)
    return found


def tell(space: Space, spec: TypeSpec, entity: str, given: Mapping[str, Any], mentioned: Mentioned) -> None:
    """Stage all that is said of an entity. Raises `UnfitTelling`, `UnknownField`."""
    for verb, said in given.items():
        if verb == "tell":
            for event in said:
                with _told(f"{spec.name} by the event {event['event']}"):
                    mentioned.contents(event.get("value"))
                    space.desk.edit(entity, None, "tell", _event(space, spec, event))
            continue
        for name, one in said.items():
            found = field_of(spec, name)
            if found.code is None and verb not in WITHOUT_CODE:
                raise TypeNotGiven(entity=entity, type=spec.name)
            with _told(f"{spec.name}.{name}"):
                _check_verb(found, verb)
                mentioned.contents(one)
                for said_verb, *args in _args(space, found, verb, one, mentioned):
                    space.desk.edit(entity, _node(space, spec, name), str(said_verb), *args)


def _check_verb(spec: NodeSpec, verb: str) -> None:
    verbs = _KINDS.get(spec.kind, ())
    if verb not in verbs:
        raise ValueError(f"{verb} is not for {spec.kind}, but {' and '.join(verbs) or 'its events'}")


@contextmanager
def _told(place: str) -> Iterator[None]:
    try:
        yield
    except (Undecodable, Unencodable, TypeError, ValueError, LookupError) as why:
        if isinstance(why, WeftError) and not isinstance(why, Undecodable | Unencodable):
            raise  # it says all of this itself
        raise UnfitTelling(place=place, why=str(why.args[0] if type(why) is KeyError else why)) from why


def _args(space: Space, spec: NodeSpec, verb: str, said: Any, mentioned: Mentioned) -> Iterator[tuple[object, ...]]:
    """(verb, arguments…) as a handle would say it, for each thing that is said of one field."""
    match verb:
        case "set":
            yield verb, _value(space, spec, said, mentioned)
        case "increment":
            yield verb, said
        case "edit":
            yield from map(_of_text, said)
        case "put":
            yield from ((verb, key, value) for key, value in _entries(space, spec, said).items())
        case "drop":
            yield from ((verb, _key(space, spec, key)) for key in said)
        case _:
            yield from _of_items(space, spec, verb, said)


def _of_items(space: Space, spec: NodeSpec, verb: str, said: Any) -> Iterator[tuple[object, ...]]:
    if verb == "add":
        yield verb, *(_item(space, spec, one) for one in said)
    elif verb == "remove":
        for one in said:
            is_id = isinstance(one, str) and is_element_id(one)
            yield verb, one if is_id else _item(space, spec, one)
    else:
        before = said.get("before")
        yield verb, _item(space, spec, said["item"]), None if before is None else _item(space, spec, before)


def _of_text(said: Json) -> tuple[object, ...]:
    missing = [name for name in _TEXT[said["verb"]] if name not in said]
    if missing:
        raise ValueError(f"{said['verb']} needs {' and '.join(missing)}")
    return said["verb"], *(said[name] for name in _TEXT[said["verb"]])


def _node(space: Space, spec: TypeSpec, name: str) -> Node[Any]:
    """The node as its class declares it; where the code is not here, one of this name and no class."""
    kind = space.kind_named(spec.name)
    if kind is not None:
        return nodes_of(kind)[name]
    node: Node[Any] = Node()
    node.name = name
    return node


def _value(space: Space, spec: NodeSpec, said: Any, mentioned: Mentioned) -> object:
    if spec.kind == "ref":
        target = _target(said)
        mentioned.entity(target.entity)
        return target
    return shape_in(spec).from_plain(plain_of_json(said), space.open_blob)


def _target(said: Any) -> Target:
    if isinstance(said, str):
        return Target(said)
    if not isinstance(said, dict) or not all(isinstance(one, str) for one in said.values()) or "entity" not in said:
        raise ValueError("a reference is the id of an entity, or an object with `entity`, `node` and `element`")
    if said.keys() - {"entity", "node", "element"}:
        raise ValueError("a reference has `entity`, `node` and `element`, and nothing else")
    return Target(said["entity"], said.get("node", ""), said.get("element", ""))


def _item(space: Space, spec: NodeSpec, said: Any) -> object:
    (found,) = shape_in(spec).from_plain([plain_of_json(said)], space.open_blob)
    return found


def _entries(space: Space, spec: NodeSpec, said: Any) -> Mapping[Hashable, object]:
    found: Mapping[Hashable, object] = shape_in(spec).from_plain(plain_of_json(said), space.open_blob)
    return found


def _key(space: Space, spec: NodeSpec, said: Any) -> object:
    arguments = getattr(shape_in(spec).annotation, "__args__", (object,))
    return shape_of(arguments[0]).from_plain(plain_of_json(said), space.open_blob)


def _event(space: Space, spec: TypeSpec, said: Json) -> object:
    kind = space.kind_named(spec.name)
    folds = [node for node in nodes_of(kind).values() if isinstance(node, Fold)] if kind is not None else []
    for event, _ in (handler for fold in folds for handler in fold.handlers):
        if event.__name__ == said["event"]:
            return shape_of(event).from_plain(plain_of_json(said.get("value")), space.open_blob)
    raise ValueError(f"it takes the events {', '.join(spec.events()) or '(none)'}")
