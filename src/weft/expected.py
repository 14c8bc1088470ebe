"""What a program gives a space, checked before anything is done: entity types, services by their Protocol, handles.

Types catch these mistakes where a checker runs; here they are caught for everybody, in words that say what to write.

Knows nothing of what types declare or services do. Invariant: what passes here fails later only for what it does.
Source: the first line of a function that says what it takes.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping, Sequence
from typing import TypeVar

from typing_extensions import get_protocol_members, is_protocol

from weft.entity import Entity
from weft.handle import short_repr

Kinds = TypeVar("Kinds", bound=Sequence[type[Entity]])


def check_types(where: str, kinds: Kinds) -> Kinds:
    """The types. Raises TypeError for what is not a list of Entity types."""
    given: object = kinds
    if isinstance(given, type):
        raise TypeError(f"{where} is a list: write {where}=[{given.__name__}]")
    if not isinstance(given, Iterable) or isinstance(given, str):
        raise TypeError(f"{where} takes a list of Entity types, not {short_repr(given, 60)}")
    for kind in kinds:
        check_type(where, kind)
    return kinds


def check_type(where: str, kind: object) -> None:
    """Raise TypeError for what is not an Entity type."""
    if isinstance(kind, type) and issubclass(kind, Entity):
        return
    if isinstance(kind, Entity):
        raise TypeError(f"{where} takes an Entity type, and this is an entity of one: write {type(kind).__name__}")
    said = kind.__name__ if isinstance(kind, type) else short_repr(kind, 60)
    raise TypeError(f"{where} takes Entity types, and {said} is not one: declare a class that derives from Entity")


def check_texts(call: str, **given: str | None) -> None:
    """Raise TypeError for what is neither a text nor left out."""
    for name, word in given.items():
        one: object = word
        if not isinstance(one, str | None):
            raise TypeError(f"{call}({name}=…) takes a text, not {short_repr(one, 60)}")


def no_place(call: str, value: object, *, told: str = "weft why SPACE ENTITY.NODE") -> TypeError:
    """The error for what names no node of an entity: what a told node shows is a value, which knows no entity. `told`:
    what to write for one of those."""
    return TypeError(
        f"{call} takes a computed node of an entity, as in {call}(entity.node), or a reference, not "
        f"{short_repr(value, 60)}; for what was told: {told}"
    )


def check_services(services: Mapping[type, object]) -> Mapping[type, object]:
    """The services. Raises TypeError for a key that is no Protocol, a class in the place of an instance, and an object
    without a method that its Protocol has."""
    given: object = services
    if not isinstance(given, Mapping):
        raise TypeError(f"services is a mapping, not {short_repr(given, 60)}: write services={{Protocol: object}}")
    for protocol, service in services.items():
        _check_protocol(protocol)
        name = protocol.__name__
        if isinstance(service, type):
            raise TypeError(f"{name} is offered as the class {service.__name__}: give an instance of it")
        missing = [each for each in sorted(get_protocol_members(protocol)) if _is_lacking(protocol, service, each)]
        if missing:
            verbs = ", ".join(f"{each}(…)" for each in missing)
            raise TypeError(f"{name} is offered as {type(service).__name__}, which has no {verbs}")
    return services


def _check_protocol(key: object) -> None:
    if not isinstance(key, type) or not is_protocol(key):
        raise TypeError(
            f"services are given by the Protocol that operations ask for, and {short_repr(key, 60)} is not one: "
            "write services={Protocol: object}"
        )


def _is_lacking(protocol: type, service: object, name: str) -> bool:
    """Whether a method is missing; attributes may be set later, and those of every service are asked for with a
    default."""
    is_method = inspect.isfunction(inspect.getattr_static(protocol, name, None))
    return is_method and name not in _OPTIONAL and not callable(getattr(service, name, None))


_OPTIONAL = frozenset({"fingerprint", "health"})
"""What the engine does without."""
