"""Opening a space: which store holds it, which types are computed in it, who offers the services.

A program names `open` long before it calls it, or in a module that only declares types: so all that a space is made of
is imported by the call.

Knows nothing of what a space does once it is open.
Invariant: what is mistaken in the arguments is refused before a file is made.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from weft.call import Runner
    from weft.driver import Driver
    from weft.entity import Entity
    from weft.purity.checks import Checks
    from weft.space import Space
    from weft.store import Store

DEFAULT_ACTOR = "local"


def open(
    path: str | None = None,
    *,
    types: Sequence[type[Entity]] = (),
    services: Mapping[type, object] | None = None,
    engine: bool | None = None,
    actor: str = DEFAULT_ACTOR,
    recompute: bool | None = None,
    runners: Mapping[str, Runner] | None = None,
    check_pure: float | Checks = 0,
    drivers: Sequence[Driver[Any]] = (),
) -> Space:
    """The space in the file at `path` (made if it is not there, but for `engine=False`), or in memory.

    `types` are computed here; entities of other types are readable. `services`: by the Protocol that operations name.
    `engine`: True raises `SpaceLocked` where another program is the engine, None becomes its client; False computes
    nothing in any case: it reads, and its edits wait in the inbox for whoever is the engine next. `recompute`: what a
    service that changed since makes due: all that used it (True), nothing (False), or (None) all where it is free and
    deterministic. `check_pure`: which share, from 0 to 1, of the calls of operations declared pure is made a second
    time, in idle moments, to see whether they are. `drivers`: what carries out the effects that flows perform.

    Raises `SpaceLocked`, `SpaceDamaged`, `SpaceNewer`, `NotASpace`, `NoSpaceYet`, `WrongDefinition`. A space is used by
    the process that opened it: in a fork of it each use, and opening it again, raises `OpenedElsewhere`.
    """
    from weft.attempt import Attempts
    from weft.definition import compiled_types
    from weft.driving.drive import drive
    from weft.expected import check_drivers, check_services, check_types
    from weft.purity.checks import checks_of
    from weft.space import Space

    specs, offered = compiled_types(check_types("types", types)), check_services(services or {})
    checks, carried = checks_of(check_pure), check_drivers(drivers)
    opened = Space(
        _store(path, is_there=engine is False),
        specs,
        services=offered,
        actor=actor,
        engine=engine,
        recompute=recompute,
        runners=runners,
        make_attempts=Attempts if checks is None else checks.attempts,
        drive=partial(drive, drivers=carried),
    )
    opened.know(types)
    return opened


def _store(path: str | None, *, is_there: bool) -> Store:
    from weft.stores.memory import MemoryStore
    from weft.stores.opening import refuse_absent
    from weft.stores.sqlite import SqliteStore

    if path is None:
        return MemoryStore()
    if is_there:
        refuse_absent(path)
    return SqliteStore(path)
