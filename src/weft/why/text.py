"""An explanation as indented text: what was said above is named, not said again.

Knows nothing of terminals. Invariant: each line says one thing, and no reason is said twice.
Source: build systems' explain commands.
"""

from __future__ import annotations

from collections.abc import Iterator

from weft.content import cid_text
from weft.matching.telling import decision_text, flag_text
from weft.spent import Spent, money_text
from weft.subscription import plain_text, shortened
from weft.why.reason import Alternative, CallMade, Edit, Match, Place, Reason, Reasons, RunTold, ServiceUse
from weft.why.runs import before_text

INDENT_MAX = 16
"""How far a deep chain is indented: behind that it goes straight down."""
HOW = {
    "ran": "computed",
    "reused": "taken over without a call: the same call was made before",
    "built in": "computed by a built-in rule",
    "passed on": "passed on from an input",
}


def lines_of(said: Reasons) -> Iterator[str]:
    """The explanation line by line, each value before what it was made from."""
    told: set[Place] = set()
    stack: list[tuple[int, Place]] = [(0, said.root)]
    while stack:
        depth, place = stack.pop()
        reason = said.found.get(place)
        if reason is None:
            continue
        indent = "  " * min(depth, INDENT_MAX)
        if place in told:
            yield f"{indent}{title_of(reason)} (see above)"
            continue
        told.add(place)
        yield indent + title_of(reason)
        for line in facts_of(reason):
            yield f"{indent}  {line}"
        # What is read through one reference several times over is one line.
        below = dict.fromkeys(input.place for input in reason.inputs)
        stack.extend((depth + 1, place) for place in reversed(below))
    if said.more:
        yield f"… {said.more} more inputs, and what they were made from"
    if said.looked_back_to:
        yield f"(results superseded up to position {said.looked_back_to} were not looked for)"


def title_of(reason: Reason) -> str:
    """What it is, and what it shows."""
    joint = " = " if reason.kind in ("told", "computed") else ": "
    return name_of(reason) + joint + reason.shown.text


def name_of(reason: Reason) -> str:
    """The place, as people write it: TYPE ID.NODE[ELEMENT], ids by their beginnings."""
    entity, node, element = reason.place
    return f"{reason.type} {entity[:8]}.{node}" + (f"[{element[:12]}]" if element else "")


def facts_of(reason: Reason) -> Iterator[str]:
    """What is said of one reason, apart from its inputs."""
    if reason.position:
        took = f", in {reason.took_us / 1000:.1f} ms" if reason.took_us is not None else ""
        how = HOW.get(reason.how, "recorded")
        yield f"{how} for the cut at {reason.cut}, recorded at {reason.position}{took}"
    for edit in reason.edits:
        yield from _edit(edit, reason.cut)
    if reason.edits_more:
        yield f"and at {reason.edits_more} later positions"
    yield from reason.standing
    yield from _failure(reason)
    if reason.call is not None:
        yield from _call(reason.call)
    elif reason.called is not None:
        yield f"call {cid_text(reason.called)[:20]}…"
    if reason.spent is not None:
        is_told = reason.spent.requests > reason.spent.untold
        yield f"its services used {spent_text(reason.spent)}" if is_told else "what its services used is not known"
    if reason.match is not None:
        yield from _match(reason.match, is_element=bool(reason.place[2]))
    yield from map(_alternative, reason.alternatives)
    if reason.inputs_more:
        yield f"of which {len(reason.inputs)} are shown" if reason.over else f"and of {reason.inputs_more} more inputs"
    if reason.over:
        entity, _, node = reason.over.partition(".")
        yield f"over {reason.over_type} {entity[:8]}.{node}"


def _edit(edit: Edit, cut: int) -> Iterator[str]:
    late = f", after the cut at {cut}: what is above was made from what was told before" if edit.is_late else ""
    cause = f", because of {edit.cause}" if edit.cause else ""
    yield f"told at {edit.position} by {edit.actor}, {edit.time}, having seen up to {edit.base}{cause}{late}"
    if edit.run is not None:
        yield f"  by the run {run_text(edit.run)}"
        yield f"  just before, {before_text(edit.run)}"
    if edit.run is not None and edit.run.fired_by:
        yield f"  the run was fired by what {edit.run.fired_by} told at {edit.cause}: {edit.run.fired}"


def run_text(run: RunTold) -> str:
    """A run, as people know it: the beginning of its id, and the flow that it is of."""
    return f"{run.run[:8]} of {run.type} {run.entity[:8]}.{run.flow}"


def _failure(reason: Reason) -> Iterator[str]:
    failure = reason.failure
    if failure is None:
        return
    if failure.origin:
        yield f"it began in {failure.origin}"
    if failure.where and not failure.origin:
        yield "raised at, the innermost place last:"
        yield from (f"  {line}" for line in failure.where.splitlines())
    if failure.tries > 1 or not failure.is_final:
        yield f"at try {failure.tries}" + ("" if failure.is_final else "; it is tried again")
    if failure.last:
        yield f"the last good value was {failure.last}"


def _call(call: CallMade) -> Iterator[str]:
    settings = f", with {plain_text(call.settings)}" if call.settings else ""
    yield f"by {call.operation}, version {call.version}{settings}"
    for service in call.services:
        yield f"with the service {service.parameter}: {_service(service)}"
    yield f"call {cid_text(call.key)[:20]}…"


def _service(service: ServiceUse) -> str:
    said = "none" if service.fingerprint is None else plain_text(service.fingerprint)
    return said + cost_text(service) + ("" if service.is_in_force else " (another one is in force now)")


def cost_text(service: ServiceUse) -> str:
    """What a call by this service costs, where it is known not to be free."""
    return f", {service.cost}" if service.cost not in ("", "free") else ""


def spent_text(spent: Spent) -> str:
    """What was spent, in words; what is not known is said."""
    told = spent.requests - spent.untold
    parts = [f"{spent.tokens_in} tokens in, {spent.tokens_out} out"] if told else []
    money = [f"{money_text(amount)} {currency}" for currency, amount in sorted((spent.money or {}).items())]
    parts += [" and ".join(money)] if money else []
    if spent.unpriced:
        parts.append("no price is declared" if not money else f"without {spent.unpriced} requests that have no price")
    if spent.untold:
        parts.append(f"and of {spent.untold} more requests it is not known" if told else "what was used is not known")
    return ", ".join(parts)


def _match(match: Match, *, is_element: bool) -> Iterator[str]:
    if match.alias:
        yield f"it went into {match.alias[:12]}, which is read in its place"
    elif match.by is not None:
        yield decision_text(match.by)
    elif is_element:
        again = ", in an earlier list, and known again by it" if match.is_new is False else ""
        yield f"the element's id was assigned by its {match.rule}{again}"
    elif match.gone:
        kept = ", ".join(plain_text(key) for key in match.gone)
        yield f"ids by {match.rule}; kept for a return of {shortened(kept)}"
    yield from (f"it {flag_text(flag)}" for flag in match.flags)


def _alternative(other: Alternative) -> str:
    match other.kind:
        case "told":
            by = f"{other.text} by {other.actor} at {other.position}"
            return f"told at the same time, and not seen by the author: {by}"
        case "same call":
            why = f" ({other.reason})" if other.reason else ""
            return f"the same call also gave, at {other.position}: {other.text}{why}"
        case "changed input":
            return f"the same call, at {other.position}: {other.text} ({other.reason})"
        case "superseded":
            return f"superseded at {other.position}: {other.text} ({other.reason})"
