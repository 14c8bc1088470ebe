"""Vectors beside a call: once it came back with a list, an embedding service is asked about the texts of its elements.

The asking is a call of its own, on the loop, under the service's limits. What the first call made is not lost when the
second fails: it goes along with the failure, so that trying again asks for the vectors alone.

Knows nothing of slots and records, and of the service only its verb.
Invariant: a call reports once: its value with all the vectors that were asked for, or why there are none.
Source: two-step saga, whose first step is kept.
"""

from __future__ import annotations

from collections.abc import Awaitable, Mapping, Sequence
from typing import NamedTuple, Protocol, cast

from msgspec.structs import replace

from weft.call import AttemptId, Broke, Call, Finished, Partial, Report, Reporter, Runner
from weft.content import Cid
from weft.errors import WeftError
from weft.matching.matcher import Embedded
from weft.matching.vector import Vectors, kept_vectors, pack, texts_of, vector_key, vectors_of_plain
from weft.operation import Operation, op, operation_of
from weft.spent import Spent
from weft.store import MEMO, Batch, Column, Key, Row, Table, memo_key
from weft.value import shape_of
from weft.written_result import Said


class VectorsMissing(WeftError):
    """The elements could not be told apart, as {service} gave no vectors for their texts: {why}. The list is kept; when
    the service answers again, retry the node: it is asked for the vectors alone."""

    service: str
    why: str


class UnfitVectors(WeftError):
    """{what}."""

    what: str


class Embeds(Protocol):
    """What is asked of an embedding service."""

    def vectors(self, texts: Sequence[str], /) -> Awaitable[Sequence[Sequence[float]]]:
        """One vector for each text, in their order."""
        ...


class Keeps(Protocol):
    """What keeps results, and where each call's first stands."""

    @property
    def batch(self) -> Batch: ...

    @property
    def fingerprints(self) -> Mapping[str, Cid]: ...

    def memo(self, call_key: Cid) -> Row | None:
        """The row of a call key."""
        ...

    def row(self, table: Table, key: Key) -> Row | None:
        """Any row."""
        ...

    def said_at(self, position: Column) -> Said:
        """What the result at a position says."""
        ...


class Wanted(NamedTuple):
    """Vectors of the texts of a list's elements, and of `texts` beside them, but for those that are `known`. `made`:
    the list, where it was made before and only its vectors are missing."""

    matcher: Embedded
    service: object
    texts: tuple[str, ...]
    known: frozenset[str]
    made: bytes | None = None


def wanted_for(
    matcher: Embedded, service: object, held: bytes, made: bytes | None, known: frozenset[str]
) -> Wanted | None:
    """What is to be asked beside a call: None where all of its list, `made` before, and of `held` is known."""
    old = tuple(dict.fromkeys(text for text in texts_of(matcher, held) if text and text not in known))
    if made is not None and not old and not {*texts_of(matcher, made)} - known - {""}:
        return None
    return Wanted(matcher, service, old, known, made)


def vectors_for(
    ledger: Keeps, matcher: Embedded | None, *lists: bytes, told: Vectors | None = None
) -> dict[str, bytes]:
    """The vectors there are, by text, of what some lists hold: those kept before those just `told`."""

    def kept(key: Cid, text: str) -> bytes | None:
        """A vector stands in the record of the result that asked for it first."""
        row = ledger.row(MEMO, memo_key(key))
        said = ledger.said_at(row[0]) if row is not None else {}
        return vectors_of_plain(said["vectors"]).by_text.get(text) if "vectors" in said else None

    if matcher is None:
        return {}
    return kept_vectors(matcher, lists, ledger.fingerprints.get(matcher.service), told, kept)


def keep_vectors(ledger: Keeps, told: Vectors, position: int) -> Vectors:
    """Keep vectors under their texts, as a call's first result is kept; returns those that are new."""
    keys = {text: vector_key(told.fingerprint, text) for text in told.by_text}
    new = {text: vector for text, vector in told.by_text.items() if ledger.memo(keys[text]) is None}
    for text in new:
        ledger.batch.put(MEMO, memo_key(keys[text]), (position,))
    return Vectors(told.fingerprint, new)


@op(version=1, name="weft/vectors")
async def vectors_of(texts: tuple[str, ...], *, embedding: Embeds) -> tuple[bytes, ...]:
    """The packed vector of each text."""
    found = await embedding.vectors(texts)
    if len(found) != len(texts):
        raise UnfitVectors(what=f"{len(texts)} texts were sent, and {len(found)} vectors came back")
    lengths = sorted({len(vector) for vector in found})
    if len(lengths) > 1:
        raise UnfitVectors(what=f"its vectors differ in length: {', '.join(map(str, lengths))} numbers")
    return tuple(pack(vector) for vector in found)


_PACKED = shape_of(tuple[bytes, ...])


class VectorRunner:
    """A runner whose call is followed by a question for vectors."""

    def __init__(self, runner: Runner, loop: Runner, wanted: Wanted) -> None:
        self.name = runner.name
        self._runner, self._loop, self._wanted = runner, loop, wanted

    def start(self, call: Call, report: Reporter, /) -> None:
        """Make the call, unless what it comes to is known, and ask."""
        if self._wanted.made is not None:
            self._ask(call, report, Finished(call.id, self._wanted.made, 0.0))
            return

        def returned(said: Report) -> None:
            self._ask(call, report, said) if isinstance(said, Finished) else report(said)

        self._runner.start(call, returned)

    def cancel(self, id: AttemptId, /) -> None:
        """Ask whichever runs to stop."""
        self._runner.cancel(id)
        self._loop.cancel(_second(id))

    def close(self) -> None:
        """Nothing: its runners are closed by who made them."""

    def _ask(self, call: Call, report: Reporter, made: Finished) -> None:
        texts = self._texts(made.encoded)
        if not texts:
            report(made)
            return

        def answered(said: Report) -> None:
            if isinstance(said, Finished):
                packed = cast("tuple[bytes, ...]", _PACKED.decode(said.encoded))
                vectors, spent = dict(zip(texts, packed, strict=True)), _both(made.spent, said.spent)
                report(replace(made, vectors=vectors, spent=spent))
            elif isinstance(said, Broke):
                missing = VectorsMissing(service=self._wanted.matcher.service, why=f"{said.kind}: {said.message}")
                broke = replace(said, id=call.id, kind=VectorsMissing.__name__, message=str(missing), made=made.encoded)
                report(replace(broke, spent=_both(made.spent, said.spent)))
            else:
                assert isinstance(said, Partial), "vectors come whole"

        second = operation_for(self._wanted.matcher.service)
        services = {second.services[0].name: self._wanted.service}
        self._loop.start(Call(_second(call.id), second, (texts,), services, call.timeout_s), answered)

    def _texts(self, encoded: bytes) -> tuple[str, ...]:
        found = dict.fromkeys((*self._wanted.texts, *texts_of(self._wanted.matcher, encoded)))
        return tuple(text for text in found if text and text not in self._wanted.known)


def _both(one: Spent | None, other: Spent | None) -> Spent | None:
    """What the call and the question spent."""
    return one + other if one is not None and other is not None else one or other


def operation_for(service: str) -> Operation:
    """The question, to the service that a matcher names: its limits are found by that name."""
    asked = operation_of(vectors_of)
    named = type(service, (), {})
    return replace(asked, services=tuple(replace(one, annotation=named) for one in asked.services))


def _second(id: AttemptId) -> AttemptId:
    """The question's own id: attempts count from 1 upwards."""
    return AttemptId(id.epoch, -id.number)
