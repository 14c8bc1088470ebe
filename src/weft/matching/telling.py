"""Identity in words: how an element came by its id, what became of one that is gone, and what to look at.

Knows nothing of where words are printed. Invariant: every sentence is read off what was kept; nothing is matched again.
Source: annotations of merged and moved pages.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from weft.content import Plain, decode
from weft.matching.assignment import GIVEN, NEW
from weft.matching.known import Flag, Known

SHOWN = 8
"""Letters of an id that people are shown."""


def decision_text(decision: tuple[str, float, float]) -> str:
    """How an element came by its id in the list it was last seen in: what decided, its score, and the runner-up's."""
    by, score, second = decision
    if by == GIVEN:
        return "the element's id was given to the operation, and returned by it"
    if by == NEW:
        return "the element is new here, so it got an id of its own"
    return f"the element's id was assigned by the matcher {by}: {score:.2f}, the next best {second:.2f}"


def flag_text(flag: Flag) -> str:
    """What to look at."""
    other = flag.other[:SHOWN]
    said = {
        "merged": f"took in {other}",
        "split": "was split",
        "split off": f"was split off from {other}",
        "revived": "came back" + (f" out of {other}" if other else ""),
        "unclear": f"may be {other}, and is not clearly so" if other else "was not compared with those that had gone",
    }.get(flag.what, f"{flag.what} {other}")
    score = f" ({flag.score:.2f})" if 0 < flag.score < 1 else ""
    return f"{said}{score}, at {flag.at}"


def known_plain(known: Known) -> dict[str, Plain]:
    """An element as programs are told of it."""
    state = "living" if known.is_alive else "alias" if known.alias else "gone"
    said: dict[str, Plain] = {"id": known.id, "key": decode(known.key), "state": state}
    if known.alias:
        said["alias_of"] = known.alias
    if known.by is not None:
        said["assigned"] = {"by": known.by[0], "score": known.by[1], "second": known.by[2]}
    if known.flags:
        said["flags"] = [flag._asdict() for flag in known.flags]
    return said


def known_lines(known: Iterable[Known]) -> Iterator[str]:
    """What people should know of a list's elements beside their values: aliases, those that are gone, and flags."""
    listed = list(known)
    names = {one.id: _name(one) for one in listed}
    for one in listed:
        called = f"{one.id[:SHOWN]} {_name(one)}"
        if one.alias:
            yield f"{called}: alias of {one.alias[:SHOWN]} {names.get(one.alias, '')}".rstrip()
        elif not one.is_alive:
            yield f"{called}: gone; its references wait for it"
    for one in listed:
        for flag in one.flags if one.is_alive else ():
            yield f"{one.id[:SHOWN]} {_name(one)} {flag_text(flag)}"


def _name(known: Known) -> str:
    key = decode(known.key)
    return key if isinstance(key, str) else str(key)
