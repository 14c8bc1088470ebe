"""`weft fake-model`: a made-up language model on this machine, for trying things and for tests.

Knows nothing of how it answers. Invariant: it listens on the loopback address alone, until it is interrupted.
"""

from __future__ import annotations

import threading

import click

from weft.cli import terminal


@click.command("fake-model")
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="Where to listen; 0 (as given): any free port.")
@click.option("--fault", metavar="FAULT", help="What every request meets in place of an answer.")
@click.option("--list-faults", is_flag=True, help="Print the faults there are, and end.")
def command(port: int, fault: str | None, list_faults: bool) -> None:
    """Serve a made-up language model in OpenAI's wire form: chat (streamed or whole), objects by JSON schema,
    embeddings. Prints its base URL, and serves until interrupted.
    """
    from weft.services.fake_model import FAULTS, FakeModel
    from weft.spelling import nearest

    if list_faults:
        for each in FAULTS:
            terminal.say(each)
        return
    if fault is not None and fault not in FAULTS:
        raise click.BadParameter(f"there is no fault {fault!r}: {nearest(fault, FAULTS)}", param_hint="--fault")
    try:
        with FakeModel(port=port, fault=fault) as url:
            terminal.say(url)
            terminal.note(f"to use it: export OPENAI_BASE_URL={url} WEFT_MODEL=fake-model")
            terminal.note("Ctrl-C ends it")
            threading.Event().wait()
    except OSError as why:
        raise click.ClickException(f"port {port} cannot be listened on: {why.strerror or why}") from why
