"""What a client of a live space holds, and how each frame changes it: a pure function, held to the same fixtures as the
clients in other languages.

Of a channel it holds how far it has come, what each node shows, and which traversals have begun and are not completed.
`position` is the newest delta that was seen, `as_of` where the newest snapshot was taken: deltas up to there are in it.

Knows nothing of connections. Invariant: a frame that came before changes nothing, in whole or in part, and frames
behind a snapshot lead to what a later snapshot says.
Source: reducers; state machine replication.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct
from msgspec.structs import replace

from weft.errors import WeftError
from weft.server.frames import (
    Batch,
    Completed,
    Delta,
    Heartbeat,
    Json,
    NodeState,
    Partial,
    Presence,
    ServerFrame,
    Shown,
    Snapshot,
    States,
)

SHOWS = ("node.settled", "node.reused", "node.failed")
"""The types of deltas after which a node shows something."""


class FrameMissing(WeftError):
    """Of {channel} what is behind position {position} was not received, and what is behind {after} was. Subscribe to it
    again, from {position}."""

    channel: str
    position: int
    after: int


class ChannelState(Struct, frozen=True):
    """What is known of one channel."""

    position: int = 0
    as_of: int = 0
    nodes: Mapping[str, Shown] = {}
    open: tuple[int, ...] = ()


class ChannelStates(Struct, frozen=True):
    """How the nodes and runs of a channel stand that are not settled."""

    number: int = 0
    nodes: Mapping[str, NodeState] = {}


class ClientState(Struct, frozen=True):
    """All that a client holds."""

    channels: Mapping[str, ChannelState] = {}
    partials: Mapping[str, Partial] = {}
    states: Mapping[str, ChannelStates] = {}
    presence: Mapping[str, Mapping[str, tuple[str, Json]]] = {}


def apply(state: ClientState, frame: ServerFrame) -> ClientState:
    """The state after a frame. Raises `FrameMissing` where frames before it were not received."""
    match frame:
        case Snapshot():
            return _take_snapshot(state, frame)
        case Batch():
            return _take_batch(state, frame)
        case Completed():
            return _take_completed(state, frame)
        case Partial():
            return _take_partial(state, frame)
        case States():
            return _take_states(state, frame)
        case Presence():
            return replace(state, presence={**state.presence, frame.channel: frame.there})
        case Heartbeat():
            return _take_heartbeat(state, frame)
        case _:
            return state


def news(state: ClientState, frame: ServerFrame) -> tuple[Delta, ...] | Completed | None:
    """What of a frame was not known yet: the deltas, or the completion, that are to be told to whoever listens."""
    known = state.channels.get(getattr(frame, "channel", ""))
    if isinstance(frame, Batch):
        return tuple(one for one in frame.deltas if known is None or one.position > known.position)
    if isinstance(frame, Completed) and known is not None and frame.traversal in known.open:
        return frame
    return None


def _with(state: ClientState, channel: str, known: ChannelState) -> ClientState:
    return replace(state, channels={**state.channels, channel: known})


def _take_snapshot(state: ClientState, frame: Snapshot) -> ClientState:
    known = state.channels.get(frame.channel)
    if known is not None and frame.as_of < max(known.as_of, known.position):
        return state
    if known is not None and known.as_of == frame.as_of and known.position >= frame.position:
        return state
    left = {node: one for node, one in state.partials.items() if one.position >= frame.as_of}
    now = ChannelState(frame.position, frame.as_of, dict(frame.nodes), tuple(sorted(frame.open)))
    return _with(replace(state, partials=left), frame.channel, now)


def _take_batch(state: ClientState, frame: Batch) -> ClientState:
    known = state.channels.get(frame.channel, ChannelState(frame.after, frame.after))
    if frame.after > known.position:
        raise FrameMissing(channel=frame.channel, position=known.position, after=frame.after)
    if frame.position <= known.position:
        return state
    nodes, opened, partials = dict(known.nodes), list(known.open), dict(state.partials)
    for delta in frame.deltas:
        if delta.position <= known.position:
            continue
        if delta.type == "traversal.started":
            opened.append(delta.position)
        if delta.position > known.as_of:
            _show(nodes, delta)
        part = partials.get(delta.node)
        if part is not None and delta.position > part.position:
            del partials[delta.node]
    now = ChannelState(frame.position, known.as_of, nodes, tuple(opened))
    return _with(replace(state, partials=partials), frame.channel, now)


def _show(nodes: dict[str, Shown], delta: Delta) -> None:
    if delta.type in SHOWS:
        nodes[delta.node] = shown_by(delta)
    elif delta.type == "node.removed":
        nodes.pop(delta.node, None)


def shown_by(delta: Delta) -> Shown:
    """What a node shows since a delta."""
    return Shown(delta.position, delta.traversal, delta.type, delta.content_id, delta.preview)


def _take_completed(state: ClientState, frame: Completed) -> ClientState:
    known = state.channels.get(frame.channel)
    if known is None or frame.traversal not in known.open:
        return state
    left = tuple(one for one in known.open if one != frame.traversal)
    return _with(state, frame.channel, replace(known, open=left))


def _take_heartbeat(state: ClientState, frame: Heartbeat) -> ClientState:
    for channel, position in frame.positions.items():
        known = state.channels.get(channel)
        if known is not None and position > known.position:
            state = _with(state, channel, replace(known, position=position))
    return state


def _take_partial(state: ClientState, frame: Partial) -> ClientState:
    shown = [one.nodes[frame.node].position for one in state.channels.values() if frame.node in one.nodes]
    part = state.partials.get(frame.node)
    if any(position > frame.position for position in shown) or (part is not None and part.number >= frame.number):
        return state
    return replace(state, partials={**state.partials, frame.node: frame})


def _take_states(state: ClientState, frame: States) -> ClientState:
    known = state.states.get(frame.channel, ChannelStates())
    if frame.number <= known.number:
        return state
    nodes = {} if frame.is_whole else dict(known.nodes)
    for node, stands in frame.nodes.items():
        if stands is None:
            nodes.pop(node, None)
        else:
            nodes[node] = stands
    return replace(state, states={**state.states, frame.channel: ChannelStates(frame.number, nodes)})
