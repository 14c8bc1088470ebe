"""What a flow's code asks for wrongly is raised where it asks, by the name of the argument; the engine goes on."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

import weft
from tests.until import until
from weft import Budget, Effect, Entity, Field, Run, field, on
from weft.errors import Unencodable
from weft.questions import Question
from weft.returned import RunFailed

WAIT_S = 10.0
DAY, SECOND, LONGEST = timedelta(days=1), timedelta(seconds=1), timedelta(days=1_000_000)
HALF = "\ud800"


@dataclass(frozen=True)
class Confirm:
    yes: bool


@dataclass(frozen=True)
class Unshown:
    """A form whose schema cannot be kept."""

    text: str = HALF


@dataclass(frozen=True)
class Ring(Effect[str]):
    number: int


class Sure:
    """A model that has the answer, and may not be able to say who it is."""

    def __init__(self, fingerprint: Callable[[], Any]) -> None:
        self.fingerprint = fingerprint

    async def object(self, prompt: str, form: type[Any], /) -> Any:
        return form(yes=True)


def nameless() -> Any:
    raise ValueError("nobody knows")


def odd() -> Any:
    return {"model": object()}


def named() -> Any:
    return {"model": "sure"}


Asks = Callable[[Any], Awaitable[Any]]
NAMED_WRONGLY: dict[str, tuple[Asks, str]] = {
    "no text": (lambda run: run.ask(5, Confirm), "name=5"),
    "no name": (lambda run: run.ask(None, Confirm), "name=None"),
    "a list": (lambda run: run.ask(["a"], Confirm), "name=['a']"),
    "nothing": (lambda run: run.ask("", Confirm), "name=''"),
    "half a character": (lambda run: run.ask(HALF, Confirm), r"name='\ud800'"),
    "once, no text": (lambda run: run.perform(Ring(1), once=["a"]), "once=['a']"),
    "once, nothing": (lambda run: run.perform(Ring(1), once=""), "once=''"),
    "once, half a character": (lambda run: run.perform(Ring(1), once=HALF), r"once='\ud800'"),
    "by half a character": (lambda run: run.ask("a", Confirm, by=["ann", HALF]), r"by='\ud800'"),
    "approved by half a character": (lambda run: run.perform(Ring(1), approved_by=HALF), r"by='\ud800'"),
}
WAITS_WRONGLY: dict[str, tuple[Asks, str]] = {
    "expires never": (lambda run: run.ask("a", Confirm, expires=timedelta.max), "expires"),
    "expires too late": (lambda run: run.ask("a", Confirm, expires=LONGEST + DAY), "expires"),
    "expires, no time": (lambda run: run.ask("a", Confirm, expires=5), "expires"),
    "a model's expires never": (lambda run: run.ask("a", Confirm, to=nameless, expires=timedelta.max), "expires"),
    "reminds never": (lambda run: run.ask("a", Confirm, remind=timedelta.max), "remind"),
    "reminds at once": (lambda run: run.ask("a", Confirm, remind=timedelta(0)), "remind"),
    "reminds before": (lambda run: run.ask("a", Confirm, remind=-DAY), "remind"),
    "reminds on and on": (lambda run: run.ask("a", Confirm, remind=SECOND / 2), "remind"),
    "sleeps for ever": (lambda run: run.sleep(timedelta.max), "delay"),
    "sleeps too long": (lambda run: run.sleep(LONGEST + DAY), "delay"),
}
FITTING: dict[str, Asks] = {
    "to nobody": lambda run: run.ask("a", Confirm, to=()),
    "to a list of nobody": lambda run: run.ask("a", Confirm, to=[]),
    "late": lambda run: run.ask("a", Confirm, expires=LONGEST, remind=LONGEST),
    "as often as may be": lambda run: run.ask("a", Confirm, expires=DAY, remind=SECOND),
}


class Odd(Entity):
    which: Field[str] = field()

    @on(Entity.created)
    async def asks(self, run: Run) -> str:
        await run.sleep(timedelta(milliseconds=1))
        return str(await asked(self.which)(run))


class Fine(Entity):
    @on(Entity.created)
    async def rests(self, run: Run) -> str:
        await run.sleep(timedelta(milliseconds=1))
        return "rested"


def asked(which: str) -> Asks:
    wrong = NAMED_WRONGLY | WAITS_WRONGLY
    return wrong[which][0] if which in wrong else FITTING[which]


@pytest.mark.parametrize("which", [*NAMED_WRONGLY, *WAITS_WRONGLY])
def test_what_does_not_fit_fails_where_it_is_asked_by_its_name(which: str) -> None:
    _, said = (NAMED_WRONGLY | WAITS_WRONGLY)[which]
    with weft.open(types=[Odd, Fine]) as space:
        odd = space.create(Odd, which=which)
        with pytest.raises(RunFailed) as raised:
            odd.asks.wait(WAIT_S)
        assert f"UnfitArgument: A step was given {said}" in str(raised.value)
        assert space.create(Fine).rests.wait(WAIT_S) == "rested"


@pytest.mark.parametrize("which", FITTING)
def test_what_fits_goes_to_people(which: str) -> None:
    with weft.open(types=[Odd, Fine]) as space:
        odd = space.create(Odd, which=which)
        until(lambda: len(space.questions()) == 1)
        space.answer(space.questions()[0], Confirm(yes=True))
        assert odd.asks.wait(WAIT_S) == "Confirm(yes=True)"
        assert space.create(Fine).rests.wait(WAIT_S) == "rested"


def test_a_form_that_cannot_be_kept_fails_where_it_is_asked() -> None:
    with weft.open(types=[Unkept, Fine]) as space:
        assert "lone surrogates" in space.create(Unkept).asks.wait(WAIT_S)
        assert space.create(Fine).rests.wait(WAIT_S) == "rested"


class Unkept(Entity):
    @on(Entity.created)
    async def asks(self, run: Run) -> str:
        try:
            return (await run.ask("a", Unshown)).text
        except Unencodable as why:
            return str(why)


class Decided(Entity):
    which: Field[str] = field()

    @on(Entity.created)
    async def asks(self, run: Run) -> bool:
        to: list[object] = [Sure({"nameless": nameless, "odd": odd, "named": named}[self.which])]
        answer, _ = await run.gather(run.ask("a", Confirm, to=to), _emptied(to))
        return answer is not None and answer.yes


async def _emptied(to: list[object]) -> None:
    to.clear()


@pytest.mark.parametrize(("which", "why"), [("nameless", "ValueError: nobody knows"), ("odd", "Unencodable: ")])
def test_who_cannot_say_who_it_is_decides_nothing(which: str, why: str) -> None:
    with weft.open(types=[Decided, Fine]) as space:
        decided = space.create(Decided, which=which)
        until(lambda: len(space.questions()) == 1)
        question: Question = space.questions()[0]
        assert question.doubt.startswith(why)
        space.answer(question, Confirm(yes=False))
        assert decided.asks.wait(WAIT_S) is False
        assert space.create(Fine).rests.wait(WAIT_S) == "rested"


def test_who_is_asked_is_as_it_was_when_it_was_asked() -> None:
    with weft.open(types=[Decided]) as space:
        assert space.create(Decided, which="named").asks.wait(WAIT_S) is True


def test_a_budget_of_more_time_than_a_run_can_wait_is_refused() -> None:
    assert Budget(time=LONGEST).time == LONGEST
    with pytest.raises(ValueError, match="at most 1000000 days"):
        Budget(time=timedelta.max)
