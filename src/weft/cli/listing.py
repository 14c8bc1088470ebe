"""`weft list`: what there is in a space, by type and number, and what is due or failed, by place.

Rows are read, and entities are not loaded: so a large space is listed at once.

Knows nothing of the types' code. Invariant: nothing is computed, and nothing is written; a place that is printed can be
given back to other commands.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from weft.cli import terminal
from weft.cli.opening import SPACE, reading

if TYPE_CHECKING:
    from weft.engine import Engine
    from weft.purity.kept import Impure
    from weft.slot import Err, SlotKey
    from weft.store import Holder

PLACES_MAX = 12
"""How many failed, and how many due, places are shown to people."""
_ID_SHOWN = 8
_INBOX_MAX = 1000
_ERROR = b"eerror"
"""How the key of an error stands in the bytes of a result: what has it not is no error, and need not be decoded."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A slot that shows an error, and nothing is due there: it stands until it is retried or its inputs change."""

    type: str
    key: SlotKey
    at: int
    error: Err


@dataclass(frozen=True, slots=True)
class DueSlot:
    """A slot that is to be computed anew; `first` is the position from which on it is."""

    type: str
    key: SlotKey
    first: int


@dataclass(frozen=True, slots=True)
class TypeCount:
    """A type, with the numbers of its entities, of its slots that are due, of those that failed, and of runs of its
    flows that did."""

    name: str
    entities: int
    due: int
    failed: int
    failed_runs: int = 0


@dataclass(frozen=True, slots=True)
class Listing:
    """What there is: every type in force, in the order of their definition, and each place that wants attention."""

    types: tuple[TypeCount, ...]
    failed: tuple[Failure, ...]
    due: tuple[DueSlot, ...]
    impure: tuple[Impure, ...] = ()
    """Operations in force that gave two values for one call, or are not as pure as they are declared."""


@click.command("list")
@click.argument("space", type=SPACE)
@click.option("--json", "as_json", is_flag=True, help="As one JSON object, every place in full.")
def command(space: str, as_json: bool) -> None:
    """What there is in SPACE: its types with the number of their entities, what failed and stays so until it is tried
    again or its inputs change, what is due, which is computed when somebody waits for it, and operations that gave two
    values for one call.

    The code of the types is not needed, and another program may be computing the space meanwhile.
    """
    with reading(space) as opened, opened.view() as engine:
        found, position = listing_of(engine), engine.head.position
        holder, waiting = engine.store.holder(), len(engine.store.inbox(_INBOX_MAX))
    if as_json:
        said: dict[str, object] = {"space": opened.path, "position": position}
        said["engine"] = None if holder is None else {"pid": holder.pid, "host": holder.host}
        terminal.say_json({**said, "waiting": waiting, **_plain(found)})
        return
    for line in _lines(space, position, holder, waiting, found):
        terminal.say(line)


def listing_of(engine: Engine) -> Listing:
    """What there is. O(rows of slots); decodes only what may be an error."""
    from weft.purity.kept import impure_in
    from weft.slot import SlotKey
    from weft.store import DUE, ENTITY, KIND, WAIT

    of_runs = Counter(str((engine.row(ENTITY, (key[2],)) or [""])[0]) for key, _ in engine.rows(WAIT, ("failed",)))
    types: list[TypeCount] = []
    failed: list[Failure] = []
    due: list[DueSlot] = []
    for name in engine.in_force:
        ids = [str(key[2]) for key, _ in engine.rows(KIND, (name,))]
        before = len(failed), len(due)
        for id in ids:
            mine = {SlotKey(id, str(key[1]), str(key[2])): row[0] for key, row in engine.rows(DUE, (id,))}
            due.extend(DueSlot(name, key, first) for key, first in mine.items() if isinstance(first, int))
            failed.extend(each for each in failures(engine, name, id) if each.key not in mine)
        types.append(TypeCount(name, len(ids), len(due) - before[1], len(failed) - before[0], of_runs[name]))
    impure = tuple(each for each in impure_in(engine) if each.is_in_force)
    return Listing(tuple(types), tuple(failed), tuple(due), impure)


def failures(engine: Engine, type: str, id: str) -> Iterator[Failure]:
    """The slots of an entity that show an error, also where they are due."""
    from weft.slot import Err, SlotKey
    from weft.store import VERSION

    for key, (at, position, shown) in engine.rows(VERSION, (id,)):
        if isinstance(shown, bytes) and _ERROR in shown and isinstance(at, int) and isinstance(position, int):
            result, _ = engine.result_of(shown, at, position)
            if isinstance(result.outcome, Err):
                yield Failure(type, SlotKey(id, str(key[1]), str(key[2])), at, result.outcome)


def place_text(key: SlotKey) -> str:
    """A slot's place, as short as commands take it back."""
    return f"{key.entity[:_ID_SHOWN]}.{key.node}" + (f"[{key.element[:_ID_SHOWN]}]" if key.element else "")


# For programs --------------------------------------------------------------------------------------------------------


def _plain(found: Listing) -> dict[str, object]:
    from weft.purity.kept import plain_of

    return {
        "types": [
            {
                "name": each.name, "entities": each.entities, "due": each.due, "failed": each.failed,
                "failed_runs": each.failed_runs,
            }
            for each in found.types
        ],
        "failed": [
            {
                "place": list(each.key), "type": each.type, "at": each.at, "error": each.error.kind,
                "message": each.error.message, "where": each.error.where, "origin": each.error.origin,
            }
            for each in found.failed
        ],
        "due": [{"place": list(each.key), "type": each.type, "first": each.first} for each in found.due],
        "impure": [plain_of(each) for each in found.impure],
    }  # fmt: skip


# For people ----------------------------------------------------------------------------------------------------------


def _lines(space: str, position: int, holder: Holder | None, waiting: int, found: Listing) -> Iterator[str]:
    from weft.cli.impure import impure_lines

    width = terminal.width()
    yield from terminal.wrapped(f"{space} at position {position}", width, hanging="  ")
    by = "nobody computes it now" if holder is None else f"computed by process {holder.pid} on {holder.host}"
    yield terminal.faint(by)
    if waiting:
        yield from terminal.wrapped(
            f"{terminal.counted(waiting, 'message')} of other programs: the next engine takes them", width
        )
    yield ""
    if not found.types:
        yield "there are no types in it yet"
        return
    room = max([len("type"), *(min(terminal.cells(each.name), width - 30) for each in found.types)])
    yield terminal.strong(f"{'type':<{room}}  {'entities':>8}  {'due':>6}  {'failed':>6}")
    for each in found.types:
        name = terminal.padded(terminal.shortened(each.name, room), room)
        yield f"{name}  {each.entities:>8}  {each.due:>6}  {each.failed + each.failed_runs:>6}"
    if runs := sum(each.failed_runs for each in found.types):
        yield ""
        yield terminal.alarming(
            f"{terminal.counted(runs, 'run of a flow', 'runs of flows')} failed; why, and what can be done:"
        )
        yield f"  {terminal.program()} runs {space}"
    yield from _failed_lines(space, found, width)
    yield from _due_lines(found, width)
    yield from impure_lines(space, found.impure, width)


def _failed_lines(space: str, found: Listing, width: int) -> Iterator[str]:
    roots = [each for each in found.failed if not each.error.origin]
    passed_on = len(found.failed) - len(roots)
    if found.failed:
        yield ""
        yield terminal.alarming("failed")
    for each in roots[:PLACES_MAX]:
        yield terminal.shortened(f"  {each.type} {place_text(each.key)}", width)
        yield terminal.shortened(f"    {each.error.kind}: {each.error.message}", width)
    if len(roots) > PLACES_MAX:
        yield f"  … and {len(roots) - PLACES_MAX} more"
    if passed_on:
        one = "1 that is made from what failed" if passed_on == 1 else f"{passed_on} that are made from what failed"
        yield f"  and {one}"
    if found.failed:
        yield from terminal.wrapped(f"to try them again: {terminal.program()} retry {space} --all", width)


def _due_lines(found: Listing, width: int) -> Iterator[str]:
    if found.due:
        yield ""
        yield terminal.strong("due")
    for each in found.due[:PLACES_MAX]:
        yield terminal.shortened(f"  {each.type} {place_text(each.key)}  from position {each.first}", width)
    if len(found.due) > PLACES_MAX:
        yield f"  … and {len(found.due) - PLACES_MAX} more"
