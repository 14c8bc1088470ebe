"""Whether a value of one annotation may be given where another is wanted, and in words why not.

Answers as a type checker would, with doubt on the side of yes: a form that is not known here is accepted, and
containers and generic classes are compared as if they could only be read, which is true of values that are kept. So
what is refused here a checker refuses too.

Refuses to know nodes, operations and values: it compares annotations, already resolved.
Invariant: every annotation is assignable to itself, to `Any` and to `object`.
Source: the typing specification's rules of assignability, of which this is the part that concerns values at rest.
"""

from __future__ import annotations

import collections.abc
import enum
import types
import typing
from collections.abc import Iterable, Iterator, Mapping
from inspect import Parameter
from typing import Any, TypeVar

_UNIONS = (typing.Union, types.UnionType)
_WRAPPERS = (typing.Annotated, typing.Final, typing.ClassVar, typing.Required, typing.NotRequired)
_TAKES_ALL = (Any, object, Parameter.empty)
_FITS_ALL = (Any, Parameter.empty, typing.Never, typing.NoReturn)
_PROMOTED: Mapping[object, tuple[type, ...]] = {
    int: (float, complex),
    float: (complex,),
    bytearray: (bytes,),
    memoryview: (bytes,),
}
_CALLABLE: object = collections.abc.Callable
_NOT_BASES = (typing.Generic, typing.Protocol)
_ELEMENTS: Mapping[object, type] = {str: str, bytes: int, bytearray: int, memoryview: int, range: int}


def is_assignable(given: object, wanted: object) -> bool:
    """Whether a value annotated `given` may be given where `wanted` is annotated."""
    return _reason(given, wanted) is None


def explain_mismatch(given: object, wanted: object) -> str:
    """Why it may not, as `tuple[Blob, ...] is given where Sequence[str] is wanted: an element is Blob, not str`.

    Empty where it may.
    """
    reason = _reason(given, wanted)
    if reason is None:
        return ""
    text = f"{annotation_text(given)} is given where {annotation_text(wanted)} is wanted"
    return f"{text}: {reason}" if reason else text


def annotation_text(annotation: object) -> str:
    """An annotation as its author would write it, without modules."""
    if annotation is None or annotation is types.NoneType:
        return "None"
    if annotation is Ellipsis:
        return "..."
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if isinstance(annotation, list):  # the parameters of a Callable
        return f"[{', '.join(map(annotation_text, annotation))}]"
    if origin in _UNIONS:
        return " | ".join(map(annotation_text, arguments))
    if origin is typing.Literal:
        return f"Literal[{', '.join(map(_literal_text, arguments))}]"
    if origin is typing.Annotated:
        return annotation_text(arguments[0])
    if origin is not None and arguments:
        return f"{annotation_text(origin)}[{', '.join(map(annotation_text, arguments))}]"
    name = getattr(annotation, "__qualname__", None) or getattr(annotation, "__name__", None) or str(annotation)
    return str(name).rpartition("<locals>.")[2].removeprefix("typing.")


def _literal_text(value: object) -> str:
    return str(value) if isinstance(value, enum.Enum) else repr(value)


# From here on None says yes, and a text says no: the reason, or nothing where the two annotations already say it all.


def _reason(given: object, wanted: object) -> str | None:
    try:
        return _mismatch(given, wanted)
    except RecursionError:  # two recursive aliases that unfold alike for ever
        return None


def _mismatch(given: object, wanted: object) -> str | None:
    given, wanted = _unwrap(given), _unwrap(wanted)
    if given is wanted or _is_among(wanted, _TAKES_ALL) or _is_among(given, _FITS_ALL) or isinstance(given, TypeVar):
        return None
    members = _members(given, wanted)
    if members:
        return _every_member(members, wanted)
    if typing.get_origin(wanted) in _UNIONS:
        return _any_of(given, typing.get_args(wanted))
    if isinstance(wanted, TypeVar):
        return _type_variable(given, wanted)
    if typing.get_origin(given) is typing.Literal or typing.get_origin(wanted) is typing.Literal:
        return _literal(given, wanted)
    if isinstance(given, typing.NewType):
        return _mismatch(given.__supertype__, wanted)
    if isinstance(wanted, typing.NewType):
        return ""
    return _forms(given, wanted)


def _is_among(annotation: object, known: Iterable[object]) -> bool:
    """By identity: some annotations cannot be compared or hashed."""
    return any(annotation is one for one in known)


def _unwrap(annotation: object) -> object:
    """What remains when aliases and qualifiers, which say nothing about the value's type, are taken off."""
    while True:
        origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
        if _is_alias(annotation):
            annotation = annotation.__value__  # type: ignore[attr-defined]
        elif _is_alias(origin):
            annotation = origin.__value__[arguments]  # type: ignore[union-attr]
        elif _is_among(origin, _WRAPPERS):
            annotation = arguments[0]
        elif annotation is typing.LiteralString:
            return str
        else:
            return types.NoneType if annotation is None else annotation


def _is_alias(annotation: object) -> bool:
    # By name: Python has the class from 3.12 on, and before that typing_extensions, which is not imported for this.
    return type(annotation).__name__ == "TypeAliasType"


# Unions, literals and type variables.


def _members(given: object, wanted: object) -> tuple[object, ...]:
    """What a given annotation divides into, if it does: a union, several literals, a class whose values are listed."""
    origin, arguments = typing.get_origin(given), typing.get_args(given)
    if origin in _UNIONS:
        return arguments
    if origin is typing.Literal and len(arguments) > 1:
        return tuple(typing.Literal[one] for one in arguments)
    if isinstance(given, type) and _wants_literals(wanted):
        if given is bool:
            return typing.Literal[True], typing.Literal[False]
        if issubclass(given, enum.Enum) and not issubclass(given, enum.Flag):
            return tuple(typing.Literal[one] for one in given)
    return ()


def _wants_literals(wanted: object) -> bool:
    if typing.get_origin(wanted) in _UNIONS:
        return any(typing.get_origin(_unwrap(one)) is typing.Literal for one in typing.get_args(wanted))
    return typing.get_origin(wanted) is typing.Literal


def _every_member(members: tuple[object, ...], wanted: object) -> str | None:
    for member in members:
        if _mismatch(member, wanted) is not None:
            return f"it may be {_value_text(member)}"
    return None


def _value_text(member: object) -> str:
    if typing.get_origin(member) is typing.Literal:
        return _literal_text(typing.get_args(member)[0])
    return annotation_text(member)


def _any_of(given: object, wanted: Iterable[object]) -> str | None:
    return None if any(_mismatch(given, one) is None for one in wanted) else ""


def _type_variable(given: object, wanted: TypeVar) -> str | None:
    # Not kept consistent between two uses of it: checkers join them, int and str to their common base, so they agree.
    if wanted.__constraints__:
        return _any_of(given, wanted.__constraints__)
    return None if wanted.__bound__ is None else _mismatch(given, wanted.__bound__)


def _literal(given: object, wanted: object) -> str | None:
    """One literal value, or what is none, against what may be a literal."""
    if typing.get_origin(given) is not typing.Literal:
        return ""
    (value,) = typing.get_args(given)
    if typing.get_origin(wanted) is typing.Literal:
        # 1 and True are equal, and not the same literal.
        fits = any(type(one) is type(value) and one == value for one in typing.get_args(wanted))
        return None if fits else f"{_literal_text(value)} is none of them"
    return _mismatch(type(value), wanted)


# Classes, with and without arguments.


def _forms(given: object, wanted: object) -> str | None:
    origin, target = typing.get_origin(given) or given, typing.get_origin(wanted) or wanted
    if not isinstance(origin, type) or not isinstance(target, type):
        return None
    if target is _CALLABLE:
        return None if issubclass(origin, type) or _has_member(origin, "__call__") else "it cannot be called"
    if _is_typed_mapping(target):
        return _typed_mapping(origin, target)
    if origin is tuple and target is tuple:
        return _tuples(given, wanted)
    if not _is_subclass(origin, target):
        return "" if not _is_protocol(target) else _members_lacking(origin, target)
    return _arguments(given, origin, wanted, target)


def _is_subclass(origin: type, target: type) -> bool:
    if any(base is target or target in _PROMOTED.get(base, ()) for base in origin.__mro__):
        return True
    if _is_protocol(target):
        return False  # by structure, then
    try:
        return issubclass(origin, target)
    except TypeError:  # a metaclass that answers no such question
        return True


def _tuples(given: object, wanted: object) -> str | None:
    mine, theirs = _tuple_elements(given), _tuple_elements(wanted)
    if mine is None or theirs is None:
        return None
    (mine_fixed, mine_any), (theirs_fixed, theirs_any) = mine, theirs
    if theirs_any is not None:
        members = mine_fixed if mine_any is None else (mine_any,)
        return _pairs([(member, theirs_any, "an element") for member in members])
    if mine_any is not None:
        return f"it may have any number of elements, not {len(theirs_fixed)}"
    if len(mine_fixed) != len(theirs_fixed):
        return f"it has {len(mine_fixed)} elements, not {len(theirs_fixed)}"
    return _pairs([(a, b, f"element {n}") for n, (a, b) in enumerate(zip(mine_fixed, theirs_fixed, strict=True), 1)])


def _tuple_elements(annotation: object) -> tuple[tuple[object, ...], object | None] | None:
    """The elements one by one, or the one that repeats; None where nothing is said, or too much to compare."""
    arguments = typing.get_args(annotation)
    if not arguments and annotation != tuple[()]:
        return None
    if len(arguments) == 2 and arguments[1] is Ellipsis:
        return (), arguments[0]
    if any(typing.get_origin(one) is typing.Unpack or getattr(one, "__unpacked__", False) for one in arguments):
        return None
    return arguments, None


def _pairs(pairs: Iterable[tuple[object, object, str]]) -> str | None:
    """The first pair that does not fit, named by its place."""
    for given, wanted, place in pairs:
        reason = _mismatch(given, wanted)
        if reason is not None:
            text = f"{place} is {annotation_text(given)}, not {annotation_text(wanted)}"
            return f"{text}: {reason}" if reason else text
    return None


def _arguments(given: object, origin: type, wanted: object, target: type) -> str | None:
    """A class that descends from the wanted one: do the wanted one's arguments fit too?"""
    theirs = typing.get_args(wanted)
    if not theirs:
        return None
    if origin is tuple:
        return _pairs([(element, theirs[0], "an element") for element in _repeated(given)] if len(theirs) == 1 else [])
    mine = _arguments_as(given, target)
    if mine is None or len(mine) != len(theirs):
        return None
    return _pairs(_varied(target, mine, theirs))


def _repeated(given: object) -> tuple[object, ...]:
    elements = _tuple_elements(given)
    if elements is None:
        return ()
    fixed, repeated = elements
    return fixed if repeated is None else (repeated,)


def _varied(target: type, mine: tuple[object, ...], theirs: tuple[object, ...]) -> Iterator[tuple[object, object, str]]:
    """Arguments pair by pair, those of contravariant parameters turned round."""
    parameters = getattr(target, "__parameters__", ())
    names = _places(target, len(theirs))
    for n, (a, b) in enumerate(zip(mine, theirs, strict=True)):
        parameter = parameters[n] if n < len(parameters) else None
        if getattr(parameter, "__contravariant__", False):
            yield b, a, names[n]
        elif not (getattr(parameter, "__infer_variance__", False) and is_assignable(b, a)):
            yield a, b, names[n]


def _places(target: type, count: int) -> tuple[str, ...]:
    if count == 2 and issubclass(target, collections.abc.Mapping):
        return "a key", "a value"
    if count == 1 and issubclass(target, collections.abc.Iterable):
        return ("an element",)
    return tuple(f"argument {n} of {target.__name__}" for n in range(1, count + 1))


def _arguments_as(given: object, target: type) -> tuple[object, ...] | None:
    """The arguments that `given` has when it is seen as a `target`; None where its bases do not say.

    `class Shelf(Page[Book])` seen as a Page has the argument Book. The built-in containers are known by what they are
    subclasses of: seen as something of one argument, a mapping is its keys.
    """
    waiting = [given]
    while waiting:
        form = waiting.pop()
        origin, arguments = typing.get_origin(form) or form, typing.get_args(form)
        if origin is target:
            return arguments or None
        if not isinstance(origin, type):
            continue
        if origin in _ELEMENTS:
            return (_ELEMENTS[origin],)
        bases = vars(origin).get("__orig_bases__") or (origin.__bases__ if origin.__module__ != "builtins" else ())
        known = dict(zip(getattr(origin, "__parameters__", ()), arguments, strict=False))
        waiting.extend(_filled(base, known) for base in bases if not _is_among(typing.get_origin(base), _NOT_BASES))
        if not known and arguments and issubclass(origin, collections.abc.Iterable):
            return _as_container(arguments, origin, target)
    return None


def _filled(base: object, known: Mapping[object, object]) -> object:
    """`Page[T]` with T replaced by what is known of it, else by Any."""
    parameters = getattr(base, "__parameters__", ())
    if (isinstance(base, type) and not typing.get_args(base)) or not parameters:
        return base
    return base[tuple(known.get(one, Any) for one in parameters)]  # type: ignore[index]


def _as_container(arguments: tuple[object, ...], origin: type, target: type) -> tuple[object, ...] | None:
    is_mapping = issubclass(origin, collections.abc.Mapping)
    if issubclass(target, collections.abc.Mapping):
        return arguments if is_mapping and len(arguments) == 2 else None
    if target in (collections.abc.Iterable, collections.abc.Collection, collections.abc.Container) or not is_mapping:
        return arguments[:1]
    return None


# What has no common base and fits all the same.


def _typed_mapping(origin: type, target: type) -> str | None:
    if not _is_typed_mapping(origin):
        return None if issubclass(origin, dict) else ""
    required = target.__required_keys__ - origin.__required_keys__  # type: ignore[attr-defined]
    if required:
        return f"it has no {', '.join(sorted(required))}"
    mine, theirs = typing.get_type_hints(origin), typing.get_type_hints(target)
    return _pairs([(mine[key], theirs[key], key) for key in theirs if key in mine])


def _is_typed_mapping(target: type) -> bool:
    return hasattr(target, "__required_keys__")  # of typing or of typing_extensions


def _is_protocol(target: type) -> bool:
    return bool(vars(target).get("_is_protocol", False))


def _members_lacking(origin: type, target: type) -> str | None:
    """Which methods of a protocol a class lacks. What is only annotated may be set when an instance is made."""
    lacking = [
        name
        for base in target.__mro__
        if _is_protocol(base) and base.__name__ != "Protocol"
        for name, held in vars(base).items()
        if isinstance(held, types.FunctionType) and name not in _PROTOCOL_OWN and not _has_member(origin, name)
    ]
    return f"it has no {', '.join(sorted(lacking))}" if lacking else None


_PROTOCOL_OWN = frozenset(
    {"__init__", "__new__", "__subclasshook__", "__init_subclass__", "__class_getitem__", "_no_init_or_replace_init"}
)


def _has_member(origin: type, name: str) -> bool:
    """Whether instances have it, as far as a class can say: not its metaclass, whose `__call__` makes instances."""
    for base in origin.__mro__:
        if name in vars(base):
            return vars(base)[name] is not None  # as __hash__ is, in what cannot be hashed
        declared = vars(base).get("__annotations__")  # of `type` itself it is no mapping
        if "__getattr__" in vars(base) or (isinstance(declared, Mapping) and name in declared):
            return True
    return False
