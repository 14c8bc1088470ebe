"""Placing: where a call runs, by what its node, its services and its kind say, and by how quick it was seen to be.

Knows nothing of slots or results. Invariant: a call is placed with a runner that there is, and that can run its kind.
Source: adaptive inlining; work is moved where its measured cost says.
"""

from __future__ import annotations

from collections.abc import Mapping

from weft.call import Runner
from weft.definition import service_name
from weft.operation import Operation
from weft.spec import NodeCode
from weft.vectors import Wanted

QUICK_S = 0.001
"""A plain function that was seen to take less, twice, is called in place from then on, by the engine's own thread or by
one that edits."""
SLOW_S = 0.02
"""One that takes longer there goes back to a thread, so that the engine goes on."""


class Placing:
    """The runners and services of a program, and the pace of its operations."""

    def __init__(self, runners: Mapping[str, Runner], services: Mapping[str, object]) -> None:
        self.runners, self.services = runners, services
        self.pace: dict[str, int] = {}

    def runner(
        self, code: NodeCode, operation: Operation, services: Mapping[str, object], timeout_s: float | None
    ) -> Runner:
        """Where the code says; else where a service says; else by kind, plain functions by the pace seen so far. One
        whose time is bounded is not called in place, where nobody could keep the bound."""
        wanted = code.runner
        if wanted is None and services:
            wanted = next((r for s in services.values() if (r := getattr(s, "runner", None))), None)
        if wanted is None:
            is_quick = timeout_s is None and self.pace.get(operation.name, 0) >= 2
            wanted = "loop" if operation.kind != "sync" else "inline" if is_quick else "thread"
        elif wanted in ("inline", "thread") and operation.kind != "sync":
            wanted = "loop"
        return self.runners.get(wanted) or self.runners["inline" if operation.kind == "sync" else "loop"]

    def note(self, operation: Operation, took_s: float) -> None:
        """One of its calls took so long."""
        if took_s < QUICK_S:
            self.pace[operation.name] = self.pace.get(operation.name, 0) + 1
        elif took_s > SLOW_S:
            self.pace[operation.name] = -10

    def services_of(self, operation: Operation) -> dict[str, object]:
        """What it is given by keyword."""
        return {service.name: self.services.get(service_name(service.annotation)) for service in operation.services}

    def missing_service(self, operation: Operation, wanted: Wanted | None) -> str:
        """What to say of the first service that is not offered here; empty where none is missing."""
        needed = [service_name(one.annotation) for one in operation.services if one.default is not None]
        if wanted is not None:
            needed = [wanted.matcher.service] if wanted.made is not None else [*needed, wanted.matcher.service]
        missing = next((name for name in needed if name not in self.services), "")
        return missing and f"{operation.name} needs {missing}; open the space with services={{{missing}: …}}"
