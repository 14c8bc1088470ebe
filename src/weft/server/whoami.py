"""Who calls: as whom somebody is known, and what they may do. A page asks it first.

Knows nothing of how callers are known. Invariant: everybody who is known is told of themselves, and of nobody else.
"""

from __future__ import annotations

from weft.server.caller import CAPABILITIES
from weft.server.method import Call, Json, Method
from weft.server.schemas import LIST, STRING, listed, open_object


def _get(call: Call) -> Json:
    caller = call.caller
    return {
        "user": caller.user,
        "capabilities": [one for one in CAPABILITIES if one in caller.capabilities],
        "entities": None if caller.entities is None else sorted(caller.entities),
    }


WHOAMI = (
    Method(
        service="caller", name="get", http="GET", path="/whoami", act=_get, capability="read", reach="found",
        summary="As whom the caller is known, what they may do, and to which entities; null for all of them.",
        gives=open_object(user=STRING, capabilities=listed(STRING), entities={"anyOf": [LIST, {"type": "null"}]}),
    ),
)  # fmt: skip
