"""Threads are bounded, and one that hangs costs its own call alone."""

from __future__ import annotations

import threading
import weakref

from tests.runners.by_hand import HandClock
from weft.call import Broke, Finished
from weft.runners.threads import ThreadRunner
from weft.testing.runner_suite import LIMIT_S, Heard, count, double, double_async, new_call

gates: weakref.WeakValueDictionary[int, Gate]


class Gate:
    """Where calls stand until it is opened."""

    def __init__(self) -> None:
        self.opened = threading.Event()
        self.entered = threading.Semaphore(0)
        self.inside = 0
        self.most = 0
        self._lock = threading.Lock()
        gates[id(self)] = self

    def wait_entered(self) -> None:
        """Until one more call is inside."""
        assert self.entered.acquire(timeout=LIMIT_S)


gates = weakref.WeakValueDictionary()


def stand(gate_id: int) -> int:
    """Stand at the gate."""
    gate = gates[gate_id]
    with gate._lock:
        gate.inside += 1
        gate.most = max(gate.most, gate.inside)
    gate.entered.release()
    assert gate.opened.wait(LIMIT_S)
    with gate._lock:
        gate.inside -= 1
    return 1


def test_no_more_threads_run_calls_than_the_size() -> None:
    runner, heard, gate = ThreadRunner(3), Heard(), Gate()
    for _ in range(10):
        runner.start(new_call(stand, id(gate)), heard)
    for _ in range(3):
        gate.wait_entered()

    gate.opened.set()

    assert all(isinstance(heard.wait_outcome(), Finished) for _ in range(10))
    assert gate.most == 3
    runner.close()


def test_threads_are_started_as_they_are_needed() -> None:
    before, runner, heard = threading.active_count(), ThreadRunner(8), Heard()
    assert threading.active_count() == before

    for _ in range(5):
        runner.start(new_call(double, 1), heard)
        heard.wait_outcome()

    assert threading.active_count() <= before + 5
    runner.close()


def test_a_thread_that_is_given_up_on_is_replaced_and_its_value_is_unheard() -> None:
    clock = HandClock()
    runner, heard, gate = ThreadRunner(1, clock=clock, alarm=clock), Heard(), Gate()
    late, next_one = new_call(stand, id(gate), timeout_s=5.0), new_call(double, 4)
    runner.start(late, heard)
    runner.start(next_one, heard)
    gate.wait_entered()

    clock.pass_s(4.9)
    assert heard.reports == []
    clock.pass_s(0.2)
    # Which of the two is heard first is theirs to say: one thread gives up on the call, another runs the next.
    outcomes = {each.id: each for each in (heard.wait_outcome(), heard.wait_outcome())}

    assert {id: type(each) for id, each in outcomes.items()} == {late.id: Broke, next_one.id: Finished}
    assert outcomes[late.id].took_s == 5.0
    gate.opened.set()
    runner.close()
    assert len(heard.reports) == 2


def test_time_spent_waiting_for_a_thread_is_no_part_of_the_timeout() -> None:
    clock = HandClock()
    runner, heard, gate = ThreadRunner(1, clock=clock, alarm=clock), Heard(), Gate()
    runner.start(new_call(stand, id(gate)), heard)
    gate.wait_entered()
    runner.start(new_call(double, 4, timeout_s=1.0), heard)

    clock.pass_s(100)
    gate.opened.set()

    assert [type(heard.wait_outcome()) for _ in range(2)] == [Finished, Finished]
    runner.close()


def test_too_many_stuck_threads_break_further_calls_in_words() -> None:
    clock = HandClock()
    runner, heard, gate = ThreadRunner(1, abandoned_max=2, clock=clock, alarm=clock), Heard(), Gate()
    for _ in range(2):
        runner.start(new_call(stand, id(gate), timeout_s=1.0), heard)
        gate.wait_entered()
        clock.pass_s(2)
        heard.wait_outcome()

    runner.start(new_call(double, 4), heard)
    refused = heard.wait_outcome()
    assert isinstance(refused, Broke)
    assert refused.kind == "ThreadsStuck"
    assert "test_threads/stand" in refused.message
    assert refused.retry

    gate.opened.set()
    while not isinstance(heard.reports[-1], Finished):
        runner.start(new_call(double, 4), heard)
        heard.wait_outcome()
    runner.close()


def test_a_waiting_call_that_is_cancelled_never_runs() -> None:
    clock = HandClock()
    runner, heard, gate = ThreadRunner(1, clock=clock, alarm=clock), Heard(), Gate()
    runner.start(new_call(stand, id(gate)), heard)
    gate.wait_entered()
    waiting = new_call(stand, id(gate))
    runner.start(waiting, heard)

    runner.cancel(waiting.id)
    assert heard.reports == []
    clock.pass_s(0)

    cancelled = heard.wait_outcome()
    assert cancelled.id == waiting.id
    gate.opened.set()
    heard.wait_outcome()
    runner.close()
    assert gate.most == 1
    assert not gate.entered.acquire(blocking=False)


def test_async_calls_are_given_a_loop_of_their_own() -> None:
    runner, heard = ThreadRunner(1), Heard()
    runner.start(new_call(double_async, 4), heard)
    runner.start(new_call(count, 2), heard)

    assert [type(heard.wait_outcome()) for _ in range(2)] == [Finished, Finished]
    runner.close()
