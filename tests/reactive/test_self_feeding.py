"""A loop that feeds itself through edits ends after a declared bound, with a diagnosis."""

from __future__ import annotations

import pytest

from tests.reactive.operations import inc
from weft import Entity, Field, Space, derive, field
from weft import open as open_space
from weft.folding import DEPTH_MAX, TooDeep


class Echo(Entity):
    x: Field[int] = field(default=0)
    next = derive(inc, x, eager=True)


def feed(space: Space, echo: Echo, edits: list[int]) -> None:
    with space.subscribe() as activities:  # from the beginning, as its first value may be there already
        for activity in activities:
            if activity.type in ("node.settled", "node.reused"):
                edits.append(activity.position)
                with space.edit(cause=activity.position):
                    echo.x = echo.next.wait()


def test_an_edit_for_each_activity_stops_after_the_bound_and_says_why() -> None:
    with open_space(types=[Echo]) as space:
        echo = space.create(Echo)
        edits: list[int] = []

        with pytest.raises(TooDeep) as stopped:
            feed(space, echo, edits)

        assert DEPTH_MAX - 1 <= len(edits) <= DEPTH_MAX + 1
        assert stopped.value.depth == DEPTH_MAX + 1
        assert f"{DEPTH_MAX} are allowed. Something feeds itself; break the loop" in str(stopped.value)
        refused = [a for a in space.subscribe().present() if a.type == "event.refused"]
        assert len(refused) == 1 and "feeds itself" in refused[0].preview
        echo.x = 1000  # a person's edit starts a new chain
        assert echo.next.wait(10) == 1001


def test_edits_without_a_cause_are_a_chain_of_their_own() -> None:
    with open_space(types=[Echo]) as space:
        echo = space.create(Echo)
        for _ in range(DEPTH_MAX + 5):
            echo.x = echo.next.wait(10)
        assert echo.next.wait(10) == DEPTH_MAX + 6
