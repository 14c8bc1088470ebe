"""What is in force and is not what this program brings: said in a line, with what to do about it.

A program of older code that opens a space puts its older definition in force again, which nobody may have meant; and a
program that is not the engine brings services that nobody asks. Neither is wrong, and neither is passed over.

Knows nothing of clients and pumps. Invariant: what is said changes nothing, and each thing is said once an opening.
Source: schema registries that refuse or name an older writer's schema.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from typing import Protocol, cast

from weft.content import Plain, content_id, encode
from weft.engine import Engine
from weft.pins import refuse_pinned
from weft.spec import TypeSpec
from weft.store import DEFINITION, Store

LOOKED_BACK_MAX = 100_000
"""How many records are looked through for an earlier time at which a definition was in force."""
OPENING_S = 1.0
"""How long an engine that may just be opening is given to put its types and services in force."""

_log = logging.getLogger("weft")


class Viewed(Protocol):
    """A client, as far as it is looked at here."""

    store: Store

    def view(self) -> AbstractContextManager[Engine]:
        """The space as the file has it now."""
        ...


def define_all(engine: Engine, specs: Iterable[TypeSpec]) -> None:
    """Put definitions in force; one that was in force before, and was followed by another, is named. Raises
    `DefinitionPinned`, and then none is."""
    specs = list(specs)
    refuse_pinned(engine, specs)
    for spec in specs:
        row, earlier = engine.row(DEFINITION, (spec.name,)), earlier_at(engine, spec)
        if engine.define(spec) and row is not None and earlier:
            _log.warning(
                "the definition of %s that this program puts in force is that of position %d, and a newer one was "
                "in force since %s. If this program is of older code, close it and open the space with the newer "
                "code; what was told is kept",
                spec.name,
                earlier,
                row[0],
            )


def offer_all(engine: Engine, services: Mapping[str, object], *, recompute: bool | None) -> None:
    """Put services in force; one that is another than before, and computes nothing anew, is named."""
    for name, service in services.items():
        cost = getattr(service, "cost", "")
        harmless = cost in ("free", "") and getattr(service, "deterministic", False)
        again = recompute if recompute is not None else bool(harmless)
        was_known = name in engine.fingerprints
        is_another = engine.offer(name, fingerprint_of(service), recompute=again, cost=str(cost))
        if is_another and was_known and not again:
            _log.warning(
                "%s is another service than before. What the former computed stands; open the space with "
                "recompute=True to compute it anew",
                name,
            )


def fingerprint_of(service: object) -> Plain:
    """What a service says it is; one that says nothing is known by its class."""
    said = getattr(service, "fingerprint", None)
    if callable(said):
        return cast("Plain", dict(said()))
    return {"name": f"{type(service).__module__}/{type(service).__qualname__}"}


def earlier_at(engine: Engine, spec: TypeSpec) -> int:
    """The position at which this definition was in force before the one of today; 0 where it is that, or never was."""
    row, said = engine.row(DEFINITION, (spec.name,)), encode(spec.plain())
    newest = row[0] if row is not None and isinstance(row[0], int) else 0
    if engine.in_force.get(spec.name, spec).content() == spec.content():
        return 0
    for record in engine.store.records(max(0, newest - LOOKED_BACK_MAX)):
        if record.position >= newest:
            break
        if record.kind == "definition":
            earlier = record.content()
            earlier.pop("renamed", None)
            if encode(earlier) == said:
                return record.position
    return 0


def say_read_only(path: str | None, why: str) -> None:
    """Say that a space is open for reading only."""
    _log.warning("%s is open for reading only. %s", path or "the space", why)


def warn_of_services(client: Viewed, fingerprints: Mapping[str, Plain]) -> None:
    """Name each service that this program offers, as a client, and that is not the one in force."""
    wait_while_opening(client.store, lambda: not _others(client, fingerprints))
    for name, there in _others(client, fingerprints).items():
        _log.warning(
            "%s is not used as it is offered here: another program computes this space, with %s. Open the space with "
            "the same service, or close that program and open it anew",
            name,
            "another one" if there else "none",
        )


def wait_while_opening(store: Store, is_so: Callable[[], bool]) -> None:
    """Wait until it is so, as long as an engine may be opening at this very moment: it has the lease before its types
    and services are in force."""
    deadline = time.monotonic() + OPENING_S
    while not is_so() and time.monotonic() < deadline and store.holder() is not None:
        time.sleep(0.02)


def _others(client: Viewed, fingerprints: Mapping[str, Plain]) -> dict[str, bool]:
    """Those that are not in force, and whether another of the name is."""
    with client.view() as engine:
        there = engine.fingerprints
        wanted = {name: content_id(encode(said)) for name, said in fingerprints.items()}
    return {name: name in there for name, content in wanted.items() if there.get(name) != content}
