"""A small IMAP server for tests, which keeps to the protocol except where it is told not to."""

from __future__ import annotations

import base64
import re
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

ARRIVED = "01-Mar-2024 10:00:00 +0100"


@dataclass
class Script:
    """What it serves, and what goes wrong: after `cut_after` bytes of answers to fetches connections are cut, `silent`
    commands are never answered, `said` are answers in place of the usual ones, `extra` comes before each answer."""

    mails: dict[int, bytes] = field(default_factory=dict)
    validity: int = 7
    cut_after: int | None = None
    silent: frozenset[str] = frozenset()
    said: dict[str, str] = field(default_factory=dict)
    extra: str = ""
    capabilities: str = "IMAP4rev1 AUTH=PLAIN"
    greeting: str = "* OK ready"
    gone_before_fetch: frozenset[int] = frozenset()
    heard: list[str] = field(default_factory=list)
    connections: int = 0
    closed: int = 0
    port: int = 0


class _Handler(socketserver.StreamRequestHandler):
    def finish(self) -> None:
        super().finish()
        script: Script = self.server.script  # type: ignore[attr-defined]
        script.closed += 1

    def handle(self) -> None:
        script: Script = self.server.script  # type: ignore[attr-defined]
        script.connections += 1
        self.say(script.greeting)
        for raw in self.rfile:
            line = raw.decode("utf-8", "replace").strip()
            tag, _, command = line.partition(" ")
            script.heard.append(command)
            word = " ".join(command.split()[: 2 if command.startswith("UID") else 1]).upper()
            if word in script.silent:
                continue
            if word in script.said:
                answer = script.said[word]
                if answer == "cut":
                    return
                self.say(answer.replace("TAG", tag))
            elif not self.answer(script, tag, word, command):
                return

    def say(self, *lines: str) -> None:
        self.wfile.write("".join(f"{line}\r\n" for line in lines).encode())

    def answer(self, script: Script, tag: str, word: str, command: str) -> bool:
        done = f"{tag} OK done"
        if word == "CAPABILITY":
            self.say(f"* CAPABILITY {script.capabilities}", done)
        elif word == "AUTHENTICATE":
            self.say("+ ")
            script.heard.append(base64.b64decode(self.rfile.readline()).decode())
            self.say(script.said.get("PASSWORD", done).replace("TAG", tag))
        elif word == "EXAMINE":
            following = max(script.mails, default=0) + 1
            self.say(f"* {len(script.mails)} EXISTS", f"* OK [UIDVALIDITY {script.validity}]")
            self.say(f"* OK [UIDNEXT {following}]", f"{tag} OK [READ-ONLY] done")
        elif word == "UID SEARCH":
            low, high = (int(each) for each in re.findall(r"\d+", command))
            self.say("* SEARCH " + " ".join(str(uid) for uid in script.mails if low <= uid <= high), done)
        elif word == "UID FETCH":
            return self.fetch(script, tag, command)
        elif word == "LOGOUT":
            self.say("* BYE", done)
            return False
        else:
            self.say(done)
        return True

    def fetch(self, script: Script, tag: str, command: str) -> bool:
        answer = script.extra.encode()
        for uid, raw in script.mails.items():
            if uid not in _uids(command.split()[2]) or uid in script.gone_before_fetch:
                continue
            raw = raw.replace(b"\n", b"\r\n")
            facts = f'UID {uid} RFC822.SIZE {len(raw)} INTERNALDATE "{ARRIVED}")\r\n'
            part = raw[: raw.find(b"\r\n\r\n") + 4] if "[HEADER]" in command else raw
            asked = re.search(r"<0\.(\d+)>", command)
            if asked is None:
                answer += f"* {uid} FETCH ({facts}".encode()
            else:  # What is asked about first may come last.
                part = part[: int(asked[1])]
                answer += f"* {uid} FETCH (BODY[]<0> {{{len(part)}}}\r\n".encode() + part + b" " + facts.encode()
        answer += f"{tag} OK done\r\n".encode()
        if script.cut_after is not None:
            self.wfile.write(answer[: script.cut_after])
            return False
        self.wfile.write(answer)
        return True


def _uids(numbers: str) -> set[int]:
    spans = [each.partition(":") for each in numbers.split(",")]
    return {uid for low, _, high in spans for uid in range(int(low), int(high or low) + 1)}


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    script: Script

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that has gone is no error here."""


@contextmanager
def imap_server(script: Script) -> Iterator[Script]:
    """The server, on a port of its own of this machine, in threads."""
    with _Server(("127.0.0.1", 0), _Handler) as server:
        server.script = script
        script.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield script
        finally:
            server.shutdown()
            thread.join()
