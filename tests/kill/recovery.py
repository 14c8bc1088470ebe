"""What must be true of a space after its program was killed: at once, and once everything has settled again.

Knows nothing of where the kill came. The invariants are named as in the tests: I1 what was acknowledged is there once
and in order, I2 what was not is absent or whole, I4 no derive goes back, I5 at rest every derive equals its function of
the newest inputs, L11 the end is the same as without a crash.
"""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import pytest

from tests.kill import garden as g
from tests.kill.program import EVENTS, SCRIPT, garden, open_space, say_script
from weft.content import Link, Plain, cid_text, decode
from weft.record import Entry, Record
from weft.slot import SlotKey
from weft.space import Space
from weft.store import ATTEMPT, DUE, TREE, VERSION, Key
from weft.stores.schema import SCHEMA, Schema
from weft.stores.sqlite import SqliteStore

Shown: TypeAlias = dict[str, object]
"""What entities hold, by ENTITY.NODE."""
Call: TypeAlias = tuple[str, str]
"""An operation, and the content id of what it returns."""


@dataclass(frozen=True)
class Reference:
    """A run that nobody disturbed: what was told after so many steps, and what everything came to in the end."""

    told: Sequence[Shown]
    end: Shown


@dataclass(frozen=True)
class Found:
    """A space's log and tables as a kill left them."""

    records: tuple[Record, ...]
    events: tuple[str, ...]
    at: Mapping[SlotKey, int]
    ids: Mapping[tuple[Key, object], object]
    waiting: tuple[Plain, ...]
    """The messages that the engine had not taken yet."""

    def entries(self) -> Iterator[Entry]:
        """What the log says, position by position."""
        for record in self.records:
            yield from record.entries()

    def recorded(self) -> Counter[Call]:
        """The calls whose values are in the log."""
        return Counter(call for entry in self.entries() if (call := _ran(entry)) is not None)


def reference_of(path: str, on_point: Callable[[str], None]) -> Reference:
    """Say the whole script without a kill."""
    told: list[Shown] = [{}]
    with open_space(path, on_point=on_point) as space:
        say_script(space, on_step=lambda _: told.append(told_in(space)))
        space.wait_settled(timeout_s=30)
        return Reference(told, told_in(space) | derived_in(space))


def told_in(space: Space) -> Shown:
    """All that was told. Elements are left out of references: their ids are minted by each run."""
    shown: Shown = {}
    for n, one in enumerate(space.find(g.Garden)):
        fields = (one.place, one.season, [*one.seeds], [*one.photos], dict(one.notes.items()), int(one.visits))
        shown[f"garden {n}"] = (*fields, str(one.diary), one.heard)
    for n, visitor in enumerate(space.find(g.Visitor)):
        shown[f"visitor {n}"] = (visitor.name, visitor.bed.target.entity, visitor.garden.target.entity)
    return shown


def derived_in(space: Space) -> Shown:
    """All that is derived, settled."""
    shown: Shown = {}
    for kind in g.TYPES:
        for n, one in enumerate(space.find(kind)):
            for name in g.OPERATIONS:
                if hasattr(kind, name):
                    shown[f"{kind.__name__} {n}.{name}"] = getattr(one, name).wait(30)
    return shown


def from_scratch(space: Space) -> Shown:
    """I5: what every derive comes to by calling its function here, on what is told."""
    shown: Shown = {}
    beds: dict[str, dict[str, g.Bed]] = {}
    for n, one in enumerate(space.find(g.Garden)):
        grown = tuple(g.grow(seed) for seed in one.seeds)
        planned = g.plan(grown, one.season)
        beds[one.id] = {bed.name: bed for bed in planned}
        story = asyncio.run(_described(planned, one.place))
        tale = asyncio.run(_last(story, str(one.diary)))
        values = {
            "grown": grown,
            "looked": tuple(g.look(photo, one.place) for photo in one.photos),
            "beds": planned,
            "drawn": g.draw(one.place, one.season),
            "story": story,
            "tale": tale,
            "short": g.sum_up(tale),
            "stumbled": g.stumble(one.place, one.season),
            "legend": g.tell_legend(one.place, one.season, int(one.visits), one.heard, dict(one.notes.items())),
        }
        shown |= {f"Garden {n}.{name}": value for name, value in values.items()}
    for n, (visitor, key) in enumerate(zip(space.find(g.Visitor), ("r", "l"), strict=False)):
        season = garden(space).season
        shown[f"Visitor {n}.seen"] = g.visit(beds[visitor.bed.target.entity][key], season, visitor.name)
    return shown


async def _described(beds: tuple[g.Bed, ...], place: str) -> str:
    return await g.describe(beds, place, teller=g.SlowTeller())


async def _last(story: str, diary: str) -> str:
    return [said async for said in g.narrate(story, diary)][-1]


# At once ------------------------------------------------------------------------------------------------------------


def check_at_once(path: str, acknowledged: Sequence[str], reference: Reference, *, schema: Schema = SCHEMA) -> Found:
    """The file as the kill left it: whole, free, and with everything that was acknowledged."""
    with closing(SqliteStore(path, schema=schema)) as store:
        assert store.holder() is None, "the lease is free as soon as its holder is dead"
        assert list(store.verify()) == []
        store.acquire()
        store.release()
        found = look_into(store)
    check_events(found, acknowledged)
    check_results(found)
    if found.events:
        with closing(open_space(path, engine=False, schema=schema)) as reader:
            assert told_in(reader) == reference.told[len(found.events)], "I2: what the log holds is folded, and no more"
    return found


def look_into(store: SqliteStore) -> Found:
    records = tuple(store.records())
    events = [EVENTS[str(record.content()["id"])] for record in records if record.kind in ("event", "refused")]
    at = {SlotKey(*(str(part) for part in key)): int(str(row[0])) for key, row in store.rows(VERSION)}
    ids = {(key[:2], _key_of(row[0])): key[2] for key, row in store.rows(TREE)}
    return Found(records, tuple(events), at, ids, tuple(decode(payload) for _, payload in store.inbox()))


def check_events(found: Found, acknowledged: Sequence[str]) -> None:
    """I1: what was acknowledged is there once, in order. I2: at most one more is there, the one that was being said."""
    script = tuple(SCRIPT)
    assert found.events == script[: len(found.events)], found.events
    assert tuple(acknowledged) == script[: len(acknowledged)]
    assert len(acknowledged) <= len(found.events) <= len(acknowledged) + 1, (found.events, acknowledged)
    waiting = {name for said in found.waiting if (name := _event_of(said)) and name not in found.events}
    assert len(waiting) + len(found.events) <= len(acknowledged) + 1, (found.events, waiting, acknowledged)


def _event_of(said: Plain) -> str:
    """The step that a message says; empty where it says none, as that a program watches, or leaves."""
    event = said.get("event") if isinstance(said, dict) else None
    return EVENTS[str(event["id"])] if isinstance(event, dict) else ""


def check_results(found: Found) -> None:
    """I4: of what a slot showed, the cut never went back; and no call's value was recorded twice."""
    newest: dict[SlotKey, int] = {}
    for entry in found.entries():
        said = entry.said
        if entry.kind in ("result", "removed") and "superseded" not in said:
            slot, at = said["slot"], said["at"]
            assert isinstance(slot, list) and isinstance(at, int)
            key = SlotKey(*(str(part) for part in slot))
            assert at >= newest.get(key, 0), f"{key} went back"
            newest[key] = at
    assert newest == dict(found.at), "each slot shows the newest result that stands in the log"
    assert [call for call, times in found.recorded().items() if times > 1] == []


def _ran(entry: Entry) -> Call | None:
    """The call whose value an entry of the log holds for the first time."""
    said = entry.said
    slot, outcome = said.get("slot"), said.get("outcome")
    if entry.kind != "result" or said.get("how") != "ran" or not isinstance(slot, list):
        return None
    assert isinstance(outcome, dict)
    content = outcome.get("ok")
    return (g.OPERATIONS[str(slot[1])], cid_text(content.cid)) if isinstance(content, Link) else None


def _key_of(row: object) -> object:
    from weft.content import decode

    assert isinstance(row, bytes)
    kept = decode(row)
    assert isinstance(kept, list)
    return kept[0]


# At rest ------------------------------------------------------------------------------------------------------------


def check_at_rest(path: str, found: Found, reference: Reference, calls: Path, *, schema: Schema = SCHEMA) -> None:
    """Go on from what the kill left, to the end, and see that it is the end of a run without a kill."""
    calls_before = len(calls_in(calls))
    with open_space(path, schema=schema) as space:
        say_script(space)
        space.wait_settled(timeout_s=60)
        told, derived = told_in(space), derived_in(space)
        with pytest.MonkeyPatch.context() as patch:
            patch.delenv(g.CALLS, raising=False)
            scratch = from_scratch(space)
    assert derived == scratch, "I5"
    assert told | derived == reference.end, "L11"
    again = {call for call in calls_in(calls)[calls_before:] if call in found.recorded()}
    assert again == set(), "what the log has a value of is not computed again"
    check_end(path, found, schema)


def check_end(path: str, found: Found, schema: Schema) -> None:
    """The log grew behind what the kill had left, nothing went back, and nothing is left to do."""
    with closing(SqliteStore(path, schema=schema)) as store:
        end = look_into(store)
        assert end.records[: len(found.records)] == found.records
        assert end.events == tuple(SCRIPT)
        assert not end.waiting
        assert list(store.rows(DUE)) == [] and list(store.rows(ATTEMPT)) == []
        assert all(end.at[slot] >= at for slot, at in found.at.items()), "I4"
        assert all(end.ids[element] == id for element, id in found.ids.items()), "an element keeps its id"
        assert list(store.verify()) == []
    check_results(end)


def calls_in(calls: Path) -> list[Call]:
    """The calls that were begun, in order."""
    lines = [line.split() for line in calls.read_text().splitlines()] if calls.exists() else []
    return [(operation, value) for operation, _, value in lines]


def pids_in(calls: Path) -> set[int]:
    """The processes that were called in, other than this one."""
    lines = [line.split() for line in calls.read_text().splitlines()] if calls.exists() else []
    return {int(pid) for _, pid, _ in lines} - {os.getpid()}
