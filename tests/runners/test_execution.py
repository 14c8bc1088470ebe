"""However many tell an execution how it ended, one is heard, and nothing after it."""

from __future__ import annotations

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests import ctrl_c
from weft.call import Broke, Finished, Partial, Report
from weft.runners.alarm import ThreadAlarm
from weft.runners.execution import Execution
from weft.runners.inline import InlineRunner
from weft.testing.runner_suite import LIMIT_S, Heard, double, interrupt, new_call

tellings = st.sampled_from(["partial", "finish", "fail", "time_out", "cancel", "close"])


def press_ctrl_c(number: int) -> int:
    """Be interrupted as by a person."""
    ctrl_c.press()
    return number


def tell(execution: Execution, how: str) -> None:
    """Tell it so."""
    match how:
        case "partial":
            execution.partial(0, b"")
        case "finish":
            execution.finish(b"")
        case "fail":
            execution.fail(ValueError("x"), retry=True)
        case "close":
            execution.close("thread")
        case _:
            getattr(execution, how)()


@given(st.lists(tellings, max_size=10))
def test_the_first_outcome_is_the_only_one_and_the_last_report(told: list[str]) -> None:
    heard = Heard()
    execution = Execution(new_call(double, 1, timeout_s=1.0), heard)

    for how in told:
        tell(execution, how)

    partials = next((at for at, how in enumerate(told) if how != "partial"), len(told))
    assert [type(each) for each in heard.reports[:partials]] == [Partial] * partials
    assert len(heard.reports) == partials + (partials < len(told))
    assert execution.is_done == (partials < len(told))


def test_threads_that_tell_at_one_time_are_heard_as_one() -> None:
    for _ in range(50):
        heard, start = Heard(), threading.Barrier(4)
        execution = Execution(new_call(double, 1, timeout_s=1.0), heard)

        def run(how: str, execution: Execution = execution, start: threading.Barrier = start) -> None:
            start.wait()
            for _ in range(5):
                tell(execution, "partial")
            tell(execution, how)

        threads = [threading.Thread(target=run, args=(how,)) for how in ("finish", "fail", "cancel", "close")]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert len(heard.outcomes()) == 1
        assert isinstance(heard.reports[-1], Finished | Broke)


def test_a_reporter_may_tell_the_execution_again() -> None:
    reports: list[Report] = []

    def report(said: Report) -> None:
        reports.append(said)
        execution.cancel()

    execution = Execution(new_call(double, 1), report)
    execution.finish(b"")

    assert [type(each) for each in reports] == [Finished]


def test_a_ctrl_c_in_the_main_thread_is_reported_and_passed_on() -> None:
    heard = Heard()

    with pytest.raises(KeyboardInterrupt):
        InlineRunner().start(new_call(press_ctrl_c, 1), heard)

    assert [type(each) for each in heard.reports] == [Broke]


def test_an_interrupt_that_a_call_raises_itself_is_its_outcome_alone() -> None:
    heard = Heard()

    InlineRunner().start(new_call(interrupt, 1), heard)

    (broke,) = heard.reports
    assert isinstance(broke, Broke)
    assert broke.kind == "KeyboardInterrupt"


def test_alarms_ring_in_their_order_unless_they_were_called_off() -> None:
    alarm, rung, done = ThreadAlarm(), [], threading.Event()
    alarm.after(0.02, lambda: rung.append("second"))
    alarm.after(0.01, lambda: rung.append("first"))
    call_off = alarm.after(0.015, lambda: rung.append("never"))
    alarm.after(0.03, done.set)

    call_off()

    assert done.wait(LIMIT_S)
    assert rung == ["first", "second"]
    alarm.close()


def test_an_alarm_that_fails_does_not_silence_the_others(caplog: pytest.LogCaptureFixture) -> None:
    def fail() -> None:
        raise ZeroDivisionError

    alarm, done = ThreadAlarm(), threading.Event()
    alarm.after(0.0, fail)
    alarm.after(0.01, done.set)

    assert done.wait(LIMIT_S)
    assert "ZeroDivisionError" in caplog.text
    alarm.close()


def test_nothing_rings_after_close() -> None:
    alarm, rung = ThreadAlarm(), threading.Event()
    alarm.after(0.05, rung.set)

    alarm.close()
    alarm.after(0.0, rung.set)

    assert not rung.wait(0.1)
