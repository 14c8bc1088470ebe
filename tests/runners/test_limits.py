"""Services are used no harder than their limits say, and entities take turns at them."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from random import Random
from typing import Protocol

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.runners.by_hand import HandClock, HandRunner
from weft.call import AttemptId, Broke, Call, Finished, Limits
from weft.runners.inline import InlineRunner
from weft.runners.limits import Limiter
from weft.runners.threads import ThreadRunner
from weft.testing.runner_suite import Heard, double, new_call
from weft.turns.queue import Turns


class Ocr(Protocol):
    """A service."""


class Model(Protocol):
    """Another one."""


class Printer(Protocol):
    """A third."""


def read_and_print(number: int, *, ocr: Ocr, printer: Printer) -> int:
    """Use the first and the third."""
    return number


def read(number: int, *, ocr: Ocr) -> int:
    """Use one service."""
    return number


def think(number: int, *, model: Model) -> int:
    """Use the other."""
    return number


def read_and_think(number: int, *, ocr: Ocr, model: Model) -> int:
    """Use both."""
    return number


def reading() -> Call:
    """A call that uses one service."""
    return new_call(read, 1, ocr=object())


def thinking() -> Call:
    """A call that uses the other."""
    return new_call(think, 1, model=object())


def both() -> Call:
    """A call that uses both."""
    return new_call(read_and_think, 1, ocr=object(), model=object())


def test_calls_beyond_the_limit_wait_for_earlier_ones_in_their_order() -> None:
    runner, heard = HandRunner(), Heard()
    limited = Limiter({Ocr: Limits(concurrency=2)}).around(runner)
    calls = [reading() for _ in range(4)]
    for call in calls:
        limited.start(call, heard)

    assert runner.started == [call.id for call in calls[:2]]

    runner.end(calls[1].id)
    assert runner.started == [call.id for call in calls[:3]]
    runner.end(calls[0].id)
    assert runner.started == [call.id for call in calls]


def test_a_limit_holds_over_all_runners_together() -> None:
    first, second, heard = HandRunner(), HandRunner(), Heard()
    limiter = Limiter({Ocr: Limits(concurrency=1)})
    calls = [reading(), reading()]
    limiter.around(first).start(calls[0], heard)
    limiter.around(second).start(calls[1], heard)
    assert second.started == []

    first.end(calls[0].id)

    assert second.started == [calls[1].id]


def test_calls_without_a_limited_service_never_wait() -> None:
    runner, heard = HandRunner(), Heard()
    limited = Limiter({Ocr: Limits(concurrency=1)}).around(runner)
    calls = [reading(), reading(), thinking(), new_call(double, 1)]
    for call in calls:
        limited.start(call, heard)

    assert runner.started == [calls[0].id, calls[2].id, calls[3].id]


def test_a_call_that_needs_two_services_is_not_passed_by_those_that_need_one() -> None:
    runner, heard = HandRunner(), Heard()
    limited = Limiter({Ocr: Limits(concurrency=1), Model: Limits(concurrency=1)}).around(runner)
    busy, needs_both, later = reading(), both(), thinking()
    for call in (busy, needs_both, later):
        limited.start(call, heard)
    assert runner.started == [busy.id]

    runner.end(busy.id)
    assert runner.started == [busy.id, needs_both.id]
    runner.end(needs_both.id)
    assert runner.started == [busy.id, needs_both.id, later.id]


def test_starts_are_paced_by_the_clock() -> None:
    clock, runner, heard = HandClock(), HandRunner(), Heard()
    limited = Limiter({Ocr: Limits(per_s=2)}, clock=clock, alarm=clock).around(runner)
    for _ in range(4):
        limited.start(reading(), heard)

    started = []
    for _ in range(7):
        started.append(len(runner.started))
        clock.pass_s(0.25)

    assert started == [1, 1, 2, 2, 3, 3, 4]


def test_pace_is_not_saved_up_while_nobody_calls() -> None:
    clock, runner, heard = HandClock(), HandRunner(), Heard()
    limited = Limiter({Ocr: Limits(per_s=1)}, clock=clock, alarm=clock).around(runner)
    clock.pass_s(100)

    for _ in range(3):
        limited.start(reading(), heard)

    assert len(runner.started) == 1


def test_a_waiting_call_can_be_cancelled_and_lets_others_by() -> None:
    clock, runner, heard = HandClock(), HandRunner(), Heard()
    limiter = Limiter({Ocr: Limits(concurrency=1), Model: Limits(concurrency=1)}, clock=clock, alarm=clock)
    limited = limiter.around(runner)
    busy, needs_both, later = reading(), both(), thinking()
    for call in (busy, needs_both, later):
        limited.start(call, heard)

    limited.cancel(needs_both.id)
    clock.pass_s(0)

    assert runner.started == [busy.id, later.id]
    assert [each.kind for each in heard.reports if isinstance(each, Broke)] == ["Cancelled"]
    assert runner.cancelled == []


def test_to_cancel_a_started_call_is_left_to_its_runner() -> None:
    runner = HandRunner()
    limited = Limiter({Ocr: Limits(concurrency=1)}).around(runner)
    call = reading()
    limited.start(call, Heard())

    limited.cancel(call.id)

    assert runner.cancelled == [call.id]


def test_closing_one_runner_breaks_its_own_waiting_calls_and_leaves_the_others() -> None:
    first, second, heard = HandRunner(), HandRunner(), Heard()
    limiter = Limiter({Ocr: Limits(concurrency=1)})
    limited = limiter.around(first)
    calls = [reading(), reading(), reading()]
    for call in calls[:2]:
        limited.start(call, heard)
    limiter.around(second).start(calls[2], heard)

    limited.close()

    assert sorted(each.id for each in heard.reports) == sorted(call.id for call in calls[:2])
    assert second.started == [calls[2].id]
    assert limiter.waiting() == 0


def test_a_long_line_of_calls_that_end_at_once_does_not_grow_the_stack() -> None:
    held, heard = HandRunner(), Heard()
    limiter = Limiter({Ocr: Limits(concurrency=1)})
    limited, first = limiter.around(InlineRunner()), reading()
    limiter.around(held).start(first, heard)
    for _ in range(3000):
        limited.start(reading(), heard)

    held.end(first.id)

    assert len(heard.reports) == 3001
    assert all(isinstance(each, Finished) for each in heard.reports)


def test_never_more_threads_use_a_service_than_its_limit() -> None:
    inside, most, lock, heard = [0], [0], threading.Lock(), Heard()

    class Counted:
        def enter(self) -> None:
            with lock:
                inside[0] += 1
                most[0] = max(most[0], inside[0])

        def leave(self) -> None:
            with lock:
                inside[0] -= 1

    def use(number: int, *, ocr: Ocr) -> int:
        assert isinstance(ocr, Counted)
        ocr.enter()
        ocr.leave()
        return number

    limited = Limiter({Ocr: Limits(concurrency=3)}).around(ThreadRunner(8))
    for number in range(200):
        limited.start(new_call(use, number, ocr=Counted()), heard)
    for _ in range(200):
        heard.wait_outcome()
    limited.close()

    assert 1 <= most[0] <= 3
    assert all(isinstance(each, Finished) for each in heard.reports)


asked = st.tuples(st.sampled_from([reading, thinking, both]), st.sampled_from("abc"))


@given(st.lists(asked, max_size=30), st.randoms(use_true_random=False))
def test_every_call_starts_in_the_end_each_kind_in_order_and_none_is_passed_twice_by_another(
    asks: list[tuple[Callable[[], Call], str]], chance: Random
) -> None:
    runner, heard = HandRunner(), Heard()
    limited = Limiter({Ocr: Limits(concurrency=2), Model: Limits(concurrency=1)}).around(runner)
    calls = [replace(kind(), by=by) for kind, by in asks]
    kinds = {call.id: (call.by, call.operation.name) for call in calls}
    services = {call.id: call.services.keys() for call in calls}
    waiting: dict[AttemptId, list[AttemptId]] = {}  # with those that started since it came
    ended: set[AttemptId] = set()
    seen = 0

    def look() -> None:
        nonlocal seen
        for id in runner.started[seen:]:
            waiting.pop(id, None)
            for passed in waiting.values():
                passed.append(id)
        seen = len(runner.started)

    while calls or any(id not in ended for id in runner.started):
        running = [id for id in runner.started if id not in ended]
        if calls and (not running or chance.random() < 0.6):
            call = calls.pop(0)
            waiting[call.id] = []
            limited.start(call, heard)
        else:
            id = chance.choice(running)
            ended.add(id)
            runner.end(id)
        look()
        for id, passed in waiting.items():
            own = sum(kinds[one] == kinds[id] for one in waiting if one < id) + sum(
                kinds[one] == kinds[id] for one in passed
            )
            rivals = Counter(kinds[one] for one in passed if kinds[one] != kinds[id] and services[one] & services[id])
            assert all(count <= own + 1 for count in rivals.values())

    assert not waiting and len(heard.reports) == len(asks)
    for kind in set(kinds.values()):
        started = [id for id in runner.started if kinds[id] == kind]
        assert started == sorted(started)


def test_ten_thousand_calls_for_one_entity_hold_up_a_call_for_another_by_one() -> None:
    runner, heard = HandRunner(), Heard()
    limiter = Limiter({Ocr: Limits(concurrency=1)})
    limited = limiter.around(runner)
    many = [replace(reading(), by="many") for _ in range(10_000)]
    for call in many:
        limited.start(call, heard)
    one = replace(reading(), by="one")
    limited.start(one, heard)

    runner.end(many[0].id)
    runner.end(many[1].id)

    assert runner.started == [many[0].id, many[1].id, one.id]
    assert limiter.waiting() == 9_998


def test_a_call_that_gives_up_costs_the_same_however_many_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, runner, heard = HandClock(), HandRunner(), Heard()
    limiter = Limiter({Ocr: Limits(concurrency=1), Model: Limits(concurrency=1)}, clock=clock, alarm=clock)
    limited = limiter.around(runner)
    calls = [replace(reading(), by=str(number % 100)) for number in range(1000)]
    for call in calls:
        limited.start(call, heard)
    looks = 0
    look = Turns[object].first

    def counted(self: Turns[object]) -> tuple[int, object] | None:
        nonlocal looks
        looks += 1
        return look(self)

    monkeypatch.setattr(Turns, "first", counted)
    for call in calls[500:600]:
        limited.cancel(call.id)
    runner.end(calls[0].id)
    clock.pass_s(0)

    assert looks <= 5 * 101
    assert limiter.waiting() == 898
    assert {each.id for each in heard.reports} == {call.id for call in (calls[0], *calls[500:600])}


def test_a_service_that_becomes_free_for_several_is_shared_by_lines_in_the_order_of_their_turns() -> None:
    clock, runner, heard = HandClock(), HandRunner(), Heard()
    limits = {Ocr: Limits(concurrency=2), Model: Limits(concurrency=1), Printer: Limits(concurrency=5)}
    limited = Limiter(limits, clock=clock, alarm=clock).around(runner)
    busy, blocking = thinking(), both()
    readings = [replace(reading(), by="many") for _ in range(2)]
    prints = replace(new_call(read_and_print, 1, ocr=object(), printer=object()), by="one")
    for call in (busy, blocking, *readings, prints):
        limited.start(call, heard)
    assert runner.started == [busy.id]

    limited.cancel(blocking.id)

    assert runner.started == [busy.id, readings[0].id, prints.id]


def test_closing_a_runner_lets_another_by_whom_its_waiting_call_held_up() -> None:
    first, second, heard = HandRunner(), HandRunner(), Heard()
    limiter = Limiter({Ocr: Limits(concurrency=1), Model: Limits(concurrency=1)})
    busy, needs_both, later = reading(), both(), thinking()
    limiter.around(second).start(busy, heard)
    closing = limiter.around(first)
    closing.start(needs_both, heard)
    limiter.around(second).start(later, heard)
    assert second.started == [busy.id]

    closing.close()

    assert second.started == [busy.id, later.id]


@pytest.mark.parametrize(("concurrency", "per_s"), [(0, None), (None, 0.0), (None, -1.0)])
def test_limits_that_would_let_nothing_run_are_refused(concurrency: int | None, per_s: float | None) -> None:
    with pytest.raises(ValueError, match="must be"):
        Limits(concurrency=concurrency, per_s=per_s)
