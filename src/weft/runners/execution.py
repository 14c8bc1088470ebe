"""One execution of a call: its function is run, and what happens becomes reports, of which exactly one is an outcome.

Every runner, and the worker process, runs user code through this module, so that they differ only in where it runs. The
value is encoded on the side that ran the call, by the operation's return annotation.

Knows nothing of threads, processes or queues.
Invariant: an `Execution` passes on partials and then one outcome; whatever is told to it later is dropped.
Source: the promise of E and JavaScript, resolved once; the tell/ask split of actors.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
import threading
import time
from collections.abc import AsyncGenerator, AsyncIterable, Awaitable
from contextlib import AsyncExitStack, aclosing
from typing import cast

from weft.blob import Blob
from weft.call import Broke, Call, Finished, Partial, Report, Reporter
from weft.errors import Unencodable, WeftError
from weft.failure import is_ctrl_c, message_of, where_of
from weft.operation import Operation
from weft.runners.alarm import Clock
from weft.spent import Meter, Spent, metered
from weft.value import Shape, shape_of

logger = logging.getLogger("weft.runners")


class TimedOut(WeftError):
    """{operation} was not done after {timeout_s:g} s. Give it more with timeout_s, or less to do."""

    operation: str
    timeout_s: float


class Cancelled(WeftError):
    """{operation} was cancelled before it was done."""

    operation: str


class RunnerClosed(WeftError):
    """{operation} was not done when its runner "{runner}" was closed. Run it again when the space is open."""

    operation: str
    runner: str


class Unkept(WeftError):
    """{operation} returned what cannot be kept: {reason}. Return {wanted}, as it declares."""

    operation: str
    reason: str
    wanted: str


class YieldedNothing(WeftError):
    """{operation} is a generator and ended without a yield, so it has no value. Yield the whole value at least once."""

    operation: str


class NotForRunner(WeftError):
    """{operation} is {found} and cannot run on the runner "{runner}": {why}. Use runner="{instead}" or leave it out."""

    operation: str
    found: str
    runner: str
    why: str
    instead: str


class Execution:
    """A call on its way to its one outcome; may be told things from any thread."""

    def __init__(self, call: Call, report: Reporter, *, clock: Clock = time.perf_counter) -> None:
        self.call = call
        self._report = report
        self._clock = clock
        self._began_s = clock()
        # Held while reporting, or a partial could overtake an outcome that another thread reports.
        self._turn = threading.RLock()
        self._is_done = False
        self.meter = Meter() if call.services else None

    @property
    def is_done(self) -> bool:
        """Whether the outcome was reported."""
        return self._is_done

    def begin(self) -> None:
        """Count the time taken from now on."""
        self._began_s = self._clock()

    def partial(self, index: int, encoded: bytes) -> None:
        """Report a partial value."""
        self._tell(Partial(self.call.id, index, encoded), last=False)

    def finish(self, encoded: bytes, blobs: tuple[Blob, ...] = ()) -> None:
        """Report the value, and the blobs in it that the call made."""
        self._tell(Finished(self.call.id, encoded, self._took_s(), blobs, spent=self._spent()), last=True)

    def fail(self, error: BaseException, *, retry: bool) -> None:
        """Report that the call broke with this exception."""
        self.fail_as(type(error).__name__, message_of(error), where_of(error), retry=retry)

    def fail_as(self, kind: str, message: str, where: str, *, retry: bool) -> None:
        """Report that the call broke, in these words."""
        spent = self._spent()
        self._tell(Broke(self.call.id, kind, message, where, retry, self._took_s(), spent=spent), last=True)

    def time_out(self) -> None:
        """Report that the call's time is up."""
        assert self.call.timeout_s is not None
        self.fail(TimedOut(operation=self.call.operation.name, timeout_s=self.call.timeout_s), retry=True)

    def cancel(self) -> None:
        """Report that the call was cancelled."""
        self.fail(Cancelled(operation=self.call.operation.name), retry=True)

    def close(self, runner: str) -> None:
        """Report that the runner of this name is no more."""
        self.fail(RunnerClosed(operation=self.call.operation.name, runner=runner), retry=True)

    def encoded(self, value: object) -> bytes | None:
        """The canonical bytes of a value of the call; None after reporting that it cannot be kept."""
        try:
            return kept(self.call.operation, shape_of(self.call.operation.returns), value)
        except Unkept as error:
            self.fail(error, retry=False)
            return None

    def _spent(self) -> Spent | None:
        return self.meter.spent() if self.meter is not None else None

    def _took_s(self) -> float:
        return max(0.0, self._clock() - self._began_s)

    def _tell(self, report: Report, *, last: bool) -> None:
        with self._turn:
            if self._is_done:
                return
            self._is_done = last
            try:
                self._report(report)
            except Exception:
                # Whoever listens is not this call's code: its failure must not become a second outcome of the call.
                logger.exception("a report of %s was not taken", self.call.operation.name)


def kept(operation: Operation, shape: Shape, value: object) -> bytes:
    """The canonical bytes of what an operation returned. Raises `Unkept`."""
    try:
        return shape.encode(value)
    except Exception as error:  # noqa: BLE001 - a type of the user's own may run code when it is encoded
        raise _unkept(operation, error) from None


def _unkept(operation: Operation, error: Exception) -> Unkept:
    is_told = isinstance(error, Unencodable)
    said = (
        message_of(error).rstrip(".")
        if is_told
        else f"{type(error).__name__} while it was encoded: {message_of(error)}"
    )
    return Unkept(operation=operation.name, reason=said, wanted=inspect.formatannotation(operation.returns))


def answer(call: Call, clock: Clock) -> Finished | Broke:
    """Run a sync call to its end in this thread, and return its outcome. Raises only a Ctrl-C, where a real one lands:
    to swallow it in the main thread would make a program that cannot be stopped."""
    id, operation = call.id, call.operation
    began_s = clock()
    try:
        value = operation.function(*call.arguments, **call.services)
        shape = shape_of(operation.returns)
        try:
            encoded = shape.encode(value)
        except Exception as error:  # noqa: BLE001 - a type of the user's own may run code when it is encoded
            raise _unkept(operation, error) from None
        blobs = _pending_blobs(shape, value) if shape.has_blobs else ()
    except BaseException as error:  # whatever user code raises is this call's outcome
        if is_ctrl_c(error):
            raise
        took_s = max(0.0, clock() - began_s)
        kind, retry = type(error).__name__, not isinstance(error, Unkept) and operation.is_worth_a_retry(error)
        return Broke(id, kind, message_of(error), where_of(error), retry, took_s)
    took_s = clock() - began_s
    return Finished(id, encoded, max(0.0, took_s), blobs)


def run_here(execution: Execution) -> BaseException | None:
    """Run the call to its end in this thread: an async one on an event loop of its own.

    Raises nothing. Returns what user code raised, for a caller that must treat some of it as its own.
    """
    kind = execution.call.operation.kind
    try:
        if kind == "sync":
            with metered(execution.meter):
                _run_sync(execution)
        else:
            asyncio.run(run_on_loop(execution))
    except BaseException as error:  # noqa: BLE001 - whatever user code raises is this call's outcome
        execution.fail(error, retry=execution.call.operation.is_worth_a_retry(error))
        return error
    return None


async def run_on_loop(execution: Execution) -> None:
    """Run an async call to its end on the running loop. Raises only `CancelledError`, and that after its outcome."""
    try:
        with metered(execution.meter):
            await _run_async(execution)
    except asyncio.CancelledError:
        execution.cancel()
        raise
    except BaseException as error:  # noqa: BLE001 - also SystemExit: user code may end its call, never the loop
        execution.fail(error, retry=execution.call.operation.is_worth_a_retry(error))


async def _run_async(execution: Execution) -> None:
    call = execution.call
    made = call.operation.function(*call.arguments, **call.services)
    if call.operation.kind == "async":
        _finish(execution, await cast("Awaitable[object]", made))
    else:
        await _run_stream(execution, cast("AsyncIterable[object]", made))


def _run_sync(execution: Execution) -> None:
    call = execution.call
    value = call.operation.function(*call.arguments, **call.services)
    _finish(execution, value)


async def _run_stream(execution: Execution, values: AsyncIterable[object]) -> None:
    encoded, index, value = None, 0, None
    async with AsyncExitStack() as ends:
        if hasattr(values, "aclose"):
            # Else a generator that is left early is closed by the garbage collector, on another loop or never.
            await ends.enter_async_context(aclosing(cast("AsyncGenerator[object, None]", values)))
        async for value in values:
            encoded = execution.encoded(value)
            if encoded is None or execution.is_done:
                return
            execution.partial(index, encoded)
            index += 1
    if encoded is None:
        execution.fail(YieldedNothing(operation=execution.call.operation.name), retry=True)
    else:
        execution.finish(encoded, _made_blobs(execution, value))


def _finish(execution: Execution, value: object) -> None:
    encoded = execution.encoded(value)
    if encoded is not None:
        execution.finish(encoded, _made_blobs(execution, value))


def _made_blobs(execution: Execution, value: object) -> tuple[Blob, ...]:
    return _pending_blobs(shape_of(execution.call.operation.returns), value)


def _pending_blobs(shape: Shape, value: object) -> tuple[Blob, ...]:
    return tuple(blob for blob in shape.blobs(value) if blob.is_pending)
