"""The web app, served on loopback in a thread of its own."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import httpx
import uvicorn

from tests.server.accounts import CHEAP
from tests.until import LIMIT_S, until
from weft import Space
from weft.secrets.store import Hidden
from weft.server.accounts import Accounts
from weft.server.app import make_app, make_rest
from weft.server.bounds import Settings
from weft.server.caller import CAPABILITIES
from weft.server.gate import gate_of
from weft.server.live import Live
from weft.server.login import LINK, login_routes
from weft.server.page import page_routes
from weft.server.serve import address_of, listening
from weft.server.transports import live_routes

PASSWORD = "canary horse battery"


class Served:
    """A server that runs."""

    def __init__(self, address: str, accounts: Accounts, live: Live, space: Space) -> None:
        self.address, self.accounts, self.live, self.space = address, accounts, live, space
        token = accounts.tokens.make("ann", "program", CAPABILITIES).reveal()
        headers = {"Authorization": f"Bearer {token}"}
        self.program = httpx.Client(base_url=f"{address}/api", headers=headers, timeout=60)
        """Another client, by REST."""

    def link(self) -> str:
        """What lets one browser in."""
        return f"{self.address}{LINK}?key={self.accounts.logins.make_link('ann').reveal()}"

    def page(self, *parts: str) -> str:
        """An address in the page."""
        return f"{self.address}/#/{'/'.join(['home', *parts])}"

    def create(self, type: str, **fields: Any) -> str:
        """An entity's id, made from outside."""
        said = {"type": type, "fields": fields}
        return str(self.program.post("/spaces/home/entities", json=said).raise_for_status().json()["id"])

    def patch(self, entity: str, **said: Any) -> Mapping[str, Any]:
        """Tell it something from outside."""
        found: Mapping[str, Any] = (
            self.program.patch(f"/spaces/home/entities/{entity}", json=said).raise_for_status().json()
        )
        return found

    def value(self, entity: str, node: str) -> Any:
        """What a node shows."""
        return self.program.get(f"/spaces/home/entities/{entity}/nodes/{node}").raise_for_status().json().get("value")

    def cut(self) -> None:
        """Have every socket end, as a network does that fails."""
        for connection in list(self.live.connections):
            loop = connection.over.get_loop()
            loop.call_soon_threadsafe(connection.end, 1012, "come again")


@contextmanager
def serving(space: Space, **more: Any) -> Iterator[Served]:
    """Serve a space as `home` to ann, who may do everything, until this is left. `opens`: what its forks are opened
    with."""
    with Accounts(cost=CHEAP) as accounts, listening("127.0.0.1", more.pop("port", 0)) as listens:
        accounts.users.add("ann", Hidden(PASSWORD))
        live, settings = Live({"home": space}, accounts), Settings(calls_per_s=1e6, calls_burst=1e6)
        may_come = gate_of(()).may_come
        rest = make_rest({"home": space}, accounts, settings, opens=more.pop("opens", None))
        rest.served.on_add.append(live.add)
        routes = [*page_routes(), *login_routes(accounts), *live_routes(live, may_come=may_come)]
        app = make_app({"home": space}, accounts, settings, routes, held=[live], rest=rest)
        config = uvicorn.Config(
            app, log_level="error", ws="websockets-sansio", lifespan="on", timeout_graceful_shutdown=2,
            server_header=False, date_header=False,
        )  # fmt: skip
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, args=([listens],), name="server")
        thread.start()
        try:
            until(lambda: server.started or not thread.is_alive())
            found = Served(address_of("127.0.0.1", listens), accounts, live, space)
            with found.program:
                yield found
        finally:
            server.should_exit = True
            thread.join(LIMIT_S)
