"""`weft serve`: the real program, on loopback; who is let in; and that nothing is lost when it stops or is killed."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

import weft
from weft.cli.program import COMMANDS
from weft.cli.serve import NothingToServe, SameName, ServerMissing, command
from weft.secrets.store import Hidden
from weft.server.accounts import Accounts
from weft.server.accounts.password import Cost
from weft.server.serve import CannotListen, NoUsers, address_of, check_host, is_loopback, listening
from weft.store import ENTITY

SCRIPT = """
from weft import Entity, Field, derive, field


def double(n: int) -> int:
    return 2 * n


class Sum(Entity):
    n: Field[int] = field()
    doubled = derive(double, n)
"""
ENTITIES = "/api/spaces/shop/entities"
CREATES = 40


class Program:
    """`weft serve`, running."""

    def __init__(self, folder: Path, *options: str, link: bool = True) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "weft", "serve", str(folder / "shop.weft"), "--port", "0", *options],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=folder,
            env={**os.environ, "PYTHONUNBUFFERED": "1", "HOME": str(folder)},
        )  # fmt: skip
        assert self.process.stdout is not None
        lines = [self.process.stdout.readline() for _ in range(2 if link else 1)]
        found = re.search(r"(http://[^/\s]+)(/login\?key=\S+)?$", lines[-1].strip())
        assert found is not None, (lines, self.process.stderr and self.process.stderr.read())
        self.address, self.link = found[1], found[2] or ""

    @contextmanager
    def client(self) -> Iterator[httpx.Client]:
        """A browser that follows the link."""
        with httpx.Client(base_url=self.address, timeout=60, headers={"Weft-Request": "1"}) as found:
            assert found.get(self.link).status_code == 303
            yield found

    def end(self, number: int) -> tuple[int, str]:
        """Its exit code, and what it said last."""
        self.process.send_signal(number)
        _, said = self.process.communicate(timeout=60)
        return self.process.returncode, said


@contextmanager
def serving(folder: Path, *options: str, link: bool = True) -> Iterator[Program]:
    """The program, for as long as it is needed."""
    (folder / "shop.py").write_text(SCRIPT, encoding="utf-8")
    program = Program(folder, *options, link=link)
    try:
        yield program
    finally:
        program.process.kill()
        program.process.communicate()


def create(client: httpx.Client, n: int, **more: Any) -> httpx.Response:
    """Say it under a name of its own."""
    return client.post(ENTITIES, json={"type": "Sum", "fields": {"n": n}, "once": f"number {n}", **more})


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_serves_until_it_is_told_to_stop_and_everything_is_kept(tmp_path: Path, number: int) -> None:
    with serving(tmp_path, "--app", "shop.py") as program, program.client() as client:
        said = create(client, 4, wait_s=30).json()
        assert {node["name"]: node["value"] for node in said["nodes"]} == {"n": 4, "doubled": 8}
        assert program.end(number) == (0, "stopped; everything is kept\n")

    with serving(tmp_path) as program, program.client() as client:
        again = client.get(f"{ENTITIES}/{said['id']}").json()
        assert again["nodes"] == said["nodes"]
        assert client.get("/api/spaces").json()["spaces"][0]["is_engine"] is False


def test_a_branch_is_served_at_once_and_by_its_name_from_then_on(tmp_path: Path) -> None:
    with serving(tmp_path, "--app", "shop.py") as program, program.client() as client:
        said = create(client, 4, wait_s=30).json()
        made = client.post("/api/spaces/shop/branches", json={"name": "trial"})
        assert made.status_code == 201
        place = f"/api/spaces/trial/entities/{said['id']}"
        told = client.patch(place, json={"set": {"n": 5}, "wait_s": 30}).json()
        assert {node["name"]: node["value"] for node in told["nodes"]} == {"n": 5, "doubled": 10}
        assert program.end(signal.SIGTERM) == (0, "stopped; everything is kept\n")

    with serving(tmp_path, str(tmp_path / "trial.weft")) as program, program.client() as client:
        (branch,) = client.get("/api/spaces/shop/branches").json()["branches"]
        assert (branch["name"], branch["base"]) == ("trial", made.json()["base"])
        values = [client.get(f"/api/spaces/{name}/entities/{said['id']}/nodes/doubled").json()["value"]
                  for name in ("shop", "trial")]  # fmt: skip
        assert values == [8, 10]


def test_its_link_lets_one_browser_in_once_and_each_start_has_another(tmp_path: Path) -> None:
    with serving(tmp_path, "--app", "shop.py") as program, program.client() as client:
        cookie = client.cookies["weft_session"]
        assert "/static/app.js" in client.get("/").text  # which is where the link leads to
        assert client.get("/api/spaces").status_code == 200
        assert httpx.get(program.address + program.link).status_code == 401
        assert httpx.get(f"{program.address}/api/spaces").status_code == 401
        assert httpx.get(f"{program.address}/api/spaces", headers={"Host": "evil.example"}).status_code == 403
        first = program.link
    with serving(tmp_path, "--app", "shop.py") as program:
        assert program.link != first
        assert httpx.get(f"{program.address}/api/spaces", cookies={"weft_session": cookie}).status_code == 401


def create_all(client: httpx.Client, made: dict[int, str], enough: threading.Event, wanted: int) -> None:
    """Create all, from the first on, until the server is gone; `enough`: so many were acknowledged at some time."""
    for n in range(CREATES):
        try:
            said = create(client, n)
        except httpx.TransportError:
            return
        assert said.status_code == 201, said.text
        assert made.setdefault(n, said.json()["id"]) == said.json()["id"]
        if len(made) >= wanted:
            enough.set()


def test_what_was_acknowledged_survives_kills_in_the_middle_of_creates_and_each_is_made_once(tmp_path: Path) -> None:
    made: dict[int, str] = {}
    kills = 3
    for kill in range(kills + 1):
        with serving(tmp_path, "--app", "shop.py") as program, program.client() as client:
            enough = threading.Event()
            thread = threading.Thread(
                target=create_all, args=(client, made, enough, (kill + 1) * CREATES // (kills + 1))
            )
            thread.start()
            assert enough.wait(60)
            if kill < kills:
                program.process.kill()
            thread.join()

    assert sorted(made) == list(range(CREATES))
    with weft.open(str(tmp_path / "shop.weft"), engine=False) as space, space.view() as engine:
        assert {str(key[0]) for key, _ in engine.rows(ENTITY)} == set(made.values())


def weft_says(*arguments: str) -> tuple[int, str]:
    """The exit code of a command, and what it said on standard error."""
    done = subprocess.run([sys.executable, "-m", "weft", *arguments], capture_output=True, text=True, check=False)
    return done.returncode, done.stderr


def test_a_public_address_without_users_is_refused_with_what_mends_it(tmp_path: Path) -> None:
    for host in ("0.0.0.0", "::", "192.0.2.1", "example.org"):
        code, said = weft_says("serve", str(tmp_path / "a.weft"), "--host", host)
        assert (code, "`weft user add NAME`" in said) == (2, True)
    assert not (tmp_path / "a.weft").exists()
    with pytest.raises(NoUsers):
        check_host("0.0.0.0", lambda: False)
    check_host("0.0.0.0", lambda: True)
    for host in ("localhost", "127.0.0.1", "127.1.2.3", "::1", "[::1]"):
        assert is_loopback(host)
        check_host(host, lambda: False)


def test_a_port_that_is_taken_is_said(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(CannotListen, match=f"port {port} cannot be listened at"), listening("127.0.0.1", port):
            pass
    with listening("127.0.0.1", 0) as found:
        assert address_of("127.0.0.1", found) == f"http://127.0.0.1:{found.getsockname()[1]}"


def test_two_spaces_of_one_name_are_refused(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    code, said = weft_says("serve", str(tmp_path / "a.weft"), str(tmp_path / "b" / "a.weft"))

    assert (code, SameName.__name__ and "Two of the spaces are called a" in said) == (2, True)


def test_a_space_that_is_not_there_is_said_with_what_to_do_next(tmp_path: Path) -> None:
    path = tmp_path / "nosuch.weft"
    code, said = weft_says("serve", str(path), "--port", "0")

    assert (code, "There is no space at" in said, "`weft run FILE --space" in said) == (4, True, True), said
    assert "engine=" not in said, "what programs say is not what commands say"
    assert not path.exists()
    assert str(path) in str(NothingToServe(path=str(path)))


def test_a_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weft, "server", sys.modules["weft.server"], raising=False)  # put back when this is over
    for name in [name for name in sys.modules if name.startswith(("weft.server", "weft.cli.serving"))]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "starlette", None)
    monkeypatch.setitem(sys.modules, "starlette.applications", None)

    with pytest.raises(ServerMissing, match=r"pip install 'weft\[server\]'"):
        command.main(["a.weft"], standalone_mode=False)
    assert "serve" in COMMANDS


def test_users_of_a_file_log_in_by_password_and_programs_by_token(tmp_path: Path) -> None:
    accounts = tmp_path / "kept" / "accounts.sqlite"
    with Accounts(accounts, cost=Cost(n=16)) as held:
        held.users.add("ann", Hidden("correct horse"))
        token = held.tokens.make("ann", "nightly").reveal()

    with serving(tmp_path, "--app", "shop.py", "--accounts", str(accounts), link=False) as program:
        with httpx.Client(base_url=program.address, timeout=60, headers={"Weft-Request": "1"}) as client:
            assert client.get("/api/spaces").status_code == 401
            assert client.post("/login", json={"name": "ann", "password": "wrong horse"}).status_code == 401
            assert client.post("/login", json={"name": "ann", "password": "correct horse"}).json()["user"] == "ann"
            assert create(client, 4).status_code == 201
        found = httpx.get(f"{program.address}/api/spaces", headers={"Authorization": f"Bearer {token}"})
        assert found.status_code == 200


def test_what_is_told_over_http_is_seen_by_who_listens(tmp_path: Path) -> None:
    with serving(tmp_path, "--app", "shop.py") as program, program.client() as client:
        said = create(client, 4, wait_s=30).json()
        with client.stream("GET", "/live/shop/events?from=0") as listening:
            assert listening.status_code == 200
            frames = (json.loads(line[6:]) for line in listening.iter_lines() if line.startswith("data: "))
            shown = next(one for frame in frames for one in frame.get("deltas", ()) if "doubled" in one["node"])
    assert shown["node"] == f"{said['id']}.doubled"


def test_who_follows_events_is_told_that_the_server_stops_and_it_stops_at_once(tmp_path: Path) -> None:
    with serving(tmp_path, "--app", "shop.py") as program, program.client() as client:
        with client.stream("GET", "/live/shop/events?from=0") as listening:
            lines = listening.iter_lines()
            program.process.send_signal(signal.SIGTERM)
            said = list(lines)  # to its proper end: one that is cut off raises
        assert "event: over" in said
        assert "(1012): the server stops" in said[said.index("event: over") + 1]
        _, log = program.process.communicate(timeout=60)
        assert (program.process.returncode, log) == (0, "stopped; everything is kept\n")
