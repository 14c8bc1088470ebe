"""Graphs as plain values: which nodes there are, what each reads, and what each should show.

A plan is compiled to types, with real operations, and evaluated from scratch, without them: the second is what the
engine is held against. Values are small numbers, so that they come back, cut off and coincide often.

Knows nothing of engines, logs or cuts.
Invariant: a node reads only nodes before it, so every plan is a graph without loops.
Source: property-based testing of compilers (random programs beside a reference interpreter).
"""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol, TypeAlias

from weft import Blob, Entity, Failed, Field, Ref, Retry, Settled, State, choose, derive, element, field, items, op, ref
from weft.value import shape_of

ERROR = "an error"
ABSENT = "nothing"
UNKNOWN = "not to be known"
"""What a reference says where the rules leave open what is shown."""

Value: TypeAlias = Any
"""What a node shows, as plain content; or `ERROR`, `ABSENT`, `UNKNOWN`. Of a collection: pairs (element, value)."""


class Groups(dict[int, list[int]]):
    """What `group` gives, told apart from a value that is a map."""


@element(key="name")
class Top:
    """An element with an identity: how many numbers have one remainder."""

    name: str
    size: int


class Cup(Protocol):
    """Throws dice: what is not deterministic."""

    def throw(self) -> int:
        """A number."""
        ...


@op(version=1)
def one(a: int, *, tag: int) -> int:
    """Of one number."""
    return (a * 7 + tag * 3) % 5


@op(version=1)
def two(a: int, b: int, *, tag: int) -> int:
    """Of two, whose order matters."""
    return (a * 5 + b * 3 + tag) % 4


@op(version=1)
def fragile(a: int, *, tag: int) -> int:
    """Of one number, and not of every one."""
    if a % 5 == 4:
        raise ValueError("four")
    return (a + tag) % 5


@op(version=1)
def dice(a: int, *, tag: int, cup: Cup) -> int:
    """Another number each time."""
    return cup.throw()


@op(version=1)
def keep(last: int, a: int, *, tag: int) -> int:
    """Of its own last value."""
    return (last * 3 + a + tag) % 7


@op(version=1)
async def stream(a: int, *, tag: int) -> AsyncIterator[int]:
    """Says three values, the last of which counts."""
    yield a % 2
    yield (a + tag) % 5
    yield (a * 2 + tag) % 5


@op(version=1)
def told(state: State[int], *, tag: int) -> int:
    """Of a node's state."""
    match state:
        case Settled(value):
            return value
        case Failed():
            return -1
        case _:
            return -2


@op(version=1)
def is_odd(a: int) -> bool:
    """Of one number."""
    return a % 2 == 1


@op(version=1)
def total(xs: Sequence[int], *, tag: int) -> int:
    """Of a collection, whose order matters."""
    return (sum((place + 1) * x for place, x in enumerate(xs)) + tag) % 50


@op(version=1)
def tops(xs: Sequence[int]) -> tuple[Top, ...]:
    """Elements with an identity."""
    return tuple(Top(name, sum(f"t{x % 3}" == name for x in xs)) for name in sorted({f"t{x % 3}" for x in xs}))


@op(version=1)
def size_of(top: Top) -> int:
    """Of an element with an identity."""
    return top.size


@op(version=1)
def paint(a: int) -> Blob:
    """Makes content."""
    return Blob.from_bytes(b"%d" % a)


@op(version=1)
def weigh(groups: Mapping[int, Sequence[int]]) -> int:
    """Of a mapping."""
    return sum(key * len(group) for key, group in groups.items())


def larger(a: int, b: int) -> int:
    """The larger."""
    return max(a, b)


def third(a: int) -> int:
    """A remainder."""
    return a % 3


@dataclass(frozen=True, slots=True)
class NodePlan:
    """A node: its kind, what it reads by name (`to.` before it: through the reference), and a number of its own."""

    name: str
    kind: str
    reads: tuple[str, ...]
    tag: int = 0
    eager: bool = False
    retries: bool = False

    def __str__(self) -> str:
        """One line."""
        more = " eager" * self.eager + " retries" * self.retries
        return f"{self.name} = {self.kind}({', '.join(self.reads)}; {self.tag}){more}"


@dataclass(frozen=True, slots=True)
class GraphPlan:
    """Two types: `Left` with fields x, y and items xs, and `Right`, which reads a Left through `to`, and `of`, an
    element of one. Each is a tuple of nodes in order."""

    left: tuple[NodePlan, ...]
    right: tuple[NodePlan, ...]

    def of(self, entity: str) -> tuple[NodePlan, ...]:
        """The computed nodes of an entity of a story."""
        return self.right if entity.startswith("right") else self.left

    def node(self, entity: str, name: str) -> NodePlan | None:
        """A computed node."""
        return next((plan for plan in self.of(entity) if plan.name == name), None)


SORTS = {"each": "list", "filter": "list", "order": "list", "tops": "tops", "sizes": "list", "group": "groups",
         "odd": "bool", "paint": "blob"}  # fmt: skip
"""What a kind gives, where it is not a number."""
LOOSE = frozenset({"told", "good"})
"""Kinds whose value depends on which calls broke, not on inputs alone."""


def sort_of(kind: str) -> str:
    """What a kind of node gives: `int list tops groups bool blob`."""
    return SORTS.get(kind, "int")


# What is wired -----------------------------------------------------------------------------------------------------


def make_types(plan: GraphPlan) -> tuple[type[Entity], type[Entity]]:
    """The two types, compiled from the plan."""
    body: dict[str, Any] = {
        "__annotations__": {"x": Field[int], "y": Field[int]},
        "__module__": __name__,
        "x": field(default=0),
        "y": field(default=0),
        "xs": items(int),
    }
    for each in plan.left:
        body[each.name] = _wired(each, [body[name] for name in each.reads])
    left = type("Left", (Entity,), dict(body))
    to: Any = ref()
    of: Any = ref()
    other: dict[str, Any] = {
        "__annotations__": {"to": Ref[left], "of": Ref[int]},  # type: ignore[valid-type]
        "__module__": __name__,
        "to": to,
        "of": of,
    }
    for each in plan.right:
        inputs = [to.at(body[name[3:]]) if name.startswith("to.") else other[name] for name in each.reads]
        other[each.name] = _wired(each, inputs)
    return left, type("Right", (Entity,), other)


def _wired(plan: NodePlan, inputs: list[Any]) -> Any:
    how: dict[str, Any] = {"eager": True} if plan.eager else {}
    if plan.retries:
        how["retry"] = Retry(3, 0.01)
    tagged: dict[str, Callable[..., Any]] = {
        "one": one, "two": two, "fragile": fragile, "dice": dice, "stream": stream, "total": total
    }  # fmt: skip
    first = inputs[0]
    match plan.kind:
        case "keep":
            return derive(partial(keep, tag=plan.tag), first, initial=0, **how)
        case "live":
            return derive(partial(one, tag=plan.tag), first.partials, **how)
        case "told":
            return derive(partial(told, tag=plan.tag), first.state, **how)
        case "good":
            return derive(partial(total, tag=plan.tag), first.settled, **how)
        case "each":
            return first.each(partial(two if len(inputs) > 1 else fragile, tag=plan.tag), *inputs[1:], **how)
        case "odd" | "tops" | "paint" | "weigh":
            untagged: dict[str, Any] = {"odd": is_odd, "tops": tops, "paint": paint, "weigh": weigh}
            return derive(untagged[plan.kind], first, **how)
        case "sizes":
            return first.each(size_of, **how)
        case "choose" | "filter" | "order" | "group" | "count" | "reduce":
            return choose(*inputs) if plan.kind == "choose" else _whole(plan.kind, first)
        case _:
            return derive(partial(tagged[plan.kind], tag=plan.tag), *inputs, **how)


def _whole(kind: str, source: Any) -> Any:
    match kind:
        case "filter":
            return source.filter(is_odd)
        case "order":
            return source.order(third)
        case "group":
            return source.group(third)
        case "count":
            return source.count()
        case _:
            return source.reduce(larger, 0)


# What should be shown ----------------------------------------------------------------------------------------------


def evaluated(plan: NodePlan, inputs: Sequence[Value]) -> Value:
    """What a node shows for these inputs, from scratch; not for `dice`, `keep`, `each` and `choose`, which take more
    than that to say."""
    if plan.kind == "told":
        return -1 if inputs[0] is ERROR else UNKNOWN if inputs[0] is ABSENT else inputs[0]
    if plan.kind == "good" and isinstance(inputs[0], tuple):
        good = [value for _, value in inputs[0] if value is not ERROR]
        return (sum((place + 1) * x for place, x in enumerate(good)) + plan.tag) % 50
    if any(_is_broken(value) for value in inputs):
        return ERROR
    return _WORTH[plan.kind](plan.tag, *inputs)


def _is_broken(value: Value) -> bool:
    return value is ERROR or (isinstance(value, tuple) and any(part is ERROR for _, part in value))


def fragile_value(tag: int, a: int) -> Value:
    """What `fragile` gives, or that it fails."""
    return ERROR if a % 5 == 4 else (a + tag) % 5


def two_value(tag: int, a: int, b: int) -> int:
    """What `two` gives."""
    return (a * 5 + b * 3 + tag) % 4


def _top_values(tag: int, xs: Value) -> Value:
    names = sorted({f"t{x % 3}" for _, x in xs})
    return tuple((name, {"name": name, "size": sum(f"t{x % 3}" == name for _, x in xs)}) for name in names)


_WORTH: dict[str, Callable[..., Value]] = {
    "one": lambda tag, a: (a * 7 + tag * 3) % 5,
    "live": lambda tag, a: (a * 7 + tag * 3) % 5,
    "two": two_value,
    "fragile": fragile_value,
    "stream": lambda tag, a: (a * 2 + tag) % 5,
    "odd": lambda tag, a: a % 2 == 1,
    "total": lambda tag, xs: (sum((place + 1) * x for place, (_, x) in enumerate(xs)) + tag) % 50,
    "count": lambda tag, xs: len(xs),
    "reduce": lambda tag, xs: max([0, *(x for _, x in xs)]),
    "filter": lambda tag, xs: tuple((key, x) for key, x in xs if x % 2 == 1),
    "order": lambda tag, xs: tuple(sorted(xs, key=lambda pair: pair[1] % 3)),
    "group": lambda tag, xs: Groups((rest, [x for _, x in xs if x % 3 == rest]) for rest in {x % 3 for _, x in xs}),
    "weigh": lambda tag, groups: sum(key * len(group) for key, group in groups.items()),
    "tops": _top_values,
    "sizes": lambda tag, some: tuple((key, top["size"]) for key, top in some),
    "paint": lambda tag, a: shape_of(Blob).to_plain(Blob.from_bytes(b"%d" % a)),
}


# What is drawn -----------------------------------------------------------------------------------------------------

_NUMBERS = ("one", "two", "two", "two", "fragile", "dice", "keep", "stream", "live", "told", "choose", "paint")
_LISTS = ("each", "each", "filter", "order", "group", "count", "reduce", "total", "total", "good", "tops")


def random_graph(rnd: random.Random, *, nodes_max: int = 14) -> GraphPlan:
    """A graph of up to that many nodes: chains, diamonds and fan-outs over fields, and whatever collections offer."""
    left: list[NodePlan] = []
    sorts = {"x": "int", "y": "int", "xs": "list"}
    wide = rnd.random() < 0.5  # else a narrow graph, whose nodes lean on the newest: long chains
    for number in range(rnd.randint(2, nodes_max)):
        for plan in _drawn(rnd, f"n{number}", left, sorts, wide=wide):
            left.append(plan)
            sorts[plan.name] = sort_of(plan.kind)
    right = _drawn_right(rnd, sorts, left)
    return GraphPlan(tuple(left), tuple(right))


def _drawn(
    rnd: random.Random, name: str, left: list[NodePlan], sorts: Mapping[str, str], *, wide: bool
) -> list[NodePlan]:
    numbers = [each for each, sort in sorts.items() if sort == "int"]
    lists = [each for each, sort in sorts.items() if sort == "list"]
    some = numbers if wide else numbers[-3:]
    eager, retries = rnd.random() < 0.3, rnd.random() < 0.2
    tag = rnd.randrange(5)

    def plan(kind: str, *reads: str, name: str = name) -> NodePlan:
        is_called = kind not in ("choose", "filter", "order", "group", "count", "reduce")
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


def _drawn_right(rnd: random.Random, sorts: Mapping[str, str], left: Sequence[NodePlan]) -> list[NodePlan]:
    numbers = [name for name, sort in sorts.items() if sort == "int"]
    lists = [name for name, sort in sorts.items() if sort == "list"]
    right = [NodePlan("seen", "one", ("to." + rnd.choice(numbers[-3:]),), 7)]
    if rnd.random() < 0.6:
        right.append(NodePlan("all", "total", ("to." + rnd.choice(lists),), 5))
    if rnd.random() < 0.4:
        right.append(NodePlan("mine", "each", ("to." + rnd.choice(lists),), 3))
        right.append(NodePlan("sum", "total", ("mine",), 2))
    if rnd.random() < 0.5:
        right.append(NodePlan("pinned", "fragile", ("of",), 1))
    if rnd.random() < 0.4:
        right.append(NodePlan("both", "two", ("seen", "to." + rnd.choice(numbers)), 1))
    return right
