"""Forms: a user's type as the JSON schema that a model is held to, and a model's words as a value of that type.

The schema is written in the narrow form that endpoints with strict schemas accept: the root is an object, every object
names all its properties as required and allows no others, and there are no defaults.

Knows nothing of models or HTTP.
Invariant: what `parse` returns was decoded and checked against the type itself; the schema only helps a model to get
there.
Source: JSON Schema 2020-12 as msgspec and pydantic write it; OpenAI's structured outputs for what must be narrowed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from typing import Generic, Protocol, TypeVar, cast

import msgspec

from weft.content import Plain
from weft.form import Form as Asked
from weft.form import NoSchema, UnfitAnswer

T = TypeVar("T")
_VALUE = "value"


class Form(Generic[T]):
    """A type, its schema, and the way from a model's words to a value. Raises `NoSchema` for a type that has none."""

    __slots__ = ("_asked", "_is_wrapped", "_type", "is_strict", "name", "schema")

    def __init__(self, form: type[T]) -> None:
        """Make the schema; about 0.1 ms."""
        self._type = form
        self.name = re.sub(r"[^A-Za-z0-9_-]+", "_", getattr(form, "__name__", "answer"))[:64]
        self._asked = _asked(form)
        root = _root(_schema(form) if self._asked is None else self._asked.schema)
        self._is_wrapped = root.get("type") != "object"
        if self._is_wrapped:
            defs = root.pop("$defs", None)
            root = {"type": "object", "properties": {_VALUE: root}}
            if defs is not None:
                root["$defs"] = defs
        narrowed = _narrowed(root)
        assert isinstance(narrowed, dict)
        self.schema: dict[str, Plain] = narrowed
        self.is_strict = not _has_free_keys(narrowed)
        """Whether strict endpoints can take it: mappings with keys of the model's choice they refuse."""

    def parse(self, answer: str) -> T:
        """The value in a model's answer, also when it stands in a code fence. Raises `UnfitAnswer`."""
        text = _without_fence(answer).encode()
        try:
            if self._is_wrapped:
                text = bytes(msgspec.json.decode(text, type=dict[str, msgspec.Raw])[_VALUE])
            return self._decode(text)
        except KeyError:
            raise UnfitAnswer(form=self.name, why=f'it has no "{_VALUE}"') from None
        # msgspec's and pydantic's errors are ValueErrors, and so is what a user's own checks raise.
        except (ValueError, RecursionError) as unfit:
            raise UnfitAnswer(form=self.name, why=" ".join(str(unfit).split())) from None

    def _decode(self, text: bytes) -> T:
        if self._asked is not None:
            return self._asked.read_json(text)
        if _is_pydantic(self._type):
            return cast(T, cast(_Pydantic, self._type).model_validate_json(text))
        return msgspec.json.decode(text, type=self._type)


class _Pydantic(Protocol):
    def model_json_schema(self) -> dict[str, Plain]: ...

    def model_validate_json(self, text: bytes) -> object: ...


def _is_pydantic(form: object) -> bool:
    return hasattr(form, "model_json_schema") and hasattr(form, "model_validate_json")


def _asked(form: type[T]) -> Asked[T] | None:
    """The form as people are asked with it, where it holds one of several classes, which msgspec does not tell apart:
    there each says which it is. None for all others."""
    if _is_pydantic(form):
        return None
    try:
        msgspec.json.schema(form)
    except TypeError:
        with suppress(NoSchema):
            return Asked(form)
    except (NameError, ValueError):
        pass
    return None


def _schema(form: type) -> dict[str, Plain]:
    try:
        if _is_pydantic(form):
            return cast(_Pydantic, form).model_json_schema()
        return msgspec.json.schema(form)
    except (TypeError, NameError, ValueError) as refused:
        why = " ".join(str(refused).split()).rstrip(".")
        raise NoSchema(form=getattr(form, "__qualname__", repr(form)), why=why) from None


def _root(schema: Mapping[str, Plain]) -> dict[str, Plain]:
    """The schema with a root that is no reference; endpoints refuse one."""
    root, defs = dict(schema), schema.get("$defs")
    named = root.get("$ref")
    if isinstance(named, str) and isinstance(defs, dict):
        target = defs[named.rpartition("/")[2]]
        assert isinstance(target, dict)
        root = {**target, "$defs": defs}
    return root


def _narrowed(schema: Plain) -> Plain:
    if isinstance(schema, list):
        return [_narrowed(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    narrowed: dict[str, Plain] = {}
    for name, part in schema.items():
        if name in ("properties", "$defs") and isinstance(part, dict):
            narrowed[name] = {key: _narrowed(inner) for key, inner in part.items()}
        elif name not in ("default", "enum", "const", "discriminator", "$schema"):
            narrowed[name] = _narrowed(part)
        elif name in ("enum", "const"):
            narrowed[name] = part
    properties = narrowed.get("properties")
    if isinstance(properties, dict) and narrowed.get("type") == "object":
        narrowed["required"] = list(properties)
        narrowed["additionalProperties"] = False
    return narrowed


def _has_free_keys(schema: Plain) -> bool:
    if isinstance(schema, list):
        return any(map(_has_free_keys, schema))
    if not isinstance(schema, dict):
        return False
    if schema.get("type") == "object" and "properties" not in schema:
        return True
    inner = [part for name, part in schema.items() if name not in ("properties", "$defs", "enum", "const")]
    for name in ("properties", "$defs"):
        named = schema.get(name)
        inner += named.values() if isinstance(named, dict) else ()
    return any(map(_has_free_keys, inner))


def _without_fence(answer: str) -> str:
    text = answer.strip()
    if text.startswith("```") and text.endswith("```") and "\n" in text:
        text = text[: -len("```")].partition("\n")[2]
    return text
