"""What a second user tries: interrupts, edits from inside operations, huge batches, long streams, calls without end."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import weft
from tests.surface.shelves import Tally
from weft import Entity, Field, derive, field

ROOT = Path(__file__).resolve().parent.parent.parent
INTERRUPTED = """
import sys, threading
import weft
from tests.surface.shelves import Tally

with weft.open(sys.argv[1], types=(Tally,)) as space:
    tally = space.create(Tally, start=1)
    try:
        print("waiting", flush=True)
        tally.never.wait()
    except KeyboardInterrupt:
        print("interrupted", tally.double.wait(30), flush=True)
        raise
"""


def test_ctrl_c_ends_a_wait_and_the_space_goes_on(tmp_path: Path) -> None:
    path = str(tmp_path / "interrupted.weft")
    program = subprocess.Popen(
        [sys.executable, "-c", INTERRUPTED, path], cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert program.stdout is not None
    assert program.stdout.readline() == "waiting\n"

    program.send_signal(signal.SIGINT)
    said, errors = program.communicate(timeout=30)

    assert said == "interrupted 2\n"
    assert "KeyboardInterrupt" in errors
    assert "Exception ignored" not in errors
    with weft.open(path, types=(Tally,)) as space:
        (tally,) = space.find(Tally)
        assert tally.double.wait(30) == 2


# Edits from inside operations --------------------------------------------------------------------------------------

SPACES: dict[str, Any] = {}


def meddling(number: int) -> int:
    tally = SPACES["tally"]
    tally.numbers.add(number)
    return number


async def meddling_async(number: int) -> int:
    SPACES["tally"].numbers.add(number)
    return number


def waiting(number: int) -> int:
    return int(SPACES["tally"].double.wait(5))


async def waiting_async(number: int) -> int:
    return int(SPACES["tally"].double.wait(5))


async def awaiting(number: int) -> int:
    return int(await SPACES["tally"].double)


class Meddler(Entity):
    number: Field[int] = field(default=1)
    edits = derive(meddling, number)
    edits_async = derive(meddling_async, number)
    edits_inline = derive(meddling, number, runner="inline")
    waits = derive(waiting, number)
    waits_async = derive(waiting_async, number)
    awaits = derive(awaiting, number)


@pytest.fixture
def meddler() -> Iterator[Any]:
    with weft.open(types=(Tally, Meddler)) as space:
        SPACES["tally"] = space.create(Tally, start=1)
        yield space.create(Meddler)


@pytest.mark.parametrize(("node", "answer"), [("edits", 1), ("waits", 2), ("awaits", 2)])
def test_an_operation_that_does_not_hold_the_engine_up_may_use_its_space(meddler: Any, node: str, answer: int) -> None:
    assert getattr(meddler, node).wait(10) == answer
    assert SPACES["tally"].double.wait(10) == 2


@pytest.mark.parametrize("node", ["edits_async", "edits_inline", "waits_async"])
def test_an_operation_that_would_wait_for_the_engine_it_runs_on_is_refused_in_words(meddler: Any, node: str) -> None:
    with pytest.raises(weft.NodeFailed, match="inside an operation that runs where the engine does"):
        getattr(meddler, node).wait(10)

    assert list(SPACES["tally"].numbers) == []
    assert SPACES["tally"].double.wait(10) == 2


# Much ---------------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_fifty_thousand_items_in_one_edit() -> None:
    with weft.open(types=(Tally,)) as space:
        tally = space.create(Tally)

        with space.edit():
            tally.numbers.add(*range(50_000))

        assert len(tally.numbers) == 50_000
        assert tally.sum.wait(60) == sum(range(50_000))
        assert tally.count.wait(60) == 50_000
        assert [one.type for one in space.subscribe(after=space.position - 2).present()][-1] == "node.settled"


def test_many_small_edits_in_one_batch() -> None:
    with weft.open(types=(Tally,)) as space:
        tally = space.create(Tally)

        with space.edit():
            for number in range(2000):
                tally.numbers.add(number)
                tally.clicks.increment()
                tally.start = number

        assert (len(tally.numbers), int(tally.clicks), tally.start) == (2000, 2000, 1999)


def test_a_generator_that_yields_ten_thousand_values() -> None:
    with weft.open(types=(Tally,)) as space:
        tally = space.create(Tally, start=10_000)

        assert tally.streamed.wait(60) == 10_000

        kinds = [one.type for one in space.subscribe().present() if "streamed" in one.node]
        assert kinds == ["node.settled"]


def test_partial_values_only_grow_while_they_are_looked_at() -> None:
    with weft.open(types=(Tally,)) as space:
        tally = space.create(Tally, start=3000)
        seen: list[int] = []
        wait = threading.Thread(target=tally.streamed.wait)
        wait.start()
        while not isinstance(state := tally.streamed.state, weft.Settled):
            if isinstance(state, weft.Running) and state.partial is not None:
                seen.append(state.partial)
        wait.join(30)

        assert seen == sorted(seen)
        assert state.value == 3000
