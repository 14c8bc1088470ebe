"""The program that is killed while flows of every shape go on: round by round it creates, edits, answers and cancels.

Each round is said by edits that have names of their own, so it can be said again after any kill. It prints what it was
told is durable: `told EDIT`, `answered QUESTION`. Run as `python -m tests.kill.errand_program SPACE ROUNDS [POINT
[TURN]]`: until so many rounds are there and over, or on and on where ROUNDS is 0; it stops itself as it passes POINT
for the TURN-th time, for its parent to kill it there.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from tests.kill import errands as e
from tests.kill.stops import WRITES_PER_CHECKPOINT, Points, tell_parent, within_one_process
from weft import Entity, Space
from weft.definition import compiled_types, unique_types
from weft.driving.drive import drive
from weft.points import ENGINE_POINTS, RUN_POINTS
from weft.questions import Question, UnknownQuestion
from weft.reduce import Refused
from weft.stores import checkpoint
from weft.stores.sqlite import SqliteStore

FROZEN = "WEFT_TEST_FROZEN"
"""Set in the environment of a program that is to be frozen, and to go on when another has its lease."""
NEVER = 1 << 60

ACTOR = "clerk"
NUMBERS_OF_A_ROUND = 100
"""A round's entities are numbered from so many times its own number on."""
LOOK_S = 0.002
LIMIT_S = 100.0
# fmt: off
OF_NODES = frozenset({
    "attempt listed", "attempt sent", "call ended", "content kept", "made content kept", "partial shown", "retry woken",
})
"""Points that flows do not pass, or seldom: what passes them is killed by `test_points`."""
OF_DRIVERS = ("effect begun", "effect received")
"""Passed by whoever carries out effects, before and behind the receiver's own sync."""
OF_STORES = (
    "lease locked", "lease taken", "before commit", "after commit", "marked", "before checkpoint", "checkpointed",
)
# fmt: on
POINTS = (*RUN_POINTS, *(point for point in ENGINE_POINTS if point not in OF_NODES), *OF_DRIVERS, *OF_STORES)


def open_space(path: str, *, on_point: Callable[[str], None] = lambda name: None) -> Space:
    """The space, with all that its flows need."""
    courier = e.Courier(on_point)
    space = Space(
        SqliteStore(path, on_point=on_point),
        compiled_types(e.TYPES),
        services={},
        engine=True,
        actor=ACTOR,
        runners=within_one_process(),
        on_point=on_point,
        drive=partial(drive, drivers=[courier]),
    )
    space._host.kinds |= unique_types(e.TYPES)
    return space.__enter__()


class Clerk:
    """Says rounds, and answers what is asked."""

    def __init__(self, space: Space) -> None:
        self.space = space

    def say(self, name: str, act: Callable[[], object]) -> None:
        """One edit, durably; harmless where it was said before."""
        with self.space.edit(once=name):
            act()
        tell_parent("told", name)

    def begin(self, round: int) -> None:
        """What a round begins with. What is edited in it later is edited by `go_on`."""
        first = round * NUMBERS_OF_A_ROUND
        self.say(f"round {round}: post", lambda: self._create(first, e.Letter, e.Parcel, e.Shop, e.Trip))
        self.say(f"round {round}: crews", lambda: self._create(first + 10, e.Rocket, e.Crew, e.Race, e.Tally, e.Watch))
        if not round:
            self.say("somebody idle", lambda: self.space.create(e.Idle))
        self.say(f"round {round}: sent", partial(self._edit, round))
        self.say(f"round {round}: more orders", partial(self._order, round))
        self.say(f"round {round}: cancelled", lambda: self.space.cancel(self.space.find(e.Watch)[round].sleep))

    def _create(self, number: int, *kinds: type[Entity]) -> None:
        for n, kind in enumerate(kinds):
            self.space.create(kind, number=number + n * 3)

    def _edit(self, round: int) -> None:
        self.space.find(e.Letter)[round].status = "sent"
        shop = self.space.find(e.Shop)[round]
        shop.is_open, shop.orders = True, 1

    def _order(self, round: int) -> None:
        self.space.find(e.Shop)[round].orders = 2

    def rounds(self) -> int:
        """How many rounds were begun."""
        return len(self.space.find(e.Letter))

    def answer_all(self) -> None:
        """Answer what is asked of a program, and put again on its way what engines have ended under too often."""
        for question in self.space.questions():
            if not question.is_answered and (question.doubt or question.name.split()[0] in ("send", "either")):
                answer(self.space, question, "program")
        for run in self.space.runs():
            if run.stands == "failed" and "RunPoisoned" in run.why:
                self.space.retry(run)

    def wait_over(self) -> None:
        """Until nothing goes on but what waits for nobody."""
        until = time.monotonic() + LIMIT_S
        while left := [run for run in self.space.runs() if run.type != "Idle"]:
            assert time.monotonic() < until, left
            self.answer_all()
            self.space.wait_settled(timeout_s=LIMIT_S)  # raises what ended the engine
            time.sleep(LOOK_S)


def answer(space: Space, question: Question, by: str) -> None:
    """Answer one, and say so where that is durable; somebody else may be quicker. Of those in doubt, what belongs to
    every second round is tried again."""
    said: object = e.Reply(by, question.name)
    if question.doubt:
        about: Any = question.about
        said = "again" if about["value"]["number"] // NUMBERS_OF_A_ROUND % 2 else "leave"
    try:
        space.answer(question, said)
    except (Refused, UnknownQuestion):
        return
    tell_parent("answered", question.step if not question.doubt else "a doubt", by)


def main(path: str, rounds: int, wanted: str = "", turn: int = 1) -> None:
    # Where it is to be frozen no thread of it may hold the file, as one does that makes a checkpoint.
    checkpoint.WRITES_PER_CHECKPOINT = NEVER if os.environ.get(FROZEN) else WRITES_PER_CHECKPOINT
    space = open_space(path, on_point=Points(wanted, turn))
    tell_parent("opened")
    clerk = Clerk(space)
    begun = clerk.rounds()
    for round in [*range(max(0, begun - 1), begun), *range(begun, rounds or 1_000)]:
        clerk.begin(round)
        clerk.wait_over()
    space.close()
    tell_parent("closed")


if __name__ == "__main__":
    path, rounds, *stop = sys.argv[1:]
    main(path, int(rounds), stop[0] if stop else "", int(stop[1]) if stop else 1)
