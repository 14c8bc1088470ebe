"""What every service offers, whatever it does: who it is, whether it is ready, and what calling it costs and touches.

An operation names a service by a Protocol in a keyword-only parameter; the space injects the object. The engine reads
only what stands here: the fingerprint becomes part of each call's key, so a result is never taken for that of another
model or of other settings.

Knows nothing of calls, attempts or the services' own verbs.
Invariant: a fingerprint holds no secret, and is equal for two services exactly when their results may stand for each
other.
Source: the derivation inputs of Nix; health checks as in twelve-factor backing services.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias, runtime_checkable

from weft.call import Limits
from weft.content import Plain

Cost: TypeAlias = Literal["free", "metered"]
Effect: TypeAlias = Literal["none", "reads outside", "writes outside"]


@dataclass(frozen=True, slots=True)
class Health:
    """Whether a service can be used now; if not, `why`, and the one step that would `enable` it."""

    ready: bool
    why: str = ""
    enable: str = ""


@runtime_checkable
class Service(Protocol):
    """What the engine asks of a service; the attributes may be class attributes or properties."""

    @property
    def deterministic(self) -> bool:
        """Whether equal inputs always give equal outputs, so that computing again is harmless."""
        ...

    @property
    def cost(self) -> Cost:
        """Whether a call costs money or quota."""
        ...

    @property
    def effect(self) -> Effect:
        """What a call touches outside the space."""
        ...

    @property
    def runner(self) -> str | None:
        """The name of the runner that its calls need, or None for the operation's own."""
        ...

    @property
    def limits(self) -> Limits:
        """How hard it may be used."""
        ...

    def fingerprint(self) -> Mapping[str, Plain]:
        """Name, version, model and settings: part of a call's key. Pure, cheap, without secrets."""
        ...

    def health(self) -> Health:
        """Whether it can be used now. May look outside for a few seconds; never raises."""
        ...
