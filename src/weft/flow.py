"""Flows, triggers and effects, as they are declared.

A method under `@on` is a trigger. A coroutine function is a flow: it may wait, and what it waits for survives the
process. A plain function that yields effects decides at once: it has no run, so it cannot wait.

Knows nothing of how runs are kept, replayed or carried out.
Invariant: a declaration here is data; nothing runs by being decorated.
Source: workflow engines' durable functions; effects as values from Elm and free monads.
"""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import (
    Any,
    ClassVar,
    Concatenate,
    Generic,
    Literal,
    Never,
    ParamSpec,
    Protocol,
    Self,
    TypeAlias,
    TypeVar,
    cast,
    get_args,
    overload,
)

from msgspec import Struct

from weft.budget import Budget
from weft.declare import Node
from weft.flow_spec import Overlap
from weft.handle import Seated, Value
from weft.made import Function
from weft.meant import no_transition
from weft.spent import Spent
from weft.transition import Transition

T = TypeVar("T")
A = TypeVar("A")
B = TypeVar("B")
C = TypeVar("C")
R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)
P = ParamSpec("P")
Ent = TypeVar("Ent", bound=Seated)
WhenInDoubt: TypeAlias = Literal["retry", "ask", "at_most_once"]


class Effect(Generic[R_co]):
    """A wish, as data: a frozen dataclass derived from this. `R` is what its receipt holds; a driver fulfils it."""

    when_in_doubt: ClassVar[WhenInDoubt] = "ask"
    """What becomes of one that may have been carried out or not: it is tried again with the same key, somebody is
    asked, or it is left at that, so that it never happens twice."""
    needs_approval: ClassVar[bool] = False
    """Whether somebody is asked first, for each one."""


@dataclass(frozen=True, slots=True)
class Secret:
    """A value that stays outside the log: this is its name and generation, and all that is ever encoded."""

    name: str
    generation: int = 1


class Run(Protocol):
    """One execution of a flow. Each awaited step is recorded, and never done twice."""

    @property
    def id(self) -> str:
        """Named by its flow and cause."""
        ...

    @property
    def moment(self) -> datetime | None:
        """The time that fired it, where a schedule did."""
        ...

    @property
    def spent(self) -> Spent:
        """What its steps have cost so far, as far as the services that they used said."""
        ...

    async def ask(
        self,
        name: str,
        form: type[T],
        /,
        *,
        to: object = None,
        about: object = None,
        remind: timedelta | None = None,
        expires: timedelta | None = None,
        default: T | None = None,
        by: object = None,
    ) -> T:
        """The answer of a person, or of a model or a rule given as `to`, or of several in their order: where none of
        them has one, a person is asked. What does not fit the form is refused and
        shown. After each time of `remind`, a second at least, people are reminded; after `expires` it is `default`, or
        else `Expired` is raised: both count from when it is asked, whoever is asked, and hold while a model is asked
        too. `by`: who may answer, as a name, several, or an entity that declares its `actor`."""
        ...

    @overload
    async def call(self, fn: Callable[P, AsyncIterator[R]], /) -> R: ...
    @overload
    async def call(self, fn: Callable[P, Awaitable[R]], /) -> R: ...
    @overload
    async def call(self, fn: Callable[P, R], /) -> R: ...
    @overload
    async def call(self, fn: Callable[Concatenate[A, P], AsyncIterator[R]], a: A, /) -> R: ...
    @overload
    async def call(self, fn: Callable[Concatenate[A, P], Awaitable[R]], a: A, /) -> R: ...
    @overload
    async def call(self, fn: Callable[Concatenate[A, P], R], a: A, /) -> R: ...
    @overload
    async def call(self, fn: Callable[Concatenate[A, B, P], AsyncIterator[R]], a: A, b: B, /) -> R: ...
    @overload
    async def call(self, fn: Callable[Concatenate[A, B, P], Awaitable[R]], a: A, b: B, /) -> R: ...
    @overload
    async def call(self, fn: Callable[Concatenate[A, B, P], R], a: A, b: B, /) -> R: ...
    @overload
    async def call(self, fn: Callable[Concatenate[A, B, C, P], AsyncIterator[R]], a: A, b: B, c: C, /) -> R: ...
    @overload
    async def call(self, fn: Callable[Concatenate[A, B, C, P], Awaitable[R]], a: A, b: B, c: C, /) -> R: ...
    @overload
    async def call(self, fn: Callable[Concatenate[A, B, C, P], R], a: A, b: B, c: C, /) -> R: ...
    async def call(self, fn: Function, /, *inputs: object) -> object:
        """What an operation makes of these inputs; its services and settings are injected."""
        ...

    async def create(self, kind: Callable[P, Ent], /, *args: P.args, **inputs: P.kwargs) -> Ent:
        """A new entity."""
        ...

    async def sleep(self, delay: timedelta, /) -> None:
        """Wait. A run that waits for long is not held in memory."""
        ...

    async def perform(self, effect: Effect[R], /, *, once: str | None = None, approved_by: object = None) -> R:
        """Have an effect carried out, and return its receipt. `once`: at most once for this entity and flow.
        `approved_by`: who has to approve it first, as in `ask(by=…)`; of a class that needs approval, somebody."""
        ...

    def carried(self, form: type[T], /) -> T | None:
        """What the run that this one continues left to it; None for one that continues none."""
        ...

    async def continue_as_new(self, carried: object = None, /) -> Never:
        """End here, and have a new run go on from the flow's beginning, with this: so what goes on for ever has a short
        history."""
        ...

    async def within(self, delay: timedelta, awaited: Awaitable[T], /) -> T:
        """What this comes to, if that is within so much time; else raises `DeadlinePassed`."""
        ...

    async def gather(self, *awaited: Awaitable[T]) -> list[T]:
        """All of these beside each other; their values, in this order. The first that fails ends the others."""
        ...

    async def first(self, *awaited: Awaitable[T]) -> T:
        """The value of whichever is over first; the others are waited for no longer."""
        ...


class Flow(Generic[R_co]):
    """A method under `@on`, as data. An entity shows the handle on its newest run: await it, never call it."""

    def __init__(self, fn: Function, when: On) -> None:
        self.fn = fn
        self.when = when
        self.name = ""
        self.owner: type | None = None

    @property
    def waits(self) -> bool:
        """Whether it is a coroutine function, with a run; else it decides at once."""
        return inspect.iscoroutinefunction(self.fn)

    def __set_name__(self, owner: type, name: str) -> None:
        """Take the first name."""
        if self.owner is None:
            self.owner, self.name = owner, name

    def __str__(self) -> str:
        """`Post.announce`."""
        return self.name if self.owner is None else f"{self.owner.__name__}.{self.name}"

    def __repr__(self) -> str:
        """The same, in brackets."""
        return f"<{self}>"

    @overload
    def __get__(self, obj: None, owner: type, /) -> Self: ...
    @overload
    def __get__(self, obj: Seated, owner: type, /) -> Value[R_co]: ...
    def __get__(self, obj: Seated | None, owner: type, /) -> Self | Value[R_co]:
        """The flow on the class, a handle on an entity."""
        return self if obj is None else Value(obj.__weft_seat__, self)

    def __set__(self, obj: Seated, value: Never, /) -> None:
        """Refuse."""
        raise AttributeError(f"{self} is a flow and cannot be assigned: it starts when its transition happens")


class On(Struct, frozen=True):
    """What `on` was given; decorates a method."""

    transition: Transition
    guard: Node[bool] | None
    actors: Node[Any] | tuple[str, ...] | None
    overlap: Overlap
    queue: str = ""
    limit: int = 0
    priority: int | Node[int] = 0
    budget: Budget = Budget()

    @overload
    def __call__(self, fn: Callable[Concatenate[Ent, Run, P], Coroutine[Any, Any, R]], /) -> Flow[R]: ...
    @overload
    def __call__(self, fn: Callable[[Ent], Iterator[Effect[Any]]], /) -> Flow[None]: ...
    def __call__(self, fn: Function, /) -> Flow[Any]:
        """The method, as a flow."""
        _check_method(fn)
        return Flow(fn, self)


def on(
    when: Transition,
    /,
    *,
    guard: Node[bool] | None = None,
    actors: Node[Any] | str | Sequence[str] | None = None,
    overlap: Overlap = "queue",
    queue: str = "",
    limit: int = 0,
    priority: int | Node[int] = 0,
    budget: Budget | None = None,
) -> On:
    """Make the method under it fire at a transition, while `guard` holds.

    `actors`: a name, several, a node of such, or a reference to an entity with an `actor`. `overlap` says what
    a firing does while a run of the same entity goes on. `queue`: of the runs that share a queue, whatever their flows
    and entities, at most so many are under way at once as `limit` says; among those that wait the one of the greatest
    `priority`, a number or a node, begins first. `budget`: what one run may spend.
    """
    if not isinstance(cast("object", when), Transition):
        raise no_transition(when)
    if overlap not in get_args(Overlap):
        raise ValueError(f"overlap is 'queue', 'skip' or 'restart', not {overlap!r}")
    if bool(queue) != (limit > 0):
        raise ValueError(f"a queue has a name, and a limit of 1 or more: not queue={queue!r}, limit={limit}")
    if guard is not None and not isinstance(cast("object", guard), Node):
        raise TypeError(f"guard is a node of this class that holds yes or no, not {guard!r}")
    return On(when, guard, _actors(actors), overlap, queue, limit, priority, budget or Budget())


def _actors(given: Node[Any] | str | Sequence[str] | None) -> Node[Any] | tuple[str, ...] | None:
    if given is None or isinstance(given, Node):
        return given
    names: object = (given,) if isinstance(given, str) else given
    told: tuple[object, ...] = tuple(names) if isinstance(names, Sequence) else ()
    if not told or not all(isinstance(one, str) and one for one in told):
        raise TypeError(
            f"actors is a name, several, a node that holds such, or a reference to an entity that declares its actor, "
            f"not {given!r}"
        )
    return cast("tuple[str, ...]", told)


def _check_method(fn: Function) -> None:
    name = getattr(fn, "__qualname__", repr(fn))
    placed = [
        one.name
        for one in inspect.signature(fn).parameters.values()
        if one.kind in (one.POSITIONAL_ONLY, one.POSITIONAL_OR_KEYWORD)
    ]
    if inspect.iscoroutinefunction(fn):
        if len(placed) != 2:
            raise TypeError(
                f"{name} is a flow and takes (self, run), with services keyword-only, not ({', '.join(placed)})"
            )
    elif not inspect.isgeneratorfunction(fn):
        raise TypeError(
            f"{name} is neither `async def`, a flow, nor a function that yields effects: make it one of them"
        )
    elif len(placed) != 1:
        raise TypeError(
            f"{name} decides at once, so it takes self alone and has no run, not ({', '.join(placed)}): "
            "make it `async def` to let it wait"
        )
