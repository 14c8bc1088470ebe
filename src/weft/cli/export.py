"""`weft export`: the log and the blobs of a space as lines of JSON.

Knows nothing of what lines hold. Invariant: on standard output stands the export and nothing else.
"""

from __future__ import annotations

import sys

import click

from weft.cli import terminal
from weft.cli.backup import noted, sized
from weft.cli.opening import SPACE, existing

OUTPUT = "-"
"""The destination that means standard output."""


@click.command("export")
@click.argument("space", type=SPACE)
@click.argument("destination", metavar="FILE|DIR", type=click.Path(allow_dash=True))
@click.option("--overwrite", is_flag=True, help="Replace FILE. A folder is never replaced.")
@click.option("--json", "as_json", is_flag=True, help="What was written, as one JSON object.")
def command(space: str, destination: str, overwrite: bool, as_json: bool) -> None:
    """Write all that SPACE holds as lines of JSON: each record with its header and payload, each blob by its content
    id. `weft import` makes the same space of it, with the same head.

    A name with an ending, such as notes.ndjson, is a FILE, with the blobs in it as base64. Any other, or one that ends
    in a slash, is a folder: log.ndjson, and each blob as a file in blobs/. A - is standard output.

    The space may be in use meanwhile. Edits that no engine has taken yet are not part of the log, and not exported.
    """
    from weft.copies import export_space
    from weft.copies.outgoing import write_lines

    note = noted("exported up to {done} of {of}")
    with existing(space):
        if destination == OUTPUT:
            if as_json:
                raise click.UsageError("With - the export itself is written to standard output: leave out --json.")
            made = write_lines(space, sys.stdout.buffer, on_progress=note)
        else:
            made = export_space(space, destination, overwrite=overwrite, on_progress=note)
    if made.waiting:
        waiting = (
            f"{terminal.counted(made.waiting, 'message')} of other programs that no engine has taken yet: not exported"
        )
        terminal.note(f"{waiting}. Open the space once, and export it again; or make a backup, which has them.")
    if as_json:
        counts = {"records": made.records, "erased": made.erased, "blobs": made.blobs, "blob_bytes": made.blob_bytes}
        said = {"export": made.path, "position": made.head.position, "head": made.head.digest.hex(), **counts}
        terminal.say_json({**said, "waiting": made.waiting})
    elif destination != OUTPUT:
        what = f"{terminal.counted(made.records, 'record')} and {terminal.counted(made.blobs, 'blob')}"
        said_of = f"{destination} holds {what} ({sized(made.blob_bytes)}), up to position {made.head.position}"
        for line in terminal.wrapped(said_of, terminal.width(), hanging="  "):
            terminal.say(line)
        terminal.say(f"head {made.head.digest.hex()}")
