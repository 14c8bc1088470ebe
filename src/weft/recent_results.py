"""Results of the log, read by position: those of records that were looked at lately are kept at hand.

Knows nothing of what results say. Invariant: what is kept is what the log holds, as long as `forget` is called whenever
records of the open batch are dropped, or payloads replaced.
Source: buffer pools of databases.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import OrderedDict
from collections.abc import Sequence

from weft.record import COMPUTED, Record
from weft.store import Log
from weft.written_result import Said, parse_result

RESULTS_BYTES_KEPT = 8 << 20
"""How much of records' results is kept at hand, in bytes as the log has them: those used last, and always one."""


class RecentResults:
    """Reads results of one log."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._kept: OrderedDict[int, tuple[int, list[bytes]]] = OrderedDict()
        """By the last position of a record: its size in bytes, and its results. The last one used comes last."""
        self._lasts: list[int] = []
        """Those positions, ascending."""
        self._bytes = 0

    def said_at(self, position: int, unwritten: Sequence[Record] = ()) -> Said:
        """What the result at a position says, in a record of `unwritten` or of the log; nothing where it was erased.
        Raises `SpaceDamaged`."""
        place = bisect_left(self._lasts, position)
        if place < len(self._lasts):
            last = self._lasts[place]
            results = self._kept[last][1]
            if last - len(results) < position:
                self._kept.move_to_end(last)
                return parse_result(results[position - last - 1])
        record = _holding(position, unwritten) or next(iter(self._log.records(position - 1, until=position)), None)
        found = record.results() if record is not None and record.kind == COMPUTED else None
        if record is None or not found:
            return {}
        self._keep(record, found)
        return parse_result(found[position - record.position - 1])

    def _keep(self, record: Record, results: list[bytes]) -> None:
        size = len(record.payload or b"")
        self._kept[record.position] = size, results
        insort(self._lasts, record.position)
        self._bytes += size
        while self._bytes > RESULTS_BYTES_KEPT and len(self._kept) > 1:
            last, (gone, _) = self._kept.popitem(last=False)
            del self._lasts[bisect_left(self._lasts, last)]
            self._bytes -= gone

    def forget(self) -> None:
        """Read all of it anew."""
        self._kept.clear()
        self._lasts.clear()
        self._bytes = 0


def _holding(position: int, records: Sequence[Record]) -> Record | None:
    return next((one for one in records if one.position - one.span < position <= one.position), None)
