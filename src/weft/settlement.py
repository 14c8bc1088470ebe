"""Settlements: what somebody who waits holds, and when what they wait for is settled.

Knows nothing of who computes. Invariant: a settlement is finished or failed once, also when its holder gives up at that
very moment.
Source: futures; the settled mark, read for one place.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeAlias

from weft.engine import Engine
from weft.graph import Slot, Source, ToldNode, Whole
from weft.handle import WaitTimeout
from weft.slot import Err
from weft.told_runs import RunsCell

Place: TypeAlias = tuple[str, str, str]
"""(entity, node, element)"""
Settlement: TypeAlias = "Future[None]"
"""Done when what was asked for is settled; cancel it to stop waiting."""


def open_settlement() -> Settlement:
    """A settlement that is open."""
    return Future()


def finish(future: Settlement) -> None:
    """Settle it, unless whoever waits has given up at this very moment."""
    with contextlib.suppress(Exception):
        if not future.done():
            future.set_result(None)


def fail(future: Settlement, why: BaseException) -> None:
    """Fail it, unless whoever waits has given up at this very moment."""
    with contextlib.suppress(Exception):
        if not future.done():
            future.set_exception(why)


def wait_for(future: Settlement, timeout_s: float | None, node: str, entity: str, state: Callable[[], str]) -> None:
    """Block until it is done. Raises `WaitTimeout`, with the state that the node is in then, and
    whatever it was failed with."""
    try:
        future.result(timeout_s)
    except TimeoutError:
        said = state()
        if future.cancel():  # else it was settled at this very moment
            raise WaitTimeout(node=node, entity=entity, timeout_s=timeout_s, state=said) from None
        future.result()


def is_settled(engine: Engine, place: Place, since: int) -> bool:
    """Whether a place shows something settled at a cut not before `since`; of a flow, whether its newest run has
    ended."""
    entity, name, element = place
    found: Source | None = engine.node(entity, name) if name else None
    if isinstance(found, ToldNode) and isinstance(found.cell, RunsCell):
        newest = found.cell.newest()
        return newest is None or bool(newest[1].ending)
    if found is None or isinstance(found, ToldNode):
        return True
    if element and isinstance(found, Whole):
        slot = found.slots.get(element)
        return slot is None or _is_slot_settled(engine, slot, since)
    return found.current if isinstance(found, Whole) else _is_slot_settled(engine, found, since)


def _is_slot_settled(engine: Engine, slot: Slot, since: int) -> bool:
    if slot.current:
        return True
    result = slot.result
    if result is None or (isinstance(result.outcome, Err) and not result.outcome.final):
        return False
    return result.at >= since or engine.graph.first(slot) > since
