"""The Driver port: what carries effects out, and what is known afterwards.

A driver is given an effect and its key, and returns what the receipt holds. What went wrong is one of three: *refused*
(`EffectRefused`: the answer is no, and stays no), *not reached* (`NotReached`: surely not carried out, so trying again
harms nobody), or *in doubt*: any other exception, a cancelled call, a process that died. What happens to an effect in
doubt its class says, by `when_in_doubt`.

Knows nothing of where effects wait, of what decides them, or of receipts' records.
Invariant: a driver says "not reached" only where it knows that nothing was carried out; whatever it cannot tell is in
doubt.
Source: two-phase commit's in-doubt transactions; the idempotency keys of payment services.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol, TypeVar, get_args, get_origin

from typing_extensions import get_original_bases

from weft.errors import WeftError
from weft.flow import Effect, WhenInDoubt

E = TypeVar("E", bound=Effect[Any])


class EffectError(WeftError):
    """{effect} came to nothing that can be recorded: {why}."""

    effect: str
    why: str


class EffectRefused(EffectError):
    """{effect} was refused, and nothing was carried out: {why}. Decide another effect; this one is not tried again."""


class NotReached(EffectError):
    """{effect} did not reach its receiver, and was surely not carried out: {why}. Trying again is harmless."""

    after_s: float | None
    """How long the receiver asks to wait before the next try; None where it says nothing."""


class InDoubt(EffectError):
    """{effect} may have been carried out or not: {why}. Look at its receiver, or try again with the same key."""

    after_s: float | None
    """As in `NotReached`."""


class NoDriver(WeftError):
    """Nothing carries out {effect}. Give a driver whose `effects` name that class, or one it is derived from."""

    effect: str


class Driver(Protocol[E]):
    """Carries out effects of some classes. It may be called many times at once, from one loop after another."""

    @property
    def effects(self) -> tuple[type[E], ...]:
        """The classes of effects that it carries out, with all that is derived from them."""
        ...

    async def carry_out(self, effect: E, key: str, /) -> object:
        """Carry it out, and return what its receipt holds (the `R` of `Effect[R]`).

        `key` is the same text at every try of one effect, and another for each other effect; the receiver is told it.
        Raises `EffectRefused` or `NotReached`; after any other exception the effect is in doubt.
        """
        ...


def driver_of(kind: type[Effect[object]], drivers: Iterable[Driver[Any]]) -> Driver[Any]:
    """The one that names the class, or else the nearest class it is derived from.

    Raises `NoDriver`, and TypeError where two name the same class.
    """
    listed = tuple(drivers)
    for base in kind.__mro__:
        named = [driver for driver in listed if base in driver.effects]
        if len(named) > 1:
            raise TypeError(f"{len(named)} drivers name {base.__qualname__}: leave one")
        if named:
            return named[0]
    raise NoDriver(effect=kind.__qualname__)


def receipt_of(kind: type[Effect[object]]) -> object:
    """What its receipt holds: the annotation `R` of `Effect[R]`, where the class or one it is derived from says it."""
    for base in kind.__mro__:
        for said in get_original_bases(base):
            if get_origin(said) is Effect and not isinstance(get_args(said)[0], TypeVar):
                return get_args(said)[0]
    raise TypeError(f"{kind.__qualname__} does not say what its receipt holds: derive it from Effect[str], or another")


def when_in_doubt(kind: type[Effect[object]]) -> WhenInDoubt:
    """What its class says becomes of it where nobody knows whether it was carried out."""
    said: object = kind.when_in_doubt
    if said not in get_args(WhenInDoubt):
        choices = ", ".join(map(repr, get_args(WhenInDoubt)))
        raise TypeError(f"{kind.__qualname__}.when_in_doubt is {said!r}, and should be one of {choices}")
    return kind.when_in_doubt
