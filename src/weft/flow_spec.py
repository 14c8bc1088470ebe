"""A compiled trigger or flow: what fires it, and which code it is. All of it is data, kept with its type's definition.

Knows nothing of functions, runs or the engine.
Invariant: `FlowSpec.of_plain(name, spec.plain()) == spec`.
Source: rules as data, as the nodes of a compiled type.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple, TypeAlias, cast

from msgspec import Struct
from msgspec.structs import replace

from weft.collection import short_id
from weft.content import Plain

Overlap: TypeAlias = Literal["queue", "skip", "restart"]
ChangeKind: TypeAlias = Literal["becomes", "changes", "settles", "created", "scheduled"]


_QUEUED = ("queue", "limit", "priority")


class ChangeSpec(NamedTuple):
    """One change that fires: of which node, and for `becomes` to which value; for `scheduled` the value is [expression,
    zone, what becomes of missed times]."""

    kind: ChangeKind
    node: str = ""
    value: Plain = None


class FlowSpec(Struct, frozen=True):
    """A method under `@on`, by its name."""

    name: str
    when: tuple[ChangeSpec, ...]
    """Any of these fires it."""
    guard: str = ""
    """The node that must hold when it fires."""
    actors: str = ""
    """The node that says who may fire it; empty: everybody."""
    overlap: Overlap = "queue"
    waits: bool = True
    """Whether it has runs; else it decides at once."""
    version: str = ""
    """A digest of its source: which code a run began with."""
    queue: str = ""
    """Runs of one queue, of whatever flow and entity, are limited together; empty for none."""
    limit: int = 0
    """How many of its queue may be under way."""
    priority: int | str = 0
    """Of those that wait in its queue the greatest begins first; or the node that says so."""
    names: tuple[str, ...] = ()
    """Who may fire it, by name; empty: `actors` says."""

    @property
    def schedules(self) -> list[ChangeSpec]:
        """The times at which it fires."""
        return [change for change in self.when if change.kind == "scheduled"]

    def plain(self) -> dict[str, Plain]:
        """The flow as the log keeps it."""
        when: list[Plain] = [list(change) for change in self.when]
        said: dict[str, Plain] = {"when": when, "guard": self.guard, "actors": self.actors}
        said |= {"overlap": self.overlap, "waits": self.waits, "version": self.version}
        said |= {"names": list(self.names)} if self.names else {}
        return said | {part: getattr(self, part) for part in _QUEUED if getattr(self, part)}

    @staticmethod
    def of_plain(name: str, said: Mapping[str, Plain]) -> FlowSpec:
        """The flow that `plain` said."""
        when = tuple(ChangeSpec(*change) for change in cast("list[list[Plain]]", said["when"]))  # type: ignore[arg-type]
        guard, actors, overlap = (str(said[part]) for part in ("guard", "actors", "overlap"))
        version, queued = str(said["version"]), {part: said[part] for part in _QUEUED if part in said}
        flow = FlowSpec(name, when, guard, actors, cast("Overlap", overlap), bool(said["waits"]), version)
        names = cast("list[str]", said.get("names", []))
        return replace(flow, **queued, names=tuple(names))


class Firing(NamedTuple):
    """A flow of an entity, and the position of the record that fired it."""

    entity: str
    flow: str
    cause: int
    is_new: bool = False
    """Whether nothing fired it yet but it is there now, and is to fire by the clock."""

    @property
    def run(self) -> str:
        """The id of the run that it leads to."""
        return short_id("run", self.entity, self.flow, str(self.cause))

    def intent(self) -> Plain:
        """As it is told."""
        if self.is_new:
            return [self.entity, self.flow, "schedule", 0]
        return [self.entity, self.flow, "fire", self.run, self.cause, 0]
