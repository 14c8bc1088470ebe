"""Users, tokens and sessions as services: who may see and change whose."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest

import weft
from tests.server.accounts import HERE, PASSWORD, Clock, accounts, log_in
from tests.server.conftest import SETTINGS
from tests.server.house import Client, Sheet
from tests.server.test_services import ROWS, sent
from weft.secrets.store import Hidden
from weft.server.accounts import Accounts
from weft.server.accounts.logins import WrongLogin
from weft.server.accounts.tries import TRIES_PER_NAME
from weft.server.accounts.users import WrongPassword
from weft.server.app import make_app
from weft.server.caller import Stranger
from weft.server.method import Method

PEOPLE = [title for title, row in ROWS.items() if row.service in ("users", "tokens", "sessions")]
OF_ALL = [title for title in PEOPLE if ROWS[title].capability == "administer"]
OWN = [title for title in PEOPLE if title not in OF_ALL]


class Town:
    """A server with accounts: ann administers, bob edits, cleo sees."""

    def __init__(self, held: Accounts, app: Any) -> None:
        self.held, self.app = held, app
        self.clients = {name: Client(app, log_in(held, name).session.reveal()) for name in ("ann", "bob", "cleo")}

    def do(self, by: str, title: str, /, **given: Any) -> tuple[int, Any]:
        """Over REST; what comes back fits what was declared."""
        status, said = sent(self.clients[by], title, given)
        if status < 300:
            jsonschema.Draft202012Validator(ROWS[title].gives).validate(said)
        return status, said

    def given(self, row: Method, about: str) -> dict[str, Any]:
        """What a method is given about somebody."""
        session = next(one.id for one in self.held.sessions.list(about))
        every: dict[str, Any] = {
            "user": about, "token": "sync", "session": session, "name": f"new of {about}",
            "password": "a long password", "old": PASSWORD.reveal(), "new": "a long password",
            "entities": ["a shelf"], "display": "Somebody",
        }  # fmt: skip
        named = {"users.patch": ["display"], "users.grant": ["entities"], "users.password": ["old"]}
        wanted = {*row.in_path, *row.required, *named.get(row.title, []), *({"user"} & {*row.given})}
        return {name: one for name, one in every.items() if name in wanted}


@pytest.fixture
def town() -> Iterator[Town]:
    with weft.open(types=[Sheet]) as space, accounts(clock=Clock()) as held:
        for name, role in (("ann", None), ("bob", None), ("cleo", "viewer")):
            held.users.add(name, PASSWORD, role=role)
        for name in ("ann", "bob", "cleo"):
            held.tokens.make(name, "sync", ["read", "edit", "administer"])
        yield Town(held, make_app({"home": space}, held, SETTINGS))


@pytest.mark.parametrize("title", PEOPLE)
def test_what_is_of_others_is_for_who_administers(town: Town, title: str) -> None:
    row, before = ROWS[title], [repr(town.held.users.list()), repr(town.held.tokens.list())]
    for user in ("bob", "cleo"):
        status, said = town.do(user, title, **town.given(row, "ann"))
        assert (status, said["data"]["error"]) == (403, "Denied"), said
    assert [repr(town.held.users.list()), repr(town.held.tokens.list())] == before

    given = town.given(row, "bob")
    status, said = town.do("ann", title, **(given | ({"name": "dora"} if title == "users.create" else {})))
    assert status in (200, 201) or said["data"]["error"] == "HeldToNone", said


@pytest.mark.parametrize("title", OWN)
def test_what_is_ones_own_is_for_everybody(town: Town, title: str) -> None:
    for user in ("bob", "cleo"):
        status, said = town.do(user, title, **town.given(ROWS[title], user))
        assert status in (200, 201), said
        assert '"ann"' not in json.dumps(said)


@pytest.mark.parametrize("title", OF_ALL)
def test_nobody_administers_themselves(town: Town, title: str) -> None:
    status, said = town.do("bob", title, **town.given(ROWS[title], "bob"))
    assert (status, said["data"]["error"]) == (403, "Denied")


def test_without_a_name_one_is_told_of_ones_own_and_who_administers_of_all(town: Town) -> None:
    assert {one["user"] for one in town.do("bob", "tokens.find")[1]["tokens"]} == {"bob"}
    assert {one["user"] for one in town.do("ann", "tokens.find")[1]["tokens"]} == {"ann", "bob", "cleo"}
    assert {one["user"] for one in town.do("bob", "sessions.find")[1]["sessions"]} == {"bob"}
    assert {one["user"] for one in town.do("ann", "sessions.find")[1]["sessions"]} == {"ann", "bob", "cleo"}


def test_a_token_is_told_once_and_lets_in_until_it_is_revoked(town: Town) -> None:
    status, made = town.do("bob", "tokens.create", name="nightly", may=["read", "edit"], days=1)
    assert status == 201
    token = Client(town.app, made["token"])
    assert token.get("/api/spaces").status_code == 200
    assert made["token"] not in json.dumps(town.do("bob", "tokens.find"))
    again = town.do("bob", "tokens.create", name="nightly")
    assert (again[0], again[1]["data"]["error"]) == (409, "TokenExists")

    assert town.do("bob", "tokens.remove", user="bob", token="nightly")[0] == 200
    assert token.get("/api/spaces").status_code == 401
    assert town.do("bob", "tokens.remove", user="bob", token="other")[1]["data"]["error"] == "UnknownToken"
    assert town.do("bob", "tokens.create", name="for ever", days=None)[1]["expires"] is None


def test_a_token_makes_and_ends_nothing_that_lets_somebody_in(town: Town) -> None:
    town.clients["program"] = Client(town.app, town.held.tokens.make("bob", "p", ["read", "edit", "answer"]).reveal())
    for title in ("tokens.create", "tokens.remove", "sessions.remove", "users.password"):
        status, said = town.do("program", title, **town.given(ROWS[title], "bob"))
        assert (status, said["data"]["error"]) == (403, "Denied"), title
    assert town.do("program", "tokens.find")[0] == 200

    town.clients["root"] = Client(town.app, town.held.tokens.make("ann", "r", ["read", "administer"]).reveal())
    assert town.do("root", "tokens.create", user="bob", name="given")[0] == 201


def test_who_administers_makes_users_who_log_in_and_changes_them_until_they_are_gone(town: Town) -> None:
    status, made = town.do("ann", "users.create", name="dora", password="correct horse battery", display="Dora D.")
    assert (status, made["role"], made["entities"]) == (201, "editor", None)
    assert "password" not in json.dumps(made)
    opened = town.held.logins.by_password("dora", Hidden("correct horse battery"), source=HERE)
    town.clients["dora"] = Client(town.app, opened.session.reveal())

    assert town.do("ann", "users.patch", user="dora", role="operator")[1]["role"] == "operator"
    granted = town.do("ann", "users.grant", user="dora", entities=["a shelf"], role="viewer")[1]
    assert (granted["entities"], granted["roles"]) == (["a shelf"], {"a shelf": "viewer"})
    assert town.do("dora", "users.get", user="dora")[1]["roles"] == {"a shelf": "viewer"}
    assert town.do("ann", "users.revoke", user="dora", entities=["a shelf"])[1]["entities"] == []
    assert town.do("ann", "users.grant", user="dora", all=True)[1]["entities"] is None
    assert town.do("ann", "users.patch", user="dora", disabled=True)[1]["disabled"] is True
    assert town.do("dora", "users.get", user="dora")[0] == 401
    assert town.do("ann", "users.remove", user="dora")[1] == {"user": "dora"}
    assert town.do("ann", "users.get", user="dora")[0] == 404


@pytest.mark.parametrize(
    ("title", "given", "status", "error"),
    [
        ("users.create", {"name": "bob", "password": "a long password"}, 409, "UserExists"),
        ("users.create", {"name": "a b", "password": "a long password"}, 400, "BadName"),
        ("users.create", {"name": "dora", "password": "x"}, 400, "BadPassword"),
        ("users.create", {"name": "dora"}, 400, "UnfitCall"),
        ("users.patch", {"user": "ann", "role": "viewer"}, 409, "NobodyWouldAdminister"),
        ("users.patch", {"user": "bob", "role": "captain"}, 400, "UnfitCall"),
        ("users.patch", {"user": "bob", "role": "viewer", "display": "Bob"}, 400, "UnfitCall"),
        ("users.grant", {"user": "bob", "entities": ["a"], "role": "administrator"}, 409, "NotOfOneEntity"),
        ("users.grant", {"user": "bob", "entities": ["a"], "all": True}, 400, "UnfitCall"),
        ("users.grant", {"user": "bob"}, 400, "UnfitCall"),
        ("users.revoke", {"user": "bob", "entities": ["a"]}, 409, "HeldToNone"),
        ("users.password", {"user": "ann", "new": "x"}, 400, "BadPassword"),
        ("users.password", {"user": "nobody", "new": "a long password"}, 404, "UnknownUser"),
        ("users.password", {"user": "bob", "old": "wrong", "new": "a long password"}, 403, "WrongPassword"),
        ("users.password", {"user": "bob", "old": "wrong", "new": "x"}, 400, "BadPassword"),
        ("tokens.create", {"name": "a/b"}, 400, "BadName"),
        ("users.remove", {"user": "ann"}, 409, "NobodyWouldAdminister"),
        ("users.remove", {"user": "nobody"}, 404, "UnknownUser"),
        ("tokens.create", {"name": ""}, 400, "BadName"),
        ("tokens.create", {"name": "t", "days": 0}, 400, "UnfitCall"),
        ("tokens.create", {"name": "t", "may": ["fly"]}, 400, "UnfitCall"),
        ("sessions.remove", {"session": "0123"}, 404, "UnknownSession"),
    ],
)
def test_what_cannot_be_done_is_said(town: Town, title: str, given: dict[str, Any], status: int, error: str) -> None:
    found, said = town.do("ann", title, **given)

    assert (found, said["data"]["error"]) == (status, error), said
    assert "a long password" not in json.dumps(said)


def test_a_session_that_is_ended_lets_nobody_in(town: Town) -> None:
    before = {one.id for one in town.held.sessions.list("bob")}
    other = log_in(town.held, "bob").session.reveal()
    found = town.do("bob", "sessions.find")[1]["sessions"]
    (id,) = {one["id"] for one in found} - before
    assert other not in json.dumps(found)
    changes = town.held.changes

    assert town.do("bob", "sessions.remove", session=id)[1] == {"session": id, "user": "bob"}

    assert Client(town.app, other).get("/api/spaces").status_code == 401
    assert town.held.changes > changes
    assert {one["id"] for one in town.do("bob", "sessions.find")[1]["sessions"]} == before


def test_who_knows_their_password_sets_another_which_ends_their_other_sessions(town: Town) -> None:
    other = Client(town.app, log_in(town.held, "bob").session.reveal())
    link = town.held.logins.make_link("bob").reveal()
    assert other.get("/api/whoami").status_code == 200

    status, said = town.do("bob", "users.password", user="BOB", old=PASSWORD.reveal(), new="another long one")

    assert (status, said["name"]) == (200, "bob")
    assert "another long one" not in json.dumps(said)
    assert town.do("bob", "users.get", user="bob")[0] == 200, "this session goes on"
    assert other.get("/api/whoami").status_code == 401
    assert town.do("cleo", "users.get", user="cleo")[0] == 200, "sessions of others go on"
    with pytest.raises(Stranger):
        town.held.logins.by_link(link)
    with pytest.raises(WrongLogin):
        log_in(town.held, "bob")
    assert log_in(town.held, "bob", Hidden("another long one")).user == "bob"


def test_who_administers_sets_the_password_of_anybody_without_the_old_one(town: Town) -> None:
    assert town.do("ann", "users.password", user="bob", new="another long one")[0] == 200
    assert town.do("bob", "users.get", user="bob")[0] == 401, "their sessions end"
    assert log_in(town.held, "bob", Hidden("another long one")).user == "bob"
    assert town.do("ann", "users.password", user="ann", new="another long one")[0] == 200
    assert town.do("ann", "users.get", user="ann")[0] == 200, "this session goes on"


def test_whoever_found_a_session_guesses_its_password_no_faster_than_at_the_login(town: Town) -> None:
    for user in ("bob", "cleo"):
        status, said = town.do(user, "users.password", user=user, new="another long one")
        assert (status, [*said["errors"]]) == (400, ["old"]), said
        for _ in range(TRIES_PER_NAME):
            status, said = town.do(
                user, "users.password", user=user, old="a guess that is wrong", new="a long password"
            )
            assert (status, said["data"]["error"]) == (403, WrongPassword.__name__), said
            assert [*said["errors"]] == ["old"]
            assert "guess" not in json.dumps(said)
        status, said = town.do(user, "users.password", user=user, old=PASSWORD.reveal(), new="a long password")
        assert (status, said["data"]["error"]) == (429, "TooManyTries"), said
    assert log_in(town.held, "bob").user == "bob", "the login elsewhere goes on"
    assert town.do("ann", "users.password", user="bob", new="another long one")[0] == 200


def test_a_password_that_was_changed_meanwhile_is_not_changed_by_who_knew_the_old_one(town: Town) -> None:
    users = town.held.users
    (row,) = users._file.rows("SELECT password FROM user WHERE name = 'bob'")
    users.set_password("bob", Hidden("another long one"))
    with pytest.raises(WrongPassword):
        users.set_password("bob", Hidden("a thief's long one"), instead_of=row["password"])
    assert log_in(town.held, "bob", Hidden("another long one")).user == "bob"


def test_a_name_that_is_not_theirs_in_the_file_is_not_theirs_here(town: Town) -> None:
    town.held.users.add("sam", PASSWORD)
    town.held.users.add("samuel", PASSWORD)
    town.clients["sam"] = Client(town.app, log_in(town.held, "sam").session.reveal())
    assert town.do("sam", "users.get", user="SAM")[1]["name"] == "sam"
    for title in ("users.get", "tokens.find", "sessions.find"):
        for name in ("\u017fam", "samuell"):
            status, said = town.do("sam", title, user=name)
            assert (status, said["data"]["error"]) == (403, "Denied")
            assert "samuel" not in json.dumps(said)


def test_a_server_without_accounts_says_so(client: Client) -> None:
    for title in ("users.find", "tokens.find", "sessions.find"):
        status, said = sent(client, title, {})
        assert (status, said["data"]["error"]) == (409, "NoAccounts")
