"""Definitions: what a class declares, compiled to a type that can be kept, and checked on the way.

Compiling names what has no name, resolves annotations, looks inputs up by name (so that an overriding subclass rewires
its consumers), refuses loops, and checks that what each input is fits what its function takes. Everything that is wrong
with a class is said at once, each in a message that names both ends.

Knows nothing of spaces. Invariant: compiling the same class with the same source gives the same `TypeSpec.content()`.
Source: build rules compiled from a class body, as in SQLAlchemy's declarative mapping; late binding by name as in Nix.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, NamedTuple, cast

from weft.assignable import annotation_text, explain_mismatch
from weft.compiled_flow import OfClass, compile_flow, node_of_runs
from weft.content import Plain, cid_text, content_id, encode
from weft.declare import Derived, Node, PartialsOf, SettledOf, StateOf, Through, nodes_of
from weft.elements import id_field_of, key_of
from weft.errors import WeftError
from weft.flow import Flow
from weft.flow_spec import FlowSpec
from weft.handle import NOTHING, State
from weft.made import Applied, Choice, Each, Options, Whole
from weft.matching.matcher import Matcher
from weft.node_type import NodeTypes, bound, element_of, is_mapping, is_sequence
from weft.one_key import taken_for_one
from weft.operation import MISSING, Operation, Parameter, UnresolvedAnnotation, operation_of
from weft.policy import policy_of
from weft.reduce import CellSpec, Step
from weft.spec import InputSpec, Mode, NodeCode, NodeSpec, OperationSpec, TypeSpec
from weft.told import Entries, Field, Fold, Items, Ref
from weft.value import Shape, shape_of


class WrongDefinition(WeftError, TypeError):
    """{type} cannot be defined: {problems}."""

    type: str
    problems: str


def compile_type(kind: type) -> TypeSpec:
    """The type that a class declares, with its code. Raises `WrongDefinition` naming all that is wrong, and
    `UnresolvedAnnotation` while names that its annotations use are not there yet."""
    return _Compiler(kind).compile()


def check_class(kind: type) -> None:
    """Refuse what is wrong with a class as it is made; what cannot be known yet is left for when it is compiled."""
    try:
        compile_type(kind)
    except UnresolvedAnnotation:
        return


class _Given(NamedTuple):
    """What is given for one parameter: what it is called in messages, what it is, and what of that is kept."""

    called: str
    annotation: object
    kept: object


def _given(called: str, annotation: object) -> _Given:
    return _Given(called, annotation, annotation)


class _Compiler:
    """One class on its way to a TypeSpec."""

    def __init__(self, kind: type) -> None:
        self.kind = kind
        self.types = NodeTypes()
        self.problems: list[str] = []
        self.names: dict[int, str] = {}
        self.nodes: dict[str, Node[Any]] = {}
        self.unresolved: UnresolvedAnnotation | None = None

    def compile(self) -> TypeSpec:
        self.nodes = dict(nodes_of(self.kind))
        self.names = {id(node): name for name, node in self.nodes.items()}
        self._name_the_nameless()
        compiled: dict[str, NodeSpec] = {}
        for name, node in self._in_order().items():
            with self._noting(name):
                compiled[name] = self._compiled(name, node)
        flows = self._flows()
        if self.problems:
            said = dict.fromkeys(problem.rstrip(".") for problem in self.problems)
            raise WrongDefinition(type=self.kind.__name__, problems="; ".join(said))
        if self.unresolved is not None:
            raise self.unresolved
        # Declaration order, not the order of compiling, is what people read.
        nodes = {name: compiled[name] for name in self.nodes} | {flow.name: node_of_runs(flow) for flow in flows}
        return TypeSpec(type_name(self.kind), nodes, flows)

    @contextmanager
    def _noting(self, name: str) -> Iterator[None]:
        """Go on after what is wrong with one node, so that all that is wrong is said at once."""
        try:
            yield
        except UnresolvedAnnotation as why:
            self.unresolved = self.unresolved or why
        except WeftError as why:
            # What its readers cannot know, for the same reason, needs no second mention.
            if not any(problem.endswith(str(why)) for problem in self.problems):
                self.problems.append(f"{name}: {why}")

    # ---- names and order ----
    def _inputs(self, node: Node[Any]) -> list[Node[Any]]:
        """The nodes as they are written, edge views and all."""
        made = node.made if isinstance(node, Derived) else None
        match made:
            case Applied():
                return list(made.inputs)
            case Each():
                return [made.source, *made.more]
            case Whole():
                return [made.source]
            case Choice():
                return [made.test, made.then, made.other]
            case _:
                return []

    def _name_the_nameless(self) -> None:
        todo = list(self.nodes.items())
        while todo:
            name, node = todo.pop(0)
            for place, entry in enumerate(self._inputs(node)):
                inner = entry.node if isinstance(entry, StateOf | PartialsOf | SettledOf) else entry
                if isinstance(inner, Derived) and not inner.name and id(inner) not in self.names:
                    given = f"{name}/{place}"
                    self.names[id(inner)] = given
                    self.nodes[given] = inner
                    todo.append((given, inner))

    def _name(self, consumer: str, node: Node[Any]) -> str | None:
        """The name that an input has in this class; None, with a problem noted, where it has none."""
        if id(node) in self.names:
            return self.names[id(node)]
        meant = bound(self.kind, node)
        if id(meant) in self.names:
            return self.names[id(meant)]
        if node.owner is not None and not issubclass(self.kind, node.owner):
            self.problems.append(
                f"{consumer} reads {node}, a node of another class: read it through a reference, ref.at(…)"
            )
        else:
            self.problems.append(f"{consumer} reads {node}, which {self.kind.__name__} does not declare")
        return None

    def _input_spec(self, consumer: str, entry: Node[Any]) -> InputSpec | None:
        mode: Mode = "plain"
        match entry:
            case StateOf():
                mode, entry = "state", entry.node
            case PartialsOf():
                mode, entry = "partials", entry.node
            case SettledOf():
                mode, entry = "settled", entry.node
        if isinstance(entry, Through):
            ref = self._name(consumer, entry.ref)
            return None if ref is None else InputSpec(entry.node.name, mode, ref)
        name = self._name(consumer, entry)
        if name is None:
            return None
        return InputSpec("", mode, name) if isinstance(entry, Ref) else InputSpec(name, mode)

    def _in_order(self) -> dict[str, Node[Any]]:
        """Nodes after what they read. A loop is refused with its path."""
        needs: dict[str, list[str]] = {}
        for name, node in self.nodes.items():
            specs = [self._input_spec(name, entry) for entry in self._inputs(node)]
            needs[name] = [spec.node for spec in specs if spec is not None and spec.node and not spec.ref]
        order: dict[str, Node[Any]] = {}
        for start in self.nodes:
            path: dict[str, None] = {}
            stack: list[tuple[str, bool]] = [(start, False)]
            while stack:
                name, is_done = stack.pop()
                if is_done:
                    del path[name]
                    order[name] = self.nodes[name]
                elif name in path:
                    names = [*list(path)[list(path).index(name) :], name]
                    self.problems.append(f"its nodes form a loop: {' ← '.join(names)}")
                    return {}
                elif name not in order:
                    path[name] = None
                    stack.append((name, True))
                    stack.extend((need, False) for need in needs[name] if need not in order)
        return order

    # ---- nodes ----
    def _compiled(self, name: str, node: Node[Any]) -> NodeSpec:
        annotation = self.types.of(self.kind, node)
        spec = (
            self._computed(name, node, annotation) if isinstance(node, Derived) else self._told(name, node, annotation)
        )
        if spec.sort == "plain" or spec.code is None:
            return spec
        element, whole = self._shape(name, element_of(annotation)), self._shape(name, annotation)
        return replace(spec, code=replace(spec.code, element=element, whole=whole))

    def _shape(self, name: str, annotation: object) -> Shape:
        try:
            return shape_of(annotation)
        except WeftError as why:
            self.problems.append(f"the values of {name} cannot be kept: {why}")
            return shape_of(object)

    def _told(self, name: str, node: Node[Any], annotation: object) -> NodeSpec:
        kind = type(node).__name__.lower()
        cell = CellSpec(kind, name=name)
        target = ""
        if isinstance(node, Ref):
            node.kind = typing.get_origin(annotation) or annotation
            if node.kind in (typing.Union, types.UnionType):
                said = f"{name} is a reference to {annotation_text(annotation)}"
                self.problems.append(f"{said}: a reference leads to one type; declare one for each")
            target = getattr(node.kind, "__name__", "")
            shape = shape_of(object)
        else:
            shape = self._shape(name, annotation)
        match node:
            case Items():
                cell = CellSpec(kind, key_of(node.kind))
            case Entries() if same := taken_for_one(node.key_type):
                told = f"{name} has keys of {' and '.join(map(annotation_text, same))}"
                self.problems.append(f"{told}: Python takes equal ones, such as 1 and 1.0, for one; declare one type")
            case Field() if node.default is not NOTHING:
                cell = CellSpec(kind, None, True, self._plain(name, shape, node.default))
            case Fold():
                steps = self._steps(name, node, annotation, shape)
                versions = {event.__name__: _version_of(function) for event, function in node.handlers}
                cell = CellSpec(kind, None, True, self._plain(name, shape, node.initial), steps, versions)
        sort = _sort(annotation) if not isinstance(node, Ref) else "plain"
        text = annotation_text(annotation)
        return NodeSpec(name, kind, text, cell, sort=sort, key=cell.key, target=target, code=NodeCode(shape))

    def _plain(self, name: str, shape: Shape, value: object) -> Plain:
        try:
            return shape.to_plain(value)
        except WeftError as why:
            self.problems.append(f"what {name} starts as cannot be kept: {why}")
            return None

    def _steps(self, name: str, node: Fold[Any], state: object, shape: Shape) -> dict[str, Step]:
        steps: dict[str, Step] = {}
        for event, function in node.handlers:
            operation = operation_of(function)
            if event.__name__ in steps:
                self.problems.append(f"the fold {name} takes two events called {event.__name__}: rename one")
            self._fit(f"the fold {name}", operation, [_given(name, state), _given(event.__name__, event)])
            reason = explain_mismatch(operation.returns, state)
            if reason:
                self.problems.append(f"{operation.name} returns what {name} does not hold: {reason}")
            steps[event.__name__] = _step(function, shape, self._shape(event.__name__, event))
        return steps

    def _computed(self, name: str, node: Derived[Any], annotation: object) -> NodeSpec:
        entries = self._inputs(node)
        specs = [self._input_spec(name, entry) for entry in entries]
        inputs = tuple(spec for spec in specs if spec is not None)
        given = [self._given(entry) for entry in entries]
        shape = self._shape(name, annotation)
        sort = _sort(annotation)
        key = key_of(element_of(annotation)) if sort == "sequence" else None
        field = id_field_of(element_of(annotation)) if key is not None and isinstance(node.made, Applied) else ""
        options, made = node.options, node.made
        text, was = annotation_text(annotation), options.was or ""
        spec = NodeSpec(name, "", text, inputs=inputs, sort=sort, key=key, id_field=field, eager=options.eager, was=was)
        self._check_match(name, options, is_keyed=key is not None and isinstance(made, Applied))
        match made:
            case Applied() | Each():
                return self._called(spec, node, made, given, shape)
            case Whole():
                return self._whole(spec, made, given[0], shape)
            case Choice():
                self._check_bool(f"{name} chooses by", given[0])
                return replace(spec, kind="choose", code=NodeCode(shape, inputs=self._input_shapes(given)))
        raise AssertionError(made)

    def _check_match(self, name: str, options: Options, *, is_keyed: bool) -> None:
        """Refuse matchers where there is nothing to match, and what is no matcher."""
        if options.matchers and not is_keyed:
            self.problems.append(f"{name} declares match= and is no list of elements; give them @element(key=…)")
        for one in options.matchers:
            if not isinstance(cast("object", one), Matcher):
                self.problems.append(f"{name} declares match={one!r}, which has not the members of a Matcher")

    def _given(self, entry: Node[Any]) -> _Given:
        entry = bound(self.kind, entry)
        annotation, called = self.types.of(self.kind, entry), self._called_in_messages(entry)
        if isinstance(entry, StateOf):
            return _Given(called, State[annotation], annotation)  # type: ignore[misc, valid-type]
        if isinstance(entry, Ref) and isinstance(annotation, type) and hasattr(annotation, "__weft_entity__"):
            self.problems.append(
                f"{entry} leads to an entity: read one of its nodes with {entry.name}.at({annotation.__name__}.…)"
            )
            return _Given(called, annotation, object)
        if isinstance(entry, Through):
            self._check_through(entry)
        return _given(called, annotation)

    def _called_in_messages(self, entry: Node[Any]) -> str:
        inner = entry.node if isinstance(entry, StateOf | PartialsOf | SettledOf) else entry
        return (
            str(entry).replace(str(inner), self.names[id(inner)])
            if not inner.name and id(inner) in self.names
            else str(entry)
        )

    def _check_through(self, entry: Through[Any]) -> None:
        led_to, owner = self.types.of(self.kind, entry.ref), entry.node.owner
        if owner is None:
            self.problems.append(f"{entry} reads a node without a name: give it one in its class")
        elif isinstance(led_to, type) and not issubclass(led_to, owner):
            self.problems.append(
                f"{entry} reads a node of {owner.__name__}, and {entry.ref} leads to {led_to.__name__}"
            )

    def _input_shapes(self, given: list[_Given]) -> tuple[Shape, ...]:
        return tuple(self._shape(one.called, one.kept) for one in given)

    def _called(
        self, spec: NodeSpec, node: Derived[Any], made: Applied | Each, given: list[_Given], shape: Shape
    ) -> NodeSpec:
        operation = operation_of(made.fn)
        spec = replace(spec, kind="derive" if isinstance(made, Applied) else "each")
        shapes = self._input_shapes(given)
        arguments = given
        if isinstance(made, Each):
            arguments = [*self._element(spec.name, given[0]), *given[1:]]
            shapes = self._input_shapes(arguments)
            inner = operation.returns
            spec = replace(spec, key=None)
            shape = self._shape(spec.name, inner)
        elif made.initial is not NOTHING:
            arguments = [_given(f"{spec.name} before", operation.returns), *given]
            spec = replace(spec, own=True, initial=self._plain(spec.name, shape, made.initial))
        sound = len(self.problems)
        self._fit(spec.name, operation, arguments)
        if len(self.problems) > sound and isinstance(made, Each) and is_mapping(given[0].annotation):
            self.problems.append(f"each over a mapping calls with its key and value: let {operation.name} take both")
        options = node.options
        matchers = tuple(one for one in options.matchers if isinstance(cast("object", one), Matcher))
        return replace(
            spec,
            operation=OperationSpec(
                operation.name,
                operation.version,
                cast("Plain", dict(operation.settings)),
                tuple((service.name, service_name(service.annotation)) for service in operation.services),
                operation.source_digest or "",
            ),
            match=[[one.name, dict(one.settings())] for one in matchers] or None,
            timeout_s=options.timeout_s or operation.timeout_s,
            retry=options.retry or operation.retry,
            code=NodeCode(
                shape,
                operation,
                shapes,
                services={service.name: service.annotation for service in operation.services},
                runner=options.runner or operation.runner,
                policy=policy_of(options, operation),
                matchers=matchers,
            ),
        )

    def _element(self, name: str, source: _Given) -> list[_Given]:
        """What each call is given of a collection: an element, or a key and a value."""
        called, annotation, _ = source
        if is_mapping(annotation):
            arguments = typing.get_args(annotation) or (object, object)
            return [_given(f"a key of {called}", arguments[0]), _given(f"a value of {called}", arguments[1])]
        if is_sequence(annotation):
            return [_given(f"an element of {called}", element_of(annotation))]
        if annotation not in (object, Any):
            self.problems.append(
                f"{name} runs for each element of {called}, which is {annotation_text(annotation)}, not a list"
            )
        return [_given(f"an element of {called}", object)]

    def _fit(self, consumer: str, operation: Operation, given: list[_Given]) -> None:
        """Each input against the parameter that takes it; both ends are named."""
        wanted: tuple[Parameter, ...] = operation.inputs
        if len(given) > len(wanted):
            extra = ", ".join(one.called for one in given[len(wanted) :])
            self.problems.append(f"{consumer} gives {operation.name} more inputs than it takes: {extra}")
        for parameter in wanted[len(given) :]:
            if parameter.default is MISSING:
                self.problems.append(
                    f"{consumer} gives {operation.name} nothing for its input {parameter.name!r}; "
                    "a service or a setting is keyword-only, behind a *"
                )
        for one, parameter in zip(given, wanted, strict=False):
            reason = explain_mismatch(one.annotation, parameter.annotation)
            if reason:
                self.problems.append(
                    f"{consumer}: {one.called} does not fit {parameter.name!r} of {operation.name}: {reason}"
                    + _list_hint(one.annotation, parameter.annotation)
                )

    def _whole(self, spec: NodeSpec, made: Whole, source: _Given, shape: Shape) -> NodeSpec:
        if not is_sequence(source.annotation) and not (made.kind == "count" and is_mapping(source.annotation)):
            self.problems.append(
                f"{spec.name} would {made.kind} {source.called}, "
                f"which is {annotation_text(source.annotation)}, not a list"
            )
        element = element_of(source.annotation)
        version = "1" if made.fn is None else self._rule(spec.name, made, source, element)
        unit = self._plain(spec.name, shape, made.unit) if made.unit is not NOTHING else None
        return replace(
            spec,
            kind=made.kind,
            key=key_of(element) if made.kind in ("filter", "order") else None,
            operation=OperationSpec(f"weft/{made.kind}", version, unit),
            code=NodeCode(shape, None, (self._shape(spec.name, element),), made.fn),
        )

    def _rule(self, name: str, made: Whole, source: _Given, element: object) -> str:
        """The function that a collection is grouped, filtered, ordered or reduced by; returns its name and version."""
        assert made.fn is not None
        operation = operation_of(made.fn)
        self._fit(
            name, operation, [_given(f"an element of {source.called}", element)] * (2 if made.kind == "reduce" else 1)
        )
        if operation.kind != "sync":
            self.problems.append(f"{name} wants a plain function to {made.kind} by, and {operation.name} is async")
        if operation.services:
            needs = ", ".join(service_name(service.annotation) for service in operation.services)
            self.problems.append(
                f"{name} wants a function of elements alone to {made.kind} by, and {operation.name} needs {needs}"
            )
        answers: dict[str, tuple[str, object]] = {
            "filter": ("whether to keep an element", bool),
            "reduce": ("to combine two elements into one", element),
        }
        asked, wanted = answers.get(made.kind, ("", object))
        reason = explain_mismatch(operation.returns, wanted)
        if reason:
            self.problems.append(f"{name} asks {operation.name} {asked}: {reason}")
        # Its settings stand beside its version: where those of other operations are kept, a reduce keeps its unit.
        settings = [cid_text(content_id(encode(dict(operation.settings))))] if operation.settings else []
        return " ".join((operation.name, operation.version, *settings))

    def _check_bool(self, what: str, given: _Given) -> None:
        reason = explain_mismatch(given.annotation, bool)
        if reason:
            self.problems.append(f"{what} {given.called}: {reason}")

    # ---- flows ----
    def _flows(self) -> tuple[FlowSpec, ...]:
        found = {
            name: one
            for base in reversed(self.kind.__mro__)
            for name, one in vars(base).items()
            if isinstance(one, Flow)
        }
        of = OfClass(self.kind, self._annotation, self._name, self._check_guard, self.problems.append)
        compiled: list[FlowSpec] = []
        for flow in found.values():
            with self._noting(flow.name):
                compiled.append(compile_flow(flow, of))
        return tuple(compiled)

    def _annotation(self, node: Node[Any]) -> object:
        return self.types.of(self.kind, bound(self.kind, node))

    def _check_guard(self, what: str, guard: Node[Any]) -> None:
        self._check_bool(what, self._given(guard))


def _list_hint(given: object, wanted: object) -> str:
    """What to write where a function takes a list, and lists are given as tuples, which nobody can change."""
    if (typing.get_origin(wanted) or wanted) is not list or typing.get_origin(given) is not tuple:
        return ""
    element = annotation_text(element_of(given))
    return f" (annotate it tuple[{element}, ...] or Sequence[{element}])"


def _sort(annotation: object) -> typing.Literal["plain", "sequence", "mapping"]:
    if is_mapping(annotation):
        return "mapping"
    return "sequence" if is_sequence(annotation) else "plain"


def _version_of(function: Callable[..., object]) -> str:
    """Which code a fold's step is, as the definition keeps it."""
    operation = operation_of(function)
    return f"{operation.name} {operation.version}"


def _step(function: Callable[..., object], state: Shape, event: Shape) -> Step:
    """A user's fold as plain to plain."""

    def step(before: Plain, told: Plain) -> Plain:
        return state.to_plain(function(state.from_plain(before), event.from_plain(told)))

    return step


def type_name(kind: type) -> str:
    """What a class's type is called in a space."""
    return kind.__name__


def service_name(protocol: object) -> str:
    """What a service is called in a space: its Protocol's name."""
    return str(getattr(protocol, "__name__", protocol))


def compiled_types(kinds: Iterable[type]) -> dict[str, TypeSpec]:
    """What these classes declare, by type name. Raises `WrongDefinition`."""
    return {name: compile_type(kind) for name, kind in unique_types(kinds).items()}


def unique_types(kinds: Iterable[type]) -> dict[str, type]:
    """Classes by type name. Raises `WrongDefinition` where two share one."""
    found: dict[str, type] = {}
    for kind in kinds:
        other = found.setdefault(type_name(kind), kind)
        if other is not kind and (other.__module__, other.__qualname__) != (kind.__module__, kind.__qualname__):
            problem = (
                f"{other.__module__} and {kind.__module__} both declare a type of this name, and a space knows one"
            )
            raise WrongDefinition(type=type_name(kind), problems=problem)
        found[type_name(kind)] = kind
    return found
