"""Calls that were made before: the first recorded result of a call key is the result, for every slot and for good."""

from __future__ import annotations

from typing import Protocol

from tests.reactive.operations import inc
from tests.reactive.runs import Runs
from weft import Entity, Field, derive, field, op
from weft.store import ALTERNATIVE


class Model(Protocol):
    """A service that nobody calls here."""


async def complete(prompt: int, salt: int, *, model: Model) -> str:
    raise AssertionError("its value is the test's to say")


@op(pure=True)
def stamped(prompt: int) -> int:
    return prompt * 3


class Prompt(Entity):
    prompt: Field[int] = field(default=1)
    salt: Field[int] = field(default=0)
    answer = derive(complete, prompt, salt)
    stamp = derive(stamped, prompt)


def opened(*ids: str) -> Runs:
    world = Runs(Prompt, services={"Model": object()})
    for id in ids:
        world.create(Prompt, id, watch="")
        world.watch("answer", id)
    return world


def test_there_and_back_on_a_model_node_calls_the_model_twice_not_three_times() -> None:
    world = opened("a")
    world.step()
    world.answer("answer", "first")
    world.set(prompt=2)
    world.step()
    world.answer("answer", "second")

    world.set(prompt=1)

    assert world.settled() == ["answer", "answer"]
    assert world.value("a", "answer") == "first"
    assert world.attempts.counts[world.sent[0].operation.name, "reused"] == 1


def test_there_and_back_across_a_restart_calls_it_twice_too() -> None:
    world = opened("a")
    world.step()
    world.answer("answer", "first")
    world.set(prompt=2)
    world.step()
    world.answer("answer", "second")
    world.crash()

    world.set(prompt=1)

    assert world.settled() == ["answer", "answer"]
    assert world.value("a", "answer") == "first"


def test_another_entity_with_the_same_inputs_takes_over_the_answer() -> None:
    world = opened("a")
    world.step()
    world.answer("answer", "first")

    world.create(Prompt, "b")
    world.watch("answer", "b")

    assert world.settled() == ["answer"]
    assert world.value("b", "answer") == "first"


def test_two_equal_calls_under_way_show_one_answer_and_keep_the_other_beside_it() -> None:
    world = opened("a", "b")
    one, other = world.step()

    world.finish(other, "came first")
    world.finish(one, "came later")

    world.rest()
    assert world.value("a", "answer") == world.value("b", "answer") == "came first"
    assert len(list(world.engine.rows(ALTERNATIVE))) == 1
    world.crash()
    assert world.value("a", "answer") == "came first"


def test_an_equal_answer_that_comes_later_is_no_alternative() -> None:
    world = opened("a", "b")
    one, other = world.step()

    world.finish(other, "same")
    world.finish(one, "same")

    assert list(world.engine.rows(ALTERNATIVE)) == []


def test_an_error_is_never_taken_over() -> None:
    world = opened("a")
    world.step()
    world.fail(world.call_of("answer"), retry=False)

    world.create(Prompt, "b")
    world.watch("answer", "b")

    assert world.settled_until_held() == ["answer", "b.answer"]


def test_an_error_where_its_call_came_out_well_elsewhere_shows_the_answer_after_a_retry() -> None:
    world = opened("a", "b")
    one, other = world.step()
    world.finish(other, "well")

    world.fail(one, retry=False)
    world.tell(["a", "answer", "retry", ""])

    assert world.settled() == ["answer", "b.answer"]  # nothing was called for the retry
    assert world.value("a", "answer") == "well"


def test_regenerating_is_a_change_of_salt() -> None:
    world = opened("a")
    world.step()
    world.answer("answer", "first")

    world.set(salt=1)
    world.step()
    world.answer("answer", "anew")

    assert world.value("a", "answer") == "anew"
    world.set(salt=0)
    world.rest()
    assert world.value("a", "answer") == "first"


def other_inc(a: int) -> int:
    return a + 1


class Twins(Entity):
    x: Field[int] = field(default=1)
    one = derive(inc, x)
    two = derive(inc, x)
    other = derive(other_inc, x)


def test_operations_of_another_name_share_nothing_however_equal() -> None:
    world = Runs(Twins)
    world.create(Twins, watch="one")
    world.settled()

    world.watch("two other")

    assert world.settled() == ["other"]


def test_replaying_the_log_calls_nothing() -> None:
    world = opened("a")
    world.step()
    world.answer("answer", "first")
    world.set(prompt=2)
    world.step()
    world.answer("answer", "second")
    sent = len(world.sent)

    for _ in range(3):
        world.crash()
        world.rest()

    assert len(world.sent) == sent
