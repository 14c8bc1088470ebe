"""Which lists have elements with ids of their own, by which rule, and whose list gave an element its id.

Knows nothing of how elements are told apart: that is `matching`, whose outcome is recorded with the accepted list, so
that replay reads the record and matches nothing.
Invariant: only a whole keyed list assigns ids; what runs over it, filters or orders it passes them on.
Source: keyed reconciliation of lists (React).
"""

from __future__ import annotations

from weft.graph import Slot, Source, Whole
from weft.matching.assignment import Rule
from weft.spec import NodeSpec

_PASS_ON = ("filter", "order")


def is_keyed(slot: Slot) -> bool:
    """Whether the elements of what a slot shows have ids that last."""
    spec = slot.spec
    return spec.key is not None and spec.sort == "sequence" and spec.kind not in _PASS_ON and not slot.key.element


def rule_of(spec: NodeSpec) -> Rule:
    """How the elements of a node's list are told apart, as far as its code is here."""
    return Rule(spec.key or "", spec.id_field, spec.code.matchers if spec.code is not None else ())


def home_of(node: Source) -> Slot | None:
    """The node whose list gave the elements of a node their ids: itself, or what it runs over, filters or orders; read
    off the declarations, as edges may not be there yet."""
    while isinstance(node, Whole) or node.spec.kind in _PASS_ON:
        entry = node.spec.inputs[0]
        if entry.ref:
            return None
        node = node.thing.nodes[entry.node]
    return node if isinstance(node, Slot) and is_keyed(node) else None
