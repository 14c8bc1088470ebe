"""Scenarios on a simulated machine: narrow worlds that press on one guard, seed after seed."""

from __future__ import annotations

from collections import Counter

import pytest

from weft.testing.scenarios import (
    begun_anew,
    constant_change,
    declared_anew,
    forgotten,
    late_ok,
    regrouped,
    removed_readers,
    slow_siblings,
    told_otherwise,
    trading_places,
    zombies,
)
from weft.testing.simulation import Simulation, simulate
from weft.testing.story import Story


def check(story: Story) -> None:
    broken = simulate(story).broken
    assert broken is None, f"{broken}\n{story}"


def test_elements_come_and_go_under_those_who_refer_to_them() -> None:
    for seed in range(160):
        check(removed_readers(seed))


def test_late_good_results_after_errors_of_the_same_call() -> None:
    for seed in range(60):
        check(late_ok(seed))


@pytest.mark.parametrize("first", [0, 150])
def test_marks_under_constant_change(first: int) -> None:
    for seed in range(first, first + 150):
        check(constant_change(seed))


def test_slow_siblings_under_inputs_that_never_rest() -> None:
    behind = 0
    for seed in range(80):
        run = simulate(slow_siblings(seed))
        assert run.broken is None, f"{run.broken}\n{slow_siblings(seed)}"
        behind += run.behind
    assert behind > 400  # what reads several of them settles all the while


def test_answers_to_engines_that_have_died() -> None:
    strays = 0
    for seed in range(60):
        run = simulate(zombies(seed))
        assert run.broken is None, f"{run.broken}\n{zombies(seed)}"
        strays += run.strays
    assert strays > 50


def test_what_others_read_is_erased_and_told_anew() -> None:
    erased = 0
    for seed in range(80):
        run = simulate(forgotten(seed))
        assert run.broken is None, f"{run.broken}\n{forgotten(seed)}"
        erased += run.forgotten
    assert erased > 80


def test_types_that_change_under_calls_that_are_out() -> None:
    defined = 0
    for seed in range(100):
        run = simulate(declared_anew(seed))
        assert run.broken is None, f"{run.broken}\n{declared_anew(seed)}"
        defined += run.defined
    assert defined > 150


def test_references_that_trade_places() -> None:
    rings = 0
    for seed in range(100):
        run = simulate(trading_places(seed))
        assert run.broken is None, f"{run.broken}\n{trading_places(seed)}"
        rings += run.rings
    assert rings > 50


def test_calls_that_are_begun_anew_or_wait_for_quiet() -> None:
    for seed in range(40):
        check(begun_anew(seed))


def test_counters_texts_entries_and_folds_told_in_a_hurry() -> None:
    refused = 0
    for seed in range(60):
        run = simulate(told_otherwise(seed))
        assert run.broken is None, f"{run.broken}\n{told_otherwise(seed)}"
        refused += run.rings
    assert refused > 30


def test_groups_that_are_made_and_named_anew_under_those_who_refer_to_them() -> None:
    noted: Counter[str] = Counter()
    for seed in range(60):
        simulation = Simulation(regrouped(seed))
        run = simulation.run()
        assert run.broken is None, f"{run.broken}\n{regrouped(seed)}"
        known = [one for of_list in simulation.reference.elements.values() for one in of_list.known.values()]
        noted.update(flag.what for one in known for flag in one.flags)
        noted["alias"] += sum(bool(one.alias) for one in known)
    assert min(noted[what] for what in ("merged", "split", "revived", "alias")) > 10
