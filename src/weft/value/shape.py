"""A shape: how the values of one annotation are encoded and decoded.

Knows nothing of entities, nodes or stores.
Invariant: `shape.decode(shape.encode(value)) == value`, and equal values have equal bytes but for what `kind` names.
Source: msgspec's decoders made once per type.
"""

from __future__ import annotations

import threading
from typing import Any

from weft.blob import Blob, Opener, bind
from weft.content import Plain, decode, encode
from weft.errors import Undecodable, Unencodable
from weft.value.annotation import name_of
from weft.value.kind import Kind, Misfit
from weft.value.maker import Maker

VALUE_BYTES_MAX = 64 << 20
VALUE_DEPTH_MAX = 48
"""Less than content may be deep, so that a value still fits into the record around it."""


class WrongType(Unencodable):
    """{where}: {what} where {wanted} is wanted."""

    wanted: str


class ValueTooLarge(Unencodable):
    """{where} takes {size_bytes} bytes, more than the {size_bytes_max} that a value may. Make its large parts Blobs
    (Blob.from_bytes, Blob.read): they are kept beside values and read piece by piece."""

    size_bytes: int
    size_bytes_max: int


class Shape:
    """How the values of one annotation are kept."""

    __slots__ = ("_kind", "annotation", "has_blobs")

    def __init__(self, annotation: object, kind: Kind) -> None:
        self.annotation = annotation
        self.has_blobs = kind.has_blobs
        """Whether a value may hold a Blob at all."""
        self._kind = kind

    def encode(self, value: object) -> bytes:
        """The canonical bytes of `value`. Raises `Unencodable` naming the place that does not fit."""
        encoded = encode(self.to_plain(value), depth_max=VALUE_DEPTH_MAX)
        if len(encoded) > VALUE_BYTES_MAX:
            raise ValueTooLarge(where="the value", size_bytes=len(encoded), size_bytes_max=VALUE_BYTES_MAX)
        return encoded

    def decode(self, encoded: bytes, open_blob: Opener | None = None) -> Any:
        """The value, its Blobs' content found by `open_blob`. Raises `Undecodable` naming the place."""
        return self.from_plain(decode(encoded, bytes_max=VALUE_BYTES_MAX), open_blob)

    def to_plain(self, value: object) -> Plain:
        """`value` as a plain value; what only bytes can show, such as an integer too large, is left to `encode`."""
        try:
            return self._kind.dump(value)
        except Misfit as misfit:
            where = misfit.where() or "the value"
            if misfit.why is None:
                raise WrongType(where=where, what=misfit.what, wanted=misfit.wanted, why="") from None
            why = f"{misfit.wanted} is wanted, and {misfit.why}"
            raise Unencodable(where=where, what=misfit.what, why=why) from None
        except RecursionError:
            what = "values within each other"
            raise Unencodable(
                where="the value", what=what, why="they are nested too deep, or hold themselves"
            ) from None

    def from_plain(self, plain: Plain, open_blob: Opener | None = None) -> Any:
        """The value that `to_plain` gave `plain` for; it may share lists and dicts with it."""
        try:
            value = self._kind.load(plain)
        except Misfit as misfit:
            why = misfit.why or f"it is {misfit.what}"
            raise Undecodable(where=misfit.where() or "the value", wanted=misfit.wanted, why=why) from None
        if self.has_blobs and open_blob is not None:
            for blob in self.blobs(value):
                bind(blob, open_blob)
        return value

    def blobs(self, value: object) -> list[Blob]:
        """The Blobs within a value, in order of place; O(1) when the annotation has none."""
        found: list[Blob] = []
        waiting: list[tuple[Kind, object]] = [(self._kind, value)] if self.has_blobs else []
        while waiting:
            kind, one = waiting.pop()
            if isinstance(one, Blob):
                found.append(one)
            elif kind.has_blobs:
                waiting.extend(reversed(list(kind.inside(one))))
        return found

    def __repr__(self) -> str:
        return f"Shape({self._kind.name})"


_shapes: dict[object, Shape] = {}
_making = threading.RLock()


def shape_of(annotation: object) -> Shape:
    """The shape of an annotation, made once. Raises `Unencodable` for what can never be kept, such as functions."""
    try:
        return _shapes[annotation]
    except KeyError:
        pass
    except TypeError:  # not hashable, as Annotated[int, []]: made anew each time
        return _make(annotation)
    with _making:
        return _shapes.setdefault(annotation, _make(annotation))


def _make(annotation: object) -> Shape:
    try:
        kind = Maker().kind(annotation)
    except Unencodable as refused:
        where = refused.where or f"The annotation {name_of(annotation)}"
        raise Unencodable(where=where, what=refused.what, why=refused.why) from None
    _mark_blobs(kind)
    return Shape(annotation, kind)


def _mark_blobs(kind: Kind) -> None:
    """Find which kinds may hold blobs; with recursive types that is a fixed point."""
    reached: dict[Kind, None] = {kind: None}
    waiting = [kind]
    while waiting:
        new = [part for part in waiting.pop().parts if part not in reached]
        reached.update(dict.fromkeys(new))
        waiting.extend(new)
    changed = True
    while changed:
        changed = False
        for one in reached:
            if not one.has_blobs and any(part.has_blobs for part in one.parts):
                one.has_blobs = changed = True
