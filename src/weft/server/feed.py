"""The feed of one space: it reads the log once, however many are connected, and holds the newest of it encoded.

A thread waits for the engine's turns, reads what was appended, and gives it to the event loop of the server; there the
window is, and the listeners that are rung. Whoever is behind the window is given the log, in parts that are kept for
the next one who asks. A listener has a cursor into all this, and never a queue.

What is guaranteed: from any position on, each delta once and in order; a traversal is told as completed once to whoever
was told that it began, or asks about it, and after every delta up to the moment it was completed at (see `traversals`).
Where this program is a client of another engine, it cannot see what is demanded: traversals are completed there as the
engine says that everything demanded is settled, and name no nodes.

Knows nothing of connections, rights and transports. Invariant: the window has no gap, and what is in it was durable.
Source: commit logs read by many consumers; the catch-up subscriptions of event stores.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from weft.engine import Engine
from weft.home import Home
from weft.reader import ReadOnly
from weft.server.completions import Completions
from weft.server.frames import Shown, Snapshot, SnapshotTooLarge, UnknownChannel, WrongPosition
from weft.server.settings import LiveSettings
from weft.server.shown import shown_in
from weft.server.states import Present
from weft.server.streaming import Part, Streaming
from weft.server.stretch import Stretch, Visible, Window, stretch_of
from weft.server.traversals import Done, Traversals
from weft.server.unsettled import Changes, Unsettled
from weft.settlement import Settlement, finish, open_settlement
from weft.store import ENTITY, entries_of

if TYPE_CHECKING:
    from weft.space import Space

READ_MAX = 4096
"""How many positions are read at one go."""
WAIT_S = 0.5
"""How long the thread of a feed waits for a turn of the engine before it looks whether it is to stop."""
_log = logging.getLogger("weft")


class Feed:
    """What happens in a space, for all who listen on one event loop."""

    def __init__(self, space: Space, settings: LiveSettings, *, now_ms: Callable[[], float] | None = None) -> None:
        self.space, self.settings, self._host = space, settings, space._host
        self.is_over = False
        self.completions = Completions(settings.completed_max)
        """The traversals that were completed since it began."""
        self.parts: tuple[Part, ...] = ()
        """The partial values there are now."""
        self._position = 0
        self._window = Window(0, deltas_max=settings.window_deltas)
        self._chunks: OrderedDict[int, Stretch] = OrderedDict()
        self._reading = asyncio.Lock()
        self.on_reset: Callable[[], None] = lambda: None
        """Called when types have changed, or something was forgotten."""
        self._listeners: dict[asyncio.Event, None] = {}
        self._is_engine = isinstance(self._host, Home)
        self._traversals = Traversals(completed_max=settings.completed_max, sees_demand=self._is_engine)
        first = int((now_ms or (lambda: time.time() * 1000))())
        self._streaming = Streaming(first_number=first, bytes_max=settings.partial_bytes_max)
        self.present = Present(first)
        """How what is not settled stands now."""
        self._unsettled = Unsettled(space._now)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._stopping = threading.Event()
        self._looked_s = 0.0
        self._asked: tuple[int, Settlement] | None = None
        self._newest_open = 0
        """What is asked for next, where this program is a client."""

    # ---- its life ----
    async def start(self) -> None:
        """Begin to read, for the running loop."""
        self._loop = asyncio.get_running_loop()
        await asyncio.to_thread(self._begin)
        self._thread = threading.Thread(target=self._run, name="weft feed", daemon=True)
        self._thread.start()

    async def stop(self) -> None:
        """Read no more; whoever listens is rung, and finds it over."""
        self._stopping.set()
        if self._thread is not None:
            await asyncio.to_thread(self._thread.join)
        self._end()

    def listen(self, event: asyncio.Event) -> None:
        """Set it whenever there is something new."""
        self._listeners[event] = None

    def leave(self, event: asyncio.Event) -> None:
        """Set it no more."""
        self._listeners.pop(event, None)

    def _ring(self) -> None:
        for event in self._listeners:
            event.set()

    def _end(self) -> None:
        self.is_over = True
        self._ring()

    # ---- reading, on its own thread ----
    def _begin(self) -> None:
        """What began before this program, and is not completed, is followed too."""
        with self._host.view() as engine:
            self._position = self.completions.followed_from = engine.position
            self._window = Window(self._position, deltas_max=self.settings.window_deltas)
            mark = max(engine.settled_mark() if self._is_engine else engine.cut, self._position - READ_MAX)
            self._unsettled.begin(engine)
            for entry in entries_of(self.space._store, mark):
                if entry.kind == "event":
                    self._traversals.begin(engine, entry)

    def _run(self) -> None:
        turns = 0
        try:
            while not self._stopping.is_set() and not self._host.is_closed:
                with self._host.view() as engine:
                    self._read(engine)
                self._ask()
                self._stopping.wait(self.settings.settle_s)
                turns = self._host.wait_turn(turns, self._pause_s())
        except Exception as why:  # noqa: BLE001  whatever it is, whoever listens is told that it is over
            if not (self._host.is_closed or self._stopping.is_set()):
                _log.exception("the feed of %r stopped: %s", self.space, why)
        self._post(self._end)

    def _pause_s(self) -> float:
        return min(WAIT_S, 1 / self.settings.partials_per_s) if self._listeners else WAIT_S

    def _post(self, act: Callable[[], None]) -> None:
        assert self._loop is not None
        with contextlib.suppress(RuntimeError):  # the loop was closed: nobody is left to listen
            self._loop.call_soon_threadsafe(act)

    def _read(self, engine: Engine) -> None:
        """Take what was appended, and what is completed by that: whoever listens is told of both at once, for each
        wakes a thousand of them. Whoever calls this has the view."""
        done: list[Done] = []
        stretch: Stretch | None = None
        while self._position < engine.position:
            self._tell_later(stretch)
            after, until = self._position, min(self._position + READ_MAX, engine.position)
            entries = list(entries_of(self.space._store, after, until=until))
            begun = (self._traversals.begin(engine, entry) for entry in entries if entry.kind == "event")
            done += [one for one in begun if one is not None]
            for entry in entries:
                self._unsettled.note(entry)
            self._position = until
            stretch = stretch_of(after, until, entries)
        try:
            done += self._completed(engine)
            parts, changes = self._look(engine)
        except BaseException:
            self._tell_later(stretch, done)  # they were read, and follow each other without a gap
            raise
        self._tell_later(stretch, done, parts, changes)

    def _tell_later(
        self,
        stretch: Stretch | None,
        done: Sequence[Done] = (),
        parts: tuple[Part, ...] | None = None,
        changes: Changes | None = None,
    ) -> None:
        if stretch is not None or done or parts is not None or changes:
            self._post(partial(self._tell, stretch, done, parts, changes))

    def _completed(self, engine: Engine) -> list[Done]:
        if self._is_engine:
            return self._traversals.check(engine)
        done: list[Done] = []
        if self._asked is not None and self._asked[1].done():
            position, settled = self._asked
            self._asked = None
            if not settled.cancelled() and settled.exception() is None:  # else there is no engine now: ask it again
                ready = [one for one in self._traversals.open if one <= position]
                found = (self._traversals.finish(engine.position, one) for one in ready)
                done = [one for one in found if one is not None]
        self._newest_open = max(self._traversals.open, default=0)
        return done

    def _ask(self) -> None:
        """Have another engine say when all that is demanded is settled. Not within a view, where nothing is written."""
        if self._asked is None and self._newest_open:
            try:
                settled = self._host.all_settled(self._newest_open)
            except ReadOnly:  # nothing can be demanded from here
                settled = open_settlement()
                finish(settled)
            self._asked = self._newest_open, settled

    def _look(self, engine: Engine) -> tuple[tuple[Part, ...] | None, Changes]:
        now_s = time.monotonic()
        if now_s - self._looked_s < 1 / self.settings.partials_per_s:
            return None, {}
        self._looked_s = now_s
        pump = self._host._pump if isinstance(self._host, Home) else None
        stuck = pump.attempts.stuck if pump is not None else {}
        parts = self._streaming.look(engine) if self._is_engine else None
        return parts, self._unsettled.look(engine, stuck)

    # ---- on the loop ----
    def _add(self, stretch: Stretch) -> None:
        self._window.add(stretch)
        if any(one.delta.type == "erased" for one in stretch.pieces):
            self._chunks.clear()  # what was forgotten is not held here either: who is behind reads it anew
            self._window.clear()
        if stretch.has_reset:
            self.on_reset()

    def _tell(
        self,
        stretch: Stretch | None,
        done: Iterable[Done],
        parts: tuple[Part, ...] | None,
        changes: Changes | None,
    ) -> None:
        if stretch is not None:
            self._add(stretch)
        for one in done:
            self.completions.add(one)
        if parts is not None:
            self.parts = parts
        if changes:
            self.present.take(changes)
        self._ring()

    @property
    def position(self) -> int:
        """How far it has come."""
        return self._window.position

    def behind(self, position: int) -> Stretch | None:
        """What follows a position within the window; None where nothing does. Ask only where `is_in_window`."""
        return self._window.behind(position, deltas_max=self.settings.batch_deltas)

    def is_in_window(self, position: int) -> bool:
        """Whether what follows a position is in memory."""
        return position >= self._window.after

    async def from_log(self, position: int) -> Stretch:
        """What follows a position that is before the window: the log, in parts that all share. A part ends at a
        multiple of its size, or where the window begins."""
        size = self.settings.batch_deltas
        number, end = position // size, min((position // size + 1) * size, self.position)
        async with self._reading:
            stretch = self._chunks.get(number)
            if stretch is None or stretch.position < end:
                stretch = await asyncio.to_thread(self._read_log, number * size, end)
                self._chunks[number] = stretch
                while len(self._chunks) > self.settings.chunks_max:
                    self._chunks.popitem(last=False)
            self._chunks.move_to_end(number)
        return stretch

    def _read_log(self, after: int, until: int) -> Stretch:
        with self._host.view():
            return stretch_of(after, until, entries_of(self.space._store, after, until=until))

    def check_position(self, position: int) -> None:
        """Raises `WrongPosition` for one that is not of this log."""
        if not 0 <= position <= self.position:
            raise WrongPosition(position=position, head=self.position)

    async def catch_up(self) -> None:
        """Read what there is."""
        await self.outcomes(())

    async def outcomes(self, traversals: Iterable[int]) -> list[Done]:
        """Which of these are completed: also those of which this program has not seen the beginning. The others are
        open, and come with the others when they are completed."""
        return await asyncio.to_thread(self._outcomes, sorted(set(traversals)))

    def _outcomes(self, traversals: list[int]) -> list[Done]:
        done: list[Done] = []
        with self._host.view() as engine:
            self._read(engine)
            for traversal in traversals:
                known = self._traversals.completed.get(traversal)
                if known is None and traversal not in self._traversals.open:
                    entry = next(entries_of(self.space._store, traversal - 1, until=traversal), None)
                    if entry is None or entry.kind != "event":
                        known = Done(traversal, engine.position, frozenset())
                    else:
                        known = self._traversals.begin(engine, entry)
                done += [known] if known is not None else []
        return done

    async def snapshot(self, channel: str, entity: str, visible: Visible, after: int | None = None) -> Snapshot:
        """What the nodes of a channel show now. With `after`, deltas follow behind that. Raises `SnapshotTooLarge`, and
        `UnknownChannel` where there is no such entity."""
        return await asyncio.to_thread(self._snapshot, channel, entity, visible, after)

    def _snapshot(self, channel: str, entity: str, visible: Visible, after: int | None) -> Snapshot:
        with self._host.view() as engine:
            self._read(engine)
            if entity and engine.row(ENTITY, (entity,)) is None:
                raise UnknownChannel(channel=channel)
            nodes: dict[str, Shown] = {}
            for node, shown in shown_in(engine, entity, visible):
                if len(nodes) >= self.settings.snapshot_nodes_max:
                    raise SnapshotTooLarge(channel=channel, most=self.settings.snapshot_nodes_max)
                nodes[node] = shown
            opened = [
                traversal
                for traversal, one in self._traversals.open.items()
                if (not entity or entity in one.entities) and (visible is None or one.entities & visible)
            ]
            at = engine.position
        return Snapshot(channel, at if after is None else after, at, nodes, tuple(sorted(opened)))

    async def exists(self, entity: str) -> bool:
        """Whether there is an entity of this id."""
        return await asyncio.to_thread(self._exists, entity)

    def _exists(self, entity: str) -> bool:
        with self._host.view() as engine:
            return engine.row(ENTITY, (entity,)) is not None
