"""A client that comes back at any point of a story holds, at its end, what one who stayed holds."""

from __future__ import annotations

import asyncio

import weft
from tests.server.charms import TYPES, Spelt, Sum, Wordlist
from tests.server.lines import caught_up, folded, frames_of, line
from tests.server.serving import Keys, user
from weft import Space
from weft.server.client_state import ChannelState
from weft.server.frames import Batch, Sub
from weft.server.live import Live
from weft.server.settings import LiveSettings

SMALL = LiveSettings(window_deltas=8, batch_deltas=4, chunks_max=2)
"""So that most of what they missed is in the log alone."""


def test_who_comes_back_at_any_position_or_anew_ends_with_what_one_who_stayed_holds() -> None:
    async def run(space: Space) -> None:
        async with Live({"shelf": space}, Keys(ann=user("ann")), settings=SMALL) as live, line(live) as ann:
            numbers, words, spelt = space.create(Sum), space.create(Wordlist), space.create(Spelt)
            for one in (numbers, words, spelt):
                await ann.say("open", entity=one.id)
            await ann.say("sub", channel="space", **{"from": 0})
            for number in (3, -1, 8):
                numbers.number, spelt.word = number, "abc"[: abs(number) % 3] + "d"
                words.words.add(f"word {number}")
                await asyncio.to_thread(space.wait_settled, timeout_s=30)
                await caught_up(live.spaces["shelf"].feed)
                await ann.reaches(space.position)
            words.words.remove("word 3")
            await asyncio.to_thread(space.wait_settled, timeout_s=30)
            head = space.position
            await ann.reaches(head)
            await ann.until(lambda: not ann.state.channels["space"].open)
            stayed = ann.state.channels["space"]

            for index in range(len(ann.frames) + 1):  # after each frame, and before the first
                begun = folded(ann.frames[:index])
                known = begun.channels.get("space", ChannelState())
                frames = await frames_of(live, Sub("space", known.position, known.open))
                now = folded(frames, begun).channels["space"]
                assert (now.nodes, now.position, now.open) == (stayed.nodes, stayed.position, ()), index
            for position in range(head + 1):  # in the middle of a frame, too
                frames = await frames_of(live, Sub("space", position))
                deltas = [delta for frame in frames if isinstance(frame, Batch) for delta in frame.deltas]
                assert deltas == [one for one in ann.deltas if one.position > position], position
            anew = folded(await frames_of(live, Sub("space"))).channels["space"]
            assert (anew.nodes, anew.position) == (stayed.nodes, stayed.position)

    with weft.open(types=TYPES) as space:
        asyncio.run(run(space))
