"""What was told before under the same name: said once more, it is answered as it was, also where what it was said of is
gone by now.

Knows nothing of what is told. Invariant: what says something else under a name that was used is refused.
Source: idempotency keys.
"""

from __future__ import annotations

from weft.content import Plain
from weft.engine import EventReused
from weft.folding import event_id
from weft.reduce import Refused
from weft.server.method import Call
from weft.store import EVENT, entry_at


def told_at(call: Call, event: str) -> int | None:
    """Where an event stands that was told; None while no engine has taken it. Raises `Refused` for one that was."""
    with call.space.view() as engine:
        row = engine.row(EVENT, (event,))
    if row is None:
        return None
    position, _, refusal = row
    if refusal is not None:
        raise Refused(place=f"event {event}", why=str(refusal))
    return position if isinstance(position, int) else None


def told_before(call: Call, *verbs: str) -> tuple[int, list[list[Plain]]] | None:
    """Where that was told which the caller said under the name `once`, and its intents; None for what is new. Raises
    `EventReused` for what says anything but these verbs."""
    once = call.given.get("once")
    position = told_at(call, event_id(call.caller.user, once)) if once is not None else None
    if position is None:
        return None
    with call.space.view() as engine:
        entry = entry_at(engine.store, position)
    said = entry.said.get("intents") if entry is not None else None
    intents = [one for one in said if isinstance(one, list)] if isinstance(said, list) else []
    if any(one[2] not in verbs for one in intents):
        raise EventReused(what=f"edit {once!r} by {call.caller.user!r}")
    return position, intents
