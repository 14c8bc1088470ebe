"""The stories of seeds: every rule holds in each, and each can be told again, byte for byte."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace

import pytest

from weft.testing.crash import POINTS
from weft.testing.rule import RuleBroken
from weft.testing.scenarios import zombies
from weft.testing.shrink import shrink
from weft.testing.simulation import simulate
from weft.testing.story import Fail, Story, Tell, make_story


@pytest.mark.parametrize("first", [0, 50, 100])
def test_every_rule_holds_in_the_stories_of_seeds(first: int) -> None:
    for seed in range(first, first + 50):
        broken = simulate(make_story(seed)).broken
        assert broken is None, f"{broken}\n{make_story(seed)}"


def test_a_story_writes_one_log_however_often_it_is_told() -> None:
    for seed in range(5):
        assert simulate(make_story(seed)).digest == simulate(make_story(seed)).digest


def test_a_seed_writes_the_same_log_in_every_process() -> None:
    program = (
        "from weft.testing.simulation import simulate; from weft.testing.story import make_story\n"
        "print([simulate(make_story(seed)).digest for seed in (40, 58, 61)])"
    )
    said = [
        subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("0", "1")
    ]
    assert said[0] == said[1]


@pytest.mark.parametrize("point", POINTS)
def test_a_program_dies_at_every_point_and_every_rule_holds(point: str) -> None:
    crashes = 0
    for seed in range(200):
        story = make_story(seed)
        acts = tuple(act for act in story.acts if not isinstance(act, Fail))
        run = simulate(replace(story, acts=(Fail(point, 1), *acts)))
        assert run.broken is None, f"{run.broken} at {point!r} in seed {seed}"
        crashes += run.crashes[point]
        if crashes >= 2:
            return
    raise AssertionError(f"no story passes {point!r}")


def test_a_disk_that_says_it_has_synced_and_has_not_is_found_out() -> None:
    rules = set()
    for seed in range(20):
        broken = simulate(zombies(seed), lies=True).broken
        assert broken is None or isinstance(broken, RuleBroken)
        rules |= {broken.rule} if broken is not None else set()
    assert "I1" in rules


def test_a_failing_story_is_cut_down_to_what_it_takes() -> None:
    story = make_story(3)
    told = [act for act in story.acts if isinstance(act, Tell)]
    assert len(told) > 3

    def breaks(smaller: Story) -> bool:
        return any(isinstance(act, Tell) and act.name == told[2].name for act in smaller.acts)

    small = shrink(story, breaks)

    (act,) = small.acts
    assert isinstance(act, Tell) and act.name == told[2].name and len(act.intents) == 1
    assert small.graph.left == small.graph.right == ()
    assert told[2].name in str(small)
