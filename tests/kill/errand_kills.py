"""A program whose flows go on is killed, again and again on one space, beside a client and a receiver that live on.

Knows nothing of what must be true afterwards; that is `errand_remains`. Invariant: the kills of a seed come at the same
points, or at random moments that the seed chose.
"""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import cycle, islice
from pathlib import Path

from tests.kill import tally
from tests.kill.errand_program import POINTS
from tests.kill.errand_remains import Remains, answers_of, check_left, check_rest, look_into
from tests.kill.errands import RECEIVED
from tests.kill.victim import ROOT, Victim, victim

PROGRAM, CLIENT = "tests.kill.errand_program", "tests.kill.answerer"
RANDOM = "at a random moment"
WHERE = (*POINTS, *[RANDOM] * len(POINTS))
"""Where the kills come, one after another: half of them at random."""
AT_OPENING = frozenset({"lease locked", "lease taken", "types defined", "space resumed", "attempts retired"})
"""Points that a program passes once."""
KILLS_PER_SPACE = 20
TURN_MAX = 6
"""A point is passed so often before the kill, at most."""
MOMENT_S_MAX = 0.35
"""A kill at random comes so long after the space is open, at most."""


@dataclass
class Space:
    """A space whose program is killed, with all that is outside of it."""

    folder: Path
    acknowledged: set[str] = field(default_factory=set)
    answered: list[tuple[str, str]] = field(default_factory=list)
    lives: int = 0
    rounds: int = 0
    kills: Counter[str] = field(default_factory=Counter)

    @property
    def path(self) -> Path:
        """The space's own file."""
        return self.folder / "space.weft"

    @property
    def receiver(self) -> Path:
        """The receiver's file."""
        return self.folder / "received"

    def kill(self, where: str, chance: random.Random) -> None:
        """Have it live once more, and die there."""
        at_point = where != RANDOM
        turn = 1 if where in AT_OPENING else chance.randint(1, TURN_MAX)
        with self.life(0, *((where, turn) if at_point else ())) as program:
            if at_point:
                if not program.wait_stopped():
                    code = program.finish()
                    raise AssertionError(f"{where} was not passed {turn} times, exit {code}: {program.errors[-1500:]}")
            elif program.read_line():
                time.sleep(chance.uniform(0, MOMENT_S_MAX))
            code = program.kill()
        assert code == -signal.SIGKILL, program.errors
        tally.killed(where)
        self.kills[where] += 1

    def finish(self) -> None:
        """Have it live to the end of what was begun."""
        with self.life(max(1, self.rounds)) as program:
            assert program.finish() == 0, program.errors
        self.rounds = max(1, self.rounds)

    @contextmanager
    def life(self, rounds: int, *stop: object) -> Iterator[Victim]:
        """The program, and what it was told."""
        self.lives += 1
        variables = {RECEIVED: str(self.receiver)}
        with victim(
            PROGRAM, self.path, rounds, *stop, calls=self.folder / "calls", workers=False, variables=variables
        ) as program:
            yield program
        self.acknowledged |= set(program.acknowledged())
        self.answered += answers_of(program.said)
        begun = [int(name.split()[1].rstrip(":")) + 1 for name in self.acknowledged if name.startswith("round")]
        self.rounds = max([self.rounds, *begun])

    def look(self) -> Remains | None:
        """What the kill left, checked; None where it came before there was a space."""
        if not self.path.exists():
            assert not self.acknowledged
            return None
        found = look_into(self.path, self.receiver)
        check_left(found, self.acknowledged, self.answered, self.lives)
        return found


def kill_often(folder: Path, seed: int, kills: int, *, first: int = 0) -> tuple[Space, Remains]:
    """So many kills of one space, from the `first` place of all on, each looked into; then to the end, and what is left
    there. Raises AssertionError for whatever is not as it must be."""
    space, chance = Space(folder), random.Random(seed)
    with client(space):
        for where in islice(cycle(WHERE), first, first + kills):
            space.kill(where, chance)
            space.look()
        space.finish()
    space.finish()  # what the client said last is taken
    found = space.look()
    assert found is not None
    return space, check_rest(space.path, space.receiver, space.rounds)


@contextmanager
def client(space: Space) -> Iterator[None]:
    """A client that answers, until the end; what it was told is durable is then known."""
    said = space.folder / "client"
    with said.open("w") as out, (space.folder / "client errors").open("w") as errors:
        command = [sys.executable, "-m", CLIENT, str(space.path)]
        process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=out, stderr=errors, text=True)
        try:
            yield
            process.communicate("", timeout=60)
        finally:
            process.kill()
            process.wait()
    assert process.returncode == 0, (space.folder / "client errors").read_text()
    answers = answers_of(said.read_text().splitlines())
    assert answers != [], "the client answers, too"
    space.answered += answers


def seeds(kills: int) -> Sequence[tuple[int, int, int]]:
    """What so many kills are made of: by space its seed, how many, and from which place on."""
    begun = range(0, kills, KILLS_PER_SPACE)
    return [(first // KILLS_PER_SPACE, min(KILLS_PER_SPACE, kills - first), first) for first in begun]
