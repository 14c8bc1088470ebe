"""How what is not settled stands, as clients are told it while it changes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

import weft
from tests.server.charms import GATE, Slow
from tests.server.house import Sheet, Verdict
from tests.server.lines import Line, line
from tests.server.serving import Keys, served, user
from tests.until import LIMIT_S
from weft import Entity, Field, Retry, Space, derive, field
from weft.server.client_state import ClientState, apply
from weft.server.frames import STANDS, NodeState, States, parse_server_frame
from weft.server.live import Live
from weft.server.settings import LiveSettings
from weft.server.states import AWAY, Present

QUICK = LiveSettings(partials_per_s=200.0)


async def fragile(number: int) -> int:
    """It fails, until it is let on."""
    if not GATE.is_set():
        raise ConnectionError("nobody answers")
    return number


class Fragile(Entity):
    """What is tried again."""

    number: Field[int] = field(default=1)
    tried = derive(fragile, number, retry=Retry(attempts=3, delay_s=3600))


TYPES = (Slow, Sheet, Fragile)


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    GATE.clear()
    yield
    GATE.set()


def lived(story: Callable[[Space, Live], Awaitable[None]], guard: Keys | None = None) -> None:
    """Run a story with a live space."""

    async def run(space: Space) -> None:
        async with Live({"shelf": space}, guard or Keys(ann=user("ann"), ben=user("ben")), settings=QUICK) as live:
            await story(space, live)

    with weft.open(types=TYPES) as space:
        asyncio.run(run(space))


def states(one: Line, channel: str = "space") -> Mapping[str, NodeState]:
    """How a client thinks that all stands."""
    known = one.state.states.get(channel)
    return known.nodes if known is not None else {}


def types(one: Line, channel: str = "space") -> dict[str, str]:
    """The same, without since when."""
    return {node.partition(".")[2]: state.type for node, state in states(one, channel).items()}


def test_who_looks_is_told_what_is_under_way_and_what_waits_for_what_until_it_is_settled() -> None:
    async def story(space: Space, live: Live) -> None:
        slow = space.create(Slow)
        async with line(live) as ann:
            await ann.say("open", entity=slow.id)
            await ann.say("sub", channel="space")
            await ann.until(lambda: types(ann) == {"late": "node.started", "later": "node.waiting"})
            held = states(ann)
            assert held[f"{slow.id}.later"].needs == (f"{slow.id}.late",)
            assert held[f"{slow.id}.late"].since.endswith("Z")
            async with line(live, "ben") as ben:  # who comes late sees the same, and since when
                await ben.say("sub", channel=f"entity:{slow.id}")
                await ben.until(lambda: states(ben, f"entity:{slow.id}") == held)

                GATE.set()
                await ann.until(lambda: f"{slow.id}.later" in ann.nodes() and not states(ann))
                await ben.until(lambda: not states(ben, f"entity:{slow.id}"))
        assert all(state.type in STANDS for state in held.values())

    lived(story)


def test_another_call_of_a_node_has_begun_at_another_time() -> None:
    async def story(space: Space, live: Live) -> None:
        slow = space.create(Slow)
        async with line(live) as ann:
            await ann.say("open", entity=slow.id)
            await ann.say("sub", channel="space")
            await ann.until(lambda: types(ann).get("late") == "node.started")
            first = states(ann)[f"{slow.id}.late"]
            GATE.set()
            await ann.until(lambda: not states(ann))
            GATE.clear()
            await asyncio.to_thread(slow.__setattr__, "number", 9)
            await ann.until(lambda: types(ann).get("late") == "node.started")
            assert states(ann)[f"{slow.id}.late"].since > first.since

    lived(story)


def test_what_is_tried_again_later_waits_for_that() -> None:
    async def story(space: Space, live: Live) -> None:
        one = space.create(Fragile)
        async with line(live) as ann:
            await ann.say("open", entity=one.id)
            await ann.say("sub", channel="space")
            await ann.until(lambda: types(ann) == {"tried": "node.waiting"})
            assert states(ann)[f"{one.id}.tried"].why == "it failed once, and is tried again"

    lived(story)


def test_what_nobody_demands_any_more_stands_nowhere() -> None:
    async def story(space: Space, live: Live) -> None:
        slow = space.create(Slow)
        async with line(live) as ann, line(live, "ben") as ben:
            await ann.say("open", entity=slow.id)
            await ben.say("sub", channel="space")
            await ben.until(lambda: types(ben) == {"late": "node.started", "later": "node.waiting"})
            await ann.say("close", entity=slow.id)
            await ben.until(lambda: not states(ben))

    lived(story)


def test_a_run_is_paused_while_it_waits_for_a_person_and_gone_when_it_is_over() -> None:
    async def story(space: Space, live: Live) -> None:
        sheet = space.create(Sheet, n=1)
        async with line(live) as ann:
            await ann.say("sub", channel=f"entity:{sheet.id}")
            await asyncio.to_thread(sheet.__setattr__, "state", "submitted")
            own = f"entity:{sheet.id}"
            await ann.until(lambda: "run.paused" in types(ann, own).values())
            (name,) = [node for node, state in states(ann, own).items() if state.type == "run.paused"]
            assert name.startswith(f"{sheet.id}.approve[")
            await ann.until(lambda: states(ann, own)[name].why.startswith("it waits for the question approve?"))
            async with line(live, "ben") as ben:  # a feed that began before, or one that begins now
                await ben.say("sub", channel="space")
                await ben.until(lambda: states(ben) == states(ann, own))
            async with (
                Live({"shelf": space}, live.guard, settings=QUICK) as other,
                line(other) as late,
            ):
                await late.say("sub", channel="space")
                await late.until(lambda: types(late) == types(ann, own))

            (question,) = await asyncio.to_thread(space.questions)
            await asyncio.to_thread(space.answer, question, Verdict(yes=True))
            await ann.until(lambda: not states(ann, own))

    lived(story)


def test_nothing_is_said_of_what_somebody_may_not_see() -> None:
    guard = Keys(ann=user("ann"))

    async def story(space: Space, live: Live) -> None:
        mine, other = space.create(Slow), space.create(Slow)
        guard.put("ben", user("ben", "read", entities=frozenset({mine.id})))
        async with line(live) as ann, line(live, "ben") as ben:
            for one in (mine, other):
                await ann.say("open", entity=one.id)
            for each in (ann, ben):
                await each.say("sub", channel="space")
            await ann.until(lambda: len(states(ann)) == 4)
            await ben.until(lambda: types(ben) == {"late": "node.started", "later": "node.waiting"})
            GATE.set()
            await ann.until(lambda: len(ann.nodes()) == 4 and not states(ann))
            await ben.until(lambda: not states(ben))
            assert other.id not in "".join(ben.sent)

    lived(story, guard)


def test_the_names_of_what_a_node_waits_for_are_for_those_who_may_see_it() -> None:
    present = Present(10)
    present.take({"mine.a": NodeState("node.waiting", needs=("other.b", "mine.c"))})

    frame = parse_server_frame(present.frame("space", "", frozenset({"mine"}), 0))

    assert isinstance(frame, States)
    assert frame.nodes["mine.a"] == NodeState("node.waiting", needs=("mine.c",))


def test_server_sent_events_tell_the_same() -> None:
    with weft.open(types=TYPES) as space, served(space, settings=QUICK) as server, server.client() as ann:
        slow = space.create(Slow)
        ann.say("open", entity=slow.id)
        ann.say("sub", channel="space")
        ann.until(lambda: "space" in ann.state.states and len(ann.state.states["space"].nodes) == 2)
        url, state = f"http://127.0.0.1:{server.port}/live/shelf/events", ClientState()
        named = {"Authorization": "Bearer key of ann"}
        with httpx.stream("GET", url, params={"channel": "space"}, headers=named, timeout=LIMIT_S) as answer:
            for said in answer.iter_lines():
                if said.startswith("data: "):
                    state = apply(state, parse_server_frame(said.removeprefix("data: ")))
                if "space" in state.states:
                    break
        assert state.states == ann.state.states


CHANGES = st.dictionaries(
    st.sampled_from(["a.x", "a.y", "b.x", "b.flow[r]"]),
    st.one_of(st.none(), st.builds(NodeState, st.sampled_from(STANDS))),
    min_size=1,
)
STEPS = st.lists(st.one_of(st.tuples(st.just("take"), CHANGES), st.tuples(st.sampled_from(["a", "b", "all"]))))


@given(STEPS, st.integers(0, 2), st.booleans())
def test_whoever_is_told_now_and_then_holds_the_present(
    steps: list[tuple[object, ...]], kept: int, is_held: bool
) -> None:
    """Also where little is remembered of what went, and where not all may be seen."""
    import weft.server.states as states_module

    visible = frozenset({"a"}) if is_held else None
    before, states_module.GONE_MAX = states_module.GONE_MAX, kept
    try:
        present, truth, state = Present(100), dict[str, NodeState](), ClientState()
        seen = {"a": 0, "b": AWAY, "all": 0}
        for name, *args in [*steps, ("a",), ("b",), ("all",)]:
            if name == "take":
                (changes,) = args
                assert isinstance(changes, dict)
                present.take(changes)
                truth.update({node: one for node, one in changes.items() if one is not None})
                for node in [node for node, one in changes.items() if one is None]:
                    truth.pop(node, None)
                continue
            text = present.frame(str(name), "" if name == "all" else str(name), visible, seen[str(name)])
            seen[str(name)] = present.number
            if text:
                frame = parse_server_frame(text)
                state = apply(apply(state, frame), frame)
                assert apply(state, frame) == state
    finally:
        states_module.GONE_MAX = before
    for channel in ("a", "b", "all"):
        wanted = {
            node: one
            for node, one in truth.items()
            if channel in (node[0], "all") and (visible is None or node[0] in visible)
        }
        known = state.states.get(channel)
        assert (dict(known.nodes) if known is not None else {}) == wanted
