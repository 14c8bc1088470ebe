# The overload for a forgotten input answers, in words, what a later one would take too: that is its purpose.
# pyright: reportOverlappingOverload=false
# mypy: disable-error-code="overload-overlap"
# Its text is written out each time, because checkers read literals alone.
"""What can be wired: nodes, and how a derived node is made from others.

A class body is the graph, and every node in it is data: it holds how it was made and computes nothing. The definition
compiles it: it resolves annotations, names what has no name after its consumer, and looks inputs up *by name*, so that
a subclass which overrides a node rewires its consumers.

Knows nothing of annotations, storage or running.
Invariant: a node has one owner and one name, given once, by the first class body that binds it.
Source: dataclass fields and SQLAlchemy's declarative columns, where the class attribute is the declaration.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Hashable, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Concatenate, Generic, Never, ParamSpec, Protocol, Self, TypeVar, cast, overload

from typing_extensions import Unpack, deprecated

from weft.handle import Seated, State, Value
from weft.made import Bound, Each, Function, How, Made, Named, Options, Whole
from weft.meant import no_function
from weft.spelling import nearest
from weft.transition import Becomes, Changes, Settles, Transition

if TYPE_CHECKING:
    from weft.told import Ref

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)
A = TypeVar("A")
B = TypeVar("B")
E = TypeVar("E")
R = TypeVar("R")
Extra = TypeVar("Extra")
K = TypeVar("K", bound=Hashable)
P = ParamSpec("P")


class Forgotten:
    """What the checkers make of a call with too few nodes. Nothing ever has this type."""


class Node(Generic[T_co]):
    """Anything that can be wired. On a class it is itself; what an entity shows in its place is up to its kind."""

    name: str
    """Its attribute; empty until a class body binds it, or the definition names it after its consumer."""
    owner: type | None

    def __init__(self) -> None:
        self.name = ""
        self.owner = None

    def __set_name__(self, owner: type, name: str) -> None:
        """Take the first name. A second is refused by `nodes_of`: an error raised here would lose its words."""
        if self.owner is None:
            self.owner, self.name = owner, name

    def __str__(self) -> str:
        """`Bookshelf.photos`, or what kind of node it is while it has no name."""
        if not self.name:
            return f"an unnamed {type(self).__name__}"
        return self.name if self.owner is None else f"{self.owner.__name__}.{self.name}"

    def __repr__(self) -> str:
        """The same, in brackets."""
        return f"<{self}>"

    # Edges that say more than "the settled value".

    @property
    def state(self) -> Node[State[T_co]]:
        """Its state: the consumer is called complete or not."""
        return StateOf(self)

    @property
    def partials(self) -> Node[T_co]:
        """Its values while it streams: the consumer's results stay partial until it settles."""
        return PartialsOf(self)

    @property
    def settled(self) -> Node[T_co]:
        """Of an `each`: the elements that settled. Its failures are in its state."""
        return SettledOf(self)

    # One call for each element.

    @overload
    def each(
        self: Node[Sequence[E]], fn: Bound[AsyncIterator[R]], /, *more: Node[object], **how: Unpack[How]
    ) -> Derived[tuple[R, ...]]: ...
    @overload
    def each(
        self: Node[Sequence[E]], fn: Bound[Awaitable[R]], /, *more: Node[object], **how: Unpack[How]
    ) -> Derived[tuple[R, ...]]: ...
    @overload
    def each(
        self: Node[Sequence[E]], fn: Bound[R], /, *more: Node[object], **how: Unpack[How]
    ) -> Derived[tuple[R, ...]]: ...
    @overload
    @deprecated("an input is missing: each positional parameter takes a node; services and settings are keyword-only")
    def each(
        self: Node[Sequence[E]], fn: Callable[Concatenate[E, Extra, P], object], /, **how: Unpack[How]
    ) -> Forgotten: ...
    @overload
    def each(
        self: Node[Sequence[E]], fn: Callable[Concatenate[E, P], AsyncIterator[R]], /, **how: Unpack[How]
    ) -> Derived[tuple[R, ...]]: ...
    @overload
    def each(
        self: Node[Sequence[E]], fn: Callable[Concatenate[E, P], Awaitable[R]], /, **how: Unpack[How]
    ) -> Derived[tuple[R, ...]]: ...
    @overload
    def each(
        self: Node[Sequence[E]], fn: Callable[Concatenate[E, P], R], /, **how: Unpack[How]
    ) -> Derived[tuple[R, ...]]: ...
    @overload
    @deprecated("an input is missing: each positional parameter takes a node; services and settings are keyword-only")
    def each(
        self: Node[Sequence[E]], fn: Callable[Concatenate[E, A, Extra, P], object], a: Node[A], /, **how: Unpack[How]
    ) -> Forgotten: ...
    @overload
    def each(
        self: Node[Sequence[E]], fn: Callable[Concatenate[E, A, P], AsyncIterator[R]], a: Node[A], /, **how: Unpack[How]
    ) -> Derived[tuple[R, ...]]: ...
    @overload
    def each(
        self: Node[Sequence[E]], fn: Callable[Concatenate[E, A, P], Awaitable[R]], a: Node[A], /, **how: Unpack[How]
    ) -> Derived[tuple[R, ...]]: ...
    @overload
    def each(
        self: Node[Sequence[E]], fn: Callable[Concatenate[E, A, P], R], a: Node[A], /, **how: Unpack[How]
    ) -> Derived[tuple[R, ...]]: ...
    @overload
    @deprecated("an input is missing: each positional parameter takes a node; services and settings are keyword-only")
    def each(
        self: Node[Sequence[E]],
        fn: Callable[Concatenate[E, A, B, Extra, P], object],
        a: Node[A],
        b: Node[B],
        /,
        **how: Unpack[How],
    ) -> Forgotten: ...
    @overload
    def each(
        self: Node[Sequence[E]],
        fn: Callable[Concatenate[E, A, B, P], AsyncIterator[R]],
        a: Node[A],
        b: Node[B],
        /,
        **how: Unpack[How],
    ) -> Derived[tuple[R, ...]]: ...
    @overload
    def each(
        self: Node[Sequence[E]],
        fn: Callable[Concatenate[E, A, B, P], Awaitable[R]],
        a: Node[A],
        b: Node[B],
        /,
        **how: Unpack[How],
    ) -> Derived[tuple[R, ...]]: ...
    @overload
    def each(
        self: Node[Sequence[E]], fn: Callable[Concatenate[E, A, B, P], R], a: Node[A], b: Node[B], /, **how: Unpack[How]
    ) -> Derived[tuple[R, ...]]: ...
    @overload
    def each(
        self: Node[Mapping[K, E]], fn: Bound[AsyncIterator[R]], /, *more: Node[object], **how: Unpack[How]
    ) -> Derived[Mapping[K, R]]: ...
    @overload
    def each(
        self: Node[Mapping[K, E]], fn: Bound[Awaitable[R]], /, *more: Node[object], **how: Unpack[How]
    ) -> Derived[Mapping[K, R]]: ...
    @overload
    def each(
        self: Node[Mapping[K, E]], fn: Bound[R], /, *more: Node[object], **how: Unpack[How]
    ) -> Derived[Mapping[K, R]]: ...
    @overload
    @deprecated("an input is missing: each positional parameter takes a node; services and settings are keyword-only")
    def each(
        self: Node[Mapping[K, E]], fn: Callable[Concatenate[K, E, Extra, P], object], /, **how: Unpack[How]
    ) -> Forgotten: ...
    @overload
    def each(
        self: Node[Mapping[K, E]], fn: Callable[Concatenate[K, E, P], AsyncIterator[R]], /, **how: Unpack[How]
    ) -> Derived[Mapping[K, R]]: ...
    @overload
    def each(
        self: Node[Mapping[K, E]], fn: Callable[Concatenate[K, E, P], Awaitable[R]], /, **how: Unpack[How]
    ) -> Derived[Mapping[K, R]]: ...
    @overload
    def each(
        self: Node[Mapping[K, E]], fn: Callable[Concatenate[K, E, P], R], /, **how: Unpack[How]
    ) -> Derived[Mapping[K, R]]: ...
    @overload
    @deprecated("an input is missing: each positional parameter takes a node; services and settings are keyword-only")
    def each(
        self: Node[Mapping[K, E]],
        fn: Callable[Concatenate[K, E, A, Extra, P], object],
        a: Node[A],
        /,
        **how: Unpack[How],
    ) -> Forgotten: ...
    @overload
    def each(
        self: Node[Mapping[K, E]],
        fn: Callable[Concatenate[K, E, A, P], AsyncIterator[R]],
        a: Node[A],
        /,
        **how: Unpack[How],
    ) -> Derived[Mapping[K, R]]: ...
    @overload
    def each(
        self: Node[Mapping[K, E]],
        fn: Callable[Concatenate[K, E, A, P], Awaitable[R]],
        a: Node[A],
        /,
        **how: Unpack[How],
    ) -> Derived[Mapping[K, R]]: ...
    @overload
    def each(
        self: Node[Mapping[K, E]], fn: Callable[Concatenate[K, E, A, P], R], a: Node[A], /, **how: Unpack[How]
    ) -> Derived[Mapping[K, R]]: ...
    @overload
    @deprecated("an input is missing: each positional parameter takes a node; services and settings are keyword-only")
    def each(
        self: Node[Mapping[K, E]],
        fn: Callable[Concatenate[K, E, A, B, Extra, P], object],
        a: Node[A],
        b: Node[B],
        /,
        **how: Unpack[How],
    ) -> Forgotten: ...
    @overload
    def each(
        self: Node[Mapping[K, E]],
        fn: Callable[Concatenate[K, E, A, B, P], AsyncIterator[R]],
        a: Node[A],
        b: Node[B],
        /,
        **how: Unpack[How],
    ) -> Derived[Mapping[K, R]]: ...
    @overload
    def each(
        self: Node[Mapping[K, E]],
        fn: Callable[Concatenate[K, E, A, B, P], Awaitable[R]],
        a: Node[A],
        b: Node[B],
        /,
        **how: Unpack[How],
    ) -> Derived[Mapping[K, R]]: ...
    @overload
    def each(
        self: Node[Mapping[K, E]],
        fn: Callable[Concatenate[K, E, A, B, P], R],
        a: Node[A],
        b: Node[B],
        /,
        **how: Unpack[How],
    ) -> Derived[Mapping[K, R]]: ...
    def each(self, fn: Function, /, *more: Node[object], **how: Unpack[How]) -> Derived[object] | Forgotten:
        """Call `fn` once for each element (of a mapping: with its key and value), only for new and changed ones.

        `more` are further inputs of every call.
        """
        check_nodes("each", fn, more, how)
        return Derived(Each(fn, self, more), Options.of(**how))

    # A whole collection, kept up to date in O(changes · log n).

    def group(
        self: Node[Sequence[E]], key: Callable[[E], K], /, **named: Unpack[Named]
    ) -> Derived[Mapping[K, tuple[E, ...]]]:
        """The elements by `key(element)`, each group in the collection's order."""
        return Derived(Whole("group", self, key), Options.of(**named))

    def filter(self: Node[Sequence[E]], test: Callable[[E], bool], /, **named: Unpack[Named]) -> Derived[tuple[E, ...]]:
        """The elements for which `test(element)` holds."""
        return Derived(Whole("filter", self, test), Options.of(**named))

    def order(
        self: Node[Sequence[E]], key: Callable[[E], Orderable], /, **named: Unpack[Named]
    ) -> Derived[tuple[E, ...]]:
        """The elements sorted by `key(element)`; equal keys keep the collection's order."""
        return Derived(Whole("order", self, key), Options.of(**named))

    def count(self: Node[Sequence[object]] | Node[Mapping[Any, object]], /, **named: Unpack[Named]) -> Derived[int]:
        """How many elements there are."""
        return Derived(Whole("count", self), Options.of(**named))

    def reduce(self: Node[Sequence[E]], fn: Callable[[E, E], E], unit: E, /, **named: Unpack[Named]) -> Derived[E]:
        """All elements combined in their order; `fn` is associative, and `unit` changes nothing under it."""
        return Derived(Whole("reduce", self, fn, unit), Options.of(**named))

    # What fires triggers.

    def becomes(self: Node[T], value: T, /) -> Transition:
        """The change from another value to this one."""
        return Transition((Becomes(self, value),))

    def changes(self) -> Transition:
        """Any change of the value."""
        return Transition((Changes(self),))

    def settles(self) -> Transition:
        """Each new settled value."""
        return Transition((Settles(self),))

    def __bool__(self) -> Never:
        """Refuse: a node is a declaration, its value is an entity's."""
        raise self._declared("truth value")

    def _declared(self, what: str) -> TypeError:
        return TypeError(f"{self} is a declaration and has no {what}: wire it, or ask one entity for its value")

    if not TYPE_CHECKING:  # Checkers refuse these by their absence; at run time the refusal says what to do instead.

        def __len__(self):
            raise self._declared("length; .count() is a node")

        def __iter__(self):
            raise self._declared("items; .each(fn) calls fn for every one")

        def __contains__(self, item):
            raise self._declared("items to look among")

        def __getitem__(self, key):
            raise self._declared("elements by key")

        def __getattr__(self, name):
            if name.startswith("_") or "name" not in self.__dict__:
                raise AttributeError(name)
            if name in _VERBS:
                raise AttributeError(
                    f"{self} is a declaration: .{name}(…) is an edit, and an edit needs an entity, as in "
                    f"entity.{self.name or '…'}.{name}(…)"
                )
            known = [one for one in dir(self) if not one.startswith("_")]
            raise AttributeError(f"{self} ({type(self).__name__}) has no {name!r}: {nearest(name, known)}")


_VERBS = frozenset({"add", "remove", "move", "increment", "insert", "delete", "replace"})


class Unassigned(Node[T_co]):
    """A node that an entity shows and that is never assigned. (On `Node` itself this would make every dataclass field
    that is annotated with a node a descriptor, to the checkers.)"""

    def __set__(self, obj: Seated, value: Never, /) -> None:
        """Refuse."""
        raise AttributeError(f"{self} cannot be assigned: {self._changes_by()}")

    def _changes_by(self) -> str:
        return "it is changed by its verbs"


class Orderable(Protocol):
    """What sorting asks of a key."""

    def __lt__(self, other: Any, /) -> bool:
        """Whether it comes before `other`."""
        ...


class Edge(Node[T_co]):
    """A way to read a node that says more than its settled value. It is wired, and never has a name of its own."""


class StateOf(Edge[State[T]]):
    """The edge `node.state`."""

    def __init__(self, node: Node[T]) -> None:
        super().__init__()
        self.node = node

    def __str__(self) -> str:
        """As the class writes it."""
        return f"{self.node}.state"


class PartialsOf(Edge[T_co]):
    """The edge `node.partials`."""

    def __init__(self, node: Node[T_co]) -> None:
        super().__init__()
        self.node = node

    def __str__(self) -> str:
        """As the class writes it."""
        return f"{self.node}.partials"


class SettledOf(Edge[T_co]):
    """The edge `node.settled`."""

    def __init__(self, node: Node[T_co]) -> None:
        super().__init__()
        self.node = node

    def __str__(self) -> str:
        """As the class writes it."""
        return f"{self.node}.settled"


class Through(Edge[T_co]):
    """The edge `ref.at(node)`: `node`, of the entity that the reference points to."""

    def __init__(self, ref: Ref[Any], node: Node[T_co]) -> None:
        super().__init__()
        self.ref = ref
        self.node = node

    def __str__(self) -> str:
        """As the class writes it."""
        return f"{self.ref}.at({self.node})"


class Derived(Unassigned[T_co]):
    """A node whose value is a function of nodes. An entity shows a `Value`."""

    def __init__(self, made: Made, options: Options) -> None:
        super().__init__()
        self.made = made
        self.options = options

    @overload
    def __get__(self, obj: None, owner: type, /) -> Self: ...
    @overload
    def __get__(self, obj: Seated, owner: type, /) -> Value[T_co]: ...
    def __get__(self, obj: Seated | None, owner: type, /) -> Self | Value[T_co]:
        """The node on the class, a handle on an entity."""
        return self if obj is None else Value(obj.__weft_seat__, self)

    def _changes_by(self) -> str:
        return "it is computed from other nodes; change what it is computed from"


# What a class declares ---------------------------------------------------------------------------------------------


def nodes_of(kind: type) -> dict[str, Node[object]]:
    """The nodes of a class by name, in the order of declaration, base classes first; an override keeps its place.

    Raises TypeError where one node object has two names or two classes: a node is a place, and two attributes that
    share one would show each other's values. Also where an edge was given a name.
    """
    found: dict[str, Node[object]] = {}
    for base in reversed(kind.__mro__):
        for name, one in vars(base).items():
            if isinstance(one, Node):
                found[name] = _own(base, name, cast("Node[object]", one))
            else:
                found.pop(name, None)
    return found


def _own(kind: type, name: str, node: Node[object]) -> Node[object]:
    if isinstance(node, Edge):
        raise TypeError(f"{kind.__name__}.{name} is an edge and holds nothing: write it where it is read")
    if node.owner is not kind:
        raise TypeError(
            f"{kind.__name__}.{name} is the node {node} of another class: declare it anew, inherit it, or read it "
            f"through a reference, as in ref.at({node})"
        )
    if node.name != name:
        raise TypeError(f"{kind.__name__}.{name} is {node} under a second name: declare it anew, or keep one name")
    return node


def check_nodes(
    verb: str, fn: object, nodes: Sequence[object], how: Mapping[str, object] = MappingProxyType({})
) -> None:
    """Raise TypeError, naming the place, where `fn` is no function, an input is no node, or a node is no input."""
    if isinstance(fn, Node):
        raise no_function(verb, fn, nodes)
    if not callable(fn):
        raise TypeError(f"{verb} takes a function first, not {fn!r}")
    for name, one in how.items():
        if isinstance(one, Node):
            before = "…, " if nodes else ""
            raise TypeError(
                f"inputs are given by position: {verb}({getattr(fn, '__name__', 'fn')}, {before}{name}); let the "
                f"function take {name!r} by position too, in front of any *"
            )
    for place, one in enumerate(nodes, 1):
        if not isinstance(one, Node):
            called = getattr(fn, "__name__", repr(fn))
            raise TypeError(
                f"input {place} of {called} is {one!r}, which is not a node: inputs are nodes; bind a constant with "
                "functools.partial, as a keyword-only setting"
            )
