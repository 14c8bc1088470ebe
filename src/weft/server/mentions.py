"""What callers may mention in what they tell: entities that they may read, and content that they brought or may see.

Who is held to some entities could otherwise have anything shown to them by what they may read: an entity by a reference
to it, content by its id alone.

Knows nothing of how things are told. Invariant: what is mentioned shows its teller nothing that they could not see.
Source: confused deputies (Hardy 1988).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from weft.content import Cid, Link, Plain, cid_text, decode
from weft.dag_json import plain_of_json
from weft.engine import Engine
from weft.server.method import Call
from weft.slot import Ok
from weft.store import NoBlob


class Mentions:
    """Those of one call."""

    def __init__(self, call: Call) -> None:
        self._call = call

    def entity(self, id: str) -> None:
        """A reference leads there. Raises `Denied`."""
        self._call.caller.check("read", id)

    def contents(self, said: Any) -> None:
        """All content that a value in JSON names. Raises `NoBlob`, whether or not there is such content."""
        visible = self._call.caller.entities
        for id in () if visible is None else _linked(plain_of_json(said)):
            if not self._brought(id) and not self._is_shown(id, visible):
                raise NoBlob(cid=cid_text(id))

    def _brought(self, id: Cid) -> bool:
        call = self._call
        return call.served.uploads.has(call.given["space"], call.caller.user, id)

    def _is_shown(self, id: Cid, visible: frozenset[str] | None) -> bool:
        may = self._call.caller.may
        with self._call.space.view() as engine:
            return any(shows(engine, one, id) for one in sorted(visible or ()) if may("read", one))


def shows(engine: Engine, entity: str, id: Cid) -> bool:
    """Whether what an entity shows names this content: who may see the entity may see that. O(what it shows)."""
    thing = engine.graph.thing(entity)
    outcomes = () if thing is None else (node.outcome() for node in thing.nodes.values())
    return any(id in _linked(decode(outcome.encoded)) for outcome in outcomes if isinstance(outcome, Ok))


def _linked(value: Plain) -> Iterator[Cid]:
    waiting: list[Plain] = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, Link):
            yield one.cid
        waiting.extend(one.values() if isinstance(one, dict) else one if isinstance(one, list) else ())
