"""Two users, each held to one entity, over sockets and server-sent events: every frame that a client may say, about
what is theirs and what is not; and credentials that let nobody in, or do so no longer in mid-stream."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, get_args

import httpx
import pytest
from websockets.exceptions import ConnectionClosed

import weft
from tests.server.accounts import PASSWORD, Clock, accounts, log_in
from tests.server.charms import TYPES, Sum
from tests.server.serving import Client, Served, served
from tests.until import LIMIT_S
from weft import Space
from weft.server.accounts import Accounts
from weft.server.ending import DENIED, STRANGER
from weft.server.frames import ClientFrame, Error, Heartbeat, Presence, parse_server_frame
from weft.server.settings import LiveSettings

OPS = [kind for kind in get_args(ClientFrame) if {"channel", "entity"} & {*kind.__struct_fields__}]
SETTINGS = LiveSettings(tick_s=0.01)


@dataclass
class House:
    """A served space, in which ann and bob have an entity each."""

    space: Space
    server: Served
    held: Accounts
    clock: Clock
    entities: dict[str, Sum]
    made: int = 0

    def socket(self, credential: str) -> Client:
        return Client(f"ws://127.0.0.1:{self.server.port}/live/shelf", credential)

    @contextmanager
    def events(self, credential: str, **asked: str) -> Iterator[httpx.Response]:
        url = f"http://127.0.0.1:{self.server.port}/live/shelf/events"
        named = {"Authorization": f"Bearer {credential}"} if credential else {}
        with httpx.stream("GET", url, params=asked, headers=named, timeout=LIMIT_S) as answer:
            yield answer

    def token(self, user: str, **more: Any) -> str:
        self.made += 1
        return self.held.tokens.make(user, f"token {self.made}", ["read", "edit"], **more).reveal()


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    clock = Clock()
    with weft.open(types=TYPES) as space, accounts(clock=clock) as held, served(space, held, SETTINGS) as server:
        entities = {}
        for user in ("root", "ann", "bob"):
            held.users.add(user, PASSWORD)
            if user != "root":
                entities[user] = space.create(Sum, number=1)
                held.users.grant(user, entities[user].id)
        yield House(space, server, held, clock, entities)


def message(kind: Any, entity: str) -> dict[str, Any]:
    """What such a frame says about an entity."""
    about = {"channel": f"entity:{entity}"} if "channel" in kind.__struct_fields__ else {"entity": entity}
    return {**about, **({"shown": "here"} if kind.__struct_config__.tag == "presence" else {})}


@pytest.mark.parametrize("kind", OPS, ids=lambda kind: str(kind.__struct_config__.tag))
def test_each_frame_is_for_what_is_ones_own(house: House, kind: Any) -> None:
    op = kind.__struct_config__.tag
    for user, other in (("ann", "bob"), ("bob", "ann")):
        mine, theirs = house.entities[user].id, house.entities[other].id
        with house.socket(house.token(user)) as client:
            client.say(op, **message(kind, theirs))
            client.say("ping", is_asking=True)
            client.until(lambda: client.frames and isinstance(client.frames[-1], Heartbeat))
            wrong = [one.error for one in client.frames if isinstance(one, Error)]
            assert op == "unsub" or wrong[0] in ("Denied", "BadFrame", "NotViewed")
            assert [type(one) for one in client.frames if not isinstance(one, Error)] == [Heartbeat]
            views = house.server.live.spaces["shelf"].views
            assert not any(theirs in looked for looked in views._open.values())

            client.frames.clear()
            if op not in ("sub", "open"):
                client.say("sub", channel=f"entity:{mine}")
                client.say("open", entity=mine)
            client.say(op, **message(kind, mine))
            client.say("ping", is_asking=True)
            client.until(lambda: client.frames and isinstance(client.frames[-1], Heartbeat))
            assert not [one for one in client.frames if isinstance(one, Error)]


def test_of_two_who_listen_to_all_each_is_told_of_theirs(house: House) -> None:
    for user, other in (("ann", "bob"), ("bob", "ann")):
        mine, theirs = house.entities[user], house.entities[other].id
        with house.socket(house.token(user)) as client:
            client.say("sub", channel="space")
            client.say("open", entity=mine.id)
            client.next()
            house.entities[other].number += 1
            mine.number += 1
            client.until(lambda: [one for one in client.deltas if one.type == "traversal.started"])
            assert theirs not in "".join(client.texts)
        with house.events(house.token(user), **{"from": "0"}) as answer:
            texts = [next(line for line in answer.iter_lines() if line.startswith("data: "))]
            assert mine.id in texts[0]
            assert theirs not in texts[0]


def test_who_is_held_to_some_is_told_of_nobodys_presence_but_on_theirs(house: House) -> None:
    mine, theirs = house.entities["ann"], house.entities["bob"].id
    with house.socket(house.token("root")) as root, house.socket(house.token("ann")) as ann:
        for client in (root, ann):
            for channel in ("space", f"entity:{mine.id}"):
                client.say("sub", channel=channel)
            client.say("open", entity=mine.id)
        root.say("presence", channel="space", shown={"at": theirs})
        root.until(lambda: [one for one in root.frames if isinstance(one, Presence) and one.channel == "space"])
        root.say("presence", channel=f"entity:{mine.id}", shown="here")
        ann.until(lambda: [one for one in ann.frames if isinstance(one, Presence) and one.there])

        assert {one.channel for one in ann.frames if isinstance(one, Presence)} == {f"entity:{mine.id}"}
        assert theirs not in "".join(ann.texts)


def test_server_sent_events_of_others_are_refused_in_the_words_of_rest(house: House) -> None:
    theirs = house.entities["bob"].id
    for asked in ({"channel": f"entity:{theirs}"}, {"view": theirs}):
        with house.events(house.token("ann"), **asked) as answer:
            answer.read()
            said = answer.json()
        assert (answer.status_code, said["className"], said["data"]["error"]) == (403, "forbidden", "Denied")


def bad(house: House) -> dict[str, str]:
    """Credentials that let nobody in, by why."""
    held, clock = house.held, house.clock
    expired = house.token("ann", lifetime_s=1.0)
    clock.now_s += 2
    revoked = house.token("ann")
    held.tokens.revoke("ann", f"token {house.made}")
    closed = log_in(held, "ann").session.reveal()
    held.sessions.close(closed)
    return {"none": "", "unknown": "weft_t_nobodys", "expired": expired, "revoked": revoked, "closed": closed}


def test_a_credential_that_is_not_good_opens_nothing(house: House) -> None:
    for why, credential in bad(house).items():
        with house.socket(credential) as client:
            try:
                client.say("sub", channel="space")
            except ConnectionClosed:
                pass
            assert client.closed()[0] == STRANGER, why
            assert client.frames == []
        with house.events(credential) as answer:
            answer.read()
            assert (answer.status_code, answer.json()["data"]["error"]) == (401, "Stranger"), why
            assert answer.headers["www-authenticate"].startswith("Bearer")


ENDS: dict[str, tuple[Callable[[House, str], object], int]] = {
    "its token expires": (lambda house, _: setattr(house.clock, "now_s", house.clock.now_s + 100), STRANGER),
    "its token is revoked": (lambda house, _: house.held.tokens.revoke("ann", f"token {house.made}"), STRANGER),
    "its user is disabled": (lambda house, _: house.held.users.disable("ann"), STRANGER),
    "its grant is revoked": (lambda house, id: house.held.users.revoke("ann", id), DENIED),
    "its grant allows less": (lambda house, id: house.held.users.grant("ann", id, role="viewer"), DENIED),
}


@pytest.mark.parametrize("how", ENDS)
@pytest.mark.parametrize("is_socket", [True, False], ids=["socket", "events"])
def test_what_ends_in_mid_stream_ends_it_and_nothing_more_is_told(house: House, how: str, is_socket: bool) -> None:
    act, code = ENDS[how]
    mine = house.entities["ann"]
    house.held.users.enable("ann")
    house.held.users.grant("ann", mine.id)
    token = house.token("ann", lifetime_s=50.0)
    if is_socket:
        with house.socket(token) as client:
            client.say("sub", channel=f"entity:{mine.id}")
            client.until(lambda: client.state.channels)
            act(house, mine.id)
            before = len(client.texts)
            mine.number += 1
            ended, reason = client.closed()
            told = client.texts[before:]
    else:
        with house.events(token, channel=f"entity:{mine.id}") as answer:
            lines = answer.iter_lines()
            next(line for line in lines if line.startswith("data: "))
            act(house, mine.id)
            mine.number += 1
            left = list(lines)
        assert "event: over" in left
        told = [line for line in left if '"batch"' in line]
        (last,) = [line.removeprefix("data: ") for line in left if '"error"' in line]
        over = parse_server_frame(last)
        assert isinstance(over, Error)
        ended, reason = (code if str(code) in over.message else 0), over.message
    assert ended == code
    assert reason
    assert not [text for text in told if '"batch"' in text]
    assert json.dumps(token) not in "".join(told)
