"""Scripts: what a simulated flow does, as plain data: drawn from a seed, told as JSON, and followed step by step.

A script is a list of acts; an act is a list that begins with its name. So one class of entities has flows of every
shape, and a story says which. What is not repeatable in a flow's code itself has no place in a script.

Knows nothing of runs. Invariant: a script is followed the same way whenever its steps come to the same.
Source: random programs beside an interpreter, as compilers are tested.
"""

from __future__ import annotations

import random
from typing import TypeAlias

Act: TypeAlias = list[object]
"""[name, …]: see `ACTS`."""
Script: TypeAlias = list[Act]

ACTS = {
    "call": "an operation, by name and number",
    "ask": "people, under a name; reminded after so many ms, expiring after so many, with a default, for one to answer",
    "decide": "a model, under a name",
    "sleep": "so many ms",
    "perform": "an effect of a class, once for its flow under a name, or however often where that is empty",
    "create": "an errand with a script",
    "errand": "await what the newest errand returned",
    "node": "await a node of the entity",
    "flow": "await another flow of the entity",
    "gather": "these beside each other",
    "first": "of these whichever is over first",
    "within": "so many ms for one",
    "edit": "note where it is, and count that",
    "set": "the entity's number",
    "try": "one, and catch that it fails",
    "twice": "one, and then the same again",
    "undo": "these; where the run is cancelled in them, others put things right",
    "again": "go on as a new run, so many times",
    "fail": "raise an error",
}
"""What each does."""
EFFECTS = ("ring", "letter", "launch")
_PLAIN = ("call", "call", "ask", "ask", "decide", "sleep", "perform", "perform", "perform", "edit", "node")
_DEEP = ("gather", "first", "within", "try", "twice", "undo", "create", "errand", "flow", "set", "fail")


class ScriptTeller:
    """Draws scripts. `flows`: those that may be awaited; `sets`: whether an entity's number may be edited."""

    def __init__(self, rnd: random.Random, *, flows: tuple[str, ...] = (), sets: bool = True) -> None:
        self._rnd, self._flows, self._sets = rnd, flows, sets

    def script(self, depth: int = 0) -> Script:
        """One script."""
        found = [self._act(depth) for _ in range(self._rnd.choice((1, 2, 2, 3, 4)))]
        if depth == 0 and self._rnd.random() < 0.12:
            found.append(["again", self._rnd.randint(1, 2)])
        return found

    def _act(self, depth: int) -> Act:
        rnd = self._rnd
        name = rnd.choice(_PLAIN) if depth >= 3 or rnd.random() < 0.6 else rnd.choice(_DEEP)
        return self._plain(name) if name in _PLAIN else self._deep(name, depth)

    def _plain(self, name: str) -> Act:
        rnd = self._rnd
        match name:
            case "call":
                return ["call", rnd.choice(("drawn", "drawn", "drawn_again", "bad")), rnd.randrange(3)]
            case "ask":
                return ["ask", rnd.choice(("size", "colour")), *self._times(), rnd.choice(("", "", "ann"))]
            case "decide":
                return ["decide", rnd.choice(("size", "colour"))]
            case "sleep":
                return ["sleep", rnd.choice((0, 1, 30, 200, 900))]
            case "perform":
                return ["perform", rnd.choice(EFFECTS), rnd.choice(("", "", "x", "y"))]
            case _:
                return [name]

    def _deep(self, name: str, depth: int) -> Act:
        rnd = self._rnd
        match name:
            case "set" if self._sets:
                return ["set", rnd.randrange(6)]
            case "flow" if self._flows:
                return ["flow", rnd.choice(self._flows)]
            case "create" if depth < 2:
                # An errand knows no entity but itself: what it awaits of others is nothing.
                return ["create", ScriptTeller(rnd, sets=False).script(2)]
            case "gather" | "first":
                return [name, [self._act(depth + 1) for _ in range(rnd.choice((1, 2, 2, 3)))]]
            case "within":
                return ["within", rnd.choice((1, 50, 400)), self._act(depth + 1)]
            case "try" | "twice":
                return [name, self._act(depth + 1)]
            case "undo":
                return ["undo", self.script(depth + 1), [self._act(3)]]
            case "errand" | "fail":
                return [name]
            case _:
                return ["edit"]

    def _times(self) -> tuple[int, int, int]:
        """After how many ms people are reminded, and no longer asked; and what that is taken to be: 0 for nothing."""
        rnd = self._rnd
        return rnd.choice((0, 0, 1000, 1200)), rnd.choice((0, 0, 60, 400, 1500)), rnd.choice((0, 7))
