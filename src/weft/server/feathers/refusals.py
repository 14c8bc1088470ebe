"""Why somebody is not served over Socket.IO, or is let go of.

Knows nothing of connections. Invariant: each says what is wrong, and what to do instead.
"""

from __future__ import annotations

from weft.errors import WeftError


class SocketIOMissing(WeftError):
    """This server speaks no Socket.IO, for the package python-socketio is missing. Install it with: pip install
    'weft[feathers]', and start the server again."""


class WebSocketsAlone(WeftError):
    """Socket.IO is spoken over WebSockets alone here. Connect with the option
    `transports: ['websocket']` of `io`."""


class RightsTaken(WeftError):
    """{user} may do less than before, so this connection was ended. Connect again, and do what is still granted."""

    user: str


class ServerEnds(WeftError):
    """The server stops, or a space of it was closed. Connect again in a little while."""
