"""Bad input of every kind: a clear error that names the thing and the next step; the log stays whole, others go on."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

import weft
from tests.stories.operations import checked, doubled, lies, size_of, unkeepable
from weft import Blob, Entity, Field, NodeFailed, derive, field, items
from weft.definition import WrongDefinition
from weft.store import NotASpace, SpaceDamaged, entries_of


def dies(a: int) -> int:
    os.kill(os.getpid(), signal.SIGKILL)
    return a


class Fragile(Entity):
    x: Field[int] = field(default=1)
    lie = derive(lies, x)
    lock = derive(unkeepable, x)
    fail = derive(checked, x)
    dead = derive(dies, x, runner="process")
    good = derive(doubled, x)
    photos = items(Blob)
    sizes = photos.each(size_of)


def is_whole(space: weft.Space) -> bool:
    """Whether the log reads from end to end, each record naming the one before."""
    return [entry.position for entry in entries_of(space._store)] == list(range(1, space.position + 1))


@pytest.mark.parametrize(
    ("node", "words"),
    [
        ("lie", r"lies.*str where int is wanted|int.*wanted"),
        ("lock", r"lock"),
        ("fail", r"ValueError: -7 is below zero"),
        ("dead", r"worker"),
    ],
)
def test_an_operation_that_goes_wrong_is_named_and_its_neighbours_go_on(node: str, words: str) -> None:
    with weft.open(types=[Fragile]) as space:
        fragile = space.create(Fragile, x=-7)
        with pytest.raises(
            NodeFailed, match=rf"(?s)Fragile\.{node} of {fragile.id} failed: .*({words}).*Mend the cause"
        ):
            getattr(fragile, node).wait(30)
        assert fragile.good.wait(10) == -14
        fragile.x = 4
        assert fragile.good.wait(10) == 8
        assert is_whole(space)


def test_one_unreadable_photo_among_many_leaves_the_others_read_and_is_named() -> None:
    with weft.open(types=[Album]) as space:
        album = space.create(Album)
        album.photos.add(*(Blob.from_bytes(b"good" * size) for size in (1, 2)), Blob.from_bytes(b"bad picture"))
        assert album.bytes.wait(10) == 12
        with pytest.raises(NodeFailed) as failed:
            album.all_bytes.wait(10)
        assert "Album.all_bytes of" in str(failed.value)
        assert f"Album {album.id[:8]}.sizes[" in str(failed.value) and "it is no picture" in str(failed.value)
        with pytest.raises(NodeFailed, match=r"sizes\[.*it is no picture"):
            album.sizes.wait(10)
        album.photos.remove(Blob.from_bytes(b"bad picture"))
        assert album.all_bytes.wait(10) == 12
        assert space.counts()["tests.stories.operations/size_of"]["executed"] == 3


def sum_of(sizes: tuple[int, ...]) -> int:
    return sum(sizes)


class Album(Entity):
    photos = items(Blob)
    sizes = photos.each(size_of)
    bytes = derive(sum_of, sizes.settled)
    all_bytes = derive(sum_of, sizes)


def text_of(a: str) -> str:
    return a


def test_a_class_whose_edges_do_not_fit_is_refused_naming_both_ends() -> None:
    with pytest.raises(
        WrongDefinition, match=r"(?s)Mistyped cannot be defined: high: .*low.* does not fit 'a' of .*text_of"
    ):

        class Mistyped(Entity):
            x: Field[int] = field(default=1)
            low = derive(doubled, x)
            high = derive(text_of, low)  # type: ignore[arg-type,misc]


def test_everything_wrong_with_a_class_is_said_at_once() -> None:
    with pytest.raises(WrongDefinition, match=r"(?s)one: .*two gives .*doubled more inputs than it takes"):

        class Wrong(Entity):
            x: Field[int] = field(default=1)
            one = derive(text_of, x)  # type: ignore[arg-type,misc]
            two = derive(doubled, x, x)  # type: ignore[arg-type]


def test_a_file_that_is_no_space_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "letter.txt"
    path.write_bytes(b"Dear all, " * 500)
    with pytest.raises(NotASpace, match=r"letter\.txt"):
        weft.open(str(path))
    assert path.read_bytes() == b"Dear all, " * 500


def test_a_damaged_file_is_named_each_time_and_held_by_no_try(tmp_path: Path) -> None:
    path = tmp_path / "space.weft"
    with weft.open(str(path), types=[Album]) as space:
        for _ in range(50):
            space.create(Album)
    content = bytearray(path.read_bytes())
    told = content.index(b"create")  # within what some record says
    content[told - 10 : told + 10] = bytes(20)
    path.write_bytes(content)

    with pytest.raises(SpaceDamaged, match=r"space\.weft"):
        read_everything(str(path))
    with pytest.raises(SpaceDamaged, match=r"space\.weft"):  # and it is not held by the first try
        read_everything(str(path))


def read_everything(path: str) -> None:
    with weft.open(path, types=[Album], engine=True) as space:
        list(space.subscribe().present())


def test_an_operation_that_raises_for_one_entity_leaves_others_alone() -> None:
    with weft.open(types=[Fragile]) as space:
        bad, good = space.create(Fragile, x=-1), space.create(Fragile, x=1)
        with pytest.raises(NodeFailed):
            bad.fail.wait(10)
        assert good.fail.wait(10) == 1
