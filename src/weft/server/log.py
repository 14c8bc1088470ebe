"""The log: what happened, entry by entry; and what differs between two positions.

Knows nothing of live connections. Invariant: entries ascend by position, and of entities that a caller may not read
nothing is told, not that they are there.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from itertools import islice

from weft.dag_json import json_of
from weft.engine import Engine
from weft.errors import WeftError
from weft.past.difference import differences
from weft.past.right_then import RightThen
from weft.portrait.past import difference_plain
from weft.record import Entry
from weft.server.caller import Denied
from weft.server.method import Call, Json, Method
from weft.server.schemas import (
    ANY,
    FLAG,
    LIMIT,
    MAP,
    MAYBE_POSITION,
    MAYBE_STRING,
    PAGE,
    PAGE_MAX,
    POSITION,
    SPACE,
    STRING,
    closed,
    listed,
    open_object,
)
from weft.store import entries_of, entry_at
from weft.subscription import activity_of

LOOKED_AT_MAX = 2_000
"""How many entries one call reads, where most of them are not for its caller."""


class NoSuchEntry(WeftError):
    """There is no entry {position} in this log: it ends at {head}."""

    position: int
    head: int


def entities_in(entry: Entry) -> frozenset[str]:
    """The ids of the entities that an entry speaks of; none where it is about definitions or services."""
    slot, what, intents = (entry.said.get(name) for name in ("slot", "what", "intents"))
    found = {str(one[0]) for one in intents if isinstance(one, list)} if isinstance(intents, list) else set()
    if isinstance(slot, list):
        found.add(str(slot[0]))
    if entry.kind == "erased":
        found.add(str(what))
    return frozenset(found)


def may_see(call: Call, entry: Entry) -> bool:
    """Whether all that an entry speaks of may be read; where it speaks of no entity, or no more, whether all may."""
    entities = entities_in(entry)
    return all(map(call.may, entities)) if entities else call.may("")


def _find(call: Call) -> Json:
    start, limit = call.given.get("from", 0), call.given.get("limit", PAGE)
    with call.space.view() as engine:
        head = engine.position
        seen, found, after = 0, list[Json](), max(start - 1, 0)
        for entry in _entries(engine, after, head):
            if len(found) == limit or seen == LOOKED_AT_MAX:
                break
            seen, after = seen + 1, entry.position
            if entry.kind != "nodes" and may_see(call, entry):
                found.append(_told(entry))
    return {"events": found, "next": after + 1 if after < head else None, "position": head}


def _entries(engine: Engine, after: int, head: int) -> Iterator[Entry]:
    return entries_of(engine.store, after, until=min(head, after + LOOKED_AT_MAX + PAGE_MAX))


def _get(call: Call) -> Json:
    position = call.given["position"]
    with call.space.view() as engine:
        head, entry = engine.position, entry_at(engine.store, position) if position <= engine.position else None
    if entry is None or not position:
        raise NoSuchEntry(position=position, head=head)
    if not may_see(call, entry):
        raise Denied(user=call.caller.user, capability="read", where=f" the entry {position}")
    said = json_of({name: one for name, one in entry.said.items() if name not in _left_out(call, entry)})
    return {"kind": entry.kind, "said": said, **_told(entry)}


def _told(entry: Entry) -> Json:
    """What happened, and when, where the log says that: results have no time of their own, and erased entries none."""
    at = entry.said.get("time")
    return {**dataclasses.asdict(activity_of(entry)), "at": at if isinstance(at, str) and at else None}


def _left_out(call: Call, entry: Entry) -> tuple[str, ...]:
    """What is not told of a result: its value, which its node tells. And where it was made from what the caller may not
    read, all that names that by its hash, of which a value that can be guessed is found."""
    inputs = entry.said.get("inputs")
    read = {str(one[0]) for one in inputs if isinstance(one, list)} if isinstance(inputs, list) else set()
    return ("outcome",) if all(map(call.may, read)) else ("outcome", "inputs", "key", "preimage")


def _diff(call: Call) -> Json:
    index = call.served.index(call.given["space"])
    before, after, limit = call.given["before"], call.given["after"], call.given.get("limit", PAGE_MAX)
    with call.space.view() as engine:
        pair = RightThen(engine, before, index), RightThen(engine, after, index)
        found = differences(*pair, as_shown=call.given.get("as_shown", False), wanted=call.may)
        seen = [difference_plain(one) for one in islice(found, limit + 1)]
    return {"differences": seen[:limit], "more": len(seen) > limit}


_ACTIVITY = {
    "position": POSITION, "type": STRING, "traversal": POSITION, "node": STRING, "content_id": STRING, "by": STRING,
    "preview": STRING, "at": MAYBE_STRING,
}  # fmt: skip
_DIFFERENCE = open_object(
    {"before": MAP, "after": MAP, "entered": listed(MAP), "left": listed(MAP)},
    kind=STRING, type=STRING, entity=STRING, node=STRING, element=STRING, position=POSITION,
)  # fmt: skip
LOG = (
    Method(
        service="events", name="find", http="GET", path="/spaces/{space}/events", act=_find, capability="read",
        reach="found", given={**SPACE, "from": POSITION, "limit": LIMIT},
        summary="What happened from a position on, in order. `at`: when, in UTC, where the log says it. `next`: from "
        "where to go on; null at the end.",
        gives=closed(events=listed(closed(**_ACTIVITY)), next=MAYBE_POSITION, position=POSITION),
    ),
    Method(
        service="events", name="get", http="GET", path="/spaces/{space}/events/{position}", act=_get,
        capability="read", reach="found", given={**SPACE, "position": POSITION},
        summary="One entry of the log, with what was said there.",
        gives=open_object(kind=STRING, said=ANY, **_ACTIVITY),
    ),
    Method(
        service="diff", name="find", http="GET", path="/spaces/{space}/diff", act=_diff, capability="read",
        reach="found", looks_far=True, required=("before", "after"),
        given={**SPACE, "before": POSITION, "after": POSITION, "as_shown": FLAG, "limit": LIMIT},
        summary="What differs between two positions of the log.",
        gives=closed(differences=listed(_DIFFERENCE), more=FLAG),
    ),
)  # fmt: skip
