"""Named fields: the kinds of dataclasses, Structs, models, NamedTuples and TypedDicts, and of classes with hooks.

Knows nothing of how a class declares its fields: it is given names, keys and kinds.
Invariant: a map with keys that are unknown today, or without those that have defaults today, still loads.
Source: schema evolution as in msgspec and Protocol Buffers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from operator import attrgetter
from typing import Any

from msgspec import Struct

from weft.content import Plain
from weft.errors import WeftError
from weft.failure import message_of
from weft.value.kind import EVERY_FORM, FORMS, TAG, Dump, Kind, Load, Misfit, describe, refuse


class Named(Struct, frozen=True):
    """A field of a class: its key in the map, whether a map without it is refused, and whether `make` is given it."""

    name: str
    key: str
    kind: Kind
    required: bool


def fields_kind(
    kind: Kind,
    cls: type,
    fields: tuple[Named, ...],
    *,
    read: Callable[[Any], Iterable[Any]],
    make: Callable[..., object],
) -> None:
    """Fill `kind` for a class of named fields: `read` gives their values in order, `make` takes them by keyword. Fields
    that are unknown today are dropped, missing ones take their defaults."""
    kind.fill(_dump_fields(kind, cls, fields, read), _load_fields(kind, fields, make))
    kind.parts = tuple(each.kind for each in fields)
    kind.inside = lambda value: zip(kind.parts, read(value), strict=True)


def _dump_fields(kind: Kind, cls: type, fields: tuple[Named, ...], read: Callable[[Any], Iterable[Any]]) -> Dump:
    rows = tuple((each.key, each.kind, each.kind.same) for each in fields)

    def dump(value: Any) -> Plain:
        if type(value) is not cls:
            why = f"a subclass would come back as {kind.name}" if isinstance(value, cls) else None
            refuse(value, kind.name, why)
        try:
            values = read(value)
        except AttributeError as missing:
            raise Misfit(describe(value), wanted=kind.name, why=str(missing)) from None
        plain: dict[str, Any] = {}
        key = ""
        try:
            for (key, part, same), one in zip(rows, values, strict=True):
                plain[key] = one if type(one) is same else part.dump(one)
        except Misfit as misfit:
            misfit.path.append(f".{key}")
            raise
        return plain

    return dump


def _load_fields(kind: Kind, fields: tuple[Named, ...], make: Callable[..., object]) -> Load:
    rows = tuple((each.name, each.key, each.kind, each.kind.same, each.required) for each in fields)
    tag = kind.tag

    def load(plain: Plain) -> object:
        if not isinstance(plain, dict):
            refuse(plain, kind.name)
        if TAG in plain and plain[TAG] != tag:
            raise Misfit(f"a value tagged {plain[TAG]!r}", wanted=kind.name)
        kept: dict[str, object] = {}
        key = ""
        try:
            for name, key, part, same, required in rows:
                if key in plain:
                    one = plain[key]
                    kept[name] = one if type(one) is same else part.load(one)
                elif required:
                    raise Misfit("nothing", wanted=part.name)
        except Misfit as misfit:
            misfit.path.append(f".{key}")
            raise
        try:
            return make(**kept)
        except Exception as refused:  # noqa: BLE001 - a class may refuse in whatever way its author chose
            raise Misfit("map", wanted=kind.name, why=f"{type(refused).__name__}: {message_of(refused)}") from None

    return load


def reader(names: Sequence[str]) -> Callable[[Any], Iterable[Any]]:
    """What reads these attributes of a value, in order."""
    if len(names) > 1:
        return attrgetter(*names)
    return (lambda value: (getattr(value, names[0]),)) if names else (lambda value: ())


def typed_dict_kind(kind: Kind, fields: tuple[Named, ...]) -> None:
    """Fill `kind` for a dict of known keys."""
    by_key = {each.key: each.kind for each in fields}

    def dump(value: Any) -> Plain:
        if not isinstance(value, dict):
            refuse(value, kind.name)
        if odd := value.keys() - by_key.keys():
            raise Misfit(f"a dict with the key {min(map(repr, odd))}", wanted=kind.name)
        return {each.key: _dump_key(each, value) for each in fields if each.required or each.key in value}

    kind.fill(dump, _load_fields(kind, fields, dict))
    kind.parts = tuple(by_key.values())
    kind.inside = lambda value: ((by_key[key], one) for key, one in value.items())


def _dump_key(each: Named, value: dict[str, Any]) -> Plain:
    try:
        if each.key not in value:
            raise Misfit("nothing", wanted=each.kind.name)
        return each.kind.dump(value[each.key])
    except Misfit as misfit:
        misfit.path.append(f"[{each.key!r}]")
        raise


def hooked_kind(name: str, cls: Any, arguments: tuple[object, ...]) -> Kind:
    """A class that says itself how it is kept: `__weft_plain__(self)` and the class method `__weft_value__(plain,
    arguments)`, whose `arguments` are the annotation's, as in `Ref[Topic]`. `__weft_forms__` may name the forms of its
    plain values have, as in `("text",)`; unions then need no tag to tell them from other forms."""
    forms = frozenset(getattr(cls, "__weft_forms__", EVERY_FORM))

    def dump(value: Any) -> Plain:
        if not isinstance(value, cls):
            refuse(value, name)
        plain: Plain = value.__weft_plain__()
        assert FORMS.get(type(plain)) in forms, f"{cls.__name__}.__weft_plain__ gave {type(plain).__name__}"
        return plain

    def load(plain: Plain) -> object:
        try:
            return cls.__weft_value__(plain, arguments)
        except (ValueError, TypeError, KeyError, WeftError) as refused:
            raise Misfit(describe(plain), wanted=name, why=str(refused)) from None

    return Kind(name, forms, (cls,), dump, load)
