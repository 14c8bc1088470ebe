"""A call made again: which calls may be, how it is done, and what the two executions say together.

The second execution is given inputs of its own, made from the bytes of the first one's. Where the runner is one of ours
it is watched too, for what it does to them.

Knows nothing of spaces, tests or samples.
Invariant: whatever the second execution does, what the first one came to is not touched.
Source: QuickCheck's idempotence laws; reproducible builds, which build twice and compare.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from msgspec.structs import replace

from weft.call import Broke, Call, Finished, Partial, Report, Runner
from weft.content import decode
from weft.failure import message_of
from weft.operation import Operation
from weft.purity.difference import VALUE_CHARS_MAX, Difference, first_difference, view
from weft.purity.elsewhere import Answer, answer_of, order_for
from weft.purity.finding import Finding, Kind, declared_at
from weft.purity.inputs import Change, Inputs, watching
from weft.subscription import shortened
from weft.value import VALUE_BYTES_MAX

WITHIN = frozenset({"inline", "thread", "loop"})
"""Runners that call a function as it is, in this process."""
NOT_OF_THE_CALL = frozenset(
    {
        "BadArgument", "Cancelled", "FrameTooLarge", "NoInterpreter", "NoRecipe", "NotFindable", "NotForRunner",
        "OtherCode", "RunnerClosed", "ScriptFailed", "ThreadsStuck", "TimedOut", "WorkerDied",
    }
)  # fmt: skip
"""Kinds of errors that say how a runner fared, and nothing of the function."""


def why_not(operation: Operation, services: Mapping[str, object], *, metered: bool) -> str:
    """Why a call is not made a second time; empty where it may be. `metered`: also where that costs something."""
    for name, service in services.items():
        if service is None:
            continue
        if getattr(service, "effect", "none") == "writes outside":
            return f"its service {name} writes outside"
        if not getattr(service, "deterministic", False):
            return f"its service {name} does not say that it is deterministic"
        if not metered and getattr(service, "cost", "") not in ("", "free"):
            return f"its service {name} is metered"
    return "" if operation.pure else "it is not declared pure"


def is_of_the_call(report: Finished | Broke) -> bool:
    """Whether an outcome says something of the function; else of where it ran."""
    return isinstance(report, Finished) or report.kind not in NOT_OF_THE_CALL


def make_again(call: Call, inputs: Inputs, runner: Runner, done: Callable[[Answer], None]) -> None:
    """Make a call once more, on a runner, with inputs of its own; `call.id` is the second execution's. `done` is told
    its one outcome, from any thread. Raises nothing."""
    changes: list[Change] = []
    try:
        asked = replace(call, arguments=inputs.arguments())
        if runner.name == "process":
            asked = order_for(asked)
        elif runner.name in WITHIN:
            asked = replace(asked, operation=watching(call.operation, inputs, changes))
    except Exception as why:  # noqa: BLE001 - a service's recipe, and a class that is decoded, are user code
        done(Answer(Broke(call.id, "BadArgument", message_of(why), "", False, 0.0)))
        return

    def report(said: Report) -> None:
        if isinstance(said, Finished) and runner.name == "process":
            done(answer_of(call.id, said))
        elif isinstance(said, Broke) and runner.name == "process":
            done(Answer(replace(said, kind="WorkerDied")))  # the call's own errors come as values
        elif not isinstance(said, Partial):
            done(Answer(said, tuple(changes)))

    runner.start(asked, report)


def compared(inputs: Inputs, first: Finished | Broke, again: Answer) -> Iterator[Finding]:
    """What the two executions of a call show, if anything. Nothing where one of them did not get as far."""
    if not (is_of_the_call(first) and is_of_the_call(again.report)):
        return
    for change in again.changes:
        yield _finding("changed input", inputs, Difference(*change))
    second = again.report
    if isinstance(first, Finished) and isinstance(second, Finished):
        one, other = (decode(each.encoded, bytes_max=VALUE_BYTES_MAX) for each in (first, second))
        difference = first_difference(one, other)
        if difference is not None:
            yield _finding("two values", inputs, difference)
    elif isinstance(first, Broke) and isinstance(second, Broke):
        if (first.kind, first.message) != (second.kind, second.message):
            yield _finding("two errors", inputs, Difference("", _shown(first), _shown(second)))
    else:
        yield _finding("a value and an error", inputs, Difference("", _shown(first), _shown(second)))


def _shown(report: Finished | Broke) -> str:
    if isinstance(report, Finished):
        return view(decode(report.encoded, bytes_max=VALUE_BYTES_MAX))
    return shortened(f"{report.kind}: {report.message}", VALUE_CHARS_MAX)


def _finding(kind: Kind, inputs: Inputs, difference: Difference) -> Finding:
    operation = inputs.operation
    path, one, other, hint = difference
    where = declared_at(operation)
    return Finding(kind, operation.name, operation.version, where, inputs.given(), path, one, other, hint)
