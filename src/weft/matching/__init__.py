"""Matching: which element of a new list is which of the old one, by what was returned, by key, by likeness.

`Similar` is the matcher that comes with Weft; any object with a matcher's three members can stand beside it or in its
place. `derive(…, match=Similar("name", "books.title"))` declares it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from weft.matching.matcher import Match, Matcher, Merge, New, Old, Split, Unclear, Verdict

if TYPE_CHECKING:
    from weft.matching.similar import Similar

__all__ = ["Match", "Matcher", "Merge", "New", "Old", "Similar", "Split", "Unclear", "Verdict"]

if not TYPE_CHECKING:  # Checkers read the imports above. It is imported where it is named: few spaces need it.

    def __getattr__(name):
        if name != "Similar":
            raise AttributeError(f"module 'weft.matching' has no attribute {name!r}", name=name)
        from weft.matching.similar import Similar

        return Similar
