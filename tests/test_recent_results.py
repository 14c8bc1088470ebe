"""Results read by position: in the open batch, in the log, again after some were dropped, and by half of a call key."""

from __future__ import annotations

import pytest

from weft import recent_results
from weft.content import Plain, content_id, encode
from weft.engine import Engine
from weft.errors import Undecodable
from weft.ledger import RESULTS_BYTES_MAX
from weft.recent_results import RecentResults
from weft.record import Record, computed_record
from weft.store import MEMO, Batch, StoreFailed, memo_key
from weft.stores.memory import MemoryStore
from weft.written_result import encode_result


def result(number: int, size: int = 1) -> bytes:
    """The result of a call of its own, of so many bytes and a bit."""
    preimage = encode(["test", number])
    return encode_result(["e", "n", ""], 1, "ran", [1, number], encode("x" * size + str(number)), [], preimage, 0, {})


def key(number: int) -> bytes:
    return encode(["test", number])


class Counting(MemoryStore):
    """Counts how often the log is read, and refuses to be written where it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.reads = 0
        self.refuses = False

    def records(self, after: int = 0, *, until: int | None = None):  # type: ignore[no-untyped-def]
        self.reads += 1
        return super().records(after, until=until)

    def append(self, batch: Batch, /, *, epoch: int) -> None:
        if self.refuses:
            raise StoreFailed(path="memory", why="it is told to")
        super().append(batch, epoch=epoch)


@pytest.fixture
def store() -> Counting:
    return Counting()


@pytest.fixture
def engine(store: Counting) -> Engine:
    return Engine(store, epoch=store.acquire(), types={}, now=lambda: "t")


def keep(engine: Engine, number: int, size: int = 1) -> int:
    """Keep a result, found by its call key."""
    position = engine.keep_result(result(number, size))
    engine.batch.put(MEMO, memo_key(content_id(key(number))), (position,))
    return position


def test_a_result_is_found_in_the_open_batch_and_in_the_log(engine: Engine) -> None:
    many = RESULTS_BYTES_MAX // 1000 * 3 + 5
    places = [keep(engine, number, 1000) for number in range(many)]
    assert len(engine.batch.records) > 1
    assert engine.results
    for _ in range(2):
        for number, place in enumerate(places):
            assert engine.said_at(place)["preimage"] == key(number)
            found = engine.recall(content_id(key(number)))
            assert found is not None
            assert found.encoded == encode("x" * 1000 + str(number))
        engine.commit()


def test_what_a_refused_commit_dropped_is_not_remembered(engine: Engine, store: Counting) -> None:
    for number in range(RESULTS_BYTES_MAX // 1000 + 1):
        keep(engine, number, 1000)
    assert engine.said_at(1)["preimage"] == key(0)
    store.refuses = True
    with pytest.raises(StoreFailed):
        engine.commit()
    store.refuses = False

    keep(engine, 7)
    engine.commit()

    assert engine.said_at(1)["preimage"] == key(7)


def test_one_reading_of_a_record_serves_all_that_it_holds(store: Counting) -> None:
    written(store, *[[number] for number in range(3)], list(range(3, 90)))
    recent = RecentResults(store)

    assert [recent.said_at(position)["attempt"] for position in range(1, 91)] == [[1, number] for number in range(90)]
    assert store.reads == 4
    recent.forget()
    recent.said_at(90)
    assert store.reads == 5


def test_no_more_is_kept_than_allowed_and_what_was_used_last_stays(
    store: Counting, monkeypatch: pytest.MonkeyPatch
) -> None:
    written(store, *[[2 * number, 2 * number + 1] for number in range(4)])
    size = len(next(store.records()).payload or b"")
    monkeypatch.setattr(recent_results, "RESULTS_BYTES_KEPT", 3 * size)
    recent = RecentResults(store)
    for position in (5, 1, 3, 6, 7):
        recent.said_at(position)
    before = store.reads

    found = [recent.said_at(position)["attempt"] for position in (8, 6, 3, 4)]
    assert (found, store.reads) == ([[1, 7], [1, 5], [1, 2], [1, 3]], before)
    recent.said_at(2)
    assert store.reads == before + 1
    recent.said_at(7)
    assert store.reads == before + 2


def test_a_record_that_is_more_than_is_kept_is_kept_alone(store: Counting, monkeypatch: pytest.MonkeyPatch) -> None:
    written(store, [0, 1], [2, 3])
    monkeypatch.setattr(recent_results, "RESULTS_BYTES_KEPT", 1)
    recent = RecentResults(store)
    store.reads = 0

    for position in (1, 2, 4, 3, 1):
        recent.said_at(position)

    assert store.reads == 3


def test_a_record_that_holds_more_than_results_is_refused() -> None:
    record = computed_record(1, [result(1)], epoch=1, previous=bytes(32))
    assert record.results() == [result(1)]
    found = record.content()["results"]
    others: list[Plain] = [
        {"results": found, "more": None}, {"more": found}, [found], {"results": ["text"]}, {"results": []},
    ]  # fmt: skip

    for other in others:
        with pytest.raises(Undecodable, match="it holds others"):
            record._replace(payload=encode(other)).results()


def test_what_only_shares_half_a_digest_is_another_call(engine: Engine) -> None:
    keep(engine, 1)
    real = content_id(key(1))
    other = type(real)(real[:-1] + bytes([real[-1] ^ 1]))

    assert engine.recall(other) is None
    assert engine.preimage(other) is None
    assert engine.preimage(real) == key(1)


def written(store: Counting, *numbers: list[int]) -> None:
    """Records of these results."""
    epoch = store.acquire()
    records: list[Record] = []
    for each in numbers:
        last = records[-1] if records else None
        first, previous = (last.position + 1, last.digest) if last is not None else (1, bytes(32))
        records.append(computed_record(first, [result(number) for number in each], epoch=epoch, previous=previous))
    store.append(Batch(records=records), epoch=epoch)
    store.reads = 0
