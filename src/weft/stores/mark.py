"""The mark: what was last acknowledged, beside the log, so that a log that lost its end is noticed.

Two slots in a small side file: the newest record's position and digest, and the newest inbox entry's number. Each is
written in place after its commit, without a sync, and synced at checkpoints; each has a checksum.

Knows nothing of how the log is kept.
Invariant: a readable slot never says more than was durable when it was written.
Source: the design's durability paragraph; the control file of PostgreSQL.
"""

from __future__ import annotations

import os
import struct
import sys
import zlib

from weft.store import Head

_LOG = struct.Struct(">8sQ32s")
_INBOX = struct.Struct(">8sQ")
_SUM = struct.Struct(">I")
_LOG_MAGIC = b"weftlog1"
_INBOX_MAGIC = b"weftbox1"
_INBOX_AT = 64


class Mark:
    """The side file of one space. It is made at the first write; a space without one is whole as far as can be seen."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._descriptor: int | None = None

    def exists(self) -> bool:
        """Whether a mark lies here: if so, a space was here."""
        return os.path.exists(self.path)

    def head(self) -> Head | None:
        """The newest acknowledged record; None when there is no readable slot."""
        found = self._read(_LOG, _LOG_MAGIC, at=0)
        return Head(found[1], found[2]) if found else None

    def inbox(self) -> int:
        """The number of the newest acknowledged inbox entry; 0 when there is no readable slot."""
        found = self._read(_INBOX, _INBOX_MAGIC, at=_INBOX_AT)
        return int(found[1]) if found else 0

    def told(self) -> str:
        """What the mark tells of, in words; "" for no mark, and for that of a space to which nothing was told yet."""
        if flaw := self.flaw():
            return f"a space ({flaw})"
        head = self.head()
        newest = {"record": head.position if head else 0, "inbox entry": self.inbox()}
        known = [f"whose newest {name} was {number}" for name, number in newest.items() if number]
        return f"a space {' and '.join(known)}" if known else ""

    def flaw(self) -> str | None:
        """Which slot cannot be read, in words; None for an absent file or slot, and when all is well."""
        for name, layout, magic, at in (("log", _LOG, _LOG_MAGIC, 0), ("inbox", _INBOX, _INBOX_MAGIC, _INBOX_AT)):
            if any(self._slot(layout, at)) and self._read(layout, magic, at=at) is None:
                return f"its {name} slot cannot be read"
        return None

    def write_head(self, head: Head) -> None:
        """Remember an acknowledged record. Raises OSError."""
        self._write(_LOG.pack(_LOG_MAGIC, head.position, head.digest), at=0)

    def write_inbox(self, number: int) -> None:
        """Remember an acknowledged inbox entry. Raises OSError."""
        self._write(_INBOX.pack(_INBOX_MAGIC, number), at=_INBOX_AT)

    def sync(self) -> None:
        """Make what was written last through a power cut. Raises OSError."""
        if self._descriptor is not None:
            os.fsync(self._descriptor)

    def close(self) -> None:
        """Let go of the file."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _write(self, slot: bytes, *, at: int) -> None:
        if self._descriptor is None:
            self._descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o644)
        whole = slot + _SUM.pack(zlib.crc32(slot))
        if sys.platform == "win32":
            os.lseek(self._descriptor, at, os.SEEK_SET)
            os.write(self._descriptor, whole)
        else:
            os.pwrite(self._descriptor, whole, at)

    def _slot(self, layout: struct.Struct, at: int) -> bytes:
        try:
            with open(self.path, "rb") as file:
                file.seek(at)
                return file.read(layout.size + _SUM.size)
        except FileNotFoundError:
            return b""

    def _read(self, layout: struct.Struct, magic: bytes, *, at: int) -> tuple[bytes, int, bytes] | None:
        slot = self._slot(layout, at)
        body = slot[: layout.size]
        if slot != body + _SUM.pack(zlib.crc32(body)) or not body.startswith(magic):
            return None
        fields = layout.unpack(body)
        return (fields[0], fields[1], fields[2] if len(fields) > 2 else b"")
