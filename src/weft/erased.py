"""What was erased, as those see it who come across it later: a replay of the log, and whoever asks for it.

Knows nothing of how anything is erased.
Invariant: after a replay, whoever read what was erased is due.
Source: tombstones of replicated stores.
"""

from __future__ import annotations

from typing import cast

from weft.content import Plain
from weft.engine import Engine
from weft.errors import WeftError
from weft.graph import Due, Slot, Source, Thing, ToldNode, Whole, target_of
from weft.record import Record
from weft.store import DUE, ENTITY, EVENT, entry_at


class EntityErased(WeftError, KeyError):
    """{entity} was erased at position {position}, by {actor}. Nothing of it is left, and its id is not given again."""

    exit_code = 2
    entity: str
    position: int
    actor: str


def erased_entity(engine: Engine, id: str) -> EntityErased | None:
    """What to say to whoever asks for an entity that was erased; None where it never was."""
    position = engine.erased_at(id)
    entry = entry_at(engine.store, position)
    if entry is None:
        return None
    return EntityErased(entity=id, position=position, actor=str(entry.said.get("actor", "somebody")))


def replay_erased(engine: Engine, record: Record) -> None:
    """Apply an erased record: an entity is not there any more, nor are results that repeated it; who read them looks
    again. Events of which nothing is left keep their ids, so that none is told twice."""
    said, position = record.content(), record.position
    engine.chain(record)
    engine.cut = position
    for at, id, refusal in cast("list[list[Plain]]", said["events"]):
        engine.batch.put(EVENT, (str(id),), (cast("int", at), b"", str(refusal) or None))
    if "created" in said:
        what = str(said["what"])
        engine.batch.put(ENTITY, (what,), (str(said["type"]), cast("int", said["created"]), position))
        for thing in [thing for id in engine.readers(what) if (thing := engine.graph.thing(id)) is not None]:
            _lose(engine, thing, what, position)
    for key, at in engine.blank.items():
        slot = engine.node(*key)
        if isinstance(slot, Slot):
            _look_again(engine, slot, at, position)
    if said["stands"]:  # (a blob that nothing names leaves every record as it was)
        _hold_back(engine)
    engine.blank.clear()


def _look_again(engine: Engine, slot: Slot, blank: int, position: int) -> None:
    """Make due a slot that shows what it did before a result that went, and whoever was given that one: what it comes
    to may be what it shows, and then nothing else would tell them."""
    result = slot.result
    is_older = result is None or result.position < blank
    if is_older:
        engine.make_due(slot, position)
    engine.graph.load_readers(slot.thing)
    stack: list[Source] = [slot]
    seen: set[Source] = {slot}
    while stack:
        for edge in [edge for edges in stack.pop().readers.values() for edge in edges]:
            reader = edge.reader
            if isinstance(reader, Whole):
                if reader not in seen:
                    seen.add(reader)
                    stack.append(reader)
                continue
            given = reader.result
            is_later = given is not None and given.position > blank
            if is_later and (is_older or (result is not None and given is not None and given.at < result.at)):
                engine.make_due(reader, position)


def _hold_back(engine: Engine) -> None:
    """What is due is right at its own cut: since when it is not, the log may not say any more, as that was told to what
    was erased, or to something that led there."""
    for key, _ in list(engine.rows(DUE)):
        slot = engine.node(*map(str, key))
        if isinstance(slot, Slot) and slot.due is not None and slot.result is not None:
            engine.graph.set_due(slot, Due(min(slot.due.first, slot.result.at + 1), slot.due.last))


def _lose(engine: Engine, thing: Thing, what: str, position: int) -> None:
    """Make due whoever reads an erased entity through the references of this one."""
    refs = [node for node in thing.nodes.values() if isinstance(node, ToldNode) and node.spec.kind == "ref"]
    for ref in [ref for ref in refs if (target_of(ref.outcome()) or ("",))[0] == what]:
        engine.spread(ref, [("", False, False)], position)
        for whole in [thing.nodes[spec.name] for spec in thing.type.readers_of(ref.spec.name)]:
            if isinstance(whole, Whole):
                engine.spread(whole, [], position)
