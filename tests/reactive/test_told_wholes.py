"""Collections that are told as a whole, in a field or a fold: whoever reads their elements follows them too."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import weft
from tests.reactive.runs import Runs
from weft import Entity, Field, NodeFailed, Space, derive, entries, field, fold
from weft.collection import key_element
from weft.content import decode
from weft.graph import Whole
from weft.slot import Gone

NOTHING: Mapping[str, int] = {}
numbers = st.lists(st.integers(0, 4), max_size=4).map(tuple)
mappings = st.dictionaries(st.sampled_from("abc"), st.integers(0, 3), max_size=3)


@dataclass(frozen=True)
class Put:
    """An event: this is there now."""

    key: str
    value: int


def put(kept: Mapping[str, int], said: Put) -> Mapping[str, int]:
    return {**kept, said.key: said.value}


def tenfold(key: str, value: int) -> int:
    return value * 10


def more(value: int) -> int:
    return value + 1


def total(values: tuple[int, ...]) -> int:
    return sum(values)


class Sheet(Entity):
    named: Field[Mapping[str, int]] = field(default={})
    row: Field[tuple[int, ...]] = field(default=())
    kept = fold(NOTHING).on(Put, put)
    tens = named.each(tenfold)
    grown = row.each(more)
    count = grown.count()
    total = derive(total, grown)
    kept_tens = kept.each(tenfold)


def shows(space: Space, named: Mapping[str, int], row: tuple[int, ...], kept: Mapping[str, int]) -> None:
    (sheet,) = space.find(Sheet)
    assert sheet.tens.wait(10) == {key: value * 10 for key, value in named.items()}
    assert sheet.grown.wait(10) == tuple(value + 1 for value in row)
    assert sheet.count.wait(10) == len(row)
    assert sheet.total.wait(10) == sum(row) + len(row)
    assert sheet.kept_tens.wait(10) == {key: value * 10 for key, value in kept.items()}


@given(st.lists(st.tuples(mappings, numbers, st.sampled_from("ab"), st.integers(0, 2)), min_size=1, max_size=4))
def test_what_is_made_of_each_is_what_plain_python_makes_of_it(
    told: list[tuple[dict[str, int], tuple[int, ...], str, int]],
) -> None:
    kept: dict[str, int] = {}
    with weft.open(types=[Sheet]) as space:
        sheet = space.create(Sheet)
        space.watch(sheet.tens, sheet.count, sheet.kept_tens)
        for named, row, key, value in told:
            with space.edit():
                sheet.named, sheet.row = named, row
            sheet.tell(Put(key, value))
            kept[key] = value
            shows(space, named, row, kept)


def test_an_element_that_is_told_no_more_leaves_a_tombstone() -> None:
    world = Runs(Sheet)
    world.create(Sheet, watch="tens")
    world.set(named={"a": 1, "b": 2})
    world.settled()
    whole = world.engine.node("a", "tens")
    assert isinstance(whole, Whole)
    gone = whole.slots[key_element("b")]

    world.set(named={"a": 1})

    assert world.settled() == []
    assert list(whole.slots) == [key_element("a")]
    assert isinstance(gone.outcome(), Gone)


def test_it_is_followed_across_openings(tmp_path: Path) -> None:
    path = str(tmp_path / "sheet.weft")
    told: list[tuple[dict[str, int], tuple[int, ...]]] = [
        ({"a": 1}, (1, 2)),
        ({"a": 2, "b": 1}, (1, 2, 3)),
        ({"b": 1}, (3,)),
    ]
    with weft.open(path, types=[Sheet]) as space:
        space.create(Sheet)
    for named, row in told:
        with weft.open(path, types=[Sheet]) as space:
            (sheet,) = space.find(Sheet)
            sheet.named, sheet.row = named, row
        with weft.open(path, types=[Sheet]) as space:
            shows(space, named, row, {})


def classes() -> tuple[type[Entity], type[Entity]]:
    class Before(Entity):
        held: Field[tuple[tuple[int, ...], ...]] = field(default=())

    class After(Entity):
        held: Field[Mapping[str, int]] = field(default={})
        tens = held.each(tenfold)

    for kind in (Before, After):
        kind.__name__ = kind.__qualname__ = "Kept"
    return Before, After


@pytest.mark.parametrize("held", [((1,), (2, 3, 4)), ((),)])
def test_what_was_kept_under_another_annotation_keeps_no_space_from_opening(
    held: tuple[tuple[int, ...], ...], tmp_path: Path
) -> None:
    path = str(tmp_path / "kept.weft")
    before, after = classes()
    with weft.open(path, types=[before]) as space:
        space.create(before, held=held)

    with weft.open(path, types=[after]) as space:
        (kept,) = space.find(after)
        kept.held = {"a": 1}  # type: ignore[attr-defined]
        assert kept.tens.wait(10) == {"a": 10}  # type: ignore[attr-defined]


def test_a_list_that_fails_says_so_and_heals() -> None:
    def inverse(value: int) -> float:
        return 1 / value

    class Shares(Entity):
        row: Field[tuple[int, ...]] = field(default=())
        parts = row.each(inverse)

    with weft.open(types=[Shares]) as space:
        shares = space.create(Shares, row=(1, 0))
        with pytest.raises(NodeFailed, match="ZeroDivisionError"):
            shares.parts.wait(10)
        shares.row = (1, 4)
        assert shares.parts.wait(10) == (1.0, 0.25)


def test_a_collection_that_grew_beyond_what_one_value_may_be_keeps_no_space_from_opening(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = str(tmp_path / "large.weft")
    with weft.open(path, types=[Large]) as space:
        large = space.create(Large)
        for key in "abcd":
            large.parts[key] = key * 1000
        assert large.sizes.wait(10) == dict.fromkeys("abcd", 1000)

    defaults = decode.__kwdefaults__
    assert defaults is not None
    monkeypatch.setitem(defaults, "bytes_max", 3000)  # as if one value might have no more than that
    with weft.open(path, types=[Large]) as space:
        (large,) = space.find(Large)
        large.parts["e"] = "e"
        assert large.sizes.wait(10) == {**dict.fromkeys("abcd", 1000), "e": 1}


def size(key: str, text: str) -> int:
    return len(text)


class Large(Entity):
    parts = entries(str, str)
    sizes = parts.each(size)
