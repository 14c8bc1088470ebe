"""The built-in rules over whole collections: group, filter, order, count and reduce.

Elements keep their ids through `filter` and `order`. A rule calls its function on each element, here and at once, so
the function should be quick; what is slow belongs into an `each` before it.

Knows nothing of slots and stores. Invariant: the outcome depends on the elements and their order alone.
Source: relational operators; segment-wise reduction, for which `reduce` asks an associative function and a unit.
"""

from __future__ import annotations

import traceback
from collections.abc import Sequence
from functools import reduce
from typing import Any, NamedTuple, get_args

from weft.blob import Opener
from weft.collection import mapping_plain
from weft.content import Plain, content_id, decode, encode, encoded_list
from weft.errors import Unencodable, is_ctrl_c, text_of
from weft.slot import Err, Ok
from weft.spec import NodeCode, NodeSpec
from weft.tree import Member, Tree
from weft.value import Shape, shape_of


def whole_outcome(spec: NodeSpec, code: NodeCode, elements: Tree, open_blob: Opener) -> Ok | Err:
    """What the rule makes of these elements; what its function raises is the outcome, but for a Ctrl-C.

    `count` takes O(1), `reduce` O(log n) for each element that is another since it was last asked for, the others O(n).
    """
    try:
        return _computed(spec, code, elements, open_blob)
    except BaseException as why:  # whatever user code raises is this node's outcome
        if is_ctrl_c(why):
            raise
        where = "".join(traceback.format_tb(why.__traceback__)[-2:])
        return Err(type(why).__name__, text_of(why), where)


def _computed(spec: NodeSpec, code: NodeCode, elements: Tree, open_blob: Opener) -> Ok:
    if spec.kind == "count":
        return _plain(len(elements))
    if spec.kind == "reduce":
        return _reduced(spec, code, elements, open_blob)
    shape, function, members = code.inputs[0], code.function, list(elements)
    assert function is not None
    values = [shape.decode(member.encoded, open_blob) for member in members]
    match spec.kind:
        case "filter":
            return _listed(spec, [member for member, value in zip(members, values, strict=True) if function(value)])
        case "order":
            keys = [function(value) for value in values]
            return _listed(spec, [members[place] for place in sorted(range(len(keys)), key=lambda at: _Key(keys[at]))])
        case _:
            return _grouped(_key_shape(code), [function(value) for value in values], members)


def _reduced(spec: NodeSpec, code: NodeCode, elements: Tree, open_blob: Opener) -> Ok:
    """The unit and all elements, from left to right: node by node, as the function is associative."""
    shape, function = code.inputs[0], code.function
    assert function is not None and spec.operation is not None

    def value_of(part: bytes | Kept) -> object:
        # Decoded anew each time: a function may change what it is given.
        return shape.decode(part, open_blob) if isinstance(part, bytes) else part.value

    def joined(parts: Sequence[bytes | Kept]) -> bytes | Kept:
        first, *rest = map(value_of, parts)
        value = reduce(function, rest, first)
        encoded = shape.encode(value)
        # As it is read back: an int that stands for a float is a float from there on.
        return Kept(shape.decode(encoded), encoded) if type(value) in _UNCHANGING else encoded

    def of_members(members: list[Member]) -> bytes | Kept:
        return joined([member.encoded for member in members])

    parts: list[bytes | Kept] = [shape.encode(shape.from_plain(spec.operation.settings))]
    if elements.root is not None:
        parts.append(elements.root.fold((function, shape), of_members, joined))
    whole = joined(parts)
    encoded = whole if isinstance(whole, bytes) else whole.encoded
    return Ok(content_id(encoded), encoded)


class Kept(NamedTuple):
    """What a function made of some elements, where nobody can change it."""

    value: object
    encoded: bytes


_UNCHANGING = frozenset({bool, int, float, str, bytes, type(None)})


class _Key:
    """A user's sort key, compared by `<` alone."""

    def __init__(self, key: Any) -> None:
        self.key = key

    def __lt__(self, other: _Key) -> bool:
        return bool(self.key < other.key)


def _plain(value: Plain) -> Ok:
    encoded = encode(value)
    return Ok(content_id(encoded), encoded)


def _listed(spec: NodeSpec, members: list[Member]) -> Ok:
    encoded = encoded_list([member.encoded for member in members])
    return Ok(content_id(encoded), encoded, tuple(member.element for member in members))


def _key_shape(code: NodeCode) -> Shape:
    """The shape of a group's keys, as the key function is annotated."""
    return shape_of(get_args(code.shape.annotation)[0])


def _grouped(shape: Shape, keys: Sequence[object], members: Sequence[Member]) -> Ok:
    """Elements by key. What Python takes for one key is one group, under the key that came first."""
    groups: dict[bytes, list[Plain]] = {}
    plains: dict[bytes, Plain] = {}
    names: dict[Any, bytes] = {}
    for key, member in zip(keys, members, strict=True):
        try:
            plain = shape.to_plain(key)
            name = encode(plain)
            if name not in groups:
                name = names.setdefault(shape.from_plain(plain), name)
        except Unencodable as why:
            why.where = "the key of a group"
            raise
        except TypeError:
            reason = "only what can be hashed names a group, such as a text, a number or a tuple of those"
            raise Unencodable(where="the key of a group", what=repr(key), why=reason) from None
        plains.setdefault(name, plain)
        groups.setdefault(name, []).append(decode(member.encoded))
    return _plain(mapping_plain((plains[name], grouped) for name, grouped in groups.items()))
