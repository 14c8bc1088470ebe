"""Who is next: causes take turns, and each of them is served in order."""

from __future__ import annotations

import threading

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from weft import Entity, Field, derive, field, items
from weft.call import Call, Report
from weft.content import Plain
from weft.operation import operation_of
from weft.runners.threads import ThreadRunner
from weft.runners.turns import Turns
from weft.testing.runner_suite import new_call
from weft.testing.world import World


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers())))
def test_each_cause_is_served_in_order_and_none_twice_while_another_waits(waiting: list[tuple[str, int]]) -> None:
    turns: Turns[tuple[str, int]] = Turns()
    for one in waiting:
        turns.append(one[0], one)

    served = [turns.popleft() for _ in range(len(turns))]

    for cause in "abc":
        assert [one for one in served if one[0] == cause] == [one for one in waiting if one[0] == cause]
    for place, (cause, _) in enumerate(served[1:], 1):
        if served[place - 1][0] == cause:
            assert all(later[0] == cause for later in served[place:])


def test_who_gave_up_is_not_served() -> None:
    turns: Turns[int] = Turns()
    for number in range(3):
        turns.append("a", number)
    turns.remove("a", 1)
    turns.remove("b", 1)

    assert [turns.popleft() for _ in range(len(turns))] == [0, 2]


def quick(x: int) -> int:
    return x


def other(x: int) -> int:
    return x


def test_one_call_is_not_kept_waiting_by_a_thousand_of_another_node() -> None:
    runner, gate, order, done = ThreadRunner(size=1), threading.Event(), [], threading.Event()

    def block(x: int) -> int:
        gate.wait(30)
        return x

    def heard(name: str, last: bool = False) -> object:
        def take(report: Report, /) -> None:
            order.append(name)
            if last:
                done.set()

        return take

    runner.start(new_call(block, 0), heard("first"))  # type: ignore[arg-type]
    for number in range(1000):
        runner.start(replace(new_call(quick, number), by="many"), heard("many", number == 999))  # type: ignore[arg-type]
    runner.start(replace(new_call(other, 0), by="one"), heard("one"))  # type: ignore[arg-type]
    gate.set()

    assert done.wait(30)
    assert order.index("one") <= 2
    runner.close()


def plus(x: int, y: int) -> int:
    return x + y


class Fan(Entity):
    y: Field[int] = field(default=0)
    xs = items(int)
    sums = xs.each(plus, y)
    alone = derive(quick, y)


def test_what_is_due_begins_in_the_order_in_which_it_became_so_and_says_whose_call_it_is() -> None:
    world = World(Fan)
    for id in ("many", "one"):
        world.tell([id, "", "create", "Fan"])
        world.engine.watch(id, "sums")
        world.engine.watch(id, "alone")
    world.rest()
    adds: list[list[Plain]] = [["many", "xs", "add", f"{number:012x}", number] for number in range(50)]
    world.tell(*adds)
    world.tell(["one", "y", "set", 7])

    calls: list[Call] = world.step()

    assert [call.by for call in calls] == ["many"] * 50 + ["one"]
    assert [call.arguments[0] for call in calls[:50]] == list(range(50))
    assert operation_of(quick).name == calls[-1].operation.name
