"""What the tests of the server share: types, a guard, and requests as raw as ASGI has them."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import httpx
from starlette.types import ASGIApp, Message

from weft import Blob, Entity, Field, Ref, Run, counter, derive, entries, field, fold, items, on, ref, text
from weft.server.caller import CAPABILITIES, Caller, Stranger

GATE = threading.Event()
"""What `late` waits for."""


@dataclass(frozen=True)
class Verdict:
    """What a question asks for."""

    yes: bool


@dataclass(frozen=True)
class Stamped:
    """An event of its own."""

    by: str


def total(xs: tuple[int, ...]) -> int:
    return sum(xs)


def root(n: int) -> float:
    if n < 0:
        raise ValueError("there is no root of a negative number")
    return float(n**0.5)


def size(photo: Blob) -> int:
    return len(photo.bytes())


def stamp(state: list[str], event: Stamped) -> list[str]:
    return [*state, event.by]


def same(n: int) -> int:
    return n


def late(n: int) -> int:
    assert GATE.wait(30)
    return n


class Sheet(Entity):
    """All kinds of fields."""

    n: Field[int] = field()
    name: Field[str] = field(default="")
    state: Field[str] = field(default="draft")
    xs = items(int)
    pages = entries(str, int)
    count = counter()
    notes = text()
    photos = items(Blob)
    stamps = fold(list[str]()).on(Stamped, stamp)
    totalled = derive(total, xs)
    rooted = derive(root, n)
    sizes = photos.each(size)

    @on(state.becomes("submitted"))
    async def approve(self, run: Run) -> bool:
        """A flow that asks."""
        return (await run.ask("approve?", Verdict, about=self.n)).yes


class Pointer(Entity):
    """Reads another one."""

    to: Ref[Sheet] = ref()
    again = derive(same, to.at(Sheet.totalled))


class Late(Entity):
    """Computed when the gate is opened."""

    n: Field[int] = field()
    came = derive(late, n)


class Keys:
    """A guard that knows callers by one word."""

    changes = 0

    def __init__(self, *callers: Caller) -> None:
        self.callers = {caller.user: caller for caller in callers}

    def caller(self, credential: str, /) -> Caller:
        """Who is called so."""
        if credential not in self.callers:
            raise Stranger(why=f"{credential} is known to nobody")
        return self.callers[credential]


def everything(user: str, entities: Iterable[str] | None = None) -> Caller:
    """A caller who may do all of it, perhaps to some entities alone."""
    return Caller(user, frozenset(CAPABILITIES), None if entities is None else frozenset(entities))


class Client:
    """A program that brings a token, and calls an app in this process, each request on a loop of its own."""

    def __init__(self, app: ASGIApp, user: str | None = "ann", **headers: str) -> None:
        self.app = app
        self.headers = {} if user is None else {"Authorization": f"Bearer {user}"}
        self.headers |= {name.replace("_", "-"): value for name, value in headers.items()}

    def request(self, method: str, path: str, **more: Any) -> httpx.Response:
        """The answer."""

        async def ask() -> httpx.Response:
            transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url="http://localhost", headers=self.headers) as one:
                return await one.request(method, path, timeout=60, **more)

        return asyncio.run(ask())

    def get(self, path: str, **more: Any) -> httpx.Response:
        """The answer to a look."""
        return self.request("GET", path, **more)

    def post(self, path: str, **more: Any) -> httpx.Response:
        """The answer to what is said."""
        return self.request("POST", path, **more)

    def put(self, path: str, **more: Any) -> httpx.Response:
        """The same."""
        return self.request("PUT", path, **more)

    def patch(self, path: str, **more: Any) -> httpx.Response:
        """The same."""
        return self.request("PATCH", path, **more)

    def delete(self, path: str, **more: Any) -> httpx.Response:
        """The same."""
        return self.request("DELETE", path, **more)


# Requests as raw as ASGI has them ----------------------------------------------------------------------------------


class Answered(NamedTuple):
    """An answer."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def said(self) -> Any:
        """The JSON in it."""
        return json.loads(self.body)


async def unread() -> Message:
    """A body that nobody may ask for."""
    raise AssertionError("the body was read")


def asked(
    app: ASGIApp, method: str, path: str, headers: Mapping[str, str] | None = None, *,
    receive: Callable[[], Awaitable[Message]] = unread, host: str = "localhost", kind: str = "http",
) -> Answered:  # fmt: skip
    """The answer to one request, whose body is read by `receive`."""
    path, _, query = path.partition("?")
    said = [(name.lower().encode(), value.encode()) for name, value in (headers or {}).items()]
    scope = {
        "type": kind, "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method, "scheme": "http",
        "path": path, "raw_path": path.encode(), "query_string": query.encode(), "root_path": "",
        "headers": [(b"host", host.encode()), *said], "client": ("127.0.0.1", 1), "server": ("localhost", 80),
    }  # fmt: skip
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    asyncio.run(_call(app, scope, receive, send))
    if kind == "websocket":
        return Answered(int(sent[0]["code"]), {}, sent[0]["type"].encode())
    start, *rest = sent
    found = {name.decode(): value.decode() for name, value in start["headers"]}
    return Answered(start["status"], found, b"".join(message.get("body", b"") for message in rest))


async def _call(app: ASGIApp, scope: Any, receive: Any, send: Any) -> None:
    await app(scope, receive, send)
