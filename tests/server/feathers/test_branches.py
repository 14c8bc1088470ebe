"""A space that comes to be served is there for clients that are connected already: its services, events and views."""

from __future__ import annotations

from contextlib import ExitStack
from functools import partial
from pathlib import Path

import weft
from tests.server.charms import TYPES
from tests.server.feathers.people import Driver, served
from tests.server.serving import Keys, user
from weft import Space
from weft.server.settings import LiveSettings

NEW = "spaces/new/entities"


def test_a_client_is_one_connection_however_many_spaces_there_are(driver: Driver, tmp_path: Path) -> None:
    guard = Keys(ann=user("ann"))
    with ExitStack() as held:

        def opens(path: str) -> Space:
            return held.enter_context(weft.open(path, types=TYPES))

        shelf = opens(str(tmp_path / "shelf.weft"))
        server = held.enter_context(served(shelf, guard, LiveSettings(connections_per_user=2), opens=opens))
        ann, late, third = (driver.person(server.port) for _ in range(3))
        ann.connect({"accessToken": "key of ann"}, listens=[[NEW, ["created"]]])
        for name in ("a", "b", "new"):
            ann.call("spaces/shelf/branches", "create", {"name": name})
        late.connect({"accessToken": "key of ann"}, listens=[[NEW, ["created"]]])
        ann.call(NEW, "create", {"type": "Sum", "fields": {"number": 5}})
        for one in (ann, late):
            one.until(partial(one.events, "created", NEW))
        refused = third.connect({"accessToken": "key of ann"})
        assert "connected" not in refused
        assert "ann has 2 already" in str(refused)


def test_who_is_connected_is_told_of_a_space_that_is_forked(driver: Driver, tmp_path: Path) -> None:
    guard = Keys(ann=user("ann"), ben=user("ben"), eve=user("eve", "edit"))
    with ExitStack() as held:

        def opens(path: str) -> Space:
            return held.enter_context(weft.open(path, types=TYPES))

        shelf = opens(str(tmp_path / "shelf.weft"))
        server = held.enter_context(served(shelf, guard, opens=opens))
        ann, ben, eve = (driver.person(server.port) for _ in range(3))
        for one, name in ((ann, "ann"), (ben, "ben"), (eve, "eve")):
            one.connect({"accessToken": f"key of {name}"}, listens=[[NEW, ["created", "node"]]])

        made = ann.call("spaces/shelf/branches", "create", {"name": "new"})
        assert made["name"] == "new"
        created = ben.call(NEW, "create", {"type": "Sum", "fields": {"number": 4}, "wait_s": 20})
        for one in (ann, ben):
            one.until(partial(one.events, "created", NEW))
            assert [said["id"] for said in one.events("created", NEW)] == [created["id"]]
        opened = ben.call("spaces/new/views", "create", {"entity": created["id"]})
        assert {node["name"]: node.get("value") for node in opened["nodes"]}["twice"] == 8
        assert eve.told == []
        assert [one["name"] for one in ann.call("spaces", "find")["spaces"]] == ["shelf", "new"]

        late = driver.person(server.port)
        late.connect({"accessToken": "key of ben"}, listens=[[NEW, ["created"]]])
        again = ann.call(NEW, "create", {"type": "Sum", "fields": {"number": 5}})
        late.until(lambda: late.events("created", NEW))
        assert [said["id"] for said in late.events("created", NEW)] == [again["id"]]
    assert not server.route.clients
