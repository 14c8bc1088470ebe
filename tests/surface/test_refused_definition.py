"""A definition that the disk refuses: the class before it stays in use; said again, the new one is taken."""

from __future__ import annotations

import pytest

from weft import Entity, Field, Space, derive, field, pump
from weft.definition import compiled_types, unique_types
from weft.store import Batch, StoreFailed
from weft.stores.memory import MemoryStore


class FullStore(MemoryStore):
    """Refuses every write while it is full."""

    is_full = False

    def append(self, batch: Batch, /, *, epoch: int) -> None:
        if self.is_full and batch.records:
            raise StoreFailed(path="memory", why="the disk is full")
        super().append(batch, epoch=epoch)


def opened(store: FullStore, *kinds: type[Entity]) -> Space:
    space = Space(store, compiled_types(kinds), services={}, actor="ann")
    space._host.kinds |= unique_types(kinds)
    return space


def double(n: int) -> int:
    return 2 * n


def treble(n: int) -> int:
    return 3 * n


def former() -> type[Entity]:
    class Sum(Entity):
        n: Field[int] = field()
        times = derive(double, n)

    return Sum


def changed() -> type[Entity]:
    class Sum(Entity):
        n: Field[int] = field()
        times = derive(treble, n)

    return Sum


@pytest.fixture(autouse=True)
def _goes_on_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pump, "STALL_S", 0.001)


def test_a_definition_that_the_disk_refused_is_put_in_force_when_it_is_said_again() -> None:
    store, before, after = FullStore(), former(), changed()
    with opened(store, before) as space:
        space.create(before, n=5)
        store.is_full = True
        with pytest.raises(StoreFailed, match="the disk is full"):
            space.create(after, n=7)
        assert space.kind_named("Sum") is before
        store.is_full = False
        made = space.create(after, n=7)
        assert space.kind_named("Sum") is after
        assert made.times.wait(30) == 21  # type: ignore[attr-defined]


def test_a_type_that_the_disk_refused_is_unknown_and_known_when_it_is_said_again() -> None:
    store, kind = FullStore(), former()
    with opened(store) as space:
        store.is_full = True
        with pytest.raises(StoreFailed, match="the disk is full"):
            space.create(kind, n=5)
        assert space.kind_named("Sum") is None
        store.is_full = False
        assert space.create(kind, n=5).times.wait(30) == 10  # type: ignore[attr-defined]
