"""Questions that runs have asked and nobody has answered, as they stand in a space: whoever can edit it can answer.

Knows nothing of what becomes of an answer.
Invariant: a question is named by its run and step, so the same one keeps its id for as long as it stands.
Source: the task lists of workflow engines.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, Protocol, cast

from msgspec import Struct

from weft.collection import short_id
from weft.content import Plain
from weft.engine import Engine
from weft.errors import WeftError
from weft.flow import Secret
from weft.form import Blank, Form, UnfitAnswer
from weft.graph import ToldNode
from weft.handle import short_repr
from weft.reduce import Refused
from weft.run_rows import EXPIRED, AskedForm, StepRow, has_expired
from weft.spelling import nearest, with_article
from weft.store import WAIT
from weft.told_runs import RunsCell


class KeepsSecrets(Protocol):
    """Where values go that stay outside the space: the stores of `weft.secrets`."""

    def put(self, name: str, value: str, /) -> Secret:
        """Keep a value; returns the reference to it."""
        ...


IN_DOUBT: dict[str, Any] = {"title": "Resolution", "enum": ["again", "leave"], "type": "string"}
"""What fits as an answer about an effect of which nobody knows whether it was carried out: try it again, under the same
key, or leave it at that."""


class UnknownQuestion(WeftError, KeyError):
    """There is no open question {id!r} in this space: {nearest}. `weft questions SPACE` lists those that there are."""

    id: str
    nearest: str


class SeveralQuestions(UnknownQuestion):
    """Several open questions of this space are called {name!r}: {ids}. Give the id of the one that is meant, or how it
    begins."""

    name: str
    ids: str


class Question(Struct, frozen=True):
    """One that a run has asked."""

    id: str
    entity: str
    flow: str
    run: str
    step: str
    name: str
    """What the flow calls it."""
    form: str
    schema: dict[str, Any]
    """What fits as an answer, as a JSON Schema."""
    about: Plain = None
    reminders: int = 0
    """How often somebody was to be reminded of it."""
    doubt: str = ""
    """Why people are asked: a model had no answer, or nobody knows whether an effect was carried out."""
    refused: str = ""
    """Why the newest answer was not taken."""
    is_answered: bool = False
    """Whether somebody has answered, and the run has not gone on yet."""
    by: tuple[str, ...] = ()
    """Who may answer; empty: whoever can edit."""
    default: Plain = None
    """[What it is taken to be answered by when it expires]."""
    expires_us: int = 0
    """When it expires, in microseconds since 1970; 0 for never."""


def open_questions(engine: Engine) -> Iterator[Question]:
    """All of them, those of the runs first that were fired first."""
    found: list[tuple[int, Question]] = []
    for kind in ("ask", "doubt", "answered"):
        for (_, _, entity, flow, run, step), _ in engine.rows(WAIT, (kind,)):
            node = engine.node(str(entity), str(flow))
            if isinstance(node, ToldNode) and isinstance(node.cell, RunsCell):  # else its flow is gone for now
                row = node.cell.runs[str(run)]
                one = _question(str(entity), str(flow), str(run), str(step), row.steps[str(step)])
                found.append((row.fired, one))
    return (one for _, one in sorted(found, key=lambda each: each[0]))


def _question(entity: str, flow: str, run: str, step: str, row: StepRow) -> Question:
    refused = str(row.refused[2]) if isinstance(row.refused, list) else ""
    name = step.partition(" ")[2].rpartition(" ")[0]
    id, is_answered = short_id("question", entity, flow, run, step), row.answer is not None
    if row.kind == "perform":
        effect, value, _ = cast("list[Plain]", row.said)
        asked = AskedForm("resolution", IN_DOUBT, {"effect": effect, "value": value})
    else:
        asked = AskedForm.of_plain(row.said)
    return Question(
        id, entity, flow, run, step, name, asked.form, asked.schema, asked.about, row.reminders, row.doubt, refused,
        is_answered, asked.by, asked.default, row.until_us,
    )  # fmt: skip


def find_question(engine: Engine, id: str) -> Question:
    """The question of this id, or that alone begins so, or that alone is called so by its flow. Raises
    `UnknownQuestion`."""
    found = list(open_questions(engine))
    meant = [one for one in found if one.id == id] or [one for one in found if id and one.id.startswith(id)]
    named = [] if meant else [one for one in found if one.name == id]
    if len(meant or named) != 1:
        if named:
            raise SeveralQuestions(name=id, ids=", ".join(one.id for one in named))
        raise UnknownQuestion(id=id, nearest=nearest(id, [one.id for one in meant] or _names(found)))
    return (meant or named)[0]


def _names(questions: list[Question]) -> list[str]:
    """By what they can be named: their ids, and the names that one alone has."""
    names = Counter(one.name for one in questions)
    return [*(one.id for one in questions), *(name for name, count in names.items() if count == 1)]


def check_question(given: object) -> None:
    """Raise TypeError for what is no question."""
    if not isinstance(given, Question | str):
        raise TypeError(
            f"space.answer takes a question, one of space.questions(), or its id, not {short_repr(given, 60)}"
        )


def check_may_answer(question: Question, actor: str, time: str) -> None:
    """Raise `Refused`, in words for a program, where others alone may answer, or nobody any more."""
    if has_expired(question.expires_us, time):
        raise Refused(place=f"the question {question.name!r}", why=EXPIRED)
    if question.by and actor not in question.by:
        by = question.by[0]
        raise Refused(
            place=f"the question {question.name!r}",
            why=f"{actor} may not answer it, but {', '.join(question.by)} may: write `with space.edit(by={by!r}): "
            f"space.answer(…)`, or open the space as them, by weft.open(actor={by!r})",
        )


def answer_intent(question: Question, answer: object, secrets: KeepsSecrets | None) -> list[Plain]:
    """An answer, as an event says it. Raises `UnfitAnswer`, `NoPlaceForSecrets`."""
    said = _told(question, answer, secrets)
    return [question.entity, question.flow, "answer", question.run, question.step, said]


class NoPlaceForSecrets(WeftError):
    """The question {name} asks for secrets, which are kept outside the space. Say where, by one of the stores of
    weft.secrets, as the argument `secrets` of answer()."""

    name: str


def _told(question: Question, answer: object, secrets: KeepsSecrets | None) -> Plain:
    if answer is not None and not isinstance(answer, bool | int | float | str | list | dict):
        form = Form(type(answer))
        if form.schema != question.schema:
            why = f"{question.name} asks for {with_article(question.form)}"
            raise UnfitAnswer(form=question.form, why=f"it is {with_article(form.name)}, and {why}")
        return form.tell(answer)
    blank = Blank(question.form, question.schema)
    if blank.has_secrets and secrets is None:
        raise NoPlaceForSecrets(name=question.name)
    return blank.fill(cast("Plain", answer), _keep(question, secrets) if secrets is not None else None)


def _keep(question: Question, secrets: KeepsSecrets) -> Callable[[str, str], Secret]:
    name = _in_name(question.name)
    return lambda place, text: secrets.put(f"{name}/{question.id}/{_in_name(place)}", text)


_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9._/-]+")
_PART_CHARS_MAX = 36


def _in_name(text: str) -> str:
    """As much of a text as the name of a secret may hold. Where several come to the same name, each is a generation of
    it."""
    return _NOT_IN_NAMES.sub("_", text)[:_PART_CHARS_MAX].strip("._/-") or "secret"
