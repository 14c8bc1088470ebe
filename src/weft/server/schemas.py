"""The JSON Schemas that several methods share: of what they take, and of what they give.

Knows nothing of what methods do. Invariant: what is given is closed: a name that no method knows is refused.
Source: JSON Schema 2020-12, the part of it that answers are held against.
"""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]

WAIT_S_MAX = 60
"""How long a call may wait for what follows from it, in seconds."""
PAGE_MAX = 1000
"""How many things one page of an answer may hold."""
PAGE = 100
"""How many it holds where nothing else is asked."""

NAME: Json = {"type": "string", "minLength": 1, "maxLength": 200}
TEXT: Json = {"type": "string", "maxLength": 2000}
ANY: Json = {}
FLAG: Json = {"type": "boolean"}
POSITION: Json = {"type": "integer", "minimum": 0, "maximum": 1 << 53}
LIMIT: Json = {"type": "integer", "minimum": 1, "maximum": PAGE_MAX}
WAIT: Json = {"type": "number", "minimum": 0, "maximum": WAIT_S_MAX}
MAP: Json = {"type": "object"}
LIST: Json = {"type": "array"}
STRING: Json = {"type": "string"}
MAYBE_STRING: Json = {"anyOf": [{"type": "string"}, {"type": "null"}]}
MAYBE_POSITION: Json = {"anyOf": [POSITION, {"type": "null"}]}


def listed(schema: Json) -> Json:
    """A list of such."""
    return {"type": "array", "items": schema}


def closed(**properties: Json) -> Json:
    """An object with these, and no others."""
    return {"type": "object", "properties": properties, "required": [*properties], "additionalProperties": False}


def open_object(optional: Json | None = None, /, **required: Json) -> Json:
    """An object with these, perhaps those, and perhaps others."""
    return {"type": "object", "properties": {**required, **(optional or {})}, "required": [*required]}


SPACE: Json = {"space": NAME}
ENTITY: Json = {**SPACE, "entity": NAME}
NODE: Json = {**ENTITY, "node": NAME}
ONCE: Json = {"once": NAME}
"""The name under which something is told once, however often it is said."""

NODE_GIVEN = open_object(
    {"value": ANY, "last": ANY, "error": STRING, "origin": STRING, "elements": LIST, "ids": LIST, "run": MAP},
    name=STRING, kind=STRING, type=STRING, state=STRING,
)  # fmt: skip
"""A node with its state; its value, or its error and the last good one, beside it."""
_ENTITY = {"id": STRING, "type": STRING, "created": POSITION, "nodes": listed(NODE_GIVEN), "position": POSITION}
ENTITY_GIVEN = open_object({"name": STRING}, **_ENTITY)
ENTITY_TOLD = open_object({"completed": FLAG, "name": STRING}, **_ENTITY, told=MAYBE_POSITION)
"""An entity, and where that was told which was said; null while no engine has taken it."""
TOLD_GIVEN = open_object(position=MAYBE_POSITION)
"""Where something was told; null while no engine has taken it."""
