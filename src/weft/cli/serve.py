"""`weft serve`: spaces, served to browsers and programs on this machine, or to others.

Knows nothing of what is served. Invariant: only this machine is served unless there are users.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from weft.cli import terminal
from weft.cli.opening import SCRIPT, existing, load, types_in
from weft.errors import WeftError

if TYPE_CHECKING:
    from weft.space import Space

LOOKS_EVERY_S = 0.002
"""How long a frame may still go out to somebody whom another program has just let in no longer."""
LOOPBACK, PORT = "127.0.0.1", 8707


class ServerMissing(WeftError):
    """Serving needs {part}, which is not installed. Install it with: pip install 'weft[server]'."""

    exit_code = 2
    part: str


class SameName(WeftError):
    """Two of the spaces are called {name}, and they are served by their names. Rename one of the files."""

    exit_code = 2
    name: str


class NothingToServe(WeftError):
    """There is no space at {path}, so nothing is served. Name one that is there; `weft run FILE --space {path}` makes
    one, of the types that FILE declares."""

    exit_code = 4
    path: str


@click.command("serve")
@click.argument("spaces", metavar="SPACE...", nargs=-1, required=True, type=click.Path(dir_okay=False))
@click.option("--app", type=SCRIPT, metavar="FILE", help="The types, and the services, that the spaces compute with.")
@click.option("--host", default=LOOPBACK, show_default=True, help="The address to listen at.")
@click.option("--port", default=PORT, show_default=True, type=click.IntRange(0, 65535), help="0 for any that is free.")
@click.option("--allow-host", "hosts", multiple=True, metavar="NAME", help="Another name that this is called by.")
@click.option("--accounts", type=click.Path(dir_okay=False), help="Where users are kept, as `weft user` makes them.")
def command(
    spaces: tuple[str, ...], app: str | None, host: str, port: int, hosts: tuple[str, ...], accounts: str | None
) -> None:
    """Serve each SPACE, under the name of its file, until Ctrl-C. With --app this program computes them, unless another
    does: FILE declares the types as for `weft run`. Without it they are looked at, and what they are told waits for a
    program that computes them.

    Users log in by name and password, or bring a token: see `weft user` and `weft token`. Where there are none yet, the
    address is printed with a link that lets one browser in, once.

    Clients of Feathers connect over Socket.IO, where the extra is installed: pip install 'weft[feathers]'.
    """
    try:
        from weft.cli.serving import serve_spaces
        from weft.server.accounts import Accounts, default_path
        from weft.server.serve import check_host, listening
    except ModuleNotFoundError as missing:
        raise server_missing(missing) from None

    kept = Path(accounts) if accounts is not None else default_path()
    with ExitStack() as held:
        guard = held.enter_context(
            Accounts(kept if accounts is not None or kept.exists() else None, looks_every_s=LOOKS_EVERY_S)
        )
        check_host(host, guard.has_users)
        opens = _opener(held, app)
        opened = _opened(spaces, opens)
        listens = held.enter_context(listening(host, port))

        def say(address: str, link: str) -> None:
            terminal.say(f"serving {', '.join(opened)} at {address}")
            if link:
                terminal.say(f"open this once, to be let in: {link}")

        serve_spaces(opened, guard, host, listens, hosts=hosts, opens=opens, on_start=say)
    terminal.note("stopped; everything is kept")


def server_missing(missing: ModuleNotFoundError) -> ModuleNotFoundError | ServerMissing:
    """What to raise for a module that is not there: what the extra brings is named with it."""
    part = str(missing.name).partition(".")[0]
    return ServerMissing(part=part) if part in ("starlette", "uvicorn") else missing


def _opener(held: ExitStack, app: str | None) -> Callable[[str], Space]:
    """What opens a space, and holds it until the server stops."""
    from weft.opening import open as open_space

    offered: dict[str, Any] = {"engine": False}
    if app is not None:
        module = load(app)
        offered = {"types": tuple(types_in(module).values()), "services": getattr(module, "SERVICES", {})}
    return lambda path: held.enter_context(open_space(path, **offered))


def _opened(paths: tuple[str, ...], opens: Callable[[str], Space]) -> dict[str, Space]:
    """The spaces by name."""
    from weft.stores.refusal import NoSpaceYet

    names = [Path(path).stem for path in paths]
    for name in names:
        if names.count(name) > 1:
            raise SameName(name=name)
    found: dict[str, Space] = {}
    for name, path in zip(names, paths, strict=True):
        try:
            with existing(path):
                found[name] = opens(path)
        except NoSpaceYet:
            raise NothingToServe(path=path) from None
    return found
