"""How a derived node is made: which function, of which nodes, with which options.

Knows nothing of what the functions do, nor of what a node is beyond its being one.
Invariant: frozen; a node's making never changes after its class body has run.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias, TypedDict, TypeVar, Unpack

from msgspec import Struct

from weft.handle import NOTHING, Nothing
from weft.spelling import nearest

if TYPE_CHECKING:
    from weft.declare import Node
    from weft.matching.matcher import Matcher
    from weft.operation import Retry
    from weft.policy import Debounce

R_co = TypeVar("R_co", covariant=True)
Function: TypeAlias = Callable[..., object]


class Bound(Protocol[R_co]):
    """A `functools.partial`, as one that returns subtypes of what is wanted: the class itself is invariant there."""

    @property
    def func(self) -> Callable[..., R_co]:
        """The function."""
        ...

    @property
    def keywords(self) -> dict[str, Any]:
        """The settings."""
        ...

    def __call__(self, /, *args: Any, **keywords: Any) -> R_co:
        """What the function returns."""
        ...


class Named(TypedDict, total=False):
    """Options of every derived node."""

    eager: bool
    """Demanded always, not only while somebody looks."""
    was: str
    """The attribute's former name: what was computed and referred to under it is taken over."""


class How(Named, total=False):
    """Options of a node that calls a function; each overrides what `@op` says of it."""

    timeout_s: float
    retry: Retry
    runner: str
    restart: bool
    """A changed input cancels the call under way, and another is made."""
    debounce: Debounce
    """Begin only when the inputs have been quiet for a while."""
    match: Matcher | tuple[Matcher, ...]
    """What tells the elements of a list apart where their declared key does not, in order."""


class Options(Struct, frozen=True):
    """`How`, complete. None: as the operation says."""

    eager: bool = False
    was: str | None = None
    timeout_s: float | None = None
    retry: Retry | None = None
    runner: str | None = None
    restart: bool = False
    debounce: Debounce | None = None
    match: Matcher | tuple[Matcher, ...] = ()

    @property
    def matchers(self) -> tuple[Matcher, ...]:
        """The matchers, one or several."""
        return self.match if isinstance(self.match, tuple) else (self.match,)

    @staticmethod
    def of(**how: Unpack[How]) -> Options:
        """The rest as usual. Raises TypeError for an option that there is not, naming the nearest."""
        known = list(Options.__struct_fields__)
        for name in how:
            if name not in known:
                raise TypeError(f"there is no option {name!r}: {nearest(name, known)}")
        return Options(**how)


class Applied(Struct, frozen=True):
    """`derive`: fn(*inputs), or fn(own last accepted value, *inputs) where `initial` is given."""

    fn: Function
    inputs: tuple[Node[object], ...]
    initial: object | Nothing = NOTHING


class Each(Struct, frozen=True):
    """`source.each`: fn(element, *more), of a mapping fn(key, value, *more)."""

    fn: Function
    source: Node[object]
    more: tuple[Node[object], ...]


class Whole(Struct, frozen=True):
    """A whole collection by a built-in rule. `fn` is its key, test or combination; `unit` is of `reduce` alone."""

    kind: Literal["group", "filter", "order", "count", "reduce"]
    source: Node[object]
    fn: Function | None = None
    unit: object | Nothing = NOTHING


class Choice(Struct, frozen=True):
    """`choose`: `then` while `test` holds, else `other`; the branch not taken is not demanded."""

    test: Node[bool]
    then: Node[object]
    other: Node[object]


Made: TypeAlias = Applied | Each | Whole | Choice
