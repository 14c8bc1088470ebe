"""Services over REST: values, the log, what was, types; and that each says the same in process and over HTTP."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import jsonschema
import pytest
from starlette.types import ASGIApp

import weft
from tests.server.conftest import SETTINGS
from tests.server.house import GATE, Client, Keys, Late, Pointer, Sheet
from tests.until import until
from weft import Space
from weft.blob import Blob
from weft.server.app import make_app
from weft.server.caller import CAPABILITIES, Caller
from weft.server.method import Method, call
from weft.server.served import Served
from weft.server.services import SERVICES
from weft.server.status import told_of
from weft.store import entry_at

ROWS = {row.title: row for row in SERVICES}
Answer = tuple[int, Any]
Do = Callable[..., Answer]


def sent(client: Client, title: str, given: dict[str, Any]) -> Answer:
    """The status of a call over REST, and what came back."""
    row, given = ROWS[title], dict(given)
    path = row.path.format(**{name: given.pop(name) for name in row.in_path})
    more: dict[str, Any] = {}
    if row.takes_content:
        more = {"content": given.pop("content"), "headers": {"Content-Type": "application/octet-stream"}}
        more["params"] = given
    elif row.changes:
        more["json"] = given
    else:
        more["params"] = {name: str(one).lower() if one is True else one for name, one in given.items()}
    found = client.request(row.http, f"/api{path}", **more)
    if row.gives_content and found.status_code == 200:
        return 200, found.content
    return found.status_code, found.json()


def called(served: Served, caller: Caller, title: str, given: dict[str, Any]) -> Answer:
    """The same of a call in process."""
    row = ROWS[title]
    if "content" in given:
        given = {**given, "content": Blob.from_bytes(given["content"])}
    try:
        found = call(row, served, caller, given)
    except Exception as why:  # noqa: BLE001 - it is compared
        told = told_of(why)
        return told.status, told.body
    if isinstance(found, Blob):
        return 200, found.bytes()
    return 201 if row.name == "create" else 200, found


@pytest.fixture
def do(client: Client) -> Do:
    """Call a method of the space `home` over REST; what comes back fits what was declared."""

    def act(title: str, **given: Any) -> Answer:
        status, said = sent(client, title, {"space": "home", **given})
        if status < 300 and not isinstance(said, bytes):
            jsonschema.Draft202012Validator(ROWS[title].gives).validate(said)
        return status, said

    return act


def made(do: Do, type: str = "Sheet", **said: Any) -> Any:
    """An entity."""
    said.setdefault("fields", {"n": 4})
    status, found = do("entities.create", type=type, wait_s=30, **said)
    assert status == 201, found
    return found


# Values ------------------------------------------------------------------------------------------------------------


def test_a_value_is_given_with_its_state_and_content_id(do: Do) -> None:
    id = made(do, add={"xs": [1, 2]})["id"]

    status, said = do("values.get", entity=id, node="totalled")
    assert (status, said["state"], said["value"], said["content_id"][:4]) == (200, "settled", 3, "bafy")
    assert do("values.get", entity=id, node="xs")[1]["state"] == "told"
    unknown = do("values.get", entity=id, node="total")[1]
    assert unknown["message"].startswith(f"The entity {id} has no node 'total'")
    assert unknown["data"]["error"] == "UnknownNode"
    assert do("values.get", entity="nobody", node="x")[1]["data"]["error"] == "UnknownEntity"
    assert do("values.get", entity=id, node="xs", element="x")[1]["data"]["error"] == "UnknownElement"
    assert do("values.get", entity=id, node="approve", wait_s=30)[1]["completed"] is True


def test_elements_come_page_by_page(do: Do) -> None:
    id = made(do, add={"xs": [5, 6, 7]})["id"]

    _, first = do("values.elements", entity=id, node="xs", limit=2)
    _, rest = do("values.elements", entity=id, node="xs", limit=2, after=first["next"])

    assert [one["value"] for one in first["elements"] + rest["elements"]] == [5, 6, 7]
    assert (first["count"], rest["next"]) == (3, None)
    one = first["elements"][1]
    assert do("values.get", entity=id, node="xs", element=one["element"])[1]["value"] == 6
    assert do("values.elements", entity=id, node="xs", after="x")[1]["data"]["error"] == "UnknownElement"


def test_a_value_is_asked_why_and_what_it_was(do: Do) -> None:
    id = made(do)["id"]
    do("entities.patch", entity=id, set={"n": 9}, wait_s=30)

    why = do("values.why", entity=id, node="rooted")[1]
    was = do("values.history", entity=id, node="rooted")[1]
    page = do("values.history", entity=id, node="n", limit=1)[1]

    assert why["root"] == f"{id}.rooted"
    assert "house/root" in why["text"]
    assert [one["shown"]["value"] for one in was["moments"]] == [2, 3]
    assert [one["by"] for one in page["moments"]] == ["ann"]
    assert do("values.history", entity=id, node="n", **{"from": page["next"]})[1]["moments"][0]["shown"]["value"] == 9


def test_what_failed_is_tried_again_under_one_name_once(do: Do, space: Space) -> None:
    said = made(do, fields={"n": -1})
    id = said["id"]
    rooted = next(node for node in said["nodes"] if node["name"] == "rooted")
    assert (rooted["state"], rooted["error"]) == ("failed", "ValueError: there is no root of a negative number")

    status, told = do("values.retry", entity=id, node="rooted", once="again")
    space.wait_settled()
    again = do("values.retry", entity=id, node="rooted", once="again")[1]

    assert (status, told["retried"]) == (200, [[id, "rooted", ""]])
    assert again == told
    assert do("values.retry", entity=id, node="totalled")[1]["data"]["error"] == "NothingToRetry"
    made(do, once="other")
    assert do("values.retry", entity=id, node="rooted", once="other")[1]["data"]["error"] == "EventReused"


# The log and what was ----------------------------------------------------------------------------------------------


def test_the_log_is_read_from_any_position_and_each_entry_by_its_own(do: Do, space: Space) -> None:
    made(do)
    found: list[Any] = []
    start: int | None = 0
    while start is not None:
        page = do("events.find", limit=2, **{"from": start})[1]
        found += page["events"]
        start = page["next"]

    assert [one["position"] for one in found] == sorted({one["position"] for one in found})
    assert found[-1]["position"] == space.position
    told = next(one for one in found if one["type"] == "traversal.started")
    entry = do("events.get", position=told["position"])[1]
    assert (entry["kind"], entry["said"]["actor"], entry["by"]) == ("event", "ann", "ann")
    for position in (0, space.position + 1):
        assert do("events.get", position=position)[1]["data"]["error"] == "NoSuchEntry"
    assert do("events.find", **{"from": 10**9})[1] == {"events": [], "next": None, "position": space.position}


def test_the_log_says_when_something_was_told(do: Do, space: Space) -> None:
    made(do)
    do("types.pin", type="Sheet", why="a release")
    found = do("events.find", limit=100)[1]["events"]

    told = next(one for one in found if one["type"] == "traversal.started")
    with space.view() as engine:
        entry = entry_at(engine.store, told["position"])
    assert entry is not None
    assert told["at"] == entry.said["time"]
    assert datetime.fromisoformat(told["at"]).utcoffset() == timedelta(0)
    assert do("events.get", position=told["position"])[1]["at"] == told["at"]
    assert next(one for one in found if one["preview"].startswith("pinned"))["at"] >= told["at"]
    assert {one["at"] for one in found if one["type"] == "node.settled"} == {None}, "results have no time of their own"


def test_two_positions_are_compared(do: Do) -> None:
    before = made(do)
    after = do("entities.patch", entity=before["id"], set={"n": 9}, wait_s=30)[1]

    found = do("diff.find", before=before["position"], after=after["position"])[1]["differences"]

    assert {one["node"]: one["after"]["value"] for one in found} == {"n": 9, "rooted": 3}
    assert do("diff.find", before=0, after=10**9)[1]["data"]["error"] == "NoSuchPosition"
    assert do("diff.find", before=0)[1]["data"]["error"] == "UnfitCall"
    assert do("diff.find", before=0, after=after["position"], limit=1, as_shown=True)[1]["more"] is True


# Types and spaces --------------------------------------------------------------------------------------------------


def test_a_type_says_by_schemas_what_its_entities_are_told(do: Do) -> None:
    made(do)
    said = do("types.get", type="Sheet")[1]
    nodes = {node["name"]: node for node in said["nodes"]}

    assert (said["entities"], said["is_known"], said["flows"]) == (1, True, ["approve"])
    assert (nodes["n"]["schema"], nodes["n"]["required"]) == ({"type": "integer"}, True)
    assert (nodes["xs"]["schema"], nodes["pages"]["schema"]) == ({"type": "integer"}, {"type": "integer"})
    assert (nodes["photos"]["schema"]["format"], nodes["name"]["required"]) == ("blob", False)
    assert "schema" not in nodes["totalled"]
    pointer = {node["name"]: node for node in do("types.get", type="Pointer")[1]["nodes"]}
    assert (pointer["to"]["target"], pointer["to"]["schema"]["format"]) == ("Sheet", "reference")
    assert (
        do("types.get", type="Sheat")[1]["message"] == "There is no type 'Sheat' in this space: did you mean 'Sheet'?"
    )
    assert {one["name"] for one in do("types.find")[1]["types"]} == {"Sheet", "Pointer", "Late"}


def test_a_definition_is_pinned_by_whoever_administers_until_it_is_let_go_of(do: Do, space: Space) -> None:
    said = do("types.pin", type="Sheet", why="a release")[1]

    assert (said["pinned"]["actor"], said["pinned"]["why"]) == ("ann", "a release")
    assert space.pins().keys() == {"Sheet"}
    assert do("types.unpin", type="Sheet")[1] == {"type": "Sheet", "pinned": None}
    assert space.pins() == {}


def test_a_reference_is_told_by_ids_and_read_through(do: Do) -> None:
    sheet = made(do, add={"xs": [1, 2]})["id"]

    said: Any = None
    for to in (sheet, {"entity": sheet}):
        said = made(do, "Pointer", fields={"to": to})
        assert {node["name"]: node.get("value") for node in said["nodes"]}["again"] == 3
    other = made(do, add={"xs": [7]})["id"]
    moved = do("entities.patch", entity=said["id"], set={"to": other}, wait_s=30)[1]
    assert {node["name"]: node.get("value") for node in moved["nodes"]}["again"] == 7
    for wrong in (7, {"node": "x"}, {"entity": sheet, "more": "x"}):
        assert do("entities.create", type="Pointer", fields={"to": wrong})[1]["data"]["error"] == "UnfitTelling"


def test_a_space_says_how_far_it_is_and_who_computes_it_and_not_where_it_lies(tmp_path: Any, guard: Keys) -> None:
    path = str(tmp_path / "secret-place.weft")
    with weft.open(path, types=[Sheet]) as engine:
        client = Client(make_app({"home": engine}, guard))
        said = client.get("/api/spaces/home")

        assert (said.json()["is_engine"], said.json()["position"]) == (True, engine.position)
        assert isinstance(said.json()["engine"]["pid"], int)
        assert "secret-place" not in said.text
    with weft.open(path, engine=False) as reader:
        assert "engine" not in Client(make_app({"home": reader}, guard)).get("/api/spaces").json()["spaces"][0]


def test_a_store_that_fails_is_said_and_nothing_of_a_bug_is(space: Space, client: Client) -> None:
    space.close()
    said = client.get("/api/spaces/home")
    assert (said.status_code, said.json()["data"]["error"]) == (503, "SpaceClosed")


def test_what_is_no_error_of_ours_says_nothing_of_itself(space: Space, guard: Keys) -> None:
    def broken(_: object) -> Any:
        raise RuntimeError("the secret is 42")

    row = Method(
        service="odd", name="find", http="GET", path="/odd", act=broken, capability="read", summary="Fails.",
        gives={"type": "object"},
    )  # fmt: skip
    said = Client(make_app({"home": space}, guard, SETTINGS, table=[row])).get("/api/odd")

    assert (said.status_code, said.json()["name"]) == (500, "GeneralError")
    assert "42" not in said.text


# Runs and questions ------------------------------------------------------------------------------------------------


def test_a_run_asks_is_answered_and_its_outcome_comes_back(do: Do, space: Space) -> None:
    id = made(do)["id"]
    waits = do("entities.patch", entity=id, set={"state": "submitted"}, wait_s=0)[1]
    sheet = space.get(Sheet, id)
    until(lambda: bool(space.questions()))
    question = do("questions.find")[1]["questions"][0]

    assert waits["completed"] is False
    assert (question["name"], question["about"], question["answered"]) == ("approve?", {"value": 4}, False)
    assert do("questions.get", question=question["id"])[1] == question
    wrong = do("questions.answer", question=question["id"], answer={"yes": "perhaps"})
    assert (wrong[0], wrong[1]["data"]["error"]) == (422, "UnfitAnswer")
    assert set(wrong[1]["errors"]) == {"yes"}, "the place that does not fit is named"
    answered = do("questions.answer", question=question["id"], answer={"yes": True}, once="mine")
    assert sheet.approve.wait(30) is True
    assert do("questions.answer", question=question["id"], answer={"yes": True}, once="mine") == answered
    assert do("questions.get", question=question["id"])[1]["data"]["error"] == "UnknownQuestion"
    run = do("runs.get", run=question["run"])[1]
    assert (run["stands"], run["outcome"], run["steps"][0]["name"]) == ("returned", True, "approve?")
    assert do("runs.cancel", run=question["run"])[1]["data"]["error"] == "Refused"


def test_what_a_run_came_to_comes_back_from_the_call_that_began_it(do: Do, space: Space) -> None:
    id = made(do)["id"]
    came: list[Answer] = []
    said = {"entity": id, "set": {"state": "submitted"}, "wait_s": 60}
    waits = threading.Thread(target=lambda: came.append(do("entities.patch", **said)))
    waits.start()
    until(lambda: bool(space.questions()))
    do("questions.answer", question=space.questions()[0].id, answer={"yes": False})
    waits.join()

    (status, answer), found = came[0], do("entities.get", entity=id)[1]
    assert (status, answer["completed"]) == (200, True)
    assert answer["nodes"] == found["nodes"]
    run = next(node["run"] for node in answer["nodes"] if node["name"] == "approve")
    assert (run["stands"], run["outcome"]) == ("returned", False)


def test_what_is_said_twice_is_said_by_nobody(client: Client, do: Do) -> None:
    id, other = made(do)["id"], made(do)["id"]
    path = f"/api/spaces/home/entities/{id}"

    for said in (
        client.get(path, params={"entity": other}), client.patch(path, json={"entity": other, "set": {"n": 1}}),
        client.patch(path, params={"base": "0"}, json={"base": 1, "set": {"n": 1}}),
    ):  # fmt: skip
        assert (said.status_code, said.json()["data"]["error"]) == (400, "UnreadableBody")
    assert client.patch(path, json={"content": "x", "set": {"n": 1}}).json()["data"]["error"] == "UnfitCall"


def test_no_more_calls_wait_at_once_than_are_allowed(space: Space, guard: Keys) -> None:
    client = Client(make_app({"home": space}, guard, replace(SETTINGS, waits_max=1)))
    said = {"type": "Late", "fields": {"n": 1}, "once": "late", "wait_s": 60}
    came: list[int] = []
    waits = threading.Thread(
        target=lambda: came.append(client.post("/api/spaces/home/entities", json=said).status_code)
    )
    waits.start()
    until(lambda: bool(space.find(Late)))
    path = f"/api/spaces/home/entities/{space.find(Late)[0].id}/nodes/came?wait_s=60"
    refused: list[int] = []

    def is_refused() -> bool:
        refused.append(client.get(path.replace("60", "0")).status_code)
        return refused[-1] == 429

    until(is_refused)
    GATE.set()
    waits.join()

    assert came == [201]
    assert client.get(path).json()["value"] == 1


def test_a_run_is_cancelled_once_though_it_is_said_twice(do: Do, space: Space) -> None:
    id = made(do)["id"]
    do("entities.patch", entity=id, set={"state": "submitted"})
    until(lambda: bool(space.questions()))
    run = do("runs.find")[1]["runs"][0]["run"]

    assert do("runs.get", run=run)[1]["steps"][0]["kind"] == "ask"
    first = do("runs.cancel", run=run, once="stop")[1]
    with pytest.raises(weft.WeftError):
        space.get(Sheet, id).approve.wait(30)
    assert do("runs.cancel", run=run, once="stop")[1] == first
    assert do("runs.get", run="nothing")[1]["data"]["error"] == "UnknownRun"
    assert do("schedules.find")[1] == {"schedules": []}
    assert do("schedules.pause", entity=id, flow="approve")[1]["data"]["error"] == "Refused"


# Parity ------------------------------------------------------------------------------------------------------------

_PASSING = {"position", "created", "next", "at", "cut", "took_us", "time", "due_from", "fired", "ended", "text", "said",
            "since", "traversal", "preview", "pid"}  # fmt: skip
"""What depends on the moment, and on which of two values was computed first."""


def bare(said: Any) -> Any:
    """What came back, less that."""
    if isinstance(said, dict):
        return {name: bare(one) for name, one in said.items() if name not in _PASSING}
    return [bare(one) for one in said] if isinstance(said, list) else said


def story(do: Do) -> Iterator[tuple[str, Answer]]:
    """Calls of every kind, good and bad, each with its answer."""

    def step(title: str, **given: Any) -> Iterator[tuple[str, Answer]]:
        yield title, do(title, space="home", **given)

    blob = do("blobs.create", space="home", content=b"hello", media_type="image/png")
    yield "blobs.create", blob
    yield "caller.get", do("caller.get")
    id = do(
        "entities.create", space="home", type="Sheet", fields={"n": 4}, add={"xs": [1, 2], "photos": [blob[1]]},
        once="a", wait_s=30,
    )[1]["id"]  # fmt: skip
    entity: dict[str, Any] = {"entity": id}
    yield from step("entities.create", type="Sheet", fields={"n": 4, "m": 1})
    yield from step("entities.create", type="Sheet", fields={"n": 5}, once="a")
    yield from step("entities.create", type="Late")
    yield from step("entities.patch", **entity, set={"n": 16}, increment={"count": 2}, once="b", wait_s=30)
    yield from step("entities.patch", **entity, set={"n": "x"})
    yield from step("entities.patch", **entity, set={"n": 1}, base=10**6)
    yield from step("entities.patch", entity="nobody", set={"n": 1})
    yield from step("entities.update", **entity, fields={"n": 16, "name": "whole"}, once="c", wait_s=30)
    for fields in ({}, {"n": "x"}, {"n": 1, "xs": [1]}):
        yield from step("entities.update", **entity, fields=fields)
    for title in ("entities.get", "entities.at"):
        more = {"position": 5} if title == "entities.at" else {}
        yield from step(title, **entity, **more)
        yield from step(title, entity="nobody", **more)
    yield from step("entities.find", type="Sheet", limit=1)
    yield from step("entities.find", limit=10**6)
    for title in ("values.get", "values.elements", "values.why", "values.history"):
        yield from step(title, **entity, node="totalled")
        yield from step(title, **entity, node="xs")
        yield from step(title, **entity, node="nothing")
    for title in ("graph.find", "spells.find"):
        yield from step(title, **entity)
        yield from step(title, entity="nobody")
    yield from step("graph.find", limit=0)
    yield from step("spells.find", **entity, node="nothing")
    yield from step("values.get", **entity, node="rooted", wait_s=30)
    yield from step("values.retry", **entity, node="rooted")
    for title in ("spaces.find", "branches.find", "types.find", "runs.find", "schedules.find", "questions.find"):
        yield from step(title)
    for title in ("types.pin", "types.pin", "types.unpin"):
        yield from step(title, type="Sheet", why="a release")
        yield from step(title, type="Sheat")
    yield from step("branches.get", branch="home")
    yield from step("branches.create", name="other")
    yield from step("spaces.get")
    yield from step("types.get", type="Sheet")
    yield from step("events.find", limit=1)
    yield from step("events.get", position=1)
    yield from step("events.get", position=10**6)
    yield from step("diff.find", before=0, after=1)
    yield from step("blobs.get", blob=blob[1]["blob"]["/"])
    yield from step("blobs.get", blob="no")
    for verb in ("get", "retry", "restart", "adopt", "cancel"):
        yield from step(f"runs.{verb}", run="nothing")
    yield from step("questions.get", question="nothing")
    yield from step("questions.answer", question="nothing", answer=1)
    yield from step("schedules.pause", **entity, flow="approve")
    yield from step("schedules.unpause", **entity, flow="approve")
    for title in (one for one, row in ROWS.items() if row.service in ("users", "tokens", "sessions")):
        row, said = ROWS[title], {"user": "ann", "token": "t", "session": "s", "name": "n", "password": "long enough",
                                  "new": "long enough", "entities": ["e"]}  # fmt: skip
        yield title, do(title, **{name: said[name] for name in (*row.in_path, *row.required)})
    yield from step("entities.remove", **entity, why="enough")
    yield from step("entities.get", **entity)


def over_rest(space: Space, guard: Keys) -> Do:
    """Calls by ann, over HTTP."""
    client = Client(make_app({"home": space}, guard, SETTINGS))

    def do(title: str, **given: Any) -> Answer:
        return sent(client, title, given)

    return do


def in_process(space: Space, guard: Keys) -> Do:
    """The same, without."""
    served = Served({"home": space})

    def do(title: str, **given: Any) -> Answer:
        return called(served, guard.caller("ann"), title, given)

    return do


def test_a_call_in_process_and_over_rest_gives_equal_results_and_errors(guard: Keys) -> None:
    told: list[list[tuple[str, Answer]]] = []
    for way in (in_process, over_rest):
        with weft.open(types=[Sheet, Pointer, Late]) as space:
            told.append([(title, (status, bare(said))) for title, (status, said) in story(way(space, guard))])

    assert {title for title, _ in told[0]} == ROWS.keys()
    for (title, one), (_, other) in zip(*told, strict=True):
        assert one == other, title


def test_who_calls_is_told_as_whom_they_are_known(
    client: Client, app: ASGIApp, known: Callable[[Caller], Caller]
) -> None:
    known(Caller("ben", frozenset({"read"}), frozenset({"b", "a"})))

    assert client.get("/api/whoami").json() == {"user": "ann", "capabilities": [*CAPABILITIES], "entities": None}
    said = Client(app, "ben").get("/api/whoami").json()
    assert said == {"user": "ben", "capabilities": ["read"], "entities": ["a", "b"]}
    assert Client(app, "nobody").get("/api/whoami").status_code == 401
