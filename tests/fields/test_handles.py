"""Every kind of field through a space's handles: its verbs, what it reads as, and that all of it lasts."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from contextvars import copy_context
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import pytest

import weft
from weft import Blob, Entity, Field, Ref, Space, counter, derive, element, entries, field, fold, items, ref, text
from weft.content import Plain, decode
from weft.edit import UnknownEntity
from weft.engine import EventReused
from weft.record import EditTooLarge
from weft.reduce import Refused
from weft.store import STATE
from weft.stores.sqlite import SqliteStore
from weft.subscription import intent_text


@element(key="isbn")
class Book:
    isbn: str
    title: str


@dataclass(frozen=True)
class Lent:
    to: str


def lend(log: tuple[str, ...], lent: Lent) -> tuple[str, ...]:
    return (*log, lent.to)


def size_of(blob: Blob) -> int:
    return len(blob.bytes())


EMPTY: tuple[str, ...] = ()


class Shelf(Entity):
    name: Field[str] = field(default="")
    owner: Field[str | None] = field(default=None)
    tags = items(str)
    books = items(Book)
    visits = counter()
    notes = text()
    prices = entries(str, int)
    log = fold(EMPTY).on(Lent, lend)
    photos = items(Blob)
    sizes = photos.each(size_of)


class Reader(Entity):
    shelf: Ref[Shelf] = ref()


class Anything(Entity):
    value: Field[object] = field(default=None)


@pytest.fixture
def file(tmp_path: Path) -> str:
    return str(tmp_path / "space.weft")


def space_types(space: Space) -> list[type[Entity]]:
    """Those that a space knows: others would be defined by opening it."""
    return [kind for kind in (Shelf, Anything) if space.find(kind)]


def again(space: Space, file: str) -> Space:
    with weft.open(file) as look:
        kinds = space_types(look)
    return weft.open(file, types=kinds)


def test_fields_are_assigned_and_read_and_last(file: str) -> None:
    with weft.open(file, types=(Shelf,)) as space:
        shelf = space.create(Shelf, name="home")
        assert (shelf.name, shelf.owner) == ("home", None)
        shelf.owner = "ann"
    with again(space, file) as space:
        (shelf,) = space.find(Shelf)
        assert (shelf.name, shelf.owner) == ("home", "ann")


def test_items_are_an_ordered_set(file: str) -> None:
    with weft.open(file, types=(Shelf,)) as space:
        shelf = space.create(Shelf)
        shelf.tags.add("a", "b", "c")
        shelf.tags.add("a", "d")
        shelf.tags.move("c", before="a")
        shelf.tags.move("b", before=None)
        shelf.tags.remove("d")
        assert list(shelf.tags) == ["c", "a", "b"]
        assert "a" in shelf.tags and len(shelf.tags) == 3 and shelf.tags[0] == "c"
        with pytest.raises(KeyError, match="tags holds no 'zz' to move in front of"):
            shelf.tags.move("a", before="zz")
        with pytest.raises(
            ValueError, match="tags cannot have 'a' moved in front of itself; name another item, or None"
        ):
            shelf.tags.move("a", before="a")
    with again(space, file) as space:
        assert list(space.find(Shelf)[0].tags) == ["c", "a", "b"]


def test_items_are_had_by_place_and_lost_by_a_verb_which_the_refusals_name() -> None:
    with weft.open(types=(Shelf,)) as space:
        shelf = cast("Any", space.create(Shelf))
        shelf.tags.add("a", "b")
        shelf.books.add(Book("1", "Emma"), Book("2", "Persuasion"))

        with pytest.raises(IndexError, match=r"Shelf.tags has no place 7: it holds 2 now"):
            shelf.tags[7]
        with pytest.raises(TypeError, match=r"Shelf.tags\[…\] takes a place, from 0, not 'a': go through the items"):
            shelf.tags["a"]
        with pytest.raises(TypeError, match=r"next\(one for one in entity.books if one.isbn == …\)"):
            shelf.books["1"]
        with pytest.raises(TypeError, match=r"use .remove\(item\), where an item with its key will do"):
            del shelf.books["1"]
        with pytest.raises(TypeError, match=r"use .add\(item\); one whose key is there takes its place"):
            shelf.books[0] = Book("1", "Emma again")

        shelf.books.add(Book("1", "Emma again"))
        shelf.books.remove(Book("2", "whatever it is called"))
        assert (list(shelf.books), shelf.tags[0:1]) == ([Book("1", "Emma again")], ("a",))


def test_a_counter_names_its_verb_where_pythons_operators_are_tried() -> None:
    with weft.open(types=(Shelf,)) as space:
        shelf = cast("Any", space.create(Shelf))

        with pytest.raises(TypeError, match=r"Shelf.visits is added to by a verb: use .increment\(2\)"):
            shelf.visits += 2
        with pytest.raises(TypeError, match=r"use .increment\(-2\)"):
            shelf.visits -= 2
        assert int(shelf.visits) == 0


def test_what_is_added_after_a_move_in_one_edit_comes_behind_it() -> None:
    with weft.open(types=(Shelf,)) as space:
        with space.edit():
            shelf = space.create(Shelf)
            shelf.tags.add("a", "b")
            shelf.tags.move("a", before=None)
            shelf.tags.add("c")
        assert list(shelf.tags) == ["b", "a", "c"]
        with space.edit():
            shelf.tags.move("b", before=None)
            shelf.tags.add("d")
            shelf.tags.move("d", before="a")
            shelf.tags.add("e", "f")
        assert list(shelf.tags) == ["d", "a", "c", "b", "e", "f"]


def add_at_once(space: Space, shelf: Shelf, *tags: str) -> None:
    """Each is added by an edit that knows nothing of the others, so that their order keys are equal."""
    edits = [(copy_context(), space.edit(), tag) for tag in tags]
    for context, edit, tag in edits:
        context.run(edit.__enter__)
        context.run(shelf.tags.add, tag)
    for context, edit, _ in edits:
        context.run(edit.__exit__, None, None, None)


def test_an_item_is_moved_between_any_two_that_were_added_at_once(file: str) -> None:
    with weft.open(file, types=(Shelf,)) as space:
        wanted: list[str] = []
        for place in range(5):
            shelf = space.create(Shelf)
            shelf.tags.add("first")
            add_at_once(space, shelf, "p", "q", "r", "s")
            shelf.tags.add("last", "moved")
            wanted = list(shelf.tags)[:-1]

            shelf.tags.move("moved", before=wanted[place])

            wanted.insert(place, "moved")
            assert list(shelf.tags) == wanted
    with again(space, file) as space:
        assert list(space.find(Shelf)[-1].tags) == wanted


def test_however_often_items_are_moved_to_one_place_they_get_there_and_their_keys_stay_short(file: str) -> None:
    with weft.open(file, types=(Shelf,)) as space:
        shelf = space.create(Shelf)
        shelf.tags.add("a", "b", "c")
        first, second, last = shelf.tags
        for _ in range(400):  # each halves the room in front, so that four make a key a digit longer
            shelf.tags.move(last, before=first)
            first, second, last = last, first, second
            assert list(shelf.tags) == [first, second, last]
    with closing(SqliteStore(file)) as store:
        kept = [decode(row[0]) for key, row in store.rows(STATE, (shelf.id, "tags")) if isinstance(row[0], bytes)]
        orders = [str(one[0]) for one in kept if isinstance(one, list)]
        assert len(orders) == 3 and max(map(len, orders)) <= 64
    with weft.open(file, types=(Shelf,)) as space:
        assert list(space.find(Shelf)[0].tags) == [first, second, last]


def test_a_move_that_made_room_is_one_event_when_it_is_said_again() -> None:
    with weft.open(types=(Shelf,)) as space:
        shelf = space.create(Shelf)
        add_at_once(space, shelf, "p", "q")
        shelf.tags.add("moved")
        first, second, _ = shelf.tags
        for _ in range(2):
            with space.edit(once="x"):
                shelf.tags.move("moved", before=second)

        assert list(shelf.tags) == [first, "moved", second]
        with pytest.raises(EventReused), space.edit(once="x"):
            shelf.tags.move("moved", before=first)


@pytest.mark.parametrize("other", [None, "b"])
def test_a_move_to_another_place_is_another_event(other: str | None) -> None:
    with weft.open(types=(Shelf,)) as space:
        shelf = space.create(Shelf)
        shelf.tags.add("a", "b", "c")
        for _ in range(2):
            with space.edit(once="x"):
                shelf.tags.move("c", before="a")

        with pytest.raises(EventReused), space.edit(once="x"):
            shelf.tags.move("c", before=other)

        assert list(shelf.tags) == ["c", "a", "b"]


def test_a_move_is_read_with_what_it_is_in_front_of() -> None:
    older: list[list[Plain]] = [
        ["s", "tags", "move", "one", "8"],
        ["s", "tags", "move", "one", "8", [["two", "8", "9"]]],
    ]

    said = [intent_text(["s", "tags", "move", "one", "8", [], other]) for other in ("two", "")]

    assert said == ["tags move 'one' in front of 'two'", "tags move 'one' to the end"]
    assert [intent_text(one) for one in older] == ["tags move 'one'", "tags move 'one'"]


def test_an_item_with_a_known_key_replaces_the_one_there_in_its_place() -> None:
    with weft.open(types=(Shelf,)) as space:
        shelf = space.create(Shelf)
        shelf.books.add(Book("1", "one"), Book("2", "two"))
        shelf.books.add(Book("1", "uno"))
        assert list(shelf.books) == [Book("1", "uno"), Book("2", "two")]


def test_a_counter_counts(file: str) -> None:
    with weft.open(file, types=(Shelf,)) as space:
        shelf = space.create(Shelf)
        shelf.visits.increment()
        shelf.visits.increment(by=-3)
        assert int(shelf.visits) == -2
    with again(space, file) as space:
        assert int(space.find(Shelf)[0].visits) == -2


def test_a_text_is_edited_in_places(file: str) -> None:
    with weft.open(file, types=(Shelf,)) as space:
        shelf = space.create(Shelf)
        shelf.notes.insert(0, "hello world")
        shelf.notes.replace(0, 5, "goodbye")
        shelf.notes.delete(7, 8)
        with space.edit():
            shelf.notes.insert(0, ">")
            shelf.notes.insert(1, " ")
            assert str(shelf.notes) == "> goodbyeworld"
        assert str(shelf.notes) == "> goodbyeworld" and len(shelf.notes) == 14
        with pytest.raises(IndexError, match="has 14 characters: 20…20"):
            shelf.notes.insert(20, "x")
    with again(space, file) as space:
        assert str(space.find(Shelf)[0].notes) == "> goodbyeworld"


def test_entries_read_and_write_like_a_mapping() -> None:
    with weft.open(types=(Shelf,)) as space:
        shelf = space.create(Shelf)
        shelf.prices["tea"] = 3
        shelf.prices["milk"] = 1
        shelf.prices["tea"] = 4
        assert dict(shelf.prices.items()) == {"milk": 1, "tea": 4}
        del shelf.prices["milk"]
        assert list(shelf.prices) == ["tea"] and shelf.prices.get("milk") is None
        with pytest.raises(KeyError, match=r"has no entry 'tee'.*tea"):
            shelf.prices["tee"]


def test_a_fold_is_changed_by_events_of_ones_own() -> None:
    with weft.open(types=(Shelf,)) as space:
        shelf = space.create(Shelf)
        shelf.tell(Lent("ann"))
        with space.edit(by="ben"):
            shelf.tell(Lent("ben"))
            shelf.tell(Lent("cas"))
            assert shelf.log == ("ann", "ben", "cas")
        assert shelf.log == ("ann", "ben", "cas")


def test_a_reference_leads_to_an_entity_and_can_be_pointed_elsewhere() -> None:
    with weft.open(types=(Shelf, Reader)) as space:
        one, two = space.create(Shelf, name="one"), space.create(Shelf, name="two")
        reader = space.create(Reader, shelf=one)
        assert reader.shelf.wait(5).name == "one"
        reader.shelf = two
        assert reader.shelf.wait(5) == two


def test_blobs_are_kept_beside_records_and_last(file: str) -> None:
    content = bytes(range(256)) * 4000
    with weft.open(file, types=(Shelf,)) as space:
        shelf = space.create(Shelf)
        shelf.photos.add(Blob.from_bytes(content, media_type="image/png"))
        assert shelf.sizes.wait(10) == (len(content),)
        shelf.photos.add(Blob.from_bytes(content, media_type="image/jpeg"))
        assert len(shelf.photos) == 1  # a blob is known by its bytes alone
        assert shelf.sizes.wait(10) == (len(content),)
    with again(space, file) as space:
        (photo,) = space.find(Shelf)[0].photos
        assert photo.bytes() == content
        assert space.find(Shelf)[0].sizes.wait(10) == (len(content),)
        assert space.counts() == {}


def test_values_over_64_kb_travel_by_content_id_and_last(file: str) -> None:
    words = "long " * 40_000
    with weft.open(file, types=(Anything,)) as space:
        thing = space.create(Anything, value=words)
        assert thing.value == words
        thing.value = [words, words]
    with again(space, file) as space:
        assert space.find(Anything)[0].value == [words, words]


def test_a_value_over_64_mib_is_refused_and_told_to_be_a_blob() -> None:
    with weft.open(types=(Anything,)) as space:
        thing = space.create(Anything, value="kept")
        with pytest.raises(
            weft.WeftError, match=r"takes 68157445 bytes, more than the 67108864 .*Make its large parts Blobs"
        ):
            thing.value = bytes(65 << 20)
        assert thing.value == "kept"


def set_both(space: Space, one: Anything, other: Anything, value: object) -> None:
    with space.edit():
        one.value = value
        other.value = value


def test_an_edit_over_64_mib_in_all_is_refused_and_nothing_of_it_is_told() -> None:
    with weft.open(types=(Anything,)) as space:
        thing, other = space.create(Anything), space.create(Anything)
        with pytest.raises(EditTooLarge, match="Say it in several edits, or make its large parts Blobs"):
            set_both(space, thing, other, bytes(33 << 20))
        assert thing.value is None
        assert [a.type for a in space.subscribe(after=1).present()] == ["traversal.started"] * 2


@pytest.mark.parametrize(
    "value", [object(), {1, 2}, print, float("nan"), 2**70], ids=["object", "set", "function", "nan", "large"]
)
def test_a_value_that_cannot_be_kept_is_refused_on_its_own_line(value: object) -> None:
    with weft.open(types=(Anything,)) as space:
        thing = space.create(Anything)
        position = space.position
        with pytest.raises(weft.WeftError):
            thing.value = value
        assert space.position == position


def test_a_value_of_the_wrong_type_is_refused_naming_both() -> None:
    with weft.open(types=(Shelf,)) as space:
        shelf = space.create(Shelf)
        with pytest.raises(weft.WeftError, match="str"):
            shelf.name = 5  # type: ignore[assignment]
        with pytest.raises(weft.WeftError, match="str"):
            shelf.tags.add(5)  # type: ignore[arg-type]
        assert shelf.name == "" and len(shelf.tags) == 0


# Batches -------------------------------------------------------------------------------------------------------------


def test_what_an_edit_stages_is_read_at_once_and_by_nobody_else_until_it_ends() -> None:
    with weft.open(types=(Shelf,)) as space:
        shelf = space.create(Shelf)
        before = space.position
        with space.edit():
            shelf.name = "new"
            shelf.tags.add("x")
            shelf.tags.add("y")
            shelf.tags.move("y", before="x")
            shelf.visits.increment(2)
            shelf.prices["tea"] = 1
            created = space.create(Shelf, name="inner")
            created.tags.add("z")
            assert (shelf.name, list(shelf.tags), int(shelf.visits)) == ("new", ["y", "x"], 2)
            assert shelf.prices["tea"] == 1
            assert created.name == "inner" and list(created.tags) == ["z"]
            assert len(space.find(Shelf)) == 2 and space.get(Shelf, created.id) == created
            assert space.position == before
        assert space.position == before + 1
        assert created.name == "inner" and list(shelf.tags) == ["y", "x"]


def add_and_misname(space: Space, shelf: Shelf) -> None:
    with space.edit():
        shelf.tags.add("staged")
        shelf.name = 5  # type: ignore[assignment]


def test_an_edit_that_raises_tells_nothing() -> None:
    with weft.open(types=(Shelf,)) as space:
        shelf = space.create(Shelf, name="kept")
        before = space.position
        with pytest.raises(ZeroDivisionError), space.edit():
            shelf.name = str(1 // 0)
        with pytest.raises(weft.WeftError):
            add_and_misname(space, shelf)
        assert space.position == before and shelf.name == "kept" and len(shelf.tags) == 0


def test_an_edit_by_the_same_name_is_one_event_and_its_entities_are_the_same(file: str) -> None:
    def script(space: Space) -> str:
        with space.edit(once="home"):
            shelf = space.create(Shelf, name="home")
            shelf.tags.add("a")
        return shelf.id

    with weft.open(file, types=(Shelf,)) as space:
        first = script(space)
        position = space.position
        assert script(space) == first
        assert space.position == position
    with again(space, file) as space:
        assert script(space) == first
        assert space.position == position and len(space.find(Shelf)) == 1


def test_an_edit_by_the_same_name_with_other_words_is_refused() -> None:
    with weft.open(types=(Shelf,)) as space:
        shelf = space.create(Shelf)
        with space.edit(once="x"):
            shelf.name = "one"
        with pytest.raises(EventReused, match="Give a different edit a different"), space.edit(once="x"):
            shelf.name = "two"
        with space.edit(once="x", by="ben"):
            shelf.name = "three"  # another actor's names are their own
        assert shelf.name == "three"


def test_an_edit_within_an_edit_is_refused_in_words() -> None:
    with weft.open(types=(Shelf,)) as space, space.edit(), pytest.raises(RuntimeError, match="an edit is open already"):
        space.edit().__enter__()


def test_an_event_for_an_unknown_entity_says_so() -> None:
    with weft.open(types=(Shelf,)) as space, weft.open(types=(Shelf,)) as other:
        shelf = space.create(Shelf)
        with pytest.raises(KeyError, match="there is no Shelf"):
            other.get(Shelf, shelf.id)
        kept: Mapping[str, Plain] = {"id": "none"}
        with pytest.raises(UnknownEntity, match="There is no entity none in this space"):
            space.desk.edit(str(kept["id"]), Shelf.name, "set", "x")


def test_a_raising_fold_refuses_the_edit_and_the_space_goes_on() -> None:
    with weft.open(types=(Picky,)) as space:
        picky = space.create(Picky)
        with pytest.raises(Refused, match="ValueError: too much"):
            picky.tell(Amount(11))
        picky.tell(Amount(4))
        assert picky.total == 4
        assert [a.type for a in space.subscribe().present()][-2:] == ["event.refused", "traversal.started"]


@dataclass(frozen=True)
class Amount:
    by: int


def up_to_ten(total: int, amount: Amount) -> int:
    if total + amount.by > 10:
        raise ValueError("too much")
    return total + amount.by


def shown(total: int) -> str:
    return f"{total} of 10"


class Picky(Entity):
    total = fold(0).on(Amount, up_to_ten)
    text = derive(shown, total)
