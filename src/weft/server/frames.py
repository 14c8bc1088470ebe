"""The frames of the wire: what a client and a server of a live space say to each other, as records with one JSON form.

Every frame is an object with its kind under `op`. A client subscribes to channels: `space`, which has all activities,
or `entity:ID`, which has those about one entity. Positions are those of the log, so a frame that came twice is known.

Knows nothing of sockets, spaces or who may see what. Invariant: what a client sent is refused whole unless it is a
frame of these fields, within its bounds; decoding what was encoded gives an equal frame.
Source: tagged unions on the wire; the frames of event stores' catch-up subscriptions.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias, cast

import msgspec
from msgspec import Meta, Struct, field

from weft.errors import WeftError

if TYPE_CHECKING:
    Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"
else:
    Json = Any  # which is what a decoder of JSON takes it for
Position: TypeAlias = Annotated[int, Meta(ge=-(2**53), le=2**53)]
"""A position as a client may say it: an integer that every JSON reader keeps."""
SPACE = "space"
ENTITY = "entity:"
STANDS = ("node.queued", "node.started", "node.waiting", "run.paused", "run.resumed")
"""How what is not settled may stand: it can be begun; its call is under way; it waits for something; a run waits for a
person, a moment or a node; a run is at work."""


class BadFrame(WeftError):
    """This is no frame that the server takes: {why}. Nothing was done; mend it and send it again."""

    why: str


class UnknownChannel(WeftError):
    """There is no channel {channel!r} here. Channels are "space" and "entity:ID", with the id of an entity of this
    space."""

    channel: str


class WrongPosition(WeftError):
    """There is nothing behind position {position} to be had: the log of this space begins behind 0 and has come to
    {head}. Subscribe without `from`, and begin with a snapshot."""

    position: int
    head: int


class TooMany(WeftError):
    """That would be more than {most} {what}. Let go of one first."""

    what: str
    most: int


class SnapshotTooLarge(WeftError):
    """A snapshot of {channel} would have more than {most} nodes. Subscribe to single entities, or from a position."""

    channel: str
    most: int


class Sub(Struct, frozen=True, tag_field="op", tag="sub", forbid_unknown_fields=True):
    """Subscribe to a channel: every delta behind `from`; without it, a snapshot and what follows. `open`: traversals
    that the client has seen begin, and not completed, when it was last here. Subscribed anew, it begins anew."""

    channel: str
    after: Position | None = field(name="from", default=None)
    open: tuple[Position, ...] = ()


class Unsub(Struct, frozen=True, tag_field="op", tag="unsub", forbid_unknown_fields=True):
    """Leave a channel. Harmless where it was not subscribed to."""

    channel: str


class Open(Struct, frozen=True, tag_field="op", tag="open", forbid_unknown_fields=True):
    """Look at an entity: all its nodes are computed until it is closed as often as it was opened, or the connection
    ends. A client that comes back opens what it looks at before it subscribes: a traversal is completed as of what is
    demanded. One that had paused it subscribes and pauses before it opens: so nothing is called for it in between."""

    entity: str


class Close(Struct, frozen=True, tag_field="op", tag="close", forbid_unknown_fields=True):
    """Look at an entity no longer."""

    entity: str


class Pause(Struct, frozen=True, tag_field="op", tag="pause", forbid_unknown_fields=True):
    """Send nothing of a channel, and call no streaming node of its entity for this viewer, until it plays again."""

    channel: str


class Play(Struct, frozen=True, tag_field="op", tag="play", forbid_unknown_fields=True):
    """Go on with a paused channel where it was."""

    channel: str


class Ping(Struct, frozen=True, tag_field="op", tag="ping", forbid_unknown_fields=True):
    """Say that somebody is there; answered by a heartbeat. Sent for each heartbeat that comes unasked, too."""

    is_asking: bool = False


class Present(Struct, frozen=True, tag_field="op", tag="presence", forbid_unknown_fields=True):
    """Show oneself to the others on a channel that one is subscribed to; None to be seen no longer."""

    channel: str
    shown: Json = None


ClientFrame: TypeAlias = Sub | Unsub | Open | Close | Pause | Play | Ping | Present


class Delta(Struct, frozen=True):
    """What happened at a position. Types are those of activities; `traversal` is the cut that it belongs to, `node` is
    ENTITY.NODE[ELEMENT], or several with commas between."""

    position: int
    traversal: int
    node: str
    type: str
    content_id: str = ""
    by: str = ""
    at: str = ""
    preview: str = ""


class Shown(Struct, frozen=True):
    """What a node shows, as of the delta at `position`."""

    position: int
    traversal: int
    type: str
    content_id: str = ""
    preview: str = ""


class Snapshot(Struct, frozen=True, tag_field="op", tag="snapshot"):
    """What the nodes of a channel show as of `as_of`, in place of all that was known. Deltas follow behind `position`;
    those up to `as_of` are in it already. `open`: the traversals that are not completed."""

    channel: str
    position: int
    as_of: int
    nodes: Mapping[str, Shown]
    open: tuple[int, ...] = ()


class Batch(Struct, frozen=True, tag_field="op", tag="batch"):
    """All deltas of a channel at the positions behind `from` and up to `position`."""

    channel: str
    after: int = field(name="from")
    position: int
    deltas: tuple[Delta, ...]


class Partial(Struct, frozen=True, tag_field="op", tag="partial"):
    """What a stream has so far, as of a position: the newest only, never kept. `number` only grows; `value` is the
    whole value so far, where that is not too long."""

    node: str
    position: int
    number: int
    preview: str
    value: Json = None


class NodeState(Struct, frozen=True):
    """How a node stands that is not settled, or a run that goes on. `type` is one of `STANDS`; `since`: when the server
    saw that first; `needs`: some of the nodes that it waits for; `why`: what else it waits for, in words."""

    type: str
    since: str = ""
    why: str = ""
    needs: tuple[str, ...] = ()


class States(Struct, frozen=True, tag_field="op", tag="states"):
    """How the nodes and runs of a channel stand that are not settled: the present only, never kept. It is in place of
    all that was known where it `is_whole`; else what it does not name stands as it did, and what it names without a
    state is settled, or demanded by nobody. `number` only grows. A run is named ENTITY.FLOW[RUN]."""

    channel: str
    number: int
    nodes: Mapping[str, NodeState | None]
    is_whole: bool = False


class Completed(Struct, frozen=True, tag_field="op", tag="completed"):
    """A traversal is completed; `nodes`: what each node of the channel that hangs on its event shows now, by content id
    (nothing where it failed, with the reason in `failed`)."""

    channel: str
    traversal: int
    position: int
    nodes: Mapping[str, str] = {}
    failed: Mapping[str, str] = {}


class Presence(Struct, frozen=True, tag_field="op", tag="presence"):
    """Who shows themselves on a channel now, by connection: (user, what they show)."""

    channel: str
    there: Mapping[str, tuple[str, Json]]


class Error(Struct, frozen=True, tag_field="op", tag="error"):
    """What the client asked for cannot be done: the error's name, what it says, and the channel or entity."""

    error: str
    message: str
    about: str = ""


class Heartbeat(Struct, frozen=True, tag_field="op", tag="heartbeat"):
    """The server is there; how far each channel has come for this connection."""

    positions: Mapping[str, int] = {}


ServerFrame: TypeAlias = Snapshot | Batch | Partial | States | Completed | Presence | Error | Heartbeat

_CLIENT = msgspec.json.Decoder(ClientFrame)
_SERVER = msgspec.json.Decoder(ServerFrame)
_ENCODER = msgspec.json.Encoder(order="deterministic")


def encode_frame(frame: Struct) -> str:
    """A frame as JSON text."""
    return _ENCODER.encode(frame).decode()


def parse_server_frame(text: str | bytes) -> ServerFrame:
    """What a server said. Fields that only a newer server knows are left out."""
    return cast("ServerFrame", _SERVER.decode(text))


def parse_client_frame(text: str | bytes, *, bytes_max: int, depth_max: int) -> ClientFrame:
    """What a client said. Raises `BadFrame`, which names what is wrong."""
    encoded = text.encode(errors="replace") if isinstance(text, str) else text
    if len(encoded) > bytes_max:
        raise BadFrame(why=f"it has {len(encoded)} bytes, and {bytes_max} are the most")
    if (depth := _depth(encoded)) > depth_max:
        raise BadFrame(why=f"it is nested {depth} deep, and {depth_max} is the most")
    try:
        return cast("ClientFrame", _CLIENT.decode(encoded))
    except (msgspec.DecodeError, UnicodeDecodeError) as why:
        raise BadFrame(why=str(why)) from None


def _depth(encoded: bytes) -> int:
    """How deep its brackets are nested; those in texts count too, which is no less than the truth."""
    depth = most = 0
    for byte in encoded:
        if byte in b"[{":
            depth += 1
            most = max(most, depth)
        elif byte in b"]}":
            depth -= 1
    return most


def error_frame(why: WeftError, about: str = "") -> Error:
    """A refusal as a frame."""
    return Error(type(why).__name__, str(why), about)


def channel_entity(channel: str) -> str:
    """The entity that a channel is about; "" for the whole space. Raises `UnknownChannel`."""
    if channel == SPACE:
        return ""
    kind, found, entity = channel.partition(":")
    if kind + found != ENTITY or not entity or len(entity) > 64:
        raise UnknownChannel(channel=channel[:80])
    return entity
