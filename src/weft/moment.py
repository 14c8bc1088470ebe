"""Moments as texts for people and programs: in UTC, to the second.

Knows nothing of clocks. Invariant: any number of microseconds has a text that programs can read.
Source: ISO 8601.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LAST_US = (datetime.max.replace(tzinfo=UTC) - _EPOCH) // timedelta(microseconds=1)


def moment_text(us: int) -> str:
    """A moment in microseconds since 1970; one beyond the year 9999, which dates cannot say, as the end of that."""
    moment = _EPOCH + timedelta(microseconds=min(us, _LAST_US))
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")
