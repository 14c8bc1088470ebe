"""HTTP requests as effects: sent once, with the effect's key as `Idempotency-Key`, to no address but a checked one.

What is said about the outcome follows the answer's status: 2xx is the receipt; 408, 425 and 429 were not carried out
and may be sent again; other 4xx are refusals, except 409, which receivers also say of a key that is still at work;
everything else is in doubt. A request of which a byte may have left is in doubt until an answer says more.
Redirects are followed where they say that nothing was done here: each is checked anew, none leaves for a listed host,
and one that leads to another origin takes neither credentials nor anything but a GET or HEAD along.

Knows nothing of what is requested.
Invariant: the connection is to an address that was checked by the one look-up of this request; secrets stand in no
error and no reply.
Source: RFC 9110; the draft of the Idempotency-Key header; OWASP on server-side request forgery.
"""

from __future__ import annotations

import asyncio
import math
import re
import ssl
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from functools import cache
from importlib.util import find_spec
from typing import TYPE_CHECKING, NamedTuple

from weft.driver import EffectRefused, InDoubt, NotReached
from weft.drivers.addresses import AddressRefused, NotResolved, Resolver, checked, system_resolver
from weft.echoes import Echoes, echoes_of
from weft.errors import WeftError
from weft.flow import Effect, Secret

if TYPE_CHECKING:
    import httpx

METHODS = ("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE")
KEY_HEADER = "idempotency-key"
RETRY_AFTER_S_MAX = 86_400.0
"""A receiver that asks to wait longer is tried again after this, or nobody would hear of it."""
_READING = ("GET", "HEAD")
_OURS = frozenset(
    {KEY_HEADER, "host", "content-length", "transfer-encoding", "connection", "expect", "te", "trailer", "upgrade"}
)
_CREDENTIALS = frozenset({"authorization", "proxy-authorization", "cookie", "api-key", "x-api-key"})
_GO_ALONG = frozenset({"accept", "accept-language", "accept-encoding"})
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE = re.compile(r"(?:[\x21-\x7e](?:[\t\x20-\x7e]*[\x21-\x7e])?)?")
_KEY = re.compile(r"[\x21-\x7e]{1,255}")
_LOCATION = "weft.location"
_EXCERPT_BYTES = 64 << 10
_EXCERPT_CHARS = 300
_EXCERPT_S = 2.0


class HttpMissing(WeftError):
    """Effects are sent by HTTP, and `httpx` is not installed. Install it with: pip install 'weft[http]'."""


@dataclass(frozen=True)
class HttpReply:
    """What a receiver answered. Header names are in small letters; cookies are left out, they are credentials."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class HttpRequest(Effect[HttpReply]):
    """One request. A header's value may be a `Secret`, and that of a credential must be."""

    method: str
    url: str
    headers: Mapping[str, str | Secret] = field(default_factory=dict)
    body: bytes = b""


class _Answer(NamedTuple):
    status: int
    headers: httpx.Headers
    body: bytes
    fault: str
    """Why the body is not whole; empty if it is."""


class _Hop(NamedTuple):
    """Where a request goes, and what goes with it."""

    method: str
    url: httpx.URL
    headers: Mapping[str, str]
    body: bytes
    may_be_loopback: bool


class _Exchange:
    """One carrying out: what it is called in errors, what errors must not hold, whether anything may have left."""

    def __init__(self, effect: str, echoes: Echoes) -> None:
        self.effect, self.echoes = effect, echoes
        self.is_sent = False

    async def trace(self, event: str, _: object) -> None:
        # Everything but connecting counts as sending: also what another version calls by a name not known here.
        if not event.startswith("connection."):
            self.is_sent = True

    def refused(self, why: str) -> EffectRefused:
        return EffectRefused(effect=self.effect, why=self.cleared(why))

    def not_reached(self, why: str, after_s: float | None = None) -> NotReached:
        return NotReached(effect=self.effect, why=self.cleared(why), after_s=after_s)

    def lost(self, why: str, after_s: float | None = None) -> InDoubt | NotReached:
        """The error for what ended without an answer that says enough."""
        kind = InDoubt if self.is_sent else NotReached
        return kind(effect=self.effect, why=self.cleared(why), after_s=after_s)

    def cleared(self, text: str) -> str:
        return self.echoes.cleared(text)


class HttpDriver:
    """Sends requests. `allow`: hosts on this machine that effects may name, as `127.0.0.1:8080` or `localhost`; one
    without a port stands for all its ports. `secrets` gives a secret's value."""

    effects: tuple[type[HttpRequest], ...] = (HttpRequest,)

    def __init__(
        self,
        *,
        allow: Sequence[str] = (),
        secrets: Callable[[Secret], str] | None = None,
        resolve: Resolver = system_resolver,
        tls: ssl.SSLContext | None = None,
        connect_s: float = 10.0,
        answer_s_max: float = 30.0,
        reply_bytes_max: int = 1 << 20,
        redirects_max: int = 5,
    ) -> None:
        if find_spec("httpx") is None:
            raise HttpMissing()
        self.allow = frozenset(host.lower() for host in allow)
        self.secrets, self.resolve, self.tls = secrets, resolve, tls
        self.connect_s, self.answer_s_max = connect_s, answer_s_max
        self.reply_bytes_max, self.redirects_max = reply_bytes_max, redirects_max

    async def carry_out(self, effect: HttpRequest, key: str, /) -> HttpReply:
        """Send it, and return the answer."""
        exchange, hop = self._begun(effect, key)
        limit = asyncio.timeout(self.answer_s_max)
        try:
            async with limit:
                return await self._followed(exchange, hop)
        except TimeoutError:
            if not limit.expired():
                raise
            raise exchange.lost(f"no whole answer within {self.answer_s_max:g} s") from None

    def _begun(self, effect: HttpRequest, key: str) -> tuple[_Exchange, _Hop]:
        plain = _Exchange(f"the request {effect.method[:20]!r}", Echoes())
        if effect.method not in METHODS:
            raise plain.refused(f"its method is none of {', '.join(METHODS)}")
        if not _KEY.fullmatch(key):
            raise plain.refused("its key is no text that a header can carry")
        url = _parsed(plain, effect.url)
        plain.effect = f"{effect.method} {_shown(url)}"
        for name, value in effect.headers.items():
            if (why := _header_fault(name, value)) is not None:
                raise plain.refused(f"its header {name!r} {why}")
        may_be_loopback = self._is_listed(url)
        has_secrets = any(isinstance(value, Secret) for value in effect.headers.values())
        if has_secrets and url.scheme != "https" and not may_be_loopback:
            raise plain.refused("it has a secret, and is not sent by https")
        headers = {name.lower(): self._value(plain, value) for name, value in effect.headers.items()}
        secret = [headers[name.lower()] for name, value in effect.headers.items() if isinstance(value, Secret)]
        exchange = _Exchange(
            plain.effect, echoes_of(part for value in secret for part in (value, value.rpartition(" ")[2]))
        )
        return exchange, _Hop(effect.method, url, {**headers, KEY_HEADER: key}, effect.body, may_be_loopback)

    def _value(self, exchange: _Exchange, value: str | Secret) -> str:
        if isinstance(value, str):
            return value
        try:
            found = self.secrets(value) if self.secrets is not None else None
        except Exception as failed:  # noqa: BLE001 - it is the program's, and its text might hold the value
            raise exchange.not_reached(f"the secret {value.name} raised {type(failed).__name__}") from None
        if found is None:
            raise exchange.not_reached("it has a secret, and the driver was made without `secrets=`")
        if not _VALUE.fullmatch(found):
            raise exchange.refused(f"the secret {value.name} holds what no header can carry")
        return found

    def _is_listed(self, url: httpx.URL) -> bool:
        host = url.raw_host.decode().lower()
        return host in self.allow or url.netloc.decode().lower() in self.allow

    async def _followed(self, exchange: _Exchange, hop: _Hop) -> HttpReply:
        for _ in range(self.redirects_max + 1):
            exchange.is_sent = False
            answer = await self._sent(exchange, hop)
            following = self._next(exchange, hop, answer)
            if following is None:
                return _outcome(exchange, hop.method, answer)
            hop = following
        raise exchange.refused(f"it is redirected more than {self.redirects_max} times")

    async def _sent(self, exchange: _Exchange, hop: _Hop) -> _Answer:
        import httpx

        host, port = hop.url.raw_host.decode(), hop.url.port or (443 if hop.url.scheme == "https" else 80)
        try:
            addresses = await checked(host, port, resolve=self.resolve, may_be_loopback=hop.may_be_loopback)
        except AddressRefused as refused:
            raise exchange.refused(f"{refused}{_how_to_allow(hop, refused)}") from None
        except NotResolved as failed:
            raise exchange.not_reached(str(failed)) from None
        why = ""
        for address in addresses:
            try:
                return await self._sent_to(exchange, hop, str(address))
            except (httpx.TransportError, OSError) as failed:
                why = f"{address}: {' '.join(str(failed).split()) or type(failed).__name__}"
            if exchange.is_sent:
                break
        raise exchange.lost(why)

    async def _sent_to(self, exchange: _Exchange, hop: _Hop, address: str) -> _Answer:
        import httpx

        # A client for each: one that kept connections would know them by address, and give one host's to another.
        waits = httpx.Timeout(self.answer_s_max, connect=self.connect_s)
        hooks = {"response": [_put_away]}
        async with httpx.AsyncClient(
            timeout=waits, verify=self.tls or _tls(), trust_env=False, event_hooks=hooks
        ) as client:
            request = client.build_request(
                hop.method,
                hop.url.copy_with(host=address),
                headers={
                    "user-agent": "weft",
                    "accept-encoding": "identity",
                    **hop.headers,
                    "host": hop.url.netloc.decode(),
                    "connection": "close",
                },
                content=hop.body or None,
                extensions={"sni_hostname": hop.url.raw_host.decode().rstrip("."), "trace": exchange.trace},
            )
            response = await client.send(request, stream=True, follow_redirects=False)
            try:
                if _LOCATION in response.extensions:
                    response.headers["location"] = response.extensions[_LOCATION]
                is_receipt = response.is_success
                taken = await (self._whole(response) if is_receipt else _beginning(response))
                return _Answer(response.status_code, response.headers, *taken)
            finally:
                await response.aclose()

    async def _whole(self, response: httpx.Response) -> tuple[bytes, str]:
        import httpx

        taken = bytearray()
        try:
            async for chunk in response.aiter_raw():
                taken += chunk
                if len(taken) > self.reply_bytes_max:
                    return b"", f"its body is longer than {self.reply_bytes_max} bytes"
        except httpx.TransportError as failed:
            return b"", f"its body was cut after {len(taken)} bytes ({type(failed).__name__})"
        return bytes(taken), ""

    def _next(self, exchange: _Exchange, hop: _Hop, answer: _Answer) -> _Hop | None:
        """Where the answer sends the request; None where it is the last answer."""
        is_reading = hop.method in _READING
        if answer.status not in (307, 308) and not (is_reading and answer.status in (301, 302, 303)):
            return None
        if "location" not in answer.headers:
            return None
        url = _parsed(exchange, answer.headers["location"], hop.url)
        place = _shown(url)
        if _origin(url) == _origin(hop.url):
            return hop._replace(url=url)
        if not is_reading:
            raise exchange.refused(f"it is redirected to {place}; name that address, if it is the right one")
        if hop.url.scheme == "https" and url.scheme != "https":
            raise exchange.refused(f"it is redirected from https to {place}")
        # Whoever answers must not reach what the program listed for its own effects.
        headers = {name: value for name, value in hop.headers.items() if name in _GO_ALONG}
        return _Hop(hop.method, url, headers, b"", may_be_loopback=False)


def _outcome(exchange: _Exchange, method: str, answer: _Answer) -> HttpReply:
    status = answer.status
    if 200 <= status < 300 or status == 304 or (status == 303 and method not in _READING):
        if answer.fault:
            raise exchange.lost(f"the answer was {status}, and {answer.fault}")
        headers = {
            name: exchange.cleared(value) for name, value in answer.headers.items() if not name.startswith("set-cookie")
        }
        return HttpReply(status, headers, exchange.echoes.cleared_bytes(answer.body))
    said = " ".join(exchange.cleared(answer.body.decode(errors="replace")).split())[:_EXCERPT_CHARS]
    why = f"the answer was {status}, {said!r}" if said else f"the answer was {status}"
    if status in (408, 425, 429):
        raise exchange.not_reached(why, _retry_after_s(answer.headers))
    if 400 <= status < 500 and status != 409:
        raise exchange.refused(why)
    raise exchange.lost(why, _retry_after_s(answer.headers))


async def _put_away(response: httpx.Response) -> None:
    """Keep from the client where it is redirected to: it reads that also where it is not to follow, and raises for what
    is no address, as if the answer had been lost."""
    if "location" in response.headers:
        response.extensions[_LOCATION] = response.headers.pop("location")


async def _beginning(response: httpx.Response) -> tuple[bytes, str]:
    """The first bytes of a body that only explains: its status has said enough, so neither time nor faults matter."""
    import httpx

    taken = bytearray()
    try:
        async with asyncio.timeout(_EXCERPT_S):
            async for chunk in response.aiter_raw():
                taken += chunk
                if len(taken) >= _EXCERPT_BYTES:
                    break
    except (httpx.TransportError, TimeoutError):
        pass
    return bytes(taken[:_EXCERPT_BYTES]), ""


def _parsed(exchange: _Exchange, text: str, base: httpx.URL | None = None) -> httpx.URL:
    import httpx

    try:
        url = httpx.URL(text) if base is None else base.join(text)
    except (httpx.InvalidURL, ValueError) as failed:
        raise exchange.refused(f"its address cannot be read: {str(failed)[:_EXCERPT_CHARS]}") from None
    if url.scheme not in ("http", "https") or not url.raw_host:
        raise exchange.refused("its address is none of http or https with a host")
    if url.port is not None and not 0 < url.port < 65536:
        raise exchange.refused("its address has a port that there is not")
    if "\\" in text or "@" in text.partition("://")[2].partition("/")[0] or url.userinfo:
        raise exchange.refused("its address holds a user or a backslash, so that its host is easily mistaken")
    return url


def _header_fault(name: str, value: str | Secret) -> str | None:
    if not _NAME.fullmatch(name):
        return "has a name that no header can have"
    if name.lower() in _OURS:
        return "is the driver's to set"
    if isinstance(value, Secret):
        return None
    if name.lower() in _CREDENTIALS:
        return "is a credential, which is given as a Secret"
    return None if _VALUE.fullmatch(value) else "has a value that no header can carry"


def _how_to_allow(hop: _Hop, refused: AddressRefused) -> str:
    """How a program allows a host on this machine that its own effect named, not one to which it was redirected."""
    if not refused.is_loopback or KEY_HEADER not in hop.headers:
        return ""
    return f" To allow it, make the driver by HttpDriver(allow=[{hop.url.netloc.decode()!r}])."


def _origin(url: httpx.URL) -> tuple[str, bytes, int | None]:
    return url.scheme, url.raw_host.lower(), url.port


def _shown(url: httpx.URL) -> str:
    """Without its query, which may hold a key."""
    return f"{url.scheme}://{url.netloc.decode()}{url.path}"


def _retry_after_s(headers: httpx.Headers) -> float | None:
    """Seconds to wait, from a number or a date; a date is read against the answer's own, so no clock is needed."""
    told = headers.get("retry-after", "")
    try:
        after_s = float(told)
    except ValueError:
        try:
            after_s = (parsedate_to_datetime(told) - parsedate_to_datetime(headers.get("date", ""))).total_seconds()
        except (TypeError, ValueError, OverflowError):
            return None
    return min(after_s, RETRY_AFTER_S_MAX) if math.isfinite(after_s) and after_s >= 0 else None


@cache
def _tls() -> ssl.SSLContext:
    """Made once: reading the certificates takes longer than a request to this machine."""
    import httpx

    return httpx.create_ssl_context(trust_env=False)
