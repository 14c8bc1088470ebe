"""A space as it was at a position: the same classes and handles, read back."""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import Iterator
from pathlib import Path

import pytest

import weft
from tests.past.erasing import erase_in_file as erase
from tests.past.operations import Praise, Shelf, Sold, Topic
from weft import Absent, Entity, Failed, Field, NodeFailed, Settled, Space, derive, field
from weft.content import Plain, decode
from weft.handle import Value
from weft.past.as_of import AsOf, NoSuchPosition
from weft.past.index import LogIndex
from weft.past.view import PastIsReadOnly, ValueNotKept, ValueUnknown
from weft.record import Record
from weft.slot import Ok
from weft.stores.memory import MemoryStore
from weft.testing.world import World


@pytest.fixture
def space() -> Iterator[Space]:
    with weft.open(types=[Shelf, Praise]) as opened:
        yield opened


def settled(space: Space) -> int:
    space.wait_settled(timeout_s=30)
    return space.position


def test_fields_and_nodes_read_as_they_were(space: Space) -> None:
    shelf = space.create(Shelf, owner="ann")
    shelf.books.add("art one", "sea two")
    shelf.pages["one"] = 100
    shelf.visits.increment(2)
    shelf.tell(Sold(30))
    space.watch(shelf.joined, shelf.topics)
    then = settled(space)
    shelf.owner = "bob"
    shelf.books.remove("art one")
    shelf.books.add("art three")
    shelf.pages["one"] = 120
    shelf.pages["two"] = 7
    shelf.visits.increment(5)
    shelf.tell(Sold(1))
    settled(space)

    (was,) = space.at(then).find(Shelf)

    assert (was.owner, tuple(was.books), dict(was.pages)) == ("ann", ("art one", "sea two"), {"one": 100})
    assert (int(was.visits), was.stock) == (2, 70)
    assert was.joined.wait() == "ART ONE, SEA TWO"
    assert was.loud.state == Settled(("ART ONE", "SEA TWO"))
    assert [topic.name for topic in was.topics.wait()] == ["art", "sea"]
    assert was.topics["art"].wait() == Topic("art", ("art one",))
    assert (shelf.owner, shelf.stock, tuple(shelf.books)) == ("bob", 69, ("sea two", "art three"))


def test_a_reference_is_followed_to_where_it_led_then(space: Space) -> None:
    shelf = space.create(Shelf)
    shelf.books.add("art one")
    shelf.topics.wait(30)
    praise = space.create(Praise, topic=shelf.topics["art"])
    assert praise.text.wait(30) == "art: 1"
    then = space.position
    shelf.books.add("art two")
    assert praise.text.wait(30) == "art: 2"

    was = space.at(then).get(Praise, praise.id)

    assert was.text.wait() == "art: 1"
    assert was.topic.wait() == Topic("art", ("art one",))
    assert praise.topic.wait(30) == Topic("art", ("art one", "art two"))


def test_what_was_not_there_yet_is_absent_or_unknown(space: Space) -> None:
    empty = space.position
    shelf = space.create(Shelf)
    made = space.position
    shelf.books.add("art one")
    shelf.joined.wait(30)

    assert space.at(0).find(Shelf) == space.at(empty).find(Shelf) == []
    with pytest.raises(KeyError, match=f"at {empty} there was no Shelf"):
        space.at(empty).get(Shelf, shelf.id)
    was = space.at(made).get(Shelf, shelf.id)
    assert was.joined.state == Absent()
    with pytest.raises(ValueUnknown, match=f"at position {made} is not known: .* nothing was shown"):
        was.joined.wait()
    with pytest.raises(ValueUnknown):
        was.topics["art"]
    shown = space.at(made, as_shown=True).get(Shelf, shelf.id)
    assert shown.joined.state == Absent()
    with pytest.raises(NodeFailed, match=f"at {made} it showed no value"):
        shown.joined.wait()
    with pytest.raises(KeyError, match=r"had no element 'art'"):
        shown.topics["art"]


def test_a_failure_of_then_is_shown_as_one(space: Space) -> None:
    shelf = space.create(Shelf)
    shelf.books.add("broken")
    with pytest.raises(NodeFailed):
        shelf.joined.wait(30)
    then = space.position
    shelf.books.remove("broken")
    shelf.joined.wait(30)

    was = space.at(then).get(Shelf, shelf.id)

    assert isinstance(was.joined.state, Failed)
    with pytest.raises(NodeFailed, match="it cannot be read"):
        was.joined.wait()


def split(text: str) -> tuple[str, ...]:
    if text == "broken":
        raise ValueError("it cannot be split")
    return tuple(text.split())


def upper(word: str) -> str:
    return word.upper()


class Line(Entity):
    text: Field[str] = field(default="one two")
    words = derive(split, text)
    loud = words.each(upper)
    louder = loud.each(upper)
    count = louder.count()


@pytest.mark.parametrize("texts", [["broken"], ["one two", "broken"], ["broken", "one two", "broken", "three"]])
def test_an_each_over_what_failed_is_shown_failed_as_it_was(texts: list[str]) -> None:
    """At the head, and from later positions; a row of two of them too, and who reads it."""
    with weft.open(types=[Line]) as space:
        line = space.create(Line)
        space.watch(line.count)
        shown = {}
        for text in texts:
            line.text = text
            position = settled(space)
            shown[position] = [outcome_of(each) for each in (line.words, line.loud, line.louder, line.count)]
            was = space.at(position).get(Line, line.id)
            assert [outcome_of(each) for each in (was.words, was.loud, was.louder, was.count)] == shown[position]

        assert [isinstance(states[1], str) for states in shown.values()] == [text == "broken" for text in texts]
        for position, states in shown.items():
            for as_shown in (False, True):
                was = space.at(position, as_shown=as_shown).get(Line, line.id)
                assert [outcome_of(each) for each in (was.words, was.loud, was.louder, was.count)] == states


def outcome_of(node: Value[object]) -> object:
    """What a node shows, without the last good value, of which no position speaks."""
    state = node.state
    return state.error if isinstance(state, Failed) else state


def test_the_past_cannot_be_edited(space: Space) -> None:
    shelf = space.create(Shelf, owner="ann")
    was = space.at(space.position).get(Shelf, shelf.id)

    refused = r"position \d+, and what was is not changed"
    with pytest.raises(PastIsReadOnly, match=refused):
        was.books.add("x")
    with pytest.raises(PastIsReadOnly, match=refused):
        was.owner = "bob"
    with pytest.raises(PastIsReadOnly, match=refused):
        was.tell(Sold(1))
    assert shelf.owner == "ann"


@pytest.mark.parametrize("position", [-1, 4, 10**9])
def test_a_position_that_the_log_does_not_hold_is_refused(position: int) -> None:
    with weft.open(types=[Shelf]) as space:
        space.create(Shelf)
        shelf_at = space.position

        with pytest.raises(NoSuchPosition, match=f"no position {position} in this space: its log ends at {shelf_at}"):
            space.at(position)


@pytest.mark.parametrize("position", ["3", 2.0, True, None])
def test_what_is_no_position_is_a_mistake(space: Space, position: object) -> None:
    with pytest.raises(TypeError, match="a position is a whole number, not"):
        space.at(position)  # type: ignore[arg-type]


def test_in_coroutines_the_past_is_awaited_like_the_present() -> None:
    async def main() -> None:
        async with weft.open(types=[Shelf]) as space:
            async with space.edit():
                shelf = space.create(Shelf)
                shelf.books.add("art one")
            await shelf.joined
            then = space.position
            async with space.edit():
                shelf.books.add("sea two")
            await shelf.joined

            assert await space.at(then).get(Shelf, shelf.id).joined == "ART ONE"

    asyncio.run(main())


def test_a_client_reads_the_past_of_a_space_that_another_computes(tmp_path: Path) -> None:
    path = str(tmp_path / "s.weft")
    with weft.open(path, types=[Shelf]) as engine, weft.open(path, types=[Shelf], engine=False) as client:
        shelf = engine.create(Shelf, owner="ann")
        then = engine.position
        shelf.owner = "bob"

        was = client.at(then).get(Shelf, shelf.id)

        assert was.owner == "ann"
        shelf.owner = "eve"
        assert (was.owner, client.at(engine.position).get(Shelf, shelf.id).owner) == ("ann", "eve")


# Code that changed ---------------------------------------------------------------------------------------------------


def halved(n: int) -> int:
    return n // 2


def test_a_renamed_node_is_read_by_its_new_name(tmp_path: Path) -> None:
    path = str(tmp_path / "s.weft")

    class Sum(Entity):
        n: Field[int] = field(default=0)
        half = derive(halved, n)

    with weft.open(path, types=[Sum]) as space:
        first = space.create(Sum, n=8)
        assert first.half.wait(30) == 4
        then, id = space.position, first.id

    class Renamed(Entity):
        n: Field[int] = field(default=0)
        better = derive(halved, n, was="half")

    Renamed.__name__ = Renamed.__qualname__ = "Sum"
    with weft.open(path, types=[Renamed]) as space:
        renamed, in_between = space.get(Renamed, id), space.position
        renamed.n = 20
        assert renamed.better.wait(30) == 10

        was = space.at(then).get(Renamed, id)

        assert (was.n, was.better.wait()) == (8, 4)
        assert space.at(then, as_shown=True).get(Renamed, id).better.wait() == 4
        assert space.at(in_between, as_shown=True).get(Renamed, id).better.wait() == 4
        assert in_between > then
        assert space.at(in_between).get(Renamed, id).better.wait() == 4


def test_a_fold_whose_code_is_not_here_is_not_guessed(tmp_path: Path) -> None:
    path = str(tmp_path / "s.weft")
    with weft.open(path, types=[Shelf]) as space:
        shelf = space.create(Shelf)
        shelf.tell(Sold(1))
        then, id = space.position, shelf.id
        shelf.tell(Sold(1))
    with weft.open(path) as space:
        was = space.at(then).get(Shelf, id)

        with pytest.raises(ValueNotKept, match="its fold is a program's code, which is not here"):
            was.stock  # noqa: B018
        assert was.owner == "nobody"


# What was erased -----------------------------------------------------------------------------------------------------


def test_what_was_erased_is_not_kept_and_all_else_is(tmp_path: Path) -> None:
    path = tmp_path / "s.weft"
    with weft.open(str(path), types=[Shelf]) as space:
        shelf = space.create(Shelf, owner="ann")
        shelf.books.add("art one")
        shelf.joined.wait(30)
        positions = space.position
        shelf.owner = "secret"
        told = space.position
        shelf.owner = "bob"
        shelf.visits.increment(1)
        shelf.books.add("sea two")
        shelf.joined.wait(30)
        id = shelf.id
    erase(path, told)
    with weft.open(str(path), types=[Shelf], engine=False) as space:
        before, then, now = (space.at(at).get(Shelf, id) for at in (positions, told, space.position))
        shown = space.at(told, as_shown=True).get(Shelf, id)

        with pytest.raises(ValueNotKept, match=f"what was told at {told} was erased"):
            then.owner  # noqa: B018
        with pytest.raises(ValueNotKept, match=f"what was told at {told} was erased"):
            int(then.visits)
        assert before.owner == "ann"
        assert now.owner == "bob"
        with pytest.raises(ValueNotKept, match=f"what was told at {told} was erased"):
            then.joined.wait()  # it may have been told of the books
        assert before.joined.wait() == shown.joined.wait() == "ART ONE"
        assert now.joined.wait() == "ART ONE, SEA TWO"


@pytest.mark.parametrize("as_shown", [False, True])
def test_a_result_that_was_erased_is_not_kept(tmp_path: Path, *, as_shown: bool) -> None:
    path = tmp_path / "s.weft"
    with weft.open(str(path), types=[Shelf]) as space:
        shelf = space.create(Shelf)
        shelf.topics.wait(30)
        result = space.position
        shelf.books.add("sea two")
        shelf.topics.wait(30)
        id = shelf.id
    erase(path, result)
    with weft.open(str(path), types=[Shelf], engine=False) as space:
        was = space.at(result, as_shown=as_shown).get(Shelf, id)
        now = space.at(space.position, as_shown=as_shown).get(Shelf, id)

        with pytest.raises(ValueNotKept, match=f"what was recorded at {result} was erased"):
            was.topics.wait()
        assert [topic.name for topic in now.topics.wait()] == ["sea"]


def test_what_was_told_after_a_first_look_is_found_by_the_next(space: Space) -> None:
    shelf = space.create(Shelf)
    shelf.books.add("art one")
    assert list(space.at(space.position).get(Shelf, shelf.id).books) == ["art one"]
    shelf.books.add("sea two")
    was = space.position
    shelf.books.add("sky three")

    assert list(space.at(was).get(Shelf, shelf.id).books) == ["art one", "sea two"]


@pytest.mark.parametrize("is_told_anew", [False, True])
def test_a_view_that_has_read_what_is_erased_then_gives_it_no_more(space: Space, *, is_told_anew: bool) -> None:
    shelf = space.create(Shelf, owner="ann")
    was = space.at(space.position).get(Shelf, shelf.id)
    if is_told_anew:
        shelf.owner = "bob"  # so that the index of the log is read
    assert was.owner == "ann"

    space.forget(shelf)

    with pytest.raises(ValueNotKept, match="it was erased"):
        was.owner  # noqa: B018


def test_what_there_was_is_the_same_once_the_log_has_been_read(space: Space) -> None:
    first = space.create(Shelf, owner="ann")
    before = space.position
    first.owner = "bob"
    gone = space.create(Shelf)
    there = space.position
    space.forget(gone)

    def looks() -> list[object]:
        return [seen(space, position, id) for id in (first.id, gone.id) for position in range(1, space.position + 1)]

    from_rows = looks()
    assert seen(space, before - 1, first.id) == f"at {before - 1} there was no Shelf {first.id}"
    assert seen(space, before, gone.id) == f"at {before} there was no Shelf {gone.id}"
    assert "is not kept" in str(seen(space, there, gone.id))
    assert seen(space, space.position, gone.id) == f"at {space.position} there was no Shelf {gone.id}"
    assert space.at(before).get(Shelf, first.id).owner == "ann"  # the log is read for it
    assert looks() == from_rows


def seen(space: Space, position: int, id: str) -> object:
    """What a shelf was visited, or why that is not known, up to the first colon."""
    try:
        return int(space.at(position).get(Shelf, id).visits)
    except (KeyError, ValueNotKept) as why:
        return str(why).strip("'\"").partition(":")[0]


def test_what_another_program_erases_after_a_first_look_is_seen_by_the_next(tmp_path: Path) -> None:
    path = str(tmp_path / "s.weft")
    with weft.open(path, types=[Shelf]) as space, weft.open(path, types=[Shelf], engine=False) as client:
        shelf = space.create(Shelf, owner="ann")
        then = space.position
        shelf.owner = "bob"
        assert client.at(then).get(Shelf, shelf.id).owner == "ann"  # the log is read for it

        space.forget(shelf)

        with pytest.raises(KeyError, match="there was no Shelf"):
            client.at(client.position).get(Shelf, shelf.id)


def test_what_was_looked_at_is_let_go_of_with_its_last_holder(space: Space) -> None:
    shelf = space.create(Shelf, owner="ann")
    then = space.position
    shelf.owner = "bob"
    past = space.at(then)
    assert past.get(Shelf, shelf.id).owner == "ann"
    with space.view() as engine:
        is_there = weakref.ref(past.desk.as_of(engine))
    gc.disable()  # what only the search for circles finds is not let go of here
    try:
        del past
        assert is_there() is None
    finally:
        gc.enable()


def test_what_was_told_again_since_is_known_though_something_was_erased_in_between(tmp_path: Path) -> None:
    path = tmp_path / "s.weft"
    with weft.open(str(path), types=[Shelf]) as space:
        shelf = space.create(Shelf, owner="ann")
        shelf.visits.increment(1)
        told = space.position
        shelf.owner = "ann"
        shelf.visits.increment(1)
        id = shelf.id
    erase(path, told)
    with weft.open(str(path), types=[Shelf], engine=False) as space:
        was = space.at(told).get(Shelf, id)
        with pytest.raises(ValueNotKept):
            int(was.visits)  # the index of the log is read for it

        assert was.owner == "ann"


# What it costs -------------------------------------------------------------------------------------------------------


class Counting(MemoryStore):
    """A store that counts the records that were read."""

    read = 0

    def records(self, after: int = 0, *, until: int | None = None) -> Iterator[Record]:
        for record in super().records(after, until=until):
            self.read += 1
            yield record


class Tally(Entity):
    n: Field[int] = field(default=0)


def test_a_read_finds_its_records_by_bisection() -> None:
    store = Counting()
    world, index = World(Tally, store=store), LogIndex()
    for id in ("often", "once"):
        world.tell([id, "", "create", "Tally"])
    once: list[Plain] = ["once", "n", "set", 5]
    at = [world.tell(["often", "n", "set", n], *([once] if n == 150 else [])) for n in range(300)]

    def read(position: int, entity: str) -> tuple[object, int]:
        store.read = 0
        outcome = AsOf(world.engine, position, index).outcome(entity, "n")
        return decode(outcome.encoded) if isinstance(outcome, Ok) else outcome, store.read

    assert read(world.engine.head.position, "often") == (299, 0)  # from today's rows
    assert read(at[290], "once") == (5, 0)
    assert read(at[96], "often") == (96, world.engine.head.position + 1)  # the log once, and the event
    assert read(at[100], "often") == (100, 1)
    assert read(at[100], "once") == (0, 0)  # nothing was told to it by then
