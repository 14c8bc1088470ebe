"""What would be forgotten, and what would stay: the log read once, and nothing changed.

Of an entity goes all that was told to it and all that its nodes came to. A result of another entity that was given some
of it goes where it repeats it: a rule of Weft's own, an error, the same value, or a text of it word for word. What an
operation made of it stays, as a value of that other entity, and is named; unless what is derived is to go as well.

Knows nothing of how a space is changed.
Invariant: every payload that holds bytes of the entity is in `payloads`, with what of it may stay.
Source: provenance (why-provenance) turned forward; exact-match search for what slipped through.
"""

from __future__ import annotations

import glob
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal, TypeAlias, cast

from weft.content import (
    Cid,
    Link,
    NotAContentId,
    Plain,
    blobs_in,
    cid_text,
    decode,
    encode,
    encode_shallow,
    is_raw_id,
    parse_cid,
)
from weft.edit import UnknownEntity
from weft.engine import Engine
from weft.erased import erased_entity
from weft.erasure.lineage import Lineage, names_by_value
from weft.erasure.traces import Traces
from weft.errors import WeftError
from weft.graph import ToldNode, target_of
from weft.record import COMPUTED, Record, computed_body
from weft.slot import SlotKey
from weft.standing import ERASED, without
from weft.store import ENTITY, NoBlob, Store
from weft.written_result import kept_in, parse_result, without_note

INBOX_MAX = 1 << 30
"""How many waiting entries of the inbox are looked through: all of them."""
WAS_TOLD = ("event", "refused")
REFUSED = "what it said was erased"
"""Why an event was refused, once its words are gone."""
NAMED_MAX = 6
"""How many places a refusal names; the others are counted."""

Place: TypeAlias = SlotKey


class BlobInUse(WeftError):
    """The content {cid} is still named, by {places}. Nothing was changed. Forget those first, or erase it even if it is
    used: whoever opens it then is told that it was erased."""

    cid: str
    places: str


class BlobIsValue(WeftError):
    """The content {cid} is the value of {place}, kept apart as it is large. Forget that entity instead: a value cannot
    be taken from its record."""

    exit_code = 2
    cid: str
    place: str


@dataclass(slots=True)
class Forgetting:
    """What goes and what stays, as of one position; made by `look`, and good as long as nothing is told."""

    what: str
    kind: Literal["entity", "blob"]
    at: int
    """The position up to which the log was read."""
    type: str = ""
    created: int = 0
    before: int = 0
    """The newest erased record there is already."""
    payloads: dict[int, bytes | None] = field(default_factory=dict)
    events: list[tuple[int, str, str]] = field(default_factory=list)
    """Told records that go whole: position, id, and why it was refused, or nothing."""
    inbox: dict[int, bytes] = field(default_factory=dict)
    told: int = 0
    """How many told records speak of it."""
    computed: int = 0
    """How many results its own nodes came to."""
    repeats: Counter[Place] = field(default_factory=Counter)
    """Slots of other entities with results that go, as they repeat it, and how many."""
    derived: Counter[Place] = field(default_factory=Counter)
    """Slots of other entities with results that were made from it, which stay, and how many."""
    references: list[Place] = field(default_factory=list)
    """References that point to it, and lead nowhere from then on."""
    blobs: list[Cid] = field(default_factory=list)
    """Contents that go with it."""
    blobs_kept: dict[Cid, list[str]] = field(default_factory=dict)
    """Contents that it names and something else does too, with those places."""
    copies: list[str] = field(default_factory=list)
    """Files beside the space that hold it, and are not touched."""

    def is_lost(self, entity: str, node: str) -> bool:
        """Whether a place shows nothing any more, or has to look again."""
        return entity == self.what or any((entity, node) == place[:2] for place in self.repeats)


def look(engine: Engine, what: str, *, even_if_used: bool = False, derived: bool = False) -> Forgetting:
    """What forgetting an entity (by its id) or a blob (by its content id) takes. O(log), and the large values where
    blobs may go.

    `derived`: results of other entities that were made from it go too. Raises `UnknownEntity`, `EntityErased`,
    `NoBlob`, `BlobInUse`, `BlobIsValue`."""
    row = engine.row(ENTITY, (what,))
    cid = _blob_named(what) if row is None else None
    found = Forgetting(what, "blob" if cid is not None else "entity", engine.head.position)
    found.copies = _copies(engine.store)
    if cid is not None:
        _look_for_blob(engine, found, cid, even_if_used=even_if_used)
        return found
    if row is None or row[2] is not None:
        raise erased_entity(engine, what) or UnknownEntity(entity=what)
    found.type, found.created = str(row[0]), cast("int", row[1])
    _Reading(engine, found, derived=derived).read()
    return found


def _blob_named(what: str) -> Cid | None:
    try:
        cid = parse_cid(what)
    except NotAContentId:
        return None
    return cid if is_raw_id(cid) else None


def _copies(store: Store) -> list[str]:
    """Copies that Weft itself left beside the space: those from before its schema was moved on."""
    return sorted(glob.glob(f"{glob.escape(store.path)}.before-*")) if store.path is not None else []


# An entity -----------------------------------------------------------------------------------------------------------


class _Reading:
    """One pass over the log, in its order: what was shown stands before what was made from it."""

    def __init__(self, engine: Engine, found: Forgetting, *, derived: bool) -> None:
        self.engine, self.store, self.found, self.all_derived = engine, engine.store, found, derived
        self.traces = Traces()
        self.lineage = Lineage(engine, found.what)

    def read(self) -> None:
        for record in self.store.records():
            if record.kind == ERASED:
                self.found.before = record.position
            elif record.kind == "definition":
                self.lineage.define(record.content())
            elif record.payload is None or not any(id.encode() in record.payload for id in self.lineage.entities):
                continue
            elif record.kind in WAS_TOLD:
                self._told(record)
            elif record.kind == COMPUTED:
                self._computed(record)
        self._waiting()
        self.found.references = list(_references(self.engine, self.found.what))
        self._blobs()

    def _is_it(self, id: str) -> bool:
        return id == self.found.what

    # ---- what was told ----
    def _told(self, record: Record) -> None:
        said = record.content()
        kept = self._without(said)
        if kept is None:
            return
        self.found.told += 1
        if all(isinstance(one, list) and one[2] == ERASED for one in cast("list[Plain]", kept["intents"])):
            refusal = REFUSED if record.kind == "refused" else ""
            self.found.payloads[record.position] = None
            self.found.events.append((record.position, str(said["id"]), refusal))
            return
        if record.kind == "refused":
            kept["why"] = REFUSED
        self.found.payloads[record.position] = encode(kept)

    def _without(self, event: dict[str, Plain]) -> dict[str, Plain] | None:
        """An event without what it says of the entity, which is remembered; None where it says nothing of it."""
        intents = event.get("intents")
        if not isinstance(intents, list):
            return None
        mine = [one for one in intents if isinstance(one, list) and one[0] == self.found.what and one[2] != ERASED]
        if not mine:
            return None
        for one in mine:
            if one[2] != "create":
                self.traces.take(one[3:])
            self.traces.blobs |= blobs_in(encode(one))
        return {**event, "intents": without(intents, self._is_it)}

    def _waiting(self) -> None:
        """Edits of other programs that no engine has taken yet: they are told without it."""
        for number, payload in self.store.inbox(INBOX_MAX):
            said = decode(payload)
            event = said.get("event") if isinstance(said, dict) else None
            kept = self._without(event) if isinstance(event, dict) else None
            if kept is not None:
                self.found.inbox[number] = encode({"event": kept})

    # ---- what was computed ----
    def _computed(self, record: Record) -> None:
        results = record.results()
        assert results is not None
        kept = [self._result(encoded) for encoded in results]
        if kept != results:
            self.found.payloads[record.position] = computed_body(kept)

    def _result(self, encoded: bytes) -> bytes:
        """What stands in a result's place."""
        if not any(id.encode() in encoded for id in self.lineage.entities):
            return encoded
        said = parse_result(encoded)
        assert isinstance(said["slot"], list)
        if said.get(ERASED):
            return encoded
        slot = SlotKey(*(str(part) for part in said["slot"]))
        if slot.entity == self.found.what:
            self.found.computed += 1
            self._remember(said, encoded)
            # Ids of elements are made of what they hold, and of this entity nobody asks for one any more.
            return _gone(said, slot._replace(element=""))
        if not self.lineage.gave(slot, said):
            if "found" in said:
                return encoded
            kept = without_note(encoded, "last") if self.lineage.carries(slot, said) else encoded
            self.lineage.take(slot, said, goes=False)
            return kept
        if isinstance(key := said.get("key"), Link):
            self.lineage.calls.add(key.cid)
        self.lineage.entities.add(slot.entity)
        if "found" in said:
            return _gone(said, slot)  # what a call that was made again showed: it quotes both values
        goes = self.all_derived or self._repeats(said, encoded)
        self.lineage.take(slot, said, goes=goes)
        if not goes:
            self.found.derived[slot] += 1
            return encoded
        self.found.repeats[slot] += 1
        self._remember(said, encoded)
        return _gone(said, slot)

    def _remember(self, said: dict[str, Plain], encoded: bytes) -> None:
        for part in _parts(said):
            self.traces.contents |= {link.cid for link in (part.get("ok"),) if isinstance(link, Link)}
            self.traces.take([value for name, value in part.items() if name in ("value", "message")])
        for content in self._large(encoded):
            self.traces.take([content])
            self.traces.blobs |= blobs_in(content)
        self.traces.take([said.get("vectors")])
        self.traces.blobs |= blobs_in(encoded)

    def _large(self, encoded: bytes) -> Iterator[bytes]:
        """The values of a result that are kept apart."""
        for cid in kept_in(encoded):
            if self.store.has_blob(cid):
                with self.store.open_blob(cid) as content:
                    yield content.read()

    def _repeats(self, said: dict[str, Plain], encoded: bytes) -> bool:
        if said.get("how") in ("built in", "passed on") or "nodes" in said:
            return True
        parts = list(_parts(said))
        links = {link.cid for part in parts for link in (part.get("ok"),) if isinstance(link, Link)}
        if any("error" in part for part in parts) or links & self.traces.contents or names_by_value(said):
            return True
        return self.traces.are_in(encoded) or any(self.traces.are_in(content) for content in self._large(encoded))

    # ---- contents ----
    def _blobs(self) -> None:
        # What nothing names may have been made of it, by a call that came to no record.
        self.traces.blobs |= set(self.store.unnamed()) - set(self.engine.batch.named)
        if not self.traces.blobs:
            return
        kept = naming(self.store, self.traces.blobs, self.found)
        self.found.blobs_kept = kept
        gone = sorted(self.traces.blobs - kept.keys())
        self.found.blobs = [cid for cid in gone if self.store.has_blob(cid)]


def _gone(said: dict[str, Plain], slot: SlotKey) -> bytes:
    """What stands in place of a result, or of what checking it showed."""
    kept: dict[str, Plain] = {ERASED: True, "slot": [*slot]}
    return encode_shallow(kept | ({"found": ""} if "found" in said else {}))


def _parts(said: dict[str, Plain]) -> Iterator[dict[str, Plain]]:
    """The outcomes that a result holds."""
    for name in ("outcome", "last", "other", "made"):
        part = said.get(name)
        if isinstance(part, dict):
            yield part


def _references(engine: Engine, what: str) -> Iterator[Place]:
    for id in sorted(engine.readers(what)):
        thing = engine.graph.thing(id)
        for node in thing.nodes.values() if thing is not None else ():
            is_ref = isinstance(node, ToldNode) and node.spec.kind == "ref"
            if is_ref and (target_of(node.outcome()) or ("",))[0] == what:
                yield SlotKey(id, node.spec.name)


# A blob --------------------------------------------------------------------------------------------------------------


def _look_for_blob(engine: Engine, found: Forgetting, cid: Cid, *, even_if_used: bool) -> None:
    if not engine.store.has_blob(cid):
        raise NoBlob(cid=cid_text(cid))
    for record in engine.store.records():
        if record.kind == ERASED:
            found.before = record.position
        elif record.payload is not None and cid in kept_in(record.payload):
            place = next(place for place, held in _held_by(record) if cid in kept_in(held))
            raise BlobIsValue(cid=cid_text(cid), place=place)
    found.blobs = [cid]
    places = naming(engine.store, {cid}, found).get(cid, [])
    if places and not even_if_used:
        more = f" and {len(places) - NAMED_MAX} more" if len(places) > NAMED_MAX else ""
        raise BlobInUse(cid=cid_text(cid), places=", ".join(places[:NAMED_MAX]) + more)
    found.blobs_kept = {cid: places} if places else {}


def naming(store: Store, wanted: set[Cid], found: Forgetting) -> dict[Cid, list[str]]:
    """The places that name each of these contents, once what goes is gone; those without any are left out."""
    places: dict[Cid, dict[str, None]] = {}
    values: dict[Cid, str] = {}
    for record in store.records():
        payload = found.payloads.get(record.position, record.payload)
        if payload is None or not (kept_in(payload) or wanted & blobs_in(payload)):
            continue
        for place, held in _held_by(record._replace(payload=payload)):
            for cid in wanted & blobs_in(held):
                places.setdefault(cid, {})[place] = None
            values |= dict.fromkeys(kept_in(held), place)
    for cid, place in values.items():
        if store.has_blob(cid):
            with store.open_blob(cid) as content:
                for inner in wanted & blobs_in(content.read()):
                    places.setdefault(inner, {})[place] = None
    for number, payload in store.inbox(INBOX_MAX):
        for cid in wanted & blobs_in(found.inbox.get(number, payload)):
            places.setdefault(cid, {})["an edit that waits in the inbox"] = None
    return {cid: list(named) for cid, named in places.items()}


def _held_by(record: Record) -> Iterator[tuple[str, bytes]]:
    """What a record holds, part by part, with where each belongs."""
    if record.kind == COMPUTED:
        for encoded in record.results() or ():
            said = parse_result(encoded)
            assert isinstance(said["slot"], list)
            yield str(SlotKey(*(str(part) for part in said["slot"]))), encoded
        return
    said = record.content()
    intents = said.get("intents")
    for one in intents if isinstance(intents, list) else ():
        if isinstance(one, list):
            yield ".".join(str(part) for part in one[:2] if part), encode(one)
    if not isinstance(intents, list):
        yield f"the {record.kind} {said.get('name', '')!s}", record.payload or b""
