"""The program that does not give up: it tends the garden, and says again what a disk has refused.

It prints each edit that it was told is durable, once, and each refusal; after a refusal it reads, as reads go on.
Run as `python -m tests.faults.steadfast SPACE`.
"""

from __future__ import annotations

import sys
import time

from tests.kill.garden import Garden
from tests.kill.program import SCRIPT, open_space, opened_beside, say_step
from tests.kill.stops import WRITES_PER_CHECKPOINT, tell_parent
from weft import WaitTimeout, pump
from weft.space import Space
from weft.store import StoreFailed
from weft.stores import checkpoint
from weft.stores.sqlite import SqliteStore

STALL_S = 0.02
"""How long an engine rests after a refusal: less than in real life, so that a short run has many."""
PATIENCE_S = 1.0
"""How long it waits for a value before it says that it waits."""
REFUSALS_MAX = 500


class Tender:
    """One life of the program: what it was told is durable, and how often it was refused."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.told: set[str] = set()
        self.refusals = 0

    def live(self) -> None:
        """To the end, however often the space has to be opened for it."""
        while True:
            try:
                with open_space(self.path) as space:
                    for name in SCRIPT:
                        self.say(space, name)
                    self.wait_settled(space)
                    tell_parent("settled")
                return
            except StoreFailed as why:
                self.refuse(why)

    def say(self, space: Space, name: str) -> None:
        """One step, until it is durable."""
        while True:
            try:
                if name.endswith("by inbox"):
                    with opened_beside(space) as client:
                        say_step(client, name)
                        wait_taken(client)
                else:
                    say_step(space, name, beds_within_s=PATIENCE_S)
                break
            except WaitTimeout:
                # Whoever waits is not refused: what it waits for goes on when there is room.
                tell_parent("waited")
            except StoreFailed as why:
                self.refuse(why)
                for each in space.find(Garden):
                    assert each.place, "reads go on"
        if name not in self.told:
            self.told.add(name)
            tell_parent("told", name)

    def wait_settled(self, space: Space) -> None:
        """Until everything is; says now and then that it waits."""
        until = time.monotonic() + 60
        while True:
            try:
                space.wait_settled(timeout_s=PATIENCE_S)
            except WaitTimeout:
                tell_parent("waited")
                if time.monotonic() > until:
                    raise
            else:
                return

    def refuse(self, why: StoreFailed) -> None:
        """Say so, and wait a little. A refusal has a reason, which names the disk."""
        self.refusals += 1
        if self.refusals > REFUSALS_MAX:
            raise why
        tell_parent("refused", why.why)
        time.sleep(STALL_S)


def wait_taken(client: Space) -> None:
    """Until the engine has folded what the client said. The client itself is told as soon as its edit is durable, which
    it also is in the inbox; what the engine's own program says meanwhile would come before it."""
    assert isinstance(client._store, SqliteStore)
    began = time.monotonic()
    turns = 0
    while client._store.inbox():
        waited_s = time.monotonic() - began
        assert waited_s < 60, "the inbox is never taken"
        if waited_s > (turns + 1) * PATIENCE_S:
            turns += 1
            tell_parent("waited")
        time.sleep(STALL_S)


def main(path: str) -> None:
    checkpoint.WRITES_PER_CHECKPOINT = WRITES_PER_CHECKPOINT
    pump.STALL_S = STALL_S
    Tender(path).live()
    tell_parent("closed")


if __name__ == "__main__":
    main(*sys.argv[1:])
