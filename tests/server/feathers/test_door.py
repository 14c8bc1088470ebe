"""Who is let in over Socket.IO, and how far: known at once, at the door for a while, or not at all."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.datastructures import Headers
from websockets.exceptions import InvalidStatus

import weft
from tests.server.accounts import NOW_S, PASSWORD, Clock, accounts
from tests.server.feathers.people import ENTITIES, Driver, Failed, Served, served
from tests.server.feathers.raw import Raw
from tests.server.test_serve import serving
from tests.until import until
from weft import Space
from weft.cli.serving import _socket_io
from weft.server.accounts import Accounts
from weft.server.app import make_app
from weft.server.caller import CAPABILITIES
from weft.server.feathers.client import DOOR_S, TRIES_MAX
from weft.server.feathers.door import (
    OF_NETWORK_MAX,
    OF_USER_MAX,
    STRANGERS_MAX,
    Comer,
    comer_of,
    is_room,
)
from weft.server.feathers.missing import missing_routes
from weft.server.feathers.refusals import RightsTaken, ServerEnds, SocketIOMissing, WebSocketsAlone
from weft.server.live import Live
from weft.server.settings import LiveSettings

KNOWN = {"connected": True}


class Inn:
    """A server with accounts: ann administers, and has a token."""

    def __init__(self, server: Served, held: Accounts, clock: Clock, token: str) -> None:
        self.server, self.held, self.clock, self.token, self.port = server, held, clock, token, server.port


@pytest.fixture
def inn(shelf: Space) -> Iterator[Inn]:
    clock = Clock()
    held = accounts(clock=clock)
    held.users.add("ann", PASSWORD)
    token = held.tokens.make("ann", "program", CAPABILITIES, lifetime_s=100.0).reveal()
    with served(shelf, held, accounts=held) as server:
        yield Inn(server, held, clock, token)
    held.close()


def test_a_token_lets_in_and_what_is_none_is_refused_at_once(driver: Driver, inn: Inn) -> None:
    good, headers = driver.person(inn.port), {"Authorization": f"Bearer {inn.token}"}
    assert good.connect({"accessToken": inn.token}) == KNOWN
    assert good.call(ENTITIES, "find", {})["entities"] == []
    assert driver.person(inn.port).connect(extraHeaders=headers) == KNOWN
    refused: list[Any] = [{"accessToken": "weft_t_none"}, {"accessToken": ""}, {"accessToken": 7}]
    refused += [{"accessToken": "x" * 5000}, {"accessToken": "ünknown"}]
    for auth in refused:
        found = driver.person(inn.port).connect(auth)
        assert found["data"]["name"] == "NotAuthenticated", auth
        assert found["refused"].startswith("Nobody here is known by this")
    for said in ({"Authorization": "Basic x"}, {"Cookie": "weft_session=weft_s_none"}):
        assert driver.person(inn.port).connect(extraHeaders=said)["data"]["name"] == "NotAuthenticated"

    inn.clock.now_s = NOW_S + 101
    expired = driver.person(inn.port).connect({"accessToken": inn.token})
    assert "expired" in expired["refused"]
    until(lambda: not inn.server.live.connections)


def test_a_token_that_expires_in_mid_stream_ends_the_connection(driver: Driver, inn: Inn, shelf: Space) -> None:
    ann = driver.person(inn.port)
    assert ann.connect({"accessToken": inn.token}) == KNOWN
    inn.clock.now_s = NOW_S + 101
    ann.until(lambda: ann.events("disconnect"))
    assert [one["name"] for one in ann.events("over")] == ["NotAuthenticated"]
    assert "expired" in ann.events("over")[0]["message"]


def test_the_authentication_client_logs_in_and_out(driver: Driver, inn: Inn) -> None:
    ann = driver.person(inn.port)
    assert ann.connect() == KNOWN, "as far as the door"
    assert ann.fails(ENTITIES, "find", {})["name"] == "NotAuthenticated"

    let_in: dict[str, Any] = {}
    for name in ("name", "username", "email"):
        let_in = ann.begin("authenticate", said={"strategy": "local", name: "ann", "password": PASSWORD.reveal()})()
    assert let_in["user"] == {
        "name": "ann", "capabilities": ["administer", "answer", "edit", "operate", "read"], "entities": None,
    }  # fmt: skip
    assert let_in["authentication"] == {"strategy": "local"}
    assert inn.held.caller(let_in["accessToken"]).user == "ann"
    assert ann.call(ENTITIES, "find", {})["entities"] == []

    assert ann.begin("logout")()["user"]["name"] == "ann"
    assert ann.fails(ENTITIES, "find", {})["name"] == "NotAuthenticated"
    again = driver.person(inn.port)
    found = again.connect({"accessToken": let_in["accessToken"]})
    assert found["data"]["data"]["why"] == "it was revoked"
    until(lambda: not inn.server.live.connections)


def test_the_authentication_client_authenticates_anew_by_what_it_has_stored(driver: Driver, inn: Inn) -> None:
    ann = driver.person(inn.port)
    assert ann.connect(token=inn.token) == KNOWN
    assert ann.begin("reauthenticate")()["user"]["name"] == "ann"
    assert ann.call(ENTITIES, "create", {"type": "Sum"})["type"] == "Sum"
    ann.close()
    assert ann.begin("reconnect")() == KNOWN
    assert ann.begin("authenticate", said={"strategy": "jwt", "accessToken": inn.token})()["accessToken"] == inn.token
    assert len(ann.call(ENTITIES, "find", {})["entities"]) == 1
    ann.listen(ENTITIES, "created")
    said = {"strategy": "jwt", "accessToken": inn.token, "from": {"shelf": 0}}
    ann.begin("authenticate", said=said)()
    ann.until(lambda: ann.events("created"))
    assert ann.begin("logout")()
    assert inn.held.caller(inn.token).user == "ann", "a token is not revoked by logging out"


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ({"strategy": "local", "name": "ann", "password": "wrong"}, "NotAuthenticated"),
        ({"strategy": "local", "name": "ann"}, "BadRequest"),
        ({"strategy": "local", "name": "ann", "email": "ann", "password": "x"}, "BadRequest"),
        ({"strategy": "jwt"}, "NotAuthenticated"),
        ({"strategy": "jwt", "accessToken": "weft_t_x"}, "NotAuthenticated"),
        ({"strategy": "oauth"}, "BadRequest"),
    ],
)
def test_who_fails_to_authenticate_stays_at_the_door_and_is_sent_away(
    driver: Driver, inn: Inn, said: dict[str, Any], name: str
) -> None:
    eve = driver.person(inn.port)
    assert eve.connect({"accessToken": None}) == KNOWN
    last = ""
    for _ in range(TRIES_MAX):
        with pytest.raises(Failed) as failed:
            eve.begin("authenticate", said=said)()
        last = failed.value.error["message"]
        assert failed.value.error["name"] == name
        assert failed.value.error["isClass"]
    eve.until(lambda: eve.events("disconnect"))
    assert [one["message"] for one in eve.events("over")] == [last]
    assert not inn.server.live.connections


def test_nobody_stays_at_the_door(driver: Driver, inn: Inn) -> None:
    eve, ann = driver.person(inn.port), driver.person(inn.port)
    loop = inn.server.live.spaces["shelf"].feed._loop
    assert loop is not None
    assert eve.connect() == KNOWN
    (at_door,) = inn.server.route.clients.values()
    assert ann.connect({"accessToken": inn.token}) == KNOWN
    (let_in,) = [one for one in inn.server.route.clients.values() if one is not at_door]

    assert at_door._deadline.when() <= loop.time() + DOOR_S
    assert let_in._deadline.cancelled()
    loop.call_soon_threadsafe(at_door._is_late)
    eve.until(lambda: eve.events("disconnect"))
    assert [one["name"] for one in eve.events("over")] == ["NotAuthenticated"]
    with Raw(inn.port) as silent:  # never asks to be connected
        until(lambda: len(inn.server.route.clients) == 2)
        (waits,) = [one for one in inn.server.route.clients.values() if one is not let_in]
        loop.call_soon_threadsafe(waits._is_late)
        assert silent.over()[0] in (1000, 1008)
    ann.begin("logout")()
    assert let_in._deadline.when() <= loop.time() + DOOR_S
    assert not let_in._deadline.cancelled()


def test_a_user_sets_another_password_and_their_other_connections_end(driver: Driver, inn: Inn) -> None:
    ann, other = driver.person(inn.port), driver.person(inn.port)
    for one in (ann, other):
        assert one.connect() == KNOWN
        one.begin("authenticate", said={"strategy": "local", "name": "ann", "password": PASSWORD.reveal()})()
    wrong = ann.fails("users", "password", {"user": "ann", "old": "a guess", "new": "another long one"})
    assert (wrong["name"], [*wrong["errors"]]) == ("Forbidden", ["old"])

    said = {"user": "ann", "old": PASSWORD.reveal(), "new": "another long one"}
    assert ann.call("users", "password", said)["name"] == "ann"

    other.until(lambda: other.events("disconnect"))
    assert ann.call("users", "get", "ann")["name"] == "ann"
    assert inn.held.caller(inn.token).user == "ann", "tokens go on"


def test_a_cookie_lets_in_unless_somebody_wants_to_authenticate(driver: Driver, inn: Inn) -> None:
    opened = inn.held.logins.by_password("ann", PASSWORD, source="here")
    cookie = {"Cookie": f"other=1; weft_session={opened.session.reveal()}"}
    ann, nobody = driver.person(inn.port), driver.person(inn.port)
    assert ann.connect(extraHeaders=cookie) == KNOWN
    assert ann.call("spaces", "get", "shelf")["name"] == "shelf"
    assert nobody.connect({"accessToken": None}, extraHeaders=cookie) == KNOWN
    assert nobody.fails("spaces", "get", "shelf")["name"] == "NotAuthenticated"


def test_pages_of_others_and_other_names_get_no_further(inn: Inn) -> None:
    for origin in ("http://evil.example", "null"):
        with pytest.raises(InvalidStatus) as refused:
            Raw(inn.port, Origin=origin)
        assert refused.value.response.status_code == 403
    with pytest.raises(InvalidStatus):
        Raw(inn.port, Host="evil.example")
    with Raw(inn.port, Origin=f"http://127.0.0.1:{inn.port}") as own:
        own.enter(inn.token)


def test_long_polling_is_answered_by_what_to_do(inn: Inn, driver: Driver) -> None:
    address = f"http://127.0.0.1:{inn.port}/socket.io/?EIO=4&transport=polling"
    for found in (httpx.get(address), httpx.post(address, content="40")):
        assert found.status_code == 400
        assert "transports: ['websocket']" in found.json()["message"]
        assert found.json()["data"]["error"] == WebSocketsAlone.__name__


def test_a_user_has_no_more_connections_than_are_allowed(driver: Driver, shelf: Space) -> None:
    held = accounts()
    held.users.add("ann", PASSWORD)
    token = held.tokens.make("ann", "program", CAPABILITIES).reveal()
    with served(shelf, held, LiveSettings(connections_per_user=2), accounts=held) as server:
        people = [driver.person(server.port) for _ in range(3)]
        assert [one.connect({"accessToken": token}).get("connected") for one in people] == [True, True, None]
        refused = driver.person(server.port).connect({"accessToken": token})
        assert refused["data"]["name"] == "TooManyRequests"
        people[0].close()
        until(lambda: len(server.live.connections) == 1)
        assert people[2].begin("reconnect")() == KNOWN
    held.close()


def test_strangers_who_say_nothing_leave_the_door_open_for_who_is_known(
    driver: Driver, inn: Inn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("weft.server.feathers.door.OF_NETWORK_MAX", 2)
    ann, nobody = driver.person(inn.port), [driver.person(inn.port) for _ in range(3)]
    assert [one.connect().get("connected") for one in nobody] == [True, True, None]
    bogus = {"Authorization": "Bearer weft_t_none"}
    assert "refused" in driver.person(inn.port).connect(extraHeaders=bogus), "who is nobody is a stranger"

    assert ann.connect(extraHeaders={"Authorization": f"Bearer {inn.token}"}) == KNOWN
    opened = inn.held.logins.by_password("ann", PASSWORD, source="here")
    cookie = {"Cookie": f"weft_session={opened.session.reveal()}"}
    assert driver.person(inn.port).connect(extraHeaders=cookie) == KNOWN

    nobody[0].close()
    until(lambda: len(inn.server.route.clients) == 3)
    assert nobody[2].begin("reconnect")() == KNOWN


def test_the_door_has_room_by_user_by_network_and_in_all(inn: Inn) -> None:
    near, far = comer_of(Headers(), "192.0.2.1", inn.held), comer_of(Headers(), "2001:db8::1", inn.held)
    assert far == comer_of(Headers(), "2001:db8::2", inn.held), "a household is one source"
    ann = comer_of(Headers({"Authorization": f"Bearer {inn.token}"}), "192.0.2.1", inn.held)
    assert ann == Comer("ann", "")

    assert is_room(near, [near] * (OF_NETWORK_MAX - 1))
    assert not is_room(near, [near] * OF_NETWORK_MAX)
    assert is_room(far, [near] * OF_NETWORK_MAX)
    crowd = [Comer("", str(one)) for one in range(STRANGERS_MAX)]
    assert STRANGERS_MAX >= 5 * OF_NETWORK_MAX
    assert not is_room(far, crowd)
    assert is_room(ann, crowd)
    assert is_room(far, [ann] * STRANGERS_MAX)
    assert not is_room(ann, [ann] * OF_USER_MAX)


def test_the_route_looks_at_origins_itself_too(inn: Inn) -> None:
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def unheard() -> Any:
        raise AssertionError("a message was read")

    scope = {"type": "websocket", "headers": [(b"host", b"localhost"), (b"origin", b"http://evil.example")]}
    asyncio.run(inn.server.route(scope, unheard, send))
    assert [one["type"] for one in sent] == ["websocket.close"]


def test_what_somebody_is_known_by_is_written_to_no_log(
    driver: Driver, inn: Inn, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    ann = driver.person(inn.port)
    assert ann.connect({"accessToken": inn.token}) == KNOWN
    ann.begin("authenticate", said={"strategy": "local", "name": "ann", "password": PASSWORD.reveal()})()
    for secret in (inn.token, PASSWORD.reveal()):
        assert secret not in caplog.text


def test_the_program_serves_real_clients(driver: Driver, tmp_path: Path) -> None:
    weft.open(str(tmp_path / "shop.weft")).close()
    with serving(tmp_path, "--app", "shop.py") as program, program.client() as browser:
        cookie = {"Cookie": f"weft_session={browser.cookies['weft_session']}"}
        ann = driver.person(int(program.address.rpartition(":")[2]))
        listens = [["spaces/shop/entities", ["created", "completed"]]]
        assert ann.connect(extraHeaders=cookie, listens=listens) == KNOWN
        made = ann.call("spaces/shop/entities", "create", {"type": "Sum", "fields": {"n": 21}, "wait_s": 20})
        assert made["nodes"][1]["value"] == 42
        ann.until(lambda: ann.events("completed", "spaces/shop/entities"))


def test_a_server_without_the_extra_says_so(shelf: Space, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    from tests.server.house import Client, Keys, everything

    app = make_app({"shelf": shelf}, Keys(everything("ann")), more_routes=missing_routes())
    found = Client(app).get("/socket.io/?EIO=4&transport=polling")
    assert (found.status_code, found.json()["data"]["error"]) == (404, SocketIOMissing.__name__)
    assert "pip install" in found.json()["message"]

    monkeypatch.delitem(sys.modules, "weft.server.feathers.route", raising=False)
    monkeypatch.setitem(sys.modules, "socketio", None)
    held = accounts()
    (route,) = _socket_io(Live({}, held), None, held, lambda host, origin: True)  # type: ignore[arg-type]
    assert "no Socket.IO" in str(route)
    held.close()


def test_what_cuts_a_connection_off_says_what_to_do() -> None:
    assert "Connect again" in str(RightsTaken(user="ann"))
    assert "Connect again" in str(ServerEnds())
