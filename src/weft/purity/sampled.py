"""Checks in production: some calls of pure operations are made again, after what they came to is durable.

Which ones follows from their keys. A second execution waits until nothing else runs where it is to run, so it is in
nobody's way; what it finds is recorded beside the call's first result, which stands. One that is lost (a crash, a
closed space) is not made up for.

Knows nothing of how findings are shown.
Invariant: with and without checks a space shows the same, and the first results in its log are the same.
Source: shadow traffic; scrubbing of disks in idle time.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from msgspec.structs import replace

from weft.attempt import BACKOFF, Attempt, Attempts, Keyed
from weft.call import AttemptId, Broke, Call, Finished, Report, Runner
from weft.content import Cid, Link, Plain
from weft.engine import Settling
from weft.errors import Unencodable
from weft.graph import Slot, place_of
from weft.intake import Taken, given, values_of
from weft.operation import Operation
from weft.purity.again import compared, is_of_the_call, make_again, why_not
from weft.purity.checks import Checks
from weft.purity.elsewhere import Answer
from weft.purity.finding import Finding
from weft.purity.inputs import Inputs
from weft.slot import Err, Ok, Outcome, SlotKey
from weft.spec import NodeCode
from weft.vectors import Wanted

WAITING_MAX = 32
"""How many calls wait to be checked; when so many do, they no longer wait for an idle moment, and further ones are let
go unchecked."""
INPUT_CHANGED = "InputChanged"
"""The kind of error by which a log holds that a call changed an input."""

_log = logging.getLogger("weft")


@dataclass(slots=True, eq=False)
class _Check:
    """A call that was taken for a check, from before its first execution until what was found is durable."""

    call: Call
    inputs: Inputs
    slot: SlotKey
    place: str
    key: Cid
    cut: int
    runner: Runner
    first: Finished | Broke | None = None
    again: Answer | None = None
    """Set by whichever thread the second execution ended in, ahead of its report."""
    is_done: bool = False
    """Whether the engine has taken that report."""


class SampledAttempts(Attempts):
    """The attempts of an engine, with checks."""

    def __init__(self, *engine: Any, checks: Checks, **how: Any) -> None:
        super().__init__(*engine, **how)
        self._checks = checks
        self._taken: dict[AttemptId, _Check] = {}
        """By their first attempt, which is under way."""
        self._settled: dict[AttemptId, _Check] = {}
        """By their first attempt, whose result is not durable yet."""
        self._waiting: deque[_Check] = deque()
        self._again: dict[AttemptId, _Check] = {}
        """By their second execution; those that have ended, too, until what was found is durable."""
        self._found: list[tuple[_Check, Finding]] = []
        self._named: set[tuple[str, str, str]] = set()

    # ---- the first execution ----
    def _start(self, slot: Slot, call: Call, runner: Runner, what: Keyed, wanted: Wanted | None) -> None:
        if wanted is None and not slot.pending and self._is_taken(call.operation, call.services, what.key):
            check = self._check(slot, call, runner, what.key, what.cut)
            if check is not None:
                self._taken[call.id] = check
        super()._start(slot, call, runner, what, wanted)

    def _made_here(
        self,
        slot: Slot,
        operation: Operation,
        report: Finished | Broke,
        cut: int,
        key: Cid,
        preimage: bytes,
        taken: Taken,
    ) -> Settling:
        made = super()._made_here(slot, operation, report, cut, key, preimage, taken)
        is_over = not (isinstance(made.outcome, Err) and not made.outcome.final)
        if is_over and self._is_taken(operation, {}, key):
            code = slot.spec.code
            assert code is not None
            # It is quick, or it would not have been made here; still the engine need not wait for it twice.
            runner = self.runners["inline"] if code.runner == "inline" else self.runners.get("thread")
            call = Call(report.id, operation, self._arguments(slot, code, taken), {}, slot.spec.timeout_s)
            check = self._check(slot, call, runner or self.runners["inline"], key, cut)
            if check is not None:
                check.first = report
                self._settled[report.id] = check
        return made

    def _arguments(self, slot: Slot, code: NodeCode, taken: Taken) -> tuple[object, ...]:
        """What a call that was made on the spot was given, made anew: nothing has changed since."""
        open_blob = self.engine.store.open_blob
        found = given(slot, code, taken, open_blob)
        assert found is not None
        return values_of(slot, code, found[1], open_blob)

    def _is_taken(self, operation: Operation, services: Mapping[str, object], key: Cid) -> bool:
        metered = self._checks.metered
        return operation.pure and self._checks.takes(key) and not why_not(operation, services, metered=metered)

    def _check(self, slot: Slot, call: Call, runner: Runner, key: Cid, cut: int) -> _Check | None:
        try:
            inputs = Inputs.of(call)
        except Unencodable:  # a state is no value
            return None
        return _Check(call, inputs, slot.key, place_of(slot), key, cut, runner)

    def _close(self, slot: Slot | None, attempt: Attempt, report: Finished | Broke) -> None:
        super()._close(slot, attempt, report)
        check = self._taken.get(attempt.id)
        if check is not None and slot is not None and slot.attempt is not BACKOFF and is_of_the_call(report):
            check.first = report
            self._settled[attempt.id] = check

    # ---- the second ----
    def send(self) -> None:
        """Send what was begun; then, as all before is durable, make calls again where nothing else runs."""
        super().send()
        for check, finding in self._found:
            self._name(check, finding)
        self._found.clear()
        self._again = {id: check for id, check in self._again.items() if not check.is_done}
        room = max(0, WAITING_MAX - len(self._waiting))
        self._waiting.extend(list(self._settled.values())[:room])
        self._settled.clear()
        self._taken = {id: check for id, check in self._taken.items() if id in self.open}
        if self._waiting and not self._again and not self.engine.graph.ready:
            self._begin_again()

    def _begin_again(self) -> None:
        is_full = len(self._waiting) >= WAITING_MAX
        check = next((each for each in self._waiting if is_full or not self._is_busy(each.runner)), None)
        if check is None:
            return
        self._waiting.remove(check)
        self.number += 1
        id = AttemptId(self.engine.epoch, self.number)
        self._again[id] = check
        make_again(replace(check.call, id=id), check.inputs, check.runner, self._reporting(check))

    def _is_busy(self, runner: Runner) -> bool:
        """Whether a call under way is in the way of another; on a loop there is room for any number."""
        return runner.name != "loop" and any(attempt.runner is runner for attempt in self.open.values())

    def _reporting(self, check: _Check) -> Callable[[Answer], None]:
        def report(answer: Answer) -> None:
            check.again = answer
            self.report_to(answer.report)

        return report

    def report(self, report: Report) -> None:
        """Take a runner's answer, of either execution."""
        check = self._again.get(report.id)
        if check is None:
            super().report(report)
            return
        assert check.first is not None and check.again is not None
        check.is_done = True
        for finding in compared(check.inputs, check.first, check.again):
            self._keep(check, finding, check.again.report)
            self._found.append((check, finding))

    def reopen(self, ids: Any) -> None:
        """What was done since the last commit is lost, and answers come again."""
        super().reopen(ids)
        for check in self._again.values():
            check.is_done = False
        self._settled.clear()
        self._found.clear()

    # ---- what was found ----
    def _keep(self, check: _Check, finding: Finding, again: Finished | Broke) -> None:
        changed = f"it changed its input {finding.path}: {finding.first} before, {finding.again} after"
        is_change = finding.kind == "changed input"
        other: Outcome = Err(INPUT_CHANGED, changed) if is_change else _outcome_of(again)
        said: dict[str, Plain] = {
            "slot": [*check.slot],
            "at": check.cut,
            "key": Link(check.key),
            "operation": [finding.operation, finding.version],
            "attempt": [*again.id.row],
            "found": finding.kind,
            "path": finding.path,
            "shown": [finding.first, finding.again],
            "other": self.engine.outcome_plain(other),
        }
        self.engine.keep_finding(said)

    def _name(self, check: _Check, finding: Finding) -> None:
        """In the log: each operation once as a warning, further calls of it quietly."""
        name = (finding.operation, finding.version, finding.kind)
        level = logging.INFO if name in self._named else logging.WARNING
        self._named.add(name)
        _log.log(level, "%s, at %s; weft doctor and why show it", finding.headline, check.place)


def _outcome_of(report: Finished | Broke) -> Outcome:
    if isinstance(report, Finished):
        return Ok.of_bytes(report.encoded)
    return Err(report.kind, report.message, report.where)
