"""Runs that wait for people: the newest are kept in memory, so that many answers to one are not as many replays."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

import weft
from tests.until import until
from weft import Entity, Field, Run, Space, field, on
from weft.driving import held_runs
from weft.driving.held_runs import HeldRuns

WAIT_S = 10.0


@dataclass(frozen=True)
class Confirm:
    yes: bool


class Asker(Entity):
    questions: Field[int] = field(default=2)

    @on(Entity.created)
    async def go(self, run: Run) -> int:
        names = (f"question {number}" for number in range(self.questions))
        return sum(one.yes for one in await run.gather(*(run.ask(name, Confirm) for name in names)))


@pytest.fixture
def replayed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The runs that were made anew from what was told of them."""
    found: list[str] = []
    replay = HeldRuns._replay

    def counted(self: HeldRuns, held: held_runs.HeldRun, row: object) -> None:
        found.append(held.id[2])
        replay(self, held, row)  # type: ignore[arg-type]

    monkeypatch.setattr(HeldRuns, "_replay", counted)
    return found


@pytest.fixture
def space() -> Iterator[Space]:
    with weft.open(types=[Asker]) as space:
        yield space


def test_a_run_that_is_answered_many_times_is_not_made_anew_each_time(space: Space, replayed: list[str]) -> None:
    asker = space.create(Asker, questions=30)
    until(lambda: len(space.questions()) == 30)
    for question in space.questions():
        space.answer(question, Confirm(yes=True))

    assert asker.go.wait(WAIT_S) == 30
    assert replayed == []


def test_of_many_runs_that_wait_the_newest_are_kept(
    space: Space, replayed: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(held_runs, "PARKED_MAX", 3)
    askers = [space.create(Asker) for _ in range(10)]
    until(lambda: len(space.questions()) == 20)
    for _, questions in itertools.groupby(sorted(space.questions(), key=lambda one: one.run), lambda one: one.run):
        for question in questions:
            space.answer(question, Confirm(yes=True))

    assert [asker.go.wait(WAIT_S) for asker in askers] == [2] * 10
    assert 7 <= len(replayed) <= 10, "each that was let go of is made anew once for its answers"
