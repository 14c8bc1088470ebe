"""The laws of forgetting, over random lives: what was told is nowhere, and everything else is as it was."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

from tests.erasure.lives import Look, Note, Pin, canary, check_gone, noted, opened, path, settle
from weft import Space
from weft.graph import target_of
from weft.slot import Ok

LONG = bool(os.environ.get("WEFT_LONG"))

__all__ = ["path"]


class Life:
    """A space in which things are told, read, forgotten; and what was forgotten."""

    def __init__(self, rnd: random.Random, space: Space) -> None:
        self.rnd, self.space = rnd, space
        self.number = 0
        self.bird_of: dict[str, str] = {}
        self.gone: list[str] = []

    def step(self) -> None:
        steps = ("note", "note", "look", "point", "change", "change", "remove", "settle", "settle", "forget")
        getattr(self, self.rnd.choice(steps))()

    def _any(self, kind: type[Note] | type[Look] | type[Pin]) -> Note | Look | Pin | None:
        found = self.space.find(kind)
        return self.rnd.choice(found) if found else None

    def note(self) -> None:
        self.number += 1
        if self.rnd.random() < 0.5:
            made = noted(self.space, self.number)
            self.bird_of[made.id] = canary(self.number)
            return
        with self.space.edit():
            pair = [noted(self.space, number) for number in (self.number, self.number + 1)]
        for made, number in zip(pair, (self.number, self.number + 1), strict=True):
            self.bird_of[made.id] = canary(number)
        self.number += 1

    def look(self) -> None:
        note = self._any(Note)
        if isinstance(note, Note):
            self.space.create(Look, note=note)

    def point(self) -> None:
        note, look, pin = self._any(Note), self._any(Look), self._any(Pin)
        if not isinstance(note, Note):
            return
        if isinstance(look, Look) and self.rnd.random() < 0.5:
            look.note = note
            return
        note.groups.wait()
        group = note.groups["a"]
        if isinstance(pin, Pin):
            pin.group = group
        else:
            self.space.create(Pin, group=group)

    def change(self) -> None:
        note = self._any(Note)
        if isinstance(note, Note):
            bird = self.bird_of[note.id]
            note.text = f"{bird} {self.rnd.choice(['sings', 'is bad', 'sleeps'])} {self.rnd.randint(0, 3)}"
            note.tags.add(f"{self.rnd.choice('abc')} {bird} {self.rnd.randint(0, 3)}")

    def remove(self) -> None:
        note = self._any(Note)
        if isinstance(note, Note) and len(note.tags) > 1:
            note.tags.remove(note.tags[0])

    def settle(self) -> None:
        settle(*(one for kind in (Note, Look, Pin) if (one := self._any(kind)) is not None))

    def forget(self) -> None:
        note = self._any(Note)
        if isinstance(note, Note):
            self.space.forget(note, why="it was asked for")
            self.gone.append(self.bird_of.pop(note.id))


@pytest.mark.parametrize("seed", range(200 if LONG else 4))
def test_what_was_forgotten_is_nowhere_and_all_else_is_whole(path: Path, tmp_path: Path, seed: int) -> None:
    rnd = random.Random(seed)
    gone: list[str] = []
    birds: dict[str, str] = {}
    number = 0
    for _ in range(3):
        with opened(path) as space:
            life = Life(rnd, space)
            life.number, life.gone, life.bird_of = number, gone, birds
            for _ in range(rnd.randint(4, 12)):
                life.step()
            if rnd.random() < 0.7:
                life.note()
                life.look()
                life.settle()
                life.forget()
            number = life.number
        for bird in gone:
            check_gone(bird, path, tmp_path)
    with opened(path) as space:
        check_as_from_scratch(space)


def check_as_from_scratch(space: Space) -> None:
    """Everything that can be read shows what its inputs make of it now."""
    for note in space.find(Note):
        assert note.loud.wait() == note.text.upper()
    for look in space.find(Look):
        settle(look)
        with space.view() as engine:
            holder = engine.node(look.id, "note")
            assert holder is not None
            target = target_of(holder.outcome())
            is_there = target is not None and engine.graph.thing(target[0]) is not None
            for name in ("same", "swapped", "count", "either", "again", "many"):
                found = engine.node(look.id, name)
                assert found is not None and found.current, name
                assert is_there or not isinstance(found.outcome(), Ok) or name == "either", name
