"""What every request passes: the gate, the asking who it is, how often; and that nobody's body is read before."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message

from tests.server.conftest import SETTINGS
from tests.server.house import Client, Keys, asked, everything
from weft import Space
from weft.server.app import make_app
from weft.server.bounds import Settings
from weft.server.caller import CAPABILITIES, Caller, Stranger
from weft.server.credential import COOKIE, credential_of
from weft.server.gate import Gate, gate_of
from weft.server.rates import BUCKETS_MAX, Rates
from weft.server.refusals import ForeignHost, ForeignOrigin, NotSaidByUs, TooManyCalls
from weft.server.services import SERVICES

ROUTES = [(row.http, "/api" + re.sub(r"{\w+}", "1", row.path)) for row in SERVICES]
UNKNOWN = [
    ("GET", "/api"),
    ("GET", "/api/"),
    ("POST", "/api/users"),
    ("PUT", "/api/spaces"),
    ("GET", "/api/openapi.json"),
]
STRANGE = [
    {}, {"Authorization": "Bearer expired"}, {"Authorization": "Bearer ann-elsewhere"}, {"Authorization": "Basic YW5u"},
    {"Authorization": "Bearer "}, {"Cookie": f"{COOKIE}=expired", "Weft-Request": "1"}, {"Cookie": "other=ann"},
    {"Authorization": "Bearer " + "a" * 5000},
]  # fmt: skip
JSON = {"Content-Type": "application/json"}
BEARER = {"Authorization": "Bearer ann"}


@pytest.mark.parametrize(("method", "path"), [*ROUTES, *UNKNOWN])
def test_a_stranger_gets_no_further_at_any_route_known_or_not_and_their_body_is_unread(
    app: ASGIApp, method: str, path: str
) -> None:
    for headers in STRANGE:
        said = asked(app, method, path, {**JSON, **headers})

        assert (said.status, said.said["className"]) == (401, "not-authenticated"), headers
        assert said.headers["www-authenticate"].startswith("Bearer")
        assert "ann-elsewhere" in said.said["message"] or "ann" not in said.said["message"]


@pytest.mark.parametrize("row", SERVICES, ids=lambda row: str(row.title))
def test_who_lacks_the_capability_is_denied_at_every_route_and_their_body_is_unread(
    app: ASGIApp, known: Callable[[Caller], Caller], row: object
) -> None:
    method = next(one for one in SERVICES if one is row)
    known(Caller("bob", frozenset(CAPABILITIES) - {method.capability_asked}))

    said = asked(app, method.http, "/api" + re.sub(r"{\w+}", "1", method.path), {**JSON, "Authorization": "Bearer bob"})

    assert (said.status, said.said["data"]["error"]) == (403, "Denied")
    assert method.capability_asked in said.said["message"]


def test_a_credential_is_taken_from_no_address(app: ASGIApp) -> None:
    assert asked(app, "GET", "/api/spaces?token=ann&access_token=ann").status == 401


def test_two_credentials_are_none() -> None:

    with pytest.raises(Stranger):
        credential_of(Headers(raw=[(b"authorization", b"Bearer ann"), (b"authorization", b"Bearer bob")]))


def test_what_is_held_is_entered_when_the_server_starts_and_left_when_it_stops(space: Space) -> None:
    log: list[str] = []

    @asynccontextmanager
    async def noted() -> AsyncIterator[None]:
        log.append("in")
        yield
        log.append("out")

    asyncio.run(_live(make_app({"home": space}, Keys(), held=[noted()]), log))

    assert log == ["in", "startup.complete", "out", "shutdown.complete"]


async def _live(app: ASGIApp, log: list[str]) -> None:
    says = iter(("startup", "shutdown"))

    async def receive() -> Message:
        return {"type": f"lifespan.{next(says)}"}

    async def send(message: Message) -> None:
        log.append(message["type"].removeprefix("lifespan."))

    await app({"type": "lifespan", "asgi": {"version": "3.0"}, "state": {}}, receive, send)


# The gate ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "host", ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example:80", "", "localhost:80:80", "127.0.0.2"]
)
def test_a_name_that_is_not_served_gets_no_further(app: ASGIApp, host: str) -> None:
    for path in ("/", "/api/spaces"):
        said = asked(app, "GET", path, BEARER, host=host)
        assert (said.status, said.said["data"]["error"]) == (403, "ForeignHost")
    assert asked(app, "GET", "/any", BEARER, host=host, kind="websocket") == (1008, {}, b"websocket.close")


@pytest.mark.parametrize(
    "origin",
    ["null", "http://evil.example", "http://localhost:81", "https://localhost.evil", "file://", "http://localhost,x"],
)
def test_a_page_of_another_site_gets_no_further_on_any_transport(app: ASGIApp, origin: str) -> None:
    for method in ("GET", "POST", "OPTIONS"):
        said = asked(app, method, "/api/spaces", {**BEARER, **JSON, "Origin": origin})
        assert (said.status, said.said["data"]["error"]) == (403, "ForeignOrigin")
        assert "access-control-allow-origin" not in said.headers
    assert asked(app, "GET", "/any", {"Origin": origin}, kind="websocket").status == 1008


def test_pages_from_here_and_those_that_were_allowed_come_through(app: ASGIApp) -> None:
    for host in ("localhost", "127.0.0.1:8000", "[::1]:80", "[::1]", "LOCALHOST:1"):
        assert asked(app, "GET", "/api/spaces", {**BEARER, "Origin": f"http://{host.lower()}"}, host=host).status == 200

    gate = gate_of(["Weft.Example"], ["https://tools.example"])
    gate.check("weft.example:443", "https://tools.example")
    gate.check("weft.example", None)
    with pytest.raises(ForeignOrigin, match="A page of 'null' asked for this"):
        gate.check("weft.example", "null")
    with pytest.raises(ForeignHost, match="Nothing is served here under the name ''"):
        gate.check(None, None)
    assert gate.may_come("weft.example", None)
    assert not gate.may_come("weft.example", "null")
    assert not gate.may_come("evil.example", None)
    with pytest.raises(ForeignHost):
        Gate().check_headers([(b"host", b"localhost"), (b"host", b"evil.example")])


@pytest.mark.parametrize("others", ['prefs={"theme":"dark"}', "a=b c", "x=" + "y" * 5000, "=", 'q="open', f"{COOKIE}="])
def test_cookies_of_other_programs_at_this_host_hide_no_session(others: str) -> None:
    for line in (f"{others}; {COOKIE}=ann", f"{COOKIE}=ann; {others}"):
        assert credential_of(Headers({"cookie": line})) == ("ann", True)


def test_every_answer_holds_browsers_to_what_is_meant(app: ASGIApp) -> None:
    for said in (asked(app, "GET", "/api/spaces"), asked(app, "GET", "/api/spaces", BEARER), asked(app, "GET", "/")):
        assert said.headers["x-content-type-options"] == "nosniff"
        assert "default-src 'self'" in said.headers["content-security-policy"]
        assert "frame-ancestors 'none'" in said.headers["content-security-policy"]
        assert "unsafe" not in said.headers["content-security-policy"]
        assert said.headers["referrer-policy"] == "no-referrer"


# Cookies -----------------------------------------------------------------------------------------------------------


def test_who_is_known_by_a_cookie_changes_things_only_with_a_header_that_no_other_page_can_send(app: ASGIApp) -> None:
    cookie = {"Cookie": f"{COOKIE}=ann"}
    for method, path in ROUTES:
        said = asked(app, method, path, {**JSON, **cookie}) if method != "GET" else None
        assert said is None or (said.status, said.said["data"]["error"]) == (403, NotSaidByUs.__name__)

    assert asked(app, "GET", "/api/spaces", cookie).status == 200
    client = Client(app, None, Cookie=f"{COOKIE}=ann", Weft_Request="1")
    assert client.post("/api/spaces/home/entities", json={"type": "Sheet", "fields": {"n": 1}}).status_code == 201


@pytest.mark.parametrize(
    "kind",
    ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "", "application/cbor"],
)
def test_what_any_page_can_send_without_asking_is_refused_wherever_something_changes(app: ASGIApp, kind: str) -> None:
    for credential in (BEARER, {"Cookie": f"{COOKIE}=ann", "Weft-Request": "1"}):
        for row in SERVICES:
            path = "/api" + re.sub(r"{\w+}", "1", row.path)
            if not row.changes or (row.takes_content and kind == "application/cbor"):
                continue
            said = asked(app, row.http, path, {**credential, "Content-Type": kind, "Content-Length": "2"})
            assert (said.status, said.said["data"]["error"]) == (415, "OtherMediaType"), row.title


def test_a_method_that_a_path_has_not_is_refused_with_those_that_it_has(app: ASGIApp) -> None:
    methods = ("GET", "POST", "PUT", "PATCH", "DELETE", "TRACE", "CONNECT", "OPTIONS", "get")
    for path in {row.path for row in SERVICES}:
        served = {row.http for row in SERVICES if row.path == path}
        for method in methods:
            if method in served:
                continue
            said = asked(app, method, "/api" + re.sub(r"{\w+}", "1", path), {**BEARER, **JSON})
            assert (said.status, said.said["data"]["error"]) == (405, "MethodNotServed"), (method, path)
            assert {one.strip() for one in said.headers["allow"].split(",")} - {"HEAD"} == served


# Rates -------------------------------------------------------------------------------------------------------------


class Clock:
    """Stands until it is moved."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_who_calls_too_often_waits_and_nobody_else_does(space: Space) -> None:
    clock = Clock()
    settings = Settings(calls_per_s=2, calls_burst=3, clock=clock)
    app = make_app({"home": space}, Keys(everything("ann"), everything("bob")), settings)

    answers = [asked(app, "GET", "/api/spaces", BEARER) for _ in range(4)]

    assert [one.status for one in answers] == [200, 200, 200, 429]
    assert answers[-1].headers["retry-after"] == "1"
    assert answers[-1].said["className"] == "too-many-requests"
    assert asked(app, "GET", "/api/spaces", {"Authorization": "Bearer bob"}).status == 200
    clock.now += 0.5
    assert [asked(app, "GET", "/api/spaces", BEARER).status for _ in range(2)] == [200, 429]


def test_who_guesses_is_held_to_it_too(space: Space) -> None:
    app = make_app({"home": space}, Keys(), replace(SETTINGS, calls_per_s=1, calls_burst=2, clock=Clock()))

    assert [asked(app, "GET", "/api/spaces").status for _ in range(3)] == [401, 401, 429]


def test_a_bucket_holds_no_more_than_its_burst_and_few_are_remembered() -> None:
    clock = Clock()
    rates = Rates(1, 2, clock)
    rates.take("ann")
    clock.now += 1000

    rates.take("ann")
    rates.take("ann")
    with pytest.raises(TooManyCalls, match=r"Wait for 1\.0 s"):
        rates.take("ann")
    for n in range(BUCKETS_MAX):
        rates.take(f"another {n}")
    rates.take("ann")
