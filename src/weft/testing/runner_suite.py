"""What every runner must do, as tests that the author of a runner inherits.

    class TestMyRunner(StoppingSuite, StreamSuite):
        is_async = True                        # it takes async functions; else sync ones
        def new_runner(self) -> Runner: …

`RunnerSuite` is for all; `StoppingSuite` for those that return from `start` at once and can give up on a call;
`StreamSuite` for those that take async generators; `IsolationSuite` for those whose calls cannot harm this process.
pytest finds the inherited tests, and each runner that a test opened is closed after it. The suite needs no test
library.
Its operations stand at the top level of this module, so that another process finds them.

Knows only the Runner port.
Invariant: a test waits for what must come, with a limit so generous that only a hang meets it.
Source: eventsourcing's recorder suites.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import queue
import signal
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Mapping

from weft.call import AttemptId, Broke, Call, Finished, Partial, Report, Runner
from weft.operation import op, operation_of
from weft.value import shape_of

LIMIT_S = 120.0
"""How long to wait for what must come."""
HANG_S = 5.0
"""How long an operation lasts that nobody waits for: a thread that was given up on ends before the tests do."""
MIB = 1 << 20

_numbers = itertools.count(1)


def double(number: int) -> int:
    """Twice the number."""
    return 2 * number


async def double_async(number: int) -> int:
    """Twice the number, a turn of the loop later."""
    await asyncio.sleep(0)
    return 2 * number


def raise_error(text: str) -> int:
    """Fail with this text."""
    raise LookupError(text)


async def raise_error_async(text: str) -> int:
    """Fail with this text."""
    raise LookupError(text)


class Lasting(LookupError):
    """Says of itself that it does not pass."""

    may_pass = False


def raise_lasting(text: str) -> int:
    """Fail with what does not pass."""
    raise Lasting(text)


async def raise_lasting_async(text: str) -> int:
    """Fail with what does not pass."""
    raise Lasting(text)


def _may_pass(error: BaseException) -> bool:
    return ["no", "later"].index(str(error)) == 1


@op(may_pass=_may_pass)
def raise_judged(text: str) -> int:
    """Fail with what may pass if its text is "later", and may not if it is "no"."""
    raise LookupError(text)


@op(may_pass=_may_pass)
async def raise_judged_async(text: str) -> int:
    """Fail with what may pass if its text is "later", and may not if it is "no"."""
    raise LookupError(text)


def leave(exit_code: int) -> int:
    """Ask for the end of the program."""
    sys.exit(exit_code)


async def leave_async(exit_code: int) -> int:
    """Ask for the end of the program."""
    sys.exit(exit_code)


def interrupt(number: int) -> int:
    """Fail as if by Ctrl-C."""
    raise KeyboardInterrupt


async def interrupt_async(number: int) -> int:
    """Fail as if by Ctrl-C."""
    raise KeyboardInterrupt


def return_text(number: int) -> int:
    """Return another type than the annotation says."""
    return str(number)  # type: ignore[return-value]


async def return_text_async(number: int) -> int:
    """Return another type than the annotation says."""
    return str(number)  # type: ignore[return-value]


def return_unkept(number: int) -> list[int]:
    """Return a list with something in it that cannot be kept."""
    return [number, object()]  # type: ignore[list-item]


async def return_unkept_async(number: int) -> list[int]:
    """Return a list with something in it that cannot be kept."""
    return [number, object()]  # type: ignore[list-item]


def echo(content: bytes) -> bytes:
    """The same content."""
    return content


async def echo_async(content: bytes) -> bytes:
    """The same content."""
    return content


def hang(seconds: float) -> int:
    """Take this long."""
    until_s = time.monotonic() + seconds
    while time.monotonic() < until_s:
        time.sleep(0.01)
    return 0


async def hang_async(seconds: float) -> int:
    """Take this long."""
    await asyncio.sleep(seconds)
    return 0


async def count(to: int) -> AsyncIterator[int]:
    """1, 2, … to."""
    for number in range(1, to + 1):
        yield number


async def count_and_fail(to: int) -> AsyncIterator[int]:
    """1, 2, … to, and then an error."""
    for number in range(1, to + 1):
        yield number
    raise LookupError("after the last")


async def count_and_hang(to: int) -> AsyncIterator[int]:
    """1, 2, … to, and then nothing for long."""
    for number in range(1, to + 1):
        yield number
    await asyncio.sleep(HANG_S)


def exit_hard(exit_code: int) -> int:
    """End the process, without any goodbye."""
    os._exit(exit_code)


def kill_self(signal_number: int) -> int:
    """End the process by a signal."""
    os.kill(os.getpid(), signal_number)
    return hang(HANG_S)


_ASYNC: Mapping[Callable[..., object], Callable[..., object]] = {
    double: double_async,
    raise_error: raise_error_async,
    raise_lasting: raise_lasting_async,
    raise_judged: raise_judged_async,
    leave: leave_async,
    interrupt: interrupt_async,
    return_text: return_text_async,
    return_unkept: return_unkept_async,
    echo: echo_async,
    hang: hang_async,
}


class Heard:
    """A reporter that keeps what it hears; to be waited on."""

    def __init__(self) -> None:
        self.reports: list[Report] = []
        self._outcomes: queue.SimpleQueue[Finished | Broke] = queue.SimpleQueue()
        self._partials: queue.SimpleQueue[Partial] = queue.SimpleQueue()

    def __call__(self, report: Report) -> None:
        """Hear a report."""
        self.reports.append(report)
        if isinstance(report, Partial):
            self._partials.put(report)
        else:
            self._outcomes.put(report)

    def wait_outcome(self) -> Finished | Broke:
        """The next outcome that nobody has waited for."""
        return self._outcomes.get(timeout=LIMIT_S)

    def wait_partial(self) -> Partial:
        """The next partial that nobody has waited for."""
        return self._partials.get(timeout=LIMIT_S)

    def outcomes(self) -> list[Finished | Broke]:
        """All outcomes so far."""
        return [each for each in self.reports if not isinstance(each, Partial)]


def new_call(
    function: Callable[..., object], *arguments: object, timeout_s: float | None = None, **services: object
) -> Call:
    """A call of `function`, with an attempt id of its own."""
    return Call(AttemptId(1, next(_numbers)), operation_of(function), arguments, services, timeout_s)


class RunnerSuite:
    """What every runner does."""

    is_async = False
    """Whether the runner is to be given async functions instead of sync ones."""

    _opened: list[Runner]

    def new_runner(self) -> Runner:
        """A new runner; override."""
        raise NotImplementedError

    def setup_method(self) -> None:
        """Begin a test with nothing open."""
        self._opened = []

    def teardown_method(self) -> None:
        """Close what the test opened."""
        for runner in self._opened:
            runner.close()

    def open_runner(self) -> Runner:
        """A runner that is closed after the test."""
        runner = self.new_runner()
        self._opened.append(runner)
        return runner

    def call(self, function: Callable[..., object], *arguments: object, timeout_s: float | None = None) -> Call:
        """A call of the function, or of its async twin."""
        return new_call(_ASYNC.get(function, function) if self.is_async else function, *arguments, timeout_s=timeout_s)

    def outcome(self, runner: Runner, call: Call) -> Finished | Broke:
        """The call's outcome, which is its only one."""
        heard = Heard()
        runner.start(call, heard)
        outcome = heard.wait_outcome()
        assert heard.outcomes() == [outcome]
        assert outcome.id == call.id
        assert outcome.took_s >= 0
        return outcome

    def broke(self, runner: Runner, call: Call) -> Broke:
        """The call's outcome, which must be that it broke."""
        outcome = self.outcome(runner, call)
        assert isinstance(outcome, Broke), outcome
        return outcome

    def value(self, runner: Runner, call: Call) -> object:
        """The call's value."""
        outcome = self.outcome(runner, call)
        assert isinstance(outcome, Finished), outcome
        return shape_of(call.operation.returns).decode(outcome.encoded)

    def test_a_value_comes_back_encoded(self) -> None:
        """The bytes are those of the return annotation's shape."""
        call = self.call(double, 21)

        outcome = self.outcome(self.open_runner(), call)

        assert isinstance(outcome, Finished)
        assert outcome.encoded == shape_of(int).encode(42)

    def test_an_exception_tells_its_class_text_and_place(self) -> None:
        """The place is in the operation, not in the runner."""
        broke = self.broke(self.open_runner(), self.call(raise_error, "no such shelf"))

        assert broke.kind == "LookupError"
        assert "no such shelf" in broke.message
        assert "raise LookupError(text)" in broke.where
        assert len(broke.where.splitlines()) == 1
        assert broke.retry

    def test_what_does_not_pass_is_not_worth_a_retry(self) -> None:
        """The operation says so, else the error itself; where the operation cannot say, it may pass."""
        runner = self.open_runner()

        said = [self.broke(runner, self.call(raise_judged, text)).retry for text in ("no", "later", "what?")]

        assert not self.broke(runner, self.call(raise_lasting, "no")).retry
        assert said == [False, True, True]

    def test_a_value_of_the_wrong_type_is_refused_in_words(self) -> None:
        """It names the operation; to try again would not help."""
        call = self.call(return_text, 1)

        broke = self.broke(self.open_runner(), call)

        assert call.operation.name in broke.message
        assert not broke.retry

    def test_a_value_that_cannot_be_kept_is_refused_with_its_place(self) -> None:
        """It names the operation and the place in the value."""
        call = self.call(return_unkept, 1)

        broke = self.broke(self.open_runner(), call)

        assert call.operation.name in broke.message
        assert "[1]" in broke.message
        assert not broke.retry

    def test_a_call_that_exits_breaks_and_the_runner_goes_on(self) -> None:
        """`sys.exit` ends the call alone."""
        runner = self.open_runner()

        broke = self.broke(runner, self.call(leave, 3))

        assert broke.kind == "SystemExit"
        assert self.value(runner, self.call(double, 4)) == 8

    def test_a_call_that_is_interrupted_breaks_and_the_runner_goes_on(self) -> None:
        """Started away from the main thread, where an interrupt may be passed on."""
        runner, heard = self.open_runner(), Heard()
        starter = threading.Thread(target=runner.start, args=(self.call(interrupt, 1), heard))
        starter.start()

        broke = heard.wait_outcome()
        starter.join()

        assert isinstance(broke, Broke)
        assert broke.kind == "KeyboardInterrupt"
        assert self.value(runner, self.call(double, 4)) == 8

    def test_a_hundred_calls_each_have_one_outcome(self) -> None:
        """Their order is not promised."""
        runner, heard = self.open_runner(), Heard()
        calls = [self.call(double, number) for number in range(100)]
        for call in calls:
            runner.start(call, heard)

        outcomes = {outcome.id: outcome for outcome in (heard.wait_outcome() for _ in calls)}

        assert outcomes.keys() == {call.id for call in calls}
        assert {outcome.encoded for outcome in outcomes.values() if isinstance(outcome, Finished)} == {
            shape_of(int).encode(2 * number) for number in range(100)
        }
        runner.close()
        assert len(heard.reports) == len(calls)

    def test_large_values_go_in_and_come_out_whole(self) -> None:
        """A mebibyte each way, more than any pipe holds."""
        content = os.urandom(MIB)

        assert self.value(self.open_runner(), self.call(echo, content)) == content

    def test_a_listener_that_fails_harms_nobody(self) -> None:
        """The runner goes on."""
        runner = self.open_runner()
        told = threading.Event()

        def fail(report: Report) -> None:
            told.set()
            raise RuntimeError("not my day")

        runner.start(self.call(double, 1), fail)

        assert told.wait(LIMIT_S)
        assert self.value(runner, self.call(double, 4)) == 8

    def test_to_cancel_what_has_ended_changes_nothing(self) -> None:
        """There is one outcome, the value."""
        runner, heard = self.open_runner(), Heard()
        call = self.call(double, 4)
        runner.start(call, heard)
        heard.wait_outcome()

        runner.cancel(call.id)
        runner.close()

        assert [type(each) for each in heard.reports] == [Finished]

    def test_a_closed_runner_reports_calls_as_broken(self) -> None:
        """To close twice is harmless."""
        runner = self.open_runner()
        runner.close()
        runner.close()

        broke = self.broke(runner, self.call(double, 1))

        assert broke.kind == "RunnerClosed"
        assert broke.retry


class StoppingSuite(RunnerSuite):
    """What runners do that do not run a call within `start`."""

    def test_a_call_that_takes_too_long_breaks(self) -> None:
        """To try again can help. The runner goes on."""
        runner = self.open_runner()
        call = self.call(hang, HANG_S, timeout_s=0.05)

        broke = self.broke(runner, call)

        assert broke.kind == "TimedOut"
        assert call.operation.name in broke.message
        assert broke.retry
        assert self.value(runner, self.call(double, 4)) == 8

    def test_a_call_in_time_is_not_touched_by_its_timeout(self) -> None:
        """Nothing is left of it afterwards."""
        assert self.value(self.open_runner(), self.call(double, 4, timeout_s=LIMIT_S)) == 8

    def test_a_running_call_can_be_cancelled(self) -> None:
        """The runner goes on."""
        runner, heard = self.open_runner(), Heard()
        call = self.call(hang, HANG_S)
        runner.start(call, heard)

        runner.cancel(call.id)

        outcome = heard.wait_outcome()
        assert isinstance(outcome, Broke)
        assert outcome.kind == "Cancelled"
        assert self.value(runner, self.call(double, 4)) == 8
        assert heard.outcomes() == [outcome]

    def test_one_of_many_calls_can_be_cancelled(self) -> None:
        """Wherever it is by then, each call has one outcome."""
        runner, heard = self.open_runner(), Heard()
        calls = [self.call(double, number) for number in range(20)]
        for call in calls:
            runner.start(call, heard)

        runner.cancel(calls[-1].id)

        assert {heard.wait_outcome().id for _ in calls} == {call.id for call in calls}

    def test_closing_breaks_what_runs_and_what_waits_once(self) -> None:
        """All is reported when `close` returns, and nothing later."""
        runner, heard = self.open_runner(), Heard()
        calls = [self.call(hang, HANG_S) for _ in range(20)]
        for call in calls:
            runner.start(call, heard)

        runner.close()

        assert {each.id for each in heard.reports} == {call.id for call in calls}
        assert [each.kind for each in heard.reports if isinstance(each, Broke)] == ["RunnerClosed"] * len(calls)

    def test_closing_while_calls_end_leaves_one_outcome_each(self) -> None:
        """Some have their value, some are broken."""
        runner, heard = self.open_runner(), Heard()
        calls = [self.call(double, number) for number in range(50)]
        for call in calls:
            runner.start(call, heard)
        heard.wait_outcome()

        runner.close()

        assert sorted(each.id for each in heard.reports) == sorted(call.id for call in calls)


class StreamSuite(RunnerSuite):
    """What runners do that take async generators."""

    def test_each_value_of_a_generator_is_a_partial_and_the_last_one_the_value(self) -> None:
        """In order, counted from 0, and before the outcome."""
        heard = Heard()
        call = new_call(count, 3)

        self.open_runner().start(call, heard)
        outcome = heard.wait_outcome()

        encoded = [shape_of(int).encode(number) for number in (1, 2, 3)]
        assert heard.reports[:-1] == [Partial(call.id, index, each) for index, each in enumerate(encoded)]
        assert heard.reports[-1] == outcome
        assert isinstance(outcome, Finished)
        assert outcome.encoded == encoded[-1]

    def test_a_generator_without_a_value_is_refused_in_words(self) -> None:
        """There is nothing to settle on."""
        call = new_call(count, 0)

        broke = self.broke(self.open_runner(), call)

        assert broke.kind == "YieldedNothing"
        assert call.operation.name in broke.message

    def test_a_generator_that_fails_has_no_value(self) -> None:
        """Its partials were heard; its last one does not stand."""
        heard = Heard()

        self.open_runner().start(new_call(count_and_fail, 2), heard)
        outcome = heard.wait_outcome()

        assert isinstance(outcome, Broke)
        assert outcome.kind == "LookupError"
        assert [type(each) for each in heard.reports] == [Partial, Partial, Broke]

    def test_a_generator_that_is_cancelled_is_silent_afterwards(self) -> None:
        """The outcome is the last report."""
        runner, heard = self.open_runner(), Heard()
        call = new_call(count_and_hang, 2)
        runner.start(call, heard)
        heard.wait_partial()
        heard.wait_partial()

        runner.cancel(call.id)

        assert isinstance(heard.wait_outcome(), Broke)
        runner.close()
        assert [type(each) for each in heard.reports] == [Partial, Partial, Broke]


class IsolationSuite(RunnerSuite):
    """What runners do whose calls run in other processes."""

    def test_a_call_that_ends_its_process_breaks_with_the_exit_code(self) -> None:
        """And the next call finds another process."""
        runner = self.open_runner()

        broke = self.broke(runner, new_call(exit_hard, 7))

        assert "code 7" in broke.message
        assert broke.retry
        assert self.value(runner, self.call(double, 4)) == 8

    def test_a_call_whose_process_is_killed_breaks_with_the_signal(self) -> None:
        """Whatever the signal."""
        runner = self.open_runner()
        for each in (signal.SIGKILL, signal.SIGSEGV):
            broke = self.broke(runner, new_call(kill_self, int(each)))

            assert each.name in broke.message
            assert broke.retry
        assert self.value(runner, self.call(double, 4)) == 8
