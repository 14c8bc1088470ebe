"""Changes of a planned graph: a node put in another's place or beside the others, one taken away, another default.

Knows nothing of when a change is made, or of definitions.
Invariant: a change that would not hold changes nothing, so that a story can be cut down freely.
Source: schema migrations as values; QuickCheck's shrinking.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from weft.testing.graph_plan import BASIC, FIELDS, GraphPlan, NodePlan, sort_of

_LISTS = frozenset({"filter", "order", "group", "count", "reduce", "total", "tops", "topics"})


@dataclass(frozen=True, slots=True)
class Change:
    """One node of a type is as planned from now on; without a plan it is gone, or a field has another default."""

    type: str
    node: str
    plan: NodePlan | None = None
    default: int | None = None

    def __str__(self) -> str:
        """A few words."""
        if self.default is not None:
            return f"{self.type}.{self.node} is {self.default} by default"
        return f"{self.type}.{self.plan}" if self.plan is not None else f"{self.type} without {self.node}"


def changed(graph: GraphPlan, change: Change) -> GraphPlan:
    """The graph with the change, or as it was where that would not hold."""
    after = _with(graph, change)
    return after if holds(after) else graph


def _with(graph: GraphPlan, change: Change) -> GraphPlan:
    if change.default is not None:
        x, y = graph.defaults
        return replace(graph, defaults=(change.default, y) if change.node == "x" else (x, change.default))
    plans = graph.of(change.type)
    kept = [change.plan if plan.name == change.node else plan for plan in plans]
    after = [plan for plan in kept if plan is not None]
    if change.plan is not None and change.plan not in after:
        # As early as it can be, so that as many as can be may read it.
        names = [plan.name for plan in after]
        place = max((names.index(read) + 1 for read in change.plan.reads if read in names), default=0)
        after.insert(place, change.plan)
    match change.type:
        case "Left":
            return replace(graph, left=tuple(after))
        case "Right":
            return replace(graph, right=tuple(after))
        case _:
            # A type of which there are entities does not go.
            return replace(graph, links=tuple(after)) if after else graph


def sorts_in(left: Iterable[NodePlan]) -> dict[str, str]:
    """What all that is told to a Left, or computed of it, is: `int list tops groups bool blob text`; in order."""
    return {name: FIELDS[name] for name in BASIC} | {plan.name: sort_of(plan.kind) for plan in left}


_TAKES = {
    "choose": ("bool", "int", "int"), "sizes": ("tops",), "texts": ("topics",), "weigh": ("groups",),
    "score": ("marks",), "echo": ("text",), "length": ("text",), "poster": ("text",), "live": ("stream",),
    "told": ("computed",), "good": ("called",),
}  # fmt: skip


def takes(plan: NodePlan) -> tuple[str, ...]:
    """What a node's inputs have to be."""
    if plan.kind == "each":
        return ("list", *("int" for _ in plan.reads[1:]))
    others = tuple("list" if plan.kind in _LISTS else "int" for _ in plan.reads)
    return _TAKES.get(plan.kind, others)


def holds(graph: GraphPlan) -> bool:
    """Whether everything read is there, before whoever reads it, and fits."""
    left = _sorts(FIELDS, graph.left, {})
    if left is None:
        return False
    through = {f"{ref}.{name}": sorts for name, sorts in left.items() for ref in ("to", "next")}
    right = _sorts({"of": "int"}, graph.right, through)
    return right is not None and _sorts({}, graph.links, through) is not None


def _sorts(
    told: Mapping[str, str], plans: Sequence[NodePlan], through: Mapping[str, frozenset[str]]
) -> dict[str, frozenset[str]] | None:
    """What each node may be read as, by name; None where one reads what it cannot."""
    known = {name: frozenset({sort}) for name, sort in told.items()} | dict(through)
    mine = {name: frozenset({sort}) for name, sort in told.items()}
    for plan in plans:
        for read, wanted in zip(plan.reads, takes(plan), strict=True):
            if wanted not in known.get(read, ()):
                return None
        if plan.name in mine:
            return None
        sort = sort_of(plan.kind)
        more = {"stream"} if plan.kind == "stream" else {"called"} if plan.kind == "each" else set[str]()
        mine[plan.name] = known[plan.name] = frozenset({sort, *more, *({"computed"} if sort == "int" else ())})
    return mine
