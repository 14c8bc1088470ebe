"""What is kept of runs, row by row, and what each row waits for.

A run's row and those of its steps say all that anybody needs to know to go on with it. What it waits for follows from
them alone: so a table of all that is waited for, by kind and moment, can be kept beside them (`weft.waits`), and nobody
has to read every run to find those that go on.

Knows nothing of what changes a row. Invariant: what is kept of a row, read back, is the row.
Source: workflow histories as state.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal, NamedTuple, TypeAlias, cast

from msgspec import Struct, field
from msgspec.structs import astuple

from weft.content import BYTES_MAX, Plain, decode, encode
from weft.spent import Spent, parse_spent

Asked: TypeAlias = Literal["call", "ask", "decide", "sleep", "perform", "node"]
"""What a step asks for."""
Ending: TypeAlias = Literal["returned", "failed", "cancelled", "skipped", "continued"]
"""How a run can end; `skipped`: it never began, for a reason that its outcome tells; `continued`: another goes on where
it left off."""

ROW_BYTES_MAX = 4 * BYTES_MAX
"""What a step asks for, what somebody answered, and what was refused may each be as large as a record."""


class StepRow(Struct):
    """One step. `said`: what it asks for, as its kind has it; `outcome`: what it came to, None while it is awaited."""

    kind: str
    said: Plain
    due_us: int = 0
    """When something is to be done about it, in microseconds since 1970; 0 for never. Of a call or an effect: until
    when it rests, having been tried in vain; 0 while somebody is at work on it."""
    until_us: int = 0
    """When it is over whatever happens; 0 for never."""
    outcome: Plain = None
    told: int = 0
    """The position at which it came to that; 0 also where its run is yet to be told that once more."""
    rewinds: int = 0
    """How often its run had been rewound by then."""
    answer: Plain = None
    """What somebody answered: [value, by whom]; until it is taken, or refused."""
    refused: Plain = None
    """Why the newest answer was not taken: [value, by whom, why]."""
    reminders: int = 0
    """How often somebody was reminded of it."""
    doubt: str = ""
    """Why nobody knows whether it was carried out; until somebody answers that."""
    tries: int = 0
    """How often it was tried in vain, and is tried again."""
    is_left: bool = False
    """Whether its run failed while it was awaited: nobody waits for it then, unless its run goes on."""
    vain: str = ""
    """Why it was tried in vain last."""
    may_be_done: bool = False
    """Whether it may have been carried out by a try that is over, and nobody said so."""

    @property
    def is_done(self) -> bool:
        """Whether it has come to something."""
        return self.told > 0

    def row(self) -> bytes:
        """What is kept of it."""
        return encode(list(astuple(self)))


def failure_of(step: StepRow) -> dict[str, Plain] | None:
    """What a step says that failed, as records hold errors; None for one that did not."""
    return failure_in(step.outcome[1] if step.kind == "node" and isinstance(step.outcome, list) else step.outcome)


def failure_in(outcome: Plain) -> dict[str, Plain] | None:
    """The same of an outcome."""
    return outcome if isinstance(outcome, dict) and "error" in outcome else None


def spent_of(outcome: Plain) -> Spent | None:
    """What a step has cost that came to this; None where that is not known, or nothing."""
    said = outcome[2] if isinstance(outcome, list) and len(outcome) == 3 else outcome
    return parse_spent(said.get("spent")) if isinstance(said, dict) else None


def has_expired(until_us: int, time: str) -> bool:
    """Whether a question that stands until then is over at a time, as events say it; where none is said it is not."""
    return bool(until_us and time) and round(datetime.fromisoformat(time).timestamp() * 1e6) >= until_us


class AskedForm(Struct, frozen=True):
    """What a question says: of `StepRow.said`, for the kinds `ask` and `decide`."""

    form: str
    schema: dict[str, Any]
    """What fits as an answer, as a JSON Schema."""
    about: Plain = None
    remind_us: int = 0
    """How long until people are reminded of it, each time; 0 for never."""
    expires_us: int = 0
    """How long it stands; 0 for as long as its run does."""
    default: Plain = None
    """[What it is taken to be answered by when it expires]; None: then it fails."""
    by: tuple[str, ...] = ()
    """Who may answer it; empty: whoever can edit."""

    def plain(self) -> Plain:
        """The question, as it is told."""
        said = dict(zip(self.__struct_fields__, astuple(self), strict=True))
        return {name: list(part) if name == "by" else part for name, part in said.items() if part not in (None, 0, ())}

    @staticmethod
    def of_plain(said: Plain) -> AskedForm:
        """The question that `plain` said."""
        parts = dict(cast("dict[str, Any]", said))
        return AskedForm(**parts | {"by": tuple(parts.get("by", ()))})


class ScheduleRow(Struct):
    """When a flow fires by the clock. `next_us`: the next time, in microseconds since 1970; 0 for one that nobody has
    looked for."""

    next_us: int
    is_paused: bool = False
    backfill: Plain = None
    """[since, until]: somebody said that it is to fire for all times between these too."""

    def row(self) -> bytes:
        """What is kept of it."""
        return encode(list(astuple(self)))


class RunRow(Struct):
    """One run. `cause`: the position of what fired it; `fired`: where that was told."""

    cause: int
    fired: int
    version: str = ""
    """Of the flow's code that it is replayed with, once it has begun."""
    began: int = 0
    """The position at which it began; 0 while it waits for that."""
    ending: str = ""
    """How it ended; empty while it goes on."""
    outcome: Plain = None
    is_cancelled: bool = False
    """Whether somebody asked that it ends."""
    stopped: int = 0
    """The position at which its code heard of that."""
    resumes: bool = False
    """Whether somebody said that it is to go on with the code that there is, as after a failure or a change of it."""
    blocked: str = ""
    """Why it could not, when that was tried last."""
    rewinds: int = 0
    """How often it was rewound."""
    restarts: int = 0
    """How often it was begun anew."""
    recoveries: int = 0
    """How often it was under way when an engine ended, since a step of it last came to something."""
    carried: Plain = None
    """What the run left to it that it continues."""
    moment_us: int = 0
    """The time that fired it, in microseconds since 1970; 0 where none did."""
    children: list[Plain] = field(default_factory=list)
    """The runs, each as [entity, flow, run], that its creating an entity fired. Kept row by row, as its steps are."""
    steps: dict[str, StepRow] = field(default_factory=dict)

    def row(self) -> bytes:
        """What is kept of it, apart from its children and its steps."""
        return encode(list(astuple(self)[:-2]))


class OnceRow(Struct):
    """What is carried out once for an entity and flow: by which run and step, and what it came to. `by`: empty where
    nobody waits for it any more."""

    by: list[Plain]
    outcome: Plain = None
    is_begun: bool = False
    """Whether a step that nobody waits for any more may have begun it."""

    def row(self) -> bytes:
        """What is kept of it."""
        return encode(list(astuple(self)))


class Wait(NamedTuple):
    """What a run waits for: a step's kind, or `begin`, `answered` (somebody answered, and nobody has looked at it),
    `cancel`, `resume` (somebody said that it is to go on), or that somebody sees to it, as it `failed` or is `blocked`;
    until when, in microseconds since 1970, where it is over at a moment; and the step."""

    kind: str
    due_us: int
    run: str
    step: str


Woken: TypeAlias = tuple[str, str, Wait]
"""Entity, flow, and what was told of a run that whoever drives it is to look at."""
NOBODY = "nobody has carried it out: "
"""How it begins why an effect is in doubt that found no driver, and was never tried."""
NOBODY_HERE = "nobody here carries it out again, and whether a try before did is not known: "
"""How it begins of one that was tried. Both are tried again wherever there is a driver."""
EXPIRED = "it has expired"
"""Why an answer is refused that comes too late."""
SET_ASIDE = "set_aside"
"""What the failure of a run says that nothing of its own failed: engines ended under it, again and again."""
SCHEDULE = "@"
"""The element that holds when a flow fires by the clock."""
CHILD = "/"
"""How the elements begin, behind their run's, that hold its children: no step's key does."""
LOOKED_AT = ("schedule", "begin", "answered", "cancel", "resume")
"""The kinds of waits that whoever drives runs is to look at when they are told."""


def wait_of(element: str, row: bytes) -> Wait | None:
    """What a kept row waits for; None for one that waits for nothing of its own."""
    run, slash, key = element.partition("/")
    if not run or key.startswith(CHILD):
        return None
    said = cast("list[Any]", decode(row, bytes_max=ROW_BYTES_MAX))
    if run == SCHEDULE:
        schedule = ScheduleRow(*said)
        due_us = 0 if schedule.backfill is not None else schedule.next_us
        return None if schedule.is_paused and due_us else Wait("schedule", due_us, "", SCHEDULE)
    if slash:
        return _wait_of_step(run, key, StepRow(*said))
    kind = _kind_of_run(RunRow(*said))
    return Wait(kind, 0, run, "") if kind else None


def _kind_of_run(row: RunRow) -> str:
    if row.ending:
        return "failed" if row.ending == "failed" else ""
    if row.is_cancelled and not row.stopped:
        return "cancel"
    if row.resumes:
        return "blocked" if row.blocked else "resume"
    return "" if row.began else "begin"


def _wait_of_step(run: str, key: str, step: StepRow) -> Wait | None:
    if step.outcome is not None or step.is_left:
        return None
    if step.answer is not None:
        return Wait("answered", 0, run, key)
    return Wait("doubt" if step.doubt else step.kind, step.due_us, run, key)
