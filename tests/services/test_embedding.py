"""Vectors from a real endpoint on this machine, in order or not at all."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from types import ModuleType

import pytest

from weft.services.embedding import OpenAIEmbedding, UnfitVectors, Vector
from weft.services.endpoint import Endpoint, EndpointError, KeyRefused, Nonsense, Patience, StreamCut, TooLarge, TooSlow
from weft.services.fake_model import FakeModel, Fault
from weft.services.service import Service


@pytest.fixture(autouse=True)
def http(require_part: Callable[[str], ModuleType]) -> ModuleType:
    return require_part("httpx")


def vectors(url: str, texts: list[str], *, batch_max: int = 100, answer_bytes_max: int = 1 << 20) -> tuple[Vector, ...]:
    there = Endpoint(url, None, Patience(timeout_s=5.0, retries=0), answer_bytes_max)
    return asyncio.run(OpenAIEmbedding(there, "fake-model", batch_max=batch_max).vectors(texts))


@contextmanager
def answering(body: object) -> Iterator[str]:
    """A server that answers everything with `body`."""
    content = json.dumps(body).encode()

    class Exchange(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None: ...

    with HTTPServer(("127.0.0.1", 0), Exchange) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}/v1"
        server.shutdown()
        thread.join()


def test_each_text_gets_its_vector_in_order() -> None:
    with FakeModel(dimensions=8) as url:
        together = vectors(url, ["sea", "land", "sea"])
        alone = vectors(url, ["land"])

    assert together[0] == together[2] != together[1]
    assert together[1] == alone[0]
    assert {len(vector) for vector in together} == {8}


def test_many_texts_go_in_batches_and_none_ask_nothing() -> None:
    fake = FakeModel()
    with fake as url:
        assert vectors(url, []) == ()
        assert len(vectors(url, [str(n) for n in range(7)], batch_max=3)) == 7

    assert fake.requests == 3


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ("401", KeyRefused),
        ("html", Nonsense),
        ("broken-json", Nonsense),
        ("clean-cut", Nonsense),
        ("wrong-type", Nonsense),
        ("cut", StreamCut),
    ],
)
def test_each_fault_has_its_error(fault: Fault, kind: type[EndpointError]) -> None:
    with FakeModel(fault=fault) as url, pytest.raises(kind) as raised:
        vectors(url, ["sea"])

    assert url in str(raised.value)
    assert "fake-model" in str(raised.value)


def test_an_answer_that_never_ends_is_given_up() -> None:
    patience = Patience(timeout_s=15.0, answer_s_max=0.3)

    with FakeModel(fault="drip") as url, pytest.raises(TooSlow, match=r"was not whole after 0\.3 s"):
        asyncio.run(OpenAIEmbedding(Endpoint(url, None, patience), "fake-model").vectors(["sea"]))


def test_an_answer_is_bounded() -> None:
    with FakeModel(dimensions=1000) as url, pytest.raises(TooLarge):
        vectors(url, ["sea"], answer_bytes_max=1000)


@pytest.mark.parametrize(
    "listed",
    [
        [],
        [{"index": 0, "embedding": [1.0]}],
        [{"index": 0, "embedding": [1.0]}, {"index": 0, "embedding": [1.0]}],
        [{"index": 0, "embedding": [1.0]}, {"index": 1, "embedding": []}],
        [{"index": 0, "embedding": [1.0]}, {"index": 1, "embedding": [1.0, 2.0]}],
    ],
)
def test_vectors_that_do_not_match_their_texts_are_refused(listed: list[object]) -> None:
    with answering({"data": listed}) as url, pytest.raises(UnfitVectors):
        vectors(url, ["sea", "land"])


def test_vectors_in_another_order_are_put_in_place() -> None:
    listed = [{"index": 1, "embedding": [2.0]}, {"index": 0, "embedding": [1.0]}]
    with answering({"data": listed}) as url:
        assert vectors(url, ["sea", "land"]) == ((1.0,), (2.0,))


def test_numbers_that_are_not_finite_are_refused() -> None:
    with answering({"data": [{"index": 0, "embedding": [float("inf")]}]}) as url, pytest.raises(Nonsense):
        vectors(url, ["sea"])


def test_an_embedding_is_a_service() -> None:
    embedding = OpenAIEmbedding(Endpoint("http://127.0.0.1:1/v1"), "m", {"dimensions": 8})

    assert isinstance(embedding, Service)
    assert embedding.fingerprint()["settings"] == {"dimensions": 8}
    assert embedding.cost == "free"
    with pytest.raises(TypeError, match="input"):
        OpenAIEmbedding(Endpoint("http://127.0.0.1:1/v1"), "m", {"input": []})
    with pytest.raises(ValueError, match="batch_max"):
        OpenAIEmbedding(Endpoint("http://127.0.0.1:1/v1"), "m", batch_max=0)
