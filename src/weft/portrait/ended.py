"""Runs that are over, as the log has them: how each ended, and what it was told step by step.

Knows nothing of runs that are under way. Invariant: it only reads; what was erased is not there.
Source: the histories that workflow engines show.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from weft.content import Plain
from weft.dag_json import json_of
from weft.engine import Engine
from weft.run_words import step_name
from weft.store import entries_of


@dataclass(slots=True)
class EndedRun:
    """One run. `ended`: the position of its end; `ending` is empty while it goes on."""

    run: str
    entity: str
    flow: str
    fired: int
    ended: int = 0
    ending: str = ""
    outcome: Plain = None
    steps: list[tuple[int, str, Plain]] = field(default_factory=list)
    """Where it was told the outcome of which step, and what that was."""


def ended_runs(engine: Engine, text: str) -> list[EndedRun]:
    """Those that are over, of an id that begins so. O(log)."""
    found: dict[str, EndedRun] = {}
    for entry in entries_of(engine.store, until=engine.head.position):
        intents = entry.said.get("intents") if entry.kind == "event" else None
        for intent in intents if isinstance(intents, list) else ():
            match intent:
                case [str(entity), str(flow), "fire", str(run), *_] if run.startswith(text):
                    found.setdefault(run, EndedRun(run, entity, flow, entry.position))
                case [str(entity), str(flow), str(verb), str(run), *of] if run in found:
                    _take(found[run], verb, of, entry.position)
    return [one for one in found.values() if one.ending]


def _take(one: EndedRun, verb: str, of: list[Plain], position: int) -> None:
    match verb, of:
        case "done", [str(key), outcome]:
            one.steps.append((position, key, outcome))
        case "end", [str(ending), outcome]:
            one.ended, one.ending, one.outcome = position, ending, outcome
        case "cancel", [] if one.ending == "failed":
            one.ended, one.ending, one.outcome = position, "cancelled", None
        case "restart" | "rewind", _:
            one.steps = _before(one, of) if verb == "rewind" else []
            one.ended, one.ending, one.outcome = 0, "", None


def _before(one: EndedRun, of: list[Plain]) -> list[tuple[int, str, Plain]]:
    """What stands of a run that goes on before a step: the one that was named, else that whose failure it came to, else
    the last, which it is told once more."""
    failed = one.outcome.get("step") if isinstance(one.outcome, dict) else None
    keys = [key for _, key, _ in one.steps]
    first = next((key for key in (*of, failed) if key in keys), None)
    return one.steps[: keys.index(first)] if isinstance(first, str) else one.steps[:-1]


def ended_plain(engine: Engine, one: EndedRun) -> dict[str, object]:
    """As one object, with the keys of a run that goes on."""
    steps = [
        {"key": key, "kind": key.partition(" ")[0], "name": step_name(key).partition(" ")[2], "at": at}
        for at, key, _ in one.steps
    ]
    return {
        "run": one.run, "entity": one.entity, "type": type_of(engine, one), "flow": one.flow, "stands": one.ending,
        "awaits": [], "outcome": json_of(one.outcome), "fired": one.fired, "ended": one.ended, "steps": steps,
    }  # fmt: skip


def type_of(engine: Engine, one: EndedRun) -> str:
    """The name of its entity's type."""
    thing = engine.graph.thing(one.entity)
    return thing.type.name if thing is not None else "?"
