"""The run that a flow's code is given: what it asks for becomes steps, which say all that belongs to them as data.

Knows nothing of who answers, of records, and of where the flow stands.
Invariant: what a step says depends on what the code asked for alone, so that a replay asks for the same.
Source: workflow engines' contexts; commands as values.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple, Never, TypeVar, cast

from weft.budget import TIME_MAX
from weft.content import Plain, decode, encode
from weft.driver import EffectRefused, receipt_of
from weft.errors import Undecodable, Unencodable, WeftError
from weft.expected import check_delay, check_effect
from weft.failure import unicode_of
from weft.flow import Effect
from weft.form import Form
from weft.handle import Seated, short_repr
from weft.made import Function
from weft.operation import Operation, operation_of
from weft.run_rows import AskedForm
from weft.runs.approval import Approval
from weft.runs.awaits import Made, noted
from weft.runs.given import Given
from weft.runs.replay import Asking
from weft.runs.strands import Beside, ContinuedAsNew
from weft.spent import Spent
from weft.value import Shape, shape_of

T = TypeVar("T")


class CallsAnother(WeftError, TypeError):
    """{operation} takes {takes} and was called with {given} in a run. Pass each of its inputs, in order; services are
    injected."""

    operation: str
    takes: str
    given: str


class NoActors(WeftError, TypeError):
    """{given} names nobody who could answer. Give a name, several, or an entity that declares its actor."""

    given: str


class UnfitArgument(WeftError, ValueError):
    """A step was given {argument}={given}. Give {wanted}."""

    argument: str
    given: str
    wanted: str


class SleepsBackwards(WeftError, ValueError):
    """A run sleeps for {delay}. Give it a time of zero or more."""

    delay: timedelta


class DeadlinePassed(WeftError, TimeoutError):
    """What a run waited for took longer than {delay}."""

    delay: timedelta


class Calling(NamedTuple):
    """A call of an operation, with what it is given."""

    operation: Operation
    given: Given

    @property
    def shape(self) -> Shape:
        """Of what it comes to."""
        return shape_of(self.operation.returns)


class Questioning(NamedTuple):
    """A question: the form that its answer fits, and to whom it goes."""

    form: Form[Any] | Approval
    to: object
    """A model, or a rule; None for people."""
    about: Seated | Given | None

    def subject(self, step: Asking) -> object:
        """What it is about, for who decides it. Raises `Undecodable`."""
        return self.about.made([step.key["value"]])[0] if isinstance(self.about, Given) else self.about


class Performing(NamedTuple):
    """An effect of this class, and how its receipt is kept."""

    effect: type[Effect[Any]]
    given: Given
    receipt: Shape

    def made(self, step: Asking) -> Effect[Any]:
        """The effect that was told, and approved where it had to be. Raises `EffectRefused` where it cannot be made."""
        try:
            return cast("Effect[Any]", self.given.made([step.key[1]])[0])
        except Undecodable as why:
            raise EffectRefused(effect=step.name, why=str(why)) from why


class LiveRun:
    """One execution of a flow, as its code sees it."""

    def __init__(
        self,
        id: str,
        create: Callable[..., Any],
        carried: Plain = None,
        moment_us: int = 0,
        spent: Callable[[], Spent] = Spent,
    ) -> None:
        """`create`: has a new entity made by what the run says next; `carried`: what the run left that it continues;
        `moment_us`: the time that fired it, in microseconds since 1970; `spent`: what its steps have cost so far."""
        self.id = id
        """Named by its flow and cause."""
        self.moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=moment_us) if moment_us else None
        """The time that fired it, where a schedule did."""
        self._create, self._carried, self._spent = create, carried, spent
        self.made = Made()
        """What its code was given to await."""

    @property
    def spent(self) -> Spent:
        """What its steps have cost so far, as far as the services that they used said."""
        return self._spent()

    @noted
    async def create(self, kind: Callable[..., Any], /, *args: object, **inputs: object) -> Any:
        """A new entity, with what the run says until it waits next."""
        return self._create(kind, *args, **inputs)

    @noted
    async def call(self, fn: Function, /, *inputs: object) -> Any:
        """What an operation makes of these inputs. Raises `CallsAnother`, `Unencodable`."""
        if not callable(fn):
            raise TypeError(f"run.call takes a function, and then its inputs, not {short_repr(fn, 60)}")
        operation = operation_of(fn)
        takes = [one.name for one in operation.inputs]
        if len(inputs) != len(takes):
            many = f"{len(inputs)} inputs" if len(inputs) != 1 else "one input"
            raise CallsAnother(operation=operation.name, takes=f"({', '.join(takes)})", given=many)
        shapes = [shape_of(one.annotation) for one in operation.inputs]
        told: list[Plain] = [
            _input(operation.name, one.name, shape, value)
            for one, shape, value in zip(operation.inputs, shapes, inputs, strict=True)
        ]
        said: Plain = [operation.name, operation.version, told]
        return await Asking("call", operation.name, said, Calling(operation, Given(shapes, inputs)), key=told)

    @noted
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
        """The answer of a person; or, with `to`, of a model, or of a rule that is given what it is about, or of several
        of them, of which the next is asked where one has none; and then of a person again. `remind`, a second at least,
        and `expires` count from when it is asked, whoever is asked then. Raises `Expired`, `NoSchema`, `NoActors`,
        `UnfitArgument`, `Unencodable`."""
        form_of, (subject, given) = Form(form), _subject(about)
        # Each reminder is an event: without a bound they would be all that an engine does.
        remind_us = 0 if remind is None else _micros("remind", remind, timedelta(seconds=1))
        expires_us = 0 if expires is None else max(1, _micros("expires", expires, -TIME_MAX))
        told = None if default is None else [form_of.tell(default)]
        asked = AskedForm(form_of.name, form_of.schema, subject, remind_us, expires_us, told, _actors(by)).plain()
        encode(asked)  # what cannot be kept of it is to be raised here
        to = (tuple(to) or None) if isinstance(to, tuple | list) else to
        of, kind = Questioning(form_of, to, given), "ask" if to is None else "decide"
        return cast("T", await Asking(kind, _text("name", name), asked, of, key=subject))

    @noted
    async def sleep(self, delay: timedelta, /) -> None:
        """Wait. Raises `SleepsBackwards`, `UnfitArgument`."""
        check_delay("run.sleep", delay)
        if delay < timedelta(0):
            raise SleepsBackwards(delay=delay)
        delay_us = _micros("delay", delay, timedelta(0))
        await Asking("sleep", str(delay), delay_us, key=delay_us)

    @noted
    async def perform(self, effect: Effect[Any], /, *, once: str | None = None, approved_by: object = None) -> Any:
        """What its receipt holds, once it was carried out. Raises `EffectRefused`, also where it was not approved,
        `NotReached`, `InDoubt`, `NoActors`, `UnfitArgument`, `Unencodable`."""
        kind, once = check_effect(effect), None if once is None else _text("once", once)
        shape, name = shape_of(kind), kind.__name__
        encoded = shape.encode(effect)
        said: Plain = [name, decode(encoded), once]
        of = Performing(kind, Given([shape], [effect]), shape_of(receipt_of(kind)))
        if kind.needs_approval or approved_by is not None:  # of what was told: the effect may be another by then
            await self._approved(name, encoded, approved_by)
        return await Asking("perform", name if once is None else f"{name} once {once}", said, of, key=said)

    async def _approved(self, name: str, encoded: bytes, by: object) -> None:
        form = Approval(encoded)
        about: Plain = {"effect": name, "value": decode(encoded), "content": form.content}
        asked = AskedForm(form.name, form.schema, about, by=_actors(by))
        if not await Asking("ask", f"approve {name}", asked.plain(), Questioning(form, None, None), key=about):
            raise EffectRefused(effect=name, why="it was not approved")

    def carried(self, form: type[T], /) -> T | None:
        """What the run that this one continues left to it; None for one that continues none. Raises `Undecodable`."""
        return None if self._carried is None else cast("T", shape_of(form).from_plain(self._carried))

    @noted
    async def continue_as_new(self, carried: object = None, /) -> Never:
        """End here, and have a new run go on from the flow's beginning, with this: so what goes on for ever has a short
        history. Raises `Unencodable`."""
        raise ContinuedAsNew(None if carried is None else shape_of(type(carried)).to_plain(carried))

    @noted
    async def within(self, delay: timedelta, awaited: Awaitable[T], /) -> T:
        """What this comes to, if that is within so much time; else it is waited for no longer. Raises
        `DeadlinePassed`."""
        if not isinstance(cast("object", delay), timedelta) and inspect.iscoroutine(awaited):
            awaited.close()  # nobody else will
        check_delay("run.within", delay)
        return await self.first(awaited, self._too_late(delay))

    async def _too_late(self, delay: timedelta) -> Never:
        await self.sleep(delay)
        raise DeadlinePassed(delay=delay)

    @noted
    async def gather(self, *awaited: Awaitable[T]) -> list[T]:
        """All of these beside each other; their values, in this order. The first that fails ends the others."""
        return await Beside(awaited, "all")

    @noted
    async def first(self, *awaited: Awaitable[T]) -> T:
        """The value of whichever is over first; the others are waited for no longer."""
        if not awaited:
            raise TypeError(
                "run.first takes what it waits for, and nothing was given to it: nothing would be over first"
            )
        (value,) = await Beside(awaited, "first")
        return value


def _input(operation: str, name: str, shape: Shape, value: object) -> Plain:
    """An input as it is told. Raises `Unencodable`, which says of which operation it is."""
    try:
        return shape.to_plain(value)
    except Unencodable as why:
        why.where = why.where.replace("the value", f"the input {name} of {operation}", 1)
        raise


def _subject(about: object) -> tuple[Plain, Seated | Given | None]:
    """What a question is about, and for who decides it: an entity by its id, all else as it is kept."""
    if about is None:
        return None, None
    if isinstance(about, Seated):
        return {"entity": about.__weft_seat__.entity_id}, about
    shape = shape_of(type(about))
    return {"value": shape.to_plain(about)}, Given([shape], [about])


def _actors(by: object) -> tuple[str, ...]:
    """The names of those who may do something: one, several, or that of an entity which declares its `actor`."""
    if by is None:
        return ()
    names = getattr(by, "actor", None) if isinstance(by, Seated) else by
    listed = (names,) if isinstance(names, str) else tuple(names) if isinstance(names, Iterable) else ()
    if not listed:
        raise NoActors(given=repr(by))
    return tuple(_text("by", name) for name in listed)


def _text(argument: str, given: object) -> str:
    if isinstance(given, str) and given and unicode_of(given) == given:
        return given
    raise UnfitArgument(argument=argument, given=repr(given), wanted="a text of one character or more, all of Unicode")


def _micros(argument: str, delay: object, least: timedelta) -> int:
    if isinstance(delay, timedelta) and least <= delay <= TIME_MAX:
        return delay // timedelta(microseconds=1)
    raise UnfitArgument(argument=argument, given=repr(delay), wanted=f"a timedelta from {least} to {TIME_MAX}")
