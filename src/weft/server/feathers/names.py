"""Names: which row of the table a call of Feathers means, and what it is given.

A service is named by its path, as in REST below `/api`: `spaces/SPACE/entities`, and `spaces`. The id of `get`,
`patch`, `update` and `remove` is what stands behind that in REST's path: `ENTITY`, or `ENTITY/NODE` of a value. All
other methods take one object. The query of Feathers' params goes beside the id, or the object: what either says is
given.

Knows nothing of sockets and of what methods do. Invariant: what is not in the table is not called, and nothing that was
said is left out.
Source: `runMethod` of Feathers' transport-commons: where each method has its id, its data and its params.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

from weft.server.method import Json, Method, UnfitCall
from weft.server.refusals import MethodNotServed, NoSuchRoute

SPACES = "spaces"
LIMIT = "$limit"
PATH_CHARS_MAX = 200
"""How long the path of a service may be."""
ARGUMENTS: Mapping[str, tuple[str, ...]] = {
    "find": ("query",), "get": ("id", "query"), "create": ("data", "query"), "update": ("id", "data", "query"),
    "patch": ("id", "data", "query"), "remove": ("id", "query"),
}  # fmt: skip
CUSTOM = ("data", "query")
"""What a method of another name is called with."""
Rows: TypeAlias = "Mapping[tuple[bool, str], Mapping[str, Method]]"
"""The methods of each service by name; of each whether it is one of a space."""


class Service(NamedTuple):
    """What a path names: a service, and the space that it is of ("": of none)."""

    path: str
    space: str
    name: str


def rows_of(table: Sequence[Method]) -> Rows:
    """The rows that are called here. Raw content goes by REST alone."""
    found: dict[tuple[bool, str], dict[str, Method]] = {}
    for row in table:
        if not (row.takes_content or row.gives_content):
            found.setdefault((_is_of_space(row), row.service), {})[row.name] = row
    return found


def _is_of_space(row: Method) -> bool:
    return row.path.startswith("/spaces/{space}/")


def service_at(path: object) -> Service:
    """What a path names. Raises `NoSuchRoute` for what cannot be a path."""
    if not isinstance(path, str) or len(path) > PATH_CHARS_MAX:
        raise NoSuchRoute(path=str(path)[:PATH_CHARS_MAX])
    parts = path.strip("/").split("/")
    if len(parts) == 3 and parts[0] == SPACES:
        return Service(path, parts[1], parts[2])
    if len(parts) == 1 and parts[0]:
        return Service(path, "", parts[0])
    raise NoSuchRoute(path=path)


def row_at(rows: Rows, service: Service, method: str) -> Method:
    """The row. Raises `NoSuchRoute`, `MethodNotServed`."""
    methods = rows.get((bool(service.space), service.name))
    if methods is None:
        raise NoSuchRoute(path=service.path)
    if method not in methods:
        raise MethodNotServed(path=service.path, method=method[:40], allowed=", ".join(sorted(methods)))
    return methods[method]


def given_of(row: Method, space: str, arguments: Sequence[object]) -> Json:
    """What the row is given. Raises `UnfitCall`."""
    said = arguments_of(row.title, row.name, arguments)
    given = {"space": space} if space else {}
    places = [name for name in row.in_path if name not in given]
    if "id" in said:
        given |= _placed(row, places, said["id"])
    for one in (said.get("data"), said.get("query")):
        given = _with(row, given, {} if one is None else one)
    if LIMIT in given and "limit" in row.given:
        given = _with(row, {name: one for name, one in given.items() if name != LIMIT}, {"limit": given[LIMIT]})
    return given


def arguments_of(title: str, method: str, arguments: Sequence[object]) -> Json:
    """Of a call's arguments, which is what. Raises `UnfitCall` where there are too many, or of the wrong kind."""
    names = ARGUMENTS.get(method, CUSTOM)
    if len(arguments) > len(names):
        raise UnfitCall(method=title, why=f"it takes {', '.join(names)}, and was given {len(arguments)} arguments")
    said: Json = dict(zip(names, arguments, strict=False))
    for name in ("data", "query"):
        if not isinstance(said.get(name), dict | None):
            raise UnfitCall(method=title, why=f"its {name} is no object")
    if "id" in names and not _is_id(said.get("id")):
        raise UnfitCall(method=title, why="its id is missing: a text or a number, of one thing, never of all")
    return said


def _is_id(id: object) -> bool:
    return (isinstance(id, str) and id != "") or (isinstance(id, int) and not isinstance(id, bool))


def _placed(row: Method, places: Sequence[str], id: object) -> Json:
    parts = str(id).split("/", len(places) - 1) if places else [str(id)]
    if len(parts) != len(places):
        form = "/".join(place.upper() for place in places)
        raise UnfitCall(method=row.title, why=f"its id is {str(id)[:80]!r}, and not of the form {form}")
    return {place: _typed(row, place, part) for place, part in zip(places, parts, strict=True)}


def _typed(row: Method, place: str, part: str) -> Any:
    is_number = row.given[place].get("type") == "integer" and part.isascii() and part.isdigit() and len(part) < 19
    return int(part) if is_number else part


def _with(row: Method, given: Json, more: Json) -> Json:
    if twice := given.keys() & more.keys():
        raise UnfitCall(method=row.title, why=f"{min(twice)!r} is said twice: in its path or id, its data, its query")
    return given | more
