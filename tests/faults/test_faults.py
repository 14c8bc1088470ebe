"""Every fault of the catalogue in its short form, and that the harness would notice what it looks for."""

from __future__ import annotations

import random
import tempfile
from contextlib import closing
from pathlib import Path

import pytest

from tests.conftest import NEEDS_PROC, missing_part
from tests.faults import counts, lost_writes, tracer
from tests.faults.catalogue import FAULTS
from tests.faults.fault import Absence, Fault, inflict_often
from tests.faults.lost_writes import MODES, Recording, lay
from tests.faults.strace_log import Operation
from tests.faults.survival import check_left, check_whole
from tests.kill.scene import Scene, make_scene
from weft.store import Head
from weft.stores.mark import Mark
from weft.stores.sqlite import SqliteStore

pytestmark = [pytest.mark.kill, NEEDS_PROC]


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    return make_scene(tmp_path_factory.mktemp("scene"))


def leave_out(absence: Absence, part: str) -> None:
    """Skip: where this machine could have what is missing and WEFT_REQUIRE demands everything, fail."""
    if absence.could_be_here:
        missing_part(part, absence.why)
    pytest.skip(f"{part} is not possible here: {absence.why}")


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_space_survives(scene: Scene, fault: Fault) -> None:
    tally = inflict_often(fault, scene, fault.short)

    counts.note(tally)
    if tally.absence is not None:
        leave_out(tally.absence, fault.name)
    assert tally.violations == []
    assert tally.times >= fault.short, str(tally)


def test_a_drive_that_lies_about_its_syncs_is_noticed(scene: Scene, tmp_path: Path) -> None:
    """So the check is one that can fail."""
    absence = tracer.absence()
    if absence is not None:
        leave_out(absence, "strace")
    honest = lost_writes.record(tmp_path)
    lying = Recording(honest.done, is_honest=False)

    noticed = 0
    for seed in range(8):
        folder = tmp_path / str(seed)
        folder.mkdir()
        cut = honest.done[-1].ended
        lay(lying, cut, MODES[seed % 2 * 2], random.Random(seed), folder)
        try:
            check_left(scene, folder / "space.weft", honest.said_before(cut))
        except Exception:  # noqa: BLE001  whatever it is, it is noticed
            noticed += 1

    assert noticed == 8


def written(at: int, content: bytes, began: int) -> Operation:
    return Operation("write", began, began + 1, 1, at=at, content=content)


RUN = (
    Operation("name", 0, 1, 1, name="file"),
    Operation("sync names", 2, 3, 0),
    written(0, b"a" * 1024, 4),
    Operation("sync", 6, 7, 1),
    written(1024, b"b" * 1024, 8),
    written(0, b"c" * 512, 10),
)


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("mode", MODES)
def test_a_cut_keeps_what_was_synced_and_any_of_the_rest(tmp_path: Path, mode: str, seed: int) -> None:
    lay(Recording(RUN), 12, mode, random.Random(seed), tmp_path)

    found = (tmp_path / "file").read_bytes()
    assert found[512:1024] == b"a" * 512
    assert found[:512] in (b"a" * 512, b"c" * 512)
    assert set(found[1024:]) <= set(b"b\0")
    if mode == "all lost":
        assert found == b"a" * 1024
    if mode == "all kept":
        assert found == b"c" * 512 + b"a" * 512 + b"b" * 1024


def test_a_violation_names_where_the_log_of_its_run_lies(
    scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One log for all of a run's violations."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    lost = Operation("said", 0, 0, content=b"told a tale\n")  # of a space that is not there
    monkeypatch.setattr(lost_writes, "_recordings", {0: Recording([lost], log=b"calls", place="/folder")})

    tally = inflict_often(Fault("a cut", lost_writes.of_a_drive_with_a_cache, 8, 8, ""), scene, 8)

    (kept,) = tmp_path.glob("weft-violated-*")
    assert kept.read_bytes() == b"calls"
    assert 1 < len(tally.violations) < 8
    assert all(f"; the run is kept in {kept}, of /folder (" in line for line in tally.violations)


def test_a_violation_says_what_the_doctor_found(tmp_path: Path) -> None:
    path = tmp_path / "space.weft"
    SqliteStore(path).close()
    check_whole(path, "at rest")
    with closing(Mark(f"{path}-mark")) as mark:
        mark.write_head(Head(7, bytes(32)))

    with pytest.raises(AssertionError, match=r"I3, at once: .*the log ends at record 0, and record 7 was"):
        check_whole(path, "at once")


def test_a_cut_before_the_folder_was_synced_may_leave_no_file(tmp_path: Path) -> None:
    outcomes = set()
    for seed in range(20):
        folder = tmp_path / str(seed)
        folder.mkdir()
        lay(Recording(RUN), 2, "all kept", random.Random(seed), folder)
        outcomes.add((folder / "file").exists())

    assert outcomes == {False, True}
