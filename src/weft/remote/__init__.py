"""Spaces that another program serves, for programs in Python: calls, what is live, and replays."""

from weft.remote.following import Following
from weft.remote.refused import CallRefused, LiveOver, NoServer, RemoteMissing, UnknownMethod, Unreachable
from weft.remote.replayed import Recorded, batch_of
from weft.remote.server import Remote

__all__ = [
    "CallRefused",
    "Following",
    "LiveOver",
    "NoServer",
    "Recorded",
    "Remote",
    "RemoteMissing",
    "UnknownMethod",
    "Unreachable",
    "batch_of",
]
