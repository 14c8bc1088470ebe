"""What every store must do, as tests that the author of an adapter inherits.

    class TestMyStore(StoreSuite):
        def new_store(self) -> Store: …                     # a new, empty space
        def store_beside(self, store: Store) -> Store: …    # one more opener of the same space, as another program

pytest finds the inherited tests, and each store that a test opened is closed after it. The suite needs no test library.

Knows only the Store port: nothing here may look inside a store.
Invariant: a test passes for every correct store, so it asserts no more than the port says.
Source: eventsourcing's recorder suites.
"""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import os
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Generic, TypeVar

from weft.content import Cid, Link, Plain, content_id, encode, raw_id
from weft.errors import WeftError
from weft.record import GENESIS, Record, computed_record, make_record
from weft.standing import ERASED, Erasure
from weft.store import (
    DUE,
    EDGE,
    EVENT,
    KIND,
    STATE,
    TABLES,
    Batch,
    Column,
    Fenced,
    Head,
    Key,
    NoBlob,
    Row,
    SpaceLocked,
    Store,
    entries_of,
    entry_at,
)
from weft.watchers import new_presence

MIB = 1 << 20
LOOK_S = 0.5
"""How long a look is held open while another opener may commit."""
E = TypeVar("E", bound=BaseException)


class Refused(Generic[E]):
    """A block that must raise `kind`; the error is then in `error`."""

    def __init__(self, kind: type[E]) -> None:
        self.kind = kind
        self.error: E

    def __enter__(self) -> Refused[E]:
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> bool:
        if error is None:
            raise AssertionError(f"{self.kind.__name__} was not raised")
        if not isinstance(error, self.kind):
            return False
        self.error = error
        return True


def next_records(head: Head, *payloads: dict[str, Plain], epoch: int, kind: str = "event") -> list[Record]:
    """Records with these payloads that follow `head`."""
    made: list[Record] = []
    for payload in payloads:
        position, previous = (made[-1].position, made[-1].digest) if made else head
        made.append(make_record(position + 1, kind, epoch=epoch, previous=previous, payload=payload))
    return made


def append_payloads(store: Store, *payloads: dict[str, Plain], epoch: int) -> list[Record]:
    """Append records with these payloads, as one batch."""
    made = next_records(store.head(), *payloads, epoch=epoch)
    store.append(Batch(records=made), epoch=epoch)
    return made


def numbered(count: int) -> list[dict[str, Plain]]:
    """So many payloads that differ."""
    return [{"n": number} for number in range(count)]


def put_rows(store: Store, rows: dict[Key, Row | None], *, epoch: int) -> None:
    """Write rows of `STATE`, as one batch."""
    store.append(Batch(rows={STATE: rows}), epoch=epoch)


class StoreSuite:
    """The tests. Give `new_store` and `store_beside`."""

    def new_store(self) -> Store:
        """A new, empty space."""
        raise NotImplementedError

    def store_beside(self, store: Store) -> Store:
        """One more store object on the space of `store`, as another program would open it."""
        raise NotImplementedError

    def setup_method(self) -> None:
        """Begin with nothing open."""
        self._opened: list[Store] = []

    def teardown_method(self) -> None:
        """Close what the test opened, the newest first."""
        for store in reversed(self._opened):
            store.close()

    def open(self) -> Store:
        """A new space that is closed after the test."""
        self._opened.append(self.new_store())
        return self._opened[-1]

    def beside(self, store: Store) -> Store:
        """One more opener that is closed after the test."""
        self._opened.append(self.store_beside(store))
        return self._opened[-1]

    # What is erased.

    def test_an_erasure_replaces_payloads_entries_and_blobs_and_nothing_else(self) -> None:
        store = self.open()
        epoch = store.acquire()
        first, second, third = append_payloads(store, {"n": 1}, {"n": 2}, {"n": 3}, epoch=epoch)
        kept, gone = store.keep_blob([b"kept"])[0], store.keep_blob([b"gone"])[0]
        numbers = [store.post(b"an entry"), store.post(b"another")]
        left = encode({"left": True})
        stands: dict[str, Plain] = {"what": "x", "stands": [[1, None], [2, Link(content_id(left))]], "before": 0}
        told = next_records(store.head(), stands, epoch=epoch, kind=ERASED)

        batch = Batch(records=told, rows={STATE: {("e", "n", ""): (b"row", 1)}})
        store.erase(batch, Erasure({1: None, 2: left}, {numbers[0]: b"less"}, [gone]), epoch=epoch)

        assert list(store.records()) == [first._replace(payload=None), second._replace(payload=left), third, *told]
        assert list(store.inbox()) == [(numbers[0], b"less"), (numbers[1], b"another")]
        assert (store.has_blob(kept), store.has_blob(gone)) == (True, False)
        with Refused(NoBlob):
            store.open_blob(gone)
        assert store.row(STATE, ("e", "n", "")) == (b"row", 1)
        assert store.head() == Head(4, told[0].digest)
        assert store.sweep() == ""
        assert list(store.records(1, until=2)) == [second._replace(payload=left)]

    def test_an_erasure_under_an_older_lease_takes_nothing_away(self) -> None:
        store = self.open()
        old = store.acquire()
        (record,) = append_payloads(store, {"n": 1}, epoch=old)
        gone = store.keep_blob([b"gone"])[0]
        store.release()
        self.beside(store).acquire()

        with Refused(Fenced):
            store.erase(Batch(), Erasure({1: None}, blobs=[gone]), epoch=old)

        assert list(store.records()) == [record]
        assert store.has_blob(gone)

    def test_content_that_was_made_is_unnamed_until_a_batch_names_it(self) -> None:
        store = self.open()
        client, epoch = self.beside(store), store.acquire()
        made, gone = (store.keep_blob([content], is_made=True)[0] for content in (b"made", b"gone"))
        brought, _ = client.keep_blob([b"brought"])
        assert set(store.unnamed()) == set(client.unnamed()) == {made, gone}

        store.append(Batch(named=[made]), epoch=epoch)
        assert list(client.unnamed()) == [gone]
        for content in (b"made", b"brought"):
            store.keep_blob([content], is_made=True)
        assert list(store.unnamed()) == [gone]  # the others were here already

        store.erase(Batch(), Erasure({}, blobs=[gone]), epoch=epoch)
        assert list(store.unnamed()) == []
        assert (store.has_blob(made), store.has_blob(brought), store.has_blob(gone)) == (True, True, False)

    # The log.

    def test_a_new_space_has_no_records(self) -> None:
        store = self.open()

        assert store.head() == Head(0, GENESIS)
        assert list(store.records()) == []

    def test_records_come_back_in_order_and_unchanged(self) -> None:
        store = self.open()
        epoch = store.acquire()

        first = append_payloads(store, {"n": 1}, {"n": 2}, epoch=epoch)
        second = append_payloads(store, {"n": 3, "text": "ü\x00", "deep": [{"b": b"\x00\xff"}]}, epoch=epoch)

        assert list(store.records()) == first + second
        assert store.head() == Head(3, second[-1].digest)
        assert [record.content()["n"] for record in store.records()] == [1, 2, 3]

    def test_records_are_read_from_and_up_to_any_position(self) -> None:
        store = self.open()
        epoch = store.acquire()
        made = append_payloads(store, *numbered(600), epoch=epoch)

        assert list(store.records(598)) == made[598:]
        assert list(store.records(600)) == []
        assert list(store.records(9000)) == []
        assert list(store.records(2, until=5)) == made[2:5]
        assert list(store.records(0, until=0)) == []
        assert list(store.records(598, until=9000)) == made[598:]
        assert len(list(store.records(until=600))) == 600

    def test_a_record_of_many_results_is_found_by_each_of_its_positions(self) -> None:
        store = self.open()
        epoch = store.acquire()
        (told,) = append_payloads(store, {"n": 1}, epoch=epoch)
        results = [encode({"how": "ran", "n": number}) for number in range(2, 102)]
        many = computed_record(2, results, epoch=epoch, previous=told.digest)
        (last,) = next_records(Head(many.position, many.digest), {"n": 102}, epoch=epoch)
        store.append(Batch(records=[many, last]), epoch=epoch)

        assert (many.position, many.span) == (101, 100)
        assert store.head() == Head(102, last.digest)
        assert list(store.records()) == [told, many, last]
        assert [list(store.records(after)) for after in (1, 50, 100)] == [[many, last]] * 3
        assert list(store.records(101)) == [last]
        assert list(store.records(40, until=41)) == [many]
        assert list(store.records(0, until=2)) == [told, many]
        assert [entry.position for entry in entries_of(store)] == list(range(1, 103))
        assert [entry.said["n"] for entry in entries_of(store, 57)] == list(range(58, 103))
        found = [entry_at(store, position) for position in (1, 2, 60, 101, 102, 103)]
        assert [entry and entry.said["n"] for entry in found] == [1, 2, 60, 101, 102, None]

    def test_a_record_of_many_results_that_does_not_begin_behind_the_head_is_refused(self) -> None:
        store = self.open()
        epoch = store.acquire()
        (told,) = append_payloads(store, {"n": 1}, epoch=epoch)
        results = [encode({"how": "ran"})] * 3

        for first in (1, 3, 9):
            with Refused(WeftError):
                record = computed_record(first, results, epoch=epoch, previous=told.digest)
                store.append(Batch(records=[record]), epoch=epoch)
        with Refused(WeftError):
            moved = computed_record(2, results, epoch=epoch, previous=told.digest)._replace(position=5)
            store.append(Batch(records=[moved]), epoch=epoch)

        assert store.head() == Head(1, told.digest)

    def test_a_record_that_skips_a_position_is_refused_and_nothing_is_written(self) -> None:
        store = self.open()
        epoch = store.acquire()
        append_payloads(store, {"n": 1}, epoch=epoch)
        head = store.head()
        skipping = make_record(3, "event", epoch=epoch, previous=head.digest, payload={"n": 3})
        batch = Batch(records=[skipping])
        batch.put(STATE, ("e", "n", ""), (b"x", 3))

        with Refused(WeftError):
            store.append(batch, epoch=epoch)

        assert store.head() == head
        assert store.row(STATE, ("e", "n", "")) is None

    def test_a_record_that_names_another_predecessor_is_refused(self) -> None:
        store = self.open()
        epoch = store.acquire()
        append_payloads(store, {"n": 1}, epoch=epoch)
        stranger = make_record(2, "event", epoch=epoch, previous=GENESIS, payload={"n": 2})

        with Refused(WeftError):
            store.append(Batch(records=[stranger]), epoch=epoch)

        assert store.head().position == 1

    def test_a_break_inside_a_batch_is_refused_as_a_whole(self) -> None:
        store = self.open()
        epoch = store.acquire()
        one, two, three = next_records(store.head(), {"n": 1}, {"n": 2}, {"n": 3}, epoch=epoch)
        other = make_record(2, "event", epoch=epoch, previous=one.digest, payload={"n": "another"})

        for batch in ([one, three], [one, other, three], [two, three], [one, two, two]):
            with Refused(WeftError):
                store.append(Batch(records=batch), epoch=epoch)

        assert store.head() == Head(0, GENESIS)
        assert list(store.records()) == []

    def test_a_payload_that_does_not_match_its_id_is_refused(self) -> None:
        store = self.open()
        epoch = store.acquire()
        (whole,) = next_records(store.head(), {"n": 1}, epoch=epoch)

        with Refused(WeftError):
            store.append(Batch(records=[whole._replace(payload=b"\xa1an\x02")]), epoch=epoch)
        with Refused(WeftError):
            store.append(Batch(records=[whole._replace(kind="result")]), epoch=epoch)

        assert store.head().position == 0

    def test_a_record_without_its_erased_payload_is_taken(self) -> None:
        store = self.open()
        epoch = store.acquire()
        erased = next_records(store.head(), {"n": 1}, epoch=epoch)[0]._replace(payload=None)

        store.append(Batch(records=[erased]), epoch=epoch)

        assert list(store.records()) == [erased]
        assert store.head().digest == erased.digest

    # Rows.

    def test_a_row_is_read_by_its_key_and_replaced_and_deleted(self) -> None:
        store = self.open()
        epoch = store.acquire()
        key = ("entity", "title", "")

        assert store.row(STATE, key) is None
        put_rows(store, {key: (b"one", 1)}, epoch=epoch)
        assert store.row(STATE, key) == (b"one", 1)
        put_rows(store, {key: (b"two", 2)}, epoch=epoch)
        assert store.row(STATE, key) == (b"two", 2)
        put_rows(store, {key: None, ("never", "was", ""): None}, epoch=epoch)
        assert store.row(STATE, key) is None
        assert list(store.rows(STATE)) == []

    def test_several_rows_are_read_by_their_keys_as_one_by_one(self) -> None:
        """As many as are asked for at once, those that are there."""
        store = self.open()
        epoch = store.acquire()
        batch = Batch()
        for number in range(0, 200, 2):
            batch.put(STATE, ("e", "n", str(number)), (b"%d" % number, None))
            batch.put(KIND, ("Post", number, f"e{number}"), ())
        store.append(batch, epoch=epoch)

        for table, keys in (
            (STATE, [("e", "n", str(number)) for number in range(200)]),
            (KIND, [("Post", number, f"e{number}") for number in range(75)] * 2),
            (KIND, [("Post", 2, "e2")]),
            (STATE, []),
        ):
            asked: Sequence[Key] = list(keys)
            assert store.some(table, asked) == {key: row for key in asked if (row := store.row(table, key)) is not None}

    def test_every_table_takes_rows_of_its_own_width(self) -> None:
        store = self.open()
        epoch = store.acquire()
        batch = Batch()
        for table in TABLES:
            batch.put(table, tuple(f"key {name}" for name in table.key), tuple(f"in {name}" for name in table.columns))

        store.append(batch, epoch=epoch)

        for table in TABLES:
            key = tuple(f"key {name}" for name in table.key)
            assert store.row(table, key) == tuple(f"in {name}" for name in table.columns)
            assert [found for found, _ in store.rows(table)] == [key]

    def test_each_kind_of_column_comes_back_as_it_was(self) -> None:
        store = self.open()
        epoch = store.acquire()
        columns: list[Column] = ["", "ü\x00\U0001f4da", 0, -1, 2**63 - 1, -(2**63), b"", b"\x00\xff" * 5000, None]

        rows: dict[Key, Row | None] = {("e", "n", number): (cell, cell) for number, cell in enumerate(columns)}
        put_rows(store, rows, epoch=epoch)

        for number, cell in enumerate(columns):
            found = store.row(STATE, ("e", "n", number))
            assert found == (cell, cell)
            assert [type(column) for column in found] == [type(cell)] * 2

    def test_a_truth_value_is_kept_as_a_number(self) -> None:
        store = self.open()
        epoch = store.acquire()

        put_rows(store, {("e", "n", ""): (True, False)}, epoch=epoch)

        assert store.row(STATE, ("e", "n", "")) == (1, 0)

    def test_a_range_holds_what_begins_with_its_prefix_ascending_by_key(self) -> None:
        store = self.open()
        epoch = store.acquire()
        keys: list[Key] = [
            (entity, node, element)
            for entity in ("b", "a", "é", "a\x00", "ab")
            for node in ("n", "m", "")
            for element in ("2", "10", "", "ü", "\U0001f4da", "\uffff")
        ]
        put_rows(store, dict.fromkeys(keys, (b"x", 1)), epoch=epoch)

        assert [key for key, _ in store.rows(STATE)] == sorted(keys)
        assert [key for key, _ in store.rows(STATE, ("a",))] == sorted(key for key in keys if key[0] == "a")
        assert [key for key, _ in store.rows(STATE, ("a", "n"))] == sorted(key for key in keys if key[:2] == ("a", "n"))
        assert [key for key, _ in store.rows(STATE, ("a", "n", "2"))] == [("a", "n", "2")]
        assert list(store.rows(STATE, ("absent",))) == []
        assert list(store.rows(DUE)) == []

    def test_a_range_stays_in_order_through_later_writes(self) -> None:
        store = self.open()
        epoch = store.acquire()
        put_rows(store, {("a", "n", "5"): (b"5", 1), ("a", "n", "1"): (b"1", 1)}, epoch=epoch)
        assert len(list(store.rows(STATE, ("a",)))) == 2

        put_rows(store, {("a", "n", "3"): (b"3", 2), ("a", "n", "5"): None, ("a", "n", "1"): (b"one", 2)}, epoch=epoch)

        assert list(store.rows(STATE, ("a",))) == [(("a", "n", "1"), (b"one", 2)), (("a", "n", "3"), (b"3", 2))]

    def test_keys_order_numbers_before_text_before_bytes(self) -> None:
        store = self.open()
        epoch = store.acquire()
        keys: list[Key] = [("t", b"\x00", "i"), ("t", "", "i"), ("t", 10, "i"), ("t", 9, "i"), ("t", -1, "i")]
        store.append(Batch(rows={KIND: dict.fromkeys(keys, ())}), epoch=epoch)

        assert [key[1] for key, _ in store.rows(KIND, ("t",))] == [-1, 9, 10, "", b"\x00"]

    def test_a_range_is_a_snapshot(self) -> None:
        store = self.open()
        epoch = store.acquire()
        put_rows(store, {("a", "n", str(number)): (b"old", 1) for number in range(5)}, epoch=epoch)

        found = store.rows(STATE, ("a",))
        first = next(found)
        put_rows(
            store, {("a", "n", "3"): None, ("a", "n", "4"): (b"new", 2), ("a", "n", "9"): (b"new", 2)}, epoch=epoch
        )

        assert [first, *found] == [(("a", "n", str(number)), (b"old", 1)) for number in range(5)]

    def test_rows_of_one_table_never_show_in_another(self) -> None:
        store = self.open()
        epoch = store.acquire()

        put_rows(store, {("a", "n", ""): (b"x", 1)}, epoch=epoch)

        assert store.row(DUE, ("a", "n", "")) is None
        assert list(store.rows(EDGE, ("a",))) == []

    def test_clearing_empties_the_tables_and_nothing_else(self) -> None:
        store = self.open()
        epoch = store.acquire()
        (record,) = append_payloads(store, {"n": 1}, epoch=epoch)
        put_rows(store, {("a", "n", ""): (b"x", 1)}, epoch=epoch)
        store.append(Batch(rows={EVENT: {(b"id",): (1, record.digest, None)}}), epoch=epoch)
        entry = store.post(b"waiting")
        cid, _ = store.keep_blob([b"content"])

        store.clear(epoch=epoch)

        assert all(list(store.rows(table)) == [] for table in TABLES)
        assert list(store.records()) == [record]
        assert list(store.inbox()) == [(entry, b"waiting")]
        assert store.has_blob(cid)

    # The lease.

    def test_epochs_only_rise(self) -> None:
        store = self.open()
        other = self.beside(store)
        epochs = []

        for holder in (store, other, store):
            epochs.append(holder.acquire())
            holder.release()

        assert epochs == sorted(set(epochs))
        assert epochs[0] > 0

    def test_a_second_engine_is_refused_and_told_who_holds_the_lease(self) -> None:
        store = self.open()
        other = self.beside(store)
        epoch = store.acquire()

        with Refused(SpaceLocked) as refused:
            other.acquire()

        assert refused.error.pid == os.getpid()
        assert refused.error.host
        for opener in (store, other):
            holder = opener.holder()
            assert holder is not None
            assert (holder.pid, holder.epoch) == (os.getpid(), epoch)

    def test_a_holder_does_not_take_its_own_lease_again(self) -> None:
        store = self.open()
        epoch = store.acquire()

        with Refused(SpaceLocked):
            store.acquire()

        append_payloads(store, {"n": 1}, epoch=epoch)

    def test_a_released_lease_is_held_by_nobody(self) -> None:
        store = self.open()
        other = self.beside(store)
        assert store.holder() is None
        store.acquire()

        store.release()
        store.release()

        assert store.holder() is None
        assert other.holder() is None
        other.acquire()
        store.release()
        assert other.holder() is not None

    def test_closing_releases_the_lease_and_is_harmless_twice(self) -> None:
        store = self.open()
        other = self.beside(store)
        store.acquire()

        store.close()
        store.close()

        assert other.acquire() > 0

    def test_an_engine_that_was_overtaken_writes_nothing_more(self) -> None:
        old = self.open()
        new = self.beside(old)
        old_epoch = old.acquire()
        append_payloads(old, {"n": 1}, epoch=old_epoch)
        put_rows(old, {("a", "n", ""): (b"x", 1)}, epoch=old_epoch)
        entry = old.post(b"waiting")
        old.release()
        new_epoch = new.acquire()
        batch = Batch(records=next_records(old.head(), {"n": 2}, epoch=old_epoch), taken=[entry])
        batch.put(STATE, ("a", "n", ""), (b"late", 2))

        with Refused(Fenced) as refused:
            old.append(batch, epoch=old_epoch)
        with Refused(Fenced):
            old.clear(epoch=old_epoch)

        assert (refused.error.epoch, refused.error.newest) == (old_epoch, new_epoch)
        assert new.head().position == 1
        assert new.row(STATE, ("a", "n", "")) == (b"x", 1)
        assert list(new.inbox()) == [(entry, b"waiting")]
        append_payloads(new, {"n": 2}, epoch=new_epoch)

    # Who is there.

    def test_who_has_entered_is_there_until_its_store_is_closed(self) -> None:
        store = self.open()
        other = self.beside(store)
        mine, others = new_presence(), new_presence()

        store.enter(mine)
        store.enter(mine)
        other.enter(others)

        for asker in (store, other):
            assert asker.is_there(mine)
            assert asker.is_there(others)
            assert not asker.is_there(new_presence())
        other.close()
        assert store.is_there(mine)
        assert not store.is_there(others)

    def test_an_engine_that_comes_leaves_those_who_are_there_alone(self) -> None:
        store = self.open()
        other = self.beside(store)
        name = new_presence()
        other.enter(name)

        store.acquire()

        assert store.is_there(name)

    # The inbox.

    def test_entries_wait_in_order_until_a_batch_takes_them(self) -> None:
        store = self.open()
        client = self.beside(store)
        epoch = store.acquire()

        numbers = [client.post(b"one"), store.post(b"two"), client.post(b"")]

        assert numbers == sorted(set(numbers))
        assert list(store.inbox()) == list(zip(numbers, (b"one", b"two", b""), strict=True))
        assert list(store.inbox(2)) == list(store.inbox())[:2]
        store.append(Batch(taken=numbers[:2]), epoch=epoch)
        assert list(client.inbox()) == [(numbers[2], b"")]

    def test_numbers_of_taken_entries_are_never_given_again(self) -> None:
        store = self.open()
        epoch = store.acquire()

        first = store.post(b"one")
        store.append(Batch(taken=[first]), epoch=epoch)

        assert store.post(b"two") > first
        assert [payload for _, payload in store.inbox()] == [b"two"]

    # Blobs.

    def test_content_is_found_by_its_id_whatever_its_chunks_were(self) -> None:
        store = self.open()
        client = self.beside(store)
        content = bytes(range(256)) * 12 * 1024 + b"end"

        for cuts in ([], [5, 5, MIB], [2 * MIB]):
            chunks = [content[start:end] for start, end in itertools.pairwise([0, *cuts, len(content)])]
            assert client.keep_blob(iter(chunks)) == (raw_id(content), len(content))

        assert store.has_blob(raw_id(content))
        with store.open_blob(raw_id(content)) as reader:
            assert reader.read() == content

    def test_what_others_share_is_let_go_of_while_content_is_in_coming(self) -> None:
        store, depth, entered = self.open(), 0, 0

        @contextlib.contextmanager
        def within() -> Iterator[None]:
            nonlocal depth, entered
            depth, entered = depth + 1, entered + 1
            yield
            depth -= 1

        def chunks() -> Iterator[bytes]:
            for number in range(20):
                assert depth == 0, "it is held while the next chunk is in coming"
                yield bytes([number]) * MIB

        cid, size = store.keep_blob(chunks(), within=within)

        assert (store.has_blob(cid), size, depth) == (True, 20 * MIB, 0)
        assert entered

    def test_content_of_each_awkward_size_comes_back(self) -> None:
        store = self.open()
        for size in (0, 1, MIB - 1, MIB, MIB + 1, 2 * MIB):
            content = hashlib.sha256(str(size).encode()).digest() * (size // 32 + 1)
            content = content[:size]
            cid, kept = store.keep_blob([content])
            assert (cid, kept) == (raw_id(content), size)
            with store.open_blob(cid) as reader:
                assert reader.read() == content

    def test_a_reader_seeks_and_reads_pieces(self) -> None:
        store = self.open()
        content = bytes(number % 251 for number in range(3 * MIB + 17))
        cid, _ = store.keep_blob([content])

        with store.open_blob(cid) as reader:
            for at, count in ((0, 10), (MIB - 3, 7), (3 * MIB, 100), (5, 0), (len(content), 5), (2 * MIB, MIB)):
                assert reader.seek(at) == at
                assert reader.read(count) == content[at : at + count]
            assert reader.seek(-4, os.SEEK_END) == len(content) - 4
            assert reader.read() == content[-4:]
            assert reader.tell() == len(content)

    def test_content_that_broke_off_while_it_came_in_is_not_there(self) -> None:
        store = self.open()

        def broken() -> Iterator[bytes]:
            yield b"x" * MIB
            yield b"y" * MIB
            raise ConnectionResetError

        with Refused(ConnectionResetError):
            store.keep_blob(broken())

        assert not store.has_blob(raw_id(b"x" * MIB))
        assert not store.has_blob(raw_id(b"x" * MIB + b"y" * MIB))

    def test_content_that_is_not_here_is_refused_by_name(self) -> None:
        store = self.open()
        cid: Cid = raw_id(b"never kept")

        assert not store.has_blob(cid)
        with Refused(NoBlob):
            store.open_blob(cid)

    def test_content_is_opened_by_many_threads_while_another_uses_the_store(self) -> None:
        store = self.open()
        epoch = store.acquire()
        contents = [bytes([number]) * (number + 1) for number in range(8)]
        cids = [store.keep_blob([content])[0] for content in contents]
        ended = threading.Event()

        def read(number: int) -> int:
            times = 0
            while not ended.is_set() or not times:
                with store.open_blob(cids[number]) as reader:
                    assert reader.read() == contents[number]
                times += 1
            return times

        with ThreadPoolExecutor(len(cids)) as pool:
            readers = [pool.submit(read, number) for number in range(len(cids))]
            try:
                for number in range(200):
                    put_rows(store, {("a", "n", ""): (b"x", number)}, epoch=epoch)
                    assert all(map(store.has_blob, cids))
            finally:
                ended.set()
            assert all(reader.result() for reader in readers)

    # Changes.

    def test_each_commit_by_anybody_is_seen_once_by_everybody(self) -> None:
        store = self.open()
        client = self.beside(store)
        epoch = store.acquire()
        store.changed()
        client.changed()

        assert not store.changed()
        append_payloads(store, {"n": 1}, epoch=epoch)
        assert (store.changed(), client.changed()) == (True, True)
        assert (store.changed(), client.changed()) == (False, False)
        client.post(b"entry")
        assert (store.changed(), client.changed()) == (True, True)
        put_rows(store, {("a", "n", ""): (b"x", 1)}, epoch=epoch)
        client.keep_blob([b"content"])
        assert (store.changed(), client.changed()) == (True, True)
        assert (store.changed(), client.changed()) == (False, False)

    def test_what_is_read_within_one_reading_is_of_one_moment_whatever_others_commit(self) -> None:
        store = self.open()
        client = self.beside(store)
        epoch = store.acquire()
        append_payloads(store, {"n": 1}, epoch=epoch)

        with client.reading(), client.reading():
            before = client.head()
            other = threading.Thread(target=append_payloads, args=(store, {"n": 2}), kwargs={"epoch": epoch})
            other.start()
            other.join(LOOK_S)  # some stores let it commit meanwhile, others have it wait
            assert client.head() == before
            assert len(list(client.records())) == 1
        other.join()

        assert client.head() == store.head()
        assert client.head() != before
        client.post(b"entry")

    def test_what_one_opener_wrote_another_reads(self) -> None:
        store = self.open()
        epoch = store.acquire()
        client = self.beside(store)

        records = append_payloads(store, {"n": 1}, {"n": 2}, epoch=epoch)
        put_rows(store, {("a", "n", ""): (b"x", 1)}, epoch=epoch)

        assert client.head() == store.head()
        assert list(client.records()) == records
        assert client.row(STATE, ("a", "n", "")) == (b"x", 1)
        assert list(client.rows(STATE)) == list(store.rows(STATE))
