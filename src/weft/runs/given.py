"""What a step is given: values as they were when they were told, made anew for whoever carries it out.

A flow goes on beside its steps, and may change what it gave them; so may whoever was given it. Neither sees what the
other does, or a run would be another when it is taken up from what was told.

Knows nothing of kinds of steps. Invariant: whoever carries out a step is given what was told of it, at each try, and
holds nothing that anybody else does.
Source: messages between actors, which are copied; what-you-see-is-what-you-sign.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from weft.blob import find_as
from weft.content import Plain
from weft.value import Shape


class Given:
    """Values of these shapes; what was told of them is kept elsewhere."""

    __slots__ = ("_blobs", "_shapes")

    def __init__(self, shapes: Sequence[Shape], values: Sequence[object]) -> None:
        pairs = zip(shapes, values, strict=True)
        self._shapes, self._blobs = shapes, {blob.id: blob for shape, one in pairs for blob in shape.blobs(one)}

    def made(self, told: Sequence[Plain]) -> tuple[Any, ...]:
        """The values that were told so. `told`: what nobody else holds. Raises `Undecodable`."""
        values = tuple(shape.from_plain(plain) for shape, plain in zip(self._shapes, told, strict=True))
        for shape, value in zip(self._shapes, values, strict=True) if self._blobs else ():
            for blob in shape.blobs(value):
                find_as(blob, self._blobs[blob.id])
        return values
