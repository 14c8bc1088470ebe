"""Why live connections end: the codes that sockets are closed with, and the errors that say so.

Knows nothing of connections. Invariant: a code says the same on every transport.
Source: the close codes of WebSockets, of which those from 4000 on are ours; HTTP's statuses.
"""

from __future__ import annotations

from weft.errors import WeftError

STRANGER, DENIED, UNKNOWN_SPACE, SILENT, FLOOD, CROWDED, OVER, TROUBLE = 4401, 4403, 4404, 4408, 4429, 4430, 1012, 1013
"""Why a connection ends: nobody is known by its credential; its rights have shrunk; its space is not served; nothing
was heard of it; it said too much; its user has too many; the server stops, so come again; it does not
know whom it serves now, so come again later."""


class ConnectionOver(WeftError):
    """The connection ends ({code}): {why}."""

    code: int
    why: str


class TooManyConnections(ConnectionOver):
    """There are too many live connections ({code}): {why}. Close one first."""
