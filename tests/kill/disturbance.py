"""What must be true of many runs that went on while the store of their space was disturbed, and that they do.

Knows nothing of how it was disturbed. Invariant: each run ended once, with the right value, and has performed its
effect under one key.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from contextlib import closing
from pathlib import Path
from typing import Any, cast

from tests.faults import tracer
from tests.faults.survival import check_rebuilt
from tests.kill.disturbed import Errand
from tests.kill.errand_remains import Log, check_run
from tests.kill.errands import RECEIVED
from tests.kill.receiver import keys_of, received
from tests.kill.victim import victim
from weft.definition import compiled_types
from weft.store import entries_of
from weft.stores.sqlite import SqliteStore

PROGRAM = "tests.kill.disturbed"
SYNCS = "fdatasync:error=EIO:when=20+23"
"""Of the syncs of each thread, from the twentieth on each 23rd fails, where a program can be traced."""


def disturb_runs(folder: Path, runs: int, *, limit_s: float = 900.0) -> Counter[str]:
    """So many runs, and whatever the store refused meanwhile: how often, by its reason. Raises AssertionError."""
    path, receiver = folder / "space.weft", folder / "received"
    before = tracer.injecting(SYNCS) if tracer.absence() is None else ()
    variables = {RECEIVED: str(receiver)}
    with victim(
        PROGRAM,
        path,
        runs,
        calls=folder / "calls",
        workers=False,
        before=before,
        variables=variables,
        limit_s=limit_s,
    ) as program:
        assert program.finish() == 0, program.errors[-2000:]
    assert program.said[0] == "failed 0" and program.said[-1] == "closed", program.said
    check_runs(path, receiver, runs)
    check_rebuilt(path, is_at_rest=True, types=compiled_types([Errand]))
    words = [line.split(" ", 2) for line in program.said if line.startswith("refused")]
    return Counter({why: int(times) for _, times, why in words})


def check_runs(path: Path, receiver: Path, runs: int) -> None:
    """Each ended once, with three times its number; its slices were counted once; its effect has one key and one
    outcome, and was carried out."""
    log, numbers, slices = Log(), dict[str, int](), defaultdict[str, list[Any]](list)
    with closing(SqliteStore(str(path))) as store:
        assert list(store.verify()) == []
        for entry in entries_of(store):
            if entry.kind == "event":
                log.take(entry.kind, entry.said, entry.position)
                for entity, node, verb, *args in cast("list[list[Any]]", entry.said["intents"]):
                    if (node, verb) == ("number", "set"):
                        numbers[entity] = args[0]
                    elif (node, verb) == ("slices", "set"):
                        slices[entity].append(args[0])
    assert sorted(numbers.values()) == list(range(runs))
    assert set(log.fired.values()) == {1} and len(log.fired) == len(log.runs) == runs
    for (entity, flow, run), told in log.runs.items():
        check_run((entity, flow, run), told, lives=1)
        assert told.endings == [("returned", 3 * numbers[entity])], f"{numbers[entity]}: {told.endings}"
        assert sorted(len(said) for said in told.outcomes.values()) == [1, 1, 1]
        assert slices[entity] == [0, 1, 2, 3], f"{numbers[entity]} was counted {slices[entity]}"
    tries = keys_of(received(str(receiver)))
    assert {number for _, number in tries} == set(range(runs))
    assert all(len(set(keys)) == 1 for keys in tries.values())
    assert len({keys[0] for keys in tries.values()}) == runs
