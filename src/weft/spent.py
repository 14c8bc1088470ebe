"""What a call spent by the services that it was given: tokens in and out, and money where prices were declared.

Services tell it while they are asked, by `spend`; whoever runs a call listens. It goes along with what the call came
to, also where that is an error. Money is decimal all the way, and what is not known is never taken for nothing: a
request that told no usage is counted as such.

Knows nothing of models and records.
Invariant: two sums of the same requests in any order are equal; each can be kept, whatever services said.
Source: the usage of OpenAI's answers; OpenTelemetry's meters, which are found by context.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from decimal import Context, Decimal, InvalidOperation
from operator import index

from weft.content import Plain

MILLION = Decimal(1_000_000)
COUNT_MAX = 2**53
"""No count says more, as a server may claim any: numbers up to this are whole wherever records are read."""
MONEY_MAX = Decimal(10**15)
"""No amount says more, and no price is higher."""
PLACES_MAX = 30
"""So many decimal places has an amount at most."""
_STEP = Decimal(1).scaleb(-PLACES_MAX)
# Exact for all within these bounds: what the program set for its own sums would round ours.
_EXACT = Context(prec=80, traps=[InvalidOperation])


@dataclass(frozen=True, slots=True)
class Prices:
    """What a million tokens cost, as decimal text: of what is sent (`tokens_in`), and of what is answered
    (`tokens_out`). `currency`: as text, such as "USD"."""

    tokens_in: str
    tokens_out: str
    currency: str = "USD"

    def __post_init__(self) -> None:
        """Refuse what is no price; raises ValueError."""
        for said in (self.tokens_in, self.tokens_out):
            if (price := _amount(said)) is None or price != _bounded(price):
                raise ValueError(f'{said!r} is no price; give what a million tokens cost as text, such as "0.15"')
        if not str(self.currency).strip() or not _is_unicode(str(self.currency)):
            raise ValueError(f'{self.currency!r} is no currency; give its name as text, such as "USD"')

    def of(self, tokens_in: int, tokens_out: int) -> Decimal:
        """What so many tokens cost."""
        sent, answered = (
            _EXACT.multiply(Decimal(price), _counted(tokens))
            for price, tokens in ((self.tokens_in, tokens_in), (self.tokens_out, tokens_out))
        )
        return _bounded(_EXACT.divide(_EXACT.add(sent, answered), MILLION))


@dataclass(frozen=True, slots=True)
class Spent:
    """What some requests spent together. `untold`: how many of them said nothing of their usage; `unpriced`: of how
    many only the tokens are known. Nothing is less than none, or more than `COUNT_MAX` and `MONEY_MAX`."""

    requests: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    money: Mapping[str, Decimal] | None = None
    """By currency; None where no request had a price."""
    untold: int = 0
    unpriced: int = 0

    def __post_init__(self) -> None:
        """Keep to the bounds."""
        for name in ("requests", "tokens_in", "tokens_out", "untold", "unpriced"):
            object.__setattr__(self, name, _counted(getattr(self, name)))
        if self.money:
            object.__setattr__(self, "money", {name: _bounded(one) for name, one in self.money.items()})

    def __add__(self, other: Spent) -> Spent:
        """Both together."""
        money = dict(self.money or {})
        for currency, amount in (other.money or {}).items():
            money[currency] = _EXACT.add(money.get(currency, Decimal(0)), amount)
        return Spent(
            self.requests + other.requests,
            self.tokens_in + other.tokens_in,
            self.tokens_out + other.tokens_out,
            money or None,
            self.untold + other.untold,
            self.unpriced + other.unpriced,
        )

    def plain(self) -> dict[str, Plain]:
        """As records keep it; what is zero is left out."""
        said: dict[str, Plain] = {
            "requests": self.requests,
            "in": self.tokens_in,
            "out": self.tokens_out,
            "untold": self.untold,
            "unpriced": self.unpriced,
        }
        kept: dict[str, Plain] = {name: count for name, count in said.items() if count}
        return kept | ({"money": {name: money_text(one) for name, one in self.money.items()}} if self.money else {})


def parse_spent(said: Plain) -> Spent | None:
    """What `plain` said; None where that is nothing, or none of it can be read."""
    if not isinstance(said, dict):
        return None
    counts = [said.get(name, 0) for name in ("requests", "in", "out", "untold", "unpriced")]
    requests, tokens_in, tokens_out, untold, unpriced = (one if isinstance(one, int) else 0 for one in counts)
    listed = said.get("money")
    money = {
        name: amount
        for name, text in (listed.items() if isinstance(listed, dict) else ())
        if (amount := _amount(text)) is not None
    }
    return Spent(requests, tokens_in, tokens_out, money or None, untold, unpriced)


def summed(said: Iterable[Spent]) -> Spent:
    """All together."""
    whole = Spent()
    for one in said:
        whole += one
    return whole


def money_text(amount: Decimal) -> str:
    """An amount as decimal text, without an exponent or zeros that say nothing."""
    text = f"{amount:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _amount(text: object) -> Decimal | None:
    """What a text says, where that is an amount."""
    try:
        amount = Decimal(text) if isinstance(text, str) else None
    except InvalidOperation:
        return None
    return amount if amount is not None and amount.is_finite() and amount >= 0 else None


def _bounded(amount: Decimal) -> Decimal:
    kept = min(max(amount, Decimal(0)), MONEY_MAX)
    exponent = kept.as_tuple().exponent
    return kept if isinstance(exponent, int) and exponent >= -PLACES_MAX else kept.quantize(_STEP, context=_EXACT)


def _counted(count: int) -> int:
    return min(max(index(count), 0), COUNT_MAX)


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


# While a call runs ---------------------------------------------------------------------------------------------------


class Meter:
    """What was spent so far by one call; from any thread."""

    __slots__ = ("_spent",)

    def __init__(self) -> None:
        self._spent: list[Spent] = []

    def add(self, spent: Spent) -> None:
        """Count this, too."""
        self._spent.append(spent)

    def spent(self) -> Spent | None:
        """All that was spent; None where nothing was asked."""
        return summed(self._spent) if self._spent else None


_METER: ContextVar[Meter | None] = ContextVar("weft_meter", default=None)


@contextmanager
def metered(meter: Meter | None) -> Iterator[None]:
    """What is spent within, in this context and in those that begin in it, is counted by `meter`."""
    if meter is None:
        yield
        return
    token = _METER.set(meter)
    try:
        yield
    finally:
        _METER.reset(token)


def spend(tokens_in: int, tokens_out: int, *, prices: Prices | None = None) -> None:
    """Tell that a request was answered, and used so many tokens: for services, while a call asks them. Outside of a
    call it does nothing."""
    if (meter := _METER.get()) is not None:
        money = None if prices is None else {prices.currency: prices.of(tokens_in, tokens_out)}
        meter.add(Spent(1, tokens_in, tokens_out, money, 0, int(prices is None)))


def spend_unknown() -> None:
    """Tell that a request was answered, and that nobody said what it used."""
    if (meter := _METER.get()) is not None:
        meter.add(Spent(requests=1, untold=1))
