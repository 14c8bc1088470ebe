"""Calls that runs make: an operation is called with what the run gave it, by a runner, like those of nodes.

What a call came to belongs to its run and step, and is not looked up by what it was given: two runs that ask a service
the same are two askings.

Knows nothing of nodes. Invariant: of a step's calls one is under way at a time, and one outcome is told.
Source: activities of workflow engines, with their retries.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator

from msgspec import Struct

from weft.call import AttemptId, Broke, Call, Finished, Partial, Report, Runner
from weft.content import Plain
from weft.engine import Engine
from weft.errors import OLDER_SHAPE, Undecodable
from weft.failure import message_of
from weft.placing import Placing
from weft.runs.live_run import Calling
from weft.runs.replay import Asking
from weft.runs.strands import Outcome, Raised, Value
from weft.slot import Err, Ok
from weft.steps.carrier import Again, Moments, Over, RunId, StepFailed, Tried, step_row
from weft.steps.due import DueSteps


class _Open(Struct, eq=False):
    """A step's newest call. `runner`: None while a service is missing."""

    run: RunId
    key: str
    step: Asking
    calling: Calling
    id: AttemptId = AttemptId(0, 0)
    runner: Runner | None = None
    tries: int = 0


class Calls:
    """The calls of one space's runs."""

    parks = False

    def __init__(
        self,
        engine: Engine,
        placing: Placing,
        due: DueSteps,
        *,
        new_id: Callable[[], AttemptId],
        ring: Callable[[], None],
    ) -> None:
        """`due`: those that have rested; `ring`: has the engine take a turn, from any thread."""
        self._engine, self._placing, self._due = engine, placing, due
        self._new_id, self._ring = new_id, ring
        self._open: dict[tuple[RunId, str], _Open] = {}
        self._by_id: dict[AttemptId, _Open] = {}
        self._reports: deque[Report] = deque()
        self.stuck: dict[tuple[RunId, str], str] = {}
        """Those that cannot be made here, and why."""

    def moments(self, step: Asking, /) -> Moments:
        """None."""
        return Moments()

    def send(self, run: RunId, key: str, step: Asking, since: int, /, *, again: bool) -> None:
        """Call it, unless it rests."""
        assert isinstance(step.of, Calling)
        row = step_row(self._engine, run, key)
        if row is not None and row.due_us:
            self._due.look_again()
            return
        self._open[run, key] = one = _Open(run, key, step, step.of, tries=0 if row is None else row.tries)
        self._begin(one)

    def _begin(self, one: _Open) -> None:
        operation = one.calling.operation
        missing = self._placing.missing_service(operation, None)
        if missing:
            self.stuck[one.run, one.key] = missing
            return
        one.id, one.tries = self._new_id(), one.tries + 1
        services = self._placing.services_of(operation) if operation.services else {}
        one.runner = self._placing.runner(operation.runner, operation, services, operation.timeout_s)
        self._by_id[one.id] = one
        try:
            arguments = one.calling.given.made(one.step.key)
        except Undecodable as why:
            self._take(Broke(one.id, type(why).__name__, message_of(why), "", retry=False, took_s=0.0))
            return
        call = Call(one.id, operation, arguments, services, operation.timeout_s, one.run[0])
        one.runner.start(call, self._take)

    def _take(self, report: Report) -> None:
        if not isinstance(report, Partial):
            self._reports.append(report)
            self._ring()

    def over(self) -> Iterator[Over | Tried | Again]:
        """Those that came back; one that broke rests and is made again first, where its operation says so."""
        while self._reports:
            report = self._reports.popleft()
            one = self._by_id.pop(report.id, None)
            if one is None:
                continue
            assert not isinstance(report, Partial) and one.runner is not None
            if one.runner.name in ("inline", "thread"):
                self._placing.note(one.calling.operation, report.took_s)
            del self._open[one.run, one.key]
            retry = one.calling.operation.retry
            if isinstance(report, Broke) and report.retry and retry is not None and one.tries < retry.attempts:
                next_us = self._due.after_us(retry.delay_s_before(one.tries + 1))
                yield Tried(one.run, one.key, f"{report.kind}: {report.message}", next_us)
                self._due.look_again()
            else:
                yield Over(one.run, one.key, self._said(one, report))
        yield from (Again(run, key) for run, key in self._due.come())

    def _said(self, one: _Open, report: Finished | Broke) -> Plain:
        cost: dict[str, Plain] = {} if report.spent is None else {"spent": report.spent.plain()}
        if isinstance(report, Broke):
            error = Err(report.kind, report.message, report.where, "", one.tries, True)
            return self._engine.outcome_plain(error) | cost
        for blob in report.blobs:
            cid, _ = self._engine.store.keep_blob(blob.chunks(), is_made=True)
            self._engine.batch.named.append(cid)
        return self._engine.outcome_plain(Ok.of_bytes(report.encoded)) | cost

    def outcome(self, step: Asking, said: Plain, /) -> Outcome:
        """Its value, or what it raised."""
        assert isinstance(step.of, Calling)
        outcome = self._engine.outcome_of(said)
        if isinstance(outcome, Err):
            failed = StepFailed(step=str(step.asks), kind=outcome.kind, why=outcome.message)
            if outcome.where:
                failed.add_note(f"it was raised at, the innermost place last:\n{outcome.where}")
            return Raised(failed)
        assert isinstance(outcome, Ok)
        try:
            return Value(step.of.shape.decode(outcome.encoded, self._engine.store.open_blob))
        except Undecodable as why:
            why.where, why.why = f"{step.asks}, {why.where}", f"{why.why}. {OLDER_SHAPE}"
            return Raised(why)

    def forget(self, run: RunId, key: str, /) -> None:
        """Ask the call to stop; what it still says is not heard."""
        one = self._open.pop((run, key), None)
        self.stuck.pop((run, key), None)
        if one is not None and one.runner is not None:
            del self._by_id[one.id]
            one.runner.cancel(one.id)
