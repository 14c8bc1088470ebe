"""Values: one node or element with its state, its elements page by page, why it is what it is, all that it ever was,
and the wish that it be tried again.

Knows nothing of HTTP. Invariant: looking computes nothing; waiting asks for what is due.
"""

from __future__ import annotations

from itertools import islice
from typing import Any

from weft.content import cid_text, decode
from weft.dag_json import json_of
from weft.engine import Engine
from weft.errors import WeftError
from weft.graph import Slot, Source, ToldNode, Whole
from weft.past.as_of import AsOf
from weft.past.history import history
from weft.portrait.entity import node_plain
from weft.portrait.failed import roots
from weft.portrait.flow import flow_plain
from weft.portrait.past import moment_plain
from weft.server.again import told_at, told_before
from weft.server.caller import Denied
from weft.server.entities import thing_in
from weft.server.method import Answer, Call, Json, Later, Method
from weft.server.schemas import (
    ANY,
    FLAG,
    LIMIT,
    LIST,
    MAYBE_STRING,
    NAME,
    NODE,
    ONCE,
    PAGE,
    POSITION,
    STRING,
    TOLD_GIVEN,
    WAIT,
    closed,
    listed,
    open_object,
)
from weft.slot import Err, Ok, SlotKey
from weft.spelling import nearest
from weft.why.explanation import explain


class UnknownNode(WeftError, KeyError):
    """The entity {entity} has no node {name!r}: {nearest}"""

    entity: str
    name: str
    nearest: str


class UnknownElement(WeftError, KeyError):
    """{node} of {entity} has no element of the id {element!r}. `values.elements` lists those that there are."""

    entity: str
    node: str
    element: str


class NothingToRetry(WeftError):
    """{node} of {entity} shows no error that could be tried again, so nothing was told."""

    entity: str
    node: str


def node_in(engine: Engine, call: Call) -> Source:
    """The node that is named. Raises `UnknownEntity`, `UnknownNode`."""
    entity, name = call.given["entity"], call.given["node"]
    nodes = thing_in(engine, entity).nodes
    if name not in nodes:
        raise UnknownNode(entity=entity, name=name, nearest=nearest(name, nodes))
    return nodes[name]


# Reading -----------------------------------------------------------------------------------------------------------


def _get(call: Call) -> Answer:
    place = (call.given["entity"], call.given["node"], call.given.get("element", ""))

    def then(is_done: bool) -> Json:
        with call.space.view() as engine:
            return _portrait(call, engine) | {"completed": is_done}

    if "wait_s" not in call.given:
        with call.space.view() as engine:
            return _portrait(call, engine)
    with call.space.view() as engine:
        _portrait(call, engine)  # what is not there is refused, and not waited for
    return Later([call.space.settlement(place)], call.given["wait_s"], then)


def _portrait(call: Call, engine: Engine) -> Json:
    found, element = node_in(engine, call), call.given.get("element", "")
    said: Any = {"entity": call.given["entity"], "position": engine.position}
    if element:
        return {**said, "name": found.spec.name, "kind": found.spec.kind, **_element(call, found, element)}
    outcome = found.outcome()
    content = {"content_id": cid_text(outcome.content)} if isinstance(outcome, Ok) else {}
    plain = json_of(node_plain(found) | flow_plain(engine, found))
    assert isinstance(plain, dict)
    return {**said, **plain, **content}


def _element(call: Call, found: Source, element: str) -> Json:
    said: Json = {"element": element, "type": found.spec.type_text}
    slot = found.slots.get(element) if isinstance(found, Whole) else None
    if slot is not None:
        outcome, state = slot.outcome(), "due"
        if slot.current:
            state = "settled" if isinstance(outcome, Ok) else "failed" if isinstance(outcome, Err) else "absent"
        said["state"] = state
        if isinstance(outcome, Err):
            said["error"] = f"{outcome.kind}: {outcome.message}"
        if isinstance(outcome, Ok):
            said |= {"value": json_of(decode(outcome.encoded)), "content_id": cid_text(outcome.content)}
        return said
    member = found.member(element)
    if member is None:
        raise UnknownElement(entity=call.given["entity"], node=found.spec.name, element=element)
    value = json_of(decode(member.encoded))
    state = "told" if isinstance(found, ToldNode) else "settled" if found.current else "due"
    return said | {"state": state, "value": value, "content_id": cid_text(member.content)}


def _elements(call: Call) -> Json:
    limit, after = call.given.get("limit", PAGE), call.given.get("after", "")
    with call.space.view() as engine:
        found = node_in(engine, call)
        ids = found.element_ids()
        if after and after not in ids:
            raise UnknownElement(entity=call.given["entity"], node=found.spec.name, element=after)
        start = ids.index(after) + 1 if after else 0
        page = [*islice(ids, start, start + limit)]
        elements = [_element(call, found, id) for id in page if _is_there(found, id)]
        next = page[-1] if page and start + limit < len(ids) else None
        return {"elements": elements, "next": next, "count": len(ids), "position": engine.position}


def _is_there(found: Source, element: str) -> bool:
    return (isinstance(found, Whole) and element in found.slots) or found.member(element) is not None


def _why(call: Call) -> Json:
    with call.space.view() as engine:
        found = node_in(engine, call)
        said = explain(engine, call.given["entity"], found.spec.name, call.given.get("element", ""), may=call.may)
    plain = json_of(said.plain())
    assert isinstance(plain, dict)
    # What it was made from may be of entities that the caller may not read.
    for node in plain["nodes"]:
        if not call.may(node["entity"]):
            raise Denied(user=call.caller.user, capability="read", where=f" the entity {node['entity']}")
    return plain | {"text": str(said)}


def _history(call: Call) -> Json:
    start, limit = call.given.get("from", 0), call.given.get("limit", PAGE)
    with call.space.view() as engine:
        found = node_in(engine, call)
        as_of = AsOf(engine, engine.head.position, call.served.index(call.given["space"]))
        place = call.given["entity"], found.spec.name, call.given.get("element", "")
        moments = [*islice((one for one in history(as_of, *place) if one.position >= start), limit + 1)]
    next = moments[limit].position if len(moments) > limit else None
    return {"moments": [moment_plain(one) for one in moments[:limit]], "next": next}


# Telling -----------------------------------------------------------------------------------------------------------


def _retry(call: Call) -> Json:
    if (before := told_before(call, "retry")) is not None:
        return {"position": before[0], "retried": [[*one[:2], one[3]] for one in before[1]]}
    space, element = call.space, call.given.get("element", "")
    with space.view() as engine:
        found = node_in(engine, call)
        slots: list[Slot] = [found] if isinstance(found, Slot) else []
        if isinstance(found, Whole):
            slots = [slot for id, slot in found.slots.items() if not element or id == element]
        keys = [*dict.fromkeys(key for slot in slots for key in roots(engine, slot))]
    if not keys:
        raise NothingToRetry(entity=call.given["entity"], node=found.spec.name)
    for key in keys:
        call.check(key.entity)
    return {"position": tell_retry(call, keys), "retried": [[*key] for key in keys]}


def tell_retry(call: Call, keys: list[SlotKey]) -> int | None:
    """Tell one event that retries all of these, and have them demanded; its position, or None while no engine has taken
    it."""
    with call.space.edit(by=call.caller.user, once=call.given.get("once")) as edit:
        for key in keys:
            edit.retry(*key)
    for key in keys:
        call.space.demand((key.entity, key.node, key.element))
    return told_at(call, edit.id)


_GIVEN = open_object(
    {"element": STRING, "value": ANY, "content_id": STRING, "completed": FLAG},
    entity=STRING, name=STRING, kind=STRING, type=STRING, state=STRING, position=POSITION,
)  # fmt: skip
_ONE = open_object({"value": ANY, "error": STRING, "content_id": STRING}, element=STRING, state=STRING)
_MOMENT = open_object(position=POSITION, how=STRING, shown=open_object(state=STRING))
_PATH = "/spaces/{space}/entities/{entity}/nodes/{node}"
_ELEMENT = {"element": NAME}
VALUES = (
    Method(
        service="values", name="get", http="GET", path=_PATH, act=_get, capability="read", reach="entity",
        given={**NODE, **_ELEMENT, "wait_s": WAIT}, gives=_GIVEN,
        summary="One node, or one element of it by its id; with `wait_s` once it is settled.",
    ),
    Method(
        service="values", name="elements", http="GET", path=f"{_PATH}/elements", act=_elements, capability="read",
        reach="entity", given={**NODE, "limit": LIMIT, "after": NAME},
        summary="The elements of a node, in order, a page at a time.",
        gives=closed(elements=listed(_ONE), next=MAYBE_STRING, count=POSITION, position=POSITION),
    ),
    Method(
        service="values", name="why", http="GET", path=f"{_PATH}/why", act=_why, capability="read", reach="entity",
        given={**NODE, **_ELEMENT}, gives=open_object(root=STRING, nodes=LIST, text=STRING),
        summary="Why a value is what it is: operations, services, people, and what it was made from.",
    ),
    Method(
        service="values", name="history", http="GET", path=f"{_PATH}/history", act=_history, capability="read",
        reach="entity", looks_far=True, given={**NODE, **_ELEMENT, "from": POSITION, "limit": LIMIT},
        summary="All that a node ever was, oldest first.",
        gives=closed(moments=listed(_MOMENT), next={"anyOf": [POSITION, {"type": "null"}]}),
    ),
    Method(
        service="values", name="retry", http="POST", path=f"{_PATH}/retry", act=_retry, capability="operate",
        reach="entity", changes=True, given={**NODE, **_ELEMENT, **ONCE},
        summary="Have a node tried again that failed; where an input of it failed, that one.",
        gives={**TOLD_GIVEN, "required": ["position", "retried"]},
    ),
)  # fmt: skip
