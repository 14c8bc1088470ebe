"""Histories: every run in a space's log, gone through once more with the code that is here.

A space, or an export of one, that is kept beside the tests says what real runs were told. Played to the flows of today
each has to ask for the same, and to come to the same; else a run of that kind that is under way somewhere could not go
on. Nothing is called, asked, performed or told by it, and the space is only read.

Knows nothing of how runs are driven. Invariant: what is found here is what adopting such a run would find.
Source: the replay tests of workflow engines; golden files.
"""

from __future__ import annotations

import copy
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from weft.content import Plain
from weft.copies import back_up, import_space
from weft.definition import compiled_types, service_name, unique_types
from weft.driving.carriers import BY_CLOCK, Lent, carriers
from weft.driving.driver import end_of
from weft.driving.held_runs import HeldRuns
from weft.driving.run_log import RunLog
from weft.errors import WeftError
from weft.failure import message_of
from weft.graph import ToldNode
from weft.placing import Placing
from weft.reduce import Told
from weft.run_rows import RunRow
from weft.space import Space
from weft.steps.carrier import RunId
from weft.steps.due import DueSteps
from weft.store import entries_of
from weft.stores.sqlite import SqliteStore
from weft.told_runs import RunsCell

if TYPE_CHECKING:
    from weft.attempt import Attempts
    from weft.engine import Engine
    from weft.entity import Entity

_SPACE = b"SQLite format 3\0"


class Parted(NamedTuple):
    """A run that the code of today would not go through as it was gone through."""

    type: str
    flow: str
    run: str
    why: str


class _Lived(NamedTuple):
    """A run as its log has it: with all its steps, also where it is over."""

    id: RunId
    type: str
    row: RunRow


class _AsItWas(RunLog):
    """A log in which one run stands as it did."""

    def __init__(self, engine: Engine, lived: _Lived) -> None:
        super().__init__(engine)
        self._lived = lived

    def row(self, id: RunId) -> RunRow | None:
        """That one."""
        return self._lived.row if id == self._lived.id else super().row(id)


class _Nobody:
    """Makes no calls."""

    def __init__(self) -> None:
        self.placing, self.services, self.runners = Placing({}, {}), dict[str, object](), {"loop": self}

    def new_id(self) -> None:
        """None is needed."""


def parted(
    source: str | os.PathLike[str], *, types: Sequence[type[Entity]], services: Mapping[type, object] | None = None
) -> list[Parted]:
    """The runs in a space, or in an export of one, that these types' flows would not go through as they did; empty
    where all is well. `services`: what flows are given by keyword; only whether it is there counts. Raises what
    `import_space` and `back_up` do."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "played.weft")
        _copy(Path(source), path)
        by_name = {service_name(protocol): service for protocol, service in (services or {}).items()}
        store = SqliteStore(path)
        with Space(store, compiled_types(types), services={}, actor="test") as space:
            space._host.kinds |= unique_types(types)
            with space.view() as engine:
                return [found for lived in _runs(engine) if (found := _played(space, engine, lived, by_name))]


def _copy(source: Path, path: str) -> None:
    is_space = source.is_file() and source.read_bytes()[: len(_SPACE)] == _SPACE
    back_up(source, path) if is_space else import_space(source, path)


def _runs(engine: Engine) -> Iterator[_Lived]:
    """Each that began: as it was when it ended, or as it stands."""
    cells: dict[tuple[str, str], RunsCell] = {}
    for position, kind, said in entries_of(engine.store):
        for intent in cast("list[list[Any]]", said.get("intents", ())) if kind == "event" else ():
            entity, name, verb, *args = intent
            cell = cells.get((entity, name)) or _cell(engine, entity, name)
            if cell is None:
                continue
            cells[entity, name] = cell
            if verb == "end" and cell.runs[args[0]].began:
                row = copy.deepcopy(cell.runs[args[0]])
                row.ending, row.outcome = args[1:]
                yield _lived(engine, (entity, name, args[0]), row)
            cell.apply(verb, args, Told(position, cast("int", said["base"]), str(said["actor"])))
    for (entity, name), cell in cells.items():
        for run, row in cell.under_way():
            if row.began:
                yield _lived(engine, (entity, name, run), row)


def _cell(engine: Engine, entity: str, name: str) -> RunsCell | None:
    """A new cell for the runs of a flow; None for what is no flow, or is there no more."""
    node = engine.node(entity, name) if name else None
    is_flow = isinstance(node, ToldNode) and isinstance(node.cell, RunsCell)
    return RunsCell(node.cell.spec) if is_flow else None  # type: ignore[union-attr]


def _lived(engine: Engine, id: RunId, row: RunRow) -> _Lived:
    thing = engine.graph.thing(id[0])
    assert thing is not None, "its cell was there"
    return _Lived(id, thing.type.name, row)


def _played(space: Space, engine: Engine, lived: _Lived, services: Mapping[str, object]) -> Parted | None:
    def nothing(*_: object) -> Any:
        raise AssertionError("a run that is played is not carried out")

    log = _AsItWas(engine, lived)
    dues = {kind: DueSteps(engine, *kinds, clock_us=lambda: 0, wake_in=nothing) for kind, kinds in BY_CLOCK.items()}
    lent = Lent(engine, cast("Attempts", _Nobody()), (), dues, nothing, nothing)
    runs = HeldRuns(space, log, carriers(lent).all, services)
    try:
        held = runs.replay(lived.id, lived.row)
    except WeftError as error:
        why = message_of(error)
    else:
        why = _differs(lived.row, {key for key, _ in held.replay.awaited()}, end_of(held))
        runs.park(held)
    return Parted(lived.type, lived.id[1], lived.id[2], why) if why else None


def _differs(row: RunRow, asked: set[str], ends: Plain) -> str:
    """How what the code came to differs from what was told; empty where it does not. Of a run that failed, or was
    cancelled, no more is asked than that it comes so far."""
    ended = ends[4:] if isinstance(ends, list) else []
    now = f"{_said(ended[0])} {ended[1]!r}" if ended else "goes on"
    if row.ending in ("returned", "continued") and ended != [row.ending, row.outcome]:
        return f"it {row.ending} {row.outcome!r}, and now {now}"
    waited = {key for key, step in row.steps.items() if step.outcome is None}
    if row.ending or asked == waited:
        return ""
    if ended:
        return f"it waited for {', '.join(sorted(waited))}, and now {now}"
    new, old = ", ".join(sorted(asked - waited)), ", ".join(sorted(waited - asked))
    return "; ".join([*([f"it asks for {new} now"] if new else []), *([f"it had asked for {old}"] if old else [])])


def _said(text: Plain) -> str:
    return text if isinstance(text, str) else repr(text)
