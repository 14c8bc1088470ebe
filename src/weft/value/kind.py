"""Kinds: how the values of one type become plain values and come back.

A kind is a pair of closures, made once for a type; kinds of collections, of classes and of unions are made from others.
A closure says only what does not fit; the path to it is put together while the refusal travels up, so that values that
fit pay nothing for it.

Knows nothing of annotations or bytes.
Invariant: `load(dump(value)) == value` for what `dump` takes, and equal values of one type have equal plain values, but
for the notation of a Decimal and for 1 == 1.0 in a union of int and float. (Python itself holds a datetime that its
zone's clock skips or shows twice to be unequal to every other zone's, so also to the moment in UTC that comes back.)
Source: closures compiled per type, as cattrs and mashumaro do; msgspec's errors with paths.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from operator import length_hint
from typing import Any, NoReturn, TypeAlias

from weft.content import Link, Plain

Dump: TypeAlias = Callable[[Any], Plain]
Load: TypeAlias = Callable[[Plain], Any]

TAG = "$"
"""The key under which a member of a union says which one it is; no Python attribute can have this name."""
FORMS: dict[type, str] = {
    types.NoneType: "null", bool: "bool", int: "int", float: "float", str: "text", bytes: "bytes", Link: "link",
    list: "list", dict: "map",
}  # fmt: skip
EVERY_FORM = frozenset(FORMS.values())


class Misfit(Exception):
    """A value that does not fit its kind. `path` grows from the inside outwards."""

    def __init__(self, what: str, *, wanted: str, why: str | None = None) -> None:
        super().__init__(what)
        self.what = what
        self.wanted = wanted
        self.why = why
        self.path: list[str] = []

    def where(self) -> str:
        """The path as people write it: `topics[3].title`."""
        return "".join(reversed(self.path)).removeprefix(".")


@dataclass(slots=True, eq=False)
class Kind:
    """How values of one type are kept.

    `forms` are the forms that its plain values can take; `classes` those of its values, and `stand_ins` classes whose
    values are taken too. Values that are exactly a `same` are their own plain values, both ways.
    """

    name: str
    forms: frozenset[str]
    classes: tuple[type, ...]
    dump: Dump
    load: Load
    same: type | None = None
    stand_ins: tuple[type, ...] = ()
    parts: tuple[Kind, ...] = ()
    inside: Callable[[Any], Iterable[tuple[Kind, Any]]] = lambda value: ()
    tag: str = ""
    keys: frozenset[str] | None = None
    """For classes with named fields: their keys. A tag is put beside them; around all other values goes a map."""
    members: tuple[Kind, ...] = ()
    has_blobs: bool = False
    dump_all: Callable[[Collection[Any]], list[Plain]] = field(init=False)
    load_all: Callable[[list[Plain]], Iterable[Any]] = field(init=False)

    @classmethod
    def unfilled(cls, name: str, *, forms: frozenset[str], classes: tuple[type, ...], tag: str = "") -> Kind:
        """A kind that is still being made, and until then calls itself late: so that types may be recursive."""
        kind = cls(name, forms, classes, lambda value: kind.dump(value), lambda plain: kind.load(plain), tag=tag)
        return kind

    def __post_init__(self) -> None:
        """Values that are their own plain values need no call each when there are many of them."""
        self.tag = self.tag or self.name
        self.fill(self.dump, self.load)
        if self.same is not None:
            self.dump_all = same_all(self.same, list, self.dump_all)
            self.load_all = same_all(self.same, lambda plain: plain, self.load_all)

    def fill(self, dump: Dump, load: Load) -> None:
        """Set both ways, for one value and for many."""
        self.dump, self.load = dump, load
        self.dump_all, self.load_all = one_by_one(dump), one_by_one(load)

    def become(self, other: Kind) -> None:
        """Be filled with what has been made in the meantime."""
        for name in self.__slots__:
            setattr(self, name, getattr(other, name))


def refuse(value: object, wanted: str, why: str | None = None) -> NoReturn:
    """Raise that `value` is not `wanted`."""
    raise unfit(value, wanted, why)


def unfit(value: object, wanted: str, why: str | None = None) -> Misfit:
    """That `value` is not `wanted`."""
    return Misfit(describe(value), wanted=wanted, why=why or HINTS.get(type(value)))


def describe(value: object) -> str:
    """What a value is, in few words; never its content, which may be long or private."""
    if value is None:
        return "None"
    if isinstance(value, types.FunctionType):
        return "a lambda" if value.__name__ == "<lambda>" else f"the function {value.__name__}"
    if isinstance(value, type):
        return f"the class {value.__name__}"
    if isinstance(value, types.ModuleType):
        return f"the module {value.__name__}"
    return type(value).__name__


_IN_CODE = "code is not a value; pass what it returns, or give it to the space as a service"
HINTS: dict[type, str] = {
    types.FunctionType: _IN_CODE,
    types.BuiltinFunctionType: _IN_CODE,
    types.MethodType: _IN_CODE,
    types.ModuleType: _IN_CODE,
    type: _IN_CODE,
    types.GeneratorType: "a generator can be read only once; make it a tuple",
}


def one_by_one(convert: Callable[[Any], Any]) -> Callable[[Collection[Any]], list[Any]]:
    """What converts each of many values; the path of one that does not fit is its index."""

    def convert_all(values: Collection[Any]) -> list[Any]:
        rest = iter(values)
        try:
            return [convert(value) for value in rest]
        except Misfit as misfit:
            # What is left of the iterator tells how far it got: cheaper than counting all that fit.
            misfit.path.append(f"[{len(values) - length_hint(rest) - 1}]")
            raise

    return convert_all


def same_all(same: type, take: Callable[[Any], Any], otherwise: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """What takes many values as they are when all are exactly of one class: a tenth of the time of a call each."""
    only = {same}

    def take_all(values: Collection[Any]) -> Any:
        return take(values) if only.issuperset(map(type, values)) else otherwise(values)

    return take_all
