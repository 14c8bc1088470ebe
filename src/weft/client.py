"""A space whose engine is another program: this one reads the same tables, and posts its edits into the inbox.

It looks again whenever the file has changed; when the engine's program is gone, it says so instead of waiting for
nobody. Its twin is `home`.

Knows nothing of handles. Invariant: what was posted is durable, and is told once, by whoever is the engine then.
Source: lease holders with followers; an embedded database's many openers.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from typing import cast

from weft.blob import Blob
from weft.content import Plain, encode
from weft.demanded import Demanded
from weft.engine import Engine, EventReused
from weft.errors import WeftError
from weft.folding import depth_after, is_told
from weft.in_force import wait_while_opening
from weft.pins import PinnedByEngine
from weft.pump import SpaceClosed
from weft.reduce import Refused
from weft.settlement import Place, Settlement, fail, finish, is_settled, open_settlement
from weft.spec import TypeSpec
from weft.store import EVENT, Store, keep_content
from weft.watchers import new_presence

CLIENT_POLL_S = 0.02
CLIENT_ACK_S = 5.0
ENTRIES_MAX = 10_000
"""How far into the inbox a client looks for its own entry; beyond, it waits for those before it."""


class NoEngine(WeftError):
    """No program computes {path} now. Close this space and open it again to take over; edits that were made here are
    kept, and told then."""

    path: str


class ClientDefines(WeftError):
    """The definition of {type} in force differs from this program's, and another program is the engine. Close that
    program to put this definition in force, open this space with the same code, or without types= to look at it."""

    type: str


class ClientAdds(WeftError):
    """The space has no type {type}, and only its engine can add one: close that program, or give it the type."""

    type: str


class Client:
    """Another program is the engine."""

    def __init__(
        self, store: Store, specs: dict[str, TypeSpec], *, now: Callable[[], str], needs_engine: bool = True
    ) -> None:
        self.store, self.types, self._needs_engine = store, specs, needs_engine
        self.kinds: dict[str, type] = {}
        self.lock = threading.RLock()
        self.is_async = self.runs_here = self.is_closed = self._has_watched = False
        self._name, self._demanded = new_presence(), Demanded()
        self._untaken: set[str] = set()
        """The ids of events that were told here, and that no engine was seen to take."""
        self._told = 0
        self._waits: dict[Settlement, tuple[Callable[[Engine], bool], Callable[[], None]]] = {}
        """Who waits for what, and what is to be done where they give up; one thread looks for all of them."""
        self.engine = Engine(store, epoch=-1, types=specs, now=now)
        wait_while_opening(store, lambda: all(map(self._is_in_force, specs.values())))
        for spec in specs.values():
            self._check(spec)

    def _is_in_force(self, spec: TypeSpec) -> bool:
        with self.view() as engine:
            in_force = engine.in_force.get(spec.name)
            return in_force is not None and in_force.content() == spec.content()

    def start(self) -> None:
        """Nothing runs here."""
        if self.is_closed:
            raise SpaceClosed()

    async def start_here(self) -> None:
        """Nothing runs here; blocking calls are refused all the same."""
        self.is_async = True
        self.start()

    def close(self) -> None:
        """Demand nothing any more, and let go of the file."""
        with self.lock:
            if not self.is_closed:
                if self._has_watched:
                    self._say({"left": self._name})
                self.is_closed = True
                self.store.close()

    async def close_here(self) -> None:
        """Let go of the file."""
        self.close()

    @contextlib.contextmanager
    def view(self) -> Iterator[Engine]:
        """The space as the file has it now; all that is read within is of one moment."""
        with self._opened() as store, store.reading():
            if store.changed():
                self.engine.forget()
            yield self.engine

    @contextlib.contextmanager
    def _opened(self) -> Iterator[Store]:
        """The store, which nobody closes meanwhile."""
        with self.lock:
            if self.is_closed:
                raise SpaceClosed()
            yield self.store

    def position(self) -> int:
        """The newest record."""
        with self.view() as engine:
            return engine.cut

    def define(self, spec: TypeSpec, kind: type) -> None:
        """Only check: what is in force is the engine's to say."""
        self._check(spec)
        self.types[spec.name], self.kinds[spec.name] = spec, kind

    def _check(self, spec: TypeSpec) -> None:
        with self.view() as engine:
            if spec.name not in engine.in_force:
                raise ClientAdds(type=spec.name)
        if not self._is_in_force(spec):
            raise ClientDefines(type=spec.name)

    def pin(self, name: str, *, is_pinned: bool, actor: str, why: str) -> None:
        """Refuse: `PinnedByEngine`."""
        raise PinnedByEngine()

    def tell(self, event: dict[str, Plain]) -> int:
        """Durable on return, and if an engine takes it soon, its position; else the newest known. Raises `NoEngine`
        where there was to be one and is none now: it is kept all the same."""
        self._untaken.add(str(event["id"]))
        self._post({"event": event})
        deadline, found = time.monotonic() + CLIENT_ACK_S, self._outcome(event)
        while found is None and time.monotonic() < deadline:
            self._pause()
            found = self._outcome(event)
        return self.position() if found is None else found

    async def tell_async(self, event: dict[str, Plain]) -> int:
        """`tell`, for a coroutine."""
        import asyncio

        return await asyncio.to_thread(self.tell, event)

    def _outcome(self, event: dict[str, Plain]) -> int | None:
        with self.view() as engine:
            row = engine.row(EVENT, (str(event["id"]),))
            if row is None and self.store.holder() is None:
                if self._needs_engine:
                    raise NoEngine(path=str(self.store.path))
                return engine.cut
        if row is None:
            return None
        position, digest, refusal = row
        if not is_told(cast("list[Plain]", event["intents"]), cast("bytes", digest)):
            raise EventReused(what=f"event {event['id']!s}")
        if refusal is not None:
            raise Refused(place="event " + str(event["id"]), why=str(refusal))
        return cast("int", position)

    def _post(self, message: dict[str, Plain]) -> int:
        with self._opened() as store:
            return store.post(encode(message))

    def _say(self, message: dict[str, Plain]) -> None:
        """Post what nobody waits for an answer to; where that is refused (a full disk) the engine goes on as before."""
        with contextlib.suppress(WeftError):
            self._post(message)

    def _pause(self) -> None:
        threading.Event().wait(CLIENT_POLL_S)

    def depth_after(self, cause: int) -> int:
        """How deep in a chain of causes an event caused by this position stands."""
        with self._opened() as store:
            return depth_after(store, cause)

    def keep(self, blob: Blob) -> None:
        """Keep a blob's content, if it is not here yet."""
        keep_content(self.store, blob, self._opened)

    def watch(self, place: Place, *, stays: bool = False) -> None:
        """Ask the engine to demand a node until that is let go of, or this program closes the space or ends; if it
        `stays`, until the engine does."""
        self._has_watched = self._has_watched or not stays
        self._post({"watch": list(place), "by": "" if stays else self._enter()})
        self._demanded.hold(place)

    def let_go(self, place: Place) -> None:
        """Demand a node no longer, unless somebody else in this program does. Harmless when closed."""
        if self._demanded.let_go(place):
            self._say({"unwatch": list(place), "by": self._name})

    def _enter(self) -> str:
        """The name of this program, which is there under it from now on."""
        with self._opened() as store:
            store.enter(self._name)
        return self._name

    def settlement(self, place: Place, since: int) -> Settlement:
        """Done when the file shows a place settled at or after a position."""
        self.watch(place)

        future = self._poll(lambda engine: self._is_settled(engine, place, since))
        future.add_done_callback(lambda _: self._demanded.keep(place))
        return future

    def _is_settled(self, engine: Engine, place: Place, since: int) -> bool:
        """Also as of what was told here, and not while some of that waits in the inbox."""
        rows = [(id, engine.row(EVENT, (id,))) for id in self._untaken]
        self._untaken -= {id for id, row in rows if row is not None}
        self._told = max([self._told, *(cast("int", row[0]) for _, row in rows if row is not None)])
        return not self._untaken and is_settled(engine, place, max(since, self._told))

    def all_settled(self, since: int) -> Settlement:
        """Done when everything demanded is settled at or after a position. What is demanded the engine alone knows, so
        it is asked by a message, and answers by taking that out of the inbox."""
        number = self._post({"settled": since, "by": self._enter()})
        return self._poll(lambda _: not self._is_waiting(number), lambda: self._say({"withdrawn": number}))

    def _is_waiting(self, number: int) -> bool:
        """Whether an entry is still in the inbox."""
        entries = self.store.inbox(ENTRIES_MAX)
        is_there = any(each == number for each, _ in entries)
        return is_there or (len(entries) == ENTRIES_MAX and entries[-1][0] < number)

    def _poll(self, check: Callable[[Engine], bool], give_up: Callable[[], None] = lambda: None) -> Settlement:
        future = open_settlement()
        with self.lock:
            self._waits[future] = check, give_up
            if len(self._waits) == 1:
                threading.Thread(target=self._look, name="weft client", daemon=True).start()
        return future

    def _look(self) -> None:
        """For all who wait, until nobody does."""
        while True:
            with self.lock:
                for future, (check, give_up) in list(self._waits.items()):
                    self._look_for(future, check, give_up)
                if not self._waits:
                    return
            self._pause()

    def _look_for(self, future: Settlement, check: Callable[[Engine], bool], give_up: Callable[[], None]) -> None:
        try:
            if future.done():
                give_up()
            else:
                with self.view() as engine:
                    if check(engine):
                        finish(future)
                    elif self.store.holder() is None:
                        raise NoEngine(path=str(self.store.path))
        except BaseException as why:  # noqa: BLE001  whatever it is, it is told to whoever asked
            fail(future, why)
        if future.done():
            del self._waits[future]

    def counts(self) -> Mapping[tuple[str, str], int]:
        """Nothing is executed here."""
        return {}

    def wait_turn(self, turns: int, timeout_s: float) -> int:
        """Block until the file has changed, or the time is over."""
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            with self.lock:
                if self.is_closed or self.store.head().position > self.engine.position:
                    break
            self._pause()
        return turns + 1
