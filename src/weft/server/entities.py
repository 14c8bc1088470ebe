"""Entities: found page by page, read, created, told more, and taken away.

Knows nothing of HTTP. Invariant: what is said again under the same name changes nothing, and is answered the same.
Source: Feathers' find, get, create, patch and remove; idempotency keys.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from heapq import merge
from itertools import islice

from weft.brief import reference_text
from weft.content import decode
from weft.dag_json import json_of
from weft.declare import nodes_of
from weft.desk import TypeNotGiven
from weft.edit import UnknownEntity
from weft.engine import Engine
from weft.entity import Entity, inputs_of_kind
from weft.erased import erased_entity
from weft.graph import Thing
from weft.handle import NOTHING
from weft.past.right_then import RightThen
from weft.portrait.entity import entity_plain, preview_of
from weft.portrait.past import past_plain
from weft.server.again import told_at
from weft.server.mentions import Mentions
from weft.server.method import Answer, Call, Json, Later, Method, UnfitCall
from weft.server.schemas import (
    ANY,
    ENTITY,
    ENTITY_GIVEN,
    ENTITY_TOLD,
    LIMIT,
    MAP,
    MAYBE_STRING,
    NAME,
    ONCE,
    PAGE,
    POSITION,
    SPACE,
    STRING,
    TEXT,
    WAIT,
    listed,
    open_object,
)
from weft.server.telling import AT_CREATION, VERBS, inputs, tell
from weft.server.types import type_in
from weft.settlement import Settlement
from weft.slot import Ok
from weft.space import Space
from weft.store import KIND
from weft.subscription import shortened
from weft.told import Field
from weft.why.naming import NAMING, May, name_of

_PREVIEW_CHARS = 100
_CALLED_CHARS = 60


def thing_in(engine: Engine, id: str) -> Thing:
    """The entity of this id. Raises `UnknownEntity`, `EntityErased`."""
    found = engine.graph.thing(id)
    if found is None:
        raise erased_entity(engine, id) or UnknownEntity(entity=id)
    return found


def portrait(engine: Engine, id: str, may: May) -> Json:
    """An entity with each node, and the position that it is read at."""
    thing_in(engine, id)
    said = json_of(entity_plain(engine, id))
    assert isinstance(said, dict)
    return {**said, "name": called(engine, id, may), "position": engine.position}


def called(engine: Engine, id: str, may: May) -> str:
    """What an entity is called: its own name, else what it was made for, as in "Viewpoints on climate change"; of what
    that is, where it may not be read, nothing."""
    thing, name = thing_in(engine, id), name_of(engine, id)
    for node in () if name else thing.nodes.values():
        outcome = node.outcome() if node.spec.kind == "ref" else None
        value = decode(outcome.encoded) if isinstance(outcome, Ok) else None
        if isinstance(value, dict) and reference_text(value) and may(str(value["entity"])):
            about = _about(engine, *(str(value[part]) for part in ("entity", "node", "element")))
            if about:
                return f"{thing.type.name} on {shortened(about, _CALLED_CHARS)}"
    return name


def _about(engine: Engine, entity: str, node: str, element: str) -> str:
    """What people know a place by: of an entity its name, of an element its name, title or first text."""
    if not element:
        return "" if node or engine.graph.thing(entity) is None else name_of(engine, entity)
    thing = engine.graph.thing(entity)
    found = thing.nodes.get(node) if thing is not None else None
    member = found.member(element) if found is not None else None
    value = decode(member.encoded) if member is not None else None
    if isinstance(value, dict):
        texts = [value.get(field) for field in NAMING] + [*value.values()]
        value = next((one for one in texts if isinstance(one, str) and one), None)
    return value if isinstance(value, str) else ""


# Reading -----------------------------------------------------------------------------------------------------------


def _find(call: Call) -> Json:
    """A page is cut where entities that come later do not move it: behind the one that it ends with."""
    limit, after = call.given.get("limit", PAGE), call.given.get("after", "")
    with call.space.view() as engine:
        names = [call.given["type"]] if "type" in call.given else [*engine.in_force]
        ids = (id for id in _ids(engine, names, _place_of(call, after)) if call.may(id))
        page = [*islice(ids, limit + 1)]
        entities = [_listed(call, engine, id) for id in page[:limit]]
        last = engine.graph.thing(page[limit - 1]) if len(page) > limit else None
        next = None if last is None else f"{last.created}.{last.id}"
        return {"entities": entities, "next": next, "position": engine.position}


def _place_of(call: Call, after: str) -> tuple[int, str]:
    if not after:
        return -1, ""
    created, dot, id = after.partition(".")
    if not dot or not created.isascii() or not created.isdigit() or len(created) > 18:
        raise call.unfit(f"after={after!r} is no place to go on from: give `next` of the page before")
    return int(created), id


def _ids(engine: Engine, types: list[str], after: tuple[int, str]) -> Iterator[str]:
    """Those of these types, in order of creation, behind a place. O(entities before it)."""
    rows = (((int(str(key[1])), str(key[2])) for key, _ in engine.rows(KIND, (name,))) for name in types)
    return (id for created, id in merge(*rows) if (created, id) > after)


def _listed(call: Call, engine: Engine, id: str) -> Json:
    thing = thing_in(engine, id)
    preview = shortened(preview_of(engine, id, _PREVIEW_CHARS, call.may), _PREVIEW_CHARS)
    name = called(engine, id, call.may)
    return {
        "id": id, "type": thing.type.name, "name": name, "created": thing.created, "preview": preview,
    }  # fmt: skip


def _get(call: Call) -> Json:
    with call.space.view() as engine:
        return portrait(engine, call.given["entity"], call.may)


def _at(call: Call) -> Json:
    """The entity as it was right at a position, each node with what is known of it."""
    id, position = call.given["entity"], call.given["position"]
    with call.space.view() as engine:
        then = RightThen(engine, position, call.served.index(call.given["space"]))
        type = then.type_of(id)
        if type is None:
            raise UnknownEntity(entity=f"{id} at {position}")
        nodes = [{"name": name, **past_plain(then.known(id, name))} for name in type.nodes]
        return {"id": id, "type": type.name, "position": position, "nodes": nodes}


# Telling -----------------------------------------------------------------------------------------------------------


def _create(call: Call) -> Answer:
    space, given = call.space, call.given
    with space.view() as engine:
        spec = type_in(engine, given["type"])
    kind = space.kind_named(spec.name)
    if kind is None:
        raise TypeNotGiven(entity="that is to be created", type=spec.name)
    told = inputs(space, kind, given.get("fields", {}), Mentions(call))
    with space.edit(by=call.caller.user, once=given.get("once"), base=_base(call)) as edit:
        try:
            entity = space.create(kind, **told)
        except TypeError as why:
            raise UnfitCall(method=call.method.title, why=str(why), places=_misfits(kind, told)) from why
        tell(space, spec, entity.id, {verb: given[verb] for verb in AT_CREATION if verb in given}, Mentions(call))
    return _answer(call, space, entity.id, edit.id)


def _misfits(kind: type[Entity], told: Mapping[str, object]) -> tuple[tuple[str, str], ...]:
    """The fields that a type needs and was not told, and those that it does not take, for forms."""
    defaults = _defaults(kind)
    missing = [name for name, default in defaults.items() if default is NOTHING and name not in told]
    unknown = [name for name in told if name not in defaults]
    return (
        *((name, f"{kind.__name__} has no default for it: say it") for name in missing),
        *((name, f"{kind.__name__} is not told it at its creation") for name in unknown),
    )


def _defaults(kind: type[Entity]) -> dict[str, object]:
    """What a type is told at creation, each with its default."""
    declared = inputs_of_kind(kind)
    return {name: node.default if isinstance(node, Field) else NOTHING for name, node in declared.items()}


def _update(call: Call) -> Answer:
    """As if it were created with these now: what is not said is as it is at the beginning."""
    space, id, fields = call.space, call.given["entity"], call.given["fields"]
    with space.view() as engine:
        spec = thing_in(engine, id).type
    kind = space.kind_named(spec.name)
    if kind is None:
        raise TypeNotGiven(entity=id, type=spec.name)
    declared = inputs_of_kind(kind)
    if unknown := sorted(fields.keys() - declared.keys()):
        raise call.unfit(
            f"{spec.name} is told {', '.join(declared) or 'nothing'} at its creation, and not {unknown[0]}"
        )
    left = {name: default for name, default in _defaults(kind).items() if name not in fields}
    if missing := [name for name, default in left.items() if default is NOTHING]:
        raise call.unfit(f"{spec.name} has no default for {', '.join(missing)}: say that too, or use `patch`")
    with space.edit(by=call.caller.user, once=call.given.get("once"), base=_base(call)) as edit:
        tell(space, spec, id, {"set": fields}, Mentions(call))
        for name, default in left.items():
            space.desk.edit(id, nodes_of(kind)[name], "set", default)
    return _answer(call, space, id, edit.id)


def _patch(call: Call) -> Answer:
    space, id = call.space, call.given["entity"]
    with space.view() as engine:
        spec = thing_in(engine, id).type
    said = {verb: call.given[verb] for verb in VERBS if call.given.get(verb)}
    if not said:
        raise call.unfit(f"nothing is told: give one of {', '.join(VERBS)}")
    with space.edit(by=call.caller.user, once=call.given.get("once"), base=_base(call)) as edit:
        tell(space, spec, id, said, Mentions(call))
    return _answer(call, space, id, edit.id)


def _base(call: Call) -> int:
    """The position that the author had seen: what is not said is the newest."""
    head, base = call.space.position, call.given.get("base")
    if base is not None and base > head:
        raise call.unfit(f"base={base} is a position that nobody can have seen: the log ends at {head}")
    return head if base is None else base


def _answer(call: Call, space: Space, id: str, event: str) -> Answer:
    """The entity, and where that was `told` which was said; where it is asked for, once all that is computed and all
    runs of it have come to an end. While no engine has taken a creation, there is nothing of it to be seen."""
    told = told_at(call, event)

    def now() -> Json:
        with space.view() as engine:
            if told is None and engine.graph.thing(id) is None:
                type = call.given["type"]
                return {"id": id, "type": type, "created": 0, "nodes": [], "name": "", "position": engine.position}
            return portrait(engine, id, call.may)

    def then(is_done: bool) -> Json:
        return {**now(), "told": told, "completed": is_done}

    if told is None or "wait_s" not in call.given:
        return {**now(), "told": told}
    return Later([*_settlements(space, id)], call.given["wait_s"], then)


def _settlements(space: Space, id: str) -> Iterator[Settlement]:
    with space.view() as engine:
        nodes = thing_in(engine, id).nodes
        names = [name for name, node in nodes.items() if not node.spec.is_told or node.spec.kind == "flow"]
    return (space.settlement((id, name, "")) for name in names)


def _remove(call: Call) -> Json:
    done = call.space.forget(call.given["entity"], why=call.given.get("why", ""), by=call.caller.user)
    return {"entity": call.given["entity"], "position": done.position}


_PAST_NODE = open_object({"value": ANY, "error": STRING, "why": STRING, "shown": MAP}, name=STRING, state=STRING)
_LISTED = open_object(id=STRING, type=STRING, name=STRING, created=POSITION, preview=STRING)
ENTITIES = (
    Method(
        service="entities", name="find", http="GET", path="/spaces/{space}/entities", act=_find, capability="read",
        reach="found", given={**SPACE, "type": NAME, "limit": LIMIT, "after": NAME},
        summary="Entities in order of creation, of one type or of all, a page at a time.",
        gives=open_object(entities=listed(_LISTED), next=MAYBE_STRING, position=POSITION),
    ),
    Method(
        service="entities", name="get", http="GET", path="/spaces/{space}/entities/{entity}", act=_get, given=ENTITY,
        capability="read", reach="entity", gives=ENTITY_GIVEN,
        summary="An entity: each field and node, how it stands, and its value.",
    ),
    Method(
        service="entities", name="create", http="POST", path="/spaces/{space}/entities", act=_create, changes=True,
        capability="edit", gives=ENTITY_TOLD,
        summary="Create an entity. Under the same `once` it is the same one, however often this is said. With `wait_s` "
        "the answer waits for all that follows.",
        given={
            **SPACE, "type": NAME, "fields": {"type": "object", "additionalProperties": {}}, **ONCE, "base": POSITION,
            "wait_s": WAIT, **{verb: VERBS[verb] for verb in AT_CREATION},
        },
        required=("type",),
    ),
    Method(
        service="entities", name="update", http="PUT", path="/spaces/{space}/entities/{entity}", act=_update,
        capability="edit", reach="entity", changes=True, gives=ENTITY_TOLD, required=("fields",),
        summary="Tell an entity all that one is told at creation, at once: what is not said goes back to its default. "
        "Collections, counters and texts stay as they are; `patch` tells those.",
        given={**ENTITY, "fields": {"type": "object", "additionalProperties": {}}, **ONCE, "base": POSITION,
               "wait_s": WAIT},
    ),
    Method(
        service="entities", name="patch", http="PATCH", path="/spaces/{space}/entities/{entity}", act=_patch,
        capability="edit", reach="entity", changes=True, gives=ENTITY_TOLD,
        summary="Tell an entity something, all of it at once or nothing. `base`: the newest position that its author "
        "had seen.",
        given={**ENTITY, **VERBS, **ONCE, "base": POSITION, "wait_s": WAIT},
    ),
    Method(
        service="entities", name="remove", http="DELETE", path="/spaces/{space}/entities/{entity}", act=_remove,
        capability="administer", reach="entity", changes=True, given={**ENTITY, "why": TEXT},
        summary="Take an entity out of the space for good, its bytes and those of its blobs.",
        gives=open_object(entity=STRING, position=POSITION),
    ),
    Method(
        service="entities", name="at", http="GET", path="/spaces/{space}/entities/{entity}/at/{position}", act=_at,
        capability="read", reach="entity", given={**ENTITY, "position": POSITION},
        summary="An entity as it was right at a position of the log.",
        gives=open_object(id=STRING, type=STRING, position=POSITION, nodes=listed(_PAST_NODE)),
    ),
)  # fmt: skip
