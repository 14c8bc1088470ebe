"""Graphs as plain values: which nodes there are, what each reads, and what each should show.

A plan is compiled to types, with real operations, and evaluated from scratch, without them: the second is what the
engine is held against. Values are small numbers, so that they come back, cut off and coincide often.

Knows nothing of engines, logs or cuts.
Invariant: a node reads only nodes before it, so every plan is a graph without loops.
Source: property-based testing of compilers (random programs beside a reference interpreter).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache, partial
from typing import Any, TypeAlias

from weft import (
    Blob,
    Debounce,
    Entity,
    Field,
    Ref,
    Retry,
    choose,
    counter,
    derive,
    entries,
    field,
    fold,
    items,
    ref,
    text,
)
from weft.definition import compile_type
from weft.matching import Similar
from weft.spec import TypeSpec
from weft.testing.plan_operations import (
    Heaped,
    described,
    dice,
    echo,
    fragile,
    fragile_again,
    heaped,
    is_odd,
    keep,
    larger,
    length,
    one,
    one_again,
    paint,
    poster,
    regrouped,
    score,
    size_of,
    stream,
    third,
    told,
    topics_of,
    tops,
    total,
    total_again,
    two,
    two_again,
    weigh,
)
from weft.value import shape_of

ERROR = "an error"
ABSENT = "nothing"
UNKNOWN = "not to be known"
"""What a reference says where the rules leave open what is shown."""

Value: TypeAlias = Any
"""What a node shows, as plain content; or `ERROR`, `ABSENT`, `UNKNOWN`. Of a collection: pairs (element, value)."""


class Groups(dict[int, list[int]]):
    """What `group` gives, told apart from a value that is a map."""


@dataclass(frozen=True, slots=True)
class NodePlan:
    """A node: its kind, what it reads by name (`to.` or `next.` before it: through that reference), a number of its
    own, which version of its operation it calls, and when: `restart`, `debounce`, both or neither."""

    name: str
    kind: str
    reads: tuple[str, ...]
    tag: int = 0
    eager: bool = False
    retries: bool = False
    version: int = 1
    policy: tuple[str, ...] = ()

    def __str__(self) -> str:
        """One line."""
        more = " eager" * self.eager + " retries" * self.retries + f" version {self.version}" * (self.version > 1)
        more += "".join(f" {each}" for each in self.policy)
        return f"{self.name} = {self.kind}({', '.join(self.reads)}; {self.tag}){more}"


@dataclass(frozen=True, slots=True)
class GraphPlan:
    """Three types, each a tuple of nodes in order: `Left` with what `FIELDS` says that it is told; `Right`, which reads
    a Left through `to`, and `of`, an element of one; and `Link`, which reads a Left or another Link through `next`,
    and shows under a name of Left's what it makes of that. Without nodes there is no Link. `defaults`: of x and y."""

    left: tuple[NodePlan, ...]
    right: tuple[NodePlan, ...]
    links: tuple[NodePlan, ...] = ()
    defaults: tuple[int, int] = (0, 0)
    is_told_more: bool = False
    """Whether Left has the fields that are woven into some stories, too."""

    def of(self, type: str) -> tuple[NodePlan, ...]:
        """The computed nodes of a type."""
        return {"Left": self.left, "Right": self.right, "Link": self.links}[type]


def type_of(entity: str) -> str:
    """Which type an entity of a story is of, by what the story calls it."""
    return "Left" if entity in ("left", "other") else "Right" if entity == "right" else "Link"


REFERENCES = {"to": "Right", "of": "Right", "next": "Link"}
"""The references, with the type that has each."""
FIELDS = {"x": "int", "y": "int", "xs": "list", "note": "text",
          "clicks": "int", "page": "text", "marks": "marks", "heap": "int"}  # fmt: skip
"""What Left is told: two fields, items, a text that is set; a counter, a text that several edit at once, entries, and a
fold of one's own."""
BASIC = ("x", "y", "xs", "note")
"""Those that every story tells; the others are woven into some."""
UNTOLD: dict[str, Value] = {"note": "", "clicks": 0, "page": "", "marks": {}, "heap": 0}
"""What those say that were never told, apart from x and y, whose defaults a graph declares."""
DEBOUNCE = Debounce(0.01, 0.04)
SORTS = {
    "each": "list", "filter": "list", "order": "list", "tops": "tops", "sizes": "list", "topics": "topics",
    "texts": "list", "group": "groups", "odd": "bool", "paint": "blob", "echo": "text", "poster": "blob",
}  # fmt: skip
"""What a kind gives, where it is not a number."""
EACHES = frozenset({"each", "sizes", "texts"})
"""Kinds with a slot for each element."""
LOOSE = frozenset({"told", "good"})
"""Kinds whose value depends on which calls broke, not on inputs alone."""
VERSIONED = frozenset({"one", "two", "fragile", "total", "each"})
"""Kinds whose operation comes in two versions."""
UNTAGGED = frozenset(
    {
        "choose",
        "filter",
        "order",
        "group",
        "count",
        "reduce",
        "odd",
        "tops",
        "sizes",
        "texts",
        "paint",
        "weigh",
        "poster",
    }
)
"""Kinds whose number says nothing: no operation takes it."""
UNCALLED = frozenset({"choose", "filter", "order", "group", "count", "reduce"})
"""Kinds that call no operation of their own."""


def sort_of(kind: str) -> str:
    """What a kind of node gives: `int list tops groups bool blob text`."""
    return SORTS.get(kind, "int")


# What is wired -----------------------------------------------------------------------------------------------------


@lru_cache(maxsize=128)
def make_types(plan: GraphPlan) -> tuple[type[Entity], ...]:
    """The types, compiled from the plan: Left, Right and, where it has nodes, Link."""
    body: dict[str, Any] = {
        "__annotations__": {"x": Field[int], "y": Field[int], "note": Field[str]},
        "__module__": __name__,
        "x": field(default=plan.defaults[0]),
        "y": field(default=plan.defaults[1]),
        "note": field(default=""),
        "xs": items(int),
    }
    if plan.is_told_more:
        body |= {"clicks": counter(), "page": text(), "marks": entries(int, int)}
        body["heap"] = fold(0).on(Heaped, heaped)
    for each in plan.left:
        body[each.name] = _wired(each, [body[name] for name in each.reads])
    left = type("Left", (Entity,), dict(body))
    right = _through("Right", plan.right, body, {"to": Ref[left], "of": Ref[int]})  # type: ignore[valid-type]
    if not plan.links:
        return left, right
    return left, right, _through("Link", plan.links, body, {"next": Ref[left]})  # type: ignore[valid-type]


@lru_cache(maxsize=128)
def compiled_types(plan: GraphPlan) -> dict[type[Entity], TypeSpec]:
    """What those declare, whichever story tells of them first."""
    return {kind: compile_type(kind) for kind in make_types(plan)}


def _through(name: str, plans: Sequence[NodePlan], left: dict[str, Any], refs: dict[str, Any]) -> type[Entity]:
    """A type whose nodes read a Left through references."""
    body: dict[str, Any] = {"__annotations__": refs, "__module__": __name__, **{each: ref() for each in refs}}
    for plan in plans:
        through = [read.partition(".") for read in plan.reads]
        inputs = [body[held].at(left[node]) if node else body[held] for held, _, node in through]
        body[plan.name] = _wired(plan, inputs)
    return type(name, (Entity,), body)


def _wired(plan: NodePlan, inputs: list[Any]) -> Any:
    how = _options(plan)
    is_second, first = plan.version == 2, inputs[0]
    tagged: dict[str, Callable[..., Any]] = {
        "one": one_again if is_second else one, "two": two_again if is_second else two,
        "fragile": fragile_again if is_second else fragile, "total": total_again if is_second else total,
        "dice": dice, "stream": stream, "echo": echo, "length": length, "score": score,
    }  # fmt: skip
    match plan.kind:
        case "keep":
            return derive(_tagged(keep, plan.tag), first, initial=0, **how)
        case "live":
            return derive(_tagged(one, plan.tag), first.partials, **how)
        case "told":
            return derive(_tagged(told, plan.tag), first.state, **how)
        case "good":
            return derive(_tagged(total, plan.tag), first.settled, **how)
        case "each":
            called = tagged["two" if len(inputs) > 1 else "fragile"]
            return first.each(_tagged(called, plan.tag), *inputs[1:], **how)
        case "odd" | "tops" | "paint" | "weigh" | "poster":
            untagged: dict[str, Any] = {"odd": is_odd, "tops": tops, "paint": paint, "weigh": weigh, "poster": poster}
            return derive(untagged[plan.kind], first, **how)
        case "topics":
            return derive(_tagged(regrouped, plan.tag), first, match=Similar("name", "books"), **how)
        case "sizes" | "texts":
            return first.each(size_of if plan.kind == "sizes" else described, **how)
        case "choose" | "filter" | "order" | "group" | "count" | "reduce":
            return choose(*inputs) if plan.kind == "choose" else _whole(plan.kind, first)
        case _:
            return derive(_tagged(tagged[plan.kind], plan.tag), *inputs, **how)


@cache
def _tagged(called: Callable[..., Any], tag: int) -> Callable[..., Any]:
    """The operation with that number. One object for each: what it calls is looked up in its source once."""
    return partial(called, tag=tag)


def _options(plan: NodePlan) -> dict[str, Any]:
    """When it is run."""
    how: dict[str, Any] = {"eager": True} if plan.eager else {}
    if plan.retries:
        how["retry"] = Retry(3, 0.01)
    if "restart" in plan.policy:
        how["restart"] = True
    if "debounce" in plan.policy:
        how["debounce"] = DEBOUNCE
    return how


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
    if any(is_broken(value) for value in inputs):
        return ERROR
    if plan.version == 2 and plan.kind != "total":
        return _AGAIN[plan.kind](plan.tag, *inputs)
    return _WORTH[plan.kind](plan.tag + (plan.version == 2), *inputs)


def is_broken(value: Value) -> bool:
    """Whether it is an error, or a collection with one."""
    return value is ERROR or (isinstance(value, tuple) and any(part is ERROR for _, part in value))


def fragile_value(tag: int, a: int, version: int = 1) -> Value:
    """What `fragile` gives, or that it fails."""
    return ERROR if a % 5 == 5 - version else (a + tag + version - 1) % 5


def two_value(tag: int, a: int, b: int, version: int = 1) -> int:
    """What `two` gives."""
    return (a * 5 + b * 3 + tag + version - 1) % 4


def _top_values(tag: int, xs: Value) -> Value:
    names = sorted({f"t{x % 3}" for _, x in xs})
    return tuple((name, {"name": name, "size": sum(f"t{x % 3}" == name for _, x in xs)}) for name in names)


def _topic_values(tag: int, xs: Value) -> Value:
    return tuple((name, {"name": name, "books": [*books]}) for name, books in topics_of([x for _, x in xs], tag))


_WORTH: dict[str, Callable[..., Value]] = {
    "one": lambda tag, a: (a * 7 + tag * 3) % 5,
    "live": lambda tag, a: (a * 7 + tag * 3) % 5,
    "two": two_value,
    "fragile": fragile_value,
    "stream": lambda tag, a: (a * 2 + tag) % 5,
    "odd": lambda tag, a: a % 2 == 1,
    "total": lambda tag, xs: (sum((place + 1) * x for place, (_, x) in enumerate(xs)) + tag) % 50,
    "topics": _topic_values,
    "texts": lambda tag, some: tuple((id, (len(one["name"]) + 3 * len(one["books"])) % 5) for id, one in some),
    "score": lambda tag, marks: (sum(key * value for key, value in marks.items()) + tag) % 50,
    "count": lambda tag, xs: len(xs),
    "reduce": lambda tag, xs: max([0, *(x for _, x in xs)]),
    "filter": lambda tag, xs: tuple((key, x) for key, x in xs if x % 2 == 1),
    "order": lambda tag, xs: tuple(sorted(xs, key=lambda pair: pair[1] % 3)),
    "group": lambda tag, xs: Groups((rest, [x for _, x in xs if x % 3 == rest]) for rest in {x % 3 for _, x in xs}),
    "weigh": lambda tag, groups: sum(key * len(group) for key, group in groups.items()),
    "tops": _top_values,
    "sizes": lambda tag, some: tuple((key, top["size"]) for key, top in some),
    "paint": lambda tag, a: shape_of(Blob).to_plain(Blob.from_bytes(b"%d" % a)),
    "echo": lambda tag, text: ERROR if "bad" in text else f"{text}, {tag}",
    "length": lambda tag, text: (len(text) + tag) % 5,
    "poster": lambda tag, text: shape_of(Blob).to_plain(Blob.from_bytes(text.encode())),
}
_AGAIN: dict[str, Callable[..., Value]] = {
    "one": lambda tag, a: (a * 7 + tag * 3 + 1) % 5,
    "two": lambda tag, a, b: two_value(tag, a, b, 2),
    "fragile": lambda tag, a: fragile_value(tag, a, 2),
}
