"""REST: the routes that are made from the table of services, below `/api`.

What is in the path, the query or the body of a request is what its method is given; the header `Idempotency-Key` is its
`once`. What may not be had, or is sent as anything but JSON, is refused before its body is read.

Knows nothing of what methods do, and of who callers are. Invariant: every route is a row of the table; a method that
blocks takes a thread of the pool, and one that waits takes none.
Source: Feathers' REST transport; RFC 9110.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import tempfile
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import IO, Any, TypeVar

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import BaseRoute, Route

from weft.blob import UNKNOWN_MEDIA_TYPE, Blob
from weft.content import cid_text
from weft.server.body import JSON_TYPE, check_length, media_type_of, parse_body, query_of, read_all
from weft.server.bounds import Settings
from weft.server.caller import Asked, Caller
from weft.server.doorway import API, refusal
from weft.server.method import Json, Later, Method, begin, check_may, finish
from weft.server.refusals import (
    BodyTooLarge,
    MethodNotServed,
    NoSuchRoute,
    NotDoneOnce,
    OtherMediaType,
    TooManyCalls,
    UnreadableBody,
)
from weft.server.served import Served

T = TypeVar("T")
IDEMPOTENCY_KEY = "Idempotency-Key"
SIMPLE_TYPES = ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data")
"""What a browser sends for any page that asks, without asking the server first."""
ONLY_SHOWN_AS_FILE = {"Content-Security-Policy": "sandbox; default-src 'none'", "X-Content-Type-Options": "nosniff"}


@dataclass(slots=True)
class Rest:
    """What routes need: the spaces, the bounds, and the threads that block for them."""

    served: Served
    settings: Settings
    pool: ThreadPoolExecutor
    waiting: int = 0
    """How many calls wait now."""

    async def in_pool(self, act: Callable[[], T]) -> T:
        """What a function that may block returns."""
        return await asyncio.get_running_loop().run_in_executor(self.pool, act)

    async def done(self, method: Method, now: Callable[[], Caller], given: Mapping[str, Any]) -> Json | Blob:
        """What a method answers, whatever transport asked; one that waits takes no thread meanwhile. `now`: who calls,
        and what they may do; after a wait that is asked anew. Raises `TooManyCalls`, and what the method does."""
        answer = await self.in_pool(lambda: begin(method, self.served, now(), given))
        if not isinstance(answer, Later):
            return answer
        await self._wait(answer)
        said = await self.in_pool(partial(finish, answer))
        await self.in_pool(lambda: check_may(method, now(), given))
        return said

    async def _wait(self, answer: Later) -> None:
        """Until all is settled, or the time is over."""
        if self.waiting >= self.settings.waits_max:
            for settlement in answer.settlements:
                settlement.cancel()
            raise TooManyCalls(wait_s=1.0)
        waits = [asyncio.wrap_future(one) for one in answer.settlements]
        self.waiting += 1
        try:
            if waits:
                await asyncio.wait(waits, timeout=answer.wait_s)
        finally:
            self.waiting -= 1
        for one in waits:
            if one.done() and not one.cancelled():
                one.exception()  # it is raised by `finish`


def rest_routes(table: Sequence[Method], rest: Rest) -> list[BaseRoute]:
    """A route for each path of the table, and one for all that is none."""
    paths: dict[str, dict[str, Method]] = {}
    for method in table:
        paths.setdefault(method.path, {})[method.http] = method
    routes: list[BaseRoute] = [Route(f"{API}{path}", _Endpoint(methods, rest)) for path, methods in paths.items()]
    return routes


class _Endpoint:
    """All that is done at one path. A class, for Starlette takes functions to be for GET alone."""

    def __init__(self, methods: Mapping[str, Method], rest: Rest) -> None:
        self.methods, self.rest = methods, rest

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        request = Request(scope, receive)
        try:
            response = await self._answer(request)
        except Exception as why:  # noqa: BLE001 - whatever it is, the caller is answered
            response = refusal(why)
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        method = self._method(request)
        asked: Asked = request.scope["weft.asked"]
        given = {name: _typed(method, name, one) for name, one in request.path_params.items()}
        given = _with(given, self._query(request, method))
        check_may(method, asked.caller, given)
        if method.changes and "once" not in method.given and IDEMPOTENCY_KEY in request.headers:
            raise NotDoneOnce(method=method.title)
        if method.takes_content:
            return await self._with_content(request, method, asked, given)
        if method.changes:
            given = _with(given, await self._body(request))
            if (once := request.headers.get(IDEMPOTENCY_KEY)) is not None:
                given.setdefault("once", once)
        return await self._called(request, method, asked, given)

    def _method(self, request: Request) -> Method:
        asked = "GET" if request.method == "HEAD" else request.method
        if asked not in self.methods:
            allowed = ", ".join(sorted({*self.methods, *(("HEAD",) if "GET" in self.methods else ())}))
            raise MethodNotServed(path=request.url.path, method=request.method, allowed=allowed)
        return self.methods[asked]

    def _query(self, request: Request, method: Method) -> Json:
        found = query_of(request.query_params.multi_items(), method.given)
        if found and method.http in ("POST", "PUT", "PATCH") and not method.takes_content:
            raise UnreadableBody(why=f"{min(found)!r} stands in its query, and this is told in its body")
        return found

    async def _body(self, request: Request) -> Json:
        bound, length = self.rest.settings.body_bytes_max, request.headers.get("content-length")
        is_empty = length == "0" or (length is None and "transfer-encoding" not in request.headers)
        given = _media_type(request)
        if given != JSON_TYPE and not (given == "" and is_empty):
            raise OtherMediaType(given=given, wanted=JSON_TYPE)
        check_length(length, bound)
        return parse_body(await read_all(request.stream(), bound))

    async def _called(self, request: Request, method: Method, asked: Asked, given: Json) -> Response:
        answer = await self.rest.done(method, asked.now, given)
        return _content(request, answer, self.rest) if isinstance(answer, Blob) else _json(request, method, answer)

    async def _with_content(self, request: Request, method: Method, asked: Asked, given: Json) -> Response:
        if _media_type(request) in (*SIMPLE_TYPES, ""):
            raise OtherMediaType(
                given=_media_type(request), wanted=f"{UNKNOWN_MEDIA_TYPE}, and what it is as `?media_type=…`"
            )
        bound = self.rest.settings.blob_bytes_max
        check_length(request.headers.get("content-length"), bound)
        with tempfile.NamedTemporaryFile(prefix="weft-upload-") as file:
            await self._spool(request.stream(), file, bound)
            given["content"] = await self.rest.in_pool(partial(Blob.read, file.name))
            return await self._called(request, method, asked, given)

    async def _spool(self, chunks: AsyncIterator[bytes], file: IO[bytes], size_bytes_max: int) -> None:
        size = 0
        async for chunk in chunks:
            size += len(chunk)
            if size > size_bytes_max:
                raise BodyTooLarge(size_bytes_max=size_bytes_max)
            await self.rest.in_pool(partial(file.write, chunk))
        await self.rest.in_pool(file.flush)


def _typed(method: Method, name: str, one: Any) -> Any:
    """What stands in the path, as the schema has it: a position is a number."""
    if name in method.in_path and isinstance(one, str) and method.given[name].get("type") == "integer":
        return query_of([(name, one)], method.given)[name]
    return one


def _with(given: Json, more: Json) -> Json:
    """Both. Raises `UnreadableBody` for what is said twice: in the path, and beside it."""
    if twice := given.keys() & more.keys():
        raise UnreadableBody(why=f"it says {min(twice)!r} twice, in its path or query, and beside that")
    return given | more


def _media_type(request: Request) -> str:
    return media_type_of(request.headers.get("content-type", ""))


def _json(request: Request, method: Method, answer: Json) -> Response:
    body = json.dumps(answer, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
    headers = {"Cache-Control": "no-store" if method.changes else "private, no-cache"}
    if isinstance(position := answer.get("position"), int):
        headers["Weft-Position"] = str(position)
    if not method.changes:
        headers["ETag"] = tag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
        if _is_held(request, tag):
            return Response(status_code=304, headers=headers)
    status = 201 if method.name == "create" else 200
    return Response(body, status, headers, media_type=JSON_TYPE)


def _content(request: Request, blob: Blob, rest: Rest) -> Response:
    """Content, never shown as a page: whatever it holds, it is a file to be kept. It never changes, but who uses the
    browser does: so it is asked each time whether they may have it."""
    name = cid_text(blob.id)
    headers = {"ETag": f'"{name}"', "Cache-Control": "private, no-cache", **ONLY_SHOWN_AS_FILE}
    if _is_held(request, headers["ETag"]):
        return Response(status_code=304, headers=headers)
    headers |= {"Content-Disposition": f'attachment; filename="{name}"', "Content-Length": str(blob.size_bytes)}
    return StreamingResponse(_chunks(blob, rest), headers=headers, media_type=UNKNOWN_MEDIA_TYPE)


def _is_held(request: Request, tag: str) -> bool:
    """Whether a caller says that they have what has this tag."""
    return tag in [one.strip() for one in request.headers.get("if-none-match", "").split(",")]


async def _chunks(blob: Blob, rest: Rest) -> AsyncIterator[bytes]:
    chunks = iter(blob.chunks())
    while (chunk := await rest.in_pool(partial(next, chunks, b""))) != b"":
        yield chunk


async def nothing_there(request: Request) -> Response:
    """The answer to what has no route."""
    return refusal(NoSuchRoute(path=request.url.path[:200]))


def paths_of(routes: Iterable[BaseRoute]) -> list[str]:
    """The paths that are served, as they are written."""
    return [route.path for route in routes if isinstance(route, Route)]
