"""An effect that needs approval waits for it; what was approved is what is performed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import pytest

import weft
from tests.until import until
from weft import Effect, Entity, Field, Run, Space, field, on
from weft.form import UnfitAnswer
from weft.questions import Question
from weft.reduce import Refused
from weft.returned import RunFailed

WAIT_S = 30.0


@dataclass(frozen=True)
class Pay(Effect[str]):
    needs_approval: ClassVar[bool] = True
    to: str
    euros: int


@dataclass(frozen=True)
class Note(Effect[str]):
    text: str


class Order(Entity):
    to: Field[str] = field()
    euros: Field[int] = field()

    @on(Entity.created)
    async def settle(self, run: Run) -> str:
        return await run.perform(Pay(self.to, self.euros))

    @on(Entity.created)
    async def note(self, run: Run) -> str:
        return await run.perform(Note("seen"), approved_by="ann")


class Bank:
    effects: tuple[type[Effect[Any]], ...] = (Pay, Note)

    def __init__(self) -> None:
        self.paid: list[Effect[Any]] = []

    async def carry_out(self, effect: Effect[Any], key: str, /) -> str:
        self.paid.append(effect)
        return "done"


@pytest.fixture
def bank() -> Bank:
    return Bank()


@pytest.fixture
def space(bank: Bank) -> Iterator[Space]:
    with weft.open(types=[Order], drivers=[bank], actor="zoe") as space:
        yield space


def asked(space: Space, order: Order, name: str) -> Question:
    def found() -> list[Question]:
        return [one for one in space.questions() if (one.entity, one.name) == (order.id, name)]

    until(lambda: len(found()) == 1)
    return found()[0]


def test_what_is_approved_is_performed(space: Space, bank: Bank) -> None:
    order = space.create(Order, to="the sea", euros=5)
    question = asked(space, order, "approve Pay")
    assert bank.paid == []
    about: Any = question.about
    assert (about["effect"], about["value"]) == ("Pay", {"to": "the sea", "euros": 5})

    space.answer(question, {"effect": about["content"], "is_approved": True})

    assert order.settle.wait(WAIT_S) == "done"
    assert bank.paid == [Pay("the sea", 5)]


def test_what_is_not_approved_is_not_performed(space: Space, bank: Bank) -> None:
    order = space.create(Order, to="the sea", euros=5)
    question = asked(space, order, "approve Pay")
    about: Any = question.about

    space.answer(question, {"effect": about["content"], "is_approved": False})

    with pytest.raises(RunFailed, match="it was not approved"):
        order.settle.wait(WAIT_S)
    assert bank.paid == []


def test_an_approval_of_one_effect_is_none_of_another(space: Space, bank: Bank) -> None:
    small, large = space.create(Order, to="ann", euros=5), space.create(Order, to="ann", euros=5000)
    about: Any = asked(space, small, "approve Pay").about
    question = asked(space, large, "approve Pay")

    with pytest.raises(UnfitAnswer):
        space.answer(question, {"effect": about["content"], "is_approved": True})
    with space.edit() as edit:  # as a program might that looks at no form
        said = {"effect": about["content"], "is_approved": True}
        edit.intents.append([question.entity, question.flow, "answer", question.run, question.step, said])

    until(lambda: "effect" in asked(space, large, "approve Pay").refused)
    assert bank.paid == []


def test_some_may_approve_alone(space: Space, bank: Bank) -> None:
    order = space.create(Order, to="ann", euros=5)
    question = asked(space, order, "approve Note")
    about: Any = question.about
    said = {"effect": about["content"], "is_approved": True}

    with pytest.raises(Refused, match="zoe may not answer it, but ann may"):
        space.answer(question, said)
    with space.edit(by="ann"):
        space.answer(question, said)

    assert order.note.wait(WAIT_S) == "done"
    assert bank.paid == [Note("seen")]
