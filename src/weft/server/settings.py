"""How much one connection, and one user, may ask of the live server, and how often it speaks.

Knows nothing of connections. Invariant: everything that a stranger or a slow reader can make grow has a bound here.
Source: the settings of message brokers; token buckets.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LiveSettings:
    """Bounds and intervals of the realtime half; what is given as seconds is a float of them."""

    connections_per_user: int = 32
    """Live connections of one user at a time, over all spaces that one server serves; one of Socket.IO, which is told
    of all of them, is one."""
    messages_per_s: float = 20.0
    """Messages that a connection may send a second, for long; more ends it."""
    messages_burst: int = 100
    """Messages that it may send at once."""
    channels_max: int = 64
    """Channels that a connection may subscribe to."""
    views_max: int = 256
    """Entities that a connection may have open, counting each as often as it was opened."""
    frame_bytes_max: int = 16_384
    """The size of a message from a client."""
    depth_max: int = 16
    """How deep a message from a client may be nested."""
    shown_bytes_max: int = 1024
    """How much a user may show of themselves to others on a channel, as JSON."""
    open_max: int = 1000
    """How many open traversals a client that comes back may ask about."""
    batch_deltas: int = 256
    """Deltas in one frame."""
    window_deltas: int = 8192
    """The newest deltas, which are held in memory for all; older ones are read from the log."""
    chunks_max: int = 64
    """Parts of the log, of `batch_deltas` positions, that are kept encoded for those who come back."""
    completed_max: int = 4096
    """The newest completed traversals, which are held in memory."""
    snapshot_nodes_max: int = 10_000
    """Nodes in one snapshot: a larger space is subscribed to by its entities, or from a position."""
    catch_up_max: int = 100_000
    """How many positions behind a client may be and get each delta; one further behind gets a snapshot."""
    partials_per_s: float = 10.0
    """How often the newest partial values are looked at."""
    partial_bytes_max: int = 65_536
    """A longer partial value is sent by its preview alone."""
    heartbeat_s: float = 15.0
    """A connection that was sent nothing for so long is sent a heartbeat."""
    silent_s: float = 60.0
    """A socket that nothing was heard from for so long is closed: clients answer each heartbeat with a ping."""
    tick_s: float = 0.25
    """How often idle connections are looked at: whether their rights have changed, and whether they are alive."""
    settle_s: float = 0.005
    """How long a feed waits for more before it reads again: what comes within shares a batch."""
