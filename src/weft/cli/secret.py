"""`weft secret`: values that stand in no space, set, listed and dropped.

Knows nothing of how they are kept. Invariant: a value is read from a prompt that shows nothing, or from standard input,
never from an argument, and is never written.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from weft.cli import terminal

if TYPE_CHECKING:
    from weft.secrets import SecretStore

FILE = click.option("--file", "path", type=click.Path(), help="Where they are kept, in place of ~/.weft/secrets.json.")
KEYRING = click.option("--keyring", "in_keyring", is_flag=True, help="In the system's keyring, in place of a file.")


class ValueAside(click.Command):
    """A command whose usage errors repeat no argument: it may be the value that somebody tried to give as one."""

    why = "Give NAME alone: the value is asked for, or read from standard input, for arguments can be seen."
    """What is said in their place."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read the arguments."""
        try:
            return super().parse_args(ctx, args)
        except click.UsageError:
            pass
        raise click.UsageError(self.why, ctx)


@click.group("secret")
def command() -> None:
    """Keep passwords and keys outside every space: a space holds a secret's name and generation, never its value.

    They are kept in ~/.weft/secrets.json, which nobody else may read, or in the system's keyring.
    """


@command.command("set", cls=ValueAside)
@click.argument("name")
@FILE
@KEYRING
def set_command(name: str, path: str | None, in_keyring: bool) -> None:
    """Keep a value as NAME. It is asked for without being shown, or read from standard input, less one line end.

    Another value than before is a new generation; the older ones stay until they are dropped.
    """
    store = store_of(path, in_keyring)
    secret = store.put(name, asked(f"value of {name}") if sys.stdin.isatty() else read())
    terminal.say(f"{secret.name} is kept, as generation {secret.generation}")


@command.command("list")
@FILE
@KEYRING
@click.option("--json", "as_json", is_flag=True, help="As one JSON object.")
def list_command(path: str | None, in_keyring: bool, as_json: bool) -> None:
    """Which secrets there are, and their generations; never a value."""
    found = store_of(path, in_keyring).list()
    if as_json:
        terminal.say_json({"secrets": found})
        return
    for name, kept in found.items():
        older = f" (also {', '.join(map(str, kept[:-1]))})" if kept[1:] else ""
        terminal.say(f"{name}  generation {kept[-1]}{older}")
    if not found:
        terminal.note(f"there are none; {terminal.program()} secret set NAME keeps one")


@command.command("drop")
@click.argument("name")
@click.option("--generation", type=click.IntRange(min=1), metavar="NUMBER", help="This one alone, in place of all.")
@FILE
@KEYRING
def drop_command(name: str, generation: int | None, path: str | None, in_keyring: bool) -> None:
    """Forget the value of NAME. What refers to it fails from then on, and says so."""
    gone = store_of(path, in_keyring).drop(name, generation)
    which = f"{'generation' if len(gone) == 1 else 'generations'} {', '.join(map(str, gone))}"
    terminal.say(f"{name} is dropped: {which}")


def store_of(path: str | None, in_keyring: bool) -> SecretStore:
    """Where secrets are kept, as the options say. Raises UsageError where they exclude each other."""
    from weft.secrets import FileSecrets, KeyringSecrets, default_path

    if path is not None and in_keyring:
        raise click.UsageError("--file and --keyring exclude each other.")
    return KeyringSecrets() if in_keyring else FileSecrets(path or default_path())


def asked(what: str) -> str:
    """What somebody types twice, without its being shown."""
    typed: Any = click.prompt(what, hide_input=True, confirmation_prompt=True, err=True)
    return str(typed)


def read() -> str:
    """What standard input holds, less one line end."""
    # Bytes that are not Unicode become what the store refuses; an error here would repeat them.
    text = sys.stdin.buffer.read().decode(errors="surrogateescape")
    return text[:-1].removesuffix("\r") if text.endswith("\n") else text
