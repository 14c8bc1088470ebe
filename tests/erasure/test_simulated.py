"""The simulated disk: an erasure is there whole after a crash, or it never was."""

from __future__ import annotations

import random

import pytest

from weft.content import encode
from weft.standing import Erasure
from weft.store import Batch
from weft.testing.crash import Crash, CrashPlan
from weft.testing.simulated_disk import SimulatedDisk
from weft.testing.store_suite import append_payloads, next_records


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("point", ["before commit", "after commit"])
def test_a_crash_leaves_all_of_an_erasure_or_nothing(point: str, seed: int) -> None:
    plan, disk = CrashPlan(), SimulatedDisk(random.Random(seed))
    store = disk.open(plan.begin())
    epoch = store.acquire()
    append_payloads(store, {"n": 1}, {"n": 2}, epoch=epoch)
    gone, _ = store.keep_blob([b"gone"])
    told = next_records(store.head(), {"what": "x", "stands": []}, epoch=epoch, kind="erased")
    plan.arm(point)

    with pytest.raises(Crash):
        store.erase(Batch(told), Erasure({1: None, 2: encode({})}, blobs=[gone]), epoch=epoch)

    survived = disk.crash()
    found = disk.open(plan.begin())
    is_done = found.head().position == 3
    assert is_done == bool(survived or point == "after commit")
    assert [record.payload is None for record in found.records()][:2] == [is_done, False]
    assert found.has_blob(gone) is not is_done
    assert found.sweep() == ""
