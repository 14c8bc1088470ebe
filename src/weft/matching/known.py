"""What is kept of an element that a list has or had: its key, whether it lives, its last value, and notes.

Notes are there when there is something to note: the `alias` that stands for it since it went into another element, its
`former` value if others went into it, `by`, the decision that gave it its id in the list it was last seen in, and
`flags`, what people should look at.

Knows nothing of how elements are matched. Invariant: `parse_known(id, encode_known(known)) == known`.
Source: tombstones of replicated sets; redirects of renamed pages.
"""

from __future__ import annotations

from typing import NamedTuple

from weft.content import Plain, decode, encode

FLAGS_MAX = 8
"""Older flags of one element are dropped: the log has them."""


class Flag(NamedTuple):
    """Something to look at: what happened, at which cut, to which other element (or none), and how sure that was."""

    what: str
    at: int
    other: str = ""
    score: float = 0.0


class Known(NamedTuple):
    """An element by its id. `key` and `last` are canonical bytes."""

    id: str
    key: bytes
    is_alive: bool
    last: bytes
    alias: str = ""
    by: tuple[str, float, float] | None = None
    """The matcher, the score, and that of the runner-up; None where the declared key decided, or nothing had to."""
    flags: tuple[Flag, ...] = ()
    former: bytes = b""
    """Its value before others went into it, as long as one of them is its alias: by that it is known if they part."""

    def flagged(self, *flags: Flag) -> Known:
        """With further flags."""
        return self._replace(flags=(*self.flags, *flags)[-FLAGS_MAX:])


def encode_known(known: Known) -> bytes:
    """A row's bytes; what is as usual is left out."""
    row: list[Plain] = [known.key, known.is_alive, known.last]
    notes: dict[str, Plain] = {}
    if known.alias:
        notes["alias"] = known.alias
    if known.by is not None:
        notes["by"] = list(known.by)
    if known.flags:
        notes["flags"] = [list(flag) for flag in known.flags]
    if known.former:
        notes["former"] = known.former
    return encode([*row, notes] if notes else row)


def parse_known(id: str, kept: bytes) -> Known:
    """What a row's bytes say."""
    row = decode(kept)
    assert isinstance(row, list)
    key, is_alive, last, *rest = row
    assert isinstance(key, bytes) and isinstance(last, bytes)
    known = Known(id, key, is_alive is True, last)
    for notes in rest:
        assert isinstance(notes, dict)
        by, flags, former = notes.get("by"), notes.get("flags") or [], notes.get("former") or b""
        assert isinstance(flags, list) and isinstance(former, bytes)
        known = known._replace(
            alias=str(notes.get("alias") or ""),
            by=tuple(by) if isinstance(by, list) else None,  # type: ignore[arg-type]
            flags=tuple(Flag(*flag) for flag in flags if isinstance(flag, list)),  # type: ignore[arg-type]
            former=former,
        )
    return known
