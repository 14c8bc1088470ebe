"""A space whose files are changed, and what the change comes to: harmless, mended, named, and never a wrong value.

Knows nothing of which bytes are changed. Invariant: `assess` fails for a wrong value that nothing names, and for any
exception but those that name the damage.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from weft.content import Cid, Plain
from weft.record import Record, make_record
from weft.store import EVENT, KIND, STATE, TABLES, Batch, Key, NotASpace, Row, SpaceDamaged, Table
from weft.stores.damage import examine
from weft.stores.sqlite import SqliteStore
from weft.testing.store_suite import append_payloads

PAGE_BYTES = 4096
NAMES = ("", "-wal", "-mark")


class Holding(NamedTuple):
    """All that can be read from a space; what could not be read is left out and counted in `named`."""

    records: list[Record]
    rows: dict[tuple[str, Key], Row]
    inbox: list[tuple[int, bytes]]
    blobs: dict[Cid, bytes]
    named: int


class Space(NamedTuple):
    """A space to be damaged: its files as bytes, and what it holds."""

    files: dict[str, bytes]
    held: Holding
    cids: tuple[Cid, ...]

    def lay(self, folder: Path, **changed: bytes) -> str:
        """The files at a fresh place, with some `changed`; "main" stands for the file itself."""
        path = folder / "space.weft"
        for found in folder.iterdir():
            found.unlink()
        for name, content in self.files.items():
            Path(f"{path}{name}").write_bytes(changed.get(name.strip("-") or "main", content))
        return str(path)


def build(folder: Path, *, keep_wal: bool) -> Space:
    path = str(folder / "built.weft")
    store = SqliteStore(path)
    epoch = store.acquire()
    cids = (store.keep_blob([b"blob" * 5000])[0], store.keep_blob([b""])[0])
    for number in range(30):
        payload: dict[str, Plain] = {"n": number, "text": f"payload {number} " * 12}
        head = store.head()
        record = make_record(head.position + 1, "event", epoch=epoch, previous=head.digest, payload=payload)
        batch = Batch(records=[record])
        batch.put(EVENT, (record.payload_id,), (record.position, record.digest, None))
        batch.put(STATE, (f"entity {number % 7}", "title", ""), (f"cell {number}".encode() * 3, record.position))
        batch.put(KIND, ("Post", number, f"entity {number}"), ())
        store.append(batch, epoch=epoch)
        if number % 10 == 0:
            store.post(f"entry {number}".encode())
    # The last word is an acknowledged record: what is lost at the end must show.
    append_payloads(store, {"n": "last"}, epoch=epoch)
    held = read_everything(store, cids)
    assert held.named == 0
    if not keep_wal:
        store.close()
    files = {name: Path(f"{path}{name}").read_bytes() for name in NAMES if Path(f"{path}{name}").exists()}
    store.close()
    return Space(files, held, cids)


def build_small(folder: Path) -> Space:
    """One of few words, all of them in the write-ahead log, so that each byte of that can be damaged in turn."""
    path = str(folder / "built.weft")
    store = SqliteStore(path)
    epoch = store.acquire()
    cids = (store.keep_blob([b"blob" * 10])[0],)
    for number in range(3):
        head = store.head()
        record = make_record(head.position + 1, "event", epoch=epoch, previous=head.digest, payload={"n": number})
        batch = Batch(records=[record])
        batch.put(STATE, (f"entity {number}", "title", ""), (b"cell", record.position))
        store.append(batch, epoch=epoch)
    store.post(b"entry")
    append_payloads(store, {"n": "last"}, epoch=epoch)
    held = read_everything(store, cids)
    assert held.named == 0
    files = {name: Path(f"{path}{name}").read_bytes() for name in NAMES}
    store.close()
    return Space(files, held, cids)


def read_everything(store: SqliteStore, cids: Iterable[Cid]) -> Holding:
    named = 0
    records: list[Record] = []
    rows: dict[tuple[str, Key], Row] = {}
    inbox: list[tuple[int, bytes]] = []
    blobs: dict[Cid, bytes] = {}
    try:
        records.extend(store.records())
    except SpaceDamaged:
        named += 1
    for table in TABLES:
        try:
            rows.update({(table.name, key): row for key, row in store.rows(table)})
        except SpaceDamaged:
            named += 1
    try:
        inbox.extend(store.inbox())
    except SpaceDamaged:
        named += 1
    for cid in cids:
        try:
            if store.has_blob(cid):
                with store.open_blob(cid) as reader:
                    blobs[cid] = reader.read()
        except SpaceDamaged:
            named += 1
    return Holding(records, rows, inbox, blobs, named)


def assess(path: str, space: Space) -> str:
    """What a change came to: "harmless", "mended" or "named". Fails for a wrong value, and for any other exception."""
    try:
        store = SqliteStore(path)
    except (SpaceDamaged, NotASpace):
        assert examine(path)
        return "named"
    try:
        found = read_everything(store, space.cids)
        assert_no_wrong_value(found, space.held)
        findings = list(store.verify())
        if not findings:
            assert found == space.held, "something is missing or hidden, and nothing says so"
            return "harmless"
        if not all(finding.mendable for finding in findings):
            return "named"
        return mend(store, space)
    finally:
        store.close()


def assert_no_wrong_value(found: Holding, held: Holding) -> None:
    assert found.records == held.records[: len(found.records)]
    assert set(found.inbox) <= set(held.inbox)
    assert found.blobs.items() <= held.blobs.items()
    assert found.rows.items() <= held.rows.items()


def mend(store: SqliteStore, space: Space) -> str:
    """Empty the tables as a rebuild does, play the rows in again, and see that all is as it was."""
    epoch = store.acquire()
    store.clear(epoch=epoch)
    by_name = {table.name: table for table in TABLES}
    rows: dict[Table, dict[Key, Row | None]] = {}
    for (name, key), row in space.held.rows.items():
        rows.setdefault(by_name[name], {})[key] = row
    store.append(Batch(rows=rows), epoch=epoch)
    assert read_everything(store, space.cids) == space.held
    assert list(store.verify()) == []
    return "mended"


def flipped(content: bytes, at: int, mask: int = 0xFF) -> bytes:
    return content[:at] + bytes([content[at] ^ mask]) + content[at + 1 :]
