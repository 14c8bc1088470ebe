"""The gate: by which names a server may be called, and from which pages, whatever the transport.

A page of another site can make a browser call a server on the same machine, also by a name that it has pointed there.
So the name is looked at in every request, on loopback too, and the page's origin where a browser says it.

Knows nothing of callers. Invariant: what names no host that is served, or comes from a foreign page, gets no further.
Source: the defences against DNS rebinding, and against forged requests (OWASP).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from weft.server.refusals import ForeignHost, ForeignOrigin

LOOPBACK = ("localhost", "127.0.0.1", "[::1]")


@dataclass(frozen=True, slots=True)
class Gate:
    """Which names are served, without their ports; and which origins may call beside what is served itself."""

    hosts: frozenset[str] = frozenset(LOOPBACK)
    origins: frozenset[str] = frozenset()

    def check(self, host: str | None, origin: str | None) -> None:
        """Raises `ForeignHost`, `ForeignOrigin`. `host` and `origin` are as the request's headers say; an origin that
        is not said is that of no browser, or of the page itself."""
        if host is None or _name_of(host) not in self.hosts:
            raise ForeignHost(host=(host or "")[:200])
        if origin is not None and not self._is_ours(origin, host):
            raise ForeignOrigin(origin=origin[:200])

    def may_come(self, host: str, origin: str | None) -> bool:
        """The same, as a question: for routes that close a socket, or end a stream, in ways of their own."""
        try:
            self.check(host, origin)
        except (ForeignHost, ForeignOrigin):
            return False
        return True

    def check_headers(self, headers: Iterable[tuple[bytes, bytes]]) -> None:
        """The same, of the headers of an ASGI scope: of requests and sockets. One that is said twice is foreign."""
        said: dict[bytes, list[str]] = {b"host": [], b"origin": []}
        for name, value in headers:
            if (name := name.lower()) in said:
                said[name].append(value.decode("latin-1"))
        hosts, origins = said.values()
        self.check(
            hosts[0] if len(hosts) == 1 else None, origins[0] if len(origins) == 1 else ", ".join(origins) or None
        )

    def _is_ours(self, origin: str, host: str) -> bool:
        if origin in self.origins:
            return True
        try:
            parts = urlsplit(origin)
        except ValueError:
            return False
        return parts.scheme in ("http", "https") and f"{parts.scheme}://{host.lower()}" == origin.lower()


def _name_of(host: str) -> str:
    name, _, port = host.rpartition(":") if not host.endswith("]") else (host, "", "")
    if not name:
        name, port = port, ""
    return name.lower() if port == "" or (port.isascii() and port.isdigit()) else ""


def gate_of(hosts: Iterable[str], origins: Iterable[str] = ()) -> Gate:
    """The gate of a server that is called by these names, beside those of this machine itself."""
    return Gate(frozenset((*LOOPBACK, *map(str.lower, hosts))), frozenset(origins))


HEADERS: Mapping[str, str] = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Content-Security-Policy": (
        "default-src 'self'; img-src 'self' blob:; object-src 'none'; base-uri 'none'; form-action 'self'; "
        "frame-ancestors 'none'"
    ),
}
"""What every answer says to browsers, unless it says something stricter itself."""
