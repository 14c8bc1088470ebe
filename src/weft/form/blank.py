"""A blank: what may be answered as JSON, by its schema alone, and what an answer is told as.

Whoever answers need not have the type: its schema stands where the question is. A secret in an answer is text. `fill`
gives each to `keep`, once all else fits, and what is told holds the reference that comes back. An answer cannot name a
secret itself: who fills in a form must not be able to point at another's.

Knows nothing of types, and of who asks or answers.
Invariant: what `fill` returns fits the schema, and holds no secret's value.
Source: JSON Schema 2020-12; HTML's password fields, which are written and never shown.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from weft.content import Plain
from weft.errors import WeftError
from weft.flow import Secret
from weft.form.answer import OutOfBounds, check_bounds, parse_answer
from weft.form.check import Checker, Json, Misfit, span_of
from weft.value import shape_of

Keep: TypeAlias = Callable[[str, str], Secret]
"""What keeps a secret: given its place in the answer and its value, it returns the reference."""


class UnfitAnswer(WeftError):
    """The answer is no {form}: {why}."""

    form: str
    why: str
    misfits: tuple[Misfit, ...] = ()
    """The places that do not fit, where it is known which."""


class Blank:
    """A form without its type."""

    __slots__ = ("checker", "has_secrets", "name", "schema")

    def __init__(self, name: str, schema: Json) -> None:
        self.name = name
        self.schema: Json = schema
        """Its JSON Schema, of the draft 2020-12."""
        self.has_secrets = "'writeOnly': True" in repr(schema)
        self.checker = Checker(schema)

    def parse(self, text: str | bytes) -> Plain:
        """An answer as JSON. Raises `UnfitAnswer` for what is no JSON, or out of bounds."""
        try:
            return parse_answer(text)
        except OutOfBounds as refused:
            why = str(refused)
        raise UnfitAnswer(form=self.name, why=why)

    def fill(self, answer: Plain, keep: Keep | None = None) -> Plain:
        """What is told for an answer. `keep` is called last, and not at all where anything does not fit. Raises
        `UnfitAnswer`."""
        self.check(answer, keep)
        return self.taken(answer, keep)

    def check(self, answer: Plain, keep: Keep | None) -> None:
        """Raises `UnfitAnswer`."""
        if self.has_secrets and keep is None:
            raise TypeError(f"the form {self.name} asks for secrets: say what keeps them, (answer, keep)")
        try:
            check_bounds(answer)
        except OutOfBounds as refused:
            raise UnfitAnswer(form=self.name, why=str(refused)) from None
        if found := self.checker.misfits(answer):
            raise UnfitAnswer(form=self.name, why="; ".join(map(str, found)), misfits=found)

    def taken(self, answer: Plain, keep: Keep | None) -> Plain:
        """What is kept for an answer that fits: whole numbers as such, spans in one notation, secrets by reference."""
        return self._taken(self.schema, answer, "", keep)

    def _taken(self, schema: Json, answer: Any, place: str, keep: Keep | None) -> Plain:
        schema = self.checker.resolved(schema)
        if "anyOf" in schema:
            found = self.checker.branch(schema["anyOf"], answer)
            assert found is not None
            return self._taken(found, answer, place, keep)
        if "writeOnly" in schema:
            assert keep is not None
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


def _span(schema: Json, answer: object) -> Any:
    return span_of(answer) if schema.get("format") == "duration" and isinstance(answer, str) else None
