"""Asking for it: `space.forget`, where the program is the engine, and a space that no program computes.

Knows nothing of what goes. Invariant: only the engine erases, between two of its turns; a client changes nothing.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping

from weft.blob import Blob
from weft.content import cid_text
from weft.engine import Engine
from weft.entity import Entity
from weft.erasure.carrying_out import Forgotten, carry_out
from weft.erasure.forgetting import look
from weft.errors import WeftError
from weft.expected import check_texts
from weft.handle import short_repr
from weft.home import Home
from weft.space import Space
from weft.spec import TypeSpec
from weft.store import SpaceLocked, Store
from weft.stores.sqlite import SqliteStore


class NotItsEngine(WeftError):
    """{path} is computed by process {pid} on {host}, and only the engine of a space erases: what goes must be seen by
    whoever asks. Have that program call space.forget(…), or close it and try again. Nothing was changed."""

    exit_code = 4
    path: str
    pid: int
    host: str


class NoEngineHere(WeftError):
    """This program opened {path} as a client, and only the engine of a space erases; no program is that now. Open it with
    engine=True, or run `weft forget {path} …`. Nothing was changed."""

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

    def act(engine: Engine) -> tuple[Forgotten, Callable[[str, str], bool]]:
        found = look(engine, id, even_if_used=even_if_used, derived=derived)
        done = carry_out(engine, found, actor=by or space.actor, time=space._now(), why=why)
        return done, found.is_lost

    done = host.between(act)
    space._saw(done.position)
    return done


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
