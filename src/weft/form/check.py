"""What in an answer does not fit a schema, place by place, in words for who gave it.

It reads the part of JSON Schema that `schema` writes. Of an answer to a form with secrets no text is ever repeated.

Knows nothing of types.
Invariant: there is no misfit exactly when the answer fits the schema, its formats included.
Source: JSON Schema 2020-12; compilers that suggest the nearest name.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import islice
from typing import Any

from weft.content import Plain
from weft.spelling import nearest, with_article
from weft.value.kind import TAG

Json = dict[str, Any]
MISFITS_MAX = 20
"""How many are told of one answer."""
_SHOWN = 40
_DURATION = re.compile(r"(-?)P(?:(\d+)W)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)(?:\.(\d+))?S)?)?", re.ASCII)
_NOUNS = {
    "null": "nothing (null)", "boolean": "true or false", "integer": "a whole number", "number": "a number",
    "string": "a text", "array": "a list", "object": "an object",
}  # fmt: skip
_EXAMPLES = {
    "date": "a date, as in 2026-01-31", "date-time": "a moment, as in 2026-01-31T18:00:00Z",
    "time": "a time of day, as in 18:00", "duration": "a span of time, as in PT90S or P1DT12H",
    "decimal": "a number as text, as in '1.50'", "uuid": "a UUID", "password": "a secret, as text",
}  # fmt: skip

_BOUNDS = {
    "minimum": "at least", "exclusiveMinimum": "more than", "maximum": "at most", "exclusiveMaximum": "less than",
    "multipleOf": "a multiple of",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Misfit:
    """One place of an answer that does not fit: what is there, what is wanted, and what may have been meant."""

    place: str
    found: str
    wanted: str
    hint: str = ""

    def __str__(self) -> str:
        """`every: 'dya' where one of 'day', 'week' is wanted: did you mean 'day'?`."""
        return f"{self.place or 'the answer'}: {self.found} where {self.wanted} is wanted" + (
            f" ({self.hint})" if self.hint else ""
        )


def _fits(pattern: str, text: str) -> bool:
    """Whether a text fits a pattern of JSON Schema, in which `$` is the end alone; Python's is before a last newline
    too."""
    if pattern.endswith("$") and not pattern.endswith("\\$"):
        pattern = pattern[:-1] + r"\Z"
    return re.search(pattern, text) is not None


def span_of(text: str) -> timedelta:
    """A duration of ISO 8601, of weeks or of days and less. Raises ValueError or OverflowError."""
    if not (found := _DURATION.fullmatch(text)):
        raise ValueError("no duration")
    weeks, days, hours, minutes, seconds = (int(each or 0) for each in found.groups()[1:6])
    micros = int((found[7] or "").ljust(6, "0")[:6])
    span = timedelta(
        weeks=weeks, days=days, hours=hours, minutes=minutes, seconds=seconds, microseconds=micros
    )  # fmt: skip
    return -span if found[1] else span


_FORMATS: dict[str, Callable[[str], object]] = {
    "date": date.fromisoformat, "date-time": datetime.fromisoformat, "time": time.fromisoformat, "duration": span_of,
}  # fmt: skip


class Checker:
    """Holds answers against one schema."""

    def __init__(self, schema: Json) -> None:
        self._root = schema
        self._is_secret = "'writeOnly': True" in repr(schema)
        """Whether anything in it is a secret: one that is given in another place than its own is not repeated."""

    def misfits(self, answer: Plain) -> tuple[Misfit, ...]:
        """What does not fit, in the order of the schema; the first `MISFITS_MAX`."""
        return tuple(islice(self._at(self._root, answer, ""), MISFITS_MAX))

    def resolved(self, schema: Json) -> Json:
        """What a reference leads to, with what is said beside it."""
        while "$ref" in schema:
            target = self._root["$defs"][schema["$ref"].rpartition("/")[2]]
            schema = {**target, **{key: one for key, one in schema.items() if key != "$ref"}}
        return schema

    def branch(self, schemas: list[Json], answer: Plain) -> Json | None:
        """Of several schemas the one that an answer is meant for; None where it is for none."""
        able = [each for each in schemas if self._is_for(self.resolved(each), answer)]
        if len(able) < 2 or isinstance(answer, (list, dict)):
            # Lists and objects say which they are of. To look into each of them twice would double at every level.
            return able[0] if able else None
        return next((each for each in able if not any(self._at(each, answer, ""))), able[0])

    def _is_for(self, schema: Json, answer: Plain) -> bool:
        if "anyOf" in schema:
            return any(self._is_for(self.resolved(each), answer) for each in schema["anyOf"])
        if "enum" in schema:
            return any(_is_same(each, answer) for each in schema["enum"])
        if isinstance(answer, dict) and TAG in schema.get("properties", {}):
            return bool(answer.get(TAG) == schema["properties"][TAG]["const"])
        return "type" not in schema or _is_type(answer, schema["type"])

    def _at(self, schema: Json, answer: Plain, place: str) -> Iterator[Misfit]:
        schema = self.resolved(schema)
        if "anyOf" in schema:
            yield from self._any(schema, answer, place)
            yield from _bounds(schema, answer, place)
        elif "const" in schema or "enum" in schema:
            choices = [schema["const"]] if "const" in schema else schema["enum"]
            if not any(_is_same(each, answer) for each in choices):
                yield Misfit(place, self._shown(answer), wanted_of(schema), _meant(answer, choices))
        elif "type" in schema and not _is_type(answer, schema["type"]):
            yield Misfit(place, self._shown(answer), wanted_of(schema))
        elif isinstance(answer, str):
            yield from _text(schema, answer, place, self._shown(answer))
        elif isinstance(answer, list):
            yield from self._list(schema, answer, place)
        elif isinstance(answer, dict):
            yield from self._object(schema, answer, place)
        else:
            yield from _bounds(schema, answer, place)

    def _shown(self, value: object) -> str:
        return shown(value, is_secret=self._is_secret)

    def _any(self, schema: Json, answer: Plain, place: str) -> Iterator[Misfit]:
        if (found := self.branch(schema["anyOf"], answer)) is not None:
            yield from self._at(found, answer, place)
            return
        branches = [self.resolved(each) for each in schema["anyOf"]]
        tags = [each["properties"][TAG]["const"] for each in branches if TAG in each.get("properties", {})]
        if isinstance(answer, dict) and tags:
            said = answer.get(TAG)
            what = self._shown(said) if TAG in answer else "nothing"
            hint = _meant(said, tags) if TAG in answer else ""
            yield Misfit(f"{place}.{TAG}".lstrip("."), what, f"one of {', '.join(map(repr, tags))}", hint)
            return
        choices = [one for each in branches for one in each.get("enum", ())]
        wanted = " or ".join(dict.fromkeys(map(wanted_of, branches)))
        hint = _meant(answer, choices) if choices and isinstance(answer, str) else ""
        yield Misfit(place, self._shown(answer), wanted, hint)

    def _list(self, schema: Json, answer: list[Plain], place: str) -> Iterator[Misfit]:
        least, most = schema.get("minItems", 0), schema.get("maxItems")
        if len(answer) < least or (most is not None and len(answer) > most):
            yield Misfit(place, shown(answer), f"a list of {_between(least, most)}")
            return
        if schema.get("uniqueItems") and len({repr(_key(one)) for one in answer}) != len(answer):
            yield Misfit(place, "an item twice", "each item once")
        places = schema.get("prefixItems", ())
        for at, one in enumerate(answer):
            yield from self._at(places[at] if at < len(places) else schema.get("items", {}), one, f"{place}[{at}]")

    def _object(self, schema: Json, answer: dict[str, Plain], place: str) -> Iterator[Misfit]:
        properties, others = schema.get("properties", {}), schema.get("additionalProperties", {})
        for name in schema.get("required", ()):
            if name not in answer:
                yield Misfit(_field(place, name), "nothing", wanted_of(self.resolved(properties[name])))
        least, most = schema.get("minProperties", 0), schema.get("maxProperties")
        if len(answer) < least or (most is not None and len(answer) > most):
            yield Misfit(place, f"an object of {len(answer)}", f"an object of {_between(least, most)}")
        for name, one in answer.items():
            if name in properties:
                yield from self._at(properties[name], one, _field(place, name))
            elif others is False:
                where = place if self._is_secret else _field(place, name[:_SHOWN])
                yield Misfit(where, "a field", "no other field", nearest(name, properties))
            else:
                yield from self._at(schema.get("propertyNames", {}), name, f"the key of {_field(place, name[:_SHOWN])}")
                yield from self._at(others, one, _field(place, name[:_SHOWN]))


def shown(value: object, *, is_secret: bool = False) -> str:
    """What was found, in few words; of a secret only what kind of thing it is."""
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        return f"a list of {len(value)}"
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if is_secret:
        return "a text" if isinstance(value, str) else "a number"
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def wanted_of(schema: Json) -> str:
    """What a schema wants, in words."""
    if "const" in schema:
        return repr(schema["const"])
    if "enum" in schema:
        return f"one of {', '.join(map(shown, schema['enum']))}"
    if "anyOf" in schema:
        return " or ".join(dict.fromkeys(map(wanted_of, schema["anyOf"])))
    if "$ref" in schema:
        return with_article(schema["$ref"].rpartition("/")[2].removesuffix("_tagged"))
    if "properties" in schema:
        return with_article(str(schema.get("title", "object")))
    return _EXAMPLES.get(schema.get("format", "")) or _NOUNS.get(schema.get("type", ""), "any value")


def _text(schema: Json, answer: str, place: str, found: str) -> Iterator[Misfit]:
    least, most = schema.get("minLength", 0), schema.get("maxLength")
    if len(answer) < least or (most is not None and len(answer) > most):
        yield Misfit(place, f"a text of {len(answer)} characters", f"one of {_between(least, most)}")
    elif "pattern" in schema and not _fits(schema["pattern"], answer):
        is_ours = schema.get("format") in _EXAMPLES
        yield Misfit(place, found, wanted_of(schema) if is_ours else f"a text that fits {schema['pattern']}")
    elif (reads := _FORMATS.get(schema.get("format", ""))) is not None:
        try:
            reads(answer)
        except (ValueError, OverflowError):
            yield Misfit(place, found, wanted_of(schema))


def _meant(answer: object, choices: list[Any]) -> str:
    """Which of these it is near to; nothing where it is near to none, as which there are is said already."""
    hint = nearest(answer, choices)
    return hint if hint.startswith("did you mean ") else ""


def _bounds(schema: Json, answer: Any, place: str) -> Iterator[Misfit]:
    if isinstance(answer, bool) or not isinstance(answer, (int, float)):
        return
    for keyword, words in _BOUNDS.items():
        if keyword in schema and not _holds(keyword, answer, schema[keyword]):
            yield Misfit(place, shown(answer), f"{words} {schema[keyword]}")


def _holds(keyword: str, answer: float, bound: float) -> bool:
    match keyword:
        case "minimum":
            return answer >= bound
        case "exclusiveMinimum":
            return answer > bound
        case "maximum":
            return answer <= bound
        case "exclusiveMaximum":
            return answer < bound
        case _:
            return answer % bound == 0


def _is_type(value: object, name: str) -> bool:
    if name in ("integer", "number"):
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            return False
        return name == "number" or value == value // 1
    classes = {"null": type(None), "boolean": bool, "string": str, "array": list, "object": dict}
    return isinstance(value, classes[name])


def _is_same(one: object, other: object) -> bool:
    return isinstance(one, bool) == isinstance(other, bool) and bool(one == other)


def _key(value: Any) -> object:
    """Equal for equal JSON: 1 is 1.0, and true is neither."""
    if isinstance(value, list):
        return [_key(one) for one in value]
    if isinstance(value, dict):
        return sorted((name, _key(one)) for name, one in value.items())
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _between(least: int, most: int | None) -> str:
    if most is None:
        return f"at least {least}"
    return f"{most}" if least == most else f"{least} to {most}" if least else f"at most {most}"


def _field(place: str, name: str) -> str:
    return f"{place}.{name}".lstrip(".") if name.isidentifier() else f"{place}[{name!r}]"
