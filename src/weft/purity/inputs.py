"""The inputs of a call, kept as bytes: to be given anew, and to be compared with what the call left of them.

A call is handed objects, and may change them. The bytes from before it say what it was given; each further execution
gets objects of its own from them.

Knows nothing of runners, or of how often a call is made.
Invariant: what `arguments` gives was never in any other call's hands.
Source: pytest-randomly's fresh fixtures; copy-on-write, at the call's boundary.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Awaitable, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import BinaryIO, NamedTuple, cast

from msgspec.structs import replace

from weft.blob import Blob, Opener
from weft.call import Call
from weft.content import Cid, cid_text, content_id, decode
from weft.errors import WeftError
from weft.operation import Operation
from weft.purity.difference import first_difference, view
from weft.purity.finding import Given
from weft.store import NoBlob
from weft.value import shape_of


class Change(NamedTuple):
    """What a call did to one of its inputs: the input with the path to the first place, which was `before` and is
    `after`."""

    path: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Inputs:
    """What a call was given, in canonical bytes; `blobs` are where the content of those named in them is found."""

    operation: Operation
    encoded: tuple[bytes, ...]
    blobs: Mapping[Cid, Blob]

    @classmethod
    def of(cls, call: Call) -> Inputs:
        """The inputs of a call that was not made yet. Raises `Unencodable` for what is no value, such as a state."""
        pairs = list(zip(call.operation.inputs, call.arguments, strict=False))
        shapes = [shape_of(each.annotation) for each, _ in pairs]
        blobs = {blob.id: blob for shape, (_, value) in zip(shapes, pairs, strict=True) for blob in shape.blobs(value)}
        encoded = tuple(shape.encode(value) for shape, (_, value) in zip(shapes, pairs, strict=True))
        return cls(call.operation, encoded, blobs)

    def arguments(self) -> tuple[object, ...]:
        """Objects that nobody else has."""
        given = zip(self.operation.inputs, self.encoded, strict=False)
        return tuple(shape_of(each.annotation).decode(encoded, opener_of(self.blobs)) for each, encoded in given)

    def given(self) -> tuple[Given, ...]:
        """The inputs, for people."""
        named = zip(self.operation.inputs, self.encoded, strict=False)
        return tuple(Given(each.name, content_id(encoded), view(decode(encoded))) for each, encoded in named)

    def changes(self, arguments: tuple[object, ...]) -> list[Change]:
        """How these arguments differ by now from what was given."""
        found: list[Change] = []
        for each, before, value in zip(self.operation.inputs, self.encoded, arguments, strict=False):
            try:
                after = shape_of(each.annotation).encode(value)
            except WeftError as why:
                found.append(Change(each.name, view(decode(before)), f"no value any more: {why}"))
                continue
            difference = first_difference(decode(before), decode(after))
            if difference is not None:
                found.append(Change(each.name + difference.path, difference.one, difference.other))
        return found


def opener_of(blobs: Mapping[Cid, Blob]) -> Opener:
    """What opens these blobs by id. Raises `NoBlob` for another."""

    def open_blob(cid: Cid) -> BinaryIO:
        if cid not in blobs:
            raise NoBlob(cid=cid_text(cid))
        return blobs[cid].open()

    return open_blob


def watching(operation: Operation, inputs: Inputs, changes: list[Change]) -> Operation:
    """The same operation, which puts what it did to its inputs into `changes` when it has ended, however it did."""
    make = {"sync": _sync, "async": _async, "stream": _stream}[operation.kind]
    return replace(operation, function=make(operation.function, lambda given: changes.extend(inputs.changes(given))))


_Note = Callable[[tuple[object, ...]], None]


def _sync(function: Callable[..., object], note: _Note) -> Callable[..., object]:
    def call(*arguments: object, **services: object) -> object:
        try:
            return function(*arguments, **services)
        finally:
            note(arguments)

    return call


def _async(function: Callable[..., object], note: _Note) -> Callable[..., object]:
    async def call(*arguments: object, **services: object) -> object:
        try:
            return await cast("Awaitable[object]", function(*arguments, **services))
        finally:
            note(arguments)

    return call


def _stream(function: Callable[..., object], note: _Note) -> Callable[..., object]:
    async def call(*arguments: object, **services: object) -> AsyncIterator[object]:
        values = cast("AsyncIterable[object]", function(*arguments, **services))
        try:
            if not hasattr(values, "aclose"):
                async for value in values:
                    yield value
                return
            async with aclosing(cast("AsyncGenerator[object, None]", values)) as closing:
                async for value in closing:
                    yield value
        finally:
            note(arguments)

    return call
