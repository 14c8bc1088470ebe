"""A program that names its edits goes on working when its types gain, lose or change what they say by default."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

import weft
from weft import Entity, Field, Space, field
from weft.content import Plain
from weft.engine import EventReused
from weft.folding import intents_digest, is_told


class Shelf(Entity):
    name: Field[str] = field(default="the shelf")
    rows: Field[int] = field(default=3)


FIRST = Shelf


def with_a_place_more() -> type[Entity]:
    class Shelf(Entity):
        name: Field[str] = field(default="the shelf")
        rows: Field[int] = field(default=3)
        place: Field[str] = field(default="hall")

    return Shelf


def with_another_default() -> type[Entity]:
    class Shelf(Entity):
        name: Field[str] = field(default="the shelf")
        rows: Field[int] = field(default=4)

    return Shelf


def without_rows() -> type[Entity]:
    class Shelf(Entity):
        name: Field[str] = field(default="the shelf")

    return Shelf


def run(path: Path, kind: type[Entity], **given: str) -> dict[str, object]:
    """What a program does each time it is started; returns what the only shelf shows of its fields."""
    with weft.open(str(path), types=[kind]) as space:
        return told(space, kind, **given)


def told(space: Space, kind: type[Entity], **given: str) -> dict[str, object]:
    with space.edit(once="home"):
        space.create(kind, **given)
    (shelf,) = space.find(kind)
    return {name: getattr(shelf, name) for name in ("name", "rows", "place") if hasattr(kind, name)}


@pytest.mark.parametrize(
    ("changed", "shown"),
    [
        (with_a_place_more, {"name": "the shelf", "rows": 3, "place": "hall"}),
        (with_another_default, {"name": "the shelf", "rows": 3}),
        (without_rows, {"name": "the shelf"}),
    ],
)
def test_what_a_type_says_by_default_may_change_under_an_edit_that_is_said_again(
    changed: Callable[[], type[Entity]], shown: dict[str, object], tmp_path: Path
) -> None:
    path = tmp_path / "home.weft"
    assert run(path, FIRST) == {"name": "the shelf", "rows": 3}

    assert run(path, changed()) == shown
    assert run(path, FIRST) == {"name": "the shelf", "rows": 3}  # and back


def test_what_was_given_has_to_be_the_same_and_the_edit_is_called_by_its_name(tmp_path: Path) -> None:
    path = tmp_path / "home.weft"
    run(path, FIRST, name="upstairs")
    assert run(path, with_a_place_more(), name="upstairs")["name"] == "upstairs"

    with pytest.raises(EventReused, match="edit 'home' by 'local' was told before and said something else"):
        run(path, FIRST, name="downstairs")
    with pytest.raises(EventReused):
        run(path, FIRST)


def test_what_an_edit_sets_beside_creating_has_to_be_the_same() -> None:
    with weft.open(types=[FIRST]) as space:
        for rows in (5, 5):
            with space.edit(once="home"):
                space.create(FIRST).rows = rows

        with pytest.raises(EventReused), space.edit(once="home"):
            space.create(FIRST).rows = 6


def test_what_an_older_version_told_is_the_same_when_this_one_says_it_again() -> None:
    older: list[Plain] = [["s", "", "create", "Shelf"], ["s", "rows", "set", 3], ["s", "tags", "move", "one", "8"]]
    create: Plain = ["s", "", "create", "Shelf", ["rows"]]
    move: Plain = ["s", "tags", "move", "one", "9", [], "two"]

    assert is_told([create, ["s", "rows", "set", 3], move], intents_digest(older))
    assert not is_told([create, ["s", "rows", "set", 4], move], intents_digest(older))
    assert not is_told([create, ["s", "rows", "set", 3]], intents_digest(older))


def test_of_an_erased_event_nothing_can_be_asked() -> None:
    assert is_told([["s", "rows", "set", 3]], b"")
