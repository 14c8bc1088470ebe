"""Words compared as readers compare them: without accents, marks and case, and forgiving a letter that OCR mistook.

Pure text in, numbers from 0 to 1 out. Knows nothing of books or photos.
Invariant: every likeness is symmetric, 1 for a text with itself, and blind to case, accents and punctuation.
Source: Ratcliff and Obershelp's matching, as difflib has it.
"""

from __future__ import annotations

import re
import unicodedata
from difflib import SequenceMatcher
from functools import lru_cache


def plain(text: str) -> str:
    """Lower case letters and digits in words parted by one space."""
    bare = unicodedata.normalize("NFKD", text.replace("’", "'").replace("'s ", "s ").replace("'", ""))
    kept = "".join(character for character in bare if not unicodedata.combining(character))
    return " ".join(re.findall(r"[^\W_]+", kept.casefold()))


def words(text: str) -> tuple[str, ...]:
    """The words of `plain(text)`."""
    return tuple(plain(text).split())


@lru_cache(maxsize=65536)
def likeness(one: str, other: str) -> float:
    """How alike two plain texts are, spaces left out: a gap that was not seen between two words is no difference."""
    one, other = sorted((one.replace(" ", ""), other.replace(" ", "")))
    if one == other:
        return 1.0
    return SequenceMatcher(None, one, other, autojunk=False).ratio()


def share_found(title: str, text: str) -> float:
    """How much of `title` stands in `text`: each word by its best match there, long words counting for more.

    A word may stand in `text` glued to its neighbours.
    """
    wanted, there = words(title), words(text)
    if not wanted:
        return 0.0
    together = "".join(there)
    letters = sum(len(word) for word in wanted)
    return sum(len(word) * _best(word, there, together) for word in wanted) / letters


def _best(word: str, there: tuple[str, ...], together: str) -> float:
    if word in there or (len(word) >= 4 and word in together):
        return 1.0
    return max((likeness(word, other) for other in there), default=0.0)
