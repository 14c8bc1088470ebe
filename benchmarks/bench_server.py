"""The live server beside a raw WebSocket and python-socketio: a thousand connections, told ten messages a second.

Each measurement has a server and its clients in programs of their own, on loopback, made for it. What the others send
are the messages of ours, byte by byte but for the time in them. A server's share is the processor time of its whole
program: ours takes the edits, keeps them durably and computes as well, where the others send what lies ready.
The raw server has a cursor for each connection and no word of who may come, of rights, or of when a client is gone.
"""

from __future__ import annotations

import contextlib
import json
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

# What is not installed is said by `benchmarks.run`, as of all cases.
import socketio  # noqa: F401
import uvicorn  # noqa: F401

from benchmarks.case import Case, Limit
from benchmarks.server_sides import STAMP

ROOT = Path(__file__).resolve().parent.parent
CONNECTIONS, PER_S, MESSAGES = 1_000, 10.0, 60
MISSED = 100
"""So many events each client missed that comes back."""
QUIET_S = 0.5
"""Nothing more comes after so long a while of nothing."""
EDITS = MISSED // 2
"""Each is told once, and shown once."""
BACKLOG = 2_000
"""So many events are behind a reader who reads none of them: more than what the system holds for a connection."""
CPU_MAX, STALLED_MAX, RECONNECT_MAX, BYTES_MAX = 1.5, 2.0, 1.2, 40_000.0
ROUNDS = 3
KINDS = ("weft", "raw", "socketio")
NAMES = {"weft": "weft", "raw": "raw WebSocket", "socketio": "python-socketio"}
Json = dict[str, Any]


class Program:
    """A program that is told lines, and answers each."""

    def __init__(self, module: str, *args: str) -> None:
        command = [sys.executable, "-m", module, *args]
        self.process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def answer(self) -> Json:
        """The next line of it."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, "the program ended"
        found = json.loads(line)
        assert isinstance(found, dict)
        return found

    def say(self, line: str) -> None:
        """Tell it, and do not wait."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{line}\n")
        self.process.stdin.flush()

    def ask(self, line: str) -> Json:
        """Tell it, and wait for the answer."""
        self.say(line)
        return self.answer()

    @property
    def cpu_s(self) -> float:
        """The processor time it took so far, with all its threads."""
        return time.clock_gettime((~self.process.pid << 3) | 2)  # what clock_getcpuclockid(3) gives

    @property
    def resident_bytes(self) -> int:
        """The memory that it has."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.partition("VmRSS:")[2].split()[0]) * 1024

    def close(self) -> None:
        """End it."""
        assert self.process.stdin is not None and self.process.stdout is not None
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()
        try:
            self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()


class Measured:
    """A server of one kind, and clients of it."""

    def __init__(self, kind: str, folder: Path) -> None:
        self.kind, self.folder = kind, folder
        self.server = Program("benchmarks.server_sides", kind, str(folder))
        self.clients = Program("benchmarks.server_clients")
        self.needs = self.server.answer()

    def close(self) -> None:
        """End both."""
        self.clients.close()
        self.server.close()

    def do(self, what: str, **how: object) -> Json:
        """Have the clients do something."""
        return self.clients.ask(json.dumps({"do": what, **how}))

    def how(self, after: int, *, looks: bool = False) -> Json:
        """How clients of it connect: to be told all behind a position; `looks`: so that all is computed."""
        port = self.needs["port"]
        if self.kind == "socketio":
            return {"port": port, "path": "/socket.io/?EIO=4&transport=websocket", "says": [], "is_socketio": True}
        if self.kind == "raw":
            return {"port": port, "path": "/live", "says": [str(after)]}
        opens = [json.dumps({"op": "open", "entity": self.needs["entity"]})] if looks else []
        says = [*opens, json.dumps({"op": "sub", "channel": "space", "from": after})]
        headers = f"Authorization: Bearer {self.needs['token']}\r\n"
        return {"port": port, "path": "/live/told", "says": says, "headers": headers}

    @property
    def head(self) -> int:
        """How far it has come."""
        return int(self.server.ask("collect")["head"])

    def tell(self, count: int, per_s: float = 0.0) -> Json:
        """Have it send so many messages to each client; what they got, and when."""
        self.server.ask(f"tell {count} {per_s}")
        came = self.do("come", quiet_s=QUIET_S)
        assert not came["lost"] and came["least"], (self.kind, came)
        return came

    def texts(self, texts: list[str]) -> None:
        """What one telling comes to."""
        path = self.folder / "texts.json"
        path.write_text(json.dumps(texts))
        self.server.ask(f"texts {path}")


class Bench:
    """All measurements, of so many connections."""

    def __init__(self, folder: Path, connections: int = CONNECTIONS, messages: int = MESSAGES) -> None:
        self.folder, self.connections, self.messages = folder, connections, messages
        self._one: list[str] = []
        self._missed: list[str] = []

    @contextlib.contextmanager
    def serving(self, kind: str) -> Iterator[Measured]:
        """A new server of a kind, that sends what ours sends."""
        if not self._one:
            with self._new("weft") as ours:
                self._one = [unstamped(text) for text in told_once(ours)]
                self._missed = missed(ours)
        with self._new(kind) as measured:
            measured.texts(self._one)
            yield measured

    @contextlib.contextmanager
    def _new(self, kind: str) -> Iterator[Measured]:
        with tempfile.TemporaryDirectory(dir=self.folder) as folder:
            measured = Measured(kind, Path(folder))
            try:
                yield measured
            finally:
                measured.close()

    def connect(self, measured: Measured) -> float:
        """All of them, of whom one looks at what is told; returns what memory each takes, in bytes."""
        measured.do("connect", count=1, **measured.how(measured.head, looks=True))
        measured.tell(len(self._one) * 10)
        before = measured.server.resident_bytes
        measured.do("connect", count=self.connections - 1, **measured.how(measured.head))
        measured.tell(len(self._one))
        return (measured.server.resident_bytes - before) / (self.connections - 1)

    def cpu_s(self, kind: str) -> float:
        """Processor time of a server for each message to each connection."""
        with self.serving(kind) as measured:
            self.connect(measured)
            measured.server.ask("collect")
            before = measured.server.cpu_s
            came = measured.tell(self.messages, PER_S)
            return float((measured.server.cpu_s - before) / came["all"])

    def p99_s(self, *, is_stalled: bool) -> float:
        """When 99 of 100 messages are there, from when they were told; beside a reader who reads nothing, or none."""
        with self.serving("memory") as measured:
            first = measured.head
            measured.server.ask(f"tell {BACKLOG} 0")
            self.connect(measured)
            if is_stalled:
                measured.do("stall", **measured.how(first))
            measured.tell(len(self._one))
            return float(measured.tell(self.messages, PER_S)["p99"])

    def bytes_each(self, kind: str) -> float:
        """What memory a connection takes, of the server's program."""
        with self.serving(kind) as measured:
            return self.connect(measured)

    def reconnect_s(self, kind: str) -> float:
        """How long it takes until all have come back and have what they missed, for each of them."""
        with self.serving(kind) as measured:
            first = measured.head
            if kind == "weft":
                measured.do("connect", count=1, **measured.how(first, looks=True))
                measured.tell(len(self._one) * EDITS)
            else:
                measured.texts(self._missed)
                measured.server.ask(f"tell {len(self._missed)} 0")
            found = measured.do("reconnect", count=self.connections, messages=len(self._missed), **measured.how(first))
            check_once(found["texts"], first)
            return float(found["seconds"]) / self.connections


def told_once(ours: Measured) -> list[str]:
    """The messages that one telling comes to."""
    ours.do("connect", count=1, **ours.how(ours.head, looks=True), is_keeping=True)
    ours.server.ask("tell 1 0")
    ours.do("record", quiet_s=QUIET_S)
    ours.server.ask("tell 1 0")
    return list(ours.do("record", quiet_s=QUIET_S)["texts"])


def missed(ours: Measured) -> list[str]:
    """Those that somebody gets who missed `EDITS` tellings."""
    first = ours.head
    ours.server.ask(f"tell {EDITS} 0")
    ours.do("record", quiet_s=QUIET_S)
    ours.do("close")
    ours.do("connect", count=1, **ours.how(first), is_keeping=True)
    return list(ours.do("record", quiet_s=QUIET_S)["texts"])


def check_once(found: list[list[str]], first: int) -> None:
    """That each got every event behind a position, once and in order."""
    (texts,) = found
    positions = [one["position"] for text in texts for one in json.loads(text).get("deltas", ())]
    assert len(positions) == MISSED and positions == list(range(positions[0], positions[0] + MISSED)), positions


def unstamped(text: str) -> str:
    """With no time in it."""
    return re.sub("1[0-9]{15}", STAMP, text)


def cases(folder: Path) -> Iterator[Case]:
    """By processor time, by delay, by the time to come back, and by memory."""
    bench = Bench(folder)
    many = f"{CONNECTIONS:,} connections"
    cpu, back, memory = f"{many}, {PER_S:g} messages a second", f"{many} that come back", f"{many}: bytes of memory"
    for kind in KINDS:
        limit = Limit(CPU_MAX, f"CPU of {NAMES['raw']}") if kind == "weft" else None
        measure = partial(bench.cpu_s, kind)
        yield Case(f"CPU of {NAMES[kind]}", cpu, "message", measure, kind == "weft", limit, ROUNDS)
    stalled, none = "99th percentile beside a stalled reader", "99th percentile beside none"
    delay = f"delay of ours at {cpu}"
    yield Case(none, delay, "message", partial(bench.p99_s, is_stalled=False), ours=True, rounds_max=ROUNDS)
    limit = Limit(STALLED_MAX, none)
    yield Case(stalled, delay, "message", partial(bench.p99_s, is_stalled=True), limit=limit, rounds_max=ROUNDS)
    for kind in KINDS[:2]:
        limit = Limit(RECONNECT_MAX, f"{NAMES['raw']}, {MISSED} events missed") if kind == "weft" else None
        name, measure = f"{NAMES[kind]}, {MISSED} events missed", partial(bench.reconnect_s, kind)
        yield Case(name, back, "connection", measure, kind == "weft", limit, ROUNDS)
    most = "40 kB each"
    yield Case(most, memory, "connection", lambda: BYTES_MAX, is_time=False, rounds_max=ROUNDS)
    for kind in KINDS:
        limit = Limit(1, most) if kind == "weft" else None
        measure = partial(bench.bytes_each, kind)
        yield Case(f"memory of {NAMES[kind]}", memory, "connection", measure, kind == "weft", limit, ROUNDS, False)
