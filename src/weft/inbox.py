"""The inbox: what other programs say to the engine, taken in their order.

A message is an event to be told, a node that a program watches, that it lets go of that or leaves, the question whether
all is settled, or that one taken back; who ends without a word is taken to have left. The question stays in the inbox
until the answer is yes: that it is gone is the answer, whoever is the engine by then.

Knows nothing of threads, and of who commits. Invariant: a message is taken once, with the batch that holds what it
changed; one that is none is taken too, and changes nothing.
Source: mailboxes of actors; the write side of an embedded database's many openers.
"""

from __future__ import annotations

import logging

from weft.content import Plain, decode
from weft.engine import Engine, EngineBroke
from weft.errors import Undecodable, WeftError
from weft.failure import message_of
from weft.watchers import Watchers

_log = logging.getLogger("weft")

TAKEN_MAX = 1000
"""How many messages one batch takes."""


class Inbox:
    """The messages that wait for one engine."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._asked: dict[int, str] = {}
        """Those that stay until all is settled, and whose they are."""
        self._watchers = Watchers(engine)

    def take(self) -> bool:
        """Take what there is into the open batch; returns whether that was anything. Raises `EngineBroke`."""
        taken = self.engine.batch.taken
        before = len(taken)
        for number, payload in self.engine.store.inbox(TAKEN_MAX + len(self._asked)):
            if number in taken:
                continue
            try:
                said = decode(payload)
            except Undecodable as why:
                said = None
                _log.info("a message of another program was refused: %s", why)
            if self._must_stay(number, said):
                continue
            taken.append(number)
            try:
                self._do(said)
            except EngineBroke:
                raise
            except WeftError as why:
                _log.info("an edit of another program was refused: %s", message_of(why))
        return len(taken) > before

    def _must_stay(self, number: int, said: Plain) -> bool:
        """Whether a message asks to be taken out when all is settled, and not before."""
        since = said.get("settled") if isinstance(said, dict) else None
        self._asked.pop(number, None)
        if not isinstance(said, dict) or not isinstance(since, int) or self.engine.is_settled(since):
            return False
        self._asked[number] = str(said.get("by", ""))
        return True

    def _do(self, said: Plain) -> None:
        if not isinstance(said, dict):
            return
        event, watch, withdrawn, left = (said.get(word) for word in ("event", "watch", "withdrawn", "left"))
        watch, by = watch or said.get("unwatch"), str(said.get("by", ""))
        if isinstance(event, dict):
            self.engine.tell(event)
        elif isinstance(watch, list) and len(watch) == 3:
            entity, node, element = map(str, watch)
            (self._watchers.let_go if "unwatch" in said else self._watchers.watch)(by, (entity, node, element))
        elif left:
            self._watchers.leave(str(left))
        elif isinstance(withdrawn, int):
            self._withdraw(withdrawn)

    def _withdraw(self, number: int) -> None:
        if self._asked.pop(number, None) is not None:
            self.engine.batch.taken.append(number)

    def forget_gone(self, now_s: float) -> None:
        """Take back, now and then, what programs that ended without a word asked for, and asked."""
        if self._watchers.is_time(now_s):
            self._watchers.leave_for_gone()
            for number in [number for number, by in self._asked.items() if self._watchers.is_gone(by)]:
                self._withdraw(number)
