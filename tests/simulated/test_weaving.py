"""What is woven into stories, and what is known of elements that a matcher tells apart."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Iterator

import pytest

from weft.testing.computed import Computed, computed_in
from weft.testing.graph_change import holds
from weft.testing.known_elements import KnownElements, heir_of
from weft.testing.rule import RuleBroken
from weft.testing.scenarios import regrouped, told_otherwise
from weft.testing.simulation import Simulation
from weft.testing.story import Story, Tell, make_story
from weft.testing.weaving import with_fields, with_policies, with_topics


def is_within(few: Iterable[object], many: Iterable[object]) -> bool:
    """Whether all of them are there, in their order."""
    left: Iterator[object] = iter(many)
    return all(one in left for one in few)


@pytest.mark.parametrize("weave", [with_fields, with_topics, with_policies])
def test_what_a_story_told_it_tells_still(weave: object) -> None:
    for seed in range(30):
        story = told_otherwise(seed)
        found = weave(story, random.Random(seed))  # type: ignore[operator]

        assert isinstance(found, Story) and holds(found.graph)
        assert is_within(story.acts, found.acts)
        assert is_within([p.name for p in story.graph.left], [p.name for p in found.graph.left])


def test_some_stories_of_seeds_have_each_of_it() -> None:
    drawn: Counter[str] = Counter()
    for seed in range(200):
        story = make_story(seed)
        drawn["fields"] += story.graph.is_told_more
        drawn["topics"] += any(plan.kind == "topics" for plan in story.graph.left)
        drawn["policies"] += any(plan.policy for plan in story.graph.left)
        drawn["none"] += not any(isinstance(act, Tell) and act.name == "w1" for act in story.acts)
    assert min(drawn.values()) > 5 and drawn["none"] > 100


def lists_of(seed: int) -> list[Computed]:
    """The lists that were accepted of an entity whose groups a matcher tells apart."""
    simulation = Simulation(regrouped(seed))
    assert simulation.run().broken is None
    results = [one for record in simulation.machine.disk.platter.records() for one in computed_in(record)]
    return [one for one in results if one.slot == ("left", "t0", "") and one.is_ok]


def test_ids_that_do_not_follow_from_what_was_before_are_found() -> None:
    lists = next(found for seed in range(20) if len(found := lists_of(seed)) > 3)
    known = KnownElements()
    for one in lists[:-1]:
        known.read(one)
    last = lists[-1]
    if last.match is None:
        wrong = last._replace(outcome={**last.outcome, "ids": ["another"] * len(last.elements)})
    else:
        wrong = last._replace(match={**last.match, "merged": [["another", 0, 1.0]]})

    with pytest.raises(RuleBroken, match="L14"):
        known.read(wrong)


def test_what_went_into_another_is_found_there_however_often() -> None:
    assert heir_of("a", {"a": "b", "b": "c"}) == "c"
    assert heir_of("c", {"a": "b", "b": "c"}) == "c"
    assert heir_of("a", {"a": "b", "b": "a"}) in ("a", "b")
