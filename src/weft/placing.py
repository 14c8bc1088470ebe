"""Placing: where a call runs, by what its node, its services and its kind say, and by how quick it was seen to be.

Knows nothing of results. Invariant: a call is placed with a runner that there is, and that can run its kind.
Source: adaptive inlining; work is moved where its measured cost says.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Container, Iterator, Mapping

from weft.call import AttemptId, Runner
from weft.definition import service_name
from weft.graph import Slot
from weft.operation import Operation
from weft.slot import SlotKey
from weft.spec import NodeCode
from weft.vectors import Wanted

QUICK_S = 0.001
"""A plain function that was seen to take less, twice, is called in place from then on, by the engine's own thread or by
one that edits."""
SLOW_S = 0.02
"""One that takes longer there goes back to a thread, so that the engine goes on."""
QUICK_MIN = 2
"""A function is quick when so many more of its calls were quick than not."""
TRIED = 8
"""The pace of a function is known at the latest when so many of its calls have ended, which is how many threads there
are; until then no more of them are under way at once."""


class Placing:
    """The runners and services of a program, and the pace of its operations."""

    def __init__(self, runners: Mapping[str, Runner], services: Mapping[str, object]) -> None:
        self.runners, self.services = runners, services
        self.pace: Counter[str] = Counter()
        self._noted: Counter[str] = Counter()
        self._tried: defaultdict[str, list[AttemptId]] = defaultdict(list)
        self._held: defaultdict[str, list[SlotKey]] = defaultdict(list)

    def runner(
        self, wanted: str | None, operation: Operation, services: Mapping[str, object], timeout_s: float | None
    ) -> Runner:
        """Where it is `wanted`; else where a service says; else by kind, plain functions by the pace seen so far. One
        whose time is bounded is not called in place, where nobody could keep the bound."""
        if wanted is None and services:
            wanted = next((r for s in services.values() if (r := getattr(s, "runner", None))), None)
        if wanted is None:
            is_quick = timeout_s is None and self.pace[operation.name] >= QUICK_MIN
            wanted = "loop" if operation.kind != "sync" else "inline" if is_quick else "thread"
        elif wanted in ("inline", "thread") and operation.kind != "sync":
            wanted = "loop"
        return self.runners.get(wanted) or self.runners["inline" if operation.kind == "sync" else "loop"]

    def note(self, operation: Operation, took_s: float) -> None:
        """One of its calls took so long."""
        self._noted[operation.name] += 1
        if took_s < QUICK_S:
            self.pace[operation.name] += 1
        elif took_s > SLOW_S:
            self.pace[operation.name] = -10

    def may_begin(
        self, slot: Slot, code: NodeCode, runner: Runner, id: AttemptId, under_way: Container[AttemptId]
    ) -> bool:
        """Whether a call is to be begun now; else its slot is `released` when it is known where that is best."""
        name = code.operation.name if code.operation is not None else ""
        is_by_pace = runner.name == "thread" and code.runner is None and slot.spec.timeout_s is None
        if not is_by_pace or self._is_known(name):
            return True
        tried = self._tried[name] = [one for one in self._tried[name] if one in under_way]
        may = len(tried) < TRIED
        tried.append(id) if may else self._held[name].append(slot.key)
        return may

    def released(self, under_way: Container[AttemptId]) -> Iterator[SlotKey]:
        """The slots that wait no longer: the pace of their operation is known, or there is room to find it out."""
        for name, held in [*self._held.items()]:
            count = len(held) if self._is_known(name) else TRIED - sum(one in under_way for one in self._tried[name])
            self._held[name] = held[count:]
            yield from held[:count]

    def _is_known(self, name: str) -> bool:
        return self.pace[name] >= QUICK_MIN or self._noted[name] >= TRIED

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
