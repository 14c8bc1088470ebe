"""Embeddings: the `Embedding` protocol, and one backend for every endpoint that speaks OpenAI's wire form.

Knows nothing of what vectors are compared for.
Invariant: as many vectors as texts, in their order, all of one length, all finite.
Source: OpenAI's embeddings.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Protocol, TypeAlias

import msgspec

from weft.call import Limits
from weft.content import Plain
from weft.services.endpoint import Endpoint, EndpointError, is_loopback
from weft.services.service import Cost, Effect, Health, Service

Vector: TypeAlias = tuple[float, ...]
_OWN_FIELDS = frozenset({"model", "input", "encoding_format"})


class UnfitVectors(EndpointError):
    """The vectors that {endpoint} gave for {model} cannot be used: {why}. Check that this model makes embeddings."""


class Embedding(Service, Protocol):
    """A model that turns texts into vectors."""

    async def vectors(self, texts: Sequence[str], /) -> tuple[Vector, ...]:
        """One vector for each text, in their order, all of one length."""
        ...


@dataclass(frozen=True, slots=True)
class OpenAIEmbedding:
    """An embedding model behind an endpoint that speaks OpenAI's wire form.

    Texts are sent in batches of `batch_max`. `settings` go into each request as they are (`dimensions` …).
    """

    endpoint: Endpoint
    model: str
    settings: Mapping[str, Plain] = field(default_factory=dict)
    batch_max: int = 100
    limits: Limits = field(default_factory=Limits)

    # Servers batch and round differently from call to call: equal texts get nearly equal vectors, which is not equal.
    deterministic: ClassVar[bool] = False
    effect: ClassVar[Effect] = "reads outside"
    runner: ClassVar[str | None] = None

    def __post_init__(self) -> None:
        """Refuse settings that Weft sets itself."""
        taken = sorted(_OWN_FIELDS & self.settings.keys())
        if taken:
            raise TypeError(f"settings may not hold {', '.join(taken)}: Weft sets these itself")
        if self.batch_max < 1:
            raise ValueError(f"batch_max is {self.batch_max}; at least 1 text must be allowed")

    @property
    def cost(self) -> Cost:
        """A model on this machine is free; what another machine charges is not known, so it counts."""
        return "free" if is_loopback(self.endpoint.base_url) else "metered"

    def fingerprint(self) -> Mapping[str, Plain]:
        """Two endpoints on one host count as the same service, as for completions."""
        return {
            "name": "openai-embedding",
            "version": 1,
            "host": self.endpoint.host,
            "model": self.model,
            "settings": dict(self.settings),
        }

    def health(self) -> Health:
        """Whether the endpoint answers, takes the key and knows the model."""
        return self.endpoint.health(self.model)

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
