"""Two programs on one file: one computes, the other reads, edits and waits; and what each sees when the other goes."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import weft
from tests.stories.shared_type import Added, Shared
from weft import Entity, Field, NodeFailed, Settled, WaitTimeout, derive, field
from weft.client import ClientAdds, ClientDefines, NoEngine
from weft.engine import EventReused
from weft.reduce import Refused
from weft.store import SpaceLocked

ROOT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.kill


class Program:
    """The other program, spoken to line by line."""

    def __init__(self, path: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.stories.engine_program", path],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])},
        )
        assert self.answer() == "ready"

    def answer(self) -> str:
        """Its next line."""
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def do(self, line: str) -> str:
        """Tell it, and wait until it has."""
        assert self.process.stdin is not None
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        return self.answer()

    def kill(self) -> None:
        """End it without a word."""
        self.process.kill()
        self.process.wait(20)

    def close(self) -> None:
        """End it, whatever it is doing."""
        self.kill()
        for stream in (self.process.stdin, self.process.stdout):
            assert stream is not None
            stream.close()


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "shared.weft")


@pytest.fixture
def program(path: str) -> Iterator[Program]:
    running = Program(path)
    yield running
    running.close()


def test_a_second_opener_reads_edits_and_waits_while_the_first_computes(program: Program, path: str) -> None:
    with weft.open(path, types=[Shared]) as space:
        assert not space.is_engine and "as a client" in repr(space)
        (shared,) = space.find(Shared)
        assert shared.x == 1
        assert shared.fourfold.wait(20) == 4
        shared.x = 5
        assert (shared.x, shared.fourfold.wait(20)) == (5, 20)
        assert shared.fourfold.state == Settled(20)
        program.do("set 7")
        assert shared.x == 7
        assert shared.fourfold.wait(20) == 28
        assert space.counts() == {}  # nothing is executed here
        assert int(program.do("count").split()[1]) == 6


def test_a_batch_of_a_client_is_one_event_and_is_told_once(program: Program, path: str) -> None:
    with weft.open(path, types=[Shared]) as space:
        with space.edit(by="ann", once="home"):
            other = space.create(Shared, x=2)
            other.xs.add(1, 2, 3)
        position = space.position
        with space.edit(by="ann", once="home"):
            again = space.create(Shared, x=2)
            again.xs.add(1, 2, 3)
        assert again == other and space.position == position
        assert other.doubles.wait(20) == (2, 4, 6)
        with pytest.raises(EventReused), space.edit(by="ann", once="home"):
            space.create(Shared, x=3)


def test_a_refusal_reaches_the_client_that_edited(program: Program, path: str) -> None:
    with weft.open(path, types=[Shared]) as space:
        (shared,) = space.find(Shared)
        shared.tell(Added(8))
        with pytest.raises(Refused, match="ValueError: too much"):
            shared.tell(Added(8))
        assert shared.total == 8


def test_a_failure_reaches_the_client_that_waits(program: Program, path: str) -> None:
    with weft.open(path, types=[Shared]) as space:
        (shared,) = space.find(Shared)
        shared.x = -1
        with pytest.raises(NodeFailed, match="-1 is below zero"):
            shared.check.wait(20)


def test_an_opener_that_wants_to_be_the_engine_is_refused_with_pid_and_host(program: Program, path: str) -> None:
    with pytest.raises(SpaceLocked) as refused:
        weft.open(path, types=[Shared], engine=True)

    assert str(program.process.pid) in str(refused.value)
    assert socket.gethostname() in str(refused.value)


def test_a_client_follows_the_log_of_the_engine(program: Program, path: str) -> None:
    with weft.open(path, types=[Shared]) as space, space.subscribe(after=space.position) as activities:
        program.do("set 3")
        first = next(iter(activities))
        assert (first.type, first.preview) == ("traversal.started", "x set 3")


def test_when_the_engine_dies_its_clients_say_so_and_the_next_opener_takes_over(program: Program, path: str) -> None:
    with weft.open(path, types=[Shared]) as space:
        (shared,) = space.find(Shared)
        shared.x = 6
        program.kill()
        assert shared.x == 6  # what is there can be read
        with pytest.raises(NoEngine, match=r"Close this space and open it\s+again to take over"):
            shared.x = 7
        with pytest.raises(NoEngine):
            shared.fourfold.wait(20)
    with weft.open(path, types=[Shared], engine=True) as space:
        (shared,) = space.find(Shared)
        assert shared.fourfold.wait(20) == shared.x * 4
        assert shared.x in (6, 7)  # an edit that was not acknowledged is there whole, or not at all


def test_a_client_whose_definition_differs_is_told_whose_is_in_force(program: Program, path: str) -> None:
    def other() -> type[Entity]:
        class Shared(Entity):
            x: Field[int] = field(default=1)
            check = derive(_same, x)

        return Shared

    with pytest.raises(ClientDefines, match=r"The definition of Shared in force differs from this program's"):
        weft.open(path, types=[other()])


class Unheard(Entity):
    x: Field[int] = field(default=1)


def test_a_client_with_a_type_that_the_space_never_saw_is_told_who_can_add_it(program: Program, path: str) -> None:
    said = r"^The space has no type Unheard, and only its engine can add one: close that program, or give it the type\."

    with pytest.raises(ClientAdds, match=said):
        weft.open(path, types=[Unheard])
    with weft.open(path, types=[Shared]) as space, pytest.raises(ClientAdds, match=said):
        space.create(Unheard)


def _same(a: int) -> int:
    return a


def test_a_clients_wait_times_out_in_words(program: Program, path: str) -> None:
    with weft.open(path, types=[Shared]) as space:
        (shared,) = space.find(Shared)
        program.process.send_signal(19)  # stopped: it holds its lease, and does nothing
        try:
            with pytest.raises(WaitTimeout, match=r"fourfold of .* was not settled after 0.3 s"):
                shared.fourfold.wait(0.3)
        finally:
            program.process.send_signal(18)
        assert shared.fourfold.wait(20) == 4
