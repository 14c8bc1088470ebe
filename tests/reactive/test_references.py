"""References: live inputs by id, never by place, through regeneration, removal and return."""

from __future__ import annotations

from collections.abc import Sequence

from tests.reactive.operations import inc, total
from tests.reactive.runs import Runs
from weft import Entity, Field, Ref, derive, element, field, items, ref
from weft.reduce import element_identity
from weft.slot import Err, Gone
from weft.store import VERSION
from weft.testing.rules import mark_below
from weft.written_result import parse_result


@element(key="name")
class Topic:
    name: str
    size: int


def group(words: Sequence[str]) -> tuple[Topic, ...]:
    names = sorted({word[0] for word in words})
    return tuple(Topic(name, sum(word[0] == name for word in words)) for name in names)


def describe(topic: Topic) -> str:
    return f"{topic.name} of {topic.size}"


def twice(topic: Topic) -> int:
    return topic.size * 2


def len_of(word: str) -> int:
    return len(word)


class Shelf(Entity):
    x: Field[int] = field(default=1)
    words = items(str)
    topics = derive(group, words)
    sizes = topics.each(twice)
    up = derive(inc, x)


class View(Entity):
    topic: Ref[Topic] = ref()
    text = derive(describe, topic)


class Watcher(Entity):
    shelf: Ref[Shelf] = ref()
    seen = derive(inc, shelf.at(Shelf.up))
    total = derive(total, shelf.at(Shelf.sizes))
    each = shelf.at(Shelf.sizes).each(inc)


class Words(Entity):
    words = items(str)


class Sized(Entity):
    of: Ref[Words] = ref()
    lengths = of.at(Words.words).each(len_of)


def test_an_element_that_goes_before_its_readers_are_loaded_leaves_no_result() -> None:
    world = Runs(Words, Sized)
    world.create(Words)
    world.add("a", "words", "ant", "bee")
    world.create(Sized, "s", watch="lengths")
    world.point("s", "of", "a")
    world.rest()
    gone = element_identity("ant", None)
    world.engine.watched.clear()
    world.crash()
    assert not world.engine.graph.things

    world.remove("a", "words", "ant")
    world.rest()

    row = world.engine.row(VERSION, ("s", "lengths", gone))
    assert row is not None and "gone" in str(parse_result(row[2])["outcome"])  # type: ignore[arg-type]


class Sizes(Entity):
    of: Ref[Sized] = ref()
    more = of.at(Sized.lengths).each(inc)
    sum = derive(total, more)


def test_an_element_that_goes_before_what_runs_over_its_readers_is_loaded_is_gone_there_too() -> None:
    world = Runs(Words, Sized, Sizes)
    world.create(Words)
    world.add("a", "words", "ant", "bees")
    world.create(Sized, "s")
    world.create(Sizes, "z", watch="sum")
    world.point("s", "of", "a")
    world.point("z", "of", "s")
    world.rest()
    assert world.value("z", "sum") == 9
    world.engine.watched.clear()
    world.crash()
    assert not world.engine.graph.things

    world.remove("a", "words", "ant")
    world.rest()
    world.watch("sum", "z")
    world.rest()

    assert world.value("z", "sum") == 5


def shelf(*words: str) -> Runs:
    world = Runs(Shelf, View, Watcher)
    world.create(Shelf, watch="topics")
    world.add("a", "words", *words)
    world.settled()
    return world


def ids(world: Runs) -> dict[str, str]:
    topics, members = world.value("a", "topics"), world.slot("a", "topics").members()
    return {topic.name: member.element for topic, member in zip(topics, members, strict=True)}


def view(world: Runs, id: str, element: str) -> None:
    world.create(View, id)
    world.point(id, "topic", "a", "topics", element)
    world.watch("text", id)


def test_a_reference_to_an_element_follows_it_and_nothing_else() -> None:
    world = shelf("ant", "bee")
    view(world, "v", ids(world)["a"])
    assert world.settled() == ["v.text"]

    world.add("a", "words", "bat")
    assert world.settled() == ["topics"]  # b changed; a did not
    world.add("a", "words", "asp")

    assert world.settled() == ["topics", "v.text"]
    assert world.value("v", "text") == "a of 2"


def test_ids_stay_through_regeneration_reordering_and_growth() -> None:
    world = shelf("bee", "cat")
    before = ids(world)

    world.add("a", "words", "ant", "dog")
    world.settled()

    after = ids(world)
    assert {name: after[name] for name in before} == before
    assert len(set(after.values())) == 4


def test_what_a_reference_leads_to_disappears_and_its_reader_says_so() -> None:
    world = shelf("ant", "bee")
    view(world, "v", ids(world)["a"])
    world.settled()

    world.remove("a", "words", "ant")

    assert world.settled() == ["topics"]
    assert isinstance(world.slot("v", "text").outcome(), Gone)
    last = world.slot("v", "text").last
    assert last is not None and last.encoded == b"fa of 1"


def test_who_reads_what_is_gone_hears_that_its_list_failed_and_is_well_again() -> None:
    world = shelf("ant", "bee")
    view(world, "v", ids(world)["a"])
    world.settled()
    world.remove("a", "words", "ant")
    world.settled()
    assert isinstance(world.slot("v", "text").outcome(), Gone)

    world.add("a", "words", "bat")
    world.step()
    world.fail(world.call_of("topics"), "the power was out", retry=False)
    world.rest()
    failed = world.slot("v", "text").outcome()
    world.remove("a", "words", "bat")
    world.settled()

    assert isinstance(failed, Err) and "the power was out" in failed.message
    assert isinstance(world.slot("v", "text").outcome(), Gone)


def test_a_key_that_returns_revives_its_element_and_every_reference_to_it() -> None:
    world = shelf("ant", "bee")
    element = ids(world)["a"]
    view(world, "v", element)
    world.settled()
    world.remove("a", "words", "ant")
    world.settled()

    world.add("a", "words", "asp")
    world.settled()

    assert ids(world)["a"] == element
    assert world.value("v", "text") == "a of 1"


def test_tombstones_and_ids_last_through_a_restart() -> None:
    world = shelf("ant", "bee")
    element = ids(world)["a"]
    view(world, "v", element)
    world.settled()
    world.remove("a", "words", "ant")
    world.settled()
    world.crash()

    world.add("a", "words", "asp")
    world.settled()

    assert ids(world)["a"] == element
    assert world.value("v", "text") == "a of 1"


def test_a_new_element_never_gets_the_id_of_one_that_was() -> None:
    world = shelf("ant")
    gone = ids(world)["a"]
    world.remove("a", "words", "ant")
    world.add("a", "words", "bee")
    world.settled()

    assert ids(world)["b"] != gone


def test_a_node_of_another_entity_is_a_live_input_through_its_reference() -> None:
    world = shelf("ant", "bee")
    world.create(Watcher, "w")
    world.point("w", "shelf", "a")
    world.watch("seen total each", "w")
    world.rest()
    assert (world.value("w", "seen"), world.value("w", "total"), world.value("w", "each")) == (3, 4, (3, 3))
    world.ran()

    world.set(x=5)
    assert world.settled() == ["up", "w.seen"]
    world.add("a", "words", "asp")

    assert sorted(world.settled()) == ["sizes", "topics", "w.each", "w.total"]
    assert (world.value("w", "total"), world.value("w", "each")) == (6, (5, 3))


def test_pointing_elsewhere_reads_there_and_lets_the_first_go() -> None:
    world = shelf("ant")
    world.create(Shelf, "b", x=100)
    world.create(Watcher, "w")
    world.point("w", "shelf", "a")
    world.watch("seen each", "w")
    world.rest()
    world.ran()

    world.point("w", "shelf", "b")
    assert sorted(world.settled()) == ["b.topics", "b.up", "w.seen"]
    assert (world.value("w", "seen"), world.value("w", "each")) == (102, ())
    world.set(x=7)

    assert world.settled() == []  # nobody looks at the first any more
    world.point("w", "shelf", "a")
    assert world.settled() == ["up", "w.seen"]
    assert world.value("w", "each") == (3,)


def test_a_reference_that_leads_to_nothing_shows_nothing_and_stops_nobody() -> None:
    world = shelf("ant")
    world.create(Watcher, "w")
    world.watch("seen total each", "w")

    assert world.settled() == []
    assert isinstance(world.slot("w", "seen").outcome(), Gone)
    assert mark_below(world.engine, world.engine.demanded()) == world.engine.cut


def test_an_error_behind_a_reference_names_where_it_began() -> None:
    world = shelf("ant")
    world.create(Watcher, "w")
    world.point("w", "shelf", "a")
    world.watch("seen", "w")
    world.step()

    world.fail(world.call_of("up"), "no", retry=False)

    world.rest()
    outcome = world.slot("w", "seen").outcome()
    assert isinstance(outcome, Err) and outcome.origin == "a.up"


def test_readers_through_references_are_found_again_after_a_restart() -> None:
    world = shelf("ant")
    world.create(Watcher, "w")
    world.point("w", "shelf", "a")
    world.watch("seen", "w")
    world.rest()
    world.ran()
    world.crash()

    world.set(x=41)

    assert world.settled() == ["up", "w.seen"]


def test_the_settled_mark_counts_what_a_reference_leads_to() -> None:
    world = shelf("ant")
    world.create(Watcher, "w")
    world.point("w", "shelf", "a")
    world.watch("seen", "w")
    world.rest()

    position = world.set(x=9)

    assert mark_below(world.engine, [world.slot("w", "seen")]) < position
    world.rest()
    assert mark_below(world.engine, [world.slot("w", "seen")]) == world.engine.cut


def test_an_each_through_a_reference_over_an_each_loads_what_it_runs_over_first() -> None:
    world = shelf("ant", "bee")
    world.create(Watcher, "w")
    world.point("w", "shelf", "a")
    world.watch("each", "w")
    world.rest()
    world.crash()

    world.engine.graph.things.clear()
    assert world.engine.graph.thing("w") is not None  # before the entity that it reads

    assert world.value("w", "each") == (3, 3)


class Picked(Entity):
    size: Ref[int] = ref()
    above = derive(inc, size)


def test_a_reference_to_one_call_of_an_each_notices_when_its_element_goes_and_returns() -> None:
    world = Runs(Shelf, View, Watcher, Picked)
    world.create(Shelf, watch="sizes")
    world.add("a", "words", "ant", "bee")
    world.rest()
    world.create(Picked, "p")
    world.point("p", "size", "a", "sizes", ids(world)["a"])
    world.watch("above", "p")
    world.rest()
    assert world.value("p", "above") == 3

    world.remove("a", "words", "ant")
    world.rest()
    assert isinstance(world.slot("p", "above").outcome(), Gone)
    world.add("a", "words", "asp", "axe")
    world.rest()

    assert world.value("p", "above") == 5
