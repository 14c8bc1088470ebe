"""What goes wrong in one run stays with it: it fails, waits or is blocked with a reason, and everybody else goes on."""

from __future__ import annotations

import asyncio
import itertools
import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, ClassVar

import pytest

import weft
from tests.until import until
from weft import Effect, Entity, Field, Run, Space, field, items, on
from weft.driver import InDoubt, NotReached
from weft.driving.driver import ROUNDS_MAX
from weft.flow import WhenInDoubt
from weft.handle import NotFired
from weft.pump import POLL_S
from weft.returned import RunFailed
from weft.steps import effects
from weft.store import entries_of
from weft.testing.machine import Machine
from weft.testing.virtual_time import VirtualTime
from weft.value import VALUE_BYTES_MAX

WAIT_S = 10.0
opened = itertools.count()
"""Another number whenever a flow's code is gone through."""


@dataclass(frozen=True)
class Confirm:
    yes: bool


@dataclass(frozen=True)
class Ring(Effect[str]):
    when_in_doubt: ClassVar[WhenInDoubt] = "ask"
    how: str


@dataclass(frozen=True)
class RingOnce(Ring):
    when_in_doubt: ClassVar[WhenInDoubt] = "at_most_once"


class Bells:
    """Does as it is told, which is seldom good."""

    effects = (Ring,)

    def __init__(self) -> None:
        self.begun: list[str] = []

    async def carry_out(self, effect: Ring, key: str, /) -> str:
        self.begun.append(effect.how)
        match effect.how:
            case "exits":
                raise SystemExit(3)
            case "interrupts":
                raise KeyboardInterrupt
            case "cancels":
                raise asyncio.CancelledError
            case "does not say why":
                raise InDoubt(effect="ring", why="", after_s=None)
            case "later":
                raise NotReached(effect="ring", why="the line is busy", after_s=1e300)
        return effect.how


class Other(Entity):
    """Whose flow has nothing to do with the rest."""

    @on(Entity.created)
    async def go(self, run: Run) -> str:
        return "fine"


class Ringer(Entity):
    how: Field[str] = field(default="rings")

    @on(Entity.created)
    async def go(self, run: Run) -> str:
        return await run.perform(Ring(self.how))


class OnceRinger(Entity):
    @on(Entity.created)
    async def go(self, run: Run) -> str:
        return await run.perform(RingOnce("once"))


class Exits(Entity):
    @on(Entity.created)
    async def go(self, run: Run) -> str:
        raise KeyboardInterrupt


class Carries(Entity):
    @on(Entity.created)
    async def go(self, run: Run) -> str:
        return await run.continue_as_new("\ud800")


class AsksAnew(Entity):
    @on(Entity.created)
    async def go(self, run: Run) -> bool:
        return (await run.ask(f"question {next(opened)}", Confirm)).yes


QUESTION = "WEFT_TEST_QUESTION"
"""What a flow's code reads that is no part of its version."""


class AsksByEnvironment(Entity):
    @on(Entity.created)
    async def go(self, run: Run) -> bool:
        is_first = (await run.ask(f"question {os.environ[QUESTION]}", Confirm)).yes
        return is_first and (await run.ask("and then", Confirm)).yes


class RingsAnew(Entity):
    @on(Entity.created)
    async def go(self, run: Run) -> str:
        return await run.perform(Ring(f"{next(opened)}"))


class SleepsAnew(Entity):
    @on(Entity.created)
    async def go(self, run: Run) -> None:
        await run.sleep(timedelta(seconds=100 + next(opened)))


class NeverWaits(Entity):
    @on(Entity.created)
    async def go(self, run: Run) -> None:
        while True:
            await run.sleep(timedelta(0))


class SeldomWaits(Entity):
    @on(Entity.created)
    async def go(self, run: Run) -> str:
        count = run.carried(int) or 0
        return "done" if count == 3 * ROUNDS_MAX else await run.continue_as_new(count + 1)


class NeverEnds(Entity):
    @on(Entity.created)
    async def go(self, run: Run) -> None:
        await run.continue_as_new(1)


class Successor(Entity):
    @on(Entity.created)
    async def go(self, run: Run) -> None:
        await run.create(Successor)


PART = b"x" * (VALUE_BYTES_MAX // 7)


def size_of(part: bytes) -> int:
    return len(part)


class SaysMuch(Entity):
    """More at once than a record may hold; `how`: in one value, or in several that are small enough."""

    how: Field[str] = field()
    parts = items(bytes)

    @on(Entity.created)
    async def go(self, run: Run) -> int:
        await run.sleep(timedelta(0))
        match self.how:
            case "asks for a call":
                await run.call(size_of, PART * 8)
            case "asks for several calls":
                await run.gather(*(run.call(size_of, PART + bytes([number])) for number in range(8)))
            case "carries":
                await run.continue_as_new(PART * 8)
            case "edits":
                self.parts.add(*(PART + bytes([number]) for number in range(8)))
                await run.call(size_of, b"")
        return 0


class SaysMuchLater(Entity):
    """It asks for more at once than a record may hold when it goes on with other code."""

    asks: ClassVar[int] = 1

    @on(Entity.created)
    async def go(self, run: Run) -> int:
        if self.asks == 1:
            await run.call(len_of, b"")
        await run.gather(*(run.call(size_of, PART + bytes([number])) for number in range(self.asks)))
        return self.asks


def len_of(part: bytes) -> int:
    raise ValueError("not yet")


def goes_on(space: Space) -> bool:
    """Whether everybody else does."""
    return space.create(Other).go.wait(WAIT_S) == "fine"


def stands(space: Space) -> list[tuple[str, str]]:
    return [(run.stands, run.why) for run in space.runs()]


@pytest.mark.parametrize(("kind", "why"), [(Exits, "KeyboardInterrupt"), (Carries, "Unencodable")])
def test_what_a_flow_comes_to_is_its_runs_alone(kind: type[Entity], why: str, tmp_path: Path) -> None:
    for _ in range(2):
        with weft.open(str(tmp_path / "space.weft"), types=[kind, Other]) as space:
            with pytest.raises(RunFailed, match=why):
                space.create(kind).go.wait(WAIT_S)  # type: ignore[attr-defined]
            assert goes_on(space)


@pytest.mark.parametrize("how", ["exits", "interrupts", "cancels", "does not say why"])
def test_whatever_a_driver_raises_its_effect_is_in_doubt(how: str) -> None:
    with weft.open(types=[Ringer, Other], drivers=[Bells()]) as space:
        ringer = space.create(Ringer, how=how)
        until(lambda: len(space.questions()) == 1)
        assert goes_on(space)

        space.answer(space.questions()[0], "leave")
        with pytest.raises(RunFailed, match="leave it at that"):
            ringer.go.wait(WAIT_S)


def test_a_driver_may_ask_for_a_pause_and_not_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(effects, "AFTER_S_MAX", 5.0)
    bells = Bells()

    async def program(machine: Machine) -> list[tuple[str, str]]:
        async with machine.open([Ringer], drivers=[bells]) as space:
            async with space.edit():
                space.create(Ringer, how="later")
            await asyncio.sleep(7)
            return stands(space)

    assert Machine(0).run(program) == [("goes on", "perform Ring was tried 2 times in vain: the line is busy")]
    assert bells.begun == ["later"] * 2


@pytest.mark.parametrize("kind", [Ringer, OnceRinger])
def test_an_effect_that_nobody_carries_out_waits_for_somebody_who_does(kind: Any, tmp_path: Path) -> None:
    path = str(tmp_path / "space.weft")
    with weft.open(path, types=[kind, Other]) as space:
        space.create(kind)
        until(lambda: len(space.questions()) == 1)
        assert "Nothing carries out Ring" in stands(space)[0][1]
    with weft.open(path, types=[kind, Other]) as space:
        assert goes_on(space)
        assert len(space.questions()) == 1

    bells = Bells()
    for _ in range(2):
        with weft.open(path, types=[kind, Other], drivers=[bells]) as space:
            assert space.find(kind)[0].go.wait(WAIT_S) in ("rings", "once")
            assert space.questions() == []
    assert len(bells.begun) == 1


def answer(space: Space) -> None:
    space.answer(space.questions()[0], {"yes": True})


@pytest.mark.parametrize(
    ("kind", "then"), [(AsksAnew, answer), (RingsAnew, lambda space: None), (SleepsAnew, lambda space: None)]
)
def test_a_run_that_does_not_do_the_same_again_is_blocked(
    kind: Any, then: Callable[[Space], None], tmp_path: Path
) -> None:
    path, time, ends = str(tmp_path / "space.weft"), VirtualTime(), NeverRings()
    with time.open(path, types=[kind, Other], drivers=[ends]) as space:
        space.create(kind)
        until(lambda: space.runs()[0].awaits != ())

    for _ in range(2):
        with time.open(path, types=[kind, Other], drivers=[Bells()]) as space:
            if space.runs()[0].stands != "blocked":
                then(space)
            time.now += timedelta(seconds=1000)
            assert goes_on(space)
            until(lambda: space.runs()[0].stands == "blocked")
            assert "does not do the same again" in space.runs()[0].why


def test_a_run_whose_code_does_the_same_again_after_all_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = str(tmp_path / "space.weft")
    monkeypatch.setenv(QUESTION, "one")
    with weft.open(path, types=[AsksByEnvironment]) as space:
        space.create(AsksByEnvironment)
        until(lambda: len(space.questions()) == 1)

    monkeypatch.setenv(QUESTION, "two")
    with weft.open(path, types=[AsksByEnvironment]) as space:
        answer(space)
        until(lambda: space.runs()[0].stands == "blocked")

    monkeypatch.setenv(QUESTION, "one")
    with weft.open(path, types=[AsksByEnvironment]) as space:
        until(lambda: [one.awaits for one in space.runs()] == [("ask and then",)])
        assert space.runs()[0].stands == "goes on"
        answer(space)
        assert space.find(AsksByEnvironment)[0].go.wait(WAIT_S)


class NeverRings:
    effects = (Ring,)

    async def carry_out(self, effect: Ring, key: str, /) -> str:
        await asyncio.Event().wait()
        return ""


@pytest.mark.parametrize("kind", [NeverWaits, NeverEnds])
def test_a_run_that_never_waits_holds_nobody_up(kind: type[Entity]) -> None:
    with weft.open(types=[kind, Other]) as space:
        space.create(kind)
        assert goes_on(space)


def test_a_run_that_seldom_waits_goes_on_in_turn_after_turn() -> None:
    async def program(machine: Machine) -> float:
        began = asyncio.get_running_loop().time()
        async with machine.open([SeldomWaits]) as space:
            async with space.edit():
                one = space.create(SeldomWaits)
            assert await one.go == "done"
        return asyncio.get_running_loop().time() - began

    assert Machine(0).run(program) < POLL_S, "no turn is put off until somebody looks whether there is anything"


def test_who_waits_for_what_is_too_deep_in_a_chain_of_causes_is_told() -> None:
    with weft.open(types=[Successor, Other]) as space:
        space.create(Successor)
        until(lambda: space.runs() == [] and len(space.find(Successor)) > 60)
        failed: list[str] = []
        for one in space.find(Successor):
            try:
                one.go.wait(WAIT_S)
            except NotFired as why:
                failed.append(str(why))
        assert len(failed) == 1 and "in a chain in which each was caused by the one before" in failed[0]
        assert goes_on(space)


@pytest.mark.parametrize("how", ["asks for a call", "asks for several calls", "carries", "edits"])
def test_a_run_that_says_more_at_once_than_can_be_read_again_fails_and_the_log_can_be_read(
    how: str, tmp_path: Path
) -> None:
    path = str(tmp_path / "space.weft")
    with weft.open(path, types=[SaysMuch, Other]) as space:
        with pytest.raises(RunFailed, match="in several edits, or make its large parts Blobs"):
            space.create(SaysMuch, how=how).go.wait(WAIT_S)
        assert goes_on(space)

    with weft.open(path, types=[SaysMuch, Other]) as space:
        assert [run.stands for run in space.runs()] == ["failed"]
        assert goes_on(space)
        with space.view() as engine:
            assert len(list(entries_of(engine.store))) > 0


def test_a_run_that_says_too_much_as_it_goes_on_again_fails_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    with weft.open(types=[SaysMuchLater, Other]) as space:
        one = space.create(SaysMuchLater)
        with pytest.raises(RunFailed, match="not yet"):
            one.go.wait(WAIT_S)
        monkeypatch.setattr(SaysMuchLater, "asks", 8)

        space.retry(one.go)

        with pytest.raises(RunFailed, match="in several edits, or make its large parts Blobs"):
            one.go.wait(WAIT_S)
        assert goes_on(space)
