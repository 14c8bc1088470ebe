"""Services as calls knew them: what a fingerprint in a call key stood for, and what the service said calls cost.

Knows nothing of service objects: it reads what was recorded when they were offered.
Invariant: the log is looked through at most once, and only for a service that is not in force any more.
Source: the derivation inputs of Nix.
"""

from __future__ import annotations

from typing import NamedTuple

from weft.content import Cid, Link, Plain, content_id, decode, encode
from weft.engine import Engine
from weft.store import SERVICE, entries_of, entry_at
from weft.why.reason import ServiceUse


class Offered(NamedTuple):
    """A service that was put in force once."""

    name: str
    fingerprint: Plain
    cost: str


class Services:
    """What was ever offered, by the content id of the fingerprint."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._ever: dict[tuple[str, Cid], Offered] | None = None
        self._named: dict[str, Offered | None] = {}

    def use(self, parameter: str, service: str, fingerprint: Plain) -> ServiceUse:
        """What a call was given by a parameter, by what stands for it in the call's key."""
        if not isinstance(fingerprint, Link):
            return ServiceUse(parameter, service, None, None, is_in_force=fingerprint is None, cost="")
        now = self.in_force(service)
        if now is not None and content_id(encode(now.fingerprint)) == fingerprint.cid:
            return ServiceUse(parameter, service, now.fingerprint, fingerprint.cid, is_in_force=True, cost=now.cost)
        if self._ever is None:
            self._ever = {(one.name, content_id(encode(one.fingerprint))): one for one in self._offered()}
        then = self._ever.get((service, fingerprint.cid))
        said, cost = (then.fingerprint, then.cost) if then is not None else (fingerprint, "")
        return ServiceUse(parameter, service, said, fingerprint.cid, is_in_force=False, cost=cost)

    def in_force(self, name: str) -> Offered | None:
        """The service of this name that calls are made with now."""
        if name not in self._named:
            row = self.engine.row(SERVICE, (name,))
            if row is None or not isinstance(row[0], int) or not isinstance(row[1], bytes):
                self._named[name] = None
            else:
                entry = entry_at(self.engine.store, row[0])
                cost = entry.said.get("cost") if entry is not None else None
                self._named[name] = Offered(name, decode(row[1]), str(cost or ""))
        return self._named[name]

    def _offered(self) -> list[Offered]:
        return [
            Offered(str(entry.said["name"]), entry.said["fingerprint"], str(entry.said.get("cost") or ""))
            for entry in entries_of(self.engine.store, until=self.engine.head.position)
            if entry.kind == "service" and entry.said
        ]
