"""One method of a service: a row of the table that every transport serves.

A row says by which capability it may be called, whom that is asked about, what it is given and gives (as JSON Schemas),
and the function that does it, which takes plain values and a caller. A row that leaves one of these out is refused
before anything is served.

Knows nothing of HTTP or sockets.
Invariant: nothing is done for a caller who may not have it done, nor with what does not fit the row's schema.
Source: Feathers' services; capability tables that deny by default.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import wait
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias, get_args

from weft.blob import Blob
from weft.errors import WeftError
from weft.form.check import Checker
from weft.server.caller import CAPABILITIES, Caller, Capability, Denied
from weft.server.served import Served
from weft.settlement import Settlement
from weft.space import Space

Json: TypeAlias = dict[str, Any]
Http: TypeAlias = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
Reach: TypeAlias = Literal["all", "entity", "found"]
"""Whom the capability is asked about: all that there is; the entity that is named; or what the method finds, of which
it gives, or changes, what the caller may have alone."""


class Undeclared(WeftError):
    """The method {method} {lacks}, so nothing is served. Mend its row in weft.server.services."""

    method: str
    lacks: str


class UnfitCall(WeftError):
    """{method} cannot be done with what it was given: {why}. `/api/openapi.json` says what it takes."""

    method: str
    why: str
    places: tuple[tuple[str, str], ...] = ()
    """What is wrong at which place, where it is known."""


@dataclass(frozen=True, slots=True)
class Call:
    """What a method is given: by whom, for which spaces, and what."""

    served: Served
    caller: Caller
    given: Mapping[str, Any]
    method: Method

    @property
    def space(self) -> Space:
        """The one that is named. Raises `UnknownSpace`."""
        return self.served.space(self.given["space"])

    def check(self, entity: str) -> None:
        """That the caller may have this done about an entity that was found. Raises `Denied`."""
        self.caller.check(self.method.capability_asked, entity)

    def may(self, entity: str) -> bool:
        """The same, as a question."""
        return self.caller.may(self.method.capability_asked, entity)

    def unfit(self, why: str) -> UnfitCall:
        """The error for what the schema cannot say."""
        return UnfitCall(method=self.method.title, why=why)


@dataclass(frozen=True, slots=True)
class Later:
    """An answer that waits: for all of these, but no longer than that; then it is made, told whether all are done."""

    settlements: Sequence[Settlement]
    wait_s: float
    then: Callable[[bool], Json]


Answer: TypeAlias = "Json | Later | Blob"


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """A row. `path` is where REST serves it, below `/api`; what stands in braces there is among what is `given`."""

    service: str
    name: str
    http: Http
    path: str
    summary: str
    act: Callable[[Call], Answer]
    gives: Json
    capability: Capability | None = None
    reach: Reach = "all"
    given: Json = field(default_factory=dict)
    """The properties of what it takes, by name, each a JSON Schema."""
    required: tuple[str, ...] = ()
    """Those that must be given, beside those of the path."""
    changes: bool = False
    takes_content: bool = False
    """Whether it is given raw content, as a `Blob` by the name `content`."""
    gives_content: bool = False
    """Whether it answers with a `Blob`."""
    looks_far: bool = False
    """Whether it may look at all of a log: few such are at work at one time, and hold up none of the others."""

    @property
    def title(self) -> str:
        """`entities.create`."""
        return f"{self.service}.{self.name}"

    @property
    def capability_asked(self) -> Capability:
        """The one that it declares."""
        assert self.capability is not None, "the table was checked"
        return self.capability

    @property
    def in_path(self) -> tuple[str, ...]:
        """What stands in its path."""
        return tuple(re.findall(r"{(\w+)}", self.path))

    @property
    def in_query(self) -> tuple[str, ...]:
        """What stands in its query, where it has no body of JSON."""
        has_body = self.http in ("POST", "PUT", "PATCH") and not self.takes_content
        return () if has_body else tuple(name for name in self.given if name not in self.in_path)

    @property
    def schema(self) -> Json:
        """What it takes, as one JSON Schema."""
        required = [*self.in_path, *self.required]
        return {"type": "object", "properties": self.given, "required": required, "additionalProperties": False}


def check_table(table: Sequence[Method]) -> Sequence[Method]:
    """The table. Raises `Undeclared` for a row that leaves out what must be declared, and for two of one route."""
    seen: set[tuple[str, str]] = set()
    for row in table:
        for lacks in _lacks(row):
            raise Undeclared(method=row.title, lacks=lacks)
        if (row.http, row.path) in seen:
            raise Undeclared(method=row.title, lacks=f"has the route of another: {row.http} {row.path}")
        seen.add((row.http, row.path))
    return table


def _lacks(row: Method) -> list[str]:
    said = {
        "declares no capability": row.capability not in CAPABILITIES,
        "says of nobody whom its capability is asked about": row.reach not in get_args(Reach),
        "asks about an entity, and is given none": row.reach == "entity" and "entity" not in row.given,
        "has no schema of what stands in its path": any(name not in row.given for name in row.in_path),
        "requires what it has no schema of": any(name not in row.given for name in row.required),
        "has no schema of what it gives": not row.gives and not row.gives_content,
        "changes things, or does not, unlike its verb of HTTP": row.changes is (row.http == "GET"),
    }
    return [lacks for lacks, is_so in said.items() if is_so]


def check_may(method: Method, caller: Caller, given: Mapping[str, Any]) -> None:
    """That a caller may have this done, as far as that can be said before it is. Raises `Denied`."""
    capability = method.capability_asked
    if method.reach == "found":
        if not caller.may_somewhere(capability):
            raise Denied(user=caller.user, capability=capability, where="")
        return
    caller.check(capability, str(given.get("entity", "")) if method.reach == "entity" else "")


def begin(method: Method, served: Served, caller: Caller, given: Mapping[str, Any]) -> Answer:
    """Do it; what waits is given back as `Later`. Raises `Denied`, `UnfitCall`, and what the method does."""
    check_may(method, caller, given)
    said = {name: one for name, one in given.items() if name != "content" or not method.takes_content}
    if found := Checker(method.schema).misfits(said):
        places = tuple((one.place, str(one)) for one in found)
        raise UnfitCall(method=method.title, why="; ".join(text for _, text in places), places=places)
    return method.act(Call(served, caller, given, method))


def call(method: Method, served: Served, caller: Caller, given: Mapping[str, Any]) -> Json | Blob:
    """Do it, and block for what waits: for programs that serve in process, as REST does it over HTTP."""
    answer = begin(method, served, caller, given)
    if not isinstance(answer, Later):
        return answer
    wait(answer.settlements, answer.wait_s)
    return finish(answer)


def finish(answer: Later) -> Json:
    """The answer, once its time is over: what is not settled yet is waited for no longer."""
    done = [one for one in answer.settlements if one.done()]
    for one in answer.settlements:
        one.cancel()
    for one in done:
        if not one.cancelled():
            one.result()
    return answer.then(len(done) == len(answer.settlements))
