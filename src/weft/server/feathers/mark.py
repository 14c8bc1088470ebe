"""Marks: how far a client has come in a space, as a text that each event brings along, and that it comes back with.

Events of one position may be several, so a mark also counts those of the next position that came; and it names the
traversals that have begun and were not told to be completed.

Knows nothing of spaces. Invariant: whoever resumes from the mark of an event is told what follows that event, and
nothing up to it.
Source: cursors of catch-up subscriptions; the ids of server-sent events.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

from weft.errors import WeftError

OPEN_MAX = 1000
"""How many open traversals a mark names; of more, the oldest are not told to be completed to who resumes."""
_MARK = re.compile(r"([0-9]{1,16})(?:\.([0-9]{1,6}))?(?:;([0-9,]{0,20000}))?", re.ASCII)


class NotAMark(WeftError):
    """{text!r} says nothing of where to go on. Give the mark that came with an event, as its second argument, or a
    position."""

    text: str


class Mark(NamedTuple):
    """All up to `position` was told, and `seen` events of the next one."""

    position: int
    seen: int = 0
    open: tuple[int, ...] = ()


def encode_mark(position: int, seen: int, open: Iterable[int]) -> str:
    """A mark as a text."""
    known = sorted(one for one in open if one <= position)[-OPEN_MAX:]
    place = f"{position}.{seen}" if seen else f"{position}"
    return f"{place};{','.join(map(str, known))}" if known else place


def parse_mark(said: object) -> Mark:
    """What a client says of where it was: a mark, or a position. Raises `NotAMark`."""
    text = str(said) if isinstance(said, str | int) and not isinstance(said, bool) else ""
    found = _MARK.fullmatch(text)
    if found is None:
        raise NotAMark(text=str(said)[:80])
    open = [int(one) for one in (found[3] or "").split(",") if one]
    if len(open) > OPEN_MAX:
        raise NotAMark(text=text[:80])
    return Mark(int(found[1]), int(found[2] or 0), tuple(open))
