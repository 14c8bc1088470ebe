"""Runs in memory: each is made from what was told of it, whenever somebody has to go on with it.

A run's code is taken from its beginning over all that the run was told, so that it stands where it stood; then it is
known what it waits for. One whose code is not here, or has changed since the run began, is not held.

Knows nothing of when a run goes on. Invariant: what is held stands where its rows say; nothing is told by holding it.
Source: event-sourced actors; sticky caches of workflow workers.
"""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Coroutine, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, cast

from msgspec import Struct, field

from weft.definition import service_name
from weft.driving.run_log import RunLog
from weft.entity import entity_at
from weft.errors import WeftError
from weft.flow import Effect, Flow
from weft.folding import event_id
from weft.handle import Seat
from weft.operation import MISSING, Parameter
from weft.returned import services_of, shape_returned
from weft.run_desk import RunDesk, RunEdit
from weft.run_rows import RunRow, spent_of
from weft.runs.awaits import Made, without_loop
from weft.runs.firing import ACTOR
from weft.runs.live_run import LiveRun
from weft.runs.replay import Asking, Replay, RunDiverged, Told
from weft.runs.strands import Value
from weft.steps.carrier import Carrier, RunId
from weft.value import Shape

if TYPE_CHECKING:
    from weft.space import Space


STILL = ("perform",)
"""What is carried out for a run also while it is not held."""
PARKED_MAX = 64
"""So many runs that wait for people or moments are kept in memory, as they may go on soon; more are made anew then."""
BEGINS, STOPS = "begins", "stops"
"""What slices are called that begin with no step's outcome: a run's first, and the one in which it hears that it is to
end. No step's key is either."""


class NotHere(WeftError):
    """The run {run} cannot go on here: the space was opened without the code of {type}; give it to open(types=…)."""

    run: str
    type: str


class ServiceNotHere(WeftError):
    """The run {run} cannot go on here: its flow is given {service}, which nobody offers; give it to
    open(services=…)."""

    run: str
    service: str


class CodeChanged(WeftError):
    """The run {run} of {flow} began with another version of its code ({began}, and it is {now} here). Offer that
    version, or have the run adopted by the new one (space.adopt), begun anew (space.restart) or cancelled."""

    run: str
    flow: str
    began: str
    now: str


class HeldRun(Struct, eq=False):
    """One run."""

    id: RunId
    returns: Shape
    """How what it returns is kept."""
    replay: Replay
    desk: RunDesk
    made: Made
    """What its code was given to await."""
    unsent: dict[str, Asking] = field(default_factory=dict)
    """What it asks for, and nobody carries out yet, by key."""
    sent: dict[str, Asking] = field(default_factory=dict)
    """What is carried out for it."""
    again: set[str] = field(default_factory=set)
    """Of what is unsent, what may have been sent before."""

    def asked(self) -> dict[str, Asking]:
        """All that it has asked for, as far as that was told."""
        return self.sent | self.unsent

    def asks(self, key: str) -> bool:
        """Whether this is one of those."""
        return key in self.sent or key in self.unsent

    def step(self, key: str) -> Asking:
        """One of those."""
        return self.sent.get(key) or self.unsent[key]

    def let_go(self) -> None:
        """Drive it no further."""
        with without_loop():
            self.replay.let_go()
        self.made.close()


class HeldRuns:
    """Those of one engine."""

    def __init__(
        self, space: Space, log: RunLog, carriers: Mapping[str, Carrier], services: Mapping[str, object]
    ) -> None:
        self._space, self._log, self._carriers, self._services = space, log, carriers, services
        self.held: dict[RunId, HeldRun] = {}
        self.moved: dict[RunId, None] = {}
        """Those that may have something to send, or nothing that needs anybody here."""
        self._parked: dict[RunId, HeldRun] = {}
        """Those that wait for what needs nobody here, the newest last."""
        self.blocked: dict[RunId, str] = {}
        """Those that cannot go on with what is here, and why."""

    def begin(self, id: RunId) -> HeldRun:
        """One that has not begun. Raises `NotHere`, `ServiceNotHere`."""
        type = self._log.type_of(id)
        kind = self._space._host.kinds.get(type)
        if kind is None:
            raise NotHere(run=id[2], type=type)
        desk, flow, row = RunDesk(self._space), getattr(kind, id[1]), self._log.row(id)
        assert isinstance(flow, Flow) and row is not None
        entity = cast("object", entity_at(kind, Seat(desk, id[0])))
        run = LiveRun(id[2], desk.create, row.carried, row.moment_us, lambda: held.replay.spent)
        services = {one.name: self._service(id, one) for one in services_of(flow)}

        def make() -> Coroutine[Any, Any, object]:
            if flow.waits:
                return cast("Coroutine[Any, Any, object]", flow.fn(entity, run, **services))
            return _decide(run, cast("Iterable[Effect[Any]]", flow.fn(entity)))

        replay = Replay(id[2], str(flow), make, desk.enter, flow.when.budget)
        held = HeldRun(id, shape_returned(flow), replay, desk, run.made)
        self.held[id], self.moved[id] = held, None
        return held

    def _service(self, id: RunId, parameter: Parameter) -> object:
        name = service_name(parameter.annotation)
        if name not in self._services and parameter.default is MISSING:
            raise ServiceNotHere(run=id[2], service=name)
        return self._services.get(name, parameter.default)

    def of(self, id: RunId, row: RunRow) -> HeldRun:
        """One that has begun, with the code that it began with. Raises `CodeChanged`, and what `replay` does."""
        if (held := self.held.get(id)) is not None:
            return held
        now = self._log.flow(id)[0].version
        if row.version != now:
            flow = f"{self._log.type_of(id)}.{id[1]}"
            raise CodeChanged(run=id[2], flow=flow, began=row.version, now=now)
        held = self.replay(id, row)
        self._check_awaited(held, row)
        return held

    def _check_awaited(self, held: HeldRun, row: RunRow) -> None:
        """Refuse a run that awaits something else than was told. Raises `RunDiverged`, and then it is not held."""
        asked, told = held.asked(), [key for key, step in row.steps.items() if not step.is_done]
        if asked.keys() != set(told):
            self.drop(held)
            gone, new = [key for key in told if key not in asked], [str(asked[key].asks) for key in asked.keys() - told]
            step, instead = next(iter(gone), "nothing more"), " and ".join(sorted(new)) or "nothing more"
            raise RunDiverged(run=held.id[2], flow=held.replay.flow, step=step, instead=instead)

    def replay(self, id: RunId, row: RunRow) -> HeldRun:
        """One that has begun, with whatever code is here. Raises what `begin` does; `RunDiverged`, and then it is not
        held."""
        held = self.begin(id)
        try:
            self._replay(held, row)
        except RunDiverged:
            self.drop(held)
            raise
        return held

    def _replay(self, held: HeldRun, row: RunRow) -> None:
        with self.editing(held, slice_name(held.id, row, BEGINS), row):  # what it says again was told
            held.replay.start(row.began - 1)
        heard = [(step.told, key) for key, step in row.steps.items() if step.is_done]
        heard += [(row.stopped, STOPS)] if row.stopped else []
        for told, key in sorted(heard):
            with self.editing(held, slice_name(held.id, row, key), row):
                if key != STOPS:
                    outcome, spent = self._outcome(held, key, row), spent_of(row.steps[key].outcome)
                    held.replay.hand([Told(key, outcome, told - 1, spent)])
                else:
                    held.replay.cancel(told - 1)
        held.replay.take_changes()  # all of it was told
        for key, step in held.replay.awaited():
            # What waits for long needs nobody here: its row says it all.
            (held.sent if self._carriers[step.kind].parks else held.unsent)[key] = step
        held.again = set(held.unsent)

    def _outcome(self, held: HeldRun, key: str, row: RunRow) -> Any:
        step = held.replay.step(key)
        return self._carriers[step.kind].outcome(step, row.steps[key].outcome) if step is not None else Value(None)

    @contextlib.contextmanager
    def editing(self, held: HeldRun, name: str, row: RunRow) -> Iterator[RunEdit]:
        """What the code says meanwhile is one edit, of the same id whenever it goes on from there: so what it creates
        is the same."""
        edit = RunEdit(held.desk, id=event_id(ACTOR, name), actor=ACTOR, cause=row.cause)
        staged = self._space._staged.set(edit)
        try:
            with without_loop():
                yield edit
        finally:
            self._space._staged.reset(staged)

    def forget(self, held: HeldRun, keys: Iterable[str]) -> None:
        """It waits for these steps no longer."""
        for key in keys:
            held.unsent.pop(key, None)
            if (step := held.sent.pop(key, None)) is not None:
                self._carriers[step.kind].forget(held.id, key)

    def drop(self, held: HeldRun) -> None:
        """Hold it no longer: it goes on from what was told of it."""
        self.forget(held, list(held.sent))
        held.let_go()
        self.held.pop(held.id, None)
        self._parked.pop(held.id, None)

    def park(self, held: HeldRun) -> None:
        """Let go of one whose steps need nobody here, where it is: once so many others were parked since that it is
        not likely to go on soon."""
        self._parked.pop(held.id, None)
        self._parked[held.id] = held
        while len(self._parked) > PARKED_MAX:
            oldest = self._parked.pop(next(iter(self._parked)))
            if self.held.get(oldest.id) is oldest and self.is_parked(oldest):
                oldest.let_go()
                del self.held[oldest.id]

    def is_parked(self, held: HeldRun) -> bool:
        """Whether all that a run waits for needs nobody here."""
        return not held.unsent and all(self._carriers[step.kind].parks for step in held.sent.values())

    def let_go_changed(self) -> None:
        """Hold none whose flow is gone, or has other code than the run began with; and forget why others could not go
        on."""
        for held in list(self.held.values()):
            row = self._log.row(held.id)
            if row is None or (row.began and row.version != self._log.flow(held.id)[0].version):
                self._let_go(held, STILL)
        self.blocked.clear()

    def clear(self, still: Collection[str] = ()) -> None:
        """Hold none. Steps of the kinds `still` are carried out all the same, for whoever holds their runs next."""
        for held in list(self.held.values()):
            self._let_go(held, still)
        self.blocked.clear()

    def _let_go(self, held: HeldRun, still: Collection[str]) -> None:
        held.sent = {key: step for key, step in held.sent.items() if step.kind not in still}
        self.drop(held)


async def _decide(run: LiveRun, effects: Iterable[Effect[Any]]) -> None:
    """What decides at once waits for its effects alone."""
    await run.gather(*(run.perform(effect) for effect in effects))


def slice_name(id: RunId, row: RunRow, key: str) -> str:
    """What the event of a slice is called that begins with this: with what a step of this key came to, or with `begins`
    or `stops`. The same whenever it is replayed; another where the run was begun anew, or was rewound before that step
    came to something."""
    step = row.steps.get(key)
    rewinds = 0 if step is None else step.rewinds if step.is_done else row.rewinds
    again = f", begun anew {row.restarts}" if row.restarts else ""
    return f"{id[2]} {key}{again}" + (f", rewound {rewinds}" if rewinds else "")
