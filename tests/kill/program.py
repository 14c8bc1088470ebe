"""The program that is killed: it tends a garden, step by step, and prints each edit that it was told is durable.

A step that is said again under its own name changes nothing, so the whole script can be said again after any kill.
Run as `python -m tests.kill.program SPACE [POINT [TURN]]`: it stops itself (SIGSTOP) as it passes POINT for the TURN-th
time, for its parent to look at it and kill it there; without a point it goes on to the end.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager

from tests.kill.garden import TYPES, Garden, Rain, SlowTeller, Teller, Visitor, picture
from tests.kill.stops import WRITES_PER_CHECKPOINT, Points, tell_parent, within_one_process
from weft.definition import compile_type, type_name
from weft.folding import event_id
from weft.points import ENGINE_POINTS
from weft.rebuild import rebuild
from weft.reduce import Refused
from weft.space import Space
from weft.stores import checkpoint
from weft.stores.points import CRASH_POINTS
from weft.stores.schema import SCHEMA, Schema
from weft.stores.sqlite import SqliteStore

ERASING = frozenset({"erased", "before sweep", "swept"})
"""Passed where something is forgotten: `tests/erasure` kills there."""
POINTS = (*ENGINE_POINTS, *(point for point in CRASH_POINTS if point not in ERASING))
MIGRATION = frozenset({"backed up", "before migration", "migrated"})
REBUILDING = frozenset({"cleared", "renewed"})
NEXT_SCHEMA = Schema(SCHEMA.version + 1, SCHEMA.statements, {SCHEMA.version: lambda connection: None})
ACTOR = "gardener"
WORKERS = "WEFT_TEST_WORKERS"
"""Set where calls are to be made in worker processes, as they are in real life."""

Say = Callable[[Space], None]


def garden(space: Space, number: int = 0) -> Garden:
    """The garden that was made as the `number`-th."""
    return space.find(Garden)[number]


def make_first(space: Space) -> None:
    made = space.create(Garden, place="kew")
    made.seeds.add("rose", "rue", "lily")


def make_second(space: Space) -> None:
    made = space.create(Garden, place="eden", season=7)
    made.seeds.add("fig")
    made.photos.add(picture("a fig"))


def send_first(space: Space) -> None:
    space.create(Visitor, name="ann", bed=garden(space).beds["r"], garden=garden(space))


def send_second(space: Space) -> None:
    space.create(Visitor, name="bob", bed=garden(space, 1).beds["f"], garden=garden(space))


def take_photos(space: Space) -> None:
    garden(space).photos.add(picture("a rose"), picture("a whole meadow", 700_000))


def turn_seasons(space: Space) -> None:
    garden(space).season = 2


def sow(space: Space) -> None:
    garden(space).seeds.add("larch", "myrtle")
    garden(space).visits.increment(3)


def write_diary(space: Space) -> None:
    garden(space).diary.insert(0, "A fine day. ")
    garden(space).notes["rose"] = "red"


def weed(space: Space) -> None:
    garden(space).seeds.remove("rue")


def rain(space: Space) -> None:
    garden(space).tell(Rain(4))


def rain_upwards(space: Space) -> None:
    """Refused: the fold raises."""
    garden(space).tell(Rain(-1))


def come_again(space: Space) -> None:
    """Spring once more: what was computed for it is known."""
    garden(space).season = 1
    garden(space).notes["rose"] = "white"


def plant_elsewhere(space: Space) -> None:
    garden(space, 1).seeds.add("fern", "date")
    garden(space, 1).visits.increment(1)


def point_elsewhere(space: Space) -> None:
    visitor = space.find(Visitor)[1]
    visitor.bed = garden(space).beds["l"]


SCRIPT: Mapping[str, Say] = {
    "make first": make_first,
    "send first": send_first,
    "take photos": take_photos,
    "turn seasons": turn_seasons,
    "make second": make_second,
    "sow, by inbox": sow,
    "write diary": write_diary,
    "send second": send_second,
    "rain": rain,
    "rain upwards": rain_upwards,
    "weed": weed,
    "come again, by inbox": come_again,
    "plant elsewhere": plant_elsewhere,
    "point elsewhere": point_elsewhere,
}
"""What is said, in order. A step by inbox is said by a client, the others by the engine's own program."""
NEEDS_BEDS = frozenset({"send first", "send second", "point elsewhere"})
"""Steps that point at elements, and wait for those to be there."""
EVENTS = {event_id(ACTOR, name): name for name in SCRIPT}


def open_space(
    path: str,
    *,
    on_point: Callable[[str], None] = lambda name: None,
    engine: bool | None = True,
    schema: Schema = SCHEMA,
) -> Space:
    """The garden's space, with all that it needs."""
    specs = {type_name(kind): compile_type(kind) for kind in TYPES}
    store = SqliteStore(path, on_point=on_point, schema=schema)
    return Space(
        store,
        specs,
        services={Teller: SlowTeller()},
        engine=engine,
        actor=ACTOR,
        runners=None if os.environ.get(WORKERS) else within_one_process(),
        on_point=on_point,
    )


@contextmanager
def opened_beside(space: Space) -> Iterator[Space]:
    """A client of the same file."""
    assert isinstance(space._store, SqliteStore) and space.path is not None
    with closing(open_space(space.path, on_point=space._point, engine=False, schema=space._store._schema)) as client:
        yield client


def say_step(space: Space, name: str, *, beds_within_s: float = 30) -> None:
    """One step, durably; harmless when it was said before."""
    if name in NEEDS_BEDS:
        for each in space.find(Garden):
            each.beds.wait(beds_within_s)
    try:
        with space.edit(once=name):
            SCRIPT[name](space)
    except Refused:
        if name != "rain upwards":
            raise


def say_script(space: Space, *, on_step: Callable[[str], None] = lambda name: None) -> None:
    """All of it, in order."""
    for name in SCRIPT:
        if name.endswith("by inbox"):
            with opened_beside(space) as client:
                say_step(client, name)
        else:
            say_step(space, name)
        on_step(name)


def main(path: str, wanted: str = "", turn: str = "1") -> None:
    points = Points(wanted, int(turn))
    checkpoint.WRITES_PER_CHECKPOINT = WRITES_PER_CHECKPOINT
    if wanted in REBUILDING:
        rebuild_there(path, points, is_renewed=wanted == "renewed")
    with open_space(path, on_point=points, schema=NEXT_SCHEMA if wanted in MIGRATION else SCHEMA) as space:
        tell_parent("opened")
        say_script(space, on_step=lambda name: tell_parent("told", name))
        space.wait_settled(timeout_s=30)
        tell_parent("settled")
    tell_parent("closed")


def rebuild_there(path: str, points: Points, *, is_renewed: bool) -> None:
    """What `weft doctor --rebuild` does, also to a file whose pages are broken."""
    specs = {type_name(kind): compile_type(kind) for kind in TYPES}
    with closing(SqliteStore(path, on_point=points)) as store:
        epoch = store.acquire()
        if is_renewed:
            store._renew()
        rebuild(store, epoch=epoch, types=specs)


if __name__ == "__main__":
    main(*sys.argv[1:])
