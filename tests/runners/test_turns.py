"""Whose call is next where threads are few: entities take turns, and the operations of each."""

from __future__ import annotations

import threading

from msgspec.structs import replace

from tests.runners.by_hand import HandClock
from weft import Entity, Field, derive, field, items
from weft.call import Call, Report, Reporter
from weft.content import Plain
from weft.operation import operation_of
from weft.runners.threads import ThreadRunner
from weft.testing.runner_suite import Heard, new_call
from weft.testing.world import World


def quick(x: int) -> int:
    return x


def other(x: int) -> int:
    return x


def both(x: int) -> int:
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


def test_an_entity_with_many_operations_has_no_more_turns_than_one_with_one() -> None:
    runner, gate, order, done = ThreadRunner(size=1), threading.Event(), [], threading.Event()

    def block(x: int) -> int:
        gate.wait(30)
        return x

    def heard(name: str, *, last: bool = False) -> Reporter:
        def take(report: Report, /) -> None:
            order.append(name)
            if last:
                done.set()

        return take

    runner.start(new_call(block, 0), heard("first"))
    for function in (quick, other, both) * 10:
        runner.start(replace(new_call(function, 1), by="many"), heard("many"))
    for number in range(5):
        runner.start(replace(new_call(quick, number), by="one"), heard("one"))
    runner.start(replace(new_call(block, 1), by="one"), heard("end"))
    for function in (quick, other, both) * 10:
        runner.start(replace(new_call(function, 1), by="many"), heard("many", last=True))
    gate.set()

    assert done.wait(30)
    assert order[1:13] == ["many", "one", "many", "end", *["many", "one"] * 4]
    runner.close()


def test_calls_that_wait_are_cancelled_wherever_they_stand() -> None:
    clock, gate, heard = HandClock(), threading.Event(), Heard()
    runner = ThreadRunner(size=1, alarm=clock)

    def block(x: int) -> int:
        gate.wait(30)
        return x

    calls = [replace(new_call(quick, number), by="many") for number in range(5)]
    runner.start(new_call(block, 0), heard)
    for call in calls:
        runner.start(call, heard)
    for call in (calls[3], calls[0], calls[4]):
        runner.cancel(call.id)
    clock.pass_s(0)
    cancelled = [heard.wait_outcome().id for _ in range(3)]
    gate.set()

    assert cancelled == [calls[3].id, calls[0].id, calls[4].id]
    assert [heard.wait_outcome().id for _ in range(3)][1:] == [calls[1].id, calls[2].id]
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
