"""Plans: what would be computed now, what it takes and costs, before anything is done."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import weft
from tests.past.operations import Shelf
from tests.reactive.runs import Runs
from tests.stories.operations import Echo, Model, answer
from weft import Entity, Field, choose, derive, entries, field, gathered, items
from weft.call import Finished
from weft.plan.plan import Plan, PlannedNode, plan
from weft.value import shape_of


def inc(n: int) -> int:
    return n + 1


def total(xs: tuple[int, ...]) -> int:
    return sum(xs)


class Chain(Entity):
    n: Field[int] = field(default=0)
    one = derive(inc, n)
    two = derive(inc, one)
    three = derive(inc, two)


class Sums(Entity):
    xs = items(int)
    each = xs.each(inc)
    total = derive(total, each)
    big = xs.count()


class Chat(Entity):
    prompt: Field[str] = field(default="hi")
    reply = derive(answer, prompt)


def planned(world: Runs, *nodes: str) -> Plan:
    roots = [found for node in nodes if (found := world.engine.node("a", node)) is not None]
    return plan(world.engine, roots if nodes else None)


def row(said: Plan, node: str) -> PlannedNode:
    return next(one for one in said.nodes if one.node == node)


def counts(said: Plan) -> dict[str, tuple[int, int, int]]:
    return {one.node: (one.calls, one.known, one.unknown) for one in said.nodes}


def test_what_has_its_inputs_is_a_call_and_what_waits_for_it_is_unknown() -> None:
    world = Runs(Chain)
    world.create(Chain, n=1)

    said = planned(world, "three")

    assert counts(said) == {"one": (1, 0, 0), "two": (0, 0, 1), "three": (0, 0, 1)}
    assert (said.calls, said.known, said.unknown) == (1, 0, 2)


def test_a_change_that_was_taken_back_costs_nothing_however_deep() -> None:
    world = Runs(Chain)
    world.create(Chain, n=1, watch="three")
    world.settled()
    world.set(n=5)
    world.settled()
    world.set(n=1)

    said = planned(world, "three")

    assert counts(said) == {"one": (0, 1, 0), "two": (0, 1, 0), "three": (0, 1, 0)}
    assert world.settled() == []


def parity(n: int) -> int:
    return n % 2


class Cut(Entity):
    n: Field[int] = field(default=0)
    parity = derive(parity, n)
    after = derive(inc, parity)


def test_behind_what_turns_out_the_same_nothing_is_touched() -> None:
    world = Runs(Cut)
    world.create(Cut, n=1, watch="after")
    for n in (2, 3, 1, 3):
        world.settled()
        world.set(n=n)

    said = planned(world, "after")

    assert (row(said, "parity").known, row(said, "after").untouched) == (1, 1)
    assert world.settled() == []


def test_what_is_current_needs_nothing() -> None:
    world = Runs(Chain)
    world.create(Chain, n=1, watch="three")
    world.settled()

    assert planned(world).nodes == planned(world, "three").nodes == planned(world, "n").nodes == ()
    assert (
        str(planned(world))
        == f"at position {world.engine.head.position}, if it were asked for now: nothing, all is current"
    )


def test_without_nodes_everything_that_is_due_is_planned_across_entities() -> None:
    world = Runs(Chain)
    for id in ("a", "b", "c"):
        world.create(Chain, id, n=1)
    world.crash()  # what is planned for is loaded from its rows

    said = planned(world)

    assert (row(said, "one").calls, row(said, "one").entities) == (3, 3)
    assert "in 3 entities" in str(said)


def test_of_a_collection_only_new_elements_are_called_and_the_whole_is_named() -> None:
    world = Runs(Sums)
    world.create(Sums, watch="total big")
    world.add("a", "xs", 1, 2, 3)
    world.settled()
    world.add("a", "xs", 4)

    said = planned(world, "total", "big")

    assert counts(said)["each"] == (1, 0, 0)
    assert (row(said, "each").per_change, row(said, "each").wholes) == ("one element", ())
    assert (row(said, "total").per_change, row(said, "total").wholes) == ("whole collection", ("each",))
    assert (row(said, "big").built_in, row(said, "big").per_change) == (1, "way to it")
    assert "O(n) per change: each time it is given all of each" in str(said)


def is_big(n: int) -> bool:
    return n > 10


def plus(one: int, other: int) -> int:
    return one + other


class Trees(Entity):
    xs = items(int)
    seen_to = xs.each(inc)
    sum = seen_to.reduce(plus, 0)
    big = xs.filter(is_big)
    many = big.count()
    kinds = xs.group(is_big)


def test_a_rule_that_keeps_to_the_way_to_a_change_is_said_to() -> None:
    world = Runs(Trees)
    world.create(Trees, watch="sum many kinds")
    world.add("a", "xs", 1, 2, 3)

    said = planned(world, "sum", "many", "kinds")

    assert (row(said, "sum").per_change, row(said, "sum").wholes) == ("way to it", ())
    assert (row(said, "many").per_change, row(said, "many").wholes) == ("way to it", ())
    assert (row(said, "big").per_change, row(said, "big").wholes) == ("way to it", ())
    assert (row(said, "kinds").per_change, row(said, "kinds").wholes) == ("way to it", ())
    assert "O(log n) per change: each time it is given what is on the way to what changed" in str(said)


def size(key: bool, group: tuple[int, ...]) -> int:
    return len(group)


class Sizes(Entity):
    xs = items(int)
    kinds = xs.group(is_big)
    sizes = kinds.each(size)


@pytest.mark.parametrize("large", [1, 64])
def test_what_would_come_of_a_group_is_foreseen_whatever_it_is_known_by(
    large: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gathered, "LARGE", large)
    world = Runs(Sizes)
    world.create(Sizes, watch="sizes")
    world.add("a", "xs", 1, 2, 30)
    world.settled()
    world.add("a", "xs", 3)
    world.remove("a", "xs", 3)

    said = planned(world, "sizes")

    assert (counts(said)["sizes"], row(said, "sizes").untouched) == ((0, 0, 0), 2)
    assert world.settled() == []


def listed(n: int) -> tuple[int, ...]:
    return tuple(range(n))


class Derived(Entity):
    n: Field[int] = field(default=0)
    xs = derive(listed, n)
    each = xs.each(inc)
    total = derive(total, each)


def test_elements_that_a_known_list_would_bring_are_planned_too() -> None:
    world = Runs(Derived)
    world.create(Derived, n=3, watch="total")
    for n in (2, 3):
        world.settled()
        world.set(n=n)

    said = planned(world, "total")

    assert counts(said) == {"xs": (0, 1, 0), "each": (0, 1, 0), "total": (0, 1, 0)}
    assert world.settled() == []


def test_with_a_list_that_is_not_known_nothing_behind_it_is() -> None:
    world = Runs(Derived)
    world.create(Derived, n=3, watch="total")
    world.settled()
    world.set(n=4)

    assert counts(planned(world, "total")) == {"xs": (1, 0, 0), "each": (0, 0, 3), "total": (0, 0, 1)}


class Chosen(Entity):
    n: Field[int] = field(default=0)
    is_big = derive(is_big, n)
    low = derive(inc, n)
    high = derive(parity, n)
    picked = choose(is_big, high, low)


def test_only_the_branch_that_would_be_taken_is_planned_and_both_while_that_is_unknown() -> None:
    world = Runs(Chosen)
    world.create(Chosen, n=1, watch="picked")
    world.settled()
    world.set(n=20)
    first = planned(world, "picked")
    world.settled()
    world.set(n=1)
    back = planned(world, "picked")

    assert counts(first) == {"is_big": (1, 0, 0), "low": (0, 0, 1), "high": (0, 0, 1), "picked": (0, 0, 1)}
    assert "high" not in counts(back)
    assert (row(back, "is_big").known, row(back, "low").known, row(back, "picked").built_in) == (1, 1, 1)


def priced(name: str, price: int) -> str:
    return f"{name} {price}"


class Prices(Entity):
    prices = entries(str, int)
    labels = prices.each(priced)


def test_a_key_of_a_mapping_is_part_of_the_call() -> None:
    world = Runs(Prices)
    world.create(Prices, watch="labels")
    world.tell(["a", "prices", "put", "tea", 3])
    world.settled()
    world.tell(["a", "prices", "put", "tea", 4])
    assert counts(planned(world, "labels"))["labels"] == (1, 0, 0)
    world.settled()
    world.tell(["a", "prices", "put", "tea", 3])

    assert counts(planned(world, "labels"))["labels"] == (0, 1, 0)
    assert world.settled() == []


def grown(last: int, n: int) -> int:
    return last + n


class Own(Entity):
    n: Field[int] = field(default=0)
    grown = derive(grown, n, initial=0)


def test_a_node_that_is_given_its_own_value_is_called_for_new_inputs_only() -> None:
    world = Runs(Own)
    world.create(Own, n=1, watch="grown")
    world.settled()
    world.set(n=2)

    assert counts(planned(world, "grown")) == {"grown": (1, 0, 0)}

    world.settled()
    world.set(n=3)
    world.set(n=2)
    assert counts(planned(world, "grown")) == {"grown": (0, 1, 0)}
    assert world.settled() == []


def test_a_failed_input_is_passed_on_and_a_failed_call_is_made_again() -> None:
    world = Runs(Chain)
    world.create(Chain, n=1, watch="three")
    world.step()
    world.fail(world.call_of("one"), retry=False)
    world.settled()
    world.tell(["a", "one", "retry", ""])

    assert counts(planned(world, "three"))["one"] == (1, 0, 0)


def test_a_plan_of_a_long_chain_is_made_without_recursion() -> None:
    body: dict[str, Any] = {"__annotations__": {"n0": Field[int]}, "__module__": __name__, "n0": field(default=0)}
    for number in range(1, 5000):
        body[f"n{number}"] = derive(inc, body[f"n{number - 1}"])
    world = Runs(type("Long", (Entity,), body))
    world.create(world.types[0])

    said = planned(world, "n4999")

    assert (said.calls, said.unknown) == (1, 4998)


# What it takes and costs ---------------------------------------------------------------------------------------------


def test_time_is_the_median_of_earlier_calls() -> None:
    world = Runs(Chain)
    world.create(Chain, watch="one")
    for n, took_s in enumerate((0.010, 0.030, 5.0), 1):
        world.set(n=n)
        world.step()
        call = world.call_of("one")
        world.report(Finished(call.id, shape_of(int).encode(n + 1), took_s))
        world.runner.held.pop(call.id)
    world.set(n=50)

    said = planned(world, "three")

    assert row(said, "one").median_us == 30_000
    assert (said.takes_us, said.takes_us_at_most) == (30_000, 90_000)
    assert "about 30.0 ms of calls, one after another; 90.0 ms if all that is not known is called" in str(said)


def test_where_nothing_was_called_before_the_time_is_said_to_be_unknown() -> None:
    world = Runs(Chain)
    world.create(Chain, n=1)

    said = planned(world, "one")

    assert (said.takes_us, said.takes_us_at_most) == (None, None)
    assert "how long is not known: no earlier call of tests.plan.test_plan/inc" in str(said)


def test_calls_that_a_service_charges_for_are_counted(tmp_path: Path) -> None:
    path = str(tmp_path / "s.weft")
    with weft.open(path, types=[Chat], services={Model: Echo("dear", cost="metered")}) as space:
        chat = space.create(Chat)

        said = space.plan(chat.reply)

        assert (said.calls, said.metered_calls, row(said, "reply").metered) == (1, 1, ("Model: metered",))
    with weft.open(path, engine=False) as space:  # who only looks knows it from the log
        assert space.plan().metered_calls == 1


def test_free_services_cost_nothing() -> None:
    with weft.open(types=[Chat], services={Model: Echo("own", cost="free")}) as space:
        said = space.plan(space.create(Chat).reply)

    assert (said.calls, said.metered_calls) == (1, 0)


def test_another_service_in_force_makes_another_call(tmp_path: Path) -> None:
    path = str(tmp_path / "s.weft")
    for name, expected in (("one", (1, 0)), ("two", (1, 0)), ("one", (0, 1))):
        with weft.open(path, types=[Chat], services={Model: Echo(name)}, recompute=True) as space:
            chat = (space.find(Chat) or [space.create(Chat)])[0]
            said = space.plan(chat.reply)
            assert (said.calls, said.known) == expected
            chat.reply.wait(30)


def hinted(prompt: str, *, model: Model | None = None) -> str:
    return prompt if model is None else model.complete(prompt)


class Hinted(Entity):
    prompt: Field[str] = field(default="hi")
    reply = derive(hinted, prompt)


def test_a_call_goes_without_an_optional_service_that_this_program_lacks(tmp_path: Path) -> None:
    path = str(tmp_path / "s.weft")
    with weft.open(path, types=[Hinted], services={Model: Echo("m")}) as space:
        space.create(Hinted).reply.wait(30)
    with weft.open(path, types=[Hinted]) as space:
        (chat,) = space.find(Hinted)
        for prompt in ("one", "two"):
            chat.prompt = prompt
            assert chat.reply.wait(30) == prompt
    with weft.open(path, types=[Hinted]) as space:
        (chat,) = space.find(Hinted)
        chat.prompt = "one"

        assert (space.plan(chat.reply).calls, space.plan(chat.reply).known) == (0, 1)


# It changes nothing --------------------------------------------------------------------------------------------------


def test_a_plan_demands_calls_and_records_nothing() -> None:
    model = Echo("m")
    with weft.open(types=[Chat, Shelf], services={Model: model}) as space:
        chat, shelf = space.create(Chat), space.create(Shelf)
        shelf.books.add("art one", "sea two")
        before = space.position

        said = [space.plan(), space.plan(chat.reply, shelf.topics)]

        space.wait_settled(timeout_s=30)
        assert space.position == before
        assert model.asked == 0
        assert [one.calls for one in said] == [4, 2]


def test_a_client_plans_what_another_program_would_compute(tmp_path: Path) -> None:
    path = str(tmp_path / "s.weft")
    with weft.open(path, types=[Shelf]) as engine, weft.open(path, types=[Shelf], engine=False) as client:
        shelf = engine.create(Shelf)
        shelf.books.add("art one")
        seen = client.get(Shelf, shelf.id)

        assert client.plan(seen.topics).calls == 1
        shelf.topics.wait(30)
        assert client.plan(seen.topics).calls == 0


def test_as_json_it_has_every_key() -> None:
    world = Runs(Sums)
    world.create(Sums)
    world.add("a", "xs", 1)

    said = json.loads(planned(world).json())

    assert said["calls"] == 1
    each = next(node for node in said["nodes"] if node["node"] == "each")
    assert each.keys() >= {
        "type",
        "operation",
        "version",
        "calls",
        "known",
        "unknown",
        "median_us",
        "takes_us",
        "wholes",
    }


@pytest.mark.parametrize("value", ["topics", 3, None])
def test_what_is_no_node_is_a_mistake(value: object) -> None:
    with weft.open(types=[Shelf]) as space, pytest.raises(TypeError, match=r"space\.plan takes a computed node"):
        space.plan(value)  # type: ignore[arg-type]
