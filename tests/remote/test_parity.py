"""One call in process, by REST and by the client in Python: the same answers, and the same errors."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Literal, NamedTuple, cast, get_args, get_origin, get_type_hints

import httpx
import pytest

from tests.server.serving import user
from tests.server.whole import Counted, Whole, whole
from tests.until import LIMIT_S
from weft.errors import WeftError
from weft.remote import CallRefused, Remote
from weft.remote.answers import EntityGiven, EntityPage, EntityTold, EventPage, SpacesGiven, ValueGiven
from weft.server.method import Method, call
from weft.server.served import Served
from weft.server.services import SERVICES
from weft.server.status import told_of

Given = dict[str, Any]
ROWS: dict[str, Method] = {row.title: row for row in SERVICES}
HOME = {"space": "home"}


class Three(NamedTuple):
    """The same caller, three times."""

    server: Whole
    served: Served
    remote: Remote
    entity: str

    def here(self, title: str, given: Given) -> Any:
        return call(ROWS[title], self.served, user("ann"), given)

    def by_rest(self, title: str, given: Given) -> httpx.Response:
        row, left = ROWS[title], dict(given)
        path = row.path.format(**{name: left.pop(name) for name in row.in_path})
        query, body = ({}, left) if row.changes and row.http != "DELETE" else (left, None)
        headers = {"Authorization": "Bearer key of ann"}
        address = f"{self.server.straight}/api{path}"
        params = {name: str(one).lower() if isinstance(one, bool) else one for name, one in query.items()}
        return httpx.request(
            row.http, address, params=params, json=body, headers=headers, timeout=LIMIT_S, trust_env=False
        )


@pytest.fixture(scope="module")
def three() -> Iterator[Three]:
    with whole() as server, Remote(server.straight, "key of ann") as remote:
        entity = server.space.create(Counted, number=4)
        server.space.wait_settled(timeout_s=LIMIT_S)
        entity.number = 5
        yield Three(server, Served({"home": server.space}), remote, entity.id)


READ: dict[str, Callable[[str], Given]] = {
    "spaces.find": lambda _: {},
    "spaces.get": lambda _: HOME,
    "types.find": lambda _: HOME,
    "types.get": lambda _: {**HOME, "type": "Counted"},
    "entities.find": lambda _: {**HOME, "type": "Counted", "limit": 3},
    "entities.get": lambda entity: {**HOME, "entity": entity},
    "entities.at": lambda entity: {**HOME, "entity": entity, "position": 4},
    "values.get": lambda entity: {**HOME, "entity": entity, "node": "digits", "wait_s": 30},
    "values.elements": lambda entity: {**HOME, "entity": entity, "node": "digits", "limit": 1},
    "values.why": lambda entity: {**HOME, "entity": entity, "node": "doubled"},
    "values.history": lambda entity: {**HOME, "entity": entity, "node": "doubled", "from": 1},
    "events.find": lambda _: {**HOME, "from": 2, "limit": 3},
    "events.get": lambda _: {**HOME, "position": 4},
    "diff.find": lambda _: {**HOME, "before": 3, "after": 4, "as_shown": True},
    "runs.find": lambda _: HOME,
    "schedules.find": lambda _: HOME,
    "questions.find": lambda _: HOME,
}


@pytest.mark.parametrize("title", READ)
def test_what_is_read_is_the_same_by_each(three: Three, title: str) -> None:
    given = READ[title](three.entity)
    three.here("values.get", {**HOME, "entity": three.entity, "node": "digits", "wait_s": 30})  # all is at rest

    here = three.here(title, given)

    assert three.by_rest(title, given).json() == here
    assert three.remote.call(title, given) == here


TOLD: dict[str, Callable[[str], Given]] = {
    "entities.create": lambda _: {**HOME, "type": "Counted", "fields": {"number": 9}, "wait_s": 30},
    "entities.patch": lambda entity: {**HOME, "entity": entity, "set": {"number": 7}, "wait_s": 30},
}


@pytest.mark.parametrize("title", TOLD)
def test_what_is_told_under_one_name_is_told_once_whoever_carries_it(three: Three, title: str) -> None:
    given = {**TOLD[title](three.entity), "once": f"parity of {title}"}

    here = three.here(title, given)
    position = three.server.space.position
    answered = three.by_rest(title, given)

    assert answered.json() == here
    assert three.remote.call(title, given) == here
    assert three.server.space.position == position


WRONG: tuple[tuple[str, Given], ...] = (
    ("spaces.get", {"space": "nowhere"}),
    ("types.get", {**HOME, "type": "Countd"}),
    ("entities.get", {**HOME, "entity": "nobody"}),
    ("entities.find", {**HOME, "limit": 0}),
    ("entities.find", {**HOME, "after": "nonsense"}),
    ("entities.create", {**HOME, "type": "Counted", "fields": {"number": "four", "nmber": 1}}),
    ("entities.create", {**HOME, "fields": {}}),
    ("entities.create", {**HOME, "type": "Counted", "colour": "red"}),
    ("entities.patch", {**HOME, "entity": "nobody", "set": {"number": 1}}),
    ("events.get", {**HOME, "position": 1 << 40}),
    ("runs.get", {**HOME, "run": "none"}),
    ("questions.answer", {**HOME, "question": "none", "answer": {}}),
    ("blobs.get", {**HOME, "blob": "no id"}),
)


@pytest.mark.parametrize(("title", "given"), WRONG)
def test_what_is_refused_is_refused_by_each_in_the_same_words(three: Three, title: str, given: Given) -> None:
    given = {**given, "once": "wrong"} if "once" in ROWS[title].given else given
    with pytest.raises(WeftError) as here:
        three.here(title, given)
    answered = three.by_rest(title, given)
    with pytest.raises(CallRefused) as remote:
        three.remote.call(title, given)

    status, body = told_of(here.value)
    why = remote.value
    assert (answered.status_code, answered.json()) == (status, body)
    said = {"name": why.name, "message": str(why), "code": why.code, "errors": why.errors}
    assert said == {name: body[name] for name in said}
    assert {"error": why.error, **why.facts} == body["data"]
    assert why.error == type(here.value).__name__


TYPED = {
    "spaces.find": SpacesGiven, "entities.find": EntityPage, "entities.get": EntityGiven, "entities.create": EntityTold,
    "entities.patch": EntityTold, "values.get": ValueGiven, "events.find": EventPage,
}  # fmt: skip


@pytest.mark.parametrize("title", TYPED)
def test_the_types_of_answers_say_what_the_servers_schemas_say(title: str) -> None:
    check(ROWS[title].gives, TYPED[title])


def check(schema: Given, kind: Any) -> None:
    """That a type requires what a schema does, and speaks of nothing that it does not."""
    hints = get_type_hints(kind)
    assert kind.__required_keys__ == set(schema["required"]), kind
    for name, hint in hints.items():
        assert name in schema["properties"], (kind, name)
        if get_origin(hint) is list and "items" in schema["properties"][name]:
            (item,) = get_args(hint)
            if hasattr(item, "__required_keys__"):
                check(schema["properties"][name]["items"], item)


def test_checkers_know_what_each_call_gives(three: Three) -> None:
    page = three.remote.call("entities.find", HOME)
    entity: str = page["entities"][0]["id"]
    node: Literal["doubled"] = "doubled"
    value = three.remote.call("values.get", {**HOME, "entity": entity, "node": node, "wait_s": 30})
    told: int | None = three.remote.call("entities.patch", {**HOME, "entity": entity, "set": {"number": 3}})["told"]

    assert value["state"] == "settled"
    assert cast("int", told) <= three.server.space.position
