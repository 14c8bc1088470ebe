"""A run that was set aside, as engines ended under it again and again, and is put on its way again."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import pytest

import weft
from tests.dying import die
from tests.until import until
from weft import Effect, Entity, Run, Space, items, on
from weft.driving.driver import RECOVERIES_MAX
from weft.flow import WhenInDoubt
from weft.returned import RunFailed

called: list[int] = []


@dataclass(frozen=True)
class Ring(Effect[str]):
    when_in_doubt: ClassVar[WhenInDoubt] = "retry"
    number: int


class Bell:
    """Rings so long that no program lives to see the end of it, until it is mended."""

    effects: tuple[type[Effect[Any]], ...] = (Ring,)

    def __init__(self, *, is_mended: bool) -> None:
        self.is_mended, self.rings = is_mended, 0

    async def carry_out(self, effect: Ring, key: str, /) -> str:
        self.rings += 1
        if not self.is_mended:
            await asyncio.Event().wait()
        return f"rang {effect.number}"


def look(number: int) -> int:
    called.append(number)
    return number


class Note(Entity):
    pass


class Guest(Entity):
    said = items(str)

    @on(Entity.created)
    async def visit(self, run: Run) -> str:
        number = await run.call(look, 1)
        self.said.add("is here")
        await run.create(Note)
        return await run.perform(Ring(number))


def test_it_goes_on_where_it_stood_and_does_nothing_again_that_it_had_done(tmp_path: Path) -> None:
    path = str(tmp_path / "house.weft")
    called.clear()

    def opened(bell: Bell) -> Space:
        return weft.open(path, types=[Guest, Note], drivers=[bell])

    for count in range(RECOVERIES_MAX + 1):
        space = opened(bell := Bell(is_mended=False)).__enter__()
        if not count:
            space.create(Guest)
        until(lambda: bell.rings == 1)
        die(space)

    with opened(Bell(is_mended=True)) as space:
        (guest,) = space.find(Guest)
        with pytest.raises(RunFailed, match="RunPoisoned"):
            guest.visit.wait(30)
        space.retry(guest.visit)

        assert guest.visit.wait(30) == "rang 1"
        assert called == [1]
        assert tuple(guest.said) == ("is here",)
        assert len(space.find(Note)) == 1
