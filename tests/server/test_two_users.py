"""Two users, each of whom may act upon one entity alone: every method, about what is theirs and what is not."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.server.conftest import SETTINGS
from tests.server.house import GATE, Client, Keys, everything
from tests.server.test_services import ROWS, sent
from tests.until import until
from weft import Space
from weft.server.app import make_app, make_rest
from weft.server.caller import Caller

USERS = ("ann", "bob")


class Two:
    """Ann and bob, each with a sheet that holds a photo, failed, and asked something; and what else leads to it."""

    def __init__(self, space: Space, client: Client, known: Callable[[Caller], Caller]) -> None:
        self.space, self.ids, self.clients = space, {}, {}
        self.photos: dict[str, str] = {}
        for user in USERS:
            photo = client.post(
                "/api/spaces/home/blobs", content=user.encode(), headers={"Content-Type": "image/png"}
            ).json()
            said: Any = {
                "type": "Sheet",
                "fields": {"n": -1, "name": f"of {user}"},
                "add": {"photos": [photo], "xs": [1]},
            }
            id = client.post("/api/spaces/home/entities", json={**said, "wait_s": 30}).json()["id"]
            client.patch(f"/api/spaces/home/entities/{id}", json={"set": {"state": "submitted"}})
            self.ids[user], self.photos[user] = id, photo["blob"]["/"]
        until(lambda: len(space.questions()) == 2)
        for user in USERS:
            known(everything(user, [self.ids[user]]))
            self.clients[user] = Client(client.app, user)
        self.clients["all"] = client

    def given(self, title: str, about: str) -> dict[str, Any]:
        """What a method is given about what belongs to somebody."""
        id = self.ids[about]
        run = next(one.run for one in self.space.runs() if one.entity == id)
        question = next(one.id for one in self.space.questions() if one.entity == id)
        created = next(e["position"] for e in self.events() if id in e["node"])
        every: dict[str, Any] = {
            "space": "home", "entity": id, "node": "rooted", "run": run, "question": question, "flow": "approve",
            "blob": self.photos[about], "position": created if title == "events.get" else self.space.position,
            "answer": {"yes": True}, "set": {"n": -2}, "before": 0, "after": self.space.position, "type": "Sheet",
            "content": b"more", "fields": {"n": -3}, "name": "theirs",
        }  # fmt: skip
        row = ROWS[title]
        wanted = {*row.in_path, *row.required, *(("entity", "set") if title == "entities.patch" else ())}
        wanted |= {"entity", "content"} & ({*row.given} | ({"content"} if row.takes_content else set()))
        return {name: every[name] for name in wanted}

    def events(self) -> list[Any]:
        """All that there are."""
        return list(self.clients["all"].get("/api/spaces/home/events?limit=1000").json()["events"])


@pytest.fixture
def two(space: Space, client: Client, known: Callable[[Caller], Caller]) -> Two:
    """Both."""
    known(everything("all"))
    return Two(space, Client(client.app, "all"), known)


ABOUT_ONE = [
    title for title, row in ROWS.items() if row.reach == "entity" or (row.reach == "found" and row.name != "find")
]
PEOPLE = [title for title, row in ROWS.items() if row.service in ("users", "tokens", "sessions")]
"""Tried with accounts, in test_people."""
FOR_ALL = ["spaces.get", "types.get", "spaces.find", "types.find", "caller.get", "branches.find", "branches.get"]
ABOUT_ONE = [title for title in ABOUT_ONE if title not in (*FOR_ALL, *PEOPLE)]
LISTING = [title for title, row in ROWS.items() if row.name == "find" and title not in (*FOR_ALL, *PEOPLE, *ABOUT_ONE)]
OF_ALL = [title for title, row in ROWS.items() if row.reach == "all" and title not in (*LISTING, *PEOPLE)]


def test_every_method_is_tried_by_two_users() -> None:
    assert sorted([*PEOPLE, *FOR_ALL, *ABOUT_ONE, *LISTING, *OF_ALL]) == sorted(ROWS)


@pytest.mark.parametrize("title", OF_ALL)
def test_who_is_held_to_some_does_nothing_that_is_about_all(two: Two, title: str) -> None:
    before = two.space.position
    for user in USERS:
        status, said = sent(two.clients[user], title, two.given(title, user))
        assert (status, said["data"]["error"]) == (403, "Denied"), said
    assert two.space.position == before


@pytest.mark.parametrize("title", ABOUT_ONE)
def test_each_may_do_to_theirs_what_they_may_and_nothing_to_the_others(two: Two, title: str) -> None:
    before = two.space.position
    for user, about in (("ann", "bob"), ("bob", "ann")):
        status, said = sent(two.clients[user], title, two.given(title, about))
        assert (status, said["data"]["error"]) == (403, "Denied"), said
        assert f"of {about}" not in json.dumps(said)
    assert two.space.position == before, "nothing was told"

    for user in USERS:
        status, said = sent(two.clients[user], title, two.given(title, user))
        allowed = {"Refused", "NothingToRetry"}  # it may be done, and there is nothing to do it to
        assert status in (200, 201) or said["data"]["error"] in allowed, said


@pytest.mark.parametrize("title", LISTING)
def test_each_finds_theirs_alone(two: Two, title: str) -> None:
    for user, other in (("ann", "bob"), ("bob", "ann")):
        status, said = sent(two.clients[user], title, two.given(title, user))

        assert status == 200
        assert two.ids[other] not in json.dumps(said)
        assert f"of {other}" not in json.dumps(said)
        assert two.ids[user] in json.dumps(said) or title == "schedules.find"


def test_a_change_of_what_somebody_may_holds_at_their_next_call(two: Two, known: Callable[[Caller], Caller]) -> None:
    path = f"/api/spaces/home/entities/{two.ids['ann']}"
    assert two.clients["ann"].get(path).status_code == 200

    known(everything("ann", []))

    assert two.clients["ann"].get(path).status_code == 403
    assert two.clients["ann"].get("/api/spaces/home/entities").json()["entities"] == []


def test_who_waits_for_a_value_and_may_not_read_it_any_more_is_not_told_it(
    space: Space, guard: Keys, known: Callable[[Caller], Caller]
) -> None:
    rest = make_rest({"home": space}, guard, SETTINGS)
    client = Client(make_app({"home": space}, guard, SETTINGS, rest=rest))
    made = client.post("/api/spaces/home/entities", json={"type": "Late", "fields": {"n": 7}}).json()
    path = f"/api/spaces/home/entities/{made['id']}/nodes/came"
    known(everything("bob", [made["id"]]))
    with ThreadPoolExecutor(1) as waiting:
        answer = waiting.submit(Client(client.app, "bob").get, path, params={"wait_s": 30})
        until(lambda: rest.waiting == 1)
        known(everything("bob", []))
        GATE.set()

        assert answer.result().status_code == 403
    assert client.get(path).json()["value"] == 7


def test_nobody_reads_what_is_not_theirs_by_referring_to_it(two: Two, known: Callable[[Caller], Caller]) -> None:
    pointer = {"space": "home", "type": "Pointer", "fields": {"to": two.ids["ann"]}}
    _, made = sent(two.clients["all"], "entities.create", pointer)
    known(everything("ann", [two.ids["ann"], made["id"]]))

    for entity, status in ((two.ids["bob"], 403), (two.ids["ann"], 200)):
        said = {"space": "home", "entity": made["id"], "set": {"to": entity}}
        assert sent(two.clients["ann"], "entities.patch", said)[0] == status


def test_what_an_entity_refers_to_is_not_named_to_who_may_not_read_it(
    two: Two, known: Callable[[Caller], Caller]
) -> None:
    pointer = {"space": "home", "type": "Pointer", "fields": {"to": two.ids["bob"]}}
    _, made = sent(two.clients["all"], "entities.create", pointer)
    known(everything("ann", [made["id"]]))

    def listed(user: str) -> str:
        found = two.clients[user].get("/api/spaces/home/entities").json()["entities"]
        return next(f"{one['name']}: {one['preview']}" for one in found if one["id"] == made["id"])

    def named(user: str) -> str:
        return str(two.clients[user].get(f"/api/spaces/home/entities/{made['id']}").json()["name"])

    assert listed("all").count("of bob") == 2
    assert "of bob" not in listed("ann")
    assert named("all").startswith("Pointer on ")
    assert named("ann") == ""


def test_nobody_is_given_content_that_what_they_may_see_does_not_show(two: Two) -> None:
    path = f"/api/spaces/home/blobs/{two.photos['bob']}"
    found = two.clients["ann"].get(path, params={"entity": two.ids["ann"]})
    unnamed = two.clients["ann"].get(path)
    theirs = two.clients["bob"].get(path, params={"entity": two.ids["bob"]})

    assert (found.status_code, unnamed.status_code, theirs.content) == (404, 403, b"bob")


def test_nobody_names_content_that_they_neither_brought_nor_may_see(two: Two) -> None:
    def brought(user: str, content: bytes, **of: str) -> Any:
        png = {"Content-Type": "image/png"}
        return two.clients[user].post("/api/spaces/home/blobs", content=content, headers=png, params=of).json()

    def told(user: str, photo: Any) -> int:
        path = f"/api/spaces/home/entities/{two.ids[user]}"
        return two.clients[user].patch(path, json={"add": {"photos": [photo]}}).status_code

    of_bob, of_ann = brought("all", b"bob"), brought("all", b"ann")
    assert told("ann", of_bob) == 404
    assert told("ann", of_ann) == 200  # which her sheet shows

    new = brought("ann", b"new", entity=two.ids["ann"])
    assert told("bob", new) == 404
    assert told("ann", new) == 200


def pointer_of_ann(two: Two, known: Callable[[Caller], Caller]) -> str:
    """All that ann may read now: computed from what is bob's."""
    said = {"type": "Pointer", "fields": {"to": two.ids["bob"]}, "wait_s": 30}
    id = str(two.clients["all"].post("/api/spaces/home/entities", json=said).json()["id"])
    known(everything("ann", [id]))
    return id


def test_what_a_value_was_made_from_is_not_told_by_its_hash_to_who_may_not_read_it(
    two: Two, known: Callable[[Caller], Caller]
) -> None:
    pointer_of_ann(two, known)
    events = two.clients["ann"].get("/api/spaces/home/events?limit=1000").json()["events"]
    position = next(one["position"] for one in events if "again" in one["node"])

    told, whole = (
        two.clients[user].get(f"/api/spaces/home/events/{position}").json()["said"] for user in ("ann", "all")
    )
    assert whole.keys() - told.keys() == {"inputs", "key", "preimage"}
    assert two.ids["bob"] in json.dumps(whole)
    assert two.ids["bob"] not in json.dumps(told)


def test_why_a_value_is_what_it_is_tells_nobody_of_what_they_may_not_read(
    two: Two, known: Callable[[Caller], Caller]
) -> None:
    id = pointer_of_ann(two, known)

    path = f"/api/spaces/home/entities/{id}/nodes/again"
    assert two.clients["ann"].get(path).json()["value"] == 1
    assert two.clients["ann"].get(f"{path}/why").status_code == 403
    assert two.clients["all"].get(f"{path}/why").status_code == 200
