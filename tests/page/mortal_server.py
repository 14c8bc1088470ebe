"""A server of a shelf that stops at one of its engine's points, so that a test ends it exactly there."""

from __future__ import annotations

import sys
from functools import partial

from tests.kill.stops import Points, tell_parent
from tests.page.shelves import Shelf
from weft import Space
from weft.cli.serving import serve_spaces
from weft.definition import compiled_types
from weft.driving.drive import drive
from weft.server.accounts import Accounts
from weft.server.serve import listening
from weft.stores.sqlite import SqliteStore

HOST = "127.0.0.1"


def main(path: str, accounts: str, port: str, *stop: str) -> None:
    """Serve it until the end."""
    points = Points(stop[0], int(stop[1])) if stop else Points()
    store = SqliteStore(path, on_point=points)
    specs = compiled_types([Shelf])
    space = Space(store, specs, services={}, actor="ann", on_point=points, drive=partial(drive, drivers=()))
    space.know([Shelf])
    with space, Accounts(accounts) as guard, listening(HOST, int(port)) as listens:
        serve_spaces({"home": space}, guard, HOST, listens, on_start=lambda address, _: tell_parent(address))


if __name__ == "__main__":
    main(*sys.argv[1:])
