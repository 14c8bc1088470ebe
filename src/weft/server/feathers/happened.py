"""What happened at one event of the log, as services tell it: which entities, runs and questions it changed.

Knows nothing of who may see it, and of what is there now. Invariant: the same event gives the same, in the same order.
Source: the activities of the log.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, NamedTuple, TypeAlias

from weft.collection import short_id
from weft.content import Plain
from weft.record import Entry
from weft.run_words import run_words
from weft.server.log import entities_in

Change: TypeAlias = Literal["told", "created", "patched", "removed"]


class Changed(NamedTuple):
    """One thing of a service. An entity is `told`: it may be a new one."""

    service: str
    id: str
    entity: str
    change: Change


class Happened(NamedTuple):
    """All that one event changed."""

    by: str
    entities: frozenset[str]
    changes: tuple[Changed, ...]


NOTHING = Happened("", frozenset(), ())


def happened_at(entry: Entry | None) -> Happened:
    """What an entry of the log says; nothing where it is no event, or was erased."""
    if entry is None or entry.kind != "event" or entry.is_erased:
        return NOTHING
    intents = entry.said.get("intents")
    found: dict[tuple[str, str], Changed] = {}
    for one in intents if isinstance(intents, list) else ():
        for changed in _changes(one):
            known = found.get(changed[:2])
            if known is None or known.change == "patched" or changed.change == "removed":
                found[changed[:2]] = changed
    return Happened(str(entry.said.get("actor", "")), entities_in(entry), tuple(found.values()))


def _changes(intent: Plain) -> Iterator[Changed]:
    match intent:
        case [str(entity), str(flow), str(verb), str(run), *more] if flow and run_words(verb, [run, *more]) is not None:
            yield Changed("runs", run, entity, "created" if verb == "fire" else "patched")
            yield from _asked(entity, flow, verb, run, more)
        case [str(entity), _, str(verb), *args] if run_words(verb, args) is None:
            yield Changed("entities", entity, entity, "told")


def _asked(entity: str, flow: str, verb: str, run: str, more: list[Plain]) -> Iterator[Changed]:
    match verb, more:
        case "step", [str(step), "ask", *_]:
            change: Change = "created"
        case "answer", [str(step), *_]:
            change = "patched"
        case "done", [str(step), *_] if step.startswith("ask "):
            change = "removed"
        case _:
            return
    yield Changed("questions", short_id("question", entity, flow, run, step), entity, change)
