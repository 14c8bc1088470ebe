"""Mistaken awaits of a flow's code: a step that was made and never awaited, and an event loop that was looked for.

A coroutine that nobody awaits does nothing, and says so only when it is collected, in a warning that names Weft's file.
So what a run's methods return is kept until it was begun, and a flow that returns while one of them never was has
forgotten its `await`. No flow finds an event loop; what asyncio raises for want of one says nothing of flows, so it is
said anew.

Knows nothing of steps. Invariant: what is found depends on what the code did alone, so a replay finds the same.
Source: trio's checks for missing awaits.
"""

from __future__ import annotations

import asyncio
import inspect
import sys
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from functools import wraps
from types import CodeType
from typing import Any, Concatenate, NamedTuple, ParamSpec, Protocol, TypeVar

from weft.errors import WeftError
from weft.failure import relative_file
from weft.runs.strands import AwaitedOutside

P = ParamSpec("P")
R = TypeVar("R")
_LOOKED_AT_MIN = 16


class NeverAwaited(WeftError):
    """{what} was never awaited, so nothing came of it. Write `await` before it."""

    what: str
    where: str
    """The place that made it; empty where that is not known."""


class _Made(NamedTuple):
    """What a method of a run returned: of which name, and the place that called it."""

    coroutine: Coroutine[Any, Any, Any]
    name: str
    code: CodeType
    line: int


class Made:
    """What was made for one run's code, as far as it may not have been begun."""

    def __init__(self) -> None:
        self._made: list[_Made] = []
        self._looks_at = _LOOKED_AT_MIN

    def add(self, one: _Made) -> None:
        """One more. O(1) amortized, also where thousands are made before the first is begun."""
        if len(self._made) >= self._looks_at:
            self._made = list(self._never_begun())
            self._looks_at = max(_LOOKED_AT_MIN, 2 * len(self._made))
        self._made.append(one)

    def _never_begun(self) -> Iterator[_Made]:
        return (one for one in self._made if inspect.getcoroutinestate(one.coroutine) == inspect.CORO_CREATED)

    def close(self) -> list[_Made]:
        """Let go of all; returns what was never begun, of which nobody is warned then."""
        left, self._made = list(self._never_begun()), []
        for one in left:
            one.coroutine.close()
        return left

    def refuse_left(self, value: object) -> None:
        """Raise `NeverAwaited` where a flow that returned this left behind what it had made; once."""
        left = self.close()
        if left:
            where = f"{relative_file(left[0].code.co_filename)}:{left[0].line} in {left[0].code.co_name}"
            raise NeverAwaited(what=f"run.{left[0].name}(…)", where=where)
        if inspect.iscoroutine(value):
            value.close()
            raise NeverAwaited(what=f"{value.__qualname__}(…), which is returned,", where="")


class _MakesSteps(Protocol):
    made: Made


S = TypeVar("S", bound=_MakesSteps)


def noted(
    method: Callable[Concatenate[S, P], Coroutine[Any, Any, R]],
) -> Callable[Concatenate[S, P], Coroutine[Any, Any, R]]:
    """The method, which notes what it returns in `made`."""

    @wraps(method)
    def call(self: S, /, *args: P.args, **given: P.kwargs) -> Coroutine[Any, Any, R]:
        coroutine, caller = method(self, *args, **given), sys._getframe(1)
        self.made.add(_Made(coroutine, method.__name__, caller.f_code, caller.f_lineno))
        return coroutine

    return call


@contextmanager
def without_loop() -> Iterator[None]:
    """Meanwhile no event loop runs, as far as code can see. A slice is gone through on whichever thread has the turn:
    what looks for a loop would find the engine's at times, and its task, which a timeout of asyncio would cancel."""
    loop = asyncio._get_running_loop()
    asyncio._set_running_loop(None)
    try:
        yield
    finally:
        asyncio._set_running_loop(loop)


def told_outside(flow: str, error: BaseException) -> BaseException:
    """The error that a flow raised; for one that asyncio raises where no event loop runs, or no task of one, that the
    flow awaits something outside its run; for one that Python raises of a coroutine, that it was never awaited."""
    text = str(error)
    if isinstance(error, AttributeError) and inspect.iscoroutine(made := error.obj):
        return NeverAwaited(what=f"what {made.__name__}(…) returned", where="")
    if isinstance(error, TypeError) and "'coroutine'" in text:
        return NeverAwaited(what=f"a step of {flow}, or what else is a coroutine ({text}),", where="")
    if not isinstance(error, RuntimeError) or not ("event loop" in text or "inside a task" in text):
        return error
    named = [name for module, name in _frames(error) if module.partition(".")[0] == "asyncio"]
    return AwaitedOutside(flow=flow, what=f"asyncio's {named[0]}" if named else "something of asyncio")


def _frames(error: BaseException) -> Iterator[tuple[str, str]]:
    at = error.__traceback__
    while at is not None:
        yield str(at.tb_frame.f_globals.get("__name__", "")), at.tb_frame.f_code.co_name
        at = at.tb_next
