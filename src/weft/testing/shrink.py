"""Shrinking: from a story that breaks a rule to a small one that breaks the same rule.

Acts are left out in pieces that get smaller, then intents of the acts that stay, then nodes that nothing reads, then
what is wrong with the world; again and again until nothing more can go.

Knows nothing of rules. Invariant: the story returned breaks what the one given broke, and is no longer.
Source: Zeller's delta debugging; QuickCheck.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import TypeVar

from weft.testing.graph_plan import GraphPlan, NodePlan
from weft.testing.late_runner import Lateness
from weft.testing.story import Fail, Story, Tell, Watch

T = TypeVar("T")


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
        names = {"left": {plan.name for plan in graph.left}, "right": {plan.name for plan in graph.right}}
        names["other"] = names["left"]
        acts = [act for act in story.acts if not isinstance(act, Watch) or act.node in names[act.entity]]
        yield replace(story, graph=graph, acts=tuple(acts))
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
    for size in (4, 2, 1):
        for place in range(len(graph.left) - size, -1, -1):
            left = (*graph.left[:place], *graph.left[place + size :])
            if _holds(left, graph.right):
                yield replace(graph, left=left)
    for place in range(len(graph.right)):
        right = (*graph.right[:place], *graph.right[place + 1 :])
        if _holds(graph.left, right):
            yield replace(graph, right=right)
    for place, plan in enumerate(graph.left):
        if plan.eager or plan.retries:
            plainer = replace(plan, eager=False, retries=False)
            yield replace(graph, left=(*graph.left[:place], plainer, *graph.left[place + 1 :]))


def _holds(left: Sequence[NodePlan], right: Sequence[NodePlan]) -> bool:
    """Whether everything read is there."""
    mine, others = {"x", "y", "xs", *(plan.name for plan in left)}, {"of", *(plan.name for plan in right)}
    return all(read in mine for plan in left for read in plan.reads) and all(
        read[3:] in mine if read.startswith("to.") else read in others for plan in right for read in plan.reads
    )


def _simpler_acts(act: object) -> Iterator[Tell | Fail]:
    if isinstance(act, Tell):
        for intents in _without(act.intents):
            if intents:
                yield replace(act, intents=tuple(intents))
        if not act.waits or act.posted or act.again or act.blob:
            yield replace(act, waits=True, posted=False, again=False, blob=False)
            yield replace(act, posted=False, again=False, blob=False)
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
