# The overload for a forgotten input answers, in words, what a later one would take too: that is its purpose.
# pyright: reportOverlappingOverload=false
# mypy: disable-error-code="overload-overlap"
# Its text is written out each time, because checkers read literals alone.
"""`derive` and `choose`: how nodes are wired into new ones.

Almost all of it is for checkers: one overload for each number of inputs, for plain, async and streaming functions, with
and without a value to start from, and one that names a forgotten input. A function with settings bound by
`functools.partial` has lost its parameters for one checker, so its inputs are counted when the class is made.

Knows nothing of what the functions do; the definition reads their signatures.
Invariant: a call that no overload takes builds no node that a definition would accept.
Source: the overload families of asyncio.gather and of zip.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Concatenate, ParamSpec, TypeVar, Unpack, overload

from typing_extensions import deprecated

from weft.declare import Derived, Forgotten, Node, check_nodes
from weft.handle import NOTHING
from weft.made import Applied, Bound, Choice, Function, How, Named, Options

A = TypeVar("A")
B = TypeVar("B")
C = TypeVar("C")
D = TypeVar("D")
E = TypeVar("E")
R = TypeVar("R")
Extra = TypeVar("Extra")
P = ParamSpec("P")


def choose(test: Node[bool], then: Node[A], other: Node[B], /, **named: Unpack[Named]) -> Derived[A | B]:
    """`then` while `test` holds, else `other`. Only the branch taken is demanded."""
    check_nodes("choose", choose, (test, then, other))
    return Derived(Choice(test, then, other), Options.of(**named))


@overload
def derive(
    fn: Bound[AsyncIterator[R]], /, *inputs: Node[object], initial: R = ..., **how: Unpack[How]
) -> Derived[R]: ...
@overload
def derive(fn: Bound[Awaitable[R]], /, *inputs: Node[object], initial: R = ..., **how: Unpack[How]) -> Derived[R]: ...
@overload
def derive(fn: Bound[R], /, *inputs: Node[object], initial: R = ..., **how: Unpack[How]) -> Derived[R]: ...
@overload
@deprecated("an input is missing: each positional parameter takes a node; services and settings are keyword-only")
def derive(fn: Callable[Concatenate[A, Extra, P], object], a: Node[A], /, **how: Unpack[How]) -> Forgotten: ...
@overload
def derive(fn: Callable[Concatenate[A, P], AsyncIterator[R]], a: Node[A], /, **how: Unpack[How]) -> Derived[R]: ...
@overload
def derive(fn: Callable[Concatenate[A, P], Awaitable[R]], a: Node[A], /, **how: Unpack[How]) -> Derived[R]: ...
@overload
def derive(fn: Callable[Concatenate[A, P], R], a: Node[A], /, **how: Unpack[How]) -> Derived[R]: ...
@overload
@deprecated("an input is missing: each positional parameter takes a node; services and settings are keyword-only")
def derive(
    fn: Callable[Concatenate[A, B, Extra, P], object], a: Node[A], b: Node[B], /, **how: Unpack[How]
) -> Forgotten: ...
@overload
def derive(
    fn: Callable[Concatenate[A, B, P], AsyncIterator[R]], a: Node[A], b: Node[B], /, **how: Unpack[How]
) -> Derived[R]: ...
@overload
def derive(
    fn: Callable[Concatenate[A, B, P], Awaitable[R]], a: Node[A], b: Node[B], /, **how: Unpack[How]
) -> Derived[R]: ...
@overload
def derive(fn: Callable[Concatenate[A, B, P], R], a: Node[A], b: Node[B], /, **how: Unpack[How]) -> Derived[R]: ...
@overload
@deprecated("an input is missing: each positional parameter takes a node; services and settings are keyword-only")
def derive(
    fn: Callable[Concatenate[A, B, C, Extra, P], object], a: Node[A], b: Node[B], c: Node[C], /, **how: Unpack[How]
) -> Forgotten: ...
@overload
def derive(
    fn: Callable[Concatenate[A, B, C, P], AsyncIterator[R]], a: Node[A], b: Node[B], c: Node[C], /, **how: Unpack[How]
) -> Derived[R]: ...
@overload
def derive(
    fn: Callable[Concatenate[A, B, C, P], Awaitable[R]], a: Node[A], b: Node[B], c: Node[C], /, **how: Unpack[How]
) -> Derived[R]: ...
@overload
def derive(
    fn: Callable[Concatenate[A, B, C, P], R], a: Node[A], b: Node[B], c: Node[C], /, **how: Unpack[How]
) -> Derived[R]: ...
@overload
@deprecated("an input is missing: each positional parameter takes a node; services and settings are keyword-only")
def derive(
    fn: Callable[Concatenate[A, B, C, D, Extra, P], object],
    a: Node[A],
    b: Node[B],
    c: Node[C],
    d: Node[D],
    /,
    **how: Unpack[How],
) -> Forgotten: ...
@overload
def derive(
    fn: Callable[Concatenate[A, B, C, D, P], AsyncIterator[R]],
    a: Node[A],
    b: Node[B],
    c: Node[C],
    d: Node[D],
    /,
    **how: Unpack[How],
) -> Derived[R]: ...
@overload
def derive(
    fn: Callable[Concatenate[A, B, C, D, P], Awaitable[R]],
    a: Node[A],
    b: Node[B],
    c: Node[C],
    d: Node[D],
    /,
    **how: Unpack[How],
) -> Derived[R]: ...
@overload
def derive(
    fn: Callable[Concatenate[A, B, C, D, P], R], a: Node[A], b: Node[B], c: Node[C], d: Node[D], /, **how: Unpack[How]
) -> Derived[R]: ...
@overload
@deprecated("an input is missing: each positional parameter takes a node; services and settings are keyword-only")
def derive(
    fn: Callable[Concatenate[A, B, C, D, E, Extra, P], object],
    a: Node[A],
    b: Node[B],
    c: Node[C],
    d: Node[D],
    e: Node[E],
    /,
    **how: Unpack[How],
) -> Forgotten: ...
@overload
def derive(
    fn: Callable[Concatenate[A, B, C, D, E, P], AsyncIterator[R]],
    a: Node[A],
    b: Node[B],
    c: Node[C],
    d: Node[D],
    e: Node[E],
    /,
    **how: Unpack[How],
) -> Derived[R]: ...
@overload
def derive(
    fn: Callable[Concatenate[A, B, C, D, E, P], Awaitable[R]],
    a: Node[A],
    b: Node[B],
    c: Node[C],
    d: Node[D],
    e: Node[E],
    /,
    **how: Unpack[How],
) -> Derived[R]: ...
@overload
def derive(
    fn: Callable[Concatenate[A, B, C, D, E, P], R],
    a: Node[A],
    b: Node[B],
    c: Node[C],
    d: Node[D],
    e: Node[E],
    /,
    **how: Unpack[How],
) -> Derived[R]: ...
@overload
@deprecated("an input is missing: each positional parameter takes a node; services and settings are keyword-only")
def derive(
    fn: Callable[Concatenate[R, A, Extra, P], object], a: Node[A], /, *, initial: R, **how: Unpack[How]
) -> Forgotten: ...
@overload
def derive(
    fn: Callable[Concatenate[R, A, P], AsyncIterator[R]], a: Node[A], /, *, initial: R, **how: Unpack[How]
) -> Derived[R]: ...
@overload
def derive(
    fn: Callable[Concatenate[R, A, P], Awaitable[R]], a: Node[A], /, *, initial: R, **how: Unpack[How]
) -> Derived[R]: ...
@overload
def derive(fn: Callable[Concatenate[R, A, P], R], a: Node[A], /, *, initial: R, **how: Unpack[How]) -> Derived[R]: ...
@overload
@deprecated("an input is missing: each positional parameter takes a node; services and settings are keyword-only")
def derive(
    fn: Callable[Concatenate[R, A, B, Extra, P], object], a: Node[A], b: Node[B], /, *, initial: R, **how: Unpack[How]
) -> Forgotten: ...
@overload
def derive(
    fn: Callable[Concatenate[R, A, B, P], AsyncIterator[R]],
    a: Node[A],
    b: Node[B],
    /,
    *,
    initial: R,
    **how: Unpack[How],
) -> Derived[R]: ...
@overload
def derive(
    fn: Callable[Concatenate[R, A, B, P], Awaitable[R]], a: Node[A], b: Node[B], /, *, initial: R, **how: Unpack[How]
) -> Derived[R]: ...
@overload
def derive(
    fn: Callable[Concatenate[R, A, B, P], R], a: Node[A], b: Node[B], /, *, initial: R, **how: Unpack[How]
) -> Derived[R]: ...
@overload
@deprecated("an input is missing: each positional parameter takes a node; services and settings are keyword-only")
def derive(
    fn: Callable[Concatenate[R, A, B, C, Extra, P], object],
    a: Node[A],
    b: Node[B],
    c: Node[C],
    /,
    *,
    initial: R,
    **how: Unpack[How],
) -> Forgotten: ...
@overload
def derive(
    fn: Callable[Concatenate[R, A, B, C, P], AsyncIterator[R]],
    a: Node[A],
    b: Node[B],
    c: Node[C],
    /,
    *,
    initial: R,
    **how: Unpack[How],
) -> Derived[R]: ...
@overload
def derive(
    fn: Callable[Concatenate[R, A, B, C, P], Awaitable[R]],
    a: Node[A],
    b: Node[B],
    c: Node[C],
    /,
    *,
    initial: R,
    **how: Unpack[How],
) -> Derived[R]: ...
@overload
def derive(
    fn: Callable[Concatenate[R, A, B, C, P], R],
    a: Node[A],
    b: Node[B],
    c: Node[C],
    /,
    *,
    initial: R,
    **how: Unpack[How],
) -> Derived[R]: ...
@overload
@deprecated("an input is missing: each positional parameter takes a node; services and settings are keyword-only")
def derive(
    fn: Callable[Concatenate[R, A, B, C, D, Extra, P], object],
    a: Node[A],
    b: Node[B],
    c: Node[C],
    d: Node[D],
    /,
    *,
    initial: R,
    **how: Unpack[How],
) -> Forgotten: ...
@overload
def derive(
    fn: Callable[Concatenate[R, A, B, C, D, P], AsyncIterator[R]],
    a: Node[A],
    b: Node[B],
    c: Node[C],
    d: Node[D],
    /,
    *,
    initial: R,
    **how: Unpack[How],
) -> Derived[R]: ...
@overload
def derive(
    fn: Callable[Concatenate[R, A, B, C, D, P], Awaitable[R]],
    a: Node[A],
    b: Node[B],
    c: Node[C],
    d: Node[D],
    /,
    *,
    initial: R,
    **how: Unpack[How],
) -> Derived[R]: ...
@overload
def derive(
    fn: Callable[Concatenate[R, A, B, C, D, P], R],
    a: Node[A],
    b: Node[B],
    c: Node[C],
    d: Node[D],
    /,
    *,
    initial: R,
    **how: Unpack[How],
) -> Derived[R]: ...
@overload
@deprecated("an input is missing: each positional parameter takes a node; services and settings are keyword-only")
def derive(
    fn: Callable[Concatenate[R, A, B, C, D, E, Extra, P], object],
    a: Node[A],
    b: Node[B],
    c: Node[C],
    d: Node[D],
    e: Node[E],
    /,
    *,
    initial: R,
    **how: Unpack[How],
) -> Forgotten: ...
@overload
def derive(
    fn: Callable[Concatenate[R, A, B, C, D, E, P], AsyncIterator[R]],
    a: Node[A],
    b: Node[B],
    c: Node[C],
    d: Node[D],
    e: Node[E],
    /,
    *,
    initial: R,
    **how: Unpack[How],
) -> Derived[R]: ...
@overload
def derive(
    fn: Callable[Concatenate[R, A, B, C, D, E, P], Awaitable[R]],
    a: Node[A],
    b: Node[B],
    c: Node[C],
    d: Node[D],
    e: Node[E],
    /,
    *,
    initial: R,
    **how: Unpack[How],
) -> Derived[R]: ...
@overload
def derive(
    fn: Callable[Concatenate[R, A, B, C, D, E, P], R],
    a: Node[A],
    b: Node[B],
    c: Node[C],
    d: Node[D],
    e: Node[E],
    /,
    *,
    initial: R,
    **how: Unpack[How],
) -> Derived[R]: ...
def derive(
    fn: Function, /, *inputs: Node[object], initial: object = NOTHING, **how: Unpack[How]
) -> Derived[object] | Forgotten:
    """A node whose value is `fn` of the inputs' settled values.

    `fn`'s positional parameters are inputs; keyword-only ones are services, annotated with a Protocol, or settings.
    With `initial` it is first given its own last accepted value.
    """
    check_nodes("derive", fn, inputs, how)
    return Derived(Applied(fn, inputs, initial), Options.of(**how))
