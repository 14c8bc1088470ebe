"""What opening and closing leaves behind: nothing, however often it is done."""

from __future__ import annotations

import asyncio
import gc
import os
import threading
from pathlib import Path

import pytest

import weft
from tests.server.charms import TYPES, Sum
from tests.server.lines import caught_up, line
from tests.server.serving import Keys, served, user
from tests.until import until
from weft import Space
from weft.server.live import Live
from weft.server.settings import LiveSettings

OPENED, CONNECTED, WARMING = 10_000, 1_000, 1_000
GROWTH_BYTES_MAX = 4_000_000
"""What the allocator may keep of what was given back: less than 400 bytes for each that was opened."""
OBJECTS_MAX = 500
MANY = LiveSettings(connections_per_user=CONNECTED, messages_per_s=1e9, messages_burst=1_000_000_000)


def resident_bytes() -> int:
    return int(Path("/proc/self/status").read_text().partition("VmRSS:")[2].split()[0]) * 1024


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


@pytest.mark.slow
def test_ten_thousand_views_that_were_opened_and_closed_leave_nothing() -> None:
    async def look(live: Live, ids: list[str], times: int) -> None:
        async with line(live) as ann:
            for number in range(times // 10):
                id = ids[number % len(ids)]
                for _ in range(10):
                    await ann.say("open", entity=id)
                await ann.say("sub", channel=f"entity:{id}")
                for _ in range(10):
                    await ann.say("close", entity=id)
                await ann.say("unsub", channel=f"entity:{id}")
        await caught_up(live.spaces["shelf"].feed)

    def there_is() -> tuple[int, int, int, int]:
        gc.collect()
        return len(asyncio.all_tasks()), descriptors(), len(gc.get_objects()), resident_bytes()

    async def run(space: Space) -> None:
        ids = [space.create(Sum, number=number).id for number in range(20)]
        async with Live({"shelf": space}, Keys(ann=user("ann")), settings=MANY) as live:
            await look(live, ids, WARMING)
            before = there_is()
            threads = threading.active_count()

            await look(live, ids, OPENED)
            after = there_is()

            views = live.spaces["shelf"].views
            assert not views._open
            assert not views._held
            assert not views._paused
            assert (after[0], after[1]) == (before[0], before[1])
            assert threading.active_count() <= threads + 1
            assert after[2] - before[2] < OBJECTS_MAX
            assert after[3] - before[3] < GROWTH_BYTES_MAX
            with space.view() as engine:
                nodes = [engine.node(id, name) for id in ids for name in ("twice", "thrice", "both")]
            assert not any(getattr(node, "demand", 0) for node in nodes)

    with weft.open(types=TYPES) as space:
        asyncio.run(run(space))


@pytest.mark.slow
def test_a_thousand_connections_that_came_and_went_leave_nothing() -> None:
    with weft.open(types=TYPES) as space, served(space, settings=MANY) as server:
        numbers = space.create(Sum)

        def come(times: int) -> tuple[int, int, int]:
            for _ in range(times):
                with server.client() as ann:
                    ann.say("open", entity=numbers.id)
                    ann.say("sub", channel="space")
                    ann.until(lambda ann=ann: ann.state.channels)  # type: ignore[misc]
            until(lambda: not server.live.connections)
            gc.collect()
            return descriptors(), len(gc.get_objects()), resident_bytes()

        before = come(CONNECTED // 10)

        after = come(CONNECTED)

        shelf = server.live.spaces["shelf"]
        until(lambda: not shelf.views._open)
        assert not shelf.feed._listeners
        assert not shelf.presences._listeners
        assert not server.live._per_user
        assert after[0] <= before[0] + 2
        assert after[1] - before[1] < OBJECTS_MAX
        assert after[2] - before[2] < GROWTH_BYTES_MAX
