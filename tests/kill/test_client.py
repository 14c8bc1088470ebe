"""A second program edits while the engine's program is killed, again and again: each edit is taken exactly once."""

from __future__ import annotations

import signal
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from tests.kill import tally
from tests.kill.program import ACTOR, garden, make_first, open_space
from tests.kill.victim import Victim, victim
from weft.client import NoEngine
from weft.folding import event_id
from weft.space import Space
from weft.stores.sqlite import SqliteStore

pytestmark = pytest.mark.kill
KEEPER = "tests.kill.keeper"
POINTS = ("inbox folded", "inbox kept", "results settled", "before commit", "after commit", "marked")
"""Where the engine dies, one after another."""


@pytest.fixture
def path(tmp_path: Path) -> str:
    path = str(tmp_path / "space.weft")
    with open_space(path) as space, space.edit(once="make first"):
        make_first(space)
    return path


@contextmanager
def kept(path: str, *stop: object) -> Iterator[Victim]:
    """An engine in another process, which dies as soon as it comes to where it is to stop."""
    with victim(KEEPER, path, *stop, calls=Path(path).parent / "calls") as keeper:
        assert keeper.read_line() == "opened", keeper.finish()
        yield keeper


def test_the_edits_of_a_client_are_taken_once_each_however_often_the_engine_dies(path: str) -> None:
    untold = 0
    said: list[str] = []
    with closing(open_space(path, engine=False)) as client, closing(SqliteStore(path)) as beside:
        for turn, point in enumerate(POINTS):
            with kept(path, point, 3 + turn) as keeper:
                reaper = threading.Thread(target=reap, args=(keeper, point))
                reaper.start()
                untold += say_until_nobody_hears(client, said, beside)
                reaper.join()
            assert int(garden(client).visits) <= len(said), "what is there can be read while nobody computes"
        with kept(path) as keeper:
            for name in said:
                say(client, name)
            client.wait_settled(timeout_s=30)
            visits = int(garden(client).visits)
            keeper.kill()

    assert untold == len(POINTS)
    assert visits == len(said)
    with closing(SqliteStore(path)) as store:
        told = Counter(str(record.content()["id"]) for record in store.records() if record.kind == "event")
        assert [told[event_id(ACTOR, name)] for name in said] == [1] * len(said)
        assert told.total() == len(said) + 1
        assert store.inbox() == []
        assert list(store.verify()) == []


def reap(keeper: Victim, point: str) -> None:
    assert keeper.wait_stopped(), keeper.finish()
    assert keeper.kill() == -signal.SIGKILL
    tally.killed(f"{point}, with a client")


def say(client: Space, name: str) -> None:
    """One more visit, under a name of its own."""
    with client.edit(once=name):
        garden(client).visits.increment()


def say_until_nobody_hears(client: Space, said: list[str], beside: SqliteStore) -> int:
    """Edit, until nobody computes; the last edit may have been heard, or wait in the inbox."""
    for _ in range(1000):
        said.append(f"visit {len(said)}")
        say(client, said[-1])
        if beside.holder() is None:
            return 1
    return 0


def test_a_client_that_waits_is_told_when_the_engine_has_died(path: str) -> None:
    with closing(open_space(path, engine=False)) as client:
        with kept(path, "call ended", 2) as keeper:
            reaper = threading.Thread(target=reap, args=(keeper, "call ended"))
            reaper.start()
            with pytest.raises(NoEngine, match="No program computes"):
                wait_for_everything(client)
            reaper.join()
        assert garden(client).place == "kew"


def wait_for_everything(client: Space) -> None:
    """More than the engine lives to compute."""
    client.wait_settled(timeout_s=30)
    garden(client).tale.wait(30)
