"""Embeddings: the `Embedding` protocol, and one backend for every endpoint that speaks OpenAI's wire form.

Knows nothing of what vectors are compared for.
Invariant: as many vectors as texts, in their order, all of one length, all finite.
Source: OpenAI's embeddings.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Protocol, TypeAlias

import msgspec

from weft.call import Limits
from weft.content import Plain
from weft.services.endpoint import EndpointError
from weft.services.endpoint_model import EndpointModel, Usage
from weft.services.service import Service

Vector: TypeAlias = tuple[float, ...]


class UnfitVectors(EndpointError):
    """The vectors that {endpoint} gave for {model} cannot be used: {why}. Check that this model makes embeddings."""


class Embedding(Service, Protocol):
    """A model that turns texts into vectors."""

    async def vectors(self, texts: Sequence[str], /) -> tuple[Vector, ...]:
        """One vector for each text, in their order, all of one length."""
        ...


@dataclass(frozen=True, slots=True)
class OpenAIEmbedding(EndpointModel):
    """An embedding model behind an endpoint that speaks OpenAI's wire form.

    Texts are sent in batches of `batch_max`. `settings` go into each request as they are (`dimensions` …).
    """

    batch_max: int = 100
    limits: Limits = field(default_factory=Limits)

    kind: ClassVar[str] = "openai-embedding"
    own_fields: ClassVar[frozenset[str]] = frozenset({"model", "input", "encoding_format"})

    def __post_init__(self) -> None:
        """Refuse settings that Weft sets itself, and batches of nothing."""
        EndpointModel.__post_init__(self)  # by name: a class with slots is made twice, and `super()` means the first
        if self.batch_max < 1:
            raise ValueError(f"batch_max is {self.batch_max}; at least 1 text must be allowed")

    async def vectors(self, texts: Sequence[str], /) -> tuple[Vector, ...]:
        """One vector for each text, in their order. Raises an `EndpointError`; no text asks nothing."""
        found: list[Vector] = []
        for start in range(0, len(texts), self.batch_max):
            found += await self._batch(texts[start : start + self.batch_max])
        if len({len(vector) for vector in found}) > 1:
            raise self._unfit("they differ in length")
        return tuple(found)

    async def _batch(self, texts: Sequence[str]) -> list[Vector]:
        body: dict[str, Plain] = {
            **self.settings,
            "model": self.model,
            "input": list(texts),
            "encoding_format": "float",
        }
        answer = bytearray()
        async with self.endpoint.ask("/embeddings", body, model=self.model, wanted="application/json") as chunks:
            async for chunk in chunks:
                answer += chunk
        try:
            listed = msgspec.json.decode(answer, type=_Answer)
        except (msgspec.DecodeError, RecursionError) as broken:
            why = f"it is no list of embeddings ({self.endpoint.excerpt(str(broken))})"
            raise self.endpoint.nonsense(self.model, why) from None
        self._count(listed.usage)
        by_place = sorted(listed.data, key=lambda entry: entry.index)
        if [entry.index for entry in by_place] != list(range(len(texts))):
            raise self._unfit(f"{len(texts)} texts were sent, and they are not numbered so")
        if not all(entry.embedding and all(map(math.isfinite, entry.embedding)) for entry in by_place):
            raise self._unfit("one is empty or holds a number that is not finite")
        return [entry.embedding for entry in by_place]

    def _unfit(self, why: str) -> UnfitVectors:
        return UnfitVectors(endpoint=self.endpoint.base_url, model=self.model, why=why)


class _Entry(msgspec.Struct):
    index: int
    embedding: tuple[float, ...]


class _Answer(msgspec.Struct):
    data: list[_Entry]
    usage: Usage | None = None
