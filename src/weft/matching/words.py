"""Texts as matching sees them: normalised, cut into pieces of three letters, and compared by the pieces they share.

Pure. Knows nothing of elements.
Invariant: `alike` is symmetric, 1 for texts with the same words in any order, and blind to case, accents, punctuation.
Source: Dice's coefficient over trigrams, as PostgreSQL's pg_trgm cuts them: word by word.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping

from weft.content import Plain

Pieces = frozenset[str]


def normalised(text: str) -> str:
    """Lower-case words parted by one space, without accents and marks."""
    bare = unicodedata.normalize("NFKD", text)
    kept = "".join(character for character in bare if not unicodedata.combining(character))
    return " ".join(re.findall(r"[^\W_]+", kept.casefold()))


def pieces_of(text: str) -> Pieces:
    """The runs of three letters of each word, its beginning and end marked."""
    padded = [f"  {word} " for word in normalised(text).split()]
    return frozenset(word[start : start + 3] for word in padded for start in range(len(word) - 2))


def alike(one: Pieces, other: Pieces) -> float:
    """How much two texts are the same, from 0 to 1."""
    size = len(one) + len(other)
    return 2 * len(one & other) / size if size else 0.0


def covered(part: Pieces, whole: Pieces) -> float:
    """How much of `part` stands in `whole`, from 0 to 1."""
    return len(part & whole) / len(part) if part else 0.0


def text_at(value: Mapping[str, Plain], paths: tuple[str, ...]) -> str:
    """The texts at some places of an element, in order, on lines: `name`, or `books.title` for the title of each of
    its books."""
    return "\n".join(text for path in paths for text in _texts(value, path.split(".")))


def _texts(value: Plain | Mapping[str, Plain], steps: list[str]) -> Iterator[str]:
    match value:
        case list():
            for each in value:
                yield from _texts(each, steps)
        case Mapping():
            for name, each in value.items():
                if not steps or name == steps[0]:
                    yield from _texts(each, steps[1:])
        case str() if not steps:
            yield value
        case int() | float() if not steps:
            yield str(value)
        case _:
            return
