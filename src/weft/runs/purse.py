"""Purses: what a run has left of its budget, and what becomes of one that would ask for more.

What a run has spent follows from what it asked for and was told, so a replay comes to the same. Whoever would go beyond
hears so in the flow's code, once, and may take a few more steps to end well; after that it ends whatever it does.

Knows nothing of clocks, services and records. Invariant: a run whose budget is spent ends.
Source: gas of contract machines; the limits of agent loops.
"""

from __future__ import annotations

from decimal import Decimal

from weft.budget import Budget
from weft.errors import WeftError
from weft.runs.strands import Refusal
from weft.spent import Spent, money_text

ENDING_STEPS = 10
"""So many steps a run may take to end well, once it was told that its budget is spent."""


class BudgetSpent(WeftError):
    """The run {run} of {flow} has spent its budget: {what}. Declare a larger one, or have it ask for less."""

    run: str
    flow: str
    what: str


class Purse:
    """What one run has left of its budget."""

    def __init__(self, run: str, flow: str, budget: Budget) -> None:
        self.budget, self.spent = budget, Spent()
        self._run, self._flow = run, flow
        self._steps = self._further = 0
        self._told = ""

    def pay(self, spent: Spent) -> None:
        """A step has cost this."""
        self.spent += spent

    def ask(self) -> Refusal | None:
        """One more step is asked for."""
        self._steps += 1
        if self._told:
            self._further += 1
            return Refusal(self._error(), is_last=True) if self._further > ENDING_STEPS else None
        self._told = self._over()
        return Refusal(self._error(), is_last=False) if self._told else None

    def time_out(self) -> BudgetSpent:
        """Its time is over."""
        assert self.budget.time is not None
        self._told = self._told or f"it has taken {self.budget.time}"
        return self._error()

    def _over(self) -> str:
        steps, tokens, money = self.budget.steps, self.budget.tokens, self.budget.money
        told = self.spent.tokens_in + self.spent.tokens_out
        paid = (self.spent.money or {}).get(self.budget.currency, Decimal(0))
        if steps is not None and self._steps > steps:
            return f"it has asked for {steps} steps"
        if tokens is not None and told >= tokens:
            return f"it has used {told} tokens of {tokens}"
        if money is not None and paid >= Decimal(money):
            return f"it has cost {money_text(paid)} {self.budget.currency} of {money}"
        return ""

    def _error(self) -> BudgetSpent:
        return BudgetSpent(run=self._run, flow=self._flow, what=self._told)
