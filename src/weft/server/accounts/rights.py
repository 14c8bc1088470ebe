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


_OF_ONE_ENTITY = CAPABILITIES_OF["operator"]
"""The most that a grant of one entity allows."""
Grants: TypeAlias = "Mapping[str, str] | None"
"""The ids of the entities that somebody is held to, each with the role that the grant carries, "" for their own; None
for all entities."""


class UnknownRole(WeftError):
    """There is no role {role!r}: {hint}."""

    exit_code = 2
    role: str
    hint: str


class NotOfOneEntity(WeftError):
    """{role} is no role for one entity: who has it manages users and tokens. Grant viewer, editor or operator of it."""

    exit_code = 2
    role: str


class UnknownCapability(WeftError):
    """Nobody can be let {capability!r}: {hint}."""

    exit_code = 2
    capability: str
    hint: str


class Rights(NamedTuple):
    """What somebody may do, and to which entities: None for all. `granted`: what else than that to some of these."""

    capabilities: frozenset[Capability]
    entities: frozenset[str] | None
    granted: Mapping[str, frozenset[Capability]] = MappingProxyType({})

    def cut_to(self, other: Rights) -> Rights:
        """What both allow; the other allows the same to all its entities."""
        assert not other.granted
        entities = self.entities
        if entities is None or other.entities is None:
            entities = other.entities if entities is None else entities
        else:
            entities &= other.entities
        granted = {
            entity: capabilities & other.capabilities
            for entity, capabilities in self.granted.items()
            if entities is None or entity in entities
        }
        return Rights(self.capabilities & other.capabilities, entities, granted)


def of_role(role: str, grants: Grants) -> Rights:
    """What a role allows, and what the roles of grants do; nothing, if it is none."""
    if role not in CAPABILITIES_OF:
        return Rights(frozenset(), frozenset())
    if grants is None:
        return Rights(CAPABILITIES_OF[role], None)
    known = {entity: one for entity, one in grants.items() if one in ("", *ROLES)}
    granted = {entity: CAPABILITIES_OF[one] & _OF_ONE_ENTITY for entity, one in known.items() if one}
    return Rights(CAPABILITIES_OF[role], frozenset(known), granted)


def parse_entity_role(text: str) -> Role:
    """A role that a grant of an entity may carry. Raises `UnknownRole`, `NotOfOneEntity`."""
    role = parse_role(text)
    if role == "administrator":
        raise NotOfOneEntity(role=role)
    return role


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


def encode_grants(grants: Grants) -> str | None:
    """Grants as one text: the ids alone, where none carries a role."""
    if grants is None or any(grants.values()):
        return None if grants is None else json.dumps(grants, sort_keys=True)
    return encode_entities(grants)


def parse_grants(text: str | None) -> Grants:
    """Grants as they were kept; none, where they are not whole."""
    if text is None:
        return None
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    if isinstance(found, dict):
        return {entity: str(role) for entity, role in found.items()}
    return dict.fromkeys(map(str, found), "") if isinstance(found, list) else {}


def parse_entities(text: str | None) -> frozenset[str] | None:
    """Ids as they were kept; none, where they are not whole."""
    found = parse_grants(text)
    return None if found is None else frozenset(found)
