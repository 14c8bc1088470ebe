"""Values: what comes back equals what went in, equal values have equal bytes, and types may change."""

from __future__ import annotations

import dataclasses
import enum
import io
import itertools
import math
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, MutableSequence, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import InitVar, dataclass, field, make_dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from types import MappingProxyType, ModuleType
from typing import (
    Annotated,
    Any,
    ClassVar,
    Generic,
    Literal,
    NamedTuple,
    NewType,
    NotRequired,
    Optional,
    TypedDict,
    TypeVar,
    Union,
)
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec
import pytest
import typing_extensions
from hypothesis import given
from hypothesis import strategies as st

from tests.conftest import require_module
from weft.blob import Blob, BlobOutOfReach
from weft.content import Cid, Plain, cid_text, decode, encode, link, raw_id
from weft.errors import Undecodable, Unencodable
from weft.value import VALUE_BYTES_MAX, VALUE_DEPTH_MAX, ValueTooLarge, WrongType, shape_of

LIST: Any = list  # for annotations that are put together at run time, which is no business of a type checker
TUPLE: Any = tuple
DICT: Any = dict
FROZENSET: Any = frozenset
UNION: Any = Union
LOCAL = datetime(2024, 1, 2, 3, 4, 5)  # noqa: DTZ001 - without a zone, as users' times may be
T = TypeVar("T")
K = TypeVar("K", bound=str)


class Colour(enum.Enum):
    RED = enum.auto()
    GREEN = enum.auto()


class Status(enum.StrEnum):
    DRAFT = "draft"
    PUBLISHED = "published"


class Rights(enum.Flag):
    READ = 1
    WRITE = 2


@dataclass(frozen=True)
class Book:
    title: str
    pages: int = 0
    price: float | None = None


@dataclass(frozen=True)
class Topic:
    name: str
    books: tuple[Book, ...] = ()
    within: Topic | None = None


@dataclass
class Draft:
    lines: list[str]
    words: int = field(init=False, default=0)

    def __post_init__(self) -> None:
        self.words = sum(len(line.split()) for line in self.lines)


@dataclass(frozen=True)
class Folder:
    name: str
    inside: Folder | None = None


@dataclass(frozen=True)
class Sealed(Folder):
    by: str = ""


@dataclass(frozen=True, slots=True)
class Box(Generic[T]):
    content: T
    more: tuple[T, ...] = ()


@dataclass(frozen=True)
class Shelf(Box[Book]):
    place: str = "wall"


@dataclass(frozen=True)
class Rack(Box[list[T]], Generic[T]):
    top: T | None = None


BOX: Any = Box


class Point(NamedTuple):
    x: int
    y: int = 0


class Options(TypedDict):
    name: str
    limit: NotRequired[int]


class Page(msgspec.Struct, frozen=True):
    number: int
    text: str = ""


class Cat(msgspec.Struct, frozen=True, tag="cat", rename="camel"):
    full_name: str


class Dog(msgspec.Struct, frozen=True, tag="dog", rename="camel"):
    full_name: str


Title = NewType("Title", str)
make_alias: Any = typing_extensions.TypeAliasType
Json = make_alias("Json", "str | int | list[Json] | dict[str, Json] | None")
Pair = make_alias("Pair", TUPLE[T, T], type_params=(T,))


class Handle(Generic[T]):
    """A class that says itself how it is kept."""

    def __init__(self, id: str, kind: str) -> None:
        self.id = id
        self.kind = kind

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Handle) and (self.id, self.kind) == (other.id, other.kind)

    def __hash__(self) -> int:
        return hash(self.id)

    def __weft_plain__(self) -> Plain:
        return self.id

    @classmethod
    def __weft_value__(cls, plain: Plain, arguments: tuple[Any, ...]) -> Handle[Any]:
        if not isinstance(plain, str):
            raise ValueError("a handle is text")
        return cls(plain, arguments[0].__name__)


PNG = Blob.from_bytes(b"\x89PNG\r\n\x1a\n")

EXAMPLES: list[tuple[Any, Any]] = [
    (None, None),
    (bool, True),
    (int, -(1 << 64)),
    (float, 0.1),
    (float, 1e300),
    (str, "säät"),
    (bytes, b"\0"),
    (Literal["a", 1, None, True, Colour.RED], 1),
    (Literal["a", 1, None, True, Colour.RED], True),
    (Literal["a", 1, None, True, Colour.RED], Colour.RED),
    (Colour, Colour.GREEN),
    (Status, Status.DRAFT),
    (Rights, Rights.READ | Rights.WRITE),
    (Rights, Rights(0)),
    (Optional[int], None),  # noqa: UP045 - the older spelling
    (int | None, 3),
    (tuple[int, ...], (1, 2)),
    (tuple[int, str], (1, "a")),
    (tuple[()], ()),
    (tuple, (1, "a", [None])),
    (list, [1, [2]]),
    (dict, {"a": [1]}),
    (set[str], {"b", "a"}),
    (frozenset[int], frozenset({300, 2})),
    (AbstractSet[Colour], frozenset(Colour)),
    (list[float], [0.0, 1.5]),
    (MutableSequence[int], [1]),
    (Mapping[str, Book], {"b": Book("B"), "a": Book("A")}),
    (dict[int, str], {2: "two", 1: "one"}),
    (dict[Colour, int], {Colour.RED: 1}),
    (dict[date, int], {date(2024, 2, 29): 1}),
    (dict[tuple[int, int], str], {(1, 2): "x", (0, 300): "y"}),
    (dict[str | None, int], {None: 1, "a": 2}),
    (Book, Book("B", 3, 1.0)),
    (Topic, Topic("t", (Book("B"),), Topic("up"))),
    (Draft, Draft(["two words"])),
    (Box[int], Box(1, (2, 3))),
    (Box[tuple[Book, ...]], Box((Book("B"),))),
    (Shelf, Shelf(Book("B"), (Book("C"),))),
    (Rack[int], Rack([1], ([2],), 3)),
    (Box, Box({"a": 1})),
    (Point, Point(1)),
    (Options, {"name": "n"}),
    (Options, {"name": "n", "limit": 3}),
    (Page, Page(1)),
    (Cat, Cat("Tom")),
    (Cat | Dog, Dog("Rex")),
    (datetime, datetime(2024, 1, 2, 3, 4, 5, 600, tzinfo=timezone(timedelta(hours=2)))),
    (datetime, LOCAL),
    (date, date(1, 1, 1)),
    (time, time(23, 59, 59, 1)),
    (timedelta, timedelta(days=-1, microseconds=1)),
    (timedelta, timedelta.min),
    (Decimal, Decimal("1.00")),
    (Decimal, Decimal("-1E+400")),
    (UUID, UUID(int=7)),
    (Blob, PNG),
    (dict[str, tuple[Blob, ...]], {"a": (PNG,)}),
    (object, {"a": [1, None, True, b"", 1.5, link(raw_id(b""))]}),
    (Any, "x"),
    (Any | None, None),
    (Title, "t"),
    (Annotated[int, "how many"], 1),
    (Annotated[list[Title], ["not hashable"]], ["t"]),
    (Json, {"a": [None, 1, {"b": "c"}]}),
    (Pair[int], (1, 2)),
    (BOX[Pair[str]], Box(("a", "b"))),
    (T, [1]),
    (K, "bound"),
    (UUID | str, UUID(int=7)),
    (UUID | str, "00000000-0000-0000-0000-000000000007"),
    (Book | Topic | None, Topic("t")),
    (Book | dict[str, int], {"$": 1, "title": 2}),
    (list[int] | list[str], ["a"]),
    (list[int] | list[str], []),
    (list[int] | tuple[str, ...], ("a",)),
    (int | float, 1),
    (int | float, 1.0),
    (bool | int, True),
    (str | Sequence[str], ("a",)),
    (Blob | Book | str, PNG),
    (Literal["auto"] | str, "auto"),
    (Literal["auto"] | int | Colour, "auto"),
    (Literal["auto"] | int | Colour, Colour.RED),
    (Box[int] | Box[str], Box("a")),
    (date | datetime, LOCAL),
    (date | datetime, date(2024, 1, 1)),
    (Json | Book, Book("B")),
    (Json | Book, {"title": "B"}),
    (Options | Book, {"name": "n"}),
    (object | Book, Book("B")),
    (Handle[Book], Handle("h", "Book")),
    (Handle[Book] | str, Handle("h", "Book")),
    (Handle[Book] | None, None),
]


@pytest.mark.parametrize(("annotation", "value"), EXAMPLES, ids=lambda part: str(part)[:60])
def test_what_was_encoded_comes_back_equal_and_of_its_class(annotation: Any, value: Any) -> None:
    shape = shape_of(annotation)

    back = shape.decode(shape.encode(value))

    assert back == value
    assert type(back) is type(value)
    assert shape.encode(back) == shape.encode(value)
    assert shape.from_plain(shape.to_plain(value)) == value


# Types and values made by hypothesis

finite = st.floats(allow_nan=False, allow_infinity=False)
zones: Any = st.one_of(st.none(), st.timezones())
earliest, latest = LOCAL.replace(year=2), LOCAL.replace(year=9998)


def is_told_by_its_clock(moment: datetime) -> bool:
    """Python holds times that a zone's clock skips or shows twice to be unequal to every time of another zone."""
    return moment.utcoffset() == moment.replace(fold=1 - moment.fold).utcoffset()


moments = st.datetimes(timezones=zones, min_value=earliest, max_value=latest).filter(is_told_by_its_clock)
ATOMS: list[tuple[Any, st.SearchStrategy[Any]]] = [
    (type(None), st.none()),
    (bool, st.booleans()),
    (int, st.integers(-(1 << 64), (1 << 64) - 1)),
    (float, finite),
    (str, st.text(max_size=5)),
    (bytes, st.binary(max_size=5)),
    (datetime, moments),
    (date, st.dates()),
    (time, st.times()),
    (timedelta, st.timedeltas()),
    (UUID, st.uuids()),
    (Colour, st.sampled_from(Colour)),
    (Status, st.sampled_from(Status)),
    (Literal["a", 2, False], st.sampled_from(["a", 2, False])),
    (Blob, st.binary(max_size=4).map(Blob.from_bytes)),
    (Handle[Book], st.text(max_size=5).map(lambda id: Handle(id, "Book"))),
    (Topic, st.builds(Topic, st.text(max_size=3), st.just(()), st.builds(Topic, st.text(max_size=3)) | st.none())),
]
Typed = tuple[Any, st.SearchStrategy[Any]]


numbers = itertools.count()
make_named_tuple: Any = NamedTuple
make_typed_dict: Any = TypedDict


def a_class_of(fields: list[Typed], kind: str) -> Typed:
    names = [f"field_{at}" for at in range(len(fields))]
    named = dict(zip(names, [annotation for annotation, _ in fields], strict=True))
    values = st.fixed_dictionaries(dict(zip(names, [values for _, values in fields], strict=True)))
    name = f"Made{next(numbers)}"  # members of a union must differ in name
    cls: Any
    match kind:
        case "dataclass":
            cls = make_dataclass(name, named.items(), frozen=True)
        case "struct":
            cls = msgspec.defstruct(name, list(named.items()), frozen=True)
        case "tuple":
            cls = make_named_tuple(name, list(named.items()))
        case _:
            return make_typed_dict(name, named), values
    return cls, values.map(lambda kept: cls(**kept))


def composed(inner: st.SearchStrategy[Typed]) -> st.SearchStrategy[Typed]:
    keyed = st.sampled_from([(str, st.text(max_size=3)), (int, st.integers(0, 999)), (Colour, st.sampled_from(Colour))])
    return st.one_of(
        inner.map(lambda one: (TUPLE[one[0], ...], st.lists(one[1], max_size=4).map(tuple))),
        inner.map(lambda one: (LIST[one[0]], st.lists(one[1], max_size=4))),
        inner.map(lambda one: (BOX[one[0]], one[1].map(Box))),
        inner.map(lambda one: (UNION[one[0], None], st.none() | one[1])),
        st.lists(inner, max_size=3).map(
            lambda ones: (TUPLE[tuple(one[0] for one in ones)], st.tuples(*(one[1] for one in ones)))
        ),
        st.tuples(keyed, inner).map(
            lambda two: (DICT[two[0][0], two[1][0]], st.dictionaries(two[0][1], two[1][1], max_size=4))
        ),
        st.tuples(st.lists(inner, max_size=4), st.sampled_from(["dataclass", "struct", "tuple", "dict"])).map(
            lambda two: a_class_of(*two)
        ),
        st.lists(inner, min_size=1, max_size=3).map(
            lambda ones: (UNION[tuple(one[0] for one in ones)], st.one_of([one[1] for one in ones]))
        ),
    )


typed = st.recursive(st.sampled_from(ATOMS), composed, max_leaves=8)


@given(typed, st.data())
def test_any_value_of_any_type_comes_back_equal_with_the_same_bytes(of: Typed, data: st.DataObject) -> None:
    annotation, values = of
    shape = shape_of(annotation)
    value = data.draw(values)

    encoded = shape.encode(value)
    back = shape.decode(encoded)

    assert back == value
    assert shape.encode(back) == encoded
    assert encode(decode(encoded)) == encoded
    assert Counter(shape.blobs(back)) == Counter(shape.blobs(value))


HASHABLE = [one for one in ATOMS if one[0] is not Decimal]


@given(st.sampled_from(HASHABLE), st.data())
def test_equal_sets_and_mappings_have_equal_bytes_in_whatever_order_they_were_filled(
    of: Typed, data: st.DataObject
) -> None:
    annotation, values = of
    kept = data.draw(st.lists(values, unique=True, max_size=6))
    order = data.draw(st.permutations(kept))

    assert shape_of(FROZENSET[annotation]).encode(frozenset(kept)) == shape_of(FROZENSET[annotation]).encode(
        frozenset(order)
    )
    shape = shape_of(DICT[annotation, int])
    places = {key: at for at, key in enumerate(kept)}
    assert shape.encode(places) == shape.encode({key: places[key] for key in order})
    assert shape.decode(shape.encode(places)) == places


def test_equal_numbers_moments_and_texts_of_other_classes_have_equal_bytes() -> None:
    two_hours = timezone(timedelta(hours=2))

    for annotation, one, other in [
        (float, 0.0, -0.0),
        (float, 1.0, 1),
        (list[float], [0.0, 2.0], [-0.0, 2]),
        (object, [0.0], [-0.0]),
        (int, 1, True),
        (int, 1, enum.IntEnum("One", "ONE").ONE),  # type: ignore[attr-defined]
        (str, "draft", Status.DRAFT),
        (dict[str, int], {"draft": 1}, {Status.DRAFT: 1}),
        (datetime, datetime(2024, 1, 1, 12, tzinfo=UTC), datetime(2024, 1, 1, 14, tzinfo=two_hours)),
        (Sequence[int], (1, 2), [1, 2]),
        (Mapping[str, int], {"a": 1}, MappingProxyType({"a": 1})),
        (AbstractSet[int], {1}, frozenset({1})),
    ]:
        shape = shape_of(annotation)
        assert shape.encode(one) == shape.encode(other), annotation
        assert shape.decode(shape.encode(other)) == one


def test_a_moment_with_a_zone_comes_back_in_utc_and_one_without_as_it_was() -> None:
    shape = shape_of(datetime)
    local = LOCAL.replace(month=7)

    assert shape.to_plain(local) == "2024-07-02T03:04:05"
    assert shape.to_plain(local.replace(tzinfo=timezone(timedelta(hours=2)))) == "2024-07-02T01:04:05Z"
    assert shape.decode(shape.encode(local.replace(tzinfo=timezone(timedelta(hours=2))))).tzinfo is UTC
    assert shape.decode(shape.encode(local)).tzinfo is None


def test_a_moment_that_a_clock_shows_twice_is_kept_as_the_moment_it_was() -> None:
    shape, berlin = shape_of(datetime), ZoneInfo("Europe/Berlin")

    first = datetime(2024, 10, 27, 2, 30, tzinfo=berlin)

    assert shape.to_plain(first) == "2024-10-27T00:30:00Z"
    assert shape.to_plain(first.replace(fold=1)) == "2024-10-27T01:30:00Z"


def test_what_a_person_wrote_of_a_decimal_is_kept() -> None:
    assert str(shape_of(Decimal).decode(shape_of(Decimal).encode(Decimal("1.00")))) == "1.00"


# Refusals at encoding

WRONG: list[tuple[Any, Any, str]] = [
    (int, "1", "the value: str where int is wanted."),
    (int, 1.0, "the value: float where int is wanted."),
    (str, None, "the value: None where str is wanted."),
    (bytes, "x", "the value: str where bytes is wanted."),
    (bool, 1, "the value: int where bool is wanted."),
    (tuple[int, ...], [1], "the value: list where tuple[int, ...] is wanted."),
    (Sequence[str], "words", "the value: str where Sequence[str] is wanted."),
    (list[str], ("a",), "the value: tuple where list[str] is wanted."),
    (tuple[Topic, ...], (Topic("a"), Topic("b", (Book(5),))), "[1].books[0].title: int where str is wanted."),  # type: ignore[arg-type]
    (dict[str, Book], {"a": Book("A"), "b": Book("B", "x")}, "['b'].pages: str where int is wanted."),  # type: ignore[arg-type]
    (dict[int, str], {"a": "b"}, "the value: the key str where int is wanted."),
    (dict[str, int], {1: 2}, "the value: the key int where str is wanted."),
    (dict[int, str], {5: 6}, "[5]: int where str is wanted."),
    (tuple[int, str], (1, 2), "[1]: int where str is wanted."),
    (Literal["a", "b"], "c", "the value: 'c' where Literal['a', 'b'] is wanted."),
    (Literal[1], True, "the value: True where Literal[1] is wanted."),
    (Literal[1], [], "the value: [] where Literal[1] is wanted."),
    (Colour, "RED", "the value: str where Colour is wanted."),
    (Book, {"title": "B"}, "the value: dict where Book is wanted."),
    (Book | None, 3, "the value: int where Book | None is wanted."),
    (Book | None, Book(3), "title: int where str is wanted."),  # type: ignore[arg-type]
    (Folder | Sealed | None, Sealed(3), "name: int where str is wanted."),  # type: ignore[arg-type]
    (list[int] | list[str], [1.5], "the value: list where list[int] | list[str] is wanted."),
    (Options, {}, "['name']: nothing where str is wanted."),
    (Options, {"name": "n", "x": 1}, "the value: a dict with the key 'x' where Options is wanted."),
    (Handle[Book], "h", "the value: str where Handle[Book] is wanted."),
    (Point, (1, 2), "the value: tuple where Point is wanted."),
    (date, LOCAL, "the value: datetime where date is wanted."),
]


@pytest.mark.parametrize(("annotation", "value", "message"), WRONG, ids=lambda part: str(part)[:60])
def test_a_value_of_another_type_is_refused_by_its_place(annotation: Any, value: Any, message: str) -> None:
    with pytest.raises(WrongType) as refused:
        shape_of(annotation).encode(value)

    assert str(refused.value) == message


IMPOSSIBLE: list[tuple[Any, Any, str, str]] = [
    (float, math.nan, "the value", "finite"),
    (list[float], [1.0, math.inf], "[1]", "finite"),
    (float, 2**80 + 1, "the value", "too large"),
    (float, 10**400, "the value", "too large"),
    (Topic, Topic("t", (Book("B", 1 << 65),)), "books[0].pages", "64 bits"),
    (Book, Book("\ud800"), "title", "surrogates"),
    (Decimal, Decimal("NaN"), "the value", "finite"),
    (time, time(1, tzinfo=UTC), "the value", "no moment"),
    (datetime, datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=2))), "the value", "1 to 9999"),
    (tuple[int, str], (1,), "the value", "2 elements"),
    (Box[int], Shelf(Book("B")), "the value", "a subclass would come back as Box"),
    (Folder | Sealed | None, Sealed("a", Sealed("b")), "inside", "Folder is wanted, and a subclass would come back"),
    (object, [{"a": (1,)}], "[0]['a']", "come back as a list"),
    (object, {"a": {1}}, "['a']", "come back as a list"),
    (object, Book("B"), "the value", "its own type"),
    (Any, lambda: 1, "the value", "code is not a value"),
    (object, print, "the value", "code is not a value"),
    (str, len, "the value", "code is not a value"),
    (object, math, "the value", "code is not a value"),
    (object, Book, "the value", "code is not a value"),
    (list[int], (one for one in [1]), "the value", "read only once"),
    (object, io.BytesIO(), "the value", "its own type"),
]


@pytest.mark.parametrize(("annotation", "value", "where", "words"), IMPOSSIBLE, ids=lambda part: str(part)[:40])
def test_a_value_that_cannot_be_kept_is_refused_by_its_place_with_a_reason(
    annotation: Any, value: Any, where: str, words: str
) -> None:
    with pytest.raises(Unencodable, match=words) as refused:
        shape_of(annotation).encode(value)

    assert refused.value.where == where


@dataclass
class Reader:
    name: str
    check: Callable[[str], bool]


@dataclass
class Needy:
    seed: InitVar[int]


class Plainest:
    pass


@dataclass
class Lost:
    field: Nowhere  # type: ignore[name-defined]  # noqa: F821


@pytest.mark.parametrize(
    ("annotation", "words"),
    [
        (Callable[[int], int], "code"),
        (Reader, "Reader.check"),
        (tuple[Reader, ...], "Reader.check"),
        (ModuleType, "code"),
        (type, "classes are code"),
        (type[Book], "classes are code"),
        (io.BytesIO, "code or a running thing"),
        (Iterator[int], "read only once"),
        (AsyncIterator[int], "it is not"),
        (Plainest, "make it a dataclass"),
        (complex, "keep its text"),
        (bytearray, "say bytes"),
        (ValueError, "keep its text"),
        (Needy, "InitVar seed"),
        (Lost, "names Nowhere, which is not found"),
        ("Book", "give the type itself"),
        (LIST["Bok"], "give the type itself"),
        (TUPLE[int, *TUPLE[str, ...]], "tuple\\[X, ...\\]"),
        (TUPLE[int, typing_extensions.Unpack[TUPLE[str, ...]]], "tuple\\[X, ...\\]"),  # noqa: UP044
        (3, "no value of it"),
        (make_alias("Loop", "Loop | None"), "it"),
        (make_typed_dict("Odd", {"$": int}), "'\\$'"),
        (UNION[make_dataclass("Same", []), make_dataclass("Same", ["x"])], "two members are called Same"),
    ],
    ids=lambda part: str(part)[:50],
)
def test_an_annotation_that_can_never_be_kept_is_refused_with_a_reason(annotation: Any, words: str) -> None:
    with pytest.raises(Unencodable, match=words):
        shape_of(annotation)


def test_a_value_that_holds_itself_or_is_nested_too_deep_is_refused() -> None:
    loop: list[Any] = []
    loop.append(loop)
    deep: Any = None
    for _ in range(VALUE_DEPTH_MAX + 1):
        deep = Topic("t", (), deep)

    with pytest.raises(Unencodable, match="hold themselves"):
        shape_of(object).encode(loop)
    with pytest.raises(Unencodable, match="48 deep"):
        shape_of(Topic).encode(deep)
    assert shape_of(Topic).decode(shape_of(Topic).encode(deep.within.within)) == deep.within.within


def test_a_value_of_many_bytes_is_refused_with_the_advice_to_make_it_a_blob() -> None:
    with pytest.raises(ValueTooLarge, match=r"Blob\.from_bytes"):
        shape_of(bytes).encode(bytes(VALUE_BYTES_MAX))
    with pytest.raises(Undecodable, match="more than"):
        shape_of(bytes).decode(encode(bytes(VALUE_BYTES_MAX)))


# Types that change


def a_book(*fields: Any, name: str = "Book") -> Any:
    return make_dataclass(name, fields, frozen=True)


def test_a_field_that_was_added_takes_its_default() -> None:
    old, new = (
        a_book(("title", str)),
        a_book(("title", str), ("pages", int, 7), ("tags", list[str], field(default_factory=list))),
    )

    assert shape_of(new).decode(shape_of(old).encode(old("B"))) == new("B", 7, [])


def test_a_field_that_was_added_without_a_default_is_named() -> None:
    old, new = a_book(("title", str)), a_book(("title", str), ("pages", int))

    with pytest.raises(Undecodable, match=r"\[0\]\.pages does not decode as int: it is nothing"):
        shape_of(LIST[new]).decode(shape_of(LIST[old]).encode([old("B")]))


def test_a_field_that_was_removed_is_dropped() -> None:
    old, new = a_book(("title", str), ("pages", int)), a_book(("title", str))

    assert shape_of(new).decode(shape_of(old).encode(old("B", 3))) == new("B")


def test_fields_in_another_order_are_the_same_bytes() -> None:
    one, other = a_book(("title", str), ("pages", int)), a_book(("pages", int), ("title", str))

    assert shape_of(one).encode(one("B", 3)) == shape_of(other).encode(other(3, "B"))


@pytest.mark.parametrize(
    ("before", "after", "value"),
    [
        (Book, Book | None, Book("B")),
        (Book, Book | Topic, Book("B", 1, 2.0)),
        (Topic, Book | Topic, Topic("t")),
        (UUID, UUID | str, UUID(int=7)),
        (Cat, Cat | Page, Cat("Tom")),
        (Cat | Dog, Cat | Dog | Page, Dog("Rex")),
        (int, int | str, 3),
        (int, float, 3),
        (list[int], list[int] | list[str], [1]),
        (Literal["a"], Literal["a", "b"], "a"),
        (tuple[str, ...], Sequence[str], ("a",)),
        (Blob, Blob | Book, PNG),
    ],
    ids=str,
)
def test_a_type_that_became_wider_reads_what_was_kept_before(before: Any, after: Any, value: Any) -> None:
    assert shape_of(after).decode(shape_of(before).encode(value)) == value


def test_a_value_of_a_member_that_was_removed_is_not_taken_for_another() -> None:
    encoded = shape_of(Cat | Dog).encode(Dog("Rex"))

    with pytest.raises(Undecodable, match="'dog'"):
        shape_of(Cat).decode(encoded)
    with pytest.raises(Undecodable, match="'dog'"):
        shape_of(Cat | Page).decode(encoded)
    assert shape_of(Dog).decode(encoded) == Dog("Rex")


def test_a_class_that_keeps_its_tag_may_be_renamed() -> None:
    @dataclass
    class Old:
        __weft_tag__ = "first"
        x: int

    @dataclass
    class New:
        __weft_tag__ = "first"
        x: int

    assert shape_of(New | Book).decode(shape_of(Old | Book).encode(Old(1))) == New(1)
    assert shape_of(Old | Book).to_plain(Old(1)) == {"$": "first", "x": 1}


def test_an_enum_may_gain_members_anywhere_and_rename_them_by_alias() -> None:
    make_enum: Any = enum.Enum
    new = make_enum("Colour", {"BLUE": 1, "CRIMSON": 2, "GREEN": 3, "RED": 2})
    mixed = make_enum("Status", {"DRAFT": "draft", "PUBLISHED": "published", "NONE": 0})

    assert shape_of(new).decode(shape_of(Colour).encode(Colour.RED)) is new["CRIMSON"]
    assert shape_of(mixed).decode(shape_of(Status).encode(Status.DRAFT)) is mixed["DRAFT"]


def test_the_order_of_a_unions_members_is_no_part_of_its_bytes() -> None:
    one, other = list[bytes] | list[bool], list[bool] | list[bytes]

    assert shape_of(BOX[one]).encode(Box([])) == shape_of(BOX[other]).encode(Box([]))


# Refusals at decoding


@pytest.mark.parametrize(
    ("annotation", "plain", "message"),
    [
        (int, "x", "the value does not decode as int: it is str."),
        (int, True, "the value does not decode as int: it is bool."),
        (Topic, {"name": "t", "books": [{"title": 3}]}, "books[0].title does not decode as str: it is int."),
        (dict[str, int], {"a": "b"}, "['a'] does not decode as int: it is str."),
        (dict[int, int], [[1]], "[0] does not decode as a pair of key and value: it is list."),
        (dict[Any, int], [[[], 1]], None),
        (set[object], [[]], "the value does not decode as set[object]: an element of it cannot be in a set."),
        (Colour, "BLUE", "the value does not decode as Colour: it is 'BLUE'."),
        (Rights, 64, "the value does not decode as Rights: it is 64."),
        (date, "2024-13-01", "the value does not decode as date: it is '2024-13-01'."),
        (timedelta, "P1D", "the value does not decode as timedelta: it is 'P1D'."),
        (timedelta, f"PT{10**30}S", None),
        (UUID, "x", "the value does not decode as UUID: it is 'x'."),
        (Decimal, "x", "the value does not decode as Decimal: it is 'x'."),
        (tuple[int, str], [1], None),
        (Blob, {"blob": "x", "media": "a/b", "size": 1}, "the value does not decode as Blob: it is dict."),
        (Blob, {"blob": link(raw_id(b"")), "media": "a\r\nb", "size": 1}, None),
        (Book | Topic, {"$": "Film"}, "the value does not decode as Book | Topic: it is a value tagged 'Film'."),
        (Book | Topic, {"$": ["Book"]}, None),
        (UUID | str, {"$": "UUID"}, "the value does not decode as UUID: it is None."),
        (Handle[Book], 3, "the value does not decode as Handle[Book]: a handle is text."),
        (Options, {"limit": 1}, "name does not decode as str: it is nothing."),
    ],
    ids=lambda part: str(part)[:50],
)
def test_what_does_not_decode_is_named_by_its_place(annotation: Any, plain: Plain, message: str | None) -> None:
    with pytest.raises(Undecodable) as refused:
        shape_of(annotation).decode(encode(plain))

    if message is not None:
        assert str(refused.value) == message


def test_a_class_that_refuses_its_fields_is_quoted() -> None:
    @dataclass
    class Even:
        number: int

        def __post_init__(self) -> None:
            if self.number % 2:
                raise ValueError("odd")

    with pytest.raises(Undecodable, match=r"\[1\] does not decode as Even: ValueError: odd"):
        shape_of(list[Even]).decode(encode([{"number": 2}, {"number": 3}]))


@given(
    typed,
    st.recursive(
        st.none() | st.booleans() | st.integers(0, 9) | st.text(max_size=3),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from(["$", "value", "title", "name", "field_0"]), inner)
        ),
        max_leaves=6,
    ),
)
def test_content_of_another_type_decodes_or_is_refused_and_nothing_else_happens(of: Typed, plain: Plain) -> None:
    shape = shape_of(of[0])
    try:
        value = shape.decode(encode(plain))
    except Undecodable:
        return
    assert shape.decode(shape.encode(value)) == value


# Blobs


def test_a_shape_knows_whether_its_values_may_hold_blobs() -> None:
    without: list[Any] = [int, Book, Topic, object, Json, tuple[Book, ...], Handle[Book]]
    within: list[Any] = [Blob, Blob | None, dict[str, Box[Blob]], tuple[int, Blob], list[tuple[Blob, ...]], Album]

    assert not any(shape_of(annotation).has_blobs for annotation in without)
    assert all(shape_of(annotation).has_blobs for annotation in within)


@dataclass
class Album:
    name: str
    within: Album | None = None
    photos: list[Blob] = field(default_factory=list)


def test_the_blobs_of_a_value_are_listed_in_order_of_place() -> None:
    blobs = [Blob.from_bytes(bytes([at])) for at in range(4)]
    album = Album("a", Album("b", None, blobs[:2]), blobs[2:])

    assert shape_of(Album).blobs(album) == blobs
    assert shape_of(dict[str, Album | str]).blobs({"a": album, "b": "no"}) == blobs
    assert shape_of(Book).blobs(Book("B")) == []


def test_decoded_blobs_are_bound_to_the_opener() -> None:
    kept = {raw_id(b"one"): b"one"}

    def opener(cid: Cid) -> io.BytesIO:
        return io.BytesIO(kept[cid])

    shape = shape_of(tuple[Blob, ...])
    encoded = shape.encode((Blob.from_bytes(b"one"),))

    assert shape.decode(encoded, opener)[0].bytes() == b"one"
    with pytest.raises(BlobOutOfReach, match=cid_text(raw_id(b"one"))):
        shape.decode(encoded)[0].bytes()


def test_a_blob_is_kept_as_a_link_with_its_type_and_size() -> None:
    assert shape_of(Blob).to_plain(PNG) == {"blob": link(PNG.id), "media": "image/png", "size": 8}


# Ways to write a type


def test_shapes_are_made_once() -> None:
    assert shape_of(Topic) is shape_of(Topic)
    assert shape_of(tuple[Topic, ...]) is shape_of(tuple[Topic, ...])
    assert repr(shape_of(dict[str, Topic])) == "Shape(dict[str, Topic])"


def test_a_dataclass_made_inside_a_function_may_refer_to_itself() -> None:
    @dataclass(frozen=True)
    class Tree:
        leaf: int
        below: tuple[Tree, ...] = ()
        side: typing_extensions.Self | None = None

    tree = Tree(1, (Tree(2),), Tree(3))

    assert shape_of(Tree).decode(shape_of(Tree).encode(tree)) == tree


def test_fields_without_a_place_in_the_constructor_are_kept_too() -> None:
    draft = Draft(["two words"])
    draft.words = 99

    assert shape_of(Draft).decode(shape_of(Draft).encode(draft)) == draft


def test_a_class_with_hooks_that_tells_its_form_needs_no_tag_beside_other_forms() -> None:
    class Short(Handle[T]):
        __weft_forms__ = ("text",)

    assert shape_of(Short[Book] | None).to_plain(Short("h", "Book")) == "h"
    assert shape_of(Short[Book] | None).to_plain(None) is None
    assert shape_of(Short[Book] | str).to_plain(Short("h", "Book")) == {"$": "Short[Book]", "value": "h"}


def test_a_renamed_struct_field_is_kept_under_its_wire_name() -> None:
    assert shape_of(Cat).to_plain(Cat("Tom")) == {"fullName": "Tom"}


def test_pydantic_models_are_kept_and_checked_by_their_own_rules() -> None:
    pydantic = require_module("pydantic")

    model: Any = pydantic.BaseModel
    root: Any = pydantic.RootModel

    class Person(model):  # type: ignore[misc]
        name: str
        age: int = pydantic.Field(default=0, ge=0, alias="years")
        friends: tuple[Person, ...] = ()

    class Names(root[list[str]]):  # type: ignore[misc]
        pass

    class Loose(model):  # type: ignore[misc]
        model_config: ClassVar[dict[str, str]] = {"extra": "allow"}

    person = Person(name="Ada", years=36, friends=(Person(name="Charles"),))

    assert shape_of(Person).decode(shape_of(Person).encode(person)) == person
    assert shape_of(Person | Book).decode(shape_of(Person | Book).encode(person)) == person
    assert shape_of(Names).decode(shape_of(Names).encode(Names(["a"]))) == Names(["a"])
    with pytest.raises(Undecodable, match="greater than or equal to 0"):
        shape_of(Person).decode(encode({"name": "Ada", "age": -1}))
    with pytest.raises(Undecodable, match="name does not decode as str: it is nothing"):
        shape_of(Person).decode(encode({}))
    with pytest.raises(Unencodable, match="would be lost"):
        shape_of(Loose)


def test_making_shapes_does_not_import_pydantic() -> None:
    program = """
import sys, dataclasses, weft.value
made = dataclasses.make_dataclass("Made", [("x", int)])
weft.value.shape_of(made).encode(made(1))
sys.exit("pydantic" in sys.modules)
"""

    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


@pytest.mark.skipif(sys.version_info < (3, 12), reason="the syntax is of Python 3.12")
def test_type_statements_and_type_parameters_in_brackets_are_understood(monkeypatch: pytest.MonkeyPatch) -> None:
    program = """
from __future__ import annotations
from dataclasses import dataclass
type Tree = int | list[Tree]
type Two[A] = tuple[A, A]
@dataclass(frozen=True)
class Crate[A]:
    content: A
    two: Two[A] | None = None
    below: tuple[Crate[A], ...] = ()
"""
    written: Any = ModuleType("written")
    monkeypatch.setitem(sys.modules, "written", written)
    exec(program, vars(written))
    crate = written.Crate

    for annotation, value in [
        (written.Tree, [1, [2, [3]]]),
        (written.Two[str], ("a", "b")),
        (crate[int], crate(1, (2, 3), (crate(4),))),
    ]:
        assert shape_of(annotation).decode(shape_of(annotation).encode(value)) == value


def test_shapes_made_at_once_by_many_threads_are_one() -> None:
    from concurrent.futures import ThreadPoolExecutor

    cls = make_dataclass("Shared", [("x", int), ("y", list[str])])
    with ThreadPoolExecutor(8) as pool:
        shapes = list(pool.map(shape_of, [cls] * 64))

    assert len({id(shape) for shape in shapes}) == 1
    assert dataclasses.is_dataclass(shapes[0].annotation)
