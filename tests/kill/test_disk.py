"""The disk has no room in the middle of a run: writes are refused, reads go on, work resumes when there is room."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from tests.conftest import require_module
from tests.kill.program import garden, open_space
from tests.kill.recovery import derived_in, from_scratch
from tests.kill.victim import victim
from weft.stores.sqlite import SqliteStore

require_module("resource")  # limits on a process's files
pytestmark = pytest.mark.kill


def test_a_space_whose_disk_is_full_refuses_edits_reads_on_and_resumes(tmp_path: Path) -> None:
    path = str(tmp_path / "space.weft")

    with victim("tests.kill.full_disk", path, calls=tmp_path / "calls") as program:
        assert program.finish() == 0, program.errors

    told = [line.split()[1] for line in program.said if line.startswith("told")]
    refused = [line for line in program.said if line.startswith("refused")]
    (read,) = [line for line in program.said if line.startswith("read")]
    assert told == [str(number) for number in range(len(told))]
    assert len(refused) == 2
    assert all("disk" in line for line in refused), refused
    assert read == f"read {len(told) - 1} kew"
    assert program.said[-1] == f"settled {len(told)}"
    with open_space(path) as space:
        assert len(garden(space).notes) == len(told)
        assert derived_in(space) == from_scratch(space)
    with closing(SqliteStore(path)) as store:
        assert list(store.verify()) == []
