"""The table of services: all that a server does for its callers, a row a method.

Whatever serves it (REST, sockets) reads it from here, so that they cannot differ in who may do what.

Knows nothing of transports. Invariant: every row declares its capability, and what it takes and gives.
Source: Feathers' services.
"""

from __future__ import annotations

from weft.server.blobs import BLOBS
from weft.server.branches import BRANCHES
from weft.server.entities import ENTITIES
from weft.server.graph import GRAPH
from weft.server.inbox import INBOX
from weft.server.log import LOG
from weft.server.method import Method
from weft.server.runs import RUNS
from weft.server.spaces import SPACES
from weft.server.spells import SPELLS
from weft.server.tokens import SESSIONS, TOKENS
from weft.server.types import TYPES
from weft.server.users import USERS
from weft.server.values import VALUES
from weft.server.whoami import WHOAMI

SERVICES: tuple[Method, ...] = (
    *SPACES, *BRANCHES, *TYPES, *ENTITIES, *VALUES, *GRAPH, *SPELLS, *LOG, *RUNS, *INBOX, *BLOBS, *USERS, *TOKENS,
    *SESSIONS, *WHOAMI,
)  # fmt: skip
