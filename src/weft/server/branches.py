"""Branches: served spaces that share a past with another, and new ones, forked from it at a position.

Knows nothing of how logs are carried over. Invariant: a branch is served from the moment on at which it is whole; where
its file is, is told to nobody.
Source: git's branches; Neon's branches of databases.
"""

from __future__ import annotations

from pathlib import Path

from weft.copies.agreement import agreed, has_event, record_at
from weft.copies.fork import fork_space
from weft.errors import WeftError
from weft.server.method import Call, Json, Method
from weft.server.schemas import NAME, POSITION, SPACE, STRING, listed, open_object
from weft.server.served import Served
from weft.space import Space
from weft.store import Head


class NotInAFile(WeftError):
    """The space {name} is kept in memory alone, and a branch is a file beside that of its parent. Serve a space that
    is in a file."""

    name: str


class NoSuchBranch(WeftError):
    """{branch} is served here, and shares no past with {space}. `branches.find` lists what does."""

    branch: str
    space: str


def _record_at(space: Space, position: int) -> Head | None:
    with space.view() as engine:
        return record_at(engine.store, position)


def _base(served: Served, names: tuple[str, str]) -> int:
    """Up to where two spaces are the same; 0 where they have nothing in common but types. Each is looked at by itself,
    so that neither waits for the other. Once both have gone on from there it is as it is, and remembered."""
    pair = frozenset(names)
    if pair in served.bases:
        return served.bases[pair]
    one, other = (served.space(name) for name in names)
    until = min(one.position, other.position)
    found = agreed(lambda at: _record_at(one, at), lambda at: _record_at(other, at), until)
    with one.view() as engine:
        base = found if has_event(engine, found) else 0
    if found < until:
        served.bases[pair] = base
    return base


def _portrait(name: str, space: Space, base: int) -> Json:
    return {"name": name, "base": base, "position": space.position}


def _find(call: Call) -> Json:
    name, position = call.given["space"], call.space.position
    others = [(other, one, _base(call.served, (name, other))) for other, one in call.served if other != name]
    return {"branches": [_portrait(*found) for found in others if found[2]], "position": position}


def _get(call: Call) -> Json:
    name, branch = call.given["space"], call.given["branch"]
    space, other = call.space, call.served.space(branch)
    base = _base(call.served, (name, branch)) if space is not other else 0
    if not base:
        raise NoSuchBranch(branch=branch, space=name)
    return _portrait(branch, other, base)


def _create(call: Call) -> Json:
    space, name = call.space, call.given["name"]
    if space.path is None:
        raise NotInAFile(name=call.given["space"])
    with call.served.adding(name) as add:
        parent = Path(space.path)
        place = parent.with_name(f"{name}{parent.suffix}")
        with space.view() as engine:
            types = dict(engine.types)
        made = fork_space(parent, place, at=call.given.get("at"), actor=call.caller.user, types=types)
        position = add(str(place)).position
    said = {"name": name, "base": made.base.position, "position": position}
    return {**said, "runs": made.runs, "schedules": made.schedules, "lost": list(made.lost)}


_BRANCH_NAME: Json = {"type": "string", "pattern": "^[A-Za-z0-9][A-Za-z0-9_-]{0,59}$"}
"""What may be a file's name anywhere, and a part of an address."""
_GIVEN = open_object(name=STRING, base=POSITION, position=POSITION)
BRANCHES = (
    Method(
        service="branches", name="find", http="GET", path="/spaces/{space}/branches", act=_find, capability="read",
        reach="found", given=SPACE, gives=open_object(branches=listed(_GIVEN), position=POSITION),
        summary="The other spaces that are served and share a past with this one; `base`: the last position at which "
        "they were the same.",
    ),
    Method(
        service="branches", name="get", http="GET", path="/spaces/{space}/branches/{branch}", act=_get,
        capability="read", reach="found", given={**SPACE, "branch": NAME}, gives=_GIVEN,
        summary="One of them.",
    ),
    Method(
        service="branches", name="create", http="POST", path="/spaces/{space}/branches", act=_create, changes=True,
        capability="administer", given={**SPACE, "name": _BRANCH_NAME, "at": POSITION}, required=("name",),
        looks_far=True,
        summary="Fork the space: another one, of this name, that is the same up to a position (`at`, or by now) and "
        "goes its own way from there. Runs that were not over end in it, and schedules pause.",
        gives=open_object(
            name=STRING, base=POSITION, position=POSITION, runs=POSITION, schedules=POSITION, lost=listed(STRING)
        ),
    ),
)  # fmt: skip
