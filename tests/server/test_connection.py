"""What a connection does with what its client says, and with what happens."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

import weft
from tests.server.charms import TYPES, WORDS, Story, Sum
from tests.server.lines import Line, caught_up, frames_of, line
from tests.server.serving import Keys, user
from tests.until import LIMIT_S
from weft import Space
from weft.server.bearer import has_all_of
from weft.server.caller import Caller, Denied, Stranger
from weft.server.ending import DENIED, FLOOD, OVER, SILENT, STRANGER, ConnectionOver, TooManyConnections
from weft.server.frames import Batch, Completed, Error, Heartbeat, Partial, Presence, Snapshot, Sub
from weft.server.live import Live
from weft.server.settings import LiveSettings


@pytest.fixture(autouse=True)
def _silence() -> Iterator[None]:
    WORDS.clear()
    yield
    WORDS.append(".")


def lived(
    story: Callable[[Space, Live], Awaitable[None]], settings: LiveSettings | None = None, guard: Keys | None = None
) -> None:
    """Run a story with a live space."""
    keys = guard or Keys(ann=user("ann"), ben=user("ben"))

    async def run(space: Space) -> None:
        async with Live({"shelf": space}, keys, settings=settings) as live:
            await story(space, live)

    with weft.open(types=TYPES) as space:
        asyncio.run(run(space))


def has_sent(one: Line, count: int) -> bool:
    return len(one.sent) == count


def last(one: Line, channel: str = "space") -> int:
    return one.state.channels[channel].position if channel in one.state.channels else -1


@pytest.mark.parametrize(
    ("message", "error", "says"),
    [
        ('{"op":"sub","channel":"space","form":3}', "BadFrame", "unknown field `form`"),
        ('{"op":"shout"}', "BadFrame", "shout"),
        ('{"op":"sub"}', "BadFrame", "missing required field `channel`"),
        ('{"op":"sub","channel":"space","from":"3"}', "BadFrame", "$.from"),
        ('{"op":"sub","channel":"space","from":99999999999999999999999}', "BadFrame", "$.from"),
        ("[]", "BadFrame", "object"),
        ("{", "BadFrame", "truncated"),
        ("", "BadFrame", "truncated"),
        ('{"op":"presence","channel":"space","shown":' + "[" * 10_000 + "]" * 10_000 + "}", "BadFrame", "the most"),
        ('{"op":"presence","channel":"space","shown":' + "[" * 40 + "]" * 40 + "}", "BadFrame", "nested 41 deep"),
        ('{"op":"sub","channel":"all"}', "UnknownChannel", "'all'"),
        ('{"op":"sub","channel":"entity:nobody"}', "UnknownChannel", "'entity:nobody'"),
        ('{"op":"open","entity":"nobody"}', "UnknownChannel", "nobody"),
        ('{"op":"close","entity":"nobody"}', "NotViewed", "nobody"),
        ('{"op":"pause","channel":"space"}', "BadFrame", "not subscribed"),
        ('{"op":"sub","channel":"space","from":-1}', "WrongPosition", "position -1"),
        ('{"op":"sub","channel":"space","from":1000000}', "WrongPosition", "position 1000000"),
    ],
)
def test_what_cannot_be_done_is_answered_by_an_error_and_ends_nothing(message: str, error: str, says: str) -> None:
    async def story(space: Space, live: Live) -> None:
        async with line(live) as ann:
            await ann.connection.hear(message)
            found = await ann.error()
            assert (found.error, says in found.message) == (error, True), found

            await ann.say("sub", channel="space")
            await ann.until(lambda: isinstance(ann.frames[-1], Snapshot))

    lived(story)


def test_a_position_that_was_heard_of_elsewhere_is_none_of_the_future() -> None:
    async def story(space: Space, live: Live) -> None:
        async with line(live) as ann:
            for number in range(20):  # the feed reads now and then, and is behind at most of them
                space.create(Sum)
                await ann.say("sub", channel="space", **{"from": space.position})
                assert "space" in ann.connection.cursors, number
            assert not any(isinstance(one, Error) for one in ann.frames)

    lived(story, settings=LiveSettings(settle_s=0.5))


def test_more_than_is_allowed_is_refused() -> None:
    async def story(space: Space, live: Live) -> None:
        numbers = space.create(Sum)
        async with line(live) as ann:
            await ann.say("sub", channel="space")
            await ann.say("sub", channel=f"entity:{numbers.id}")
            found = await ann.error()
            assert (found.error, found.message) == (
                "TooMany",
                "That would be more than 1 channels. Let go of one first.",
            )
            await ann.say("sub", channel="space", open=[1, 2, 3])
            assert "open traversals" in (await ann.error()).message
            await ann.say("open", entity=numbers.id)
            await ann.say("open", entity=numbers.id)
            assert "open entities" in (await ann.error()).message
            await ann.say("presence", channel="space", shown="x" * 2000)
            assert "what is shown" in (await ann.error()).message
            with pytest.raises(TooManyConnections, match="ann has 1 already"):
                async with line(live):
                    pass
            async with line(live, "ben"):
                pass

    lived(story, LiveSettings(channels_max=1, open_max=2, views_max=1, connections_per_user=1))


def test_a_client_that_says_too_much_is_cut_off() -> None:
    async def story(space: Space, live: Live) -> None:
        async with line(live) as ann:
            for _ in range(5):
                await ann.say("ping")
            with pytest.raises(ConnectionOver, match="more than") as over:
                await ann.say("ping")
            assert over.value.code == FLOOD

    lived(story, LiveSettings(messages_burst=5, messages_per_s=0.001))


def test_a_snapshot_that_would_be_too_large_is_refused_and_deltas_are_not() -> None:
    async def story(space: Space, live: Live) -> None:
        numbers = space.create(Sum)
        async with line(live) as ann:
            await ann.say("open", entity=numbers.id)
            space.wait_settled(timeout_s=LIMIT_S)
            await ann.say("sub", channel="space")
            assert (await ann.error()).error == "SnapshotTooLarge"
            await ann.say("sub", channel="space", **{"from": 0})
            await ann.until(lambda: f"{numbers.id}.both" in ann.nodes())

    lived(story, LiveSettings(snapshot_nodes_max=2))


def test_a_stalled_reader_stops_nobody_and_gets_each_delta_once_when_it_reads_again() -> None:
    async def story(space: Space, live: Live) -> None:
        numbers = space.create(Sum)
        async with line(live) as ann, line(live, "ben") as ben:
            for one in (ann, ben):
                await one.say("sub", channel="space", **{"from": 0})
                await one.reaches(space.position)
            ben.open.clear()
            for number in range(50):
                numbers.number = number
                await ann.reaches(space.position)
            await ben.until(lambda: ben.is_sending)

            held = [name for name in vars(ben.connection) if isinstance(getattr(ben.connection, name), list)]
            assert (held, len(ben.connection._answers)) == ([], 0)
            assert not live.spaces["shelf"].feed.is_in_window(last(ben))
            ben.open.set()
            await ben.reaches(space.position)
            assert ben.deltas == ann.deltas
            assert ben.nodes() == ann.nodes()

    lived(story, LiveSettings(window_deltas=16, batch_deltas=32))


def test_each_batch_is_encoded_once_for_all() -> None:
    async def story(space: Space, live: Live) -> None:
        numbers = space.create(Sum)
        async with line(live) as ann, line(live, "ben") as ben:
            for one in (ann, ben):
                await one.say("sub", channel="space")
                await one.reaches(space.position)
            numbers.number = 3
            for one in (ann, ben):
                await one.reaches(space.position)

            shared = [(left, right) for left, right in zip(ann.sent, ben.sent, strict=True) if '"batch"' in left]
            assert shared
            assert all(left is right for left, right in shared)

    lived(story)


def test_rights_are_asked_anew_before_each_frame_once_any_have_changed() -> None:
    guard = Keys(ann=user("ann"), ben=user("ben"))

    async def story(space: Space, live: Live) -> None:
        numbers = space.create(Sum)
        async with line(live) as ann, line(live, "ben") as ben:
            for one in (ann, ben):
                await one.say("sub", channel="space")
                await one.reaches(space.position)
            asked, seen = guard.asked, len(ann.sent)
            numbers.number = 2
            await ben.reaches(space.position)
            assert guard.asked == asked  # nothing has changed, so nobody was asked

            await ann.reaches(space.position)
            seen = len(ann.sent)
            guard.put("ann", None)
            numbers.number = 3
            await ben.reaches(space.position)
            await ann.until(lambda: ann.over)

            assert len(ann.sent) == seen
            assert ann.over is not None
            assert ann.over.code == STRANGER

    lived(story, guard=guard)


def test_between_two_frames_of_one_turn_rights_are_asked_too() -> None:
    guard = Keys(ann=user("ann"))

    async def story(space: Space, live: Live) -> None:
        numbers = space.create(Sum)
        async with line(live) as ann:
            await ann.say("sub", channel="space")
            await ann.say("sub", channel=f"entity:{numbers.id}")
            await ann.reaches(space.position)
            await ann.until(lambda: sum(isinstance(one, Snapshot) for one in ann.frames) == 2)
            seen = len(ann.sent)
            ann.open.clear()
            numbers.number = 5  # something for each of the channels
            await ann.until(lambda: ann.is_sending)
            await caught_up(live.spaces["shelf"].feed)
            guard.put("ann", None)
            ann.open.set()
            await ann.until(lambda: ann.over)

            on_their_way = [one for one in ann.frames[seen:] if isinstance(one, Batch | Completed)]
            assert [one.channel for one in on_their_way if isinstance(one, Batch)] == ["space"]
            assert {one.channel for one in on_their_way} == {"space"}

    lived(story, guard=guard)


def test_a_connection_on_which_nothing_happens_is_cut_off_too() -> None:
    guard = Keys(ann=user("ann"))

    async def story(space: Space, live: Live) -> None:
        async with line(live) as ann:
            guard.put("ann", user("ann", "edit"))
            live.look()
            assert ann.connection.over.done()
            assert ann.connection.over.result().code == DENIED
            await ann.until(lambda: ann.over)

    lived(story, LiveSettings(tick_s=1000), guard)


def test_a_caller_who_may_do_more_goes_on() -> None:
    guard = Keys(ann=user("ann", "read", entities=frozenset()))

    async def story(space: Space, live: Live) -> None:
        numbers = space.create(Sum)
        async with line(live) as ann:
            await ann.say("sub", channel=f"entity:{numbers.id}")
            assert (await ann.error()).error == "Denied"
            guard.put("ann", user("ann"))
            await ann.say("sub", channel=f"entity:{numbers.id}")
            await ann.until(lambda: isinstance(ann.frames[-1], Snapshot))

    lived(story, guard=guard)


def test_who_may_do_less_to_one_entity_may_do_less_than_before() -> None:
    some, edits = frozenset({"a", "b"}), user("ben", "read", "edit").capabilities
    was = Caller("ben", frozenset({"read"}), some, {"a": edits})

    assert has_all_of(was, was)
    assert has_all_of(Caller("ben", edits, some), was)
    assert not has_all_of(Caller("ben", frozenset({"read"}), some), was)
    assert not has_all_of(Caller("ben", edits, some, {"a": frozenset({"read"})}), was)
    assert not has_all_of(Caller("ben", edits, frozenset({"b"})), was)


def test_somebody_who_may_not_read_is_not_connected() -> None:
    async def story(space: Space, live: Live) -> None:
        with pytest.raises(Denied, match="ann may not read"):
            async with line(live):
                pass
        with pytest.raises(Stranger):
            async with line(live, "nobody"):
                pass
        assert not live.connections

    lived(story, guard=Keys(ann=user("ann", "edit")))


def test_what_is_nothing_for_a_channel_leaves_no_gap_in_it() -> None:
    async def story(space: Space, live: Live) -> None:
        mine, other = space.create(Sum), space.create(Sum)
        async with line(live) as ann:
            await ann.say("sub", channel=f"entity:{mine.id}")
            await ann.say("sub", channel="space")
            await ann.until(lambda: len(ann.state.channels) == 2)
            for number in range(5):
                (mine if number % 2 else other).number = number
                await ann.reaches(space.position)
            await ann.until(lambda: len(ann.deltas) == 5 + 2)

    lived(story)


def test_who_is_held_to_some_entities_is_told_nothing_of_others() -> None:
    guard = Keys(ann=user("ann"))

    async def story(space: Space, live: Live) -> None:
        with space.edit():
            mine, other = space.create(Sum, number=1234), space.create(Sum, number=567_800_008_765)
        guard.put("ben", user("ben", "read", entities=frozenset({mine.id})))
        async with line(live) as ann, line(live, "ben") as ben:
            for one in (mine, other):
                await ann.say("open", entity=one.id)
            await ann.say("sub", channel="space")
            for channel in ("space", f"entity:{mine.id}"):
                await ben.say("sub", channel=channel)
                await ben.say("presence", channel=channel, shown="here")
            await ben.until(lambda: len(ben.state.channels) == 2)
            with space.edit():
                mine.number, other.number = 4321, 876_500_005_678  # no moment's digits are these
            space.wait_settled(timeout_s=LIMIT_S)
            await ann.until(lambda: last(ann) == space.position and not ann.state.channels["space"].open)
            await ben.until(lambda: ben.deltas and not ben.state.channels["space"].open)
            await ben.until(lambda: last(ben, f"entity:{mine.id}") >= ben.deltas[-1].position)
            for said in (Sub("space", 0), Sub("space"), Sub(f"entity:{mine.id}", 0)):
                ben.sent += [json.dumps(str(frame)) for frame in await frames_of(live, said, "ben")]

            everything = "".join(ben.sent)
            assert mine.id in everything
            assert other.id not in everything
            assert "876500005678" not in everything
            assert "567800008765" not in everything
            assert "876500005678" in "".join(ann.sent)
            assert other.id in "".join(ann.sent)
            for op, about in (("sub", {"channel": f"entity:{other.id}"}), ("open", {"entity": other.id})):
                await ben.say(op, **about)
                assert (await ben.error()).error == "Denied"

    lived(story, guard=guard)


def test_of_partial_values_the_newest_is_sent_and_a_paused_charm_sends_none() -> None:
    async def story(space: Space, live: Live) -> None:
        tale = space.create(Story)
        async with line(live) as ann, line(live, "ben") as ben:
            for one in (ann, ben):
                await one.say("open", entity=tale.id)
                await one.say("sub", channel=f"entity:{tale.id}")
            node = f"{tale.id}.tale"
            WORDS.append("once")
            await ann.until(lambda: node in ann.state.partials)
            await ben.until(lambda: node in ben.state.partials)
            await ann.say("pause", channel=f"entity:{tale.id}")
            seen = len(ann.sent)
            WORDS.append("upon")
            await ben.until(lambda: ben.state.partials[node].value == "once upon")
            WORDS.append(".")
            await ben.until(lambda: f"{tale.id}.size" in ben.nodes(f"entity:{tale.id}"))
            assert node not in ben.state.partials
            assert len(ann.sent) == seen

            await ann.say("play", channel=f"entity:{tale.id}")
            await ann.until(lambda: f"{tale.id}.size" in ann.nodes(f"entity:{tale.id}"))
            assert ann.deltas == ben.deltas
            assert node not in ann.state.partials

    lived(story, LiveSettings(partials_per_s=1000))


def test_one_who_comes_late_to_a_stream_is_given_what_there_is_of_it() -> None:
    async def story(space: Space, live: Live) -> None:
        tale = space.create(Story)
        async with line(live) as ann:
            await ann.say("open", entity=tale.id)
            await ann.say("sub", channel="space")
            WORDS.extend(["once", "upon"])
            await ann.until(lambda: ann.state.partials)
            async with line(live, "ben") as ben:
                await ben.say("sub", channel="space")
                await ben.until(lambda: ben.state.partials)
                assert ben.state.partials == ann.state.partials
                assert [one.value for one in ben.frames if isinstance(one, Partial)] == ["once upon"]

    lived(story, LiveSettings(partials_per_s=1000))


def test_who_shows_themselves_is_seen_until_they_leave() -> None:
    async def story(space: Space, live: Live) -> None:
        async with line(live) as ann:
            await ann.say("sub", channel="space")
            async with line(live, "ben") as ben:
                await ben.say("sub", channel="space")
                await ben.say("presence", channel="space", shown={"at": "shelf"})
                await ann.until(lambda: ann.state.presence.get("space"))
                assert [*ann.state.presence["space"].values()] == [("ben", {"at": "shelf"})]
            await ann.until(lambda: not ann.state.presence["space"])
            assert isinstance(ann.frames[-1], Presence)

    lived(story)


def test_somebody_silent_is_dropped_and_somebody_who_answers_heartbeats_is_not() -> None:
    now = [0.0]

    async def run(space: Space) -> None:
        keys = Keys(ann=user("ann"), ben=user("ben"))
        settings = LiveSettings(heartbeat_s=10, silent_s=25, tick_s=1000)
        async with (
            Live({"shelf": space}, keys, settings=settings, now_s=lambda: now[0]) as live,
            line(live, is_heard=True) as ann,
            line(live, "ben", is_heard=True) as ben,
        ):
            beats = 0
            for now[0] in (10.0, 20.0, 30.0):
                live.look()
                if now[0] < 30:
                    beats += 1
                    await ann.until(partial(has_sent, ann, beats))
                    assert isinstance(ann.frames[-1], Heartbeat)
                await ann.say("ping")
            await ben.until(lambda: ben.over)
            assert ben.over is not None
            assert ben.over.code == SILENT
            assert not ann.connection.over.done()

    with weft.open(types=TYPES) as space:
        asyncio.run(run(space))


def test_one_who_sleeps_for_an_hour_comes_back_to_each_delta_once() -> None:
    now = [0.0]

    async def run(space: Space) -> None:
        numbers = space.create(Sum)
        keys, settings = Keys(ann=user("ann"), ben=user("ben")), LiveSettings(heartbeat_s=10, silent_s=25, tick_s=1000)
        async with (
            Live({"shelf": space}, keys, settings=settings, now_s=lambda: now[0]) as live,
            line(live, "ben") as ben,
        ):
            await ben.say("open", entity=numbers.id)
            await ben.say("sub", channel="space", **{"from": 0})
            async with line(
                live, is_heard=True
            ) as ann:  # its socket stays half open: nothing is heard, and nothing ends
                await ann.say("sub", channel="space", **{"from": 0})
                await ann.reaches(space.position)
                now[0] = 3600.0
                live.look()
                await ann.until(lambda: ann.over)
                assert ann.over is not None
                assert ann.over.code == SILENT
            for number in range(5):
                numbers.number = 10 + number
            await asyncio.to_thread(space.wait_settled, timeout_s=LIMIT_S)
            async with line(live, state=ann.state, is_heard=True) as again:
                await again.say("sub", channel="space", **{"from": last(ann)})
                await again.reaches(space.position)
                await ben.reaches(space.position)
                assert [*ann.deltas, *again.deltas] == ben.deltas
                assert again.nodes() == ben.nodes()

    with weft.open(types=TYPES) as space:
        asyncio.run(run(space))


def test_who_was_away_for_too_long_begins_with_a_snapshot() -> None:
    async def story(space: Space, live: Live) -> None:
        numbers = space.create(Sum)
        async with line(live) as ann, line(live, "ben") as ben:
            await ann.say("open", entity=numbers.id)
            await ann.say("sub", channel="space", **{"from": 0})
            for number in range(10):
                numbers.number = number + 20
            await asyncio.to_thread(space.wait_settled, timeout_s=LIMIT_S)
            await ann.reaches(space.position)

            await ben.say("sub", channel="space", **{"from": 1})
            await ben.until(lambda: ben.frames)
            assert isinstance(ben.frames[0], Snapshot)
            await ben.reaches(space.position)
            assert (ben.nodes(), ben.deltas) == (ann.nodes(), [])

    lived(story, LiveSettings(catch_up_max=5))


def test_a_connection_that_is_lost_leaves_nothing_behind() -> None:
    async def story(space: Space, live: Live) -> None:
        numbers = space.create(Sum)
        shelf = live.spaces["shelf"]
        for _ in range(20):
            async with line(live) as ann:
                await ann.say("open", entity=numbers.id)
                await ann.say("sub", channel="space")
                await ann.say("presence", channel="space", shown=1)
                await ann.until(lambda: ann.state.presence)

        assert (live.connections, live._per_user, shelf.views._open, shelf.views._held) == ({}, {}, {}, {})
        assert (shelf.feed._listeners, shelf.presences._there, shelf.presences._listeners) == ({}, {}, {})
        with space.view() as engine:
            assert not engine.watched

    lived(story)


def test_what_was_forgotten_is_sent_to_nobody_any_more() -> None:
    async def story(space: Space, live: Live) -> None:
        began = space.position
        numbers = space.create(Sum, number=987654)
        async with line(live) as ann:
            await ann.say("open", entity=numbers.id)
            await ann.say("sub", channel="space", **{"from": 0})
            await ann.until(lambda: f"{numbers.id}.both" in ann.nodes())
            assert any("987654" in one for one in ann.sent)
            await ann.say("close", entity=numbers.id)
            await asyncio.to_thread(space.forget, numbers)
            await ann.until(lambda: not ann.nodes())
            await caught_up(live.spaces["shelf"].feed)

            for position in (0, began):  # from the log, and from where this program has seen it all
                assert "987654" not in str(await frames_of(live, Sub("space", position)))

    lived(story)


def test_a_type_with_another_node_is_shown_so_and_computed_for_who_looks() -> None:
    async def story(space: Space, live: Live) -> None:
        numbers = space.create(Sum)
        async with line(live) as ann:
            await ann.say("open", entity=numbers.id)
            await ann.say("sub", channel="space")
            await ann.until(lambda: f"{numbers.id}.both" in ann.nodes())
            await asyncio.to_thread(space.define, renamed_sum())
            await ann.until(lambda: f"{numbers.id}.sum" in ann.nodes())

            anew = [one for one in await frames_of(live, Sub("space")) if isinstance(one, Snapshot)]
            assert ann.nodes() == anew[0].nodes
            assert f"{numbers.id}.both" not in anew[0].nodes

    lived(story)


def renamed_sum() -> type[weft.Entity]:
    from tests.server.charms import double, total, triple

    class Sum(weft.Entity):
        number: weft.Field[int] = weft.field(default=1)
        twice = weft.derive(double, number)
        thrice = weft.derive(triple, number)
        sum = weft.derive(total, twice, thrice, was="both")

    Sum.__module__ = "tests.server.charms"
    return Sum


def test_a_server_that_is_a_client_of_another_engine_tells_the_same(tmp_path: Path) -> None:
    path = str(tmp_path / "shelf.weft")

    async def run(space: Space, engine: Space) -> None:
        async with Live({"shelf": space}, Keys(ann=user("ann"))) as live, line(live) as ann:
            numbers = engine.create(Sum)
            await ann.say("open", entity=numbers.id)
            await ann.say("sub", channel="space", **{"from": 0})
            await ann.until(lambda: f"{numbers.id}.both" in ann.nodes())
            await asyncio.to_thread(numbers.__setattr__, "number", 9)
            await ann.until(lambda: engine.seen in {one.traversal for one in ann.completed})
            await ann.until(lambda: not ann.state.channels["space"].open)

            assert ann.nodes()[f"{numbers.id}.both"].preview == "45"
            assert [one.traversal for one in ann.completed] == sorted({one.traversal for one in ann.completed})
            (anew,) = [one for one in await frames_of(live, Sub("space")) if isinstance(one, Snapshot)]
            assert ann.nodes() == anew.nodes

    with weft.open(path, types=TYPES) as engine, weft.open(path, types=TYPES, engine=False) as space:
        assert not space.is_engine
        asyncio.run(run(space, engine))


def test_a_space_that_is_closed_ends_its_connections() -> None:
    async def run() -> None:
        space = weft.open(types=TYPES)
        async with Live({"shelf": space}, Keys(ann=user("ann"))) as live, line(live) as ann:
            await ann.say("sub", channel="space")
            await ann.until(lambda: ann.frames)
            await asyncio.to_thread(space.close)
            await ann.until(lambda: ann.over)
            assert ann.over is not None
            assert ann.over.code == OVER

    asyncio.run(run())


def test_partial_values_are_looked_at_no_more_often_than_is_allowed() -> None:
    async def story(space: Space, live: Live) -> None:
        tale = space.create(Story)
        feed = live.spaces["shelf"].feed
        async with line(live) as ann:
            await ann.say("open", entity=tale.id)
            await ann.say("sub", channel="space")
            await ann.until(lambda: ann.frames)
            looks = len(feed.parts)
            for word in ("once", "upon", "a", "time", "."):
                WORDS.append(word)
            await ann.until(lambda: f"{tale.id}.size" in ann.nodes())
            await caught_up(feed)

            assert looks == 0
            assert len([one for one in ann.frames if isinstance(one, Partial)]) <= 1

    lived(story, LiveSettings(partials_per_s=0.001))
