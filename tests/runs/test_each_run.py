"""What is said of one of several runs of a flow is told of that one, whichever is the newest."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

import weft
from tests.until import until
from weft import Entity, Field, Run, Space, field, on
from weft.reduce import Refused
from weft.run_list import ListedRun, Stands


@dataclass(frozen=True)
class Paid:
    yes: bool


class Shop(Entity):
    orders: Field[int] = field(default=0)

    @on(orders.changes())
    async def serve(self, run: Run) -> str:
        served = self.orders
        if not (await run.ask(f"order {served}", Paid)).yes:
            raise ValueError(f"order {served} is not paid")
        return f"order {served} is served"


@pytest.fixture
def space() -> Iterator[Space]:
    with weft.open(types=[Shop]) as space:
        yield space


@pytest.fixture
def shop(space: Space) -> Shop:
    """A shop with two orders: the run of the first one asks, that of the second waits for its turn."""
    shop = space.create(Shop)
    shop.orders = 1
    until(lambda: asked(space) == {"order 1"})
    shop.orders = 2
    until(lambda: len(space.runs()) == 2)
    return shop


def asked(space: Space) -> set[str]:
    return {question.name for question in space.questions()}


def run_that(space: Space, stands: Stands) -> ListedRun:
    until(lambda: any(one.stands == stands for one in space.runs()))
    return next(one for one in space.runs() if one.stands == stands)


def answer(space: Space, order: int, *, yes: bool) -> None:
    (question,) = (one for one in space.questions() if one.name == f"order {order}")
    space.answer(question, Paid(yes))


def failed(space: Space) -> ListedRun:
    """The run of the first order, when it has failed and that of the second asks."""
    answer(space, 1, yes=False)
    until(lambda: asked(space) == {"order 2"})
    return run_that(space, "failed")


def test_an_older_run_that_failed_goes_on_before_one_of_its_steps(space: Space, shop: Shop) -> None:
    older = failed(space)
    space.retry(older, before=space.steps(older)[0])
    until(lambda: asked(space) == {"order 1", "order 2"})
    answer(space, 1, yes=True)
    until(lambda: len(space.runs()) == 1)
    answer(space, 2, yes=True)

    assert shop.serve.wait(30) == "order 2 is served"


def test_an_older_run_that_failed_is_tried_again_as_it_is(space: Space, shop: Shop) -> None:
    older = failed(space)
    space.retry(older)

    until(lambda: run_that(space, "failed").run == older.run)  # it was told the same answer, and failed again
    assert asked(space) == {"order 2"}


def test_an_older_run_that_failed_begins_anew(space: Space, shop: Shop) -> None:
    older = failed(space)
    space.restart(older)
    until(lambda: run_that(space, "waits to begin").run == older.run)  # in its turn, as at first
    answer(space, 2, yes=True)

    until(lambda: run_that(space, "goes on").run == older.run)


def test_an_older_run_that_failed_is_left_at_that(space: Space, shop: Shop) -> None:
    space.cancel(failed(space))

    (left,) = space.runs()
    assert left.stands == "goes on"


def test_an_older_run_is_cancelled_and_the_newest_begins(space: Space, shop: Shop) -> None:
    space.cancel(run_that(space, "goes on"))

    until(lambda: asked(space) == {"order 2"})
    answer(space, 2, yes=True)
    assert shop.serve.wait(30) == "order 2 is served"


def test_of_a_run_that_is_over_nothing_is_told(space: Space, shop: Shop) -> None:
    older = run_that(space, "goes on")
    answer(space, 1, yes=True)
    until(lambda: asked(space) == {"order 2"})

    assert space.steps(older) == []
    for verb in (space.retry, space.cancel, space.restart, space.adopt):
        with pytest.raises(Refused, match=older.run):
            verb(older)
    assert asked(space) == {"order 2"}


def test_what_is_no_run_is_refused_by_name(space: Space) -> None:
    with pytest.raises(TypeError, match=r"space.cancel takes a flow of an entity, as in space.cancel\(entity.flow\)"):
        space.cancel("a run")  # type: ignore[arg-type]
