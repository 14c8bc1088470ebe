"""A lock counts those who wait for it, and only as long as they do."""

from __future__ import annotations

import threading

from tests.until import until
from weft.turns.crowd import CrowdedLock


def test_who_waits_is_counted_until_the_lock_is_theirs() -> None:
    lock = CrowdedLock()

    def come() -> None:
        with lock:
            pass

    waiters = [threading.Thread(target=come) for _ in range(3)]

    with lock:
        for waiter in waiters:
            waiter.start()
        until(lambda: lock.waiting == 3)
    for waiter in waiters:
        waiter.join()

    assert lock.waiting == 0


def test_who_has_it_takes_it_again_and_nobody_else_before_the_last_is_over() -> None:
    lock, taken = CrowdedLock(), list[bool]()

    with lock, lock:
        lock.release()
        other = threading.Thread(target=lambda: taken.append(lock.acquire(blocking=False)))
        other.start()
        other.join()
        lock.acquire()

    assert taken == [False]
    assert lock.waiting == 0
