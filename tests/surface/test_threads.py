"""Many threads, one space: edits are all kept, readers see whole states, and nobody hangs."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import weft
from tests.surface.shelves import Tally

THREADS = 10


def together(act: Callable[[int], None], threads: int = THREADS) -> None:
    """`act` in so many threads at once; what one of them raises is raised."""
    start = threading.Barrier(threads)

    def run(number: int) -> None:
        start.wait(30)
        act(number)

    with ThreadPoolExecutor(threads) as pool:
        for done in [pool.submit(run, number) for number in range(threads)]:
            done.result(60)


@pytest.mark.parametrize("durable", [False, True])
def test_ten_threads_edit_one_space(durable: bool, tmp_path: Path) -> None:
    with weft.open(str(tmp_path / "threads.weft") if durable else None, types=(Tally,)) as space:
        tally = space.create(Tally)

        def act(number: int) -> None:
            for step in range(20):
                tally.numbers.add(number * 100 + step)
                tally.clicks.increment()

        together(act)

        expected = {number * 100 + step for number in range(THREADS) for step in range(20)}
        assert set(tally.numbers) == expected
        assert int(tally.clicks) == 200
        assert tally.sum.wait(30) == sum(expected)
        assert tally.count.wait(30) == 200


def test_each_thread_sees_its_own_edits_and_batches_stay_whole() -> None:
    with weft.open(types=(Tally,)) as space:
        tally = space.create(Tally)

        def act(number: int) -> None:
            for step in range(5):
                with space.edit(by=f"writer {number}"):
                    mine = {number * 1000 + step * 10, number * 1000 + step * 10 + 1}
                    tally.numbers.add(*mine)
                    assert mine <= set(tally.numbers)
                assert mine <= set(tally.numbers)
                assert tally.sum.wait(30) >= sum(mine)

        together(act)

        assert len(tally.numbers) == THREADS * 10
        assert tally.sum.wait(30) == sum(tally.numbers)


def test_an_edit_of_one_thread_is_not_seen_by_another_before_it_is_told() -> None:
    with weft.open(types=(Tally,)) as space:
        tally = space.create(Tally)
        staged, looked = threading.Event(), threading.Event()
        seen: list[int] = []

        def look() -> None:
            staged.wait(30)
            seen.append(len(tally.numbers))
            looked.set()

        reader = threading.Thread(target=look)
        reader.start()
        with space.edit():
            tally.numbers.add(1)
            staged.set()
            looked.wait(30)
        reader.join(30)

        assert seen == [0] and list(tally.numbers) == [1]


def test_handles_are_read_by_many_threads_while_the_engine_runs() -> None:
    with weft.open(types=(Tally,)) as space:
        tally = space.create(Tally)
        stop = threading.Event()

        def write() -> None:
            for number in range(60):
                tally.numbers.add(number)
                tally.start = number
            tally.each_double.wait(30)
            stop.set()

        def act(number: int) -> None:
            if number == 0:
                write()
                return
            while not stop.is_set():
                shown = list(tally.numbers)
                assert shown == list(range(len(shown)))
                match tally.each_double.state:
                    case weft.Settled(value):
                        assert list(value) == [2 * n for n in range(len(value))]
                    case weft.Failed(error):
                        raise AssertionError(error)
                assert space.find(Tally) == [tally]
                assert "each_double" in space.why(tally.each_double)
                assert "Tally" in space._repr_html_()

        together(act, 6)

        assert tally.each_double.wait(30) == tuple(2 * n for n in range(60))


def test_many_threads_wait_for_one_node() -> None:
    with weft.open(types=(Tally,)) as space:
        tally = space.create(Tally, start=21)
        found: list[int] = []

        together(lambda _: found.append(tally.double.wait(30)))

        assert found == [42] * THREADS
        assert space.counts()["tests.surface.shelves/doubled"]["executed"] == 1


def test_two_spaces_in_one_process_keep_to_themselves(tmp_path: Path) -> None:
    with (
        weft.open(str(tmp_path / "one.weft"), types=(Tally,)) as one,
        weft.open(str(tmp_path / "two.weft"), types=(Tally,)) as two,
    ):
        first, second = one.create(Tally, start=1), two.create(Tally, start=2)

        with one.edit(by="ann"), two.edit(by="ben"):
            first.numbers.add(1)
            second.numbers.add(2, 3)

        assert (first.double.wait(30), second.double.wait(30)) == (2, 4)
        assert (first.sum.wait(30), second.sum.wait(30)) == (1, 5)
        with pytest.raises(KeyError):
            one.get(Tally, second.id)
        assert one.is_engine and two.is_engine


def test_two_spaces_over_one_file_in_one_process_are_engine_and_client(tmp_path: Path) -> None:
    path = str(tmp_path / "one.weft")
    with weft.open(path, types=(Tally,)) as engine, weft.open(path, types=(Tally,)) as client:
        tally = engine.create(Tally, start=4)

        seen = client.get(Tally, tally.id)
        seen.numbers.add(5)

        assert (engine.is_engine, client.is_engine) == (True, False)
        assert list(tally.numbers) == [5]
        assert seen.double.wait(30) == 8
