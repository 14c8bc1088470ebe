"""Elements that texts leave open are told apart by vectors; a service that fails or changes loses nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pytest

import weft
from weft import Entity, NodeFailed, Ref, Space, derive, element, items, ref
from weft.content import Plain
from weft.matching import Similar
from weft.services.embedding import Embedding, Vector
from weft.store import MEMO, TREE
from weft.stores.memory import MemoryStore

NEAR: dict[str, Vector] = {
    "sea": (1.0, 0.0, 0.0),
    "ocean": (0.95, 0.05, 0.0),
    "fire": (0.0, 1.0, 0.0),
    "flame": (0.0, 0.9, 0.1),
    "steam": (0.7, 0.7, 0.0),
}
CALLS: list[str] = []


@element(key="name")
class Topic:
    name: str


def group(words: Sequence[str]) -> tuple[Topic, ...]:
    CALLS.append(words[-1])
    return tuple(Topic(name) for name in words[-1].split())


def shout(topic: Topic) -> str:
    return topic.name.upper()


class Shelf(Entity):
    words = items(str)
    topics = derive(group, words, match=Similar("name", embedding=Embedding, near=0.9, near_margin=0.05))


class View(Entity):
    topic: Ref[Topic] = ref()
    text = derive(shout, topic)


@dataclass
class Embedder:
    """Vectors from a table; one that a test may break or change."""

    table: dict[str, Vector] = field(default_factory=lambda: dict(NEAR))
    asked: list[str] = field(default_factory=list)
    model: str = "small"
    is_down: bool = False
    deterministic = True
    cost = "free"

    def fingerprint(self) -> Mapping[str, Plain]:
        return {"name": "Embedder", "model": self.model}

    async def vectors(self, texts: Sequence[str], /) -> tuple[Vector, ...]:
        if self.is_down:
            raise ConnectionError("nobody answers")
        self.asked.extend(texts)
        return tuple(self.table[text] for text in texts)


class World:
    """A shelf in a space, and its topics' ids."""

    def __init__(self, service: Embedder, store: MemoryStore | None = None) -> None:
        CALLS.clear()
        self.service = service
        self.space: Space = weft.open(types=(Shelf, View), services={Embedding: service})
        self.shelf = self.space.create(Shelf)

    def say(self, topics: str) -> dict[str, str]:
        if topics in self.shelf.words:
            self.shelf.words.remove(topics)
        self.shelf.words.add(topics)
        return self.ids()

    def ids(self) -> dict[str, str]:
        found = self.shelf.topics.wait(timeout_s=30)
        return {topic.name: self.shelf.topics[topic.name].id for topic in found}


@pytest.fixture(name="world")
def _world() -> object:
    world = World(Embedder())
    yield world
    world.space.close()


def test_what_texts_leave_open_is_told_by_vectors(world: World) -> None:
    before = world.say("sea fire")

    after = world.say("flame ocean")

    assert after == {"flame": before["fire"], "ocean": before["sea"]}
    why = world.space.why(world.shelf.topics["ocean"])
    assert "the matcher similar (vectors)" in why


def test_what_is_near_to_two_alike_is_new(world: World) -> None:
    before = world.say("sea fire")
    world.service.table["steam"] = (0.7, 0.7, 0.0)

    after = world.say("steam")

    assert after["steam"] not in before.values()


def test_of_two_near_ones_the_best_must_beat_the_other_by_the_margin(world: World) -> None:
    world.service.table |= {"lake": (0.99, 0.14, 0.0), "water": (0.997, 0.07, 0.0)}
    before = world.say("sea lake")

    after = world.say("water")

    assert after["water"] not in before.values()
    with world.space.view() as engine:
        (one,) = [one for one in engine.elements(engine.node(world.shelf.id, "topics").key) if one.is_alive]  # type: ignore[union-attr]
    assert {flag.what for flag in one.flags} == {"unclear"}
    assert {flag.other for flag in one.flags} == set(before.values())


def test_a_reference_follows_what_vectors_say(world: World) -> None:
    world.say("sea fire")
    view = world.space.create(View, topic=world.shelf.topics["sea"])
    assert view.text.wait(timeout_s=30) == "SEA"

    world.say("flame ocean")

    assert view.text.wait(timeout_s=30) == "OCEAN"


def test_a_service_that_is_down_fails_the_list_by_name_and_a_retry_asks_it_alone(world: World) -> None:
    before = world.say("sea fire")
    world.service.is_down = True
    with pytest.raises(NodeFailed, match=r"VectorsMissing.*Embedding gave no vectors.*nobody answers") as failed:
        world.say("ocean flame")
    assert failed.value.last == (Topic("sea"), Topic("fire"))
    calls = len(CALLS)
    world.service.is_down = False

    world.space.retry(world.shelf.topics)

    assert world.ids() == {"ocean": before["sea"], "flame": before["fire"]}
    assert len(CALLS) == calls


def test_a_service_that_changes_its_dimension_is_named_and_what_it_gave_is_not_kept(world: World) -> None:
    before = world.say("sea fire")
    world.service.table["ocean"] = (0.9, 0.0, 0.1, 0.0)
    world.service.table["flame"] = (0.0, 0.9, 0.1, 0.0)
    with pytest.raises(NodeFailed, match=r"DimensionChanged.*Embedding gave vectors of 4 numbers, and of 3 before"):
        world.say("ocean flame")
    calls = len(CALLS)
    world.service.table |= NEAR

    world.space.retry(world.shelf.topics)

    assert world.ids() == {"ocean": before["sea"], "flame": before["fire"]}
    assert len(CALLS) == calls


def test_vectors_of_one_answer_that_differ_in_length_are_refused(world: World) -> None:
    world.service.table["fire"] = (0.0, 1.0)

    with pytest.raises(NodeFailed, match=r"its vectors differ in length: 2, 3 numbers"):
        world.say("sea fire")


@pytest.mark.parametrize("vector", [(0.0, 0.0, 0.0), (float("nan"), 0.0, 0.0), ()])
def test_vectors_without_a_direction_are_refused(world: World, vector: Vector) -> None:
    world.service.table["sea"] = vector

    with pytest.raises(NodeFailed, match="has no direction"):
        world.say("sea")


def test_a_call_met_again_needs_no_model_and_its_ids_are_told_apart_again(world: World) -> None:
    before = world.say("sea fire")
    world.say("ocean flame")
    calls = len(CALLS)

    again = world.say("sea fire") if "sea fire" not in world.shelf.words else world.ids()
    world.shelf.words.remove("ocean flame")

    assert world.ids() == before
    assert again is not None
    assert len(CALLS) == calls


def test_another_model_embeds_all_texts_anew_and_the_ids_stay(tmp_path: object) -> None:
    path = f"{tmp_path}/shelf.weft"
    first, second = Embedder(), Embedder(model="large")
    second.table = {name: (*vector, 0.0, 0.0) for name, vector in NEAR.items()}
    with weft.open(path, types=(Shelf,), services={Embedding: first}) as space:
        shelf = space.create(Shelf)
        shelf.words.add("sea fire")
        shelf.topics.wait(timeout_s=30)
        before = shelf.topics["sea"].id

    with weft.open(path, types=(Shelf,), services={Embedding: second}) as space:
        (shelf,) = space.find(Shelf)
        shelf.words.add("ocean flame")
        shelf.topics.wait(timeout_s=30)
        assert shelf.topics["ocean"].id == before

    assert sorted(second.asked) == ["fire", "flame", "ocean", "sea"]


def test_vectors_and_decisions_are_in_the_log_so_a_rebuild_asks_nobody(tmp_path: object) -> None:
    from weft.rebuild import rebuild
    from weft.stores.sqlite import SqliteStore

    path = f"{tmp_path}/shelf.weft"
    service = Embedder()
    with weft.open(path, types=(Shelf,), services={Embedding: service}) as space:
        shelf = space.create(Shelf)
        for said in ("sea fire", "ocean flame"):
            shelf.words.add(said)
            shelf.topics.wait(timeout_s=30)
    asked = list(service.asked)
    store = SqliteStore(path)
    try:
        before = {table.name: list(store.rows(table)) for table in (TREE, MEMO)}
        rebuild(store, epoch=store.acquire())
        assert {table.name: list(store.rows(table)) for table in (TREE, MEMO)} == before
    finally:
        store.close()
    assert service.asked == asked


def test_without_the_service_the_next_step_is_said() -> None:
    with weft.open(types=(Shelf,)) as space:
        shelf = space.create(Shelf)
        shelf.words.add("sea")

        with pytest.raises(weft.WeftError, match=r"needs Embedding; open the space with services="):
            shelf.topics.wait(timeout_s=30)


class Picky(Similar):
    """A matcher that ends the program over one text."""

    def text(self, value: Mapping[str, Plain], /) -> str:
        if value["name"] == "fire":
            raise SystemExit(3)
        return super().text(value)


class PickyShelf(Entity):
    words = items(str)
    topics = derive(group, words, match=Picky("name", embedding=Embedding))


def test_a_matcher_that_fails_to_say_a_text_fails_its_list_alone() -> None:
    with weft.open(types=(PickyShelf,), services={Embedding: Embedder()}) as space:
        shelf = space.create(PickyShelf)
        shelf.words.add("sea fire")
        with pytest.raises(NodeFailed, match="the matcher similar raised SystemExit: 3"):
            shelf.topics.wait(timeout_s=30)

        shelf.words.add("sea ocean")

        assert [topic.name for topic in shelf.topics.wait(timeout_s=30)] == ["sea", "ocean"]
