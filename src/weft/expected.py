"""What a program gives a space, checked before anything is done: entity types, services by their Protocol, drivers,
handles.

Types catch these mistakes where a checker runs; here they are caught for everybody, in words that say what to write.

Knows nothing of what types declare, and of what services and drivers do.
Invariant: what passes here fails later only for what it does.
Source: the first line of a function that says what it takes.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, TypeVar, cast

from typing_extensions import get_protocol_members, is_protocol

from weft.driver import Driver
from weft.entity import Entity
from weft.flow import Effect, Flow
from weft.handle import Value, short_repr

Kinds = TypeVar("Kinds", bound=Sequence[type[Entity]])
Drivers = TypeVar("Drivers", bound=Sequence[Driver[Any]])


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


def check_flow(call: str, value: object) -> Value[Any]:
    """The handle on a flow. Raises TypeError for all else: for an entity it says which flows that has."""
    if isinstance(value, Value) and isinstance(value.node, Flow):
        return value
    kind = type(value)
    flows = [name for name in dir(kind) if isinstance(getattr(kind, name, None), Flow)]
    if isinstance(value, Entity) and not flows:
        raise TypeError(f"{call} takes a flow of an entity, and {kind.__name__} has none: no method of it is under @on")
    if isinstance(value, Entity):
        them = " or ".join(f"{call}(entity.{name})" for name in flows)
        raise TypeError(f"{call} takes a flow, and this is an entity, of type {kind.__name__}: write {them}")
    said = f"{value.node}, which is a node" if isinstance(value, Value) else short_repr(value, 60)
    raise TypeError(f"{call} takes a flow of an entity, as in {call}(entity.flow), not {said}")


def check_moments(call: str, *given: datetime) -> None:
    """Raise TypeError for what is no moment."""
    for one in cast("tuple[object, ...]", given):
        if not isinstance(one, datetime):
            raise TypeError(f"{call} takes moments, not {short_repr(one, 60)}: write datetime(…, tzinfo=UTC)")


def check_delay(call: str, delay: object) -> None:
    """Raise TypeError for what is no timedelta: a number says nothing of its unit."""
    if not isinstance(delay, timedelta):
        meant = f": write timedelta(seconds={delay})" if isinstance(delay, int | float) else ""
        raise TypeError(f"{call} takes a timedelta, not {short_repr(delay, 60)}{meant}")


def check_effect(effect: object) -> type[Effect[Any]]:
    """The class of an effect. Raises TypeError for what is none."""
    if isinstance(effect, Effect):
        return type(effect)
    if isinstance(effect, type) and issubclass(effect, Effect):
        raise TypeError(
            f"run.perform takes an effect, and {effect.__name__} is a class of them: write "
            f"run.perform({effect.__name__}(…))"
        )
    raise TypeError(
        f"run.perform takes an effect, a frozen dataclass derived from weft.Effect[…], not {short_repr(effect, 60)}"
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


def check_drivers(drivers: Drivers) -> Drivers:
    """The drivers. Raises TypeError for what is no list of them, a class in the place of an instance, an object that
    carries nothing out or blocks meanwhile, and two that name one class of effects."""
    given: object = drivers
    if _is_driver(given):
        raise TypeError(f"drivers is a list: write drivers=[{_called(given)}]")
    if not isinstance(given, Collection) or isinstance(given, str | Mapping):
        raise TypeError(f"drivers takes a list of drivers, not {short_repr(given, 60)}")
    by: dict[type, object] = {}
    for driver in drivers:
        for kind in _effects_of(driver):
            if kind in by:
                both = " and ".join(dict.fromkeys([type(by[kind]).__name__, type(driver).__name__]))
                raise TypeError(f"two drivers carry out {kind.__name__} ({both}): leave one")
            by[kind] = driver
    return drivers


def _effects_of(driver: object) -> tuple[type, ...]:
    name = type(driver).__name__
    if isinstance(driver, type):
        raise TypeError(f"drivers takes instances, and {driver.__name__} is a class: write {driver.__name__}(…)")
    if not _is_driver(driver):
        lacks = " and ".join(each for each in ("effects", "carry_out") if not hasattr(driver, each))
        raise TypeError(
            f"drivers takes objects with `effects` and `async def carry_out(self, effect, key)`, and {name} has no "
            f"{lacks}"
        )
    carry_out: object = getattr(driver, "carry_out", None)
    if not callable(carry_out) or _is_blocking(carry_out):
        raise TypeError(
            f"{name}.carry_out is no coroutine function, so the space would stand still meanwhile: write "
            "`async def carry_out(self, effect, key)`, and await asyncio.to_thread(…) for what blocks"
        )
    effects: object = getattr(driver, "effects", None)
    if isinstance(effects, type):
        raise TypeError(f"{name}.effects is a tuple: write effects = ({effects.__name__},)")
    kinds = tuple(effects) if isinstance(effects, Iterable) else (effects,)
    if wrong := [each for each in kinds if not (isinstance(each, type) and issubclass(each, Effect))]:
        raise TypeError(
            f"{name}.effects names {short_repr(wrong[0], 60)}, which is no class of effects: derive one from "
            "weft.Effect[…], by what its receipt holds"
        )
    return kinds


def _is_driver(given: object) -> bool:
    return not isinstance(given, type) and hasattr(given, "effects") and hasattr(given, "carry_out")


def _called(given: object) -> str:
    return f"{type(given).__name__}(…)"


def _is_blocking(carry_out: Callable[..., Any]) -> bool:
    """Whether it is an ordinary function; of one that wraps another that other tells."""
    inner: object = inspect.unwrap(carry_out)
    inner = getattr(inner, "__func__", inner)
    return inspect.isfunction(inner) and not inspect.iscoroutinefunction(inner)
