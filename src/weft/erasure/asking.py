"""Asking for it: `space.forget`, where the program is the engine, and a space that no program computes.

Knows nothing of what goes. Invariant: only the engine erases, between two of its turns; a client changes nothing.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Mapping
from typing import TypeAlias

from weft.blob import Blob
from weft.content import cid_text
from weft.engine import Engine
from weft.entity import Entity
from weft.erasure.carrying_out import Forgotten, carry_out
from weft.erasure.forgetting import look
from weft.errors import WeftError
from weft.expected import check_texts
from weft.handle import short_repr
from weft.home import Home, InsideOperation
from weft.pump import Pump
from weft.space import Space
from weft.spec import TypeSpec
from weft.store import SpaceLocked, Store
from weft.stores.sqlite import SqliteStore

IsLost: TypeAlias = Callable[[str, str], bool]
"""Whether a place (entity, node) shows nothing any more."""


class NotItsEngine(WeftError):
    """{path} is computed by process {pid} on {host}, and only the engine of a space erases: what goes must be seen by
    whoever asks. Have that program call space.forget(…), or close it and try again. Nothing was changed."""

    exit_code = 4
    path: str
    pid: int
    host: str


class NoEngineHere(WeftError):
    """This program opened {path} as a client, and only the engine of a space erases; no program is that now. Open it
    with engine=True, or run `weft forget {path} …`. Nothing was changed."""

    exit_code = 4
    path: str


def forget(
    space: Space,
    what: Entity | Blob | str,
    *,
    why: str = "",
    by: str | None = None,
    even_if_used: bool = False,
    derived: bool = False,
) -> Forgotten:
    """What `space.forget` does."""
    check_texts("space.forget", by=by, why=why)
    id, host = _id_of(what), space._host
    if not isinstance(host, Home):
        raise refusal(space._store)

    if host.runs_here:
        raise InsideOperation(call="space.forget")
    pump = host._running()
    # The lock is held for a turn: whoever has it is between two of them.
    with host.lock, _reading_anew(pump) as lost:
        pump.engine.commit()
        found = look(pump.engine, id, even_if_used=even_if_used, derived=derived)
        lost.append(found.is_lost)
        done = carry_out(pump.engine, found, actor=by or space.actor, time=space._now(), why=why)
    space._saw(done.position)
    return done


@contextlib.contextmanager
def _reading_anew(pump: Pump) -> Iterator[list[IsLost]]:
    """Have memory read anew where what is durable was changed beside it; calls of, or given what was shown by, places
    that are lost then are let go of: what they answer is not taken, nor is what they make kept."""
    engine, lost = pump.engine, list[IsLost]()
    before = engine.graph
    try:
        yield lost
    finally:
        if engine.store.head() != engine.head:
            _abandon(pump, lost)
        if engine.graph is not before or engine.store.head() != engine.head:
            pump._read_anew()
            pump.ring()


def _abandon(pump: Pump, lost: list[IsLost]) -> None:
    for attempt in list(pump.attempts.open.values()):
        places = [
            attempt.slot[:2],
            *((str(one[0]), str(one[1])) for one in attempt.what.taken.inputs if isinstance(one, list)),
        ]
        if any(is_lost(*place) for is_lost in lost for place in places):
            del pump.attempts.open[attempt.id]
            attempt.runner.cancel(attempt.id)


def _id_of(what: object) -> str:
    if isinstance(what, Blob):
        return cid_text(what.id)
    if isinstance(what, Entity | str):
        return what.id if isinstance(what, Entity) else what
    said = "an entity, a Blob, or the id of one"
    raise TypeError(f"space.forget takes {said}, not {short_repr(what, 60)}")


def refusal(store: Store) -> NotItsEngine | NoEngineHere:
    """What a client of the space is told."""
    held = store.holder()
    if held is None:
        return NoEngineHere(path=str(store.path))
    return NotItsEngine(path=str(store.path), pid=held.pid, host=held.host)


def forget_in_file(
    path: str | os.PathLike[str],
    what: str,
    *,
    actor: str,
    time: str,
    why: str = "",
    even_if_used: bool = False,
    derived: bool = False,
    types: Mapping[str, TypeSpec] | None = None,
) -> Forgotten:
    """Forget in a space that no program computes now, without taking the edits that wait there. `types`: with code, for
    folds of one's own. Raises `NotItsEngine`, and what `look` and `carry_out` raise."""
    store = SqliteStore(path)
    try:
        try:
            epoch = store.acquire()
        except SpaceLocked as held:
            raise NotItsEngine(path=held.path, pid=held.pid, host=held.host) from None
        engine = Engine(store, epoch=epoch, types=types or {}, now=lambda: time)
        found = look(engine, what, even_if_used=even_if_used, derived=derived)
        return carry_out(engine, found, actor=actor, time=time, why=why)
    finally:
        store.close()
