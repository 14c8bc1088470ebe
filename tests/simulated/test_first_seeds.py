"""The table of first seeds: every mutant of the simulated world is in it, and is caught early."""

from __future__ import annotations

from pathlib import Path

import pytest

from scripts import first_seeds
from scripts.first_seeds import PAGE, SEEDS_MAX, STORIES, Caught, NotCaught, first_seed, page, rows_of, simulated
from scripts.mutants import Mutant
from scripts.simulate import WORLDS, main

ROWS = rows_of(PAGE.read_text(encoding="utf-8"))
NAMES = {mutant.name.removeprefix(first_seeds.PREFIX): mutant for mutant in simulated()}


def test_every_simulated_mutant_has_its_row_and_no_other() -> None:
    assert [row.mutant for row in ROWS] == list(NAMES), "run python -m scripts.first_seeds --write"


def test_every_simulated_mutant_is_caught_within_a_thousand_seeds_of_what_it_says() -> None:
    for row in ROWS:
        assert row.told == (NAMES[row.mutant].scenario or STORIES), row
        assert row.told in {*WORLDS, STORIES}, row
        assert 0 <= row.seed < SEEDS_MAX and row.rule, row


def test_a_page_is_read_as_it_was_written() -> None:
    rows = [Caught("a guard", "found", 3, "L7"), Caught("another", STORIES, 0, "due rows")]

    assert rows_of(page(rows, commit="abc")) == rows


def test_a_mutant_is_caught_by_a_seed_that_the_code_as_it_is_passes() -> None:
    mutant = NAMES["the first of a due row stays where something newer asked for it"]

    caught = first_seed(mutant, seeds=3)

    assert caught.rule == "due rows" and caught.told == STORIES


def test_a_mutant_that_no_seed_catches_is_named() -> None:
    harmless = Mutant("simulated: a word", "schedule.py", "low watermarks of stream", "low  marks of stream", (), "")

    with pytest.raises(NotCaught, match="a word: no seed below 1 of the stories"):
        first_seed(harmless, seeds=1)


def test_the_first_seed_that_breaks_a_rule_is_all_that_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--brief", "--seeds", "2", "--scenario", "late_ok"]) == 0
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--write", "word"], "leave out the name"),
        (["--seeds", "0"], "at least 1"),
    ],
)
def test_what_cannot_be_asked_for_is_said(arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        first_seeds.main(arguments)
    assert said in capsys.readouterr().err


def test_the_table_stands_in_the_reference() -> None:
    assert Path(PAGE).name.removesuffix(".md") in (PAGE.parent / "index.md").read_text(encoding="utf-8")
