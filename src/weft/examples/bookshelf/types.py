"""What the bookshelf speaks of: lines and spines on a photo, books, topics, and what is said about them.

Values only: frozen, comparable, made of what Weft can keep. Knows nothing of how any of them is found.
Invariant: a spine and a book name the photo they stand on by its content id, never by a file's name.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from weft.elements import element

Direction: TypeAlias = Literal["down", "up", "across"]


@dataclass(frozen=True, slots=True)
class Line:
    """One run of text on a spine: `size_px` is its height; `part` counts the parts that clear gaps set off."""

    text: str
    confidence: float
    size_px: float
    part: int


@dataclass(frozen=True, slots=True)
class Spine:
    """What one spine says, in reading order, and where it stands on its photo (its text's middle, in pixels)."""

    photo: str
    lines: tuple[Line, ...]
    x: float
    y: float
    direction: Direction

    @property
    def text(self) -> str:
        """All of it, in one line."""
        return " ".join(line.text for line in self.lines)


@dataclass(frozen=True, slots=True)
class Book:
    """A book as its spine names it; `method` says how title and author were told apart."""

    title: str
    author: str | None = None
    photo: str = ""
    method: str = ""


@element(key="name")
class Topic:
    """Books that belong together; `method` says who put them there. The name is the topic's identity."""

    name: str
    books: tuple[Book, ...] = ()
    method: str = ""


@dataclass(frozen=True, slots=True)
class Claim:
    """One sentence of the user's notes, word for word, and the book it was noted on."""

    book: str
    quote: str


@dataclass(frozen=True, slots=True)
class Relation:
    """Two claims about one matter: their `likeness` (0 to 1), and the words they `share`.

    `opposed` names what lets them disagree (a negation on one side, or two words of opposite meaning), or is empty.
    """

    one: Claim
    other: Claim
    likeness: float
    share: tuple[str, ...]
    opposed: str = ""


@dataclass(frozen=True, slots=True)
class Comparison:
    """What the notes on a topic's books say about one another: in words, and piece by piece."""

    text: str
    method: str
    claims: tuple[Claim, ...] = ()
    relations: tuple[Relation, ...] = ()
    without_notes: tuple[str, ...] = ()
