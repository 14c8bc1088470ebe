"""What is drawn of graphs: a whole one, and what changes of it while a story is told.

Knows nothing of how a graph is wired or what it shows.
Invariant: whatever is drawn holds: each node reads what is there, before it, and of the sort that it takes.
Source: QuickCheck's generators; swarm testing.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import replace

from weft.testing.graph_change import Change, changed, sorts_in, takes
from weft.testing.graph_plan import BASIC, FIELDS, UNCALLED, VERSIONED, GraphPlan, NodePlan, sort_of

_NUMBERS = ("one", "two", "two", "two", "fragile", "dice", "keep", "stream", "live", "told", "choose", "paint")
_TEXTS = ("echo", "echo", "length", "poster")
_LISTS = ("each", "each", "filter", "order", "group", "count", "reduce", "total", "total", "good", "tops")


def random_graph(rnd: random.Random, *, nodes_max: int = 14) -> GraphPlan:
    """A graph of up to that many nodes: chains, diamonds and fan-outs over fields, and whatever collections offer."""
    left: list[NodePlan] = []
    sorts = {name: FIELDS[name] for name in BASIC}
    wide = rnd.random() < 0.5  # else a narrow graph, whose nodes lean on the newest: long chains
    for number in range(rnd.randint(2, nodes_max)):
        for plan in drawn_nodes(rnd, f"n{number}", left, sorts, wide=wide):
            left.append(plan)
            sorts[plan.name] = sort_of(plan.kind)
    right = _drawn_right(rnd, sorts)
    links = _drawn_links(rnd, sorts) if rnd.random() < 0.3 else ()
    return GraphPlan(tuple(left), tuple(right), links)


def drawn_nodes(
    rnd: random.Random, name: str, left: Sequence[NodePlan], sorts: Mapping[str, str], *, wide: bool
) -> list[NodePlan]:
    """A node over those in `left`, of these sorts; with what it cannot be without."""
    if rnd.random() < 0.07:
        texts = [each for each, sort in sorts.items() if sort == "text"]
        return [NodePlan(name, rnd.choice(_TEXTS), (rnd.choice(texts),), rnd.randrange(5), rnd.random() < 0.3)]
    return _drawn(rnd, name, left, sorts, wide=wide)


def _drawn(
    rnd: random.Random, name: str, left: Sequence[NodePlan], sorts: Mapping[str, str], *, wide: bool
) -> list[NodePlan]:
    numbers = [each for each, sort in sorts.items() if sort == "int"]
    lists = [each for each, sort in sorts.items() if sort == "list"]
    some = numbers if wide else numbers[-3:]
    eager, retries = rnd.random() < 0.3, rnd.random() < 0.2
    tag = rnd.randrange(5)

    def plan(kind: str, *reads: str, name: str = name) -> NodePlan:
        is_called = kind not in UNCALLED
        return NodePlan(name, kind, reads, tag, eager and is_called, retries and is_called)

    kind = rnd.choice(_NUMBERS if rnd.random() < 0.6 else _LISTS)
    match kind:
        case "two":
            return [plan(kind, rnd.choice(some), rnd.choice(some))]
        case "live" | "told":
            streams = [each.name for each in left if each.kind == "stream"]
            made = [each.name for each in left if sort_of(each.kind) == "int"]
            found = streams if kind == "live" else made
            return [plan(kind, rnd.choice(found))] if found else [plan("stream", rnd.choice(some))]
        case "choose":
            test = plan("odd", rnd.choice(some), name=f"{name}_odd")
            return [test, plan(kind, test.name, rnd.choice(numbers), rnd.choice(numbers))]
        case "each":
            return [plan(kind, rnd.choice(lists), *([rnd.choice(numbers)] if rnd.random() < 0.4 else []))]
        case "group":
            return [plan(kind, rnd.choice(lists)), plan("weigh", name, name=f"{name}_weight")]
        case "tops":
            return [plan(kind, rnd.choice(lists)), plan("sizes", name, name=f"{name}_sizes")]
        case "good":
            called = [each.name for each in left if each.kind == "each"]
            return [plan(kind, rnd.choice(called))] if called else [plan("total", rnd.choice(lists))]
        case "filter" | "order" | "count" | "reduce" | "total":
            return [plan(kind, rnd.choice(lists))]
        case _:
            return [plan(kind, rnd.choice(some))]


def _drawn_right(rnd: random.Random, sorts: Mapping[str, str]) -> list[NodePlan]:
    def some(sort: str, last: int = 0) -> str:
        return "to." + rnd.choice([name for name, each in sorts.items() if each == sort][-last:])

    right = [NodePlan("seen", "one", (some("int", 3),), 7)]
    if rnd.random() < 0.6:
        right.append(NodePlan("all", "total", (some("list"),), 5))
    if rnd.random() < 0.4:
        right.append(NodePlan("mine", "each", (some("list"),), 3))
        right.append(NodePlan("sum", "total", ("mine",), 2))
    if rnd.random() < 0.5:
        right.append(NodePlan("pinned", "fragile", ("of",), 1))
    if rnd.random() < 0.4:
        right.append(NodePlan("both", "two", ("seen", some("int")), 1))
    if rnd.random() < 0.25:
        right.append(NodePlan("heard", "echo", (some("text"),), 8))
        right.append(NodePlan("long", "length", ("heard",), 0))
    return right


def _drawn_links(rnd: random.Random, sorts: Mapping[str, str]) -> tuple[NodePlan, ...]:
    """Nodes that go by the name of what they read, so that one link can stand where another or a Left does."""
    goals = {
        "int": lambda name: NodePlan(name, "one", ("next." + name,), 2),
        "list": lambda name: NodePlan(name, "each", ("next." + name,), 1),
        "text": lambda name: NodePlan(name, "echo", ("next." + name,), 5),
    }
    found = [rnd.choice([name for name, sort in sorts.items() if sort == each]) for each in goals]
    first = rnd.choice((0, 0, 0, 1, 2))
    links = [list(goals.values())[first](found[first])]
    if first == 0 and rnd.random() < 0.5:
        links.append(NodePlan("far", "two", (found[0], "next." + found[0]), 1))
    if first == 1:
        links.append(NodePlan("far", "total", (found[1],), 1))
    return tuple(links)


# What changes --------------------------------------------------------------------------------------------------------

_EQUALS = (("one", "fragile", "stream", "paint"), ("each", "filter", "order"))
"""Kinds that can take each other's place: of one number, and of one list."""


def random_changes(rnd: random.Random, graph: GraphPlan, number: int) -> tuple[Change, ...]:
    """One to three changes of a graph, each of which changes something. `number`: for the names of new nodes."""
    found: list[Change] = []
    wanted = rnd.choice((1, 1, 2, 3))
    for place in range(12):
        for change in _drawn_changes(rnd, graph, f"m{number}{'abcdefghijkl'[place]}"):
            after = changed(graph, change)
            if after != graph:
                found.append(change)
                graph = after
        if len(found) >= wanted:
            break
    return tuple(found)


def _drawn_changes(rnd: random.Random, graph: GraphPlan, name: str) -> list[Change]:
    if rnd.random() < 0.1:
        return [Change("Left", rnd.choice("xy"), default=rnd.randrange(1, 5))]
    if rnd.random() < 0.3:
        sorts = sorts_in(graph.left)
        new = drawn_nodes(rnd, name, graph.left, sorts, wide=True)
        adds = [Change("Left", plan.name, plan) for plan in new]
        readers = [plan for plan in graph.left if sort_of(new[-1].kind) in takes(plan)]
        if readers and rnd.random() < 0.6:  # somebody reads it
            reader = rnd.choice(readers)
            place = rnd.choice([n for n, sort in enumerate(takes(reader)) if sort == sort_of(new[-1].kind)])
            reads = (*reader.reads[:place], name, *reader.reads[place + 1 :])
            adds.append(Change("Left", reader.name, replace(reader, reads=reads)))
        return adds
    type = rnd.choice(("Left", "Left", "Left", "Right", "Link"))
    plans = graph.of(type)
    if not plans:
        return []
    plan = rnd.choice(plans)
    match rnd.choice(("version", "tag", "rewire", "rewire", "rewire", "kind", "drop", "drop")):
        case "version" if plan.kind in VERSIONED:
            return [Change(type, plan.name, replace(plan, version=3 - plan.version))]
        case "kind" if len(plan.reads) == 1 and (equals := [each for each in _EQUALS if plan.kind in each]):
            kind = rnd.choice(equals[0])
            if type == "Link" and sort_of(kind) != sort_of(plan.kind):
                return []  # another link would read it under this name
            is_called = kind not in UNCALLED
            other = NodePlan(
                plan.name, kind, plan.reads, plan.tag, plan.eager and is_called, plan.retries and is_called
            )
            return [Change(type, plan.name, other)]
        case "drop":
            return [Change(type, plan.name)]
        case "rewire":
            return [Change(type, plan.name, _rewired(rnd, graph, type, plan))]
        case _:
            return [Change(type, plan.name, replace(plan, tag=(plan.tag + 1) % 5))]


def _rewired(rnd: random.Random, graph: GraphPlan, type: str, plan: NodePlan) -> NodePlan:
    """The node, with one input of another name."""
    place = rnd.randrange(len(plan.reads))
    held, dot, node = plan.reads[place].partition(".")
    names = sorts_in(graph.left)
    if type == "Left":
        names = dict(list(names.items())[: list(names).index(plan.name)])
    elif not dot or type == "Link":
        return plan
    others = [name for name, sort in names.items() if sort == takes(plan)[place]]
    name = rnd.choice(others) if others else node
    reads = (*plan.reads[:place], f"{held}.{name}" if dot else name, *plan.reads[place + 1 :])
    return replace(plan, reads=reads)
