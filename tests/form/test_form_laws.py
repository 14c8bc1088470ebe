"""Laws of forms, for types and values that nobody chose: `jsonschema` and we agree on what fits, and what was encoded
is read back."""

from __future__ import annotations

import copy
import json
from dataclasses import dataclass, field, make_dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any, Literal, Union
from uuid import UUID

import jsonschema
import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from weft.form import Form, UnfitAnswer

FORMATS = jsonschema.FormatChecker(())
FORMATS.checks("date", ValueError)(lambda text: not isinstance(text, str) or bool(date.fromisoformat(text)))
FORMATS.checks("date-time", ValueError)(lambda text: not isinstance(text, str) or bool(datetime.fromisoformat(text)))
FORMATS.checks("time", ValueError)(lambda text: not isinstance(text, str) or bool(str(time.fromisoformat(text))))


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


class Size(Enum):
    SMALL = 1
    LARGE = 2


@dataclass(frozen=True)
class Drawn:
    """A type, and how values of it are drawn."""

    kind: Any
    values: st.SearchStrategy[Any]
    hashable: bool = field(default=True)


texts = st.text(st.characters(codec="utf-8"), max_size=6)
whole = st.integers(-(2**63), 2**63)
floats = st.floats(allow_nan=False, allow_infinity=False)
ATOMS = [
    Drawn(int, whole), Drawn(bool, st.booleans()), Drawn(str, texts), Drawn(float, floats),
    Drawn(date, st.dates()), Drawn(datetime, st.datetimes(timezones=st.just(UTC)) | st.datetimes()),
    Drawn(time, st.times()), Drawn(timedelta, st.timedeltas()), Drawn(UUID, st.uuids()),
    Drawn(Decimal, st.decimals(allow_nan=False, allow_infinity=False, places=2)),
    Drawn(Colour, st.sampled_from(Colour)), Drawn(Size, st.sampled_from(Size)),
    Drawn(Literal["a", 1, None], st.sampled_from(["a", 1, None])),
]  # fmt: skip
_names = iter(range(10**9))


def of(origin: Any, *parts: Any) -> Any:
    """A generic type with these parts."""
    return origin[parts if len(parts) > 1 else parts[0]]


def _class(draw: st.DrawFn, inner: st.SearchStrategy[Drawn]) -> Drawn:
    parts = draw(st.lists(inner, max_size=3))
    name, fields = f"Class{next(_names)}", {f"field_{at}": each for at, each in enumerate(parts)}
    rows = [(key, each.kind) for key, each in fields.items()]
    cls: Any = (
        make_dataclass(name, rows, frozen=True) if draw(st.booleans()) else msgspec.defstruct(name, rows, frozen=True)
    )
    values = st.builds(lambda **kept: cls(**kept), **{key: each.values for key, each in fields.items()})
    return Drawn(cls, values, all(each.hashable for each in parts))


@st.composite
def kinds(draw: st.DrawFn, depth: int = 2) -> Drawn:
    """A type that forms take."""
    inner = kinds(depth - 1)
    match draw(st.integers(0, 7 if depth else 0)):
        case 1:
            each = draw(inner)
            return Drawn(of(list, each.kind), st.lists(each.values, max_size=3), hashable=False)
        case 2:
            each = draw(inner)
            return Drawn(of(tuple, each.kind, ...), st.lists(each.values, max_size=3).map(tuple), each.hashable)
        case 3:
            one, other = draw(inner), draw(inner)
            return Drawn(
                of(tuple, one.kind, other.kind), st.tuples(one.values, other.values), one.hashable and other.hashable
            )
        case 4:
            each = draw(inner)
            return Drawn(of(Union, each.kind, None), st.none() | each.values, each.hashable)
        case 5:
            members = draw(st.lists(st.composite(_class)(inner), min_size=2, max_size=3))
            union = of(Union, *(each.kind for each in members))
            return Drawn(union, st.one_of([each.values for each in members]), all(each.hashable for each in members))
        case 6:
            each = draw(inner)
            return Drawn(of(dict, str, each.kind), st.dictionaries(texts, each.values, max_size=3), hashable=False)
        case 7:
            return _class(draw, inner)
        case _:
            return draw(st.sampled_from(ATOMS))


ODD: list[Any] = [None, True, 0, -1.5, "", "red", "2026-02-31", [], [1], {}, {"$": "x"}, {"field_0": 1}]


def places(answer: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Where something stands in an answer."""
    rows = answer.items() if isinstance(answer, dict) else enumerate(answer) if isinstance(answer, list) else ()
    return [path, *(inner for key, one in rows for inner in places(one, (*path, key)))]


def changed(answer: Any, path: tuple[Any, ...], to: Any, is_gone: bool) -> Any:
    """The answer with another thing in one place, or nothing."""
    if not path:
        return to
    answer = copy.deepcopy(answer)
    at = answer
    for key in path[:-1]:
        at = at[key]
    if is_gone:
        del at[path[-1]]
    else:
        at[path[-1]] = to
    return answer


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_what_is_encoded_fits_and_is_read_back_and_what_fits_not_is_refused_by_both(data: st.DataObject) -> None:
    drawn = data.draw(kinds())
    form, value = Form(drawn.kind), data.draw(drawn.values)
    oracle = jsonschema.Draft202012Validator(json.loads(json.dumps(form.schema)), format_checker=FORMATS)

    answer = form.encode(value)

    oracle.check_schema(form.schema)
    oracle.validate(answer)
    assert form.read_json(json.dumps(answer)) == value

    path = data.draw(st.sampled_from(places(answer)))
    other = changed(answer, path, data.draw(st.sampled_from(ODD)), data.draw(st.booleans()))
    try:
        again = form.read(other)
    except UnfitAnswer:
        assert not oracle.is_valid(other)
    else:
        oracle.validate(other)
        assert form.read(form.encode(again)) == again
