"""A program dies while a node streams: what it had said so far was never settled, and it settles once, later."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from tests.kill import tally
from tests.kill.garden import CALLS, OPERATIONS
from tests.kill.program import garden, open_space
from tests.kill.recovery import calls_in, look_into
from tests.kill.victim import victim
from weft import Absent, Running, Settled
from weft.stores.sqlite import SqliteStore

pytestmark = pytest.mark.kill


@pytest.mark.parametrize("turn", [1, 2])
def test_a_node_that_was_killed_in_mid_stream_settles_once_after_a_restart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, turn: int
) -> None:
    path, calls = str(tmp_path / "space.weft"), tmp_path / "calls"
    monkeypatch.setenv(CALLS, str(calls))
    with victim("tests.kill.program", path, "partial shown", turn, calls=calls) as died:
        assert died.wait_stopped()
        died.kill()
    tally.killed("partial shown")
    with closing(open_space(path, engine=False)) as reader:
        assert isinstance(garden(reader).tale.state, Absent | Running)
    recorded, called = narrated(path), len(calls_in(calls))

    with open_space(path) as space:
        while not isinstance(state := garden(space).tale.state, Settled):
            assert isinstance(state, Absent | Running)
        assert state.value.endswith("The end."), "a part is never shown as settled"
        space.wait_settled(timeout_s=30)

    again = [value for name, value in calls_in(calls)[called:] if name == "narrate"]
    assert len(set(again)) == len(again) > 0
    assert narrated(path) == recorded + len(again)


def narrated(path: str) -> int:
    """How many results of the streaming node the log has."""
    with closing(SqliteStore(path)) as store:
        return sum(times for (name, _), times in look_into(store).recorded().items() if name == OPERATIONS["tale"])
