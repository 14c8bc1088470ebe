"""Questions that runs have asked: each with the schema of what fits as an answer, and the answering.

Knows nothing of what becomes of an answer. Invariant: of several answers the first counts, and one that does not fit is
told to nobody.
Source: the task lists of workflow engines.
"""

from __future__ import annotations

from weft.collection import short_id
from weft.portrait.question import answers_waiting, question_plain
from weft.questions import find_question, open_questions
from weft.server.again import told_at, told_before
from weft.server.method import Call, Json, Method
from weft.server.schemas import (
    ANY,
    FLAG,
    LIST,
    MAP,
    NAME,
    ONCE,
    SPACE,
    STRING,
    TOLD_GIVEN,
    listed,
    open_object,
)


def _find(call: Call) -> Json:
    with call.space.view() as engine:
        waiting = answers_waiting(engine)
        found = [one for one in open_questions(engine) if call.may(one.entity)]
        return {"questions": [question_plain(one, is_waiting=one.id in waiting) for one in found]}


def _get(call: Call) -> Json:
    with call.space.view() as engine:
        found = find_question(engine, call.given["question"])
        call.check(found.entity)
        return question_plain(found, is_waiting=found.id in answers_waiting(engine))


def _answer(call: Call) -> Json:
    id = call.given["question"]
    before = told_before(call, "answer")
    if before is not None and any(short_id("question", *one[:2], *one[3:5]) == id for one in before[1]):
        return {"question": id, "position": before[0]}
    with call.space.view() as engine:
        found = find_question(engine, id)
    call.check(found.entity)
    with call.space.edit(by=call.caller.user, once=call.given.get("once")) as edit:
        call.space.answer(found, call.given["answer"], secrets=call.served.secrets)
    return {"question": found.id, "position": told_at(call, edit.id)}


_GIVEN = open_object(
    {"about": ANY, "default": ANY, "expires": ANY, "doubt": STRING, "refused": STRING},
    id=STRING, entity=STRING, flow=STRING, run=STRING, name=STRING, form=STRING, schema=MAP, answered=FLAG, by=LIST,
)  # fmt: skip
_QUESTION = {**SPACE, "question": NAME}
INBOX = (
    Method(
        service="questions", name="find", http="GET", path="/spaces/{space}/questions", act=_find, capability="read",
        reach="found", given=SPACE, gives=open_object(questions=listed(_GIVEN)),
        summary="What runs have asked, and nobody has answered; each with the JSON Schema of its answer.",
    ),
    Method(
        service="questions", name="get", http="GET", path="/spaces/{space}/questions/{question}", act=_get,
        capability="read", reach="found", given=_QUESTION, gives=_GIVEN, summary="One question.",
    ),
    Method(
        service="questions", name="answer", http="POST", path="/spaces/{space}/questions/{question}/answer",
        act=_answer, capability="answer", reach="found", changes=True, required=("answer",),
        given={**_QUESTION, "answer": ANY, **ONCE}, summary="Answer a question.",
        gives={**TOLD_GIVEN, "required": ["position", "question"]},
    ),
)  # fmt: skip
