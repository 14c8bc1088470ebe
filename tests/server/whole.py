"""A whole server behind a wire: REST and what is live, for clients in this language and others; and types that count
what they call."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

import weft
from tests.server.charms import GATE, Slow, Story
from tests.server.serving import Keys, any_origin, running, user
from tests.server.wire import Wire, wire
from weft import Blob, Entity, Field, Run, Space, derive, field, items, on
from weft.server.app import make_app
from weft.server.bounds import Settings
from weft.server.live import Live
from weft.server.settings import LiveSettings
from weft.server.transports import live_routes

CALLS: Counter[str] = Counter()
"""How often each operation was called."""


@dataclass(frozen=True)
class Agreed:
    """What the flow asks for."""

    yes: bool


def twice(number: int) -> int:
    CALLS["twice"] += 1
    if number < 0:
        raise ValueError(f"{number} is negative")
    return number * 2


def spelt(number: int) -> Sequence[str]:
    CALLS["spelt"] += 1
    return [digit * 2 for digit in dict.fromkeys(str(number))]


def length(word: str) -> int:
    CALLS["length"] += 1
    return len(word)


def size(photo: Blob) -> int:
    CALLS["size"] += 1
    return len(photo.bytes())


class Counted(Entity):
    """Nodes in a row, a list, photos, and a flow."""

    number: Field[int] = field(default=1)
    state: Field[str] = field(default="draft")
    photos = items(Blob)
    doubled = derive(twice, number)
    digits = derive(spelt, doubled)
    lengths = digits.each(length)
    sizes = photos.each(size)

    @on(state.becomes("submitted"))
    async def approve(self, run: Run) -> str:
        """Asks, and says what was answered."""
        return "approved" if (await run.ask("approve?", Agreed, about=self.number)).yes else "left"


TYPES = (Counted, Slow, Story)


class Whole:
    """What is served, how it is reached, and what is done to it."""

    def __init__(self, space: Space, guard: Keys, live: Live, port: int, between: Wire) -> None:
        self.space, self.guard, self.live, self.port, self.wire = space, guard, live, port, between

    @property
    def straight(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def base(self) -> str:
        """Its address behind the wire."""
        return f"http://127.0.0.1:{self.wire.port}"


@contextmanager
def whole(settings: LiveSettings | None = None, types: Sequence[type[Entity]] = TYPES) -> Iterator[Whole]:
    """Serve a space in memory as `home`, until this is left."""
    GATE.set()
    guard = Keys(ann=user("ann"), ben=user("ben"))
    with weft.open(types=types) as space:
        live = Live({"home": space}, guard, settings=settings)
        asked = _Asked(guard, live)
        bounds = Settings(calls_per_s=1e6, calls_burst=1e6)
        routes = [*live_routes(live, may_come=any_origin), Route("/test/{what}", asked.serve, methods=["POST"])]
        app = make_app({"home": space}, guard, bounds, routes, held=[live])
        with running(app) as (port, _), wire(port) as between:
            asked.wire = between
            yield Whole(space, guard, live, port, between)


class _Asked:
    """What tests in other languages ask for beside what is served: who is known, where the wire is cut, what was
    called."""

    wire: Wire

    def __init__(self, guard: Keys, live: Live) -> None:
        self.guard, self.live = guard, live

    async def serve(self, request: Request) -> JSONResponse:
        said = await request.json()
        match request.path_params["what"]:
            case "calls":
                return JSONResponse(dict(CALLS))
            case "wire":
                for name in ("frames", "each", "is_half", "lost", "is_down"):
                    if name in said:
                        setattr(self.wire, name, said[name])
                if said.get("cut"):
                    await asyncio.to_thread(self.wire.cut)
            case "revoke":
                self.guard.put(said["user"], None)
            case "let in":
                self.guard.put(said["user"], user(said["user"]))
        views = self.live.spaces["home"].views
        open_now = sorted({entity for mine in list(views._open.values()) for entity in mine})
        wire = self.wire
        return JSONResponse({"cuts": wire.cuts, "came": wire.came, "lost": wire.lost, "open": open_now})
