"""The service `authentication`: who a connection speaks for, as Feathers' authentication client says it.

    create  {strategy: "jwt", accessToken: TOKEN}                    a token, or a session, that somebody has
    create  {strategy: "local", name: NAME, password: PASSWORD}      a new session; `username` or `email` say NAME too
    remove  null                                                     log out

Knows nothing of connections. Invariant: what is no credential of anybody's lets nobody in, and a password is shown
nowhere.
Source: Feathers' authentication service, of which the strategy `jwt` means any access token.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, NamedTuple

from weft.secrets.store import Hidden
from weft.server.accounts import Accounts
from weft.server.caller import Caller, Stranger
from weft.server.credential import CHARACTERS_MAX
from weft.server.method import Json, UnfitCall

PATH = "authentication"
NAMES = ("name", "username", "email")


class Brought(NamedTuple):
    """By what somebody wants to be known."""

    credential: str
    strategy: str


async def brought_by(said: Mapping[str, Any], accounts: Accounts | None, source: str) -> Brought:
    """What they bring, or are given for their password. Raises `UnfitCall`, `Stranger`, and what `Logins` does."""
    strategy = said.get("strategy")
    if strategy == "jwt":
        return Brought(token_of(said.get("accessToken")), strategy)
    if strategy == "local" and accounts is not None:
        names = [said[name] for name in NAMES if name in said]
        password = said.get("password")
        if len(names) != 1 or not isinstance(names[0], str) or not isinstance(password, str):
            raise _unfit("the strategy local takes a name and a password")
        begun = accounts.logins.begin_by_password(names[0], Hidden(password), source=source)
        opened = await asyncio.wrap_future(begun)
        return Brought(opened.session.reveal(), strategy)
    known = "jwt and local" if accounts is not None else "jwt"
    raise _unfit(f"its strategy is {str(strategy)[:40]!r}, and {known} are known")


def token_of(said: object) -> str:
    """An access token. Raises `Stranger` for what cannot be one."""
    if not isinstance(said, str) or not said or len(said) > CHARACTERS_MAX or not said.isascii():
        raise Stranger(why="what it brings is no credential")
    return said


def answer_of(brought: Brought, caller: Caller) -> Json:
    """What Feathers' client is answered, and keeps of it the access token."""
    entities = None if caller.entities is None else sorted(caller.entities)
    user = {"name": caller.user, "capabilities": sorted(caller.capabilities), "entities": entities}
    return {
        "accessToken": brought.credential, "authentication": {"strategy": brought.strategy}, "user": user,
    }  # fmt: skip


def _unfit(why: str) -> UnfitCall:
    return UnfitCall(method="authentication.create", why=why)
