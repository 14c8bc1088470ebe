"""A form: a type, what may be answered as JSON, and the way from an answer to a value and back.

A secret in an answer is text. `read` gives each to `keep`, once all else fits, and the value holds the reference that
comes back. An answer cannot name a secret itself: who fills in a form must not be able to point at another's.

Knows nothing of who asks or answers.
Invariant: what `read` returns was made by its type from what its schema allows, and can be kept.
Source: JSON Schema 2020-12; HTML's password fields, which are written and never shown.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeAlias, TypeVar

from weft.content import Plain
from weft.errors import Undecodable, Unencodable, WeftError
from weft.flow import Secret
from weft.form.answer import OutOfBounds, check_bounds, parse_answer
from weft.form.check import Checker, Json, Misfit, span_of
from weft.form.schema import schema_of
from weft.value import shape_of
from weft.value.annotation import name_of

T = TypeVar("T")
Keep: TypeAlias = Callable[[str, str], Secret]
"""What keeps a secret: given its place in the answer and its value, it returns the reference."""
_GONE = object()


class UnfitAnswer(WeftError):
    """The answer is not a {form}: {why}."""

    form: str
    why: str
    misfits: tuple[Misfit, ...] = ()
    """The places that do not fit, where it is known which."""


class Form(Generic[T]):
    """A type as data. Raises `NoSchema` for a type that nobody could fill in."""

    __slots__ = ("_checker", "_shape", "has_secrets", "name", "schema")

    def __init__(self, form: type[T]) -> None:
        self.name = name_of(form)
        self.schema: Json = schema_of(form)
        """Its JSON Schema, of the draft 2020-12."""
        self.has_secrets = "'writeOnly': True" in repr(self.schema)
        self._shape = shape_of(form)
        self._checker = Checker(self.schema)

    def read_json(self, text: str | bytes, keep: Keep | None = None) -> T:
        """The value that an answer as JSON stands for. Raises `UnfitAnswer`."""
        try:
            answer = parse_answer(text)
        except OutOfBounds as refused:
            why = str(refused)
        else:
            return self.read(answer, keep)
        raise UnfitAnswer(form=self.name, why=why)

    def read(self, answer: Plain, keep: Keep | None = None) -> T:
        """The same, of JSON that has been parsed. `keep` is called last, and not at all where anything does not fit."""
        if self.has_secrets and keep is None:
            raise TypeError(f"the form {self.name} asks for secrets: say what keeps them, read(answer, keep)")
        try:
            check_bounds(answer)
        except OutOfBounds as refused:
            raise UnfitAnswer(form=self.name, why=str(refused)) from None
        if found := self._checker.misfits(answer):
            raise UnfitAnswer(form=self.name, why="; ".join(map(str, found)), misfits=found)
        texts: dict[str, str] = {}

        def look(place: str, text: str) -> Secret:
            texts[place] = text
            return Secret(place)

        value = self._made(answer, look)
        return value if keep is None or not texts else self._made(answer, keep)

    def encode(self, value: T) -> Plain:
        """A value as an answer that would be read as it, less its secrets: their fields are left out, and elsewhere
        null is in their place. Raises `Unencodable`."""
        plain = self._shown(self.schema, self._shape.to_plain(value))
        return None if plain is _GONE else plain

    def _made(self, answer: Plain, keep: Keep) -> T:
        try:
            value: T = self._shape.from_plain(self._taken(self.schema, answer, "", keep))
            self._shape.encode(value)
        except Undecodable as refused:
            place = "" if refused.where == "the value" else refused.where.lstrip(".")
            misfit = Misfit(place, "what does not fit together", f"a {refused.wanted}", refused.why)
            why = f"{place or 'the answer'} does not make a {refused.wanted}: {refused.why}"
        except Unencodable as refused:
            misfit = Misfit(refused.where, refused.what, "what can be kept", refused.why)
            why = f"{refused.where}: {refused.why}"
        else:
            return value
        raise UnfitAnswer(form=self.name, why=why, misfits=(misfit,))

    def _taken(self, schema: Json, answer: Any, place: str, keep: Keep) -> Plain:
        """What is kept for an answer that fits: whole numbers as such, spans in one notation, secrets by reference."""
        schema = self._checker.resolved(schema)
        if "anyOf" in schema:
            found = self._checker.branch(schema["anyOf"], answer)
            assert found is not None
            return self._taken(found, answer, place, keep)
        if "writeOnly" in schema:
            return shape_of(Secret).to_plain(keep(place, answer))
        if isinstance(answer, list):
            places = schema.get("prefixItems", ())
            return [
                self._taken(places[at] if at < len(places) else schema.get("items", {}), one, f"{place}[{at}]", keep)
                for at, one in enumerate(answer)
            ]
        if isinstance(answer, dict):
            known, others = schema.get("properties", {}), schema.get("additionalProperties", {})
            return {
                name: self._taken(known.get(name, others), one, f"{place}.{name}".lstrip("."), keep)
                for name, one in answer.items()
            }
        if (kind := schema.get("type")) in ("integer", "number"):
            return int(answer) if kind == "integer" else float(answer)
        return shape_of(type(span)).to_plain(span) if (span := _span(schema, answer)) is not None else answer

    def _shown(self, schema: Json, plain: Any) -> Any:
        schema = self._checker.resolved(schema)
        if "anyOf" in schema:
            branches = schema["anyOf"]
            if plain is not None and any("writeOnly" in each for each in branches):
                return _GONE
            found = self._checker.branch(branches, plain)
            # With a secret in it, it fits none as it is.
            return plain if found is None else self._shown(found, plain)
        if "writeOnly" in schema:
            return _GONE
        if isinstance(plain, list):
            places = schema.get("prefixItems", ())
            rows = (
                self._shown(places[at] if at < len(places) else schema.get("items", {}), one)
                for at, one in enumerate(plain)
            )
            return [None if one is _GONE else one for one in rows]
        if isinstance(plain, dict):
            known, others = schema.get("properties", {}), schema.get("additionalProperties", {})
            inner = {name: self._shown(known.get(name, others), one) for name, one in plain.items()}
            return {name: one for name, one in inner.items() if one is not _GONE}
        return plain


def _span(schema: Json, answer: object) -> Any:
    return span_of(answer) if schema.get("format") == "duration" and isinstance(answer, str) else None
