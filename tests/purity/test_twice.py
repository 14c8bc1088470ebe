"""Under test: calls of operations that are declared pure are made twice, and what differs is raised."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator

import pytest

import weft
from tests.purity.operations import Bench, Oracle, Silent, Told
from weft import NodeFailed
from weft.call import AttemptId, Broke, Call, Finished, Report, Reporter
from weft.errors import WeftError
from weft.operation import operation_of
from weft.purity.finding import FINDINGS_SHOWN_MAX, NotPure
from weft.runners.inline import InlineRunner
from weft.testing.twice import Book, TwiceRunner, twice

LIMIT_S = 120.0


def values_of(*nodes: str, services: object = None, apart: bool = False, metered: bool = False) -> dict[str, object]:
    """What nodes show in a space within `twice`; raises what it found."""
    found: dict[str, object] = {}
    with twice(apart=apart, metered=metered):
        offered: dict[type, object] = {Oracle: services} if services is not None else {}
        with weft.open(types=[Bench], services=offered) as space:
            bench = space.create(Bench)
            for node in nodes:
                with contextlib.suppress(NodeFailed):
                    found[node] = getattr(bench, node).wait(timeout_s=LIMIT_S)
    return found


def values_in(kind: type[Bench], count: int) -> list[object]:
    """What so many calls that are no two alike come to."""
    with weft.open(types=[kind]) as space:
        return [space.create(kind, n=n).counted.wait(timeout_s=LIMIT_S) for n in range(count)]


def finding_in(*nodes: str, apart: bool = False) -> NotPure:
    with pytest.raises(NotPure) as caught:
        values_of(*nodes, apart=apart)
    return caught.value


@pytest.mark.parametrize("node", ["counted_async", "counted_stream", "counted_apart", "counted_thread"])
def test_two_values_are_found_whatever_the_operation_is_and_wherever_it_runs(node: str) -> None:
    (finding,) = finding_in(node).findings

    assert (finding.kind, finding.operation) == ("two values", f"tests.purity.operations/{node}")
    assert int(finding.again) != int(finding.first)


def test_a_finding_names_operation_version_place_inputs_and_the_first_difference() -> None:
    said = str(finding_in("counted"))

    for part in (
        "1 finding of operations that are declared pure: declare what they depend on",
        "tests.purity.operations/counted, version 3, is declared pure and gave two values for one call",
        "declared at tests/purity/operations.py:",
        "    n  bafyrei",
        "…  1\n",
        "  first at .numbers[1]: ",
        "  again at .numbers[1]: ",
    ):
        assert part in said


def test_what_is_pure_gives_one_value_and_is_made_twice() -> None:
    with twice() as book, weft.open(types=[Bench]) as space:
        bench = space.create(Bench)
        assert bench.doubled.wait(timeout_s=LIMIT_S) == 2
        assert bench.not_pure.wait(timeout_s=LIMIT_S) >= 1
        assert bench.settling_stream.wait(timeout_s=LIMIT_S) == 1

    names = {"tests.purity.operations/doubled": 1, "tests.purity.operations/settling_stream": 1}
    assert (book.findings, dict(book.made_twice), dict(book.made_once)) == ((), names, {})


def test_sets_and_mappings_have_no_order_to_differ_in() -> None:
    assert set(values_of("as_set", "as_mapping")) == {"as_set", "as_mapping"}


def test_a_value_once_and_an_error_once_are_found() -> None:
    (finding,) = finding_in("whimsical").findings

    assert finding.kind == "a value and an error"
    assert {finding.first, finding.again} == {"1", "ValueError: not this time"}


def test_two_different_errors_are_found_and_equal_ones_are_not() -> None:
    (finding,) = finding_in("moody", "refusing").findings

    assert (finding.kind, finding.operation) == ("two errors", "tests.purity.operations/moody")
    assert finding.first.startswith("ValueError: no ")
    assert finding.again.startswith("ValueError: no ")


@pytest.mark.parametrize("node", ["grown", "grown_apart", "grown_async", "grown_stream"])
def test_an_input_that_was_changed_is_a_finding_and_the_second_call_gets_one_of_its_own(node: str) -> None:
    (finding,) = finding_in(node).findings

    # Of the same list the second call would have counted one more, and there would be two values too.
    assert (finding.kind, finding.path, finding.first, finding.again) == ("changed input", "xs[0]", "nothing", "0")
    assert "before at xs[0]: nothing\n  after at xs[0]: 0" in str(finding)


def test_an_input_that_is_no_value_any_more_was_changed_too_though_the_call_failed() -> None:
    (finding,) = finding_in("spoilt").findings

    assert finding.kind == "changed input"
    assert finding.again.startswith("no value any more: ")


@pytest.mark.parametrize("node", ["size", "size_apart"])
def test_the_content_of_blobs_is_there_for_the_second_call_too(node: str) -> None:
    assert values_of(node) == {node: len(b"a photo")}


def test_in_another_process_what_depends_on_this_one_shows() -> None:
    assert set(values_of("by_process")) == {"by_process"}

    (finding,) = finding_in("by_process", apart=True).findings

    assert finding.kind == "two values"


def test_in_another_process_the_order_of_a_set_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    assert set(values_of("in_set_order")) == {"in_set_order"}
    monkeypatch.setenv("PYTHONHASHSEED", "424242")  # this process has another one

    (finding,) = finding_in("in_set_order", apart=True).findings

    assert "in another order: is it made from a set?" in str(finding)


@pytest.mark.parametrize(
    ("service", "metered", "times"),
    [
        (Told(), False, 2),
        (Told(cost="metered"), False, 1),
        (Told(cost="metered"), True, 2),
        (Told(deterministic=False), True, 1),
        (Told(effect="writes outside"), True, 1),
    ],
)
def test_a_service_is_asked_twice_only_where_that_harms_nobody(service: Told, metered: bool, times: int) -> None:
    fresh = Told(service.deterministic, service.cost, service.effect)

    assert values_of("asked", services=fresh, metered=metered) == {"asked": 10}

    assert fresh.asked == times


def test_a_service_that_says_nothing_is_asked_once_and_that_is_told() -> None:
    service = Silent()
    with twice() as book, weft.open(types=[Bench], services={Oracle: service}) as space:
        assert space.create(Bench).asked.wait(timeout_s=LIMIT_S) == 10

    assert service.asked == 1
    assert book.made_once == {
        "tests.purity.operations/asked": "its service oracle does not say that it is deterministic"
    }


def test_a_call_of_another_process_takes_its_service_along() -> None:
    assert values_of("asked", services=Told(runner="process")) == {"asked": 10}


def test_what_is_raised_within_is_raised_and_not_what_was_found() -> None:
    def fail() -> None:
        with twice():
            values = values_in(Bench, 1)
            raise LookupError(f"the test's own, after {values}")

    with pytest.raises(LookupError, match="the test's own"):
        fail()


def test_spaces_that_are_opened_afterwards_make_calls_once() -> None:
    with twice() as book:
        pass
    with weft.open(types=[Bench]) as space:
        space.create(Bench).counted.wait(timeout_s=LIMIT_S)

    assert (book.findings, dict(book.made_twice)) == ((), {})


def test_many_findings_are_counted() -> None:
    with pytest.raises(NotPure) as caught, twice():
        values_in(Bench, FINDINGS_SHOWN_MAX + 2)

    said = str(caught.value)
    assert said.startswith(f"{FINDINGS_SHOWN_MAX + 2} findings of")
    assert said.count("declared at") == FINDINGS_SHOWN_MAX
    assert said.endswith("… and 2 more")


# One runner, by hand ------------------------------------------------------------------------------------------------


class Failing:
    """A runner that makes the first call, and fares badly with every other."""

    name = "held"

    def __init__(self, kind: str, *, at_once: bool = False) -> None:
        self.kind, self.started, self.cancelled = kind, 0 if at_once else -1, list[AttemptId]()

    def start(self, call: Call, report: Reporter, /) -> None:
        self.started += 1
        if self.started:
            report(Broke(call.id, self.kind, "no room", "", True, 0.0))
        else:
            InlineRunner().start(call, report)

    def cancel(self, id: AttemptId, /) -> None:
        self.cancelled.append(id)

    def close(self) -> None:
        pass


def call_of(function: object, *arguments: object) -> Call:
    return Call(AttemptId(1, 7), operation_of(function), arguments, {})  # type: ignore[arg-type]


def outcome(runner: TwiceRunner, call: Call) -> Report:
    said: list[Report] = []
    runner.start(call, said.append)
    (only,) = said
    return only


@pytest.mark.parametrize("kind", ["WorkerDied", "TimedOut", "RunnerClosed", "ThreadsStuck"])
def test_how_a_runner_fares_says_nothing_of_the_function(kind: str) -> None:
    from tests.purity.operations import doubled

    book = Book()
    report = outcome(TwiceRunner(Failing(kind), book), call_of(doubled, 3))

    assert isinstance(report, Finished)
    assert (book.findings, dict(book.made_twice)) == ((), {})
    assert book.made_once == {"tests.purity.operations/doubled": f"{kind}: no room"}


def test_a_first_call_that_a_runner_could_not_make_is_not_made_again() -> None:
    from tests.purity.operations import doubled

    runner, book = Failing("WorkerDied", at_once=True), Book()
    report = outcome(TwiceRunner(runner, book), call_of(doubled, 3))

    assert isinstance(report, Broke)
    assert (runner.started, book.findings) == (1, ())


def test_both_calls_are_asked_to_stop() -> None:
    runner = Failing("Cancelled")
    TwiceRunner(runner, Book()).cancel(AttemptId(1, 7))

    assert len(set(runner.cancelled)) == 2
    assert AttemptId(1, 7) in runner.cancelled


def test_a_runner_that_answers_at_once_does_so_twice() -> None:
    from tests.purity.operations import counted

    book = Book()
    runner = TwiceRunner(InlineRunner(), book)
    assert runner.run is not None
    report = runner.run(call_of(counted, 3))

    assert isinstance(report, Finished)
    assert [finding.kind for finding in book.findings] == ["two values"]
    assert TwiceRunner(Failing("x"), book).run is None


def test_an_argument_that_is_no_value_is_not_made_anew() -> None:
    from tests.purity.operations import doubled

    book = Book()
    report = outcome(TwiceRunner(InlineRunner(), book), call_of(doubled, 1.5))

    assert isinstance(report, Broke)
    assert list(book.made_once) == ["tests.purity.operations/doubled"]


def test_the_error_is_an_assertion_and_one_of_ours() -> None:
    assert issubclass(NotPure, AssertionError)
    assert issubclass(NotPure, WeftError)


@pytest.fixture(autouse=True)
def _quiet(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    with caplog.at_level(logging.CRITICAL):
        yield
