"""`weft user`: who may use a server, with which rights; also while it runs.

Knows nothing of how accounts are kept. Invariant: a password is read from a prompt that shows nothing, or from standard
input, never from an argument, and is never written.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from weft.cli import terminal
from weft.cli.accounts import ACCOUNTS, JSON, held_to, moment, opened, say_wrapped
from weft.cli.secret import ValueAside, asked, read

if TYPE_CHECKING:
    from weft.secrets.store import Hidden
    from weft.server.accounts.user import User

ROLE = click.option(
    "--role",
    metavar="ROLE",
    help="viewer: sees all; editor: also tells and answers; operator: also retries, cancels and pauses; administrator:"
    " also manages users and tokens.",
)
STDIN = click.option("--stdin", "from_stdin", is_flag=True, help="Read the password from standard input.")


class PasswordAside(ValueAside):
    """A command that asks for a password."""

    why = "Give NAME and options alone: the password is asked for, or read with --stdin, for arguments can be seen."


@click.group("user")
def command() -> None:
    """Say who may use a server, and what they may do. A server that runs takes a change at once.

    They are kept in ~/.weft/accounts.sqlite, which nobody else may read; of a password there is no more than a hash.
    """


@command.command("add", cls=PasswordAside)
@click.argument("name")
@ROLE
@click.option("--display", default="", metavar="TEXT", help="The name that is shown, in place of NAME.")
@STDIN
@ACCOUNTS
@JSON
def add_command(name: str, role: str | None, display: str, from_stdin: bool, path: str | None, as_json: bool) -> None:
    """Add the user NAME, who logs in by a password. The first one administers; others edit, unless --role says more or
    less."""
    with opened(path, makes=True) as held:
        _say(held.users.add(name, _password(name, from_stdin), role=role, display=display), as_json=as_json)


@command.command("list")
@ACCOUNTS
@JSON
def list_command(path: str | None, as_json: bool) -> None:
    """The users, their roles and entities."""
    with opened(path) as held:
        users = held.users.list()
    if as_json:
        terminal.say_json({"users": [_plain(each) for each in users]})
        return
    for each in users:
        say_wrapped(_line(each))
    if not users:
        terminal.note(f"there are none; {terminal.program()} user add NAME adds one")


@command.command("rename")
@click.argument("name")
@click.argument("display")
@ACCOUNTS
@JSON
def rename_command(name: str, display: str, path: str | None, as_json: bool) -> None:
    """Show NAME as DISPLAY. What they log in by stays."""
    with opened(path) as held:
        _say(held.users.rename(name, display), as_json=as_json)


@command.command("password", cls=PasswordAside)
@click.argument("name")
@STDIN
@ACCOUNTS
@JSON
def password_command(name: str, from_stdin: bool, path: str | None, as_json: bool) -> None:
    """Give NAME another password. All their sessions are closed; tokens stay."""
    with opened(path) as held:
        held.users.get(name)  # asked before the password is
        _say(held.users.set_password(name, _password(name, from_stdin)), as_json=as_json)


@command.command("disable")
@click.argument("name")
@ACCOUNTS
@JSON
def disable_command(name: str, path: str | None, as_json: bool) -> None:
    """Let NAME in no longer, nor their tokens. Their sessions are closed."""
    with opened(path) as held:
        _say(held.users.disable(name), as_json=as_json)


@command.command("enable")
@click.argument("name")
@ACCOUNTS
@JSON
def enable_command(name: str, path: str | None, as_json: bool) -> None:
    """Let NAME in again, and their tokens."""
    with opened(path) as held:
        _say(held.users.enable(name), as_json=as_json)


@command.command("remove")
@click.argument("name")
@ACCOUNTS
@JSON
def remove_command(name: str, path: str | None, as_json: bool) -> None:
    """Forget NAME, with their tokens and sessions. What they did stays in the spaces' logs."""
    with opened(path) as held:
        name = held.users.get(name).name
        held.users.remove(name)
    if as_json:
        terminal.say_json({"removed": name})
    else:
        terminal.say(f"{name} is removed")


@command.command("grant")
@click.argument("name")
@click.argument("entity", nargs=-1)
@ROLE
@click.option("--all", "all_entities", is_flag=True, help="All entities, in place of some.")
@ACCOUNTS
@JSON
def grant_command(
    name: str, entity: tuple[str, ...], role: str | None, all_entities: bool, path: str | None, as_json: bool
) -> None:
    """Give NAME a role, or an ENTITY by its id.

    Who was granted some entities is held to these: nothing else can be seen or done by them, until --all.
    """
    if all_entities and entity:
        raise click.UsageError("--all and ENTITY exclude each other.")
    if not (role or entity or all_entities):
        raise click.UsageError("Say what is granted: --role ROLE, an ENTITY or --all.")
    with opened(path) as held:
        if entity:
            user = held.users.grant(name, *entity, role=role)
        elif all_entities:
            user = held.users.grant_all(name, role=role)
        else:
            user = held.users.set_role(name, role or "")
        _say(user, as_json=as_json)


@command.command("revoke")
@click.argument("name")
@click.argument("entity", nargs=-1, required=True)
@ACCOUNTS
@JSON
def revoke_command(name: str, entity: tuple[str, ...], path: str | None, as_json: bool) -> None:
    """Let NAME act upon each ENTITY no longer. Who is left with none may see nothing."""
    with opened(path) as held:
        _say(held.users.revoke(name, *entity), as_json=as_json)


def _password(name: str, from_stdin: bool) -> Hidden:
    from weft.secrets.store import Hidden

    if from_stdin:
        return Hidden(read())
    if not sys.stdin.isatty():
        raise click.UsageError("Nobody can be asked for a password here: give it on standard input, with --stdin.")
    return Hidden(asked(f"password of {name}"))


def _say(user: User, *, as_json: bool) -> None:
    if as_json:
        terminal.say_json(_plain(user))
    else:
        say_wrapped(_line(user))


def _line(user: User) -> str:
    shown = "" if user.display == user.name else f" ({user.display})"
    marks = (", disabled" if user.is_disabled else "") + (", let in by links alone" if user.is_owner else "")
    return f"{user.name}{shown}: {user.role}, {held_to(user.entities)}{marks}"


def _plain(user: User) -> dict[str, object]:
    return {
        "name": user.name,
        "display": user.display,
        "role": user.role,
        "entities": None if user.entities is None else sorted(user.entities),
        "disabled": user.is_disabled,
        "owner": user.is_owner,
        "made": moment(user.made_s),
    }
