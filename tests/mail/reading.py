"""How tests read a mailbox to its end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from weft.services.mail import Head, Mail
from weft.services.mailbox import Mailbox, Page


def page_of(box: Mailbox, after: str | None = None, limit: int = 100) -> Page:
    """One page, in a loop of its own."""
    return asyncio.run(box.page(after, limit=limit))


def mails_of(box: Mailbox, *uids: str) -> tuple[Mail, ...]:
    """These mails, in a loop of its own."""
    return asyncio.run(box.mails(uids))


def all_heads(
    box: Mailbox, limit: int = 7, after: str | None = None, between: Callable[[], None] = lambda: None
) -> list[Head]:
    """Every head behind the cursor; `between` is done after each page but the last."""
    found: list[Head] = []
    while True:
        page = page_of(box, after, limit)
        found += page.heads
        if page.is_last:
            return found
        assert page.heads
        assert page.next != after
        after = page.next
        between()
