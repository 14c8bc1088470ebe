"""Requests over real connections: to whom they go, what they carry, and what each answer, or none, comes to."""

from __future__ import annotations

import asyncio
import socket
import threading
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import ModuleType

import pytest

from tests.drivers.receivers import (
    SILENT,
    HttpReceiver,
    Receiver,
    Request,
    closed_port,
    reply,
    serving_tls,
    trusting_tls,
)
from weft.driver import EffectRefused, InDoubt, NotReached
from weft.drivers import http as module
from weft.drivers.http import METHODS, RETRY_AFTER_S_MAX, HttpDriver, HttpMissing, HttpReply, HttpRequest
from weft.flow import Secret

KEY = "bafykey"
CANARY = "canary-4711"


@pytest.fixture(autouse=True)
def httpx(require_part: Callable[[str], ModuleType]) -> ModuleType:
    return require_part("httpx")


@pytest.fixture
def server() -> Iterator[HttpReceiver]:
    with HttpReceiver() as receiver:
        yield receiver


def send(driver: HttpDriver, effect: HttpRequest, key: str = KEY) -> HttpReply:
    return asyncio.run(driver.carry_out(effect, key))


def get(server: HttpReceiver, path: str = "", **headers: str) -> HttpReply:
    """A GET of a path, with an answer in good time."""
    return send(HttpDriver(allow=server.listed), HttpRequest("GET", server.url + path, headers))


def post(server: HttpReceiver, **options: float) -> HttpReply:
    return send(HttpDriver(allow=server.listed, **options), HttpRequest("POST", server.url, {}, b"x"))  # type: ignore[arg-type]


def leading(*addresses: str) -> Callable[[str, int], object]:
    async def resolve(host: str, port: int) -> Sequence[str]:
        return addresses

    return resolve


# ---- what a request carries ----
@pytest.mark.parametrize("method", METHODS)
def test_a_request_arrives_as_it_was_given_with_its_key(server: HttpReceiver, method: str) -> None:
    headers = {"Content-Type": "text/plain", "X-One": "1"}
    effect = HttpRequest(method, f"{server.url}a%20b?q=1#end", headers, b"body")

    received = send(HttpDriver(allow=server.listed), effect)

    (heard,) = server.requests
    assert heard.line == f"{method} /a%20b?q=1 HTTP/1.1"
    assert heard.body == b"body"
    assert heard.headers["idempotency-key"] == KEY
    assert (heard.headers["content-type"], heard.headers["x-one"]) == ("text/plain", "1")
    assert heard.headers["host"] == f"127.0.0.1:{server.port}"
    assert received.status == 200
    assert received.body == (b"" if method == "HEAD" else b"done")


def test_an_answer_is_returned_without_its_cookies(server: HttpReceiver) -> None:
    server.answer = lambda _: reply(201, b"\x00\xff", "X-Place: here", "Set-Cookie: a=b", "Set-Cookie2: c=d")

    assert get(server) == HttpReply(201, {"content-length": "2", "x-place": "here"}, b"\x00\xff")


@pytest.mark.parametrize(
    ("headers", "why"),
    [
        ({"Idempotency-Key": "other"}, "is the driver's to set"),
        ({"host": "other.example"}, "is the driver's to set"),
        ({"Content-Length": "0"}, "is the driver's to set"),
        ({"Transfer-Encoding": "chunked"}, "is the driver's to set"),
        ({"Authorization": "Bearer x"}, "is a credential, which is given as a Secret"),
        ({"cookie": "a=b"}, "is a credential"),
        ({"X-API-Key": "x"}, "is a credential"),
        ({"x-a": "1\r\nx-b: 2"}, "has a value that no header can carry"),
        ({"x-a": "1\n"}, "has a value that no header can carry"),
        ({"x-a": "1\x00"}, "has a value that no header can carry"),
        ({"x-a": " 1"}, "has a value that no header can carry"),
        ({"x-a": "ü"}, "has a value that no header can carry"),
        ({"x a": "1"}, "has a name that no header can have"),
        ({"x-a\r\nx-b": "1"}, "has a name that no header can have"),
        ({"": "1"}, "has a name that no header can have"),
    ],
)
def test_headers_that_are_not_the_effects_to_set_are_refused(
    server: HttpReceiver, headers: Mapping[str, str], why: str
) -> None:
    with pytest.raises(EffectRefused, match=why):
        send(HttpDriver(allow=server.listed), HttpRequest("GET", server.url, headers))

    assert server.connections == 0


@pytest.mark.parametrize("method", ["get", "CONNECT", "TRACE", "", "GET / HTTP/1.1\r\nx: y"])
def test_other_methods_are_refused(server: HttpReceiver, method: str) -> None:
    with pytest.raises(EffectRefused, match="its method is none of GET"):
        send(HttpDriver(allow=server.listed), HttpRequest(method, server.url))


@pytest.mark.parametrize("key", ["", "a b", "a\r\nb: c", "ü", "a" * 256])
def test_a_key_that_no_header_can_carry_is_refused(server: HttpReceiver, key: str) -> None:
    with pytest.raises(EffectRefused, match="its key is no text that a header can carry"):
        send(HttpDriver(allow=server.listed), HttpRequest("GET", server.url), key)


def test_without_its_package_the_driver_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "find_spec", lambda _: None)

    with pytest.raises(HttpMissing, match=r"pip install 'weft\[http\]'"):
        HttpDriver()


def test_the_environment_names_no_proxy(server: HttpReceiver, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{closed_port()}")

    assert get(server).status == 200


# ---- to whom it goes ----
@pytest.mark.parametrize(
    "url",
    [
        "ftp://127.0.0.1/",
        "file:///etc/passwd",
        "gopher://127.0.0.1:25/",
        "//127.0.0.1/",
        "127.0.0.1",
        "",
        "http://",
        "http:///a",
        "http://[::1",
        "http://a:99999/",
        "http://a:0/",
        "http://a\n.example/",
        "http://user@127.0.0.1/",
        "http://user:password@127.0.0.1/",
        "http://@127.0.0.1/",
        "http://shop.example:80@127.0.0.1/",
        "http://shop.example\\@127.0.0.1/",
        "http://127.0.0.1\\.shop.example/",
        "http://１２７.0.0.1/",
    ],
)
def test_an_address_that_could_be_mistaken_is_refused(url: str) -> None:
    with pytest.raises(EffectRefused, match="its address"):
        send(HttpDriver(allow=("127.0.0.1",)), HttpRequest("GET", url))


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "localhost",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "2130706433",
        "0x7f.1",
        "0177.1",
        "127.1",
        "0",
        "127。0。0。1",
    ],
)
def test_this_machine_is_refused_by_whatever_name(server: HttpReceiver, host: str) -> None:
    with pytest.raises(EffectRefused, match="is no address that a request may go to"):
        send(HttpDriver(), HttpRequest("GET", f"http://{host}:{server.port}/"))

    assert server.connections == 0


def test_a_host_is_listed_with_its_port_or_with_all_of_them(server: HttpReceiver) -> None:
    effect = HttpRequest("GET", server.url)

    assert send(HttpDriver(allow=("127.0.0.1",)), effect).status == 200
    for others in ("127.0.0.1:1", "localhost", "127.0.0"):
        with pytest.raises(EffectRefused):
            send(HttpDriver(allow=(others,)), effect)


def test_a_name_is_looked_up_once_and_what_was_checked_is_connected_to(server: HttpReceiver) -> None:
    looked_up: list[tuple[str, int]] = []

    async def rebinding(host: str, port: int) -> Sequence[str]:
        looked_up.append((host, port))
        return ["127.0.0.1"] if len(looked_up) == 1 else ["127.0.0.2"]

    driver = HttpDriver(allow=("shop.example",), resolve=rebinding)

    received = send(driver, HttpRequest("GET", f"http://shop.example:{server.port}/"))

    assert received.status == 200
    assert looked_up == [("shop.example", server.port)]
    assert server.requests[0].headers["host"] == f"shop.example:{server.port}"


def test_a_name_that_leads_to_this_machine_is_refused_unless_it_is_listed(server: HttpReceiver) -> None:
    driver = HttpDriver(allow=server.listed, resolve=leading("127.0.0.1"))  # type: ignore[arg-type]

    with pytest.raises(EffectRefused, match=r"127\.0\.0\.1 is loopback") as caught:
        send(driver, HttpRequest("GET", f"http://shop.example:{server.port}/"))

    assert f"make the driver by HttpDriver(allow=['shop.example:{server.port}'])" in str(caught.value)
    assert server.connections == 0


def test_who_redirects_to_this_machine_is_not_said_how_to_allow_it(server: HttpReceiver) -> None:
    server.answer = redirecting("http://localhost:1/", 302)

    with pytest.raises(EffectRefused, match="is loopback") as caught:
        send(HttpDriver(allow=server.listed), HttpRequest("GET", server.url))

    assert "allow=" not in str(caught.value)


def test_a_name_that_leads_nowhere_is_not_reached() -> None:
    async def unknown(host: str, port: int) -> Sequence[str]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    with pytest.raises(NotReached, match=r"shop\.example has no address: .*not known"):
        send(HttpDriver(resolve=unknown), HttpRequest("GET", "http://shop.example/"))


def test_the_next_address_is_tried_where_one_does_not_answer() -> None:
    with HttpReceiver(host="::1") as six:
        driver = HttpDriver(allow=("shop.example",), resolve=leading("127.0.0.1", "::1"))  # type: ignore[arg-type]

        assert send(driver, HttpRequest("POST", f"http://shop.example:{six.port}/")).status == 200


def test_a_request_that_may_have_left_goes_to_no_other_address() -> None:
    with HttpReceiver(lambda _: b"") as four:
        driver = HttpDriver(allow=("shop.example",), resolve=leading("127.0.0.1", "127.0.0.1", "::1"))  # type: ignore[arg-type]
        four.answer = lambda _: b"nonsense\r\n\r\n"

        with pytest.raises(InDoubt, match=r"127\.0\.0\.1"):
            send(driver, HttpRequest("POST", f"http://shop.example:{four.port}/"))

    assert len(four.requests) == 1


def test_the_servers_name_is_asked_for_and_checked() -> None:
    with HttpReceiver(tls=serving_tls()) as server:
        driver = HttpDriver(allow=("shop.example", "mail.example"), resolve=leading("127.0.0.1"), tls=trusting_tls())  # type: ignore[arg-type]

        received = send(driver, HttpRequest("POST", f"https://shop.example:{server.port}/"))
        with pytest.raises(NotReached, match="certificate"):
            send(driver, HttpRequest("POST", f"https://mail.example:{server.port}/"))

    assert received.status == 200
    assert server.server_names == ["shop.example", "mail.example"]
    assert len(server.requests) == 1


def test_a_certificate_that_nobody_vouches_for_is_not_accepted() -> None:
    with HttpReceiver(tls=serving_tls()) as server, pytest.raises(NotReached, match="certificate"):
        send(HttpDriver(allow=server.listed), HttpRequest("POST", f"https://127.0.0.1:{server.port}/"))

    assert server.requests == []


# ---- redirects ----
def redirecting(target: str, status: int, first: str = "GET / ") -> Callable[[Request], bytes]:
    return lambda heard: (
        reply(status, b"", f"Location: {target}") if heard.line.startswith(first) else reply(200, b"end")
    )


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_get_follows_a_redirect_within_its_origin(server: HttpReceiver, status: int) -> None:
    server.answer = redirecting("/there", status)

    assert get(server).body == b"end"
    assert [heard.line for heard in server.requests] == ["GET / HTTP/1.1", "GET /there HTTP/1.1"]
    assert server.requests[1].headers["idempotency-key"] == KEY


@pytest.mark.parametrize("status", [307, 308])
def test_a_post_is_sent_again_where_the_redirect_says_that_it_was_not_done(server: HttpReceiver, status: int) -> None:
    server.answer = redirecting("/there", status, "POST / ")

    assert post(server).body == b"end"
    assert [(heard.line, heard.body, heard.headers["idempotency-key"]) for heard in server.requests] == [
        ("POST / HTTP/1.1", b"x", KEY),
        ("POST /there HTTP/1.1", b"x", KEY),
    ]


def test_a_post_that_is_answered_by_see_other_was_done(server: HttpReceiver) -> None:
    server.answer = redirecting("/there", 303, "POST")

    received = post(server)

    assert (received.status, received.headers["location"]) == (303, "/there")
    assert len(server.requests) == 1


@pytest.mark.parametrize("status", [301, 302])
def test_a_post_that_is_redirected_in_the_old_way_is_in_doubt(server: HttpReceiver, status: int) -> None:
    server.answer = redirecting("/there", status, "POST")

    with pytest.raises(InDoubt, match=f"the answer was {status}"):
        post(server)

    assert len(server.requests) == 1


@pytest.mark.parametrize(
    "target",
    [
        "http://127.0.0.2:{port}/",
        "http://localhost:{port}/",
        "http://[::1]:{port}/",
        "http://169.254.169.254/latest/meta-data/",
        "http://10.0.0.1/",
        "http://2130706433:{port}/",
        "//127.0.0.1:{other}/",
        "http://127.0.0.1:{other}/",
        "ftp://127.0.0.1/",
        "file:///etc/passwd",
        "http://user@127.0.0.1:{port}/",
        "http://127.0.0.1:{port}\\@shop.example/",
        "http://[",
    ],
)
def test_a_redirect_is_checked_as_if_nothing_were_listed(server: HttpReceiver, target: str) -> None:
    with HttpReceiver() as other:
        server.answer = redirecting(target.format(port=server.port, other=other.port), 302)
        listed = (*server.listed, *other.listed, "localhost", "127.0.0.2", "::1")

        with pytest.raises(EffectRefused):
            send(HttpDriver(allow=listed), HttpRequest("GET", server.url))

    assert (server.connections, other.connections) == (1, 0)


UNREADABLE = [
    "javascript:1",
    "http://[::1",
    "http://\u202e.com/",
    "http://xn--é.com/",
    "http://" + "a" * 70_000 + ".com/",
]


@pytest.mark.parametrize("target", UNREADABLE)
def test_a_redirect_to_what_is_no_address_is_a_plain_answer(server: HttpReceiver, target: str) -> None:
    server.answer = redirecting(target, 302)
    with pytest.raises(EffectRefused, match="its address"):
        get(server)
    server.answer = redirecting(target, 307, "POST")
    with pytest.raises(EffectRefused, match="its address"):
        post(server)
    server.answer = redirecting(target, 302, "POST")
    with pytest.raises(InDoubt, match="the answer was 302"):
        post(server)
    server.answer = redirecting(target, 303, "POST")

    assert post(server).status == 303
    assert len(server.requests) == 4


def test_a_post_is_not_redirected_to_another_origin(server: HttpReceiver) -> None:
    server.answer = redirecting("http://shop.example/", 308, "POST")

    with pytest.raises(EffectRefused, match=r"redirected to http://shop\.example/; name that address"):
        post(server)


def test_a_redirect_to_another_origin_takes_nothing_private_along(httpx: ModuleType, server: HttpReceiver) -> None:
    driver = HttpDriver(allow=server.listed, secrets=lambda _: CANARY)
    exchange, hop = driver._begun(
        HttpRequest("GET", server.url, {"x-one": "1", "accept": "a/b", "authorization": Secret("key")}), KEY
    )
    answer = module._Answer(302, httpx.Headers({"location": "http://shop.example/there"}), b"", "")

    following = driver._next(exchange, hop, answer)

    assert following is not None
    assert str(following.url) == "http://shop.example/there"
    assert following.headers == {"accept": "a/b"}
    assert not following.may_be_loopback


def test_a_redirect_from_https_to_http_is_refused() -> None:
    with HttpReceiver(tls=serving_tls()) as server:
        server.answer = redirecting("http://shop.example/", 302)

        with pytest.raises(EffectRefused, match=r"redirected from https to http://shop\.example/"):
            send(
                HttpDriver(allow=server.listed, tls=trusting_tls()),
                HttpRequest("GET", f"https://127.0.0.1:{server.port}/"),
            )


def test_redirects_come_to_an_end(server: HttpReceiver) -> None:
    server.answer = redirecting("/", 302)

    with pytest.raises(EffectRefused, match="redirected more than 5 times"):
        get(server)

    assert len(server.requests) == 6


def test_a_redirect_to_nowhere_leaves_doubt(server: HttpReceiver) -> None:
    server.answer = lambda _: reply(308)

    with pytest.raises(InDoubt, match="the answer was 308"):
        post(server)


# ---- what answers come to ----
@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 410, 412, 422, 451, 499])
def test_a_refusal_is_final_and_told_in_the_receivers_words(server: HttpReceiver, status: int) -> None:
    server.answer = lambda _: reply(status, b"no  such\r\ncard")

    with pytest.raises(EffectRefused, match=rf"POST {server.url} was refused.*{status}, 'no such card'"):
        post(server)


@pytest.mark.parametrize("status", [409, 500, 501, 502, 503, 504, 599, 300, 305])
def test_an_answer_that_says_neither_leaves_doubt(server: HttpReceiver, status: int) -> None:
    server.answer = lambda _: reply(status, b"oh", "Retry-After: 7")

    with pytest.raises(InDoubt, match=f"the answer was {status}, 'oh'") as failed:
        post(server)

    assert failed.value.after_s == 7


@pytest.mark.parametrize("status", [408, 425, 429])
@pytest.mark.parametrize(
    ("headers", "after_s"),
    [
        (("Retry-After: 3",), 3),
        (("Retry-After: Wed, 21 Oct 2015 07:28:30 GMT", "Date: Wed, 21 Oct 2015 07:28:00 GMT"), 30),
        (("Retry-After: Wed, 21 Oct 2015 07:28:30 GMT",), None),
        (("Retry-After: 1e300",), RETRY_AFTER_S_MAX),
        (("Retry-After: " + "9" * 300,), RETRY_AFTER_S_MAX),
        (("Retry-After: Mon, 01 Jan 9999 00:00:00 GMT", "Date: Mon, 01 Jan 0001 00:00:00 -2359"), RETRY_AFTER_S_MAX),
        ((f"Retry-After: Mon, 01 Jan {10**20} 00:00:00 GMT", "Date: Wed, 21 Oct 2015 07:28:00 GMT"), None),
        (("Retry-After: -1",), None),
        (("Retry-After: inf",), None),
        (("Retry-After: soon",), None),
        ((), None),
    ],
)
def test_an_answer_that_says_later_is_not_reached(
    server: HttpReceiver, status: int, headers: tuple[str, ...], after_s: float | None
) -> None:
    server.answer = lambda _: reply(status, b"", *headers)

    with pytest.raises(NotReached) as failed:
        post(server)

    assert failed.value.after_s == after_s


@pytest.mark.parametrize(
    "answer",
    [
        reply(200, b"half", size=8),
        b"HTTP/1.1 200 Said\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n",
        b"HTTP/1.1 200 Said\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nhalf\r\n",
        b"HTTP/1.1 200 Said\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        b"HTTP/1.1 200 Said\r\nContent-Le",
        b"HTTP/1.1 20",
        b"not http at all\r\n\r\n",
        b"HTTP/1.1 200 Said\r\n" + b"X: y\r\n" * 50_000 + b"\r\n",
        b"\x15\x03\x01\x00\x02\x02\x46",
    ],
)
def test_an_answer_that_is_cut_or_no_answer_leaves_doubt(server: HttpReceiver, answer: bytes) -> None:
    server.answer = lambda _: answer

    with pytest.raises(InDoubt):
        post(server)

    assert len(server.requests) == 1


@pytest.mark.parametrize("headers", [(), ("Transfer-Encoding: chunked",)])
def test_an_answer_that_is_too_long_is_not_read_to_its_end(server: HttpReceiver, headers: tuple[str, ...]) -> None:
    body = b"x" * 4_000
    chunked = b"HTTP/1.1 200 Said\r\n" + headers[0].encode() + b"\r\n\r\nfa0\r\n" + body if headers else b""
    server.answer = lambda _: chunked or reply(200, body, size=10**12)

    with pytest.raises(InDoubt, match="the answer was 200, and its body is longer than 1000 bytes"):
        post(server, reply_bytes_max=1000)


def test_an_answer_is_not_unpacked(server: HttpReceiver) -> None:
    server.answer = lambda _: reply(200, b"\x1f\x8b bomb", "Content-Encoding: gzip")

    assert get(server).body == b"\x1f\x8b bomb"
    assert server.requests[0].headers["accept-encoding"] == "identity"


@pytest.mark.parametrize("answer", [SILENT, b"HTTP/1.1 200 Said\r\n", reply(200, b"half", size=8)])
def test_an_answer_that_takes_too_long_leaves_doubt(answer: bytes) -> None:
    waiting = threading.Event()

    def begin(connection: socket.socket) -> None:
        connection.recv(1 << 16)
        connection.sendall(answer)
        waiting.wait()

    with Receiver(begin) as server:
        driver = HttpDriver(allow=("127.0.0.1",), answer_s_max=0.5)
        try:
            with pytest.raises(InDoubt, match=r"no whole answer within 0\.5 s"):
                send(driver, HttpRequest("POST", f"http://127.0.0.1:{server.port}/"))
        finally:
            waiting.set()


def test_an_answer_that_drips_ends_all_the_same() -> None:
    def drip(connection: socket.socket) -> None:
        connection.recv(1 << 16)
        connection.sendall(b"HTTP/1.1 200 Said\r\nContent-Length: 100000\r\n\r\n")
        for _ in range(200):
            if dripping.ended.wait(0.01):
                break
            connection.sendall(b"x")

    dripping = Receiver(drip)
    with dripping, pytest.raises(InDoubt, match="no whole answer"):
        send(
            HttpDriver(allow=("127.0.0.1",), answer_s_max=0.5),
            HttpRequest("POST", f"http://127.0.0.1:{dripping.port}/"),
        )


def test_a_refusal_whose_reason_never_ends_is_still_one(server: HttpReceiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_EXCERPT_S", 0.1)
    waiting = threading.Event()

    def begin(connection: socket.socket) -> None:
        connection.recv(1 << 16)
        connection.sendall(reply(403, b"no", size=100))
        waiting.wait()

    with Receiver(begin) as refusing:
        try:
            with pytest.raises(EffectRefused, match="the answer was 403"):
                send(HttpDriver(allow=("127.0.0.1",)), HttpRequest("POST", f"http://127.0.0.1:{refusing.port}/"))
        finally:
            waiting.set()


def test_a_connection_that_is_not_made_in_time_is_not_reached(server: HttpReceiver) -> None:
    async def slowly(host: str, port: int) -> Sequence[str]:
        await asyncio.sleep(60)
        return ()

    with pytest.raises(NotReached, match="no whole answer within"):
        send(HttpDriver(resolve=slowly, answer_s_max=0.1), HttpRequest("POST", "http://shop.example/"))


def test_encryption_that_is_not_agreed_on_in_time_is_not_reached() -> None:
    waiting = threading.Event()

    def wait(connection: socket.socket) -> None:
        waiting.wait()

    with Receiver(wait) as server:
        try:
            with pytest.raises(NotReached):
                send(
                    HttpDriver(allow=("127.0.0.1",), connect_s=0.2),
                    HttpRequest("POST", f"https://127.0.0.1:{server.port}/"),
                )
        finally:
            waiting.set()


# ---- secrets ----
def secret_request(url: str) -> HttpRequest:
    return HttpRequest("POST", url, {"Authorization": Secret("key")})


def test_a_secret_goes_into_its_header_and_comes_back_in_nothing(server: HttpReceiver) -> None:
    driver = HttpDriver(allow=server.listed, secrets=lambda secret: f"Bearer {CANARY}-{secret.name}")
    server.answer = lambda heard: reply(200, heard.headers["authorization"].encode(), f"X-Echo: {CANARY}-key")

    received = send(driver, secret_request(server.url))
    server.answer = lambda heard: reply(403, f"wrong key: {CANARY}-key".encode())
    with pytest.raises(EffectRefused, match=r"wrong key: \*\*\*") as refused:
        send(driver, secret_request(server.url))

    server.answer = lambda heard: reply(403, b"x" * 290 + f"{CANARY}-key".encode())
    with pytest.raises(EffectRefused) as cut:
        send(driver, secret_request(server.url))
    server.answer = lambda heard: reply(403, b64encode(f"{CANARY}-key".encode()))
    with pytest.raises(EffectRefused, match=r"'\*\*\*'"):
        send(driver, secret_request(server.url))

    assert CANARY[:4] not in str(cut.value)
    assert server.requests[0].headers["authorization"] == f"Bearer {CANARY}-key"
    assert CANARY not in repr((received, str(refused.value), refused.value.__dict__, vars(driver)))


def test_a_secret_is_sent_by_https_alone() -> None:
    driver = HttpDriver(secrets=lambda _: CANARY, resolve=leading("8.8.8.8"))  # type: ignore[arg-type]

    with pytest.raises(EffectRefused, match="it has a secret, and is not sent by https"):
        send(driver, secret_request("http://shop.example/"))


def test_a_secret_that_cannot_be_had_is_not_reached(server: HttpReceiver) -> None:
    def unknown(secret: Secret) -> str:
        raise KeyError(CANARY)

    with pytest.raises(NotReached, match="the secret key raised KeyError") as failed:
        send(HttpDriver(allow=server.listed, secrets=unknown), secret_request(server.url))
    with pytest.raises(NotReached, match="made without `secrets=`"):
        send(HttpDriver(allow=server.listed), secret_request(server.url))

    assert CANARY not in str(failed.value)
    assert failed.value.__cause__ is None
    assert server.connections == 0


def test_a_secret_that_no_header_can_carry_is_refused_without_being_told(server: HttpReceiver) -> None:
    with pytest.raises(EffectRefused, match="the secret key holds what no header can carry") as refused:
        send(HttpDriver(allow=server.listed, secrets=lambda _: f"{CANARY}\n"), secret_request(server.url))

    assert CANARY not in str(refused.value)
    assert server.connections == 0
