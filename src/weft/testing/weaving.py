"""What is woven into some stories beside what all of them tell: policies of nodes, fields of other kinds, lists that a
model regroups.

A story is drawn first, and what is woven into it after that and by a chance of its own: so a seed goes on telling what
it told before there was more to tell.

Knows nothing of how anything is wired or folded. Invariant: what was in a story is in it still, in the same order.
Source: aspect weaving; swarm testing.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import replace

from weft.testing.graph_plan import UNCALLED, GraphPlan, NodePlan
from weft.testing.story import ELEMENTS, ENTITIES, Act, Intent, Story, Tell, Watch

WORDS = ("sea", "ocean ", "no ", "far")
NAMES = ("sea", "old sea", "fire", "old fire", "garden", "sea and more", "old fire and more", "fire and more")
PINNED = NodePlan("pinned", "fragile", ("of",), 1)
POLICIES = (("restart",), ("debounce",), ("restart", "debounce"))


def woven(story: Story, rnd: random.Random) -> Story:
    """The story with more in it, or as it is."""
    kinds = [
        one
        for one, chance in ((with_policies, 0.08), (with_fields, 0.06), (with_topics, 0.06))
        if rnd.random() < chance
    ]
    for kind in kinds:
        story = kind(story, rnd)
    return story


def with_policies(story: Story, rnd: random.Random) -> Story:
    """Some of its nodes are begun anew when an input changes, or once nothing has changed for a while."""

    def planned(plans: Sequence[NodePlan]) -> tuple[NodePlan, ...]:
        return tuple(
            replace(plan, policy=rnd.choice(POLICIES)) if plan.kind not in UNCALLED and rnd.random() < 0.4 else plan
            for plan in plans
        )

    graph = story.graph
    return replace(story, graph=replace(graph, left=planned(graph.left), right=planned(graph.right)))


# Fields of other kinds -----------------------------------------------------------------------------------------------


def with_fields(story: Story, rnd: random.Random) -> Story:
    """A counter, a text that several edit, entries and a fold of one's own are told, and read."""
    tag = rnd.randrange(5)
    nodes = [
        NodePlan("w0", "two", ("clicks", rnd.choice(("heap", "x", "clicks"))), tag),
        NodePlan("w1", "score", ("marks",), tag),
        NodePlan("w2", "length", ("page",), tag),
        NodePlan("w3", "one", ("heap",), tag),
    ]
    chosen = [plan for plan in nodes if rnd.random() < 0.6] or nodes[1:3]
    numbers = [plan.name for plan in chosen]
    if len(numbers) > 1:
        chosen.append(NodePlan("w4", "two", (numbers[0], numbers[-1]), tag))
    left = (*story.graph.left, *chosen)
    right = (*story.graph.right, NodePlan("w", "one", (f"to.{rnd.choice(['clicks', *numbers])}",), tag))
    graph = replace(story.graph, left=left, right=right, is_told_more=True)
    watches = [*(Watch("left", plan.name) for plan in chosen), Watch("right", "w")]
    return _with(story, graph, watches, [_field_intents(rnd) for _ in range(rnd.randint(3, 8))], rnd)


def _field_intents(rnd: random.Random) -> tuple[Intent, ...]:
    return tuple(field_intent(rnd) for _ in range(rnd.choice((1, 1, 2))))


def field_intent(rnd: random.Random) -> Intent:
    """Something that is told to one of the other fields."""
    entity = rnd.choice(("left", "left", "other"))
    kinds: list[Callable[[], Intent]] = [
        lambda: (entity, "clicks", "increment", rnd.choice((1, 1, 2, -1, 0))),
        lambda: (entity, "page", "type", rnd.randrange(6), rnd.choice(WORDS)),
        lambda: (entity, "page", "cut", rnd.randrange(6), rnd.randrange(1, 4)),
        lambda: (entity, "marks", "put", rnd.randrange(3), rnd.randrange(4)),
        lambda: (entity, "marks", "put", rnd.randrange(3), rnd.randrange(4)),
        lambda: (entity, "marks", "drop", rnd.randrange(3)),
        lambda: (entity, "heap", "heap", rnd.choice((1, 3, 5, 5, 9))),
    ]
    return rnd.choice(kinds)()


# Lists that a model regroups ---------------------------------------------------------------------------------------


def with_topics(story: Story, rnd: random.Random) -> Story:
    """A list is regrouped and renamed as it changes; what was made of its elements is read, and referred to."""
    lists = ["xs", "xs", *(plan.name for plan in story.graph.left if plan.kind in ("filter", "order"))]
    chosen = [
        NodePlan("t0", "topics", (rnd.choice(lists),), rnd.randrange(5)),
        NodePlan("t1", "texts", ("t0",)),
        NodePlan("t2", "total", ("t1",), 1),
    ]
    right = (
        story.graph.right if any(plan.name == "pinned" for plan in story.graph.right) else (*story.graph.right, PINNED)
    )
    graph = replace(story.graph, left=(*story.graph.left, *chosen), right=right)
    watches = [Watch("right", "pinned"), *(Watch(entity, "t2") for entity in ENTITIES if rnd.random() < 0.8)]
    return _with(story, graph, watches, [topic_intents(rnd) for _ in range(rnd.randint(4, 12))], rnd)


def topic_intents(rnd: random.Random) -> tuple[Intent, ...]:
    """Elements that come and go, so that they are grouped otherwise; or a reference to a group."""
    entity = rnd.choice(("left", "left", "other"))
    if rnd.random() < 0.3:
        return (("right", "of", "pin", entity, "t1", rnd.choice(NAMES)),)
    some = rnd.sample(ELEMENTS, rnd.choice((1, 1, 2, 3)))
    verb = rnd.choice(("add", "add", "remove"))
    return tuple(
        (entity, "xs", "add", rnd.randrange(1, 900), one) if verb == "add" else (entity, "xs", "remove", one)
        for one in some
    )


def _with(
    story: Story, graph: GraphPlan, watches: Sequence[Act], told: Sequence[tuple[Intent, ...]], rnd: random.Random
) -> Story:
    """The story of another graph, with edits at places of their own."""
    acts = list(story.acts)
    first = next((place for place, act in enumerate(acts) if not isinstance(act, Watch)), len(acts))
    for number, intents in enumerate(told, 1):
        chance = rnd.random()
        tell = Tell(f"w{number}", intents, waits=rnd.random() < 0.5, posted=chance < 0.15, again=0.15 < chance < 0.25)
        acts.insert(rnd.randint(first, len(acts)), tell)
    return replace(story, graph=graph, acts=(*watches, *acts))
