"""Simulated runs: stories told from seeds, each on a machine that fails, beside a reference of what is right.

A seed that breaks a rule is printed with its story, cut down to what is needed. Prints a line of counts, and how often
programs died at each point; the same seeds give the same lines on every machine, the time apart. With `--scenario` the
stories are those of a narrow world that presses on one guard; with `--flows` they are of runs of flows.

Invariant: exits with 0 only if every rule held in every run, and each run could be repeated.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from tests.simulated.test_found import STORIES
from weft.testing.crash import POINTS
from weft.testing.flow_simulation import FlowRun, simulate_flows
from weft.testing.flow_story import FLOW_POINTS, FlowStory, make_flow_story, shrink_story
from weft.testing.scenarios import SCENARIOS
from weft.testing.shrink import shrink
from weft.testing.simulation import Run, simulate
from weft.testing.story import Story, make_story

REPEAT_EVERY = 100
"""Each so-manieth seed is run twice, and must write the same log."""
FAILURES_MAX = 3
SHRINK_RUNS_MAX = 400
SEED_S_MAX = 60
"""A seed that takes longer, where only the first that breaks a rule is looked for, never ends."""


def found(seed: int) -> Story:
    """A story that once broke a rule, by another chance each time that its turn comes round."""
    story = list(STORIES.values())[seed % len(STORIES)]
    return replace(story, seed=story.seed + seed // len(STORIES))


AnyStory: TypeAlias = Story | FlowStory
FLOWS = "flows"
WORLDS: dict[str, Callable[[int], AnyStory]] = {**SCENARIOS, "found": found, FLOWS: make_flow_story}
"""What can be told beside stories of all kinds of graphs."""


def run_story(story: AnyStory) -> Run | FlowRun:
    """What comes of a story."""
    return simulate_flows(story) if isinstance(story, FlowStory) else simulate(story)


@dataclass(slots=True)
class Total:
    """What many runs came to."""

    runs: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    crashes: Counter[str] = field(default_factory=Counter)
    digest: str = ""
    failed: list[int] = field(default_factory=list)

    def add(self, run: Run | FlowRun) -> None:
        """Take a run in."""
        self.runs += 1
        self.counts.update(run.counts)
        self.crashes.update(run.crashes)
        self.digest = hashlib.sha256((self.digest + run.digest).encode()).hexdigest()
        if run.broken is not None:
            self.failed.append(run.seed)


def run_seeds(
    first: int, seeds: int, *, failures_max: int = FAILURES_MAX, make: Callable[[int], AnyStory] = make_story
) -> Total:
    """Run so many seeds from `first` on; stops at so many failures. Prints each failure with its story."""
    total = Total()
    for seed in range(first, first + seeds):
        run = run_story(make(seed))
        total.add(run)
        if run.broken is not None:
            print_failure(make(seed), run)
            if len(total.failed) >= failures_max:
                break
        elif seed % REPEAT_EVERY == 0 and run_story(make(seed)).digest != run.digest:
            print(f"seed {seed} wrote two different logs: it cannot be repeated")
            total.failed.append(seed)
    return total


def print_first(first: int, seeds: int, make: Callable[[int], AnyStory]) -> int:
    """Print the first seed that breaks a rule, and which, or that it never ends; returns 1, or 0 if there is none."""

    def end(*_: object) -> None:
        print(f"{seed}\tit never ends", flush=True)
        os._exit(1)  # whatever loops there would take an exception for one of its own

    signal.signal(signal.SIGALRM, end)
    for seed in range(first, first + seeds):
        signal.alarm(SEED_S_MAX)
        broken = run_story(make(seed)).broken
        signal.alarm(0)
        if broken is not None:
            print(f"{seed}\t{broken.rule}")
            return 1
    return 0


def print_failure(story: AnyStory, run: Run | FlowRun) -> None:
    """The rule that did not hold, and the smallest story found in which it does not."""
    print(f"seed {story.seed}: {run.broken}", flush=True)
    small = smallest(story, run)
    print(f"cut down:\n{small}\n{run_story(small).broken}", flush=True)


def smallest(story: AnyStory, run: Run | FlowRun) -> AnyStory:
    """A small story that breaks the rule that the run broke."""
    assert run.broken is not None
    rule = run.broken.rule

    def breaks(smaller: AnyStory) -> bool:
        broken = run_story(smaller).broken
        return broken is not None and broken.rule == rule

    if isinstance(story, FlowStory):
        return shrink_story(story, breaks, runs_max=SHRINK_RUNS_MAX)
    return shrink(story, breaks, runs_max=SHRINK_RUNS_MAX)


def print_total(total: Total, *, took_s: float, points: Sequence[str] = POINTS) -> None:
    """A line of counts, and one of crashes at these points."""
    counts = ", ".join(f"{count:,} {name}" for name, count in total.counts.items())
    print(f"{total.runs:,} seeds: {counts}; digest {total.digest[:16]}")
    died = ", ".join(f"{point} {total.crashes[point]}" for point in points if total.crashes[point])
    print(f"{total.crashes.total():,} crashes: {died or 'none'}")
    never = [point for point in points if not total.crashes[point]]
    if never:
        print(f"never died at: {', '.join(never)}")
    failed = f"FAILED: {', '.join(map(str, total.failed))}" if total.failed else "every rule held"
    print(f"{failed}; {took_s:.1f} s, {1000 * took_s / max(1, total.runs):.1f} ms a seed")


def main(arguments: Sequence[str]) -> int:
    """Run seeds, or show one; 0 if every rule held."""
    parser = argparse.ArgumentParser(description="Run simulated stories, and hold every moment against a reference.")
    parser.add_argument("--seeds", type=int, default=1000, help="how many (default 1000)")
    parser.add_argument("--first", type=int, default=0, help="the first of them (default 0)")
    parser.add_argument("--seed", type=int, help="one seed alone")
    parser.add_argument("--story", action="store_true", help="print that seed's story")
    parser.add_argument("--every-point", action="store_true", help="fail where programs died at some point never")
    parser.add_argument("--scenario", choices=sorted(WORLDS), help="stories of that kind, not of all kinds")
    parser.add_argument("--flows", dest="scenario", action="store_const", const=FLOWS, help="stories of runs of flows")
    parser.add_argument("--brief", action="store_true", help="print the first seed that breaks a rule, and stop there")
    options = parser.parse_args(arguments)
    make = WORLDS[options.scenario] if options.scenario else make_story
    if options.story and options.seed is None:
        parser.error("--story needs --seed")
    if options.seeds < 1:
        parser.error("--seeds is at least 1")
    first, seeds = (options.seed, 1) if options.seed is not None else (options.first, options.seeds)
    if options.story:
        print(make(first))
    if options.brief:
        return print_first(first, seeds, make)
    began = time.perf_counter()
    total = run_seeds(first, seeds, make=make)
    points = FLOW_POINTS if options.scenario == FLOWS else POINTS
    print_total(total, took_s=time.perf_counter() - began, points=points)
    missed = options.every_point and any(not total.crashes[point] for point in points)
    return 1 if total.failed or missed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
