"""The service `spaces/SPACE/views`: which entities a connection has open.

    create  {entity: ID}             look at it: answered as `entities.get` does, and told of its nodes from then on
    patch   ID, {paused: true}       have no streaming node of it computed for this one; false: again
    remove  ID                       look at it once less
    find                             what is open

Knows nothing of sockets. Invariant: what is open here is counted with the views of all other transports.
Source: the view set of a connection.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from weft.server.feathers.names import Service, arguments_of
from weft.server.frames import Close
from weft.server.method import Json, UnfitCall
from weft.server.refusals import MethodNotServed
from weft.server.views import NotViewed

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from weft.server.feathers.known import Joined

VIEWS = "views"
METHODS = ("create", "find", "patch", "remove")
ENTITY_CHARS_MAX = 64
"""How long the id of an entity may be that somebody wants to open."""


async def look(
    joined: Joined, service: Service, method: str, arguments: Sequence[object], get: Callable[[str], Awaitable[Json]]
) -> Json:
    """Do what is called. `get`: what `entities.get` answers. Raises `UnfitCall`, `MethodNotServed`, `NotViewed`,
    `TooMany`, and what `get` does."""
    if method not in METHODS:
        raise MethodNotServed(path=service.path, method=method[:40], allowed=", ".join(METHODS))
    said = arguments_of(f"views.{method}", method, arguments)
    given: dict[str, Any] = {**(said.get("data") or {}), **(said.get("query") or {})}
    if method == "find":
        _check_only(given, method)
        return {"views": [_portrait(joined, entity) for entity in sorted(joined.events.open)]}
    if method == "create":
        _check_only(given, method, "entity")
        return await _open(joined, _entity(given.get("entity"), method), get)
    entity = _entity(said["id"], method)
    if not joined.events.open[entity]:
        raise NotViewed(entity=entity)
    if method == "remove":
        _check_only(given, method)
        return await _close(joined, entity)
    _check_only(given, method, "paused")
    return await _pause(joined, entity, given.get("paused"))


async def _open(joined: Joined, entity: str, get: Callable[[str], Awaitable[Json]]) -> Json:
    await get(entity)  # whether there is such an entity, and they may read it, is said in its words
    await joined.open(entity)
    return await get(entity)  # read once more: what came until now is in it, and what comes from now on is told


async def _close(joined: Joined, entity: str) -> Json:
    await joined.connection.take(Close(entity))
    joined.events.open[entity] -= 1
    if not joined.events.open[entity]:
        del joined.events.open[entity]
        joined.paused.discard(entity)
    return _portrait(joined, entity)


async def _pause(joined: Joined, entity: str, is_paused: object) -> Json:
    if not isinstance(is_paused, bool):
        raise UnfitCall(method="views.patch", why="paused is neither true nor false")
    views = joined.connection.live.views
    await asyncio.to_thread(views.pause if is_paused else views.play, joined.connection, entity)
    (joined.paused.add if is_paused else joined.paused.discard)(entity)
    return _portrait(joined, entity)


def _portrait(joined: Joined, entity: str) -> Json:
    return {"entity": entity, "count": joined.events.open[entity], "paused": entity in joined.paused}


def _entity(said: object, method: str) -> str:
    if not isinstance(said, str) or not 0 < len(said) <= ENTITY_CHARS_MAX:
        raise UnfitCall(method=f"views.{method}", why="it names no entity")
    return said


def _check_only(given: Mapping[str, Any], method: str, *names: str) -> None:
    for name in given:
        if name not in names:
            raise UnfitCall(method=f"views.{method}", why=f"it takes no {name[:40]!r}")
