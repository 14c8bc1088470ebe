"""Figures: what cases took, each beside yardsticks that were measured right before and right after it.

A machine that others use too is quick at one moment and slow at the next, for seconds on end. A ratio whose two sides
were measured within the same moment says the same in both.

Invariant: every sample of a case has one value of each yardstick beside it.
Source: paired measurements; the interleaved runs of Go's benchstat.
"""

from __future__ import annotations

import gc
import statistics
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from benchmarks.case import Case
from benchmarks.yardsticks import GROUP


class Sample(NamedTuple):
    """Seconds per unit, of a case and of each yardstick about then."""

    took: float
    beside: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Figures:
    """The samples of each case and each yardstick, by name."""

    samples: Mapping[str, Sequence[Sample]]

    def seconds(self, name: str) -> float:
        """The median of what it took, per unit."""
        return statistics.median(sample.took for sample in self.samples[name])

    def times(self, name: str, of: str) -> float:
        """How often `of` fits into it: the median of the samples' ratios for a yardstick, else the medians' ratio."""
        samples = self.samples[name]
        if all(of in sample.beside for sample in samples):
            return statistics.median(sample.took / sample.beside[of] for sample in samples)
        return self.seconds(name) / self.seconds(of)


def measured(cases: Sequence[Case], rounds: int) -> Figures:
    """Every round takes each case once, in order, and the yardsticks before, between and after them."""
    yardsticks = [case for case in cases if case.group == GROUP]
    others = [case for case in cases if case.group != GROUP]
    samples: dict[str, list[Sample]] = {case.name: [] for case in cases}
    assert len(samples) == len(cases), "two cases have one name"
    for number in range(rounds):
        before = _taken(yardsticks)
        for case in others:
            if number < case.rounds_max:
                if case.prepare is not None:
                    case.prepare()
                    before = _taken(yardsticks)
                gc.collect(case.garbage)
                took, after = case.measure(), _taken(yardsticks)
                beside = {name: (before[name] + after[name]) / 2 for name in before}
                samples[case.name].append(Sample(took, beside))
                before = after
        for name, took in before.items():
            samples[name].append(Sample(took, before))
        print(f"\rround {number + 1} of {rounds}", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    return Figures(samples)


def _taken(yardsticks: Iterable[Case]) -> dict[str, float]:
    return {case.name: case.measure() for case in yardsticks}
