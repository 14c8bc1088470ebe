"""A law of accounts: whatever is done, a credential allows exactly what a few plain dictionaries say.

Two openers of one file take turns, so that what one does counts for the other at once.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from tests.server.accounts import PASSWORD, TERMS, Clock, accounts, log_in
from weft.secrets.store import Hidden
from weft.server.accounts import Accounts
from weft.server.accounts.logins import WrongLogin
from weft.server.accounts.rights import CAPABILITIES_OF, ROLES, NotOfOneEntity
from weft.server.accounts.tokens import TokenExists, UnknownToken
from weft.server.accounts.tries import TRIES_WINDOW_S
from weft.server.accounts.users import HeldToNone, NobodyWouldAdminister, UnknownUser, UserExists
from weft.server.caller import CAPABILITIES, Stranger

NAMES = st.sampled_from(["ann", "bob", "cleo"])
ENTITIES = st.sampled_from(["a", "b", "c"])
PASSWORDS = st.sampled_from([PASSWORD.reveal(), "another password"])
TOKEN_NAMES = st.sampled_from(["t", "u"])


@dataclass
class Person:
    """A user, as plain as can be."""

    password: str
    role: str
    entities: dict[str, str] | None = None
    """Each with the role that its grant carries, "" for their own."""
    is_disabled: bool = False


@dataclass
class Given:
    """A session, a token or a link that somebody was given."""

    person: Person
    ends_s: float
    idle_ends_s: float = float("inf")
    capabilities: set[str] = field(default_factory=lambda: set(CAPABILITIES))
    entities: set[str] | None = None
    is_good: bool = True


class Accounted(RuleBasedStateMachine):
    """Accounts beside their model."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        path = Path(self.folder.name, "own", "accounts.sqlite")
        self.clock = Clock()
        self.openers = [accounts(path, self.clock), accounts(path, self.clock)]
        self.people: dict[str, Person] = {}
        self.given: dict[str, Given] = {}
        self.tokens: dict[tuple[str, str], str] = {}
        self.links: dict[str, Given] = {}
        self.seen = self._looked()

    def teardown(self) -> None:
        for each in self.openers:
            each.close()
        self.folder.cleanup()

    @property
    def held(self) -> Accounts:
        """The opener whose turn it is."""
        self.openers.reverse()
        return self.openers[0]

    def _administered(self) -> bool:
        people = self.people.values()
        return not people or any(
            each.role == "administrator" and each.entities is None and not each.is_disabled for each in people
        )

    def _changed(self, name: str, **fields: object) -> bool:
        """Change the model, if that is allowed."""
        person = self.people[name]
        before = {key: getattr(person, key) for key in fields}
        vars(person).update(fields)
        if not self._administered():
            vars(person).update(before)
            return False
        return True

    @rule(name=NAMES, password=PASSWORDS, role=st.sampled_from([None, *ROLES]))
    def add(self, name: str, password: str, role: str | None) -> None:
        new = Person(password, role or ("editor" if self.people else "administrator"))
        try:
            self.held.users.add(name, Hidden(password), role=role)
        except UserExists:
            assert name in self.people
        except NobodyWouldAdminister:
            assert not self.people and new.role != "administrator"
        else:
            assert name not in self.people
            self.people[name] = new

    @rule(name=NAMES)
    def remove(self, name: str) -> None:
        rest = {key: each for key, each in self.people.items() if key != name}
        before, self.people = self.people, rest
        is_allowed, self.people = self._administered(), before
        try:
            self.held.users.remove(name)
        except UnknownUser:
            assert name not in self.people
        except NobodyWouldAdminister:
            assert not is_allowed
        else:
            assert is_allowed
            for each in [*self.given.values(), *self.links.values()]:
                each.is_good = each.is_good and each.person is not self.people[name]
            self.tokens = {key: token for key, token in self.tokens.items() if key[0] != name}
            self.people = rest

    @precondition(lambda self: self.people)
    @rule(name=NAMES, role=st.sampled_from(ROLES), is_disabled=st.booleans(), entity=ENTITIES, verb=st.integers(0, 5))
    def change(self, name: str, role: str, is_disabled: bool, entity: str, verb: int) -> None:
        users, person = self.held.users, self.people.get(name)
        held = person.entities if person is not None else None
        verbs: list[tuple[dict[str, object], Callable[[], object]]] = [
            ({"role": role}, lambda: users.set_role(name, role)),
            ({"is_disabled": is_disabled}, lambda: (users.disable if is_disabled else users.enable)(name)),
            ({"entities": {**(held or {}), entity: ""}}, lambda: users.grant(name, entity)),
            (
                {"entities": {one: its for one, its in (held or {}).items() if one != entity}},
                lambda: users.revoke(name, entity),
            ),
            ({"entities": None}, lambda: users.grant_all(name)),
            ({"entities": {**(held or {}), entity: role}}, lambda: users.grant(name, entity, role=role)),
        ]
        fields, act = verbs[verb]
        try:
            act()
        except UnknownUser:
            assert person is None
        except HeldToNone:
            assert verb == 3 and held is None
        except NotOfOneEntity:
            assert verb == 5 and role == "administrator"
        except NobodyWouldAdminister:
            assert not self._changed(name, **fields)
        else:
            assert self._changed(name, **fields)
            if verb == 1:
                self._shut_out(name)

    def _shut_out(self, name: str) -> None:
        for each in self.given.values():
            if each.person is self.people[name] and each.idle_ends_s != float("inf"):
                each.is_good = False
        for each in self.links.values():
            each.is_good = each.is_good and each.person is not self.people[name]

    @precondition(lambda self: self.people)
    @rule(name=NAMES, password=PASSWORDS)
    def set_password(self, name: str, password: str) -> None:
        if name in self.people:
            self.held.users.set_password(name, Hidden(password))
            self.people[name].password = password
            self._shut_out(name)

    def _open(self, credential: str, person: Person) -> None:
        self.given[credential] = Given(person, self.clock.now_s + TERMS.session_s, self.clock.now_s + TERMS.idle_s)

    @rule(name=NAMES, password=PASSWORDS)
    def log_in(self, name: str, password: str) -> None:
        self.clock.now_s += TRIES_WINDOW_S / 5
        person = self.people.get(name)
        is_right = person is not None and person.password == password
        try:
            opened = log_in(self.held, name, Hidden(password))
        except WrongLogin:
            assert not is_right
        except Stranger:
            assert is_right and person is not None and person.is_disabled
        else:
            assert is_right and person is not None and not person.is_disabled
            self._open(opened.session.reveal(), person)

    @precondition(lambda self: self.people)
    @rule(name=NAMES)
    def make_link(self, name: str) -> None:
        if name in self.people:
            link = self.held.logins.make_link(name).reveal()
            self.links[link] = Given(self.people[name], self.clock.now_s + TERMS.link_s)

    @precondition(lambda self: self.links)
    @rule(choice=st.integers(min_value=0))
    def use_link(self, choice: int) -> None:
        link = list(self.links)[choice % len(self.links)]
        given = self.links[link]
        is_good = given.is_good and self.clock.now_s < given.ends_s and not given.person.is_disabled
        given.is_good = False
        try:
            opened = self.held.logins.by_link(link)
        except Stranger:
            assert not is_good
        else:
            assert is_good
            self._open(opened.session.reveal(), given.person)

    @precondition(lambda self: self.people)
    @rule(
        user=NAMES,
        name=TOKEN_NAMES,
        capabilities=st.sets(st.sampled_from(CAPABILITIES)),
        entities=st.none() | st.sets(ENTITIES),
        lifetime_s=st.sampled_from([50.0, 1e9]),
    )
    def make_token(
        self, user: str, name: str, capabilities: set[str], entities: set[str] | None, lifetime_s: float
    ) -> None:
        if user not in self.people:
            return
        before = self.given.get(self.tokens.get((user, name), ""))
        is_taken = before is not None and before.is_good and self.clock.now_s < before.ends_s
        try:
            token = self.held.tokens.make(user, name, capabilities, entities=entities, lifetime_s=lifetime_s).reveal()
        except TokenExists:
            assert is_taken
        else:
            assert not is_taken
            if before is not None:
                before.is_good = False
            self.tokens[user, name] = token
            ends_s = self.clock.now_s + lifetime_s
            self.given[token] = Given(self.people[user], ends_s, capabilities=capabilities, entities=entities)

    @rule(user=NAMES, name=TOKEN_NAMES)
    def revoke_token(self, user: str, name: str) -> None:
        given = self.given.get(self.tokens.get((user, name), ""))
        try:
            self.held.tokens.revoke(user, name)
        except UnknownUser:
            assert user not in self.people
        except UnknownToken:
            assert given is None or not given.is_good
        else:
            assert given is not None and given.is_good
            given.is_good = False

    @precondition(lambda self: self.given)
    @rule(choice=st.integers(min_value=0), is_all=st.booleans())
    def log_out(self, choice: int, is_all: bool) -> None:
        credential = list(self.given)[choice % len(self.given)]
        given = self.given[credential]
        if given.idle_ends_s == float("inf"):
            return
        self.held.sessions.close(credential)
        given.is_good = False

    @rule(by_s=st.sampled_from([1.0, 60.0, 200.0, 390.0]))
    def wait(self, by_s: float) -> None:
        self.clock.now_s += by_s

    @invariant()
    def a_credential_allows_what_the_model_says(self) -> None:
        for held in self.openers:
            for credential, given in self.given.items():
                assert self._asked(held, credential) == self._expected(given)

    @invariant()
    def whatever_changes_is_noticed(self) -> None:
        # Every credential is asked at every step, so its idle time ends only when it was not let in.
        now = self._looked()
        for (before, changes), (after, changes_now) in zip(self.seen, now, strict=True):
            lost = [key for key, was in before.items() if was is not None and after.get(key) != was]
            assert changes_now >= changes
            assert not lost or changes_now > changes, lost
        self.seen = now

    def _looked(self) -> list[tuple[dict[str, object], int]]:
        return [({key: self._asked(held, key) for key in self.given}, held.changes) for held in self.openers]

    def _asked(self, held: Accounts, credential: str) -> object:
        try:
            caller = held.caller(credential)
        except Stranger:
            return None
        return {(one, entity) for one in CAPABILITIES for entity in ("", "a", "b", "c") if caller.may(one, entity)}

    def _expected(self, given: Given) -> object:
        now_s, person = self.clock.now_s, given.person
        if not given.is_good or person.is_disabled or now_s >= min(given.ends_s, given.idle_ends_s):
            return None
        if given.idle_ends_s != float("inf") and given.idle_ends_s - TERMS.idle_s <= now_s - 60:
            given.idle_ends_s = now_s + TERMS.idle_s
        held = [set(each) for each in (person.entities, given.entities) if each is not None]
        return {
            (one, entity)
            for one in given.capabilities
            for entity in ("", "a", "b", "c")
            if all(entity in each for each in held)
            and one in CAPABILITIES_OF[(person.entities or {}).get(entity) or person.role]
        }


TestAccounted = Accounted.TestCase
TestAccounted.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)
