"""The JSON Schema (2020-12) of a type: what a value of it looks like as JSON, with titles, descriptions and defaults.

What is described is how `weft.value` keeps values; so unions have the tags that kept ones have. Objects are closed. A
pattern says what is taken; a `format` beside it, which control may ask for it. Secrets are asked for as text that is
written only, and never shown.

Knows nothing of answers.
Invariant: what a value's shape makes of it fits the schema, but for secrets.
Source: JSON Schema 2020-12, as msgspec and pydantic write it.
"""

from __future__ import annotations

import re
import types
from collections.abc import Callable, Iterable
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum, Flag
from typing import Any, Literal, NewType, TypeVar, get_args, get_origin
from uuid import UUID

import typing_extensions

from weft.blob import Blob
from weft.content import Plain
from weft.errors import Unencodable, WeftError
from weft.flow import Secret
from weft.form.described import constraints, default_of, described, texts_of
from weft.value import shape_of
from weft.value.annotation import WRAPPERS, alias_target, fields_of, is_alias, is_class, is_required, is_union, name_of
from weft.value.declared import declared_of
from weft.value.kind import TAG, Kind
from weft.value.maker import MAPPINGS, SEQUENCES, SETS, Maker, stands_for
from weft.value.union import to_be_tagged

DIALECT = "https://json-schema.org/draft/2020-12/schema"
DURATION = (
    r"^-?P(?=[0-9T])(?:[0-9]+W|(?:[0-9]+D)?(?:T(?=[0-9])(?:[0-9]+H)?(?:[0-9]+M)?(?:[0-9]+(?:\.[0-9]{1,6})?S)?)?)$"
)
_DAY, _TIME = "[0-9]{4}-[0-9]{2}-[0-9]{2}", r"[0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?"
_HEX = "[0-9a-fA-F]"
Json = dict[str, Plain]


def _text(pattern: str, shown_as: str) -> Json:
    return {"type": "string", "format": shown_as, "pattern": pattern}


_ATOMS: dict[object, Json] = {
    None: {"type": "null"}, types.NoneType: {"type": "null"}, bool: {"type": "boolean"}, int: {"type": "integer"},
    float: {"type": "number"}, str: {"type": "string"}, object: {}, Any: {}, typing_extensions.Any: {},
    date: _text(f"^{_DAY}$", "date"), datetime: _text(f"^{_DAY}T{_TIME}(Z|[+-][0-9]{{2}}:[0-9]{{2}})?$", "date-time"),
    time: _text(f"^{_TIME}$", "time"), timedelta: _text(DURATION, "duration"),
    Decimal: _text(r"^[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,6})?$", "decimal"),
    UUID: _text(f"^{_HEX}{{8}}-{_HEX}{{4}}-{_HEX}{{4}}-{_HEX}{{4}}-{_HEX}{{12}}$", "uuid"),
    Secret: {"type": "string", "format": "password", "writeOnly": True, "minLength": 1},
}  # fmt: skip


class NoSchema(WeftError):
    """No JSON schema can be made from {form}: {why}. Use a dataclass, a msgspec Struct, a pydantic model, or a list or
    tuple of these."""

    form: str
    why: str


def schema_of(annotation: object) -> Json:
    """The schema of a type; classes that it names stand under `$defs`. Raises `NoSchema`."""
    try:
        shape_of(annotation)
        return _Schemas().root(annotation)
    except Unencodable as refused:
        why = f"{refused.where} holds {refused.what}, and {refused.why}".rstrip(".")
    except _Refused as refused:
        why = str(refused)
    raise NoSchema(form=name_of(annotation), why=why)


class _Refused(Exception):
    pass


class _Schemas:
    """Makes the schema of one type, and of all classes that it names."""

    def __init__(self) -> None:
        self._defs: dict[str, Plain] = {}
        self._names: dict[object, str] = {}

    def root(self, annotation: object) -> Json:
        """The whole; a class at the root stands there itself, and below `$defs` too where it holds itself."""
        schema = self.of(annotation)
        named = schema.get("$ref")
        if isinstance(named, str):
            name = named.rpartition("/")[2]
            found = self._defs[name]
            assert isinstance(found, dict)
            schema = {**found, **{key: one for key, one in schema.items() if key != "$ref"}}
            if f'"{named}"' not in _quoted(self._defs.values()):
                del self._defs[name]
        return {"$schema": DIALECT, **schema, **({"$defs": self._defs} if self._defs else {})}

    def of(self, annotation: object) -> Json:
        """The schema, perhaps a reference to one under `$defs`."""
        said: list[object] = []
        while True:
            if get_origin(annotation) in WRAPPERS:
                annotation, *more = get_args(annotation)
                said += more
            elif isinstance(annotation, NewType):
                annotation = annotation.__supertype__
            else:
                break
        schema = self._bare(annotation)
        return {**schema, **constraints(schema, said)}

    def _bare(self, annotation: Any) -> Json:
        if (atom := _ATOMS.get(annotation) if _is_hashable(annotation) else None) is not None:
            return dict(atom)
        if is_alias(annotation):
            return self._named(annotation, name_of(annotation), lambda: self.of(alias_target(annotation)))
        if is_union(annotation):
            return self._union(annotation)
        if isinstance(annotation, TypeVar):
            return self.of(stands_for(annotation))
        if get_origin(annotation) is Literal:
            return self._choice(annotation, get_args(annotation))
        return self._collection(annotation, get_origin(annotation) or annotation, get_args(annotation))

    def _collection(self, annotation: Any, origin: Any, parts: tuple[object, ...]) -> Json:
        if origin is tuple and parts and parts[-1] is not Ellipsis:
            return _places([self.of(part) for part in parts])
        if origin is tuple or origin in SEQUENCES or origin in SETS:
            items: Json = {"type": "array", "items": self.of(parts[0] if parts else object)}
            return {**items, "uniqueItems": True} if origin in SETS else items
        if origin in MAPPINGS:
            key, value = parts or (str, object)
            if Maker().kind(key).forms != {"text"}:
                return {"type": "array", "items": _places([self.of(key), self.of(value)])}
            return {"type": "object", "propertyNames": self.of(key), "additionalProperties": self.of(value)}
        return self._class(annotation, origin)

    def _class(self, annotation: Any, cls: Any) -> Json:
        if is_class(cls) and issubclass(cls, Enum) and not issubclass(cls, Flag) and len(cls):
            return {**self._choice(cls, list(cls)), "title": cls.__name__, **described(cls)}
        if _is_declared(cls):
            return self._named(annotation, name_of(annotation), lambda: self._object(annotation, cls, None))
        raise _Refused(f"a {name_of(annotation)} cannot be written as JSON by a person")

    def _choice(self, annotation: object, values: Iterable[object]) -> Json:
        plains = [shape_of(annotation).to_plain(value) for value in values]
        if any(not isinstance(plain, (str, int, float, types.NoneType)) for plain in plains):
            raise _Refused(f"{name_of(annotation)} holds bytes")
        return {"enum": plains}

    def _union(self, union: object) -> Json:
        members = Maker().kind(union).members
        if not members:
            return self.of(get_args(union)[0])
        parts, tagged = _parts(union), to_be_tagged(members)
        if any(parts[member.tag] is Secret for member in members) and {member.tag for member in members} != {
            "Secret", "None",
        }:  # fmt: skip
            raise _Refused(f"in {name_of(union)} a secret could not be told from a text")
        return {"anyOf": [self._member(member, parts[member.tag], is_tagged=member in tagged) for member in members]}

    def _member(self, member: Kind, part: Any, *, is_tagged: bool) -> Json:
        if not is_tagged:
            return self.of(part)
        if member.keys is not None:
            cls = get_origin(part) or part
            if not _is_declared(cls):
                raise _Refused(f"a {member.name} cannot be written as JSON by a person")
            return self._named((part, member.tag), f"{member.tag}_tagged", lambda: self._object(part, cls, member.tag))
        return _closed({TAG: {"const": member.tag}, "value": self.of(part)}, [TAG, "value"], title=member.tag)

    def _named(self, key: object, name: str, make: Callable[[], Json]) -> Json:
        if key not in self._names:
            name = re.sub(r"[^A-Za-z0-9_]+", "_", name).strip("_")
            while name in self._defs:
                name += "_"
            self._names[key] = name
            self._defs[name] = {}
            self._defs[name] = make()
        return {"$ref": f"#/$defs/{self._names[key]}"}

    def _object(self, annotation: object, cls: Any, tag: str | None) -> Json:
        declared, hints, texts = declared_of(cls), fields_of(annotation, bare=False), texts_of(cls)
        assert declared is not None
        properties: dict[str, Plain] = {} if tag is None else {TAG: {"const": tag}}
        required: list[Plain] = [*properties]
        for field in declared.fields:
            hint = hints[field.name]
            schema = {"title": field.name.replace("_", " ").strip().capitalize(), **self.of(hint)}
            schema |= texts.get(field.name, {}) | constraints(schema, getattr(cls, "model_fields", {}).get(field.name))
            if not _holds_secrets(hint):
                schema |= default_of(cls, field.name, hint)
            properties[field.key] = schema
            said = is_required(hint)
            if field.required if said is None else said:
                required.append(field.key)
        return {**_closed(properties, required, title=name_of(annotation)), **described(cls)}


def _is_declared(cls: Any) -> bool:
    is_ours = cls is Blob or hasattr(cls, "__weft_plain__")
    return is_class(cls) and not is_ours and declared_of(cls) is not None


def _closed(properties: dict[str, Plain], required: list[Any], *, title: str) -> Json:
    return {
        "type": "object", "title": title, "properties": properties, "required": required, "additionalProperties": False,
    }  # fmt: skip


def _places(items: list[Json]) -> Json:
    count = len(items)
    return {"type": "array", "prefixItems": [*items], "items": False, "minItems": count, "maxItems": count}


def _parts(union: object) -> dict[str, Any]:
    """The members of a union by their tags, as `Maker` finds them."""
    found: dict[str, Any] = {}
    literals: tuple[Any, ...] = ()
    for part in get_args(union):
        one = part
        while get_origin(one) in WRAPPERS or isinstance(one, NewType) or is_alias(one):
            if is_alias(one):
                one = alias_target(one)
            else:
                one = one.__supertype__ if isinstance(one, NewType) else get_args(one)[0]
        if get_origin(part) is Literal:
            literals += get_args(part)
        elif is_union(one):
            found |= _parts(one)
        else:
            kind = Maker().kind(part)
            found[kind.tag] = one if kind.keys is not None else part
    if literals:
        found[name_of(Literal[literals])] = Literal[literals]
    return found


def _holds_secrets(hint: object) -> bool:
    reached: dict[Kind, None] = {}
    waiting = [Maker().kind(hint)]
    while waiting:
        kind = waiting.pop()
        if kind not in reached:
            reached[kind] = None
            waiting.extend(kind.parts)
    return any(Secret in kind.classes for kind in reached)


def _is_hashable(annotation: object) -> bool:
    try:
        hash(annotation)
    except TypeError:
        return False
    return True


def _quoted(schemas: Iterable[Plain]) -> str:
    import json

    return json.dumps([*schemas])
