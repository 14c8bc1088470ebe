"""`weft backup`: a second file with all that a space holds, taken while its engine goes on.

Knows nothing of how a copy is made or checked. Invariant: what is at DEST is a whole space, or what was there before.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import click

from weft.cli import terminal
from weft.cli.opening import SPACE, existing

NOTED_S = 2.0
"""How often a command that takes long says how far it is."""


@click.command("backup")
@click.argument("space", type=SPACE)
@click.argument("destination", metavar="DEST", type=click.Path())
@click.option("--overwrite", is_flag=True, help="Replace an older backup at DEST.")
@click.option("--thorough", is_flag=True, help="Check each row and blob of the copy too, as `weft doctor` does.")
@click.option("--json", "as_json", is_flag=True, help="What was made, as one JSON object.")
def command(space: str, destination: str, overwrite: bool, thorough: bool, as_json: bool) -> None:
    """Copy SPACE to the file DEST, as it is at one moment: records, blobs, edits that wait, what was acknowledged.
    Programs that compute or edit the space meanwhile go on, and are not waited for.

    The copy is checked (pages, and the chain of all records) before it takes its place, and opens as a space. Copying
    the file by other means misses what is in its write-ahead log.
    """
    from weft.copies import back_up

    with existing(space):
        made = back_up(
            space, destination, overwrite=overwrite, thorough=thorough, on_progress=noted("copied {done} of {of} pages")
        )
    if as_json:
        size = {"size_bytes": made.size_bytes, "waiting": made.waiting}
        terminal.say_json({"backup": made.path, "position": made.position, **size})
        return
    said = f"{destination} is a copy of {space} at position {made.position}: whole, {sized(made.size_bytes)}"
    if made.waiting:
        said += f", with {terminal.counted(made.waiting, 'message')} of other programs that no engine has taken yet"
    for line in terminal.wrapped(said, terminal.width(), hanging="  "):
        terminal.say(line)


def sized(size_bytes: int) -> str:
    """A size in the largest unit of which there is at least one."""
    for shift, unit in ((30, "GiB"), (20, "MiB"), (10, "KiB")):
        if size_bytes >> shift:
            return f"{size_bytes / (1 << shift):.1f} {unit}"
    return f"{size_bytes} bytes"


def noted(text: str, clock: Callable[[], float] = time.monotonic) -> Callable[[int, int], None]:
    """What says how far something is, on standard error, and not often; `text` holds {done} and {of}."""
    last = clock()

    def note(done: int, of: int) -> None:
        nonlocal last
        if clock() - last >= NOTED_S:
            last = clock()
            terminal.note(text.format(done=done, of=of))

    return note
