"""Presence: who shows themselves on which channel now. It is kept nowhere, and ends with the connection.

Knows nothing of what is shown. Invariant: whoever left is on no channel.
Source: presence in chat protocols, as an ephemeral channel.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict

from weft.server.frames import Json, Presence, encode_frame


class Presences:
    """Who is there, in one space, on the server's loop."""

    def __init__(self) -> None:
        self._there: dict[str, dict[str, tuple[str, Json]]] = defaultdict(dict)
        self._changes: dict[str, int] = defaultdict(int)
        self._frames: dict[str, tuple[int, str]] = {}
        self._listeners: dict[str, dict[asyncio.Event, None]] = defaultdict(dict)

    def changes(self, channel: str) -> int:
        """Grows when somebody comes, goes or shows something else; 0 where nobody ever was."""
        return self._changes.get(channel, 0)

    def listen(self, channel: str, event: asyncio.Event) -> None:
        """Set it whenever something changes on a channel."""
        self._listeners[channel][event] = None

    def leave(self, channel: str, event: asyncio.Event) -> None:
        """Set it no more."""
        if channel in self._listeners:
            self._listeners[channel].pop(event, None)
            if not self._listeners[channel]:
                del self._listeners[channel]
                if not self._there.get(channel):
                    self._forget(channel)

    def show(self, channel: str, connection: str, user: str, shown: Json) -> None:
        """Somebody shows themselves; None for no longer."""
        there = self._there[channel]
        if shown is None:
            if there.pop(connection, None) is None:
                return
        else:
            there[connection] = (user, shown)
        self._changes[channel] += 1
        for event in self._listeners.get(channel, ()):
            event.set()

    def frame(self, channel: str) -> str:
        """Who is there now."""
        number = self.changes(channel)
        if self._frames.get(channel, (-1, ""))[0] != number:
            there = dict(self._there.get(channel, {}))
            self._frames[channel] = (number, encode_frame(Presence(channel, there)))
        return self._frames[channel][1]

    def _forget(self, channel: str) -> None:
        self._there.pop(channel, None)
        self._changes.pop(channel, None)
        self._frames.pop(channel, None)
