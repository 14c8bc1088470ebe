"""What stands at Socket.IO's place where the extra for it is not installed: an answer that says so.

Knows nothing of Socket.IO. Invariant: whoever asks is told what is missing, and how to have it.
"""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from weft.server.doorway import refusal
from weft.server.feathers.refusals import SocketIOMissing

PATH = "/socket.io"


def missing_routes() -> list[BaseRoute]:
    """The routes, in place of those of the real thing."""

    async def answer(_: Request) -> Response:
        return refusal(SocketIOMissing())

    return [Route(f"{PATH}/{{path:path}}", answer, methods=["GET", "HEAD", "POST"], name="no Socket.IO")]
