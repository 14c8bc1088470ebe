"""A small world for tests: an engine over a store, with every call held until the test lets it come back.

Nothing runs by itself here. The test tells events, sees which calls were sent, and says which of them come back, in
which order, with which outcome, how often, and whether the engine dies in between. So every interleaving that runners
could produce can be written down, and found by search.

Knows nothing of threads or loops. Invariant: the same steps give the same log.
Source: deterministic simulation testing; controlled executors in place of mocks.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from typing import Any

from weft.attempt import Attempts
from weft.call import AttemptId, Broke, Call, Finished, Partial, Report, Reporter
from weft.content import Plain
from weft.definition import compile_type, type_name
from weft.engine import Engine
from weft.folding import event_id, event_plain
from weft.graph import Slot
from weft.slot import SlotKey
from weft.store import Store
from weft.stores.memory import MemoryStore
from weft.value import shape_of


class HeldRunner:
    """A runner that holds every call until it is let go."""

    name = "held"

    def __init__(self) -> None:
        self.held: dict[AttemptId, tuple[Call, Reporter]] = {}
        self.cancelled: list[AttemptId] = []

    def start(self, call: Call, report: Reporter, /) -> None:
        """Hold it."""
        self.held[call.id] = (call, report)

    def cancel(self, id: AttemptId, /) -> None:
        """Note it; whether the call heeds it is the test's to say."""
        self.cancelled.append(id)

    def close(self) -> None:
        """Let go of nothing: a call may still come back after its engine has died."""


class World:
    """One engine over a store, driven step by step."""

    def __init__(
        self,
        *types: type,
        store: Store | None = None,
        services: Mapping[str, object] | None = None,
        inline: bool = False,
        make_attempts: Callable[..., Attempts] = Attempts,
    ) -> None:
        self.store: Store = store if store is not None else MemoryStore()
        self.types, self.services = types, dict(services or {})
        self.inline, self.make_attempts = inline, make_attempts
        self.runner = HeldRunner()
        self.retries: list[tuple[float, SlotKey]] = []
        self.sent: list[Call] = []
        self._names = itertools.count(1)
        self.open()

    # ---- the engine ----
    def open(self) -> None:
        """A new engine takes the lease."""
        specs = {type_name(kind): compile_type(kind) for kind in self.types}
        self.engine = Engine(self.store, epoch=self.store.acquire(), types=specs, now=lambda: "2026-01-01T00:00:00Z")
        for spec in specs.values():
            self.engine.define(spec)
        for name in self.services:
            self.engine.offer(name, {"name": name}, recompute=False)
        runners = {"inline": self.runner, "loop": self.runner, "thread": self.runner, "process": self.runner}
        if self.inline:
            from weft.runners.inline import InlineRunner

            runners = {"inline": InlineRunner(), "loop": self.runner}  # type: ignore[dict-item]
        self.attempts = self.make_attempts(
            self.engine,
            runners=runners,
            services=self.services,
            report=self._late,
            later=lambda delay_s, key: self.retries.append((delay_s, key)),
        )
        self.attempts.retire()
        self.engine.commit()
        self.engine.resume()

    def crash(self) -> None:
        """The engine dies, with what it had not committed; another opens the space. Held calls stay held."""
        watched = dict(self.engine.watched)
        self.store.release()
        self.open()
        for place in watched:
            self.engine.watch(*place)

    def _late(self, report: Report) -> None:
        raise AssertionError("held calls come back by `finish`, `fail` and `partial`")

    # ---- events ----
    def tell(self, *intents: list[Plain], id: str | None = None, base: int | None = None, actor: str = "ann") -> int:
        """An event by its plain intents; returns its position."""
        name = id if id is not None else f"e{next(self._names)}"
        said = event_plain(
            event_id(actor, name),
            list(intents),
            actor=actor,
            base=self.engine.cut if base is None else base,
            time="2026-01-01T00:00:00Z",
        )
        position = self.engine.tell(said)
        self.engine.commit()
        return position

    # ---- calls ----
    def step(self) -> list[Call]:
        """Begin whatever can begin; returns the calls that were sent."""
        before = set(self.runner.held)
        while self.attempts.pump(1000):
            pass
        self.engine.commit()
        self.attempts.send()
        calls = [call for id, (call, _) in self.runner.held.items() if id not in before]
        self.sent.extend(calls)
        return calls

    def held(self) -> list[Call]:
        """The calls that have not come back yet, oldest first; those of dead engines among them."""
        return [call for call, _ in self.runner.held.values()]

    def finish(self, call: Call, value: object = None, *, again: bool = False) -> None:
        """The call comes back with a value: its own function's unless one is given. `again`: and may once more."""
        result = call.operation.function(*call.arguments, **call.services) if value is None else value
        self.report(Finished(call.id, shape_of(call.operation.returns).encode(result), 0.0))
        if not again:
            self.runner.held.pop(call.id, None)

    def fail(self, call: Call, message: str = "it broke", *, retry: bool = True) -> None:
        """The call comes back with an error."""
        self.report(Broke(call.id, "RuntimeError", message, "", retry, 0.0))
        self.runner.held.pop(call.id, None)

    def partial(self, call: Call, index: int, value: object) -> None:
        """The call has a value so far."""
        self.report(Partial(call.id, index, shape_of(call.operation.returns).encode(value)))

    def report(self, report: Report) -> None:
        """Whatever a runner could say, at any time."""
        self.attempts.report(report)
        self.engine.commit()

    def wake_retries(self) -> None:
        """Every retry's pause is over."""
        waiting, self.retries = self.retries, []
        for _, key in waiting:
            self.attempts.wake(key)

    def rest(self, *, choose: Callable[[list[Call]], Call] = lambda calls: calls[0], calls_max: int = 10_000) -> int:
        """Let every call come back, in the order that `choose` picks; returns how many did."""
        for done in range(calls_max):
            self.step()
            mine = [call for call in self.held() if call.id in self.attempts.open]
            if not mine:
                if not self.retries:
                    return done
                self.wake_retries()
                continue
            self.finish(choose(mine))
        raise AssertionError(f"{calls_max} calls, and still no rest")

    # ---- what shows ----
    def slot(self, entity: str, node: str, element: str = "") -> Slot:
        """A slot by its place."""
        found = self.engine.node(entity, node, element)
        assert isinstance(found, Slot), (entity, node, element)
        return found

    def value(self, entity: str, node: str, element: str = "") -> Any:
        """What a node shows, decoded; None where it shows no value."""
        from weft.glance import look
        from weft.slot import Ok

        _, shape, outcome = look(self.engine, self.engine.node(entity, node), element)
        return shape.decode(outcome.encoded) if isinstance(outcome, Ok) and shape is not None else None
