"""A slow machine whose results come back late, and in every order: what is shown is right, and never goes back."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.reactive.operations import add
from tests.reactive.runs import Runs
from weft import Entity, Field, derive, field, items
from weft.call import Call
from weft.content import content_id, encode
from weft.engine import Settling
from weft.slot import Gone, Ok
from weft.store import VERSION, entries_of
from weft.testing.rules import mark_below
from weft.value import shape_of


def slow(a: int) -> int:
    return a * 10


def slower(a: int) -> int:
    return a * 100


class Machine(Entity):
    x: Field[int] = field(default=0)
    one = derive(slow, x)
    two = derive(slower, x)
    both = derive(add, one, two)


class Each(Entity):
    xs = items(int)
    done = xs.each(slow, eager=True)


def story(choices: list[int]) -> tuple[Runs, list[int]]:
    """x goes 1, 2, 3 while calls come back; each choice says what happens next. Returns how many choices there were."""
    world, xs = Runs(Machine), [2, 3]
    widths: list[int] = []
    world.create(Machine, x=1, watch="both")
    for _ in range(40):
        world.step()
        acts: list[Call | int] = [*[call for call in world.held() if call.id in world.attempts.open], *xs[:1]]
        if not acts:
            return world, widths
        widths.append(len(acts))
        act = acts[choices[len(widths) - 1] if len(widths) <= len(choices) else 0]
        if isinstance(act, int):
            world.set(x=xs.pop(0))
        else:
            world.finish(act)
        check(world)
    raise AssertionError("no rest")


def check(world: Runs) -> None:
    """Whatever is shown is the function of one x, and `both` never mixes two."""
    one, two, both = (world.value("a", node) for node in ("one", "two", "both"))
    assert one is None or one in (10, 20, 30)
    assert two is None or two in (100, 200, 300)
    assert both in (None, 110, 220, 330)


def every_story() -> Iterator[tuple[Runs, list[int]]]:
    """Depth first over all choices."""
    choices: list[int] = []
    while True:
        world, widths = story(choices)
        yield world, list(choices)
        choices += [0] * (len(widths) - len(choices))
        while choices and choices[-1] + 1 >= widths[len(choices) - 1]:
            choices.pop()
        if not choices:
            return
        choices[-1] += 1


def test_late_results_in_every_possible_order_end_at_the_newest_inputs_and_never_mix_or_go_back() -> None:
    count = 0
    for world, choices in every_story():
        count += 1
        assert world.value("a", "both") == 330, choices
        assert mark_below(world.engine, world.engine.demanded()) == world.engine.cut, choices
        cuts: dict[str, int] = {}
        for _, kind, said in entries_of(world.store):
            if kind == "result" and "superseded" not in said:
                node, at = str(said["slot"][1]), said["at"]  # type: ignore[index]
                assert isinstance(at, int) and at >= cuts.get(node, 0), choices
                cuts[node] = at
    assert count > 100


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_results_of_two_epochs_in_either_order_show_that_of_the_living_one(order: tuple[int, int]) -> None:
    world = Runs(Machine)
    world.create(Machine, x=1, watch="one")
    (dead,) = world.step()
    world.set(x=2)
    world.crash()
    (living,) = world.step()

    for place in order:
        world.finish([dead, living][place])

    world.ran()
    assert world.settled() == []
    assert world.value("a", "one") == 20


def test_an_older_result_that_comes_late_is_kept_under_its_key_and_changes_nothing_shown() -> None:
    world = Runs(Machine)
    world.create(Machine, x=1, watch="one")
    world.settled()
    (early,) = world.sent
    old = world.at("a", "one")
    world.set(x=2)
    world.settled()
    shown = world.slot("a", "one").result
    assert shown is not None

    key, preimage = world.attempts.call_key(world.slot("a", "one"), [encode(b"another")])
    encoded = shape_of(int).encode(77)
    stands = world.engine.settle(
        world.slot("a", "one"),
        Settling(old, Ok(content_id(encoded), encoded), key, (early.id.epoch, 99), preimage=preimage),
    )
    world.engine.commit()

    assert not stands
    assert world.slot("a", "one").result == shown
    *_, entry = entries_of(world.store)
    assert f"made at {old}, older than what stands from" in str(entry.said["superseded"])
    known = world.engine.recall(key)
    assert known is not None and known.encoded == encoded


def test_a_result_for_an_element_that_was_removed_stays_out_of_the_collection() -> None:
    world = Runs(Each)
    world.create(Each)
    world.add("a", "xs", 1, 2)
    one, two = world.step()
    world.remove("a", "xs", 1)

    world.finish(one)
    world.finish(two)

    world.rest()
    assert world.value("a", "done") == (20,)
    kept = list(world.engine.rows(VERSION, ("a", "done")))
    assert len(kept) == 2  # one is a tombstone
    world.crash()
    assert world.value("a", "done") == (20,)


def test_a_removed_element_leaves_a_tombstone_newer_than_any_result_still_to_come() -> None:
    world = Runs(Each)
    world.create(Each)
    world.add("a", "xs", 1)
    (call,) = world.step()
    slot = next(iter(world.engine.graph.things["a"].slots()))
    removed = world.remove("a", "xs", 1)

    world.finish(call)

    assert slot.result is not None and isinstance(slot.result.outcome, Gone)
    assert slot.result.at == removed


def test_of_two_results_for_one_cut_the_first_in_the_log_stands() -> None:
    world = Runs(Machine)
    world.create(Machine, x=1, watch="one")
    world.settled()
    slot = world.slot("a", "one")
    encoded = shape_of(int).encode(77)

    again = Settling(world.at("a", "one"), Ok(content_id(encoded), encoded), None, (9, 9))
    stands = world.engine.settle(slot, again)

    assert not stands
    assert world.value("a", "one") == 10
