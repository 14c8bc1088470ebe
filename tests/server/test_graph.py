"""The graph as it is served: nodes as they stand, who reads whom, across entities too; and which spells fit."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import jsonschema
import pytest

import weft
from tests.server.house import Pointer, Sheet, everything
from tests.until import until
from weft import Blob, Entity, Field, Ref, Space, choose, derive, element, field, items, ref
from weft.examples.bookshelf.app import Bookshelf, Viewpoints
from weft.server.caller import Caller
from weft.server.method import call
from weft.server.served import Served
from weft.server.services import SERVICES

ROWS = {row.title: row for row in SERVICES}
Do = Callable[..., Any]
ANN = everything("ann")


@element(key="name")
class Part:
    """Something with a name."""

    name: str
    size: int = 0


def parts(text: str) -> Sequence[Part]:
    return [Part(word, len(word)) for word in dict.fromkeys(text.split())]


def size(part: Part) -> int:
    if part.size > 5:
        raise ValueError(f"{part.name} is too long")
    return part.size


def both(one: Part, other: Part) -> str:
    return f"{one.name} {other.name}"


def is_long(text: str) -> bool:
    return len(text) > 9


def upper(text: str) -> str:
    return text.upper()


def name_of(of: Blob) -> str:
    return of.media_type


class Words(Entity):
    """A list with elements that can be referred to, and a choice."""

    text: Field[str] = field(default="")
    photos = items(Blob)
    long = derive(is_long, text)
    loud = derive(upper, text)
    said = choose(long, text, loud)
    parts = derive(parts, text)
    sizes = parts.each(size)
    nested = derive(upper, derive(upper, text))


class Cast(Entity):
    """A spell on one part."""

    part: Ref[Part] = ref()
    size = derive(size, part)


class Both(Entity):
    """A spell on two, which needs a word too."""

    one: Ref[Part] = ref()
    other: Ref[Part] = ref()
    word: Field[str] = field()
    joined = derive(both, one, other)


class Framed(Entity):
    """A spell on a photo."""

    photo: Ref[Blob] = ref()
    kind = derive(name_of, photo)


class About(Entity):
    """A spell on all words."""

    words: Ref[Words] = ref()
    loud = derive(upper, words.at(Words.said))


@pytest.fixture
def space() -> Iterator[Space]:
    """In memory."""
    with weft.open(types=[Sheet, Pointer, Words, Cast, Both, Framed, About]) as opened:
        yield opened


@pytest.fixture
def do(space: Space) -> Do:
    """Call a method in process; what comes back fits what was declared."""
    served = Served({"home": space})

    def act(title: str, caller: Caller = ANN, **given: Any) -> Any:
        found = call(ROWS[title], served, caller, {"space": "home", **given})
        jsonschema.Draft202012Validator(ROWS[title].gives).validate(found)
        return found

    return act


def made(do: Do, type: str, **fields: Any) -> str:
    return str(do("entities.create", type=type, fields=fields, wait_s=30)["id"])


def nodes(found: Any) -> dict[tuple[str, str], Any]:
    return {(one["entity"], one["node"]): one for one in found["nodes"]}


def edges(found: Any) -> set[tuple[str, str, str, str, str]]:
    return {(one["from"], one["read"], one["to"], one["reader"], one["mode"]) for one in found["edges"]}


def test_each_node_is_told_with_how_it_stands(do: Do) -> None:
    words = made(do, "Words", text="one three lengthy")
    do("values.get", entity=words, node="sizes", wait_s=30)

    found = do("graph.find")

    assert [(one["id"], one["type"]) for one in found["entities"]] == [(words, "Words")]
    told = nodes(found)
    assert told[words, "text"] == {
        "entity": words, "node": "text", "kind": "field", "type": "str", "state": "told",
        "preview": "one three lengthy",
    }  # fmt: skip
    assert told[words, "parts"]["elements"] == {"count": 3}
    assert told[words, "sizes"]["state"] == "failed"
    assert told[words, "sizes"]["elements"] == {"count": 3, "settled": 2, "failed": 1}
    assert "too long" in told[words, "sizes"]["error"]
    assert found["position"] == do("spaces.get")["position"]


def test_nothing_is_computed_by_looking(do: Do) -> None:
    words = do("entities.create", type="Words", fields={"text": "one"})["id"]

    assert nodes(do("graph.find"))[words, "parts"]["state"] == "due"
    assert nodes(do("graph.find"))[words, "parts"]["state"] == "due"


def test_edges_lead_from_what_is_read_to_what_reads_it(do: Do) -> None:
    words = made(do, "Words", text="one")

    found = edges(do("graph.find"))

    assert (words, "text", words, "parts", "plain") in found
    assert (words, "parts", words, "sizes", "plain") in found
    assert (words, "text", words, "nested/0", "plain") in found
    assert (words, "nested/0", words, "nested", "plain") in found


def test_of_a_choice_the_branch_that_is_not_taken_is_said(do: Do) -> None:
    words = made(do, "Words", text="one")

    found = edges(do("graph.find"))

    assert (words, "loud", words, "said", "plain") in found
    assert (words, "text", words, "said", "not taken") in found
    assert (words, "long", words, "said", "plain") in found


def test_edges_go_through_references_to_other_entities(do: Do) -> None:
    sheet = made(do, "Sheet", n=4)
    pointer = made(do, "Pointer", to={"entity": sheet})
    words = made(do, "Words", text="one two")
    element = do("values.elements", entity=words, node="parts")["elements"][0]["element"]
    cast = made(do, "Cast", part={"entity": words, "node": "parts", "element": element})

    said = do("graph.find")
    found = edges(said)

    assert (sheet, "totalled", pointer, "again", "plain") in found
    assert (pointer, "to", pointer, "again", "plain") in found
    assert (sheet, "", pointer, "to", "reference") in found
    assert (words, "parts", cast, "part", "reference") in found
    assert (cast, "part", cast, "size", "plain") in found
    assert [one["element"] for one in said["edges"] if one["to"] == cast and one["mode"] == "reference"] == [element]


def test_what_fires_a_flow_is_an_edge_and_its_run_is_its_state(do: Do) -> None:
    sheet = made(do, "Sheet", n=4)
    do("entities.patch", entity=sheet, set={"state": "submitted"})
    until(lambda: bool(nodes(do("graph.find"))[sheet, "approve"]["run"]))

    assert (sheet, "state", sheet, "approve", "fires") in edges(do("graph.find"))


def test_one_entity_is_told_with_those_next_to_it(do: Do) -> None:
    sheet = made(do, "Sheet", n=4)
    pointer, other = made(do, "Pointer", to={"entity": sheet}), made(do, "Sheet", n=5)

    assert {one["id"] for one in do("graph.find", entity=sheet)["entities"]} == {sheet, pointer}
    assert {one["id"] for one in do("graph.find", entity=pointer)["entities"]} == {sheet, pointer}
    assert {one["id"] for one in do("graph.find", entity=other)["entities"]} == {other}
    with pytest.raises(weft.WeftError, match="no entity nothing"):
        do("graph.find", entity="nothing")


def test_no_more_is_told_than_was_asked_for_and_that_there_is_more_is_said(do: Do) -> None:
    first, second = made(do, "Pointer", to={"entity": made(do, "Sheet", n=1)}), made(do, "Sheet", n=2)

    found = do("graph.find", limit=14)

    assert found["more"]
    assert len(found["nodes"]) <= 14
    ids = {one["id"] for one in found["entities"]}
    assert second not in ids
    assert all(one["from"] in ids and one["to"] in ids for one in found["edges"])
    few = do("graph.find", limit=3)
    assert len(few["nodes"]) == 3
    assert few["more"]
    there = {(one["entity"], one["node"]) for one in few["nodes"]} | {(one["id"], "") for one in few["entities"]}
    assert all((one["from"], one["read"]) in there and (one["to"], one["reader"]) in there for one in few["edges"])
    assert not do("graph.find")["more"]
    assert first in {one["id"] for one in do("graph.find")["entities"]}


def test_of_what_may_not_be_read_neither_nodes_nor_edges_are_told(do: Do) -> None:
    sheet = made(do, "Sheet", n=4, name="hidden")
    pointer = made(do, "Pointer", to={"entity": sheet})
    ben = everything("ben", [pointer])

    found = do("graph.find", ben)

    assert [one["id"] for one in found["entities"]] == [pointer]
    assert edges(found) == {(pointer, "to", pointer, "again", "plain")}
    assert nodes(found)[pointer, "to"]["preview"] == sheet[:8]
    assert nodes(do("graph.find"))[pointer, "to"]["preview"] == "hidden"
    with pytest.raises(weft.WeftError, match="may not"):
        do("graph.find", ben, entity=sheet)


# Spells ------------------------------------------------------------------------------------------------------------


def fits(do: Do, entity: str, **given: Any) -> list[tuple[str, list[str], list[str]]]:
    found = do("spells.find", entity=entity, **given)["spells"]
    return [(one["type"], one["fits"], one["needs"]) for one in found]


def test_spells_fit_the_elements_of_a_list_by_their_type(do: Do) -> None:
    words = made(do, "Words", text="one two")

    assert fits(do, words, node="parts") == [("Cast", ["part"], []), ("Both", ["one", "other"], ["word"])]
    assert fits(do, words, node="photos") == [("Framed", ["photo"], [])]
    assert fits(do, words, node="sizes") == []
    assert fits(do, words, node="text") == []
    assert fits(do, words) == [("About", ["words"], [])]
    with pytest.raises(weft.WeftError, match="no node 'part'"):
        do("spells.find", entity=words, node="part")


def test_what_is_offered_can_be_cast(do: Do) -> None:
    words = made(do, "Words", text="one two")
    one, other = (found["element"] for found in do("values.elements", entity=words, node="parts")["elements"])
    place = {"entity": words, "node": "parts"}

    cast = made(do, "Cast", part={**place, "element": other})
    joined = made(do, "Both", one={**place, "element": one}, other={**place, "element": other}, word="x")

    assert do("values.get", entity=cast, node="size", wait_s=30)["value"] == 3
    assert do("values.get", entity=joined, node="joined", wait_s=30)["value"] == "one two"


def test_view_points_are_offered_on_the_topics_of_a_bookshelf() -> None:
    with weft.open(types=[Bookshelf, Viewpoints]) as space:
        served, shelf = Served({"home": space}), space.create(Bookshelf)
        given = {"space": "home", "entity": shelf.id}

        found = [call(ROWS["spells.find"], served, ANN, {**given, "node": node}) for node in ("topics", "books")]

        assert [one["spells"] for one in found if isinstance(one, dict)] == [
            [{"type": "Viewpoints", "fits": ["topic"], "needs": []}], [],
        ]  # fmt: skip
