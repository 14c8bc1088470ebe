"""Bodies: those beyond a bound are refused before they are decoded, and where they say so, before they are read."""

from __future__ import annotations

import json
import tracemalloc
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.types import ASGIApp, Message

import weft
from tests.server.conftest import SETTINGS
from tests.server.house import Client, Keys, Sheet, asked, everything
from weft import Space
from weft.form.answer import DEPTH_MAX, NODES_MAX
from weft.server.app import make_app
from weft.server.body import check_bounds, check_length, parse_body, query_of
from weft.server.caller import Caller
from weft.server.refusals import BodyTooLarge, UnreadableBody

ENTITIES = "/api/spaces/home/entities"
BLOBS = "/api/spaces/home/blobs"
HEADERS = {"Authorization": "Bearer ann", "Content-Type": "application/json"}


def sends(chunks: Iterator[bytes]) -> Callable[[], Awaitable[Message]]:
    """A body, piece by piece."""

    async def receive() -> Message:
        chunk = next(chunks, None)
        return {"type": "http.request", "body": chunk or b"", "more_body": chunk is not None}

    return receive


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"[" * 10_000, "deeper than"),
        (b'{"a":' * 10_000 + b"1" + b"}" * 10_000, "deeper than"),
        (b"[" + b"1," * 200_000 + b"1]", "holds more than"),
        (b'{"type": "Sheet"', "not JSON"),
        (b'{"type": "Sheet", "type": "Late"}', "a key twice"),
        (b'{"n": 1' + b"0" * 400 + b"}", "more than 64 bits"),
        (b'{"n": NaN}', "not finite"),
        (b'{"n": 1e999}', "not finite"),
        (b'{"n": "\\ud800"}', "not Unicode"),
        (b'{"n": "\xff"}', "not Unicode"),
        (b"[1]", "no JSON object"),
        (b'"' + b'\\"' * 100_000, "not JSON"),
    ],
)
def test_a_bad_body_is_a_clear_answer(app: ASGIApp, body: bytes, why: str) -> None:
    said = asked(app, "POST", ENTITIES, {**HEADERS, "Content-Length": str(len(body))}, receive=sends(iter([body])))

    assert (said.status, said.said["data"]["error"]) == (400, "UnreadableBody")
    assert why in said.said["message"]


def test_an_upload_of_5_gb_is_refused_without_being_read(app: ASGIApp) -> None:
    headers = {**HEADERS, "Content-Type": "application/octet-stream", "Content-Length": str(5 << 30)}

    said = asked(app, "POST", BLOBS, headers)

    assert (said.status, said.said["className"]) == (413, "bad-request")
    assert said.headers["connection"] == "close"
    assert asked(app, "POST", ENTITIES, {**HEADERS, "Content-Length": str(5 << 30)}).status == 413
    assert asked(app, "POST", ENTITIES, {**HEADERS, "Content-Length": "9" * 5000}).status == 413
    assert asked(app, "POST", ENTITIES, {**HEADERS, "Content-Length": "-1"}).status == 400


def test_a_body_that_says_nothing_of_its_size_is_read_no_further_than_its_bound(space: Space) -> None:
    app = make_app({"home": space}, Keys(everything("ann")), replace(SETTINGS, body_bytes_max=100, blob_bytes_max=100))
    for path, kind in ((ENTITIES, "application/json"), (BLOBS, "application/octet-stream")):
        sent = [b" " * 30] * 1000
        headers = {**HEADERS, "Content-Type": kind, "Transfer-Encoding": "chunked"}

        rest = iter(sent)
        said = asked(app, "POST", path, headers, receive=sends(rest))

        assert (said.status, len(list(rest))) == (413, 996)


def test_a_large_upload_takes_no_memory_of_its_size(tmp_path: Path) -> None:
    size, part = 48 << 20, 64 << 10
    headers = {**HEADERS, "Content-Type": "application/octet-stream", "Content-Length": str(size)}
    with weft.open(str(tmp_path / "a.weft"), types=[Sheet]) as space:
        app = make_app({"home": space}, Keys(everything("ann")), SETTINGS)
        parts = (number.to_bytes(4, "big") * (part // 4) for number in range(size // part))
        tracemalloc.start()
        try:
            said = asked(app, "POST", BLOBS, headers, receive=sends(parts))
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()

        assert (said.status, said.said["size"]) == (201, size)
        assert peak < size // 2  # a few pieces, however large it is


def test_where_a_bound_lies_is_told_exactly() -> None:
    check_bounds(b"[" * DEPTH_MAX)
    with pytest.raises(UnreadableBody, match="deeper"):
        check_bounds(b"[" * (DEPTH_MAX + 1))
    check_bounds(b"," * (NODES_MAX - 1))
    with pytest.raises(UnreadableBody, match="holds more"):
        check_bounds(b"," * NODES_MAX)
    check_length("100", 100)
    with pytest.raises(BodyTooLarge, match="more than the 100 bytes"):
        check_length("101", 100)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-9, 9) | st.text(),
        lambda s: st.lists(s) | st.dictionaries(st.text(), s),
    )
)
def test_what_is_within_its_bounds_is_read_as_it_is(value: object) -> None:
    assert parse_body(json.dumps({"it": value}).encode()) == {"it": value}


@given(st.text(alphabet='"\\[]{}, a'))
def test_what_stands_in_a_text_is_no_depth(text: str) -> None:
    check_bounds(json.dumps(["[" * 1000 + text]).encode())


def test_a_query_is_read_as_its_schema_says() -> None:
    properties = {"n": {"type": "integer"}, "is": {"type": "boolean"}, "s": {"type": "number"}, "t": {"type": "string"}}
    pairs = [("n", "12"), ("is", "true"), ("s", "1.5"), ("t", "12")]

    assert query_of(pairs, properties) == {"n": 12, "is": True, "s": 1.5, "t": "12"}
    assert query_of([("n", "1x"), ("is", "yes"), ("s", "1e9")], properties) == {"n": "1x", "is": "yes", "s": "1e9"}


def test_blobs_come_back_as_files_and_never_as_pages(client: Client) -> None:
    page = b"<script>alert(1)</script>"
    kept = client.post(f"{BLOBS}?media_type=text/html", content=page, headers={"Content-Type": "application/x-any"})
    id = kept.json()["blob"]["/"]

    said = client.get(f"{BLOBS}/{id}")

    assert (kept.status_code, said.content) == (201, page)
    assert said.headers["content-type"] == "application/octet-stream"
    assert said.headers["content-disposition"].startswith("attachment")
    assert said.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in said.headers["content-security-policy"]
    assert client.get(f"{BLOBS}/{id[:-1]}a").status_code in (400, 404)
    assert client.get(f"{BLOBS}/..%2f..%2fetc").status_code in (400, 404)
    missing = "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku"
    assert client.get(f"{BLOBS}/{missing}").json()["data"]["error"] == "NoBlob"
    wrong = client.post(f"{BLOBS}?media_type=no", content=page, headers={"Content-Type": "application/x-any"})
    assert wrong.json()["data"]["error"] == "NotABlob"


def test_a_browser_asks_each_time_whether_who_uses_it_now_may_have_a_blob_that_it_holds(
    client: Client, known: Callable[[Caller], Caller]
) -> None:
    kept = client.post(BLOBS, content=b"hello", headers={"Content-Type": "image/png"}).json()["blob"]["/"]
    first = client.get(f"{BLOBS}/{kept}")
    held = {"If-None-Match": first.headers["etag"]}
    known(everything("ben", []))

    assert first.headers["cache-control"] == "private, no-cache"
    again = client.get(f"{BLOBS}/{kept}", headers=held)
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", first.headers["etag"])
    assert Client(client.app, "ben").get(f"{BLOBS}/{kept}", headers=held).status_code == 403
    assert client.get(f"{BLOBS}/{kept}", headers={"If-None-Match": '"another"'}).content == b"hello"


def test_a_blob_that_was_uploaded_is_told_and_computed_from(client: Client) -> None:
    kept = client.post(BLOBS, content=b"hello", headers={"Content-Type": "image/png"}).json()

    said = client.post(ENTITIES, json={"type": "Sheet", "fields": {"n": 1}, "add": {"photos": [kept]}, "wait_s": 30})

    sizes = next(node for node in said.json()["nodes"] if node["name"] == "sizes")
    assert [one["value"] for one in sizes["elements"]] == [5]
    other = {**kept, "blob": {"/": "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku"}}
    never = client.post(ENTITIES, json={"type": "Sheet", "fields": {"n": 1}, "add": {"photos": [other]}})
    assert (never.status_code, never.json()["data"]["error"]) == (404, "NoBlob")
