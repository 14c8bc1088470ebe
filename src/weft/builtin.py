"""The built-in rules over whole collections: group, filter, order, count and reduce.

Elements keep their ids through `filter` and `order`. A rule calls its function on each element, here and at once, so
the function should be quick; what is slow belongs into an `each` before it.

Knows nothing of slots and stores. Invariant: the outcome depends on the elements and their order alone.
Source: relational operators; segment-wise reduction, for which `reduce` asks an associative function and a unit.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from typing import NamedTuple, get_args

from weft.blob import Opener
from weft.content import encode
from weft.failure import is_ctrl_c, message_of, where_of
from weft.maintained import Filtered, Grouped, Maintained, Ordered
from weft.slot import Err, Ok
from weft.spec import NodeCode, NodeSpec
from weft.tree import Member, Tree
from weft.value import shape_of


def whole_outcome(
    spec: NodeSpec, code: NodeCode, elements: Tree, open_blob: Opener, *, before: object = None
) -> tuple[Ok | Err, object]:
    """What the rule makes of these elements, and what to hand over as `before` the next time; what its function raises
    is the outcome, but for a Ctrl-C.

    `count` takes O(1), the others O(log n) for each element that is another since they were last asked."""
    try:
        return _computed(spec, code, elements, open_blob, before)
    except BaseException as why:  # whatever user code raises is this node's outcome
        if is_ctrl_c(why):
            raise
        return Err(type(why).__name__, message_of(why), where_of(why)), None


def _computed(spec: NodeSpec, code: NodeCode, elements: Tree, open_blob: Opener, before: object) -> tuple[Ok, object]:
    if spec.kind == "count":
        return Ok.of_bytes(encode(len(elements))), None
    if spec.kind == "reduce":
        return _reduced(spec, code, elements, open_blob), None
    shape, function = code.inputs[0], code.function
    assert function is not None
    kept = before if isinstance(before, _Kept) and before.code is code else _Kept(code, _maintained(spec, code))
    return kept.maintained.follow(elements, lambda member: function(shape.decode(member.encoded, open_blob))), kept


class _Kept(NamedTuple):
    """What is maintained, and by which code it was made."""

    code: NodeCode
    maintained: Maintained


def _maintained(spec: NodeSpec, code: NodeCode) -> Maintained:
    match spec.kind:
        case "filter":
            return Filtered()
        case "order":
            return Ordered()
        case _:
            return Grouped(shape_of(get_args(code.shape.annotation)[0]))


def _reduced(spec: NodeSpec, code: NodeCode, elements: Tree, open_blob: Opener) -> Ok:
    """The unit and all elements, from left to right: node by node, as the function is associative."""
    shape, function = code.inputs[0], code.function
    assert function is not None and spec.operation is not None

    def value_of(part: bytes | Part) -> object:
        # Decoded anew each time: a function may change what it is given.
        return shape.decode(part, open_blob) if isinstance(part, bytes) else part.value

    def joined(parts: Sequence[bytes | Part]) -> bytes | Part:
        first, *rest = map(value_of, parts)
        value = reduce(function, rest, first)
        encoded = shape.encode(value)
        # As it is read back: an int that stands for a float is a float from there on.
        return Part(shape.decode(encoded), encoded) if type(value) in _UNCHANGING else encoded

    def of_members(members: list[Member]) -> bytes | Part:
        return joined([member.encoded for member in members])

    parts: list[bytes | Part] = [shape.encode(shape.from_plain(spec.operation.settings))]
    if elements.root is not None:
        parts.append(elements.root.fold((function, shape), of_members, joined))
    whole = joined(parts)
    return Ok.of_bytes(whole if isinstance(whole, bytes) else whole.encoded)


class Part(NamedTuple):
    """What a function made of some elements, where nobody can change it."""

    value: object
    encoded: bytes


_UNCHANGING = frozenset({bool, int, float, str, bytes, type(None)})
