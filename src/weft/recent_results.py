"""Results of the log, read by position: those of the last few records that were looked at are kept at hand.

Knows nothing of what results say. Invariant: what is kept is what the log holds, as long as `forget` is called whenever
records of the open batch are dropped, or payloads replaced.
Source: buffer pools of databases.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

from weft.record import COMPUTED, Record
from weft.store import Log
from weft.written_result import Said, parse_result

RECORDS_KEPT = 16
"""How many records' results are kept at hand."""


class RecentResults:
    """Reads results of one log."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._kept: OrderedDict[int, tuple[int, list[bytes]]] = OrderedDict()
        """By the last position of a record: its first, and its results. The last one used comes last."""

    def said_at(self, position: int, unwritten: Sequence[Record] = ()) -> Said:
        """What the result at a position says, in a record of `unwritten` or of the log; nothing where it was erased.
        Raises `SpaceDamaged`."""
        for last, (first, results) in self._kept.items():
            if first <= position <= last:
                self._kept.move_to_end(last)
                return parse_result(results[position - first]) if results else {}
        record = _holding(position, unwritten) or next(iter(self._log.records(position - 1, until=position)), None)
        if record is None or record.kind != COMPUTED:
            return {}
        first, results = record.position - record.span + 1, record.results() or []
        self._kept[record.position] = first, results
        if len(self._kept) > RECORDS_KEPT:
            self._kept.popitem(last=False)
        return parse_result(results[position - first]) if results else {}

    def forget(self) -> None:
        """Read all of it anew."""
        self._kept.clear()


def _holding(position: int, records: Sequence[Record]) -> Record | None:
    return next((one for one in records if one.position - one.span < position <= one.position), None)
