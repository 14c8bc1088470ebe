"""What may remain of what was erased: the record that says so, its ids, and nothing that was told of it.

Knows nothing of how anything is erased. Invariant: it looks at bytes, wherever the disk keeps some.
Source: canaries, as in tests of secure deletion.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from weft.content import Cid, Plain
from weft.standing import ERASED, stands_of
from weft.store import ATTEMPT, DUE, EDGE, ENTITY, EVENT, STATE, TABLES, TREE, VERSION, Store
from weft.stores.memory import MemoryStore
from weft.testing.computed import computed_in
from weft.testing.rule import require

OWN = (STATE, VERSION, DUE, TREE)
"""Tables whose rows begin with the entity that they are of."""


def check_gone(disk: MemoryStore, entity: str, texts: Iterable[str]) -> None:
    """An entity was erased: nothing is left but what says so. Raises `RuleBroken`."""
    row = disk.row(ENTITY, (entity,))
    require(row is not None and isinstance(row[2], int), "erased", f"{entity} is not known to have been erased")
    assert row is not None and isinstance(row[2], int)
    said = next(record.content() for record in disk.records(row[2] - 1))
    is_said = said.get("what") == entity and said.get("type") == row[0] and said.get("created") == row[1]
    require(
        is_said and said.get("actor") is not None, "erased", f"the record at {row[2]!r} does not say it of {entity}"
    )
    for event in _list(said["events"]):
        _, id, _ = _list(event)
        require(disk.row(EVENT, (str(id),)) is not None, "erased", f"the id of event {id!s} is not kept")
    for table in OWN:
        left = [key for key, _ in disk.rows(table, (entity,))]
        require(not left, "erased", f"{table.name} still holds {left[:3]}")
    open_ = [key for key, held in disk.rows(ATTEMPT) if held[0] == entity]
    require(not open_, "erased", f"attempts of {entity} are open: {open_}")
    led = [key for key, _ in disk.rows(EDGE) if key[3] == entity]
    require(not led, "erased", f"{entity} still leads somewhere: {led!r}")
    _check_log(disk, entity)
    for text in texts:
        found = [where for where, held in everything(disk) if text.encode() in held]
        require(not found, "erased", f"{text!r} was told to {entity} and is in {', '.join(found[:3])}")


def _check_log(disk: MemoryStore, entity: str) -> None:
    for record in disk.records():
        intents = record.content().get("intents") if record.kind in ("event", "refused") else ()
        for intent in intents if isinstance(intents, list) else ():
            is_kept = isinstance(intent, list) and intent[0] == entity and intent[2] != ERASED
            require(not is_kept, "erased", f"the record at {record.position} still says {intent!r}")
        for result in computed_in(record):
            # Of its slots the log says only that something was there.
            kept = f"the record at {record.position} holds a result of {result.slot}"
            require(result.slot.entity != entity, "erased", kept)


def everything(disk: MemoryStore) -> Iterator[tuple[str, bytes]]:
    """All the bytes that a disk holds, with where."""
    for record in disk.records():
        if record.payload is not None:
            yield f"record {record.position} ({record.kind})", record.payload
    for table in TABLES:
        for key, row in disk.rows(table):
            yield f"{table.name} {key}", b"\0".join(_bytes(part) for part in (*key, *row))
    for number, payload in disk.inbox():
        yield f"the inbox, {number}", payload
    for cid, _ in disk.blobs():
        with disk.open_blob(cid) as content:
            yield "a blob", content.read()


def _bytes(part: object) -> bytes:
    return part if isinstance(part, bytes) else str(part).encode()


def stands_in(store: Store) -> dict[int, Cid | None]:
    """What the log says of payloads that stand in another's place, or of none: content id or None, by position."""
    found: dict[int, Cid | None] = {}
    for record in store.records():
        if record.kind == ERASED:
            found |= stands_of(record.content())
    return found


def erased_in(store: Store) -> tuple[dict[str, int], dict[str, tuple[int, str]]]:
    """The entities that a log says were erased, with where; and by id the events of which nothing is left: where they
    stand, and why they were refused, if they were."""
    entities: dict[str, int] = {}
    events: dict[str, tuple[int, str]] = {}
    for record in store.records():
        if record.kind == ERASED:
            said = record.content()
            if "created" in said:
                entities[str(said["what"])] = record.position
            for event in _list(said["events"]):
                at, id, why = _list(event)
                assert isinstance(at, int)
                events[str(id)] = at, str(why or "")
    return entities, events


def _list(said: Plain) -> list[Plain]:
    assert isinstance(said, list)
    return said
