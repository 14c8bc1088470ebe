"""What a program asks of the runs of a space, and says of them: all of it events like any other, but for the asking.

Knows nothing of how runs are driven. Invariant: what is said of a flow is told of the run that is the newest then, and
what is said of a run that `runs()` lists, of that one.
Source: the clients of workflow engines.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from weft.content import Plain
from weft.engine import Engine
from weft.expected import check_flow, check_moments
from weft.handle import Value
from weft.returned import newest_run
from weft.run_list import ListedRun, ListedStep, listed_runs, listed_steps

if TYPE_CHECKING:
    from weft.edit import Edit
    from weft.questions import KeepsSecrets, Question

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class RunVerbs(ABC):
    """Of a space."""

    _now: Callable[[], str]

    @abstractmethod
    def view(self) -> AbstractContextManager[Engine]:
        """What the space holds, between two turns of its engine."""

    @abstractmethod
    def _editing(self, what: str) -> AbstractContextManager[Edit]:
        """The open edit, or one of its own that is told at the end."""

    def runs(self) -> Sequence[ListedRun]:
        """The runs of flows that are not over, and those that failed and wait for somebody to see to them."""
        with self.view() as engine:
            return listed_runs(engine)

    def steps(self, run: Value[Any] | ListedRun, /) -> Sequence[ListedStep]:
        """What a run, or the newest one of a flow, has asked for, in the order in which it was told what that
        came to; last what it waits for. Of one that ended well the log has them alone. Raises `NotFired`."""
        with self.view() as engine:
            return listed_steps(engine, *_place("space.steps", run, engine))

    def questions(self) -> Sequence[Question]:
        """What runs of flows have asked, and nobody has answered."""
        from weft.questions import open_questions

        with self.view() as engine:
            return list(open_questions(engine))

    def answer(self, question: Question | str, answer: object, /, *, secrets: KeepsSecrets | None = None) -> None:
        """Answer a question, or the one of this id: by a value of the type that it asks for, or as JSON. `secrets`:
        where what the form keeps outside goes. An event like any other, of which the first counts. Raises
        `UnknownQuestion`, `UnfitAnswer`, `NoPlaceForSecrets`, and `Refused` where somebody was quicker, or alone may
        answer."""
        from weft.questions import answer_intent, check_may_answer, check_question, find_question

        check_question(question)
        with self.view() as engine:
            found = find_question(engine, question) if isinstance(question, str) else question
        with self._editing(found.name) as edit:
            check_may_answer(found, edit.actor, self._now())
            edit.intents.append(answer_intent(found, answer, secrets))

    def adopt(self, run: Value[Any] | ListedRun, /) -> None:
        """Have a run, or the newest one of a flow, which began with another version of its code, go on with the
        one that the space's engine has. That is tried first over all that the run was told: where it would have asked
        for something else the run stays as it is, and `runs()` says what that is. An event like any other."""
        self._say_of_run("space.adopt", run, "adopt")

    def restart(self, run: Value[Any] | ListedRun, /) -> None:
        """Have a run, or the newest one of a flow, begin anew, with the code that the space's engine has; what
        happened once stays so. An event like any other."""
        self._say_of_run("space.restart", run, "restart")

    def cancel(self, run: Value[Any] | ListedRun, /) -> None:
        """Have a run, or the newest one of a flow, end, and those that it began by creating entities: its code
        hears of it, and may put things right first. An event like any other. Raises `NotFired`, and `Refused` where it
        is over."""
        self._say_of_run("space.cancel", run, "cancel")

    def pause(self, flow: Value[Any], /) -> None:
        """Have a flow's schedule fire nothing, until `unpause`. An event like any other. Raises `Refused` for a flow
        without one."""
        self._say_of_flow(check_flow("space.pause", flow), "pause")

    def unpause(self, flow: Value[Any], /) -> None:
        """Have a flow's schedule fire again; what came meanwhile was missed, and fires as the schedule says of that."""
        self._say_of_flow(check_flow("space.unpause", flow), "unpause")

    def backfill(self, flow: Value[Any], since: datetime, until: datetime, /) -> None:
        """Have a flow's schedule fire for all times from one moment to another, but for those for which it has."""
        check_flow("space.backfill", flow)
        check_moments("space.backfill", since, until)
        if since.tzinfo is None or until.tzinfo is None or until < since:
            raise ValueError(f"from {since} to {until} is no time: give two moments, each with its time zone, in order")
        self._say_of_flow(
            flow, "backfill", *((moment - _EPOCH) // timedelta(microseconds=1) for moment in (since, until))
        )

    def _say_of_run(self, call: str, run: Value[Any] | ListedRun, verb: str, *said: Plain) -> None:
        with self.view() as engine:
            entity, flow, id = _place(call, run, engine)
        with self._editing(f"{flow} of {entity}") as edit:
            edit.intents.append([entity, flow, verb, id, *said])

    def _retry_run(self, run: Value[Any] | ListedRun, before: ListedStep | str | None) -> None:
        keys = () if before is None else (getattr(before, "key", before),)
        if not all(isinstance(key, str) for key in keys):
            raise TypeError(f"before={before!r} is no step: give one of those that space.steps() lists, or its key")
        self._say_of_run("space.retry", run, "rewind", *keys)

    def _say_of_flow(self, flow: Value[Any], verb: str, *said: Plain) -> None:
        with self._editing(str(flow.node)) as edit:
            edit.intents.append([flow.entity_id, flow.node.name, verb, *said])


def _place(call: str, run: Value[Any] | ListedRun, engine: Engine) -> tuple[str, str, str]:
    """The entity, flow and id of a run that is listed, or of the newest one of a flow. Raises `NotFired`."""
    if isinstance(run, ListedRun):
        return run.entity, run.flow, run.run
    flow = check_flow(call, run)
    return flow.entity_id, flow.node.name, newest_run(engine, flow)
