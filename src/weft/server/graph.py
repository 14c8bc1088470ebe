"""The graph: the nodes of a space's entities with how each stands, and who reads whom, also across entities.

What runs over a list is one node here, with how many of its elements are settled, failed or due. A reference is a node
that reads what it leads to: a node, or an entity, of which nothing is named then; what is read through it reads both.

Knows nothing of how graphs are drawn. Invariant: an edge is told only where both its ends are; of entities that a
caller may not read neither nodes nor edges are.
Source: the graph that build systems print (`bazel query`), with states.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from heapq import merge

from weft.brief import brief
from weft.content import decode
from weft.engine import Engine
from weft.graph import Slot, Source, Thing, ToldNode, Whole, target_of
from weft.portrait.flow import flow_plain
from weft.server.entities import called, thing_in
from weft.server.method import Call, Json, Method
from weft.server.schemas import FLAG, NAME, POSITION, SPACE, STRING, closed, listed, open_object
from weft.slot import Err, Ok
from weft.spec import InputSpec
from weft.store import KIND
from weft.subscription import shortened
from weft.why.naming import name_of

NODES = 2_000
"""How many nodes are told where nothing else is asked."""
NODES_MAX = 5_000
"""How many may be asked for."""
_PREVIEW_CHARS = 60
_ERROR_CHARS = 300
_ID_CHARS = 8
_PREVIEWED_BYTES_MAX = 4_096


def _find(call: Call) -> Json:
    limit, one = call.given.get("limit", NODES), call.given.get("entity", "")
    with call.space.view() as engine:
        if one:
            call.check(one)
            thing_in(engine, one)
        wanted = _near(engine, one) if one else _ids(engine)
        shown: dict[str, Thing] = {}
        count, is_cut = 0, False
        for id in wanted:
            if not call.may(id) or (thing := engine.graph.thing(id)) is None:
                continue
            if is_cut := bool(shown) and count + len(thing.nodes) > limit:
                break
            shown[id] = thing
            count += len(thing.nodes)
        found = [(thing, node) for thing in shown.values() for node in thing.nodes.values()]
        nodes = [_node(call, engine, node) for _, node in found[:limit]]
        places = {(one["entity"], one["node"]) for one in nodes} | {(id, "") for id in shown}
        edges = [
            edge for thing in shown.values() for edge in _edges(engine, thing)
            if (edge["from"], edge["read"]) in places and (edge["to"], edge["reader"]) in places
        ]  # fmt: skip
        entities = [_entity(call, engine, thing) for thing in shown.values()]
        more = is_cut or len(found) > limit
        return {"entities": entities, "nodes": nodes, "edges": edges, "more": more, "position": engine.position}


def _ids(engine: Engine) -> Iterator[str]:
    """All entities, in order of creation."""
    rows = (((int(str(key[1])), str(key[2])) for key, _ in engine.rows(KIND, (name,))) for name in engine.in_force)
    return (id for _, id in merge(*rows))


def _near(engine: Engine, id: str) -> list[str]:
    """An entity, those that it refers to, and those that refer to it."""
    thing = thing_in(engine, id)
    targets = (_target(thing, node.spec.name) for node in thing.nodes.values() if node.spec.kind == "ref")
    found = [id, *(target[0] for target in targets if target is not None), *engine.graph.loader.readers(id)]
    return [*dict.fromkeys(found)]


def _entity(call: Call, engine: Engine, thing: Thing) -> Json:
    return {
        "id": thing.id,
        "type": thing.type.name,
        "name": called(engine, thing.id, call.may),
        "created": thing.created,
    }


# Nodes -------------------------------------------------------------------------------------------------------------


def _node(call: Call, engine: Engine, node: Source) -> Json:
    said: Json = {"entity": node.thing.id, "node": node.spec.name, "kind": node.spec.kind, "type": node.spec.type_text}
    outcome = node.outcome()
    said["state"] = state_of(node)
    if node.spec.kind == "flow":
        run = flow_plain(engine, node).get("run")
        return said | ({"run": str(run.get("stands", ""))} if isinstance(run, dict) else {})
    if node.spec.kind == "ref" and (target := target_of(outcome)) is not None:
        # What it leads to is called by its name only where that may be read.
        named = (name_of(engine, target[0]) if call.may(target[0]) else "") or target[0][:_ID_CHARS]
        said["preview"] = f"{named} · {target[1]}" if target[1] else named
    elif isinstance(outcome, Err):
        said["error"] = shortened(f"{outcome.kind}: {outcome.message}", _ERROR_CHARS)
    elif isinstance(outcome, Ok) and len(outcome.encoded) <= _PREVIEWED_BYTES_MAX:
        said["preview"] = shortened(brief(decode(outcome.encoded)), _PREVIEW_CHARS)
    if isinstance(node, Whole):
        said["elements"] = {"count": len(node.slots), **Counter(state_of(slot) for slot in node.slots.values())}
    elif node.spec.sort == "sequence" and isinstance(outcome, Ok):
        said["elements"] = {"count": len(node.element_ids())}
    return said


def state_of(node: Source) -> str:
    """`told`, `settled`, `failed`, `due` or `absent`."""
    outcome = node.outcome()
    if isinstance(node, ToldNode):
        return "told" if isinstance(outcome, Ok) else "absent"
    if not node.current:
        return "due"
    return "settled" if isinstance(outcome, Ok) else "failed" if isinstance(outcome, Err) else "absent"


# Edges -------------------------------------------------------------------------------------------------------------


def _edges(engine: Engine, thing: Thing) -> Iterator[Json]:
    """What is read, and by which node of this entity."""
    for name, node in thing.nodes.items():
        if node.spec.kind == "ref" and (target := _target(thing, name)) is not None:
            entity, read, element = target
            yield _edge(entity, read, thing.id, name, "reference", element)
        for entry in node.spec.inputs:
            yield from _read(thing, name, entry, _branch(node, entry))
    for flow in thing.type.flows:
        for read in dict.fromkeys([*(change.node for change in flow.when), flow.guard, flow.actors]):
            if read in thing.nodes:
                yield _edge(
                    thing.id, read, thing.id, flow.name, "fires" if read not in (flow.guard, flow.actors) else "asks"
                )


def _read(thing: Thing, reader: str, entry: InputSpec, mode: str) -> Iterator[Json]:
    if not entry.ref:
        yield _edge(thing.id, entry.node, thing.id, reader, mode)
        return
    yield _edge(thing.id, entry.ref, thing.id, reader, mode)
    if entry.node and (target := _target(thing, entry.ref)) is not None:
        yield _edge(target[0], entry.node, thing.id, reader, mode)


def _branch(node: Source, entry: InputSpec) -> str:
    """How an input is read; of a `choose`, whether this branch is."""
    if node.spec.kind != "choose" or not isinstance(node, Slot) or entry is node.spec.inputs[0]:
        return entry.mode
    number = node.spec.inputs.index(entry)
    return entry.mode if any(edge.input == number for edge in node.edges) else "not taken"


def _edge(entity: str, read: str, to: str, reader: str, mode: str, element: str = "") -> Json:
    said = {"from": entity, "read": read, "to": to, "reader": reader, "mode": mode}
    return said | ({"element": element} if element else {})


def _target(thing: Thing, ref: str) -> tuple[str, str, str] | None:
    return target_of(thing.nodes[ref].outcome())


_ENTITY = open_object(id=STRING, type=STRING, name=STRING, created=POSITION)
_NODE = open_object(
    {"preview": STRING, "error": STRING, "run": STRING, "elements": open_object(count=POSITION)},
    entity=STRING, node=STRING, kind=STRING, type=STRING, state=STRING,
)  # fmt: skip
_EDGE = open_object({"element": STRING}, **{"from": STRING}, read=STRING, to=STRING, reader=STRING, mode=STRING)
GRAPH = (
    Method(
        service="graph", name="find", http="GET", path="/spaces/{space}/graph", act=_find, capability="read",
        reach="found", summary="The nodes of all entities, or of one and those next to it, and who reads whom.",
        given={**SPACE, "entity": NAME, "limit": {"type": "integer", "minimum": 1, "maximum": NODES_MAX}},
        gives=closed(
            entities=listed(_ENTITY), nodes=listed(_NODE), edges=listed(_EDGE), more=FLAG, position=POSITION
        ),
    ),
)  # fmt: skip
