"""Questions that runs have asked, each with the schema of its answer; and which of them wait for an engine to take one.

Knows nothing of answering. Invariant: what is given as answered needs no other answer.
"""

from __future__ import annotations

from collections.abc import Iterator

from weft.content import Plain, decode
from weft.dag_json import json_of
from weft.engine import Engine
from weft.moment import moment_text
from weft.questions import Question, open_questions

INBOX_MAX = 1 << 30
"""How many waiting entries of the inbox are looked through: all of them."""


def answers_waiting(engine: Engine) -> frozenset[str]:
    """The ids of the questions for which there are answers in the inbox that no engine has taken yet. Those of people
    who may not answer do not count: an engine will refuse them."""
    given = list(_answers(engine))
    return frozenset(
        one.id
        for one in open_questions(engine)
        if any((run, step) == (one.run, one.step) and (not one.by or actor in one.by) for run, step, actor in given)
    )


def _answers(engine: Engine) -> Iterator[tuple[Plain, Plain, Plain]]:

    for _, payload in engine.store.inbox(INBOX_MAX):
        said = decode(payload)
        event = said.get("event") if isinstance(said, dict) else None
        intents = event.get("intents") if isinstance(event, dict) else None
        for intent in intents if isinstance(intents, list) else []:
            match intent:
                case [_, _, "answer", run, step, _]:
                    assert isinstance(event, dict)
                    yield run, step, event.get("actor")
                case _:
                    pass


def question_plain(one: Question, *, is_waiting: bool) -> dict[str, object]:
    """All of it; `default` only where it has one, which may be null."""
    default = {"default": json_of(one.default[0])} if isinstance(one.default, list) else {}
    return {
        "id": one.id, "entity": one.entity, "flow": one.flow, "run": one.run, "name": one.name, "form": one.form,
        "schema": one.schema, "about": json_of(one.about), "doubt": one.doubt, "refused": one.refused,
        "answered": one.is_answered or is_waiting, "by": list(one.by),
        "expires": moment_text(one.expires_us) if one.expires_us else None, "reminders": one.reminders, **default,
    }  # fmt: skip
