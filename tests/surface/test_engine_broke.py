"""What breaks the engine in the middle of an event that was in order: nothing of it is kept, and everybody is told."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.until import until
from weft import Entity, Field, Space, derive, field
from weft.content import Plain, encode
from weft.definition import compile_type
from weft.engine import EngineBroke
from weft.folding import event_id, event_plain
from weft.pump import EditInterrupted
from weft.store import STATE, Batch, Head, Key, Row, Table
from weft.stores.memory import MemoryStore

LIMIT_S = 10.0


class FailingStore(MemoryStore):
    """Raises `fails` once, where the engine looks who told what a field holds; `refuses` once, where it writes; and is
    interrupted, so often, where it reads the head."""

    fails: Exception | None = None
    refuses: BaseException | None = None
    interrupts: int = 0

    def append(self, batch: Batch, /, *, epoch: int) -> None:
        refuses, self.refuses = self.refuses, None
        if refuses is not None:
            raise refuses
        super().append(batch, epoch=epoch)

    def row(self, table: Table, key: Key, /) -> Row | None:
        fails = self.fails
        if table == STATE and fails is not None:
            self.fails = None
            raise fails
        return super().row(table, key)

    def head(self) -> Head:
        if self.interrupts:
            self.interrupts -= 1
            raise KeyboardInterrupt
        return super().head()


def double(n: int) -> int:
    return 2 * n


class Sum(Entity):
    n: Field[int] = field(default=1)
    name: Field[str] = field(default="")
    doubled = derive(double, n)


@pytest.fixture
def store() -> FailingStore:
    return FailingStore()


@pytest.fixture
def space(store: FailingStore) -> Iterator[Space]:
    with Space(store, {"Sum": compile_type(Sum)}, services={}, actor="local") as space:
        yield space


def tell_both(space: Space, sum: Sum) -> None:
    """One event: a field that is told anew, and one that is told what it holds, for which its row is read."""
    with space.edit():
        sum.n = 5
        sum.name = "kept"


def test_an_event_that_breaks_off_is_not_kept_in_part_and_ends_the_engine(store: FailingStore, space: Space) -> None:
    sum = space.create(Sum, name="kept")
    head = store.head()
    store.fails = ZeroDivisionError("a defect")

    with pytest.raises(EngineBroke, match=r"ZeroDivisionError: a defect\. Nothing of it was kept"):
        tell_both(space, sum)

    with pytest.raises(EngineBroke):
        sum.doubled.wait(LIMIT_S)
    with pytest.raises(EngineBroke):
        space.wait_settled(timeout_s=LIMIT_S)
    with pytest.raises(EngineBroke):
        sum.n = 6
    assert store.head() == head


def test_what_was_kept_before_is_there_for_the_next_engine(store: FailingStore) -> None:
    beside = MemoryStore(beside=store)
    with Space(store, {"Sum": compile_type(Sum)}, services={}, actor="local") as space:
        sum = space.create(Sum, name="kept")
        store.fails = ZeroDivisionError("a defect")
        with pytest.raises(EngineBroke):
            tell_both(space, sum)

    with Space(beside, {"Sum": compile_type(Sum)}, services={}, actor="local") as space:
        (sum,) = space.find(Sum)
        assert (sum.n, sum.name, sum.doubled.wait(LIMIT_S)) == (1, "kept", 2)
        tell_both(space, sum)
        assert sum.doubled.wait(LIMIT_S) == 10


def test_an_event_of_another_program_that_breaks_off_ends_the_engine_and_waits_for_the_next(
    store: FailingStore,
) -> None:
    beside = MemoryStore(beside=store)
    with Space(store, {"Sum": compile_type(Sum)}, services={}, actor="local") as space:
        sum = space.create(Sum, name="kept")
        head = store.head()
        store.fails = ZeroDivisionError("a defect")
        intents: list[Plain] = [[sum.id, "n", "set", 5], [sum.id, "name", "set", "kept"]]
        event = event_plain(event_id("other", "1"), intents, actor="other", base=space.position, time="")
        beside.post(encode({"event": event}))

        until(lambda: space._host.is_closed)
        with pytest.raises(EngineBroke):
            sum.n = 6
        assert store.head() == head
        assert len(beside.inbox()) == 1

    with Space(beside, {"Sum": compile_type(Sum)}, services={}, actor="local") as space:
        (sum,) = space.find(Sum)
        until(lambda: not beside.inbox())
        assert sum.n == 5


def test_an_edit_that_is_interrupted_while_memory_is_read_anew_ends_the_engine_in_words(
    store: FailingStore, space: Space
) -> None:
    sum = space.create(Sum)
    until(lambda: space._host._pump._is_idle)  # type: ignore[union-attr]
    head = store.head()
    store.refuses, store.interrupts = KeyboardInterrupt(), 2

    with pytest.raises(KeyboardInterrupt):
        sum.n = 5

    assert store.interrupts == 0
    until(lambda: space._host.is_closed)
    for _ in range(2):
        with pytest.raises(EditInterrupted, match="what was acknowledged is kept"):
            sum.n = 6
    assert store.head() == head
