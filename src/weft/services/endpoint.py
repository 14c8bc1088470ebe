"""An HTTP endpoint in OpenAI's wire form: where it is, how it is asked, and every way in which it can refuse.

Each refusal is its own error, and names the endpoint, the model and the next step. A request is tried again only before
any of its answer was taken. The endpoint's key stands in one header and nowhere else: what the server says is shown
without it.

Knows nothing of what is asked or answered.
Invariant: no error, log, repr or fingerprint holds the key, also when the server echoes it.
Source: RFC 9110 (Retry-After); OpenAI's error codes.
"""

from __future__ import annotations

import asyncio
import ipaddress
import json
import math
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from functools import cache
from importlib.util import find_spec
from time import monotonic
from typing import TYPE_CHECKING, ClassVar, TypeVar
from urllib.parse import SplitResult, urlsplit

from weft.content import Plain
from weft.echoes import echoes_of
from weft.errors import WeftError
from weft.services.service import Health

if TYPE_CHECKING:
    import ssl

    import httpx

T = TypeVar("T")
_EXCERPT_CHARS = 300
_REFUSAL_BYTES_MAX = 64 << 10
_MODELS_BYTES_MAX = 4 << 20
_HEALTH_S_MAX = 3.0


class NoHttp(WeftError):
    """Models are asked over HTTP, and `httpx` is not installed. Install it with: pip install 'weft[models]'."""


class BadEndpoint(WeftError):
    """{url} cannot be the base address of a model endpoint: {why}. Give one such as http://127.0.0.1:11434/v1."""

    exit_code = 2
    url: str
    why: str


class EndpointError(WeftError):
    """The model endpoint {endpoint} could not answer for {model}: {why}."""

    may_pass: ClassVar[bool] = False
    """Whether the same request can succeed later, with nothing else changed."""
    endpoint: str
    model: str
    why: str


class Unreachable(EndpointError):
    """The model endpoint {endpoint} (for {model}) cannot be reached: {why}. Check that it runs and that the address is
    right; `weft fake-model` starts one that needs no model."""

    may_pass = True


class TimedOut(EndpointError):
    """The model endpoint {endpoint} was silent for {silence_s} s while it was asked for {model}. Try again, allow a
    longer silence with timeout_s, or ask a faster model."""

    may_pass = True
    silence_s: float


class TooSlow(EndpointError):
    """The answer of the model endpoint {endpoint} for {model} was not whole after {answer_s} s. Try again, ask for
    less, allow it longer with answer_s_max, or ask a faster model."""

    may_pass = True
    answer_s: float


class KeyRefused(EndpointError):
    """The model endpoint {endpoint} does not let this key use {model} ({status}): {why}. Give a key of that endpoint
    that may use this model, in OPENAI_API_KEY on the command line, or as the endpoint's api_key in a program."""

    status: int


class ModelUnknown(EndpointError):
    """The model endpoint {endpoint} knows no model {model}, or serves nothing at that address ({status}): {why}. Choose
    one of the models listed at {endpoint}/models, and check how the address must end (often /v1)."""

    status: int


class RateLimited(EndpointError):
    """The model endpoint {endpoint} takes no more requests for {model} now (tries: {tries}): {why}. {next_step}"""

    may_pass = True
    tries: int
    retry_after_s: float | None
    next_step: str


class EndpointFailed(EndpointError):
    """The model endpoint {endpoint} failed while it was asked for {model} ({status}, tries: {tries}): {why}. Try again
    later, or look at that server's log."""

    may_pass = True
    status: int
    tries: int


class RequestRefused(EndpointError):
    """The model endpoint {endpoint} refused a request for {model} ({status}): {why}. Change the settings, or ask a
    model that accepts them."""

    status: int


class Nonsense(EndpointError):
    """What {endpoint} answered for {model} is not in OpenAI's wire form: {why}. Check that the address is that of a
    model endpoint, and not of a web page or a proxy."""


class TooLarge(EndpointError):
    """The answer of {endpoint} for {model} is longer than the {bytes_max} bytes that are allowed. Ask for less, or
    raise answer_bytes_max."""

    bytes_max: int


class StreamCut(EndpointError):
    """The answer of {endpoint} for {model} broke off before the model said that it had finished, after {received}:
    {why}. What came is not an answer; try again."""

    may_pass = True
    received: str


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a silence is borne, and the whole answer waited for, tries and all; how often a request is tried again.
    Waits double from `retry_wait_s`, unless the endpoint says how long; one that asks for more than `retry_wait_s_max`
    is not waited for."""

    timeout_s: float = 60.0
    answer_s_max: float = 600.0
    retries: int = 2
    retry_wait_s: float = 0.5
    retry_wait_s_max: float = 30.0


@dataclass(frozen=True, slots=True)
class Endpoint:
    """The base address of an endpoint (such as https://api.openai.com/v1), its key, and how patiently it is asked."""

    base_url: str
    api_key: str | None = field(default=None, repr=False)
    patience: Patience = Patience()
    answer_bytes_max: int = 4 << 20
    sleep: Callable[[float], Awaitable[None]] = field(default=asyncio.sleep, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Refuse what cannot be asked, before anything is sent; raises `BadEndpoint`."""
        why = _fault(self.base_url, self.api_key)
        if why is not None:
            raise BadEndpoint(url=_shown(self.base_url), why=why)
        object.__setattr__(self, "base_url", self.base_url.rstrip("/"))

    @property
    def host(self) -> str:
        """The host alone: what names the endpoint in a fingerprint. A local server's port may change at each start."""
        return urlsplit(self.base_url).hostname or ""

    @asynccontextmanager
    async def ask(
        self, path: str, body: Mapping[str, Plain], *, model: str, wanted: str
    ) -> AsyncGenerator[AsyncIterator[bytes], None]:
        """Post `body`; give the answer's bytes as they come, once its content type is known to be `wanted`.

        Raises an `EndpointError`, here or while the bytes are read. At most `answer_bytes_max` bytes are taken.
        """
        if not _is_httpx_here():
            raise NoHttp
        import httpx

        content = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
        due_s = asyncio.get_running_loop().time() + self.patience.answer_s_max
        # A client belongs to one event loop, and a call may run in any: each exchange makes its own. A connection costs
        # little beside what a model takes, and nothing has to be closed later.
        hooks = {"response": [_unfollowed_soon]}
        async with httpx.AsyncClient(
            timeout=self.patience.timeout_s, verify=_tls(), trust_env=False, event_hooks=hooks
        ) as client:
            response = await self._within(due_s, self._accepted(client, path, content, model=model), model=model)
            try:
                self._check_form(response, model=model, wanted=wanted)
                yield self._read(response, due_s, model=model)
            finally:
                await response.aclose()

    async def _within(self, due_s: float, awaited: Awaitable[T], *, model: str) -> T:
        """What is awaited. Each byte ends a silence: a server that sends one now and then would else never time out."""
        limit = asyncio.timeout_at(due_s)
        try:
            async with limit:
                return await awaited
        except TimeoutError:
            if not limit.expired():
                raise
            answer_s = self.patience.answer_s_max
            raise TooSlow(endpoint=self.base_url, model=model, why="slow", answer_s=answer_s) from None

    async def _accepted(self, client: httpx.AsyncClient, path: str, content: bytes, *, model: str) -> httpx.Response:
        tries = 0
        while True:
            tries += 1
            try:
                return await self._try(client, path, content, model=model, tries=tries)
            except EndpointError as refused:
                wait_s = self._wait_s(refused, tries)
                if wait_s is None:
                    raise
            await self.sleep(wait_s)

    def _wait_s(self, refused: EndpointError, tries: int) -> float | None:
        """How long to wait before the next try; None when there is none."""
        patience = self.patience
        # A silence has already used up the patience of whoever waits; trying again is the caller's choice.
        if not refused.may_pass or isinstance(refused, TimedOut) or tries > patience.retries:
            return None
        told_s = refused.retry_after_s if isinstance(refused, RateLimited) else None
        if told_s is None:
            return float(min(patience.retry_wait_s * 2 ** (tries - 1), patience.retry_wait_s_max))
        return told_s if told_s <= patience.retry_wait_s_max else None

    async def _try(
        self, client: httpx.AsyncClient, path: str, content: bytes, *, model: str, tries: int
    ) -> httpx.Response:
        import httpx

        headers = {"content-type": "application/json", **self._headers()}
        request = client.build_request("POST", self.base_url + path, content=content, headers=headers)
        try:
            response = await client.send(request, stream=True)
        except httpx.ConnectTimeout:
            why = f"no connection within {self.patience.timeout_s:g} s"
            raise Unreachable(endpoint=self.base_url, model=model, why=why) from None
        except httpx.TimeoutException:
            raise self.timed_out(model) from None
        except httpx.HTTPError as failed:
            raise Unreachable(endpoint=self.base_url, model=model, why=self._cleared(_reason(failed))) from None
        if response.is_success:
            return response
        try:
            body = await _beginning(response, _REFUSAL_BYTES_MAX)
        except httpx.HTTPError:
            body = b""  # The status alone says enough.
        finally:
            await response.aclose()
        raise self._refusal(response, body, model=model, tries=tries)

    def _headers(self) -> dict[str, str]:
        # Unpacked answers could be far larger than what was counted: ask for none, and refuse them.
        headers = {"accept-encoding": "identity", "user-agent": "weft"}
        if self.api_key is not None:
            headers["authorization"] = f"Bearer {self.api_key}"
        return headers

    def _refusal(self, response: httpx.Response, body: bytes, *, model: str, tries: int) -> EndpointError:
        status, endpoint, why = response.status_code, self.base_url, self._said(body)
        if response.is_redirect:
            why = "it redirects elsewhere, which is not followed"
        if status in (401, 403):
            return KeyRefused(endpoint=endpoint, model=model, status=status, why=why)
        if status == 404:
            return ModelUnknown(endpoint=endpoint, model=model, status=status, why=why)
        if status == 429:
            after_s = _retry_after_s(response.headers)
            step = "Try again later." if after_s is None else f"It asks to wait {after_s:g} s; try again then."
            return RateLimited(
                endpoint=endpoint, model=model, tries=tries, retry_after_s=after_s, next_step=step, why=why
            )
        if status == 408 or status >= 500:
            return EndpointFailed(endpoint=endpoint, model=model, status=status, tries=tries, why=why)
        return RequestRefused(endpoint=endpoint, model=model, status=status, why=why)

    def _said(self, body: bytes) -> str:
        """What a refusal's body says, in a line, without the key."""
        try:
            said = error_text(json.loads(body))
        except (ValueError, RecursionError):
            said = None
        if said is None:
            said = body.decode(errors="replace")
            said = "it answers with a web page" if said.lstrip().startswith("<") else said
        return self.excerpt(said) or "it says nothing more"

    def excerpt(self, text: str) -> str:
        """The beginning of `text`, as one line, without the key."""
        line = " ".join(self._cleared(text).split()).rstrip(".")
        return line if len(line) <= _EXCERPT_CHARS else line[:_EXCERPT_CHARS] + " …"

    def _cleared(self, text: str) -> str:
        return echoes_of([self.api_key or ""], instead="[key]").cleared(text)

    def _check_form(self, response: httpx.Response, *, model: str, wanted: str) -> None:
        found = response.headers.get("content-type", "").partition(";")[0].strip().lower()
        if found != wanted:
            what = self.excerpt(found) or "nothing"
            raise self.nonsense(model, f"its content type should be {wanted} and is {what}")
        if response.headers.get("content-encoding", "identity").strip().lower() != "identity":
            raise self.nonsense(model, "it is compressed, which was not asked for")

    async def _read(self, response: httpx.Response, due_s: float, *, model: str) -> AsyncIterator[bytes]:
        import httpx

        size_bytes, chunks = 0, response.aiter_raw()
        try:
            while (chunk := await self._within(due_s, anext(chunks, None), model=model)) is not None:
                size_bytes += len(chunk)
                if size_bytes > self.answer_bytes_max:
                    raise TooLarge(endpoint=self.base_url, model=model, why="too long", bytes_max=self.answer_bytes_max)
                yield chunk
        except httpx.TimeoutException:
            raise self.timed_out(model) from None
        except httpx.HTTPError as failed:
            why = self._cleared(_reason(failed))
            raise self.stream_cut(model, received=f"{size_bytes} bytes", why=why) from None

    def nonsense(self, model: str, why: str) -> Nonsense:
        """The error for an answer that is not in the wire form; `why` must not hold unchecked words of the server."""
        return Nonsense(endpoint=self.base_url, model=model, why=why)

    def stream_cut(self, model: str, *, received: str, why: str) -> StreamCut:
        """The error for an answer that ended before it was finished."""
        return StreamCut(endpoint=self.base_url, model=model, received=received, why=why)

    def timed_out(self, model: str) -> TimedOut:
        """The error for an answer of which nothing came for too long."""
        silence_s = self.patience.timeout_s
        return TimedOut(endpoint=self.base_url, model=model, why="silence", silence_s=silence_s)

    def health(self, model: str) -> Health:
        """Ask for the list of models; an endpoint that keeps none counts as ready."""
        if not _is_httpx_here():
            return Health(False, "httpx is not installed", "pip install 'weft[models]'")
        import httpx

        try:
            status, body = self._models()
        except httpx.HTTPError as failed:
            why = f"{self.base_url} cannot be reached: {self._cleared(_reason(failed))}"
            return Health(False, why, "start that server, or set OPENAI_BASE_URL to one that runs")
        if status in (401, 403):
            return Health(
                False, f"{self.base_url} refuses the key ({status})", "set OPENAI_API_KEY to a key it accepts"
            )
        known = _model_names(body) if status == 200 else ()
        if status >= 500 or 300 <= status < 400:
            why = f"{self.base_url} answers with status {status}"
            return Health(False, why, "check OPENAI_BASE_URL, and look at that server's log")
        if known and model not in known:
            names = self.excerpt(", ".join(known))
            return Health(False, f"{self.base_url} has no model {model}", f"set WEFT_MODEL to one of: {names}")
        return Health(True)

    def _models(self) -> tuple[int, bytes]:
        import httpx

        taken, due_s = bytearray(), monotonic() + _HEALTH_S_MAX
        with (
            httpx.Client(
                timeout=_HEALTH_S_MAX, verify=_tls(), trust_env=False, event_hooks={"response": [_unfollowed]}
            ) as client,
            client.stream("GET", self.base_url + "/models", headers=self._headers()) as response,
        ):
            for chunk in response.iter_raw():
                taken += chunk
                if monotonic() > due_s:
                    raise httpx.ReadTimeout(f"its list of models does not end within {_HEALTH_S_MAX:g} s")
                if len(taken) > _MODELS_BYTES_MAX:
                    break
        return response.status_code, bytes(taken)


def is_loopback(base_url: str) -> bool:
    """Whether the address is on this machine: by a loopback number, or by the name localhost."""
    host = urlsplit(base_url).hostname or ""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def error_text(body: object) -> str | None:
    """The words of an error object in any of the forms that endpoints use, or None."""
    if not isinstance(body, dict):
        return None
    error = body.get("error", body)
    if isinstance(error, dict):
        error = next((error[name] for name in ("message", "detail", "code") if error.get(name)), None)
    return error if isinstance(error, str) else None


def _fault(base_url: str, api_key: str | None) -> str | None:
    try:
        parts = urlsplit(base_url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return "it is no address"
    if parts.scheme not in ("http", "https") or not host:
        return "it is no http or https address with a host"
    if parts.username is not None or parts.password is not None:
        return "it holds a user name or password (give a key apart from the address)"
    if parts.query or parts.fragment:
        return "it has a query or a fragment"
    if api_key is not None and not (api_key.isascii() and api_key.isprintable() and api_key and " " not in api_key):
        return "its key is empty, or holds characters that no header can carry"
    return None


def _shown(base_url: str) -> str:
    """The address without user, password, query and fragment."""
    try:
        parts = urlsplit(base_url)
    except ValueError:
        return "what was given"
    place = parts.netloc.rpartition("@")[2]
    return SplitResult(parts.scheme, place, parts.path, "", "").geturl() or "an empty address"


def _reason(failed: Exception) -> str:
    words = " ".join(str(failed).split()).rstrip(".")
    return words or type(failed).__name__


def _unfollowed(response: httpx.Response) -> None:
    """Keep from the client where it is redirected to: it reads that also where it is not to follow, and raises for what
    is no address."""
    response.headers.pop("location", None)


async def _unfollowed_soon(response: httpx.Response) -> None:
    _unfollowed(response)


async def _beginning(response: httpx.Response, bytes_max: int) -> bytes:
    taken = bytearray()
    async for chunk in response.aiter_raw():
        taken += chunk
        if len(taken) >= bytes_max:
            break
    return bytes(taken[:bytes_max])


def _retry_after_s(headers: httpx.Headers) -> float | None:
    """Seconds to wait, from a number or a date; a date is read against the answer's own, so no clock is needed."""
    told = headers.get("retry-after", "")
    try:
        after_s = float(told)
    except ValueError:
        after_s = _between_s(headers.get("date", ""), told)
    return after_s if math.isfinite(after_s) and after_s >= 0 else None


def _between_s(sooner: str, later: str) -> float:
    try:
        return (parsedate_to_datetime(later) - parsedate_to_datetime(sooner)).total_seconds()
    except (TypeError, ValueError, OverflowError):
        return math.nan


def _model_names(body: bytes) -> tuple[str, ...]:
    try:
        listed = json.loads(body)["data"]
        return tuple(model["id"] for model in listed if isinstance(model["id"], str))
    except (ValueError, TypeError, KeyError, RecursionError):
        return ()


def _is_httpx_here() -> bool:
    return find_spec("httpx") is not None


@cache
def _tls() -> ssl.SSLContext:
    """Made once: reading the certificates takes longer than a request to this machine."""
    import httpx

    return httpx.create_ssl_context(trust_env=False)
