"""What may be given where something is wanted: a table of both answers, laws over samples, the words of a refusal."""

from __future__ import annotations

import collections
import enum
from collections.abc import Awaitable, Callable, Collection, Hashable, Iterable, Mapping, Sequence, Set, Sized
from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, Any, Generic, Literal, NamedTuple, Never, NewType, Protocol, TypedDict, TypeVar, Union

import pytest
import typing_extensions
from hypothesis import given
from hypothesis import strategies as st

from weft.assignable import annotation_text, explain_mismatch, is_assignable

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)
T_contra = TypeVar("T_contra", contravariant=True)
Number = TypeVar("Number", int, float)
UserId = NewType("UserId", str)
Status = Literal["draft", "published"]
Words = typing_extensions.TypeAliasType("Words", str | tuple[str, ...] | None)
Pair = typing_extensions.TypeAliasType("Pair", tuple[T, T], type_params=(T,))


class Blob: ...


@dataclass(frozen=True)
class Book:
    title: str


Named = TypeVar("Named", bound=Book)


@dataclass(frozen=True)
class Comic(Book):
    panels: int


@dataclass(frozen=True)
class Topic:
    name: str


@dataclass(frozen=True)
class Page(Generic[T]):
    items: tuple[T, ...]


@dataclass(frozen=True)
class BookPage(Page[Book]): ...


class Shelf(Sequence[Book]): ...


class Sink(Generic[T_contra]): ...


class Ref(Generic[T]): ...


class Ocr(Protocol):
    language: str

    def read(self, blob: Blob) -> str: ...


class Reader:
    def read(self, blob: Blob) -> str:
        return ""


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Point(NamedTuple):
    x: int
    y: int


class Login(TypedDict):
    user: str


class FullLogin(Login):
    password: str


SEQUENCE_OF_T: object = Sequence[T]  # type: ignore[valid-type]
MAPPING_OF_T: object = Mapping[T, T]  # type: ignore[valid-type]

ACCEPTED: list[tuple[object, object]] = [
    (int, Any),
    (int, object),
    (Any, int),
    (Never, int),
    (None, None),
    (None, type(None)),
    (None, str | None),
    (bool, int),
    (bool, float),
    (int, float),
    (int, complex),
    (datetime, date),
    (Comic, Book),
    (tuple[Book, ...], Sequence[Book]),
    (tuple[Comic, ...], Sequence[Book]),
    (tuple[Book, ...], Iterable[Book]),
    (tuple[Book, ...], Collection[Book]),
    (tuple[Book, ...], Sized),
    (tuple[Book, ...], Hashable),
    (tuple[Book, ...], tuple[Book, ...]),
    (tuple[()], tuple[Book, ...]),
    (tuple[Book, Comic], tuple[Book, ...]),
    (tuple[Book, Comic], Sequence[Book]),
    (tuple[Book, Comic], tuple[Book, Book]),
    (tuple, tuple[Book, ...]),
    (tuple[Book, ...], tuple),
    (Point, tuple[int, int]),
    (Point, tuple),
    (list[Comic], Sequence[Book]),
    (list[Comic], list[Book]),
    (list, list[int]),
    (list[int], list),
    (str, Sequence[str]),
    (bytes, Sequence[int]),
    (bytearray, bytes),
    (set[int], Set[float]),
    (frozenset[int], Collection[int]),
    (dict[str, Comic], Mapping[str, Book]),
    (dict[str, Book], Iterable[str]),
    (collections.OrderedDict[str, int], Mapping[str, int]),
    (collections.Counter[str], Mapping[str, int]),
    (Shelf, Sequence[Book]),
    (Shelf, Iterable[object]),
    (str, str | None),
    (str | None, str | int | None),
    (bool | None, float | None),
    (Literal["draft"], str),
    (Literal["draft"], Status),
    (Status, str),
    (Status, Literal["draft", "published", "gone"]),
    (Status, Literal["draft"] | Literal["published"]),
    (Status, Literal["draft"] | int | Literal["published"] | None),
    (Literal[1], float),
    (Literal[Colour.RED], Colour),
    (Colour, Literal[Colour.RED, Colour.BLUE]),
    (bool, Literal[True, False]),
    (Literal[None], None),
    (UserId, str),
    (UserId, UserId),
    (UserId, UserId | None),
    (Annotated[int, "of a book"], int),
    (int, Annotated[int, "of a book"]),
    (Annotated[tuple[int, ...], "x"], Sequence[Annotated[int, "y"]]),
    (typing_extensions.LiteralString, str),
    (int, T),
    (tuple[int, str], SEQUENCE_OF_T),
    (dict[str, int], MAPPING_OF_T),
    (T, int),
    (int, Number),
    (bool, Number),
    (Comic, Named),
    (Page[Comic], Page[Book]),
    (Page[Book], Page),
    (Page, Page[Book]),
    (BookPage, Page[Book]),
    (Sink[Book], Sink[Comic]),
    (Reader, Ocr),
    (Ocr, Ocr),
    (type[Comic], type[Book]),
    (type[Book], type),
    (type[Book], Callable[[str], Book]),
    (Callable[[int], str], Callable[[str], int]),
    (FullLogin, Login),
    (FullLogin, Mapping[str, object]),
    (dict[str, str], Login),
    (Words, Words),
    (str, Words),
    (Words, Sequence[str] | None),
    (Pair[int], tuple[int, ...]),
    (tuple[int, int], Pair[float]),
    ("Book", int),
    (int, "Book"),
    (3, int),
]

REFUSED: list[tuple[object, object]] = [
    (Blob, Sequence[tuple[str, ...]]),
    (tuple[Blob, ...], tuple[Topic, ...]),
    (Blob, tuple[Book, ...]),
    (str, int),
    (Book, Topic),
    (Ref[Book], Ref[Topic]),
    (Ref[Book], Topic),
    (Status, Book | None),
    (Literal["publishd"], Status),
    (str, Status),
    (object, int),
    (float, int),
    (int, bool),
    (date, datetime),
    (Book, Comic),
    (None, str),
    (str | None, str),
    (str | int, str | None),
    (tuple[Book, ...], list[Book]),
    (tuple[Book, ...], Book),
    (Book, tuple[Book, ...]),
    (tuple[Book, ...], Sequence[Topic]),
    (tuple[Book, Topic], Sequence[Book]),
    (tuple[Book, ...], tuple[Book, Book]),
    (tuple[Book], tuple[Book, Book]),
    (tuple[Book, ...], tuple[()]),
    (tuple[tuple[Blob, ...], ...], Sequence[Sequence[str]]),
    (Sequence[Book], tuple[Book, ...]),
    (Mapping[str, Book], Sequence[Book]),
    (Mapping[str, Book], Mapping[str, Topic]),
    (Mapping[int, Book], Mapping[str, Book]),
    (dict[int, Book], Iterable[str]),
    (str, Sequence[int]),
    (list[int], Hashable),
    (Shelf, Sequence[Topic]),
    (Literal[1], Literal[True]),
    (Literal["1"], int),
    (Colour, Literal[Colour.RED]),
    (str, UserId),
    (str, Number),
    (Topic, Named),
    (Page[Book], Page[Topic]),
    (BookPage, Page[Topic]),
    (Sink[Comic], Sink[Book]),
    (Blob, Ocr),
    (str, Ocr),
    (type[Book], type[Topic]),
    (Book, Callable[[], int]),
    (Login, FullLogin),
    (Book, Login),
    (bytes, Words),
    (Words, str),
    (Pair[str], tuple[int, int]),
]


@pytest.mark.parametrize(("given", "wanted"), ACCEPTED, ids=annotation_text)
def test_what_a_type_checker_accepts_or_cannot_know_is_accepted(given: object, wanted: object) -> None:
    assert explain_mismatch(given, wanted) == ""
    assert is_assignable(given, wanted)


@pytest.mark.parametrize(("given", "wanted"), REFUSED, ids=annotation_text)
def test_what_a_type_checker_refuses_is_refused_in_words(given: object, wanted: object) -> None:
    assert not is_assignable(given, wanted)
    assert explain_mismatch(given, wanted).startswith(f"{annotation_text(given)} is given where ")


SAMPLES = [form for pair in [*ACCEPTED, *REFUSED] for form in pair]
FORMS = [form for form in SAMPLES if not isinstance(form, str | int)]
FIRM = [form for form in SAMPLES if not isinstance(form, TypeVar | str | int) and form not in (Any, Never)]


@pytest.mark.parametrize("form", SAMPLES, ids=annotation_text)
def test_every_annotation_is_assignable_to_itself_to_any_and_to_object(form: object) -> None:
    assert is_assignable(form, form)
    assert is_assignable(form, Any)
    assert is_assignable(form, object)


def test_a_class_is_compared_with_a_protocol() -> None:
    assert not is_assignable(type[Comic], Ocr)


# A dict is let through as a typed dictionary, a bare generic as one of any argument: what is not known fits both ways.
VAGUE = (tuple, list, Page, Login, FullLogin, Point, type, Sized, dict[str, str], SEQUENCE_OF_T, MAPPING_OF_T)
FIRMER = [form for form in FIRM if not any(form is one or form == one for one in VAGUE)]


@given(st.sampled_from(FIRMER), st.sampled_from(FIRMER), st.sampled_from(FIRMER))
def test_what_fits_what_fits_a_third_fits_the_third(first: object, second: object, third: object) -> None:
    if is_assignable(first, second) and is_assignable(second, third):
        assert is_assignable(first, third)


@given(st.sampled_from(FORMS), st.sampled_from(FORMS), st.sampled_from(FORMS))
def test_a_union_is_given_if_each_member_fits_and_wanted_if_one_does(one: object, two: object, other: object) -> None:
    union: object = Union.__getitem__((one, two))  # also of forms that have no |

    if is_assignable(one, other) and is_assignable(two, other):
        assert is_assignable(union, other)
    if is_assignable(other, one):
        assert is_assignable(other, union)


@pytest.mark.parametrize(
    ("given", "wanted", "words"),
    [
        (Book, Topic, "Book is given where Topic is wanted"),
        (
            tuple[Blob, ...],
            Sequence[tuple[str, ...]],
            (
                "tuple[Blob, ...] is given where Sequence[tuple[str, ...]] is wanted:"
                " an element is Blob, not tuple[str, ...]"
            ),
        ),
        (str | None, str, "str | None is given where str is wanted: it may be None"),
        (
            Literal["publishd"],
            Status,
            "Literal['publishd'] is given where Literal['draft', 'published'] is wanted: 'publishd' is none of them",
        ),
        (
            Mapping[str, Book],
            Mapping[str, Topic],
            "Mapping[str, Book] is given where Mapping[str, Topic] is wanted: a value is Book, not Topic",
        ),
        (
            tuple[str, int],
            tuple[str, str],
            "tuple[str, int] is given where tuple[str, str] is wanted: element 2 is int, not str",
        ),
        (
            tuple[str, ...],
            tuple[str, str],
            "tuple[str, ...] is given where tuple[str, str] is wanted: it may have any number of elements, not 2",
        ),
        (Blob, Ocr, "Blob is given where Ocr is wanted: it has no read"),
        (Login, FullLogin, "Login is given where FullLogin is wanted: it has no password"),
        (
            Page[Book],
            Page[Topic],
            "Page[Book] is given where Page[Topic] is wanted: argument 1 of Page is Book, not Topic",
        ),
        (Book, Callable[[], int], "Book is given where Callable[[], int] is wanted: it cannot be called"),
    ],
    ids=lambda given: given if isinstance(given, str) else annotation_text(given),
)
def test_a_refusal_says_which_part_does_not_fit(given: object, wanted: object, words: str) -> None:
    assert explain_mismatch(given, wanted) == words


def test_a_class_defined_in_a_function_is_shown_by_its_name_alone() -> None:
    class Inner: ...

    assert annotation_text(tuple[Inner, ...]) == "tuple[Inner, ...]"
    assert annotation_text(Awaitable[Inner | None]) == "Awaitable[Inner | None]"


class TypeAliasType:
    """An alias of itself, as the `type` statement makes from 3.12 on."""

    @property
    def __value__(self) -> object:
        return list[self]  # type: ignore[valid-type]


def test_two_recursive_aliases_that_unfold_alike_are_accepted() -> None:
    assert is_assignable(TypeAliasType(), TypeAliasType())
