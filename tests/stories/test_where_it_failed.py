"""Where an error was raised: kept with the result, and told by `why`, by the exception, and after a restart."""

from __future__ import annotations

import traceback
from pathlib import Path
from typing import cast

import pytest

import weft
from weft import Entity, Field, NodeFailed, derive, field, items
from weft.store import ENTITY
from weft.why.reading import reasons

HIDDEN = "CANARY12345"


def looked_up(name: str) -> str:
    return {"a": "b"}[name]


def ask(name: str) -> str:
    token = HIDDEN + name
    try:
        return looked_up(name)
    except KeyError as missing:
        raise LookupError(f"nobody answers; token={token}") from missing


def louder(text: str) -> str:
    return text.upper()


def mistaken(name: str) -> str:
    return cast("str", 5)


class Odd(Entity):
    name: Field[str] = field(default="")
    made = derive(mistaken, name)


class Question(Entity):
    name: Field[str] = field()
    names = items(str)
    asked = derive(ask, name)
    loud = derive(louder, asked)
    each = names.each(ask)


def failure(question: Question, node: str) -> NodeFailed:
    with pytest.raises(NodeFailed) as caught:
        getattr(question, node).wait(60)
    return caught.value


def test_the_exception_tells_where_and_the_causes_behind_it() -> None:
    with weft.open(types=[Question]) as space:
        failed = failure(space.create(Question, name="x"), "asked")

    lines = failed.where.splitlines()
    told = "".join(traceback.format_exception(failed))
    assert lines[0].startswith("tests/stories/test_where_it_failed.py:")
    assert " in ask: raise LookupError(" in lines[0]
    assert lines[1] == "from KeyError: 'x'"
    assert ' in looked_up: return {"a": "b"}[name]' in lines[2]
    assert all(line in told for line in lines)
    assert HIDDEN not in told + failed.where


def test_what_is_made_from_it_tells_where_it_began() -> None:
    with weft.open(types=[Question]) as space:
        question = space.create(Question, name="x")
        question.names.add("y")

        assert failure(question, "loud").where == failure(question, "asked").where
        assert " in ask: " in failure(question, "each").where


def test_why_tells_it_once_also_after_a_restart(tmp_path: Path) -> None:
    path = str(tmp_path / "questions.weft")
    with weft.open(path, types=[Question]) as space:
        question = space.create(Question, name="x")
        failure(question, "loud")
        before = space.why(question.loud)

    with weft.open(path, engine=False) as space, space.view() as engine:
        entity = next(str(key[0]) for key, _ in engine.rows(ENTITY))
        asked = reasons(engine, entity, "asked").found[entity, "asked", ""]

    assert before.count("raised at, the innermost place last:") == 1
    assert before.count(" in ask: raise LookupError(") == 1
    assert HIDDEN not in before
    assert asked.failure is not None
    assert " in looked_up: " in asked.failure.where


def test_a_failure_that_no_code_raised_tells_no_place() -> None:
    with weft.open(types=[Odd]) as space, pytest.raises(NodeFailed) as caught:
        space.create(Odd).made.wait(60)

    assert caught.value.where == ""
    assert not hasattr(caught.value, "__notes__")
