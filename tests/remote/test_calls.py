"""Calls over a network that fails: what is said again, and what is not."""

from __future__ import annotations

import importlib.util
import json
import re
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tests.server.whole import Counted, whole
from tests.until import LIMIT_S
from weft.remote import CallRefused, NoServer, Remote, RemoteMissing, UnknownMethod, Unreachable
from weft.remote.patience import CALLS, LIVE, Patience
from weft.server.openapi import openapi_of
from weft.server.services import SERVICES

HOME = {"space": "home"}
Answers = list[Callable[[httpx.Request], httpx.Response]]


class Faked:
    """A server that answers so, one after another; and what it was asked."""

    def __init__(self, *answers: httpx.Response | Exception) -> None:
        self.answers = list(answers)
        self.asked: list[httpx.Request] = []
        self.slept: list[float] = []
        transport = httpx.MockTransport(self._answer)
        one = Patience(1.0, 4.0, chance=lambda: 1.0)
        self.remote = Remote("http://x", "key", transport=transport, sleep=self.slept.append, patience=one)

    def _answer(self, request: httpx.Request) -> httpx.Response:
        if request.url.path == "/api/openapi.json":
            return httpx.Response(200, json=openapi_of(SERVICES, "1"))
        self.asked.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    def bodies(self) -> list[Any]:
        return [json.loads(one.content) for one in self.asked]


CUT = httpx.ReadError("cut off")
DONE = httpx.Response(200, json={"done": True})
NOT_FOUND = {"name": "NotFound", "message": "There is none.", "code": 404, "data": {"error": "UnknownEntity"}}


def created(faked: Faked) -> object:
    return faked.remote.call("entities.create", {**HOME, "type": "Sum"})


def test_what_changes_something_is_said_again_under_one_name() -> None:
    faked = Faked(CUT, httpx.ConnectTimeout("late"), DONE)

    assert created(faked) == {"done": True}

    first, *more = faked.bodies()
    assert re.fullmatch("[0-9a-f]{32}", first["once"])
    assert more == [first, first]
    assert faked.slept == [1.0, 2.0]


def test_a_name_that_is_given_is_kept() -> None:
    faked = Faked(DONE)
    faked.remote.call("entities.create", {**HOME, "type": "Sum", "once": "mine"})

    assert faked.bodies()[0]["once"] == "mine"


def test_what_has_no_name_and_changes_something_is_said_once() -> None:
    faked = Faked(CUT)

    with pytest.raises(Unreachable, match=r"entities.remove got no answer from http://x \(cut off\)"):
        faked.remote.call("entities.remove", {**HOME, "entity": "e"})
    assert len(faked.asked) == 1


def test_it_gives_up_in_the_end() -> None:
    faked = Faked(CUT)

    with pytest.raises(Unreachable):
        faked.remote.call("spaces.find")
    assert (len(faked.asked), faked.slept) == (6, [1.0, 2.0, 4.0, 4.0, 4.0])


def test_what_the_server_refuses_is_not_said_again() -> None:
    faked = Faked(httpx.Response(404, json=NOT_FOUND))

    with pytest.raises(CallRefused, match=r"^There is none\.$") as why:
        faked.remote.call("entities.get", {**HOME, "entity": "e"})
    assert (why.value.code, why.value.error, why.value.facts, len(faked.asked)) == (404, "UnknownEntity", {}, 1)


def test_too_many_calls_wait_as_long_as_they_are_told() -> None:
    many = httpx.Response(429, json={**NOT_FOUND, "code": 429}, headers={"Retry-After": "7"})
    faked = Faked(many, httpx.Response(502, text="<html>"), DONE)

    assert created(faked) == {"done": True}
    assert faked.slept == [7.0, 2.0]

    always = Faked(many)
    with pytest.raises(CallRefused) as why:
        always.remote.call("spaces.find")
    assert (why.value.code, len(always.asked)) == (429, 6)


def test_what_is_no_method_and_a_path_with_a_gap_are_refused_before_anything_is_sent() -> None:
    faked = Faked(DONE)

    with pytest.raises(UnknownMethod, match=r"no method entities\.burn\. It has spaces\.find"):
        faked.remote.call("entities.burn")
    for entity in ("", "..", "."):
        with pytest.raises(TypeError, match=r"entities\.get needs 'entity'"):
            faked.remote.call("entities.get", {**HOME, "entity": entity})
    assert faked.asked == []


def test_paths_and_queries_are_written_as_they_are_to_be_read() -> None:
    faked = Faked(DONE)
    faked.remote.call("diff.find", {"space": "a/b c", "before": 1, "after": 2, "as_shown": True})

    assert faked.asked[0].url.raw_path == b"/api/spaces/a%2Fb%20c/diff?before=1&after=2&as_shown=true"


def test_waits_are_left_to_chance_below_a_bound_that_doubles() -> None:
    for one, bounds in ((CALLS, [0.3, 0.6, 1.2]), (LIVE, [0.5, 1.0, 2.0])):
        most = Patience(one.first_s, one.most_s, chance=lambda: 1.0)
        assert [most.delay_s(attempt) for attempt in range(3)] == pytest.approx(bounds)
        assert most.delay_s(10_000) == one.most_s
        assert all(0 <= one.delay_s(attempt) <= most.delay_s(attempt) for attempt in range(100))
        assert len({one.delay_s(5) for _ in range(20)}) > 1


def test_without_its_packages_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("weft.remote.refused.find_spec", lambda name: importlib.util.find_spec("json"))
    with Remote("http://x") as remote:
        monkeypatch.setattr("weft.remote.refused.find_spec", lambda name: None)
        with pytest.raises(RemoteMissing, match="need websockets"):
            remote.live("home")
        with pytest.raises(RemoteMissing, match=r"httpx.*pip install 'weft\[client\]'"):
            Remote("http://x")


def test_over_a_wire_that_was_cut_it_is_done_once() -> None:
    with whole() as server, Remote(server.base, "key of ann", patience=Patience(0, 0)) as remote:
        remote.call("spaces.find")
        before = server.space.position
        server.wire.lost = 2
        made = remote.call("entities.create", {**HOME, "type": "Counted", "fields": {"number": 6}})
        server.wire.lost = 1
        blob = remote.upload("home", b"abc" * 1000, media_type="image/png")
        remote.call("entities.patch", {**HOME, "entity": made["id"], "add": {"photos": [blob]}})

        events = remote.call("events.find", {**HOME, "from": before + 1})["events"]
        assert [one["type"] for one in events].count("traversal.started") == 2
        assert server.wire.lost == 0
        assert remote.call("blobs.get", {**HOME, "blob": blob["blob"]["/"]}) == b"abc" * 1000
        sizes = {**HOME, "entity": made["id"], "node": "sizes", "wait_s": LIMIT_S}
        assert remote.call("values.get", sizes).get("value") == [3000]
        assert server.space.get(Counted, made["id"]).number == 6


@pytest.mark.parametrize(
    "base", ["127.0.0.1:87", "ftp://x", "http://", "nonsense", "http://x:port", "http://x:99999", ""]
)
def test_what_is_no_address_is_said_at_once(base: str) -> None:
    with pytest.raises(NoServer, match=r"http://127\.0\.0\.1:8707") as refused:
        Remote(base)
    assert refused.value.base == base


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (httpx.Response(200, html="<p>Hello</p>"), "perhaps a page"),
        (httpx.Response(200, json=["other"]), "perhaps a page"),
        (httpx.Response(200, json={"openapi": "3.1.0"}), "perhaps a page"),
        (httpx.Response(200, content=b"{", headers={"content-type": "application/json"}), "perhaps a page"),
        (httpx.Response(404, html="<p>Nothing</p>"), "status 404"),
        (httpx.Response(404, json={"detail": "Not Found"}), "status 404"),
        (httpx.Response(404, json=["other"]), "perhaps a page"),
        (httpx.Response(502, html="<p>Nobody</p>"), "status 502"),
        (httpx.ConnectError("Connection refused"), "Connection refused"),
    ],
)
def test_where_no_weft_server_is_the_address_and_the_next_step_are_said(
    answer: httpx.Response | Exception, why: str
) -> None:
    def answers(request: httpx.Request) -> httpx.Response:
        if isinstance(answer, Exception):
            raise answer
        return answer

    remote = Remote("http://x:1/", again=1, transport=httpx.MockTransport(answers), sleep=lambda _: None)
    with pytest.raises(NoServer, match=why) as refused:
        remote.call("spaces.find")

    assert str(refused.value).startswith("No Weft server was found at http://x:1: ")
    assert "`weft serve`" in str(refused.value)


def test_what_a_server_refuses_itself_is_said_in_its_own_words() -> None:
    said = {"name": "Forbidden", "message": "Not from here.", "code": 403, "data": {"error": "ForeignHost"}}
    transport = httpx.MockTransport(lambda _: httpx.Response(403, json=said))
    with pytest.raises(CallRefused, match="Not from here"):
        Remote("http://x", transport=transport).call("spaces.find")
