"""Networks: what of an address counts as one source.

Knows nothing of what is counted. Invariant: all addresses that one household or company is given are one source.
Source: RFC 6177, by which a site is given 64 bits and more.
"""

from __future__ import annotations

import ipaddress


def network_of(source: str) -> str:
    """An address, or of one with 128 bits the half that one household or company is given."""
    try:
        address = ipaddress.ip_address(source.partition("%")[0])
    except ValueError:
        return source
    if isinstance(address, ipaddress.IPv6Address):
        mapped = address.ipv4_mapped
        return str(ipaddress.ip_network((address, 64), strict=False) if mapped is None else mapped)
    return str(address)
