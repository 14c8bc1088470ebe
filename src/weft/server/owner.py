"""The owner: whoever started the server on this machine, let in by a link that works once.

The link is printed where the server was started. Following it gives a browser a session, which lasts as long as the
server runs. Both are kept in memory alone, and are other ones at each start.

Knows nothing of users. Invariant: a link lets in once; no secret stands anywhere but in the answer that hands it over.
Source: the login links of notebook servers, without their reuse.
"""

from __future__ import annotations

import hmac
import secrets
import threading

from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from weft.server.caller import CAPABILITIES, Caller, Stranger
from weft.server.credential import cookie_of

OWNER = "owner"
LINK = "/login"
_SECRET_BYTES = 32


class Owner:
    """Knows one caller, who may do everything."""

    def __init__(self) -> None:
        self.key = secrets.token_urlsafe(_SECRET_BYTES)
        """What the link holds; empty once it was used."""
        self._session = ""
        self._lock = threading.Lock()

    @property
    def changes(self) -> int:
        """Nothing does: the owner stays."""
        return 0

    def let_in(self, key: str) -> str:
        """The credential of a session, for the key of the link. Raises `Stranger`, also for a key that was used."""
        with self._lock:
            if not self.key or not hmac.compare_digest(key.encode(), self.key.encode()):
                raise Stranger(why="this login link was used already, or is of another start of the server")
            self.key, self._session = "", secrets.token_urlsafe(_SECRET_BYTES)
            return self._session

    def caller(self, credential: str, /) -> Caller:
        """The owner. Raises `Stranger`."""
        if not self._session or not hmac.compare_digest(credential.encode(), self._session.encode()):
            raise Stranger(why="the session is of another start of the server, or was never begun")
        return Caller(OWNER, frozenset(CAPABILITIES))

    def routes(self, *, is_secure: bool = False) -> list[BaseRoute]:
        """Where the link leads."""

        async def login(request: Request) -> Response:
            if request.method != "GET":  # who only looks whether there is something uses nothing up
                return Response(status_code=405, headers={"Allow": "GET"})
            try:
                session = self.let_in(request.query_params.get("key", ""))
            except Stranger as why:
                return PlainTextResponse(str(why), 401)
            found = RedirectResponse("/", 303, {"Cache-Control": "no-store"})
            found.headers["Set-Cookie"] = cookie_of(session, is_secure=is_secure)
            return found

        return [Route(LINK, login, methods=["GET"])]
