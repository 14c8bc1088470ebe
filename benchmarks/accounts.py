"""A space of thousands of events about accounts and their holders, for whoever measures what a large space costs.

Every event is one that an edit would tell (an account created, at times with its holder; an amount told anew), folded
by the space's own engine. Unlike edits, as many of them as are asked for share a transaction, and only then is settled
what they made due: one by one, acknowledged, they would take several times as long.

Invariant: the same numbers make the same events, and all that is computed from them has settled at the end.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice

import weft
from weft import Entity, Field, Ref, derive, field, ref
from weft.collection import short_id
from weft.content import Plain
from weft.definition import type_name
from weft.engine import Engine
from weft.folding import event_id, event_plain

NOW = "2026-01-01T00:00:00.000000Z"
ACTOR = "local"
AT_ONCE = 1_000
"""So many accounts are created one after another."""
ACCOUNTS_OF_A_HOLDER = 10
EVENTS_OF_AN_ACCOUNT = 10
WAVE = AT_ONCE * EVENTS_OF_AN_ACCOUNT
"""These accounts are created, then each is told another amount, and so on; then the next ones come."""
EVENTS_AN_OPENING = 100_000
"""The space is opened anew after so many: what is in memory is let go of."""
WAIT_S = 600.0


def _label(holder: str, number: int) -> str:
    return f"{holder}, {number}"


def _is_low(amount: int) -> bool:
    return amount < 100


class Holder(Entity):
    """Whose accounts they are."""

    name: Field[str] = field()


class Account(Entity):
    """Two fields that are told once, one that is told again and again, and what follows from them."""

    holder: Ref[Holder] = ref()
    number: Field[int] = field()
    amount: Field[int] = field()
    label = derive(_label, holder.at(Holder.name), number, eager=True)
    is_low = derive(_is_low, amount, eager=True)


TYPES = (Holder, Account)


def make(path: str, events: int, *, settled_every: int) -> list[int]:
    """A space at `path`, which is not there yet; the positions at which all had settled. `events`, `settled_every`:
    multiples of 1,000."""
    told, settled_at = _events(), []
    for begun in range(0, events, EVENTS_AN_OPENING):
        with weft.open(path, types=TYPES) as space:
            until = min(events, begun + EVENTS_AN_OPENING)
            for first in range(begun, until, settled_every):
                with space.view() as engine:
                    _tell(engine, islice(told, min(settled_every, until - first)))
                # Who has read a space waits for all that was told by then, whoever told it.
                assert space.get(Account, account_id(0)).number == 0
                space.wait_settled(timeout_s=WAIT_S)
                settled_at.append(space.position)
    return settled_at


def account_id(number: int) -> str:
    """The id of an account by its number, from 0 on."""
    return short_id("entity", event_id(ACTOR, f"account {number}"), 0)


def amount(number: int, turn: int) -> int:
    """What an account was told at each turn, from 0 on."""
    return (number * 7 + turn * 61) % 1_000


def is_low(number: int, turn: int) -> bool:
    """What follows from it."""
    return _is_low(amount(number, turn))


def label(number: int) -> str:
    """How an account is called, by its number."""
    return _label(f"holder {number // ACCOUNTS_OF_A_HOLDER}", number)


def read_one(path: str, number: int) -> None:
    """Open the space, read one field and one computed value of one account, and close it."""
    with weft.open(path, types=TYPES) as space:
        account = space.get(Account, account_id(number))
        assert account.number == number
        assert account.label.wait(WAIT_S) == label(number)


def _tell(engine: Engine, events: Iterable[tuple[str, list[Plain]]]) -> None:
    for id, intents in events:
        engine.tell(event_plain(id, intents, actor=ACTOR, base=engine.cut, time=NOW))
    engine.commit()


def _events() -> Iterator[tuple[str, list[Plain]]]:
    """Ids and intents, without an end."""
    first = 0
    while True:
        accounts = range(first, first + AT_ONCE)
        yield from map(_created, accounts)
        ids = [account_id(number) for number in accounts]
        for turn in range(1, EVENTS_OF_AN_ACCOUNT):
            for number, id in zip(accounts, ids, strict=True):
                yield event_id(ACTOR, f"account {number}, {turn}"), [[id, "amount", "set", amount(number, turn)]]
        first += AT_ONCE


def _created(number: int) -> tuple[str, list[Plain]]:
    """An account; the first of a holder is created together with him."""
    event = event_id(ACTOR, f"account {number}")
    of, is_first = divmod(number, ACCOUNTS_OF_A_HOLDER)
    holder = short_id("entity", event_id(ACTOR, f"account {of * ACCOUNTS_OF_A_HOLDER}"), 1)
    account = account_id(number)
    intents: list[Plain] = []
    if not is_first:
        intents += [[holder, "", "create", type_name(Holder)], [holder, "name", "set", f"holder {of}"]]
    intents += [
        [account, "", "create", type_name(Account)],
        [account, "holder", "set", {"entity": holder, "node": "", "element": ""}],
        [account, "number", "set", number],
        [account, "amount", "set", amount(number, 0)],
    ]
    return event, intents
