"""Notes that hold a canary each, looks that read them through references, and where a canary may still be."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

import weft
from tests.laws.test_rebuild import tables
from weft import Blob, Entity, Field, Ref, Space, choose, counter, derive, element, entries, field, fold, items, ref
from weft.copies import back_up, export_space, import_space
from weft.definition import compile_type, type_name
from weft.rebuild import rebuild
from weft.stores.damage import examine
from weft.stores.sqlite import SqliteStore


@element(key="first")
class Group:
    first: str
    words: tuple[str, ...]


def to_grouped(last: tuple[Group, ...], tags: tuple[str, ...]) -> tuple[Group, ...]:
    firsts = dict.fromkeys(tag[:1] for tag in tags)
    return tuple(Group(first, tuple(tag for tag in tags if tag[:1] == first)) for first in firsts)


def to_loud(text: str) -> str:
    return text.upper()


def to_swapped(text: str) -> str:
    return text.swapcase()


def to_same(text: str) -> str:
    return text


def to_long(text: str) -> str:
    return text * 5_000


def to_size(photo: Blob) -> int:
    return photo.size_bytes


def to_count(text: str) -> int:
    return len(text)


def to_is_bad(text: str) -> bool:
    return "bad" in text


def to_good(text: str) -> str:
    if to_is_bad(text):
        raise ValueError(f"{text} is not good")
    return text


def to_words(group: Group) -> int:
    return len(group.words)


def to_group(group: Group) -> Group:
    return group


def to_joined(heard: str, said: str) -> str:
    return heard + said


class Note(Entity):
    text: Field[str] = field()
    title: Field[str] = field(default="")
    tags = items(str)
    photos = items(Blob)
    marks = entries(str, str)
    hits = counter()
    heard = fold("").on(str, to_joined)
    loud = derive(to_loud, text)
    long = derive(to_long, text)
    good = derive(to_good, text)
    sizes = photos.each(to_size)
    groups = derive(to_grouped, tags, initial=())
    is_bad = derive(to_is_bad, text)
    either = choose(is_bad, title, text)


class Look(Entity):
    note: Ref[Note] = ref()
    own: Field[str] = field(default="of its own")
    photos = items(Blob)
    same = derive(to_same, note.at(Note.text))
    count = derive(to_count, note.at(Note.text))
    swapped = derive(to_swapped, note.at(Note.text))
    long = derive(to_same, note.at(Note.long))
    good = derive(to_same, note.at(Note.good))
    each = note.at(Note.tags).each(to_count)
    many = each.count()
    is_bad = derive(to_is_bad, note.at(Note.text))
    either = choose(is_bad, own, note.at(Note.text))
    again = derive(to_same, same)


class Pin(Entity):
    group: Ref[Group] = ref()
    words = derive(to_words, group)
    same = derive(to_group, group)


TYPES = (Note, Look, Pin)
SPECS = {type_name(kind): compile_type(kind) for kind in TYPES}


def opened(path: Path) -> Space:
    """The space; SQLite leaves in the file what is deleted or written over, as it does where nobody tells it not to."""
    space = weft.open(str(path), types=TYPES)
    if isinstance(space._store, SqliteStore):
        space._store._db.execute("PRAGMA secure_delete = OFF").fetchall()
    return space


def canary(number: int) -> str:
    return f"Canary-{number:04}-ring"


def noted(space: Space, number: int, *, photo: bytes = b"") -> Note:
    """A note that holds its canary in each kind of field."""
    bird = canary(number)
    note = space.create(Note, text=f"{bird} sings", title=f"of {bird}")
    note.tags.add(f"a {bird}", f"b {bird}", "a plain one")
    note.photos.add(Blob.from_bytes(photo or f"{bird} in a picture".encode()))
    note.marks[bird] = f"{bird} marked"
    note.hits.increment(3)
    note.tell(f"{bird} heard")
    return note


def settle(*entities: Entity) -> None:
    """Have every node of these computed, and what fails fail."""
    for entity in entities:
        for name, node in SPECS[type_name(type(entity))].nodes.items():
            if not node.is_told:
                try:
                    getattr(entity, name).wait(timeout_s=20)
                except weft.NodeFailed:
                    continue


def neighbours(path: Path) -> Iterator[Path]:
    return (found for found in path.parent.iterdir() if found.is_file() and found.name.startswith(path.name))


def where_is(bird: str, path: Path, *, folded: bool = False) -> list[str]:
    """The files of a space that hold a text; `folded`: in capitals or not."""
    wanted = bird.encode()
    found = [(file.name, file.read_bytes()) for file in neighbours(path)]
    return [name for name, held in found if wanted in held or (folded and wanted.lower() in held.lower())]


def check_gone(bird: str, path: Path, folder: Path, *, folded: bool = False) -> None:
    """No file of the space, no line of an export and no page of a backup holds a text; and all is whole. Closed."""
    assert where_is(bird, path, folded=folded) == []
    export, backup, again = folder / "out.ndjson", folder / "kept.weft", folder / "again.weft"
    for old in (*neighbours(export), *neighbours(backup), *neighbours(again)):
        os.remove(old)
    made = export_space(path, export)
    back_up(path, backup, thorough=True)
    assert where_is(bird, export, folded=folded) == where_is(bird, backup, folded=folded) == []
    assert import_space(export, again, types=SPECS).head == made.head
    assert examine(str(path)) == examine(str(again)) == []
    check_rebuilt(path)


def check_rebuilt(path: Path) -> None:
    """A rebuild gives the tables that are there."""
    store = SqliteStore(path)
    before = tables(store)
    rebuild(store, epoch=store.acquire(), types=SPECS)
    after = tables(store)
    store.close()
    # An engine that had just restarted, or forgotten, knows less of who read what: it made less due.
    for name, rows in before.items():
        assert after[name].keys() >= rows.keys() if name == "due" else after[name] == rows, name


@pytest.fixture
def path(tmp_path: Path) -> Path:
    folder = tmp_path / "space"
    folder.mkdir()
    return folder / "notes.weft"
