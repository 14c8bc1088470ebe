"""What is malformed, too large, too much or not there: answered, or cut off, and nobody else notices."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.server.charms import Sum
from tests.server.feathers.people import ENTITIES, VIEWS, Driver, Served, served
from tests.server.feathers.raw import Raw
from tests.server.serving import Keys
from tests.until import until
from weft import Space
from weft.server.feathers.authentication import PATH
from weft.server.feathers.client import CALLS_MAX, DOOR_BYTES_MAX
from weft.server.feathers.happened import NOTHING, happened_at
from weft.server.feathers.mark import Mark, NotAMark, encode_mark, parse_mark
from weft.server.feathers.names import given_of, row_at, rows_of, service_at
from weft.server.feathers.packet import BadPacket, Connect, Event, Kept, parse_packet
from weft.server.method import UnfitCall
from weft.server.refusals import MethodNotServed, NoSuchRoute
from weft.server.services import SERVICES
from weft.server.settings import LiveSettings

DEEP = "[" * 10_000 + "]" * 10_000
MALFORMED: tuple[str | bytes, ...] = (
    "", "4", "5", "2probe", "9", "42", "42[", "42[]", "42{}", "427", "42[7]", '42["find"', '42["find",]', "43[1]", "43",
    '451-["find",{"_placeholder":true,"num":0}]', "44{}", "40/admin,", '42/admin,["find"]', "40[1]", '40{"a":1',
    '42["connect",{}]', '42["disconnect"]', f'421["find",{DEEP}]', f"40{DEEP}", "4" + DEEP, b"\x00\x01",
    '4299999999999999999["find"]', '42["find",NaN]', '42["find",1e999]', '42["a",{"x":1,"x":2}]', "40{}",
)  # fmt: skip


@pytest.mark.parametrize("said", MALFORMED, ids=lambda said: repr(said[:24]))
def test_a_malformed_packet_ends_its_connection_alone(server: Served, said: str | bytes) -> None:
    with Raw(server.port) as good, Raw(server.port) as bad:
        good.enter()
        bad.enter()
        bad.say(said)
        code, why = bad.over()
        assert (code, why[:40]) == (1008, "This is no packet of Socket.IO that is t")
        assert good.call("find", ENTITIES) == [None, {"entities": [], "next": None, "position": 5}]
    until(lambda: not server.route.clients)


def test_what_is_too_large_ends_the_connection(server: Served) -> None:
    for size in (1 << 20, 3 << 20):
        with Raw(server.port) as bad:
            bad.enter()
            bad.say(f'421["create","{"x" * size}"]')
            assert bad.over()[0] in (1008, 1009)
    with Raw(server.port) as stranger:
        stranger.say("40" + json.dumps({"accessToken": "x" * DOOR_BYTES_MAX}))
        assert stranger.over()[0] == 1008
    with Raw(server.port) as hasty:
        hasty.say('421["find","spaces"]')
        assert hasty.over()[0] == 1008


def test_unknown_services_methods_and_arguments_are_refused_in_words(driver: Driver, server: Served) -> None:
    ann = driver.person(server.port)
    ann.connect({"accessToken": "key of ann"})
    sum_id = ann.call(ENTITIES, "create", {"type": "Sum"})["id"]
    for service, method, arguments, name in (
        ("nothing", "find", (), "NotFound"), ("spaces/shelf/nothing", "find", (), "NotFound"),
        ("spaces/attic/entities", "find", (), "NotFound"), ("spaces/attic/views", "find", (), "NotFound"),
        (ENTITIES, "frobnicate", ({},), "MethodNotAllowed"),
        ("spaces/shelf/questions", "update", ("q", {}), "MethodNotAllowed"),
        ("spaces/shelf/blobs", "create", ({},), "NotFound"), (ENTITIES, "create", (["Sum"],), "BadRequest"),
        (ENTITIES, "find", ({"query": {"$skip": 3}},), "BadRequest"), (ENTITIES, "patch", (None, {}), "BadRequest"),
        (ENTITIES, "get", (sum_id, {"query": {"entity": "other"}}), "BadRequest"),
        (ENTITIES, "find", ({"query": {"space": "other"}},), "BadRequest"),
        ("spaces/shelf/values", "get", (sum_id,), "BadRequest"), (PATH, "patch", ("x", {}), "MethodNotAllowed"),
        (ENTITIES, "remove", (None,), "BadRequest"),
    ):  # fmt: skip
        error = ann.fails(service, method, *arguments)
        assert (error["name"], error["isClass"]) == (name, True), (service, method, arguments, error)
        assert error["message"]
    assert [one["id"] for one in ann.call(ENTITIES, "find")["entities"]] == [sum_id]


def test_a_call_without_a_callback_is_done_and_one_without_a_service_is_answered(server: Served, shelf: Space) -> None:
    with Raw(server.port) as ann:
        ann.enter()
        ann.say("42" + json.dumps(["create", ENTITIES, {"type": "Sum"}]))
        until(lambda: len(ann.call("find", ENTITIES)[1]["entities"]) == 1)
        for arguments in (["find"], ["find", 7], ["find", None], ["find", {"a": 1}], ["find", "x" * 5000]):
            assert ann.call(*arguments)[0]["name"] == "NotFound"
        assert ann.call("find", ENTITIES, {}, {}, {})[0]["name"] == "BadRequest"
        assert ann.call("get", ENTITIES, True)[0]["name"] == "BadRequest"


def test_a_flood_is_cut_off_and_others_are_served(driver: Driver, shelf: Space, guard: Keys) -> None:
    with served(shelf, guard, LiveSettings(messages_burst=20, messages_per_s=0.001)) as server:
        ann, ben = driver.person(server.port), driver.person(server.port)
        ann.connect({"accessToken": "key of ann"})
        ben.connect({"accessToken": "key of ben"})
        for _ in range(25):
            ann.begin("raw", args=["find", ENTITIES])()
        ann.until(lambda: ann.events("disconnect"))
        assert [one["name"] for one in ann.events("over")] == ["TooManyRequests"]
        assert ben.call(ENTITIES, "find")["entities"] == []


def test_of_calls_that_wait_there_are_only_so_many(server: Served, shelf: Space) -> None:
    slow = {"type": "Slow", "wait_s": 60}
    with Raw(server.port) as ann:
        ann.enter()
        for n in range(CALLS_MAX):
            ann.say(f"42{n}" + json.dumps(["create", ENTITIES, slow]))
        error: Any = ann.call("find", ENTITIES, id=99)[0]
        assert error["name"] == "TooManyRequests"
    until(lambda: not server.route.clients and not server.live.connections)
    assert server.route._shop.rest.waiting == 0


@pytest.mark.slow
def test_a_half_open_connection_is_let_go_of(server: Served, shelf: Space, guard: Keys) -> None:
    numbers = shelf.create(Sum)
    with served(shelf, guard, LiveSettings(heartbeat_s=1.0, silent_s=2.0)) as other, Raw(other.port) as silent:
        silent.enter()
        silent.call("create", VIEWS, {"entity": numbers.id})
        until(lambda: not other.route.clients and not other.live.connections)

        def is_let_go() -> bool:
            with shelf.view() as engine:
                return not engine.watched

        until(is_let_go)


# The parts alone ---------------------------------------------------------------------------------------------------


def test_packets_are_read_whole_or_not_at_all() -> None:
    assert parse_packet("3", bytes_max=9) == Kept(is_end=False)
    assert parse_packet("41", bytes_max=9) == parse_packet("1", bytes_max=9) == Kept(is_end=True)
    assert parse_packet("40", bytes_max=9) == Connect(None)
    assert parse_packet('40{"a":[1]}', bytes_max=99) == Connect({"a": [1]})
    assert parse_packet('4212["find","ä",{}]', bytes_max=99) == Event("12", "find", ["ä", {}])
    assert parse_packet('42["find"]', bytes_max=99) == Event("", "find", [])
    with pytest.raises(BadPacket, match="more than 5 bytes"):
        parse_packet('42["ä"]', bytes_max=5)


def test_a_mark_says_where_to_go_on() -> None:
    for mark in (Mark(0), Mark(7), Mark(7, 2), Mark(7, 0, (3, 7)), Mark(9, 1, (2,))):
        assert parse_mark(encode_mark(*mark)) == mark
    assert parse_mark(12) == Mark(12)
    assert encode_mark(5, 0, [4, 6, 5]) == "5;4,5", "what begins behind it is no part of it"
    wrong: list[object] = [True, None, -1, "", "7.", "7;x", "1" * 17, "7." + "1" * 7, [], "٣"]
    for said in wrong:
        with pytest.raises(NotAMark):
            parse_mark(said)


def test_a_path_names_a_service_and_nothing_else() -> None:
    rows = rows_of(SERVICES)
    assert service_at("/spaces/shelf/entities/").space == "shelf"
    for path in ("", "/", "spaces/shelf", "a/b/c", "spaces//entities/x", 7, None, "x" * 300):
        with pytest.raises(NoSuchRoute):
            row_at(rows, service_at(path), "find")
    with pytest.raises(MethodNotServed):
        row_at(rows, service_at("spaces"), "remove")
    get = row_at(rows, service_at("spaces/shelf/values"), "get")
    assert given_of(get, "shelf", ["a/b/c"]) == {"space": "shelf", "entity": "a", "node": "b/c"}
    assert given_of(get, "shelf", ["a/b", {"wait_s": 1}])["wait_s"] == 1
    at = row_at(rows, service_at("spaces/shelf/events"), "get")
    assert given_of(at, "shelf", ["17"]) == given_of(at, "shelf", [17]) == {"space": "shelf", "position": 17}
    with pytest.raises(UnfitCall, match="form ENTITY/NODE"):
        given_of(get, "shelf", ["a"])


def test_nothing_happened_where_there_is_no_event() -> None:
    assert happened_at(None) is NOTHING
