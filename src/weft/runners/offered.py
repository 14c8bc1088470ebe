"""The runners that a program offers: those that it was given, and one of each kind that Weft has.

Each is made on the loop that drives it, and none is imported before.

Knows nothing of which call goes where. Invariant: where services say how hard they may be used, every runner heeds it.
Source: executors by name, as in Celery's and concurrent.futures' pools.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

from weft.call import Limits, Runner


def runners_offered(services: Mapping[str, object], given: Mapping[str, Runner] | None) -> dict[str, Runner]:
    """By name, for a program that offers these services; made on the running loop. What was `given` stands alone, but
    for the loop's own."""
    runners = dict(given) if given is not None else {}
    for name, make in _makers(asyncio.get_running_loop(), services).items():
        if name not in runners and (given is None or name == "loop"):
            runners[name] = make()
    limits = {name: found for name, service in services.items() if (found := _limits_of(service)) is not None}
    if limits:
        from weft.runners.limits import Limiter

        limiter = Limiter(limits)
        runners = {name: limiter.around(runner) for name, runner in runners.items()}
    return runners


def _limits_of(service: object) -> Limits | None:
    """How hard a service may be used, where it says so."""
    found = getattr(service, "limits", None)
    return found if isinstance(found, Limits) and found != Limits() else None


def _makers(loop: asyncio.AbstractEventLoop, services: Mapping[str, object]) -> dict[str, Callable[[], Runner]]:
    from weft.runners.inline import InlineRunner
    from weft.runners.loop import LoopRunner
    from weft.runners.processes import ProcessRunner
    from weft.runners.threads import ThreadRunner

    return {
        "inline": InlineRunner,
        "loop": lambda: LoopRunner(loop),
        "thread": ThreadRunner,
        "process": ProcessRunner,
    }
