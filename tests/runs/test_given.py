"""Whoever carries out a step is given what was told of it, whatever becomes of the objects that it was asked with."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

import weft
from tests.until import until
from weft import Blob, Effect, Entity, Field, Run, Space, field, on, op
from weft.content import Plain
from weft.driver import EffectRefused, NotReached
from weft.operation import Retry
from weft.steps.carrier import StepFailed

WAIT_S = 10.0
MOMENT = timedelta(milliseconds=1)


@dataclass(frozen=True)
class Pay(Effect[str]):
    to: list[str]
    notes: object = None


@dataclass(frozen=True)
class Answer:
    text: str


@dataclass(frozen=True)
class Once:
    """Whose value can be told, and not be made again from that."""

    text: str

    def __post_init__(self) -> None:
        if self.text == "":
            raise ValueError("there is no text")


def only_once() -> Once:
    made = Once("a")
    object.__setattr__(made, "text", "")
    return made


@dataclass(frozen=True)
class Odd(Effect[str]):
    of: Once


def summed(numbers: list[int]) -> int:
    return sum(numbers)


def emptied(numbers: list[int]) -> int:
    found = len(numbers)
    numbers.clear()
    return found


@op(retry=Retry(attempts=2, delay_s=0.0))
def emptied_at_first(texts: object) -> int:
    assert isinstance(texts, list)
    found = len(texts)
    if not _tried:
        _tried.append(found)
        texts.clear()
        raise ValueError("not yet")
    return found


def looked_at(one: Once) -> str:
    return one.text


def same(blob: Blob) -> Blob:
    return blob


_tried: list[int] = []


def takes_all(about: list[str]) -> Answer | None:
    about.clear()
    return None


def says(about: list[str]) -> Answer:
    return Answer(" ".join(about))


class Person(Entity):
    kind: Field[str] = field()

    @on(Entity.created)
    async def acts(self, run: Run) -> str:
        did: Any = getattr(self, f"_{self.kind}")
        return str(await did(run))

    async def _approved(self, run: Run) -> object:
        to = ["alice"]

        async def others() -> None:
            await run.sleep(MOMENT)
            to.append("mallory")

        return (await run.gather(run.perform(Pay(to), approved_by="boss"), others()))[0]

    async def _performed(self, run: Run) -> object:
        to = ["alice"]

        async def others() -> None:
            to.append("mallory")

        return (await run.gather(run.perform(Pay(to)), others()))[0]

    async def _called(self, run: Run) -> object:
        numbers = [1]

        async def others() -> None:
            numbers.append(41)

        return (await run.gather(run.call(summed, numbers), others()))[0]

    async def _emptied(self, run: Run) -> object:
        numbers = [1, 2]
        return await run.call(emptied, numbers), numbers

    async def _retried(self, run: Run) -> object:
        return await run.call(emptied_at_first, ["a", "b"])

    async def _tried(self, run: Run) -> object:
        return await run.perform(Pay(["late"], notes=["a"]))

    async def _decided(self, run: Run) -> object:
        about = ["a", "b"]
        return (await run.ask("what", Answer, to=(takes_all, says), about=about)).text, about

    async def _kept(self, run: Run) -> object:
        blob = await run.call(same, Blob.from_bytes(b"of this run alone"))
        return await run.call(content, blob)

    async def _unmade(self, run: Run) -> object:
        said: list[str] = []
        for step in (run.call(looked_at, only_once()), run.perform(Odd(only_once()))):
            try:
                await step
            except (StepFailed, EffectRefused) as why:
                said.append(f"{type(why).__name__}: {'there is no text' in str(why)}")
        return said


def content(blob: Blob) -> str:
    return blob.bytes().decode()


class Bank:
    """Keeps what it pays, as it was before it spoils that; what is late does not arrive at first."""

    effects: tuple[type[Effect[Any]], ...] = (Pay, Odd)

    def __init__(self) -> None:
        self.paid: list[tuple[list[str], Plain]] = []

    async def carry_out(self, effect: Effect[Any], key: str, /) -> str:
        assert isinstance(effect, Pay)
        notes: Any = effect.notes
        self.paid.append(([*effect.to], None if notes is None else [*notes]))
        if effect.to == ["late"] and len(self.paid) == 1:
            effect.to.append("mallory")
            notes.append("b")
            raise NotReached(effect="Pay", why="the line is busy", after_s=0.0)
        return ", ".join(effect.to)


@pytest.fixture
def bank() -> Bank:
    return Bank()


@pytest.fixture
def space(bank: Bank) -> Iterator[Space]:
    _tried.clear()
    with weft.open(types=[Person], drivers=[bank], actor="boss") as space:
        yield space


def does(space: Space, kind: str) -> str:
    return space.create(Person, kind=kind).acts.wait(WAIT_S)


def test_what_was_approved_is_carried_out_whatever_the_flow_makes_of_it_meanwhile(space: Space, bank: Bank) -> None:
    person = space.create(Person, kind="approved")
    until(lambda: [one.awaits for one in space.runs()] == [("ask approve Pay",)])
    (question,) = space.questions()
    about: Any = question.about
    assert about["value"] == {"to": ["alice"], "notes": None}

    space.answer(question, {"effect": about["content"], "is_approved": True})

    assert person.acts.wait(WAIT_S) == "alice"
    assert bank.paid == [(["alice"], None)]


def test_an_effect_is_carried_out_as_it_was_told(space: Space) -> None:
    assert does(space, "performed") == "alice"


def test_an_operation_is_given_what_was_told(space: Space) -> None:
    assert does(space, "called") == "1"


def test_what_an_operation_does_to_its_inputs_the_flow_does_not_see(space: Space) -> None:
    assert does(space, "emptied") == "(2, [1, 2])"


def test_an_operation_that_is_tried_again_is_given_the_same(space: Space) -> None:
    assert does(space, "retried") == "2"
    assert _tried == [2]


def test_an_effect_that_is_tried_again_is_the_same(space: Space, bank: Bank) -> None:
    assert does(space, "tried") == "late"
    assert bank.paid == [(["late"], ["a"])] * 2


def test_each_rule_is_given_what_the_question_is_about(space: Space) -> None:
    assert does(space, "decided") == "('a b', ['a', 'b'])"


def test_a_blob_that_a_flow_makes_is_kept_where_an_operation_returns_it(space: Space) -> None:
    assert does(space, "kept") == "of this run alone"


def test_what_cannot_be_made_again_fails_the_step_and_the_engine_goes_on(space: Space) -> None:
    assert does(space, "unmade") == "['StepFailed: True', 'EffectRefused: True']"
    assert does(space, "called") == "1"
