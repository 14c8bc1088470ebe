"""Events: what one says, and how it is folded into memory, whole or not at all.

An event is intents by an actor who had seen the log up to `base`. Folding applies them one after another; when one is
refused, or a user's fold raises, the touched cells are read again from rows that the event has not written.

Knows nothing of what is made due. Invariant: an event that raises leaves rows and memory as they were.
Source: event sourcing's aggregates; the same-id-same-event rule of idempotent receivers.
"""

from __future__ import annotations

from collections.abc import Iterator

from weft.cells import make_cell
from weft.collection import short_id
from weft.content import Plain, content_id, encode
from weft.errors import WeftError
from weft.graph import Slot, Thing, ToldNode, Whole, target_of
from weft.ledger import Ledger
from weft.loops import Place, find_loop, needs_of
from weft.reduce import Change, Refused, Told
from weft.slot import Err
from weft.standing import ERASED
from weft.store import ENTITY, KIND, STATE, Column, Key, Store, entry_at
from weft.waits import keep_wait

DEPTH_MAX = 64
"""How long a chain of events may be in which each was caused by the one before."""


class TooDeep(WeftError):
    """The event would be number {depth} in a chain in which each was caused by the one before, from position {cause}:
    {bound} are allowed. Something feeds itself; break the loop, or edit without cause=."""

    depth: int
    cause: int
    bound: int


class Folding:
    """One event's intents, folded into memory; written when all went well, undone when one did not."""

    def __init__(self, ledger: Ledger, told: Told) -> None:
        self.ledger, self.told = ledger, told
        self.created: list[Thing] = []
        self.changes: dict[ToldNode, dict[str, Change]] = {}
        self.pointed: dict[ToldNode, tuple[str, str, str] | None] = {}
        """References that were told, with what they led to before."""
        self.awaited: dict[ToldNode, None] = {}
        """References that led to what is created here before it was there."""
        self.retried: list[Slot] = []
        self.walked: dict[Place, None] = {}
        """What reads through those, and all that it needs: each place behind what it needs itself."""
        self._new: dict[str, Thing] = {}

    def fold(self, intent: list[Plain]) -> None:
        """Fold one intent. Raises `Refused`, or what a user's fold raises."""
        entity, node, verb, *args = intent
        if verb == ERASED:
            return
        if verb == "create":
            self._create(str(entity), str(args[0]))
            return
        thing = self._new.get(str(entity)) or self.ledger.graph.thing(str(entity))
        if thing is None:
            why = "it was erased" if self.ledger.erased_at(str(entity)) else "there is no such entity in this space"
            raise Refused(place="entity " + str(entity), why=why)
        if verb == "tell":
            self._tell(thing, args)
        elif verb == "retry":
            self._retry(thing, str(node), str(args[0]))
        else:
            self._apply(self._field(thing, str(node)), str(verb), args)

    def _create(self, id: str, type: str) -> None:
        spec = self.ledger.in_force.get(type)
        if spec is None:
            raise Refused(place=f"type {type}", why="no such type is defined in this space; give it to open(types=…)")
        if id in self._new or self.ledger.row(ENTITY, (id,)) is not None:
            why = "it was erased, and its id is not given again" if self.ledger.erased_at(id) else "it exists already"
            raise Refused(place=f"entity {id}", why=why)
        thing = Thing(id, spec, self.told.position)
        for name, node in spec.nodes.items():
            if node.is_told:
                thing.nodes[name] = ToldNode(thing, node, make_cell(node.cell))
        self._new[id] = thing
        self.created.append(thing)
        self.awaited |= dict.fromkeys(self.ledger.references_to(id))

    def _field(self, thing: Thing, node: str) -> ToldNode:
        spec = thing.type.nodes.get(node)
        if spec is None:
            raise Refused(place=f"{thing.type.name}.{node}", why="the type has no such field")
        found = thing.nodes.get(node)
        if not isinstance(found, ToldNode):
            raise Refused(place=f"{thing.type.name}.{node}", why="it is computed, and computed values are not told")
        return found

    def _tell(self, thing: Thing, args: list[Plain]) -> None:
        folds = [n for n in thing.nodes.values() if isinstance(n, ToldNode) and n.spec.kind == "fold"]
        for node in folds:
            if node.spec.code is not None:
                self._apply(node, "tell", args)
            elif self.ledger.replaying:
                # What it came to is not known here; whoever reads it was made due then, and is now.
                self.ledger.unfolded.add((thing.id, node.spec.name))
                unknown = content_id(encode([self.told.position]))
                self.changes.setdefault(node, {})[""] = Change("", None, unknown, None)
            else:
                why = f"this program was opened without the code of its fold; give {thing.type.name} to open(types=…)"
                raise Refused(place=f"{thing.type.name}.{node.spec.name}", why=why)

    def _retry(self, thing: Thing, node: str, element: str) -> None:
        found = self.ledger.node(thing.id, node, element)
        slots = list(found.slots.values()) if isinstance(found, Whole) else [found]
        failed = [slot for slot in slots if isinstance(slot, Slot) and isinstance(slot.outcome(), Err)]
        self.retried.extend(failed)

    def _apply(self, node: ToldNode, verb: str, args: list[Plain]) -> None:
        if node.thing.id not in self._new:
            # Before anything changes: who is loaded later never knew of the elements that go, and leaves their results.
            self.ledger.graph.load_readers(node.thing)
        merged = self.changes.setdefault(node, {})
        if node.spec.kind == "ref":
            self.pointed.setdefault(node, target_of(node.outcome()))
        if self.ledger.graph.pins:
            self.ledger.cuts.shown.keep_told(node, self.told.position)
        for change in node.cell.apply(verb, args, self.told):
            earlier = merged.get(change.element)
            if earlier is not None:
                change.before, change.was, change.moved = earlier.before, earlier.was, change.moved or earlier.moved
            merged[change.element] = change

    def check_loops(self) -> None:
        """Refuse an event whose references close a loop."""
        for holder in [*(node for node in self.changes if node.spec.kind == "ref"), *self.awaited]:
            for reader in holder.thing.type.readers_of(holder.spec.name):
                loop = find_loop((holder.thing.id, reader.name), self._needs, self.walked)
                if loop:
                    place = f"{holder.thing.id}.{holder.spec.name}"
                    raise Refused(place=place, why=f"it would close a loop: {loop}")

    def _needs(self, place: Place) -> Iterator[Place]:
        thing = self._new.get(place[0]) or self.ledger.graph.thing(place[0])
        return needs_of(place, thing, thing.type if thing is not None else None)

    def undo(self) -> None:
        """Read the touched cells again from the rows, which this event has not written."""
        for node in self.changes:
            if node.thing.id not in self._new:
                rows = self.ledger.rows(STATE, (node.thing.id, node.spec.name))
                node.cell = make_cell(node.spec.cell, rows)

    def _told_at(self, key: Key, change: Change) -> Column:
        """The position at which what is there was first told: saying the same again makes nobody its author."""
        kept = self.ledger.row(STATE, key) if change.before == change.after else None
        return kept[1] if kept is not None else self.told.position

    def write(self) -> None:
        """Rows for what was created and changed."""
        put, position = self.ledger.batch.put, self.told.position
        for thing in self.created:
            put(ENTITY, (thing.id,), (thing.type.name, position, None))
            put(KIND, (thing.type.name, position, thing.id), ())
            self.ledger.add_computed(thing)
        for node, changes in self.changes.items():
            for change in changes.values():
                key = (node.thing.id, node.spec.name, change.element)
                if node.spec.kind == "flow":
                    self.ledger.woken += keep_wait(put, key, change.was, change.row)
                put(STATE, key, None if change.row is None else (change.row, self._told_at(key, change)))


def intents_digest(intents: list[Plain]) -> bytes:
    """What an event said, apart from what its author minted anew on each try: order keys and text updates; and apart
    from what the type said by its defaults, so that it may gain fields. Empty where a part of it was erased: what it
    said cannot be known any more."""
    said: list[Plain] = []
    by_default: set[tuple[Plain, Plain]] = set()
    for intent in intents:
        assert isinstance(intent, list)
        match intent:
            case [_, _, "erased"]:
                return b""
            case [entity, _, "create", kind, names]:
                assert isinstance(names, list)
                by_default |= {(entity, name) for name in names}
                said.append([entity, "", "create", kind])
            case [entity, node, "set", _] if (entity, node) in by_default:
                by_default.discard((entity, node))  # what the same edit sets after that was said
            case [entity, node, "add", _, value]:
                said.append([entity, node, "add", value])
            case [entity, node, "move", element, _, _, before]:
                said.append([entity, node, "move", element, before])
            case [entity, node, "move", element, *_]:  # older logs do not say in front of which
                said.append([entity, node, "move", element])
            case [entity, node, "edit", _, *description]:
                said.append([entity, node, "edit", *description])
            case _:
                said.append(intent)
    return content_id(encode(said))[4:]


def is_told(intents: list[Plain], digest: bytes) -> bool:
    """Whether an event with this digest said the same. An older version named no defaults, and told no move in front of
    what: its programs go on saying what they said. Of an erased event nothing can be asked, so it says the same."""
    older: list[Plain] = []
    for intent in intents:
        assert isinstance(intent, list)
        older.append(intent[: _OLDER_SIZES.get(str(intent[2]))])
    return not digest or digest in (intents_digest(intents), intents_digest(older))


_OLDER_SIZES = {"create": 4, "move": 5}


def event_plain(
    id: str, intents: list[Plain], *, actor: str, base: int, time: str, cause: int = 0, depth: int = 0
) -> dict[str, Plain]:
    """An event as the log keeps it."""
    said: dict[str, Plain] = {"id": id, "actor": actor, "base": base, "time": time, "intents": intents}
    return said | ({"cause": cause, "depth": depth} if cause else {})


def event_id(actor: str, client_id: str) -> str:
    """The id of an event: who says it, and what they call it."""
    return short_id("event", actor, client_id)


class MalformedEvent(WeftError):
    """This is not an event: {why}. Events are made by weft.open(…).edit(); nothing was changed."""

    why: str


_EVENT_FIELDS = {"id": str, "actor": str, "base": int, "time": str, "intents": list}


def check_event(event: dict[str, Plain]) -> None:
    """Raises `MalformedEvent` for what no edit of this or another program would say."""
    for name, kind in _EVENT_FIELDS.items():
        if not isinstance(event.get(name), kind) or isinstance(event[name], bool):
            raise MalformedEvent(why=f"its {name} is not a {kind.__name__}")
    intents = event["intents"]
    assert isinstance(intents, list)
    for intent in intents:
        if not (isinstance(intent, list) and len(intent) >= 3 and all(isinstance(part, str) for part in intent[:3])):
            raise MalformedEvent(why="an intent is not [entity, node, verb, …]")


def depth_after(store: Store, cause: int) -> int:
    """One more than the depth of the event at `cause`; a result counts as deep as the newest event before it."""
    found = entry_at(store, cause)
    if found is None:
        return 1
    if found.kind in ("event", "refused"):
        depth = found.said.get("depth")
        return depth + 1 if isinstance(depth, int) else 1
    at = found.said.get("at")
    return depth_after(store, at) if isinstance(at, int) and at < cause else 1
