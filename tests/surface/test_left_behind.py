"""What was said while nobody computed: whoever computes next knows of it before it answers anything."""

from __future__ import annotations

from pathlib import Path

import pytest

import weft
from weft import Entity, Field, NodeFailed, counter, derive, entries, field, items
from weft.client import NoEngine
from weft.edit import OtherField
from weft.errors import Unencodable

is_open = [False]


def shout(word: str) -> str:
    return word.upper()


def buy(word: str) -> str:
    if not is_open[0]:
        raise ConnectionError("closed")
    return f"bought {word}"


class Note(Entity):
    word: Field[str] = field()
    seen = counter()
    marks = items(str)
    loud = derive(shout, word)
    bought = derive(buy, word)


@pytest.fixture
def path(tmp_path: Path) -> str:
    found = str(tmp_path / "note.weft")
    is_open[0] = False
    with weft.open(found, types=[Note]) as space:
        note = space.create(Note, word="hill")
        assert note.loud.wait(10) == "HILL"
        with pytest.raises(NodeFailed):
            note.bought.wait(10)
    return found


def test_an_edit_that_waited_is_what_the_next_program_reads_and_waits_for(path: str) -> None:
    with weft.open(path, types=[Note], engine=False) as reader:
        reader.find(Note)[0].word = "dale"

    with weft.open(path, types=[Note]) as space:
        (note,) = space.find(Note)
        assert note.loud.wait(10) == "DALE"
        assert note.word == "dale"


def test_a_retry_that_waited_is_tried_before_the_old_failure_is_told_again(path: str) -> None:
    with weft.open(path, types=[Note], engine=False) as reader:
        reader.retry(reader.find(Note)[0].bought)
    is_open[0] = True

    with weft.open(path, types=[Note]) as space:
        assert space.find(Note)[0].bought.wait(10) == "bought hill"


def test_who_asks_for_no_engine_is_not_told_that_there_is_none(path: str) -> None:
    with weft.open(path, types=[Note], engine=False) as reader:
        (note,) = reader.find(Note)
        note.seen.increment()
        note.seen.increment()
        note.marks.add("torn")
        reader.create(Note, word="more")
        with pytest.raises(NoEngine, match="No program computes"):
            reader.wait_settled(timeout_s=10)

    with weft.open(path, types=[Note]) as space:
        first, second = space.find(Note)
        assert (int(first.seen), tuple(first.marks), second.word) == (2, ("torn",), "more")


class Farm(Entity):
    name: Field[str] = field()
    width: Field[int] = field()
    sheep = items(tuple[str, int])
    names = entries(str, int)


def farm_of_other_code() -> type[Entity]:
    class Farm(Entity):
        width: Field[str] = field()

    return Farm


def test_a_program_that_gives_no_types_edits_by_what_its_class_declares(path: str) -> None:
    with weft.open(path, types=[Farm]) as space:
        space.create(Farm, name="Hill", width=1)

    with weft.open(path) as bare:
        (farm,) = bare.find(Farm)
        with pytest.raises(Unencodable, match=r"Farm\.width.*: str where int is wanted"):
            farm.width = "wide"  # type: ignore[assignment]
        farm.width = 2
        farm.sheep.add(("Dolly", 1))
        farm.names["x"] = 3

    with weft.open(path, types=[Farm]) as space:
        (farm,) = space.find(Farm)
        assert (farm.width, tuple(farm.sheep), farm.names["x"]) == (2, (("Dolly", 1),), 3)


def test_a_class_that_declares_another_field_than_the_one_in_force_edits_nothing(path: str) -> None:
    with weft.open(path, types=[Farm]) as space:
        space.create(Farm, name="Hill", width=1)

    with weft.open(path) as bare:
        farm = bare.find(farm_of_other_code())[0]
        with pytest.raises(OtherField, match=r"Farm\.width is declared as str here, and as int in force"):
            farm.width = "wide"  # type: ignore[attr-defined]
