"""Serving spaces that a command has opened: all that a server has, until it is told to stop.

Knows nothing of how spaces are opened, nor of what a command says of itself. Imported where a command is to serve, as
it needs the extra `server`.
Invariant: where nobody is known yet, one browser is let in, once.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Mapping, Sequence

from weft.cli.secret import store_of
from weft.server.accounts import Accounts
from weft.server.app import make_app
from weft.server.bounds import Settings
from weft.server.gate import gate_of
from weft.server.live import Live
from weft.server.login import LINK, login_routes
from weft.server.page import page_routes
from weft.server.serve import address_of, serve
from weft.server.transports import live_routes
from weft.space import Space


def serve_spaces(
    spaces: Mapping[str, Space],
    guard: Accounts,
    host: str,
    listens: socket.socket,
    *,
    hosts: Sequence[str] = (),
    on_start: Callable[[str, str], None],
) -> None:
    """Serve these, by name, until Ctrl-C. `on_start` is told the address, and the link that lets a browser in: "" where
    there are users, who log in."""
    address = address_of(host, listens)
    settings, secrets = Settings(hosts=(host, *hosts)), store_of(None, in_keyring=False)
    live = Live(spaces, guard)
    may_come = gate_of(settings.hosts).may_come
    routes = [*page_routes(), *login_routes(guard), *live_routes(live, may_come=may_come)]
    served = make_app(spaces, guard, settings, routes, held=[live], secrets=secrets)

    def say() -> None:
        link = ""
        if not guard.has_users():
            link = f"{address}{LINK}?key={guard.logins.make_link(guard.users.own().name).reveal()}"
        on_start(address, link)

    serve(served, listens, say)
