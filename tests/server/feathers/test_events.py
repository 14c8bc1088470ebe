"""Events, as real clients of Feathers are told of them: the right ones, to the right people, each once."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable
from typing import Any

import pytest

import weft
from tests.server.charms import GATE, WORDS, Slow, Spelt, Story, Sum
from tests.server.feathers.people import ENTITIES, VIEWS, Driver, Person, Served, served
from tests.server.feathers.raw import Raw
from tests.server.house import GATE as HOUSE_GATE
from tests.server.house import Client, Late, Pointer, Sheet, everything
from tests.server.house import Keys as House
from tests.server.serving import Client as Line
from tests.server.serving import Keys, user
from tests.until import until
from weft import Space
from weft.server.feathers.client import CALLS_MAX
from weft.server.feathers.reading import KEPT_MAX, Reading
from weft.server.served import Served as Spaces
from weft.server.settings import LiveSettings

EVENTS = ("created", "patched", "removed", "node", "completed", "partial")


def come(driver: Driver, server: Served, name: str, **auth: Any) -> Person:
    """Somebody who listens."""
    person = driver.person(server.port)
    listens = [[ENTITIES, EVENTS], [VIEWS, ["reset"]]]  # before anything may come
    person.connect({"accessToken": f"key of {name}", **auth}, listens=listens)
    return person


def named(person: Person) -> list[tuple[str, Any]]:
    """What somebody was told, in order: each event with its position, or what it was said of."""
    return [(one["event"], _place(one)) for one in person.told]


def parted(events: list[tuple[str, Any]]) -> tuple[list[tuple[str, Any]], list[Any]]:
    """In their order; but completions apart, which come behind what they complete, at once or a little later."""
    done = sorted(place for event, place in events if event == "completed")
    return [one for one in events if one[0] != "completed"], done


def _place(one: dict[str, Any]) -> Any:
    said = one["said"]
    return said.get("told", said.get("position")) if one["event"] != "completed" else said["traversal"]


def test_services_tell_what_happened_in_order_and_once(driver: Driver, server: Served, shelf: Space) -> None:
    ann = come(driver, server, "ann")

    made = ann.call(ENTITIES, "create", {"type": "Sum", "fields": {"number": 4}, "wait_s": 20})
    ann.until(lambda: ann.events("completed"))
    opened = ann.call(VIEWS, "create", {"entity": made["id"]})
    patched = ann.call(ENTITIES, "patch", made["id"], {"set": {"number": 5}})
    ann.until(lambda: len(ann.events("completed")) == 2)
    ann.call(ENTITIES, "remove", made["id"])
    ann.until(lambda: ann.events("removed"))

    (created,) = ann.events("created")
    assert (created["id"], created["told"], created["type"]) == (made["id"], made["told"], "Sum")
    assert created.keys() == made.keys() - {"completed"}
    assert {one["name"]: one.get("value") for one in opened["nodes"]}["both"] == 20
    assert [one["told"] for one in ann.events("patched")] == [patched["told"]]
    assert [one["node"].partition(".")[2] for one in ann.events("node")][:3] == ["twice", "thrice", "both"]
    assert ann.events("removed") == [{"entity": made["id"], "position": shelf.position}]
    (first, second) = ann.events("completed")
    assert [first["traversal"], second["traversal"]] == [made["told"], patched["told"]]
    assert second["failed"] == {}
    assert {node.partition(".")[2] for node in second["nodes"]} == {"twice", "thrice", "both"}


def test_a_completion_brings_what_rest_answers(driver: Driver, server: Served, shelf: Space, guard: Keys) -> None:
    ann = come(driver, server, "ann")
    shelf.create(Sum)
    made = ann.call(ENTITIES, "create", {"type": "Sum", "fields": {"number": 4}, "wait_s": 20})
    ann.call(VIEWS, "create", {"entity": made["id"]})
    said = {"set": {"number": 7}, "wait_s": 20}

    by_rest = Client(server.app, "key of ann").patch(f"/api/{ENTITIES}/{made['id']}", json=said).json()
    ann.until(lambda: [one for one in ann.events("completed") if one["traversal"] == by_rest["told"]])

    (found,) = [one for one in ann.events("completed") if one["traversal"] == by_rest["told"]]
    assert found["entities"] == [{name: one for name, one in by_rest.items() if name not in ("told", "completed")}]


def test_what_is_told_of_nodes_is_what_a_websocket_is_told(driver: Driver, server: Served, shelf: Space) -> None:
    numbers = shelf.create(Sum)
    ann = come(driver, server, "ann")
    ann.call(VIEWS, "create", {"entity": numbers.id})
    with Line(f"ws://127.0.0.1:{server.port}/live/shelf", "key of ann") as line:
        line.say("open", entity=numbers.id)
        line.say("sub", channel="space", **{"from": shelf.position})
        numbers.number = 33
        line.until(lambda: line.completed)
    ann.until(lambda: ann.events("completed"))

    told = {(one["position"], one["node"], one["type"], one["preview"]) for one in ann.events("node")}
    deltas = [one for one in line.deltas if one.type.startswith("node.")]
    assert {(one.position, one.node, one.type, one.preview) for one in deltas} <= told
    assert len({one.position for one in deltas}) == 3
    completed = ann.events("completed")[-1]
    assert (completed["traversal"], completed["nodes"]) == (line.completed[0].traversal, line.completed[0].nodes)


def test_runs_and_questions_tell_of_themselves(driver: Driver) -> None:
    HOUSE_GATE.set()
    with weft.open(types=[Sheet, Pointer, Late]) as space, served(space, House(everything("ann"))) as server:
        ann = driver.person(server.port)
        ann.connect({"accessToken": "ann"})
        ann.listen("spaces/shelf/runs", "created", "patched")
        ann.listen("spaces/shelf/questions", "created", "patched", "removed")
        sheet = ann.call(ENTITIES, "create", {"type": "Sheet", "fields": {"n": 1}})
        ann.call(ENTITIES, "patch", sheet["id"], {"set": {"state": "submitted"}})
        asked: Callable[[], list[Any]] = lambda: ann.events("created", "spaces/shelf/questions")  # noqa: E731
        ann.until(asked)
        question = asked()[0]

        assert {**question, "told": 0} == {**ann.call("spaces/shelf/questions", "get", question["id"]), "told": 0}
        told = ann.call("spaces/shelf/questions", "answer", {"question": question["id"], "answer": {"yes": True}})
        ann.until(lambda: ann.events("removed", "spaces/shelf/questions"))

        (run,) = ann.events("created", "spaces/shelf/runs")
        ended = ann.events("patched", "spaces/shelf/runs")[-1]
        assert (run["run"], run["flow"]) == (question["run"], "approve")
        assert {**ended, "told": 0} == {**ann.call("spaces/shelf/runs", "get", run["run"]), "told": 0}
        (answered,) = ann.events("patched", "spaces/shelf/questions")
        assert answered["told"] == told["position"]
        (removed,) = ann.events("removed", "spaces/shelf/questions")
        assert removed["id"] == question["id"]


# Who is told of what -----------------------------------------------------------------------------------------------


def test_two_people_are_each_told_of_theirs_alone(driver: Driver, shelf: Space) -> None:
    hers, his = shelf.create(Sum), shelf.create(Sum)
    guard = Keys(
        ann=user("ann", "read", "edit", entities=frozenset({hers.id})),
        ben=user("ben", "read", "edit", entities=frozenset({his.id})),
    )
    with served(shelf, guard) as server:
        ann, ben = come(driver, server, "ann"), come(driver, server, "ben")
        for person, own, other in ((ann, hers, his), (ben, his, hers)):
            person.call(VIEWS, "create", {"entity": own.id})
            assert person.fails(VIEWS, "create", {"entity": other.id})["name"] == "Forbidden"
            assert person.fails(ENTITIES, "get", other.id)["name"] == "Forbidden"
            assert person.call(ENTITIES, "patch", own.id, {"set": {"number": 77}})["told"]
        ann.until(lambda: ann.events("completed"))
        ben.until(lambda: ben.events("completed"))
        with shelf.edit():
            hers.number, his.number = 1001, 90001
        for person in (ann, ben):
            person.until(lambda person=person: len(person.events("completed")) == 2)  # type: ignore[misc]

        assert his.id not in str(ann.told)
        assert hers.id not in str(ben.told)
        assert "90001" not in str(ann.told)
        assert "1001" not in str(ben.told)
        assert [one["entities"][0]["id"] for one in ann.events("completed")] == [hers.id, hers.id]


def test_nodes_are_told_to_who_has_them_open_and_completions_to_who_began_them(
    driver: Driver, server: Served, shelf: Space
) -> None:
    numbers = shelf.create(Sum)
    ann, ben = come(driver, server, "ann"), come(driver, server, "ben")
    ann.call(VIEWS, "create", {"entity": numbers.id})

    ben.call(ENTITIES, "patch", numbers.id, {"set": {"number": 5}})
    for person in (ann, ben):
        person.until(lambda person=person: person.events("completed"))  # type: ignore[misc]
    ann.call(ENTITIES, "patch", numbers.id, {"set": {"number": 6}})
    ann.until(lambda: len(ann.events("completed")) == 2)
    ben.until(lambda: len(ben.events("patched")) == 2)

    assert len(ann.events("node")) >= 6
    assert ben.events("node") == []
    assert len(ben.events("completed")) == 1


def test_views_are_counted_and_what_is_open_is_computed(driver: Driver, server: Served, shelf: Space) -> None:
    numbers = shelf.create(Sum)
    ann = come(driver, server, "ann")

    def watched() -> int:
        with shelf.view() as engine:
            return len(engine.watched)

    assert watched() == 0
    ann.call(VIEWS, "create", {"entity": numbers.id})
    ann.call(VIEWS, "create", {"entity": numbers.id})
    assert ann.call(VIEWS, "find")["views"] == [{"entity": numbers.id, "count": 2, "paused": False}]
    assert ann.call(VIEWS, "remove", numbers.id)["count"] == 1
    assert watched() == 3
    assert ann.call(VIEWS, "remove", numbers.id)["count"] == 0
    assert watched() == 0
    assert ann.fails(VIEWS, "remove", numbers.id)["name"] == "NotFound"
    assert ann.fails(VIEWS, "create", {"entity": "nobody"})["name"] == "NotFound"
    assert ann.fails(VIEWS, "create", {"entity": 3})["name"] == "BadRequest"
    assert ann.fails(VIEWS, "create", {"entity": numbers.id, "more": 1})["name"] == "BadRequest"
    assert ann.fails(VIEWS, "update", numbers.id, {})["name"] == "MethodNotAllowed"


def test_what_streams_is_told_as_it_grows_unless_it_is_paused(driver: Driver, server: Served, shelf: Space) -> None:
    tale = shelf.create(Story)
    ann = come(driver, server, "ann")
    ann.call(VIEWS, "create", {"entity": tale.id})
    WORDS.append("once")
    ann.until(lambda: ann.events("partial"))
    assert ann.events("partial")[0]["value"] == "once"

    assert ann.call(VIEWS, "patch", tale.id, {"paused": True}) == {"entity": tale.id, "count": 1, "paused": True}
    assert ann.fails(VIEWS, "patch", tale.id, {"paused": "yes"})["name"] == "BadRequest"
    with shelf.view() as engine:
        assert {one[1] for one in engine.watched} == {"size"}
    ann.call(VIEWS, "patch", tale.id, {"paused": False})
    WORDS.append(".")
    ann.until(lambda: [one for one in ann.events("node") if one["node"].endswith(".size")])


# Coming back -------------------------------------------------------------------------------------------------------


def test_who_comes_back_with_any_mark_is_told_the_rest_once(driver: Driver, server: Served, shelf: Space) -> None:
    one, other = shelf.create(Sum), shelf.create(Sum)
    views = {"shelf": [one.id, other.id]}
    ann = come(driver, server, "ann", views=views)
    for number in (11, 12):
        with shelf.edit(by="ann"):
            one.number, other.number = number, -number  # several events of one position, and nodes that fail
        ann.until(lambda number=number: len(ann.events("completed")) == number - 10)  # type: ignore[misc]
    marks = ["0"] + [told["mark"] for told in ann.told]
    whole = named(ann)
    assert len([event for event, _ in whole if event == "patched"]) == 4

    for n in range(1, len(marks)):
        back = come(driver, server, "ann", views=views, **{"from": {"shelf": marks[n]}})
        back.until(lambda back=back, n=n: len(back.told) >= len(whole) - n)  # type: ignore[misc]
        assert parted(named(back)) == parted(whole[n:]), marks[n]
        back.close()

    last = shelf.create(Sum)  # by nobody here, and not open: created is told, and nothing else of it
    ann.until(lambda: ann.events("created"))
    assert ann.events("created")[-1]["id"] == last.id


def test_a_position_alone_is_a_mark_and_one_that_is_none_is_refused(
    driver: Driver, server: Served, shelf: Space
) -> None:
    numbers = shelf.create(Sum)
    back = come(driver, server, "ann", **{"from": {"shelf": 0}})
    back.until(lambda: back.events("created"))
    assert back.events("created")[0]["id"] == numbers.id

    for said, name in (
        ({"from": {"shelf": 10**9}}, "BadRequest"), ({"from": {"shelf": "x"}}, "BadRequest"),
        ({"from": {"attic": 1}}, "NotFound"), ({"from": 3}, "BadRequest"), ({"from": {"shelf": "1;" + "9," * 1100}},
        "BadRequest"), ({"views": {"shelf": ["nobody"]}}, "NotFound"), ({"views": {"shelf": "all"}}, "BadRequest"),
    ):  # fmt: skip
        found = driver.person(server.port).connect({"accessToken": "key of ann", **said})
        assert found.get("refused"), said
        assert found["data"]["name"] == name, (said, found)
    until(lambda: len(server.live.connections) == 1)


@pytest.mark.parametrize("nodes_max", [10_000, 3])
def test_who_was_away_for_too_long_is_told_to_begin_anew_and_what_went_on_meanwhile(
    driver: Driver, shelf: Space, guard: Keys, nodes_max: int
) -> None:
    slow = shelf.create(Slow)
    views = {"shelf": [slow.id]}
    with served(shelf, guard, LiveSettings(catch_up_max=20, snapshot_nodes_max=nodes_max)) as server:
        come(driver, server, "ben", views=views)
        slow.number = 5
        traversal = shelf.position
        for _ in range(30):
            shelf.create(Sum)
        shelf.create(Spelt, word="abcd").letters.wait()
        ann = come(driver, server, "ann", views=views, **{"from": {"shelf": f"{traversal};{traversal}"}})
        ann.until(lambda: ann.events("reset", VIEWS))
        made = shelf.create(Sum)
        ann.until(lambda: ann.events("created"))
        GATE.set()
        ann.until(lambda: ann.events("completed"))

        assert [one["id"] for one in ann.events("created")] == [made.id]
        assert [one["traversal"] for one in ann.events("completed")] == [traversal]
        assert ann.events("completed")[0]["nodes"].keys() == {f"{slow.id}.late", f"{slow.id}.later"}


# Being cut off, being slow, being gone -----------------------------------------------------------------------------


def test_who_is_let_in_no_longer_is_cut_off_in_mid_stream(
    driver: Driver, server: Served, shelf: Space, guard: Keys
) -> None:
    numbers = shelf.create(Sum)
    ann, ben = come(driver, server, "ann"), come(driver, server, "ben")
    guard.put("ben", None)
    ben.until(lambda: ben.events("disconnect"))
    numbers.number = 55
    ann.until(lambda: ann.events("patched"))

    assert [one["name"] for one in ben.events("over")] == ["NotAuthenticated"]
    assert ben.events("disconnect") == ["io server disconnect"]
    assert ben.events("patched") == []
    until(lambda: len(server.route.clients) == 1)


def test_who_may_do_less_is_cut_off_and_may_come_back(driver: Driver, server: Served, guard: Keys) -> None:
    ben = come(driver, server, "ben")
    guard.put("ben", user("ben", "read"))
    ben.until(lambda: ben.events("disconnect"))

    assert [one["name"] for one in ben.events("over")] == ["Forbidden"]
    assert ben.begin("reconnect")() == {"connected": True}
    assert ben.fails(ENTITIES, "create", {"type": "Sum"})["name"] == "Forbidden"
    assert ben.call(ENTITIES, "find", {})["entities"] == []


def test_each_call_asks_rights_anew(driver: Driver, server: Served, guard: Keys) -> None:
    guard.callers["key of eve"] = user("eve", "edit")  # no space is told to who may read nothing
    eve = come(driver, server, "eve")
    assert eve.call(ENTITIES, "create", {"type": "Sum"})["type"] == "Sum"
    guard.put("eve", user("eve", "answer"))
    assert eve.fails(ENTITIES, "create", {"type": "Sum"})["name"] == "Forbidden"
    guard.put("eve", None)
    assert eve.fails(ENTITIES, "create", {"type": "Sum"})["name"] == "NotAuthenticated"
    eve.until(lambda: eve.events("disconnect"))
    assert eve.events("created") == []


def test_a_stalled_reader_stops_nobody_and_nothing_is_queued_for_it(
    driver: Driver, server: Served, shelf: Space
) -> None:
    long = shelf.create(Spelt)
    ann = come(driver, server, "ann")
    with Raw(server.port, holds_bytes=4096) as stalled:
        stalled.enter()
        (wire,) = [one for one in server.route.clients if server.route.clients[one].known is not None][-1:]
        for _ in range(30):
            stalled.say("421" + '["find","spaces/shelf/types"]')  # and its answers are not read either
        for _ in range(200):
            long.word = os.urandom(30_000).hex()  # which nothing makes shorter on its way
        newest = max(one.position for one in shelf.subscribe().present() if one.type == "traversal.started")
        until(lambda: bool(ann.told) and ann.told[-1].get("said", {}).get("told") == newest)

        until(lambda: bool(wire._senders))  # somebody waits for it
        assert len(server.route.clients[wire]._calls) <= CALLS_MAX
        assert all(one.queue.qsize() <= 1 for one in server.route._server.eio.sockets.values())
        assert len(wire._senders) <= CALLS_MAX + 2
    until(lambda: len(server.route.clients) == 1)


def test_who_is_gone_leaves_nothing_behind(driver: Driver, server: Served, shelf: Space) -> None:
    numbers = shelf.create(Sum)
    loop = server.live.spaces["shelf"].feed._loop
    assert loop is not None

    def tasks() -> int:
        found: list[int] = []
        done = threading.Event()

        def count() -> None:
            found.append(len(asyncio.all_tasks(loop)))
            done.set()

        loop.call_soon_threadsafe(count)
        assert done.wait(30)
        return found[0]

    before = tasks()
    for n in range(8):
        person = come(driver, server, "ann", views={"shelf": [numbers.id]})
        if n % 2:
            person.close()
        else:
            person.begin("drop")()
    views = server.live.spaces["shelf"].views
    until(lambda: not server.route.clients and not server.live.connections and not views._open)
    assert server.live._per_user == {}
    assert not server.live.spaces["shelf"].feed._listeners
    (reading,) = server.route._shop.readings.values()
    assert (reading.readers, len(reading._kept)) == (0, 0)
    assert (len(server.route._server.eio.sockets), len(server.route._server.environ)) == (0, 0)
    until(lambda: tasks() <= before + 1)
    with shelf.view() as engine:
        assert not engine.watched


def test_a_server_that_stops_says_so_and_clients_may_come_again(driver: Driver, shelf: Space, guard: Keys) -> None:
    GATE.set()
    shelf.create(Slow)
    with served(shelf, guard) as server:
        ann = come(driver, server, "ann")
        asyncio.run_coroutine_threadsafe(_stop_feed(server), server.live.spaces["shelf"].feed._loop).result(30)  # type: ignore[arg-type]
        ann.until(lambda: ann.events("disconnect"))
    assert [one["name"] for one in ann.events("over")] == ["Unavailable"]
    assert ann.events("disconnect") == ["transport close"]


def test_who_cannot_be_told_something_is_let_go_of_and_told_it_when_they_come_back(
    driver: Driver, server: Served, shelf: Space, monkeypatch: pytest.MonkeyPatch
) -> None:
    ann = come(driver, server, "ann", **{"from": {"shelf": 0}})
    ann.call(ENTITIES, "create", {"type": "Sum"})
    ann.until(lambda: ann.events("completed"))
    (reading,) = server.route._shop.readings.values()

    def fails(*_: object) -> None:
        raise RuntimeError("the disk is on fire")

    with monkeypatch.context() as broken:
        broken.setattr(reading, "_told", fails)
        made = shelf.create(Sum)
        ann.until(lambda: ann.events("disconnect"))
    assert [one["name"] for one in ann.events("over")] == ["Unavailable"]
    assert "fire" not in str(ann.told)

    auth = {"accessToken": "key of ann", "from": {"shelf": ann.mark}}
    assert ann.begin("reconnect", auth=auth)() == {"connected": True}
    ann.until(lambda: len(ann.events("created")) == 2)
    assert ann.events("created")[1]["id"] == made.id


def test_what_is_read_is_read_once_for_all_and_what_could_not_be_is_read_anew() -> None:
    counts: list[int] = []

    def read() -> int:
        counts.append(1)
        if len(counts) == 1:
            raise RuntimeError("the disk is on fire")
        return len(counts)

    async def run() -> None:
        reading = Reading(Spaces({}), {}, "shelf")
        reading.readers = 1
        with pytest.raises(RuntimeError):
            await reading._once(("entities", "x", 1), read)
        found = await asyncio.gather(*(reading._once(("entities", "x", 1), read) for _ in range(3)))
        assert (found, len(counts)) == ([2, 2, 2], 2)
        for position in range(KEPT_MAX + 5):
            await reading._once(("entities", "x", position), read)
        assert len(reading._kept) == KEPT_MAX
        reading.leave()
        assert not reading._kept

    asyncio.run(run())


async def _stop_feed(server: Served) -> None:
    await server.live.spaces["shelf"].feed.stop()


def test_what_was_forgotten_is_told_to_nobody_who_comes_back(driver: Driver, server: Served, shelf: Space) -> None:
    numbers = shelf.create(Sum, number=987654)
    ann = come(driver, server, "ann", **{"from": {"shelf": 0}})
    ann.until(lambda: ann.events("created"))
    assert "987654" in str(ann.told)
    shelf.forget(numbers)
    ann.until(lambda: ann.events("removed"))

    back = come(driver, server, "ann", **{"from": {"shelf": 0}})
    back.until(lambda: back.events("removed"))
    assert "987654" not in str(back.told)
