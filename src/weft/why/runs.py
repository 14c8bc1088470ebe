"""Runs that told something: which one it was, and what it had been told just before, as the same event says first.

Knows nothing of how runs go on. Invariant: what is said of a run stands in the log, at the positions that are named.
Source: the causes that event-sourced systems keep beside what was said.
"""

from __future__ import annotations

from collections.abc import Mapping

from weft.content import Plain
from weft.engine import Engine
from weft.run_words import came_to, step_name
from weft.store import entries_of, entry_at
from weft.subscription import intent_text, plain_text, shortened
from weft.why.naming import May, described
from weft.why.reason import RunTold

LOOKED_BACK_MAX = 2_000
"""In how many positions before it is looked for who answered."""
_BEGINNINGS = {"begin": "it began", "stop": "it was told to end"}
_TEXT_MAX = 120


def run_behind(engine: Engine, position: int, said: Mapping[str, Plain], may: May) -> RunTold | None:
    """The run that told an event; None for one that no run told, or that nobody may know of who asks."""
    intents = said.get("intents")
    match intents[0] if isinstance(intents, list) and intents else None:
        case [str(entity), *_] if not may(entity):
            return None
        case [str(entity), str(flow), "done", str(run), str(key), outcome]:
            told = RunTold(run, entity, _type(engine, entity), flow, "done", step_name(key))
            came = came_to(key, outcome)
            by, at = _answer(engine, position, said, [entity, flow, "answer", run, key])
            if not by and key.startswith("decide ") and isinstance(outcome, list) and len(outcome) > 1:
                by = _text(engine, [outcome[1] if isinstance(outcome[1], str) else plain_text(outcome[1])], may)
            came_text = _text(engine, [came.words, *map(plain_text, came.values)], may)
            told = told._replace(came_to=came_text, answered_by=by, answered_at=at)
        case [str(entity), str(flow), "begin" | "stop" as verb, str(run), *_]:
            told = RunTold(run, entity, _type(engine, entity), flow, verb)
        case _:
            return None
    by, words = _fired(engine, said, may)
    return told._replace(fired_by=by, fired=words)


def before_text(told: RunTold) -> str:
    """What the run had been told just before, in words."""
    if not told.step:
        return _BEGINNINGS[told.after]
    came = "was over" if not told.came_to else told.came_to if _has_failed(told) else f"came to {told.came_to}"
    by = f", by {told.answered_by}" if told.answered_by else ""
    at = f" at {told.answered_at}" if told.answered_at else ""
    return f"{told.step} {came}{by}{at}"


def _has_failed(told: RunTold) -> bool:
    return told.came_to.startswith("failed, ")


def _answer(engine: Engine, position: int, said: Mapping[str, Plain], wanted: list[Plain]) -> tuple[str, int]:
    """Who answered, and where: what was told last of the step before it came to that."""
    cause = said.get("cause")
    after = max(cause if isinstance(cause, int) else 0, position - LOOKED_BACK_MAX)
    found = "", 0
    for entry in entries_of(engine.store, after, until=position - 1):
        intents = entry.said.get("intents") if entry.kind == "event" else None
        if isinstance(intents, list) and any(isinstance(one, list) and one[:5] == wanted for one in intents):
            found = str(entry.said.get("actor", "?")), entry.position
    return found


def _fired(engine: Engine, said: Mapping[str, Plain], may: May) -> tuple[str, str]:
    """Who fired the run, and by what; nothing where no event did."""
    cause = said.get("cause")
    entry = entry_at(engine.store, cause) if isinstance(cause, int) and cause else None
    intents = entry.said.get("intents") if entry is not None and entry.kind == "event" else None
    if entry is None or not isinstance(intents, list):
        return "", ""
    told = [intent_text(one) for one in intents if isinstance(one, list) and may(str(one[0]))]
    words = "; ".join(told[:3]) + (" …" if len(intents) > 3 else "")
    return str(entry.said.get("actor", "?")), _text(engine, [words], may)


def _type(engine: Engine, entity: str) -> str:
    thing = engine.graph.thing(entity)
    return thing.type.name if thing is not None else "?"


def _text(engine: Engine, words: list[str], may: May) -> str:
    return shortened(described(engine, " ".join(word for word in words if word), may), _TEXT_MAX)
