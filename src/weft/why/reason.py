"""The explanation of a value as data: a graph of reasons, each said once, whatever reads it.

Knows nothing of how reasons are found or shown. Invariant: an input that is not among the reasons is counted in `more`.
Source: why-provenance in databases; W3C PROV's entities, activities and agents.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeAlias

from weft.content import Cid, Plain
from weft.matching.known import Flag
from weft.spent import Spent

Place: TypeAlias = tuple[str, str, str]
"""(entity, node, element)"""


@dataclass(frozen=True, slots=True)
class Shown:
    """What a place shows: `value`, `failed`, `absent`, or `elements` of an `each`, which are explained one by one."""

    state: Literal["value", "failed", "absent", "elements"]
    text: str
    """For people, shortened."""
    content: Cid | None = None
    encoded: bytes | None = None


@dataclass(frozen=True, slots=True)
class ServiceUse:
    """A service that a call was given: by which parameter, what it said it was, and what it said calls cost."""

    parameter: str
    service: str
    fingerprint: Plain
    """None: the call went without."""
    content: Cid | None
    """What stands in the call key for the fingerprint."""
    is_in_force: bool
    cost: str
    """`free` or `metered`, as the service declared; empty where that was not recorded."""


@dataclass(frozen=True, slots=True)
class CallMade:
    """Which operation in which version, with which settings and services. `key` names all that with its inputs."""

    operation: str
    version: str
    settings: Plain
    services: tuple[ServiceUse, ...]
    key: Cid


class RunTold(NamedTuple):
    """The run of a flow that told something, and what it had been told just before: that it `begin`s, that it is to
    `stop`, or that a step is `done`."""

    run: str
    entity: str
    type: str
    flow: str
    after: Literal["begin", "stop", "done"]
    step: str = ""
    """As the flow calls it."""
    came_to: str = ""
    """For people, shortened."""
    answered_by: str = ""
    """Who answered the question, or made the decision."""
    answered_at: int = 0
    """Where somebody told the answer."""
    fired_by: str = ""
    """Who told what fired the run; empty where no event did."""
    fired: str = ""
    """What that was, in words."""


@dataclass(frozen=True, slots=True)
class Edit:
    """Who told it, when, having seen what, and in which words. `is_late`: behind the cut of what was made from it."""

    position: int
    actor: str
    time: str
    base: str
    said: tuple[str, ...]
    cause: int
    is_late: bool
    run: RunTold | None = None
    """The run that told it; None where somebody did."""


@dataclass(frozen=True, slots=True)
class Alternative:
    """What is kept and not shown: told at the same time, given by the same call, or superseded, and why; and that the
    same call changed an input."""

    kind: Literal["told", "same call", "changed input", "superseded"]
    position: int
    text: str
    content: Cid | None = None
    actor: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Match:
    """How the ids of elements were decided: by `rule` (`content`, or the name of the declared key).

    Of one element `key` is what it was known by, `is_new` whether it got its id with this very list, `by` what decided
    where its key did not, `alias` the id of what it went into, and `flags` what to look at. Of a list `gone` are the
    keys whose ids are kept for their return."""

    rule: str
    key: Plain = None
    is_new: bool | None = None
    by: tuple[str, float, float] | None = None
    alias: str = ""
    flags: tuple[Flag, ...] = ()
    gone: tuple[Plain, ...] = ()


@dataclass(frozen=True, slots=True)
class Failure:
    """What was raised, what it said and where, the slot it began in, at which try, and the last good value."""

    kind: str
    message: str
    where: str
    origin: str
    tries: int
    is_final: bool
    last: str = ""


@dataclass(frozen=True, slots=True)
class Input:
    """What a value was made from: the place, what it gave then, and whether it still shows that."""

    place: Place
    given: Cid | None = None
    is_shown: bool = True


@dataclass(frozen=True, slots=True)
class Reason:
    """One place, and all that is known of how it came to show what it shows."""

    place: Place
    type: str
    kind: Literal["told", "computed", "elements", "missing"]
    shown: Shown
    cut: int = 0
    """The cut that its inputs were taken at."""
    position: int = 0
    """Of the result's record; 0 where nothing was recorded."""
    how: str = ""
    took_us: int | None = None
    spent: Spent | None = None
    """What the services said that the call spent; None where none was asked."""
    standing: tuple[str, ...] = ()
    """What is not as it should be: due, older than its inputs, not computed."""
    call: CallMade | None = None
    called: Cid | None = None
    """The call key, where what it was made of is not kept."""
    edits: tuple[Edit, ...] = ()
    edits_more: int = 0
    alternatives: tuple[Alternative, ...] = ()
    match: Match | None = None
    failure: Failure | None = None
    inputs: tuple[Input, ...] = ()
    inputs_more: int = 0
    """Inputs beyond those that are named."""
    over: str = ""
    """Of an `each`: what it runs over."""
    over_type: str = ""
    """The type of the entity whose node that is."""


@dataclass(frozen=True, slots=True)
class Reasons:
    """The explanation of one place: the reasons nearest to it, itself first."""

    root: Place
    head: int
    """The log's end when it was explained."""
    found: dict[Place, Reason]
    more: int
    """Further places that these name and that are not explained."""
    looked_back_to: int
    """Superseded results were looked for behind this position."""
