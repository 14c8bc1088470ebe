"""Charms that stream, paused and played over real sockets: paused means no events and no calls, and nothing is lost."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass

import pytest

import weft
from tests.server.serving import Client, Served, served
from tests.until import LIMIT_S
from weft import Entity, Field, Space, derive, field
from weft.server.client_state import ClientState
from weft.server.frames import Batch, Delta, Heartbeat, Partial, States

CALLS: list[int] = []
"""What was streamed of, call by call."""


async def recite(number: int) -> AsyncIterator[str]:
    CALLS.append(number)
    yield f"{number}"
    yield f"{number} and"
    yield f"{number} and all"


def negated(number: int) -> int:
    return -number


class Poem(Entity):
    number: Field[int] = field(default=1)
    lines = derive(recite, number)
    beside = derive(negated, number)


@dataclass
class Hall:
    """A served space with a poem."""

    space: Space
    server: Served
    poem: Poem

    @property
    def channel(self) -> str:
        return f"entity:{self.poem.id}"

    def edit(self, *numbers: int) -> None:
        """Tell it these, and wait until all is settled that anybody demands."""
        for number in numbers:
            self.poem.number = number
        self.space.wait_settled(timeout_s=LIMIT_S)

    def shows(self, client: Client, number: int) -> None:
        """Wait until a client is shown what it streamed of that, to the end."""
        node = f"{self.poem.id}.lines"
        client.until(
            lambda: self.channel in client.state.channels and node in client.state.channels[self.channel].nodes
        )
        client.until(lambda: client.state.channels[self.channel].nodes[node].preview == f"{number} and all")

    def all_deltas(self) -> list[Delta]:
        """All that there ever was to be told of it."""
        with self.server.client("ben") as anew:
            anew.say("sub", channel=self.channel, **{"from": 0})
            head = self.space.position
            anew.say("ping", is_asking=True)
            anew.until(lambda: any(isinstance(one, Heartbeat) and one.positions for one in anew.frames))
            while not any(isinstance(one, Heartbeat) and max(one.positions.values()) >= head for one in anew.frames):
                anew.say("ping", is_asking=True)
                anew.next()
            return anew.deltas


def asked(client: Client) -> None:
    """All that was said before is heard by now, and all that there was to be sent before is here."""
    beats = sum(isinstance(one, Heartbeat) for one in client.frames)
    client.say("ping", is_asking=True)
    client.until(lambda: sum(isinstance(one, Heartbeat) for one in client.frames) > beats)


@pytest.fixture
def hall() -> Iterator[Hall]:
    CALLS.clear()
    with weft.open(types=[Poem]) as space, served(space) as server:
        yield Hall(space, server, space.create(Poem))


def told(client: Client, since: int) -> list[object]:
    """The frames that say anything, from one on."""
    return [one for one in client.frames[since:] if isinstance(one, Batch | Partial | States)]


def test_while_it_is_paused_nothing_is_called_and_told_and_then_all_is(hall: Hall) -> None:
    with hall.server.client() as ann:
        ann.say("open", entity=hall.poem.id)
        ann.say("sub", channel=hall.channel, **{"from": 0})
        hall.shows(ann, 1)
        ann.say("pause", channel=hall.channel)
        asked(ann)
        since = len(ann.frames)

        hall.edit(2, 3, 4)
        asked(ann)
        assert CALLS == [1]
        assert told(ann, since) == []

        ann.say("play", channel=hall.channel)
        hall.shows(ann, 4)
        assert CALLS == [1, 4]
        assert ann.deltas == hall.all_deltas()


def test_who_comes_back_paused_calls_nothing_and_loses_nothing(hall: Hall) -> None:
    with hall.server.client() as ann:
        ann.say("open", entity=hall.poem.id)
        ann.say("sub", channel=hall.channel, **{"from": 0})
        hall.shows(ann, 1)
        ann.say("pause", channel=hall.channel)
        asked(ann)
        held, before = ann.state, list(ann.deltas)
    hall.edit(2)

    for number in (3, 4):  # it comes back twice, and is paused all the while
        with hall.server.client(state=held) as ann:
            begin_paused(ann, hall, held)
            since = len(ann.frames)
            hall.edit(number)
            asked(ann)
            assert told(ann, since) == []
            assert CALLS == [1]
            held = ann.state
            before += ann.deltas

    with hall.server.client(state=held) as ann:
        begin_paused(ann, hall, held)
        ann.say("play", channel=hall.channel)
        hall.shows(ann, 4)
        assert CALLS == [1, 4]
        assert [*before, *ann.deltas] == hall.all_deltas()


def begin_paused(client: Client, hall: Hall, held: ClientState) -> None:
    """As a client comes back that is paused: so it says before it opens what it looks at."""
    known = held.channels[hall.channel]
    client.say("sub", channel=hall.channel, open=list(known.open), **{"from": known.position})
    client.say("pause", channel=hall.channel)
    client.say("open", entity=hall.poem.id)
    asked(client)


def test_of_two_who_look_one_is_paused_and_the_other_goes_on(hall: Hall) -> None:
    with hall.server.client() as ann, hall.server.client("ben") as ben:
        for one in (ann, ben):
            one.say("open", entity=hall.poem.id)
            one.say("sub", channel=hall.channel, **{"from": 0})
            hall.shows(one, 1)
        ann.say("pause", channel=hall.channel)
        asked(ann)
        since = len(ann.frames)

        hall.edit(2)
        hall.shows(ben, 2)
        asked(ann)
        assert told(ann, since) == []
        assert CALLS == [1, 2]

        ann.say("play", channel=hall.channel)
        hall.shows(ann, 2)
        assert CALLS == [1, 2]  # what the other had called for is not called again
        assert ann.deltas == ben.deltas

        ann.say("pause", channel=hall.channel)
        ben.say("pause", channel=hall.channel)
        asked(ann)
        asked(ben)
        hall.edit(3)
        assert CALLS == [1, 2]
        assert int(hall.poem.beside.wait(timeout_s=LIMIT_S)) == -3  # what does not stream goes on
