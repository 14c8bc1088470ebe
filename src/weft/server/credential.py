"""What a request brings to be known by: a token, or the cookie of a session.

A cookie comes with a browser's requests whoever made it send them. So who is known by one changes things only by
requests with a header that pages of other sites cannot send.

Knows nothing of whom a credential belongs to. Invariant: no credential is taken from an address.
Source: RFC 6750; the double defence of SameSite and a custom header.
"""

from __future__ import annotations

from typing import NamedTuple

from starlette.datastructures import Headers

from weft.server.caller import Stranger
from weft.server.refusals import NotSaidByUs

COOKIE = "weft_session"
SAID_BY_US = "Weft-Request"
CHARACTERS_MAX = 4096
"""How long a credential may be."""


class Credential(NamedTuple):
    """What somebody brings. `is_cookie`: a browser sent it by itself."""

    text: str
    is_cookie: bool


def credential_of(headers: Headers) -> Credential:
    """What a request brings. Raises `Stranger`."""
    said = headers.getlist("authorization")
    if said:
        scheme, _, token = said[0].partition(" ")
        if len(said) > 1 or scheme.lower() != "bearer" or not token.strip():
            raise Stranger(why="the header Authorization is not `Bearer TOKEN`")
        return Credential(_bounded(token.strip()), is_cookie=False)
    # Cookies of whatever is served beside this, at other ports too, stand among them, and need not be well made.
    cookies = [one.strip().partition("=") for line in headers.getlist("cookie") for one in line.split(";")]
    found = [value.strip('"') for name, _, value in cookies if name == COOKIE and value.strip('"')]
    if found:
        return Credential(_bounded(found[-1]), is_cookie=True)
    raise Stranger(why="the request brings neither a token nor a session")


def _bounded(text: str) -> str:
    if len(text) > CHARACTERS_MAX or not text.isascii() or not text.isprintable():
        raise Stranger(why="what it brings is no credential")
    return text


def check_said_by_us(credential: Credential, headers: Headers) -> None:
    """For what changes things. Raises `NotSaidByUs`."""
    if credential.is_cookie and headers.get(SAID_BY_US) != "1":
        raise NotSaidByUs()


def cookie_of(credential: str, *, is_secure: bool) -> str:
    """The header `Set-Cookie` of a session."""
    return f"{COOKIE}={credential}; Path=/; HttpOnly; SameSite=Strict" + ("; Secure" if is_secure else "")


def no_cookie(*, is_secure: bool) -> str:
    """The header that takes it away."""
    return f"{cookie_of('', is_secure=is_secure)}; Max-Age=0"
