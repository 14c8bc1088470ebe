"""What runs over another collection than before, or says something else by default: whoever reads it follows, as if the
space had been made with the new definition."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import weft
from weft import Entity, Field, NodeFailed, Ref, Space, derive, element, field, fold, items, ref
from weft.handle import Seat
from weft.told import LiveRef, Target

LIMIT_S = 20.0
READERS = ("n", "whole", "counted", "summed", "good", "large", "down", "behind", "beyond", "picked")
Source = Callable[[Any, Any], Any]


def same(number: int) -> int:
    return number


def is_odd(number: int) -> bool:
    return number % 2 == 1


def is_large(number: int) -> bool:
    return number > 1


def minus(number: int) -> int:
    return -number


def add(one: int, other: int) -> int:
    return one + other


def total(numbers: tuple[int, ...]) -> int:
    return sum(numbers)


def small(numbers: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(number for number in numbers if number < 3)


def none(number: int) -> bool:
    return number > 100


SOURCES: dict[str, Source] = {
    "each of all": lambda all, few: all.each(same),
    "each of few": lambda all, few: few.each(same),
    "each of none": lambda all, few: all.filter(none).each(same),
    "filter": lambda all, few: all.filter(is_large),
    "order": lambda all, few: few.order(minus),
    "derive": lambda all, few: derive(small, all),
}


def types(source: Source) -> tuple[type[Any], type[Any]]:
    """A row of numbers whose `n` is what `source` makes of all of them and of the odd ones; and a reader of it."""

    class Row(Entity):
        all = items(int)
        few = all.filter(is_odd)
        n = source(all, few)
        whole = derive(total, n)
        counted = n.count()
        summed = n.reduce(add, 0)
        good = derive(total, n.settled)
        large = n.filter(is_large)
        down = n.order(minus)
        behind = n.each(minus)
        beyond = derive(total, behind)

    class Other(Entity):
        row: Ref[Row] = ref()
        picked = derive(total, row.at(Row.n))

    return Row, Other


def shown(space: Space, kinds: tuple[type[Any], type[Any]]) -> dict[str, object]:
    (row,), (other,) = space.find(kinds[0]), space.find(kinds[1])
    return {name: getattr(other if name == "picked" else row, name).wait(LIMIT_S) for name in READERS}


def fill(space: Space, kinds: tuple[type[Any], type[Any]]) -> None:
    row = space.create(kinds[0])
    row.all.add(3, 1, 2)
    row.few.wait(LIMIT_S)
    space.create(kinds[1], row=row)


@pytest.mark.parametrize("after", SOURCES)
@pytest.mark.parametrize("before", SOURCES)
def test_readers_follow_a_collection_that_is_made_otherwise(before: str, after: str, tmp_path: Path) -> None:
    first, then = types(SOURCES[before]), types(SOURCES[after])
    path = str(tmp_path / "row.weft")
    with weft.open(types=then) as space:
        fill(space, then)
        expected = shown(space, then)

    with weft.open(path, types=first) as space:
        fill(space, first)
        shown(space, first)
    with weft.open(path, types=then) as space:
        assert shown(space, then) == expected
    with weft.open(types=first) as space:
        fill(space, first)
        shown(space, first)
        position = space.position
        space.define(*then)
        assert before == after or space.seen > position  # a wait is for what follows from the definition
        assert shown(space, then) == expected


def with_defaults(initial: int, default: int) -> tuple[type[Any], type[Any]]:
    class Sum(Entity):
        told: Field[int] = field(default=default)
        folded = fold(initial).on(int, add)
        both = derive(add, told, folded)

    class Far(Entity):
        sum: Ref[Sum] = ref()
        seen = derive(minus, sum.at(Sum.folded))

    return Sum, Far


def test_readers_follow_what_is_said_by_default(tmp_path: Path) -> None:
    path = str(tmp_path / "sum.weft")
    with weft.open(path, types=(first := with_defaults(1, 10))) as space:
        total = space.create(first[0])
        far = space.create(first[1], sum=total)
        assert (total.both.wait(LIMIT_S), far.seen.wait(LIMIT_S)) == (11, -1)

    with weft.open(path, types=(then := with_defaults(5, 20))) as space:
        (total,), (far,) = space.find(then[0]), space.find(then[1])
        assert (total.told, total.folded) == (10, 5)  # what was told when it was made stays
        assert (total.both.wait(LIMIT_S), far.seen.wait(LIMIT_S)) == (15, -5)


@element(key="name")
class Topic:
    name: str
    size: int


def grown(topic: Topic) -> Topic:
    return Topic(topic.name, topic.size + 1)


def is_small(topic: Topic) -> bool:
    return topic.size < 10


def size_of(topic: Topic) -> int:
    return topic.size


def with_topics(*, small: bool) -> tuple[type[Any], type[Any]]:
    class Shelf(Entity):
        topics = items(Topic)
        few = topics.filter(is_small)
        made = few.each(grown) if small else topics.each(grown)

    class View(Entity):
        topic: Ref[Topic] = ref()
        size = derive(size_of, topic)

    return Shelf, View


def test_who_reads_an_element_follows_where_its_collection_has_it_no_more(tmp_path: Path) -> None:
    all, few = with_topics(small=False), with_topics(small=True)
    path = str(tmp_path / "shelf.weft")
    with weft.open(path, types=all) as space:
        shelf = space.create(all[0])
        shelf.topics.add(Topic("sea", 40), Topic("land", 4))
        shelf.made.wait(LIMIT_S)
        shelf.few.wait(LIMIT_S)
        view = space.create(all[1], topic=shelf.made[0])
        assert view.size.wait(LIMIT_S) == 41

    with weft.open(path, types=few) as space:
        (view,) = space.find(few[1])
        with pytest.raises(NodeFailed, match="is not there"):
            view.size.wait(LIMIT_S)
    with weft.open(path, types=all) as space:
        (view,) = space.find(all[1])
        assert view.size.wait(LIMIT_S) == 41


def test_who_reads_a_list_without_elements_hears_that_it_is_back() -> None:
    row, other = types(SOURCES["each of all"])
    bare: type[Any] = type("Row", (Entity,), {"__module__": __name__, "all": items(int)})
    with weft.open(types=(row, other)) as space:
        reader = space.create(other, row=space.create(row))
        assert reader.picked.wait(LIMIT_S) == 0

        space.define(bare)
        with pytest.raises(NodeFailed, match="leads nowhere"):
            reader.picked.wait(LIMIT_S)
        space.define(row)

        assert reader.picked.wait(LIMIT_S) == 0


def with_initial(size: int) -> tuple[type[Any], type[Any]]:
    class Shelf(Entity):
        if size:
            topics: Field[tuple[Topic, ...]] = field(default=(Topic("a", size),))

    class View(Entity):
        topic: Ref[Topic] = ref()
        size = derive(size_of, topic)

    return Shelf, View


def test_who_reads_an_element_of_what_is_said_by_default_follows(tmp_path: Path) -> None:
    path = str(tmp_path / "shelf.weft")
    with weft.open(path, types=with_initial(0)) as space:
        shelf = space.create(with_initial(0)[0])
    with weft.open(path, types=(first := with_initial(1))) as space:
        with space.view() as engine:
            node = engine.node(shelf.id, "topics")
            assert node is not None
            (topic,) = node.members()
        to: Any = LiveRef(Seat(space.desk, shelf.id), Target(shelf.id, "topics", topic.element))
        assert space.create(first[1], topic=to).size.wait(LIMIT_S) == 1

    with (
        weft.open(path, types=(then := with_initial(2))) as space,
        pytest.raises(NodeFailed, match="is not there any more"),
    ):
        space.find(then[1])[0].size.wait(LIMIT_S)
