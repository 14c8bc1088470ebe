"""What a type's author says of it for those who fill it in: titles, descriptions, bounds and defaults.

Descriptions are docstrings, of the class and below its fields; bounds are what `Annotated` and `Field` carry.

Knows nothing of JSON values.
Invariant: a default is said only where it is the same each time: no function of the author's is called for it.
Source: annotated-types, whose names msgspec and pydantic share; attribute docstrings as Sphinx reads them.
"""

from __future__ import annotations

import ast
import dataclasses
import inspect
import re
import textwrap
from collections.abc import Mapping
from functools import lru_cache
from itertools import pairwise
from types import MappingProxyType
from typing import Any

from msgspec import NODEFAULT, Struct, structs

from weft.content import Plain
from weft.errors import Unencodable
from weft.value import shape_of

Json = dict[str, Plain]
_NUMBERS = {
    "ge": "minimum",
    "gt": "exclusiveMinimum",
    "le": "maximum",
    "lt": "exclusiveMaximum",
    "multiple_of": "multipleOf",
}
_LENGTHS = {
    "string": ("minLength", "maxLength"),
    "array": ("minItems", "maxItems"),
    "object": ("minProperties", "maxProperties"),
}
_EMPTY = (list, dict, set, frozenset, tuple)
"""What may make a default: called, each gives the same each time."""


def constraints(schema: Json, said: object) -> Json:
    """What is said beside a type, as keywords of its schema."""
    found: Json = {}
    kind = schema.get("type")
    for one in _flat(said):
        for name, keyword in _NUMBERS.items():
            bound = getattr(one, name, None)
            if type(bound) in (int, float) and (kind in ("integer", "number") or "anyOf" in schema):
                found[keyword] = bound
        for name, keyword in zip(("min_length", "max_length"), _LENGTHS.get(str(kind), ()), strict=False):
            bound = getattr(one, name, None)
            if type(bound) is int and keyword not in schema and "properties" not in schema:
                found[keyword] = bound
        pattern = getattr(one, "pattern", None)
        pattern = pattern.pattern if isinstance(pattern, re.Pattern) else pattern
        if isinstance(pattern, str) and kind == "string" and "pattern" not in schema:
            found["pattern"] = pattern
        found |= {name: text for name in ("title", "description") if isinstance(text := getattr(one, name, None), str)}
    return found


def described(cls: Any) -> Json:
    """A class's docstring, unless its library wrote that."""
    text = inspect.cleandoc(cls.__dict__.get("__doc__") or "")
    is_own = text and not text.startswith(f"{cls.__name__}(") and text != "An enumeration."
    return {"description": text} if is_own else {}


@lru_cache(maxsize=512)  # a run that is taken up asks again with each of its forms, and to read source takes ms
def texts_of(cls: type) -> Mapping[str, Json]:
    """The docstrings below a class's fields, by name; none where its source is not at hand."""
    found: dict[str, Json] = {}
    for base in reversed(cls.__mro__):
        try:
            (tree,) = ast.parse(textwrap.dedent(inspect.getsource(base))).body
        except (OSError, TypeError, SyntaxError, ValueError):
            continue
        for field, text in pairwise(getattr(tree, "body", ())):
            match field, text:
                case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(said))):
                    found[name] = {"description": inspect.cleandoc(said)}
    return MappingProxyType(found)


def default_of(cls: Any, name: str, hint: object) -> Json:
    """A field's default, as JSON; nothing where it has none, or one that is made anew each time."""
    value, factory = _default(cls, name)
    if factory in _EMPTY:
        value = factory()
    elif factory is not None:
        return {}
    if value is _NOTHING:
        return {}
    try:
        return {"default": shape_of(hint).to_plain(value)}
    except Unencodable:
        return {}


_NOTHING = object()


def _default(cls: Any, name: str) -> tuple[Any, Any]:
    if dataclasses.is_dataclass(cls):
        (field,) = (each for each in dataclasses.fields(cls) if each.name == name)
        missing = dataclasses.MISSING
        return _known(field.default, missing), None if field.default_factory is missing else field.default_factory
    if issubclass(cls, Struct):
        (one,) = (each for each in structs.fields(cls) if each.name == name)
        return _known(one.default, NODEFAULT), None if one.default_factory is NODEFAULT else one.default_factory
    if model := getattr(cls, "model_fields", {}).get(name):
        return _NOTHING if model.is_required() else model.default, model.default_factory
    return getattr(cls, "_field_defaults", {}).get(name, _NOTHING), None


def _known(value: object, missing: object) -> object:
    return _NOTHING if value is missing else value


def _flat(said: object) -> list[object]:
    if isinstance(said, (list, tuple)):
        return [inner for one in said for inner in _flat(one)]
    # pydantic's Field carries the rest of what was said in a list of its own.
    return [] if said is None else [*_flat(getattr(said, "metadata", None)), said]
