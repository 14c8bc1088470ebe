"""A server of spaces, called over HTTP by a program in Python.

    with Remote("http://127.0.0.1:8707", token) as remote:
        made = remote.call("entities.create", {"space": "home", "type": "Sum", "fields": {"n": 4}, "wait_s": 30})

What changes something is said under a name of its own, so that it can be said again where no answer came, and is done
once. Knows nothing of what methods do. Invariant: what may have been done is never sent again, unless it is named, or
changes nothing.
Source: idempotency keys; the clients of payment services.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, Self, overload
from urllib.parse import quote, urlsplit

from weft.remote.answers import EntityGiven, EntityPage, EntityTold, EventPage, Json, SpacesGiven, ValueGiven
from weft.remote.described import Described, Placed, methods_of
from weft.remote.following import Following
from weft.remote.patience import CALLS, Patience
from weft.remote.refused import CallRefused, NoServer, UnknownMethod, Unreachable, check_installed
from weft.remote.replayed import Recorded, replayed
from weft.server.client_state import ClientState

if TYPE_CHECKING:
    import httpx

ANSWER_S = 30.0
"""How long a call may take, beside what it is told to wait for the values that follow from it."""
AGAIN = 5
"""How often at most a call of a remote server is sent again, where no answer came."""
LOOPBACK = ("localhost", "127.0.0.1", "::1")
Given = Mapping[str, Any]


class Remote:
    """A server, and who calls it. Any thread may use it."""

    def __init__(
        self,
        base: str,
        token: str = "",
        *,
        again: int = AGAIN,
        patience: Patience = CALLS,
        sleep: Callable[[float], None] = time.sleep,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        """`base`: where it is, as `http://127.0.0.1:8707`. `token`: as `weft token make` prints it. `again`: how often
        at most a call is sent again where no answer came. Raises `RemoteMissing`, and `NoServer` for no address."""
        check_installed("httpx")
        import httpx

        _check_address(base)
        self.base, self._token, self._again = base.rstrip("/"), token, again
        self._patience, self._sleep = patience, sleep
        self._is_near = urlsplit(self.base).hostname in LOOPBACK
        headers = {"Accept": "application/json", "Weft-Request": "1"} | self._credential()
        # What is on this machine is reached by no proxy, whatever the environment says.
        self._http = httpx.Client(
            base_url=self.base, headers=headers, timeout=ANSWER_S, transport=transport, trust_env=not self._is_near
        )
        self._methods: dict[str, Described] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of its connections."""
        self._http.close()

    # ---- calls ----
    @overload
    def call(self, title: Literal["spaces.find"], given: Given = ..., /) -> SpacesGiven: ...
    @overload
    def call(self, title: Literal["entities.find"], given: Given, /) -> EntityPage: ...
    @overload
    def call(self, title: Literal["entities.get"], given: Given, /) -> EntityGiven: ...
    @overload
    def call(self, title: Literal["entities.create", "entities.patch"], given: Given, /) -> EntityTold: ...
    @overload
    def call(self, title: Literal["values.get"], given: Given, /) -> ValueGiven: ...
    @overload
    def call(self, title: Literal["events.find"], given: Given, /) -> EventPage: ...
    @overload
    def call(self, title: Literal["blobs.get"], given: Given, /) -> bytes: ...
    @overload
    def call(self, title: str, given: Given = ..., /) -> Any: ...
    def call(self, title: str, given: Given | None = None, /) -> Any:
        """What a method of the server's table gives, given this: a dictionary, or bytes where it gives content. What
        changes something is given a name, `once`, where it takes one and has none. Raises `CallRefused`, `Unreachable`,
        `NoServer`, `UnknownMethod`."""
        method, given = self._method(title), given or {}
        if method.takes_once:
            given = {"once": os.urandom(16).hex(), **given}
        wait_s = float(given.get("wait_s", 0))
        return self._until_answered(title, method.place(given), again=method.is_safe, timeout_s=ANSWER_S + wait_s)

    def upload(self, space: str, content: bytes, *, media_type: str = "", entity: str = "") -> Json:
        """Keep content: returns what fields that hold blobs are told. `entity`: for which it is, as those who may act
        upon some alone have to say."""
        given = {"space": space, "media_type": media_type, "entity": entity}
        placed = self._method("blobs.create").place({name: one for name, one in given.items() if one})
        # Content is known by what it is: sent twice, it is kept once.
        said: Json = self._until_answered("blobs.create", placed, again=True, timeout_s=None, content=content)
        return said

    # ---- what happens, and what happened ----
    def live(self, space: str, state: ClientState | None = None) -> Following:
        """What happens in a space, as it happens. `state`: what an earlier one held; it goes on there. Raises
        `RemoteMissing`."""
        check_installed("websockets")
        url = f"{'ws' + self.base.removeprefix('http')}/live/{quote(space, safe='')}"
        return Following(url, self._credential(), state, is_near=self._is_near)

    def replay(
        self,
        space: str,
        *,
        traversal: int | None = None,
        run: str | None = None,
        after: int | None = None,
        until: int | None = None,
        values: bool = True,
    ) -> Iterator[Recorded]:
        """What happened in a space, in order, with the values as they were recorded: see `replayed`. Nothing is
        computed for it."""
        return replayed(self.call, space, traversal=traversal, run=run, after=after, until=until, values=values)

    # ---- how it is asked ----
    def _credential(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._token}"} if self._token else {}

    def _method(self, title: str) -> Described:
        if self._methods is None:
            self._methods = self._described()
        if title not in self._methods:
            raise UnknownMethod(base=self.base, title=title, known=", ".join(self._methods))
        return self._methods[title]

    def _described(self) -> dict[str, Described]:
        """What the server says that it does. Raises `NoServer` where something else answers, or nothing."""
        placed = Placed("GET", "/api/openapi.json", {}, None)
        try:
            return methods_of(self._until_answered("openapi", placed, again=True, timeout_s=ANSWER_S))
        except Unreachable as found:
            raise NoServer(method="openapi", base=self.base, why=found.why) from found
        except CallRefused as found:
            if found.error:
                raise  # in words of a server's own
            why = f"what answers there knows no {placed.path} (status {found.code})"
            raise NoServer(method="openapi", base=self.base, why=why) from found
        except (AttributeError, KeyError, TypeError, ValueError) as found:
            why = "what answers there is something else, perhaps a page"
            raise NoServer(method="openapi", base=self.base, why=why) from found

    def _until_answered(
        self, title: str, placed: Placed, *, again: bool, timeout_s: float | None, content: bytes | None = None
    ) -> Any:
        attempt, most = 0, self._again if again else 0
        while True:
            found = self._asked(title, placed, timeout_s, content)
            if not isinstance(found, _NoAnswer):
                return found
            if attempt >= most or (found.refused is not None and found.after_s is None):
                raise found.refused or Unreachable(method=title, base=self.base, why=found.why)
            self._sleep(self._patience.delay_s(attempt) if found.after_s is None else found.after_s)
            attempt += 1

    def _asked(self, title: str, placed: Placed, timeout_s: float | None, content: bytes | None) -> Any:
        import httpx

        headers = {} if content is None else {"Content-Type": "application/octet-stream"}
        try:
            answer = self._http.request(
                placed.verb, placed.path, params=placed.query, json=placed.body, content=content, headers=headers,
                timeout=timeout_s,
            )  # fmt: skip
            return _read(title, answer)
        except httpx.TransportError as why:
            return _NoAnswer(str(why) or type(why).__name__)


def _check_address(base: str) -> None:
    """Raises `NoServer`."""
    try:
        parts = urlsplit(base)
        is_address = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_address = False
    if not is_address:
        raise NoServer(method="", base=base, why="that is no address of the form http://HOST:PORT")


class _NoAnswer:
    """None of the server's own, or one to come again."""

    def __init__(self, why: str, refused: CallRefused | None = None, after_s: float | None = None) -> None:
        self.why, self.refused, self.after_s = why, refused, after_s


def _read(title: str, answer: httpx.Response) -> Any:
    is_json = answer.headers.get("content-type", "").startswith("application/json")
    if answer.is_success:
        return answer.json() if is_json else answer.content
    if not is_json and answer.status_code >= 500:
        return _NoAnswer(f"status {answer.status_code}")  # of something that stands between
    refused = _refusal(title, answer.status_code, answer.json() if is_json else {})
    if answer.status_code == 429:
        return _NoAnswer("too many calls", refused, _seconds(answer.headers.get("retry-after", "")))
    raise refused


def _refusal(title: str, status: int, said: Mapping[str, Any]) -> CallRefused:
    facts = dict(said.get("data", {}))
    error = str(facts.pop("error", ""))
    return CallRefused(
        method=title, message=said.get("message", f"{title} was answered by status {status}."), code=status,
        name=said.get("name", ""), error=error, facts=facts, errors=dict(said.get("errors", {})),
    )  # fmt: skip


def _seconds(text: str) -> float | None:
    return float(text) if text.isascii() and text.isdigit() else None
