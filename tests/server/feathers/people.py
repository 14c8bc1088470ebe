"""People who use real clients of Feathers: one program of node, driven line by line; and the server that they use."""

from __future__ import annotations

import fcntl
import json
import os
import queue
import shutil
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.conftest import missing_part, require_module
from tests.until import LIMIT_S, until
from weft import Space
from weft.server.accounts import Accounts
from weft.server.app import make_app, make_rest
from weft.server.bounds import Settings
from weft.server.caller import Guard
from weft.server.gate import gate_of
from weft.server.live import Live
from weft.server.served import Opens
from weft.server.services import SERVICES
from weft.server.settings import LiveSettings
from weft.server.transports import live_routes

HERE = Path(__file__).parent
SETTINGS = Settings(calls_per_s=1e6, calls_burst=1e6)
ENTITIES, VIEWS = "spaces/shelf/entities", "spaces/shelf/views"


def install() -> None:
    """The packages of npm, once; where there is no node, whoever needs them is skipped."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        missing_part("node", "there is no node, or no npm")
    with (HERE / "package.json").open(encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # tests on several Pythons run side by side
        wanted = json.load(file)["dependencies"]
        if all(_version(name) == version for name, version in wanted.items()):
            return
        done = subprocess.run(
            ["npm", "install", "--no-package-lock", "--no-audit", "--no-fund", "--ignore-scripts"],
            cwd=HERE, capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode:
            missing_part("node", f"npm could not install the clients: {done.stderr[-500:]}")


def _version(name: str) -> str:
    path = HERE / "node_modules" / name / "package.json"
    found = json.loads(path.read_text(encoding="utf-8"))["version"] if path.exists() else ""
    return str(found)


class Failed(Exception):
    """What a call was answered with, as Feathers' client has it."""

    def __init__(self, error: dict[str, Any]) -> None:
        super().__init__(error["message"])
        self.error = error


class Driver:
    """The program of node."""

    def __init__(self) -> None:
        install()
        self._process = subprocess.Popen(
            ["node", "driver.mjs"], cwd=HERE, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env={**os.environ, "NODE_ENV": "production"},
        )  # fmt: skip
        self._answers: dict[int, queue.Queue[dict[str, Any]]] = {}
        self._people: dict[int, Person] = {}
        self._count = 0
        self._reader = threading.Thread(target=self._read, name="driver", daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            said = json.loads(line)
            if "id" in said:
                self._answers[said["id"]].put(said)
            else:
                self._people[said["client"]].heard(said)

    def person(self, port: int) -> Person:
        """Somebody with a client of their own."""
        self._count += 1
        made = self._people[self._count] = Person(self, self._count, f"http://127.0.0.1:{port}")
        return made

    def begin(self, op: str, **said: Any) -> Callable[[], Any]:
        """Have it do something; what is returned waits for the answer."""
        self._count += 1
        number, answers = self._count, queue.Queue[dict[str, Any]]()
        self._answers[number] = answers
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"id": number, "op": op, **said}) + "\n")
        self._process.stdin.flush()

        def answer() -> Any:
            found = answers.get(timeout=LIMIT_S)
            if "error" in found:
                raise Failed(found["error"])
            return found["result"]

        return answer

    def stop(self) -> None:
        """End it."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(LIMIT_S)
        self._reader.join(LIMIT_S)
        self._process.stdout.close()


class Person:
    """One client of Feathers, and what it was told."""

    def __init__(self, driver: Driver, number: int, url: str) -> None:
        self._driver, self._number, self._url = driver, number, url
        self.told: list[dict[str, Any]] = []

    def heard(self, said: dict[str, Any]) -> None:
        self.told.append(said)

    def begin(self, op: str, **said: Any) -> Callable[[], Any]:
        return self._driver.begin(op, client=self._number, **said)

    def connect(
        self, auth: dict[str, Any] | None = None, *, token: str = "", listens: Sequence[Any] = (), **options: Any
    ) -> dict[str, Any]:
        """What became of it. `token`: what Feathers' client has in its storage."""
        said = {"url": self._url, "options": {**({"auth": auth} if auth is not None else {}), **options}}
        found: dict[str, Any] = self.begin("connect", token=token, listens=listens, **said)()
        return found

    def call(self, service: str, method: str, *args: Any) -> Any:
        return self.begin("call", service=service, method=method, args=args)()

    def fails(self, service: str, method: str, *args: Any) -> dict[str, Any]:
        """The error that a call is answered with."""
        try:
            found = self.call(service, method, *args)
        except Failed as failed:
            return failed.error
        raise AssertionError(f"it did not fail, but gave {found}")

    def listen(self, service: str, *events: str) -> None:
        self.begin("listen", service=service, events=events)()

    def events(self, event: str, service: str = ENTITIES) -> list[Any]:
        """What it was told so, until now."""
        return [one["said"] for one in self.told if one["event"] == event and one.get("service", service) == service]

    def until(self, is_so: Callable[[], object]) -> None:
        until(lambda: bool(is_so()))

    @property
    def mark(self) -> str:
        """That of the last event."""
        return str([one["mark"] for one in self.told if one.get("mark")][-1])

    def close(self) -> None:
        self.begin("close")()


class Served:
    """A server that runs."""

    def __init__(self, app: Any, live: Live, route: Any, port: int) -> None:
        self.app, self.live, self.route, self.port = app, live, route, port


@contextmanager
def served(
    space: Space, guard: Guard, live_settings: LiveSettings | None = None, *, accounts: Accounts | None = None,
    opens: Opens | None = None,
) -> Iterator[Served]:  # fmt: skip
    """Serve a space as `shelf`, until this is left."""
    import uvicorn

    require_module("socketio")
    from weft.server.feathers.route import socket_io_routes

    spaces = {"shelf": space}
    live = Live(spaces, guard, settings=live_settings)
    rest = make_rest(spaces, guard, SETTINGS, opens=opens)
    rest.served.on_add.append(live.add)
    may_come = gate_of(()).may_come
    (mount,) = socket_io_routes(live, rest, SERVICES, may_come=may_come, accounts=accounts)
    routes = [mount, *live_routes(live, may_come=may_come)]
    app = make_app(spaces, guard, SETTINGS, routes, held=[live], rest=rest)
    listening = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(
        app, log_level="error", ws="websockets-sansio", lifespan="on", timeout_graceful_shutdown=5,
        ws_max_size=(1 << 20) + 64,
    )  # fmt: skip
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, args=([listening],), name="server")
    thread.start()
    try:
        until(lambda: server.started or not thread.is_alive())
        assert server.started
        yield Served(app, live, mount.app, listening.getsockname()[1])  # type: ignore[attr-defined]
    finally:
        server.should_exit = True
        thread.join(LIMIT_S)
        listening.close()
        assert not thread.is_alive()
