"""Parity: one call gives the same in this process, over REST, and to a real client of Feathers: results and errors."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest

import weft
from tests.server.feathers.people import ENTITIES, Driver, Failed, Person, Served, served
from tests.server.house import GATE, Client, Keys, Late, Pointer, Sheet, everything
from tests.until import until
from weft import Space
from weft.blob import Blob
from weft.errors import WeftError
from weft.server.caller import Caller
from weft.server.method import call
from weft.server.served import UnknownSpace
from weft.server.services import SERVICES
from weft.server.status import STATUS, told_of

S = "spaces/shelf"


class Row(NamedTuple):
    """One call, as each transport says it; {sheet} stands for the id of an entity."""

    service: str
    method: str
    arguments: tuple[Any, ...]
    http: str
    path: str
    given: dict[str, Any]
    body: dict[str, Any] | None = None


CREATED: dict[str, Any] = {"type": "Sheet", "fields": {"n": 9, "name": "nine"}, "once": "nine", "wait_s": 20}
PATCHED: dict[str, Any] = {"set": {"n": 16}, "add": {"xs": [1, 2]}, "once": "sixteen", "wait_s": 20}
CALLS = (
    Row("spaces", "find", ({},), "GET", "/spaces", {}),
    Row("spaces", "get", ("shelf",), "GET", "/spaces/shelf", {"space": "shelf"}),
    Row(f"{S}/types", "find", (), "GET", f"/{S}/types", {}),
    Row(f"{S}/types", "get", ("Sheet",), "GET", f"/{S}/types/Sheet", {"type": "Sheet"}),
    Row(ENTITIES, "create", (CREATED,), "POST", f"/{ENTITIES}", CREATED, CREATED),
    Row(ENTITIES, "patch", ("{sheet}", PATCHED), "PATCH", f"/{ENTITIES}/{{sheet}}",
        {"entity": "{sheet}", **PATCHED}, PATCHED),
    Row(ENTITIES, "find", ({"query": {"type": "Sheet", "limit": 5}},), "GET", f"/{ENTITIES}?type=Sheet&limit=5",
        {"type": "Sheet", "limit": 5}),
    Row(ENTITIES, "find", ({"query": {"$limit": 1}},), "GET", f"/{ENTITIES}?limit=1", {"limit": 1}),
    Row(ENTITIES, "get", ("{sheet}",), "GET", f"/{ENTITIES}/{{sheet}}", {"entity": "{sheet}"}),
    Row(ENTITIES, "at", ({"entity": "{sheet}", "position": 4},), "GET", f"/{ENTITIES}/{{sheet}}/at/4",
        {"entity": "{sheet}", "position": 4}),
    Row(f"{S}/values", "get", ("{sheet}/rooted",), "GET", f"/{ENTITIES}/{{sheet}}/nodes/rooted",
        {"entity": "{sheet}", "node": "rooted"}),
    Row(f"{S}/values", "why", ({"entity": "{sheet}", "node": "rooted"},), "GET",
        f"/{ENTITIES}/{{sheet}}/nodes/rooted/why", {"entity": "{sheet}", "node": "rooted"}),
    Row(f"{S}/events", "find", ({"query": {"from": 3, "limit": 4}},), "GET", f"/{S}/events?from=3&limit=4",
        {"from": 3, "limit": 4}),
    Row(f"{S}/events", "get", (4,), "GET", f"/{S}/events/4", {"position": 4}),
    Row(f"{S}/runs", "find", (), "GET", f"/{S}/runs", {}),
    Row(f"{S}/branches", "find", (), "GET", f"/{S}/branches", {}),
    Row(f"{S}/questions", "find", (), "GET", f"/{S}/questions", {}),
    # errors
    Row(f"{S}/branches", "create", ({"name": "b"},), "POST", f"/{S}/branches", {"name": "b"}, {"name": "b"}),
    Row(f"{S}/branches", "get", ("attic",), "GET", f"/{S}/branches/attic", {"branch": "attic"}),
    Row(ENTITIES, "get", ("nobody",), "GET", f"/{ENTITIES}/nobody", {"entity": "nobody"}),
    Row("spaces/attic/entities", "find", (), "GET", "/spaces/attic/entities", {"space": "attic"}),
    Row(ENTITIES, "create", ({"type": "Shed"},), "POST", f"/{ENTITIES}", {"type": "Shed"}, {"type": "Shed"}),
    Row(ENTITIES, "create", ({"kind": 1},), "POST", f"/{ENTITIES}", {"kind": 1}, {"kind": 1}),
    Row(ENTITIES, "patch", ("{sheet}", {"set": {"n": "x"}}), "PATCH", f"/{ENTITIES}/{{sheet}}",
        {"entity": "{sheet}", "set": {"n": "x"}}, {"set": {"n": "x"}}),
    Row(ENTITIES, "patch", ("{sheet}", {**PATCHED, "once": "nine"}), "PATCH", f"/{ENTITIES}/{{sheet}}",
        {"entity": "{sheet}", **PATCHED, "once": "nine"}, {**PATCHED, "once": "nine"}),
    Row(f"{S}/values", "get", ("{sheet}/roof",), "GET", f"/{ENTITIES}/{{sheet}}/nodes/roof",
        {"entity": "{sheet}", "node": "roof"}),
    Row(f"{S}/questions", "answer", ({"question": "what", "answer": 1},), "POST", f"/{S}/questions/what/answer",
        {"question": "what", "answer": 1}, {"answer": 1}),
    Row(ENTITIES, "create", ({"type": "Letter"},), "POST", f"/{ENTITIES}", {"type": "Letter"}, {"type": "Letter"}),
    Row(f"{S}/events", "get", (99999,), "GET", f"/{S}/events/99999", {"position": 99999}),
)  # fmt: skip


@pytest.fixture(scope="module")
def house() -> Iterator[tuple[Space, Served]]:
    GATE.set()
    with (
        weft.open(types=[Sheet, Pointer, Late]) as space,
        served(space, Keys(everything("ann"), everything("ben", entities=()))) as server,
    ):
        yield space, server


@pytest.fixture(scope="module")
def ann(driver: Driver, house: tuple[Space, Served]) -> Person:
    person = driver.person(house[1].port)
    assert person.connect({"accessToken": "ann"}) == {"connected": True}
    return person


def filled(said: Any, sheet: str) -> Any:
    """With the id in its place."""
    if isinstance(said, str):
        return said.replace("{sheet}", sheet)
    if isinstance(said, dict):
        return {name: filled(one, sheet) for name, one in said.items()}
    return [filled(one, sheet) for one in said] if isinstance(said, list | tuple) else said


def in_process(space: Space, row: Row, sheet: str, who: Caller) -> Any:
    from weft.server.served import Served as Spaces

    service = row.service.rpartition("/")[2]
    method = next(one for one in SERVICES if (one.service, one.name) == (service, row.method))
    given = {"space": "shelf"} if row.service != "spaces" else {}
    try:
        answer = call(method, Spaces({"shelf": space}), who, {**given, **filled(row.given, sheet)})
    except WeftError as why:
        return told_of(why).body
    assert not isinstance(answer, Blob)
    return answer


def by_feathers(person: Person, row: Row, sheet: str) -> Any:
    try:
        return person.call(row.service, row.method, *filled(row.arguments, sheet))
    except Failed as failed:
        error = dict(failed.error)
        assert error.pop("isFeathers") and error.pop("isClass"), "Feathers' client knows its class"
        return error


def by_rest(served: Served, row: Row, sheet: str, who: str) -> Any:
    more = {} if row.body is None else {"json": filled(row.body, sheet)}
    return Client(served.app, who).request(row.http, f"/api{filled(row.path, sheet)}", **more).json()


@pytest.mark.parametrize("row", CALLS, ids=lambda row: f"{row.service}.{row.method}")
def test_a_call_gives_the_same_whatever_it_comes_by(house: tuple[Space, Served], ann: Person, row: Row) -> None:
    space, served = house
    sheet = sheet_in(ann)

    found = by_feathers(ann, row, sheet)

    assert found == by_rest(served, row, sheet, "ann")
    assert found == in_process(space, row, sheet, everything("ann"))


@pytest.mark.parametrize("status", sorted(set(STATUS.values()) | {500}))
def test_feathers_client_makes_each_error_one_of_its_classes(
    ann: Person, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(STATUS, UnknownSpace, status)
    error = ann.fails("spaces", "get", "attic")
    assert (error["code"], error["isFeathers"], error["isClass"]) == (status, True, True), error["name"]


def sheet_in(person: Person) -> str:
    """The entity that all calls are about: created once, however often this is said; and all at rest."""
    made = person.call(ENTITIES, "create", CREATED)
    until(lambda: person.call(ENTITIES, "patch", made["id"], PATCHED)["completed"])
    return str(made["id"])


def test_who_may_not_is_told_the_same_whatever_they_come_by(
    house: tuple[Space, Served], ann: Person, driver: Driver
) -> None:
    space, served = house
    sheet, ben = sheet_in(ann), driver.person(house[1].port)
    assert ben.connect({"accessToken": "ben"}) == {"connected": True}

    for row in CALLS:
        found = by_feathers(ben, row, sheet)
        assert found == by_rest(served, row, sheet, "ben")
        assert found == in_process(space, row, sheet, everything("ben", entities=()))
        assert sheet not in str(found).replace(f"the entity {sheet}", ""), "nothing is said of what is not theirs"
