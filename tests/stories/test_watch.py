"""What a program watches it lets go of when it closes the watch: what nobody else asks for then is not computed."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

import weft
from tests.until import unread, until
from weft import Entity, Field, Settled, Space, WaitTimeout, derive, field, op
from weft.demanded import Demanded, Watch

may_go = threading.Event()


@op(runner="inline")
def doubled(x: int) -> int:
    return 2 * x


@op(runner="thread")
def slowly(x: int) -> int:
    assert may_go.wait(60)
    return x + 1


class Page(Entity):
    x: Field[int] = field(default=1)
    double = derive(doubled, x)
    fourfold = derive(doubled, double)
    slow = derive(slowly, x)


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "space.weft")


@pytest.fixture(params=["engine", "client"])
def space(path: str, request: pytest.FixtureRequest) -> Iterator[Space]:
    """A space with one page, held by the program that computes it, or by another."""
    with weft.open(path, types=[Page], engine=True) as engine:
        engine.create(Page)
        if request.param == "engine":
            yield engine
        else:
            with weft.open(path, types=[Page], engine=False) as client:
                client._host.__dict__["engine_of_test"] = engine
                yield client


def demanded(space: Space) -> set[str]:
    """What the engine computes for anybody, once it has read what was said to it."""
    engine: Space = space._host.__dict__.get("engine_of_test", space)
    until(lambda: not unread(engine))
    with engine.view() as one:
        return {node for _, node, _ in one.watched}


def page(space: Space) -> Page:
    return space.find(Page)[0]


def test_a_watch_is_let_go_of_at_the_end_of_its_block(space: Space) -> None:
    with space.watch(page(space).double, page(space).fourfold):
        assert demanded(space) == {"double", "fourfold"}
        assert page(space).fourfold.wait(30) == 4

    assert demanded(space) == set()
    page(space).x = 5
    space.wait_settled(timeout_s=30)
    assert page(space).double.state != Settled(10)
    assert page(space).fourfold.wait(30) == 20


def test_a_watch_that_is_closed_lets_go_once(space: Space) -> None:
    first, second = space.watch(page(space).double), space.watch(page(space).double)

    first.close()
    first.close()

    assert demanded(space) == {"double"}
    second.close()
    assert demanded(space) == set()


def test_what_is_not_closed_is_watched_until_the_space_is(space: Space) -> None:
    watch = space.watch(page(space).double)
    space.watch(page(space).fourfold)
    assert demanded(space) == {"double", "fourfold"}

    space.close()

    watch.close()


def test_what_was_waited_for_alone_stays_demanded(space: Space) -> None:
    assert page(space).double.wait(30) == 2
    assert demanded(space) == {"double"}

    with space.watch(page(space).fourfold):
        assert demanded(space) == {"double", "fourfold"}

    assert demanded(space) == {"double"}


def test_a_watch_closed_while_somebody_waits_leaves_them_waiting(space: Space) -> None:
    may_go.clear()
    watch = space.watch(page(space).slow)
    found: list[int] = []
    waiting = threading.Thread(target=lambda: found.append(page(space).slow.wait(60)))
    waiting.start()
    until(lambda: sum(space._host._demanded._holds.values()) == 2)

    watch.close()
    assert demanded(space) == {"slow"}
    may_go.set()
    waiting.join(60)

    assert found == [2]


def test_a_wait_that_is_given_up_within_a_watch_is_let_go_of_with_it(space: Space) -> None:
    may_go.clear()
    with space.watch(page(space).slow), pytest.raises(WaitTimeout):
        page(space).slow.wait(0.01)

    assert demanded(space) == set()
    may_go.set()


def test_a_watch_of_what_is_no_node_watches_nothing(space: Space) -> None:
    with pytest.raises(TypeError, match=r"space\.watch takes a computed node"):
        space.watch(page(space).double, 7)  # type: ignore[arg-type]

    assert demanded(space) == set()


def test_in_a_coroutine_a_watch_is_let_go_of_too(path: str) -> None:
    async def main() -> None:
        async with weft.open(path, types=[Page]) as space:
            async with space.edit():
                one = space.create(Page)
            with space.watch(one.double):
                await space.settled()
                assert one.double.state == Settled(2)
            async with space.edit():
                one.x = 7
            await space.settled()
            assert one.double.state != Settled(14)

    asyncio.run(main())


def test_a_place_is_demanded_from_the_first_hold_to_the_last() -> None:
    demanded, place = Demanded(), ("a", "b", "")

    assert demanded.hold(place)
    assert not demanded.hold(place)
    demanded.keep(place)
    assert demanded.let_go(place)
    assert demanded.hold(place)
    demanded.keep(place)
    assert not demanded.hold(place)
    assert demanded.let_go(place)


def test_what_is_returned_is_a_watch(space: Space) -> None:
    with space.watch(page(space).double) as watch:
        assert type(watch) is Watch
