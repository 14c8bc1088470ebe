"""What is done next for a wish, by rules: a search, a reminder, or nothing that is known.

Knows nothing of mails' texts. Invariant: what a rule decides is one of what the assistant can do.
Source: rule tables.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import timedelta

from weft.examples.mail.types import NO_SUBJECT, Done, Letter, Next, Remind, Search, Unknown, Wish

FOUND_MAX = 10
_SEARCH = re.compile(
    r"(?:find|search(?: for)?|show me|look for)\s+(?:all |the |mails |about |on )*(?P<words>[^,.;]+)", re.IGNORECASE
)
_REMIND = re.compile(
    r"remind me (?:of |to |about )?(?P<text>.+?) in (?P<number>\d{1,8}) (?P<unit>minute|hour|day|week)s?\b",
    re.IGNORECASE,
)
_UNITS = {
    "minute": timedelta(minutes=1), "hour": timedelta(hours=1), "day": timedelta(days=1), "week": timedelta(weeks=1),
}  # fmt: skip


def by_rules(wish: Wish) -> Next | None:
    """What is done next; None where no rule says, so that somebody is asked."""
    if not wish.also.strip() or wish.did:
        return Next("everything that was wanted is done", Done())
    if found := _REMIND.search(wish.also):
        after = int(found["number"]) * _UNITS[found["unit"].lower()]
        return Next("it asks for a reminder", Remind(found["text"].strip(), after))
    if found := _SEARCH.search(wish.also):
        return Next("it asks for mails", Search(found["words"].strip()))
    return Next("no rule knows it", Unknown(wish.also))


def searched(words: str, letters: Sequence[Letter]) -> tuple[str, ...]:
    """The mails that have all of these words, newest first: who wrote them, and about what."""
    wanted = words.lower().split()
    found = [one for one in letters if all(word in f"{one.sender} {one.subject} {one.text}".lower() for word in wanted)]
    newest = sorted(found, key=lambda one: (one.at, one.uid), reverse=True)
    return tuple(f"{one.sender}: {one.subject or NO_SUBJECT}" for one in newest[:FOUND_MAX])
