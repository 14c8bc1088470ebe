"""Every call of an operation that is declared pure, made twice: for tests of what is built on Weft.

    with twice():                     # in one test; in a whole suite: pytest_plugins = ["weft.testing.pytest_twice"]
        with weft.open(types=[Shelf]) as space: …

Within it every space that this program opens makes such calls a second time, before their result is told, with inputs
made anew. What differs is raised at its end, as `NotPure`. With `apart=True` the second execution is in a worker
process, where whatever depends on the order of a set, on a module's variables or on the first execution shows.

Knows nothing of any test library.
Invariant: a space shows what the first executions came to, as it does without this.
Source: QuickCheck's idempotence laws; hypothesis's flaky-test detection.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager

from msgspec.structs import replace

from weft.call import AttemptId, Broke, Call, Finished, Partial, Report, Reporter, Runner, answers_at_once
from weft.errors import Unencodable
from weft.home import Home
from weft.operation import Operation
from weft.purity.again import compared, is_of_the_call, make_again, why_not
from weft.purity.elsewhere import Answer
from weft.purity.finding import Finding, not_pure
from weft.purity.inputs import Inputs
from weft.runners.processes import ProcessRunner


class Book:
    """What was made twice, what was not, and what was found; written from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._findings: dict[str, Finding] = {}
        self._twice: Counter[str] = Counter()
        self._once: dict[str, str] = {}

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Each finding once, in the order in which they were made."""
        with self._lock:
            return tuple(self._findings.values())

    @property
    def made_twice(self) -> Mapping[str, int]:
        """How many calls were made twice, by operation."""
        with self._lock:
            return dict(self._twice)

    @property
    def made_once(self) -> Mapping[str, str]:
        """Operations that are declared pure and of which a call was not made twice: why, the last time."""
        with self._lock:
            return dict(self._once)

    def raise_found(self) -> None:
        """Raise `NotPure` if anything was found."""
        findings = self.findings
        if findings:
            raise not_pure(findings)

    def leave_out(self, operation: Operation, why: str) -> None:
        """A call is made once."""
        if operation.pure:
            with self._lock:
                self._once[operation.name] = why

    def compare(self, inputs: Inputs, first: Finished | Broke, again: Answer) -> None:
        """A call was made twice."""
        if not is_of_the_call(again.report):
            assert isinstance(again.report, Broke)
            self.leave_out(inputs.operation, f"{again.report.kind}: {again.report.message}")
            return
        found = list(compared(inputs, first, again))
        with self._lock:
            self._twice[inputs.operation.name] += 1
            for finding in found:
                self._findings.setdefault(str(finding), finding)


class TwiceRunner:
    """A runner that makes calls of pure operations twice, and tells what the first execution came to after the second.
    `apart`: where the second one is made, if not by the same runner."""

    def __init__(self, runner: Runner, book: Book, *, metered: bool = False, apart: Runner | None = None) -> None:
        self.name = runner.name
        self._runner, self._book, self._metered, self._apart = runner, book, metered, apart
        # A second execution in another process is waited for, and an answer at once cannot be.
        self.run = self._run if apart is None and answers_at_once(runner) is not None else None

    def start(self, call: Call, report: Reporter, /) -> None:
        """Make the call, and then once more where it may be."""
        inputs = self._inputs(call)
        if inputs is None:
            self._runner.start(call, report)
            return

        def ended(said: Report) -> None:
            if isinstance(said, Partial) or not is_of_the_call(said):
                report(said)
                return

            def ended_again(again: Answer) -> None:
                self._book.compare(inputs, said, again)
                report(said)

            make_again(replace(call, id=_second(call.id)), inputs, self._apart or self._runner, ended_again)

        self._runner.start(call, ended)

    def _run(self, call: Call, /) -> Finished | Broke:
        said: list[Finished | Broke] = []
        self.start(call, lambda report: None if isinstance(report, Partial) else said.append(report))
        return said[0]

    def _inputs(self, call: Call) -> Inputs | None:
        """The inputs of a call that is made twice."""
        why = why_not(call.operation, call.services, metered=self._metered)
        if not why:
            try:
                return Inputs.of(call)
            except Unencodable as unkept:
                why = f"an input of it is no value: {unkept}"
        self._book.leave_out(call.operation, why)
        return None

    def cancel(self, id: AttemptId, /) -> None:
        """Ask both executions to stop."""
        self._runner.cancel(id)
        (self._apart or self._runner).cancel(_second(id))

    def close(self) -> None:
        """Close the runner; `apart` is closed by whoever made it."""
        self._runner.close()


def _second(id: AttemptId) -> AttemptId:
    """The id of the second execution: no engine gives numbers below 0."""
    return AttemptId(id.epoch, -1 - id.number)


@contextmanager
def twice(*, metered: bool = False, apart: bool = False) -> Iterator[Book]:
    """Have every space that is opened within make calls of pure operations twice; raises `NotPure` at its end for what
    was found, unless something else was raised within. `metered`: also where a service charges for it."""
    book = Book()
    with ExitStack() as ends:
        elsewhere = ends.enter_context(_closing(ProcessRunner())) if apart else None
        ends.enter_context(_around(lambda runner: TwiceRunner(runner, book, metered=metered, apart=elsewhere)))
        yield book
    book.raise_found()


@contextmanager
def _closing(runner: ProcessRunner) -> Iterator[ProcessRunner]:
    try:
        yield runner
    finally:
        runner.close()


@contextmanager
def _around(put: Callable[[Runner], Runner]) -> Iterator[None]:
    """Have spaces put something around each of their runners."""
    before = Home.runners

    def runners(self: Home) -> dict[str, Runner]:
        return {name: put(runner) for name, runner in before(self).items()}

    Home.runners = runners  # type: ignore[method-assign]
    try:
        yield
    finally:
        Home.runners = before  # type: ignore[method-assign]
