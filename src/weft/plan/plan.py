"""A plan: per node how many calls would be made, what is known already, what that takes and costs.

Knows nothing of runners: times are those of earlier calls, one after another. Invariant: making it changes nothing.
Source: databases' EXPLAIN; `terraform plan`.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from weft.content import Plain
from weft.engine import Engine
from weft.graph import Source, ToldNode
from weft.plan.forecast import Forecast, Verdict
from weft.spec import InputSpec, NodeSpec, TypeSpec
from weft.spent import Spent, money_text, parse_spent, summed
from weft.store import ENTITY, entries_of
from weft.why.services import Services

SAMPLED_MAX = 2_000
"""How many of the newest positions are looked through for how long calls took."""
RULES = ("group", "filter", "order", "count", "reduce")
_BY_TREE = ("count", "reduce")
_MAINTAINED = ("filter", "order", "group")
"""Rules that look at the way to a change alone, where what they read keeps its tree."""


@dataclass(frozen=True, slots=True)
class Usage:
    """What a call of an operation spends on average, by `calls` earlier ones whose services said so."""

    calls: int
    tokens_in: Decimal
    tokens_out: Decimal
    money: Mapping[str, Decimal] | None
    """By currency; None where one of them has no price."""

    def times(self, count: int) -> Usage:
        """What so many calls would spend."""
        money = None if self.money is None else {name: amount * count for name, amount in self.money.items()}
        return Usage(self.calls, self.tokens_in * count, self.tokens_out * count, money)

    def __add__(self, other: Usage) -> Usage:
        """Both together; money only where it is known of both."""
        money: dict[str, Decimal] | None = None
        if self.money is not None and other.money is not None:
            names = dict.fromkeys([*self.money, *other.money])
            money = {name: self.money.get(name, Decimal(0)) + other.money.get(name, Decimal(0)) for name in names}
        tokens_in, tokens_out = self.tokens_in + other.tokens_in, self.tokens_out + other.tokens_out
        return Usage(self.calls + other.calls, tokens_in, tokens_out, money)

    def plain(self) -> dict[str, Plain]:
        """Tokens as whole numbers; money by currency as decimal text, null where it is not known."""
        money: Plain = None
        if self.money is not None:
            money = {name: money_text(amount) for name, amount in self.money.items()}
        return {"tokens_in": round(self.tokens_in), "tokens_out": round(self.tokens_out), "money": money}


@dataclass(frozen=True, slots=True)
class PlannedNode:
    """One node of a type, over all entities that were looked at, and what would happen in its slots."""

    type: str
    node: str
    kind: str
    operation: str
    version: str
    entities: int
    calls: int
    """Calls that would be made."""
    known: int
    """Slots that would take over what their call key came to before."""
    unknown: int
    """Slots whose inputs are not settled yet: each at most one call, or none if nothing turns out to have changed."""
    built_in: int
    passed_on: int
    untouched: int
    median_us: float | None
    """How long earlier calls of this operation took; None where there were none."""
    per_change: str
    """What a single change makes this node go through again: `one value`, `one element`, `way to it` (O(log n)
    elements), or `whole collection`."""
    wholes: tuple[str, ...] = ()
    """Inputs that are given as whole collections."""
    metered: tuple[str, ...] = ()
    """Services that declare a cost for each call, as `service: cost`."""
    usage: Usage | None = None
    """What earlier calls of this operation spent, one with another; None where none said so."""

    @property
    def is_paid(self) -> bool:
        """Whether its calls may spend anything: a service charges for them, or said that it was used."""
        return bool(self.metered) or self.usage is not None

    @property
    def takes_us(self) -> float | None:
        """How long the calls would take, one after another; None where that cannot be said."""
        return self.median_us * self.calls if self.median_us is not None else None

    @property
    def takes_us_at_most(self) -> float | None:
        """As `takes_us`, if everything unknown came to a call too."""
        return self.median_us * (self.calls + self.unknown) if self.median_us is not None else None


@dataclass(frozen=True, slots=True)
class Plan:
    """What would be computed now if it were asked for."""

    position: int
    nodes: tuple[PlannedNode, ...]

    @property
    def calls(self) -> int:
        """Calls that would be made for certain."""
        return sum(node.calls for node in self.nodes)

    @property
    def known(self) -> int:
        """Slots whose value is kept under their call key."""
        return sum(node.known for node in self.nodes)

    @property
    def unknown(self) -> int:
        """Slots whose inputs are not settled yet."""
        return sum(node.unknown for node in self.nodes)

    @property
    def metered_calls(self) -> int:
        """Those of `calls` that a service charges for."""
        return sum(node.calls for node in self.nodes if node.metered)

    @property
    def takes_us(self) -> float | None:
        """How long the calls would take, one after another; None where an operation was never called before."""
        known = [node.takes_us for node in self.nodes if node.calls]
        return None if any(one is None for one in known) else sum(one for one in known if one is not None)

    @property
    def takes_us_at_most(self) -> float | None:
        """As `takes_us`, if everything unknown came to a call too."""
        known = [node.takes_us_at_most for node in self.nodes if node.calls or node.unknown]
        return None if any(one is None for one in known) else sum(one for one in known if one is not None)

    @property
    def paid_calls(self) -> int:
        """Those of `calls` that may spend something."""
        return sum(node.calls for node in self.nodes if node.is_paid)

    @property
    def spends(self) -> Usage | None:
        """What the calls would spend by earlier ones; None where an operation was never called before, or its services
        said nothing of their usage."""
        paid = [node for node in self.nodes if node.is_paid and node.calls]
        known = [node.usage.times(node.calls) for node in paid if node.usage is not None]
        if not known or len(known) < len(paid):
            return None
        return sum(known[1:], known[0])

    def __str__(self) -> str:
        """The plan in lines."""
        from weft.plan.text import lines_of

        return "\n".join(lines_of(self))

    def plain(self) -> dict[str, Plain]:
        """As plain data, with the keys that docs/reference/why.md lists."""
        nodes: list[Plain] = [_plain(node) for node in self.nodes]
        return {
            "position": self.position,
            "calls": self.calls,
            "known": self.known,
            "unknown": self.unknown,
            "metered_calls": self.metered_calls,
            "takes_us": self.takes_us,
            "takes_us_at_most": self.takes_us_at_most,
            "paid_calls": self.paid_calls,
            "spends": self.spends.plain() if self.spends is not None else None,
            "nodes": nodes,
        }

    def json(self) -> str:
        """As JSON text."""
        return json.dumps(self.plain(), ensure_ascii=False, indent=2)


def _plain(node: PlannedNode) -> dict[str, Plain]:
    said: dict[str, Plain] = {
        name: getattr(node, name) for name in PlannedNode.__slots__ if name not in ("wholes", "metered", "usage")
    }
    return said | {
        "wholes": [*node.wholes],
        "metered": [*node.metered],
        "takes_us": node.takes_us,
        "takes_us_at_most": node.takes_us_at_most,
        "spends": node.usage.times(node.calls).plain() if node.usage is not None else None,
    }


def plan(engine: Engine, roots: Iterable[Source] | None, *, offered: Collection[str] | None = None) -> Plan:
    """What would be computed if `roots` were demanded now, or with None everything that is not current. `offered`: the
    names of the services that this program has; None: not known, as of a program that only looks."""
    forecast = Forecast(engine, offered=offered)
    forecast.run(_everything(engine) if roots is None else roots)
    tallies = _tallied(forecast)
    asked = {tally.spec.operation.name for tally in tallies.values() if tally.spec.operation and tally.may_call()}
    medians, usages = _earlier(engine, asked)
    services = Services(engine)
    nodes = tuple(_planned(engine, services, tally, medians, usages) for tally in tallies.values())
    return Plan(engine.head.position, nodes)


def plan_of(engine: Engine, places: Sequence[tuple[str, str, str]], *, offered: Collection[str] | None = None) -> Plan:
    """The plan for some (entity, node, element), or without any for everything that is not current."""
    roots = [found for place in places if (found := engine.node(*place) or engine.node(*place[:2]))]
    return plan(engine, roots if places else None, offered=offered)


def _everything(engine: Engine) -> list[Source]:
    """Everything that is not current; loads what is due, and all that reads it."""
    engine.resume()
    things = list(engine.graph.things.values())
    return [
        node for thing in things for node in thing.nodes.values() if not isinstance(node, ToldNode) and not node.current
    ]


@dataclass(slots=True)
class _Tally:
    type: TypeSpec
    spec: NodeSpec
    counts: Counter[Verdict] = field(default_factory=Counter)
    entities: set[str] = field(default_factory=set)

    def may_call(self) -> bool:
        return bool(self.counts["call"] or self.counts["unknown"])


def _tallied(forecast: Forecast) -> dict[tuple[str, str], _Tally]:
    tallies: dict[tuple[str, str], _Tally] = {}
    types = forecast.engine.in_force

    def add(type: str, entity: str, node: str, verdict: Verdict, count: int) -> None:
        tally = tallies.setdefault((type, node), _Tally(types[type], types[type].nodes[node]))
        tally.counts[verdict] += count
        tally.entities.add(entity)

    for slot, verdict in forecast.verdicts.items():
        add(slot.thing.type.name, slot.key.entity, slot.key.node, verdict, 1)
    for (type, entity, node, verdict), count in forecast.new.items():
        add(type, entity, node, verdict, count)
    return tallies


def _planned(
    engine: Engine, services: Services, tally: _Tally, medians: dict[str, float], usages: dict[str, Usage]
) -> PlannedNode:
    spec, counts = tally.spec, tally.counts
    operation = spec.operation
    wholes = tuple(_wholes(engine, tally.type, spec))
    return PlannedNode(
        tally.type.name,
        spec.name,
        spec.kind,
        operation.name if operation is not None else f"weft/{spec.kind}",
        operation.version if operation is not None else "1",
        len(tally.entities),
        counts["call"],
        counts["known"],
        counts["unknown"],
        counts["built in"],
        counts["passed on"],
        counts["untouched"],
        medians.get(operation.name) if operation is not None else None,
        _per_change(spec, wholes),
        wholes,
        tuple(_metered(services, spec)),
        usages.get(operation.name) if operation is not None else None,
    )


def _metered(services: Services, spec: NodeSpec) -> Iterator[str]:
    for _, name in spec.operation.services if spec.operation is not None else ():
        offered = services.in_force(name)
        if offered is not None and offered.cost not in ("", "free"):
            yield f"{name}: {offered.cost}"


# What a change costs -------------------------------------------------------------------------------------------------


def _per_change(spec: NodeSpec, wholes: tuple[str, ...]) -> str:
    if wholes:
        return "whole collection"
    rules = {"each": "one element", **dict.fromkeys((*_BY_TREE, *_MAINTAINED), "way to it")}
    return rules.get(spec.kind, "one value")


def _wholes(engine: Engine, type: TypeSpec, spec: NodeSpec) -> Iterator[str]:
    """The inputs of which each call is given all elements."""
    for number, entry in enumerate(spec.inputs):
        if spec.kind == "each" and number == 0:
            continue
        source = _input_spec(engine, type, entry)
        if spec.kind in (*_BY_TREE, *_MAINTAINED) and _keeps_its_tree(engine, type, source):
            continue
        if spec.kind in RULES or (source is not None and _is_collection(source)):
            yield str(entry)


def _keeps_its_tree(engine: Engine, type: TypeSpec, spec: NodeSpec | None) -> bool:
    """Whether a collection is an ordered set, or what goes on from one tree of such a set to the next, however often;
    through a reference it may be."""
    while spec is not None and spec.kind in ("each", *_MAINTAINED):
        spec = _input_spec(engine, type, spec.inputs[0])
    return spec is not None and spec.kind == "items"


def _input_spec(engine: Engine, type: TypeSpec, entry: InputSpec) -> NodeSpec | None:
    if not entry.ref:
        return type.nodes.get(entry.node)
    target = engine.in_force.get(type.nodes[entry.ref].target) if entry.node else None
    return target.nodes.get(entry.node) if target is not None else None


def _is_collection(spec: NodeSpec) -> bool:
    return spec.kind in ("items", "entries", "each") or spec.sort != "plain"


# What earlier calls took and spent ------------------------------------------------------------------------------------


def _earlier(engine: Engine, operations: set[str]) -> tuple[dict[str, float], dict[str, Usage]]:
    """How long calls of these operations took, and what they spent, by the results among the newest positions."""
    from statistics import median

    took: dict[str, list[int]] = {}
    spent: dict[str, list[Spent]] = {}
    head = engine.head.position if operations else 0
    for entry in entries_of(engine.store, max(0, head - SAMPLED_MAX), until=head):
        said = entry.said if entry.kind == "result" else None
        if said is None or said.get("how") != "ran" or "ok" not in _outcome(said["outcome"]):
            continue
        slot, us, used = said["slot"], said.get("took_us"), parse_spent(said.get("spent"))
        if us is None and used is None:
            continue
        assert isinstance(slot, list)
        operation = _operation_of(engine, str(slot[0]), str(slot[1]))
        if operation in operations and isinstance(us, int):
            took.setdefault(operation, []).append(us)
        if operation in operations and used is not None and not used.untold:
            spent.setdefault(operation, []).append(used)
    usages = {operation: _mean(listed) for operation, listed in spent.items()}
    return {operation: median(spans) for operation, spans in took.items()}, usages


def _mean(listed: Sequence[Spent]) -> Usage:
    """What one call spent on average. The mean, and not the median as of times: sums are what is asked for."""
    whole, count = summed(listed), len(listed)
    money = None
    if not whole.unpriced and whole.money is not None:
        money = {name: amount / count for name, amount in whole.money.items()}
    return Usage(count, Decimal(whole.tokens_in) / count, Decimal(whole.tokens_out) / count, money)


def _outcome(said: Plain) -> dict[str, Plain]:
    return said if isinstance(said, dict) else {}


def _operation_of(engine: Engine, entity: str, node: str) -> str:
    row = engine.row(ENTITY, (entity,))
    type = engine.in_force.get(str(row[0])) if row is not None else None
    spec = type.nodes.get(node) if type is not None else None
    return spec.operation.name if spec is not None and spec.operation is not None else ""
