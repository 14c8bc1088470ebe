"""Questions: steps that people answer. They stand in the log with their form, so whoever looks there can answer.

Knows nothing of who answers, and how they are reached.
Invariant: what a run is handed fits the form that it asked with, whoever told the answer.
Source: human tasks of workflow engines; forms by JSON Schema.
"""

from __future__ import annotations

from collections.abc import Iterator

from weft.content import Plain
from weft.engine import Engine
from weft.errors import WeftError
from weft.form import UnfitAnswer
from weft.run_rows import AskedForm
from weft.runs.live_run import Questioning
from weft.runs.replay import Asking
from weft.runs.strands import Outcome, Raised, Value
from weft.steps.carrier import Doubt, Moments, Over, Reminder, RunId, step_row
from weft.steps.due import NEVER_US, DueSteps


class Expired(WeftError, TimeoutError):
    """Nobody answered {question} while it stood."""

    question: str


class OfForms:
    """What is asked with a form, whoever answers."""

    def __init__(self, engine: Engine, due: DueSteps) -> None:
        self._engine, self._due = engine, due

    def moments(self, step: Asking, /) -> Moments:
        """When somebody is to be reminded of it, and when it expires: from when it is asked, whoever is asked first."""
        asked, now_us = AskedForm.of_plain(step.said), self._due.clock_us()
        until_us = now_us + asked.expires_us if asked.expires_us else 0
        return Moments(_next_us(asked, until_us, now_us), until_us)

    def read(self, step: Asking, answer: Plain, /) -> Plain:
        """The answer, as it is told, once it fits the form. Raises `UnfitAnswer`."""
        assert isinstance(step.of, Questioning)
        step.of.form.told(answer)
        return [answer]

    def outcome(self, step: Asking, said: Plain, /) -> Outcome:
        """The answer, as a value."""
        assert isinstance(step.of, Questioning)
        if not isinstance(said, list):
            return Raised(Expired(question=step.name))
        try:
            return Value(step.of.form.told(said[0]))
        except UnfitAnswer as why:  # its class has changed since it was answered
            return Raised(why)


class Questions(OfForms):
    """What runs of one space ask people. It also sees to the moments of questions that go to others."""

    parks = True

    def send(self, run: RunId, key: str, step: Asking, since: int, /, *, again: bool) -> None:
        """Nothing: it stands where whoever answers looks."""
        self._due.look_again()

    def over(self) -> Iterator[Over | Doubt | Reminder]:
        """Those that expired; else somebody answers, and may have to be reminded."""
        for run, key in self._due.come():
            if (row := step_row(self._engine, run, key)) is None:
                continue  # its flow is gone: it is due again once that is back
            asked, now_us = AskedForm.of_plain(row.said), self._due.clock_us()
            if row.until_us and row.until_us <= now_us:
                yield Over(run, key, {"error": "Expired"} if asked.default is None else asked.default)
            else:
                yield Reminder(run, key, _next_us(asked, row.until_us, now_us))

    def forget(self, run: RunId, key: str, /) -> None:
        """Nothing: its row went."""


def _next_us(asked: AskedForm, until_us: int, now_us: int) -> int:
    """When something is to be done about a question next."""
    remind_us = now_us + asked.remind_us if asked.remind_us else NEVER_US
    return min(remind_us, until_us or NEVER_US)
