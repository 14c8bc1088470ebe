"""Flows that do something to the outside in their own code are named in tests, with what they did and where."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

import pytest

import weft
from weft import Entity, Field, Run, field, items, on
from weft.returned import RunFailed
from weft.testing.virtual_time import VirtualTime

WAIT_S = 30.0


def read(path: str) -> str:
    return Path(path).read_text(encoding="utf-8")


def version() -> str:
    return subprocess.run([sys.executable, "--version"], capture_output=True, check=True).stdout.decode()


class Clerk(Entity):
    path: Field[str] = field()
    how: Field[str] = field()
    log = items(str)

    @on(Entity.created)
    async def work(self, run: Run) -> str:
        self.log.add("began")
        match self.how:
            case "by a step":
                return await run.call(read, self.path)
            case "itself":
                return read(self.path)
            case "and says nothing":
                try:
                    return read(self.path)
                except Exception:  # noqa: BLE001
                    return "nothing"
            case "over the line":
                with socket.create_connection(("127.0.0.1", 9)):
                    return "connected"
            case "by a program":
                return version()
            case "by an import":
                import sqlite3.dump

                return sqlite3.dump.__name__
            case _:
                raise AssertionError(self.how)


@pytest.fixture
def path(tmp_path: Path) -> str:
    (tmp_path / "note").write_text("read", encoding="utf-8")
    return str(tmp_path / "note")


@pytest.mark.parametrize(
    ("how", "what"),
    [
        ("itself", "open of '.*note'"),
        ("over the line", "socket"),
        ("by a program", "subprocess.Popen of"),
    ],
)
def test_what_a_flow_does_itself_is_refused_by_name(path: str, how: str, what: str) -> None:
    with VirtualTime().open(types=[Clerk]) as space:
        clerk = space.create(Clerk, path=path, how=how)
        with pytest.raises(RunFailed, match=rf"OutsideStep: Clerk.work does {what}.*, at .*\.py:\d+ in"):
            clerk.work.wait(WAIT_S)


def test_where_it_is_done_is_the_innermost_place_of_the_flows_own_code(path: str) -> None:
    with VirtualTime().open(types=[Clerk]) as space:
        clerk = space.create(Clerk, path=path, how="itself")
        with pytest.raises(RunFailed, match=r"test_outside_steps.py:\d+ in work"):
            clerk.work.wait(WAIT_S)


def test_what_a_step_does_what_is_imported_and_what_weft_reads_is_left_alone(path: str, tmp_path: Path) -> None:
    sys.modules.pop("sqlite3.dump", None)
    with VirtualTime().open(str(tmp_path / "s.weft"), types=[Clerk]) as space:
        assert space.create(Clerk, path=path, how="by a step").work.wait(WAIT_S) == "read"
        assert space.create(Clerk, path=path, how="by an import").work.wait(WAIT_S) == "sqlite3.dump"


def test_a_flow_that_says_nothing_of_it_is_found_all_the_same(path: str) -> None:
    time = VirtualTime()
    with time.open(types=[Clerk]) as space:
        assert space.create(Clerk, path=path, how="and says nothing").work.wait(WAIT_S) == "nothing"
    assert [(one.flow, one.what) for one in time.outside] == [("Clerk.work", f"open of {path!r}")]
    shown = repr(time.outside)
    assert shown.startswith(f"[OutsideStep(flow='Clerk.work', what={f'open of {path!r}'!r}, where='")
    assert "test_outside_steps.py:" in shown


def test_spaces_that_are_no_tests_are_left_alone(path: str) -> None:
    with VirtualTime().open(types=[Clerk]), weft.open(types=[Clerk]) as space:
        assert space.create(Clerk, path=path, how="itself").work.wait(WAIT_S) == "read"
