"""What is told of runs, in words: which run, what happened to it, which step of it that concerns, and the values there.

Knows nothing of how values are written. Invariant: a run is named by the beginning of its id, and a step by what the
flow calls it; what is told of fields has no words here.
Source: the histories that workflow engines show.
"""

from __future__ import annotations

from typing import NamedTuple

from weft.content import Link, Plain, decode
from weft.moment import moment_text

_ID_SHOWN = 8
_OF_RUNS = ("fire", "begin", "resume", "block", "cancel", "stop", "adopt", "rewind", "restart", "recover", "bear")
_OF_STEPS = ("step", "done", "answer", "refuse", "doubt", "remind", "tried", "try", "drop", "rewind")


class Said(NamedTuple):
    """Words, and the values that belong behind them."""

    words: str
    values: tuple[Plain, ...] = ()


def run_words(verb: str, args: list[Plain]) -> Said | None:
    """What an intent says of a run or a schedule: `rzzjyj76 done: ask approve?`; None for one that is of neither."""
    match verb, args:
        case "schedule", [int(next_us)]:
            return Said(f"schedule: {moment_text(next_us)}" if next_us else "schedule")
        case "backfill", [int(since_us), int(until_us)]:
            return Said(f"backfill: {moment_text(since_us)} to {moment_text(until_us)}")
        case "end", [str(run), str(ending), outcome]:
            came = ended(ending, outcome)
            return came._replace(words=f"{run[:_ID_SHOWN]} end: {came.words}")
        case "block", [str(run), str(why)]:
            return Said(f"{run[:_ID_SHOWN]} block: {why}")
        case _, [str(run), str(key), *of] if verb in _OF_STEPS:
            came = _came(verb, key, of)
            return came._replace(words=f"{run[:_ID_SHOWN]} {verb}: {step_name(key)}{came.words}")
        case _, [str(run), *_] if verb in _OF_RUNS:
            return Said(f"{run[:_ID_SHOWN]} {verb}")
        case _:
            return None


def step_name(key: str) -> str:
    """A step as the flow calls it: its kind and name."""
    return key.rpartition(" ")[0] or key


def ended(ending: str, outcome: Plain) -> Said:
    """How a run ended: the words, and what it returned."""
    match ending:
        case "returned":
            return Said(ending, () if outcome is None else (outcome,))
        case "failed" if isinstance(outcome, dict):
            return Said(f"{ending}, {_failure(outcome)}")
        case "skipped":
            return Said(f"{ending}, {outcome!s}")
        case _:
            return Said(ending)


def came_to(key: str, outcome: Plain) -> Said:
    """What a step came to: its value, or that it failed and how."""
    if key.startswith("node ") and isinstance(outcome, list) and len(outcome) == 2:
        outcome = outcome[1]
    if isinstance(outcome, dict) and "error" in outcome:
        return Said(f"failed, {_failure(outcome)}")
    match outcome:
        case {"value": bytes(encoded)}:
            return Said("", (decode(encoded),))
        case {"ok": Link() as content}:
            return Said("", (content,))
        case [value, *_]:
            return Said("", (value,))
        case _:
            return Said("")


def _came(verb: str, key: str, of: list[Plain]) -> Said:
    match verb, of:
        case "done", [outcome]:
            came = came_to(key, outcome)
            return came._replace(words=f" {came.words}" if came.words else "")
        case "answer", [value]:
            return Said("", (value,))
        case "refuse" | "doubt", [str(why)] if why:
            return Said(f", {why}")
        case "tried", [str(why), int(next_us), _]:
            return Said(f", {why}; again {moment_text(next_us)}")
        case "remind", [int(next_us)]:
            return Said(f", next {moment_text(next_us)}")
        case _:
            return Said("")


def _failure(outcome: dict[str, Plain]) -> str:
    return ": ".join(str(outcome[part]) for part in ("error", "message") if part in outcome)
