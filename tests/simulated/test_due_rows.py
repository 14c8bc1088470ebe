"""The model of due rows: it says what the engine's arithmetic says, and finds a row that no record accounts for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weft.graph import Due
from weft.schedule import due_after, due_by
from weft.slot import SlotKey
from weft.store import DUE, Batch
from weft.testing.row_bounds import NEVER, NO_ROW, Bounds, exactly, fits, made_due, settled, worded
from weft.testing.rule import RuleBroken
from weft.testing.rules import TurnRules
from weft.testing.scenarios import constant_change
from weft.testing.simulation import Simulation
from weft.testing.story import make_story

CUTS = st.integers(1, 9)
ROWS = st.one_of(st.none(), st.tuples(CUTS, CUTS).map(lambda pair: Due(min(pair), max(pair))))


@given(row=ROWS, cut=CUTS, before=CUTS | st.just(NEVER))
def test_a_row_that_is_known_becomes_what_the_engine_makes_of_it(row: Due | None, cut: int, before: int) -> None:
    assert made_due(exactly(row), (cut, cut), (before, before)) == exactly(due_by(cut, row, before))


@given(row=ROWS, at=CUTS, is_stale=st.booleans(), is_final=st.booleans())
def test_a_row_that_is_known_is_left_as_the_engine_leaves_it(
    row: Due | None, at: int, is_stale: bool, is_final: bool
) -> None:
    left = due_after(at, row, is_stale=is_stale, is_final=is_final)

    assert settled(exactly(row), at, is_stale=is_stale, is_final=is_final) == exactly(left)


@given(row=ROWS, cut=CUTS, at=CUTS, slack=st.integers(0, 3), is_stale=st.booleans())
def test_what_is_allowed_holds_what_becomes_of_each_row_in_it(
    row: Due | None, cut: int, at: int, slack: int, is_stale: bool
) -> None:
    wide = (
        NO_ROW if row is None else frozenset({Bounds(row.first - slack, row.first + slack, row.last, row.last + slack)})
    )

    due = made_due(wide | NO_ROW, (cut, cut + slack), (NEVER, NEVER))
    left = settled(wide, at, is_stale=is_stale, is_final=True)

    assert fits(due_by(cut, row, NEVER), due)
    assert fits(due_after(at, row, is_stale=is_stale, is_final=True), left)


def test_what_is_allowed_is_said_in_words() -> None:
    assert worded(frozenset({None, Bounds(3, 3, 4, 7)})) == "a row of 3 to 4…7 or no row"


def rules_after(seed: int) -> tuple[TurnRules, Simulation]:
    simulation = Simulation(make_story(seed))
    assert simulation.run().broken is None
    return simulation.rules, simulation


@pytest.mark.parametrize("row", [(1, 1), (2, 3)])
def test_a_row_that_no_record_accounts_for_is_found(row: tuple[int, int]) -> None:
    rules, simulation = rules_after(5)
    store = simulation.machine.disk.platter
    keys = [SlotKey("left", plan.name) for plan in simulation.story.graph.left if plan.kind != "each"]
    key = next(key for key in keys if key not in rules.due.rows)
    batch = Batch()
    batch.put(DUE, key, row)
    store.append(batch, epoch=store.acquire())

    with pytest.raises(RuleBroken, match="should have no row"):
        rules.due.check(store, [key])


def test_an_engine_that_begins_is_asked_for_every_row() -> None:
    rules, simulation = rules_after(5)
    store = simulation.machine.disk.platter
    batch = Batch()
    batch.put(DUE, SlotKey("left", "n0"), (1, 1))
    store.append(batch, epoch=store.acquire())

    rules.due.check(store, [])
    rules.begin_life()
    with pytest.raises(RuleBroken, match="due rows"):
        rules.due.check(store, [])


def test_rows_are_held_against_the_model_all_the_while() -> None:
    checked = 0
    for seed in range(12):
        for story in (make_story(seed), constant_change(seed)):
            simulation = Simulation(story)
            broken = simulation.run().broken
            assert broken is None, f"{broken}\n{story}"
            checked += simulation.rules.due.checked
    assert checked > 1500
