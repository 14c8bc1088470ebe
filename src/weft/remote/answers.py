"""What the methods that programs call most give, as types for checkers.

Knows nothing of how it travels: these are plain dictionaries, the same that a call in process gives. Invariant: what
is required here is required in the server's own schemas; a test compares.
"""

# Without postponed annotations: where these are texts, which keys are required is told wrong at run time.
from typing import Any, NotRequired, TypeAlias, TypedDict

Json: TypeAlias = dict[str, Any]


class SpaceGiven(TypedDict):
    """A space that is served."""

    name: str
    position: int
    types: list[str]
    is_engine: bool
    read_only: str
    engine: NotRequired[Json]


class SpacesGiven(TypedDict):
    """All of them."""

    spaces: list[SpaceGiven]


class NodeGiven(TypedDict):
    """A field or node of an entity: how it stands, and its value, or its error and the last good one."""

    name: str
    kind: str
    type: str
    state: str
    value: NotRequired[Any]
    last: NotRequired[Any]
    error: NotRequired[str]
    run: NotRequired[Json]


class EntityGiven(TypedDict):
    """An entity."""

    id: str
    type: str
    created: int
    nodes: list[NodeGiven]
    position: int
    name: NotRequired[str]


class EntityTold(EntityGiven):
    """An entity that was told something: where; None while no engine has taken it."""

    told: int | None
    completed: NotRequired[bool]


class EntityListed(TypedDict):
    """An entity on a page."""

    id: str
    type: str
    name: str
    created: int
    preview: str


class EntityPage(TypedDict):
    """A page of entities: `next` is `after` of the next one."""

    entities: list[EntityListed]
    next: str | None
    position: int


class ValueGiven(TypedDict):
    """A node, or one element of it."""

    entity: str
    name: str
    kind: str
    type: str
    state: str
    position: int
    value: NotRequired[Any]
    element: NotRequired[str]
    content_id: NotRequired[str]
    completed: NotRequired[bool]


class Activity(TypedDict):
    """What happened at a position."""

    position: int
    type: str
    traversal: int
    node: str
    content_id: str
    by: str
    preview: str
    at: str | None
    """When, in UTC, where the log says that."""


class EventPage(TypedDict):
    """A page of them: `next` is `from` of the next one."""

    events: list[Activity]
    next: int | None
    position: int
