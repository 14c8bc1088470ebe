"""Runs that are kept beside the tests are gone through with the code of today; those that it would not are named."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.runs.letters import DAY, KEPT, Confirm, Letter, Send, length, live, shout
from weft import Entity, Field, Run, derive, field, items, on
from weft.copies import export_space
from weft.examples.mail.app import Assistant
from weft.testing.histories import parted


def renamed(kind: type[Entity]) -> Any:
    kind.__name__ = kind.__qualname__ = "Letter"
    return kind


def asks_first() -> Any:
    class Other(Entity):
        text: Field[str] = field(default="hello")
        log = items(str)
        length = derive(length, text)

        @on(Entity.created)
        async def write(self, run: Run) -> str:
            await run.ask("sign", Confirm, about=self.text)
            return "signed"

    return renamed(Other)


def says_more() -> Any:
    class Other(Entity):
        text: Field[str] = field(default="hello")
        log = items(str)
        length = derive(length, text)

        @on(Entity.created)
        async def write(self, run: Run) -> str:
            loud = await run.call(shout, self.text)
            await run.first(run.sleep(DAY), run.ask("hurry", Confirm))
            self.text = loud
            if not (await run.ask("sign", Confirm, about=self.text)).yes:
                raise KeyError("nobody signs it")
            await run.gather(run.call(shout, "a"), run.call(shout, "b"))
            return f"{await run.perform(Send(self.text))}, {await self.length} characters"

    return renamed(Other)


@pytest.fixture(scope="module")
def space(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("letters") / "letters.weft"
    live(path)
    return path


def test_the_code_that_made_them_goes_through_all_of_them(space: Path) -> None:
    before = space.read_bytes()

    assert parted(space, types=[Letter]) == []

    assert space.read_bytes() == before


def test_an_export_is_as_good(space: Path, tmp_path: Path) -> None:
    export_space(str(space), str(tmp_path / "letters.ndjson"))

    assert parted(tmp_path / "letters.ndjson", types=[Letter]) == []
    assert len(parted(tmp_path / "letters.ndjson", types=[asks_first()])) == 4


def test_code_that_asks_for_something_else_is_named_with_what_and_where(space: Path) -> None:
    found = parted(space, types=[asks_first()])

    assert [(one.type, one.flow) for one in found] == [("Letter", "write")] * 4
    assert all("asked for call" in one.why and "its code asks for ask sign there" in one.why for one in found)


def test_code_that_comes_to_something_else_or_asks_for_more_is_named(space: Path) -> None:
    whys = sorted(one.why for one in parted(space, types=[says_more()]))

    assert len(whys) == 2
    assert whys[0].startswith("it asks for ask hurry ")
    assert whys[1] == "it returned 'sent ONE, 3', and now returned 'sent ONE, 3 characters'"


@pytest.mark.parametrize(("name", "kind"), [("letters", Letter), ("assistant", Assistant)])
def test_runs_of_earlier_days_go_on_with_the_code_of_today(name: str, kind: type[Entity]) -> None:
    """Where this fails, runs that are under way somewhere stand still: see "Living with code changes"."""
    assert parted(KEPT / f"{name}.ndjson", types=[kind]) == []
