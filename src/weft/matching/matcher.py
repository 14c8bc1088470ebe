"""What a matcher is given, and what it may say: the plug-in's side of identity.

A matcher sees every element that a list has or had and every element of the new list, those that are told apart already
among them. It answers with verdicts. It decides nothing by itself: whoever asks checks each verdict.

Knows nothing of rows, slots and results.
Invariant: a matcher is pure: the same elements and vectors give the same verdicts, in the same order.
Source: record linkage: candidates, scores, and a decision that is kept.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple, Protocol, TypeAlias, runtime_checkable

from msgspec import Struct

from weft.content import Plain

Vector: TypeAlias = tuple[float, ...]
"""Of length 1, so that two are compared by the sum of products."""


class Old(Struct, frozen=True, eq=False):
    """An element that the list had: its id, its last value, whether it was in the last list, and its place in the new
    one where it has been found there."""

    id: str
    value: Mapping[str, Plain]
    is_alive: bool
    place: int | None = None
    vector: Vector | None = None
    alias: str = ""
    """The element that it went into."""
    former: Mapping[str, Plain] | None = None
    """Its value before others went into it."""


class New(Struct, frozen=True, eq=False):
    """An element of the new list: its place, its value, and its id where it has one already."""

    place: int
    value: Mapping[str, Plain]
    id: str | None = None
    vector: Vector | None = None


class Match(NamedTuple):
    """The element at `place` is the old one `id`. `score` and that of the runner-up lie between 0 and 1."""

    place: int
    id: str
    score: float
    second: float = 0.0
    by: str = ""
    """What told so, in a word or two, where a matcher looks at several things."""


class Merge(NamedTuple):
    """The old element `id` went into the element at `place`, which is another: `id` becomes its alias."""

    id: str
    place: int
    score: float


class Split(NamedTuple):
    """The element at `place` is a part of what the old element `id` was; that id stays with another part."""

    place: int
    id: str
    score: float


class Unclear(NamedTuple):
    """The element at `place` may be one of these, and none of them clearly: it gets an id of its own, and a flag."""

    place: int
    ids: tuple[str, ...]
    score: float
    why: str = ""


Verdict: TypeAlias = Match | Merge | Split | Unclear


@runtime_checkable
class Matcher(Protocol):
    """Says which elements of a list are which of the last one."""

    @property
    def name(self) -> str:
        """What a decision is recorded under."""
        ...

    def settings(self) -> Mapping[str, Plain]:
        """What the definition keeps of it."""
        ...

    def match(self, olds: Sequence[Old], news: Sequence[New], /) -> Iterable[Verdict]:
        """Verdicts on elements without an id; each place and each id at most once. Called while the space is held, so
        it should take milliseconds."""
        ...


@runtime_checkable
class Embedded(Protocol):
    """A matcher that compares vectors too: of which text, and by which service they are made."""

    @property
    def service(self) -> str:
        """The name of the service's Protocol; empty where none is wanted."""
        ...

    def text(self, value: Mapping[str, Plain], /) -> str:
        """The text of an element."""
        ...
