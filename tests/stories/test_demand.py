"""Who demands what: a wait, a watch and `eager` have it made, what nobody demands stays due, and demand ends with its
holder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import weft
from tests.until import unread, until
from weft import Entity, Field, Space, derive, field, op
from weft.content import encode
from weft.inbox import Inbox
from weft.stores.memory import MemoryStore
from weft.testing.world import World


@op(runner="inline")
def doubled(x: int) -> int:
    return 2 * x


@op(runner="inline")
def hundredfold(x: int) -> int:
    return 100 * x


class Sheet(Entity):
    x: Field[int] = field(default=1)
    double = derive(doubled, x)
    fourfold = derive(doubled, double)
    hundred = derive(hundredfold, x)


class Kept(Entity):
    x: Field[int] = field(default=1)
    double = derive(doubled, x)
    hundred = derive(hundredfold, double, eager=True)


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "space.weft")


@pytest.fixture
def space(path: str) -> Iterator[Space]:
    with weft.open(path, types=[Sheet, Kept], engine=True) as space:
        yield space


def made(space: Space) -> dict[str, int]:
    """How many calls were made of each operation, once all that is demanded is settled."""
    space.wait_settled(timeout_s=30)
    return {name.rpartition("/")[2]: each["executed"] for name, each in space.counts().items()}


def demanded(space: Space) -> set[str]:
    """The nodes that somebody watches, by their names, once the engine has read what other programs say."""
    until(lambda: not unread(space))
    with space._host.view() as engine:
        return {node for _, node, _ in engine.watched}


def test_what_is_looked_at_and_followed_is_not_made_and_what_is_waited_for_and_watched_is(space: Space) -> None:
    sheet = space.create(Sheet)
    with space.subscribe() as activities:
        assert activities.present()
        assert str(sheet.double.state) == "Absent()"
        assert made(space) == {}

        sheet.double.wait(30)
        assert made(space) == {"doubled": 1}

        space.watch(sheet.hundred)
        assert made(space) == {"doubled": 1, "hundredfold": 1}
        sheet.x = 5
        assert made(space) == {"doubled": 2, "hundredfold": 2}
        assert {one.type for one in activities.present()} == {"traversal.started", "node.settled"}
    assert str(sheet.fourfold.state) == "Absent()"


def test_a_wait_demands_until_the_space_is_closed_and_after_the_next_opening_only_eager_does(path: str) -> None:
    with weft.open(path, types=[Sheet, Kept]) as space:
        sheet, kept = space.create(Sheet), space.create(Kept, x=10)
        sheet.fourfold.wait(30)
        assert made(space) == {"doubled": 3, "hundredfold": 1}
        assert kept.hundred.wait(30) == 2000
        assert demanded(space) == {"fourfold", "hundred"}
    with weft.open(path, types=[Sheet, Kept]) as space:
        sheet, kept = space.get(Sheet, sheet.id), space.get(Kept, kept.id)
        sheet.x, kept.x = 5, 30
        assert made(space) == {"doubled": 1, "hundredfold": 1}
        assert demanded(space) == set()
        assert sheet.fourfold.wait(30) == 20


def test_what_a_client_demands_is_made_until_it_closes(space: Space, path: str) -> None:
    sheet = space.create(Sheet)
    with weft.open(path, types=[Sheet, Kept], engine=False) as client:
        mine = client.get(Sheet, sheet.id)
        assert mine.fourfold.wait(30) == 4
        client.watch(mine.hundred)
        assert mine.fourfold.wait(30) == 4  # asked for twice: held once
        assert demanded(space) == {"fourfold", "hundred"}
        sheet.x = 5
        assert made(space) == {"doubled": 4, "hundredfold": 2}

    assert demanded(space) == set()
    sheet.x = 3
    assert made(space) == {"doubled": 4, "hundredfold": 2}
    assert sheet.fourfold.wait(30) == 12


def test_a_node_is_demanded_as_long_as_one_of_those_who_asked_is_there(space: Space, path: str) -> None:
    sheet = space.create(Sheet)
    first = weft.open(path, types=[Sheet, Kept], engine=False)
    second = weft.open(path, types=[Sheet, Kept], engine=False)
    for client in (first, second):
        client.watch(client.get(Sheet, sheet.id).double)
    first.close()
    first.close()
    assert demanded(space) == {"double"}

    space.watch(sheet.double)
    second.close()

    assert demanded(space) == {"double"}  # by this program itself, which asked after they had
    sheet.x = 2
    assert made(space)["doubled"] >= 1
    assert str(sheet.double.state) == "Settled(value=4)"


def test_a_client_that_demanded_nothing_leaves_no_word(space: Space, path: str) -> None:
    sheet = space.create(Sheet)
    with space._host.lock, weft.open(path, types=[Sheet, Kept], engine=False) as client:
        assert client.get(Sheet, sheet.id).x == 1

        client.close()

        assert space._store.inbox() == []


def test_a_client_that_only_asked_whether_all_is_settled_leaves_no_word_either(space: Space, path: str) -> None:
    client = weft.open(path, types=[Sheet, Kept], engine=False)
    client.wait_settled(timeout_s=30)
    with space._host.lock:
        client.close()

        assert space._store.inbox() == []


def test_who_gives_no_name_or_leaves_without_having_asked_takes_nothing_from_others() -> None:
    world = World(Sheet, store=MemoryStore())
    world.tell(["one", "", "create", "Sheet"])
    inbox = Inbox(world.engine)
    for said in (
        {"left": "nobody"}, {"watch": ["one", "double", ""]}, {"watch": ["one", "double", ""], "by": "b"},
        {"watch": ["one", "double", ""], "by": "b"}, {"left": "b"}, {"left": "b"}, {"left": 7},
    ):  # fmt: skip
        world.store.post(encode(said))  # type: ignore[arg-type]

    inbox.take()
    world.engine.commit()

    assert world.engine.watched == {("one", "double", ""): 1}
    assert world.slot("one", "double").demand == 1
    assert world.store.inbox() == []


def test_what_a_command_has_tried_again_is_made_though_it_left_before_an_engine_came(path: str) -> None:
    with weft.open(path, types=[Sheet]) as space:
        sheet = space.create(Sheet)
    with weft.open(path, engine=False) as client:
        client._host.watch((sheet.id, "double", ""), stays=True)
        client._host.watch((sheet.id, "hundred", ""))

    with weft.open(path, types=[Sheet]) as space:
        until(lambda: not unread(space))
        assert made(space) == {"doubled": 1}
