"""`weft runs`: the runs of flows that are not over, and those that failed; and what is said of one of them.

What is said goes into the inbox of the space: an engine at work takes it at once, else the next one to open the space
does. So this needs neither the lease nor the code of the types.

Knows nothing of how runs go on. Invariant: without a verb it only reads.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import click
import msgspec

from weft.cli import terminal
from weft.cli.opening import SPACE, reading
from weft.errors import WeftError

if TYPE_CHECKING:
    from weft.engine import Engine
    from weft.portrait.ended import EndedRun
    from weft.run_list import ListedRun, ListedSchedule, ListedStep
    from weft.space import Space

ID_CHARS = 8
WHY_LINES_MAX = 6
"""So much is shown of why a run stands where it does, and of what it waits for, where all are listed."""
SCHEDULES_MAX = 20
"""So many schedules are shown to people."""
ACTOR = "weft runs"
"""By whom these events are told, unless it is said."""


class UnknownRun(WeftError):
    """{found} in {space} begins with {text!r}, of those that `weft runs {space}` lists. Say more of its id."""

    exit_code = 2
    text: str
    space: str
    found: str


class NotNow(WeftError):
    """The run {run} {stands}, and {verb} is for runs that {wanted}. Nothing was told; {fits}."""

    exit_code = 2
    run: str
    stands: str
    verb: str
    wanted: str
    fits: str


class UnknownStep(WeftError):
    """{found} of the run {run} is called {text!r}, or begins so: `weft runs SPACE {run}` lists them."""

    exit_code = 2
    text: str
    run: str
    found: str


@click.command("runs")
@click.argument("space", type=SPACE)
@click.argument("run", required=False)
@click.option("--retry", "rewind", is_flag=True, help="RUN failed: it goes on before what failed in it.")
@click.option("--restart", is_flag=True, help="RUN begins anew.")
@click.option("--cancel", is_flag=True, help="RUN is to end, and may put things right first.")
@click.option("--adopt", is_flag=True, help="RUN began with other code: it goes on with the engine's, if that fits.")
@click.option("--before", metavar="STEP", help="With --retry: RUN, failed or not, goes on before this step.")
@click.option("--by", default=ACTOR, help="Who says so.", show_default=True)
@click.option("--json", "as_json", is_flag=True, help="As one JSON object, everything in full.")
def command(space: str, run: str | None, before: str | None, by: str, as_json: bool, **verbs: bool) -> None:
    """The runs of flows in SPACE that are not over, with what each waits for; first those that failed and those that
    are blocked, which somebody has to see to; then the flows that fire by the clock, and when. Of one RUN, named by its
    id or how that begins, every step that is known, also where it is over.

    With one of the options, have RUN go on, begin anew or end. The program that computes SPACE does it at once; if
    there is none, the next one that opens it with its types.

    The code of the types is not needed, and another program may be computing the space meanwhile.
    """
    verb = _one_of(verbs)
    if (verb or before) and run is None:
        raise click.UsageError("Say which RUN is meant: its id, or how that begins.")
    if before is not None and verb != "rewind":
        raise click.UsageError("--before belongs to --retry.")
    from weft.run_list import listed_schedules, listed_steps

    with reading(space) as opened:
        found = opened.runs()
        if run is not None and (over := _over(opened, found, run, space)):
            _check_over(over, verb, before)
            with opened.view() as engine:
                _show_over(engine, over, space, as_json=as_json)
            return
        one = None if run is None else _named(found, run, space)
        with opened.view() as engine:
            schedules = list(listed_schedules(engine)) if one is None else []
            steps = [] if one is None else listed_steps(engine, one.entity, one.flow, one.run)
    if one is not None and verb is not None:
        key = None if before is None else _step(steps, before, one.run)
        _check(one, verb if key is None else "before")
        _tell(space, one, verb, [] if key is None else [key], by, as_json=as_json)
    elif one is not None:
        _show(one, steps, as_json=as_json)
    else:
        _list(found, schedules, as_json=as_json)


def _one_of(verbs: Mapping[str, bool]) -> str | None:
    """The verb that was said; None where there was none."""
    said = [verb for verb in _OPTIONS if verbs[verb]]
    if len(said) > 1:
        *options, last = (_OPTIONS[verb] for verb in said)
        raise click.UsageError(f"{', '.join(options)} and {last} exclude each other: say one of them.")
    return said[0] if said else None


def _named(runs: Sequence[ListedRun], text: str, space: str) -> ListedRun:
    found = [one for one in runs if one.run.startswith(text.lower())]
    if len(found) != 1 or not text:
        many = "no run" if not found else f"each of {len(found)} runs"
        raise UnknownRun(text=text, space=space, found=many)
    return found[0]


def _over(opened: Space, runs: Sequence[ListedRun], text: str, space: str) -> EndedRun | None:
    """The run that is over, where no other is meant."""
    from weft.portrait.ended import ended_runs

    if not text or any(one.run.startswith(text.lower()) for one in runs):
        return None
    with opened.view() as engine:
        found = ended_runs(engine, text.lower())
    if len(found) > 1:
        raise UnknownRun(text=text, space=space, found=f"each of {len(found)} runs that are over")
    return found[0] if found else None


def _check_over(one: EndedRun, verb: str | None, before: str | None) -> None:
    if verb is not None:
        option, wanted, _ = _WANTED.get("before" if before is not None else verb, ("--cancel", "go on, or failed", ()))
        said = {"cancelled": "was cancelled", "skipped": "was skipped"}.get(one.ending, one.ending)
        raise NotNow(run=one.run[:ID_CHARS], stands=said, verb=option, wanted=wanted, fits="it is over")


def _show_over(engine: Engine, one: EndedRun, space: str, *, as_json: bool) -> None:
    from weft.cli.ended import lines_of
    from weft.portrait.ended import ended_plain

    if as_json:
        terminal.say_json(ended_plain(engine, one))
        return
    for line in lines_of(engine, space, one, terminal.width()):
        terminal.say(line)


def _step(steps: Sequence[ListedStep], text: str, run: str) -> str:
    """The key of the step that is meant: by its key, or by its kind and name where one alone is called so."""
    found = [one.key for one in steps if text in (one.key, f"{one.kind} {one.name}")]
    if len(found) != 1:
        many = "no step" if not found else f"each of {len(found)} steps"
        raise UnknownStep(text=text, run=run[:ID_CHARS], found=many)
    return found[0]


_OPTIONS = {"rewind": "--retry", "restart": "--restart", "cancel": "--cancel", "adopt": "--adopt"}
"""What each verb is called here."""
_WANTED: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "rewind": ("--retry", "failed", ("failed",)),
    "before": ("--before", "failed, are blocked, or go on", ("failed", "blocked", "goes on")),
    "restart": ("--restart", "failed, are blocked, or go on", ("failed", "blocked", "goes on")),
    "adopt": ("--adopt", "are blocked", ("blocked",)),
}
"""For which runs a verb is, in words and as they are listed; those that are not here are for all."""
_STANDS = {"blocked": "is blocked"}
"""How a run stands, as a part of a sentence, where that is not the word itself."""


def _check(one: ListedRun, verb: str) -> None:
    """Refuse at once what an engine would refuse later, when nobody is there to hear of it."""
    option, wanted, stands = _WANTED.get(verb, ("", "", (one.stands,)))
    if one.stands not in stands:
        said = _STANDS.get(one.stands, one.stands)
        raise NotNow(run=one.run[:ID_CHARS], stands=said, verb=option, wanted=wanted, fits=_fitting(one.stands))


def _fitting(stands: str) -> str:
    """What can be said of a run that stands so."""
    fits = [option for verb, option in _OPTIONS.items() if verb not in _WANTED or stands in _WANTED[verb][2]]
    fits += ["--retry with --before"] if "--retry" not in fits and stands in _WANTED["before"][2] else []
    *others, last = fits
    return f"for this one there {'are' if others else 'is'} {', '.join(others) + ' and ' if others else ''}{last}"


def _list(found: Sequence[ListedRun], schedules: Sequence[ListedSchedule], *, as_json: bool) -> None:
    from weft.cli.flow_lines import schedule_lines
    from weft.portrait.flow import schedule_plain

    if as_json:
        by_clock = [
            {"entity": one.entity, "type": one.type, "flow": one.flow, **schedule_plain(one)} for one in schedules
        ]
        terminal.say_json({"runs": [msgspec.to_builtins(one) for one in found], "schedules": by_clock})
        return
    for one in found:
        for line in _lines(one):
            terminal.say(line)
    for each in schedules[:SCHEDULES_MAX]:
        when, times = schedule_lines(schedule_plain(each))
        for said in (f"{each.type}.{each.flow} of {each.entity[:ID_CHARS]} {when}", f"  {times}"):
            for line in terminal.wrapped(said, terminal.width(), hanging="  "):
                terminal.say(line)
    if len(schedules) > SCHEDULES_MAX:
        terminal.say(f"… and {len(schedules) - SCHEDULES_MAX} more schedules")
    if not found:
        terminal.note("no run is under way, and none has failed")


def _show(one: ListedRun, steps: Sequence[ListedStep], *, as_json: bool) -> None:
    if as_json:
        terminal.say_json({**msgspec.to_builtins(one), "steps": [msgspec.to_builtins(step) for step in steps]})
        return
    for line in _lines(one, in_full=True):
        terminal.say(line)
    for step in steps:
        came = f"at {step.at}" if step.at else "awaited"
        failed = f": {step.error}" if step.error else ""
        said = terminal.shortened(f"{came:>9}  {step.key}{failed}", 3 * terminal.width())
        for line in terminal.wrapped(said, terminal.width(), indent="  ", hanging=" " * 13):
            terminal.say(line)


def _tell(space: str, one: ListedRun, verb: str, said: list[str], by: str, *, as_json: bool) -> None:
    from weft.opening import open as open_space
    from weft.store import EVENT

    other = open_space(space, engine=False, actor=by)
    try:
        with other.edit() as edit:
            edit.intents.append([one.entity, one.flow, verb, one.run, *said])
        with other.view() as engine:
            row = engine.row(EVENT, (edit.id,))
    finally:
        other.close()
    position = row[0] if row is not None and isinstance(row[0], int) else None
    if as_json:
        terminal.say_json({"run": one.run, "verb": verb, "position": position})
    elif position is not None:
        terminal.say(f"told at position {position}")
    else:
        text = "kept; the program that computes the space takes it, or the next one that opens it with its types"
        for line in terminal.wrapped(text, terminal.width(), hanging="  "):
            terminal.say(line)


def _lines(one: ListedRun, *, in_full: bool = False) -> Iterator[str]:
    """What is known of a run; `in_full`: all of why it failed, and where in its flow's code."""
    from weft.cli.flow_lines import place_text
    from weft.failure import shortened

    width = terminal.width()
    said = f"{one.run[:ID_CHARS]}  {one.type}.{one.flow} of {one.entity[:ID_CHARS]}: {one.stands}"
    yield from terminal.wrapped(said, width, hanging="  ")
    where = place_text(one.where) if one.where and in_full else ""
    for name, text in (("why: ", one.why), ("", where), ("waits for: ", ", ".join(one.awaits))):
        if text:
            # Both ends of why it stands so are shown: the last words say what to do.
            note = f"{name}{text if in_full else shortened(text, WHY_LINES_MAX * width)}"
            yield from terminal.wrapped(note, width, indent="  ", hanging="  ")
