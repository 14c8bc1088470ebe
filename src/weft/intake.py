"""Intake: what an attempt takes from a slot's inputs, all as of one cut.

Each input is looked at once. What it shows goes three ways: to the call (its bytes, and what they decode as), into the
call key (what names it), and into the record (where it came from, so that `why` can say so).

Knows nothing of runners, records or when an attempt is made.
Invariant: what names an input in a call key changes if, and only if, what the operation is given changes.
Source: the inputs of a derivation in Nix and of an action in Bazel, named by content.
"""

from __future__ import annotations

from typing import TypeAlias

from msgspec import Struct

from weft.blob import Opener
from weft.content import Link, Plain, content_id, encode, encoded_link, link
from weft.graph import Edge, Slot, edge_outcome
from weft.handle import Absent, Failed, Running, Settled, State
from weft.slot import Err, Gone, Ok, Outcome
from weft.spec import NodeCode
from weft.value import Shape

LOST = Gone("its reference leads nowhere")
NO_KEY = b"\xf6"


class Taken(Struct, frozen=True):
    """What the inputs show."""

    edges: list[Edge | None]
    """By declared input: the edge it is read by; None where a reference leads nowhere."""
    outcomes: list[Outcome]
    """By declared input."""
    inputs: list[Plain]
    """Of every edge, for `why`: [entity, node, element, content id]."""
    used: list[Outcome]
    """Of every edge whose change makes the result stale."""
    has_all: bool
    """Whether every declared input has a value."""


Kept: TypeAlias = "tuple[object, Shape | None]"
"""An argument of a call: its bytes, and what they decode as; or, without a shape, the value itself."""


def take(slot: Slot, edges_then: list[Edge] | None = None) -> Taken:
    """Look at every input of a slot, as it is now or by what its edges led to at an older cut."""
    count = len(slot.spec.inputs)
    edges: list[Edge | None] = [None] * count
    outcomes: list[Outcome] = [LOST] * count
    inputs: list[Plain] = []
    used: list[Outcome] = []
    lacking = count
    for edge in slot.edges if edges_then is None else edges_then:
        outcome = edge_outcome(edge) if edge.element or edge.mode == "settled" else edge.source.outcome()
        number = edge.input
        if isinstance(outcome, Ok):
            inputs.append([*edge.place, Link(outcome.content)])
            lacking -= number >= 0
        else:
            inputs.append([*edge.place, None])
        if edge.mode != "state":
            used.append(outcome)
        if number >= 0:
            edges[number], outcomes[number] = edge, outcome
    return Taken(edges, outcomes, inputs, used, lacking == 0)


def given(slot: Slot, code: NodeCode, taken: Taken, open_blob: Opener) -> tuple[list[bytes], list[Kept]] | None:
    """What names each argument of a call in its key, encoded, and the arguments; None while a partial value is still to
    come."""
    names: list[bytes] = []
    kept: list[Kept] = []
    # An `each` over a mapping is handed the key and the value: one input, two arguments.
    extra = len(code.inputs) - len(slot.spec.inputs)
    for number, entry in enumerate(slot.spec.inputs):
        mode, edge, outcome = entry.mode, taken.edges[number], taken.outcomes[number]
        shape = code.inputs[number + extra]
        if mode == "state":
            assert edge is not None
            state, name = _state(edge, outcome, shape, open_blob)
            names.append(encode(name))
            kept.append((state, None))
        elif mode == "partials" and edge is not None and not edge.source.current:
            frame = edge.source.frame if isinstance(edge.source, Slot) else None
            if frame is None:
                return None
            names.append(encoded_link(content_id(frame)))
            kept.append((frame, shape))
        else:
            assert isinstance(outcome, Ok)
            if extra and number == 0:
                key = _key(slot, edge)
                names.append(encoded_link(content_id(key)))
                kept.append((key, code.inputs[0]))
            names.append(encoded_link(outcome.content))
            kept.append((outcome.encoded, shape))
    return names, kept


def values_of(slot: Slot, code: NodeCode, kept: list[Kept], open_blob: Opener) -> tuple[object, ...]:
    """What the operation is called with: its own last value first, where it is given that."""
    values = [value if shape is None else shape.decode(value, open_blob) for value, shape in kept]  # type: ignore[arg-type]
    if slot.spec.own:
        last, shape = slot.last, code.shape
        values.insert(0, shape.from_plain(slot.spec.initial) if last is None else shape.decode(last.encoded, open_blob))
    return tuple(values)


def _key(slot: Slot, edge: Edge | None) -> bytes:
    """The encoded key of the mapping's entry that an element of an `each` is for."""
    assert edge is not None
    source = edge.source if edge.element else edge.source.thing.nodes[edge.source.spec.name]
    member = source.member(slot.key.element)
    return member.key if member is not None and member.key is not None else NO_KEY


def _state(edge: Edge, outcome: Outcome, shape: Shape, open_blob: Opener) -> tuple[State[object], list[Plain]]:
    """A node's state as an operation sees it, and what names it in a call key."""
    source = edge.source
    last = source.last if isinstance(source, Slot) else None
    old = None if last is None else shape.decode(last.encoded, open_blob)
    last_name = None if last is None else link(last.content)
    state: State[object]
    name: list[Plain]
    if not source.current:
        frame = source.frame if isinstance(source, Slot) else None
        tries = source.tries + 1 if isinstance(source, Slot) else 1
        partial = None if frame is None else shape.decode(frame, open_blob)
        state, name = Running(partial, old, tries), ["running", frame, last_name, tries]
    else:
        match outcome:
            case Ok(content, encoded):
                state, name = Settled(shape.decode(encoded, open_blob)), ["settled", link(content)]
            case Err():
                state, name = Failed(outcome.message, old), ["failed", outcome.message, last_name]
            case Gone():
                state, name = Absent(), ["absent"]
    return state, name
