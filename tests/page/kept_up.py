"""A server that is started again whenever it has ended, on the same port, as a supervisor does.

Only processes that were started here are ever signalled, by their ids.
"""

from __future__ import annotations

import contextlib
import os
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

from tests.until import LIMIT_S, until
from weft.secrets.store import Hidden
from weft.server.accounts import Accounts
from weft.server.accounts.password import Cost
from weft.server.caller import CAPABILITIES

ROOT = Path(__file__).resolve().parents[2]
PASSWORD = "canary horse battery"
HOST = "127.0.0.1"


class KeptUp:
    """One that is killed where its engine passes a point, once, and goes on from then."""

    def __init__(self, folder: Path, *stop: object) -> None:
        self.deaths = 0
        self.port = _free_port()
        self.address = f"http://{HOST}:{self.port}"
        self._paths = str(folder / "home.weft"), str(folder / "accounts.sqlite")
        with Accounts(self._paths[1], cost=Cost(n=2, r=1, p=1)) as accounts:
            accounts.users.add("ann", Hidden(PASSWORD))
            token = accounts.tokens.make("ann", "program", CAPABILITIES).reveal()
        headers = {"Authorization": f"Bearer {token}"}
        self.program = httpx.Client(base_url=f"{self.address}/api/spaces/home", headers=headers, timeout=LIMIT_S)
        self._lock = threading.Lock()
        self._is_over = False
        self._process = self._started(*stop)
        self._watching = threading.Thread(target=self._watch, name="kept up")
        self._watching.start()

    def _started(self, *stop: object) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "tests.page.mortal_server", *self._paths, str(self.port), *map(str, stop)]
        process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        assert process.stdout.readline() or _has_stopped(process), "it did not start"
        return process

    def _watch(self) -> None:
        """Kill it where it has stopped itself, and start it again."""
        while True:
            has_stopped = _has_stopped(self._process)
            with self._lock:
                _end(self._process)
                if self._is_over or not has_stopped:
                    return
                self.deaths += 1
                self._process = self._started()

    def close(self) -> None:
        """End it."""
        with self._lock:
            self._is_over = True
            self._process.send_signal(signal.SIGKILL)
        self._watching.join(LIMIT_S)
        self.program.close()

    def say(self, method: str, path: str, **said: Any) -> Any:
        """A call of a program that says it again, by the same name, until it is answered."""
        found: list[Any] = []

        def is_answered() -> bool:
            with contextlib.suppress(httpx.TransportError):
                answer = self.program.request(method, path, json=said or None)
                assert answer.status_code < 300 or answer.status_code == 503, answer.text
                if answer.status_code < 300:
                    found.append(answer.json())
            return bool(found)

        until(is_answered)
        return found[0]


@contextmanager
def kept_up(folder: Path, *stop: object) -> Iterator[KeptUp]:
    """Served until this is left. `stop`: the point at which it dies, and when it is passed for which time."""
    server = KeptUp(folder, *stop)
    try:
        yield server
    finally:
        server.close()


def _free_port() -> int:
    with socket.create_server((HOST, 0)) as found:
        port: int = found.getsockname()[1]
        return port


def _has_stopped(process: subprocess.Popen[str]) -> bool:
    """Whether it stopped itself; else it has ended. It is neither continued nor reaped."""
    found = os.waitid(os.P_PID, process.pid, os.WEXITED | os.WSTOPPED | os.WNOWAIT)
    return found is not None and found.si_code == os.CLD_STOPPED


def _end(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.wait(LIMIT_S)
    assert process.stdout is not None
    process.stdout.close()
