"""Scenarios: stories drawn to press on one guard, where the stories of all seeds would meet it seldom.

Knows nothing of the guards: each scenario is a kind of world, and the rules are those of every run.
Invariant: a scenario and a seed give one story.
Source: swarm testing: many narrow generators find more than one wide one.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace

from weft.testing.graph_change import Change
from weft.testing.graph_drawing import random_changes, random_graph
from weft.testing.graph_plan import GraphPlan, NodePlan
from weft.testing.late_runner import Lateness
from weft.testing.story import (
    ELEMENTS,
    ENTITIES,
    LINKS,
    VALUES,
    Act,
    Fail,
    Fill,
    Forget,
    Intent,
    Pause,
    Redefine,
    Reopen,
    RetryFailed,
    Settle,
    Story,
    Tell,
    Watch,
    leads_round,
    redefined,
)
from weft.testing.weaving import field_intent, topic_intents, with_policies

SEEN = NodePlan("seen", "one", ("to.x",), 7)
PINNED = NodePlan("pinned", "fragile", ("of",), 1)


class _Draft:
    """Acts under way."""

    def __init__(self, name: str, seed: int) -> None:
        self.rnd = random.Random(f"{name} {seed}")
        self.told = 0

    def tell(self, *intents: Intent, waits: float = 0.6) -> Tell:
        """An edit that is waited for with that chance."""
        self.told += 1
        return Tell(f"e{self.told}", intents, waits=self.rnd.random() < waits)

    def pause(self) -> Pause:
        """A moment."""
        return Pause(self.rnd.choice((0.001, 0.01, 0.06)))


def removed_readers(seed: int) -> Story:
    """Elements come and go under whoever refers to them, while their calls are out."""
    draft = _Draft("removed readers", seed)
    rnd = draft.rnd
    left = (
        NodePlan("n0", "each", ("xs",), 2),
        NodePlan("n1", "each", ("n0", "x"), 1),
        NodePlan("n2", "total", ("n1",)),
    )
    acts: list[Act] = [Watch("right", "pinned"), Watch("left", "n2")]
    for _ in range(rnd.randint(8, 20)):
        element = rnd.choice(ELEMENTS[:3])
        add: Intent = ("left", "xs", "add", rnd.randrange(1, 900), element)
        choices: list[Act] = [
            draft.tell(add),
            draft.tell(add, ("left", "x", "set", rnd.choice(VALUES))),
            draft.tell(("left", "xs", "remove", element)),
            draft.tell(("left", "xs", "remove", element)),
            draft.tell(("right", "of", "pin", "left", rnd.choice(("n0", "n1")), element)),
            draft.pause(),
            Settle(),
        ]
        acts.append(rnd.choice(choices))
    return Story(seed, GraphPlan(left, (SEEN, PINNED)), tuple(acts), Lateness(rnd.choice((0.01, 0.1))))


def late_ok(seed: int) -> Story:
    """Two entities make equal calls, of which some break and others come out well, in either order."""
    draft = _Draft("late ok", seed)
    rnd = draft.rnd
    left = (NodePlan("n0", "one", ("x",), 2), NodePlan("n1", "two", ("n0", "y"), 1), NodePlan("n2", "one", ("n1",), 3))
    acts: list[Act] = [Watch(entity, "n2") for entity in ("left", "other")]
    acts += [Watch("right", "seen")]
    for _ in range(rnd.randint(5, 14)):
        x, y = rnd.choice(VALUES), rnd.choice(VALUES)
        both = [(entity, name, "set", v) for entity in ("left", "other") for name, v in (("x", x), ("y", y))]
        crash = Fail(rnd.choice(("results kept", "after commit", "attempt sent")), rnd.randint(1, 3))
        tells = (draft.tell(*both), draft.tell(*both), draft.tell(*both[:2]))
        acts.append(rnd.choice((*tells, draft.pause(), Settle(), RetryFailed(), crash)))
    # In the end one that dies just after the good result is durable, and before it could have the others tried again.
    both = [(entity, name, "set", 1) for entity in ("left", "other") for name in ("x", "y")]
    acts += [Fail("results kept", rnd.randint(1, 4)), draft.tell(*both), Pause(0.06)]
    lateness = Lateness(0.05, 0.2, 0.2, 0.4, 0.5)
    return Story(seed, GraphPlan(left, (SEEN,)), tuple(acts), lateness)


def constant_change(seed: int) -> Story:
    """Inputs that never rest, under slow siblings with common dependents: marks move with every record."""
    draft = _Draft("constant change", seed)
    rnd = draft.rnd
    left = [NodePlan("n0", "one", ("x",), 1), NodePlan("n1", "one", ("y",), 2), NodePlan("n2", "odd", ("n0",))]
    numbers = ["x", "y", "n0", "n1"]
    for number in range(3, rnd.randint(6, 10)):
        kind = rnd.choice(("two", "two", "two", "one", "choose"))
        reads = ("n2", *rnd.choices(numbers, k=2)) if kind == "choose" else tuple(rnd.choices(numbers[-4:], k=2))
        left.append(NodePlan(f"n{number}", kind, reads[:1] if kind == "one" else reads, rnd.randrange(5)))
        numbers.append(f"n{number}")
    right = (SEEN, NodePlan("last", "one", (f"to.{numbers[-1]}",), 2))
    acts: list[Act] = [Watch("left", plan.name) for plan in left if rnd.random() < 0.7]
    acts += [Watch("right", "last"), Watch("left", numbers[-1])]
    for _ in range(rnd.randint(12, 36)):
        entity = rnd.choice(("left", "left", "left", "other"))
        change = draft.tell((entity, rnd.choice("xy"), "set", rnd.choice(VALUES)), waits=0.3)
        point = draft.tell(("right", "to", "point", rnd.choice(("left", "other"))))
        acts.append(rnd.choice((change, change, change, change, draft.pause(), point)))
    return Story(seed, GraphPlan(tuple(left), right), tuple(acts), Lateness(rnd.choice((0.01, 0.05)), 0.2))


def slow_siblings(seed: int) -> Story:
    """Siblings of which each takes longer than the inputs rest, with readers of several and of what was told."""
    draft = _Draft("slow siblings", seed)
    rnd = draft.rnd
    left = [NodePlan("n0", "one", ("x",), 1), NodePlan("n1", "one", (rnd.choice("xy"),), 2)]
    left += [NodePlan("n2", "odd", (rnd.choice(("n0", "x")),)), NodePlan("n3", "each", ("xs", "x"), 1)]
    left += [NodePlan("n4", "choose", ("n2", "n0", "n1"), 4), NodePlan("n5", "total", ("n3",), 2)]
    numbers = ["x", "y", "n0", "n1", "n4", "n5"]
    for number in range(6, rnd.randint(7, 11)):
        left.append(NodePlan(f"n{number}", "two", tuple(rnd.choices(numbers[-5:], k=2)), rnd.randrange(5)))
        numbers.append(f"n{number}")
    right = (SEEN, NodePlan("last", "one", (f"to.{numbers[-1]}",), 2))
    acts: list[Act] = [Watch("left", plan.name) for plan in left if rnd.random() < 0.5]
    acts += [Watch("right", "last"), Watch("left", numbers[-1])]
    for _ in range(rnd.randint(16, 40)):
        intents: list[Intent] = [("left", "x", "set", rnd.randrange(1000)), ("left", "y", "set", rnd.randrange(1000))]
        element = rnd.choice(ELEMENTS)
        if rnd.random() < 0.2:
            intents.append(("left", "xs", rnd.choice(("add", "add", "remove")), rnd.randrange(1, 900), element))
            if intents[-1][2] == "remove":
                intents[-1] = ("left", "xs", "remove", element)
        if rnd.random() < 0.1:
            intents.append(("right", "to", "point", rnd.choice(("left", "other"))))
        acts += [draft.tell(*intents), Pause(0.005)]
        if rnd.random() < 0.03:
            acts.append(Fail(rnd.choice(("attempt sent", "results kept", "after commit")), rnd.randint(1, 3)))
    lateness = Lateness(rnd.choice((0.02, 0.05)), 0.1, 0.1, rnd.choice((0.0, 0.0, 0.1)), 0.5)
    return Story(seed, GraphPlan(tuple(left), right), tuple(acts), lateness, quick_inline=rnd.random() < 0.3)


def zombies(seed: int) -> Story:
    """Engines die with calls under way, whose answers reach the next engine, some of them twice."""
    draft = _Draft("zombies", seed)
    rnd = draft.rnd
    left = (
        NodePlan("n0", "one", ("x",), 1), NodePlan("n1", "dice", ("x",), 2), NodePlan("n2", "two", ("n0", "n1"), 3),
        NodePlan("n3", "each", ("xs", "x"), 1), NodePlan("n4", "total", ("n3",), 2), NodePlan("n5", "keep", ("y",), 1),
    )  # fmt: skip
    acts: list[Act] = [Watch("left", plan.name) for plan in left]
    points = ("", "", "attempt sent", "attempt sent", "call ended", "results settled", "before commit", "after commit")
    for _ in range(rnd.randint(10, 24)):
        choices: list[Act] = [
            draft.tell(("left", rnd.choice("xy"), "set", rnd.choice(VALUES))),
            draft.tell(("left", "xs", "add", rnd.randrange(1, 900), rnd.choice(ELEMENTS))),
            draft.tell(("left", "xs", "remove", rnd.choice(ELEMENTS))),
            draft.pause(),
            Fail(rnd.choice(points), rnd.randint(1, 3)),
            Reopen(),
        ]
        acts.append(rnd.choice(choices))
    return Story(seed, GraphPlan(left, (SEEN,)), tuple(acts), Lateness(0.1, 0.1, 0.4, 0.0, 1.0))


def forgotten(seed: int) -> Story:
    """What many read, through references and each other, is erased, told anew under its name, and erased again; some
    programs die in the middle of it."""
    draft = _Draft("forgotten", seed)
    rnd = draft.rnd
    left = (
        NodePlan("n0", "echo", ("note",), 0, eager=rnd.random() < 0.5), NodePlan("n1", "length", ("n0",), 1),
        NodePlan("n2", "each", ("xs", "n1"), 2), NodePlan("n3", "poster", (rnd.choice(("note", "n0")),)),
        NodePlan("n4", "dice", ("x",), 1),
    )  # fmt: skip
    right = (
        NodePlan("heard", "echo", (f"to.{rnd.choice(('note', 'n0'))}",), 8), NodePlan("long", "length", ("heard",), 0),
        NodePlan("mine", "each", ("to.n2",), 3), NodePlan("sum", "total", ("mine",), 2), PINNED,
    )  # fmt: skip
    goal = rnd.choice((NodePlan("note", "echo", ("next.note",), 5), NodePlan("xs", "each", ("next.xs",), 1)))
    far = NodePlan("far", "length" if goal.kind == "echo" else "total", (goal.name,), 1)
    acts: list[Act] = [Watch("right", plan.name) for plan in right]
    acts += [Watch(link, "far") for link in LINKS]
    acts += [Watch("left", plan.name) for plan in left if rnd.random() < 0.6]
    for _ in range(rnd.randint(8, 18)):
        entity, link = rnd.choice(ENTITIES), rnd.choice(LINKS)
        gone = rnd.choice(("left", "left", "other", link, "right"))
        kind = "Left" if gone in ENTITIES else "Right" if gone == "right" else "Link"
        held = () if gone in ENTITIES else ((gone, "to" if gone == "right" else "next", "point", entity),)
        crash = Fail(rnd.choice(("before commit", "after commit", "results kept")), rnd.randint(1, 2))
        choices: list[tuple[Act, ...]] = [
            (draft.tell((entity, "note", "say", rnd.randrange(6))),),
            (draft.tell((entity, "note", "say", rnd.randrange(6)), (entity, "xs", "add", 5, rnd.choice(ELEMENTS))),),
            (draft.tell(("right", "to", "point", entity)),),
            (draft.tell(("right", "of", "pin", entity, "n2", rnd.choice(ELEMENTS))),),
            (draft.tell((link, "next", "point", entity)),),
            (draft.pause(),), (Settle(),), (Settle(),), (Reopen(),),
            (Forget(gone),), (crash, Forget(gone)), (Forget(gone), draft.tell((gone, "", "create", kind), *held)),
        ]  # fmt: skip
        acts += rnd.choice(choices)
    lateness = Lateness(rnd.choice((0.005, 0.05)), 0.5, 0.1, rnd.choice((0.0, 0.0, 0.2)), 0.5)
    return Story(seed, GraphPlan(left, right, (goal, far)), tuple(acts), lateness, quick_inline=rnd.random() < 0.3)


def declared_anew(seed: int) -> Story:
    """The types change while calls are out, and back again; who reads what changed may be of another type."""
    draft = _Draft("declared anew", seed)
    rnd = draft.rnd
    first = random_graph(rnd, nodes_max=8)
    names = [plan.name for plan in first.left if plan.kind == "each"]
    graph = replace(first, right=(*(plan for plan in first.right if plan.name != "pinned"), PINNED))
    first = graph
    acts: list[Act] = [Watch("right", plan.name) for plan in graph.right]
    acts += [Watch("left", plan.name) for plan in graph.left]
    for number in range(rnd.randint(6, 16)):
        entity, name = rnd.choice(ENTITIES), rnd.choice(names or ["n0"])
        choices: list[Act] = [
            draft.tell((entity, rnd.choice("xy"), "set", rnd.choice(VALUES))),
            draft.tell((entity, "xs", "add", rnd.randrange(1, 900), rnd.choice(ELEMENTS))),
            draft.tell(("right", "of", "pin", entity, name, rnd.choice(ELEMENTS))) if names else draft.pause(),
            draft.pause(),
            Settle(),
        ]
        if rnd.random() < 0.4:
            back = graph != first and rnd.random() < 0.4
            changes = random_changes(rnd, graph, number) if not back else ()
            if names and not back and rnd.random() < 0.2:
                changes = (Change("Left", name),)
            act = Redefine(changes, live=rnd.random() < 0.6, back=back)
            graph = redefined(graph, first, act)
            refuses = (Fail("types defined", 1), Fail("before commit", 1), Fill(1))
            acts += [rnd.choice(refuses)] if rnd.random() < 0.25 else []
            acts.append(act)
        acts.append(rnd.choice(choices))
    lateness = Lateness(rnd.choice((0.02, 0.1)), 0.2, 0.1, rnd.choice((0.0, 0.0, 0.2)), 0.5)
    return Story(seed, first, tuple(acts), lateness, quick_inline=rnd.random() < 0.3)


def trading_places(seed: int) -> Story:
    """Links that trade where they lead, turn round and close rings, in one edit, while what they lead to changes."""
    draft = _Draft("trading places", seed)
    rnd = draft.rnd
    left = (NodePlan("n0", "one", ("x",), 1), NodePlan("n1", "each", ("xs", "n0"), 2))
    goal = rnd.choice(("x", "n0", "xs", "n1"))
    kind, far = ("one", "two") if goal in ("x", "n0") else ("each", "total")
    links = (
        NodePlan(goal, kind, (f"next.{goal}",), 1),
        NodePlan("far", far, (goal, f"next.{goal}") if far == "two" else (goal,), 2),
    )
    acts: list[Act] = [Watch(link, node) for link in LINKS for node in ("far", goal) if rnd.random() < 0.8]
    ways = {"a": "left", "b": "a", "c": "other"}
    for _ in range(rnd.randint(8, 20)):
        one, two, three = rnd.sample(LINKS, 3)
        turns: list[dict[str, str]] = [
            {one: ways[two], two: ways[one]},
            {one: ways[two], two: ways[one]},
            {one: two, two: ways[one]},
            {one: ways[two], two: ways[three], three: ways[one]},
            {one: rnd.choice(ENTITIES), two: one, three: two},
        ]
        turn = rnd.choice(turns)
        if not leads_round(ways | turn):
            ways |= turn
        intents: list[Intent] = [(link, "next", "point", turn[link]) for link in rnd.sample(sorted(turn), len(turn))]
        entity = rnd.choice(ENTITIES)
        changes: list[Intent] = [
            (entity, "x", "set", rnd.choice(VALUES)),
            (entity, "xs", "add", rnd.randrange(1, 900), rnd.choice(ELEMENTS)),
            (entity, "xs", "remove", rnd.choice(ELEMENTS)),
        ]
        if rnd.random() < 0.4:
            intents.insert(rnd.randrange(len(intents) + 1), rnd.choice(changes))
        choices: list[Act] = [draft.tell(*intents), draft.tell(*intents), draft.tell(rnd.choice(changes))]
        acts.append(rnd.choice([*choices, draft.pause(), Settle()]))
        if rnd.random() < 0.05:
            acts.append(Fail(rnd.choice(("attempt sent", "results kept", "after commit")), rnd.randint(1, 3)))
    lateness = Lateness(rnd.choice((0.005, 0.05)), 0.3, 0.1, 0.0, 0.5)
    return Story(seed, GraphPlan(left, (SEEN,), links), tuple(acts), lateness, quick_inline=rnd.random() < 0.3)


def begun_anew(seed: int) -> Story:
    """Calls that are begun anew when an input changes, or once none has changed for a while, beside others that are
    finished; inputs that rest now and then, and engines that die."""
    story = slow_siblings(seed)
    rnd = random.Random(f"begun anew {seed}")
    rests = [Pause(rnd.choice((0.02, 0.06))) if rnd.random() < 0.15 else act for act in story.acts]
    return with_policies(replace(story, acts=tuple(rests)), rnd)


def told_otherwise(seed: int) -> Story:
    """A counter, a text that several edit, entries and a fold of one's own, told in a hurry and read together."""
    draft = _Draft("told otherwise", seed)
    rnd = draft.rnd
    left = (
        NodePlan("n0", "two", ("clicks", "heap"), 1), NodePlan("n1", "score", ("marks",), 2),
        NodePlan("n2", "length", ("page",), 3), NodePlan("n3", "two", ("n1", "n2"), 1),
        NodePlan("n4", "two", ("n3", "n0"), 2), NodePlan("n5", "echo", ("page",)),
    )  # fmt: skip
    right = (SEEN, NodePlan("last", "two", ("to.n4", rnd.choice(("to.clicks", "to.heap", "seen"))), 2))
    acts: list[Act] = [Watch("right", "last"), Watch("left", "n4"), Watch("left", "n5")]
    for _ in range(rnd.randint(10, 26)):
        told = draft.tell(*(field_intent(rnd) for _ in range(rnd.choice((1, 1, 2, 3)))), waits=0.4)
        told = replace(told, posted=rnd.random() < 0.2, again=rnd.random() < 0.15)
        crash = Fail(rnd.choice(("attempt sent", "results kept", "after commit", "before commit")), rnd.randint(1, 3))
        acts.append(rnd.choices((told, draft.pause(), Settle(), Reopen(), crash), (12, 3, 2, 1, 1))[0])
    lateness = Lateness(rnd.choice((0.02, 0.08)), 0.2, 0.1, 0.0, 0.5)
    graph = GraphPlan(left, right, is_told_more=True)
    return Story(seed, graph, tuple(acts), lateness, quick_inline=rnd.random() < 0.3)


def regrouped(seed: int) -> Story:
    """Groups of a list are made and named anew whenever it changes, while others refer to them."""
    draft = _Draft("regrouped", seed)
    rnd = draft.rnd
    left = (
        NodePlan("t0", "topics", ("xs",), rnd.randrange(5)), NodePlan("t1", "texts", ("t0",)),
        NodePlan("t2", "total", ("t1",), 1), NodePlan("n0", "filter", ("t1",)),
    )  # fmt: skip
    right = (SEEN, PINNED, NodePlan("mine", "each", ("to.t1",), 3), NodePlan("sum", "total", ("mine",), 2))
    acts: list[Act] = [Watch("right", "pinned"), Watch("right", "sum"), Watch("left", "t2"), Watch("other", "t2")]
    for _ in range(rnd.randint(12, 30)):
        told = draft.tell(*topic_intents(rnd), waits=0.6)
        turn = draft.tell(("right", "to", "point", rnd.choice(ENTITIES)))
        crash = Fail(rnd.choice(("attempt sent", "results kept", "after commit", "before commit")), rnd.randint(1, 3))
        acts.append(rnd.choices((told, turn, draft.pause(), Settle(), Reopen(), crash), (14, 1, 2, 6, 1, 1))[0])
    lateness = Lateness(rnd.choice((0.005, 0.05)), 0.3, 0.1, rnd.choice((0.0, 0.0, 0.2)), 0.5)
    return Story(seed, GraphPlan(left, right), tuple(acts), lateness, quick_inline=rnd.random() < 0.3)


SCENARIOS: dict[str, Callable[[int], Story]] = {
    each.__name__: each
    for each in (
        removed_readers, late_ok, constant_change, slow_siblings, zombies, forgotten, declared_anew, trading_places,
        begun_anew, told_otherwise, regrouped,
    )
}  # fmt: skip
"""By name."""
