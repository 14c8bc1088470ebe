"""The operations of planned graphs: small, of small numbers and short texts, so that values cut off and coincide often.

Those that come in two versions go by one name; the second makes something else of the same inputs.

Knows nothing of plans, engines or logs.
Invariant: apart from `dice`, equal inputs give equal values, and `evaluated` says the same of them.
Source: property-based testing of compilers (random programs beside a reference interpreter).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from weft import Blob, Failed, Settled, State, element, op


@element(key="name")
class Top:
    """An element with an identity: how many numbers have one remainder."""

    name: str
    size: int


@dataclass(frozen=True)
class Heaped:
    """So many were put on the heap."""

    by: int


HEAP_MAX: Final = 12
TOO_MANY: Final = 9
"""Nobody carries so many at once."""


def heaped(state: int, event: Heaped) -> int:
    """A fold of one's own: what is decided again wherever an event comes to stand, and refused where it cannot be."""
    if event.by == TOO_MANY:
        raise ValueError("too many at once")
    return state + event.by if state < HEAP_MAX else state


@element(key="name")
class Topic:
    """An element that a matcher knows again when it has another name."""

    name: str
    books: tuple[str, ...]


_WORDS = ("sea", "fire", "garden")
_TITLES = ("Silent Spring", "Iron and Rust", "The Long Flame", "Copper", "Second Nature", "Moss", "Deep Water")


@op(version=1)
def regrouped(xs: Sequence[int], *, tag: int) -> tuple[Topic, ...]:
    """What a model might make of a list: other groups when it grows, and other names for what is much the same."""
    return tuple(Topic(name, books) for name, books in topics_of(xs, tag))


def topics_of(xs: Sequence[int], tag: int) -> list[tuple[str, tuple[str, ...]]]:
    """Names, and books."""
    many = 1 + (len(xs) + tag) % 3
    groups: dict[int, list[int]] = {}
    for x in xs:
        groups.setdefault((x + tag) % many, []).append(x)
    return [(_named(group, some), tuple(_TITLES[x % 7] for x in some)) for group, some in sorted(groups.items())]


def _named(group: int, some: Sequence[int]) -> str:
    return ("old " if sum(some) % 3 == 0 else "") + _WORDS[group] + (" and more" if len(some) > 2 else "")


@op(version=1)
def described(topic: Topic) -> int:
    """Of an element that goes by other names now and then."""
    return (len(topic.name) + 3 * len(topic.books)) % 5


class Cup(Protocol):
    """Throws dice: what is not deterministic."""

    def throw(self) -> int:
        """A number."""
        ...


@op(version=1)
def one(a: int, *, tag: int) -> int:
    """Of one number."""
    return (a * 7 + tag * 3) % 5


@op(version=1)
def two(a: int, b: int, *, tag: int) -> int:
    """Of two, whose order matters."""
    return (a * 5 + b * 3 + tag) % 4


@op(version=1)
def fragile(a: int, *, tag: int) -> int:
    """Of one number, and not of every one."""
    if a % 5 == 4:
        raise ValueError("four")
    return (a + tag) % 5


@op(version=1)
def dice(a: int, *, tag: int, cup: Cup) -> int:
    """Another number each time."""
    return cup.throw()


@op(version=1)
def keep(last: int, a: int, *, tag: int) -> int:
    """Of its own last value."""
    return (last * 3 + a + tag) % 7


@op(version=1)
async def stream(a: int, *, tag: int) -> AsyncIterator[int]:
    """Says three values, the last of which counts."""
    yield a % 2
    yield (a + tag) % 5
    yield (a * 2 + tag) % 5


@op(version=1)
def told(state: State[int], *, tag: int) -> int:
    """Of a node's state."""
    match state:
        case Settled(value):
            return value
        case Failed():
            return -1
        case _:
            return -2


@op(version=1)
def is_odd(a: int) -> bool:
    """Of one number."""
    return a % 2 == 1


@op(version=1)
def total(xs: Sequence[int], *, tag: int) -> int:
    """Of a collection, whose order matters."""
    return (sum((place + 1) * x for place, x in enumerate(xs)) + tag) % 50


@op(version=1)
def tops(xs: Sequence[int]) -> tuple[Top, ...]:
    """Elements with an identity."""
    return tuple(Top(name, sum(f"t{x % 3}" == name for x in xs)) for name in sorted({f"t{x % 3}" for x in xs}))


@op(version=1)
def size_of(top: Top) -> int:
    """Of an element with an identity."""
    return top.size


@op(version=1)
def paint(a: int) -> Blob:
    """Makes content."""
    return Blob.from_bytes(b"%d" % a)


@op(version=1)
def weigh(groups: Mapping[int, Sequence[int]]) -> int:
    """Of a mapping."""
    return sum(key * len(group) for key, group in groups.items())


@op(version=1)
def score(marks: Mapping[int, int], *, tag: int) -> int:
    """Of what is kept by key."""
    return (sum(key * value for key, value in marks.items()) + tag) % 50


def larger(a: int, b: int) -> int:
    """The larger."""
    return max(a, b)


def third(a: int) -> int:
    """A remainder."""
    return a % 3


@op(version=2, name="one")
def one_again(a: int, *, tag: int) -> int:
    """Of one number, by its second version."""
    return (a * 7 + tag * 3 + 1) % 5


@op(version=2, name="two")
def two_again(a: int, b: int, *, tag: int) -> int:
    """Of two, by its second version."""
    return (a * 5 + b * 3 + tag + 1) % 4


@op(version=2, name="fragile")
def fragile_again(a: int, *, tag: int) -> int:
    """Of one number, and of other ones than before not."""
    if a % 5 == 3:
        raise ValueError("three")
    return (a + tag + 1) % 5


@op(version=2, name="total")
def total_again(xs: Sequence[int], *, tag: int) -> int:
    """Of a collection, by its second version."""
    return total(xs, tag=tag + 1)


@op(version=1)
def echo(text: str, *, tag: int) -> str:
    """Says a text again, and complains of one that is bad in its own words."""
    if "bad" in text:
        raise ValueError(f"{text} is not good")
    return f"{text}, {tag}"


@op(version=1)
def length(text: str, *, tag: int) -> int:
    """Of a text, a number from which nobody can tell which it was."""
    return (len(text) + tag) % 5


@op(version=1)
def poster(text: str) -> Blob:
    """Makes content of a text."""
    return Blob.from_bytes(text.encode())
