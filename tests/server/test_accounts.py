"""Accounts: who is let in, by what, until when, and what they may do then."""

from __future__ import annotations

import hashlib
import logging
import threading
import traceback
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.server.accounts import CHEAP, HERE, NOW_S, PASSWORD, TERMS, Clock, accounts, log_in
from weft.errors import WeftError
from weft.secrets.store import Hidden
from weft.server.accounts import Accounts
from weft.server.accounts.credential import CREDENTIAL_CHARS_MAX, PREFIXES
from weft.server.accounts.logins import WAITING_MAX, WrongLogin
from weft.server.accounts.password import PASSWORD_BYTES_MAX, BadPassword, Cost, hashed, is_right
from weft.server.accounts.rights import (
    CAPABILITIES_OF,
    ROLES,
    NotOfOneEntity,
    Rights,
    UnknownCapability,
    UnknownRole,
    of_role,
)
from weft.server.accounts.sessions import SESSIONS_MAX
from weft.server.accounts.tokens import TOKENS_MAX, BadLifetime, TokenExists, TooManyTokens, UnknownToken
from weft.server.accounts.tries import (
    NAME_WINDOW_S,
    TRIES_PER_NAME,
    TRIES_PER_NAME_IN_ALL,
    TRIES_PER_SOURCE,
    TRIES_WINDOW_S,
    TooManyTries,
    Tries,
)
from weft.server.accounts.user import BadName
from weft.server.accounts.users import HeldToNone, NobodyWouldAdminister, NotAlone, UnknownUser, UserExists
from weft.server.caller import CAPABILITIES, Caller, Denied, Guard, Stranger

OTHER = Hidden("another canary horse")


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def held(clock: Clock) -> Iterator[Accounts]:
    """With an administrator ann, an editor bob and a viewer cleo."""
    with accounts(clock=clock) as held:
        held.users.add("ann", PASSWORD)
        held.users.add("bob", PASSWORD)
        held.users.add("cleo", PASSWORD, role="viewer")
        yield held


@pytest.fixture
def alone() -> Iterator[Accounts]:
    """Of nobody yet."""
    with accounts() as held:
        yield held


def session_of(held: Accounts, name: str) -> str:
    return log_in(held, name).session.reveal()


def refused(held: Accounts, credential: str) -> str:
    """Why somebody is a stranger."""
    with pytest.raises(Stranger) as error:
        held.caller(credential)
    return str(vars(error.value)["why"])


# Users and what they may do.


def test_the_first_user_administers_and_the_next_ones_edit(held: Accounts) -> None:
    guard: Guard = held

    assert guard.caller(session_of(held, "ann")) == Caller("ann", frozenset(CAPABILITIES))
    assert guard.caller(session_of(held, "bob")) == Caller("bob", frozenset({"read", "edit", "answer"}))
    assert [(each.name, each.role) for each in held.users.list()] == [
        ("ann", "administrator"), ("bob", "editor"), ("cleo", "viewer"),
    ]  # fmt: skip


def test_each_role_may_do_what_the_one_before_it_may_and_more() -> None:
    allowed = [CAPABILITIES_OF[role] for role in ROLES]

    assert allowed[0] == {"read"}
    assert all(less < more for less, more in pairwise(allowed))
    assert allowed[-1] == set(CAPABILITIES)


def test_a_role_that_is_kept_and_none_allows_nothing(held: Accounts) -> None:
    session = session_of(held, "bob")
    with held._file.changing() as sql:
        sql.execute("UPDATE user SET role = 'root', entities = '{' WHERE name = 'bob'")

    assert held.caller(session) == Caller("bob", frozenset(), frozenset())
    with held._file.changing() as sql:
        sql.execute("UPDATE user SET role = 'editor', entities = '{' WHERE name = 'bob'")
    assert held.caller(session).entities == frozenset()


@pytest.mark.parametrize("name", ["", "a b", "-ann", "ann\n", "ä", "a" * 65, PASSWORD.reveal()])
def test_a_name_that_is_none_is_refused_and_not_repeated(held: Accounts, name: str) -> None:
    with pytest.raises(BadName) as error:
        held.users.add(name, PASSWORD)

    assert not name or name not in str(error.value)


def test_names_are_told_apart_whatever_their_capitals(held: Accounts) -> None:
    with pytest.raises(UserExists, match="ANN"):
        held.users.add("ANN", PASSWORD)

    assert log_in(held, "Ann").user == "ann"
    assert held.users.get("BOB").name == "bob"


@pytest.mark.parametrize("display", ["x" * 101, "a\u202eb", "a\nb"])
def test_a_name_to_be_shown_can_be_seen(held: Accounts, display: str) -> None:
    with pytest.raises(BadName):
        held.users.rename("bob", display)

    assert held.users.rename("bob", "Bób the Builder").display == "Bób the Builder"


def test_what_is_not_there_is_answered_with_what_it_is_near_to(held: Accounts) -> None:
    with pytest.raises(UnknownUser, match=r"no user 'clea': did you mean 'cleo'\.$"):
        held.users.get("clea")
    with pytest.raises(UnknownRole, match=r"did you mean 'editor'\.$"):
        held.users.set_role("bob", "edit0r")
    with pytest.raises(UnknownCapability, match="did you mean 'read'"):
        held.tokens.make("bob", "x", ["raed"])
    with pytest.raises(UnknownToken, match="bob has no token 'x': there are none"):
        held.tokens.revoke("bob", "x")


@pytest.mark.parametrize("name", ["\ud800", "bob\0", "x" * 1_000_000, "bob' OR 1 --", "%"])
def test_a_name_that_can_be_nobodys_is_unknown_wherever_it_is_asked_for(held: Accounts, name: str) -> None:
    with pytest.raises(WrongLogin):
        log_in(held, name)
    acts: list[Callable[[], object]] = [
        lambda: held.users.get(name),
        lambda: held.users.remove(name),
        lambda: held.users.set_password(name, PASSWORD),
        lambda: held.users.grant(name, "a shelf"),
        lambda: held.tokens.make(name, "sync"),
        lambda: held.tokens.list(name),
        lambda: held.logins.make_link(name),
    ]
    for act in acts:
        with pytest.raises(UnknownUser):
            act()
    with pytest.raises(UnknownToken):
        held.tokens.revoke("bob", name)
    held.sessions.close_all(name)

    assert len(held.users.list()) == 3


def test_another_role_counts_at_once_and_is_noticed(held: Accounts) -> None:
    session, before = session_of(held, "bob"), held.changes

    held.users.set_role("bob", "viewer")

    assert held.changes > before
    assert held.caller(session).capabilities == {"read"}


def test_who_is_granted_entities_is_held_to_these_also_when_the_last_is_revoked(held: Accounts) -> None:
    session = session_of(held, "bob")

    held.users.grant("bob", "a shelf", "a cat")
    caller = held.caller(session)
    caller.check("edit", "a shelf")
    with pytest.raises(Denied):
        caller.check("edit", "another")

    assert held.users.revoke("bob", "a shelf").entities == frozenset({"a cat"})
    assert held.users.revoke("bob", "a cat").entities == frozenset()
    assert not held.caller(session).may("read", "a cat")
    assert not held.caller(session).may("read")

    held.users.grant_all("bob")
    assert held.caller(session).may("edit", "another")


def test_a_role_and_entities_are_granted_at_once_or_neither(held: Accounts) -> None:
    with pytest.raises(UnknownRole):
        held.users.grant("bob", "a shelf", role="captain")
    assert held.users.get("bob").entities is None
    before = held.changes

    user = held.users.grant("bob", "a shelf", role="operator")

    assert (user.role, user.grants, held.changes) == ("editor", {"a shelf": "operator"}, before + 1)
    user = held.users.grant_all("bob", role="viewer")
    assert (user.role, user.entities, held.changes) == ("viewer", None, before + 2)


def test_a_grant_may_carry_a_role_for_its_entity(held: Accounts) -> None:
    session, token = session_of(held, "bob"), held.tokens.make("bob", "sync", ["read", "operate"]).reveal()
    held.users.grant("bob", "a shelf", role="viewer")
    held.users.grant("bob", "a cat", role="operator")
    held.users.grant("bob", "a dog")

    caller = held.caller(session)
    assert caller.to("a shelf") == {"read"}
    assert caller.to("a cat") == {"read", "edit", "answer", "operate"}
    assert caller.to("a dog") == {"read", "edit", "answer"}
    assert not caller.to("a bird") and not caller.to("")
    assert caller.may_somewhere("operate") and not caller.may_somewhere("administer")
    with pytest.raises(Denied, match="bob may not operate the entity a dog"):
        caller.check("operate", "a dog")
    assert held.caller(token).to("a cat") == {"read", "operate"}
    assert held.caller(token).to("a shelf") == {"read"}

    held.users.grant("bob", "a cat")  # the newest grant counts
    assert not held.caller(session).may_somewhere("operate")
    assert held.users.revoke("bob", "a shelf").grants == {"a cat": "", "a dog": ""}


def test_nobody_administers_one_entity_alone(held: Accounts) -> None:
    with pytest.raises(NotOfOneEntity, match="administrator is no role for one entity"):
        held.users.grant("bob", "a shelf", role="administrator")

    assert held.users.get("bob").entities is None


def test_a_grant_whose_role_is_none_allows_nothing() -> None:
    rights = of_role("editor", {"a": "captain", "b": "administrator", "c": ""})

    assert rights.entities == frozenset({"b", "c"})
    assert rights.granted == {"b": {"read", "edit", "answer", "operate"}}


def test_a_user_has_so_many_tokens_and_is_told_which_to_revoke(held: Accounts, clock: Clock) -> None:
    tokens = {name: held.tokens.make("bob", name).reveal() for name in map(str, range(TOKENS_MAX))}
    clock.now_s += 60
    for name in tokens:
        if name != "7":
            held.caller(tokens[name])

    with pytest.raises(TooManyTokens, match=r"bob has 64 tokens already.* 7 was used longest ago"):
        held.tokens.make("bob", "one more")
    assert held.caller(tokens["7"]).user == "bob"
    held.tokens.revoke("bob", "7")
    held.tokens.make("bob", "one more")
    held.tokens.make("ann", "hers")


def test_with_too_many_sessions_the_one_ends_that_was_used_longest_ago(held: Accounts, clock: Clock) -> None:
    sessions = []
    for _ in range(SESSIONS_MAX):
        sessions.append(session_of(held, "bob"))
        clock.now_s += 0.5
    others, before = session_of(held, "ann"), held.changes

    newest = session_of(held, "bob")

    assert refused(held, sessions[0]) == "it was revoked"
    assert held.changes > before
    for one in [*sessions[1:], newest]:
        assert held.caller(one).user == "bob"
    assert held.caller(others).user == "ann"


def test_what_may_act_upon_all_has_nothing_to_revoke(held: Accounts) -> None:
    with pytest.raises(HeldToNone, match="bob may act upon all"):
        held.users.revoke("bob", "a shelf")


@pytest.mark.parametrize("entity", ["", "x" * 201, "a\nb"])
def test_an_id_that_is_none_is_not_granted(held: Accounts, entity: str) -> None:
    with pytest.raises(BadName):
        held.users.grant("bob", "a shelf", entity)

    assert held.users.get("bob").entities is None


@pytest.mark.parametrize(
    "act",
    [
        lambda users: users.disable("ann"),
        lambda users: users.remove("ann"),
        lambda users: users.set_role("ann", "operator"),
        lambda users: users.grant("ann", "a shelf"),
    ],
)
def test_somebody_always_administers(held: Accounts, act: Callable[[Any], object]) -> None:
    before = held.users.list()

    with pytest.raises(NobodyWouldAdminister):
        act(held.users)
    assert held.users.list() == before

    held.users.set_role("bob", "administrator")
    act(held.users)


def test_the_first_user_cannot_be_less_than_an_administrator_and_the_last_can_go() -> None:
    with accounts() as held:
        with pytest.raises(NobodyWouldAdminister):
            held.users.add("ann", PASSWORD, role="viewer")
        assert not held.has_users()

        held.users.add("ann", PASSWORD)
        assert held.has_users()
        held.users.remove("ann")
        assert not held.has_users()


def test_a_user_of_the_same_name_gets_nothing_of_the_one_who_was_removed(held: Accounts) -> None:
    session, token = session_of(held, "bob"), held.tokens.make("bob", "sync").reveal()
    link = held.logins.make_link("bob").reveal()

    held.users.remove("bob")
    held.users.add("bob", PASSWORD)

    assert {refused(held, each) for each in (session, token)} == {"it is unknown"}
    with pytest.raises(Stranger):
        held.logins.by_link(link)
    assert held.tokens.list() == ()


def test_who_is_disabled_is_a_stranger_and_their_old_sessions_stay_so(held: Accounts) -> None:
    session, token = session_of(held, "bob"), held.tokens.make("bob", "sync").reveal()
    before = held.changes

    held.users.disable("bob")

    assert held.changes > before
    assert refused(held, session) == refused(held, token) == "the account of its user is disabled"
    with pytest.raises(Stranger, match="disabled"):
        log_in(held, "bob")
    held.users.enable("bob")
    assert refused(held, session) == "it was revoked"
    assert held.caller(token).user == "bob"
    assert log_in(held, "bob").user == "bob"


# The owner.


def test_a_server_of_one_has_an_owner_who_comes_in_by_a_link_alone() -> None:
    with accounts() as held:
        owner = held.users.own()
        assert held.users.own("me") == owner
        assert (owner.name, owner.is_owner, held.has_users()) == ("you", True, False)

        opened = held.logins.by_link(held.logins.make_link(owner.name).reveal())

        assert held.caller(opened.session.reveal()) == Caller("you", frozenset(CAPABILITIES))
        for password in (Hidden(""), PASSWORD):
            with pytest.raises(WrongLogin):
                log_in(held, "you", password)


def test_where_there_are_users_no_owner_is_made(held: Accounts) -> None:
    with pytest.raises(NotAlone):
        held.users.own()

    assert len(held.users.list()) == 3


def test_an_owner_with_a_password_is_a_user_as_others_are() -> None:
    with accounts() as held:
        held.users.own("ann")

        assert not held.users.set_password("ann", PASSWORD).is_owner
        assert held.has_users()
        assert log_in(held, "ann").user == "ann"


# Passwords.


def test_a_password_is_kept_as_a_hash_with_a_salt_of_its_own_and_its_cost() -> None:
    one, two = hashed(PASSWORD, CHEAP), hashed(PASSWORD, CHEAP)

    assert one != two
    assert one.startswith("scrypt 2 1 1 ")
    assert is_right(PASSWORD, one)
    assert not is_right(OTHER, one)
    assert Cost() == Cost(n=1 << 15, r=8, p=3)


@pytest.mark.parametrize(
    "kept", ["", "scrypt", "scrypt 3 1 1 00 00", "scrypt 2 1 1 zz 00", f"scrypt {1 << 40} 8 1 00 00"]
)
def test_no_password_fits_what_is_no_hash(kept: str) -> None:
    assert not is_right(Hidden(""), kept)
    assert not is_right(PASSWORD, kept)


def test_hashes_of_another_kind_fit_nothing() -> None:
    assert not is_right(PASSWORD, hashed(PASSWORD, CHEAP).replace("scrypt", "bcrypt"))


@pytest.mark.parametrize("password", ["", "short 7", "x" * (PASSWORD_BYTES_MAX + 1), "canary horse \udc80"])
def test_what_can_be_no_password_is_refused_without_being_shown(held: Accounts, password: str) -> None:
    acts: dict[str, Callable[[str, Hidden], object]] = {"dora": held.users.add, "bob": held.users.set_password}
    for name, act in acts.items():
        with pytest.raises(BadPassword) as error:
            act(name, Hidden(password))
        assert not password or password not in "".join(traceback.format_exception(error.value))
    with pytest.raises(WrongLogin):
        log_in(held, "bob", Hidden(password))
    assert log_in(held, "bob").user == "bob"


def test_a_password_is_the_same_however_its_letters_are_composed(held: Accounts) -> None:
    held.users.set_password("bob", Hidden("gr\u00fcne Wiese"))

    assert log_in(held, "bob", Hidden("gru\u0308ne Wiese")).user == "bob"


def test_another_password_ends_all_sessions_and_links_of_the_user_and_of_nobody_else(held: Accounts) -> None:
    sessions, others = [session_of(held, "bob"), session_of(held, "bob")], session_of(held, "cleo")
    link, before = held.logins.make_link("bob").reveal(), held.changes

    held.users.set_password("bob", OTHER)

    assert held.changes > before
    assert [refused(held, each) for each in sessions] == ["it was revoked"] * 2
    with pytest.raises(Stranger):
        held.logins.by_link(link)
    assert held.caller(others).user == "cleo"
    with pytest.raises(WrongLogin):
        log_in(held, "bob")
    assert log_in(held, "bob", OTHER).user == "bob"


def test_a_password_that_is_changed_while_the_old_one_is_compared_lets_nobody_in(
    held: Accounts, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, is_first = hashlib.scrypt, [True]

    def slow(*given: Any, **named: Any) -> bytes:
        if is_first.pop() if is_first else False:
            held.users.set_password("bob", OTHER)
        return real(*given, **named)

    monkeypatch.setattr(hashlib, "scrypt", slow)

    with pytest.raises(WrongLogin):
        log_in(held, "bob")


def test_an_unknown_name_costs_what_a_wrong_password_costs_and_is_answered_alike(
    held: Accounts, monkeypatch: pytest.MonkeyPatch
) -> None:
    held.users.set_password("bob", OTHER)
    real, compare = hashlib.scrypt, "weft.server.accounts.password.compare_digest"
    costs: list[object] = []

    def noted(given: bytes, **named: Any) -> bytes:
        costs.append({**named, "salt": len(named["salt"])})
        return real(given, **named)

    def compared(found: bytes, wanted: bytes) -> bool:
        costs.append((len(found), len(wanted)))
        return found == wanted

    monkeypatch.setattr(hashlib, "scrypt", noted)
    monkeypatch.setattr(compare, compared)
    said, paid = [], []
    for name in ("bob", "nobody", "no name at all"):
        with pytest.raises(WrongLogin) as error:
            log_in(held, name)
        said.append(str(error.value))
        paid.append(tuple(map(repr, costs)))
        costs.clear()

    assert len(set(said)) == len(set(paid)) == 1
    assert len(paid[0]) == 2


def test_few_passwords_are_compared_at_once(held: Accounts, monkeypatch: pytest.MonkeyPatch) -> None:
    real, lock, inside, most = hashlib.scrypt, threading.Lock(), [0], [0]
    gate = threading.Semaphore(0)

    def slow(*given: Any, **named: Any) -> bytes:
        with lock:
            inside[0] += 1
            most[0] = max(most[0], inside[0])
        gate.acquire(timeout=10)
        with lock:
            inside[0] -= 1
        return real(*given, **named)

    monkeypatch.setattr(hashlib, "scrypt", slow)
    threads = [threading.Thread(target=log_in, args=(held, "bob")) for _ in range(5)]
    for each in threads:
        each.start()
    for _ in threads:
        gate.release()
    for each in threads:
        each.join(20)

    assert 1 <= most[0] <= 2


def test_no_password_is_none_that_fits_also_where_hashes_of_nothing_would(
    held: Accounts, monkeypatch: pytest.MonkeyPatch
) -> None:
    with held._file.writing() as sql:
        sql.execute("UPDATE user SET password = '' WHERE name = 'bob'")
    monkeypatch.setattr("weft.server.accounts.logins.is_right", lambda password, kept: kept == "")

    with pytest.raises(WrongLogin):
        log_in(held, "bob", Hidden(""))


# Sessions.


def test_a_session_ends_when_nobody_uses_it(held: Accounts, clock: Clock) -> None:
    used, idle = session_of(held, "bob"), session_of(held, "bob")

    clock.now_s += TERMS.idle_s - 1
    assert held.caller(used).user == "bob"
    clock.now_s += 1

    assert held.caller(used).user == "bob"
    assert refused(held, idle) == "it has expired"


def test_a_session_ends_however_often_it_is_used(held: Accounts, clock: Clock) -> None:
    opened = log_in(held, "bob")

    while clock.now_s < opened.ends_s:
        assert held.caller(opened.session.reveal()).user == "bob"
        clock.now_s += 100

    assert opened.ends_s == NOW_S + TERMS.session_s
    assert refused(held, opened.session.reveal()) == "it has expired"


def test_who_logs_out_is_a_stranger_by_that_session_and_no_other(held: Accounts) -> None:
    one, other, before = session_of(held, "bob"), session_of(held, "bob"), held.changes

    held.sessions.close(one)

    assert held.changes > before
    assert refused(held, one) == "it was revoked"
    assert held.caller(other).user == "bob"


def test_a_session_that_was_opened_while_its_user_was_disabled_lets_nobody_in(held: Accounts) -> None:
    held.users.disable("bob")
    with held._file.writing() as sql:
        session = held.sessions.open(sql, "bob").session.reveal()

    assert refused(held, session) == "the account of its user is disabled"


def test_who_logs_out_everywhere_is_a_stranger_by_all_sessions(held: Accounts) -> None:
    sessions, others = [session_of(held, "bob"), session_of(held, "bob")], session_of(held, "ann")

    held.sessions.close_all("BOB")

    assert [refused(held, each) for each in sessions] == ["it was revoked"] * 2
    assert held.caller(others).user == "ann"


def test_to_close_no_session_changes_nothing(held: Accounts) -> None:
    before = held.changes

    held.sessions.close("weft_s_nothing")

    assert held.changes == before


@pytest.mark.parametrize("kind", PREFIXES.values())
def test_what_nobody_was_given_lets_nobody_in(held: Accounts, kind: str) -> None:
    for text in (kind, f"{kind}x", kind + "x" * CREDENTIAL_CHARS_MAX, f"{kind}\udc80", "", "bob"):
        assert refused(held, text) == "it is unknown"


def test_a_credential_of_one_kind_is_none_of_another(held: Accounts) -> None:
    session, token = session_of(held, "bob"), held.tokens.make("bob", "sync").reveal()
    link = held.logins.make_link("bob").reveal()

    for one, other in (("weft_t_", session), ("weft_s_", token), ("weft_s_", link)):
        assert refused(held, one + other[len(one) :]) == "it is unknown"
    assert refused(held, link) == "it is unknown"
    for each in (session, token):
        with pytest.raises(Stranger):
            held.logins.by_link(each)


# Links.


def test_a_link_lets_its_user_in_once(held: Accounts) -> None:
    link = held.logins.make_link("bob").reveal()

    assert held.caller(held.logins.by_link(link).session.reveal()).user == "bob"
    with pytest.raises(Stranger, match="used before"):
        held.logins.by_link(link)


def test_of_many_who_use_a_link_at_once_one_is_let_in(held: Accounts) -> None:
    link, start = held.logins.make_link("bob").reveal(), threading.Barrier(8)
    let_in: list[str] = []

    def use() -> None:
        start.wait(10)
        try:
            let_in.append(held.logins.by_link(link).user)
        except Stranger:
            pass

    threads = [threading.Thread(target=use) for _ in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join(20)

    assert let_in == ["bob"]


def test_a_link_that_is_used_in_between_lets_nobody_in(held: Accounts, monkeypatch: pytest.MonkeyPatch) -> None:
    link, real = held.logins.make_link("bob").reveal(), held._file.writing

    def late() -> Any:
        monkeypatch.setattr(held._file, "writing", real)
        held.logins.by_link(link)
        return real()

    monkeypatch.setattr(held._file, "writing", late)

    with pytest.raises(Stranger, match="used before"):
        held.logins.by_link(link)


def test_a_link_expires(held: Accounts, clock: Clock) -> None:
    link = held.logins.make_link("bob").reveal()
    clock.now_s += TERMS.link_s

    with pytest.raises(Stranger, match="it has expired"):
        held.logins.by_link(link)
    clock.now_s -= TERMS.link_s
    with pytest.raises(Stranger, match="used before"):
        held.logins.by_link(link)


def test_a_link_of_somebody_who_is_disabled_lets_nobody_in(held: Accounts) -> None:
    held.users.disable("bob")
    link = held.logins.make_link("bob").reveal()

    with pytest.raises(Stranger, match="disabled"):
        held.logins.by_link(link)


# Tokens.


def test_a_token_allows_what_it_names_and_its_user_may_do(held: Accounts) -> None:
    token = held.tokens.make("bob", "sync", ["read", "edit", "operate"]).reveal()

    assert held.caller(token).capabilities == {"read", "edit"}
    held.users.set_role("bob", "viewer")
    assert held.caller(token).capabilities == {"read"}
    held.users.set_role("bob", "administrator")
    assert held.caller(token).capabilities == {"read", "edit", "operate"}


def test_a_token_is_held_to_its_entities_and_to_those_of_its_user(held: Accounts) -> None:
    wide, narrow = held.tokens.make("bob", "wide"), held.tokens.make("bob", "narrow", entities=["a", "b"])
    assert held.caller(wide.reveal()).entities is None
    assert held.caller(narrow.reveal()).entities == frozenset({"a", "b"})

    held.users.grant("bob", "b", "c")

    assert held.caller(wide.reveal()).entities == frozenset({"b", "c"})
    assert held.caller(narrow.reveal()).entities == frozenset({"b"})


def test_rights_that_are_cut_are_those_of_both() -> None:
    all_entities, some = Rights(frozenset({"read", "edit"}), None), Rights(frozenset({"read"}), frozenset("ab"))

    assert all_entities.cut_to(all_entities) == all_entities
    assert all_entities.cut_to(some) == some.cut_to(all_entities) == some
    assert some.cut_to(Rights(frozenset({"edit"}), frozenset("bc"))) == Rights(frozenset(), frozenset("b"))


def test_a_token_ends_when_it_was_said_and_not_before(held: Accounts, clock: Clock) -> None:
    token, endless = held.tokens.make("bob", "t", lifetime_s=10), held.tokens.make("bob", "e", lifetime_s=None)

    clock.now_s += 9.9
    assert held.caller(token.reveal()).user == "bob"
    clock.now_s += 0.1
    assert refused(held, token.reveal()) == "it has expired"
    clock.now_s += 1e9
    assert held.caller(endless.reveal()).user == "bob"


@pytest.mark.parametrize("lifetime_s", [0.0, -1.0, float("nan")])
def test_a_token_that_would_never_be_good_is_refused(held: Accounts, lifetime_s: float) -> None:
    with pytest.raises(BadLifetime):
        held.tokens.make("bob", "sync", lifetime_s=lifetime_s)


def test_a_token_that_is_revoked_lets_nobody_in_and_its_name_is_free(held: Accounts) -> None:
    token, before = held.tokens.make("bob", "sync").reveal(), held.changes
    with pytest.raises(TokenExists, match="bob has a token 'sync' already"):
        held.tokens.make("Bob", "sync")

    held.tokens.revoke("BOB", "sync")

    assert held.changes > before
    assert refused(held, token) == "it was revoked"
    with pytest.raises(UnknownToken):
        held.tokens.revoke("bob", "sync")
    assert held.caller(held.tokens.make("bob", "sync").reveal()).user == "bob"
    assert refused(held, token) == "it is unknown"


@pytest.mark.parametrize("name", ["", "x" * 65, "a\nb"])
def test_a_token_has_a_name_that_can_be_seen(held: Accounts, name: str) -> None:
    with pytest.raises(BadName):
        held.tokens.make("bob", name)


def test_tokens_are_listed_with_when_they_were_used_to_the_minute(held: Accounts, clock: Clock) -> None:
    token = held.tokens.make("bob", "sync", entities=["a"]).reveal()
    held.tokens.make("ann", "other")
    assert held.tokens.list("bob")[0].used_s is None

    clock.now_s += 61.5
    held.caller(token)
    clock.now_s += 50
    held.caller(token)

    (listed,) = held.tokens.list("BOB")
    assert (listed.name, listed.capabilities, listed.entities) == ("sync", frozenset({"read"}), frozenset({"a"}))
    assert listed.used_s == (NOW_S + 61.5) // 60 * 60
    assert [each.user for each in held.tokens.list()] == ["ann", "bob"]


def test_what_is_used_is_written_once_a_minute_at_most(held: Accounts, clock: Clock) -> None:
    credentials = (held.tokens.make("bob", "sync").reveal(), session_of(held, "bob"))
    clock.now_s = NOW_S + 90
    for each in credentials:
        held.caller(each)
    written = held._file._connection.total_changes

    for _ in range(20):
        clock.now_s += 1
        for each in credentials:
            held.caller(each)

    assert held._file._connection.total_changes == written


# What is noticed.


@pytest.mark.parametrize("kind", ["token", "idle", "old"])
def test_what_ends_by_time_is_noticed_as_what_is_revoked(held: Accounts, clock: Clock, kind: str) -> None:
    session = session_of(held, "bob")
    seen = held.changes
    if kind == "token":
        held.tokens.make("bob", "sync", lifetime_s=10)
    ends_s = {"token": 10.0, "idle": TERMS.idle_s, "old": TERMS.session_s}[kind]
    if kind == "old":
        for at in range(0, int(ends_s), 50):
            clock.now_s = NOW_S + at
            held.caller(session)
    seen = held.changes

    clock.now_s = NOW_S + ends_s - 0.1
    assert held.changes == seen
    clock.now_s = NOW_S + ends_s
    assert held.changes == seen + 1
    assert held.changes == seen + 1


def test_a_clock_that_is_set_back_hides_no_end(held: Accounts, clock: Clock) -> None:
    held.tokens.make("bob", "sync", lifetime_s=10)
    clock.now_s += 20
    seen = held.changes
    clock.now_s -= 15
    seen = held.changes

    clock.now_s += 10

    assert held.changes > seen


def test_what_changes_nobodys_rights_is_no_change(held: Accounts, clock: Clock) -> None:
    before = held.changes

    session = session_of(held, "bob")
    held.caller(held.tokens.make("bob", "sync").reveal())
    held.logins.make_link("bob")
    clock.now_s += 100
    held.caller(session)

    assert held.changes == before


# Attempts.


def test_attempts_by_a_name_are_limited_and_it_is_said_when_to_try_again(held: Accounts, clock: Clock) -> None:
    for each in range(TRIES_PER_NAME):
        clock.now_s = NOW_S + each
        with pytest.raises(WrongLogin):
            log_in(held, "BOB" if each % 2 else "bob", OTHER)

    with pytest.raises(TooManyTries) as error:
        log_in(held, "bob")
    assert vars(error.value)["wait_s"] == TRIES_WINDOW_S - TRIES_PER_NAME + 1
    assert "try again in 291 seconds" in str(error.value).lower()
    assert log_in(held, "cleo").user == "cleo"
    assert log_in(held, "bob", source="192.0.2.99").user == "bob", "a name is shut out from there alone"

    clock.now_s = NOW_S + TRIES_WINDOW_S
    assert log_in(held, "bob").user == "bob"


def test_who_has_many_sources_slows_a_name_down_but_not_where_it_was_let_in(held: Accounts, clock: Clock) -> None:
    assert log_in(held, "bob", source="198.51.100.7").user == "bob"
    for each in range(TRIES_PER_NAME_IN_ALL):
        with pytest.raises(WrongLogin):
            log_in(held, "bob", OTHER, source=f"192.0.2.{each}")

    with pytest.raises(TooManyTries) as error:
        log_in(held, "bob", source="203.0.113.9")
    assert vars(error.value)["wait_s"] == NAME_WINDOW_S
    assert log_in(held, "bob", source="198.51.100.7").user == "bob"
    clock.now_s = NOW_S + NAME_WINDOW_S
    assert log_in(held, "bob", source="203.0.113.9").user == "bob"


def test_logins_by_password_wait_in_threads_of_their_own_and_no_more_of_them_than_there_is_room_for(
    held: Accounts, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, gate, names = hashlib.scrypt, threading.Event(), set()

    def slow(*given: Any, **named: Any) -> bytes:
        names.add(threading.current_thread().name)
        gate.wait(20)
        return real(*given, **named)

    monkeypatch.setattr(hashlib, "scrypt", slow)
    begun = [held.logins.begin_by_password("bob", PASSWORD, source=f"192.0.2.{each}") for each in range(WAITING_MAX)]
    with pytest.raises(TooManyTries):
        held.logins.begin_by_password("cleo", PASSWORD, source="203.0.113.9")
    assert begun[-1].cancel(), "whoever is gone is waited for no longer"
    last = held.logins.begin_by_password("cleo", PASSWORD, source="203.0.113.9")
    gate.set()
    assert last.result(20).user == "cleo"
    assert {each.result(20).user for each in begun[:-1]} == {"bob"}
    assert len(names) <= 2 and all(each.startswith("weft logins") for each in names)


def test_attempts_from_a_source_are_limited_whatever_names_are_tried(held: Accounts) -> None:
    for each in range(TRIES_PER_SOURCE):
        with pytest.raises(WrongLogin):
            log_in(held, f"name{each}", OTHER)

    with pytest.raises(TooManyTries):
        log_in(held, "bob")
    assert log_in(held, "bob", source="192.0.2.2").user == "bob"


def test_an_attempt_that_is_refused_is_not_hashed_and_does_not_count(
    held: Accounts, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries = Tries()
    for _ in range(TRIES_PER_NAME):
        tries.begin("bob", HERE, NOW_S)
    for _ in range(100):
        with pytest.raises(TooManyTries):
            tries.begin("bob", HERE, NOW_S + 1)

    for each in range(TRIES_PER_SOURCE - TRIES_PER_NAME):
        tries.begin(f"n{each}", HERE, NOW_S + 1)
    for _ in range(TRIES_PER_NAME):
        tries.begin("bob", HERE, NOW_S + TRIES_WINDOW_S)

    clock.now_s = NOW_S + TRIES_WINDOW_S
    monkeypatch.setattr(held.logins, "_tries", tries)
    monkeypatch.setattr(hashlib, "scrypt", None)
    with pytest.raises(TooManyTries):
        log_in(held, "bob")


def test_one_who_has_an_account_cannot_clear_the_attempts_of_a_source(held: Accounts) -> None:
    for each in range(TRIES_PER_SOURCE):
        log_in(held, "bob")
        with pytest.raises(WrongLogin):
            log_in(held, f"name{each}", OTHER)

    with pytest.raises(TooManyTries):
        log_in(held, "bob")


def test_successes_are_never_too_many(held: Accounts) -> None:
    for _ in range(2 * TRIES_PER_SOURCE):
        log_in(held, "bob")


@pytest.mark.parametrize(
    ("one", "other", "is_one"),
    [
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", True), ("2001:db8:1:2::1", "2001:db8:1:3::1", False),
        ("::ffff:192.0.2.1", "192.0.2.1", True), ("::ffff:192.0.2.1", "::ffff:192.0.2.2", False),
        ("fe80::1%eth0", "fe80::2%eth1", True), ("a socket", "another", False),
    ],
)  # fmt: skip
def test_a_source_is_what_one_household_is_given(one: str, other: str, is_one: bool) -> None:
    tries = Tries()
    for each in range(TRIES_PER_SOURCE):
        tries.begin(f"name{each}", one, NOW_S)

    if is_one:
        with pytest.raises(TooManyTries):
            tries.begin("bob", other, NOW_S)
    else:
        tries.begin("bob", other, NOW_S)


def test_what_is_remembered_of_attempts_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("weft.server.accounts.tries.TRIED_MAX", 20)
    tries = Tries()
    for each in range(100):
        tries.begin("x" * 10_000 + str(each), f"192.0.2.{each}", NOW_S)

    for window, length in ((tries._names, 32), (tries._sources, 32), (tries._pairs, 64)):
        assert len(window._moments) == 20
        assert all(len(key) == length for key in window._moments)
    for each in range(100):
        tries.succeeded(str(each), HERE, NOW_S)
    assert len(tries._let_in) == 20


def test_attempts_of_before_a_clock_was_set_back_do_not_count() -> None:
    tries = Tries()
    for _ in range(TRIES_PER_NAME):
        tries.begin("bob", HERE, NOW_S)

    tries.begin("bob", HERE, NOW_S - 86400)


# Secrets.


def test_no_secret_is_in_a_repr_an_error_a_log_or_a_traceback_even_with_what_variables_hold(
    held: Accounts, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.DEBUG)
    opened, token = log_in(held, "bob"), held.tokens.make("bob", "sync")
    link = held.logins.make_link("bob")
    secrets = [each.reveal() for each in (PASSWORD, opened.session, token, link)]
    shown = list(map(repr, [held, opened, token, link, held.users.list(), held.tokens.list(), caplog.records]))

    def full(*_: object) -> None:
        raise OSError("the disk is full")

    acts: list[Callable[[], object]] = [
        lambda: log_in(held, "bob"),
        lambda: held.users.set_password("bob", PASSWORD),
        lambda: held.caller(token.reveal()),
        lambda: held.caller(opened.session.reveal()),
        lambda: held.logins.by_link(link.reveal()),
        lambda: held.sessions.close(opened.session.reveal()),
    ]
    held.users.disable("bob")
    failed: list[BaseException] = []
    for is_full in (False, True):
        if is_full:
            monkeypatch.setattr(held._file, "rows", full)
        for act in acts:
            try:
                act()
            except (WeftError, OSError) as error:
                failed.append(error)
    for each in failed:
        # The first frames are this test's own.
        inner = each.__traceback__ and each.__traceback__.tb_next and each.__traceback__.tb_next.tb_next
        shown += traceback.TracebackException(type(each), each, inner, capture_locals=True).format()
        shown += [str(each), repr(each)]

    assert len(failed) >= 9
    assert any("the disk is full" in each for each in shown)
    assert [secret for secret in secrets for text in shown if secret in text] == []


def test_what_is_changed_here_is_known_at_once_however_seldom_the_file_is_looked_at(tmp_path: Path) -> None:
    clock, path = Clock(), tmp_path / "accounts.sqlite"
    with Accounts(path, clock=clock, cost=CHEAP, terms=TERMS, looks_every_s=3600) as held, accounts(path) as other:
        held.users.add("ann", PASSWORD)
        held.users.add("bob", PASSWORD)
        seen = held.changes

        held.users.disable("bob")
        assert held.changes == (seen := seen + 1)
        held.tokens.make("ann", "sync", lifetime_s=10)
        assert held.changes == seen
        clock.now_s += 10
        assert held.changes == (seen := seen + 1)
        other.users.enable("bob")
        assert held.changes == seen  # for an hour
        held.users.rename("ann", "Ann")
        assert held.changes > seen


def test_an_owner_alone_cannot_shut_themselves_out(alone: Accounts) -> None:
    you = alone.users.own().name
    changes: list[Callable[[], object]] = [
        lambda: alone.users.disable(you),
        lambda: alone.users.set_role(you, "viewer"),
        lambda: alone.users.grant(you, "a shelf"),
    ]
    for change in changes:
        with pytest.raises(NobodyWouldAdminister):
            change()
    assert alone.users.get(you).rights.entities is None

    alone.users.add("ann", PASSWORD)
    alone.users.disable(you)
    with pytest.raises(NobodyWouldAdminister):
        alone.users.remove("ann")


def test_an_owner_who_was_shut_out_is_let_in_by_another_start(alone: Accounts) -> None:
    you = alone.users.own().name
    with alone.users._file.changing() as sql:
        sql.execute("UPDATE user SET role = 'viewer', entities = '[]', is_disabled = 1")

    owner = alone.users.own()

    assert (owner.name, owner.role, owner.grants, owner.is_disabled) == (you, "administrator", None, False)
    opened = alone.logins.by_link(alone.logins.make_link(you).reveal())
    assert alone.caller(opened.session.reveal()).may("administer")


@pytest.mark.parametrize("name", ["a/b", "a\\b", ".", "..", "a\nb", "\x7f", "\u202e"])
def test_a_token_is_called_what_an_address_can_end_with(alone: Accounts, name: str) -> None:
    alone.users.add("ann", PASSWORD)
    with pytest.raises(BadName, match="the name of a token"):
        alone.tokens.make("ann", name)
    assert alone.tokens.list() == ()
    alone.tokens.make("ann", "fine. too..")


def test_a_token_of_an_older_name_is_revoked(alone: Accounts) -> None:
    alone.users.add("ann", PASSWORD)
    token = alone.tokens.make("ann", "old").reveal()
    with alone.users._file.changing() as sql:
        sql.execute("UPDATE token SET name = '../x/y'")
    alone.tokens.revoke("ann", "../x/y")
    with pytest.raises(Stranger, match="revoked"):
        alone.caller(token)
