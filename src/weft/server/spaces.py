"""Spaces: which are served, how far each is, and who computes it.

Knows nothing of what they hold. Invariant: where a space's file is, is told to nobody.
"""

from __future__ import annotations

from weft.server.method import Call, Json, Method
from weft.server.schemas import FLAG, LIST, MAP, POSITION, SPACE, STRING, listed, open_object
from weft.space import Space

_GIVEN = open_object(
    {"engine": MAP}, name=STRING, position=POSITION, types=LIST, is_engine=FLAG, read_only=STRING,
)  # fmt: skip


def _portrait(name: str, space: Space) -> Json:
    with space.view() as engine:
        holder = engine.store.holder()
        said: Json = {"name": name, "position": engine.position, "types": [*engine.in_force]}
    said |= {"is_engine": space.is_engine, "read_only": space.read_only}
    return said if holder is None else said | {"engine": {"pid": holder.pid, "host": holder.host}}


def _find(call: Call) -> Json:
    return {"spaces": [_portrait(name, space) for name, space in call.served]}


def _get(call: Call) -> Json:
    return _portrait(call.given["space"], call.space)


SPACES = (
    Method(
        service="spaces", name="find", http="GET", path="/spaces", act=_find, capability="read", reach="found",
        summary="The spaces that are served, how far each is, and whether a program computes it.",
        gives=open_object(spaces=listed(_GIVEN)),
    ),
    Method(
        service="spaces", name="get", http="GET", path="/spaces/{space}", act=_get, capability="read", reach="found",
        summary="One space; `engine` is there while a program computes it.", given=SPACE, gives=_GIVEN,
    ),
)  # fmt: skip
