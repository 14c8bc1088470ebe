"""The rules of what is left: a table that says something else than the log does is found, row by row."""

from __future__ import annotations

import contextlib

import pytest

from weft.slot import SlotKey
from weft.store import DUE, VERSION, Batch, Key, Row, Store, Table
from weft.testing.rule import RuleBroken
from weft.testing.rules import check_log, check_rebuilt, hangs_on_reference
from weft.testing.scenarios import SCENARIOS
from weft.testing.simulation import Simulation
from weft.testing.story import Story, make_story


def told(story: Story) -> tuple[Simulation, Store]:
    simulation = Simulation(story)
    assert simulation.run().broken is None
    return simulation, simulation.machine.disk.platter


def put(store: Store, table: Table, key: Key, row: Row | None) -> None:
    batch = Batch()
    batch.put(table, key, row)
    store.append(batch, epoch=store.acquire())
    store.release()


@pytest.mark.parametrize(
    ("by", "was_one_life", "through", "is_found"),
    [
        ((-1, 0), True, True, True),
        ((-1, 0), False, True, False),
        ((-1, 0), False, False, True),
        ((1, 0), False, True, True),
        ((0, 1), True, True, True),
        ((0, 1), False, True, True),
        ((-1, 1), False, True, True),
    ],
)
def test_a_due_row_that_a_rebuild_makes_otherwise_is_found(
    by: tuple[int, int], was_one_life: bool, through: bool, is_found: bool
) -> None:
    simulation, store = told(make_story(34))
    specs = simulation._specs()
    key, row = next((key, row) for key, row in store.rows(DUE) if hangs_on_reference(store, specs, key) == through)
    put(store, DUE, key, (row[0] + by[0], row[1] + by[1]))  # type: ignore[operator]

    with pytest.raises(RuleBroken, match="rows of due differ") if is_found else contextlib.nullcontext():
        check_rebuilt(store, specs, epoch=store.acquire(), was_one_life=was_one_life)


RIGHT = {
    22535: "an edit is refused to one program while another, which dies before it hears of it, has it kept",
    78559: "what is below a reference is due since when that is",
}
"""Seeds whose stories rules once took for broken."""


@pytest.mark.parametrize("seed", RIGHT)
def test_what_is_right_is_not_taken_for_broken(seed: int) -> None:
    told(make_story(seed))


def test_what_was_refused_and_is_there_is_found() -> None:
    simulation, store = told(make_story(34))
    id = next(iter(simulation.promises.acknowledged))
    del simulation.promises.acknowledged[id]
    simulation.promises.begin(id)
    simulation.promises.end(id, is_denied=True)

    with pytest.raises(RuleBroken, match=f"refused, and there: {id}"):
        check_log(store, simulation.promises)


def test_a_due_row_that_a_rebuild_makes_and_an_engine_had_not_is_found() -> None:
    simulation, store = told(make_story(35))
    key = next(key for key, _ in store.rows(DUE) if key[2] != "")
    put(store, DUE, key, None)

    with pytest.raises(RuleBroken, match="rows of due differ after a rebuild"):
        check_rebuilt(store, simulation._specs(), epoch=store.acquire(), was_one_life=False)


def test_an_element_that_shows_an_older_value_is_found_also_where_something_was_erased() -> None:
    simulation, store = told(SCENARIOS["forgotten"](10))
    key, row = next((key, row) for key, row in store.rows(VERSION) if key[2] != "" and b"gone" not in bytes(row[2]))  # type: ignore[arg-type]
    check_log(store, simulation.promises)
    put(store, VERSION, key, (row[0] - 1, row[1] - 1, row[2]))  # type: ignore[operator]

    with pytest.raises(RuleBroken, match=f"L2.*{SlotKey(*map(str, key)).node}"):
        check_log(store, simulation.promises)
