"""A plan in lines, for people: what would be done in all, and then node by node.

Knows nothing of terminals. Invariant: what is not known is said to be unknown, never counted as nothing.
Source: databases' EXPLAIN.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from weft.plan.plan import Plan, PlannedNode, Usage
from weft.spent import money_text


def lines_of(plan: Plan) -> Iterator[str]:
    """The plan; nodes with nothing to do but to find that nothing changed come last, in a line."""
    yield f"at position {plan.position}, if it were asked for now: {_total(plan)}"
    if plan.calls or plan.unknown:
        yield "  " + _time(plan)
    if plan.metered_calls:
        yield f"  {_counted(plan.metered_calls, 'call')} to services that charge"
    if plan.paid_calls:
        yield f"  {_spends(plan)}"
    for node in plan.nodes:
        yield from _node(node)


def _total(plan: Plan) -> str:
    if not plan.nodes:
        return "nothing, all is current"
    parts = [_counted(plan.calls, "call"), f"{plan.known} known already"]
    if plan.unknown:
        parts.append(f"{plan.unknown} not known before their inputs are settled")
    return ", ".join(parts)


def _time(plan: Plan) -> str:
    least, most = plan.takes_us, plan.takes_us_at_most
    if least is None or most is None:
        new = [node.operation for node in plan.nodes if (node.calls or node.unknown) and node.median_us is None]
        return f"how long is not known: no earlier call of {', '.join(dict.fromkeys(new))}"
    if most == least:
        return f"about {span_text(least)} of calls, one after another"
    return f"about {span_text(least)} of calls, one after another; {span_text(most)} if all that is not known is called"


def _spends(plan: Plan) -> str:
    if plan.spends is not None:
        return f"about {usage_text(plan.spends)}, by earlier calls"
    new = [node.operation for node in plan.nodes if node.is_paid and node.calls and node.usage is None]
    return f"what they cost is unknown: no earlier call of {', '.join(dict.fromkeys(new))} said what it used"


def usage_text(usage: Usage) -> str:
    """Tokens and money, in words."""
    money = [f"{money_text(_rounded(amount))} {name}" for name, amount in sorted((usage.money or {}).items())]
    said = " and ".join(money) if money else "no price is declared"
    return f"{round(usage.tokens_in)} tokens in, {round(usage.tokens_out)} out, {said}"


def _rounded(amount: Decimal) -> Decimal:
    """To two digits that count, or to cents where those are fewer."""
    return round(amount, 2 if amount >= 1 else max(2, 1 - amount.adjusted())) if amount else amount


def _node(node: PlannedNode) -> Iterator[str]:
    many = f", in {node.entities} entities" if node.entities > 1 else ""
    yield f"{node.type}.{node.node}  {node.kind}{many}: {', '.join(_counts(node))}"
    if node.calls or node.unknown:
        took = f", {span_text(node.median_us)} a call" if node.median_us is not None else ", not called before"
        yield f"  by {node.operation}, version {node.version}{took}"
    for service in node.metered:
        yield f"  with {service}"
    if node.usage is not None and (node.calls or node.unknown):
        yield f"  {usage_text(node.usage)} a call"
    if node.wholes:
        yield f"  O(n) per change: each time it is given all of {', '.join(node.wholes)}"
    elif node.per_change == "way to it":
        yield "  O(log n) per change: each time it is given what is on the way to what changed"
    elif node.kind == "each":
        yield "  per change one call for each element that changed"


def _counts(node: PlannedNode) -> Iterator[str]:
    counts = (
        (node.calls, _counted(node.calls, "call")),
        (node.known, f"{node.known} known"),
        (node.unknown, f"{node.unknown} unknown"),
        (node.built_in, f"{node.built_in} by a built-in rule"),
        (node.passed_on, f"{node.passed_on} passed on from an input"),
        (node.untouched, f"{node.untouched} untouched"),
    )
    return (text for count, text in counts if count)


def _counted(count: int, word: str) -> str:
    return f"{count} {word}" + ("" if count == 1 else "s")


def span_text(us: float) -> str:
    """A span of time, for people."""
    if us < 1000:
        return f"{us:.0f} µs"
    if us < 1_000_000:
        return f"{us / 1000:.1f} ms"
    return f"{us / 1_000_000:.1f} s" if us < 120_000_000 else f"{us / 60_000_000:.0f} min"
