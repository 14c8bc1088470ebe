"""Triggers and flows as a class declares them, compiled to what a definition keeps of them, and checked on the way.

Knows nothing of runs, or of what else a class declares: whoever compiles the class says what its nodes are.
Invariant: what a compiled trigger looks at are nodes of the class itself.
Source: triggers of databases, compiled with the table that they stand on.
"""

from __future__ import annotations

from collections.abc import Callable
from types import NoneType
from typing import Any, NamedTuple, assert_never, get_args

from weft.content import Plain
from weft.declare import Node
from weft.errors import WeftError
from weft.flow import Flow
from weft.flow_spec import ChangeSpec, FlowSpec
from weft.reduce import CellSpec
from weft.source import SourceUnavailable, trace_source
from weft.spec import NodeSpec
from weft.told import Ref
from weft.transition import Becomes, Change, Changes, Created, Scheduled, Settles
from weft.value import shape_of


class OfClass(NamedTuple):
    """What a trigger is compiled with."""

    kind: type
    annotation: Callable[[Node[Any]], object]
    """Of a node of the class."""
    name: Callable[[str, Node[Any]], str | None]
    """The name of a node, for whom it is asked; None where it has none, which is noted."""
    check_bool: Callable[[str, Node[Any]], None]
    """Note it where a node is no yes or no."""
    note: Callable[[str], None]
    """Note what is wrong."""


def compile_flow(flow: Flow[Any], of: OfClass) -> FlowSpec:
    """The trigger or flow as a definition keeps it; what is wrong with it is noted."""
    when = tuple(_change(flow, change, of) for change in flow.when.transition.any_of)
    guard = flow.when.guard
    if guard is not None and not _is_foreign(flow, guard, of):
        of.check_bool(f"{flow.name} is guarded by", guard)
    return FlowSpec(
        flow.name,
        when,
        guard=_named(flow, guard, of),
        actors=_actors(flow, of),
        overlap=flow.when.overlap,
        waits=flow.waits,
        version=_version(flow),
        queue=flow.when.queue,
        limit=flow.when.limit,
        priority=_priority(flow, of),
        names=() if isinstance(flow.when.actors, Node) else flow.when.actors or (),
    )


def node_of_runs(flow: FlowSpec) -> NodeSpec:
    """The told node that holds a flow's runs."""
    return NodeSpec(flow.name, "flow", cell=CellSpec("flow", name=flow.name))


def _change(flow: Flow[Any], change: Change, of: OfClass) -> ChangeSpec:
    match change:
        case Created():
            return ChangeSpec("created")
        case Scheduled(expression, zone, missed):
            _check_schedule(flow, change, of)
            return ChangeSpec("scheduled", "", [expression, zone, missed])
        case Becomes(node, value):
            return ChangeSpec("becomes", _named(flow, node, of), _plain(flow, node, value, of))
        case Changes(node):
            return ChangeSpec("changes", _named(flow, node, of))
        case Settles(node):
            return ChangeSpec("settles", _named(flow, node, of))
        case _:
            assert_never(change)


def _named(flow: Flow[Any], node: Node[Any] | None, of: OfClass) -> str:
    if node is None or _is_foreign(flow, node, of):
        return ""
    return of.name(flow.name, node) or ""


def _check_schedule(flow: Flow[Any], change: Scheduled, of: OfClass) -> None:
    from weft.cron import Cron

    try:
        Cron(change.expression, change.zone)
    except WeftError as why:
        of.note(f"{flow.name} is scheduled: {why}")
    if flow.when.actors is not None:
        of.note(f"{flow.name} is scheduled and is for some actors alone: a schedule has none")


def _priority(flow: Flow[Any], of: OfClass) -> int | str:
    priority = flow.when.priority
    if isinstance(priority, int):
        return priority
    if of.annotation(priority) is not int:
        of.note(f"{flow.name} has the priority {priority}, which is no whole number")
    return _named(flow, priority, of)


def _actors(flow: Flow[Any], of: OfClass) -> str:
    node = flow.when.actors
    if not isinstance(node, Node):
        return ""
    name = _named(flow, node, of)
    if name and not _names_actors(node, of):
        of.note(
            f"{flow.name} lets the actors of {node} fire it, which holds no names: give a node of str, of several, or "
            "a reference to an entity that declares actor"
        )
    return name


def _names_actors(node: Node[Any], of: OfClass) -> bool:
    """Whether a node holds a name, or some, or leads to an entity that has one."""
    annotation = node.kind if isinstance(node, Ref) else of.annotation(node)
    if isinstance(node, Ref) and isinstance(getattr(annotation, "actor", None), Node):
        return True
    parts = [part for part in get_args(annotation) if part not in (None, NoneType, ...)] or [annotation]
    return all(part is str for part in parts)


def _is_foreign(flow: Flow[Any], node: Node[Any], of: OfClass) -> bool:
    if node.owner is None or issubclass(of.kind, node.owner):
        return False
    of.note(f"{flow.name} looks at {node}, a node of another class: let a node of this one read it")
    return True


def _plain(flow: Flow[Any], node: Node[Any], value: object, of: OfClass) -> Plain:
    if node.owner is not None and not issubclass(of.kind, node.owner):
        return None
    shape = shape_of(of.annotation(node))
    try:
        shape.encode(value)
    except WeftError as why:
        of.note(f"{flow.name} waits for {node} to become {value!r}, which it never is: {why}")
        return None
    return shape.to_plain(value)


def _version(flow: Flow[Any]) -> str:
    """Of code whose source cannot be read nobody can tell whether it is another."""
    try:
        return trace_source(flow.fn, with_called=False).digest
    except SourceUnavailable:
        return ""
