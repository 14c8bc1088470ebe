"""What a name that is not there was probably meant to be.

Knows nothing of what the names name.
Invariant: it only words a message; nothing is ever looked up by a name that merely looks alike.
"""

from __future__ import annotations

from collections.abc import Iterable


def with_article(noun: str) -> str:
    """`a Size`, `an Approval`."""
    return f"{'an' if noun[:1] in 'AEIOaeio' else 'a'} {noun}"


def nearest(name: object, known: Iterable[object]) -> str:
    """A clause for the end of a message: `did you mean 'topics'?`, else what there is, else that there is nothing."""
    from difflib import get_close_matches  # a third of this package's import time, for messages alone

    texts = {str(one): one for one in known}
    close = get_close_matches(str(name), texts, n=3, cutoff=0.5)
    if close:
        return f"did you mean {' or '.join(repr(texts[one]) for one in close)}?"
    if not texts:
        return "there are none"
    shown = [repr(one) for one in texts.values()]
    return f"there are {', '.join(shown[:8])}{', …' if len(shown) > 8 else ''}"
