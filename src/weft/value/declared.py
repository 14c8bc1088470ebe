"""What a class declares: its fields, and how an object is made of them again.

Five families: dataclasses, msgspec Structs, TypedDicts, NamedTuples and pydantic models. pydantic is not imported to
find out: nobody has a class of its own who has not imported it.

Knows nothing of kinds or of what annotations mean.
Invariant: `make` is given every field that was read, by name.
Source: attrs' and dataclasses' `fields`.
"""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable
from typing import Any, NamedTuple

import typing_extensions
from msgspec import Struct, structs


class DeclaredField(NamedTuple):
    """A field's attribute, the key it has in a map, and whether a map without it is refused."""

    name: str
    key: str
    required: bool


class Declared(Struct, frozen=True):
    """The fields of a class in order; `make` takes them by keyword. `tag` names the class within unions. `refused` says
    why objects of it could not be made again, if so."""

    fields: tuple[DeclaredField, ...]
    make: Callable[..., object]
    tag: str | None = None
    refused: str | None = None


def declared_of(cls: Any) -> Declared | None:
    """What `cls` declares, or None when it is of no family with declared fields."""
    tag: str | None = cls.__dict__.get("__weft_tag__")
    if dataclasses.is_dataclass(cls):
        return _dataclass(cls, tag)
    if issubclass(cls, Struct):
        return _struct(cls, tag)
    if typing_extensions.is_typeddict(cls):
        return _typed_dict(cls, tag)
    if issubclass(cls, tuple) and hasattr(cls, "_field_defaults"):
        return _named_tuple(cls, tag)
    pydantic = sys.modules.get("pydantic")
    return _model(cls, tag) if pydantic is not None and issubclass(cls, pydantic.BaseModel) else None


def _dataclass(cls: Any, tag: str | None) -> Declared:
    fields = dataclasses.fields(cls)
    later = frozenset(each.name for each in fields if not each.init)

    def make_and_set(**kept: object) -> object:
        value = cls(**{name: one for name, one in kept.items() if name not in later})
        for name in later & kept.keys():
            object.__setattr__(value, name, kept[name])
        return value

    declared = tuple(DeclaredField(each.name, each.name, each.init and _is_needed(each)) for each in fields)
    refused = next((f"it does not remember the InitVar {name}" for name in _needed_init_vars(cls)), None)
    return Declared(declared, make_and_set if later else cls, tag, refused)


def _is_needed(field: dataclasses.Field[Any]) -> bool:
    return field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING


def _needed_init_vars(cls: Any) -> list[str]:
    kept = {each.name for each in dataclasses.fields(cls)}
    return [
        name for name, each in cls.__dataclass_fields__.items()
        if name not in kept and each._field_type.name == "_FIELD_INITVAR" and _is_needed(each)
    ]  # fmt: skip


def _struct(cls: Any, tag: str | None) -> Declared:
    fields = tuple(DeclaredField(each.name, each.encode_name, each.required) for each in structs.fields(cls))
    told = cls.__struct_config__.tag if tag is None else tag
    return Declared(fields, cls, None if told is None else str(told))


def _typed_dict(cls: Any, tag: str | None) -> Declared:
    required = cls.__required_keys__
    return Declared(tuple(DeclaredField(key, key, key in required) for key in cls.__annotations__), dict, tag)


def _named_tuple(cls: Any, tag: str | None) -> Declared:
    fields = tuple(DeclaredField(name, name, name not in cls._field_defaults) for name in cls._fields)
    untyped = [name for name in cls._fields if name not in getattr(cls, "__annotations__", {})]
    refused = f"it does not say the type of {untyped[0]}; use typing.NamedTuple" if untyped else None
    return Declared(fields, cls, tag, refused)


def _model(cls: Any, tag: str | None) -> Declared:
    fields = tuple(DeclaredField(name, name, each.is_required()) for name, each in cls.model_fields.items())

    def make(**kept: object) -> object:
        return cls.model_validate(kept, by_alias=False, by_name=True)

    lossy = cls.model_config.get("extra") == "allow"
    refused = "fields that nobody declared would be lost; let it forbid or ignore extra ones" if lossy else None
    return Declared(fields, cls if cls.__pydantic_root_model__ else make, tag, refused)
