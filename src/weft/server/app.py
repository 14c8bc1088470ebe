"""The app: everything that is served for some spaces, as one ASGI app.

Knows nothing of how spaces are opened, and of who listens where.
Invariant: nothing is served unless the table of services declares it, or the caller of `make_app` adds it.
Source: Starlette.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from importlib.metadata import version

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp

from weft.questions import KeepsSecrets
from weft.server.accounts import Accounts
from weft.server.body import JSON_TYPE
from weft.server.bounds import Settings
from weft.server.caller import Guard
from weft.server.doorway import API, Doorway
from weft.server.gate import gate_of
from weft.server.method import Method, check_table
from weft.server.openapi import openapi_of
from weft.server.rates import Rates
from weft.server.rest import Rest, nothing_there, rest_routes
from weft.server.served import Opens, Served
from weft.server.services import SERVICES
from weft.space import Space


def make_rest(
    spaces: Mapping[str, Space],
    guard: Guard,
    settings: Settings | None = None,
    *,
    secrets: KeepsSecrets | None = None,
    opens: Opens | None = None,
) -> Rest:
    """What methods are done with. Its threads end with the app that it is given to."""
    accounts = guard if isinstance(guard, Accounts) else None
    return Rest(Served(spaces, secrets=secrets, accounts=accounts, opens=opens), settings or Settings())


def make_app(
    spaces: Mapping[str, Space],
    guard: Guard,
    settings: Settings | None = None,
    more_routes: Sequence[BaseRoute] = (),
    *,
    table: Sequence[Method] = SERVICES,
    secrets: KeepsSecrets | None = None,
    held: Sequence[AbstractAsyncContextManager[object]] = (),
    rest: Rest | None = None,
) -> ASGIApp:
    """What serves these spaces to whom the guard knows. `more_routes` pass the same doorway, and come first: below
    `/api` they find who calls in the scope, as `weft.caller`; elsewhere, and for sockets, nobody was asked. `held` is
    entered when the server starts, and left when it stops. `rest`: as `make_rest` makes it, where others serve the same
    table beside it. Raises `Undeclared`."""
    check_table(table)
    rest = rest or make_rest(spaces, guard, settings, secrets=secrets)
    settings = rest.settings
    description = json.dumps(openapi_of(table, version("weft")), ensure_ascii=False).encode()

    async def openapi(_: Request) -> Response:
        return Response(description, media_type=JSON_TYPE)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            for one in held:
                await stack.enter_async_context(one)
            yield
        rest.close()

    routes = [
        *more_routes,
        Route(f"{API}/openapi.json", openapi, methods=["GET"]),
        *rest_routes(table, rest),
        Route("/{path:path}", nothing_there, methods=["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]),
    ]
    app = Starlette(routes=routes, lifespan=lifespan)
    app.router.redirect_slashes = False
    rates = Rates(settings.calls_per_s, settings.calls_burst, settings.clock)
    return Doorway(app, gate=gate_of(settings.hosts, settings.origins), guard=guard, rates=rates, pool=rest.pool)
