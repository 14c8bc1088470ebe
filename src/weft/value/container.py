"""Containers: the kinds of sequences, tuples, sets and mappings.

Knows nothing of what is inside: elements have kinds of their own. Under `object` they are plain values.
Invariant: the order in which a set or mapping was filled leaves no trace in its plain value.
Source: dag-cbor's canonical order of map keys, taken over for sets and pairs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from itertools import islice
from typing import Any

from weft.content import Link, Plain, encode
from weft.value.atom import STR
from weft.value.kind import EVERY_FORM, HINTS, Dump, Kind, Load, Misfit, one_by_one, refuse, unfit


def sequence_kind(name: str, cls: type[Any], accepts: type[Any], element: Kind) -> Kind:
    """Any number of elements; `accepts` is what may be given, `cls` what comes back."""
    dump_all, load_all = element.dump_all, element.load_all
    wanted = name

    def dump(value: Any) -> Plain:
        if not isinstance(value, cls) and (
            not isinstance(value, accepts) or isinstance(value, (str, bytes, bytearray))
        ):
            refuse(value, wanted)
        return dump_all(value)

    def load(plain: Plain) -> object:
        if not isinstance(plain, list):
            refuse(plain, wanted)
        return cls(load_all(plain))

    return Kind(
        name, frozenset({"list"}), (cls,), dump, load,
        stand_ins=(accepts,), parts=(element,), inside=lambda value: ((element, one) for one in value),
    )  # fmt: skip


def tuple_kind(name: str, elements: tuple[Kind, ...]) -> Kind:
    """A fixed number of elements, each of a kind of its own."""

    def convert(values: Any, converters: tuple[Callable[[Any], Any], ...]) -> list[Any]:
        if len(values) != len(converters):
            count = f"{type(values).__name__} of {len(values)}"
            raise Misfit(count, wanted=name, why=f"{len(converters)} elements are wanted")
        kept: list[Any] = []
        try:
            for convert_one, value in zip(converters, values, strict=True):
                kept.append(convert_one(value))
        except Misfit as misfit:
            misfit.path.append(f"[{len(kept)}]")
            raise
        return kept

    dumps = tuple(element.dump for element in elements)
    loads = tuple(element.load for element in elements)

    def dump(value: Any) -> Plain:
        return convert(value, dumps) if isinstance(value, tuple) else refuse(value, name)

    def load(plain: Plain) -> object:
        return tuple(convert(plain, loads)) if type(plain) is list else refuse(plain, name)

    return Kind(
        name, frozenset({"list"}), (tuple,), dump, load,
        parts=elements, inside=lambda value: zip(elements, value, strict=True),
    )  # fmt: skip


def set_kind(name: str, cls: type[Any], accepts: type[Any], element: Kind) -> Kind:
    """Elements in the order of their canonical bytes, so that equal sets have equal bytes."""
    dump_all, load_all = element.dump_all, element.load_all

    def dump(value: Any) -> Plain:
        if not isinstance(value, accepts):
            refuse(value, name)
        return sorted(dump_all(value), key=encode)

    def load(plain: Plain) -> object:
        if not isinstance(plain, list):
            refuse(plain, name)
        try:
            return cls(load_all(plain))
        except TypeError:
            raise Misfit("list", wanted=name, why="an element of it cannot be in a set") from None

    return Kind(
        name, frozenset({"list"}), (cls,), dump, load,
        stand_ins=(accepts,), parts=(element,), inside=lambda value: ((element, one) for one in value),
    )  # fmt: skip


def mapping_kind(name: str, accepts: type[Any], key: Kind, element: Kind) -> Kind:
    """A map when all keys are text, else pairs. Comes back as a dict in the order of the bytes: the order of a mapping
    is no part of its value."""
    dump, load, form = _text_keyed(name, key, element) if key.forms == {"text"} else _paired(name, key, element)

    def dump_mapping(value: Any) -> Plain:
        return dump(value) if isinstance(value, accepts) else refuse(value, name)

    def inside(value: Mapping[Any, Any]) -> Iterable[tuple[Kind, Any]]:
        for each, one in value.items():
            yield key, each
            yield element, one

    return Kind(
        name, frozenset({form}), (dict,), dump_mapping, load,
        stand_ins=(accepts,), parts=(key, element), inside=inside,
    )  # fmt: skip


def _text_keyed(name: str, key: Kind, element: Kind) -> tuple[Dump, Load, str]:
    def dump(value: Mapping[Any, Any]) -> Plain:
        return dict(zip(_dump_keys(key, value), _dump_values(element, value), strict=True))

    def load(plain: Plain) -> object:
        if not isinstance(plain, dict):
            refuse(plain, name)
        return dict(zip(key.load_all(list(plain)), _load_values(element, plain), strict=True))

    return dump, load, "map"


def _paired(name: str, key: Kind, element: Kind) -> tuple[Dump, Load, str]:
    def dump(value: Mapping[Any, Any]) -> Plain:
        pairs = zip(_dump_keys(key, value), _dump_values(element, value), strict=True)
        return [list(pair) for pair in sorted(pairs, key=lambda pair: encode(pair[0]))]

    def load_pair(pair: Plain) -> tuple[Any, Any]:
        if not isinstance(pair, list) or len(pair) != 2:
            refuse(pair, "a pair of key and value")
        return key.load(pair[0]), element.load(pair[1])

    load_pairs = one_by_one(load_pair)

    def load(plain: Plain) -> object:
        if isinstance(plain, dict):
            # Folds and built-in rules know no annotations: where all keys there are happen to be text (and where there
            # are none at all), they keep a map.
            plain = [[each, one] for each, one in plain.items()]
        if not isinstance(plain, list):
            refuse(plain, name)
        try:
            return dict(load_pairs(plain))
        except TypeError:
            raise Misfit("list", wanted=name, why="a key of it cannot be a key") from None

    return dump, load, "list"


def _dump_keys(key: Kind, value: Mapping[Any, Any]) -> list[Any]:
    try:
        return key.dump_all(value)
    except Misfit as misfit:
        misfit.path.pop()  # a key has no place of its own
        misfit.what = f"the key {misfit.what}"
        raise


def _dump_values(element: Kind, value: Mapping[Any, Any]) -> list[Plain]:
    try:
        return element.dump_all(value.values())
    except Misfit as misfit:
        _name_key(misfit, value)
        raise


def _load_values(element: Kind, plain: dict[str, Plain]) -> Iterable[object]:
    try:
        return element.load_all(list(plain.values()))
    except Misfit as misfit:
        _name_key(misfit, plain)
        raise


def _name_key(misfit: Misfit, value: Mapping[Any, Any]) -> None:
    """Replace the index among the values by the key."""
    at = int(misfit.path.pop()[1:-1])
    misfit.path.append(f"[{next(islice(value, at, None))!r}]")


_TOLD_APART = "only a plain value fits an annotation of object or Any; annotate it by its own type"
_PLAIN_HINTS: dict[type, str] = {
    tuple: "under object or Any it would come back as a list; annotate it as tuple[...]",
    set: "under object or Any it would come back as a list; annotate it as set[...]",
    frozenset: "under object or Any it would come back as a list; annotate it as frozenset[...]",
}


def _dump_plain(value: Any) -> Plain:
    kind = type(value)
    if kind is str or kind is int or kind is bool or value is None or kind is bytes or kind is Link:
        return value  # type: ignore[no-any-return]
    if kind is float:
        return value + 0.0  # type: ignore[no-any-return]
    if kind is list:
        return PLAIN.dump_all(value)
    if kind is dict:
        return _dump_plain_map(value)
    raise unfit(value, "a plain value", HINTS.get(kind) or _PLAIN_HINTS.get(kind, _TOLD_APART))


PLAIN = Kind("object", EVERY_FORM, (object,), _dump_plain, lambda plain: plain)
_dump_plain_map = _text_keyed("dict", STR, PLAIN)[0]
