"""A space whose engine is this program: what is told, looked at and waited for here reaches the engine directly.

The engine runs on a thread of its own, or on the program's event loop. Its twin is `client`, which answers the same
questions where another program is the engine: give me a look at the space, tell this event, say when that is settled.

Knows nothing of handles. Invariant: `view` gives a state between two turns, never the middle of one.
Source: embedded databases; lease holders.
"""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from typing import TYPE_CHECKING, cast

from weft.attempt import Attempts, NotOffered
from weft.blob import Blob
from weft.call import Runner
from weft.content import Plain
from weft.demanded import Demanded
from weft.engine import Engine
from weft.errors import WeftError
from weft.folding import depth_after
from weft.graph import Slot
from weft.held.waited import Waited
from weft.in_force import define_all, offer_all
from weft.inbox import Inbox
from weft.pins import put_pin, refuse_pinned
from weft.points import OnPoint, pass_by
from weft.pump import Pump, SpaceClosed
from weft.runs.driven import Runs
from weft.runs.firing import tell_fired
from weft.settlement import Place, Settlement, fail, finish, is_settled, open_settlement
from weft.spec import TypeSpec
from weft.store import Store, StoreFailed, keep_content
from weft.turns.crowd import Crowd

if TYPE_CHECKING:
    import asyncio  # Elsewhere imported where a loop runs or is awaited: it takes as long as half of Weft.

_log = logging.getLogger("weft")
_log.addHandler(logging.NullHandler())  # silent unless the program asks

START_S = 30.0


class InsideOperation(WeftError, RuntimeError):
    """{call} was asked for inside an operation that runs where the engine does, which would wait for itself. Give
    the operation what it needs as inputs, and edit outside of it; or let a plain function run with
    runner="thread"."""

    call: str


class Home:
    """This program is the engine."""

    def __init__(
        self,
        store: Store,
        specs: dict[str, TypeSpec],
        *,
        services: Mapping[str, object],
        recompute: bool | None,
        runners: Mapping[str, Runner] | None,
        now: Callable[[], str],
        on_point: OnPoint = pass_by,
        make_attempts: Callable[..., Attempts] = Attempts,
    ) -> None:
        self.store, self.types, self.services, self._point = store, specs, services, on_point
        self.kinds: dict[str, type] = {}
        self.lock, self.crowd = threading.RLock(), Crowd()
        self.turned = threading.Condition()
        self.turns = 0
        self.is_async = False
        self._given_runners = runners
        self.make_attempts = make_attempts
        self.make_runs: Callable[[Pump], Runs] | None = None
        """What drives the runs of flows; given before the engine starts."""
        self._thread: threading.Thread | None = None
        self._pump: Pump | None = None
        self._starting = threading.Lock()
        self._task: asyncio.Task[None] | None = None
        self._is_closed = False
        self._demanded = Demanded()
        self.engine = Engine(store, epoch=store.acquire(), types=specs, now=now)
        define_all(self.engine, specs.values())
        offer_all(self.engine, services, recompute=recompute)
        self._point("types defined")
        self.engine.commit()
        self.engine.resume()
        self._point("space resumed")
        self.inbox = Inbox(self.engine)
        self._take_inbox()

    def _take_inbox(self) -> None:
        """What was said while nobody computed comes before whatever this program reads, says or waits for."""
        try:
            while self.inbox.take():
                tell_fired(self.engine)  # what drives runs is not there yet
                self._point("inbox folded")
                self.engine.commit()
                self._point("inbox kept")
        except StoreFailed as why:
            _log.error("%s", why)  # the space can be read all the same; the first turn tries again
            self.engine.resume()

    # ---- running ----
    def start(self) -> None:
        """Run the engine on a thread of its own, if it does not run yet."""
        if self._is_closed:
            raise SpaceClosed()
        with self._starting:  # or threads that meet at the first use would each begin an engine
            if self._pump is not None:
                return
            ready: Future[None] = Future()
            self._thread = threading.Thread(target=self._run_thread, args=(ready,), name="weft engine", daemon=True)
            self._thread.start()
            ready.result(START_S)

    def _run_thread(self, ready: Future[None]) -> None:
        import asyncio

        with contextlib.suppress(asyncio.CancelledError):
            asyncio.run(self._run(ready))

    async def _run(self, ready: Future[None]) -> None:
        try:
            self._pump = self._make_pump()
        except BaseException as why:  # noqa: BLE001  whoever opens the space waits for an answer
            ready.set_exception(why)
            return
        ready.set_result(None)
        try:
            await self._pump.run()
        except Exception:  # noqa: BLE001  whatever it is, it is told to whoever asked
            _log.exception("the engine stopped; what was acknowledged is kept")
            self._on_turn()

    def runners(self) -> dict[str, Runner]:
        """The runners that calls are sent to, made on the loop that drives them."""
        from weft.runners.offered import runners_offered

        return runners_offered(self.services, self._given_runners)

    def _make_pump(self) -> Pump:
        pump = Pump(
            self.engine,
            self.inbox,
            runners=self.runners(),
            make_attempts=self.make_attempts,
            services=self.services,
            lock=self.lock,
            crowd=self.crowd,
            is_alone=not self.is_async,
            on_turn=self._on_turn,
            on_point=self._point,
        )
        pump.attempts.retire()
        if self.make_runs is not None:
            with self.lock:
                pump.runs = self.make_runs(pump)
                pump.runs.resume()
        return pump

    async def start_here(self) -> None:
        """Run the engine on the running loop."""
        import asyncio

        if self._is_closed:
            raise SpaceClosed()
        assert self._pump is None, "the space runs on a thread already"
        self.is_async = True
        self._pump = self._make_pump()
        self._task = asyncio.create_task(self._pump.run(), name="weft engine")

    def _on_turn(self) -> None:
        with self.turned:
            self.turns += 1
            self.turned.notify_all()

    def close(self) -> None:
        """End the thread, and let go of the store."""
        if self._is_closed:
            return
        if self._pump is not None and self._pump.turner == threading.get_ident():
            raise InsideOperation(call="close()")
        self._is_closed = True
        if self._pump is not None:
            self._pump.close()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(START_S)
        self._on_turn()
        with self.crowd, self.lock:
            self.store.close()

    async def close_here(self) -> None:
        """End the task, and let go of the store."""
        import asyncio

        if self._pump is not None:
            self._pump.close()
        if self._task is not None:
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        self._thread = None
        self.close()

    @property
    def is_closed(self) -> bool:
        """Whether nothing more will happen here."""
        return self._is_closed or (self._pump is not None and self._pump.failure is not None)

    def _running(self) -> Pump:
        if self._is_closed:
            raise SpaceClosed()
        if self._pump is None:
            self.start()
        assert self._pump is not None
        if self._pump.failure is not None:
            raise self._pump.failure
        return self._pump

    # ---- asking and telling ----
    @contextlib.contextmanager
    def view(self) -> Iterator[Engine]:
        """The engine's memory, between two turns."""
        with self.crowd, self.lock:
            if self._is_closed:
                raise SpaceClosed()
            yield self.engine

    def position(self) -> int:
        """The newest told record."""
        return self.engine.cut

    def define(self, spec: TypeSpec, kind: type) -> None:
        """Put a definition in force, and take this class for what its entities are here. One that is refused leaves the
        former in use."""
        pump = self._running()

        def act() -> None:
            refuse_pinned(self.engine, [spec])
            is_known = spec.name in self.engine.in_force
            was = {**self.types}, {**self.kinds}
            pump.undo.append(lambda: self._know(*was))  # as one that the store refused is said again
            is_another = self.engine.define(spec)
            self.types[spec.name], self.kinds[spec.name] = spec, kind
            pump.attempts.reattach()
            if is_known and is_another:
                pump.runs.redefine()

        self._do(act)

    def _know(self, types: Mapping[str, TypeSpec], kinds: Mapping[str, type]) -> None:
        self.types.clear()  # the engine holds it too
        self.types.update(types)
        self.kinds = {**kinds}

    def pin(self, name: str, *, is_pinned: bool, actor: str, why: str) -> None:
        """Pin a type's definition, or let go of it."""
        self._do(lambda: put_pin(self.engine, name, is_pinned=is_pinned, actor=actor, why=why))

    @property
    def runs_here(self) -> bool:
        """Whether the engine itself is calling: an operation, inline or on the loop, or a fold."""
        here = threading.current_thread()
        return self._thread is here or (self._pump is not None and self._pump.turner == here.ident)

    def _do(self, act: Callable[[], object]) -> object:
        if self.runs_here:
            raise InsideOperation(call="an edit")
        if self.is_async:
            # On the loop itself nothing can be waited for; a turn is taken here and now instead.
            future = self._running().submit(act)
            self._running().turn()
            return future.result(0)
        pump = self._running()
        return (pump.do_here(act) or pump.submit(act)).result()

    def tell(self, event: dict[str, Plain]) -> int:
        """Its position, once it is durable."""
        return cast("int", self._do(lambda: self.engine.tell(event)))

    async def tell_async(self, event: dict[str, Plain]) -> int:
        """`tell`, for a coroutine."""
        import asyncio

        return cast("int", await asyncio.wrap_future(self._running().submit(lambda: self.engine.tell(event))))

    def depth_after(self, cause: int) -> int:
        """How deep in a chain of causes an event caused by this position stands."""
        with self.view():
            return depth_after(self.store, cause)

    def keep(self, blob: Blob) -> None:
        """Keep a blob's content, if it is not here yet."""
        keep_content(self.store, blob, self.view)

    def watch(self, place: Place, *, stays: bool = False) -> None:
        """Demand a node until that is let go of: `stays` says so of a client, which an engine may outlive."""
        pump = self._running()
        with self.crowd, self.lock:
            self._demand(place)
        pump.ring()

    def let_go(self, place: Place) -> None:
        """Demand a node no longer, unless somebody else in this program does. Harmless when closed."""
        with self.crowd, self.lock:
            if self._demanded.let_go(place) and not self._is_closed:
                self.engine.watch(*place, by=-1)

    def _demand(self, place: Place) -> None:
        """On this program's own account, once: what others demand too, they may demand no longer."""
        if self._demanded.hold(place):
            self.engine.watch(*place)

    def settlement(self, place: Place, since: int) -> Settlement:
        """Done when a place shows something settled at or after a position. It stays demanded. What it needs by now is
        begun sooner than what nobody waits for."""
        pump, future = self._running(), open_settlement()
        waited = Waited(self.engine.graph)

        def check() -> bool:
            self._fail_if_over(future)
            node = self.engine.node(*place[:2])
            for slot, why in self._stuck():
                if node is not None and self.engine.graph.path_between(node, slot) is not None:
                    fail(future, NotOffered(slot=str(slot.key), why=why))
            if why := pump.runs.why_stuck(*place[:2]):
                fail(future, NotOffered(slot=f"{place[0]}.{place[1]}", why=why))
            if not future.done() and is_settled(self.engine, place, since):
                finish(future)
            if future.done():
                waited.end()
            return future.done()

        with self.crowd, self.lock:
            if place[1]:
                self._demand(place)
                future.add_done_callback(lambda _: self._demanded.keep(place))
            if not check():
                waited.begin(self.engine.node(*place))
                pump.waiters[check] = None
                pump.ring()
        return future

    def _fail_if_over(self, future: Settlement) -> None:
        assert self._pump is not None
        if self._pump.is_closing or self._pump.failure is not None:
            fail(future, self._pump.failure or SpaceClosed())

    def _stuck(self) -> Iterator[tuple[Slot, str]]:
        """The slots that wait for what is not offered here, and what that is."""
        assert self._pump is not None
        stuck = self._pump.attempts.stuck
        for key, why in list(stuck.items()):
            slot = self.engine.node(*key)
            if not isinstance(slot, Slot) or slot.current:
                del stuck[key]
            else:
                yield slot, why

    def all_settled(self, since: int) -> Settlement:
        """Done when everything demanded is settled at or after a position."""
        pump, future = self._running(), open_settlement()

        def check() -> bool:
            self._fail_if_over(future)
            if not future.done() and self.engine.is_settled(since):
                finish(future)
            if not self.engine.graph.ready and not pump.attempts.open:  # nothing else is under way
                for slot, why in self._stuck():
                    if slot.demand:
                        fail(future, NotOffered(slot=str(slot.key), why=why))
            return future.done()

        with self.crowd, self.lock:
            if not check():
                pump.waiters[check] = None
        pump.ring()
        return future

    def counts(self) -> Mapping[tuple[str, str], int]:
        """How often each operation (name, how) came to a result."""
        return dict(self._pump.attempts.counts) if self._pump is not None else {}

    def wait_turn(self, turns: int, timeout_s: float) -> int:
        """Block until there were more turns than this; returns how many there were."""
        with self.turned:
            self.turned.wait_for(lambda: self.turns > turns or self.is_closed, timeout_s)
            return self.turns
