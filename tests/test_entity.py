"""Entities: what they are told, what they refuse to be told, and what they show."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal, cast

import pytest

from tests.memory_desk import MemoryDesk
from weft import (
    Effect,
    Entity,
    Failed,
    Field,
    Ref,
    Running,
    Settled,
    Value,
    counter,
    derive,
    element,
    field,
    fold,
    items,
    on,
    ref,
    text,
)
from weft.definition import compile_type
from weft.entity import given_to, inputs_of_kind
from weft.handle import Seat
from weft.live import LiveCounter, LiveItems, LiveText
from weft.told import LiveRef, Target


@dataclass(frozen=True)
class Sold:
    copies: int


@element(key="name")
class Subject:
    name: str


@dataclass(frozen=True)
class Book:
    title: str


def sell(sold: int, event: Sold) -> int:
    return sold + event.copies


def subjects_of(titles: tuple[str, ...]) -> tuple[Subject, ...]:
    return tuple(Subject(name=title) for title in titles)


def shout(subject: Subject) -> str:
    return subject.name.upper()


class Library(Entity):
    name: Field[str] = field()
    kind: Field[Literal["public", "private"]] = field(default="public")
    titles = items(str)
    visits = counter()
    notes = text()
    sold = fold(0).on(Sold, sell)
    subjects = derive(subjects_of, titles)

    @on(titles.changes())
    def count(self) -> Iterator[Effect[str]]:
        yield from ()


class Reader(Entity):
    library: Ref[Library] = ref()
    subject: Ref[Subject] = ref()
    loud = derive(shout, subject)


@pytest.fixture
def desk() -> MemoryDesk:
    return MemoryDesk()


@pytest.fixture
def library(desk: MemoryDesk) -> Library:
    desk.held = {"name": "City", "titles": ("a", "b")}
    return desk.seat(Library)


def refusal(of: Any) -> str:
    with pytest.raises((TypeError, AttributeError)) as caught:
        of()
    return str(caught.value)


def test_what_is_annotated_is_told_at_creation() -> None:
    assert list(inputs_of_kind(Library)) == ["name", "kind"]
    assert list(inputs_of_kind(Reader)) == ["library", "subject"]


def test_a_draft_holds_what_was_given_and_reads_defaults() -> None:
    draft = Library(name="City")

    assert given_to(draft) == {"name": "City"}
    assert (draft.name, draft.kind) == ("City", "public")


def test_a_draft_has_nothing_that_needs_a_space() -> None:
    draft = Library(name="City")

    for ask in (
        draft.subjects.wait,
        lambda: draft.subjects.state,
        lambda: draft.titles.add("a"),
        lambda: list(draft.titles),
        lambda: draft.sold,
        lambda: draft.id,
        lambda: draft.tell(Sold(1)),
        lambda: setattr(draft, "name", "Town"),
        lambda: draft.subjects["a"],
        lambda: draft.subjects.__await__(),
    ):
        said = refusal(ask)
        assert said.startswith("this Library was made outside a space"), said
        assert said.endswith("use space.create(Library, …)"), said


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("titles", "titles starts empty; tell it with .titles.add(…) once the entity is there"),
        ("visits", "visits starts as it was declared; tell it with .visits.increment(…) once the entity is there"),
        ("sold", "sold starts as it was declared; tell it with .tell(…) once the entity is there"),
        ("subjects", "Library computes subjects from other nodes: leave it out"),
    ],
)
def test_what_is_told_or_computed_later_is_refused_with_how(name: str, said: str) -> None:
    assert refusal(lambda: cast("Any", Library)(**{"name": "City", name: ["a"]})).endswith(said)


def test_missing_and_unknown_inputs_are_named_together_with_the_nearest() -> None:
    said = refusal(lambda: cast("Any", Library)(nam="City"))

    assert said == "Library has no input 'nam': did you mean 'name'?; it needs name=…"


def test_a_reference_is_told_as_its_target(desk: MemoryDesk, library: Library) -> None:
    subject: Ref[Subject] = LiveRef(Seat(desk, "id-1"), Target("id-1", "subjects", "e1"), Subject)

    draft = Reader(library=library, subject=subject)

    assert given_to(draft) == {"library": Target("id-1"), "subject": Target("id-1", "subjects", "e1")}
    assert draft.subject == subject


def test_a_reference_to_another_type_is_refused(desk: MemoryDesk, library: Library) -> None:
    book: Ref[Book] = LiveRef(Seat(desk, "id-1"), Target("id-1", "books", "e1"), Book)
    make = cast("Any", Reader)

    assert refusal(lambda: make(library=library, subject=book)) == (
        "Reader.subject points to Subject, and this is a reference to Book"
    )
    assert refusal(lambda: make(library=desk.seat(Reader), subject=book)) == (
        "Reader.library points to Library, and this is a reference to Reader"
    )


def test_a_bare_value_is_no_reference(library: Library) -> None:
    said = refusal(lambda: Reader(library=library, subject=Subject(name="a")))

    assert "a value has no id of its own" in said


def test_told_nodes_read_as_values_or_live_collections(library: Library) -> None:
    assert (library.name, library.kind, library.sold) == ("City", "public", 0)
    assert isinstance(library.titles, LiveItems)
    assert isinstance(library.visits, LiveCounter)
    assert isinstance(library.notes, LiveText)
    assert isinstance(library.subjects, Value)
    assert list(library.titles) == ["a", "b"]


def test_an_assignment_is_an_event(desk: MemoryDesk, library: Library) -> None:
    library.kind = "private"
    library.tell(Sold(2))

    assert desk.said == [("id-1", "kind", "set", "private"), ("id-1", None, "tell", Sold(2))]


def test_assigning_a_reference_tells_its_target(desk: MemoryDesk, library: Library) -> None:
    reader = desk.seat(Reader, "id-2")

    reader.library = library

    assert desk.said == [("id-2", "library", "set", Target("id-1"))]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("subjects", "Library.subjects cannot be assigned: it is computed from other nodes"),
        ("titles", "Library.titles cannot be assigned: it is changed by its verbs"),
        ("sold", "Library.sold cannot be assigned: it is folded from events"),
        ("count", "Library.count is a flow and cannot be assigned"),
        ("nmae", "Library has no 'nmae': did you mean 'name'?"),
        ("tell", "Library.tell is not told, so it cannot be assigned"),
    ],
)
def test_what_is_not_told_is_not_assigned(library: Library, name: str, words: str) -> None:
    assert refusal(lambda: setattr(library, name, 3)).startswith(words)


def test_an_unknown_attribute_names_the_nearest(library: Library) -> None:
    said = refusal(lambda: cast("Any", library).subjcts)

    assert said == "Library has no 'subjcts': did you mean 'subjects'?"
    assert not hasattr(library, "_repr_png_")


def test_an_entity_is_its_id_in_its_space(desk: MemoryDesk, library: Library) -> None:
    assert library == desk.seat(Library)
    assert hash(library) == hash(desk.seat(Library))
    assert library != desk.seat(Library, "id-2")
    assert library != MemoryDesk().seat(Library)
    assert library != "id-1"
    assert Library(name="a") != Library(name="a")
    assert (library.id, repr(library), repr(Library(name="a"))) == ("id-1", "<Library id-1>", "<Library draft>")


def test_a_notebook_shows_every_node_with_text_escaped(desk: MemoryDesk, library: Library) -> None:
    desk.held["name"] = "<script>"
    shown = []
    for state in (Settled(1), Running(partial=2), Running(last=3), Failed("<b>", last=4)):
        desk.states = {"subjects": state}
        shown.append(library._repr_html_())

    assert all("<script>" not in html and "&lt;script&gt;" in html for html in shown)
    assert "<code>1</code>" in shown[0]
    assert "running (attempt 1)</i> <code>2</code>" in shown[1]
    assert "<code>3</code>" in shown[2]
    assert "failed:</i> &lt;b&gt; <i>last good:</i> <code>4</code>" in shown[3]
    assert "<table>" in Library(name="a")._repr_html_()


def test_entity_itself_is_no_type() -> None:
    assert "declare a class" in refusal(Entity)


def test_a_class_that_cannot_be_told_is_refused_as_it_is_made() -> None:
    def with_init() -> None:
        class A(Entity):
            def __init__(self) -> None: ...

    def with_reserved() -> None:
        class B(Entity):
            tell = items(str)  # type: ignore[assignment]

    def with_plain_annotation() -> None:
        class C(Entity):
            title: str = ""

    def with_annotated_items() -> None:
        class D(Entity):
            titles: Any = items(str)

    def with_bare_field() -> None:
        class E(Entity):
            title = field()

    assert "A defines __init__" in refusal(with_init)
    assert "B.tell: every entity has an attribute of that name" in refusal(with_reserved)
    assert "C.title is annotated but holds nothing told: write title: Field[…] = field()" in refusal(
        with_plain_annotation
    )
    assert "D.titles is not told at creation: leave out its annotation" in refusal(with_annotated_items)
    assert "E.title must be told at creation, so it needs its annotation" in refusal(with_bare_field)


def test_an_annotation_beside_a_field_that_is_no_field_is_refused_with_what_to_write() -> None:
    def with_type() -> None:
        class A(Entity):
            n: int = field()  # type: ignore[assignment]

    def with_default() -> None:
        class B(Entity):
            n: list[int] = field(default=())  # type: ignore[assignment]

    def with_bare() -> None:
        class C(Entity):
            n: Field = field()  # type: ignore[type-arg]

    def with_none() -> None:
        class D(Entity):
            shelf: Library = ref()  # type: ignore[assignment]

    def with_other() -> None:
        class E(Entity):
            shelf: Field[Library] = ref()  # type: ignore[assignment]

    assert refusal(with_type) == "A.n is annotated int and holds a field: write n: Field[int] = field()"
    assert "B.n is annotated list[int] and holds a field: write n: Field[list[int]] = field()" in refusal(with_default)
    assert "C.n is annotated Field and holds a field: write n: Field[…] = field()" in refusal(with_bare)
    assert "D.shelf is annotated Library and holds a ref: write shelf: Ref[Library] = ref()" in refusal(with_none)
    assert "E.shelf is annotated Field[Library] and holds a ref: write shelf: Ref[Library] = ref()" in refusal(
        with_other
    )


def test_an_annotation_beside_a_field_that_is_known_later_is_refused_then(monkeypatch: pytest.MonkeyPatch) -> None:
    class Late(Entity):
        n: Later = field()  # type: ignore[name-defined]  # noqa: F821

    monkeypatch.setattr(sys.modules[__name__], "Later", int, raising=False)
    assert "Late.n is annotated int and holds a field: write n: Field[int] = field()" in refusal(
        lambda: compile_type(Late)
    )


def test_a_field_without_an_annotation_has_the_type_of_its_default() -> None:
    class Counted(Entity):
        n = field(default=3)

    assert compile_type(Counted).nodes["n"].type_text == "int"


def test_a_seated_entity_is_created_once(library: Library) -> None:
    assert "is in a space already" in refusal(lambda: given_to(library))


def test_an_id_is_not_assigned(library: Library) -> None:
    assert "id" in refusal(lambda: setattr(library, "id", "other"))
