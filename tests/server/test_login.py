"""Logging in and out, by links, by passwords, and as browsers do it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from starlette.types import ASGIApp

from tests.server.house import Client, asked
from weft.secrets.store import Hidden
from weft.server.accounts import Accounts
from weft.server.accounts.password import Cost
from weft.server.accounts.tries import TRIES_PER_NAME
from weft.server.app import make_app
from weft.server.bounds import Settings
from weft.server.login import LOGIN_BYTES_MAX, login_routes

ANN = {"name": "ann", "password": "correct horse"}


@pytest.fixture
def accounts() -> Iterator[Accounts]:
    with Accounts(cost=Cost(n=16)) as held:
        yield held


@pytest.fixture
def app(accounts: Accounts) -> ASGIApp:
    return make_app({}, accounts, Settings(), login_routes(accounts))


@pytest.fixture
def nobody(app: ASGIApp) -> Client:
    return Client(app, user=None)


def browser(app: ASGIApp, said: httpx.Response) -> Client:
    """Somebody who was let in by this answer."""
    return Client(app, user=None, Cookie=f"weft_session={said.cookies['weft_session']}", Weft_Request="1")


def test_a_link_lets_in_once_and_gives_a_cookie_that_no_page_can_read_and_no_other_site_sends(
    accounts: Accounts, app: ASGIApp
) -> None:
    key = accounts.logins.make_link(accounts.users.own().name).reveal()

    looked = asked(app, "HEAD", f"/login?key={key}")
    wrong = asked(app, "GET", "/login?key=wrong")
    said = asked(app, "GET", f"/login?key={key}")
    again = asked(app, "GET", f"/login?key={key}")

    assert (looked.status, wrong.status, said.status, again.status) == (405, 401, 303, 401)
    assert "set-cookie" not in wrong.headers
    cookie = said.headers["set-cookie"]
    assert all(word in cookie for word in ("weft_session=", "HttpOnly", "SameSite=Strict", "Path=/"))
    assert key not in str(said.headers)


def test_a_session_lasts_until_its_user_logs_out(accounts: Accounts, app: ASGIApp, nobody: Client) -> None:
    accounts.users.add("ann", Hidden(ANN["password"]))
    ann = browser(app, nobody.post("/login", json=ANN))

    assert ann.get("/api/spaces").status_code == 200
    gone = ann.post("/logout")
    assert gone.status_code == 204
    assert "Max-Age=0" in gone.headers["set-cookie"]
    assert ann.get("/api/spaces").status_code == 401
    assert ann.post("/logout").status_code in (204, 401)
    assert nobody.post("/logout").status_code == 401


@pytest.mark.parametrize(
    "said", [{"name": "ann", "password": "wrong"}, {"name": "bob", "password": "wrong"}, {"name": "", "password": ""}]
)
def test_who_is_not_let_in_learns_nothing_but_that(accounts: Accounts, nobody: Client, said: dict[str, str]) -> None:
    accounts.users.add("ann", Hidden(ANN["password"]))
    answer = nobody.post("/login", json=said)

    assert answer.status_code == 401
    assert answer.json()["message"].startswith("The name or the password is wrong.")
    assert "set-cookie" not in answer.headers
    assert "wrong horse" not in answer.text


def test_who_tries_too_often_is_told_when_to_try_again(accounts: Accounts, nobody: Client) -> None:
    accounts.users.add("ann", Hidden(ANN["password"]))
    for _ in range(TRIES_PER_NAME):
        assert nobody.post("/login", json={"name": "ann", "password": "wrong horse"}).status_code == 401

    answer = nobody.post("/login", json=ANN)

    assert answer.status_code == 429
    assert int(answer.headers["retry-after"]) > 0


@pytest.mark.parametrize(
    ("more", "status"),
    [
        ({"data": ANN}, 415),
        ({"content": b'{"name": "ann"}', "headers": {"Content-Type": "text/plain"}}, 415),
        ({"json": {"name": "ann"}}, 400),
        ({"json": {**ANN, "more": 1}}, 400),
        ({"json": {"name": ["ann"], "password": None}}, 400),
        ({"json": [ANN]}, 400),
        ({"json": {"name": "ann", "password": "x" * LOGIN_BYTES_MAX}}, 413),
        ({"content": b"{", "headers": {"Content-Type": "application/json"}}, 400),
        ({"json": ANN, "headers": {"Origin": "https://evil.example"}}, 403),
    ],
)
def test_what_is_no_login_is_refused_in_words(nobody: Client, more: dict[str, object], status: int) -> None:
    answer = nobody.post("/login", **more)

    assert answer.status_code == status
    assert ANN["password"] not in answer.text
    assert answer.json()["message"]


def test_who_goes_away_in_the_middle_of_a_login_is_no_error_of_the_server(app: ASGIApp) -> None:
    sent: list[Any] = []

    async def gone() -> Any:
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)

    headers = [(b"host", b"localhost"), (b"content-type", b"application/json"), (b"content-length", b"100")]
    scope = {
        "type": "http", "method": "POST", "path": "/login", "raw_path": b"/login", "root_path": "", "scheme": "http",
        "query_string": b"", "headers": headers, "client": ("192.0.2.1", 1), "server": ("localhost", 80),
        "http_version": "1.1", "asgi": {"version": "3.0"},
    }  # fmt: skip

    async def served() -> None:
        await app(scope, gone, send)  # raises nothing, which would be written to the log

    asyncio.run(served())
    assert sent[0]["status"] == 400
