"""What an endpoint may send that no well-built server would: each byte as it comes over a real connection."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import takewhile
from types import ModuleType

import pytest

from weft.services.completion import OpenAICompletion
from weft.services.endpoint import (
    Endpoint,
    EndpointError,
    EndpointFailed,
    Nonsense,
    Patience,
    RateLimited,
    RequestRefused,
    TooSlow,
    Unreachable,
    is_loopback,
)

PATIENCE_S = 30
FINISHED = b'data: {"choices":[{"index":0,"delta":{"content":"yes"},"finish_reason":"stop"}]}\n\n'


@pytest.fixture(autouse=True)
def http(require_part: Callable[[str], ModuleType]) -> ModuleType:
    return require_part("httpx")


@contextmanager
def sending(answer: bytes) -> Iterator[str]:
    """A server that takes each request, sends these bytes, and closes the connection."""
    listening = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            with connection, connection.makefile("rb") as request:
                connection.settimeout(PATIENCE_S)
                head = list(takewhile(bool, iter(request.readline, b"\r\n")))  # nothing at all where a client went
                length = next((int(line.split()[1]) for line in head if line.lower().startswith(b"content-length")), 0)
                request.read(length)
                connection.sendall(answer)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/v1"
    finally:
        listening.shutdown(socket.SHUT_RDWR)
        listening.close()
        thread.join()


@contextmanager
def dripping(begun: bytes) -> Iterator[str]:
    """A server that begins so, and then sends a byte now and then, for some seconds or until the client goes."""
    listening = socket.create_server(("127.0.0.1", 0))
    ended = threading.Event()

    def serve() -> None:
        with suppress(OSError):
            connection, _ = listening.accept()
            with connection:
                connection.sendall(begun)
                for _ in takewhile(lambda _: not ended.wait(0.005), range(1000)):
                    connection.sendall(b"x")

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/v1"
    finally:
        ended.set()
        listening.shutdown(socket.SHUT_RDWR)
        listening.close()
        thread.join()


def response(body: bytes, *, status: str = "200 OK", kind: str = "text/event-stream", further: str = "") -> bytes:
    return f"HTTP/1.1 {status}\r\ncontent-type: {kind}\r\n{further}connection: close\r\n\r\n".encode() + body


def model_at(url: str) -> OpenAICompletion:
    return OpenAICompletion(Endpoint(url, "sk-canary", Patience(timeout_s=5.0, retries=0)), "m")


def answer_of(sent: bytes) -> str:
    with sending(sent) as url:
        return asyncio.run(model_at(url).text("q"))


def failure_of(sent: bytes) -> EndpointError:
    with pytest.raises(EndpointError) as raised:
        answer_of(sent)
    return raised.value


def test_an_answer_is_whole_though_the_connection_just_closes() -> None:
    assert answer_of(response(FINISHED)) == "yes"


def test_events_without_a_choice_or_for_another_one_add_nothing() -> None:
    others = b'data: {"choices":[],"usage":{"total_tokens":3}}\n\n' + FINISHED.replace(b'"index":0', b'"index":1')

    assert answer_of(response(b": waiting\n\n" + others + FINISHED.replace(b"yes", b"no"))) == "no"


def test_an_empty_finish_reason_is_none() -> None:
    begun = FINISHED.replace(b'"stop"', b'""')

    assert answer_of(response(begun + FINISHED)) == "yesyes"


def test_a_finish_reason_whose_event_is_cut_does_not_count() -> None:
    assert "without a finish reason" in str(failure_of(response(FINISHED[:-1])))


def test_a_stream_that_is_not_text_is_nonsense() -> None:
    assert "UTF-8" in str(failure_of(response(b"data: \xff\xfe\n\n")))


def test_a_compressed_answer_is_refused_before_it_is_unpacked() -> None:
    raised = failure_of(response(FINISHED, further="content-encoding: gzip\r\n"))

    assert isinstance(raised, Nonsense)
    assert "compressed" in str(raised)


def test_a_redirect_is_not_followed_with_the_key() -> None:
    raised = failure_of(response(b"", status="302 Found", further="location: http://127.0.0.1:9/?sk-canary\r\n"))

    assert isinstance(raised, RequestRefused)
    assert "redirects" in str(raised)
    assert "sk-canary" not in str(raised)


@pytest.mark.parametrize("target", ["javascript:1", "http://xn--\u00e9.com/", "http://" + "a" * 70_000 + ".com/"])
def test_a_redirect_to_what_is_no_address_is_a_redirect(target: str) -> None:
    sent = response(b"", status="302 Found", further=f"location: {target}\r\n")
    raised = failure_of(sent)
    with sending(sent) as url:
        health = model_at(url).health()

    assert isinstance(raised, RequestRefused)
    assert "it redirects elsewhere" in str(raised)
    assert not health.ready
    assert "status 302" in health.why


def test_a_wait_until_a_day_that_there_is_not_is_no_wait() -> None:
    further = f"date: Wed, 21 Oct 2015 07:28:00 GMT\r\nretry-after: Mon, 01 Jan {10**20} 00:00:00 GMT\r\n"
    raised = failure_of(response(b"", status="429 Later", further=further))

    assert isinstance(raised, RateLimited)
    assert raised.retry_after_s is None


def test_a_connection_that_closes_without_a_word_is_unreachable() -> None:
    assert isinstance(failure_of(b""), Unreachable)


@pytest.mark.parametrize("begun", [b"HTTP/1.1 200 OK\r\nx: ", b"HTTP/1.1 500 No\r\ncontent-length: 1000000\r\n\r\n"])
def test_what_drips_before_the_answer_is_given_up_too(begun: bytes) -> None:
    """Headers, and the words of a refusal."""
    patience = Patience(timeout_s=15.0, retries=0, answer_s_max=0.3)

    with dripping(begun) as url, pytest.raises(TooSlow):
        asyncio.run(OpenAICompletion(Endpoint(url, None, patience), "m").text("q"))


def test_a_list_of_models_that_never_ends_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("weft.services.endpoint._HEALTH_S_MAX", 0.3)

    with dripping(b"HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n") as url:
        health = model_at(url).health()

    assert not health.ready
    assert "does not end within 0.3 s" in health.why


def test_what_is_not_http_is_unreachable() -> None:
    assert isinstance(failure_of(b"220 mail.example ESMTP\r\n"), Unreachable)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b'{"error": {"message": "out of memory"}}', "out of memory"),
        (b'{"error": "out of memory"}', "out of memory"),
        (b'{"detail": "out of memory"}', "out of memory"),
        (b"out of\nmemory", "out of memory"),
        (b"<html>out of memory", "a web page"),
        (b"", "nothing more"),
        (b"[" * 100_000, "[[["),
        (b"no " * 1000, " …"),
        (json.dumps({"error": {"message": "x" * 290 + "sk-canary"}}).encode(), "x[key]"),
    ],
)
def test_the_words_of_a_failing_server_are_passed_on_in_short(body: bytes, said: str) -> None:
    raised = failure_of(response(body, status="503 Service Unavailable", kind="application/json"))

    assert isinstance(raised, EndpointFailed)
    assert said in raised.why
    assert len(raised.why) < 320
    assert "sk-can" not in str(raised)


def test_a_refusal_that_breaks_off_is_still_a_refusal() -> None:
    raised = failure_of(response(b"half", status="500 No", further="content-length: 100\r\n"))

    assert isinstance(raised, EndpointFailed)


@pytest.mark.parametrize(
    ("sent", "ready"),
    [
        (response(b"", status="404 Not Found"), True),
        (response(b'{"data": 1}', kind="application/json"), True),
        (response(b'{"data": [{"id": "m"}]}', kind="application/json"), True),
        (response(b'{"data": [{"id": "n"}]}', kind="application/json"), False),
        (response(b"", status="500 No"), False),
        (response(b"", status="302 Found", further="location: /\r\n"), False),
        (response(b"", status="401 No"), False),
        (b"", False),
    ],
)
def test_health_reads_what_it_can_and_never_raises(sent: bytes, ready: bool) -> None:
    with sending(sent) as url:
        health = model_at(url).health()

    assert health.ready is ready
    assert ready or (health.why and health.enable)


@pytest.mark.parametrize(
    ("url", "here"),
    [
        ("http://localhost:1/v1", True),
        ("http://127.9.9.9/v1", True),
        ("http://[::1]:1/v1", True),
        ("http://192.168.1.2/v1", False),
        ("http://localhost.example.com/v1", False),
        ("http://0.0.0.0/v1", False),
    ],
)
def test_this_machine_is_known_by_its_loopback_addresses(url: str, here: bool) -> None:
    assert is_loopback(url) is here
