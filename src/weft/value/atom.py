"""Atoms: the kinds of single values, from None to Blob, and of what is one of a few values.

Knows nothing of collections or classes.
Invariant: a str, int, float or bytes of a class of its own has the bytes of the plain one that it is equal to.
Source: RFC 3339 for moments, ISO 8601 for durations.
"""

from __future__ import annotations

import re
import types
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from enum import Enum, Flag
from typing import Any
from uuid import UUID

from weft.blob import Blob, NotABlob
from weft.content import Cid, Link, Plain
from weft.value.kind import FORMS, Kind, Misfit, one_by_one, refuse, same_all, unfit


def _scalar(cls: type, name: str, plain: Callable[[Any], Plain]) -> Kind:
    def dump(value: Any) -> Any:
        if type(value) is cls:
            return value
        # A str or int of a class of its own, such as a StrEnum's member, is equal to the plain one that comes back.
        return plain(value) if isinstance(value, cls) else refuse(value, name)

    def load(value: Plain) -> object:
        return value if type(value) is cls else refuse(value, name)

    return Kind(name, frozenset({FORMS[cls]}), (cls,), dump, load, same=cls)


NONE = _scalar(types.NoneType, "None", lambda value: None)
BOOL = _scalar(bool, "bool", bool)
INT = _scalar(int, "int", int.__int__)
STR = _scalar(str, "str", str.__str__)
BYTES = _scalar(bytes, "bytes", lambda value: bytes(memoryview(value)))


def _dump_float(value: object) -> float:
    if isinstance(value, float):
        return float(value) + 0.0  # -0.0 == 0.0, so both must have the same bytes
    if isinstance(value, int):
        with suppress(OverflowError):
            if float(value) == value:
                return float(value)
        raise unfit(value, "float", "it is too large to be a float exactly")
    raise unfit(value, "float")


def _load_float(plain: Plain) -> float:
    if type(plain) is float or type(plain) is int:
        return float(plain)
    raise unfit(plain, "float")


def _floats(values: Collection[Any]) -> list[Any]:
    quick = {float}.issuperset(map(type, values)) and 0.0 not in values
    return list(values) if quick else one_by_one(_dump_float)(values)


FLOAT = Kind("float", frozenset({"float"}), (float,), _dump_float, _load_float, stand_ins=(int,))
FLOAT.dump_all = _floats
FLOAT.load_all = same_all(float, lambda plain: plain, FLOAT.load_all)


def _text_kind(cls: type, dump: Callable[[Any], str], load: Callable[[str], object]) -> Kind:
    """A kind whose values are written as text; `load` may raise ValueError."""
    name = cls.__name__

    def dump_text(value: Any) -> str:
        return dump(value) if type(value) is cls else refuse(value, name)

    def load_text(plain: Plain) -> object:
        if type(plain) is not str:
            refuse(plain, name)
        try:
            return load(plain)
        except (ValueError, OverflowError, InvalidOperation):
            raise Misfit(repr(plain[:40]), wanted=name) from None

    return Kind(name, frozenset({"text"}), (cls,), dump_text, load_text)


def _dump_datetime(value: datetime) -> str:
    """With a zone: the moment, in UTC, as equal moments must have equal bytes. Without: the local time as it is.
    (What a zone's clock skips or shows twice comes back as the right moment too, but Python calls the two unequal.)"""
    if value.utcoffset() is None:
        return value.replace(tzinfo=None, fold=0).isoformat()
    try:
        return value.astimezone(UTC).replace(tzinfo=None, fold=0).isoformat() + "Z"
    except OverflowError:
        refuse(value, "datetime", "as a moment in UTC it is outside the years 1 to 9999")


def _dump_time(value: time) -> str:
    if value.tzinfo is not None:
        refuse(value, "time", "a time of day with a zone names no moment; keep a datetime")
    return value.replace(fold=0).isoformat()


_DURATION = re.compile(r"(-?)PT(\d+)(?:\.(\d{6}))?S", re.ASCII)


def _dump_timedelta(value: timedelta) -> str:
    seconds, micros = divmod(abs(value) // timedelta(microseconds=1), 1_000_000)
    return f"{'-' if value < timedelta() else ''}PT{seconds}{f'.{micros:06}' if micros else ''}S"


def _load_timedelta(plain: str) -> timedelta:
    if not (found := _DURATION.fullmatch(plain)):
        raise ValueError(plain)
    span = timedelta(seconds=int(found[2]), microseconds=int(found[3] or 0))
    return -span if found[1] else span


def _dump_decimal(value: Decimal) -> str:
    return str(value) if value.is_finite() else refuse(value, "Decimal", "it is not a finite number")


DATETIME = _text_kind(datetime, _dump_datetime, datetime.fromisoformat)
DATE = _text_kind(date, date.isoformat, date.fromisoformat)
TIME = _text_kind(time, _dump_time, time.fromisoformat)
TIMEDELTA = _text_kind(timedelta, _dump_timedelta, _load_timedelta)
DECIMAL = _text_kind(Decimal, _dump_decimal, Decimal)
"""As written: 1.0 and 1.00 are equal and yet kept apart, since a price of 1.00 must not come back as 1.0."""
UUID_KIND = _text_kind(UUID, str, UUID)


def _dump_blob(value: object) -> Plain:
    if not isinstance(value, Blob):
        refuse(value, "Blob")
    return {"blob": Link(value.id), "media": value.media_type, "size": value.size_bytes}


def _load_blob(plain: Plain) -> Blob:
    match plain:
        case {"blob": Link(cid=cid), "media": str() as media_type, "size": int() as size_bytes}:
            try:
                return Blob(Cid(cid), media_type, size_bytes)
            except NotABlob as refused:
                raise Misfit("map", wanted="Blob", why=str(refused)) from None
    raise unfit(plain, "Blob")


BLOB = Kind(
    "Blob",
    frozenset({"map"}),
    (Blob,),
    _dump_blob,
    _load_blob,
    keys=frozenset({"blob", "media", "size"}),
    has_blobs=True,
)


def enum_kind(cls: type[Enum]) -> Kind:
    """Members whose values are all text are kept by value, others by name: `auto()` gives other numbers to the same
    members when one is put before them. A renamed member keeps its old name as an alias. Flags are kept as integers."""
    name = cls.__name__
    is_flag = issubclass(cls, Flag)
    values: dict[Any, Enum] = {member.value: member for member in cls if type(member.value) is str}
    by_value = len(values) == len(cls)
    # Both spellings are read, so that an enum may gain a member that changes which one is written.
    back = {**cls.__members__, **values} if by_value else {**values, **cls.__members__}
    attribute = "_value_" if is_flag or by_value else "_name_"

    def dump(value: Any) -> Plain:
        return getattr(value, attribute) if type(value) is cls else refuse(value, name)  # type: ignore[no-any-return]

    def load(plain: Plain) -> Enum:
        if type(plain) is not (int if is_flag else str):
            refuse(plain, name)
        try:
            return cls(plain) if is_flag else back[plain]
        except (KeyError, ValueError):
            raise Misfit(repr(plain)[:40], wanted=name) from None

    return Kind(name, frozenset({"int" if is_flag else "text"}), (cls,), dump, load)


def literal_kind(name: str, values: Sequence[tuple[object, Kind]]) -> Kind:
    """One of a few values, each kept as its own kind keeps it."""
    plains = {(type(value), value): kind.dump(value) for value, kind in values}
    back = {(type(plain), plain): value for (_, value), plain in plains.items()}

    def dump(value: Any) -> Plain:
        try:
            return plains[type(value), value]
        except (KeyError, TypeError):
            raise Misfit(repr(value)[:40], wanted=name) from None

    def load(plain: Plain) -> object:
        try:
            return back[type(plain), plain]
        except (KeyError, TypeError):
            raise Misfit(repr(plain)[:40], wanted=name) from None

    forms = frozenset(FORMS[type(plain)] for plain in plains.values())
    return Kind(name, forms, tuple({type(value): None for value, _ in values}), dump, load)
