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
from typing import Literal, TypeAlias, cast, get_args

from msgspec import Struct, field

from weft.content import Cid, Plain, content_id, decode, encode
from weft.reduce import CellSpec, Change, Refused, Told
from weft.slot import Gone, Ok

Asked: TypeAlias = Literal["call", "ask", "sleep", "perform", "create", "node"]
"""What a step asks for."""
Ending: TypeAlias = Literal["returned", "failed", "cancelled"]
_VERBS = "begin, step, done, cancel and end"


class StepRow(Struct):
    """One step. `said`: what it asks for, as its kind has it; `outcome`: what it came to, None while it is awaited."""

    kind: str
    said: Plain
    outcome: Plain = None
    told: int = 0
    """The position at which it came to that."""

    @property
    def is_done(self) -> bool:
        """Whether it has come to something."""
        return self.told > 0


class RunRow(Struct):
    """One run. `cause`: the position of what started it; `version`: of the flow's code that it is replayed with."""

    cause: int
    version: str
    began: int
    ending: str = ""
    """How it ended; empty while it goes on."""
    outcome: Plain = None
    is_cancelled: bool = False
    """Whether somebody asked that it ends."""
    steps: dict[str, StepRow] = field(default_factory=dict)

    def row(self) -> bytes:
        """What is kept of it, apart from its steps."""
        return encode([self.cause, self.version, self.began, self.ending, self.outcome, self.is_cancelled])


class RunsCell(Struct):
    """The runs of one flow of one entity."""

    spec: CellSpec
    runs: dict[str, RunRow] = field(default_factory=dict)

    def load(self, rows: Iterable[tuple[str, bytes]]) -> None:
        kept = [(element.partition("/"), cast("list[Plain]", decode(row))) for element, row in rows]
        found = [(run, RunRow(*said)) for (run, slash, _), said in kept if not slash]  # type: ignore[arg-type]
        self.runs = dict(sorted(found, key=lambda one: one[1].began))
        for (run, slash, key), said in kept:
            if slash:
                self.runs[run].steps[key] = StepRow(*said)  # type: ignore[arg-type]

    def apply(self, verb: str, args: list[Plain], told: Told) -> list[Change]:
        match verb, args:
            case "begin", [str(run), int(cause), str(version)]:
                return self._begin(run, cause, version, told)
            case "step", [str(run), str(key), str(kind), said] if kind in get_args(Asked) and key:
                return self._step(run, key, StepRow(kind, said))
            case "done", [str(run), str(key), outcome] if outcome is not None:
                return self._done(run, key, outcome, told)
            case "cancel", [str(run)]:
                return self._cancel(run)
            case "end", [str(run), str(ending), outcome] if ending in get_args(Ending):
                return self._end(run, ending, outcome)
            case _:
                why = f"it knows {_VERBS}, each with what belongs to it, not {verb!r} with {len(args)} arguments"
                raise Refused(place=f"the flow {self.spec.name}", why=why)

    def outcome(self) -> Ok | Gone:
        """How the newest run stands."""
        if not self.runs:
            return Gone(f"the flow {self.spec.name} never started")
        return Ok.of_bytes(encode(self.shown()))

    def shown(self) -> Plain:
        """The newest run: its id, how it ended, and what it came to."""
        run = next(reversed(self.runs), "")
        return [run, self.runs[run].ending, self.runs[run].outcome] if run else None

    def under_way(self) -> Iterator[tuple[str, RunRow]]:
        """The runs that have not ended, in the order in which they began."""
        return ((id, run) for id, run in self.runs.items() if not run.ending)

    # ---- what is told ----
    def _begin(self, run: str, cause: int, version: str, told: Told) -> list[Change]:
        if run in self.runs:
            return []
        if not run or "/" in run:
            raise Refused(place=f"the flow {self.spec.name}", why=f"{run!r} is no id of a run")
        self.runs[run] = RunRow(cause, version, told.position)
        return [_changed(run, None, self.runs[run].row())]

    def _step(self, run: str, key: str, step: StepRow) -> list[Change]:
        found = self._going(run)
        if key in found.steps:
            return []
        found.steps[key] = step
        return [_changed(f"{run}/{key}", None, _step_row(step))]

    def _done(self, run: str, key: str, outcome: Plain, told: Told) -> list[Change]:
        step = self._going(run).steps.get(key)
        if step is None:
            raise Refused(place=f"the run {run} of {self.spec.name}", why=f"it has asked for no {key!r}")
        if step.is_done:
            return []
        before = _step_row(step)
        step.outcome, step.told = outcome, told.position
        return [_changed(f"{run}/{key}", before, _step_row(step))]

    def _cancel(self, run: str) -> list[Change]:
        found = self._going(run)
        before, found.is_cancelled = found.row(), True
        return [_changed(run, before, found.row())]

    def _end(self, run: str, ending: str, outcome: Plain) -> list[Change]:
        found = self._going(run)
        before = found.row()
        gone = [_changed(f"{run}/{key}", _step_row(step), None) for key, step in found.steps.items()]
        found.ending, found.outcome, found.steps = ending, outcome, {}
        return [*gone, _changed(run, before, found.row())]

    def _going(self, run: str) -> RunRow:
        found = self.runs.get(run)
        if found is None:
            raise Refused(place=f"the run {run} of {self.spec.name}", why="there is no such run")
        if found.ending:
            raise Refused(place=f"the run {run} of {self.spec.name}", why=f"it has {found.ending} already")
        return found


def _step_row(step: StepRow) -> bytes:
    return encode([step.kind, step.said, step.outcome, step.told])


def _changed(element: str, before: bytes | None, after: bytes | None) -> Change:
    return Change(element, _content(before), _content(after), after)


def _content(row: bytes | None) -> Cid | None:
    return None if row is None else content_id(row)
