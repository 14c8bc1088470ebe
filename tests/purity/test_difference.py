"""The first place at which two values differ."""

from __future__ import annotations

from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weft.content import Plain, encode
from weft.purity.difference import NOTHING, VALUE_CHARS_MAX, first_difference

LEAVES = st.one_of(st.none(), st.booleans(), st.integers(-3, 3), st.floats(-2, 2), st.sampled_from(["a", "b", ""]))
PLAINS = st.recursive(
    LEAVES | st.binary(max_size=2),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "b c", "d"]), inner, max_size=3),
    max_leaves=8,
)


@pytest.mark.parametrize(
    ("one", "other", "path", "shown"),
    [
        (1, 2, "", ("1", "2")),
        (1, 1.0, "", ("1", "1.0")),
        (1, True, "", ("1", "True")),
        (0.0, -0.0, "", ("0.0", "-0.0")),
        ([1, 2, 3], [1, 5, 4], "[1]", ("2", "5")),
        ([1, 2], [1, 2, 3], "[2]", (NOTHING, "3")),
        ([1, 2], [1], "[1]", ("2", NOTHING)),
        ({"b": 1, "a": 1}, {"b": 2, "a": 2}, ".a", ("1", "2")),
        ({"a": {"b": [{"c d": "x"}]}}, {"a": {"b": [{"c d": "y"}]}}, ".a.b[0]['c d']", ("'x'", "'y'")),
        ({"a": 1}, {"a": 1, "bb": 2}, ".bb", (NOTHING, "2")),
        ([1], {"0": 1}, "", ("[1]", "{0: 1}")),
        (None, [], "", ("None", "[]")),
    ],
)
def test_the_path_leads_to_the_first_place(one: Plain, other: Plain, path: str, shown: tuple[str, str]) -> None:
    difference = first_difference(one, other)

    assert difference is not None
    assert (difference.path, (difference.one, difference.other)) == (path, shown)


def test_the_same_elements_in_another_order_are_said_to_be_so() -> None:
    difference = first_difference({"words": ["a", "b", "c"]}, {"words": ["c", "b", "a"]})

    assert difference is not None
    assert "is it made from a set" in difference.hint
    assert first_difference([1, 2], [1, 3]) == ("[1]", "2", "3", "")


def test_what_reads_the_same_is_told_apart_by_content_ids() -> None:
    for one, other in (("a" * 200 + "x", "a" * 200 + "y"), (b"12", b"34")):
        difference = first_difference(one, other)

        assert difference is not None
        assert difference.one != difference.other
        assert len(difference.one) < VALUE_CHARS_MAX + 20


@given(PLAINS, PLAINS)
def test_there_is_a_difference_exactly_where_the_bytes_differ(one: Plain, other: Plain) -> None:
    difference = first_difference(one, other)

    assert (difference is not None) == (encode(one) != encode(other))
    if difference is not None:
        assert (difference.one, difference.other) != (NOTHING, NOTHING)
        assert difference.one != difference.other
        assert first_difference(other, one) == (difference.path, difference.other, difference.one, difference.hint)


@given(st.lists(PLAINS, min_size=1, max_size=4), st.integers(0, 3))
def test_a_change_deep_down_is_found_where_it_was_made(values: list[Plain], place: int) -> None:
    place %= len(values)
    changed = [*values[:place], {"changed": values[place]}, *values[place + 1 :]]

    difference = first_difference(cast("Plain", {"deep": values}), cast("Plain", {"deep": changed}))

    assert difference is not None
    assert difference.path.startswith(f".deep[{place}]")
