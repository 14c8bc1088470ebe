"""Serving spaces that a command has opened: all that a server has, until it is told to stop.

Knows nothing of how spaces are opened, nor of what a command says of itself. Imported where a command is to serve, as
it needs the extra `server`.
Invariant: where nobody is known yet, one browser is let in, once.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Mapping, Sequence

from starlette.routing import BaseRoute

from weft.cli.secret import store_of
from weft.server.accounts import Accounts
from weft.server.app import make_app, make_rest
from weft.server.bounds import Settings
from weft.server.gate import gate_of
from weft.server.live import Live
from weft.server.login import LINK, login_routes
from weft.server.page import page_routes
from weft.server.rest import Rest
from weft.server.serve import address_of, serve
from weft.server.served import Opens
from weft.server.services import SERVICES
from weft.server.transports import MayCome, live_routes
from weft.space import Space


def serve_spaces(
    spaces: Mapping[str, Space],
    guard: Accounts,
    host: str,
    listens: socket.socket,
    *,
    hosts: Sequence[str] = (),
    opens: Opens | None = None,
    on_start: Callable[[str, str], None],
) -> None:
    """Serve these, by name, until Ctrl-C, and what is forked from them. `on_start` is told the address, and the link
    that lets a browser in: "" where there are users, who log in."""
    address = address_of(host, listens)
    settings, secrets = Settings(hosts=(host, *hosts)), store_of(None, in_keyring=False)
    live = Live(spaces, guard)
    may_come = gate_of(settings.hosts).may_come
    rest = make_rest(spaces, guard, settings, secrets=secrets, opens=opens)
    rest.served.on_add.append(live.add)
    routes = [*page_routes(), *login_routes(guard), *live_routes(live, may_come=may_come)]
    routes += _socket_io(live, rest, guard, may_come)
    served = make_app(spaces, guard, settings, routes, held=[live], rest=rest)

    def say() -> None:
        link = ""
        if not guard.has_users():
            link = f"{address}{LINK}?key={guard.logins.make_link(guard.users.own().name).reveal()}"
        on_start(address, link)

    serve(served, listens, say)


def _socket_io(live: Live, rest: Rest, accounts: Accounts, may_come: MayCome) -> list[BaseRoute]:
    """The routes of Socket.IO; what says that it is missing, where its extra is."""
    try:
        from weft.server.feathers.route import socket_io_routes
    except ModuleNotFoundError as missing:
        if str(missing.name).partition(".")[0] not in ("socketio", "engineio"):
            raise
        from weft.server.feathers.missing import missing_routes

        return missing_routes()
    return socket_io_routes(live, rest, SERVICES, may_come=may_come, accounts=accounts)
