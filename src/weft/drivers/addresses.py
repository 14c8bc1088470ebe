"""Addresses that a request may go to: global unicast ones, and loopback where the program names the host.

A host is resolved once, every address that it has is checked, and the caller connects to one of exactly these: a name
that leads elsewhere a moment later leads nowhere. One address that is not allowed refuses them all.

Knows nothing of requests.
Invariant: what `checked` returns was looked up by one call, and is global unicast, or loopback of a host on the list.
Source: the special-purpose address registries of IANA (RFC 6890). Python's `is_global` differs between versions, and
that of 3.11 passes multicast, 6to4, NAT64 and site-local addresses.
"""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import Awaitable, Callable, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import TypeAlias

from weft.errors import WeftError

Address: TypeAlias = IPv4Address | IPv6Address
Resolver: TypeAlias = Callable[[str, int], Awaitable[Sequence[str]]]

_LOOPBACK = "loopback"
_FOUR = {
    "0.0.0.0/8": "this network",
    "10.0.0.0/8": "a private network",
    "100.64.0.0/10": "shared by a carrier",
    "127.0.0.0/8": _LOOPBACK,
    "169.254.0.0/16": "link-local",
    "172.16.0.0/12": "a private network",
    "192.0.0.0/24": "reserved for protocols",
    "192.0.2.0/24": "for documentation",
    "192.31.196.0/24": "reserved for protocols",
    "192.52.193.0/24": "reserved for protocols",
    "192.88.99.0/24": "a relay",
    "192.168.0.0/16": "a private network",
    "192.175.48.0/24": "reserved for protocols",
    "198.18.0.0/15": "for benchmarks",
    "198.51.100.0/24": "for documentation",
    "203.0.113.0/24": "for documentation",
    "224.0.0.0/4": "multicast",
    "240.0.0.0/4": "reserved",
}
_SIX = {
    "::1/128": _LOOPBACK,
    # What is special within the one part that is global unicast.
    "2001::/23": "reserved for protocols",
    "2001:db8::/32": "for documentation",
    "2002::/16": "another address in disguise",
    "3fff::/20": "for documentation",
}
_SPECIAL_FOUR = {IPv4Network(text): why for text, why in _FOUR.items()}
_SPECIAL_SIX = {IPv6Network(text): why for text, why in _SIX.items()}
_GLOBAL_SIX = IPv6Network("2000::/3")
_NUMBER = re.compile(r"(?i)[0-9]+|0x[0-9a-f]*")
_HOST = re.compile(r"[0-9A-Za-z._:-]+")


class AddressRefused(WeftError):
    """{host} is no address that a request may go to: {why}. Name a public host; one on this machine must be one
    that the program allows."""

    host: str
    why: str
    is_loopback: bool = False
    """Whether it is one on this machine."""


class NotResolved(WeftError):
    """{host} has no address: {why}. Check the name, or try again later."""

    host: str
    why: str


async def system_resolver(host: str, port: int) -> Sequence[str]:
    """The addresses of a host, as the system knows them."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(place[0]) for _, _, _, _, place in found]


def why_special(address: Address) -> str | None:
    """What keeps requests from this address; None for one that is global unicast."""
    if isinstance(address, IPv4Address):
        return next((why for network, why in _SPECIAL_FOUR.items() if address in network), None)
    special = next((why for network, why in _SPECIAL_SIX.items() if address in network), None)
    return special or (None if address in _GLOBAL_SIX else "outside what is global unicast")


async def checked(host: str, port: int, *, resolve: Resolver, may_be_loopback: bool) -> tuple[Address, ...]:
    """Every address of the host, in the resolver's order, without repeats; all of them allowed.

    Raises `AddressRefused`, and `NotResolved` where there is none.
    """
    addresses = (literal,) if (literal := _literal(host)) is not None else await _resolved(host, port, resolve)
    for address in addresses:
        why = why_special(address)
        if why is not None and not (may_be_loopback and why == _LOOPBACK):
            raise AddressRefused(host=host, why=f"{address} is {why}", is_loopback=why == _LOOPBACK)
    return addresses


def _literal(host: str) -> Address | None:
    """The address that is written as the host; None for a name. Odd ways to write one are refused, not understood."""
    if not _HOST.fullmatch(host):
        raise AddressRefused(host=repr(host), why="a host is letters, digits, dots and hyphens")
    if _NUMBER.fullmatch(host.rstrip(".").rpartition(".")[2]) or ":" in host:
        try:
            return ip_address(host)
        except ValueError:
            raise AddressRefused(host=host, why="an address is written in full, as in 192.0.2.1") from None
    return None


async def _resolved(host: str, port: int, resolve: Resolver) -> tuple[Address, ...]:
    try:
        found = await resolve(host, port)
        addresses = tuple(dict.fromkeys(map(ip_address, found)))
    except (OSError, ValueError) as failed:
        raise NotResolved(host=host, why=str(failed) or type(failed).__name__) from None
    if not addresses:
        raise NotResolved(host=host, why="the list of its addresses is empty")
    return addresses
