"""A compiled type: what its fields fold, what its nodes compute from what. All of it is data, kept in the log.

A type's content id names this very form of it. The code that goes with a node (the operation's function, the shapes of
its values) hangs beside the spec and is no part of it: a space opens, folds and explains itself without the code, it
only cannot compute.

Knows nothing of classes, annotations or the engine.
Invariant: `TypeSpec.of_plain(spec.plain()) == spec`; inputs name nodes of the type, or of the type a reference leads
to. Source: build systems' rules as data (Nix derivations, Bazel actions).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, cast

from msgspec import Struct

from weft.content import Cid, Plain, content_id, encode
from weft.flow_spec import FlowSpec
from weft.matching.matcher import Matcher
from weft.operation import Operation, Retry
from weft.policy import Policy
from weft.reduce import CellSpec, Step
from weft.value import Shape

Mode = Literal["plain", "state", "partials", "settled"]
"""How an input is read: settled only; its state, complete or not; as it streams; the elements that settled well."""


class InputSpec(NamedTuple):
    """One input: a node's name, how it is read, and the reference it is read through.

    With `ref` and no `node` the input is what the reference leads to: an element of a derived list.
    """

    node: str
    mode: Mode = "plain"
    ref: str = ""

    def __str__(self) -> str:
        """The way the class writes it."""
        place = f"{self.ref}.at({self.node})" if self.ref and self.node else self.ref or self.node
        return place if self.mode == "plain" else f"{place}.{self.mode}"


class OperationSpec(Struct, frozen=True):
    """An operation as a call key names it: which code, in which version, with which settings and services."""

    name: str
    version: str
    settings: Plain = None
    services: tuple[tuple[str, str], ...] = ()
    """(parameter, service name) pairs."""
    source: str = ""
    """A digest of the source. Where the version is declared this tells, beside it, that the source has changed."""

    def identity(self) -> tuple[str, str, Plain]:
        """What a call key holds of it, apart from services."""
        return self.name, self.version, self.settings


@dataclass(frozen=True, slots=True)
class NodeCode:
    """What runs a node in this program: nothing here enters an id."""

    shape: Shape
    operation: Operation | None = None
    inputs: tuple[Shape, ...] = ()
    function: Callable[..., object] | None = None
    services: Mapping[str, object] = field(default_factory=dict)
    """The Protocol of each service, by parameter."""
    runner: str | None = None
    policy: Policy | None = None
    whole: Shape | None = None
    """Of an `each`: the shape of the collection, where `shape` is that of one call's value."""
    element: Shape | None = None
    """Of a list or mapping: the shape of what it holds."""
    matchers: tuple[Matcher, ...] = ()
    """What tells elements apart where their key does not."""


@dataclass(frozen=True, slots=True)
class NodeSpec:
    """A node of a type. `kind` is that of a field, or one of `derive each choose group filter order count reduce`."""

    name: str
    kind: str
    type_text: str = ""
    cell: CellSpec | None = None
    inputs: tuple[InputSpec, ...] = ()
    operation: OperationSpec | None = None
    own: bool = False
    """Whether the operation is given its own last accepted value first; `initial` is what it gets the first time."""
    initial: Plain = None
    sort: Literal["plain", "sequence", "mapping"] = "plain"
    key: str | None = None
    """The declared key of this list's elements: they get ids that last."""
    id_field: str = ""
    """The field in which these elements hold their ids."""
    match: Plain = None
    """The matchers beside the key, [name, settings] each."""
    eager: bool = False
    timeout_s: float | None = None
    retry: Retry | None = None
    target: str = ""
    """Of a reference: the name of the type that it leads to."""
    was: str = field(default="", compare=False)
    """A former name, whose rows this node takes over."""
    code: NodeCode | None = field(default=None, compare=False, repr=False)

    @property
    def is_told(self) -> bool:
        """Whether events say what it holds; else it is computed."""
        return self.cell is not None

    def needs(self, service: str) -> bool:
        """Whether its operation or its matchers ask this service."""
        listed = self.match if isinstance(self.match, list) else []
        settings = [entry[1] for entry in listed if isinstance(entry, list)]
        asked = [name for _, name in self.operation.services] if self.operation is not None else []
        return service in asked or any(isinstance(one, dict) and one.get("embedding") == service for one in settings)

    def plain(self) -> dict[str, Plain]:
        """The node as the log keeps it; what is as usual is left out."""
        said: dict[str, Plain] = {"kind": self.kind, "type": self.type_text}
        if self.cell is not None:
            said |= {"key": self.cell.key, "target": self.target, "steps": dict(self.cell.versions)}
            if self.cell.has_default:
                said["default"] = self.cell.default
            if self.sort != "plain":
                said["sort"] = self.sort
        if self.inputs:
            said["inputs"] = [list(entry) for entry in self.inputs]
        if self.operation is not None:
            services: list[Plain] = [list(pair) for pair in self.operation.services]
            said["operation"] = [*self.operation.identity(), services, self.operation.source]
        if self.own:
            said["initial"] = self.initial
        if self.cell is None:
            said |= {"sort": self.sort, "key": self.key, "eager": self.eager, "timeout_s": self.timeout_s}
            said |= {"id": self.id_field} if self.id_field else {}
            said |= {"match": self.match} if self.match else {}
            if self.retry is not None:
                said["retry"] = [self.retry.attempts, self.retry.delay_s, self.retry.factor, self.retry.delay_s_max]
        return said

    @staticmethod
    def of_plain(name: str, said: Mapping[str, Plain]) -> NodeSpec:
        """The node that `plain` said, without code."""
        kind, key = str(said["kind"]), said.get("key")
        key = key if isinstance(key, str) else None
        if "steps" in said:
            steps = said["steps"]
            assert isinstance(steps, dict)
            versions = {event: str(version) for event, version in steps.items()}
            cell = CellSpec(kind, key, "default" in said, said.get("default"), versions=versions, name=name)
            text, sort, target = str(said["type"]), said.get("sort", "plain"), str(said.get("target", ""))
            return NodeSpec(name, kind, text, cell, sort=sort, key=key, target=target)  # type: ignore[arg-type]
        retry, inputs, timeout_s = said.get("retry"), said.get("inputs") or [], said["timeout_s"]
        assert isinstance(inputs, list) and (timeout_s is None or isinstance(timeout_s, int | float))
        return NodeSpec(
            name,
            kind,
            str(said["type"]),
            inputs=tuple(InputSpec(*entry) for entry in inputs),  # type: ignore[misc]
            operation=_operation_of_plain(said.get("operation")),
            own="initial" in said,
            initial=said.get("initial"),
            sort=said["sort"],  # type: ignore[arg-type]
            key=key,
            id_field=str(said.get("id") or ""),
            match=said.get("match"),
            eager=bool(said["eager"]),
            timeout_s=timeout_s,
            retry=Retry(*retry) if isinstance(retry, list) else None,  # type: ignore[arg-type]
        )


def _operation_of_plain(said: Plain) -> OperationSpec | None:
    if not isinstance(said, list):
        return None
    name, version, settings, services, source = said
    assert isinstance(services, list)
    pairs = tuple((str(pair[0]), str(pair[1])) for pair in services if isinstance(pair, list))
    return OperationSpec(str(name), str(version), settings, pairs, str(source))


class TypeSpec(Struct, frozen=True):
    """A type: its name, its nodes by name, in the order in which they were declared."""

    name: str
    nodes: Mapping[str, NodeSpec]
    flows: tuple[FlowSpec, ...] = ()

    def plain(self) -> dict[str, Plain]:
        """The type as the log keeps it."""
        nodes: list[Plain] = [[name, node.plain()] for name, node in self.nodes.items()]
        return {"name": self.name, "nodes": nodes, "flows": [[one.name, one.plain()] for one in self.flows]}

    def content(self) -> Cid:
        """The content id of this form of the type."""
        return content_id(encode(self.plain()))

    @staticmethod
    def of_plain(said: Mapping[str, Plain]) -> TypeSpec:
        """The type that `plain` said, without code."""
        nodes: dict[str, NodeSpec] = {}
        listed = said["nodes"]
        assert isinstance(listed, list)
        for entry in listed:
            assert isinstance(entry, list) and isinstance(entry[0], str) and isinstance(entry[1], dict)
            nodes[entry[0]] = NodeSpec.of_plain(entry[0], entry[1])
        flows = cast("list[tuple[str, dict[str, Plain]]]", said.get("flows") or [])
        return TypeSpec(str(said["name"]), nodes, tuple(FlowSpec.of_plain(*flow) for flow in flows))

    def events(self) -> list[str]:
        """The events that its folds take, by name."""
        return sorted({name for node in self.nodes.values() if node.cell is not None for name in node.cell.versions})

    def readers_of(self, node: str) -> list[NodeSpec]:
        """The nodes of this type that read `node` of the same entity, or through it where it is a reference."""
        return [
            reader
            for reader in self.nodes.values()
            if any(entry.ref == node or (entry.node == node and not entry.ref) for entry in reader.inputs)
        ]


__all__ = ["InputSpec", "Mode", "NodeCode", "NodeSpec", "OperationSpec", "Step", "TypeSpec"]
