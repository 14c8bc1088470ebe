"""A form: a type, what may be answered as JSON, and the way from an answer to a value and back.

Knows nothing of who asks or answers.
Invariant: what `read` returns was made by its type from what its schema allows, and can be kept.
Source: JSON Schema 2020-12; the forms of web frameworks, made from types.
"""

from __future__ import annotations

from typing import Any, Generic, TypeVar

from weft.content import Plain
from weft.errors import Undecodable, Unencodable
from weft.flow import Secret
from weft.form.blank import Blank, Keep, UnfitAnswer
from weft.form.check import Json, Misfit
from weft.form.schema import schema_of
from weft.value import shape_of
from weft.value.annotation import name_of

T = TypeVar("T")
_GONE = object()


class Form(Generic[T]):
    """A type as data. Raises `NoSchema` for a type that nobody could fill in."""

    __slots__ = ("_shape", "blank", "type")

    def __init__(self, form: type[T]) -> None:
        self.type = form
        self.blank = Blank(name_of(form), schema_of(form))
        self._shape = shape_of(form)

    @property
    def name(self) -> str:
        """What it is called."""
        return self.blank.name

    @property
    def schema(self) -> Json:
        """Its JSON Schema, of the draft 2020-12."""
        return self.blank.schema

    @property
    def has_secrets(self) -> bool:
        """Whether it asks for what is kept outside."""
        return self.blank.has_secrets

    def read_json(self, text: str | bytes, keep: Keep | None = None) -> T:
        """The value that an answer as JSON stands for. Raises `UnfitAnswer`."""
        return self.read(self.blank.parse(text), keep)

    def read(self, answer: Plain, keep: Keep | None = None) -> T:
        """The same, of JSON that has been parsed. `keep` is called last, and not at all where anything does not fit."""
        self.blank.check(answer, keep)
        texts: dict[str, str] = {}

        def look(place: str, text: str) -> Secret:
            texts[place] = text
            return Secret(place)

        value = self.told(self.blank.taken(answer, look))
        return value if keep is None or not texts else self.told(self.blank.taken(answer, keep))

    def told(self, plain: Plain) -> T:
        """The value that was told for an answer: secrets by reference. Raises `UnfitAnswer`."""
        try:
            value: T = self._shape.from_plain(plain)
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

    def tell(self, value: T) -> Plain:
        """A value, as an answer is told. Raises `Unencodable`."""
        self._shape.encode(value)
        return self._shape.to_plain(value)

    def encode(self, value: T) -> Plain:
        """A value as an answer that would be read as it, less its secrets: their fields are left out, and elsewhere
        null is in their place. Raises `Unencodable`."""
        plain = self._shown(self.schema, self._shape.to_plain(value))
        return None if plain is _GONE else plain

    def _shown(self, schema: Json, plain: Any) -> Any:
        schema = self.blank.checker.resolved(schema)
        if "anyOf" in schema:
            branches = schema["anyOf"]
            if plain is not None and any("writeOnly" in each for each in branches):
                return _GONE
            found = self.blank.checker.branch(branches, plain)
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
