"""`weft import`: a new space from an export.

Knows nothing of how an export is checked. Invariant: SPACE is whole, or not there.
"""

from __future__ import annotations

import click

from weft.cli import terminal
from weft.cli.backup import noted
from weft.cli.opening import SCRIPT, load, types_in


@click.command("import")
@click.argument("source", metavar="FILE|DIR", type=click.Path(exists=True))
@click.argument("space", type=click.Path(dir_okay=False))
@click.option("--app", type=SCRIPT, metavar="FILE", help="The script that declares its types, for folds of your own.")
@click.option("--json", "as_json", is_flag=True, help="What was made, as one JSON object.")
def command(source: str, space: str, app: str | None, as_json: bool) -> int:
    """Make the new SPACE from what `weft export` wrote. Every record and blob is checked, and all tables are made by
    playing the log: nothing is computed, and nobody is asked. Its head is the one that was exported.

    What is incomplete, changed or in another order is refused with the number of the line, and leaves no SPACE.
    """
    from weft.copies import import_space
    from weft.definition import compile_type, type_name

    types = {type_name(kind): compile_type(kind) for kind in types_in(load(app)).values()} if app is not None else {}
    made = import_space(source, space, types=types, on_progress=noted("imported up to {done} of {of}"))
    if as_json:
        said = {"space": made.path, "position": made.head.position, "head": made.head.digest.hex()}
        terminal.say_json({**said, "records": made.records, "blobs": made.blobs, "lost": list(made.lost)})
    else:
        what = f"{terminal.counted(made.records, 'record')} and {terminal.counted(made.blobs, 'blob')}"
        for line in terminal.wrapped(f"{space} holds {what}, each as it was exported", terminal.width(), hanging="  "):
            terminal.say(line)
        terminal.say(f"head {made.head.digest.hex()}")
    for name in made.lost:
        lost = f"not made again: {name} (its fold needs its code: `weft doctor {space} --rebuild --app FILE`)"
        for line in terminal.wrapped(lost, terminal.width(), hanging="  "):
            terminal.note(line)
    return 1 if made.lost else 0
