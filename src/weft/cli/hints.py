"""What an error says to do next, in words for who typed a command: the messages themselves speak to programs.

Knows nothing of what raises errors. Invariant: only what to do is worded anew; what went wrong stays as it was said.
"""

from __future__ import annotations

import re

AGAIN = "run the command again"
_NEXT_STEPS = (
    (
        r"Open it without engine=True to work as its client, or close that program first\.",
        f"This command needs the space for itself: end that program, then {AGAIN}.",
    ),
    (r"Close this space and open it again to take over", f"{AGAIN.capitalize()} to take over"),
    (r"Open the space again\b", AGAIN.capitalize()),
    (r"Open it again with weft\.open\(…\)", AGAIN.capitalize()),
    (
        r"Close that program to put this definition in force, open .*, or without types= to look at it\.",
        f"End that program and {AGAIN} to put this definition in force, or give the same code.",
    ),
    (
        r"Have that program call space\.forget\(…\), or close it and try again\.",
        f"End that program and {AGAIN}, or have it call space.forget(…).",
    ),
    (r"open the space with services=\{(\w+): …\}", r"give it in the script, as SERVICES = {\1: …}"),
)
NEXT_STEPS = tuple((re.compile(said), instead) for said, instead in _NEXT_STEPS)
"""What is said to a program, and what in its place to a person at a command line."""


def for_people(message: str) -> str:
    """The message, with the next step as a command's, and places as commands take them."""
    from weft.slot import short_places

    for said, instead in NEXT_STEPS:
        message = said.sub(instead, message)
    return short_places(message, {})
