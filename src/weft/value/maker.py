"""The maker: from an annotation to the kind of its values.

Knows nothing of bytes, or of how classes are declared (see `declared`).
Invariant: each annotation within one type is made once, so that types that contain themselves end.
Source: cattrs' structure hooks, without the registry: a class of one's own says itself how it is kept.
"""

from __future__ import annotations

import collections.abc
import datetime
import decimal
import types
import typing
import uuid
from enum import Enum
from typing import Any, ForwardRef, Literal, NoReturn, TypeVar, get_args, get_origin

import typing_extensions

from weft.blob import Blob
from weft.errors import Unencodable
from weft.value.annotation import alias_target, bare, fields_of, is_alias, is_class, is_required, is_union, name_of
from weft.value.atom import (
    BLOB,
    BOOL,
    BYTES,
    DATE,
    DATETIME,
    DECIMAL,
    FLOAT,
    INT,
    NONE,
    STR,
    TIME,
    TIMEDELTA,
    UUID_KIND,
    enum_kind,
    literal_kind,
)  # fmt: skip
from weft.value.container import PLAIN, mapping_kind, sequence_kind, set_kind, tuple_kind
from weft.value.declared import Declared, DeclaredField, declared_of
from weft.value.kind import TAG, Kind
from weft.value.named import Named, fields_kind, hooked_kind, reader, typed_dict_kind
from weft.value.union import union_kind

_ATOMS: dict[object, Kind] = {
    None: NONE, types.NoneType: NONE, bool: BOOL, int: INT, float: FLOAT, str: STR, bytes: BYTES,
    datetime.datetime: DATETIME, datetime.date: DATE, datetime.time: TIME, datetime.timedelta: TIMEDELTA,
    decimal.Decimal: DECIMAL, uuid.UUID: UUID_KIND, Blob: BLOB, object: PLAIN, Any: PLAIN, typing_extensions.Any: PLAIN,
}  # fmt: skip
_abc = collections.abc
SEQUENCES: dict[object, tuple[type, type]] = {
    list: (list, list), _abc.MutableSequence: (list, list), _abc.Sequence: (tuple, _abc.Sequence),
}  # fmt: skip
SETS: dict[object, tuple[type, type]] = {
    set: (set, set), _abc.MutableSet: (set, set), frozenset: (frozenset, frozenset), _abc.Set: (frozenset, _abc.Set),
}  # fmt: skip
MAPPINGS: dict[object, type] = {dict: dict, _abc.MutableMapping: dict, _abc.Mapping: _abc.Mapping}
_CODE = "it is code or a running thing; values are what it returns. Give services to the space instead"
_NEVER: tuple[tuple[type, str], ...] = (
    (types.FunctionType, _CODE),
    (types.ModuleType, _CODE),
    (type, "classes are code; keep a name, or an Enum of what there is to choose from"),
    (_abc.Awaitable, "it is not a value yet; say what it gives"),
    (BaseException, "errors are kept as failures of nodes; as a value, keep its text"),
    (bytearray, "it changes in place; say bytes"),
)


class Maker:
    """Makes the kind of one annotation, and of all that it is made of."""

    def __init__(self) -> None:
        self._made: dict[object, Kind] = {}

    def kind(self, annotation: object) -> Kind:
        """The kind; one that is still being made when a type refers to itself."""
        annotation = bare(annotation)
        if (atom := _find(_ATOMS, annotation)) is not None:
            return atom
        if (known := _find(self._made, annotation)) is not None:
            return known
        if is_alias(annotation):
            return self._alias(annotation)
        if is_union(annotation):
            return self._union(annotation)
        if isinstance(annotation, TypeVar):
            return self.kind(stands_for(annotation))
        if get_origin(annotation) is Literal:
            return self._literal(annotation, get_args(annotation))
        if isinstance(annotation, (str, ForwardRef)):
            _refuse("a forward reference", f"{name_of(annotation)} is not resolved; give the type itself")
        origin = get_origin(annotation) or annotation
        if (collection := self._collection(annotation, origin)) is not None:
            return collection
        return self._class(annotation, origin)

    def _alias(self, alias: object) -> Kind:
        name = name_of(alias)
        kind = self._made[alias] = Kind.unfilled(name, forms=frozenset(), classes=())
        kind.become(self.kind(alias_target(alias)))
        if not kind.forms:
            _refuse(f"the alias {name}", "it stands for itself")
        return kind

    def _union(self, union: object) -> Kind:
        parts = get_args(union)
        literals = tuple(value for part in parts if get_origin(part) is Literal for value in get_args(part))
        others = [self.kind(part) for part in parts if get_origin(part) is not Literal]
        members = dict.fromkeys(member for kind in others for member in (kind.members or (kind,)))
        scalars = {kind.same for kind in members if kind.same is not None}
        if literals and not {type(value) for value in literals} <= scalars:
            members[self._literal(Literal[literals], literals)] = None
        if PLAIN in members:
            members.pop(NONE, None)
        if any(not member.forms for member in members):
            _refuse(f"the union {name_of(union)}", "a member of it stands for itself")
        tags = [member.tag for member in members]
        if twice := next((tag for tag in tags if tags.count(tag) > 1), None):
            _refuse(
                f"the union {name_of(union)}", f"two members are called {twice}; give one a __weft_tag__ of its own"
            )
        return union_kind(name_of(union), tuple(members)) if len(members) > 1 else next(iter(members))

    def _literal(self, literal: object, values: tuple[Any, ...]) -> Kind:
        return literal_kind(name_of(literal), [(value, self.kind(type(value))) for value in values])

    def _collection(self, annotation: object, origin: object) -> Kind | None:
        name, parts = name_of(annotation), get_args(annotation)
        if origin is tuple:
            return self._tuple(annotation, name, parts)
        if found := _find(SEQUENCES, origin):
            return sequence_kind(name, *found, self.kind(parts[0] if parts else object))
        if sets := _find(SETS, origin):
            return set_kind(name, *sets, self.kind(parts[0] if parts else object))
        if accepts := _find(MAPPINGS, origin):
            key, element = parts or (str, object)
            return mapping_kind(name, accepts, self.kind(key), self.kind(element))
        return None

    def _tuple(self, annotation: object, name: str, parts: tuple[object, ...]) -> Kind:
        if annotation is tuple or annotation is typing.Tuple:  # noqa: UP006
            parts = (object, ...)
        if len(parts) == 2 and parts[1] is Ellipsis:
            return sequence_kind(name, tuple, tuple, self.kind(parts[0]))
        if any(get_origin(part) in (typing.Unpack, typing_extensions.Unpack) or _is_starred(part) for part in parts):
            _refuse(name, "a tuple has either known places or one kind of element; say tuple[X, ...]")
        return tuple_kind(name, tuple(self.kind(part) for part in parts))

    def _class(self, annotation: object, origin: Any) -> Kind:
        name = name_of(annotation)
        if not is_class(origin):
            _refuse(name, "no value of it could be read back")
        if hasattr(origin, "__weft_plain__") and hasattr(origin, "__weft_value__"):
            return hooked_kind(name, origin, get_args(annotation))
        if issubclass(origin, Enum):
            return enum_kind(origin)
        if declared := declared_of(origin):
            return self._fields(annotation, origin, declared)
        return _refuse(f"values of type {name}", _why_never(origin))

    def _fields(self, annotation: object, cls: type, declared: Declared) -> Kind:
        name = name_of(annotation)
        # A TypedDict is no class that anything is an instance of.
        classes = (dict,) if declared.make is dict else (cls,)
        kind = Kind.unfilled(name, forms=frozenset({"map"}), classes=classes, tag=declared.tag or name)
        self._made[annotation] = kind
        if declared.refused:
            _refuse(f"the class {name}", declared.refused)
        hints = fields_of(annotation)
        fields = tuple(self._field(cls, each, hints[each.name]) for each in declared.fields)
        if TAG in {each.key for each in fields}:
            _refuse(f"the key {TAG!r}", "it is where unions say which member a value is")
        if declared.make is dict:
            typed_dict_kind(kind, fields)
        else:
            kind.keys = frozenset(each.key for each in fields)
            fields_kind(kind, cls, fields, read=reader([each.name for each in fields]), make=declared.make)
        return kind

    def _field(self, cls: type, field: DeclaredField, hint: object) -> Named:
        try:
            kind = self.kind(hint)
        except Unencodable as refused:
            where = refused.where or f"{cls.__name__}.{field.name}"
            raise Unencodable(where=where, what=refused.what, why=refused.why) from None
        said = is_required(hint)
        return Named(field.name, field.key, kind, field.required if said is None else said)


def _why_never(cls: type) -> str:
    for never, why in _NEVER:
        if issubclass(cls, never):
            return why
    if any(verb in vars(base) for base in cls.__mro__ for verb in ("__call__", "read", "write")):
        return _CODE
    if issubclass(cls, collections.abc.Iterator):
        return "an iterator can be read only once; say tuple[...] or Sequence[...]"
    return "it is not a type of plain fields; make it a dataclass, or keep its text"


def stands_for(parameter: Any) -> object:
    """What a type parameter means where nobody said: its default, its bound, or any of its constraints."""
    default = getattr(parameter, "__default__", None)
    if default is not None and default is not getattr(typing_extensions, "NoDefault", None):
        return default
    if parameter.__constraints__:
        return typing.Union[parameter.__constraints__]  # noqa: UP007 - the constraints are a tuple
    return object if parameter.__bound__ is None else parameter.__bound__


def _is_starred(part: object) -> bool:
    return getattr(part, "__unpacked__", False) is True


_T = TypeVar("_T")


def _find(known: dict[object, _T], key: object) -> _T | None:
    try:
        return known.get(key)
    except TypeError:  # an annotation that is not hashable is nobody's key
        return None


def _refuse(what: str, why: str) -> NoReturn:
    raise Unencodable(where="", what=what, why=why)
