"""Who calls a server, and what they may do: what is asked at every request and every message.

Knows nothing of transports, and of how callers prove who they are. Invariant: what nobody granted is denied.
Source: capability lists; role-based access control (Sandhu et al. 1996).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol, TypeAlias, get_args

from weft.errors import WeftError

Capability: TypeAlias = Literal["read", "edit", "answer", "operate", "administer"]
"""See values, events and runs; tell entities what they are told; answer questions; retry, cancel, pause and begin anew;
manage users, tokens and what is kept."""
CAPABILITIES: tuple[Capability, ...] = get_args(Capability)


class Stranger(WeftError):
    """Nobody here is known by this: {why}. Log in, or bring a token that an administrator has made."""

    why: str


class Denied(WeftError):
    """{user} may not {capability}{where}. Somebody who administers this server can grant it; a token may what it was
    made for: `weft token make --help`."""

    user: str
    capability: Capability
    where: str


@dataclass(frozen=True, slots=True)
class Caller:
    """A user, as one session or token of theirs lets them act."""

    user: str
    capabilities: frozenset[Capability]
    entities: frozenset[str] | None = None
    """The ids of those that they may act upon; None for all."""
    granted: Mapping[str, frozenset[Capability]] = field(default_factory=dict, hash=False)
    """What they may do to some of these, where it is something else."""
    is_token: bool = False
    """Whether a program calls, by a token."""
    session: str = field(default="", compare=False)
    """The id of the session that they call by; it lets nobody in."""

    def to(self, entity: str) -> frozenset[Capability]:
        """What they may do to an entity; "": to all there are."""
        if self.entities is not None and entity not in self.entities:
            return frozenset()
        return self.granted.get(entity, self.capabilities)

    def may_somewhere(self, capability: Capability) -> bool:
        """Whether they may do this to any entity that there may be."""
        return capability in self.capabilities or any(capability in one for one in self.granted.values())

    def may(self, capability: Capability, entity: str = "") -> bool:
        """Whether they may do this, to an entity where one is named. What is about all entities takes a caller who is
        not held to some."""
        return capability in self.to(entity)

    def check(self, capability: Capability, entity: str = "") -> None:
        """Raises `Denied`."""
        if not self.may(capability, entity):
            where = f" the entity {entity}" if entity and self.may_somewhere(capability) else ""
            who = f"{self.user}, by a token of theirs," if self.is_token else self.user
            raise Denied(user=who, capability=capability, where=where)


class Asked:
    """A caller, who is asked for anew once what anybody may do has changed."""

    def __init__(self, guard: Guard, credential: str) -> None:
        """Raises `Stranger`."""
        self._guard, self._credential, self._at = guard, credential, guard.changes
        self.caller = guard.caller(credential)
        """Who they were when that was asked last."""

    def now(self) -> Caller:
        """Who they are, and what they may do, now. It may block. Raises `Stranger`."""
        if (changes := self._guard.changes) != self._at:
            self.caller, self._at = self._guard.caller(self._credential), changes
        return self.caller


class Guard(Protocol):
    """Knows callers by what they bring."""

    @property
    def changes(self) -> int:
        """Grows whenever what anybody may do changes, or anybody is let in no longer: who holds a caller for longer
        than one request asks anew then."""

    def caller(self, credential: str, /) -> Caller:
        """Whose credential this is, and what they may do now. Raises `Stranger`."""
