"""Schedules: flows that fire by the clock, each time once, whoever computes the space then.

A time is fired by an event that is named by it: told twice, it is the same. The next time stands in the table of all
that is waited for, like the end of a sleep.

Knows nothing of what a run does. Invariant: of an entity's flow a time fires at most once, however often it is seen to.
Source: cron with anacron's memory; Airflow's backfills.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import cast

from weft.collection import short_id
from weft.cron import Cron
from weft.driving.run_log import RunLog, intent
from weft.flow_spec import ChangeSpec, FlowSpec
from weft.run_rows import SCHEDULE, Wait
from weft.steps.carrier import RunId
from weft.steps.due import NEVER_US, DueSteps
from weft.store import KIND, STATE
from weft.transition import Missed

SHARE = 100
"""So much of what comes in one way is seen to at a time, as where all that sleeps wakes at one moment: then what comes
in other ways is, and at last what people do."""
FIRED_MAX = 1000
"""So many times of a flow are fired in one turn; the rest in the next."""
LATE = timedelta(minutes=1)
"""A time that came longer ago was missed."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class Schedules:
    """Those of one engine."""

    def __init__(self, log: RunLog, due: DueSteps) -> None:
        self._log, self._due = log, due

    def look_again(self, id: RunId, wait: Wait) -> None:
        """One may be due sooner than those before."""
        self._due.look_again()
        self._set_right([(id, wait)])

    def resume(self) -> None:
        """Begin the schedules of entities that were there before their type had them. The clock may have been wrong
        while another program was there."""
        for spec in self._log.engine.in_force.values():
            for flow in [flow for flow in spec.flows if flow.schedules]:
                for (_, _, entity), _ in list(self._log.engine.rows(KIND, (spec.name,))):
                    if self._log.engine.row(STATE, (entity, flow.name, SCHEDULE)) is None:
                        self._log.note_of_flow((str(entity), flow.name, ""), "schedule", 0)
        self._set_right(self._log.waits("schedule"))

    def settle(self) -> bool:
        """Fire what is due; returns whether anything was."""
        found = False
        for id in islice((id for id, _ in self._due.come() if self._log.has_flow(id)), SHARE):
            found = True
            self._see_to(id)
        if self._due.went_back_us > LATE // _MICROSECOND:  # what came in less was fired, and fires once
            self._due.went_back_us, found = 0, True
            self._set_right(self._log.waits("schedule"))
        return found

    def _set_right(self, waits: Iterable[tuple[RunId, Wait]]) -> None:
        """Have those fire at their next time which a clock that was ahead has put behind it. What fired then fires no
        more."""
        now, found = self._now(), dict[tuple[str, str], int]()
        for id, wait in waits:
            flow = self._log.type_of(id), id[1]
            if flow not in found:
                found[flow] = self._next_us(self._log.flow(id)[0], now)
            if wait.due_us > found[flow]:
                self._log.note_of_flow(id, "schedule", found[flow])

    def _see_to(self, id: RunId) -> None:
        spec, cell = self._log.flow(id)
        row, now = cell.schedule, self._now()
        assert row is not None
        if isinstance(row.backfill, list):
            since, until = (_moment(cast("int", one)) for one in row.backfill)
            left = self._fire_some(id, sorted(each for one in spec.schedules for each in _between(one, since, until)))
            if left is not None:
                self._log.note_of_flow(id, "backfill", _us(left), _us(until))
                return
        next_us = row.next_us
        if not row.is_paused and next_us <= _us(now):
            came = sorted(each for one in spec.schedules for each in _come(one, next_us, now)) if next_us else []
            left = self._fire_some(id, came)
            next_us = self._next_us(spec, now) if left is None else _us(left)
        self._log.note_of_flow(id, "schedule", next_us)

    def _fire_some(self, id: RunId, moments: list[datetime]) -> datetime | None:
        """Fire for these, as far as one turn should; returns the first that is left."""
        for moment in moments[:FIRED_MAX]:
            run = short_id("run", *id[:2], f"at {moment.isoformat()}")
            self._log.tell(f"{run} is due", [intent((*id[:2], run), "fire", 0, _us(moment))], 0)
        return moments[FIRED_MAX] if len(moments) > FIRED_MAX else None

    def _next_us(self, spec: FlowSpec, now: datetime) -> int:
        found = [next_time for change in spec.schedules if (next_time := _cron(change).after(now)) is not None]
        return _us(min(found)) if found else NEVER_US

    def _now(self) -> datetime:
        return _moment(self._due.clock_us())


def _cron(change: ChangeSpec) -> Cron:
    expression, zone, _ = cast("list[str]", change.value)
    return Cron(expression, zone)


def _between(change: ChangeSpec, since: datetime, until: datetime) -> Iterator[datetime]:
    """All times of a schedule from a moment up to another."""
    for moment in _cron(change).times(since - _MICROSECOND):
        if moment > until:
            return
        yield moment


def _come(change: ChangeSpec, since_us: int, now: datetime) -> list[datetime]:
    """Of the times that came, those that fire: the last is missed too where it came long ago."""
    came, missed = list(_between(change, _moment(since_us), now)), cast("Missed", cast("list[str]", change.value)[2])
    if missed == "all":
        return came
    return [each for each in came[-1:] if missed == "last" or now - each <= LATE]


def _moment(us: int) -> datetime:
    return _EPOCH + us * _MICROSECOND


def _us(moment: datetime) -> int:
    return (moment - _EPOCH) // _MICROSECOND
