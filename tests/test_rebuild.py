"""Tables made again from the log: of every kind of field, of lists whose elements have ids, after changes of a type."""

from __future__ import annotations

from pathlib import Path

import pytest

import weft
from tests.laws.test_rebuild import tables
from weft import Blob, Entity, Field, Ref, counter, derive, element, entries, field, fold, items, ref
from weft.definition import compile_type, type_name
from weft.rebuild import RecordUnplayable, rebuild
from weft.store import SpaceDamaged
from weft.stores.sqlite import SqliteStore


@element(key="name")
class Group:
    name: str
    members: tuple[int, ...]


def grouped(last: tuple[Group, ...], xs: tuple[int, ...]) -> tuple[Group, ...]:
    names = dict.fromkeys("even" if x % 2 == 0 else "odd" for x in xs)
    return tuple(Group(name, tuple(x for x in xs if (x % 2 == 0) == (name == "even"))) for name in names)


def size(photo: Blob) -> int:
    return photo.size_bytes


def half(n: int) -> int:
    if n % 2:
        raise ValueError("odd")
    return n // 2


def long(n: int) -> str:
    return str(n) * 100_000


def members(group: Group) -> int:
    return len(group.members)


def added(total: int, by: int) -> int:
    return total + by


class Box(Entity):
    n: Field[int] = field()
    xs = items(int)
    photos = items(Blob)
    hits = counter()
    notes = entries(str, str)
    total = fold(0).on(int, added)
    halved = derive(half, n)
    long = derive(long, n)
    sizes = photos.each(size)
    groups = derive(grouped, xs, initial=())


class Look(Entity):
    group: Ref[Group] = ref()
    count = derive(members, group)


def lived(path: Path) -> None:
    """A life in which every kind of row comes to be."""
    with weft.open(str(path), types=(Box, Look)) as space:
        box = space.create(Box, n=4)
        box.xs.add(1, 2, 3)
        box.photos.add(Blob.from_bytes(b"one"), Blob.from_bytes(b"two"))
        box.hits.increment(3)
        box.notes["a"] = "first"
        box.tell(5)
        box.groups.wait()
        look = space.create(Look, group=box.groups["odd"])
        look.count.wait()
        for value in (box.sizes, box.halved, box.long):
            value.wait()
        box.n = 5
        with pytest.raises(weft.NodeFailed):
            box.halved.wait()
        box.xs.remove(1)
        box.xs.remove(3)
        box.groups.wait()
        box.photos.remove(Blob.from_bytes(b"one"))
        box.sizes.wait()
        box.n = 4
        box.halved.wait()


def test_every_kind_of_row_comes_back_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "box.weft"
    lived(path)
    store = SqliteStore(path)
    before, head = tables(store), store.head().position

    done = rebuild(store, epoch=store.acquire(), types={type_name(kind): compile_type(kind) for kind in (Box, Look)})

    after = tables(store)
    store.close()
    assert (done.records, done.kept, done.lost) == (head, (), ())
    for name, rows in before.items():
        assert after[name] == rows, name


def test_a_fold_without_its_code_is_kept_and_named(tmp_path: Path) -> None:
    path = tmp_path / "box.weft"
    lived(path)
    store = SqliteStore(path)
    before = tables(store)

    done = rebuild(store, epoch=store.acquire())

    after = tables(store)
    store.close()
    assert [name.partition(".")[2] for name in done.kept] == ["total"]
    assert after["state"] == before["state"]
    assert after["version"] == before["version"]
    with weft.open(str(path), types=(Box, Look)) as space:
        assert space.find(Box)[0].total == 5


def test_tables_that_were_left_half_made_are_not_taken_for_whole(tmp_path: Path) -> None:
    path = tmp_path / "box.weft"
    lived(path)
    store = SqliteStore(path)
    store.clear(epoch=store.acquire())
    store.close()

    with pytest.raises(SpaceDamaged, match="rebuild was not finished"):
        weft.open(str(path))


def test_a_record_that_cannot_be_played_is_named(tmp_path: Path) -> None:
    from weft.record import make_record
    from weft.store import Batch

    store = SqliteStore(tmp_path / "odd.weft")
    epoch, head = store.acquire(), store.head()
    event = make_record(1, "event", epoch=epoch, previous=head.digest, payload={"id": "x", "intents": "none"})
    store.append(Batch([event]), epoch=epoch)

    with pytest.raises(RecordUnplayable, match="Record 1 of"):
        rebuild(store, epoch=epoch)
    store.close()
