"""Accounts for tests: a clock that is passed in, and hashes that cost next to nothing."""

from __future__ import annotations

from pathlib import Path

from weft.secrets.store import Hidden
from weft.server.accounts import Accounts
from weft.server.accounts.password import Cost
from weft.server.accounts.sessions import Opened, Terms

CHEAP = Cost(n=2, r=1, p=1)
PASSWORD = Hidden("canary horse battery")
NOW_S = 1_800_000_000.0
TERMS = Terms(session_s=1000.0, idle_s=400.0, link_s=60.0)
HERE = "192.0.2.1"


class Clock:
    """One that stands until it is set."""

    def __init__(self, now_s: float = NOW_S) -> None:
        self.now_s = now_s

    def __call__(self) -> float:
        return self.now_s


def accounts(path: Path | None = None, clock: Clock | None = None, terms: Terms = TERMS) -> Accounts:
    """Accounts of nobody yet."""
    return Accounts(path, clock=clock or Clock(), cost=CHEAP, terms=terms)


def log_in(held: Accounts, name: str, password: Hidden = PASSWORD, source: str = HERE) -> Opened:
    """A session by a password."""
    return held.logins.by_password(name, password, source=source)
