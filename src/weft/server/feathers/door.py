"""The door of Socket.IO: for whom there is room there who is not let in yet.

Who brings a credential of somebody's with the handshake is counted as that user, all others by the network that they
come from: so strangers who say nothing fill the door for their own network alone, and for nobody who is known.

Knows nothing of connections. Invariant: neither one user, nor one network, nor all strangers together stand at the door
in any number.
Source: bounds by source, as proxies have them.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from starlette.datastructures import Headers

from weft.errors import WeftError
from weft.server.accounts.network import network_of
from weft.server.caller import Guard
from weft.server.credential import credential_of

OF_USER_MAX = 50
"""So many connections may be at the door at one time that bring a credential of one user's."""
OF_NETWORK_MAX = 100
"""So many of strangers from one network."""
STRANGERS_MAX = 1000
"""So many of strangers, from wherever they come."""


class Comer(NamedTuple):
    """Who comes: a user, or from a network somebody of whom that is not known."""

    user: str
    network: str


def comer_of(headers: Headers, source: str, guard: Guard) -> Comer:
    """Who comes with these headers from an address. It may block."""
    try:
        return Comer(guard.caller(credential_of(headers).text).user, "")
    except WeftError:  # why they are not let in they are told once they ask to be
        return Comer("", network_of(source))


def is_room(comer: Comer, at_door: Iterable[Comer]) -> bool:
    """Whether one more may stand beside those who do."""
    there = list(at_door)
    if comer.user:
        return there.count(comer) < OF_USER_MAX
    return there.count(comer) < OF_NETWORK_MAX and sum(not one.user for one in there) < STRANGERS_MAX
