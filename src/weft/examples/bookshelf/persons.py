"""Whether a text is a person's name, by its form: what it begins with, how many words it has, and which.

Forgiving towards OCR: I, l and 1 are one letter, two given names may have run together. Tables of given names help, and
none is needed: initials and the shape of the words count too.
Knows nothing of spines or books.
Invariant: a name has two to five words, and none of its score comes from its place on a spine.
"""

from __future__ import annotations

import re

from weft.examples.bookshelf.alike import likeness, plain
from weft.examples.bookshelf.names import GIVEN_NAMES, PARTICLES, SMALL_WORDS

NAME_MIN = 2.0
"""The score from which on a text is taken for a name."""


def name_score(text: str) -> float:
    """How much a text looks like a person's name: from 2 on it is taken for one."""
    run = text.replace(".", ". ").split()
    bare = [_known(plain(word)) for word in run]
    if not 2 <= len(bare) <= 5 or not all(bare) or any(c.isdigit() for c in text) or _says_whose(text):
        return 0.0
    initial = [is_initial(word) for word in run]
    score = 0.0
    if (
        bare[0] in GIVEN_NAMES
        or _misread_name(bare[0])
        or _two_names(bare[0])
        or initial[0]
        or (len(bare) > 2 and all(len(word) == 1 for word in bare[:-1]))
    ):
        score += 2.0
    score += 0.5 * sum(word in GIVEN_NAMES for word in bare[1:-1])
    score -= 2.0 * sum(word in SMALL_WORDS and not dotted for word, dotted in zip(bare[1:], initial[1:], strict=True))
    score -= 1.0 * sum(word[0].islower() and word[0] != "l" and plain(word) not in PARTICLES for word in run)
    score -= 0.5 * (len(bare) > 3) + 1.0 * any(mark in text for mark in "!?:,;&")
    if len(bare[-1]) < 2:
        score -= 1.0
    return score + (0.25 if len(bare) == 2 else 0.0)


def is_initial(word: str) -> bool:
    """Whether a word is a letter and a full stop."""
    return word.endswith(".") and len(plain(word)) == 1


_ALIKE = str.maketrans("l1", "ii")
_FOLDED_NAMES = {name.translate(_ALIKE): name for name in sorted(GIVEN_NAMES, reverse=True)}


def _known(word: str) -> str:
    """The given name that was meant, where I, l and 1 were taken for one another."""
    return word if word in GIVEN_NAMES else _FOLDED_NAMES.get(word.translate(_ALIKE), word)


def _misread_name(word: str) -> bool:
    """A long given name with a letter mistaken."""
    if len(word) < 6:
        return False
    return any(
        abs(len(word) - len(name)) <= 1 and likeness(word, name) >= 0.9 for name in GIVEN_NAMES if name[0] == word[0]
    )


def _two_names(word: str) -> tuple[str, str] | None:
    """Two given names that were read as one word."""
    for cut in range(3, len(word) - 2):
        if word[:cut] in GIVEN_NAMES and word[cut:] in GIVEN_NAMES:
            return word[:cut], word[cut:]
    return None


def could_be_name(text: str) -> bool:
    """Whether nothing speaks against a name: few words, none of them small, no digits."""
    run = text.split()
    return (
        1 <= len(run) <= 4
        and not any(plain(word) in SMALL_WORDS for word in run)
        and not any(c.isdigit() for c in text)
        and not _says_whose(text)
    )


def _says_whose(text: str) -> bool:
    """Whether a word is possessive, which names are in titles only: Beth Chatto's Gravel Garden."""
    return re.search(r"\w['’]s\b", text, re.IGNORECASE) is not None


def spelled(word: str) -> str:
    """A word of a name as it was meant: two given names parted, a mistaken letter mended where the name is known."""
    bare = plain(word)
    if len(bare) < 2 or bare in GIVEN_NAMES:
        return word
    if two := _two_names(bare):
        return f"{two[0].capitalize()} {two[1].capitalize()}"
    return _known(bare).capitalize() if _known(bare) != bare else word
