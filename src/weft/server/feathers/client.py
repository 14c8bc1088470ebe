"""A client: what one connection may do, from the door on until it is cut off or gone.

Whoever brings nothing to be known by is let as far as the door: there they may authenticate, and nothing else, and not
for long. Whoever brings what nobody has is not let in at all.

Knows nothing of Socket.IO's packets on the wire, and of what methods do. Invariant: for who is not known nothing is
done but to find out who they are; what is at work for one client is bounded, and ends with it.
Source: Feathers' `authenticate` hooks, turned round: what is not said to be public is not.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from weft.blob import Blob
from weft.errors import WeftError
from weft.server.accounts import Accounts
from weft.server.caller import Caller, Stranger
from weft.server.ending import DENIED, OVER, STRANGER, ConnectionOver
from weft.server.feathers.authentication import PATH, Brought, answer_of, brought_by
from weft.server.feathers.door import Comer
from weft.server.feathers.known import Joined, Known, parse_whereabouts
from weft.server.feathers.looking import VIEWS, look
from weft.server.feathers.names import Rows, Service, arguments_of, given_of, row_at, service_at
from weft.server.feathers.packet import DISCONNECT, Event, encode_answer, encode_event, encode_json
from weft.server.feathers.reading import Reading
from weft.server.feathers.refusals import RightsTaken, ServerEnds
from weft.server.feathers.wire import Wire
from weft.server.method import Json
from weft.server.rates import Rates
from weft.server.refusals import MethodNotServed, TooManyCalls
from weft.server.rest import Rest
from weft.server.status import told_of

if TYPE_CHECKING:
    from weft.server.live import Live

CALLS_MAX = 16
"""So many calls of one connection are at work, or wait to be answered, at one time."""
TRIES_MAX = 3
"""So often may a connection fail to authenticate."""
DOOR_S = 10.0
"""How long somebody may stay who is not known yet, in seconds."""
DOOR_BYTES_MAX = 8192
"""How long what they say may be."""


@dataclass(slots=True)
class Shop:
    """What all clients are served with."""

    live: Live
    rest: Rest
    rows: Rows
    rates: Rates
    accounts: Accounts | None
    readings: dict[str, Reading] = field(default_factory=dict)

    def reading(self, space: str) -> Reading:
        """The one of a space, which all who are told of it share."""
        return self.readings.setdefault(space, Reading(self.rest.served, self.rows, space))


class Client:
    """One connection."""

    def __init__(self, shop: Shop, wire: Wire, *, name: str, source: str, comer: Comer) -> None:
        self._shop, self._wire, self._name, self._source, self.comer = shop, wire, name, source, comer
        self.known: Known | None = None
        self._tries = 0
        self._entering = asyncio.Lock()
        self._calls: set[asyncio.Task[None]] = set()
        self._last: asyncio.Task[None] | None = None
        self._deadline = self._begin_deadline()

    # ---- coming and going ----
    async def enter(self, brought: Brought, said: Mapping[str, Any]) -> Caller:
        """Be let in. Raises `Stranger`, and what is wrong with where they say they were."""
        async with self._entering:
            where = parse_whereabouts(said, self._shop.live)
            known = Known(self._shop.live, brought.credential, self._is_cut_off)
            await self._leave()
            await known.join(where, self._shop.reading, self._wire.put)
            self.known = known
            self._deadline.cancel()
            return known.caller

    async def join(self, space: str) -> None:
        """Be told of one more space, if they are known and may be."""
        async with self._entering:
            if self.known is not None:
                await self.known.add(space, self._shop.reading(space), self._wire.put)

    async def _leave(self) -> None:
        known, self.known = self.known, None
        if known is not None:
            await known.leave()
        self._deadline.cancel()
        self._deadline = self._begin_deadline()

    async def close(self) -> None:
        """They are gone: leave nothing behind."""
        tasks = [*self._calls, *([self._last] if self._last is not None else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        async with self._entering:
            await self._leave()
            self._deadline.cancel()

    def _begin_deadline(self) -> asyncio.TimerHandle:
        return asyncio.get_running_loop().call_later(DOOR_S, self._is_late)

    def _is_late(self) -> None:
        self.cut(Stranger(why="nobody has authenticated on this connection in time"))

    def _is_cut_off(self, over: ConnectionOver) -> None:
        known = self.known
        if over.code == STRANGER:
            self.cut(Stranger(why=over.why))
        elif over.code == DENIED:
            self.cut(RightsTaken(user=known.caller.user if known is not None else ""))
        elif over.code == OVER:
            self.cut(ServerEnds(), is_final=False)
        else:
            self.cut(over)

    def cut(self, why: WeftError, *, is_final: bool = True) -> None:
        """Say why, and let go of them. `is_final`: so that they do not come back by themselves."""
        if self._last is None:
            texts = [encode_event("over", encode_json(told_of(why).body)), *([DISCONNECT] if is_final else [])]
            self._last = asyncio.get_running_loop().create_task(self._wire.farewell(*texts))

    # ---- what they call ----
    @property
    def bytes_max(self) -> int:
        """How long what they say may be, now."""
        return self._shop.rest.settings.body_bytes_max if self.known is not None else DOOR_BYTES_MAX

    async def hear(self, event: Event) -> None:
        """Begin what is called; it is answered when it is done."""
        try:
            self._shop.rates.take(self._name)
        except TooManyCalls as why:
            self.cut(why)
            return
        if self._last is not None:
            return
        if len(self._calls) >= CALLS_MAX:
            await self._answer(event, encode_json(told_of(TooManyCalls(wait_s=1.0)).body))
            return
        task = asyncio.get_running_loop().create_task(self._call(event))
        self._calls.add(task)
        task.add_done_callback(self._calls.discard)

    async def _call(self, event: Event) -> None:
        try:
            answer = await self._done(event.name, event.arguments)
            said = await self._shop.rest.in_pool(partial(encode_json, answer))
        except Exception as why:  # noqa: BLE001 - whatever it is, the caller is answered
            await self._answer(event, encode_json(told_of(why).body))
        else:
            await self._answer(event, "null", said)

    async def _answer(self, event: Event, *texts: str) -> None:
        """A call without a callback is done, and not answered."""
        if event.id:
            with contextlib.suppress(OSError):
                await self._wire.put(encode_answer(event.id, *texts))

    async def _done(self, method: str, arguments: Sequence[Any]) -> Json:
        service = service_at(arguments[0] if arguments else "")
        if (service.space, service.name) == ("", PATH):
            return await self._authenticate(method, arguments[1:])
        if self.known is None:
            raise Stranger(why="nobody has authenticated on this connection yet")
        try:
            self.known.ask()
        except Stranger as why:
            self.cut(why)
            raise
        if service.space in self.known.spaces and service.name == VIEWS:
            return await self._look(self.known.spaces[service.space], service, method, arguments[1:])
        row = row_at(self._shop.rows, service, method)
        return await self._served(row.service, method, given_of(row, service.space, arguments[1:]), service)

    async def _served(self, name: str, method: str, given: Json, service: Service) -> Json:
        assert self.known is not None
        row = row_at(self._shop.rows, Service(service.path, service.space, name), method)
        return await self._shop.rest.done(row, self.known.caller.user, self.known.ask, given, _said)

    async def _look(self, joined: Joined, service: Service, method: str, arguments: Sequence[Any]) -> Json:
        async def get(entity: str) -> Json:
            given = {"space": service.space, "entity": entity}
            return await self._served("entities", "get", given, service)

        return await look(joined, service, method, arguments, get)

    # ---- who they are ----
    async def _authenticate(self, method: str, arguments: Sequence[Any]) -> Json:
        if method == "remove":
            return await self._log_out()
        if method != "create":
            raise MethodNotServed(path=PATH, method=method[:40], allowed="create, remove")
        said = arguments_of(f"{PATH}.create", method, arguments).get("data") or {}
        try:
            brought = await brought_by(said, self._shop.accounts, self._source)
            if self.known is None or self.known.credential != brought.credential or {"from", "views"} & said.keys():
                await self.enter(brought, said)
            assert self.known is not None
            return answer_of(brought, self.known.ask())
        except WeftError as why:
            self._tries += 1
            if self._tries >= TRIES_MAX:
                self.cut(why)
            raise

    async def _log_out(self) -> Json:
        known = self.known
        if known is None:
            raise Stranger(why="nobody has authenticated on this connection yet")
        said = answer_of(Brought(known.credential, "jwt"), known.caller)
        if self._shop.accounts is not None:
            await asyncio.to_thread(self._shop.accounts.sessions.close, known.credential)
        async with self._entering:
            await self._leave()
        return said


def _said(answer: Json | Blob) -> Json:
    assert not isinstance(answer, Blob), "rows with content are not called here"
    return answer
