"""A program that demands something of another's engine and ends without a word: what it asked for ends with it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import weft
from tests.stories.shared_type import Shared
from tests.until import until
from weft import Entity, Field, Settled, Space, derive, field
from weft import watchers as watchers_module
from weft.content import Plain, encode
from weft.inbox import Inbox
from weft.stores.memory import MemoryStore
from weft.testing.world import World
from weft.watchers import LOOK_S, new_presence

ROOT = Path(__file__).resolve().parents[2]


def plus_one(x: int) -> int:
    return x + 1


class Sum(Entity):
    x: Field[int] = field(default=1)
    more = derive(plus_one, x)


class Engine:
    """An engine in memory, and a client of it that may vanish."""

    def __init__(self) -> None:
        store = MemoryStore()
        self.world = World(Sum, store=store)
        self.world.tell(["a", "", "create", "Sum"], ["a", "x", "set", 1])
        self.client: MemoryStore | None = MemoryStore(beside=store)
        self.name = new_presence()
        self.client.enter(self.name)
        self.inbox = Inbox(self.world.engine)

    def say(self, said: dict[str, Plain]) -> None:
        self.world.store.post(encode(said))

    def take(self, now_s: float) -> None:
        self.inbox.take()
        self.inbox.forget_gone(now_s)
        self.world.engine.commit()

    @property
    def demand(self) -> int:
        return self.world.slot("a", "more").demand


def test_what_was_demanded_ends_soon_after_whoever_asked_has_ended() -> None:
    engine = Engine()
    engine.say({"watch": ["a", "more", ""], "by": engine.name})
    engine.take(0.0)
    engine.take(LOOK_S)
    assert engine.demand == 1

    engine.client = None
    engine.take(LOOK_S * 1.9)
    assert engine.demand == 1  # they are asked for rarely
    engine.take(LOOK_S * 2)

    assert engine.demand == 0
    assert engine.world.engine.watched == {}


def test_what_somebody_else_demands_too_is_demanded_on() -> None:
    engine = Engine()
    engine.say({"watch": ["a", "more", ""], "by": engine.name})
    engine.say({"watch": ["a", "more", ""], "by": ""})
    engine.say({"watch": ["a", "more", ""], "by": "12 an older program, of which nothing is known"})
    engine.take(0.0)

    engine.client = None
    engine.take(LOOK_S)

    assert engine.demand == 2


def test_what_was_asked_for_by_one_that_had_ended_before_is_not_begun() -> None:
    engine = Engine()
    engine.take(0.0)
    engine.say({"watch": ["a", "more", ""], "by": engine.name})
    engine.client = None

    engine.take(1.0)

    assert engine.demand == 0
    assert engine.world.step() == []


def test_a_question_goes_with_whoever_asked() -> None:
    engine = Engine()
    engine.say({"watch": ["a", "more", ""], "by": ""})
    engine.say({"settled": 1, "by": engine.name})
    engine.say({"settled": 1})
    engine.take(0.0)
    assert len(engine.world.store.inbox()) == 2

    engine.client = None
    engine.take(LOOK_S)

    (left,) = engine.world.store.inbox()
    assert left[1] == encode({"settled": 1})


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "space.weft")


@pytest.fixture
def space(path: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Space]:
    monkeypatch.setattr(watchers_module, "LOOK_S", 0.01)
    with weft.open(path, types=[Shared], engine=True) as space:
        space.create(Shared, x=1)
        yield space


def watched(space: Space) -> set[str]:
    with space.view() as engine:
        return {node for _, node, _ in engine.watched}


@pytest.mark.kill
def test_a_program_that_is_killed_demands_nothing_any_more(space: Space, path: str) -> None:
    (shared,) = space.find(Shared)
    with subprocess.Popen(
        [sys.executable, "-m", "tests.stories.client_program", path],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])},
    ) as program:
        assert program.stdout is not None and program.stdout.readline() == "demanded\n"
        until(lambda: shared.fourfold.state == Settled(4))
        assert watched(space) == {"fourfold"}

        program.kill()
        program.wait()

    until(lambda: watched(space) == set())
    executed = space.counts()
    shared.x = 5
    space.wait_settled(timeout_s=30)
    assert space.counts() == executed
    assert shared.fourfold.wait(30) == 20
