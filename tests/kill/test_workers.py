"""A worker process is killed in mid-call, or never comes back: a failed attempt, never a hang."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

import weft
from tests.kill import tally
from tests.kill.labour import LEDGER, Labour
from tests.kill.victim import is_running, wait_gone
from weft import Failed, NodeFailed

pytestmark = pytest.mark.kill


@pytest.fixture
def ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(LEDGER, str(tmp_path / "ledger"))
    return tmp_path / "ledger"


def begun(ledger: Path, count: int) -> list[int]:
    """The processes of the calls so far, once there are so many."""
    until = time.monotonic() + 60
    while time.monotonic() < until:
        words = ledger.read_text().split() if ledger.exists() else []
        if len(words) >= count:
            return [int(word.partition(":")[2]) for word in words]
        time.sleep(0.005)
    raise AssertionError("the call was never begun")


def test_a_call_whose_worker_was_killed_is_tried_again_as_its_policy_says(tmp_path: Path, ledger: Path) -> None:
    with weft.open(str(tmp_path / "space.weft"), types=[Labour]) as space:
        labour = space.create(Labour, number=1)
        space.watch(labour.patient)
        (worker,) = begun(ledger, 1)

        os.kill(worker, signal.SIGKILL)
        tally.killed("a worker in mid-call")

        assert labour.patient.wait(60) == "1 is done"
        seen = [(one.type, "was ended by SIGKILL" in one.preview) for one in space.subscribe().present()]
        workers = begun(ledger, 2)
    assert [said for said in seen if said[0].startswith("node")] == [("node.failed", True), ("node.settled", False)]
    assert len(workers) == 2
    assert wait_gone(workers) == set()


def test_without_a_policy_it_failed_and_the_node_says_so(tmp_path: Path, ledger: Path) -> None:
    with weft.open(str(tmp_path / "space.weft"), types=[Labour]) as space:
        labour = space.create(Labour, number=2)
        space.watch(labour.strict)
        (worker,) = begun(ledger, 1)

        os.kill(worker, signal.SIGKILL)
        tally.killed("a worker in mid-call")

        with pytest.raises(NodeFailed, match="WorkerDied"):
            labour.strict.wait(60)
        assert isinstance(labour.strict.state, Failed)
        space.retry(labour.strict)
        assert labour.strict.wait(60) == "2 is done"


def test_a_worker_that_outstays_its_timeout_is_ended_and_the_call_tried_again(tmp_path: Path, ledger: Path) -> None:
    with weft.open(str(tmp_path / "space.weft"), types=[Labour]) as space:
        labour = space.create(Labour, number=3)

        assert labour.timed.wait(60) == "3 is done"

        first, _ = begun(ledger, 2)
        assert wait_gone([first]) == set()


def test_closing_a_space_ends_a_worker_in_mid_call_and_the_call_is_made_again_when_it_is_opened(
    tmp_path: Path, ledger: Path
) -> None:
    path = str(tmp_path / "space.weft")
    with weft.open(path, types=[Labour]) as space:
        labour = space.create(Labour, number=4)
        space.watch(labour.strict)
        (worker,) = begun(ledger, 1)
    assert not is_running(worker)

    with weft.open(path, types=[Labour]) as space:
        assert space.get(Labour, labour.id).strict.wait(60) == "4 is done"
