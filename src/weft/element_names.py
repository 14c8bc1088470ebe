"""What people call the elements of a node: by their declared keys, and by their places where no key is a number.

Knows nothing of handles and spaces. Invariant: a name leads to one element, as of the moment it is asked for.
Source: Python's own mappings and sequences, whose `[…]` takes either.
"""

from __future__ import annotations

from collections.abc import Iterator

from weft.content import Plain, decode
from weft.graph import Source


def called(found: Source) -> tuple[dict[object, str], dict[object, str]]:
    """What people call a node's elements, with their ids: by key; and by place from 0, in a list whose keys are no
    numbers. O(elements)."""
    keys = dict(keys_of(found))
    is_list = found.spec.sort == "sequence" or (found.spec.is_told and found.spec.kind == "items")
    has_places = is_list and not any(isinstance(key, int | float) for key in keys)
    return keys, dict(enumerate(found.element_ids())) if has_places else {}


def keys_of(found: Source) -> Iterator[tuple[object, str]]:
    """What people call a node's elements, with their ids."""
    for member in found.members():
        if member.key is not None:
            key = decode(member.key)
            yield _hashable(key), member.element
        elif found.spec.key is not None:
            value = decode(member.encoded)
            if isinstance(value, dict) and found.spec.key in value:
                yield _hashable(value[found.spec.key]), member.element


def _hashable(key: Plain) -> object:
    """A key as a program writes it: what is kept as a list was a tuple."""
    return tuple(_hashable(part) for part in key) if isinstance(key, list) else key
