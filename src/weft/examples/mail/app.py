"""The email assistant: it is hired, asks where the mails are and what is wanted, reads, ranks and sums up.

Knows nothing of terminals. Invariant: nothing that a mail says leads to an effect: what is decided, is decided by typed
fields that mails have no part in.
Source: assistants that wait, read and remind.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from weft import Budget, Entity, Field, Run, field, items, on
from weft.budget import TIME_MAX
from weft.drivers.show import Show
from weft.examples.mail.planning import by_rules, searched
from weft.examples.mail.ranking import digest, of_period, rank
from weft.examples.mail.reading import NoPassword, fetch
from weft.examples.mail.types import Done, Letter, Next, Remind, Search, Unknown, Where, Wish, Wishes
from weft.services.completion import Completion
from weft.services.mailbox import (
    BadCursor,
    BadMailbox,
    LoginRefused,
    MailboxMissing,
    MailboxNonsense,
    MailboxRenewed,
    MailboxUnreachable,
    MailboxUntrusted,
)
from weft.steps.carrier import StepFailed

TOKENS_MAX = 50_000
"""What a model may use to see to one wish."""
STEPS_MAX = 8
"""So many steps are done for one wish; then the assistant says that it stops."""
RENEWALS_MAX = 2
"""A mailbox that becomes another one while it is read is read from its beginning, so often."""
DAY = timedelta(days=1)
ELSEWHERE = {
    one.__name__
    for one in (
        BadMailbox, LoginRefused, MailboxMissing, MailboxNonsense, MailboxUnreachable, MailboxUntrusted, NoPassword,
    )
}  # fmt: skip
"""What another answer to where the mails are can mend."""
ANOTHER = {BadCursor.__name__, MailboxRenewed.__name__}
"""What says that it is another mailbox than that which was read before."""


class Assistant(Entity):
    """One assistant, of one owner."""

    owner: Field[str] = field()
    wishes: Field[Wishes | None] = field(default=None)
    imported: Field[bool] = field(default=False)
    letters = items(Letter)
    notes = letters.each(rank, wishes)
    digests = notes.group(of_period).each(digest)

    @on(Entity.created)
    async def hired(self, run: Run) -> int:
        """Ask, then read all there is, a batch a step."""
        where = await run.ask("login", Where, remind=DAY)
        self.wishes = await run.ask("wishes", Wishes, remind=DAY)
        cursor, count, renewals = None, 0, 0
        while True:
            try:
                batch = await run.call(fetch, where, cursor)
            except StepFailed as why:
                if why.kind in ELSEWHERE:
                    before, where = where, await run.ask("login", Where, about=why.why, remind=DAY)
                    if replace(where, password=None) == replace(before, password=None):
                        continue
                elif why.kind not in ANOTHER or renewals == RENEWALS_MAX:
                    raise
                else:
                    renewals += 1
                # What the old mailbox called its mails means nothing now, and they are in the new one: else all of
                # them would be there twice. Another one may call its own alike, and begin from where the old one was.
                for letter in self.letters:
                    self.letters.remove(letter)
                cursor, count = None, 0
                continue
            self.letters.add(*batch.letters)
            cursor, count = batch.next, count + len(batch.letters)
            if batch.is_last:
                break
        self.imported = True
        return count

    @on(imported.becomes(True))
    async def sum_up(self, run: Run) -> int:
        """Show each digest once, once all its mails are in."""
        found = await self.digests
        for period, made in sorted(found.items()):
            await run.perform(Show(f"Mails of {period}", made.text), once=f"digest {period}")
        return len(found)

    @on(wishes.changes() | imported.becomes(True), budget=Budget(tokens=TOKENS_MAX))
    async def see_to(self, run: Run, *, model: Completion | None = None) -> str:
        """What else is wanted, step by step: a model or rules pick each, out of what there is."""
        if not self.imported:  # it is fired again when all are there: what is looked for may be among the last
            return "the mails are not all in yet"
        wanted = self.wishes
        wish = Wish(wanted.also if wanted is not None else "")
        for _ in range(STEPS_MAX):
            step = await run.ask("next", Next, to=by_rules if model is None else (model, by_rules), about=wish)
            match step.do:
                case Search(words):
                    found = await run.call(searched, words, tuple(self.letters))
                    await run.perform(Show(f"Mails about {words}", "\n".join(found) or "there are none"))
                    wish = Wish(wish.also, (*wish.did, f"search {words}"), len(found))
                case Remind(text, after) if not timedelta(0) <= after <= TIME_MAX:
                    return f"nobody can be reminded of {text} in {after}"
                case Remind(text, after):
                    await run.sleep(after)
                    await run.perform(Show("You wanted to be reminded", text))
                    wish = Wish(wish.also, (*wish.did, f"remind {text}"))
                case Unknown(wanted_too):
                    return f"nobody knows how to do this: {wanted_too}"
                case Done():
                    return "done"
        return f"stopped after {STEPS_MAX} steps"
