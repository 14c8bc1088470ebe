"""A guard that cannot say who may do what: nobody is served by it, and it is asked again."""

from __future__ import annotations

import asyncio

import weft
from tests.server.charms import TYPES
from tests.server.lines import line
from tests.server.serving import Keys, user
from tests.until import LIMIT_S
from weft import Space
from weft.server.accounts.file import AccountsFailed
from weft.server.caller import Caller
from weft.server.ending import TROUBLE
from weft.server.live import Live
from weft.server.settings import LiveSettings


class Failing(Keys):
    """One whose file is locked, as long as somebody wants it to be."""

    is_failing = False

    @property
    def changes(self) -> int:
        if self.is_failing:
            raise AccountsFailed(path="accounts", why="it is locked")
        return 0

    @changes.setter
    def changes(self, changes: int) -> None:
        pass

    def caller(self, credential: str, /) -> Caller:
        return super().caller(credential)


def test_while_a_guard_fails_nothing_is_sent_and_those_who_come_later_are_looked_after() -> None:
    async def run(space: Space) -> None:
        guard = Failing(ann=user("ann"))
        settings = LiveSettings(tick_s=0.01, heartbeat_s=0.02)
        async with Live({"shelf": space}, guard, settings=settings) as live:
            async with line(live) as ann, asyncio.timeout(LIMIT_S):
                guard.is_failing = True
                await ann.until(lambda: ann.over)
                assert ann.over is not None
                assert ann.over.code == TROUBLE
                assert "locked" not in str(ann.over)
            guard.is_failing = False
            async with line(live) as ann:
                await ann.until(lambda: ann.frames)  # a heartbeat: the ticking goes on

    with weft.open(types=TYPES) as space:
        asyncio.run(run(space))
