"""The laws of what clients hold."""

from __future__ import annotations

import asyncio
import json
from contextlib import nullcontext, suppress
from dataclasses import dataclass, field

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

import weft
from tests.server.charms import TYPES, Spelt, Sum, Wordlist
from tests.server.fixture_run import FIXTURE, fixture_text
from tests.server.lines import folded, frames_of
from tests.server.serving import Keys, user
from tests.until import LIMIT_S, until
from weft import Space
from weft.home import Home
from weft.server.client_state import ClientState, FrameMissing, apply, news
from weft.server.frames import Batch, Completed, Delta, Partial, ServerFrame, Snapshot, Sub, parse_server_frame
from weft.server.live import Live

STEPS = st.one_of(
    st.tuples(st.just("number"), st.integers(-2, 3)),
    st.tuples(st.just("add"), st.sampled_from("ab")),
    st.tuples(st.just("remove"), st.sampled_from("ab")),
    st.tuples(st.just("spell"), st.text("xyz", max_size=3)),
    st.tuples(st.just("look"), st.sampled_from([0, 1, 2])),
    st.tuples(st.just("leave"), st.sampled_from([0, 1, 2])),
    st.tuples(st.just("settle"), st.just(0)),
)


@dataclass(eq=False)
class Shelf:
    """Three entities, and who looks at which."""

    space: Space
    live: Live
    entities: tuple[Sum, Wordlist, Spelt] = field(init=False)
    looked: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        create = self.space.create
        self.entities = (create(Sum), create(Wordlist), create(Spelt))

    def do(self, kind: str, value: object) -> None:
        views = self.live.spaces["shelf"].views
        numbers, words, spelt = self.entities
        match kind, value:
            case "number", int(number):
                numbers.number = number
            case "add", str(word):
                words.words.add(word)
            case "remove", str(word) if word in words.words:
                words.words.remove(word)
            case "spell", str(word):
                spelt.word = word
            case "look", int(which) if which not in self.looked:
                self.looked.add(which)
                views.open(self, self.entities[which].id)
            case "leave", int(which) if which in self.looked:
                self.looked.discard(which)
                views.close(self, self.entities[which].id)
            case "settle", _:
                self.space.wait_settled(timeout_s=LIMIT_S)


def rests(space: Space) -> bool:
    """Whether no call is under way: also none of a node that nobody looks at any more."""
    space.wait_settled(timeout_s=LIMIT_S)
    with space.view():
        pump = space._host._pump if isinstance(space._host, Home) else None
        return pump is not None and not pump.attempts.open and not pump.reports


def deltas_in(frames: list[ServerFrame]) -> list[Delta]:
    return [delta for frame in frames if isinstance(frame, Batch) for delta in frame.deltas]


@given(st.lists(STEPS, max_size=8), st.lists(STEPS, max_size=8))
def test_a_snapshot_and_the_deltas_behind_it_are_a_snapshot_at_the_end(
    before: list[tuple[str, object]], after: list[tuple[str, object]]
) -> None:
    async def run(space: Space) -> None:
        async with Live({"shelf": space}, Keys(ann=user("ann"))) as live:
            shelf = Shelf(space, live)
            channels = ["space", *(f"entity:{one.id}" for one in shelf.entities)]
            for step in before:
                await asyncio.to_thread(shelf.do, *step)
            first = {channel: await frames_of(live, Sub(channel)) for channel in channels}
            for step in after:
                await asyncio.to_thread(shelf.do, *step)
            await asyncio.to_thread(until, lambda: rests(space))
            for channel in channels:
                await check(live, channel, folded(first[channel]))

    async def check(live: Live, channel: str, held: ClientState) -> None:
        known = held.channels[channel]
        later = await frames_of(live, Sub(channel, known.position, known.open))
        now, whole = folded(later, held), await frames_of(live, Sub(channel, 0))
        anew = folded(await frames_of(live, Sub(channel)))

        assert now.channels[channel].nodes == anew.channels[channel].nodes == folded(whole).channels[channel].nodes
        # What is settled is completed, for whoever was there before and for whoever was not.
        assert now.channels[channel].open == anew.channels[channel].open == folded(whole).channels[channel].open == ()
        # Each delta once, wherever one goes on.
        assert [one for one in deltas_in(whole) if one.position > known.position] == deltas_in(later)
        # What comes again, in whole or overlapping, is no news, and changes nothing but perhaps how far one has come.
        assert folded(later, now) == now
        again = now
        for frame in whole:
            assert isinstance(frame, Snapshot) or not news(again, frame)
            again = apply(again, frame) if isinstance(frame, Batch | Completed) else again
        assert again.channels[channel].nodes == now.channels[channel].nodes
        assert again.channels[channel].open == ()

    with weft.open(types=TYPES) as space:
        asyncio.run(run(space))


def test_a_frame_behind_one_that_was_not_received_is_refused() -> None:
    state = apply(ClientState(), Batch("space", 0, 3, ()))

    with pytest.raises(FrameMissing, match="from 3"):
        apply(state, Batch("space", 4, 6, ()))


def test_what_a_snapshot_holds_already_is_told_all_the_same_and_shown_no_more() -> None:
    held = folded([Snapshot("space", 3, 9, {}, ())])
    frame = Batch("space", 3, 5, (Delta(5, 4, "e.n", "node.settled", "c"),))

    assert news(held, frame) == frame.deltas
    assert apply(held, frame).channels["space"].nodes == {}


def test_a_partial_value_never_stands_over_what_settled_after_it() -> None:
    part, settled = Partial("e.n", 4, 1, "so far"), Batch("space", 4, 5, (Delta(5, 4, "e.n", "node.settled"),))

    assert folded([part, settled]).partials == folded([settled, part]).partials == {}
    assert folded([part]).partials == {"e.n": part}
    assert folded([Partial("e.n", 4, 2, "more"), part]).partials["e.n"].preview == "more"


def test_the_fixtures_that_other_clients_are_held_to_are_of_today() -> None:
    assert FIXTURE.read_text(encoding="utf-8") == fixture_text(), "python -m tests.server.fixture_run writes them"


def test_the_fixtures_say_what_each_frame_makes_of_a_state() -> None:
    said = json.loads(FIXTURE.read_text(encoding="utf-8"))

    for steps in (said["steps"], *(one["steps"] for one in said["rules"])):
        state = ClientState()
        for step in steps:
            frame = parse_server_frame(json.dumps(step["frame"]))
            assert json.loads(msgspec.json.encode(news(state, frame))) == step["news"]
            with suppress(FrameMissing) if "missing" in step else nullcontext():
                state = apply(state, frame)
            assert json.loads(msgspec.json.encode(state)) == step["state"]
