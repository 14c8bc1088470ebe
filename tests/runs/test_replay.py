"""A flow's code over what its run was told: it asks for the same again, and goes on; or the two have parted."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weft.runs.replay import Asking, Replay, RunDiverged, Told
from weft.runs.strands import Beside, Raised, Value


def ask(name: str, said: object = None) -> Asking:
    return Asking("ask", name, said, key=said)  # type: ignore[arg-type]


async def story() -> list[object]:
    found = [await ask("login"), await ask("login")]
    found += await Beside([ask("left"), ask("right", 1)], "all")
    return found


async def other_story() -> list[object]:
    return [await ask("login"), await ask("logout")]


def begun(make: Callable[[], Coroutine[Any, Any, object]]) -> tuple[Replay, list[int]]:
    entered: list[int] = []
    replay = Replay("r1", "Story.told", make, entered.append)
    replay.start(3)
    return replay, entered


def keys(replay: Replay) -> list[str]:
    return [key for key, _ in replay.awaited()]


def played(make: Callable[[], Coroutine[Any, Any, object]]) -> tuple[Replay, list[Told]]:
    """To its end, the last that is awaited first."""
    replay, _ = begun(make)
    told: list[Told] = []
    while replay.outcome is None:
        told.append(Told(keys(replay)[-1], Value(len(told)), 10 + len(told)))
        replay.hand(told[-1:])
    return replay, told


def test_a_step_is_named_for_people_and_by_all_that_it_asks_for() -> None:
    replay, _ = begun(story)
    ((first, step),) = replay.awaited()
    assert first.startswith("ask login ")
    assert (step.kind, step.name, step.said) == ("ask", "login", None)

    replay.hand([Told(first, Value("ann"), 5)])
    (second,) = keys(replay)
    assert second.startswith("ask login ")
    assert second != first

    replay.hand([Told(second, Value("ann"), 6)])
    assert [key.rsplit(" ", 1)[0] for key in keys(replay)] == ["ask left", "ask right"]


def test_two_that_ask_by_one_name_for_something_else_are_two_steps() -> None:
    async def flow() -> object:
        return await Beside([ask("more", 1), ask("more", 2)], "all")

    replay, _ = begun(flow)
    other, _ = begun(lambda: ask_alone("more", 2))

    assert keys(replay)[1] == keys(other)[0]
    assert keys(replay)[0] != keys(other)[0]


async def ask_alone(name: str, said: object) -> object:
    return await ask(name, said)


def test_its_code_reads_as_of_what_it_was_told_last() -> None:
    _, told = played(story)
    replay, entered = begun(story)
    replay.hand(told)

    assert entered == [3, 10, 11, 12, 13]


@given(st.integers(0, 4))
def test_from_wherever_it_is_replayed_it_comes_to_the_same(parts: int) -> None:
    whole, told = played(story)
    again, _ = begun(story)
    again.hand(told[:parts])
    again.hand(told[parts:])

    assert again.outcome == whole.outcome == Value([0, 1, 3, 2])


def test_where_the_code_asks_for_something_else_the_step_is_named() -> None:
    _, told = played(story)
    replay, _ = begun(other_story)
    replay.hand(told[:1])

    with pytest.raises(RunDiverged, match=r"The run r1 of Story.told .* ask login \S+, .* asks for ask logout there"):
        replay.hand(told[1:])


def test_where_the_code_is_over_sooner_that_is_said() -> None:
    async def short() -> None:
        await ask("login")

    _, told = played(story)
    replay, _ = begun(short)

    with pytest.raises(RunDiverged, match="asks for nothing more there"):
        replay.hand(told)


def test_a_run_that_is_let_go_of_or_cancelled_awaits_nothing() -> None:
    replay, _ = begun(story)
    replay.let_go()
    assert keys(replay) == []
    assert replay.outcome is None

    other, _ = begun(story)
    other.cancel(7)
    assert keys(other) == []
    assert isinstance(other.outcome, Raised)
