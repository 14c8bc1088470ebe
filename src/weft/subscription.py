"""Subscriptions: the log, read as activities, from any position on and as it grows.

An activity says what happened to what, in the words of the log. A reader that comes back names the last position that
it has seen and gets every later one, each once and in order. Partial values
are no records, so they are not here: a handle's `.state` shows them.

Knows nothing of who writes. Invariant: activities ascend by position, and none is left out or given twice.
Source: event stores' catch-up subscriptions.
"""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Literal, Self, TypeAlias

from weft.brief import brief, reference_text
from weft.content import Link, Plain, cid_text
from weft.record import Entry
from weft.run_words import run_words
from weft.slot import SlotKey
from weft.standing import ERASED
from weft.store import Store

if TYPE_CHECKING:
    from weft.client import Client
    from weft.home import Home

ActivityType: TypeAlias = Literal[
    "traversal.started", "node.settled", "node.reused", "node.superseded", "node.failed", "node.removed",
    "event.refused", "definition", "service", "node.impure", "erased",
]  # fmt: skip
PREVIEW_CHARS = 80
BATCH = 256
WAIT_S = 0.5


@dataclass(frozen=True, slots=True)
class Activity:
    """What happened at a position. `traversal` is the position of the event that made it due; `node` is
    ENTITY.NODE[ELEMENT]; `content_id` names the value, where there is one; `preview` is for people."""

    position: int
    type: ActivityType
    traversal: int
    node: str = ""
    content_id: str = ""
    by: str = ""
    preview: str = ""


class Subscription:
    """An open reader. Iterating blocks for what is still to come; close it from anywhere to end the iteration."""

    def __init__(self, store: Store, host: Home | Client, *, after: int) -> None:
        self.store, self.host, self.position = store, host, after
        self.is_closed = False
        self._buffer: deque[Activity] = deque()
        self._turns = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the iteration, wherever it waits."""
        self.is_closed = True

    def present(self) -> list[Activity]:
        """What there is now behind the last one given, without waiting; those are given then."""
        self._fill(limit=None)
        found = list(self._buffer)
        self._buffer.clear()
        return found

    def __iter__(self) -> Iterator[Activity]:
        while self._next_or_wait():
            while self._buffer:
                yield self._buffer.popleft()

    async def __aiter__(self) -> AsyncIterator[Activity]:
        import asyncio

        while await asyncio.to_thread(self._next_or_wait):
            while self._buffer:
                yield self._buffer.popleft()

    def _next_or_wait(self) -> bool:
        """Whether there is, or may yet be, something in the buffer."""
        while not self.is_closed and not self.host.is_closed:
            self._fill(limit=BATCH)
            if self._buffer:
                return True
            self._turns = self.host.wait_turn(self._turns, WAIT_S)
        return False

    def _fill(self, *, limit: int | None) -> None:
        with self.host.lock:
            until = None if limit is None else self.position + limit
            for record in self.store.records(self.position, until=until):
                for entry in record.entries(self.position):
                    self.position = entry.position
                    if entry.kind != "nodes":  # of what the next result shows
                        self._buffer.append(activity_of(entry))


def activity_of(entry: Entry) -> Activity:
    """An entry of the log as an activity."""
    match entry.kind:
        case "event":
            return _event(entry, "traversal.started")
        case "refused":
            return _event(entry, "event.refused")
        case "erased":
            said = entry.said
            why, actor = str(said.get("why", "")), str(said.get("actor", ""))
            return Activity(entry.position, "erased", entry.position, str(said["what"]), by=actor, preview=why)
        case "definition":
            return Activity(entry.position, "definition", entry.position, str(entry.said.get("name", "")))
        case "service":
            return Activity(entry.position, "service", entry.position, str(entry.said.get("name", "")))
        case "pinned":
            said = entry.said
            why, actor = str(said.get("why", "")), str(said.get("actor", ""))
            done = "pinned" if said["is_pinned"] else "pinned no longer"
            preview = f"{done}: {why}" if why else done
            return Activity(entry.position, "definition", entry.position, str(said["type"]), by=actor, preview=preview)
        case "checked":
            return _checked(entry)
        case _:
            return _result(entry)


def _event(entry: Entry, type: ActivityType) -> Activity:
    if entry.is_erased:
        return Activity(entry.position, type, entry.position, preview=ERASED)
    intents = entry.said.get("intents") or []
    assert isinstance(intents, list)
    preview = "; ".join(intent_text(intent) for intent in intents[:3]) + (" …" if len(intents) > 3 else "")
    if type == "event.refused":
        preview = str(entry.said.get("why", "")) + " — " + preview
    nodes = {str(i[0]) + ("." + str(i[1]) if i[1] else "") for i in intents if isinstance(i, list)}
    return Activity(
        entry.position, type, entry.position, ", ".join(sorted(nodes)), "", str(entry.said.get("actor", "")), preview
    )


def _result(entry: Entry) -> Activity:
    parts, outcome, at = entry.said.get("slot"), entry.said.get("outcome"), entry.said.get("at")
    if not isinstance(parts, list) or not isinstance(outcome, dict) or not isinstance(at, int):
        place = str(SlotKey(*(str(part) for part in parts))) if isinstance(parts, list) else ""
        return Activity(entry.position, "node.removed", entry.position, place, preview=ERASED)
    node, content = str(SlotKey(*(str(part) for part in parts))), outcome.get("ok")
    cid = cid_text(content.cid) if isinstance(content, Link) else ""
    if entry.said.get("superseded"):
        return Activity(entry.position, "node.superseded", at, node, cid, preview=str(entry.said["superseded"]))
    if "error" in outcome:
        return Activity(
            entry.position,
            "node.failed",
            at,
            node,
            preview=": ".join((str(outcome["error"]), str(outcome["message"]))),
        )
    if "gone" in outcome:
        return Activity(entry.position, "node.removed", at, node, preview=str(outcome["gone"]))
    type: ActivityType = "node.reused" if entry.said.get("how") == "reused" else "node.settled"
    return Activity(entry.position, type, at, node, cid, preview=preview_of(outcome.get("value")))


def _checked(entry: Entry) -> Activity:
    if entry.is_erased:
        return _result(entry)
    parts, operation, shown = (entry.said[name] for name in ("slot", "operation", "shown"))
    assert isinstance(parts, list) and isinstance(operation, list) and isinstance(shown, list)
    node, at, found = str(SlotKey(*(str(part) for part in parts))), entry.said["at"], str(entry.said["found"])
    assert isinstance(at, int)
    name, version, first, again = (str(word) for word in (*operation, *shown))
    preview = f"{name}, version {version}, {found}: {first}, then {again}"
    return Activity(entry.position, "node.impure", at, node, preview=preview)


def preview_of(encoded: Plain) -> str:
    """The beginning of a value, for people."""
    from weft.content import decode

    if not isinstance(encoded, bytes):
        return "a large value"
    return shortened(brief(decode(encoded)))


def plain_text(value: Plain) -> str:
    """A plain value as people write it."""
    match value:
        case str():
            return repr(value)
        case bytes():
            return f"{len(value)} bytes"
        case Link():
            return cid_text(value.cid)[:16] + "…"
        case list():
            return "[" + ", ".join(plain_text(one) for one in value[:20]) + (", …]" if len(value) > 20 else "]")
        case dict():
            if reference := reference_text(value):
                return reference
            return "{" + ", ".join(f"{key}: {plain_text(one)}" for key, one in value.items()) + "}"
        case _:
            return str(value)


def intent_text(intent: Plain) -> str:
    """An intent as people read it: `photos add picture baf…, 78 kB`, `approve rzzjyj76 done: ask approve?`."""
    if not isinstance(intent, list):
        return ""
    _, node, verb, *args = intent
    if (of_run := run_words(str(verb), args)) is not None:
        return shortened(" ".join([str(node), of_run.words, *map(plain_text, of_run.values)]))
    if verb in ("add", "edit"):
        args = args[1:]
    said = " ".join(plain_text(one) if isinstance(one, str) else brief(one) for one in args)
    if verb == "move":
        said = plain_text(args[0]) + _moved_to(args[3:])
    return shortened(" ".join(str(word) for word in (node, verb, said) if word))


def _moved_to(before: list[Plain]) -> str:
    """In front of which element; nothing where an older log does not say."""
    return "" if not before else f" in front of {plain_text(before[0])}" if before[0] else " to the end"


def shortened(text: str, chars_max: int = PREVIEW_CHARS) -> str:
    """At most so many characters, the last of them an ellipsis where it was cut."""
    return text if len(text) <= chars_max else text[: chars_max - 1] + "…"
