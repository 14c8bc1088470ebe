"""Coroutines driven by hand: each step is awaited once, and the same outcomes in the same order give the same run."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Awaitable, Callable, Coroutine, Generator
from dataclasses import dataclass
from typing import Any, TypeAlias

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weft.runs.strands import AwaitedOutside, Beside, Cancelled, LetGo, Outcome, Raised, Step, StepKey, Strands, Value

Flow: TypeAlias = "Callable[[], Coroutine[Any, Any, object]]"


def begun(flow: Flow) -> Strands:
    strands = Strands("Story.told", flow())
    strands.start()
    return strands


def names(strands: Strands) -> list[str]:
    """What is awaited, in order; with its occurrence where that is not the first."""
    return [f"{key.asks}{key.occurrence or ''}" for key in strands.awaited]


def is_over(strands: Strands) -> bool:
    return strands.outcome is not None


def say(strands: Strands, name: str, value: object, occurrence: int = 0) -> None:
    strands.resume(StepKey(name, occurrence), Value(value))


def ask(name: str) -> Step[Any]:
    return Step(name)


# ---- one strand ----
def test_a_flow_goes_on_from_step_to_step_and_comes_to_what_it_returns() -> None:
    async def flow() -> str:
        return f"{await ask('a')} {await ask('b')}"

    strands = begun(flow)
    assert names(strands) == ["a"]
    assert not is_over(strands)

    say(strands, "a", 1)
    assert names(strands) == ["b"]
    say(strands, "b", 2)

    assert strands.outcome == Value("1 2")
    assert names(strands) == []


def test_asking_for_the_same_twice_is_two_steps() -> None:
    async def flow() -> list[object]:
        return [await ask("a"), await ask("a")]

    strands = begun(flow)
    say(strands, "a", "first")
    assert names(strands) == ["a1"]
    say(strands, "a", "second", 1)

    assert strands.outcome == Value(["first", "second"])


def test_a_step_that_failed_is_raised_where_it_was_awaited_and_what_a_flow_raises_is_what_it_came_to() -> None:
    async def flow() -> None:
        try:
            await ask("a")
        except OSError as why:
            raise LookupError("no more") from why

    strands = begun(flow)
    strands.resume(StepKey("a", 0), Raised(OSError("gone")))

    assert isinstance(strands.outcome, Raised)
    assert isinstance(strands.outcome.error, LookupError)


def test_what_nobody_awaits_cannot_be_handed_over() -> None:
    async def flow() -> None:
        await ask("a")

    strands = begun(flow)
    with pytest.raises(KeyError):
        say(strands, "b", 1)
    assert names(strands) == ["a"]


class Elsewhere:
    """What is awaited by an event loop."""

    def __await__(self) -> Generator[object, None, None]:
        yield object()


def test_awaiting_what_is_no_step_is_an_error_in_the_flow_which_it_may_catch() -> None:
    async def flow() -> str:
        said = ""
        for other in (asyncio.sleep(0), Elsewhere()):
            try:
                await other
            except AwaitedOutside as why:
                said += str(await ask("a")) + str(why)[:24]
        return said

    strands = begun(flow)
    say(strands, "a", 1)
    say(strands, "a", 2, 1)

    assert strands.outcome == Value("1Story.told awaits a None2Story.told awaits a obje")


def test_a_ctrl_c_is_not_the_flows() -> None:
    async def flow() -> None:
        signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        begun(flow)


def test_an_interrupt_that_a_flow_raises_itself_is_what_it_comes_to() -> None:
    async def flow() -> None:
        raise KeyboardInterrupt("of its own")

    try:
        strands = begun(flow)
    except KeyboardInterrupt:
        pytest.fail("it passes by whoever drives the run")

    assert isinstance(strands.outcome, Raised) and isinstance(strands.outcome.error, KeyboardInterrupt)


def test_a_flow_that_awaits_what_is_no_step_again_and_again_ends() -> None:
    async def flow() -> None:
        while True:
            with contextlib.suppress(Exception):
                await asyncio.sleep(0)

    strands = begun(flow)

    assert isinstance(strands.outcome, Raised) and isinstance(strands.outcome.error, AwaitedOutside)


# ---- beside each other ----
async def both(*strands: Awaitable[Any]) -> list[Any]:
    return await Beside(strands, "all")


async def first(*strands: Awaitable[Any]) -> Any:
    return (await Beside(strands, "first"))[0]


async def asked(*names: str) -> list[object]:
    return [await ask(name) for name in names]


def test_strands_go_on_beside_each_other_until_all_are_over() -> None:
    async def flow() -> object:
        return await both(asked("a", "b"), asked("c"), both())

    strands = begun(flow)
    assert names(strands) == ["a", "c"]
    say(strands, "c", 3)
    say(strands, "a", 1)
    assert names(strands) == ["b"]
    say(strands, "b", 2)

    assert strands.outcome == Value([[1, 2], [3], []])


def test_of_several_the_first_is_taken_and_the_others_are_let_go_of() -> None:
    ended: list[str] = []

    async def late(name: str) -> object:
        try:
            return await ask(name)
        except Exception:
            ended.append("it was heard")
            raise
        finally:
            ended.append(name)

    async def flow() -> object:
        return [await first(late("a"), both(late("b"), late("c")), asked("d")), await ask("e")]

    strands = begun(flow)
    say(strands, "d", 4)
    assert names(strands) == ["e"]
    assert sorted(ended) == ["a", "b", "c"]
    say(strands, "e", 5)

    assert strands.outcome == Value([[4], 5])


def test_where_one_fails_the_others_are_let_go_of() -> None:
    async def flow() -> object:
        try:
            return await both(asked("a"), asked("b"))
        except OSError:
            return await ask("c")

    strands = begun(flow)
    strands.resume(StepKey("b", 0), Raised(OSError()))

    assert names(strands) == ["c"]


# ---- the end ----
def test_letting_go_passes_by_except_exception_and_what_is_asked_for_meanwhile_is_not_done() -> None:
    passed: list[type[BaseException]] = []

    async def flow() -> None:
        try:
            await ask("a")
        except Exception:  # noqa: BLE001
            passed.append(Exception)
        except BaseException as why:
            passed.append(type(why))
            raise
        finally:
            await ask("b")

    strands = begun(flow)
    strands.let_go()
    strands.let_go()

    assert passed == [LetGo]
    assert names(strands) == []
    assert strands.outcome is None


@pytest.mark.filterwarnings("ignore:Exception ignored in")  # it does not end for Python either
def test_a_flow_that_will_not_end_is_given_up() -> None:
    async def flow() -> None:
        while True:
            try:
                await ask("a")
            except BaseException:  # noqa: BLE001
                pass

    strands = begun(flow)
    strands.let_go()

    assert names(strands) == []


def test_who_is_cancelled_may_await_what_puts_things_right_and_is_over_then() -> None:
    async def booked(name: str) -> None:
        await ask(f"book {name}")
        try:
            await ask(f"wait {name}")
        except Cancelled:
            await ask(f"undo {name}")
            raise

    async def flow() -> None:
        await both(booked("car"), booked("room"), asked("more"))

    strands = begun(flow)
    say(strands, "book car", None)
    say(strands, "book room", None)
    strands.cancel()

    assert names(strands) == ["undo room", "undo car"], "the newest first"
    say(strands, "undo car", None)
    assert not is_over(strands)
    say(strands, "undo room", None)
    assert isinstance(strands.outcome, Raised)
    assert isinstance(strands.outcome.error, Cancelled)
    strands.cancel()


# ---- whatever a flow does ----
@dataclass(frozen=True)
class Plan:
    """What a strand does: asks, and runs others beside each other, one after the other."""

    acts: tuple[str | tuple[str, tuple[Plan, ...]], ...]


def plans(kinds: list[str]) -> st.SearchStrategy[Plan]:
    names = st.sampled_from("abc")

    def with_more(inner: st.SearchStrategy[Plan]) -> st.SearchStrategy[Plan]:
        beside = st.tuples(st.sampled_from(kinds), st.lists(inner, max_size=3).map(tuple))
        return st.lists(names | beside, max_size=4).map(lambda acts: Plan(tuple(acts)))

    return st.recursive(st.lists(names, max_size=3).map(lambda acts: Plan(tuple(acts))), with_more, max_leaves=12)


async def carried_out(plan: Plan) -> list[object]:
    came_to: list[object] = []
    for act in plan.acts:
        if isinstance(act, str):
            came_to.append(await ask(act))
        elif act[0] == "all" or not act[1]:
            came_to.append(await both(*map(carried_out, act[1])))
        else:
            came_to.append(await first(*map(carried_out, act[1])))
    return came_to


def driven(plan: Plan, draw: Callable[[int], int]) -> tuple[Strands, list[tuple[StepKey, Outcome, list[StepKey]]]]:
    """Answer whichever step is drawn, until the flow is over; what was awaited before each answer."""
    strands = begun(lambda: carried_out(plan))
    diary: list[tuple[StepKey, Outcome, list[StepKey]]] = []
    while strands.outcome is None:
        waiting = list(strands.awaited)
        key = waiting[draw(len(waiting))]
        said = Value(f"{key.asks}{key.occurrence}")
        diary.append((key, said, waiting))
        strands.resume(key, said)
    return strands, diary


@given(plans(["all", "first"]), st.data())
def test_the_same_outcomes_in_the_same_order_give_the_same_run_from_wherever_it_is_replayed(
    plan: Plan, data: st.DataObject
) -> None:
    whole, diary = driven(plan, lambda size: data.draw(st.integers(0, size - 1)))
    assert len({key for key, _, _ in diary}) == len(diary), "each step once"
    assert not whole.awaited

    stop = data.draw(st.integers(0, len(diary)))
    again = begun(lambda: carried_out(plan))
    for key, said, waiting in diary[:stop]:
        assert list(again.awaited) == waiting
        again.resume(key, said)
    again.let_go()
    anew = begun(lambda: carried_out(plan))
    for key, said, waiting in diary:
        assert list(anew.awaited) == waiting
        anew.resume(key, said)

    assert anew.outcome == whole.outcome


def expected(plan: Plan, counted: dict[str, int]) -> int:
    """How many steps a plan without firsts has."""
    for act in plan.acts:
        if isinstance(act, str):
            counted[act] = counted.get(act, 0) + 1
        else:
            for each in act[1]:
                expected(each, counted)
    return sum(counted.values())


@given(plans(["all"]), st.data())
def test_without_firsts_every_step_is_awaited_once_whatever_the_order(plan: Plan, data: st.DataObject) -> None:
    _, diary = driven(plan, lambda size: data.draw(st.integers(0, size - 1)))

    assert len(diary) == expected(plan, {})


@given(plans(["all", "first"]), st.data())
def test_a_run_that_is_cancelled_anywhere_is_over_and_awaits_nothing(plan: Plan, data: st.DataObject) -> None:
    strands = begun(lambda: carried_out(plan))
    for _ in range(data.draw(st.integers(0, 5))):
        if strands.outcome is None:
            strands.resume(data.draw(st.sampled_from(list(strands.awaited))), Value(1))
    was = strands.outcome
    strands.cancel()

    assert not strands.awaited
    assert strands.outcome is not None
    assert was is None or strands.outcome == was
