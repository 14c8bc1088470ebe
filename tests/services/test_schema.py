"""Forms and the schemas made from them; objects and vectors that the fake model makes."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import Literal

import msgspec
import pydantic
import pytest

from weft.content import Plain
from weft.examples.mail.types import Next, Search
from weft.form import NoSchema, UnfitAnswer
from weft.services.fake_answer import answer_object, answer_text, vector
from weft.services.schema import Form


@dataclass(frozen=True)
class Claim:
    text: str
    stance: Literal["for", "against"]
    strength: float = 0.5


@dataclass(frozen=True)
class Comparison:
    title: str
    claims: tuple[Claim, ...] = ()
    when: date | None = None
    default: int = 1


class Tree(msgspec.Struct):
    name: str
    left: Tree | None = None
    more: list[Tree] = []


class Bounded(msgspec.Struct):
    count: int = msgspec.field(default=0)
    names: dict[str, int] = msgspec.field(default_factory=dict)


class Model(pydantic.BaseModel):
    title: str
    rating: int = pydantic.Field(ge=3, le=5)
    claims: list[Claim] = []


@dataclass(frozen=True)
class Watchful:
    count: int = field()

    def __post_init__(self) -> None:
        if self.count > 0:
            raise ValueError("count must not be positive")


FORMS: list[type] = [Claim, Comparison, Tree, Model, Bounded, tuple[Claim, ...], list[int], str, int | None]  # type: ignore[list-item]


@pytest.mark.parametrize("form", FORMS, ids=str)
def test_an_object_made_for_a_form_fits_it(form: type) -> None:
    asked: Form[object] = Form(form)

    answer = msgspec.json.encode(answer_object(asked.schema, "a question")).decode()

    assert asked.parse(answer) is not None
    assert answer == msgspec.json.encode(answer_object(asked.schema, "a question")).decode()


def test_a_schema_is_an_object_that_requires_everything_and_allows_no_more() -> None:
    schema = Form(Comparison).schema

    assert schema["type"] == "object"
    assert schema["required"] == ["title", "claims", "when", "default"]
    assert schema["additionalProperties"] is False
    defs = schema["$defs"]
    assert isinstance(defs, dict)
    claim = defs["Claim"]
    assert isinstance(claim, dict)
    assert claim["required"] == ["text", "stance", "strength"]
    properties = claim["properties"]
    assert isinstance(properties, dict)
    assert properties["strength"] == {"type": "number"}
    assert Form(Comparison).is_strict
    assert not Form(Bounded).is_strict


def test_an_answer_in_a_code_fence_is_understood() -> None:
    answer = '```json\n{"text": "so", "stance": "for"}\n```'

    assert Form(Claim).parse(answer) == Claim("so", "for")


@pytest.mark.parametrize(
    ("form", "answer", "why"),
    [
        (Claim, "so be it", "malformed"),
        (Claim, '{"text": "so"}', "stance"),
        (Claim, '{"text": "so", "stance": "maybe"}', "maybe"),
        (Claim, "", "truncated"),
        (Claim, "[" * 100_000, ""),
        (Watchful, '{"count": 1}', "count must not be positive"),
        (Model, '{"title": "t", "rating": 9}', "less than or equal to 5"),
        (list[int], "{}", "value"),
        (list[int], '{"value": ["one"]}', "Expected `int`"),
    ],
)
def test_an_answer_that_does_not_fit_is_refused_with_its_reason(form: type, answer: str, why: str) -> None:
    with pytest.raises(UnfitAnswer) as refused:
        Form(form).parse(answer)

    assert why in refused.value.why


def test_a_list_stands_in_an_object_because_endpoints_want_one() -> None:
    form = Form(tuple[int, ...])

    assert form.schema["properties"] == {"value": {"type": "array", "items": {"type": "integer"}}}
    assert form.parse('{"value": [1, 2]}') == (1, 2)


def test_a_type_without_a_schema_is_refused() -> None:
    class Opaque: ...

    with pytest.raises(NoSchema, match="Opaque"):
        Form(Opaque)


@pytest.mark.parametrize(
    ("schema", "made"),
    [
        ({"type": "integer", "minimum": 3, "maximum": 5}, 3),
        ({"type": "integer", "exclusiveMaximum": 0}, -1),
        ({"type": "number", "exclusiveMinimum": 1}, 1.5),
        ({"type": "integer", "maximum": -4}, -4),
        ({"type": "string", "format": "date"}, "2024-01-01"),
        ({"type": ["string", "null"], "maxLength": 3}, "ans"),
        ({"type": "array", "items": {"type": "null"}, "minItems": 2}, [None, None]),
        ({"type": "array", "maxItems": 0}, []),
        ({"allOf": [{"const": 7}]}, 7),
        ({"type": "boolean"}, True),
        (None, None),
    ],
)
def test_bounds_of_a_schema_are_kept(schema: Plain, made: Plain) -> None:
    assert answer_object(schema, "q") == made


def test_short_texts_are_filled_up() -> None:
    assert len(str(answer_object({"type": "string", "minLength": 40}, "q"))) == 40


def test_different_questions_get_different_answers() -> None:
    assert answer_object({"type": "string"}, "a") != answer_object({"type": "string"}, "b")
    assert answer_text("a") != answer_text("b")


def test_texts_that_share_words_have_nearer_vectors() -> None:
    def nearness(a: str, b: str) -> float:
        return sum(x * y for x, y in zip(vector(a, 64), vector(b, 64), strict=True))

    assert nearness("the climate of the sea", "the climate of the land") > nearness("the climate of the sea", "cookery")
    assert nearness("one", "one") == pytest.approx(1.0)
    assert vector("", 4) == vector("", 4)


def test_one_of_several_classes_says_which_it_is() -> None:
    form = Form(Next)

    assert form.is_strict
    assert form.parse('{"reason": "wanted", "do": {"$": "Search", "words": "sea"}}') == Next("wanted", Search("sea"))
    made = answer_object(form.schema, "what next?")
    assert isinstance(made, dict)
    for unfit in ('{"reason": "r", "do": {"words": "sea"}}', '{"reason": "r", "do": {"$": "SendMail", "to": "ann"}}'):
        with pytest.raises(UnfitAnswer, match="Next"):
            form.parse(unfit)
