"""When a traversal is completed."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator

import pytest

import weft
from tests.server.charms import GATE, TYPES, Slow, Spelt, Sum, Wordlist
from tests.server.lines import Line, caught_up, line
from tests.server.serving import Keys, user
from tests.until import LIMIT_S
from weft import Entity, Space
from weft.content import cid_text
from weft.server import traversals
from weft.server.frames import Completed
from weft.server.live import Live
from weft.server.settings import LiveSettings
from weft.slot import Ok

Story = Callable[[Space, Live, Line], Awaitable[None]]


@pytest.fixture(autouse=True)
def _closed_gate() -> Iterator[None]:
    GATE.clear()
    yield
    GATE.set()


def told(story: Story, *, settings: LiveSettings | None = None) -> None:
    """Run a story with a space, and a client who is subscribed to all of it."""

    async def run(space: Space) -> None:
        async with Live({"shelf": space}, Keys(ann=user("ann")), settings=settings) as live, line(live) as ann:
            await ann.say("sub", channel="space", **{"from": 0})
            await story(space, live, ann)

    with weft.open(types=TYPES) as space:
        asyncio.run(run(space))


def done_of(ann: Line) -> list[int]:
    return [one.traversal for one in ann.completed]


def shown(space: Space, entity: Entity, *nodes: str) -> dict[str, str]:
    """What REST gives for these: their content ids."""
    found = dict[str, str]()
    with space.view() as engine:
        for name in nodes:
            node = engine.node(entity.id, *name.rstrip("]").split("["))
            assert node is not None
            outcome = node.outcome()
            assert isinstance(outcome, Ok)
            found[f"{entity.id}.{name}"] = cid_text(outcome.content)
    return found


def test_an_event_is_completed_while_another_still_waits_for_its_slow_node() -> None:
    async def story(space: Space, live: Live, ann: Line) -> None:
        slow, quick = space.create(Slow), space.create(Sum)
        await ann.say("open", entity=slow.id)
        await ann.say("open", entity=quick.id)
        slow.number = 5
        first = space.seen
        quick.number = 7
        second = space.seen

        await ann.until(lambda: second in done_of(ann))
        assert first not in done_of(ann)
        GATE.set()
        await ann.until(lambda: first in done_of(ann))

        assert ann.completed[-1].nodes == shown(space, slow, "late", "later")
        assert len(done_of(ann)) == len(set(done_of(ann)))

    told(story)


def test_an_event_is_not_completed_by_what_its_nodes_showed_before() -> None:
    async def story(space: Space, live: Live, ann: Line) -> None:
        slow, quick = space.create(Slow), space.create(Sum)
        GATE.set()
        await ann.say("open", entity=slow.id)
        await ann.until(lambda: f"{slow.id}.later" in ann.nodes())
        GATE.clear()
        slow.number = 5
        edit = space.seen
        quick.number = 7  # which nobody looks at, so it is completed at once
        await ann.until(lambda: space.seen in done_of(ann))
        assert edit not in done_of(ann)

        GATE.set()
        await ann.until(lambda: edit in done_of(ann))
        assert ann.completed[-1].nodes == shown(space, slow, "late", "later")

    told(story)


def test_every_event_that_a_slow_node_is_behind_with_is_completed_once_when_it_has_caught_up() -> None:
    async def story(space: Space, live: Live, ann: Line) -> None:
        slow = space.create(Slow)
        await ann.say("open", entity=slow.id)
        edits = []
        for number in range(20):
            slow.number = number
            edits.append(space.seen)
        GATE.set()

        await ann.until(lambda: set(edits) <= set(done_of(ann)))
        space.wait_settled(timeout_s=LIMIT_S)
        await caught_up(live.spaces["shelf"].feed)

        assert len(done_of(ann)) == len(set(done_of(ann)))
        assert ann.completed[-1].nodes == shown(space, slow, "late", "later")

    told(story)


def test_what_a_computed_list_gets_is_waited_for_though_something_else_was_told_meanwhile() -> None:
    async def story(space: Space, live: Live, ann: Line) -> None:
        spelt, other = space.create(Spelt), space.create(Wordlist)
        await ann.say("open", entity=spelt.id)
        await ann.say("open", entity=other.id)
        with space.edit():
            spelt.word = "abc"
        edit = space.seen
        other.words.add("meanwhile")

        await ann.until(lambda: edit in done_of(ann))

        done = next(one for one in ann.completed if one.traversal == edit)
        with space.view() as engine:
            whole = engine.node(spelt.id, "lengths")
            assert whole is not None
            names = [f"lengths[{element}]" for element in getattr(whole, "slots", {})]
        assert len(names) == 3
        assert done.nodes == shown(space, spelt, "letters", *names)

    told(story)


def test_what_fails_is_completed_too_and_says_why() -> None:
    async def story(space: Space, live: Live, ann: Line) -> None:
        numbers = space.create(Sum)
        await ann.say("open", entity=numbers.id)
        numbers.number = -3
        edit = space.seen

        await ann.until(lambda: edit in done_of(ann))

        done = next(one for one in ann.completed if one.traversal == edit)
        assert done.nodes == shown(space, numbers, "twice")
        assert "-3 is negative" in done.failed[f"{numbers.id}.thrice"]
        assert f"{numbers.id}.both" in done.failed

    told(story)


def test_what_nobody_looks_at_is_not_waited_for() -> None:
    async def story(space: Space, live: Live, ann: Line) -> None:
        slow = space.create(Slow)
        slow.number = 2
        edit = space.seen

        await ann.until(lambda: edit in done_of(ann))

        assert ann.completed[-1].nodes == {}

    told(story)


def test_what_nobody_looks_at_any_more_is_waited_for_no_longer() -> None:
    async def story(space: Space, live: Live, ann: Line) -> None:
        slow, quick = space.create(Slow), space.create(Sum)
        await ann.say("open", entity=slow.id)
        slow.number = 2
        edit = space.seen
        await caught_up(live.spaces["shelf"].feed)
        assert edit not in done_of(ann)

        await ann.say("close", entity=slow.id)
        quick.number = 3  # a turn of the engine, after which it is asked
        await ann.until(lambda: edit in done_of(ann))

    told(story)


def test_an_event_that_reaches_too_far_is_completed_by_the_settled_mark(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(traversals, "REACH_MAX", 1)

    async def story(space: Space, live: Live, ann: Line) -> None:
        slow, quick = space.create(Slow), space.create(Sum)
        await ann.say("open", entity=slow.id)
        await ann.say("open", entity=quick.id)
        await ann.until(lambda: f"{quick.id}.both" in ann.state.channels["space"].nodes)
        quick.number = 7
        edit = space.seen
        await caught_up(live.spaces["shelf"].feed)
        assert edit not in done_of(ann)  # as something before it is still due

        GATE.set()
        await ann.until(lambda: edit in done_of(ann))
        assert next(one for one in ann.completed if one.traversal == edit).nodes == {}

    told(story)


def test_one_who_was_away_for_longer_than_completions_are_remembered_is_told_each_once() -> None:
    async def story(space: Space, live: Live, ann: Line) -> None:
        numbers = space.create(Sum)
        await ann.say("open", entity=numbers.id)
        await ann.until(lambda: len(ann.completed) == 1)
        ann.open.clear()
        edits = []
        for number in range(30):
            numbers.number = number + 2
            edits.append(space.seen)
            space.wait_settled(timeout_s=LIMIT_S)
            await caught_up(live.spaces["shelf"].feed)
        ann.open.set()

        await ann.until(lambda: len(ann.completed) == 31)
        assert sorted(done_of(ann)[1:]) == edits
        assert [one for one in ann.frames if isinstance(one, Completed)] == ann.completed

    told(story, settings=LiveSettings(completed_max=3, window_deltas=4, batch_deltas=8))


def test_what_began_long_ago_is_told_to_be_completed_also_when_nobody_remembers_that_it_was() -> None:
    async def story(space: Space, live: Live, ann: Line) -> None:
        slow, numbers = space.create(Slow), space.create(Sum)
        await ann.say("open", entity=slow.id)
        await ann.say("open", entity=numbers.id)
        slow.number = 2
        edit = space.seen
        await ann.until(lambda: edit in ann.state.channels["space"].open)
        ann.open.clear()
        numbers.number = 1  # what is sent of that is not taken: nothing is asked for her until it is
        numbers.both.wait(LIMIT_S)
        await caught_up(live.spaces["shelf"].feed)
        GATE.set()
        space.wait_settled(timeout_s=LIMIT_S)
        for number in range(10):
            numbers.number = number + 2
            space.wait_settled(timeout_s=LIMIT_S)
            await caught_up(live.spaces["shelf"].feed)
        assert live.spaces["shelf"].feed.completions.find(edit) is None, "it is remembered no more"
        ann.open.set()

        await ann.until(lambda: edit in done_of(ann))

    told(story, settings=LiveSettings(completed_max=3))


def test_whoever_comes_back_is_told_of_what_was_completed_meanwhile() -> None:
    async def story(space: Space, live: Live, ann: Line) -> None:
        slow = space.create(Slow)
        await ann.say("open", entity=slow.id)
        slow.number = 2
        edit = space.seen
        await ann.until(lambda: edit in ann.state.channels["space"].open)
        async with line(live, state=ann.state) as ben:
            GATE.set()
            await ann.until(lambda: edit in done_of(ann))
            known = ben.state.channels["space"]
            await ben.say("sub", channel="space", open=list(known.open), **{"from": known.position})
            await ben.until(lambda: edit in done_of(ben))

            assert ben.state.channels["space"].open == ()
            assert [one for one in ben.completed if one.traversal == edit] == [
                one for one in ann.completed if one.traversal == edit
            ]

    told(story)
