"""Large collections that rules make: a change writes what is on its way; what was is read again, and forgotten."""

from __future__ import annotations

import contextlib
import gc
import weakref
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

import weft
from tests.laws.test_rebuild import tables
from weft import Entity, Field, Ref, Space, derive, field, gathered, items, maintained, ref
from weft.content import Cid, content_id, decode, encode
from weft.copies import export_space, import_space
from weft.past.known import NotKept
from weft.rebuild import rebuild
from weft.record import Entry
from weft.store import NODE, NoBlob, entries_of
from weft.stores.damage import examine
from weft.stores.sqlite import SqliteStore
from weft.testing.simulation import simulate
from weft.testing.story import make_story
from weft.tree import Member, Tree

MANY = 2_000


def is_even(number: int) -> bool:
    return number % 2 == 0


def by_end(number: int) -> int:
    return number % 100


class Numbers(Entity):
    """Numbers, some of them, and all in another order."""

    told = items(int)
    even = told.filter(is_even)
    placed = told.order(by_end)
    groups = told.group(by_end)
    many = even.count()


def opened(path: Path) -> Space:
    return weft.open(str(path), types=(Numbers,))


def filled(space: Space) -> Numbers:
    numbers = space.create(Numbers)
    with space.edit():
        for number in range(MANY):
            numbers.told.add(number)
    assert settled(numbers) == MANY // 2
    return numbers


def settled(numbers: Numbers) -> int:
    numbers.placed.wait()
    numbers.groups.wait()
    return numbers.many.wait()


def written_after(space: Space, position: int) -> int:
    """How many nodes were written behind a position."""
    return sum(len(entry.said["nodes"]) for entry in parts_of(space, position) if entry.kind == "nodes")  # type: ignore[arg-type, misc]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "space.weft"


def check_rebuilt(path: Path) -> None:
    """A rebuild gives the tables that are there."""
    with contextlib.closing(SqliteStore(path)) as store:
        before = tables(store)
        rebuild(store, epoch=store.acquire())
        assert tables(store) == before


def parts_of(space: Space, after: int = 0) -> Iterator[Entry]:
    return (entry for entry in entries_of(space._store, after) if entry.kind in ("result", "nodes"))


def test_a_change_writes_what_is_on_its_way(path: Path) -> None:
    with opened(path) as space:
        numbers = filled(space)
        first = sum(len(record.payload or b"") for record in space._store.records())
        for number in (10_000, 20_001, 30_002):
            before = space._store.head().position
            numbers.told.add(number)
            settled(numbers)
            wrote = sum(len(record.payload or b"") for record in space._store.records(before))
            assert wrote * 5 < first
            assert 0 < written_after(space, before) < 40


def test_what_was_kept_is_read_again_and_goes_on(path: Path) -> None:
    with opened(path) as space:
        numbers = filled(space)
        shown = (numbers.even.wait(), numbers.placed.wait(), numbers.groups.wait())
    with opened(path) as space:
        (numbers,) = space.find(Numbers)
        assert (numbers.even.wait(), numbers.placed.wait(), numbers.groups.wait()) == shown
        assert space.counts() == {}
        before = space._store.head().position

        numbers.told.add(MANY)

        assert settled(numbers) == MANY // 2 + 1
        assert numbers.even.wait() == (*shown[0], MANY)
        # What stood there was not written once more, though it was made anew.
        assert written_after(space, before) < 40
    assert examine(str(path)) == []


def by_four(number: int) -> int:
    return number % 4


def size(key: int, group: tuple[int, ...]) -> int:
    return len(group)


SIZE = f"{__name__}/size"


class Quarters(Entity):
    """Numbers in few and large groups, and how large those are."""

    told = items(int)
    groups = told.group(by_four)
    sizes = groups.each(size)


def by_ten(number: int) -> int:
    return number // 10


class Tens(Entity):
    told = items(int)
    groups = told.group(by_ten)
    sizes = groups.each(size)


def quarters(space: Space) -> Quarters:
    one = space.create(Quarters)
    with space.edit():
        for number in range(MANY):
            one.told.add(number)
    assert one.sizes.wait() == dict.fromkeys(range(4), MANY // 4)
    return one


def groups_of(numbers: Iterable[int]) -> dict[int, tuple[int, ...]]:
    held = list(numbers)
    return {rest: tuple(number for number in held if number % 4 == rest) for rest in range(4)}


def test_few_large_groups_are_kept_node_by_node_too(path: Path, tmp_path: Path) -> None:
    with weft.open(str(path), types=(Quarters,)) as space:
        one = quarters(space)
        first = sum(len(record.payload or b"") for record in space._store.records())
        for number in (MANY, MANY + 1, MANY + 2):
            before = space._store.head().position
            one.told.add(number)
            one.sizes.wait()
            wrote = sum(len(record.payload or b"") for record in space._store.records(before))
            assert wrote * 10 < first
            assert 0 < written_after(space, before) < 8
        called = space.counts()[SIZE]["executed"]
        assert called == 4 + 3  # as the others were not touched
        at = space._store.head().position
        one.told.remove(MANY)
        one.sizes.wait()
    with weft.open(str(path), types=(Quarters,)) as space:
        (one,) = space.find(Quarters)
        now = groups_of([*range(MANY), MANY + 1, MANY + 2])
        assert one.groups.wait() == now
        assert one.groups[1].wait() == now[1]
        assert space.at(at).get(Quarters, one.id).groups.wait() == groups_of(range(MANY + 3))
        assert len(space.why(one.groups).plain()["nodes"]) > 1  # type: ignore[arg-type]
        assert space.counts() == {}
        before = space._store.head().position
        with space.edit():
            one.told.add(MANY + 3)
            one.told.remove(7)
        assert one.sizes.wait() == {rest: len(group) for rest, group in now.items()}
        assert space.counts()[SIZE]["executed"] == 1
        assert written_after(space, before) < 12
        shown = one.groups.wait()
    export_space(path, tmp_path / "out.ndjson")
    import_space(tmp_path / "out.ndjson", tmp_path / "again.weft")
    for each in (path, tmp_path / "again.weft"):
        assert examine(str(each)) == []
        check_rebuilt(each)
        with weft.open(str(each), types=(Quarters,)) as space:
            assert space.find(Quarters)[0].groups.wait() == shown


def test_a_group_that_grows_large_and_shrinks_again_is_what_it_was(monkeypatch: pytest.MonkeyPatch, path: Path) -> None:
    monkeypatch.setattr(gathered, "LARGE", 8)
    with weft.open(str(path), types=(Quarters,)) as space:
        one = space.create(Quarters)
        with space.edit():
            for number in range(28):
                one.told.add(number)
        contents = []
        for number in (28, 32):  # 7, 8 and 9 elements, and back
            contents.append(content_of_group(space, one))
            one.told.add(number)
        for number in (32, 28):
            contents.append(content_of_group(space, one))
            one.told.remove(number)
        contents.append(content_of_group(space, one))
    assert contents == [contents[0], contents[1], contents[2], contents[1], contents[0]]
    assert len(set(contents)) == 3
    by_value = [content_id(encode([*range(0, end, 4)])) for end in (28, 32, 36)]
    assert [content == known for content, known in zip(contents, by_value, strict=False)] == [True, False, False]
    check_rebuilt(path)


def content_of_group(space: Space, one: Quarters) -> Cid:
    one.sizes.wait()
    with space.view() as engine:
        node = engine.node(one.id, "groups")
        assert node is not None
        return node.members()[0].content


def test_groups_that_were_kept_as_values_are_read_on(monkeypatch: pytest.MonkeyPatch, path: Path) -> None:
    """As all were before large ones had trees: in the nodes of many groups, and in the value that few are."""

    def value(element: str, tree: Tree, key: bytes) -> Member:
        encoded = encode([decode(one.encoded) for one in tree])
        return Member(element, content_id(encoded), encoded, key)

    monkeypatch.setattr(gathered, "LARGE", 8)
    with monkeypatch.context() as before, weft.open(str(path), types=(Quarters, Tens)) as space:
        before.setattr(maintained, "as_member", value)
        few, many = quarters(space), space.create(Tens)
        with space.edit():
            for number in range(200):
                many.told.add(number)
        many.sizes.wait()
        made = [entry.said for entry in parts_of(space) if entry.kind == "result"]
        said = [one["outcome"] for one in made if one["slot"][1] == "groups"]  # type: ignore[index]
        assert ["of" in outcome for outcome in said if isinstance(outcome, dict)] == [False, True]
    with weft.open(str(path), types=(Quarters, Tens)) as space:
        (few,), (many,) = space.find(Quarters), space.find(Tens)
        assert few.groups.wait() == groups_of(range(MANY))
        assert many.groups.wait() == {ten: tuple(range(ten * 10, ten * 10 + 10)) for ten in range(20)}
        assert few.groups[3].wait() == tuple(range(3, MANY, 4))
        assert space.counts() == {}

        few.told.add(MANY)
        many.told.remove(0)

        assert few.sizes.wait()[0] == MANY // 4 + 1
        assert many.sizes.wait() == {ten: 10 - (ten == 0) for ten in range(20)}
        assert few.groups.wait() == groups_of(range(MANY + 1))
    assert examine(str(path)) == []
    check_rebuilt(path)


def test_what_was_shown_then_is_read_as_of_then(path: Path) -> None:
    with opened(path) as space:
        numbers = filled(space)
        at = space._store.head().position
        numbers.told.add(MANY)
        settled(numbers)

        then = space.at(at).get(Numbers, numbers.id)

        assert then.even.wait() == tuple(range(0, MANY, 2))
        assert len(numbers.even.wait()) == MANY // 2 + 1
        moments = list(space.history(numbers.even))
        assert [len(moment.state.value) for moment in moments] == [MANY // 2, MANY // 2 + 1]  # type: ignore[union-attr, arg-type]


def test_a_rebuild_and_a_copy_hold_the_same_trees(path: Path, tmp_path: Path) -> None:
    with opened(path) as space:
        numbers = filled(space)
        numbers.told.add(MANY)
        settled(numbers)
    export_space(path, tmp_path / "out.ndjson")
    import_space(tmp_path / "out.ndjson", tmp_path / "again.weft")
    shown = []
    for each in (path, tmp_path / "again.weft"):
        check_rebuilt(each)
        with opened(each) as space:
            (numbers,) = space.find(Numbers)
            shown.append((numbers.even.wait(), numbers.placed.wait()))
    assert shown[0] == shown[1]


def test_activities_tell_of_results_and_not_of_their_nodes(path: Path) -> None:
    with opened(path) as space:
        filled(space)
        last = space._store.head().position
        with space.subscribe(0) as activities:
            heard = []
            for activity in activities:
                heard.append(activity)
                if activity.position == last:
                    break
    shown = [one.node.rpartition(".")[2] for one in heard if one.type == "node.settled"]
    assert sorted(shown) == ["even", "groups", "many", "placed"]
    assert [one for one in heard if one.type == "node.removed"] == []


NUMBER = 918_273_645
SECRET = "a word of hers that nobody may read again"


def said(text: str) -> tuple[str, ...]:
    return (text, *(f"line {number}" for number in range(300)))


def numbered(number: int) -> tuple[int, ...]:
    return (number, *range(300))


class Person(Entity):
    text: Field[str] = field()
    number: Field[int] = field(default=1)
    lines = derive(said, text)
    numbers = derive(numbered, number)


def is_short(line: str) -> bool:
    return len(line) < 1_000


def is_odd(number: int) -> bool:
    return number % 2 == 1


class Reader(Entity):
    person: Ref[Person] = ref()
    heard = person.at(Person.lines).filter(is_short)
    many = heard.count()
    odd = person.at(Person.numbers).filter(is_odd)


def test_forgetting_takes_the_nodes_that_hold_it(path: Path) -> None:
    """Also where nothing in them could be told from what others say: what was made of it by a rule goes."""
    with weft.open(str(path), types=(Person, Reader)) as space:
        person = space.create(Person, text="x", number=NUMBER)
        reader = space.create(Reader, person=person)
        assert reader.odd.wait() == (NUMBER, *range(1, 300, 2))
        person.number = 1
        assert reader.odd.wait()[0] == 1

        space.forget(person)

        held = b"".join(record.payload or b"" for record in space._store.records())
        assert encode(NUMBER) not in held
        assert isinstance(next(iter(space.history(reader.odd))).state, NotKept)
    check_rebuilt(path)


def test_a_result_whose_nodes_were_erased_is_made_again(path: Path) -> None:
    """Nodes of an older result are part of a newer one: where they go, the newer one can be read no more."""
    with weft.open(str(path), types=(Person, Reader)) as space:
        person, other = space.create(Person, text=SECRET), space.create(Person, text="nothing")
        reader = space.create(Reader, person=person)
        assert reader.many.wait() == 301
        reader.person = other
        assert reader.heard.wait()[0] == "nothing"
        at = space._store.head().position
        assert [len(entry.said["nodes"]) for entry in parts_of(space) if entry.kind == "nodes"][1] < 8  # type: ignore[arg-type]

        space.forget(person)

        assert SECRET.encode() not in b"".join(record.payload or b"" for record in space._store.records())
        assert reader.heard.wait() == said("nothing")
        assert space.at(at).get(Reader, reader.id).heard.wait() == said("nothing")  # as nobody asked to forget that
    with weft.open(str(path), types=(Person, Reader)) as space:
        (reader,) = space.find(Reader)
        assert reader.heard.wait() == said("nothing")
        assert space.counts() == {}
    assert examine(str(path)) == []
    check_rebuilt(path)


class Sorter(Entity):
    person: Ref[Person] = ref()
    groups = person.at(Person.numbers).group(by_four)
    sizes = groups.each(size)


def test_a_group_whose_nodes_were_erased_is_made_again(path: Path) -> None:
    """A leaf that names the roots of groups is there as long as they are."""
    with weft.open(str(path), types=(Person, Sorter)) as space:
        person, other = space.create(Person, text="x"), space.create(Person, text="x", number=NUMBER)
        sorter = space.create(Sorter, person=person)
        assert sorter.sizes.wait() == {0: 75, 1: 76, 2: 75, 3: 75}
        sorter.person = other
        assert sorter.groups.wait()[NUMBER % 4][0] == NUMBER
        wrote = [len(entry.said["nodes"]) for entry in parts_of(space) if entry.kind == "nodes"]  # type: ignore[arg-type]
        assert wrote[-1] * 2 < wrote[0]

        space.forget(person)

        assert sorter.groups.wait()[NUMBER % 4][0] == NUMBER
    with weft.open(str(path), types=(Person, Sorter)) as space:
        (sorter,) = space.find(Sorter)
        assert sorter.groups.wait()[0] == tuple(range(0, 300, 4))
    assert examine(str(path)) == []
    check_rebuilt(path)


@pytest.mark.parametrize("first", range(0, 120, 30))
def test_every_rule_holds_where_small_collections_are_kept_so_too(first: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gathered, "LARGE", 1)
    for seed in range(first, first + 30):
        broken = simulate(make_story(seed)).broken
        assert broken is None, f"{broken}\n{make_story(seed)}"


def test_a_node_that_is_not_there_is_said_to_be_gone(path: Path) -> None:
    with opened(path) as space:
        numbers = filled(space)
        with space.view() as engine:
            slot = engine.node(numbers.id, "even")
            assert slot is not None
            entry = next(one for one in parts_of(space) if one.kind == "result" and one.said["slot"] == [*slot.key])  # type: ignore[union-attr]
            for key, _ in list(engine.rows(NODE, (numbers.id, "even"))):
                engine.batch.put(NODE, key, None)
            with pytest.raises(NoBlob, match="is not in this space"):
                engine.outcome_of(entry.said["outcome"])
            engine.batch.rows[NODE].clear()


def test_a_space_whose_large_collections_were_read_back_is_let_go_of_when_it_is_closed(tmp_path: Path) -> None:
    with opened(tmp_path / "space.weft") as space:
        filled(space)

    with opened(tmp_path / "space.weft") as space:
        (numbers,) = space.find(Numbers)
        settled(numbers)
        with space.view() as engine:
            kept = weakref.ref(engine)
    del space, numbers, engine
    gc.collect()

    assert kept() is None
