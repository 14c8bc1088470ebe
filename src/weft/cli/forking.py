"""`weft fork`: a new space that goes its own way from a position of another.

Knows nothing of how a log is carried over. Invariant: SPACE is only read; NEW is whole, or not there.
"""

from __future__ import annotations

import click

from weft.cli import terminal
from weft.cli.backup import noted
from weft.cli.opening import SCRIPT, SPACE, existing, load, types_in


@click.command("fork")
@click.argument("space", type=SPACE)
@click.argument("new", metavar="NEW", type=click.Path(dir_okay=False))
@click.option("--at", type=click.IntRange(min=0), metavar="N", help="The position to go from; the newest one without.")
@click.option("--app", type=SCRIPT, metavar="FILE", help="The script that declares its types, for folds of your own.")
@click.option("--json", "as_json", is_flag=True, help="What was made, as one JSON object.")
def command(space: str, new: str, at: int | None, app: str | None, as_json: bool) -> int:
    """Make the space NEW with all that SPACE had come to at position N, to go its own way from there. SPACE may be
    computed meanwhile, and is not changed.

    Runs of flows that were not over then end in NEW, and schedules pause, so that nobody is asked and nothing is
    carried out twice; `weft log NEW` tells which. What is told to NEW fires flows as in any space.
    """
    from weft.copies import fork_space
    from weft.definition import compile_type, type_name

    types = {type_name(kind): compile_type(kind) for kind in types_in(load(app)).values()} if app is not None else {}
    with existing(space):
        made = fork_space(space, new, at=at, types=types, on_progress=noted("forked up to {done} of {of}"))
    if as_json:
        said = {"space": made.path, "base": made.base.position, "position": made.head.position}
        terminal.say_json({**said, "runs": made.runs, "schedules": made.schedules, "lost": list(made.lost)})
    else:
        what = f"{new} is {space} up to position {made.base.position}, and goes its own way from there"
        for line in terminal.wrapped(what, terminal.width(), hanging="  "):
            terminal.say(line)
        for count, name, verb in ((made.runs, "run", "ended"), (made.schedules, "schedule", "paused")):
            if count:
                terminal.say(f"{terminal.counted(count, name)} {verb} in it")
    for name in made.lost:
        lost = f"not made again: {name} (its fold needs its code: `weft doctor {new} --rebuild --app FILE`)"
        for line in terminal.wrapped(lost, terminal.width(), hanging="  "):
            terminal.note(line)
    return 1 if made.lost else 0
