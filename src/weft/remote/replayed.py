"""Replays: what happened, told again from what was recorded, with the values as they were.

Nothing is computed for it, and no operation is called. Knows nothing of how a server is asked. Invariant: what is told
ascends by position, each once.
Source: event sourcing's replays.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct

from weft.remote.refused import CallRefused
from weft.server.client_state import ClientState
from weft.server.frames import Batch, Delta

PAGE, MOMENTS = 1000, 100
STARTED = "traversal.started"
WITH_VALUE = ("node.settled", "node.reused", "node.superseded")
GONE = (403, 404, 410)
"""What was asked for was erased since, or is not for whoever asks."""
Calls = Callable[[str, Mapping[str, Any]], Any]


class Recorded(Struct, frozen=True):
    """What happened at a position. `value`: what settled there, where `has_value`: it may be kept no more. `intents`:
    what was told there, each (entity, node, verb, …); of a run they say what its steps came to."""

    delta: Delta
    has_value: bool = False
    value: Any = None
    intents: tuple[Any, ...] = ()


def batch_of(state: ClientState, channel: str, deltas: Sequence[Delta]) -> Batch:
    """Deltas, at least one, as a frame that follows what a state holds: so what was recorded is applied like what comes
    live."""
    known = state.channels.get(channel)
    return Batch(channel, known.position if known is not None else 0, deltas[-1].position, tuple(deltas))


def replayed(
    call: Calls,
    space: str,
    *,
    traversal: int | None = None,
    run: str | None = None,
    after: int | None = None,
    until: int | None = None,
    values: bool = True,
) -> Iterator[Recorded]:
    """All that happened behind a position, up to another; of one `traversal`, what that event led to; of one `run`,
    what it did. Without `values` it is quick, and deltas have their previews. O(positions looked at)."""
    recorded = _Recorded(call, space)
    lived = call("runs.get", {"space": space, "run": run}) if run is not None else None
    first = traversal or (lived or {}).get("fired") or 1
    until = until if until is not None else (lived or {}).get("ended") or None
    for delta in _deltas(call, space, first if after is None else after + 1, until):
        if traversal is not None and delta.traversal != traversal:
            continue
        if lived is None:
            yield recorded.whole(delta) if values else Recorded(delta)
        elif delta.type == STARTED and f"{lived['entity']}.{lived['flow']}" in delta.node.split(", "):
            intents = tuple(one for one in recorded.intents(delta) if one[3:4] == [run])
            if intents:
                yield Recorded(delta, intents=intents)


def _deltas(call: Calls, space: str, start: int, until: int | None) -> Iterator[Delta]:
    next: int | None = start
    while next is not None:
        page = call("events.find", {"space": space, "from": next, "limit": PAGE})
        until = page["position"] if until is None else until
        for one in page["events"]:
            if one["position"] > until:
                return
            yield Delta(**one)
        next = page["next"]


class _Recorded:
    """What was recorded of nodes, read a page of a node's history at a time."""

    def __init__(self, call: Calls, space: str) -> None:
        self._call, self._space = call, space
        self._pages: dict[str, tuple[dict[int, Any], int | None]] = {}

    def whole(self, delta: Delta) -> Recorded:
        if delta.type == STARTED:
            return Recorded(delta, intents=tuple(self.intents(delta)))
        shown = self._shown(delta) if delta.type in WITH_VALUE else {}
        return Recorded(delta, "value" in shown, shown.get("value"))

    def intents(self, delta: Delta) -> list[Any]:
        said = self._asked("events.get", {"position": delta.position}, {"said": {}})["said"]
        return list(said.get("intents") or ())

    def _shown(self, delta: Delta) -> Any:
        found, next = self._pages.get(delta.node, ({}, delta.position))
        while delta.position not in found and next is not None and next <= delta.position:
            found, next = self._pages[delta.node] = self._page(delta.node, next)
        return found.get(delta.position, {})

    def _page(self, node: str, start: int) -> tuple[dict[int, Any], int | None]:
        entity, _, rest = node.partition(".")
        name, _, rest = rest.partition("[")
        element = rest.removesuffix("]")
        given = {"entity": entity, "node": name, "from": start, "limit": MOMENTS}
        given |= {"element": element} if element else {}
        page = self._asked("values.history", given, {"moments": [], "next": None})
        own = [one for one in page["moments"] if element or not one.get("element")]
        return {one["position"]: one["shown"] for one in own}, page["next"]

    def _asked(self, title: str, given: dict[str, Any], otherwise: dict[str, Any]) -> Any:
        try:
            return self._call(title, {"space": self._space, **given})
        except CallRefused as why:
            if why.code not in GONE:
                raise
            return otherwise
