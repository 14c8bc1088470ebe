"""Shrinking: from a story that breaks a rule to a small one that breaks the same rule.

Acts are left out in pieces that get smaller, then nodes that nothing reads, then intents and changes of the acts that
stay, then what is wrong with the world; again and again until nothing more can go.

Knows nothing of rules. Invariant: the story returned breaks what the one given broke, and is no longer.
Source: Zeller's delta debugging; QuickCheck.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import TypeVar

from weft.testing.graph_change import holds
from weft.testing.graph_plan import GraphPlan, type_of
from weft.testing.late_runner import Lateness
from weft.testing.story import Fail, Redefine, Story, Tell, Watch, graphs_of

T = TypeVar("T")
TYPES = ("Left", "Right", "Link")


def shrink(story: Story, breaks: Callable[[Story], bool], *, runs_max: int = 600) -> Story:
    """The smallest story found in so many runs. `breaks`: whether a story still shows what is looked for."""
    left = runs_max
    is_smaller = True
    while is_smaller and left > 0:
        is_smaller = False
        for smaller in _smaller(story):
            left -= 1
            if left <= 0:
                break
            if breaks(smaller):
                story, is_smaller = smaller, True
                break
    return story


def _smaller(story: Story) -> Iterator[Story]:
    """Stories a step smaller, the boldest first."""
    for acts in _without(story.acts):
        yield replace(story, acts=tuple(acts))
    for graph in _smaller_graphs(story.graph):
        smaller = replace(story, graph=graph)
        seen = {(type, plan.name) for one in graphs_of(smaller) for type in TYPES for plan in one.of(type)}
        acts = [act for act in story.acts if not isinstance(act, Watch) or (type_of(act.entity), act.node) in seen]
        yield replace(smaller, acts=tuple(acts))
    for place, act in enumerate(story.acts):
        for simpler in _simpler_acts(act):
            yield replace(story, acts=(*story.acts[:place], simpler, *story.acts[place + 1 :]))
    yield from _calmer(story)


def _without(acts: Sequence[T]) -> Iterator[list[T]]:
    size = len(acts) // 2
    while size:
        for start in range(0, len(acts), size):
            yield [*acts[:start], *acts[start + size :]]
        size //= 2


def _smaller_graphs(graph: GraphPlan) -> Iterator[GraphPlan]:
    """Without some nodes; those of what changes later go with what changes them."""
    if graph.links:
        yield replace(graph, links=())
    for size in (4, 2, 1):
        for place in range(len(graph.left) - size, -1, -1):
            yield from _held(replace(graph, left=(*graph.left[:place], *graph.left[place + size :])))
    for place in range(len(graph.right)):
        yield from _held(replace(graph, right=(*graph.right[:place], *graph.right[place + 1 :])))
    for place in range(len(graph.links)):
        yield from _held(replace(graph, links=(*graph.links[:place], *graph.links[place + 1 :])))
    for place, plan in enumerate(graph.left):
        if plan.eager or plan.retries or plan.policy:
            plainer = replace(plan, eager=False, retries=False, policy=())
            yield replace(graph, left=(*graph.left[:place], plainer, *graph.left[place + 1 :]))


def _held(graph: GraphPlan) -> Iterator[GraphPlan]:
    if holds(graph):
        yield graph


def _simpler_acts(act: object) -> Iterator[Tell | Fail | Redefine]:
    if isinstance(act, Tell):
        for intents in _without(act.intents):
            if intents:
                yield replace(act, intents=tuple(intents))
        if not act.waits or act.posted or act.again or act.blob:
            yield replace(act, waits=True, posted=False, again=False, blob=False)
            yield replace(act, posted=False, again=False, blob=False)
    if isinstance(act, Redefine):
        for changes in _without(act.changes):
            yield replace(act, changes=tuple(changes))
        if act.back:
            yield replace(act, back=False)
    if isinstance(act, Fail) and act.count > 1:
        yield replace(act, count=1)


def _calmer(story: Story) -> Iterator[Story]:
    calm = Lateness(story.lateness.delay_s_max, story.lateness.prompt, 0.0, 0.0, 0.0)
    if story.lateness != calm:
        yield replace(story, lateness=calm)
        yield replace(story, lateness=replace(story.lateness, breaks=0.0))
        yield replace(story, lateness=replace(story.lateness, twice=0.0))
    if story.quick_inline:
        yield replace(story, quick_inline=False)
