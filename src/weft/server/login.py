"""Logging in and out: what gives a browser its session, and takes it away.

    GET   /login?key=LINK    by a link that works once
    POST  /login             by {"name": …, "password": …}
    POST  /logout            with the session
    GET   /login/brought     whether the browser brings a session, be it one that ended

What only asks the last of these learns nothing of accounts: it is for pages that are to show the way in without a call
that is refused.

A session goes to a browser as a cookie that no page can read. What asks comes through the doorway first, so no page of
another site asks.

Knows nothing of how accounts are kept. Invariant: nobody is let in but by accounts; no secret stands in an answer but
in the cookie that hands it over.
Source: the login links of notebook servers, without their reuse; OWASP's sheet on authentication.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from functools import wraps

from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from weft.errors import WeftError
from weft.secrets.store import Hidden
from weft.server.accounts import Accounts
from weft.server.accounts.sessions import Opened
from weft.server.body import JSON_TYPE, check_length, media_type_of, parse_body, read_all
from weft.server.caller import Stranger
from weft.server.credential import cookie_of, credential_of, no_cookie
from weft.server.doorway import refusal
from weft.server.refusals import OtherMediaType, UnreadableBody

LINK = "/login"
BROUGHT = "/login/brought"
NOT_LET_IN = "/?link=used"
"""Where somebody is led whose link lets nobody in."""
LOGIN_BYTES_MAX = 8192
"""How long a request to log in may be."""
_NO_STORE = {"Cache-Control": "no-store"}
Serves = Callable[[Request], Awaitable[Response]]


def login_routes(accounts: Accounts, *, is_secure: bool = False) -> list[BaseRoute]:
    """The routes. `is_secure`: browsers send the cookie by TLS alone."""

    def let_in(opened: Opened, answer: Response) -> Response:
        answer.headers["Set-Cookie"] = cookie_of(opened.session.reveal(), is_secure=is_secure)
        return answer

    @_refused_in_words
    async def login(request: Request) -> Response:
        if request.method == "GET":
            try:
                opened = accounts.logins.by_link(request.query_params.get("key", ""))
            except Stranger:
                if "text/html" not in request.headers.get("accept", ""):
                    raise
                return RedirectResponse(NOT_LET_IN, 303, _NO_STORE)  # a person reads it: the page says so
            return let_in(opened, RedirectResponse("/", 303, _NO_STORE))
        if request.method != "POST":  # who only looks whether there is something uses nothing up
            return Response(status_code=405, headers={"Allow": "GET, POST"})
        name, password = await _said(request)
        source = request.client.host if request.client else ""
        opened = await asyncio.wrap_future(accounts.logins.begin_by_password(name, password, source=source))
        return let_in(opened, JSONResponse({"user": opened.user, "ends_s": opened.ends_s}, headers=_NO_STORE))

    @_refused_in_words
    async def logout(request: Request) -> Response:
        accounts.sessions.close(credential_of(request.headers).text)
        return Response(status_code=204, headers={"Set-Cookie": no_cookie(is_secure=is_secure)})

    @_refused_in_words
    async def brought(request: Request) -> Response:
        try:
            is_brought = bool(credential_of(request.headers).text)
        except Stranger:
            is_brought = False
        return JSONResponse({"brought": is_brought}, headers=_NO_STORE)

    return [
        Route(LINK, login, methods=["GET", "POST"]), Route("/logout", logout, methods=["POST"]),
        Route(BROUGHT, brought, methods=["GET"]),
    ]  # fmt: skip


def _refused_in_words(serves: Serves) -> Serves:
    @wraps(serves)
    async def served(request: Request) -> Response:
        try:
            return await serves(request)
        except ClientDisconnect:
            # Nobody is there who could be answered, and strangers are not to fill the log.
            return Response(status_code=400)
        except WeftError as why:
            return refusal(why)

    return served


async def _said(request: Request) -> tuple[str, Hidden]:
    """The name and the password. Raises `OtherMediaType`, `UnreadableBody`, `BodyTooLarge`."""
    given = media_type_of(request.headers.get("content-type", ""))
    if given != JSON_TYPE:
        raise OtherMediaType(given=given, wanted=JSON_TYPE)
    check_length(request.headers.get("content-length"), LOGIN_BYTES_MAX)
    said = parse_body(await read_all(request.stream(), LOGIN_BYTES_MAX))
    name, password = said.get("name"), said.get("password")
    if said.keys() != {"name", "password"} or not isinstance(name, str) or not isinstance(password, str):
        example = json.dumps({"name": "…", "password": "…"}, ensure_ascii=False)
        raise UnreadableBody(why=f"it is not of the form {example}")
    return name, Hidden(password)
