"""Following a space: what happens in it, as it happens, over as many sockets as that takes.

    with remote.live("home") as live:
        live.open(entity)
        live.subscribe("space")
        for told in live:
            ...

Each socket goes on where the one before ended, so that nothing is left out and nothing is told twice. It comes again
for as long as it is not told that it may not. Nothing is read but while somebody asks for what is next: whoever takes
long is sent the rest when they ask, from the log if need be. An entity is then looked at only until the server takes
the connection for dead, a minute later; a program that holds views open asks in a thread of its own.

Knows nothing of calls. Invariant: a delta, and that a traversal is completed, are told once, however often the server
says them.
Source: the catch-up subscriptions of event stores; `weft.subscription`, its twin in process.
"""

from __future__ import annotations

import json
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Self, TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from weft.remote.patience import LIVE, Patience
from weft.remote.refused import LiveOver
from weft.server.client_state import ClientState, FrameMissing, apply, news
from weft.server.frames import (
    Batch,
    Completed,
    Delta,
    Error,
    Heartbeat,
    ServerFrame,
    parse_server_frame,
)

if TYPE_CHECKING:
    from websockets.sync.client import ClientConnection

NOT_AGAIN = (4401, 4403, 4404)
"""Nobody is known by this; the rights have shrunk; there is no such space: coming again changes nothing."""
DENIED, ABNORMAL = 4403, 1006
FOR_GOOD = ("Denied", "UnknownChannel", "SnapshotTooLarge", "TooMany")
"""Errors that saying it again would not mend."""
OPEN_MAX = 1000
"""About so many traversals one who comes back may ask; with more open it begins with a snapshot."""
CLOSE_S = 0.25
"""How long a server is given to say that it has heard that one leaves: in vain where much of it was not read."""
PING_S = 20.0
"""After so long without a word of one who follows, one is said."""
LASTED_S = 10.0
"""A connection that lasted for less does not count as one: what ends at once, each time, is tried ever more seldom."""
AT_ONCE = 60
"""How much one who follows says at once: less than a server takes."""
RATE = 15.0
"""How much it says in a second, behind that: less than a server takes."""


class NewDelta(NamedTuple):
    """A delta that was not known yet."""

    channel: str
    delta: Delta


Told: TypeAlias = NewDelta | ServerFrame
"""What somebody who follows is told: what was not known before, and no more."""


class Standing(Struct, frozen=True):
    """How a connection stands; `attempt`: how often it was tried since one lasted."""

    status: Literal["waiting", "open", "over"] = "waiting"
    attempt: int = 0
    why: str = ""


class _Wish(Struct):
    after: int | None
    is_paused: bool = False
    shown: Any = None


class Following:
    """One who follows. One thread at a time asks for what is next, and wishes; any thread may `stop` it."""

    def __init__(
        self,
        url: str,
        headers: dict[str, str],
        state: ClientState | None = None,
        *,
        is_near: bool = False,
        patience: Patience = LIVE,
        now_s: Callable[[], float] = time.monotonic,
        wait: Callable[[float], object] | None = None,
    ) -> None:
        self._held_now = self._held_before = state or ClientState()
        self._batch: Batch | None = None
        """The frame of which the deltas are told now, one by one."""
        self.standing = Standing()
        self._url, self._headers, self._is_near = url, headers, is_near
        self._patience, self._now_s = patience, now_s
        self._wishes: dict[str, _Wish] = {}
        self._views: Counter[str] = Counter()
        self._news: deque[Told] = deque()
        self._socket: ClientConnection | None = None
        self._held = ExitStack()
        """The socket, which is closed when this is."""
        self._woken = threading.Event()
        self._wait = wait or self._woken.wait
        self._is_stopped = False
        self._over: LiveOver | None = None
        self._tries, self._retry_s = 0, now_s()
        self._opened_s = self._said_s = 0.0
        self._said: deque[float] = deque(maxlen=AT_ONCE)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def state(self) -> ClientState:
        """What is held, as of what was told last: one who is given it later goes on behind that."""
        first = self._news[0] if self._news else None
        if self._batch is None or not isinstance(first, NewDelta):
            return self._held_now
        told = tuple(one for one in self._batch.deltas if one.position < first.delta.position)
        if not told:
            return self._held_before
        return apply(self._held_before, replace(self._batch, position=told[-1].position, deltas=told))

    # ---- what is looked at ----
    def subscribe(self, channel: str = "space", *, after: int | None = None) -> None:
        """Be told of "space", or of "entity:ID": a snapshot, and what follows; or each delta behind a position (0: all
        that there is). Harmless where it is subscribed to."""
        if channel not in self._wishes:
            self._wishes[channel] = _Wish(after)
            self._say(self._subscription(channel))

    def unsubscribe(self, channel: str) -> None:
        """Be told of it no longer, and hold nothing of it."""
        if self._wishes.pop(channel, None) is not None:
            self._forget(channel)
            self._say({"op": "unsub", "channel": channel})

    def open(self, entity: str) -> None:
        """Look at an entity, until it was closed as often: what it shows is computed for as long."""
        self._views[entity] += 1
        if self._views[entity] == 1:
            self._say({"op": "open", "entity": entity})

    def close(self, entity: str) -> None:
        """Look at it once less."""
        if self._views[entity] > 1:
            self._views[entity] -= 1
        elif self._views.pop(entity, 0):
            self._say({"op": "close", "entity": entity})

    def pause(self, channel: str) -> None:
        """Be told nothing of it until it plays, and have nothing streamed for it; nothing is lost."""
        self._wishes[channel].is_paused = True
        self._say({"op": "pause", "channel": channel})

    def play(self, channel: str) -> None:
        """Go on with it where it was."""
        self._wishes[channel].is_paused = False
        self._say({"op": "play", "channel": channel})

    def show(self, channel: str, value: Any) -> None:
        """Show the others on a channel where one is, or what one does; None to be seen no longer."""
        self._wishes[channel].shown = value
        self._say({"op": "presence", "channel": channel, "shown": value})

    # ---- what is told ----
    def __iter__(self) -> Iterator[Told]:
        """All that happens, until it is stopped. Raises `LiveOver`."""
        while not self._is_stopped:
            if (told := self.next()) is not None:
                yield told

    def next(self, timeout_s: float | None = None) -> Told | None:
        """What comes next; None where nothing did in time, or it was stopped. Raises `LiveOver`."""
        end_s, has_tried = None if timeout_s is None else self._now_s() + timeout_s, False
        while not self._news:
            left_s = None if end_s is None else max(0.0, end_s - self._now_s())
            if self._is_stopped or (has_tried and left_s == 0):
                return None
            has_tried = True
            if self._socket is None:
                self._connect(left_s)
            else:
                self._hear(self._socket, left_s)
        return self._news.popleft()

    def until(self, is_so: Callable[[], object], timeout_s: float | None = None) -> list[Told]:
        """Take what comes until it is: returns that. Raises `TimeoutError`, `LiveOver`."""
        end_s, taken = None if timeout_s is None else self._now_s() + timeout_s, list[Told]()
        while not is_so():
            told = self.next(None if end_s is None else end_s - self._now_s())
            if told is None:
                raise TimeoutError(f"what was waited for did not come, and {len(taken)} other things did")
            taken.append(told)
        return taken

    # ---- its life ----
    def reconnect_now(self) -> None:
        """Wait no longer for the next try; also where it was told not to come again."""
        self._tries, self._retry_s, self._over = 0, self._now_s(), None
        self._woken.set()

    def stop(self) -> None:
        """End it for good, also while another thread waits for what is next."""
        self._is_stopped = True
        self._woken.set()
        self._drop()
        self.standing = Standing("over", 0, "stopped")

    def _connect(self, left_s: float | None) -> None:
        """Open a socket once it is time; or wait, no longer than so."""
        from websockets.exceptions import WebSocketException
        from websockets.sync.client import connect

        if self._over is not None:
            raise self._over
        wait_s = self._retry_s - self._now_s()
        if wait_s > 0:
            self._wait(wait_s if left_s is None else min(wait_s, left_s))
            self._woken.clear()
            return
        opening = partial(connect, self._url, additional_headers=self._headers, max_size=None, close_timeout=CLOSE_S)
        try:
            # What is on this machine is reached by no proxy, whatever the environment says.
            self._socket = self._held.enter_context(opening(proxy=None if self._is_near else True))
        except (OSError, WebSocketException) as why:
            self._retry(str(why) or type(why).__name__)
        else:
            self._opened()

    def _drop(self) -> None:
        self._socket = None
        self._held.pop_all().close()

    def _opened(self) -> None:
        self._opened_s = self._said_s = self._now_s()
        self._said.clear()
        self.standing = Standing("open")
        # What is looked at comes before what is told: a traversal is completed as of what is demanded. Only what is
        # paused comes first, so that nothing is called for it.
        wishes = list(self._wishes.items())
        self._say_wishes((channel, wish) for channel, wish in wishes if wish.is_paused)
        for entity in list(self._views):
            self._say({"op": "open", "entity": entity})
        self._say_wishes((channel, wish) for channel, wish in wishes if not wish.is_paused)

    def _say_wishes(self, wishes: Iterable[tuple[str, _Wish]]) -> None:
        for channel, wish in wishes:
            self._say(self._subscription(channel))
            if wish.is_paused:
                self._say({"op": "pause", "channel": channel})
            if wish.shown is not None:
                self._say({"op": "presence", "channel": channel, "shown": wish.shown})

    def _closed(self, code: int, why: str) -> None:
        if self._now_s() - self._opened_s >= LASTED_S:
            self._tries = 0
        self._drop()
        if self._is_stopped:
            return
        if code == DENIED:
            self._held_now = ClientState()  # what may not be seen any more is held no more
        if code in NOT_AGAIN:
            self.standing = Standing("over", self._tries, why)
            self._over = LiveOver(base=self._url, code=code, why=why)
            raise self._over
        self._retry(why or f"closed with {code}")

    def _retry(self, why: str) -> None:
        self._retry_s = self._now_s() + self._patience.delay_s(self._tries)
        self._tries += 1
        self.standing = Standing("waiting", self._tries, why)

    # ---- what is said ----
    def _subscription(self, channel: str) -> dict[str, Any]:
        said, known, after = {"op": "sub", "channel": channel}, self._held_now.channels.get(channel), None
        if known is not None and len(known.open) > OPEN_MAX:
            self._forget(channel)
            return said
        if known is not None:
            return {**said, "from": known.position, "open": list(known.open)}
        after = self._wishes[channel].after
        return said if after is None else {**said, "from": after}

    def _say(self, frame: dict[str, Any]) -> None:
        """Say it, no faster than a server takes it; without a socket it is said with all that is wished for."""
        from websockets.exceptions import ConnectionClosed

        if self._socket is None:
            return
        if len(self._said) == AT_ONCE and (left_s := self._said[0] + AT_ONCE / RATE - self._now_s()) > 0:
            self._woken.clear()
            self._wait(left_s)
        self._said_s = self._now_s()
        self._said.append(self._said_s)
        try:
            self._socket.send(json.dumps(frame))
        except ConnectionClosed:
            pass  # it is heard of next, with the reason

    # ---- what is heard ----
    def _hear(self, socket: ClientConnection, left_s: float | None) -> None:
        from websockets.exceptions import ConnectionClosed

        try:
            text = socket.recv(timeout=left_s)
        except TimeoutError:
            return
        except ConnectionClosed as why:
            said = why.rcvd
            self._closed(said.code if said is not None else ABNORMAL, said.reason if said is not None else "cut off")
            return
        frame = parse_server_frame(text)
        if isinstance(frame, Heartbeat) or self._now_s() - self._said_s >= PING_S:
            self._say({"op": "ping"})
        if isinstance(frame, Error):
            self._refused(frame)
        elif getattr(frame, "channel", None) in (None, *self._wishes):
            self._take(frame)

    def _take(self, frame: ServerFrame) -> None:
        told, before = news(self._held_now, frame), self._held_now
        try:
            self._held_now = apply(before, frame)
        except FrameMissing as why:
            self._say(self._subscription(why.channel))
            return
        if isinstance(told, tuple):
            self._held_before, self._batch = before, frame if isinstance(frame, Batch) else None
            self._news.extend(NewDelta(getattr(frame, "channel", ""), delta) for delta in told)
        elif told is not None:
            self._news.append(told)
        elif self._held_now is not before and not isinstance(frame, Completed | Heartbeat):
            self._news.append(frame)

    def _refused(self, frame: Error) -> None:
        if frame.error == "WrongPosition" and frame.about in self._wishes:
            # The server's log is not the one that this went by: a copy of before was put in its place.
            self._wishes[frame.about].after = None
            self._forget(frame.about)
            self._say(self._subscription(frame.about))
        elif frame.error in FOR_GOOD:
            if self._wishes.pop(frame.about, None) is not None:
                self._forget(frame.about)
            else:
                self._views.pop(frame.about, None)
        self._news.append(frame)

    def _forget(self, channel: str) -> None:
        if self._batch is not None and self._batch.channel == channel:
            self._news = deque(one for one in self._news if not isinstance(one, NewDelta))
        for part in self._held_now.__struct_fields__:
            if part != "partials":  # all else is held by channel
                left = {name: one for name, one in getattr(self._held_now, part).items() if name != channel}
                self._held_now = replace(self._held_now, **{part: left})
