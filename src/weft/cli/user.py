"""`weft user`: who may use a server, with which rights; also while it runs.

Knows nothing of how accounts are kept. Invariant: a password is read from a prompt that shows nothing, or from standard
input, never from an argument, and is never written.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from weft.cli import terminal
from weft.cli.accounts import ACCOUNTS, JSON, held_to, moment, opened, say_wrapped
from weft.cli.secret import ValueAside, asked, read

if TYPE_CHECKING:
    from weft.secrets.store import Hidden
    from weft.server.accounts.user import User
    from weft.server.accounts.users import Users

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


def _about(
    verb: str, *more: Callable[[Any], Any], cls: type[click.Command] = click.Command
) -> Callable[[Callable[..., User]], click.Command]:
    """A command about the user NAME, who is said as they are behind it."""

    def made(act: Callable[..., User]) -> click.Command:
        def run(name: str, path: str | None, as_json: bool, **said: Any) -> None:
            with opened(path, makes=verb == "add") as held:
                _say(act(held.users, name, **said), as_json=as_json)

        run.__doc__ = act.__doc__
        for one in (JSON, ACCOUNTS, *reversed(more), click.argument("name")):
            run = one(run)
        return command.command(verb, cls=cls)(run)

    return made


@_about(
    "add",
    ROLE,
    click.option("--display", default="", metavar="TEXT", help="The name that is shown, in place of NAME."),
    STDIN,
    cls=PasswordAside,
)
def add_command(users: Users, name: str, role: str | None, display: str, from_stdin: bool) -> User:
    """Add the user NAME, who logs in by a password. The first one administers; others edit, unless --role says more or
    less."""
    return users.add(name, _password(name, from_stdin), role=role, display=display)


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


@_about("rename", click.argument("display"))
def rename_command(users: Users, name: str, display: str) -> User:
    """Show NAME as DISPLAY. What they log in by stays."""
    return users.rename(name, display)


@_about("password", STDIN, cls=PasswordAside)
def password_command(users: Users, name: str, from_stdin: bool) -> User:
    """Give NAME another password. All their sessions are closed; tokens stay."""
    users.get(name)  # asked before the password is
    return users.set_password(name, _password(name, from_stdin))


@_about("disable")
def disable_command(users: Users, name: str) -> User:
    """Let NAME in no longer, nor their tokens. Their sessions are closed."""
    return users.disable(name)


@_about("enable")
def enable_command(users: Users, name: str) -> User:
    """Let NAME in again, and their tokens."""
    return users.enable(name)


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


@_about(
    "grant",
    click.argument("entity", nargs=-1),
    ROLE,
    click.option("--all", "all_entities", is_flag=True, help="All entities, in place of some."),
)
def grant_command(users: Users, name: str, entity: tuple[str, ...], role: str | None, all_entities: bool) -> User:
    """Give NAME a role, or an ENTITY by its id; with both, that role for this ENTITY, in place of their own.

    Who was granted some entities is held to these: nothing else can be seen or done by them, until --all.
    """
    if all_entities and entity:
        raise click.UsageError("--all and ENTITY exclude each other.")
    if not (role or entity or all_entities):
        raise click.UsageError("Say what is granted: --role ROLE, an ENTITY or --all.")
    if entity:
        return users.grant(name, *entity, role=role)
    return users.grant_all(name, role=role) if all_entities else users.set_role(name, role or "")


@_about("revoke", click.argument("entity", nargs=-1, required=True))
def revoke_command(users: Users, name: str, entity: tuple[str, ...]) -> User:
    """Let NAME act upon each ENTITY no longer. Who is left with none may see nothing."""
    return users.revoke(name, *entity)


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
    return f"{user.name}{shown}: {user.role}, {held_to(user.grants)}{marks}"


def _plain(user: User) -> dict[str, object]:
    return {
        "name": user.name,
        "display": user.display,
        "role": user.role,
        "entities": None if user.entities is None else sorted(user.entities),
        "roles": {entity: role for entity, role in (user.grants or {}).items() if role},
        "disabled": user.is_disabled,
        "owner": user.is_owner,
        "made": moment(user.made_s),
    }
