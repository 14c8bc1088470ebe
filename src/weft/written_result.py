"""How a result is written in the log, and read again.

Results are most of what a log holds, so they are lists with their parts in a fixed order, and what follows from other
parts is not written: the content id of a value that stands there whole, the call key where its preimage does. Whoever
reads gets both, by name.

Knows nothing of slots and stores.
Invariant: `parse_result` gives what `encode_result` was given, with every content id as it was.
Source: the row form of columnar formats' leaves; derived columns are not stored.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TypeAlias

from weft.content import BLOB_LINK, Cid, Link, Plain, content_id, decode, encode_shallow
from weft.errors import Undecodable

Said: TypeAlias = "dict[str, Plain]"
"""A result by name: `slot at how attempt outcome inputs`, and where there is one `key preimage took_us` and notes."""
_PARTS = 8
_KEPT_AT = re.compile(rb"\x62at" + BLOB_LINK, re.DOTALL)


def encode_result(
    slot: list[Plain],
    at: int,
    how: str,
    attempt: list[Plain],
    outcome: Plain,
    inputs: list[Plain],
    call: bytes | Link | None,
    took_us: int,
    notes: Mapping[str, Plain],
) -> bytes:
    """The canonical bytes of a result. `outcome`: as records keep it, or the value's own bytes, where their content id
    is the value's; `call`: the preimage of the call key where this is its first value, else the key, if there is one;
    `notes`: what few results have."""
    parts: list[Plain] = [slot, at, how, attempt, outcome, inputs, call, took_us]
    if notes:
        parts.append(dict(notes))
    return encode_shallow(parts)


def parse_result(encoded: bytes) -> Said:
    """What a result says, by name; a removal, or what stands where one was erased, as it is. Raises `Undecodable`."""
    parts = decode(encoded)
    if isinstance(parts, dict):
        return parts
    if not isinstance(parts, list) or len(parts) not in (_PARTS, _PARTS + 1):
        raise Undecodable(where="a result in the log", wanted=f"a map, or a list of {_PARTS}", why="it is none")
    slot, at, how, attempt, outcome, inputs, call, took_us, *notes = parts
    if isinstance(outcome, bytes):
        outcome = {"ok": Link(content_id(outcome)), "size": len(outcome), "value": outcome}
    said: Said = {"slot": slot, "at": at, "how": how, "attempt": attempt, "outcome": outcome, "inputs": inputs}
    if isinstance(call, bytes):
        said |= {"key": Link(content_id(call)), "preimage": call}
    elif call is not None:
        said["key"] = call
    if took_us:
        said["took_us"] = took_us
    for noted in notes:
        if not isinstance(noted, dict):
            raise Undecodable(where="a result in the log", wanted="notes by name", why="they are no map")
        said |= noted
    return said


def kept_in(encoded: bytes) -> set[Cid]:
    """The blobs that hold the large values of the results in canonical bytes."""
    return {Cid(found) for found in _KEPT_AT.findall(encoded)}


def without_note(encoded: bytes, name: str) -> bytes:
    """The canonical bytes of a result without one of its notes."""
    parts = decode(encoded)
    assert isinstance(parts, list)
    notes = parts.pop()
    assert isinstance(notes, dict)
    kept: Said = {noted: value for noted, value in notes.items() if noted != name}
    return encode_shallow([*parts, kept] if kept else parts)
