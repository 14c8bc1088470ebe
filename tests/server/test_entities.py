"""Entities over REST: created, told, read, found page by page, and taken away."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

from starlette.types import ASGIApp

import weft
from tests.server.house import GATE, Client, Keys, Late, Sheet
from tests.server.test_services import sent
from tests.until import until
from weft import Space
from weft.server.app import make_app
from weft.server.bounds import Settings
from weft.server.refusals import NotDoneOnce

ENTITIES = "/api/spaces/home/entities"


def made(client: Client, **said: Any) -> Any:
    """A sheet, as the answer to its creation says it."""
    found = client.post(ENTITIES, json={"type": "Sheet", "fields": {"n": 4}, **said})
    assert found.status_code == 201, found.text
    return found.json()


def values(said: Any) -> dict[str, Any]:
    """What each node shows."""
    return {node["name"]: node.get("value", node.get("error")) for node in said["nodes"]}


def test_an_entity_is_created_and_all_that_follows_comes_back_with_it(client: Client) -> None:
    said = made(client, add={"xs": [1, 2]}, put={"pages": {"a": 1}}, wait_s=30)

    assert said["completed"] is True
    assert values(said)["totalled"] == 3
    assert values(said)["rooted"] == 2
    assert values(said)["pages"] == {"a": 1}
    assert client.get(f"{ENTITIES}/{said['id']}").json()["nodes"] == said["nodes"]


def test_a_create_said_again_under_its_key_is_the_same_entity(client: Client, space: Space) -> None:
    first = made(client, once="mine")
    again = client.post(ENTITIES, json={"type": "Sheet", "fields": {"n": 4}}, headers={"Idempotency-Key": "mine"})
    other = client.post(ENTITIES, json={"type": "Sheet", "fields": {"n": 5}, "once": "mine"})

    assert again.json()["id"] == first["id"]
    assert (other.status_code, other.json()["data"]["error"]) == (409, "EventReused")
    assert len(space.find(Sheet)) == 1


def test_a_key_is_refused_by_its_own_name_where_nothing_is_done_once(client: Client, space: Space) -> None:
    id = made(client)["id"]
    key = {"Idempotency-Key": "mine"}

    content = client.post("/api/spaces/home/blobs", headers={**key, "Content-Type": "image/png"})
    for said in (client.delete(f"{ENTITIES}/{id}", headers=key), content):
        assert (said.status_code, said.json()["data"]["error"]) == (400, NotDoneOnce.__name__)
        assert "takes no header `Idempotency-Key`" in said.json()["message"]
    assert client.get(f"{ENTITIES}/{id}", headers=key).status_code == 200


def test_creates_that_race_under_one_key_make_one_entity(client: Client, app: ASGIApp, space: Space) -> None:
    ids: list[str] = []
    threads = [threading.Thread(target=lambda: ids.append(made(client, once="race")["id"])) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(ids) == 8
    assert set(ids) == {one.id for one in space.find(Sheet)}
    assert len(set(ids)) == 1


def test_every_verb_of_a_field_is_told(client: Client) -> None:
    id = made(client, add={"xs": [1, 2, 3]}, put={"pages": {"a": 1, "b": 2}})["id"]

    said = client.patch(
        f"{ENTITIES}/{id}",
        json={
            "set": {"n": 9, "name": "nine"}, "add": {"xs": [4]}, "remove": {"xs": [1]},
            "move": {"xs": {"item": 4, "before": 2}}, "increment": {"count": 5}, "put": {"pages": {"c": 3}},
            "drop": {"pages": ["a"]}, "tell": [{"event": "Stamped", "value": {"by": "me"}}],
            "edit": {"notes": [{"verb": "insert", "at": 0, "text": "hallo"},
                               {"verb": "replace", "start": 1, "stop": 2, "text": "e"},
                               {"verb": "delete", "start": 4, "stop": 5}]},
            "wait_s": 30,
        },
    )  # fmt: skip

    found = values(said.json())
    assert (found["n"], found["name"], found["xs"], found["count"]) == (9, "nine", [4, 2, 3], 5)
    assert (found["pages"], found["stamps"], found["notes"]) == ({"b": 2, "c": 3}, ["me"], "hell")
    assert found["totalled"] == 9


def test_an_update_tells_all_that_creation_does_and_leaves_the_rest(client: Client) -> None:
    id = made(client, fields={"n": 4, "name": "four", "state": "kept"}, add={"xs": [1]}, increment={"count": 2})["id"]
    path = f"{ENTITIES}/{id}"

    said = client.put(path, json={"fields": {"n": 9, "state": "new"}, "once": "whole", "wait_s": 30})
    again = client.put(path, json={"fields": {"n": 9, "state": "new"}, "once": "whole"})
    found = values(said.json())

    assert (found["n"], found["state"], found["name"], found["rooted"]) == (9, "new", "", 3)
    assert (found["xs"], found["count"]) == ([1], 2)
    assert again.json()["told"] == said.json()["told"]
    for fields, why in (({"name": "x"}, "no default for n"), ({"n": 1, "xs": [2]}, "and not xs")):
        wrong = client.put(path, json={"fields": fields})
        assert (wrong.status_code, why in wrong.json()["message"]) == (400, True), wrong.text
    assert values(client.get(path).json())["n"] == 9


def test_an_element_is_removed_by_its_id(client: Client) -> None:
    id = made(client, add={"xs": [1, 2, 3]})["id"]
    page = client.get(f"{ENTITIES}/{id}/nodes/xs/elements").json()

    client.patch(f"{ENTITIES}/{id}", json={"remove": {"xs": [page["elements"][1]["element"]]}})

    assert values(client.get(f"{ENTITIES}/{id}").json())["xs"] == [1, 3]


def test_of_what_was_told_at_the_same_time_the_last_holds_and_why_names_the_other(client: Client) -> None:
    first = made(client, fields={"n": 1})
    path = f"{ENTITIES}/{first['id']}"

    said = [client.patch(path, json={"set": {"n": n}, "base": first["position"]}) for n in (2, 3)]

    assert [one.status_code for one in said] == [200, 200]
    (why,) = client.get(f"{path}/nodes/n/why").json()["nodes"]
    assert (why["text"], [one["text"] for one in why["alternatives"]]) == ("3", ["2"])
    assert any("not seen by the author: 2 by ann" in line for line in why["said"])


def test_what_an_author_had_not_seen_survives_their_removing(client: Client) -> None:
    first = made(client, add={"xs": [1]})
    path = f"{ENTITIES}/{first['id']}"
    client.patch(path, json={"remove": {"xs": [1]}})
    client.patch(path, json={"add": {"xs": [1]}})

    client.patch(path, json={"remove": {"xs": [1]}, "base": first["position"]})

    assert values(client.get(path).json())["xs"] == [1]


def test_a_position_that_nobody_can_have_seen_is_refused(client: Client) -> None:
    said = client.patch(f"{ENTITIES}/{made(client)['id']}", json={"set": {"n": 1}, "base": 9999})

    assert said.status_code == 400
    assert "the log ends at" in said.json()["message"]


def test_what_does_not_fit_its_field_is_told_to_nobody(client: Client) -> None:
    before = made(client)
    path = f"{ENTITIES}/{before['id']}"
    wrong: list[tuple[dict[str, Any], int, str]] = [
        ({"set": {"n": "four"}}, 422, "UnfitTelling"),
        ({"set": {"colour": "red"}}, 404, "UnknownField"),
        ({"set": {"totalled": 4}}, 404, "UnknownField"),
        ({"set": {"name": "x", "n": None}}, 422, "UnfitTelling"),
        ({"add": {"n": [1]}}, 422, "UnfitTelling"),
        ({"set": {"xs": [1]}}, 422, "UnfitTelling"),
        ({"put": {"stamps": {}}}, 422, "UnfitTelling"),
        ({"increment": {"count": 1.5}}, 400, "UnfitCall"),
        ({"edit": {"notes": [{"verb": "insert", "text": "x"}]}}, 422, "UnfitTelling"),
        ({"edit": {"notes": [{"verb": "insert", "at": 90, "text": "x"}]}}, 422, "UnfitTelling"),
        ({"tell": [{"event": "Nothing"}]}, 422, "UnfitTelling"),
        ({"add": {"photos": [{"blob": {"/": "no"}, "media": "image/png", "size": 1}]}}, 422, "UnfitTelling"),
        ({"move": {"xs": {"item": 7, "before": 8}}}, 422, "UnfitTelling"),
        ({}, 400, "UnfitCall"),
    ]

    for body, status, error in wrong:
        said = client.patch(path, json=body)
        assert (said.status_code, said.json()["data"]["error"]) == (status, error), (body, said.text)
    after = client.get(path).json()
    assert after["nodes"] == before["nodes"]


def test_a_create_that_lacks_or_mistakes_something_says_what(client: Client) -> None:
    lacking = client.post(ENTITIES, json={"type": "Sheet"})
    mistaken = client.post(ENTITIES, json={"type": "Sheet", "fields": {"n": 1, "m": 2}})
    unknown = client.post(ENTITIES, json={"type": "Sheat"})

    assert (lacking.status_code, "Sheet needs n=…" in lacking.json()["message"]) == (400, True)
    assert "Sheet has no input 'm'" in mistaken.json()["message"]
    assert (unknown.status_code, unknown.json()["data"]["error"]) == (404, "UnknownType")
    assert "did you mean 'Sheet'?" in unknown.json()["message"]


def test_entities_are_found_page_by_page_in_order_of_creation(client: Client) -> None:
    ids = [made(client, once=f"number {n}")["id"] for n in range(5)]
    found: list[str] = []
    after: str | None = ""
    while after is not None:
        page = client.get(ENTITIES, params={"type": "Sheet", "limit": 2, **({"after": after} if after else {})}).json()
        found += [one["id"] for one in page["entities"]]
        after = page["next"]

    assert found == ids
    assert client.get(ENTITIES, params={"after": "nowhere"}).status_code == 400
    assert client.get(ENTITIES, params={"limit": 0}).status_code == 400
    assert client.get(f"{ENTITIES}?limit=1&limit=2").json()["data"]["error"] == "UnreadableBody"


def test_an_entity_is_read_as_it_was(client: Client) -> None:
    before = made(client, wait_s=30)
    path = f"{ENTITIES}/{before['id']}"
    client.patch(path, json={"set": {"n": 16}, "wait_s": 30})

    then = client.get(f"{path}/at/{before['position']}").json()

    assert {node["name"]: node.get("value") for node in then["nodes"]}["rooted"] == 2
    assert client.get(f"{path}/at/9999").json()["data"]["error"] == "NoSuchPosition"
    assert client.get(f"{path}/at/0").json()["data"]["error"] == "UnknownEntity"


def test_an_entity_is_taken_away_for_good(client: Client) -> None:
    path = f"{ENTITIES}/{made(client)['id']}"

    assert client.delete(path).status_code == 200
    assert (client.get(path).status_code, client.get(path).json()["data"]["error"]) == (410, "EntityErased")
    assert client.delete(path).status_code in (404, 410)


def test_an_answer_is_not_sent_again_to_who_has_it(client: Client) -> None:
    path = f"{ENTITIES}/{made(client, wait_s=30)['id']}"
    first = client.get(path)

    again = client.get(path, headers={"If-None-Match": first.headers["etag"]})

    assert (again.status_code, again.content) == (304, b"")
    assert first.headers["weft-position"] == str(first.json()["position"])


def test_what_is_told_while_nobody_computes_is_kept_and_said_to_be(tmp_path: Path, guard: Keys) -> None:
    path = str(tmp_path / "a.weft")
    with weft.open(path, types=[Sheet]) as engine:
        id = engine.create(Sheet, n=4).id
    with weft.open(path, types=[Sheet], engine=False) as space:
        client = Client(make_app({"home": space}, guard))
        told = client.patch(f"{ENTITIES}/{id}", json={"set": {"n": 9}, "wait_s": 30})
        created = made(client, once="new", wait_s=30)

    assert (told.status_code, told.json()["told"], values(told.json())["n"]) == (200, None, 4)
    assert (created["told"], created["nodes"]) == (None, [])
    with weft.open(path, types=[Sheet]) as engine:
        assert (engine.get(Sheet, id).n, engine.get(Sheet, created["id"]).n) == (9, 4)


def test_who_waits_for_a_value_stops_nobody(space: Space, guard: Keys) -> None:
    app = make_app({"home": space}, guard, Settings(threads=1, calls_per_s=1e6, calls_burst=1e6))
    came: list[Any] = []
    client = Client(app)
    said = {"type": "Late", "fields": {"n": 1}, "wait_s": 60}
    waits = threading.Thread(target=lambda: came.append(client.post(ENTITIES, json=said).json()))
    waits.start()
    until(lambda: bool(space.find(Late)))
    half = client.get(f"{ENTITIES}/{space.find(Late)[0].id}/nodes/came", params={"wait_s": 0}).json()
    GATE.set()
    waits.join()

    assert (half["state"], half["completed"]) == ("due", False)
    assert (came[0]["completed"], values(came[0])["came"]) == (True, 1)


def test_a_type_without_its_code_is_edited_as_plain_values_and_not_created(tmp_path: Path, guard: Keys) -> None:
    path = str(tmp_path / "a.weft")
    with weft.open(path, types=[Sheet]) as engine:
        id = engine.create(Sheet, n=4).id
        with weft.open(path, engine=False) as space:
            client = Client(make_app({"home": space}, guard))
            told = client.patch(f"{ENTITIES}/{id}", json={"set": {"n": 9}, "increment": {"count": 2}})
            added = client.patch(f"{ENTITIES}/{id}", json={"add": {"xs": [1]}})
            refused = client.post(ENTITIES, json={"type": "Sheet", "fields": {"n": 1}})

        assert told.status_code == 200, told.text
        assert (engine.get(Sheet, id).n, int(engine.get(Sheet, id).count)) == (9, 2)
        assert (added.status_code, added.json()["data"]["error"]) == (409, "TypeNotGiven")
        assert (refused.status_code, refused.json()["data"]["error"]) == (409, "TypeNotGiven")


def test_a_create_names_each_field_that_is_missing_or_not_told(client: Client) -> None:
    status, said = sent(client, "entities.create", {"space": "home", "type": "Sheet"})
    assert (status, [*said["errors"]]) == (400, ["n"]), said
    status, said = sent(
        client, "entities.create", {"space": "home", "type": "Sheet", "fields": {"name": "x", "size": 3}}
    )
    assert (status, [*said["errors"]]) == (400, ["n", "size"]), said
    assert all("Sheet" in one for one in said["errors"].values())
    assert [*sent(client, "entities.create", {"space": "home", "type": "Pointer"})[1]["errors"]] == ["to"]
