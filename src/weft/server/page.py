"""The web app's files: what a browser is given before anybody is known.

They hold nothing of any space: the page asks who it is, and shows what it may. All are read, and packed, once, when the
routes are made, so no path of a request ever reaches the file system.

Knows nothing of what the page does. Invariant: what is served is a file that was in the folder at the start, with a
policy under which a browser runs nothing that is written into a page.
Source: static sites; Content Security Policy, level 3.
"""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from weft.server.doorway import refusal
from weft.server.method import Undeclared
from weft.server.refusals import NoSuchRoute

FOLDER = Path(__file__).parent / "static"
Whom: TypeAlias = Literal["everybody"]
MEDIA_TYPES: Mapping[str, str] = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
}
"""What is served, by its ending; a file of any other stays where it is."""
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)
"""What the page may do: run and show what comes from here, call here, and nothing that stands in it as text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """One file as it is served. `whom`: who is given it, without which it is given to nobody."""

    path: str
    content: bytes
    media_type: str
    whom: Whom | None = None

    @property
    def tag(self) -> str:
        """Its ETag."""
        return f'"{hashlib.sha256(self.content).hexdigest()[:32]}"'


def page_files(folder: Path = FOLDER) -> list[File]:
    """The index, at `/`, and every file of the folder below `/static/`."""
    found = [path for path in sorted(folder.rglob("*")) if path.is_file() and path.suffix in MEDIA_TYPES]
    files = [_file(f"/static/{path.relative_to(folder).as_posix()}", path) for path in found if path.name[0] != "."]
    return [_file("/", folder / "index.html"), *files]


def _file(path: str, source: Path) -> File:
    return File(path=path, content=source.read_bytes(), media_type=MEDIA_TYPES[source.suffix], whom="everybody")


def page_routes(files: Iterable[File] | None = None) -> list[BaseRoute]:
    """A route for each. Raises `Undeclared` for a file that does not say whom it is for."""
    routes: list[BaseRoute] = []
    for file in page_files() if files is None else files:
        if file.whom != "everybody":
            raise Undeclared(method=f"GET {file.path}", lacks="does not say that it is for everybody")
        routes.append(Route(file.path, _Served(file)))
    return routes


class _Served:
    """One file, packed once. A class, for Starlette takes functions to be for GET alone, and answers others itself."""

    def __init__(self, file: File) -> None:
        packed = gzip.compress(file.content, mtime=0)
        self.file, self.packed = file, packed if len(packed) < len(file.content) else None
        # Names say nothing of versions, so a browser asks whether it still has the newest, and is mostly told so.
        self.headers = {
            "ETag": file.tag, "Cache-Control": "no-cache", "Vary": "Accept-Encoding", "Content-Security-Policy": POLICY,
        }  # fmt: skip

    async def __call__(self, scope: object, receive: object, send: object) -> None:
        request = Request(scope)  # type: ignore[arg-type]
        await self._answer(request)(scope, receive, send)  # type: ignore[arg-type]

    def _answer(self, request: Request) -> Response:
        if request.method not in ("GET", "HEAD"):
            return refusal(NoSuchRoute(path=request.url.path))
        known = [one.strip().removeprefix("W/") for one in request.headers.get("if-none-match", "").split(",")]
        if self.file.tag in known:
            return Response(status_code=304, headers=self.headers)
        if self.packed is None or not _takes_gzip(request.headers.get("accept-encoding", "")):
            return Response(self.file.content, headers=self.headers, media_type=self.file.media_type)
        headers = {**self.headers, "Content-Encoding": "gzip"}
        return Response(self.packed, headers=headers, media_type=self.file.media_type)


def _takes_gzip(accepted: str) -> bool:
    for one in accepted.lower().split(","):
        name, _, weight = one.partition(";")
        if name.strip() in ("gzip", "*"):
            return weight.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    return False
