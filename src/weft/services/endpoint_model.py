"""A model behind an endpoint: which settings it may be given, what it costs, and by what it is known.

What models of this kind are asked for is theirs to say; all else about them as services stands here.

Knows nothing of requests and answers.
Invariant: a fingerprint holds the endpoint's host alone, and never its key, so that a local server may listen at a new
port at each start.
Source: the derivation inputs of Nix; one wire form for completions and embeddings, as OpenAI has it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, ClassVar, TypeAlias

import msgspec

from weft.content import Plain
from weft.services.endpoint import Endpoint, is_loopback
from weft.services.service import Cost, Effect, Health
from weft.spent import COUNT_MAX, Prices, spend, spend_unknown

Count: TypeAlias = Annotated[int, msgspec.Meta(ge=0, le=COUNT_MAX)]


class Usage(msgspec.Struct):
    """What a request used, as endpoints say it."""

    prompt_tokens: Count = 0
    completion_tokens: Count = 0


@dataclass(frozen=True, slots=True)
class EndpointModel:
    """One model of an endpoint. `settings` go into each request as they are; those that the class sets itself
    (`own_fields`) are refused."""

    endpoint: Endpoint
    model: str
    settings: Mapping[str, Plain] = field(default_factory=dict)
    prices: Prices | None = field(default=None, kw_only=True)
    """What its tokens cost, where that is known: counted with each call, and no part of its fingerprint."""

    kind: ClassVar[str]
    """What it is called in fingerprints."""
    own_fields: ClassVar[frozenset[str]]
    # Servers batch and round differently from call to call: equal questions get nearly equal answers, not equal ones.
    deterministic: ClassVar[bool] = False
    effect: ClassVar[Effect] = "reads outside"
    runner: ClassVar[str | None] = None

    def __post_init__(self) -> None:
        """Refuse settings that would change what the class promises of answers."""
        taken = sorted(self.own_fields & self.settings.keys())
        if taken:
            raise TypeError(f"settings may not hold {', '.join(taken)}: Weft sets these itself")

    @property
    def cost(self) -> Cost:
        """A model on this machine is free; what another machine charges is not known, so it counts."""
        return "free" if is_loopback(self.endpoint.base_url) else "metered"

    def fingerprint(self) -> Mapping[str, Plain]:
        """Two endpoints on one host count as the same service."""
        return {
            "name": self.kind,
            "version": 1,
            "host": self.endpoint.host,
            "model": self.model,
            "settings": dict(self.settings),
        }

    def _count(self, usage: Usage | None) -> None:
        """Tell what a request used, for whoever counts what a call spends."""
        if usage is None:
            spend_unknown()
        else:
            spend(usage.prompt_tokens, usage.completion_tokens, prices=self.prices)

    def health(self) -> Health:
        """Whether the endpoint answers, takes the key and knows the model."""
        return self.endpoint.health(self.model)
