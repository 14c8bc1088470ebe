"""In production: some calls of pure operations are made again when their result is durable; what differs is kept."""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Callable, Iterator
from functools import partial

import pytest

import weft
from tests.purity.operations import Bench, Oracle, Told
from weft import NodeFailed, Space
from weft.attempt import Attempts
from weft.call import Broke, Call, Finished, Partial, Report
from weft.content import content_id, encode
from weft.definition import compile_type
from weft.home import Home
from weft.purity.checks import Checks, checks_of
from weft.purity.kept import Impure, impure_in
from weft.purity.sampled import WAITING_MAX, SampledAttempts
from weft.rebuild import rebuild
from weft.record import Entry
from weft.slot import Ok
from weft.store import ALTERNATIVE, TABLES, Batch, StoreFailed, entries_of
from weft.stores.memory import MemoryStore
from weft.testing.world import World
from weft.value import shape_of

LIMIT_S = 120.0


class Checked(World):
    """A world whose calls are checked; second calls are held like first ones."""

    def __init__(self, *, checks: Checks | None = None, **how: object) -> None:
        self.late: list[Report] = []
        make = partial(SampledAttempts, checks=checks or Checks(1))
        super().__init__(Bench, make_attempts=make, **how)  # type: ignore[arg-type]

    def _late(self, report: Report) -> None:
        self.late.append(report)

    def bench(self, id: str = "b", *, watch: str = "doubled", n: int = 1) -> None:
        self.tell([id, "", "create", "Bench"], [id, "n", "set", n], [id, "xs", "set", []])
        for node in watch.split():
            self.engine.watch(id, node)

    def answer(self, call: Call, value: object) -> None:
        """A second call comes back, by its own reporter."""
        self.say(call, Finished(call.id, shape_of(call.operation.returns).encode(value), 0.0))

    def say(self, call: Call, said: Report) -> None:
        _, reporter = self.runner.held.pop(call.id)
        reporter(said)
        while self.late:
            self.report(self.late.pop(0))

    def checked(self) -> list[Entry]:
        return [entry for entry in entries_of(self.store) if entry.kind == "checked"]


def test_the_second_call_goes_out_when_the_first_is_durable_and_delays_nothing() -> None:
    world = Checked()
    world.bench()
    (first,) = world.step()

    world.finish(first)

    assert world.value("b", "doubled") == 2
    assert world.held() == []
    (again,) = world.step()
    assert again.arguments == first.arguments
    assert again.id not in world.attempts.open
    world.answer(again, 2)
    assert world.checked() == []
    assert world.step() == []


def test_another_value_is_recorded_beside_the_first_which_stands() -> None:
    world = Checked()
    world.bench()
    (first,) = world.step()
    world.finish(first)
    (again,) = world.step()

    world.answer(again, 3)

    (entry,) = world.checked()
    assert entry.said["slot"] == ["b", "doubled", ""]
    assert (entry.said["found"], entry.said["path"], entry.said["shown"]) == ("two values", "", ["2", "3"])
    assert world.value("b", "doubled") == 2
    ((_, position), _) = next(iter(world.engine.rows(ALTERNATIVE)))
    assert position == entry.position


def test_it_survives_a_crash_and_a_rebuild() -> None:
    world = Checked()
    world.bench()
    (first,) = world.step()
    world.finish(first)
    world.answer(world.step()[0], 3)
    world.crash()
    found = impure_in(world.engine)
    before = {table.name: list(world.store.rows(table)) for table in TABLES}
    world.store.release()

    rebuild(world.store, epoch=world.store.acquire(), types={"Bench": compile_type(Bench)})

    assert [one.operation for one in found] == ["tests.purity.operations/doubled"]
    assert {table.name: list(world.store.rows(table)) for table in TABLES} == before
    world.store.release()
    world.open()
    assert impure_in(world.engine) == found


def test_an_error_once_is_recorded_and_never_shown() -> None:
    world = Checked()
    world.bench()
    (first,) = world.step()
    world.finish(first)
    (again,) = world.step()

    world.say(again, Broke(again.id, "ValueError", "not now", "", True, 0.0))

    assert [entry.said["found"] for entry in world.checked()] == ["a value and an error"]
    assert world.value("b", "doubled") == 2


def test_a_value_after_an_error_is_recorded_and_never_shown() -> None:
    world = Checked()
    world.bench()
    (first,) = world.step()
    world.fail(first, retry=False)
    (again,) = world.step()

    world.answer(again, 2)

    assert [entry.said["found"] for entry in world.checked()] == ["a value and an error"]
    assert world.value("b", "doubled") is None
    assert [one.operation for one in impure_in(world.engine)] == ["tests.purity.operations/doubled"]


@pytest.mark.parametrize("kind", ["TimedOut", "WorkerDied", "RunnerClosed", "Cancelled"])
def test_how_a_runner_fares_with_either_call_is_no_finding(kind: str) -> None:
    world = Checked()
    world.bench()
    (first,) = world.step()
    world.finish(first)
    (again,) = world.step()
    world.say(again, Broke(again.id, kind, "no room", "", True, 0.0))
    world.bench("c", n=2)
    (other,) = world.step()

    world.report(Broke(other.id, kind, "no room", "", False, 0.0))

    assert world.step() == []
    assert world.checked() == []


def test_partial_values_of_the_second_call_are_shown_to_nobody() -> None:
    world = Checked()
    world.bench(watch="counted_stream")
    (first,) = world.step()
    world.finish(first, 5)
    (again,) = world.step()

    world.say(again, Partial(again.id, 0, encode(7)))

    assert world.slot("b", "counted_stream").frame is None
    assert world.checked() == []


def test_a_call_waits_to_be_checked_while_others_run_there() -> None:
    world = Checked()
    world.bench(watch="doubled not_pure")
    calls = {call.operation.name.partition("/")[2]: call for call in world.step()}

    world.finish(calls["doubled"])

    assert world.step() == []
    world.finish(calls["not_pure"], 4)
    assert [call.operation.name for call in world.step()] == ["tests.purity.operations/doubled"]


def test_checks_are_made_one_at_a_time() -> None:
    world = Checked()
    for number in range(3):
        world.bench(str(number), n=number)
    for call in world.step():
        world.finish(call)

    (one,) = world.step()
    assert world.step() == []
    world.answer(one, one.arguments[0] * 2)  # type: ignore[operator]
    (two,) = world.step()
    assert two.arguments != one.arguments


def test_where_it_is_never_idle_checks_are_made_when_many_wait() -> None:
    world = Checked()
    world.bench("busy", watch="not_pure")
    world.step()
    for number in range(WAITING_MAX + 3):
        assert world.held() == [world.held()[0]]
        world.bench(str(number), n=number)
        (call,) = world.step()
        world.finish(call)
        if number < WAITING_MAX - 1:
            assert world.step() == []
        else:
            (again,) = world.step()
            world.answer(again, again.arguments[0] * 2)  # type: ignore[operator]


def test_a_call_whose_result_was_not_kept_is_checked_when_it_is() -> None:
    world = Checked()
    world.bench()
    (first,) = world.step()
    world.attempts.report(Finished(first.id, encode(2), 0.0))

    world.engine.forget()  # as when the disk was full
    world.engine.resume()
    world.attempts.reopen([first.id])

    assert world.step() == []
    world.finish(first)
    (again,) = world.step()
    world.answer(again, 3)
    assert len(world.checked()) == 1
    assert world.step() == []


def test_a_finding_that_is_lost_with_its_batch_is_made_again_of_the_same_answer() -> None:
    world = Checked()
    world.bench()
    (first,) = world.step()
    world.finish(first)
    (again,) = world.step()
    _, reporter = world.runner.held[again.id]
    reporter(Finished(again.id, encode(3), 0.0))
    (said,) = world.late
    world.attempts.report(said)

    world.engine.forget()
    world.engine.resume()
    world.attempts.reopen([said.id])
    assert world.checked() == []
    world.report(said)

    assert len(world.checked()) == 1


def test_an_answer_that_is_on_its_way_while_the_engine_turns_is_heard() -> None:
    world = Checked()
    world.bench()
    world.finish(world.step()[0])
    (again,) = world.step()
    _, reporter = world.runner.held[again.id]
    reporter(Finished(again.id, encode(3), 0.0))

    world.step()
    world.report(world.late.pop())

    assert len(world.checked()) == 1


def test_only_calls_of_the_share_are_made_again() -> None:
    keys = [content_id(encode(n)) for n in range(4000)]

    assert sum(Checks(0.25).takes(key) for key in keys) == pytest.approx(1000, abs=120)
    assert all(Checks(1).takes(key) for key in keys)
    assert not any(Checks(0).takes(key) for key in keys)
    assert {key for key in keys if Checks(0.1).takes(key)} <= {key for key in keys if Checks(0.2).takes(key)}


def test_calls_outside_of_the_share_and_of_others_are_made_once() -> None:
    world = Checked(checks=Checks(1e-12))
    world.bench()
    world.finish(world.step()[0])
    assert world.step() == []

    other = Checked()
    other.bench(watch="not_pure")
    other.finish(other.step()[0], 3)
    assert other.step() == []


@pytest.mark.parametrize(
    ("service", "checks", "is_asked_again"),
    [
        (Told(), Checks(1), True),
        (Told(cost="metered"), Checks(1), False),
        (Told(cost="metered"), Checks(1, metered=True), True),
        (Told(deterministic=False), Checks(1, metered=True), False),
    ],
)
def test_a_metered_service_is_asked_again_only_on_request(service: Told, checks: Checks, is_asked_again: bool) -> None:
    world = Checked(checks=checks, services={"Oracle": service})
    world.bench(watch="asked")
    world.finish(world.step()[0], 10)

    assert bool(world.step()) == is_asked_again


def test_what_is_found_twice_is_a_warning_once(caplog: pytest.LogCaptureFixture) -> None:
    world = Checked()
    with caplog.at_level(logging.INFO, "weft"):
        for number in range(2):
            world.bench(str(number), n=number)
            world.finish(world.step()[0])
            (again,) = world.step()
            world.answer(again, -1)
            world.step()

    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]
    said = caplog.records[0].getMessage()
    assert said.startswith("tests.purity.operations/doubled, version h")
    assert said.endswith("is declared pure and gave two values for one call, at 0.doubled; weft doctor and why show it")


@pytest.mark.parametrize("share", [-0.1, 1.1, float("nan"), "all", None])
def test_what_is_no_share_is_refused_in_words(share: object) -> None:
    with pytest.raises(ValueError, match="the share of calls to check, from 0"):
        weft.open(check_pure=share)  # type: ignore[arg-type]


def test_nothing_stands_around_the_engine_where_nothing_is_asked_for() -> None:
    assert checks_of(0) is None
    assert checks_of(Checks(0)) is None
    assert checks_of(True) == Checks(1)
    with weft.open(types=[Bench]) as space:
        assert isinstance(space._host, Home)
        assert space._host.make_attempts is Attempts


# Whole spaces --------------------------------------------------------------------------------------------------------


def wait_until(space: Space, is_so: Callable[[], bool]) -> None:
    """Wait for turns of the engine until something is so."""
    turns, until_s = 0, time.monotonic() + LIMIT_S
    while not is_so():
        assert time.monotonic() < until_s, "it never was"
        turns = space._host.wait_turn(turns, 0.5)


def wait_impure(space: Space, wanted: Callable[[list[Impure]], bool]) -> list[Impure]:
    """What the log says of operations, once that is what is wanted."""

    def found() -> list[Impure]:
        with space.view() as engine:
            return impure_in(engine)

    wait_until(space, lambda: wanted(found()))
    return found()


NODES = {
    "counted": "two values",
    "counted_async": "two values",
    "counted_stream": "two values",
    "counted_apart": "two values",
    "whimsical": "a value and an error",
    "moody": "two errors",
    "grown": "changed input",
    "grown_apart": "changed input",
    "grown_stream": "changed input",
}


def test_each_kind_of_operation_is_checked_where_it_runs(tmp_path: object) -> None:
    path = f"{tmp_path}/bench.weft"
    with weft.open(path, types=[Bench], check_pure=1) as space:
        bench = space.create(Bench)
        for node in (*NODES, "doubled", "refusing", "as_set", "size", "size_apart", "not_pure"):
            with contextlib.suppress(NodeFailed):
                getattr(bench, node).wait(timeout_s=LIMIT_S)
        wait_impure(space, lambda found: len(found) >= len(NODES))
    with weft.open(path) as space, space.view() as engine:
        found = {one.operation.partition("/")[2]: one.found for one in impure_in(engine)}

    assert found == {node: (kind,) for node, kind in NODES.items()}


def test_quick_calls_on_the_engines_own_thread_are_checked_elsewhere() -> None:
    with weft.open(types=[Bench], check_pure=1) as space:
        for n in range(6):
            space.create(Bench, n=n).counted.wait(timeout_s=LIMIT_S)
        (found,) = wait_impure(space, lambda found: bool(found) and len(found[0].calls) == 6)

    assert (found.is_pure, found.version, found.found) == (True, "3", ("two values",))


def test_a_call_that_is_given_its_own_last_value_is_given_it_again() -> None:
    world, again = Checked(inline=True), 0
    for number in (1, 5, 7):
        if number == 1:
            world.bench(watch="added seen", n=number)
        else:
            world.tell(["b", "n", "set", number])
        world.step()
        while world.late:
            again += 1
            world.report(world.late.pop(0))
            world.step()

    assert again >= 3
    assert (world.value("b", "added"), world.value("b", "seen")) == (13, "Settled")
    assert world.checked() == []


def test_in_an_async_space_too() -> None:
    import asyncio

    async def use() -> list[Impure]:
        async with weft.open(types=[Bench], check_pure=1) as space:
            async with space.edit():
                bench = space.create(Bench)
            await bench.counted_async
            async for activity in space.subscribe():
                if activity.type == "node.impure":
                    assert activity.node.endswith(".counted_async")
                    with space.view() as engine:
                        return impure_in(engine)
        raise AssertionError("nothing was found")

    (found,) = asyncio.run(use())
    assert found.found == ("two values",)


class Refusing(MemoryStore):
    """A store that refuses the first batch that holds a finding."""

    refusals = 1

    def append(self, batch: Batch, /, *, epoch: int) -> None:
        kinds = {entry.kind for record in batch.records for entry in record.entries()}
        if "checked" in kinds and self.refusals:
            self.refusals -= 1
            raise StoreFailed(path="memory", why="it is full")
        super().append(batch, epoch=epoch)


def test_a_finding_that_was_not_kept_is_recorded_once_there_is_room() -> None:
    store = Refusing()
    space = Space(store, {"Bench": compile_type(Bench)}, services={}, actor="local", make_attempts=Checks(1).attempts)
    with space:
        space.create(Bench).counted.wait(timeout_s=LIMIT_S)
        (found,) = wait_impure(space, bool)

    assert store.refusals == 0
    assert len(found.seen) == 1


def test_what_is_shown_and_told_first_is_the_same_with_and_without_checks() -> None:
    logs = []
    for share in (0, 1):
        with weft.open(types=[Bench], check_pure=share) as space:
            bench = space.create(Bench, n=4)
            bench.doubled.wait(timeout_s=LIMIT_S)
            with space.view() as engine:
                results = [entry.said for entry in entries_of(engine.store) if entry.kind == "result"]
                logs.append([(said["slot"][1:], said["outcome"], said["key"]) for said in results])  # type: ignore[index]

    assert logs[0] == logs[1]


def test_a_service_is_asked_again_in_a_whole_space() -> None:
    service = Told()
    with weft.open(types=[Bench], services={Oracle: service}, check_pure=1) as space:
        space.create(Bench).asked.wait(timeout_s=LIMIT_S)
        wait_until(space, lambda: service.asked == 2)

    assert service.asked == 2


def test_an_alternative_that_is_the_same_value_is_none() -> None:
    world = Checked()
    world.bench()
    (first,) = world.step()
    world.finish(first)
    result = world.slot("b", "doubled").result
    assert result is not None and isinstance(result.outcome, Ok)
    world.engine.batch.put(
        ALTERNATIVE, (result.call_key or b"", 3), (encode(world.engine.outcome_plain(result.outcome)),)
    )

    assert impure_in(world.engine) == []


@pytest.fixture(autouse=True)
def _quiet(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    with caplog.at_level(logging.CRITICAL, "weft"):
        yield
