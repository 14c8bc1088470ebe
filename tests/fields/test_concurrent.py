"""Concurrent edits of every kind of field: what is kept and shown, and that delivery twice is harmless."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from tests.fields.people import People
from weft import Entity, Field, counter, entries, field, fold, items, text
from weft.content import Plain
from weft.engine import EventReused
from weft.reduce import Refused, element_identity
from weft.shared_text import Insert, edit_text, empty_text


@dataclass(frozen=True)
class Said:
    word: str


def at_most_three(words: tuple[str, ...], said: Said) -> tuple[str, ...]:
    if said.word == "boom":
        raise ValueError("boom is not a word")
    return (*words, said.word) if len(words) < 3 else words


EMPTY: tuple[str, ...] = ()


class Note(Entity):
    title: Field[str] = field(default="")
    tags = items(str)
    votes = counter()
    body = text()
    prices = entries(str, int)
    words = fold(EMPTY).on(Said, at_most_three)


def test_a_set_over_what_its_author_had_not_seen_wins_and_keeps_the_other_visible() -> None:
    people = People(Note)
    seen = people.say("ann", "title", "set", "first")
    ben = people.say("ben", "title", "set", "ben's", seen=seen)

    people.say("cas", "title", "set", "cas's", seen=seen)

    assert people.shown("title") == "cas's"
    assert people.cell("title").others == [["ben's", ben, "ben"]]
    people.reopened()
    assert people.cell("title").others == [["ben's", ben, "ben"]]


def test_a_set_by_somebody_who_saw_them_clears_the_alternatives() -> None:
    people = People(Note)
    people.say("ann", "title", "set", "a")
    people.say("ben", "title", "set", "b", seen=people.start)

    people.say("ann", "title", "set", "both")

    assert people.shown("title") == "both"
    assert people.cell("title").others == []


def test_the_same_value_set_by_two_is_no_conflict() -> None:
    people = People(Note)
    people.say("ann", "title", "set", "same")

    people.say("ben", "title", "set", "same", seen=people.start)

    assert people.cell("title").others == []


def test_a_concurrent_add_survives_a_remove() -> None:
    people = People(Note)
    seen = people.say("ann", "tags", "add", "0" * 12, "x")
    people.say("ben", "tags", "add", "1" * 12, "x", seen=seen)  # says it again, not knowing of the remove

    people.say("ann", "tags", "remove", element_identity("x", None), seen=seen)

    assert people.shown("tags") == ["x"]


def test_a_remove_takes_what_its_author_saw() -> None:
    people = People(Note)
    people.say("ann", "tags", "add", "0" * 12, "x")
    people.say("ben", "tags", "add", "1" * 12, "y")

    people.say("cas", "tags", "remove", element_identity("x", None))

    assert people.shown("tags") == ["y"]


def test_a_move_makes_room_among_those_alone_whom_nobody_has_moved_since() -> None:
    people = People(Note)
    p, q, r, moved = (element_identity(tag, None) for tag in "pqrm")
    for tag in "pqrm":
        people.say("ann", "tags", "add", "5" * 12, tag)
    seen = people.say("ann", "tags", "move", moved, "9" * 12)
    people.say("ben", "tags", "move", p, "1" * 12, seen=seen)

    room: list[Plain] = [[p, "5" * 12, "7" * 12], [q, "5" * 12, "6" * 12], [r, "5" * 12, "8" * 12], ["gone", "5", "6"]]
    people.say("ann", "tags", "move", moved, "65", [*room, [q, "6" * 12, "no key"], "nothing"], seen=seen)

    assert people.shown("tags") == ["p", "m", "q", "r"]
    before = people.shown("tags")
    people.engine.commit()
    people.reopened()
    assert people.shown("tags") == before


def test_increments_commute() -> None:
    people = People(Note)
    people.say("ann", "votes", "increment", 2)
    people.say("ben", "votes", "increment", -5, seen=people.start)

    assert people.shown("votes") == -3


def test_edits_of_different_places_of_a_text_merge() -> None:
    people = People(Note)
    base = edit_text(empty_text(), "ann", [Insert(0, "middle")], session="s0")
    people.say("ann", "body", "edit", base, ["insert"])
    state = people.cell("body").state
    front = edit_text(state, "ann", [Insert(0, "front ")], session="s1")
    back = edit_text(state, "ben", [Insert(6, " back")], session="s2")

    people.say("ann", "body", "edit", front, ["insert"])
    people.say("ben", "body", "edit", back, ["insert"])

    assert people.shown("body") == "front middle back"


def test_entries_are_fields_each_of_its_own() -> None:
    people = People(Note)
    seen = people.say("ann", "prices", "put", "tea", 3)
    ben = people.say("ben", "prices", "put", "tea", 4, seen=seen)

    people.say("cas", "prices", "put", "tea", 5, seen=seen)
    people.say("cas", "prices", "put", "milk", 1, seen=seen)

    assert people.shown("prices") == {"tea": 5, "milk": 1}
    (tea,) = [cell for cell in people.cell("prices").values.values() if cell.value == 5]
    assert tea.others == [[4, ben, "ben"]]


def test_an_entry_put_by_another_survives_a_drop_that_had_not_seen_it() -> None:
    people = People(Note)
    seen = people.say("ann", "prices", "put", "tea", 3)
    people.say("ben", "prices", "put", "tea", 4, seen=seen)

    people.say("ann", "prices", "drop", "tea", seen=seen)

    assert people.shown("prices") == {"tea": 4}


def test_a_fold_of_ones_own_decides_again_at_its_place() -> None:
    people = People(Note)
    for actor in ("ann", "ben", "cas", "dan"):
        people.say(actor, "", "tell", "Said", {"word": actor}, seen=people.start)

    assert people.shown("words") == ["ann", "ben", "cas"]  # dan's was the fourth by then


def test_a_fold_that_raises_changes_nothing_and_leaves_a_told_refusal() -> None:
    people = People(Note)
    people.say("ann", "", "tell", "Said", {"word": "one"})
    head = people.engine.head.position

    with pytest.raises(Refused, match="ValueError: boom is not a word"):
        people.tell(["a", "title", "set", "new"], ["a", "", "tell", "Said", {"word": "boom"}], id="bad")
    people.engine.commit()

    assert people.shown("title") == "" and people.shown("words") == ["one"]
    (record,) = people.store.records(head)
    assert record.kind == "refused" and "boom is not a word" in str(record.content()["why"])
    with pytest.raises(Refused, match="boom is not a word"):  # said again, it is the same refusal, told once
        people.tell(["a", "title", "set", "new"], ["a", "", "tell", "Said", {"word": "boom"}], id="bad")
    assert people.engine.head.position == head + 1


INTENTS: list[tuple[str, list[Plain]]] = [
    ("title", ["set", "v"]),
    ("tags", ["add", "0" * 12, "x"]),
    ("tags", ["remove", element_identity("x", None)]),
    ("votes", ["increment", 1]),
    ("prices", ["put", "k", 1]),
    ("prices", ["drop", "k"]),
    ("", ["tell", "Said", {"word": "w"}]),
]


@pytest.mark.parametrize(("node", "rest"), INTENTS, ids=lambda part: str(part)[:24])
def test_an_event_delivered_again_changes_nothing_and_answers_with_its_first_position(
    node: str, rest: list[Plain]
) -> None:
    people = People(Note)
    first = people.tell(["a", node, *rest], id="same")
    head, shown = people.engine.head, [people.shown(name) for name in ("title", "tags", "votes", "prices", "words")]

    assert people.tell(["a", node, *rest], id="same") == first
    people.crash()
    assert people.tell(["a", node, *rest], id="same") == first

    assert people.engine.head == head
    assert [people.shown(name) for name in ("title", "tags", "votes", "prices", "words")] == shown


def test_the_same_id_with_other_words_is_refused() -> None:
    people = People(Note)
    people.tell(["a", "votes", "increment", 1], id="same")

    with pytest.raises(EventReused, match=r"was told before and said something else. Give a different edit"):
        people.tell(["a", "votes", "increment", 2], id="same")

    assert people.shown("votes") == 1


REFUSED: list[tuple[Callable[[], list[Plain]], str]] = [
    (lambda: ["a", "title", "increment", 1], "a field of kind 'field' was refused: it knows set, not 'increment'"),
    (lambda: ["a", "votes", "increment", 2**63], "the sum leaves 64 bits"),
    (lambda: ["a", "votes", "increment", True], "whole numbers"),
    (lambda: ["a", "tags", "add", 1, "x"], "an order key is text"),
    (lambda: ["a", "tags", "add"], "takes 2 arguments and was given 0"),
    (lambda: ["a", "nothing", "set", 1], "Note.nothing was refused: the type has no such field"),
    (lambda: ["b", "title", "set", "x"], "entity b was refused"),
    (lambda: ["a", "", "create", "Note"], "entity a was refused: it exists already"),
    (lambda: ["c", "", "create", "Nope"], "type Nope was refused: no such type is defined in this space"),
]


@pytest.mark.parametrize(("intent", "words"), REFUSED, ids=[words[:40] for _, words in REFUSED])
def test_what_a_field_does_not_take_is_refused_in_words_and_nothing_else_changes(
    intent: Callable[[], list[Plain]], words: str
) -> None:
    people = People(Note)
    people.say("ann", "title", "set", "kept")

    with pytest.raises(Refused) as refused:
        people.tell(["a", "title", "set", "lost"], intent())

    assert words in str(refused.value)
    assert people.shown("title") == "kept"
    people.engine.commit()
    people.crash()
    assert people.shown("title") == "kept"


def test_of_values_that_lost_unseen_only_the_newest_are_kept_beside_the_field() -> None:
    from weft.reduce import ALTERNATIVES_MAX, CellSpec, FieldCell, Told

    cell = FieldCell(CellSpec("field"))
    for position in range(1, 100):
        cell.apply("set", [position], Told(position, 0, "ann"))

    assert cell.shown() == 99
    assert [other[0] for other in cell.others if isinstance(other, list)] == list(range(99 - ALTERNATIVES_MAX, 99))
