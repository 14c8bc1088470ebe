"""Matching: which element of a new list is which of the old one, by what was returned, by key, by likeness.

`Similar` is the matcher that comes with Weft; any object with a matcher's three members can stand beside it or in its
place. `derive(…, match=Similar("name", "books.title"))` declares it.
"""

from __future__ import annotations

from weft.matching.matcher import Match, Matcher, Merge, New, Old, Split, Unclear, Verdict
from weft.matching.similar import Similar

__all__ = ["Match", "Matcher", "Merge", "New", "Old", "Similar", "Split", "Unclear", "Verdict"]
