"""A crowd counts those who stand before a lock, and only as long as they do."""

from __future__ import annotations

import threading

import pytest

from tests.until import until
from weft.turns.crowd import Crowd


def test_who_waits_is_counted_until_they_have_let_go() -> None:
    lock, crowd = threading.RLock(), Crowd()

    def come() -> None:
        with crowd, lock:
            pass

    waiters = [threading.Thread(target=come) for _ in range(3)]

    with lock:
        for waiter in waiters:
            waiter.start()
        until(lambda: crowd.count == 3)
    for waiter in waiters:
        waiter.join()

    assert crowd.count == 0


def test_who_leaves_by_an_error_has_left() -> None:
    crowd = Crowd()

    with pytest.raises(KeyboardInterrupt), crowd:
        raise KeyboardInterrupt

    assert crowd.count == 0
