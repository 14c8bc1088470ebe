"""What is told of a flow's runs: which began and by what, what each awaits and came to, and how they ended.

One cell holds the runs of one flow of one entity. Its elements are runs, by their ids, and what each of them asked for,
by run and step. A step's first outcome stands: whoever reports another, or the same again, changes nothing. When a run
is over its steps are let go of; the log has them.

Knows nothing of coroutines, clocks and who carries out what is asked for.
Invariant: a run begins once, and ends once; what it asked for has one outcome, and none after it has ended.
Source: workflow histories as event-sourced state; write-once cells.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, cast, get_args

from msgspec import Struct, field
from msgspec.structs import replace

from weft.collection import short_id
from weft.content import Cid, Plain, content_id, decode, encode
from weft.reduce import CellSpec, Change, Refused, Told
from weft.run_rows import (
    CHILD,
    EXPIRED,
    NOBODY,
    ROW_BYTES_MAX,
    SCHEDULE,
    SET_ASIDE,
    Asked,
    AskedForm,
    Ending,
    OnceRow,
    RunRow,
    ScheduleRow,
    StepRow,
    failure_in,
    failure_of,
    has_expired,
)
from weft.slot import Gone, Ok

_OVER: tuple[Ending, ...] = ("returned", "skipped", "cancelled")
_VERBS = (
    "fire, schedule, pause, unpause, backfill, bear, begin, resume, block, step, tried, try, drop, answer, refuse, "
    "remind, doubt, done, cancel, stop, adopt, rewind, restart, recover and end"
)


class RunsCell(Struct):
    """The runs of one flow of one entity."""

    spec: CellSpec
    runs: dict[str, RunRow] = field(default_factory=dict)
    once: dict[str, OnceRow] = field(default_factory=dict)
    schedule: ScheduleRow | None = None
    over: dict[str, None] = field(default_factory=dict)
    """Of the runs, those that ended well and were not let go of yet."""

    def load(self, rows: Iterable[tuple[str, bytes]]) -> None:
        kept = [
            (element.partition("/"), cast("list[Plain]", decode(row, bytes_max=ROW_BYTES_MAX))) for element, row in rows
        ]
        self.once = {key: OnceRow(*said) for (run, _, key), said in kept if not run}  # type: ignore[arg-type]
        self.schedule = next((ScheduleRow(*said) for (run, *_), said in kept if run == SCHEDULE), None)  # type: ignore[arg-type]
        kept = [one for one in kept if one[0][0] not in ("", SCHEDULE)]
        found = [(run, RunRow(*said)) for (run, slash, _), said in kept if not slash]  # type: ignore[arg-type]
        self.runs = dict(sorted(found, key=lambda one: one[1].fired))
        self.over = dict.fromkeys(run for run, row in self.runs.items() if row.ending in _OVER)
        for (run, slash, key), said in sorted(kept, key=lambda one: one[0]):
            if slash and key.startswith(CHILD):
                self.runs[run].children.append(said)
            elif slash:
                self.runs[run].steps[key] = StepRow(*cast("list[Any]", said))

    def apply(self, verb: str, args: list[Plain], told: Told) -> list[Change]:
        match verb, args:
            case "fire", [str(run), int(cause), int(moment_us)]:
                return self._fire(run, cause, moment_us, told)
            case "schedule" | "pause" | "unpause" | "backfill", _:
                return self._apply_to_schedule(verb, args)
            case "bear", [str(run), [_, _, _] as child]:
                return self._bear(run, child)
            case "begin" | "resume", [str(run), str(version)]:
                return self._begin(run, version, told) if verb == "begin" else self._resume(run, version)
            case "block", [str(run), str(why)] if why:
                return self._block(run, why)
            case "cancel" | "stop" | "adopt" | "rewind" | "restart" | "recover", [str(run)]:
                return self._apply_to_run(verb, run, told)
            case "end", [str(run), str(ending), outcome] if ending in get_args(Ending):
                return self._end(run, ending, outcome, told)
            case "step", [str(run), str(key), str(kind), said, int(due_us), int(until_us)] if (
                kind in get_args(Asked) and key
            ):
                return self._step(run, key, StepRow(kind, said, due_us, until_us))
            case _, [str(run), str(key), *of]:
                return self._apply_to_step(verb, run, key, of, told)
            case _:
                raise self._unknown(verb, args)

    def _apply_to_run(self, verb: str, run: str, told: Told) -> list[Change]:
        match verb:
            case "cancel":
                return self._cancel(run)
            case "stop":
                return self._stop(run, told)
            case "adopt":
                return self._adopt(run)
            case "restart":
                return self._restart(run)
            case "rewind":
                return self._retry(run)
            case _:
                return self._recover(run)

    def _apply_to_step(self, verb: str, run: str, key: str, of: list[Plain], told: Told) -> list[Change]:
        match verb, of:
            case "done", [outcome] if outcome is not None:
                return self._done(run, key, outcome, told)
            case "answer", [value]:
                return self._answer(run, key, value, told)
            case "refuse", [str(why)]:
                return self._refuse(run, key, why)
            case "remind", [int(next_us)]:
                return self._remind(run, key, next_us)
            case "doubt", [str(why)]:
                return self._doubt(run, key, why)
            case "drop", []:
                return self._drop(run, key)
            case "tried", [] | [str()] | [str(), int(), bool()]:
                return self._tried(run, key, of)
            case "try", []:
                return self._try(run, key)
            case "rewind", []:
                return self._rewind(run, key)
            case _:
                raise self._unknown(verb, [run, key, *of])

    def _unknown(self, verb: str, args: list[Plain]) -> Refused:
        why = f"it knows {_VERBS}, each with what belongs to it, not {verb!r} with {len(args)} arguments"
        return Refused(place=f"the flow {self.spec.name}", why=why)

    def outcome(self) -> Ok | Gone:
        """How the newest run stands."""
        if not self.runs:
            return Gone(f"the flow {self.spec.name} never started")
        return Ok.of_bytes(encode(self.shown()))

    def shown(self) -> Plain:
        """The newest run: its id, how it ended, and what it came to."""
        newest = self.newest()
        return [newest[0], newest[1].ending, newest[1].outcome] if newest is not None else None

    def newest(self) -> tuple[str, RunRow] | None:
        """The run that was fired last; None where none ever was."""
        return next(reversed(self.runs.items()), None)

    def under_way(self) -> Iterator[tuple[str, RunRow]]:
        """The runs that have not ended, in the order in which they began."""
        return ((id, run) for id, run in self.runs.items() if not run.ending)

    # ---- what is told ----
    def _apply_to_schedule(self, verb: str, args: list[Plain]) -> list[Change]:
        before = self.schedule
        match verb, args:
            case "schedule", [int(next_us)]:
                is_paused = before is not None and before.is_paused
                self.schedule = ScheduleRow(next_us, is_paused)
            case "pause" | "unpause", [] if before is not None:
                self.schedule = replace(before, is_paused=verb == "pause")
            case "backfill", [int(since_us), int(until_us)] if before is not None:
                self.schedule = replace(before, backfill=[since_us, until_us])
            case "schedule", _:
                raise self._unknown(verb, args)
            case _:
                raise Refused(place=f"the flow {self.spec.name}", why="it has no schedule")
        return [_changed(SCHEDULE, None if before is None else before.row(), self.schedule.row())]

    def _fire(self, run: str, cause: int, moment_us: int, told: Told) -> list[Change]:
        cause = cause or told.position
        if not run or "/" in run or run == SCHEDULE:
            raise Refused(place=f"the flow {self.spec.name}", why=f"{run!r} is no id of a run")
        newest = self.newest()
        if run in self.runs or (newest is not None and cause <= newest[1].cause):
            return []  # each record fires a flow once, in their order; some that did are known to the log alone
        self.runs[run] = RunRow(cause, told.position, moment_us=moment_us)
        return [_changed(run, None, self.runs[run].row())]

    def _bear(self, run: str, child: list[Plain]) -> list[Change]:
        found = self._going(run)
        found.children.append(child)
        return [_changed(_child_element(run, len(found.children)), None, encode(child))]

    def _begin(self, run: str, version: str, told: Told) -> list[Change]:
        found = self._going(run)
        if found.began:
            return []
        before = found.row()
        found.version, found.began = version, told.position
        return [_changed(run, before, found.row())]

    def _adopt(self, run: str) -> list[Change]:
        """It is to go on with the code that whoever drives it has."""
        found = self._going(run)
        if not found.began:
            raise Refused(place=f"the run {run} of {self.spec.name}", why="it has not begun: any code may begin it")
        before, found.resumes, found.blocked = found.row(), True, ""
        return [_changed(run, before, found.row())]

    def _resume(self, run: str, version: str) -> list[Change]:
        found = self._going(run)
        before, found.version, found.resumes, found.blocked = found.row(), version, False, ""
        return [_changed(run, before, found.row())]

    def _block(self, run: str, why: str) -> list[Change]:
        found = self._going(run)
        if found.blocked == why:
            return []
        before, found.blocked = found.row(), why
        return [_changed(run, before, found.row())]

    def _restart(self, run: str) -> list[Change]:
        """It begins anew, with nothing of what its steps came to."""
        found = self.runs.get(run)
        if found is None or found.ending not in ("", "failed") or not found.began:
            raise Refused(place=f"the run {run} of {self.spec.name}", why="it neither goes on nor has failed")
        before, gone = found.row(), found.steps
        self.runs[run] = again = _anew(found, restarts=found.restarts + 1, carried=found.carried)
        changes = [_changed(f"{run}/{key}", step.row(), None) for key, step in gone.items()]
        changes += [*self._let_go_once(run, gone), *self._forget_failed(run, gone), *_let_go_children(run, found)]
        return [*changes, _changed(run, before, again.row())]

    def _step(self, run: str, key: str, step: StepRow) -> list[Change]:
        found = self._going(run)
        if not found.began:
            raise Refused(place=f"the run {run} of {self.spec.name}", why="it has not begun, so it asks for nothing")
        if key in found.steps:
            return []
        found.steps[key] = step
        return [_changed(f"{run}/{key}", None, step.row()), *self._claim_once(run, key, step)]

    def _leave(self, run: str, key: str, step: StepRow, *, is_left: bool = True) -> Change:
        before, step.is_left = step.row(), is_left
        return _changed(f"{run}/{key}", before, step.row())

    def _claim_once(self, run: str, key: str, step: StepRow) -> Iterator[Change]:
        """What is to happen once is seen to by the first that asks for it; what another let go of may be begun."""
        if not step.is_done and (once := _once(step)):
            owner = self.once.get(once)
            if owner is None or not owner.by:
                yield self._keep_once(once, OnceRow([run, key], is_begun=owner is not None))

    def _keep_once(self, once: str, row: OnceRow | None) -> Change:
        before = self.once.pop(once, None)
        if row is not None:
            self.once[once] = row
        return _changed(f"/{once}", before.row() if before else None, row.row() if row else None)

    def _let_go_once(self, run: str, keys: Iterable[str]) -> Iterator[Change]:
        """What was to happen once, by a step that nobody waits for any more, may have been begun: another that waits
        for it sees to it, or whichever asks for it next."""
        gone = [[run, key] for key in keys]
        for once in [once for once, row in self.once.items() if row.outcome is None and row.by in gone]:
            waiting = (by for by in self._waiting_for(once) if by not in gone)
            yield self._keep_once(once, OnceRow(next(waiting, []), is_begun=True))

    def _forget_failed(self, run: str, keys: Iterable[str]) -> Iterator[Change]:
        """What was to happen once and failed, by a step that is to be asked for anew, is tried again then."""
        gone = [[run, key] for key in keys]
        for once in [once for once, row in self.once.items() if row.by in gone and failure_in(row.outcome)]:
            yield self._keep_once(once, None)

    def _waiting_for(self, once: str) -> Iterator[list[Plain]]:
        for run, row in self.under_way():
            for key in sorted(row.steps):
                if _once(row.steps[key]) == once and row.steps[key].outcome is None:
                    by: list[Plain] = [run, key]
                    yield by

    def _done(self, run: str, key: str, outcome: Plain, told: Told) -> list[Change]:
        step = self._asked(run, key)
        if step.is_done:
            return []
        before = step.row()
        step.outcome, step.told, step.answer, step.refused, step.doubt = outcome, told.position, None, None, ""
        step.rewinds = self.runs[run].rewinds
        changes = [_changed(f"{run}/{key}", before, step.row()), *self._went_on(run)]
        if (once := _once(step)) and self.once[once].by == [run, key]:
            changes.append(self._keep_once(once, OnceRow([run, key], outcome)))
        return changes

    def _went_on(self, run: str) -> Iterator[Change]:
        found = self.runs[run]
        if found.recoveries:
            before, found.recoveries = found.row(), 0
            yield _changed(run, before, found.row())

    def _drop(self, run: str, key: str) -> list[Change]:
        step = self._asked(run, key)
        if step.is_done:
            return []
        del self.runs[run].steps[key]
        return [_changed(f"{run}/{key}", step.row(), None), *self._let_go_once(run, [key])]

    def _tried(self, run: str, key: str, of: list[Plain]) -> list[Change]:
        """Older logs do not say until when it rests."""
        step = self._asked(run, key)
        why, next_us, may_be_done = cast("tuple[str, int, bool]", (*of, *("", 0, False)[len(of) :]))
        before, step.tries, step.vain, step.due_us = step.row(), step.tries + 1, why, next_us
        step.may_be_done |= may_be_done
        return [_changed(f"{run}/{key}", before, step.row())]

    def _try(self, run: str, key: str) -> list[Change]:
        step = self._asked(run, key)
        before, step.due_us = step.row(), 0
        return [_changed(f"{run}/{key}", before, step.row())]

    def _remind(self, run: str, key: str, next_us: int) -> list[Change]:
        step = self._asked(run, key)
        if step.is_done or step.answer is not None:
            return []
        before, step.due_us = step.row(), next_us
        step.reminders += 1
        return [_changed(f"{run}/{key}", before, step.row())]

    def _doubt(self, run: str, key: str, why: str) -> list[Change]:
        step = self._asked(run, key)
        if step.is_done:
            return []
        before, step.doubt, step.answer = step.row(), why, None
        step.may_be_done |= bool(why) and not why.startswith(NOBODY)
        changes = [_changed(f"{run}/{key}", before, step.row())]
        once = _once(step)
        if once and not why and self.once[once].by == [run, key]:  # whoever answered had it tried again
            changes.append(self._keep_once(once, OnceRow([run, key])))
        return changes

    def _answer(self, run: str, key: str, value: Plain, told: Told) -> list[Change]:
        """One that was given in time counts, whenever it is taken; and one that was not does not, though nobody has
        seen to it that the question expired."""
        step = self._asked(run, key)
        if step.kind != "ask" and not step.doubt:
            raise Refused(place=f"the run {run} of {self.spec.name}", why=f"{key!r} is no question")
        place = f"the question {key!r} of {self.spec.name}"
        is_late = has_expired(step.until_us, told.time)
        if step.outcome is not None or step.answer is not None:
            is_default = is_late and step.outcome == AskedForm.of_plain(step.said).default
            raise Refused(place=place, why=EXPIRED if failure_of(step) or is_default else "it was answered already")
        if is_late:
            raise Refused(place=place, why=EXPIRED)
        may = AskedForm.of_plain(step.said).by if step.kind != "perform" else ()
        if may and told.actor not in may:
            raise Refused(place=place, why=f"{told.actor} may not answer it, but {', '.join(may)} may")
        before, step.answer = step.row(), [value, told.actor]
        return [_changed(f"{run}/{key}", before, step.row())]

    def _refuse(self, run: str, key: str, why: str) -> list[Change]:
        step = self._asked(run, key)
        if step.is_done or step.answer is None:
            return []
        before, (value, by) = step.row(), cast("list[Plain]", step.answer)
        step.answer, step.refused = None, [value, by, why]
        return [_changed(f"{run}/{key}", before, step.row())]

    def _asked(self, run: str, key: str) -> StepRow:
        step = self._going(run).steps.get(key)
        if step is None:
            raise Refused(place=f"the run {run} of {self.spec.name}", why=f"it has asked for no {key!r}")
        return step

    def _cancel(self, run: str) -> list[Change]:
        found = self.runs.get(run)
        if found is not None and found.ending == "failed":  # it is seen to
            return self._ended(run, found, "cancelled", None)
        found = self._going(run)
        before, found.is_cancelled = found.row(), True
        return [_changed(run, before, found.row())]

    def _retry(self, run: str) -> list[Change]:
        """A run that failed goes on before the step whose failure it came to; one that was set aside, where it stood.
        Where its own code raised what it failed with, it is told once more what it was told last; where it was told
        nothing, it begins anew."""
        found, place = self.runs.get(run), f"the run {run} of {self.spec.name}"
        if found is None or found.ending != "failed":
            raise Refused(place=place, why="it has not failed")
        outcome = found.outcome if isinstance(found.outcome, dict) else {}
        if SET_ASIDE in outcome:
            return [*self._go_on(run, found)]
        key = outcome.get("step")
        if isinstance(key, str) and key in found.steps:
            return self._rewind(run, key)
        if not found.steps:
            return self._restart(run)
        key, last = max(found.steps.items(), key=lambda one: one[1].told)
        if last.told < found.stopped:
            raise Refused(place=place, why="its own code failed as it ended: cancel it, or have it begin anew")
        before, last.told = last.row(), 0
        return [_changed(f"{run}/{key}", before, last.row()), *self._go_on(run, found)]

    def _rewind(self, run: str, key: str) -> list[Change]:
        """A run goes on before one of its steps: what that came to is let go of, and all that it was told since. What
        it was told before stands."""
        found, place = self.runs.get(run), f"the run {run} of {self.spec.name}"
        if found is None or found.ending not in ("", "failed"):
            raise Refused(place=place, why="it neither goes on nor has failed")
        if key not in found.steps:
            raise Refused(place=place, why=f"it has asked for no {key!r}")
        first = found.steps[key].told
        if first and first < found.stopped:
            raise Refused(place=place, why=f"it was told to end after {key!r}: cancel it, or have it begin anew")
        gone = {one for one, step in found.steps.items() if one == key or (first and step.told >= first)}
        changes = [_changed(f"{run}/{one}", found.steps.pop(one).row(), None) for one in gone]
        changes += [*self._let_go_once(run, gone), *self._forget_failed(run, gone)]
        return [*changes, *self._go_on(run, found)]

    def _go_on(self, run: str, found: RunRow) -> Iterator[Change]:
        """Whoever drives it is to look at it, with whatever code is there."""
        for key, step in found.steps.items():
            if step.is_left:
                yield self._leave(run, key, step, is_left=False)
            yield from self._claim_once(run, key, step)
        before = found.row()
        found.ending, found.outcome, found.resumes, found.blocked, found.recoveries = "", None, True, "", 0
        found.rewinds += 1
        yield _changed(run, before, found.row())

    def _recover(self, run: str) -> list[Change]:
        found = self._going(run)
        before = found.row()
        found.recoveries += 1
        return [_changed(run, before, found.row())]

    def _stop(self, run: str, told: Told) -> list[Change]:
        found = self._going(run)
        if found.stopped or not found.is_cancelled:
            return []
        before, found.stopped = found.row(), told.position
        return [_changed(run, before, found.row())]

    def _end(self, run: str, ending: str, outcome: Plain, told: Told) -> list[Change]:
        found = self._going(run)
        changes = self._ended(run, found, ending, outcome)
        return changes + self._continue(run, found, outcome, told) if ending == "continued" else changes

    def _continue(self, run: str, found: RunRow, carried: Plain, told: Told) -> list[Change]:
        """Another takes its place, before all that were fired since."""
        next_run, row = short_id("run", run, "continued"), _anew(found, carried=carried)
        self.runs = {next_run if id == run else id: row if id == run else one for id, one in self.runs.items()}
        return [_changed(run, found.row(), None), _changed(next_run, None, row.row())]

    def _ended(self, run: str, found: RunRow, ending: str, outcome: Plain) -> list[Change]:
        """What its steps came to is kept of one that failed: it may be rewound. So is what it performed, whatever came
        of that, or it would be carried out again as if nobody ever had."""
        before = found.row()
        kept = {key: step for key, step in found.steps.items() if _is_kept(step)} if ending == "failed" else {}
        gone = [_changed(f"{run}/{key}", step.row(), None) for key, step in found.steps.items() if key not in kept]
        gone += self._let_go_once(run, found.steps)
        gone += _let_go_children(run, found) if ending != "failed" else ()
        gone += [self._leave(run, key, step) for key, step in kept.items() if not step.is_done]
        found.ending, found.outcome, found.steps = ending, outcome, kept
        gone += self._let_go_ended(run)
        return [*gone, _changed(run, before, found.row())]

    def _let_go_ended(self, run: str) -> Iterator[Change]:
        """Of those that ended well the newest is enough: the log has the others."""
        newest = next(reversed(self.runs))
        for id in [id for id in self.over if id not in (run, newest)]:
            del self.over[id]
            yield _changed(id, self.runs.pop(id).row(), None)
        if self.runs[run].ending in _OVER:
            self.over[run] = None

    def _going(self, run: str) -> RunRow:
        found = self.runs.get(run)
        if found is None:
            raise Refused(place=f"the run {run} of {self.spec.name}", why="there is no such run")
        if found.ending:
            raise Refused(place=f"the run {run} of {self.spec.name}", why=f"it has {found.ending} already")
        return found


def _anew(run: RunRow, *, carried: Plain, restarts: int = 0) -> RunRow:
    return RunRow(run.cause, run.fired, restarts=restarts, carried=carried, moment_us=run.moment_us)


def _let_go_children(run: str, row: RunRow) -> Iterator[Change]:
    gone, row.children = row.children, []
    return (_changed(_child_element(run, number), encode(child), None) for number, child in enumerate(gone, 1))


def _child_element(run: str, number: int) -> str:
    return f"{run}/{CHILD}{number:08}"


def _is_kept(step: StepRow) -> bool:
    return step.is_done or step.kind == "perform"


def _once(step: StepRow) -> str:
    """Under which name it is carried out once; empty for one that is however often it is asked for."""
    return str(step.said[2] or "") if step.kind == "perform" and isinstance(step.said, list) else ""


def _changed(element: str, before: bytes | None, after: bytes | None) -> Change:
    return Change(element, _content(before), _content(after), after, was=before)


def _content(row: bytes | None) -> Cid | None:
    return None if row is None else content_id(row)
