"""A server that is killed in the middle of a traversal, while a client follows: the real program, and SIGKILL."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from tests.server.serving import Client
from weft.server.client_state import ClientState
from weft.server.frames import Completed, Delta

STEPS = 6
SCRIPT = f"""
import asyncio
from pathlib import Path

from weft import Entity, Field, derive, field

HERE = Path(__file__).parent


async def step(n: int) -> int:
    while not (HERE / f"let {{n}}").exists():
        await asyncio.sleep(0.01)
    return n + 1


class Way(Entity):
    n: Field[int] = field()
    step0 = derive(step, n)
{"".join(f"    step{k} = derive(step, step{k - 1}){chr(10)}" for k in range(1, STEPS))}
"""


@contextmanager
def serving(folder: Path) -> Iterator[tuple[subprocess.Popen[str], str, str]]:
    """The program; where it is, and what lets a client in."""
    program = subprocess.Popen(
        [sys.executable, "-m", "weft", "serve", "way.weft", "--port", "0", "--app", "way.py"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=folder,
        env={**os.environ, "PYTHONUNBUFFERED": "1", "HOME": str(folder)},
    )  # fmt: skip
    try:
        assert program.stdout is not None
        lines = [program.stdout.readline() for _ in range(2)]
        link = lines[1].strip().rpartition(" ")[2]
        session = httpx.get(link).cookies["weft_session"]
        yield program, link.partition("/login")[0], session
    finally:
        program.kill()
        program.communicate()


class Follower:
    """A client that comes back: what it holds, and all that it was told over all its connections."""

    def __init__(self, entity: str) -> None:
        self.entity, self.state = entity, ClientState()
        self.deltas: list[Delta] = []
        self.completed: list[Completed] = []

    @contextmanager
    def connected(self, address: str, session: str) -> Iterator[Client]:
        """As a client comes back: it opens what it looks at, and goes on behind what it has."""
        with Client(f"{address.replace('http', 'ws')}/live/way", session, state=self.state) as client:
            client.say("open", entity=self.entity)
            known = self.state.channels.get("space")
            after = {} if known is None else {"from": known.position, "open": list(known.open)}
            client.say("sub", channel="space", **(after or {"from": 0}))
            yield client
            self.state = client.state
            self.deltas += client.deltas
            self.completed += client.completed

    def steps(self, state: ClientState) -> dict[str, str]:
        """What each step shows, as far as is known."""
        known = state.channels.get("space")
        return {node.partition(".")[2]: one.preview for node, one in known.nodes.items()} if known else {}


def followed(folder: Path, killed_after: Iterable[int]) -> tuple[Follower, list[Delta]]:
    """A follower to the end, where the server is killed after so many steps; and all that there was to be told."""
    folder.mkdir()
    (folder / "way.py").write_text(SCRIPT, encoding="utf-8")
    entity = begun(folder)
    follower = Follower(entity)
    for stop in killed_after:
        with serving(folder) as (program, address, session), follower.connected(address, session) as client:
            goes_to(folder, follower, client, stop)
            program.send_signal(signal.SIGKILL)
            program.wait()
    with serving(folder) as (_, address, session):
        with follower.connected(address, session) as client:
            goes_to(folder, follower, client, STEPS)
            client.until(lambda: not client.state.channels["space"].open)
        with Follower(entity).connected(address, session) as fresh:
            held = follower.state.channels["space"]
            fresh.until(lambda: fresh.state.channels and fresh.state.channels["space"].position >= held.position)
            assert fresh.state.channels["space"].nodes == held.nodes
            return follower, fresh.deltas


def begun(folder: Path) -> str:
    """An entity, made by a server that is killed then."""
    with serving(folder) as (_, address, session):
        said = {"type": "Way", "fields": {"n": 0}, "once": "the way"}
        headers = {"Authorization": f"Bearer {session}"}
        return str(
            httpx.post(f"{address}/api/spaces/way/entities", json=said, headers=headers, timeout=60).json()["id"]
        )


def goes_to(folder: Path, follower: Follower, client: Client, stop: int) -> None:
    """So many steps are let go on, and the client is told of them."""
    for number in range(stop):
        (folder / f"let {number}").touch()
    client.until(lambda: len(follower.steps(client.state)) >= stop)


@pytest.mark.kill
@pytest.mark.slow
def test_a_client_of_a_server_that_is_killed_in_mid_run_comes_to_what_an_undisturbed_one_does(tmp_path: Path) -> None:
    undisturbed, _ = followed(tmp_path / "quiet", ())

    follower, everything = followed(tmp_path / "killed", range(STEPS))

    shown = follower.steps(follower.state)
    assert shown == undisturbed.steps(undisturbed.state) == {f"step{n}": str(n + 1) for n in range(STEPS)}
    assert follower.deltas == everything  # each once, in order
    assert [one.traversal for one in follower.completed] == [
        one.position for one in everything if one.type == "traversal.started"
    ]
