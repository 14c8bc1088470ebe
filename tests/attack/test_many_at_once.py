"""Threads and programs that meet in one space: at its first use, in a client, and in what they have seen."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import weft
from weft import Entity, Field, counter, field, items
from weft.definition import compile_type
from weft.engine import Engine
from weft.stores.sqlite import SqliteStore

THREADS = 6


class Board(Entity):
    title: Field[str] = field(default="")
    clicks = counter()
    names = items(str)


def together(act: Callable[[], object]) -> None:
    start = threading.Barrier(THREADS)

    def run() -> None:
        start.wait(10)
        act()

    with ThreadPoolExecutor(THREADS) as pool:
        for done in [pool.submit(run) for _ in range(THREADS)]:
            done.result(60)


def test_threads_that_use_a_space_first_start_one_engine() -> None:
    before = sum(thread.name == "weft engine" for thread in threading.enumerate())
    with closing(weft.open(types=(Board,))) as space:
        together(lambda: space.create(Board))
        assert sum(thread.name == "weft engine" for thread in threading.enumerate()) == before + 1
        assert len(space.find(Board)) == THREADS


def test_threads_of_one_client_edit_at_once(tmp_path: Path) -> None:
    path = str(tmp_path / "board.weft")
    with weft.open(path, types=(Board,)) as space, closing(weft.open(path, types=(Board,))) as client:
        board = space.create(Board)
        (mine,) = client.find(Board)

        def act() -> None:
            for _ in range(5):
                mine.clicks.increment()

        together(act)
        assert int(board.clicks) == THREADS * 5


def test_a_client_waits_for_an_engine_that_is_still_opening(tmp_path: Path) -> None:
    path = str(tmp_path / "board.weft")
    with closing(SqliteStore(path)) as store:
        engine = Engine(store, epoch=store.acquire(), types={}, now=lambda: "")
        with ThreadPoolExecutor(1) as pool:
            opening = pool.submit(weft.open, path, types=(Board,))
            time.sleep(0.2)
            engine.define(compile_type(Board))
            engine.commit()
            with closing(opening.result(10)) as client:
                assert not client.is_engine


def test_what_a_client_has_read_it_has_seen(tmp_path: Path) -> None:
    path = str(tmp_path / "board.weft")
    with weft.open(path, types=(Board,)) as space:
        board = space.create(Board)
        with closing(weft.open(path, types=(Board,))) as client:
            (mine,) = client.find(Board)
            board.names.add("late")
            assert tuple(mine.names) == ("late",)
            mine.names.remove("late")
            assert tuple(board.names) == ()


def test_what_a_client_has_not_read_its_remove_leaves_alone(tmp_path: Path) -> None:
    path = str(tmp_path / "board.weft")
    with weft.open(path, types=(Board,)) as space:
        board = space.create(Board)
        with closing(weft.open(path, types=(Board,))) as client:
            (mine,) = client.find(Board)
            board.names.add("late")
            mine.names.remove("late")
            assert tuple(board.names) == ("late",)
