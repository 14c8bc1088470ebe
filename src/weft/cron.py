"""Schedules: a cron expression in a time zone, as data, and the moments at which it fires.

Five fields (minute, hour, day of month, month, day of week) or a name such as `@daily`, as in Debian's cron. Where
clocks are set forward or back, it matters what was asked for:

- A *fixed* time (neither minute nor hour begins with `*`) fires once a day, as a daily job should be done daily: one
  that the clock skips fires at the first moment after the gap, one that is there twice fires the first time.
- Any other is a *pace*, and fires whenever the clock really shows such a time: twice where it is there twice, and not
  where it is skipped, so that the time between two firings stays what it was.

Knows nothing of spaces and of what fires; asks no clock. Calendars are read by `cronsim`, of the extra `schedules`,
without a zone; what a zone does to them is decided here.
Invariant: the times after a moment are later than it, in UTC, each later than the one before.
Source: Vixie's and Debian's cron(8), for what happens when clocks change; PEP 495, for times that are there twice.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import NamedTuple
from zoneinfo import ZoneInfo, available_timezones

from weft.errors import WeftError
from weft.spelling import nearest

MISSED_MAX = 1000
"""How many times `Cron.between` gives at most, unless it is told otherwise."""
NAMED = {
    "@yearly": "0 0 1 1 *", "@annually": "0 0 1 1 *", "@monthly": "0 0 1 * *", "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *", "@midnight": "0 0 * * *", "@hourly": "0 * * * *",
}  # fmt: skip
FIELDS = (
    "minute (0-59)", "hour (0-23)", "day of month (1-31, L, LW)", "month (1-12, JAN-DEC)",
    "day of week (0-7, SUN-SAT, 1#2, 1L)",
)  # fmt: skip
_ANY = ("0", "0", "*", "*", "*")
_LONGEST = 200
_A_DAY = timedelta(hours=25)
_LEAP_YEAR = datetime(2000, 1, 1, tzinfo=UTC)


class BadCron(WeftError):
    """{expression!r} is no schedule: {why}."""

    expression: str
    why: str


class NoTimeZone(WeftError):
    """There is no time zone {zone!r}: {hint}. Give the name of a place, as in 'Europe/Berlin', or 'UTC'."""

    zone: str
    hint: str


class CronNotInstalled(WeftError):
    """Schedules need the package cronsim: pip install 'weft[schedules]'."""


class Missed(NamedTuple):
    """The times between two moments, in order; `is_cut` says that there are more of them, later than these."""

    times: tuple[datetime, ...]
    is_cut: bool


@dataclass(frozen=True, slots=True)
class Cron:
    """When something fires: an expression, and the time zone by whose clocks it is read. Raises `BadCron` where a field
    is wrong or no such day ever comes, and `NoTimeZone`."""

    expression: str
    zone: str = "UTC"

    def __post_init__(self) -> None:
        """Refuse what could not be read, and what never comes."""
        _zone(self.zone)
        fields = _fields(self.expression)
        for place, field in enumerate(fields):
            if not _is_read(" ".join([*_ANY[:place], field, *_ANY[place + 1 :]])):
                raise BadCron(expression=self.expression, why=f"{field!r} is no {FIELDS[place]}")
        # Which weekday a day of a year is repeats within 40 years, over 1900 and 2100 too: cronsim looks 50 ahead.
        if not _is_read(" ".join(fields)) or next(_shown(" ".join(fields), _LEAP_YEAR, UTC), None) is None:
            why = f"there is never a day {fields[2]} of month {fields[3]} that is a weekday {fields[4]}"
            raise BadCron(expression=self.expression, why=why)

    def after(self, moment: datetime) -> datetime | None:
        """The next time later than a moment; None where the calendar ends."""
        return next(self.times(moment), None)

    def times(self, moment: datetime) -> Iterator[datetime]:
        """All times later than a moment, one after the other, without an end of their own."""
        if moment.tzinfo is None:
            raise ValueError(f"{moment} has no time zone, so it is no moment; give it one, as in datetime.now(UTC)")
        start = last = moment.astimezone(UTC)
        for each in self._in_order(start):
            if each > last:
                last = each
                yield each

    def between(self, after: datetime, until: datetime, *, most: int = MISSED_MAX) -> Missed:
        """The times later than `after` and not later than `until`: what was missed meanwhile. The first `most`."""
        if most < 1:
            raise ValueError(f"most is {most}; at least 1 time must be asked for")
        found: list[datetime] = []
        for each in self.times(after):
            if each > until:
                break
            if len(found) == most:
                return Missed(tuple(found), is_cut=True)
            found.append(each)
        return Missed(tuple(found), is_cut=False)

    def _in_order(self, start: datetime) -> Iterator[datetime]:
        """The moments from about `start`. Times on a clock come in their order; of one that is there twice the second
        is held back until all that the clock shows before it have come."""
        fields, zone = _fields(self.expression), _zone(self.zone)
        is_fixed = not fields[0].startswith("*") and not fields[1].startswith("*")
        held: list[datetime] = []
        for shown in _shown(" ".join(fields), start, zone):
            first, second = (_moment(shown.replace(tzinfo=zone, fold=fold)) for fold in (0, 1))
            if first is None or second is None:
                return
            if first > second:  # PEP 495: a time that is skipped
                if is_fixed:
                    yield _end_of_gap(second, first, zone)
                continue
            while held and held[0] < first:
                yield heapq.heappop(held)
            yield first
            if second > first and not is_fixed:
                heapq.heappush(held, second)


def _fields(expression: str) -> list[str]:
    if len(expression) > _LONGEST:
        raise BadCron(expression=expression[:40], why=f"it is a text of at most {_LONGEST} characters")
    text = expression.strip()
    if text.startswith("@"):
        if text.lower() not in NAMED:
            raise BadCron(expression=expression, why=nearest(text, NAMED))
        text = NAMED[text.lower()]
    fields = text.split()
    if len(fields) != len(FIELDS):
        why = f"it has {len(fields)} fields, not 5: minute, hour, day of month, month, day of week"
        raise BadCron(expression=expression, why=why)
    return fields


def _is_read(expression: str) -> bool:
    try:
        from cronsim import CronSim, CronSimError
    except ImportError:
        raise CronNotInstalled from None
    try:
        CronSim(expression, _LEAP_YEAR.replace(tzinfo=None))
    # It meets some expressions, such as L/2, with an assertion or a comparison that fails, not with its own error.
    except (CronSimError, AssertionError, TypeError, ValueError):
        return False
    return True


def _shown(expression: str, moment: datetime, zone: tzinfo) -> Iterator[datetime]:
    """The times that fit, in order, of all that the zone's clocks will show after a moment, and without a zone."""
    from cronsim import CronSim

    try:
        now, soon = moment.astimezone(zone).utcoffset(), (moment + _A_DAY).astimezone(zone).utcoffset()
        assert now is not None and soon is not None
        # If clocks are about to be set back, they will show less than they do now.
        earliest = (moment + min(now, soon)).replace(tzinfo=None, microsecond=0)
        yield from CronSim(expression, earliest - timedelta(seconds=1))
    except OverflowError:  # the end of the calendar
        return


def _moment(shown: datetime) -> datetime | None:
    try:
        return shown.astimezone(UTC)
    except OverflowError:
        return None


def _end_of_gap(before: datetime, after: datetime, zone: ZoneInfo) -> datetime:
    """The moment between two, to the second, at which the zone's clocks are set forward."""
    old = before.astimezone(zone).utcoffset()
    while after - before > timedelta(seconds=1):
        middle = before + (after - before) // 2
        middle = middle.replace(microsecond=0)
        if middle.astimezone(zone).utcoffset() == old:
            before = middle
        else:
            after = middle
    return after


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError, TypeError):  # the first is ZoneInfoNotFoundError
        raise NoTimeZone(zone=name, hint=nearest(name, sorted(available_timezones()))) from None
