"""What type the values of a node have, worked out from annotations, defaults and the functions that make them.

Knows nothing of what fits where, nor of what is kept. Invariant: a node's type is asked of the class that declares it,
so an annotation means what it means in the module in which it was written.
Source: type inference of one pass over data flow, where every function says what it returns.
"""

from __future__ import annotations

import collections.abc
import inspect
import sys
import typing
from typing import Any

from weft.assignable import annotation_text
from weft.declare import Derived, Node, PartialsOf, SettledOf, StateOf, Through
from weft.handle import NOTHING
from weft.made import Applied, Choice, Each, Whole
from weft.operation import UnresolvedAnnotation, names_around, operation_of
from weft.told import Counter, Entries, Field, Fold, Items, Ref, Text

SEQUENCES = (tuple, list, collections.abc.Sequence, set, frozenset, collections.abc.Collection, collections.abc.Set)
MAPPINGS = (dict, collections.abc.Mapping, collections.abc.MutableMapping)


def annotation_of(kind: type, node: Node[Any]) -> object:
    """The type of a node's value, as annotations and functions say."""
    return NodeTypes().of(kind, node)


class NodeTypes:
    """Types of nodes, worked out from what they are made of with an explicit stack."""

    def __init__(self) -> None:
        self.known: dict[int, object] = {}

    def of(self, kind: type, node: Node[Any]) -> object:
        stack: list[tuple[type, Node[Any]]] = [(kind, node)]
        open_nodes: set[int] = set()
        while stack:
            owner, one = stack[-1]
            if id(one) in self.known:
                stack.pop()
                continue
            needs = [need for need in self._needs(owner, one) if id(need[1]) not in self.known]
            if needs and id(one) not in open_nodes:
                open_nodes.add(id(one))
                stack.extend(needs)
                continue
            self.known[id(one)] = self._of(owner, one)
            stack.pop()
        return self.known[id(node)]

    def _needs(self, kind: type, node: Node[Any]) -> list[tuple[type, Node[Any]]]:
        if isinstance(node, StateOf | PartialsOf | SettledOf):
            return [(kind, bound(kind, node.node))]
        if isinstance(node, Through):
            return [(node.node.owner or kind, node.node)]
        made = node.made if isinstance(node, Derived) else None
        match made:
            case Each() | Whole():
                return [(kind, bound(kind, made.source))]
            case Choice():
                return [(kind, bound(kind, made.then)), (kind, bound(kind, made.other))]
            case _:
                return []

    def _of(self, kind: type, node: Node[Any]) -> object:
        needs = [self.known.get(id(need), object) for _, need in self._needs(kind, node)]
        match node:
            case Field() | Ref():
                return self._told(kind, node)
            case Items():
                return tuple[node.kind, ...]  # type: ignore[name-defined]
            case Counter():
                return int
            case Text():
                return str
            case Entries():
                return collections.abc.Mapping[node.key_type, node.value_type]  # type: ignore[name-defined]
            case Fold():
                return self._fold(kind, node)
            case Derived():
                return self._derived(node, needs)
            case _:
                return needs[0] if needs else object

    def _told(self, kind: type, node: Field[Any] | Ref[Any]) -> object:
        hint, word = _hint(kind, node), type(node).__name__
        if hint is None:
            default = node.default if isinstance(node, Field) else NOTHING
            return type(default) if default is not NOTHING and default is not None else object
        origin, arguments = typing.get_origin(hint), typing.get_args(hint)
        if origin is not type(node):
            inner = "…" if hint in (Field, Ref) else annotation_text(arguments[0] if origin in (Field, Ref) else hint)
            said = f"annotated {annotation_text(hint)} and holds a {word.lower()}"
            raise TypeError(f"{node} is {said}: write {node.name}: {word}[{inner}] = {word.lower()}()")
        return arguments[0]

    def _fold(self, kind: type, node: Fold[Any]) -> object:
        arguments = typing.get_args(_hint(kind, node))
        if arguments:
            return arguments[0]
        if _says_nothing(node.initial) and node.handlers:
            return operation_of(node.handlers[0][1]).returns
        return type(node.initial)

    def _derived(self, node: Derived[Any], needs: list[object]) -> object:
        made = node.made
        match made:
            case Applied():
                return operation_of(made.fn).returns
            case Each():
                returns = operation_of(made.fn).returns
                if is_mapping(needs[0]):
                    key_type = (typing.get_args(needs[0]) or (object,))[0]
                    return collections.abc.Mapping[key_type, returns]  # type: ignore[valid-type]
                return tuple[returns, ...]  # type: ignore[valid-type]
            case Whole(kind="group", fn=fn):
                key: object = operation_of(fn).returns if fn is not None else object
                element = element_of(needs[0])
                return collections.abc.Mapping[key, tuple[element, ...]]  # type: ignore[valid-type]
            case Whole(kind="count"):
                return int
            case Whole(kind="reduce"):
                return element_of(needs[0])
            case Whole():
                return tuple[element_of(needs[0]), ...]  # type: ignore[misc]
            case Choice():
                return _either(needs[0], needs[1])
        raise AssertionError(made)


def _either(one: object, other: object) -> object:
    """What a choice shows: mappings of the same are read as a dict, lists of the same as a tuple, whichever it is."""
    if is_mapping(one) and is_mapping(other) and typing.get_args(one) == typing.get_args(other) != ():
        return one if one == other else dict[typing.get_args(one)[0], element_of(one)]  # type: ignore[misc]
    if one != other and all(_is_list_of(element_of(one), each) for each in (one, other)):
        return tuple[element_of(one), ...]  # type: ignore[misc]
    return typing.Union[one, other]  # noqa: UP007  built from values, not written


def _is_list_of(element: object, annotation: object) -> bool:
    return annotation in (list[element], tuple[element, ...], collections.abc.Sequence[element])  # type: ignore[valid-type]


def _says_nothing(initial: object) -> bool:
    """Whether what a fold starts as leaves open what it will hold."""
    return initial is None or (isinstance(initial, tuple | list | dict | set | frozenset) and not initial)


def _hint(kind: type, node: Node[Any]) -> object:
    """The annotation of a told node, evaluated alone: no other one of its class, or of a base, can spoil it."""
    owner = node.owner or kind
    written = inspect.get_annotations(owner).get(node.name)
    known: dict[str, object] = vars(owner).get("__weft_hints__", {})
    if written is None or node.name in known:
        return known.get(node.name)
    alone = type(owner.__name__, (), {"__annotations__": {node.name: written}, "__module__": owner.__module__})
    places = {**getattr(sys.modules.get(owner.__module__), "__dict__", {}), **names_around(owner.__qualname__)}
    try:
        found = typing.get_type_hints(alone, localns=places, include_extras=True)[node.name]
    except NameError as error:
        raise UnresolvedAnnotation(name=owner.__qualname__, missing=error.name or str(error)) from None
    # Kept, for a class that a function made is opened when that function, and the names in it, are gone.
    type.__setattr__(owner, "__weft_hints__", {**known, node.name: found})
    return found


def is_mapping(annotation: object) -> bool:
    """Whether values of this annotation are mappings."""
    return (typing.get_origin(annotation) or annotation) in MAPPINGS


def is_sequence(annotation: object) -> bool:
    """Whether values of this annotation are lists."""
    return (typing.get_origin(annotation) or annotation) in SEQUENCES


def element_of(annotation: object) -> object:
    """What a list holds, or what a mapping maps to."""
    arguments = [argument for argument in typing.get_args(annotation) if argument is not Ellipsis]
    if not arguments:
        return object
    if is_mapping(annotation):
        return arguments[-1]
    return arguments[0] if len(arguments) == 1 else typing.Union[tuple(arguments)]  # noqa: UP007


def bound(kind: type, node: Node[Any]) -> Node[Any]:
    """The node that a name means in this class: an override takes the place of what it overrides."""
    if node.name and node.owner is not None and issubclass(kind, node.owner):
        found = getattr(kind, node.name, node)
        return found if isinstance(found, Node) else node
    return node
