"""Closing a space in the middle of things: whoever waits is told so, nobody hangs, and what was told is kept."""

from __future__ import annotations

import gc
import threading
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest

import weft
from tests.surface.shelves import Bar, Gate, Tally
from tests.until import until
from weft.client import ClientAdds
from weft.pump import SpaceClosed

WAITS_S = 30


class Waiting:
    """Somebody who waits in a thread of their own."""

    def __init__(self, act: Callable[[], object]) -> None:
        self.error: BaseException | None = None
        self._act = act
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._act()
        except BaseException as why:  # noqa: BLE001  looked at by the test
            self.error = why

    def ended(self) -> BaseException | None:
        """How it ended; it must have."""
        self._thread.join(WAITS_S)
        assert not self._thread.is_alive(), "it still waits"
        return self.error


def begun(space: weft.Space, count: int) -> None:
    """Wait until so many wait in the space."""
    pump = space._host._running()  # type: ignore[union-attr]
    until(lambda: len(pump.waiters) >= count)


@pytest.mark.parametrize("durable", [False, True])
def test_waits_that_are_pending_raise_space_closed(durable: bool, tmp_path: Path) -> None:
    space = weft.open(str(tmp_path / "closing.weft") if durable else None, types=(Tally,))
    tally = space.create(Tally, start=1)
    waits = [Waiting(tally.never.wait) for _ in range(5)]
    waits += [Waiting(lambda: tally.never.wait(WAITS_S)), Waiting(space.wait_settled)]
    begun(space, 7)

    space.close()

    for wait in waits:
        assert isinstance(wait.ended(), SpaceClosed)
    with pytest.raises(SpaceClosed, match="Open it again"):
        tally.numbers.add(1)
    with pytest.raises(SpaceClosed):
        tally.double.wait(1)
    with pytest.raises(SpaceClosed):
        list(tally.numbers)
    space.close()


def test_waits_of_a_client_raise_when_it_is_closed(tmp_path: Path) -> None:
    path = str(tmp_path / "closing.weft")
    with weft.open(path, types=(Tally,)) as engine:
        tally = engine.create(Tally, start=1)
        client = weft.open(path, types=(Tally,))
        seen = client.get(Tally, tally.id)
        waits = [Waiting(seen.never.wait), Waiting(client.wait_settled)]
        until(lambda: bool(engine._host.engine.watched))  # the client's wish has arrived

        client.close()

        for wait in waits:
            assert isinstance(wait.ended(), SpaceClosed)
        assert tally.double.wait(WAITS_S) == 2


class Asked:
    """A lock that tells when another thread than its maker's has come to ask for it."""

    def __init__(self) -> None:
        self.by_another = threading.Event()
        self._lock = threading.RLock()
        self._maker = threading.get_ident()

    def __enter__(self) -> None:
        if threading.get_ident() != self._maker:
            self.by_another.set()
        self._lock.acquire()

    def __exit__(self, *raised: object) -> None:
        self._lock.release()


@pytest.mark.parametrize("role", ["engine", "client"])
def test_who_comes_to_read_while_the_space_closes_is_told_that_it_is_closed(tmp_path: Path, role: str) -> None:
    path = str(tmp_path / "closing.weft")
    with weft.open(path, types=(Tally,)) as engine, weft.open(path, types=(Tally,)) as client:
        host = (engine if role == "engine" else client)._host
        lock = host.lock = Asked()  # type: ignore[assignment]

        def look() -> None:
            with host.view() as seen:
                seen.store.head()

        with lock:
            reader = Waiting(look)
            assert lock.by_another.wait(WAITS_S)
            host.close()

        assert isinstance(reader.ended(), SpaceClosed)


def test_who_comes_to_wait_for_a_change_while_a_client_closes_goes_away(tmp_path: Path) -> None:
    path = str(tmp_path / "closing.weft")
    with weft.open(path, types=(Tally,)), weft.open(path, types=(Tally,)) as space:
        client = space._host
        lock = client.lock = Asked()  # type: ignore[assignment]

        with lock:
            waiting = Waiting(lambda: client.wait_turn(0, WAITS_S))
            assert lock.by_another.wait(WAITS_S)
            client.close()

        assert waiting.ended() is None


def test_an_operation_that_never_returns_does_not_keep_a_space_from_closing() -> None:
    bar = Bar()
    space = weft.open(types=(Tally,), services={Gate: bar})
    tally = space.create(Tally, start=1)
    wait = Waiting(tally.held.wait)
    assert bar.entered.wait(WAITS_S)
    begun = time.monotonic()

    space.close()

    assert time.monotonic() - begun < 10
    assert isinstance(wait.ended(), SpaceClosed)
    bar.opened.set()


def test_an_operation_cut_off_by_closing_is_called_again_by_the_next(tmp_path: Path) -> None:
    path, bar = str(tmp_path / "again.weft"), Bar()
    space = weft.open(path, types=(Tally,), services={Gate: bar})
    tally = space.create(Tally, start=7)
    wait = Waiting(tally.held.wait)
    assert bar.entered.wait(WAITS_S)
    space.close()
    bar.opened.set()
    assert isinstance(wait.ended(), SpaceClosed)

    with weft.open(path, types=(Tally,), services={Gate: bar}) as space:
        assert space.get(Tally, tally.id).held.wait(WAITS_S) == 7


def test_a_subscription_in_another_thread_ends_when_the_space_closes() -> None:
    space = weft.open(types=(Tally,))
    subscriptions = [space.subscribe() for _ in range(3)]
    seen: list[list[int]] = [[], [], []]

    def read(number: int) -> None:
        for activity in subscriptions[number]:
            seen[number].append(activity.position)

    readers = [Waiting(lambda number=number: read(number)) for number in range(3)]  # type: ignore[misc]
    tally = space.create(Tally)
    for number in range(20):
        tally.numbers.add(number)
    subscriptions[0].close()

    space.close()

    assert [reader.ended() for reader in readers] == [None] * 3
    for positions in seen:
        assert positions == list(range(1, len(positions) + 1))


def test_threads_that_edit_while_the_space_closes_are_answered(tmp_path: Path) -> None:
    path = str(tmp_path / "editing.weft")
    space = weft.open(path, types=(Tally,))
    tally = space.create(Tally)
    acknowledged: list[int] = []

    def edit(first: int) -> None:
        for number in range(first, first + 10_000):
            tally.numbers.add(number)
            acknowledged.append(number)

    writers = [Waiting(lambda first=first: edit(first)) for first in range(0, 50_000, 10_000)]  # type: ignore[misc]
    until(lambda: len(acknowledged) >= 50)

    space.close()

    for writer in writers:
        assert isinstance(writer.ended(), SpaceClosed)
    with weft.open(path, types=(Tally,)) as again:
        assert set(acknowledged) <= set(again.get(Tally, tally.id).numbers)


def test_closing_from_many_threads_at_once() -> None:
    space = weft.open(types=(Tally,))
    space.create(Tally)

    closers = [Waiting(space.close) for _ in range(5)]

    assert [closer.ended() for closer in closers] == [None] * 5


def test_a_space_that_was_never_used_closes() -> None:
    weft.open().close()
    with weft.open(types=(Tally,)):
        pass


def test_a_space_is_closed_inside_its_own_edit() -> None:
    space = weft.open(types=(Tally,))
    tally = space.create(Tally)

    def edit() -> None:
        with space.edit():
            tally.numbers.add(1)
            space.close()

    with pytest.raises(SpaceClosed):
        edit()


def test_a_client_that_is_refused_leaves_no_file_open(tmp_path: Path) -> None:
    class Unknown(weft.Entity):
        pass

    path = str(tmp_path / "left.weft")
    with weft.open(path, types=(Tally,)):
        with pytest.raises(ClientAdds):
            weft.open(path, types=(Unknown,))
        with warnings.catch_warnings():
            warnings.simplefilter("error", ResourceWarning)
            gc.collect()
