"""How often somebody may try to log in: so many times within a while, by the name that is tried and by who tries.

An attempt counts from its beginning, so that many at once are not more than many in turn. One that succeeds is taken
back, and clears its name from there, but never others of its source: who has an account cannot try those of others for
longer.

Who tries from one source shuts a name out from there alone. Who has many sources slows the name down for all: beyond
so many attempts a minute nobody is let in by it who was not before, and then guesses are no faster than that. A source
from which the name was let in since the server began is asked no such thing, so the only administrator comes in from
where they last did; whoever is logged in stays so, and tokens go on.

Knows nothing of passwords, and of clocks. Invariant: it holds no more than its bounds, whatever is tried.
Source: sliding windows; OWASP's sheet on credential stuffing.
"""

from __future__ import annotations

import hashlib
import math
import threading
from collections import OrderedDict

from weft.errors import WeftError
from weft.server.accounts.network import network_of
from weft.server.accounts.user import folded

TRIES_PER_NAME = 10
"""So many attempts to log in by one name may fail from one address within `TRIES_WINDOW_S`."""
TRIES_PER_NAME_IN_ALL = 60
"""So many attempts to log in by one name may fail within `NAME_WINDOW_S`, from wherever it was not let in before."""
NAME_WINDOW_S = 60.0
"""For how long an attempt to log in counts against a name everywhere, in seconds."""
TRIES_PER_SOURCE = 30
"""So many attempts to log in from one address may fail within `TRIES_WINDOW_S`."""
TRIES_WINDOW_S = 300.0
"""For how long an attempt to log in counts, in seconds."""
TRIED_MAX = 10_000
"""Of so many names, and of so many addresses, attempts are remembered; then the oldest are forgotten."""


class TooManyTries(WeftError):
    """There are too many attempts to log in. Try again in {wait_s} seconds."""

    wait_s: int


class Tries:
    """Attempts to log in, in memory; any thread."""

    def __init__(self) -> None:
        self._pairs = _Window(TRIES_PER_NAME, TRIES_WINDOW_S)
        self._names = _Window(TRIES_PER_NAME_IN_ALL, NAME_WINDOW_S)
        self._sources = _Window(TRIES_PER_SOURCE, TRIES_WINDOW_S)
        self._let_in: OrderedDict[bytes, None] = OrderedDict()
        """By which names somebody was let in from where; the latest last."""
        self._lock = threading.Lock()

    def begin(self, name: str, source: str, now_s: float) -> None:
        """Count an attempt. Raises `TooManyTries`, and counts nothing then."""
        by_name, by_source, pair = _keys(name, source)
        with self._lock:
            wait_s = max(self._pairs.wait_s(pair, now_s), self._sources.wait_s(by_source, now_s))
            if pair not in self._let_in:
                wait_s = max(wait_s, self._names.wait_s(by_name, now_s))
            if wait_s > 0:
                raise TooManyTries(wait_s=math.ceil(wait_s))
            self._pairs.add(pair, now_s)
            self._names.add(by_name, now_s)
            self._sources.add(by_source, now_s)

    def succeeded(self, name: str, source: str, now_s: float) -> None:
        """Take back the attempt that began at `now_s`."""
        by_name, by_source, pair = _keys(name, source)
        with self._lock:
            self._pairs.clear(pair)
            self._names.remove(by_name, now_s)
            self._sources.remove(by_source, now_s)
            self._let_in[pair] = None
            self._let_in.move_to_end(pair)
            if len(self._let_in) > TRIED_MAX:
                self._let_in.popitem(last=False)


def _keys(name: str, source: str) -> tuple[bytes, bytes, bytes]:
    """Of a name, of a source, and of both together."""
    by_name, by_source = _key(folded(name)), _key(network_of(source))
    return by_name, by_source, by_name + by_source


class _Window:
    """The moments of late, by what they were counted for; the one that was counted last comes last."""

    def __init__(self, count_max: int, window_s: float) -> None:
        self._count_max, self._window_s = count_max, window_s
        self._moments: OrderedDict[bytes, list[float]] = OrderedDict()

    def wait_s(self, key: bytes, now_s: float) -> float:
        """How long until one more may be counted; 0 for now."""
        # Moments that are still to come were counted before the clock was set back.
        moments = [each for each in self._moments.get(key, ()) if 0 <= now_s - each < self._window_s]
        if key in self._moments:
            self._moments[key] = moments
        return moments[-self._count_max] + self._window_s - now_s if len(moments) >= self._count_max else 0

    def add(self, key: bytes, now_s: float) -> None:
        self._moments.setdefault(key, []).append(now_s)
        self._moments.move_to_end(key)
        if len(self._moments) > TRIED_MAX:
            self._moments.popitem(last=False)

    def remove(self, key: bytes, now_s: float) -> None:
        moments = self._moments.get(key, [])
        if now_s in moments:
            moments.remove(now_s)

    def clear(self, key: bytes) -> None:
        self._moments.pop(key, None)


def _key(text: str) -> bytes:
    """Of one length, however long the text is."""
    return hashlib.sha256(text.encode(errors="backslashreplace")).digest()
