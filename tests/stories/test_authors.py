"""Whom a value is put down to."""

from __future__ import annotations

import weft
from weft import Entity, items


def size_of(note: str) -> int:
    return len(note)


class Notebook(Entity):
    notes = items(str)
    sizes = notes.each(size_of)


def test_saying_what_is_there_already_makes_nobody_its_author() -> None:
    with weft.open(types=(Notebook,)) as space:
        with space.edit(by="ann"):
            notebook = space.create(Notebook)
            notebook.notes.add("hello")
        notebook.sizes.wait(timeout_s=30)

        with space.edit(by="bob"):
            notebook.notes.add("hello")
        notebook.sizes.wait(timeout_s=30)

        said = space.why(notebook.sizes)
    assert "by ann" in said
    assert "by bob" not in said


def test_a_value_is_not_put_down_to_what_was_told_after_it() -> None:
    with weft.open(types=(Shelf,)) as space:
        shelf = space.create(Shelf, name="old")
        shelf.shout.wait(timeout_s=30)
        asked = space.why(shelf.shout)
        with space.edit(by="bob"):
            shelf.name = "new"
        late = space.why(shelf.shout)
    assert "after the cut" not in asked
    assert "older than its inputs" not in late or "after the cut" in late


def loud(name: str) -> str:
    return name.upper()


class Shelf(Entity):
    name: weft.Field[str] = weft.field()
    shout = weft.derive(loud, name)
