"""A glance at what is kept: what a place shows, and how it decodes; and a space in a notebook.

Knows nothing of handles. Invariant: nothing is computed, demanded or waited for by looking.
Source: `git show`; the representations that notebooks ask for.
"""

from __future__ import annotations

from contextlib import suppress
from html import escape

from weft.engine import Engine
from weft.errors import Undecodable
from weft.graph import Slot, Source, Whole
from weft.handle import NodeFailed
from weft.slot import Err, Gone, Ok
from weft.spec import NodeSpec
from weft.store import KIND
from weft.value import Shape, shape_of


def look(engine: Engine, found: Source | None, element: str) -> tuple[Source | None, Shape | None, Ok | Err | Gone]:
    """What a place shows: the node that says whether it is current, how to decode it, and the outcome."""
    if found is None:
        return None, None, Gone("there is no such node")
    code = found.spec.code
    whole = code.whole if code is not None and code.whole is not None else shape_in(found.spec)
    if not element:
        return found, whole if isinstance(found, Whole) else shape_in(found.spec), found.outcome()
    if isinstance(found, Whole):
        slot = found.slots.get(element)
        return (
            (slot, shape_in(found.spec), slot.outcome()) if slot is not None else (None, None, Gone("it was removed"))
        )
    member = found.member(element)
    if member is None:
        outcome = found.outcome()
        return found, None, outcome if isinstance(outcome, Err) else Gone("it is not there any more")
    return found, code.element if code is not None else None, Ok(member.content, member.encoded)


def failed_at(
    engine: Engine, found: Source | None, outcome: Ok | Err | Gone, shape: Shape | None, *, node: str, entity: str
) -> NodeFailed:
    """What is raised where somebody waited for a place and it shows no value: why, and the last good one beside it."""
    last = found.last if isinstance(found, Slot) else None
    shape = shape or (shape_in(found.spec) if found is not None else None)
    good = None
    if last is not None and shape is not None:
        with suppress(Undecodable):  # the failure is what was asked about
            good = shape.decode(last.encoded, engine.store.open_blob)
    if isinstance(outcome, Err):
        failed = NodeFailed(
            node=node, entity=entity, cause=f"{outcome.kind}: {outcome.message}", last=good, where=outcome.where
        )
        if outcome.where:
            failed.add_note(f"it was raised at, the innermost place last:\n{outcome.where}")
        return failed
    cause = outcome.why if isinstance(outcome, Gone) else "it is not there"
    return NodeFailed(node=node, entity=entity, cause=cause, last=good, where="")


def shape_in(spec: NodeSpec) -> Shape:
    """The shape of a node's value; plain where the type was opened without its code."""
    return spec.code.shape if spec.code is not None else shape_of(object)


def space_html(engine: Engine, title: str) -> str:
    """How many entities there are of each type, as a table."""
    counts = {name: sum(1 for _ in engine.rows(KIND, (name,))) for name in engine.in_force}
    rows = "".join(f"<tr><th>{name}</th><td>{count}</td></tr>" for name, count in counts.items())
    return f"<table><caption>{escape(title)} at {engine.position}</caption>{rows}</table>"
