"""What is told of entities that who asks may not know of: nothing of their names, values and runs."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import weft
from tests.until import LIMIT_S
from weft import Entity, Field, Ref, Run, Space, field, on, ref
from weft.why.explanation import Explanation, explain


class Worker(Entity):
    name: Field[str] = field(default="")
    pay: Field[int] = field(default=0)


class Boss(Entity):
    name: Field[str] = field(default="")
    worker: Ref[Worker] = ref()
    mood: Field[str] = field(default="")

    @on(mood.becomes("merger with ACME"))
    async def raises(self, run: Run) -> str:
        worker = await self.worker
        worker.pay = 7
        return "done"


@pytest.fixture
def space() -> Iterator[Space]:
    with weft.open(types=[Worker, Boss]) as space:
        yield space


def explained(space: Space, about: Entity, node: str, *, of_all: bool) -> Explanation:
    with space.view() as engine:
        return explain(engine, about.id, node, may=lambda entity: of_all or entity == about.id)


def test_a_value_that_refers_to_another_does_not_name_it(space: Space) -> None:
    worker = space.create(Worker, name="Mr. Secret")
    boss = space.create(Boss, worker=worker)

    assert "Mr. Secret" in explained(space, boss, "worker", of_all=True)
    told = explained(space, boss, "worker", of_all=False)
    assert "Secret" not in told
    assert worker.id in told


def test_a_run_of_another_and_what_fired_it_stay_unknown(space: Space) -> None:
    worker = space.create(Worker, name="Joe")
    boss = space.create(Boss, name="Ms. Secret", worker=worker)
    boss.mood = "merger with ACME"
    assert boss.raises.wait(LIMIT_S) == "done"

    whole, told = explained(space, worker, "pay", of_all=True), explained(space, worker, "pay", of_all=False)
    assert "raises" in whole
    assert "ACME" in whole
    assert "pay" in told
    assert not [word for word in ("raises", "ACME", "Secret", boss.id) if word in told.json() + told]
