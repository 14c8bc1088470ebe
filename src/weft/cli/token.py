"""`weft token`: what programs bring that use a server for a user.

Knows nothing of how accounts are kept. Invariant: a token's text is written once, when it is made.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import click

from weft.cli import terminal
from weft.cli.accounts import ACCOUNTS, JSON, held_to, moment, opened, say_wrapped

if TYPE_CHECKING:
    from weft.server.accounts.tokens import Token

DAY_S = 86400.0


@click.group("token")
def command() -> None:
    """Let programs use a server for a user: each brings a token, in place of a password.

    A token allows what it names, and never more than its user may do at the time. A server that runs takes a change at
    once.
    """


@command.command("make")
@click.argument("user")
@click.argument("name")
@click.option(
    "--may",
    multiple=True,
    default=("read",),
    metavar="WHAT",
    help="read, edit, answer, operate or administer; as often as needed. read, if it is not said.",
)
@click.option("--entity", multiple=True, metavar="ID", help="Hold it to this one; as often as needed.")
@click.option(
    "--days", type=click.FloatRange(min=0, min_open=True), default=90, show_default=True, help="How long it is good."
)
@click.option("--endless", is_flag=True, help="It is good until it is revoked.")
@ACCOUNTS
@JSON
def make_command(
    user: str,
    name: str,
    may: tuple[str, ...],
    entity: tuple[str, ...],
    days: float,
    endless: bool,
    path: str | None,
    as_json: bool,
) -> None:
    """Make a token for USER, called NAME, and print it: this once, as no more than a hash of it is kept."""
    with opened(path) as held:
        lifetime_s = None if endless else days * DAY_S
        token = held.tokens.make(user, name, may, entities=entity or None, lifetime_s=lifetime_s)
        made = next(each for each in held.tokens.list(user) if each.name == name)
    if as_json:
        terminal.say_json({"token": token.reveal(), **_plain(made)})
        return
    terminal.say(token.reveal())
    terminal.note("keep it where nobody else can read it; it is not shown again")


@command.command("list")
@click.argument("user", required=False)
@ACCOUNTS
@JSON
def list_command(user: str | None, path: str | None, as_json: bool) -> None:
    """The tokens of USER, or of all: what they allow, until when, and when they were last used; never their texts."""
    with opened(path) as held:
        tokens = held.tokens.list(user)
    if as_json:
        terminal.say_json({"tokens": [_plain(each) for each in tokens]})
        return
    for each in tokens:
        say_wrapped(_line(each))
    if not tokens:
        terminal.note(f"there are none; {terminal.program()} token make USER NAME makes one")


@command.command("revoke")
@click.argument("user")
@click.argument("name")
@ACCOUNTS
@JSON
def revoke_command(user: str, name: str, path: str | None, as_json: bool) -> None:
    """Let nobody in by USER's token NAME any more."""
    with opened(path) as held:
        held.tokens.revoke(user, name)
    if as_json:
        terminal.say_json({"revoked": name, "user": user})
    else:
        terminal.say(f"{name} of {user} is revoked")


def _line(token: Token) -> str:
    ends = moment(token.expires_s)
    good = {"it was revoked": "revoked", "it has expired": f"expired {ends}"}.get(
        token.why_not(time.time()), f"until {ends}" if ends else "endless"
    )
    used = moment(token.used_s) or "never"
    capabilities = " ".join(sorted(token.capabilities)) or "nothing"
    return f"{token.user} {token.name}: {capabilities}, {held_to(token.entities)}; {good}; last used {used}"


def _plain(token: Token) -> dict[str, object]:
    return {
        "user": token.user,
        "name": token.name,
        "may": sorted(token.capabilities),
        "entities": None if token.entities is None else sorted(token.entities),
        "made": moment(token.made_s),
        "expires": moment(token.expires_s),
        "used": moment(token.used_s),
        "revoked": moment(token.revoked_s),
    }
