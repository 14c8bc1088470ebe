"""Forms: types as JSON Schema, and answers as values of them or as a list of what does not fit."""

from __future__ import annotations

import json
import traceback
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any, Generic, Literal, NamedTuple, TypedDict, TypeVar
from uuid import UUID

import jsonschema
import msgspec
import pydantic
import pytest

from weft.blob import Blob
from weft.examples.mail.types import Where
from weft.flow import Secret
from weft.form import DEPTH_MAX, JSON_BYTES_MAX, NODES_MAX, Form, NoSchema, UnfitAnswer
from weft.form.answer import OutOfBounds, parse_answer
from weft.form.check import MISFITS_MAX, Checker, span_of

CANARY = "canary-7f3a9"
T = TypeVar("T")


@dataclass(frozen=True)
class Login:
    """Where mail is fetched from."""

    user: str
    """As the provider knows you."""
    password: Secret


@dataclass(frozen=True)
class Search:
    words: str


@dataclass(frozen=True)
class Remind:
    text: str
    after: timedelta


@dataclass(frozen=True)
class Done:
    pass


@dataclass(frozen=True)
class Next:
    reason: str
    do: Search | Remind | Done


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


class Wishes(msgspec.Struct, frozen=True):
    every: Literal["day", "week"]
    skip: tuple[str, ...] = ()
    count: Annotated[int, msgspec.Meta(ge=1, description="How many.")] = 3
    colour: Colour | None = None
    names: Annotated[list[str], msgspec.Meta(max_length=2)] = []
    at: dict[str, Annotated[int, msgspec.Meta(lt=10)]] = {}


class Rated(pydantic.BaseModel):
    rating: int = pydantic.Field(ge=3, le=5, description="Stars.")
    title: str = pydantic.Field(default="x", pattern="^[a-z]+$", max_length=4)


@dataclass(frozen=True)
class Chain:
    next: Chain | None = None


@dataclass(frozen=True)
class Box(Generic[T]):
    held: T


class Point(NamedTuple):
    x: int
    y: float = 0.5


class Loose(TypedDict, total=False):
    a: int


@dataclass(frozen=True)
class Watchful:
    low: int
    high: int

    def __post_init__(self) -> None:
        if self.low > self.high:
            raise ValueError("low is above high")


@dataclass(frozen=True)
class Many:
    logins: tuple[Login, ...]
    backup: Secret | None = None
    by_name: Mapping[str, Secret] = field(default_factory=dict)


def kept(place: str, text: str) -> Secret:
    """What keeps nothing: the reference names the place."""
    return Secret(f"kept {place}", len(text))


def test_a_class_is_a_closed_object_with_what_its_author_says_of_it() -> None:
    schema = Form(Login).schema

    assert schema == {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "title": "Login",
        "description": "Where mail is fetched from.",
        "properties": {
            "user": {"title": "User", "type": "string", "description": "As the provider knows you."},
            "password": {
                "title": "Password", "type": "string", "format": "password", "writeOnly": True, "minLength": 1,
            },
        },
        "required": ["user", "password"],
        "additionalProperties": False,
    }  # fmt: skip


def test_defaults_and_bounds_are_said() -> None:
    properties: Any = Form(Wishes).schema["properties"]
    rating: Any = Form(Rated).schema["properties"]

    assert properties["count"] == {
        "title": "Count", "type": "integer", "minimum": 1, "description": "How many.", "default": 3,
    }  # fmt: skip
    assert properties["skip"]["default"] == []
    assert properties["names"]["maxItems"] == 2
    assert properties["at"]["additionalProperties"] == {"type": "integer", "exclusiveMaximum": 10}
    assert rating["rating"] == {
        "title": "Rating", "type": "integer", "minimum": 3, "maximum": 5, "description": "Stars.",
    }  # fmt: skip
    assert rating["title"]["pattern"] == "^[a-z]+$"
    assert rating["title"]["maxLength"] == 4


def test_a_pattern_ends_where_the_text_does() -> None:
    form = Form(Rated)

    assert form.read({"rating": 3, "title": "ab"}) == Rated(rating=3, title="ab")
    for title in ("ab\n", "\nab"):
        with pytest.raises(UnfitAnswer, match="a text that fits"):
            form.read({"rating": 3, "title": title})


def test_a_default_that_is_made_anew_each_time_is_not_said() -> None:
    def made() -> list[int]:
        raise AssertionError("a form calls nothing of its author's")

    @dataclass(frozen=True)
    class Fresh:
        at: list[int] = field(default_factory=made)
        more: list[int] = field(default_factory=list)

    properties: Any = Form(Fresh).schema["properties"]
    assert "default" not in properties["at"]
    assert properties["more"]["default"] == []


@pytest.mark.parametrize(
    ("form", "answer", "value"),
    [
        (Next, '{"reason": "r", "do": {"$": "Search", "words": "w"}}', Next("r", Search("w"))),
        (Next, '{"reason": "r", "do": {"$": "Done"}}', Next("r", Done())),
        (Next, '{"reason": "r", "do": {"$": "Remind", "text": "t", "after": "P1DT1H"}}',
         Next("r", Remind("t", timedelta(hours=25)))),
        (Wishes, '{"every": "day", "colour": "blue"}', Wishes("day", colour=Colour.BLUE)),
        (Wishes, '{"every": "week", "count": 4.0}', Wishes("week", count=4)),
        (Box[int], '{"held": 3}', Box(3)),
        (Chain, '{"next": {"next": null}}', Chain(Chain())),
        (Point, '{"x": 1}', Point(1)),
        (Loose, "{}", {}),
        (bool, "true", True),
        (int | float, "1.5", 1.5),
        (float | None, "0", 0.0),
        (tuple[int, str], '[1, "a"]', (1, "a")),
        (set[int], "[2, 1]", {1, 2}),
        (dict[int, str], '[[1, "a"]]', {1: "a"}),
        (datetime, '"2026-01-31T18:00"', datetime(2026, 1, 31, 18)),  # noqa: DTZ001
        (time, '"18:00"', time(18)),
        (Decimal, '"1.50"', Decimal("1.50")),
        (UUID, '"00000000-0000-0000-0000-000000000001"', UUID(int=1)),
        (object, '{"a": [1, null]}', {"a": [1, None]}),
    ],
)  # fmt: skip
def test_an_answer_that_fits_is_a_value(form: Any, answer: str, value: object) -> None:
    found = Form(form).read_json(answer)

    assert found == value
    assert type(found) is type(value)
    jsonschema.validate(json.loads(answer), Form(form).schema)


def test_what_is_near_to_none_of_several_is_told_once_which_there_are() -> None:
    for form, answer, why in (
        (Wishes, '{"every": "never"}', "every: 'never' where one of 'day', 'week' is wanted"),
        (Next, '{"reason": "", "do": {"$": "Fly"}}', "do.$: 'Fly' where one of 'Search', 'Remind', 'Done' is wanted"),
    ):
        blank = Form(form).blank
        assert [str(one) for one in blank.checker.misfits(blank.parse(answer))] == [why]


@pytest.mark.parametrize(
    ("form", "answer", "says"),
    [
        (Wishes, '{"every": "dya"}', "every: 'dya' where one of 'day', 'week' is wanted (did you mean 'day'?)"),
        (Wishes, "{}", "every: nothing where one of 'day', 'week' is wanted"),
        (Wishes, '{"every": "day", "cuont": 1}', "cuont: a field where no other field is wanted (did you mean"),
        (Wishes, '{"every": "day", "count": 0}', "count: 0 where at least 1 is wanted"),
        (Wishes, '{"every": "day", "count": 1.5}', "count: 1.5 where a whole number"),
        (Wishes, '{"every": "day", "count": true}', "count: true where a whole number"),
        (Wishes, '{"every": "day", "names": ["a", "b", "c"]}', "names: a list of 3 where a list of at most 2"),
        (Wishes, '{"every": "day", "at": {"a b": 10}}', "at['a b']: 10 where less than 10 is wanted"),
        (Wishes, '{"every": "day", "colour": "rde"}', "did you mean 'red'?"),
        (Next, '{"reason": "r", "do": {"$": "Serch"}}',
         "do.$: 'Serch' where one of 'Search', 'Remind', 'Done' is wanted (did you mean 'Search'?)"),
        (Next, '{"reason": "r", "do": {"words": "w"}}', "do.$: nothing where"),
        (Next, '{"reason": "r", "do": {"$": "Done", "words": "w"}}', "do.words: a field where no other field"),
        (Next, '{"reason": 1, "do": 1}', "reason: 1 where a text is wanted; do: 1 where a Search or a Remind"),
        (Rated, '{"rating": 4, "title": "A"}', "title: 'A' where a text that fits ^[a-z]+$ is wanted"),
        (date, '"2026-02-30"', "the answer: '2026-02-30' where a date, as in 2026-01-31 is wanted"),
        (timedelta, '"PT"', "where a span of time"),
        (timedelta, '"P9999999999D"', "where a span of time"),
        (datetime, '"2026-01-31T25:00:00Z"', "where a moment"),
        (set[int], "[1, 1.0]", "an item twice where each item once"),
        (tuple[int, str], "[1]", "a list of 1 where a list of 2"),
        (Watchful, '{"low": 2, "high": 1}', "ValueError: low is above high"),
        (int, str(1 << 70), "more than 64 bits"),
        (int, "1e300", "64 bits"),
        (list[int], "null", "null where a list is wanted"),
        (Literal[1, 2], "true", "true where one of 1, 2 is wanted"),
    ],
)  # fmt: skip
def test_an_answer_that_does_not_fit_is_refused_place_by_place(form: Any, answer: str, says: str) -> None:
    with pytest.raises(UnfitAnswer) as refused:
        Form(form).read_json(answer)

    assert says in str(refused.value)


def test_every_place_that_does_not_fit_is_told_up_to_a_bound() -> None:
    with pytest.raises(UnfitAnswer) as refused:
        Form(list[int]).read([*map(str, range(MISFITS_MAX + 5))])

    assert len(refused.value.misfits) == MISFITS_MAX
    assert [each.place for each in refused.value.misfits[:2]] == ["[0]", "[1]"]


@pytest.mark.parametrize(
    ("form", "why"),
    [
        (bytes, "bytes"), (Blob, "Blob"), (Secret | str, "a secret could not be told from a text"),
        (list[Blob], "Blob"), (Literal[b"x"], "bytes"), (Blob | Login, "Blob"),
    ],
)  # fmt: skip
def test_what_nobody_could_write_as_json_is_no_form(form: Any, why: str) -> None:
    with pytest.raises(NoSchema, match=why):
        Form(form)


# Secrets.


def test_a_secret_is_kept_and_the_value_holds_its_reference() -> None:
    answer = {"logins": [{"user": "a", "password": "one"}], "backup": "three", "by_name": {"x": "four4"}}

    value = Form(Many).read(answer, kept)  # type: ignore[arg-type]

    assert value == Many(
        (Login("a", Secret("kept logins[0].password", 3)),),
        Secret("kept backup", 5),
        {"x": Secret("kept by_name.x", 5)},
    )


def test_nothing_is_kept_of_an_answer_that_does_not_fit() -> None:
    calls: list[str] = []

    def noted(place: str, text: str) -> Secret:
        calls.append(place)
        return Secret(place)

    @dataclass(frozen=True)
    class Guarded:
        password: Secret
        count: int

        def __post_init__(self) -> None:
            if self.count < 0:
                raise ValueError("count is below 0")

    for answer in ('{"password": "x", "count": "y"}', '{"password": "x", "count": -1}'):
        with pytest.raises(UnfitAnswer):
            Form(Guarded).read_json(answer, noted)
    assert calls == []
    assert Form(Guarded).read_json('{"password": "x", "count": 1}', noted).count == 1
    assert calls == ["password"]


def test_an_answer_cannot_name_a_secret() -> None:
    with pytest.raises(UnfitAnswer, match="password: an object where a secret"):
        Form(Login).read({"user": "a", "password": {"name": "mail", "generation": 1}}, kept)


def test_a_form_with_secrets_is_not_read_without_what_keeps_them() -> None:
    assert Form(Login).has_secrets
    assert not Form(Next).has_secrets
    with pytest.raises(TypeError, match="say what keeps them"):
        Form(Login).read({"user": "a", "password": "x"})


@pytest.mark.parametrize(
    ("form", "answer"),
    [
        (Login, f'{{"user": 1, "password": "{CANARY}"}}'), (Login, f'{{"user": "a", "password": ["{CANARY}"]}}'),
        (Login, f'{{"user": "a", "password": "{CANARY}"'), (Login, f'{{"user": "a", "pasword": "{CANARY}"}}'),
        (Annotated[Secret, msgspec.Meta(max_length=3)], f'"{CANARY}"'),
        (Annotated[Secret, msgspec.Meta(pattern="^x")], f'"{CANARY}"'),
        (Login, f'{{"user": "a", "password": "{CANARY}\\ud800"}}'), (Login, f'"{CANARY}"' * 2),
        (Login, f'"{CANARY}"'), (Login | Search, f'"{CANARY}"'), (Many, f'{{"logins": "{CANARY}"}}'),
        (tuple[Secret, ...], f'"{CANARY}"'), (Mapping[str, Secret], f'"{CANARY}"'),
        (Login, f'{{"user": "a", "password": "p", "{CANARY}": 1}}'), (Many, f'{{"logins": [{{"{CANARY}": 1}}]}}'),
        (Where, f'{{"kind": "{CANARY}", "place": "x"}}'), (Login | Search, f'{{"$": "{CANARY}"}}'),
    ],
)  # fmt: skip
def test_a_refusal_repeats_no_secret(form: Any, answer: str) -> None:
    with pytest.raises(UnfitAnswer) as refused:
        Form(form).read_json(answer, kept)

    told = [*traceback.format_exception(refused.value), repr(refused.value.misfits), str(refused.value)]
    assert [each for each in told if CANARY in each] == []
    assert refused.value.__context__ is None or CANARY not in repr(vars(refused.value.__context__))


def test_a_value_is_shown_without_its_secrets() -> None:
    value = Many((Login("a", Secret("x")),), Secret("y"), {"z": Secret("z")})

    assert Form(Many).encode(value) == {"logins": [{"user": "a"}], "by_name": {}}
    assert Form(tuple[Secret, int]).encode((Secret("x"), 1)) == [None, 1]
    assert Form(Secret).encode(Secret("x")) is None


def test_a_default_that_is_a_secret_is_not_said() -> None:
    @dataclass(frozen=True)
    class Known:
        key: Secret = field(default=Secret(CANARY))

    assert CANARY not in json.dumps(Form(Known).schema)


# Bounds.


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("[" * 10_000, f"deeper than {DEPTH_MAX}"), ("[" * 100 + "]" * 100, f"deeper than {DEPTH_MAX}"),
        ('"' + "x" * JSON_BYTES_MAX + '"', "bytes, more than"), (f"[{'0,' * NODES_MAX}0]", "values"),
        ('{"a": 1, "a": 2}', "a key twice"), ("NaN", "not finite"), ("1e999", "not finite"),
        ("-Infinity", "not finite"),
        ("1" * 5000, "64 bits"), ("18446744073709551616", "64 bits"), (b"\xff", "not Unicode"),
        ('"\\ud800"', "not Unicode"), ("{", "it is not JSON"), ("", "it is not JSON"), ("\udc80", "not Unicode"),
    ],
)  # fmt: skip
def test_an_answer_beyond_bounds_is_read_no_further(text: str | bytes, why: str) -> None:
    with pytest.raises(OutOfBounds, match=why):
        parse_answer(text)
    with pytest.raises(UnfitAnswer, match=why):
        Form(object).read_json(text)


def test_an_answer_within_bounds_is_read() -> None:
    assert parse_answer("[" * DEPTH_MAX + "]" * DEPTH_MAX)
    assert len(parse_answer(f"[{'0,' * (NODES_MAX - 2)}0]")) == NODES_MAX - 1  # type: ignore[arg-type]
    assert parse_answer("18446744073709551615") == (1 << 64) - 1


def test_what_was_parsed_elsewhere_is_bounded_too() -> None:
    loop: list[Any] = []
    loop.append(loop)

    for answer, why in (
        (loop, "deeper"), ({1: 2}, "a key of it is no text"), ((1,), "tuple, which is not JSON"),
        (float("nan"), "not finite"), ("x" * (JSON_BYTES_MAX + 1), "bytes"), (["é" * JSON_BYTES_MAX], "bytes"),
    ):  # fmt: skip
        with pytest.raises(UnfitAnswer, match=why):
            Form(object).read(answer)  # type: ignore[arg-type]


def test_types_within_types_are_looked_into_once(monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[str] = []
    real = Checker._at

    def counted(self: Checker, schema: Any, answer: Any, place: str) -> Any:
        looks.append(place)
        return real(self, schema, answer, place)

    monkeypatch.setattr(Checker, "_at", counted)
    answer: Any = None
    for _ in range(12):
        answer = {"next": answer}
    Form(Chain).read(answer)

    assert len(looks) < 50


@pytest.mark.parametrize(
    ("text", "span"),
    [("PT90S", timedelta(seconds=90)), ("P1W", timedelta(weeks=1)), ("P1DT2H3M4.5S", timedelta(1, 7384, 500_000)),
     ("-PT1M", timedelta(minutes=-1)), ("PT0.000001S", timedelta(microseconds=1))],
)  # fmt: skip
def test_spans_of_time_are_read_in_every_notation(text: str, span: timedelta) -> None:
    assert span_of(text) == span
    assert Form(timedelta).read(text) == span
