"""Runs begin by what fires them, go on by what their steps come to, and tell each slice as one event, once."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any, Literal

import pytest

from weft import Entity, Field, Run, Space, derive, field, items, on
from weft.content import Plain
from weft.definition import compile_type
from weft.driving.carriers import Carriers
from weft.driving.driver import RunDriver
from weft.graph import ToldNode
from weft.runs.replay import Asking
from weft.runs.strands import Outcome, Value
from weft.steps.carrier import Moments, Over, RunId
from weft.steps.due import DueSteps
from weft.steps.questions import Questions
from weft.store import WAIT
from weft.stores.memory import MemoryStore
from weft.told_runs import RunsCell

Status = Literal["draft", "published"]
HOUR = timedelta(hours=1)


def is_wanted(title: str) -> bool:
    return title != "muted"


class Post(Entity):
    title: Field[str] = field(default="one")
    status: Field[Status] = field(default="draft")
    sent: Field[str | None] = field(default=None)
    log = items(str)
    wanted = derive(is_wanted, title)

    @on(status.becomes("published"), guard=wanted)
    async def announce(self, run: Run) -> str:
        self.log.add(f"began with {self.title}")
        await run.sleep(HOUR)
        self.log.add(f"slept with {self.title}")
        await run.sleep(HOUR)
        self.sent = self.title
        return "done"


class Sleeps:
    """Carries out sleeps: each is over when the test says so."""

    def __init__(self, *, parks: bool) -> None:
        self.parks = parks
        self.sent: list[tuple[RunId, str]] = []
        """Of which run, and by which key."""
        self.woken: list[tuple[RunId, str]] = []
        self.forgotten: list[str] = []

    def moments(self, step: Asking, /) -> Moments:
        return Moments()

    def send(self, run: RunId, key: str, step: Asking, since: int, /, *, again: bool) -> None:
        self.sent.append((run, key))

    def over(self) -> Iterator[Over]:
        while self.woken:
            yield Over(*self.woken.pop(0), True)

    def outcome(self, step: Asking, said: Plain, /) -> Outcome:
        return Value(None)

    def forget(self, run: RunId, key: str, /) -> None:
        self.forgotten.append(key)


class Driven:
    """A space whose runs are driven by hand. `parks`: runs that sleep are let go of."""

    def __init__(self, store: MemoryStore, *, parks: bool) -> None:
        self.store, self.parks = store, parks
        self.space = Space(store, {"Post": compile_type(Post)}, services={}, actor="ann", engine=True)
        self.space._host.kinds["Post"] = Post
        self.sleeps = Sleeps(parks=parks)
        with self.space._host.view() as engine:
            self.engine = engine
        due = DueSteps(self.engine, "ask", clock_us=lambda: 0, wake_in=lambda _: None)
        questions, never = (
            Questions(self.engine, due),
            DueSteps(self.engine, "schedule", clock_us=lambda: 0, wake_in=lambda _: None),
        )
        self.driver = RunDriver(
            self.space, self.engine, Carriers({"sleep": self.sleeps}, {"ask": questions}, {}), {},
            {"ask": due, "schedule": never},
        )  # fmt: skip

    def step(self) -> None:
        """Some turns' ends: what runs do is told, kept, and then sent; a guard is settled between two of them."""
        for _ in range(3):
            self.space.wait_settled(timeout_s=30)
            with self.space._host.view():
                self.driver.settle()
                self.engine.commit()
                self.driver.send()

    def wake(self) -> None:
        """All that sleeps is over."""
        self.sleeps.woken = self.asleep()
        self.step()

    def asleep(self) -> list[tuple[RunId, str]]:
        """What stands in the table of all that is waited for."""
        with self.space._host.view() as engine:
            keys = [[str(part) for part in key] for key, _ in engine.rows(WAIT, ("sleep",))]
        return [((entity, flow, run), step) for _, _, entity, flow, run, step in keys]

    def cell(self, post: Post) -> RunsCell:
        node = self.engine.node(post.id, "announce")
        assert isinstance(node, ToldNode) and isinstance(node.cell, RunsCell)
        return node.cell

    def endings(self, post: Post) -> list[tuple[str, Plain]]:
        return [(run.ending, run.outcome) for run in self.cell(post).runs.values()]

    def crash(self) -> Driven:
        """Another engine opens the space, with nothing in its memory."""
        self.space.close()
        again = Driven(MemoryStore(beside=self.store), parks=self.parks)
        with again.space._host.view():
            again.driver.resume()
            again.engine.commit()
            again.driver.send()
        return again


@pytest.fixture(params=[False, True], ids=["kept", "parked"])
def driven(request: pytest.FixtureRequest) -> Iterator[Driven]:
    driven = Driven(MemoryStore(), parks=request.param)
    yield driven
    driven.space.close()


def published(driven: Driven, title: str = "one") -> Post:
    post = driven.space.create(Post, title=title)
    driven.step()
    post.status = "published"
    driven.step()
    return post


def log(driven: Driven) -> list[str]:
    (post,) = driven.space.find(Post)
    return [*post.log]


def test_a_transition_begins_a_run_that_goes_on_step_by_step_to_its_end(driven: Driven) -> None:
    post = published(driven)
    assert log(driven) == ["began with one"]
    assert len(driven.sleeps.sent) == 1

    driven.wake()
    assert log(driven) == ["began with one", "slept with one"]
    assert [post.sent, driven.endings(post)] == [None, [("", None)]]

    driven.wake()
    assert post.sent == "one"
    assert driven.endings(post) == [("returned", "done")]
    assert not driven.driver._runs.held


def test_each_slice_is_one_event(driven: Driven) -> None:
    post = published(driven)
    before = driven.space.position

    driven.wake()

    assert driven.space.position == before + 1
    assert log(driven)[-1] == "slept with one"
    ((_, run),) = driven.cell(post).under_way()
    assert [step.is_done for step in run.steps.values()] == [True, False]


def test_a_guard_that_does_not_hold_lets_nothing_begin(driven: Driven) -> None:
    post = published(driven, "muted")

    assert driven.endings(post) == [("skipped", "its guard wanted did not hold")]
    assert log(driven) == []


def test_a_run_goes_on_where_it_stood_under_another_engine(driven: Driven) -> None:
    published(driven)
    driven.wake()
    (post,) = driven.space.find(Post)
    post.title = "two"

    again = driven.crash()
    assert again.asleep() == driven.sleeps.sent[1:]
    assert again.sleeps.sent == ([] if again.parks else again.asleep()), "what parks stands in the table alone"
    again.wake()

    (post,) = again.space.find(Post)
    assert [*post.log] == ["began with one", "slept with one"]
    assert post.sent == "two"
    assert again.endings(post) == [("returned", "done")]
    again.space.close()


def test_another_firing_waits_for_the_run_before_it(driven: Driven) -> None:
    post = published(driven)
    post.status = "draft"
    post.status = "published"
    driven.step()
    assert len(driven.asleep()) == 1

    driven.wake()
    assert len({run for run, _ in driven.sleeps.sent}) == 1
    for _ in range(3):
        driven.wake()
    assert len({run for run, _ in driven.sleeps.sent}) == 2

    assert driven.endings(post) == [("returned", "done")], "of those that ended well the newest stays"


def test_what_a_run_says_that_is_refused_ends_it_and_is_on_record(driven: Driven, monkeypatch: Any) -> None:
    from weft.reduce import FieldCell, Refused

    post = published(driven)
    driven.wake()
    apply = FieldCell.apply

    def refuses(self: FieldCell, verb: str, args: list[Plain], told: Any) -> Any:
        if args == ["one"]:
            raise Refused(place="a field", why="it is full")
        return apply(self, verb, args, told)

    monkeypatch.setattr(FieldCell, "apply", refuses)
    driven.wake()

    ((ending, outcome),) = driven.endings(post)
    assert ending == "failed"
    assert isinstance(outcome, dict) and "it is full" in str(outcome["message"])
    assert post.sent is None
