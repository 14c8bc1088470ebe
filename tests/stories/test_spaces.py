"""A space from the outside: how it is opened, edited, waited for, followed and shown."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

import weft
from tests.stories.operations import GATE, checked, doubled, gated, hangs, length_of, slow_words, until
from weft import (
    Absent,
    Entity,
    Failed,
    Field,
    NodeFailed,
    Retry,
    Running,
    Settled,
    WaitTimeout,
    derive,
    field,
    items,
)
from weft.attempt import NotOffered
from weft.pump import SpaceClosed


class Work(Entity):
    x: Field[int] = field(default=1)
    text: Field[str] = field(default="a b")
    double = derive(doubled, x)
    fourfold = derive(doubled, double)
    check = derive(checked, x)
    above = derive(doubled, check)
    gate = derive(gated, x)
    words = derive(slow_words, text)
    size = derive(length_of, words)
    xs = items(int)
    doubles = xs.each(doubled)
    hang = derive(hangs, x, timeout_s=0.05, retry=Retry(2, 0.01))


@pytest.fixture(autouse=True)
def gate() -> Iterator[None]:
    GATE.reset()
    yield
    GATE.opened.set()


def test_sync_async_and_streaming_operations_settle() -> None:
    with weft.open(types=[Work]) as space:
        work = space.create(Work, x=3, text="one two")
        assert (work.fourfold.wait(10), work.words.wait(10), work.size.wait(10)) == (12, "one two", 7)


def test_waiting_returns_what_was_settled_after_the_last_edit() -> None:
    with weft.open(types=[Work]) as space:
        work = space.create(Work)
        for x in range(2, 30):
            work.x = x
            assert work.fourfold.wait(10) == x * 4


def test_a_wait_that_takes_too_long_says_where_the_node_stands_and_the_work_goes_on() -> None:
    with weft.open(types=[Work]) as space:
        work = space.create(Work)
        with pytest.raises(WaitTimeout, match=r"gate of .* was not settled after 0.05 s: Running.*the work\s+goes on"):
            work.gate.wait(0.05)
        GATE.opened.set()
        assert work.gate.wait(10) == 10


def test_states_are_absent_running_settled_and_failed() -> None:
    with weft.open(types=[Work]) as space:
        work = space.create(Work)
        states: list[object] = [work.gate.state]
        with pytest.raises(WaitTimeout):
            work.gate.wait(0.01)
        assert GATE.reached.wait(10)
        states.append(work.gate.state)
        GATE.opened.set()
        work.gate.wait(10)
        assert [*states, work.gate.state] == [Absent(), Running(None, None, 1), Settled(10)]
        work.x = -1
        with pytest.raises(NodeFailed):
            work.check.wait(10)
        assert work.check.state == Failed("ValueError: -1 is below zero", None)


def test_a_late_joiner_sees_the_present_partial() -> None:
    with weft.open(types=[Work]) as space:
        work = space.create(Work, text="please wait here")
        space.watch(work.words)
        assert GATE.reached.wait(10)
        assert until(lambda: work.words.state == Running("please wait", None, 1))
        GATE.opened.set()
        assert work.words.wait(10) == "please wait here"


def test_a_failure_names_its_cause_and_keeps_the_last_good_value() -> None:
    with weft.open(types=[Work]) as space:
        work = space.create(Work, x=4)
        assert work.above.wait(10) == 8
        work.x = -4
        with pytest.raises(NodeFailed) as failed:
            work.above.wait(10)
        assert failed.value.last == 8
        assert f"InputFailed: Work {work.id[:8]}.check failed: ValueError: -4 is below zero" in str(failed.value)
        assert "Mend the cause and try it again, by space.retry(value)" in str(failed.value)
        work.x = 5
        assert work.above.wait(10) == 10


def test_retry_tries_what_failed_again() -> None:
    with weft.open(types=[Work]) as space:
        work = space.create(Work, x=-1)
        with pytest.raises(NodeFailed):
            work.check.wait(10)
        space.retry(work.check)
        with pytest.raises(NodeFailed):
            work.check.wait(10)
        assert space.counts()["tests.stories.operations/checked"] == {"executed": 2, "reused": 0}


def test_what_takes_longer_than_its_timeout_fails_after_its_retries() -> None:
    with weft.open(types=[Work]) as space:
        work = space.create(Work)
        with pytest.raises(NodeFailed, match=r"0\.05"):
            work.hang.wait(10)
        assert space.counts()["tests.stories.operations/hangs"] == {"executed": 2, "reused": 0}
        work.x = 0
        assert work.hang.wait(10) == 0


def test_watching_keeps_a_node_current_without_anybody_waiting() -> None:
    with weft.open(types=[Work]) as space:
        work = space.create(Work)
        space.watch(work.fourfold)
        for x in (5, 6):
            work.x = x
            position = space.wait_settled(timeout_s=10)
            assert position >= space.position - 4
            assert work.fourfold.state == Settled(x * 4)
        assert space.counts()["tests.stories.operations/doubled"]["executed"] >= 4


def test_nothing_is_computed_that_nobody_demands() -> None:
    with weft.open(types=[Work]) as space:
        work = space.create(Work)
        work.x = 5
        space.wait_settled(timeout_s=10)
        assert space.counts() == {}
        assert work.double.state == Absent()


def test_subscribers_get_every_activity_once_in_order_from_any_position() -> None:
    with weft.open(types=[Work]) as space:
        work = space.create(Work)
        for x in range(1, 6):
            work.x = x
            work.double.wait(10)
        everything = space.subscribe().present()
        positions = [activity.position for activity in everything]
        assert positions == list(range(1, space.position + 1))
        for after in (0, 3, positions[-2], positions[-1]):
            assert space.subscribe(after=after).present() == everything[after:]
        assert {activity.type for activity in everything} == {"definition", "traversal.started", "node.settled"}


def test_a_subscription_follows_what_is_still_to_come_and_ends_when_it_is_closed() -> None:
    with weft.open(types=[Work]) as space:
        work = space.create(Work)
        space.watch(work.double)
        seen: list[int] = []
        with space.subscribe() as activities:
            for activity in activities:
                seen.append(activity.position)
                if activity.type == "node.settled" and activity.preview == "18":
                    break
                if activity.position == space.position and len(seen) < 30:
                    work.x = 9
        assert seen == list(range(1, seen[-1] + 1))


def test_a_space_lasts_and_runs_nothing_again(tmp_path: Path) -> None:
    path = str(tmp_path / "work.weft")
    with weft.open(path, types=[Work]) as space:
        work = space.create(Work, x=2)
        work.xs.add(1, 2, 3)
        assert (work.fourfold.wait(10), work.doubles.wait(10)) == (8, (2, 4, 6))
    with weft.open(path, types=[Work]) as space:
        (work,) = space.find(Work)
        assert (work.fourfold.wait(10), work.doubles.wait(10)) == (8, (2, 4, 6))
        assert space.counts() == {}
        work.xs.add(4)
        assert work.doubles.wait(10) == (2, 4, 6, 8)
        assert space.counts() == {"tests.stories.operations/doubled": {"executed": 0, "reused": 1}}  # 2 × 2 × 2


def test_entities_of_types_that_were_not_given_are_read_and_not_computed(tmp_path: Path) -> None:
    path = str(tmp_path / "work.weft")
    with weft.open(path, types=[Work]) as space:
        work = space.create(Work, x=2)
        work.double.wait(10)
        work.x = 7
    with weft.open(path) as space:
        assert "Work" in space._repr_html_()
        (work,) = space.find(Work)
        assert work.x == 7
        work.x = 9
        assert work.x == 9
        with pytest.raises(NotOffered, match=r"the type Work was opened without its code; give it to open\(types=…\)"):
            work.double.wait(10)
    with weft.open(path, types=[Work]) as space:
        assert space.find(Work)[0].double.wait(10) == 18


def test_a_notebook_needs_no_with_and_shows_what_it_holds() -> None:
    space = weft.open(types=[Work])
    work = space.create(Work, x=3)
    assert work.double.wait(10) == 6
    assert "<table>" in work._repr_html_() and "<code>6</code>" in work._repr_html_()
    assert "Work" in space._repr_html_()
    assert "6" in work.double.html()
    assert "running" in work.gate.html() or "absent" in work.gate.html()
    space.close()
    space.close()
    with pytest.raises(SpaceClosed, match=r"Open it again with weft\.open"):
        work.x = 4
    with pytest.raises(SpaceClosed):
        work.double.wait(1)


def test_a_class_cell_run_again_is_a_new_definition_and_reruns_only_its_cone() -> None:
    def cell(*, is_second: bool) -> type[Entity]:
        class Cell(Entity):
            x: Field[int] = field(default=2)
            low = derive(doubled, x)
            high = derive(checked if is_second else doubled, low)

        return Cell

    first, second = cell(is_second=False), cell(is_second=True)
    space = weft.open()
    one = space.create(first)
    assert one.high.wait(10) == 8  # type: ignore[attr-defined]

    other = space.create(second)
    assert other.high.wait(10) == 4  # type: ignore[attr-defined]
    again = space.get(second, one.id)
    assert again.high.wait(10) == 4  # type: ignore[attr-defined]
    assert space.counts()["tests.stories.operations/doubled"]["executed"] == 2  # low was not run again
    space.close()


def test_the_logger_is_silent_by_default(capfd: pytest.CaptureFixture[str]) -> None:
    assert any(isinstance(handler, logging.NullHandler) for handler in logging.getLogger("weft").handlers)
    with weft.open(types=[Work]) as space:
        work = space.create(Work, x=-1)
        with pytest.raises(NodeFailed):
            work.check.wait(10)
    assert capfd.readouterr() == ("", "")


def test_handles_have_no_truth_value_and_keys_that_are_not_there_name_the_nearest() -> None:
    with weft.open(types=[Tables]) as space:
        tables = space.create(Tables, text="aab")
        assert dict(tables.counts.wait(10)) == {"a": 2, "b": 1}
        with pytest.raises(KeyError, match="has no element 'c'"):
            tables.counts["c"]
        assert tables.counts["a"].wait(10) == 2
        with pytest.raises(TypeError, match="has no truth value"):
            bool(tables.counts)


def letters(text: str) -> dict[str, int]:
    return {letter: text.count(letter) for letter in text}


class Tables(Entity):
    text: Field[str] = field(default="")
    counts = derive(letters, text)
