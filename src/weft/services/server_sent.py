"""Server-sent events, taken apart as their bytes come in.

Only the payload of `data:` lines matters here; an event counts when the blank line after it has come, so an event that
was cut in half is never seen.

Knows nothing of HTTP or of what the payloads mean.
Invariant: the events found do not depend on how the bytes were split into chunks.
Source: the event stream grammar of the WHATWG HTML standard, section 9.2.
"""

from __future__ import annotations

from collections.abc import Iterator


class EventReader:
    """Bytes in, the events' payloads out. Memory: one unfinished event."""

    __slots__ = ("_ending_cr", "_lines", "_pending", "_started")

    def __init__(self) -> None:
        """Begin before the first byte."""
        self._pending = bytearray()
        self._lines: list[str] = []
        self._started = False
        self._ending_cr = False

    def feed(self, chunk: bytes) -> Iterator[str]:
        """Yield the payload of each event that `chunk` completes. Raises UnicodeDecodeError for what is not UTF-8."""
        for line in self._take_lines(chunk):
            if line:
                self._keep(line)
            elif self._lines:
                payload, self._lines = "\n".join(self._lines), []
                yield payload

    def _take_lines(self, chunk: bytes) -> list[str]:
        if not chunk:
            return []
        if self._ending_cr and chunk.startswith(b"\n"):
            chunk = chunk[1:]  # The second half of a CR LF that fell between two chunks.
        self._ending_cr = chunk.endswith(b"\r")
        searched = len(self._pending)
        self._pending += chunk
        # Look in the new bytes only: a long line that comes in small pieces would else cost its square.
        if b"\n" not in self._pending[searched:] and b"\r" not in self._pending[searched:]:
            return []
        lines = bytes(self._pending).replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
        self._pending = bytearray(lines.pop())
        decoded = [line.decode() for line in lines]
        if decoded and not self._started:
            self._started = True
            decoded[0] = decoded[0].removeprefix("\ufeff")
        return decoded

    def _keep(self, line: str) -> None:
        name, _, value = line.partition(":")
        if name == "data":
            self._lines.append(value.removeprefix(" "))
