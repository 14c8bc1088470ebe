"""What a flow's code asks for becomes steps: named for people, told as data, and the same when it is asked again."""

from __future__ import annotations

import asyncio
import gc
import warnings
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Protocol, cast

import pytest

from weft.content import Plain, encode
from weft.errors import Unencodable
from weft.form import NoSchema
from weft.run_rows import AskedForm
from weft.runs.live_run import CallsAnother, LiveRun, SleepsBackwards
from weft.runs.replay import Asking, Replay, Told
from weft.runs.strands import Raised, Value


@dataclass(frozen=True)
class Confirm:
    yes: bool


def _no_entities(*args: object, **inputs: object) -> object:
    raise AssertionError("nobody creates anything")


class Adder(Protocol):
    """A service."""

    def add(self, numbers: tuple[int, ...]) -> int: ...


class Shapeless:
    """What no form can show."""


def joined(left: str, right: int) -> str:
    return f"{left} {right}"


def summed(numbers: tuple[int, ...], *, adder: Adder) -> int:
    return adder.add(numbers)


async def story(run: LiveRun) -> list[object]:
    called = await run.call(joined, "a", 1)
    again = await run.call(joined, "a", 1)
    answer = await run.ask("confirm", Confirm, about="the post", remind=timedelta(days=1))
    await run.sleep(timedelta(hours=1))
    return [called, again, answer.yes]


def replay(make: Any) -> Replay:
    found = Replay("r1", "Story.told", lambda: make(LiveRun("r1", create=_no_entities)), lambda _: None)
    found.start(1)
    return found


def only(found: Replay) -> tuple[str, Asking]:
    ((key, step),) = found.awaited()
    return key, step


def raised(found: Replay) -> BaseException:
    assert isinstance(found.outcome, Raised)
    return found.outcome.error


def test_each_step_says_what_it_asks_for_and_is_told_apart_from_the_same_before() -> None:
    found, seen = replay(story), list[tuple[str, str, Plain]]()
    answers: list[object] = ["a 1", "a 1", Confirm(True), None]
    keys: list[str] = []
    for position, answer in enumerate(answers, 2):
        key, step = only(found)
        encode(step.said)  # all of it can be kept
        seen.append((step.kind, step.name, step.said))
        keys.append(key)
        found.hand([Told(key, Value(answer), position)])

    assert found.outcome == Value(["a 1", "a 1", True])
    assert len(set(keys)) == 4
    assert [(kind, name.rpartition("/")[2]) for kind, name, _ in seen] == [
        ("call", "joined"),
        ("call", "joined"),
        ("ask", "confirm"),
        ("sleep", "1:00:00"),
    ]
    assert isinstance(seen[0][2], list) and seen[0][2][2] == ["a", 1]
    asked = AskedForm.of_plain(seen[2][2])
    assert (asked.form, asked.about, asked.remind_us) == ("Confirm", {"value": "the post"}, 86_400_000_000)
    assert asked.schema["properties"].keys() == {"yes"}


def test_a_call_is_the_same_step_whatever_version_its_operation_has() -> None:
    async def flow(run: LiveRun) -> object:
        return await run.call(joined, "a", 1)

    key, step = only(replay(flow))
    assert isinstance(step.said, list)

    assert key == only(replay(flow))[0]
    other = Asking("call", step.name, [step.said[0], "another version", step.said[2]], key=step.said[2])
    assert other.asks == step.asks


def test_services_are_no_inputs_of_a_call() -> None:
    async def flow(run: LiveRun) -> object:
        return await run.call(summed, (1, 2))

    assert cast("list[Plain]", only(replay(flow))[1].said)[2] == [[1, 2]]


@pytest.mark.parametrize(("given", "said"), [((), "0 inputs"), (("a",), "one input"), (("a", 1, 2), "3 inputs")])
def test_a_call_without_all_of_its_inputs_is_refused_by_name(given: tuple[object, ...], said: str) -> None:
    async def flow(run: LiveRun) -> object:
        return await run.call(joined, *given)

    error = raised(replay(flow))

    assert isinstance(error, CallsAnother)
    assert f"joined takes (left, right) and was called with {said}" in str(error)


def test_an_input_that_does_not_fit_is_refused_where_it_is_asked() -> None:
    async def flow(run: LiveRun) -> object:
        return await run.call(joined, "a", "no number")

    assert isinstance(raised(replay(flow)), Unencodable)


def test_a_form_that_cannot_be_shown_is_refused_where_it_is_asked() -> None:
    async def flow(run: LiveRun) -> object:
        return await run.ask("what", Shapeless)

    assert isinstance(raised(replay(flow)), NoSchema)


def test_nobody_sleeps_backwards() -> None:
    async def flow(run: LiveRun) -> None:
        await run.sleep(-timedelta(seconds=1))

    assert isinstance(raised(replay(flow)), SleepsBackwards)


def test_a_step_awaited_by_a_loop_of_asyncio_is_no_step() -> None:
    """Who drives it by mistake is told."""
    with pytest.raises(RuntimeError, match="Task got bad yield"):
        asyncio.run(LiveRun("r1", create=_no_entities).sleep(timedelta(0)))


def test_what_is_over_at_once_within_a_time_leaves_no_sleep_behind_that_nobody_awaited() -> None:
    async def at_once() -> int:
        return 7

    async def hurried(run: LiveRun) -> object:
        return await run.within(timedelta(hours=1), at_once())

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = replay(hurried)
        gc.collect()

    assert found.outcome == Value(7)
