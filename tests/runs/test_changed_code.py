"""Code that changes under runs: each keeps its version, is named where it cannot go on, and adopted where it can."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import weft
from tests.until import until
from weft import Entity, Run, Space, items, on, op

WAIT_S = 30.0


@dataclass(frozen=True)
class Confirm:
    yes: bool


def declared(version: str) -> Any:
    """The same type, with the code of one version or another."""
    if version == "first":

        class First(Entity):
            log = items(str)

            @on(Entity.created)
            async def announce(self, run: Run) -> str:
                self.log.add("asked")
                answer = await run.ask("confirm", Confirm)
                again = await run.ask("really", Confirm)
                return f"first {answer.yes} {again.yes}"

        return named_post(First)
    if version == "fits":

        class Fits(Entity):
            log = items(str)

            @on(Entity.created)
            async def announce(self, run: Run) -> str:
                answer = await run.ask("confirm", Confirm)
                again = await run.ask("surely", Confirm)
                return f"second {answer.yes} {again.yes}"

        return named_post(Fits)

    if version == "over":

        class Over(Entity):
            log = items(str)

            @on(Entity.created)
            async def announce(self, run: Run) -> str:
                return "over at once"

        return named_post(Over)
    if version == "short":

        class Short(Entity):
            log = items(str)

            @on(Entity.created)
            async def announce(self, run: Run) -> str:
                return f"short {(await run.ask('confirm', Confirm)).yes}"

        return named_post(Short)

    class Other(Entity):
        log = items(str)

        @on(Entity.created)
        async def announce(self, run: Run) -> str:
            return f"third {(await run.ask('other', Confirm)).yes}"

    return named_post(Other)


def named_post(kind: type[Entity]) -> type[Entity]:
    kind.__name__ = kind.__qualname__ = "Post"
    return kind


class Place:
    def __init__(self, path: str) -> None:
        self.path = path
        self.space: Space | None = None

    def opened(self, version: str) -> tuple[Space, Any]:
        """The space, opened by a program with that version, and its post."""
        self.close()
        kind = declared(version)
        self.space = weft.open(self.path, types=[kind]).__enter__()
        posts = self.space.find(kind)
        return self.space, posts[0] if posts else self.space.create(kind)

    def close(self) -> None:
        if self.space is not None:
            self.space.close()


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    place = Place(str(tmp_path / "space.weft"))
    yield place
    place.close()


def answer(space: Space, name: str) -> None:
    until(lambda: [one.name for one in space.questions()] == [name])
    space.answer(space.questions()[0], Confirm(True))


def test_a_run_waits_for_the_code_that_it_began_with(place: Place) -> None:
    place.opened("first")
    space, _ = place.opened("fits")
    answer(space, "confirm")
    until(lambda: space.questions()[0].is_answered)

    (run,) = space.runs()
    assert (run.type, run.flow, run.stands, run.awaits) == ("Post", "announce", "blocked", ("ask confirm",))
    assert "another version of its code" in run.why

    space, post = place.opened("first")
    assert [one.stands for one in space.runs()] == ["goes on"]
    answer(space, "really")

    assert post.announce.wait(WAIT_S) == "first True True"
    assert space.runs() == []


def test_a_run_that_is_adopted_goes_on_with_the_new_code(place: Place) -> None:
    place.opened("first")
    space, post = place.opened("fits")

    space.adopt(post.announce)
    answer(space, "confirm")
    answer(space, "surely")

    assert post.announce.wait(WAIT_S) == "second True True"
    assert list(post.log) == ["asked"], "what was done before stands"


def test_a_run_whose_new_code_awaits_nothing_more_is_over_when_it_is_adopted(place: Place) -> None:
    place.opened("first")
    space, post = place.opened("over")

    space.adopt(post.announce)

    assert post.announce.wait(WAIT_S) == "over at once"
    assert (space.runs(), space.questions()) == ([], [])


def test_a_run_that_was_answered_meanwhile_goes_on_when_it_is_adopted(place: Place) -> None:
    place.opened("first")
    space, post = place.opened("fits")
    answer(space, "confirm")
    until(lambda: space.questions()[0].is_answered)

    space.adopt(post.announce)
    answer(space, "surely")

    assert post.announce.wait(WAIT_S) == "second True True"


@pytest.mark.parametrize("restarts", [False, True])
def test_what_the_new_code_does_not_ask_for_is_asked_no_longer(place: Place, restarts: bool) -> None:
    place.opened("first")
    space, post = place.opened("other")

    space.adopt(post.announce)
    if restarts:
        space, post = place.opened("other")
    answer(space, "other")

    assert post.announce.wait(WAIT_S) == "third True"


def test_code_that_does_not_ask_for_what_was_answered_does_not_adopt(place: Place) -> None:
    space, _ = place.opened("first")
    answer(space, "confirm")
    until(lambda: [one.name for one in space.questions()] == ["really"])
    space, post = place.opened("other")

    space.adopt(post.announce)

    (run,) = space.runs()
    assert run.stands == "blocked"
    assert "ask confirm" in run.why
    assert "ask other" in run.why
    assert [one.name for one in space.questions()] == ["really"], "it is as it was"
    told = space.position
    space, post = place.opened("other")
    assert space.position == told, "what is known already is not said again"
    space, post = place.opened("first")
    answer(space, "really")
    assert post.announce.wait(WAIT_S) == "first True True"


def test_a_client_has_a_run_adopted_by_the_engine(place: Place) -> None:
    place.opened("first")
    _, engine_post = place.opened("fits")
    kind = declared("fits")
    with weft.open(place.path, types=[kind], engine=False) as client:
        (post,) = client.find(kind)
        client.adopt(post.announce)
        answer(client, "confirm")
        answer(client, "surely")

    assert engine_post.announce.wait(WAIT_S) == "second True True"


def test_a_run_that_cannot_go_on_is_begun_anew(place: Place) -> None:
    space, _ = place.opened("first")
    answer(space, "confirm")
    until(lambda: [one.name for one in space.questions()] == ["really"])
    space, post = place.opened("other")

    space.restart(post.announce)
    answer(space, "other")

    assert post.announce.wait(WAIT_S) == "third True"
    assert list(post.log) == ["asked"]


def test_a_run_that_is_begun_anew_asks_all_again(place: Place) -> None:
    space, post = place.opened("first")
    answer(space, "confirm")
    until(lambda: [one.name for one in space.questions()] == ["really"])

    space.restart(post.announce)
    answer(space, "confirm")
    answer(space, "really")

    assert post.announce.wait(WAIT_S) == "first True True"
    assert space.runs() == []


def test_a_run_whose_code_is_gone_can_be_cancelled(place: Place) -> None:
    place.opened("first")
    space, post = place.opened("other")

    space.cancel(post.announce)

    assert space.runs() == []
    with pytest.raises(weft.WeftError, match="was cancelled"):
        post.announce.wait(WAIT_S)


def priced(by: Callable[[int], int]) -> Any:
    """A type whose flow calls an operation, once it was answered; and whose code depends on another in no step."""

    class Order(Entity):
        @on(Entity.created)
        async def placed(self, run: Run) -> str:
            before = await run.call(by, 1)
            await run.ask("confirm", Confirm)
            return f"{before}, {await run.call(by, 2)}"

    Order.__qualname__ = "Order"
    return Order


def judged(by: Callable[[int], int]) -> Any:
    class Order(Entity):
        @on(Entity.created)
        async def placed(self, run: Run) -> str:
            before = await run.call(by, 1)
            await run.ask("confirm", Confirm)
            return f"{before}, {by(2)}"

    Order.__qualname__ = "Order"
    return Order


def test_what_a_flow_calls_may_change_at_any_time(tmp_path: Path) -> None:
    @op(name="orders/price")
    def single(boxes: int) -> int:
        return boxes

    @op(name="orders/price")
    def double(boxes: int) -> int:
        return 2 * boxes

    path = str(tmp_path / "space.weft")
    with weft.open(path, types=[priced(single)]) as space:
        space.create(priced(single))
        until(lambda: [one.name for one in space.questions()] == ["confirm"])

    with weft.open(path, types=[priced(double)]) as space:
        answer(space, "confirm")
        (order,) = space.find(priced(double))
        assert order.placed.wait(WAIT_S) == "1, 4", "what was called stands, and what is called is as it is now"


def test_what_a_flow_does_itself_with_an_operation_is_its_own_code(tmp_path: Path) -> None:
    def single(boxes: int) -> int:
        return boxes

    def double(boxes: int) -> int:
        return 2 * boxes

    path = str(tmp_path / "space.weft")
    with weft.open(path, types=[judged(single)]) as space:
        space.create(judged(single))
        until(lambda: [one.name for one in space.questions()] == ["confirm"])

    with weft.open(path, types=[judged(double)]) as space:
        assert [one.stands for one in space.runs()] == ["blocked"]


def test_a_run_that_is_adopted_by_code_that_is_over_sooner_is_over(place: Place) -> None:
    space, _ = place.opened("first")
    answer(space, "confirm")
    until(lambda: [one.name for one in space.questions()] == ["really"])
    space, post = place.opened("short")

    space.adopt(post.announce)

    assert post.announce.wait(WAIT_S) == "short True"
    assert space.questions() == []


def test_a_run_that_new_code_cannot_take_up_goes_on_with_it_before_a_step(place: Place) -> None:
    space, _ = place.opened("first")
    answer(space, "confirm")
    until(lambda: [one.name for one in space.questions()] == ["really"])
    space, post = place.opened("third")
    space.adopt(post.announce)
    until(lambda: "asks for ask other" in space.runs()[0].why)

    space.retry(post.announce, before=space.steps(post.announce)[0])

    answer(space, "other")
    assert post.announce.wait(WAIT_S) == "third True"
