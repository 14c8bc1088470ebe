"""Words as terms: stemmed a little, without the small ones, and weighed by how rare they are.

Enough to say that two short English texts speak of one matter, and to show by which words; no model.
Knows nothing of books or topics.
Invariant: a likeness of two texts depends on those texts and on the given rarities only, and lies within 0 and 1.
Source: Salton's tf-idf and cosine; Harman's S-stemmer.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping

from weft.examples.bookshelf.alike import words
from weft.examples.bookshelf.names import SMALL_WORDS

_COMMON = """
    also because could get got just make made many may might much must new other per said say says should take thing
    things think very way well would
"""
_VERY_COMMON = frozenset(_COMMON.split())


def stem(word: str) -> str:
    """A word without what makes a plural, an -ing or an -ed of it."""
    for ending, rest in (("ies", "y"), ("sses", "ss"), ("ches", "ch"), ("shes", "sh"), ("xes", "x")):
        if word.endswith(ending) and len(word) > len(ending) + 2:
            return word[: -len(ending)] + rest
    if len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is")):
        word = word[:-1]
    for ending in ("ing", "ed"):
        if word.endswith(ending) and len(word) > len(ending) + 3:
            word = word[: -len(ending)]
            return word[:-1] if word[-1:] == word[-2:-1] and word[-1] not in "ls" else word
    return word[:-1] if len(word) > 4 and word.endswith("e") else word


def terms(text: str) -> tuple[str, ...]:
    """The words that carry meaning, stemmed, in order."""
    return tuple(
        stem(word)
        for word in words(text)
        if word not in SMALL_WORDS and word not in _VERY_COMMON and (len(word) > 2 or word.isdigit())
    )


def rarities(texts: Iterable[str]) -> dict[str, float]:
    """How rare each term is among these texts: more than 0, and greater for rarer ones."""
    seen = [frozenset(terms(text)) for text in texts]
    counts = Counter(term for text in seen for term in text)
    return {term: math.log(1 + len(seen) / count) for term, count in counts.items()}


def cosine(one: str, other: str, rarity: Mapping[str, float]) -> float:
    """How much two texts speak of the same, 0 to 1; a term that is in no text of `rarity` counts as 1."""
    mine, theirs = _weights(one, rarity), _weights(other, rarity)
    # fsum: the order of a set must not show in the last digit.
    shared = math.fsum(mine[term] * theirs[term] for term in mine.keys() & theirs.keys())
    lengths = math.sqrt(math.fsum(w * w for w in mine.values()) * math.fsum(w * w for w in theirs.values()))
    return min(1.0, shared / lengths) if lengths else 0.0


def _weights(text: str, rarity: Mapping[str, float]) -> dict[str, float]:
    return {term: count * rarity.get(term, 1.0) for term, count in Counter(terms(text)).items()}
