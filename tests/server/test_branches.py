"""Branches: a space that is served is forked by its server, and the fork is served at once, to those who may."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from starlette.types import ASGIApp

import weft
from tests.server.conftest import SETTINGS
from tests.server.house import Client, Keys, Pointer, Sheet, everything
from tests.server.serving import Client as LiveClient
from tests.server.serving import any_origin, running
from weft import Space
from weft.copies import fork_space
from weft.server.app import make_app, make_rest
from weft.server.caller import Caller
from weft.server.live import Live
from weft.server.served import NameTaken, OpensNone, Served
from weft.server.transports import live_routes

ANN = "ann"
BRANCHES = "/api/spaces/home/branches"


class House(NamedTuple):
    """A server of a space in a file, and what it opens more spaces with."""

    path: Path
    space: Space
    app: ASGIApp
    guard: Keys
    live: Live
    served: Served
    client: Client

    def made(self, name: str, **said: Any) -> tuple[int, Any]:
        """What making a branch is answered."""
        found = self.client.request("POST", BRANCHES, json={"name": name, **said})
        return found.status_code, found.json()

    def get(self, path: str) -> tuple[int, Any]:
        found = self.client.request("GET", path)
        return found.status_code, found.json()


class Guarded(Keys):
    """Live clients of these tests bring `key of NAME`."""

    def caller(self, credential: str, /) -> Caller:
        return super().caller(credential.removeprefix("key of "))


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with ExitStack() as held:

        def opens(path: str) -> Space:
            return held.enter_context(weft.open(path, types=[Sheet, Pointer]))

        space = opens(str(tmp_path / "home.weft"))
        guard = Guarded(everything(ANN))
        live = Live({"home": space}, guard)
        rest = make_rest({"home": space}, guard, SETTINGS, opens=opens)
        app = make_app({"home": space}, guard, SETTINGS, live_routes(live, may_come=any_origin), held=[live], rest=rest)
        yield House(tmp_path, space, app, guard, live, rest.served, Client(app))


def test_a_branch_is_made_listed_and_told_things_of_its_own(house: House) -> None:
    sheet = house.space.create(Sheet, n=4)
    assert sheet.rooted.wait() == 2.0
    base = house.space.position
    sheet.n = 9

    status, made = house.made("try-it", at=base)

    assert (status, made) == (
        201, {"name": "try-it", "base": base, "position": made["position"], "runs": 0, "schedules": 0, "lost": []}
    )  # fmt: skip
    assert house.get("/api/spaces/try-it")[1]["is_engine"]
    place = f"/api/spaces/try-it/entities/{sheet.id}"
    assert house.get(f"{place}/nodes/rooted")[1]["value"] == 2.0
    told = house.client.request("PATCH", place, json={"set": {"n": 16}, "wait_s": 20}).json()
    assert {node["name"]: node.get("value") for node in told["nodes"]}["rooted"] == 4.0
    assert sheet.rooted.wait() == 3.0

    _, found = house.get(BRANCHES)
    position = house.get("/api/spaces/try-it")[1]["position"]
    portrait = {"name": "try-it", "base": base, "position": position}
    assert found == {"branches": [portrait], "position": house.space.position}
    assert house.get(f"{BRANCHES}/try-it") == (200, portrait)
    assert house.get("/api/spaces/try-it/branches")[1]["branches"] == [
        {"name": "home", "base": base, "position": house.space.position}
    ]


def test_its_file_lies_beside_that_of_its_parent_and_is_a_branch_wherever_it_is_served(house: House) -> None:
    house.space.create(Sheet, n=4)
    house.made("again")
    base = house.space.position
    fork_space(house.path / "home.weft", house.path / "third.weft")

    assert (house.path / "again.weft").exists()
    with weft.open(str(house.path / "third.weft"), types=[Sheet]) as third, weft.open(types=[Sheet]) as other:
        other.create(Sheet, n=4)
        app = make_app({"home": house.space, "third": third, "other": other}, house.guard, SETTINGS)
        found = Client(app).get(BRANCHES).json()["branches"]
        assert [(one["name"], one["base"]) for one in found] == [("third", base)]
        missing = Client(app).get(f"{BRANCHES}/other")
        assert (missing.status_code, missing.json()["data"]["error"]) == (404, "NoSuchBranch")
        assert Client(app).get(f"{BRANCHES}/home").status_code == 404
        assert Client(app).get(f"{BRANCHES}/nowhere").json()["data"]["error"] == "UnknownSpace"


def test_a_base_stands_once_both_have_gone_on_and_moves_until_then(house: House) -> None:
    sheet = house.space.create(Sheet, n=4)
    house.made("b")

    def base() -> int:
        (found,) = house.get(BRANCHES)[1]["branches"]
        return int(found["base"])

    first = base()
    assert first == house.space.position
    sheet.n = 5
    assert (base(), base()) == (first, first), "it is the branch that ends there"
    house.client.request("PATCH", f"/api/spaces/b/entities/{sheet.id}", json={"set": {"n": 6}})
    sheet.n = 7
    assert (base(), base()) == (first, first)
    assert list(house.served.bases.values()) == [first]


@pytest.mark.parametrize("name", ["", "..", "a/b", "a.b", "-a", "a b", "ü", "x" * 61, "a\n"])
def test_a_name_that_could_lead_elsewhere_is_refused(house: House, name: str) -> None:
    before = sorted(house.path.rglob("*"))

    assert house.made(name)[0] == 400
    assert sorted(house.path.rglob("*")) == before


def test_a_name_that_is_taken_is_refused_and_a_failure_frees_it(house: House) -> None:
    house.space.create(Sheet, n=4)
    head = house.space.position
    (house.path / "mine.weft").write_bytes(b"mine")

    said = [house.made(name, **at) for name, at in (
        ("home", {}), ("mine", {}), ("ahead", {"at": head + 1}), ("ahead", {}), ("ahead", {}),
    )]  # fmt: skip

    assert [(status, body.get("data", {}).get("error")) for status, body in said] == [
        (409, "NameTaken"), (409, "PlaceTaken"), (400, "NoSuchPosition"), (201, None), (409, "NameTaken"),
    ]  # fmt: skip
    assert str(house.path) not in str(said), "where a space's file is, is told to nobody"
    assert (house.path / "mine.weft").read_bytes() == b"mine"


def test_of_many_who_want_one_name_one_has_it(house: House) -> None:
    house.space.create(Sheet, n=4)
    begins = threading.Barrier(6)

    def make(number: int) -> int:
        begins.wait(30)
        return house.made("one")[0]

    with ThreadPoolExecutor(6) as pool:
        statuses = sorted(pool.map(make, range(6)))
    assert statuses[0] == 201
    assert set(statuses[1:]) <= {409, 429}
    assert house.get("/api/spaces")[1]["spaces"][-1]["name"] == "one"


def test_who_does_not_administer_all_makes_none(house: House) -> None:
    sheet = house.space.create(Sheet, n=4)
    house.guard.callers["ben"] = Caller("ben", frozenset({"read", "edit", "answer", "operate"}))
    house.guard.callers["eve"] = everything("eve", entities=[sheet.id])

    for who in ("ben", "eve"):
        client = Client(house.app, who)
        refused = client.request("POST", BRANCHES, json={"name": "theirs"})
        assert (refused.status_code, refused.json()["data"]["error"]) == (403, "Denied")
        assert client.get(BRANCHES).status_code == 200
    assert not (house.path / "theirs.weft").exists()


def test_grants_name_entities_which_are_the_same_in_a_branch(house: House) -> None:
    mine, other = house.space.create(Sheet, n=4), house.space.create(Sheet, n=9)
    house.guard.callers["eve"] = everything("eve", entities=[mine.id])

    house.made("b")

    eve = Client(house.app, "eve")
    assert [eve.get(f"/api/spaces/b/entities/{one.id}").status_code for one in (mine, other)] == [200, 403]
    assert [one["id"] for one in eve.get("/api/spaces/b/entities").json()["entities"]] == [mine.id]


def test_what_is_in_memory_and_a_server_that_opens_nothing(client: Client, space: Space, house: House) -> None:
    refused = client.request("POST", BRANCHES, json={"name": "b"})
    assert (refused.status_code, refused.json()["data"]["error"]) == (409, "NotInAFile")

    app = make_app({"home": house.space}, house.guard, SETTINGS)
    refused = Client(app).request("POST", BRANCHES, json={"name": "b"})
    assert (refused.status_code, refused.json()["data"]["error"]) == (409, "OpensNone")
    assert not (house.path / "b.weft").exists()


def test_names_are_kept_while_a_space_is_made_and_free_again_where_none_was(space: Space) -> None:
    opened: list[str] = []

    def opens(path: str) -> Space:
        opened.append(path)
        return space

    served, added = Served({"home": space}, opens=opens), list[str]()
    served.on_add.append(lambda name, _: added.append(name))
    before = iter(served)
    with suppress(ZeroDivisionError), served.adding("a"):
        with pytest.raises(NameTaken), served.adding("a"):
            raise AssertionError("two of one name")
        with served.adding("b") as add:
            add("b's file")
        raise ZeroDivisionError
    assert [name for name, _ in before] == ["home"], "who goes through them is not disturbed"
    with pytest.raises(NameTaken), served.adding("b"):
        raise AssertionError("it is served")
    with served.adding("a"):
        pass
    assert ([name for name, _ in served], opened, added) == (["home", "b"], ["b's file"], ["b"])
    assert served.index("b") is not served.index("home")
    with pytest.raises(OpensNone), Served({}).adding("a"):
        raise AssertionError("nothing opens it")


def test_it_is_live_as_soon_as_it_is_made(house: House) -> None:
    sheet = house.space.create(Sheet, n=4)
    house.served.on_add.append(house.live.add)
    with running(house.app) as (port, _):
        import httpx

        def call(method: str, path: str, **said: Any) -> Any:
            headers = {"Authorization": "Bearer ann"}
            return httpx.request(
                method, f"http://127.0.0.1:{port}{path}", headers=headers, json=said, timeout=30, trust_env=False
            ).json()

        made = call("POST", BRANCHES, name="b")
        with LiveClient(f"ws://127.0.0.1:{port}/live/b", "key of ann") as client:
            client.say("sub", channel="space", **{"from": made["position"]})
            call("PATCH", f"/api/spaces/b/entities/{sheet.id}", set={"n": 16})
            client.until(lambda: client.deltas)
            assert client.deltas[0].position == made["position"] + 1
    assert not [thread for thread in threading.enumerate() if thread.name == "server"]


def test_folds_of_ones_own_are_in_a_branch(house: House) -> None:
    from tests.server.house import Stamped

    sheet = house.space.create(Sheet, n=4)
    sheet.tell(Stamped("ann"))

    _, made = house.made("b")

    assert made["lost"] == []
    assert house.get(f"/api/spaces/b/entities/{sheet.id}/nodes/stamps")[1]["value"] == ["ann"]


def test_a_run_that_asks_is_ended_in_the_branch_alone(house: House) -> None:
    sheet = house.space.create(Sheet, n=4)
    sheet.state = "submitted"
    _until_asked(lambda: house.get("/api/spaces/home/questions")[1]["questions"])

    _, made = house.made("b")

    assert made["runs"] == 1
    assert house.get("/api/spaces/b/questions")[1]["questions"] == []
    assert len(house.get("/api/spaces/home/questions")[1]["questions"]) == 1
    _, entry = house.get(f"/api/spaces/b/events/{made['base'] + 1}")
    assert "ann" in str(entry)


def _until_asked(asked: Callable[[], list[Any]]) -> None:
    from tests.until import until

    until(lambda: len(asked()) == 1)
