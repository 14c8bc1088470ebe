"""What a role lets its users do, and how rights are cut to what is left of them.

Knows nothing of who has which. Invariant: rights that are cut are never more than either of the two.
Source: role-based access control (Sandhu et al. 1996); scopes as in OAuth 2.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Literal, NamedTuple, TypeAlias, get_args

from weft.errors import WeftError
from weft.server.caller import CAPABILITIES, Capability
from weft.spelling import nearest

Role: TypeAlias = Literal["viewer", "editor", "operator", "administrator"]
ROLES: tuple[Role, ...] = get_args(Role)
CAPABILITIES_OF: Mapping[str, frozenset[Capability]] = MappingProxyType(
    {
        "viewer": frozenset({"read"}),
        "editor": frozenset({"read", "edit", "answer"}),
        "operator": frozenset({"read", "edit", "answer", "operate"}),
        "administrator": frozenset(CAPABILITIES),
    }
)


class UnknownRole(WeftError):
    """There is no role {role!r}: {hint}."""

    exit_code = 2
    role: str
    hint: str


class UnknownCapability(WeftError):
    """Nobody can be let {capability!r}: {hint}."""

    exit_code = 2
    capability: str
    hint: str


class Rights(NamedTuple):
    """What somebody may do, and to which entities: None for all."""

    capabilities: frozenset[Capability]
    entities: frozenset[str] | None

    def cut_to(self, other: Rights) -> Rights:
        """What both allow."""
        entities = self.entities
        if entities is None or other.entities is None:
            entities = other.entities if entities is None else entities
        else:
            entities &= other.entities
        return Rights(self.capabilities & other.capabilities, entities)


def of_role(role: str, entities: frozenset[str] | None) -> Rights:
    """What a role allows; nothing, if it is none."""
    return Rights(CAPABILITIES_OF.get(role, frozenset()), entities)


def parse_role(text: str) -> Role:
    """A role by its name. Raises `UnknownRole`."""
    for role in ROLES:
        if role == text:
            return role
    raise UnknownRole(role=text, hint=nearest(text, ROLES).rstrip("?"))


def parse_capabilities(texts: Iterable[str]) -> frozenset[Capability]:
    """Capabilities by their names. Raises `UnknownCapability`."""
    known: dict[str, Capability] = {one: one for one in CAPABILITIES}
    texts = tuple(texts)
    for text in texts:
        if text not in known:
            raise UnknownCapability(capability=text, hint=nearest(text, known).rstrip("?"))
    return frozenset(known[text] for text in texts)


def encode_entities(entities: Iterable[str] | None) -> str | None:
    """Ids of entities as one text; None for all of them."""
    return None if entities is None else json.dumps(sorted(set(entities)))


def parse_entities(text: str | None) -> frozenset[str] | None:
    """Ids as they were kept; none, where they are not whole."""
    if text is None:
        return None
    try:
        found = json.loads(text)
    except ValueError:
        return frozenset()
    return frozenset(map(str, found)) if isinstance(found, list) else frozenset()
