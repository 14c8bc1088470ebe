"""What `weft user` and `weft token` share: where accounts are kept, and how they are opened.

Knows nothing of what is done with them. Invariant: who only looks makes no file.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from weft.cli import terminal

if TYPE_CHECKING:
    from weft.server.accounts import Accounts

ENTITIES_SHOWN = 8
"""So many ids of entities are shown to people."""
ACCOUNTS = click.option(
    "--accounts", "path", type=click.Path(), metavar="FILE", help="Where they are, in place of ~/.weft/accounts.sqlite."
)
JSON = click.option("--json", "as_json", is_flag=True, help="As one JSON object.")


@contextmanager
def opened(path: str | None, *, makes: bool = False) -> Iterator[Accounts]:
    """The accounts in a file; where there is none, none, unless it `makes` one."""
    from weft.server.accounts import Accounts, default_path

    place = default_path() if path is None else Path(path)
    with Accounts(place if makes or place.exists() or place.is_symlink() else None) as held:
        yield held


def say_wrapped(text: str) -> None:
    """A line of data that fits."""
    for line in terminal.wrapped(text, terminal.width(), hanging="  "):
        terminal.say(line)


def held_to(entities: Iterable[str] | None) -> str:
    """Which entities, in words; with the roles that are granted for them, where these are said."""
    if entities is None:
        return "all entities"
    roles = entities if isinstance(entities, Mapping) else {}
    ids = [f"{one} ({roles[one]})" if roles.get(one) else one for one in sorted(entities)]
    more = f", … ({len(ids)} in all)" if len(ids) > ENTITIES_SHOWN else ""
    return f"held to {', '.join(ids[:ENTITIES_SHOWN]) or 'no entity'}{more}"


def moment(at_s: float | None) -> str | None:
    """A moment in words."""
    from weft.moment import moment_text

    return None if at_s is None else moment_text(int(at_s * 1_000_000))
