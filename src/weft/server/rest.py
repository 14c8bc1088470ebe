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
import tempfile
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import IO, Any, TypeVar

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import BaseRoute, Route

from weft.blob import UNKNOWN_MEDIA_TYPE, Blob
from weft.content import cid_text
from weft.server.body import JSON_TYPE, check_length, media_type_of, parse_body, query_of, read_all
from weft.server.bounds import Settings
from weft.server.caller import Asked, Caller
from weft.server.doorway import API, refusal
from weft.server.encoded import encoded
from weft.server.method import Json, Later, Method, begin, check_may, finish
from weft.server.refusals import (
    BodyTooLarge,
    MethodNotServed,
    NoSuchRoute,
    NotDoneOnce,
    OtherMediaType,
    UnreadableBody,
)
from weft.server.served import Served
from weft.server.shares import Shares
from weft.server.waits import Left, Waits

T = TypeVar("T")
IDEMPOTENCY_KEY = "Idempotency-Key"
SIMPLE_TYPES = ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data")
"""What a browser sends for any page that asks, without asking the server first."""
ONLY_SHOWN_AS_FILE = {"Content-Security-Policy": "sandbox; default-src 'none'", "X-Content-Type-Options": "nosniff"}


class Rest:
    """What routes need: the spaces, the bounds, and the threads that block for them."""

    def __init__(self, served: Served, settings: Settings) -> None:
        self.served, self.settings = served, settings
        self.pool = ThreadPoolExecutor(settings.threads, thread_name_prefix="weft server")
        self._shares = Shares(self.pool, at_work_max=settings.user_threads, line_max=settings.user_line_max)
        far = ThreadPoolExecutor(settings.far_threads, thread_name_prefix="weft server, far")
        self._far = Shares(far, at_work_max=1, line_max=settings.far_line_max)
        self._waits = Waits(settings.waits_max, settings.user_waits_max)

    @property
    def waiting(self) -> int:
        """How many calls wait now."""
        return self._waits.count

    def close(self) -> None:
        """Take no more."""
        self._shares.close()
        self._far.close()

    async def in_pool(self, act: Callable[[], T]) -> T:
        """What a function returns that may block, but not for long."""
        return await asyncio.get_running_loop().run_in_executor(self.pool, act)

    async def in_share(self, user: str, act: Callable[[], T]) -> T:
        """The same of a part of somebody's call that may take long."""
        return await asyncio.wrap_future(self._shares.submit(user, act, is_begun=True))

    async def done(
        self,
        method: Method,
        user: str,
        now: Callable[[], Caller],
        given: Mapping[str, Any],
        made: Callable[[Json | Blob], T],
        left: Left | None = None,
    ) -> T:
        """What a method answers, whatever transport asked; one that waits takes no thread meanwhile. `now`: who calls,
        and what they may do; after a wait that is asked anew. `made`: what is made of the answer, off the loop too.
        `left`: see `Waits`. Raises `TooManyCalls`, and what the method does."""
        shares = self._far if method.looks_far else self._shares

        def begun() -> T | Later:
            answer = begin(method, self.served, now(), given)
            return answer if isinstance(answer, Later) else made(answer)

        found = await asyncio.wrap_future(shares.submit(user, begun))
        if not isinstance(found, Later):
            return found
        later = found
        await self._waits.wait(user, later, left)

        def ended() -> T:
            said = finish(later)
            check_may(method, now(), given)
            return made(said)

        return await self.in_share(user, ended)


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
        except ClientDisconnect:
            return  # nobody is there who could be answered
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
        def made(answer: Json | Blob) -> Response:
            return _content(request, answer, self.rest) if isinstance(answer, Blob) else _json(request, method, answer)

        return await self.rest.done(method, asked.caller.user, asked.now, given, made, partial(_left, request))

    async def _with_content(self, request: Request, method: Method, asked: Asked, given: Json) -> Response:
        if _media_type(request) in (*SIMPLE_TYPES, ""):
            raise OtherMediaType(
                given=_media_type(request), wanted=f"{UNKNOWN_MEDIA_TYPE}, and what it is as `?media_type=…`"
            )
        bound = self.rest.settings.blob_bytes_max
        check_length(request.headers.get("content-length"), bound)
        with tempfile.NamedTemporaryFile(prefix="weft-upload-") as file:
            await self._spool(request.stream(), file, bound)
            given["content"] = await self.rest.in_share(asked.caller.user, partial(Blob.read, file.name))
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
    body = encoded(answer).encode()
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


async def _left(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


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
