"""What an annotation says, once aliases, forward references and type parameters are resolved.

Knows nothing of values, or of which annotations can be kept.
Invariant: what comes out holds no string, no type parameter and no wrapper such as Annotated at its top.
Source: typing's runtime introspection; `typing.get_type_hints`, which stops short of generic bases.
"""

from __future__ import annotations

import inspect
import sys
import types
import typing
from collections.abc import Mapping
from typing import Any, NewType, TypeGuard, TypeVar, get_args, get_origin, get_type_hints

import typing_extensions
from typing_extensions import TypeAliasType

from weft.errors import Unencodable

# typing_extensions has classes of its own for what older Pythons lack, so both spellings have to be known.
_ALIASES = tuple({TypeAliasType, getattr(typing, "TypeAliasType", TypeAliasType)})
_SELVES = (typing.Self, typing_extensions.Self)
WRAPPERS = tuple(
    getattr(module, name)
    for module in (typing, typing_extensions)
    for name in ("Annotated", "Final", "Required", "NotRequired", "ReadOnly")
    if hasattr(module, name)
)
UNIONS = (typing.Union, types.UnionType)


def bare(annotation: object) -> object:
    """The annotation without Annotated, Final, Required, NotRequired, ReadOnly and NewType around it."""
    while True:
        if get_origin(annotation) in WRAPPERS:
            annotation = get_args(annotation)[0]
        elif isinstance(annotation, NewType):
            annotation = annotation.__supertype__
        else:
            return annotation


def is_alias(annotation: object) -> bool:
    """Whether this is a `type` statement's alias, perhaps with arguments."""
    return isinstance(get_origin(annotation) or annotation, _ALIASES)


def alias_target(alias: object) -> object:
    """What a `type` statement's alias stands for, its arguments put in."""
    origin: Any = get_origin(alias) or alias
    target = _resolved_alias(origin)
    return substitute(target, dict(zip(origin.__type_params__, get_args(alias), strict=False)))


def is_union(annotation: object) -> bool:
    """Whether this is a Union or Optional, in either spelling."""
    return get_origin(annotation) in UNIONS


def is_required(annotation: object) -> bool | None:
    """Whether a TypedDict's annotation says Required or NotRequired; None when it says neither."""
    while (origin := get_origin(annotation)) in WRAPPERS:
        if origin in (typing.Required, typing_extensions.Required):
            return True
        if origin in (typing.NotRequired, typing_extensions.NotRequired):
            return False
        annotation = get_args(annotation)[0]
    return None


def is_class(annotation: object) -> TypeGuard[type]:
    """Whether this is a plain class; `list[int]` is not one, though `isinstance` may say so."""
    return isinstance(annotation, type) and get_origin(annotation) is None


def name_of(annotation: object) -> str:
    """How messages and tags write it: without module names, the same in every process."""
    if annotation is None or annotation is types.NoneType:
        return "None"
    if annotation is Ellipsis:
        return "..."
    if is_union(annotation):
        return " | ".join(sorted(name_of(part) for part in get_args(annotation)))
    if get_origin(annotation) is typing.Literal:
        return f"Literal[{', '.join(map(repr, get_args(annotation)))}]"
    if parts := get_args(annotation):
        return f"{name_of(get_origin(annotation))}[{', '.join(map(name_of, parts))}]"
    if isinstance(annotation, list):
        return f"[{', '.join(map(name_of, annotation))}]"
    return getattr(annotation, "__name__", None) or str(annotation).removeprefix("typing.")


def fields_of(annotation: object, *, bare: bool = True) -> dict[str, object]:
    """The resolved annotations of a class's attributes, by name, base classes first; for `Box[int]` with int put in.
    Not `bare`: with what Annotated says of them."""
    cls: Any = get_origin(annotation) or annotation
    hints = _resolved(cls)
    arguments = _arguments_by_class(cls, get_args(annotation))
    found: dict[str, object] = {}
    for base in reversed(cls.__mro__):
        for name in inspect.get_annotations(base):
            if name in hints:
                found[name] = substitute(hints[name], arguments.get(base, {}), self_type=annotation, bare=bare)
    # A TypedDict has no base classes left at run time; its hints are all its own.
    return found | {
        name: substitute(hint, arguments[cls], bare=bare) for name, hint in hints.items() if name not in found
    }


def substitute(
    annotation: Any, arguments: Mapping[Any, object], *, self_type: object = None, bare: bool = True
) -> object:
    """The annotation with type parameters, and Self where `self_type` is given, replaced throughout."""
    if isinstance(annotation, TypeVar):
        return arguments.get(annotation, annotation)
    if annotation in _SELVES and self_type is not None:
        return self_type
    parts = get_args(annotation)
    origin = get_origin(annotation)
    if not parts or origin is typing.Literal:
        return annotation
    if bare and origin is typing.Annotated:
        return substitute(parts[0], arguments, self_type=self_type)
    kept = tuple(substitute(part, arguments, self_type=self_type, bare=bare) for part in parts)
    if all(new is old for new, old in zip(kept, parts, strict=True)):
        return annotation
    if is_union(annotation):
        return typing.Union[kept]  # noqa: UP007 - the operator takes no string
    return typing.cast(Any, origin)[kept]


def _resolved_alias(alias: Any) -> object:
    """An alias made by a call, where there is no `type` statement yet, may name itself in text."""
    holder = types.SimpleNamespace(__annotations__={"target": alias.__value__})
    names = vars(sys.modules[alias.__module__]) if alias.__module__ in sys.modules else {}
    local = {alias.__name__: alias} | {parameter.__name__: parameter for parameter in alias.__type_params__}
    try:
        return get_type_hints(holder, names, local, include_extras=True)["target"]
    except NameError as unknown:
        why = f"it names {unknown.name}, which is not found; define it at the top of its module"
        raise Unencodable(where="", what=f"the alias {alias.__name__}", why=why) from None


def _resolved(cls: type) -> dict[str, object]:
    try:
        return get_type_hints(cls, include_extras=True)
    except NameError:
        pass
    # A class made inside a function is unknown to its module; it may at least name itself and its type parameters.
    # (make_dataclass writes "typing.Any" for fields without a type, wherever it is called.)
    local: dict[str, object] = {"typing": typing} | {base.__name__: base for base in reversed(cls.__mro__)}
    local |= {parameter.__name__: parameter for parameter in getattr(cls, "__type_params__", ())}
    try:
        return get_type_hints(cls, localns=local, include_extras=True)
    except NameError as unknown:
        why = f"{cls.__name__} names {unknown.name}, which is not found; define it at the top of its module"
        raise Unencodable(where="", what=f"an annotation of {cls.__name__}", why=why) from None


def _arguments_by_class(cls: Any, arguments: tuple[object, ...]) -> dict[type, dict[object, object]]:
    """For each generic base, what its parameters stand for: `class Shelf(Box[Book])` says so for Box."""
    own = dict(zip(getattr(cls, "__parameters__", ()), arguments, strict=False))
    found = {cls: own}
    for base in getattr(cls, "__orig_bases__", ()):
        origin: Any = get_origin(base)
        if isinstance(origin, type):
            inner = tuple(substitute(part, own) for part in get_args(base))
            found |= _arguments_by_class(origin, inner)
    for base in cls.__bases__:
        if base not in found and base is not object:
            found |= {kind: told for kind, told in _arguments_by_class(base, ()).items() if kind not in found}
    return found
