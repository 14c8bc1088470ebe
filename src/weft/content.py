"""Content: plain values, the one way each is written as bytes, and ids made from those bytes.

A plain value is None, a bool, a 64-bit integer, a finite float, text, bytes, a link, or a list or text-keyed dict of
these. It is written as strict dag-cbor, so that equal content has equal bytes; the sha-256 of the bytes, as a CIDv1,
names it.

Knows nothing of Python types beyond these, or of where content is kept.
Invariant: `encode(decode(b)) == b` for canonical bytes, all other bytes are refused, and `decode` takes what `encode`
makes.
Source: IPLD's dag-cbor and CIDv1; git's content addressing.
"""

from __future__ import annotations

import math
import re
from base64 import b32decode, b32encode
from collections.abc import Sequence
from hashlib import sha256
from typing import NewType, TypeAlias

from cbrrr import decode_dag_cbor, encode_dag_cbor
from msgspec import Struct

from weft.errors import Undecodable, Unencodable, WeftError

Cid = NewType("Cid", bytes)
"""A CIDv1 as 36 bytes: version 1, codec (dag-cbor or raw), sha2-256, 32 bytes of digest."""

DEPTH_MAX = 64
"""How many lists and dicts may lie within each other; `encode` and `decode` keep to the same bound."""
BYTES_MAX = 65 << 20
"""The longest content that `decode` takes, unless told otherwise: a value of the largest size, and what is said around
it."""
OUTSIDE_BYTES_MAX = 1 << 20
"""The bound to ask for when content comes from somebody else."""
OUTSIDE_NODES_MAX = 100_000
"""The bound on the number of values to ask for when content comes from somebody else."""

_DAG_CBOR = b"\x01\x71\x12\x20"
_RAW = b"\x01\x55\x12\x20"
_CID_BYTES = 36
_CID_CHARS = 59
_CONTAINER_HEADS = bytes(range(0x80, 0xC0))
_SHORT_TEXT_HEADS = [bytes([0x60 + size]) if size < 24 else bytes([0x78, size]) for size in range(256)]
_LINK = b"\xd8\x2a\x58\x25\x00"
"""What stands before an id in a link's bytes: tag 42, 37 bytes, the multibase prefix."""
BLOB_LINK = re.escape(_LINK) + b"(" + re.escape(_RAW) + b".{32})"
"""The bytes of a link to a blob, as a pattern that gives its id."""
_NAMED = re.compile(BLOB_LINK, re.DOTALL)


class NotAContentId(WeftError):
    """{text} is not a content id: {why}. Content ids are 59 characters of a-z and 2-7 that begin with "bafy" (values)
    or "bafk" (blobs)."""

    text: str
    why: str


class Link(Struct, frozen=True, gc=False):
    """A reference to other content, by its id; not to be confused with bytes that look like one."""

    cid: Cid

    def __bytes__(self) -> bytes:
        """The id's bytes: what the encoder asks for."""
        return self.cid

    def __repr__(self) -> str:
        return f"link({cid_text(self.cid)})"


Plain: TypeAlias = "bool | int | float | str | bytes | Link | list[Plain] | dict[str, Plain] | None"


def encode_shallow(value: Plain) -> bytes:
    """`encode` for whoever has built the value and knows that it is not deep: spares the look for that, which takes
    as long as the encoding of a record's header. Raises `Unencodable`."""
    try:
        return encode_dag_cbor(value, False, Link)  # type: ignore[arg-type]
    except (TypeError, ValueError) as refused:
        raise _fault(value, str(refused)) from None


def encode(value: Plain, *, depth_max: int = DEPTH_MAX) -> bytes:
    """The canonical bytes of `value`, which must not contain itself. Raises `Unencodable` naming the place."""
    try:
        encoded = encode_dag_cbor(value, False, Link)  # type: ignore[arg-type]
    except (TypeError, ValueError) as refused:
        raise _fault(value, str(refused)) from None
    if len(encoded) > depth_max and _may_be_deep(encoded, depth_max) and _is_deeper(value, depth_max):
        raise _unencodable("", "lists and maps within each other", f"they are more than {depth_max} deep")
    return encoded


def decode(
    encoded: bytes, *, depth_max: int = DEPTH_MAX, bytes_max: int = BYTES_MAX, nodes_max: int | None = None
) -> Plain:
    """The value that canonical `encoded` stands for. Raises `Undecodable` for bytes in any other form."""
    if len(encoded) > bytes_max:
        raise _undecodable(encoded, f"content of more than {bytes_max} bytes is not taken here")
    try:
        value: Plain = decode_dag_cbor(encoded, False, _parse_link)  # type: ignore[assignment]
    except ValueError as refused:
        raise _undecodable(encoded, str(refused)) from None
    if len(encoded) > depth_max and _may_be_deep(encoded, depth_max) and _is_deeper(value, depth_max):
        raise _undecodable(encoded, f"it is more than {depth_max} lists and maps deep")
    if nodes_max is not None and len(encoded) > nodes_max and _holds_more(value, nodes_max):
        raise _undecodable(encoded, f"it holds more than {nodes_max} values")
    return value


def encoded_text(text: str) -> bytes:
    """The canonical bytes of a text."""
    encoded = text.encode()
    size = len(encoded)
    return _SHORT_TEXT_HEADS[size] + encoded if size < len(_SHORT_TEXT_HEADS) else encode_dag_cbor(text)


def encoded_link(cid: Cid) -> bytes:
    """The canonical bytes of a link."""
    return _LINK + cid


def encoded_list(members: Sequence[bytes]) -> bytes:
    """The canonical bytes of a list, from those of its members."""
    size = len(members)
    if size < 24:
        head = _CONTAINER_HEADS[size : size + 1]
    elif size < 256:
        head = bytes([0x98, size])
    elif size < 65536:
        head = b"\x99" + size.to_bytes(2, "big")
    else:
        head = b"\x9a" + size.to_bytes(4, "big")
    return head + b"".join(members)


def content_id(encoded: bytes) -> Cid:
    """The id of a plain value's canonical bytes."""
    return _DAG_CBOR + sha256(encoded).digest()  # type: ignore[return-value]  # one call less, at every result


def raw_id(content: bytes) -> Cid:
    """The id of raw bytes: what names a blob."""
    return Cid(_RAW + sha256(content).digest())


def raw_id_of_digest(digest: bytes) -> Cid:
    """The id of raw bytes whose sha-256 is already known, as after a streaming pass."""
    assert len(digest) == sha256().digest_size
    return Cid(_RAW + digest)


def link(cid: Cid) -> Link:
    """A plain value that refers to other content."""
    return Link(cid)


def cid_text(cid: Cid) -> str:
    """The id as people and URLs write it: multibase base32, lower case."""
    return "b" + b32encode(cid).decode().rstrip("=").lower()


def parse_cid(text: str) -> Cid:
    """The id that `cid_text` wrote, and no other spelling of it. Raises `NotAContentId`."""
    shown = repr(text if len(text) <= _CID_CHARS else text[:_CID_CHARS] + "…")
    if len(text) != _CID_CHARS or not text.startswith("b"):
        raise NotAContentId(text=shown, why=f"it is not {_CID_CHARS} characters that begin with b")
    try:
        cid = Cid(b32decode(text[1:].upper() + "======"))
    except ValueError:
        raise NotAContentId(text=shown, why="it holds characters outside a-z and 2-7") from None
    # Upper case and stray bits in the last character would otherwise give one id several spellings.
    if cid_text(cid) != text:
        raise NotAContentId(text=shown, why="it is not in its one canonical spelling")
    if not is_cid(cid):
        raise NotAContentId(text=shown, why="it is not a CIDv1 of dag-cbor or raw content by sha2-256")
    return cid


def is_cid(raw: bytes) -> bool:
    """Whether these bytes are a content id of the two kinds that are used here."""
    return len(raw) == _CID_BYTES and raw.startswith((_DAG_CBOR, _RAW))


def is_raw_id(raw: bytes) -> bool:
    """Whether these bytes are the id of raw content, as of a blob."""
    return len(raw) == _CID_BYTES and raw.startswith(_RAW)


def blobs_in(encoded: bytes) -> set[Cid]:
    """The blobs that canonical bytes name, however deep."""
    return {Cid(found) for found in _NAMED.findall(encoded)}


def _parse_link(raw: bytes) -> Link:
    if not is_cid(raw):
        raise ValueError("a link is not a CIDv1 of dag-cbor or raw content by sha2-256")
    return Link(Cid(raw))


def _undecodable(encoded: bytes, why: str) -> Undecodable:
    return Undecodable(where=f"content of {len(encoded)} bytes", wanted="canonical dag-cbor", why=why)


def _may_be_deep(encoded: bytes, depth_max: int) -> bool:
    """Whether there are enough bytes that could begin a container: a quick bound that spares most content the walk."""
    return len(encoded) - len(encoded.translate(None, _CONTAINER_HEADS)) > depth_max


def _is_deeper(value: Plain, depth_max: int) -> bool:
    """Without recursion, as hostile content may be deeper than Python's stack."""
    level, depth = [value], 0
    while level and depth < depth_max:
        level, depth = _children(level), depth + 1
    return any(isinstance(node, (list, dict)) for node in level)


def _holds_more(value: Plain, nodes_max: int) -> bool:
    level, nodes = [value], 0
    while level:
        nodes += len(level)
        level = _children(level)
    return nodes > nodes_max


def _children(level: list[Plain]) -> list[Plain]:
    below: list[Plain] = []
    for node in level:
        if isinstance(node, list):
            below.extend(node)
        elif isinstance(node, dict):
            below.extend(node.values())
    return below


def _fault(value: Plain, refused: str) -> Unencodable:
    """The first place that the encoder refuses, looked for only after it has refused."""
    waiting: list[tuple[str, object]] = [("", value)]
    while waiting:
        where, node = waiting.pop()
        if isinstance(node, list):
            waiting.extend((f"{where}[{at}]", child) for at, child in reversed(list(enumerate(node))))
        elif isinstance(node, dict):
            if odd := [key for key in node if type(key) is not str or not _is_text(key)]:
                return _unencodable(where, f"the key {odd[0]!a}", "keys of a map are plain text")
            waiting.extend((f"{where}.{key}", child) for key, child in reversed(list(node.items())))
        elif why := _why_not(node):
            return _unencodable(where, _shown(node), why)
    return _unencodable("", "something", refused)


def _unencodable(where: str, what: str, why: str) -> Unencodable:
    return Unencodable(where=where.removeprefix(".") or "the value", what=what, why=why)


def _why_not(node: object) -> str | None:
    match node:
        case None | bool() | bytes() | Link():
            return None
        case int():
            return None if -(1 << 64) <= node < 1 << 64 else "integers are kept in 64 bits; write larger ones as text"
        case float():
            return None if math.isfinite(node) else "floats are finite; use None for what is not a number"
        case str():
            return None if _is_text(node) else "it has lone surrogates and so is not Unicode text; keep it as bytes"
    return "it is not a plain value (None, bool, int, float, str, bytes, link, list or dict)"


def _is_text(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _shown(node: object) -> str:
    text = ascii(node) if isinstance(node, (float, str, bytes)) else f"a value of type {type(node).__qualname__}"
    return text if len(text) <= 60 else text[:59] + "…"
