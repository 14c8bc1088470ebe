"""What is met on the first day with a space: references read back, mistyped events, waits that wait for nobody."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path

import pytest

import weft
from weft import Entity, Field, Ref, derive, field, fold, items, ref
from weft.client import NoEngine
from weft.desk import TypeNotGiven
from weft.space import WaitsInEdit


@dataclass(frozen=True)
class Read:
    pages: int


@dataclass(frozen=True)
class Raed:
    pages: int


def add(pages: int, event: Read) -> int:
    return pages + event.pages


class Feed(Entity):
    url: Field[str] = field()


class Digest(Entity):
    feed: Ref[Feed] = ref()
    pages = fold(0).on(Read, add)


def total_of(numbers: tuple[int, ...]) -> int:
    return sum(numbers)


class Heap(Entity):
    numbers = items(int)
    total = derive(total_of, numbers)


@pytest.mark.parametrize("engine", [None, False])
def test_what_a_reference_leads_to_is_read_back_by_a_program_that_did_not_make_it(
    tmp_path: Path, engine: bool | None
) -> None:
    path = str(tmp_path / "space.weft")
    with weft.open(path, types=[Feed, Digest]) as space:
        space.create(Digest, feed=space.create(Feed, url="here"))

    with weft.open(path, types=[Feed, Digest]) as first, weft.open(path, types=[Feed, Digest], engine=engine) as space:
        (digest,) = space.find(Digest)
        assert digest.feed.wait(30).url == "here"
    assert first is not space


def test_a_reference_is_not_what_it_points_to_and_says_so() -> None:
    with weft.open(types=[Feed, Digest]) as space:
        digest = space.create(Digest, feed=space.create(Feed, url="here"))

        with pytest.raises(AttributeError, match=r"has no 'url' of its own: .* as in \.wait\(\)\.url"):
            digest.feed.url  # type: ignore[attr-defined]  # noqa: B018


def test_of_a_type_that_was_not_given_it_is_said_what_to_give(tmp_path: Path) -> None:
    path = str(tmp_path / "space.weft")
    with weft.open(path, types=[Feed, Digest]) as space:
        space.create(Digest, feed=space.create(Feed, url="here"))

    with weft.open(path, types=[Digest]) as space:
        (digest,) = space.find(Digest)
        with pytest.raises(TypeNotGiven, match=r"is a Feed, .* types=\[Feed\]"):
            digest.feed.wait(30)


def test_an_event_that_no_fold_takes_is_refused_where_it_is_told() -> None:
    with weft.open(types=[Feed, Digest]) as space:
        feed = space.create(Feed, url="here")
        digest = space.create(Digest, feed=feed)
        before = space.position

        with pytest.raises(TypeError, match=r"no fold of Digest takes Raed: did you mean 'Read'\?"):
            digest.tell(Raed(3))
        with pytest.raises(TypeError, match=r"Feed has no fold, .* fold\(…\).on\(int, …\)"):
            feed.tell(3)
        digest.tell(Read(3))

        assert digest.pages == 3
        assert space.position == before + 1


def test_a_wait_within_an_edit_is_refused_where_it_could_not_be_told_of_what_was_staged() -> None:
    with weft.open(types=[Heap]) as space:
        heap = space.create(Heap)
        with space.edit():
            assert heap.total.wait(30) == 0, "nothing is staged yet"
            heap.numbers.add(1)
            with pytest.raises(WaitsInEdit, match="Leave the edit first"):
                heap.total.wait(30)
        assert heap.total.wait(30) == 1


def test_so_it_is_in_an_async_space() -> None:
    async def program() -> int:
        async with weft.open(types=[Heap]) as space:
            async with space.edit():
                heap = space.create(Heap)
                with pytest.raises(WaitsInEdit):
                    await heap.total
                heap.numbers.add(2)
            return await heap.total

    assert asyncio.run(program()) == 2


def test_a_client_waits_for_what_follows_from_its_own_edit_also_where_nobody_computes(tmp_path: Path) -> None:
    path = str(tmp_path / "space.weft")
    with weft.open(path, types=[Heap]) as space:
        heap = space.create(Heap)
        heap.numbers.add(1)
        assert heap.total.wait(30) == 1

    with weft.open(path, types=[Heap], engine=False) as client:
        (heap,) = client.find(Heap)
        assert heap.total.wait(30) == 1
        heap.numbers.add(2)
        with pytest.raises(NoEngine, match="kept, and told then"):
            heap.total.wait(30)

        with weft.open(path, types=[Heap]):
            assert heap.total.wait(30) == 3
        assert heap.total.wait(30) == 3, "it is settled, whoever has gone meanwhile"
